/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The software CPU interface, for hosts without list registers: the guest's acknowledge and end of
 * interrupt trap, and act on the queues themselves. What is active is in the queue of actives, all of
 * it, so nothing overflows. IHI 0069 4.8 and 12.2; a GICv2's registers are in v2.c.
 */
#include "internal.h"

#define SPECIAL  1020u /* the first of four INTIDs that are no interrupts */
#define SPURIOUS 1023u

/* --- The verbs ---------------------------------------------------------------------------------- */

unsigned bpr_minimum(const struct vgic_vcpu *vcpu, unsigned group)
{
	return 7u - vcpu->vgic->config.preemption_bits + group;
}

void soft_reset(struct vgic_vcpu *vcpu)
{
	vcpu->vmcr = bpr_minimum(vcpu, 0) << VMCR_VBPR0_SHIFT | bpr_minimum(vcpu, 1)
									<< VMCR_VBPR1_SHIFT;
	for (unsigned i = 0; i < 4; i++)
		vcpu->ap0r[i] = vcpu->ap1r[i] = 0;
}

/* What came in while the guest did not look. */
void soft_look(struct vgic_vcpu *vcpu)
{
	vcpu_drain(vcpu);
	irqs_post(vcpu->vgic, vcpu, vcpu_take_forwards(vcpu));
}

/*
 * From here on a raiser kicks, as if the vCPU slept: there is nothing live in hardware. Full barrier;
 * partners: irqs_post(), vcpu_resettle().
 */
