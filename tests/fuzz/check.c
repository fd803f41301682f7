/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What must hold after every step: the invariants of lib/vgic/word.md, looked up in the library's own
 * structures, and list registers that Arm IHI 0069 12.5.9 (IHI 0048 5.3.9) allows.
 */
#include "fuzz.h"

#include <vgic/internal.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where an interrupt was met. */
struct seen {
	uint8_t lists, places;
};

static void require_irq(const struct machine *m, const struct vgic_irq *irq, bool ok,
			const char *what)
{
	uint64_t w = word_load(irq);

	if (ok)
		return;
	fprintf(stderr, "fuzz: interrupt %u (%u of all), word %#llx, place %u, bucket %u\n",
		irq_intid(irq), (unsigned)(irq - m->vgic->irqs), (unsigned long long)w, irq->place,
		irq->bucket);
	require(false, what);
}

static struct vgic_irq *irq_checked(const struct machine *m, link_t link)
{
	uintptr_t first = (uintptr_t)m->vgic->irqs - (uintptr_t)m->vgic;

	require(link >= first && (link - first) % sizeof(struct vgic_irq) == 0 &&
			(link - first) / sizeof(struct vgic_irq) < m->irqs,
		"a link to what is no interrupt");
	return irq_at(m->vgic, link);
}

static struct seen *seen_of(const struct machine *m, const struct vgic_irq *irq)
{
	return &m->seen[irq - m->vgic->irqs];
}

/* --- List registers ------------------------------------------------------------------------------ */

static void check_twins(const struct machine *m, unsigned v, unsigned n)
{
	unsigned intid = lr_vintid(m->vcpu[v].hw.lr[n]);
	bool is_private = intid < 32 || (intid >= 1056 && intid < 1120);

	for (unsigned u = 0; u < m->config.vcpus; u++) {
		if (m->vcpu[u].where != GUEST || (u != v && is_private))
			continue;
		for (unsigned i = 0; i < m->config.lrs; i++)
			require((u == v && i == n) || lr_vintid(m->vcpu[u].hw.lr[i]) != intid ||
					lr_state(m->vcpu[u].hw.lr[i]) == LR_INVALID,
				"one interrupt in two list registers");
	}
}

static bool is_wired(const struct machine *m, unsigned v, uint64_t lr)
{
	for (unsigned n = 0; n < WIRES; n++) {
		const struct wire *wire = &m->wires[n];

		if (wire->mapped && wire->virq == lr_vintid(lr) && wire->hwirq == lr_pintid(lr) &&
		    (wire->hwirq >= 32 || wire->vcpu == v) && !(wire->how & VGIC_HWIRQ_SOFT))
			return true;
	}
	return false;
}

void check_lrs(struct machine *m, unsigned v)
{
	const struct cpuif *hw = &m->vcpu[v].hw;

	for (unsigned n = 0; n < m->config.lrs; n++) {
		uint64_t lr = hw->lr[n];
		const char *fault = lr_fault(hw, lr);

		if (lr_state(lr) == LR_INVALID)
			continue;
		require(!fault, fault);
		require(irq_of(m->vgic, v, lr_vintid(lr)) ||
				lr_vintid(lr) - VGIC_LPI_BASE < m->vgic->lpi_count,
			"a list register with an unknown vINTID");
		require(!lr_hw(lr) || is_wired(m, v, lr),
			"HW = 1 with a physical INTID not mapped to it");
		require(m->vcpu[v].image.live >> n & 1,
			"a list register holds something and is not live");
		check_twins(m, v, n);
	}
}

/*
 * Entered, and nothing came in since: what is pending in a list register is enabled, for here, and its
 * group is forwarded.
 */
void check_entered(struct machine *m, unsigned v)
{
	const struct vgic_vcpu *vcpu = &m->vgic->vcpus[v];
	unsigned groups = vcpu->asleep ? 0 : m->vgic->groups;

	for (unsigned n = 0; n < m->config.lrs; n++) {
		uint64_t lr = m->vcpu[v].hw.lr[n];
		const struct vgic_irq *irq = vcpu->slots[n].irq;

		if (lr_state(lr) != LR_PENDING)
			continue;
		require_irq(m, irq, word_load(irq) & W_ENABLED, "disabled, and in a list register");
		require_irq(m, irq, word_target(word_load(irq)) == v,
			    "another vCPU's, in a list register");
		require_irq(m, irq, groups >> lr_group(lr) & 1,
			    "its group is off, and it is in a list register");
		require_irq(m, irq, lr_group(lr) == !!(word_load(irq) & W_GROUP1),
			    "in the wrong group");
		require_irq(m, irq, lr_priority(lr) == word_priority(word_load(irq)),
			    "with the wrong priority");
	}
}

