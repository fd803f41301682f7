/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The commands: IHI 0069 5.3, their encodings and what is an error of each. begin() checks and changes
 * tables and collections; act() does what must not be overtaken by a message of before. A command that is
 * begun may be gone on with on another CPU, so it keeps what it knows in vits.work.
 */
#include "internal.h"

/* --- Fields. ------------------------------------------------------------------------------------- */

static uint32_t device_of(const struct work *work)
{
	return (uint32_t)(work->word[0] >> 32);
}

static uint32_t event_of(const struct work *work)
{
	return (uint32_t)work->word[1];
}

static uint16_t icid_of(const struct work *work)
{
	return (uint16_t)work->word[2];
}

static bool valid_of(const struct work *work)
{
	return work->word[2] >> 63;
}

static uint64_t this_pair(const struct work *work)
{
	return pair_of(device_of(work), event_of(work));
}

/* RDbase, bits 51:16 of a word. False: there is no such redistributor. */
static bool target_of(const struct vits *vits, uint64_t word, uint16_t *vcpu)
{
	uint64_t target = word >> 16 & 0xfffffffff;

	if (vits->config.pta) {
		target = (target << 16) - vits->config.redists;
		if (target % VGIC_REDIST_STRIDE)
			return false;
		target /= VGIC_REDIST_STRIDE;
	}
	if (target >= vgic_vcpus(vits->vgic))
		return false;
	*vcpu = (uint16_t)target;
	return true;
}

/* What the command's pair is mapped to. False: nothing. */
static bool mapping_of(const struct vits *vits, struct mapping *mapping)
{
	return event_find(vits, device_of(&vits->work), event_of(&vits->work), mapping);
}

/* And the vCPU that it goes to. False: nothing, or nowhere. */
static bool target_of_pair(const struct vits *vits, struct mapping *mapping, uint16_t *vcpu)
{
	if (!mapping_of(vits, mapping))
		return false;
	*vcpu = (uint16_t)collection_vcpu(vits, mapping->icid);
	return *vcpu != NO_VCPU;
}

/* --- MAPD, MAPC. --------------------------------------------------------------------------------- */

/*
 * What was mapped through the old ITT is not any more: none of it is in the cache. What is pending stays
 * so: software discards events before it takes their device away.
 */
static bool mapd_begin(struct vits *vits)
{
	const struct work *work = &vits->work;
	unsigned bits = (work->word[1] & 0x1f) + 1;

	if (!valid_of(work))
		bits = 0;
	if (bits > vits->config.event_bits ||
	    !device_set(vits, device_of(work), work->word[2] & 0xfffffffffff00, bits))
		return false;
	cache_flush(vits);
	return true;
}

static bool mapd_act(struct call *call)
{
	return routes_of_device(call, device_of(&call->vits->work));
}

static bool mapc_begin(struct vits *vits)
{
	const struct work *work = &vits->work;
	uint16_t vcpu = NO_VCPU;

	if (!collection_in_range(vits, icid_of(work)) ||
	    (valid_of(work) && !target_of(vits, work->word[2], &vcpu)))
		return false;
	store_relaxed(&vits->collections[icid_of(work)], vcpu);
	return true;
}

static bool mapc_act(struct call *call)
{
	return routes_of_collection(call, icid_of(&call->vits->work));
}

/* --- MAPTI, MAPI, MOVI, DISCARD. ----------------------------------------------------------------- */

static bool map(struct vits *vits, virq_t lpi)
{
	struct work *work = &vits->work;
	struct mapping mapping = { .lpi = lpi, .icid = icid_of(work) };

	work->forget = true;
	return is_lpi(vits, lpi) && collection_in_range(vits, mapping.icid) &&
	       event_set(vits, device_of(work), event_of(work), &mapping);
}

static bool mapti_begin(struct vits *vits)
{
	return map(vits, (virq_t)(vits->work.word[1] >> 32));
}

static bool mapi_begin(struct vits *vits)
{
	return map(vits, event_of(&vits->work));
}

static bool map_act(struct call *call)
{
	pair_follow(call, this_pair(&call->vits->work));
	return true;
}

static bool movi_begin(struct vits *vits)
{
	struct work *work = &vits->work;
	struct mapping mapping;
	uint16_t from;

	if (!target_of_pair(vits, &mapping, &from) || !collection_in_range(vits, icid_of(work)))
		return false;
	work->vcpu = (uint16_t)collection_vcpu(vits, icid_of(work));
	work->lpi = mapping.lpi;
	work->forget = true;
	mapping.icid = icid_of(work);
	return work->vcpu != NO_VCPU && event_set(vits, device_of(work), event_of(work), &mapping);
}

static bool movi_act(struct call *call)
{
	const struct work *work = &call->vits->work;

	pair_follow(call, this_pair(work));
	vgic_lpi_move(call->vits->vgic, call->self, work->lpi, work->vcpu);
	return true;
}

