/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Priorities (IHI 0069, 4.8; IHI 0048, 3.3 and 3.6): order of delivery, priority mask, running priority, preemption,
 * binary point, and the two groups with their enables.
 */
#include "gic.h"
#include "tap.h"

#define SPI    SPI_FREE
#define LEVELS 8

static uint8_t priority_of_level(unsigned level)
{
	return (uint8_t)(0xc0 - level * 0x10);
}

/* SPI + level has a higher priority the higher the level. */
static void setup_levels(unsigned cpu)
{
	for (unsigned level = 0; level < LEVELS; level++)
		spi_setup(SPI + level, cpu, priority_of_level(level), true);
}

static void release_levels(void)
{
	for (unsigned level = 0; level < LEVELS; level++)
		spi_release(SPI + level);
	on_interrupt = NULL;
	counts_clear();
}

static void order(void)
{
	static const uint8_t shuffled[LEVELS] = { 3, 0, 6, 2, 7, 1, 5, 4 };
	unsigned right = 0, shown = 0;

	setup_levels(0);
	irq_mask();
	for (unsigned i = 0; i < LEVELS; i++)
		gic_set_pending(0, SPI + shuffled[i]);
	wait_irq_asserted();
	for (unsigned i = 0; i < LEVELS; i++) {
		unsigned wanted = SPI + LEVELS - 1 - i, intid;

		shown += gic_highest_pending() == wanted;
		intid = gic_acknowledge();
		right += intid == wanted;
		if (intid != INTID_SPURIOUS)
			gic_end(intid);
		if (i < LEVELS - 1)
			wait_irq_asserted();
	}
	is(shown, LEVELS, "HPPIR shows each before it is acknowledged");
	is(right, LEVELS, "acknowledged from the highest priority to the lowest");
	is(gic_acknowledge(), INTID_SPURIOUS, "then IAR reads 1023");
	is(gic_highest_pending(), INTID_SPURIOUS, "and HPPIR too");
	irq_unmask();
	for (unsigned i = 0; i < LEVELS; i++)
		gic_set_pending(0, SPI + i);
	for (unsigned i = 0; i < LEVELS; i++)
		wait_at_least(&cpus[0].seen[SPI + i], 1);
	is(count_total(0), LEVELS, "by handler: each once");
	release_levels();
}

static void changed_while_pending(void)
{
	setup_levels(0);
	irq_mask();
	for (unsigned level = 0; level < 3; level++)
		gic_set_pending(0, SPI + level);
	wait_irq_asserted();
	gic_set_priority(0, SPI, 0x20);
	is(gic_priority(0, SPI), 0x20, "priority changed while pending: reads back");
	wait_ms(SETTLE_MS);
	is(gic_acknowledge(), SPI, "raised while pending: acknowledged first");
	is(gic_running_priority(), 0x20, "raised while pending: running at the new priority");
	gic_end(SPI);
	gic_set_priority(0, SPI + 2, 0xd0);
	wait_ms(SETTLE_MS);
	is(gic_acknowledge(), SPI + 1, "lowered while pending: the other goes first");
	gic_end(SPI + 1);
	wait_irq_asserted();
	is(gic_acknowledge(), SPI + 2, "lowered while pending: comes last");
	gic_end(SPI + 2);
	irq_unmask();
	release_levels();
}

static void mask(void)
{
	unsigned held = 0, passed = 0;

	setup_levels(0);
	irq_mask();
	for (unsigned level = 0; level < LEVELS; level++) {
		unsigned priority = priority_of_level(level);

		gic_set_mask(priority);
		gic_set_pending(0, SPI + level);
		wait_ms(2);
		held += !irq_asserted() && gic_acknowledge() == INTID_SPURIOUS;
		gic_set_mask(priority + 0x10);
		passed += wait_irq_asserted() && gic_acknowledge() == SPI + level;
		gic_end(SPI + level);
	}
	is(held, LEVELS, "PMR equal to the priority masks it");
	is(passed, LEVELS, "PMR one level lower in urgency lets it pass");
	gic_set_mask(0x80);
	is(gic_mask(), 0x80, "PMR reads back");
	gic_set_pending(0, SPI);
	gic_set_pending(0, SPI + LEVELS - 1);
	wait_irq_asserted();
	is(gic_acknowledge(), SPI + LEVELS - 1, "of two the one above PMR is acknowledged");
	gic_end(SPI + LEVELS - 1);
	is(gic_acknowledge(), INTID_SPURIOUS, "the one below is not");
	gic_set_mask(PRIORITY_OPEN);
	wait_irq_asserted();
	is(gic_acknowledge(), SPI, "until PMR opens");
	gic_end(SPI);
	irq_unmask();
	release_levels();
}

