/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Software-generated interrupts (IHI 0069, 4.3 and ICC_SGI1R_EL1): targets, all IDs, masking at
 * every level, and none lost between running and sleeping CPUs.
 */
#include "gic.h"
#include "tap.h"

#define SGIS     16
#define ROUNDS   300
#define PASSES   200
#define PING     3
#define FINISHED 15

static void to_self(void)
{
	unsigned good = 0;

	for (unsigned id = 0; id < SGIS; id++) {
		sgi_send(0, id);
		good += wait_at_least(&cpus[0].seen[id], 1) && count_of(0, id) == 1;
	}
	is(good, SGIS, "sgi to self: every ID arrives once");
	is(count_total(0), SGIS, "sgi to self: nothing else arrives");
	counts_clear();
}

/* The sender is whatever CPU runs it. */
static void send_to_each(void *argument)
{
	unsigned id = *(unsigned *)argument;

	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		sgi_send(cpu, id);
}

static void each_to_each(void)
{
	for (unsigned sender = 0; sender < cpu_count; sender++) {
		unsigned id = 3 + sender, good = 0;

		cpu_run(sender, send_to_each, &id);
		for (unsigned cpu = 0; cpu < cpu_count; cpu++)
			good += wait_at_least(&cpus[cpu].seen[id], 1) && count_of(cpu, id) == 1;
		is(good, cpu_count, "affinity list: CPU %u to each CPU, one each", sender);
	}
	counts_clear();
}

static void list_of_several(void)
{
	unsigned all = (1u << cpu_count) - 1, others = all & ~1u, good = 0;

	sgi_send_mask(others, 9);
	for (unsigned cpu = 1; cpu < cpu_count; cpu++)
		good += wait_at_least(&cpus[cpu].seen[9], 1);
	is(good, cpu_count - 1, "affinity list: one write reaches several CPUs");
	is(count_of(0, 9), 0, "affinity list: who is not in it gets nothing");
	sgi_send_mask(all, 10);
	good = 0;
	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		good += wait_at_least(&cpus[cpu].seen[10], 1);
	is(good, cpu_count, "affinity list: with the sender in it");
	sgi_send_mask(1u << (cpu_count - 1), 11);
	ok(wait_at_least(&cpus[cpu_count - 1].seen[11], 1), "affinity list: the last CPU alone");
	wait_ms(SETTLE_MS);
	is(count_all(11), 1, "affinity list: the last CPU alone, and no other");
	counts_clear();
}

static void send_others(void *argument)
{
	sgi_send_others(*(unsigned *)argument);
}

static void broadcast(void)
{
	for (unsigned sender = 0; sender < cpu_count; sender++) {
		unsigned id = 12, good = 0;

		cpu_run(sender, send_others, &id);
		for (unsigned cpu = 0; cpu < cpu_count; cpu++)
			good += cpu == sender || wait_at_least(&cpus[cpu].seen[id], 1);
		is(good, cpu_count, "broadcast from CPU %u reaches all others", sender);
		wait_ms(SETTLE_MS);
		is(count_of(sender, id), 0, "broadcast from CPU %u does not reach itself", sender);
		is(count_all(id), cpu_count - 1, "broadcast from CPU %u reaches each once", sender);
		counts_clear();
	}
}

static unsigned everything(void)
{
	unsigned sum = 0;

	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		sum += count_total(cpu) + atomic_load(&cpus[cpu].spurious);
	return sum;
}

/* Affinities that no CPU of a board with at most eight has. */
static void absent_targets(void)
{
	static const struct {
		const char *what;
		uint64_t affinity;
	} absent[] = {
		{ "Aff0 15", 15 },
		{ "Aff1 255", 0xff00 },
		{ "Aff2 255", 0xff0000 },
		{ "Aff3 255", 0xff00000000ull },
		{ "all fields", 0xff00ffff0full },
	};

	for (unsigned i = 0; i < sizeof(absent) / sizeof(absent[0]); i++) {
		sgi_write(sgi_value(absent[i].affinity, 5));
		wait_ms(SETTLE_MS / 4);
		is(everything(), 0, "absent CPU: %s: nothing happens", absent[i].what);
	}
	sgi_write(5ull << 24);
	wait_ms(SETTLE_MS / 4);
	is(everything(), 0, "empty target list: nothing happens");
	sgi_write(sgi_value(cpus[0].affinity, 5) | 0xfff0);
	ok(wait_at_least(&cpus[0].seen[5], 1), "absent CPUs beside a present one: it gets its own");
	sgi_write(SGI_TO_ALL_OTHERS | 0xffff | 6ull << 24 | 0xffull << 16);
	for (unsigned cpu = 1; cpu < cpu_count; cpu++)
		wait_at_least(&cpus[cpu].seen[6], 1);
	wait_ms(SETTLE_MS);
	is(count_all(6), cpu_count - 1, "broadcast ignores affinity fields and list");
	counts_clear();
}

