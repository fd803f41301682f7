/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The reference model's registers: Arm IHI 0069 12.9 (GICD), 12.10 and 12.11 (GICR); IHI 0048 4.3
 * (GICv2's GICD). What is left open: the table in model.c.
 */
#include "model_internal.h"

#define ROUTE_AFFINITY 0xff00ffffffull

#define CTLR_ARE   (1u << 4)
#define CTLR_DS    (1u << 6)
#define CTLR_E1NWF (1u << 7)
#define CTLR_RWP   (1u << 31)

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
	TARGETS,
	CLEAR_SOURCE,
	SET_SOURCE,
	MESSAGE_SET, /* no bank: GICD_SETSPI_NSR, GICD_CLRSPI_NSR, GICD_IROUTER<n> */
	MESSAGE_CLEAR,
	ROUTE,
};

#define V2 1u /* GICD of a GICv2 */
#define V3 2u /* GICD of a GICv3 */
#define RD 4u /* a redistributor's SGI_base frame */

/* One register per so many interrupts, from `intid` on. A redistributor counts on into its EPPIs. */
static const struct row {
	unsigned where;
	enum bank bank;
	unsigned first, end, bits, intid;
} rows[] = {
	{ V2 | V3 | RD, GROUP, 0x080, 0x100, 1, 0 },
	{ V2 | V3 | RD, SET_ENABLE, 0x100, 0x180, 1, 0 },
	{ V2 | V3 | RD, CLEAR_ENABLE, 0x180, 0x200, 1, 0 },
	{ V2 | V3 | RD, SET_PENDING, 0x200, 0x280, 1, 0 },
	{ V2 | V3 | RD, CLEAR_PENDING, 0x280, 0x300, 1, 0 },
	{ V2 | V3 | RD, SET_ACTIVE, 0x300, 0x380, 1, 0 },
	{ V2 | V3 | RD, CLEAR_ACTIVE, 0x380, 0x400, 1, 0 },
	{ V2 | V3 | RD, PRIORITY, 0x400, 0x800, 8, 0 },
	{ V2 | V3 | RD, CONFIG, 0xc00, 0xd00, 2, 0 },
	{ V2, TARGETS, 0x800, 0xc00, 8, 0 },
	{ V2, CLEAR_SOURCE, 0xf10, 0xf20, 8, 0 },
	{ V2, SET_SOURCE, 0xf20, 0xf30, 8, 0 },
	{ V3, GROUP, 0x1000, 0x1080, 1, MODEL_ESPI },
	{ V3, SET_ENABLE, 0x1200, 0x1280, 1, MODEL_ESPI },
	{ V3, CLEAR_ENABLE, 0x1400, 0x1480, 1, MODEL_ESPI },
	{ V3, SET_PENDING, 0x1600, 0x1680, 1, MODEL_ESPI },
	{ V3, CLEAR_PENDING, 0x1800, 0x1880, 1, MODEL_ESPI },
	{ V3, SET_ACTIVE, 0x1a00, 0x1a80, 1, MODEL_ESPI },
	{ V3, CLEAR_ACTIVE, 0x1c00, 0x1c80, 1, MODEL_ESPI },
	{ V3, PRIORITY, 0x2000, 0x2400, 8, MODEL_ESPI },
	{ V3, CONFIG, 0x3000, 0x3100, 2, MODEL_ESPI },
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* The `count` registers' fields that an access is about, from the first-th of the row on. */
struct place {
	const struct row *row;
	unsigned redist, first, count;
};

static unsigned where_of(const struct model *m, struct model_at at)
{
	if (at.region == MODEL_REDIST)
		return RD;
	return m->config.version == 2 ? V2 : V3;
}

static bool find_place(const struct model *m, struct model_at at, struct place *place)
{
	unsigned where = where_of(m, at), n;

	if (where == RD && m->config.version == 2)
		return false;
	if (where == RD) {
		place->redist = at.offset / 0x20000;
		if (place->redist >= m->config.vcpus || at.offset % 0x20000 < 0x10000)
			return false;
		at.offset %= 0x10000;
	}
	for (n = 0; n < ROWS; n++) {
		const struct row *row = &rows[n];

		if (!(row->where & where) || at.offset < row->first || at.offset >= row->end)
			continue;
		if (at.offset % at.bytes || (at.bytes != 4 && !(at.bytes == 1 && row->bits == 8)))
			return false;
		place->row = row;
		place->first = (at.offset - row->first) * 8 / row->bits;
		place->count = at.bytes * 8 / row->bits;
		return true;
	}
	return false;
}

/* With affinity routing, INTIDs 0 to 31 of the distributor are nothing; in GICv2 the accessor's. */
static struct model_irq *irq_at(struct model *m, struct model_at at, const struct place *place,
				unsigned n)
{
	unsigned intid = place->row->intid + place->first + n;

	if (where_of(m, at) == RD)
		return place->first + n < model_private_count(m)
			       ? &m->priv[place->redist][place->first + n]
			       : NULL;
	if (intid < 32 && m->config.version == 3)
		return NULL;
	return model_irq(m, at.cpu, intid);
}

/* --- Fields ------------------------------------------------------------------------------------- */

static unsigned all_cpus(const struct model *m)
{
	return (1u << m->config.vcpus) - 1;
}

static bool is_sgi_of_v2(const struct model *m, const struct model_irq *irq)
{
	return m->config.version == 2 && irq->intid < 16;
}

static struct model_bits read_targets(const struct model *m, struct model_at at,
				      const struct model_irq *irq)
{
	if (m->config.vcpus == 1)
		return (struct model_bits){ 0, 0 };
	if (irq->intid < 32)
		return (struct model_bits){ 1u << at.cpu, 0 };
	return (struct model_bits){ irq->targets, irq->flux ? all_cpus(m) : 0 };
}

static struct model_bits read_sources(const struct model *m, const struct model_irq *irq)
{
	if (!is_sgi_of_v2(m, irq))
		return (struct model_bits){ 0, 0 };
	return (struct model_bits){ irq->sources, irq->flux || irq->pending_unsure
							  ? all_cpus(m)
							  : irq->sources_unsure };
}

static struct model_bits read_field(const struct model *m, struct model_at at,
				    const struct model_irq *irq, enum bank bank)
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
	case TARGETS:
		return read_targets(m, at, irq);
	case CLEAR_SOURCE:
	case SET_SOURCE:
		return read_sources(m, irq);
	default:
		return (struct model_bits){ irq->edge ? 2 : 0, irq->flux ? 2 : 0 };
	}
}

