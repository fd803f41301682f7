/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Remote fences (chapter 8). When the call has returned, the other harts fetch what was stored and
 * translate by what the tables say; they stay in their work meanwhile, and take no interrupt.
 */
#include "pages.h"
#include "sbi.h"
#include "suites.h"
#include "supervisor.h"
#include "tap.h"

#define INSTRUCTION_LI_A0 0x00000513u /* addi a0, zero, immediate << 20 */
#define INSTRUCTION_RET   0x00008067u

static _Alignas(4096) uint64_t frames[2][512];
static uint32_t code[2];

/* The other hart's question and answer: it looks, says what it saw, and looks again when told. */
static atomic_uint asked, answered;
static unsigned long (*look)(void);
static unsigned long seen;
static unsigned asid_of_looker;

static unsigned long load_page(void)
{
	return *(volatile uint64_t *)page_at(PAGES_OF_FENCES);
}

static unsigned long run_code(void)
{
	return ((unsigned long (*)(void))(uintptr_t)code)();
}

static void looker(void *argument)
{
	struct hart *me = this_hart();
	unsigned turns = *(unsigned *)argument;

	me->satp = pages_satp(asid_of_looker);
	hart_translate(me);
	for (unsigned i = 1; i <= turns && wait_at_least(&asked, i); i++) {
		seen = look();
		atomic_store(&answered, i);
	}
	me->satp = pages_satp(0);
	hart_translate(me);
}

static unsigned turn;

static unsigned long ask(void)
{
	atomic_store(&asked, ++turn);
	if (!wait_at_least(&answered, turn))
		bail_out("the other hart does not answer");
	return seen;
}

static void begin(unsigned hart, unsigned long (*what)(void), unsigned asid, unsigned *turns)
{
	atomic_store(&asked, 0);
	atomic_store(&answered, 0);
	turn = 0;
	look = what;
	asid_of_looker = asid;
	hart_start(hart, looker, turns);
}

static void map(unsigned frame)
{
	page_map(PAGES_OF_FENCES, frames[frame & 1], PAGE_R | PAGE_W);
}

/* --- What the fences do --------------------------------------------------------------------------------------- */

struct range {
	const char *name;
	unsigned long start, size;
};

static const struct range ranges[] = {
	{ "the page", PAGES_AT, PAGE_SIZE },
	{ "0, 0", 0, 0 },
	{ "0, -1", 0, NEVER },
	{ "the page, -1", PAGES_AT, NEVER },
	{ "the page, one byte", PAGES_AT, 1 },
	{ "within the page, one byte", PAGES_AT + 5, 1 },
	{ "across its end", PAGES_AT + 4000, 200 },
	{ "to it from before", PAGES_AT - 100, 200 },
	{ "pages around it", PAGES_AT - 3 * PAGE_SIZE, 7 * PAGE_SIZE },
	{ "1 GiB around it", PAGES_AT - (1ul << 29), 1ul << 30 },
	{ "all below 2^40", 0, 1ul << 40 },
	{ "over the end of addresses", PAGES_AT, NEVER - 4096 },
};

static void sfence(unsigned hart, const struct range *range, bool with_asid, unsigned long mask,
		   unsigned long base)
{
	unsigned asid = with_asid ? 1 : 0, turns = 4, wrong = 0;
	struct sbi_result r = { 0 };
	long error = SUCCESS;

	begin(hart, load_page, asid, &turns);
	for (unsigned i = 0; i < turns; i++) {
		map(i);
		r = with_asid ? call(EXT_RFENCE, RFENCE_SFENCE_VMA_ASID, mask, base, range->start,
				     range->size, asid)
			      : call(EXT_RFENCE, RFENCE_SFENCE_VMA, mask, base, range->start,
				     range->size);
		if (r.error)
			error = r.error;
		wrong += ask() != (i & 1);
	}
	hart_finish(hart);
	ok(!error && !wrong, "remote_sfence_vma%s(hart %u, %s): error %ld, value 0x%lx, seen",
	   with_asid ? "_asid" : "", hart, range->name, error, r.value);
}

