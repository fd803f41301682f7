/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * List registers: exit folds what the guest did with them into the interrupt words, enter fills
 * them from the queues. IHI 0069 chapter 11 and 12.5 (ICH_LR<n>_EL2, ICH_HCR_EL2).
 */
#include "lr.h"

#define HCR_EN             (1u << 0)
#define HCR_LRENPIE        (1u << 2)
#define HCR_NPIE           (1u << 3)
#define HCR_VGRP0EIE       (1u << 4) /* group 0 gets enabled; DIE (bit 5): disabled; 6, 7: group 1 */
#define HCR_VGRP0DIE       (1u << 5)
#define HCR_VGRP1EIE       (1u << 6)
#define HCR_VGRP1DIE       (1u << 7)
#define HCR_TDIR           (1u << 14)
#define HCR_EOICOUNT_SHIFT 27

/* Once it is empty: bit n of ICH_EISR_EL2. */
static bool asks_for_maintenance(uint64_t lr)
{
	return (lr & (LR_HW | LR_EOI)) == LR_EOI;
}

/* --- Exit --------------------------------------------------------------------------------------- */

/*
 * The line of a mapped level-sensitive interrupt, of which only rising edges are told. If it went
 * into the register and the guest never acknowledged it, it is what the physical line is now; if
 * it rose again after the guest's end, that may be over. Either way a line that is not high any
 * more is lowered in the word first, and the physical active state cleared after: `lowered`.
 */
static void fold_line(struct vgic_vcpu *vcpu, const struct slot *slot, uint64_t lr,
		      struct folded *folded, bool *lowered)
{
	struct vgic_irq *irq = slot->irq;

	if ((lr & LR_PENDING) && (slot->was & W_LINE)) {
		folded->line = physical_line(vcpu, irq);
		*lowered = !folded->line;
	} else if (!(lr & (LR_PENDING | LR_ACTIVE)) && (word_load(irq) & W_LINE)) {
		*lowered = physical_lower(vcpu, irq);
	}
}

/*
 * An interrupt that the guest ended and that nothing else happened to goes out of its list register
 * with one change of its word. False: it is not so simple.
 */
static inline bool retire(struct vgic_vcpu *vcpu, unsigned n)
{
	struct vgic_irq *irq = vcpu->slots[n].irq;
	uint64_t old = word_load(irq);

	if ((old & (W_QUEUED | W_LATCH | W_LINE)) || (vcpu->soft & 1u << n))
		return false;
	irq->place = PLACE_NONE;
	if (word_cas(irq, &old, old & ~(W_IN_LR | W_LR_PENDING | W_ACTIVE | W_HELD)))
		return true;
	irq->place = PLACE_LR;
	return false;
}

static __attribute__((noinline)) void fold(struct vgic_vcpu *vcpu, unsigned n, uint64_t lr,
					   const struct running *running)
{
	const struct slot *slot = &vcpu->slots[n];
	struct vgic_irq *irq = slot->irq;
	unsigned hwirq = irq_hwirq(irq);
	struct folded folded = {
		/* An LPI is not active once it is acknowledged; QEMU says so until its end. */
		.active = (lr & LR_ACTIVE) && !irq_is_lpi(vcpu->vgic, irq),
		.was_active = slot->was & W_ACTIVE,
		.latch = (lr & LR_PENDING) && (slot->was & (W_LATCH | W_SOURCES)),
		.source = slot->was & W_SOURCES,
		.group1 = lr & LR_GROUP1,
		.ack = (uint8_t)(lr >> LR_PRIORITY_SHIFT),
	};
	bool lowered = false, ended = !(lr & (LR_PENDING | LR_ACTIVE));

	if (folded.was_active && !is_fresh(vcpu->vgic, slot, lr))
		folded.ack = (uint8_t)word_ack(slot->was);
	if (folded.active)
		folded.dropped = lr_dropped(vcpu, n, lr, running);
	if (hwirq & HWIRQ_LEVEL)
		fold_line(vcpu, slot, lr, &folded, &lowered);
	/* Hardware deactivated it at the guest's end, but there is more to deliver. */
	if (hwirq && ended && physical_waits(irq, word_load(irq)))
		physical_hold(vcpu, irq);
	irq_settle(vcpu, irq, FROM_LR, &folded);
	if (ended && (vcpu->soft & 1u << n))
		irq_ended(vcpu, irq);
	if (hwirq && (lowered || (ended && (vcpu->soft & 1u << n))))
		physical_release(vcpu, irq);
}

