/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Entry points: the arm64 Image header (Linux Documentation/arch/arm64/booting), the first stage at
 * the address where the boot loader put us, the second one at our home at the top of RAM, and the
 * other CPUs. Each starts with the MMU off and nothing trusted but the registers it is handed.
 */
#include "cpu.h"
#include "mmu.h"

	.section .head, "ax"
	.global _start
_start:
	b	first_stage
	.long	0
	.quad	0x80000			/* text_offset */
	.quad	image_size
	.quad	0xa			/* 4 KB pages, little endian, anywhere in memory */
	.quad	0, 0, 0
	.ascii	"ARM\x64"
	.long	0

	.text
first_stage:
	mov	x20, x0			/* the device tree */
	mov	x21, #0			/* not at home yet */
	mov	x22, #0
	b	start

/* x0: device tree, x1: home, x2: its size. */
	.global home_start
home_start:
	mov	x20, x0
	mov	x21, x1
	mov	x22, x2

start:
	msr	daifset, #0xf
	mrs	x19, currentel
	lsr	x19, x19, #2
	cmp	x19, #2
	b.ne	1f
	bl	el2_known_state
	b	2f
1:	mov	x0, #(3 << 20)		/* EL1: only to say so; FP for the libraries */
	msr	cpacr_el1, x0
	msr	spsel, #1
	mrs	x0, sctlr_el1
	bic	x0, x0, #1
	msr	sctlr_el1, x0
2:	isb

	/* Relocate in place: the link address is 0, so every R_AARCH64_RELATIVE adds our base. */
	adrp	x0, _start
	adrp	x1, rela_start
	add	x1, x1, :lo12:rela_start
	adrp	x2, rela_end
	add	x2, x2, :lo12:rela_end
3:	cmp	x1, x2
	b.hs	4f
	ldp	x3, x4, [x1], #16	/* offset, info */
	ldr	x5, [x1], #8		/* addend */
	cmp	w4, #1027		/* R_AARCH64_RELATIVE */
	b.ne	3b
	add	x5, x5, x0
	str	x5, [x0, x3]
	b	3b
4:	adrp	x1, bss_start
	add	x1, x1, :lo12:bss_start
	adrp	x2, bss_end
	add	x2, x2, :lo12:bss_end
5:	cmp	x1, x2
	b.hs	6f
	stp	xzr, xzr, [x1], #16
	b	5b

6:	adrp	x1, boot_stack_end
	add	sp, x1, :lo12:boot_stack_end
	mov	x29, xzr
	mov	x30, xzr

	/*
	 * What was written with the caches off must not be hidden by stale lines once they are on: the
	 * boot protocol leaves the image clean, not necessarily the memory behind it.
	 */
	adrp	x0, _start
	adrp	x1, image_end
	add	x1, x1, :lo12:image_end
	bl	cache_invalidate

	adrp	x0, _start
	adrp	x1, image_end
	add	x1, x1, :lo12:image_end
	mov	x2, x20
	mov	x3, x21
	mov	x4, x22
	bl	early_tables
	adrp	x0, early_table
	add	x0, x0, :lo12:early_table
	add	x1, x0, #(EARLY_TABLES << 12)
	bl	cache_invalidate

	adrp	x0, early_table
	add	x0, x0, :lo12:early_table
	cmp	x19, #2
	b.ne	7f
	bl	mmu_on_el2
	b	8f
7:	bl	mmu_on_el1
8:	adrp	x0, tls_block		/* picolibc keeps errno there */
	add	x0, x0, :lo12:tls_block
	msr	tpidr_el0, x0
	mov	x0, x20
	mov	x1, x21
	mov	x2, x22
	mov	x3, x19
	bl	boot_main
9:	wfi
	b	9b

/*
 * EL2 as we need it, whatever the boot loader left: MMU off, no VHE, no trap of our own use of FP
 * (libfdt's and picolibc's, at boot). Clobbers x0.
 */
el2_known_state:
	msr	spsel, #1
	mov	x0, #(1 << 31)		/* HCR_EL2.RW only: E2H and TGE are 0 */
	msr	hcr_el2, x0
	isb
	ldr	x0, =0x30c50830		/* SCTLR_EL2: RES1 bits */
	msr	sctlr_el2, x0
	mov	x0, #0x33ff
	bic	x0, x0, #(1 << 10)
	msr	cptr_el2, x0
	msr	hstr_el2, xzr
	isb
	ret

