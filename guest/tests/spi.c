/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Shared peripheral interrupts (IHI 0069, 4.1 and 12.9; IHI 0048, 3.2 and 4.3): set pending and active by hand,
 * configured edge and level, withdrawn, rerouted, and the UART's own interrupt as a
 * level-sensitive source.
 */
#include "gic.h"
#include "hold.h"
#include "tap.h"
#include "uart.h"

#define SPI         SPI_FREE
#define WITHDRAWALS 200

static void pending_by_hand(bool edge)
{
	const char *how = edge ? "edge" : "level";

	spi_setup(SPI, 0, PRIORITY_DEFAULT, edge);
	gic_set_pending(0, SPI);
	ok(wait_at_least(&cpus[0].seen[SPI], 1), "%s SPI by hand: delivered", how);
	ok(gic_wait_active(0, SPI, false), "%s SPI by hand: inactive after its end", how);
	ok(!gic_is_pending(0, SPI), "%s SPI by hand: not pending after it", how);
	irq_mask();
	gic_set_pending(0, SPI);
	gic_set_pending(0, SPI);
	ok(gic_is_pending(0, SPI), "%s SPI set twice: reads as pending", how);
	irq_unmask();
	wait_at_least(&cpus[0].seen[SPI], 2);
	wait_ms(SETTLE_MS);
	is(count_all(SPI), 2, "%s SPI set twice: delivered once", how);
	counts_clear();
	spi_release(SPI);
}

static void enable_and_disable(bool edge)
{
	const char *how = edge ? "edge" : "level";

	spi_setup(SPI, 0, PRIORITY_DEFAULT, edge);
	gic_disable(0, SPI);
	gic_set_pending(0, SPI);
	ok(gic_is_pending(0, SPI), "%s SPI disabled: pending", how);
	wait_ms(SETTLE_MS);
	is(count_all(SPI), 0, "%s SPI disabled: not delivered", how);
	gic_enable(0, SPI);
	ok(wait_at_least(&cpus[0].seen[SPI], 1), "%s SPI enabled: delivered", how);
	irq_mask();
	gic_set_pending(0, SPI);
	ok(wait_irq_asserted(), "%s SPI enabled: signalled", how);
	gic_disable(0, SPI);
	ok(!irq_asserted(), "%s SPI disabled while signalled: withdrawn", how);
	ok(gic_is_pending(0, SPI), "%s SPI disabled while signalled: still pending", how);
	gic_clear_pending(0, SPI);
	ok(!gic_is_pending(0, SPI), "%s SPI: ICPENDR takes it back", how);
	gic_enable(0, SPI);
	irq_unmask();
	wait_ms(SETTLE_MS);
	is(count_all(SPI), 1, "%s SPI: ICPENDR: not delivered", how);
	counts_clear();
	spi_release(SPI);
}

static void acknowledged_by_hand(bool edge)
{
	const char *how = edge ? "edge" : "level";

	spi_setup(SPI, 0, PRIORITY_DEFAULT, edge);
	irq_mask();
	gic_set_pending(0, SPI);
	wait_irq_asserted();
	ok(!gic_is_active(0, SPI), "%s SPI: inactive before acknowledge", how);
	is(gic_acknowledge(), SPI, "%s SPI: acknowledged", how);
	ok(gic_is_active(0, SPI), "%s SPI: active after acknowledge", how);
	ok(!gic_is_pending(0, SPI), "%s SPI: not pending after acknowledge", how);
	gic_set_pending(0, SPI);
	ok(gic_is_active(0, SPI) && gic_is_pending(0, SPI), "%s SPI: active and pending", how);
	ok(!irq_asserted(), "%s SPI: not signalled while active", how);
	is(gic_acknowledge(), INTID_SPURIOUS, "%s SPI: not acknowledged while active", how);
	gic_end(SPI);
	ok(!gic_is_active(0, SPI), "%s SPI: inactive after the end", how);
	ok(wait_irq_asserted(), "%s SPI: signalled again after the end", how);
	is(gic_acknowledge(), SPI, "%s SPI: acknowledged again", how);
	gic_end(SPI);
	is(gic_acknowledge(), INTID_SPURIOUS, "%s SPI: then nothing more", how);
	irq_unmask();
	is(count_total(0), 0, "%s SPI: nothing delivered when unmasked", how);
	counts_clear();
	spi_release(SPI);
}