static void running_priority(void)
{
	setup_levels(0);
	spi_setup(SPI + LEVELS, 0, priority_of_level(3), true);
	irq_mask();
	is(gic_running_priority(), PRIORITY_IDLE, "The running priority is idle before");
	gic_set_pending(0, SPI + 3);
	wait_irq_asserted();
	is(gic_acknowledge(), SPI + 3, "acknowledged");
	is(gic_running_priority(), priority_of_level(3), "The running priority is its priority");
	gic_set_pending(0, SPI + LEVELS);
	gic_set_pending(0, SPI + 1);
	wait_ms(SETTLE_MS);
	ok(!irq_asserted(), "equal and lower priority do not preempt: not signalled");
	is(gic_acknowledge(), INTID_SPURIOUS,
	   "equal and lower priority do not preempt: not acknowledged");
	is(gic_highest_pending(), SPI + LEVELS, "HPPIR shows what waits");
	gic_set_pending(0, SPI + 5);
	ok(wait_irq_asserted(), "higher priority preempts: signalled");
	is(gic_acknowledge(), SPI + 5, "higher priority preempts: acknowledged");
	is(gic_running_priority(), priority_of_level(5),
	   "The running priority is the higher one's");
	gic_set_priority(0, SPI + 5, 0xe0);
	is(gic_running_priority(), priority_of_level(5),
	   "The running priority keeps it when IPRIORITYR changes");
	gic_end(SPI + 5);
	is(gic_running_priority(), priority_of_level(3),
	   "The running priority drops to the preempted one's");
	is(gic_acknowledge(), INTID_SPURIOUS, "equal priority still waits");
	gic_end(SPI + 3);
	is(gic_running_priority(), PRIORITY_IDLE,
	   "The running priority is idle after the last end");
	wait_irq_asserted();
	is(gic_acknowledge(), SPI + LEVELS, "then the equal one");
	gic_end(SPI + LEVELS);
	wait_irq_asserted();
	is(gic_acknowledge(), SPI + 1, "then the lower one");
	gic_end(SPI + 1);
	irq_unmask();
	spi_release(SPI + LEVELS);
	release_levels();
}

/* Each handler raises the next level with interrupts unmasked: it is nested inside. */
static unsigned depth, deepest, wrong;

static void nest(struct cpu *me, unsigned intid)
{
	unsigned level = intid - SPI;

	wrong += level != depth || gic_running_priority() != priority_of_level(level);
	depth++;
	if (depth > deepest)
		deepest = depth;
	if (level + 1 < LEVELS) {
		uint64_t elr = read_sysreg(elr_el1), spsr = read_sysreg(spsr_el1);

		irq_unmask();
		gic_set_pending(0, intid + 1);
		wait_at_least(&me->seen[intid + 1], 1);
		irq_mask();
		write_sysreg(elr_el1, elr);
		write_sysreg(spsr_el1, spsr);
	}
	depth--;
}

static void nested(unsigned cpu)
{
	setup_levels(cpu);
	deepest = wrong = 0;
	on_interrupt = nest;
	gic_set_pending(0, SPI);
	ok(wait_at_least(&cpus[cpu].seen[SPI], 1), "nested on CPU %u: the outermost ends", cpu);
	is(deepest, LEVELS, "nested on CPU %u: all levels deep", cpu);
	is(wrong, 0, "nested on CPU %u: running priority right at each level", cpu);
	is(count_total(cpu), LEVELS, "nested on CPU %u: each once", cpu);
	gic_wait_active(0, SPI, false);
	release_levels();
}

