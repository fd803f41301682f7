# SPDX-License-Identifier: Apache-2.0 OR MIT
# make bench: the cost of interrupt operations, counted. QEMU= overrides the 10.0 that the build unpacks.

BENCH_QEMU := $(or $(QEMU),$(QEMU_10))
BENCH_DEPS += $(BUILD)/guest/bench.bin $(HYPERVISOR) $(if $(QEMU),,$(QEMU_10))
BENCH_CMD := BUILD=$(BUILD) HYPERVISOR=$(HYPERVISOR) QEMU='$(BENCH_QEMU)' bench/run
