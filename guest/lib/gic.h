/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * GICv3 with affinity routing and one security state (IHI 0069): distributor, redistributors,
 * system-register CPU interface.
 */
#ifndef GUEST_GIC_H
#define GUEST_GIC_H

#include "cpu.h"

#define GICD_BASE     0x08000000ul
#define GICR_BASE     0x080a0000ul
#define GICR_STRIDE   0x20000ul
#define GICR_SGI_BASE 0x10000ul

#define GICD_CTLR      0x0000
#define GICD_TYPER     0x0004
#define GICD_IIDR      0x0008
#define GICR_CTLR      0x0000
#define GICR_TYPER     0x0008
#define GICR_WAKER     0x0014
#define GIC_IGROUPR    0x0080
#define GIC_ISENABLER  0x0100
#define GIC_ICENABLER  0x0180
#define GIC_ISPENDR    0x0200
#define GIC_ICPENDR    0x0280
#define GIC_ISACTIVER  0x0300
#define GIC_ICACTIVER  0x0380
#define GIC_IPRIORITYR 0x0400
#define GICD_ITARGETSR 0x0800
#define GIC_ICFGR      0x0c00
#define GIC_IGRPMODR   0x0d00
#define GICD_SGIR      0x0f00
#define GICD_IROUTER   0x6000
#define GIC_PIDR2      0xffe8

#define GICD_CTLR_GROUP0           (1u << 0)
#define GICD_CTLR_GROUP1           (1u << 1)
#define GICD_CTLR_ARE              (1u << 4)
#define GICD_CTLR_DS               (1u << 6)
#define GICD_CTLR_RWP              (1u << 31)
#define GICR_CTLR_RWP              (1u << 3)
#define GICR_TYPER_LAST            (1ull << 4)
#define GICR_WAKER_PROCESSOR_SLEEP (1u << 1)
#define GICR_WAKER_CHILDREN_ASLEEP (1u << 2)
#define IROUTER_IRM                (1ull << 31)

/*
 * SPIs that no device of the board drives (as long as its platform bus is empty): ours to set
 * pending by hand.
 */
#define SPI_FREE     192
#define SPI_FREE_END 256

/*
 * PPIs that no device drives: one for the tests, and the one by which cpu_start wakes a CPU, which
 * is neither counted nor logged.
 */
#define PPI_FREE          20
#define PPI_DOORBELL      19
#define PRIORITY_DOORBELL 0x10
#define INTID_SPURIOUS    1023
#define PRIORITY_DEFAULT  0xa0
#define PRIORITY_OPEN     0xff

#define SGI_TO_ALL_OTHERS (1ull << 40)

/* Fills cpus[] from the redistributors. */
void gic_find_cpus(void);
/*
 * All SPIs: disabled, group 1, default priority, level, routed to CPU 0, nothing pending or
 * active.
 */
void gic_init_distributor(void);
/* The same for this CPU's private interrupts (SGIs enabled), and its CPU interface open. */
void gic_init_cpu(struct cpu *me);
/* INTIDs below this exist. */
unsigned gic_lines(void);

/* In what follows `cpu` is the owner of a private interrupt and of no meaning for an SPI. */
void gic_enable(unsigned cpu, unsigned intid);
void gic_disable(unsigned cpu, unsigned intid); /* complete when it returns */
bool gic_is_enabled(unsigned cpu, unsigned intid);
void gic_set_pending(unsigned cpu, unsigned intid);
void gic_clear_pending(unsigned cpu, unsigned intid);
bool gic_is_pending(unsigned cpu, unsigned intid);
void gic_set_active(unsigned cpu, unsigned intid);
void gic_clear_active(unsigned cpu, unsigned intid);
bool gic_is_active(unsigned cpu, unsigned intid);
void gic_set_priority(unsigned cpu, unsigned intid, uint8_t priority);
uint8_t gic_priority(unsigned cpu, unsigned intid);
void gic_set_edge(unsigned cpu, unsigned intid, bool edge);
void gic_set_group(unsigned cpu, unsigned intid, unsigned group);
void gic_route(unsigned intid, unsigned cpu);
/* An SPI made ready: nothing pending or active, configured, routed, enabled. */
void spi_setup(unsigned intid, unsigned cpu, uint8_t priority, bool edge);
/* Back to what gic_init_distributor left. */
void spi_release(unsigned intid);
/* Waits until what ISPENDR reads for an interrupt is `pending`. */
bool gic_wait_pending(unsigned cpu, unsigned intid, bool pending);
bool gic_wait_active(unsigned cpu, unsigned intid, bool active);
void gic_wait_rwp(unsigned cpu, unsigned intid);

/* The value of ICC_SGI1R_EL1 for one target. */
uint64_t sgi_value(uint64_t affinity, unsigned intid);
static inline void sgi_write(uint64_t value)
{
	dsb();
	write_sysreg(icc_sgi1r_el1, value);
	isb();
}
void sgi_send(unsigned cpu, unsigned intid);
/* One write per group of CPUs with equal Aff3..1; `mask` has a bit per CPU index. */
void sgi_send_mask(unsigned mask, unsigned intid);
void sgi_send_others(unsigned intid);

static inline unsigned gic_acknowledge(void)
{
	unsigned intid = (unsigned)read_sysreg(icc_iar1_el1);

	dsb();
	isb();
	return intid;
}

static inline void gic_end(unsigned intid)
{
	dsb();
	write_sysreg(icc_eoir1_el1, intid);
	isb();
}

static inline void gic_set_mask(unsigned priority)
{
	write_sysreg(icc_pmr_el1, priority);
	isb();
}

#endif
