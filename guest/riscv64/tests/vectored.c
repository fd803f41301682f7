/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * mtvec's modes (privileged specification 3.1.7): direct, all to one address; vectored, interrupts
 * to four times their cause, exceptions to the base.
 */
#include "payload.h"
#include "tap.h"

static struct frame last;

static void note_timer(struct hart *me, struct frame *frame)
{
	last = *frame;
	quiet_timer(me, frame);
}

static void note_software(struct hart *me, struct frame *frame)
{
	last = *frame;
	quiet_software(me, frame);
}

static void note_call(struct hart *me, struct frame *frame)
{
	(void)me;
	last = *frame;
	frame->pc += 4;
}

static void note_supervisor(struct hart *me, struct frame *frame)
{
	(void)me;
	last = *frame;
	csr_clear(mip, BIT(SSI));
}

static void timer(void)
{
	csr_write(mie, BIT(MTI));
	timer_set(0, 0);
	interrupts_on();
	wait_at_least(&this_hart()->interrupts[MTI], 1);
}

static void software(void)
{
	csr_write(mie, BIT(MSI));
	clint_send(0);
	interrupts_on();
	wait_at_least(&this_hart()->interrupts[MSI], 1);
}

static void call(void)
{
	__asm__ volatile("ecall" ::: "memory");
}

static void through(const char *what, void (*cause)(void), uint64_t mcause, bool vectored)
{
	const char *mode = vectored ? "vectored" : "direct";
	bool interrupt = mcause & CAUSE_IS_INTERRUPT;
	uint64_t slot = vectored ? (interrupt ? mcause & 0xf : 0) : NO_SLOT;

	last = (struct frame){ 0 };
	interrupts_reset();
	on_interrupt[MTI] = note_timer;
	on_interrupt[MSI] = note_software;
	on_interrupt[SSI] = note_supervisor;
	on_exception[CAUSE_ECALL_M] = note_call;
	trap_vectored(vectored);
	cause();
	interrupts_off();
	trap_vectored(false);
	is(last.cause, mcause, "%s, %s: mcause", mode, what);
	is(last.slot, slot, "%s, %s: the way in", mode, what);
	is(last.tval, 0, "%s, %s: mtval", mode, what);
}

/* Not delegated, an S interrupt is taken in M; a hart may have it delegated always. */
static void supervisor(void)
{
	csr_write(mideleg, 0);
	csr_write(mie, BIT(SSI));
	csr_set(mip, BIT(SSI));
	interrupts_on();
	wait_at_least(&this_hart()->interrupts[SSI], 1);
}

static uint64_t call_and_return(uint64_t a)
{
	call();
	return a;
}

static void from_payload(void)
{
	struct payload payload;

	trap_vectored(true);
	payload_init(&payload, MODE_S, call_and_return, 0);
	is(payload_run(&payload), CAUSE_ECALL_S, "vectored: a call of the payload");
	is(this_hart()->slot, 0, "vectored: a call of the payload goes to the base");
	payload_init(&payload, MODE_S, call_and_return, 0);
	csr_write(mie, BIT(MTI));
	timer_set(0, 0);
	wait_pending(MTI);
	is(payload_run(&payload), CAUSE_IS_INTERRUPT | MTI,
	   "vectored: a timer interrupt in the payload");
	is(this_hart()->slot, MTI, "vectored: a timer interrupt in the payload goes to its slot");
	trap_vectored(false);
}

void guest_main(void)
{
	for (unsigned vectored = 0; vectored < 2; vectored++) {
		through("timer", timer, CAUSE_IS_INTERRUPT | MTI, vectored);
		through("software", software, CAUSE_IS_INTERRUPT | MSI, vectored);
		through("call", call, CAUSE_ECALL_M, vectored);
		csr_write(mideleg, 0);
		if (csr_read(mideleg) & BIT(SSI))
			for (unsigned i = 0; i < 3; i++)
				skip("supervisor software",
				     "hart: S interrupts are always delegated");
		else
			through("supervisor software", supervisor, CAUSE_IS_INTERRUPT | SSI,
				vectored);
	}
	interrupts_reset();
	pmp_open();
	from_payload();
}
