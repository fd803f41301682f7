/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The ITS's registers and tables (IHI 0069, 5.2, 12.19): what can be written and what cannot, a disabled
 * ITS, flat device tables and such of two levels, rings of any size, a new start with new tables.
 */
#include "expect.h"
#include "gic.h"
#include "tap.h"

#define EVENT_BITS  2
#define LPI         (LPI_FIRST + 500)
#define NO_INDIRECT "GITS_BASER: Indirect is 0"

#define CBASER_KEPT (1ull << 63 | 0xffffffff000ull | 0xff) /* Valid, address, size */
#define BASER_FIXED (7ull << 56 | 0x1full << 48)           /* type and entry size */

unsigned cpus_needed = 1;

static uint64_t get(unsigned offset)
{
	return read64(its.base + offset);
}

static void read_only(void)
{
	static const unsigned of32[] = { GITS_IIDR, GITS_PIDR2 };
	unsigned good = 0;

	is(read32(its.base + GITS_PIDR2) >> 4 & 0xf, read32(GICD_BASE + GIC_PIDR2) >> 4 & 0xf,
	   "GITS_PIDR2 and GICD_PIDR2 have the same architecture");
	for (unsigned i = 0; i < 2; i++) {
		uint32_t before = read32(its.base + of32[i]);

		write32(its.base + of32[i], ~before);
		good += read32(its.base + of32[i]) == before;
	}
	write64(its.base + GITS_TYPER, ~its.typer);
	good += get(GITS_TYPER) == its.typer;
	is(good, 3, "GITS_IIDR, GITS_PIDR2 and GITS_TYPER are read-only");
	is(read32(its.base + GITS_TYPER) | (uint64_t)read32(its.base + GITS_TYPER + 4) << 32,
	   its.typer, "GITS_TYPER reads the same by halves");
}

/* Of tables that are there; while the ITS is disabled. */
static void tables_have_types(void)
{
	unsigned good = 0;

	ok(its.devices.found, "a GITS_BASER for devices");
	ok(its.collections.found || its.typer >> 24 & 0xff,
	   "a GITS_BASER for collections, or some in hardware");
	for (unsigned i = 0; i < GITS_BASERS; i++) {
		unsigned at = GITS_BASER + 8 * i;
		uint64_t before = get(at);

		write64(its.base + at, ~before & ~GITS_BASER_VALID);
		good += (get(at) & BASER_FIXED) == (before & BASER_FIXED);
		if (!GITS_BASER_TYPE(before))
			good -= get(at) != 0;
		write64(its.base + at, 0);
	}
	is(good, GITS_BASERS,
	   "GITS_BASER: type and entry size are read-only; without a type: zero");
}

static void queue_registers(void)
{
	uint64_t value = 1ull << 63 | 0x40100000 | 15;

	write64(its.base + GITS_CBASER, value);
	is(get(GITS_CBASER) & CBASER_KEPT, value, "GITS_CBASER keeps Valid, address and size");
	is(get(GITS_CREADR), 0, "GITS_CBASER written: GITS_CREADR is 0");
	write32(its.base + GITS_CBASER, 0x40200000 | 3);
	is(get(GITS_CBASER) & CBASER_KEPT, 1ull << 63 | 0x40200000 | 3,
	   "GITS_CBASER's lower half alone");
	write32(its.base + GITS_CBASER + 4, 0);
	is(get(GITS_CBASER) & CBASER_KEPT, 0x40200000 | 3, "GITS_CBASER's upper half alone");
	write64(its.base + GITS_CWRITER, 0x40);
	is(get(GITS_CWRITER), 0x40, "GITS_CWRITER keeps the offset");
	is(get(GITS_CREADR), 0, "nothing is read while the ITS is disabled");
	write64(its.base + GITS_CWRITER, 0);
}

static void registers(void)
{
	its_stop();
	ok(read32(its.base + GITS_CTLR) & GITS_CTLR_QUIESCENT,
	   "disabled: GITS_CTLR.Quiescent is 1");
	read_only();
	tables_have_types();
	queue_registers();
}

/* Collections, and a device with four events. */
static bool map(uint32_t device, unsigned lpi)
{
	return map_events(device, EVENT_BITS, lpi, cpu_count - 1);
}

static void start(unsigned devices, bool two_levels, unsigned ring_pages)
{
	its_start(devices, two_levels, ring_pages);
	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		its_do(its_mapc(cpu, cpu));
}

