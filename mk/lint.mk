# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# lint, format: clang-format on everything in C, clang-tidy (.clang-tidy says what it looks for) on
# what is compiled, directory by directory, with the include paths and defines that its .mk file
# compiles with. The rest of those flags is GCC's and left out.

C_DIRS := include lib monitor guest bench tests
C_FILES = $(shell find $(wildcard $(C_DIRS)) -name '*.[ch]')

lint_flags = $(filter-out -f% -m% -W% -O% -g% -MMD -MP -nostd% -static,$1)
LINT_TARGET_ARM64 := --target=aarch64-linux-gnu -ffreestanding -mgeneral-regs-only
LINT_PICOLIBC := -isystem /usr/lib/picolibc/aarch64-linux-gnu/include -isystem $(LIBFDT_INCLUDE)

LINT_TARGET_RISCV64 := --target=riscv64-unknown-elf -march=rv64imac -ffreestanding

# monitor/riscv64 and guest/riscv64 are apart from the rest of their directories, which is arm64's;
# guest/linux-sdei is compiled by the kernel's build alone.
LINT_DIRS := lib monitor guest $(subst /,-,$(wildcard monitor/riscv64 guest/riscv64))
LINT_lib     = -std=c11 -ffreestanding -Iinclude -Ilib $(call lint_flags,$(LIB_CFLAGS))
LINT_monitor = -std=gnu11 $(LINT_TARGET_ARM64) -Iinclude -Imonitor $(call lint_flags,$(MONITOR_CFLAGS)) $(LINT_PICOLIBC)
LINT_guest   = -std=gnu11 $(LINT_TARGET_ARM64) -Iguest/lib $(call lint_flags,$(GUEST_CFLAGS))
LINT_monitor-riscv64 = -std=gnu11 $(LINT_TARGET_RISCV64) -Iinclude -Imonitor \
	$(call lint_flags,$(MONITOR_RV_CFLAGS)) -isystem /usr/lib/picolibc/riscv64-unknown-elf/include \
	-isystem $(LIBFDT_RISCV64_INCLUDE)
LINT_guest-riscv64   = -std=gnu11 $(LINT_TARGET_RISCV64) -Iguest/riscv64/lib $(call lint_flags,$(GUEST_RV_CFLAGS))

lint: lint-format $(LINT_DIRS:%=lint-%)

lint-format:
	@echo 'lint: formatting'
	$(Q)clang-format --dry-run -Werror $(C_FILES)
	$(Q)! git grep -nE '^(<<<<<<<|>>>>>>>) '	# remains of a merge

lint-%: $(LIBFDT_STAMP)
	@echo 'lint: $*'
	$(Q)files=$$(find $(subst -,/,$*) $(if $(filter %-riscv64,$*),,-name riscv64 -prune -o -name linux-sdei -prune -o) -name '*.c' -print); \
		[ -z "$$files" ] || \
		clang-tidy --quiet $$files -- $(LINT_$*)

lint-monitor-riscv64: $(LIBFDT_RISCV64_STAMP)

format:
	$(Q)clang-format -i $(C_FILES)

.PHONY: lint lint-format format
