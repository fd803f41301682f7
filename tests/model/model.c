/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The reference model; see model.h. Sections are those of Arm IHI 0069 (GICv3 and GICv4).
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
 * | GICD_TYPER: LPIS, DVIS, ESPI, NMI | 12.9.38 | 0: absent |
 * | GICD_TYPER: A3V, No1N, IDbits, num_LPIs | 12.9.38 | any |
 * | STATUSR, IIDR, identification registers but PIDR2.ArchRev | 12.9, 12.1.13 | any |
 * | GICD_CTLR.E1NWF, GICR_CTLR.DPG*, CES, IR | 12.9.4, 12.10.7 | any |
 * | GICR_WAKER at reset | 12.11.42 | any; later it follows writes |
 * | EOI that matches no acknowledge, or out of order | 4.8.3 | not exercised here (fuzz does) |
 * | BPR, CBPR written while something is active | 4.8.2 | not exercised |
 * | a raise while a running vCPU may be acknowledging the earlier one | 4.1 | merges, or not |
 * | a change by another CPU, seen by a running vCPU | 4.1, 12.9.4 RWP | after its kick |
 * | ISPENDR, ICPENDR, ISACTIVER, ICACTIVER of what another vCPU has in hand | 4.1 | posted |
 * | pending state of an active mapped level interrupt (its line is not watched) | - | either |
 * | line of a mapped level interrupt that fell | - | seen when next sampled |
 * | EOI of an interrupt whose active state ICACTIVER has cleared | 12.5.4 | counted, nothing else |
 */
#include "model.h"
#include "cpuif.h"

#include <string.h>

#define ROUTE_IRM      (1ull << 31)
#define ROUTE_AFFINITY 0xff00ffffffull

#define CTLR_ARE   (1u << 4)
#define CTLR_DS    (1u << 6)
#define CTLR_E1NWF (1u << 7)
#define CTLR_RWP   (1u << 31)

static enum maybe both(enum maybe a, enum maybe b)
{
	if (a == NO || b == NO)
		return NO;
	return a == YES && b == YES ? YES : MAYBE;
}

/* --- Set-up ----------------------------------------------------------------------------------- */

void model_init(struct model *m, const struct model_config *config)
{
	unsigned v, n;

	memset(m, 0, sizeof(*m));
	m->config = *config;
	m->now = 1;
	for (v = 0; v < config->vcpus; v++) {
		struct model_pe *pe = &m->pe[v];

		pe->seen_priv = m->seen_priv[v];
		pe->seen_spi = m->seen_spi[v];
		model_cpuif_reset(m, v);
		for (n = 0; n < 32; n++) {
			m->priv[v][n].intid = n;
			m->priv[v][n].edge = n < 16;
			m->priv[v][n].active_on = m->priv[v][n].ending = MODEL_NOBODY;
		}
	}
	for (n = 0; n < config->spis; n++) {
		m->spi[n].intid = 32 + n;
		m->spi[n].active_on = m->spi[n].ending = MODEL_NOBODY;
	}
}

struct model_irq *model_irq(struct model *m, unsigned vcpu, unsigned intid)
{
	if (intid < 32)
		return vcpu < m->config.vcpus ? &m->priv[vcpu][intid] : NULL;
	return intid - 32 < m->config.spis ? &m->spi[intid - 32] : NULL;
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
	for (n = 0; n < pe->depth; n++) {
		struct model_irq *irq = model_irq(m, vcpu, pe->stack[n].intid);

		if (irq && irq->active_on == (int)vcpu)
			irq->active_on = MODEL_NOBODY;
	}
	pe->depth = 0;
}

/* --- Sources: 4.1, interrupt states ----------------------------------------------------------- */

static void raise(struct model *m, struct model_irq *irq)
{
	irq->raised = m->now;
	irq->flux_raised |= irq->flux || m->ctlr_flux;
}

