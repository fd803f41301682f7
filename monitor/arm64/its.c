/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The physical ITSs (IHI 0069 5.3, 12.18, 12.19): found in the device tree, their tables in our memory, a
 * queue of commands each, one collection for each CPU with that CPU's number. LPIs are always enabled
 * in their table and have one priority: what is not wanted is masked in the device.
 */
#include <string.h>
#include "cpu.h"
#include "gic.h"
#include "hot.h"
#include "its.h"
#include "mmu.h"
#include "vm.h"
#include "../common/board.h"
#include "../common/console.h"
#include "../common/panic.h"

#define GITS_CTLR    0x0000
#define GITS_TYPER   0x0008
#define GITS_CBASER  0x0080
#define GITS_CWRITER 0x0088
#define GITS_CREADR  0x0090
#define GITS_BASER   0x0100
#define GITS_BASERS  8

#define CTLR_ENABLED   1u
#define CTLR_QUIESCENT (1u << 31)
#define CREADR_STALLED 1u

#define BASER_VALID    (1ul << 63)
#define BASER_INDIRECT (1ul << 62)
#define BASER_PAGE     (3ul << 8)
#define BASER_INNER    (1ul << 10) /* shareable */
#define BASER_CACHED   (7ul << 59 | 7ul << 53)
#define BASER_UNCACHED (1ul << 59)
#define TYPE_DEVICES   1
#define TYPE_VPES      2
#define TYPE_CPUS      4 /* collections */

/* From GICR's RD_base. */
#define GICR_CTLR_LPIS      1u
#define GICR_CTLR_RWP       (1u << 3)
#define GICR_CACHED         (7ul << 7 | 7ul << 56)
#define GICR_SHAREABLE      (3ul << 10)
#define GICR_INNER          (1ul << 10)
#define GICR_UNCACHED       (1ul << 7)
#define GICR_PENDBASER_ZERO (1ul << 62)

#define LPI_BITS     14 /* of an INTID: LPIs 8192 to 16383, of which LPI_COUNT are given out */
#define LPI_PROPERTY (0xa0 | 1) /* priority, enabled */
#define LPI_FOREMOST 1          /* before all others, enabled */

#define PENDING_SIZE ((1u << LPI_BITS) / 8)
#define QUEUE_SIZE   0x10000u
#define FLAT_MAX     0x10000u /* a table that is larger has two levels, if it can */
#define BASER_PAGES  256u
#define COMMAND      32u
/* A command takes microseconds. Reads of CREADR until an ITS is given up. */
#define PATIENCE 10000000u

enum {
	MAPD = 0x08,
	MAPC = 0x09,
	MAPTI = 0x0a,
	MOVI = 0x01,
	CLEAR = 0x04,
	SYNC = 0x05,
	INV = 0x0c,
	INVALL = 0x0d
};

struct its its_list[ITS_MAX];
unsigned its_count;
struct lpi lpis[LPI_COUNT];
uint64_t lpis_dropped;
void (*lpi_doorbell)(struct vcpu *vcpu);

static uint8_t *properties;
static unsigned lpis_used;
static unsigned moving; /* a lock: of where each goes, and that command */
static bool lpis_flush; /* redistributors do not snoop */

/* --- Commands. ------------------------------------------------------------------------------------- */

static void broken(struct its *its, const char *what)
{
	if (!its->broken)
		print("carillon: the ITS at 0x%lx %s: its devices' messages are lost from now on\n",
		      (uint64_t)its->base, what);
	its->broken = true;
}

static uint32_t read_offset(struct its *its)
{
	uint64_t value = mmio_read64(its->base + GITS_CREADR);

	if (value & CREADR_STALLED)
		broken(its, "stalled at a command");
	return (uint32_t)value & (QUEUE_SIZE - COMMAND);
}

/* How many bytes have been put and not been executed. */
static uint32_t queued(struct its *its)
{
	return (its->write - read_offset(its)) & (QUEUE_SIZE - 1);
}

/* Under the lock: until at most `bytes` are left. */
static bool wait_for(struct its *its, uint32_t bytes)
{
	unsigned left = PATIENCE;

	while (!its->broken && queued(its) > bytes) {
		if (!left--)
			broken(its, "does not get on with its commands");
	}
	return !its->broken;
}

