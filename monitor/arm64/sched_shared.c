/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Weighted round robin. Each CPU has a queue. A vCPU may run for its budget, which is in proportion to
 * its weight, then it goes to the end of a queue with a new one. One that wakes with budget left goes
 * to the front, and the one that runs gives way, unless it woke as well, and just now: interrupts are
 * answered soon. Nobody gets more than its share by sleeping, since sleep earns budget at that share
 * only. A CPU with nothing to do takes from the others.
 */
#include "arch.h"
#include "gic.h"
#include "sched.h"
#include "../common/console.h"

#define BUDGET_MS 5 /* of weight 100 */
#define FAVOUR_US 500
#define LEAST_US  100 /* a slice is never shorter: an interrupt's own time */

static unsigned homes_lock;
static int64_t favour_ticks, least_ticks;
static unsigned residents[MAX_CPUS];
static unsigned weights[MAX_CPUS]; /* atomic: of its residents, together */

static int64_t full_budget(const struct vcpu *vcpu)
{
	uint64_t budget = read_sysreg(cntfrq_el0) * BUDGET_MS / 1000 * vcpu->weight / 100;

	return budget ? (int64_t)budget : 1;
}

static bool may_run_on(const struct vcpu *vcpu, const struct cpu *cpu)
{
	return vcpu->allowed >> cpu->index & 1;
}

/* --- Homes: where it runs if it is all one; and whether there are more vCPUs than CPUs. --------- */

/* For good: a guest that switches a vCPU off and on would have all CPUs kicked each time. */
static void oversubscribe(void)
{
	unsigned i;

	__atomic_store_n(&wfi_traps, true, __ATOMIC_SEQ_CST);
	for (i = 0; i < cpu_count; i++)
		cpu_reschedule(cpus[i]);
}

static void admit(struct vcpu *vcpu)
{
	struct cpu *home = vcpu->home;
	unsigned i;

	spin_lock(&homes_lock);
	for (i = 0; i < cpu_count; i++) {
		if (may_run_on(vcpu, cpus[i]) && residents[i] < residents[home->index])
			home = cpus[i];
	}
	vcpu->home = home;
	__atomic_fetch_add(&weights[home->index], vcpu->weight, __ATOMIC_RELAXED);
	if (++residents[home->index] > 1 && !wfi_traps)
		oversubscribe();
	favour_ticks = (int64_t)(read_sysreg(cntfrq_el0) * FAVOUR_US / 1000000);
	least_ticks = (int64_t)(read_sysreg(cntfrq_el0) * LEAST_US / 1000000);
	spin_unlock(&homes_lock);
	vcpu->share = full_budget(vcpu);
	vcpu->budget = vcpu->share;
	vcpu->favoured = false;
	__atomic_store_n(&vcpu->cpu, home, __ATOMIC_RELAXED);
}

static void dismiss(struct vcpu *vcpu)
{
	spin_lock(&homes_lock);
	residents[vcpu->home->index]--;
	__atomic_fetch_sub(&weights[vcpu->home->index], vcpu->weight, __ATOMIC_RELAXED);
	spin_unlock(&homes_lock);
}

/* --- Queues. ----------------------------------------------------------------------------------------- */

static void insert(struct cpu *cpu, struct vcpu *vcpu)
{
	struct vcpu *after = cpu->last;

	/* Those that woke stand in front of the others, in the order in which they did. */
	if (vcpu->favoured) {
		while (after && !after->favoured)
			after = after->previous;
	}
	vcpu->previous = after;
	vcpu->next = after ? after->next : cpu->first;
	if (vcpu->next)
		vcpu->next->previous = vcpu;
	else
		cpu->last = vcpu;
	if (after)
		after->next = vcpu;
	else
		__atomic_store_n(&cpu->first, vcpu, __ATOMIC_RELAXED);
	cpu->queue_length++;
}

static void take_out(struct cpu *cpu, struct vcpu *vcpu)
{
	if (vcpu->next)
		vcpu->next->previous = vcpu->previous;
	else
		cpu->last = vcpu->previous;
	if (vcpu->previous)
		vcpu->previous->next = vcpu->next;
	else
		__atomic_store_n(&cpu->first, vcpu->next, __ATOMIC_RELAXED);
	cpu->queue_length--;
}

static unsigned load_of(const struct cpu *cpu)
{
	return __atomic_load_n(&cpu->queue_length, __ATOMIC_RELAXED) +
	       !__atomic_load_n(&cpu->idle, __ATOMIC_RELAXED);
}

