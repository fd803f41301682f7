/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The storm of "hostile" against the ITS and the redistributors' LPIs (IHI 0069, chapters 5 and 12), in
 * turns: commands of all kinds in a ring of 1 MB, which one write shows to the ITS; scans of all LPIs;
 * numbers that are no commands; spoiled tables; tables and rings where there is no memory; tables that
 * overlap. All CPUs write into ring and registers meanwhile, as if they were alone. What an ITS may
 * write to is memory kept for it: wherever a device's entry may be anything, no command writes by it.
 */
#include "hostile.h"

#include "gic.h"
#include "its.h"
#include "tap.h"
#include "timer.h"
#include "tree.h"

#define RING_SIZE    0x100000u
#define RING_LENGTH  (RING_SIZE / sizeof(struct its_command))
#define RING_PAGES   (RING_SIZE / 0x1000)
#define SHORT_LENGTH 64u
#define ITT_SIZE     0x100000u /* at most */
#define ITT_STARTS   0x10000u  /* ITTs start in the first bytes of theirs */
#define DEVICE_PAGES 8u        /* of 64 KiB */
#define TABLE_SIZE   (DEVICE_PAGES * 0x10000u)
#define PAGE_64K     (2ull << 8)
#define RTC          0x09010000ul
#define VALID        (1ull << 63)
#define DEVICES      16u
#define EVENTS       64u

typedef struct its_command make_command(uint64_t *state);

/* How much of what is in a turn. */
struct turn {
	make_command *make;
	bool scans;    /* most of its commands look at all LPIs */
	bool maps;     /* devices and events are mapped before */
	bool spoils;   /* bytes of tables */
	bool misplace; /* tables and ring where there is no memory */
	bool overlap;  /* all tables in one place */
};

static struct its_command *ring;
static uint8_t *itts, *device_table, *collection_table;
/*
 * QEMU's own ITS: scans are shown to it a few at a time, since the CPU stands still for the whole queue,
 * and pending tables stay in memory, since what it reads elsewhere pends for ever.
 */
static bool gently;
static uint64_t turn_end;
static atomic_uint arrived;

static uint64_t below(uint64_t *state, uint64_t n)
{
	return random_number(state) % n;
}

static uint64_t random64(uint64_t *state)
{
	return random_number(state) << 32 ^ random_number(state);
}

static bool rarely(uint64_t *state)
{
	return below(state, 8) == 0;
}

/* --- Commands ----------------------------------------------------------------------------------- */

static uint32_t some_device(uint64_t *state)
{
	return (uint32_t)(rarely(state) ? random64(state) : below(state, DEVICES));
}

static uint32_t some_event(uint64_t *state)
{
	return (uint32_t)(rarely(state) ? random64(state) : below(state, EVENTS));
}

static uint32_t some_lpi(uint64_t *state)
{
	return (uint32_t)(rarely(state) ? random64(state) : LPI_FIRST + below(state, LPIS));
}

static uint16_t some_icid(uint64_t *state)
{
	return (uint16_t)(rarely(state) ? random64(state) : below(state, 2 * MAX_CPUS));
}

static uint64_t some_target(uint64_t *state)
{
	return rarely(state) ? random64(state) & 0xfffffffff0000ull
			     : its_target((unsigned)below(state, cpu_count));
}

/* No memory: nothing, a clock, behind all memory, the last addresses of 40 and of 52 bits. */
static uint64_t elsewhere(uint64_t *state)
{
	const uint64_t places[] = { HOLE, RTC, (uint64_t)RAM_END_GIB << 30, 0xffffff0000ull,
				    0xfffffffff0000ull };

	return places[below(state, sizeof(places) / sizeof(places[0]))];
}

/* An ITT ends in its memory, has more events than the ITS knows, or is elsewhere. */
static struct its_command some_mapd(uint64_t *state)
{
	unsigned bits = 1 + (unsigned)below(state, 32);
	struct its_command command;

	while (bits <= its.event_bits && its.itt_entry_size > ITT_SIZE >> bits)
		bits--;
	command = its_mapd(some_device(state), itts + below(state, ITT_STARTS / 256) * 256, bits);
	if (rarely(state))
		command.word[2] = VALID | elsewhere(state);
	if (rarely(state))
		command.word[2] &= ~VALID;
	return command;
}

