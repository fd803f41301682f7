/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Much work for the ITS at once, which it may do bit by bit: rings of up to 32768 commands shown by one
 * write of GITS_CWRITER, MOVALL and INVALL of a thousand LPIs, all CPUs at the queue. Interrupts go on
 * meanwhile, GITS_CREADR only ever goes on, and each LPI arrives once.
 */
#include "expect.h"
#include "gic.h"
#include "hold.h"
#include "tap.h"
#include "timer.h"

#define DEVICE     3
#define EVENTS     1000u
#define EVENT_BITS 10
#define LPI        (LPI_FIRST + 512)
#define RING_PAGES 256 /* the largest ring */
#define COMMANDS   (RING_PAGES * 128)
#define SGI        2
#define ROUNDS     200

unsigned cpus_needed = 1;

static struct its_command commands[COMMANDS];

/* The same kind of command for all events, in one piece. */
static bool for_all(struct its_command (*make)(uint32_t device, uint32_t event))
{
	for (unsigned event = 0; event < EVENTS; event++)
		commands[event] = make(DEVICE, event);
	return its_wait(its_post(commands, EVENTS)) && its_do(its_sync(0));
}

static struct its_command map_one(uint32_t device, uint32_t event)
{
	return its_mapti(device, event, LPI + event, event % cpu_count);
}

static unsigned each_taken(unsigned times)
{
	unsigned good = 0;

	for (unsigned event = 0; event < EVENTS; event++)
		good += lpi_taken(event % cpu_count, LPI + event, times);
	return good;
}

static void by_the_thousand(void)
{
	ok(for_all(its_int), "1000 INT by one write");
	is(each_taken(1), EVENTS, "1000 INT by one write: each arrives once");
	irq_mask();
	ok(for_all(its_int), "1000 INT, CPU 0 masked");
	ok(for_all(its_inv), "1000 INV of what pends");
	irq_unmask();
	is(each_taken(2), EVENTS, "1000 INT, CPU 0 masked: each arrives once");
	wait_ms(SETTLE_MS);
	is(everything(), 2 * EVENTS, "1000 INT: and no other");
	counts_clear();
}

/* --- While the ITS is at work ------------------------------------------------------------------ */

static atomic_uint working, watchers_wrong;

/* SGIs to itself arrive all the while; GITS_CREADR never goes back or beyond what was written. */
static void watch(void *unused)
{
	struct cpu *me = this_cpu();
	unsigned sent = 0;
	uint64_t before = 0;

	(void)unused;
	do {
		uint64_t now = read64(its.base + GITS_CREADR) & GITS_CURSOR;

		if (now < before || now > COMMANDS * sizeof(struct its_command))
			atomic_fetch_add(&watchers_wrong, 1);
		before = now;
		sgi_send(me->index, SGI);
		if (!wait_at_least(&me->seen[SGI], ++sent))
			atomic_fetch_add(&watchers_wrong, 1);
	} while (atomic_load(&working));
}

static void largest_ring(void)
{
	its_start(64, false, RING_PAGES);
	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		its_do(its_mapc(cpu, cpu));
	its_map_device(DEVICE, EVENT_BITS);
	ok(for_all(map_one) && for_all(its_inv), "the largest ring: 1000 events mapped");
}

/* To the end of the ring, with an INT of each event among them. */
static unsigned fill_commands(void)
{
	unsigned n = its.ring_length - its.next - 1;

	for (unsigned i = 0; i < n; i++)
		commands[i] = its_inv(DEVICE, i % EVENTS);
	for (unsigned event = 0; event < EVENTS; event++)
		commands[n - 1 - event * 24] = its_int(DEVICE, event);
	return n;
}

static void silence_timer(struct cpu *me, unsigned intid)
{
	(void)me;
	if (intid == timer_virtual.intid)
		timer_control(&timer_virtual, 0);
}