void model_pulse(struct model *m, struct model_irq *irq)
{
	irq->latch = true;
	irq->pending_unsure = false;
	raise(m, irq);
}

void model_set_line(struct model *m, struct model_irq *irq, bool level)
{
	bool rose = level && !irq->line;

	irq->line = level;
	if (irq->mapped)
		irq->told = level;
	if (irq->edge && rose)
		model_pulse(m, irq);
	irq->flux_raised |= irq->flux || m->ctlr_flux;
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
	if (irq->latch || (!irq->edge && irq->line))
		return YES;
	return irq->pending_unsure ? MAYBE : NO;
}

/* 3.1.2: a private interrupt is its PE's; a shared one goes by IROUTER. */
static enum maybe routed(const struct model *m, unsigned vcpu, const struct model_irq *irq)
{
	if (irq->intid < 32)
		return YES;
	if (irq->route & ROUTE_IRM)
		return m->config.vcpus == 1 ? YES : MAYBE;
	return (irq->route & ROUTE_AFFINITY) == model_affinity(m, vcpu) ? YES : NO;
}

/* Another vCPU may still have to let go of it. */
static bool held_elsewhere(const struct model *m, unsigned vcpu, const struct model_irq *irq)
{
	unsigned v;

	if (irq->intid < 32)
		return false;
	for (v = 0; v < m->config.vcpus; v++)
		if (v != vcpu && m->pe[v].loaded && m->pe[v].unsettled &&
		    m->pe[v].served <= irq->touched)
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
	answer = both(model_pending(irq), routed(m, vcpu, irq));
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

	for (n = 0; n < 32; n++)
		see(m, vcpu, &m->priv[vcpu][n], to);
	for (n = 0; n < m->config.spis; n++)
		see(m, vcpu, &m->spi[n], to);
}

/* The best priority among those that are certainly forwarded and whose group this PE has on. */
static void see_best(const struct model *m, unsigned vcpu, const struct model_irq *irq, void *to)
{
	unsigned *best = to;

	if (irq->priority < *best && m->pe[vcpu].grpen[irq->group] &&
	    model_candidate(m, vcpu, irq) == YES)
		*best = irq->priority;
}

static unsigned best_certain(const struct model *m, unsigned vcpu)
{
	unsigned best = 0x100;

	for_each_irq(m, vcpu, see_best, &best);
	return best;
}

struct signal_view {
	unsigned best;
	bool can, cannot;
};

static void see_signal(const struct model *m, unsigned vcpu, const struct model_irq *irq, void *to)
{
	struct signal_view *view = to;
	enum maybe answer;

	if (irq->priority > view->best || !m->pe[vcpu].grpen[irq->group] ||
	    model_candidate(m, vcpu, irq) == NO)
		return;
	answer = preempts(m, vcpu, irq);
	view->can |= answer != NO;
	view->cannot |= answer != YES;
}

enum maybe model_signals(const struct model *m, unsigned vcpu)
{
	struct signal_view view = { .best = best_certain(m, vcpu) };

	view.cannot = view.best == 0x100;
	for_each_irq(m, vcpu, see_signal, &view);
	if (view.can && view.cannot)
		return MAYBE;
	return view.can ? YES : NO;
}

const char *model_check_hppi(struct model *m, unsigned vcpu, unsigned intid, unsigned priority,
			     unsigned group)
{
	unsigned best = best_certain(m, vcpu);
	const struct model_irq *irq;

	if (intid == CPUIF_SPURIOUS)
		return best == 0x100 ? NULL : "something is deliverable and not presented";
	irq = model_irq(m, vcpu, intid);
	if (!irq)
		return "presented an interrupt that does not exist";
	if (model_candidate(m, vcpu, irq) == NO)
		return "presented an interrupt that is not deliverable here";
	if (irq->flux || m->ctlr_flux)
		return NULL;
	if (irq->priority != priority || irq->group != group)
		return "presented with a stale priority or group";
	if (priority > best)
		return "a higher priority one is deliverable and not presented";
	return NULL;
}

