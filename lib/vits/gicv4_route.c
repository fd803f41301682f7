/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Routes: a physical event between its LPI, which software takes, and a vLPI (IHI 0069 5.13: DISCARD,
 * MAPTI, VMAPTI, VMOVI). All of it is commands on one ITS, which executes them in order; what is needed
 * before the next ones can be put is waited for by being called again.
 *
 * Back to software, with the device held: VMOVI takes the pending state to the parking vPE, which no CPU
 * ever has; unmapping that one makes its pending table good to read; mapped again, so that DISCARD finds
 * what it wants, it is unmapped for good. One route at a time has it.
 */
#include "gicv4_internal.h"

static struct route *route_at(const struct gicv4 *vm, uint16_t index)
{
	return index < vm->route_count ? &vm->routes[index] : NULL;
}

static bool is_lpi(const struct gicv4 *vm, virq_t lpi)
{
	return lpi >= VGIC_LPI_BASE && lpi >> vm->intid_bits == 0;
}

static void set_property(struct gicv4 *vm, virq_t lpi, uint8_t property)
{
	uint8_t *at = vm->properties + (lpi - VGIC_LPI_BASE);

	__atomic_store_n(at, (uint8_t)(property | PROPERTY_RES), __ATOMIC_RELAXED);
	v4_clean(vm, at, 1);
}

static void put_token(struct gicv4 *vm, struct route *route, uint64_t token)
{
	route->token = token;
	v4_note_token(vm, route->event.its, token);
}

static bool is_done(const struct gicv4 *vm, const struct route *route)
{
	return vm->hooks.done(vm->host, route->event.its, route->token);
}

static bool hold(struct gicv4 *vm, uint16_t index)
{
	return vm->hooks.quiet && vm->hooks.quiet(vm->host, index, true);
}

static void release(struct gicv4 *vm, uint16_t index)
{
	vm->routes[index].held = false;
	vm->hooks.quiet(vm->host, index, false);
}

void v4_release(struct gicv4 *vm)
{
	for (unsigned n = 0; n < SLICE && vm->held_first != NO_ROUTE; n++) {
		uint16_t index = vm->held_first;
		struct route *route = &vm->routes[index];

		if (!is_done(vm, route))
			return;
		vm->held_first = route->next_held;
		release(vm, index);
	}
}

/* The device is released once the route's commands are done. */
static void release_later(struct gicv4 *vm, uint16_t index)
{
	vm->routes[index].next_held = NO_ROUTE;
	if (vm->held_first == NO_ROUTE)
		vm->held_first = index;
	else
		vm->routes[vm->held_last].next_held = index;
	vm->held_last = index;
}

static void change_direct(struct gicv4 *vm, uint32_t by)
{
	__atomic_fetch_add(&vm->stats.direct, by, __ATOMIC_RELAXED);
}

/* From software, where it may be pending, or from where nothing is. */
static void enter(struct gicv4 *vm, uint16_t index)
{
	struct route *route = &vm->routes[index];
	const struct gicv4_event *event = &route->event;
	bool fresh = route->place == ROUTE_NOWHERE;

	/* A fresh one may be held still, by a mapping that did not last. */
	if (!fresh) {
		route->held = hold(vm, index);
		its_event(vm, ITS_DISCARD, event);
		its_sync(vm, event->its, event->cpu);
	}
	/* One that comes between VMAPTI and INV would find what the vPE remembers of the LPI. */
	if (!route->held && !fresh)
		its_vpe(vm, ITS_VINVALL, event->its, route->vcpu);
	its_vmapti(vm, event, route->vcpu, route->lpi);
	its_event(vm, ITS_INV, event); /* the property byte is new */
	if (!route->held && !fresh) {
		/* DISCARD may have dropped one, and there was a time without mapping. */
		its_event(vm, ITS_INT, event);
		count(&vm->stats.again);
	}
	put_token(vm, route, its_vpe(vm, ITS_VSYNC, event->its, route->vcpu));
	/* One that came before INV did not ring if the vPE remembered it as disabled. */
	if (vm->properties[route->lpi - VGIC_LPI_BASE] & PROPERTY_ON)
		v4_look_later(vm, route->vcpu);
	if (route->held && !fresh)
		release_later(vm, index);
	route->place = ROUTE_DIRECT;
	change_direct(vm, 1);
	count(&vm->stats.maps);
}