static void fold_all(struct vgic_vcpu *vcpu, struct gic_cpuif *image)
{
	bool became_split = image->vmcr & ~vcpu->vmcr & VMCR_VEOIM;
	struct running running;

	vcpu->vmcr = image->vmcr;
	vcpu->hw_hcr = image->hcr;
	/* Before the actives that are in list registers join those that are not. */
	running.known = image->read_apr;
	if (running.known) {
		who_runs(vcpu, image, &running);
		replay_ends(vcpu, image->hcr >> HCR_EOICOUNT_SHIFT, became_split, &running);
	}
	for (uint32_t live = vcpu->live; live; live &= live - 1) {
		unsigned n = (unsigned)__builtin_ctz(live);
		uint64_t lr = lr_of(vcpu->vgic, image->lr[n]);

		if ((lr & (LR_PENDING | LR_ACTIVE)) || !retire(vcpu, n))
			fold(vcpu, n, lr, &running);
		if ((lr & (LR_PENDING | LR_ACTIVE)) || asks_for_maintenance(lr))
			vcpu->loud |= 1u << n;
	}
	vcpu->live = 0;
	image->live = 0;
	if (!IS_V2(vcpu->vgic) && ((image->vmcr & VMCR_VEOIM) || load_relaxed(&vcpu->runs_free))) {
		dir_left(vcpu);
		dir_noticed(vcpu);
	}
}

/* release: the words have the truth before anybody may rely on that; partner: word_live() */
static inline void outside(struct vgic_vcpu *vcpu)
{
	__atomic_store_n(&vcpu->mode, MODE_OUTSIDE, __ATOMIC_RELEASE);
}

/*
 * No lock: while a vCPU is loaded, only its own CPU touches what the lock is for; vgic_load() took
 * it once, to see off whoever served the vCPU before.
 */
void vgic_exit(struct vgic_cpu *cpu, struct gic_cpuif *image)
{
	struct vgic_vcpu *vcpu = vcpu_of(cpu);

	vcpu->image = image;
	if (load_relaxed(&vcpu->mode) == MODE_RUNNING)
		fold_all(vcpu, image);
	outside(vcpu);
	vcpu_drain(vcpu);
	vcpu_resettled(vcpu, RESETTLE_ENTER);
	irqs_post(vcpu->vgic, vcpu, vcpu_take_forwards(vcpu));
}

/*
 * Has the guest ended all that was in list registers, and nothing else happened to it? What is found to
 * be so is retired.
 */
static bool all_ended(struct vgic_vcpu *vcpu, struct gic_cpuif *image)
{
	for (; vcpu->live; vcpu->live &= vcpu->live - 1) {
		unsigned n = (unsigned)__builtin_ctz(vcpu->live);
		uint64_t lr = lr_of(vcpu->vgic, image->lr[n]);

		if ((lr & (LR_PENDING | LR_ACTIVE)) || asks_for_maintenance(lr) || !retire(vcpu, n))
			return false;
	}
	image->live = 0;
	return true;
}

/* Did the guest run, and is there more to fold than what it has ended? */
static inline bool fold_is_due(const struct vgic_vcpu *vcpu, const struct gic_cpuif *image)
{
	return image->read_apr | (!IS_V2(vcpu->vgic) &&
				  ((image->vmcr & VMCR_VEOIM) | load_relaxed(&vcpu->runs_free)));
}

void vgic_exit_quiet(struct vgic_cpu *cpu, struct gic_cpuif *image)
{
	struct vgic_vcpu *vcpu = vcpu_of(cpu);

	if (load_relaxed(&vcpu->mode) != MODE_RUNNING || fold_is_due(vcpu, image) ||
	    (cpu->own | vcpu->stash | load_relaxed(&cpu->inbox)) ||
	    (vcpu->live && !all_ended(vcpu, image))) {
		vgic_exit(cpu, image);
		return;
	}
	vcpu->image = image;
	vcpu->vmcr = image->vmcr;
	vcpu->hw_hcr = image->hcr;
	outside(vcpu);
	vcpu_resettled(vcpu, RESETTLE_ENTER);
}

/* --- Enter -------------------------------------------------------------------------------------- */

/*
 * What ICH_HCR_EL2 has when nothing is outside the list registers: a deactivation by number traps if
 * it may be about another vCPU's interrupt.
 */
