# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# The model of an SDEI dispatcher, and its lockstep: `build/tests/model/sdei-lockstep`.

SDEI_MODEL_SRCS := $(addprefix tests/model/sdei/,model.c host.c machine.c whole.c state.c check.c generate.c lockstep.c)
SDEI_HARNESS    := $(BUILD)/tests/model/sdei/harness.o
SDEI_MODEL_OBJS := $(SDEI_MODEL_SRCS:%.c=$(BUILD)/%.o) $(SDEI_HARNESS)
SDEI_LOCKSTEP   := $(BUILD)/tests/model/sdei-lockstep
SDEI_MODEL_FLAGS := -std=c11 -D_POSIX_C_SOURCE=200809L -O1 -g -Iinclude -Itests/model/sdei -Wall -Wextra \
	-Wshadow -Wstrict-prototypes -Wmissing-prototypes -Werror -fsanitize=address,undefined \
	-fno-sanitize-recover=all

$(filter-out $(SDEI_HARNESS),$(SDEI_MODEL_OBJS)): $(BUILD)/%.o: %.c tests/model/sdei.mk
$(SDEI_HARNESS): tests/model/harness/harness.c tests/model/sdei.mk
$(SDEI_MODEL_OBJS):
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(SDEI_MODEL_FLAGS) -MMD -MP -c $< -o $@
-include $(SDEI_MODEL_OBJS:.o=.d)

$(SDEI_LOCKSTEP): $(SDEI_MODEL_OBJS) $(LIB_HOST_SAN)
	$(Q)$(HOSTCC) $(SDEI_MODEL_FLAGS) $^ -o $@

CHECK_TESTS += $(SDEI_LOCKSTEP)
CHECK_DEPS  += $(SDEI_LOCKSTEP)

# The longer one: MODEL_STEPS operations (make test-all).
$(SDEI_LOCKSTEP)-long: $(SDEI_LOCKSTEP) tests/model/sdei.mk
	$(Q)printf '#!/bin/sh\nMODEL_STEPS=$${MODEL_STEPS:-$(MODEL_STEPS)} exec $(SDEI_LOCKSTEP)\n' >$@
	$(Q)chmod +x $@
TEST_ALL_TESTS += $(SDEI_LOCKSTEP)-long
TEST_ALL_DEPS  += $(SDEI_LOCKSTEP)-long
