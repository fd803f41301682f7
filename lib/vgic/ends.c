/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Ends of interrupt that found no list register: which interrupts they were of. Hardware only counts
 * them (ICH_HCR_EL2.EOIcount), and with EOImode 1 not even that; the active priorities tell the rest.
 * IHI 0069 4.8 and 12.5.
 */
#include "lr.h"

static unsigned word_level(const struct vgic_vcpu *vcpu, uint64_t w)
{
	return preemption_level(vcpu, !!(w & W_ACK_GROUP1), word_ack(w));
}

static unsigned lr_level(const struct vgic_vcpu *vcpu, uint64_t lr)
{
	return preemption_level(vcpu, !!(lr & LR_GROUP1),
				(unsigned)(lr >> LR_PRIORITY_SHIFT) & 0xff);
}

static void claim_lrs(struct vgic_vcpu *vcpu, const struct gic_cpuif *image,
		      struct running *running)
{
	for (uint32_t live = vcpu->live; live; live &= live - 1) {
		unsigned n = (unsigned)__builtin_ctz(live);
		uint64_t lr = lr_of(vcpu->vgic, image->lr[n]);
		bool fresh = is_fresh(vcpu->vgic, &vcpu->slots[n], lr);

		if (!(lr & LR_ACTIVE) || irq_is_lpi(vcpu->vgic, vcpu->slots[n].irq) ||
		    (!fresh && !word_runs(vcpu->slots[n].was)))
			continue;
		levels_add(&running->claimed, lr_level(vcpu, lr));
		if (fresh)
			levels_add(&running->fresh, lr_level(vcpu, lr));
	}
}

/* The first of each list is enough: at one level at most one runs. */
static void claim_outside(const struct vgic_vcpu *vcpu, struct running *running)
{
	running->claimed = vcpu->ghosts;
	for (unsigned i = 0; i < 4; i++)
		for (uint64_t left = vcpu->active.summary[i]; left; left &= left - 1) {
			link_t head = vcpu->active.heads[64 * i + (unsigned)__builtin_ctzll(left)];
			uint64_t w = word_load(irq_at(vcpu->vgic, head));

			if (word_runs(w))
				levels_add(&running->claimed, word_level(vcpu, w));
		}
}

/* The image has the active priorities. */
__attribute__((noinline)) void who_runs(struct vgic_vcpu *vcpu, const struct gic_cpuif *image,
					struct running *running)
{
	for (unsigned i = 0; i < 2; i++)
		running->active.bits[i] =
			(image->ap0r[2 * i] | image->ap1r[2 * i]) |
			(uint64_t)(image->ap0r[2 * i + 1] | image->ap1r[2 * i + 1]) << 32;
	running->fresh = (struct levels){ { 0, 0 } };
	claim_outside(vcpu, running);
	claim_lrs(vcpu, image, running);
}

/*
 * Was the priority of an interrupt dropped that was acknowledged at this level? An active priority is
 * that of the one that is nearest to it, not better than it (the binary point may have been another
 * one then), and of two at one level, that of the later one: the first had been dropped, or it would
 * not have let the second through.
 */
static bool was_dropped(const struct running *running, unsigned level, bool fresh)
{
	unsigned own = levels_up_to(&running->active, level);

	if (own == LEVELS || (!fresh && levels_has(&running->fresh, level)))
		return true;
	return level > 0 && levels_up_to(&running->claimed, level - 1) != LEVELS &&
	       levels_up_to(&running->claimed, level - 1) >= own;
}

/* Was the priority dropped of what is active in list register n, which is `lr` now? */
bool lr_dropped(const struct vgic_vcpu *vcpu, unsigned n, uint64_t lr,
		const struct running *running)
{
	const struct slot *slot = &vcpu->slots[n];
	bool fresh = is_fresh(vcpu->vgic, slot, lr);

	if (!fresh && !word_runs(slot->was))
		return slot->was & W_DROPPED;
	return running->known && was_dropped(running, lr_level(vcpu, lr), fresh);
}

/* The best active interrupt outside that an end of interrupt is still to come for, or NULL. */
static struct vgic_irq *best_running(const struct vgic_vcpu *vcpu)
{
	struct vgic_irq *irq = queue_best(vcpu->vgic, &vcpu->active);

	return irq && word_runs(word_load(irq)) ? irq : NULL;
}

/* How many of a list of actives were dropped, added up. False: the first that was not dropped came up. */
static bool count_list(const struct vgic_vcpu *vcpu, link_t first, const struct running *running,
		       unsigned *dropped)
{
	link_t at = first;

	do {
		struct vgic_irq *irq = irq_at(vcpu->vgic, at);
		uint64_t w = word_load(irq);

		if (!word_runs(w) || !was_dropped(running, word_level(vcpu, w), false))
			return false;
		++*dropped;
		at = irq->q_next;
	} while (at != first);
	return true;
}

/* Of what was left outside, how many the guest dropped the priority of. Those go best first. */
static unsigned count_dropped(const struct vgic_vcpu *vcpu, const struct running *running)
{
	const struct queue *active = &vcpu->active;
	unsigned dropped = 0;

	for (unsigned level = levels_best(&vcpu->ghosts);
	     level < LEVELS && was_dropped(running, level, false);
	     level = levels_best_from(&vcpu->ghosts, level + 1))
		dropped++;
	for (unsigned i = 0; i < 4; i++)
		for (uint64_t left = active->summary[i]; left; left &= left - 1)
			if (!count_list(vcpu,
					active->heads[64 * i + (unsigned)__builtin_ctzll(left)],
					running, &dropped))
				return dropped;
	return dropped;
}

/* The best of what was left outside: its priority was dropped, and if `ended`, it was deactivated. */
static void drop_best(struct vgic_vcpu *vcpu, bool ended)
{
	struct vgic_irq *irq = best_running(vcpu);
	unsigned ghost = levels_best(&vcpu->ghosts);

	if (!irq || word_level(vcpu, word_load(irq)) >= ghost) {
		if (ghost != LEVELS)
			levels_remove(&vcpu->ghosts, ghost);
		return;
	}
	if (!ended) {
		irq_dropped(vcpu, irq);
		return;
	}
	irq_settle(vcpu, irq, FROM_EOI, NULL);
	if (irq_hwirq(irq))
		physical_release(vcpu, irq);
}

/*
 * The guest ended `ends` interrupts that had no list register (EOImode 0), and dropped the priority
 * of some (EOImode 1, in which nothing counts them). Both go best first. Which were first? The ends, if
 * it was entered with EOImode 0 and came out with 1; else the drops: an end comes out at once.
 */
void replay_ends(struct vgic_vcpu *vcpu, unsigned ends, bool ends_first,
		 const struct running *running)
{
	unsigned dropped = count_dropped(vcpu, running);

	dropped -= ends < dropped ? ends : dropped;
	if (ends_first)
		for (; ends; ends--)
			drop_best(vcpu, true);
	for (; dropped; dropped--)
		drop_best(vcpu, false);
	for (; ends; ends--)
		drop_best(vcpu, true);
}
