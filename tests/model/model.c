/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The reference model; see model.h. Sections are those of Arm IHI 0069 (GICv3 and GICv4).
 * Registers: registers.c.
 *
 * What the architecture leaves open, and what is expected here:
 *
 * | point | section | expected |
 * |---|---|---|
 * | widths and alignments not listed for a register | 12.1.3 | RAZ/WI (vgic.h) |
 * | INTIDs 32 + spis to the end of the ITLinesNumber block | 12.9 | RAZ/WI (vgic.h) |
 * | GICD registers of INTIDs 0 to 31 with affinity routing | 12.9 | RES0, RAZ/WI |
 * | equal priorities: which one first | 4.8 | any of them |
 * | SPI with IROUTER.IRM = 1: which PE | 3.1.2 | any PE |
 * | IROUTER's affinity while IRM = 1 | 12.9.22 | reads as anything |
 * | IROUTER's Aff3 | 12.9.22 | kept, or RAZ/WI where GICD_TYPER.A3V = 0 |
 * | new priority of an active interrupt | 12.9.20 | running priority stays as acknowledged |
 * | running priority against another group's binary point | 4.8.6 | either comparison |
 * | ISPENDR of a level-sensitive interrupt | 12.9.29 | latched until acknowledged or ICPENDR |
 * | ICFGR of an enabled or pending interrupt | 12.9.9 | pending = latch, or level and line |
 * | ICFGR<0>, SGIs | 12.10.15 | edge, RAO/WI |
 * | IGRPMODR, NSACR with DS = 1 | 12.9.10, 12.9.28 | RAZ/WI |
 * | GICD_TYPER: LPIS, DVIS, NMI | 12.9.38 | 0: absent |
 * | GICD_TYPER.MBIS | 12.9.38 | 1: GICD_SETSPI_NSR, GICD_CLRSPI_NSR; those named _SR are WI |
 * | reads of write-only registers | 12.9 | any |
 * | GICD_TYPER: A3V, No1N, IDbits, num_LPIs | 12.9.38 | any |
 * | STATUSR, IIDR, identification registers but PIDR2.ArchRev | 12.9, 12.1.13 | any |
 * | GICD_CTLR.E1NWF, GICR_CTLR.DPG*, CES, IR | 12.9.4, 12.10.7 | any |
 * | GICR_WAKER at reset | 12.11.42 | any; later it follows writes |
 * | EOImode switched more than once between two exits | 12.5.4 | not exercised |
 * | EOI that matches no acknowledge, or out of order | 4.8.3 | not exercised here (fuzz does) |
 * | BPR, CBPR written while something is active | 4.8.2 | not exercised |
 * | a raise while a running vCPU may be acknowledging the earlier one | 4.1 | merges, or not |
 * | a change by another CPU, seen by a running vCPU | 4.1, 12.9.4 RWP | after its kick |
 * | ISPENDR, ICPENDR, ISACTIVER, ICACTIVER of what another vCPU has in hand | 4.1 | posted |
 * | pending state of an active mapped level interrupt (its line is not watched) | - | either |
 * | line of a mapped level interrupt that fell | - | seen when next sampled |
 * | GICv2: an SPI with several targets: which CPU | IHI 0048 3.2 | any of them |
 * | GICv2: GICD_ITARGETSR at reset | IHI 0048 4.3.12 | any |
 * | GICv2: a disable while a read back already waits | - | the read need not wait for it |
 * | GICv2: an SGI that is active, further sources | IHI 0048 3.2 | next one when it is deactivated |
 * | EOI of an interrupt whose active state ICACTIVER has cleared | 12.5.4 | counted, nothing else |
 */
#include "model_internal.h"
#include "cpuif.h"

#include <string.h>

#define ROUTE_AFFINITY 0xff00ffffffull

static enum maybe both(enum maybe a, enum maybe b)
{
	if (a == NO || b == NO)
		return NO;
	return a == YES && b == YES ? YES : MAYBE;
}

/* --- Set-up ----------------------------------------------------------------------------------- */

static void init_irq(struct model_irq *irq, unsigned intid, int owner)
{
	memset(irq, 0, sizeof(*irq));
	irq->intid = intid;
	irq->owner = owner;
	irq->edge = intid < 16;
	irq->targets = 1;
	irq->active_on = irq->ending = irq->wire.route = MODEL_NOBODY;
}