static void sfences(unsigned hart)
{
	for (unsigned i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		sfence(hart, &ranges[i], false, 1ul << hart, 0);
		sfence(hart, &ranges[i], true, 1, hart);
	}
	sfence(hart, &ranges[0], false, 0, NEVER);
	sfence(hart, &ranges[1], true, 123, NEVER);
}

static void fence_i(unsigned hart)
{
	unsigned turns = 6, wrong = 0;
	long error = SUCCESS;

	begin(hart, run_code, 0, &turns);
	for (unsigned i = 0; i < turns; i++) {
		code[0] = INSTRUCTION_LI_A0 | (i + 1) << 20;
		code[1] = INSTRUCTION_RET;
		error |= call(EXT_RFENCE, RFENCE_FENCE_I, 1, hart).error;
		wrong += ask() != i + 1;
	}
	hart_finish(hart);
	ok(!error && !wrong, "remote_fence_i(hart %u): new code is run", hart);
}

/* The caller itself is in the mask. */
static void own(void)
{
	unsigned wrong = 0;

	for (unsigned i = 0; i < 8; i++) {
		map(i);
		call(EXT_RFENCE, RFENCE_SFENCE_VMA, 1, 0, PAGES_AT, PAGE_SIZE);
		wrong += load_page() != (i & 1);
	}
	for (unsigned i = 0; i < 8; i++) {
		code[0] = INSTRUCTION_LI_A0 | (i + 1) << 20;
		code[1] = INSTRUCTION_RET;
		call(EXT_RFENCE, RFENCE_FENCE_I, 1, 0);
		wrong += run_code() != i + 1;
	}
	is(wrong, 0, "of this hart itself");
}

/* --- All at once ------------------------------------------------------------------------------------------------ */

#define TURNS 32 /* of all together */

/* Each hart changes its own page, and after its fence all others see it, whoever else is at it. */
static _Alignas(4096) uint64_t own_frames[MAX_HARTS][2][512];
static atomic_uint generation[MAX_HARTS];
static atomic_uint wrong_at_once;

static void change_own(unsigned id, unsigned i)
{
	own_frames[id][i & 1][0] = i;
	page_map(PAGES_OF_FENCES + id, own_frames[id][i & 1], PAGE_R | PAGE_W);
	if (call(EXT_RFENCE, RFENCE_SFENCE_VMA, 0, NEVER, page_at(PAGES_OF_FENCES + id), PAGE_SIZE)
		    .error)
		atomic_fetch_add(&wrong_at_once, 1);
	atomic_store(&generation[id], i);
}

static void fence_at_once(void *argument)
{
	unsigned id = this_hart()->id;

	(void)argument;
	for (unsigned i = 1; i * hart_count <= TURNS; i++) {
		change_own(id, i);
		for (unsigned h = 0; h < hart_count; h++) {
			unsigned least = atomic_load(&generation[h]);

			if (least && *(volatile uint64_t *)page_at(PAGES_OF_FENCES + h) < least)
				atomic_fetch_add(&wrong_at_once, 1);
		}
	}
}

/* --- Masks and arguments ------------------------------------------------------------------------------------------ */

static void fence_mask(unsigned long mask, unsigned long base, long wanted)
{
	struct sbi_result i = call(EXT_RFENCE, RFENCE_FENCE_I, mask, base);
	struct sbi_result s = call(EXT_RFENCE, RFENCE_SFENCE_VMA, mask, base, PAGES_AT, PAGE_SIZE);
	struct sbi_result a =
		call(EXT_RFENCE, RFENCE_SFENCE_VMA_ASID, mask, base, PAGES_AT, PAGE_SIZE, 1);

	ok(wanted == ANY || (i.error == wanted && s.error == wanted && a.error == wanted),
	   "fences(0x%lx, 0x%lx): errors %ld, %ld, %ld, values 0x%lx, 0x%lx, 0x%lx", mask, base,
	   i.error, s.error, a.error, i.value, s.value, a.value);
}

