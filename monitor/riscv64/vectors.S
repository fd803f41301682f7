/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Traps: from the firmware or its payload into trap(), and back; from the monitor itself to where it said
 * that it would recover. And the accesses that may fault.
 */
#include "hart.h"

#define X(n) (HART_X + 8 * (n))
#define MSTATUS_MPRV (1 << 17)

	.text
	.balign 4
	.option push
	.option norvc
	.global trap_vector
	.global trap_vector_end
/*
 * Each hart runs a copy in its structure, whose address so is the pc's. mscratch has MPRV's bit, or 0 while
 * the monitor runs: MPRV goes before the first store, which would be made as whoever trapped. It must
 * never be set there, but QEMU (10.0) lets HS-mode set any bit of vsstatus, and all of them in mstatus by
 * entering VS.
 */
trap_vector:
	csrrw	tp, mscratch, tp
	beqz	tp, 2f
	csrc	mstatus, tp
	auipc	tp, 0
	addi	tp, tp, -(HART_VECTOR + 12)	# auipc is the fourth instruction
	sd	x1, X(1)(tp)
	sd	x2, X(2)(tp)
	sd	x5, X(5)(tp)
	sd	x6, X(6)(tp)
	sd	x7, X(7)(tp)
	sd	x10, X(10)(tp)
	sd	x11, X(11)(tp)
	sd	x12, X(12)(tp)
	sd	x13, X(13)(tp)
	sd	x14, X(14)(tp)
	sd	x15, X(15)(tp)
	sd	x16, X(16)(tp)
	sd	x17, X(17)(tp)
	sd	x28, X(28)(tp)
	sd	x29, X(29)(tp)
	sd	x30, X(30)(tp)
	sd	x31, X(31)(tp)
	csrrw	t0, mscratch, zero
	sd	t0, X(4)(tp)
	ld	t1, HART_TRAPPED(tp)
	jr	t1
2:	csrrw	tp, mscratch, tp
	sd	t0, HART_SCRATCH(tp)
	ld	t0, HART_OURS(tp)
	jr	t0
trap_vector_end:
	.option pop

/*
 * Of the payload's traps, those that are most go on with what a call does not keep; the other registers are
 * still the payload's own, whether it was one of those or not.
 */
	.global trapped_in_payload
trapped_in_payload:
	mv	sp, tp
	csrr	t0, mcause
	li	t1, 9				# a call from S-mode
	bne	t0, t1, 1f
	call	fast_call
	beqz	a0, load_some
	j	trapped
1:	mv	a0, tp
	mv	a1, t0
	bgez	t0, 2f
	call	fast_interrupt
	beqz	a0, load_some
	j	trapped
2:	call	fast_exception
	beqz	a0, load_some

	.global trapped
trapped:
	sd	x3, X(3)(tp)
	sd	x8, X(8)(tp)
	sd	x9, X(9)(tp)
	sd	x18, X(18)(tp)
	sd	x19, X(19)(tp)
	sd	x20, X(20)(tp)
	sd	x21, X(21)(tp)
	sd	x22, X(22)(tp)
	sd	x23, X(23)(tp)
	sd	x24, X(24)(tp)
	sd	x25, X(25)(tp)
	sd	x26, X(26)(tp)
	sd	x27, X(27)(tp)
	mv	sp, tp
	mv	a0, tp
	call	trap
	beqz	a0, load_some

	/* Into the guest, as tp's hart has it; also how a hart starts. */
	.global enter_guest
enter_guest:
	ld	x3, X(3)(tp)
	ld	x8, X(8)(tp)
	ld	x9, X(9)(tp)
	ld	x18, X(18)(tp)
	ld	x19, X(19)(tp)
	ld	x20, X(20)(tp)
	ld	x21, X(21)(tp)
	ld	x22, X(22)(tp)
	ld	x23, X(23)(tp)
	ld	x24, X(24)(tp)
	ld	x25, X(25)(tp)
	ld	x26, X(26)(tp)
	ld	x27, X(27)(tp)
load_some:
	li	t0, MSTATUS_MPRV
	csrw	mscratch, t0
	ld	x2, X(2)(tp)
	ld	x1, X(1)(tp)
	ld	x5, X(5)(tp)
	ld	x6, X(6)(tp)
	ld	x7, X(7)(tp)
	ld	x10, X(10)(tp)
	ld	x11, X(11)(tp)
	ld	x12, X(12)(tp)
	ld	x13, X(13)(tp)
	ld	x14, X(14)(tp)
	ld	x15, X(15)(tp)
	ld	x16, X(16)(tp)
	ld	x17, X(17)(tp)
	ld	x28, X(28)(tp)
	ld	x29, X(29)(tp)
	ld	x30, X(30)(tp)
	ld	x31, X(31)(tp)
	ld	x4, X(4)(tp)
	mret

/*
 * The monitor faulted; tp is the hart, and t0 is in its scratch. The trap set MPP to M, so MPRV, if it was
 * set, has had no effect since; it must not have one after the mret.
 */
	.global trap_of_ours
trap_of_ours:
	li	t0, MSTATUS_MPRV
	csrc	mstatus, t0
	ld	t0, HART_RECOVER(tp)
	beqz	t0, 1f
	csrw	mepc, t0
	sd	zero, HART_RECOVER(tp)
	ld	t0, HART_SCRATCH(tp)
	mret

	/* One of those that may fault? The table's entries are relative to themselves, and 0 ends it. */
1:	sd	t1, HART_SCRATCH + 8(tp)
	sd	t2, HART_SCRATCH + 16(tp)
	csrr	t1, mepc
	lla	t0, may_fault
