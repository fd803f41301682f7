/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * ITS driver of the guests: tables (IHI 0069, 5.2), the command queue (5.1.2, GITS_CBASER, GITS_CWRITER,
 * GITS_CREADR), and the tables of LPIs (5.1.1, GICR_PROPBASER, GICR_PENDBASER).
 */
#include "its.h"

#include "gic.h"
#include "tap.h"
#include "tree.h"

#define POOL_SIZE  0x400000u
#define KIB4       0x1000u
#define KIB64      0x10000u
#define MAX_PAGES  256u /* of a table or the ring */
#define RUN_LENGTH 64u
#define RING_PAGES 1u
#define DEVICES    64u
#define VALID      (1ull << 63)

struct its its;
uint8_t *lpi_properties;
uint8_t *lpi_pending[MAX_CPUS];

static _Alignas(KIB64) uint8_t pool[POOL_SIZE];
static size_t pool_used;

static atomic_uint queue_lock;
static uint64_t queue_posted, queue_read; /* commands since the ITS was started */
static unsigned queue_read_at;

void *its_memory(size_t size, size_t align)
{
	size_t at = (pool_used + align - 1) & ~(align - 1);

	if (at > POOL_SIZE || size > POOL_SIZE - at)
		bail_out("no more memory for the tables of the ITS");
	pool_used = at + size;
	return pool + at;
}

/* --- What there is ------------------------------------------------------------------------------ */

static void find_tables(void)
{
	its.devices.found = its.collections.found = false;
	for (unsigned i = 0; i < GITS_BASERS; i++) {
		uintptr_t baser = its.base + GITS_BASER + 8 * i;
		uint64_t value = read64(baser);
		struct its_table *table = NULL;

		if (GITS_BASER_TYPE(value) == GITS_BASER_DEVICES)
			table = &its.devices;
		else if (GITS_BASER_TYPE(value) == GITS_BASER_COLLECTIONS)
			table = &its.collections;
		if (!table || table->found)
			continue;
		table->found = true;
		table->baser = baser;
		table->entry_size = GITS_BASER_ENTRY(value);
	}
}

/* num_LPIs, bits 15:11: 0, or 2 to the power of that plus one. */
static bool too_few_lpis(uint32_t typer)
{
	unsigned bits = typer >> 11 & 0x1f;

	return bits && 2ull << bits < MAX_LPIS;
}

void its_find(void)
{
	if (!tree_its.found)
		bail_out("no ITS in the device tree");
	if (gic_is_v2() || !(read32(GICD_BASE + GICD_TYPER) & GICD_TYPER_LPIS))
		bail_out("no LPIs by GICD_TYPER");
	if ((read32(GICD_BASE + GICD_TYPER) >> 19 & 0x1f) + 1 < LPI_ID_BITS)
		bail_out("GICD_TYPER.IDbits has no room for LPIs");
	if (too_few_lpis(read32(GICD_BASE + GICD_TYPER)))
		bail_out("GICD_TYPER.num_LPIs: too few LPIs");
	for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
		if (!(read64(cpus[cpu].gicr + GICR_TYPER) & GICR_TYPER_PLPIS))
			bail_out("no LPIs by GICR_TYPER");
	}
	its.base = tree_its.base;
	map_device(its.base);
	its.typer = read64(its.base + GITS_TYPER);
	if (!(its.typer & GITS_TYPER_PHYSICAL))
		bail_out("an ITS without physical LPIs");
	its.itt_entry_size = (its.typer >> 4 & 0xf) + 1;
	its.event_bits = (its.typer >> 8 & 0x1f) + 1;
	its.device_bits = (its.typer >> 13 & 0x1f) + 1;
	its.collection_bits = its.typer & GITS_TYPER_CIL ? (its.typer >> 32 & 0xf) + 1 : 16;
	find_tables();
}

uint64_t its_target(unsigned cpu)
{
	if (its.typer & GITS_TYPER_PTA)
		return cpus[cpu].gicr & 0xfffffffff0000ull;
	return (read64(cpus[cpu].gicr + GICR_TYPER) >> 8 & 0xffff) << 16;
}

/* --- LPIs --------------------------------------------------------------------------------------- */

void lpi_tables(void)
{
	lpi_properties = its_memory(LPIS, KIB4);
	for (unsigned lpi = LPI_FIRST; lpi < LPI_FIRST + LPIS; lpi++)
		lpi_set(lpi, PRIORITY_DEFAULT, false);
	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		lpi_pending[cpu] = its_memory((1u << LPI_ID_BITS) / 8, KIB64);
}

void lpi_enable(unsigned cpu, bool pending_table_zero)
{
	uintptr_t gicr = cpus[cpu].gicr;

	dsb();
	write64(gicr + GICR_PROPBASER, (uintptr_t)lpi_properties | GICR_MEMORY | (LPI_ID_BITS - 1));
	write64(gicr + GICR_PENDBASER, (uintptr_t)lpi_pending[cpu] | GICR_MEMORY |
					       (pending_table_zero ? GICR_PENDBASER_PTZ : 0));
	write32(gicr + GICR_CTLR, read32(gicr + GICR_CTLR) | GICR_CTLR_ENABLE_LPIS);
	dsb();
}

