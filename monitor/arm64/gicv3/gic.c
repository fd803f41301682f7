/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The physical GICv3 at boot: every interrupt in group 1 and off until somebody gets it; CPU
 * interfaces with the priority drop apart from the deactivation (IHI 0069 12.2, 12.9, 12.11).
 */
#include <carillon/vgic.h>
#include "interface.h"
#include "lists.h"
#include "../its.h"
#include "../vm.h"
#include "../../common/board.h"
#include "../../common/panic.h"

#define GICR_WAKER_SLEEP  (1u << 1)
#define GICR_WAKER_ASLEEP (1u << 2)

/* This GIC's hot code, as the build calls it. */
extern const char v3_vectors[];
extern const struct vgic_port v3_port;
extern const struct vits_port v3_its_port;
extern const struct sdei_port v3_sdei_port;
__attribute__((noreturn)) void v3_vcpu_start(struct vcpu *vcpu);
void v3_physical_interrupts(struct cpu *cpu);

static uint64_t redistributors, redistributors_size;

static void wait_rwp(void)
{
	while (mmio_read32(gicd + GICD_CTLR) & GICD_CTLR_RWP)
		;
}

static void init(const struct board *board)
{
	unsigned i;

	gicd = (uint8_t *)board->gic[GIC_DIST].start;
	redistributors = board->gic[GIC_REDIST].start;
	redistributors_size = board->gic[GIC_REDIST].size;
	mmio_write32(gicd + GICD_CTLR, 0);
	wait_rwp();
	gic_spis_off();
	for (i = 32; i < gic_spi_end(); i += 32)
		mmio_write32(gicd + GICD_IGROUPR + i / 8, ~0u);
	wait_rwp();
	/* ARE (non-secure or only), then group 1: affinity routing may not change with a group on. */
	mmio_write32(gicd + GICD_CTLR, 0x10);
	wait_rwp();
	mmio_write32(gicd + GICD_CTLR, 0x12);
	wait_rwp();
}

/* The redistributor whose TYPER has this CPU's affinity. */
static uint8_t *find_redistributor(uint64_t mpidr)
{
	uint32_t affinity = (uint32_t)(mpidr >> 32 << 24) | (mpidr & 0xffffff);
	uint64_t at = redistributors;

	while (at < redistributors + redistributors_size) {
		uint64_t typer = mmio_read64((uint8_t *)at + GICR_TYPER);

		if (typer >> 32 == affinity)
			return (uint8_t *)at;
		if (typer & GICR_TYPER_LAST)
			break;
		at += typer & GICR_TYPER_VLPIS ? 0x40000 : 0x20000;
	}
	panic("no redistributor for CPU 0x%lx", mpidr);
}

static void wake_redistributor(uint8_t *redist)
{
	mmio_write32(redist + GICR_WAKER, mmio_read32(redist + GICR_WAKER) & ~GICR_WAKER_SLEEP);
	while (mmio_read32(redist + GICR_WAKER) & GICR_WAKER_ASLEEP)
		;
}

static uint64_t sgi_to(uint64_t mpidr)
{
	uint64_t aff0 = mpidr & 0xff, aff1 = mpidr >> 8 & 0xff;
	uint64_t aff2 = mpidr >> 16 & 0xff, aff3 = mpidr >> 32 & 0xff;

	return aff3 << 48 | (aff0 >> 4) << 44 | aff2 << 32 | (uint64_t)KICK_SGI << 24 | aff1 << 16 |
	       1ul << (aff0 & 15);
}

static void frames(struct vm *vm, const struct board *board)
{
	vm->gicd = board->gic[GIC_DIST].start;
	vm->frames = redistributors;
	vm->frames_size = redistributors_size;
	/* Its virtual one, if it has one, stands where the machine's first one does. */
	vm->its = its_count ? board->its[0].start : NO_DEVICE;
}

static void kick(struct cpu *target)
{
	__asm__ volatile("dsb ishst" : : : "memory"); /* what it is about comes first */
	this_cpu()->kicks++;
	gic_kick(target);
}

static void route(unsigned intid, const struct cpu *target)
{
	gic_route(intid, target);
}

static void ppi_enable(struct cpu *cpu, unsigned intid)
{
	mmio_write32((uint8_t *)cpu->redist + GICD_ISENABLER, 1u << intid);
}

static void cpu_init(struct cpu *cpu, unsigned maintenance)
{
	uint8_t *redist = find_redistributor(cpu->mpidr);
	uint8_t *frame = redist + GICR_SGI_FRAME;

	wake_redistributor(redist);
	cpu->redist = frame;
	cpu->kick = sgi_to(cpu->mpidr);
	gic_private_off(frame);
	mmio_write32(frame + GICD_IGROUPR, ~0u);

	/*
	 * System registers here and one level down. A guest's access to ICC_SRE_EL1 traps (Enable is 0):
	 * where it can be cleared, the next VM on this CPU would find no interrupt controller.
	 */
	write_sysreg(S3_4_C12_C9_5, 0x7); /* ICC_SRE_EL2: SRE, DFB, DIB */
	isb();
	write_sysreg(S3_0_C12_C12_5, 0x7); /* ICC_SRE_EL1 */
	write_sysreg(S3_0_C4_C6_0, 0xff);  /* ICC_PMR_EL1 */
	write_sysreg(S3_0_C12_C12_3, 0);   /* ICC_BPR1_EL1 */
	write_sysreg(S3_0_C12_C12_4, 2);   /* ICC_CTLR_EL1: EOImode */
	write_sysreg(S3_0_C12_C12_7, 1);   /* ICC_IGRPEN1_EL1 */
	write_sysreg(S3_4_C12_C11_0, 0);   /* ICH_HCR_EL2 */
	clear_all_lists(NULL);
	isb();
	mmio_write32(frame + GICD_ISENABLER, 1u << KICK_SGI | 1u << maintenance);
	its_cpu_init(cpu);
}

static void spi_setup(unsigned intid, bool edge, const struct cpu *target)
{
	gic_spi_trigger(intid, edge);
	mmio_write64(gicd + GICD_IROUTER + intid * 8, target->mpidr & 0xff00ffffff);
	gic_spi_on(intid);
}

static void describe(struct vgic_config *config)
{
	uint64_t vtr = read_sysreg(S3_4_C12_C11_1); /* ICH_VTR_EL2 */

	config->version = VGIC_V3;
	config->lrs = (vtr & 0x1f) + 1;
	config->priority_bits = (vtr >> 29 & 7) + 1;
	config->preemption_bits = (vtr >> 26 & 7) + 1;
}

static unsigned hwirq_flags(void)
{
	return 0;
}

const struct gic gicv3 = {
	.name = "GICv3",
	.vectors = v3_vectors,
	.port = &v3_port,
	.its_port = &v3_its_port,
	.sdei_port = &v3_sdei_port,
	.start = v3_vcpu_start,
	.physical_interrupts = v3_physical_interrupts,
	.kick = kick,
	.route = route,
	.init = init,
	.frames = frames,
	.cpu_init = cpu_init,
	.describe = describe,
	.hwirq_flags = hwirq_flags,
	.spi_setup = spi_setup,
	.ppi_enable = ppi_enable,
};
