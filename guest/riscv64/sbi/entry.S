/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * First instructions of a hart in S-mode (a0: its number, a1: the device tree or what hart_start was
 * told), traps, U-mode and back, and calls whose every register can be looked at (RISC-V SBI
 * specification, chapters 3 and 9; privileged specification 4.1).
 */
#define HART_PC       256	/* offsets in struct hart, asserted in supervisor.c */
#define HART_STATUS   264
#define HART_CAUSE    272
#define HART_TVAL     280
#define HART_TRAP_SP  288
#define HART_RUN_SP   296
#define HART_STACK    304
#define HART_SATP     312
#define HART_RESUMED  320
#define HART_CALL     352
#define SSTATUS_SPP   (1 << 8)
#define SSTATUS_FS    (1 << 13)
#define EXT_HSM       0x48534d

	.section .head, "ax"
	.global _start
_start:
	csrw	sie, zero
	csrci	sstatus, 2
	bnez	a0, not_first
	la	t0, __bss_start
	la	t1, _end
1:	sd	zero, (t0)
	addi	t0, t0, 8
	bltu	t0, t1, 1b
	la	sp, first_stack
	mv	a0, a1
	call	first_main

	/* The firmware boots on any hart; the tests, on hart 0. */
not_first:
	li	a0, 0
	mv	a2, a1
	la	a1, _start
	li	a6, 0
	li	a7, EXT_HSM
	ecall
	li	a6, 1
	ecall
1:	wfi
	j	1b

	/* A hart that hart_start starts, with its struct hart. */
	.global hart_entry
hart_entry:
	mv	tp, a1
	ld	sp, HART_STACK(tp)
	call	secondary_main

	/* One that says what it was started with, and stops again. */
	.global visitor_entry
visitor_entry:
	la	t0, visitor
	sd	a0, 8(t0)
	sd	a1, 16(t0)
	csrr	t1, satp
	sd	t1, 24(t0)
	csrr	t1, sstatus
	sd	t1, 32(t0)
	fence	rw, w
	li	t1, 1
	sd	t1, (t0)
	li	a7, EXT_HSM
	li	a6, 1
	ecall
	la	t0, visitor
	sd	a0, 40(t0)
	fence	rw, w
	li	t1, 2
	sd	t1, (t0)
1:	wfi
	j	1b

	.text
	.macro all_registers what, base, offset=0
	.irp r, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	\what	x\r, \offset + 8*\r(\base)
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

	.macro put_aside
	addi	sp, sp, -112
	callee_saved sd
	sd	sp, HART_RUN_SP(tp)
	.endm

	.macro take_back
	ld	sp, HART_RUN_SP(tp)
	callee_saved ld
	addi	sp, sp, 112
	.endm

	/* sscratch and tp hold the struct hart; the stack of the interrupted code is not trusted. */
	.balign 4
	.global trap_entry
trap_entry:
	csrrw	tp, sscratch, tp
	all_registers sd, tp
	csrr	t0, sscratch
	sd	t0, 8*4(tp)
	csrw	sscratch, tp
	csrr	t0, sepc
	sd	t0, HART_PC(tp)
	csrr	t0, sstatus
	sd	t0, HART_STATUS(tp)
	csrr	t0, scause
	sd	t0, HART_CAUSE(tp)
	csrr	t0, stval
	sd	t0, HART_TVAL(tp)
	ld	sp, HART_TRAP_SP(tp)
	mv	a0, tp
	call	trap_taken
	bnez	a0, 1f
	ld	t0, HART_STATUS(tp)
	csrw	sstatus, t0
	ld	t0, HART_PC(tp)
	csrw	sepc, t0
	all_registers ld, tp
	ld	tp, 8*4(tp)
	sret
1:	take_back	/* user_run returns */
	ret

	/* void user_run(uint64_t pc, uint64_t sp, uint64_t a0, uint64_t a1) */
	.global user_run
user_run:
	put_aside
	csrw	sepc, a0
	li	t0, SSTATUS_SPP
	csrc	sstatus, t0
	mv	sp, a1
	mv	a0, a2
	mv	a1, a3
	sret

	/*
	 * All registers from call[], ecall, all registers back to call[], with interrupts off then.
	 * The first instruction after ecall needs no register and keeps handlers out of what follows.
	 */
	.global call_with_all
call_with_all:
	put_aside
	all_registers ld, tp, HART_CALL
	ld	tp, HART_CALL + 8*4(tp)
	ecall
	csrci	sstatus, 2
	csrrw	tp, sscratch, tp
	all_registers sd, tp, HART_CALL
	csrr	t0, sscratch
	sd	t0, HART_CALL + 8*4(tp)
	csrw	sscratch, tp
	take_back
	ret

	/*
	 * long suspend(uint64_t type, bool *resumed): 0 with *resumed if it went on at resume_entry,
	 * else what the call answered.
	 */
	.global suspend
suspend:
	put_aside
	sd	a1, 104(sp)
	sb	zero, (a1)
	la	a1, resume_entry
	mv	a2, tp
	li	a6, 3
	li	a7, EXT_HSM
	ecall
	take_back
	ret

	.global resume_entry
	.balign 4
resume_entry:
	mv	tp, a1
	sd	a0, HART_RESUMED(tp)
	csrr	t0, satp
	sd	t0, HART_RESUMED + 8(tp)
	csrr	t0, sstatus
	sd	t0, HART_RESUMED + 16(tp)
	la	t0, trap_entry
	csrw	stvec, t0
	csrw	sscratch, tp
	ld	t0, HART_SATP(tp)
	csrw	satp, t0
	sfence.vma
	ld	sp, HART_RUN_SP(tp)
	ld	a1, 104(sp)
	li	t0, 1
	sb	t0, (a1)
	take_back
	li	a0, 0
	ret

	/*
	 * unsigned call_with_floats(uint64_t ext, uint64_t fid, uint64_t a0, uint64_t a1): how many of
	 * f0 to f31 and fcsr the call has changed.
	 */
	.option push
	.option arch, +d
	.global call_with_floats
call_with_floats:
	mv	a7, a0
	mv	a6, a1
	mv	a0, a2
	mv	a1, a3
	li	t0, SSTATUS_FS
	csrs	sstatus, t0
	li	t1, 0x3ff4000000000100
	.irp f, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	addi	t2, t1, \f
	fmv.d.x	f\f, t2
	.endr
	li	t2, 0x25
	fscsr	t2
	ecall
	li	a0, 0
	.irp f, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	addi	t2, t1, \f
	fmv.x.d	t3, f\f
	xor	t2, t2, t3
	snez	t2, t2
	add	a0, a0, t2
	.endr
	frcsr	t2
	addi	t2, t2, -0x25
	snez	t2, t2
	add	a0, a0, t2
	li	t0, 3 * SSTATUS_FS
	csrc	sstatus, t0
	ret
	.option pop

	/* What U-mode runs: one instruction, then ecall. All in one page of its own. */
	.balign 4096
	.global user_code
user_code:
	.global user_spin, user_ecall
user_spin:
	j	user_spin
user_ecall:
	ecall
	.balign 4096

	.bss
	.balign 16
	.space	0x4000
first_stack:
	.global visitor
	.balign 8
visitor:
	.space	48

	.section .note.GNU-stack, "", %progbits
