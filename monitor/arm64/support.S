/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What there is once, whatever GIC the vectors are for: the way from hot code to all other code,
 * exceptions at EL2 itself, calls to the firmware, the guest's floating point registers.
 */

	.text
/*
 * cold_call(function, a, b, c): from code that keeps x8 to x18 to code that does not. Results in x0
 * and x1 come back.
 */
	.global cold_call
cold_call:
	stp	x29, x30, [sp, #-112]!
	mov	x29, sp
	stp	x8, x9, [sp, #16]
	stp	x10, x11, [sp, #32]
	stp	x12, x13, [sp, #48]
	stp	x14, x15, [sp, #64]
	stp	x16, x17, [sp, #80]
	str	x18, [sp, #96]
	mov	x8, x0
	mov	x0, x1
	mov	x1, x2
	mov	x2, x3
	blr	x8
	ldp	x8, x9, [sp, #16]
	ldp	x10, x11, [sp, #32]
	ldp	x12, x13, [sp, #48]
	ldp	x14, x15, [sp, #64]
	ldp	x16, x17, [sp, #80]
	ldr	x18, [sp, #96]
	ldp	x29, x30, [sp], #112
	ret

/*
 * An exception at EL2 itself: everything to a frame of its own, whatever state the stack is in. The
 * guest is lost anyway, so one of its registers holds x0 meanwhile.
 */
	.global broken
broken:
	msr	tpidr_el0, x0
	adrp	x0, panic_frame
	add	x0, x0, :lo12:panic_frame
	stp	x1, x2, [x0, #8]
	stp	x3, x4, [x0, #24]
	stp	x5, x6, [x0, #40]
	stp	x7, x8, [x0, #56]
	stp	x9, x10, [x0, #72]
	stp	x11, x12, [x0, #88]
	stp	x13, x14, [x0, #104]
	stp	x15, x16, [x0, #120]
	stp	x17, x18, [x0, #136]
	stp	x19, x20, [x0, #152]
	stp	x21, x22, [x0, #168]
	stp	x23, x24, [x0, #184]
	stp	x25, x26, [x0, #200]
	stp	x27, x28, [x0, #216]
	stp	x29, x30, [x0, #232]
	mov	x1, sp
	mrs	x2, tpidr_el0
	str	x1, [x0, #248]
	str	x2, [x0]
	adrp	x1, panic_stack_end
	add	x1, x1, :lo12:panic_stack_end
	mov	sp, x1
	b	panic_exception

	.bss
	.balign	16
	.space	0x2000
panic_stack_end:
	.global panic_frame
panic_frame:
	.space	256

	.text
/*
 * struct outcome mmio_try(uint64_t at, unsigned how, uint64_t value): a device's register, which may not
 * answer: then `done` is 0. `how`: log2 of the bytes, and 4 for a write. Meanwhile exceptions go to vectors
 * that know; what they overwrite, the guest's return state and syndrome, is put back.
 */
	.global mmio_try
mmio_try:
	mrs	x4, elr_el2
	mrs	x5, spsr_el2
	mrs	x6, esr_el2
	mrs	x7, far_el2
	mrs	x9, vbar_el2
	adr	x10, try_vectors
	msr	vbar_el2, x10
	isb
	adr	x10, try_access
	add	x10, x10, x1, lsl #3
	mov	x1, #1
	br	x10
try_access:
	ldrb	w2, [x0]
	b	try_done
	ldrh	w2, [x0]
	b	try_done
	ldr	w2, [x0]
	b	try_done
	ldr	x2, [x0]
	b	try_done
	strb	w2, [x0]
	b	try_done
	strh	w2, [x0]
	b	try_done
	str	w2, [x0]
	b	try_done
	str	x2, [x0]
try_done:
	dsb	sy
	isb
try_over:
	msr	vbar_el2, x9
	msr	elr_el2, x4
	msr	spsr_el2, x5
	msr	esr_el2, x6
	msr	far_el2, x7
	isb
	mov	x0, x2
	ret

	.balign	2048
try_vectors:
	.rept	4
	.balign	128
	b	broken
	.endr
	.balign	128			/* from EL2, synchronous: nobody answered */
	mov	x1, #0
	b	try_over
	.rept	11
	.balign	128
	b	broken
	.endr
	.balign	128

/* SMCCC calls to the machine's firmware. */
	.global smc_call
smc_call:
	smc	#0
	ret
	.global hvc_call
hvc_call:
	hvc	#0
	ret

/*
 * context_switch(uint64_t *from, uint64_t to): leave this stack, its pointer in *from, and go on where
 * the stack `to` was left. What the procedure call standard lets a function keep goes with the stack.
 */
	.global context_switch
context_switch:
	stp	x19, x20, [sp, #-96]!
	stp	x21, x22, [sp, #16]
	stp	x23, x24, [sp, #32]
	stp	x25, x26, [sp, #48]
	stp	x27, x28, [sp, #64]
	stp	x29, x30, [sp, #80]
	mov	x2, sp
	str	x2, [x0]
	mov	sp, x1
	ldp	x21, x22, [sp, #16]
	ldp	x23, x24, [sp, #32]
	ldp	x25, x26, [sp, #48]
	ldp	x27, x28, [sp, #64]
	ldp	x29, x30, [sp, #80]
	ldp	x19, x20, [sp], #96
	ret

	.arch_extension fp
	.arch_extension simd
	.macro	all_fp operation, at
	.irp	n, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
	fp_pair	\operation, %(\n), \at
	.endr
	.endm
	.altmacro
	.macro	fp_pair operation, n, at
	fp_pair_of \operation, \n, %(\n + 1), \at
	.endm
	.macro	fp_pair_of operation, n, m, at
	\operation q\n, q\m, [\at, #32 + 16 * \n]
	.endm

	.global fp_registers_save
fp_registers_save:
	all_fp	stp, x0
	mrs	x1, fpcr
	mrs	x2, fpsr
	stp	x1, x2, [x0]
	ret
	.global fp_registers_load
fp_registers_load:
	all_fp	ldp, x0
	ldp	x1, x2, [x0]
	msr	fpcr, x1
	msr	fpsr, x2
	ret

/* Around code of ours that uses them, whosever they are; FP may be trapped. */
	.global guest_fp_save
guest_fp_save:
	mov	x3, x30
	mrs	x2, tpidr_el0
	mrs	x4, currentel
	tbz	x4, #3, 1f		/* at EL1, to say that it will not do */
	mrs	x1, cptr_el2
	stp	x2, x1, [x0, #16]
	bic	x1, x1, #(1 << 10)
	msr	cptr_el2, x1
	isb
1:
	bl	fp_registers_save
	msr	fpcr, xzr
	adrp	x1, tls_block
	add	x1, x1, :lo12:tls_block
	msr	tpidr_el0, x1
	ret	x3
	.global guest_fp_restore
guest_fp_restore:
	mov	x3, x30
	bl	fp_registers_load
	mrs	x4, currentel
	tbz	x4, #3, 1f
	ldp	x2, x1, [x0, #16]
	msr	tpidr_el0, x2
	msr	cptr_el2, x1
	isb
1:	ret	x3
