/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Everything that software can change about an interrupt, changed while the interrupt is pending and
 * signalled to a CPU, or active in it: this CPU or another (IHI 0069, 4.1, 4.2, 12.9 and 12.11; IHI
 * 0048, 3.2 and 4.3). A change takes effect on another CPU in finite time, so there is a wait
 * wherever no register says that it has.
 */
#include "gic.h"
#include "hold.h"
#include "tap.h"

#define SPI    SPI_FREE
#define SGI    8
#define ROUNDS 200

#define QEMU_ACTIVE "it takes the active state for each CPU's own"

static const char *place(unsigned where)
{
	return where ? "another CPU" : "this CPU";
}

static void setup(unsigned where)
{
	spi_setup(SPI, where, PRIORITY_DEFAULT, true);
	counts_clear();
}

static void release(void)
{
	spi_release(SPI);
	counts_clear();
}

/* --- Pending, and signalled to a CPU that has interrupts masked. ----------------------------- */

static void park(unsigned where)
{
	if (where)
		hold_masked(where);
	else
		irq_mask();
}

static void unpark(unsigned where)
{
	if (where) {
		hold_unmask(where);
	} else {
		irq_unmask();
		wait_ms(SETTLE_MS);
	}
}

static void pend_and_settle(unsigned where, unsigned intid)
{
	gic_set_pending(where, intid);
	wait_ms(SETTLE_MS / 2);
}

static void pending_rerouted(unsigned where)
{
	setup(where);
	park(where);
	pend_and_settle(where, SPI);
	gic_route(SPI, !where);
	if (gic_quirks.pending_stays) {
		gic_clear_pending(0, SPI);
		gic_set_pending(0, SPI);
	}
	ok(wait_at_least(&cpus[!where].seen[SPI], 1), "pending for %s, rerouted: delivered there",
	   place(where));
	unpark(where);
	is(count_all(SPI), 1, "pending for %s, rerouted: once", place(where));
	release();
}

static void pending_disabled(unsigned where, unsigned intid, const char *what)
{
	park(where);
	pend_and_settle(where, intid);
	gic_disable(where, intid);
	unpark(where);
	is(count_all(intid), 0, "%s pending for %s, disabled: not delivered", what, place(where));
	park(where);
	gic_enable(where, intid);
	gic_disable(where, intid);
	gic_enable(where, intid);
	gic_disable(where, intid);
	unpark(where);
	is(count_all(intid), 0, "%s pending for %s, on, off, on, off: not delivered", what,
	   place(where));
	gic_enable(where, intid);
	ok(wait_at_least(&cpus[where].seen[intid], 1),
	   "%s pending for %s, enabled again: delivered", what, place(where));
	is(count_all(intid), 1, "%s pending for %s, enabled again: once", what, place(where));
	counts_clear();
}

static void pending_cleared(unsigned where, unsigned intid, const char *what)
{
	park(where);
	pend_and_settle(where, intid);
	gic_clear_pending(where, intid);
	ok(!gic_is_pending(where, intid), "%s pending for %s, cleared: ISPENDR reads 0", what,
	   place(where));
	unpark(where);
	is(count_all(intid), 0, "%s pending for %s, cleared: not delivered", what, place(where));
	park(where);
	pend_and_settle(where, intid);
	gic_clear_pending(where, intid);
	gic_set_pending(where, intid);
	gic_clear_pending(where, intid);
	gic_set_pending(where, intid);
	unpark(where);
	is(count_all(intid), 1, "%s pending for %s, cleared and set: once", what, place(where));
	counts_clear();
}

