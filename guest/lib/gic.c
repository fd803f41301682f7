/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * GICv3 driver of the guests (IHI 0069, chapters 4 and 12). Private interrupts are reached
 * through their CPU's redistributor, which any CPU may access; shared ones through the
 * distributor.
 */
#include "gic.h"
#include "tap.h"

void gic_find_cpus(void)
{
	uintptr_t gicr = GICR_BASE;
	uint64_t typer;

	do {
		struct cpu *cpu = &cpus[cpu_count];

		typer = read64(gicr + GICR_TYPER);
		cpu->index = cpu_count;
		cpu->gicr = gicr;
		cpu->affinity = ((typer >> 56) << 32) | ((typer >> 32) & 0xffffff);
		gicr += GICR_STRIDE;
		cpu_count++;
	} while (!(typer & GICR_TYPER_LAST) && cpu_count < MAX_CPUS);
}

unsigned gic_lines(void)
{
	return ((read32(GICD_BASE + GICD_TYPER) & 0x1f) + 1) * 32;
}

static uintptr_t frame(unsigned cpu, unsigned intid)
{
	return intid < 32 ? cpus[cpu].gicr + GICR_SGI_BASE : GICD_BASE;
}

/* Registers with one bit per interrupt. */
static void write_bit(unsigned cpu, unsigned intid, uintptr_t reg)
{
	write32(frame(cpu, intid) + reg + intid / 32 * 4, 1u << intid % 32);
}

static bool read_bit(unsigned cpu, unsigned intid, uintptr_t reg)
{
	return read32(frame(cpu, intid) + reg + intid / 32 * 4) >> intid % 32 & 1;
}

/* An RWP that does not end is one failed test, not one at every wait. */
void gic_wait_rwp(unsigned cpu, unsigned intid)
{
	static atomic_uint stuck;
	uintptr_t control = intid < 32 ? cpus[cpu].gicr + GICR_CTLR : GICD_BASE + GICD_CTLR;
	uint32_t rwp = intid < 32 ? GICR_CTLR_RWP : GICD_CTLR_RWP;
	uint64_t deadline = counter_after_ms(LIMIT_MS);

	while (read32(control) & rwp && !atomic_load(&stuck)) {
		if (counter_passed(deadline) && !atomic_exchange(&stuck, 1))
			ok(false, "%s.RWP ends", intid < 32 ? "GICR_CTLR" : "GICD_CTLR");
	}
}

void gic_enable(unsigned cpu, unsigned intid)
{
	write_bit(cpu, intid, GIC_ISENABLER);
}

void gic_disable(unsigned cpu, unsigned intid)
{
	write_bit(cpu, intid, GIC_ICENABLER);
	gic_wait_rwp(cpu, intid);
}

bool gic_is_enabled(unsigned cpu, unsigned intid)
{
	return read_bit(cpu, intid, GIC_ISENABLER);
}

void gic_set_pending(unsigned cpu, unsigned intid)
{
	write_bit(cpu, intid, GIC_ISPENDR);
}

void gic_clear_pending(unsigned cpu, unsigned intid)
{
	write_bit(cpu, intid, GIC_ICPENDR);
}

bool gic_is_pending(unsigned cpu, unsigned intid)
{
	return read_bit(cpu, intid, GIC_ISPENDR);
}

void gic_set_active(unsigned cpu, unsigned intid)
{
	write_bit(cpu, intid, GIC_ISACTIVER);
}

void gic_clear_active(unsigned cpu, unsigned intid)
{
	write_bit(cpu, intid, GIC_ICACTIVER);
}

bool gic_is_active(unsigned cpu, unsigned intid)
{
	return read_bit(cpu, intid, GIC_ISACTIVER);
}

void gic_set_priority(unsigned cpu, unsigned intid, uint8_t priority)
{
	write8(frame(cpu, intid) + GIC_IPRIORITYR + intid, priority);
}

uint8_t gic_priority(unsigned cpu, unsigned intid)
{
	return read8(frame(cpu, intid) + GIC_IPRIORITYR + intid);
}

void gic_set_edge(unsigned cpu, unsigned intid, bool edge)
{
	uintptr_t reg = frame(cpu, intid) + GIC_ICFGR + intid / 16 * 4;
	uint32_t bit = 2u << intid % 16 * 2;
	uint32_t old = read32(reg);

	write32(reg, edge ? old | bit : old & ~bit);
}

void gic_set_group(unsigned cpu, unsigned intid, unsigned group)
{
	uintptr_t reg = frame(cpu, intid) + GIC_IGROUPR + intid / 32 * 4;
	uint32_t bit = 1u << intid % 32;
	uint32_t old = read32(reg);

	write32(reg, group ? old | bit : old & ~bit);
}

void gic_route(unsigned intid, unsigned cpu)
{
	write64(GICD_BASE + GICD_IROUTER + intid * 8, cpus[cpu].affinity);
}

