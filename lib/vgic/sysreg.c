/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The CPU interface registers that trap: the SGI generators and ICC_DIR_EL1 (IHI 0069 12.2).
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

/* What a vCPU waits for that deactivates by number; no register access has this key. */
#define WAIT_DEACTIVATION 1u

/*
 * The guest deactivates an interrupt by its number; whoever has it active. A private one is that of
 * `self`. One that another vCPU was entered with as active is so until it is folded, which deactivates
 * it: nothing to wait for. One that went in as pending may have been acknowledged or not, which its
 * fold tells, and deactivates it if so; that is waited for, so that no later acknowledge is hit.
 * `cpuid`: the source of a GICv2's SGI, which has to fit.
 */
enum vgic_result irq_deactivate(struct vgic_vcpu *self, virq_t virq, unsigned cpuid)
{
	struct vgic *vgic = self->vgic;
	struct access access = { .vgic = vgic, .self = self, .n = 1 };
	uint64_t w;

	access.irqs = irq_of(vgic, self->index, virq);
	if (!access.irqs)
		return VGIC_DONE;
	w = word_load(access.irqs);
	if (self->wait_key == WAIT_DEACTIVATION) {
		if (w & W_SYNC)
			return VGIC_AGAIN;
		self->wait_key = 0;
		return VGIC_DONE;
	}
	if (own_live(&access, 1))
		return VGIC_AGAIN;
	if (irq_has_sources(vgic, access.irqs) && word_cpuid(w) != cpuid)
		return VGIC_DONE;
	if (w & W_ACTIVE)
		return clear_state(&access, 1, W_ACTIVE, W_DEACTIVATE, W_PHYSICAL, W_ACTIVE);
	if (!(w & W_IN_LR))
		return VGIC_DONE;
	if (irq_sync(vgic, self, access.irqs,
		     W_DEACTIVATE | (irq_hwirq(access.irqs) ? W_PHYSICAL : 0)))
		self->wait_key = WAIT_DEACTIVATION;
	return VGIC_AGAIN;
}

static __attribute__((noinline)) enum vgic_result write_dir(struct vgic_vcpu *self, uint64_t value)
{
	enum vgic_result result = irq_deactivate(self, (virq_t)value & 0xffffff, 0);

	if (result == VGIC_DONE)
		dir_trapped(self);
	return result;
}

/* ICC_SGI1R_EL1 first: it is the one that is written often. */
enum vgic_result vgic_sysreg_write(struct vgic_cpu *cpu, uint32_t reg, uint64_t value)
{
	struct vgic_vcpu *self = vcpu_of(cpu);

	if (IS_V2(self->vgic))
		return VGIC_UNDEFINED;
	if (reg == VGIC_ICC_SGI1R_EL1)
		return write_sgir(self, value, false);
	if (reg == VGIC_ICC_SGI0R_EL1 || reg == VGIC_ICC_ASGI1R_EL1)
		return write_sgir(self, value, true);
	if (reg == VGIC_ICC_DIR_EL1)
		return write_dir(self, value);
	if (!HAS_LRS(self->vgic))
		return soft_sysreg_write(self, reg, value);
	return VGIC_UNDEFINED;
}

enum vgic_result vgic_sysreg_read(struct vgic_cpu *cpu, uint32_t reg, uint64_t *value)
{
	struct vgic_vcpu *self = vcpu_of(cpu);

	*value = 0;
	if (IS_V2(self->vgic) || HAS_LRS(self->vgic))
		return VGIC_UNDEFINED;
	return soft_sysreg_read(self, reg, value);
}
