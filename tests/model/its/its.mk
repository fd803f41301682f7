# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# The model of ITSs and LPIs, and its lockstep: `build/tests/model/its-lockstep`.

ITS_MODEL_SRCS := $(addprefix tests/model/its/,model.c its.c machine.c access.c whole.c generate.c lockstep.c)
ITS_MODEL_OBJS := $(ITS_MODEL_SRCS:%.c=$(BUILD)/%.o)

$(ITS_MODEL_OBJS): $(BUILD)/%.o: %.c tests/model/its/its.mk
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(MODEL_FLAGS) -MMD -MP -c $< -o $@
-include $(ITS_MODEL_OBJS:.o=.d)

$(MODEL_DIR)/its-lockstep: $(ITS_MODEL_OBJS) $(BUILD)/tests/model/cpuif.o $(BUILD)/lib/host-san/libcarillon.a
	$(Q)$(HOSTCC) $(MODEL_FLAGS) $^ -o $@

CHECK_TESTS    += $(MODEL_DIR)/its-lockstep
CHECK_DEPS     += $(MODEL_DIR)/its-lockstep

$(MODEL_DIR)/its-lockstep-long: $(MODEL_DIR)/its-lockstep tests/model/its/its.mk
	$(Q)printf '#!/bin/sh\nMODEL_STEPS=$${MODEL_STEPS:-$(MODEL_STEPS)} exec $(MODEL_DIR)/its-lockstep\n' >$@
	$(Q)chmod +x $@
TEST_ALL_TESTS += $(MODEL_DIR)/its-lockstep-long
TEST_ALL_DEPS  += $(MODEL_DIR)/its-lockstep-long
