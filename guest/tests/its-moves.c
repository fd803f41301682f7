/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * LPIs that move between redistributors, pending or not (IHI 0069, 5.3: MOVI, MAPC, MOVALL): they arrive
 * where they are now mapped, once, and nowhere else.
 */
#include "expect.h"
#include "gic.h"
#include "hold.h"
#include "tap.h"

#define DEVICE     3
#define EVENT_BITS 5
#define EVENTS     (1u << EVENT_BITS)
#define LPI        (LPI_FIRST + 64)
#define ROUNDS     100
#define PAUSE_US   300
#define MOVERS     3 /* more only wait for each other where CPUs are emulated */

unsigned cpus_needed = 1;

static void move(unsigned event, unsigned cpu)
{
	its_do(its_movi(DEVICE, event, cpu));
}

static void to_each_cpu(void)
{
	for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
		move(0, cpu);
		int_arrives(DEVICE, 0, cpu, LPI, "MOVI");
	}
	for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
		move(0, cpu);
		move(0, cpu);
		int_arrives(DEVICE, 0, cpu, LPI, "MOVI twice");
	}
	move(0, 0);
}

/* Two collections of one CPU: the pending state stays where it is, once. */
static void within_a_cpu(void)
{
	unsigned icid = cpu_count;

	its_do(its_mapc(icid, 0));
	irq_mask();
	its_raise(DEVICE, 1);
	wait_irq_asserted();
	its_do(its_movi(DEVICE, 1, icid));
	its_do(its_movi(DEVICE, 1, 0));
	its_do(its_movall(0, 0));
	irq_unmask();
	ok(lpi_taken(0, LPI + 1, 1), "moved within a CPU while it pends: arrives, once");
	wait_ms(SETTLE_MS);
	is(everything(), 1, "moved within a CPU while it pends: and no more");
	counts_clear();
	its_do(its_unmapc(icid));
}

/* Pending at `from`, which has interrupts masked; then it goes to `to`. */
static void pending_moves(unsigned cpu)
{
	hold_masked(cpu);
	move(2, cpu);
	its_raise(DEVICE, 2);
	nothing_comes("pending at a CPU that is masked");
	move(2, 0);
	ok(lpi_taken(0, LPI + 2, 1), "moved from CPU %u to CPU 0 while it pends: arrives, once",
	   cpu);
	hold_unmask(cpu);
	is(everything(), 1, "moved from CPU %u: it does not get it", cpu);
	counts_clear();

	irq_mask();
	its_raise(DEVICE, 2);
	wait_irq_asserted();
	move(2, cpu);
	ok(lpi_taken(cpu, LPI + 2, 1), "moved from CPU 0 to CPU %u while it pends: arrives, once",
	   cpu);
	ok(wait_irq_gone(), "moved to CPU %u: not signalled to CPU 0 any more", cpu);
	irq_unmask();
	wait_ms(SETTLE_MS);
	is(everything(), 1, "moved to CPU %u: CPU 0 does not get it", cpu);
	counts_clear();
	move(2, 0);
}

static void there_and_back(unsigned cpu)
{
	hold_masked(cpu);
	irq_mask();
	its_raise(DEVICE, 3);
	wait_irq_asserted();
	for (unsigned i = 0; i < 10; i++) {
		move(3, cpu);
		move(3, 0);
	}
	ok(wait_irq_asserted(), "to CPU %u and back while it pends: signalled", cpu);
	irq_unmask();
	ok(lpi_taken(0, LPI + 3, 1), "to CPU %u and back while it pends: arrives, once", cpu);
	hold_unmask(cpu);
	is(everything(), 1, "to CPU %u and back while it pends: and no more", cpu);
	counts_clear();
}

static void disabled_moves(unsigned cpu)
{
	lpi_set(LPI + 4, PRIORITY_DEFAULT, false);
	its_do(its_inv(DEVICE, 4));
	its_raise(DEVICE, 4);
	move(4, cpu);
	nothing_comes("moved while it is disabled and pends");
	lpi_set(LPI + 4, PRIORITY_DEFAULT, true);
	its_do(its_inv(DEVICE, 4));
	ok(lpi_taken(cpu, LPI + 4, 1), "then enabled, and INV: arrives at CPU %u, once", cpu);
	wait_ms(SETTLE_MS);
	is(everything(), 1, "then enabled: at CPU %u alone", cpu);
	counts_clear();
	move(4, 0);
}

/* Cleared where it came to. */
static void moved_then_cleared(unsigned cpu)
{
	hold_masked(cpu);
	irq_mask();
	its_raise(DEVICE, 5);
	wait_irq_asserted();
	move(5, cpu);
	its_do(its_clear(DEVICE, 5));
	hold_unmask(cpu);
	irq_unmask();
	nothing_comes("moved while it pends, then CLEAR");
	hold_masked(cpu);
	its_raise(DEVICE, 5);
	its_do(its_discard(DEVICE, 5));
	hold_unmask(cpu);
	nothing_comes("pending elsewhere, then DISCARD");
	its_map_event(DEVICE, 5, LPI + 5, 0);
}

/* It runs on one CPU, and arrives on another: it is no interrupt that is active there. */
static void moves_while_it_runs(unsigned cpu)
{
	irq_mask();
	its_raise(DEVICE, 6);
	wait_irq_asserted();
	is(gic_acknowledge(), LPI + 6, "to be moved: it runs on CPU 0");
	move(6, cpu);
	its_raise(DEVICE, 6);
	ok(wait_at_least(lpi_count(cpu, LPI + 6), 1),
	   "moved while it runs, raised: arrives at CPU %u", cpu);
	is(gic_running_priority(), PRIORITY_DEFAULT, "moved while it runs: CPU 0 still runs it");
	gic_end(LPI + 6);
	is(gic_running_priority(), PRIORITY_IDLE, "moved while it runs: its end");
	irq_unmask();
	wait_ms(SETTLE_MS);
	is(everything(), 1, "moved while it runs: once");
	counts_clear();
	move(6, 0);
}

