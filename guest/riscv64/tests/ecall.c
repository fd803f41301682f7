/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Environment calls from machine mode (privileged specification 3.3.1): cause, mepc, mtval, the
 * stack of privilege modes and interrupt enables in mstatus (3.1.6.1), and that no other register
 * changes over traps and over instructions that a monitor emulates.
 */
#include "hart.h"
#include "tap.h"

#define ROUNDS 1000

/* Loads all registers but sp and tp from in[], runs the instruction, stores them to out[]. */
#define AROUND(name, instruction)                                                                   \
	void name(const uint64_t *in, uint64_t *out);                                               \
	__asm__(".text\n.balign 4\n" #name ":\n"                                                    \
		"addi sp, sp, -128\n"                                                               \
		"sd ra, 0(sp)\nsd s0, 8(sp)\nsd s1, 16(sp)\nsd s2, 24(sp)\nsd s3, 32(sp)\n"         \
		"sd s4, 40(sp)\nsd s5, 48(sp)\nsd s6, 56(sp)\nsd s7, 64(sp)\nsd s8, 72(sp)\n"       \
		"sd s9, 80(sp)\nsd s10, 88(sp)\nsd s11, 96(sp)\nsd a1, 104(sp)\n"                   \
		".irp r, 1, 3, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, " \
		"24, 25, 26, 27, 28, 29, 30, 31, 10\n"                                              \
		"ld x\\r, 8*\\r(x10)\n.endr\n" instruction "\n"                                     \
		"sd a0, 112(sp)\nld a0, 104(sp)\n"                                                  \
		".irp r, 1, 3, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, " \
		"24, 25, 26, 27, 28, 29, 30, 31\n"                                                  \
		"sd x\\r, 8*\\r(a0)\n.endr\n"                                                       \
		"ld t0, 112(sp)\nsd t0, 80(a0)\n"                                                   \
		"ld ra, 0(sp)\nld s0, 8(sp)\nld s1, 16(sp)\nld s2, 24(sp)\nld s3, 32(sp)\n"         \
		"ld s4, 40(sp)\nld s5, 48(sp)\nld s6, 56(sp)\nld s7, 64(sp)\nld s8, 72(sp)\n"       \
		"ld s9, 80(sp)\nld s10, 88(sp)\nld s11, 96(sp)\naddi sp, sp, 128\nret\n")

AROUND(around_ecall, "ecall");
AROUND(around_csrr_zero, "csrr zero, mstatus");
AROUND(around_csrr_a0, "csrr a0, mhartid");
AROUND(around_csrrs, "csrrsi t6, mie, 0");
AROUND(around_csrw, "csrw sscratch, s11");
AROUND(around_illegal, ".4byte 0xffffffff");
AROUND(around_clint, "li a5, 0x200bff8\nlw zero, (a5)\nli a5, 0");
AROUND(around_fence, "sfence.vma");

static void registers(const char *what, void (*around)(const uint64_t *, uint64_t *),
		      unsigned changed)
{
	uint64_t in[32], out[32] = { 0 };
	unsigned wrong = 0;

	for (unsigned i = 0; i < 32; i++)
		in[i] = UINT64_C(0x0123456789abcde1) * (i + 1);
	traps_expect();
	around(in, out);
	traps_end();
	for (unsigned i = 1; i < 32; i++)
		if (i != 2 && i != 4 && i != changed)
			wrong += in[i] != out[i];
	is(wrong, 0, "registers over %s", what);
}

static void values(void)
{
	struct hart *me = this_hart();
	uintptr_t at;

	traps_expect();
	__asm__ volatile("la %0, 1f\n1: ecall" : "=&r"(at)::"memory");
	ok(trapped(CAUSE_ECALL_M), "ecall: one trap, cause 11");
	is(me->trap.pc, at, "ecall: mepc is the instruction's address");
	is(me->trap.tval, 0, "ecall: mtval is 0");
}

static void stack_of(bool enabled)
{
	struct hart *me = this_hart();
	const char *what = enabled ? "on" : "off";

	traps_expect();
	if (enabled)
		interrupts_on();
	__asm__ volatile("ecall" ::: "memory");
	uint64_t after = csr_read(mstatus);

	interrupts_off();
	ok(trapped(CAUSE_ECALL_M), "interrupts %s: trap", what);
	is(me->trap.status & MSTATUS_MPP, MSTATUS_MPP, "interrupts %s: MPP is M in the handler",
	   what);
	is(!!(me->trap.status & MSTATUS_MPIE), enabled, "interrupts %s: MPIE in the handler", what);
	is(me->trap.status & MSTATUS_MIE, 0, "interrupts %s: MIE is 0 in the handler", what);
	is(!!(after & MSTATUS_MIE), enabled, "interrupts %s: MIE after mret", what);
	is(!!(after & MSTATUS_MPIE), 1, "interrupts %s: MPIE is 1 after mret", what);
	is(after & MSTATUS_MPP, 0, "interrupts %s: MPP is U after mret", what);
}

static void step_over(struct hart *me, struct frame *frame)
{
	(void)me;
	frame->x[10]++;
	frame->pc += 4;
}

static void many(void)
{
	register uint64_t count __asm__("a0") = 0;

	on_exception[CAUSE_ECALL_M] = step_over;
	for (unsigned i = 0; i < ROUNDS; i++)
		__asm__ volatile("ecall" : "+r"(count)::"memory");
	is(count, ROUNDS, "1000 calls: the handler changes a0 each time");
	on_exception[CAUSE_ECALL_M] = NULL;
}

void guest_main(void)
{
	values();
	stack_of(false);
	stack_of(true);
	many();
	registers("ecall", around_ecall, 0);
	registers("csrr with rd = x0", around_csrr_zero, 0);
	registers("csrr a0", around_csrr_a0, 10);
	registers("csrrsi", around_csrrs, 31);
	registers("csrw", around_csrw, 0);
	registers("an illegal instruction", around_illegal, 0);
	registers("a CLINT load to x0", around_clint, 15);
	registers("sfence.vma", around_fence, 0);
}
