/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * fence, fence.i with code that changes, and all forms of sfence.vma from machine mode with page
 * tables that change (privileged specification 4.2.1), looked at by loads with MPRV.
 */
#include "payload.h"
#include "tap.h"

#define ROUNDS   1000
#define VIRTUAL  UINT64_C(0x140000000)
#define SV39     (UINT64_C(8) << 60)
#define PTE_V    1u
#define PTE_RWAD 0xc6u

static _Alignas(4096) uint64_t tables[3][512];
static _Alignas(4096) uint64_t pages[2][512];

static void changing_code(void)
{
	unsigned wrong = 0;

	/* addi a0, zero, immediate */
	for (unsigned i = 0; i < ROUNDS; i++)
		wrong += execute((i & 0x7ff) << 20 | 0x513, 0, 0) != (i & 0x7ff);
	is(wrong, 0, "fence.i: code changed 1000 times runs as it was changed");
}

static void plain(void)
{
	__asm__ volatile("fence\n\tfence rw, w\n\tfence o, i\n\tfence.tso" ::: "memory");
	ok(true, "fence, in its forms");
}

static uint64_t pte(const void *to, unsigned bits)
{
	return (uintptr_t)to >> 12 << 10 | bits;
}

static void map(unsigned page)
{
	tables[2][0] = pte(pages[page], PTE_V | PTE_RWAD);
}

/* MPP is S; a trap would end the run. */
static uint64_t load_virtual(uint64_t address)
{
	uint64_t value;

	csr_clear(mstatus, MSTATUS_MPP);
	csr_set(mstatus, UINT64_C(1) << MSTATUS_MPP_SHIFT);
	__asm__ volatile("csrs mstatus, %2\n\tld %0, (%1)\n\tcsrc mstatus, %2"
			 : "=&r"(value)
			 : "r"(address), "r"(MSTATUS_MPRV)
			 : "memory");
	return value;
}

static void all(void)
{
	__asm__ volatile("sfence.vma" ::: "memory");
}

static void of_address(void)
{
	__asm__ volatile("sfence.vma %0" ::"r"(VIRTUAL) : "memory");
}

static void of_asid(void)
{
	__asm__ volatile("sfence.vma zero, %0" ::"r"(UINT64_C(0)) : "memory");
}

static void of_both(void)
{
	__asm__ volatile("sfence.vma %0, %1" ::"r"(VIRTUAL), "r"(UINT64_C(0)) : "memory");
}

static void changing_tables(const char *what, void (*flush)(void))
{
	unsigned wrong = 0;

	for (unsigned i = 0; i < 100; i++) {
		map(i % 2);
		flush();
		wrong += load_virtual(VIRTUAL) != i % 2 + 100;
	}
	is(wrong, 0, "%s: a translation changed 100 times is as it was changed", what);
}

void guest_main(void)
{
	plain();
	changing_code();
	pmp_open();
	pages[0][0] = 100;
	pages[1][0] = 101;
	tables[0][VIRTUAL >> 30] = pte(tables[1], PTE_V);
	tables[1][0] = pte(tables[2], PTE_V);
	csr_write(satp, SV39 | (uintptr_t)tables[0] >> 12);
	changing_tables("sfence.vma", all);
	changing_tables("sfence.vma of an address", of_address);
	changing_tables("sfence.vma of an ASID", of_asid);
	changing_tables("sfence.vma of both", of_both);
	csr_write(satp, 0);
	all();
}