/* A whole CPU's: its collection is mapped to CPU 0, then what pends is moved. */
static void all_move(unsigned cpu)
{
	unsigned good = 0;

	for (unsigned event = 0; event < EVENTS; event++)
		move(event, cpu);
	hold_masked(cpu);
	for (unsigned event = 0; event < EVENTS; event += 2)
		its_raise(DEVICE, event);
	nothing_comes("half of the events, at a CPU that is masked");
	its_do(its_mapc(cpu, 0));
	its_do(its_movall(cpu, 0));
	for (unsigned event = 0; event < EVENTS; event += 2)
		good += lpi_taken(0, LPI + event, 1);
	is(good, EVENTS / 2, "MAPC and MOVALL: what pended at CPU %u arrives at CPU 0", cpu);
	for (unsigned event = 1; event < EVENTS; event += 2)
		its_raise(DEVICE, event);
	good = 0;
	for (unsigned event = 1; event < EVENTS; event += 2)
		good += lpi_taken(0, LPI + event, 1);
	is(good, EVENTS / 2, "MAPC and MOVALL: what is raised later arrives at CPU 0, too");
	hold_unmask(cpu);
	is(everything(), EVENTS, "MAPC and MOVALL: CPU %u gets nothing", cpu);
	counts_clear();
	its_do(its_mapc(cpu, cpu));
	int_arrives(DEVICE, 0, cpu, LPI, "MAPC back");
	for (unsigned event = 0; event < EVENTS; event++)
		move(event, 0);
}

/* Also CPU 0's own, which is masked. */
static void all_leave(unsigned cpu)
{
	unsigned good = 0;

	irq_mask();
	for (unsigned event = 0; event < EVENTS; event++)
		its_raise(DEVICE, event);
	wait_irq_asserted();
	its_do(its_mapc(0, cpu));
	its_do(its_movall(0, cpu));
	for (unsigned event = 0; event < EVENTS; event++)
		good += lpi_taken(cpu, LPI + event, 1);
	is(good, EVENTS, "MOVALL from CPU 0: all arrive at CPU %u", cpu);
	ok(wait_irq_gone(), "MOVALL from CPU 0: not signalled to it any more");
	irq_unmask();
	wait_ms(SETTLE_MS);
	is(everything(), EVENTS, "MOVALL from CPU 0: each once");
	counts_clear();
	its_do(its_mapc(0, 0));
}

/* --- Under fire -------------------------------------------------------------------------------- */

static atomic_uint moving;

static void pause(void)
{
	uint64_t deadline = counter_after_us(PAUSE_US);

	while (!counter_passed(deadline))
		wfe();
}

/*
 * A few CPUs have an event each that they move around as long as CPU 0 raises it. CPU 0 is to get at the
 * queue, too.
 */
static void keep_moving(void *unused)
{
	struct cpu *me = this_cpu();
	unsigned target = me->index;

	(void)unused;
	while (atomic_load(&moving)) {
		move(8 + me->index, target);
		target = (target + 1) % cpu_count;
		pause();
	}
}

static bool wait_all(unsigned lpi, unsigned wanted)
{
	uint64_t deadline = counter_after_ms(LIMIT_MS);

	while (count_all(lpi) < wanted) {
		if (counter_passed(deadline))
			return false;
		wfe();
	}
	return count_all(lpi) == wanted;
}

/* A CPU that was signalled what has moved since acknowledges nothing: that is right. */
static void under_fire(void)
{
	unsigned good = 0, sum = 0, end = cpu_count > MOVERS ? MOVERS + 1 : cpu_count;

	atomic_store(&moving, 1);
	for (unsigned cpu = 1; cpu < end; cpu++)
		cpu_start(cpu, keep_moving, NULL);
	for (unsigned round = 1; round <= ROUNDS; round++) {
		bool all = true;

		for (unsigned cpu = 1; cpu < end; cpu++)
			its_raise(DEVICE, 8 + cpu);
		for (unsigned cpu = 1; cpu < end; cpu++)
			all &= wait_all(LPI + 8 + cpu, round);
		good += all;
	}
	atomic_store(&moving, 0);
	for (unsigned cpu = 1; cpu < end; cpu++)
		cpu_finish(cpu);
	wait_ms(SETTLE_MS);
	is(good, ROUNDS, "raised while other CPUs move them: each arrives once, somewhere");
	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		sum += count_total(cpu);
	is(sum, ROUNDS * (end - 1), "raised while other CPUs move them: and no more");
	counts_clear();
	for (unsigned cpu = 1; cpu < end; cpu++) {
		move(8 + cpu, cpu);
		int_arrives(DEVICE, 8 + cpu, cpu, LPI + 8 + cpu, "moved home");
	}
}

void guest_main(void)
{
	its_init();
	ok(map_events(DEVICE, EVENT_BITS, LPI, 0), "32 events of a device: mapped");
	to_each_cpu();
	within_a_cpu();
	for (unsigned cpu = 1; cpu < cpu_count; cpu++) {
		pending_moves(cpu);
		there_and_back(cpu);
		disabled_moves(cpu);
		moved_then_cleared(cpu);
		moves_while_it_runs(cpu);
		all_move(cpu);
		all_leave(cpu);
	}
	under_fire();
}