static struct its_command some_mapc(uint64_t *state)
{
	uint64_t valid = rarely(state) ? 0 : VALID;

	return (struct its_command){ { 0x09, random64(state),
				       some_icid(state) | some_target(state) | valid } };
}

static struct its_command some_movall(uint64_t *state)
{
	return (struct its_command){ { 0x0e, 0, some_target(state), some_target(state) } };
}

/* It writes no table. */
static struct its_command reading_command(uint64_t *state)
{
	switch (below(state, 8)) {
	case 0:
		return its_clear(some_device(state), some_event(state));
	case 1:
		return its_inv(some_device(state), some_event(state));
	case 2:
		return rarely(state) ? its_invall(some_icid(state)) : some_movall(state);
	case 3:
		return (struct its_command){ { 0x05, 0, some_target(state) } };
	default:
		return its_int(some_device(state), some_event(state));
	}
}

static struct its_command some_command(uint64_t *state)
{
	switch (below(state, 12)) {
	case 0:
		return some_mapd(state);
	case 1:
		return some_mapc(state);
	case 2:
	case 3:
		return its_mapti(some_device(state), some_event(state), some_lpi(state),
				 some_icid(state));
	case 4:
		return its_mapi(some_device(state), some_event(state), some_icid(state));
	case 5:
		return its_movi(some_device(state), some_event(state), some_icid(state));
	case 6:
		return its_discard(some_device(state), some_event(state));
	default:
		return reading_command(state);
	}
}

/* INVALL and MOVALL, of what INTs in between make pend. */
static struct its_command scanning_command(uint64_t *state)
{
	switch (below(state, 4)) {
	case 0:
		return its_int((uint32_t)below(state, DEVICES), (uint32_t)below(state, EVENTS));
	case 1:
		return some_movall(state);
	case 2:
		return its_inv((uint32_t)below(state, DEVICES), (uint32_t)below(state, EVENTS));
	default:
		return its_invall((unsigned)below(state, cpu_count));
	}
}

/* Any numbers, but none of a GICv4's commands, and no ITT that could be anywhere. */
static struct its_command any_command(uint64_t *state)
{
	struct its_command command = { { random64(state), random64(state), random64(state),
					 random64(state) } };

	command.word[0] &= ~0x20ull;
	if (!rarely(state))
		command.word[0] &= ~0xf0ull;
	return (command.word[0] & 0xff) == 0x08 ? some_mapd(state) : command;
}

static struct its_command overlapping_command(uint64_t *state)
{
	switch (below(state, 4)) {
	case 0:
		return some_mapd(state);
	case 1:
		return some_mapc(state);
	default:
		return reading_command(state);
	}
}

static const struct turn turns[] = {
	{ .make = some_command, .maps = true },
	{ .make = scanning_command, .scans = true, .maps = true },
	{ .make = any_command },
	{ .make = reading_command, .maps = true, .spoils = true },
	{ .make = some_command, .misplace = true },
	{ .make = overlapping_command, .overlap = true },
};
#define TURNS (sizeof(turns) / sizeof(turns[0]))

/* --- Before and after a turn -------------------------------------------------------------------- */

bool its_storm_can(void)
{
	if (gic_is_v2() || !tree_its.found)
		return false;
	its_find();
	lpi_tables();
	ring = its_memory(RING_SIZE, 0x10000);
	itts = its_memory(ITT_STARTS + ITT_SIZE, 0x10000);
	device_table = its_memory(TABLE_SIZE, 0x10000);
	collection_table = its_memory(0x10000, 0x10000);
	gently = gic_excused(true, "long queues of an ITS, pending tables that are no memory");
	return true;
}

/* Until all CPUs are here. */
static void meet(void)
{
	unsigned turn = atomic_fetch_add(&arrived, 1) / cpu_count;

	sev();
	while (atomic_load(&arrived) / cpu_count == turn)
		wfe();
}

static void clear(void *memory, size_t size)
{
	uint64_t *words = memory;

	for (size_t i = 0; i < size / 8; i++)
		words[i] = 0;
}

