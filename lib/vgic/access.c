/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The registers that have bits for each interrupt, the same in the distributor (SPIs) and in a
 * redistributor's SGI_base frame (SGIs and PPIs). A handler gets the register's interrupts as
 * access->irqs[0 .. n-1]; interrupts that do not exist are RAZ/WI by not being among them.
 * IHI 0069 12.9 and 12.11.
 */
#include "internal.h"

/* --- Waiting for list registers ----------------------------------------------------------------- */

/* Names one access of one vCPU; never 0. */
static uint32_t key_of(const struct access *access)
{
	uint32_t frame = access->owner ? access->owner->index + 1u : 0;

	return frame << 16 | access->offset | 1u << 31;
}

/* Is one of these in a list register of our own? That has to be folded first. */
bool own_live(struct access *access, uint32_t bits)
{
	for (; bits; bits &= bits - 1) {
		uint64_t w = word_load(&access->irqs[__builtin_ctz(bits)]);

		if (word_live(access->vgic, w) && word_holder(w) == access->self->index)
			return true;
	}
	return false;
}

/*
 * Bring the truth about these interrupts from live list registers into their words, as far as
 * `wanted` says. Our own have to be folded by our caller; others' holders are asked once, and have
 * answered when their W_SYNC is gone: the word then tells what was so when they looked.
 */
enum vgic_result settle_truth(struct access *access, uint32_t wanted)
{
	struct vgic_vcpu *self = access->self;
	uint32_t key = key_of(access);
	bool first = self->wait_key != key;
	bool waits = false;

	if (first)
		self->wait_mask = 0;
	else
		wanted &= self->wait_mask;
	self->wait_key = key;
	for (; wanted; wanted &= wanted - 1) {
		unsigned i = (unsigned)__builtin_ctz(wanted);
		struct vgic_irq *irq = &access->irqs[i];
		uint64_t w = word_load(irq);

		if (first && !word_live(access->vgic, w))
			continue;
		if (first ? word_holder(w) == self->index || irq_sync(access->vgic, self, irq, 0)
			  : (w & W_SYNC) || own_live(access, 1u << i)) {
			self->wait_mask |= 1u << i;
			waits = true;
		}
	}
	if (waits)
		return VGIC_AGAIN;
	self->wait_key = 0;
	return VGIC_DONE;
}

static uint32_t all_of(const struct access *access)
{
	return (uint32_t)((1ull << access->n) - 1);
}

/* --- One bit an interrupt ----------------------------------------------------------------------- */

static void change(struct access *access, unsigned i, uint64_t clear, uint64_t set)
{
	irq_change(access->vgic, access->self, &access->irqs[i], clear, set);
}

static bool mapped(const struct access *access, unsigned i)
{
	return irq_hwirq(&access->irqs[i]) != 0;
}

/* In a GICv2 an SGI is made pending, or not, by source: GICD_SPENDSGIR. */
static uint32_t pendable(const struct access *access)
{
	if (IS_V2(access->vgic) && access->owner)
		return all_of(access) & ~((1u << SGIS) - 1);
	return all_of(access);
}

enum vgic_result read_group(struct access *access, uint64_t *value)
{
	for (unsigned i = 0; i < access->n; i++)
		*value |= (uint64_t) !!(word_load(&access->irqs[i]) & W_GROUP1) << i;
	return VGIC_DONE;
}

enum vgic_result write_group(struct access *access, uint64_t value)
{
	for (unsigned i = 0; i < access->n; i++) {
		uint64_t group = value >> i & 1 ? W_GROUP1 : 0;

		if ((word_load(&access->irqs[i]) & W_GROUP1) != group)
			change(access, i, W_GROUP1, group);
	}
	return VGIC_DONE;
}

/*
 * From the top, so that each interrupt costs one load and one shift (W_ENABLED is bit 63); by eight,
 * so that it costs no more than that. n is a multiple of 8 but for the last SPIs.
 */
