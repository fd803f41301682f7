/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What is the same in the distributors of GICv2 and GICv3 (IHI 0048 4.3, IHI 0069 12.9).
 */
#include "gic.h"
#include "sysreg.h"

#define PRIORITY_ALL 0xa0a0a0a0u

const struct gic *gic;
uint8_t *gicd;

unsigned gic_spi_end(void)
{
	unsigned end = ((mmio_read32(gicd + GICD_TYPER) & 0x1f) + 1) * 32;

	return end < 1020 ? end : 1020;
}

/* One register's worth of interrupts: off, nothing pending or active. */
static void word_off(uint8_t *frame, unsigned word)
{
	mmio_write32(frame + GICD_ICENABLER + word * 4, ~0u);
	mmio_write32(frame + GICD_ICPENDR + word * 4, ~0u);
	mmio_write32(frame + GICD_ICACTIVER + word * 4, ~0u);
}

void gic_spis_off(void)
{
	unsigned i;

	for (i = 32; i < gic_spi_end(); i += 32)
		word_off(gicd, i / 32);
	for (i = 32; i < gic_spi_end(); i += 4)
		mmio_write32(gicd + GICD_IPRIORITYR + i, PRIORITY_ALL);
}

static void spi_write(unsigned offset, unsigned intid)
{
	mmio_write32(gicd + offset + intid / 32 * 4, 1u << intid % 32);
}

void gic_spi_on(unsigned intid)
{
	spi_write(GICD_ICPENDR, intid);
	spi_write(GICD_ICACTIVER, intid);
	gic_spi_unmask(intid);
}

void gic_spi_unmask(unsigned intid)
{
	spi_write(GICD_ISENABLER, intid);
}

void gic_spi_off(unsigned intid)
{
	spi_write(GICD_ICENABLER, intid);
	/* GICv3; what a GICv2 has there reads as zero. */
	while (mmio_read32(gicd + GICD_CTLR) & GICD_CTLR_RWP)
		;
}

/* SGIs and PPIs of this CPU; their registers are at `frame`. */
void gic_private_off(uint8_t *frame)
{
	unsigned i;

	word_off(frame, 0);
	for (i = 0; i < 32; i += 4)
		mmio_write32(frame + GICD_IPRIORITYR + i, PRIORITY_ALL);
	mmio_write32(frame + GICD_ICFGR + 4, 0); /* PPIs: the timers' and ours are levels */
}

void gic_spi_trigger(unsigned intid, bool edge)
{
	uint8_t *config = gicd + GICD_ICFGR + intid / 16 * 4;
	unsigned shift = intid % 16 * 2;
	uint32_t value = mmio_read32(config);

	value = (value & ~(2u << shift)) | (edge ? 2u << shift : 0);
	mmio_write32(config, value);
}