uint64_t its_put_token(struct its *its, const struct its_command *command)
{
	uint64_t token;
	unsigned i;
	bool done;

	spin_lock(&its->lock);
	done = wait_for(its, QUEUE_SIZE - 2 * COMMAND);
	if (done) {
		uint64_t *to = its->queue + its->write / 8;

		for (i = 0; i < COMMAND / 8; i++)
			to[i] = command->word[i];
		if (its->flush)
			cache_clean(to, to + 4);
		its->write = (its->write + COMMAND) % QUEUE_SIZE;
		dsb_sy(); /* the command, and the tables that it is about, before the ITS looks */
		mmio_write64(its->base + GITS_CWRITER, its->write);
	}
	token = its->put += COMMAND;
	spin_unlock(&its->lock);
	return token;
}

bool its_put(struct its *its, const struct its_command *command)
{
	its_put_token(its, command);
	return !its->broken;
}

bool its_done(struct its *its, uint64_t token)
{
	bool done;

	spin_lock(&its->lock);
	done = its->broken || its->put - queued(its) >= token;
	spin_unlock(&its->lock);
	return done;
}

/* Nobody puts another one while it waits. */
bool its_wait(struct its *its)
{
	bool done;

	spin_lock(&its->lock);
	done = wait_for(its, 0);
	spin_unlock(&its->lock);
	return done;
}

static void put(struct its *its, uint64_t a, uint64_t b, uint64_t c)
{
	its_put(its, &(struct its_command){ { a, b, c, 0 } });
}

static void put_sync(struct its *its, unsigned cpu)
{
	put(its, SYNC, 0, its->targets[cpu]);
}

/* --- Tables. --------------------------------------------------------------------------------------- */

static uint64_t baser_read(const struct its *its, unsigned n)
{
	return mmio_read64(its->base + GITS_BASER + 8 * n);
}

static uint64_t baser_write(struct its *its, unsigned n, uint64_t value)
{
	mmio_write64(its->base + GITS_BASER + 8 * n, value);
	return baser_read(its, n);
}

static bool baser_can(struct its *its, unsigned n, uint64_t bits, uint64_t mask)
{
	return (baser_write(its, n, bits) & mask) == bits;
}

/* Where it cannot snoop, tables are not cached on its side, and cleaned on ours. */
static void baser_set(struct its *its, unsigned n, uint64_t value)
{
	uint64_t got = baser_write(its, n, value | BASER_CACHED | BASER_INNER | BASER_VALID);

	if (got & 3ul << 10)
		return;
	its->flush = true;
	baser_write(its, n, value | BASER_UNCACHED | BASER_VALID);
}

struct table {
	uint64_t *at;
	uint32_t entry, page; /* bytes */
	uint64_t entries;     /* as many as fit, at most what was asked for */
	bool indirect;
};

/*
 * Some have one size of pages only, some no second level. The smallest page that is enough is taken; if
 * none is, as much as there can be of the largest one.
 */
static struct table make_table(struct its *its, unsigned n, uint64_t entries)
{
	static const uint32_t sizes[] = { 0x1000, 0x4000, 0x10000 };
	struct table table = { .entry = (baser_read(its, n) >> 48 & 0x1f) + 1 };
	uint64_t bytes = 0, code = 0;
	unsigned i;

	for (i = 0; i < 3; i++) {
		if (!baser_can(its, n, (uint64_t)i << 8, BASER_PAGE))
			continue;
		code = i;
		table.page = sizes[i];
		bytes = entries * table.entry;
		table.indirect = bytes > FLAT_MAX && baser_can(its, n, BASER_INDIRECT | code << 8,
							       BASER_INDIRECT | BASER_PAGE);
		if (table.indirect)
			bytes = (bytes + table.page - 1) / table.page * 8;
		if (bytes <= (uint64_t)BASER_PAGES * table.page)
			break;
	}
	if (!table.page)
		panic("the ITS at 0x%lx has tables of no known page size", (uint64_t)its->base);
	if (bytes > (uint64_t)BASER_PAGES * table.page)
		bytes = (uint64_t)BASER_PAGES * table.page;
	bytes = (bytes + table.page - 1) / table.page * table.page;
	table.entries = table.indirect ? bytes / 8 * (table.page / table.entry)
				       : bytes / table.entry;
	if (table.entries > entries)
		table.entries = entries;
	table.at = pages_alloc_aligned(bytes, table.page);
	baser_set(its, n,
		  (table.indirect ? BASER_INDIRECT : 0) | (uint64_t)table.at | code << 8 |
			  (bytes / table.page - 1));
	return table;
}

