/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Priority drop and deactivation, together or apart (IHI 0069, 4.1.1 and ICC_CTLR_EL1.EOImode; IHI
 * 0048, 3.2.1 and GICC_DIR): what stays active after its end, in which order it is deactivated and
 * by whom, the mode changed in between, and more active interrupts than a virtualized CPU interface
 * has list registers.
 */
#include "gic.h"
#include "tap.h"
#include "timer.h"

#define SPI    SPI_FREE
#define MANY   48
#define ROUNDS 100

static void setup(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		spi_setup(SPI + i, 0, PRIORITY_DEFAULT, true);
}

static void release(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		spi_release(SPI + i);
	counts_clear();
}

/* Interrupts are masked: it has to be signalled, and be what is acknowledged. */
static bool comes(unsigned intid)
{
	return wait_irq_asserted() && gic_acknowledge() == intid;
}

static bool taken_and_dropped(unsigned intid)
{
	gic_set_pending(0, intid);
	if (!comes(intid))
		return false;
	gic_end(intid);
	return true;
}

static unsigned active_ones(unsigned n)
{
	unsigned active = 0;

	for (unsigned i = 0; i < n; i++)
		active += gic_is_active(0, SPI + i);
	return active;
}

/* What one interrupt goes through, whatever its kind. `again` makes it pending. */
static void apart(const char *what, unsigned intid, void (*again)(void))
{
	irq_mask();
	again();
	ok(comes(intid), "%s: acknowledged", what);
	unsigned running = gic_running_priority();

	gic_end(intid);
	is(running, PRIORITY_DEFAULT, "%s: its priority runs", what);
	is(gic_running_priority(), PRIORITY_IDLE, "%s: the end drops the priority", what);
	ok(gic_is_active(0, intid), "%s: the end leaves it active", what);
	ok(!irq_asserted(), "%s: nothing signalled", what);
	again();
	ok(gic_wait_pending(0, intid, true), "%s: active and pending", what);
	wait_ms(SETTLE_MS / 4);
	ok(!irq_asserted(), "%s: active and pending: not signalled", what);
	is(gic_acknowledge(), INTID_SPURIOUS, "%s: active and pending: not acknowledged", what);
	gic_deactivate(intid);
	ok(comes(intid), "%s: deactivated: comes again", what);
	gic_end(intid);
	gic_deactivate(intid);
	ok(!gic_is_active(0, intid), "%s: deactivated: inactive", what);
	wait_ms(SETTLE_MS / 4);
	ok(!irq_asserted(), "%s: deactivated: nothing more", what);
	irq_unmask();
	is(count_total(0), 0, "%s: nothing left", what);
	counts_clear();
}

static void pend_spi(void)
{
	gic_set_pending(0, SPI);
}

static void send_sgi(void)
{
	sgi_send(0, 3);
}

static void pend_ppi(void)
{
	gic_set_pending(0, PPI_FREE);
}

static void kinds(void)
{
	spi_setup(SPI, 0, PRIORITY_DEFAULT, true);
	apart("edge SPI", SPI, pend_spi);
	spi_setup(SPI, 0, PRIORITY_DEFAULT, false);
	apart("level SPI", SPI, pend_spi);
	spi_release(SPI);
	apart("SGI", 3, send_sgi);
	if (!gic_only(3, "PPI pending by hand"))
		return;
	gic_enable(0, PPI_FREE);
	apart("PPI", PPI_FREE, pend_ppi);
	gic_disable(0, PPI_FREE);
}

/* Group 0 has an end of its own in a GICv3; the deactivation is the same. */
static void group0(void)
{
	spi_setup(SPI, 0, PRIORITY_DEFAULT, true);
	gic_set_group(0, SPI, 0);
	irq_mask();
	gic_set_pending(0, SPI);
	ok(wait_fiq_asserted(), "group 0: an FIQ");
	is(gic_acknowledge0(), SPI, "group 0: acknowledged");
	gic_end0(SPI);
	is(gic_running_priority(), PRIORITY_IDLE, "group 0: the end drops the priority");
	ok(gic_is_active(0, SPI), "group 0: the end leaves it active");
	gic_deactivate(SPI);
	ok(!gic_is_active(0, SPI), "group 0: deactivated");
	gic_set_group(0, SPI, 1);
	irq_unmask();
	release(1);
}

