/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The machine's registers, command queues, messages and forwarded events. See machine.h. */
#include "machine_internal.h"

#include <stdio.h>
#include <string.h>

#define PLACE(v) (1u << (1 + (v)))
#define VALID    (1ull << 63)
#define TRIES    20000u

#define TOLERATED (-2) /* whatever hardware has as a property */

/* --- The ring --------------------------------------------------------------------------------- */

static uint32_t queue_bytes(const struct its_model *its)
{
	return (uint32_t)((its->cbaser & 0xff) + 1) * 4096;
}

static uint64_t queue_address(const struct its_model *its, uint64_t offset)
{
	return (its->cbaser & 0x000ffffffffff000ull) + offset;
}

static void command_at(const struct machine *m, unsigned n, uint64_t offset, struct command *c)
{
	memset(c, 0, sizeof(*c));
	ram_read(&m->ram, queue_address(&m->model.its[n], offset), c, sizeof(*c));
}

/* Commands that the guest has put there, and the ITS has not read. */
static unsigned queued(const struct machine *m, unsigned n, unsigned op, uint64_t address)
{
	const struct its_model *its = &m->model.its[n];
	uint64_t at;
	unsigned count = 0;
	struct command c;

	for (at = its->creadr; at != m->tail[n]; at = (at + 32) % queue_bytes(its)) {
		command_at(m, n, at, &c);
		if (command_op(&c) == op && (!address || (c.w[2] & ~VALID) == address))
			count++;
	}
	return count;
}

static bool slot_is_free(const struct machine *m, unsigned n, uint64_t address)
{
	unsigned d;

	for (d = 0; d < DEVICES; d++)
		if (m->model.its[n].devices[d].valid && m->model.its[n].devices[d].itt == address)
			return false;
	return !queued(m, n, MAPD, address);
}

static void zero(struct machine *m, uint64_t at, uint64_t bytes)
{
	memset(m->ram.bytes + (at - RAM_BASE), 0, bytes);
}

/* Software gives an ITT that is zero, and nobody else's. 0: there is none. */
static uint64_t choose_itt(struct machine *m, unsigned n, unsigned bits)
{
	unsigned slot;

	if (bits > ITT_BITS) {
		if (bits > 14 || n || !slot_is_free(m, n, BIG_ITT))
			return 0;
		zero(m, BIG_ITT, 0x20000);
		return BIG_ITT;
	}
	for (slot = 0; slot < ITT_SLOTS; slot++) {
		if (!slot_is_free(m, n, ITT(n, slot)))
			continue;
		zero(m, ITT(n, slot), 8u << ITT_BITS);
		return ITT(n, slot);
	}
	return 0;
}

static unsigned devices_mapped(const struct machine *m, unsigned n)
{
	unsigned d, count = 0;

	for (d = 0; d < DEVICES; d++)
		count += m->model.its[n].devices[d].valid;
	return count;
}

static void do_command(struct machine *m, const struct op *op)
{
	struct its_model *its = &m->model.its[op->n];
	struct command c;
	uint32_t next = (m->tail[op->n] + 32) % queue_bytes(its);
	struct device_model *device;

	memcpy(c.w, op->w, sizeof(c.w));
	if ((m->config.tolerate & TOLERATE_MOVES) &&
	    (command_op(&c) == MOVI || command_op(&c) == MOVALL))
		return;
	if (next == its->creadr)
		return;
	if (command_op(&c) == MAPD && (c.w[2] & VALID) && !(c.w[2] & ~VALID)) {
		unsigned bits = (c.w[1] & 31) + 1;
		uint64_t itt;

		if (devices_mapped(m, op->n) + queued(m, op->n, MAPD, 0) >= DEVICES)
			return;
		itt = choose_itt(m, op->n, bits > m->config.event_bits ? 1 : bits);
		if (!itt)
			return;
		c.w[2] |= itt;
	}
	device = its_device(its, command_device(&c));
	if ((command_op(&c) == MAPTI || command_op(&c) == MAPI) &&
	    (device ? device->count : 0) + queued(m, op->n, MAPTI, 0) + queued(m, op->n, MAPI, 0) >=
		    EVENTS)
		return;
	if (!ram_write(&m->ram, queue_address(its, m->tail[op->n]), c.w, sizeof(c.w)))
		return;
	m->tail[op->n] = next;
}

/* --- What a presented access has brought about ------------------------------------------------- */

static uint64_t its_register(struct machine *m, unsigned n, unsigned v, uint32_t offset)
{
	uint64_t value = ~0ull;
	int before = machine_library_begin(m, (int)v);

	if (vits_read(m->vits[n], m->vcpu[v].cpu, offset, 8, &value) != VGIC_DONE)
		machine_fail(m, "a read of GITS %#x is not done", offset);
	machine_library_end(m, before);
	return value;
}

static void adopt(struct machine *m, unsigned n, uint32_t device, uint32_t event)
{
	struct event_model *e = its_event(its_device(&m->model.its[n], device), event);
	unsigned vcpu = 0;
	virq_t lpi = FIRST_LPI;
	int before, result;
	const char *why;

	if (!e || !e->doubtful)
		return;
	before = machine_library_begin(m, NOBODY);
	result = vits_translate(m->vits[n], device, event, &lpi, &vcpu);
	machine_library_end(m, before);
	if (result == -VIRQ_ERR_BUSY)
		return;
	why = its_adopt(&m->model, n, device, event, !result, lpi - FIRST_LPI, vcpu);
	if (why)
		machine_fail(m, "device %#x, event %#x, translates to %u, vCPU %u: %s", device,
			     event, lpi, vcpu, why);
}

static void count_commands(struct machine *m, unsigned n, unsigned count, unsigned least,
			   unsigned most)
{
	struct vits_stats now;
	uint64_t commands, errors;

	vits_stats(m->vits[n], &now);
	commands = now.commands - m->stats[n].commands;
	errors = now.command_errors - m->stats[n].command_errors;
	if (commands != count)
		machine_fail(m, "ITS %u: %llu commands are counted, CREADR went past %u", n,
			     (unsigned long long)commands, count);
	if (errors < least || errors > most)
		machine_fail(m, "ITS %u: %llu errors of commands are counted, not %u to %u", n,
			     (unsigned long long)errors, least, most);
	m->stats[n] = now;
	m->commands += count;
	m->errors += (unsigned long)errors;
}