static void make_devices(struct its *its, unsigned n)
{
	struct table table = make_table(its, n, 1ul << its->device_bits);

	its->devices = table.indirect ? table.at : NULL;
	its->devices_page = table.page;
	its->devices_entry = table.entry;
	its->device_limit = table.entries > ~0u ? ~0u : (uint32_t)table.entries;
	if (its->flush)
		cache_clean(table.at, (uint8_t *)table.at + table.page);
}

static bool has_level2(const struct its *its, uint32_t device)
{
	return its->devices[device / (its->devices_page / its->devices_entry)] & BASER_VALID;
}

static void make_level2(struct its *its, uint32_t device)
{
	uint64_t *entry = &its->devices[device / (its->devices_page / its->devices_entry)];
	uint8_t *page = pages_alloc_aligned(its->devices_page, its->devices_page);

	if (its->flush)
		cache_clean(page, page + its->devices_page);
	*entry = (uint64_t)page | BASER_VALID;
	if (its->flush)
		cache_clean(entry, entry + 1);
}

static void make_tables(struct its *its, unsigned typer_hcc)
{
	bool collections = typer_hcc >= cpu_count;
	unsigned n;

	for (n = 0; n < GITS_BASERS; n++) {
		switch (baser_read(its, n) >> 56 & 7) {
		case TYPE_DEVICES:
			make_devices(its, n);
			break;
		case TYPE_VPES:
			its->vpe_limit = (uint32_t)make_table(its, n, VMS_VCPUS).entries;
			break;
		case TYPE_CPUS:
			collections = make_table(its, n, cpu_count).entries >= cpu_count;
			break;
		default:
			break;
		}
	}
	if (!collections)
		panic("the ITS at 0x%lx has no room for %u CPUs", (uint64_t)its->base, cpu_count);
}

static void make_queue(struct its *its)
{
	uint64_t base, got;

	its->queue = pages_alloc_aligned(QUEUE_SIZE, QUEUE_SIZE);
	base = BASER_VALID | (uint64_t)its->queue | (QUEUE_SIZE / 0x1000 - 1);
	mmio_write64(its->base + GITS_CBASER, base | BASER_CACHED | BASER_INNER);
	got = mmio_read64(its->base + GITS_CBASER);
	if (!(got & 3ul << 10)) {
		its->flush = true;
		mmio_write64(its->base + GITS_CBASER, base | BASER_UNCACHED);
	}
	mmio_write64(its->base + GITS_CWRITER, 0);
}

/* Whatever a boot loader did with it is over. */
static void turn_off(struct its *its)
{
	unsigned left = PATIENCE;

	mmio_write32(its->base + GITS_CTLR, mmio_read32(its->base + GITS_CTLR) & ~CTLR_ENABLED);
	while (!(mmio_read32(its->base + GITS_CTLR) & CTLR_QUIESCENT)) {
		if (!left--)
			panic("the ITS at 0x%lx does not come to rest", (uint64_t)its->base);
	}
}

/* Those that need the list of ITSs in VMOVP have a number, which may be ours to give. */
static void set_number(struct its *its, unsigned number)
{
	uint32_t ctlr = mmio_read32(its->base + GITS_CTLR);

	if (!its->vmovp)
		mmio_write32(its->base + GITS_CTLR, (ctlr & ~0xf0u) | number << 4);
	its->number = mmio_read32(its->base + GITS_CTLR) >> 4 & 0xf;
}

