/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * LPIs at the CPU interface, and their configuration (IHI 0069, 4.8, 5.1.1, 5.3: INV, INVALL): order by
 * priority among each other and among other interrupts, preemption, the priority mask, enabled and
 * disabled, no active state.
 */
#include "expect.h"
#include "gic.h"
#include "tap.h"

#define DEVICE     3
#define EVENT_BITS 5
#define EVENTS     (1u << EVENT_BITS)
#define LPI        (LPI_FIRST + 64)
#define SPI        SPI_FREE
#define SGI        4

unsigned cpus_needed = 1;

/* Priority and state of an event's LPI, and the ITS is told. */
static void configure(unsigned event, uint8_t priority, bool enabled)
{
	lpi_set(LPI + event, priority, enabled);
	its_do(its_inv(DEVICE, event));
}

static void all_default(void)
{
	for (unsigned event = 0; event < EVENTS; event++)
		lpi_set(LPI + event, PRIORITY_DEFAULT, true);
	its_do(its_invall(0));
}

/* 15 levels that any implementation tells apart, in an order that is none. */
static uint8_t mixed(unsigned event)
{
	return (uint8_t)(0x10 + event * 7 % 13 * 0x10);
}

/* What CPU 0 took comes in the order of priorities; equal ones in any order. */
static unsigned in_order(unsigned n)
{
	unsigned good = 0;

	for (unsigned i = 0; i + 1 < n; i++)
		good += mixed(cpus[0].log[i] - LPI) <= mixed(cpus[0].log[i + 1] - LPI);
	return good;
}

static void order(unsigned n)
{
	unsigned once = 0;

	for (unsigned event = 0; event < n; event++)
		configure(event, mixed(event), true);
	irq_mask();
	for (unsigned event = 0; event < n; event++)
		its_raise(DEVICE, event);
	wait_irq_asserted();
	irq_unmask();
	for (unsigned event = 0; event < n; event++)
		once += lpi_taken(0, LPI + event, 1);
	is(once, n, "%u LPIs pending at once: each arrives once", n);
	is(in_order(n), n - 1, "%u LPIs pending at once: in the order of their priorities", n);
	counts_clear();
	all_default();
}

static void among_others(void)
{
	const unsigned expected[] = { LPI, SPI, LPI + 1, SGI, LPI + 2 };
	unsigned good = 0;

	configure(2, 0x90, true);
	configure(1, 0x70, true);
	configure(0, 0x50, true);
	spi_setup(SPI, 0, 0x60, true);
	gic_set_priority(0, SGI, 0x80);
	irq_mask();
	its_raise(DEVICE, 2);
	its_raise(DEVICE, 0);
	its_raise(DEVICE, 1);
	sgi_send(0, SGI);
	gic_set_pending(0, SPI);
	wait_irq_asserted();
	wait_ms(SETTLE_MS);
	is(gic_highest_pending(), LPI, "LPIs, an SPI and an SGI: ICC_HPPIR1_EL1 has the first LPI");
	irq_unmask();
	lpi_taken(0, LPI + 2, 1);
	for (unsigned i = 0; i < 5; i++)
		good += cpus[0].log[i] == expected[i];
	is(good, 5, "LPIs, an SPI and an SGI: in the order of their priorities");
	is(everything(), 5, "LPIs, an SPI and an SGI: each once");
	spi_release(SPI);
	gic_set_priority(0, SGI, PRIORITY_DEFAULT);
	counts_clear();
	all_default();
}

