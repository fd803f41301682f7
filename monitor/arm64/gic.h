/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The physical GICv3 (IHI 0069), one Security state or the non-secure view of two.
 */
#ifndef MONITOR_ARM64_GIC_H
#define MONITOR_ARM64_GIC_H

#include <stdbool.h>
#include <stdint.h>

#define GICD_CTLR       0x0000
#define GICD_TYPER      0x0004
#define GICD_IGROUPR    0x0080
#define GICD_ISENABLER  0x0100
#define GICD_ICENABLER  0x0180
#define GICD_ISPENDR    0x0200
#define GICD_ICPENDR    0x0280
#define GICD_ISACTIVER  0x0300
#define GICD_ICACTIVER  0x0380
#define GICD_IPRIORITYR 0x0400
#define GICD_ICFGR      0x0c00
#define GICD_IROUTER    0x6000
#define GICD_CTLR_RWP   (1u << 31)

#define GICR_TYPER        0x0008
#define GICR_WAKER        0x0014
#define GICR_SGI_FRAME    0x10000
#define GICR_TYPER_LAST   (1u << 4)
#define GICR_TYPER_VLPIS  (1u << 1)
#define GICR_WAKER_SLEEP  (1u << 1)
#define GICR_WAKER_ASLEEP (1u << 2)

#define KICK_SGI 0 /* the only SGI that the hypervisor sends */

struct cpu;

extern uint8_t *gicd; /* the distributor's registers */

void gic_init(uint64_t gicd_base, uint64_t gicr_base, uint64_t gicr_size);
void gic_cpu_init(struct cpu *cpu, unsigned maintenance);

/* A shared interrupt that a guest gets: trigger, target, on. */
void gic_spi_setup(unsigned intid, bool edge, uint64_t mpidr);
void gic_ppi_enable(struct cpu *cpu, unsigned intid);

/* ICH_VTR_EL2, decoded. */
unsigned gic_list_registers(void);
unsigned gic_priority_bits(void);
unsigned gic_preemption_bits(void);

#endif