static void table_at(const struct its_table *table, const void *memory, unsigned pages)
{
	if (table->found)
		write64(table->baser,
			VALID | GITS_MEMORY | PAGE_64K | (uintptr_t)memory | (pages - 1));
}

static void start_its(void)
{
	write64(its.base + GITS_CBASER, VALID | GITS_MEMORY | (uintptr_t)ring | (RING_PAGES - 1));
	write64(its.base + GITS_CWRITER, 0);
	write32(its.base + GITS_CTLR, GITS_CTLR_ENABLED);
}

static void shown(unsigned n)
{
	dsb();
	write64(its.base + GITS_CWRITER, n * sizeof(struct its_command));
}

/* All that there is of devices and events goes somewhere. The ring is long enough for it. */
static void map_all(void)
{
	unsigned n = 0;

	for (unsigned icid = 0; icid < MAX_CPUS; icid++)
		ring[n++] = its_mapc(icid, icid < cpu_count ? icid : 0);
	for (unsigned device = 0; device < DEVICES; device++) {
		ring[n++] = its_mapd(device, itts + device * (ITT_STARTS / DEVICES), 6);
		for (unsigned event = 0; event < EVENTS; event++)
			ring[n++] = its_mapti(device, event, LPI_FIRST + device * EVENTS + event,
					      event % MAX_CPUS);
	}
	shown(n);
}

static void prepare(const struct turn *turn, uint64_t *state)
{
	its_stop();
	clear(device_table, TABLE_SIZE);
	clear(collection_table, 0x10000);
	table_at(&its.devices, turn->overlap ? itts : device_table, DEVICE_PAGES);
	table_at(&its.collections, turn->overlap ? itts : collection_table, 1);
	for (unsigned lpi = LPI_FIRST; lpi < LPI_FIRST + LPIS; lpi++)
		lpi_set(lpi, PRIORITY_DEFAULT, lpi % 4 != 0);
	start_its();
	if (turn->maps)
		map_all();
	its_stop();
	for (unsigned i = 0; i < RING_LENGTH; i++)
		ring[i] = turn->make(state);
	start_its();
}

/* --- What goes on in a turn ---------------------------------------------------------------------- */

static void show_commands(const struct turn *turn, uint64_t *state)
{
	uint64_t at = read64(its.base + GITS_CREADR) / sizeof(struct its_command);
	unsigned most = turn->scans && gently ? SHORT_LENGTH : RING_LENGTH;

	for (unsigned i = 0; i < 16; i++)
		ring[below(state, RING_LENGTH)] = turn->make(state);
	shown((unsigned)((at + most - 1) % RING_LENGTH));
}

static void junk_cwriter(const struct turn *turn, uint64_t *state)
{
	uint64_t value = random64(state);

	if (turn->scans && gently)
		value = (value & ~GITS_CURSOR) | SHORT_LENGTH * sizeof(struct its_command);
	if (rarely(state))
		write32(its.base + GITS_CWRITER + 4 * (value >> 40 & 1), (uint32_t)value);
	else
		write64(its.base + GITS_CWRITER, value);
}

/* Page sizes, sizes, one level and two: anything, but not in memory. */
static void misplace(uint64_t *state)
{
	uint64_t junk = random64(state) & 0x07000000000007ffull;
	uint64_t value = elsewhere(state) | junk | (rarely(state) ? 0 : VALID);

	switch (below(state, 3)) {
	case 0:
		write64(its.base + GITS_BASER + 8 * below(state, GITS_BASERS),
			value | (random64(state) & GITS_BASER_INDIRECT));
		break;
	case 1:
		write64(its.base + GITS_CBASER, value);
		break;
	default:
		write64(its.base + GITS_CBASER, VALID | (uintptr_t)ring | (junk & 0xff));
	}
}

static void spoil(uint8_t *table, size_t size, uint64_t *state)
{
	size_t at = below(state, size / 8) * 8;

	for (unsigned i = 0; i < 8; i++)
		table[at + i] = (uint8_t)(below(state, 4) ? random_number(state) : 0);
}