/* A level-sensitive source: as long as the line is high it comes again after each deactivation. */
static void line_high(void)
{
	const struct timer *timer = &timer_virtual;
	unsigned intid = timer->intid;

	gic_enable(0, intid);
	irq_mask();
	timer_set(timer, 0, TIMER_ENABLE);
	ok(comes(intid), "timer: acknowledged");
	gic_end(intid);
	wait_ms(SETTLE_MS / 4);
	ok(!irq_asserted(), "timer, line high, priority dropped: not signalled while active");
	gic_deactivate(intid);
	ok(comes(intid), "timer, line high, deactivated: comes again");
	gic_end(intid);
	timer_control(timer, 0);
	ok(gic_wait_pending(0, intid, false), "timer, line low: active only");
	ok(gic_is_active(0, intid), "timer, line low: still active");
	gic_deactivate(intid);
	ok(!gic_is_active(0, intid), "timer, line low, deactivated: inactive");
	wait_ms(SETTLE_MS / 4);
	ok(!irq_asserted(), "timer, line low, deactivated: nothing more");
	timer_control(timer, TIMER_ENABLE);
	ok(comes(intid), "timer, line high once more: comes");
	timer_control(timer, 0);
	gic_wait_pending(0, intid, false);
	gic_end(intid);
	gic_deactivate(intid);
	irq_unmask();
	gic_disable(0, intid);
	is(count_total(0), 0, "timer: nothing left");
	counts_clear();
}

/* Each deactivation is its own interrupt's, in whatever order they come. */
static void in_order(const char *how, unsigned (*pick)(unsigned), unsigned n)
{
	unsigned right = 0;

	setup(n);
	irq_mask();
	for (unsigned i = 0; i < n; i++)
		right += taken_and_dropped(SPI + i);
	is(right, n, "%u active at once, %s: all taken", n, how);
	is(active_ones(n), n, "%u active at once, %s: all read as active", n, how);
	is(gic_running_priority(), PRIORITY_IDLE, "%u active at once, %s: no priority runs", n,
	   how);
	right = 0;
	for (unsigned i = 0; i < n; i++) {
		gic_deactivate(SPI + pick(i));
		right += !gic_is_active(0, SPI + pick(i)) && active_ones(n) == n - 1 - i;
	}
	is(right, n, "%u deactivated, %s: each at its own turn", n, how);
	for (unsigned i = 0; i < n; i++) {
		gic_set_pending(0, SPI + i);
		right -= comes(SPI + i);
		gic_end(SPI + i);
		gic_deactivate(SPI + i);
	}
	is(right, 0, "%u deactivated, %s: each comes again", n, how);
	irq_unmask();
	release(n);
}

static unsigned forwards(unsigned i)
{
	return i;
}

static unsigned backwards(unsigned i)
{
	return 11 - i;
}

static unsigned shuffled(unsigned i)
{
	return i * 7 % 12;
}

static unsigned shuffled_many(unsigned i)
{
	return i * 29 % MANY;
}

/* All active, all pending again; every one comes when it is deactivated, and not before. */
static void pending_behind_each(void)
{
	unsigned right = 0;

	setup(MANY);
	irq_mask();
	for (unsigned i = 0; i < MANY; i++)
		taken_and_dropped(SPI + i);
	for (unsigned i = 0; i < MANY; i++)
		gic_set_pending(0, SPI + i);
	wait_ms(SETTLE_MS);
	ok(!irq_asserted(), "%u active and pending: none signalled", MANY);
	for (unsigned i = 0; i < MANY; i++) {
		gic_deactivate(SPI + shuffled_many(i));
		right += comes(SPI + shuffled_many(i));
		gic_end(SPI + shuffled_many(i));
	}
	is(right, MANY, "%u active and pending: each comes at its deactivation", MANY);
	is(active_ones(MANY), MANY, "and all are active again");
	spi_setup(SPI + MANY, 0, PRIORITY_DEFAULT, true);
	ok(taken_and_dropped(SPI + MANY), "one more comes although so many are active");
	gic_deactivate(SPI + MANY);
	spi_release(SPI + MANY);
	for (unsigned i = 0; i < MANY; i++)
		gic_deactivate(SPI + i);
	is(active_ones(MANY), 0, "none active in the end");
	ok(!irq_asserted(), "none pending in the end");
	irq_unmask();
	is(count_total(0), 0, "nothing left");
	release(MANY);
}

/*
 * As many levels as priorities have, at least 16, but the lowest, which is never signalled; each
 * preempts the one before.
 */
struct nesting {
	bool split;
	unsigned step, levels, taken, running, ended, active;
};

