/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Commands of the ITS (IHI 0069, 5.3) and what they do to LPIs: interrupts arrive as often as they are
 * raised, what is taken back does not, what is not mapped does no harm, and the ring goes round.
 */
#include "expect.h"
#include "gic.h"
#include "tap.h"

#define DEVICE     5
#define NEIGHBOUR  6
#define EVENT_BITS 5
#define EVENTS     (1u << EVENT_BITS)
#define LPI        (LPI_FIRST + 100) /* of DEVICE's event 0 */
#define LPI_NEXT   (LPI_FIRST + 200) /* of the NEIGHBOUR's event 0 */
#define ROUNDS     100

unsigned cpus_needed = 1;

static void map(uint32_t device, unsigned lpi)
{
	ok(map_events(device, EVENT_BITS, lpi, 0),
	   "MAPD, MAPTI and INV of device %u: read by the ITS", device);
}

static void arrives(void)
{
	map(DEVICE, LPI);
	nothing_comes("mapped");
	ok(its_raise(DEVICE, 3), "INT: read by the ITS");
	ok(lpi_taken(0, LPI + 3, 1), "INT: its LPI arrives, once");
	is(everything(), 1, "INT: and no other");
	is(cpus[0].log[0], LPI + 3, "INT: ICC_IAR1_EL1 has the INTID");
	counts_clear();
	map(NEIGHBOUR, LPI_NEXT);
	its_raise(NEIGHBOUR, EVENTS - 1);
	ok(lpi_taken(0, LPI_NEXT + EVENTS - 1, 1),
	   "INT of another device's last event: arrives, once");
	is(everything(), 1, "INT of another device's last event: and no other");
	counts_clear();
}

static void again_and_again(void)
{
	unsigned good = 0;

	for (unsigned round = 1; round <= ROUNDS; round++) {
		its_raise(DEVICE, 0);
		good += lpi_taken(0, LPI, round);
	}
	is(good, ROUNDS, "INT over and over: each arrives");
	counts_clear();
}

static void merged(void)
{
	irq_mask();
	its_raise(DEVICE, 0);
	its_raise(DEVICE, 0);
	ok(wait_irq_asserted(), "INT twice while masked: signalled");
	irq_unmask();
	lpi_taken(0, LPI, 1);
	wait_ms(SETTLE_MS);
	is(everything(), 1, "INT twice while masked: one interrupt");
	counts_clear();
}

static void cleared(void)
{
	irq_mask();
	its_raise(DEVICE, 1);
	ok(wait_irq_asserted(), "CLEAR: signalled before");
	its_do(its_clear(DEVICE, 1));
	ok(wait_irq_gone(), "CLEAR: not signalled after");
	irq_unmask();
	nothing_comes("CLEAR");
	its_raise(DEVICE, 1);
	ok(lpi_taken(0, LPI + 1, 1), "CLEAR, then INT: arrives, once");
	counts_clear();
	its_do(its_clear(DEVICE, 1));
	nothing_comes("CLEAR of what does not pend");
}

/* Of two that pend, the other one stays. */
static void clears_one_of_two(void)
{
	irq_mask();
	its_raise(DEVICE, 1);
	its_raise(DEVICE, 2);
	its_do(its_clear(DEVICE, 1));
	irq_unmask();
	ok(lpi_taken(0, LPI + 2, 1), "CLEAR of one of two: the other arrives, once");
	wait_ms(SETTLE_MS);
	is(everything(), 1, "CLEAR of one of two: and no other");
	counts_clear();
}

static void discarded(void)
{
	irq_mask();
	its_raise(DEVICE, 4);
	ok(wait_irq_asserted(), "DISCARD: signalled before");
	its_do(its_discard(DEVICE, 4));
	ok(wait_irq_gone(), "DISCARD: not signalled after");
	irq_unmask();
	nothing_comes("DISCARD");
	its_try(its_int(DEVICE, 4));
	nothing_comes("DISCARD, then INT");
	its_map_event(DEVICE, 4, LPI + 4, 0);
	nothing_comes("DISCARD, then MAPTI");
	its_raise(DEVICE, 4);
	ok(lpi_taken(0, LPI + 4, 1), "DISCARD, MAPTI, then INT: arrives, once");
	counts_clear();
}

/* The event's new LPI is another one; the old one is then another event's. */
static void mapped_anew(void)
{
	its_do(its_discard(DEVICE, 6));
	its_do(its_discard(DEVICE, 7));
	its_map_event(DEVICE, 6, LPI + 7, 0);
	its_map_event(DEVICE, 7, LPI + 6, 0);
	its_raise(DEVICE, 6);
	ok(lpi_taken(0, LPI + 7, 1), "DISCARD, MAPTI with another LPI: it arrives");
	is(everything(), 1, "DISCARD, MAPTI with another LPI: and no other");
	its_raise(DEVICE, 7);
	ok(lpi_taken(0, LPI + 6, 1), "DISCARD, MAPTI: its old LPI is another event's");
	counts_clear();
	its_do(its_discard(DEVICE, 6));
	its_do(its_discard(DEVICE, 7));
	its_map_event(DEVICE, 6, LPI + 6, 0);
	its_map_event(DEVICE, 7, LPI + 7, 0);
}

