/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Redistributors, LPIs, what a PE may be given: Arm IHI 0069 5.1, 5.2, 12.10, 4.8. See model.h. */
#include "model.h"

#include <string.h>

#define PLACE(v) (1u << (1 + (v)))

/* --- The guest's memory ----------------------------------------------------------------------- */

static bool ram_has(const struct ram *ram, uint64_t at, size_t bytes)
{
	uint64_t page;

	if (at < RAM_BASE || at >= RAM_BASE + RAM_SIZE || bytes > RAM_BASE + RAM_SIZE - at)
		return false;
	for (page = (at - RAM_BASE) / RAM_PAGE; page * RAM_PAGE < at - RAM_BASE + bytes; page++)
		if (ram->hole[page])
			return false;
	return true;
}

bool ram_read(const struct ram *ram, uint64_t at, void *to, size_t bytes)
{
	if (!ram_has(ram, at, bytes))
		return false;
	memcpy(to, ram->bytes + (at - RAM_BASE), bytes);
	return true;
}

bool ram_write(struct ram *ram, uint64_t at, const void *from, size_t bytes)
{
	if (!ram_has(ram, at, bytes))
		return false;
	memcpy(ram->bytes + (at - RAM_BASE), from, bytes);
	return true;
}

/* --- Sets of property bytes ------------------------------------------------------------------- */

static void values_add(struct values *v, unsigned byte)
{
	v->bit[byte / 64] |= 1ull << byte % 64;
}

static void values_only(struct values *v, unsigned byte)
{
	memset(v, 0, sizeof(*v));
	values_add(v, byte);
}

static bool values_has(const struct values *v, unsigned byte)
{
	return v->bit[byte / 64] >> byte % 64 & 1;
}

unsigned model_priority_mask(const struct model *m)
{
	return 0xffu << (8 - m->config.priority_bits) & 0xff;
}

/* 5.1.1: bit 0 enables, bits 7:2 are the priority. */
static unsigned property_priority(const struct model *m, unsigned byte)
{
	return byte & 0xfc & model_priority_mask(m);
}

/* Is it enabled with that priority, perhaps? */
bool model_values_have(const struct model *m, const struct values *values, unsigned priority)
{
	unsigned byte;

	for (byte = 1; byte < 256; byte += 2)
		if (values_has(values, byte) && property_priority(m, byte) == priority)
			return true;
	return false;
}

static bool values_surely(const struct model *m, const struct values *values, unsigned *worst)
{
	bool any = false;
	unsigned byte;

	*worst = 0;
	for (byte = 0; byte < 256; byte++) {
		if (!values->bit[byte / 64]) {
			byte |= 63;
			continue;
		}
		if (!values_has(values, byte))
			continue;
		if (!(byte & 1))
			return false;
		any = true;
		if (property_priority(m, byte) > *worst)
			*worst = property_priority(m, byte);
	}
	return any;
}

/* --- Numbers ---------------------------------------------------------------------------------- */

void model_init(struct model *m, const struct machine_config *config)
{
	unsigned n, v;

	memset(m, 0, sizeof(*m));
	m->config = *config;
	m->now = 1;
	for (n = 0; n < IRQS; n++) {
		m->irq[n].may = 1;
		if (n < LPIS)
			continue;
		m->irq[n].priority = ((n - LPIS) * 0x30 + 0x20) & model_priority_mask(m);
		m->irq[n].target = (n - LPIS) % config->vcpus;
	}
	for (v = 0; v < PES; v++)
		for (n = 0; n < LPIS; n++)
			values_only(&m->pe[v].may[n], 0);
}

unsigned model_lpi_count(const struct model *m)
{
	return 1u << m->config.lpi_bits;
}

bool model_is_irq(const struct model *m, unsigned irq)
{
	return irq < LPIS ? irq < model_lpi_count(m) : irq < LPIS + m->config.spis;
}

unsigned model_intid(unsigned irq)
{
	return irq < LPIS ? FIRST_LPI + irq : FIRST_SPI + irq - LPIS;
}

int model_index(const struct model *m, unsigned intid)
{
	if (intid >= FIRST_LPI && intid - FIRST_LPI < model_lpi_count(m))
		return (int)(intid - FIRST_LPI);
	if (intid >= FIRST_SPI && intid - FIRST_SPI < m->config.spis)
		return (int)(LPIS + intid - FIRST_SPI);
	return -1;
}

/* 12.10, GICR_PROPBASER.IDbits: INTIDs have that many bits, less 1; fewer than 14 bits: no LPI. */
bool model_lpi_in_range(const struct model *m, unsigned pe, unsigned lpi)
{
	unsigned bits = (m->pe[pe].propbaser & 31) + 1;

	return lpi < model_lpi_count(m) && (bits >= 32 || FIRST_LPI + lpi < 1u << bits);
}

/* --- Pending ---------------------------------------------------------------------------------- */

