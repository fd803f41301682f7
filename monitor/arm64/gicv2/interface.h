/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What hot code does to a GICv2 (IHI 0048): the CPU interface, kicks, registers of one
 * physical interrupt, and which frames of a guest's trap.
 */
#ifndef MONITOR_ARM64_INTERFACE_H
#define MONITOR_ARM64_INTERFACE_H

#include "../gic.h"
#include "../hot.h"

#define GICC_CTLR 0x0000
#define GICC_PMR  0x0004
#define GICC_BPR  0x0008
#define GICC_IAR  0x000c /* acknowledge.inc has it, too */
#define GICC_EOIR 0x0010
#define GICC_APR  0x00d0
#define GICC_DIR  0x1000

/* The guest's distributor, and the frames behind it: its CPU interface, whose first page is GICV's. */
#define GIC_DIST_SIZE   VGIC_V2_DIST_SIZE
#define gic_frame_read  vgic_cpuif_read
#define gic_frame_write vgic_cpuif_write

/* There are no GIC system registers. */
#define GIC_SYSREGS false

/* Can INTIDs be LPIs? */
#define GIC_LPIS false

/* Of an SGI it also has the CPU that sent it, bits 12:10; what it is handed back with has them, too. */
static inline uint64_t gic_acknowledge(const struct cpu *cpu)
{
	return mmio_read32(cpu->gicc + GICC_IAR);
}

static inline uint64_t gic_intid(uint64_t iar)
{
	return iar & 0x3ff;
}

/* With EOImode 1: the priority drop alone, and the deactivation. */
static inline void gic_drop(const struct cpu *cpu, uint64_t iar)
{
	mmio_write32(cpu->gicc + GICC_EOIR, (uint32_t)iar);
}

static inline void gic_deactivate(const struct cpu *cpu, uint64_t iar)
{
	mmio_write32(cpu->gicc + GICC_DIR, (uint32_t)iar);
}

/* What the kick is about has been made visible. */
static inline void gic_kick(const struct cpu *target)
{
	mmio_write32(gicd + GICD_SGIR, (uint32_t)target->kick);
}

/* Where the registers with one bit per interrupt are for this one; private ones are banked. */
static inline uint8_t *gic_bit_register(struct hwirq irq, unsigned offset)
{
	return gicd + offset + irq.intid / 32 * 4;
}

static inline void gic_route(unsigned intid, const struct cpu *target)
{
	mmio_write8(gicd + GICD_ITARGETSR + intid, target->interface);
}

#endif