static void masks(void)
{
	unsigned long n = hart_count, all = (1ul << n) - 1;

	for (unsigned i = 0; i < n; i++)
		fence_mask(1ul << i, 0, SUCCESS);
	fence_mask(all, 0, SUCCESS);
	fence_mask(0, 0, SUCCESS);
	fence_mask(0, NEVER, SUCCESS);
	fence_mask(NEVER, NEVER, SUCCESS);
	fence_mask(1ul << n, 0, ANY);
	fence_mask(all | 1ul << 63, 0, ANY);
	fence_mask(NEVER, 0, ANY);
	fence_mask(NEVER, 1, ANY);
	fence_mask(3, n - 1, ANY);
	fence_mask(1, n, ANY);
	fence_mask(1, 64, ANY);
	fence_mask(1, 128, ANY);
	fence_mask(1, 4096, ANY);
	fence_mask(1, 0xffffffff, ANY);
	fence_mask(1, 1ul << 32, ANY);
	fence_mask(1, NEVER - 1, ANY);
	fence_mask(2, NEVER - 1, ANY);
	fence_mask(0, n, ANY);
}

static void odd_ranges(void)
{
	static const struct range odd[] = {
		{ "-4096, 8192", NEVER - 4095, 8192 },
		{ "-1, 1", NEVER, 1 },
		{ "-1, 2", NEVER, 2 },
		{ "1, -1", 1, NEVER },
		{ "2^63, 2^63", 1ul << 63, 1ul << 63 },
		{ "-1, -1", NEVER, NEVER },
		{ "-1, 0", NEVER, 0 },
		{ "page, 0", PAGES_AT, 0 },
		{ "1, 0", 1, 0 },
		{ "0, 1", 0, 1 },
		{ "0, 2^63", 0, 1ul << 63 },
		{ "2^38, 2^20: no address of Sv39", 1ul << 38, 1ul << 20 },
	};

	for (unsigned i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		struct sbi_result r =
			call(EXT_RFENCE, RFENCE_SFENCE_VMA, 0, NEVER, odd[i].start, odd[i].size);
		struct sbi_result a = call(EXT_RFENCE, RFENCE_SFENCE_VMA_ASID, 0, NEVER,
					   odd[i].start, odd[i].size, 1);

		ok(r.error == SUCCESS || r.error == INVALID_ADDRESS,
		   "remote_sfence_vma(all, %s): error %ld, value 0x%lx; asid: error %ld, value 0x%lx",
		   odd[i].name, r.error, r.value, a.error, a.value);
	}
	answers("remote_sfence_vma_asid(all, ASID 0xffff)", SUCCESS, EXT_RFENCE,
		RFENCE_SFENCE_VMA_ASID, 0, NEVER, PAGES_AT, PAGE_SIZE, 0xffff);
	answers("remote_sfence_vma_asid(all, ASID -1)", ANY, EXT_RFENCE, RFENCE_SFENCE_VMA_ASID, 0,
		NEVER, PAGES_AT, PAGE_SIZE, NEVER);
}

static void hypervisor_fences(void)
{
	static const char *const names[] = { "gvma_vmid", "gvma", "vvma_asid", "vvma" };

	for (unsigned i = 0; i < 4; i++) {
		unsigned long fid = RFENCE_HFENCE_GVMA_VMID + i;
		struct sbi_result r = call(EXT_RFENCE, fid, 0, NEVER, 0x1000, 0x1000, 1);
		struct sbi_result s = call(EXT_RFENCE, fid, 1, 0, 0, NEVER, 1);
		struct sbi_result b = call(EXT_RFENCE, fid, 1, 4096, 0, 0, 1);

		ok((r.error == SUCCESS || r.error == NOT_SUPPORTED) && r.error == s.error,
		   "remote_hfence_%s: error %ld, value 0x%lx; all: %ld, 0x%lx; absent hart: %ld, 0x%lx",
		   names[i], r.error, r.value, s.error, s.value, b.error, b.value);
	}
}

void test_rfence(void)
{
	frames[1][0] = 1;
	if (hart_count == 1) {
		skip("fences of other harts", "machine: one hart");
	} else {
		sfences(hart_count - 1);
		for (unsigned i = 1; i < hart_count; i++) {
			sfence(i, &ranges[0], false, 1, i);
			fence_i(i);
		}
	}
	own();
	hart_run_all(fence_at_once, NULL);
	is(atomic_load(&wrong_at_once), 0,
	   "all harts change and fence at once, none sees what was");
	masks();
	odd_ranges();
	hypervisor_fences();
	registers_kept("RFENCE");
}