static unsigned priority_of(const struct nesting *it, unsigned level)
{
	return 256 - it->step * (level + 2);
}

static void nest(void *argument)
{
	struct nesting *it = argument;
	irq_mask();
	gic_split_end(it->split);
	for (unsigned i = 0; i < it->levels; i++) {
		gic_set_pending(0, SPI + i);
		it->taken += comes(SPI + i);
		it->running += gic_running_priority() == priority_of(it, i);
	}
	it->active = active_ones(it->levels);
	for (unsigned i = it->levels; i-- > 0;) {
		gic_end(SPI + i);
		it->ended += gic_running_priority() == (i ? priority_of(it, i - 1) : PRIORITY_IDLE);
		it->ended += gic_is_active(0, SPI + i) == it->split;
	}
	for (unsigned i = 0; i < it->levels && it->split; i++)
		gic_deactivate(SPI + i);
	gic_split_end(true);
}

/* From one priority to the next; more than 32 levels of preemption no virtual interface has. */
static unsigned step_of_priority(void)
{
	unsigned step;

	spi_setup(SPI, 0, 0xff, true);
	step = gic_priority(0, SPI) & 0x08 ? 8 : 16;
	spi_release(SPI);
	return step;
}

static void nested(unsigned cpu, bool split)
{
	unsigned step = step_of_priority();
	struct nesting it = { split, step, 256 / step - 1, 0, 0, 0, 0 };
	const char *how = split ? "dropped, then deactivated" : "ended";

	for (unsigned i = 0; i < it.levels; i++)
		spi_setup(SPI + i, cpu, (uint8_t)priority_of(&it, i), true);
	cpu_run(cpu, nest, &it);
	is(it.taken, it.levels, "CPU %u, all levels nested, %s: taken", cpu, how);
	is(it.running, it.levels, "CPU %u, all levels nested, %s: each priority runs", cpu, how);
	is(it.active, it.levels, "CPU %u, all levels nested, %s: all active", cpu, how);
	is(it.ended, 2 * it.levels, "CPU %u, all levels nested, %s: each end right", cpu, how);
	is(active_ones(it.levels), 0, "CPU %u, all levels nested, %s: none active", cpu, how);
	is(count_total(cpu), 0, "CPU %u, all levels nested, %s: nothing left", cpu, how);
	release(it.levels);
}

/*
 * Another CPU's deactivation of an SPI. What a failed one leaves is cleared by hand, so that the
 * rest of the test is of use.
 */
static void deactivate_there(void *intid)
{
	gic_deactivate(*(unsigned *)intid);
}

static void split_here(void *split)
{
	gic_split_end(*(bool *)split);
}

#define QEMU_ACTIVE "a CPU deactivates its own active state only"

static void by_another(void)
{
	unsigned intid = SPI, right = 0;
	bool stuck;

	setup(1);
	irq_mask();
	ok(taken_and_dropped(SPI), "by another CPU: taken and dropped here");
	gic_set_pending(0, SPI);
	cpu_run(1, deactivate_there, &intid);
	stuck = gic_is_active(0, SPI);
	ok(!stuck || gic_excused(stuck, QEMU_ACTIVE), "by another CPU: deactivated there");
	if (stuck)
		gic_clear_active(0, SPI);
	ok(comes(SPI), "by another CPU: what pended behind it comes");
	gic_end(SPI);
	gic_deactivate(SPI);
	ok(!gic_is_active(0, SPI), "by this CPU: deactivated");
	for (unsigned round = 0; round < ROUNDS; round++) {
		right += taken_and_dropped(SPI);
		cpu_run(1 + round % (cpu_count - 1), deactivate_there, &intid);
		irq_mask();
		stuck |= gic_is_active(0, SPI);
		if (stuck)
			gic_clear_active(0, SPI);
	}
	is(right, ROUNDS, "by other CPUs, again and again: taken each time");
	ok(!stuck || gic_excused(stuck, QEMU_ACTIVE), "by other CPUs, again and again");
	irq_unmask();
	is(count_total(0), 0, "by another CPU: nothing left");
	release(1);
}

/* Many at once, all acknowledged here and all deactivated there. */
static void deactivate_many(void *n)
{
	for (unsigned i = 0; i < *(unsigned *)n; i++)
		gic_deactivate(SPI + shuffled_many(i));
}

