/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Legacy calls (chapter 5): a0 is all that comes back; masks are in memory, by virtual address. */
#include "pages.h"
#include "sbi.h"
#include "suites.h"
#include "supervisor.h"
#include "tap.h"

#define A1 0x5a5a5a5aul

/* The function's number means nothing, a1 is kept. */
static struct sbi_result legacy(const char *name, unsigned long ext, unsigned long a0)
{
	struct sbi_result r = call(ext, 7, a0, A1);

	ok(r.value == A1, "legacy %s: %ld", name, r.error);
	return r;
}

static void timer(void)
{
	legacy("set_timer(0)", LEGACY_SET_TIMER, 0);
	ok(wait_pending(STI), "it is pending");
	legacy("set_timer(-1)", LEGACY_SET_TIMER, NEVER);
	ok(!is_pending(STI), "it is not");
}

static void console(void)
{
	struct sbi_result r[5];

	for (unsigned i = 0; i < 5; i++)
		r[i] = call(LEGACY_PUTCHAR, 0, (unsigned long)"# ..\n"[i], A1);
	for (unsigned i = 0; i < 5; i++)
		ok(r[i].error == 0 && r[i].value == A1, "legacy console_putchar: %ld", r[i].error);
	legacy("console_getchar, nothing there", LEGACY_GETCHAR, 0);
}

static unsigned long mask_in_memory;

static void interrupts(void)
{
	mask_in_memory = 1;
	legacy("send_ipi(itself)", LEGACY_SEND_IPI, (uintptr_t)&mask_in_memory);
	ok(wait_pending(SSI), "it is pending");
	legacy("clear_ipi", LEGACY_CLEAR_IPI, 0);
	ok(!is_pending(SSI), "it is not");
	legacy("send_ipi(all, by 0)", LEGACY_SEND_IPI, 0);
	ok(wait_pending(SSI), "it is pending");
	legacy("clear_ipi", LEGACY_CLEAR_IPI, 0);
	mask_in_memory = 0;
	legacy("send_ipi(none)", LEGACY_SEND_IPI, (uintptr_t)&mask_in_memory);
	mask_in_memory = 1ul << hart_count;
	legacy("send_ipi(absent)", LEGACY_SEND_IPI, (uintptr_t)&mask_in_memory);
	ok(!is_pending(SSI), "it is not");
}

static void fences(void)
{
	mask_in_memory = (1ul << hart_count) - 1;
	legacy("remote_fence_i(all)", LEGACY_FENCE_I, (uintptr_t)&mask_in_memory);
	legacy("remote_fence_i(all, by 0)", LEGACY_FENCE_I, 0);
	answers("legacy remote_sfence_vma(all, page)", SUCCESS, LEGACY_SFENCE, 0,
		(uintptr_t)&mask_in_memory, PAGES_AT, PAGE_SIZE);
	answers("legacy remote_sfence_vma(all, 0, -1)", SUCCESS, LEGACY_SFENCE, 0,
		(uintptr_t)&mask_in_memory, 0, NEVER);
	answers("legacy remote_sfence_vma_asid(all, page, 1)", SUCCESS, LEGACY_SFENCE_ASID, 0, 0,
		PAGES_AT, PAGE_SIZE, 1);
	mask_in_memory = NEVER;
	legacy("remote_fence_i(-1)", LEGACY_FENCE_I, (uintptr_t)&mask_in_memory);
}

/* A mask that cannot be read: the call traps, as a load there does. */
static void bad_pointer(unsigned long ext, const char *where, unsigned long address)
{
	struct trap *trap = &this_hart()->trap;
	struct sbi_result r;

	traps_expect();
	r = call(ext, 0, address, PAGES_AT, PAGE_SIZE, 1);
	traps_end();
	ok(trap->count <= 1,
	   "legacy call 0x%lx, mask %s: %u traps, cause %lu, stval 0x%lx, a0 0x%lx", ext, where,
	   trap->count, trap->cause, trap->tval, trap->count ? (unsigned long)r.error : 0ul);
	ok(!trap->count || (*(const uint32_t *)trap->pc == 0x73 && trap->status & MSTATUS_SPP),
	   "then sepc is the ecall's, and SPP is set");
}

static void bad_pointers(void)
{
	for (unsigned long ext = LEGACY_SEND_IPI; ext <= LEGACY_SFENCE_ASID; ext++) {
		bad_pointer(ext, "not mapped", page_at(PAGE_MISSING));
		bad_pointer(ext, "no address", 1ul << 62);
		bad_pointer(ext, "in the CLINT", CLINT_BASE + 0x8000);
	}
	csr_clear(sip, BIT(SSI));
}

/* By an address that only S-mode's own translation has. */
static void virtual_pointer(void)
{
	static _Alignas(4096) unsigned long page[512];

	page[511] = 1;
	page_map(PAGES_OF_ACCESS, page, PAGE_R);
	pages_fence();
	legacy("send_ipi(itself), at a virtual address", LEGACY_SEND_IPI,
	       page_at(PAGES_OF_ACCESS) + PAGE_SIZE - 8);
	ok(wait_pending(SSI), "it is pending");
	legacy("clear_ipi", LEGACY_CLEAR_IPI, 0);
	page_unmap(PAGES_OF_ACCESS);
	pages_fence();
}

static void forget_ipi(void *argument)
{
	(void)argument;
	plain_call(EXT_RFENCE, RFENCE_FENCE_I, 0, NEVER);
	csr_clear(sip, BIT(SSI));
}

void test_legacy(void)
{
	timer();
	console();
	fences();
	bad_pointers();
	virtual_pointer();
	interrupts();
	/* Those that went to all are over before the next work's doorbell. */
	for (unsigned i = 1; i < hart_count; i++)
		hart_run(i, forget_ipi, NULL);
	registers_kept("the legacy extensions");
}