static void preemption(void)
{
	configure(0, 0x80, true);
	configure(1, 0x40, true);
	configure(2, 0xc0, true);
	irq_mask();
	its_raise(DEVICE, 0);
	wait_irq_asserted();
	is(gic_acknowledge(), LPI, "acknowledged by hand: the LPI");
	is(gic_running_priority(), 0x80, "acknowledged by hand: ICC_RPR_EL1 has its priority");
	ok(wait_irq_gone(), "acknowledged by hand: not signalled any more");
	its_raise(DEVICE, 2);
	wait_ms(SETTLE_MS);
	ok(!irq_asserted(), "less urgent than what runs: not signalled");
	its_raise(DEVICE, 1);
	ok(wait_irq_asserted(), "more urgent than what runs: signalled");
	is(gic_acknowledge(), LPI + 1, "more urgent than what runs: acknowledged");
	is(gic_running_priority(), 0x40, "more urgent than what runs: it runs");
	gic_end(LPI + 1);
	is(gic_running_priority(), 0x80, "its end: the first one runs");
	ok(!irq_asserted(), "its end: nothing is signalled");
	gic_end(LPI);
	is(gic_running_priority(), PRIORITY_IDLE, "the end of the first: nothing runs");
	ok(wait_irq_asserted(), "the end of the first: the last one is signalled");
	is(gic_acknowledge(), LPI + 2, "the end of the first: the last one is acknowledged");
	gic_end(LPI + 2);
	irq_unmask();
	nothing_comes("after all of them");
	all_default();
}

static void masked_by_priority(void)
{
	configure(4, 0x80, true);
	gic_set_mask(0x80);
	its_raise(DEVICE, 4);
	nothing_comes("PMR equal to its priority");
	ok(!irq_asserted(), "PMR equal to its priority: ISR_EL1 shows nothing");
	gic_set_mask(0x90);
	ok(lpi_taken(0, LPI + 4, 1), "PMR above it: delivered, once");
	gic_set_mask(PRIORITY_OPEN);
	counts_clear();
	gic_enable_group(1, false);
	its_raise(DEVICE, 4);
	nothing_comes("ICC_IGRPEN1_EL1 0");
	gic_enable_group(1, true);
	ok(lpi_taken(0, LPI + 4, 1), "ICC_IGRPEN1_EL1 1: delivered, once");
	counts_clear();
	all_default();
}

static void disabled(void)
{
	configure(5, PRIORITY_DEFAULT, false);
	its_raise(DEVICE, 5);
	nothing_comes("a disabled LPI");
	ok(!irq_asserted(), "a disabled LPI: ISR_EL1 shows nothing");
	int_arrives(DEVICE, 6, 0, LPI + 6, "another one beside it");
	configure(5, PRIORITY_DEFAULT, true);
	ok(lpi_taken(0, LPI + 5, 1), "enabled and INV: arrives, once");
	counts_clear();
	int_arrives(DEVICE, 5, 0, LPI + 5, "enabled again");
	configure(5, PRIORITY_DEFAULT, false);
	its_raise(DEVICE, 5);
	its_do(its_clear(DEVICE, 5));
	configure(5, PRIORITY_DEFAULT, true);
	nothing_comes("CLEAR while it was disabled");
}

static void disabled_while_signalled(void)
{
	irq_mask();
	its_raise(DEVICE, 7);
	ok(wait_irq_asserted(), "pending and enabled: signalled");
	configure(7, PRIORITY_DEFAULT, false);
	ok(wait_irq_gone(), "disabled, INV: not signalled any more");
	is(gic_acknowledge(), INTID_SPURIOUS, "disabled, INV: nothing to acknowledge");
	configure(7, PRIORITY_DEFAULT, true);
	ok(wait_irq_asserted(), "enabled, INV: signalled again");
	irq_unmask();
	ok(lpi_taken(0, LPI + 7, 1), "enabled, INV: arrives, once");
	counts_clear();
}

static void priority_changed(void)
{
	configure(8, 0x80, true);
	configure(9, 0x90, true);
	irq_mask();
	its_raise(DEVICE, 8);
	its_raise(DEVICE, 9);
	wait_irq_asserted();
	configure(9, 0x40, true);
	wait_ms(SETTLE_MS);
	is(gic_highest_pending(), LPI + 9, "more urgent by INV: ICC_HPPIR1_EL1 has it");
	irq_unmask();
	lpi_taken(0, LPI + 8, 1);
	is(cpus[0].log[0], LPI + 9, "more urgent by INV: it comes first");
	is(everything(), 2, "more urgent by INV: both come once");
	counts_clear();
	irq_mask();
	its_raise(DEVICE, 9);
	its_raise(DEVICE, 8);
	wait_irq_asserted();
	configure(9, 0xa0, true);
	wait_ms(SETTLE_MS);
	irq_unmask();
	lpi_taken(0, LPI + 9, 1);
	is(cpus[0].log[0], LPI + 8, "less urgent by INV: it comes last");
	is(everything(), 2, "less urgent by INV: both come once");
	counts_clear();
	all_default();
}

