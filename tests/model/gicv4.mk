# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# The model of GICv4's physical side and direct injection against it: `build/tests/model/gicv4`.

GICV4_OBJS := $(addprefix $(BUILD)/tests/model/,gicv4.o gicv4_check.o)

$(GICV4_OBJS): $(BUILD)/%.o: %.c tests/model/model.mk
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(MODEL_FLAGS) -MMD -MP -c $< -o $@
-include $(GICV4_OBJS:.o=.d)

$(BUILD)/tests/model/gicv4: $(GICV4_OBJS) $(BUILD)/lib/host-san/libcarillon.a
	$(Q)$(HOSTCC) $(MODEL_FLAGS) $^ -o $@

CHECK_TESTS    += $(BUILD)/tests/model/gicv4
CHECK_DEPS     += $(BUILD)/tests/model/gicv4

# The longer one: GICV4_STEPS steps (make test-all).
GICV4_STEPS    ?= 100000000
$(BUILD)/tests/model/gicv4-long: $(BUILD)/tests/model/gicv4 tests/model/gicv4.mk
	$(Q)printf '#!/bin/sh\nGICV4_STEPS=$${GICV4_STEPS:-$(GICV4_STEPS)} exec $(BUILD)/tests/model/gicv4\n' >$@
	$(Q)chmod +x $@
TEST_ALL_TESTS += $(BUILD)/tests/model/gicv4-long
TEST_ALL_DEPS  += $(BUILD)/tests/model/gicv4-long