bool lpi_disable(unsigned cpu)
{
	uintptr_t control = cpus[cpu].gicr + GICR_CTLR;

	if (!(read32(control) & GICR_CTLR_CES))
		return false;
	write32(control, read32(control) & ~GICR_CTLR_ENABLE_LPIS);
	gic_wait_rwp(cpu, 0);
	dsb();
	return true;
}

void lpi_set(unsigned lpi, uint8_t priority, bool enabled)
{
	write8((uintptr_t)lpi_properties + lpi - LPI_FIRST,
	       (priority & 0xfc) | LPI_RES1 | (enabled ? LPI_ENABLED : 0));
	dsb();
}

/* --- Tables ------------------------------------------------------------------------------------- */

/* The smallest page that the table may have: Page_Size may be fixed. */
static void find_page_size(struct its_table *table)
{
	uint64_t kept;

	write64(table->baser, 0);
	kept = read64(table->baser);
	table->page_size = KIB4 << 2 * (kept >> 8 & 3);
	write64(table->baser, GITS_BASER_INDIRECT);
	table->can_indirect = read64(table->baser) & GITS_BASER_INDIRECT;
	write64(table->baser, 0);
}

static void place_table(struct its_table *table, unsigned pages)
{
	uint64_t page_field = table->page_size == KIB4 ? 0 : table->page_size == KIB64 ? 2 : 1;

	table->memory = its_memory(pages * table->page_size, table->page_size);
	write64(table->baser, GITS_BASER_VALID | (table->indirect ? GITS_BASER_INDIRECT : 0) |
				      GITS_MEMORY | (uintptr_t)table->memory | page_field << 8 |
				      (pages - 1));
}

/* Room for `wanted` IDs of `bits`; two levels: 8 bytes in the first for each page of the second. */
static void make_table(struct its_table *table, unsigned wanted, unsigned bits, bool two_levels)
{
	unsigned per_page, pages;
	uint64_t entries;

	find_page_size(table);
	table->indirect = two_levels;
	per_page = table->page_size / table->entry_size;
	if (two_levels)
		per_page *= table->page_size / 8;
	pages = (wanted + per_page - 1) / per_page;
	if (pages > MAX_PAGES)
		bail_out("a table of the ITS would be too large");
	place_table(table, pages);
	entries = (uint64_t)pages * per_page;
	table->entries = entries < 1ull << bits ? (unsigned)entries : 1u << bits;
}

void its_second_level(unsigned first_device, unsigned devices)
{
	unsigned per_page = its.devices.page_size / its.devices.entry_size;

	if (!its.devices.indirect)
		return;
	for (unsigned i = first_device / per_page; i <= (first_device + devices - 1) / per_page;
	     i++) {
		if (!(its.devices.memory[i] & VALID))
			its.devices.memory[i] = (uintptr_t)its_memory(its.devices.page_size,
								      its.devices.page_size) |
						VALID;
	}
	dsb();
}

static void make_collections(void)
{
	unsigned in_hardware = its.typer >> 24 & 0xff;

	its.collection_count = in_hardware;
	if (its.collections.found) {
		make_table(&its.collections, 2 * MAX_CPUS, its.collection_bits, false);
		its.collection_count += its.collections.entries;
	}
	if (its.collection_count > 1u << its.collection_bits)
		its.collection_count = 1u << its.collection_bits;
}

static void make_ring(unsigned pages)
{
	its.ring_length = pages * KIB4 / sizeof(struct its_command);
	its.ring = its_memory(pages * KIB4, KIB64);
	its.next = 0;
	queue_posted = queue_read = 0;
	queue_read_at = 0;
	write64(its.base + GITS_CBASER, VALID | GITS_MEMORY | (uintptr_t)its.ring | (pages - 1));
	write64(its.base + GITS_CWRITER, 0);
}

void its_stop(void)
{
	uint64_t deadline = counter_after_ms(LIMIT_MS);

	write32(its.base + GITS_CTLR, read32(its.base + GITS_CTLR) & ~GITS_CTLR_ENABLED);
	while (!(read32(its.base + GITS_CTLR) & GITS_CTLR_QUIESCENT)) {
		if (counter_passed(deadline))
			bail_out("GITS_CTLR.Quiescent stays 0");
		wfe();
	}
}

bool its_start(unsigned devices, bool two_levels, unsigned ring_pages)
{
	its_stop();
	if (!its.devices.found)
		bail_out("an ITS whose device table is not in memory");
	find_page_size(&its.devices);
	if (two_levels && !its.devices.can_indirect)
		return false;
	make_table(&its.devices, devices, its.device_bits, two_levels);
	its_second_level(0, devices);
	make_collections();
	make_ring(ring_pages);
	dsb();
	write32(its.base + GITS_CTLR, GITS_CTLR_ENABLED);
	return true;
}

