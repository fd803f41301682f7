/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Where events are taken (DEN0054 4.3): x0 to x3 are the event's, all other registers as interrupted,
 * SP included, which may be anything. The dispatcher gives x0 to x17 back; the rest is ours to keep. A
 * critical event may come at any instruction of a normal one's handler, so each has its own register
 * to begin with: TPIDR_EL0 and TPIDRRO_EL0, which no guest uses.
 */
#define STATE_SHIFT 10 /* of a CPU: a struct sdei_state for normal events, one for critical ones */
#define STATE_HALF  512

	.macro entry name, scratch, half
	.global \name
	.balign 64
\name:
	msr	\scratch, x3
	mrs	x3, tpidr_el1
	ldr	w3, [x3]		/* struct cpu: index */
	lsl	x3, x3, #STATE_SHIFT
	movk	x3, #:abs_g1_nc:sdei_states
	add	x3, x3, #(\half * STATE_HALF)
	stp	x0, x1, [x3, #0]
	str	x2, [x3, #16]
	stp	x4, x5, [x3, #32]
	mrs	x4, \scratch
	str	x4, [x3, #24]
	b	enter
	.endm

	.text
	entry	sdei_entry_normal, tpidr_el0, 0
	entry	sdei_entry_critical, tpidrro_el0, 1

enter:
	stp	x6, x7, [x3, #48]
	stp	x8, x9, [x3, #64]
	stp	x10, x11, [x3, #80]
	stp	x12, x13, [x3, #96]
	stp	x14, x15, [x3, #112]
	stp	x16, x17, [x3, #128]
	stp	x18, x19, [x3, #144]
	stp	x20, x21, [x3, #160]
	stp	x22, x23, [x3, #176]
	stp	x24, x25, [x3, #192]
	stp	x26, x27, [x3, #208]
	stp	x28, x29, [x3, #224]
	mov	x4, sp
	stp	x30, x4, [x3, #240]
	mrs	x4, sp_el0
	mrs	x5, elr_el1
	stp	x4, x5, [x3, #256]
	mrs	x4, spsr_el1
	mrs	x5, nzcv
	stp	x4, x5, [x3, #272]
	mrs	x4, daif
	mrs	x5, spsel
	stp	x4, x5, [x3, #288]
	mrs	x4, currentel
	str	x4, [x3, #304]
	ldr	x4, [x3, #312]
	/* If SP_EL0 is selected, which is wrong, the handler runs all the same and can tell. */
	mov	sp, x4
	mov	x19, x3
	mov	x29, xzr
	mov	x0, x3
	bl	sdei_handle
	cmp	x0, #0
	mov	x1, x0
	ldr	x0, =0xc4000025		/* EVENT_COMPLETE */
	cinc	x0, x0, ne		/* EVENT_COMPLETE_AND_RESUME */
	ldr	x2, =tree_says_smc
	ldrb	w2, [x2]
	ldr	x18, [x19, #144]
	ldp	x30, x4, [x19, #240]
	mov	sp, x4
	ldr	x29, [x19, #232]
	ldr	x19, [x19, #152]
	cbnz	w2, 1f
	hvc	#0
	b	2f
1:	smc	#0
2:	b	sdei_not_completed

	.section .note.GNU-stack, "", %progbits
