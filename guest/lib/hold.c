/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* CPUs that a test holds. One masked and one in its handlers at a time are enough. */
#include "hold.h"

static atomic_uint masked, may_unmask, entered, let_out;
static unsigned held;

static void stay_masked(void *unused)
{
	(void)unused;
	irq_mask();
	atomic_store(&masked, 1);
	sev();
	wait_at_least(&may_unmask, 1);
	irq_unmask();
}

void hold_masked(unsigned cpu)
{
	atomic_store(&masked, 0);
	atomic_store(&may_unmask, 0);
	cpu_start(cpu, stay_masked, NULL);
	wait_at_least(&masked, 1);
}

void hold_unmask(unsigned cpu)
{
	atomic_store(&may_unmask, 1);
	sev();
	cpu_finish(cpu);
	wait_ms(SETTLE_MS);
}

static void stay_inside(struct cpu *me, unsigned intid)
{
	(void)intid;
	if (me->index != held)
		return;
	atomic_fetch_add(&entered, 1);
	sev();
	wait_at_least(&let_out, atomic_load(&entered));
}

void hold_handlers(unsigned cpu)
{
	held = cpu;
	atomic_store(&entered, 0);
	atomic_store(&let_out, 0);
	on_interrupt = stay_inside;
}

unsigned hold_entered(void)
{
	return atomic_load(&entered);
}

bool hold_wait_entered(unsigned n)
{
	return wait_at_least(&entered, n);
}

void hold_let_out(void)
{
	atomic_fetch_add(&let_out, 1);
	sev();
}

void hold_no_handlers(void)
{
	on_interrupt = NULL;
}
