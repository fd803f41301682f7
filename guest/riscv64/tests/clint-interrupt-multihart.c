/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The CLINT between harts: software interrupts sent to a sleeping hart, back and forth, by all at
 * once, withdrawn before they are taken; another hart's mtimecmp, whole and in halves. With one
 * hart all is skipped.
 */
#include "hart.h"
#include "tap.h"

#define WAKES     100
#define PING_PONG 1000
#define EACH      200
#define HOUR      (3600ull * TIMEBASE)

static atomic_uint step, answer, bad;

static void quiet(void)
{
	interrupts_reset();
	on_interrupt[MSI] = quiet_software;
	on_interrupt[MTI] = quiet_timer;
}

/* Both harts' counts are cleared by their owners, so a new part begins with this on each. */
static void begin(void *unused)
{
	(void)unused;
	quiet();
}

static void begin_all(void)
{
	hart_run_all(begin, NULL);
	atomic_store(&step, 0);
	atomic_store(&answer, 0);
	atomic_store(&bad, 0);
}

/* --- Hart 1 wakes hart 0 ---------------------------------------------------------------------- */

static void send_when_told(void *unused)
{
	(void)unused;
	for (unsigned round = 1; round <= WAKES; round++) {
		if (!wait_at_least(&step, round))
			return;
		wait_us(round % 5 * 20);
		clint_send(0);
	}
}

static void sleep_until_taken(unsigned round)
{
	struct hart *me = this_hart();

	interrupts_off();
	while (atomic_load(&me->interrupts[MSI]) < round) {
		wfi();
		interrupts_on();
		interrupts_off();
	}
}

static bool wakes(void)
{
	begin_all();
	csr_write(mie, BIT(MSI));
	hart_start(1, send_when_told, NULL);
	for (unsigned round = 1; round <= WAKES; round++) {
		atomic_store(&step, round);
		sleep_until_taken(round);
	}
	return hart_finish(1) && atomic_load(&this_hart()->interrupts[MSI]) == WAKES;
}

/* --- Ping-pong -------------------------------------------------------------------------------- */

static void pong(void *unused)
{
	(void)unused;
	csr_write(mie, BIT(MSI));
	atomic_store(&answer, 1);
	for (unsigned round = 1; round <= PING_PONG; round++) {
		sleep_until_taken(round);
		clint_send(0);
	}
	csr_write(mie, 0);
}

static bool ping_pong(void)
{
	begin_all();
	csr_write(mie, BIT(MSI));
	hart_start(1, pong, NULL);
	wait_at_least(&answer, 1);
	for (unsigned round = 1; round <= PING_PONG; round++) {
		clint_send(1);
		sleep_until_taken(round);
	}
	return hart_finish(1) && atomic_load(&harts[0].interrupts[MSI]) == PING_PONG &&
	       atomic_load(&harts[1].interrupts[MSI]) == PING_PONG;
}

/* --- All at once ------------------------------------------------------------------------------ */

static atomic_uint mailbox[MAX_HARTS], seen[MAX_HARTS];

/* What was stored before the MSI must be seen by whom it interrupts: only the handler looks. */
static void look(struct hart *me, struct frame *frame)
{
	quiet_software(me, frame);
	atomic_store(&seen[me->id], atomic_load_explicit(&mailbox[me->id], memory_order_relaxed));
}

static void send_round(void *unused)
{
	struct hart *me = this_hart();
	unsigned next = (me->id + 1) % hart_count;

	(void)unused;
	csr_write(mie, BIT(MSI));
	interrupts_on();
	for (unsigned round = 1; round <= EACH; round++) {
		atomic_store_explicit(&mailbox[next], round, memory_order_relaxed);
		clint_send(next);
		if (!wait_at_least(&seen[me->id], round))
			atomic_fetch_add(&bad, 1);
	}
	atomic_fetch_add(&step, 1);
	wait_at_least(&step, hart_count);
	interrupts_off();
	csr_write(mie, 0);
}

