/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Traps that machine mode takes in machine mode, and registers that may not be there. */
#include "hart.h"
#include "tap.h"

void trap_from_machine(struct hart *me, struct frame *frame);
extern const char trap_entry[], trap_table[];

_Static_assert(offsetof(struct hart, saved_sp) == 0 && offsetof(struct hart, saved_t0) == 8 &&
		       offsetof(struct hart, slot) == 16 && offsetof(struct hart, run_sp) == 24 &&
		       offsetof(struct hart, payload) == 32 && offsetof(struct frame, pc) == 256 &&
		       offsetof(struct frame, slot) == 288,
	       "entry.S knows these offsets");

trap_handler *on_interrupt[16];
trap_handler *on_exception[16];

void quiet_software(struct hart *me, struct frame *frame)
{
	(void)frame;
	clint_clear(me->id);
}

void quiet_timer(struct hart *me, struct frame *frame)
{
	(void)frame;
	timer_set(me->id, TIMER_NEVER);
}

static bool fetch_failed(uint64_t cause)
{
	return cause == CAUSE_FETCH_ACCESS || cause == CAUSE_FETCH_PAGE;
}

void skip_instruction(struct frame *frame)
{
	if (fetch_failed(frame->cause))
		frame->pc = frame->x[1];
	else
		frame->pc += (*(const uint16_t *)frame->pc & 3) == 3 ? 4 : 2;
}

static _Noreturn void unexpected(struct hart *me, struct frame *frame)
{
	print("# hart %u: mcause 0x%lx mepc 0x%lx mtval 0x%lx mstatus 0x%lx ra 0x%lx\n", me->id,
	      frame->cause, frame->pc, frame->tval, frame->status, frame->x[1]);
	bail_out("unexpected trap");
}

static void interrupt(struct hart *me, struct frame *frame)
{
	unsigned cause = frame->cause & 0xf;

	if (!on_interrupt[cause])
		unexpected(me, frame);
	on_interrupt[cause](me, frame);
	atomic_fetch_add_explicit(&me->interrupts[cause], 1, memory_order_release);
}

void trap_from_machine(struct hart *me, struct frame *frame)
{
	if (frame->cause & CAUSE_IS_INTERRUPT) {
		interrupt(me, frame);
		return;
	}
	if (frame->cause < 16 && on_exception[frame->cause]) {
		on_exception[frame->cause](me, frame);
		return;
	}
	if (!me->traps_expected)
		unexpected(me, frame);
	me->trap = (struct trap){ me->trap.count + 1, frame->cause, frame->pc, frame->tval,
				  frame->status };
	skip_instruction(frame);
}

void trap_vectored(bool vectored)
{
	csr_write(mtvec, vectored ? (uintptr_t)trap_table | 1 : (uintptr_t)trap_entry);
}

void traps_expect(void)
{
	struct hart *me = this_hart();

	me->trap = (struct trap){ 0 };
	me->traps_expected = true;
}

unsigned traps_end(void)
{
	struct hart *me = this_hart();

	me->traps_expected = false;
	return me->trap.count;
}

bool trapped(unsigned cause)
{
	return traps_end() == 1 && this_hart()->trap.cause == cause;
}

#define INSTRUCTION_RET 0x00008067u

uint64_t execute(uint32_t instruction, uint64_t a0, uint64_t a1)
{
	struct hart *me = this_hart();
	uint64_t (*code)(uint64_t, uint64_t) = (uint64_t(*)(uint64_t, uint64_t))(uintptr_t)me->code;

	me->code[0] = instruction;
	me->code[1] = INSTRUCTION_RET;
	__asm__ volatile("fence.i" ::: "memory");
	return code(a0, a1);
}

bool csr_try_read(unsigned number, uint64_t *value)
{
	traps_expect();
	*value = execute(csr_instruction(2, number, REG_A0, 0), 0, 0);
	return !traps_end();
}

bool csr_try_write(unsigned number, uint64_t value)
{
	traps_expect();
	execute(csr_instruction(1, number, 0, REG_A0), value, 0);
	return !traps_end();
}

uint64_t csr_read_at(unsigned number)
{
	return execute(csr_instruction(2, number, REG_A0, 0), 0, 0);
}

void csr_write_at(unsigned number, uint64_t value)
{
	execute(csr_instruction(1, number, 0, REG_A0), value, 0);
}

bool hart_has(char extension)
{
	return csr_read(misa) & MISA_EXTENSION(extension);
}