static void write_pending(struct model *m, struct model_irq *irq, bool set)
{
	if (is_sgi_of_v2(m, irq))
		return;
	if (set)
		model_pulse(m, irq);
	else
		irq->latch = irq->pending_unsure = false;
}

static void write_sources(struct model *m, struct model_irq *irq, bool set, unsigned value)
{
	unsigned source;

	value &= all_cpus(m);
	for (source = 0; source < m->config.vcpus && set; source++)
		if (value >> source & 1)
			model_sgi_from(m, irq, source);
	if (set)
		return;
	irq->sources &= ~value;
	irq->sources_unsure &= ~value;
}

/* IHI 0069 12.9.35, 12.9.2: an edge is latched, or the latch cleared; a level follows the messages. */
static void write_message(struct model *m, struct model_irq *irq, bool set)
{
	if (!irq->edge)
		model_set_line(m, irq, set);
	else
		write_pending(m, irq, set);
}

static void write_active(struct model *m, struct model_irq *irq, bool set)
{
	bool raced = irq->flux_acted || irq->flux > 1, unsure = raced || irq->active_unsure;

	if (!set) {
		if (irq->active)
			model_make_inactive(m, irq);
		irq->flux_acted = raced;
		return;
	}
	/* Active by hand again: one end, not two. */
	if (!irq->active)
		model_end_unseen(m, irq);
	/* By hand, if not certainly still that of the acknowledge. */
	if (irq->active && unsure)
		model_note_end(irq);
	if ((!irq->active || unsure) && (irq->notify || irq->notify_since))
		irq->end_told = MAYBE;
	if (!irq->active || unsure)
		irq->active_on = MODEL_NOBODY, irq->dropped = false;
	irq->active = true;
	irq->active_unsure = false;
	irq->flux_acted = raced;
}