static void active_by_hand(void)
{
	spi_setup(SPI, 0, PRIORITY_DEFAULT, true);
	gic_set_active(0, SPI);
	ok(gic_is_active(0, SPI), "ISACTIVER: reads back");
	gic_set_pending(0, SPI);
	wait_ms(SETTLE_MS);
	is(count_all(SPI), 0, "ISACTIVER: blocks delivery");
	ok(gic_is_pending(0, SPI), "ISACTIVER: pending meanwhile");
	gic_clear_active(0, SPI);
	ok(wait_at_least(&cpus[0].seen[SPI], 1), "ICACTIVER: releases it");
	is(count_all(SPI), 1, "ICACTIVER: once");
	ok(gic_wait_active(0, SPI, false), "ICACTIVER: inactive in the end");
	gic_set_active(0, SPI);
	gic_clear_active(0, SPI);
	wait_ms(SETTLE_MS);
	is(count_all(SPI), 1, "active set and cleared: no interrupt comes of it");
	counts_clear();
	spi_release(SPI);
}

/*
 * The end of an interrupt whose active state was cleared meanwhile only drops the priority; what
 * pended meanwhile is then delivered.
 */
static void active_cleared_in_handler(struct cpu *me, unsigned intid)
{
	if (count_of(me->index, intid) == 0) {
		gic_clear_active(0, intid);
		gic_set_pending(0, intid);
	}
}

static void cleared_before_its_end(void)
{
	spi_setup(SPI, 0, PRIORITY_DEFAULT, true);
	on_interrupt = active_cleared_in_handler;
	gic_set_pending(0, SPI);
	ok(wait_at_least(&cpus[0].seen[SPI], 2), "ICACTIVER before the end: next one delivered");
	wait_ms(SETTLE_MS);
	is(count_all(SPI), 2, "ICACTIVER before the end: once");
	is(gic_running_priority(), PRIORITY_IDLE, "ICACTIVER before the end: priority dropped");
	on_interrupt = NULL;
	counts_clear();
	spi_release(SPI);
}

static const char *router(void)
{
	return gic_is_v2() ? "ITARGETSR" : "IROUTER";
}

static void routing(void)
{
	spi_setup(SPI, 0, PRIORITY_DEFAULT, true);
	for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
		gic_route(SPI, cpu);
		gic_set_pending(0, SPI);
		ok(wait_at_least(&cpus[cpu].seen[SPI], 1), "%s: delivered to CPU %u", router(),
		   cpu);
		is(count_all(SPI), cpu + 1, "%s: to CPU %u only", router(), cpu);
	}
	counts_clear();
	gic_route_nowhere(SPI);
	gic_set_pending(0, SPI);
	wait_ms(SETTLE_MS);
	is(count_all(SPI), 0, "%s to no CPU that is there: not delivered", router());
	bool lost = !gic_is_pending(0, SPI);

	ok(!lost || gic_excused(lost, "without a target nothing becomes pending"),
	   "%s to no CPU that is there: pending", router());
	gic_route(SPI, 1);
	if (lost)
		gic_set_pending(0, SPI);
	ok(wait_at_least(&cpus[1].seen[SPI], 1), "%s then to one that is: delivered", router());
	is(count_all(SPI), 1, "%s then to one that is: once", router());
	counts_clear();
	spi_release(SPI);
}

