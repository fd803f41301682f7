/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * From one vCPU to the next: see sched.h for the states.
 */
#include <carillon/gicv4.h>
#include "arch.h"
#include "cold.h"
#include "gic.h"
#include "hot.h"
#include "sched.h"
#include "vm.h"
#include "../common/console.h"
#include "../common/trace.h"

const struct scheduler *sched = &sched_partitioned;
bool wfi_traps;

void cpu_lock(struct cpu *cpu)
{
	spin_lock(&cpu->lock);
}

void cpu_unlock(struct cpu *cpu)
{
	spin_unlock(&cpu->lock);
}

/* Its vCPU passes by vgic_settle(), which looks at `resched`, once it has something to settle. */
void cpu_reschedule(struct cpu *cpu)
{
	__atomic_store_n(&cpu->resched, true, __ATOMIC_SEQ_CST);
	if (cpu != this_cpu())
		gic->kick(cpu);
	else if (cpu->vcpu && cpu->vcpu->vgic)
		vgic_resettle(cpu->vcpu->vgic);
}

void cpu_work(struct cpu *cpu, unsigned work)
{
	__atomic_fetch_or(&cpu->work, work, __ATOMIC_SEQ_CST);
	cpu_reschedule(cpu);
}

/* --- Becoming ready. ---------------------------------------------------------------------------- */

static bool change_state(struct vcpu *vcpu, enum vcpu_state from, enum vcpu_state to)
{
	return __atomic_compare_exchange_n(&vcpu->state, &from, to, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_RELAXED);
}

static void count_wake(struct vcpu *vcpu)
{
	sleeper_remove(vcpu);
	vcpu->wakes++;
}

bool vcpu_claim(struct vcpu *vcpu)
{
	if (!change_state(vcpu, VCPU_BLOCKED, VCPU_READY))
		return false;
	count_wake(vcpu);
	return true;
}

/* A blocked vCPU has something to look at; any other one does anyway. Any CPU. */
void cold_wake(struct vcpu *vcpu)
{
	if (!change_state(vcpu, VCPU_BLOCKING, VCPU_WOKEN) && vcpu_claim(vcpu))
		sched->ready(vcpu, READY_WOKEN);
}

/* --- Leaving. ----------------------------------------------------------------------------------- */

/*
 * A timer that has expired must be told before anybody asks whether an interrupt is pending. Only a
 * vCPU that nobody else can load may be asked: until it has been, it is BLOCKING.
 */
static void block(struct cpu *cpu, struct vcpu *vcpu)
{
	sleeper_add(cpu, vcpu);
	/* Full barrier between the state and what came in; partner: the library's before its kick. */
	__atomic_store_n(&vcpu->state, VCPU_BLOCKING, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (vgic_pending(vcpu->vm->vgic, vcpu->index) ||
	    (vcpu->vm->sdei && sdei_pending(vcpu->vm->sdei, vcpu->index)) ||
	    (vcpu->vm->direct && gicv4_pending(vcpu->vm->direct, vcpu->index)) ||
	    !change_state(vcpu, VCPU_BLOCKING, VCPU_BLOCKED)) {
		count_wake(vcpu);
		__atomic_store_n(&vcpu->state, VCPU_READY, __ATOMIC_SEQ_CST);
		sched->ready(vcpu, READY_WOKEN);
	}
	/* Now it is others': vm_stop() takes blocked ones itself. */
}

/* The other half of leaving, on the next stack. */
static void vcpu_left(struct cpu *cpu)
{
	struct vcpu *vcpu = cpu->leaving;

	if (!vcpu)
		return;
	cpu->leaving = NULL;
	switch (vcpu->next_state) {
	case VCPU_BLOCKED:
		block(cpu, vcpu);
		break;
	case VCPU_READY:
		__atomic_store_n(&vcpu->state, VCPU_READY, __ATOMIC_SEQ_CST);
		if (cpu->queue_held) {
			cpu->queue_held = false;
			cpu_unlock(cpu);
		} else {
			sched->ready(vcpu, READY_PREEMPTED);
		}
		break;
	case VCPU_OFF:
		sched->dismiss(vcpu);
		__atomic_store_n(&vcpu->state, VCPU_OFF, __ATOMIC_SEQ_CST);
		/* release: nothing of it is in use any more; partner: the acquire in psci_cpu_on() */
		__atomic_store_n(&vcpu->power, POWER_OFF, __ATOMIC_RELEASE);
		break;
	default:
		__atomic_store_n(&vcpu->state, VCPU_STOPPED, __ATOMIC_SEQ_CST);
		break;
	}
}

static __attribute__((noinline)) void migrate(struct vcpu *vcpu, struct cpu *cpu)
{
	vcpu->migrations++;
	__atomic_store_n(&vcpu->cpu, cpu, __ATOMIC_RELAXED);
	vm_follow(vcpu);
}

/* The next one that may run, made this CPU's, after `leaving`, if anybody ran. */
static struct vcpu *next_vcpu(struct cpu *cpu, struct vcpu *leaving)
{
	struct vcpu *vcpu;

	__atomic_store_n(&cpu->resched, false, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&cpu->work, __ATOMIC_SEQ_CST))
		return NULL;
	vcpu = sched->pick(cpu, leaving);
	if (!vcpu)
		return NULL;
	if (vcpu->cpu != cpu)
		migrate(vcpu, cpu);
	/* release: `cpu` before RUNNING; partner: kick() */
	__atomic_store_n(&vcpu->state, VCPU_RUNNING, __ATOMIC_RELEASE);
	return vcpu;
}

