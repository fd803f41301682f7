/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Redistributors and the tables of LPIs (IHI 0069, 5.1.1, 12.11: GICR_CTLR, GICR_PROPBASER,
 * GICR_PENDBASER, GICR_INVLPIR and its like): what pends in a table when LPIs are enabled arrives, and
 * what pends when they are disabled is in the table then.
 */
#include "expect.h"
#include "gic.h"
#include "tap.h"

#define DEVICE     3
#define EVENT_BITS 5
#define EVENTS     (1u << EVENT_BITS)
#define LPI        (LPI_FIRST + 64)
#define FROM_TABLE 5 /* LPIs of each CPU that pend in its table */

#define PENDBASER_ADDRESS 0x000fffffffff0000ull
#define PROPBASER_ADDRESS 0x000ffffffffff000ull

unsigned cpus_needed = 1;

/* Not near one another, the first and the last one among them. */
static const unsigned from_table[FROM_TABLE] = { 0, 63, 64, 1001, 2047 };

static uint64_t control(unsigned cpu)
{
	return read32(cpus[cpu].gicr + GICR_CTLR);
}

/* --- Registers, while LPIs are disabled ------------------------------------------------------- */

/* It is write-only. */
static bool ptz_reads_0(uintptr_t pending)
{
	bool set = read64(pending) & GICR_PENDBASER_PTZ;

	return !set || gic_excused(set, "GICR_PENDBASER.PTZ reads as written");
}

static void registers(unsigned cpu)
{
	uintptr_t pending = cpus[cpu].gicr + GICR_PENDBASER;
	uintptr_t properties = cpus[cpu].gicr + GICR_PROPBASER;
	uint64_t table = (uintptr_t)lpi_pending[cpu];

	ok(!(control(cpu) & GICR_CTLR_ENABLE_LPIS), "CPU %u: EnableLPIs is 0 at the start", cpu);
	write64(pending, table | GICR_PENDBASER_PTZ);
	is(read64(pending) & PENDBASER_ADDRESS, table, "CPU %u: GICR_PENDBASER keeps the address",
	   cpu);
	ok(ptz_reads_0(pending), "CPU %u: GICR_PENDBASER.PTZ reads 0", cpu);
	write32(pending, 0);
	write32(pending + 4, 0);
	is(read64(pending) & PENDBASER_ADDRESS, 0, "CPU %u: GICR_PENDBASER cleared by halves", cpu);
	write32(pending + 4, (uint32_t)(GICR_PENDBASER_PTZ >> 32) | 0x1);
	is(read32(pending + 4) & 0xffff, 1, "CPU %u: GICR_PENDBASER's upper half alone", cpu);
	ok(ptz_reads_0(pending), "CPU %u: PTZ written in the upper half alone reads 0", cpu);
	is(read32(pending) & (uint32_t)PENDBASER_ADDRESS, 0, "CPU %u: its lower half is untouched",
	   cpu);
	write32(pending, (uint32_t)table);
	write32(pending + 4, 0);
	is(read64(pending) & PENDBASER_ADDRESS, table, "CPU %u: GICR_PENDBASER written by halves",
	   cpu);
	write64(properties, (uintptr_t)lpi_properties | (LPI_ID_BITS - 1));
	is(read64(properties) & PROPBASER_ADDRESS, (uintptr_t)lpi_properties,
	   "CPU %u: GICR_PROPBASER keeps the address", cpu);
	is(read32(properties) & 0x1f, LPI_ID_BITS - 1, "CPU %u: GICR_PROPBASER keeps IDbits", cpu);
	write32(properties, 0);
	write32(properties + 4, 0);
	is(read64(properties) & (PROPBASER_ADDRESS | 0x1f), 0,
	   "CPU %u: GICR_PROPBASER cleared by halves", cpu);
	write32(properties, (uint32_t)(uintptr_t)lpi_properties | (LPI_ID_BITS - 1));
	is(read64(properties) & (PROPBASER_ADDRESS | 0x1f),
	   (uintptr_t)lpi_properties | (LPI_ID_BITS - 1),
	   "CPU %u: GICR_PROPBASER written by halves", cpu);
}

/* --- Enabled with a table ---------------------------------------------------------------------- */