static uint32_t plain_hcr(struct vgic_vcpu *vcpu, bool dir_used)
{
	const struct vgic *vgic = vcpu->vgic;

	if (IS_V2(vgic) || vgic->config.vcpus == 1 || (dir_used && dir_settle(vcpu)))
		return HCR_EN;
	return HCR_EN | HCR_TDIR;
}

/* Would an interrupt that gets a list register now make its vCPU one that shares? Enter says so. */
static inline bool begins_to_share(const struct vgic_vcpu *vcpu, const struct vgic_irq *irq)
{
	const struct vgic *vgic = vcpu->vgic;

	return load_relaxed(&vgic->dir_used) && !vcpu->sharing && !irq_is_private(vgic, irq) &&
	       !irq_is_lpi(vgic, irq);
}

/* Ends of what is in no list register are counted; a deactivation by number has to be caught. */
static uint32_t watch_ends(const struct vgic *vgic)
{
	return HCR_LRENPIE | (IS_V2(vgic) ? 0 : HCR_TDIR);
}

/* Active with a priority or group that its next occurrence will not have. */
static bool reconfigured(uint64_t w)
{
	return word_ack(w) != ACK_BY_HAND &&
	       (word_ack(w) != word_priority(w) || !(w & W_ACK_GROUP1) != !(w & W_GROUP1));
}

/*
 * Note what list register n gets: `irq`, whose word went from `old` to `new`; and what that register
 * is. Pending and active are never both told with the HW bit: the physical interrupt has one active
 * state to give. If the next occurrence `waits` for the end of this one, or the end has to be passed
 * on, it must be seen: no HW bit, EOI request.
 */
static inline uint64_t take_lr(struct vgic_vcpu *vcpu, unsigned n, struct vgic_irq *irq,
			       unsigned hwirq, uint64_t old, uint64_t now, bool waits)
{
	unsigned bit = 1u << n;
	bool active = now & W_ACTIVE, acked = active && word_ack(now) != ACK_BY_HAND;
	bool pending = now & W_LR_PENDING;
	uint64_t priority = acked ? word_ack(now) : word_priority(now);
	uint64_t took = old & ~now & (IS_V2(vcpu->vgic) ? W_TAKEN | W_SOURCES : W_TAKEN);
	uint64_t route = load_relaxed(&irq->route), again = 0;
	bool told = route >= ROUTE_SOFT; /* or ROUTE_NOTIFY, which is above */
	uint64_t lr = route_intid(route) | priority << LR_PRIORITY_SHIFT;

	if (pending)
		lr |= LR_PENDING;
	if (active)
		lr |= LR_ACTIVE;
	if (now & (acked ? W_ACK_GROUP1 : W_GROUP1))
		lr |= LR_GROUP1;
	vcpu->live |= bit;
	if (vcpu->watched & bit) { /* `soft` ones are among them */
		vcpu->soft &= ~bit;
		vcpu->watched &= ~bit;
	}
	waits |= told;
	if (hwirq && !waits) {
		lr |= LR_HW | (uint64_t)(hwirq & ~HWIRQ_LEVEL) << LR_PINTID_SHIFT;
	} else if (waits || (old & (W_LEVEL | W_LINE)) == (W_LEVEL | W_LINE)) {
		/* A level input that we were told about may still be high after its end. */
		lr |= LR_EOI;
		vcpu->watched |= bit;
		if (hwirq || told)
			vcpu->soft |= bit;
	}
	if (took && pending && !active && !(lr & LR_EOI))
		again = now | took | W_QUEUED;
	if (IS_V2(vcpu->vgic)) {
		if (route_intid(route) < SGIS)
			lr |= (uint64_t)word_cpuid(now) << LR_CPUID_SHIFT;
		lr = gich_of(lr);
	}
	vcpu->slots[n] = (struct slot){
		.irq = irq,
		.was = active ? took | (now & (W_ACTIVE | W_ACK | W_DROPPED)) : took,
		.again = again,
		.lr = lr,
		.statistic = statistic_of(vcpu, irq, route_intid(route)),
	};
	if (pending)
		count(vcpu->slots[n].statistic);
	return lr;
}

#define NO_LIMIT (QUEUE_EMPTY - 1)

static inline bool beyond_limit(const struct vgic_vcpu *vcpu, unsigned level)
{
	return IS_V2(vcpu->vgic) ? level > vcpu->limit : level == QUEUE_EMPTY;
}

/*
 * While further sources of a GICv2's SGI wait, nothing worse may be in a list register: at its end it
 * would come first. With EOImode 1 that is right, too: between its two ends. One whose group the guest
 * has off holds nothing back until that changes.
 */
