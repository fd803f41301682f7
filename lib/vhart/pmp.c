/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The firmware's physical memory protection (RISC-V Privileged Architecture, "Physical Memory
 * Protection"). Reserved and unselectable settings keep what was there: R = 0 with W = 1 loses W; NA4
 * under a coarser grain leaves A as it is.
 */
#include "internal.h"

static bool is_locked(const struct vhart *hart, unsigned entry)
{
	return hart->pmpcfg[entry] & PMP_LOCKED;
}

/* The base of a range is the address of the entry before. */
static bool address_is_locked(const struct vhart *hart, unsigned entry)
{
	unsigned next = entry + 1;

	return is_locked(hart, entry) || (next < hart->config.pmps && is_locked(hart, next) &&
					  (hart->pmpcfg[next] & PMP_A) == PMP_TOR);
}

static uint8_t legal_cfg(const struct vhart *hart, uint8_t old, uint8_t value)
{
	value &= PMP_LOCKED | PMP_A | PMP_XWR;
	if ((value & VHART_STORE) && !(value & VHART_LOAD))
		value &= (uint8_t)~VHART_STORE;
	if (hart->config.pmp_grain && (value & PMP_A) == PMP_NA4)
		value = (uint8_t)((value & ~PMP_A) | (old & PMP_A));
	return value;
}

uint64_t pmpcfg_read(const struct vhart *hart, unsigned number)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < 8; i++)
		value |= (uint64_t)hart->pmpcfg[number * 4 + i] << (8 * i);
	return value;
}

void pmpcfg_write(struct vhart *hart, unsigned number, uint64_t value)
{
	unsigned first = number * 4;

	for (unsigned i = first; i < first + 8 && i < hart->config.pmps; i++) {
		if (!is_locked(hart, i))
			hart->pmpcfg[i] = legal_cfg(hart, hart->pmpcfg[i],
						    (uint8_t)(value >> (8 * (i - first))));
	}
	hart->changed |= VHART_CHANGED_PMP;
}

/* What is below the grain reads as zeroes, or as the ones of a NAPOT region; it is kept all the same. */
uint64_t pmpaddr_read(const struct vhart *hart, unsigned entry)
{
	unsigned grain = hart->config.pmp_grain;
	uint64_t address = hart->pmpaddr[entry];

	if (entry >= hart->config.pmps || !grain)
		return address;
	if (hart->pmpcfg[entry] & PMP_NA4) /* or NAPOT */
		return address | ((UINT64_C(1) << (grain - 1)) - 1);
	return address & ~((UINT64_C(1) << grain) - 1);
}

void pmpaddr_write(struct vhart *hart, unsigned entry, uint64_t value)
{
	if (entry >= hart->config.pmps || address_is_locked(hart, entry))
		return;
	hart->pmpaddr[entry] = value & PMPADDR_BITS;
	hart->changed |= VHART_CHANGED_PMP;
}

/* The entry's region, first and last byte; false: it has none. */
static bool region(const struct vhart *hart, unsigned entry, uint64_t *first, uint64_t *last)
{
	uint64_t address = pmpaddr_read(hart, entry);
	uint64_t ones;

	switch (hart->pmpcfg[entry] & PMP_A) {
	case PMP_TOR: {
		uint64_t grain = (UINT64_C(1) << hart->config.pmp_grain) - 1;
		uint64_t below = entry ? hart->pmpaddr[entry - 1] & ~grain : 0;

		*first = below << 2;
		*last = (address << 2) - 1;
		return below < address;
	}
	case PMP_NA4:
		*first = address << 2;
		*last = *first + 3;
		return true;
	case PMP_NAPOT:
		ones = address ^ (address + 1); /* the trailing ones, and the zero above them */
		*first = (address & ~ones) << 2;
		*last = (((address | ones) & PMPADDR_BITS) << 2) | 3;
		return true;
	default:
		return false;
	}
}

bool vhart_pmp_allows(const struct vhart *hart, enum vhart_mode mode, uint64_t address,
		      unsigned bytes, enum vhart_access access)
{
	uint64_t end = address + bytes - 1, first, last;

	for (unsigned i = 0; i < hart->config.pmps; i++) {
		if (!region(hart, i, &first, &last) || end < first || address > last)
			continue;
		if (address < first || end > last)
			return false;
		return (mode == VHART_M && !is_locked(hart, i)) ||
		       (hart->pmpcfg[i] & access) == access;
	}
	return mode == VHART_M || !hart->config.pmps;
}
