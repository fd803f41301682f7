/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * List registers: their two forms, and an exit with anything in them, in ICH_HCR_EL2.EOIcount, in
 * ICH_VMCR_EL2 and in the active priorities. What settle.c does is proved in settling.c.
 *
 * with: vgic access v2 ends dir signal soft source
 * quick: forms: gich_of, lr_of: inverse of one another, any value
 * proof: any_take --unwind 3: take_lr, word_take_source: any interrupt, word, route
 * proof: any_exit --unwind 5 -DVERSION=3 -DSPIS=1 -DVCPUS=1: vgic_exit: any list registers, VMCR, active priorities, EOIcount to 2
 * proof: any_exit --unwind 5 -DVERSION=2 -DSPIS=1 -DVCPUS=1: the same, GICv2
 * broken: forms lr.h s/.&.0x1f)/\&0x3f)/: a priority of one bit more than GICH_LR has
 * broken: any_take lr.c s/live.|=.bit;/live|=bit<<1;/ --unwind 3: the bit of another list register
 */
#include "proof.h"
#include "lr.c"

/* IHI 0048 5.3.6 against IHI 0069 12.4.8: state 29:28 and 63:62, group 30 and 60, HW 31 and 61. */
void forms(void)
{
	uint64_t lr = nondet_u64(), gich = nondet_u32(), made;
	const uint64_t kept = 0xfull << 60 | 0x1full << 51 | 0x3ffull << 32 | 0x3ff;

	gic.v2 = true;
	assert(lr_of(&gic, gich_of(lr)) == (lr & kept), "lr_of of gich_of");
	assert(gich_of(lr) <= UINT32_MAX, "GICH_LR has 32 bits");
	gich &= ~0x00700000ull; /* reserved */
	assert(gich_of(lr_of(&gic, gich)) == gich, "gich_of of lr_of");
	made = lr_of(&gic, gich);
	assert((made >> 62 & 3) == (gich >> 28 & 3), "state");
	assert((made >> 60 & 1) == (gich >> 30 & 1) && (made >> 61 & 1) == (gich >> 31 & 1),
	       "group, HW");
	assert((made >> 48 & 0xff) == (gich >> 23 & 0x1f) << 3, "priority");
	assert((made >> 32 & 0x3ff) == (gich >> 10 & 0x3ff) && (made & 0x3ff) == (gich & 0x3ff),
	       "INTIDs");
	gic.v2 = false;
	assert(lr_of(&gic, lr) == lr, "a GICv3's is as it is");
}

/* --- What settle.c would do ------------------------------------------------------------------- */

/* The best of what is active outside: any or none, each time. queue.c has its own proof. */
static struct vgic_irq *best;

struct vgic_irq *queue_best(const struct vgic *vgic, const struct queue *queue)
{
	assert(vgic == &gic && queue == &vcpus[0].active, "queue_best");
	return nondet_bool() ? best : NULL;
}

void queue_remove(struct vgic *vgic, struct queue *queue, struct vgic_irq *irq)
{
	assert(vgic == &gic && queue == &vcpus[0].active && irq == best, "queue_remove");
}

void queue_insert(struct vgic *vgic, struct queue *queue, struct vgic_irq *irq, unsigned level,
		  bool front)
{
	(void)front;
	assert(vgic == &gic && queue == &vcpus[0].active && irq == best, "queue_insert");
	assert(level <= 32, "a level of the queue");
}

void irqs_post(struct vgic *vgic, struct vgic_vcpu *self, link_t list)
{
	assert(vgic == &gic && self->vgic == &gic && list == 0, "irqs_post");
}

void vcpu_resettled(struct vgic_vcpu *vcpu, uint32_t next)
{
	assert(vcpu->vgic == &gic && next <= RESETTLE_ENTER, "vcpu_resettled");
}

void vcpu_drain(struct vgic_vcpu *vcpu)
{
	assert(vcpu->live == 0, "nothing is live when the inbox is drained");
}

link_t vcpu_take_forwards(struct vgic_vcpu *vcpu)
{
	assert(vcpu->vgic == &gic, "a vCPU");
	return 0;
}

void irq_settle(struct vgic_vcpu *vcpu, struct vgic_irq *irq, enum settle_why why,
		const struct folded *folded)
{
	check_exists(irq);
	if (why == FROM_EOI) {
		assert(irq == best && vcpu == &vcpus[0], "the best of what is active outside");
		return;
	}
	assert(why == FROM_LR && folded, "a fold");
	assert(!folded->latch || folded->source == (folded->source & W_SOURCES), "its source");
	assert(!folded->dropped || folded->active, "only an active one was dropped");
}

bool physical_line(struct vgic_vcpu *vcpu, struct vgic_irq *irq)
{
	assert(vcpu->vgic == &gic, "a vCPU");
	check_exists(irq);
	return nondet_bool();
}

bool physical_lower(struct vgic_vcpu *vcpu, struct vgic_irq *irq)
{
	return !physical_line(vcpu, irq);
}

