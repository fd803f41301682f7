/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The SMMUv3 (IHI 0070): a linear stream table of stage-2 entries (5.2), a queue of commands (4), a queue of
 * events (7.2). Its tables are the VM's own, below a first one of its own that has the doorbell beside them.
 */
#include <string.h>
#include "gic.h"
#include "hot.h"
#include "mmu.h"
#include "smmu.h"
#include "vm.h"
#include "../common/board.h"
#include "../common/console.h"
#include "../common/panic.h"

#define IDR0        0x00
#define IDR1        0x04
#define IDR5        0x14
#define CR0         0x20
#define CR0ACK      0x24
#define CR1         0x28
#define CR2         0x2c
#define GBPA        0x44
#define IRQ_CTRL    0x50
#define IRQ_CTRLACK 0x54
#define STRTAB_BASE 0x80
#define STRTAB_CFG  0x88
#define CMDQ_BASE   0x90
#define CMDQ_PROD   0x98
#define CMDQ_CONS   0x9c
#define EVENTQ_BASE 0xa0
#define EVENTQ_PROD 0x100a8
#define EVENTQ_CONS 0x100ac

#define IDR0_S2       1u
#define IDR0_AARCH64  (2u << 2)
#define IDR0_COHERENT (1u << 4)
#define IDR1_PRESET   (3u << 29)
#define IDR1_SIDS     0x3fu
#define IDR5_4K       (1u << 4)
#define CR0_ON        1u
#define CR0_EVENTS    (1u << 2)
#define CR0_COMMANDS  (1u << 3)
#define CR1_CACHED    0xd75u /* queues and tables: inner shareable, write-back */
#define CR2_RECORD    2u     /* unknown streams, too */
#define GBPA_UPDATE   (1u << 31)
#define GBPA_ABORT    (1u << 20)
#define IRQ_EVENTS    4u
#define BASE_ALLOCATE (1ul << 62)

#define STE_SIZE     64u
#define STE_VALID    1ul
#define STE_STAGE2   (6ul << 1)
#define STE_INCOMING (1ul << 44) /* shareability as it comes */

#define SIDS          256u /* of the first bus */
#define COMMANDS_LOG2 5u
#define EVENTS_LOG2   6u
#define PATIENCE      10000000u
#define EVENTS_A_TICK 64

#define GIGA 0x40000000ul

enum { CFGI_ALL = 0x04, TLBI_S12_VMALL = 0x28, TLBI_NSNH_ALL = 0x30, SYNC = 0x46 };

uint64_t smmu_faults;

static uint8_t *base; /* NULL: there is none */
static uint64_t *streams, *commands;
static const volatile uint64_t *events;
static uint32_t produced, consumed;
static unsigned told; /* events since the last tick */
static unsigned lock; /* of the commands */
static bool broken;
static uint64_t *tables[VMS_MAX + 1]; /* of each VM, by VMID */
static const struct board *machine;

static bool acknowledged(unsigned at, uint32_t value)
{
	unsigned left = PATIENCE;

	while (mmio_read32(base + at) != value) {
		if (!left--)
			return false;
	}
	return true;
}

/* --- Commands. --------------------------------------------------------------------------------------- */

static bool wait_until_done(void)
{
	const uint32_t mask = (2u << COMMANDS_LOG2) - 1;
	unsigned left = PATIENCE;

	while (!broken && (mmio_read32(base + CMDQ_CONS) & mask) != produced) {
		if (mmio_read32(base + CMDQ_CONS) >> 24 & 0x7f || !left--) {
			broken = true;
			print("carillon: the SMMU does not execute commands any more\n");
		}
	}
	return !broken;
}

/* A few at a time, and each time until they are done. */
static void command(uint64_t a, uint64_t b)
{
	uint64_t *to = commands + 2 * (produced & ((1u << COMMANDS_LOG2) - 1));

	to[0] = a;
	to[1] = b;
	produced = (produced + 1) & ((2u << COMMANDS_LOG2) - 1);
	dsb_sy();
	mmio_write32(base + CMDQ_PROD, produced);
}