void its_init(void)
{
	its_find();
	lpi_tables();
	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		lpi_enable(cpu, true);
	its_start(DEVICES, false, RING_PAGES);
	for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
		if (!its_do(its_mapc(cpu, cpu)))
			bail_out("the ITS does not take MAPC");
	}
}

/* --- The command queue -------------------------------------------------------------------------- */

/* With interrupts masked: handlers send commands, too. */
static uint64_t lock_queue(void)
{
	uint64_t daif = read_sysreg(daif);

	irq_mask();
	while (atomic_exchange_explicit(&queue_lock, 1, memory_order_acquire))
		wfe();
	return daif;
}

static void unlock_queue(uint64_t daif)
{
	atomic_store_explicit(&queue_lock, 0, memory_order_release);
	sev();
	write_sysreg(daif, daif);
	isb();
}

/* Under the lock. True unless the ITS says that it stalls. */
static bool look_at_creadr(void)
{
	uint64_t value = read64(its.base + GITS_CREADR);
	unsigned at = (unsigned)((value & GITS_CURSOR) / sizeof(struct its_command));

	queue_read += (at + its.ring_length - queue_read_at) % its.ring_length;
	queue_read_at = at;
	return !(value & GITS_CREADR_STALLED);
}

/* Under the lock. The last place stays free, or a full ring would look like an empty one. */
static bool room_for(unsigned n)
{
	look_at_creadr();
	return queue_posted - queue_read + n < its.ring_length;
}

static void put(const struct its_command *commands, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		its.ring[its.next] = commands[i];
		its.next = (its.next + 1) % its.ring_length;
	}
	queue_posted += n;
	dsb();
	write64(its.base + GITS_CWRITER, its.next * sizeof(struct its_command));
}

uint64_t its_post(const struct its_command *commands, unsigned n)
{
	uint64_t deadline = counter_after_ms(LIMIT_MS), daif, posted;

	for (;;) {
		daif = lock_queue();
		if (room_for(n))
			break;
		unlock_queue(daif);
		if (counter_passed(deadline))
			bail_out("the command queue of the ITS stays full");
		wfe();
	}
	put(commands, n);
	posted = queue_posted;
	unlock_queue(daif);
	return posted;
}

void its_post_blind(const struct its_command *commands, unsigned n)
{
	queue_read = queue_posted;
	queue_read_at = its.next;
	put(commands, n);
}

bool its_wait(uint64_t posted)
{
	uint64_t deadline = counter_after_ms(LIMIT_MS);

	for (;;) {
		uint64_t daif = lock_queue();
		bool runs = look_at_creadr();
		bool done = queue_read >= posted;

		unlock_queue(daif);
		if (done || !runs || counter_passed(deadline))
			return done;
		wfe();
	}
}

bool its_run(const struct its_command *commands, unsigned n)
{
	struct its_command all[RUN_LENGTH + MAX_CPUS];

	if (n > RUN_LENGTH)
		bail_out("too many commands for its_run()");
	for (unsigned i = 0; i < n; i++)
		all[i] = commands[i];
	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		all[n + cpu] = its_sync(cpu);
	return its_wait(its_post(all, n + cpu_count));
}

bool its_do(struct its_command command)
{
	return its_run(&command, 1);
}

/* Under the lock: what the ITS stalls at becomes a SYNC, and the ITS is told to go on. */
static void replace_stalled(void)
{
	uint64_t value = read64(its.base + GITS_CREADR);

	if (!(value & GITS_CREADR_STALLED))
		return;
	its.ring[(value & GITS_CURSOR) / sizeof(struct its_command)] = its_sync(0);
	dsb();
	write64(its.base + GITS_CWRITER,
		its.next * sizeof(struct its_command) | GITS_CWRITER_RETRY);
}

bool its_force(uint64_t posted)
{
	uint64_t deadline = counter_after_ms(LIMIT_MS);

	while (!its_wait(posted)) {
		if (counter_passed(deadline))
			return false;
		uint64_t daif = lock_queue();

		replace_stalled();
		unlock_queue(daif);
	}
	return true;
}

bool its_try(struct its_command command)
{
	struct its_command nothing = its_sync(0);

	return its_force(its_post(&command, 1)) && its_do(nothing);
}

/* --- Devices and events ------------------------------------------------------------------------- */

bool its_map_device(uint32_t device, unsigned bits)
{
	return its_do(its_mapd(device, its_memory((size_t)its.itt_entry_size << bits, 256), bits));
}

bool its_map_event(uint32_t device, uint32_t event, unsigned lpi, unsigned icid)
{
	const struct its_command commands[] = {
		its_mapti(device, event, lpi, icid),
		its_inv(device, event),
	};

	return its_run(commands, 2);
}
