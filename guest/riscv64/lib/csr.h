/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Control and status registers: access, numbers and bits (RISC-V privileged specification 1.12,
 * chapters 2 to 4), and the causes of traps (3.1.15).
 */
#ifndef GUEST_CSR_H
#define GUEST_CSR_H

#include <stdint.h>

/* The register by its name or as a constant number. */
#define CSR_TEXT_(name) #name
#define csr_read(name)                                                                  \
	({                                                                              \
		uint64_t value_;                                                        \
		__asm__ volatile("csrr %0, " CSR_TEXT_(name) : "=r"(value_)::"memory"); \
		value_;                                                                 \
	})
#define csr_write(name, value) \
	__asm__ volatile("csrw " CSR_TEXT_(name) ", %0" ::"rK"((uint64_t)(value)) : "memory")
#define csr_set(name, bits) \
	__asm__ volatile("csrs " CSR_TEXT_(name) ", %0" ::"rK"((uint64_t)(bits)) : "memory")
#define csr_clear(name, bits) \
	__asm__ volatile("csrc " CSR_TEXT_(name) ", %0" ::"rK"((uint64_t)(bits)) : "memory")
#define csr_swap(name, value)                                        \
	({                                                           \
		uint64_t value_;                                     \
		__asm__ volatile("csrrw %0, " CSR_TEXT_(name) ", %1" \
				 : "=&r"(value_)                     \
				 : "rK"((uint64_t)(value))           \
				 : "memory");                        \
		value_;                                              \
	})

#define BIT(n) (UINT64_C(1) << (n))

/* Privilege modes as MPP encodes them. */
#define MODE_U 0u
#define MODE_S 1u
#define MODE_M 3u

#define MSTATUS_SIE       BIT(1)
#define MSTATUS_MIE       BIT(3)
#define MSTATUS_SPIE      BIT(5)
#define MSTATUS_MPIE      BIT(7)
#define MSTATUS_SPP       BIT(8)
#define MSTATUS_MPP_SHIFT 11
#define MSTATUS_MPP       (3 * BIT(MSTATUS_MPP_SHIFT))
#define MSTATUS_FS        (3 * BIT(13))
#define MSTATUS_MPRV      BIT(17)
#define MSTATUS_SUM       BIT(18)
#define MSTATUS_MXR       BIT(19)
#define MSTATUS_TVM       BIT(20)
#define MSTATUS_TW        BIT(21)
#define MSTATUS_TSR       BIT(22)

#define MISA_EXTENSION(letter) BIT((letter) - 'A')

/* Interrupts: bits of mip, mie and mideleg, and codes of mcause. */
#define SSI                1u
#define MSI                3u
#define STI                5u
#define MTI                7u
#define SEI                9u
#define MEI                11u
#define CAUSE_IS_INTERRUPT BIT(63)
#define S_INTERRUPTS       (BIT(SSI) | BIT(STI) | BIT(SEI))
#define M_INTERRUPTS       (BIT(MSI) | BIT(MTI) | BIT(MEI))

#define CAUSE_FETCH_ACCESS     1u
#define CAUSE_ILLEGAL          2u
#define CAUSE_BREAKPOINT       3u
#define CAUSE_LOAD_MISALIGNED  4u
#define CAUSE_LOAD_ACCESS      5u
#define CAUSE_STORE_MISALIGNED 6u
#define CAUSE_STORE_ACCESS     7u
#define CAUSE_ECALL_U          8u
#define CAUSE_ECALL_S          9u
#define CAUSE_ECALL_M          11u
#define CAUSE_FETCH_PAGE       12u
#define CAUSE_LOAD_PAGE        13u
#define CAUSE_STORE_PAGE       15u

#define PMP_R     0x01u
#define PMP_W     0x02u
#define PMP_X     0x04u
#define PMP_TOR   0x08u
#define PMP_NA4   0x10u
#define PMP_NAPOT 0x18u
#define PMP_LOCK  0x80u

#define CSR_SSTATUS       0x100
#define CSR_SIE           0x104
#define CSR_STVEC         0x105
#define CSR_SCOUNTEREN    0x106
#define CSR_SENVCFG       0x10a
#define CSR_SSCRATCH      0x140
#define CSR_SEPC          0x141
#define CSR_SCAUSE        0x142
#define CSR_STVAL         0x143
#define CSR_SIP           0x144
#define CSR_STIMECMP      0x14d
#define CSR_SATP          0x180
#define CSR_VSSTATUS      0x200
#define CSR_VSIE          0x204
#define CSR_VSTVEC        0x205
#define CSR_VSSCRATCH     0x240
#define CSR_VSEPC         0x241
#define CSR_VSCAUSE       0x242
#define CSR_VSTVAL        0x243
#define CSR_VSIP          0x244
#define CSR_VSATP         0x280
#define CSR_MSTATUS       0x300
#define CSR_MISA          0x301
#define CSR_MEDELEG       0x302
#define CSR_MIDELEG       0x303
#define CSR_MIE           0x304
#define CSR_MTVEC         0x305
#define CSR_MCOUNTEREN    0x306
#define CSR_MENVCFG       0x30a
#define CSR_MCOUNTINHIBIT 0x320
#define CSR_MSCRATCH      0x340
#define CSR_MEPC          0x341
#define CSR_MCAUSE        0x342
#define CSR_MTVAL         0x343
#define CSR_MIP           0x344
#define CSR_PMPCFG0       0x3a0
#define CSR_PMPADDR0      0x3b0
#define CSR_HSTATUS       0x600
#define CSR_HEDELEG       0x602
#define CSR_HIDELEG       0x603
#define CSR_HIE           0x604
#define CSR_HCOUNTEREN    0x606
#define CSR_HGEIE         0x607
#define CSR_HTVAL         0x643
#define CSR_HIP           0x644
#define CSR_HVIP          0x645
#define CSR_HTINST        0x64a
#define CSR_HGATP         0x680
#define CSR_HGEIP         0xe12
#define CSR_MSECCFG       0x747
#define CSR_MCYCLE        0xb00
#define CSR_MINSTRET      0xb02
#define CSR_CYCLE         0xc00
#define CSR_TIME          0xc01
#define CSR_INSTRET       0xc02
#define CSR_MVENDORID     0xf11
#define CSR_MARCHID       0xf12
#define CSR_MIMPID        0xf13
#define CSR_MHARTID       0xf14

#endif
