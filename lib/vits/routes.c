/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Direct injection: pairs that hardware may deliver, and keeping it in line with what the guest has
 * mapped. All of it with the ITS's lock. Arm IHI 0069, chapter 6.
 *
 * The guest's tables say what a pair is mapped to; route_follow() reads them and tells hardware what is
 * new. So it does not matter which command changed them, nor how often it is asked.
 */
#include "internal.h"

void routes_init(struct vits *vits)
{
	for (uint32_t i = 0; i < vits->config.routes; i++) {
		vits->routes[i] = (struct route){ .next = NO_ROUTE };
		vits->heads[i] = NO_ROUTE;
	}
}

uint16_t route_index(const struct vits *vits, const struct route *route)
{
	return (uint16_t)(route - vits->routes);
}

/* The link that leads to the route of a pair, or the last one of its chain. */
static uint16_t *link_to_pair(struct vits *vits, uint64_t pair)
{
	uint16_t *link = &vits->heads[(hash_of(vits, pair) >> 32) * vits->config.routes >> 32];

	while (*link != NO_ROUTE && vits->routes[*link].pair != pair)
		link = &vits->routes[*link].next;
	return link;
}

static struct route *route_find(struct vits *vits, uint64_t pair)
{
	uint16_t index;

	if (!vits->config.routes)
		return NULL;
	index = *link_to_pair(vits, pair);
	return index == NO_ROUTE ? NULL : &vits->routes[index];
}

struct route *route_forwarded(struct vits *vits, uint64_t pair)
{
	struct route *route = route_find(vits, pair);

	return route && route->forwarded ? route : NULL;
}

bool routes_settled(const struct vits *vits)
{
	return !vits->port.vlpis_settled || vits->port.vlpis_settled(vits->host);
}

/* --- What hardware is told. ---------------------------------------------------------------------- */

void route_configure(struct vits *vits, const struct route *route)
{
	uint8_t property;

	if (vgic_lpi_property(vits->vgic, route->vcpu, route->lpi, &property))
		vits->port.vlpi_configure(vits->host, route_index(vits, route), route->lpi,
					  property);
}

static void route_map(struct vits *vits, struct route *route, unsigned vcpu)
{
	if (!vits->port.vlpi_map(vits->host, route_index(vits, route), vcpu, route->lpi))
		return;
	route->forwarded = true;
	route->vcpu = (uint16_t)vcpu;
	store_relaxed(&vits->forwarded, vits->forwarded + 1);
	route_configure(vits, route);
}

/* True: it was pending there. */
static bool route_release(struct vits *vits, struct route *route)
{
	route->forwarded = false;
	store_relaxed(&vits->forwarded, vits->forwarded - 1);
	return vits->port.vlpi_unmap(vits->host, route_index(vits, route));
}

/* What was pending there is pending here. */
static void route_unmap(struct vits *vits, struct vgic_cpu *self, struct route *route)
{
	if (route_release(vits, route))
		vgic_lpi_raise(vits->vgic, self, route->vcpu, route->lpi);
}

/* Its mapping is gone, and what it had pending with it. */
static void route_discard(struct vits *vits, struct vgic_cpu *self, struct route *route)
{
	if (!vits->port.vlpi_discard) {
		route_unmap(vits, self, route);
		return;
	}
	route->forwarded = false;
	store_relaxed(&vits->forwarded, vits->forwarded - 1);
	vits->port.vlpi_discard(vits->host, route_index(vits, route));
}

static void route_follow(struct vits *vits, struct vgic_cpu *self, struct route *route)
{
	struct mapping now = { 0 };
	unsigned vcpu = NO_VCPU;

	route->mapped =
		event_find(vits, (uint32_t)(route->pair >> 32), (uint32_t)route->pair, &now);
	/* What is pending of a disabled ITS's stays so: it is the redistributor's. */
	if (route->mapped && load_relaxed(&vits->enabled))
		vcpu = collection_vcpu(vits, now.icid);
	if (route->forwarded && (!route->mapped || now.lpi != route->lpi))
		route_discard(vits, self, route);
	else if (route->forwarded && vcpu == NO_VCPU)
		route_unmap(vits, self, route);
	route->lpi = now.lpi;
	route->icid = now.icid;
	if (vcpu == NO_VCPU)
		return;
	if (!route->forwarded) {
		route_map(vits, route, vcpu);
	} else if (route->vcpu != vcpu) {
		route->vcpu = (uint16_t)vcpu;
		vits->port.vlpi_move(vits->host, route_index(vits, route), vcpu);
		route_configure(vits, route); /* as that redistributor has it */
	}
}

