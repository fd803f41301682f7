/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Scheduling. schedule.c moves vCPUs between states and stacks; which vCPU runs where and for how long
 * is a policy's: sched_shared.c (weighted round robin, more vCPUs than CPUs) or sched_partitioned.c
 * (a CPU for each vCPU, no timer).
 *
 *	            start                pick
 *	   OFF ------------> READY <----------------> RUNNING
 *	    ^                  ^     preempted          |  |
 *	    |                  | wake                   |  | off, stop
 *	    |                BLOCKED <------------------+  v
 *	    +------------------------------------------- OFF, STOPPED
 *
 * Between RUNNING and BLOCKED it is BLOCKING for a moment, or WOKEN: see block().
 *
 * A vCPU that leaves a CPU does so in two steps: on its own stack it saves what it has in registers
 * and goes over to another stack; on that one, vcpu_left() says to all CPUs where it is now. Nobody can
 * therefore run a stack that is still in use.
 */
#ifndef MONITOR_ARM64_SCHED_H
#define MONITOR_ARM64_SCHED_H

#include "cpu.h"

enum ready_why { READY_STARTED, READY_WOKEN, READY_PREEMPTED };

struct scheduler {
	const char *name;
	/* The vCPU is switched on or off: find it a home, or give that up. Any CPU. */
	void (*admit)(struct vcpu *vcpu);
	void (*dismiss)(struct vcpu *vcpu);
	/* It could run: keep it, and have a CPU look, if one should. Any CPU. */
	void (*ready)(struct vcpu *vcpu, enum ready_why why);
	/* It is not to run after all. False: it is not in any queue. Any CPU. */
	bool (*withdraw)(struct vcpu *vcpu);
	/*
	 * The next one for this CPU, NULL if there is none; its time starts now. `leaving` ran until now,
	 * and goes where its next_state says; NULL: nobody ran. If cpu->queue_held is true afterwards, it
	 * has been queued here already, and the CPU's lock is to be dropped once its stack is left. On
	 * that CPU.
	 */
	struct vcpu *(*pick)(struct cpu *cpu, struct vcpu *leaving);
	/* Is there anything that this CPU could run? On that CPU. */
	bool (*waiting)(struct cpu *cpu);
	/* Does `vcpu`, which runs here, have to give way to another one now? On that CPU. */
	bool (*give_way)(struct cpu *cpu, struct vcpu *vcpu);
};

extern const struct scheduler sched_shared, sched_partitioned;
extern const struct scheduler *sched;

/* Atomic, the policy's: is the guest's WFI to come to us, because another vCPU may want the CPU meanwhile? */
extern bool wfi_traps;

/* Have a CPU pass through cold_reschedule() soon. Any CPU. */
void cpu_reschedule(struct cpu *cpu);

/* Switch a vCPU on, which is off: it begins at vcpu->entry. Any CPU. */
void vcpu_launch(struct vcpu *vcpu);

/* It was blocked, and is the caller's, who has sched->ready() follow. False: it was not. Any CPU. */
bool vcpu_claim(struct vcpu *vcpu);

/* An idle CPU's life, on its own stack. */
__attribute__((noreturn)) void cpu_home(struct cpu *cpu);

/* What a CPU does on its own stack when it comes to it. Any CPU. */
#define WORK_VMS   1u /* a VM's request: vm_serve() */
#define WORK_SHELL 2u
void cpu_work(struct cpu *cpu, unsigned work);
void control_shell(void); /* control.c */

/* timers.c: the EL2 timer, for time slices, sleepers, and a tick that sets of VMs have. On that CPU. */
void tick_start(struct cpu *cpu);
void timer_slice(struct cpu *cpu, uint64_t end);
void sleeper_add(struct cpu *cpu, struct vcpu *vcpu);
void sleeper_remove(struct vcpu *vcpu); /* any CPU */

/* A CPU's lock: of its queue and its sleepers. */
void cpu_lock(struct cpu *cpu);
void cpu_unlock(struct cpu *cpu);

#endif
