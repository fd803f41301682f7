# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# The arm64 hypervisor: build/monitor/arm64/carillon.elf (with symbols) and carillon.bin (an arm64
# Image, what QEMU or a boot loader starts).

MONITOR_OUT := $(BUILD)/monitor/arm64
MONITOR_CC  := $(ARM64)gcc
MONITOR_PICOLIBC := /usr/lib/picolibc/aarch64-linux-gnu

# Hot: what runs between a guest's exit and its entry (monitor/arm64/hot.h), and the library. There is
# one copy for each kind of GIC, with monitor/arm64/<that GIC> on the include path, the library being
# for that version alone, and v2_ or v3_ in front of all names. (make lint reads it as gicv3's.) Cold
# code has a library of its own, for both.
MONITOR_GICS := gicv2 gicv3
MONITOR_LIB_SRCS := $(sort $(wildcard lib/vgic/*.c lib/vits/*.c lib/sdei/*.c))
# Of the library: all but save and restore, which nothing in the rest calls.
MONITOR_HOT_SRCS := $(addprefix monitor/arm64/,traps.c port.c lists.c vcpu.c calls.c sdei.c string.c) \
	$(filter-out %/state.c,$(MONITOR_LIB_SRCS))
MONITOR_COLD_SRCS := $(filter-out $(MONITOR_HOT_SRCS),$(wildcard monitor/common/*.c monitor/arm64/*.c monitor/arm64/*/*.c)) \
	monitor/arm64/string.c $(MONITOR_LIB_SRCS)
# Of the cold code: the way from one vCPU to the next, optimized as one.
MONITOR_SWITCH_SRCS := $(addprefix monitor/arm64/,schedule.c sched_shared.c sched_partitioned.c \
	timers.c context.c)