static uint32_t enabled_bits(const struct access *access)
{
	const struct vgic_irq *irq = access->irqs + access->n;
	unsigned n = access->n;
	uint64_t bits = 0;

	_Static_assert(W_ENABLED >> 63 == 1, "the shifts below");
	for (; n % 8; n--)
		bits = bits << 1 | word_load(--irq) >> 63;
	for (; n; n -= 8) {
		irq -= 8;
		bits = bits << 1 | word_load(&irq[7]) >> 63;
		bits = bits << 1 | word_load(&irq[6]) >> 63;
		bits = bits << 1 | word_load(&irq[5]) >> 63;
		bits = bits << 1 | word_load(&irq[4]) >> 63;
		bits = bits << 1 | word_load(&irq[3]) >> 63;
		bits = bits << 1 | word_load(&irq[2]) >> 63;
		bits = bits << 1 | word_load(&irq[1]) >> 63;
		bits = bits << 1 | word_load(&irq[0]) >> 63;
	}
	return (uint32_t)bits;
}

enum vgic_result read_enable(struct access *access, uint64_t *value)
{
	*value = enabled_bits(access);
	return VGIC_DONE;
}

enum vgic_result write_senable(struct access *access, uint64_t value)
{
	uint32_t bits = (uint32_t)value & all_of(access);

	if (bits & (bits - 1)) /* drivers write one, or all: look for what is new */
		bits &= ~enabled_bits(access);
	for (; bits; bits &= bits - 1) {
		unsigned i = (unsigned)__builtin_ctz(bits);
		uint64_t w = word_load(&access->irqs[i]);

		/*
		 * What a mapped one had while disabled has to be looked at: its line may have fallen, and
		 * the end of an active one may have made the physical interrupt inactive.
		 */
		if (mapped(access, i) && (w & (W_LINE | W_LATCH)))
			change(access, i, 0, W_ENABLED | W_PHYSICAL);
		else
			change(access, i, 0, W_ENABLED);
	}
	return VGIC_DONE;
}

/* RWP stays set until it has left the list registers of a running vCPU. */
enum vgic_result write_cenable(struct access *access, uint64_t value)
{
	uint32_t bits = (uint32_t)value & all_of(access);

	if (bits & (bits - 1))
		bits &= enabled_bits(access);
	for (; bits; bits &= bits - 1) {
		unsigned i = (unsigned)__builtin_ctz(bits);

		change(access, i, W_ENABLED, 0);
		irq_sync(access->vgic, access->self, &access->irqs[i], 0);
	}
	return VGIC_DONE;
}

/* In another vCPU's list register as pending, when that was last entered. */
static bool in_lr_pending(uint64_t w)
{
	return (w & W_LR_PENDING) && !(w & W_RETRACT);
}

/*
 * A mapped level-sensitive input is what its physical line is. One that was told to be high, and is
 * not any more, is settled.
 */
static bool sampled_pending(struct access *access, unsigned i, uint64_t w)
{
	struct vgic *vgic = access->vgic;
	bool line =
		vgic->port.hwirq_line(vgic->host, access->self->index, hwirq_of(&access->irqs[i]));

	if (!line && (w & (W_LINE | W_LR_PENDING)))
		change(access, i, W_LINE, W_PHYSICAL);
	return line || (w & W_LATCH) || in_lr_pending(w);
}

/*
 * What the guest is to see. The line of another vCPU's private interrupt cannot be sampled here: it
 * is what was last told.
 */
static bool seen_pending(struct access *access, unsigned i)
{
	uint64_t w = word_load(&access->irqs[i]);

	if ((irq_hwirq(&access->irqs[i]) & HWIRQ_LEVEL) && (w & W_LEVEL) &&
	    (!access->owner || access->owner == access->self))
		return sampled_pending(access, i, w);
	return word_pending(w) || in_lr_pending(w);
}

enum vgic_result read_pending(struct access *access, uint64_t *value)
{
	if (settle_truth(access, all_of(access)) == VGIC_AGAIN)
		return VGIC_AGAIN;
	for (unsigned i = 0; i < access->n; i++)
		*value |= (uint64_t)seen_pending(access, i) << i;
	return VGIC_DONE;
}

enum vgic_result write_spend(struct access *access, uint64_t value)
{
	for (uint32_t bits = (uint32_t)value & pendable(access); bits; bits &= bits - 1) {
		unsigned i = (unsigned)__builtin_ctz(bits);

		change(access, i, 0, W_LATCH | (mapped(access, i) ? W_PHYSICAL : 0));
	}
	return VGIC_DONE;
}

/*
 * Clear `state` in the words of these interrupts; ask `request` of a list register that has one,
 * and `physical` where there is a physical interrupt. Only where the word has all of `only`.
 */
