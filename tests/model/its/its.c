/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The naive ITS: Arm IHI 0069 5.2 (tables), 5.3 (commands). See model.h. */
#include "model.h"

#include <string.h>

#define PLACE(v) (1u << (1 + (v)))

static const struct verdict fine = { 0, 0 };
static const struct verdict refused = { 1, 1 };
static const struct verdict either = { 0, 1 };

unsigned command_op(const struct command *c)
{
	return c->w[0] & 0xff;
}

uint32_t command_device(const struct command *c)
{
	return (uint32_t)(c->w[0] >> 32);
}

uint32_t command_event(const struct command *c)
{
	return (uint32_t)c->w[1];
}

static uint32_t command_icid(const struct command *c)
{
	return c->w[2] & 0xffff;
}

static bool command_valid(const struct command *c)
{
	return c->w[2] >> 63;
}

/* --- Tables ----------------------------------------------------------------------------------- */

static uint64_t page_size(uint64_t baser)
{
	unsigned field = baser >> 8 & 3;

	return field == 0 ? 0x1000 : field == 1 ? 0x4000 : 0x10000;
}

uint64_t its_table_size(uint64_t baser)
{
	return ((baser & 0xff) + 1) * page_size(baser);
}

/* 12.19, GITS_BASER<n>.Physical_Address: with pages of 64 KB bits 15:12 are bits 51:48. */
static uint64_t table_address(uint64_t baser)
{
	uint64_t address = baser & 0x0000fffffffff000ull;

	if (page_size(baser) == 0x10000)
		address = (address & ~0xffffull) | (address >> 12 & 15) << 48;
	return address;
}

bool its_device_in_table(const struct model *m, const struct ram *ram, unsigned n, uint32_t id)
{
	uint64_t baser = m->its[n].baser[0], entry, page = page_size(baser), at;

	if (!(baser >> 63) || (m->config.device_bits < 32 && id >> m->config.device_bits))
		return false;
	at = table_address(baser) + 8ull * id;
	if (baser >> 62 & 1) {
		uint64_t first = id / (page / 8);

		if (first * 8 + 8 > its_table_size(baser))
			return false;
		if (!ram_read(ram, table_address(baser) + first * 8, &entry, 8) || !(entry >> 63))
			return false;
		at = (entry & 0x000ffffffffff000ull & ~(page - 1)) + 8 * (id % (page / 8));
	} else if (8ull * id + 8 > its_table_size(baser)) {
		return false;
	}
	return ram_read(ram, at, &entry, 8);
}

struct device_model *its_device(struct its_model *its, uint32_t id)
{
	unsigned n;

	for (n = 0; n < DEVICES; n++)
		if (its->devices[n].valid && its->devices[n].id == id)
			return &its->devices[n];
	return NULL;
}

struct event_model *its_event(struct device_model *device, uint32_t event)
{
	unsigned n;

	for (n = 0; device && n < device->count; n++)
		if (device->events[n].event == event)
			return &device->events[n];
	return NULL;
}

int its_collection(const struct its_model *its, uint32_t icid)
{
	unsigned n;

	for (n = 0; n < COLLS; n++)
		if (its->colls[n].valid && its->colls[n].icid == icid)
			return (int)its->colls[n].pe;
	return NOBODY;
}

static void set_collection(struct its_model *its, uint32_t icid, int pe)
{
	unsigned n;

	for (n = 0; n < COLLS; n++)
		if (its->colls[n].valid && its->colls[n].icid == icid)
			its->colls[n].valid = false;
	for (n = 0; pe != NOBODY && n < COLLS; n++) {
		if (its->colls[n].valid)
			continue;
		its->colls[n].valid = true;
		its->colls[n].icid = icid;
		its->colls[n].pe = (unsigned)pe;
		return;
	}
}