static void set_in_table(unsigned cpu, unsigned lpi)
{
	lpi_pending[cpu][lpi / 8] |= (uint8_t)(1u << lpi % 8);
}

static void fill_tables(unsigned shift)
{
	for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
		for (unsigned i = 0; i < FROM_TABLE; i++)
			set_in_table(cpu, LPI_FIRST + (from_table[i] + shift * cpu) % MAX_LPIS);
	}
	dsb();
}

static void tables_arrive(unsigned shift)
{
	unsigned good = 0;

	for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
		for (unsigned i = 0; i < FROM_TABLE; i++) {
			unsigned lpi = LPI_FIRST + (from_table[i] + shift * cpu) % MAX_LPIS;

			good += lpi_taken(cpu, lpi, 1);
		}
	}
	is(good, FROM_TABLE * cpu_count, "EnableLPIs: what pends in the tables arrives, once");
	wait_ms(SETTLE_MS);
	is(everything(), FROM_TABLE * cpu_count, "EnableLPIs: and no other");
	counts_clear();
}

static void enable_lpis(unsigned lpi)
{
	for (; lpi < LPI_FIRST + MAX_LPIS; lpi++)
		lpi_set(lpi, PRIORITY_DEFAULT, true);
}

/* One more pends at CPU 0, and is disabled: LPI, which DEVICE's event 0 becomes. */
static void enabled_with_tables(void)
{
	enable_lpis(LPI_FIRST);
	lpi_set(LPI + 1, PRIORITY_DEFAULT, false);
	fill_tables(3);
	set_in_table(0, LPI + 1);
	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		lpi_enable(cpu, false);
	tables_arrive(3);
	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		ok(control(cpu) & GICR_CTLR_ENABLE_LPIS, "CPU %u: EnableLPIs reads 1", cpu);
	ok(map_events(DEVICE, EVENT_BITS, LPI, 0), "32 events of a device: mapped");
	ok(lpi_taken(0, LPI + 1, 1), "one that was disabled, enabled and INV: arrives, once");
	counts_clear();
	int_arrives(DEVICE, 1, 0, LPI + 1, "after it");
}

/* Where LPIs are disabled, nothing pends. */
static void not_enabled_yet(void)
{
	its_start(64, false, 1);
	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		its_do(its_mapc(cpu, cpu));
	its_map_device(DEVICE + 1, 1);
	its_map_event(DEVICE + 1, 0, LPI, 0);
	its_try(its_int(DEVICE + 1, 0));
	nothing_comes("INT while EnableLPIs is 0");
}

/* --- Disabled and enabled again ----------------------------------------------------------------- */

static unsigned in_table(unsigned first, unsigned n)
{
	unsigned found = 0;

	for (unsigned i = 0; i < n; i++)
		found += lpi_pends_in_table(0, first + i);
	return found;
}

#define NO_CES "GICR_CTLR: CES is 0"

static void disabled_and_enabled(void)
{
	static const char *const what[] = {
		"EnableLPIs cleared: what pends is in the table",
		"EnableLPIs cleared: nothing is signalled",
		"EnableLPIs 0: INT does not pend",
		"EnableLPIs set again: what is in the table arrives, once",
	};
	unsigned good = 0;

	if (!(control(0) & GICR_CTLR_CES)) {
		for (unsigned i = 0; i < 4; i++)
			skip(what[i], NO_CES);
		return;
	}
	irq_mask();
	for (unsigned event = 0; event < EVENTS; event += 2)
		its_raise(DEVICE, event);
	wait_irq_asserted();
	lpi_disable(0);
	is(in_table(LPI, EVENTS), EVENTS / 2, "%s", what[0]);
	ok(wait_irq_gone(), "%s", what[1]);
	irq_unmask();
	its_try(its_int(DEVICE, 1));
	wait_ms(SETTLE_MS);
	is(everything() + in_table(LPI + 1, 1), 0, "%s", what[2]);
	lpi_enable(0, false);
	for (unsigned event = 0; event < EVENTS; event += 2)
		good += lpi_taken(0, LPI + event, 1);
	is(good, EVENTS / 2, "%s", what[3]);
	counts_clear();
}

