/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * List registers: exit folds what the guest did with them into the interrupt words, enter fills
 * them from the queues. IHI 0069 chapter 11 and 12.5 (ICH_LR<n>_EL2, ICH_HCR_EL2).
 */
#include "internal.h"

#define LR_PENDING (1ull << 62)
#define LR_ACTIVE (1ull << 63)
#define LR_HW (1ull << 61)
#define LR_GROUP1 (1ull << 60)
#define LR_EOI (1ull << 41) /* HW = 0: maintenance interrupt at the end of interrupt */
#define LR_PRIORITY_SHIFT 48
#define LR_PINTID_SHIFT 32

#define HCR_EN (1u << 0)
#define HCR_LRENPIE (1u << 2)
#define HCR_NPIE (1u << 3)
#define HCR_VGRP0EIE (1u << 4) /* group 0 gets enabled; DIE (bit 5): disabled; 6, 7: group 1 */
#define HCR_VGRP0DIE (1u << 5)
#define HCR_VGRP1EIE (1u << 6)
#define HCR_VGRP1DIE (1u << 7)
#define HCR_TDIR (1u << 14)
#define HCR_EOICOUNT_SHIFT 27

#define VMCR_VENG0 (1u << 0)
#define VMCR_VENG1 (1u << 1)
#define VMCR_VEOIM (1u << 9)

/* Groups that the distributor forwards to this vCPU: bit 0, bit 1. */
unsigned vcpu_groups(const struct vgic_vcpu *vcpu)
{
	if (__atomic_load_n(&vcpu->asleep, __ATOMIC_RELAXED))
		return 0;
	return __atomic_load_n(&vcpu->vgic->groups, __ATOMIC_RELAXED);
}

/* Once it is empty: bit n of ICH_EISR_EL2. */
static bool asks_for_maintenance(uint64_t lr)
{
	return (lr & (LR_HW | LR_EOI)) == LR_EOI;
}

/* --- Exit --------------------------------------------------------------------------------------- */

static void fold(struct vgic_vcpu *vcpu, unsigned n, uint64_t lr)
{
	struct slot *slot = &vcpu->slots[n];
	struct vgic_irq *irq = slot->irq;
	unsigned hwirq = irq_hwirq(irq);
	bool pending = lr & LR_PENDING;
	struct folded folded = {
		.active = lr & LR_ACTIVE,
		.was_active = slot->was_active,
		.latch = pending && slot->took_latch,
		.group1 = lr & LR_GROUP1,
		.ack = (uint8_t)(lr >> LR_PRIORITY_SHIFT),
	};
	bool lowered = false;

	/* Ended without asking for maintenance: as good as empty. */
	vcpu->hw_lr[n] = lr & (LR_PENDING | LR_ACTIVE) || asks_for_maintenance(lr) ? lr : 0;
	if (slot->was_active)
		folded.ack = (uint8_t)word_ack(word_load(irq));
	if (hwirq & HWIRQ_LEVEL) {
		/* Never acknowledged, and the line went into the register with it: look at it now. */
		if (pending && slot->took_line) {
			folded.line = physical_line(vcpu, irq);
			lowered = !folded.line;
		} else if (!(lr & (LR_PENDING | LR_ACTIVE)) && (word_load(irq) & W_LINE)) {
			lowered = physical_lower(vcpu, irq);
		}
	}
	irq_settle(vcpu, irq, FROM_LR, &folded);
	/* Only now: the word says that the line is low, so the next assertion will be seen. */
	if (hwirq && (lowered || (slot->soft && !(lr & LR_ACTIVE))))
		physical_release(vcpu, irq);
}

/*
 * The guest ended interrupts that had no list register. With EOImode 0 they are those with the
 * highest active priorities of what was left outside; ghosts are among them.
 */