static bool collection_exists(const struct model *m, unsigned n, uint32_t icid)
{
	uint64_t baser = m->its[n].baser[1];

	return !(icid >> m->config.collection_bits) && baser >> 63 &&
	       8ull * icid + 8 <= its_table_size(baser);
}

/* RDbase, bits 51:16 of a doubleword: a number, or (PTA) an address. */
int its_rdbase(const struct model *m, uint64_t field)
{
	uint64_t base = field & 0x000fffffffff0000ull, v;

	for (v = 0; v < m->config.vcpus; v++)
		if (base == (m->config.pta ? REDISTS + v * 0x20000 : v << 16))
			return (int)v;
	return NOBODY;
}

bool its_translate(struct model *m, unsigned n, uint32_t device, uint32_t event, unsigned *lpi,
		   unsigned *pe)
{
	struct event_model *e = its_event(its_device(&m->its[n], device), event);
	int to = e ? its_collection(&m->its[n], e->icid) : NOBODY;

	if (to == NOBODY)
		return false;
	*lpi = e->lpi;
	*pe = (unsigned)to;
	return true;
}

bool its_in_doubt(struct model *m, unsigned n, const struct command *running, uint32_t device,
		  uint32_t event)
{
	struct event_model *e = its_event(its_device(&m->its[n], device), event);

	if (e && e->doubtful)
		return true;
	if (m->its[n].turning)
		return true;
	if (!running)
		return false;
	switch (command_op(running)) {
	case MAPD:
		return command_device(running) == device;
	case MAPC:
		return true;
	case MAPI:
	case MAPTI:
	case MOVI:
	case DISCARD:
		return command_device(running) == device && command_event(running) == event;
	default:
		return false;
	}
}

/* --- What a command does to an LPI ------------------------------------------------------------ */

/*
 * Its places become `to`; before it is done, or if it was raised meanwhile, or another ITS had to do with
 * it: perhaps.
 */
static void affect(struct model *m, unsigned n, unsigned lpi, unsigned to, bool done)
{
	struct irq_model *irq = &m->irq[lpi];
	unsigned v;

	irq->touched[n] = m->now;
	/* Written to a pending table already? */
	for (v = 0; v < m->config.vcpus; v++)
		if (m->pe[v].turning && (irq->may & PLACE(v)))
			to |= PLACE(v) | 1u;
	if (!done) {
		irq->may |= (uint16_t)to;
		return;
	}
	if (m->its[n].begun &&
	    (irq->raised > m->its[n].begun_at || irq->touched[!n] >= m->its[n].begun_at))
		to |= irq->may;
	model_set_may(m, lpi, to, STALE_COMMAND);
}

/* Elsewhere than where it is mapped to: the text does not say. */
static void clear(struct model *m, unsigned n, unsigned lpi, unsigned pe, bool done)
{
	affect(m, n, lpi, (m->irq[lpi].may & ~PLACE(pe)) | 1, done);
}

static unsigned moved(const struct model *m, unsigned lpi, unsigned from, unsigned to)
{
	unsigned may = m->irq[lpi].may;

	if (from == to || !(may & PLACE(from)))
		return may;
	/* Sent to a redistributor that has no such LPI now: ignored there. */
	if (!m->pe[to].enabled || m->pe[to].turning || !model_lpi_in_range(m, to, lpi))
		return may | 1u | (m->pe[to].turning ? PLACE(to) : 0u);
	return (may & ~PLACE(from)) | PLACE(to);
}

/* Pending elsewhere, because its collection has moved: the text does not say. */
static void move(struct model *m, unsigned n, unsigned lpi, unsigned from, unsigned to, bool done)
{
	unsigned may = m->irq[lpi].may, stray = may & ~(1u | PLACE(from));

	if (from == to && !stray)
		return;
	if (stray && (m->pe[to].enabled || m->pe[to].turning))
		stray = PLACE(to);
	else
		stray = stray ? 1u : 0u;
	if (stray && m->pe[to].turning)
		stray |= 1u;
	affect(m, n, lpi, moved(m, lpi, from, to) | stray, done);
}

