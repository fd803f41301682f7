/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * wfi in machine mode (privileged specification 3.3.3): it ends for what is pending and enabled in
 * mie, whatever mstatus.MIE and mideleg say. It may end for less, so each is asked in a loop, and
 * what must not be delivered is looked at, not how often it slept.
 */
#include "payload.h"
#include "tap.h"

#define ROUNDS 20

static void sleep_until(unsigned interrupt)
{
	while (!is_pending(interrupt))
		wfi();
}

static void start(uint64_t enables)
{
	interrupts_reset();
	on_interrupt[MTI] = quiet_timer;
	on_interrupt[MSI] = quiet_software;
	csr_write(mie, enables);
}

static void masked(void)
{
	struct hart *me = this_hart();
	unsigned early = 0;

	start(BIT(MTI));
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t deadline = us_from_now(200);

		timer_set(0, deadline);
		sleep_until(MTI);
		early += mtime() < deadline;
		timer_set(0, TIMER_NEVER);
	}
	is(early, 0, "MIE = 0: the timer ends it, not before its time");
	is(atomic_load(&me->interrupts[MTI]), 0, "MIE = 0: nothing is taken");
}

/*
 * With interrupts on, one may be taken just before wfi; the handler arms the next, so that it does
 * not sleep for ever then.
 */
static uint64_t resumed;

static void arm_next(struct hart *me, struct frame *frame)
{
	resumed = frame->pc;
	timer_set(me->id, us_from_now(200));
}

static void taken(void)
{
	struct hart *me = this_hart();
	uintptr_t before = 0, after = 0;
	unsigned behind = 0, inside = 0;

	start(BIT(MTI));
	on_interrupt[MTI] = arm_next;
	timer_set(0, us_from_now(200));
	interrupts_on();
	while (atomic_load(&me->interrupts[MTI]) < ROUNDS) {
		__asm__ volatile("la %0, 1f\n\tla %1, 2f\n1:\twfi\n2:\tnop"
				 : "=&r"(before), "=&r"(after)::"memory");
		behind += resumed == after;
		inside += resumed > before && resumed < after;
	}
	interrupts_off();
	ok(true, "MIE = 1: the timer ends it and is taken, 20 times");
	ok(behind, "MIE = 1: mepc is the instruction behind it");
	is(inside, 0, "MIE = 1: mepc is never inside it");
}

static void pending_before(void)
{
	start(BIT(MTI));
	timer_set(0, 0);
	wait_pending(MTI);
	for (unsigned i = 0; i < ROUNDS; i++)
		wfi();
	ok(true, "pending and enabled, MIE = 0: it ends each time");
	start(BIT(MSI));
	clint_send(0);
	wait_pending(MSI);
	for (unsigned i = 0; i < ROUNDS; i++)
		wfi();
	ok(true, "a software interrupt pending, MIE = 0: it ends each time");
}

/* What is pending but not enabled does not hinder what is. */
static void not_enabled(void)
{
	start(BIT(MTI));
	clint_send(0);
	wait_pending(MSI);
	timer_set(0, us_from_now(300));
	sleep_until(MTI);
	ok(is_pending(MSI), "MSI pending and not enabled: the timer ends it, MSI still pends");
	is(atomic_load(&this_hart()->interrupts[MSI]), 0, "MSI pending and not enabled: not taken");
	clint_clear(0);
}

static void supervisor(uint64_t delegated)
{
	const char *what = delegated ? "delegated" : "not delegated";

	start(BIT(SSI));
	csr_write(mideleg, delegated);
	csr_set(mip, BIT(SSI));
	for (unsigned i = 0; i < ROUNDS; i++)
		wfi();
	ok(is_pending(SSI), "SSI pending and enabled, %s: it ends", what);
	csr_clear(mip, BIT(SSI));
	csr_write(mideleg, 0);
}

