/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * A naive GICv3, straight from Arm IHI 0069: one Security state (GICD_CTLR.DS = 1), affinity routing
 * always on, SGIs, PPIs and SPIs, the extended ones too, no LPIs. And a naive GICv2, from Arm IHI
 * 0048: no Security Extensions, both groups. A plain struct per interrupt and loops over everything.
 *
 * A real GIC is asynchronous, and so is a virtual one: what another CPU changes reaches a running
 * vCPU after a while. Where that leaves more than one answer, the model says MAYBE; docs of each
 * MAYBE and of the choices the architecture leaves open: the table in model.c.
 */
#ifndef TESTS_MODEL_MODEL_H
#define TESTS_MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODEL_VCPUS   8
#define MODEL_PRIVATE 96 /* SGIs, PPIs, extended PPIs */
#define MODEL_SPIS    988
#define MODEL_ESPIS   1024
#define MODEL_NOBODY  (-1)

#define MODEL_EPPI 1056u /* the first extended PPI */
#define MODEL_ESPI 4096u /* the first extended SPI */

enum maybe { NO, YES, MAYBE };

struct model_config {
	unsigned version; /* 2, 3 */
	unsigned vcpus, spis, espis, eppis, priority_bits, preemption_bits, cluster_bits;
	unsigned region_redists;
};

/* The physical interrupt behind a mapped one, as the fake physical GIC and its device have it. */
struct model_wire {
	bool level; /* level-sensitive */
	bool soft;  /* a list register cannot deactivate it */
	bool line, latch, active;
	bool absent; /* private, and its vCPU is not loaded: it is no physical CPU's */
	unsigned intid;
	int route; /* a shared one's: the vCPU that it follows, as the host was told; or MODEL_NOBODY */
};

struct model_irq {
	unsigned intid;
	int owner; /* whose private interrupt it is, or MODEL_NOBODY */
	bool enabled, edge, latch, line, active;
	unsigned group, priority;
	uint64_t route;   /* GICD_IROUTER<n> */
	unsigned targets; /* GICv2: GICD_ITARGETSR<n> */
	/* GICv2, SGIs: who sent it, for whom it may have been acknowledged, when they did; the active one's */
	unsigned sources, sources_unsure, source;
	unsigned long source_raised[MODEL_VCPUS];
	int active_on;           /* the PE whose acknowledge made it active */
	unsigned long touched;   /* when a register write or a deactivation last concerned it */
	unsigned long raised;    /* when a source last made it pending */
	unsigned long regrouped; /* when its group last changed */
	unsigned long withdrawn; /* when RWP = 0 said that its disabling had taken effect */
	unsigned long acked;     /* when it was last acknowledged */
	unsigned ack;            /* with which priority */
	bool dropped;            /* active; its priority was dropped, it waits for ICC_DIR_EL1 */
	/* What concurrency leaves open until somebody looks. */
	bool pending_unsure, active_unsure;
	/* A register write that concerns it is under way; what happened to it meanwhile. */
	unsigned flux;
	bool flux_raised, flux_acted;
	unsigned posted; /* vCPUs whose list register has yet to hear of such a write */
	int ending; /* tolerated: this vCPU's EOI of it has only been counted so far; or MODEL_NOBODY */
	bool mapped, told, misconfigured;
	/* Its ends are to be told: since when; that of the present active state; since the last rest. */
	bool notify;
	unsigned long notify_since, began; /* `began`: pending, after it was not */
	enum maybe end_told;
	unsigned ends, ends_least, ends_most;
	struct model_wire wire;
};

struct model_active {
	unsigned intid, priority, group; /* group priority, as acknowledged */
	unsigned source;                 /* GICv2, SGIs: the CPU that sent it */
	bool aliased; /* GICv2: acknowledged in GICV_AIAR, to be ended in GICV_AEOIR */
	unsigned long acked;
};

struct model_pe {
	unsigned pmr, bpr[2];
	bool cbpr, eoimode, grpen[2];
	bool ackctl, fiqen;             /* GICv2 */
	struct model_active stack[256]; /* acknowledged and not ended, oldest first */
	unsigned depth;
	bool asleep, asleep_known; /* GICR_WAKER.ProcessorSleep */
	bool loaded;
	/*
	 * If `unsettled`, somebody has asked this vCPU for something, and it has not looked yet.
	 */
	bool unsettled;
	unsigned long entered, folded; /* `folded`: out of its guest; vgic_refill() is not */
	/* Everything as it stood when the guest was last entered: what its list registers show. */
	struct model_irq *seen_priv, *seen_shared;
	bool seen_grp[2], seen_grpen[2], seen_eoimode;
	bool seen_flux;
};

struct model {
	struct model_config config;
	unsigned long now;
	bool grp[2];              /* GICD_CTLR.EnableGrp<n> */
	unsigned long grp_off[2]; /* when it was last cleared */
	unsigned ctlr_flux;       /* writes of GICD_CTLR under way */
	struct model_pe pe[MODEL_VCPUS];
	/* From here on: as many as there are. */
	struct model_irq priv[MODEL_VCPUS][MODEL_PRIVATE];
	struct model_irq shared[MODEL_SPIS + MODEL_ESPIS]; /* SPIs, then extended ones */
	struct model_irq seen_priv[MODEL_VCPUS][MODEL_PRIVATE];
	struct model_irq seen_shared[MODEL_VCPUS][MODEL_SPIS + MODEL_ESPIS];
};

