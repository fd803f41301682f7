/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The life of a virtual machine: start, stop, resume, reset, end. All of it on a CPU's own stack, with
 * no vCPU loaded there, under one lock that nobody waits for inside: whoever does not get it runs other
 * things and comes back, so that two who stop each other's VMs get on.
 */
#include "arch.h"
#include "cold.h"
#include "direct.h"
#include "gic.h"
#include "its.h"
#include "mmu.h"
#include "pci.h"
#include "sched.h"
#include "smmu.h"
#include "vm.h"
#include "../common/console.h"
#include "../common/trace.h"

#define STOP_YIELDS 64

static unsigned control_lock;
static struct board_device const *devices; /* of the machine */

bool vm_control_try(void)
{
	return !__atomic_exchange_n(&control_lock, 1, __ATOMIC_ACQUIRE);
}

void vm_control_end(void)
{
	__atomic_store_n(&control_lock, 0, __ATOMIC_RELEASE);
}

void vm_devices(const struct board *board)
{
	devices = board->device;
}

/* --- Its physical interrupts. ---------------------------------------------------------------------- */

static const struct board_device *device_of(const struct vm *vm, unsigned i)
{
	return &devices[vm->description->device[i]];
}

static bool has_interrupt(const struct vm *vm, unsigned intid)
{
	return intid >= 32 && routes[intid].vm == vm;
}

/* Where the guest routes it to, or to the first vCPU. */
static const struct cpu *cpu_of_interrupt(const struct vm *vm, unsigned intid)
{
	struct vgic_irq_info info;
	unsigned target = 0;

	if (vgic_irq_info(vm->vgic, 0, intid, &info) == 0 && info.target < vm->vcpus)
		target = info.target;
	return __atomic_load_n(&vm->vcpu[target]->cpu, __ATOMIC_RELAXED);
}

static void interrupts_on(const struct vm *vm)
{
	unsigned i;

	for (i = 0; i < vm->description->device_count; i++) {
		const struct board_device *device = device_of(vm, i);

		if (has_interrupt(vm, device->intid))
			gic->spi_setup(device->intid, device->edge,
				       cpu_of_interrupt(vm, device->intid));
	}
}

/*
 * No CPU has one of its interrupts in hand any more: each passes a place where it has none. They look at
 * `resched` when they do.
 */
static void drain(void)
{
	unsigned i;

	for (i = 0; i < cpu_count; i++) {
		if (cpus[i] != this_cpu())
			cpu_reschedule(cpus[i]);
	}
	for (i = 0; i < cpu_count; i++) {
		while (cpus[i] != this_cpu() &&
		       __atomic_load_n(&cpus[i]->resched, __ATOMIC_SEQ_CST))
			yield(STOP_YIELDS);
	}
}

void vm_quiet(const struct vm *vm)
{
	bool any = vm->pci;
	unsigned i;

	if (vm->pci)
		lpis_hold(vm);
	for (i = 0; i < vm->description->device_count; i++) {
		if (!has_interrupt(vm, device_of(vm, i)->intid))
			continue;
		gic_spi_off(device_of(vm, i)->intid);
		any = true;
	}
	if (any)
		drain();
}

/* As they were, but for what the guest has changed of their routes. */
void vm_speak(const struct vm *vm)
{
	unsigned i;

	for (i = 0; i < vm->description->device_count; i++) {
		unsigned intid = device_of(vm, i)->intid;

		if (!has_interrupt(vm, intid))
			continue;
		gic->route(intid, cpu_of_interrupt(vm, intid));
		gic_spi_unmask(intid);
	}
	if (vm->pci)
		lpis_let_go(vm);
}

void vm_follow(struct vcpu *vcpu)
{
	const struct vm *vm = vcpu->vm;
	struct vgic_irq_info info;
	unsigned i;

	for (i = 0; i < vm->description->device_count; i++) {
		unsigned intid = device_of(vm, i)->intid;

		if (has_interrupt(vm, intid) && vgic_irq_info(vm->vgic, 0, intid, &info) == 0 &&
		    info.target == vcpu->index)
			gic->route(intid, vcpu->cpu);
	}
}

/* --- Start and stop. ------------------------------------------------------------------------------- */

void vm_start(struct vm *vm)
{
	struct vcpu *vcpu = vm->vcpu[0];

	vm->state = VM_RUNNING;
	vm->started_at = clock_ticks();
	__atomic_store_n(&vm->stop, false, __ATOMIC_SEQ_CST);
	interrupts_on(vm);
	direct_start(vm);
	vcpu->entry = vm->entry;
	vcpu->entry_argument = vm->entry_argument;
	__atomic_store_n(&vcpu->power, POWER_PENDING, __ATOMIC_RELEASE);
	vcpu_launch(vcpu);
}

/* Nobody else does it: who looked at `stop` first might come after a resume. */
static void stop_blocked(struct vcpu *vcpu)
{
	if (vcpu_claim(vcpu))
		__atomic_store_n(&vcpu->state, VCPU_STOPPED, __ATOMIC_SEQ_CST);
}

/* True: it is on no CPU and in no queue, and on its way to neither. */
static bool is_stopped(struct vcpu *vcpu)
{
	switch (__atomic_load_n(&vcpu->state, __ATOMIC_SEQ_CST)) {
	case VCPU_STOPPED:
		return true;
	case VCPU_OFF:
		return __atomic_load_n(&vcpu->power, __ATOMIC_ACQUIRE) == POWER_OFF;
	case VCPU_BLOCKING:
	case VCPU_WOKEN:
		return false;
	case VCPU_BLOCKED:
		stop_blocked(vcpu);
		return false;
	case VCPU_READY:
		if (sched->withdraw(vcpu))
			__atomic_store_n(&vcpu->state, VCPU_STOPPED, __ATOMIC_SEQ_CST);
		return false;
	case VCPU_RUNNING:
		cpu_reschedule(__atomic_load_n(&vcpu->cpu, __ATOMIC_RELAXED));
		return false;
	}
	return false;
}