/* The 1-N model: of all its targets one takes the interrupt (IHI 0048, 3.2.3). */
static void several_targets(void)
{
	unsigned all = (1u << cpu_count) - 1, once = 0, each = 0;

	if (!gic_only(2, "SPIs with several targets"))
		return;
	spi_setup(SPI, 0, PRIORITY_DEFAULT, true);
	gic_set_targets(SPI, (uint8_t)all);
	for (unsigned round = 1; round <= 20; round++) {
		gic_set_pending(0, SPI);
		gic_wait_pending(0, SPI, false);
		gic_wait_active(0, SPI, false);
		wait_ms(1);
		once += count_all(SPI) == 1;
		each += count_all(SPI) > 1;
		counts_clear();
	}
	ok(once == 20 || gic_excused(once + each == 20, "each of its targets takes an SPI"),
	   "several targets: one of them takes it, 20 times");
	gic_set_targets(SPI, (uint8_t)(all & ~1u));
	gic_set_pending(0, SPI);
	wait_ms(SETTLE_MS);
	is(count_of(0, SPI), 0, "several targets: who is none gets nothing");
	ok(count_all(SPI) >= 1, "several targets: one of the others does");
	counts_clear();
	spi_release(SPI);
}

static void withdrawn_from_another_cpu(void)
{
	unsigned last = cpu_count - 1;

	spi_setup(SPI, 1, PRIORITY_DEFAULT, true);
	hold_masked(1);
	gic_set_pending(0, SPI);
	wait_ms(SETTLE_MS);
	gic_disable(0, SPI);
	hold_unmask(1);
	is(count_all(SPI), 0, "ICENABLER withdraws from another CPU that has it signalled");
	gic_enable(0, SPI);
	ok(wait_at_least(&cpus[1].seen[SPI], 1), "ISENABLER gives it back");

	hold_masked(1);
	gic_set_pending(0, SPI);
	wait_ms(SETTLE_MS);
	gic_clear_pending(0, SPI);
	ok(!gic_is_pending(0, SPI), "ICPENDR for another CPU: not pending after it");
	wait_ms(SETTLE_MS);
	hold_unmask(1);
	is(count_all(SPI), 1, "ICPENDR withdraws from another CPU that has it signalled");

	hold_masked(1);
	gic_set_pending(0, SPI);
	wait_ms(SETTLE_MS);
	gic_route(SPI, 0);
	ok(gic_quirks.pending_stays || wait_at_least(&cpus[0].seen[SPI], 1),
	   "rerouted while pending: delivered to the new CPU");
	hold_unmask(1);
	is(count_of(1, SPI), 1, "rerouted while pending: not to the old one");

	gic_disable(0, SPI);
	gic_clear_pending(0, SPI);
	counts_clear();
	gic_set_pending(0, SPI);
	gic_route(SPI, last);
	gic_enable(0, SPI);
	wait_ms(SETTLE_MS);
	is(count_of(0, SPI), 0, "rerouted while disabled and pending: not to the old CPU");
	ok(gic_quirks.pending_stays || wait_at_least(&cpus[last].seen[SPI], 1),
	   "but to the new one");
	counts_clear();
	spi_release(SPI);
}

/*
 * When RWP reads 0 after ICENABLER, no CPU acknowledges the interrupt any more: not even one that
 * looks at once. The other CPU spins here, so that it does look at once.
 */
static atomic_uint masked_now, looked, withdrawn;

static bool spin_until(atomic_uint *value, unsigned wanted)
{
	uint64_t limit = counter_after_ms(LIMIT_MS);

	while (atomic_load(value) < wanted) {
		if (counter_passed(limit))
			return false;
	}
	return true;
}

static void look_at_once(void *found)
{
	irq_mask();
	atomic_store(&masked_now, 1);
	for (unsigned round = 1; round <= WITHDRAWALS; round++) {
		if (!wait_irq_asserted())
			break;
		atomic_store(&looked, 2 * round - 1);
		if (!spin_until(&withdrawn, round))
			break;
		unsigned intid = gic_acknowledge();

		if (intid != INTID_SPURIOUS) {
			++*(unsigned *)found;
			gic_end(intid);
		}
		atomic_store(&looked, 2 * round);
	}
	irq_unmask();
}

