/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Reset, save and restore. The format is KVM's ITS ABI revision 0 (Documentation/virt/kvm/devices/
 * arm-vgic-its.rst): device tables and ITTs are in it at all times; the table of collections is written
 * here, one mapped collection behind the other, and read here.
 */
#include "internal.h"

#define CTE_VALID  (1ull << 63)
#define CTE_RDBASE 16u

void vits_reset(struct vits *vits)
{
	routes_release(vits);
	vits->work = (struct work){ .phase = PHASE_NONE };
	vits->switched = false;
	store_relaxed(&vits->busy, false);
	store_relaxed(&vits->enabled, false);
	store_relaxed(&vits->cbaser, 0);
	store_relaxed(&vits->creadr, 0);
	store_relaxed(&vits->cwriter, 0);
	for (unsigned i = 0; i < 2; i++)
		store_relaxed(&vits->baser[i], 0);
	collections_clear(vits);
	cache_flush(vits);
}

/* --- The table of collections. ------------------------------------------------------------------- */

/* How many entries it has; 0: there is no table. */
static uint64_t table_room(uint64_t baser)
{
	return baser & BASER_VALID ? baser_size(baser) / VITS_ENTRY_SIZE : 0;
}

static bool table_write(struct vits *vits, uint64_t n, uint64_t entry)
{
	uint64_t baser = load_relaxed(&vits->baser[1]);

	return n < table_room(baser) &&
	       entry_write(vits, baser_address(baser) + n * VITS_ENTRY_SIZE, entry);
}

static bool save_collections(struct vits *vits)
{
	uint32_t all = 1u << vits->config.collection_bits;
	uint64_t n = 0;

	for (uint32_t icid = 0; icid < all; icid++) {
		uint64_t vcpu = collection_vcpu(vits, icid);

		if (vcpu != NO_VCPU &&
		    !table_write(vits, n++, CTE_VALID | vcpu << CTE_RDBASE | icid))
			return false;
	}
	return n == table_room(vits->baser[1]) || table_write(vits, n, 0);
}

/* The next collection of a table. False: that was all; or, with *why, something is wrong with it. */
static bool restore_next(const struct vits *vits, uint64_t baser, uint64_t n, uint64_t *entry,
			 const char **why)
{
	uint64_t address = baser_address(baser) + n * VITS_ENTRY_SIZE;

	if (n == table_room(baser))
		return false;
	if (!entry_read(vits, address, entry)) {
		*why = "baser[1]: the table of collections is not in the guest's memory";
		return false;
	}
	if (!(*entry & CTE_VALID))
		return false;
	if (n >> vits->config.collection_bits)
		*why = "baser[1]: its table has more collections than there are";
	else if ((*entry & 0xffff) >> vits->config.collection_bits)
		*why = "baser[1]: its table has a collection that there is not";
	else if ((*entry >> CTE_RDBASE & 0xfffffffff) >= vgic_vcpus(vits->vgic))
		*why = "baser[1]: its table has a vCPU that there is not";
	return !*why;
}

static const char *collections_fault(const struct vits *vits, uint64_t baser)
{
	const char *why = NULL;
	uint64_t entry;

	for (uint64_t n = 0; restore_next(vits, baser, n, &entry, &why); n++)
		;
	return why;
}

static void restore_collections(struct vits *vits)
{
	uint64_t baser = vits->baser[1], entry;
	const char *why = NULL;

	collections_clear(vits);
	for (uint64_t n = 0; restore_next(vits, baser, n, &entry, &why); n++)
		store_relaxed(&vits->collections[entry & 0xffff], (uint16_t)(entry >> CTE_RDBASE));
}

/* --- Registers. ---------------------------------------------------------------------------------- */

int vits_save(struct vits *vits, struct vits_state *state)
{
	uint64_t value;

	vits_finish(vits);
	if (!save_collections(vits))
		return -VIRQ_ERR_STATE;
	*state = (struct vits_state){
		.iidr = VITS_IIDR,
		.cbaser = vits->cbaser,
		.creadr = vits->creadr,
		.cwriter = vits->cwriter,
	};
	vits_read(vits, NULL, 0, 4, &value);
	state->ctlr = (uint32_t)value;
	for (unsigned i = 0; i < 2; i++)
		state->baser[i] = baser_read(vits, i);
	return 0;
}

/* GITS_CREADR is an offset into the queue; GITS_CWRITER is the guest's. */
static const char *registers_fault(const struct vits_state *state)
{
	if (state->iidr >> 12 & 0xf)
		return "iidr: a revision of the tables other than 0";
	if (state->ctlr & ~0x80000001u)
		return "ctlr: has bits that are not of this ITS";
	if (state->cbaser != cbaser_written(state->cbaser))
		return "cbaser: has bits that are reserved";
	if (state->creadr != offset_written(state->creadr) ||
	    state->creadr >= queue_size(state->cbaser))
		return "creadr: not in the queue";
	if (state->cwriter != offset_written(state->cwriter))
		return "cwriter: has bits that are reserved";
	for (unsigned i = 0; i < 2; i++) {
		if (state->baser[i] != (baser_written(i, state->baser[i]) | baser_fixed(i)))
			return "baser: not a table of this ITS, or with reserved bits";
	}
	for (unsigned i = 2; i < 8; i++) {
		if (state->baser[i])
			return "baser: more tables than this ITS has";
	}
	return NULL;
}

int vits_restore(struct vits *vits, const struct vits_state *state, const char **why)
{
	const char *reason = registers_fault(state);

	if (!reason)
		reason = collections_fault(vits, state->baser[1]);
	if (why)
		*why = reason;
	if (reason)
		return -VIRQ_ERR_STATE;
	vits_reset(vits);
	vits->cbaser = state->cbaser;
	vits->creadr = state->creadr;
	vits->cwriter = state->cwriter;
	for (unsigned i = 0; i < 2; i++)
		vits->baser[i] = baser_written(i, state->baser[i]);
	restore_collections(vits);
	store_relaxed(&vits->enabled, state->ctlr & 1);
	vits->switched = true; /* routes have to follow */
	vits_finish(vits);
	return 0;
}
