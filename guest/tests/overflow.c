/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * More interrupts pending and active than a virtualized CPU interface has list registers (IHI 0069,
 * 11.2.2: at least one, at most 16; IHI 0048, 5.3): order, completeness and register reads must not show it.
 */
#include "gic.h"
#include "tap.h"

#define SPI    SPI_FREE
#define MANY   48
#define DEEP   10
#define ROUNDS 40

/* Scattered, so that the order of INTIDs says nothing about the order of priorities. */
static uint8_t scattered_priority(unsigned i)
{
	return (uint8_t)(0x20 + (i * 7 + i / 16) % 12 * 0x10);
}

static void setup_many(unsigned cpu, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		spi_setup(SPI + i, cpu, scattered_priority(i), true);
}

static void release_many(void)
{
	for (unsigned i = 0; i < MANY; i++)
		spi_release(SPI + i);
	on_interrupt = NULL;
	counts_clear();
}

static void pend_many(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		gic_set_pending(0, SPI + i);
}

static bool wait_each(unsigned cpu, unsigned n, unsigned times)
{
	for (unsigned i = 0; i < n; i++) {
		if (!wait_at_least(&cpus[cpu].seen[SPI + i], times))
			return false;
	}
	return true;
}

/* Inversions of priority in what a CPU logged. */
static unsigned out_of_order(unsigned cpu)
{
	unsigned wrong = 0, n = count_total(cpu);

	for (unsigned i = 1; i < n && i < LOG_LENGTH; i++)
		wrong += gic_priority(cpu, cpus[cpu].log[i - 1]) >
			 gic_priority(cpu, cpus[cpu].log[i]);
	return wrong;
}

static void by_handler(void)
{
	setup_many(0, MANY);
	irq_mask();
	pend_many(MANY);
	wait_ms(SETTLE_MS);
	irq_unmask();
	ok(wait_each(0, MANY, 1), "%u SPIs pending: all delivered", MANY);
	is(count_total(0), MANY, "%u SPIs pending: each once", MANY);
	is(out_of_order(0), 0, "%u SPIs pending: in order of priority", MANY);
	release_many();
}

static void by_polling(void)
{
	unsigned previous = 0, wrong = 0, n = 0;

	setup_many(0, MANY);
	irq_mask();
	pend_many(MANY);
	while (n < MANY && wait_irq_asserted()) {
		unsigned intid = gic_acknowledge();

		if (intid == INTID_SPURIOUS)
			continue;
		wrong += scattered_priority(intid - SPI) < previous;
		wrong += gic_running_priority() != scattered_priority(intid - SPI);
		previous = scattered_priority(intid - SPI);
		gic_end(intid);
		n++;
	}
	is(n, MANY, "polled: all acknowledged");
	is(wrong, 0, "polled: in order of priority, running priority right each time");
	wait_ms(SETTLE_MS);
	ok(!irq_asserted(), "polled: then nothing more");
	irq_unmask();
	release_many();
}

static unsigned pending_bits(unsigned n)
{
	unsigned count = 0;

	for (unsigned i = 0; i < n; i++)
		count += gic_is_pending(0, SPI + i);
	return count;
}

static void read_and_take_back(void)
{
	unsigned taken_back = 0, delivered = 0;

	setup_many(0, MANY);
	irq_mask();
	pend_many(MANY);
	is(pending_bits(MANY), MANY, "ISPENDR shows all %u", MANY);
	for (unsigned i = 0; i < MANY; i += 2)
		gic_clear_pending(0, SPI + i);
	is(pending_bits(MANY), MANY / 2, "ICPENDR takes back every other");
	irq_unmask();
	for (unsigned i = 1; i < MANY; i += 2)
		delivered += wait_at_least(&cpus[0].seen[SPI + i], 1);
	wait_ms(SETTLE_MS);
	for (unsigned i = 0; i < MANY; i += 2)
		taken_back += count_of(0, SPI + i) == 0;
	is(delivered, MANY / 2, "the rest is delivered");
	is(taken_back, MANY / 2, "what was taken back is not");
	is(out_of_order(0), 0, "the rest in order of priority");
	release_many();
}

