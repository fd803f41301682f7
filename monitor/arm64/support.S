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
/* SMCCC calls to the machine's firmware. */
	.global smc_call
smc_call:
	smc	#0
	ret
	.global hvc_call
hvc_call:
	hvc	#0
	ret

	.arch_extension fp
	.arch_extension simd
	.global guest_fp_save
guest_fp_save:
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23
	str	q\n, [x0, #32 + 16 * \n]
	.endr
	.irp	n, 24, 25, 26, 27, 28, 29, 30, 31
	str	q\n, [x0, #32 + 16 * \n]
	.endr
	mrs	x1, fpcr
	mrs	x2, fpsr
	mrs	x3, tpidr_el0
	stp	x1, x2, [x0]
	str	x3, [x0, #16]
	msr	fpcr, xzr
	adrp	x1, tls_block
	add	x1, x1, :lo12:tls_block
	msr	tpidr_el0, x1
	ret
	.global guest_fp_restore
guest_fp_restore:
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23
	ldr	q\n, [x0, #32 + 16 * \n]
	.endr
	.irp	n, 24, 25, 26, 27, 28, 29, 30, 31
	ldr	q\n, [x0, #32 + 16 * \n]
	.endr
	ldp	x1, x2, [x0]
	ldr	x3, [x0, #16]
	msr	fpcr, x1
	msr	fpsr, x2
	msr	tpidr_el0, x3
	ret
