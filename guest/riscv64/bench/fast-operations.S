/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The loops that fast.c runs in S-mode, and where each ends. a0: rounds. A call of the SBI's has its
 * extension in a7, its function in a6, and changes a0 and a1 alone.
 */
	.text

	.macro	loop name
	.global	loop_\name
	.global	end_\name
loop_\name:
	mv	t0, a0
	mv	t1, a1
	.endm

	.macro	round name
	addi	t0, t0, -1
	bnez	t0, 1b
end_\name:
	ret
	.endm

	/* a1: deadline */
	loop	set_timer
	li	a7, 0x54494d45
	li	a6, 0
1:	mv	a0, t1
	ecall
	round	set_timer

	loop	time_read
1:	rdtime	a1
	round	time_read

	/* a1: harts, a2: what they count up when it arrives, a3: how many they are. Waits for each. */
	.macro	ipi name
	loop	\name
	li	a7, 0x735049
	li	a6, 0
	li	t2, 0
1:	mv	a0, t1
	li	a1, 0
	ecall
	add	t2, t2, a3
2:	ld	t3, (a2)
	bltu	t3, t2, 2b
	round	\name
	.endm

	ipi	ipi_1
	ipi	ipi_3

	/* a1: harts, a2, a3: addresses */
	.macro	rfence name
	loop	\name
	li	a7, 0x52464e43
	li	a6, 1
1:	mv	a0, t1
	li	a1, 0
	ecall
	round	\name
	.endm

	rfence	rfence_1
	rfence	rfence_3

	/*
	 * a1: an entry of the page table, a2, a3: its values, a4: code in that page, a5: where it loads from. With the
	 * first value it is in the TLB, and a trap's handler finds the second one.
	 */
	.macro	misaligned name
	loop	\name
	mv	t2, ra
1:	sd	a2, (t1)
	sfence.vma
	andi	a1, a5, -8
	jalr	a4
	sd	a3, (t1)
	mv	a1, a5
	jalr	a4
	mv	ra, t2
	round	\name
	.endm

	misaligned load
	misaligned store

	.section .note.GNU-stack, "", %progbits