static void lower_does_not_preempt(struct cpu *me, unsigned intid)
{
	(void)me;
	if (intid != SPI + 4)
		return;
	uint64_t elr = read_sysreg(elr_el1), spsr = read_sysreg(spsr_el1);

	irq_unmask();
	gic_set_pending(0, SPI + 2);
	gic_set_pending(0, SPI + LEVELS);
	wait_ms(SETTLE_MS);
	irq_mask();
	wrong += count_of(0, SPI + 2) + count_of(0, SPI + LEVELS);
	write_sysreg(elr_el1, elr);
	write_sysreg(spsr_el1, spsr);
}

static void not_nested(void)
{
	setup_levels(0);
	spi_setup(SPI + LEVELS, 0, priority_of_level(4), true);
	wrong = 0;
	on_interrupt = lower_does_not_preempt;
	gic_set_pending(0, SPI + 4);
	ok(wait_at_least(&cpus[0].seen[SPI + LEVELS], 1), "equal priority: taken after the end");
	ok(wait_at_least(&cpus[0].seen[SPI + 2], 1), "lower priority: taken after the end");
	is(wrong, 0, "neither was taken inside");
	is(cpus[0].log[1], SPI + LEVELS, "the equal one before the lower one");
	gic_wait_active(0, SPI + 2, false);
	spi_release(SPI + LEVELS);
	release_levels();
}

/*
 * Group 1: with binary point n the priority bits 7 to n decide preemption. 0x80 and 0x90 are one
 * group with n = 5, 0x80 and 0xa0 are two.
 */
static void binary_point(void)
{
	spi_setup(SPI, 0, 0x90, true);
	spi_setup(SPI + 1, 0, 0x80, true);
	spi_setup(SPI + 2, 0, 0xa0, true);
	spi_setup(SPI + 3, 0, 0x70, true);
	gic_set_binary_point(5);
	is(gic_binary_point(), 5, "binary point: reads back");
	irq_mask();
	gic_set_pending(0, SPI);
	wait_irq_asserted();
	is(gic_acknowledge(), SPI, "binary point: the first is acknowledged");
	is(gic_running_priority(), 0x80, "binary point: its group priority runs");
	gic_set_pending(0, SPI + 1);
	wait_ms(SETTLE_MS);
	ok(!irq_asserted(), "binary point: higher within the group does not preempt");
	gic_set_pending(0, SPI + 3);
	ok(wait_irq_asserted(), "binary point: a higher group preempts");
	is(gic_acknowledge(), SPI + 3, "binary point: and is acknowledged");
	gic_end(SPI + 3);
	gic_end(SPI);
	wait_irq_asserted();
	is(gic_acknowledge(), SPI + 1, "binary point: the one that waited follows");
	gic_end(SPI + 1);
	gic_set_pending(0, SPI);
	gic_set_pending(0, SPI + 1);
	wait_irq_asserted();
	wait_ms(SETTLE_MS);
	is(gic_acknowledge(), SPI + 1, "binary point: the whole priority orders what pends");
	gic_end(SPI + 1);
	wait_irq_asserted();
	is(gic_acknowledge(), SPI, "binary point: the lower subpriority comes second");
	gic_end(SPI);
	gic_set_pending(0, SPI + 2);
	wait_irq_asserted();
	is(gic_acknowledge(), SPI + 2, "binary point: 0xa0 runs");
	gic_set_pending(0, SPI + 1);
	ok(wait_irq_asserted(), "binary point: 0x80 is of another group and preempts");
	is(gic_acknowledge(), SPI + 1, "binary point: it is acknowledged");
	gic_end(SPI + 1);
	gic_end(SPI + 2);
	gic_set_binary_point(0);
	irq_unmask();
	for (unsigned i = 0; i < 4; i++)
		spi_release(SPI + i);
	counts_clear();
}

/* 0x80 runs: does 0x70, with a group's binary point at `point`, preempt it? */
static bool preempts(unsigned group)
{
	spi_setup(SPI, 0, 0x70, true);
	spi_setup(SPI + 1, 0, 0x60, true);
	gic_set_group(0, SPI, group);
	gic_set_group(0, SPI + 1, group);
	gic_set_pending(0, SPI);
	if (!(group ? wait_irq_asserted() : wait_fiq_asserted()))
		return false;
	if ((group ? gic_acknowledge() : gic_acknowledge0()) != SPI)
		return false;
	gic_set_pending(0, SPI + 1);
	wait_ms(SETTLE_MS / 4);
	bool signalled = group ? irq_asserted() : fiq_asserted();

	if (group)
		gic_end(SPI);
	else
		gic_end0(SPI);
	gic_clear_pending(0, SPI + 1);
	gic_set_group(0, SPI, 1);
	gic_set_group(0, SPI + 1, 1);
	spi_release(SPI);
	spi_release(SPI + 1);
	return signalled;
}

