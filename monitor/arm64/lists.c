/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Between struct gic_cpuif and the virtual CPU interface's registers, which lists.h of this GIC
 * reaches. Only what is live is read and only what changed is written: each of these accesses is
 * slow on real hardware, too.
 */
#include <lists.h>
#include "hot.h"
#include "vm.h"

static inline void leave(struct vcpu *vcpu)
{
	struct gic_cpuif *image = &vcpu->image;

	if (image->live)
		read_lists(vcpu, image->live);
	image->hcr = read_hcr(vcpu);
	image->vmcr = read_vmcr(vcpu);
	if (__builtin_expect(image->read_apr, 0))
		lists_read_active(vcpu);
	vgic_exit(vcpu->vgic, image);
}

static inline void enter(struct vcpu *vcpu)
{
	struct gic_cpuif *image = &vcpu->image;

	vgic_enter(vcpu->vgic, image);
	if (image->changed)
		write_lists(vcpu, image->changed);
	if (image->hcr_changed)
		write_hcr(vcpu, image->hcr);
}

static __attribute__((noinline, flatten)) void settle_fully(struct vcpu *vcpu)
{
	leave(vcpu);
	/* Again: when it comes back, others may have queued behind it. */
	while (__builtin_expect(vcpu->cpu->resched, 0))
		vcpu_reschedule(vcpu);
	enter(vcpu);
}

__attribute__((flatten)) void vgic_settle(struct vcpu *vcpu)
{
	struct gic_cpuif *image = &vcpu->image;

	if (vgic_refill(vcpu->vgic, image, read_empty(vcpu)))
		write_lists(vcpu, image->changed);
	else
		settle_fully(vcpu);
}

/* Settled twice and still not done: what is missing is another CPU's to do, and it has been kicked. */
void vgic_pause(struct vcpu *vcpu)
{
	if (!vgic_attention(vcpu->vgic))
		return;
	vcpu->waits++;
	yield(WAIT_YIELDS);
}

void lists_leave(struct vcpu *vcpu)
{
	leave(vcpu);
}

/* `resched` may have been set before there was anything that vgic_resettle() could be called for. */
void lists_enter(struct vcpu *vcpu)
{
	enter(vcpu);
	if (vcpu->cpu->resched)
		vgic_resettle(vcpu->vgic);
}

void lists_read_active(struct vcpu *vcpu)
{
	read_active(vcpu);
}

/* Left. Nothing of it is signalled on this CPU any more. */
void lists_put(struct vcpu *vcpu)
{
	struct gic_cpuif *image = &vcpu->image;

	read_active(vcpu);
	write_hcr(vcpu, 0);
	vgic_put(vcpu->vgic, image);
	vcpu->vgic = NULL;
	if (image->changed)
		clear_lists(vcpu->gich, image->changed);
}

static void restore(struct vcpu *vcpu)
{
	write_active(vcpu);
	write_vmcr(vcpu, vcpu->image.vmcr);
}

/* What vgic_enter() does not write, to hardware. */
void lists_load(struct vcpu *vcpu)
{
	vcpu->vgic = vgic_load(vcpu->vm->vgic, vcpu->index);
	vgic_lists_quiet(vcpu->vgic);
	if (__builtin_expect(vcpu->restored, 0)) {
		vgic_cpuif_restore(vcpu->vgic, &vcpu->image);
		vcpu->restored = false;
	}
	restore(vcpu);
}

void lists_reset(struct vcpu *vcpu)
{
	vgic_cpuif_reset(vcpu->vgic, &vcpu->image);
	restore(vcpu);
	lists_enter(vcpu);
}
