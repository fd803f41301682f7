/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The private structures of the virtual GIC, who may touch which field, and what its files call
 * of each other.
 */
#ifndef CARILLON_VGIC_INTERNAL_H
#define CARILLON_VGIC_INTERNAL_H

#include <carillon/vgic.h>

#include "../core/atomic.h"
#include "../core/lock.h"
#include "word.h"

#define SGIS             16u
#define PRIVATE_IRQS     32u /* SGIs and PPIs of a vCPU; its extended PPIs follow */
#define MAX_PRIVATE_IRQS (PRIVATE_IRQS + VGIC_MAX_EPPIS)
#define EPPI_BASE        1056u /* INTIDs */
#define ESPI_BASE        4096u

/* In which of its holder's structures an interrupt is. The holder's. */
enum place {
	PLACE_NONE,
	PLACE_PENDING0, /* pending[0] */
	PLACE_PENDING1,
	PLACE_ACTIVE,
	PLACE_LR,
};

#define NO_VCPU 0xffffu /* in what is for others to read: nobody */

/* An interrupt as an offset from the vgic, 0 for none: half a pointer, 32 bytes an interrupt. */
typedef uint32_t link_t;

/* What has become of GICR_CTLR.EnableLPIs: lpi.c. */
enum lpi_phase {
	LPIS_OFF,
	LPIS_FORGETTING, /* being set: what was left over */
	LPIS_LOADING,    /* the pending table */
	LPIS_ON,
	LPIS_WITHDRAWING, /* being cleared: from list registers and queues */
	LPIS_STORING,     /* to the pending table */
};

struct vgic_irq {
	uint64_t word;         /* atomic */
	uint64_t route;        /* atomic: IROUTER or ITARGETSR as written (SPIs); ROUTE_ below */
	link_t next;           /* inbox: of whoever set W_QUEUED, then of the drainer */
	link_t q_next, q_prev; /* queue: the holder's */
	uint16_t hwirq;        /* atomic: physical INTID, 0 for none, and HWIRQ_LEVEL */
	uint8_t place;         /* enum place: the holder's */
	uint8_t bucket;        /* in which of the queue's buckets, or list register: the holder's */
};

#define HWIRQ_LEVEL 0x8000u

_Static_assert(sizeof(struct vgic_irq) == 32, "32 bytes an interrupt");

/*
 * Interrupts by priority: insert, remove and best in O(1). `heads` has one circular list for every
 * priority level; `summary` says which of them are not empty. Under the vCPU's lock.
 */
struct queue {
	uint64_t summary[4];
	uint32_t count;
	link_t *heads;
};

/* A set of preemption levels, 0 the best. */
#define LEVELS 128u /* none */

struct levels {
	uint64_t bits[2];
};

static inline void levels_add(struct levels *set, unsigned level)
{
	set->bits[level / 64] |= 1ull << level % 64;
}

static inline void levels_remove(struct levels *set, unsigned level)
{
	set->bits[level / 64] &= ~(1ull << level % 64);
}

static inline bool levels_has(const struct levels *set, unsigned level)
{
	return set->bits[level / 64] >> level % 64 & 1;
}

/* The best one that is not better than `from`. */
static inline unsigned levels_best_from(const struct levels *set, unsigned from)
{
	for (unsigned i = from / 64; i < 2; i++) {
		uint64_t bits = set->bits[i];

		if (i == from / 64)
			bits &= ~0ull << from % 64;
		if (bits)
			return 64 * i + (unsigned)__builtin_ctzll(bits);
	}
	return LEVELS;
}

static inline unsigned levels_best(const struct levels *set)
{
	return levels_best_from(set, 0);
}

/* The worst one that is not worse than `level`. */
static inline unsigned levels_up_to(const struct levels *set, unsigned level)
{
	uint64_t bits = set->bits[level / 64] & ~0ull >> (63 - level % 64);

	if (bits)
		return 64 * (level / 64) + 63 - (unsigned)__builtin_clzll(bits);
	if (level < 64 || !set->bits[0])
		return LEVELS;
	return 63 - (unsigned)__builtin_clzll(set->bits[0]);
}