static void withdrawn_when_rwp_ends(void)
{
	unsigned found = 0, rounds = 0;

	spi_setup(SPI, 1, PRIORITY_DEFAULT, true);
	atomic_store(&looked, 0);
	atomic_store(&withdrawn, 0);
	atomic_store(&masked_now, 0);
	cpu_start(1, look_at_once, &found);
	wait_at_least(&masked_now, 1);
	for (unsigned round = 1; round <= WITHDRAWALS; round++) {
		gic_set_pending(0, SPI);
		gic_enable(0, SPI);
		if (!wait_at_least(&looked, 2 * round - 1))
			break;
		gic_disable(0, SPI);
		atomic_store(&withdrawn, round);
		rounds += wait_at_least(&looked, 2 * round);
	}
	ok(cpu_finish(1), "ICENABLER again and again: the other CPU ends");
	is(rounds, WITHDRAWALS, "ICENABLER again and again: signalled each time");
	is(found, 0, "ICENABLER again and again: never acknowledged after RWP");
	counts_clear();
	spi_release(SPI);
}

static void active_on_another_cpu(void)
{
	spi_setup(SPI, 1, PRIORITY_DEFAULT, true);
	hold_handlers(1);
	gic_set_pending(0, SPI);
	hold_wait_entered(1);
	ok(gic_is_active(0, SPI), "active on another CPU: ISACTIVER reads 1");
	ok(!gic_is_pending(0, SPI), "active on another CPU: ISPENDR reads 0");
	gic_set_pending(0, SPI);
	ok(gic_is_active(0, SPI) && gic_is_pending(0, SPI), "set pending there: both read 1");
	wait_ms(SETTLE_MS);
	is(hold_entered(), 1, "not delivered again while active");
	hold_let_out();
	ok(hold_wait_entered(2), "delivered again after its end");
	hold_let_out();
	ok(gic_wait_active(0, SPI, false), "ISACTIVER reads 0 after the end");

	gic_set_pending(0, SPI);
	hold_wait_entered(3);
	gic_route(SPI, 0);
	gic_set_pending(0, SPI);
	wait_ms(SETTLE_MS);
	unsigned early = count_of(0, SPI);

	ok(early == 0 || gic_excused(early == 1, "it takes the active state for each CPU's own"),
	   "active on one CPU, next for another: waits for the end");
	hold_let_out();
	ok(wait_at_least(&cpus[0].seen[SPI], 1), "active on one CPU, next for another: delivered");
	wait_at_least(&cpus[1].seen[SPI], 3);
	gic_wait_active(0, SPI, false);
	is(count_of(0, SPI), 1, "active on one CPU, next for another: once");
	is(count_of(1, SPI), 3, "active on one CPU, next for another: not to the first");
	hold_no_handlers();
	counts_clear();
	spi_release(SPI);
}