static void all_pending_at_once(void)
{
	unsigned once = 0;

	irq_mask();
	for (unsigned id = 0; id < SGIS; id++)
		sgi_send(0, id);
	ok(wait_irq_asserted(), "masked by PSTATE.I: ISR_EL1 shows an interrupt");
	is(read32(cpus[0].gicr + GICR_SGI_BASE + GIC_ISPENDR) & 0xffff, 0xffff,
	   "masked by PSTATE.I: all 16 read as pending");
	is(count_total(0), 0, "masked by PSTATE.I: none delivered");
	irq_unmask();
	for (unsigned id = 0; id < SGIS; id++)
		once += wait_at_least(&cpus[0].seen[id], 1) && count_of(0, id) == 1;
	is(once, SGIS, "unmasked: all 16 delivered, each once");
	is(read32(cpus[0].gicr + GICR_SGI_BASE + GIC_ISPENDR) & 0xffff, 0,
	   "unmasked: none pending any more");
	counts_clear();
}

/* An SGI has one pending state per target: what is sent again while it pends is one interrupt. */
static void sent_twice(void)
{
	irq_mask();
	sgi_send(0, 4);
	sgi_send(0, 4);
	irq_unmask();
	wait_at_least(&cpus[0].seen[4], 1);
	wait_ms(SETTLE_MS);
	is(count_of(0, 4), 1, "sent twice while pending: delivered once");
	counts_clear();
}

static void masked_by_priority(void)
{
	gic_set_priority(0, 7, 0x80);
	gic_set_mask(0x80);
	sgi_send(0, 7);
	ok(gic_wait_pending(0, 7, true), "PMR equal to its priority: pending");
	wait_ms(SETTLE_MS);
	is(count_of(0, 7), 0, "PMR equal to its priority: not delivered");
	ok(!irq_asserted(), "PMR equal to its priority: ISR_EL1 shows nothing");
	gic_set_mask(0x90);
	ok(wait_at_least(&cpus[0].seen[7], 1), "PMR above it: delivered");
	gic_set_mask(PRIORITY_OPEN);
	gic_set_priority(0, 7, PRIORITY_DEFAULT);
	is(count_of(0, 7), 1, "PMR above it: delivered once");
	counts_clear();
}

static void disabled(void)
{
	for (unsigned cpu = 0; cpu < 2; cpu++) {
		const char *whose = cpu ? "another CPU's" : "own";

		gic_disable(cpu, 8);
		ok(!gic_is_enabled(cpu, 8), "%s SGI disabled: ISENABLER reads 0", whose);
		sgi_send(cpu, 8);
		ok(gic_wait_pending(cpu, 8, true), "%s SGI disabled: pending", whose);
		wait_ms(SETTLE_MS);
		is(count_all(8), 0, "%s SGI disabled: not delivered", whose);
		gic_enable(cpu, 8);
		ok(wait_at_least(&cpus[cpu].seen[8], 1), "%s SGI enabled again: delivered", whose);
		is(count_all(8), 1, "%s SGI enabled again: once", whose);
		counts_clear();
	}
}

static void by_hand(void)
{
	for (unsigned cpu = 0; cpu < 2; cpu++) {
		const char *whose = cpu ? "another CPU's" : "own";

		gic_set_pending(cpu, 2);
		ok(wait_at_least(&cpus[cpu].seen[2], 1), "%s ISPENDR0: delivered", whose);
		is(count_all(2), 1, "%s ISPENDR0: once", whose);
		gic_disable(cpu, 2);
		sgi_send(cpu, 2);
		ok(gic_wait_pending(cpu, 2, true), "%s ICPENDR0: pending before", whose);
		gic_clear_pending(cpu, 2);
		ok(!gic_is_pending(cpu, 2), "%s ICPENDR0: not pending after", whose);
		gic_enable(cpu, 2);
		wait_ms(SETTLE_MS);
		is(count_all(2), 1, "%s ICPENDR0: taken back, not delivered", whose);
		counts_clear();
	}
}

