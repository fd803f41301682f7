# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# Fuzzing with libFuzzer: FUZZ_TARGET is fuzz_vgic (guests, devices, hosts), fuzz_state (states to be
# restored), fuzz_vhart (RISC-V: harts and CLINTs), fuzz_vits (LPIs and ITSs) or fuzz_sdei. `make check` runs the kept inputs of all and a few
# seconds more; `make fuzz` longer (FUZZ_SECONDS, FUZZ_JOBS processes), and says what of the library was
# reached; `make fuzz-corpus` takes what it found that is new into the corpus of the target. `make
# fuzz-states` makes inputs for fuzz_state out of what those of fuzz_vgic come to.

FUZZ_SECONDS ?= 300
FUZZ_JOBS    ?= 2
FUZZ_DIR     := $(BUILD)/tests/fuzz
FUZZ_TARGET  ?= fuzz_vgic
FUZZ_CORPORA := fuzz_vgic:corpus fuzz_state:states fuzz_vhart:harts fuzz_vits:its fuzz_sdei:sdei
FUZZ_CORPUS  := tests/fuzz/$(patsubst $(FUZZ_TARGET):%,%,$(filter $(FUZZ_TARGET):%,$(FUZZ_CORPORA)))
FUZZ_LIBRARY := $(if $(filter fuzz_vhart,$(FUZZ_TARGET)),lib/vhart lib/vclint,\
	$(if $(filter fuzz_sdei,$(FUZZ_TARGET)),lib/sdei,\
	lib/vgic $(if $(filter fuzz_vits,$(FUZZ_TARGET)),lib/vits)))
FUZZ_FOUND   := $(FUZZ_DIR)/found-$(FUZZ_TARGET)
FUZZ_MAX     := $(if $(filter fuzz_state,$(FUZZ_TARGET)),3000,1024)
FUZZ_KEEP    := $(if $(filter fuzz_state,$(FUZZ_TARGET)),900,500)
FUZZ_MAINS   := fuzz_vgic fuzz_state fuzz_vhart fuzz_vits fuzz_sdei
FUZZ_SRCS    := $(addprefix tests/fuzz/,program.c host.c whole.c guest.c check.c its.c) tests/model/cpuif.c \
	$(LIB_SRCS)
FUZZ_OBJS    := $(FUZZ_SRCS:%.c=$(FUZZ_DIR)/obj/%.o)
FUZZ_COV     := $(FUZZ_SRCS:%.c=$(FUZZ_DIR)/cov/%.o)
FUZZ_MAIN_OBJS := $(FUZZ_MAINS:%=$(FUZZ_DIR)/obj/tests/fuzz/%.o)
FUZZ_MAIN_COV  := $(FUZZ_MAINS:%=$(FUZZ_DIR)/cov/tests/fuzz/%.o)
FUZZ_CC      := $(CLANG) -std=c11 -g -Iinclude -Ilib -Itests/model -Wall -Wextra -Wno-parentheses -Werror
FUZZ_FLAGS   := -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
# What checks is not what is to be reached, and is most of the work.
$(FUZZ_DIR)/obj/tests/fuzz/check.o: FUZZ_FLAGS := -O2 -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_COVER   := -O0 -fsanitize=fuzzer -fprofile-instr-generate -fcoverage-mapping
FUZZ_OPTIONS := -max_len=$(FUZZ_MAX) -len_control=20 -timeout=10 -print_final_stats=0
FUZZ_MERGE   := $(FUZZ_DIR)/$(FUZZ_TARGET) -use_counters=0 -max_len=$(FUZZ_KEEP) -verbosity=0 \
	$(if $(filter fuzz_state,$(FUZZ_TARGET)),-set_cover_merge=1,-merge=1)

$(FUZZ_OBJS) $(FUZZ_MAIN_OBJS): $(FUZZ_DIR)/obj/%.o: %.c tests/fuzz/fuzz.mk
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(FUZZ_FLAGS) -MMD -MP -c $< -o $@
-include $(FUZZ_OBJS:.o=.d) $(FUZZ_MAIN_OBJS:.o=.d)

$(FUZZ_COV) $(FUZZ_MAIN_COV): $(FUZZ_DIR)/cov/%.o: %.c tests/fuzz/fuzz.mk
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(FUZZ_COVER) -MMD -MP -c $< -o $@
-include $(FUZZ_COV:.o=.d) $(FUZZ_MAIN_COV:.o=.d)