/*
 * What was unmapped in hardware while it was pending may be raised by software, whenever the command was done
 * that brought it about.
 */
static void dropped(struct machine *m)
{
	unsigned r;

	for (r = 0; r < m->config.routes; r++) {
		struct irq_model *irq = &m->model.irq[m->routes[r].dropped_lpi];

		if (!m->routes[r].dropped)
			continue;
		irq->may |= m->movall ? (2u << m->config.vcpus) - 1
				      : PLACE(m->routes[r].dropped_vcpu);
		irq->raised = m->model.now;
	}
}

static struct route *route_of(struct machine *m, unsigned n, const struct command *c)
{
	unsigned r;

	for (r = 0; n == 0 && r < m->config.routes; r++)
		if (m->routes[r].registered && m->routes[r].device == command_device(c) &&
		    m->routes[r].event == command_event(c))
			return &m->routes[r];
	return NULL;
}

/* A command about a pair that hardware has: the hook for it must have been called. */
static void follow_route(struct route *route, const struct command *c)
{
	route->ints += command_op(c) == INT;
	route->clears += command_op(c) == CLEAR;
	route->invs += command_op(c) == INV;
}

static void routes_followed(struct machine *m)
{
	unsigned r;

	for (r = 0; r < m->config.routes; r++) {
		struct route *route = &m->routes[r];

		if (route->mapped && !route->changed && route->sets != route->ints)
			machine_fail(m, "%u INTs of a forwarded pair, %u vlpi_sets", route->ints,
				     route->sets);
		if (route->mapped && !route->changed &&
		    (route->cleared < route->clears || route->configured < route->invs))
			machine_fail(m,
				     "of a forwarded pair: %u CLEARs, %u vlpi_clears; %u INVs, %u"
				     " vlpi_configures",
				     route->clears, route->cleared, route->invs, route->configured);
		route->sets = route->ints = route->clears = route->cleared = 0;
		route->invs = route->configured = 0;
		route->changed = false;
	}
}

static struct verdict execute(struct machine *m, unsigned n, const struct command *c)
{
	struct route *route = route_of(m, n, c);
	struct verdict verdict;
	struct event_model *e =
		its_event(its_device(&m->model.its[n], command_device(c)), command_event(c));
	unsigned lpi = e ? e->lpi : 0, may = m->model.irq[lpi].may;

	verdict = its_execute(&m->model, &m->ram, n, c);
	if (!route || !e || verdict.least)
		return verdict;
	if (e->doubtful)
		route->changed = true;
	if (its_translate(&m->model, n, command_device(c), command_event(c), &lpi,
			  &(unsigned){ 0 }))
		follow_route(route, c);
	if (command_op(c) == INT) /* by hardware, or by software */
		m->model.irq[lpi].may |= (uint16_t)may;
	return verdict;
}

/* The command that ITS n has begun, or NULL. */
static const struct command *running(struct machine *m, unsigned n, struct command *c)
{
	if (!m->model.its[n].begun)
		return NULL;
	command_at(m, n, m->model.its[n].creadr, c);
	return c;
}

static void raised_meanwhile(struct machine *m)
{
	struct command c;
	unsigned n;

	for (n = 0; n < m->config.itses; n++)
		if (running(m, n, &c))
			its_raised_meanwhile(&m->model, &m->ram, n, &c);
}

/* The commands that the ITS has done since, by its CREADR. */
static void follow(struct machine *m, unsigned n, unsigned v)
{
	struct its_model *its = &m->model.its[n];
	uint64_t creadr = its_register(m, n, v, GITS_CREADR);
	unsigned count = 0, least = 0, most = 0, k;
	struct command c;

	if (m->wild) {
		m->sync_last[n] = false;
		its->creadr = creadr & ~1ull;
		vits_stats(m->vits[n], &m->stats[n]);
		return;
	}
	if (creadr & ~0xfffe0ull || creadr >= queue_bytes(its))
		machine_fail(m, "ITS %u: GITS_CREADR is %#llx", n, (unsigned long long)creadr);
	dropped(m);
	if (its->creadr != creadr && !(its->cbaser >> 63))
		machine_fail(m, "ITS %u: commands are read, and GITS_CBASER.Valid is 0", n);
	while (its->creadr != creadr) {
		struct verdict verdict;

		if (its->creadr == its->cwriter)
			machine_fail(m, "ITS %u: GITS_CREADR %#llx went past GITS_CWRITER %#llx", n,
				     (unsigned long long)creadr, (unsigned long long)its->cwriter);
		command_at(m, n, its->creadr, &c);
		m->movall |= command_op(&c) == MOVALL;
		m->sync_last[n] = command_op(&c) == SYNC && its_rdbase(&m->model, c.w[2]) != NOBODY;
		verdict = execute(m, n, &c);
		least += verdict.least;
		most += verdict.most;
		its->creadr = (its->creadr + 32) % queue_bytes(its);
		count++;
	}
	raised_meanwhile(m);
	count_commands(m, n, count, least, most);
	if (count != 1 || command_op(&c) != DISCARD)
		dropped(m);
	for (k = 0; k < m->config.routes; k++)
		m->routes[k].dropped = false;
}

/* Not done: the command that is next may have begun. */
static void begun(struct machine *m, unsigned n)
{
	struct its_model *its = &m->model.its[n];
	struct command c;

	if (m->wild || its->creadr == its->cwriter || !(its->cbaser >> 63))
		return;
	command_at(m, n, its->creadr, &c);
	its_begin(&m->model, &m->ram, n, &c);
}

/* --- Forwarded events ------------------------------------------------------------------------- */

static struct route *hooked(struct machine *m, unsigned r, const char *name)
{
	if (!m->in_library)
		machine_fail(m, "%s called outside the library", name);
	if (r >= m->config.routes)
		machine_fail(m, "%s of route %u, which does not exist", name, r);
	m->dirty = true;
	return &m->routes[r];
}

static struct route *forwarded(struct machine *m, unsigned r, const char *name)
{
	struct route *route = hooked(m, r, name);

	if (!route->mapped)
		machine_fail(m, "%s of route %u, which is not forwarded", name, r);
	return route;
}

