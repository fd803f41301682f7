/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Direct injection inside: a VM's vPEs, routes, and what hardware has still to do. gicv4.c has the VM as
 * a whole, gicv4_vpe.c vCPUs on CPUs, gicv4_route.c routes, gicv4_vsgi.c what only a GICv4.1 has.
 *
 * Who may touch what. A vPE's `state`, `rings` and row of tokens are its owner's: the CPU that has it
 * loaded. `pending` anybody adds to, and the owner clears. Routes, the queue of held devices, the list of
 * vPEs to look at and the last tokens are behind `lock`, which is never held over a wait. Where redistributors
 * invalidate (machine.invlpir), a vPE's `cpu` is changed behind it, too: one that is at it does not lose it.
 */
#ifndef CARILLON_VITS_GICV4_INTERNAL_H
#define CARILLON_VITS_GICV4_INTERNAL_H

#include <carillon/gicv4.h>

#include "../core/atomic.h"
#include "../core/lock.h"

#define NO_ROUTE     0xffffu
#define NO_VPE       0xffffu
#define NO_DOORBELL  1023u /* a Dbell_pINTID that rings nothing */
#define TABLE_ALIGN  0x10000u
#define SLICE        4u /* vPEs, routes or devices that one call deals with */
#define PROPERTY_ON  1u
#define PROPERTY_RES 2u /* RES1 in each byte of the table */

#define VPENDBASER_VALID        (UINT64_C(1) << 63)
#define VPENDBASER_IDAI         (UINT64_C(1) << 62) /* GICv4.1 has DB there */
#define VPENDBASER_DB           (UINT64_C(1) << 62)
#define VPENDBASER_PENDING_LAST (UINT64_C(1) << 61)
#define VPENDBASER_DIRTY        (UINT64_C(1) << 60)
#define VPENDBASER_VGRP0EN      (UINT64_C(1) << 59)
#define VPENDBASER_VGRP1EN      (UINT64_C(1) << 58)
#define INV_VIRTUAL             (UINT64_C(1) << 63) /* GICR_INVLPIR.V, INVALLR.V */
#define SYNCR_BUSY              1u
#define ATTRIBUTES              (UINT64_C(7) << 56 | UINT64_C(0x1f) << 7)

/* IHI 0069 5.13: command encodings, byte 0. */
enum command {
	ITS_MOVI = 0x01,
	ITS_INT = 0x03,
	ITS_CLEAR = 0x04,
	ITS_SYNC = 0x05,
	ITS_MAPTI = 0x0a,
	ITS_INV = 0x0c,
	ITS_DISCARD = 0x0f,
	ITS_VMOVI = 0x21,
	ITS_VMOVP = 0x22,
	ITS_VSGI = 0x23,
	ITS_VSYNC = 0x25,
	ITS_VMAPP = 0x29,
	ITS_VMAPTI = 0x2a,
	ITS_VINVALL = 0x2d,
	ITS_INVDB = 0x2e,
};

enum residence {
	VPE_OUT,
	VPE_MOVING,   /* VMOVP under way; not resident */
	VPE_ENTERING, /* Valid = 1; its pending vLPIs are being looked for */
	VPE_RESIDENT,
	VPE_RINGING, /* its doorbell is being switched on; resident still */
	VPE_LEAVING, /* Valid = 0; not known yet what is pending */
};

struct vsgi {
	uint8_t enabled, priority, group;
};

struct vpe {
	uint32_t pending; /* atomic: gicv4_pending() */
	uint32_t state;   /* atomic: enum residence; the owner's */
	bool rings;       /* its doorbell is on since the last put */
	bool late;        /* the caller of its put waited no longer */
	bool look;        /* in the list of those to look at */
	bool wakes;       /* and then to wake, if it is not resident */
	bool inv_busy;    /* its redistributor invalidates: it has machine.invalidating */
	bool group0, group1;
	uint16_t next_look;
	uint16_t cpu;  /* atomic: where the ITSs have it, and where it is loaded; the owner's */
	uint16_t to;   /* where it is to be loaded */
	uint64_t kept; /* IDAI */
	uint64_t bell_token; /* its doorbell's commands */
	struct gicv4_event bell;
	struct vsgi sgis[16];
};

enum place {
	ROUTE_SOFT,
	ROUTE_NOWHERE, /* not mapped by the guest, nor on the ITS */
	ROUTE_DIRECT,
	ROUTE_PARKING,   /* its pending state is on its way to where it can be read */
	ROUTE_RETURNING, /* its event is being mapped to the LPI */
	ROUTE_LEFT,      /* it is; the result is not taken yet */
};

enum late { LATE_NOTHING, LATE_SET, LATE_CLEAR };

struct route {
	struct gicv4_event event;
	bool known;   /* it has an event */
	bool mapped;  /* gicv4_map() was called, or hardware has it still */
	bool dropped; /* the guest has not mapped it: nobody is to get it */
	bool leaving; /* gicv4_unmap() is at it, and takes the result */
	bool held;    /* its device is */
	bool was;     /* it was pending in hardware */
	uint8_t place;
	uint8_t late; /* INT or CLEAR while it is on its way: the last one counts */
	uint16_t vcpu;
	uint16_t next_held;
	virq_t lpi;
	uint64_t token;
};

