/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * How late a periodic virtual timer's interrupt (Arm ARM D11.2.4) reaches its handler: the counter
 * there minus the compare value. One CPU, asleep in WFI between two ticks; a line each second.
 * rt.hz=N: ticks in a second (1000). rt.seconds=N: powers off after so many; 0: never (the default).
 */
#include "gic.h"
#include "psci.h"
#include "tap.h"
#include "timer.h"
#include "tree.h"

unsigned cpus_needed = 1;

struct latency {
	uint64_t ticks, sum, least, most, missed;
};

static struct latency second, all;
static uint64_t period, due;

static void add(struct latency *to, uint64_t late, uint64_t missed)
{
	if (!to->ticks || late < to->least)
		to->least = late;
	if (late > to->most)
		to->most = late;
	to->ticks++;
	to->sum += late;
	to->missed += missed;
}

/* Ticks that are over before this one is handled are missed; the next one keeps to the grid. */
static void tick(struct cpu *me, unsigned intid)
{
	uint64_t late, missed;

	if (me->index != 0 || intid != timer_virtual.intid)
		return;
	late = counter() - due;
	missed = late / period;
	due += (missed + 1) * period;
	timer_set_compare(&timer_virtual, due);
	add(&second, late, missed);
}

static uint64_t microseconds(uint64_t ticks)
{
	return ticks * 1000000 / read_sysreg(cntfrq_el0);
}

static void report(const char *what, const struct latency *l)
{
	print("rt: %s%lu ticks, latency min/avg/max %lu/%lu/%lu us, missed %lu\n", what, l->ticks,
	      microseconds(l->least), microseconds(l->ticks ? l->sum / l->ticks : 0),
	      microseconds(l->most), l->missed);
}

static void merge(const struct latency *l)
{
	if (!l->ticks)
		return;
	if (!all.ticks || l->least < all.least)
		all.least = l->least;
	if (l->most > all.most)
		all.most = l->most;
	all.ticks += l->ticks;
	all.sum += l->sum;
	all.missed += l->missed;
}

/* The handler's figures, which then begin anew. */
static struct latency take_second(void)
{
	struct latency taken;

	irq_mask();
	taken = second;
	second = (struct latency){ 0, 0, 0, 0, 0 };
	irq_unmask();
	return taken;
}

static void sleep_until(uint64_t deadline)
{
	while (!counter_passed(deadline)) {
		irq_mask();
		if (!counter_passed(deadline))
			wfi();
		irq_unmask();
	}
}

void guest_main(void)
{
	uint64_t frequency = read_sysreg(cntfrq_el0);
	uint64_t hz = option_number("rt.hz", 1000), seconds = option_number("rt.seconds", 0);
	uint64_t deadline;

	if (hz < 1 || hz > frequency)
		bail_out("rt.hz: from 1 to the counter's frequency is allowed");
	period = frequency / hz;
	on_interrupt = tick;
	gic_enable(0, timer_virtual.intid);
	deadline = counter();
	due = deadline + period;
	timer_set(&timer_virtual, due, TIMER_ENABLE);
	for (uint64_t i = 0; !seconds || i < seconds; i++) {
		deadline += frequency;
		sleep_until(deadline);
		struct latency taken = take_second();

		merge(&taken);
		report("", &taken);
	}
	timer_control(&timer_virtual, 0);
	report("total ", &all);
	print("rt: done\n");
}
