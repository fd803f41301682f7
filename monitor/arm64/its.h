/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The machine's ITSs and the physical LPIs (IHI 0069 chapters 5 and 6, 12.18, 12.19): tables, commands, an
 * LPI for each message of a passed device and for each doorbell. All of it is laid out at boot; afterwards
 * only where an LPI goes, and what it means, changes.
 */
#ifndef MONITOR_ARM64_ITS_H
#define MONITOR_ARM64_ITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "vm.h"

#define LPI_FIRST 8192u
#define LPI_COUNT 4096u
#define ITS_MAX   4 /* BOARD_ITS */

/* A power of two: how often an LPI arrives until somebody looks whether it is on the right CPU. */
#define LPI_FOLLOWS 64

#define GITS_FRAMES     0x20000u
#define GITS_TRANSLATER 0x10040u

struct board;
struct cpu;

enum lpi_kind {
	LPI_NONE,     /* nobody waits for it: dropped, and counted */
	LPI_MESSAGE,  /* a device's: (`device`, `event`) of the VM's virtual ITS */
	LPI_HELD,     /* the same, while the VM's state is not to change: it is kept */
	LPI_DOORBELL, /* of the VM's vCPU number `event` */
};

/* What a physical LPI is to us: one load finds it. The first half is what an interrupt reads. */
struct lpi {
	struct vm *vm;
	uint32_t device, event;
	uint32_t count;
	uint16_t cpu;       /* where it goes: our number, and that of the collection */
	uint8_t kind;       /* atomic */
	bool held;          /* atomic: it came while it was LPI_HELD */
	uint32_t requester; /* what the physical ITS has it mapped from; that ITS */
	uint16_t number;
	uint8_t its;
	bool second; /* GICv4: the guest has made another message the same (device, event) before */
};

_Static_assert(sizeof(struct lpi) == 32, "port.c: found by a shift");

extern struct lpi lpis[LPI_COUNT]; /* by INTID - LPI_FIRST */
extern uint64_t lpis_dropped;

/* A command, 32 bytes (IHI 0069 5.3). */
struct its_command {
	uint64_t word[4];
};

struct its {
	uint8_t *base; /* also its physical address */
	uint64_t *queue;
	unsigned lock;  /* of the queue */
	uint32_t write; /* byte offset in the queue of the next command */
	uint64_t put;   /* bytes of commands, in all */
	bool broken;    /* it executes nothing any more: told once */
	bool flush;     /* it does not snoop our caches */
	bool virtual;   /* GICv4 */
	bool vmovp;     /* VMOVP goes to one ITS only */
	bool pta;
	uint8_t number; /* ITSList: its bit in VMOVP's list */
	uint8_t device_bits, event_bits, itt_entry;
	uint64_t *devices; /* level 1 of the device table, or NULL: it is flat */
	uint32_t device_limit;
	uint32_t devices_page; /* bytes of a page of level 2 */
	uint32_t devices_entry;
	uint32_t vpe_limit;
	uint64_t targets[64]; /* RDbase of each of our CPUs, as commands have it */
};

extern struct its its_list[ITS_MAX];
extern unsigned its_count; /* 0: there are no LPIs either */

/* Boot, on one CPU, in this order; the second one on each CPU. */
void its_init(const struct board *board);
void its_cpu_init(struct cpu *cpu);

/*
 * Boot. A device with `events` messages, 0 to events - 1, gets as many LPIs, from the returned INTID on, of
 * kind LPI_NONE and to `cpu`. 0: no more LPIs, or *why.
 */
unsigned its_device(unsigned its, uint32_t requester, unsigned events, const struct cpu *cpu,
		    const char **why);

/* Boot. LPIs without a device: doorbells. 0: there are no more. */
unsigned lpi_alloc(unsigned count);

/*
 * Commands are executed in their order. Any CPU; bounded. its_wait() comes back when all that were put so
 * far are done. False: the ITS has stopped; that has been said.
 */
bool its_put(struct its *its, const struct its_command *command);
bool its_wait(struct its *its);

/* The same, to be asked about: a token, not 0; true: it is done, or will never be. */
uint64_t its_put_token(struct its *its, const struct its_command *command);
bool its_done(struct its *its, uint64_t token);

/* In the table of all redistributors, which have to be told: INV. */
void lpi_enable(unsigned intid, bool on);

/* Any CPU. Forget that it is pending; send it to another CPU. Done when it returns. */
void lpi_clear(unsigned intid);
/* Any CPU. The same for one whose device is silent: was it pending? */
bool lpi_take(unsigned intid);
void lpi_move(unsigned intid, const struct cpu *cpu);
void lpi_follow(unsigned intid); /* LPI_MESSAGE: to the CPU of the vCPU that it is for */

/* GICv4: what a doorbell does. NULL: they are dropped. */
struct vcpu;
extern void (*lpi_doorbell)(struct vcpu *vcpu);

/*
 * All LPIs of the VM's devices: hold keeps them from its vITS, though who has one in hand may still be at
 * it; let_go raises what came meanwhile; drop forgets it.
 */
void lpis_hold(const struct vm *vm);
void lpis_let_go(const struct vm *vm);
void lpis_drop(const struct vm *vm);

/* It came. `self`: the vCPU that is loaded here, if it is of that VM. */
static inline void lpi_message(const struct lpi *lpi, struct vgic_cpu *self)
{
	vits_message(lpi->vm->vits, self, lpi->device, lpi->event);
}

#endif