/* Its active state taken away from another CPU's handler, an SPI can go elsewhere at once. */
static void active_taken_from_another_cpu(void)
{
	spi_setup(SPI, 1, PRIORITY_DEFAULT, true);
	hold_handlers(1);
	gic_set_pending(0, SPI);
	hold_wait_entered(1);
	gic_clear_active(0, SPI);
	ok(!gic_is_active(0, SPI), "ICACTIVER for another CPU's handler: ISACTIVER reads 0");
	gic_route(SPI, 0);
	gic_set_pending(0, SPI);
	ok(wait_at_least(&cpus[0].seen[SPI], 1),
	   "rerouted then: delivered while that handler runs");
	ok(gic_wait_active(0, SPI, false), "and ended");
	hold_let_out();
	ok(wait_at_least(&cpus[1].seen[SPI], 1), "that handler ends, too");
	gic_route(SPI, 1);
	gic_set_pending(0, SPI);
	ok(hold_wait_entered(2), "and the CPU takes the next one");
	gic_clear_active(0, SPI);
	gic_set_pending(0, SPI);
	wait_ms(SETTLE_MS);
	is(hold_entered(), 2, "its running priority holds up one more though inactive");
	hold_let_out();
	ok(hold_wait_entered(3), "until its end");
	hold_let_out();
	ok(gic_wait_active(0, SPI, false), "inactive in the end");
	wait_ms(SETTLE_MS);
	is(count_of(1, SPI), 3, "one CPU took it three times");
	is(count_of(0, SPI), 1, "the other once");
	hold_no_handlers();
	counts_clear();
	spi_release(SPI);
}

/* The UART's transmit interrupt: rises when a character has gone, falls by UARTICR. */
static void uart_handler(struct cpu *me, unsigned intid)
{
	(void)me;
	if (intid == UART_INTID)
		write32(UART_BASE + UART_ICR, UART_TX_INTERRUPT);
}

static void uart_quiet(void)
{
	write32(UART_BASE + UART_IMSC, 0);
	write32(UART_BASE + UART_ICR, UART_TX_INTERRUPT);
	dsb();
}

/* Ends the comment line that the tests' characters began; no interrupt comes of it. */
static void uart_end_line(void)
{
	uart_quiet();
	uart_put('\n');
	uart_quiet();
}

static void uart_taken(void)
{
	unsigned wanted;

	on_interrupt = uart_handler;
	for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
		uart_quiet();
		spi_setup(UART_INTID, cpu, PRIORITY_DEFAULT, false);
		write32(UART_BASE + UART_IMSC, UART_TX_INTERRUPT);
		for (wanted = 1; wanted <= 20; wanted++) {
			uart_put('#');
			if (!wait_at_least(&cpus[cpu].seen[UART_INTID], wanted))
				break;
			gic_wait_active(0, UART_INTID, false);
		}
		uart_end_line();
		is(count_of(cpu, UART_INTID), 20, "UART, CPU %u: one interrupt a character", cpu);
		is(count_all(UART_INTID), 20, "UART, CPU %u: none elsewhere", cpu);
		counts_clear();
	}
	on_interrupt = NULL;
	spi_release(UART_INTID);
}

static void uart_level(void)
{
	bool pending, after, again, low;
	unsigned first, second;

	uart_quiet();
	spi_setup(UART_INTID, 0, PRIORITY_DEFAULT, false);
	irq_mask();
	write32(UART_BASE + UART_IMSC, UART_TX_INTERRUPT);
	uart_put('#');
	pending = gic_wait_pending(0, UART_INTID, true) && wait_irq_asserted();
	first = gic_acknowledge();
	gic_end(first);
	again = wait_irq_asserted();
	second = gic_acknowledge();
	write32(UART_BASE + UART_ICR, UART_TX_INTERRUPT);
	low = gic_wait_pending(0, UART_INTID, false);
	gic_end(second);
	after = gic_wait_active(0, UART_INTID, false) && !irq_asserted();
	irq_unmask();
	uart_end_line();
	ok(pending, "UART, polled: pending and signalled");
	is(first, UART_INTID, "UART, polled: acknowledged");
	ok(again, "UART, polled: signalled again after its end, line high");
	is(second, UART_INTID, "UART, polled: acknowledged again");
	ok(low, "UART, polled: not pending when the line fell");
	ok(after, "UART, polled: nothing after the end");
	counts_clear();
	spi_release(UART_INTID);
}