static void many_by_another(void)
{
	unsigned n = MANY, right = 0;

	setup(n);
	irq_mask();
	for (unsigned i = 0; i < n; i++)
		right += taken_and_dropped(SPI + i);
	is(right, n, "%u by another CPU: all taken here", n);
	cpu_run(1, deactivate_many, &n);
	irq_mask();
	unsigned left = active_ones(n);

	ok(!left || gic_excused(left == n, QEMU_ACTIVE), "%u by another CPU: all deactivated", n);
	deactivate_many(&n);
	is(active_ones(n), 0, "%u by another CPU: deactivated once more: none active", n);
	irq_unmask();
	is(count_total(0), 0, "%u by another CPU: nothing left", n);
	release(n);
}

/* Here nothing runs meanwhile: the other CPU takes it, in its handler, and this one deactivates. */
static atomic_uint turns;

static void count_turn(struct cpu *me, unsigned intid)
{
	(void)me;
	if (intid == SPI)
		atomic_fetch_add(&turns, 1);
}

static void of_another(void)
{
	unsigned right = 0;
	bool stuck = false;

	spi_setup(SPI, 1, PRIORITY_DEFAULT, true);
	on_interrupt = count_turn;
	atomic_store(&turns, 0);
	for (unsigned round = 1; round <= ROUNDS; round++) {
		gic_set_pending(0, SPI);
		right += wait_at_least(&cpus[1].seen[SPI], round);
		gic_deactivate(SPI);
		if (!gic_is_active(0, SPI))
			continue;
		stuck = true;
		gic_clear_active(0, SPI);
	}
	is(right, ROUNDS, "another CPU's, deactivated here, again and again: taken each time");
	ok(!stuck || gic_excused(stuck, QEMU_ACTIVE), "another CPU's, deactivated here");
	is(atomic_load(&turns), ROUNDS, "another CPU's, deactivated here: once each");
	on_interrupt = NULL;
	release(1);
}

/* EOImode counts at the end, whatever it was at the acknowledge. */
static void switched(void)
{
	setup(4);
	irq_mask();
	gic_split_end(false);
	gic_set_pending(0, SPI);
	ok(comes(SPI), "EOImode 0: taken");
	gic_split_end(true);
	gic_end(SPI);
	ok(gic_is_active(0, SPI), "then 1: the end leaves it active");
	gic_set_pending(0, SPI + 1);
	ok(comes(SPI + 1), "EOImode 1: another one taken");
	gic_split_end(false);
	gic_end(SPI + 1);
	ok(!gic_is_active(0, SPI + 1), "then 0: the end deactivates");
	ok(gic_is_active(0, SPI), "and not what was dropped before");
	gic_set_pending(0, SPI + 2);
	ok(comes(SPI + 2), "EOImode 0: one more");
	gic_end(SPI + 2);
	ok(!gic_is_active(0, SPI + 2), "EOImode 0: its end deactivates it");
	ok(gic_is_active(0, SPI), "and leaves the first one");
	gic_split_end(true);
	ok(taken_and_dropped(SPI + 3), "EOImode 1: one more");
	is(active_ones(4), 2, "EOImode 1: two are active");
	gic_deactivate(SPI);
	gic_deactivate(SPI + 3);
	is(active_ones(4), 0, "both deactivated");
	irq_unmask();
	is(count_total(0), 0, "EOImode switched: nothing left");
	release(4);
}

/* Many dropped in mode 1, then mode 0: ends are of those that run, never of those dropped. */
static void switched_with_many(void)
{
	unsigned right = 0;

	setup(MANY);
	irq_mask();
	for (unsigned i = 0; i < MANY - 4; i++)
		taken_and_dropped(SPI + i);
	gic_split_end(false);
	for (unsigned round = 0; round < 5; round++) {
		for (unsigned i = MANY - 4; i < MANY; i++) {
			gic_set_pending(0, SPI + i);
			right += comes(SPI + i);
			gic_end(SPI + i);
			right += !gic_is_active(0, SPI + i);
		}
	}
	is(right, 40, "EOImode 0 with %u dropped ones active: four go on as ever", MANY - 4);
	is(active_ones(MANY), MANY - 4, "EOImode 0: the dropped ones stay active");
	gic_split_end(true);
	for (unsigned i = 0; i < MANY - 4; i++)
		gic_deactivate(SPI + i);
	is(active_ones(MANY), 0, "EOImode 1: all deactivated");
	irq_unmask();
	is(count_total(0), 0, "EOImode switched with many: nothing left");
	release(MANY);
}