/* --- SINGLE --------------------------------------------------------------------------------------- */

static void walk_list(const struct machine *m, link_t list)
{
	while (list) {
		struct vgic_irq *irq = irq_checked(m, list);

		require_irq(m, irq, !seen_of(m, irq)->lists++,
			    "in two lists, or in one that loops");
		require_irq(m, irq, word_load(irq) & W_QUEUED, "in a list and not QUEUED");
		list = irq->next;
	}
}

/* A settled interrupt, which is not QUEUED, hangs where its word says that it belongs. */
static void check_settled(const struct machine *m, const struct vgic_vcpu *vcpu,
			  const struct vgic_irq *irq)
{
	uint64_t w = word_load(irq);

	if (irq->place == PLACE_ACTIVE) {
		require_irq(m, irq, w & W_ACTIVE, "outside, and not active");
		require_irq(m, irq, irq->bucket == active_level(m->vgic, w),
			    "among the actives, in the wrong order");
		return;
	}
	require_irq(m, irq, word_wanted(w) && !(w & W_ACTIVE), "ready, and not to be delivered");
	require_irq(m, irq, word_target(w) == vcpu->index, "ready, and another vCPU's");
	require_irq(m, irq, irq->place == (w & W_GROUP1 ? PLACE_PENDING1 : PLACE_PENDING0),
		    "ready, in the other group");
	require_irq(m, irq, irq->bucket == level_of(m->vgic, word_priority(w)),
		    "ready, in the wrong order");
}

static void check_queued(const struct machine *m, const struct vgic_vcpu *vcpu, unsigned place,
			 unsigned level, const struct vgic_irq *irq)
{
	uint64_t w = word_load(irq);

	require_irq(m, irq, !seen_of(m, irq)->places++, "in two queues, or in one that loops");
	require_irq(m, irq, (w & W_HELD) && word_holder(w) == vcpu->index,
		    "in the queue of another");
	require_irq(m, irq, !(w & W_IN_LR), "in a queue and in a list register");
	require_irq(m, irq, irq->place == place && irq->bucket == level, "in a queue, place wrong");
	require_irq(m, irq, irq_checked(m, irq->q_next)->q_prev == link_to(m->vgic, irq),
		    "a queue's links do not fit");
	if (!(w & W_QUEUED))
		check_settled(m, vcpu, irq);
}

static void walk_queue(const struct machine *m, const struct vgic_vcpu *vcpu,
		       const struct queue *queue, unsigned place)
{
	unsigned levels = (1u << m->config.priority_bits) + 1, level, count = 0;

	for (level = 0; level < levels; level++) {
		link_t head = queue->heads[level], at = head;

		require(level > 255 ? !head
				    : !head == !(queue->summary[level / 64] >> level % 64 & 1),
			"a queue's summary does not fit");
		for (; at; count++) {
			struct vgic_irq *irq = irq_checked(m, at);

			check_queued(m, vcpu, place, level, irq);
			at = irq->q_next == head ? 0 : irq->q_next;
		}
	}
	require(count == queue->count, "a queue's count does not fit");
}

static void walk_slots(const struct machine *m, const struct vgic_vcpu *vcpu)
{
	require(!(vcpu->live >> m->config.lrs), "a list register in use that does not exist");
	for (uint32_t live = vcpu->live; live; live &= live - 1) {
		unsigned n = (unsigned)__builtin_ctz(live);
		const struct vgic_irq *irq = vcpu->slots[n].irq;
		uint64_t w = word_load(irq);

		require_irq(m, irq, !seen_of(m, irq)->places++, "in a list register and elsewhere");
		require_irq(m, irq, (w & W_IN_LR) && word_holder(w) == vcpu->index,
			    "in the list register of another");
		require_irq(m, irq, irq->place == PLACE_LR && irq->bucket == n,
			    "in a list register, place wrong");
	}
}

/* --- The rest of word.md ------------------------------------------------------------------------- */