static void pending_made_active(unsigned where, unsigned intid, const char *what)
{
	park(where);
	pend_and_settle(where, intid);
	gic_set_active(where, intid);
	wait_ms(SETTLE_MS);
	unpark(where);
	is(count_all(intid), 0, "%s pending for %s, made active: not delivered", what,
	   place(where));
	ok(gic_is_pending(where, intid) && gic_is_active(where, intid),
	   "%s pending for %s, made active: both", what, place(where));
	gic_clear_active(where, intid);
	ok(wait_at_least(&cpus[where].seen[intid], 1),
	   "%s pending for %s, active state cleared: delivered", what, place(where));
	ok(gic_wait_active(where, intid, false), "%s pending for %s: and ended", what,
	   place(where));
	is(count_all(intid), 1, "%s pending for %s, active state cleared: once", what,
	   place(where));
	counts_clear();
}

static void pending_reprioritized(unsigned where)
{
	setup(where);
	spi_setup(SPI + 1, where, 0x90, true);
	park(where);
	pend_and_settle(where, SPI);
	pend_and_settle(where, SPI + 1);
	gic_set_priority(0, SPI, 0x40);
	wait_ms(SETTLE_MS);
	unpark(where);
	is(cpus[where].log[0], SPI, "pending for %s, priority raised: comes first", place(where));
	is(cpus[where].log[1], SPI + 1, "pending for %s, priority raised: the other second",
	   place(where));
	counts_clear();
	park(where);
	pend_and_settle(where, SPI);
	pend_and_settle(where, SPI + 1);
	gic_set_priority(0, SPI, 0xc0);
	wait_ms(SETTLE_MS);
	unpark(where);
	is(cpus[where].log[0], SPI + 1, "pending for %s, priority lowered: the other first",
	   place(where));
	is(count_total(where), 2, "pending for %s, priority lowered: each once", place(where));
	spi_release(SPI + 1);
	release();
}

static void pending_regrouped(unsigned where)
{
	setup(where);
	park(where);
	pend_and_settle(where, SPI);
	gic_set_group(0, SPI, 0);
	wait_ms(SETTLE_MS);
	unpark(where);
	is(count_all(SPI), 1, "pending for %s, moved to group 0: delivered once", place(where));
	is(atomic_load(&cpus[where].fiqs), 1, "pending for %s, moved to group 0: as an FIQ",
	   place(where));
	park(where);
	pend_and_settle(where, SPI);
	gic_set_group(0, SPI, 1);
	wait_ms(SETTLE_MS);
	unpark(where);
	is(count_all(SPI), 2, "pending for %s, moved to group 1: delivered once", place(where));
	is(atomic_load(&cpus[where].fiqs), 1, "pending for %s, moved to group 1: as an IRQ",
	   place(where));
	release();
}

static void pending_group_disabled(unsigned where)
{
	setup(where);
	park(where);
	pend_and_settle(where, SPI);
	gic_enable_groups(true, false);
	wait_ms(SETTLE_MS);
	unpark(where);
	is(count_all(SPI), 0, "pending for %s, its group disabled: not delivered", place(where));
	ok(gic_is_pending(0, SPI), "pending for %s, its group disabled: still pending",
	   place(where));
	gic_enable_groups(true, true);
	ok(wait_at_least(&cpus[where].seen[SPI], 1), "pending for %s, its group enabled: delivered",
	   place(where));
	is(count_all(SPI), 1, "pending for %s, its group enabled: once", place(where));
	release();
}

/* The configuration may change while the interrupt is disabled only. */
static void pending_reconfigured(unsigned where)
{
	setup(where);
	park(where);
	pend_and_settle(where, SPI);
	gic_disable(0, SPI);
	gic_set_edge(0, SPI, false);
	gic_clear_pending(0, SPI);
	gic_set_pending(0, SPI);
	gic_enable(0, SPI);
	unpark(where);
	is(count_all(SPI), 1, "pending for %s, made level-sensitive: once", place(where));
	ok(gic_wait_active(0, SPI, false) && !gic_is_pending(0, SPI),
	   "pending for %s, made level-sensitive: then idle", place(where));
	release();
}

static void pending_in(unsigned where)
{
	pending_rerouted(where);
	setup(where);
	pending_disabled(where, SPI, "SPI");
	pending_cleared(where, SPI, "SPI");
	pending_made_active(where, SPI, "SPI");
	release();
	pending_reprioritized(where);
	pending_regrouped(where);
	pending_group_disabled(where);
	pending_reconfigured(where);
}