static void of_inactive_ones(void)
{
	setup(3);
	irq_mask();
	gic_deactivate(SPI);
	ok(!gic_is_active(0, SPI) && !gic_is_pending(0, SPI), "DIR of an idle SPI: nothing");
	gic_set_pending(0, SPI);
	wait_irq_asserted();
	gic_deactivate(SPI);
	ok(gic_is_pending(0, SPI), "DIR of a pending SPI: still pending");
	ok(comes(SPI), "DIR of a pending SPI: it comes");
	gic_deactivate(SPI + 1);
	gic_deactivate(3);
	gic_deactivate(PPI_FREE);
	gic_deactivate(INTID_SPURIOUS);
	gic_deactivate(gic_lines() < 1020 ? 1019 : 1021);
	ok(gic_is_active(0, SPI), "DIR of others: the active one stays active");
	is(gic_running_priority(), PRIORITY_DEFAULT, "DIR of others: its priority runs on");
	gic_end(SPI);
	gic_deactivate(SPI);
	gic_deactivate(SPI);
	ok(!gic_is_active(0, SPI), "DIR twice: inactive");
	ok(taken_and_dropped(SPI), "DIR twice: the next one comes");
	gic_clear_active(0, SPI);
	ok(!gic_is_active(0, SPI), "ICACTIVER instead of DIR: inactive");
	gic_deactivate(SPI);
	ok(taken_and_dropped(SPI), "DIR after ICACTIVER: the next one comes");
	gic_deactivate(SPI);
	gic_set_active(0, SPI + 2);
	gic_deactivate(SPI + 2);
	bool left = gic_is_active(0, SPI + 2);

	ok(!left || gic_excused(left, QEMU_ACTIVE), "DIR of what ISACTIVER made active: inactive");
	gic_clear_active(0, SPI + 2);
	irq_unmask();
	is(count_total(0), 0, "DIR of inactive interrupts: nothing left");
	release(3);
}

/* Dropped, it holds up nothing: neither of its own priority nor of lower. */
static void goes_on(void)
{
	unsigned right = 0;

	setup(8);
	for (unsigned i = 0; i < 8; i++)
		gic_set_priority(0, SPI + i, (uint8_t)(0x40 + i % 4 * 0x20));
	on_interrupt = NULL;
	for (unsigned i = 0; i < 8; i++) {
		gic_set_pending(0, SPI + i);
		right += wait_at_least(&cpus[0].seen[SPI + i], 1);
	}
	is(right, 8, "dropped ones hold up nothing: by handler");
	is(active_ones(8), 8, "dropped ones hold up nothing: all active");
	for (unsigned i = 0; i < 8; i++)
		gic_deactivate(SPI + i);
	is(active_ones(8), 0, "dropped ones: deactivated outside their handlers");
	release(8);
}

/* An SGI of a GICv2 has one active state, whoever sent it: the next source waits. */
static void send_there(void *intid)
{
	sgi_send(0, *(unsigned *)intid);
}

static void sources(void)
{
	unsigned intid = 5;

	if (!gic_only(2, "an SGI's sources and its deactivation"))
		return;
	irq_mask();
	sgi_send(0, 5);
	ok(comes(5), "sources: the first is taken");
	gic_end(5);
	cpu_run(1, send_there, &intid);
	irq_mask();
	wait_ms(SETTLE_MS / 4);
	ok(!irq_asserted(), "sources: the second waits for the deactivation");
	gic_deactivate(5);
	ok(comes(5), "sources: the second comes then");
	is(gic_source(5), 1, "sources: it is the second");
	gic_end(5);
	gic_deactivate(5);
	ok(!gic_is_active(0, 5), "sources: inactive in the end");
	irq_unmask();
	is(count_total(0), 0, "sources: nothing left");
	counts_clear();
}

void guest_main(void)
{
	bool split = true;

	if (gic_lines() < SPI_FREE_END)
		bail_out("needs 256 interrupt lines");
	cpu_run_all(split_here, &split);
	kinds();
	group0();
	line_high();
	in_order("in order", forwards, 12);
	in_order("backwards", backwards, 12);
	in_order("shuffled", shuffled, 12);
	in_order("shuffled", shuffled_many, MANY);
	pending_behind_each();
	for (unsigned cpu = 0; cpu < 2; cpu++) {
		nested(cpu, false);
		nested(cpu, true);
	}
	by_another();
	many_by_another();
	of_another();
	switched();
	switched_with_many();
	of_inactive_ones();
	goes_on();
	sources();
}
