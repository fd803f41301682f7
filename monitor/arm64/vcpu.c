/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * A vCPU's comings and goings, as far as the virtual CPU interface takes part: start, waiting, giving
 * up its physical CPU, off (DEN0022 5.4 to 5.6).
 */
#include "hot.h"
#include "vm.h"

/* Its guest has been left. Comes back when it has a physical CPU again. */
void vcpu_give_up(struct vcpu *vcpu, enum vcpu_state next)
{
	lists_put(vcpu);
	if (__builtin_expect(vcpu->vm->direct != NULL, 0))
		COLD(cold_direct_put, vcpu, next == VCPU_BLOCKED, 0);
	COLD(cold_leave, vcpu, next, 0);
	lists_load(vcpu);
	if (__builtin_expect(vcpu->vm->direct != NULL, 0))
		COLD(cold_direct_load, vcpu, 0, 0);
}

__attribute__((noinline)) void vcpu_reschedule(struct vcpu *vcpu)
{
	enum vcpu_state next = (enum vcpu_state)COLD(cold_reschedule, vcpu, 0, 0).value;

	if (next != VCPU_RUNNING)
		vcpu_give_up(vcpu, next);
}

void vcpu_start(struct vcpu *vcpu)
{
	/* Another CPU may have written what is about to run here. */
	__asm__ volatile("ic iallu\n\tdsb nsh\n\tisb" : : : "memory");
	vcpu->x[0] = vcpu->entry_argument;
	vcpu->vgic = vcpu->handle = vgic_load(vcpu->vm->vgic, vcpu->index);
	lists_reset(vcpu);
	if (vcpu->vm->direct)
		COLD(cold_direct_load, vcpu, 0, 0);
	__atomic_store_n(&vcpu->power, POWER_ON, __ATOMIC_RELEASE);
	guest_start(vcpu);
}

void vcpu_off(struct vcpu *vcpu)
{
	lists_leave(vcpu);
	vcpu_give_up(vcpu, VCPU_OFF);
	__builtin_unreachable(); /* its next start is on a new stack */
}

static bool waits(struct vcpu *vcpu)
{
	if (__builtin_expect(vcpu->vm->sdei != NULL, 0) &&
	    sdei_pending(vcpu->vm->sdei, vcpu->index))
		return false;
	return !vgic_pending(vcpu->vm->vgic, vcpu->index);
}

/* From here on a kick finds it blocked, or its note is found; partner: kick() of sdei.c. */
static bool block(struct vcpu *vcpu)
{
	if (!vgic_block(vcpu->vgic))
		return false;
	return __builtin_expect(vcpu->vm->sdei == NULL, 1) ||
	       !sdei_pending(vcpu->vm->sdei, vcpu->index);
}

/*
 * Until a virtual interrupt is asserted, or an SDEI event can be delivered, or a doorbell rang. Interrupts
 * are masked here, so one that comes between vgic_block() and the WFI stays pending and ends the WFI at once.
 */
void vcpu_wait(struct vcpu *vcpu)
{
	bool woken = false;

	lists_leave(vcpu);
	lists_read_active(vcpu);
	__atomic_store_n(&vcpu->waited, vcpu->waited + 1, __ATOMIC_RELAXED);
	__atomic_store_n(&vcpu->waiting, true, __ATOMIC_RELAXED);
	while (!woken && waits(vcpu)) {
		if (block(vcpu)) {
			/* What hardware has for it does not end our WFI, but rings its doorbell. */
			if (!vcpu->vm->direct && COLD(cold_wait, vcpu, 0, 0).value) {
				physical_interrupts(vcpu->cpu);
			} else {
				vcpu_give_up(vcpu, VCPU_BLOCKED);
				/* Nor is it seen here once it is loaded: only the guest can tell. */
				woken = vcpu->vm->direct;
			}
		}
		vgic_exit(vcpu->vgic, &vcpu->image);
	}
	__atomic_store_n(&vcpu->waiting, false, __ATOMIC_RELAXED);
}
