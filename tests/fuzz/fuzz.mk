# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# Fuzzing with libFuzzer. `make check` runs the kept inputs and a few seconds more; `make fuzz`
# (FUZZ_SECONDS=) longer, and keeps what it finds new in tests/fuzz/corpus after minimizing.

FUZZ_SECONDS ?= 300
FUZZ_DIR     := $(BUILD)/tests/fuzz
FUZZ_CORPUS  := tests/fuzz/corpus
FUZZ_SRCS    := tests/fuzz/fuzz_vgic.c tests/model/cpuif.c $(LIB_SRCS)
FUZZ_OBJS    := $(FUZZ_SRCS:%.c=$(FUZZ_DIR)/obj/%.o)
FUZZ_FLAGS   := -std=c11 -O1 -g -Iinclude -Itests/model -Wall -Wextra -Werror \
	-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
FUZZ_OPTIONS := -dict=tests/fuzz/vgic.dict -max_len=1024 -timeout=10 -print_final_stats=0

$(FUZZ_OBJS): $(FUZZ_DIR)/obj/%.o: %.c tests/fuzz/fuzz.mk
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZ_FLAGS) -MMD -MP -c $< -o $@
-include $(FUZZ_OBJS:.o=.d)

$(FUZZ_DIR)/fuzz_vgic: $(FUZZ_OBJS)
	$(Q)$(CLANG) $(FUZZ_FLAGS) $^ -o $@

fuzz: $(FUZZ_DIR)/fuzz_vgic
	@mkdir -p $(FUZZ_DIR)/found $(FUZZ_DIR)/crashes
	$(Q)$< $(FUZZ_OPTIONS) -max_total_time=$(FUZZ_SECONDS) -artifact_prefix=$(FUZZ_DIR)/crashes/ \
		$(FUZZ_DIR)/found $(FUZZ_CORPUS)

# What `make fuzz` found, and what is kept, cut down to what adds coverage: the new corpus.
fuzz-keep: $(FUZZ_DIR)/fuzz_vgic
	@rm -rf $(FUZZ_DIR)/merged && mkdir -p $(FUZZ_DIR)/merged $(FUZZ_DIR)/found
	$(Q)$< -merge=1 -use_counters=0 -max_len=400 $(FUZZ_DIR)/merged $(FUZZ_CORPUS) $(FUZZ_DIR)/found
	$(Q)rm -f $(FUZZ_CORPUS)/* && cp $(FUZZ_DIR)/merged/* $(FUZZ_CORPUS)/

CHECK_TESTS += tests/fuzz/check
CHECK_DEPS  += $(FUZZ_DIR)/fuzz_vgic
.PHONY: fuzz fuzz-keep
