/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the dispatcher enters (DEN0054, 5.2 "Event context"): EL1h, everything masked, x0 event, x1 our
 * argument (a struct handler), x2 the interrupted PC, x3 its PSTATE, SP whatever it was. And the function
 * that spins with a known value in each register.
 */
#include <linux/linkage.h>
#include <asm/assembler.h>
#include "carillon_sdei.h"

/* STP of x4 to x17; LDP or STP of x18 to x29. */
.macro save_caller_pairs
	stp	x4, x5, [x1, #HANDLER_LIVE + 0]
	stp	x6, x7, [x1, #HANDLER_LIVE + 16]
	stp	x8, x9, [x1, #HANDLER_LIVE + 32]
	stp	x10, x11, [x1, #HANDLER_LIVE + 48]
	stp	x12, x13, [x1, #HANDLER_LIVE + 64]
	stp	x14, x15, [x1, #HANDLER_LIVE + 80]
	stp	x16, x17, [x1, #HANDLER_LIVE + 96]
.endm
.macro callee_pairs op
	\op	x18, x19, [x1, #HANDLER_LIVE + 112]
	\op	x20, x21, [x1, #HANDLER_LIVE + 128]
	\op	x22, x23, [x1, #HANDLER_LIVE + 144]
	\op	x24, x25, [x1, #HANDLER_LIVE + 160]
	\op	x26, x27, [x1, #HANDLER_LIVE + 176]
	\op	x28, x29, [x1, #HANDLER_LIVE + 192]
.endm

/*
 * The dispatcher has x0 to x17, and they are left to it to put back: they come to it as zeros. The others,
 * and SP, are ours.
 */
SYM_CODE_START(carillon_sdei_entry)
	save_caller_pairs
	callee_pairs stp
	str	x30, [x1, #HANDLER_LIVE + 208]
	mov	x4, sp
	str	x4, [x1, #HANDLER_SP]
	ldr	x4, [x1, #HANDLER_STACK_TOP]
	mov	sp, x4
	mov	x29, xzr
	mov	x19, x1
	bl	carillon_record
	mov	x1, x19
	ldr	x4, [x1, #HANDLER_SP]
	mov	sp, x4
	callee_pairs ldp
	.irp n, 4,5,6,7,8,9,10,11,12,13,14,15,16,17
	mov	x\n, xzr
	.endr
	ldr	x30, [x1, #HANDLER_LIVE + 208]
	ldr	x3, [x1, #HANDLER_SMC]
	mov	x1, x0
	mov_q	x0, SDEI_FN_COMPLETE
	mov_q	x2, SDEI_FN_RESUME
	cmp	x1, #0
	csel	x0, x0, x2, eq
	cbnz	x3, 1f
	hvc	#0
	b	2f
1:	smc	#0
2:	brk	#0x800	/* it does not come back: BUG */
SYM_CODE_END(carillon_sdei_entry)

/* long carillon_call(function, argument, smc): for the handler. The kernel's own may look at `current`. */
SYM_FUNC_START(carillon_call)
	cbnz	x2, 1f
	hvc	#0
	ret
1:	smc	#0
	ret
SYM_FUNC_END(carillon_call)

/* COMPLETE_AND_RESUME comes here: on the interrupted stack, and ELR_EL1 is what was interrupted. */
SYM_CODE_START(carillon_resume_hung)
	mrs	x0, elr_el1
	bl	carillon_hung
	brk	#0x800
SYM_CODE_END(carillon_resume_hung)

.macro pattern n
	movz	x\n, #PATTERN_TOP, lsl #48
	movk	x\n, #PATTERN_HIGH, lsl #32
	movk	x\n, #PATTERN_MIDDLE, lsl #16
	movk	x\n, #\n
.endm

.macro check_pattern n
	movz	x1, #PATTERN_TOP, lsl #48
	movk	x1, #PATTERN_HIGH, lsl #32
	movk	x1, #PATTERN_MIDDLE, lsl #16
	movk	x1, #\n
	cmp	x1, x\n
	b.ne	3f
.endm

/*
 * unsigned long carillon_spin_with_interrupts_off(u64 end, u64 *sp): until the counter is at `end`, with
 * everything masked and known values in ELR_EL1, SPSR_EL1 and x2 to x28. Writes SP's value to *sp.
 */
SYM_FUNC_START(carillon_spin_with_interrupts_off)
	stp	x29, x30, [sp, #-144]!
	mov	x29, sp
	stp	x19, x20, [sp, #16]
	stp	x21, x22, [sp, #32]
	stp	x23, x24, [sp, #48]
	stp	x25, x26, [sp, #64]
	stp	x27, x28, [sp, #80]
	str	x18, [sp, #96]
	mrs	x2, daif
	msr	daifset, #0xf
	mrs	x3, elr_el1
	mrs	x4, spsr_el1
	stp	x2, x3, [sp, #104]
	str	x4, [sp, #120]
	mov	x2, sp
	str	x2, [x1]
	str	x2, [sp, #128]
	.irp n, 2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28
	pattern	\n
	.endr
	msr	elr_el1, x20
	mov	x1, #PSR_MODE_EL1h
	msr	spsr_el1, x1
	isb
1:	mrs	x1, cntvct_el0
	cmp	x1, x0
	b.lo	1b

	mov	x0, #SPIN_REGISTER
	.irp n, 2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28
	check_pattern \n
	.endr
	mov	x0, #0
3:	mrs	x1, elr_el1
	cmp	x1, x20
	mrs	x1, spsr_el1
	ccmp	x1, #PSR_MODE_EL1h, #0, eq
	b.eq	4f
	orr	x0, x0, #SPIN_ELR
4:	mov	x1, sp
	ldr	x2, [x29, #128]
	cmp	x1, x2
	b.eq	5f
	orr	x0, x0, #SPIN_SP
5:	mov	sp, x29
	ldr	x4, [sp, #120]
	ldp	x2, x3, [sp, #104]
	msr	elr_el1, x3
	msr	spsr_el1, x4
	msr	daif, x2
	ldr	x18, [sp, #96]
	ldp	x27, x28, [sp, #80]
	ldp	x25, x26, [sp, #64]
	ldp	x23, x24, [sp, #48]
	ldp	x21, x22, [sp, #32]
	ldp	x19, x20, [sp, #16]
	ldp	x29, x30, [sp], #144
	ret
SYM_FUNC_END(carillon_spin_with_interrupts_off)
SYM_FUNC_START(carillon_spin_end)
	ret
SYM_FUNC_END(carillon_spin_end)
