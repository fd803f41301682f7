/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * A machine for the lockstep: the library as an embedder drives it (the protocol of vgic.h), a fake
 * virtual CPU interface per physical CPU, a fake physical GIC behind mapped interrupts, and the
 * reference model, which sees every operation too. One operation at a time, from a list; kicks and
 * maintenance interrupts wait until the list delivers them.
 */
#ifndef TESTS_MODEL_MACHINE_H
#define TESTS_MODEL_MACHINE_H

#include <carillon/vgic.h>

#include "cpuif.h"
#include "model.h"

enum op_kind {
	OP_LINE,   /* a: intid, b: level */
	OP_PULSE,  /* a: intid */
	OP_DEVICE, /* a: intid of a mapped interrupt, b: its device's level (edge: 1 fires) */
	OP_TAKE,   /* a: intid of a mapped interrupt: the host takes the physical one */
	OP_READ,   /* a: region, b: offset, n: bytes */
	OP_WRITE,  /* the same, c: value */
	OP_SGI,    /* a: enum vgic_sysreg, c: value; GICv2: OP_WRITE of GICD_SGIR */
	OP_IAR,    /* a: group; GICv2: 1 is GICV_AIAR */
	OP_EOI,
	OP_PMR,     /* a: value */
	OP_BPR,     /* a: group, b: value */
	OP_IGRPEN,  /* a: group, b: on */
	OP_CBPR,    /* a: on */
	OP_EOIMODE, /* a: on */
	OP_ACKCTL,  /* GICv2; a: AckCtl, and FIQEn in bit 1 */
	OP_CPUIF,   /* a: enum cpuif_register: read it, if it is the library's */
	OP_STRAY, /* a: where, b: 1 writes, n: bytes, c: value: what the CPU interface does not have */
	OP_DIR,  /* b: enum dir_of; a: which; c: the vCPU that acknowledged it (DIR_OTHERS) */
	OP_KICK, /* deliver the host interrupt of a kick */
	OP_MAINTENANCE,
	OP_BOUNCE, /* leave the guest and enter it again, without a reason */
	OP_EXIT,
	OP_ENTER,
	OP_BLOCK,
	OP_PUT,    /* n: also out of its guest, or out of its sleep */
	OP_LOAD,   /* a: the physical CPU; who is there, if no CPU is free, has to go */
	OP_MOVE,   /* both, and n: into the guest */
	OP_RETRY,  /* of a waiting access */
	OP_NOTIFY, /* a: intid, b: whether its ends are to be told */
	OP_PEND,   /* vgic_pending() of a vCPU that is not loaded */
	OP_RESET,  /* the CPU interface */
	OP_POWER,  /* the VM's reset */
	OP_SAVE,
	OP_RESTORE, /* n: save first (else: what was last saved); a: enum restore_to; b: list registers; c: compare */
	OP_MAP,  /* a: intid: unmap it if mapped, else map it; n: VGIC_HWIRQ_SOFT */
	OP_INFO, /* a: intid */
	OP_QUIESCE,
	OP_KINDS
};

/* Whose interrupt ICC_DIR_EL1 is about. */
enum dir_of {
	DIR_OWN,    /* the a-th that this vCPU ended with EOImode 1 */
	DIR_OTHERS, /* the same of vCPU c, if it is shared */
	DIR_INTID,  /* a: INTID, as long as the outcome is defined */
};

/* Where a saved state goes to. Fresh memory: its mappings are made anew, the old ones given up. */
enum restore_to {
	RESTORE_HERE,
	RESTORE_UNMAP, /* fresh memory; the old vGIC's physical interrupts are unmapped */
	RESTORE_RESET, /* fresh memory; the old vGIC is reset */
	RESTORE_TOS
};

/* Registers of the CPU interface that an operation reads. */
enum cpuif_register {
	CPUIF_PMR,
	CPUIF_BPR0,
	CPUIF_BPR1,
	CPUIF_CTLR,
	CPUIF_IGRPEN0,
	CPUIF_IGRPEN1,
	CPUIF_RPR,
	CPUIF_HPPIR0,
	CPUIF_HPPIR1,
	CPUIF_SRE,
	CPUIF_APR0,
	CPUIF_APR1,
	CPUIF_REGISTERS
};

struct op {
	uint8_t kind, vcpu, n;
	uint32_t a, b;
	uint64_t c;
};