/* Where the least is to do; best where there is `least`. */
static struct cpu *least_of(const struct vcpu *vcpu, struct cpu *best, unsigned least)
{
	uint64_t left = vcpu->allowed & ~(1ul << best->index);

	for (; left && least; left &= left - 1) {
		struct cpu *cpu = cpus[__builtin_ctzl(left)];

		if (load_of(cpu) < least) {
			least = load_of(cpu);
			best = cpu;
		}
	}
	return best;
}

/* Where it ran last, if that is idle; else where the least is to do. */
static struct cpu *place(const struct vcpu *vcpu)
{
	struct cpu *last = vcpu->cpu;

	if (!may_run_on(vcpu, last))
		last = vcpu->home;
	return least_of(vcpu, last, load_of(last));
}

/* Its share of the time that it slept: a sleeper with more could keep the others from running. */
static int64_t earned(const struct vcpu *vcpu, int64_t full)
{
	uint64_t all = __atomic_load_n(&weights[vcpu->home->index], __ATOMIC_RELAXED);
	uint64_t slept = clock_ticks() - vcpu->left_at;

	if (!all || slept >= (uint64_t)full * all / vcpu->weight)
		return full;
	return (int64_t)(slept * vcpu->weight / all);
}

static void account_wake(struct vcpu *vcpu)
{
	int64_t full = vcpu->share;

	vcpu->budget += earned(vcpu, full);
	if (vcpu->budget > full)
		vcpu->budget = full;
	vcpu->favoured = vcpu->budget > 0;
	if (!vcpu->favoured)
		vcpu->budget = full;
}

static void account_turn(struct vcpu *vcpu)
{
	if (vcpu->budget > 0)
		return;
	vcpu->budget = vcpu->share;
	vcpu->favoured = false;
}

static void ready(struct vcpu *vcpu, enum ready_why why)
{
	bool favoured;
	struct cpu *cpu;

	if (why == READY_WOKEN)
		account_wake(vcpu);
	else
		account_turn(vcpu);
	favoured = vcpu->favoured;
	cpu = place(vcpu);
	cpu_lock(cpu);
	insert(cpu, vcpu);
	cpu_unlock(cpu);
	/* Full barrier between queue and `idle`; partner: wait_here(). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (cpu == this_cpu() && !cpu->vcpu)
		return; /* about to look */
	/* Who runs without an end, or in front of whom this one stands, has to know. */
	if (__atomic_load_n(&cpu->idle, __ATOMIC_RELAXED) || favoured ||
	    __atomic_load_n(&cpu->slice_end, __ATOMIC_RELAXED) == ~0ul)
		cpu_reschedule(cpu);
}

/* It may move to another queue while we look for it only by running, which its state tells. */
static bool withdraw(struct vcpu *vcpu)
{
	unsigned i;

	for (i = 0; i < cpu_count; i++) {
		struct cpu *cpu = cpus[i];
		struct vcpu *at;

		cpu_lock(cpu);
		for (at = cpu->first; at && at != vcpu; at = at->next)
			;
		if (at)
			take_out(cpu, vcpu);
		cpu_unlock(cpu);
		if (at)
			return true;
	}
	return false;
}

static struct vcpu *take_from(struct cpu *cpu, const struct cpu *whom)
{
	struct vcpu *vcpu;

	if (!__atomic_load_n(&cpu->first, __ATOMIC_RELAXED))
		return NULL;
	cpu_lock(cpu);
	for (vcpu = cpu->first; vcpu && !may_run_on(vcpu, whom); vcpu = vcpu->next)
		;
	if (vcpu)
		take_out(cpu, vcpu);
	cpu_unlock(cpu);
	return vcpu;
}

static struct vcpu *steal(const struct cpu *cpu)
{
	unsigned i;

	for (i = 1; i < cpu_count; i++) {
		struct vcpu *vcpu = take_from(cpus[(cpu->index + i) % cpu_count], cpu);

		if (vcpu)
			return vcpu;
	}
	return NULL;
}

/* Others wait. One that woke goes before others that woke, too, only for so long. */
static void slice_from(struct cpu *cpu, const struct vcpu *vcpu, int64_t left, uint64_t now)
{
	if (vcpu->favoured && left > favour_ticks)
		left = favour_ticks;
	timer_slice(cpu, now + (uint64_t)(left < least_ticks ? least_ticks : left));
}

/*
 * Without others that wait there is no end. Whoever queues one looks at `slice_end` afterwards: full
 * barrier between that and the queue; partner: ready().
 */