static void reordered(void)
{
	unsigned right = 0;

	setup_many(0, MANY);
	irq_mask();
	pend_many(MANY);
	for (unsigned i = 0; i < MANY; i++)
		gic_set_priority(0, SPI + i, (uint8_t)(0xf0 - i / 4 * 0x10));
	wait_ms(SETTLE_MS);
	irq_unmask();
	wait_each(0, MANY, 1);
	for (unsigned i = 0; i < MANY; i++)
		right += (unsigned)(cpus[0].log[i] - SPI) / 4 == (MANY - 1 - i) / 4;
	is(right, MANY, "priorities changed while all pend: the new order holds");
	is(count_total(0), MANY, "priorities changed while all pend: each once");
	release_many();
}

/* What stays with its old target all the same is pended anew. */
static void move(unsigned intid, unsigned cpu)
{
	gic_route(intid, cpu);
	if (gic_quirks.pending_stays) {
		gic_clear_pending(0, intid);
		gic_set_pending(0, intid);
	}
}

static void rerouted(void)
{
	unsigned right = 0;

	setup_many(0, MANY);
	irq_mask();
	pend_many(MANY);
	for (unsigned i = 0; i < MANY; i++)
		move(SPI + i, i % cpu_count);
	for (unsigned i = 0; i < MANY; i++) {
		if (i % cpu_count)
			right += wait_at_least(&cpus[i % cpu_count].seen[SPI + i], 1);
	}
	irq_unmask();
	for (unsigned i = 0; i < MANY; i += cpu_count)
		right += wait_at_least(&cpus[0].seen[SPI + i], 1);
	wait_ms(SETTLE_MS);
	is(right, MANY, "routes changed while all pend: each goes to its new CPU");
	for (unsigned i = 0; i < MANY; i++)
		right -= count_all(SPI + i) == 1;
	is(right, 0, "routes changed while all pend: each once");
	release_many();
}

/*
 * Nested DEEP levels, the innermost of which lets MANY lower ones pile up. The active states of the
 * levels in `taken` are cleared there: the ends of those only drop the priority.
 */
static unsigned depth, deepest, wrong, taken;

static uint8_t deep_priority(unsigned level)
{
	return (uint8_t)(0xb0 - level * 0x10);
}

static void nest(struct cpu *me, unsigned intid)
{
	unsigned level = intid - SPI;

	if (level >= DEEP)
		return;
	uint64_t elr = read_sysreg(elr_el1), spsr = read_sysreg(spsr_el1);

	wrong += level != depth || gic_running_priority() != deep_priority(level);
	if (++depth > deepest)
		deepest = depth;
	irq_unmask();
	if (level + 1 < DEEP) {
		gic_set_pending(0, intid + 1);
		wait_at_least(&me->seen[intid + 1], 1);
	} else {
		for (unsigned i = 0; i < DEEP; i++)
			wrong += !gic_is_active(0, SPI + i);
		for (unsigned i = 0; i < DEEP; i++) {
			if (taken >> i & 1)
				gic_clear_active(0, SPI + i);
		}
		for (unsigned i = DEEP; i < MANY; i++)
			gic_set_pending(0, SPI + i);
		wait_ms(SETTLE_MS);
		wrong += count_total(me->index) != DEEP;
	}
	irq_mask();
	wrong += gic_is_active(0, intid) == (taken >> level & 1);
	wrong += gic_running_priority() != deep_priority(level);
	write_sysreg(elr_el1, elr);
	write_sysreg(spsr_el1, spsr);
	depth--;
}

