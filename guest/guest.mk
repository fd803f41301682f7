# SPDX-License-Identifier: Apache-2.0 OR MIT
# Our own bare-metal guests: build/guest/<name>.bin (arm64 Image) and .elf, one per test, plus the
# bench guest and the demonstrations.

GUEST_IMAGES := sgi ppi spi priority overflow registers psci stress faults wake eoimode inflight leak
# With an ITS, that is on a GICv3 alone.
GUEST_ITS := its-commands its-lpi its-moves its-mixed its-pending its-tables its-slices its-errors edu msix
# Clients of SDEI, which there is under the hypervisor alone.
GUEST_SDEI := sdei-calls sdei-entry sdei-bound sdei-cpus sdei-stress
# With an ITS and a PCI device, under the hypervisor alone.
GUEST_PCI := lives
GUEST_DEMOS := rt-latency worker hostile
GUEST_BUILD := $(BUILD)/guest
GUEST_CC ?= $(ARM64)gcc
GUEST_OBJCOPY ?= $(ARM64)objcopy

GUEST_CFLAGS := -std=gnu11 -ffreestanding -nostdlib -static -mgeneral-regs-only -fno-pie \
	-mno-outline-atomics -mstrict-align -fno-stack-protector -fno-asynchronous-unwind-tables \
	-fno-common -O2 -g -Wall -Wextra -Werror -Wmissing-prototypes -Iguest/lib
GUEST_LDFLAGS := -nostdlib -static -no-pie -Wl,--build-id=none,-z,noexecstack,--no-warn-rwx-segments

GUEST_LIB := start.o boot.o tree.o cpu.o gic.o timer.o psci.o uart.o tap.o memory.o hold.o
GUEST_LIB_OBJS := $(GUEST_LIB:%=$(GUEST_BUILD)/lib/%)
GUEST_ALL := $(GUEST_IMAGES) $(GUEST_ITS) $(GUEST_PCI) $(GUEST_SDEI) $(GUEST_DEMOS) bench
GUEST_BINARIES := $(GUEST_ALL:%=$(GUEST_BUILD)/%.bin)

.PHONY: guests
guests: $(GUEST_BINARIES)

$(GUEST_BUILD)/%.o: guest/%.c guest/guest.mk
	@mkdir -p $(@D)
	$(GUEST_CC) $(GUEST_CFLAGS) -MMD -MP -c -o $@ $<

$(GUEST_BUILD)/%.o: guest/%.S guest/guest.mk
	@mkdir -p $(@D)
	$(GUEST_CC) $(GUEST_CFLAGS) -MMD -MP -c -o $@ $<

$(GUEST_IMAGES:%=$(GUEST_BUILD)/%.elf): $(GUEST_BUILD)/%.elf: $(GUEST_BUILD)/tests/%.o
$(patsubst %,$(GUEST_BUILD)/%.elf,$(GUEST_ITS) $(GUEST_PCI)): $(GUEST_BUILD)/%.elf: $(GUEST_BUILD)/tests/%.o $(GUEST_BUILD)/lib/its.o $(GUEST_BUILD)/lib/expect.o
$(GUEST_SDEI:%=$(GUEST_BUILD)/%.elf): $(GUEST_BUILD)/%.elf: $(GUEST_BUILD)/tests/%.o $(GUEST_BUILD)/lib/sdei.o $(GUEST_BUILD)/lib/sdei_entry.o
$(GUEST_DEMOS:%=$(GUEST_BUILD)/%.elf): $(GUEST_BUILD)/%.elf: $(GUEST_BUILD)/demos/%.o
$(GUEST_BUILD)/hostile.elf: $(GUEST_BUILD)/demos/hostile_its.o $(GUEST_BUILD)/demos/hostile_pci.o \
	$(GUEST_BUILD)/lib/its.o $(GUEST_BUILD)/lib/pci.o
$(addprefix $(GUEST_BUILD)/,edu.elf msix.elf lives.elf): $(GUEST_BUILD)/lib/pci.o
$(GUEST_BUILD)/sdei-entry.elf: $(GUEST_BUILD)/tests/sdei_probe.o
$(GUEST_BUILD)/leak.elf: $(GUEST_BUILD)/tests/leak_cpu.o
$(GUEST_BUILD)/bench.elf: $(GUEST_BUILD)/bench/bench.o $(GUEST_BUILD)/bench/shared.o \
	$(GUEST_BUILD)/bench/lpi.o $(GUEST_BUILD)/bench/sdei.o $(GUEST_BUILD)/lib/its.o \
	$(GUEST_BUILD)/lib/pci.o $(GUEST_BUILD)/lib/sdei.o $(GUEST_BUILD)/lib/sdei_entry.o

$(GUEST_BUILD)/%.elf: $(GUEST_LIB_OBJS) guest/lib/guest.ld
	$(GUEST_CC) $(GUEST_CFLAGS) $(GUEST_LDFLAGS) -T guest/lib/guest.ld -o $@ \
		$(filter %.o,$^)

$(GUEST_BUILD)/%.bin: $(GUEST_BUILD)/%.elf
	$(GUEST_OBJCOPY) -O binary $< $@

-include $(wildcard $(GUEST_BUILD)/*/*.d)

include guest/riscv64/guest.mk
