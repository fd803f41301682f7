/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Devices of QEMU's "virt" machine: device accesses of one load or store each, the CLINT
 * (privileged specification 3.2.1 for mtime and mtimecmp; the SiFive layout, which ACLINT keeps),
 * the PLIC (RISC-V PLIC specification), the ns16550 UART and the device that ends a run.
 */
#ifndef GUEST_DEVICE_H
#define GUEST_DEVICE_H

#include <stdint.h>

#define TEST_DEVICE    0x00100000ul
#define TEST_PASS      0x5555u
#define TEST_FAIL      0x3333u
#define CLINT_BASE     0x02000000ul
#define CLINT_SIZE     0x10000ul
#define CLINT_MTIMECMP 0x4000ul
#define CLINT_MTIME    0xbff8ul
#define PLIC_BASE      0x0c000000ul
#define UART_BASE      0x10000000ul
#define UART_IRQ       10
#define UNMAPPED       0x18000000ul /* no device and no memory */

#define UART_THR      0
#define UART_IER      1
#define UART_LCR      3
#define UART_MCR      4
#define UART_LSR      5
#define UART_SCR      7
#define UART_IER_THRE 0x02
#define UART_LSR_THRE 0x20

#define TIMEBASE    10000000ul /* ticks of mtime in a second */
#define TIMER_NEVER UINT64_MAX

#define DEVICE_ACCESS(bits, load, store)                                                  \
	static inline uint##bits##_t read##bits(uintptr_t at)                             \
	{                                                                                 \
		uint64_t value;                                                           \
		__asm__ volatile(load " %0, (%1)\n\tfence i, ir"                          \
				 : "=r"(value)                                            \
				 : "r"(at)                                                \
				 : "memory");                                             \
		return (uint##bits##_t)value;                                             \
	}                                                                                 \
	static inline void write##bits(uintptr_t at, uint##bits##_t value)                \
	{                                                                                 \
		__asm__ volatile("fence w, o\n\t" store " %0, (%1)" ::"r"(value), "r"(at) \
				 : "memory");                                             \
	}

DEVICE_ACCESS(8, "lbu", "sb")
DEVICE_ACCESS(16, "lhu", "sh")
DEVICE_ACCESS(32, "lwu", "sw")
DEVICE_ACCESS(64, "ld", "sd")

/* --- CLINT ------------------------------------------------------------------------------------ */

static inline uintptr_t clint_msip_at(unsigned hart)
{
	return CLINT_BASE + 4ul * hart;
}

static inline uintptr_t clint_mtimecmp_at(unsigned hart)
{
	return CLINT_BASE + CLINT_MTIMECMP + 8ul * hart;
}

/* Stores before it are visible to the hart that takes the interrupt. */
static inline void clint_send(unsigned hart)
{
	write32(clint_msip_at(hart), 1);
}

/* What was stored before the MSI was sent can be read after this. */
static inline void clint_clear(unsigned hart)
{
	write32(clint_msip_at(hart), 0);
	__asm__ volatile("fence o, r" ::: "memory");
}

static inline uint64_t mtime(void)
{
	return read64(CLINT_BASE + CLINT_MTIME);
}

static inline void timer_set(unsigned hart, uint64_t deadline)
{
	write64(clint_mtimecmp_at(hart), deadline);
}

/* The order RV32 needs (3.2.1): at no time is the compare value before the old and the new one. */
static inline void timer_set_halves(unsigned hart, uint64_t deadline)
{
	uintptr_t at = clint_mtimecmp_at(hart);

	write32(at, UINT32_MAX);
	write32(at + 4, (uint32_t)(deadline >> 32));
	write32(at, (uint32_t)deadline);
}

static inline uint64_t us_from_now(unsigned us)
{
	return mtime() + TIMEBASE / 1000000 * us;
}

/* --- PLIC: context 2 * hart is its machine mode, the next its supervisor mode ----------------- */

static inline uintptr_t plic_priority_at(unsigned source)
{
	return PLIC_BASE + 4ul * source;
}

static inline uintptr_t plic_enable_at(unsigned context)
{
	return PLIC_BASE + 0x2000 + 0x80ul * context;
}

static inline uintptr_t plic_threshold_at(unsigned context)
{
	return PLIC_BASE + 0x200000 + 0x1000ul * context;
}

static inline uintptr_t plic_claim_at(unsigned context)
{
	return plic_threshold_at(context) + 4;
}

#endif
