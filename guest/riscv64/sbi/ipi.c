/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Interrupts to other harts (chapter 7): which masks are valid, and who gets one. */
#include "sbi.h"
#include "suites.h"
#include "supervisor.h"
#include "tap.h"

static atomic_bool listening;

/* Takes IPIs until told to stop; asleep, since the host may have fewer CPUs than this machine harts. */
static void listen(void *argument)
{
	struct hart *me = this_hart();

	(void)argument;
	csr_set(sie, BIT(SSI));
	interrupts_on();
	while (atomic_load(&listening)) {
		atomic_fetch_add(&me->beat, 1);
		wfi();
	}
	interrupts_off();
	csr_clear(sie, BIT(SSI));
}

static bool beats_are(const unsigned wanted[MAX_HARTS])
{
	for (unsigned i = 1; i < hart_count; i++)
		if ((int)(atomic_load(&harts[i].beat) - wanted[i]) < 0)
			return false;
	return true;
}

/*
 * What was sent has been taken: a fence is synchronous and wakes whom it goes to, and each has then gone on
 * for two turns.
 */
static void settle(void)
{
	uint64_t limit = now() + us(LIMIT_US);
	unsigned wanted[MAX_HARTS] = { 0 };

	for (unsigned i = 1; i < hart_count; i++)
		wanted[i] = atomic_load(&harts[i].beat) + 2;
	do {
		plain_call(EXT_RFENCE, RFENCE_FENCE_I, 0, NEVER);
		if (now() > limit)
			bail_out("a hart does not wake up by fences");
	} while (!beats_are(wanted));
	wait_us(20);
}

static void start_listening(void)
{
	atomic_store(&listening, true);
	on_interrupt[SSI] = clear_software;
	for (unsigned i = 1; i < hart_count; i++)
		hart_start(i, listen, NULL);
	csr_set(sie, BIT(SSI));
	interrupts_on();
	settle();
}

static void stop_listening(void)
{
	interrupts_off();
	csr_clear(sie, BIT(SSI));
	atomic_store(&listening, false);
	for (unsigned i = 1; i < hart_count; i++)
		while (atomic_load(&harts[i].busy))
			plain_call(EXT_RFENCE, RFENCE_FENCE_I, 0, NEVER);
	on_interrupt[SSI] = NULL;
}

static unsigned all(void)
{
	return (1u << hart_count) - 1;
}

/* `wanted`: the error; `to`: who is to get it, if that is SUCCESS. */
static void sends(unsigned long mask, unsigned long base, long wanted, unsigned to)
{
	unsigned before[MAX_HARTS] = { 0 }, got = 0, twice = 0;
	struct sbi_result r;

	for (unsigned i = 0; i < hart_count; i++)
		before[i] = atomic_load(&harts[i].interrupts[SSI]);
	r = call(EXT_IPI, 0, mask, base);
	/* At least those that have to come are waited for. */
	for (unsigned i = 0; i < hart_count; i++)
		if (r.error == SUCCESS && (to >> i & 1))
			wait_at_least(&harts[i].interrupts[SSI], before[i] + 1);
	settle();
	for (unsigned i = 0; i < hart_count; i++) {
		unsigned count = atomic_load(&harts[i].interrupts[SSI]) - before[i];

		got |= (count > 0) << i;
		twice |= (count > 1) << i;
	}
	ok((wanted == ANY || r.error == wanted) &&
		   (r.error != SUCCESS || wanted == ANY || got == to) && !twice,
	   "send_ipi(0x%lx, 0x%lx): error %ld, value 0x%lx, taken by 0x%x", mask, base, r.error,
	   r.value, got);
}

static void good_masks(void)
{
	for (unsigned i = 0; i < hart_count; i++) {
		sends(1ul << i, 0, SUCCESS, 1u << i);
		sends(1, i, SUCCESS, 1u << i);
	}
	sends(all(), 0, SUCCESS, all());
	sends(all() >> 1, hart_count > 1, SUCCESS, hart_count > 1 ? all() & ~1u : 0);
	sends(0, NEVER, SUCCESS, all());
	sends(1, NEVER, SUCCESS, all());
	sends(NEVER, NEVER, SUCCESS, all());
	sends(0, 0, SUCCESS, 0);
	sends(0, hart_count - 1, SUCCESS, 0);
}

/* Of these the specification says that an absent hart is an error; OpenSBI has it so for some only. */
static void bad_masks(void)
{
	unsigned n = hart_count;
	const struct {
		unsigned long mask, base;
	} bad[] = {
		{ 1ul << n, 0 },
		{ 1ul << 63, 0 },
		{ all() | 1ul << n, 0 },
		{ NEVER, 0 },
		{ NEVER, 1 },
		{ NEVER << 1, n - 1 },
		{ 3, n - 1 },
		{ 1, n },
		{ 1, n + 1 },
		{ 1, 63 },
		{ 1, 64 },
		{ 1, 127 },
		{ 1, 128 },
		{ 1, 4096 },
		{ 1, 1ul << 31 },
		{ 1, 0xffffffff },
		{ 1, 1ul << 32 },
		{ 1, 1ul << 63 },
		{ 1, NEVER - 1 },
		{ 2, NEVER - 1 },
		{ 4, NEVER - 1 },
		{ NEVER, NEVER - 63 },
		{ 0, n },
		{ 0, 1ul << 32 },
		{ 0, NEVER - 1 },
	};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		sends(bad[i].mask, bad[i].base, ANY, 0);
}

/* --- Many ------------------------------------------------------------------------------------------------------ */

/* One after the other: each is taken before the next is sent. */
static bool none_lost(unsigned to)
{
	for (unsigned i = 0; i < 100; i++) {
		unsigned before = atomic_load(&harts[to].interrupts[SSI]);

		if (call(EXT_IPI, 0, 1, to).error ||
		    !wait_at_least(&harts[to].interrupts[SSI], before + 1))
			return false;
	}
	return true;
}

static atomic_uint rung[MAX_HARTS];

static void pass_on(struct hart *me)
{
	clear_software(me);
	if (atomic_fetch_add(&rung[me->id], 1) < 50)
		plain_call(EXT_IPI, 0, 1, (me->id + 1) % hart_count);
}

/* From hart to hart, sent by the handlers. */
static void round_and_round(void)
{
	bool good = true;

	on_interrupt[SSI] = pass_on;
	plain_call(EXT_IPI, 0, 1, hart_count - 1);
	for (unsigned i = 0; i < hart_count; i++)
		good &= wait_at_least(&rung[i], 50);
	settle();
	ok(good, "50 times round, sent on by the handlers");
	on_interrupt[SSI] = clear_software;
}

static void pending_and_masked(void)
{
	struct sbi_result r;

	interrupts_off();
	r = call(EXT_IPI, 0, 1, 0);
	ok(!r.error && is_pending(SSI), "to itself, with interrupts off: pending at once");
	call(EXT_IPI, 0, 1, 0);
	clear_software(this_hart());
	settle();
	ok(!is_pending(SSI), "cleared by sip, it stays so");
	interrupts_on();
}

void test_ipi(void)
{
	start_listening();
	good_masks();
	bad_masks();
	for (unsigned i = 0; i < hart_count; i++)
		ok(none_lost(i), "100 in turn to hart %u", i);
	round_and_round();
	pending_and_masked();
	stop_listening();
	registers_kept("IPI");
}