static void command_and_sync(uint64_t a, uint64_t b)
{
	spin_lock(&lock);
	if (!broken) {
		command(a, b);
		command(SYNC, 0);
		wait_until_done();
	}
	spin_unlock(&lock);
}

/* --- Boot. ------------------------------------------------------------------------------------------- */

/* NULL: it will do. */
static const char *why_not(void)
{
	uint32_t idr0 = mmio_read32(base + IDR0), idr1 = mmio_read32(base + IDR1);

	if (!(idr0 & IDR0_S2))
		return "it has no stage 2 (QEMU from 8.1 on: -global arm-smmuv3.stage=2)";
	if (!(idr0 & IDR0_AARCH64) || !(mmio_read32(base + IDR5) & IDR5_4K))
		return "it has no tables like the CPUs'";
	if (!(idr0 & IDR0_COHERENT))
		return "it does not snoop the CPUs' caches";
	if (idr1 & IDR1_PRESET)
		return "its tables are where firmware put them";
	if ((idr1 & IDR1_SIDS) < 8 || (idr1 >> 21 & 0x1f) < COMMANDS_LOG2 ||
	    (idr1 >> 16 & 0x1f) < EVENTS_LOG2)
		return "its tables are too small";
	return NULL;
}

/* Whatever comes meanwhile is aborted. */
static bool turn_off(void)
{
	mmio_write32(base + GBPA, GBPA_UPDATE | GBPA_ABORT);
	mmio_write32(base + CR0, 0);
	mmio_write32(base + IRQ_CTRL, 0);
	return acknowledged(CR0ACK, 0) && !(mmio_read32(base + GBPA) & GBPA_UPDATE);
}

static void *queue(unsigned log2, unsigned entry, unsigned at)
{
	void *memory = pages_alloc((size_t)entry << log2);

	mmio_write64(base + at, BASE_ALLOCATE | (uint64_t)memory | log2);
	return memory;
}

static bool turn_on(void)
{
	mmio_write32(base + CR1, CR1_CACHED);
	mmio_write32(base + CR2, CR2_RECORD);
	streams = pages_alloc_aligned(SIDS * STE_SIZE, SIDS * STE_SIZE);
	mmio_write64(base + STRTAB_BASE, BASE_ALLOCATE | (uint64_t)streams);
	mmio_write32(base + STRTAB_CFG, 8);
	commands = queue(COMMANDS_LOG2, 16, CMDQ_BASE);
	mmio_write32(base + CMDQ_PROD, 0);
	mmio_write32(base + CMDQ_CONS, 0);
	events = queue(EVENTS_LOG2, 32, EVENTQ_BASE);
	mmio_write32(base + EVENTQ_PROD, 0);
	mmio_write32(base + EVENTQ_CONS, 0);
	dsb_sy();
	mmio_write32(base + CR0, CR0_COMMANDS);
	if (!acknowledged(CR0ACK, CR0_COMMANDS))
		return false;
	command_and_sync(CFGI_ALL, 31);
	command_and_sync(TLBI_NSNH_ALL, 0);
	mmio_write32(base + CR0, CR0_COMMANDS | CR0_EVENTS | CR0_ON);
	return !broken && acknowledged(CR0ACK, CR0_COMMANDS | CR0_EVENTS | CR0_ON);
}

void smmu_init(struct board *board)
{
	const char *why;

	if (!board->smmu.size)
		return;
	machine = board;
	base = (uint8_t *)board->smmu.start;
	why = why_not();
	if (why) {
		print("carillon: the SMMU is not used: %s\n", why);
		base = NULL;
		return;
	}
	if (!turn_off() || !turn_on())
		panic("the SMMU at 0x%lx does not turn on", board->smmu.start);
	board->pci.contained = true;
}

void smmu_listen(void)
{
	unsigned intid = base ? machine->smmu_intid : 0;

	if (!intid)
		return;
	routes[intid].kind = ROUTE_SMMU;
	gic->spi_setup(intid, true, cpus[0]);
	mmio_write32(base + IRQ_CTRL, IRQ_EVENTS);
}

