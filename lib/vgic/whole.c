/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What is done to a VM's interrupt controller as a whole, with no vCPU loaded and nobody raising: the
 * reset, and what that has in common with state.c.
 */
#include "internal.h"

bool any_loaded(const struct vgic *vgic)
{
	for (unsigned i = 0; i < vgic->config.vcpus; i++)
		if (!vcpu_is_put(&vgic->vcpus[i]))
			return true;
	return false;
}

/*
 * Whatever is in an inbox goes where it belongs, and what was asked for is done: afterwards no word has
 * QUEUED, or a request. That is mostly so already, since whoever raised or put last has served what is
 * not loaded; and with the lock, and by any_loaded(), what that CPU did is seen on this one.
 */
void settle_all(struct vgic *vgic)
{
	for (unsigned i = 0; i < vgic->config.vcpus; i++) {
		struct vgic_vcpu *vcpu = &vgic->vcpus[i];
		link_t forwards;

		lock_take(&vcpu->lock);
		vcpu_drain(vcpu);
		forwards = vcpu_take_forwards(vcpu);
		vcpu_unlock(vcpu, forwards);
	}
}

/*
 * The words of shared interrupts were made anew: bring the physical ones in line. The words came first:
 * a line that is low before its interrupt is inactive loses nothing.
 */
void shared_physical(struct vgic *vgic)
{
	unsigned shared = vgic->config.spis + (unsigned)vgic->config.espis;

	for (struct vgic_irq *irq = vgic->shared; irq < vgic->shared + shared; irq++) {
		uint64_t w = word_load(irq);

		if (!irq_hwirq(irq))
			continue;
		if (vgic->port.hwirq_route && word_target(w) != TARGET_NONE)
			vgic->port.hwirq_route(vgic->host, hwirq_of(irq), word_target(w));
		vgic->port.hwirq_set_active(vgic->host, word_looker(w), hwirq_of(irq),
					    physical_due(irq, w));
	}
}

int vgic_reset(struct vgic *vgic)
{
	if (any_loaded(vgic))
		return -VIRQ_ERR_BUSY;
	settle_all(vgic);
	reset_all(vgic);
	dir_reset(vgic);
	shared_physical(vgic);
	return 0;
}
