# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# The model of ITSs and LPIs, and its lockstep: `build/tests/model/its-lockstep`.

ITS_MODEL_SRCS := $(addprefix tests/model/its/,model.c its.c machine.c access.c whole.c generate.c lockstep.c)
ITS_MODEL_OBJS := $(ITS_MODEL_SRCS:%.c=$(BUILD)/%.o)

$(ITS_MODEL_OBJS): $(BUILD)/%.o: %.c tests/model/its.mk
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(MODEL_FLAGS) -MMD -MP -c $< -o $@
-include $(ITS_MODEL_OBJS:.o=.d)

$(BUILD)/tests/model/its-lockstep: $(ITS_MODEL_OBJS) $(BUILD)/tests/model/cpuif.o $(BUILD)/lib/host-san/libcarillon.a
	$(Q)$(HOSTCC) $(MODEL_FLAGS) $^ -o $@

CHECK_TESTS    += $(BUILD)/tests/model/its-lockstep
CHECK_DEPS     += $(BUILD)/tests/model/its-lockstep

$(BUILD)/tests/model/its-lockstep-long: $(BUILD)/tests/model/its-lockstep tests/model/its.mk
	$(Q)printf '#!/bin/sh\nMODEL_STEPS=$${MODEL_STEPS:-$(MODEL_STEPS)} exec $(BUILD)/tests/model/its-lockstep\n' >$@
	$(Q)chmod +x $@
TEST_ALL_TESTS += $(BUILD)/tests/model/its-lockstep-long
TEST_ALL_DEPS  += $(BUILD)/tests/model/its-lockstep-long
