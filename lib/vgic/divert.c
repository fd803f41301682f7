/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Diverted interrupts: sources speak to the vGIC as ever, but somebody else delivers. The word keeps the
 * latch and the line, is disabled, and says so (W_DIVERTED); the guest's accesses to what belongs to it
 * find nothing there. SDEI is who asks for it: carillon/sdei.h.
 */
#include "internal.h"

static struct vgic_irq *divertible(const struct vgic *vgic, unsigned vcpu, virq_t virq)
{
	if (virq < SGIS || virq >= VGIC_LPI_BASE)
		return NULL;
	if (vcpu >= vgic->config.vcpus)
		return NULL;
	return irq_of(vgic, vcpu, virq);
}

bool vgic_divertible(const struct vgic *vgic, unsigned vcpu, virq_t virq)
{
	return divertible(vgic, vcpu, virq);
}

/* A source changed a diverted interrupt; there may be something else about it to look at: `post`. */
__attribute__((noinline)) void irq_diverted(struct vgic *vgic, struct vgic_vcpu *self,
					    struct vgic_irq *irq, bool post)
{
	unsigned vcpu = irq_is_private(vgic, irq) ? (unsigned)(irq - vgic->irqs) / vgic->privates
						  : 0;

	if (post)
		irq_post(vgic, self, irq, word_load(irq));
	if (word_pending(word_load(irq)) && vgic->port.diverted)
		vgic->port.diverted(vgic->host, vcpu, irq_intid(irq));
}

/* Nothing of it is being handled, or waits to be: the physical one may fire again. */
static void let_fire(struct vgic_vcpu *vcpu, struct vgic_irq *irq)
{
	struct vgic *vgic = vcpu->vgic;

	if (irq_hwirq(irq))
		vgic->port.hwirq_set_active(vgic->host, vcpu->index, hwirq_of(irq), false);
}

/* The word, once the line of a mapped level-sensitive one is what it is now. */
static uint64_t sampled(struct vgic_vcpu *vcpu, struct vgic_irq *irq)
{
	if ((irq_hwirq(irq) & HWIRQ_LEVEL) && (word_load(irq) & W_LINE) &&
	    physical_lower(vcpu, irq) && !word_pending(word_load(irq)))
		let_fire(vcpu, irq);
	return word_load(irq);
}

/* --- To and fro. -------------------------------------------------------------------------------- */

/* Nobody has it, and nothing is under way. */
static bool is_idle(uint64_t w)
{
	return !(w & (W_HELD | W_ACTIVE | W_QUEUED)) && !word_pending(w);
}

/*
 * What is in a list register may be over, which its holder is asked for once; what is neither pending nor
 * active any more is about to be let go of by its holder.
 */
static bool is_unsettled(struct vgic_vcpu *self, struct vgic_irq *irq)
{
	struct access access = {
		.vgic = self->vgic, .self = self, .irqs = irq, .n = 1, .offset = 0xfffc
	};
	uint64_t w;

	if (settle_truth(&access, 1) == VGIC_AGAIN)
		return true;
	w = word_load(irq);
	return (w & (W_HELD | W_QUEUED)) && !(w & (W_ACTIVE | W_IN_LR)) && !word_pending(w);
}

int vgic_divert(struct vgic_cpu *cpu, unsigned vcpu, virq_t virq)
{
	struct vgic *vgic = vcpu_of(cpu)->vgic;
	struct vgic_irq *irq = divertible(vgic, vcpu, virq);
	uint64_t old;

	if (!irq)
		return -VIRQ_ERR_RANGE;
	if (is_unsettled(vcpu_of(cpu), irq))
		return VGIC_AGAIN;
	old = word_load(irq);
	if (!(old & (W_HELD | W_ACTIVE | W_QUEUED)))
		old = sampled(&vgic->vcpus[vcpu], irq);
	do {
		if (old & W_DIVERTED)
			return 0;
		if (!is_idle(old))
			return -VIRQ_ERR_BUSY;
	} while (!word_cas(irq, &old, (old & ~W_ENABLED) | W_DIVERTED));
	__atomic_fetch_add(&vgic->diverted, 1, __ATOMIC_RELEASE);
	return 0;
}