static void replay(struct vgic_vcpu *vcpu, unsigned ends)
{
	unsigned shift = 8 - vcpu->vgic->config.preemption_bits;

	for (; ends; ends--) {
		struct vgic_irq *irq = queue_best(vcpu->vgic, &vcpu->active);
		unsigned ghost = vcpu->ghosts[0] ? (unsigned)__builtin_ctzll(vcpu->ghosts[0]) :
				 vcpu->ghosts[1] ? 64 + (unsigned)__builtin_ctzll(vcpu->ghosts[1]) :
						   ~0u;

		if (irq && word_ack(word_load(irq)) == ACK_BY_HAND)
			irq = NULL; /* nobody acknowledged that one */
		if (irq && word_ack(word_load(irq)) >> shift < ghost) {
			irq_settle(vcpu, irq, FROM_EOI, NULL);
			if (irq_hwirq(irq))
				physical_release(vcpu, irq);
		} else if (ghost != ~0u) {
			vcpu->ghosts[ghost / 64] &= ~(1ull << ghost % 64);
		} else {
			return;
		}
	}
}

static void fold_all(struct vgic_vcpu *vcpu, struct gic_cpuif *image)
{
	unsigned ends = image->hcr >> HCR_EOICOUNT_SHIFT;

	vcpu->vmcr = image->vmcr;
	vcpu->hw_hcr = image->hcr;
	/* Before the actives that are in list registers join those that are not. */
	if (ends && !(image->vmcr & VMCR_VEOIM))
		replay(vcpu, ends);
	for (uint32_t live = vcpu->live; live; live &= live - 1) {
		unsigned n = (unsigned)__builtin_ctz(live);

		fold(vcpu, n, image->lr[n]);
	}
	vcpu->hw_stale |= vcpu->live;
	for (uint32_t left = vcpu->unwritten; left; left &= left - 1)
		vcpu->hw_lr[__builtin_ctz(left)] = ~0ull;
	vcpu->unwritten = 0;
	vcpu->live = 0;
	image->live = 0;
}

/*
 * No lock: while a vCPU is loaded, only its own CPU touches what the lock is for; vgic_load() took
 * it once, to see off whoever served the vCPU before.
 */
void vgic_exit(struct vgic_cpu *cpu, struct gic_cpuif *image)
{
	struct vgic_vcpu *vcpu = vcpu_of(cpu);
	bool ran = __atomic_load_n(&vcpu->mode, __ATOMIC_RELAXED) == MODE_RUNNING;

	/* relaxed: a raiser that still sees RUNNING sends a kick too many, no more */
	__atomic_store_n(&vcpu->mode, MODE_OUTSIDE, __ATOMIC_RELAXED);
	vcpu->image = image;
	if (ran)
		fold_all(vcpu, image);
	vcpu_drain(vcpu);
	vcpu_resettled(vcpu, RESETTLE_ENTER);
	irqs_post(vcpu->vgic, vcpu, vcpu_take_forwards(vcpu));
}

/* --- Enter -------------------------------------------------------------------------------------- */

static void count_pending(struct vgic_vcpu *vcpu, virq_t virq)
{
	count(virq < SGIS ? &vcpu->stats.sgis :
	      virq < PRIVATE_IRQS ? &vcpu->stats.ppis : &vcpu->stats.spis);
}

/*
 * The list register of an interrupt with this word. Pending and active are never both told
 * with the HW bit: the physical interrupt has one active state to give. Then, and when an active
 * interrupt's next edge is another vCPU's, or of another priority or group, that one `waits` for
 * the end of this one, which must be seen: no HW bit, EOI request.
 */
static uint64_t lr_value(const struct vgic *vgic, struct slot *slot, uint64_t word, bool pending,
			 bool waits)
{
	virq_t virq = irq_intid(vgic, slot->irq);
	unsigned hwirq = irq_hwirq(slot->irq) & ~HWIRQ_LEVEL;
	bool active = word & W_ACTIVE;
	bool acked = active && word_ack(word) != ACK_BY_HAND;
	unsigned priority = acked ? word_ack(word) : word_priority(word);
	uint64_t lr = virq | (uint64_t)priority << LR_PRIORITY_SHIFT;

	if (pending)
		lr |= LR_PENDING;
	if (active)
		lr |= LR_ACTIVE;
	if (word & (acked ? W_ACK_GROUP1 : W_GROUP1))
		lr |= LR_GROUP1;
	slot->soft = hwirq && waits;
	if (hwirq && !waits)
		return lr | LR_HW | (uint64_t)hwirq << LR_PINTID_SHIFT;
	/* A level input that we were told about may still be high after the end of the interrupt. */
	if (waits || (word & (W_LEVEL | W_LINE)) == (W_LEVEL | W_LINE))
		lr |= LR_EOI;
	return lr;
}