/* MAPI: the INTID is the EventID, which so has at least 14 bits. */
static void event_is_lpi(void)
{
	unsigned event = LPI_FIRST + 300;

	if (its.event_bits < LPI_ID_BITS) {
		skip("MAPI: the LPI of that number arrives, once",
		     "GITS_TYPER: too few event bits");
		return;
	}
	lpi_set(event, PRIORITY_DEFAULT, true);
	its_map_device(9, LPI_ID_BITS);
	its_do(its_mapi(9, event, 0));
	its_do(its_inv(9, event));
	its_raise(9, event);
	ok(lpi_taken(0, event, 1), "MAPI: the LPI of that number arrives, once");
	its_do(its_discard(9, event));
	its_do(its_unmapd(9));
	counts_clear();
}

static void goes_on(const char *what)
{
	its_raise(NEIGHBOUR, 0);
	ok(lpi_taken(0, LPI_NEXT, 1), "%s: another device's events arrive as before", what);
	counts_clear();
}

/* What each command does to `device` and `event`, of which there is no mapping: nothing. */
static void all_commands_to(uint32_t device, uint32_t event, const char *what)
{
	const struct its_command commands[] = {
		its_int(device, event),     its_clear(device, event), its_inv(device, event),
		its_movi(device, event, 0), its_int(device, event),   its_discard(device, event),
	};
	bool good = true;

	for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		good &= its_try(commands[i]);
	ok(good, "%s: INT, CLEAR, INV, MOVI and DISCARD are read by the ITS", what);
	nothing_comes(what);
	goes_on(what);
}

static void not_mapped(void)
{
	its_do(its_discard(DEVICE, 8));
	all_commands_to(DEVICE, 8, "an event that is not mapped");
	its_map_event(DEVICE, 8, LPI + 8, 0);
	all_commands_to(DEVICE, EVENTS, "the first event behind the ITT");
	all_commands_to(DEVICE, ~0u, "the last event of all");
	all_commands_to(11, 0, "a device that is not mapped");
	all_commands_to(its.devices.entries, 0, "the first device behind the table");
	all_commands_to(~0u, 0, "the last device of all");
}

/* What cannot be mapped is not there afterwards. */
static void not_mappable(void)
{
	uint8_t *itt = its_memory(its.itt_entry_size * EVENTS + 256, 256);

	its_try(its_mapti(DEVICE, EVENTS, LPI + EVENTS, 0));
	all_commands_to(DEVICE, EVENTS, "MAPTI of an event behind the ITT");
	its_try(its_mapti(11, 0, LPI, 0));
	all_commands_to(11, 0, "MAPTI of a device that is not mapped");
	its_try(its_mapd(its.devices.entries, itt, EVENT_BITS));
	its_try(its_mapti(its.devices.entries, 0, LPI, 0));
	all_commands_to(its.devices.entries, 0, "MAPD of a device behind the table");
	its_try(its_mapd(~0u, itt, EVENT_BITS));
	its_try(its_mapti(~0u, 0, LPI, 0));
	all_commands_to(~0u, 0, "MAPD of the last device of all");
	its_do(its_discard(DEVICE, 9));
	its_try(its_mapti(DEVICE, 9, 0, 0));
	all_commands_to(DEVICE, 9, "MAPTI with an INTID of 0");
	its_try(its_mapti(DEVICE, 9, 40, 0));
	all_commands_to(DEVICE, 9, "MAPTI with an SPI's INTID");
	its_try(its_mapti(DEVICE, 9, LPI_FIRST - 1, 0));
	all_commands_to(DEVICE, 9, "MAPTI with the last INTID before LPIs");
	its_try(its_mapti(DEVICE, 9, ~0u, 0));
	all_commands_to(DEVICE, 9, "MAPTI with the last INTID of all");
	its_try(its_mapti(DEVICE, 9, 1u << LPI_ID_BITS, 0));
	all_commands_to(DEVICE, 9, "MAPTI with an LPI behind the property table");
	its_map_event(DEVICE, 9, LPI + 9, 0);
	its_raise(DEVICE, 9);
	ok(lpi_taken(0, LPI + 9, 1), "MAPTI done right after all: arrives, once");
	counts_clear();
}

static void device_unmapped(void)
{
	its_do(its_unmapd(DEVICE));
	all_commands_to(DEVICE, 1, "MAPD with V = 0 of a device with events");
	map(DEVICE, LPI);
	its_raise(DEVICE, 1);
	ok(lpi_taken(0, LPI + 1, 1), "MAPD and MAPTI again: arrives, once");
	counts_clear();
}

