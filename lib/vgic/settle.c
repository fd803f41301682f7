/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * How a change of an interrupt reaches the vCPU that it concerns: the inbox, the kick, and the
 * settling of one interrupt into its holder's queues. word.md has the transitions;
 * tests/protocol models the inbox and the kick.
 */
#include "internal.h"

void vcpu_kick(struct vgic_vcpu *vcpu)
{
	struct vgic *vgic = vcpu->vgic;

	/* Raisers race for this counter; it may be counted by any of them, so it is an atomic add. */
	__atomic_fetch_add(&vcpu->stats.kicks, 1, __ATOMIC_RELAXED);
	vgic->port.kick(vgic->host, vcpu->index);
}

/*
 * Push on the looker's inbox. W_QUEUED was set by the caller, and by nobody else: the link is the
 * caller's. Returns the vCPU if it has to be told, NULL if it will look anyway.
 */
static struct vgic_vcpu *push(struct vgic *vgic, struct vgic_vcpu *self, struct vgic_irq *irq)
{
	struct vgic_vcpu *vcpu = &vgic->vcpus[word_looker(word_load(irq))];
	link_t head = load_relaxed(&vcpu->cpu.inbox);

	/* release: the word and the link before the push; partner: the exchange in vcpu_drain() */
	do
		irq->next = head;
	while (!__atomic_compare_exchange_n(&vcpu->cpu.inbox, &head, link_to(vgic, irq), true,
					    __ATOMIC_RELEASE, __ATOMIC_RELAXED));
	/* Its own CPU looks at its inbox before it runs the guest; a second push rides on the first. */
	return vcpu == self || head ? NULL : vcpu;
}

/* Two lists that the caller owns, one behind the other. */
static link_t joined(const struct vgic *vgic, link_t first, link_t second)
{
	link_t last = first;

	if (!first)
		return second;
	while (irq_at(vgic, last)->next)
		last = irq_at(vgic, last)->next;
	irq_at(vgic, last)->next = second;
	return first;
}

/*
 * Asked with the lock, without which nobody may touch what is an unloaded vCPU's.
 * acquire: what its owner did before it gave it up is seen, though it took no lock; partner: the release
 * in vgic_put()
 */
bool vcpu_is_put(const struct vgic_vcpu *vcpu)
{
	return __atomic_load_n(&vcpu->mode, __ATOMIC_ACQUIRE) == MODE_PUT;
}

/*
 * Nobody runs this vCPU, so nobody serves its inbox before it is loaded, and an interrupt that it
 * holds and that has to go elsewhere would be stuck: serve it here. Whoever has the lock already does
 * it instead, when it drops it. Returns what has to be posted, with `list` behind it.
 */
link_t serve_unloaded(struct vgic_vcpu *vcpu, link_t list)
{
	while (load_relaxed(&vcpu->mode) == MODE_PUT && load_relaxed(&vcpu->cpu.inbox) &&
	       lock_try(&vcpu->lock)) {
		if (vcpu_is_put(vcpu)) {
			vcpu_drain(vcpu);
			list = joined(vcpu->vgic, vcpu_take_forwards(vcpu), list);
		}
		lock_drop(&vcpu->lock);
		/* Full barrier between lock and inbox; partner: the same between push and lock_try(). */
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
	}
	return list;
}

/*
 * Drop a vCPU's lock, and do what those left to us who tried to take it meanwhile. `list` has to be
 * posted with no lock held.
 */
