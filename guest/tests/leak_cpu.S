/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Fills x0 to x30, the flags and the Q registers, does one thing that lets a hypervisor in, and spills
 * them (leak.h). The stack pointer alone is live; which registers the thing needs for itself is known
 * to leak.c.
 */
#include "leak.h"

/* The stack frame: x0 and x1 for a moment, arguments, callee-saved registers. */
#define FIRST 0
#define OUT   16
#define TICKS 24
#define SAVED 32
#define FRAME 128

	.arch	armv8-a+fp+simd

#define ALL_Q 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, \
	16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31

	.macro fill
	.irp n, ALL_Q
	ldr	q\n, [x0, #(IMAGE_Q + 16 * \n)]
	.endr
	ldr	x1, [x0, #IMAGE_NZCV]
	msr	nzcv, x1
	ldp	x2, x3, [x0, #16]
	ldp	x4, x5, [x0, #32]
	ldp	x6, x7, [x0, #48]
	ldp	x8, x9, [x0, #64]
	ldp	x10, x11, [x0, #80]
	ldp	x12, x13, [x0, #96]
	ldp	x14, x15, [x0, #112]
	ldp	x16, x17, [x0, #128]
	ldp	x18, x19, [x0, #144]
	ldp	x20, x21, [x0, #160]
	ldp	x22, x23, [x0, #176]
	ldp	x24, x25, [x0, #192]
	ldp	x26, x27, [x0, #208]
	ldp	x28, x29, [x0, #224]
	ldr	x30, [x0, #240]
	ldp	x0, x1, [x0]
	.endm

	.text
	.global leak_hold
leak_hold:
	sub	sp, sp, #FRAME
	stp	x1, x3, [sp, #OUT]
	stp	x19, x20, [sp, #SAVED]
	stp	x21, x22, [sp, #(SAVED + 16)]
	stp	x23, x24, [sp, #(SAVED + 32)]
	stp	x25, x26, [sp, #(SAVED + 48)]
	stp	x27, x28, [sp, #(SAVED + 64)]
	stp	x29, x30, [sp, #(SAVED + 80)]
	adr	x3, doings
	ldr	w4, [x3, x2, lsl #2]
	add	x3, x3, w4, sxtw
	br	x3

	.balign	4
doings:
	.irp	what, spill, do_wfi, do_wfe, do_hvc, do_smc, do_suspend_hvc, do_suspend_smc, do_read, \
		do_busy_low, do_busy_high
	.long	\what - doings
	.endr

do_wfi:
	fill
	dsb	sy
	wfi
	b	spill

/* The event stream ends the second one. */
do_wfe:
	fill
	sevl
	wfe
	wfe
	b	spill

do_hvc:
	fill
	movz	w0, #0x8400, lsl #16		/* PSCI_VERSION */
	hvc	#0
	b	spill

do_smc:
	fill
	movz	w0, #0x8400, lsl #16
	smc	#0
	b	spill

do_suspend_hvc:
	fill
	movz	w0, #0xc400, lsl #16		/* CPU_SUSPEND, standby */
	movk	w0, #1
	mov	x1, xzr
	hvc	#0
	b	spill

do_suspend_smc:
	fill
	movz	w0, #0xc400, lsl #16
	movk	w0, #1
	mov	x1, xzr
	smc	#0
	b	spill

/* Of the distributor. */
do_read:
	fill
	movz	w0, #0x0800, lsl #16
	ldr	w0, [x0, #4]
	movz	w0, #0x0800, lsl #16
	ldr	w0, [x0, #8]
	b	spill

	.macro busy deadline, now
	fill
	ldr	\now, [sp, #TICKS]
	isb
	mrs	\deadline, cntvct_el0
	add	\deadline, \deadline, \now
1:	isb
	mrs	\now, cntvct_el0
	cmp	\now, \deadline
	b.lo	1b
	b	spill
	.endm

do_busy_low:
	busy	x0, x1

do_busy_high:
	busy	x30, x29

spill:
	stp	x0, x1, [sp, #FIRST]
	ldr	x0, [sp, #OUT]
	stp	x2, x3, [x0, #16]
	ldp	x2, x3, [sp, #FIRST]
	stp	x2, x3, [x0]
	stp	x4, x5, [x0, #32]
	stp	x6, x7, [x0, #48]
	stp	x8, x9, [x0, #64]
	stp	x10, x11, [x0, #80]
	stp	x12, x13, [x0, #96]
	stp	x14, x15, [x0, #112]
	stp	x16, x17, [x0, #128]
	stp	x18, x19, [x0, #144]
	stp	x20, x21, [x0, #160]
	stp	x22, x23, [x0, #176]
	stp	x24, x25, [x0, #192]
	stp	x26, x27, [x0, #208]
	stp	x28, x29, [x0, #224]
	mrs	x1, nzcv
	stp	x30, x1, [x0, #240]
	.irp n, ALL_Q
	str	q\n, [x0, #(IMAGE_Q + 16 * \n)]
	.endr
	ldp	x19, x20, [sp, #SAVED]
	ldp	x21, x22, [sp, #(SAVED + 16)]
	ldp	x23, x24, [sp, #(SAVED + 32)]
	ldp	x25, x26, [sp, #(SAVED + 48)]
	ldp	x27, x28, [sp, #(SAVED + 64)]
	ldp	x29, x30, [sp, #(SAVED + 80)]
	add	sp, sp, #FRAME
	ret

	.balign	2048
	.global leak_vectors
leak_vectors:
	.rept	8 * 16
	.balign	128
	mov	x0, #99
	mrs	x1, esr_el1
	mrs	x2, elr_el1
	mrs	x3, far_el1
	b	fatal_exception
	.endr

	.section .note.GNU-stack, "", %progbits