MONITOR_VECTORS := monitor/arm64/vectors.S
MONITOR_ASM_SRCS := $(filter-out $(MONITOR_VECTORS),$(wildcard monitor/arm64/*.S))

MONITOR_CFLAGS := -std=gnu11 -ffreestanding -mgeneral-regs-only -mno-outline-atomics -mstrict-align \
	-fno-pie -fno-stack-protector -fno-common -fno-asynchronous-unwind-tables \
	-fno-omit-frame-pointer -momit-leaf-frame-pointer -fno-tree-loop-distribute-patterns \
	-fno-delete-null-pointer-checks -O2 -g -Wall -Wextra -Wshadow -Wundef -Wstrict-prototypes -Wmissing-prototypes \
	-Wvla -Werror -Iinclude -isystem $(MONITOR_PICOLIBC)/include -isystem $(LIBFDT_INCLUDE) \
	-DPICOLIBC_INTEGER_PRINTF_SCANF -iquote monitor/arm64 -Imonitor/arm64/gicv3

# Callees keep x8 to x15, nobody touches x16 to x18: an exit saves half of what the procedure call
# standard would have it save.
MONITOR_HOT_CFLAGS := $(MONITOR_CFLAGS) -fcall-saved-x8 -fcall-saved-x9 -fcall-saved-x10 \
	-fcall-saved-x11 -fcall-saved-x12 -fcall-saved-x13 -fcall-saved-x14 -fcall-saved-x15 \
	-ffixed-x16 -ffixed-x17 -ffixed-x18 -flto -flto-partition=one -fomit-frame-pointer -O3
# Optimized as one, for its length on the exit paths; a panic reads its stack without frame pointers.
# GCC wants x16 or x17 for a tail call through a pointer, which is what the port's hooks are; they are
# inlined into monitor/arm64/sdei.c, too.
MONITOR_LIB_CFLAGS := -fno-optimize-sibling-calls

# A GICv2 has no ITS.
monitor_hot_srcs = $(if $(filter gicv2,$1),$(filter-out lib/vits/%,$(MONITOR_HOT_SRCS)),$(MONITOR_HOT_SRCS))
monitor_hot_objs = $(patsubst %.c,$(MONITOR_OUT)/$1/%.o,$(monitor_hot_srcs))
MONITOR_HOT_OBJS  := $(foreach gic,$(MONITOR_GICS),$(call monitor_hot_objs,$(gic)))
MONITOR_COLD_OBJS := $(MONITOR_COLD_SRCS:%.c=$(MONITOR_OUT)/cold/%.o)
MONITOR_SWITCH_OBJS := $(MONITOR_SWITCH_SRCS:%.c=$(MONITOR_OUT)/cold/%.o)
MONITOR_SWITCH_CFLAGS := -flto -flto-partition=one -fomit-frame-pointer
MONITOR_ASM_OBJS  := $(MONITOR_ASM_SRCS:%.S=$(MONITOR_OUT)/%.o)
MONITOR_VECTOR_OBJS := $(MONITOR_GICS:%=$(MONITOR_OUT)/%/vectors.o)
MONITOR_OBJS      := $(MONITOR_ASM_OBJS) $(MONITOR_OUT)/switch.o \
	$(filter-out $(MONITOR_SWITCH_OBJS),$(MONITOR_COLD_OBJS)) $(MONITOR_GICS:%=$(MONITOR_OUT)/%.o)

$(MONITOR_COLD_OBJS): $(MONITOR_OUT)/cold/%.o: %.c monitor/monitor.mk | $(LIBFDT_STAMP)
	@mkdir -p $(@D)
	$(Q)$(MONITOR_CC) $(MONITOR_CFLAGS) $(if $(filter $(MONITOR_SWITCH_SRCS),$<),$(MONITOR_SWITCH_CFLAGS)) \
		-MMD -MP -c -o $@ $<

$(MONITOR_OUT)/switch.o: $(MONITOR_SWITCH_OBJS)
	$(Q)$(MONITOR_CC) $(MONITOR_CFLAGS) $(MONITOR_SWITCH_CFLAGS) -r -nostdlib \
		-flinker-output=nolto-rel -o $@ $^

$(MONITOR_ASM_OBJS): $(MONITOR_OUT)/%.o: %.S monitor/monitor.mk
	@mkdir -p $(@D)
	$(Q)$(MONITOR_CC) $(MONITOR_CFLAGS) -MMD -MP -c -o $@ $<

# $1: the GIC. All hot code in one object, checked (see monitor/arm64/check-hot.sh), then with the
# vectors; then what it is called by others gets its prefix.
define MONITOR_HOT_RULES
$(call monitor_hot_objs,$1): $(MONITOR_OUT)/$1/%.o: %.c monitor/monitor.mk
	@mkdir -p $$(@D)
	$$(Q)$(MONITOR_CC) -Imonitor/arm64/$1 $(MONITOR_HOT_CFLAGS) \
		$$(if $$(filter lib/%,$$<),-DVGIC_ONLY=$(1:gicv%=%) -DVGIC_LRS_ONLY) \
		$$(if $$(filter lib/% %/sdei.c,$$<),$(MONITOR_LIB_CFLAGS)) -MMD -MP -c -o $$@ $$<

$(MONITOR_OUT)/$1/vectors.o: $(MONITOR_VECTORS) monitor/monitor.mk
	@mkdir -p $$(@D)
	$$(Q)$(MONITOR_CC) -Imonitor/arm64/$1 $(MONITOR_CFLAGS) -MMD -MP -c -o $$@ $$<

$(MONITOR_OUT)/$1/hot.o: $(call monitor_hot_objs,$1) monitor/arm64/check-hot.sh
	$$(Q)$(MONITOR_CC) $(MONITOR_HOT_CFLAGS) -r -nostdlib -flinker-output=nolto-rel \
		-o $$@.unchecked $$(filter %.o,$$^)
	$$(Q)monitor/arm64/check-hot.sh $(ARM64) $$@.unchecked
	$$(Q)mv $$@.unchecked $$@

$(MONITOR_OUT)/$1.o: $(MONITOR_OUT)/$1/hot.o $(MONITOR_OUT)/$1/vectors.o
	$$(Q)$(ARM64)ld -r -o $$@.plain $$^
	$$(Q)$(ARM64)nm -g --defined-only $$@.plain | awk '{ print $$$$3, "$(1:gic%=%)_" $$$$3 }' >$$@.names
	$$(Q)$(ARM64)objcopy --redefine-syms=$$@.names $$@.plain $$@
endef
$(foreach gic,$(MONITOR_GICS),$(eval $(call MONITOR_HOT_RULES,$(gic))))

# Twice: the first link has an empty table of symbols, the second one the first one's. The table
# lies behind the text, so the text does not move.
MONITOR_LINK = $(ARM64)ld -pie --no-dynamic-linker -z norelro -z notext -z noexecstack \
	--no-warn-rwx-segments -Bsymbolic --build-id=none --defsym=vfprintf=__i_vfprintf \
	-T monitor/arm64/monitor.ld

$(MONITOR_OUT)/symbols-none.S: monitor/common/symbols.sh
	@mkdir -p $(@D)
	$(Q)monitor/common/symbols.sh $(ARM64)nm >$@
$(MONITOR_OUT)/symbols.S: $(MONITOR_OUT)/first.elf monitor/common/symbols.sh
	$(Q)monitor/common/symbols.sh $(ARM64)nm $< >$@
$(MONITOR_OUT)/symbols%o: $(MONITOR_OUT)/symbols%S
	$(Q)$(MONITOR_CC) -c -o $@ $<

MONITOR_LINK_DEPS := $(MONITOR_OBJS) monitor/arm64/monitor.ld $(LIBFDT_ARM64_LIB)
MONITOR_LIBS := $(LIBFDT_ARM64_LIB) $(MONITOR_PICOLIBC)/lib/libc.a

$(MONITOR_OUT)/first.elf: $(MONITOR_OUT)/symbols-none.o $(MONITOR_LINK_DEPS)
	$(Q)$(MONITOR_LINK) -o $@ $(MONITOR_OBJS) $< --start-group $(MONITOR_LIBS) --end-group
$(MONITOR_OUT)/carillon.elf: $(MONITOR_OUT)/symbols.o $(MONITOR_LINK_DEPS)
	$(Q)$(MONITOR_LINK) -o $@ $(MONITOR_OBJS) $< --start-group $(MONITOR_LIBS) --end-group

$(MONITOR_OUT)/carillon.bin: $(MONITOR_OUT)/carillon.elf
	$(Q)$(ARM64)objcopy -O binary $< $@

.PHONY: monitor
monitor: $(MONITOR_OUT)/carillon.bin
all: monitor
SYSTEM_DEPS += $(MONITOR_OUT)/carillon.bin

-include $(MONITOR_HOT_OBJS:%.o=%.d) $(MONITOR_COLD_OBJS:%.o=%.d) $(MONITOR_ASM_OBJS:%.o=%.d) \
	$(MONITOR_VECTOR_OBJS:%.o=%.d)
include monitor/riscv64/riscv64.mk
