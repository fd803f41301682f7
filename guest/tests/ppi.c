/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Private peripheral interrupts: the two EL1 timers as level-sensitive sources (Arm ARM D11.2.4,
 * IHI 0069 4.1 and 4.2, IHI 0048 3.2), masked at the timer and at the GIC, and PPIs set pending by hand.
 */
#include "gic.h"
#include "tap.h"
#include "timer.h"

#define NEAR_US 2000
#define ROUNDS  100
#define TRIES   20

static const struct timer *under_test;
static atomic_uint early;

/* Takes away the condition; an interrupt before its time is counted. */
static void quiet(struct cpu *me, unsigned intid)
{
	(void)me;
	if (intid != under_test->intid)
		return;
	if (!(timer_status(under_test) & TIMER_ISTATUS) ||
	    timer_counter(under_test) < timer_compare(under_test))
		atomic_fetch_add(&early, 1);
	timer_control(under_test, 0);
}

static uint64_t after_us(const struct timer *timer, unsigned us)
{
	return timer_counter(timer) + read_sysreg(cntfrq_el0) * us / 1000000;
}

static bool fires_once(const struct timer *timer)
{
	struct cpu *me = this_cpu();

	return wait_at_least(&me->seen[timer->intid], 1) &&
	       gic_wait_active(me->index, timer->intid, false) &&
	       count_of(me->index, timer->intid) == 1;
}

static void expiry(const struct timer *timer)
{
	timer_set(timer, 0, TIMER_ENABLE);
	ok(fires_once(timer), "%s: compare value 0: fires", timer->name);
	counts_clear();
	timer_set(timer, timer_counter(timer) - 1, TIMER_ENABLE);
	ok(fires_once(timer), "%s: just past: fires", timer->name);
	counts_clear();
	timer_control(timer, TIMER_ENABLE);
	ok(fires_once(timer), "%s: enabled again with the old compare value: fires", timer->name);
	counts_clear();
	timer_set(timer, after_us(timer, NEAR_US), TIMER_ENABLE);
	ok(fires_once(timer), "%s: near: fires", timer->name);
	counts_clear();
	timer_set_value(timer, -1);
	timer_control(timer, TIMER_ENABLE);
	ok(fires_once(timer), "%s: timer value below zero: fires", timer->name);
	counts_clear();
	timer_set_value(timer, (int32_t)(read_sysreg(cntfrq_el0) / 1000));
	timer_control(timer, TIMER_ENABLE);
	ok(fires_once(timer), "%s: timer value of 1 ms: fires", timer->name);
	counts_clear();
	is(atomic_load(&early), 0, "%s: never before its time", timer->name);
}

static void far(const struct timer *timer)
{
	timer_set(timer, after_us(timer, 3600u * 1000000u), TIMER_ENABLE);
	wait_ms(SETTLE_MS);
	is(count_of(0, timer->intid), 0, "%s: in an hour: not now", timer->name);
	ok(!(timer_status(timer) & TIMER_ISTATUS), "%s: in an hour: ISTATUS is 0", timer->name);
	timer_set_compare(timer, after_us(timer, NEAR_US));
	ok(fires_once(timer), "%s: far, then reprogrammed near: fires", timer->name);
	counts_clear();
	timer_set(timer, TIMER_NEVER, TIMER_ENABLE);
	wait_ms(SETTLE_MS);
	is(count_of(0, timer->intid), 0, "%s: largest compare value: not now", timer->name);
	timer_control(timer, 0);
}

/* Tries again when the machine was too slow to reprogram before the expiry. */
static bool push_back_in_time(const struct timer *timer)
{
	for (unsigned i = 0; i < TRIES; i++) {
		uint64_t first = after_us(timer, NEAR_US * 4);
		bool in_time;

		irq_mask();
		timer_set(timer, first, TIMER_ENABLE);
		timer_set_compare(timer, after_us(timer, 3600u * 1000000u));
		in_time = timer_counter(timer) < first;
		if (!in_time)
			timer_control(timer, 0);
		irq_unmask();
		if (in_time)
			return true;
		counts_clear();
	}
	return false;
}

static void reprogrammed(const struct timer *timer)
{
	ok(push_back_in_time(timer), "%s: pushed back before expiry", timer->name);
	wait_ms(SETTLE_MS);
	is(count_of(0, timer->intid), 0, "%s: pushed back: does not fire at the old time",
	   timer->name);
	timer_control(timer, 0);
	timer_set(timer, after_us(timer, NEAR_US), TIMER_ENABLE);
	timer_control(timer, 0);
	counts_clear();
	wait_ms(SETTLE_MS);
	is(count_of(0, timer->intid), 0, "%s: stopped before expiry: does not fire", timer->name);
	counts_clear();
}

static void masked_at_the_timer(const struct timer *timer)
{
	timer_set(timer, 0, TIMER_ENABLE | TIMER_IMASK);
	ok(timer_status(timer) & TIMER_ISTATUS, "%s: IMASK: ISTATUS is 1", timer->name);
	ok(!gic_is_pending(0, timer->intid), "%s: IMASK: the GIC sees no line", timer->name);
	wait_ms(SETTLE_MS);
	is(count_of(0, timer->intid), 0, "%s: IMASK: no interrupt", timer->name);
	timer_control(timer, TIMER_ENABLE);
	ok(fires_once(timer), "%s: IMASK cleared: fires", timer->name);
	counts_clear();
}