static bool all_at_once(void)
{
	begin_all();
	on_interrupt[MSI] = look;
	for (unsigned i = 0; i < hart_count; i++) {
		atomic_store(&mailbox[i], 0);
		atomic_store(&seen[i], 0);
	}
	return hart_run_all(send_round, NULL) && !atomic_load(&bad) &&
	       atomic_load(&step) == hart_count;
}

/* Each doorbell is answered: nothing is lost if all send to all. */
static atomic_uint received[MAX_HARTS], sent_to[MAX_HARTS];

static void count_mail(struct hart *me, struct frame *frame)
{
	quiet_software(me, frame);
	atomic_store(&received[me->id], atomic_load(&sent_to[me->id]));
}

static void send_all(void *unused)
{
	struct hart *me = this_hart();

	(void)unused;
	csr_write(mie, BIT(MSI));
	interrupts_on();
	for (unsigned round = 0; round < EACH; round++)
		for (unsigned i = 0; i < hart_count; i++) {
			atomic_fetch_add(&sent_to[i], 1);
			clint_send(i);
		}
	if (!wait_at_least(&received[me->id], EACH * hart_count))
		atomic_fetch_add(&bad, 1);
	interrupts_off();
	csr_write(mie, 0);
}

static bool storm(void)
{
	begin_all();
	on_interrupt[MSI] = count_mail;
	for (unsigned i = 0; i < hart_count; i++) {
		atomic_store(&received[i], 0);
		atomic_store(&sent_to[i], 0);
	}
	return hart_run_all(send_all, NULL) && !atomic_load(&bad);
}

/* --- Withdrawn -------------------------------------------------------------------------------- */

static void masked_until_told(void *unused)
{
	(void)unused;
	csr_write(mie, BIT(MSI));
	atomic_store(&answer, 1);
	if (!wait_at_least(&step, 1) || !wait_pending(MSI))
		atomic_fetch_add(&bad, 1);
	atomic_store(&answer, 2);
	if (!wait_at_least(&step, 2) || !wait_not_pending(MSI))
		atomic_fetch_add(&bad, 1);
	interrupts_on();
	wait_us(SETTLE_US);
	interrupts_off();
	csr_write(mie, 0);
}

static bool withdrawn(void)
{
	begin_all();
	hart_start(1, masked_until_told, NULL);
	wait_at_least(&answer, 1);
	clint_send(1);
	atomic_store(&step, 1);
	wait_at_least(&answer, 2);
	bool reads = read32(clint_msip_at(1)) == 1;

	write32(clint_msip_at(1), 0);
	reads &= read32(clint_msip_at(1)) == 0;
	__asm__ volatile("fence o, w" ::: "memory");
	atomic_store(&step, 2);
	return hart_finish(1) && reads && !atomic_load(&bad) &&
	       !atomic_load(&harts[1].interrupts[MSI]);
}

/* --- Another hart's timer --------------------------------------------------------------------- */

static void wait_for_timer(void *unused)
{
	struct hart *me = this_hart();

	(void)unused;
	csr_write(mie, BIT(MTI));
	interrupts_on();
	atomic_store(&answer, 1);
	if (!wait_at_least(&me->interrupts[MTI], 10))
		atomic_fetch_add(&bad, 1);
	interrupts_off();
	csr_write(mie, 0);
}

static bool others_timer(void (*set)(unsigned, uint64_t), bool past)
{
	unsigned taken = 0;

	begin_all();
	hart_start(1, wait_for_timer, NULL);
	wait_at_least(&answer, 1);
	for (unsigned round = 1; round <= 10; round++) {
		set(1, past ? 0 : us_from_now(200));
		taken += wait_at_least(&harts[1].interrupts[MTI], round);
	}
	return hart_finish(1) && taken == 10 && !atomic_load(&bad) &&
	       atomic_load(&harts[1].interrupts[MTI]) == 10 &&
	       !atomic_load(&harts[0].interrupts[MTI]);
}