/* Group 0's point n leaves bits 7 to n + 1: 0x60 and 0x70 differ with 3, are one group with 4. */
static void binary_point_of_group0(void)
{
	irq_mask();
	gic_set_binary_point(7);
	gic_set_binary_point0(3);
	ok(preempts(0), "binary point of group 0, 3: 0x60 preempts 0x70");
	gic_set_binary_point0(4);
	ok(!preempts(0), "binary point of group 0, 4: it does not");
	gic_set_binary_point0(3);
	ok(!preempts(1), "group 1 has a binary point of its own: 7, it does not");
	gic_set_binary_point(4);
	gic_set_binary_point0(7);
	ok(preempts(1), "group 1: 4, it does");
	gic_set_binary_point(7);
	gic_set_binary_point0(3);
	gic_common_binary_point(true);
	ok(preempts(1), "CBPR: group 1 goes by group 0's: 3, it does");
	gic_set_binary_point0(4);
	ok(!preempts(1), "CBPR: 4, it does not");
	gic_common_binary_point(false);
	gic_set_binary_point(0);
	gic_set_binary_point0(0);
	irq_unmask();
	is(count_total(0), 0, "binary points: nothing left");
	counts_clear();
}

/*
 * What a system saves when it puts a CPU to sleep. How many bits stand for a priority is up to the
 * implementation; that they are the running priority is not.
 */
#define REGISTERS 8

static void read_active_priorities(uint32_t *to)
{
	for (unsigned i = 0; i < 4; i++) {
		to[i] = read32(GICC_BASE + GICC_APR + i * 4);
		to[4 + i] = read32(GICC_BASE + GICC_NSAPR + i * 4);
	}
}

static void write_active_priorities(const uint32_t *from)
{
	for (unsigned i = 0; i < 4; i++) {
		write32(GICC_BASE + GICC_APR + i * 4, from[i]);
		write32(GICC_BASE + GICC_NSAPR + i * 4, from[4 + i]);
	}
	dsb();
}

static unsigned bits_in(const uint32_t *registers)
{
	unsigned n = 0;

	for (unsigned i = 0; i < REGISTERS * 32; i++)
		n += registers[i / 32] >> i % 32 & 1;
	return n;
}

static void active_priorities(void)
{
	static const uint32_t none[REGISTERS];
	uint32_t now[REGISTERS];

	if (!gic_only(2, "GICC_APR"))
		return;
	spi_setup(SPI, 0, 0x90, true);
	spi_setup(SPI + 1, 0, 0x50, true);
	irq_mask();
	read_active_priorities(now);
	is(bits_in(now), 0, "GICC_APR: nothing active");
	for (unsigned i = 0; i < 2; i++) {
		gic_set_pending(0, SPI + i);
		wait_irq_asserted();
		gic_acknowledge();
	}
	read_active_priorities(now);
	is(bits_in(now), 2, "GICC_APR: two active, two bits");
	write_active_priorities(none);
	is(gic_running_priority(), PRIORITY_IDLE, "GICC_APR cleared: nothing runs");
	write_active_priorities(now);
	is(gic_running_priority(), 0x50, "GICC_APR written back: the same priority runs");
	gic_end(SPI + 1);
	is(gic_running_priority(), 0x90, "GICC_APR: the end of one clears its bit");
	gic_end(SPI);
	read_active_priorities(now);
	is(bits_in(now), 0, "GICC_APR: both ended, no bit");
	irq_unmask();
	spi_release(SPI);
	spi_release(SPI + 1);
	is(count_total(0), 0, "GICC_APR: nothing delivered");
	counts_clear();
}