/* Other tables, for all CPUs: what was in the old ones counts for nothing. */
static void other_tables(void)
{
	if (!lpi_disable(0)) {
		skip("EnableLPIs: what pends in the tables arrives, once", NO_CES);
		skip("EnableLPIs: and no other", NO_CES);
		skip("EnableLPIs with PTZ and an empty table: nothing comes", NO_CES);
		return;
	}
	for (unsigned cpu = 1; cpu < cpu_count; cpu++)
		lpi_disable(cpu);
	lpi_tables();
	enable_lpis(LPI_FIRST);
	fill_tables(7);
	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		lpi_enable(cpu, false);
	tables_arrive(7);
	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		lpi_disable(cpu);
	lpi_tables();
	enable_lpis(LPI_FIRST);
	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		lpi_enable(cpu, true);
	nothing_comes("EnableLPIs with PTZ and an empty table");
}

/* --- GICR_INVLPIR, GICR_INVALLR, GICR_SYNCR ------------------------------------------------------ */

#define NO_IR "GICR_CTLR: no GICR_INVLPIR"

static bool has_invlpir(void)
{
	return control(0) & GICR_CTLR_IR || read64(cpus[0].gicr + GICR_TYPER) & GICR_TYPER_DIRECT;
}

static bool wait_syncr(void)
{
	uint64_t deadline = counter_after_ms(LIMIT_MS);

	while (read32(cpus[0].gicr + GICR_SYNCR) & 1) {
		if (counter_passed(deadline))
			return false;
		wfe();
	}
	return true;
}

static bool invlpir(uint64_t lpi)
{
	write64(cpus[0].gicr + GICR_INVLPIR, lpi);
	return wait_syncr();
}

static void invalidate_by_register(void)
{
	static const char *const what[] = {
		"GICR_INVLPIR: GICR_SYNCR.Busy ends",
		"GICR_INVLPIR: an LPI that is now disabled does not come",
		"GICR_INVLPIR: enabled again it arrives, once",
		"GICR_INVLPIR of INTIDs that are no LPIs: nothing happens",
		"GICR_INVALLR: LPIs that are now disabled do not come",
		"GICR_INVALLR: enabled again they arrive, once",
	};
	static const uint64_t junk[] = { 0,
					 31,
					 1023,
					 1024,
					 LPI_FIRST - 1,
					 1u << LPI_ID_BITS,
					 0xffff,
					 0x7fffffffull,
					 0xffffffffull };
	unsigned good = 0;
	bool ended;

	if (!has_invlpir()) {
		for (unsigned i = 0; i < 6; i++)
			skip(what[i], NO_IR);
		return;
	}
	lpi_set(LPI + 2, PRIORITY_DEFAULT, false);
	ended = invlpir(LPI + 2);
	its_raise(DEVICE, 2);
	ok(ended, "%s", what[0]);
	wait_ms(SETTLE_MS);
	is(everything(), 0, "%s", what[1]);
	lpi_set(LPI + 2, PRIORITY_DEFAULT, true);
	invlpir(LPI + 2);
	ok(lpi_taken(0, LPI + 2, 1), "%s", what[2]);
	counts_clear();
	for (unsigned i = 0; i < sizeof(junk) / sizeof(junk[0]); i++)
		good += invlpir(junk[i]);
	is(good + everything(), sizeof(junk) / sizeof(junk[0]), "%s", what[3]);
	for (unsigned event = 0; event < EVENTS; event++)
		lpi_set(LPI + event, PRIORITY_DEFAULT, false);
	write64(cpus[0].gicr + GICR_INVALLR, 0);
	wait_syncr();
	for (unsigned event = 0; event < EVENTS; event++)
		its_raise(DEVICE, event);
	wait_ms(SETTLE_MS);
	is(everything(), 0, "%s", what[4]);
	enable_lpis(LPI);
	write64(cpus[0].gicr + GICR_INVALLR, 0);
	wait_syncr();
	good = 0;
	for (unsigned event = 0; event < EVENTS; event++)
		good += lpi_taken(0, LPI + event, 1);
	is(good, EVENTS, "%s", what[5]);
	counts_clear();
}

void guest_main(void)
{
	its_find();
	lpi_tables();
	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		registers(cpu);
	not_enabled_yet();
	enabled_with_tables();
	invalidate_by_register();
	disabled_and_enabled();
	other_tables();
	int_arrives(DEVICE, 9, 0, LPI + 9, "in the end");
}
