/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Where interrupts come from: lines, pulses, and the physical interrupts they are mapped to. Any
 * CPU, lock-free: one change of the word, and a push if a vCPU has to look.
 */
#include "internal.h"

static __attribute__((noinline)) int rare_source(struct vgic *vgic, unsigned vcpu, virq_t virq,
						 struct vgic_irq **irq)
{
	if (virq < SGIS)
		return -VIRQ_ERR_KIND;
	if (virq < ESPI_BASE && vcpu >= vgic->config.vcpus)
		return -VIRQ_ERR_RANGE;
	*irq = irq_of(vgic, vcpu, virq);
	return *irq ? 0 : -VIRQ_ERR_RANGE;
}

/* Nearly all are PPIs or SPIs. */
static inline int source(struct vgic *vgic, unsigned vcpu, virq_t virq, struct vgic_irq **irq)
{
	if (virq - PRIVATE_IRQS < vgic->config.spis) {
		*irq = &vgic->shared[virq - PRIVATE_IRQS];
		return 0;
	}
	if (virq - SGIS < PRIVATE_IRQS - SGIS && vcpu < vgic->config.vcpus) {
		*irq = &vgic->irqs[vgic->privates * vcpu + virq];
		return 0;
	}
	return rare_source(vgic, vcpu, virq, irq);
}

/* The word was changed by a source: who has to look is told. Diverted ones are rare, and go another way. */
static inline void raised(struct vgic *vgic, struct vgic_vcpu *self, struct vgic_irq *irq,
			  uint64_t old, uint64_t now)
{
	if (__builtin_expect((now & W_DIVERTED) != 0, 0))
		irq_diverted(vgic, self, irq, (now & ~old) & W_QUEUED);
	else if ((now & ~old) & W_QUEUED)
		irq_post(vgic, self, irq, now);
}

/* The rising edge of an input. What it means depends on the configuration at that moment. */
static void line_rises(struct vgic *vgic, struct vgic_vcpu *self, struct vgic_irq *irq)
{
	uint64_t old = word_load(irq), now;

	do {
		now = old | W_LINE;
		if (!(old & (W_LEVEL | W_LINE)))
			now |= W_LATCH;
		/* A mapped line is told anew each time it fires, fallen or not in between. */
		if (!(old & W_LEVEL) && (irq_hwirq(irq) & HWIRQ_LEVEL))
			now |= W_LATCH;
		if (now != old && word_needs_look(now))
			now |= W_QUEUED;
	} while (!word_cas(irq, &old, now));
	raised(vgic, self, irq, old, now);
}

/* What a mapped one was held active for may be over with it. */
void line_falls(struct vgic *vgic, struct vgic_vcpu *self, struct vgic_irq *irq)
{
	irq_change(vgic, self, irq, W_LINE, irq_hwirq(irq) ? W_PHYSICAL : 0);
}

static inline int set_line(struct vgic *vgic, struct vgic_vcpu *self, unsigned vcpu, virq_t virq,
			   bool level)
{
	struct vgic_irq *irq;
	int error = source(vgic, vcpu, virq, &irq);

	if (error)
		return error;
	if (level)
		line_rises(vgic, self, irq);
	else
		line_falls(vgic, self, irq);
	return 0;
}

static inline int pulse(struct vgic *vgic, struct vgic_vcpu *self, unsigned vcpu, virq_t virq)
{
	struct vgic_irq *irq;
	int error = source(vgic, vcpu, virq, &irq);
	uint64_t old, now;

	if (error)
		return error;
	old = word_load(irq);
	do {
		now = old | W_LATCH;
		if (now != old && word_needs_look(now))
			now |= W_QUEUED;
	} while (!word_cas(irq, &old, now));
	raised(vgic, self, irq, old, now);
	return 0;
}

int vgic_set_line(struct vgic *vgic, unsigned vcpu, virq_t virq, bool level)
{
	return set_line(vgic, NULL, vcpu, virq, level);
}

int vgic_set_line_here(struct vgic_cpu *cpu, unsigned vcpu, virq_t virq, bool level)
{
	return set_line(vcpu_of(cpu)->vgic, vcpu_of(cpu), vcpu, virq, level);
}

int vgic_pulse(struct vgic *vgic, unsigned vcpu, virq_t virq)
{
	return pulse(vgic, NULL, vcpu, virq);
}