static void start_its(struct its *its, uint64_t at)
{
	uint64_t typer;

	its->base = (uint8_t *)at;
	turn_off(its);
	typer = mmio_read64(its->base + GITS_TYPER);
	its->virtual = typer >> 1 & 1;
	its->itt_entry = (typer >> 4 & 0xf) + 1;
	its->event_bits = (typer >> 8 & 0x1f) + 1;
	its->device_bits = (typer >> 13 & 0x1f) + 1;
	its->pta = typer >> 19 & 1;
	its->vmovp = typer >> 37 & 1;
	make_tables(its, typer >> 24 & 0xff);
	make_queue(its);
	set_number(its, (unsigned)(its - its_list));
	mmio_write32(its->base + GITS_CTLR, mmio_read32(its->base + GITS_CTLR) | CTLR_ENABLED);
}

/* --- LPIs. ----------------------------------------------------------------------------------------- */

static bool has_lpis(void)
{
	uint32_t typer = mmio_read32(gicd + GICD_TYPER);
	unsigned bits = (typer >> 19 & 0x1f) + 1, some = typer >> 11 & 0x1f;

	return typer >> 17 & 1 && bits >= LPI_BITS && (!some || 2u << some >= LPI_COUNT);
}

void its_init(const struct board *board)
{
	unsigned i;

	if (!board->its_count)
		return;
	if (!has_lpis()) {
		print("carillon: this GIC has too few LPIs: its ITS is not used\n");
		return;
	}
	properties = pages_alloc((1u << LPI_BITS) - LPI_FIRST);
	memset(properties, LPI_PROPERTY, LPI_COUNT);
	cache_clean(properties, properties + (1u << LPI_BITS) - LPI_FIRST);
	for (i = 0; i < cpu_count; i++)
		cpus[i]->lpi_pending = pages_alloc_aligned(PENDING_SIZE, 0x10000);
	its_count = board->its_count;
	for (i = 0; i < its_count; i++)
		start_its(&its_list[i], board->its[i].start);
}

static uint64_t set_base(uint8_t *redist, unsigned offset, uint64_t value)
{
	mmio_write64(redist + offset, value | GICR_CACHED | GICR_INNER);
	if (!(mmio_read64(redist + offset) & GICR_SHAREABLE)) {
		lpis_flush = true;
		mmio_write64(redist + offset, value | GICR_UNCACHED);
	}
	return value;
}

static void turn_off_lpis(uint8_t *redist)
{
	uint32_t ctlr = mmio_read32(redist + GICR_CTLR);
	unsigned left = PATIENCE;

	if (!(ctlr & GICR_CTLR_LPIS))
		return;
	mmio_write32(redist + GICR_CTLR, ctlr & ~GICR_CTLR_LPIS);
	while (mmio_read32(redist + GICR_CTLR) & (GICR_CTLR_LPIS | GICR_CTLR_RWP)) {
		if (!left--)
			panic("the boot loader left LPIs on, and they cannot be turned off");
	}
}

/* This CPU's redistributor gets its tables, and each ITS gets to know it. */
void its_cpu_init(struct cpu *cpu)
{
	uint8_t *redist = (uint8_t *)cpu->redist - GICR_SGI_FRAME;
	uint8_t *pending = cpu->lpi_pending;
	unsigned i;

	if (!its_count)
		return;
	turn_off_lpis(redist);
	set_base(redist, GICR_PROPBASER, (uint64_t)properties | (LPI_BITS - 1));
	set_base(redist, GICR_PENDBASER, (uint64_t)pending | GICR_PENDBASER_ZERO);
	if (lpis_flush)
		cache_clean(pending, pending + PENDING_SIZE);
	dsb_sy();
	mmio_write32(redist + GICR_CTLR, mmio_read32(redist + GICR_CTLR) | GICR_CTLR_LPIS);
	dsb_sy();
	for (i = 0; i < its_count; i++) {
		struct its *its = &its_list[i];
		uint64_t typer = mmio_read64(redist + GICR_TYPER);

		its->targets[cpu->index] = its->pta ? (uint64_t)redist
						    : (typer >> 8 & 0xffff) << 16;
		put(its, MAPC, 0, BASER_VALID | its->targets[cpu->index] | cpu->index);
		put(its, INVALL, 0, cpu->index);
		put_sync(its, cpu->index);
		its_wait(its);
	}
}