/*
 * What a list register in use holds: the interrupt; what its word had when it went in (LATCH and
 * LINE only if they went in with it); and the word that it has when, with nothing else changed, the
 * same is raised again, 0 if that would not do for the same register. The owner's.
 */
struct slot {
	struct vgic_irq *irq;
	uint64_t was;
	uint64_t again;
	uint64_t lr;         /* the list register as it was written */
	uint64_t *statistic; /* what counts it */
};

/* Where a vCPU is. Written by its owner, read by raisers. */
enum mode {
	MODE_PUT,     /* not loaded: its lock may be taken by anyone */
	MODE_OUTSIDE, /* will pass through enter before it runs */
	MODE_RUNNING, /* has passed: only a kick makes it look again */
	MODE_BLOCKED, /* sleeps */
};

/* vgic_cpu.resettle */
#define RESETTLE_MAINTENANCE 1u /* vgic_maintenance() was called */
#define RESETTLE_COUNTED     2u /* GICD_CTLR.RWP waits for it */
#define RESETTLE_ENTER       4u /* exit was called: enter has to be, before the guest runs */
#define RESETTLE             8u /* look again at everything */

struct vgic_vcpu {
	struct vgic_cpu cpu; /* first: the public handle */
	uint32_t mode;       /* atomic: enum mode */
	struct lock lock;
	struct vgic *vgic;
	struct vgic_irq *private; /* its SGIs and PPIs: vgic->privates of them */
	uint16_t index;
	bool asleep; /* atomic: GICR_WAKER.ProcessorSleep */

	/* The owner's while loaded, else under the lock. */
	struct queue pending[2]; /* enabled, pending, for here; by group; by priority */
	struct queue active;  /* active here, not in a list register; by priority at acknowledge */
	struct levels ghosts; /* preemption levels that still wait for the end of an interrupt */
	/* whose active state was cleared before its priority was dropped */
	struct slot slots[VGIC_MAX_LRS];
	uint32_t live;      /* list registers in use */
	uint32_t soft;      /* without the HW bit: the end is ours to pass on */
	uint32_t watched;   /* those whose end has to be seen: maintenance, soft */
	uint32_t unknown;   /* list registers that do not hold what the image says */
	uint32_t loud;      /* not in use since the last exit, and may signal something */
	uint32_t odd;       /* not 0: no refill; see vgic_refill() */
	uint32_t hw_hcr;    /* ICH_HCR_EL2 as hardware has it */
	uint32_t plain_hcr; /* the same with nothing outside the list registers */
	uint32_t groups;    /* that the distributor forwards, as of the last enter */
	unsigned limit;     /* nothing worse than this level may go in as pending: limit_to() */
	uint32_t limiting;  /* what of ICH_HCR_EL2 tells that there will be a limit */
	uint32_t vmcr;      /* as last seen */
	uint32_t ap0r[4], ap1r[4];
	link_t forward; /* settled, and another vCPU's: a list to be posted with no lock held */
	link_t stash;   /* taken from the inbox, not settled yet: a list */
	struct gic_cpuif *image; /* the embedder's, while loaded */

	/* dir.c: the owner's, runs_free atomic */
	bool sharing, runs_free;
	uint8_t lonely;

	/* A register access that waits for other vCPUs' list registers. The owner's. */
	uint32_t wait_key;  /* which access; 0: none */
	uint32_t wait_mask; /* which of its interrupts */

	uint32_t mapped[MAX_PRIVATE_IRQS / 32]; /* atomic: private ones with a physical interrupt */

	uint32_t rwp;            /* atomic: GICR_CTLR.RWP: withdrawals under way */
	struct vgic_stats stats; /* atomic, relaxed */
	/* atomic: two interrupts, all of `mapped` among them; the first one NULL: there are more */
	const struct vgic_irq *mapped_two[2];