int vgic_pulse_here(struct vgic_cpu *cpu, unsigned vcpu, virq_t virq)
{
	return pulse(vcpu_of(cpu)->vgic, vcpu_of(cpu), vcpu, virq);
}

/* By whoever changed `mapped`, with the lock. */
static void note_mapped(struct vgic_vcpu *vcpu)
{
	const struct vgic_irq *two[2] = { vcpu->private, vcpu->private };
	unsigned n = 0;

	for (unsigned i = 0; i < vcpu->vgic->privates; i++)
		if (load_relaxed(&vcpu->mapped[i / 32]) >> i % 32 & 1)
			two[n++ & 1] = &vcpu->private[i];
	store_relaxed(&vcpu->mapped_two[0], n > 2 ? NULL : two[0]);
	store_relaxed(&vcpu->mapped_two[1], two[1]);
}

/* A private interrupt is mapped, or is not any more. */
static void change_mapped(struct vgic_vcpu *vcpu, const struct vgic_irq *irq, bool mapped)
{
	unsigned i = (unsigned)(irq - vcpu->private);
	uint32_t *word = &vcpu->mapped[i / 32], bit = 1u << i % 32;

	lock_take(&vcpu->lock);
	store_relaxed(word, mapped ? load_relaxed(word) | bit : load_relaxed(word) & ~bit);
	note_mapped(vcpu);
	vcpu_unlock(vcpu, 0);
}

int vgic_map_hwirq(struct vgic *vgic, unsigned vcpu, virq_t virq, struct hwirq hwirq, unsigned how)
{
	struct vgic_irq *irq;
	uint16_t none = 0;
	int error = source(vgic, vcpu, virq, &irq);

	if (error)
		return error;
	if (hwirq.intid < SGIS || hwirq.intid > (IS_V2(vgic) ? 1019 : 8191))
		return -VIRQ_ERR_RANGE;
	if (how & VGIC_HWIRQ_LEVEL)
		hwirq.intid |= HWIRQ_LEVEL;
	if (!__atomic_compare_exchange_n(&irq->hwirq, &none, hwirq.intid, false, __ATOMIC_RELAXED,
					 __ATOMIC_RELAXED))
		return -VIRQ_ERR_BUSY;
	if (how & VGIC_HWIRQ_SOFT)
		__atomic_fetch_or(&irq->route, ROUTE_SOFT, __ATOMIC_RELAXED);
	if (irq_is_private(vgic, irq))
		change_mapped(&vgic->vcpus[vcpu], irq, true);
	return 0;
}

/*
 * The line is low before the physical interrupt is inactive, which a private one is already. What was
 * asked about the mapping has been done: inboxes are empty.
 */
int vgic_unmap_hwirq(struct vgic *vgic, unsigned vcpu, virq_t virq)
{
	struct vgic_irq *irq;
	int error = source(vgic, vcpu, virq, &irq);

	if (any_loaded(vgic))
		return -VIRQ_ERR_BUSY;
	if (error)
		return error;
	if (!irq_hwirq(irq))
		return -VIRQ_ERR_KIND;
	settle_all(vgic);
	irq_change(vgic, NULL, irq, W_LINE, 0);
	if (irq_is_private(vgic, irq))
		change_mapped(&vgic->vcpus[vcpu], irq, false);
	else
		vgic->port.hwirq_set_active(vgic->host, word_looker(word_load(irq)), hwirq_of(irq),
					    false);
	__atomic_fetch_and(&irq->route, ~ROUTE_SOFT, __ATOMIC_RELAXED);
	store_relaxed(&irq->hwirq, 0);
	return 0;
}

int vgic_notify_end(struct vgic *vgic, unsigned vcpu, virq_t virq, bool on)
{
	struct vgic_irq *irq;
	int error = source(vgic, vcpu, virq, &irq);

	if (error)
		return error;
	if (!on) {
		__atomic_fetch_and(&irq->route, ~ROUTE_NOTIFY, __ATOMIC_RELAXED);
		return 0;
	}
	/* release: who folds it for the request below fills it by the new route; partner: vcpu_drain() */
	__atomic_fetch_or(&irq->route, ROUTE_NOTIFY, __ATOMIC_RELEASE);
	irq_sync(vgic, NULL, irq, 0);
	return 0;
}
