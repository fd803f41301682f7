/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * A list register's fields, as ICH_LR<n>_EL2 has them (IHI 0069 12.5) and as GICH_LR<n> does, and what
 * lr.c and ends.c share.
 */
#ifndef CARILLON_VGIC_LR_H
#define CARILLON_VGIC_LR_H

#include "internal.h"

#define LR_PENDING        (1ull << 62)
#define LR_ACTIVE         (1ull << 63)
#define LR_HW             (1ull << 61)
#define LR_GROUP1         (1ull << 60)
#define LR_EOI            (1ull << 41) /* HW = 0: maintenance interrupt at the end of interrupt */
#define LR_PRIORITY_SHIFT 48
#define LR_PINTID_SHIFT   32

/* GICH_LR<n> (IHI 0048 5.3): the same fields elsewhere; bit 41 is bit 19 there. */
#define GICH_STATE_SHIFT    28 /* HW, group, active, pending, from bit 31 down */
#define GICH_PRIORITY_SHIFT 23 /* its upper 5 bits */
#define GICH_PINTID_SHIFT   10
#define LR_CPUID_SHIFT      32 /* of a GICv2's SGI; an EOI request goes with it */

static inline uint64_t gich_of(uint64_t lr)
{
	uint64_t state = lr >> 60;

	return ((state & 3) << 2 | state >> 2) << GICH_STATE_SHIFT |
	       (lr >> (LR_PRIORITY_SHIFT + 3) & 0x1f) << GICH_PRIORITY_SHIFT |
	       (lr >> LR_PINTID_SHIFT & 0x3ff) << GICH_PINTID_SHIFT | (lr & 0x3ff);
}

/* A list register of the image, as ICH_LR<n>_EL2 has it. */
static inline uint64_t lr_of(const struct vgic *vgic, uint64_t lr)
{
	uint64_t state = lr >> GICH_STATE_SHIFT & 15;

	if (!IS_V2(vgic))
		return lr;
	return (state & 3) << 62 | (state >> 2) << 60 |
	       (lr >> GICH_PRIORITY_SHIFT & 0x1f) << (LR_PRIORITY_SHIFT + 3) |
	       (lr >> GICH_PINTID_SHIFT & 0x3ff) << LR_PINTID_SHIFT | (lr & 0x3ff);
}

/* Was it acknowledged since it went into the list register? Active and pending then, a second time. */
static inline bool is_fresh(const struct vgic *vgic, const struct slot *slot, uint64_t lr)
{
	if (!(slot->was & W_ACTIVE))
		return true;
	return (lr_of(vgic, slot->lr) & LR_PENDING) && !(lr & LR_PENDING);
}

/*
 * What the active priorities say about who runs: acknowledged, and its priority not dropped. All in
 * preemption levels.
 */
struct running {
	bool known;            /* else the rest is not, and nothing was dropped */
	struct levels active;  /* set active priority bits */
	struct levels claimed; /* of every interrupt that may be one of them */
	struct levels fresh;   /* of those acknowledged since the list registers were filled */
};

/* ends.c */
void who_runs(struct vgic_vcpu *vcpu, const struct gic_cpuif *image, struct running *running);
bool lr_dropped(const struct vgic_vcpu *vcpu, unsigned n, uint64_t lr,
		const struct running *running);
void replay_ends(struct vgic_vcpu *vcpu, unsigned ends, bool ends_first,
		 const struct running *running);

#endif
