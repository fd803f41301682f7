/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What hot code does to a GICv3 (IHI 0069): the CPU interface, kicks, registers of one
 * physical interrupt, and which frames of a guest's trap.
 */
#ifndef MONITOR_ARM64_INTERFACE_H
#define MONITOR_ARM64_INTERFACE_H

#include "../gic.h"
#include "../hot.h"

#define ICC_IAR1_EL1  S3_0_C12_C12_0
#define ICC_EOIR1_EL1 S3_0_C12_C12_1
#define ICC_DIR_EL1   S3_0_C12_C11_1
#define ICC_SGI1R_EL1 S3_0_C12_C11_5

/* The guest's distributor, and the frames behind it: redistributors. */
#define GIC_DIST_SIZE   VGIC_DIST_SIZE
#define gic_frame_read  vgic_redist_read
#define gic_frame_write vgic_redist_write

/* Do the guest's accesses to GIC system registers come to us? */
#define GIC_SYSREGS true

/* Can INTIDs be LPIs? */
#define GIC_LPIS true

static inline uint64_t gic_acknowledge(const struct cpu *cpu)
{
	(void)cpu;
	return read_sysreg(ICC_IAR1_EL1);
}

static inline uint64_t gic_intid(uint64_t iar)
{
	return iar;
}

/* With EOImode 1: the priority drop alone, and the deactivation. */
static inline void gic_drop(const struct cpu *cpu, uint64_t iar)
{
	(void)cpu;
	write_sysreg(ICC_EOIR1_EL1, iar);
}

static inline void gic_deactivate(const struct cpu *cpu, uint64_t iar)
{
	(void)cpu;
	write_sysreg(ICC_DIR_EL1, iar);
}

/* What the kick is about has been made visible. */
static inline void gic_kick(const struct cpu *target)
{
	write_sysreg(ICC_SGI1R_EL1, target->kick);
	isb();
}

/* Where the registers with one bit per interrupt are for this one: a redistributor's or GICD's. */
static inline uint8_t *gic_bit_register(struct hwirq irq, unsigned offset)
{
	if (irq.intid < 32)
		return (uint8_t *)this_cpu()->redist + offset;
	return gicd + offset + irq.intid / 32 * 4;
}

static inline void gic_route(unsigned intid, const struct cpu *target)
{
	mmio_write64(gicd + GICD_IROUTER + intid * 8, target->mpidr);
}

#endif