void model_init(struct model *m, const struct model_config *config)
{
	unsigned v, n;

	memset(m, 0, offsetof(struct model, priv));
	m->config = *config;
	m->now = 1;
	for (v = 0; v < config->vcpus; v++) {
		struct model_pe *pe = &m->pe[v];

		pe->seen_priv = m->seen_priv[v];
		pe->seen_shared = m->seen_shared[v];
		model_cpuif_reset(m, v);
		for (n = 0; n < model_private_count(m); n++)
			init_irq(&m->priv[v][n], n < 32 ? n : MODEL_EPPI + n - 32, (int)v);
	}
	for (n = 0; n < model_shared_count(m); n++)
		init_irq(&m->shared[n], n < config->spis ? 32 + n : MODEL_ESPI + n - config->spis,
			 MODEL_NOBODY);
}

/* What a reset leaves alone, and a restored state does not say. */
static void keep(struct model_irq *irq, const struct model_irq *before, bool device)
{
	irq->mapped = before->mapped;
	irq->notify = before->notify;
	/* Asked before the next delivery, whenever that is. */
	irq->notify_since = before->notify_since ? 1 : 0;
	irq->ends = irq->ends_least = irq->ends_most = 0;
	if (device)
		irq->wire = before->wire;
	irq->wire.active = before->wire.active;
	irq->wire.route = before->wire.route;
}

static void reset_irq(struct model_irq *irq)
{
	struct model_irq before = *irq;

	init_irq(irq, before.intid, before.owner);
	keep(irq, &before, true);
}

void model_reset(struct model *m)
{
	unsigned v, n;

	for (v = 0; v < m->config.vcpus; v++) {
		struct model_pe *pe = &m->pe[v];

		model_cpuif_reset(m, v);
		pe->asleep = pe->asleep_known = pe->unsettled = false;
		for (n = 0; n < model_private_count(m); n++)
			reset_irq(&m->priv[v][n]);
	}
	for (n = 0; n < model_shared_count(m); n++)
		reset_irq(&m->shared[n]);
	m->grp[0] = m->grp[1] = false;
	m->grp_off[0] = m->grp_off[1] = 0;
	m->ctlr_flux = 0;
}

void model_save(struct model *to, const struct model *m)
{
	unsigned v;

	memcpy(to, m, offsetof(struct model, priv));
	for (v = 0; v < m->config.vcpus; v++)
		memcpy(to->priv[v], m->priv[v], model_private_count(m) * sizeof(m->priv[0][0]));
	memcpy(to->shared, m->shared, model_shared_count(m) * sizeof(m->shared[0]));
}

static void restore_irq(struct model_irq *irq, const struct model_irq *saved)
{
	struct model_irq before = *irq;

	*irq = *saved;
	keep(irq, &before, false);
	irq->misconfigured |= before.misconfigured;
	/* Delivered before this: who restores does not know whether it was to be told. */
	if (irq->active)
		irq->end_told = irq->notify ? MAYBE : NO;
}

void model_restore(struct model *m, const struct model *saved)
{
	unsigned v, n;

	memcpy(m, saved, offsetof(struct model, priv));
	for (v = 0; v < m->config.vcpus; v++) {
		m->pe[v].seen_priv = m->seen_priv[v];
		m->pe[v].seen_shared = m->seen_shared[v];
		for (n = 0; n < model_private_count(m); n++)
			restore_irq(&m->priv[v][n], &saved->priv[v][n]);
	}
	for (n = 0; n < model_shared_count(m); n++)
		restore_irq(&m->shared[n], &saved->shared[n]);
}

unsigned model_private_count(const struct model *m)
{
	return 32 + m->config.eppis;
}

unsigned model_shared_count(const struct model *m)
{
	return m->config.spis + m->config.espis;
}

bool model_is_private(const struct model_irq *irq)
{
	return irq->owner != MODEL_NOBODY;
}