static void limit_to(struct vgic_vcpu *vcpu, uint64_t w)
{
	unsigned level = level_of(vcpu->vgic, word_priority(w)), runs = 0;

	if (vcpu->vmcr & VMCR_VEOIM)
		return;
	/* The guest has changed its priority: what preempts the active one now is not to wait for its end. */
	if (w & W_ACTIVE)
		runs = level_of(vcpu->vgic,
				group_priority(vcpu->vmcr, !!(w & W_ACK_GROUP1), word_ack(w)));
	if (runs > level + 1)
		level = runs - 1;
	if (!(vcpu->vmcr & (w & W_GROUP1 ? VMCR_VENG1 : VMCR_VENG0))) {
		vcpu->limiting |= w & W_GROUP1 ? HCR_VGRP1EIE : HCR_VGRP0EIE;
		return;
	}
	vcpu->limiting |= w & W_GROUP1 ? HCR_VGRP1DIE : HCR_VGRP0DIE;
	if (level < vcpu->limit)
		vcpu->limit = level;
}

/* Has it a source that waits for the end of another one? */
static bool source_waits(uint64_t w)
{
	if (w & W_ACTIVE)
		return word_runs(w) && (w & W_SOURCES);
	return word_sources(w) & (word_sources(w) - 1);
}

/* Returns whether an active one is among them: its priority may have been dropped, then it holds nothing. */
static bool limit_by_sgis(struct vgic_vcpu *vcpu)
{
	bool active = false;

	vcpu->limit = NO_LIMIT;
	vcpu->limiting = 0;
	for (unsigned i = 0; i < SGIS; i++) {
		uint64_t w = word_load(&vcpu->private[i]);

		if (source_waits(w) && (w & W_ENABLED) && (vcpu->groups >> !!(w & W_GROUP1) & 1)) {
			limit_to(vcpu, w);
			active |= !!(w & W_ACTIVE);
		}
	}
	return active;
}

/* Active: can its next occurrence not be told before it has ended? */
static bool pending_waits(const struct vgic_vcpu *vcpu, const struct vgic_irq *irq, uint64_t w)
{
	return reconfigured(w) || (load_relaxed(&irq->route) & ROUTE_NOTIFY) ||
	       beyond_limit(vcpu, level_of(vcpu->vgic, word_priority(w)));
}

/*
 * Move an interrupt, taken from its queue, into list register n. The pending state moves with it:
 * latch, and the line of a mapped level-sensitive interrupt. `whole`: pending may go in with active.
 */
static void fill(struct vgic_vcpu *vcpu, struct gic_cpuif *image, unsigned n, struct vgic_irq *irq,
		 bool whole)
{
	unsigned hwirq = irq_hwirq(irq);
	bool sources = irq_has_sources(vcpu->vgic, irq);
	uint64_t old = word_load(irq), now, lr;
	bool here, wanted, pending, waits;
	uint32_t groups;

	irq->place = PLACE_LR;
	irq->bucket = (uint8_t)n;
	do {
		/* The next occurrence of an active one may be another vCPU's, also while we sleep. */
		here = word_target(old) == vcpu->index;
		groups = here ? vcpu->groups : load_relaxed(&vcpu->vgic->groups);
		wanted = word_wanted(old) && (groups >> !!(old & W_GROUP1) & 1);
		pending = wanted && here &&
			  !((old & W_ACTIVE) &&
			    (hwirq || !whole || sources || pending_waits(vcpu, irq, old)));
		now = old | W_IN_LR;
		if (pending)
			now = (now | W_LR_PENDING) & ~W_LATCH;
		if (pending && (hwirq & HWIRQ_LEVEL))
			now &= ~W_LINE;
		if (pending && sources)
			now = word_take_source(now);
	} while (!word_cas(irq, &old, now));

	waits = wanted && (pending ? sources && (now & W_LATCH) : !!(old & W_ACTIVE));
	lr = take_lr(vcpu, n, irq, hwirq, old, now, waits);
	/* More of it in its word: the end makes the physical one inactive, which only the fold mends. */
	if (hwirq && (now & W_TAKEN) && physical_waits(irq, now))
		vcpu->watched |= 1u << n;
	if (image->lr[n] != lr || (vcpu->unknown & 1u << n))
		image->changed |= 1u << n;
	image->lr[n] = lr;
}

static unsigned fill_active(struct vgic_vcpu *vcpu, struct gic_cpuif *image, unsigned n,
			    unsigned end, bool whole)
{
	for (; n < end && vcpu->active.count; n++)
		fill(vcpu, image, n,
		     queue_pop(vcpu->vgic, &vcpu->active, queue_level(&vcpu->active)), whole);
	return n;
}