/*
 * Two vCPUs of a VM may mean different things by one ASID, and a guest's maintenance need not reach
 * other CPUs: what is left here of another vCPU, or of this one from before it was elsewhere, may be
 * out of date.
 */
static void own_tlb(struct cpu *cpu, struct vcpu *vcpu)
{
	uint8_t *last = &vcpu->vm->last_on[cpu->index];

	if (*last == vcpu->index + 1 && vcpu->context.on == cpu)
		return;
	if (*last)
		__asm__ volatile("isb\n\ttlbi vmalle1\n\tic iallu\n\tdsb nsh" : : : "memory");
	*last = (uint8_t)(vcpu->index + 1);
}

/* On the vCPU's stack, with the CPU's registers anybody's. */
static void arrive(struct vcpu *vcpu)
{
	struct cpu *cpu = vcpu->cpu;
	bool is_here = context_is_here(vcpu, cpu);

	vcpu_left(cpu);
	cpu->switches++;
	vcpu->switches++;
	if (!is_here) {
		write_sysreg(vttbr_el2, vcpu->vm->vttbr);
		write_sysreg(vmpidr_el2, vcpu->mpidr);
		own_tlb(cpu, vcpu);
	}
	context_load(vcpu, cpu, is_here);
}

/* vgic_put() has been called. Comes back when the vCPU has a CPU again, perhaps another one. */
void cold_leave(struct vcpu *vcpu, uint64_t next_state)
{
	struct cpu *cpu = vcpu->cpu;
	struct vcpu *next;

	/* What the guest started here is done before it goes on elsewhere, whatever barrier it uses. */
	dsb_ish();
	context_save(vcpu);
	vcpu->next_state = (enum vcpu_state)next_state;
	next = next_vcpu(cpu, vcpu);
	cpu->leaving = vcpu;
	cpu->vcpu = next;
	context_switch(&vcpu->sp, next ? next->sp : cpu->sp);
	arrive(vcpu);
}

/* `resched` was set: what is this vCPU to do? VCPU_RUNNING: go on. */
struct outcome cold_reschedule(struct vcpu *vcpu)
{
	struct cpu *cpu = vcpu->cpu;
	enum vcpu_state next = VCPU_RUNNING;