/* Where an INTID stands in priv (private), or in shared; false: there is no such interrupt. */
static bool find_irq(const struct model *m, unsigned intid, bool *private, unsigned *n)
{
	*private = intid < 32 || (intid >= MODEL_EPPI && intid < MODEL_EPPI + m->config.eppis);
	*n = intid;
	if (*private && intid >= 32)
		*n = intid - MODEL_EPPI + 32;
	if (*private)
		return true;
	if (intid < 32 + m->config.spis) {
		*n = intid - 32;
		return true;
	}
	*n = intid - MODEL_ESPI + m->config.spis;
	return intid >= MODEL_ESPI && intid < MODEL_ESPI + m->config.espis;
}

struct model_irq *model_irq(struct model *m, unsigned vcpu, unsigned intid)
{
	bool private;
	unsigned n;

	if (!find_irq(m, intid, &private, &n) || vcpu >= m->config.vcpus)
		return NULL;
	return private ? &m->priv[vcpu][n] : &m->shared[n];
}

uint64_t model_affinity(const struct model *m, unsigned vcpu)
{
	unsigned rest = vcpu >> m->config.cluster_bits;

	return (vcpu & ((1u << m->config.cluster_bits) - 1)) | (rest & 0xff) << 8 |
	       (rest >> 8 & 0xff) << 16;
}

void model_cpuif_reset(struct model *m, unsigned vcpu)
{
	struct model_pe *pe = &m->pe[vcpu];
	unsigned n;

	pe->pmr = 0;
	pe->bpr[0] = 7 - m->config.preemption_bits;
	pe->bpr[1] = pe->bpr[0] + 1;
	pe->cbpr = pe->eoimode = pe->grpen[0] = pe->grpen[1] = false;
	pe->ackctl = pe->fiqen = false;
	for (n = 0; n < pe->depth; n++) {
		struct model_irq *irq = model_irq(m, vcpu, pe->stack[n].intid);

		if (irq && irq->active_on == (int)vcpu)
			irq->active_on = MODEL_NOBODY;
	}
	pe->depth = 0;
}

/* --- Sources: 4.1, interrupt states ----------------------------------------------------------- */

static void begins(struct model *m, struct model_irq *irq)
{
	if (model_pending(irq) == NO)
		irq->began = m->now;
}

static void raise(struct model *m, struct model_irq *irq)
{
	irq->raised = m->now;
	irq->flux_raised |= irq->flux || m->ctlr_flux;
}

void model_pulse(struct model *m, struct model_irq *irq)
{
	begins(m, irq);
	irq->latch = true;
	irq->pending_unsure = false;
	raise(m, irq);
}

void model_set_line(struct model *m, struct model_irq *irq, bool level)
{
	bool rose = level && !irq->line;

	if (rose)
		begins(m, irq);
	irq->line = level;
	if (irq->mapped)
		irq->told = level;
	if (irq->edge && rose)
		model_pulse(m, irq);
	irq->flux_raised |= irq->flux || m->ctlr_flux;
}

/* It may have ended just before, and who had it in hand has not passed yet: that may go untold. */
bool model_end_unseen(struct model *m, struct model_irq *irq)
{
	bool unseen = false;
	unsigned v;

	for (v = 0; v < m->config.vcpus; v++)
		unseen |= irq->touched >= m->pe[v].folded;
	if (unseen && irq->ends_least > irq->ends)
		irq->ends_least = irq->ends;
	return unseen;
}

/* vgic_notify_end(): from the next delivery on; what is in flight now may be told, or not. */
void model_notify(struct model *m, struct model_irq *irq, bool on)
{
	irq->ends_most += model_end_unseen(m, irq);
	irq->notify = on;
	irq->notify_since = m->now;
	irq->end_told = MAYBE;
}

void model_note_end(struct model_irq *irq)
{
	irq->ends_least += irq->end_told == YES && !irq->active_unsure && !irq->flux;
	irq->ends_most += irq->end_told != NO;
}

