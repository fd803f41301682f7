# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# The threaded stress: with ThreadSanitizer, and once more with the address and undefined behaviour
# sanitizers. `build/tests/stress/stress-tsan SECONDS SEED`; the virtual CLINT, ITS, SDEI, PLIC: `vclint-tsan`,
# `vits-tsan`, `sdei-tsan`, `vplic-tsan`.

STRESS_DIR    := $(BUILD)/tests/stress
STRESS_MAINS  := stress vclint vits sdei vplic
STRESS_COMMON := tests/model/cpuif.c $(LIB_SRCS)
STRESS_SRCS   := $(STRESS_MAINS:%=tests/stress/%.c) $(STRESS_COMMON)
STRESS_FLAGS  := -std=c11 -O1 -g -Iinclude -Itests/model -Wall -Wextra -Werror -pthread
STRESS_TSAN   := -fsanitize=thread
STRESS_ASAN   := -fsanitize=address,undefined -fno-sanitize-recover=all

define STRESS_RULES # name, flags
$(STRESS_SRCS:%.c=$(STRESS_DIR)/$(1)/%.o): $(STRESS_DIR)/$(1)/%.o: %.c tests/stress/stress.mk
	@mkdir -p $$(@D)
	$$(Q)$$(CLANG) $$(STRESS_FLAGS) $(2) -MMD -MP -c $$< -o $$@
-include $(STRESS_SRCS:%.c=$(STRESS_DIR)/$(1)/%.d)
$(STRESS_MAINS:%=$(STRESS_DIR)/%-$(1)): $(STRESS_DIR)/%-$(1): $(STRESS_DIR)/$(1)/tests/stress/%.o \
		$(STRESS_COMMON:%.c=$(STRESS_DIR)/$(1)/%.o)
	$$(Q)$$(CLANG) $$(STRESS_FLAGS) $(2) $$^ -o $$@
CHECK_TESTS += $(STRESS_MAINS:%=$(STRESS_DIR)/%-$(1))
CHECK_DEPS  += $(STRESS_MAINS:%=$(STRESS_DIR)/%-$(1))
endef

$(eval $(call STRESS_RULES,tsan,$(STRESS_TSAN)))
$(eval $(call STRESS_RULES,asan,$(STRESS_ASAN)))
