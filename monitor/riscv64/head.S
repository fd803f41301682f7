/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Where all harts start, in M-mode, with a0 their ID, a1 the device tree and a2 the firmware's
 * information. One of them moves the image to its place and starts it there; the others wait for that and
 * follow. In the new place each gets its stack and goes on in C.
 */
#include "hart.h"

	.section .head, "ax"
	.global _start
	.option norvc
_start:
	csrw	mie, zero
	csrw	mscratch, zero
	lla	t0, 1f				# there is none without S
	csrw	mtvec, t0
	csrw	satp, zero
	.balign	4
1:
	mv	s0, a0
	mv	s1, a1
	mv	s2, a2
	lla	t0, lottery
	li	t1, 1
	amoadd.w.aq t0, t1, (t0)
	bnez	t0, follow

	/* The first one: on a stack behind the image, with no bss yet. */
	lla	sp, first_stack_end
	mv	tp, sp				# libraries' thread data: nothing of it matters here
	lla	a0, text_start
	call	relocate
	mv	a0, s1
	lla	a1, text_start
	call	place				# a0: where to; a1: the device tree, perhaps moved
	mv	s3, a0
	mv	s1, a1
	lla	t0, text_start
	lla	t1, data_end
	mv	t2, s3
copy:	ld	t3, 0(t0)
	sd	t3, 0(t2)
	addi	t0, t0, 8
	addi	t2, t2, 8
	bltu	t0, t1, copy
	lla	t1, bss_start
	lla	t0, text_start
	sub	t1, t1, t0
	add	t1, t1, s3
	lla	t2, bss_end
	sub	t2, t2, t0
	add	t2, t2, s3
clear:	sd	zero, 0(t1)
	addi	t1, t1, 8
	bltu	t1, t2, clear
	mv	a0, s3
	call	relocate
	fence.i
	fence	rw, rw
	lla	t0, new_place
	sd	s1, 8(t0)
	fence	rw, rw
	sd	s3, 0(t0)
	j	go_there

follow:
	lla	t0, new_place
	ld	s3, 0(t0)
	beqz	s3, follow
	fence	rw, rw
	ld	s1, 8(t0)
	fence.i
go_there:
	lla	t0, text_start
	lla	t1, arrived
	sub	t1, t1, t0
	add	t1, t1, s3
	mv	a0, s0
	mv	a1, s1
	mv	a2, s2
	mv	a3, t0				# where the image was loaded
	jr	t1

/* In the new place: a stack for each hart, in the order of arrival. */
arrived:
	lla	t0, stacks_taken
	li	t1, 1
	amoadd.w.aq t0, t1, (t0)
	li	t1, MAX_HARTS
	bgeu	t0, t1, too_many
	lla	sp, stacks
	li	t1, STACK_SIZE
	addi	t2, t0, 1
	mul	t2, t2, t1
	add	sp, sp, t2
	li	t1, HART_SIZE
	sub	sp, sp, t1			# struct hart
	mv	tp, sp
	lla	t1, trapped
	sd	t1, HART_TRAPPED(tp)
	lla	t1, trap_of_ours
	sd	t1, HART_OURS(tp)
	lla	t1, trap_vector			# for faults of ours; its own later
	csrw	mtvec, t1
	mv	a4, tp
	mv	a5, t0				# 0: the first one
	call	hart_main
too_many:
	wfi
	j	too_many

/* a0: where the image is, or is to be. Its own words are all relative. */
	.global relocate
relocate:
	lla	t0, rela_start
	lla	t1, rela_end
	lla	t2, text_start
	sub	t2, a0, t2			# from here to there
	li	t6, 3				# R_RISCV_RELATIVE
1:	bgeu	t0, t1, 2f
	ld	t3, 0(t0)			# offset
	ld	t4, 8(t0)			# type
	ld	t5, 16(t0)			# addend
	addi	t0, t0, 24
	bne	t4, t6, 1b
	add	t3, t3, a0
	add	t5, t5, a0
	sd	t5, 0(t3)
	j	1b
2:	ret

	.data
	.balign 8
new_place:	.dword 0, 0			# and the device tree's
lottery:	.word 0
	.balign 16
	.skip	8192
first_stack_end:
	.dword	0, 0

	.bss
	.balign 16
	.global stacks
stacks:	.skip	MAX_HARTS * STACK_SIZE
stacks_taken:
	.skip	4
