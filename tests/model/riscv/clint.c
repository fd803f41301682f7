/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The naive virtual CLINT. mtime is written by who owns the time: here, the machine (clint.h). */
#include "clint.h"

#include <string.h>

void model_clint_init(struct model_clint *c, const struct vclint_config *config)
{
	unsigned h, d;

	memset(c, 0, sizeof(*c));
	c->config = config;
	for (h = 0; h < MODEL_HARTS; h++)
		for (d = 0; d < VCLINT_DEADLINES; d++)
			c->hart[h].deadline[d] = VCLINT_NEVER;
}

bool model_msip(const struct model_clint *c, unsigned hart)
{
	return c->hart[hart].msip;
}

bool model_mtip(const struct model_clint *c, unsigned hart)
{
	return c->now >= c->hart[hart].deadline[VCLINT_FIRMWARE];
}

/* --- Registers --------------------------------------------------------------------------------- */

/* The register that has the byte at `offset`: its kind, hart and first byte. */
static bool find(const struct model_clint *c, uint64_t offset, unsigned *kind, unsigned *hart,
		 uint64_t *first)
{
	unsigned r, h;

	for (r = 0; r < c->config->regions; r++) {
		const struct vclint_region *region = &c->config->region[r];
		unsigned size = region->kind == VCLINT_MSIP ? 4 : 8;
		unsigned count = region->kind == VCLINT_MTIME ? 1 : region->harts;

		for (h = 0; h < count; h++) {
			uint64_t at = (uint64_t)region->offset + (uint64_t)size * h;

			if (offset < at || offset >= at + size)
				continue;
			*kind = region->kind;
			*hart = region->first + h;
			*first = at;
			return true;
		}
	}
	return false;
}

/* 4 bytes at msip; 8 bytes, or either half, of the others. */
static bool width_fits(unsigned kind, uint64_t within, unsigned bytes)
{
	if (kind == VCLINT_MSIP)
		return bytes == 4 && within == 0;
	if (bytes == 8)
		return within == 0;
	return bytes == 4 && (within == 0 || within == 4);
}

static uint64_t register_value(const struct model_clint *c, unsigned kind, unsigned hart)
{
	if (kind == VCLINT_MSIP)
		return c->hart[hart].msip;
	if (kind == VCLINT_MTIME)
		return c->now;
	return c->hart[hart].deadline[VCLINT_FIRMWARE];
}

bool model_clint_read(const struct model_clint *c, uint64_t offset, unsigned bytes, uint64_t *value)
{
	unsigned kind, hart;
	uint64_t first, whole;

	if (!find(c, offset, &kind, &hart, &first) || !width_fits(kind, offset - first, bytes))
		return false;
	whole = register_value(c, kind, hart);
	if (offset != first)
		whole >>= 32;
	*value = bytes == 4 ? whole & 0xffffffffu : whole;
	return true;
}

static void write_msip(struct model_clint *c, unsigned self, unsigned hart, bool set)
{
	bool old = c->hart[hart].msip;

	c->hart[hart].msip = set;
	if (hart == self)
		return;
	c->hart[hart].may |= VCLINT_REASON_MSIP;
	if (old != set) /* of a set and of a clear */
		c->hart[hart].must |= VCLINT_REASON_MSIP;
}

/* Another hart has to hear of a deadline that comes sooner than what it has programmed. */
static void write_mtimecmp(struct model_clint *c, unsigned self, unsigned hart, uint64_t value)
{
	uint64_t old = c->hart[hart].deadline[VCLINT_FIRMWARE];

	c->hart[hart].deadline[VCLINT_FIRMWARE] = value;
	if (hart == self)
		return;
	c->hart[hart].may |= VCLINT_REASON_TIMER;
	if (value < old && old > c->now)
		c->hart[hart].must |= VCLINT_REASON_TIMER;
	if (value != old && value > c->now && old <= c->now)
		c->hart[hart].must |= VCLINT_REASON_TIMER; /* nothing is programmed for it */
}

/* All timers stand by a time that is no longer so. */
static void write_mtime(struct model_clint *c, unsigned self, uint64_t value)
{
	unsigned h;

	for (h = 0; h < c->config->harts; h++) {
		if (h == self)
			continue;
		c->hart[h].may |= VCLINT_REASON_TIMER;
		if (value != c->now)
			c->hart[h].must |= VCLINT_REASON_TIMER;
	}
	c->now = value;
}

bool model_clint_write(struct model_clint *c, unsigned self, uint64_t offset, unsigned bytes,
		       uint64_t value)
{
	unsigned kind, hart;
	uint64_t first, whole;

	if (!find(c, offset, &kind, &hart, &first) || !width_fits(kind, offset - first, bytes))
		return false;
	whole = register_value(c, kind, hart);
	if (bytes == 8)
		whole = value;
	else if (offset == first)
		whole = (whole & ~(uint64_t)0xffffffffu) | (value & 0xffffffffu);
	else
		whole = (whole & 0xffffffffu) | value << 32;
	if (kind == VCLINT_MSIP)
		write_msip(c, self, hart, whole & 1);
	else if (kind == VCLINT_MTIMECMP)
		write_mtimecmp(c, self, hart, whole);
	else if (c->settable)
		write_mtime(c, self, whole);
	return true;
}

/* --- Deadlines --------------------------------------------------------------------------------- */

uint64_t model_next(const struct model_clint *c, unsigned hart)
{
	uint64_t next = VCLINT_NEVER;
	unsigned d;

	for (d = 0; d < VCLINT_DEADLINES; d++) {
		uint64_t deadline = c->hart[hart].deadline[d];

		/* One of the firmware's that passed is seen without an interrupt. */
		if (d == VCLINT_FIRMWARE && deadline <= c->now)
			continue;
		if (deadline < next)
			next = deadline;
	}
	return next;
}

unsigned model_expired(struct model_clint *c, unsigned hart)
{
	unsigned expired = 0, d;

	for (d = 0; d < VCLINT_DEADLINES; d++) {
		if (c->now < c->hart[hart].deadline[d])
			continue;
		if (d != VCLINT_FIRMWARE && c->hart[hart].deadline[d] == VCLINT_NEVER)
			continue;
		expired |= 1u << d;
		if (d != VCLINT_FIRMWARE)
			c->hart[hart].deadline[d] = VCLINT_NEVER;
	}
	return expired;
}
