/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The hardware that the library's list registers are meant for: one PE's virtual CPU interface, the
 * ICH_*_EL2 registers as data and the guest's ICV_* accesses as functions. Follows Arm IHI 0069,
 * chapter 6 (virtual interrupt handling), 12.4 (ICV_*) and 12.5 (ICH_*). No code of the library.
 *
 * And the same of a GICv2, IHI 0048 chapter 5 (GICH_*, GICV_*), which differs in little: the list
 * registers' layout (kept here in that of GICv3, with the CPUID in bits 34:32), one GICH_APR, how
 * the guest acknowledges.
 */
#ifndef TESTS_MODEL_CPUIF_H
#define TESTS_MODEL_CPUIF_H

#include <stdbool.h>
#include <stdint.h>

#define CPUIF_MAX_LRS  16
#define CPUIF_SPURIOUS 1023u
#define CPUIF_GROUP1   1022u /* GICv2: there is one, but of group 1 */
#define CPUIF_IDLE     0xffu

/* ICH_LR<n>_EL2, 12.5.9 */
#define LR_INVALID 0u
#define LR_PENDING 1u
#define LR_ACTIVE  2u
#define LR_BOTH    3u

/* ICH_HCR_EL2, 12.5.4 */
#define HCR_EN           (1u << 0)
#define HCR_UIE          (1u << 1)
#define HCR_LRENPIE      (1u << 2)
#define HCR_NPIE         (1u << 3)
#define HCR_VGRP0EIE     (1u << 4)
#define HCR_VGRP0DIE     (1u << 5)
#define HCR_VGRP1EIE     (1u << 6)
#define HCR_VGRP1DIE     (1u << 7)
#define HCR_TDIR         (1u << 14)
#define HCR_EOICOUNT     (31u << 27)
#define HCR_EOICOUNT_ONE (1u << 27)

/*
 * What implementations may do differently and the library has to live with; a test turns each
 * one on and off.
 */
struct cpuif_manners {
	bool last_wins;  /* equal priorities: the highest-numbered list register, else the lowest */
	bool np_both;    /* MISR.NP: "pending and active" counts as pending */
	bool strict_eoi; /* an EOI deactivates only if group and group priority of the LR fit too */
};

struct cpuif {
	uint64_t lr[CPUIF_MAX_LRS];
	uint32_t hcr, vmcr;
	uint32_t apr[2][4]; /* [group][n]; GICv2: [0][0] is all */
	unsigned version;   /* 2, 3 */
	unsigned lrs, priority_bits, preemption_bits;
	struct cpuif_manners manners;
	/* The physical Distributor's end of a deactivation with HW = 1. */
	void (*deactivate)(void *host, unsigned vcpu, unsigned intid);
	void *host;
	unsigned vcpu;
};

void cpuif_init(struct cpuif *c, unsigned version, unsigned lrs, unsigned priority_bits,
		unsigned preemption_bits);

/* GICH_LR<n> to and from the layout that is used here; nothing gets lost. */
uint64_t lr_from_gich(uint32_t gich);
uint32_t lr_to_gich(uint64_t lr);

unsigned lr_state(uint64_t lr);
bool lr_hw(uint64_t lr);
unsigned lr_group(uint64_t lr);
unsigned lr_priority(uint64_t lr);
unsigned lr_vintid(uint64_t lr);
unsigned lr_pintid(uint64_t lr);
unsigned lr_cpuid(uint64_t lr); /* GICv2, SGIs; else 0 */
bool lr_ended(uint64_t lr);     /* ended, and it asked to be told: ICH_EISR_EL2 */

/* NULL, or what is wrong with a list register: a reserved bit, a combination that 12.5.9 forbids. */
const char *lr_fault(const struct cpuif *c, uint64_t lr);

/* ICH_VMCR_EL2 as hardware keeps it after a write: PMR cut to size, binary points at their minimum. */
void cpuif_set_vmcr(struct cpuif *c, uint32_t vmcr);

uint32_t cpuif_misr(const struct cpuif *c);
int cpuif_hppi(const struct cpuif *c);     /* the list register that is next, or -1 */
bool cpuif_signals(const struct cpuif *c); /* virtual IRQ or FIQ asserted */

/* The guest's accesses. `lr`, if not NULL, tells which list register was taken, or -1. */
unsigned cpuif_iar(struct cpuif *c, unsigned group, int *lr);
unsigned cpuif_hppir(const struct cpuif *c, unsigned group);
unsigned cpuif_rpr(const struct cpuif *c);
/* GICv2: GICV_IAR or (aliased) GICV_AIAR; the CPUID stands in bits 12:10. */
unsigned cpuif_iar_of_v2(struct cpuif *c, bool aliased, int *lr);
/* GICv2: with the CPUID that the acknowledge gave, in bits 12:10. */
void cpuif_eoir(struct cpuif *c, unsigned group, unsigned intid);
void cpuif_dir(struct cpuif *c, unsigned intid);
void cpuif_set_pmr(struct cpuif *c, unsigned value);
void cpuif_set_bpr(struct cpuif *c, unsigned group, unsigned value);
void cpuif_set_igrpen(struct cpuif *c, unsigned group, bool on);
void cpuif_set_ctlr(struct cpuif *c, bool cbpr, bool eoimode);
void cpuif_set_ctlr_of_v2(struct cpuif *c, bool ackctl, bool fiqen);

#endif
