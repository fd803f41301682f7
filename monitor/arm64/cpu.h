/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What a physical CPU owns while the hypervisor runs, and the offsets that the vectors use.
 *
 * SP_EL2 points at struct cpu whenever a guest runs: the structure is the exit frame, the stack
 * lies below it, and no exit has to look for either.
 */
#ifndef MONITOR_ARM64_CPU_H
#define MONITOR_ARM64_CPU_H

#define CPU_X0     0
#define CPU_X30    64
#define CPU_VGIC   72
#define CPU_EXITS  80
#define EXIT_KINDS 65 /* one per exception class, then interrupts */
#define EXIT_IRQ   64
#define CPU_GICC   600 /* behind the exits */

#define CPU_BLOCK_SIZE 0x8000 /* guard page, stack, struct cpu at the end */
#define CPU_GUARD_SIZE 0x1000

#ifndef __ASSEMBLER__

#include <carillon/vgic.h>

/* PSCI's view of a vCPU (DEN0022 5.1.4, 6.6). CLAIMED: a caller of CPU_ON is filling in the entry. */
enum power { POWER_OFF, POWER_CLAIMED, POWER_PENDING, POWER_ON };

struct vcpu {
	unsigned index;
	enum power power; /* atomic */
	uint64_t mpidr;   /* VMPIDR_EL2 */
	uint64_t entry, context;
	bool waiting; /* in CPU_SUSPEND; only its own CPU looks */
};

struct cpu {
	uint64_t x[8]; /* the guest's x0 to x7: what the C code may clobber; see monitor.mk */
	uint64_t x30;
	struct vgic_cpu *vgic;
	uint64_t exits[EXIT_KINDS];
	uint8_t *gicc; /* GICv2: registers of its CPU interface, */
	uint8_t *gich; /* and those that control the virtual one */
	struct vcpu *vcpu;
	struct gic_cpuif image;
	unsigned index;
	uint64_t mpidr;    /* of the physical CPU */
	uint64_t kick;     /* sends the kick to this CPU: for ICC_SGI1R_EL1, GICv2: GICD_SGIR */
	void *redist;      /* GICv3: its physical redistributor's SGI_base frame */
	uint8_t interface; /* GICv2: a mask with its CPU interface's bit */
	uint64_t aborts, undefs; /* injected into the guest */
	uint64_t waits;          /* accesses that had to wait for another CPU */
	struct trace *trace;
	uint64_t instructions; /* at EL2 until the last look; only with carillon.bench */
	uint32_t counter;
	bool up;
} __attribute__((aligned(64)));

_Static_assert(offsetof(struct cpu, x30) == CPU_X30, "vectors.S");
_Static_assert(offsetof(struct cpu, vgic) == CPU_VGIC, "vectors.S");
_Static_assert(offsetof(struct cpu, exits) == CPU_EXITS, "vectors.S");
_Static_assert(offsetof(struct cpu, gicc) == CPU_GICC, "vectors.S");
_Static_assert(offsetof(struct vgic_cpu, inbox) == 0, "vectors.S");
_Static_assert(offsetof(struct vgic_cpu, resettle) == 4, "vectors.S");

#define MAX_CPUS 64

extern struct cpu *cpus[MAX_CPUS];
extern unsigned cpu_count;

static inline struct cpu *this_cpu(void)
{
	struct cpu *cpu;

	__asm__("mrs %0, tpidr_el2" : "=r"(cpu));
	return cpu;
}

#endif
#endif
