/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * One driver for both versions of the GIC, found at run time: GICv3 with affinity routing and one
 * Security state (IHI 0069: distributor, redistributors, system-register CPU interface) and GICv2
 * without the Security Extensions (IHI 0048: distributor, memory-mapped CPU interface, where group
 * 1 is acknowledged with AckCtl and group 0 is an FIQ by FIQEn). A test that is by its nature of
 * one version asks gic_only().
 */
#ifndef GUEST_GIC_H
#define GUEST_GIC_H

#include "cpu.h"

#define GICD_BASE     0x08000000ul
#define GICR_BASE     0x080a0000ul
#define GICR_STRIDE   0x20000ul
#define GICR_SGI_BASE 0x10000ul
#define GICC_BASE     0x08010000ul

#define GICD_CTLR      0x0000
#define GICD_TYPER     0x0004
#define GICD_IIDR      0x0008
#define GICD_SETSPI    0x0040 /* with message-based SPIs */
#define GICD_CLRSPI    0x0048
#define GICR_CTLR      0x0000
#define GICR_TYPER     0x0008
#define GICR_WAKER     0x0014
#define GICR_PROPBASER 0x0070
#define GICR_PENDBASER 0x0078
#define GICR_INVLPIR   0x00a0
#define GICR_INVALLR   0x00b0
#define GICR_SYNCR     0x00c0
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
#define GICD_CPENDSGIR 0x0f10 /* a byte of sources for each SGI, GICv2 */
#define GICD_SPENDSGIR 0x0f20
#define GICD_V2_PIDR2  0x0fe8
#define GICD_IROUTER   0x6000
#define GIC_PIDR2      0xffe8

#define GICC_CTLR  0x0000
#define GICC_PMR   0x0004
#define GICC_BPR   0x0008
#define GICC_IAR   0x000c
#define GICC_EOIR  0x0010
#define GICC_RPR   0x0014
#define GICC_HPPIR 0x0018
#define GICC_ABPR  0x001c
#define GICC_APR   0x00d0
#define GICC_NSAPR 0x00e0
#define GICC_IIDR  0x00fc
#define GICC_DIR   0x1000

#define GICC_CTLR_GROUP0  (1u << 0)
#define GICC_CTLR_GROUP1  (1u << 1)
#define GICC_CTLR_ACKCTL  (1u << 2)
#define GICC_CTLR_FIQEN   (1u << 3)
#define GICC_CTLR_CBPR    (1u << 4)
#define GICC_CTLR_EOIMODE (1u << 9)

#define GICD_TYPER_MBIS            (1u << 16)
#define GICD_CTLR_GROUP0           (1u << 0)
#define GICD_CTLR_GROUP1           (1u << 1)
#define GICD_CTLR_ARE              (1u << 4)
#define GICD_CTLR_DS               (1u << 6)
#define GICD_CTLR_RWP              (1u << 31)
#define GICD_TYPER_LPIS            (1u << 17)
#define GICR_CTLR_ENABLE_LPIS      (1u << 0)
#define GICR_CTLR_CES              (1u << 1)
#define GICR_CTLR_IR               (1u << 2)
#define GICR_CTLR_RWP              (1u << 3)
#define GICR_TYPER_PLPIS           (1ull << 0)
#define GICR_TYPER_VLPIS           (1ull << 1)
#define GICR_TYPER_DIRECT          (1ull << 3)
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
#define INTID_GROUP1      1022 /* GICv2: the interrupt is of group 1, and AckCtl is 0 */
#define PRIORITY_DEFAULT  0xa0
#define PRIORITY_OPEN     0xff
#define PRIORITY_IDLE     0xff

#define SGI_TO_ALL_OTHERS (1ull << 40)

/* GICD_SGIR's filters. */
#define SGIR_LIST   0u
#define SGIR_OTHERS (1u << 24)
#define SGIR_SELF   (2u << 24)

extern unsigned gic_version; /* 2 or 3 */
static inline bool gic_is_v2(void)
{
	return gic_version == 2;
}

/* Is it this version? If not, one result, `what`, is skipped. */
bool gic_only(unsigned version, const char *what);

/*
 * What QEMU's own GIC is known to do against the architecture: tests excuse exactly that on the
 * bare machine, and nothing elsewhere. gic_excused() is true if this is QEMU's, by GICD_IIDR, and it
 * `deviates`; then a comment says so. Two faults of its GICv2 that are gone from newer versions are
 * looked for at the start.
 */
