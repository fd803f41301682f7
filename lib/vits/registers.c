/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The ITS's frames: IHI 0069 12.18 (ITS registers), 12.19 (descriptions). A row for each register.
 *
 * Registers are read on any vCPU at any time, and each is one atomic access. What configures the ITS is
 * written with the lock, so never while a slice of commands is executed, and only while GITS_CTLR.Enabled
 * is 0: in the architecture, anything else is UNPREDICTABLE.
 */
#include "internal.h"

#define CTLR_ENABLED   1u
#define CTLR_QUIESCENT (1u << 31)

#define CBASER_FIELDS  0xb8effffffffffcffull
#define CWRITER_OFFSET 0xfffe0u

/* Valid, cacheability, address, shareability, page size, size; a table of devices may be indirect. */
#define BASER_FIELDS    0xb8e0ffffffffffffull
#define BASER_PAGE_SIZE (3ull << 8)

/* Type and Entry_Size. */
uint64_t baser_fixed(unsigned n)
{
	return (n ? 4ull : 1ull) << 56 | (uint64_t)(VITS_ENTRY_SIZE - 1) << 48;
}

uint64_t baser_read(const struct vits *vits, unsigned n)
{
	return load_relaxed(&vits->baser[n]) | baser_fixed(n);
}

uint64_t baser_written(unsigned n, uint64_t value)
{
	value &= BASER_FIELDS | (n ? 0 : BASER_INDIRECT);
	if ((value & BASER_PAGE_SIZE) == BASER_PAGE_SIZE) /* reserved: as 64K */
		value ^= 1ull << 8;
	return value;
}

uint64_t cbaser_written(uint64_t value)
{
	return value & CBASER_FIELDS;
}

uint64_t offset_written(uint64_t value)
{
	return value & CWRITER_OFFSET;
}

/* --- Reads. -------------------------------------------------------------------------------------- */

static uint64_t read_ctlr(const struct vits *vits, uint32_t offset)
{
	(void)offset;
	if (load_relaxed(&vits->enabled))
		return CTLR_ENABLED;
	/* acquire: when it is quiescent, no more LPI comes; partner: the release in work_end() */
	return __atomic_load_n(&vits->busy, __ATOMIC_ACQUIRE) ? 0 : CTLR_QUIESCENT;
}

static uint64_t read_iidr(const struct vits *vits, uint32_t offset)
{
	(void)vits;
	(void)offset;
	return VITS_IIDR;
}

/* Physical, ITT_entry_size, ID_bits, Devbits, PTA, CIDbits and CIL. */
static uint64_t read_typer(const struct vits *vits, uint32_t offset)
{
	const struct vits_config *config = &vits->config;

	(void)offset;
	return 1u | (VITS_ENTRY_SIZE - 1) << 4 | (config->event_bits - 1u) << 8 |
	       (config->device_bits - 1u) << 13 | (uint64_t)config->pta << 19 |
	       (config->collection_bits - 1ull) << 32 | 1ull << 36;
}

static uint64_t read_cbaser(const struct vits *vits, uint32_t offset)
{
	(void)offset;
	return load_relaxed(&vits->cbaser);
}

static uint64_t read_cwriter(const struct vits *vits, uint32_t offset)
{
	(void)offset;
	return load_relaxed(&vits->cwriter);
}

static uint64_t read_creadr(const struct vits *vits, uint32_t offset)
{
	(void)offset;
	/* acquire: what the commands before it did is there; partner: the release in work_end() */
	return __atomic_load_n(&vits->creadr, __ATOMIC_ACQUIRE);
}

static uint64_t read_baser(const struct vits *vits, uint32_t offset)
{
	return baser_read(vits, offset / 8 & 7);
}

/* As in the distributor. */
static uint64_t read_id(const struct vits *vits, uint32_t offset)
{
	static const uint8_t id[16] = {
		0x04, 0,    0,    0,    /* PIDR4 to PIDR7 */
		0x94, 0xb4, 0x3b, 0,    /* PIDR0 to PIDR3: GICv3 */
		0x0d, 0xf0, 0x05, 0xb1, /* CIDR0 to CIDR3 */
	};

	(void)vits;
	return id[(offset - 0xffd0) / 4];
}

/* --- Writes. ------------------------------------------------------------------------------------- */

/* Half of a register that is written leaves the other as it is. */
static uint64_t merged(uint64_t old, uint32_t offset, unsigned bytes, uint64_t value)
{
	unsigned shift = 8 * (offset & 4);

	if (bytes == 8)
		return value;
	return (old & ~(0xffffffffull << shift)) | (value & 0xffffffff) << shift;
}

