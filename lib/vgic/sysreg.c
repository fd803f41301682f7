/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The CPU interface registers that trap: the SGI generators (IHI 0069 12.2, ICC_SGI1R_EL1) and,
 * while an active interrupt is outside the list registers with EOImode 1, ICC_DIR_EL1.
 */
#include "internal.h"

static void send(struct vgic_vcpu *self, unsigned target, unsigned sgi, bool group0_only)
{
	struct vgic_irq *irq = &self->vgic->vcpus[target].private[sgi];

	if (group0_only && (word_load(irq) & W_GROUP1))
		return;
	irq_change(self->vgic, self, irq, 0, W_LATCH);
}

static void send_to_all_but_self(struct vgic_vcpu *self, unsigned sgi, bool group0_only)
{
	for (unsigned i = 0; i < self->vgic->config.vcpus; i++)
		if (i != self->index)
			send(self, i, sgi, group0_only);
}

/* Targets that do not exist get nothing; nobody is told. */
static void send_to_list(struct vgic_vcpu *self, uint64_t value, unsigned sgi, bool group0_only)
{
	struct vgic *vgic = self->vgic;
	unsigned range = (unsigned)(value >> 44) & 0xf;
	/* Aff3 and Aff2 and Aff1 where MPIDR has them. */
	uint64_t cluster = (value >> 48 & 0xff) << 32 | (value >> 32 & 0xff) << 16 |
			   (value >> 16 & 0xff) << 8;

	for (uint32_t list = (uint32_t)value & 0xffff; list; list &= list - 1) {
		unsigned aff0 = 16 * range + (unsigned)__builtin_ctz(list);
		int vcpu = vgic_vcpu_of_mpidr(vgic, cluster | aff0);

		if (vcpu >= 0)
			send(self, (unsigned)vcpu, sgi, group0_only);
	}
}

static enum vgic_result write_sgir(struct vgic_vcpu *self, uint64_t value, bool group0_only)
{
	unsigned sgi = (unsigned)(value >> 24) & 0xf;

	if (value & 1ull << 40)
		send_to_all_but_self(self, sgi, group0_only);
	else
		send_to_list(self, value, sgi, group0_only);
	return VGIC_DONE;
}

/* Deactivates what this vCPU has active: in its list registers, so fold, or outside of them. */
static enum vgic_result write_dir(struct vgic_vcpu *self, uint64_t value)
{
	struct vgic *vgic = self->vgic;
	virq_t virq = (virq_t)value & 0xffffff;
	struct vgic_irq *irq;
	uint64_t w;

	if (virq < PRIVATE_IRQS)
		irq = &self->private[virq];
	else if (virq - PRIVATE_IRQS < vgic->config.spis)
		irq = &vgic->shared[virq - PRIVATE_IRQS];
	else
		return VGIC_DONE;
	w = word_load(irq);
	if (word_live(vgic, w) && word_holder(w) == self->index)
		return VGIC_AGAIN;
	/* The guest ended it itself: no end of interrupt is to come that a ghost would wait for. */
	irq_change(vgic, self, irq, W_ACTIVE, W_ACK | (irq_hwirq(irq) ? W_PHYSICAL : 0));
	return VGIC_DONE;
}

enum vgic_result vgic_sysreg_write(struct vgic_cpu *cpu, enum vgic_sysreg reg, uint64_t value)
{
	struct vgic_vcpu *self = vcpu_of(cpu);

	switch (reg) {
	case VGIC_ICC_SGI1R_EL1:
		return write_sgir(self, value, false);
	case VGIC_ICC_SGI0R_EL1:
	case VGIC_ICC_ASGI1R_EL1:
		return write_sgir(self, value, true);
	case VGIC_ICC_DIR_EL1:
		return write_dir(self, value);
	}
	return VGIC_DONE;
}