/* TW is for less privileged modes only. */
static void time_wait(void)
{
	start(BIT(MTI));
	csr_set(mstatus, MSTATUS_TW);
	timer_set(0, us_from_now(200));
	sleep_until(MTI);
	csr_clear(mstatus, MSTATUS_TW);
	ok(true, "TW = 1: wfi in machine mode works all the same");
	timer_set(0, TIMER_NEVER);
}

/* The payload sleeps; the firmware's timer comes through. */
static uint64_t sleep_in_s(uint64_t unused)
{
	for (;;)
		wfi();
	return unused;
}

static void payload_asleep(void)
{
	struct payload payload;

	start(BIT(MTI));
	pmp_open();
	csr_write(sie, 0);
	timer_set(0, us_from_now(300));
	payload_init(&payload, MODE_S, sleep_in_s, 0);
	is(payload_run(&payload), CAUSE_IS_INTERRUPT | MTI,
	   "wfi in S: machine mode's timer ends it");
	timer_set(0, TIMER_NEVER);
	csr_write(mie, 0);
}

/* --- With another hart ------------------------------------------------------------------------ */

static atomic_uint ready;

static void send_later(void *unused)
{
	(void)unused;
	for (unsigned round = 1; round <= ROUNDS; round++) {
		if (!wait_at_least(&ready, round))
			return;
		wait_us(round * 10);
		clint_send(0);
	}
}

static bool other_hart_masked(void)
{
	start(BIT(MSI));
	atomic_store(&ready, 0);
	hart_start(1, send_later, NULL);
	for (unsigned round = 1; round <= ROUNDS; round++) {
		atomic_store(&ready, round);
		sleep_until(MSI);
		clint_clear(0);
	}
	return hart_finish(1) && !atomic_load(&this_hart()->interrupts[MSI]);
}

/* The software interrupt is not enabled: only the timer may end the loop. */
static bool other_hart_not_enabled(void)
{
	start(BIT(MTI));
	atomic_store(&ready, ROUNDS);
	hart_start(1, send_later, NULL);
	timer_set(0, us_from_now(3000));
	sleep_until(MTI);
	timer_set(0, TIMER_NEVER);
	bool finished = hart_finish(1), pending = is_pending(MSI);

	clint_clear(0);
	return finished && pending && !atomic_load(&this_hart()->interrupts[MSI]);
}

static atomic_uint woken;

static void sleep_once(void *unused)
{
	struct hart *me = this_hart();

	(void)unused;
	csr_write(mie, BIT(MSI));
	atomic_fetch_add(&ready, 1);
	while (!is_pending(MSI))
		wfi();
	csr_write(mie, 0);
	clint_clear(me->id);
	atomic_fetch_add(&woken, 1);
}

static bool all_asleep(void)
{
	bool all = true;

	interrupts_reset();
	for (unsigned round = 1; round <= ROUNDS; round++) {
		atomic_store(&ready, 0);
		atomic_store(&woken, 0);
		for (unsigned i = 1; i < hart_count; i++)
			hart_start(i, sleep_once, NULL);
		all &= wait_at_least(&ready, hart_count - 1);
		for (unsigned i = 1; i < hart_count; i++)
			clint_send(i);
		all &= wait_at_least(&woken, hart_count - 1);
		for (unsigned i = 1; i < hart_count; i++)
			all &= hart_finish(i);
	}
	return all;
}

static const struct check multi[] = {
	{ "MIE = 0: another hart's MSI ends it", other_hart_masked },
	{ "MSI not enabled: the timer ends it, another hart's MSI stays pending",
	  other_hart_not_enabled },
	{ "all other harts asleep at once, all woken", all_asleep },
};

void guest_main(void)
{
	masked();
	taken();
	pending_before();
	not_enabled();
	supervisor(0);
	supervisor(BIT(SSI));
	time_wait();
	payload_asleep();
	CHECKS(multi, hart_count > 1 ? NULL : "machine: one hart");
}