static void set_property(unsigned intid, uint8_t value)
{
	uint8_t *property = &properties[intid - LPI_FIRST];

	*property = value;
	if (lpis_flush)
		cache_clean(property, property + 1);
}

void lpi_enable(unsigned intid, bool on)
{
	set_property(intid, on ? LPI_PROPERTY : LPI_PROPERTY & ~1u);
}

unsigned lpi_alloc(unsigned count)
{
	unsigned first = LPI_FIRST + lpis_used;

	if (!its_count || count > LPI_COUNT - lpis_used)
		return 0;
	lpis_used += count;
	return first;
}

/* --- Devices. -------------------------------------------------------------------------------------- */

static unsigned bits_for(unsigned events)
{
	unsigned bits = 1;

	while (1u << bits < events)
		bits++;
	return bits;
}

static const char *check_device(const struct its *its, uint32_t requester, unsigned bits)
{
	if (requester >= its->device_limit)
		return "its number is beyond the ITS's table of devices";
	if (bits > its->event_bits)
		return "it has more messages than the ITS can tell apart";
	return NULL;
}

static void map_device(struct its *its, uint32_t requester, unsigned bits)
{
	size_t bytes = (size_t)its->itt_entry << bits;
	uint8_t *itt = pages_alloc(bytes);

	if (its->devices && !has_level2(its, requester))
		make_level2(its, requester);
	if (its->flush)
		cache_clean(itt, itt + bytes);
	put(its, MAPD | (uint64_t)requester << 32, bits - 1, BASER_VALID | (uint64_t)itt);
}

unsigned its_device(unsigned index, uint32_t requester, unsigned events, const struct cpu *cpu,
		    const char **why)
{
	struct its *its = &its_list[index];
	unsigned bits = bits_for(events), first, i;

	*why = check_device(its, requester, bits);
	if (*why)
		return 0;
	first = lpi_alloc(events);
	if (!first) {
		*why = "the LPIs that the hypervisor has room for are used up";
		return 0;
	}
	map_device(its, requester, bits);
	for (i = 0; i < events; i++) {
		lpis[first - LPI_FIRST + i] = (struct lpi){
			.cpu = (uint16_t)cpu->index,
			.requester = requester,
			.number = (uint16_t)i,
			.its = (uint8_t)index,
		};
		put(its, MAPTI | (uint64_t)requester << 32, (uint64_t)(first + i) << 32 | i,
		    cpu->index);
	}
	return first;
}

void lpi_clear(unsigned intid)
{
	const struct lpi *lpi = &lpis[intid - LPI_FIRST];
	struct its *its = &its_list[lpi->its];

	spin_lock(&moving);
	put(its, CLEAR | (uint64_t)lpi->requester << 32, lpi->number, 0);
	put_sync(its, lpi->cpu);
	its_wait(its);
	spin_unlock(&moving);
}

/* With `moving`: it goes to that CPU, where its property is read anew. */
static void put_moved(const struct lpi *lpi, unsigned cpu, uint8_t property)
{
	struct its *its = &its_list[lpi->its];
	uint64_t device = (uint64_t)lpi->requester << 32;

	set_property((unsigned)(lpi - lpis) + LPI_FIRST, property);
	put(its, MOVI | device, lpi->number, cpu);
	put(its, INV | device, lpi->number, 0);
	put_sync(its, lpi->cpu);
	put_sync(its, cpu);
	its_wait(its);
}

/*
 * No register says it. So this CPU gets it for a moment, as the foremost of all: if it is pending, it is what
 * would be acknowledged, and then is.
 */
bool lpi_take(unsigned intid)
{
	const struct lpi *lpi = &lpis[intid - LPI_FIRST];
	unsigned here = this_cpu()->index;
	bool pending;

	spin_lock(&moving);
	put_moved(lpi, here, LPI_FOREMOST);
	isb();
	pending = read_sysreg(S3_0_C12_C12_2) == intid && /* ICC_HPPIR1_EL1 */
		  read_sysreg(S3_0_C12_C12_0) == intid;   /* ICC_IAR1_EL1 */
	if (pending)
		write_sysreg(S3_0_C12_C12_1, intid); /* ICC_EOIR1_EL1 */
	put_moved(lpi, lpi->cpu, LPI_PROPERTY);
	spin_unlock(&moving);
	return pending;
}

