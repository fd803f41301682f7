/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The virtual CPU interface of a GICv3 core, executed on data. See cpuif.h. Each function is the
 * text of the register's description in Arm IHI 0069, 12.4 and 12.5, in the order it is told there.
 */
#include "cpuif.h"

#include <stddef.h>
#include <string.h>

#define FIELD(x, low, width) (((x) >> (low)) & ((1ull << (width)) - 1))

#define VMCR_VENG(group) (1u << (group))
#define VMCR_ACKCTL      (1u << 2)
#define VMCR_FIQEN       (1u << 3)
#define VMCR_CBPR        (1u << 4)
#define VMCR_EOIM        (1u << 9)

#define MISR_EOI   (1u << 0)
#define MISR_U     (1u << 1)
#define MISR_LRENP (1u << 2)
#define MISR_NP    (1u << 3)

unsigned lr_state(uint64_t lr)
{
	return FIELD(lr, 62, 2);
}

bool lr_hw(uint64_t lr)
{
	return FIELD(lr, 61, 1);
}

unsigned lr_group(uint64_t lr)
{
	return FIELD(lr, 60, 1);
}

unsigned lr_priority(uint64_t lr)
{
	return FIELD(lr, 48, 8);
}

unsigned lr_vintid(uint64_t lr)
{
	return FIELD(lr, 0, 32);
}

unsigned lr_pintid(uint64_t lr)
{
	return FIELD(lr, 32, 13);
}

unsigned lr_cpuid(uint64_t lr)
{
	return lr_hw(lr) ? 0 : FIELD(lr, 32, 3);
}

/* IHI 0048 5.3.9, GICH_LR<n>: HW, Grp1, State, Priority (5 bits), PhysicalID, VirtualID. */
uint64_t lr_from_gich(uint32_t gich)
{
	return FIELD(gich, 28, 2) << 62 | FIELD(gich, 31, 1) << 61 | FIELD(gich, 30, 1) << 60 |
	       FIELD(gich, 23, 5) << 51 | FIELD(gich, 20, 3) << 45 |
	       (gich >> 31 ? FIELD(gich, 10, 10) << 32
			   : FIELD(gich, 10, 9) << 32 | FIELD(gich, 19, 1) << 41) |
	       FIELD(gich, 0, 10);
}

uint32_t lr_to_gich(uint64_t lr)
{
	return (uint32_t)(FIELD(lr, 62, 2) << 28 | FIELD(lr, 61, 1) << 31 | FIELD(lr, 60, 1) << 30 |
			  FIELD(lr, 51, 5) << 23 | FIELD(lr, 45, 3) << 20 |
			  FIELD(lr, 32, 10) << 10 | FIELD(lr, 0, 10));
}

static bool lr_eoi(uint64_t lr)
{
	return !lr_hw(lr) && FIELD(lr, 41, 1);
}

bool lr_ended(uint64_t lr)
{
	return lr_state(lr) == LR_INVALID && lr_eoi(lr);
}

static bool lr_is_active(uint64_t lr)
{
	return lr_state(lr) == LR_ACTIVE || lr_state(lr) == LR_BOTH;
}

static void lr_set_state(uint64_t *lr, unsigned state)
{
	*lr = (*lr & ~(3ull << 62)) | (uint64_t)state << 62;
}

/* 2.2.1, 5.1: LPIs are never active. */
static bool is_lpi(unsigned intid)
{
	return intid >= 8192;
}

/* INTIDs that can be acknowledged: 1020 to 1023 are special; GICv3 has extended PPIs and SPIs. */
static bool is_ordinary(const struct cpuif *c, unsigned intid)
{
	if (intid < 1020)
		return true;
	return c->version == 3 && ((intid >= 1056 && intid < 1120) ||
				   (intid >= 4096 && intid < 5120) || is_lpi(intid));
}

static bool is_sgi_of_v2(const struct cpuif *c, uint64_t lr)
{
	return c->version == 2 && lr_vintid(lr) < 16;
}