static void deep(unsigned cpu, unsigned cleared)
{
	const char *how = cleared ? ", some cleared by ICACTIVER" : "";

	taken = cleared;
	setup_many(cpu, MANY);
	for (unsigned i = 0; i < MANY; i++)
		gic_set_priority(0, SPI + i, i < DEEP ? deep_priority(i) : 0xc0 + i % 3 * 0x10);
	deepest = wrong = 0;
	on_interrupt = nest;
	gic_set_pending(0, SPI);
	ok(wait_each(cpu, MANY, 1), "%u active at once on CPU %u%s: all end", DEEP, cpu, how);
	is(deepest, DEEP, "CPU %u: nested %u deep", cpu, DEEP);
	is(wrong, 0, "CPU %u: active states and running priorities right at each level", cpu);
	is(count_total(cpu), MANY, "CPU %u: each once", cpu);
	wait_ms(SETTLE_MS);
	for (unsigned i = 0; i < MANY; i++)
		wrong += gic_is_active(0, SPI + i);
	is(wrong, 0, "CPU %u: none active in the end", cpu);
	release_many();
}

/*
 * Polled, DEEP active at once and each pending again. From the first end of interrupt on the
 * guest does nothing that a hypervisor would have to trap: what waits behind an active state
 * comes by itself.
 */
static void behind_active_ones(void)
{
	unsigned signalled = 0, right = 0;

	setup_many(0, DEEP);
	irq_mask();
	for (unsigned i = 0; i < DEEP; i++) {
		gic_set_priority(0, SPI + i, deep_priority(i));
		gic_set_pending(0, SPI + i);
		signalled += wait_irq_asserted() && gic_acknowledge() == SPI + i;
	}
	for (unsigned i = 0; i < DEEP; i++)
		gic_set_pending(0, SPI + i);
	is(signalled, DEEP, "polled, %u active at once", DEEP);
	for (unsigned i = DEEP; i-- > 0;)
		gic_end(SPI + i);
	for (unsigned i = DEEP; i-- > 0;) {
		if (!wait_irq_asserted())
			break;
		right += gic_acknowledge() == SPI + i;
		gic_end(SPI + i);
	}
	is(right, DEEP, "all ended, each comes again, in order of priority");
	irq_unmask();
	release_many();
}

#define OF_GROUP0 12
#define OF_GROUP1 3

/* Group 0 pends more often than there are list registers, group 1 with it; FIQ and IRQ masked. */
static void setup_groups(uint8_t priority0, uint8_t priority1)
{
	irq_mask();
	for (unsigned i = 0; i < OF_GROUP0 + OF_GROUP1; i++) {
		spi_setup(SPI + i, 0, i < OF_GROUP0 ? priority0 : priority1, true);
		gic_set_group(0, SPI + i, i >= OF_GROUP0);
	}
}

static void release_groups(void)
{
	for (unsigned i = 0; i < OF_GROUP0 + OF_GROUP1; i++) {
		gic_clear_pending(0, SPI + i);
		gic_set_group(0, SPI + i, 1);
	}
	irq_unmask();
	release_many();
}

/*
 * Group enables of the CPU interface are changed without a trap, too. The opposite, group 0
 * disabled while it is the more urgent one, is not the same on both machines: QEMU's bare CPU
 * interface then holds up group 1.
 */
static void group_enabled_late(void)
{
	unsigned taken1 = 0;

	setup_groups(0x80, 0x40);
	gic_enable_group(1, false);
	pend_many(OF_GROUP0 + OF_GROUP1);
	ok(!irq_asserted(), "group 1 disabled at the CPU interface, many of group 0 pending");
	gic_enable_group(1, true);
	for (unsigned i = 0; i < OF_GROUP1 && wait_irq_asserted(); i++) {
		unsigned intid = gic_acknowledge();

		taken1 += intid >= SPI + OF_GROUP0 && intid < SPI + OF_GROUP0 + OF_GROUP1;
		gic_end(intid);
	}
	is(taken1, OF_GROUP1, "enabled: its more urgent ones come");
	release_groups();
}