/* Many at once: half are switched off, the other half change places. */
static void all_invalidated(void)
{
	unsigned once = 0;

	irq_mask();
	for (unsigned event = 0; event < EVENTS; event++)
		its_raise(DEVICE, event);
	wait_irq_asserted();
	for (unsigned event = 0; event < EVENTS; event++)
		lpi_set(LPI + event, (uint8_t)(0xc0 - (event / 8) * 0x20), event & 1);
	its_do(its_invall(0));
	wait_ms(SETTLE_MS);
	irq_unmask();
	for (unsigned event = 1; event < EVENTS; event += 2)
		once += lpi_taken(0, LPI + event, 1);
	wait_ms(SETTLE_MS);
	is(once, EVENTS / 2, "INVALL: those that stay enabled arrive, once");
	is(everything(), EVENTS / 2, "INVALL: those disabled do not");
	once = 0;
	for (unsigned i = 0; i + 1 < EVENTS / 2; i++)
		once += (cpus[0].log[i] - LPI) / 8 >= (cpus[0].log[i + 1] - LPI) / 8;
	is(once, EVENTS / 2 - 1, "INVALL: in the order of their new priorities");
	counts_clear();
	once = 0;
	all_default();
	for (unsigned event = 0; event < EVENTS; event += 2)
		once += lpi_taken(0, LPI + event, 1);
	wait_ms(SETTLE_MS);
	is(once, EVENTS / 2, "enabled, INVALL: the others arrive, once");
	is(everything(), EVENTS / 2, "enabled, INVALL: and no more");
	counts_clear();
}

static unsigned acknowledge_next(void)
{
	wait_irq_asserted();
	return gic_acknowledge();
}

/* An LPI is pending or not; what runs is only a priority. */
static void no_active_state(void)
{
	irq_mask();
	its_raise(DEVICE, 10);
	is(acknowledge_next(), LPI + 10, "acknowledged: the LPI");
	its_raise(DEVICE, 10);
	its_raise(DEVICE, 10);
	wait_ms(SETTLE_MS);
	ok(!irq_asserted(), "raised twice while it runs: not signalled");
	gic_end(LPI + 10);
	is(acknowledge_next(), LPI + 10, "raised twice while it runs: again after its end");
	gic_end(LPI + 10);
	irq_unmask();
	nothing_comes("raised twice while it runs");

	irq_mask();
	gic_split_end(true);
	its_raise(DEVICE, 10);
	is(acknowledge_next(), LPI + 10, "EOImode 1: acknowledged");
	gic_end(LPI + 10);
	is(gic_running_priority(), PRIORITY_IDLE, "EOImode 1: its priority is dropped");
	its_raise(DEVICE, 10);
	is(acknowledge_next(), LPI + 10, "EOImode 1: again, with no deactivation");
	gic_end(LPI + 10);
	gic_split_end(false);
	irq_unmask();
	nothing_comes("EOImode 1");
}

static void end_it(unsigned lpi, const char *what)
{
	gic_end(lpi);
	is(gic_running_priority(), PRIORITY_IDLE, "%s: its end", what);
	irq_unmask();
}