/* The guest has no mapping for it: neither has the ITS. */
static void drop(struct gicv4 *vm, struct route *route)
{
	const struct gicv4_event *event = &route->event;
	bool direct = route->place == ROUTE_DIRECT;

	its_event(vm, ITS_DISCARD, event);
	put_token(vm, route,
		  direct ? its_vpe(vm, ITS_VSYNC, event->its, route->vcpu)
			 : its_sync(vm, event->its, event->cpu));
	if (direct) {
		change_direct(vm, (uint32_t)-1);
		count(&vm->stats.unmaps);
	}
	route->place = ROUTE_NOWHERE;
}

/* The event is its LPI again; nothing of it is pending. */
static void pick_up(struct gicv4 *vm, struct route *route)
{
	its_mapti(vm, &route->event);
	put_token(vm, route, its_sync(vm, route->event.its, route->event.cpu));
	route->place = ROUTE_SOFT;
}

/* Not mapped: where such a route belongs. */
static void rest(struct gicv4 *vm, struct route *route)
{
	if (route->dropped && vm->enabled && vm->life == LIFE_STARTED && route->place == ROUTE_SOFT)
		drop(vm, route);
	else if (!vm->enabled && route->place == ROUTE_NOWHERE)
		pick_up(vm, route);
}

/* The event is a physical LPI from here on; the last commands of each way back. */
static void map_back(struct gicv4 *vm, struct route *route)
{
	const struct gicv4_event *event = &route->event;

	its_mapti(vm, event);
	put_token(vm, route, its_sync(vm, event->its, event->cpu));
	route->place = ROUTE_RETURNING;
}

/*
 * GICv4.1's VMAPP with V = 0 leaves the table in memory complete; of GICv4.0's that is not said so
 * plainly, and a VSYNC behind it is what can be done.
 */
static uint64_t unmap_parking(struct gicv4 *vm, unsigned its)
{
	uint64_t token = its_vmapp(vm, its, parking(vm), false, true);

	return is_minor_1(vm) ? token : its_vpe(vm, ITS_VSYNC, its, parking(vm));
}

static void leave(struct gicv4 *vm, uint16_t index)
{
	struct route *route = &vm->routes[index];
	const struct gicv4_event *event = &route->event;

	route->held = hold(vm, index);
	route->late = LATE_NOTHING;
	change_direct(vm, (uint32_t)-1);
	count(&vm->stats.unmaps);
	if (!route->held) {
		its_event(vm, ITS_DISCARD, event);
		its_vpe(vm, ITS_VSYNC, event->its, route->vcpu);
		map_back(vm, route);
		count(&vm->stats.again);
		return;
	}
	vm->parked = index;
	its_vmapp(vm, event->its, parking(vm), true, true);
	its_vmovi(vm, event, parking(vm));
	its_vpe(vm, ITS_VSYNC, event->its, route->vcpu);
	its_vpe(vm, ITS_VSYNC, event->its, parking(vm));
	put_token(vm, route, unmap_parking(vm, event->its));
	route->place = ROUTE_PARKING;
}

/* Its table is ours while the parking vPE is not mapped, and all zero again when it is mapped anew. */
static bool take_parked(struct gicv4 *vm, virq_t lpi)
{
	uint8_t *at = pending_table(vm, parking(vm)) + lpi / 8, bit = (uint8_t)(1u << lpi % 8);
	bool pending;

	v4_clean(vm, at, 1);
	pending = __atomic_fetch_and(at, (uint8_t)~bit, __ATOMIC_RELAXED) & bit;
	v4_clean(vm, at, 1);
	return pending;
}

static void unpark(struct gicv4 *vm, struct route *route)
{
	const struct gicv4_event *event = &route->event;

	route->was = take_parked(vm, route->lpi);
	its_vmapp(vm, event->its, parking(vm), true, true);
	its_event(vm, ITS_DISCARD, event);
	its_vpe(vm, ITS_VSYNC, event->its, parking(vm));
	unmap_parking(vm, event->its);
	map_back(vm, route);
}

static void arrive(struct gicv4 *vm, uint16_t index)
{
	struct route *route = &vm->routes[index];

	if (route->held) {
		if (route->late != LATE_NOTHING)
			route->was = route->late == LATE_SET;
		vm->parked = NO_ROUTE;
		release(vm, index);
	} else {
		route->was = true;
	}
	route->place = ROUTE_LEFT;
}

/* A step on the route's way to software, if hardware has done the one before. True: it is there. */
bool v4_advance(struct gicv4 *vm, uint16_t index)
{
	struct route *route = &vm->routes[index];

	if (route->place == ROUTE_PARKING && is_done(vm, route))
		unpark(vm, route);
	if (route->place == ROUTE_RETURNING && is_done(vm, route))
		arrive(vm, index);
	return route->place == ROUTE_LEFT || route->place == ROUTE_SOFT;
}