static void write_config(struct model_irq *irq, unsigned value)
{
	if (irq->intid >= 16)
		irq->edge = value >> 1;
	irq->misconfigured |= irq->mapped && irq->edge == irq->wire.level;
}

static void write_group(struct model *m, struct model_irq *irq, unsigned value)
{
	if (irq->group != value)
		irq->regrouped = m->now;
	irq->group = value;
}

static void write_field(struct model *m, struct model_irq *irq, enum bank bank, unsigned value)
{
	switch (bank) {
	case GROUP:
		write_group(m, irq, value);
		break;
	case SET_ENABLE:
	case CLEAR_ENABLE:
		irq->enabled = bank == SET_ENABLE;
		break;
	case SET_PENDING:
	case CLEAR_PENDING:
		write_pending(m, irq, bank == SET_PENDING);
		break;
	case SET_ACTIVE:
	case CLEAR_ACTIVE:
		write_active(m, irq, bank == SET_ACTIVE);
		break;
	case PRIORITY:
		irq->priority = value & (0xffu << (8 - m->config.priority_bits)) & 0xff;
		break;
	case TARGETS:
		if (irq->intid >= 32 && m->config.vcpus > 1)
			irq->targets = value & all_cpus(m);
		break;
	case CLEAR_SOURCE:
	case SET_SOURCE:
		write_sources(m, irq, bank == SET_SOURCE, value);
		break;
	case MESSAGE_SET:
	case MESSAGE_CLEAR:
		write_message(m, irq, bank == MESSAGE_SET);
		break;
	default:
		write_config(irq, value);
	}
	irq->touched = m->now;
}

static bool write_concerns(enum bank bank, unsigned value)
{
	return value || bank == GROUP || bank == PRIORITY || bank == CONFIG || bank == TARGETS;
}

/* --- Routes and messages ------------------------------------------------------------------------ */

static bool is_route(const struct model *m, struct model_at at, unsigned *intid)
{
	if (where_of(m, at) != V3 ||
	    !((at.bytes == 8 && at.offset % 8 == 0) || (at.bytes == 4 && at.offset % 4 == 0)))
		return false;
	if (at.offset >= 0x6100 && at.offset < 0x7fe0)
		*intid = (at.offset - 0x6000) / 8;
	else if (at.offset >= 0x8000 && at.offset < 0xa000)
		*intid = MODEL_ESPI + (at.offset - 0x8000) / 8;
	else
		return false;
	return true;
}

static struct model_bits cut(uint64_t value, uint64_t unsure, struct model_at at)
{
	unsigned shift = at.bytes == 4 && at.offset % 8 == 4 ? 32 : 0;
	uint64_t mask = at.bytes == 8 ? ~0ull : 0xffffffffull;

	return (struct model_bits){ value >> shift & mask, unsure >> shift & mask };
}

static struct model_bits read_route(struct model *m, unsigned intid, struct model_at at)
{
	const struct model_irq *irq = model_irq(m, 0, intid);
	uint64_t unsure = 0;

	if (!irq)
		return (struct model_bits){ 0, 0 };
	if (irq->route & MODEL_ROUTE_IRM)
		unsure = ROUTE_AFFINITY;
	if (irq->flux)
		unsure = ~0ull;
	return cut(irq->route, unsure | 0xff00000000ull, at);
}

static void write_route(struct model *m, struct model_irq *irq, struct model_at at, uint64_t value)
{
	if (at.bytes == 4 && at.offset % 8 == 0)
		value = (irq->route & ~0xffffffffull) | (value & 0xffffffffull);
	else if (at.bytes == 4)
		value = (irq->route & 0xffffffffull) | value << 32;
	irq->route = value & (ROUTE_AFFINITY | MODEL_ROUTE_IRM);
	irq->touched = m->now;
}