void lpi_move(unsigned intid, const struct cpu *cpu)
{
	struct lpi *lpi = &lpis[intid - LPI_FIRST];
	struct its *its = &its_list[lpi->its];
	unsigned from;

	spin_lock(&moving);
	from = lpi->cpu;
	if (from != cpu->index) {
		lpi->cpu = (uint16_t)cpu->index;
		put(its, MOVI | (uint64_t)lpi->requester << 32, lpi->number, cpu->index);
		put_sync(its, from);
		its_wait(its);
	}
	spin_unlock(&moving);
}

/* --- The VM's life. -------------------------------------------------------------------------------- */

void lpis_hold(const struct vm *vm)
{
	unsigned i;

	for (i = 0; i < lpis_used; i++) {
		if (lpis[i].vm == vm && lpis[i].kind == LPI_MESSAGE)
			__atomic_store_n(&lpis[i].kind, LPI_HELD, __ATOMIC_SEQ_CST);
	}
}

/* Both sides may find that it is not held any more; one of them takes what came. */
static void replay(struct lpi *lpi)
{
	if (__atomic_exchange_n(&lpi->held, false, __ATOMIC_SEQ_CST))
		lpi_message(lpi, NULL);
}

void lpis_let_go(const struct vm *vm)
{
	unsigned i;

	for (i = 0; i < lpis_used; i++) {
		if (lpis[i].vm != vm || lpis[i].kind != LPI_HELD)
			continue;
		__atomic_store_n(&lpis[i].kind, LPI_MESSAGE, __ATOMIC_SEQ_CST);
		replay(&lpis[i]);
	}
}

void lpis_drop(const struct vm *vm)
{
	unsigned i;

	for (i = 0; i < lpis_used; i++) {
		if (lpis[i].vm != vm || lpis[i].kind == LPI_DOORBELL)
			continue;
		__atomic_store_n(&lpis[i].kind, LPI_NONE, __ATOMIC_SEQ_CST);
		__atomic_store_n(&lpis[i].held, false, __ATOMIC_SEQ_CST);
	}
}

/*
 * To the CPU of the vCPU that the guest sends it to, if that is another one by now. Where hardware can do
 * it instead, and knows it to be where it was, it stays there.
 */
void lpi_follow(unsigned intid)
{
	const struct lpi *lpi = &lpis[intid - LPI_FIRST];
	struct vm *vm = lpi->vm;
	unsigned vcpu;
	virq_t virq;

	if (!vm->direct && vits_translate(vm->vits, lpi->device, lpi->event, &virq, &vcpu) == 0)
		lpi_move(intid, __atomic_load_n(&vm->vcpu[vcpu]->cpu, __ATOMIC_RELAXED));
}

/* --- Off the hot path. ----------------------------------------------------------------------------- */

/* An LPI that is not simply a message. */
void cold_lpi(struct cpu *cpu, uint64_t intid)
{
	struct lpi *lpi = &lpis[intid - LPI_FIRST];

	if (intid - LPI_FIRST >= LPI_COUNT) {
		cold_unwanted_interrupt(cpu, intid);
		return;
	}
	switch (__atomic_load_n(&lpi->kind, __ATOMIC_SEQ_CST)) {
	case LPI_MESSAGE: /* let go since port.c looked */
		lpi_message(lpi, NULL);
		break;
	case LPI_HELD:
		__atomic_store_n(&lpi->held, true, __ATOMIC_SEQ_CST);
		/* Partner: lpis_let_go(). */
		if (__atomic_load_n(&lpi->kind, __ATOMIC_SEQ_CST) == LPI_MESSAGE)
			replay(lpi);
		break;
	case LPI_DOORBELL:
		lpi->count++;
		if (lpi_doorbell)
			lpi_doorbell(lpi->vm->vcpu[lpi->event]);
		break;
	default:
		__atomic_fetch_add(&lpis_dropped, 1, __ATOMIC_RELAXED);
	}
}

void cold_lpi_follow(uint64_t intid)
{
	lpi_follow((unsigned)intid);
}