/* 12.2.20, ICC_SGI1R_EL1: targets by affinity, or (IRM) everyone but the sender. */
void model_sgi(struct model *m, unsigned vcpu, bool group0_only, uint64_t value)
{
	unsigned intid = value >> 24 & 15, v;
	bool irm = value >> 40 & 1;
	uint64_t upper = (value >> 48 & 0xff) << 32 | (value >> 32 & 0xff) << 16 |
			 (value >> 16 & 0xff) << 8;

	for (v = 0; v < m->config.vcpus; v++) {
		uint64_t affinity = model_affinity(m, v);
		unsigned aff0 = affinity & 0xff;
		bool hit = (affinity & ~0xffull) == upper && aff0 / 16 == (value >> 44 & 15) &&
			   (value >> aff0 % 16 & 1);

		if (irm)
			hit = v != vcpu;
		if (!hit || (group0_only && m->priv[v][intid].group != 0))
			continue;
		model_pulse(m, &m->priv[v][intid]);
	}
}

void model_sgi_from(struct model *m, struct model_irq *irq, unsigned source)
{
	irq->sources |= 1u << source;
	irq->sources_unsure &= ~(1u << source);
	irq->source_raised[source] = m->now;
	raise(m, irq);
}

/* IHI 0048 4.3.15, GICD_SGIR: the target list, all but the sender, the sender; 3 is reserved. */
void model_sgi_of_v2(struct model *m, unsigned vcpu, uint32_t value)
{
	unsigned filter = value >> 24 & 3, v;

	for (v = 0; v < m->config.vcpus; v++) {
		bool hit = filter == 0   ? value >> (16 + v) & 1
			   : filter == 1 ? v != vcpu
					 : filter == 2 && v == vcpu;

		if (hit)
			model_sgi_from(m, &m->priv[v][value & 15], vcpu);
	}
}

/* --- What is pending, and for whom ------------------------------------------------------------ */

static enum maybe mapped_pending(const struct model_irq *irq)
{
	const struct model_wire *wire = &irq->wire;

	if (irq->misconfigured)
		return MAYBE;
	if (irq->latch)
		return YES;
	if (wire->level && wire->line && irq->told && !irq->active &&
	    (wire->active || wire->absent))
		return YES;
	if (wire->level && (wire->line || irq->told))
		return MAYBE;
	return irq->pending_unsure ? MAYBE : NO;
}

enum maybe model_pending(const struct model_irq *irq)
{
	if (irq->mapped)
		return mapped_pending(irq);
	if (irq->latch || irq->sources || (!irq->edge && irq->line))
		return YES;
	return irq->pending_unsure || irq->sources_unsure ? MAYBE : NO;
}

/* GICv2: any one of the targets; with one CPU there is no choice and no GICD_ITARGETSR. */
static enum maybe targeted(const struct model *m, unsigned vcpu, const struct model_irq *irq)
{
	if (m->config.vcpus == 1)
		return YES;
	if (!(irq->targets >> vcpu & 1))
		return NO;
	return irq->targets == 1u << vcpu ? YES : MAYBE;
}

/* 3.1.2: a private interrupt is its PE's; a shared one goes by IROUTER. */
enum maybe model_routed(const struct model *m, unsigned vcpu, const struct model_irq *irq)
{
	if (model_is_private(irq))
		return YES;
	if (m->config.version == 2)
		return targeted(m, vcpu, irq);
	if (irq->route & MODEL_ROUTE_IRM)
		return m->config.vcpus == 1 ? YES : MAYBE;
	return (irq->route & ROUTE_AFFINITY) == model_affinity(m, vcpu) ? YES : NO;
}

/* Another vCPU may still have to let go of it. */
static bool held_elsewhere(const struct model *m, unsigned vcpu, const struct model_irq *irq)
{
	unsigned v;

	if (model_is_private(irq))
		return false;
	for (v = 0; v < m->config.vcpus; v++)
		if (v != vcpu && m->pe[v].loaded && m->pe[v].unsettled &&
		    m->pe[v].folded <= irq->touched)
			return true;
	return false;
}

enum maybe model_candidate(const struct model *m, unsigned vcpu, const struct model_irq *irq)
{
	enum maybe answer;

	if (irq->flux || m->ctlr_flux)
		return MAYBE;
	if (!irq->enabled || !m->grp[irq->group] || (irq->active && !irq->active_unsure))
		return NO;
	answer = both(model_pending(irq), model_routed(m, vcpu, irq));
	if (irq->active_unsure || irq->ending != MODEL_NOBODY || m->pe[vcpu].asleep ||
	    held_elsewhere(m, vcpu, irq))
		answer = both(answer, MAYBE);
	return answer;
}

