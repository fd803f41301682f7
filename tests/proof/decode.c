/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Which register, and which interrupts, an access to a frame means: any offset, width and
 * configuration, against the architecture's tables read naively. IHI 0069 12.9.1, 12.11.1 (register
 * maps), IHI 0048 4.1.2.
 *
 * with: vgic lr access v2 dir source
 * quick: dist_decodes --unwind 20 -DVERSION=3 -DSPIS=988 -DESPIS=1024: GICv3 distributor, any offset, width, number of SPIs
 * proof: dist_decodes --unwind 20 -DVERSION=2 -DSPIS=988: GICv2 distributor, the same
 * proof: redist_decodes --unwind 20 -DVERSION=3: redistributors, any offset and width
 * proof: redist_decodes --unwind 20 -DVERSION=3 -DEPPIS=32: the same with extended PPIs
 * broken: dist_decodes frames.c s/(first.>.total)/(first>total+1)/ --unwind 20 -DVERSION=3: a bound off by one
 * broken: redist_decodes frames.c s/(index.>=.vgic->config.vcpus/(index>vgic->config.vcpus/ --unwind 20 -DVERSION=3: a redistributor too many
 */
#include "proof.h"
#include "frames.c"

struct row {
	uint32_t start, end; /* bytes */
	unsigned log2;       /* of interrupts in a byte */
	unsigned widths;
	virq_t first;
	read_fn *read;
	write_fn *write;
};

/* INTIDs from 0 or 4096 on. What is not among these is no register made of interrupts. */
static const struct row table_v3[] = {
	{ 0x0080, 0x0100, 3, 4, 0, read_group, write_group },
	{ 0x0100, 0x0180, 3, 4, 0, read_enable, write_senable },
	{ 0x0180, 0x0200, 3, 4, 0, read_enable, write_cenable },
	{ 0x0200, 0x0280, 3, 4, 0, read_pending, write_spend },
	{ 0x0280, 0x0300, 3, 4, 0, read_pending, write_cpend },
	{ 0x0300, 0x0380, 3, 4, 0, read_active, write_sactive },
	{ 0x0380, 0x0400, 3, 4, 0, read_active, write_cactive },
	{ 0x0400, 0x0800, 0, 1 | 4, 0, read_priority, write_priority },
	{ 0x0c00, 0x0d00, 2, 4, 0, read_config, write_config },
	{ 0x1000, 0x1080, 3, 4, 4096, read_group, write_group },
	{ 0x1200, 0x1280, 3, 4, 4096, read_enable, write_senable },
	{ 0x1400, 0x1480, 3, 4, 4096, read_enable, write_cenable },
	{ 0x1600, 0x1680, 3, 4, 4096, read_pending, write_spend },
	{ 0x1800, 0x1880, 3, 4, 4096, read_pending, write_cpend },
	{ 0x1a00, 0x1a80, 3, 4, 4096, read_active, write_sactive },
	{ 0x1c00, 0x1c80, 3, 4, 4096, read_active, write_cactive },
	{ 0x2000, 0x2400, 0, 1 | 4, 4096, read_priority, write_priority },
	{ 0x3000, 0x3100, 2, 4, 4096, read_config, write_config },
};

static const struct row table_v2[] = {
	{ 0x080, 0x100, 3, 4, 0, read_group, write_group },
	{ 0x100, 0x180, 3, 4, 0, read_v2_enable, write_senable },
	{ 0x180, 0x200, 3, 4, 0, read_v2_enable, write_cenable },
	{ 0x200, 0x280, 3, 4, 0, read_pending, write_spend },
	{ 0x280, 0x300, 3, 4, 0, read_pending, write_cpend },
	{ 0x300, 0x380, 3, 4, 0, read_active, write_sactive },
	{ 0x380, 0x400, 3, 4, 0, read_active, write_cactive },
	{ 0x400, 0x800, 0, 1 | 4, 0, read_priority, write_priority },
	{ 0x800, 0xc00, 0, 1 | 4, 0, read_targets, write_targets },
	{ 0xc00, 0xd00, 2, 4, 0, read_config, write_config },
};

/* In SGI_base: 64K further, INTIDs 0 to 31, then extended PPIs as if they were 32 and on. */
static const struct row table_redist[] = {
	{ 0x0080, 0x0100, 3, 4, 0, read_group, write_group },
	{ 0x0100, 0x0180, 3, 4, 0, read_enable, write_senable },
	{ 0x0180, 0x0200, 3, 4, 0, read_enable, write_cenable },
	{ 0x0200, 0x0280, 3, 4, 0, read_pending, write_spend },
	{ 0x0280, 0x0300, 3, 4, 0, read_pending, write_cpend },
	{ 0x0300, 0x0380, 3, 4, 0, read_active, write_sactive },
	{ 0x0380, 0x0400, 3, 4, 0, read_active, write_cactive },
	{ 0x0400, 0x0480, 0, 1 | 4, 0, read_priority, write_priority },
	{ 0x0c00, 0x0c80, 2, 4, 0, read_config, write_config },
};

/* One row at a time, any of them: an access in its range gets it, and nothing but it. */
static void check_row(const struct row *row, const struct access *access, const struct reg *reg,
		      uint32_t offset)
{
	unsigned bytes = access->bytes, i = nondet_unsigned(), count;
	bool aligned = (bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8) &&
		       (offset & (bytes - 1)) == 0;
	virq_t virq;

	assert(aligned || !reg, "misaligned: no register");
	assert((row->widths & bytes) || !reg, "no such width: no register");
	if (!(aligned && (row->widths & bytes)))
		return;
	assert(reg && reg->read == row->read && reg->write == row->write, "the register");
	count = bytes << row->log2;
	virq = row->first + ((offset - row->start) << row->log2);
	assert(access->n <= count && access->n <= 32, "as many as it has");
	assume(i < count);
	virq += i;
	if (access->owner && virq < PRIVATES)
		assert(i < access->n && access->irqs + i == &access->owner->private[virq],
		       "private");
	else if (gic.v2 ? virq >= 32 && virq - 32 < gic.config.spis
			: virq >= 32 && virq - 32 < gic.config.spis && !access->owner)
		assert(i < access->n && access->irqs + i == &gic.shared[virq - 32], "shared");
	else if (virq >= 4096 && virq - 4096 < gic.config.espis)
		assert(i < access->n &&
			       access->irqs + i == &gic.shared[gic.config.spis + (virq - 4096)],
		       "extended");
	else
		assert(i >= access->n, "none that does not exist");
}

static bool no_bits(const struct reg *reg)
{
	return !reg || reg->shift == WHOLE;
}

void dist_decodes(void)
{
	uint32_t offset = nondet_u32();
	struct access access = { .vgic = &gic, .self = &vcpus[0], .offset = offset };
	const struct reg *reg;

	any_vgic();
	access.bytes = any_width();
	reg = dist_reg(&access);
	assert(!reg || (reg->read && reg->write), "a register has both functions");
#if VERSION == 2
	const struct row *table = table_v2;
	enum { ROWS = sizeof(table_v2) / sizeof(table_v2[0]) };
#else
	const struct row *table = table_v3;
	enum { ROWS = sizeof(table_v3) / sizeof(table_v3[0]) };
#endif
	unsigned at = nondet_unsigned();

	assume(at <= ROWS);
	if (at < ROWS && offset >= table[at].start && offset < table[at].end)
		check_row(&table[at], &access, reg, offset);
	for (unsigned i = 0; i < ROWS; i++)
		if (offset >= table[i].start && offset < table[i].end)
			return;
	assert(no_bits(reg), "nothing else is made of interrupts");
}

void redist_decodes(void)
{
	uint32_t offset = nondet_u32(), in_frame;
	struct access access = { .vgic = &gic, .self = &vcpus[0] };
	const struct reg *reg;
	enum { ROWS = sizeof(table_redist) / sizeof(table_redist[0]) };
	unsigned at = nondet_unsigned(), index = offset >> 17;

	any_vgic();
	access.bytes = any_width();
	reg = redist_reg(&access, offset);
	assert(!reg || (reg->read && reg->write), "a register has both functions");
	assert(!reg || index < gic.config.vcpus, "a redistributor that exists");
	if (index >= gic.config.vcpus)
		return;
	assert(access.owner == &vcpus[index] && access.offset == (offset & 0x1ffff),
	       "whose, where");
	in_frame = access.offset - 0x10000;
	assume(at < ROWS);
	if (in_frame >= table_redist[at].start && in_frame < table_redist[at].end)
		check_row(&table_redist[at], &access, reg, in_frame);
	for (unsigned i = 0; i < ROWS; i++)
		if (in_frame >= table_redist[i].start && in_frame < table_redist[i].end)
			return;
	assert(no_bits(reg), "nothing else is made of interrupts");
}
