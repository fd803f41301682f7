/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * One EL2 physical timer for each CPU (DDI 0487 D12.2), for the end of a time slice, for the timers of
 * guests that sleep on no CPU, since theirs are in memory then, and on one CPU for a tick of a tenth of
 * a second: lines that wait for the console, resets that wait for their turn.
 */
#include "arch.h"
#include "gic.h"
#include "hot.h"
#include "sched.h"
#include "vm.h"

#define CTL_ENABLE 1ul
#define CTL_IMASK  2ul
#define NEVER      (~0ul)

/* Does this timer, out of its registers, have its line high; if not, when will it? */
static bool expired(uint64_t control, uint64_t compare, uint64_t now, uint64_t *deadline)
{
	if ((control & (CTL_ENABLE | CTL_IMASK)) != CTL_ENABLE)
		return false;
	if (compare <= now)
		return true;
	if (compare < *deadline)
		*deadline = compare;
	return false;
}

/* Tell the lines of what has expired; returns when the next one does. */
static uint64_t tell_timers(struct vcpu *vcpu)
{
	const struct context *context = &vcpu->context;
	uint64_t now = clock_ticks(), deadline = NEVER;

	if (expired(context->cntv_ctl, context->cntv_cval, now, &deadline))
		vgic_set_line(vcpu->vm->vgic, vcpu->index, TIMER_VIRTUAL, true);
	if (expired(context->cntp_ctl, context->cntp_cval, now, &deadline))
		vgic_set_line(vcpu->vm->vgic, vcpu->index, TIMER_PHYSICAL, true);
	return deadline;
}

static uint64_t tick_length(void)
{
	return read_sysreg(cntfrq_el0) / 10;
}

/*
 * Others may take a sleeper out meanwhile, never put one in: then the timer fires for nobody. A vCPU is
 * there for as long as the machine, but one that was taken out may sleep elsewhere, with another
 * deadline: this one's it is if it is still the first.
 */
static uint64_t first_deadline(const struct cpu *cpu)
{
	const struct vcpu *sleeper, *again = __atomic_load_n(&cpu->sleepers, __ATOMIC_ACQUIRE);
	uint64_t deadline = NEVER;

	do {
		sleeper = again;
		if (sleeper)
			deadline = __atomic_load_n(&sleeper->deadline, __ATOMIC_ACQUIRE);
		again = __atomic_load_n(&cpu->sleepers, __ATOMIC_RELAXED);
	} while (again != sleeper);
	return sleeper ? deadline : NEVER;
}

static void program(struct cpu *cpu)
{
	uint64_t deadline = first_deadline(cpu);

	if (cpu->slice_end < deadline)
		deadline = cpu->slice_end;
	if (cpu->tick < deadline)
		deadline = cpu->tick;
	if (cpu->again < deadline)
		deadline = cpu->again;
	if (deadline == cpu->timer_deadline)
		return;
	cpu->timer_deadline = deadline;
	write_sysreg(cnthp_cval_el2, deadline);
	write_sysreg(cnthp_ctl_el2, deadline == NEVER ? 0 : CTL_ENABLE);
}

/* A later end than what the timer is set to costs an interrupt that finds nothing, once. */
void timer_slice(struct cpu *cpu, uint64_t end)
{
	cpu->slice_end = end;
	if (end < cpu->timer_deadline || end == NEVER)
		program(cpu);
}

void tick_start(struct cpu *cpu)
{
	cpu->tick = clock_ticks() + tick_length();
	program(cpu);
}

/* For so long a guest runs before an interrupt that stays pending is an event again. */
#define AGAIN_HZ 20000

/* Wherever that vCPU is by now: it finds the note before it runs its guest again, or is kicked. */
static void again(struct vcpu *vcpu)
{
	__atomic_fetch_or(&vcpu->handle->host, SDEI_AGAIN_DUE, __ATOMIC_SEQ_CST);
	gic->port->kick(vcpu->vm, vcpu->index);
}

/* One that waited on this CPU has been put off for long enough. */
void cold_sdei_later(struct vcpu *vcpu)
{
	struct cpu *cpu = vcpu->cpu;

	if (cpu->again_for && cpu->again_for != vcpu)
		again(cpu->again_for);
	cpu->again_for = vcpu;
	cpu->again = clock_ticks() + read_sysreg(cntfrq_el0) / AGAIN_HZ;
	program(cpu);
}

void sleeper_add(struct cpu *cpu, struct vcpu *vcpu)
{
	uint64_t deadline = tell_timers(vcpu);
	struct vcpu **at = &cpu->sleepers;

	if (deadline == NEVER)
		return;
	cpu_lock(cpu);
	while (*at && (*at)->deadline <= deadline)
		at = &(*at)->next_sleeper;
	vcpu->deadline = deadline;
	vcpu->next_sleeper = *at;
	*at = vcpu;
	vcpu->sleeps_on = cpu;
	program(cpu);
	cpu_unlock(cpu);
}

/* Its CPU may be told of a deadline that is none any more: then it finds nothing. */
void sleeper_remove(struct vcpu *vcpu)
{
	struct cpu *cpu = vcpu->sleeps_on;
	struct vcpu **at;

	if (!cpu)
		return;
	cpu_lock(cpu);
	for (at = &cpu->sleepers; *at; at = &(*at)->next_sleeper) {
		if (*at == vcpu) {
			*at = vcpu->next_sleeper;
			break;
		}
	}
	vcpu->sleeps_on = NULL;
	cpu_unlock(cpu);
}

/* The first one whose time has come, or NULL. */
static struct vcpu *pop_due(struct cpu *cpu, uint64_t now)
{
	struct vcpu *vcpu;

	cpu_lock(cpu);
	vcpu = cpu->sleepers;
	if (vcpu && vcpu->deadline <= now) {
		cpu->sleepers = vcpu->next_sleeper;
		vcpu->sleeps_on = NULL;
	} else {
		vcpu = NULL;
	}
	cpu_unlock(cpu);
	return vcpu;
}

/* Claimed first: it may have been woken, and its timers be in a CPU's registers. */
static void expire(struct vcpu *vcpu)
{
	if (!vcpu_claim(vcpu))
		return;
	tell_timers(vcpu);
	sched->ready(vcpu, READY_WOKEN);
}

/*
 * The physical interrupt. A sleeper whose timer's interrupt is not wanted finds nothing pending, and blocks
 * again with that timer told.
 */
void cold_timer(struct cpu *cpu)
{
	uint64_t now = clock_ticks();
	struct vcpu *vcpu;

	cpu->timer_interrupts++;
	while ((vcpu = pop_due(cpu, now)))
		expire(vcpu);
	if (cpu->tick <= now) {
		cpu->tick = now + tick_length();
		console_tick();
		vm_tick();
	}
	if (cpu->again <= now) {
		cpu->again = NEVER;
		again(cpu->again_for);
		cpu->again_for = NULL;
	}
	if (cpu->slice_end <= now) {
		cpu->slice_end = NEVER;
		cpu_reschedule(cpu);
	}
	cpu->timer_deadline = 0; /* it has fired: program it whatever is next */
	program(cpu);
}
