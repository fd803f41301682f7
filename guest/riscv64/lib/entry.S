/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * First instructions (a0: the hart's number, a1: the device tree), entry of traps by either form of
 * mtvec, and the way into a payload in S or U mode and back (privileged specification 3.1.6 to
 * 3.1.15).
 */
#define STACK_SHIFT   14	/* must agree with STACK_SIZE in hart.h */
#define MAX_HARTS     8
#define HART_SP       0		/* offsets in struct hart, asserted in trap.c */
#define HART_T0       8
#define HART_SLOT     16
#define HART_RUN_SP   24
#define HART_PAYLOAD  32
#define FRAME_PC      256	/* in struct frame and struct payload */
#define FRAME_STATUS  264
#define FRAME_CAUSE   272
#define FRAME_TVAL    280
#define FRAME_SLOT    288
#define PAYLOAD_MODE  288
#define FRAME_SIZE    304

	.section .head, "ax"
	.global _start
_start:
	csrw	mie, zero
	csrci	mstatus, 8
	li	t0, MAX_HARTS
	bgeu	a0, t0, park
	la	t0, trap_entry
	csrw	mtvec, t0
	la	sp, stacks
	addi	t0, a0, 1
	slli	t0, t0, STACK_SHIFT
	add	sp, sp, t0
	bnez	a0, 2f
	la	t0, __bss_start
	la	t1, _end
1:	sd	zero, (t0)
	addi	t0, t0, 8
	bltu	t0, t1, 1b
	call	first_main
	/* The others wait until what they share is set up. */
2:	la	t0, released
3:	lw	t1, (t0)
	beqz	t1, 3b
	fence	r, rw
	call	secondary_main
park:	wfi
	j	park

	.text
	.macro all_registers what, base
	.irp r, 1, 3, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	\what	x\r, 8*\r(\base)
	.endr
	.endm

	.macro callee_saved what
	\what	ra, 0(sp)
	\what	s0, 8(sp)
	\what	s1, 16(sp)
	\what	s2, 24(sp)
	\what	s3, 32(sp)
	\what	s4, 40(sp)
	\what	s5, 48(sp)
	\what	s6, 56(sp)
	\what	s7, 64(sp)
	\what	s8, 72(sp)
	\what	s9, 80(sp)
	\what	s10, 88(sp)
	\what	s11, 96(sp)
	.endm

	/* Slot of each entry of the table below, then the rest of the entry with t0 = slot. */
	.macro slot_entry n
slot_\n:
	csrrw	tp, mscratch, tp
	sd	t0, HART_T0(tp)
	li	t0, \n
	j	trap_common
	.endm

	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	slot_entry \n
	.endr

	.balign 256
	.global trap_table
trap_table:
	.option push
	.option norvc
	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	j	slot_\n
	.endr
	.option pop

	.balign 4
	.global trap_entry
trap_entry:
	csrrw	tp, mscratch, tp
	sd	t0, HART_T0(tp)
	li	t0, -1
trap_common:
	sd	t0, HART_SLOT(tp)
	sd	sp, HART_SP(tp)
	csrr	t0, mstatus
	srli	t0, t0, 11
	andi	t0, t0, 3
	addi	t0, t0, -3
	bnez	t0, from_payload

	addi	sp, sp, -FRAME_SIZE
	all_registers sd, sp
	ld	t0, HART_SP(tp)
	sd	t0, 8*2(sp)
	csrr	t0, mscratch
	sd	t0, 8*4(sp)
	ld	t0, HART_T0(tp)
	sd	t0, 8*5(sp)
	csrw	mscratch, tp
	csrr	t0, mepc
	sd	t0, FRAME_PC(sp)
	csrr	t0, mstatus
	sd	t0, FRAME_STATUS(sp)
	csrr	t0, mcause
	sd	t0, FRAME_CAUSE(sp)
	csrr	t0, mtval
	sd	t0, FRAME_TVAL(sp)
	ld	t0, HART_SLOT(tp)
	sd	t0, FRAME_SLOT(sp)
	mv	a0, tp
	mv	a1, sp
	call	trap_from_machine
	ld	t0, FRAME_STATUS(sp)
	csrw	mstatus, t0
	ld	t0, FRAME_PC(sp)
	csrw	mepc, t0
	all_registers ld, sp
	ld	tp, 8*4(sp)
	ld	t0, 8*5(sp)
	ld	sp, 8*2(sp)
	mret

	/* All of it goes to the struct payload, and payload_run() returns. */
from_payload:
	ld	t0, HART_PAYLOAD(tp)
	all_registers sd, t0
	ld	t1, HART_SP(tp)
	sd	t1, 8*2(t0)
	csrr	t1, mscratch
	sd	t1, 8*4(t0)
	ld	t1, HART_T0(tp)
	sd	t1, 8*5(t0)
	csrw	mscratch, tp
	csrr	t1, mepc
	sd	t1, FRAME_PC(t0)
	csrr	t1, mstatus
	sd	t1, FRAME_STATUS(t0)
	csrr	t1, mtval
	sd	t1, FRAME_TVAL(t0)
	csrr	a0, mcause
	sd	a0, FRAME_CAUSE(t0)
	ld	sp, HART_RUN_SP(tp)
	callee_saved ld
	addi	sp, sp, 112
	ret

	.global payload_run
payload_run:
	addi	sp, sp, -112
	callee_saved sd
	sd	sp, HART_RUN_SP(tp)
	sd	a0, HART_PAYLOAD(tp)
	li	t0, 3 << 11
	csrc	mstatus, t0
	ld	t0, PAYLOAD_MODE(a0)
	slli	t0, t0, 11
	csrs	mstatus, t0
	ld	t0, FRAME_PC(a0)
	csrw	mepc, t0
	mv	t0, a0
	all_registers ld, t0
	ld	sp, 8*2(t0)
	ld	tp, 8*4(t0)
	ld	t0, 8*5(t0)
	mret

	/* Where a payload's function returns to. a7: no call that a firmware, or who runs it, would know. */
	.balign 4
	.global payload_end
	.global payload_return
payload_end:
	li	a7, -1
payload_return:
	ecall
	j	payload_return

	/*
	 * For stvec: a payload's own handler. sscratch points to a struct delegated, whose first
	 * two words hold t0 and t1 meanwhile. Exceptions are noted and skipped, interrupts noted
	 * and their bit of sie cleared.
	 */
	.balign 4
	.global payload_vector
payload_vector:
	csrrw	a0, sscratch, a0
	sd	t0, 0(a0)
	sd	t1, 8(a0)
	ld	t0, 16(a0)
	addi	t0, t0, 1
	sd	t0, 16(a0)
	csrr	t0, scause
	sd	t0, 24(a0)
	csrr	t1, stval
	sd	t1, 40(a0)
	csrr	t1, sepc
	sd	t1, 32(a0)
	bltz	t0, 2f
	lhu	t0, (t1)
	andi	t0, t0, 3
	addi	t0, t0, -3
	addi	t1, t1, 2
	bnez	t0, 1f
	addi	t1, t1, 2
1:	csrw	sepc, t1
	j	3f
2:	li	t1, 1
	sll	t1, t1, t0
	csrc	sie, t1
3:	ld	t0, 0(a0)
	ld	t1, 8(a0)
	csrrw	a0, sscratch, a0
	sret

	.section .note.GNU-stack, "", %progbits