	/* lpi.c: atomic, but for the lock and what changes under it */
	uint64_t *noted, *noted_summary; /* LPIs of which something is known here: a bit each */
	uint64_t propbaser, pendbaser;
	uint32_t lpi_limit;   /* how many come in, and are delivered; EnableLPIs is 0: none */
	uint8_t lpi_phase;    /* enum lpi_phase */
	struct lock lpi_lock; /* for the next two, and the phase */
	uint32_t lpi_cursor;

	/* A GICR_INVALLR under way: whose, and how far. The owner's. */
	uint32_t invall_cursor;
	uint16_t invall_of;
} __attribute__((aligned(64)));

struct vgic {
	struct vgic_config config;
	struct vgic_port port;
	void *host;
	struct vgic_irq *irqs; /* `privates` for each vCPU, then the SPIs, then the extended SPIs */
	struct vgic_irq *shared; /* the first SPI */
	struct vgic_irq *lpis;   /* the first LPI, or where it would be */
	uint32_t lpi_count;
	uint32_t lpi_rwp; /* atomic: LPIs that are being withdrawn from their holders */
	uint32_t privates;
	uint8_t priority_mask; /* bits of a priority that there are */
	/* dir.c; all atomic */
	uint32_t sharers, free_runners;
	bool dir_used, by_hand;
	uint32_t typer;    /* GICD_TYPER */
	uint32_t diverted; /* atomic: how many interrupts are */
	bool v2;
	struct vgic_vcpu *vcpus;
	uint32_t groups; /* atomic: GICD_CTLR.EnableGrp1:EnableGrp0 */
	uint32_t rwp;    /* atomic: GICD_CTLR.RWP: withdrawals under way */
};

/* An embedder may build the library for one version alone, e.g. with -DVGIC_ONLY=3. */
#ifdef VGIC_ONLY
#define IS_V2(vgic) ((void)(vgic), VGIC_ONLY == VGIC_V2)
#else
#define IS_V2(vgic) ((vgic)->v2)
#endif

static inline struct vgic_vcpu *vcpu_of(struct vgic_cpu *cpu)
{
	return (struct vgic_vcpu *)cpu;
}

static inline unsigned level_of(const struct vgic *vgic, unsigned priority)
{
	return priority >> (8 - vgic->config.priority_bits);
}

/* Groups that the distributor forwards to this vCPU: bit 0, bit 1. */
static inline unsigned vcpu_groups(const struct vgic_vcpu *vcpu)
{
	return load_relaxed(&vcpu->asleep) ? 0 : load_relaxed(&vcpu->vgic->groups);
}

/* Active, and the end of interrupt is still to come that drops its priority. */
static inline bool word_runs(uint64_t w)
{
	return !(w & W_DROPPED) && word_ack(w) != ACK_BY_HAND;
}

/* And for hosts with list registers alone, with -DVGIC_LRS_ONLY. */
#ifdef VGIC_LRS_ONLY
#define HAS_LRS(vgic) ((void)(vgic), 1)
#else
#define HAS_LRS(vgic) ((vgic)->config.lrs != 0)
#endif

/* ICH_VMCR_EL2, GICH_VMCR. */
#define VMCR_VENG0       (1u << 0)
#define VMCR_VENG1       (1u << 1)
#define VMCR_VACKCTL     (1u << 2)
#define VMCR_VFIQEN      (1u << 3)
#define VMCR_VCBPR       (1u << 4)
#define VMCR_VEOIM       (1u << 9)
#define VMCR_VBPR1(v)    ((v) >> 18 & 7)
#define VMCR_VBPR0(v)    ((v) >> 21 & 7)
#define VMCR_VBPR1_SHIFT 18
#define VMCR_VBPR0_SHIFT 21
#define VMCR_VPMR(v)     ((v) >> 24)
#define VMCR_VPMR_SHIFT  24

/* The part of a priority that decides about preemption: above the binary point. IHI 0069 4.8.3. */
static inline unsigned group_priority(uint32_t vmcr, unsigned group, unsigned priority)
{
	unsigned shift = group == 0 || (vmcr & VMCR_VCBPR) ? VMCR_VBPR0(vmcr) + 1
							   : VMCR_VBPR1(vmcr);

	return priority & ~0u << shift;
}