enum life { LIFE_STOPPED, LIFE_STARTING, LIFE_STARTED, LIFE_STOPPING };

struct gicv4 {
	struct gicv4_machine *machine;
	struct gicv4_hooks hooks;
	void *host;
	struct vpe *vpes;
	struct route *routes;
	uint64_t *tokens; /* `itss` of the routes', then of each vPE: its last VMOVP */
	uint8_t *properties, *pendings;
	uint64_t address; /* of `properties`; pending tables follow */
	size_t properties_size, pending_size;
	uint64_t attributes;
	uint16_t vcpus, route_count, first_vpeid, cpu;
	uint8_t intid_bits;
	uint8_t life;
	uint8_t its_at; /* how far starting or stopping is */
	uint16_t vpe_at;

	struct lock lock;
	bool enabled;
	uint16_t parked;                /* the route that has the parking vPE; NO_ROUTE */
	uint16_t held_first, held_last; /* devices to be released, oldest first */
	uint16_t look_first;            /* vPEs to look at once hardware is done */
	uint32_t step;                  /* where gicv4_step() is */
	struct gicv4_stats stats;       /* atomic, each by itself */
};

static inline void count(uint64_t *counter)
{
	__atomic_fetch_add(counter, 1u, __ATOMIC_RELAXED);
}

static inline unsigned parking(const struct gicv4 *vm)
{
	return vm->vcpus;
}

static inline uint64_t *vpe_tokens(const struct gicv4 *vm, unsigned vcpu)
{
	return vm->tokens + (size_t)vm->machine->itss * (vcpu + 1u);
}

static inline uint8_t *pending_table(const struct gicv4 *vm, unsigned vcpu)
{
	return vm->pendings + vm->pending_size * vcpu;
}

static inline bool is_minor_1(const struct gicv4 *vm)
{
	return vm->machine->minor != 0;
}

/* Commands. Each returns the token. `vcpu` may be that of the parking vPE. */
uint64_t its_event(struct gicv4 *vm, enum command command, const struct gicv4_event *event);
uint64_t its_sync(struct gicv4 *vm, unsigned its, unsigned cpu);
uint64_t its_mapti(struct gicv4 *vm, const struct gicv4_event *event);
uint64_t its_movi(struct gicv4 *vm, const struct gicv4_event *event, unsigned collection);
uint64_t its_vmapti(struct gicv4 *vm, const struct gicv4_event *event, unsigned vcpu, virq_t lpi);
uint64_t its_vmovi(struct gicv4 *vm, const struct gicv4_event *event, unsigned vcpu);
uint64_t its_vpe(struct gicv4 *vm, enum command command, unsigned its, unsigned vcpu);
/* `alone`: no other ITS has it mapped, before or after. */
uint64_t its_vmapp(struct gicv4 *vm, unsigned its, unsigned vcpu, bool valid, bool alone);
uint64_t its_vmovp(struct gicv4 *vm, unsigned its, unsigned vcpu, unsigned cpu, uint16_t sequence);
uint64_t its_vsgi(struct gicv4 *vm, unsigned vcpu, unsigned sgi, bool clear);

/* GICv4.1's redistributors do what INV and VINVALL are for. */
static inline bool uses_invlpir(const struct gicv4 *vm)
{
	return is_minor_1(vm) && vm->machine->invlpir;
}

/* gicv4.c; with the lock. This was the last command put for routes. */
void v4_note_token(struct gicv4 *vm, unsigned its, uint64_t token);
/* A VSYNC behind the commands of a vPE, which it is then done with. */
void v4_vsync(struct gicv4 *vm, unsigned its, unsigned vcpu);
/* Once hardware is done: if this vPE is not resident, it may have got something pending. */
void v4_look_later(struct gicv4 *vm, unsigned vcpu);
/*
 * Have the vPE's redistributor invalidate: `what` is put into INVLPIR or INVALLR. False: one of the machine's
 * is at it already, or the vPE is on its way to another, or there are no such registers: an ITS has to.
 */
bool v4_invalidate(struct gicv4 *vm, unsigned vcpu, uint32_t offset, uint32_t what);
/* The part of the tables at `at` is hardware's to see, or as hardware wrote it. */
void v4_clean(struct gicv4 *vm, void *at, size_t bytes);
/* Has the redistributor done what v4_invalidate() asked for? */
bool v4_invalidated(struct gicv4 *vm, struct vpe *vpe);
/* gicv4_vpe.c. Any CPU. */
void vpe_wake(struct gicv4 *vm, unsigned vcpu);
/* Have the ITSs done its last VMOVP? Owner, or anybody while it is not loaded. */
bool vpe_moved(struct gicv4 *vm, unsigned vcpu);
/* gicv4_route.c; with the lock. */
void v4_release(struct gicv4 *vm);
bool v4_advance(struct gicv4 *vm, uint16_t index);

#endif