static void masked_at_the_gic(const struct timer *timer)
{
	gic_disable(0, timer->intid);
	timer_set(timer, 0, TIMER_ENABLE);
	ok(gic_wait_pending(0, timer->intid, true), "%s: disabled at the GIC: pending",
	   timer->name);
	wait_ms(SETTLE_MS);
	is(count_of(0, timer->intid), 0, "%s: disabled at the GIC: not delivered", timer->name);
	timer_control(timer, 0);
	ok(gic_wait_pending(0, timer->intid, false), "%s: condition gone: not pending",
	   timer->name);
	gic_enable(0, timer->intid);
	wait_ms(SETTLE_MS);
	is(count_of(0, timer->intid), 0, "%s: enabled after it went: not delivered", timer->name);
	gic_disable(0, timer->intid);
	timer_control(timer, TIMER_ENABLE);
	gic_wait_pending(0, timer->intid, true);
	gic_enable(0, timer->intid);
	ok(fires_once(timer), "%s: enabled while it holds: fires", timer->name);
	counts_clear();
}

/* Interrupts masked, everything by hand: what the registers show of a level-sensitive interrupt. */
static void level(const struct timer *timer)
{
	unsigned intid = timer->intid;

	irq_mask();
	timer_set(timer, 0, TIMER_ENABLE);
	ok(gic_wait_pending(0, intid, true), "%s: level: pending while the line is high",
	   timer->name);
	gic_clear_pending(0, intid);
	ok(gic_is_pending(0, intid), "%s: level: ICPENDR does not lower the line", timer->name);
	timer_control(timer, 0);
	ok(gic_wait_pending(0, intid, false), "%s: level: not pending when it falls", timer->name);
	timer_control(timer, TIMER_ENABLE);
	ok(gic_wait_pending(0, intid, true), "%s: level: pending when it rises again", timer->name);
	ok(wait_irq_asserted(), "%s: level: the CPU sees it", timer->name);
	is(gic_acknowledge(), intid, "%s: level: acknowledged", timer->name);
	ok(gic_is_active(0, intid), "%s: level: active after acknowledge", timer->name);
	ok(gic_wait_pending(0, intid, true), "%s: level: active and pending, line high",
	   timer->name);
	ok(!irq_asserted(), "%s: level: not signalled while active", timer->name);
	gic_end(intid);
	ok(wait_irq_asserted(), "%s: level: signalled again after the end, line high", timer->name);
	is(gic_acknowledge(), intid, "%s: level: acknowledged again", timer->name);
	timer_control(timer, 0);
	ok(gic_wait_pending(0, intid, false), "%s: level: active only, line low", timer->name);
	ok(gic_is_active(0, intid), "%s: level: still active", timer->name);
	gic_end(intid);
	ok(gic_wait_active(0, intid, false), "%s: level: inactive after the end", timer->name);
	wait_ms(SETTLE_MS);
	ok(!irq_asserted(), "%s: level: nothing more, line low", timer->name);
	irq_unmask();
	is(count_total(0), 0, "%s: level: nothing delivered when unmasked", timer->name);
	counts_clear();
}

/* The handler ends the interrupt with the line high twice, and lowers it in the third round. */
static void quiet_at_third(struct cpu *me, unsigned intid)
{
	if (count_of(me->index, intid) == 2)
		timer_control(under_test, 0);
}

static void repeated(const struct timer *timer)
{
	on_interrupt = quiet_at_third;
	timer_set(timer, 0, TIMER_ENABLE);
	ok(wait_at_least(&cpus[0].seen[timer->intid], 3), "%s: taken again until lowered",
	   timer->name);
	wait_ms(SETTLE_MS);
	is(count_of(0, timer->intid), 3, "%s: and not after that", timer->name);
	timer_control(timer, 0);
	on_interrupt = quiet;
	counts_clear();
}

/* WFI wakes although PSTATE.I masks the interrupt; it may also wake for no reason. */
static void sleep_masked(const struct timer *timer)
{
	uint64_t limit = counter_after_ms(LIMIT_MS), expiry;

	irq_mask();
	expiry = after_us(timer, NEAR_US);
	timer_set(timer, expiry, TIMER_ENABLE);
	while (!irq_asserted() && !counter_passed(limit))
		wfi();
	ok(irq_asserted(), "%s: WFI with interrupts masked wakes", timer->name);
	ok(timer_counter(timer) >= expiry, "%s: WFI: not with the interrupt before its time",
	   timer->name);
	is(count_of(0, timer->intid), 0, "%s: WFI: not delivered while masked", timer->name);
	irq_unmask();
	ok(fires_once(timer), "%s: WFI: delivered when unmasked", timer->name);
	counts_clear();
}

