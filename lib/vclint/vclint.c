/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The virtual CLINT (SiFive's CLINT as the U54 manuals have it; RISC-V ACLINT specification, "MTIMER" and
 * "MSWI").
 *
 * What any hart may write is atomic: msip, mtimecmp, reasons. The firmware orders its accesses to devices
 * among each other and against memory by fences that say nothing about our memory, so accesses to msip
 * and mtimecmp are sequentially consistent.
 */
#include "internal.h"

static int refuse(const char **why, const char *reason)
{
	if (why)
		*why = reason;
	return -VIRQ_ERR_CONFIG;
}

static unsigned size_of(unsigned kind)
{
	return kind == VCLINT_MSIP ? 4 : 8;
}

static unsigned count_of(const struct vclint_region *region)
{
	return region->kind == VCLINT_MTIME ? 1 : region->harts;
}

static uint64_t end_of(const struct vclint_region *region)
{
	return (uint64_t)region->offset + (uint64_t)size_of(region->kind) * count_of(region);
}

static bool overlaps(const struct vclint_region *a, const struct vclint_region *b)
{
	return a->offset < end_of(b) && b->offset < end_of(a);
}

static int check_region(const struct vclint_config *config, unsigned n, const char **why)
{
	const struct vclint_region *region = &config->region[n];

	if (region->kind > VCLINT_MTIME)
		return refuse(why, "region: its kind does not exist");
	if (region->offset % size_of(region->kind))
		return refuse(why,
			      "region: the offset has to be a multiple of the register's size");
	if (region->kind != VCLINT_MTIME &&
	    (!region->harts || region->first + region->harts > config->harts))
		return refuse(why, "region: it has no harts, or harts that there are none of");
	for (unsigned i = 0; i < n; i++) {
		if (overlaps(region, &config->region[i]))
			return refuse(why, "region: two of them overlap");
	}
	return 0;
}

int vclint_check(const struct vclint_config *config, const char **why)
{
	if (!config->harts || config->harts > VCLINT_MAX_HARTS)
		return refuse(why, "harts: 1 to 4095");
	if (!config->regions || config->regions > VCLINT_MAX_REGIONS)
		return refuse(why, "regions: 1 to 16");
	for (unsigned i = 0; i < config->regions; i++) {
		int error = check_region(config, i, why);

		if (error)
			return error;
	}
	return 0;
}

void vclint_sifive(struct vclint_config *config, unsigned harts)
{
	uint16_t count = (uint16_t)harts;

	*config = (struct vclint_config){
		.harts = count,
		.regions = 3,
		.region = { { .kind = VCLINT_MTIMECMP, .harts = count, .offset = 0x4000 },
			    { .kind = VCLINT_MSIP, .harts = count, .offset = 0 },
			    { .kind = VCLINT_MTIME, .offset = 0xbff8 } },
	};
}

size_t vclint_size(const struct vclint_config *config)
{
	if (vclint_check(config, NULL))
		return 0;
	return sizeof(struct vclint) + config->harts * sizeof(struct vclint_hart);
}

int vclint_init(struct vclint **clint, void *memory, size_t size,
		const struct vclint_config *config, const struct vclint_port *port, void *host)
{
	size_t needed = vclint_size(config);
	struct vclint *new = memory;

	if (!needed)
		return -VIRQ_ERR_CONFIG;
	if (!memory || size < needed || (uintptr_t)memory % 64)
		return -VIRQ_ERR_MEMORY;
	new->config = *config;
	new->port = *port;
	new->host = host;
	for (unsigned i = 0; i < config->harts; i++) {
		new->hart[i] = (struct vclint_hart){ 0 };
		vclint_reset_hart(new, i);
	}
	*clint = new;
	return 0;
}

void vclint_reset_hart(struct vclint *clint, unsigned hart)
{
	struct vclint_hart *it = &clint->hart[hart];

	__atomic_store_n(&it->msip, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&it->reasons, 0, __ATOMIC_SEQ_CST);
	for (unsigned i = 0; i < VCLINT_DEADLINES; i++)
		time_store(&it->deadline[i], VCLINT_NEVER);
}

/* --- Accesses -------------------------------------------------------------------------------------- */

struct place {
	unsigned kind, hart;
};

/* The register at this offset, if it takes accesses of that width. */
static bool find(const struct vclint *clint, uint64_t offset, unsigned bytes, struct place *place)
{
	for (unsigned i = 0; i < clint->config.regions; i++) {
		const struct vclint_region *region = &clint->config.region[i];
		unsigned size = size_of(region->kind);

		if (offset < region->offset || offset >= end_of(region))
			continue;
		place->kind = region->kind;
		place->hart = region->first + (unsigned)(offset - region->offset) / size;
		return (bytes == 4 || bytes == size) && (unsigned)offset % bytes == 0;
	}
	return false;
}

/* The part of a register of 8 bytes that an access reads, and what it makes of the whole. */
static uint64_t part(uint64_t whole, uint64_t offset, unsigned bytes)
{
	return bytes == 8 ? whole : whole >> (8 * (offset & 4)) & UINT32_MAX;
}

static uint64_t merged(uint64_t whole, uint64_t offset, unsigned bytes, uint64_t value)
{
	unsigned shift = 8 * (offset & 4);

	if (bytes == 8)
		return value;
	return (whole & ~((uint64_t)UINT32_MAX << shift)) | (value & UINT32_MAX) << shift;
}