static void spoil_all(uint64_t *state)
{
	for (unsigned i = 0; i < 16; i++) {
		spoil(itts, ITT_STARTS, state);
		spoil(collection_table, 2 * MAX_CPUS * 8, state);
		spoil(device_table, DEVICES * 8, state);
		spoil(lpi_properties, LPIS, state);
	}
	dsb();
}

/* Off and on again, of any CPU; what pends then is what its table says. */
static void toggle_lpis(uint64_t *state)
{
	unsigned cpu = (unsigned)below(state, cpu_count);
	uintptr_t gicr = cpus[cpu].gicr;

	if (!(read32(gicr + GICR_CTLR) & GICR_CTLR_CES))
		return;
	write32(gicr + GICR_CTLR, 0);
	for (unsigned i = 0; i < 8; i++)
		spoil(lpi_pending[cpu] + LPI_FIRST / 8, LPIS / 8, state);
	if (!gently && rarely(state))
		write64(gicr + GICR_PENDBASER, elsewhere(state));
	else
		lpi_enable(cpu, false);
	write32(gicr + GICR_CTLR, GICR_CTLR_ENABLE_LPIS);
}

static void invalidate(uint64_t *state)
{
	uintptr_t gicr = cpus[below(state, cpu_count)].gicr;

	write64(gicr + (below(state, 2) ? GICR_INVALLR : GICR_INVLPIR), some_lpi(state));
	read32(gicr + GICR_SYNCR);
}

static void act(const struct turn *turn, uint64_t *state)
{
	switch (below(state, 8)) {
	case 0:
		junk_cwriter(turn, state);
		break;
	case 1:
		write32(its.base + GITS_CTLR, (uint32_t)below(state, 2));
		break;
	case 2:
		if (turn->misplace)
			misplace(state);
		break;
	case 3:
		if (turn->spoils)
			spoil_all(state);
		break;
	case 4:
		toggle_lpis(state);
		break;
	case 5:
		invalidate(state);
		break;
	case 6:
		write32(its.base + GITS_TRANSLATER, some_event(state));
		break;
	default:
		write32(its.base + GITS_CTLR, GITS_CTLR_ENABLED);
		show_commands(turn, state);
	}
}

/*
 * A write that shows commands may last for as long as the ITS is busy with them, on one CPU because of
 * what another has done: the ITS is disabled until all CPUs are through.
 */
void its_storm_hook(struct cpu *me, unsigned intid)
{
	(void)me;
	if (intid != timer_virtual.intid)
		return;
	if (counter_passed(turn_end))
		write32(its.base + GITS_CTLR, 0);
	timer_set_compare(&timer_virtual, counter_after_ms(1));
}

static void take_turn(struct cpu *me, const struct turn *turn, uint64_t *state)
{
	gic_enable(me->index, timer_virtual.intid);
	timer_set(&timer_virtual, turn_end, TIMER_ENABLE);
	do {
		act(turn, state);
	} while (!counter_passed(turn_end));
	timer_control(&timer_virtual, 0);
	gic_disable(me->index, timer_virtual.intid);
}

/* Each turn has its share of the storm's time, without what it takes to prepare it. */
void its_storm(struct cpu *me)
{
	uint64_t state = seed_of(me), share = (storm_end - counter()) / TURNS;

	me->faults_tolerated = true;
	for (unsigned i = 0; i < TURNS; i++) {
		if (me->index == 0) {
			prepare(&turns[i], &state);
			turn_end = counter() + share;
		}
		lpi_enable(me->index, true);
		meet();
		take_turn(me, &turns[i], &state);
		meet();
	}
	if (me->index == 0)
		its_stop();
	lpi_disable(me->index);
	me->faults_tolerated = false;
}

/* Each CPU with as many LPIs pending as there can be, which it is asked about, writes away, and reads back. */
void lpi_storm(struct cpu *me)
{
	uintptr_t gicr = cpus[me->index].gicr;

	irq_mask();
	while (raging()) {
		for (unsigned i = 0; i < LPIS / 8; i++)
			lpi_pending[me->index][LPI_FIRST / 8 + i] = 0xff;
		lpi_enable(me->index, false);
		write64(gicr + GICR_INVALLR, 0);
		write32(gicr + GICR_CTLR, 0);
	}
	lpi_enable(me->index, true);
	lpi_disable(me->index);
	irq_unmask();
}
