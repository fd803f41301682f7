# SPDX-License-Identifier: Apache-2.0 OR MIT
# make bench: the cost of interrupt operations, counted. QEMU= overrides the 10.0 that the build unpacks.

BENCH_DEPS_arm64 := $(BUILD)/guest/bench.bin $(HYPERVISOR) $(if $(QEMU),,$(QEMU_10))
BENCH_CMD_arm64  := BUILD=$(BUILD) HYPERVISOR=$(HYPERVISOR) QEMU='$(or $(QEMU),$(QEMU_10))' bench/run