/* Active with a priority or group that its next occurrence will not have. */
static bool reconfigured(uint64_t w)
{
	return word_ack(w) != ACK_BY_HAND &&
	       (word_ack(w) != word_priority(w) || !(w & W_ACK_GROUP1) != !(w & W_GROUP1));
}

/*
 * Move an interrupt from its queue into list register n. The pending state moves with it: latch,
 * and the line of a mapped interrupt, of which only rising edges are ever told.
 */
static void fill(struct vgic_vcpu *vcpu, struct gic_cpuif *image, unsigned n,
		 struct queue *queue, struct vgic_irq *irq)
{
	struct vgic *vgic = vcpu->vgic;
	struct slot *slot = &vcpu->slots[n];
	unsigned hwirq = irq_hwirq(irq), groups = vcpu_groups(vcpu);
	uint64_t old = word_load(irq), new;
	bool wanted, pending;

	queue_remove(vgic, queue, irq);
	irq->place = PLACE_LR;
	irq->bucket = (uint8_t)n;
	do {
		wanted = word_wanted(old) && (groups >> !!(old & W_GROUP1) & 1);
		pending = wanted && word_target(old) == vcpu->index &&
			  !((old & W_ACTIVE) && (hwirq || reconfigured(old)));
		new = old | W_IN_LR;
		if (pending)
			new = (new | W_LR_PENDING) & ~W_LATCH;
		if (pending && (hwirq & HWIRQ_LEVEL))
			new &= ~W_LINE;
	} while (!word_cas(irq, &old, new));

	slot->irq = irq;
	slot->took_latch = pending && (old & W_LATCH);
	slot->took_line = pending && (hwirq & HWIRQ_LEVEL) && (old & W_LINE);
	slot->was_active = old & W_ACTIVE;
	image->lr[n] = lr_value(vgic, slot, old, pending, wanted && !pending && (old & W_ACTIVE));
	vcpu->live |= 1u << n;
	if (pending)
		count_pending(vcpu, irq_intid(vgic, irq));
}

/* The better one of the two groups' best, as far as `groups` allows. */
static struct queue *best_pending(struct vgic_vcpu *vcpu, unsigned groups, struct vgic_irq **irq)
{
	struct vgic_irq *best[2] = { NULL, NULL };

	for (unsigned g = 0; g < 2; g++)
		if (groups & 1u << g)
			best[g] = queue_best(vcpu->vgic, &vcpu->pending[g]);
	unsigned g = !best[0] || (best[1] && best[1]->bucket < best[0]->bucket);

	*irq = best[g];
	return &vcpu->pending[g];
}

static unsigned fill_active(struct vgic_vcpu *vcpu, struct gic_cpuif *image, unsigned n,
			    unsigned end)
{
	struct vgic_irq *irq;

	while (n < end && (irq = queue_best(vcpu->vgic, &vcpu->active)))
		fill(vcpu, image, n++, &vcpu->active, irq);
	return n;
}

static unsigned fill_pending(struct vgic_vcpu *vcpu, struct gic_cpuif *image, unsigned n,
			     unsigned end, unsigned groups)
{
	struct vgic_irq *irq;
	struct queue *queue;

	while (n < end && (queue = best_pending(vcpu, groups, &irq), irq))
		fill(vcpu, image, n++, queue, irq);
	return n;
}

/*
 * More than fits. One list register is for the best pending interrupt that the guest could take,
 * or actives alone would hide it; actives come next, in the order in which they will end; then as
 * many pending ones as there is room for. Returns what the guest has to be stopped for.
 */