/* One that runs may start another one that was found off: a second look finds that. */
void vm_stop(struct vm *vm)
{
	unsigned i, clean = 0;

	__atomic_store_n(&vm->stop, true, __ATOMIC_SEQ_CST);
	while (clean < 2) {
		clean++;
		for (i = 0; i < vm->vcpus; i++) {
			if (!is_stopped(vm->vcpu[i]))
				clean = 0;
		}
		if (!clean)
			yield(STOP_YIELDS);
	}
	if (vm->state == VM_RUNNING)
		vm->state = VM_STOPPED;
}

bool vm_resume(struct vm *vm)
{
	unsigned i;

	if (__atomic_load_n(&vm->request, __ATOMIC_SEQ_CST) != VM_NOTHING)
		return false;
	vm->state = VM_RUNNING;
	__atomic_store_n(&vm->stop, false, __ATOMIC_SEQ_CST);
	for (i = 0; i < vm->vcpus; i++) {
		struct vcpu *vcpu = vm->vcpu[i];

		if (__atomic_load_n(&vcpu->state, __ATOMIC_SEQ_CST) != VCPU_STOPPED)
			continue;
		__atomic_store_n(&vcpu->state, VCPU_READY, __ATOMIC_SEQ_CST);
		sched->ready(vcpu, READY_WOKEN);
	}
	return true;
}

/* --- Off and on again. ------------------------------------------------------------------------------ */

void vm_destroy(struct vm *vm)
{
	unsigned i;

	vm_stop(vm);
	vm_quiet(vm);
	direct_end(vm);
	pci_power_off(vm);
	for (i = 0; i < vm->vcpus; i++) {
		struct vcpu *vcpu = vm->vcpu[i];

		if (vcpu->state == VCPU_STOPPED)
			sched->dismiss(vcpu);
		vcpu->state = VCPU_OFF;
		__atomic_store_n(&vcpu->power, POWER_OFF, __ATOMIC_RELEASE);
	}
	console_hold(vm);
	if (vm->vits)
		vits_reset(vm->vits);
	direct_reset(vm);
	if (vm->sdei)
		sdei_reset(vm->sdei);
	vgic_reset(vm->vgic);
	console_let_go(vm);
	for (i = 0; i < MAX_CPUS; i++)
		vm->last_on[i] = 0;
	this_cpu()->el1_owner = NULL;
	stage2_forget(vm->vttbr);
	vm->state = VM_DEAD;
	__atomic_store_n(&vm->request, VM_NOTHING, __ATOMIC_SEQ_CST);
}

void vm_reset(struct vm *vm)
{
	vm_destroy(vm);
	console_power_on(vm);
	vm_reload(vm);
	vm_start(vm);
}

/* --- What guests ask for. ---------------------------------------------------------------------------- */

/* Its other vCPUs stop as well; this one does when it comes to vgic_settle(). */
void vm_request(struct vcpu *vcpu, enum vm_request request)
{
	struct vm *vm = vcpu->vm;
	enum vm_request none = VM_NOTHING;

	__atomic_store_n(&vm->stop, true, __ATOMIC_SEQ_CST);
	__atomic_compare_exchange_n(&vm->request, &none, request, false, __ATOMIC_SEQ_CST,
				    __ATOMIC_RELAXED);
	cpu_work(this_cpu(), WORK_VMS);
}

static bool anybody_alive(void)
{
	unsigned i;

	for (i = 0; i < vm_count; i++) {
		if (vms[i]->state != VM_DEAD)
			return true;
	}
	return false;
}

/*
 * A reset copies what the VM starts with, on a CPU that others may share: once in a second is often
 * enough for a guest. Until then it is stopped.
 */
static bool too_soon(const struct vm *vm)
{
	return clock_ticks() - vm->started_at < read_sysreg(cntfrq_el0);
}

/* On CPU 0, ten times in a second: see to those that had to wait. */
void vm_tick(void)
{
	unsigned i;

	for (i = 0; i < vm_count; i++) {
		if (__atomic_load_n(&vms[i]->request, __ATOMIC_RELAXED) != VM_NOTHING)
			cpu_work(this_cpu(), WORK_VMS);
	}
	smmu_tick();
	watchdog_tick();
}

static void serve(struct vm *vm)
{
	enum vm_request request = __atomic_load_n(&vm->request, __ATOMIC_SEQ_CST);

	if (request == VM_NOTHING || (request == VM_RESET && vm->reloadable && too_soon(vm)))
		return;
	__atomic_store_n(&vm->request, VM_NOTHING, __ATOMIC_SEQ_CST);
	if (request == VM_RESET && !vm->reloadable) {
		run_ended_by_reset();
	} else if (request == VM_RESET) {
		print_limited_by(&vm->log, "carillon: %s: reset by its guest\n",
				 vm->description->name);
		vm_reset(vm);
	} else {
		vm_destroy(vm);
		if (!anybody_alive())
			run_ended();
		print("carillon: %s: off\n", vm->description->name);
	}
}

void vm_serve(void)
{
	unsigned i;

	if (!vm_control_try()) {
		__atomic_fetch_or(&this_cpu()->work, WORK_VMS, __ATOMIC_SEQ_CST);
		yield(STOP_YIELDS);
		return;
	}
	for (i = 0; i < vm_count; i++)
		serve(vms[i]);
	vm_control_end();
}
