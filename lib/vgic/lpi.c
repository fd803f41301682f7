/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * LPIs: interrupts without an active state, configured by a byte each in the guest's memory. What an ITS
 * tells redistributors is here, and their registers for it; the ITS itself is lib/vits. IHI 0069 5.1, 5.2,
 * 12.11.
 *
 * An LPI's word is like any other's. W_CONFIG says that its configuration has to be read; with it,
 * W_ENABLED is set, so that it is looked at once it is pending, by the vCPU that it goes to, which reads
 * the byte then: lpi_configure(). So neither a raise nor an invalidation reads memory.
 *
 * Each vCPU has a bit for each LPI (`noted`), set if it may be the LPI's target, and the LPI is pending or
 * its configuration is known. Who makes it so sets the bit after the word; who looks for such LPIs clears
 * the bit before the word. A bit that says too much is harmless.
 */
#include "internal.h"

#define PROPBASER_ADDRESS 0x000ffffffffff000ull
#define PROPBASER_IDBITS  0x1full
#define PROPBASER_BITS    (7ull << 56 | PROPBASER_ADDRESS | 0xf80ull | PROPBASER_IDBITS)
#define PENDBASER_ADDRESS 0x000fffffffff0000ull
#define PENDBASER_PTZ     (1ull << 62)
#define PENDBASER_BITS    (7ull << 56 | PENDBASER_ADDRESS | 0xf80ull)

#define PROPERTY_ENABLE   1u
#define PROPERTY_PRIORITY 0xfcu

/* One step of what takes long. */
#define SLICE_LPIS   256u
#define SLICE_CHUNKS 16u /* of the pending table: 64 bytes each, most of them empty */
#define CHUNK        64u

/* --- Which LPIs concern a vCPU ------------------------------------------------------------------- */

/* Words of 64 LPIs each, and of 64 such words each. */
uint32_t lpi_words(const struct vgic *vgic)
{
	return (vgic->lpi_count + 63) / 64;
}

static uint32_t lpi_summaries(const struct vgic *vgic)
{
	return (lpi_words(vgic) + 63) / 64;
}

/* The word of the interrupt was changed before. acq_rel; partner: take_noted(). */
static void note(struct vgic_vcpu *vcpu, uint32_t n)
{
	uint64_t bit = 1ull << n % 64, in_summary = 1ull << n / 64 % 64;

	__atomic_fetch_or(&vcpu->noted[n / 64], bit, __ATOMIC_ACQ_REL);
	if (!(load_relaxed(&vcpu->noted_summary[n / 4096]) & in_summary))
		__atomic_fetch_or(&vcpu->noted_summary[n / 4096], in_summary, __ATOMIC_RELAXED);
}

/*
 * The bits of one word, cleared. First its bit in the summary: who sets one of these bits afterwards finds
 * that clear.
 */
static uint64_t take_noted(struct vgic_vcpu *vcpu, uint32_t word)
{
	__atomic_fetch_and(&vcpu->noted_summary[word / 64], ~(1ull << word % 64), __ATOMIC_RELAXED);
	return __atomic_exchange_n(&vcpu->noted[word], 0, __ATOMIC_ACQ_REL);
}

/* The first word from `word` on that may have bits; none: as many as there are. */
static uint32_t next_noted(const struct vgic_vcpu *vcpu, uint32_t word)
{
	uint32_t words = lpi_words(vcpu->vgic);

	while (word < words) {
		uint64_t left = load_relaxed(&vcpu->noted_summary[word / 64]) >> word % 64;

		if (left)
			return word + (uint32_t)__builtin_ctzll(left);
		word = (word / 64 + 1) * 64;
	}
	return words;
}

/* --- Configuration ------------------------------------------------------------------------------- */

/* How many LPIs the guest's tables have at this redistributor. */
static uint32_t configured(const struct vgic *vgic, uint64_t propbaser)
{
	unsigned bits = (unsigned)(propbaser & PROPBASER_IDBITS) + 1;
	uint64_t end = bits < 14 ? 0 : (1ull << bits) - VGIC_LPI_BASE;

	return end < vgic->lpi_count ? (uint32_t)end : vgic->lpi_count;
}

