/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Physical CPUs and vCPUs, and the offsets that the vectors use.
 *
 * SP_EL2 points at the struct vcpu whose guest runs: the structure is the exit frame, the vCPU's stack
 * lies below it, and no exit has to look for either. Whatever a vCPU waits for, it keeps its stack: to
 * run another one is to go over to the other's stack (schedule.c). TPIDR_EL2 points at the struct cpu.
 */
#ifndef MONITOR_ARM64_CPU_H
#define MONITOR_ARM64_CPU_H

#define VCPU_X0    0
#define VCPU_X30   144
#define VCPU_VGIC  152
#define VCPU_EXITS 160
#define EXIT_KINDS 65 /* one per exception class, then interrupts */
#define EXIT_IRQ   64
#define VCPU_GICC  680 /* behind the exits */
#define VGIC_HOST  12

/* A vCPU's and a CPU's block of memory: guard page, stack, the structure at the end. */
#define BLOCK_SIZE 0x8000
#define GUARD_SIZE 0x1000

#ifndef __ASSEMBLER__

#include <carillon/vgic.h>
#include "context.h"

/* PSCI's view of a vCPU (DEN0022 5.1.4, 6.6). CLAIMED: a caller of CPU_ON is filling in the entry. */
enum power { POWER_OFF, POWER_CLAIMED, POWER_PENDING, POWER_ON };

/* The scheduler's view; schedule.c has the transitions. */
enum vcpu_state {
	VCPU_OFF,     /* has no context */
	VCPU_READY,   /* waits for a CPU */
	VCPU_RUNNING, /* `cpu` has it, if only to wait there for an interrupt */
	VCPU_BLOCKING, /* on no CPU; who put it aside looks whether there is an interrupt after all */
	VCPU_WOKEN,    /* the same, and somebody says that there is */
	VCPU_BLOCKED, /* waits for an interrupt, on no CPU */
	VCPU_STOPPED, /* its VM is stopped, and it is on no CPU */
};

struct vm;
struct cpu;

struct vcpu {
	/*
	 * The guest's x0 to x7: what the C code may clobber; see monitor.mk. The others are here while
	 * sdei_settle() runs.
	 */
	uint64_t x[18];
	uint64_t x30;
	struct vgic_cpu *vgic; /* NULL: not loaded */
	uint64_t exits[EXIT_KINDS];
	uint8_t *gicc; /* GICv2: registers of the CPU interface, */
	uint8_t *gich; /* and those that control the virtual one */
	struct vm *vm;
	struct cpu *cpu; /* atomic: where it runs, or ran last */
	unsigned index;  /* in its VM */
	uint64_t mpidr;  /* VMPIDR_EL2 */
	struct gic_cpuif image;
	struct vgic_cpu *handle; /* as `vgic`, but there from its first start on */
	bool waiting;            /* atomic: in WFI */
	uint64_t waited;         /* atomic: how often */
	/* The watchdog's. */
	struct {
		uint64_t taken, waited;
		unsigned ticks; /* without a sign of life */
	} watch;
	uint64_t aborts, undefs; /* injected into the guest */
	uint64_t waits;          /* accesses that had to wait for another CPU */

	uint8_t preemption; /* its CPU interface's bits: how many active priority registers there are */
	bool restored;      /* the image is behind the state that was restored */
	enum power power;           /* atomic */
	enum vcpu_state state;      /* atomic */
	enum vcpu_state next_state; /* when it has left its stack: schedule.c */
	uint64_t entry, entry_argument;
	uint64_t sp; /* while it is on no CPU: where its stack was left */
	struct context context;

	/* The policy's: sched.h. Under the lock of the CPU in whose queue it is. */
	uint64_t allowed; /* physical CPUs, by index */
	unsigned weight;
	struct cpu *home;
	struct vcpu *next, *previous;
	int64_t budget;   /* ticks that it may run before others have their turn */
	int64_t share;    /* a whole budget */
	uint64_t left_at; /* when it ran last */
	bool favoured;

	/* Sleepers: timers.c. Under the lock of the CPU where it sleeps. */
	uint64_t deadline;
	struct vcpu *next_sleeper;
	struct cpu *sleeps_on;
	uint64_t switches, preemptions, wakes, migrations;
} __attribute__((aligned(64)));

_Static_assert(offsetof(struct vcpu, x30) == VCPU_X30, "vectors.S");
_Static_assert(offsetof(struct vcpu, vgic) == VCPU_VGIC, "vectors.S");
_Static_assert(offsetof(struct vcpu, exits) == VCPU_EXITS, "vectors.S");
_Static_assert(offsetof(struct vcpu, gicc) == VCPU_GICC, "vectors.S");
_Static_assert(offsetof(struct vgic_cpu, inbox) == 0, "vectors.S");
_Static_assert(offsetof(struct vgic_cpu, host) == VGIC_HOST, "vectors.S");
_Static_assert(offsetof(struct vgic_cpu, resettle) == 4, "vectors.S");

struct cpu {
	unsigned index;
	uint64_t mpidr;
	uint64_t kick;        /* sends the kick to this CPU: for ICC_SGI1R_EL1, GICv2: GICD_SGIR */
	void *redist;         /* GICv3: its redistributor's SGI_base frame */
	uint8_t *lpi_pending; /* GICv3 with an ITS: the redistributor's table */
	uint8_t *gicc, *gich; /* GICv2 */
	uint8_t interface;    /* GICv2: a mask with its CPU interface's bit */
	struct vcpu *vcpu;    /* whose stack this CPU is on; NULL: its own */
	struct vcpu *leaving; /* just left its stack: schedule.c has to finish with it */
	uint64_t sp;          /* of its own stack, while it is on a vCPU's */
	bool queue_held; /* the one that leaves is queued, and `lock` held until its stack is left */
	bool resched;    /* atomic: look at the queue, and at what is asked for */
	bool idle;       /* atomic: waits for an interrupt, with nothing to run */
	bool up;         /* atomic */
	unsigned work;   /* atomic: WORK_ of sched.h */
	unsigned lock;   /* of `first`, `last`, `sleepers` and the vCPUs in them */
	struct vcpu *first, *last;
	unsigned queue_length;
	struct vcpu *sleepers; /* by deadline */
	uint64_t slice_end;    /* of the vCPU that runs; ~0: it has no end */
	uint64_t slice_start;
	uint64_t again; /* when sdei_again() is due for `again_for`; ~0: never */
	struct vcpu *again_for;
	uint64_t tick;           /* when the console wants to be looked at; ~0: never */
	uint64_t timer_deadline; /* what the EL2 timer is set to; ~0: off */
	/* Whose EL1 registers, FP registers, debug registers are in place. */
	struct vcpu *el1_owner, *fp_owner, *debug_owner;
	struct trace *trace;
	uint64_t instructions; /* at EL2 until the last look; only with carillon.bench */
	uint32_t counter;
	uint64_t switches, timer_interrupts, kicks;
} __attribute__((aligned(64)));

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