static void check_words(const struct machine *m)
{
	for (unsigned i = 0; i < m->irqs; i++) {
		const struct vgic_irq *irq = &m->vgic->irqs[i];
		uint64_t w = word_load(irq);

		require_irq(m, irq, word_valid(w), "the word is not valid");
		require_irq(m, irq,
			    (word_target(w) == TARGET_NONE || word_target(w) < m->config.vcpus) &&
				    (!(w & W_HELD) || word_holder(w) < m->config.vcpus),
			    "IN_RANGE");
		require_irq(m, irq,
			    !irq_has_sources(m->vgic, irq) || !(w & W_LATCH) == !(w & W_SOURCES),
			    "an SGI that is pending from nobody");
		require_irq(m, irq, m->seen[i].lists == !!(w & W_QUEUED), "QUEUED, and in no list");
		require_irq(m, irq, m->seen[i].places == !!(w & W_HELD), "HELD, and nowhere");
		require_irq(m, irq, !(w & W_REQUESTS) || (w & W_QUEUED),
			    "a request that nobody sees");
		require_irq(m, irq,
			    !word_wanted(w) || word_target(w) == TARGET_NONE ||
				    (w & (W_ACTIVE | W_QUEUED)) ||
				    ((w & W_HELD) && word_holder(w) == word_target(w)),
			    "NOT_LOST: wanted, and not on its way");
		require_irq(m, irq, !(w & W_ACTIVE) || (w & (W_HELD | W_QUEUED)),
			    "active, and nobody has it");
	}
}

/* lpi.c's head: whoever goes through the LPIs of a vCPU finds those that matter. */
static void check_noted(const struct machine *m)
{
	for (uint32_t n = 0; n < m->vgic->lpi_count; n++) {
		const struct vgic_irq *irq = &m->vgic->lpis[n];
		uint64_t w = word_load(irq);
		bool pending = (w & W_LATCH) || ((w & W_LR_PENDING) && !(w & W_RETRACT));
		const struct vgic_vcpu *vcpu;

		if (!pending && (w & W_CONFIG))
			continue;
		vcpu = &m->vgic->vcpus[word_target(w)];
		require_irq(m, irq, vcpu->noted[n / 64] >> n % 64 & 1, "an LPI that is not noted");
		require_irq(m, irq, vcpu->noted_summary[n / 4096] >> n / 64 % 64 & 1,
			    "an LPI that is noted, and not in the summary");
	}
}

static void check_rwp(const struct machine *m)
{
	const struct vgic *vgic = m->vgic;
	uint32_t shared = 0, lpis = 0;

	for (const struct vgic_irq *irq = vgic->shared; irq < vgic->irqs + m->irqs; irq++)
		*(irq_is_lpi(vgic, irq) ? &lpis : &shared) += !!(word_load(irq) & W_SYNC);
	require(lpis == vgic->lpi_rwp, "RWP_COUNTS: LPIs");
	for (unsigned v = 0; v < m->config.vcpus; v++) {
		const struct vgic_vcpu *vcpu = &vgic->vcpus[v];
		uint32_t own = 0;

		shared += !!(vcpu->cpu.resettle & RESETTLE_COUNTED);
		for (unsigned i = 0; i < vgic->privates; i++)
			own += !!(word_load(&vcpu->private[i]) & W_SYNC);
		require(own == vcpu->rwp, "RWP_COUNTS: GICR_CTLR.RWP");
	}
	require(shared == vgic->rwp, "RWP_COUNTS: GICD_CTLR.RWP");
}

static void check_dir(const struct machine *m)
{
	uint32_t sharers = 0, free_runners = 0;

	for (unsigned v = 0; v < m->config.vcpus; v++) {
		const struct vgic_vcpu *vcpu = &m->vgic->vcpus[v];

		sharers += vcpu->sharing;
		free_runners += vcpu->runs_free;
		require(!vcpu->runs_free || m->vcpu[v].where == GUEST,
			"runs free, and not in its guest");
	}
	require(sharers == m->vgic->sharers, "who shares is counted wrong");
	require(free_runners == m->vgic->free_runners, "who runs free is counted wrong");
}

/* Nobody is left alone with something to look at: whoever runs or sleeps was kicked. */
static void check_told(const struct machine *m, unsigned v)
{
	const struct vgic_vcpu *vcpu = &m->vgic->vcpus[v];
	uint32_t resettle = vcpu->cpu.resettle &
			    ~(m->vcpu[v].where == BLOCKED ? RESETTLE_ENTER : 0);
	bool something = vcpu->cpu.own || vcpu->cpu.inbox || resettle;

	require(!vcpu->forward, "forwarded, and not posted");
	require(!vcpu->stash || vgic_attention(&vcpu->cpu), "stashed, and no attention");
	require(!vcpu->lock.held, "a lock is held");
	if (m->vcpu[v].where == UNLOADED)
		require(!vcpu->cpu.inbox && !vcpu->cpu.own &&
				!(vcpu->cpu.resettle & RESETTLE_COUNTED),
			"something waits for a vCPU that nobody runs");
	else if (m->vcpu[v].where != OUTSIDE && !m->vcpu[v].waiting && !m->vcpu[v].kicked)
		require(!something, "something came in, and nobody was kicked");
}

