/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * When ICC_DIR_EL1 need not trap. It has to, as soon as another vCPU may have acknowledged a shared
 * interrupt, since that is in none of this vCPU's list registers, and an untrapped deactivation of it
 * would be lost. It costs a guest with EOImode 0 nothing, which has no use for that register: so it
 * traps, unless a vCPU with EOImode 1 deactivated a few interrupts in a row while no other one had
 * anything to share. Such a vCPU runs free; before another one runs with a shared interrupt, it has to
 * come out once.
 *
 * Who shares: has, or may get without an exit, a shared interrupt active. `sharers` counts them,
 * `free_runners` the others. Each side writes its own, full barrier, reads the other's. Nothing of
 * this happens in a VM in which no vCPU was seen with EOImode 1.
 */
#include "internal.h"

#define LONELY_ENOUGH 4

static bool has_shared(const struct vgic_vcpu *vcpu)
{
	if (vcpu->active.count)
		return true;
	for (uint32_t live = vcpu->live; live; live &= live - 1) {
		const struct vgic_irq *irq = vcpu->slots[__builtin_ctz(live)].irq;

		if (!irq_is_private(vcpu->vgic, irq) && !irq_is_lpi(vcpu->vgic, irq))
			return true;
	}
	return false;
}

static void set_sharing(struct vgic_vcpu *vcpu, bool sharing)
{
	if (sharing == vcpu->sharing)
		return;
	vcpu->sharing = sharing;
	if (sharing)
		__atomic_fetch_add(&vcpu->vgic->sharers, 1, __ATOMIC_RELAXED);
	else
		__atomic_fetch_sub(&vcpu->vgic->sharers, 1, __ATOMIC_RELAXED);
}

static bool others_share(const struct vgic_vcpu *vcpu)
{
	return load_relaxed(&vcpu->vgic->by_hand) ||
	       load_relaxed(&vcpu->vgic->sharers) != vcpu->sharing;
}

/*
 * Have those that run free come out. True: there are some; what is about to be shared has to wait
 * until there are none. Rare, and as long as the VM has vCPUs.
 */
static bool call_in(struct vgic *vgic)
{
	/* Full barrier between what is shared and who runs free; partner: dir_settle(). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!load_relaxed(&vgic->free_runners))
		return false;
	for (unsigned i = 0; i < vgic->config.vcpus; i++) {
		struct vgic_vcpu *vcpu = &vgic->vcpus[i];

		if (load_relaxed(&vcpu->runs_free) &&
		    !(__atomic_fetch_or(&vcpu->cpu.resettle, RESETTLE, __ATOMIC_SEQ_CST) &
		      RESETTLE))
			vcpu_kick(vcpu);
	}
	return true;
}

/* A vCPU was seen with EOImode 1: from now on every one says what it shares, once it passes. */
void dir_noticed(struct vgic_vcpu *vcpu)
{
	struct vgic *vgic = vcpu->vgic;

	/* acquire: with it, RWP counts those who have not said yet; partner: the exchange below */
	if (vgic->config.vcpus == 1 || __atomic_load_n(&vgic->dir_used, __ATOMIC_ACQUIRE))
		return;
	/* RWP counts this loop, too: nobody runs free before everybody is asked. */
	__atomic_fetch_add(&vgic->rwp, 1, __ATOMIC_RELAXED);
	if (!__atomic_exchange_n(&vgic->dir_used, true, __ATOMIC_ACQ_REL))
		for (unsigned i = 0; i < vgic->config.vcpus; i++)
			vcpu_resettle(&vgic->vcpus[i], vcpu);
	__atomic_fetch_sub(&vgic->rwp, 1, __ATOMIC_RELEASE);
}

/*
 * It looks at everything because it was asked to, or is not loaded any more: nothing is in a list
 * register, and what is active here may be shared.
 */
void dir_said(struct vgic_vcpu *vcpu)
{
	set_sharing(vcpu, vcpu->active.count != 0);
}

/* A vCPU wrote ICC_DIR_EL1, and it trapped, and is done. */
void dir_trapped(struct vgic_vcpu *vcpu)
{
	if (others_share(vcpu))
		vcpu->lonely = 0;
	else if (vcpu->lonely < LONELY_ENOUGH)
		vcpu->lonely++;
}

/*
 * What an entry says: may this vCPU run free? It may have to wait until others do not: then its
 * attention stays.
 */
bool dir_settle(struct vgic_vcpu *vcpu)
{
	struct vgic *vgic = vcpu->vgic;

	set_sharing(vcpu, has_shared(vcpu));
	if (vcpu->sharing && call_in(vgic))
		__atomic_fetch_or(&vcpu->cpu.resettle, RESETTLE_ENTER, __ATOMIC_RELAXED);
	/* While RWP counts, somebody may not have said yet what it shares. */
	if (!(vcpu->vmcr & VMCR_VEOIM) || vcpu->lonely < LONELY_ENOUGH || vcpu->active.count ||
	    others_share(vcpu) || __atomic_load_n(&vgic->rwp, __ATOMIC_ACQUIRE))
		return false;
	store_relaxed(&vcpu->runs_free, true);
	__atomic_fetch_add(&vgic->free_runners, 1, __ATOMIC_RELAXED);
	/* Full barrier between who runs free and what is shared; partner: call_in(). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!others_share(vcpu))
		return true;
	dir_left(vcpu);
	return false;
}

/* It came out. release: its list registers are folded; partner: the fence in call_in() */
void dir_left(struct vgic_vcpu *vcpu)
{
	if (!load_relaxed(&vcpu->runs_free))
		return;
	store_relaxed(&vcpu->runs_free, false);
	__atomic_fetch_sub(&vcpu->vgic->free_runners, 1, __ATOMIC_RELEASE);
}

/* Nobody is loaded, nothing is active: as at first. */
void dir_reset(struct vgic *vgic)
{
	for (unsigned i = 0; i < vgic->config.vcpus; i++) {
		vgic->vcpus[i].sharing = false;
		vgic->vcpus[i].lonely = 0;
	}
	store_relaxed(&vgic->sharers, 0);
	store_relaxed(&vgic->dir_used, false);
	store_relaxed(&vgic->by_hand, false);
}

/*
 * The guest sets a shared interrupt active by hand, perhaps one of a vCPU that is not loaded: nobody
 * runs free any more. True: not before those who do have come out.
 */
bool dir_by_hand(struct vgic *vgic)
{
	store_relaxed(&vgic->by_hand, true);
	return call_in(vgic);
}