/* 4.8.2, table of priority grouping: the group-priority bits. */
static unsigned group_mask(const struct model_pe *pe, unsigned group)
{
	unsigned subpriority_bits = group == 0 || pe->cbpr ? pe->bpr[0] + 1 : pe->bpr[1];

	return 0xff & ~((1u << subpriority_bits) - 1);
}

unsigned model_group_mask(const struct model *m, unsigned vcpu, unsigned group)
{
	return group_mask(&m->pe[vcpu], group);
}

unsigned model_running(const struct model *m, unsigned vcpu)
{
	const struct model_pe *pe = &m->pe[vcpu];
	unsigned n, lowest = CPUIF_IDLE;

	for (n = 0; n < pe->depth; n++)
		if (pe->stack[n].priority < lowest)
			lowest = pe->stack[n].priority;
	return lowest;
}

/* 4.8.5, 4.8.6 */
static enum maybe preempts(const struct model *m, unsigned vcpu, const struct model_irq *irq)
{
	const struct model_pe *pe = &m->pe[vcpu];
	unsigned mask = group_mask(pe, irq->group), running = model_running(m, vcpu);
	bool masked, unmasked;

	if (irq->priority >= pe->pmr)
		return NO;
	if (pe->depth == 0)
		return YES;
	masked = (irq->priority & mask) < (running & mask);
	unmasked = (irq->priority & mask) < running;
	if (masked != unmasked)
		return MAYBE;
	return masked ? YES : NO;
}

/* Calls `see` for every interrupt that this PE could have. */
static void for_each_irq(const struct model *m, unsigned vcpu,
			 void (*see)(const struct model *m, unsigned vcpu,
				     const struct model_irq *irq, void *to),
			 void *to)
{
	unsigned n;

	for (n = 0; n < model_private_count(m); n++)
		see(m, vcpu, &m->priv[vcpu][n], to);
	for (n = 0; n < model_shared_count(m); n++)
		see(m, vcpu, &m->shared[n], to);
}

/* The best priority among those that are certainly forwarded and whose group this PE has on. */
static void see_best(const struct model *m, unsigned vcpu, const struct model_irq *irq, void *to)
{
	unsigned *best = to;

	if (irq->priority < *best && m->pe[vcpu].grpen[irq->group] &&
	    model_candidate(m, vcpu, irq) == YES)
		*best = irq->priority;
}

/*
 * GICv2: an SGI is in hand, and further CPUs have sent it. So that nothing overtakes them at its end,
 * what cannot be acknowledged before that anyway may be kept back.
 */
static bool keeps_back(const struct model *m, unsigned vcpu)
{
	const struct model_pe *pe = &m->pe[vcpu];
	unsigned n;

	for (n = 0; n < pe->depth && m->config.version == 2; n++) {
		const struct model_irq *irq = &m->priv[vcpu][pe->stack[n].intid % 16];

		if (pe->stack[n].intid < 16 && irq->active && irq->acked == pe->stack[n].acked &&
		    (irq->sources || irq->sources_unsure || irq->pending_unsure))
			return true;
	}
	return false;
}

static void see_best_now(const struct model *m, unsigned vcpu, const struct model_irq *irq,
			 void *to)
{
	if (preempts(m, vcpu, irq) == YES)
		see_best(m, vcpu, irq, to);
}

static unsigned best_presented(const struct model *m, unsigned vcpu)
{
	unsigned best = 0x100;

	for_each_irq(m, vcpu, keeps_back(m, vcpu) ? see_best_now : see_best, &best);
	return best;
}

static unsigned best_certain(const struct model *m, unsigned vcpu)
{
	unsigned best = 0x100;

	for_each_irq(m, vcpu, see_best, &best);
	return best;
}

struct signal_view {
	unsigned best, may;
};

static void see_signal(const struct model *m, unsigned vcpu, const struct model_irq *irq, void *to)
{
	struct signal_view *view = to;
	enum maybe answer;

	if (irq->priority > view->best || !m->pe[vcpu].grpen[irq->group] ||
	    model_candidate(m, vcpu, irq) == NO)
		return;
	answer = preempts(m, vcpu, irq);
	if (answer != NO)
		view->may |= irq->group ? MODEL_GROUP1 : MODEL_GROUP0;
	if (answer != YES)
		view->may |= MODEL_QUIET;
}

