/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The timer (chapter 6), and the time (unprivileged specification 10.1: a constant rate, for all harts). */
#include "sbi.h"
#include "suites.h"
#include "supervisor.h"
#include "tap.h"

#define HOUR us(3600000000ul)

static struct sbi_result set_timer(uint64_t deadline)
{
	return call(EXT_TIME, 0, deadline);
}

/* --- Pending, without being taken ------------------------------------------------------------------------ */

static void comes(const char *when, uint64_t deadline)
{
	struct sbi_result r = set_timer(deadline);
	bool pending = wait_pending(STI);

	ok(!r.error && pending, "set_timer(%s): error %ld, value 0x%lx, pending comes", when,
	   r.error, r.value);
}

static void clears(const char *when, uint64_t deadline)
{
	struct sbi_result r;
	bool before, after;

	set_timer(0);
	before = wait_pending(STI);
	r = set_timer(deadline);
	after = is_pending(STI);
	ok(!r.error && before && !after,
	   "set_timer(%s): error %ld, value 0x%lx, pending goes at once", when, r.error, r.value);
	wait_us(SETTLE_US);
	ok(!is_pending(STI), "set_timer(%s): does not come back", when);
}

static bool comes_and_goes(void)
{
	for (unsigned i = 0; i < 100; i++) {
		set_timer(i & 1 ? 0 : now() + us(i));
		if (!wait_pending(STI))
			return false;
		set_timer(i & 2 ? TIMER_NEVER : now() + HOUR);
		if (is_pending(STI))
			return false;
	}
	return true;
}

static bool replaced_never_comes(void)
{
	set_timer(now() + us(300));
	set_timer(now() + HOUR);
	wait_us(SETTLE_US);
	return !is_pending(STI);
}

static bool not_early(void)
{
	for (unsigned i = 0; i < 20; i++) {
		uint64_t deadline = now() + us(50 + 10 * i);

		set_timer(deadline);
		while (!is_pending(STI))
			if (now() > deadline + us(LIMIT_US))
				return false;
		if (now() < deadline)
			return false;
	}
	return true;
}

/* --- Taken ------------------------------------------------------------------------------------------------- */

#define TICKS 20

static unsigned ticks_left[MAX_HARTS];
static uint64_t next_deadline[MAX_HARTS];
static atomic_uint early;

/* There is an end to it: where a call takes longer than that time, nothing but the handler would run. */
static void tick(struct hart *me)
{
	if (now() < next_deadline[me->id])
		atomic_fetch_add(&early, 1);
	next_deadline[me->id] = --ticks_left[me->id] ? now() + us(100) : TIMER_NEVER;
	plain_call(EXT_TIME, 0, next_deadline[me->id]);
}

static void once(struct hart *me)
{
	timer_never(me);
}

static unsigned taken(void)
{
	return atomic_load(&this_hart()->interrupts[STI]);
}

/* All harts at once; raises the argument. */
static void ticks(void *argument)
{
	struct hart *me = this_hart();
	unsigned before = taken();

	ticks_left[me->id] = TICKS;
	next_deadline[me->id] = now() + us(100);
	set_timer(next_deadline[me->id]);
	csr_set(sie, BIT(STI));
	interrupts_on();
	if (wait_at_least(&me->interrupts[STI], before + TICKS))
		atomic_fetch_add((atomic_uint *)argument, 1);
	interrupts_off();
	csr_clear(sie, BIT(STI));
	set_timer(TIMER_NEVER);
}

static void wfi_until_tick(bool taking)
{
	uint64_t deadline = now() + us(500);
	unsigned before = taken();

	set_timer(deadline);
	csr_set(sie, BIT(STI));
	while (taking ? taken() == before : !is_pending(STI)) {
		wfi();
		if (taking) {
			interrupts_on();
			interrupts_off();
		}
	}
	ok(now() >= deadline && taken() - before == taking, "wfi ends with the timer, which is %s",
	   taking ? "taken" : "not taken");
	csr_clear(sie, BIT(STI));
	set_timer(TIMER_NEVER);
}

static void test_taken(void)
{
	atomic_uint good = 0;
	unsigned before = taken();

	on_interrupt[STI] = once;
	csr_set(sie, BIT(STI));
	interrupts_on();
	set_timer(0);
	ok(wait_at_least(&this_hart()->interrupts[STI], before + 1), "a past deadline interrupts");
	wait_us(SETTLE_US);
	is(taken() - before, 1, "once, if the handler sets another");
	interrupts_off();
	csr_clear(sie, BIT(STI));
	on_interrupt[STI] = tick;
	hart_run_all(ticks, &good);
	is(atomic_load(&good), hart_count, "%u ticks of all harts at once", TICKS);
	is(atomic_load(&early), 0, "none of them early");
	on_interrupt[STI] = once;
	wfi_until_tick(false);
	wfi_until_tick(true);
	on_interrupt[STI] = NULL;
}

/* --- Time of several harts --------------------------------------------------------------------------------- */

#define TURNS     64 /* of all together: they spin, and the host may have few CPUs */
#define TOLERANCE us(100)

struct turns {
	atomic_uint turn;
	atomic_uint backwards;
	uint64_t last;
};

/* Each reads it after the one before it has. */
static void take_turns(void *argument)
{
	struct turns *turns = argument;
	unsigned id = this_hart()->id;

	for (unsigned i = 0; i < TURNS / hart_count; i++) {
		uint64_t time;

		if (!wait_at_least(&turns->turn, i * hart_count + id))
			return;
		time = now();
		if (time + TOLERANCE < turns->last)
			atomic_fetch_add(&turns->backwards, 1);
		turns->last = time;
		atomic_fetch_add(&turns->turn, 1);
	}
}

void test_time(void)
{
	struct turns turns = { 0 };

	comes("0", 0);
	comes("1", 1);
	comes("now", now());
	comes("now - 1", now() - 1);
	comes("now + 200 us", now() + us(200));
	clears("now + an hour", now() + HOUR);
	clears("-1", TIMER_NEVER);
	clears("-2", TIMER_NEVER - 1);
	clears("2^63 - 1", TIMER_NEVER >> 1);
	clears("2^63", 1ul << 63);
	clears("2^56", 1ul << 56);
	ok(comes_and_goes(), "pending comes and goes 100 times");
	ok(replaced_never_comes(), "a deadline that was replaced does not come");
	ok(not_early(), "pending does not come early");
	set_timer(TIMER_NEVER);
	test_taken();
	hart_run_all(take_turns, &turns);
	is(atomic_load(&turns.turn), TURNS / hart_count * hart_count,
	   "each hart reads the time in turn");
	is(atomic_load(&turns.backwards), 0, "it never goes backwards between them");
	registers_kept("TIME");
}