static bool hook_vlpi_map(void *host, uint16_t r, unsigned vcpu, virq_t lpi)
{
	struct machine *m = host;
	struct route *route = hooked(m, r, "vlpi_map");

	if (route->mapped)
		machine_fail(m, "route %u is mapped twice", r);
	if (!route->registered)
		machine_fail(m, "route %u is mapped, and names no pair", r);
	if (vcpu >= m->config.vcpus || lpi < FIRST_LPI ||
	    lpi - FIRST_LPI >= model_lpi_count(&m->model))
		machine_fail(m, "route %u is mapped to LPI %u of vCPU %u", r, lpi, vcpu);
	m->random = m->random * 6364136223846793005ull + 1442695040888963407ull;
	route->refused = m->random >> 60 == 0;
	if (route->refused)
		return false;
	route->mapped = route->changed = true;
	route->discarded = false;
	route->property = -1;
	route->vcpu = vcpu;
	route->lpi = lpi - FIRST_LPI;
	return true;
}

static bool hook_vlpi_unmap(void *host, uint16_t r)
{
	struct route *route = forwarded(host, r, "vlpi_unmap");
	bool pending = route->pending;

	route->mapped = route->pending = route->discarded = false;
	route->dropped |= pending;
	route->changed = true;
	if (pending) {
		route->dropped_vcpu = route->vcpu;
		route->dropped_lpi = route->lpi;
	}
	return pending;
}

static void hook_vlpi_discard(void *host, uint16_t r)
{
	struct route *route = forwarded(host, r, "vlpi_discard");

	route->mapped = route->pending = false;
	route->changed = route->discarded = true;
}

static void hook_vlpi_move(void *host, uint16_t r, unsigned vcpu)
{
	struct machine *m = host;
	const struct pe_model *from;
	struct route *route;

	if (vcpu >= m->config.vcpus)
		machine_fail(m, "route %u is moved to vCPU %u", r, vcpu);
	route = forwarded(m, r, "vlpi_move");
	from = &m->model.pe[route->vcpu];
	if ((m->config.tolerate & TOLERATE_CONFIGURE) && (!from->enabled || from->turning))
		route->property = TOLERATED;
	route->vcpu = vcpu;
}

static void hook_vlpi_set(void *host, uint16_t r)
{
	struct route *route = forwarded(host, r, "vlpi_set");

	route->pending = true;
	route->sets++;
}

static void hook_vlpi_clear(void *host, uint16_t r)
{
	struct route *route = forwarded(host, r, "vlpi_clear");

	route->pending = false;
	route->cleared++;
}

static void hook_vlpi_configure(void *host, uint16_t r, virq_t lpi, uint8_t property)
{
	struct machine *m = host;
	struct route *route = forwarded(m, r, "vlpi_configure");
	const struct values *v = &m->model.pe[route->vcpu].may[route->lpi];

	route->configured++;
	route->property = property;
	if (lpi != FIRST_LPI + route->lpi)
		machine_fail(m, "route %u is LPI %u's, not %u's", r, FIRST_LPI + route->lpi, lpi);
	if (m->wild || !m->model.pe[route->vcpu].enabled || m->model.pe[route->vcpu].turning ||
	    !model_lpi_in_range(&m->model, route->vcpu, route->lpi))
		return;
	if (!(v->bit[property / 64] >> property % 64 & 1) && !m->movall)
		machine_fail(m, "route %u: property %#x is not what the table has", r, property);
}

static bool hook_vlpis_settled(void *host)
{
	struct machine *m = host;

	m->random = m->random * 6364136223846793005ull + 1442695040888963407ull;
	if (m->random >> 61 == 0)
		return !m->dirty;
	m->dirty = false;
	return true;
}

const struct vits_port machine_vits_port = {
	.vlpi_map = hook_vlpi_map,
	.vlpi_unmap = hook_vlpi_unmap,
	.vlpi_discard = hook_vlpi_discard,
	.vlpi_move = hook_vlpi_move,
	.vlpi_set = hook_vlpi_set,
	.vlpi_clear = hook_vlpi_clear,
	.vlpi_configure = hook_vlpi_configure,
	.vlpis_settled = hook_vlpis_settled,
};

/* An LPI that two pairs are mapped to: UNPREDICTABLE. */
static bool is_shared(const struct machine *m, unsigned lpi)
{
	unsigned n, d, e, count = 0;

	for (n = 0; n < m->config.itses; n++)
		for (d = 0; d < DEVICES; d++) {
			const struct device_model *device = &m->model.its[n].devices[d];

			for (e = 0; device->valid && e < device->count; e++)
				count += device->events[e].lpi == lpi || device->events[e].doubtful;
		}
	return count > 1;
}

static bool property_may_be(struct machine *m, struct route *route)
{
	const struct values *v = &m->model.pe[route->vcpu].may[route->lpi];

	if (is_shared(m, route->lpi)) {
		route->property = TOLERATED;
		return true;
	}
	return v->bit[route->property / 64] >> route->property % 64 & 1;
}

/* Is forwarded what is registered and mapped? ITS 0 has done its commands. */
static void check_routes(struct machine *m)
{
	struct its_model *its = &m->model.its[0];
	struct vits_stats stats;
	unsigned r, lpi, pe, count = 0;

	for (r = 0; r < m->config.routes; r++) {
		struct route *route = &m->routes[r];
		bool is;

		count += route->mapped;
		if (its_in_doubt(&m->model, 0, NULL, route->device, route->event))
			continue;
		is = route->registered && its->enabled &&
		     its_translate(&m->model, 0, route->device, route->event, &lpi, &pe);
		if (route->mapped && !is)
			machine_fail(m, "route %u is forwarded, and is not mapped", r);
		if (!route->mapped && is && !route->refused)
			machine_fail(m, "route %u is mapped, and is not forwarded", r);
		if (route->mapped && !m->movall && m->model.pe[pe].enabled &&
		    !m->model.pe[pe].turning && model_lpi_in_range(&m->model, pe, lpi) &&
		    route->property != TOLERATED &&
		    (route->property < 0 || !property_may_be(m, route)))
			machine_fail(m, "route %u: hardware has property %#x", r, route->property);
		if (route->mapped && (route->lpi != lpi || (route->vcpu != pe && !m->movall)))
			machine_fail(m, "route %u is LPI %u of vCPU %u, not %u of %u", r,
				     FIRST_LPI + route->lpi, route->vcpu, FIRST_LPI + lpi, pe);
	}
	vits_stats(m->vits[0], &stats);
	if (stats.forwarded != count)
		machine_fail(m, "%llu routes are forwarded, it says: %u",
			     (unsigned long long)stats.forwarded, count);
}