static void groups(void)
{
	spi_setup(SPI, 0, 0x60, true);
	spi_setup(SPI + 1, 0, 0x80, true);
	gic_set_group(0, SPI, 0);
	irq_mask();
	gic_set_pending(0, SPI);
	ok(wait_fiq_asserted(), "group 0: signalled as FIQ");
	ok(!irq_asserted(), "group 0: not as IRQ");
	gic_set_pending(0, SPI + 1);
	wait_ms(SETTLE_MS);
	if (gic_only(3, "group 0 is the highest: ICC_IAR1"))
		is(gic_acknowledge(), INTID_SPURIOUS,
		   "group 0 is the highest: ICC_IAR1 reads 1023");
	is(gic_acknowledge0(), SPI, "group 0 is the highest: acknowledged");
	is(gic_running_priority(), 0x60, "group 0: the running priority is its priority");
	ok(!irq_asserted(), "group 1 of lower priority does not preempt it");
	gic_end0(SPI);
	ok(wait_irq_asserted(), "group 1: signalled as IRQ after that");
	if (gic_only(3, "group 1 is the highest: ICC_IAR0"))
		is(gic_acknowledge0(), INTID_SPURIOUS,
		   "group 1 is the highest: ICC_IAR0 reads 1023");
	is(gic_acknowledge(), SPI + 1, "group 1 is the highest: acknowledged");
	gic_end(SPI + 1);
	irq_unmask();
	gic_set_pending(0, SPI);
	ok(wait_at_least(&cpus[0].seen[SPI], 1), "group 0: taken as FIQ");
	gic_wait_active(0, SPI, false);
	gic_set_group(0, SPI, 1);
	spi_release(SPI);
	spi_release(SPI + 1);
	counts_clear();
}

static void group_enables(void)
{
	spi_setup(SPI, 0, PRIORITY_DEFAULT, true);
	gic_enable_group(1, false);
	gic_set_pending(0, SPI);
	wait_ms(SETTLE_MS);
	is(count_all(SPI), 0, "CPU interface, group 1 disabled: nothing delivered");
	ok(gic_is_pending(0, SPI), "CPU interface, group 1 disabled: pending");
	gic_enable_group(1, true);
	ok(wait_at_least(&cpus[0].seen[SPI], 1), "CPU interface, group 1 enabled: delivered");
	gic_enable_groups(true, false);
	gic_set_pending(0, SPI);
	wait_ms(SETTLE_MS);
	is(count_all(SPI), 1, "GICD_CTLR.EnableGrp1 0: nothing delivered");
	ok(gic_is_pending(0, SPI), "GICD_CTLR.EnableGrp1 0: pending");
	sgi_send(1, 3);
	wait_ms(SETTLE_MS);
	is(count_all(3), 0, "GICD_CTLR.EnableGrp1 0: no SGI either");
	gic_enable_groups(true, true);
	ok(wait_at_least(&cpus[0].seen[SPI], 2), "GICD_CTLR.EnableGrp1 1: the SPI is delivered");
	ok(wait_at_least(&cpus[1].seen[3], 1), "GICD_CTLR.EnableGrp1 1: the SGI is delivered");
	spi_release(SPI);
	counts_clear();
}

/* The most urgent one is disabled or for another CPU: it does not hold up the rest. */
static void no_block(void)
{
	setup_levels(0);
	gic_disable(0, SPI + 7);
	gic_route(SPI + 6, 1);
	irq_mask();
	gic_set_pending(0, SPI + 7);
	gic_set_pending(0, SPI + 6);
	gic_set_pending(0, SPI);
	wait_irq_asserted();
	is(gic_acknowledge(), SPI, "a disabled interrupt of higher priority holds up nothing");
	gic_end(SPI);
	irq_unmask();
	ok(wait_at_least(&cpus[1].seen[SPI + 6], 1), "nor one that is another CPU's");
	gic_clear_pending(0, SPI + 7);
	gic_wait_active(0, SPI + 6, false);
	release_levels();
}

void guest_main(void)
{
	if (gic_lines() < SPI_FREE_END)
		bail_out("needs 256 interrupt lines");
	order();
	changed_while_pending();
	mask();
	running_priority();
	nested(0);
	nested(1);
	not_nested();
	binary_point();
	binary_point_of_group0();
	active_priorities();
	groups();
	group_enables();
	no_block();
}
