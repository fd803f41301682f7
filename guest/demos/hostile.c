/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * A guest that does what it can to be a nuisance: storms, each on all of its CPUs, after which it puts
 * its own house in order and goes on with the next. Its neighbours must not care.
 * hostile=KIND: only that storm (all in turn; "die" and "reset" only if asked for). hostile.ms=N: how long each
 * lasts (2000). hostile.times=N: powers off after so many rounds; 0: never (the default).
 */
#include "hostile.h"

#include "gic.h"
#include "psci.h"
#include "tap.h"
#include "timer.h"
#include "tree.h"

#define GIC_V2_SIZE 0x1000ul
#define GICC_SIZE   0x2000ul
#define GICD_SIZE   0x10000ul
#define BLOCK_1GIB  0x0040000000000401ull /* device memory, execution allowed at EL1 */

unsigned cpus_needed = 1;
extern uint64_t level1_table[512];

uint64_t storm_end;
static atomic_uint gathered, calmed;

/* --- Interrupts ------------------------------------------------------------------------------- */

static void sgis_to_all(struct cpu *me)
{
	unsigned intid = me->index;

	while (raging())
		sgi_send_mask((1u << cpu_count) - 1, intid++ & 15);
}

/* An interrupt that fires again as soon as its handler is left. */
static void past_timer(struct cpu *me, unsigned intid)
{
	(void)me;
	if (intid != timer_virtual.intid)
		return;
	if (raging())
		timer_set_compare(&timer_virtual, counter() - 1);
	else
		timer_control(&timer_virtual, 0);
}

static void timers_in_the_past(struct cpu *me)
{
	gic_enable(me->index, timer_virtual.intid);
	timer_set(&timer_virtual, counter(), TIMER_ENABLE);
	while (raging())
		wfi();
	timer_control(&timer_virtual, 0);
	gic_disable(me->index, timer_virtual.intid);
}

static void masked_and_busy(struct cpu *me)
{
	(void)me;
	irq_mask();
	while (raging())
		;
	irq_unmask();
}

/* Interrupts are masked and one pends: each WFI ends at once. */
static void sleepless(struct cpu *me)
{
	irq_mask();
	sgi_send(me->index, 0);
	while (raging())
		wfi();
	irq_unmask();
}

/* --- Registers -------------------------------------------------------------------------------- */

static void access_at(uintptr_t at, uint64_t r)
{
	uint64_t value = r >> 8;

	switch (r & 7) {
	case 0:
		read8(at);
		break;
	case 1:
		read32(at & ~3ul);
		break;
	case 2:
		read64(at & ~7ul);
		break;
	case 3:
		write8(at, (uint8_t)value);
		break;
	case 4:
		__asm__ volatile("strh %w0, [%1]" ::"r"(value), "r"(at & ~1ul) : "memory");
		break;
	case 5:
		write64(at & ~7ul, value | value << 40);
		break;
	default:
		write32(at & ~3ul, (uint32_t)value);
	}
}

/*
 * Anywhere in the distributor, the redistributors or the CPU interface; but not GICR_CTLR, where the
 * bare machine could be told to write its LPI tables to anywhere.
 */
static uintptr_t some_gic_address(uint64_t r)
{
	uintptr_t offset;

	if (gic_is_v2())
		return r & 1 ? GICD_BASE + (r >> 1) % GIC_V2_SIZE
			     : GICC_BASE + (r >> 1) % GICC_SIZE;
	if (r & 1)
		return GICD_BASE + (r >> 1) % GICD_SIZE;
	offset = (r >> 1) % (cpu_count * GICR_STRIDE);
	return offset % GICR_STRIDE < 8 ? GICD_BASE : GICR_BASE + offset;
}

/*
 * Until every CPU is here, with interrupts masked: junk in the distributor would keep one's doorbell from
 * it, or have another, which is not masked yet, take one interrupt for ever (a message to a level-sensitive one).
 */
static void gather(void)
{
	atomic_fetch_add(&gathered, 1);
	sev();
	while (atomic_load(&gathered) < cpu_count)
		wfe();
}

/* Whoever is last to have done enough puts the distributor right, and each CPU its own part. */
static void recover(struct cpu *me)
{
	if (atomic_fetch_add(&calmed, 1) + 1 == cpu_count) {
		gic_init_distributor();
		atomic_store(&calmed, 2 * cpu_count);
		sev();
	}
	while (atomic_load(&calmed) < 2 * cpu_count)
		wfe();
	gic_init_cpu(me);
}

static void register_flood(struct cpu *me)
{
	uint64_t state = seed_of(me);

	irq_mask();
	gather();
	me->faults_tolerated = true;
	while (raging())
		access_at(some_gic_address(random_number(&state)), random_number(&state));
	me->faults_tolerated = false;
	recover(me);
	irq_unmask();
}

static uintptr_t some_hole(uint64_t r)
{
	if (r & 1)
		return HOLE + (r >> 1) % HOLE_SIZE;
	return ((uintptr_t)RAM_END_GIB << 30) + ((r >> 1) & 0x7fffffff);
}

static void aborts(struct cpu *me)
{
	uint64_t state = seed_of(me);

	me->faults_tolerated = true;
	while (raging())
		access_at(some_hole(random_number(&state)), random_number(&state));
	me->faults_tolerated = false;
}

/* --- Calls ------------------------------------------------------------------------------------ */

/* What would end the storm before its time, or this CPU. */
static bool ends_something(uint64_t function)
{
	uint64_t number = function & 0xffff;

	return number == (PSCI_CPU_OFF & 0xffff) || number == (PSCI_CPU_SUSPEND & 0xffff) ||
	       number == (PSCI_SYSTEM_OFF & 0xffff) || number == (PSCI_SYSTEM_RESET & 0xffff) ||
	       number == (PSCI_SYSTEM_RESET2 & 0xffff);
}

