/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * A fixed amount of computation on each CPU, with IPIs to the next one and timer sleeps between, and a
 * checksum that depends on nothing but the amount. For sets of VMs that must all finish their work.
 * worker.rounds=N (200), worker.block=N: steps of computation in a round (20000). worker.laps=N: how
 * often the whole is done (1), each time with the same checksums; 0: again and again.
 */
#include "gic.h"
#include "psci.h"
#include "tap.h"
#include "timer.h"
#include "tree.h"

#define IPI      1
#define SLEEP_US 100
#define PATIENCE 6 /* waits of LIMIT_MS each, until an IPI counts as lost */

unsigned cpus_needed = 1;

static uint64_t rounds, block;
static unsigned rounds_before; /* those of earlier laps: the IPIs are counted through */
static atomic_uint lost;

static uint64_t compute(uint64_t value)
{
	for (uint64_t i = 0; i < block; i++) {
		value ^= value << 13;
		value ^= value >> 7;
		value ^= value << 17;
	}
	return value;
}

static bool patiently(bool (*wait)(atomic_uint *, unsigned), unsigned cpu, unsigned round)
{
	for (unsigned i = 0; i < PATIENCE; i++) {
		if (wait(&cpus[cpu].seen[IPI], round))
			return true;
		print("worker: vCPU %u waits for vCPU %u to take IPI %u\n", this_cpu()->index, cpu,
		      round);
	}
	atomic_store(&lost, 1);
	return false;
}

/* The next CPU has taken it before the next one is sent: two would be one. */
static bool pass_on(struct cpu *me, unsigned round)
{
	unsigned next = (me->index + 1) % cpu_count;

	sgi_send(next, IPI);
	return patiently(sleep_at_least, me->index, round) && patiently(wait_at_least, next, round);
}

static void short_sleep(struct cpu *me)
{
	uint64_t deadline = counter_after_us(SLEEP_US);

	gic_enable(me->index, timer_virtual.intid);
	while (!counter_passed(deadline)) {
		irq_mask();
		timer_set(&timer_virtual, deadline, TIMER_ENABLE);
		wfi();
		timer_control(&timer_virtual, 0);
		irq_unmask();
	}
	gic_disable(me->index, timer_virtual.intid);
}

static void work(void *unused)
{
	struct cpu *me = this_cpu();
	uint64_t checksum = 0x9e3779b97f4a7c15ull * (me->index + 1);

	(void)unused;
	for (unsigned round = 1; round <= rounds; round++) {
		checksum = compute(checksum);
		if (!pass_on(me, rounds_before + round))
			return;
		if (round % 4 == 0)
			short_sleep(me);
	}
	print("worker: vCPU %u done, checksum 0x%lx\n", me->index, checksum);
}

static void lap(void)
{
	uint64_t began = counter();

	for (unsigned cpu = 1; cpu < cpu_count; cpu++)
		cpu_start(cpu, work, NULL);
	work(NULL);
	/* Not cpu_finish(), whose limit is for tests. */
	for (unsigned cpu = 1; cpu < cpu_count; cpu++) {
		while (atomic_load(&cpus[cpu].busy))
			wfe();
	}
	if (atomic_load(&lost))
		bail_out("worker: an IPI was lost");
	print("worker: all %u vCPUs done in %lu ms\n", cpu_count,
	      (counter() - began) * 1000 / read_sysreg(cntfrq_el0));
	rounds_before += (unsigned)rounds;
}

void guest_main(void)
{
	uint64_t laps = option_number("worker.laps", 1);

	rounds = option_number("worker.rounds", 200);
	block = option_number("worker.block", 20000);
	for (uint64_t done = 0; laps == 0 || done < laps; done++)
		lap();
}
