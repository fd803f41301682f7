/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * First instructions of a guest: the arm64 Image header (Linux
 * Documentation/arch/arm64/booting.rst), entry of the first CPU, entry of the others (PSCI
 * CPU_ON), and the exception vectors (Arm ARM D1.10).
 */
#define FRAME_SIZE 192
#define STACK_SHIFT 15 /* must agree with STACK_SIZE in cpu.h */

	.section .head, "ax"
	.global _start
_start:
	b	first_cpu
	.long	0
	.quad	0x80000			/* text_offset, from the start of RAM */
	.quad	_end - _start		/* image_size, bss and stacks included */
	.quad	2			/* little endian, 4 KiB pages, near the start of RAM */
	.quad	0
	.quad	0
	.quad	0
	.ascii	"ARM\x64"
	.long	0

first_cpu:
	mov	x19, x0
	ldr	x1, =__bss_start
	ldr	x2, =_end
1:	stp	xzr, xzr, [x1], #16
	cmp	x1, x2
	b.lo	1b
	ldr	x1, =stacks + (1 << STACK_SHIFT)
	mov	sp, x1
	mov	x0, x19
	bl	early_init
	/*
	 * All stores so far went round the caches: drop what the caches may still hold of these
	 * addresses, so that nothing stale is seen once the MMU is on.
	 */
	ldr	x1, =_start
	ldr	x2, =_end
2:	dc	ivac, x1
	add	x1, x1, #64
	cmp	x1, x2
	b.lo	2b
	dsb	sy
	mov	x20, xzr
	b	mmu_on

	/* x0 = the CPU's index: CPU_ON's context_id. Memory is not touched before the MMU is on. */
	.global secondary_entry
secondary_entry:
	mov	x20, x0
	mrs	x21, daif
	mrs	x22, sctlr_el1
mmu_on:
	ldr	x1, =vectors
	msr	vbar_el1, x1
	ldr	x1, =0xff04		/* attribute 0: Device-nGnRE, 1: Normal write-back */
	msr	mair_el1, x1
	ldr	x1, =0x200803519	/* T0SZ 25, walks inner shareable write-back, EPD1, IPS 40 bits */
	msr	tcr_el1, x1
	ldr	x1, =level1_table
	msr	ttbr0_el1, x1
	isb
	tlbi	vmalle1
	ic	iallu
	dsb	nsh
	isb
	ldr	x1, =0x30d0180d		/* RES1 bits, I, SA, C, M */
	msr	sctlr_el1, x1
	isb
	ldr	x1, =stacks
	add	x2, x20, #1
	add	x1, x1, x2, lsl #STACK_SHIFT
	mov	sp, x1
	mov	x29, xzr
	mov	x30, xzr
	mov	x0, x20
	mov	x1, x21
	mov	x2, x22
	cbnz	x20, secondary_main
	b	first_main

	.macro save_frame
	sub	sp, sp, #FRAME_SIZE
	stp	x0, x1, [sp, #0]
	stp	x2, x3, [sp, #16]
	stp	x4, x5, [sp, #32]
	stp	x6, x7, [sp, #48]
	stp	x8, x9, [sp, #64]
	stp	x10, x11, [sp, #80]
	stp	x12, x13, [sp, #96]
	stp	x14, x15, [sp, #112]
	stp	x16, x17, [sp, #128]
	stp	x18, x29, [sp, #144]
	mrs	x0, elr_el1
	mrs	x1, spsr_el1
	stp	x30, x0, [sp, #160]
	str	x1, [sp, #176]
	.endm

	.macro vector name
	.balign 128
	save_frame
	mov	x0, sp
	bl	\name
	b	restore_frame
	.endm

	.macro fatal_vector number
	.balign 128
	mov	x0, #\number
	mrs	x1, esr_el1
	mrs	x2, elr_el1
	mrs	x3, far_el1
	b	fatal_exception
	.endm

	.text
restore_frame:
	ldp	x30, x0, [sp, #160]
	ldr	x1, [sp, #176]
	msr	elr_el1, x0
	msr	spsr_el1, x1
	ldp	x18, x29, [sp, #144]
	ldp	x16, x17, [sp, #128]
	ldp	x14, x15, [sp, #112]
	ldp	x12, x13, [sp, #96]
	ldp	x10, x11, [sp, #80]
	ldp	x8, x9, [sp, #64]
	ldp	x6, x7, [sp, #48]
	ldp	x4, x5, [sp, #32]
	ldp	x2, x3, [sp, #16]
	ldp	x0, x1, [sp, #0]
	add	sp, sp, #FRAME_SIZE
	eret

	.balign 2048
vectors:
	fatal_vector 0
	fatal_vector 1
	fatal_vector 2
	fatal_vector 3
	vector exception_sync
	vector exception_irq
	vector exception_fiq
	fatal_vector 7
	fatal_vector 8
	fatal_vector 9
	fatal_vector 10
	fatal_vector 11
	fatal_vector 12
	fatal_vector 13
	fatal_vector 14
	fatal_vector 15

	.section .note.GNU-stack, "", %progbits