bool physical_waits(const struct vgic_irq *irq, uint64_t w)
{
	check_exists(irq);
	(void)w;
	return nondet_bool();
}

void physical_hold(struct vgic_vcpu *vcpu, struct vgic_irq *irq)
{
	physical_line(vcpu, irq);
}

void physical_release(struct vgic_vcpu *vcpu, struct vgic_irq *irq)
{
	physical_line(vcpu, irq);
}

void irq_ended(struct vgic_vcpu *vcpu, struct vgic_irq *irq)
{
	physical_line(vcpu, irq);
}

/* --- Exit ------------------------------------------------------------------------------------- */

static void any_interrupt(struct vgic_irq *irq, virq_t virq)
{
	irq->route = (uint64_t)virq << ROUTE_INTID_SHIFT | (nondet_u64() & ~(0x1fffull << 40));
	irq->place = PLACE_LR;
	irq->bucket = nondet_u8();
}

/* A list register in use, as take_lr() leaves its slot: `any_take` proves that of it. */
static void any_slot(struct slot *slot, struct vgic_irq *irq)
{
	slot->irq = irq;
	slot->was = nondet_u64() & (W_LATCH | W_LINE | W_SOURCES | W_ACTIVE | W_ACK | W_DROPPED);
	slot->again = nondet_u64();
	slot->lr = nondet_u64();
}

static void any_taken(struct vgic_irq *irq, struct vgic_vcpu *self)
{
	uint64_t old = any_word(), now, lr;
	const struct slot *slot = &self->slots[1];
	bool waits = nondet_bool();

	assume(word_sources(old) ? gic.v2 : true);
	now = (old | W_IN_LR | W_HELD) & ~(W_HOLDER | W_QUEUED | W_REQUESTS | W_LR_REQUESTS);
	if (nondet_bool()) {
		now = (now | W_LR_PENDING) & ~W_LATCH;
		if (nondet_bool())
			now &= ~W_LINE;
		if (word_sources(old))
			now = word_take_source(now);
	}
	assert(word_sound(now), "word_take_source keeps SOURCE_LATCHED");
	lr = take_lr(self, 1, irq, irq_hwirq(irq), old, now, waits);
	assert(self->live & 2, "in use");
	assert(!(self->soft & 2) || (self->watched & 2), "who passes the end on sees it");
	assert(slot->irq == irq && slot->lr == lr, "the slot");
	assert(!(slot->was & ~(W_LATCH | W_LINE | W_SOURCES | W_ACTIVE | W_ACK | W_DROPPED)),
	       "was");
	assert(lr_of(&gic, lr) >> 62 == (!!(now & W_LR_PENDING) | !!(now & W_ACTIVE) << 1),
	       "state");
	assert(!slot->again || (slot->again & W_QUEUED), "what refill expects is in the inbox");
	assert(!slot->again || word_valid(slot->again & ~slot->was & ~W_QUEUED),
	       "what refill makes of it is valid");
}

void any_take(void)
{
	any_vgic();
	any_interrupt(&irqs[1], 1);
	any_interrupt(&irqs[VCPUS * PRIVATES], 32);
	assume(gic.config.spis >= 1);
	if (nondet_bool())
		any_taken(&irqs[1], &vcpus[0]);
	else
		any_taken(&irqs[VCPUS * PRIVATES], &vcpus[0]);
}

struct gic_cpuif nondet_cpuif(void);

#if defined(VERSION) && VCPUS == 1
void any_exit(void)
{
	struct gic_cpuif image = nondet_cpuif();
	struct vgic_vcpu *self = &vcpus[0];
	bool ran;

	as_holder = true;
	any_vgic();
	assume(gic.config.spis == 1 && gic.config.priority_bits == 5);
	gic.config.vcpus = 1; /* as constants */
	gic.config.spis = 1;
	gic.config.priority_bits = gic.config.preemption_bits = 5;
	gic.config.lrs = 2;
	gic.v2 = VERSION == 2;
	any_interrupt(&irqs[1], 1);
	any_interrupt(&irqs[27], 27);
	any_interrupt(&irqs[VCPUS * PRIVATES], 32);
	best = nondet_bool() ? &irqs[27] : NULL;
	any_slot(&self->slots[0], &irqs[1]);
	any_slot(&self->slots[1], &irqs[VCPUS * PRIVATES]);
	self->live = nondet_u32() & 3;
	ran = self->mode == MODE_RUNNING;
	assume(ran || self->live == 0);
	self->soft = nondet_u32() & self->live;
	if (nondet_bool())
		levels_add(&self->ghosts, nondet_u8() & 31);
	assume((image.hcr >> HCR_EOICOUNT_SHIFT) <= 2);
	vgic_exit(handle_of(self), &image);
	assert(self->live == 0 && (image.live == 0 || !ran), "nothing is live");
	assert(self->mode == MODE_OUTSIDE, "outside");
}
#endif