/* Of its own private interrupts a CPU of a GICv2 has the SGIs at hand; others' it cannot reach. */
static void private_pending(unsigned where)
{
	if (where && !gic_only(3, "another CPU's private interrupts changed while pending"))
		return;
	pending_cleared(where, SGI, "SGI");
	pending_made_active(where, SGI, "SGI");
	if (!gic_only(3, "private interrupts disabled while pending"))
		return;
	pending_disabled(where, SGI, "SGI");
	gic_enable(where, PPI_FREE);
	pending_disabled(where, PPI_FREE, "PPI");
	pending_cleared(where, PPI_FREE, "PPI");
	pending_made_active(where, PPI_FREE, "PPI");
	gic_disable(where, PPI_FREE);
}

/* --- Active in a CPU. ------------------------------------------------------------------------- */

/* What a CPU is made to do. It goes on with its interrupts open, at the priority that runs. */
struct step {
	unsigned intid, found, running;
};

static void take(void *argument)
{
	struct step *step = argument;

	irq_mask();
	gic_set_pending(this_cpu()->index, step->intid);
	wait_irq_asserted();
	step->found = gic_acknowledge();
	step->running = gic_running_priority();
}

static void end(void *argument)
{
	struct step *step = argument;

	gic_end(step->intid);
	step->running = gic_running_priority();
}

static void look(void *argument)
{
	((struct step *)argument)->running = gic_running_priority();
}

static void taken_by(unsigned where, unsigned intid, const char *what)
{
	struct step step = { intid, 0, 0 };

	cpu_run(where, take, &step);
	is(step.found, intid, "active in %s, %s: acknowledged", place(where), what);
}

/* Its end there, and whether the running priority is right after it. */
static void ended_by(unsigned where, unsigned intid, const char *what)
{
	struct step step = { intid, 0, 0 };

	cpu_run(where, end, &step);
	is(step.running, PRIORITY_IDLE, "active in %s, %s: the end drops the priority",
	   place(where), what);
}

static void idle(unsigned where, unsigned intid, const char *what)
{
	wait_ms(SETTLE_MS / 2);
	ok(!gic_is_active(where, intid) && !gic_is_pending(where, intid),
	   "active in %s, %s: idle in the end", place(where), what);
}

/* One more, by the handler: what was left behind would hold it up, or make two of it. */
static void works_on(unsigned where, unsigned intid, const char *what)
{
	counts_clear();
	gic_set_pending(where, intid);
	ok(wait_at_least(&cpus[where].seen[intid], 1), "active in %s, %s: the next one comes",
	   place(where), what);
	gic_wait_active(where, intid, false);
	wait_ms(SETTLE_MS / 4);
	is(count_all(intid), 1, "active in %s, %s: once", place(where), what);
	counts_clear();
}

static void active_rerouted(unsigned where)
{
	const char *what = "rerouted";

	setup(where);
	taken_by(where, SPI, what);
	gic_route(SPI, !where);
	gic_set_pending(0, SPI);
	wait_ms(SETTLE_MS);
	unsigned early = count_all(SPI);

	ok(early == 0 || gic_excused(early == 1, QEMU_ACTIVE),
	   "active in %s, rerouted: the next one waits", place(where));
	ended_by(where, SPI, what);
	ok(wait_at_least(&cpus[!where].seen[SPI], 1), "active in %s, rerouted: then it goes there",
	   place(where));
	is(count_all(SPI), 1, "active in %s, rerouted: once", place(where));
	idle(where, SPI, what);
	gic_route(SPI, where);
	works_on(where, SPI, what);
	release();
}