static void check_plain(const struct machine *m, unsigned v)
{
	const struct vgic_vcpu *vcpu = &m->vgic->vcpus[v];

	if (vcpu->mode != MODE_RUNNING || vcpu->hw_hcr != vcpu->plain_hcr || is_soft(m))
		return;
	if (vcpu->cpu.resettle)
		return; /* a refill that failed: exit and enter come next */
	for (unsigned g = 0; g < 2; g++)
		require(!(vcpu->groups >> g & 1) || !vcpu->pending[g].count,
			"EMPTY_WHEN_PLAIN: pending");
	require(!vcpu->active.count, "EMPTY_WHEN_PLAIN: active");
}

void check_init(struct machine *m)
{
	m->irqs = m->vgic->privates * m->config.vcpus + m->config.spis + m->config.espis +
		  m->vgic->lpi_count;
	free(m->seen);
	m->seen = calloc(m->irqs, sizeof(*m->seen));
}

void check_step(struct machine *m)
{
	memset(m->seen, 0, m->irqs * sizeof(*m->seen));
	for (unsigned v = 0; v < m->config.vcpus; v++) {
		const struct vgic_vcpu *vcpu = &m->vgic->vcpus[v];

		walk_list(m, vcpu->cpu.inbox);
		walk_list(m, vcpu->cpu.own);
		walk_list(m, vcpu->stash);
		check_told(m, v);
		walk_queue(m, vcpu, &vcpu->pending[0], PLACE_PENDING0);
		walk_queue(m, vcpu, &vcpu->pending[1], PLACE_PENDING1);
		walk_queue(m, vcpu, &vcpu->active, PLACE_ACTIVE);
		walk_slots(m, vcpu);
		check_plain(m, v);
		if (m->vcpu[v].where == GUEST)
			check_lrs(m, v);
	}
	check_words(m);
	check_noted(m);
	check_rwp(m);
	check_dir(m);
	its_check(m);
}

/* What is done with may fire again: nothing keeps a physical interrupt active for ever. */
static void check_wire(const struct machine *m, const struct wire *wire)
{
	const struct vgic_irq *irq;

	if (!wire->mapped || !wire->active)
		return;
	irq = irq_of(m->vgic, wire->vcpu, wire->virq);
	require_irq(m, irq, word_load(irq) & (W_ACTIVE | W_LATCH | W_LINE),
		    "done, and its physical interrupt is left active");
}

/* Everybody had all that came through, in guests that mask nothing: nothing starves. */
void check_finished(struct machine *m)
{
	for (unsigned i = 0; i < m->irqs; i++) {
		const struct vgic_irq *irq = &m->vgic->irqs[i];
		uint64_t w = word_load(irq);

		if (!word_wanted(w) || (w & W_ACTIVE) || word_target(w) == TARGET_NONE ||
		    word_priority(w) >= (0xff00u >> m->config.priority_bits & 0xff) ||
		    !(vcpu_groups(&m->vgic->vcpus[word_target(w)]) >> !!(w & W_GROUP1) & 1))
			continue;
		require_irq(m, irq, false, "could be delivered, and never is");
	}
}

/* Everybody is outside, and was served: memory has the truth, and nobody waits for anything. */
void check_rest(struct machine *m)
{
	check_step(m);
	require(!m->vgic->rwp, "at rest, GICD_CTLR.RWP is set");
	require(vgic_lpis_settled(m->vgic), "at rest, LPIs are not settled");
	for (unsigned v = 0; v < m->config.vcpus; v++) {
		const struct vgic_vcpu *vcpu = &m->vgic->vcpus[v];

		require(!vcpu->rwp, "at rest, GICR_CTLR.RWP is set");
		require(!vcpu->cpu.inbox && !vcpu->cpu.own && !vcpu->stash,
			"at rest, a list is not empty");
		require(!vcpu->live, "at rest, a list register is in use");
	}
	for (unsigned n = 0; n < WIRES; n++)
		check_wire(m, &m->wires[n]);
}

/* All that was pending at this vCPU has been moved away. */
void check_moved(const struct machine *m, unsigned v)
{
	unsigned at;

	for (uint32_t n = 0; n < m->vgic->lpi_count; n++)
		require_irq(m, &m->vgic->lpis[n],
			    !vgic_lpi_is_pending(m->vgic, VGIC_LPI_BASE + n, &at) || at != v,
			    "pending where all were moved away from");
}