static bool discard_begin(struct vits *vits)
{
	struct work *work = &vits->work;
	struct mapping mapping;

	if (!mapping_of(vits, &mapping) || !event_set(vits, device_of(work), event_of(work), NULL))
		return false;
	work->lpi = mapping.lpi;
	work->forget = true;
	return true;
}

static bool discard_act(struct call *call)
{
	const struct work *work = &call->vits->work;

	pair_follow(call, this_pair(work)); /* what hardware had pending is cleared below */
	vgic_lpi_clear(call->vits->vgic, call->self, work->lpi);
	return true;
}

/* --- INT, CLEAR, INV. ---------------------------------------------------------------------------- */

/* As a message would find it. */
static bool event_begin(struct vits *vits)
{
	uint64_t to = translate(vits, this_pair(&vits->work));

	vits->work.lpi = (virq_t)to;
	vits->work.vcpu = to ? (uint16_t)collection_vcpu(vits, (uint32_t)(to >> 32)) : NO_VCPU;
	return to;
}

static bool int_begin(struct vits *vits)
{
	return event_begin(vits) && vits->work.vcpu != NO_VCPU;
}

static bool int_act(struct call *call)
{
	struct vits *vits = call->vits;
	const struct work *work = &vits->work;
	const struct route *route = route_forwarded(vits, this_pair(work));

	if (route)
		vits->port.vlpi_set(vits->host, route_index(vits, route));
	else
		vgic_lpi_raise(vits->vgic, call->self, work->vcpu, work->lpi);
	return true;
}

static bool clear_act(struct call *call)
{
	struct vits *vits = call->vits;
	const struct route *route = route_forwarded(vits, this_pair(&vits->work));

	if (route)
		vits->port.vlpi_clear(vits->host, route_index(vits, route));
	vgic_lpi_clear(vits->vgic, call->self, vits->work.lpi);
	return true;
}

static bool inv_act(struct call *call)
{
	struct vits *vits = call->vits;
	const struct route *route = route_forwarded(vits, this_pair(&vits->work));

	vgic_lpi_invalidate(vits->vgic, call->self, vits->work.lpi);
	if (route)
		route_configure(vits, route);
	return true;
}

/* --- INVALL, MOVALL, SYNC. ----------------------------------------------------------------------- */

static bool invall_begin(struct vits *vits)
{
	struct work *work = &vits->work;

	if (!collection_in_range(vits, icid_of(work)))
		return false;
	work->vcpu = (uint16_t)collection_vcpu(vits, icid_of(work));
	return work->vcpu != NO_VCPU;
}

static bool invall_act(struct call *call)
{
	struct work *work = &call->vits->work;

	if (!work->lpis_done)
		work->lpis_done = vgic_lpis_invalidate(call->vits->vgic, call->self, work->vcpu,
						       &work->cursor, &call->budget);
	return work->lpis_done && routes_configure(call, icid_of(work));
}

static bool movall_begin(struct vits *vits)
{
	struct work *work = &vits->work;

	return target_of(vits, work->word[2], &work->vcpu) &&
	       target_of(vits, work->word[3], &work->to);
}

/* Only what is pending: where events go is a matter of their collections, and hardware follows those. */
static bool movall_act(struct call *call)
{
	struct work *work = &call->vits->work;

	return work->vcpu == work->to || vgic_lpis_move(call->vits->vgic, call->self, work->vcpu,
							work->to, &work->cursor, &call->budget);
}

/* Each command waits for what SYNC is to wait for. */
static bool sync_begin(struct vits *vits)
{
	return target_of(vits, vits->work.word[2], &vits->work.vcpu);
}

static bool sync_act(struct call *call)
{
	(void)call;
	return true;
}

/* By number. */
static const struct command commands[] = {
	[0x01] = { 0x01, "MOVI", movi_begin, movi_act, true },
	[0x03] = { 0x03, "INT", int_begin, int_act, false },
	[0x04] = { 0x04, "CLEAR", event_begin, clear_act, false },
	[0x05] = { 0x05, "SYNC", sync_begin, sync_act, false },
	[0x08] = { 0x08, "MAPD", mapd_begin, mapd_act, true },
	[0x09] = { 0x09, "MAPC", mapc_begin, mapc_act, true },
	[0x0a] = { 0x0a, "MAPTI", mapti_begin, map_act, true },
	[0x0b] = { 0x0b, "MAPI", mapi_begin, map_act, true },
	[0x0c] = { 0x0c, "INV", event_begin, inv_act, false },
	[0x0d] = { 0x0d, "INVALL", invall_begin, invall_act, false },
	[0x0e] = { 0x0e, "MOVALL", movall_begin, movall_act, false },
	[0x0f] = { 0x0f, "DISCARD", discard_begin, discard_act, true },
};

const struct command *command_find(unsigned number)
{
	if (number >= sizeof(commands) / sizeof(commands[0]) || !commands[number].begin)
		return NULL;
	return &commands[number];
}