/* --- VMs. -------------------------------------------------------------------------------------------- */

static unsigned vmid_of(const struct vm *vm)
{
	return (unsigned)(vm->vttbr >> 48);
}

/* The VM's first table as it is now, and the doorbell's page in a gigabyte that it has not got. */
static uint64_t *make_table(const struct vm *vm, uint64_t doorbell)
{
	uint64_t *table = stage2_make();

	memcpy(table, vm->stage2, 0x1000);
	if (table[SMMU_DOORBELL / GIGA])
		panic("%s: its memory is where its functions' doorbell has to be",
		      vm->description->name);
	stage2_map(table, SMMU_DOORBELL, doorbell, 0x1000, MAP_DEVICE);
	return table;
}

/* As VTCR_EL2 has it for the CPUs: mmu.c. A denied access is aborted, and recorded. */
static void write_stream(uint64_t *entry, const struct vm *vm, const uint64_t *table)
{
	uint64_t size = 64 - IPA_BITS, output = mmio_read32(base + IDR5) & 7;

	if (output > 5)
		output = 5;
	entry[3] = (uint64_t)table;
	entry[2] = vmid_of(vm) | size << 32 | 1ul << 38 | 1ul << 40 | 1ul << 42 | 3ul << 44 |
		   output << 48 | 1ul << 51 | 1ul << 54 | 1ul << 58;
	entry[1] = STE_INCOMING;
	dsb_sy();
	*(volatile uint64_t *)entry = STE_STAGE2 | STE_VALID;
	dsb_sy();
}

void smmu_give(const struct vm *vm, uint32_t rid, uint64_t doorbell)
{
	unsigned vmid = vmid_of(vm);
	uint32_t stream = 0;

	if (!base || !board_stream(machine, rid, &stream) || stream >= SIDS)
		return;
	if (!tables[vmid])
		tables[vmid] = make_table(vm, doorbell & ~0xffful);
	write_stream(streams + stream * STE_SIZE / 8, vm, tables[vmid]);
	command_and_sync(CFGI_ALL, 31);
}

void smmu_forget(const struct vm *vm)
{
	if (base && tables[vmid_of(vm)])
		command_and_sync(TLBI_S12_VMALL | (uint64_t)vmid_of(vm) << 32, 0);
}

/* --- Events. ----------------------------------------------------------------------------------------- */

static void tell(const volatile uint64_t *event)
{
	static struct log_limit limit;

	smmu_faults++;
	print_limited_by(&limit,
			 "carillon: PCI %02lx:%02lx.%lx: access to 0x%lx denied (event 0x%lx)\n",
			 event[0] >> 40 & 0xff, event[0] >> 35 & 31, event[0] >> 32 & 7, event[2],
			 event[0] & 0xff);
}

/* As many as there are when it starts: a function may go on making them. */
static void take_events(void)
{
	uint32_t end = mmio_read32(base + EVENTQ_PROD) & ((2u << EVENTS_LOG2) - 1);

	while (consumed != end) {
		tell(events + 4 * (consumed & ((1u << EVENTS_LOG2) - 1)));
		consumed = (consumed + 1) & ((2u << EVENTS_LOG2) - 1);
		told++;
	}
	/* Their overflow is taken note of, too. */
	mmio_write32(base + EVENTQ_CONS, consumed | (mmio_read32(base + EVENTQ_PROD) & 1u << 31));
}

/* On CPU 0 only. A guest can bring about as many as it likes: until the next tick, these were enough. */
void cold_smmu(void)
{
	take_events();
	if (told >= EVENTS_A_TICK)
		mmio_write32(base + IRQ_CTRL, 0);
}

void smmu_tick(void)
{
	bool silent = told >= EVENTS_A_TICK;

	told = 0;
	if (!silent)
		return;
	mmio_write32(base + IRQ_CTRL, IRQ_EVENTS);
	take_events();
}