static void sleep_unmasked(const struct timer *timer)
{
	unsigned woken = 0;

	for (unsigned round = 1; round <= 20; round++) {
		uint64_t limit = counter_after_ms(LIMIT_MS);

		irq_mask();
		timer_set(timer, after_us(timer, NEAR_US / 4), TIMER_ENABLE);
		while (count_of(0, timer->intid) < round && !counter_passed(limit)) {
			wfi();
			irq_unmask();
			irq_mask();
		}
		irq_unmask();
		woken += count_of(0, timer->intid) == round;
	}
	is(woken, 20, "%s: WFI, taken after each of 20 sleeps", timer->name);
	counts_clear();
}

static void set_by_hand(const struct timer *timer)
{
	unsigned intid = timer->intid;

	on_interrupt = NULL;
	gic_set_pending(0, intid);
	ok(gic_quirks.no_ppi_by_hand || fires_once(timer),
	   "%s: ISPENDR with the line low: delivered once", timer->name);
	ok(!gic_is_pending(0, intid), "%s: ISPENDR: not pending after it", timer->name);
	counts_clear();
	irq_mask();
	gic_set_pending(0, intid);
	ok(gic_quirks.no_ppi_by_hand || gic_is_pending(0, intid), "%s: ISPENDR reads back",
	   timer->name);
	gic_clear_pending(0, intid);
	ok(!gic_is_pending(0, intid), "%s: ICPENDR takes it back", timer->name);
	irq_unmask();
	wait_ms(SETTLE_MS);
	is(count_total(0), 0, "%s: ICPENDR: not delivered", timer->name);
	on_interrupt = quiet;
	counts_clear();
}

static void timer_tests(const struct timer *timer)
{
	under_test = timer;
	on_interrupt = quiet;
	timer_control(timer, 0);
	gic_enable(0, timer->intid);
	expiry(timer);
	far(timer);
	reprogrammed(timer);
	masked_at_the_timer(timer);
	masked_at_the_gic(timer);
	level(timer);
	repeated(timer);
	sleep_masked(timer);
	sleep_unmasked(timer);
	set_by_hand(timer);
	gic_disable(0, timer->intid);
}

/* Both timers of every CPU at once. */
static void periodic(struct cpu *me, unsigned intid)
{
	const struct timer *timer = intid == timer_virtual.intid ? &timer_virtual : &timer_physical;

	if (count_of(me->index, intid) + 1 < ROUNDS)
		timer_set_compare(timer, after_us(timer, 200));
	else
		timer_control(timer, 0);
}

static atomic_uint complete;

static void run_both_timers(void *unused)
{
	struct cpu *me = this_cpu();

	(void)unused;
	gic_enable(me->index, timer_virtual.intid);
	gic_enable(me->index, timer_physical.intid);
	timer_set(&timer_virtual, after_us(&timer_virtual, 200), TIMER_ENABLE);
	timer_set(&timer_physical, after_us(&timer_physical, 200), TIMER_ENABLE);
	if (wait_at_least(&me->seen[timer_virtual.intid], ROUNDS) &&
	    wait_at_least(&me->seen[timer_physical.intid], ROUNDS))
		atomic_fetch_add(&complete, 1);
	timer_control(&timer_virtual, 0);
	timer_control(&timer_physical, 0);
	gic_disable(me->index, timer_virtual.intid);
	gic_disable(me->index, timer_physical.intid);
}

static void all_cpus(void)
{
	on_interrupt = periodic;
	cpu_run_all(run_both_timers, NULL);
	is(atomic_load(&complete), cpu_count, "both timers of all CPUs at once: none lost");
	is(count_all(timer_virtual.intid), ROUNDS * cpu_count, "virtual timers: as many as armed");
	is(count_all(timer_physical.intid), ROUNDS * cpu_count,
	   "physical timers: as many as armed");
	on_interrupt = NULL;
	counts_clear();
}

/*
 * A PPI without a device, pending by hand, also another CPU's: through that one's redistributor
 * frame, or in a GICv2 by that CPU itself.
 */
static void free_ppi(void)
{
	for (unsigned cpu = 0; cpu < 2; cpu++) {
		const char *whose = cpu ? "another CPU's" : "own";
		bool quirk = gic_quirks.no_ppi_by_hand;

		gic_set_pending(cpu, PPI_FREE);
		ok(quirk || gic_is_pending(cpu, PPI_FREE), "%s PPI by hand: pending while disabled",
		   whose);
		ok(!gic_is_pending(!cpu, PPI_FREE), "%s PPI by hand: on no other CPU", whose);
		wait_ms(SETTLE_MS);
		is(count_all(PPI_FREE), 0, "%s PPI by hand: not delivered while disabled", whose);
		gic_enable(cpu, PPI_FREE);
		ok(quirk || wait_at_least(&cpus[cpu].seen[PPI_FREE], 1),
		   "%s PPI by hand: delivered", whose);
		is(count_all(PPI_FREE), !quirk, "%s PPI by hand: once", whose);
		gic_disable(cpu, PPI_FREE);
		counts_clear();
	}
}

void guest_main(void)
{
	timer_tests(&timer_virtual);
	timer_tests(&timer_physical);
	all_cpus();
	free_ppi();
}