/* The pending state of what is unmapped otherwise than by DISCARD: not said. */
static void forget_events(struct model *m, unsigned n, struct device_model *device, bool done)
{
	unsigned k;

	for (k = 0; k < device->count; k++) {
		affect(m, n, device->events[k].lpi, m->irq[device->events[k].lpi].may | 1u, done);
		if (device->events[k].doubtful)
			affect(m, n, device->events[k].other_lpi,
			       m->irq[device->events[k].other_lpi].may | 1u, done);
	}
}

/* --- Commands, 5.3 ---------------------------------------------------------------------------- */

static struct verdict mapd(struct model *m, const struct ram *ram, unsigned n,
			   const struct command *c, bool done)
{
	struct its_model *its = &m->its[n];
	struct device_model *device = its_device(its, command_device(c));
	unsigned size = c->w[1] & 31, d;

	if (!its_device_in_table(m, ram, n, command_device(c)))
		return refused;
	if (command_valid(c) && size + 1 > m->config.event_bits)
		return refused;
	if (device)
		forget_events(m, n, device, done);
	if (!done)
		return fine;
	if (device)
		device->valid = false;
	for (d = 0; command_valid(c) && d < DEVICES; d++) {
		device = &its->devices[d];
		if (device->valid)
			continue;
		memset(device, 0, sizeof(*device));
		device->valid = true;
		device->id = command_device(c);
		device->bits = size + 1;
		device->itt = c->w[2] & 0x000fffffffffff00ull;
		break;
	}
	return fine;
}

static struct verdict mapc(struct model *m, unsigned n, const struct command *c, bool done)
{
	int pe = its_rdbase(m, c->w[2]);

	if (!collection_exists(m, n, command_icid(c)) || (command_valid(c) && pe == NOBODY))
		return refused;
	if (done)
		set_collection(&m->its[n], command_icid(c), command_valid(c) ? pe : NOBODY);
	return fine;
}

static struct verdict mapti(struct model *m, const struct ram *ram, unsigned n,
			    const struct command *c, bool done)
{
	struct device_model *device = its_device(&m->its[n], command_device(c));
	uint32_t event = command_event(c);
	uint32_t intid = command_op(c) == MAPI ? event : (uint32_t)(c->w[1] >> 32);
	struct event_model *e;
	uint64_t entry;

	if (!its_device_in_table(m, ram, n, command_device(c)) || !device ||
	    (uint64_t)event >> device->bits)
		return refused;
	if (intid < FIRST_LPI || intid - FIRST_LPI >= model_lpi_count(m))
		return refused;
	if (!collection_exists(m, n, command_icid(c)))
		return refused;
	if (!ram_read(ram, device->itt + 8ull * event, &entry, 8))
		return refused;
	if (!done)
		return fine;
	e = its_event(device, event);
	if (e) { /* mapped already: UNPREDICTABLE */
		bool was = e->doubtful;

		e->lost |= was;
		e->doubtful = true;
		e->other_lpi = intid - FIRST_LPI;
		e->other_icid = (uint16_t)command_icid(c);
		return either;
	}
	if (device->count == EVENTS)
		return fine;
	e = &device->events[device->count++];
	memset(e, 0, sizeof(*e));
	e->event = event;
	e->lpi = intid - FIRST_LPI;
	e->icid = (uint16_t)command_icid(c);
	return fine;
}

static void unmap(struct model *m, unsigned n, const struct command *c)
{
	struct device_model *device = its_device(&m->its[n], command_device(c));
	struct event_model *e = its_event(device, command_event(c));

	*e = device->events[--device->count];
}

static struct verdict movi(struct model *m, unsigned n, const struct command *c,
			   struct event_model *e, int from, bool done)
{
	int to = its_collection(&m->its[n], command_icid(c));

