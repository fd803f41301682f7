/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Work for other CPUs, and waiting. Every wait ends: in WFE by the event stream (Arm ARM D11.2.4),
 * in WFI by the virtual timer.
 */
#include "cpu.h"
#include "gic.h"
#include "psci.h"
#include "timer.h"

struct cpu cpus[MAX_CPUS];
unsigned cpu_count;

bool cpu_turn_on(unsigned cpu)
{
	return psci_cpu_on(cpu) == PSCI_SUCCESS && wait_at_least(&cpus[cpu].online, 1);
}

bool smp_start(void)
{
	bool all = true;

	for (unsigned i = 1; i < cpu_count; i++)
		all &= cpu_turn_on(i);
	return all;
}

/* Whoever turned it off asks AFFINITY_INFO, so the work counts as done. */
_Noreturn void cpu_go_off(void)
{
	struct cpu *me = this_cpu();

	irq_mask();
	atomic_store(&me->online, 0);
	atomic_store_explicit(&me->busy, 0, memory_order_release);
	psci(PSCI_CPU_OFF, 0, 0, 0);
	for (;;)
		wfe();
}

static void go_off(void *unused)
{
	(void)unused;
	cpu_go_off();
}

bool cpu_turn_off(unsigned cpu)
{
	return cpu_start(cpu, go_off, NULL) && cpu_wait_off(cpu);
}

bool cpu_wait_off(unsigned cpu)
{
	uint64_t deadline = counter_after_ms(LIMIT_MS);

	while (psci(PSCI_AFFINITY_INFO, cpus[cpu].affinity, 0, 0) != AFFINITY_OFF) {
		if (counter_passed(deadline))
			return false;
		wfe();
	}
	return true;
}

/*
 * Asleep until the doorbell was taken, not only until work is there: else the doorbell could still
 * pend while the work looks at what pends.
 */
static void wait_for_work(struct cpu *me)
{
	irq_mask();
	while (!atomic_load(&me->rung)) {
		wfi();
		irq_unmask();
		irq_mask();
	}
	atomic_store(&me->rung, 0);
	irq_unmask();
}

_Noreturn void cpu_work_loop(struct cpu *me)
{
	atomic_store(&me->rung, 0);
	atomic_store_explicit(&me->online, 1, memory_order_release);
	sev();
	for (;;) {
		wait_for_work(me);
		me->work(me->work_argument);
		irq_unmask();
		atomic_store_explicit(&me->busy, 0, memory_order_release);
		sev();
	}
}

bool cpu_start(unsigned cpu, void (*work)(void *), void *argument)
{
	struct cpu *to = &cpus[cpu];

	if (!atomic_load(&to->online) || atomic_load_explicit(&to->busy, memory_order_acquire))
		return false;
	to->work = work;
	to->work_argument = argument;
	atomic_store_explicit(&to->busy, 1, memory_order_release);
	dsb();
	gic_ring(cpu);
	return true;
}

bool cpu_finish(unsigned cpu)
{
	uint64_t deadline = counter_after_ms(FINISH_LIMIT_MS);

	while (atomic_load_explicit(&cpus[cpu].busy, memory_order_acquire)) {
		if (counter_passed(deadline))
			return false;
		wfe();
	}
	return true;
}

bool cpu_run(unsigned cpu, void (*work)(void *), void *argument)
{
	if (cpu == this_cpu()->index) {
		work(argument);
		irq_unmask();
		return true;
	}
	return cpu_start(cpu, work, argument) && cpu_finish(cpu);
}

bool cpu_run_all(void (*work)(void *), void *argument)
{
	bool all = true;

	for (unsigned i = 1; i < cpu_count; i++)
		all &= cpu_start(i, work, argument);
	work(argument);
	irq_unmask();
	for (unsigned i = 1; i < cpu_count; i++)
		all &= cpu_finish(i);
	return all;
}

uint64_t counter_after_us(unsigned us)
{
	return counter() + read_sysreg(cntfrq_el0) * us / 1000000;
}

uint64_t counter_after_ms(unsigned ms)
{
	return counter() + read_sysreg(cntfrq_el0) * ms / 1000;
}

bool wait_ms_at_least(atomic_uint *value, unsigned wanted, unsigned ms)
{
	uint64_t deadline = counter_after_ms(ms);
	unsigned found, last = 0;

	while ((found = atomic_load_explicit(value, memory_order_acquire)) < wanted) {
		if (found != last)
			deadline = counter_after_ms(ms);
		else if (counter_passed(deadline))
			return false;
		last = found;
		wfe();
	}
	return true;
}

bool wait_at_least(atomic_uint *value, unsigned wanted)
{
	return wait_ms_at_least(value, wanted, LIMIT_MS);
}

/*
 * The virtual timer is there to end the WFI. It is on only while interrupts are masked, so that it
 * is not taken.
 */
static bool sleep_once(atomic_uint *value, unsigned wanted, uint64_t deadline)
{
	bool reached;

	irq_mask();
	timer_set(&timer_virtual, deadline, TIMER_ENABLE);
	reached = atomic_load_explicit(value, memory_order_acquire) >= wanted;
	if (!reached)
		wfi();
	timer_control(&timer_virtual, 0);
	irq_unmask();
	return reached;
}

bool sleep_at_least(atomic_uint *value, unsigned wanted)
{
	unsigned me = this_cpu()->index, last = 0;
	uint64_t deadline = counter_after_ms(LIMIT_MS);
	bool reached = false;

	gic_enable(me, timer_virtual.intid);
	while (!reached && !counter_passed(deadline)) {
		reached = sleep_once(value, wanted, deadline);
		if (atomic_load(value) != last)
			deadline = counter_after_ms(LIMIT_MS);
		last = atomic_load(value);
	}
	gic_disable(me, timer_virtual.intid);
	return reached;
}

void wait_ms(unsigned ms)
{
	uint64_t deadline = counter_after_ms(ms);

	while (!counter_passed(deadline))
		wfe();
}

bool wait_irq_asserted(void)
{
	uint64_t deadline = counter_after_ms(LIMIT_MS);

	while (!irq_asserted()) {
		if (counter_passed(deadline))
			return false;
		wfe();
	}
	return true;
}

bool wait_fiq_asserted(void)
{
	uint64_t deadline = counter_after_ms(LIMIT_MS);

	while (!fiq_asserted()) {
		if (counter_passed(deadline))
			return false;
		wfe();
	}
	return true;
}

void counts_clear(void)
{
	for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
		for (unsigned i = 0; i < MAX_INTIDS + MAX_LPIS; i++)
			atomic_store_explicit(&cpus[cpu].seen[i], 0, memory_order_relaxed);
		atomic_store(&cpus[cpu].fiqs, 0);
		atomic_store(&cpus[cpu].spurious, 0);
		atomic_store(&cpus[cpu].logged, 0);
	}
}

unsigned count_of(unsigned cpu, unsigned intid)
{
	return atomic_load_explicit(&cpus[cpu].seen[seen_index(intid)], memory_order_acquire);
}

unsigned count_all(unsigned intid)
{
	unsigned sum = 0;

	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		sum += count_of(cpu, intid);
	return sum;
}

unsigned count_total(unsigned cpu)
{
	return atomic_load(&cpus[cpu].logged);
}
