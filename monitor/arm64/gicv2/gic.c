/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The physical GICv2 at boot (IHI 0048 4.3, 4.4, 5.3): every interrupt off until somebody gets it;
 * CPU interfaces with the priority drop apart from the deactivation. Interrupts stay in the group
 * that they are in: with one Security state group 0, which is then signalled as IRQ, and in the
 * non-secure view the only one there is.
 */
#include <carillon/vgic.h>
#include "interface.h"
#include "lists.h"
#include "../mmu.h"
#include "../vm.h"
#include "../../common/board.h"
#include "../../common/panic.h"

#define GICC_CTLR_ENABLE  (1u << 0)
#define GICC_CTLR_BYPASS  (15u << 5) /* as the firmware left it */
#define GICC_CTLR_EOIMODE (1u << 9)  /* of the non-secure view: EOImodeNS */

#define IIDR_QEMU 0x0000043bu

#define PAGE 0x1000

/* This GIC's hot code, as the build calls it. */
extern const char v2_vectors[];
extern const struct vgic_port v2_port;
extern const struct sdei_port v2_sdei_port;
__attribute__((noreturn)) void v2_vcpu_start(struct vcpu *vcpu);
void v2_physical_interrupts(struct cpu *cpu);

static uint8_t *gicc, *gich;

/* The mask that stands for this CPU; one CPU alone may have none. */
static uint8_t own_interface(void)
{
	uint32_t targets = mmio_read32(gicd + GICD_ITARGETSR);

	targets |= targets >> 16;
	targets |= targets >> 8;
	return targets & 0xff ? targets & 0xff : 1;
}

static void init(const struct board *board)
{
	gicd = (uint8_t *)board->gic[GIC_DIST].start;
	gicc = (uint8_t *)board->gic[GIC_CPUIF].start;
	gich = (uint8_t *)board->gic[GIC_HYP].start;
	if (board->gic[GIC_CPUIF].size < VGIC_V2_CPUIF_SIZE)
		panic("the GIC's CPU interface has no room for GICC_DIR");
	mmio_write32(gicd + GICD_CTLR, 0);
	gic_spis_off();
	mmio_write32(gicd + GICD_CTLR, 1);
	cpus[0]->interface = own_interface();
}

/* The guest's CPU interface is the virtual one, up to the page that has GICC_DIR: that one traps. */
static void frames(struct vm *vm, const struct board *board)
{
	vm->gicd = board->gic[GIC_DIST].start;
	vm->frames = board->gic[GIC_CPUIF].start;
	vm->frames_size = VGIC_V2_CPUIF_SIZE;
	stage2_map(vm->stage2, vm->frames, board->gic[GIC_VCPUIF].start, PAGE, MAP_DEVICE);
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
	(void)cpu;
	mmio_write32(gicd + GICD_ISENABLER, 1u << intid);
}

static void cpu_init(struct cpu *cpu, unsigned maintenance)
{
	uint32_t control = mmio_read32(gicc + GICC_CTLR) & GICC_CTLR_BYPASS;
	unsigned i;

	cpu->gicc = gicc;
	cpu->gich = gich;
	cpu->interface = own_interface();
	cpu->kick = (uint32_t)cpu->interface << 16 | KICK_SGI;
	mmio_write32(gicc + GICC_CTLR, control);
	gic_private_off(gicd);
	for (i = 0; i < 16; i += 4)
		mmio_write32(gicd + GICD_CPENDSGIR + i, ~0u);
	for (i = 0; i < 16; i += 4)
		mmio_write32(gicc + GICC_APR + i, 0);
	mmio_write32(gicc + GICC_PMR, 0xff);
	mmio_write32(gicc + GICC_BPR, 0);
	mmio_write32(gich + GICH_HCR, 0);
	clear_all_lists(gich);
	mmio_write32(gicc + GICC_CTLR, control | GICC_CTLR_EOIMODE | GICC_CTLR_ENABLE);
	mmio_write32(gicd + GICD_ISENABLER, 1u << KICK_SGI | 1u << maintenance);
}

static void spi_setup(unsigned intid, bool edge, const struct cpu *target)
{
	gic_spi_trigger(intid, edge);
	mmio_write8(gicd + GICD_ITARGETSR + intid, target->interface);
	gic_spi_on(intid);
}

static void describe(struct vgic_config *config)
{
	uint32_t vtr = mmio_read32(gich + GICH_VTR);
	unsigned lrs = (vtr & 0x3f) + 1;

	config->version = VGIC_V2;
	config->lrs = lrs < VGIC_MAX_LRS ? lrs : VGIC_MAX_LRS;
	config->priority_bits = (vtr >> 29 & 7) + 1;
	config->preemption_bits = (vtr >> 26 & 7) + 1;
}

/*
 * QEMU's GICv2 (up to 10.0 at least), when the end of a virtual interrupt has deactivated a physical
 * one, does not look again whether that one is pending: a level that is still high is not signalled
 * before something else happens to the GIC. A write to GICD_ICACTIVER does make it look.
 */
static unsigned hwirq_flags(void)
{
	return mmio_read32(gicd + GICD_IIDR) == IIDR_QEMU ? VGIC_HWIRQ_SOFT : 0;
}

const struct gic gicv2 = {
	.name = "GICv2",
	.vectors = v2_vectors,
	.port = &v2_port,
	.sdei_port = &v2_sdei_port,
	.start = v2_vcpu_start,
	.physical_interrupts = v2_physical_interrupts,
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