void vcpu_unlock(struct vgic_vcpu *vcpu, link_t list)
{
	lock_drop(&vcpu->lock);
	/* Full barrier between lock and inbox, as in serve_unloaded(). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	list = serve_unloaded(vcpu, list);
	if (list)
		irqs_post(vcpu->vgic, NULL, list);
}

/* Post every interrupt of a list that the caller owns. No lock is held. */
void irqs_post(struct vgic *vgic, struct vgic_vcpu *self, link_t list)
{
	while (list) {
		struct vgic_irq *irq = irq_at(vgic, list);

		list = irq->next;
		struct vgic_vcpu *vcpu = push(vgic, self, irq);

		if (!vcpu)
			continue;
		/* Full barrier between push and mode; partners: vgic_enter(), vgic_block(), vgic_put(). */
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		uint32_t mode = load_relaxed(&vcpu->mode);

		if (mode == MODE_OUTSIDE)
			continue;
		if (mode == MODE_PUT)
			list = serve_unloaded(vcpu, list);
		vcpu_kick(vcpu);
	}
}

/* New, wanted, and for here: into its queue with one change of the word. False: not so simple. */
static inline bool settle_new(struct vgic_vcpu *vcpu, struct vgic_irq *irq)
{
	uint64_t old = word_load(irq), me = vcpu->index;
	unsigned group = !!(old & W_GROUP1);

	if ((old & (W_ENABLED | W_ACTIVE | W_HELD | W_REQUESTS | W_TARGET |
		    unknown_config(vcpu->vgic))) != (W_ENABLED | me) ||
	    !word_pending(old) ||
	    !word_cas(irq, &old, (old & ~(W_QUEUED | W_HOLDER)) | W_HELD | me << W_HOLDER_SHIFT))
		return false;
	irq->place = (uint8_t)(PLACE_PENDING0 + group);
	queue_insert(vcpu->vgic, &vcpu->pending[group], irq,
		     level_of(vcpu->vgic, word_priority(old)), false);
	return true;
}

static void settle_list(struct vgic_vcpu *vcpu, link_t list)
{
	while (list) {
		struct vgic_irq *irq = irq_at(vcpu->vgic, list);

		list = irq->next; /* before settling gives the link away */
		if (!settle_new(vcpu, irq))
			irq_settle(vcpu, irq, FROM_INBOX, NULL);
	}
}

/* Take the whole inbox and settle what is in it. By the owner, or under the lock. */
void vcpu_drain(struct vgic_vcpu *vcpu)
{
	link_t list;

	if (vcpu->stash | vcpu->cpu.own) {
		list = vcpu->stash;
		vcpu->stash = 0;
		settle_list(vcpu, list);
		list = vcpu->cpu.own;
		vcpu->cpu.own = 0;
		settle_list(vcpu, list);
	}
	/* acquire: partner is the release of push() */
	if (load_relaxed(&vcpu->cpu.inbox))
		settle_list(vcpu, __atomic_exchange_n(&vcpu->cpu.inbox, 0, __ATOMIC_ACQUIRE));
}

/* What drain and fold found to be other vCPUs'. */
link_t vcpu_take_forwards(struct vgic_vcpu *vcpu)
{
	link_t list = vcpu->forward;

	vcpu->forward = 0;
	return list;
}

/* The count of requests that an interrupt's RWP waits for: its redistributor's or the VM's. */
static uint32_t *rwp_of(struct vgic *vgic, const struct vgic_irq *irq)
{
	if (irq_is_private(vgic, irq))
		return &vgic->vcpus[(unsigned)(irq - vgic->irqs) / vgic->privates].rwp;
	return irq_is_lpi(vgic, irq) ? &vgic->lpi_rwp : &vgic->rwp;
}

/*
 * Wait for the truth about a live interrupt: make its holder fold, and do what `requests` say. Returns
 * true if there is something to wait for; W_SYNC is then cleared by whoever settles it. RWP counts
 * the request before it can be taken, or it would miss one that is taken at once. With requests, only
 * what is in a list register is live.
 */
bool irq_sync(struct vgic *vgic, struct vgic_vcpu *self, struct vgic_irq *irq, uint64_t requests)
{
	uint32_t *rwp = rwp_of(vgic, irq);
	uint64_t old = word_load(irq), now;

	if (!word_live(vgic, old))
		return false;
	__atomic_fetch_add(rwp, 1, __ATOMIC_RELAXED);
	do {
		bool live = requests ? !!(old & W_IN_LR) : word_live(vgic, old);

		now = live ? old | W_SYNC | W_QUEUED | requests : old;
	} while (!word_cas(irq, &old, now));
	if ((old & W_SYNC) || !(now & W_SYNC)) /* counted already, or no longer needed */
		__atomic_fetch_sub(rwp, 1, __ATOMIC_RELAXED);
	if ((now & ~old) & W_QUEUED)
		irq_post(vgic, self, irq, now);
	return now & W_SYNC;
}

/*
 * Not loaded: nothing of it is live, there is nothing to wait for, and it may not come for long.
 * Under the lock, so that it stays so, and nothing that a running vCPU has to do is uncounted.
 */
void vcpu_uncount(struct vgic_vcpu *vcpu)
{
	if (__atomic_fetch_and(&vcpu->cpu.resettle, ~RESETTLE_COUNTED, __ATOMIC_RELAXED) &
	    RESETTLE_COUNTED)
		__atomic_fetch_sub(&vcpu->vgic->rwp, 1, __ATOMIC_RELAXED);
}

/* Something about a whole vCPU changed: group enables, sleep. RWP counts as in irq_sync(). */
void vcpu_resettle(struct vgic_vcpu *vcpu, struct vgic_vcpu *self)
{
	struct vgic *vgic = vcpu->vgic;

	__atomic_fetch_add(&vgic->rwp, 1, __ATOMIC_RELAXED);
	if (__atomic_fetch_or(&vcpu->cpu.resettle, RESETTLE | RESETTLE_COUNTED, __ATOMIC_RELEASE) &
	    RESETTLE_COUNTED)
		__atomic_fetch_sub(&vgic->rwp, 1, __ATOMIC_RELAXED);
	if (vcpu == self)
		return;
	/* Full barrier between request and mode, as in irqs_post(). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	uint32_t mode = load_relaxed(&vcpu->mode);

	if (mode == MODE_PUT) {
		lock_take(&vcpu->lock);
		if (vcpu_is_put(vcpu))
			vcpu_uncount(vcpu);
		vcpu_unlock(vcpu, 0);
	}
	if (mode != MODE_OUTSIDE)
		vcpu_kick(vcpu);
}

/*
 * The vCPU looks, or has looked, at everything: take the requests, leave `next` instead. Nothing is in
 * a list register here.
 * acquire: partner is vcpu_resettle(); release: list registers were folded, and what is shared was
 * said, before RWP falls; partner: the loads of GICD_CTLR's RWP, and dir_settle().
 */
void vcpu_resettled(struct vgic_vcpu *vcpu, uint32_t next)
{
	if (!(__atomic_exchange_n(&vcpu->cpu.resettle, next, __ATOMIC_ACQUIRE) & RESETTLE_COUNTED))
		return;
	dir_said(vcpu);
	__atomic_fetch_sub(&vcpu->vgic->rwp, 1, __ATOMIC_RELEASE);
}

/* W_SYNC was taken from the word: tell whoever waits. */
static void account(struct vgic_vcpu *vcpu, const struct vgic_irq *irq)
{
	__atomic_fetch_sub(rwp_of(vcpu->vgic, irq), 1, __ATOMIC_RELEASE);
}

/* Where an interrupt with this word goes when vCPU `me` looks; makes the word say so. */
static enum place decide(unsigned me, uint64_t *word)
{
	uint64_t w = *word;
	bool mine = word_looker(w) == me;

	if (mine && (w & W_ACTIVE)) {
		*word = (w & ~W_HOLDER) | W_HELD | (uint64_t)me << W_HOLDER_SHIFT;
		return PLACE_ACTIVE;
	}
	if (mine && word_target(w) == me && word_wanted(w)) {
		*word = (w & ~W_HOLDER) | W_HELD | (uint64_t)me << W_HOLDER_SHIFT;
		return w & W_GROUP1 ? PLACE_PENDING1 : PLACE_PENDING0;
	}
	if (mine)
		w &= ~(W_HELD | W_HOLDER);
	if (word_needs_look(w))
		w |= W_QUEUED; /* somebody else's: forward */
	*word = w;
	return PLACE_NONE;
}

static struct queue *queue_of(struct vgic_vcpu *vcpu, unsigned place)
{
	return place == PLACE_ACTIVE ? &vcpu->active : &vcpu->pending[place - PLACE_PENDING0];
}

/* May the hooks for this interrupt's physical one be called on this CPU? */
static bool physical_reachable(const struct vgic_vcpu *vcpu, const struct vgic_irq *irq)
{
	return !irq_is_private(vcpu->vgic, irq) || load_relaxed(&vcpu->mode) != MODE_PUT;
}

static void physical_set_active(struct vgic_vcpu *vcpu, struct vgic_irq *irq, bool active)
{
	struct vgic *vgic = vcpu->vgic;

	if (physical_reachable(vcpu, irq))
		vgic->port.hwirq_set_active(vgic->host, vcpu->index, hwirq_of(irq), active);
}

/* The level of a mapped level-sensitive interrupt's line. What cannot be sampled counts as high. */
bool physical_line(struct vgic_vcpu *vcpu, struct vgic_irq *irq)
{
	struct vgic *vgic = vcpu->vgic;

	return !physical_reachable(vcpu, irq) ||
	       vgic->port.hwirq_line(vgic->host, vcpu->index, hwirq_of(irq));
}

/*
 * The mapped line is believed high, but may have fallen while nobody looked. Lower it in the word
 * before the physical active state is cleared: in the other order another CPU takes the next
 * assertion in between, and it is wiped out. Returns whether it was lowered.
 */
bool physical_lower(struct vgic_vcpu *vcpu, struct vgic_irq *irq)
{
	uint64_t old = word_load(irq);

	if (physical_line(vcpu, irq))
		return false;
	while (!word_cas(irq, &old, old & ~W_LINE))
		;
	return true;
}

/*
 * Is there more of a mapped interrupt to deliver, outside list registers? A high line counts where it
 * makes, or will make, anything pending.
 */
bool physical_waits(const struct vgic_irq *irq, uint64_t w)
{
	if (w & W_LATCH)
		return true;
	return (w & W_LINE) && ((w & W_LEVEL) || (irq_hwirq(irq) & HWIRQ_LEVEL));
}

/* While the guest has it pending or active, the physical interrupt is kept active, and silent. */
bool physical_due(const struct vgic_irq *irq, uint64_t w)
{
	return (w & (W_ACTIVE | W_LR_PENDING)) || physical_waits(irq, w);
}

/* The guest cleared the pending state by hand: that of the physical interrupt, too. */
static void physical_clear_pending(struct vgic_vcpu *vcpu, struct vgic_irq *irq)
{
	struct vgic *vgic = vcpu->vgic;

	if (physical_reachable(vcpu, irq))
		vgic->port.hwirq_clear_pending(vgic->host, vcpu->index, hwirq_of(irq));
}

/*
 * Keep it active. Only while the interrupt cannot get to another vCPU, whose guest might end it in
 * between: before the word gives up IN_LR or QUEUED.
 */
void physical_hold(struct vgic_vcpu *vcpu, struct vgic_irq *irq)
{
	physical_set_active(vcpu, irq, true);
}

/* The guest is done with it: let it fire again, unless more of it is due. */
void physical_release(struct vgic_vcpu *vcpu, struct vgic_irq *irq)
{
	if (!physical_due(irq, word_load(irq)))
		physical_set_active(vcpu, irq, false);
}

/* For those who asked for it: the guest deactivated this one. */
void irq_ended(struct vgic_vcpu *vcpu, struct vgic_irq *irq)
{
	struct vgic *vgic = vcpu->vgic;
	uint64_t route = load_relaxed(&irq->route);

	if ((route & ROUTE_NOTIFY) && vgic->port.ended)
		vgic->port.ended(vgic->host, vcpu->index, route_intid(route));
}

/*
 * An active state went away that was acknowledged with priority `ack`, and whose priority was not
 * dropped: the guest's end of interrupt will still come, and find no list register. IHI 0069,
 * ICH_HCR_EL2.EOIcount.
 */
static void leave_ghost(struct vgic_vcpu *vcpu, bool group1, unsigned ack)
{
	levels_add(&vcpu->ghosts, preemption_level(vcpu, group1, ack));
}

/* The word after a list register was folded: what it held, less what was asked for meanwhile. */
static uint64_t fold_word(const struct folded *folded, uint64_t w)
{
	uint64_t now = w & ~(W_IN_LR | W_LR_PENDING | W_LR_REQUESTS | W_ACTIVE);

	if (folded->active && !(w & W_DEACTIVATE))
		now = (now & ~(W_ACK | W_ACK_GROUP1 | W_DROPPED)) | W_ACTIVE |
		      (uint64_t)folded->ack << W_ACK_SHIFT | (folded->group1 ? W_ACK_GROUP1 : 0) |
		      (folded->dropped ? W_DROPPED : 0);
	else if ((w & W_ACTIVE) && !folded->was_active)
		now |= W_ACTIVE | W_ACK; /* by hand, while it was in the list register */
	if (folded->latch && !(w & W_RETRACT))
		now |= W_LATCH | folded->source;
	if (folded->line)
		now |= W_LINE;
	return now;
}

/*
 * The next word of an interrupt that is being settled, and where that puts it. If somebody else is
 * pushing it right now (folding meets W_QUEUED), that and what was asked stays for the drainer.
 */
static enum place next_word(struct vgic_vcpu *vcpu, enum settle_why why,
			    const struct folded *folded, uint64_t old, uint64_t *now)
{
	uint64_t w = folded ? fold_word(folded, old) : old;
	uint64_t keep = why == FROM_INBOX ? 0 : w & (W_QUEUED | W_REQUESTS);
	uint64_t asked = w & W_REQUESTS;
	enum place place;

	if (why == FROM_EOI)
		w &= ~W_ACTIVE;
	w &= ~(W_QUEUED | W_REQUESTS);
	place = decide(vcpu->index, &w);
	if ((w & W_HELD) && word_holder(w) != vcpu->index)
		w |= asked | W_QUEUED; /* what was asked of its holder */
	*now = w | keep;
	return place;
}

/*
 * Put an interrupt where its word says it belongs. If this vCPU holds it, it is in the queue that
 * irq->place says, or in a list register that is being folded. By the owner, or under the lock.
 */
void irq_settle(struct vgic_vcpu *vcpu, struct vgic_irq *irq, enum settle_why why,
		const struct folded *folded)
{
	struct vgic *vgic = vcpu->vgic;
	uint64_t old = word_load(irq), now;
	bool was_active = false, held = false;
	enum place place;

	/* HELD by us does not change behind our back; else `place` is not ours to look at. */
	if ((old & W_HELD) && word_holder(old) == vcpu->index) {
		was_active = irq->place == PLACE_ACTIVE;
		if (irq->place != PLACE_NONE && irq->place != PLACE_LR)
			queue_remove(vgic, queue_of(vcpu, irq->place), irq);
		irq->place = PLACE_NONE;
	}
	if ((old & W_PHYSICAL) && (old & W_LINE) && (irq_hwirq(irq) & HWIRQ_LEVEL))
		physical_lower(vcpu, irq);

	old = word_load(irq);
	do {
		/* Again if it was invalidated meanwhile: who did that relies on this settling. */
		while (irq_is_lpi(vgic, irq) && lpi_is_unknown(vcpu, old))
			old = lpi_configure(vcpu, irq);
		/* The guest made it pending or active by hand: so is the physical one, from now on. */
		if ((old & W_PHYSICAL) && physical_due(irq, old) && !held) {
			physical_hold(vcpu, irq);
			held = true;
		}
		place = next_word(vcpu, why, folded, old, &now);
	} while (!word_cas(irq, &old, now));

	if (place != PLACE_NONE) {
		unsigned level = place == PLACE_ACTIVE ? active_level(vgic, now)
						       : level_of(vgic, word_priority(now));

		irq->place = (uint8_t)place;
		queue_insert(vgic, queue_of(vcpu, place), irq, level, why == FROM_LR);
	}
	if (folded && folded->active && (old & W_DEACTIVATE)) {
		if (!folded->dropped && folded->ack != ACK_BY_HAND)
			leave_ghost(vcpu, folded->group1, folded->ack);
		irq_ended(vcpu, irq);
	}
	if (was_active && !(now & W_ACTIVE)) {
		if (why == FROM_INBOX && word_runs(old))
			leave_ghost(vcpu, old & W_ACK_GROUP1, word_ack(old));
		irq_ended(vcpu, irq);
	}
	if (why != FROM_INBOX && (old & W_QUEUED))
		return; /* the link is not ours, and draining will do what was asked */
	if (now & W_QUEUED) {
		irq->next = vcpu->forward;
		vcpu->forward = link_to(vgic, irq);
		if (now & W_HELD)
			return;
	}
	if (old & W_PHYSICAL_CLEAR)
		physical_clear_pending(vcpu, irq);
	if (old & W_PHYSICAL)
		physical_release(vcpu, irq);
	if (old & W_SYNC)
		account(vcpu, irq);
}