/* A command queue is empty: what has become of pairs where the text leaves a choice? */
static void commands_done(struct machine *m, unsigned n)
{
	unsigned d, e;

	if (m->wild)
		return;
	for (d = 0; d < DEVICES; d++) {
		struct device_model *device = &m->model.its[n].devices[d];

		for (e = device->valid ? device->count : 0; e-- > 0;)
			adopt(m, n, device->id, device->events[e].event);
	}
	if (m->sync_last[n] && m->dirty && n == 0)
		machine_fail(m, "SYNC is done, and hardware has not been asked");
	m->sync_last[n] = false;
	if (n == 0 && m->config.routes) {
		routes_followed(m);
		check_routes(m);
	}
}

/* --- Accesses --------------------------------------------------------------------------------- */

static unsigned gicr_register(const struct op *op, unsigned *pe)
{
	*pe = op->a / VGIC_REDIST_STRIDE;
	return op->a % VGIC_REDIST_STRIDE;
}

static void access_begin(struct machine *m, struct op *op)
{
	struct its_model *its = &m->model.its[op->n % ITSES];
	unsigned pe, reg = gicr_register(op, &pe), lpi;

	for (lpi = 0; op->kind == OP_GICR_WRITE && pe < m->config.vcpus && lpi < LPIS; lpi++)
		m->table[pe][lpi] = (int8_t)model_pending_bit(&m->model, &m->ram, pe, lpi);
	if (op->kind == OP_SUBMIT) {
		op->w[0] = m->tail[op->n];
		its->cwriter = op->w[0];
	} else if (op->kind == OP_ITS_WRITE && op->a == GITS_CTLR && op->b == 4) {
		its->turning |= (op->w[0] & 1) != its->enabled;
		its->enabled |= op->w[0] & 1;
	} else if (op->kind == OP_ITS_WRITE && op->a == GITS_CBASER && op->b == 8 &&
		   !its->enabled) {
		its->cbaser = op->w[0];
		its->creadr = 0;
	} else if (op->kind == OP_GICR_WRITE && pe < m->config.vcpus && !m->wild) {
		if (reg == GICR_CTLR && op->b == 4 && (op->w[0] & 1) && !m->model.pe[pe].enabled &&
		    !m->model.pe[pe].turning)
			model_begin_to_enable(&m->model, &m->ram, pe);
		if (reg == GICR_CTLR && op->b == 4)
			m->model.pe[pe].turning |= (op->w[0] & 1) != m->model.pe[pe].enabled;
		lpi = (uint32_t)op->w[0] - FIRST_LPI;
		if (reg == GICR_INVLPIR && op->b == 8 && !(op->w[0] >> 63) &&
		    (uint32_t)op->w[0] >= FIRST_LPI && lpi < model_lpi_count(&m->model))
			model_invalidate(&m->model, &m->ram, pe, lpi, BY_GICR);
		for (lpi = 0; reg == GICR_INVALLR && op->b == 8 && !(op->w[0] >> 63) &&
			      lpi < model_lpi_count(&m->model);
		     lpi++)
			model_invalidate(&m->model, &m->ram, pe, lpi, BY_GICR);
	}
}

static uint64_t merge(uint64_t old, uint64_t value, unsigned bytes, unsigned high)
{
	if (bytes == 8)
		return value;
	if (high)
		return (old & 0xffffffffull) | value << 32;
	return (old & ~0xffffffffull) | (uint32_t)value;
}

static void gicr_written(struct machine *m, const struct op *op)
{
	unsigned pe, reg = gicr_register(op, &pe);
	struct pe_model *p;

	if (pe >= m->config.vcpus || m->wild)
		return;
	p = &m->model.pe[pe];
	if (reg == GICR_CTLR && op->b == 4) {
		bool on = op->w[0] & 1;
		unsigned r;

		for (r = 0; on && r < m->config.routes; r++)
			if ((m->config.tolerate & TOLERATE_CONFIGURE) && m->routes[r].vcpu == pe)
				m->routes[r].property = TOLERATED;
		if (on != p->enabled && on)
			model_enable_lpis(&m->model, &m->ram, pe);
		else if (on != p->enabled) {
			access_check_table(m, pe);
			model_disable_lpis(&m->model, pe);
		}
		p->turning = false;
		return;
	}
	if (op->b != 8 && op->b != 4)
		return;
	if (p->enabled) /* UNPREDICTABLE; ignored */
		return;
	if (reg == GICR_PROPBASER || (reg == GICR_PROPBASER + 4 && op->b == 4)) {
		p->propbaser = merge(p->propbaser, op->w[0], op->b, reg & 4) &
			       0x070fffffffffff9full;
	} else if (reg == GICR_PENDBASER || (reg == GICR_PENDBASER + 4 && op->b == 4)) {
		uint64_t value = merge(p->pendbaser, op->w[0], op->b, reg & 4);

		if (op->b == 8 || reg & 4) {
			p->ptz = value >> 62 & 1;
		}
		p->pendbaser = value & 0x070fffffffff0f80ull;
	}
}

/* Read bits that must be as they are, and those that may be either. */
static bool gicr_expected(struct machine *m, const struct op *op, uint64_t *value, uint64_t *any)
{
	unsigned pe, reg = gicr_register(op, &pe);
	const struct pe_model *p = &m->model.pe[pe % PES];

	*any = 0;
	*value = 0;
	if (pe >= m->config.vcpus)
		return true;
	switch (reg & ~7u) {
	case 0:
		*value = 6u | p->enabled; /* CES, IR */
		*any = 8u | p->turning;
		return reg == 0 && op->b == 4;
	case GICR_PROPBASER:
		*value = p->propbaser;
		*any = 0x0700000000000f80ull;
		break;
	case GICR_PENDBASER:
		*value = p->pendbaser;
		*any = 0x0700000000000f80ull;
		break;
	case GICR_SYNCR:
		*any = 1;
		break;
	case GICR_INVLPIR:
	case GICR_INVALLR:
		break;
	default:
		return false;
	}
	if (op->b < 4 || reg & 3 || (op->b == 8 && reg & 7)) {
		*value = *any = 0;
		return true;
	}
	*value >>= 8 * (reg & 4);
	*any >>= 8 * (reg & 4);
	return true;
}

