/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What the files of lib/vhart share.
 */
#ifndef LIB_VHART_INTERNAL_H
#define LIB_VHART_INTERNAL_H

#include <carillon/vhart.h>

#define PMP_LOCKED 0x80
#define PMP_A      0x18
#define PMP_OFF    0x00
#define PMP_TOR    0x08
#define PMP_NA4    0x10
#define PMP_NAPOT  0x18
#define PMP_XWR    0x07

static inline bool has(const struct vhart *hart, char letter)
{
	return hart->config.misa & VHART_MISA(letter);
}

/* What writes make of a value (WARL): from the register's old value and the one written. csr.c */
uint64_t legal_mstatus(const struct vhart *hart, uint64_t old, uint64_t value);
uint64_t legal_menvcfg(const struct vhart *hart, uint64_t old, uint64_t value);
uint64_t legal_mtvec(uint64_t old, uint64_t value);
uint64_t legal_satp(const struct vhart *hart, uint64_t old, uint64_t value);
uint64_t legal_mideleg(const struct vhart *hart, uint64_t value);
uint64_t writable_mip(const struct vhart *hart);

static inline uint64_t legal_mepc(const struct vhart *hart, uint64_t value)
{
	return value & ~(has(hart, 'C') ? UINT64_C(1) : UINT64_C(3));
}

/* The PMP's registers: pmpcfg by its even number, 0 to 14, pmpaddr by its entry. pmp.c */
uint64_t pmpcfg_read(const struct vhart *hart, unsigned number);
void pmpcfg_write(struct vhart *hart, unsigned number, uint64_t value);
uint64_t pmpaddr_read(const struct vhart *hart, unsigned entry);
void pmpaddr_write(struct vhart *hart, unsigned entry, uint64_t value);

#define PMPADDR_BITS ((UINT64_C(1) << 54) - 1)

#endif
