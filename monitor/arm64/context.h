/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What of a vCPU lives in a physical CPU's registers while it runs, beside the exit frame, its stack
 * and the virtual CPU interface.
 */
#ifndef MONITOR_ARM64_CONTEXT_H
#define MONITOR_ARM64_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

#define DEBUG_PAIRS 16

/* Floating point and SIMD registers. SVE and SME are kept from guests, so 128 bits are all. */
struct guest_fp {
	__attribute__((aligned(16))) uint64_t fpcr;
	uint64_t fpsr, tpidr_el0, cptr;
	uint8_t q[32][16];
};

/*
 * Self-hosted debug (DDI 0487 D2). Every access of the guest traps, so this is the truth, and there is
 * nothing to save; it is in the CPU's registers only while something of it is switched on.
 */
struct debug {
	bool used; /* anything is on */
	uint64_t mdscr, mdccint, os_lock;
	uint64_t breakpoint[DEBUG_PAIRS][2], watchpoint[DEBUG_PAIRS][2]; /* value, control */
};

#define EL1_REGISTERS 24

struct context {
	uint64_t el1
		[EL1_REGISTERS]; /* and ELR_EL2, in the order of context.c, as are the next ones */
	uint64_t cntv_cval, cntv_ctl, cntp_cval, cntp_ctl;
	uint64_t hcr_el2, spsr_el2;
	uint64_t keys[10]; /* pointer authentication */
	uint64_t scxtnum[2], tpidr2, vdisr;
	struct cpu *on; /* the CPU whose registers may still have this */
	struct cpu *fp_on;
	bool fp_live; /* its FP registers are in the CPU's, and it may change them */
	struct guest_fp fp;
	struct debug debug;
};

struct vcpu;
struct cpu;

void context_setup(void); /* which optional registers there are */
void context_reset(struct vcpu *vcpu);
void context_save(struct vcpu *vcpu);
bool context_is_here(const struct vcpu *vcpu, const struct cpu *cpu); /* its EL1 registers, still */
void context_load(struct vcpu *vcpu, struct cpu *cpu, bool is_here);
void context_trap_wfi(bool trap); /* of the vCPU that runs here */

/* support.S */
void fp_registers_save(struct guest_fp *fp);
void fp_registers_load(const struct guest_fp *fp);
void context_switch(uint64_t *from, uint64_t to);

/* The guest's traps. `read`: to *value. False: the register is not one of these. */
bool debug_access(struct vcpu *vcpu, uint32_t reg, bool read, uint64_t *value);

#endif
