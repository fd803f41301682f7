/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * A policy without a scheduler: each vCPU has a physical CPU to itself, from its start to its end.
 * There is no timer, no queue, and a guest's WFI is the CPU's.
 */
#include "gic.h"
#include "sched.h"
#include "../common/panic.h"

static void admit(struct vcpu *vcpu)
{
	if (!vcpu->home)
		panic("a vCPU has no CPU of its own"); /* the description was checked for it */
}

static void dismiss(struct vcpu *vcpu)
{
	(void)vcpu;
}

/* `first` is the one that is ready, if it is. */
static void ready(struct vcpu *vcpu, enum ready_why why)
{
	struct cpu *cpu = vcpu->home;

	(void)why;
	cpu_lock(cpu);
	cpu->first = vcpu;
	cpu_unlock(cpu);
	if (cpu != this_cpu())
		cpu_reschedule(cpu);
}

static bool withdraw(struct vcpu *vcpu)
{
	struct cpu *cpu = vcpu->home;
	bool there;

	cpu_lock(cpu);
	there = cpu->first == vcpu;
	if (there)
		cpu->first = NULL;
	cpu_unlock(cpu);
	return there;
}

static struct vcpu *pick(struct cpu *cpu, struct vcpu *leaving)
{
	struct vcpu *vcpu;

	(void)leaving;
	cpu_lock(cpu);
	vcpu = cpu->first;
	cpu->first = NULL;
	cpu_unlock(cpu);
	return vcpu;
}

static bool waiting(struct cpu *cpu)
{
	return __atomic_load_n(&cpu->first, __ATOMIC_SEQ_CST);
}

static bool give_way(struct cpu *cpu, struct vcpu *vcpu)
{
	(void)cpu, (void)vcpu;
	return false;
}

const struct scheduler sched_partitioned = {
	.name = "partitioned",
	.admit = admit,
	.dismiss = dismiss,
	.ready = ready,
	.withdraw = withdraw,
	.pick = pick,
	.waiting = waiting,
	.give_way = give_way,
};
