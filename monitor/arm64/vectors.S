/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Exceptions taken to EL2 (DDI 0487 D1.3). The guest's cost of everything starts here. Assembled once
 * for each GIC, whose acknowledge.inc says how an interrupt is taken.
 *
 * The C code behind these vectors is compiled so that x8 to x15 are callee-saved and x16 to x18 are
 * not used (monitor.mk checks it), so an exit saves x0 to x7 and x30 and nothing else. The handlers
 * that name a guest register of their own (a trapped load, an MSR) reach x8 and up where they are.
 */
#include "cpu.h"
#include <acknowledge.inc>

	.macro	save
	stp	x0, x1, [sp, #VCPU_X0]
	stp	x2, x3, [sp, #VCPU_X0 + 16]
	stp	x4, x5, [sp, #VCPU_X0 + 32]
	stp	x6, x7, [sp, #VCPU_X0 + 48]
	str	x30, [sp, #VCPU_X30]
	.endm

	/* Run the guest, unless vgic_attention(): all of it at once. */
	.macro	resume_unless, attention
	ldr	x1, [sp, #VCPU_VGIC]
	ldp	x2, x3, [x1]
	orr	x2, x2, x3
	cbnz	x2, \attention
	ldr	x30, [sp, #VCPU_X30]
	ldp	x6, x7, [sp, #VCPU_X0 + 48]
	ldp	x4, x5, [sp, #VCPU_X0 + 32]
	ldp	x2, x3, [sp, #VCPU_X0 + 16]
	ldp	x0, x1, [sp, #VCPU_X0]
	eret
	dsb	nsh			/* no speculation past the return */
	isb
	.endm

	.macro	vector, target
	.balign	128
	b	\target
	.endm

	.section .vectors, "ax"
	.balign	2048
	.global vectors
vectors:
	.rept	4			/* from EL2 with SP_EL0: never */
	vector	broken
	.endr
	vector	broken			/* from EL2: a bug of ours */
	vector	broken
	vector	broken
	vector	broken

	.balign	128			/* from the guest: synchronous */
	save
	mrs	x1, esr_el2
	lsr	x2, x1, #26		/* exception class */
	adr	x3, sync_table
	ldr	x3, [x3, x2, lsl #3]
	add	x4, sp, #VCPU_EXITS
	ldr	x5, [x4, x2, lsl #3]
	add	x5, x5, #1
	str	x5, [x4, x2, lsl #3]
	mov	x0, sp
	adr	x30, exit_return
	br	x3

	.balign	128			/* from the guest: a physical interrupt */
	save
	ldr	x2, [sp, #VCPU_EXITS + 8 * EXIT_IRQ]
	acknowledge
	add	x2, x2, #1
	str	x2, [sp, #VCPU_EXITS + 8 * EXIT_IRQ]
	mov	x0, sp
	adr	x30, exit_return
	b	irq_handle

	.balign	128			/* FIQ: there is no group 0 */
	b	broken
	.balign	128			/* SError */
	save
	mrs	x1, esr_el2
	mov	x0, sp
	adr	x30, exit_return
	b	serror_handle

	.rept	4			/* from AArch32 EL1: HCR_EL2.RW rules it out */
	vector	broken
	.endr

	.balign	64
	.text

/* A data abort. x0: struct vcpu, x1: ESR_EL2. */
data_abort:
	tbnz	x1, #6, 1f		/* WnR */
	bl	mmio_read		/* x0: value, x1: done */
	cbz	x1, exit_return
	mrs	x2, esr_el2
	ubfx	x2, x2, #16, #5		/* SRT */
	adr	x3, set_register
	add	x3, x3, x2, lsl #3
	br	x3
1:	ubfx	x2, x1, #16, #5
	adr	x3, get_register
	add	x3, x3, x2, lsl #3
	blr	x3
	bl	mmio_write
	cbz	x0, exit_return
	b	advance

/* A trapped MSR or MRS. x0: struct vcpu, x1: ESR_EL2. */
system_register:
	tbnz	x1, #0, 1f
	ubfx	x2, x1, #5, #5		/* Rt */
	adr	x3, get_register
	add	x3, x3, x2, lsl #3
	blr	x3
	bl	sysreg_write
	cbz	x0, exit_return
	b	advance
1:	bl	sysreg_read
	cbz	x1, exit_return
	mrs	x2, esr_el2
	ubfx	x2, x2, #5, #5
	adr	x3, set_register
	add	x3, x3, x2, lsl #3
	br	x3

/* The guest's register number n to x2; two instructions each. */
	.balign	8
get_register:
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7
	ldr	x2, [sp, #VCPU_X0 + 8 * \n]
	ret
	.endr
	.irp	n, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29
	mov	x2, x\n
	ret
	.endr
	ldr	x2, [sp, #VCPU_X30]
	ret
	mov	x2, xzr
	ret

/* x0 to the guest's register number n. */
	.balign	8
set_register:
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7
	str	x0, [sp, #VCPU_X0 + 8 * \n]
	b	advance
	.endr
	.irp	n, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29
	mov	x\n, x0
	b	advance
	.endr
	str	x0, [sp, #VCPU_X30]
	b	advance
	nop				/* to xzr */

advance:				/* past the instruction that trapped */
	mrs	x1, elr_el2
	add	x1, x1, #4
	msr	elr_el2, x1
exit_return:
	resume_unless 1f
1:	ldr	w2, [x1, #VGIC_HOST]
	cbnz	w2, events
	mov	x0, sp
	bl	vgic_settle
	resume_unless 2f
2:	mov	x0, sp			/* more came in, or another CPU has to act first */
	bl	vgic_settle
	mov	x0, sp
	bl	vgic_pause
	b	exit_return

/* SDEI: the guest makes a call, or an event may be pending. All of x0 to x17 are saved or replaced. */
events:
	stp	x8, x9, [sp, #VCPU_X0 + 64]
	stp	x10, x11, [sp, #VCPU_X0 + 80]
	stp	x12, x13, [sp, #VCPU_X0 + 96]
	stp	x14, x15, [sp, #VCPU_X0 + 112]
	stp	x16, x17, [sp, #VCPU_X0 + 128]
	mov	x0, sp
	bl	sdei_settle
	ldp	x16, x17, [sp, #VCPU_X0 + 128]
	ldp	x14, x15, [sp, #VCPU_X0 + 112]
	ldp	x12, x13, [sp, #VCPU_X0 + 96]
	ldp	x10, x11, [sp, #VCPU_X0 + 80]
	ldp	x8, x9, [sp, #VCPU_X0 + 64]
	b	exit_return

/* guest_start(struct vcpu *): ELR and SPSR are set; x0 is what the frame says, all else is 0. */
	.global guest_start
guest_start:
	mov	sp, x0
	.irp	n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24
	mov	x\n, xzr
	.endr
	.irp	n, 25, 26, 27, 28, 29, 30
	mov	x\n, xzr
	.endr
	stp	x1, x2, [sp, #VCPU_X0 + 8]
	stp	x3, x4, [sp, #VCPU_X0 + 24]
	stp	x5, x6, [sp, #VCPU_X0 + 40]
	stp	x7, x30, [sp, #VCPU_X0 + 56]
	b	exit_return

	.section .data.vectors, "aw"
	.balign	8
sync_table:
	.set	class, 0
	.rept	64
	.if	class == 0x01
	.quad	wfx_handle
	.elseif	class == 0x07
	.quad	fp_handle
	.elseif	class == 0x16
	.quad	hvc_handle
	.elseif	class == 0x17
	.quad	smc_handle
	.elseif	class == 0x18
	.quad	system_register
	.elseif	class == 0x20
	.quad	instruction_abort
	.elseif	class == 0x24
	.quad	data_abort
	.else
	.quad	other_exception
	.endif
	.set	class, class + 1
	.endr
