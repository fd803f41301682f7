# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# The model of LPIs and ITSs, and its lockstep: `build/tests/model/its-lockstep`.

ITS_MODEL_SRCS := $(addprefix tests/model/its/,model.c its.c machine.c access.c whole.c generate.c lockstep.c)
ITS_HARNESS    := $(BUILD)/tests/model/its/harness.o
ITS_CPUIF      := $(BUILD)/tests/model/its/cpuif.o
ITS_MODEL_OBJS := $(ITS_MODEL_SRCS:%.c=$(BUILD)/%.o) $(ITS_HARNESS) $(ITS_CPUIF)
ITS_LOCKSTEP   := $(BUILD)/tests/model/its-lockstep
ITS_MODEL_FLAGS := -std=c11 -O1 -g -Iinclude -Itests/model/its -Wall -Wextra -Wshadow \
	-Wstrict-prototypes -Wmissing-prototypes -Werror -fsanitize=address,undefined \
	-fno-sanitize-recover=all

$(filter-out $(ITS_HARNESS) $(ITS_CPUIF),$(ITS_MODEL_OBJS)): $(BUILD)/%.o: %.c tests/model/its.mk
$(ITS_HARNESS): tests/model/harness/harness.c tests/model/its.mk
$(ITS_CPUIF): tests/model/cpuif.c tests/model/its.mk
$(ITS_MODEL_OBJS):
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(ITS_MODEL_FLAGS) -MMD -MP -c $< -o $@
-include $(ITS_MODEL_OBJS:.o=.d)

$(ITS_LOCKSTEP): $(ITS_MODEL_OBJS) $(LIB_HOST_SAN)
	$(Q)$(HOSTCC) $(ITS_MODEL_FLAGS) $^ -o $@

CHECK_TESTS += $(ITS_LOCKSTEP)
CHECK_DEPS  += $(ITS_LOCKSTEP)

# The longer one: MODEL_STEPS operations (make test-all).
$(ITS_LOCKSTEP)-long: $(ITS_LOCKSTEP) tests/model/its.mk
	$(Q)printf '#!/bin/sh\nMODEL_STEPS=$${MODEL_STEPS:-$(MODEL_STEPS)} exec $(ITS_LOCKSTEP)\n' >$@
	$(Q)chmod +x $@
TEST_ALL_TESTS += $(ITS_LOCKSTEP)-long
TEST_ALL_DEPS  += $(ITS_LOCKSTEP)-long