/* Which active priority bit it gets that is acknowledged now. */
static inline unsigned preemption_level(const struct vgic_vcpu *vcpu, unsigned group,
					unsigned priority)
{
	return group_priority(vcpu->vmcr, group, priority) >>
	       (8 - vcpu->vgic->config.preemption_bits);
}

/* In the queue of actives: those that no end of interrupt will come for are behind all others. */
static inline unsigned active_level(const struct vgic *vgic, uint64_t w)
{
	unsigned levels = 1u << vgic->config.priority_bits;

	if (word_runs(w))
		return level_of(vgic, word_ack(w));
	return levels < 256 ? levels : 255; /* with 8 bits, nothing is acknowledged at 0xff */
}

static inline bool irq_is_private(const struct vgic *vgic, const struct vgic_irq *irq)
{
	return irq < vgic->shared;
}

static inline bool irq_is_lpi(const struct vgic *vgic, const struct vgic_irq *irq)
{
	return !IS_V2(vgic) && irq >= vgic->lpis;
}

/* Has this LPI's configuration to be read, and by this vCPU? */
static inline bool lpi_is_unknown(const struct vgic_vcpu *vcpu, uint64_t w)
{
	return (w & W_CONFIG) && word_target(w) == vcpu->index;
}

/* For masks of what has to be clear: no LPI is to be taken whose configuration is not known. */
static inline uint64_t unknown_config(const struct vgic *vgic)
{
	return IS_V2(vgic) ? 0 : W_CONFIG;
}

#define IROUTER_IRM       (1ull << 31)
#define IROUTER_BITS      (0xffull << 32 | IROUTER_IRM | 0xffffffu)
#define ROUTE_INTID_SHIFT 40           /* IROUTER ends at bit 39; 22 bits */
#define ROUTE_SOFT        (1ull << 62) /* mapped, and never deactivated by a list register */
#define ROUTE_NOTIFY      (1ull << 63) /* port->ended wants to know of its end */

/* As the guest wrote it. */
static inline uint64_t route_written(uint64_t route)
{
	return route & ((1ull << ROUTE_INTID_SHIFT) - 1);
}

static inline virq_t route_intid(uint64_t route)
{
	return (virq_t)(route >> ROUTE_INTID_SHIFT) & 0x3fffff;
}

static inline virq_t irq_intid(const struct vgic_irq *irq)
{
	return route_intid(load_relaxed(&irq->route));
}

/* The interrupt with this INTID, private ones of vCPU `vcpu`, which exists; NULL: there is none. */
static inline struct vgic_irq *irq_of(const struct vgic *vgic, unsigned vcpu, virq_t virq)
{
	if (virq < PRIVATE_IRQS)
		return &vgic->vcpus[vcpu].private[virq];
	if (virq - PRIVATE_IRQS < vgic->config.spis)
		return &vgic->shared[virq - PRIVATE_IRQS];
	if (virq >= ESPI_BASE && virq - ESPI_BASE < vgic->config.espis)
		return &vgic->shared[vgic->config.spis + (virq - ESPI_BASE)];
	if (virq >= EPPI_BASE && virq - EPPI_BASE < vgic->config.eppis)
		return &vgic->vcpus[vcpu].private[PRIVATE_IRQS + (virq - EPPI_BASE)];
	return NULL;
}

/* An SGI of a GICv2: it has sources, each of which is delivered on its own. */
static inline bool irq_has_sources(const struct vgic *vgic, const struct vgic_irq *irq)
{
	return IS_V2(vgic) && irq_intid(irq) < SGIS;
}

static inline struct vgic_irq *irq_at(const struct vgic *vgic, link_t link)
{
	return (struct vgic_irq *)((uintptr_t)vgic + link);
}

static inline link_t link_to(const struct vgic *vgic, const struct vgic_irq *irq)
{
	return (link_t)((uintptr_t)irq - (uintptr_t)vgic);
}

static inline uint64_t word_load(const struct vgic_irq *irq)
{
	return load_relaxed(&irq->word);
}

