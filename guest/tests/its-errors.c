/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What software must not do to an ITS, over and over: random commands, random bytes in its tables,
 * registers that make no sense. What comes of it is up to the ITS (IHI 0069, 5.1.2: command errors); what
 * is not is that the machine goes on, and that after a new start with new tables all is as ever. The
 * bootargs' seed= is another storm, rounds= a longer one. its=harsh adds what an emulator of a machine
 * need not survive: tables in devices and where there is nothing.
 */
#include "expect.h"
#include "gic.h"
#include "tap.h"
#include "tree.h"

#define DEVICE     3
#define EVENT_BITS 5
#define EVENTS     (1u << EVENT_BITS)
#define LPI        (LPI_FIRST + 64)
#define BATCH      32
#define DEVICES    16
#define HOLE       0x0b100000ull /* neither memory nor device */

#define SCRATCH_SIZE 0x10000u /* ITTs of the storm; each command's stays in it */
#define ITT_SIZE     0x1000u

unsigned cpus_needed = 1;

static uint8_t *scratch;
static uint32_t seed;
static unsigned rounds;
static bool harsh;

/* Each CPU has a state of its own. */
static uint32_t states[MAX_CPUS];

static uint32_t random_number(void)
{
	uint32_t *state = &states[this_cpu()->index];

	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static uint32_t below(uint32_t n)
{
	return random_number() % n;
}

static uint64_t random64(void)
{
	return (uint64_t)random_number() << 32 | random_number();
}

static void seed_all(void)
{
	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		states[cpu] = seed * 0x9e3779b9u + cpu + 1;
}

/* --- The normal state --------------------------------------------------------------------------- */

static void take_all(void *unused)
{
	(void)unused;
	do {
		irq_unmask();
		irq_mask();
	} while (irq_asserted());
}

/* What the storm left pending is taken. */
static void drain(void)
{
	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		its_do(its_invall(cpu));
	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		cpu_run(cpu, take_all, NULL);
	wait_ms(SETTLE_MS);
	counts_clear();
}

static void recovers(const char *after)
{
	unsigned good = 0;

	its_start(DEVICES, false, 1);
	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		its_do(its_mapc(cpu, cpu));
	for (unsigned lpi = LPI_FIRST; lpi < LPI_FIRST + LPIS; lpi++)
		lpi_set(lpi, PRIORITY_DEFAULT, true);
	drain();
	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		its_do(its_unmapd(cpu));
	map_events(DEVICE, EVENT_BITS, LPI, 0);
	for (unsigned event = 0; event < EVENTS; event++)
		its_do(its_movi(DEVICE, event, event % cpu_count));
	for (unsigned event = 0; event < EVENTS; event++)
		its_raise(DEVICE, event);
	for (unsigned event = 0; event < EVENTS; event++)
		good += lpi_taken(event % cpu_count, LPI + event, 1);
	wait_ms(SETTLE_MS);
	is(good, EVENTS, "%s, new tables: each event arrives once", after);
	is(everything(), EVENTS, "%s, new tables: and no other", after);
	counts_clear();
}

/* --- Random commands ------------------------------------------------------------------------------ */

static uint32_t some_device(void)
{
	return below(8) ? below(DEVICES) : random_number();
}

static uint32_t some_event(void)
{
	return below(8) ? below(64) : random_number();
}

static uint32_t some_lpi(void)
{
	return below(8) ? LPI_FIRST + below(LPIS) : random_number();
}

static uint32_t some_icid(void)
{
	return below(8) ? below(2 * MAX_CPUS) : below(0x10000);
}

static uint64_t some_target(void)
{
	return below(8) ? its_target(below(cpu_count)) : random64() & 0xfffffffff0000ull;
}

/* No memory: nothing, the distributor, the ITS itself, the last addresses of 40 and of 52 bits. */
static uint64_t elsewhere(void)
{
	const uint64_t places[] = { HOLE, GICD_BASE, its.base, 0xffffff0000ull,
				    0xfffffffff0000ull };

	return places[below(sizeof(places) / sizeof(places[0]))];
}

/*
 * In memory an ITT has as many events as its page has room for: what the ITS writes there must not be
 * the program. Of one elsewhere nothing can be said.
 */
static struct its_command some_mapd(void)
{
	struct its_command command;
	unsigned bits = 1;

	while (its.itt_entry_size << (bits + 1) <= ITT_SIZE)
		bits++;
	command = its_mapd(some_device(), scratch + below(SCRATCH_SIZE / ITT_SIZE) * ITT_SIZE,
			   1 + below(bits));
	if (below(16) == 0)
		command.word[2] &= ~(1ull << 63);
	if (harsh && below(8) == 0)
		command.word[2] = 1ull << 63 | elsewhere();
	return command;
}

static struct its_command some_command(void)
{
	switch (below(16)) {
	case 0:
		return some_mapd();
	case 1: {
		struct its_command command = { { 0x09, random64(), some_icid() | some_target() } };

		command.word[2] |= (uint64_t)(below(8) != 0) << 63;
		return command;
	}
	case 2:
	case 3:
		return its_mapti(some_device(), some_event(), some_lpi(), some_icid());
	case 4:
		return its_mapi(some_device(), some_event(), some_icid());
	case 5:
		return its_movi(some_device(), some_event(), some_icid());
	case 6:
		return its_discard(some_device(), some_event());
	case 7:
		return its_clear(some_device(), some_event());
	case 8:
		return its_inv(some_device(), some_event());
	case 9:
		return its_invall(some_icid());
	case 10:
		return (struct its_command){ { 0x0e, 0, some_target(), some_target() } };
	case 11:
		return (struct its_command){ { 0x05, 0, some_target() } };
	default:
		return its_int(some_device(), some_event());
	}
}

/* Any command but MAPD, whose ITT could be anywhere; bits that are reserved, too. */
static struct its_command any_command(void)
{
	struct its_command command = { { random64(), random64(), random64(), random64() } };

	if ((command.word[0] & 0xff) == 0x08)
		command.word[0] ^= 0x80;
	return command;
}

static bool batch(struct its_command (*make)(void))
{
	struct its_command commands[BATCH];

	for (unsigned i = 0; i < BATCH; i++)
		commands[i] = make();
	return its_force(its_post(commands, BATCH));
}

static atomic_uint stuck;

static void storm(void *make)
{
	for (unsigned round = 0; round < rounds; round++) {
		if (!batch((struct its_command(*)(void))make))
			atomic_fetch_add(&stuck, 1);
	}
}

static void random_commands(struct its_command (*make)(void), const char *what)
{
	atomic_store(&stuck, 0);
	storm(make);
	is(atomic_load(&stuck), 0, "%s: all are read", what);
	recovers(what);
}

static void from_all_cpus(void)
{
	atomic_store(&stuck, 0);
	cpu_run_all(storm, some_command);
	is(atomic_load(&stuck), 0, "random commands from all CPUs: all are read");
	recovers("random commands from all CPUs");
}

/* --- Tables --------------------------------------------------------------------------------------- */

static void spoil(uint8_t *table, unsigned size)
{
	unsigned at = below(size / 8) * 8;

	for (unsigned i = 0; i < 8; i++)
		table[at + i] = (uint8_t)(below(4) ? random_number() : 0);
	dsb();
}

/* Commands that read tables and write none. */
static struct its_command reading_command(void)
{
	switch (below(4)) {
	case 0:
		return its_clear(below(DEVICES), below(64));
	case 1:
		return its_inv(below(DEVICES), below(64));
	default:
		return its_int(below(DEVICES), below(64));
	}
}

/* All devices have their ITTs in the scratch memory; its entries are the ITS's own matter. */
static void map_scratch(void)
{
	for (unsigned i = 0; i < SCRATCH_SIZE; i++)
		scratch[i] = 0;
	dsb();
	for (unsigned device = 0; device < DEVICES; device++) {
		its_do(its_unmapd(device));
		its_do(its_mapd(device, scratch + device * ITT_SIZE, 6));
		for (unsigned event = 0; event < 64; event++)
			its_do(its_mapti(device, event, LPI_FIRST + device * 64 + event,
					 event % cpu_count));
	}
}

static void spoiled(uint8_t *table, unsigned size, const char *what)
{
	unsigned wrong = 0;

	map_scratch();
	for (unsigned round = 0; round < rounds; round++) {
		for (unsigned i = 0; i < 8; i++)
			spoil(table, size);
		wrong += !batch(reading_command);
	}
	is(wrong, 0, "%s: all commands are read", what);
	recovers(what);
}

static void random_tables(void)
{
	spoiled(scratch, SCRATCH_SIZE, "random bytes in ITTs");
	spoiled((uint8_t *)its.devices.memory, DEVICES * its.devices.entry_size,
		"random bytes in the device table");
	if (its.collections.found)
		spoiled((uint8_t *)its.collections.memory,
			its.collections.entry_size * 2 * cpu_count,
			"random bytes in the collection table");
	else
		skip("random bytes in the collection table", "GITS_BASER: no collections");
}

/* --- Registers ------------------------------------------------------------------------------------- */

static void any_write(uint64_t at)
{
	uint64_t value = below(2) ? random64() : 0;

	switch (below(3)) {
	case 0:
		write32(at & ~3ull, (uint32_t)value);
		break;
	case 1:
		write64(at & ~7ull, value);
		break;
	default:
		read32(at & ~3ull);
		read64(at & ~7ull);
	}
}

/* The control frame of a disabled ITS, GITS_CTLR apart; what is not there may be aborted. */
static void random_registers(void)
{
	struct cpu *me = this_cpu();

	its_stop();
	me->faults_tolerated = true;
	for (unsigned round = 0; round < rounds * 20; round++) {
		uint64_t offset = below(4) ? 8 + below(0x178) : 8 + below(0xffe0);

		any_write(its.base + offset);
	}
	me->faults_tolerated = false;
	atomic_store(&me->faults, 0);
	ok(true, "random accesses to a disabled ITS: the machine goes on");
	recovers("random accesses to a disabled ITS");
}

/* Whatever GITS_CWRITER says, while the ring is one of INVs. */
static void random_cwriter(void)
{
	static const uint64_t offsets[] = { 0x1000, 0xfffe0, 0x20, 0xfe0, 0xffff0000ffffffe0ull };

	recovers("before GITS_CWRITER");
	for (unsigned i = 0; i < its.ring_length; i++)
		its.ring[i] = its_inv(DEVICE, i % EVENTS);
	dsb();
	for (unsigned i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		write64(its.base + GITS_CWRITER, offsets[i]);
		wait_ms(1);
		write64(its.base + GITS_CWRITER, offsets[i] | GITS_CWRITER_RETRY);
		wait_ms(1);
	}
	ok(true, "GITS_CWRITER beyond the ring: the machine goes on");
	recovers("GITS_CWRITER beyond the ring");
}

/* A ring that is not there, not valid, or no memory. */
static void random_cbaser(void)
{
	const uint64_t values[] = {
		0, HOLE, 1ull << 63 | HOLE, 1ull << 63 | 0xffffffff000ull, 1ull << 63 | its.base,
	};

	for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]) - !harsh; i++) {
		its_stop();
		write64(its.base + GITS_CBASER, values[i]);
		write64(its.base + GITS_CWRITER, 0);
		write32(its.base + GITS_CTLR, GITS_CTLR_ENABLED);
		write64(its.base + GITS_CWRITER, 0x80);
		wait_ms(1);
		write64(its.base + GITS_CWRITER, 0x80 | GITS_CWRITER_RETRY);
		wait_ms(1);
	}
	ok(true, "GITS_CBASER without a ring: the machine goes on");
	recovers("GITS_CBASER without a ring");
}