/* CPU 0 waits for the ITS, the others watch it. */
static void everything_at_once(void)
{
	unsigned n = fill_commands();
	uint64_t posted;
	bool done;

	atomic_store(&working, 1);
	on_interrupt = silence_timer;
	for (unsigned cpu = 1; cpu < cpu_count; cpu++)
		cpu_start(cpu, watch, NULL);
	gic_enable(0, timer_virtual.intid);
	timer_set(&timer_virtual, counter_after_us(100), TIMER_ENABLE);
	posted = its_post(commands, n);
	done = its_wait(posted);
	atomic_store(&working, 0);
	ok(done, "a whole ring of commands by one write: all are read");
	for (unsigned cpu = 1; cpu < cpu_count; cpu++)
		cpu_finish(cpu);
	is(each_taken(1), EVENTS, "a whole ring of commands: each of 1000 INT arrives once");
	ok(wait_at_least(&cpus[0].seen[timer_virtual.intid], 1),
	   "a whole ring of commands: a timer's interrupt arrives");
	is(atomic_load(&watchers_wrong), 0,
	   "a whole ring of commands: other CPUs get interrupts, GITS_CREADR never goes back");
	gic_disable(0, timer_virtual.intid);
	on_interrupt = NULL;
	counts_clear();
}

/* What pends at a CPU that is masked is moved and invalidated over and over. */
static void back_and_forth(void)
{
	unsigned last = cpu_count - 1, good = 0, sum = 0;
	const struct its_command moves[] = {
		its_movall(0, last),
		its_invall(last),
		its_movall(last, 0),
		its_invall(0),
	};

	irq_mask();
	if (last)
		hold_masked(last);
	for (unsigned event = 0; event < EVENTS; event++)
		commands[event] = its_movi(DEVICE, event, 0);
	its_wait(its_post(commands, EVENTS));
	for_all(its_int);
	for (unsigned round = 0; round < 20; round++)
		good += its_run(moves, 4);
	is(good, 20, "MOVALL there and back, INVALL, with 1000 LPIs that pend: read");
	irq_unmask();
	good = 0;
	for (unsigned event = 0; event < EVENTS; event++)
		good += lpi_taken(0, LPI + event, 1);
	is(good, EVENTS, "MOVALL there and back: each arrives once");
	if (last)
		hold_unmask(last);
	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		sum += count_total(cpu);
	is(sum, EVENTS, "MOVALL there and back: and no other");
	counts_clear();
}

/* --- All CPUs at the queue ----------------------------------------------------------------------- */

/* Each has a device of its own, whose events are its own. */
static void map_and_raise(void *argument)
{
	struct cpu *me = this_cpu();
	unsigned device = 10 + me->index, lpi = LPI + 8 * me->index;

	for (unsigned round = 1; round <= ROUNDS; round++) {
		const struct its_command map[] = {
			its_mapti(device, round % 4, lpi, me->index),
			its_inv(device, round % 4),
		};

		its_run(map, 2);
		its_raise(device, round % 4);
		if (!wait_at_least(lpi_count(me->index, lpi), round))
			atomic_fetch_add((atomic_uint *)argument, 1);
		its_do(its_discard(device, round % 4));
	}
}

static void all_at_the_queue(void)
{
	atomic_uint lost = 0;
	unsigned good = 0;

	for (unsigned event = 0; event < EVENTS; event++)
		commands[event] = its_discard(DEVICE, event);
	its_wait(its_post(commands, EVENTS));
	its_start(64, false, 1);
	for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
		its_do(its_mapc(cpu, cpu));
		its_map_device(10 + cpu, 2);
	}
	cpu_run_all(map_and_raise, &lost);
	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		good += lpi_taken(cpu, LPI + 8 * cpu, ROUNDS);
	is(atomic_load(&lost), 0, "all CPUs map, raise and discard: each INT arrives");
	is(good, cpu_count, "all CPUs map, raise and discard: as often as it was raised");
	is(everything(), ROUNDS * cpu_count, "all CPUs map, raise and discard: and no other");
	counts_clear();
}

void guest_main(void)
{
	its_init();
	for (unsigned event = 0; event < EVENTS; event++)
		lpi_set(LPI + event, PRIORITY_DEFAULT, true);
	largest_ring();
	by_the_thousand();
	everything_at_once();
	back_and_forth();
	all_at_the_queue();
}
