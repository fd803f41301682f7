# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# The reference model and the lockstep: `build/tests/model/lockstep`.

MODEL_DIR   := $(BUILD)/tests/model
MODEL_SRCS  := $(addprefix tests/model/,cpuif.c model.c registers.c machine.c whole.c guest.c check.c twin.c generate.c lockstep.c harness/harness.c)
MODEL_OBJS  := $(MODEL_SRCS:%.c=$(BUILD)/%.o)
MODEL_FLAGS := -std=c11 -O1 -g -Iinclude -Itests/model -Wall -Wextra -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Werror -fsanitize=address,undefined -fno-sanitize-recover=all

$(MODEL_OBJS): $(BUILD)/%.o: %.c tests/model/model.mk
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(MODEL_FLAGS) -MMD -MP -c $< -o $@
-include $(MODEL_OBJS:.o=.d)

$(MODEL_DIR)/lockstep: $(MODEL_OBJS) $(BUILD)/lib/host-san/libcarillon.a
	$(Q)$(HOSTCC) $(MODEL_FLAGS) $^ -o $@

CHECK_TESTS    += $(MODEL_DIR)/lockstep
CHECK_DEPS     += $(MODEL_DIR)/lockstep

# The longer one: MODEL_STEPS operations (make test-all).
MODEL_STEPS    ?= 100000000
$(MODEL_DIR)/lockstep-long: $(MODEL_DIR)/lockstep tests/model/model.mk
	$(Q)printf '#!/bin/sh\nMODEL_STEPS=$${MODEL_STEPS:-$(MODEL_STEPS)} exec $(MODEL_DIR)/lockstep\n' >$@
	$(Q)chmod +x $@
TEST_ALL_TESTS += $(MODEL_DIR)/lockstep-long
TEST_ALL_DEPS  += $(MODEL_DIR)/lockstep-long

# Can the tests fail? MUTANTS changes of lib/vgic, drawn from MUTATE_SEED; 12 seconds of lockstep each.
MUTANTS     ?= 100
MUTATE_SEED ?= 1
mutate:
	$(Q)perl tests/model/mutate $(MUTANTS) $(MUTATE_SEED) 12

.PHONY: mutate