/* The best of both groups first, as far as `groups` allows. */
static unsigned fill_pending(struct vgic_vcpu *vcpu, struct gic_cpuif *image, unsigned n,
			     unsigned end, unsigned groups)
{
	for (; n < end; n++) {
		unsigned level[2] = { QUEUE_EMPTY, QUEUE_EMPTY }, g;

		if ((groups & 1) && vcpu->pending[0].count)
			level[0] = queue_level(&vcpu->pending[0]);
		if ((groups & 2) && vcpu->pending[1].count)
			level[1] = queue_level(&vcpu->pending[1]);
		g = level[1] < level[0];
		if (beyond_limit(vcpu, level[g]))
			break;
		fill(vcpu, image, n, queue_pop(vcpu->vgic, &vcpu->pending[g], level[g]), true);
	}
	return n;
}

/*
 * More than fits. One list register is for the best pending interrupt that the guest could take,
 * or actives alone would hide it; actives come next, in the order in which they will end (without
 * their own next occurrence, which might hide a better one that is left out); then as many pending
 * ones as there is room for. Returns what the guest has to be stopped for:
 * nothing pending in the registers, or a change of the enables that lets something left out come
 * before what is in (its own group opens, or the other one closes).
 */
static uint32_t fill_some(struct vgic_vcpu *vcpu, struct gic_cpuif *image, unsigned groups)
{
	unsigned lrs = vcpu->vgic->config.lrs;
	unsigned open = groups & (vcpu->vmcr & (VMCR_VENG0 | VMCR_VENG1));
	uint32_t before[2] = { vcpu->pending[0].count, vcpu->pending[1].count };
	unsigned n = fill_pending(vcpu, image, 0, 1, open);
	uint32_t hcr = 0, closing = 0;

	n = fill_active(vcpu, image, n, lrs, false);
	n = fill_pending(vcpu, image, n, lrs, open);
	fill_pending(vcpu, image, n, lrs, groups & ~open);
	/* A group that is in front, and that the guest may close. */
	if (open & 1 && vcpu->pending[0].count < before[0])
		closing |= HCR_VGRP0DIE;
	if (open & 2 && vcpu->pending[1].count < before[1])
		closing |= HCR_VGRP1DIE;
	if (groups & 1 && vcpu->pending[0].count)
		hcr |= open & 1 ? HCR_NPIE | (closing & HCR_VGRP1DIE) : HCR_VGRP0EIE;
	if (groups & 2 && vcpu->pending[1].count)
		hcr |= open & 2 ? HCR_NPIE | (closing & HCR_VGRP0DIE) : HCR_VGRP1EIE;
	if (hcr)
		count(&vcpu->stats.overflows);
	/* What the end of an SGI lets in comes with that. */
	if (IS_V2(vcpu->vgic) && vcpu->limit != NO_LIMIT && before[0] == vcpu->pending[0].count &&
	    before[1] == vcpu->pending[1].count)
		hcr &= ~HCR_NPIE;
	return hcr;
}

static uint32_t fill_all(struct vgic_vcpu *vcpu, struct gic_cpuif *image, unsigned groups)
{
	unsigned lrs = vcpu->vgic->config.lrs;
	uint32_t wanted = vcpu->active.count;

	if (groups & 1)
		wanted += vcpu->pending[0].count;
	if (groups & 2)
		wanted += vcpu->pending[1].count;
	if (wanted > lrs)
		return fill_some(vcpu, image, groups);
	if (wanted)
		fill_pending(vcpu, image, fill_active(vcpu, image, 0, lrs, true), lrs, groups);
	return 0;
}

/* Registers that are not in use any more, and could still signal something, are emptied. */
static void empty_unused(struct vgic_vcpu *vcpu, struct gic_cpuif *image)
{
	uint32_t left = vcpu->loud & ~vcpu->live;

	image->changed |= left;
	for (; left; left &= left - 1)
		image->lr[__builtin_ctz(left)] = 0;
	vcpu->loud = 0;
}

static inline void set_hcr(struct vgic_vcpu *vcpu, struct gic_cpuif *image, uint32_t hcr)
{
	image->hcr_changed = hcr != vcpu->hw_hcr;
	image->hcr = vcpu->hw_hcr = hcr;
}

/*
 * From here on a raiser kicks; what it pushed before it looked at the mode is drained below.
 * Full barrier; partner: irqs_post(), vcpu_resettle().
 */