const char *lr_fault(const struct cpuif *c, uint64_t lr)
{
	if (lr_state(lr) == LR_INVALID)
		return NULL;
	if (lr & (7ull << 45 | 7ull << 56 | 1ull << 59))
		return "reserved bits, or the NMI bit";
	if (lr_priority(lr) & (0xffu >> c->priority_bits))
		return "priority bits that this interface does not have";
	if (!is_ordinary(c, lr_vintid(lr)))
		return "a special or unimplemented vINTID";
	if (lr_hw(lr) && lr_state(lr) == LR_BOTH)
		return "a hardware interrupt pending and active";
	if (is_lpi(lr_vintid(lr)) && (lr_hw(lr) || lr_state(lr) != LR_PENDING))
		return "an LPI that is active, or a hardware interrupt";
	if (lr_hw(lr) && (lr_pintid(lr) < 16 || !is_ordinary(c, lr_pintid(lr))))
		return "a physical INTID that cannot be deactivated";
	if (!lr_hw(lr) && (lr_pintid(lr) & ~(1u << 9 | (is_sgi_of_v2(c, lr) ? 7u : 0))))
		return "a physical INTID without HW";
	return NULL;
}

/* 12.4, ICV_BPR0_EL1: the minimum is 7 - preemption bits; ICV_BPR1_EL1's is one more. */
static unsigned bpr_minimum(const struct cpuif *c, unsigned group)
{
	return 7 - c->preemption_bits + group;
}

static unsigned bpr_field(const struct cpuif *c, unsigned group)
{
	return group ? FIELD(c->vmcr, 18, 3) : FIELD(c->vmcr, 21, 3);
}

static void bpr_store(struct cpuif *c, unsigned group, unsigned value)
{
	unsigned low = group ? 18 : 21;

	value &= 7;
	if (value < bpr_minimum(c, group))
		value = bpr_minimum(c, group);
	c->vmcr = (c->vmcr & ~(7u << low)) | value << low;
}

/*
 * 4.8.2, priority grouping: the bits of a priority that decide about preemption. Group 1 counts
 * its binary point one higher than group 0, unless CBPR makes it use group 0's.
 */
static unsigned group_mask(const struct cpuif *c, unsigned group)
{
	if (group == 0 || (c->vmcr & VMCR_CBPR))
		return 0xffu << (bpr_field(c, 0) + 1) & 0xff;
	return 0xffu << bpr_field(c, 1) & 0xff;
}

void cpuif_set_vmcr(struct cpuif *c, uint32_t vmcr)
{
	c->vmcr = vmcr & 0xfffc021fu;
	cpuif_set_pmr(c, FIELD(vmcr, 24, 8));
	bpr_store(c, 0, FIELD(vmcr, 21, 3));
	bpr_store(c, 1, FIELD(vmcr, 18, 3));
}

void cpuif_init(struct cpuif *c, unsigned version, unsigned lrs, unsigned priority_bits,
		unsigned preemption_bits)
{
	memset(c, 0, sizeof(*c));
	c->version = version;
	c->lrs = lrs;
	c->priority_bits = priority_bits;
	c->preemption_bits = preemption_bits;
	cpuif_set_vmcr(c, 0);
}

/* 12.5.6 ICH_MISR_EL2; the EOI bit gathers ICH_EISR_EL2, 12.5.2. */
uint32_t cpuif_misr(const struct cpuif *c)
{
	unsigned valid = 0, pending = 0, n;
	uint32_t misr = 0;

	for (n = 0; n < c->lrs; n++) {
		unsigned state = lr_state(c->lr[n]);

		valid += state != LR_INVALID;
		pending += state == LR_PENDING || (state == LR_BOTH && c->manners.np_both);
		if (lr_ended(c->lr[n]))
			misr |= MISR_EOI;
	}
	if ((c->hcr & HCR_UIE) && valid <= 1)
		misr |= MISR_U;
	if ((c->hcr & HCR_LRENPIE) && (c->hcr & HCR_EOICOUNT))
		misr |= MISR_LRENP;
	if ((c->hcr & HCR_NPIE) && !pending)
		misr |= MISR_NP;
	if (c->vmcr & VMCR_VENG(0))
		misr |= c->hcr & HCR_VGRP0EIE;
	else
		misr |= c->hcr & HCR_VGRP0DIE;
	if (c->vmcr & VMCR_VENG(1))
		misr |= c->hcr & HCR_VGRP1EIE;
	else
		misr |= c->hcr & HCR_VGRP1DIE;
	return (c->hcr & HCR_EN) ? misr : 0;
}