/* A group 0 request does not reach an interrupt that its target has in group 1. */
static void group0_request(void)
{
	write_sysreg(icc_sgi0r_el1, sgi_value(cpus[0].affinity, 1));
	isb();
	wait_ms(SETTLE_MS);
	is(everything(), 0, "ICC_SGI0R to an interrupt of group 1: nothing happens");
	gic_set_group(0, 1, 0);
	write_sysreg(icc_sgi0r_el1, sgi_value(cpus[0].affinity, 1));
	isb();
	ok(wait_at_least(&cpus[0].seen[1], 1), "ICC_SGI0R to an interrupt of group 0: an FIQ");
	gic_set_group(0, 1, 1);
	counts_clear();
}

/*
 * Ping-pong: who gets it in the interrupt handler sends it on to the next CPU. The last one wakes
 * all that sleep.
 */
static unsigned ring;
static atomic_uint passes;

static void pass_on(struct cpu *me, unsigned intid)
{
	if (intid != PING)
		return;
	if (atomic_fetch_add(&passes, 1) + 1 < PASSES)
		sgi_send((me->index + 1) % ring, PING);
	else
		sgi_send_others(FINISHED);
}

static void sleep_for_passes(void *unused)
{
	(void)unused;
	sleep_at_least(&passes, PASSES);
}

static void run_for_passes(void *unused)
{
	(void)unused;
	wait_at_least(&passes, PASSES);
}

static void ping_pong(unsigned cpus_in_ring, bool asleep)
{
	const char *how = asleep ? "asleep in WFI" : "running";

	ring = cpus_in_ring;
	atomic_store(&passes, 0);
	on_interrupt = pass_on;
	for (unsigned i = 1; i < ring; i++)
		cpu_start(i, asleep ? sleep_for_passes : run_for_passes, NULL);
	sgi_send(0, PING);
	if (asleep)
		sleep_for_passes(NULL);
	ok(wait_at_least(&passes, PASSES), "ping-pong of %u CPUs %s: none lost", ring, how);
	for (unsigned i = 1; i < cpu_count; i++)
		cpu_finish(i);
	wait_ms(SETTLE_MS);
	is(count_all(PING), PASSES, "ping-pong of %u CPUs %s: none twice", ring, how);
	on_interrupt = NULL;
	counts_clear();
}

/*
 * All CPUs at once: each sends its own ID to all others and goes on when all have counted it, so
 * that no two of one ID can merge.
 */
static atomic_uint failures;

static void send_and_collect(void *unused)
{
	struct cpu *me = this_cpu();
	unsigned id = me->index;

	(void)unused;
	for (unsigned round = 1; round <= ROUNDS; round++) {
		sgi_send_others(id);
		for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
			if (cpu != me->index && !wait_at_least(&cpus[cpu].seen[id], round)) {
				atomic_fetch_add(&failures, 1);
				return;
			}
		}
	}
}

static void all_at_once(void)
{
	unsigned right = 0;

	cpu_run_all(send_and_collect, NULL);
	is(atomic_load(&failures), 0, "all CPUs at once: none lost");
	for (unsigned sender = 0; sender < cpu_count; sender++)
		right += count_all(sender) == ROUNDS * (cpu_count - 1);
	is(right, cpu_count, "all CPUs at once: none twice");
	counts_clear();
}

/* Nobody waits: sends merge, but the last one of each sender must arrive after it was sent. */
static atomic_uint sent[MAX_CPUS], handled_after[MAX_CPUS][MAX_CPUS];

static void remember_progress(struct cpu *me, unsigned intid)
{
	atomic_store(&handled_after[intid][me->index], atomic_load(&sent[intid]));
}

static void send_without_waiting(void *unused)
{
	unsigned id = this_cpu()->index;

	(void)unused;
	for (unsigned round = 1; round <= ROUNDS; round++) {
		atomic_store(&sent[id], round);
		sgi_send_mask((1u << cpu_count) - 1, id);
	}
}

static void flood(void)
{
	unsigned right = 0;

	on_interrupt = remember_progress;
	cpu_run_all(send_without_waiting, NULL);
	for (unsigned id = 0; id < cpu_count; id++) {
		for (unsigned cpu = 0; cpu < cpu_count; cpu++)
			right += wait_at_least(&handled_after[id][cpu], ROUNDS);
	}
	is(right, cpu_count * cpu_count, "flood: after the last send each target takes one more");
	on_interrupt = NULL;
	counts_clear();
}

void guest_main(void)
{
	to_self();
	each_to_each();
	list_of_several();
	broadcast();
	absent_targets();
	all_pending_at_once();
	sent_twice();
	masked_by_priority();
	disabled();
	by_hand();
	group0_request();
	ping_pong(2, false);
	ping_pong(cpu_count, false);
	ping_pong(2, true);
	ping_pong(cpu_count, true);
	all_at_once();
	flood();
}