static void calls(struct cpu *me)
{
	static const uint32_t bases[] = { 0x84000000, 0xc4000000, 0x80000000,
					  0xc6000000, 0xc3000000, 0 };
	uint64_t state = seed_of(me);

	while (raging()) {
		uint64_t r = random_number(&state);
		uint64_t function = bases[r % 6] + (r >> 8) % 32;

		if (!ends_something(function))
			call(function, random_number(&state), random_number(&state) & ~3ul,
			     random_number(&state));
	}
}

static void off_and_on(struct cpu *me)
{
	if (me->index != 0)
		return;
	while (raging() && cpu_count > 1) {
		for (unsigned cpu = 1; cpu < cpu_count; cpu++) {
			if (cpu_turn_off(cpu) && !cpu_turn_on(cpu))
				bail_out("hostile: a CPU did not come back");
		}
	}
}

/* --- The rest --------------------------------------------------------------------------------- */

/* Long lines, no lines, and what the hypervisor's own words look like. */
static void chatter(struct cpu *me)
{
	while (raging()) {
		print("hostile: vCPU %u has nothing to say, and says it at length\n", me->index);
		print("carillon: run ended: said the guest\n[another] hostile: ");
		for (unsigned i = 0; i < 40; i++)
			print("no end of it ");
		print("\r\x1b[2J\x01\x02\x1c\x1d");
	}
	print("\n");
}

static bool has_its, has_pci;

/* Without one: nothing. */
static void its_rage(struct cpu *me)
{
	if (has_its)
		its_storm(me);
	while (raging())
		wfe();
}

static void lpi_rage(struct cpu *me)
{
	if (has_its)
		lpi_storm(me);
	while (raging())
		wfe();
}

static void pci_rage(struct cpu *me)
{
	if (has_pci)
		pci_storm(me);
	while (raging())
		wfe();
}

static _Noreturn void die(struct cpu *me)
{
	uintptr_t nowhere = ((uintptr_t)RAM_END_GIB << 30) + 0x1000 * me->index;

	__asm__ volatile("msr vbar_el1, %0\n\tisb\n\tbr %0" ::"r"(nowhere) : "memory");
	__builtin_unreachable();
}

static void death(struct cpu *me)
{
	die(me);
}

/* Again and again, since it comes back here. */
static void reset(struct cpu *me)
{
	(void)me;
	psci(PSCI_SYSTEM_RESET, 0, 0, 0);
}

static const struct storm {
	const char *name;
	void (*rage)(struct cpu *me);
	interrupt_hook *hook;
	bool alone; /* CPU 0's only */
	bool asked; /* not in turn */
} storms[] = {
	{ "sgi", sgis_to_all, NULL, false, false },
	{ "timer", timers_in_the_past, past_timer, false, false },
	{ "mask", masked_and_busy, NULL, false, false },
	{ "wfi", sleepless, NULL, false, false },
	{ "dist", register_flood, NULL, false, false },
	{ "abort", aborts, NULL, false, false },
	{ "psci", calls, NULL, false, false },
	{ "cycle", off_and_on, NULL, true, false },
	{ "console", chatter, NULL, false, false },
	{ "its", its_rage, its_storm_hook, false, false },
	{ "lpi", lpi_rage, NULL, false, false },
	{ "pci", pci_rage, NULL, false, true },
	{ "die", death, NULL, false, true },
	{ "reset", reset, NULL, true, true },
};
#define STORMS (sizeof(storms) / sizeof(storms[0]))

static void rage(void *argument)
{
	const struct storm *storm = argument;

	storm->rage(this_cpu());
}

static void unleash(const struct storm *storm, uint64_t ms)
{
	print("hostile: %s\n", storm->name);
	atomic_store(&gathered, 0);
	atomic_store(&calmed, 0);
	on_interrupt = storm->hook;
	storm_end = counter_after_ms((unsigned)ms);
	for (unsigned cpu = 1; cpu < cpu_count && !storm->alone; cpu++) {
		while (!cpu_start(cpu, rage, (void *)(uintptr_t)storm))
			wfe();
	}
	rage((void *)(uintptr_t)storm);
	for (unsigned cpu = 1; cpu < cpu_count; cpu++) {
		while (atomic_load(&cpus[cpu].busy))
			wfe();
	}
	on_interrupt = NULL;
}

static bool wanted(const struct storm *storm)
{
	if (option_given("hostile"))
		return option_is("hostile", storm->name);
	return !storm->asked && (has_its || (storm->rage != its_rage && storm->rage != lpi_rage));
}

static void map_holes(void)
{
	for (uint64_t gib = RAM_END_GIB; gib < 4; gib++)
		level1_table[gib] = gib << 30 | BLOCK_1GIB;
	dsb();
	isb();
}

void guest_main(void)
{
	uint64_t ms = option_number("hostile.ms", 2000), times = option_number("hostile.times", 0);
	unsigned known = 0;

	map_holes();
	if (!option_given("hostile") || option_is("hostile", "its") ||
	    option_is("hostile", "lpi")) {
		has_its = its_storm_can();
		if (!has_its)
			print("hostile: this machine has no ITS\n");
	}
	if (option_is("hostile", "pci")) {
		has_pci = pci_storm_can();
		if (!has_pci)
			print("hostile: it has no PCI functions\n");
	}
	for (uint64_t i = 0; !times || i < times; i++) {
		for (unsigned s = 0; s < STORMS; s++) {
			if (!wanted(&storms[s]))
				continue;
			known++;
			unleash(&storms[s], ms);
		}
		if (!known)
			bail_out("hostile: no such kind of storm");
	}
	print("hostile: done\n");
}