/* Commands wait in the ring of a disabled ITS; what is mapped stays. */
static void disabled(void)
{
	struct its_command command = its_int(1, 0);
	unsigned last = cpu_count - 1;
	uint64_t posted;

	start(64, false, 1);
	ok(read32(its.base + GITS_CTLR) & GITS_CTLR_ENABLED, "enabled: GITS_CTLR.Enabled reads 1");
	map(1, LPI);
	int_arrives(1, 0, last, LPI, "before the ITS is disabled");
	its_stop();
	ok(!(read32(its.base + GITS_CTLR) & GITS_CTLR_ENABLED),
	   "disabled: GITS_CTLR.Enabled reads 0");
	posted = its_post(&command, 1);
	nothing_comes("INT in the ring of a disabled ITS");
	ok(get(GITS_CREADR) != get(GITS_CWRITER), "INT in the ring of a disabled ITS: not read");
	write32(its.base + GITS_CTLR, GITS_CTLR_ENABLED);
	ok(its_wait(posted), "enabled again: read");
	ok(lpi_taken(last, LPI, 1), "enabled again: arrives, once");
	counts_clear();
	int_arrives(1, 1, last, LPI + 1, "enabled again: another event that was mapped before");
}

/* With empty tables nothing is mapped any more. */
static void new_tables(void)
{
	start(64, false, 1);
	its_try(its_int(1, 0));
	nothing_comes("new tables: an event that was mapped in the old ones");
	map(1, LPI);
	int_arrives(1, 0, cpu_count - 1, LPI, "new tables, mapped anew");
}

static void rings(void)
{
	static const unsigned pages[] = { 1, 2, 3, 16, 64 };

	for (unsigned i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		unsigned rounds, good = 0;

		start(64, false, pages[i]);
		map(1, LPI);
		rounds = its.ring_length / 60 + 2;
		for (unsigned round = 0; round < rounds; round++) {
			struct its_command commands[60];

			for (unsigned n = 0; n < 60; n++)
				commands[n] = its_inv(1, n % 4);
			commands[59] = its_int(1, 0);
			good += its_run(commands, 60) && lpi_taken(cpu_count - 1, LPI, round + 1);
		}
		is(good, rounds, "a ring of %u pages, more than once round", pages[i]);
		counts_clear();
	}
}

/* The first and the last device of a table, of a second level, and those beyond. */
static void flat(void)
{
	unsigned last;

	start(300, false, 1);
	last = its.devices.entries - 1;
	ok(last >= 299, "a flat table for 300 devices has room for them");
	map(0, LPI);
	map(last, LPI + 8);
	int_arrives(0, 0, cpu_count - 1, LPI, "a flat table's first device");
	int_arrives(last, 3, cpu_count - 1, LPI + 11, "a flat table's last device");
	if (last + 1ull < 1ull << its.device_bits) {
		its_try(its_mapd(last + 1, its_memory(4096, 256), 2));
		its_try(its_mapti(last + 1, 0, LPI, 0));
		its_try(its_int(last + 1, 0));
	}
	nothing_comes("a device beyond a flat table");
	int_arrives(0, 1, cpu_count - 1, LPI + 1, "after it");
}

static void two_levels(void)
{
	static const char *const what[] = {
		"two levels: the first device",
		"two levels: the last device of the first page",
		"two levels: the first device of the second page",
		"two levels: a device far away",
		"two levels: a device without a second level: nothing comes",
		"two levels: when it has one, mapped",
	};
	unsigned last = cpu_count - 1, page, far;

	if (!its.devices.can_indirect) {
		for (unsigned i = 0; i < 6; i++)
			skip(what[i], NO_INDIRECT);
		return;
	}
	start(1, true, 1);
	page = its.devices.page_size / its.devices.entry_size;
	far = its.devices.entries - page / 2;
	its_second_level(page, 1);
	its_second_level(far, 1);
	map(0, LPI);
	map(page - 1, LPI + 4);
	map(page, LPI + 8);
	map(far, LPI + 12);
	ok(its_raise(0, 1) && lpi_taken(last, LPI + 1, 1), "%s", what[0]);
	ok(its_raise(page - 1, 3) && lpi_taken(last, LPI + 7, 1), "%s", what[1]);
	ok(its_raise(page, 0) && lpi_taken(last, LPI + 8, 1), "%s", what[2]);
	ok(its_raise(far, 2) && lpi_taken(last, LPI + 14, 1), "%s", what[3]);
	counts_clear();
	its_try(its_mapd(2 * page, its_memory(4096, 256), 2));
	its_try(its_mapti(2 * page, 0, LPI + 16, 0));
	its_try(its_int(2 * page, 0));
	nothing_comes("two levels: a device without a second level");
	its_second_level(2 * page, 1);
	map(2 * page, LPI + 16);
	ok(its_raise(2 * page, 0) && lpi_taken(last, LPI + 16, 1), "%s", what[5]);
	counts_clear();
}

void guest_main(void)
{
	its_find();
	lpi_tables();
	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		lpi_enable(cpu, true);
	registers();
	disabled();
	new_tables();
	rings();
	flat();
	two_levels();
}