static void uart_masked(void)
{
	bool unseen, pending, gone;

	uart_quiet();
	spi_setup(UART_INTID, 0, PRIORITY_DEFAULT, false);
	gic_disable(0, UART_INTID);
	uart_put('#');
	unseen = !gic_is_pending(0, UART_INTID);
	write32(UART_BASE + UART_IMSC, UART_TX_INTERRUPT);
	pending = gic_wait_pending(0, UART_INTID, true);
	write32(UART_BASE + UART_IMSC, 0);
	gone = gic_wait_pending(0, UART_INTID, false);
	gic_enable(0, UART_INTID);
	wait_ms(SETTLE_MS);
	on_interrupt = uart_handler;
	unsigned before = count_all(UART_INTID);

	write32(UART_BASE + UART_IMSC, UART_TX_INTERRUPT);
	bool taken = wait_at_least(&cpus[0].seen[UART_INTID], 1);

	uart_end_line();
	ok(unseen, "UART, masked at the device: not pending");
	ok(pending, "UART, disabled at the GIC: pending when unmasked at the device");
	ok(gone, "UART, disabled at the GIC: not pending when masked again");
	is(before, 0, "UART, enabled at the GIC after that: not delivered");
	ok(taken, "UART, unmasked at the device: delivered");
	is(count_all(UART_INTID), 1, "UART, unmasked at the device: once");
	on_interrupt = NULL;
	counts_clear();
	spi_release(UART_INTID);
}

/* One result, so that a machine that has them and one that has not print as many. */
static void messages(void)
{
	const char *what = "message-based SPIs";
	bool edge, cleared, level, lowered;

	if (!gic_only(3, what))
		return;
	if (!(read32(GICD_BASE + GICD_TYPER) & GICD_TYPER_MBIS)) {
		skip(what, "GICD_TYPER: there are none");
		return;
	}
	spi_setup(SPI, 1, PRIORITY_DEFAULT, true);
	write32(GICD_BASE + GICD_SETSPI, SPI);
	edge = wait_at_least(&cpus[1].seen[SPI], 1) && gic_wait_active(0, SPI, false);
	gic_disable(0, SPI);
	write32(GICD_BASE + GICD_SETSPI, SPI);
	edge &= gic_wait_pending(0, SPI, true);
	write32(GICD_BASE + GICD_CLRSPI, SPI);
	cleared = gic_wait_pending(0, SPI, false);
	spi_setup(SPI, 0, PRIORITY_DEFAULT, false);
	irq_mask();
	write32(GICD_BASE + GICD_SETSPI, SPI);
	level = wait_irq_asserted() && gic_acknowledge() == SPI;
	write32(GICD_BASE + GICD_CLRSPI, SPI);
	lowered = gic_wait_pending(0, SPI, false);
	gic_end(SPI);
	wait_ms(SETTLE_MS);
	lowered &= !irq_asserted();
	/* Of what is no SPI, or not there, nothing comes. */
	write32(GICD_BASE + GICD_SETSPI, 3);
	write32(GICD_BASE + GICD_SETSPI, 1023);
	write32(GICD_BASE + GICD_CLRSPI, 1021);
	wait_ms(SETTLE_MS);
	lowered &= !irq_asserted();
	irq_unmask();
	ok(edge && cleared && level && lowered && count_all(SPI) == 1, "%s", what);
	if (!edge || !cleared || !level || !lowered)
		print("# edge %d cleared %d level %d lowered %d\n", edge, cleared, level, lowered);
	counts_clear();
	spi_release(SPI);
}

void guest_main(void)
{
	if (gic_lines() < SPI_FREE_END)
		bail_out("needs 256 interrupt lines");
	for (unsigned edge = 0; edge < 2; edge++) {
		pending_by_hand(edge);
		enable_and_disable(edge);
		acknowledged_by_hand(edge);
	}
	active_by_hand();
	cleared_before_its_end();
	routing();
	several_targets();
	withdrawn_from_another_cpu();
	withdrawn_when_rwp_ends();
	active_on_another_cpu();
	active_taken_from_another_cpu();
	messages();
	uart_taken();
	uart_level();
	uart_masked();
}