void pair_follow(struct call *call, uint64_t pair)
{
	struct route *route = route_find(call->vits, pair);

	if (route)
		route_follow(call->vits, call->self, route);
}

/* --- Commands that concern many. ----------------------------------------------------------------- */

/* The next one to look at, within the budget. NULL: none, and *done; or the budget is used up. */
static struct route *next_route(struct call *call, bool *done)
{
	struct work *work = &call->vits->work;

	*done = work->swept == call->vits->config.routes;
	if (*done || !call->budget)
		return NULL;
	call->budget--;
	return &call->vits->routes[work->swept++];
}

bool routes_follow(struct call *call)
{
	struct route *route;
	bool done;

	while ((route = next_route(call, &done))) {
		if (route->named)
			route_follow(call->vits, call->self, route);
	}
	return done;
}

bool routes_of_device(struct call *call, uint32_t device)
{
	struct route *route;
	bool done;

	while ((route = next_route(call, &done))) {
		if (route->named && route->pair >> 32 == device)
			route_follow(call->vits, call->self, route);
	}
	return done;
}

bool routes_of_collection(struct call *call, uint32_t icid)
{
	struct route *route;
	bool done;

	while ((route = next_route(call, &done))) {
		if (route->mapped && route->icid == icid)
			route_follow(call->vits, call->self, route);
	}
	return done;
}

bool routes_configure(struct call *call, uint32_t icid)
{
	struct route *route;
	bool done;

	while ((route = next_route(call, &done))) {
		if (route->forwarded && route->icid == icid)
			route_configure(call->vits, route);
	}
	return done;
}

/* --- The VM as a whole. -------------------------------------------------------------------------- */

/* What was pending is lost. */
void routes_release(struct vits *vits)
{
	for (uint32_t i = 0; i < vits->config.routes; i++) {
		struct route *route = &vits->routes[i];

		if (route->forwarded)
			route_release(vits, route);
		route->mapped = false;
	}
}

/* --- The embedder. ------------------------------------------------------------------------------- */

static int name_route(struct vits *vits, uint64_t pair, uint16_t index)
{
	struct route *route = &vits->routes[index];
	uint16_t *link = link_to_pair(vits, pair);

	if (*link != NO_ROUTE ? *link != index : route->named)
		return -VIRQ_ERR_RANGE;
	if (*link == NO_ROUTE) {
		*route = (struct route){ .pair = pair, .next = NO_ROUTE, .named = true };
		*link = index;
	}
	route_follow(vits, NULL, route);
	return 0;
}

void vits_lpi_invalidated(struct vits *vits, unsigned vcpu, virq_t lpi)
{
	lock_take(&vits->lock);
	for (uint32_t i = 0; i < vits->config.routes; i++) {
		const struct route *route = &vits->routes[i];

		if (route->forwarded && route->vcpu == vcpu && (!lpi || route->lpi == lpi))
			route_configure(vits, route);
	}
	lock_drop(&vits->lock);
}

int vits_forward(struct vits *vits, uint32_t device, uint32_t event, uint16_t route)
{
	int result;

	if (route >= vits->config.routes || device >= 1ull << vits->config.device_bits ||
	    event >= 1ull << vits->config.event_bits)
		return -VIRQ_ERR_RANGE;
	if (!lock_try(&vits->lock))
		return -VIRQ_ERR_BUSY;
	result = name_route(vits, pair_of(device, event), route);
	lock_drop(&vits->lock);
	return result;
}

int vits_unforward(struct vits *vits, struct vgic_cpu *self, uint16_t index)
{
	struct route *route;

	if (index >= vits->config.routes)
		return -VIRQ_ERR_RANGE;
	if (!lock_try(&vits->lock))
		return -VIRQ_ERR_BUSY;
	route = &vits->routes[index];
	if (route->forwarded)
		route_unmap(vits, self, route);
	if (route->named)
		*link_to_pair(vits, route->pair) = route->next;
	*route = (struct route){ .next = NO_ROUTE };
	lock_drop(&vits->lock);
	return 0;
}