static void set_slice(struct cpu *cpu, const struct vcpu *vcpu, int64_t left, uint64_t now,
		      bool others)
{
	if (!others) {
		if (cpu->slice_end != ~0ul)
			timer_slice(cpu, ~0ul);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		others = __atomic_load_n(&cpu->queue_length, __ATOMIC_RELAXED);
	}
	if (others)
		slice_from(cpu, vcpu, left, now);
}

static void ran(const struct cpu *cpu, struct vcpu *vcpu, uint64_t now)
{
	vcpu->left_at = now;
	vcpu->budget -= (int64_t)(now - cpu->slice_start);
}

/*
 * Mostly the one that leaves goes to the end of this CPU's queue, and the first one there is next: in one
 * step. Others could take it before its stack is left: the lock is held until then. NULL: it is not so.
 */
static struct vcpu *take_turns(struct cpu *cpu, struct vcpu *leaving)
{
	struct vcpu *vcpu, *second;

	if (!__atomic_load_n(&cpu->first, __ATOMIC_RELAXED))
		return NULL;
	account_turn(leaving);
	if (leaving->favoured || !may_run_on(leaving, cpu) ||
	    least_of(leaving, cpu, cpu->queue_length) != cpu)
		return NULL;
	cpu_lock(cpu);
	vcpu = cpu->first;
	if (!vcpu) {
		cpu_unlock(cpu);
		return NULL;
	}
	second = vcpu->next;
	if (second) {
		second->previous = NULL;
		leaving->previous = cpu->last;
		cpu->last->next = leaving;
	} else {
		leaving->previous = NULL;
		second = leaving;
	}
	leaving->next = NULL;
	cpu->last = leaving;
	__atomic_store_n(&cpu->first, second, __ATOMIC_RELAXED);
	cpu->queue_held = true;
	return vcpu;
}

static struct vcpu *pick_any(struct cpu *cpu, const struct vcpu *leaving, uint64_t now)
{
	struct vcpu *vcpu = take_from(cpu, cpu);

	if (!vcpu)
		vcpu = steal(cpu);
	if (!vcpu) {
		if (cpu->slice_end != ~0ul)
			timer_slice(cpu, ~0ul);
		return NULL;
	}
	cpu->slice_start = now;
	/* The one that leaves may be about to queue. */
	set_slice(cpu, vcpu, vcpu->budget, now,
		  cpu->queue_length || (leaving && leaving->next_state == VCPU_READY));
	return vcpu;
}

static struct vcpu *pick(struct cpu *cpu, struct vcpu *leaving)
{
	uint64_t now = clock_ticks();
	struct vcpu *vcpu;

	if (leaving)
		ran(cpu, leaving, now);
	if (!leaving || leaving->next_state != VCPU_READY || !(vcpu = take_turns(cpu, leaving)))
		return pick_any(cpu, leaving, now);
	cpu->slice_start = now;
	slice_from(cpu, vcpu, vcpu->budget, now);
	return vcpu;
}

static bool waiting(struct cpu *cpu)
{
	unsigned i;

	for (i = 0; i < cpu_count; i++) {
		struct cpu *other = cpus[i];
		bool found = false;
		struct vcpu *vcpu;

		if (!__atomic_load_n(&other->first, __ATOMIC_SEQ_CST))
			continue;
		cpu_lock(other);
		for (vcpu = other->first; vcpu && !found; vcpu = vcpu->next)
			found = may_run_on(vcpu, cpu);
		cpu_unlock(other);
		if (found)
			return true;
	}
	return false;
}

static bool give_way(struct cpu *cpu, struct vcpu *vcpu)
{
	uint64_t now = clock_ticks();
	int64_t time = (int64_t)(now - cpu->slice_start), left = vcpu->budget - time;
	bool gives_way = false;

	if (time >= favour_ticks)
		vcpu->favoured = false;
	cpu_lock(cpu);
	if (cpu->first)
		gives_way = left <= 0 || (cpu->first->favoured && !vcpu->favoured);
	cpu_unlock(cpu);
	if (!gives_way)
		set_slice(cpu, vcpu, left, now, cpu->queue_length);
	return gives_way;
}

const struct scheduler sched_shared = {
	.name = "shared",
	.admit = admit,
	.dismiss = dismiss,
	.ready = ready,
	.withdraw = withdraw,
	.pick = pick,
	.waiting = waiting,
	.give_way = give_way,
};