$(FUZZ_MAINS:%=$(FUZZ_DIR)/%): $(FUZZ_DIR)/%: $(FUZZ_DIR)/obj/tests/fuzz/%.o $(FUZZ_OBJS)
	$(Q)$(FUZZ_CC) $(FUZZ_FLAGS) $^ -o $@

$(FUZZ_MAINS:%=$(FUZZ_DIR)/coverage-%): $(FUZZ_DIR)/coverage-%: $(FUZZ_DIR)/cov/tests/fuzz/%.o $(FUZZ_COV)
	$(Q)$(FUZZ_CC) $(FUZZ_COVER) $^ -o $@

# FUZZ_MORE: further options of libFuzzer, -ignore_crashes=1 for instance.
fuzz: $(FUZZ_DIR)/$(FUZZ_TARGET)
	@mkdir -p $(FUZZ_FOUND) $(FUZZ_DIR)/crashes $(FUZZ_CORPUS)
	$(Q)$< $(FUZZ_OPTIONS) -fork=$(FUZZ_JOBS) -max_total_time=$(FUZZ_SECONDS) $(FUZZ_MORE) \
		-artifact_prefix=$(FUZZ_DIR)/crashes/ $(FUZZ_FOUND) $(FUZZ_CORPUS)
	$(Q)$(MAKE) --no-print-directory fuzz-coverage

# Of all inputs that are kept or were found, by file; the lines that none of them reaches are in
# $(FUZZ_DIR)/coverage.txt, where their count is 0.
fuzz-coverage: $(FUZZ_DIR)/coverage-$(FUZZ_TARGET)
	@mkdir -p $(FUZZ_FOUND)
	$(Q)LLVM_PROFILE_FILE=$(FUZZ_DIR)/coverage.raw $< -runs=0 $(FUZZ_FOUND) $(FUZZ_CORPUS) \
		2>$(FUZZ_DIR)/coverage.log
	$(Q)llvm-profdata merge -sparse $(FUZZ_DIR)/coverage.raw -o $(FUZZ_DIR)/coverage.data
	$(Q)llvm-cov show $< -instr-profile=$(FUZZ_DIR)/coverage.data $(FUZZ_LIBRARY) >$(FUZZ_DIR)/coverage.txt
	$(Q)llvm-cov report $< -instr-profile=$(FUZZ_DIR)/coverage.data $(FUZZ_LIBRARY)

# What was found, and what is kept, cut down to what reaches more lines: the new corpus. Long inputs
# come first, since each of them does what many short ones do.
fuzz-corpus: $(FUZZ_DIR)/$(FUZZ_TARGET)
	@rm -rf $(FUZZ_DIR)/merged $(FUZZ_DIR)/long
	@mkdir -p $(FUZZ_DIR)/merged $(FUZZ_DIR)/long $(FUZZ_FOUND) $(FUZZ_CORPUS)
	$(Q)find $(FUZZ_FOUND) $(FUZZ_CORPUS) -type f -size +299c -exec cp {} $(FUZZ_DIR)/long/ \;
	$(Q)$(FUZZ_MERGE) $(FUZZ_DIR)/merged $(FUZZ_DIR)/long
	$(Q)$(FUZZ_MERGE) $(FUZZ_DIR)/merged $(FUZZ_CORPUS) $(FUZZ_FOUND)
	$(Q)rm -f $(FUZZ_CORPUS)/* && cp $(FUZZ_DIR)/merged/* $(FUZZ_CORPUS)/
	$(Q)$(if $(filter fuzz_state,$(FUZZ_TARGET)),$(MAKE) --no-print-directory fuzz-states)

# Real saves, those that reach more than what is there; they are longer than what is found.
fuzz-states: $(FUZZ_DIR)/fuzz_vgic $(FUZZ_DIR)/fuzz_state
	@rm -rf $(FUZZ_DIR)/saves
	@mkdir -p $(FUZZ_DIR)/saves tests/fuzz/states
	$(Q)FUZZ_STATES=$(FUZZ_DIR)/saves $< -runs=0 tests/fuzz/corpus 2>$(FUZZ_DIR)/states.log
	$(Q)$(FUZZ_DIR)/fuzz_state -use_counters=0 -max_len=2400 -verbosity=0 -set_cover_merge=1 \
		tests/fuzz/states $(FUZZ_DIR)/saves

ifneq ($(filter fuzz fuzz-coverage,$(MAKECMDGOALS)),)
include $(BUILD)/setup/fuzz.mk
endif

CHECK_TESTS += tests/fuzz/check
CHECK_DEPS  += $(FUZZ_MAINS:%=$(FUZZ_DIR)/%)
.PHONY: fuzz fuzz-coverage fuzz-corpus fuzz-states