static inline void running(struct vgic_vcpu *vcpu)
{
	store_relaxed(&vcpu->mode, MODE_RUNNING);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	vcpu_resettled(vcpu, 0);
}

static inline void enter(struct vgic_vcpu *vcpu, struct gic_cpuif *image)
{
	bool limited = false;
	uint32_t hcr;

	vcpu_drain(vcpu);
	vcpu->groups = vcpu_groups(vcpu);
	if (IS_V2(vcpu->vgic))
		limited = limit_by_sgis(vcpu);
	image->changed = 0;
	hcr = fill_all(vcpu, image, vcpu->groups);
	if (IS_V2(vcpu->vgic))
		hcr |= vcpu->limiting;
	vcpu->plain_hcr = plain_hcr(vcpu, load_relaxed(&vcpu->vgic->dir_used));
	hcr |= vcpu->plain_hcr;
	if (vcpu->active.count | vcpu->ghosts.bits[0] | vcpu->ghosts.bits[1])
		hcr |= watch_ends(vcpu->vgic);
	empty_unused(vcpu, image);
	vcpu->unknown &= ~image->changed;
	image->live = vcpu->live;
	set_hcr(vcpu, image, hcr);
	/* The last exit did not see whether it was dropped, and something is held back: the next one does. */
	if (limited && !image->read_apr && (vcpu->pending[0].count | vcpu->pending[1].count))
		__atomic_fetch_or(&vcpu->cpu.resettle, RESETTLE_ENTER, __ATOMIC_RELAXED);
	image->read_apr = limited || (vcpu->vmcr & VMCR_VEOIM) || (hcr & HCR_LRENPIE);
	vcpu->odd = (hcr ^ vcpu->plain_hcr) | (vcpu->live & vcpu->watched);
	irqs_post(vcpu->vgic, vcpu, vcpu_take_forwards(vcpu));
}

void vgic_enter(struct vgic_cpu *cpu, struct gic_cpuif *image)
{
	struct vgic_vcpu *vcpu = vcpu_of(cpu);

	if (!HAS_LRS(vcpu->vgic)) {
		soft_enter(vcpu);
		return;
	}
	running(vcpu);
	enter(vcpu, image);
}

/*
 * Nothing that came in, to put into list registers, or left in them; no end of interrupt to wait for; and
 * nobody has used ICC_DIR_EL1?
 */
static inline bool is_quiet(const struct vgic_vcpu *vcpu)
{
	return !(vcpu->cpu.own | load_relaxed(&vcpu->cpu.inbox) | vcpu->pending[0].count |
		 vcpu->pending[1].count | vcpu->active.count | vcpu->loud) &&
	       !(vcpu->ghosts.bits[0] | vcpu->ghosts.bits[1] | load_relaxed(&vcpu->vgic->dir_used));
}

static __attribute__((noinline)) void enter_loud(struct vgic_vcpu *vcpu, struct gic_cpuif *image)
{
	enter(vcpu, image);
}

void vgic_enter_quiet(struct vgic_cpu *cpu, struct gic_cpuif *image)
{
	struct vgic_vcpu *vcpu = vcpu_of(cpu);

	if (!HAS_LRS(vcpu->vgic)) {
		soft_enter(vcpu);
		return;
	}
	running(vcpu);
	if (!is_quiet(vcpu)) {
		enter_loud(vcpu, image);
		return;
	}
	/* What is left of enter(). */
	vcpu->groups = vcpu_groups(vcpu);
	image->changed = 0;
	image->live = 0;
	vcpu->plain_hcr = plain_hcr(vcpu, false);
	set_hcr(vcpu, image, vcpu->plain_hcr);
	image->read_apr = vcpu->vmcr & VMCR_VEOIM;
	vcpu->odd = 0;
}

/* --- Refill: the short way ---------------------------------------------------------------------- */

/*
 * Which list register a new pending state can go to without a look at any of them: the one that the
 * same interrupt had until the guest ended it, a free one, or that of another ended interrupt.
 * -1: none. `ended` are those in use that hold an interrupt that the guest ended.
 */