/* Tables that are not there: with each, all commands. */
static void table_missing(struct its_table *table, uint64_t value)
{
	if (!table->found)
		return;
	its_start(DEVICES, false, 1);
	its_stop();
	write64(table->baser, value);
	write32(its.base + GITS_CTLR, GITS_CTLR_ENABLED);
	batch(some_command);
	batch(some_command);
}

static void tables_missing(void)
{
	table_missing(&its.devices, 0);
	table_missing(&its.collections, 0);
	if (harsh) {
		for (unsigned i = 0; i < 10; i++) {
			uint64_t value = (elsewhere() & 0xffffffff0000ull) | GITS_BASER_VALID;

			table_missing(&its.devices, value | 0xff);
			table_missing(&its.collections, value);
			table_missing(&its.devices, value | GITS_BASER_INDIRECT);
		}
	}
	ok(true, "tables missing: the machine goes on");
	recovers("tables missing");
}

void guest_main(void)
{
	seed = (uint32_t)option_number("seed", 1);
	rounds = (unsigned)option_number("rounds", 100);
	harsh = option_is("its", "harsh");
	seed_all();
	its_init();
	scratch = its_memory(SCRATCH_SIZE, SCRATCH_SIZE);
	recovers("a first start");
	random_commands(some_command, "random commands");
	random_commands(any_command, "random numbers for commands");
	from_all_cpus();
	random_tables();
	random_registers();
	random_cwriter();
	random_cbaser();
	tables_missing();
}
