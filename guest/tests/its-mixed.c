/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Random sequences of commands that are all defined (IHI 0069, 5.3), some of them in error, while all CPUs
 * have interrupts masked; then who takes which LPIs, in which order. No two LPIs have the same priority, so
 * there is one right order, and a result's name has it: it is the same wherever this runs.
 */
#include "gic.h"
#include "hold.h"
#include "its.h"
#include "tap.h"

#define ROUNDS      60
#define LPI_COUNT   24
#define DEVICES     4
#define EVENT_BITS  3
#define EVENTS      (1u << EVENT_BITS)
#define COLLECTIONS 6
#define QUEUED      40
#define UNMAPPED    LPI_COUNT
#define HOST_MS     10 /* a busy host may have stopped a CPU in the middle of passing one on */

unsigned cpus_needed = 1;

static uint64_t state = 0x9e3779b97f4a7c15;
static uint64_t *itts[DEVICES];
static bool device_on[DEVICES];
static unsigned lpi_of[DEVICES][EVENTS]; /* from 0; UNMAPPED */
static unsigned icid_of[DEVICES][EVENTS];
static bool taken[LPI_COUNT];
static unsigned cpu_of[COLLECTIONS];
static struct its_command queued[QUEUED];
static unsigned queued_count;

static unsigned below(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state >> 11) % n;
}

static void flush(void)
{
	if (queued_count && !its_run(queued, queued_count))
		bail_out("the ITS does not get on");
	queued_count = 0;
}

static void queue(struct its_command command)
{
	queued[queued_count++] = command;
	if (queued_count == QUEUED)
		flush();
}

/* In error: by itself, since an ITS may stall. */
static void try(struct its_command command)
{
	flush();
	its_try(command);
}

static uint8_t priority_of(unsigned lpi)
{
	return (uint8_t)(8 * (lpi + 2));
}

static void device_map(unsigned device)
{
	if (device_on[device])
		return;
	flush();
	for (unsigned i = 0; i < EVENTS * its.itt_entry_size / 8; i++)
		itts[device][i] = 0;
	dsb();
	queue(its_mapd(device, itts[device], EVENT_BITS));
	device_on[device] = true;
}

static void discard(unsigned device, unsigned event)
{
	queue(its_discard(device, event));
	taken[lpi_of[device][event]] = false;
	lpi_of[device][event] = UNMAPPED;
}

static void device_unmap(unsigned device)
{
	if (!device_on[device] || below(3))
		return;
	for (unsigned event = 0; event < EVENTS; event++) {
		if (lpi_of[device][event] != UNMAPPED)
			discard(device, event);
	}
	queue(its_unmapd(device));
	device_on[device] = false;
}

static void event_map(unsigned device, unsigned event, unsigned icid)
{
	unsigned lpi = below(LPI_COUNT);

	if (!device_on[device] || lpi_of[device][event] != UNMAPPED || taken[lpi])
		return;
	taken[lpi] = true;
	lpi_of[device][event] = lpi;
	icid_of[device][event] = icid;
	queue(its_mapti(device, event, LPI_FIRST + lpi, icid));
	queue(its_inv(device, event));
}

static void configure(unsigned device, unsigned event)
{
	unsigned lpi = lpi_of[device][event];

	flush();
	lpi_set(LPI_FIRST + lpi, priority_of(lpi), below(3));
	queue(below(2) ? its_inv(device, event) : its_invall(icid_of[device][event]));
}

/* All that goes to a CPU, from now on to another one. */
static void leave_cpu(void)
{
	unsigned from = below(cpu_count), to = below(cpu_count);

	queue(its_movall(from, to));
	for (unsigned icid = 0; icid < COLLECTIONS; icid++) {
		if (cpu_of[icid] != from)
			continue;
		cpu_of[icid] = to;
		queue(its_mapc(icid, to));
	}
}

static void on_event(unsigned device, unsigned event, unsigned icid)
{
	switch (below(8)) {
	case 0:
		discard(device, event);
		break;
	case 1:
		queue(its_movi(device, event, icid));
		icid_of[device][event] = icid;
		break;
	case 2:
		queue(its_clear(device, event));
		break;
	case 3:
		configure(device, event);
		break;
	default:
		queue(its_int(device, event));
	}
}

static void act(void)
{
	unsigned device = below(DEVICES), event = below(EVENTS), icid = below(COLLECTIONS);

	switch (below(12)) {
	case 0:
		device_map(device);
		break;
	case 1:
		device_unmap(device);
		break;
	case 2:
	case 3:
	case 4:
		event_map(device, event, icid);
		break;
	case 5:
		leave_cpu();
		break;
	default:
		if (lpi_of[device][event] != UNMAPPED)
			on_event(device, event, icid);
		else
			try(below(2) ? its_int(device, event) : its_discard(device, event));
	}
}

/* The acknowledged LPIs of all CPUs, in their order. */
static uint64_t what_came(void)
{
	uint64_t sum = 0;

	for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
		unsigned n = atomic_load(&cpus[cpu].logged);

		sum = sum * 31 + cpu;
		for (unsigned i = 0; i < n && i < LOG_LENGTH; i++) {
			unsigned intid = cpus[cpu].log[i];

			if (intid < LPI_FIRST)
				continue;
			print("# CPU %u: %u\n", cpu, intid - LPI_FIRST);
			sum = sum * 31 + intid;
		}
	}
	return sum;
}

static void play(unsigned n)
{
	irq_mask();
	for (unsigned cpu = 1; cpu < cpu_count; cpu++)
		hold_masked(cpu);
	for (unsigned left = 10 + below(60); left; left--)
		act();
	flush();
	wait_ms(HOST_MS);
	counts_clear();
	irq_unmask();
	for (unsigned cpu = 1; cpu < cpu_count; cpu++)
		hold_unmask(cpu);
	wait_ms(SETTLE_MS);
	ok(true, "round %u: LPIs in the order %lx", n, what_came());
}

void guest_main(void)
{
	its_init();
	for (unsigned device = 0; device < DEVICES; device++) {
		itts[device] = its_memory(its.itt_entry_size * EVENTS, 256);
		for (unsigned event = 0; event < EVENTS; event++)
			lpi_of[device][event] = UNMAPPED;
	}
	for (unsigned lpi = 0; lpi < LPI_COUNT; lpi++)
		lpi_set(LPI_FIRST + lpi, priority_of(lpi), true);
	for (unsigned icid = 0; icid < COLLECTIONS; icid++) {
		cpu_of[icid] = icid % cpu_count;
		queue(its_mapc(icid, cpu_of[icid]));
		queue(its_invall(icid));
	}
	flush();
	for (unsigned n = 1; n <= ROUNDS; n++)
		play(n);
}