static inline int room_for(struct vgic_vcpu *vcpu, struct gic_cpuif *image,
			   const struct vgic_irq *irq, uint64_t w, uint32_t ended)
{
	uint64_t mine = W_HELD | W_IN_LR | (uint64_t)vcpu->index << W_HOLDER_SHIFT;
	uint32_t unused;

	if ((w & (W_HELD | W_IN_LR | W_HOLDER)) == mine) {
		unsigned n = irq->bucket;

		/* Active by hand since it went in is another matter. */
		if (!(ended >> n & 1) || ((w & W_ACTIVE) && !(vcpu->slots[n].was & W_ACTIVE)))
			return -1;
		return (int)n;
	}
	if (w & (W_HELD | W_ACTIVE))
		return -1;
	unused = ~vcpu->live & ((1u << vcpu->vgic->config.lrs) - 1);
	if (unused)
		return __builtin_ctz(unused);
	if (!ended || !retire(vcpu, (unsigned)__builtin_ctz(ended)))
		return -1;
	vcpu->live &= ~(ended & -ended);
	image->lr[__builtin_ctz(ended)] = 0; /* as good as empty */
	return __builtin_ctz(ended);
}

/*
 * Pending by a line that nobody told anew, and mapped: the physical interrupt may be inactive since the
 * last end.
 */
static inline bool line_stands(unsigned hwirq, uint64_t w)
{
	return hwirq && !(hwirq & HWIRQ_LEVEL) && !(w & W_LATCH);
}

/* From the inbox straight into a list register, whose number is returned. -1: not so simple. */
static inline int fill_new(struct vgic_vcpu *vcpu, struct gic_cpuif *image, struct vgic_irq *irq,
			   uint32_t ended)
{
	uint64_t me = vcpu->index, old = word_load(irq), now;
	uint64_t taken = W_QUEUED | W_LATCH | W_ACTIVE | W_HOLDER;
	unsigned hwirq = irq_hwirq(irq);
	int n;

	if (hwirq & HWIRQ_LEVEL)
		taken |= W_LINE;
	do {
		if ((old & (W_ENABLED | W_REQUESTS | W_LR_REQUESTS | W_TARGET |
			    unknown_config(vcpu->vgic))) != (W_ENABLED | me) ||
		    !word_pending(old) || !(vcpu->groups >> !!(old & W_GROUP1) & 1))
			return -1;
		if ((word_sources(old) & (word_sources(old) - 1)) || line_stands(hwirq, old))
			return -1;
		if (begins_to_share(vcpu, irq))
			return -1;
		n = room_for(vcpu, image, irq, old, ended);
		if (n < 0)
			return -1;
		now = (old & ~taken) | W_HELD | W_IN_LR | W_LR_PENDING | me << W_HOLDER_SHIFT;
		if (word_sources(old))
			now = word_take_source(now);
		/* Before the word says that it is held; nobody else can take it: the link is ours. */
		irq->place = PLACE_LR;
		irq->bucket = (uint8_t)n;
	} while (!word_cas(irq, &old, now));

	image->lr[n] = take_lr(vcpu, (unsigned)n, irq, hwirq, old, now, false);
	image->changed |= 1u << n;
	return n;
}

/* Fill from a list that is ours. Returns what is left of it when something is not so simple. */
static inline link_t refill_from(struct vgic_vcpu *vcpu, struct gic_cpuif *image, link_t list,
				 uint32_t ended)
{
	while (list) {
		struct vgic_irq *irq = irq_at(vcpu->vgic, list);
		link_t next = irq->next; /* before the word gives the link away */

		if (fill_new(vcpu, image, irq, ended & ~image->changed) < 0)
			break;
		list = next;
	}
	return list;
}

/* Exit and enter do the rest; what was filled and not written is not to be read back. */
static bool refill_failed(struct vgic_vcpu *vcpu, struct gic_cpuif *image)
{
	vcpu->unknown |= image->changed;
	vcpu->loud |= image->changed;
	image->live = vcpu->live & ~image->changed;
	__atomic_fetch_or(&vcpu->cpu.resettle, RESETTLE_ENTER, __ATOMIC_RELAXED);
	return false;
}

/* At most one for each list register in `room`? What does not fit had better not start to move in. */
static bool fits(const struct vgic *vgic, link_t list, uint32_t room)
{
	for (; list && room; room &= room - 1)
		list = irq_at(vgic, list)->next;
	return !list;
}

