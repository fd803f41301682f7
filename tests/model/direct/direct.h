/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Direct injection from end to end: what the parts of the program share. check.c says what it is. */
#ifndef TESTS_MODEL_DIRECT_H
#define TESTS_MODEL_DIRECT_H

#include "../cpuif.h"
#include "../gicv4.h"

#include <carillon/gicv4.h>
#include <carillon/vits.h>

#define VCPUS       3
#define DEVICES     2
#define EVENTS      4
#define PAIRS       (DEVICES * EVENTS)
#define ROUTES      (PAIRS + 1)
#define COLLECTIONS 4
#define LPIS        G4_VLPIS /* pair n has two of them: n, and n + PAIRS */
#define LRS         2
#define NOWHERE     VCPUS
#define EVERYWHERE  ((1u << VCPUS) - 1)
#define NONE        0xffffu

#define FIRST_VPEID 5
#define TABLES_AT   UINT64_C(0x40000000) /* hardware's; the guest's memory: */
#define TABLES      (0x10000u * (VCPUS + 2))
#define RAM         UINT64_C(0x80000000)
#define DEVICE_AT   RAM
#define COLLECTS_AT (RAM + 0x1000)
#define QUEUE_AT    (RAM + 0x2000)
#define QUEUE_SIZE  0x1000u
#define ITT_AT(d)   (RAM + 0x3000 + 0x100u * (d))
#define PROP_AT     (RAM + 0x10000)
#define PEND_AT(v)  (RAM + 0x20000 + 0x10000u * (v))
#define RAM_SIZE    (0x20000u + 0x10000u * VCPUS)
#define REDISTS     UINT64_C(0x90000000)

#define BUSY     800  /* steps with messages and commands */
#define QUIET    300  /* and without, between checks */
#define PATIENCE 3000 /* what must have come to rest by then */
#define VALID    (UINT64_C(1) << 63)

#define GITS_CTLR    0x0
#define GITS_CBASER  0x80
#define GITS_CWRITER 0x88
#define GITS_CREADR  0x90
#define GITS_BASER   0x100
#define GICR_WAKER   0x14
#define GICR_INVLPIR 0xa0
#define GICR_INVALLR 0xb0
#define GICR_SYNCR   0xc0

struct pair {
	bool mapped;
	unsigned lpi, icid;
};

/* What the guest's commands have made of the ITS. */
struct view {
	bool enabled, device[DEVICES];
	unsigned collection[COLLECTIONS]; /* a vCPU; NOWHERE */
	struct pair pair[PAIRS];
};

struct lpi {
	bool must;       /* it was sent, and has not come since */
	unsigned may;    /* how often it may come */
	unsigned places; /* a bit for each vCPU to which it may */
	bool on;         /* enabled, where it is known: */
	unsigned sure;   /* at these vCPUs, which have been told since the byte changed */
};

enum kind {
	MAPD,
	MAPC,
	MAPTI,
	MOVI,
	DISCARD,
	INT,
	CLEAR,
	INV,
	INVALL,
	MOVALL,
	SYNC,
	CTLR,
	INVLPIR,
	INVALLR,
	KINDS
};

/* The one that is under way, of vCPU `by`. */
struct command {
	bool busy, written;
	enum kind kind;
	unsigned by, device, pair, lpi, icid, vcpu, to;
	unsigned crossed; /* messages that it may have been before, if it is a CLEAR */
};

struct guest {
	struct view now, next; /* before and after the command */
	struct lpi lpi[LPIS];
	struct command command;
	uint64_t cwriter;
};

enum running { READY, LOADING, RUNNING, PUTTING, LOOKING, BLOCKED };

struct vcpu {
	enum running state;
	bool blocks, woken, kicked, restore;
	bool inside; /* its guest runs */
	unsigned cpu;
	struct vgic_cpu *handle;
	struct gic_cpuif image;
	struct cpuif hw;
};

/* What a device is to the host. */
struct device {
	bool held, has;     /* by `quiet`; it would like to signal */
	bool masked, named; /* it is silent; vits_forward() */
	bool due;           /* what is on its way is of this life of the guest's */
	bool changes; /* on its way to software, not held: one too many may come when it is there */
	unsigned route, lpi; /* lpi: the physical one */
};

struct trial {
	const char *name;
	unsigned minor, itss;
	bool vmovp, holds, lates, discards, invlpir;
	unsigned slow;
};

/* check.c */
extern const struct trial *trial;
extern bool events;      /* there are messages and commands */
extern unsigned alarmed; /* vCPUs that a timer wakes now and then; the others only an LPI */
extern const char *const command_names[KINDS];
extern unsigned depth; /* 1: in the middle of a function */
extern uint64_t taken, direct, woken, resets, restores, renames, done[KINDS];

uint32_t below(uint32_t n);
_Noreturn void fail(const char *what, unsigned n, unsigned k);
void tell(const char *what, unsigned n, unsigned k); /* DIRECT_TRACE=1 */

/* expected.c */
extern struct guest guest;

unsigned pair_of_lpi(unsigned lpi);
int delivers(const struct view *view, unsigned p, unsigned *vcpu);
unsigned in_flight(unsigned p);
void sent(unsigned p, bool must);
void came(unsigned vcpu, unsigned intid);
void begin(void);
void end(void);

/* guest.c */
extern struct vcpu vcpus[VCPUS];
extern uint8_t ram[RAM_SIZE];

uint8_t *property(unsigned lpi);
bool guest_takes(unsigned n); /* without asking anybody */
void vcpu_step(unsigned n);
void stop_running(struct vcpu *vcpu, bool blocks);
void boot(void); /* as drivers set things up; no vCPU is loaded */

/* host.c */
extern const struct gicv4_hooks gicv4_hooks;
extern const struct vgic_port vgic_hooks;
extern const struct vits_port vits_hooks;
extern bool quiesced;         /* devices and handlers are silent */
extern int handling[G4_CPUS]; /* the LPI whose handler runs; -1 */
extern unsigned pair_of_route[ROUTES];
extern struct device devices[PAIRS];

unsigned its_of(unsigned p);
void device_event(void);
void physical_step(void);
void time_passes(unsigned *turns); /* hardware goes on; not for ever */
void settle(void);

/* whole.c */
extern struct g4 g;
extern struct gicv4_machine machine;
extern struct gicv4 *v4;
extern struct vgic *vgic;
extern struct vits *vits;
extern bool pta;

void host_step(void);   /* routes come and go */
bool is_renaming(void); /* a route is to become another one */
void save(void);
void restore(void); /* what was saved last, if anything */
void reset(void);
void make_machine(void);
void free_machine(void);

#endif