static void active_disabled(unsigned where, unsigned intid)
{
	const char *what = "disabled";

	taken_by(where, intid, what);
	gic_disable(where, intid);
	ok(gic_is_active(where, intid), "active in %s, disabled: still active", place(where));
	gic_set_pending(where, intid);
	ended_by(where, intid, what);
	ok(!gic_is_active(where, intid), "active in %s, disabled: its end makes it inactive",
	   place(where));
	wait_ms(SETTLE_MS);
	is(count_all(intid), 0, "active in %s, disabled: the next one is not delivered",
	   place(where));
	gic_enable(where, intid);
	ok(wait_at_least(&cpus[where].seen[intid], 1), "active in %s, enabled again: delivered",
	   place(where));
	is(count_all(intid), 1, "active in %s, enabled again: once", place(where));
	gic_wait_active(where, intid, false);
	idle(where, intid, what);
	counts_clear();
}

static void active_reprioritized(unsigned where)
{
	struct step step = { SPI, 0, 0 };
	const char *what = "priority changed";

	setup(where);
	taken_by(where, SPI, what);
	gic_set_priority(0, SPI, 0x40);
	gic_set_pending(0, SPI);
	wait_ms(SETTLE_MS);
	is(count_all(SPI), 0, "active in %s, priority raised: does not preempt itself",
	   place(where));
	gic_clear_pending(0, SPI);
	cpu_run(where, look, &step);
	is(step.running, PRIORITY_DEFAULT, "active in %s, priority changed: the old one runs",
	   place(where));
	ended_by(where, SPI, what);
	cpu_run(where, take, &step);
	is(step.running, 0x40, "active in %s, priority changed: the next runs at the new",
	   place(where));
	gic_set_priority(0, SPI, 0xd0);
	ended_by(where, SPI, what);
	idle(where, SPI, what);
	works_on(where, SPI, what);
	release();
}

static void active_regrouped(unsigned where)
{
	const char *what = "moved to group 0";

	setup(where);
	taken_by(where, SPI, what);
	gic_set_group(0, SPI, 0);
	gic_set_pending(0, SPI);
	ended_by(where, SPI, what);
	ok(wait_at_least(&cpus[where].seen[SPI], 1), "active in %s, %s: the next one comes",
	   place(where), what);
	is(atomic_load(&cpus[where].fiqs), 1, "active in %s, %s: as an FIQ", place(where), what);
	gic_wait_active(0, SPI, false);
	idle(where, SPI, what);
	gic_set_group(0, SPI, 1);
	works_on(where, SPI, what);
	release();
}

static void active_and_pending(unsigned where, unsigned intid)
{
	const char *what = "pending again";

	taken_by(where, intid, what);
	gic_set_pending(where, intid);
	gic_clear_pending(where, intid);
	ok(!gic_is_pending(where, intid) && gic_is_active(where, intid),
	   "active in %s, %s and not: active only", place(where), what);
	ended_by(where, intid, what);
	wait_ms(SETTLE_MS);
	is(count_all(intid), 0, "active in %s, %s and not: nothing more", place(where), what);
	taken_by(where, intid, what);
	gic_set_pending(where, intid);
	ok(gic_is_pending(where, intid) && gic_is_active(where, intid),
	   "active in %s, %s: active and pending", place(where), what);
	wait_ms(SETTLE_MS);
	is(count_all(intid), 0, "active in %s, %s: not before the end", place(where), what);
	ended_by(where, intid, what);
	ok(wait_at_least(&cpus[where].seen[intid], 1), "active in %s, %s: comes after the end",
	   place(where), what);
	gic_wait_active(where, intid, false);
	idle(where, intid, what);
	is(count_all(intid), 1, "active in %s, %s: once", place(where), what);
	counts_clear();
}

static void active_cleared(unsigned where, unsigned intid)
{
	const char *what = "active state cleared";

	taken_by(where, intid, what);
	gic_clear_active(where, intid);
	ok(!gic_is_active(where, intid), "active in %s, %s: ISACTIVER reads 0", place(where), what);
	gic_set_pending(where, intid);
	wait_ms(SETTLE_MS);
	is(count_all(intid), 0, "active in %s, %s: its running priority holds up the next",
	   place(where), what);
	ended_by(where, intid, what);
	ok(wait_at_least(&cpus[where].seen[intid], 1), "active in %s, %s: until its end",
	   place(where), what);
	gic_wait_active(where, intid, false);
	idle(where, intid, what);
	is(count_all(intid), 1, "active in %s, %s: once", place(where), what);
	works_on(where, intid, what);
}