/*
 * acq_rel: what a source wrote before it raised is visible to who takes the interrupt, through
 * however many CPUs change the word in between. Partner: every other word_cas().
 */
static inline bool word_cas(struct vgic_irq *irq, uint64_t *expected, uint64_t desired)
{
	return __atomic_compare_exchange_n(&irq->word, expected, desired, true, __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED);
}

static inline unsigned irq_hwirq(const struct vgic_irq *irq)
{
	return load_relaxed(&irq->hwirq);
}

static inline struct hwirq hwirq_of(const struct vgic_irq *irq)
{
	return (struct hwirq){ (uint16_t)(irq_hwirq(irq) & ~HWIRQ_LEVEL) };
}

static inline void count(uint64_t *statistic)
{
	store_relaxed(statistic, load_relaxed(statistic) + 1);
}

/*
 * Does its holder's hardware know more about this interrupt than the word? While the guest runs,
 * that is so for what is in a list register, and for actives outside: their end is only counted.
 */
static inline bool word_live(const struct vgic *vgic, uint64_t w)
{
	if (!(w & (W_IN_LR | W_ACTIVE)))
		return false;
	if (w & W_IN_LR)
		return true;
	/* acquire: if it is not running, the word that is loaded next has the truth; vgic_exit() */
	return (w & W_HELD) &&
	       __atomic_load_n(&vgic->vcpus[word_holder(w)].mode, __ATOMIC_ACQUIRE) == MODE_RUNNING;
}

/* What counts the deliveries of an interrupt. */
static inline uint64_t *statistic_of(struct vgic_vcpu *vcpu, const struct vgic_irq *irq,
				     virq_t virq)
{
	return &vcpu->stats.sgis + (virq >= SGIS) + !irq_is_private(vcpu->vgic, irq) +
	       (virq >= VGIC_LPI_BASE);
}

/* queue.c */
void queue_insert(struct vgic *vgic, struct queue *queue, struct vgic_irq *irq, unsigned level,
		  bool front);
void queue_remove(struct vgic *vgic, struct queue *queue, struct vgic_irq *irq);
#define QUEUE_EMPTY 256u
unsigned queue_level(const struct queue *queue);
struct vgic_irq *queue_pop(struct vgic *vgic, struct queue *queue, unsigned level);
struct vgic_irq *queue_best(const struct vgic *vgic, const struct queue *queue);

/* Interrupts that a vCPU raised for itself: its own list, no atomics. */
static inline void own_push(struct vgic_vcpu *self, struct vgic_irq *irq)
{
	irq->next = self->cpu.own;
	self->cpu.own = link_to(self->vgic, irq);
}

/* settle.c */
bool vcpu_is_put(const struct vgic_vcpu *vcpu);
link_t serve_unloaded(struct vgic_vcpu *vcpu, link_t list);
void vcpu_resettled(struct vgic_vcpu *vcpu, uint32_t next);
void irqs_post(struct vgic *vgic, struct vgic_vcpu *self, link_t list);
void vcpu_unlock(struct vgic_vcpu *vcpu, link_t list);
void vcpu_kick(struct vgic_vcpu *vcpu);
void vcpu_uncount(struct vgic_vcpu *vcpu);
void vcpu_resettle(struct vgic_vcpu *vcpu, struct vgic_vcpu *self);
void vcpu_drain(struct vgic_vcpu *vcpu);
link_t vcpu_take_forwards(struct vgic_vcpu *vcpu);

/* Why an interrupt is settled. */
enum settle_why {
	FROM_INBOX, /* something about it changed */
	FROM_LR,    /* its list register is folded */
	FROM_EOI,   /* the guest ended it, without a list register */
	FROM_OWNER, /* its holder looks at it, queued or not */
};

/* What a list register said about its interrupt. */
struct folded {
	bool active;
	bool was_active; /* it went in as active */
	bool dropped;    /* active, and its priority was dropped */
	bool latch;      /* still pending, and that came from the latch */
	bool line;       /* still pending, mapped, and the physical line is high */
	uint64_t source; /* of a GICv2's SGI, with latch: its bit of W_SOURCES */
	bool group1;     /* group and priority that it was acknowledged with, if active */
	uint8_t ack;
};