static uint64_t typer(const struct machine *m)
{
	const struct machine_config *c = &m->config;

	return 1u | 7u << 4 | (uint64_t)(c->event_bits - 1) << 8 |
	       (uint64_t)(c->device_bits - 1) << 13 | (uint64_t)c->pta << 19 |
	       (uint64_t)(c->collection_bits - 1) << 32 | 1ull << 36;
}

static bool its_expected(struct machine *m, const struct op *op, uint64_t *value, uint64_t *any)
{
	const struct its_model *its = &m->model.its[op->n];
	uint32_t reg = op->a & ~7u;

	*value = *any = 0;
	switch (reg) {
	case 0:
		if (op->b != 4 || op->a & 3)
			return op->b < 4;
		if (op->a == GITS_IIDR)
			return false;
		*value = its->enabled | 1u << 31;
		*any = its->turning | (its->enabled || its->turning ? 1u << 31 : 0);
		return true;
	case GITS_TYPER:
		*value = typer(m);
		if (m->config.collection_bits == 16) /* without CIL, 16 bits as well */
			*any = 0x1full << 32;
		*any |= 1u << 2; /* CCT */
		break;
	case GITS_CBASER:
		*value = its->cbaser & 0xb8effffffffffcffull;
		*any = 0x38e0000000000c00ull;
		break;
	case GITS_CWRITER:
		*value = its->cwriter;
		break;
	case GITS_CREADR:
		*value = its->creadr;
		break;
	case GITS_BASER:
	case GITS_BASER + 8:
		*value = its->baser[reg & 8 ? 1 : 0] | (reg & 8 ? 4ull : 1ull) << 56 | 7ull << 48;
		*any = 0x38e0000000000c00ull;
		break;
	case GITS_PIDR2 & ~7u:
		if (op->a != GITS_PIDR2 || op->b != 4)
			return false;
		*value = 0x30;
		*any = ~0xf0ull;
		return true;
	default:
		if (reg < GITS_BASER + 16 || reg >= GITS_BASER + 64)
			return false;
	}
	if (op->b < 4 || op->a & 3 || (op->b == 8 && op->a & 7)) {
		*value = *any = 0;
		return true;
	}
	*value >>= 8 * (op->a & 4);
	*any >>= 8 * (op->a & 4);
	return true;
}

static void read_done(struct machine *m, unsigned v, const struct op *op, uint64_t value)
{
	uint64_t expected, any, width = op->b == 8 ? ~0ull : (1ull << 8 * op->b) - 1;
	unsigned pe, reg = gicr_register(op, &pe);
	bool known;

	if (value & ~width)
		machine_fail(m, "vCPU %u: a read of %u bytes gives %#llx", v, op->b,
			     (unsigned long long)value);
	if (m->wild)
		return;
	known = op->kind == OP_ITS_READ ? its_expected(m, op, &expected, &any)
					: gicr_expected(m, op, &expected, &any);
	if (known && ((value ^ expected) & ~any & width))
		machine_fail(m, "vCPU %u: %s %#x, %u bytes, reads %#llx, not %#llx", v,
			     op->kind == OP_ITS_READ ? "GITS" : "GICR", op->a, op->b,
			     (unsigned long long)value, (unsigned long long)(expected & width));
	if (op->kind == OP_GICR_READ && reg == GICR_SYNCR && op->b == 4 && !(value & 1) &&
	    pe < m->config.vcpus)
		model_synchronize(&m->model, pe, BY_GICR);
}

/* A register reads as it was written, at once. */
static void read_back(struct machine *m, unsigned v, enum op_kind kind, unsigned n, uint32_t offset,
		      unsigned bytes)
{
	struct op op = { .kind = (uint8_t)kind, .n = (uint8_t)n, .a = offset, .b = bytes };
	uint64_t value = 0;
	int before = machine_library_begin(m, (int)v);
	enum vgic_result result;

	if (kind == OP_ITS_READ)
		result = vits_read(m->vits[n], m->vcpu[v].cpu, offset, bytes, &value);
	else
		result = vgic_redist_read(m->vcpu[v].cpu, offset, bytes, &value);
	machine_library_end(m, before);
	if (result == VGIC_DONE)
		read_done(m, v, &op, value);
}

static enum vgic_result present(struct machine *m, unsigned v, uint64_t *value)
{
	const struct op *op = &m->vcpu[v].access;
	struct vgic_cpu *cpu = m->vcpu[v].cpu;
	int before = machine_library_begin(m, (int)v);
	enum vgic_result result;

	switch (op->kind) {
	case OP_SUBMIT:
		result = vits_write(m->vits[op->n], cpu, GITS_CWRITER, op->a ? 4 : 8, op->w[0]);
		break;
	case OP_ITS_WRITE:
		result = vits_write(m->vits[op->n], cpu, op->a, op->b, op->w[0]);
		break;
	case OP_ITS_READ:
		result = vits_read(m->vits[op->n], cpu, op->a, op->b, value);
		break;
	case OP_GICR_WRITE:
		result = vgic_redist_write(cpu, op->a, op->b, op->w[0]);
		break;
	case OP_GICR_READ:
		result = vgic_redist_read(cpu, op->a, op->b, value);
		break;
	default: /* OP_DIR */
		result = vgic_sysreg_write(
			cpu, VGIC_ICC_DIR_EL1,
			model_intid((unsigned)m->model.pe[v].dropped[m->model.pe[v].drops - 1]));
	}
	machine_library_end(m, before);
	if (result == VGIC_UNDEFINED)
		machine_fail(m, "vCPU %u: an access is undefined", v);
	return result;
}

/* The ITS is at work for another vCPU's access, and will do these commands, too. */
static bool others_wait(const struct machine *m, unsigned v, unsigned n)
{
	unsigned u;

	for (u = 0; u < m->config.vcpus; u++)
		if (u != v && m->vcpu[u].waiting && m->vcpu[u].access.n == n &&
		    (m->vcpu[u].access.kind == OP_SUBMIT || m->vcpu[u].access.kind == OP_ITS_WRITE))
			return true;
	return false;
}