	if (!collection_exists(m, n, command_icid(c)) || to == NOBODY)
		return refused;
	if (from == NOBODY) { /* there is no redistributor to take it from */
		if (!done)
			return either;
		e->doubtful = true;
		e->other_lpi = e->lpi;
		e->other_icid = (uint16_t)command_icid(c);
		return either;
	}
	move(m, n, e->lpi, (unsigned)from, (unsigned)to, done);
	if (done)
		e->icid = (uint16_t)command_icid(c);
	return fine;
}

/* Those that are about one mapped pair. */
static struct verdict of_pair(struct model *m, const struct ram *ram, unsigned n,
			      const struct command *c, bool done)
{
	struct device_model *device = its_device(&m->its[n], command_device(c));
	struct event_model *e = its_event(device, command_event(c));
	int pe;

	if (!e)
		return refused;
	pe = its_collection(&m->its[n], e->icid);
	if (e->doubtful) { /* whatever it does, it does to one of the two */
		m->irq[e->lpi].may |= 1u;
		m->irq[e->lpi].raised = m->irq[e->other_lpi].raised = m->now;
		if (pe != NOBODY)
			m->irq[e->lpi].may |= PLACE(pe);
		m->irq[e->other_lpi].may |= 1u;
		pe = its_collection(&m->its[n], e->other_icid);
		if (pe != NOBODY)
			m->irq[e->other_lpi].may |= PLACE(pe);
		if (e->lost) {
			m->irq[e->lpi].may = (uint16_t)(2u << m->config.vcpus) - 1;
			m->irq[e->other_lpi].may = m->irq[e->lpi].may;
		}
		pe = command_op(c) == MOVI ? its_collection(&m->its[n], command_icid(c)) : NOBODY;
		if (pe != NOBODY) {
			m->irq[e->lpi].may |= PLACE(pe);
			m->irq[e->other_lpi].may |= PLACE(pe);
		}
		if (done && command_op(c) == MOVI)
			e->lost = true;
		return either;
	}
	if (command_op(c) == MOVI)
		return movi(m, n, c, e, pe, done);
	if (pe == NOBODY) {
		if (command_op(c) == DISCARD && done) {
			e->doubtful = true;
			e->other_lpi = e->lpi;
			e->other_icid = e->icid;
		}
		if (command_op(c) == DISCARD || command_op(c) == CLEAR)
			affect(m, n, e->lpi, m->irq[e->lpi].may | 1u, done);
		return either;
	}
	switch (command_op(c)) {
	case INT:
		if (done && !m->its[n].begun) {
			model_raise(m, e->lpi, (unsigned)pe);
			break;
		}
		/* Whenever it was since, and somebody may have acknowledged it meanwhile. */
		if (m->pe[pe].enabled && model_lpi_in_range(m, (unsigned)pe, e->lpi)) {
			m->irq[e->lpi].may |= PLACE(pe);
			m->irq[e->lpi].raised = m->now;
		}
		break;
	case CLEAR:
		clear(m, n, e->lpi, (unsigned)pe, done);
		break;
	case INV:
		if (!done || !m->its[n].begun)
			model_invalidate_everywhere(m, ram, e->lpi, BY_ITS(n));
		break;
	case DISCARD:
		clear(m, n, e->lpi, (unsigned)pe, done);
		if (done)
			unmap(m, n, c);
		break;
	}
	return fine;
}

/* What is mapped to the collection; of those that may be pending elsewhere, it is not said. */
static struct verdict invall(struct model *m, const struct ram *ram, unsigned n,
			     const struct command *c, bool done)
{
	int pe = its_collection(&m->its[n], command_icid(c));
	unsigned d, k;

	if (!collection_exists(m, n, command_icid(c)) || pe == NOBODY)
		return refused;
	for (d = 0; d < DEVICES && (!done || !m->its[n].begun); d++) {
		const struct device_model *device = &m->its[n].devices[d];

		for (k = 0; device->valid && k < device->count; k++) {
			const struct event_model *e = &device->events[k];

			if (e->icid == command_icid(c) && !e->doubtful &&
			    !(m->irq[e->lpi].may & ~(1u | PLACE(pe))))
				model_invalidate(m, ram, (unsigned)pe, e->lpi, BY_ITS(n));
		}
	}
	return fine;
}