/* The highest priority pending virtual interrupt of the groups that are on: state 01 only. */
int cpuif_hppi(const struct cpuif *c)
{
	int best = -1;
	unsigned n;

	if (!(c->hcr & HCR_EN))
		return -1;
	for (n = 0; n < c->lrs; n++) {
		if (lr_state(c->lr[n]) != LR_PENDING)
			continue;
		if (!(c->vmcr & VMCR_VENG(lr_group(c->lr[n]))))
			continue;
		if (best < 0 || lr_priority(c->lr[n]) < lr_priority(c->lr[best]) ||
		    (c->manners.last_wins && lr_priority(c->lr[n]) == lr_priority(c->lr[best])))
			best = (int)n;
	}
	return best;
}

/* 12.4 ICV_RPR_EL1: the highest group priority that is active, in either group. */
unsigned cpuif_rpr(const struct cpuif *c)
{
	unsigned bit;

	for (bit = 0; bit < 1u << c->preemption_bits; bit++)
		if ((c->apr[0][bit / 32] | c->apr[1][bit / 32]) >> bit % 32 & 1)
			return bit << (8 - c->preemption_bits);
	return CPUIF_IDLE;
}

/* 4.8.5, 4.8.6: unmasked, and its group priority is higher than the running priority's. */
static bool can_preempt(const struct cpuif *c, uint64_t lr)
{
	unsigned mask = group_mask(c, lr_group(lr)), running = cpuif_rpr(c);

	if (lr_priority(lr) >= FIELD(c->vmcr, 24, 8))
		return false;
	return running == CPUIF_IDLE || (lr_priority(lr) & mask) < (running & mask);
}

bool cpuif_signals(const struct cpuif *c)
{
	int n = cpuif_hppi(c);

	return n >= 0 && can_preempt(c, c->lr[n]);
}

static unsigned acknowledge(struct cpuif *c, int n, int *taken)
{
	unsigned group = lr_group(c->lr[n]), bit;

	bit = (lr_priority(c->lr[n]) & group_mask(c, group)) >> (8 - c->preemption_bits);
	c->apr[c->version == 2 ? 0 : group][bit / 32] |= 1u << bit % 32;
	lr_set_state(&c->lr[n], is_lpi(lr_vintid(c->lr[n])) ? LR_INVALID : LR_ACTIVE);
	if (taken)
		*taken = n;
	return lr_vintid(c->lr[n]);
}

unsigned cpuif_iar(struct cpuif *c, unsigned group, int *taken)
{
	int n = cpuif_hppi(c);

	if (taken)
		*taken = -1;
	if (n < 0 || lr_group(c->lr[n]) != group || !can_preempt(c, c->lr[n]))
		return CPUIF_SPURIOUS;
	return acknowledge(c, n, taken);
}

/* IHI 0048 5.5, GICV_IAR, GICV_AIAR: group 1 is for the alias, or for either with AckCtl. */
unsigned cpuif_iar_of_v2(struct cpuif *c, bool aliased, int *taken)
{
	int n = cpuif_hppi(c);

	if (taken)
		*taken = -1;
	if (n < 0 || !can_preempt(c, c->lr[n]) || (aliased && !lr_group(c->lr[n])))
		return CPUIF_SPURIOUS;
	if (!aliased && lr_group(c->lr[n]) && !(c->vmcr & VMCR_ACKCTL))
		return CPUIF_GROUP1;
	return acknowledge(c, n, taken) | lr_cpuid(c->lr[n]) << 10;
}

unsigned cpuif_hppir(const struct cpuif *c, unsigned group)
{
	int n = cpuif_hppi(c);

	if (n < 0 || lr_group(c->lr[n]) != group)
		return CPUIF_SPURIOUS;
	return lr_vintid(c->lr[n]);
}