void model_set_may(struct model *m, unsigned irq, unsigned may, enum stale stale)
{
	unsigned v;

	for (v = 0; v < m->config.vcpus; v++)
		if ((m->irq[irq].may & PLACE(v)) && !(may & PLACE(v)))
			m->pe[v].stale[irq] = (uint8_t)stale, m->pe[v].hands[irq] = true;
	m->irq[irq].may = (uint16_t)may;
}

void model_raise(struct model *m, unsigned irq, unsigned pe)
{
	struct irq_model *i = &m->irq[irq];

	if (irq < LPIS) {
		if (!m->pe[pe].enabled && !m->pe[pe].turning)
			return;
		if (!model_lpi_in_range(m, pe, irq))
			return;
	}
	i->raised = m->now;
	if (irq < LPIS && m->pe[pe].turning)
		model_set_may(m, irq, i->may | PLACE(pe), STALE_RAISE);
	else
		model_set_may(m, irq, PLACE(pe), STALE_RAISE);
}

/* --- Configuration ---------------------------------------------------------------------------- */

static uint64_t property_address(const struct model *m, unsigned pe, unsigned lpi)
{
	return (m->pe[pe].propbaser & 0x000ffffffffff000ull) + lpi;
}

/* What is there now; what cannot be read is disabled. */
static unsigned property(const struct model *m, const struct ram *ram, unsigned pe, unsigned lpi)
{
	uint8_t byte = 0;

	ram_read(ram, property_address(m, pe, lpi), &byte, 1);
	return byte;
}

void model_memory_changed(struct model *m, const struct ram *ram, uint64_t at, size_t bytes)
{
	unsigned v, n;

	for (v = 0; v < m->config.vcpus; v++) {
		if (!m->pe[v].enabled && !m->pe[v].turning)
			continue;
		for (n = 0; n < model_lpi_count(m); n++) {
			uint64_t here = property_address(m, v, n);

			if (here < at || here - at >= bytes)
				continue;
			values_add(&m->pe[v].may[n], property(m, ram, v, n));
			values_add(&m->pe[v].since[n], property(m, ram, v, n));
		}
	}
}

void model_invalidate(struct model *m, const struct ram *ram, unsigned pe, unsigned lpi,
		      unsigned by)
{
	struct pe_model *p = &m->pe[pe];

	if (!p->enabled && !p->turning)
		return;
	if (p->invalidated[lpi] & ~by)
		values_add(&p->since[lpi], property(m, ram, pe, lpi));
	else
		values_only(&p->since[lpi], property(m, ram, pe, lpi));
	p->invalidated[lpi] |= (uint8_t)by;
}

void model_invalidate_everywhere(struct model *m, const struct ram *ram, unsigned lpi, unsigned by)
{
	unsigned v;

	for (v = 0; v < m->config.vcpus; v++)
		model_invalidate(m, ram, v, lpi, by);
}

void model_synchronize(struct model *m, unsigned pe, unsigned by)
{
	struct pe_model *p = &m->pe[pe];
	unsigned n;

	for (n = 0; n < model_lpi_count(m); n++) {
		if (!(p->invalidated[n] & by))
			continue;
		p->may[n] = p->since[n];
		p->invalidated[n] = 0;
	}
	for (n = 0; n < IRQS && by != BY_GICR; n++)
		if (p->stale[n] == STALE_COMMAND)
			p->stale[n] = FRESH;
}

/* --- EnableLPIs ------------------------------------------------------------------------------- */

int model_pending_bit(const struct model *m, const struct ram *ram, unsigned pe, unsigned lpi)
{
	uint64_t at = (m->pe[pe].pendbaser & 0x000fffffffff0000ull) + (FIRST_LPI + lpi) / 8;
	uint8_t byte;

	if (!ram_read(ram, at, &byte, 1))
		return -1;
	return byte >> lpi % 8 & 1;
}

/* From now on it may read properties; it has none yet. */
void model_begin_to_enable(struct model *m, const struct ram *ram, unsigned pe)
{
	unsigned n;

	for (n = 0; n < model_lpi_count(m); n++) {
		values_only(&m->pe[pe].may[n], property(m, ram, pe, n));
		m->pe[pe].invalidated[n] = 0;
	}
}

/* 5.1.2: the table is read, or not, if GICR_PENDBASER.PTZ said that it is zero, which it may not be. */
void model_enable_lpis(struct model *m, const struct ram *ram, unsigned pe)
{
	struct pe_model *p = &m->pe[pe];
	unsigned n;

	for (n = 0; n < model_lpi_count(m); n++) {
		struct irq_model *irq = &m->irq[n];
		unsigned may = irq->may;

		if (!model_lpi_in_range(m, pe, n) || model_pending_bit(m, ram, pe, n) != 1)
			continue;
		/* Pending elsewhere, too: it has one state here, which of the two is not said. */
		irq->raised = m->now;
		may = (may & ~1u) | PLACE(pe) | (p->ptz ? irq->may : 0);
		model_set_may(m, n, may, STALE_RAISE);
	}
	p->enabled = true;
}

