/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What the guest expects: IHI 0069 5.1 to 5.3. Nothing is known of who delivers. What a message becomes is
 * looked up in the mappings before and after the command that is under way; of each LPI it is known how
 * often it may come, whether it has to, and where.
 */
#include "direct.h"

struct guest guest;

unsigned pair_of_lpi(unsigned lpi)
{
	return lpi % PAIRS;
}

/* The LPI that a message of the pair becomes, and whose; -1: it is ignored. */
int delivers(const struct view *view, unsigned p, unsigned *vcpu)
{
	const struct pair *pair = &view->pair[p];

	if (!view->enabled || !pair->mapped || view->collection[pair->icid] == NOWHERE)
		return -1;
	*vcpu = view->collection[pair->icid];
	return (int)pair->lpi;
}

/* Messages of the pair on their way: in the device, in the physical GIC, in the host. */
unsigned in_flight(unsigned p)
{
	unsigned count = devices[p].has;

	for (unsigned cpu = 0; cpu < G4_CPUS; cpu++)
		count += g.redist[cpu].pending[devices[p].lpi - G4_LPI] +
			 (unsigned)(handling[cpu] == (int)devices[p].lpi);
	return count;
}

/* `times` more may come there. */
static void expect(unsigned lpi, unsigned vcpu, bool must, unsigned times)
{
	struct command *c = &guest.command;
	struct lpi *l = &guest.lpi[lpi];

	l->must |= must;
	l->may += times;
	if (times)
		l->places |= 1u << vcpu;
	if (times && c->busy && c->kind == MOVALL && c->vcpu == vcpu)
		l->places |= 1u << c->to;
	if (c->busy && c->kind == CLEAR && c->lpi == lpi)
		c->crossed += times;
}

/* A message, which counts before or after what is under way. `must`: or else it is one too many. */
void sent(unsigned p, bool must)
{
	unsigned before = 0, after = 0;
	int was = delivers(&guest.now, p, &before), will = delivers(&guest.next, p, &after);
	bool clears = guest.command.busy && guest.command.kind == CLEAR && guest.command.pair == p;

	tell(must ? "message of" : "change of", p, in_flight(p));
	if (was >= 0)
		expect((unsigned)was, before, must && was == will && !clears, 1);
	if (will >= 0 && will != was)
		expect((unsigned)will, after, false, 1);
	if (will >= 0 && will == was)
		guest.lpi[will].places |= 1u << after;
}

/* Is it on its way to another vCPU, which may know other things of it until it is there? */
static bool moves(unsigned p)
{
	unsigned before = 0, after = 0;

	return delivers(&guest.now, p, &before) != delivers(&guest.next, p, &after) ||
	       before != after;
}

void came(unsigned vcpu, unsigned intid)
{
	unsigned n = intid - G4_LPI, p = pair_of_lpi(n), at;
	struct lpi *l = &guest.lpi[n];

	tell("taken by", vcpu, n);
	if (n >= LPIS)
		fail("something else than an LPI came", vcpu, intid);
	if (!l->may)
		fail("an LPI came that was not to", vcpu, n);
	if (!(l->places >> vcpu & 1))
		fail("an LPI came to the wrong vCPU", vcpu, n);
	if ((l->sure >> vcpu & 1) && !l->on && !moves(p))
		fail("an LPI came that is disabled", vcpu, n);
	/* One on its way comes, too, if it is not ignored. */
	l->must &= in_flight(p) && devices[p].due && delivers(&guest.now, p, &at) == (int)n &&
		   delivers(&guest.next, p, &at) == (int)n;
	if (!--l->may)
		l->places = 0;
	taken++;
}

/* --- Commands. --------------------------------------------------------------------------------- */

static void apply(struct view *view, const struct command *c)
{
	switch (c->kind) {
	case MAPD:
		view->device[c->device] = c->to;
		for (unsigned p = c->device * EVENTS; p < (c->device + 1) * EVENTS; p++)
			view->pair[p].mapped = false;
		break;
	case MAPC:
		view->collection[c->icid] = c->vcpu;
		break;
	case MAPTI:
		view->pair[c->pair] = (struct pair){ true, c->lpi, c->icid };
		break;
	case MOVI:
		view->pair[c->pair].icid = c->icid;
		break;
	case DISCARD:
		view->pair[c->pair].mapped = false;
		break;
	case CTLR:
		view->enabled = c->to;
		break;
	default:
		break;
	}
}

