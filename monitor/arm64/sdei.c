/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Between the guest's registers and the SDEI dispatcher, and what that asks of the machine and of the
 * virtual GIC (struct sdei_port).
 *
 * All of it happens in one place on the way back to the guest, where vectors.S has put x0 to x17 into the
 * exit frame: the guest's call left a note in vgic_cpu.host, as does every kick.
 */
#include <interface.h>
#include "hot.h"
#include "port.h"
#include "sdei.h"
#include "vm.h"

#define PAR_F  1ul
#define PAR_PA 0x0000fffffffff000ul

static inline void note(struct vgic_cpu *cpu, uint32_t what)
{
	/* release: what it is about was done before; partner: the exchange in sdei_settle() */
	__atomic_fetch_or(&cpu->host, what, __ATOMIC_RELEASE);
}

/* SDEI_AGAIN: as traps.c does it for an access. */
static __attribute__((noinline)) void call_again(struct vcpu *vcpu, struct sdei_frame *frame)
{
	lists_exit(vcpu);
	while (sdei_call(vcpu->vm->sdei, vcpu->index, frame) == SDEI_AGAIN) {
		vcpu->waits++;
		yield(WAIT_YIELDS);
		vgic_exit(vcpu->vgic, &vcpu->image);
	}
	lists_enter(vcpu);
}

__attribute__((flatten)) void sdei_settle(struct vcpu *vcpu)
{
	struct sdei *sdei = vcpu->vm->sdei;
	struct sdei_frame frame;
	uint32_t noted;

	frame.x = vcpu->x;
	frame.pc = read_sysreg(elr_el2);
	frame.pstate = read_sysreg(spsr_el2);
	frame.sctlr_el1 = read_sysreg(sctlr_el1);
	frame.vbar_el1 = read_sysreg(vbar_el1);
	frame.gcscr_el1 = 0;
	frame.resumed = false;
	/* Only here is that one set. What the call makes pending here is looked at below. */
	if (__atomic_load_n(&vcpu->vgic->host, __ATOMIC_RELAXED) & SDEI_ASKED &&
	    sdei_call(sdei, vcpu->index, &frame) == SDEI_AGAIN)
		call_again(vcpu, &frame);
	/* acquire: partner is note() */
	noted = __atomic_exchange_n(&vcpu->vgic->host, 0, __ATOMIC_ACQUIRE);
	if (__builtin_expect(noted & SDEI_AGAIN_DUE, 0))
		sdei_again(sdei, vcpu->index);
	if (sdei_pending(sdei, vcpu->index))
		sdei_enter(sdei, vcpu->index, &frame);
	write_sysreg(elr_el2, frame.pc);
	write_sysreg(spsr_el2, frame.pstate);
	if (!frame.resumed)
		return;
	write_sysreg(elr_el1, frame.elr_el1);
	write_sysreg(spsr_el1, frame.spsr_el1);
}

/* --- The port. ---------------------------------------------------------------------------------- */

/* Loaded or not: its vCPU looks at the note before it runs its guest. */
static void kick(void *host, unsigned index)
{
	struct vcpu *vcpu = ((struct vm *)host)->vcpu[index];

	if (!vcpu->handle)
		return; /* it has never run, and is masked */
	note(vcpu->handle, SDEI_LOOK);
	if (vcpu == this_cpu()->vcpu)
		return;
	/* Full barrier between the note and the state; partner: block(), wait in vcpu_wait(). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	port.kick(host, index);
}

static int vcpu_of_mpidr(void *host, uint64_t mpidr)
{
	return vm_vcpu_of_mpidr(host, mpidr);
}

static uint64_t mpidr_of(void *host, unsigned vcpu)
{
	return vgic_mpidr(((struct vm *)host)->vgic, vcpu);
}

/* Is it mapped, by both stages, to memory of the guest's? PAR_EL1 is the guest's. */
static bool entry_valid(void *host, unsigned vcpu, uint64_t address)
{
	const struct vm *vm = host;
	uint64_t kept = read_sysreg(par_el1), par;

	(void)vcpu;
	__asm__ volatile("at s12e1r, %0\n\tisb" : : "r"(address) : "memory");
	par = read_sysreg(par_el1);
	write_sysreg(par_el1, kept);
	if (par & PAR_F)
		return false;
	return ((par & PAR_PA) | (address & 0xfff)) - vm->ram_at < vm->ram_size;
}

static void later(void *host, unsigned index)
{
	COLD(cold_sdei_later, ((struct vm *)host)->vcpu[index], 0, 0);
}

static struct vgic *vgic_of(void *host)
{
	return ((struct vm *)host)->vgic;
}

static bool irq_valid(void *host, unsigned vcpu, virq_t virq)
{
	return vgic_divertible(vgic_of(host), vcpu, virq);
}

static int irq_divert(void *host, unsigned vcpu, virq_t virq, bool again)
{
	int result;

	if (again)
		result = vgic_divert_again(vgic_of(host), vcpu, virq);
	else
		result = vgic_divert(((struct vm *)host)->vcpu[vcpu]->vgic, vcpu, virq);
	if (result == VGIC_AGAIN)
		return SDEI_RETRY;
	return result == 0 ? SDEI_SUCCESS : SDEI_DENIED;
}

static void irq_return(void *host, unsigned vcpu, virq_t virq)
{
	vgic_undivert(vgic_of(host), vcpu, virq);
}

static bool irq_pending(void *host, unsigned vcpu, virq_t virq)
{
	return vgic_diverted_pending(vgic_of(host), vcpu, virq);
}

static void irq_take(void *host, unsigned vcpu, virq_t virq)
{
	vgic_diverted_take(vgic_of(host), vcpu, virq);
}

static bool irq_end(void *host, unsigned vcpu, virq_t virq)
{
	return vgic_diverted_end(vgic_of(host), vcpu, virq);
}

static bool irq_clear(void *host, unsigned vcpu, virq_t virq)
{
	return vgic_diverted_clear(vgic_of(host), vcpu, virq);
}

static void irq_route(void *host, unsigned vcpu, virq_t virq)
{
	vgic_diverted_route(vgic_of(host), vcpu, virq);
}

/* struct vgic_port's, here for the sake of how this file is compiled. */
void sdei_diverted(void *host, unsigned vcpu, virq_t virq)
{
	sdei_interrupt(((struct vm *)host)->sdei, vcpu, virq);
}

const struct sdei_port sdei_port = {
	.kick = kick,
	.vcpu_of_mpidr = vcpu_of_mpidr,
	.mpidr = mpidr_of,
	.entry_valid = entry_valid,
	.irq_valid = irq_valid,
	.irq_divert = irq_divert,
	.irq_return = irq_return,
	.irq_pending = irq_pending,
	.irq_take = irq_take,
	.irq_end = irq_end,
	.irq_clear = irq_clear,
	.irq_route = irq_route,
	.later = later,
};
