/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Page tables; see pages.h. */
#include "pages.h"
#include "csr.h"

#define VALID     0x01u
#define USED      0xc0u /* accessed and dirty, so that neither has to be set by anybody */
#define SATP_SV39 (UINT64_C(8) << 60)
#define GIB       (UINT64_C(1) << 30)

static _Alignas(4096) uint64_t root[512], middle[512], leaves[512];

static uint64_t entry(uint64_t address, unsigned flags)
{
	return address >> 12 << 10 | flags | VALID;
}

void pages_init(void)
{
	for (unsigned i = 0; i < 4; i++)
		root[i] = entry(i * GIB, PAGE_R | PAGE_W | PAGE_X | USED);
	root[PAGES_AT / GIB] = entry((uintptr_t)middle, 0);
	middle[0] = entry((uintptr_t)leaves, 0);
}

uint64_t pages_satp(unsigned asid)
{
	return SATP_SV39 | (uint64_t)asid << 44 | (uintptr_t)root >> 12;
}

uintptr_t page_at(unsigned page)
{
	return PAGES_AT + page * PAGE_SIZE;
}

static void set(unsigned page, uint64_t value)
{
	__atomic_store_n(&leaves[page], value, __ATOMIC_RELEASE);
}

void page_map(unsigned page, const void *memory, unsigned permissions)
{
	set(page, entry((uintptr_t)memory, permissions | USED));
}

void page_unmap(unsigned page)
{
	set(page, 0);
}

void pages_fence(void)
{
	__asm__ volatile("sfence.vma" ::: "memory");
}
