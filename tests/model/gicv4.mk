# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# The model of GICv4's physical side and direct injection against it: `build/tests/model/gicv4`; and from
# end to end, behind a virtual ITS: `build/tests/model/direct-check`.

GICV4_OBJS := $(addprefix $(BUILD)/tests/model/,gicv4.o gicv4_check.o)

DIRECT_SRCS := $(addprefix tests/model/direct/,check.c expected.c guest.c host.c whole.c)
DIRECT_OBJS := $(DIRECT_SRCS:%.c=$(BUILD)/%.o)

$(GICV4_OBJS) $(DIRECT_OBJS): $(BUILD)/%.o: %.c tests/model/model.mk tests/model/gicv4.mk
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(MODEL_FLAGS) -MMD -MP -c $< -o $@
-include $(GICV4_OBJS:.o=.d) $(DIRECT_OBJS:.o=.d)

$(BUILD)/tests/model/gicv4: $(GICV4_OBJS) $(BUILD)/lib/host-san/libcarillon.a
	$(Q)$(HOSTCC) $(MODEL_FLAGS) $^ -o $@

$(BUILD)/tests/model/direct-check: $(DIRECT_OBJS) $(addprefix $(BUILD)/tests/model/,gicv4.o cpuif.o) \
	$(BUILD)/lib/host-san/libcarillon.a
	$(Q)$(HOSTCC) $(MODEL_FLAGS) $^ -o $@

CHECK_TESTS    += $(BUILD)/tests/model/gicv4 $(BUILD)/tests/model/direct-check
CHECK_DEPS     += $(BUILD)/tests/model/gicv4 $(BUILD)/tests/model/direct-check

# The longer ones: GICV4_STEPS and DIRECT_STEPS steps (make test-all).
GICV4_STEPS    ?= 100000000
DIRECT_STEPS   ?= 100000000
$(BUILD)/tests/model/gicv4-long: $(BUILD)/tests/model/gicv4 tests/model/gicv4.mk
	$(Q)printf '#!/bin/sh\nGICV4_STEPS=$${GICV4_STEPS:-$(GICV4_STEPS)} exec $(BUILD)/tests/model/gicv4\n' >$@
	$(Q)chmod +x $@
TEST_ALL_TESTS += $(BUILD)/tests/model/gicv4-long
TEST_ALL_DEPS  += $(BUILD)/tests/model/gicv4-long

$(BUILD)/tests/model/direct-check-long: $(BUILD)/tests/model/direct-check tests/model/gicv4.mk
	$(Q)printf '#!/bin/sh\nDIRECT_STEPS=$${DIRECT_STEPS:-$(DIRECT_STEPS)} exec $(BUILD)/tests/model/direct-check\n' >$@
	$(Q)chmod +x $@
TEST_ALL_TESTS += $(BUILD)/tests/model/direct-check-long
TEST_ALL_DEPS  += $(BUILD)/tests/model/direct-check-long