/* The end is of the interrupt, not of the moment it was acknowledged. */
static void active_cleared_and_set(unsigned where, unsigned intid)
{
	const char *what = "active state cleared and set";

	taken_by(where, intid, what);
	gic_clear_active(where, intid);
	gic_set_active(where, intid);
	ok(gic_is_active(where, intid), "active in %s, %s: ISACTIVER reads 1", place(where), what);
	ended_by(where, intid, what);
	wait_ms(SETTLE_MS / 2);
	bool left = gic_is_active(where, intid);

	ok(!left || gic_excused(intid >= 32, QEMU_ACTIVE),
	   "active in %s, %s: its end makes it inactive", place(where), what);
	gic_clear_active(where, intid);
	works_on(where, intid, what);
}

static void active_all_taken_away(unsigned where)
{
	const char *what = "disabled and cleared";

	setup(where);
	taken_by(where, SPI, what);
	gic_set_pending(0, SPI);
	gic_disable(0, SPI);
	gic_clear_pending(0, SPI);
	gic_clear_active(0, SPI);
	idle(where, SPI, what);
	gic_route(SPI, !where);
	ended_by(where, SPI, what);
	idle(where, SPI, what);
	is(count_all(SPI), 0, "active in %s, %s: nothing delivered", place(where), what);
	gic_enable(0, SPI);
	wait_ms(SETTLE_MS);
	is(count_all(SPI), 0, "active in %s, %s, enabled: nothing delivered", place(where), what);
	works_on(!where, SPI, what);
	gic_route(SPI, where);
	works_on(where, SPI, what);
	release();
}

static void active_reconfigured(unsigned where)
{
	const char *what = "made level-sensitive";

	setup(where);
	taken_by(where, SPI, what);
	gic_disable(0, SPI);
	gic_set_edge(0, SPI, false);
	gic_enable(0, SPI);
	ended_by(where, SPI, what);
	idle(where, SPI, what);
	works_on(where, SPI, what);
	release();
}

static void active_group_disabled(unsigned where)
{
	struct step step = { SPI, 0, 0 };

	setup(where);
	gic_set_priority(0, SPI, 0x40);
	cpu_run(where, take, &step);
	gic_enable_groups(true, false);
	gic_set_pending(0, SPI);
	wait_ms(SETTLE_MS);
	gic_enable_groups(true, true);
	wait_ms(SETTLE_MS);
	ok(gic_is_active(0, SPI) && gic_is_pending(0, SPI),
	   "active in %s, its group disabled and enabled: active and pending", place(where));
	is(count_all(SPI), 0, "active in %s, its group disabled and enabled: nothing delivered",
	   place(where));
	ended_by(where, SPI, "its group disabled and enabled");
	ok(wait_at_least(&cpus[where].seen[SPI], 1),
	   "active in %s, its group disabled and enabled: then the next", place(where));
	gic_wait_active(0, SPI, false);
	release();
}

/* One interrupt after another on two CPUs: the end in one is not the end in the other. */
static void active_in_both(void)
{
	struct step step = { SPI, 0, 0 };

	setup(1);
	taken_by(1, SPI, "cleared, rerouted");
	gic_clear_active(0, SPI);
	gic_route(SPI, 0);
	cpu_run(0, take, &step);
	is(step.found, SPI, "cleared in another CPU, rerouted: acknowledged here");
	cpu_run(1, look, &step);
	is(step.running, PRIORITY_DEFAULT, "cleared in another CPU: its priority still runs there");
	cpu_run(0, end, &step);
	is(step.running, PRIORITY_IDLE, "ended here: no priority runs here");
	ok(!gic_is_active(0, SPI), "ended here: inactive");
	ended_by(1, SPI, "cleared, rerouted");
	idle(0, SPI, "cleared, rerouted");
	works_on(0, SPI, "cleared, rerouted");
	gic_route(SPI, 1);
	works_on(1, SPI, "cleared, rerouted");
	release();
}