2:	lw	t2, 0(t0)
	beqz	t2, 3f
	add	t2, t2, t0
	addi	t0, t0, 4
	bne	t2, t1, 2b
	addi	t1, t1, 4
	csrw	mepc, t1
	ld	t0, HART_SCRATCH(tp)
	ld	t1, HART_SCRATCH + 8(tp)
	ld	t2, HART_SCRATCH + 16(tp)
	mret
3:	mv	a0, sp
	mv	a1, s0
	mv	a2, ra
	mv	sp, tp				# the stack may be what is wrong
	call	monitor_fault

/* void hart_sleep(void): until anything is pending that mie has. A function, so that it can be found. */
	.global	hart_sleep
hart_sleep:
	wfi
	.global	hart_awake
hart_awake:
	ret

/*
 * struct result guest_*(uint64_t address, uint64_t mstatus, uint64_t value), memory.h: with the hart's
 * mstatus being that one meanwhile. a1 of the result: 0, or 1 if it faulted; then mcause and its like say
 * why.
 */
	.macro	GUARD name, instruction
	.global	\name
	.balign	4
\name:
	lla	t2, 8f
	sd	t2, HART_RECOVER(tp)
	csrrw	t1, mstatus, a1
	\instruction
	csrw	mstatus, t1
	sd	zero, HART_RECOVER(tp)
	li	a1, 0
	ret
	.balign	4
8:	csrw	mstatus, t1
	li	a1, 1
	ret
	.endm

	GUARD	guest_load_s1, "lb a0, 0(a0)"
	GUARD	guest_load_s2, "lh a0, 0(a0)"
	GUARD	guest_load_s4, "lw a0, 0(a0)"
	GUARD	guest_load_8, "ld a0, 0(a0)"
	GUARD	guest_load_u1, "lbu a0, 0(a0)"
	GUARD	guest_load_u2, "lhu a0, 0(a0)"
	GUARD	guest_load_u4, "lwu a0, 0(a0)"
	GUARD	guest_store_1, "sb a2, 0(a0)"
	GUARD	guest_store_2, "sh a2, 0(a0)"
	GUARD	guest_store_4, "sw a2, 0(a0)"
	GUARD	guest_store_8, "sd a2, 0(a0)"

/*
 * struct result guest_load_bytes(uint64_t address, uint64_t mstatus, uint64_t count), and guest_store_bytes() with
 * a value behind that: the same, for bytes one after the other.
 */
	.global	guest_load_bytes
guest_load_bytes:
	lla	t2, bytes_fault
	sd	t2, HART_RECOVER(tp)
	csrrw	t1, mstatus, a1
	li	t3, 0
	li	t4, 0
1:	lbu	t5, 0(a0)
	sll	t5, t5, t4
	or	t3, t3, t5
	addi	a0, a0, 1
	addi	t4, t4, 8
	addi	a2, a2, -1
	bnez	a2, 1b
	mv	a0, t3
bytes_done:
	csrw	mstatus, t1
	sd	zero, HART_RECOVER(tp)
	li	a1, 0
	ret

	.global	guest_store_bytes
guest_store_bytes:
	lla	t2, bytes_fault
	sd	t2, HART_RECOVER(tp)
	csrrw	t1, mstatus, a1
1:	sb	a3, 0(a0)
	srli	a3, a3, 8
	addi	a0, a0, 1
	addi	a2, a2, -1
	bnez	a2, 1b
	j	bytes_done

	.balign	4
bytes_fault:
	csrw	mstatus, t1
	li	a1, 1
	ret

	.macro	AMO operation
	GUARD	guest_\operation\()_4, "\operation\().w.aqrl a0, a2, (a0)"
	GUARD	guest_\operation\()_8, "\operation\().d.aqrl a0, a2, (a0)"
	.endm

	AMO	amoadd
	AMO	amoswap
	AMO	amoxor
	AMO	amoor
	AMO	amoand
	AMO	amomin
	AMO	amomax
	AMO	amominu
	AMO	amomaxu

	/* The assembler need not know H. */
	GUARD	guest_hlv_s1, ".insn r 0x73, 4, 0x30, a0, a0, x0"
	GUARD	guest_hlv_u1, ".insn r 0x73, 4, 0x30, a0, a0, x1"
	GUARD	guest_hlv_s2, ".insn r 0x73, 4, 0x32, a0, a0, x0"
	GUARD	guest_hlv_u2, ".insn r 0x73, 4, 0x32, a0, a0, x1"
	GUARD	guest_hlvx_2, ".insn r 0x73, 4, 0x32, a0, a0, x3"
	GUARD	guest_hlv_s4, ".insn r 0x73, 4, 0x34, a0, a0, x0"
	GUARD	guest_hlv_u4, ".insn r 0x73, 4, 0x34, a0, a0, x1"
	GUARD	guest_hlvx_4, ".insn r 0x73, 4, 0x34, a0, a0, x3"
	GUARD	guest_hlv_8, ".insn r 0x73, 4, 0x36, a0, a0, x0"
	GUARD	guest_hsv_1, ".insn r 0x73, 4, 0x31, x0, a0, a2"
	GUARD	guest_hsv_2, ".insn r 0x73, 4, 0x33, x0, a0, a2"
	GUARD	guest_hsv_4, ".insn r 0x73, 4, 0x35, x0, a0, a2"
	GUARD	guest_hsv_8, ".insn r 0x73, 4, 0x37, x0, a0, a2"
