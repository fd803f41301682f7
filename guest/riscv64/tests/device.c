/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Devices that are the firmware's own: the UART by every width that it takes, the PLIC, fw_cfg. */
#include "hart.h"
#include "tap.h"

#define FW_CFG        0x10100000ul
#define FW_CFG_SELECT 8
#define MCR_OUTPUTS   0x0e /* RTS, OUT1, OUT2 */

#define LOAD(insn)                                           \
	({                                                   \
		int64_t value_;                              \
		__asm__ volatile(insn " %0, (%1)"            \
				 : "=r"(value_)              \
				 : "r"(UART_BASE + UART_MCR) \
				 : "memory");                \
		value_;                                      \
	})
#define STORE(insn, value)                                                                    \
	__asm__ volatile(insn " %0, (%1)" ::"r"((uint64_t)(value)), "r"(UART_BASE + UART_MCR) \
			 : "memory")

static void scratch(void)
{
	unsigned kept = 0;

	for (unsigned value = 0; value < 256; value++) {
		write8(UART_BASE + UART_SCR, (uint8_t)value);
		kept += read8(UART_BASE + UART_SCR) == value;
	}
	is(kept, 256, "the scratch register keeps every byte");
}

static void widths(void)
{
	uint8_t saved = read8(UART_BASE + UART_MCR);

	STORE("sb", MCR_OUTPUTS);
	is((uint64_t)LOAD("lb"), MCR_OUTPUTS, "sb, lb");
	STORE("sb", 2);
	is((uint64_t)LOAD("lbu"), 2, "sb, lbu");
	STORE("sh", 4);
	is((uint64_t)LOAD("lh"), 4, "sh, lh");
	STORE("sh", 8);
	is((uint64_t)LOAD("lhu"), 8, "sh, lhu");
	STORE("sw", 6);
	is((uint64_t)LOAD("lw"), 6, "sw, lw");
	STORE("sw", 10);
	is((uint64_t)LOAD("lwu"), 10, "sw, lwu");
	write8(UART_BASE + UART_MCR, saved);
}

/* A register that sign-extends: with the divisor latch open, offset 1 is any byte. */
static void signs(void)
{
	uint8_t control = read8(UART_BASE + UART_LCR), divisor;
	int64_t as_signed, as_unsigned;

	write8(UART_BASE + UART_LCR, control | 0x80);
	divisor = read8(UART_BASE + 1);
	write8(UART_BASE + 1, 0x80);
	__asm__ volatile("lb %0, 1(%1)" : "=r"(as_signed) : "r"(UART_BASE) : "memory");
	__asm__ volatile("lbu %0, 1(%1)" : "=r"(as_unsigned) : "r"(UART_BASE) : "memory");
	write8(UART_BASE + 1, divisor);
	write8(UART_BASE + UART_LCR, control);
	is((uint64_t)as_signed, (uint64_t)-128, "lb extends the sign");
	is((uint64_t)as_unsigned, 128, "lbu does not");
}

static void plic(void)
{
	write32(plic_priority_at(UART_IRQ), 3);
	is(read32(plic_priority_at(UART_IRQ)), 3, "PLIC: a priority is kept");
	write32(plic_priority_at(UART_IRQ), 0);
	is(read32(plic_priority_at(UART_IRQ)), 0, "PLIC: and taken back");
	write32(plic_enable_at(0), 1u << UART_IRQ);
	is(read32(plic_enable_at(0)), 1u << UART_IRQ, "PLIC: an enable bit is kept");
	write32(plic_enable_at(0), 0);
	is(read32(plic_enable_at(0)), 0, "PLIC: and taken back");
	is(read32(plic_claim_at(0)), 0, "PLIC: nothing to claim");
	write32(plic_threshold_at(0), 7);
	is(read32(plic_threshold_at(0)), 7, "PLIC: the threshold is kept");
	write32(plic_threshold_at(0), 0);
}

static void fw_cfg(void)
{
	static const char wanted[] = "QEMU";
	unsigned same = 0;

	write16(FW_CFG + FW_CFG_SELECT, 0);
	for (unsigned i = 0; i < 4; i++)
		same += read8(FW_CFG) == (uint8_t)wanted[i];
	is(same, 4, "fw_cfg: the signature, byte by byte");
}

void guest_main(void)
{
	scratch();
	widths();
	signs();
	plic();
	fw_cfg();
}