/* Clears the highest active priority; its value before, or IDLE if there was none. */
static unsigned priority_drop(struct cpuif *c)
{
	unsigned running = cpuif_rpr(c), bit = running >> (8 - c->preemption_bits);
	unsigned group;

	if (running == CPUIF_IDLE)
		return CPUIF_IDLE;
	group = !(c->apr[0][bit / 32] >> bit % 32 & 1);
	c->apr[group][bit / 32] &= ~(1u << bit % 32);
	return running;
}

static void deactivate(struct cpuif *c, uint64_t *lr)
{
	lr_set_state(lr, lr_state(*lr) == LR_BOTH ? LR_PENDING : LR_INVALID);
	if (lr_hw(*lr) && c->deactivate)
		c->deactivate(c->host, c->vcpu, lr_pintid(*lr));
}

static uint64_t *find_active(struct cpuif *c, unsigned intid)
{
	unsigned n;

	for (n = 0; n < c->lrs; n++)
		if (lr_is_active(c->lr[n]) &&
		    (lr_vintid(c->lr[n]) | lr_cpuid(c->lr[n]) << 10) == intid)
			return &c->lr[n];
	return NULL;
}

static void count_eoi(struct cpuif *c)
{
	uint32_t count = c->hcr + HCR_EOICOUNT_ONE;

	c->hcr = (c->hcr & ~HCR_EOICOUNT) | (count & HCR_EOICOUNT);
}

/*
 * 12.4 ICV_EOIR<n>_EL1 and 12.5.4 EOIcount: the drop comes first; an EOI that clears no active
 * priority counts nothing (and here deactivates nothing, which is one of the permitted behaviours).
 */
void cpuif_eoir(struct cpuif *c, unsigned group, unsigned intid)
{
	unsigned dropped;
	uint64_t *lr;

	if (!is_ordinary(c, c->version == 2 ? intid & 0x3ff : intid))
		return;
	dropped = priority_drop(c);
	if (dropped == CPUIF_IDLE || (c->vmcr & VMCR_EOIM) || is_lpi(intid))
		return;
	lr = find_active(c, intid);
	if (!lr) {
		count_eoi(c);
		return;
	}
	if (c->manners.strict_eoi &&
	    (lr_group(*lr) != group || (lr_priority(*lr) & group_mask(c, group)) != dropped))
		return;
	deactivate(c, lr);
}

/* 12.4 ICV_DIR_EL1, only defined with EOImode 1. */
void cpuif_dir(struct cpuif *c, unsigned intid)
{
	uint64_t *lr;

	if (!is_ordinary(c, c->version == 2 ? intid & 0x3ff : intid) || is_lpi(intid) ||
	    !(c->vmcr & VMCR_EOIM))
		return;
	lr = find_active(c, intid);
	if (lr)
		deactivate(c, lr);
	else
		count_eoi(c);
}

void cpuif_set_pmr(struct cpuif *c, unsigned value)
{
	value &= 0xffu << (8 - c->priority_bits) & 0xff;
	c->vmcr = (c->vmcr & 0x00ffffffu) | value << 24;
}

void cpuif_set_bpr(struct cpuif *c, unsigned group, unsigned value)
{
	if (group == 0 || c->version == 2 || !(c->vmcr & VMCR_CBPR))
		bpr_store(c, group, value);
}

void cpuif_set_igrpen(struct cpuif *c, unsigned group, bool on)
{
	c->vmcr = (c->vmcr & ~VMCR_VENG(group)) | (on ? VMCR_VENG(group) : 0);
}

void cpuif_set_ctlr(struct cpuif *c, bool cbpr, bool eoimode)
{
	c->vmcr &= ~(VMCR_CBPR | VMCR_EOIM);
	c->vmcr |= (cbpr ? VMCR_CBPR : 0) | (eoimode ? VMCR_EOIM : 0);
}

void cpuif_set_ctlr_of_v2(struct cpuif *c, bool ackctl, bool fiqen)
{
	c->vmcr &= ~(VMCR_ACKCTL | VMCR_FIQEN);
	c->vmcr |= (ackctl ? VMCR_ACKCTL : 0) | (fiqen ? VMCR_FIQEN : 0);
}