/* The byte of LPI `n`, from 0; one that cannot be read says that it is disabled. */
static uint8_t property_of(const struct vgic_vcpu *vcpu, uint32_t n)
{
	const struct vgic *vgic = vcpu->vgic;
	uint64_t propbaser = load_relaxed(&vcpu->propbaser);
	uint8_t property = 0;

	if (n >= load_relaxed(&vcpu->lpi_limit) ||
	    !vgic->port.guest_read(vgic->host, (propbaser & PROPBASER_ADDRESS) + n, &property, 1))
		return 0;
	return property;
}

bool vgic_lpi_property(const struct vgic *vgic, unsigned vcpu, virq_t lpi, uint8_t *property)
{
	if (vcpu >= vgic->config.vcpus || lpi - VGIC_LPI_BASE >= vgic->lpi_count)
		return false;
	*property = property_of(&vgic->vcpus[vcpu], lpi - VGIC_LPI_BASE);
	return true;
}

/*
 * The vCPU that it goes to looks at an LPI whose configuration has to be read. Known comes first, then the
 * bit, then the read: an invalidation of all that are noted either comes before the read, or finds it and
 * says so in the word, which is then read again. Returns the word as it is now.
 */
uint64_t lpi_configure(struct vgic_vcpu *vcpu, struct vgic_irq *irq)
{
	struct vgic *vgic = vcpu->vgic;
	uint32_t n = (uint32_t)(irq - vgic->lpis);
	uint64_t old = word_load(irq), now;
	uint8_t property;

	do {
		if (!lpi_is_unknown(vcpu, old))
			return old;
	} while (!word_cas(irq, &old, old & ~W_CONFIG));
	note(vcpu, n);
	/* Full barrier: what is read is not older than the bit. Partner: take_noted(). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	property = property_of(vcpu, n);
	old = word_load(irq);
	do {
		if (old & W_CONFIG)
			return old;
		now = old & ~(W_ENABLED | W_PRIORITY);
		if (property & PROPERTY_ENABLE)
			now |= W_ENABLED;
		now |= (uint64_t)(property & PROPERTY_PRIORITY & vgic->priority_mask)
		       << W_PRIORITY_SHIFT;
	} while (!word_cas(irq, &old, now));
	return now;
}

/* --- What an ITS asks for ------------------------------------------------------------------------ */

static inline struct vgic_irq *lpi_of(const struct vgic *vgic, virq_t lpi)
{
	return lpi - VGIC_LPI_BASE < vgic->lpi_count ? &vgic->lpis[lpi - VGIC_LPI_BASE] : NULL;
}

static inline struct vgic_vcpu *self_of(struct vgic_cpu *cpu)
{
	return (struct vgic_vcpu *)cpu; /* NULL stays NULL */
}

int vgic_lpi_raise(struct vgic *vgic, struct vgic_cpu *self, unsigned vcpu, virq_t lpi)
{
	struct vgic_irq *irq = lpi_of(vgic, lpi);
	uint64_t old, now;

	if (!irq || vcpu >= vgic->config.vcpus)
		return -VIRQ_ERR_RANGE;
	if (lpi - VGIC_LPI_BASE >= load_relaxed(&vgic->vcpus[vcpu].lpi_limit))
		return 0;
	old = word_load(irq);
	do {
		now = (old & ~W_TARGET) | W_LATCH | vcpu;
		/* What is known of it was read for another redistributor. */
		if ((old ^ now) & W_TARGET)
			now |= W_CONFIG | W_ENABLED;
		if (now != old && word_needs_look(now))
			now |= W_QUEUED;
	} while (!word_cas(irq, &old, now));
	if ((old ^ now) & W_TARGET || (old & W_CONFIG))
		note(&vgic->vcpus[vcpu], lpi - VGIC_LPI_BASE);
	if ((now & ~old) & W_QUEUED)
		irq_post(vgic, self_of(self), irq, now);
	return 0;
}

/*
 * It moves, and is in the inbox of a vCPU whose guest runs: that one was kicked, and will pass it on. Whoever
 * waits for the move finds it at its new vCPU then, among others of other priorities.
 */
static bool waits_in_inbox(const struct vgic *vgic, uint64_t old, uint64_t now)
{
	return (old & W_QUEUED) && ((old ^ now) & W_TARGET) &&
	       load_relaxed(&vgic->vcpus[word_looker(old)].mode) == MODE_RUNNING;
}

/*
 * Change the word of an LPI, and if somebody holds it, have that undone: it may be in a live list register
 * (`request` is for that), or about to go there. Counted until then, as irq_sync() does.
 */
static void withdraw(struct vgic *vgic, struct vgic_vcpu *self, struct vgic_irq *irq,
		     uint64_t clear, uint64_t set, uint64_t request)
{
	uint64_t old = word_load(irq), now;
	bool counted = false, waits;

	do {
		now = (old & ~clear) | set;
		waits = (old & W_HELD) || waits_in_inbox(vgic, old, now);
		if (waits) {
			if (!counted)
				__atomic_fetch_add(&vgic->lpi_rwp, 1, __ATOMIC_RELAXED);
			counted = true;
			now |= W_SYNC | W_QUEUED | (old & W_IN_LR ? request : 0);
		} else if (now != old && word_needs_look(now)) {
			now |= W_QUEUED;
		}
	} while (!word_cas(irq, &old, now));
	if (counted && (!waits || (old & W_SYNC)))
		__atomic_fetch_sub(&vgic->lpi_rwp, 1, __ATOMIC_RELAXED);
	if ((now & ~old) & W_QUEUED)
		irq_post(vgic, self, irq, now);
}

static inline bool lpi_pending(uint64_t w)
{
	return (w & W_LATCH) || ((w & W_LR_PENDING) && !(w & W_RETRACT));
}

int vgic_lpi_clear(struct vgic *vgic, struct vgic_cpu *self, virq_t lpi)
{
	struct vgic_irq *irq = lpi_of(vgic, lpi);

	if (!irq)
		return -VIRQ_ERR_RANGE;
	if (lpi_pending(word_load(irq)))
		withdraw(vgic, self_of(self), irq, W_LATCH, 0, W_RETRACT);
	return 0;
}

/*
 * The target's bit: the configuration that is known of it may be another one there. Who does not take it
 * ignores it: then it is not pending any more.
 */
static void move(struct vgic *vgic, struct vgic_vcpu *self, uint32_t n, unsigned to)
{
	if (n >= load_relaxed(&vgic->vcpus[to].lpi_limit)) {
		withdraw(vgic, self, &vgic->lpis[n], W_LATCH, W_CONFIG | W_ENABLED, W_RETRACT);
		return;
	}
	withdraw(vgic, self, &vgic->lpis[n], W_TARGET, to | W_CONFIG | W_ENABLED, 0);
	note(&vgic->vcpus[to], n);
}

/* A message may have moved it already, while who had it has it in a list register still: that is waited for. */
static bool is_held_elsewhere(uint64_t w, unsigned target)
{
	return (w & W_HELD) && word_holder(w) != target;
}

int vgic_lpi_move(struct vgic *vgic, struct vgic_cpu *self, virq_t lpi, unsigned vcpu)
{
	struct vgic_irq *irq = lpi_of(vgic, lpi);
	uint64_t w;

	if (!irq || vcpu >= vgic->config.vcpus)
		return -VIRQ_ERR_RANGE;
	w = word_load(irq);
	if (word_target(w) != vcpu && lpi_pending(w))
		move(vgic, self_of(self), lpi - VGIC_LPI_BASE, vcpu);
	else if (is_held_elsewhere(w, vcpu))
		withdraw(vgic, self_of(self), irq, 0, 0, 0);
	return 0;
}

static void invalidate(struct vgic *vgic, struct vgic_vcpu *self, struct vgic_irq *irq)
{
	if (!(word_load(irq) & W_CONFIG))
		withdraw(vgic, self, irq, 0, W_CONFIG | W_ENABLED, 0);
}

int vgic_lpi_invalidate(struct vgic *vgic, struct vgic_cpu *self, virq_t lpi)
{
	struct vgic_irq *irq = lpi_of(vgic, lpi);

	if (!irq)
		return -VIRQ_ERR_RANGE;
	/* Full barrier: what the guest wrote comes before it is read again; partner: lpi_configure(). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	invalidate(vgic, self_of(self), irq);
	return 0;
}

/* What is done to each LPI of a vCPU. True: its bit has to be set again. */
typedef bool visit_fn(struct vgic_vcpu *vcpu, struct vgic_vcpu *self, uint32_t n, unsigned to);

static bool visit_invalidate(struct vgic_vcpu *vcpu, struct vgic_vcpu *self, uint32_t n,
			     unsigned to)
{
	struct vgic_irq *irq = &vcpu->vgic->lpis[n];

	(void)to;
	invalidate(vcpu->vgic, self, irq);
	return lpi_pending(word_load(irq));
}

/* One that is not pending has only its configuration forgotten. */
static bool visit_move(struct vgic_vcpu *vcpu, struct vgic_vcpu *self, uint32_t n, unsigned to)
{
	struct vgic_irq *irq = &vcpu->vgic->lpis[n];

	if (word_target(word_load(irq)) != vcpu->index) {
		withdraw(vcpu->vgic, self, irq, 0, 0, 0);
		return false;
	}
	if (!lpi_pending(word_load(irq)))
		invalidate(vcpu->vgic, self, irq);
	if (lpi_pending(word_load(irq)))
		move(vcpu->vgic, self, n, to);
	return false;
}

/* EnableLPIs is about to be set: what is left over from before is not pending. */
static bool visit_forget(struct vgic_vcpu *vcpu, struct vgic_vcpu *self, uint32_t n, unsigned to)
{
	(void)to;
	withdraw(vcpu->vgic, self, &vcpu->vgic->lpis[n], W_LATCH, W_CONFIG | W_ENABLED, W_RETRACT);
	return false;
}

static bool concerns(const struct vgic_vcpu *vcpu, visit_fn *visit, uint64_t w)
{
	return word_target(w) == vcpu->index ||
	       (visit == visit_move && (w & W_HELD) && word_holder(w) == vcpu->index);
}

static bool visit_all(struct vgic_vcpu *vcpu, struct vgic_vcpu *self, visit_fn *visit, unsigned to,
		      uint32_t *cursor, unsigned *budget)
{
	struct vgic *vgic = vcpu->vgic;
	uint32_t word;

	while ((word = next_noted(vcpu, *cursor)) < lpi_words(vgic)) {
		uint64_t left;

		if (!*budget)
			return false;
		for (left = take_noted(vcpu, word); left; left &= left - 1) {
			uint32_t n = 64 * word + (uint32_t)__builtin_ctzll(left);

			*budget -= *budget > 0;
			if (concerns(vcpu, visit, word_load(&vgic->lpis[n])) &&
			    visit(vcpu, self, n, to))
				note(vcpu, n);
		}
		*cursor = word + 1;
	}
	return true;
}

bool vgic_lpis_invalidate(struct vgic *vgic, struct vgic_cpu *self, unsigned vcpu, uint32_t *cursor,
			  unsigned *budget)
{
	if (vcpu >= vgic->config.vcpus)
		return true;
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* as in vgic_lpi_invalidate() */
	return visit_all(&vgic->vcpus[vcpu], self_of(self), visit_invalidate, 0, cursor, budget);
}

bool vgic_lpis_move(struct vgic *vgic, struct vgic_cpu *self, unsigned vcpu, unsigned to,
		    uint32_t *cursor, unsigned *budget)
{
	if (vcpu >= vgic->config.vcpus || to >= vgic->config.vcpus || vcpu == to)
		return true;
	return visit_all(&vgic->vcpus[vcpu], self_of(self), visit_move, to, cursor, budget);
}

/* acquire: what was withdrawn is out of the list registers; partner: account(). */
bool vgic_lpis_settled(const struct vgic *vgic)
{
	return !__atomic_load_n(&vgic->lpi_rwp, __ATOMIC_ACQUIRE);
}

bool vgic_lpi_is_pending(const struct vgic *vgic, virq_t lpi, unsigned *vcpu)
{
	const struct vgic_irq *irq = lpi_of(vgic, lpi);
	uint64_t w = irq ? word_load(irq) : 0;

	if (!lpi_pending(w))
		return false;
	*vcpu = word_target(w);
	return true;
}

bool vgic_guest_read(const struct vgic *vgic, uint64_t at, void *to, size_t bytes)
{
	return vgic->port.guest_read && vgic->port.guest_read(vgic->host, at, to, bytes);
}

bool vgic_guest_write(const struct vgic *vgic, uint64_t at, const void *from, size_t bytes)
{
	return vgic->port.guest_write && vgic->port.guest_write(vgic->host, at, from, bytes);
}

unsigned vgic_vcpus(const struct vgic *vgic)
{
	return vgic->config.vcpus;
}

uint32_t vgic_lpis(const struct vgic *vgic)
{
	return vgic->lpi_count;
}

/* --- EnableLPIs: the pending table is read when it is set, and written when it is cleared ---------- */

/* A slice is over when that many LPIs were handled, however few words they were in. */
static inline void spend(unsigned *budget)
{
	*budget -= *budget > 0;
}

/* 64 LPIs' worth of a vCPU's pending table: a bit for each that is pending here. `take`: and is not any more. */
static uint64_t pending_bits(struct vgic_vcpu *vcpu, uint32_t word, bool take, unsigned *budget)
{
	uint64_t bits = 0;

	for (uint64_t left = load_relaxed(&vcpu->noted[word]); left; left &= left - 1) {
		uint32_t n = 64 * word + (uint32_t)__builtin_ctzll(left);
		uint64_t w = word_load(&vcpu->vgic->lpis[n]);

		spend(budget);
		if (word_target(w) != vcpu->index || !(w & W_LATCH))
			continue;
		bits |= 1ull << n % 64;
		if (take)
			irq_change(vcpu->vgic, NULL, &vcpu->vgic->lpis[n], W_LATCH, 0);
	}
	return bits;
}

static uint64_t pending_table(const struct vgic_vcpu *vcpu)
{
	return (load_relaxed(&vcpu->pendbaser) & PENDBASER_ADDRESS) + VGIC_LPI_BASE / 8;
}

/* The words from *cursor on, at most `chunks` of 8 words; true: that was all. In the guest's byte order. */
static bool store_pending(struct vgic_vcpu *vcpu, uint32_t *cursor, unsigned chunks, bool take)
{
	const struct vgic *vgic = vcpu->vgic;
	uint32_t end = (configured(vgic, vcpu->propbaser) + 63) / 64;
	unsigned budget = SLICE_LPIS;

	for (unsigned i = 0; i < 8 * chunks && *cursor < end && budget; i++, ++*cursor) {
		uint64_t bits = pending_bits(vcpu, *cursor, take, &budget);
		uint8_t bytes[8];

		for (unsigned b = 0; b < 8; b++)
			bytes[b] = (uint8_t)(bits >> 8 * b);
		/* A table that is no memory loses the guest's interrupts, as any write to it would. */
		vgic->port.guest_write(vgic->host, pending_table(vcpu) + 8ull * *cursor, bytes, 8);
	}
	return *cursor >= end;
}

static void raise_bits(struct vgic_vcpu *vcpu, struct vgic_vcpu *self, uint32_t n, uint8_t bits,
		       unsigned *budget)
{
	uint32_t end = configured(vcpu->vgic, vcpu->propbaser);

	for (; bits; bits &= (uint8_t)(bits - 1)) {
		uint32_t lpi = n + (uint32_t)__builtin_ctz(bits);

		spend(budget);
		if (lpi < end)
			vgic_lpi_raise(vcpu->vgic, self ? &self->cpu : NULL, vcpu->index,
				       VGIC_LPI_BASE + lpi);
	}
}

/* One chunk, as far as the budget goes. What is left of it is read again. */
static void load_chunk(struct vgic_vcpu *vcpu, struct vgic_vcpu *self, uint32_t *cursor, uint32_t n,
		       unsigned *budget)
{
	const struct vgic *vgic = vcpu->vgic;
	uint8_t chunk[CHUNK];

	if (!vgic->port.guest_read(vgic->host, pending_table(vcpu) + *cursor, chunk, n)) {
		*cursor += n;
		return;
	}
	for (uint32_t i = 0; i < n && *budget; i++, ++*cursor)
		if (chunk[i])
			raise_bits(vcpu, self, 8 * *cursor, chunk[i], budget);
}

/* The same for reading; the cursor counts bytes. */
static bool load_pending(struct vgic_vcpu *vcpu, struct vgic_vcpu *self, uint32_t *cursor,
			 unsigned chunks)
{
	uint32_t bytes = (configured(vcpu->vgic, vcpu->propbaser) + 7) / 8;
	unsigned budget = SLICE_LPIS;

	if (vcpu->pendbaser & PENDBASER_PTZ)
		return true;
	for (; chunks && budget && *cursor < bytes; chunks--) {
		uint32_t left = bytes - *cursor;

		load_chunk(vcpu, self, cursor, left < CHUNK ? left : CHUNK, &budget);
	}
	return *cursor >= bytes;
}

/* release: what was done in the last one is seen by who sees the next; partner: gicr_ctlr(). */
static void set_phase(struct vgic_vcpu *vcpu, enum lpi_phase phase)
{
	__atomic_store_n(&vcpu->lpi_phase, (uint8_t)phase, __ATOMIC_RELEASE);
}

/*
 * One slice of what EnableLPIs has come to mean; true: at rest. While it is being cleared nothing new comes
 * in or is delivered (`lpi_limit`); what was delivered but not taken comes back with its list register.
 */
static bool lpis_step(struct vgic_vcpu *vcpu, struct vgic_vcpu *self)
{
	unsigned budget = SLICE_LPIS;
	uint32_t *cursor = &vcpu->lpi_cursor;

	switch (vcpu->lpi_phase) {
	case LPIS_FORGETTING:
		if (!visit_all(vcpu, self, visit_forget, 0, cursor, &budget))
			return false;
		*cursor = 0;
		set_phase(vcpu, LPIS_LOADING);
		store_relaxed(&vcpu->lpi_limit, configured(vcpu->vgic, vcpu->propbaser));
		return false;
	case LPIS_LOADING:
		if (!load_pending(vcpu, self, cursor, SLICE_CHUNKS))
			return false;
		store_relaxed(&vcpu->pendbaser, vcpu->pendbaser & ~PENDBASER_PTZ);
		set_phase(vcpu, LPIS_ON);
		return true;
	case LPIS_WITHDRAWING:
		if (!visit_all(vcpu, self, visit_invalidate, 0, cursor, &budget))
			return false;
		if (!vgic_lpis_settled(vcpu->vgic))
			return false;
		*cursor = 0;
		set_phase(vcpu, LPIS_STORING);
		return false;
	case LPIS_STORING:
		if (!store_pending(vcpu, cursor, SLICE_CHUNKS, true))
			return false;
		set_phase(vcpu, LPIS_OFF);
		return true;
	default:
		return true;
	}
}

static void lpis_start(struct vgic_vcpu *vcpu, bool on)
{
	vcpu->lpi_cursor = 0;
	if (!on)
		store_relaxed(&vcpu->lpi_limit, 0);
	set_phase(vcpu, on ? LPIS_FORGETTING : LPIS_WITHDRAWING);
}

static void tell_invalidated(const struct vgic_vcpu *owner, virq_t lpi)
{
	const struct vgic *vgic = owner->vgic;

	if (vgic->port.lpi_invalidated)
		vgic->port.lpi_invalidated(vgic->host, owner->index, lpi);
}

/* GICR_CTLR.EnableLPIs is written. Two may do so at once: what is under way is finished first. */
enum vgic_result lpis_switch(struct vgic_vcpu *vcpu, struct vgic_vcpu *self, bool on)
{
	enum lpi_phase before;
	bool at_rest, changed;

	if (!vcpu->vgic->lpi_count)
		return VGIC_DONE;
	if (!lock_try(&vcpu->lpi_lock))
		return VGIC_AGAIN;
	before = (enum lpi_phase)vcpu->lpi_phase;
	at_rest = lpis_step(vcpu, self);
	changed = vcpu->lpi_phase != before && at_rest;
	if (at_rest && (vcpu->lpi_phase == LPIS_ON) != on) {
		lpis_start(vcpu, on);
		at_rest = false;
	}
	lock_drop(&vcpu->lpi_lock);
	/* Nothing is cached of what was off, nor delivered of what is off now. */
	if (changed)
		tell_invalidated(vcpu, 0);
	return at_rest ? VGIC_DONE : VGIC_AGAIN;
}

/* --- Registers ----------------------------------------------------------------------------------- */

#define GICR_INVLPIR 0xa0u
#define GICR_INVALLR 0xb0u
#define GICR_SYNCR   0xc0u

/* PROPBASER or PENDBASER, of 64 bits; PTZ reads as 0. */
uint64_t lpi_base_read(const struct vgic_vcpu *owner, uint32_t offset)
{
	if (offset == GICR_PROPBASER)
		return load_relaxed(&owner->propbaser);
	return load_relaxed(&owner->pendbaser) & ~PENDBASER_PTZ;
}

/* Ignored while EnableLPIs is set: IHI 0069 12.11.27, 12.11.33. */
enum vgic_result lpi_base_write(struct vgic_vcpu *owner, uint32_t offset, uint64_t mask,
				uint64_t value)
{
	uint64_t *base = offset == GICR_PROPBASER ? &owner->propbaser : &owner->pendbaser;
	uint64_t bits = offset == GICR_PROPBASER ? PROPBASER_BITS : PENDBASER_BITS | PENDBASER_PTZ;

	if (!owner->vgic->lpi_count)
		return VGIC_DONE;
	if (!lock_try(&owner->lpi_lock))
		return VGIC_AGAIN;
	if (owner->lpi_phase == LPIS_OFF)
		store_relaxed(base, ((load_relaxed(base) & ~mask) | (value & mask)) & bits);
	lock_drop(&owner->lpi_lock);
	return VGIC_DONE;
}

/* The cursor is that of who writes: it has one access at a time. */
static enum vgic_result write_invall(struct access *access)
{
	struct vgic_vcpu *self = access->self;
	unsigned budget = SLICE_LPIS;

	if (self->invall_of != access->owner->index)
		self->invall_cursor = 0;
	self->invall_of = access->owner->index;
	if (!vgic_lpis_invalidate(access->vgic, &self->cpu, self->invall_of, &self->invall_cursor,
				  &budget))
		return VGIC_AGAIN;
	self->invall_cursor = 0;
	return VGIC_DONE;
}

/* Of 64 bits; the half with the INTID is what counts. */
enum vgic_result write_gicr_lpi(struct access *access, uint64_t value)
{
	virq_t lpi = (virq_t)value;
	enum vgic_result result = VGIC_DONE;

	if (!access->vgic->lpi_count)
		return VGIC_DONE;
	switch (access->offset) {
	case GICR_INVLPIR:
		if (!vgic_lpi_invalidate(access->vgic, &access->self->cpu, lpi))
			tell_invalidated(access->owner, lpi);
		return VGIC_DONE;
	case GICR_INVALLR:
		result = write_invall(access);
		if (result == VGIC_DONE)
			tell_invalidated(access->owner, 0);
		return result;
	default:
		return VGIC_DONE;
	}
}

/* SYNCR.Busy. */
enum vgic_result read_gicr_lpi(struct access *access, uint64_t *value)
{
	if (access->offset == GICR_SYNCR && access->bytes == 4)
		*value = !vgic_lpis_settled(access->vgic);
	return VGIC_DONE;
}

/* --- Reset, save and restore --------------------------------------------------------------------- */

void lpis_reset(struct vgic *vgic)
{
	for (uint32_t i = 0; i < vgic->lpi_count; i++) {
		vgic->lpis[i].place = PLACE_NONE;
		store_relaxed(&vgic->lpis[i].word, W_GROUP1 | W_CONFIG | W_ENABLED);
	}
	for (unsigned v = 0; v < vgic->config.vcpus; v++) {
		struct vgic_vcpu *vcpu = &vgic->vcpus[v];

		store_relaxed(&vcpu->lpi_limit, 0);
		set_phase(vcpu, LPIS_OFF);
		vcpu->lpi_cursor = vcpu->invall_cursor = 0;
		store_relaxed(&vcpu->propbaser, 0);
		store_relaxed(&vcpu->pendbaser, 0);
		for (uint32_t i = 0; i < lpi_words(vgic); i++)
			store_relaxed(&vcpu->noted[i], 0);
		for (uint32_t i = 0; i < lpi_summaries(vgic); i++)
			store_relaxed(&vcpu->noted_summary[i], 0);
	}
	store_relaxed(&vgic->lpi_rwp, 0);
}

size_t lpi_notes_size(uint32_t lpis)
{
	size_t words = (lpis + 63) / 64;

	return 8 * (words + (words + 63) / 64);
}

/* What restore takes. */
const char *lpis_check(const struct lpis_state *state)
{
	if (state->ctlr & ~1u)
		return "GICR_CTLR: bits that are not EnableLPIs";
	if (state->propbaser & ~PROPBASER_BITS)
		return "GICR_PROPBASER: bits that are not there";
	if (state->pendbaser & ~PENDBASER_BITS)
		return "GICR_PENDBASER: bits that are not there";
	return NULL;
}

/*
 * The tables go to the guest's memory. A redistributor in between is what it was on its way to be: what it
 * has to forget, or to load still, is not in its words, and its table is as it was.
 */
struct lpis_state lpis_save(struct vgic_vcpu *vcpu)
{
	bool on = vcpu->lpi_phase == LPIS_ON || vcpu->lpi_phase == LPIS_LOADING ||
		  vcpu->lpi_phase == LPIS_FORGETTING;
	uint32_t cursor = 0;

	while (vcpu->lpi_phase != LPIS_ON && vcpu->lpi_phase != LPIS_OFF)
		lpis_step(vcpu, NULL);
	if (on)
		while (!store_pending(vcpu, &cursor, SLICE_CHUNKS, false))
			;
	return (struct lpis_state){
		.ctlr = on,
		.propbaser = vcpu->propbaser,
		.pendbaser = vcpu->pendbaser & ~PENDBASER_PTZ,
	};
}

void lpis_restore(struct vgic_vcpu *vcpu, const struct lpis_state *state)
{
	uint32_t cursor = 0;

	store_relaxed(&vcpu->propbaser, state->propbaser);
	store_relaxed(&vcpu->pendbaser, state->pendbaser);
	store_relaxed(&vcpu->lpi_limit,
		      state->ctlr & 1 ? configured(vcpu->vgic, vcpu->propbaser) : 0);
	set_phase(vcpu, state->ctlr & 1 ? LPIS_ON : LPIS_OFF);
	if (!(state->ctlr & 1))
		return;
	while (!load_pending(vcpu, NULL, &cursor, SLICE_CHUNKS))
		;
}