void model_disable_lpis(struct model *m, unsigned pe)
{
	unsigned n;

	for (n = 0; n < model_lpi_count(m); n++) {
		unsigned may = m->irq[n].may;

		if (may & PLACE(pe))
			model_set_may(m, n, (may & ~PLACE(pe)) | 1, FRESH);
		m->pe[pe].stale[n] = FRESH;
	}
	m->pe[pe].enabled = false;
}

/* --- What a PE is given ----------------------------------------------------------------------- */

/* Somebody else had it, who has been kicked, and passes it on. */
static bool in_hands(const struct model *m, unsigned pe, unsigned irq)
{
	unsigned v;

	for (v = 0; v < m->config.vcpus; v++)
		if (v != pe && m->pe[v].hands[irq] && m->pe[v].loaded &&
		    (m->pe[v].unsettled || m->pe[v].outside))
			return true;
	return false;
}

bool model_surely(const struct model *m, unsigned pe, unsigned irq, unsigned *worst)
{
	const struct irq_model *i = &m->irq[irq];

	if (i->may != PLACE(pe) || in_hands(m, pe, irq))
		return false;
	if (irq >= LPIS) {
		*worst = i->priority;
		return !i->active;
	}
	return m->pe[pe].enabled && !m->pe[pe].turning && model_lpi_in_range(m, pe, irq) &&
	       values_surely(m, &m->pe[pe].may[irq], worst);
}

bool model_maybe(const struct model *m, unsigned pe, unsigned irq, unsigned priority,
		 bool stale_too)
{
	const struct irq_model *i = &m->irq[irq];

	if (!(i->may & PLACE(pe)) && !(stale_too && m->pe[pe].stale[irq]))
		return false;
	if (irq >= LPIS)
		return !i->active && i->priority == priority;
	if (!model_lpi_in_range(m, pe, irq))
		return false;
	return model_values_have(m, &m->pe[pe].may[irq], priority);
}

unsigned model_running(const struct model *m, unsigned pe)
{
	const struct pe_model *p = &m->pe[pe];

	return p->depth ? p->stack[p->depth - 1].priority : IDLE;
}

static unsigned preemption_mask(const struct model *m)
{
	return 0xffu << (8 - m->config.preemption_bits) & 0xff;
}

/* 4.8.5, 4.8.6 */
bool model_can_preempt(const struct model *m, unsigned pe, unsigned priority)
{
	return m->pe[pe].group1 && priority < m->pe[pe].pmr &&
	       (priority & preemption_mask(m)) < model_running(m, pe);
}

bool model_must_signal(const struct model *m, unsigned pe)
{
	unsigned n, worst;

	for (n = 0; n < IRQS; n++)
		if (m->irq[n].may != 1 && model_surely(m, pe, n, &worst) &&
		    model_can_preempt(m, pe, worst))
			return true;
	return false;
}

bool model_may_signal(const struct model *m, unsigned pe, bool stale_too)
{
	unsigned n, priority;

	for (n = 0; n < IRQS; n++) {
		if (m->irq[n].may == 1 && !m->pe[pe].stale[n])
			continue;
		for (priority = 0; priority < m->pe[pe].pmr; priority += 4)
			if (model_can_preempt(m, pe, priority) &&
			    model_maybe(m, pe, n, priority, stale_too))
				return true;
	}
	return false;
}

const char *model_acknowledge(struct model *m, unsigned pe, unsigned irq, unsigned priority)
{
	struct irq_model *i = &m->irq[irq];
	struct pe_model *p = &m->pe[pe];
	bool again = i->raised > p->entered;

	if (!model_can_preempt(m, pe, priority))
		return "it is masked, or does not preempt";
	if (!model_maybe(m, pe, irq, priority, p->unsettled))
		return "it is not pending here, or not enabled with this priority";
	if (p->depth == 64)
		return "more is active than there are priorities";
	p->hands[irq] = true; /* until its list register is looked at */
	p->stack[p->depth].irq = irq;
	p->stack[p->depth++].priority = priority & preemption_mask(m);
	if (irq >= LPIS)
		i->active = true;
	i->may = again ? i->may | 1u : 1u;
	return NULL;
}

void model_end(struct model *m, unsigned pe)
{
	struct pe_model *p = &m->pe[pe];
	unsigned irq = p->stack[--p->depth].irq;

	if (irq < LPIS)
		return;
	if (m->config.eoimode1)
		p->dropped[p->drops++] = (int)irq;
	else
		m->irq[irq].active = false;
}

void model_settled(struct model *m, unsigned pe)
{
	m->pe[pe].unsettled = false;
	memset(m->pe[pe].stale, FRESH, sizeof(m->pe[pe].stale));
	memset(m->pe[pe].hands, false, sizeof(m->pe[pe].hands));
}
