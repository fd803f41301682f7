/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Access to the hart's own registers, and fences.
 */
#ifndef MONITOR_RISCV64_CSR_H
#define MONITOR_RISCV64_CSR_H

#include <stdint.h>

/* By number, where the assembler's name is not enough: csrs.c, and extensions that it need not know. */
#define CSR_SEED       0x015
#define CSR_SSTATUS    0x100
#define CSR_SENVCFG    0x10a
#define CSR_SSTATEEN0  0x10c
#define CSR_SIP        0x144
#define CSR_STIMECMP   0x14d
#define CSR_SATP       0x180
#define CSR_VSSTATUS   0x200
#define CSR_VSIE       0x204
#define CSR_VSTVEC     0x205
#define CSR_VSEPC      0x241
#define CSR_VSCAUSE    0x242
#define CSR_VSTVAL     0x243
#define CSR_MSTATUS    0x300
#define CSR_MCOUNTEREN 0x306
#define CSR_MENVCFG    0x30a
#define CSR_MSTATEEN0  0x30c
#define CSR_MIP        0x344
#define CSR_MTINST     0x34a
#define CSR_MTVAL2     0x34b
#define CSR_PMPCFG0    0x3a0
#define CSR_PMPADDR0   0x3b0
#define CSR_HSTATUS    0x600
#define CSR_HEDELEG    0x602
#define CSR_HIDELEG    0x603
#define CSR_HSTATEEN0  0x60c
#define CSR_HTVAL      0x643
#define CSR_HTINST     0x64a
#define CSR_MSECCFG    0x747
#define CSR_TIME       0xc01
#define CSR_SCOUNTOVF  0xda0

/* Of a register by the assembler's name, or one of the above. */
#define csr_read(name)         csr_read_(name)
#define csr_write(name, value) csr_write_(name, value)
#define csr_set(name, value)   csr_set_(name, value)
#define csr_clear(name, value) csr_clear_(name, value)
/* What was there before. */
#define csr_swap(name, value) csr_swap_(name, value)
/* The bits are cleared; those that were set. */
#define csr_take(name, bits) csr_take_(name, bits)

#define csr_read_(name)                                                       \
	({                                                                    \
		uint64_t value_;                                              \
		__asm__ volatile("csrr %0, " #name : "=r"(value_)::"memory"); \
		value_;                                                       \
	})
#define csr_write_(name, value) \
	__asm__ volatile("csrw " #name ", %0" ::"rK"((uint64_t)(value)) : "memory")
#define csr_set_(name, value) \
	__asm__ volatile("csrs " #name ", %0" ::"rK"((uint64_t)(value)) : "memory")
#define csr_clear_(name, value) \
	__asm__ volatile("csrc " #name ", %0" ::"rK"((uint64_t)(value)) : "memory")
#define csr_exchange_(instruction, name, value)                   \
	({                                                        \
		uint64_t value_;                                  \
		__asm__ volatile(instruction " %0, " #name ", %1" \
				 : "=r"(value_)                   \
				 : "rK"((uint64_t)(value))        \
				 : "memory");                     \
		value_;                                           \
	})
#define csr_swap_(name, value) csr_exchange_("csrrw", name, value)
#define csr_take_(name, bits)  (csr_exchange_("csrrc", name, bits) & (bits))

static inline void wfi(void)
{
	__asm__ volatile("wfi" ::: "memory");
}

/* Translations and PMP: what was written to them holds for what comes. */
static inline void sfence_vma(void)
{
	__asm__ volatile("sfence.vma" ::: "memory");
}

/* Memory before, a device's register after; and the other way round. */
static inline void fence_before_device(void)
{
	__asm__ volatile("fence w, o" ::: "memory");
}

static inline void fence_after_device(void)
{
	__asm__ volatile("fence io, rw" ::: "memory");
}

#endif