static void active_by_hand(void)
{
	unsigned held = 0;

	setup_many(0, MANY);
	for (unsigned i = 0; i < MANY; i += 2)
		gic_set_active(0, SPI + i);
	pend_many(MANY);
	for (unsigned i = 1; i < MANY; i += 2)
		wait_at_least(&cpus[0].seen[SPI + i], 1);
	wait_ms(SETTLE_MS);
	is(count_total(0), MANY / 2, "half set active by hand: the other half is delivered");
	for (unsigned i = 0; i < MANY; i += 2)
		held += gic_is_active(0, SPI + i) && gic_is_pending(0, SPI + i);
	is(held, MANY / 2, "those set active read as active and pending");
	for (unsigned i = 0; i < MANY; i += 2)
		gic_clear_active(0, SPI + i);
	ok(wait_each(0, MANY, 1), "released by ICACTIVER: all delivered");
	is(count_total(0), MANY, "released by ICACTIVER: each once");
	release_many();
}

static void with_private_ones(void)
{
	unsigned sgis = 0;

	setup_many(0, MANY);
	gic_enable(0, PPI_FREE);
	irq_mask();
	pend_many(MANY);
	for (unsigned id = 0; id < 16; id++)
		sgi_send(0, id);
	gic_set_pending(0, PPI_FREE);
	irq_unmask();
	ok(wait_each(0, MANY, 1), "SPIs, SGIs and a PPI: the SPIs arrive");
	for (unsigned id = 0; id < 16; id++)
		sgis += wait_at_least(&cpus[0].seen[id], 1);
	is(sgis, 16, "SPIs, SGIs and a PPI: the SGIs arrive");
	ok(gic_quirks.no_ppi_by_hand || wait_at_least(&cpus[0].seen[PPI_FREE], 1),
	   "SPIs, SGIs and a PPI: the PPI arrives");
	is(count_total(0), MANY + 16 + !gic_quirks.no_ppi_by_hand,
	   "SPIs, SGIs and a PPI: each once");
	is(out_of_order(0), 0, "SPIs, SGIs and a PPI: in order of priority");
	gic_disable(0, PPI_FREE);
	release_many();
}

/* A little more than the list registers hold, again and again; disabled ones among them. */
static void again_and_again(void)
{
	unsigned complete = 0;

	setup_many(1, MANY);
	for (unsigned round = 1; round <= ROUNDS; round++) {
		unsigned n = 3 + round % 6;

		gic_disable(0, SPI + n - 1);
		pend_many(n);
		complete += wait_each(1, n - 1, 1);
		gic_enable(0, SPI + n - 1);
		complete += wait_each(1, n, 1);
		complete += count_total(1) == n;
		gic_wait_active(0, SPI + n - 1, false);
		counts_clear();
	}
	is(complete, 3 * ROUNDS, "%u rounds of 3 to 8, the last disabled at first", ROUNDS);
	release_many();
}

/* The handler of each sets itself pending again a few times. */
static void pend_again(struct cpu *me, unsigned intid)
{
	if (intid >= SPI && count_of(me->index, intid) < 3)
		gic_set_pending(0, intid);
}

static void active_and_pending(void)
{
	setup_many(0, MANY);
	on_interrupt = pend_again;
	irq_mask();
	pend_many(MANY);
	irq_unmask();
	ok(wait_each(0, MANY, 4), "each sets itself pending while active: all delivered");
	wait_ms(SETTLE_MS);
	is(count_total(0), 4 * MANY, "each sets itself pending while active: four times each");
	release_many();
}

void guest_main(void)
{
	if (gic_lines() < SPI_FREE_END)
		bail_out("needs 256 interrupt lines");
	by_handler();
	by_polling();
	read_and_take_back();
	reordered();
	rerouted();
	deep(0, 0);
	deep(1, 0);
	deep(0, 0x124);
	deep(1, 0x2db);
	behind_active_ones();
	group_enabled_late();
	active_by_hand();
	with_private_ones();
	again_and_again();
	active_and_pending();
}
