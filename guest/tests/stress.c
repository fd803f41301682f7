/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Everything at once on all CPUs for a bounded number of rounds: SGIs, SPIs set pending,
 * rerouted, reprioritized, disabled and enabled by any CPU, both timers, sleeps. In the end each
 * interrupt was taken as often as it was asked for. What would merge by right (a second request
 * while the first still pends) is not asked for.
 */
#include "gic.h"
#include "tap.h"
#include "timer.h"

#define ROUNDS       1500
#define SPI          SPI_FREE
#define SPIS_PER_CPU 6
#define TIMER_US     300

static atomic_uint sgis_sent[MAX_CPUS][MAX_CPUS];
static atomic_uint spis_sent[MAX_CPUS * SPIS_PER_CPU];
static atomic_uint timers_armed[MAX_CPUS][2];
static atomic_uint running;

static uint32_t random_number(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static void arm(struct cpu *me, const struct timer *timer)
{
	uint64_t interval = read_sysreg(cntfrq_el0) * TIMER_US / 1000000;

	atomic_fetch_add(&timers_armed[me->index][timer->physical], 1);
	timer_set(timer, timer_counter(timer) + interval, TIMER_ENABLE);
}

/* A timer is armed anew while its CPU still works, else silenced. */
static void handler(struct cpu *me, unsigned intid)
{
	const struct timer *timer = intid == timer_virtual.intid ? &timer_virtual : &timer_physical;

	if (intid != timer->intid)
		return;
	if (atomic_load(&running) >> me->index & 1)
		arm(me, timer);
	else
		timer_control(timer, 0);
}

static void random_sgi(struct cpu *me, uint32_t r)
{
	unsigned target = r % cpu_count;
	unsigned sent = atomic_load(&sgis_sent[me->index][target]);

	if (count_of(target, me->index) != sent)
		return;
	atomic_store(&sgis_sent[me->index][target], sent + 1);
	sgi_send(target, me->index);
}

/* Of its own SPIs a CPU pends and routes; what comes of a route in mid-flight is one delivery. */
static void random_spi(struct cpu *me, uint32_t r)
{
	unsigned slot = me->index * SPIS_PER_CPU + r % SPIS_PER_CPU;
	unsigned sent = atomic_load(&spis_sent[slot]);

	if (!gic_quirks.pending_stays)
		gic_route(SPI + slot, r / 16 % cpu_count);
	if (count_all(SPI + slot) != sent)
		return;
	if (gic_quirks.pending_stays)
		gic_route(SPI + slot, r / 16 % cpu_count);
	atomic_store(&spis_sent[slot], sent + 1);
	gic_set_pending(0, SPI + slot);
}

static void disturb(uint32_t r)
{
	unsigned intid = SPI + r % (cpu_count * SPIS_PER_CPU);

	switch (r / 256 % 4) {
	case 0:
		gic_set_priority(0, intid, (uint8_t)(0x20 + r / 1024 % 12 * 0x10));
		break;
	case 1:
		gic_disable(0, intid);
		gic_enable(0, intid);
		break;
	case 2:
		gic_is_active(0, intid);
		gic_is_pending(0, intid);
		break;
	default:
		gic_enable(0, intid);
	}
}

/* The timers run, so the sleep ends. */
static void nap(void)
{
	irq_mask();
	wfi();
	irq_unmask();
}

static void one_round(struct cpu *me, uint32_t *state)
{
	uint32_t r = random_number(state);

	random_sgi(me, r);
	random_spi(me, r >> 8);
	disturb(random_number(state));
	switch (r >> 28) {
	case 0:
		nap();
		break;
	case 1:
		irq_mask();
		disturb(r);
		irq_unmask();
		break;
	case 2:
		gic_set_mask(0x60);
		disturb(r >> 4);
		gic_set_mask(PRIORITY_OPEN);
		break;
	default:
		break;
	}
}

static void work(void *unused)
{
	struct cpu *me = this_cpu();
	uint32_t state = 0x9e3779b9u + me->index;

	(void)unused;
	gic_enable(me->index, timer_virtual.intid);
	gic_enable(me->index, timer_physical.intid);
	arm(me, &timer_virtual);
	arm(me, &timer_physical);
	for (unsigned round = 0; round < ROUNDS; round++)
		one_round(me, &state);
	atomic_fetch_and(&running, ~(1u << me->index));
	wait_at_least(&me->seen[timer_virtual.intid],
		      atomic_load(&timers_armed[me->index][timer_virtual.physical]));
	wait_at_least(&me->seen[timer_physical.intid],
		      atomic_load(&timers_armed[me->index][timer_physical.physical]));
}

static bool wait_for_sum(unsigned intid, unsigned wanted)
{
	uint64_t deadline = counter_after_ms(LIMIT_MS);

	while (count_all(intid) < wanted) {
		if (counter_passed(deadline))
			return false;
		wfe();
	}
	return true;
}

static void check_sgis(void)
{
	unsigned lost = 0, twice = 0;

	for (unsigned from = 0; from < cpu_count; from++) {
		for (unsigned to = 0; to < cpu_count; to++)
			lost += !wait_at_least(&cpus[to].seen[from],
					       atomic_load(&sgis_sent[from][to]));
	}
	wait_ms(SETTLE_MS);
	for (unsigned from = 0; from < cpu_count; from++) {
		for (unsigned to = 0; to < cpu_count; to++)
			twice += count_of(to, from) > atomic_load(&sgis_sent[from][to]);
	}
	is(lost, 0, "SGIs: none lost");
	is(twice, 0, "SGIs: none twice");
}

static void check_spis(void)
{
	unsigned lost = 0, twice = 0, left = 0;

	for (unsigned i = 0; i < cpu_count * SPIS_PER_CPU; i++) {
		gic_enable(0, SPI + i);
		lost += !wait_for_sum(SPI + i, atomic_load(&spis_sent[i]));
	}
	wait_ms(SETTLE_MS);
	for (unsigned i = 0; i < cpu_count * SPIS_PER_CPU; i++) {
		twice += count_all(SPI + i) > atomic_load(&spis_sent[i]);
		left += gic_is_pending(0, SPI + i) || gic_is_active(0, SPI + i);
	}
	is(lost, 0, "SPIs: none lost");
	is(twice, 0, "SPIs: none twice");
	is(left, 0, "SPIs: none pending or active in the end");
}

static bool private_active(unsigned cpu)
{
	bool active = false;

	for (unsigned intid = 0; intid < 32; intid++)
		active |= gic_is_active(cpu, intid);
	return active;
}

static void check_timers(const struct timer *timer)
{
	unsigned wrong = 0;

	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		wrong += count_of(cpu, timer->intid) !=
			 atomic_load(&timers_armed[cpu][timer->physical]);
	is(wrong, 0, "%s: as many interrupts as armed, on each CPU", timer->name);
}

void guest_main(void)
{
	if (gic_lines() < SPI_FREE_END)
		bail_out("needs 256 interrupt lines");
	for (unsigned i = 0; i < cpu_count * SPIS_PER_CPU; i++)
		spi_setup(SPI + i, i % cpu_count, PRIORITY_DEFAULT, i & 1);
	on_interrupt = handler;
	atomic_store(&running, (1u << cpu_count) - 1);
	ok(cpu_run_all(work, NULL), "all CPUs finish their rounds");
	check_sgis();
	check_spis();
	check_timers(&timer_virtual);
	check_timers(&timer_physical);
	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		ok(!private_active(cpu), "CPU %u: no private interrupt active in the end", cpu);
}
