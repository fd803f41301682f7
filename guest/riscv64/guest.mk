# SPDX-License-Identifier: Apache-2.0 OR MIT
# Our own bare-metal firmwares for riscv64's machine mode: build/guest/riscv64/<name>.elf, one per test,
# plus the bench guest. GUEST_RV_MULTI are those that do more with more harts than one. sbi.elf is not one of
# them: it runs in S-mode, on an SBI.

GUEST_RV_SINGLE := ecall csr breakpoint mret payload mprv masks vectored device external hypervisor \
	clint-interrupt clint-interrupt-priority clint-odd trap-values fences illegal pmp monitor-memory
GUEST_RV_MULTI := clint-interrupt-multihart wfi hostile chaos fast
GUEST_RV_IMAGES := $(GUEST_RV_SINGLE) $(GUEST_RV_MULTI)
GUEST_RV_BUILD := $(BUILD)/guest/riscv64
GUEST_RV_CC ?= riscv64-linux-gnu-gcc

GUEST_RV_CFLAGS := -std=gnu11 -march=rv64imac_zicsr_zifencei -mabi=lp64 -mcmodel=medany -ffreestanding \
	-nostdlib -static -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables -fno-common -O2 -g \
	-msmall-data-limit=0 -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Werror \
	-Iguest/riscv64/lib
GUEST_RV_LDFLAGS := -no-pie -Wl,--build-id=none,-z,noexecstack,--no-warn-rwx-segments

# Of guest/lib, what is the same on either architecture.
GUEST_RV_LIB_OBJS := $(addprefix $(GUEST_RV_BUILD)/lib/,entry.o trap.o hart.o payload.o small-sbi.o uart.o tree.o) \
	$(addprefix $(GUEST_RV_BUILD)/shared/,tap.o memory.o)
GUEST_RV_BINARIES := $(patsubst %,$(GUEST_RV_BUILD)/%.elf,$(GUEST_RV_IMAGES) bench bench-fast)

.PHONY: guests-riscv64
guests-riscv64: $(GUEST_RV_BINARIES)
all: guests-riscv64

$(GUEST_RV_BUILD)/%.o: guest/riscv64/%.c guest/riscv64/guest.mk
	@mkdir -p $(@D)
	$(GUEST_RV_CC) $(GUEST_RV_CFLAGS) -MMD -MP -c -o $@ $<

$(GUEST_RV_BUILD)/shared/%.o: guest/lib/%.c guest/riscv64/guest.mk
	@mkdir -p $(@D)
	$(GUEST_RV_CC) $(GUEST_RV_CFLAGS) -MMD -MP -c -o $@ $<

$(GUEST_RV_BUILD)/%.o: guest/riscv64/%.S guest/riscv64/guest.mk
	@mkdir -p $(@D)
	$(GUEST_RV_CC) $(GUEST_RV_CFLAGS) -MMD -MP -c -o $@ $<

# Where neither firmware nor monitor, nor device tree, comes to lie in 128 MiB, bare or not.
GUEST_SBI := $(GUEST_RV_BUILD)/sbi.elf
GUEST_SBI_OBJS := $(patsubst guest/riscv64/%,$(GUEST_RV_BUILD)/%.o, \
	$(basename $(wildcard guest/riscv64/sbi/*.c guest/riscv64/sbi/*.S))) \
	$(addprefix $(GUEST_RV_BUILD)/,lib/tree.o shared/tap.o shared/memory.o)

$(GUEST_SBI): $(GUEST_SBI_OBJS) guest/riscv64/lib/guest.ld
	$(GUEST_RV_CC) $(GUEST_RV_CFLAGS) $(GUEST_RV_LDFLAGS) -Wl,--defsym=GUEST_BASE=0x82000000 \
		-T guest/riscv64/lib/guest.ld -o $@ $(filter %.o,$^)

guests-riscv64: $(GUEST_SBI)

$(GUEST_RV_BUILD)/bench.elf: $(addprefix $(GUEST_RV_BUILD)/bench/,bench.o operations.o)
$(GUEST_RV_BUILD)/bench-fast.elf: $(addprefix $(GUEST_RV_BUILD)/bench/,fast.o fast-operations.o)
$(GUEST_RV_IMAGES:%=$(GUEST_RV_BUILD)/%.elf): $(GUEST_RV_BUILD)/%.elf: $(GUEST_RV_BUILD)/tests/%.o

$(GUEST_RV_BINARIES): $(GUEST_RV_BUILD)/%.elf: $(GUEST_RV_LIB_OBJS) guest/riscv64/lib/guest.ld
	$(GUEST_RV_CC) $(GUEST_RV_CFLAGS) $(GUEST_RV_LDFLAGS) -T guest/riscv64/lib/guest.ld -o $@ \
		$(filter %.o,$^)

-include $(wildcard $(GUEST_RV_BUILD)/*/*.d)