unsigned model_signals(const struct model *m, unsigned vcpu)
{
	struct signal_view view = { .best = best_certain(m, vcpu) };

	if (view.best == 0x100)
		view.may |= MODEL_QUIET;
	for_each_irq(m, vcpu, see_signal, &view);
	return view.may;
}

struct group_view {
	unsigned best, group, count;
	bool certain, other;
};

static void see_group(const struct model *m, unsigned vcpu, const struct model_irq *irq, void *to)
{
	struct group_view *view = to;
	enum maybe answer = model_candidate(m, vcpu, irq);

	if (irq->priority > view->best || !m->pe[vcpu].grpen[irq->group] || answer == NO)
		return;
	view->certain |= irq->group == view->group && answer == YES;
	view->other |= irq->group != view->group || irq->flux;
}

static void see_choice(const struct model *m, unsigned vcpu, const struct model_irq *irq, void *to)
{
	struct group_view *view = to;

	if (irq->priority <= view->best && m->pe[vcpu].grpen[irq->group] &&
	    model_candidate(m, vcpu, irq) != NO)
		view->count += (irq->sources & (irq->sources - 1)) ? 2 : 1;
}

unsigned model_choices(const struct model *m, unsigned vcpu)
{
	struct group_view view = { .best = best_certain(m, vcpu) };

	for_each_irq(m, vcpu, see_choice, &view);
	return view.count;
}

bool model_best_is(const struct model *m, unsigned vcpu, unsigned group)
{
	struct group_view view = { .best = best_certain(m, vcpu), .group = group };

	for_each_irq(m, vcpu, see_group, &view);
	return view.certain && !view.other;
}

bool model_may_be_from(const struct model *m, const struct model_irq *irq, unsigned source)
{
	if (m->config.version != 2 || irq->intid >= 16)
		return source == 0;
	return irq->flux || irq->pending_unsure ||
	       ((irq->sources | irq->sources_unsure) >> source & 1);
}

const char *model_check_hppi(struct model *m, unsigned vcpu, const struct model_taken *taken)
{
	unsigned best = best_presented(m, vcpu);
	const struct model_irq *irq;

	if (taken->intid == CPUIF_SPURIOUS)
		return best == 0x100 ? NULL : "something is deliverable and not presented";
	irq = model_irq(m, vcpu, taken->intid);
	if (!irq)
		return "presented an interrupt that does not exist";
	if (model_candidate(m, vcpu, irq) == NO)
		return "presented an interrupt that is not deliverable here";
	if (!model_may_be_from(m, irq, taken->source))
		return "presented from a CPU that did not send it";
	if (irq->flux || m->ctlr_flux)
		return NULL;
	if (irq->priority != taken->priority || irq->group != taken->group)
		return "presented with a stale priority or group";
	if (taken->priority > best)
		return "a higher priority one is deliverable and not presented";
	return NULL;
}

/* --- The PE ----------------------------------------------------------------------------------- */

void model_entered(struct model *m, unsigned vcpu)
{
	struct model_pe *pe = &m->pe[vcpu];

	pe->entered = m->now;
	memcpy(pe->seen_priv, m->priv[vcpu], model_private_count(m) * sizeof(m->priv[0][0]));
	memcpy(pe->seen_shared, m->shared, model_shared_count(m) * sizeof(m->shared[0]));
	memcpy(pe->seen_grp, m->grp, sizeof(m->grp));
	memcpy(pe->seen_grpen, pe->grpen, sizeof(pe->grpen));
	pe->seen_eoimode = pe->eoimode;
	pe->seen_flux = m->ctlr_flux;
	model_served(m, vcpu);
}

void model_end_flux(struct model_irq *irq)
{
	if (--irq->flux)
		return;
	irq->pending_unsure |= irq->flux_raised || irq->flux_acted;
	irq->active_unsure |= irq->flux_acted;
	irq->flux_raised = irq->flux_acted = false;
}

static void irq_served(struct model_irq *irq, unsigned vcpu)
{
	if (irq->ending == (int)vcpu)
		irq->ending = MODEL_NOBODY;
	if (irq->posted >> vcpu & 1)
		model_end_flux(irq);
	irq->posted &= ~(1u << vcpu);
}