/* The mapping, the configuration and the pending state may change between acknowledge and end. */
static void changed_while_it_runs(void)
{
	irq_mask();
	its_raise(DEVICE, 11);
	is(acknowledge_next(), LPI + 11, "to be discarded: it runs");
	its_do(its_discard(DEVICE, 11));
	end_it(LPI + 11, "discarded while it runs");
	nothing_comes("discarded while it runs");
	its_map_event(DEVICE, 11, LPI + 11, 0);
	nothing_comes("mapped again");

	irq_mask();
	its_raise(DEVICE, 11);
	is(acknowledge_next(), LPI + 11, "to be discarded and mapped: it runs");
	its_do(its_discard(DEVICE, 11));
	its_map_event(DEVICE, 11, LPI + 11, 0);
	its_raise(DEVICE, 11);
	end_it(LPI + 11, "discarded, mapped and raised while it runs");
	ok(lpi_taken(0, LPI + 11, 1), "discarded, mapped and raised while it runs: arrives, once");
	counts_clear();

	irq_mask();
	its_raise(DEVICE, 11);
	is(acknowledge_next(), LPI + 11, "to be disabled: it runs");
	its_raise(DEVICE, 11);
	configure(11, PRIORITY_DEFAULT, false);
	end_it(LPI + 11, "raised and disabled while it runs");
	nothing_comes("raised and disabled while it runs");
	configure(11, PRIORITY_DEFAULT, true);
	ok(lpi_taken(0, LPI + 11, 1), "raised, disabled and enabled: arrives, once");
	counts_clear();

	irq_mask();
	its_raise(DEVICE, 11);
	is(acknowledge_next(), LPI + 11, "to be cleared: it runs");
	its_raise(DEVICE, 11);
	its_do(its_clear(DEVICE, 11));
	end_it(LPI + 11, "raised and cleared while it runs");
	nothing_comes("raised and cleared while it runs");
	int_arrives(DEVICE, 11, 0, LPI + 11, "after all of these");
}

/* --- Between CPUs. ----------------------------------------------------------------------------- */

#define ROUNDS 25

static void raise_in_turn(void *argument)
{
	unsigned target = *(unsigned *)argument;

	for (unsigned round = 1; round <= ROUNDS; round++) {
		its_raise(DEVICE, target);
		wait_at_least(lpi_count(target, LPI + target), round);
	}
}

static void each_to_each(void)
{
	unsigned good = 0;

	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		its_do(its_movi(DEVICE, cpu, cpu));
	for (unsigned sender = 0; sender < cpu_count; sender++) {
		for (unsigned target = 0; target < cpu_count; target++) {
			cpu_run(sender, raise_in_turn, &target);
			good += lpi_taken(target, LPI + target, ROUNDS);
			counts_clear();
		}
	}
	is(good, cpu_count * cpu_count, "from each CPU to each, over and over: each arrives");
}

static void sleep_for_all(void *argument)
{
	struct cpu *me = this_cpu();

	for (unsigned round = 1; round <= ROUNDS; round++)
		sleep_at_least(lpi_count(me->index, LPI + me->index), round);
	atomic_store((atomic_uint *)argument, 1);
}

static void to_sleepers(void)
{
	for (unsigned cpu = 1; cpu < cpu_count; cpu++) {
		atomic_uint over = 0;
		unsigned good = 0;

		cpu_start(cpu, sleep_for_all, &over);
		for (unsigned round = 1; round <= ROUNDS; round++) {
			its_raise(DEVICE, cpu);
			good += wait_at_least(lpi_count(cpu, LPI + cpu), round);
		}
		cpu_finish(cpu);
		is(good, ROUNDS, "to CPU %u in WFI: each arrives", cpu);
		is(atomic_load(&over), 1, "to CPU %u in WFI: it wakes each time", cpu);
		counts_clear();
	}
}

static void raise_all_rounds(void *unused)
{
	struct cpu *me = this_cpu();
	unsigned next = (me->index + 1) % cpu_count;

	(void)unused;
	for (unsigned round = 1; round <= ROUNDS; round++) {
		its_raise(DEVICE, next);
		wait_at_least(lpi_count(next, LPI + next), round);
	}
}

static void all_at_once(void)
{
	unsigned good = 0;

	cpu_run_all(raise_all_rounds, NULL);
	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		good += lpi_taken(cpu, LPI + cpu, ROUNDS);
	is(good, cpu_count, "from all CPUs to the next one, at once: each arrives");
	is(everything(), cpu_count * ROUNDS, "from all CPUs at once: and no other");
	counts_clear();
}

void guest_main(void)
{
	its_init();
	ok(map_events(DEVICE, EVENT_BITS, LPI, 0), "32 events of a device: mapped");
	order(3);
	order(EVENTS);
	among_others();
	preemption();
	masked_by_priority();
	disabled();
	disabled_while_signalled();
	priority_changed();
	all_invalidated();
	no_active_state();
	changed_while_it_runs();
	each_to_each();
	to_sleepers();
	all_at_once();
}
