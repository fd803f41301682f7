/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The loops that bench.c counts, in assembly so that what a round executes is plain to see: the
 * operation, and addi and bnez. a0: rounds. Where there is a vector of their own, all interrupts
 * come through it; it uses registers that the loop does not.
 */
	.text

	.macro round	/* the end of a loop */
	addi	a0, a0, -1
	bnez	a0, 1b
	.endm

	/* a1: what is written, and is there already */
	.global loop_csr
loop_csr:
1:	csrw	mscratch, a1
	round
	ret

	/* a1: address, a2: value */
	.global loop_store_64
loop_store_64:
1:	sd	a2, (a1)
	round
	ret

	.global loop_store_32
loop_store_32:
1:	sw	a2, (a1)
	round
	ret

	/* To the next instruction, in machine mode; MPP is U after each. */
	.global loop_mret
loop_mret:
	la	t0, 2f
	li	t1, 3 << 11
	csrr	t2, mepc
1:	csrw	mepc, t0
	csrs	mstatus, t1
	mret
	.balign 4
2:	round
	csrw	mepc, t2
	ret

	/* The same without mret: what it costs to prepare it. */
	.global loop_no_mret
loop_no_mret:
	la	t0, 2f
	li	t1, 3 << 11
	csrr	t2, mepc
1:	csrw	mepc, t0
	csrs	mstatus, t1
2:	round
	csrw	mepc, t2
	ret

	/* An interrupt is pending and enabled, MIE is 0. */
	.global loop_wfi
loop_wfi:
1:	wfi
	round
	ret

	/* a1: own msip. Interrupts are on; the handler counts in t2. */
	.global loop_msip_self
loop_msip_self:
	li	t1, 1
	mv	t2, a0
1:	sw	t1, (a1)
2:	beq	t2, a0, 2b
	round
	ret

	.balign 4
	.global vector_msip_self
vector_msip_self:
	sw	zero, (a1)
	addi	t2, t2, -1
	mret

	/*
	 * a1: own msip, a2: the other hart's, a3: 1 for the hart that begins. Interrupts are on;
	 * all is done by the handler, and between two of them the hart is asleep.
	 */
	.global loop_msip_other
loop_msip_other:
	li	t1, 1
	la	t2, 2f
	beqz	a3, 1f
	sw	t1, (a2)
1:	wfi
	j	1b
2:	ret

	.balign 4
	.global vector_msip_other
vector_msip_other:
	sw	zero, (a1)
	addi	a0, a0, -1
	beqz	a0, 1f
	.global message_sent
message_sent:
	sw	t1, (a2)
	mret
	/* The last: the one that did not begin still answers. */
1:	bnez	a3, 2f
	sw	t1, (a2)
2:	csrw	mepc, t2
	csrr	t0, mstatus	/* mret goes to machine mode with interrupts off */
	andi	t0, t0, ~0x80
	csrw	mstatus, t0
	mret

	/* In S mode. The firmware's handler changes t0. */
	.global loop_firmware_call
loop_firmware_call:
1:	ecall
	round
	ret

	.balign 4
	.global vector_firmware_call
vector_firmware_call:
	csrr	t0, mepc
	addi	t0, t0, 4
	csrw	mepc, t0
	mret

	/* ecall is four bytes long whatever else is compressed. */

	.section .note.GNU-stack, "", %progbits