/* Discarded on its way to software, which it goes to the end; false: not there yet. */
static bool finish(struct gicv4 *vm, uint16_t index)
{
	struct route *route = &vm->routes[index];

	if (route->place == ROUTE_PARKING || route->place == ROUTE_RETURNING)
		v4_advance(vm, index);
	if (route->place == ROUTE_LEFT)
		route->place = ROUTE_SOFT;
	return route->place == ROUTE_SOFT || route->place == ROUTE_NOWHERE;
}

/* Any place to software; false: not yet. */
static bool bring_back(struct gicv4 *vm, uint16_t index)
{
	struct route *route = &vm->routes[index];

	if (vm->parked != NO_ROUTE)
		v4_advance(vm, vm->parked);
	v4_release(vm);
	if (route->place == ROUTE_DIRECT) {
		if (route->held || vm->parked != NO_ROUTE)
			return false;
		leave(vm, index);
	}
	return v4_advance(vm, index);
}

int gicv4_route(struct gicv4 *vm, uint16_t index, const struct gicv4_event *event)
{
	struct route *route = route_at(vm, index);
	int result = 0;

	if (!route || (event && (event->its >= vm->machine->itss || event->intid < VGIC_LPI_BASE)))
		return -VIRQ_ERR_RANGE;
	lock_take(&vm->lock);
	if (route->mapped || !finish(vm, index)) {
		result = -VIRQ_ERR_BUSY;
	} else {
		if (route->place == ROUTE_NOWHERE)
			pick_up(vm, route);
		route->known = route->dropped = event != NULL;
		if (event) {
			route->event = *event;
			rest(vm, route);
		}
	}
	lock_drop(&vm->lock);
	return result;
}

bool gicv4_map(struct gicv4 *vm, uint16_t index, unsigned vcpu, virq_t lpi, uint8_t property)
{
	struct route *route = route_at(vm, index);
	bool mapped = false;

	if (!route || vcpu >= vm->vcpus || !is_lpi(vm, lpi))
		return false;
	lock_take(&vm->lock);
	if (!route->mapped && finish(vm, index) && route->known)
		rest(vm, route); /* one that nobody was to get has nothing pending */
	if (route->known && !route->mapped &&
	    (route->place == ROUTE_SOFT || route->place == ROUTE_NOWHERE) &&
	    vm->life == LIFE_STARTED) {
		route->mapped = mapped = true;
		route->vcpu = (uint16_t)vcpu;
		route->lpi = lpi;
		set_property(vm, lpi, property);
		if (vm->enabled)
			enter(vm, index);
	}
	/* If hardware has not got it, software has. */
	route->dropped = false;
	if (route->place == ROUTE_NOWHERE)
		pick_up(vm, route);
	lock_drop(&vm->lock);
	return mapped;
}

void gicv4_discard(struct gicv4 *vm, uint16_t index)
{
	struct route *route = route_at(vm, index);

	if (!route)
		return;
	lock_take(&vm->lock);
	if (route->mapped && !route->leaving) {
		route->mapped = false;
		route->dropped = true;
		if (route->place == ROUTE_DIRECT)
			drop(vm, route);
		else
			rest(vm, route);
	}
	lock_drop(&vm->lock);
}

enum gicv4_result gicv4_unmap(struct gicv4 *vm, uint16_t index)
{
	struct route *route = route_at(vm, index);
	enum gicv4_result result = GICV4_CLEAR;

	if (!route)
		return GICV4_CLEAR;
	lock_take(&vm->lock);
	if (route->mapped) {
		route->leaving = true;
		if (!bring_back(vm, index)) {
			result = GICV4_AGAIN;
		} else {
			if (route->place == ROUTE_LEFT && route->was)
				result = GICV4_PENDING;
			route->place = ROUTE_SOFT;
			route->leaving = route->mapped = false;
		}
	}
	lock_drop(&vm->lock);
	return result;
}

/* A change of pending state: by hardware, by software, or by who brings it from one to the other. */
static void change(struct gicv4 *vm, uint16_t index, bool set)
{
	struct route *route = route_at(vm, index);

	if (!route)
		return;
	lock_take(&vm->lock);
	if (route->mapped && route->place == ROUTE_DIRECT) {
		its_event(vm, set ? ITS_INT : ITS_CLEAR, &route->event);
		put_token(vm, route, its_vpe(vm, ITS_VSYNC, route->event.its, route->vcpu));
	} else if (route->mapped && route->place == ROUTE_LEFT) {
		route->was = set;
	} else if (route->mapped && route->place != ROUTE_SOFT) {
		route->late = set ? LATE_SET : LATE_CLEAR;
	} else if (route->mapped && set) {
		vm->hooks.raise(vm->host, index, route->vcpu, route->lpi);
	}
	lock_drop(&vm->lock);
}