void spi_setup(unsigned intid, unsigned cpu, uint8_t priority, bool edge)
{
	gic_disable(0, intid);
	gic_clear_pending(0, intid);
	gic_clear_active(0, intid);
	gic_set_edge(0, intid, edge);
	gic_set_priority(0, intid, priority);
	gic_route(intid, cpu);
	gic_enable(0, intid);
}

void spi_release(unsigned intid)
{
	spi_setup(intid, 0, PRIORITY_DEFAULT, false);
	gic_disable(0, intid);
}

static bool wait_bit(unsigned cpu, unsigned intid, uintptr_t reg, bool wanted)
{
	uint64_t deadline = counter_after_ms(LIMIT_MS);

	while (read_bit(cpu, intid, reg) != wanted) {
		if (counter_passed(deadline))
			return false;
		wfe();
	}
	return true;
}

bool gic_wait_pending(unsigned cpu, unsigned intid, bool pending)
{
	return wait_bit(cpu, intid, GIC_ISPENDR, pending);
}

bool gic_wait_active(unsigned cpu, unsigned intid, bool active)
{
	return wait_bit(cpu, intid, GIC_ISACTIVER, active);
}

static void reset_bits(uintptr_t base, unsigned from, unsigned to)
{
	for (unsigned i = from / 32 * 4; i < to / 32 * 4; i += 4) {
		write32(base + GIC_ICENABLER + i, ~0u);
		write32(base + GIC_ICPENDR + i, ~0u);
		write32(base + GIC_ICACTIVER + i, ~0u);
		write32(base + GIC_IGROUPR + i, ~0u);
	}
	for (unsigned i = from; i < to; i += 4)
		write32(base + GIC_IPRIORITYR + i, PRIORITY_DEFAULT * 0x01010101u);
}

void gic_init_distributor(void)
{
	unsigned lines = gic_lines();

	write32(GICD_BASE + GICD_CTLR, 0);
	gic_wait_rwp(0, 32);
	write32(GICD_BASE + GICD_CTLR, GICD_CTLR_ARE);
	gic_wait_rwp(0, 32);
	if (lines > 1020)
		lines = 1020 / 32 * 32;
	reset_bits(GICD_BASE, 32, lines);
	gic_wait_rwp(0, 32);
	for (unsigned i = 32; i < lines; i += 16)
		write32(GICD_BASE + GIC_ICFGR + i / 4, 0);
	for (unsigned i = 32; i < lines; i++)
		gic_route(i, 0);
	write32(GICD_BASE + GICD_CTLR, GICD_CTLR_ARE | GICD_CTLR_GROUP1 | GICD_CTLR_GROUP0);
	gic_wait_rwp(0, 32);
}

void gic_init_cpu(struct cpu *me)
{
	write32(me->gicr + GICR_WAKER, read32(me->gicr + GICR_WAKER) & ~GICR_WAKER_PROCESSOR_SLEEP);
	while (read32(me->gicr + GICR_WAKER) & GICR_WAKER_CHILDREN_ASLEEP)
		;
	reset_bits(me->gicr + GICR_SGI_BASE, 0, 32);
	gic_wait_rwp(me->index, 0);
	gic_set_priority(me->index, PPI_DOORBELL, PRIORITY_DOORBELL);
	write32(me->gicr + GICR_SGI_BASE + GIC_ISENABLER, 0xffff | 1u << PPI_DOORBELL);
	write_sysreg(icc_sre_el1, read_sysreg(icc_sre_el1) | 1);
	isb();
	write_sysreg(icc_ctlr_el1, 0);
	write_sysreg(icc_bpr1_el1, 0);
	write_sysreg(icc_pmr_el1, PRIORITY_OPEN);
	write_sysreg(icc_igrpen0_el1, 1);
	write_sysreg(icc_igrpen1_el1, 1);
	isb();
}

#define SGI_AFFINITY(affinity)                                               \
	(((affinity) >> 32 & 0xff) << 48 | ((affinity) >> 16 & 0xff) << 32 | \
	 ((affinity) >> 8 & 0xff) << 16 | ((affinity) >> 4 & 0xf) << 44)

uint64_t sgi_value(uint64_t affinity, unsigned intid)
{
	return SGI_AFFINITY(affinity) | (uint64_t)intid << 24 | 1ull << (affinity & 0xf);
}

void sgi_send(unsigned cpu, unsigned intid)
{
	sgi_write(sgi_value(cpus[cpu].affinity, intid));
}

void sgi_send_mask(unsigned mask, unsigned intid)
{
	while (mask) {
		uint64_t cluster = SGI_AFFINITY(cpus[__builtin_ctz(mask)].affinity);
		uint64_t value = cluster | (uint64_t)intid << 24;

		for (unsigned i = 0; i < cpu_count; i++) {
			if (mask >> i & 1 && SGI_AFFINITY(cpus[i].affinity) == cluster) {
				value |= 1ull << (cpus[i].affinity & 0xf);
				mask &= ~(1u << i);
			}
		}
		sgi_write(value);
	}
}

void sgi_send_others(unsigned intid)
{
	sgi_write(SGI_TO_ALL_OTHERS | (uint64_t)intid << 24);
}