void irq_settle(struct vgic_vcpu *vcpu, struct vgic_irq *irq, enum settle_why why,
		const struct folded *folded);
bool irq_sync(struct vgic *vgic, struct vgic_vcpu *self, struct vgic_irq *irq, uint64_t requests);
bool physical_line(struct vgic_vcpu *vcpu, struct vgic_irq *irq);
bool physical_lower(struct vgic_vcpu *vcpu, struct vgic_irq *irq);
bool physical_due(const struct vgic_irq *irq, uint64_t w);
bool physical_waits(const struct vgic_irq *irq, uint64_t w);
void physical_hold(struct vgic_vcpu *vcpu, struct vgic_irq *irq);
void physical_release(struct vgic_vcpu *vcpu, struct vgic_irq *irq);

/*
 * W_QUEUED was set by the caller. `w` is the word with it. A vCPU looks at its own list before it
 * runs its guest, as at its inbox.
 */
static inline void irq_post(struct vgic *vgic, struct vgic_vcpu *self, struct vgic_irq *irq,
			    uint64_t w)
{
	if (self && word_looker(w) == self->index) {
		own_push(self, irq);
		return;
	}
	irq->next = 0;
	irqs_post(vgic, self, link_to(vgic, irq));
}

/*
 * The one way in which anybody but the holder changes a word. Returns the word before. Every call
 * writes the word, also one that changes nothing, so that what its caller wrote before is seen by
 * whoever takes the interrupt afterwards.
 */
static inline uint64_t irq_change(struct vgic *vgic, struct vgic_vcpu *self, struct vgic_irq *irq,
				  uint64_t clear, uint64_t set)
{
	uint64_t old = word_load(irq), now;

	do {
		now = (old & ~clear) | set;
		if (now != old && word_needs_look(now))
			now |= W_QUEUED;
	} while (!word_cas(irq, &old, now));
	if ((now & ~old) & W_QUEUED)
		irq_post(vgic, self, irq, now);
	return old;
}

void irq_ended(struct vgic_vcpu *vcpu, struct vgic_irq *irq);

/* The guest dropped the priority of what is in the queue of actives: only a deactivation is to come. */
static inline void irq_dropped(struct vgic_vcpu *vcpu, struct vgic_irq *irq)
{
	struct vgic *vgic = vcpu->vgic;
	uint64_t old = word_load(irq);

	queue_remove(vgic, &vcpu->active, irq);
	while (!word_cas(irq, &old, old | W_DROPPED))
		;
	queue_insert(vgic, &vcpu->active, irq, active_level(vgic, old | W_DROPPED), false);
}

/* An access to a register. frames.c finds the register, access.c has those made of bits. */
struct access {
	struct vgic *vgic;
	struct vgic_vcpu *self;  /* who accesses */
	struct vgic_vcpu *owner; /* whose redistributor; NULL for the distributor */
	struct vgic_irq *irqs;   /* the first interrupt that it touches */
	unsigned n;              /* how many; 0 if there are none */
	unsigned bytes;
	uint32_t offset; /* in the frame */
};

typedef enum vgic_result read_fn(struct access *access, uint64_t *value);
typedef enum vgic_result write_fn(struct access *access, uint64_t value);

read_fn read_group, read_enable, read_pending, read_active, read_priority, read_config;
write_fn write_group, write_senable, write_cenable, write_spend, write_cpend, write_sactive,
	write_cactive, write_priority, write_config;
bool own_live(struct access *access, uint32_t bits);
enum vgic_result settle_truth(struct access *access, uint32_t wanted);
enum vgic_result clear_state(struct access *access, uint32_t bits, uint64_t state, uint64_t request,
			     uint64_t physical, uint64_t only);

/* divert.c */
void irq_diverted(struct vgic *vgic, struct vgic_vcpu *self, struct vgic_irq *irq, bool post);

/* source.c */
void line_falls(struct vgic *vgic, struct vgic_vcpu *self, struct vgic_irq *irq);

