/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * All harts call at random, all the while taking interrupts. Every call must return with all registers
 * kept; what was sent after a flag was set must find the flag's owner awake; after a fence of all harts
 * nobody sees the mapping of before. How it goes varies with the machine; what is printed does not.
 */
#include "pages.h"
#include "sbi.h"
#include "suites.h"
#include "supervisor.h"
#include "tap.h"

static unsigned rounds;
static atomic_uint finished;
static atomic_uint errors, stale, lost_ipis, lost_timers, unreturned;

static bool one_in(unsigned n)
{
	return random_number() % n == 0;
}

static unsigned any_hart(void)
{
	return (unsigned)(random_number() % hart_count);
}

static unsigned long all(void)
{
	return (1ul << hart_count) - 1;
}

/* --- Interrupts ---------------------------------------------------------------------------------------------- */

/* Bits of those that have sent one and wait for it to be taken. */
static atomic_ulong requests[MAX_HARTS];
static bool armed[MAX_HARTS];

static void answer(struct hart *me)
{
	clear_software(me);
	atomic_exchange(&requests[me->id], 0);
}

static void expire(struct hart *me)
{
	armed[me->id] = false;
	timer_never(me);
}

/* One that is lost is enough: then nobody waits any more. */
static bool wait_while(const atomic_ulong *word, unsigned long bit)
{
	uint64_t limit = now() + us(LIMIT_US);

	if (atomic_load(&lost_ipis))
		return true;
	while (atomic_load(word) & bit)
		if (now() > limit)
			return false;
	return true;
}

/* The forms in which the same harts can be named. */
static void name_harts(unsigned long harts_named, unsigned long *mask, unsigned long *base)
{
	unsigned lowest = 0;

	if (harts_named == all() && one_in(2)) {
		*mask = random_number();
		*base = NEVER;
		return;
	}
	while (!(harts_named >> lowest & 1))
		lowest++;
	*base = random_number() % (lowest + 1);
	*mask = harts_named >> *base;
}

static unsigned long some_harts(void)
{
	unsigned long chosen = random_number() & all();

	return chosen ? chosen : all();
}

/* Somebody waits for an IPI of its own, and others send none that would stand in for it. */
static atomic_uint quiet;

static void send(void)
{
	bool alone = one_in(2) && !atomic_exchange(&quiet, 1);
	unsigned long to = one_in(2) ? 1ul << any_hart() : some_harts(), mask, base;
	unsigned me = this_hart()->id;

	if (!alone && atomic_load(&quiet))
		return;
	name_harts(to, &mask, &base);
	for (unsigned i = 0; i < hart_count; i++)
		if (to >> i & 1)
			atomic_fetch_or(&requests[i], 1ul << me);
	if (call(EXT_IPI, 0, mask, base).error)
		atomic_fetch_add(&errors, 1);
	if (!alone)
		return;
	for (unsigned i = 0; i < hart_count; i++)
		if ((to >> i & 1) && !wait_while(&requests[i], 1ul << me))
			atomic_fetch_add(&lost_ipis, 1);
	atomic_store(&quiet, 0);
}

/* --- Timers ----------------------------------------------------------------------------------------------------- */

static void arm(uint64_t deadline)
{
	struct hart *me = this_hart();

	/* The handler does not come between the two. */
	interrupts_off();
	armed[me->id] = true;
	if (call(EXT_TIME, 0, deadline).error)
		atomic_fetch_add(&errors, 1);
	interrupts_on();
}

static void wait_for_timer(void)
{
	unsigned id = this_hart()->id;
	uint64_t limit = now() + us(LIMIT_US);

	while (*(volatile bool *)&armed[id])
		if (now() > limit) {
			atomic_fetch_add(&lost_timers, 1);
			return;
		}
}

static void timer(void)
{
	switch (random_number() % 4) {
	case 0:
		arm(0);
		break;
	case 1:
		arm(TIMER_NEVER);
		return;
	case 2:
		arm(now() + us(random_number() % 100));
		break;
	default:
		arm(now() + random_number() % us(1000));
	}
	if (one_in(3))
		wait_for_timer();
}

/* Sleeps until the timer or an IPI, neither of which is taken before. */
static void doze(void)
{
	struct hart *me = this_hart();
	long error;

	interrupts_off();
	armed[me->id] = true;
	error = call(EXT_TIME, 0, now() + us(random_number() % 300)).error;
	error |= call(EXT_HSM, HSM_SUSPEND, 0, 0, 0).error;
	if (error)
		atomic_fetch_add(&errors, 1);
	interrupts_on();
}

/* --- Fences ---------------------------------------------------------------------------------------------------------- */

static _Alignas(4096) uint64_t frames[MAX_HARTS][2][512];
static atomic_ulong generations[MAX_HARTS];

static unsigned long random_range(unsigned long page, unsigned long *size)
{
	switch (random_number() % 6) {
	case 0:
		*size = PAGE_SIZE;
		return page;
	case 1:
		*size = 0;
		return 0;
	case 2:
		*size = NEVER;
		return 0;
	case 3:
		*size = 1 + random_number() % 64;
		return page + random_number() % (PAGE_SIZE - 64);
	case 4:
		*size = (1 + random_number() % 64) * PAGE_SIZE;
		return page;
	default:
		*size = 64 * PAGE_SIZE;
		return page - random_number() % 63 * PAGE_SIZE;
	}
}