static struct verdict movall(struct model *m, unsigned n, const struct command *c, bool done)
{
	int from = its_rdbase(m, c->w[2]), to = its_rdbase(m, c->w[3]);
	unsigned lpi;

	if (from == NOBODY || to == NOBODY)
		return refused;
	for (lpi = 0; lpi < model_lpi_count(m) && from != to; lpi++)
		if (m->irq[lpi].may & PLACE(from))
			affect(m, n, lpi, moved(m, lpi, (unsigned)from, (unsigned)to), done);
	return fine;
}

static struct verdict sync(struct model *m, unsigned n, const struct command *c, bool done)
{
	int pe = its_rdbase(m, c->w[2]);

	if (pe == NOBODY)
		return either;
	if (done)
		model_synchronize(m, (unsigned)pe, BY_ITS(n));
	return fine;
}

static struct verdict command(struct model *m, const struct ram *ram, unsigned n,
			      const struct command *c, bool done)
{
	switch (command_op(c)) {
	case MAPD:
		return mapd(m, ram, n, c, done);
	case MAPC:
		return mapc(m, n, c, done);
	case MAPI:
	case MAPTI:
		return mapti(m, ram, n, c, done);
	case MOVI:
	case INT:
	case CLEAR:
	case INV:
	case DISCARD:
		return of_pair(m, ram, n, c, done);
	case INVALL:
		return invall(m, ram, n, c, done);
	case MOVALL:
		return movall(m, n, c, done);
	case SYNC:
		return sync(m, n, c, done);
	default:
		return refused;
	}
}

void its_begin(struct model *m, const struct ram *ram, unsigned n, const struct command *c)
{
	if (m->its[n].begun)
		return;
	command(m, ram, n, c, false);
	m->its[n].begun = true;
	m->its[n].begun_at = m->now;
}

void its_raised_meanwhile(struct model *m, const struct ram *ram, unsigned n,
			  const struct command *c)
{
	switch (command_op(c)) {
	case MOVI:
	case MOVALL:
	case CLEAR:
	case DISCARD:
	case MAPD:
		command(m, ram, n, c, false);
		break;
	default:
		break;
	}
}

struct verdict its_execute(struct model *m, const struct ram *ram, unsigned n,
			   const struct command *c)
{
	struct verdict verdict = command(m, ram, n, c, true);

	m->its[n].begun = false;
	return verdict;
}

const char *its_adopt(struct model *m, unsigned n, uint32_t device, uint32_t event, bool mapped,
		      unsigned lpi, unsigned pe)
{
	struct device_model *d = its_device(&m->its[n], device);
	struct event_model *e = its_event(d, event);
	bool first, second;

	if (!e)
		return mapped ? "it is mapped" : NULL;
	first = its_collection(&m->its[n], e->icid) == (int)pe && e->lpi == lpi;
	second = its_collection(&m->its[n], e->other_icid) == (int)pe && e->other_lpi == lpi;
	if (!mapped) {
		if (!e->lost && its_collection(&m->its[n], e->icid) != NOBODY &&
		    its_collection(&m->its[n], e->other_icid) != NOBODY)
			*e = d->events[--d->count];
		return NULL;
	}
	if (e->lost)
		return NULL;
	if (!first && !second)
		return "it is mapped to neither";
	if (first && second && e->icid != e->other_icid) /* still either */
		return NULL;
	if (!first) {
		e->lpi = e->other_lpi;
		e->icid = e->other_icid;
	}
	e->doubtful = false;
	return NULL;
}