/* lpi.c */
struct lpis_state {
	uint32_t ctlr;
	uint64_t propbaser, pendbaser;
};

read_fn read_gicr_lpi;
write_fn write_gicr_lpi;
uint64_t lpi_configure(struct vgic_vcpu *vcpu, struct vgic_irq *irq);
uint32_t lpi_words(const struct vgic *vgic);
size_t lpi_notes_size(uint32_t lpis);
void lpis_reset(struct vgic *vgic);
enum vgic_result lpis_switch(struct vgic_vcpu *vcpu, struct vgic_vcpu *self, bool on);
uint64_t lpi_base_read(const struct vgic_vcpu *owner, uint32_t offset);
enum vgic_result lpi_base_write(struct vgic_vcpu *owner, uint32_t offset, uint64_t mask,
				uint64_t value);
const char *lpis_check(const struct lpis_state *state);
struct lpis_state lpis_save(struct vgic_vcpu *vcpu);
void lpis_restore(struct vgic_vcpu *vcpu, const struct lpis_state *state);

#define GICR_PROPBASER 0x70u
#define GICR_PENDBASER 0x78u

/* frames.c */
#define GIC_IIDR 0x0400043bu /* implementer Arm (0x43b), product 4: "Carillon", revision 0 */
uint32_t gicd_typer(const struct vgic *vgic);
void set_groups(struct access *access, uint32_t groups);
void set_route(struct access *access, struct vgic_irq *irq, uint64_t mask, uint64_t value);

/* v2.c: what only a GICv2 has. */
read_fn read_v2_control, read_targets, read_sgi_pending, read_v2_enable;
write_fn write_v2_control, write_targets, write_sgi_control;
unsigned v2_target(uint64_t route);

/* signal.c */
struct offer {
	struct vgic_irq *irq; /* NULL: nothing */
	unsigned group, priority;
};

unsigned vcpu_running_priority(const struct vgic_vcpu *vcpu);
struct offer vcpu_best(const struct vgic_vcpu *vcpu);
struct offer vcpu_signalled(const struct vgic_vcpu *vcpu);

/* soft.c */
unsigned bpr_minimum(const struct vgic_vcpu *vcpu, unsigned group);
void soft_reset(struct vgic_vcpu *vcpu);
void soft_enter(struct vgic_vcpu *vcpu);
void soft_look(struct vgic_vcpu *vcpu);
virq_t soft_acknowledge(struct vgic_vcpu *vcpu, unsigned groups);
virq_t soft_highest(struct vgic_vcpu *vcpu, unsigned groups);
void soft_end(struct vgic_vcpu *vcpu, virq_t virq, unsigned cpuid);
void soft_set_bpr(struct vgic_vcpu *vcpu, unsigned group, uint64_t value);
void soft_set_pmr(struct vgic_vcpu *vcpu, uint64_t value);
void soft_set_bits(struct vgic_vcpu *vcpu, uint32_t mask, uint32_t value);
enum vgic_result soft_sysreg_read(struct vgic_vcpu *vcpu, uint32_t reg, uint64_t *value);
enum vgic_result soft_sysreg_write(struct vgic_vcpu *vcpu, uint32_t reg, uint64_t value);

/* dir.c */
void dir_noticed(struct vgic_vcpu *vcpu);
void dir_trapped(struct vgic_vcpu *vcpu);
bool dir_settle(struct vgic_vcpu *vcpu);
void dir_left(struct vgic_vcpu *vcpu);
void dir_said(struct vgic_vcpu *vcpu);
bool dir_by_hand(struct vgic *vgic);
void dir_reset(struct vgic *vgic);

/* vgic.c */
void vcpu_clear(struct vgic_vcpu *vcpu);
void reset_all(struct vgic *vgic);
unsigned irq_count(const struct vgic *vgic);

/* whole.c */
bool any_loaded(const struct vgic *vgic);
void settle_all(struct vgic *vgic);
void shared_physical(struct vgic *vgic);

/* sysreg.c */
enum vgic_result irq_deactivate(struct vgic_vcpu *self, virq_t virq, unsigned cpuid);

#endif