static void access_done(struct machine *m, unsigned v, uint64_t value)
{
	struct vcpu *vcpu = &m->vcpu[v];
	struct op op = vcpu->access;
	struct its_model *its = &m->model.its[op.n % ITSES];
	uint32_t reg;

	vcpu->waiting = false;
	switch (op.kind) {
	case OP_SUBMIT:
		if (its->enabled && !its->turning && its->creadr != its->cwriter && !m->wild &&
		    its->cbaser >> 63 && !others_wait(m, v, op.n))
			machine_fail(m,
				     "ITS %u: GITS_CWRITER is written, and GITS_CREADR is %#llx,"
				     " not %#llx",
				     op.n, (unsigned long long)its->creadr,
				     (unsigned long long)its->cwriter);
		if (its->creadr == its->cwriter)
			commands_done(m, op.n);
		break;
	case OP_ITS_WRITE:
		if (op.a != GITS_CTLR || op.b != 4)
			break;
		its->enabled = op.w[0] & 1;
		its->turning = false;
		if (its->enabled && its->creadr != its->cwriter && !m->wild && its->cbaser >> 63 &&
		    !others_wait(m, v, op.n))
			machine_fail(m, "ITS %u is enabled, and commands are left", op.n);
		if (its->creadr == its->cwriter)
			commands_done(m, op.n);
		break;
	case OP_GICR_WRITE:
		gicr_written(m, &op);
		reg = op.a % VGIC_REDIST_STRIDE & ~7u;
		if (reg == GICR_PROPBASER || reg == GICR_PENDBASER)
			read_back(m, v, OP_GICR_READ, 0, op.a & ~7u, 8);
		break;
	case OP_DIR:
		m->model.irq[m->model.pe[v].dropped[--m->model.pe[v].drops]].active = false;
		break;
	default:
		read_done(m, v, &op, value);
	}
	if (vcpu->where == OUTSIDE)
		machine_enter(m, v);
	else
		machine_back(m, v);
}

static void attempt(struct machine *m, unsigned v)
{
	const struct op *op = &m->vcpu[v].access;
	bool of_its = op->kind == OP_SUBMIT || op->kind == OP_ITS_WRITE;
	uint64_t value = 0;
	enum vgic_result result;

	m->model.now++;
	result = present(m, v, &value);
	if (of_its)
		follow(m, op->n, v);
	if (result == VGIC_AGAIN) {
		m->agains++;
		m->model.pe[v].unsettled = true; /* it goes out before it comes again */
		if (of_its)
			begun(m, op->n);
		return;
	}
	access_done(m, v, value);
}

void machine_access(struct machine *m, unsigned v, const struct op *op)
{
	struct vcpu *vcpu = &m->vcpu[v];

	if ((vcpu->where != GUEST && vcpu->where != OUTSIDE) || vcpu->waiting)
		return;
	/* Software has a lock around these. */
	if ((op->kind == OP_SUBMIT || op->kind == OP_ITS_WRITE) && others_wait(m, v, op->n))
		return;
	vcpu->access = *op;
	vcpu->access.vcpu = (uint8_t)v;
	vcpu->waiting = true;
	access_begin(m, &vcpu->access);
	attempt(m, v);
}

void machine_retry(struct machine *m, unsigned v)
{
	if (!m->vcpu[v].waiting || m->vcpu[v].where == UNLOADED)
		return;
	machine_exit(m, v);
	attempt(m, v);
}

/* --- Messages --------------------------------------------------------------------------------- */

static bool stopped_here(const struct machine *m, unsigned v)
{
	return m->vcpu[v].where == GUEST && !m->vcpu[v].waiting;
}

static void message(struct machine *m, unsigned v, unsigned n, uint32_t device, uint32_t event,
		    bool here)
{
	struct vits_stats stats;
	struct command c;
	unsigned lpi = 0, pe = 0;
	int before, result;
	bool mapped;

	here = here && stopped_here(m, v);
	if (!m->wild && its_in_doubt(&m->model, n, running(m, n, &c), device, event))
		return;
	before = machine_library_begin(m, here ? (int)v : NOBODY);
	m->quiet = here;
	result = vits_message(m->vits[n], here ? m->vcpu[v].cpu : NULL, device, event);
	m->quiet = false;
	machine_library_end(m, before);
	vits_stats(m->vits[n], &stats);
	if (!m->wild) {
		mapped = m->model.its[n].enabled &&
			 its_translate(&m->model, n, device, event, &lpi, &pe);
		if (mapped ? result != 0 : result != -VIRQ_ERR_RANGE)
			machine_fail(m, "a message of device %#x, event %#x, answers %d", device,
				     event, result);
		if (stats.messages != m->stats[n].messages + mapped ||
		    stats.ignored != m->stats[n].ignored + !mapped ||
		    stats.misses - m->stats[n].misses > 1)
			machine_fail(m, "a message is not counted, or not once");
		if (mapped)
			model_raise(&m->model, lpi, pe);
		raised_meanwhile(m);
		m->messages += mapped;
	}
	m->stats[n] = stats;
	if (here)
		machine_back(m, v);
}

static void pulse(struct machine *m, const struct op *op)
{
	bool here = op->w[0] && stopped_here(m, op->vcpu);
	unsigned irq = LPIS + op->a;
	int before;

	if (op->a >= m->config.spis)
		return;
	before = machine_library_begin(m, here ? op->vcpu : NOBODY);
	m->quiet = here;
	if (here)
		vgic_pulse_here(m->vcpu[op->vcpu].cpu, 0, model_intid(irq));
	else
		vgic_pulse(m->vgic, 0, model_intid(irq));
	m->quiet = false;
	machine_library_end(m, before);
	model_raise(&m->model, irq, m->model.irq[irq].target);
	if (here)
		machine_back(m, op->vcpu);
}

static void translate(struct machine *m, unsigned n, uint32_t device, uint32_t event)
{
	unsigned vcpu = 0, lpi = 0, pe = 0;
	struct command c;
	virq_t intid = 0;
	int before, result;
	bool mapped = its_translate(&m->model, n, device, event, &lpi, &pe);

	if (m->wild || its_in_doubt(&m->model, n, running(m, n, &c), device, event))
		return;
	before = machine_library_begin(m, NOBODY);
	result = vits_translate(m->vits[n], device, event, &intid, &vcpu);
	machine_library_end(m, before);
	if (result == -VIRQ_ERR_BUSY) {
		if (!running(m, n, &c))
			machine_fail(m, "vits_translate() is busy, and no command runs");
		return;
	}
	if (!m->model.its[n].enabled && result == -VIRQ_ERR_RANGE)
		return;
	if (mapped ? result != 0 : result != -VIRQ_ERR_RANGE)
		machine_fail(m, "device %#x, event %#x: vits_translate() answers %d", device, event,
			     result);
	if (mapped && (intid != FIRST_LPI + lpi || vcpu != pe))
		machine_fail(m, "device %#x, event %#x, is LPI %u of vCPU %u, not %u of %u", device,
			     event, intid, vcpu, FIRST_LPI + lpi, pe);
}

