# SPDX-License-Identifier: Apache-2.0 OR MIT
# make bench ARCH=riscv64: the same for firmware under the riscv64 monitor, and the instructions of a boot.

BENCH_DEPS_riscv64 = $(RISCV64_RUN_DEPS) $(BUILD)/bench/count.so $(BUILD)/bench/span.so \
	$(BUILD)/bench/phases.so $(HYPERVISOR_RISCV64) \
	$(BUILD)/guest/riscv64/bench.elf $(BUILD)/guest/riscv64/bench-fast.elf
BENCH_CMD_riscv64  = export BUILD=$(BUILD) HYPERVISOR=$(HYPERVISOR_RISCV64) QEMU='$(QEMU)'; \
	bench/riscv64 && echo && bench/riscv64-fast && echo && bench/riscv-boot

$(BUILD)/bench/%.so: bench/%.c bench/qemu_plugin.h bench/riscv.mk
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -std=c11 -D_DEFAULT_SOURCE -O2 -g -Wall -Wextra -Wshadow -Wstrict-prototypes -Werror \
		-fPIC -shared -o $@ $<
