# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# The riscv64 monitor: build/monitor/riscv64/carillon.elf (with symbols) and carillon.bin, which the
# launcher puts in front of a firmware. Included by monitor/monitor.mk.

RV := $(BUILD)/monitor/riscv64
RV_CC := $(RISCV64_CROSS)gcc
RV_PICOLIBC := /usr/lib/picolibc/riscv64-unknown-elf

# The machine's libraries are for harts with D and pass nothing in its registers; we use none of them.
RV_ABI := -march=rv64imafdc_zicsr_zifencei -mabi=lp64d -mcmodel=medany
RV_NO_FP := $(foreach r,t0 t1 t2 t3 t4 t5 t6 t7 t8 t9 t10 t11 s0 s1 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 \
	a0 a1 a2 a3 a4 a5 a6 a7,-ffixed-f$(r))
MONITOR_RV_CFLAGS := $(RV_ABI) $(RV_NO_FP) -std=gnu11 -ffreestanding -fno-pie -mno-relax -msmall-data-limit=0 \
	-mstrict-align -fno-stack-protector -fno-common -fno-asynchronous-unwind-tables \
	-fno-tree-loop-distribute-patterns -fno-delete-null-pointer-checks -O2 -g -Wall -Wextra -Wshadow -Wundef \
	-Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror -Iinclude -Imonitor/riscv64 \
	-isystem $(RV_PICOLIBC)/include -isystem $(LIBFDT_RISCV64_INCLUDE) -DPICOLIBC_INTEGER_PRINTF_SCANF

# What runs between a trap and the return from it is optimized as one.
RV_HOT_SRCS := $(addprefix monitor/riscv64/,traps.c emulate.c world.c pmp.c clint.c fast.c fence.c misaligned.c) $(filter-out %/state.c,$(LIB_RISCV_SRCS))
RV_SRCS := $(filter-out $(RV_HOT_SRCS),$(wildcard monitor/riscv64/*.c)) \
	$(addprefix monitor/common/,console.c panic.c libc.c)
RV_ASM  := $(wildcard monitor/riscv64/*.S)
RV_HOT_OBJS := $(RV_HOT_SRCS:%.c=$(RV)/%.o)
RV_OBJS := $(RV_ASM:%.S=$(RV)/%.o) $(RV_SRCS:%.c=$(RV)/%.o) $(RV)/hot.o

$(RV_HOT_OBJS): MONITOR_RV_CFLAGS += -O3 -flto
$(RV)/hot.o: $(RV_HOT_OBJS)
	$(Q)$(RV_CC) $(MONITOR_RV_CFLAGS) -O3 -flto -flto-partition=one -r -nostdlib -flinker-output=nolto-rel -o $@ $^

$(RV)/%.o: %.c monitor/riscv64/riscv64.mk | $(LIBFDT_RISCV64_STAMP)
	@mkdir -p $(@D)
	$(Q)$(RV_CC) $(MONITOR_RV_CFLAGS) -MMD -MP -c -o $@ $<

$(RV)/%.o: %.S monitor/riscv64/riscv64.mk
	@mkdir -p $(@D)
	$(Q)$(RV_CC) $(MONITOR_RV_CFLAGS) -MMD -MP -c -o $@ $<

RV_LINK = $(RISCV64_CROSS)ld -pie --no-dynamic-linker --no-relax -z norelro -z notext -z noexecstack \
	--no-warn-rwx-segments -Bsymbolic --build-id=none --defsym=vfprintf=__i_vfprintf \
	-T monitor/riscv64/monitor.ld
RV_LIBS = $(LIBFDT_RISCV64_LIB) $(RV_PICOLIBC)/lib/rv64imafdc/lp64d/libc.a $(shell $(RV_CC) $(RV_ABI) -print-libgcc-file-name)

# Twice, for the table of symbols: as for arm64.
$(RV)/symbols-none.S: monitor/common/symbols.sh
	@mkdir -p $(@D)
	$(Q)monitor/common/symbols.sh $(RISCV64_CROSS)nm >$@
$(RV)/symbols.S: $(RV)/first.elf monitor/common/symbols.sh
	$(Q)monitor/common/symbols.sh $(RISCV64_CROSS)nm $< >$@
$(RV)/symbols%o: $(RV)/symbols%S
	$(Q)$(RV_CC) $(RV_ABI) -c -o $@ $<

RV_LINK_DEPS := $(RV_OBJS) monitor/riscv64/monitor.ld monitor/riscv64/check-fp.sh $(LIBFDT_RISCV64_LIB)

$(RV)/first.elf: $(RV)/symbols-none.o $(RV_LINK_DEPS)
	$(Q)monitor/riscv64/check-fp.sh $(RISCV64_CROSS)objdump $(RV_OBJS)
	$(Q)$(RV_LINK) -o $@ $(RV_OBJS) $< --start-group $(RV_LIBS) --end-group
$(RV)/carillon.elf: $(RV)/symbols.o $(RV_LINK_DEPS)
	$(Q)$(RV_LINK) -o $@ $(RV_OBJS) $< --start-group $(RV_LIBS) --end-group
$(RV)/carillon.bin: $(RV)/carillon.elf
	$(Q)$(RISCV64_CROSS)objcopy -O binary $< $@

.PHONY: monitor-riscv64
monitor-riscv64: $(RV)/carillon.bin
all: monitor-riscv64

-include $(RV_OBJS:%.o=%.d) $(RV_HOT_OBJS:%.o=%.d)