struct write {
	struct vits *vits;
	uint32_t offset;
	unsigned bytes;
	uint64_t value;
};

static uint64_t written(const struct write *write, uint64_t old)
{
	return merged(old, write->offset, write->bytes, write->value);
}

/*
 * With the lock. The cache is flushed both before and after: messages that have seen it disabled insert
 * nothing, and those that have seen it enabled again see the tables that it has now.
 */
static void enable(struct vits *vits, bool enabled)
{
	if (enabled == vits->enabled)
		return;
	cache_flush(vits);
	store_relaxed(&vits->enabled, enabled);
	cache_flush(vits);
	vits->switched = true;
	store_relaxed(&vits->busy, true);
}

static void write_ctlr(const struct write *write)
{
	enable(write->vits, write->value & CTLR_ENABLED);
}

static void write_cbaser(const struct write *write)
{
	struct vits *vits = write->vits;

	if (vits->enabled || vits->busy)
		return;
	store_relaxed(&vits->cbaser, cbaser_written(written(write, vits->cbaser)));
	store_relaxed(&vits->creadr, 0);
}

/* An offset outside the queue stays: there is nothing to execute until another one is written. */
static void write_cwriter(const struct write *write)
{
	uint64_t *cwriter = &write->vits->cwriter;

	store_relaxed(cwriter, offset_written(written(write, load_relaxed(cwriter))));
}

/* Another table has no collections in it. */
static void write_baser(const struct write *write)
{
	struct vits *vits = write->vits;
	unsigned n = write->offset / 8 & 7;
	uint64_t value = baser_written(n, written(write, vits->baser[n]));

	if (vits->enabled || vits->busy || value == vits->baser[n])
		return;
	store_relaxed(&vits->baser[n], value);
	if (n == 1)
		collections_clear(vits);
}

/* --- The map. ------------------------------------------------------------------------------------ */

#define READ_ONLY NULL

static const struct reg {
	uint32_t first, last; /* bytes */
	uint8_t widths;       /* or'ed */
	bool configures;      /* written with the lock */
	uint64_t (*read)(const struct vits *vits, uint32_t offset);
	void (*write)(const struct write *write);
} regs[] = {
	{ 0x0000, 0x0003, 4, true, read_ctlr, write_ctlr },
	{ 0x0004, 0x0007, 4, false, read_iidr, READ_ONLY },
	{ 0x0008, 0x000f, 4 | 8, false, read_typer, READ_ONLY },
	{ 0x0080, 0x0087, 4 | 8, true, read_cbaser, write_cbaser },
	{ 0x0088, 0x008f, 4 | 8, false, read_cwriter, write_cwriter },
	{ 0x0090, 0x0097, 4 | 8, false, read_creadr, READ_ONLY },
	{ 0x0100, 0x010f, 4 | 8, true, read_baser, write_baser },
	{ 0xffd0, 0xffff, 4, false, read_id, READ_ONLY },
};

static const struct reg *reg_at(uint32_t offset, unsigned bytes)
{
	for (unsigned i = 0; i < sizeof(regs) / sizeof(regs[0]); i++) {
		const struct reg *reg = &regs[i];

		if (offset >= reg->first && offset <= reg->last)
			return (reg->widths & bytes) && offset % bytes == 0 ? reg : NULL;
	}
	return NULL;
}

enum vgic_result vits_read(struct vits *vits, struct vgic_cpu *cpu, uint32_t offset, unsigned bytes,
			   uint64_t *value)
{
	const struct reg *reg = reg_at(offset, bytes);

	(void)cpu;
	*value = reg ? reg->read(vits, offset) : 0;
	if (reg && bytes == 4 && (reg->widths & 8))
		*value = (uint32_t)(*value >> 8 * (offset & 4));
	return VGIC_DONE;
}

enum vgic_result vits_write(struct vits *vits, struct vgic_cpu *cpu, uint32_t offset,
			    unsigned bytes, uint64_t value)
{
	struct write write = { .vits = vits, .offset = offset, .bytes = bytes, .value = value };
	const struct reg *reg = reg_at(offset, bytes);

	if (!reg || reg->write == READ_ONLY)
		return VGIC_DONE;
	if (reg->configures && !lock_try(&vits->lock))
		return VGIC_AGAIN;
	reg->write(&write);
	if (reg->configures)
		lock_drop(&vits->lock);
	return reg->write == write_ctlr || reg->write == write_cwriter ? vits_execute(vits, cpu)
								       : VGIC_DONE;
}