bool gic_excused(bool deviates, const char *how);
extern struct gic_quirks {
	bool no_ppi_by_hand; /* GICD_ISPENDR0 does nothing */
	bool pending_stays;  /* an SPI that pends stays with its old target */
} gic_quirks;
/* On the first CPU, while it is alone. */
void gic_find_quirks(void);

/* Finds the version, and fills cpus[]: from the redistributors, or as many as GICD_TYPER says. */
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

/*
 * In what follows `cpu` is the owner of a private interrupt and of no meaning for an SPI. A GICv2
 * has no way to another CPU's private interrupts: that CPU is made to do it, and must be idle.
 */
void gic_enable(unsigned cpu, unsigned intid);
/* RWP, or in a GICv2 a read, has shown when it returns that it is complete. */
void gic_disable(unsigned cpu, unsigned intid);
bool gic_is_enabled(unsigned cpu, unsigned intid);
/* An SGI of a GICv2: by GICD_SPENDSGIR, from its owner; GICD_CPENDSGIR, from all. */
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
/* GICv3: to an affinity that is not there; GICv2: to no CPU. */
void gic_route_nowhere(unsigned intid);
/* GICv2: a mask of CPUs. */
static inline void gic_set_targets(unsigned intid, uint8_t targets)
{
	write8(GICD_BASE + GICD_ITARGETSR + intid, targets);
}
static inline uint8_t gic_targets(unsigned intid)
{
	return read8(GICD_BASE + GICD_ITARGETSR + intid);
}
/* The distributor's group enables, complete when it returns. */
void gic_enable_groups(bool group0, bool group1);
/* An SPI made ready: nothing pending or active, configured, routed, enabled. */
void spi_setup(unsigned intid, unsigned cpu, uint8_t priority, bool edge);
/* Back to what gic_init_distributor left. */
void spi_release(unsigned intid);
/* Waits until what ISPENDR reads for an interrupt is `pending`. */
bool gic_wait_pending(unsigned cpu, unsigned intid, bool pending);
bool gic_wait_active(unsigned cpu, unsigned intid, bool active);
void gic_wait_rwp(unsigned cpu, unsigned intid);
/* What wakes a CPU that waits for work: a PPI, in a GICv2 an SPI of its own. */
void gic_ring(unsigned cpu);
bool gic_is_doorbell(unsigned intid);

/* The value of ICC_SGI1R_EL1 for one target. */
uint64_t sgi_value(uint64_t affinity, unsigned intid);
static inline void sgi_write(uint64_t value)
{
	dsb();
	write_sysreg(icc_sgi1r_el1, value);
	isb();
}
/* GICD_SGIR of a GICv2. */
static inline void sgi_write_v2(uint32_t filter, unsigned targets, unsigned intid)
{
	dsb();
	write32(GICD_BASE + GICD_SGIR, filter | targets << 16 | intid);
}
void sgi_send(unsigned cpu, unsigned intid);
/*
 * GICv3: one write per group of CPUs with equal Aff3..1; GICv2: one write. `mask` has a bit per CPU
 * index.
 */
void sgi_send_mask(unsigned mask, unsigned intid);
void sgi_send_others(unsigned intid);

/* This CPU's interface. Group 1, in a GICv2 whatever comes; INTID_SPURIOUS if nothing does. */
unsigned gic_acknowledge(void);
void gic_end(unsigned intid);
/* The same for group 0. */
unsigned gic_acknowledge0(void);
void gic_end0(unsigned intid);
/* Who sent the SGI that this CPU acknowledged last of this INTID; GICv2. */
unsigned gic_source(unsigned intid);
/* EOImode: whether the end of an interrupt leaves it active. */
void gic_split_end(bool split);
void gic_deactivate(unsigned intid);
void gic_set_mask(unsigned priority);
unsigned gic_mask(void);
unsigned gic_running_priority(void);
unsigned gic_highest_pending(void); /* group 1 */
/* Group 1's binary point: bits 7 to `point` of a priority decide preemption. */
void gic_set_binary_point(unsigned point);
unsigned gic_binary_point(void);
/* Group 0's: bits 7 to `point` + 1. CBPR: it is group 1's, too. */
void gic_set_binary_point0(unsigned point);
void gic_common_binary_point(bool common);
void gic_enable_group(unsigned group, bool on);
bool gic_group_enabled(unsigned group);

#endif