/* ICIDs from cpu_count are not in use. */
static void collections(void)
{
	unsigned icid = cpu_count;

	its_do(its_discard(DEVICE, 10));
	its_try(its_mapti(DEVICE, 10, LPI + 10, icid));
	its_try(its_int(DEVICE, 10));
	nothing_comes("an event of a collection that is not mapped");
	goes_on("an event of a collection that is not mapped");
	its_try(its_discard(DEVICE, 10));
	its_do(its_mapc(icid, 0));
	its_map_event(DEVICE, 10, LPI + 10, icid);
	its_raise(DEVICE, 10);
	ok(lpi_taken(0, LPI + 10, 1), "MAPC: an event of this collection arrives, once");
	counts_clear();
	its_do(its_unmapc(icid));
	its_try(its_int(DEVICE, 10));
	nothing_comes("MAPC with V = 0");
	its_do(its_mapc(icid, 0));
	nothing_comes("MAPC with V = 0, then V = 1");
	its_raise(DEVICE, 10);
	ok(lpi_taken(0, LPI + 10, 1), "MAPC with V = 0, V = 1, then INT: arrives, once");
	counts_clear();
	its_do(its_discard(DEVICE, 10));
	its_do(its_unmapc(icid));
	its_map_event(DEVICE, 10, LPI + 10, 0);
}

/* As many commands as the ring has room for, by one write; from a start anywhere in the ring. */
static void whole_ring_at_once(void)
{
	static struct its_command commands[1024];
	unsigned n = its.ring_length - 1, good = 0;

	for (unsigned i = 0; i < n; i++)
		commands[i] = its_int(DEVICE, i % EVENTS);
	for (unsigned start = 0; start < 3; start++) {
		bool all = true;

		irq_mask();
		all &= its_wait(its_post(commands, n)) && its_do(its_inv(DEVICE, 0));
		irq_unmask();
		for (unsigned event = 0; event < EVENTS; event++)
			all &= lpi_taken(0, LPI + event, 1);
		good += all && everything() == EVENTS;
		counts_clear();
	}
	is(good, 3, "a ring full of INT by one write: each event once");
}

/* A full turn and more of the ring, with one, two and three commands a write. */
static void ring_goes_round(void)
{
	struct its_command commands[3];
	unsigned good = 0;

	for (unsigned round = 0; round < 2 * its.ring_length; round++) {
		unsigned n = round % 3 + 1, before = count_of(0, LPI + round % EVENTS);

		for (unsigned i = 0; i < n; i++)
			commands[i] = i ? its_inv(DEVICE, i) : its_int(DEVICE, round % EVENTS);
		good += its_wait(its_post(commands, n)) &&
			lpi_taken(0, LPI + round % EVENTS, before + 1);
	}
	is(good, 2 * its.ring_length, "round the ring: each INT arrives");
	is(read64(its.base + GITS_CREADR), read64(its.base + GITS_CWRITER),
	   "round the ring: GITS_CREADR is where GITS_CWRITER is");
	counts_clear();
}

#define MANY_DEVICES 8
#define MANY_EVENTS  125
#define MANY_FIRST   20
#define MANY_LPI     (LPI_FIRST + 512)

static unsigned many_taken(unsigned times)
{
	unsigned good = 0;

	for (unsigned i = 0; i < MANY_DEVICES * MANY_EVENTS; i++)
		good += lpi_taken(i % cpu_count, MANY_LPI + i, times);
	return good;
}

static void many(void)
{
	unsigned all = MANY_DEVICES * MANY_EVENTS;
	bool good = true;

	for (unsigned device = 0; device < MANY_DEVICES; device++)
		good &= its_map_device(MANY_FIRST + device, 7);
	for (unsigned i = 0; i < all; i++) {
		lpi_set(MANY_LPI + i, PRIORITY_DEFAULT, true);
		good &= its_map_event(MANY_FIRST + i % MANY_DEVICES, i / MANY_DEVICES, MANY_LPI + i,
				      i % cpu_count);
	}
	ok(good, "1000 events of 8 devices: mapped");
	for (unsigned i = 0; i < all; i++)
		its_raise(MANY_FIRST + i % MANY_DEVICES, i / MANY_DEVICES);
	is(many_taken(1), all, "1000 events of 8 devices: each arrives once");
	irq_mask();
	for (unsigned i = 0; i < all; i++)
		its_raise(MANY_FIRST + i % MANY_DEVICES, i / MANY_DEVICES);
	irq_unmask();
	is(many_taken(2), all, "1000 events, raised while CPU 0 is masked: each arrives once");
	for (unsigned i = 0; i < all; i++)
		good &= its_do(its_discard(MANY_FIRST + i % MANY_DEVICES, i / MANY_DEVICES));
	for (unsigned device = 0; device < MANY_DEVICES; device++)
		good &= its_do(its_unmapd(MANY_FIRST + device));
	ok(good, "1000 events of 8 devices: unmapped");
	wait_ms(SETTLE_MS);
	is(everything(), 2 * all, "1000 events of 8 devices: and no other interrupt");
	counts_clear();
}

void guest_main(void)
{
	its_init();
	arrives();
	again_and_again();
	merged();
	cleared();
	clears_one_of_two();
	discarded();
	mapped_anew();
	event_is_lpi();
	not_mapped();
	not_mappable();
	device_unmapped();
	collections();
	whole_ring_at_once();
	ring_goes_round();
	many();
}