int vgic_divert_again(struct vgic *vgic, unsigned vcpu, virq_t virq)
{
	struct vgic_irq *irq = divertible(vgic, vcpu, virq);

	if (!irq)
		return -VIRQ_ERR_RANGE;
	if (!(irq_change(vgic, NULL, irq, W_ENABLED | W_ACTIVE, W_DIVERTED) & W_DIVERTED))
		__atomic_fetch_add(&vgic->diverted, 1, __ATOMIC_RELEASE);
	return 0;
}

static bool is_diverted(const struct vgic_irq *irq)
{
	return irq && (word_load(irq) & W_DIVERTED);
}

/* What is pending of it stays so. A physical interrupt is active if that is so, else it is not. */
void vgic_undivert(struct vgic *vgic, unsigned vcpu, virq_t virq)
{
	struct vgic_irq *irq = divertible(vgic, vcpu, virq);
	unsigned target;

	if (!is_diverted(irq) ||
	    !(irq_change(vgic, NULL, irq, W_DIVERTED, irq_hwirq(irq) ? W_PHYSICAL : 0) &
	      W_DIVERTED))
		return;
	__atomic_fetch_sub(&vgic->diverted, 1, __ATOMIC_RELEASE);
	target = word_target(word_load(irq));
	if (!irq_is_private(vgic, irq) && irq_hwirq(irq) && vgic->port.hwirq_route &&
	    target != TARGET_NONE)
		vgic->port.hwirq_route(vgic->host, hwirq_of(irq), target);
}

/* --- For who delivers it. ------------------------------------------------------------------------ */

bool vgic_diverted_pending(struct vgic *vgic, unsigned vcpu, virq_t virq)
{
	struct vgic_irq *irq = divertible(vgic, vcpu, virq);

	return is_diverted(irq) && word_pending(sampled(&vgic->vcpus[vcpu], irq));
}

static uint64_t change(struct vgic_irq *irq, uint64_t clear)
{
	uint64_t old = word_load(irq);

	while (!word_cas(irq, &old, old & ~clear))
		;
	return old & ~clear;
}

void vgic_diverted_take(struct vgic *vgic, unsigned vcpu, virq_t virq)
{
	struct vgic_irq *irq = divertible(vgic, vcpu, virq);

	if (is_diverted(irq) && (word_load(irq) & W_LATCH))
		change(irq, W_LATCH);
}

/*
 * A mapped line that is still high keeps its physical interrupt active; one that is low is lowered before
 * that becomes inactive, as in physical_lower().
 */
bool vgic_diverted_end(struct vgic *vgic, unsigned vcpu, virq_t virq)
{
	struct vgic_irq *irq = divertible(vgic, vcpu, virq);

	if (!is_diverted(irq))
		return false;
	if (!(irq_hwirq(irq) & HWIRQ_LEVEL) || physical_lower(&vgic->vcpus[vcpu], irq))
		let_fire(&vgic->vcpus[vcpu], irq);
	return word_pending(word_load(irq));
}

bool vgic_diverted_clear(struct vgic *vgic, unsigned vcpu, virq_t virq)
{
	struct vgic_irq *irq = divertible(vgic, vcpu, virq);

	if (!is_diverted(irq))
		return false;
	if (change(irq, W_LATCH) & W_LINE)
		return vgic_diverted_pending(vgic, vcpu, virq);
	let_fire(&vgic->vcpus[vcpu], irq);
	return false;
}

void vgic_diverted_route(struct vgic *vgic, unsigned vcpu, virq_t virq)
{
	struct vgic_irq *irq = divertible(vgic, vcpu, virq);

	if (is_diverted(irq) && !irq_is_private(vgic, irq) && irq_hwirq(irq) &&
	    vgic->port.hwirq_route)
		vgic->port.hwirq_route(vgic->host, hwirq_of(irq), vcpu);
}