/* GICD_SETSPI_NSR, GICD_CLRSPI_NSR; with DS = 1 those named _SR are WI. */
static bool is_message(const struct model *m, struct model_at at, enum bank *bank)
{
	if (where_of(m, at) != V3 || (at.bytes != 2 && at.bytes != 4))
		return false;
	*bank = at.offset == 0x40 ? MESSAGE_SET : MESSAGE_CLEAR;
	return at.offset == 0x40 || at.offset == 0x48;
}

/* --- One of a kind ------------------------------------------------------------------------------ */

static struct model_bits typer_of_v2(const struct model *m)
{
	return (struct model_bits){ (m->config.spis + 31) / 32 | (m->config.vcpus - 1) << 5, 0 };
}

/* IHI 0048 4.3: nothing is told about the IMPLEMENTATION DEFINED ones and the WO GICD_SGIR. */
static struct model_bits dist_word_of_v2(const struct model *m, unsigned offset)
{
	switch (offset) {
	case 0x000:
		return (struct model_bits){ (m->grp[0] ? 1 : 0) | (m->grp[1] ? 2 : 0),
					    m->ctlr_flux ? 3 : 0 };
	case 0x004:
		return typer_of_v2(m);
	case 0x008:
	case 0xf00:
		return (struct model_bits){ 0, ~0u };
	case 0xfe8:
		return (struct model_bits){ 0x20, 0xffffff0f };
	}
	if ((offset >= 0x020 && offset < 0x040) || (offset >= 0xd00 && offset < 0xe00) ||
	    offset >= 0xfd0)
		return (struct model_bits){ 0, ~0u };
	return (struct model_bits){ 0, 0 };
}

/* 12.9.38; MBIS, ESPI, ESPI_range */
static struct model_bits dist_typer(const struct model *m)
{
	unsigned value = (m->config.spis + 31) / 32 | 1u << 16;

	if (m->config.espis)
		value |= 1u << 8 | ((m->config.espis + 31) / 32 - 1) << 27;
	return (struct model_bits){ value, 0x1f << 11 | 0x1f << 19 | 1 << 24 | 1 << 25 | 1 << 26 };
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
	case 0x0040:
	case 0x0048:
	case 0x0050:
	case 0x0058:
		return (struct model_bits){ 0, ~0u };
	case 0xffe8:
		return (struct model_bits){ 0x30, 0xff0f };
	}
	return (struct model_bits){ 0, offset >= 0xffd0 ? ~0u : 0 };
}

