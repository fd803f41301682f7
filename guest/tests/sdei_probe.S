/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Code that is interrupted with every register known (struct probe of sdei-entry.c), at EL1 with either
 * stack pointer and at EL0 in either state, and what COMPLETE_AND_RESUME goes on at.
 */
#define OUT   248
#define FLAG  496
#define DONE  504
#define NZCV  512
#define ELR   520
#define SPSR  528
#define SPEL0 536
#define SPSEL 544
#define SP    552
#define NZCV1 560
#define ELR1  568
#define SPSR1 576
#define SPEL1 584
#define SEL1  592
#define DAIF1 600

	.text
	.macro push_saved
	stp	x19, x20, [sp, #-96]!
	stp	x21, x22, [sp, #16]
	stp	x23, x24, [sp, #32]
	stp	x25, x26, [sp, #48]
	stp	x27, x28, [sp, #64]
	stp	x29, x30, [sp, #80]
	.endm

	.macro pop_saved
	ldp	x21, x22, [sp, #16]
	ldp	x23, x24, [sp, #32]
	ldp	x25, x26, [sp, #48]
	ldp	x27, x28, [sp, #64]
	ldp	x29, x30, [sp, #80]
	ldp	x19, x20, [sp], #96
	.endm

	/* x29 = the probe; x29 itself keeps that, x30 is loaded with the rest. */
	.macro load_all
	ldp	x0, x1, [x29, #0]
	ldp	x2, x3, [x29, #16]
	ldp	x4, x5, [x29, #32]
	ldp	x6, x7, [x29, #48]
	ldp	x8, x9, [x29, #64]
	ldp	x10, x11, [x29, #80]
	ldp	x12, x13, [x29, #96]
	ldp	x14, x15, [x29, #112]
	ldp	x16, x17, [x29, #128]
	ldp	x18, x19, [x29, #144]
	ldp	x20, x21, [x29, #160]
	ldp	x22, x23, [x29, #176]
	ldp	x24, x25, [x29, #192]
	ldp	x26, x27, [x29, #208]
	ldr	x28, [x29, #224]
	ldr	x30, [x29, #240]
	.endm

	.macro store_all
	stp	x0, x1, [x29, #(OUT + 0)]
	stp	x2, x3, [x29, #(OUT + 16)]
	stp	x4, x5, [x29, #(OUT + 32)]
	stp	x6, x7, [x29, #(OUT + 48)]
	stp	x8, x9, [x29, #(OUT + 64)]
	stp	x10, x11, [x29, #(OUT + 80)]
	stp	x12, x13, [x29, #(OUT + 96)]
	stp	x14, x15, [x29, #(OUT + 112)]
	stp	x16, x17, [x29, #(OUT + 128)]
	stp	x18, x19, [x29, #(OUT + 144)]
	stp	x20, x21, [x29, #(OUT + 160)]
	stp	x22, x23, [x29, #(OUT + 176)]
	stp	x24, x25, [x29, #(OUT + 192)]
	stp	x26, x27, [x29, #(OUT + 208)]
	stp	x28, x29, [x29, #(OUT + 224)]
	str	x30, [x29, #(OUT + 240)]
	.endm

	.macro probe name, instruction:vararg
	.global \name
\name:
	push_saved
	mov	x29, x0
	ldr	x1, [x29, #ELR]
	msr	elr_el1, x1
	ldr	x1, [x29, #SPSR]
	msr	spsr_el1, x1
	ldr	x1, [x29, #SPEL0]
	msr	sp_el0, x1
	ldr	x1, [x29, #SPSEL]
	cbnz	x1, 1f
	msr	spsel, #0
1:	ldr	x1, [x29, #NZCV]
	msr	nzcv, x1
	isb
	load_all
\name\()_from:
	\instruction
	.global \name\()_to
\name\()_to:
	store_all
	mrs	x1, nzcv
	str	x1, [x29, #NZCV1]
	mrs	x1, spsel
	str	x1, [x29, #SEL1]
	msr	spsel, #1
	mrs	x1, sp_el0
	str	x1, [x29, #SPEL1]
	mrs	x1, elr_el1
	str	x1, [x29, #ELR1]
	mrs	x1, spsr_el1
	str	x1, [x29, #SPSR1]
	mrs	x1, daif
	str	x1, [x29, #DAIF1]
	pop_saved
	ret
	.global \name\()_from
	.endm

	probe	probe_hvc, hvc #0
	probe	probe_smc, smc #0
	/* Until the handler sets the flag; flags are not touched. */
	.macro spin
9:	ldr	x30, [x29, #FLAG]
	cbz	x30, 9b
	.endm
	probe	probe_spin, spin

	/*
	 * x0: the probe, by the address at which EL0 sees it; x1: where to; x2: the PSTATE; x3: the probe.
	 * It returns when an event's handler resumes at back_from_el0.
	 */
	.global go_to_el0
go_to_el0:
	push_saved
	mov	x4, sp
	str	x4, [x3, #SP]
	ldr	x4, [x3, #SPEL0]
	msr	sp_el0, x4
	msr	elr_el1, x1
	msr	spsr_el1, x2
	mov	x29, x0
	isb
	ldp	x0, x1, [x3, #0]
	ldp	x4, x5, [x3, #32]
	ldp	x6, x7, [x3, #48]
	ldp	x8, x9, [x3, #64]
	ldp	x10, x11, [x3, #80]
	ldp	x12, x13, [x3, #96]
	ldp	x14, x15, [x3, #112]
	ldp	x16, x17, [x3, #128]
	ldp	x18, x19, [x3, #144]
	ldp	x20, x21, [x3, #160]
	ldp	x22, x23, [x3, #176]
	ldp	x24, x25, [x3, #192]
	ldp	x26, x27, [x3, #208]
	ldr	x28, [x3, #224]
	ldr	x30, [x3, #240]
	ldp	x2, x3, [x3, #16]
	eret

	/* What the interrupted code was is in ELR_EL1 and SPSR_EL1, and SP_EL1 as it was. */
	.global back_from_el0
back_from_el0:
	mov	x0, sp
	mrs	x1, elr_el1
	mrs	x2, spsr_el1
	ldr	x3, =resumed
	stp	x1, x2, [x3, #0]
	mrs	x1, daif
	mrs	x2, spsel
	stp	x1, x2, [x3, #16]
	pop_saved
	ret

	/* At EL0: until the flag is set, then all registers, then for ever. */
	.global code_at_el0
code_at_el0:
	ldr	x30, [x29, #FLAG]
	cbz	x30, code_at_el0
	store_all
	mrs	x1, nzcv
	str	x1, [x29, #NZCV1]
	mov	x1, #1
	str	x1, [x29, #DONE]
1:	b	1b

	/*
	 * The same in AArch32: r12 is the probe, and the flag 8, which is added to PC, so that no flags change.
	 */
	.global code_at_el0_32
	.balign 4
code_at_el0_32:
	.inst	0xe59cb1f0		/* ldr r11, [r12, #496] */
	.inst	0xe08ff00b		/* add pc, pc, r11 */
	.inst	0xe1a00000		/* nop: PC reads as two instructions on */
	.inst	0xeafffffb		/* flag 0: b to the ldr */
	.inst	0xe1a00000		/* nop */
	.inst	0xe58c00f8		/* flag 8: str r0, [r12, #248] */
	.inst	0xe58c1100		/* str r1, [r12, #256] */
	.inst	0xe58c2108		/* str r2, [r12, #264] */
	.inst	0xe58c3110		/* str r3, [r12, #272] */
	.inst	0xe58c4118		/* str r4, [r12, #280] */
	.inst	0xe58ca148		/* str r10, [r12, #328] */
	.inst	0xe58cd160		/* str r13, [r12, #352] */
	.inst	0xe58ce168		/* str r14, [r12, #360] */
	.inst	0xe10f1000		/* mrs r1, apsr */
	.inst	0xe58c1230		/* str r1, [r12, #560] */
	.inst	0xe3a01001		/* mov r1, #1 */
	.inst	0xe58c11f8		/* str r1, [r12, #504] */
	.inst	0xeafffffe		/* b . */

	/*
	 * COMPLETE_AND_RESUME from EL1 comes here: what it finds is noted, and it goes back by ERET. The stack
	 * is what the interrupted code had in SP_EL1.
	 */
	.global resume_and_return
resume_and_return:
	stp	x0, x1, [sp, #-32]!
	stp	x2, x3, [sp, #16]
	ldr	x3, =resumed
	mrs	x0, elr_el1
	mrs	x1, spsr_el1
	stp	x0, x1, [x3, #0]
	mrs	x0, daif
	mrs	x1, spsel
	stp	x0, x1, [x3, #16]
	mrs	x0, nzcv
	add	x1, sp, #32
	stp	x0, x1, [x3, #32]
	str	x18, [x3, #48]
	ldp	x0, x1, [sp, #0]
	stp	x0, x1, [x3, #56]
	ldr	x2, [sp, #16]
	str	x2, [x3, #72]
	ldp	x2, x3, [sp, #16]
	add	sp, sp, #32
	eret

	.section .note.GNU-stack, "", %progbits