void soft_enter(struct vgic_vcpu *vcpu)
{
	store_relaxed(&vcpu->mode, MODE_BLOCKED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	vcpu_resettled(vcpu, 0);
	soft_look(vcpu);
}

unsigned vgic_signals(struct vgic_cpu *cpu)
{
	struct vgic_vcpu *vcpu = vcpu_of(cpu);
	struct offer offer;

	soft_look(vcpu);
	offer = vcpu_signalled(vcpu);
	if (!offer.irq)
		return 0;
	if (offer.group == 0 && (!IS_V2(vcpu->vgic) || (vcpu->vmcr & VMCR_VFIQEN)))
		return VGIC_SIGNAL_FIQ;
	return VGIC_SIGNAL_IRQ;
}

/* --- Acknowledge and end ------------------------------------------------------------------------ */

static uint32_t *active_priorities(struct vgic_vcpu *vcpu, unsigned group)
{
	return group ? vcpu->ap1r : vcpu->ap0r;
}

static void add_priority(struct vgic_vcpu *vcpu, unsigned group, unsigned priority)
{
	unsigned level = preemption_level(vcpu, group, priority);

	active_priorities(vcpu, group)[level / 32] |= 1u << level % 32;
}

/* An LPI is not active once it is taken; its priority is. As activate(). */
static bool take_lpi(struct vgic_vcpu *vcpu, struct vgic_irq *irq)
{
	uint64_t old = word_load(irq);

	do {
		if (!word_wanted(old) || (old & W_CONFIG) || word_target(old) != vcpu->index)
			return false;
	} while (!word_cas(irq, &old, old & ~(W_LATCH | W_HELD | W_HOLDER)));
	queue_remove(vcpu->vgic, &vcpu->pending[irq->place - PLACE_PENDING0], irq);
	irq->place = PLACE_NONE;
	add_priority(vcpu, 1, word_priority(old));
	count(statistic_of(vcpu, irq, irq_intid(irq)));
	return true;
}

/* The pending interrupt becomes active. False: it has just become something else. */
static bool activate(struct vgic_vcpu *vcpu, struct vgic_irq *irq)
{
	struct vgic *vgic = vcpu->vgic;
	uint64_t old = word_load(irq), now;

	if (irq_is_lpi(vgic, irq))
		return take_lpi(vcpu, irq);
	do {
		if (!word_wanted(old) || (old & W_ACTIVE) || word_target(old) != vcpu->index)
			return false;
		now = old & ~(W_LATCH | W_ACK | W_ACK_GROUP1 | W_DROPPED);
		now |= W_ACTIVE | (uint64_t)word_priority(old) << W_ACK_SHIFT;
		if (old & W_GROUP1)
			now |= W_ACK_GROUP1;
		if (irq_hwirq(irq) & HWIRQ_LEVEL)
			now &= ~W_LINE;
		if (old & W_SOURCES)
			now = word_take_source(now);
	} while (!word_cas(irq, &old, now));
	queue_remove(vgic, &vcpu->pending[irq->place - PLACE_PENDING0], irq);
	irq->place = PLACE_ACTIVE;
	queue_insert(vgic, &vcpu->active, irq, active_level(vgic, now), false);
	add_priority(vcpu, !!(now & W_ACK_GROUP1), word_ack(now));
	count(statistic_of(vcpu, irq, irq_intid(irq)));
	return true;
}

/* The INTID, and a GICv2's SGI's source, as an acknowledge register has them. */
static virq_t as_acknowledged(const struct vgic_vcpu *vcpu, const struct vgic_irq *irq)
{
	virq_t virq = irq_intid(irq);

	if (irq_has_sources(vcpu->vgic, irq))
		virq |= word_cpuid(word_load(irq)) << 10;
	return virq;
}

/*
 * Reading an acknowledge register for these groups (bit 0, bit 1). What was changed between the queue
 * and here is put where it belongs, and the next one is looked at.
 */
virq_t soft_acknowledge(struct vgic_vcpu *vcpu, unsigned groups)
{
	for (;;) {
		struct offer offer;

		soft_look(vcpu);
		offer = vcpu_signalled(vcpu);
		if (!offer.irq || !(groups & 1u << offer.group))
			return SPURIOUS;
		if (activate(vcpu, offer.irq))
			return as_acknowledged(vcpu, offer.irq);
		irq_settle(vcpu, offer.irq, FROM_OWNER, NULL);
	}
}

/* What an acknowledge would give if nothing ran and nothing was masked by priority. */
virq_t soft_highest(struct vgic_vcpu *vcpu, unsigned groups)
{
	struct offer offer;
	uint64_t w;
	virq_t virq;

	soft_look(vcpu);
	offer = vcpu_best(vcpu);
	if (!offer.irq || !(groups & 1u << offer.group))
		return SPURIOUS;
	w = word_load(offer.irq);
	virq = irq_intid(offer.irq);
	if (w & W_SOURCES)
		virq |= (virq_t)__builtin_ctz(word_sources(w)) << 10;
	return virq;
}

/* The highest active priority goes. False: there is none. */
static bool drop_priority(struct vgic_vcpu *vcpu)
{
	for (unsigned i = 0; i < 4; i++) {
		uint32_t best = vcpu->ap0r[i] | vcpu->ap1r[i];

		best &= -best;
		if (!best)
			continue;
		if (vcpu->ap0r[i] & best)
			vcpu->ap0r[i] &= ~best;
		else
			vcpu->ap1r[i] &= ~best;
		return true;
	}
	return false;
}

/* Is this interrupt, which may be NULL, active here, and an SGI of that source? */
static bool is_active_here(const struct vgic_vcpu *vcpu, const struct vgic_irq *irq, uint64_t w,
			   unsigned cpuid)
{
	if (!irq || !(w & W_ACTIVE) || !(w & W_HELD) || word_holder(w) != vcpu->index)
		return false;
	return !irq_has_sources(vcpu->vgic, irq) || word_cpuid(w) == cpuid;
}

/*
 * Writing an end of interrupt register. One that drops no priority deactivates nothing, nor does one
 * whose interrupt is not active here: the guest's mistakes, unless its active state was cleared
 * before this end, which then takes the ghost.
 */
void soft_end(struct vgic_vcpu *vcpu, virq_t virq, unsigned cpuid)
{
	struct vgic *vgic = vcpu->vgic;
	struct vgic_irq *irq = irq_of(vgic, vcpu->index, virq);
	bool active, runs;
	uint64_t w;

	if (virq - SPECIAL < 4 || !drop_priority(vcpu))
		return;
	soft_look(vcpu);
	w = irq ? word_load(irq) : 0;
	active = is_active_here(vcpu, irq, w, cpuid);
	runs = active && word_runs(w);
	/* An LPI is never a ghost, nor active. */
	if (virq >= VGIC_LPI_BASE)
		return;
	if (!runs && levels_best(&vcpu->ghosts) != LEVELS)
		levels_remove(&vcpu->ghosts, levels_best(&vcpu->ghosts));
	if (runs && (vcpu->vmcr & VMCR_VEOIM))
		irq_dropped(vcpu, irq);
	if (!active || (vcpu->vmcr & VMCR_VEOIM))
		return;
	irq_settle(vcpu, irq, FROM_EOI, NULL);
	if (irq_hwirq(irq))
		physical_release(vcpu, irq);
	irqs_post(vgic, vcpu, vcpu_take_forwards(vcpu));
}

/* --- Control ------------------------------------------------------------------------------------ */

void soft_set_bits(struct vgic_vcpu *vcpu, uint32_t mask, uint32_t value)
{
	vcpu->vmcr = (vcpu->vmcr & ~mask) | (value & mask);
}

void soft_set_pmr(struct vgic_vcpu *vcpu, uint64_t value)
{
	uint32_t implemented = 0xff00u >> vcpu->vgic->config.priority_bits & 0xff;

	soft_set_bits(vcpu, 0xffu << VMCR_VPMR_SHIFT,
		      ((uint32_t)value & implemented) << VMCR_VPMR_SHIFT);
}

void soft_set_bpr(struct vgic_vcpu *vcpu, unsigned group, uint64_t value)
{
	unsigned shift = group ? VMCR_VBPR1_SHIFT : VMCR_VBPR0_SHIFT;
	uint32_t point = (uint32_t)value & 7;

	if (point < bpr_minimum(vcpu, group))
		point = bpr_minimum(vcpu, group);
	soft_set_bits(vcpu, 7u << shift, point << shift);
}

/* --- GICv3 system registers --------------------------------------------------------------------- */

#define CTLR_CBPR      (1u << 0)
#define CTLR_EOIMODE   (1u << 1)
#define CTLR_IDBITS_24 (1u << 11)
#define CTLR_A3V       (1u << 15)
#define CTLR_EXT_RANGE (1u << 19)

#define SYSREG_OP2(reg) ((reg) >> 17 & 7)
#define OP2_MASK        (~(7u << 17))

/* ICC_AP0R<n>, ICC_AP1R<n>; NULL: this many preemption bits do not need it, or it is neither. */
static uint32_t *active_priority_register(struct vgic_vcpu *vcpu, uint32_t reg)
{
	unsigned exist = 1u << (vcpu->vgic->config.preemption_bits - 5), n = SYSREG_OP2(reg);

	if ((reg & OP2_MASK) == (VGIC_ICC_AP0R0_EL1 & OP2_MASK) && n >= 4)
		return n - 4 < exist ? &vcpu->ap0r[n - 4] : NULL;
	if ((reg & OP2_MASK) == (VGIC_ICC_AP1R0_EL1 & OP2_MASK) && n < 4)
		return n < exist ? &vcpu->ap1r[n] : NULL;
	return NULL;
}

static uint64_t read_ctlr(const struct vgic_vcpu *vcpu)
{
	const struct vgic_config *config = &vcpu->vgic->config;
	uint64_t value = CTLR_A3V | (config->priority_bits - 1u) << 8;

	if (vcpu->vmcr & VMCR_VCBPR)
		value |= CTLR_CBPR;
	if (vcpu->vmcr & VMCR_VEOIM)
		value |= CTLR_EOIMODE;
	if (config->espis || config->eppis)
		value |= CTLR_EXT_RANGE;
	if (config->lpi_bits > 15)
		value |= CTLR_IDBITS_24;
	return value;
}

static uint64_t read_bpr1(const struct vgic_vcpu *vcpu)
{
	unsigned common = VMCR_VBPR0(vcpu->vmcr) + 1;

	if (!(vcpu->vmcr & VMCR_VCBPR))
		return VMCR_VBPR1(vcpu->vmcr);
	return common < 7 ? common : 7;
}

enum vgic_result soft_sysreg_read(struct vgic_vcpu *vcpu, uint32_t reg, uint64_t *value)
{
	const uint32_t *active = active_priority_register(vcpu, reg);

	if (active) {
		*value = *active;
		return VGIC_DONE;
	}
	switch (reg) {
	case VGIC_ICC_IAR0_EL1:
		*value = soft_acknowledge(vcpu, 1);
		return VGIC_DONE;
	case VGIC_ICC_IAR1_EL1:
		*value = soft_acknowledge(vcpu, 2);
		return VGIC_DONE;
	case VGIC_ICC_HPPIR0_EL1:
		*value = soft_highest(vcpu, 1);
		return VGIC_DONE;
	case VGIC_ICC_HPPIR1_EL1:
		*value = soft_highest(vcpu, 2);
		return VGIC_DONE;
	case VGIC_ICC_RPR_EL1:
		*value = vcpu_running_priority(vcpu);
		return VGIC_DONE;
	case VGIC_ICC_PMR_EL1:
		*value = VMCR_VPMR(vcpu->vmcr);
		return VGIC_DONE;
	case VGIC_ICC_BPR0_EL1:
		*value = VMCR_VBPR0(vcpu->vmcr);
		return VGIC_DONE;
	case VGIC_ICC_BPR1_EL1:
		*value = read_bpr1(vcpu);
		return VGIC_DONE;
	case VGIC_ICC_CTLR_EL1:
		*value = read_ctlr(vcpu);
		return VGIC_DONE;
	case VGIC_ICC_SRE_EL1: /* system registers, no bypass */
		*value = 7;
		return VGIC_DONE;
	case VGIC_ICC_IGRPEN0_EL1:
		*value = vcpu->vmcr & VMCR_VENG0;
		return VGIC_DONE;
	case VGIC_ICC_IGRPEN1_EL1:
		*value = !!(vcpu->vmcr & VMCR_VENG1);
		return VGIC_DONE;
	}
	return VGIC_UNDEFINED;
}

enum vgic_result soft_sysreg_write(struct vgic_vcpu *vcpu, uint32_t reg, uint64_t value)
{
	uint32_t *active = active_priority_register(vcpu, reg);

	if (active) {
		*active = (uint32_t)value;
		return VGIC_DONE;
	}
	switch (reg) {
	case VGIC_ICC_EOIR0_EL1:
	case VGIC_ICC_EOIR1_EL1:
		soft_end(vcpu, (virq_t)value & 0xffffff, 0);
		return VGIC_DONE;
	case VGIC_ICC_PMR_EL1:
		soft_set_pmr(vcpu, value);
		return VGIC_DONE;
	case VGIC_ICC_BPR0_EL1:
		soft_set_bpr(vcpu, 0, value);
		return VGIC_DONE;
	case VGIC_ICC_BPR1_EL1: /* with CBPR: ignored */
		if (!(vcpu->vmcr & VMCR_VCBPR))
			soft_set_bpr(vcpu, 1, value);
		return VGIC_DONE;
	case VGIC_ICC_CTLR_EL1:
		soft_set_bits(vcpu, VMCR_VCBPR | VMCR_VEOIM,
			      (value & CTLR_CBPR ? VMCR_VCBPR : 0) |
				      (value & CTLR_EOIMODE ? VMCR_VEOIM : 0));
		return VGIC_DONE;
	case VGIC_ICC_SRE_EL1:
		return VGIC_DONE;
	case VGIC_ICC_IGRPEN0_EL1:
		soft_set_bits(vcpu, VMCR_VENG0, value & 1 ? VMCR_VENG0 : 0);
		return VGIC_DONE;
	case VGIC_ICC_IGRPEN1_EL1:
		soft_set_bits(vcpu, VMCR_VENG1, value & 1 ? VMCR_VENG1 : 0);
		return VGIC_DONE;
	}
	return VGIC_UNDEFINED;
}
