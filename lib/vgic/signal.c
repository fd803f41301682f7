/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What a CPU interface signals: the wake predicate, and what a software CPU interface has to offer.
 * IHI 0069 4.8, IHI 0048 3.3.
 */
#include "internal.h"

/* Priority of what runs: the highest set active-priority bit; 0xff when nothing does. */
unsigned vcpu_running_priority(const struct vgic_vcpu *vcpu)
{
	for (unsigned i = 0; i < 4; i++) {
		uint32_t active = vcpu->ap0r[i] | vcpu->ap1r[i];

		if (active)
			return (32 * i + (unsigned)__builtin_ctz(active))
			       << (8 - vcpu->vgic->config.preemption_bits);
	}
	return 0xff;
}

/* The best pending interrupt of the groups that are enabled all the way; whatever runs. */
struct offer vcpu_best(const struct vgic_vcpu *vcpu)
{
	unsigned groups = vcpu_groups(vcpu) & vcpu->vmcr & (VMCR_VENG0 | VMCR_VENG1);
	struct offer offer = { NULL, 0, 0x100 };

	for (unsigned group = 0; group < 2; group++) {
		struct vgic_irq *irq = queue_best(vcpu->vgic, &vcpu->pending[group]);

		if (irq && (groups & 1u << group) && word_priority(word_load(irq)) < offer.priority)
			offer = (struct offer){ irq, group, word_priority(word_load(irq)) };
	}
	return offer;
}

/* Signalled is the best of both groups, or nothing: a worse one that could preempt is not. */
struct offer vcpu_signalled(const struct vgic_vcpu *vcpu)
{
	struct offer offer = vcpu_best(vcpu);

	if (offer.priority >= VMCR_VPMR(vcpu->vmcr) ||
	    group_priority(vcpu->vmcr, offer.group, offer.priority) >= vcpu_running_priority(vcpu))
		offer.irq = NULL;
	return offer;
}