enum model_region { MODEL_DIST, MODEL_REDIST };

/* A register access of `bytes` at `offset` of a region, by vCPU `cpu`. */
struct model_at {
	enum model_region region;
	unsigned cpu, offset, bytes;
};

/* A register's value, and the bits of it that may be either. */
struct model_bits {
	uint64_t value, unsure;
};

void model_init(struct model *m, const struct model_config *config);
/* Power-on, nobody loaded; mappings and whose ends are to be told stay. */
void model_reset(struct model *m);
/* As it was when it was saved (nobody was loaded); what is not state of the guest stays, too. */
void model_save(struct model *to, const struct model *m);
void model_restore(struct model *m, const struct model *saved);
struct model_irq *model_irq(struct model *m, unsigned vcpu, unsigned intid);
bool model_is_private(const struct model_irq *irq);
unsigned model_private_count(const struct model *m);
unsigned model_shared_count(const struct model *m);
uint64_t model_affinity(const struct model *m, unsigned vcpu); /* laid out as in GICD_IROUTER */

void model_notify(struct model *m, struct model_irq *irq, bool on);
void model_set_line(struct model *m, struct model_irq *irq, bool level);
void model_pulse(struct model *m, struct model_irq *irq);
/* ICC_SGI0R_EL1, ICC_ASGI1R_EL1: group0_only; ICC_SGI1R_EL1: either group. */
void model_sgi(struct model *m, unsigned vcpu, bool group0_only, uint64_t value);
void model_sgi_of_v2(struct model *m, unsigned vcpu, uint32_t value); /* GICD_SGIR */

struct model_bits model_read(struct model *m, struct model_at at);
void model_write(struct model *m, struct model_at at, uint64_t value);
/* The write is accepted but not finished (model_write() will be called): until then, either. */
void model_begin(struct model *m, struct model_at at, uint64_t value);
void model_end(struct model *m, struct model_at at, uint64_t value);
/*
 * The same for a write that is done, of pending or active state, of what `holder`'s list registers
 * (`holds`) have: it takes effect when that vCPU comes out.
 */
void model_post(struct model *m, struct model_at at, uint64_t value, unsigned holder,
		bool (*holds)(void *to, unsigned intid), void *to);
/*
 * A read that began at `since` gave this value: what was to be withdrawn before it could (RWP = 0;
 * GICv2: always), is.
 */
void model_was_read(struct model *m, struct model_at at, uint64_t value, unsigned long since);

enum maybe model_routed(const struct model *m, unsigned vcpu, const struct model_irq *irq);
enum maybe model_pending(const struct model_irq *irq);
/* Is it one that the Distributor or Redistributor forwards to this PE? Without PE's own enables. */
enum maybe model_candidate(const struct model *m, unsigned vcpu, const struct model_irq *irq);
/* Are IRQ or FIQ asserted at this PE? Which of these it may be, in bits: */
#define MODEL_QUIET  1u
#define MODEL_GROUP0 2u
#define MODEL_GROUP1 4u
unsigned model_signals(const struct model *m, unsigned vcpu);

/* An interrupt that a PE presents, or acknowledges: in what register, with what. */
struct model_taken {
	unsigned intid, source, priority, group;
	bool aliased; /* GICv2: GICV_AIAR */
	bool settled; /* the PE has nothing outstanding */
	bool now;     /* not from list registers: it may be newer than the last entry */
};

/*
 * NULL, or why a PE may not have this interrupt (CPUIF_SPURIOUS: none) as its highest priority
 * pending one.
 */
const char *model_check_hppi(struct model *m, unsigned vcpu, const struct model_taken *taken);

/* GICv2: can a pending SGI be that of this CPU? All others are of CPU 0. */
bool model_may_be_from(const struct model *m, const struct model_irq *irq, unsigned source);

/* The PE acknowledged it. NULL, or why that is wrong. */
const char *model_acknowledge(struct model *m, unsigned vcpu, const struct model_taken *taken);
/* Is the end of the last acknowledged interrupt defined? If so, which, and of what group? */
bool model_can_end(struct model *m, unsigned vcpu, struct model_active *which);
/*
 * Is ICC_DIR_EL1 of this one defined? If it is active, its priority was dropped before, or it never
 * had one. It takes effect between begin and end.
 */
bool model_can_deactivate(const struct model_irq *irq);
void model_deactivate_begin(struct model *m, unsigned vcpu, unsigned intid);
void model_deactivate_end(struct model *m, unsigned vcpu, unsigned intid);
void model_end_of_interrupt(struct model *m, unsigned vcpu);
void model_deactivate(struct model *m, unsigned vcpu, unsigned intid);
unsigned model_running(const struct model *m, unsigned vcpu);
unsigned model_group_mask(const struct model *m, unsigned vcpu, unsigned group);
/* As it stood when the guest was last entered. */
const struct model_irq *model_seen_irq(const struct model *m, unsigned vcpu, unsigned intid);
/* Is the highest priority pending one certainly of this group? */
unsigned model_choices(const struct model *m, unsigned vcpu); /* how many may be the best one */
bool model_best_is(const struct model *m, unsigned vcpu, unsigned group);

void model_entered(struct model *m, unsigned vcpu);
void model_served(struct model *m, unsigned vcpu);
void model_cpuif_reset(struct model *m, unsigned vcpu);

#endif