enum vgic_result clear_state(struct access *access, uint32_t bits, uint64_t state, uint64_t request,
			     uint64_t physical, uint64_t only)
{
	bits &= all_of(access);
	if (own_live(access, bits))
		return VGIC_AGAIN;
	for (; bits; bits &= bits - 1) {
		unsigned i = (unsigned)__builtin_ctz(bits);
		struct vgic_irq *irq = &access->irqs[i];
		uint64_t old = word_load(irq), now = old;

		do {
			if ((old & only) != only)
				break;
			now = old & ~state;
			if (old & W_IN_LR)
				now |= request;
			if (mapped(access, i))
				now |= physical;
			if (now != old && word_needs_look(now))
				now |= W_QUEUED;
		} while (!word_cas(irq, &old, now));
		if ((old & only) == only && ((now & ~old) & W_QUEUED))
			irq_post(access->vgic, access->self, irq, now);
	}
	return VGIC_DONE;
}

enum vgic_result write_cpend(struct access *access, uint64_t value)
{
	return clear_state(access, (uint32_t)value & pendable(access), W_LATCH, W_RETRACT,
			   W_PHYSICAL | W_PHYSICAL_CLEAR, 0);
}

enum vgic_result read_active(struct access *access, uint64_t *value)
{
	if (settle_truth(access, all_of(access)) == VGIC_AGAIN)
		return VGIC_AGAIN;
	for (unsigned i = 0; i < access->n; i++)
		*value |= (uint64_t) !!(word_load(&access->irqs[i]) & W_ACTIVE) << i;
	return VGIC_DONE;
}

enum vgic_result write_sactive(struct access *access, uint64_t value)
{
	uint32_t bits = (uint32_t)value & all_of(access);

	if (settle_truth(access, bits) == VGIC_AGAIN)
		return VGIC_AGAIN;
	if (bits && !access->owner && dir_by_hand(access->vgic))
		return VGIC_AGAIN;
	for (; bits; bits &= bits - 1) {
		unsigned i = (unsigned)__builtin_ctz(bits);

		if (word_load(&access->irqs[i]) & W_ACTIVE)
			continue;
		change(access, i, W_DROPPED,
		       W_ACTIVE | W_ACK | (mapped(access, i) ? W_PHYSICAL : 0));
	}
	return VGIC_DONE;
}

enum vgic_result write_cactive(struct access *access, uint64_t value)
{
	return clear_state(access, (uint32_t)value, W_ACTIVE, W_DEACTIVATE, W_PHYSICAL, 0);
}

/* --- Eight bits an interrupt, by byte or word --------------------------------------------------- */

enum vgic_result read_priority(struct access *access, uint64_t *value)
{
	for (unsigned i = 0; i < access->n; i++)
		*value |= (uint64_t)word_priority(word_load(&access->irqs[i])) << 8 * i;
	return VGIC_DONE;
}

enum vgic_result write_priority(struct access *access, uint64_t value)
{
	unsigned implemented = 0xff00u >> access->vgic->config.priority_bits & 0xff;

	for (unsigned i = 0; i < access->n; i++, value >>= 8) {
		uint64_t priority = (value & implemented) << W_PRIORITY_SHIFT;

		if ((word_load(&access->irqs[i]) & W_PRIORITY) != priority)
			change(access, i, W_PRIORITY, priority);
	}
	return VGIC_DONE;
}

/* --- Two bits an interrupt ---------------------------------------------------------------------- */

static bool is_sgi(const struct access *access, unsigned i)
{
	return access->owner && &access->irqs[i] - access->owner->private < (int)SGIS;
}

enum vgic_result read_config(struct access *access, uint64_t *value)
{
	for (unsigned i = 0; i < access->n; i++)
		if (!(word_load(&access->irqs[i]) & W_LEVEL))
			*value |= 2ull << 2 * i;
	return VGIC_DONE;
}

/* A line that is high starts to make it pending, or ceases to: a physical interrupt has to follow. */
enum vgic_result write_config(struct access *access, uint64_t value)
{
	for (unsigned i = 0; i < access->n; i++) {
		uint64_t level = value >> (2 * i + 1) & 1 ? 0 : W_LEVEL;

		if (!is_sgi(access, i) && (word_load(&access->irqs[i]) & W_LEVEL) != level)
			change(access, i, W_LEVEL, level | (mapped(access, i) ? W_PHYSICAL : 0));
	}
	return VGIC_DONE;
}