static void active_in(unsigned where)
{
	active_rerouted(where);
	setup(where);
	active_disabled(where, SPI);
	active_and_pending(where, SPI);
	active_cleared(where, SPI);
	active_cleared_and_set(where, SPI);
	release();
	active_reprioritized(where);
	if (gic_only(3, "moved to group 0 while active"))
		active_regrouped(where);
	active_all_taken_away(where);
	active_reconfigured(where);
	active_group_disabled(where);
}

static void private_active(unsigned where)
{
	if (where && !gic_only(3, "another CPU's private interrupts changed while active"))
		return;
	active_and_pending(where, SGI);
	active_cleared(where, SGI);
	active_cleared_and_set(where, SGI);
	if (!gic_only(3, "private interrupts disabled while active"))
		return;
	active_disabled(where, SGI);
	gic_enable(where, PPI_FREE);
	active_disabled(where, PPI_FREE);
	active_cleared(where, PPI_FREE);
	active_cleared_and_set(where, PPI_FREE);
	gic_disable(where, PPI_FREE);
}

/* --- What RWP promises: the other CPU looks at once when it has ended. ------------------------ */

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
	sev();
	for (unsigned round = 1; round <= ROUNDS; round++) {
		if (!wait_irq_asserted())
			break;
		atomic_store(&looked, 2 * round - 1);
		sev();
		if (!spin_until(&withdrawn, round))
			break;
		unsigned intid = gic_acknowledge();

		if (intid != INTID_SPURIOUS) {
			++*(unsigned *)found;
			gic_end(intid);
		}
		atomic_store(&looked, 2 * round);
		sev();
	}
	irq_unmask();
}

struct withdrawal {
	const char *name;
	unsigned intid;
	void (*withdraw)(unsigned intid);
	void (*restore)(unsigned intid);
};

static void disable_there(unsigned intid)
{
	gic_disable(1, intid);
}

static void enable_there(unsigned intid)
{
	gic_enable(1, intid);
}

static void disable_group(unsigned intid)
{
	(void)intid;
	gic_enable_groups(true, false);
}

static void enable_group(unsigned intid)
{
	(void)intid;
	gic_enable_groups(true, true);
}

static void withdrawn_for_good(const struct withdrawal *by)
{
	unsigned found = 0, rounds = 0;

	atomic_store(&looked, 0);
	atomic_store(&withdrawn, 0);
	atomic_store(&masked_now, 0);
	cpu_start(1, look_at_once, &found);
	wait_at_least(&masked_now, 1);
	for (unsigned round = 1; round <= ROUNDS; round++) {
		gic_set_pending(1, by->intid);
		by->restore(by->intid);
		if (!wait_at_least(&looked, 2 * round - 1))
			break;
		by->withdraw(by->intid);
		atomic_store(&withdrawn, round);
		rounds += wait_at_least(&looked, 2 * round);
	}
	gic_clear_pending(1, by->intid);
	by->restore(by->intid);
	ok(cpu_finish(1), "%s: the other CPU ends", by->name);
	is(rounds, ROUNDS, "%s: signalled each time", by->name);
	is(found, 0, "%s: never acknowledged after RWP", by->name);
	counts_clear();
}

static void withdrawals(void)
{
	static const struct withdrawal all[] = {
		{ "another CPU's SGI disabled", SGI, disable_there, enable_there },
		{ "another CPU's PPI disabled", PPI_FREE, disable_there, enable_there },
		{ "the group disabled", SPI, disable_group, enable_group },
	};

	if (!gic_only(3, "what RWP promises"))
		return;
	spi_setup(SPI, 1, PRIORITY_DEFAULT, true);
	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		withdrawn_for_good(&all[i]);
	gic_disable(1, PPI_FREE);
	release();
}