static __attribute__((noinline)) bool refill_rest(struct vgic_vcpu *vcpu, struct gic_cpuif *image,
						  link_t list, uint32_t empty)
{
	uint32_t all = (1u << vcpu->vgic->config.lrs) - 1, ended = empty & vcpu->live;

	if (!fits(vcpu->vgic, list, (~vcpu->live | ended) & all)) {
		vcpu->stash = list;
		return refill_failed(vcpu, image);
	}
	list = refill_from(vcpu, image, list, ended);
	/* acquire: partner is the release of push() */
	if (!list && load_relaxed(&vcpu->cpu.inbox))
		list = refill_from(vcpu, image,
				   __atomic_exchange_n(&vcpu->cpu.inbox, 0, __ATOMIC_ACQUIRE),
				   ended);
	vcpu->odd = vcpu->live & vcpu->watched;
	image->live = vcpu->live;
	vcpu->stash = list;
	return !list || refill_failed(vcpu, image);
}

/*
 * The guest used up what was pending in its list registers (NPIE), and nothing else came up: those
 * that it ended take the next ones, and what is still active stays where it is.
 */
static __attribute__((noinline)) bool refill_waiting(struct vgic_vcpu *vcpu,
						     struct gic_cpuif *image, uint32_t empty)
{
	uint32_t all = (1u << vcpu->vgic->config.lrs) - 1;
	uint32_t left = (empty | ~vcpu->live) & all;
	struct queue *queue = &vcpu->pending[!(vcpu->groups & 1) || !vcpu->pending[0].count];

	/* With just NPIE, one group's interrupts wait, and what the guest does with enables is all one. */
	if (load_relaxed(&vcpu->cpu.resettle) != RESETTLE_MAINTENANCE ||
	    vcpu->hw_hcr != (vcpu->plain_hcr | HCR_NPIE) || (vcpu->live & vcpu->watched) ||
	    vcpu->cpu.own || load_relaxed(&vcpu->cpu.inbox))
		return false;
	/* Some of those that wait may be shared. */
	if (load_relaxed(&vcpu->vgic->dir_used) && !vcpu->sharing)
		return false;
	for (; left && queue->count; left &= left - 1) {
		unsigned n = (unsigned)__builtin_ctz(left), level = queue_level(queue);

		if (vcpu->live & 1u << n) {
			if (!retire(vcpu, n))
				return false;
			vcpu->live &= ~(1u << n);
			image->lr[n] = 0;
		}
		fill(vcpu, image, n, queue_pop(vcpu->vgic, queue, level), true);
	}
	if (!image->changed)
		return false; /* no room but that of actives: they have to give way */
	if (!queue->count) {
		image->hcr = vcpu->hw_hcr = vcpu->plain_hcr;
		image->hcr_changed = true;
	} else {
		count(&vcpu->stats.overflows);
	}
	vcpu->odd = (vcpu->hw_hcr ^ vcpu->plain_hcr) | (vcpu->live & vcpu->watched);
	image->live = vcpu->live;
	__atomic_fetch_and(&vcpu->cpu.resettle, ~RESETTLE_MAINTENANCE, __ATOMIC_RELAXED);
	return true;
}

/*
 * Most of the time one interrupt comes in, the guest ended its last occurrence, and nothing about it
 * was changed in between: then its word is just what its slot expects, one swap takes it back into
 * its list register, and that gets the value that it had.
 */
bool vgic_refill(struct vgic_cpu *cpu, struct gic_cpuif *image, uint32_t empty)
{
	struct vgic_vcpu *vcpu = vcpu_of(cpu);
	link_t list = cpu->own;
	struct vgic_irq *irq;
	struct slot *slot;
	uint64_t expected;
	unsigned n;

	/*
	 * Only if nothing is left over outside the list registers, nobody asked for more, and no end has
	 * to be passed on (one that asks for maintenance does not show in `empty`).
	 */
	image->changed = 0;
	image->hcr_changed = false;
	if (load_relaxed(&cpu->resettle) | vcpu->odd)
		return refill_waiting(vcpu, image, empty) || refill_failed(vcpu, image);
	if (list)
		cpu->own = 0;
	else /* acquire: partner is the release of push() */
		list = __atomic_exchange_n(&cpu->inbox, 0, __ATOMIC_ACQUIRE);
	if (!list)
		return true;
	irq = irq_at(vcpu->vgic, list);
	n = irq->bucket % VGIC_MAX_LRS;
	slot = &vcpu->slots[n];
	expected = slot->again;
	if (!irq->next && (empty >> n & 1) &&
	    word_cas(irq, &expected, expected & ~slot->was & ~W_QUEUED)) {
		image->changed = 1u << n;
		image->lr[n] = slot->lr;
		count(slot->statistic);
		if (!load_relaxed(&cpu->inbox))
			return true;
		list = 0;
	}
	return refill_rest(vcpu, image, list, empty & ~image->changed);
}
