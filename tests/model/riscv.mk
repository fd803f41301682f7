# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# The RISC-V half of the reference model: `build/tests/model/riscv-lockstep`.

RV_MODEL_SRCS := $(addprefix tests/model/riscv/,hart.c clint.c machine.c check.c generate.c lockstep.c)
RV_HARNESS    := $(BUILD)/tests/model/riscv/harness.o
RV_MODEL_OBJS := $(RV_MODEL_SRCS:%.c=$(BUILD)/%.o) $(RV_HARNESS)
RV_LOCKSTEP   := $(BUILD)/tests/model/riscv-lockstep
RV_MODEL_FLAGS := -std=c11 -O1 -g -Iinclude -Itests/model/riscv -Wall -Wextra -Wshadow \
	-Wstrict-prototypes -Wmissing-prototypes -Werror -fsanitize=address,undefined \
	-fno-sanitize-recover=all

$(filter-out $(RV_HARNESS),$(RV_MODEL_OBJS)): $(BUILD)/%.o: %.c tests/model/riscv.mk
$(RV_HARNESS): tests/model/harness/harness.c tests/model/riscv.mk
$(RV_MODEL_OBJS):
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(RV_MODEL_FLAGS) -MMD -MP -c $< -o $@
-include $(RV_MODEL_OBJS:.o=.d)

$(RV_LOCKSTEP): $(RV_MODEL_OBJS) $(LIB_HOST_SAN)
	$(Q)$(HOSTCC) $(RV_MODEL_FLAGS) $^ -o $@

CHECK_TESTS += $(RV_LOCKSTEP)
CHECK_DEPS  += $(RV_LOCKSTEP)

# The longer one: MODEL_STEPS operations (make test-all).
$(RV_LOCKSTEP)-long: $(RV_LOCKSTEP) tests/model/riscv.mk
	$(Q)printf '#!/bin/sh\nMODEL_STEPS=$${MODEL_STEPS:-$(MODEL_STEPS)} exec $(RV_LOCKSTEP)\n' >$@
	$(Q)chmod +x $@
TEST_ALL_TESTS += $(RV_LOCKSTEP)-long
TEST_ALL_DEPS  += $(RV_LOCKSTEP)-long