static void forward(struct machine *m, const struct op *op)
{
	struct route *route = &m->routes[op->n];
	unsigned r;
	int before, result, wanted = op->n < m->config.routes ? 0 : -VIRQ_ERR_RANGE;
	bool same, was;

	if (op->n >= ROUTES)
		return;
	same = route->registered && route->device == op->a && route->event == op->b;
	for (r = 0; r < m->config.routes; r++)
		if (r != op->n && m->routes[r].registered && m->routes[r].device == op->a &&
		    m->routes[r].event == op->b)
			return; /* a pair is one route's */
	if (route->registered && !same)
		return;
	was = route->registered;
	if (!wanted) {
		route->registered = true;
		route->device = op->a;
		route->event = op->b;
	}
	before = machine_library_begin(m, NOBODY);
	result = vits_forward(m->vits[0], op->a, op->b, op->n);
	machine_library_end(m, before);
	if (result == -VIRQ_ERR_BUSY && m->model.its[0].begun) {
		route->registered = was;
		return;
	}
	if (result == -VIRQ_ERR_RANGE && (uint64_t)op->a >> m->config.device_bits) {
		route->registered = was;
		return;
	}
	if (result == -VIRQ_ERR_RANGE && (uint64_t)op->b >> m->config.event_bits) {
		route->registered = was;
		return;
	}
	if (result != wanted)
		machine_fail(m, "vits_forward() answers %d", result);
}

static void unforward(struct machine *m, const struct op *op)
{
	struct route *route = &m->routes[op->n];
	bool here = op->w[0] && stopped_here(m, op->vcpu), pending;
	int before, result, wanted = op->n < m->config.routes ? 0 : -VIRQ_ERR_RANGE;

	if (op->n >= ROUTES)
		return;
	pending = route->mapped && route->pending;
	before = machine_library_begin(m, here ? op->vcpu : NOBODY);
	m->quiet = here;
	result = vits_unforward(m->vits[0], here ? m->vcpu[op->vcpu].cpu : NULL, op->n);
	m->quiet = false;
	machine_library_end(m, before);
	if (result == -VIRQ_ERR_BUSY && m->model.its[0].begun)
		return;
	if (result != wanted)
		machine_fail(m, "vits_unforward() answers %d", result);
	if (!wanted && route->mapped)
		machine_fail(m, "route %u is forwarded after vits_unforward()", op->n);
	route->registered = route->refused = route->dropped = route->discarded = false;
	if (pending)
		model_raise(&m->model, route->lpi, route->vcpu);
	if (here)
		machine_back(m, op->vcpu);
}

static void fire(struct machine *m, const struct op *op)
{
	struct route *route = &m->routes[op->n % ROUTES];

	if (op->kind == OP_VLPI) {
		m->vlpis += route->mapped && route->pending;
		route->pending = false;
	} else if (route->registered && route->mapped) {
		route->pending = true;
	} else if (route->registered && !route->discarded) {
		message(m, op->vcpu, 0, route->device, route->event, false);
	}
}

static void set_property(struct machine *m, const struct op *op)
{
	uint64_t at = (m->model.pe[op->vcpu].propbaser & 0x000ffffffffff000ull) + op->a;
	uint8_t byte = (uint8_t)op->b;

	if (!ram_write(&m->ram, at, &byte, 1))
		return;
	model_memory_changed(&m->model, &m->ram, at, 1);
}

void access_do(struct machine *m, const struct op *op)
{
	if (op->kind != OP_GICR_READ && op->kind != OP_GICR_WRITE && op->kind != OP_PROPERTY &&
	    op->kind != OP_PULSE && op->kind < OP_FORWARD && op->n >= m->config.itses)
		return;
	if (op->kind == OP_GICR_WRITE && (m->config.tolerate & TOLERATE_DISABLED) &&
	    op->a % VGIC_REDIST_STRIDE == GICR_CTLR)
		return;
	/* Software waits until EnableLPIs is known to have changed. */
	if (op->kind == OP_GICR_WRITE && m->model.pe[op->a / VGIC_REDIST_STRIDE % PES].turning)
		return;
	if (op->kind == OP_GICR_WRITE && (m->config.tolerate & TOLERATE_RANGE) &&
	    op->a % VGIC_REDIST_STRIDE == GICR_PROPBASER)
		return;
	switch (op->kind) {
	case OP_COMMAND:
		do_command(m, op);
		break;
	case OP_SUBMIT:
	case OP_ITS_READ:
	case OP_ITS_WRITE:
	case OP_GICR_READ:
	case OP_GICR_WRITE:
		machine_access(m, op->vcpu, op);
		break;
	case OP_SETUP:
		machine_quiesce(m);
		if (m->wild || (m->config.routes && (m->config.tolerate & TOLERATE_TABLES)))
			break;
		access_setup_its(m, op->n, op->a & 7, op->b, op->w[0], (unsigned)op->w[1]);
		break;
	case OP_MESSAGE:
		message(m, op->vcpu, op->n, op->a, op->b, op->w[0]);
		break;
	case OP_PROPERTY:
		set_property(m, op);
		break;
	case OP_STORE:
		if (m->config.wild &&
		    ram_write(&m->ram, RAM_BASE + (op->a & (RAM_SIZE - 8)), op->w, 8))
			m->wild = true;
		break;
	case OP_PULSE:
		pulse(m, op);
		break;
	case OP_TRANSLATE:
		translate(m, op->n, op->a, op->b);
		break;
	case OP_FORWARD:
		forward(m, op);
		break;
	case OP_UNFORWARD:
		unforward(m, op);
		break;
	case OP_FIRE:
	case OP_VLPI:
		fire(m, op);
		break;
	}
}

/* --- At rest ---------------------------------------------------------------------------------- */