void gicv4_set(struct gicv4 *vm, uint16_t index)
{
	change(vm, index, true);
}

void gicv4_clear(struct gicv4 *vm, uint16_t index)
{
	change(vm, index, false);
}

void gicv4_move(struct gicv4 *vm, uint16_t index, unsigned vcpu)
{
	struct route *route = route_at(vm, index);

	if (!route || vcpu >= vm->vcpus)
		return;
	lock_take(&vm->lock);
	if (route->mapped && route->place == ROUTE_DIRECT && route->vcpu != vcpu) {
		its_vmovi(vm, &route->event, vcpu);
		/* INV reaches the vPE that has the event: this one may remember what once was. */
		its_event(vm, ITS_INV, &route->event);
		its_vpe(vm, ITS_VSYNC, route->event.its, route->vcpu);
		put_token(vm, route, its_vpe(vm, ITS_VSYNC, route->event.its, vcpu));
		/* Whether what is moved rings is not said. */
		v4_look_later(vm, vcpu);
	}
	if (route->mapped)
		route->vcpu = (uint16_t)vcpu;
	lock_drop(&vm->lock);
}

void gicv4_configure(struct gicv4 *vm, uint16_t index, virq_t lpi, uint8_t property)
{
	struct route *route = route_at(vm, index);

	if (!route || !is_lpi(vm, lpi))
		return;
	lock_take(&vm->lock);
	set_property(vm, lpi, property);
	if (route->mapped && route->place == ROUTE_DIRECT) {
		if (!v4_invalidate(vm, route->vcpu, GICV4_GICR_INVLPIR, route->lpi)) {
			its_event(vm, ITS_INV, &route->event);
			put_token(vm, route, its_vpe(vm, ITS_VSYNC, route->event.its, route->vcpu));
		}
		/* What is pending already does not ring when it is enabled. */
		if (property & PROPERTY_ON)
			v4_look_later(vm, route->vcpu);
	}
	lock_drop(&vm->lock);
}

void gicv4_invalidate_all(struct gicv4 *vm, unsigned vcpu)
{
	if (vcpu >= vm->vcpus)
		return;
	lock_take(&vm->lock);
	if (vm->life == LIFE_STARTED) {
		/* One ITS is enough: it is the redistributor that has to know. */
		if (!v4_invalidate(vm, vcpu, GICV4_GICR_INVALLR, 0)) {
			its_vpe(vm, ITS_VINVALL, 0, vcpu);
			v4_vsync(vm, 0, vcpu);
		}
		v4_look_later(vm, vcpu);
	}
	lock_drop(&vm->lock);
}

bool gicv4_is_direct(const struct gicv4 *vm, uint16_t index)
{
	const struct route *route = route_at(vm, index);

	return route && __atomic_load_n(&route->place, __ATOMIC_RELAXED) == ROUTE_DIRECT;
}

void gicv4_enable(struct gicv4 *vm, bool on)
{
	lock_take(&vm->lock);
	vm->enabled = on;
	vm->step = 0;
	lock_drop(&vm->lock);
}

/* False: it has to wait for hardware. */
static bool step(struct gicv4 *vm, uint16_t index)
{
	struct route *route = &vm->routes[index];

	if (route->leaving)
		return true;
	if (!route->mapped) {
		if (!finish(vm, index))
			return false;
		if (route->known)
			rest(vm, route);
		return true;
	}
	if (vm->enabled && route->place == ROUTE_DIRECT)
		return true;
	if (!bring_back(vm, index))
		return false;
	if (route->place == ROUTE_LEFT && route->was)
		vm->hooks.raise(vm->host, index, route->vcpu, route->lpi);
	route->place = ROUTE_SOFT;
	if (vm->enabled)
		enter(vm, index);
	return true;
}

bool gicv4_step(struct gicv4 *vm)
{
	bool all;

	lock_take(&vm->lock);
	for (unsigned n = 0; n < SLICE / 2 && vm->step < vm->route_count; n++) {
		if (!step(vm, (uint16_t)vm->step))
			break;
		vm->step++;
	}
	v4_release(vm);
	all = vm->step == vm->route_count && vm->held_first == NO_ROUTE;
	lock_drop(&vm->lock);
	return all;
}