static uint32_t fill_some(struct vgic_vcpu *vcpu, struct gic_cpuif *image, unsigned groups)
{
	unsigned lrs = vcpu->vgic->config.lrs;
	unsigned open = groups & (vcpu->vmcr & (VMCR_VENG0 | VMCR_VENG1));
	unsigned n = fill_pending(vcpu, image, 0, 1, open);
	uint32_t hcr = 0;

	n = fill_active(vcpu, image, n, lrs);
	n = fill_pending(vcpu, image, n, lrs, open);
	n = fill_pending(vcpu, image, n, lrs, groups & ~open);
	if ((open & 1 && vcpu->pending[0].count) || (open & 2 && vcpu->pending[1].count))
		hcr |= HCR_NPIE;
	if ((groups & 1 && vcpu->pending[0].count) || (groups & 2 && vcpu->pending[1].count)) {
		/* What the guest does with either group may make another choice the right one. */
		hcr |= vcpu->vmcr & VMCR_VENG0 ? HCR_VGRP0DIE : HCR_VGRP0EIE;
		hcr |= vcpu->vmcr & VMCR_VENG1 ? HCR_VGRP1DIE : HCR_VGRP1EIE;
		count(&vcpu->stats.overflows);
	}
	if (vcpu->active.count) {
		hcr |= HCR_LRENPIE;
		if (vcpu->vmcr & VMCR_VEOIM)
			hcr |= HCR_TDIR;
	}
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
	fill_pending(vcpu, image, fill_active(vcpu, image, 0, lrs), lrs, groups);
	return 0;
}