/* 12.10.34 (GICR_TYPER): Affinity_Value, PPInum, Processor_Number, Last. */
static uint64_t redist_typer(const struct model *m, unsigned n)
{
	uint64_t affinity = model_affinity(m, n);
	uint64_t packed = (affinity >> 32 & 0xff) << 24 | (affinity & 0xffffff);
	bool last = n + 1 == m->config.vcpus ||
		    (m->config.region_redists && (n + 1) % m->config.region_redists == 0);

	return packed << 32 | (uint64_t)(m->config.eppis / 32) << 27 | (uint64_t)n << 8 |
	       (last ? 1u << 4 : 0);
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

static struct model_bits read_other(const struct model *m, struct model_at at)
{
	unsigned n = at.offset / 0x20000;

	if (at.region == MODEL_DIST) {
		if (at.offset % 4)
			return (struct model_bits){ 0, 0 };
		if (at.bytes == 4 && m->config.version == 2)
			return dist_word_of_v2(m, at.offset);
		/* What a write-only register reads as, of the width that it has, too, is not told. */
		if (at.bytes == 4 ||
		    (m->config.version == 3 && at.bytes == 2 && at.offset / 0x20 * 0x20 == 0x40))
			return dist_word(m, at.offset);
		return (struct model_bits){ 0, 0 };
	}
	at.offset %= 0x20000;
	if (m->config.version == 2 || n >= m->config.vcpus || at.offset >= 0x10000 ||
	    at.offset % at.bytes)
		return (struct model_bits){ 0, 0 };
	if (at.offset / 8 * 8 == 0x0008 && at.bytes >= 4)
		return cut(redist_typer(m, n), 7ull << 24 | 1 << 5, at);
	return at.bytes == 4 ? redist_word(m, n, at.offset) : (struct model_bits){ 0, 0 };
}

struct model_bits model_read(struct model *m, struct model_at at)
{
	struct model_bits all = { 0, 0 };
	struct place place;
	unsigned n, intid;

	if (is_route(m, at, &intid))
		return read_route(m, intid, at);
	if (!find_place(m, at, &place))
		return read_other(m, at);
	for (n = 0; n < place.count; n++) {
		const struct model_irq *irq = irq_at(m, at, &place, n);
		struct model_bits one;

		if (!irq)
			continue;
		one = read_field(m, at, irq, place.row->bank);
		all.value |= one.value << n * place.row->bits;
		all.unsure |= one.unsure << n * place.row->bits;
	}
	return all;
}

static void write_groups(struct model *m, uint64_t value)
{
	unsigned n;

	for (n = 0; n < 2; n++) {
		if (m->grp[n] && !(value >> n & 1))
			m->grp_off[n] = m->now;
		m->grp[n] = value >> n & 1;
	}
	for (n = 0; n < model_shared_count(m); n++)
		m->shared[n].touched = m->now;
}

static void write_other(struct model *m, struct model_at at, uint64_t value)
{
	unsigned n = at.offset / 0x20000;

	if (at.bytes != 4)
		return;
	if (at.region == MODEL_DIST && at.offset == 0)
		write_groups(m, value);
	if (at.region == MODEL_DIST && at.offset == 0xf00 && m->config.version == 2)
		model_sgi_of_v2(m, at.cpu, (uint32_t)value);
	if (at.region == MODEL_REDIST && m->config.version == 3 && n < m->config.vcpus &&
	    at.offset % 0x20000 == 0x14) {
		m->pe[n].asleep = value >> 1 & 1;
		m->pe[n].asleep_known = true;
	}
}

/* --- Writes: who is concerned, and how ---------------------------------------------------------- */

struct write {
	struct model_at at;
	enum bank bank;
	unsigned field;
	uint64_t value;
	/* of model_post() */
	unsigned holder;
	bool (*holds)(void *to, unsigned intid);
	void *to;
};

/* Runs `change` on each interrupt that the write concerns; false: it is one of a kind. */
static bool for_each_written(struct model *m, struct write *w,
			     void (*change)(struct model *m, struct model_irq *irq,
					    const struct write *w))
{
	struct model_irq *irq;
	struct place place;
	unsigned n, intid;

	if (is_route(m, w->at, &intid)) {
		w->bank = ROUTE;
		irq = model_irq(m, 0, intid);
		if (irq)
			change(m, irq, w);
		return true;
	}
	if (is_message(m, w->at, &w->bank)) {
		intid = w->value & 0x1fff;
		irq = intid < 32 ? NULL : model_irq(m, 0, intid);
		if (irq && !model_is_private(irq))
			change(m, irq, w);
		return true;
	}
	if (!find_place(m, w->at, &place))
		return false;
	w->bank = place.row->bank;
	for (n = 0; n < place.count; n++) {
		irq = irq_at(m, w->at, &place, n);
		w->field = w->value >> n * place.row->bits & ((1u << place.row->bits) - 1);
		if (irq && write_concerns(w->bank, w->field))
			change(m, irq, w);
	}
	return true;
}

static void do_write(struct model *m, struct model_irq *irq, const struct write *w)
{
	if (w->bank == ROUTE)
		write_route(m, irq, w->at, w->value);
	else
		write_field(m, irq, w->bank, w->field);
}

void model_write(struct model *m, struct model_at at, uint64_t value)
{
	struct write w = { .at = at, .value = value };

	if (!for_each_written(m, &w, do_write))
		write_other(m, at, value);
}

static void begin(struct model *m, struct model_irq *irq, const struct write *w)
{
	(void)m;
	(void)w;
	irq->flux++;
}

static void end(struct model *m, struct model_irq *irq, const struct write *w)
{
	(void)m;
	(void)w;
	model_end_flux(irq);
}

void model_begin(struct model *m, struct model_at at, uint64_t value)
{
	struct write w = { .at = at, .value = value };

	m->ctlr_flux += at.region == MODEL_DIST && at.offset == 0;
	for_each_written(m, &w, begin);
}

void model_end(struct model *m, struct model_at at, uint64_t value)
{
	struct write w = { .at = at, .value = value };

	m->ctlr_flux -= at.region == MODEL_DIST && at.offset == 0;
	for_each_written(m, &w, end);
}

static void post(struct model *m, struct model_irq *irq, const struct write *w)
{
	bool concerns = (w->bank >= SET_PENDING && w->bank <= CLEAR_ACTIVE) ||
			(w->bank >= CLEAR_SOURCE && w->bank <= MESSAGE_CLEAR);

	if (!concerns || (irq->posted >> w->holder & 1) ||
	    (model_is_private(irq) && irq->owner != (int)w->holder) || !w->holds(w->to, irq->intid))
		return;
	(void)m;
	irq->posted |= 1u << w->holder;
	irq->flux++;
}

void model_post(struct model *m, struct model_at at, uint64_t value, unsigned holder,
		bool (*holds)(void *to, unsigned intid), void *to)
{
	struct write w = { .at = at, .value = value, .holder = holder, .holds = holds, .to = to };

	for_each_written(m, &w, post);
}

/* --- What a read promises ----------------------------------------------------------------------- */

/* Off, and not because its own group was written since: RWP does not cover that. */
static bool group_is_off(const struct model *m, const struct model_irq *irq)
{
	return !m->grp[irq->group] && irq->regrouped < m->grp_off[irq->group];
}

static void groups_withdrawn(struct model *m, unsigned long since)
{
	unsigned n, v;

	if (m->grp_off[0] >= since || m->grp_off[1] >= since)
		return;
	for (n = 0; n < model_shared_count(m); n++)
		if (group_is_off(m, &m->shared[n]))
			m->shared[n].withdrawn = m->now;
	for (v = 0; v < m->config.vcpus; v++)
		for (n = 0; n < model_private_count(m); n++)
			if (group_is_off(m, &m->priv[v][n]))
				m->priv[v][n].withdrawn = m->now;
}

/* 12.9.4, 12.10.7: RWP covers the clearing of enables; it does not promise anything else. */
static void rwp_is_clear(struct model *m, int redist)
{
	unsigned n;

	for (n = 0; redist >= 0 && n < model_private_count(m); n++)
		if (!m->priv[redist][n].enabled)
			m->priv[redist][n].withdrawn = m->now;
	if (redist >= 0)
		return;
	for (n = 0; n < model_shared_count(m); n++)
		if (!m->shared[n].enabled)
			m->shared[n].withdrawn = m->now;
	groups_withdrawn(m, ~0ul);
}

/* A GICv2 has no RWP: what was disabled before the read began, and reads so, is not delivered any more. */
static void withdrawn_of_v2(struct model *m, struct model_at at, uint64_t value,
			    unsigned long since)
{
	struct place place;
	unsigned n;

	if (at.region == MODEL_DIST && at.offset == 0 && at.bytes == 4)
		groups_withdrawn(m, since);
	if (!find_place(m, at, &place) ||
	    (place.row->bank != SET_ENABLE && place.row->bank != CLEAR_ENABLE))
		return;
	for (n = 0; n < place.count; n++) {
		struct model_irq *irq = irq_at(m, at, &place, n);

		if (irq && !irq->enabled && !(value >> n & 1) && irq->touched < since)
			irq->withdrawn = m->now;
	}
}

void model_was_read(struct model *m, struct model_at at, uint64_t value, unsigned long since)
{
	if (m->config.version == 2)
		withdrawn_of_v2(m, at, value, since);
	else if (at.bytes != 4)
		return;
	else if (at.region == MODEL_DIST && at.offset == 0 && !(value & CTLR_RWP))
		rwp_is_clear(m, -1);
	else if (at.region == MODEL_REDIST && at.offset % 0x20000 == 0 && !(value >> 3 & 1) &&
		 at.offset / 0x20000 < m->config.vcpus)
		rwp_is_clear(m, (int)(at.offset / 0x20000));
}
