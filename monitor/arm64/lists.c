/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Between struct gic_cpuif and the virtual CPU interface's registers, which lists.h of this GIC
 * reaches. Only what is live is read and only what changed is written: each of these accesses is
 * slow on real hardware, too.
 */
#include <lists.h>
#include "hot.h"
#include "vm.h"

static inline void read_left(struct vcpu *vcpu)
{
	struct gic_cpuif *image = &vcpu->image;

	if (image->live)
		read_lists(vcpu, image->live);
	image->hcr = read_hcr(vcpu);
	image->vmcr = read_vmcr(vcpu);
	if (__builtin_expect(image->read_apr, 0))
		lists_read_active(vcpu);
}

static inline void write_entered(struct vcpu *vcpu)
{
	struct gic_cpuif *image = &vcpu->image;

	if (image->changed)
		write_lists(vcpu, image->changed);
	if (image->hcr_changed)
		write_hcr(vcpu, image->hcr);
}

/* Left. Again: when it comes back, others may have queued behind it. */
static __attribute__((noinline)) void reschedule(struct vcpu *vcpu)
{
	while (vcpu->cpu->resched)
		vcpu_reschedule(vcpu);
	lists_enter(vcpu);
}

/* Mostly it is going to give up this CPU. */
static __attribute__((noinline)) void leave_and_reschedule(struct vcpu *vcpu)
{
	lists_leave(vcpu);
	reschedule(vcpu);
}

static __attribute__((noinline, flatten)) void settle_fully(struct vcpu *vcpu)
{
	read_left(vcpu);
	vgic_exit(vcpu->vgic, &vcpu->image);
	/* That may have woken somebody. */
	if (__builtin_expect(vcpu->cpu->resched, 0)) {
		reschedule(vcpu);
		return;
	}
	/* What exit needed is not kept in registers for enter. */
	__asm__ volatile("" : "+r"(vcpu) : : "memory");
	vgic_enter(vcpu->vgic, &vcpu->image);
	write_entered(vcpu);
}

__attribute__((flatten)) void vgic_settle(struct vcpu *vcpu)
{
	struct gic_cpuif *image = &vcpu->image;

	if (vgic_refill(vcpu->vgic, image, read_empty(vcpu)))
		write_lists(vcpu, image->changed);
	else if (__builtin_expect(vcpu->cpu->resched, 0))
		leave_and_reschedule(vcpu);
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

void lists_exit(struct vcpu *vcpu)
{
	read_left(vcpu);
	vgic_exit(vcpu->vgic, &vcpu->image);
}

void lists_leave(struct vcpu *vcpu)
{
	read_left(vcpu);
	vgic_exit_quiet(vcpu->vgic, &vcpu->image);
}

/* `resched` may have been set before there was anything that vgic_resettle() could be called for. */
void lists_enter(struct vcpu *vcpu)
{
	vgic_enter_quiet(vcpu->vgic, &vcpu->image);
	write_entered(vcpu);
	if (vcpu->cpu->resched)
		vgic_resettle(vcpu->vgic);
}

void lists_read_active(struct vcpu *vcpu)
{
	read_active(vcpu);
}

/* Left. Nothing of it is signalled on this CPU any more. */
__attribute__((flatten)) void lists_put(struct vcpu *vcpu)
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
__attribute__((flatten)) void lists_load(struct vcpu *vcpu)
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