/* --- The PE ----------------------------------------------------------------------------------- */

void model_entered(struct model *m, unsigned vcpu)
{
	struct model_pe *pe = &m->pe[vcpu];

	pe->entered = m->now;
	memcpy(pe->seen_priv, m->priv[vcpu], sizeof(m->priv[vcpu]));
	memcpy(pe->seen_spi, m->spi, m->config.spis * sizeof(m->spi[0]));
	memcpy(pe->seen_grp, m->grp, sizeof(m->grp));
	pe->seen_flux = m->ctlr_flux;
	model_served(m, vcpu);
}

static void end_flux(struct model_irq *irq)
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
		end_flux(irq);
	irq->posted &= ~(1u << vcpu);
}

void model_served(struct model *m, unsigned vcpu)
{
	unsigned n;

	m->pe[vcpu].served = m->now;
	m->pe[vcpu].unsettled = false;
	for (n = 0; n < 32; n++)
		irq_served(&m->priv[vcpu][n], vcpu);
	for (n = 0; n < m->config.spis; n++)
		irq_served(&m->spi[n], vcpu);
}

static const struct model_irq *seen_irq(const struct model_pe *pe, unsigned intid)
{
	return intid < 32 ? &pe->seen_priv[intid] : &pe->seen_spi[intid - 32];
}

/* Could this interrupt have been given to the vCPU when its guest was last entered? */
static bool was_deliverable(struct model *m, unsigned vcpu, const struct model_irq *now)
{
	struct model_pe *pe = &m->pe[vcpu];
	const struct model_irq *then = seen_irq(pe, now->intid);

	if (now->withdrawn > pe->entered)
		return false;
	if (then->flux || pe->seen_flux)
		return true;
	return then->enabled && pe->seen_grp[then->group] && model_pending(then) != NO &&
	       routed(m, vcpu, then) != NO;
}

/* 4.8.3, acknowledge: pending to active; what remains pending is the level of the line. */
const char *model_acknowledge(struct model *m, unsigned vcpu, unsigned intid, unsigned priority,
			      unsigned group, bool settled)
{
	struct model_pe *pe = &m->pe[vcpu];
	struct model_irq *irq = model_irq(m, vcpu, intid);
	const struct model_irq *then;
	const char *why;

	if (settled) {
		why = model_check_hppi(m, vcpu, intid, priority, group);
		if (why)
			return why;
	}
	if (!irq)
		return "acknowledged an interrupt that does not exist";
	if (!was_deliverable(m, vcpu, irq))
		return "acknowledged what was not deliverable at the last entry";
	then = seen_irq(pe, intid);
	if (!then->flux && !pe->seen_flux && (then->priority != priority || then->group != group))
		return "acknowledged with a priority or group it did not have at entry";
	if (irq->active && !irq->active_unsure && !irq->flux)
		return "delivered again while it is active";
	irq->flux_acted |= irq->flux || m->ctlr_flux;
	irq->pending_unsure = irq->raised > pe->entered;
	irq->latch = false;
	irq->told = false;
	irq->active = true;
	irq->active_unsure = false;
	irq->active_on = (int)vcpu;
	irq->acked = m->now;
	irq->dropped = false;
	if (pe->depth < 256)
		pe->stack[pe->depth++] = (struct model_active){ intid,
								priority & group_mask(pe, group),
								group, m->now };
	return NULL;
}

