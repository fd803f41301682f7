# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# Fuzzing with libFuzzer. `make check` runs the kept inputs and a few seconds more; `make fuzz` longer
# (FUZZ_SECONDS, FUZZ_JOBS processes), and says what of lib/vgic was reached; `make fuzz-corpus` takes
# what it found that is new into tests/fuzz/corpus.

FUZZ_SECONDS ?= 300
FUZZ_JOBS    ?= 2
FUZZ_DIR     := $(BUILD)/tests/fuzz
FUZZ_CORPUS  := tests/fuzz/corpus
FUZZ_FOUND   := $(FUZZ_DIR)/found
FUZZ_SRCS    := $(addprefix tests/fuzz/,fuzz_vgic.c host.c guest.c check.c) tests/model/cpuif.c \
	$(LIB_SRCS)
FUZZ_OBJS    := $(FUZZ_SRCS:%.c=$(FUZZ_DIR)/obj/%.o)
FUZZ_COV     := $(FUZZ_SRCS:%.c=$(FUZZ_DIR)/cov/%.o)
FUZZ_CC      := $(CLANG) -std=c11 -g -Iinclude -Ilib -Itests/model -Wall -Wextra -Wno-parentheses -Werror
FUZZ_FLAGS   := -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
# What checks is not what is to be reached, and is most of the work.
$(FUZZ_DIR)/obj/tests/fuzz/check.o: FUZZ_FLAGS := -O2 -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_COVER   := -O0 -fsanitize=fuzzer -fprofile-instr-generate -fcoverage-mapping
FUZZ_OPTIONS := -max_len=1024 -len_control=20 -timeout=10 -print_final_stats=0
FUZZ_MERGE   := $(FUZZ_DIR)/fuzz_vgic -merge=1 -use_counters=0 -max_len=500 -verbosity=0

$(FUZZ_OBJS): $(FUZZ_DIR)/obj/%.o: %.c tests/fuzz/fuzz.mk
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(FUZZ_FLAGS) -MMD -MP -c $< -o $@
-include $(FUZZ_OBJS:.o=.d)

$(FUZZ_COV): $(FUZZ_DIR)/cov/%.o: %.c tests/fuzz/fuzz.mk
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(FUZZ_COVER) -MMD -MP -c $< -o $@
-include $(FUZZ_COV:.o=.d)

$(FUZZ_DIR)/fuzz_vgic: $(FUZZ_OBJS)
	$(Q)$(FUZZ_CC) $(FUZZ_FLAGS) $^ -o $@

$(FUZZ_DIR)/coverage: $(FUZZ_COV)
	$(Q)$(FUZZ_CC) $(FUZZ_COVER) $^ -o $@

# FUZZ_MORE: further options of libFuzzer, -ignore_crashes=1 for instance.
fuzz: $(FUZZ_DIR)/fuzz_vgic
	@mkdir -p $(FUZZ_FOUND) $(FUZZ_DIR)/crashes $(FUZZ_CORPUS)
	$(Q)$< $(FUZZ_OPTIONS) -fork=$(FUZZ_JOBS) -max_total_time=$(FUZZ_SECONDS) $(FUZZ_MORE) \
		-artifact_prefix=$(FUZZ_DIR)/crashes/ $(FUZZ_FOUND) $(FUZZ_CORPUS)
	$(Q)$(MAKE) --no-print-directory fuzz-coverage

# Of all inputs that are kept or were found, by file; the lines that none of them reaches are in
# $(FUZZ_DIR)/coverage.txt, where their count is 0.
fuzz-coverage: $(FUZZ_DIR)/coverage
	@mkdir -p $(FUZZ_FOUND)
	$(Q)LLVM_PROFILE_FILE=$(FUZZ_DIR)/coverage.raw $< -runs=0 $(FUZZ_FOUND) $(FUZZ_CORPUS) \
		2>$(FUZZ_DIR)/coverage.log
	$(Q)llvm-profdata merge -sparse $(FUZZ_DIR)/coverage.raw -o $(FUZZ_DIR)/coverage.data
	$(Q)llvm-cov show $< -instr-profile=$(FUZZ_DIR)/coverage.data lib/vgic >$(FUZZ_DIR)/coverage.txt
	$(Q)llvm-cov report $< -instr-profile=$(FUZZ_DIR)/coverage.data lib/vgic

# What was found, and what is kept, cut down to what reaches more lines: the new corpus. Long inputs
# come first, since each of them does what many short ones do.
fuzz-corpus: $(FUZZ_DIR)/fuzz_vgic
	@rm -rf $(FUZZ_DIR)/merged $(FUZZ_DIR)/long
	@mkdir -p $(FUZZ_DIR)/merged $(FUZZ_DIR)/long $(FUZZ_FOUND) $(FUZZ_CORPUS)
	$(Q)find $(FUZZ_FOUND) $(FUZZ_CORPUS) -type f -size +299c -exec cp {} $(FUZZ_DIR)/long/ \;
	$(Q)$(FUZZ_MERGE) $(FUZZ_DIR)/merged $(FUZZ_DIR)/long
	$(Q)$(FUZZ_MERGE) $(FUZZ_DIR)/merged $(FUZZ_CORPUS) $(FUZZ_FOUND)
	$(Q)rm -f $(FUZZ_CORPUS)/* && cp $(FUZZ_DIR)/merged/* $(FUZZ_CORPUS)/

ifneq ($(filter fuzz fuzz-coverage,$(MAKECMDGOALS)),)
include $(BUILD)/setup/fuzz.mk
endif

CHECK_TESTS += tests/fuzz/check
CHECK_DEPS  += $(FUZZ_DIR)/fuzz_vgic
.PHONY: fuzz fuzz-coverage fuzz-corpus