static void fence_all(void)
{
	unsigned id = this_hart()->id, page = PAGE_OF_STORM + id;
	unsigned long generation = atomic_load(&generations[id]) + 1, mask, base, start, size;
	uint64_t *frame = frames[id][generation & 1];

	name_harts(all(), &mask, &base);
	start = random_range(page_at(page), &size);
	frame[0] = generation;
	page_map(page, frame, PAGE_R | PAGE_W);
	if (call(EXT_RFENCE, one_in(2) ? RFENCE_SFENCE_VMA : RFENCE_SFENCE_VMA_ASID, mask, base,
		 start, size, 0)
		    .error)
		atomic_fetch_add(&errors, 1);
	atomic_store(&generations[id], generation);
}

static void fence_some(void)
{
	unsigned long mask, base, size;
	unsigned long start = random_range(page_at(PAGE_OF_STORM), &size);
	unsigned long function = random_number() % 3;

	name_harts(some_harts(), &mask, &base);
	if (call(EXT_RFENCE, function, mask, base, start, size, random_number() & 0xff).error)
		atomic_fetch_add(&errors, 1);
}

/* Again and again, without a call in between: what this hart has cached of its translation stays so. */
static void look(void)
{
	for (unsigned i = 0; i < 300; i++) {
		unsigned hart = i % hart_count;
		unsigned long least = atomic_load(&generations[hart]);

		if (*(volatile uint64_t *)page_at(PAGE_OF_STORM + hart) < least)
			atomic_fetch_add(&stale, 1);
	}
}

/* --- Anything ---------------------------------------------------------------------------------------------------------- */

static unsigned long random_argument(void)
{
	switch (random_number() % 6) {
	case 0:
		return random_number();
	case 1:
		return random_number() % 16;
	case 2:
		return NEVER - random_number() % 4;
	case 3:
		return 1ul << random_number() % 64;
	case 4:
		return PAGES_AT + random_number() % (PAGE_COUNT * PAGE_SIZE);
	default:
		return 0;
	}
}

/* Not what would stop or restart a hart or the machine, or print. */
static void random_call(unsigned long *ext, unsigned long *fid)
{
	static const unsigned long extensions[] = { EXT_BASE, EXT_TIME, EXT_IPI, EXT_RFENCE };

	*fid = one_in(4) ? random_argument() : random_number() % 8;
	switch (random_number() % 8) {
	case 0:
		*ext = EXT_HSM;
		*fid = one_in(2) ? HSM_STATUS : 4 + (*fid & 0xff);
		break;
	case 1:
		*ext = EXT_SRST;
		*fid |= 1;
		break;
	case 2:
		*ext = 0x0c000000 | random_number();
		break;
	case 3:
		*ext = LEGACY_SEND_IPI + random_number() % 4;
		break;
	default:
		*ext = extensions[random_number() % 4];
	}
}

/* May be told of pointers that it cannot follow; may arm the timer; whom it interrupts is not looked at. */
static void anything(void)
{
	unsigned long ext, fid, a[6];

	if (atomic_load(&quiet))
		return;
	random_call(&ext, &fid);
	for (unsigned i = 0; i < 6; i++)
		a[i] = random_argument();
	interrupts_off();
	armed[this_hart()->id] = false;
	traps_expect();
	sbi_checked(ext, fid, a);
	traps_end();
	interrupts_on();
}

/* --- All ------------------------------------------------------------------------------------------------------------------ */

static void (*const operations[])(void) = { send,      send,      send,       timer, timer,
					    fence_all, fence_all, fence_some, look,  look,
					    look,      anything,  doze };

static void storm(void *argument)
{
	struct hart *me = this_hart();

	(void)argument;
	csr_write(sie, ALL_INTERRUPTS);
	interrupts_on();
	for (unsigned i = 0; i < rounds; i++) {
		operations[random_number() % (sizeof(operations) / sizeof(operations[0]))]();
		atomic_fetch_add(&me->beat, 1);
	}
	/* What others still wait for is taken here. */
	atomic_fetch_add(&finished, 1);
	if (!wait_at_least(&finished, hart_count))
		atomic_fetch_add(&unreturned, 1);
	for (unsigned i = 0; i < hart_count; i++)
		if (!wait_while(&requests[i], 1ul << me->id))
			atomic_fetch_add(&lost_ipis, 1);
	atomic_fetch_add(&finished, 1);
	wait_at_least(&finished, 2 * hart_count);
	interrupts_off();
	if (me->registers_lost)
		atomic_fetch_add(&errors, 1);
}

void test_storm(unsigned long seed, unsigned number)
{
	unsigned slow = 0;

	rounds = number;
	for (unsigned i = 0; i < hart_count; i++)
		page_map(PAGE_OF_STORM + i, frames[i][0], PAGE_R | PAGE_W);
	on_interrupt[SSI] = answer;
	on_interrupt[STI] = expire;
	hart_run_all(storm, NULL);
	for (unsigned i = 0; i < hart_count; i++)
		slow += atomic_load(&harts[i].beat) != rounds;
	is(slow, 0, "seed %lu: %u harts have done %u operations each", seed, hart_count, rounds);
	is(atomic_load(&unreturned), 0, "all at the end at once");
	is(atomic_load(&errors), 0, "no good call is refused, none loses a register");
	is(atomic_load(&lost_ipis), 0, "no IPI is lost");
	is(atomic_load(&lost_timers), 0, "no timer is lost");
	is(atomic_load(&stale), 0, "after a fence nobody sees what was");
}
