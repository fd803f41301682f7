/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Making a VM's SDEI dispatcher, and its watchdog: the event SDEI_WATCHDOG happens to a vCPU that has had a
 * CPU, did not wait for an interrupt and took none for as many seconds as the VM's description says; and
 * again after as many more.
 */
#include "arch.h"
#include "gic.h"
#include "mmu.h"
#include "sched.h"
#include "sdei.h"
#include "sysreg.h"
#include "vm.h"
#include "../common/panic.h"

#define PRIVATE_SLOTS 4
#define SHARED_SLOTS  8

static unsigned id_field(uint64_t value, unsigned shift)
{
	return value >> shift & 15;
}

/*
 * What PSTATE of this CPU has, whatever the guest is told: an exception that hardware takes sets it, too.
 * Two features are not known to any machine that this runs on, EBEP and GCS.
 */
static uint32_t pstate_features(void)
{
	uint64_t pfr0 = read_sysreg(id_aa64pfr0_el1), pfr1 = read_sysreg(id_aa64pfr1_el1);
	uint64_t mmfr1 = read_sysreg(id_aa64mmfr1_el1), mmfr2 = read_sysreg(id_aa64mmfr2_el1);
	uint32_t features = 0;

	features |= id_field(mmfr1, 20) ? SDEI_HAS_PAN : 0;
	features |= id_field(mmfr2, 4) ? SDEI_HAS_UAO : 0;
	features |= id_field(pfr0, 48) ? SDEI_HAS_DIT : 0;
	features |= id_field(pfr0, 0) == 2 ? SDEI_HAS_AARCH32 : 0;
	features |= id_field(pfr1, 0) ? SDEI_HAS_BTI : 0;
	features |= id_field(pfr1, 4) ? SDEI_HAS_SSBS : 0;
	features |= id_field(pfr1, 8) ? SDEI_HAS_MTE : 0;
	features |= id_field(pfr1, 36) ? SDEI_HAS_NMI : 0;
	return features;
}

void sdei_create(struct vm *vm)
{
	static const struct sdei_event watchdog = { .number = SDEI_WATCHDOG, .critical = true };
	struct sdei_config config = {
		.vcpus = vm->vcpus,
		.private_slots = PRIVATE_SLOTS,
		.shared_slots = SHARED_SLOTS,
		.events = 1,
		.event = &watchdog,
		.minor = vm->description->sdei == VM_SDEI_1_1,
		.features = pstate_features(),
	};
	size_t size = sdei_size(&config);
	int result;

	if (vm->description->sdei == VM_SDEI_NONE)
		return;
	result = sdei_init(&vm->sdei, pages_alloc(size), size, &config, gic->sdei_port, vm);
	if (result != 0)
		panic("sdei_init: error %d", result);
	/* A WFI that the hypervisor does not see looks like a vCPU that hangs. */
	if (vm->description->watchdog)
		__atomic_store_n(&wfi_traps, true, __ATOMIC_SEQ_CST);
}

static uint64_t interrupts_taken(const struct vcpu *vcpu)
{
	struct vgic_stats stats;

	vgic_stats(vcpu->vm->vgic, vcpu->index, &stats);
	return stats.sgis + stats.ppis + stats.spis + stats.lpis;
}

/* What was put into a list register and not taken counts once: from then on nothing changes. */
static bool gets_on(struct vcpu *vcpu)
{
	uint64_t taken = interrupts_taken(vcpu),
		 waited = __atomic_load_n(&vcpu->waited, __ATOMIC_RELAXED);
	bool changed = taken != vcpu->watch.taken || waited != vcpu->watch.waited;

	vcpu->watch.taken = taken;
	vcpu->watch.waited = waited;
	return changed || __atomic_load_n(&vcpu->waiting, __ATOMIC_RELAXED);
}

static void watch(struct vcpu *vcpu)
{
	enum vcpu_state state = __atomic_load_n(&vcpu->state, __ATOMIC_RELAXED);

	if (state == VCPU_READY)
		return; /* not its fault */
	if (state != VCPU_RUNNING || gets_on(vcpu)) {
		vcpu->watch.ticks = 0;
		return;
	}
	if (++vcpu->watch.ticks < 10 * vcpu->vm->description->watchdog)
		return;
	vcpu->watch.ticks = 0;
	sdei_raise(vcpu->vm->sdei, vcpu->index, SDEI_WATCHDOG);
}

void watchdog_tick(void)
{
	unsigned i, j;

	for (i = 0; i < vm_count; i++) {
		struct vm *vm = vms[i];

		if (!vm->description->watchdog || vm->state != VM_RUNNING)
			continue;
		for (j = 0; j < vm->vcpus; j++)
			watch(vm->vcpu[j]);
	}
}
