/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * From the first C instruction to guest_main: conduit, translation tables (Arm ARM D8: identity
 * map, device memory below RAM, write-back inner shareable RAM), CPUs, and exceptions.
 */
#include "gic.h"
#include "psci.h"
#include "tap.h"
#include "tree.h"
#include "uart.h"

#define BLOCK_DEVICE  0x0060000000000401ull /* attribute 0, access flag, never executed */
#define BLOCK_NORMAL  0x0040000000000705ull /* attribute 1, inner shareable, access flag */
#define TABLE         3ull
#define RAM_BASE      0x40000000ull
#define GIB           0x40000000ull
#define MIB2          0x200000ull
#define MAPPED_BLOCKS 16 /* 32 MiB: far more than an image with its stacks */

#define CNTKCTL_EVENT_STREAM 0x64ull /* EVNTEN on counter bit 6: an event at least every 0.2 ms */
#define CNTKCTL_EL0          0x3ull

void early_init(const void *device_tree);
_Noreturn void first_main(void);
_Noreturn void secondary_main(uint64_t index, uint64_t daif, uint64_t sctlr);
void exception_sync(uint64_t *frame);
void exception_irq(void);
void exception_fiq(void);
_Noreturn void fatal_exception(uint64_t vector, uint64_t esr, uint64_t elr, uint64_t far);

_Alignas(4096) uint64_t level1_table[512];
static _Alignas(4096) uint64_t level2_table[512];
_Alignas(64) char stacks[MAX_CPUS][STACK_SIZE];

interrupt_hook *on_interrupt;

/* A program that makes do with one CPU has a cpus_needed of its own. */
__attribute__((weak)) unsigned cpus_needed = 2;

/* An entry that was invalid is in no TLB. */
void map_device(uint64_t address)
{
	uint64_t *entry = &level1_table[address / GIB % 512];

	if (*entry)
		return;
	*entry = (address & ~(GIB - 1)) | BLOCK_DEVICE;
	dsb();
	isb();
}

/* Runs with the MMU off. */
void early_init(const void *device_tree)
{
	tree_read(device_tree);
	level1_table[0] = BLOCK_DEVICE;
	level1_table[1] = (uintptr_t)level2_table | TABLE;
	for (unsigned i = 0; i < MAPPED_BLOCKS; i++)
		level2_table[i] = (RAM_BASE + i * MIB2) | BLOCK_NORMAL;
}

static void cpu_init(struct cpu *me)
{
	write_sysreg(tpidr_el1, me);
	write_sysreg(cntkctl_el1, CNTKCTL_EVENT_STREAM | CNTKCTL_EL0);
	gic_init_cpu(me);
	irq_unmask();
}

_Noreturn void first_main(void)
{
	uart_init();
	gic_find_cpus();
	gic_init_distributor();
	cpu_init(&cpus[0]);
	atomic_store(&cpus[0].online, 1);
	gic_find_quirks();
	if (cpu_count < cpus_needed)
		bail_out("too few CPUs");
	if (!smp_start())
		bail_out("a CPU did not start");
	guest_main();
	tap_end();
	system_off();
}

_Noreturn void secondary_main(uint64_t index, uint64_t daif, uint64_t sctlr)
{
	cpus[index].entry_daif = daif;
	cpus[index].entry_sctlr = sctlr;
	cpu_init(&cpus[index]);
	cpu_work_loop(&cpus[index]);
}

static void note(struct cpu *me, unsigned intid)
{
	unsigned at = atomic_load_explicit(&me->logged, memory_order_relaxed);

	if (at < LOG_LENGTH)
		me->log[at] = (uint16_t)intid;
	atomic_store_explicit(&me->logged, at + 1, memory_order_relaxed);
}

/*
 * The count is raised last, with release order: who waits for it finds the hook's work done. The
 * end of interrupt follows it; a waiter that needs that waits for the active state to go.
 */
static void handle(struct cpu *me, unsigned intid)
{
	if (gic_is_doorbell(intid)) {
		atomic_store(&me->rung, 1);
		return;
	}
	note(me, intid);
	if (on_interrupt)
		on_interrupt(me, intid);
	atomic_fetch_add_explicit(&me->seen[seen_index(intid)], 1, memory_order_release);
	sev();
}

/* A test that leaves its interrupts active has to be woken all the same. */
static void after_doorbell(struct cpu *me, unsigned intid)
{
	if (me->split_end && gic_is_doorbell(intid))
		gic_deactivate(intid);
}

void exception_irq(void)
{
	struct cpu *me = this_cpu();
	unsigned intid = gic_acknowledge();

	if (intid == INTID_SPURIOUS) {
		atomic_fetch_add(&me->spurious, 1);
		return;
	}
	handle(me, intid);
	gic_end(intid);
	after_doorbell(me, intid);
}

/* Group 0; in a GICv2 it may be a more urgent one of group 1 that came since the exception. */
void exception_fiq(void)
{
	struct cpu *me = this_cpu();
	unsigned intid = gic_acknowledge0();

	if (intid == INTID_SPURIOUS) {
		atomic_fetch_add(&me->spurious, 1);
		return;
	}
	atomic_fetch_add(&me->fiqs, 1);
	handle(me, intid);
	gic_end0(intid);
	after_doorbell(me, intid);
}

#define FRAME_ELR 21 /* 64-bit slot of the return address in the frame of start.S */

void exception_sync(uint64_t *frame)
{
	struct cpu *me = this_cpu();
	uint64_t esr = read_sysreg(esr_el1);

	if (!me || !(me->fault_expected || me->faults_tolerated))
		fatal_exception(4, esr, frame[FRAME_ELR], read_sysreg(far_el1));
	me->fault_expected = false;
	me->fault_esr = esr;
	atomic_fetch_add(&me->faults, 1);
	frame[FRAME_ELR] += 4;
}

_Noreturn void fatal_exception(uint64_t vector, uint64_t esr, uint64_t elr, uint64_t far)
{
	print("# exception: vector %lu esr 0x%lx elr 0x%lx far 0x%lx\n", vector, esr, elr, far);
	bail_out("unexpected exception");
}
