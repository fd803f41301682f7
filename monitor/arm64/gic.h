/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The physical GIC at boot: a GICv3 (IHI 0069) or a GICv2 (IHI 0048), with one Security state or the
 * non-secure view of two. The device tree says which; `gic` is its driver from then on.
 */
#ifndef MONITOR_ARM64_GIC_H
#define MONITOR_ARM64_GIC_H

#include <stdbool.h>
#include <stdint.h>

#define GICD_CTLR       0x0000
#define GICD_TYPER      0x0004
#define GICD_IIDR       0x0008
#define GICD_IGROUPR    0x0080
#define GICD_ISENABLER  0x0100
#define GICD_ICENABLER  0x0180
#define GICD_ISPENDR    0x0200
#define GICD_ICPENDR    0x0280
#define GICD_ISACTIVER  0x0300
#define GICD_ICACTIVER  0x0380
#define GICD_IPRIORITYR 0x0400
#define GICD_ITARGETSR  0x0800 /* GICv2 */
#define GICD_ICFGR      0x0c00
#define GICD_SGIR       0x0f00 /* GICv2 */
#define GICD_CPENDSGIR  0x0f10 /* GICv2 */
#define GICD_IROUTER    0x6000 /* GICv3 */
#define GICD_CTLR_RWP   (1u << 31)

/* GICv3, from RD_base. */
#define GICR_CTLR        0x0000
#define GICR_TYPER       0x0008
#define GICR_WAKER       0x0014
#define GICR_PROPBASER   0x0070
#define GICR_PENDBASER   0x0078
#define GICR_SGI_FRAME   0x10000
#define GICR_TYPER_VLPIS (1u << 1)
#define GICR_TYPER_LAST  (1u << 4)

#define KICK_SGI 0 /* the only SGI that the hypervisor sends */

struct board;
struct cpu;
struct vcpu;
struct vgic_config;
struct vm;
struct vgic_port;
struct vits_port;
struct sdei_port;

struct gic {
	const char *name;
	/* The hot code that is made for it (hot.h). */
	const char *vectors;
	const struct vgic_port *port;
	const struct vits_port *its_port; /* GICv3 */
	const struct sdei_port *sdei_port;
	__attribute__((noreturn)) void (*start)(struct vcpu *vcpu);
	void (*physical_interrupts)(struct cpu *cpu);
	void (*kick)(struct cpu *target);
	void (*route)(unsigned intid, const struct cpu *target);

	/* On the boot CPU: everything off. */
	void (*init)(const struct board *board);
	/* Where a guest has its frames, and what of the hardware it sees. */
	void (*frames)(struct vm *vm, const struct board *board);
	void (*cpu_init)(struct cpu *cpu, unsigned maintenance);
	/* What the virtual one takes from it: version, list registers, bits of priorities. */
	void (*describe)(struct vgic_config *config);
	/* VGIC_HWIRQ_SOFT if its list registers cannot be trusted to deactivate, or 0. */
	unsigned (*hwirq_flags)(void);
	/* A shared interrupt that somebody gets: trigger, target, neither pending nor active, on. */
	void (*spi_setup)(unsigned intid, bool edge, const struct cpu *target);
	void (*ppi_enable)(struct cpu *cpu, unsigned intid);
};

extern const struct gic gicv2, gicv3;
extern const struct gic *gic;
extern uint8_t *gicd; /* the distributor's registers */

/* gic.c: what both have in common. */
unsigned gic_spi_end(void);
void gic_spis_off(void);
void gic_spi_on(unsigned intid);
void gic_spi_unmask(unsigned intid);
void gic_spi_off(unsigned intid); /* a CPU may have acknowledged it just before */
void gic_private_off(uint8_t *frame);
void gic_spi_trigger(unsigned intid, bool edge);

#endif