void vgic_enter(struct vgic_cpu *cpu, struct gic_cpuif *image)
{
	struct vgic_vcpu *vcpu = vcpu_of(cpu);
	uint32_t hcr, dirty = 0;

	/*
	 * From here on a raiser kicks; what it pushed before it looked at the mode is drained below.
	 * Full barrier; partner: irqs_post(), vcpu_resettle().
	 */
	__atomic_store_n(&vcpu->mode, MODE_RUNNING, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	vcpu_resettled(vcpu, 0);
	vcpu_drain(vcpu);
	hcr = HCR_EN | fill_all(vcpu, image, vcpu_groups(vcpu));
	if (vcpu->ghosts[0] | vcpu->ghosts[1])
		hcr |= HCR_LRENPIE;

	for (uint32_t n, look = vcpu->live | vcpu->hw_stale; look; look &= look - 1) {
		n = (uint32_t)__builtin_ctz(look);
		if (!(vcpu->live & 1u << n))
			image->lr[n] = 0;
		if (image->lr[n] != vcpu->hw_lr[n])
			dirty |= 1u << n;
		vcpu->hw_lr[n] = image->lr[n];
	}
	vcpu->hw_stale = 0;
	image->live = vcpu->live;
	image->changed = dirty;
	image->hcr_changed = hcr != vcpu->hw_hcr;
	image->hcr = vcpu->hw_hcr = hcr;
	irqs_post(vcpu->vgic, vcpu, vcpu_take_forwards(vcpu));
}

/* --- Refill: the short way ---------------------------------------------------------------------- */

/*
 * Make room: take an interrupt that the guest ended out of list register n. True if that was all:
 * one change of the word. Otherwise it is folded like any other, and may be due again.
 */
static bool retire(struct vgic_vcpu *vcpu, const struct gic_cpuif *image, unsigned n)
{
	struct slot *slot = &vcpu->slots[n];
	struct vgic_irq *irq = slot->irq;
	uint64_t old = word_load(irq);
	bool plain = !asks_for_maintenance(image->lr[n]) && !slot->soft &&
		     !(old & (W_QUEUED | W_LATCH | W_LINE));

	if (!plain)
		return false;
	irq->place = PLACE_NONE;
	if (!word_cas(irq, &old, old & ~(W_IN_LR | W_LR_PENDING | W_ACTIVE | W_HELD))) {
		irq->place = PLACE_LR;
		return false;
	}
	vcpu->live &= ~(1u << n);
	vcpu->hw_lr[n] = 0; /* as good as empty */
	return true;
}

/*
 * Which list register a new pending state can go to without a look at any of them: the one that the
 * same interrupt had until the guest ended it, a free one, or that of another ended interrupt.
 * -1: none.
 */
static int room_for(struct vgic_vcpu *vcpu, const struct gic_cpuif *image,
		    const struct vgic_irq *irq, uint64_t word, uint32_t empty)
{
	uint32_t all = (1u << vcpu->vgic->config.lrs) - 1;

	if (word & W_HELD) {
		unsigned n = irq->bucket;

		/* HELD but not in ours: `place` and `bucket` are another vCPU's to read. */
		if (!(word & W_IN_LR) || word_holder(word) != vcpu->index || !(empty >> n & 1) ||
		    vcpu->slots[n].soft || asks_for_maintenance(image->lr[n]) ||
		    (word & W_ACTIVE && !vcpu->slots[n].was_active))
			return -1;
		return (int)n;
	}
	if (word & W_ACTIVE)
		return -1;
	if (~vcpu->live & all)
		return __builtin_ctz(~vcpu->live & all);
	if (!(vcpu->live & empty))
		return -1;
	unsigned n = (unsigned)__builtin_ctz(vcpu->live & empty);

	return retire(vcpu, image, n) ? (int)n : -1;
}

/* From the inbox straight into a list register, whose number is returned. -1: not so simple. */
static int fill_new(struct vgic_vcpu *vcpu, struct gic_cpuif *image, struct vgic_irq *irq,
		    unsigned groups, uint32_t empty)
{
	unsigned me = vcpu->index, hwirq = irq_hwirq(irq);
	virq_t virq = irq_intid(vcpu->vgic, irq);
	uint64_t old = word_load(irq), new, lr;
	int n;

	do {
		if ((old & (W_REQUESTS | W_LR_REQUESTS)) || !word_wanted(old) || word_target(old) != me ||
		    !(groups >> !!(old & W_GROUP1) & 1))
			return -1;
		n = room_for(vcpu, image, irq, old, empty);
		if (n < 0)
			return -1;
		new = old & ~(W_QUEUED | W_LATCH | W_ACTIVE | W_HOLDER);
		new |= W_HELD | W_IN_LR | W_LR_PENDING | (uint64_t)me << W_HOLDER_SHIFT;
		if (hwirq & HWIRQ_LEVEL)
			new &= ~W_LINE;
		/* Before the word says that it is held; nobody else can take it: the link is ours. */
		irq->place = PLACE_LR;
		irq->bucket = (uint8_t)n;
	} while (!word_cas(irq, &old, new));

	vcpu->slots[n] = (struct slot){ .irq = irq,
					.took_latch = old & W_LATCH,
					.took_line = (hwirq & HWIRQ_LEVEL) && (old & W_LINE) };
	lr = virq | LR_PENDING | (uint64_t)word_priority(old) << LR_PRIORITY_SHIFT;
	if (old & W_GROUP1)
		lr |= LR_GROUP1;
	if (hwirq)
		lr |= LR_HW | (uint64_t)(hwirq & ~HWIRQ_LEVEL) << LR_PINTID_SHIFT;
	else if ((old & (W_LEVEL | W_LINE)) == (W_LEVEL | W_LINE))
		lr |= LR_EOI;
	image->lr[n] = vcpu->hw_lr[n] = lr;
	vcpu->live |= 1u << n;
	count_pending(vcpu, virq);
	return n;
}

bool vgic_refill(struct vgic_cpu *cpu, struct gic_cpuif *image, uint32_t empty)
{
	struct vgic_vcpu *vcpu = vcpu_of(cpu);
	unsigned groups = vcpu_groups(vcpu);
	uint32_t changed = 0;
	link_t list;

	/* Nothing is left over outside the list registers, and nobody asked for more. */
	if (__atomic_load_n(&cpu->resettle, __ATOMIC_RELAXED) || vcpu->hw_hcr != HCR_EN)
		return false;
	/* acquire: partner is the release of push() */
	list = __atomic_exchange_n(&cpu->inbox, 0, __ATOMIC_ACQUIRE);
	while (list) {
		struct vgic_irq *irq = irq_at(vcpu->vgic, list);
		link_t next = irq->next; /* before the word gives the link away */
		int n = fill_new(vcpu, image, irq, groups, empty & ~changed);

		if (n < 0)
			break;
		changed |= 1u << n;
		list = next;
	}
	image->live = vcpu->live;
	image->changed = changed;
	image->hcr_changed = false;
	if (!list)
		return true;
	/* Exit and enter do the rest; what was filled and not written is not to be read back. */
	vcpu->stash = list;
	vcpu->unwritten = changed;
	image->live &= ~changed;
	__atomic_fetch_or(&cpu->resettle, RESETTLE_ENTER, __ATOMIC_RELAXED);
	return false;
}