/* The pending table in memory, once EnableLPIs is 0 or the VM is saved. */
void access_check_table(struct machine *m, unsigned pe)
{
	unsigned n;

	for (n = 0; n < model_lpi_count(&m->model); n++) {
		unsigned may = m->model.irq[n].may;
		int bit = model_pending_bit(&m->model, &m->ram, pe, n);

		if (bit >= 0 && m->model.pe[pe].turning && bit != m->table[pe][n] &&
		    !model_lpi_in_range(&m->model, pe, n))
			machine_fail(m,
				     "vCPU %u: the pending table is written beyond its end, for %u",
				     pe, FIRST_LPI + n);
		if (bit < 0 || !model_lpi_in_range(&m->model, pe, n))
			continue;
		if ((bit && !(may & PLACE(pe))) || (!bit && may == PLACE(pe)))
			machine_fail(m,
				     "vCPU %u: the pending table has %d for %u, which may be at"
				     " places %#x",
				     pe, bit, FIRST_LPI + n, may);
	}
}

void access_compare(struct machine *m)
{
	unsigned n, d, e;

	for (n = 0; n < m->config.itses; n++)
		for (d = 0; d < DEVICES; d++) {
			const struct device_model *device = &m->model.its[n].devices[d];

			for (e = 0; device->valid && e < device->count; e++)
				translate(m, n, device->id, device->events[e].event);
		}
	if (m->config.routes)
		check_routes(m);
}

/* --- As software sets things up ----------------------------------------------------------------- */

/* An access that is repeated until it is done, by a vCPU that is outside. */
static void write_now(struct machine *m, enum op_kind kind, unsigned n, uint32_t offset,
		      unsigned bytes, uint64_t value)
{
	struct op op = { .kind = (uint8_t)kind, .n = (uint8_t)n, .a = offset, .b = bytes };
	unsigned tries;

	op.w[0] = value;
	machine_load(m, 0);
	if (m->vcpu[0].where != OUTSIDE)
		machine_exit(m, 0);
	m->vcpu[0].access = op;
	m->vcpu[0].waiting = true;
	access_begin(m, &m->vcpu[0].access);
	attempt(m, 0);
	for (tries = 0; m->vcpu[0].waiting; tries++) {
		if (tries == TRIES)
			machine_fail(m, "a write to %#x says AGAIN for ever", offset);
		machine_quiesce(m);
	}
	machine_exit(m, 0);
}

static void write_register(struct machine *m, unsigned n, uint32_t offset, uint64_t value)
{
	write_now(m, OP_ITS_WRITE, n, offset, offset == GITS_CTLR ? 4 : 8, value);
}

static uint64_t baser(uint64_t address, unsigned page, bool indirect, unsigned pages)
{
	return VALID | (uint64_t)indirect << 62 | address | page << 8 | (pages - 1);
}

/* The first level has entries for the first two pages, the last one, and one that points nowhere. */
static void setup_devices(struct machine *m, unsigned n, unsigned page, bool indirect)
{
	uint64_t bytes = 0x1000ull << 2 * page, last = bytes / 8 - 1, entry, k;
	static const unsigned slots[] = { 0, 1, 2 };

	write_register(m, n, GITS_BASER, 0);
	m->model.its[n].baser[0] = 0;
	memset(m->model.its[n].devices, 0, sizeof(m->model.its[n].devices));
	zero(m, DEVTAB(n), 0x20000);
	zero(m, LEVEL2(n), 0x40000);
	for (k = 0; indirect && k < 3; k++) {
		entry = VALID | (LEVEL2(n) + slots[k] * bytes);
		ram_write(&m->ram, DEVTAB(n) + 8 * (k == 2 ? last : k), &entry, 8);
	}
	entry = VALID | 0x10000;
	if (indirect)
		ram_write(&m->ram, DEVTAB(n) + 16, &entry, 8);
	entry = baser(DEVTAB(n), page, indirect, indirect || page == 2 ? 1 : 3);
	write_register(m, n, GITS_BASER, entry);
	m->model.its[n].baser[0] = entry;
}

static void setup_collections(struct machine *m, unsigned n, unsigned page)
{
	uint64_t value = baser(COLTAB(n), page, false, 1);

	write_register(m, n, GITS_BASER + 8, 0);
	memset(m->model.its[n].colls, 0, sizeof(m->model.its[n].colls));
	zero(m, COLTAB(n), 0x10000);
	write_register(m, n, GITS_BASER + 8, value);
	m->model.its[n].baser[1] = value;
}

void access_setup_its(struct machine *m, unsigned n, unsigned what, unsigned page, bool indirect,
		      unsigned queue_pages)
{
	struct its_model *its = &m->model.its[n];
	enum where was = m->vcpu[0].where;
	unsigned n2;

	write_register(m, n, GITS_CTLR, 0);
	if (what & SETUP_DEVICES)
		setup_devices(m, n, page % 3, indirect);
	if (what & SETUP_COLLECTIONS)
		setup_collections(m, n, page % 3);
	if (what & SETUP_QUEUE) {
		uint64_t value = QUEUE(n) | (queue_pages % 16);

		value |= queue_pages < 100 ? VALID : 0;

		write_register(m, n, GITS_CBASER, value);
		its->cwriter = m->tail[n] = 0;
		write_register(m, n, GITS_CWRITER, 0);
	}
	for (n2 = 0; n2 < 3; n2++)
		read_back(m, 0, OP_ITS_READ, n, n2 < 2 ? GITS_BASER + 8 * n2 : GITS_CBASER, 8);
	write_register(m, n, GITS_CTLR, 1);
	if (was == GUEST)
		machine_enter(m, 0);
	else if (was == UNLOADED)
		machine_out(m, 0);
}

void access_setup_gicr(struct machine *m)
{
	unsigned v;

	for (v = 0; v < m->config.vcpus; v++) {
		uint32_t base = v * VGIC_REDIST_STRIDE;

		write_now(m, OP_GICR_WRITE, 0, base + 0x14, 4, 0);
		write_now(m, OP_GICR_WRITE, 0, base + GICR_PROPBASER, 8, PROPERTIES | 13);
		write_now(m, OP_GICR_WRITE, 0, base + GICR_PENDBASER, 8, PENDING(v) | 1ull << 62);
		write_now(m, OP_GICR_WRITE, 0, base + GICR_CTLR, 4, 1);
	}
}