/* A pair's messages come to something else from now on, or will soon. */
static void begin_pair(unsigned p)
{
	unsigned before = 0, after = 0;
	int was = delivers(&guest.now, p, &before), will = delivers(&guest.next, p, &after);

	if (was >= 0 && was != will && in_flight(p))
		guest.lpi[was].must = false;
	if (was >= 0 && guest.now.pair[p].mapped && !guest.next.pair[p].mapped)
		guest.lpi[was].must = false;
	if (will >= 0 && was != will)
		expect((unsigned)will, after, false, in_flight(p));
	if (will >= 0 && was == will && guest.lpi[will].may)
		guest.lpi[will].places |= 1u << after;
}

void begin(void)
{
	struct command *c = &guest.command;
	unsigned at = 0;

	tell(command_names[c->kind], c->kind < MAPTI || c->kind > INV ? c->vcpu : c->pair,
	     c->kind == MAPTI                       ? c->lpi
	     : c->kind == CTLR || c->kind == MOVALL ? c->to
						    : c->icid);
	c->busy = true;
	c->crossed = in_flight(c->pair) + devices[c->pair].changes;
	guest.next = guest.now;
	apply(&guest.next, c);
	for (unsigned p = 0; p < PAIRS; p++)
		begin_pair(p);
	for (unsigned n = 0; n < LPIS && c->kind == MOVALL; n++)
		if (guest.lpi[n].places >> c->vcpu & 1)
			guest.lpi[n].places |= 1u << c->to;
	if (c->kind == CLEAR || c->kind == DISCARD || c->kind == MAPD)
		for (unsigned n = 0; n < LPIS; n++)
			if (c->kind == MAPD ? pair_of_lpi(n) / EVENTS == c->device : n == c->lpi)
				guest.lpi[n].must = false;
	if (c->kind == INT && delivers(&guest.now, c->pair, &at) >= 0)
		expect(c->lpi, at, true, 1);
}

/* Of the pairs that this invalidation is about: IHI 0069 5.3, 12.11 (GICR_INVLPIR, INVALLR). */
static void invalidated(const struct command *c, unsigned p)
{
	const struct pair *pair = &guest.now.pair[p];
	unsigned at = pair->mapped ? guest.now.collection[pair->icid] : NOWHERE;
	bool is = false;

	if (at == NOWHERE)
		return;
	if (c->kind == INV)
		is = p == c->pair;
	else if (c->kind == INVALL)
		is = pair->icid == c->icid;
	else if (c->kind == INVLPIR)
		is = at == c->vcpu && pair->lpi == c->lpi;
	else if (c->kind == INVALLR)
		is = at == c->vcpu;
	if (!is)
		return;
	/* INV goes to the redistributors, the others to one. */
	guest.lpi[pair->lpi].sure |= c->kind == INV ? EVERYWHERE : 1u << at;
	guest.lpi[pair->lpi].on = *property(pair->lpi) & 1;
}

static void cleared(unsigned lpi, unsigned may)
{
	struct lpi *l = &guest.lpi[lpi];

	if (l->may > may)
		l->may = may;
	if (!l->may)
		l->places = 0;
}

/* What is pending is not at `from` any more, unless more goes there. */
static void moved_all(const struct command *c)
{
	for (unsigned n = 0; n < LPIS; n++) {
		unsigned at = NOWHERE;

		if (delivers(&guest.now, pair_of_lpi(n), &at) != (int)n || at != c->vcpu)
			guest.lpi[n].places &= ~(1u << c->vcpu);
	}
}

void end(void)
{
	const struct command *c = &guest.command;

	guest.now = guest.next;
	for (unsigned p = 0; p < PAIRS; p++)
		invalidated(c, p);
	if (c->kind == CLEAR)
		cleared(c->lpi, in_flight(c->pair) + c->crossed);
	if (c->kind == DISCARD)
		cleared(c->lpi, 0);
	if (c->kind == MOVI && guest.lpi[c->lpi].may)
		guest.lpi[c->lpi].places = 1u << guest.now.collection[c->icid];
	if (c->kind == MOVALL && c->vcpu != c->to)
		moved_all(c);
	guest.command.busy = false;
	done[c->kind]++;
	tell("is done by", c->by, c->kind);
}