static void make_inactive(struct model *m, struct model_irq *irq)
{
	irq->active = irq->active_unsure = false;
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
		make_inactive(m, irq);
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

/* --- Registers: 12.9 (GICD), 12.10 and 12.11 (GICR) ---------------------------------------------- */

enum bank {
	GROUP,
	SET_ENABLE,
	CLEAR_ENABLE,
	SET_PENDING,
	CLEAR_PENDING,
	SET_ACTIVE,
	CLEAR_ACTIVE,
	PRIORITY,
	CONFIG,
	BANKS
};

/* One register per so many interrupts; the same offsets in GICD and in GICR's SGI_base frame. */
static const struct {
	unsigned first, end, bits;
} banks[BANKS] = {
	[GROUP] = { 0x080, 0x100, 1 },         [SET_ENABLE] = { 0x100, 0x180, 1 },
	[CLEAR_ENABLE] = { 0x180, 0x200, 1 },  [SET_PENDING] = { 0x200, 0x280, 1 },
	[CLEAR_PENDING] = { 0x280, 0x300, 1 }, [SET_ACTIVE] = { 0x300, 0x380, 1 },
	[CLEAR_ACTIVE] = { 0x380, 0x400, 1 },  [PRIORITY] = { 0x400, 0x800, 8 },
	[CONFIG] = { 0xc00, 0xd00, 2 },
};

/* Which bank, of which frame, from which INTID on; false if `offset` is in none. */
struct place {
	enum bank bank;
	int redist; /* -1: the distributor */
	unsigned first, count;
};

static bool find_place(const struct model *m, enum model_region region, unsigned offset,
		       unsigned bytes, struct place *place)
{
	unsigned b;

	place->redist = -1;
	if (region == MODEL_REDIST) {
		place->redist = (int)(offset / 0x20000);
		if (place->redist >= (int)m->config.vcpus || offset % 0x20000 < 0x10000)
			return false;
		offset %= 0x10000;
	}
	for (b = 0; b < BANKS; b++) {
		if (offset < banks[b].first || offset >= banks[b].end)
			continue;
		if (offset % bytes || (bytes != 4 && !(bytes == 1 && b == PRIORITY)))
			return false;
		place->bank = (enum bank)b;
		place->first = (offset - banks[b].first) * 8 / banks[b].bits;
		place->count = bytes * 8 / banks[b].bits;
		return true;
	}
	return false;
}

static struct model_irq *irq_at(struct model *m, const struct place *place, unsigned n)
{
	unsigned intid = place->first + n;

	if (place->redist >= 0)
		return intid < 32 ? &m->priv[place->redist][intid] : NULL;
	return intid >= 32 ? model_irq(m, 0, intid) : NULL;
}

static struct model_bits read_field(const struct model_irq *irq, enum bank bank)
{
	enum maybe pending = model_pending(irq);

	switch (bank) {
	case GROUP:
		return (struct model_bits){ irq->group, irq->flux ? 1 : 0 };
	case SET_ENABLE:
	case CLEAR_ENABLE:
		return (struct model_bits){ irq->enabled, irq->flux ? 1 : 0 };
	case SET_PENDING:
	case CLEAR_PENDING:
		return (struct model_bits){ pending == YES,
					    pending == MAYBE || irq->flux || irq->misconfigured };
	case SET_ACTIVE:
	case CLEAR_ACTIVE:
		return (struct model_bits){ irq->active, irq->active_unsure || irq->flux ||
								 irq->ending != MODEL_NOBODY };
	case PRIORITY:
		return (struct model_bits){ irq->priority, irq->flux ? 0xff : 0 };
	default:
		return (struct model_bits){ irq->edge ? 2 : 0, irq->flux ? 2 : 0 };
	}
}

static void write_pending(struct model *m, struct model_irq *irq, bool set)
{
	if (set) {
		model_pulse(m, irq);
		return;
	}
	irq->latch = irq->pending_unsure = false;
}

static void write_field(struct model *m, struct model_irq *irq, enum bank bank, unsigned value)
{
	unsigned keep = 0xffu << (8 - m->config.priority_bits) & 0xff;

	switch (bank) {
	case GROUP:
		if (irq->group != value)
			irq->regrouped = m->now;
		irq->group = value;
		break;
	case SET_ENABLE:
	case CLEAR_ENABLE:
		if (value)
			irq->enabled = bank == SET_ENABLE;
		break;
	case SET_PENDING:
	case CLEAR_PENDING:
		if (value)
			write_pending(m, irq, bank == SET_PENDING);
		break;
	case SET_ACTIVE:
		/* By hand, if not certainly still that of the acknowledge. */
		if (value && (!irq->active || irq->active_unsure))
			irq->active_on = MODEL_NOBODY;
		if (value)
			irq->active = true, irq->active_unsure = false;
		break;
	case CLEAR_ACTIVE:
		if (value && irq->active)
			make_inactive(m, irq);
		break;
	case PRIORITY:
		irq->priority = value & keep;
		break;
	default:
		if (irq->intid >= 16)
			irq->edge = value >> 1;
		irq->misconfigured |= irq->mapped && irq->edge == irq->wire.level;
	}
	irq->touched = m->now;
}

static bool write_concerns(enum bank bank, unsigned value)
{
	return value || bank == GROUP || bank == PRIORITY || bank == CONFIG;
}

static bool is_route(enum model_region region, unsigned offset, unsigned bytes, unsigned *intid)
{
	*intid = (offset - 0x6000) / 8;
	return region == MODEL_DIST && offset >= 0x6100 && offset < 0x8000 &&
	       ((bytes == 8 && offset % 8 == 0) || (bytes == 4 && offset % 4 == 0));
}

static struct model_bits cut(uint64_t value, uint64_t unsure, unsigned offset, unsigned bytes)
{
	unsigned shift = bytes == 4 && offset % 8 == 4 ? 32 : 0;
	uint64_t mask = bytes == 8 ? ~0ull : 0xffffffffull;

	return (struct model_bits){ value >> shift & mask, unsure >> shift & mask };
}

static struct model_bits read_route(struct model *m, unsigned intid, unsigned offset,
				    unsigned bytes)
{
	const struct model_irq *irq = model_irq(m, 0, intid);
	uint64_t unsure = 0;

	if (!irq)
		return (struct model_bits){ 0, 0 };
	if (irq->route & ROUTE_IRM)
		unsure = ROUTE_AFFINITY;
	if (irq->flux)
		unsure = ~0ull;
	return cut(irq->route, unsure | 0xff00000000ull, offset, bytes);
}

static void write_route(struct model *m, unsigned intid, unsigned offset, unsigned bytes,
			uint64_t value)
{
	struct model_irq *irq = model_irq(m, 0, intid);

	if (!irq)
		return;
	if (bytes == 4 && offset % 8 == 0)
		value = (irq->route & ~0xffffffffull) | (value & 0xffffffffull);
	else if (bytes == 4)
		value = (irq->route & 0xffffffffull) | value << 32;
	irq->route = value & (ROUTE_AFFINITY | ROUTE_IRM);
	irq->touched = m->now;
}

/* 12.9.38 */
static struct model_bits dist_typer(const struct model *m)
{
	unsigned lines = (m->config.spis + 31) / 32;

	return (struct model_bits){ lines | 1u << 16,
				    0x1f << 11 | 0x1f << 19 | 1 << 24 | 1 << 25 | 1 << 26 };
}

static struct model_bits dist_word(const struct model *m, unsigned offset)
{
	switch (offset) {
	case 0x0000:
		return (struct model_bits){ (m->grp[0] ? 1 : 0) | (m->grp[1] ? 2 : 0) | CTLR_ARE |
						    CTLR_DS,
					    CTLR_E1NWF | CTLR_RWP | (m->ctlr_flux ? 3 : 0) };
	case 0x0004:
		return dist_typer(m);
	case 0x0008:
	case 0x0010:
		return (struct model_bits){ 0, ~0u };
	case 0xffe8:
		return (struct model_bits){ 0x30, 0xff0f };
	}
	return (struct model_bits){ 0, offset >= 0xffd0 ? ~0u : 0 };
}

/* 12.10.34 (GICR_TYPER): Affinity_Value, Processor_Number, Last. */
static uint64_t redist_typer(const struct model *m, unsigned n)
{
	uint64_t affinity = model_affinity(m, n);
	uint64_t packed = (affinity >> 32 & 0xff) << 24 | (affinity & 0xffffff);

	return packed << 32 | (uint64_t)n << 8 | (n + 1 == m->config.vcpus ? 1u << 4 : 0);
}

static struct model_bits redist_word(const struct model *m, unsigned n, unsigned offset)
{
	const struct model_pe *pe = &m->pe[n];

	switch (offset) {
	case 0x0000:
		return (struct model_bits){ 0, 1u << 1 | 1u << 2 | 1u << 3 | 7u << 24 };
	case 0x0004:
	case 0x0010:
		return (struct model_bits){ 0, ~0u };
	case 0x0014:
		return (struct model_bits){ pe->asleep ? 6 : 0,
					    pe->asleep_known ? 0x80000001u : ~0u };
	case 0xffe8:
		return (struct model_bits){ 0x30, 0xff0f };
	}
	return (struct model_bits){ 0, offset >= 0xffd0 ? ~0u : 0 };
}

static struct model_bits read_other(const struct model *m, enum model_region region,
				    unsigned offset, unsigned bytes)
{
	unsigned n = offset / 0x20000;

	if (region == MODEL_DIST)
		return bytes == 4 && offset % 4 == 0 ? dist_word(m, offset)
						     : (struct model_bits){ 0, 0 };
	offset %= 0x20000;
	if (n >= m->config.vcpus || offset >= 0x10000 || offset % bytes)
		return (struct model_bits){ 0, 0 };
	if (offset / 8 * 8 == 0x0008 && bytes >= 4)
		return cut(redist_typer(m, n), 7ull << 24 | 1 << 5, offset, bytes);
	return bytes == 4 ? redist_word(m, n, offset) : (struct model_bits){ 0, 0 };
}

struct model_bits model_read(struct model *m, enum model_region region, unsigned offset,
			     unsigned bytes)
{
	struct model_bits all = { 0, 0 };
	struct place place;
	unsigned n, intid;

	if (is_route(region, offset, bytes, &intid))
		return read_route(m, intid, offset, bytes);
	if (!find_place(m, region, offset, bytes, &place))
		return read_other(m, region, offset, bytes);
	for (n = 0; n < place.count; n++) {
		const struct model_irq *irq = irq_at(m, &place, n);
		struct model_bits one;

		if (!irq)
			continue;
		one = read_field(irq, place.bank);
		all.value |= one.value << n * banks[place.bank].bits;
		all.unsure |= one.unsure << n * banks[place.bank].bits;
	}
	return all;
}

static void write_other(struct model *m, enum model_region region, unsigned offset, unsigned bytes,
			uint64_t value)
{
	unsigned n = offset / 0x20000;

	if (bytes != 4)
		return;
	if (region == MODEL_DIST && offset == 0) {
		for (n = 0; n < 2; n++) {
			if (m->grp[n] && !(value >> n & 1))
				m->grp_off[n] = m->now;
			m->grp[n] = value >> n & 1;
		}
		for (n = 0; n < m->config.spis; n++)
			m->spi[n].touched = m->now;
	}
	if (region == MODEL_REDIST && n < m->config.vcpus && offset % 0x20000 == 0x14) {
		m->pe[n].asleep = value >> 1 & 1;
		m->pe[n].asleep_known = true;
	}
}

void model_write(struct model *m, enum model_region region, unsigned offset, unsigned bytes,
		 uint64_t value)
{
	struct place place;
	unsigned n, intid;

	if (is_route(region, offset, bytes, &intid)) {
		write_route(m, intid, offset, bytes, value);
		return;
	}
	if (!find_place(m, region, offset, bytes, &place)) {
		write_other(m, region, offset, bytes, value);
		return;
	}
	for (n = 0; n < place.count; n++) {
		struct model_irq *irq = irq_at(m, &place, n);
		unsigned bits = banks[place.bank].bits;
		unsigned field = value >> n * bits & ((1u << bits) - 1);

		if (irq && write_concerns(place.bank, field))
			write_field(m, irq, place.bank, field);
	}
}

/* Runs `change` on each interrupt that the write concerns. */
static void for_each_written(struct model *m, enum model_region region, unsigned offset,
			     unsigned bytes, uint64_t value, void (*change)(struct model_irq *irq))
{
	struct place place;
	unsigned n, intid;

	if (is_route(region, offset, bytes, &intid)) {
		if (model_irq(m, 0, intid))
			change(model_irq(m, 0, intid));
		return;
	}
	if (!find_place(m, region, offset, bytes, &place))
		return;
	for (n = 0; n < place.count; n++) {
		struct model_irq *irq = irq_at(m, &place, n);
		unsigned bits = banks[place.bank].bits;

		if (irq && write_concerns(place.bank, value >> n * bits & ((1u << bits) - 1)))
			change(irq);
	}
}

static void begin_flux(struct model_irq *irq)
{
	irq->flux++;
}

void model_deactivate_begin(struct model *m, unsigned vcpu, unsigned intid)
{
	struct model_irq *irq = model_irq(m, vcpu, intid);

	if (irq)
		begin_flux(irq);
}

void model_deactivate_end(struct model *m, unsigned vcpu, unsigned intid)
{
	struct model_irq *irq = model_irq(m, vcpu, intid);

	if (!irq)
		return;
	if (irq->active)
		make_inactive(m, irq);
	end_flux(irq);
}

void model_begin(struct model *m, enum model_region region, unsigned offset, unsigned bytes,
		 uint64_t value)
{
	m->ctlr_flux += region == MODEL_DIST && offset == 0;
	for_each_written(m, region, offset, bytes, value, begin_flux);
}

void model_end(struct model *m, enum model_region region, unsigned offset, unsigned bytes,
	       uint64_t value)
{
	m->ctlr_flux -= region == MODEL_DIST && offset == 0;
	for_each_written(m, region, offset, bytes, value, end_flux);
}

void model_post(struct model *m, enum model_region region, unsigned offset, unsigned bytes,
		uint64_t value, unsigned holder, bool (*holds)(void *to, unsigned intid), void *to)
{
	struct place place;
	unsigned n;

	if (!find_place(m, region, offset, bytes, &place) || place.bank < SET_PENDING ||
	    place.bank > CLEAR_ACTIVE)
		return;
	for (n = 0; n < place.count; n++) {
		struct model_irq *irq = irq_at(m, &place, n);

		if (!irq || !(value >> n & 1) || (irq->posted >> holder & 1) ||
		    (place.redist >= 0 && place.redist != (int)holder) || !holds(to, irq->intid))
			continue;
		irq->posted |= 1u << holder;
		irq->flux++;
	}
}

/* Off, and not because its own group was written since: RWP does not cover that. */
static bool group_is_off(const struct model *m, const struct model_irq *irq)
{
	return !m->grp[irq->group] && irq->regrouped < m->grp_off[irq->group];
}

/* 12.9.4, 12.10.7: RWP covers the clearing of enables; it does not promise anything else. */
void model_rwp_clear(struct model *m, int private)
{
	unsigned n, v;

	for (n = 0; private >= 0 && n < 32; n++)
		if (!m->priv[private][n].enabled)
			m->priv[private][n].withdrawn = m->now;
	if (private >= 0)
		return;
	for (n = 0; n < m->config.spis; n++)
		if (!m->spi[n].enabled || group_is_off(m, &m->spi[n]))
			m->spi[n].withdrawn = m->now;
	for (v = 0; v < m->config.vcpus; v++)
		for (n = 0; n < 32; n++)
			if (group_is_off(m, &m->priv[v][n]))
				m->priv[v][n].withdrawn = m->now;
}