static bool others_timer_whole(void)
{
	return others_timer(timer_set, false);
}

static bool others_timer_halves(void)
{
	return others_timer(timer_set_halves, false);
}

static bool others_timer_past(void)
{
	return others_timer(timer_set, true);
}

static void sleep_for_timer(void *unused)
{
	struct hart *me = this_hart();

	(void)unused;
	csr_write(mie, BIT(MTI));
	atomic_store(&answer, 1);
	while (!atomic_load(&me->interrupts[MTI])) {
		wfi();
		interrupts_on();
		interrupts_off();
	}
	csr_write(mie, 0);
}

static bool others_timer_asleep(void)
{
	begin_all();
	hart_start(1, sleep_for_timer, NULL);
	wait_at_least(&answer, 1);
	wait_us(SETTLE_US);
	timer_set(1, us_from_now(300));
	return hart_finish(1);
}

/* Raised and lowered again from here, while hart 1 looks at its mip with interrupts off. */
static void watch_timer(void *unused)
{
	(void)unused;
	atomic_store(&answer, 1);
	if (!wait_pending(MTI))
		atomic_fetch_add(&bad, 1);
	atomic_store(&answer, 2);
	if (!wait_not_pending(MTI))
		atomic_fetch_add(&bad, 1);
}

static bool others_timer_level(void)
{
	begin_all();
	hart_start(1, watch_timer, NULL);
	wait_at_least(&answer, 1);
	timer_set(1, 0);
	wait_at_least(&answer, 2);
	timer_set(1, mtime() + HOUR);
	bool finished = hart_finish(1), reads;

	timer_set(1, UINT64_C(0x123456789abcdef));
	reads = read64(clint_mtimecmp_at(1)) == UINT64_C(0x123456789abcdef) &&
		read32(clint_mtimecmp_at(1) + 4) == 0x1234567;
	timer_set(1, TIMER_NEVER);
	return finished && reads && !atomic_load(&bad);
}

/* --- Timers of all harts ---------------------------------------------------------------------- */

static void own_timer(void *unused)
{
	struct hart *me = this_hart();

	(void)unused;
	csr_write(mie, BIT(MTI));
	interrupts_on();
	for (unsigned round = 1; round <= 50; round++) {
		timer_set(me->id, us_from_now(100));
		if (!wait_at_least(&me->interrupts[MTI], round))
			atomic_fetch_add(&bad, 1);
	}
	interrupts_off();
	csr_write(mie, 0);
	if (atomic_load(&me->interrupts[MTI]) != 50)
		atomic_fetch_add(&bad, 1);
}

static bool all_timers(void)
{
	begin_all();
	return hart_run_all(own_timer, NULL) && !atomic_load(&bad);
}

static const struct check multi[] = {
	{ "hart 1 wakes hart 0 from wfi, 100 times", wakes },
	{ "ping-pong through wfi, 1000 times", ping_pong },
	{ "a ring of all harts, 200 rounds: stores before an MSI are seen", all_at_once },
	{ "all harts send to all: none is lost", storm },
	{ "an MSI that is withdrawn by its sender is not taken", withdrawn },
	{ "another hart's mtimecmp, whole: taken there ten times", others_timer_whole },
	{ "another hart's mtimecmp, in halves: taken there ten times", others_timer_halves },
	{ "another hart's mtimecmp, in the past: taken there ten times", others_timer_past },
	{ "another hart's mtimecmp ends its wfi", others_timer_asleep },
	{ "another hart's mtimecmp raises and lowers MTIP there, and reads back",
	  others_timer_level },
	{ "timers of all harts at once", all_timers },
};

void guest_main(void)
{
	CHECKS(multi, hart_count > 1 ? NULL : "machine: one hart");
}