#define MAIR	0xff04			/* 0: device nGnRE; 1: normal write-back */
	/* T0SZ 25 (39 bits), walks inner shareable and write-back, 4 KB */
#define TCR	((25) | (1 << 8) | (1 << 10) | (3 << 12))

/* x0: table. */
mmu_on_el2:
	mov	x1, #MAIR
	msr	mair_el2, x1
	mrs	x2, id_aa64mmfr0_el1
	and	x2, x2, #7
	mov	x3, #5
	cmp	x2, x3
	csel	x2, x3, x2, hi		/* 48 bits are enough without 52-bit descriptors */
	ldr	x1, =(TCR | (1 << 31) | (1 << 23))
	orr	x1, x1, x2, lsl #16
	msr	tcr_el2, x1
	msr	ttbr0_el2, x0
	dsb	sy
	isb
	tlbi	alle2
	ic	iallu
	dsb	sy
	isb
	mrs	x1, sctlr_el2
	ldr	x2, =0x1005		/* M, C, I */
	orr	x1, x1, x2
	msr	sctlr_el2, x1
	isb
	ret

mmu_on_el1:
	mov	x1, #MAIR
	msr	mair_el1, x1
	mrs	x2, id_aa64mmfr0_el1
	and	x2, x2, #7
	mov	x3, #5
	cmp	x2, x3
	csel	x2, x3, x2, hi
	ldr	x1, =(TCR | (1 << 23))	/* no walks through TTBR1 */
	orr	x1, x1, x2, lsl #32
	msr	tcr_el1, x1
	msr	ttbr0_el1, x0
	dsb	sy
	isb
	tlbi	vmalle1
	dsb	sy
	isb
	mrs	x1, sctlr_el1
	ldr	x2, =0x1005
	orr	x1, x1, x2
	msr	sctlr_el1, x1
	isb
	ret

/*
 * leave_for_home(device tree, home, size, entry): the copy is in place and clean; go there with the
 * MMU off, as a boot loader would.
 */
	.global leave_for_home
leave_for_home:
	mrs	x4, sctlr_el2
	ldr	x5, =0x1005
	bic	x4, x4, x5
	msr	sctlr_el2, x4
	isb
	tlbi	alle2
	ic	iallu
	dsb	sy
	isb
	br	x3

/* x0: the struct cpu, as PSCI CPU_ON was told. The final table is known and clean. */
	.global secondary_start
secondary_start:
	msr	daifset, #0xf
	mov	x20, x0
	bl	el2_known_state
	adrp	x1, final_table
	ldr	x0, [x1, :lo12:final_table]
	bl	mmu_on_el2
	bl	mmu_protect
	mov	sp, x20
	mov	x29, xzr
	mov	x30, xzr
	mov	x0, x20
	bl	cpu_secondary
10:	wfi
	b	10b

/* From the early tables to the final ones: both map this code to the same place. x0: table. */
	.global mmu_switch
mmu_switch:
	dsb	sy
	msr	ttbr0_el2, x0
	isb
	tlbi	alle2
	dsb	sy
	isb
mmu_protect:				/* writable is never executable: WXN; stack alignment: SA */
	mrs	x0, sctlr_el2
	ldr	x1, =0x80008
	orr	x0, x0, x1
	msr	sctlr_el2, x0
	isb
	ret

/* switch_stack(struct cpu *, void (*)(struct cpu *)): never comes back. */
	.global switch_stack
switch_stack:
	mov	sp, x0
	mov	x29, xzr
	mov	x30, xzr
	br	x1

/*
 * cache_clean(start, end): clean and invalidate to the point of coherency.
 * cache_invalidate(start, end): drop what the caches have; for memory written with them off.
 */
	.macro	by_line name, operation
	.global	\name
\name:
	mrs	x2, ctr_el0
	ubfx	x2, x2, #16, #4		/* DminLine: log2 of words */
	mov	x3, #4
	lsl	x2, x3, x2
	sub	x3, x2, #1
	bic	x0, x0, x3
	dsb	sy
1:	cmp	x0, x1
	b.hs	2f
	dc	\operation, x0
	add	x0, x0, x2
	b	1b
2:	dsb	sy
	isb
	ret
	.endm
	by_line	cache_clean, civac
	by_line	cache_invalidate, ivac

	.bss
	.balign	16
boot_stack:
	.space	0x8000
boot_stack_end:
	.balign 64
	.global tls_block
tls_block:				/* TLS variant 1: two words, then picolibc's variables */
	.space	256
