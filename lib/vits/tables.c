/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Device tables and interrupt translation tables: in the guest's memory, in the format of KVM's ITS
 * ABI revision 0 (Documentation/virt/kvm/devices/arm-vgic-its.rst, "ITS Table ABI REV0"; GITS_BASER:
 * IHI 0069 12.19.1). A guest may have written anything there, at any time: each read is checked.
 */
#include "internal.h"

#define VALID (1ull << 63)

/* Of a device: `next` 62:49, bits 51:8 of the ITT's address 48:5, bits of its EventIDs - 1 4:0. */
#define DEVICE_NEXT (1ull << 49)
#define DEVICE_ITT  (((1ull << 44) - 1) << 5)
#define DEVICE_BITS 0x1fu

/* Of an event: `next` 63:48, LPI 47:16, collection 15:0. */
#define EVENT_NEXT (1ull << 48)

bool entry_read(const struct vits *vits, uint64_t at, uint64_t *entry)
{
	if (!vgic_guest_read(vits->vgic, at, entry, sizeof(*entry)))
		return false;
	*entry = LITTLE_ENDIAN_64(*entry);
	return true;
}

bool entry_write(struct vits *vits, uint64_t at, uint64_t entry)
{
	entry = LITTLE_ENDIAN_64(entry);
	return vgic_guest_write(vits->vgic, at, &entry, sizeof(entry));
}

/* --- GITS_BASER: what it says of a table. -------------------------------------------------------- */

static uint64_t page_size(uint64_t baser)
{
	switch (baser >> 8 & 3) {
	case 0:
		return 0x1000;
	case 1:
		return 0x4000;
	default:
		return 0x10000;
	}
}

/* Bytes. */
uint64_t baser_size(uint64_t baser)
{
	return ((baser & 0xff) + 1) * page_size(baser);
}

/* With pages of 64K, bits 15:12 are the address's bits 51:48. */
uint64_t baser_address(uint64_t baser)
{
	uint64_t address = baser & 0xfffffffff000;

	if (page_size(baser) == 0x10000)
		return (address & ~0xffffull) | (baser >> 12 & 0xf) << 48;
	return address & ~(page_size(baser) - 1);
}

/* The table of collections has no entry for each ICID, but it has as many as if it had. */
bool collection_in_range(const struct vits *vits, uint32_t icid)
{
	uint64_t baser = load_relaxed(&vits->baser[1]);

	return (baser & BASER_VALID) && icid < 1u << vits->config.collection_bits &&
	       icid < baser_size(baser) / VITS_ENTRY_SIZE;
}

void collections_clear(struct vits *vits)
{
	for (uint32_t i = 0; i < 1u << vits->config.collection_bits; i++)
		store_relaxed(&vits->collections[i], (uint16_t)NO_VCPU);
}

/* --- Devices. ------------------------------------------------------------------------------------ */

/* How many the table has at most. */
static uint64_t device_limit(const struct vits *vits, uint64_t baser)
{
	uint64_t limit = baser_size(baser) / VITS_ENTRY_SIZE;
	uint64_t ids = 1ull << vits->config.device_bits;

	if (baser & BASER_INDIRECT)
		limit *= page_size(baser) / VITS_ENTRY_SIZE;
	return limit < ids ? limit : ids;
}

/* Where the device's entry is. False: nowhere. */
static bool device_at(const struct vits *vits, uint64_t baser, uint32_t id, uint64_t *at)
{
	uint64_t page = page_size(baser), in_page = page / VITS_ENTRY_SIZE, level1;

	if (!(baser & BASER_VALID) || id >= device_limit(vits, baser))
		return false;
	if (!(baser & BASER_INDIRECT)) {
		*at = baser_address(baser) + (uint64_t)id * VITS_ENTRY_SIZE;
		return true;
	}
	if (!entry_read(vits, baser_address(baser) + id / in_page * VITS_ENTRY_SIZE, &level1) ||
	    !(level1 & VALID))
		return false;
	*at = (level1 & 0xffffffffff000 & ~(page - 1)) + id % in_page * VITS_ENTRY_SIZE;
	return true;
}

bool device_find(const struct vits *vits, uint32_t id, struct device *device)
{
	uint64_t at, entry;

	if (!device_at(vits, load_relaxed(&vits->baser[0]), id, &at) ||
	    !entry_read(vits, at, &entry) || !(entry & VALID))
		return false;
	device->itt = (entry & DEVICE_ITT) << 3;
	device->bits = (entry & DEVICE_BITS) + 1;
	return device->bits <= vits->config.event_bits;
}

/*
 * `next` is 1, which says nothing of the next one: who follows such links looks at each entry. The last
 * one that there can be has 0.
 */
bool device_set(struct vits *vits, uint32_t id, uint64_t itt, unsigned bits)
{
	uint64_t baser = load_relaxed(&vits->baser[0]), at, entry = 0;

	if (!device_at(vits, baser, id, &at))
		return false;
	if (bits) {
		entry = VALID | (itt >> 3 & DEVICE_ITT) | (bits - 1);
		if ((uint64_t)id + 1 < device_limit(vits, baser))
			entry |= DEVICE_NEXT;
	}
	return entry_write(vits, at, entry);
}

/* --- Events. ------------------------------------------------------------------------------------- */

bool is_lpi(const struct vits *vits, uint32_t intid)
{
	return intid - VGIC_LPI_BASE < vgic_lpis(vits->vgic); /* unsigned: not below, either */
}

static bool event_at(const struct vits *vits, uint32_t id, uint32_t event, uint64_t *at, bool *last)
{
	struct device device;

	if (!device_find(vits, id, &device) || event >= 1ull << device.bits)
		return false;
	*at = device.itt + (uint64_t)event * VITS_ENTRY_SIZE;
	*last = (uint64_t)event + 1 == 1ull << device.bits;
	return true;
}

bool event_find(const struct vits *vits, uint32_t id, uint32_t event, struct mapping *mapping)
{
	uint64_t at, entry;
	bool last;

	if (!event_at(vits, id, event, &at, &last) || !entry_read(vits, at, &entry))
		return false;
	mapping->lpi = (virq_t)(entry >> 16);
	mapping->icid = (uint16_t)entry;
	return is_lpi(vits, mapping->lpi) && mapping->icid < 1u << vits->config.collection_bits;
}

/* `mapping` NULL: there is none. `next` as in device_set(). */
bool event_set(struct vits *vits, uint32_t id, uint32_t event, const struct mapping *mapping)
{
	uint64_t at, entry = 0;
	bool last;

	if (!event_at(vits, id, event, &at, &last))
		return false;
	if (mapping) {
		entry = (uint64_t)mapping->lpi << 16 | mapping->icid;
		if (!last)
			entry |= EVENT_NEXT;
	}
	return entry_write(vits, at, entry);
}