void model_served(struct model *m, unsigned vcpu)
{
	unsigned n;

	m->pe[vcpu].unsettled = false;
	for (n = 0; n < model_private_count(m); n++)
		irq_served(&m->priv[vcpu][n], vcpu);
	for (n = 0; n < model_shared_count(m); n++)
		irq_served(&m->shared[n], vcpu);
}

const struct model_irq *model_seen_irq(const struct model *m, unsigned vcpu, unsigned intid)
{
	bool private;
	unsigned n;

	find_irq(m, intid, &private, &n);
	return private ? &m->pe[vcpu].seen_priv[n] : &m->pe[vcpu].seen_shared[n];
}

/* Could this interrupt have been given to the vCPU when its guest was last entered? */
static bool was_deliverable(const struct model *m, unsigned vcpu, const struct model_irq *now)
{
	const struct model_pe *pe = &m->pe[vcpu];
	const struct model_irq *then = model_seen_irq(m, vcpu, now->intid);

	if (now->withdrawn > pe->entered)
		return false;
	if (then->flux || pe->seen_flux)
		return true;
	return then->enabled && pe->seen_grp[then->group] && model_pending(then) != NO &&
	       model_routed(m, vcpu, then) != NO;
}

/*
 * What list registers show may be as old as the last entry: deliverable then, with the priority, the
 * group and the source of then.
 */
static const char *check_seen(const struct model *m, unsigned vcpu, const struct model_irq *irq,
			      const struct model_taken *taken)
{
	const struct model_irq *then = model_seen_irq(m, vcpu, taken->intid);

	if (!was_deliverable(m, vcpu, irq))
		return "acknowledged what was not deliverable at the last entry";
	if (!model_may_be_from(m, then, taken->source) && !m->pe[vcpu].seen_flux)
		return "acknowledged from a CPU that had not sent it at the last entry";
	if (!then->flux && !m->pe[vcpu].seen_flux &&
	    (then->priority != taken->priority || then->group != taken->group))
		return "acknowledged with a priority or group it did not have at entry";
	return NULL;
}

static bool still_waits(const struct model *m, const struct model_irq *then,
			const struct model_irq *now)
{
	unsigned s;

	for (s = 0; s < m->config.vcpus; s++)
		if ((then->sources & now->sources) >> s & 1 &&
		    then->source_raised[s] == now->source_raised[s])
			return true;
	return false;
}

/*
 * GICv2: while further sources of an SGI wait behind the one that has just ended, nothing of lower
 * priority comes in between, not even before the maintenance interrupt; but for what preempts it, when its
 * priority has become better since its acknowledge.
 */
static bool overtakes(const struct model *m, unsigned vcpu, const struct model_taken *taken)
{
	unsigned n;

	if (m->config.version == 3 || m->pe[vcpu].eoimode || m->pe[vcpu].seen_eoimode)
		return false;
	for (n = 0; n < 16; n++) {
		const struct model_irq *now = &m->priv[vcpu][n], *then = model_seen_irq(m, vcpu, n);

		if (n != taken->intid && model_candidate(m, vcpu, now) == YES &&
		    m->pe[vcpu].grpen[now->group] && m->pe[vcpu].seen_grpen[now->group] &&
		    then->enabled && !then->flux && m->pe[vcpu].seen_grp[then->group] &&
		    still_waits(m, then, now) && then->priority == now->priority &&
		    then->group == now->group && now->priority < taken->priority &&
		    !(then->active && taken->priority < then->ack))
			return true;
	}
	return false;
}