/* Defects of the library that a run may look away from, to see what is behind them. */
#define TOLERATE_PENDING_HALF  1u /* "active and pending" in an LR of what may not be delivered */
#define TOLERATE_RESET         2u /* what vgic_cpuif_reset() leaves in the image */
#define TOLERATE_EOICOUNT      4u /* active state of what was ended by EOIcount, until the next exit */
#define TOLERATE_OVERFLOW      32u  /* an LR that was 11 at entry, while others are left out */
#define TOLERATE_INACTIVE      64u  /* HW = 1 in an LR on a physically inactive interrupt */
#define TOLERATE_OUTSIDE       128u /* AGAIN because of a vCPU that is outside */
#define TOLERATE_HELD_BACK     256u /* GICv2: what is held back because of an SGI with sources left */
#define TOLERATE_WIDTH         8u   /* bits above the width of a read */
#define TOLERATE_UNLOADED_LINE 16u /* a line set while active and unloaded, afterwards */

struct machine_config {
	struct model_config model;
	unsigned cpus;   /* physical ones; 0: as many as vCPUs */
	unsigned lrs;    /* 0: the CPU interface is software */
	unsigned mapped; /* how many of the first SPIs are mapped (half level); and two PPIs */
	unsigned soft;   /* those with INTIDs 0 to soft - 1 modulo 4 are VGIC_HWIRQ_SOFT */
	struct cpuif_manners manners;
	bool refill;       /* the embedder uses vgic_refill() */
	bool quiet;        /* and vgic_exit_quiet(), vgic_enter_quiet() */
	bool lines;        /* the host tells mapped edges with vgic_set_line() */
	bool misconfigure; /* guests may give mapped interrupts the wrong trigger */
	unsigned tolerate; /* TOLERATE_... */
	bool twin;         /* beside one with a software CPU interface: twin.h */
	bool notify;       /* vgic_notify_end() is used */
	bool whole;        /* reset, save and restore, mapping and unmapping */
	bool eoimode1;     /* guests set EOImode 1, at any time */
};

#define MACHINE_PPI_LEVEL 27u /* mapped, when `mapped` is not 0 */
#define MACHINE_PPI_EDGE  22u

enum where { UNLOADED, OUTSIDE, GUEST, BLOCKED };

struct machine_vcpu {
	enum where where;
	struct vgic_cpu *cpu;
	struct gic_cpuif image;
	struct cpuif *hw; /* that of its physical CPU */
	int pcpu;         /* or MODEL_NOBODY */
	bool kicked;      /* a host interrupt is on its way */
	bool waiting;     /* `access` answered AGAIN */
	struct op access;
	unsigned long since;                /* when it began */
	uint64_t seen0, seen1, seen_unsure; /* bits that a waiting read may return */
	unsigned again;
	bool restore;       /* its next load asks for what the CPU interface was */
	bool aprs_known;    /* the last exit was given the active priorities */
	unsigned ended[64]; /* EOImode 1: INTIDs dropped, to be deactivated */
	unsigned ended_count;
};

/* A saved VM: the library's state, the model's, the embedder's and the guest's. */
struct machine_saved {
	void *state;
	long size; /* 0: there is none */
	struct model model;
	struct machine_vcpu vcpu[MODEL_VCPUS];
};

struct machine_cpu {
	int vcpu; /* who is loaded here, or MODEL_NOBODY */
	struct cpuif hw;
	uint32_t active; /* private physical interrupts, by INTID, while nobody is loaded */
};

struct machine {
	struct machine_config config;
	struct machine_cpu cpu[MODEL_VCPUS];
	struct cpuif nowhere; /* of vCPUs that are not loaded */
	unsigned loads, next_cpu;
	struct machine_vcpu vcpu[MODEL_VCPUS];
	struct vgic *vgic;
	void *memory;
	int actor; /* the vCPU whose owner function runs, or -1 */
	bool in_library;
	bool quiet; /* a function that spares the actor's kick */
	unsigned long acks, agains, kicks, late;
	unsigned restored, powered;     /* how often; the generator opens things up again */
	void (*fail)(const char *text); /* does not return */
	struct model model;
	struct machine_saved saved;
};

/* Build it. `fail` is called at the first thing that must not be. */
void machine_init(struct machine *m, const struct machine_config *config,
		  void (*fail)(const char *text));
void machine_free(struct machine *m);

/* Do one operation, if the machine is in a state where it can happen; check what must hold. */
void machine_do(struct machine *m, const struct op *op);

/* Let everything come to rest, have a well-behaved guest handle all that is left, compare. */
void machine_finish(struct machine *m);

void machine_print_op(const struct op *op);

#endif