enum vclint_answer vclint_read(const struct vclint *clint, uint64_t offset, unsigned bytes,
			       uint64_t now, uint64_t *value)
{
	struct place place;

	if (!find(clint, offset, bytes, &place))
		return VCLINT_FAULT;
	switch (place.kind) {
	case VCLINT_MSIP:
		*value = __atomic_load_n(&clint->hart[place.hart].msip, __ATOMIC_SEQ_CST);
		break;
	case VCLINT_MTIMECMP:
		*value = part(time_load(&clint->hart[place.hart].deadline[VCLINT_FIRMWARE]), offset,
			      bytes);
		break;
	default:
		*value = part(now, offset, bytes);
	}
	return VCLINT_DONE;
}

/* A clear is told like a set: the hart has to look again. */
static void write_msip(struct vclint *clint, unsigned self, unsigned hart, uint64_t value)
{
	__atomic_store_n(&clint->hart[hart].msip, (uint32_t)(value & 1), __ATOMIC_SEQ_CST);
	if (hart != self)
		vclint_post(clint, hart, VCLINT_REASON_MSIP);
}

static void write_mtimecmp(struct vclint *clint, unsigned self, const struct place *place,
			   uint64_t offset, unsigned bytes, uint64_t value)
{
	vtime_t *deadline = &clint->hart[place->hart].deadline[VCLINT_FIRMWARE];

	if (bytes == 8)
		time_store(deadline, value);
	else
		time_store_half(deadline, offset & 4, (uint32_t)value);
	if (place->hart != self)
		vclint_post(clint, place->hart, VCLINT_REASON_TIMER);
}

/* Every hart's deadline is nearer or farther now. */
static void write_mtime(struct vclint *clint, unsigned self, uint64_t value)
{
	if (!clint->port.set_time)
		return;
	clint->port.set_time(clint->host, value);
	for (unsigned i = 0; i < clint->config.harts; i++) {
		if (i != self)
			vclint_post(clint, i, VCLINT_REASON_TIMER);
	}
}

enum vclint_answer vclint_write(struct vclint *clint, unsigned self, uint64_t offset,
				unsigned bytes, uint64_t now, uint64_t value)
{
	struct place place;

	if (!find(clint, offset, bytes, &place))
		return VCLINT_FAULT;
	switch (place.kind) {
	case VCLINT_MSIP:
		write_msip(clint, self, place.hart, value);
		break;
	case VCLINT_MTIMECMP:
		write_mtimecmp(clint, self, &place, offset, bytes, value);
		break;
	default:
		write_mtime(clint, self, merged(now, offset, bytes, value));
	}
	return VCLINT_DONE;
}

/* --- Interrupts ------------------------------------------------------------------------------------ */

uint64_t vclint_lines(const struct vclint *clint, unsigned hart, uint64_t now)
{
	const struct vclint_hart *it = &clint->hart[hart];
	uint64_t lines = 0;

	if (__atomic_load_n(&it->msip, __ATOMIC_RELAXED))
		lines |= 1u << 3;
	if (now >= time_load_relaxed(&it->deadline[VCLINT_FIRMWARE]))
		lines |= 1u << 7;
	return lines;
}

void vclint_arm(struct vclint *clint, unsigned hart, enum vclint_deadline whose, uint64_t deadline)
{
	/* relaxed: nobody else reads it */
	time_store_relaxed(&clint->hart[hart].deadline[whose], deadline);
}

unsigned vclint_expired(struct vclint *clint, unsigned hart, uint64_t now)
{
	struct vclint_hart *it = &clint->hart[hart];
	unsigned expired = 0;

	for (unsigned i = 0; i < VCLINT_DEADLINES; i++) {
		uint64_t deadline = time_load_relaxed(&it->deadline[i]);

		if (now < deadline || (deadline == VCLINT_NEVER && i != VCLINT_FIRMWARE))
			continue;
		expired |= 1u << i;
		if (i != VCLINT_FIRMWARE)
			time_store_relaxed(&it->deadline[i], VCLINT_NEVER);
	}
	return expired;
}

uint64_t vclint_next(const struct vclint *clint, unsigned hart, uint64_t now)
{
	const struct vclint_hart *it = &clint->hart[hart];
	uint64_t next = time_load_relaxed(&it->deadline[VCLINT_FIRMWARE]);

	if (next <= now)
		next = VCLINT_NEVER;
	for (unsigned i = VCLINT_PAYLOAD; i < VCLINT_DEADLINES; i++) {
		uint64_t deadline = time_load_relaxed(&it->deadline[i]);

		if (deadline < next)
			next = deadline;
	}
	return next;
}

/*
 * Who finds reasons there need not kick: the hart was kicked by who put them, and takes all in one
 * exchange, after it has cleared the physical interrupt.
 */
void vclint_post(struct vclint *clint, unsigned hart, uint32_t reasons)
{
	/* release: partner is the acquire in vclint_reasons() */
	if (!__atomic_fetch_or(&clint->hart[hart].reasons, reasons, __ATOMIC_RELEASE))
		clint->port.kick(clint->host, hart);
}

uint32_t vclint_reasons(struct vclint *clint, unsigned hart)
{
	/* acquire: partner is the release in vclint_post() */
	return __atomic_exchange_n(&clint->hart[hart].reasons, 0, __ATOMIC_ACQUIRE);
}