/* 4.8.3: pending to active; what remains pending is the level of the line, and other sources. */
static void acknowledge(struct model *m, unsigned vcpu, struct model_irq *irq,
			const struct model_taken *taken)
{
	struct model_pe *pe = &m->pe[vcpu];
	unsigned bit = 1u << taken->source;

	if (irq->active)
		model_note_end(irq);
	irq->end_told = irq->notify ? YES : NO;
	if (irq->notify_since &&
	    (irq->notify_since >= pe->entered || irq->notify_since >= irq->began))
		irq->end_told = MAYBE;
	irq->began = m->now;
	irq->flux_acted |= irq->flux || m->ctlr_flux;
	irq->pending_unsure = irq->raised > pe->entered;
	irq->latch = false;
	irq->told = false;
	irq->active = true;
	irq->active_unsure = false;
	irq->active_on = (int)vcpu;
	irq->acked = m->now;
	irq->ack = taken->priority;
	irq->dropped = false;
	if (m->config.version == 2 && irq->intid < 16) {
		irq->pending_unsure = false;
		irq->source = taken->source;
		irq->sources &= ~bit;
		irq->sources_unsure &= ~bit;
		if (irq->source_raised[taken->source] > pe->entered)
			irq->sources_unsure |= bit;
	}
	if (pe->depth == 256)
		return;
	pe->stack[pe->depth++] = (struct model_active){
		.intid = irq->intid,
		.priority = taken->priority & group_mask(pe, taken->group),
		.group = taken->group,
		.source = taken->source,
		.aliased = taken->aliased,
		.acked = m->now,
	};
}

const char *model_acknowledge(struct model *m, unsigned vcpu, const struct model_taken *taken)
{
	struct model_irq *irq = model_irq(m, vcpu, taken->intid);
	const char *why;

	if (!irq)
		return "acknowledged an interrupt that does not exist";
	why = taken->settled || taken->now ? model_check_hppi(m, vcpu, taken) : NULL;
	if (why && taken->settled)
		return why;
	if (why || !taken->now)
		why = check_seen(m, vcpu, irq, taken);
	if (why)
		return why;
	if (irq->active && !irq->active_unsure && !irq->flux)
		return "delivered again while it is active";
	if (overtakes(m, vcpu, taken))
		return "overtakes an SGI of higher priority that further CPUs have sent";
	acknowledge(m, vcpu, irq, taken);
	return NULL;
}

void model_make_inactive(struct model *m, struct model_irq *irq)
{
	model_note_end(irq);
	irq->active = irq->active_unsure = irq->dropped = false;
	irq->touched = m->now;
	irq->flux_acted |= irq->flux || m->ctlr_flux;
}

bool model_can_end(struct model *m, unsigned vcpu, struct model_active *which)
{
	struct model_pe *pe = &m->pe[vcpu];
	const struct model_irq *irq;

	if (pe->depth == 0)
		return false;
	*which = pe->stack[pe->depth - 1];
	irq = model_irq(m, vcpu, which->intid);
	return pe->eoimode || !irq->active ||
	       (irq->active_on == (int)vcpu && irq->acked == which->acked);
}

bool model_can_deactivate(const struct model_irq *irq)
{
	if (irq->active_unsure)
		return false;
	return !irq->active || irq->dropped || irq->active_on == MODEL_NOBODY;
}

void model_deactivate(struct model *m, unsigned vcpu, unsigned intid)
{
	struct model_irq *irq = model_irq(m, vcpu, intid);

	if (irq && irq->active)
		model_make_inactive(m, irq);
}

/*
 * 4.8.3: the priority drops; with EOImode 0 it is deactivated, if ICACTIVER was not faster. With
 * EOImode 1 it stays active until somebody's ICC_DIR_EL1.
 */
void model_end_of_interrupt(struct model *m, unsigned vcpu)
{
	struct model_pe *pe = &m->pe[vcpu];
	const struct model_active *which = &pe->stack[--pe->depth];
	struct model_irq *irq = model_irq(m, vcpu, which->intid);

	if (!pe->eoimode)
		model_deactivate(m, vcpu, which->intid);
	else if (irq->active && irq->active_on == (int)vcpu && irq->acked == which->acked)
		irq->dropped = true;
}

void model_deactivate_begin(struct model *m, unsigned vcpu, unsigned intid)
{
	struct model_irq *irq = model_irq(m, vcpu, intid);

	if (irq)
		irq->flux++;
}

void model_deactivate_end(struct model *m, unsigned vcpu, unsigned intid)
{
	struct model_irq *irq = model_irq(m, vcpu, intid);
	bool raced = irq && irq->flux_acted;

	if (!irq)
		return;
	model_end_flux(irq);
	if (irq->active)
		model_make_inactive(m, irq);
	irq->active_unsure |= raced;
}
