/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * A machine for the lockstep of ITSs and LPIs: the library as an embedder drives it, a guest's memory,
 * fake virtual CPU interfaces (../cpuif.h), fake hardware for forwarded events, and the model.
 */
#ifndef TESTS_MODEL_ITS_MACHINE_H
#define TESTS_MODEL_ITS_MACHINE_H

#include <carillon/vits.h>

#include "../cpuif.h"
#include "model.h"

enum op_kind {
	OP_COMMAND, /* n: ITS, w: the command goes into the ring; MAPD's ITT is given by the machine */
	OP_SUBMIT,    /* n: ITS: GITS_CWRITER is written; a: 1: as 32 bits */
	OP_MESSAGE,   /* n: ITS, a: device, b: event, w[0]: on the vCPU's own CPU */
	OP_ITS_READ,  /* n: ITS, a: offset, b: bytes */
	OP_ITS_WRITE, /* the same, w[0]: value */
	OP_SETUP, /* n: ITS, a: enum setup, b: page size, w[0]: two levels, w[1]: queue's size */
	OP_GICR_READ,  /* a: offset, b: bytes */
	OP_GICR_WRITE, /* the same, w[0]: value */
	OP_PROPERTY,   /* a: LPI, b: byte: in the vCPU's table */
	OP_STORE,      /* a: offset in RAM, w[0]: 8 bytes; config.wild */
	OP_PULSE,      /* a: SPI, w[0]: on the vCPU's own CPU */
	OP_IAR,
	OP_EOI,
	OP_DIR,
	OP_PMR,   /* a */
	OP_GROUP, /* a: on */
	OP_KICK,  /* deliver the host interrupt of a kick */
	OP_MAINTENANCE,
	OP_BOUNCE,
	OP_EXIT,
	OP_ENTER,
	OP_BLOCK,
	OP_PUT,
	OP_LOAD, /* n: and enter */
	OP_RETRY,
	OP_TRANSLATE, /* n: ITS, a: device, b: event */
	OP_FORWARD,   /* n: route, a: device, b: event; of ITS 0 */
	OP_UNFORWARD, /* n: route, w[0]: on the vCPU's own CPU */
	OP_FIRE,      /* n: route: its physical event */
	OP_VLPI,      /* n: route: hardware's guest acknowledges it */
	OP_QUIESCE,
	OP_SAVE,
	OP_RESTORE, /* n: into fresh memory; a: first try a state with a changed bit */
	OP_RESET,
	OP_KINDS
};

/* What is set up anew while the ITS is disabled. */
enum setup { SETUP_DEVICES = 1, SETUP_COLLECTIONS = 2, SETUP_QUEUE = 4, SETUP_KEEP = 8 };

struct op {
	uint8_t kind, vcpu, n;
	uint32_t a, b;
	uint64_t w[4];
};

enum where { UNLOADED, OUTSIDE, GUEST, BLOCKED };

struct vcpu {
	enum where where;
	struct vgic_cpu *cpu;
	struct gic_cpuif image;
	struct cpuif hw;
	bool kicked, waiting, restore;
	struct op access;
};

struct route {
	bool registered, mapped, pending, refused, dropped, discarded;
	uint32_t device, event;
	unsigned vcpu, lpi;
	unsigned dropped_vcpu, dropped_lpi;
	/* What the hooks were called for, since commands that ask for it were last seen done. */
	bool changed;
	int property; /* -1: not known */
	unsigned sets, ints, cleared, clears, configured, invs;
};

struct saved {
	void *state;
	long size;
	struct vits_state its[ITSES];
	struct ram *ram;
	struct model model;
	uint32_t tail[ITSES];
	struct vcpu vcpu[PES];
};

struct machine {
	struct machine_config config;
	struct model model;
	struct ram ram;
	struct vcpu vcpu[PES];
	struct vgic *vgic;
	struct vits *vits[ITSES];
	void *memory, *its_memory[ITSES];
	uint32_t tail[ITSES]; /* where the guest puts its next command */
	struct vits_stats stats[ITSES];
	bool sync_last[ITSES];
	struct route routes[ROUTES];
	bool dirty,
		movall; /* hardware has work to do; a MOVALL has parted routes from collections */
	int8_t table
		[PES]
		[LPIS]; /* the pending tables as they were before a write to the redistributor */
	uint64_t random;
	int actor;
	bool in_library, quiet;
	bool wild; /* tables were written to behind an ITS's back: nothing is predicted */
	unsigned long acks, lpis, commands, errors, messages, agains, saves, resets, vlpis;
	void (*fail)(const char *text);
	struct saved saved;
};

void machine_init(struct machine *m, const struct machine_config *config,
		  void (*fail)(const char *));
void machine_free(struct machine *m);
void machine_do(struct machine *m, const struct op *op);
void machine_finish(struct machine *m);
void machine_print_op(const struct op *op);

/* Where things are in the guest's memory. */
#define PROPERTIES   (RAM_BASE + 0x000000)
#define PROPERTIES_2 (RAM_BASE + 0x010000)
#define PENDING(v)   (RAM_BASE + 0x020000 + (v)*0x10000ull)
#define QUEUE(n)     (RAM_BASE + 0x0a0000 + (n)*0x10000ull)
#define DEVTAB(n)    (RAM_BASE + 0x0c0000 + (n)*0x20000ull)
#define LEVEL2(n)    (RAM_BASE + 0x100000 + (n)*0x40000ull)
#define COLTAB(n)    (RAM_BASE + 0x180000 + (n)*0x10000ull)
#define ITT(n, slot) (RAM_BASE + 0x1a0000 + (n)*0x20000ull + (slot)*0x2000ull)
#define ITT_SLOTS    16
#define ITT_BITS     10
#define BIG_ITT      (RAM_BASE + 0x1e0000) /* 128 KB: 14 bits */

/* Registers. */
#define GITS_CTLR    0x000u
#define GITS_IIDR    0x004u
#define GITS_TYPER   0x008u
#define GITS_CBASER  0x080u
#define GITS_CWRITER 0x088u
#define GITS_CREADR  0x090u
#define GITS_BASER   0x100u
#define GITS_PIDR2   0xffe8u

#define GICR_CTLR      0x00u
#define GICR_PROPBASER 0x70u
#define GICR_PENDBASER 0x78u
#define GICR_INVLPIR   0xa0u
#define GICR_INVALLR   0xb0u
#define GICR_SYNCR     0xc0u

#endif
