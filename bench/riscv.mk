# SPDX-License-Identifier: Apache-2.0 OR MIT
# make bench-boot-riscv64: instructions of a boot, on the bare machine and under the monitor, if it is there.

$(BUILD)/bench/count.so: bench/count.c bench/riscv.mk
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -std=c11 -D_DEFAULT_SOURCE -O2 -g -Wall -Wextra -Wshadow -Wstrict-prototypes -Werror \
		-fPIC -shared -o $@ $<

bench-boot-riscv64: $(RISCV64_RUN_DEPS) $(BUILD)/bench/count.so \
		$(if $(wildcard monitor/riscv64),$(HYPERVISOR_RISCV64))
	$(Q)BUILD=$(BUILD) QEMU='$(QEMU)' bench/riscv-boot

.PHONY: bench-boot-riscv64