/* --- Changed at the moment that another CPU takes or ends it. --------------------------------- */

static void clear_active_now(unsigned round)
{
	(void)round;
	gic_clear_active(0, SPI);
}

static void disable_now(unsigned round)
{
	(void)round;
	gic_disable(0, SPI);
	gic_enable(0, SPI);
}

static void reroute_now(unsigned round)
{
	if (!gic_quirks.pending_stays)
		gic_route(SPI, 1 + round % (cpu_count - 1));
}

static void reprioritize_now(unsigned round)
{
	gic_set_priority(0, SPI, (uint8_t)(0x20 + round % 12 * 0x10));
}

static void set_active_now(unsigned round)
{
	(void)round;
	gic_set_active(0, SPI);
	gic_clear_active(0, SPI);
}

static void regroup_now(unsigned round)
{
	gic_set_group(0, SPI, round & 1);
}

static void disable_group_now(unsigned round)
{
	(void)round;
	gic_enable_groups(true, false);
	gic_enable_groups(true, true);
}

/* Each is asked for when the one before was taken, so none may merge and none get lost. */
static void race(const char *what, void (*change)(unsigned round))
{
	struct step step = { 0, 0, 0 };
	unsigned right = 0, idle_ones = 0;

	setup(1);
	for (unsigned round = 1; round <= ROUNDS; round++) {
		uint64_t limit = counter_after_ms(LIMIT_MS);
		uint64_t start;

		gic_set_pending(0, SPI);
		start = counter_after_us(round % 8 * 10);
		while (!counter_passed(start))
			;
		change(round);
		while (count_all(SPI) < round && !counter_passed(limit))
			wfe();
		right += count_all(SPI) == round;
		if (count_all(SPI) < round)
			break;
	}
	is(right, ROUNDS, "%s as it is taken: none lost, none twice", what);
	gic_set_group(0, SPI, 1);
	ok(gic_wait_active(0, SPI, false) && !gic_is_pending(0, SPI), "%s: idle in the end", what);
	for (unsigned cpu = 1; cpu < cpu_count; cpu++) {
		cpu_run(cpu, look, &step);
		idle_ones += step.running == PRIORITY_IDLE;
	}
	is(idle_ones, cpu_count - 1, "%s: no priority runs in the end", what);
	release();
}

/* Cleared again at once, it may have been taken or not; the next must be taken. */
static void cleared_at_once(void)
{
	unsigned right = 0;

	setup(1);
	for (unsigned round = 1; round <= ROUNDS; round++) {
		gic_set_pending(0, SPI);
		gic_clear_pending(0, SPI);
		gic_wait_active(0, SPI, false);
		unsigned before = count_all(SPI);

		gic_set_pending(0, SPI);
		right += wait_at_least(&cpus[1].seen[SPI], before + 1);
		gic_wait_active(0, SPI, false);
	}
	is(right, ROUNDS, "cleared as it is taken: the next one comes each time");
	ok(count_all(SPI) >= ROUNDS && count_all(SPI) <= 2 * ROUNDS,
	   "cleared as it is taken: as many as could be");
	release();
}

static void races(void)
{
	race("active state cleared", clear_active_now);
	race("disabled and enabled", disable_now);
	race("rerouted", reroute_now);
	race("priority changed", reprioritize_now);
	race("group disabled and enabled", disable_group_now);
	if (gic_only(3, "group changed as it is taken"))
		race("group changed", regroup_now);
	race("made active and inactive", set_active_now);
	cleared_at_once();
}

void guest_main(void)
{
	if (gic_lines() < SPI_FREE_END)
		bail_out("needs 256 interrupt lines");
	for (unsigned where = 0; where < 2; where++) {
		pending_in(where);
		private_pending(where);
		active_in(where);
		private_active(where);
	}
	active_in_both();
	withdrawals();
	races();
}