	__atomic_store_n(&cpu->resched, false, __ATOMIC_SEQ_CST);
	context_trap_wfi(__atomic_load_n(&wfi_traps, __ATOMIC_RELAXED));
	if (__atomic_load_n(&vcpu->vm->stop, __ATOMIC_SEQ_CST))
		next = VCPU_STOPPED;
	else if (__atomic_load_n(&cpu->work, __ATOMIC_SEQ_CST))
		next = VCPU_READY;
	else if (sched->give_way(cpu, vcpu)) {
		next = VCPU_READY;
		vcpu->preemptions++;
	}
	return (struct outcome){ next, 0 };
}

/* --- Waiting. ------------------------------------------------------------------------------------ */

static bool anything_to_do(struct cpu *cpu)
{
	return __atomic_load_n(&cpu->resched, __ATOMIC_SEQ_CST) ||
	       __atomic_load_n(&cpu->work, __ATOMIC_SEQ_CST) || sched->waiting(cpu);
}

/*
 * With carillon.bench the counter of this CPU's instructions is stopped meanwhile: QEMU's goes on, with what
 * other CPUs execute.
 */
static void wait_for_interrupt(void)
{
	bool counts = vm_count && vms[0]->bench != NO_DEVICE;

	if (counts)
		write_sysreg(pmcntenclr_el0, 1);
	wfi();
	if (counts)
		write_sysreg(pmcntenset_el0, 1);
}

/* Until an interrupt is pending. False: there is something to do for this CPU. */
static bool wait_here(struct cpu *cpu)
{
	bool waits;

	/* Full barrier between `idle` and the queues; partner: who queues a vCPU. */
	__atomic_store_n(&cpu->idle, true, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	waits = !anything_to_do(cpu);
	if (waits)
		wait_for_interrupt();
	__atomic_store_n(&cpu->idle, false, __ATOMIC_SEQ_CST);
	return waits;
}

/* A vCPU that keeps its CPU while nobody else wants it: it has not used that time. */
struct outcome cold_wait(struct vcpu *vcpu)
{
	uint64_t start = clock_ticks();
	bool waited = wait_here(vcpu->cpu);

	vcpu->cpu->slice_start += clock_ticks() - start;
	return (struct outcome){ waited, 0 };
}

static void work(struct cpu *cpu)
{
	unsigned wanted = __atomic_exchange_n(&cpu->work, 0, __ATOMIC_SEQ_CST);

	if (wanted & WORK_VMS)
		vm_serve();
	if (wanted & WORK_SHELL)
		control_shell();
}

void cpu_home(struct cpu *cpu)
{
	for (;;) {
		struct vcpu *next;

		vcpu_left(cpu);
		work(cpu);
		next = next_vcpu(cpu, NULL);
		if (next) {
			cpu->vcpu = next;
			context_switch(&cpu->sp, next->sp);
		} else {
			wait_here(cpu);
			gic->physical_interrupts(cpu);
		}
	}
}

/* --- The first time. ------------------------------------------------------------------------------- */

static __attribute__((noreturn)) void begin(void)
{
	struct vcpu *vcpu = this_cpu()->vcpu;

	vcpu->gicc = vcpu->cpu->gicc; /* at the same address on each CPU */
	vcpu->gich = vcpu->cpu->gich;
	arrive(vcpu);
	trace(vcpu->cpu->trace, TRACE_START, vcpu->entry, vcpu->vm->index << 8 | vcpu->index);
	gic->start(vcpu);
}

/* An empty stack that context_switch() can go over to. */
void vcpu_launch(struct vcpu *vcpu)
{
	uint64_t *frame = (uint64_t *)vcpu - 12;
	unsigned i;

	for (i = 0; i < 11; i++)
		frame[i] = 0;
	frame[11] = (uint64_t)begin;
	vcpu->sp = (uint64_t)frame;
	context_reset(vcpu);
	sched->admit(vcpu);
	__atomic_store_n(&vcpu->state, VCPU_READY, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&vcpu->vm->stop, __ATOMIC_SEQ_CST) &&
	    change_state(vcpu, VCPU_READY, VCPU_STOPPED))
		return;
	sched->ready(vcpu, READY_STARTED);
}

void cold_launch(struct vcpu *vcpu)
{
	vcpu_launch(vcpu);
}
