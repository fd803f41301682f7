/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Physical interrupts on their way to the library, and what the library asks of the machine
 * (struct vgic_port). vCPU n runs on physical CPU n.
 */
#include "gic.h"
#include "hot.h"
#include "port.h"
#include "vm.h"

#define ICC_EOIR1_EL1 S3_0_C12_C12_1
#define ICC_DIR_EL1   S3_0_C12_C11_1
#define ICC_IAR1_EL1  S3_0_C12_C12_0
#define ICC_SGI1R_EL1 S3_0_C12_C11_5

/*
 * With EOImode 1 the priority drops here; the deactivation of a mapped interrupt is the guest's, by
 * way of the list register, that of our own is ours.
 */
static inline void handle(struct cpu *cpu, struct vgic_cpu *here, uint64_t iar)
{
	const struct route *route = &vm.route[iar & 0x3ff];

	write_sysreg(ICC_EOIR1_EL1, iar);
	switch (route->kind) {
	case ROUTE_LEVEL:
		if (here)
			vgic_set_line_here(here, cpu->index, route->virq, true);
		else
			vgic_set_line(vm.vgic, cpu->index, route->virq, true);
		break;
	case ROUTE_EDGE:
		if (here)
			vgic_pulse_here(here, cpu->index, route->virq);
		else
			vgic_pulse(vm.vgic, cpu->index, route->virq);
		break;
	case ROUTE_KICK: /* it says only: look at vgic_attention() */
		write_sysreg(ICC_DIR_EL1, iar);
		break;
	case ROUTE_MAINTENANCE:
		if (here)
			vgic_maintenance(here);
		write_sysreg(ICC_DIR_EL1, iar);
		break;
	default:
		COLD(cold_unwanted_interrupt, cpu, iar, 0);
		break;
	}
}

void irq_handle(struct cpu *cpu, uint64_t iar)
{
	struct vgic_cpu *here = cpu->vgic;

	if (!here)
		__builtin_unreachable(); /* a guest ran */
	handle(cpu, here, iar);
}

/* Its vCPU may be off: then nobody is here. */
void physical_interrupts(struct cpu *cpu)
{
	uint64_t iar;

	while ((iar = read_sysreg(ICC_IAR1_EL1)) < 1020)
		handle(cpu, cpu->vgic, iar);
	isb();
}

static void kick(void *host, unsigned vcpu)
{
	struct cpu *target = cpus[vcpu];

	(void)host;
	if (target == this_cpu())
		return;
	/* What the kick is about must be visible before it: partner of the target's inbox load. */
	__asm__ volatile("dsb ishst" : : : "memory");
	write_sysreg(ICC_SGI1R_EL1, target->kick);
	isb();
}

/* Where the registers with one bit per interrupt are for this one: a redistributor's or GICD's. */
static uint8_t *bit_register(struct hwirq irq, unsigned offset)
{
	if (irq.intid < 32)
		return (uint8_t *)this_cpu()->redist + offset;
	return gicd + offset + irq.intid / 32 * 4;
}

static void hwirq_set_active(void *host, unsigned vcpu, struct hwirq irq, bool active)
{
	uint8_t *at = bit_register(irq, active ? GICD_ISACTIVER : GICD_ICACTIVER);

	(void)host;
	(void)vcpu;
	/* The line's new value, already published, comes before: partner of a re-fire elsewhere. */
	__asm__ volatile("dsb ish" : : : "memory");
	mmio_write32(at, 1u << irq.intid % 32);
}

static void hwirq_clear_pending(void *host, unsigned vcpu, struct hwirq irq)
{
	(void)host;
	(void)vcpu;
	mmio_write32(bit_register(irq, GICD_ICPENDR), 1u << irq.intid % 32);
}

/* A timer says itself whether it has expired: ISTATUS, not masked, enabled. */
static bool timer_line(uint64_t control)
{
	return (control & 7) == 5;
}

static bool hwirq_line(void *host, unsigned vcpu, struct hwirq irq)
{
	(void)host;
	(void)vcpu;
	if (irq.intid == 27)
		return timer_line(read_sysreg(cntv_ctl_el0));
	if (irq.intid == 30)
		return timer_line(read_sysreg(cntp_ctl_el0));
	return mmio_read32(bit_register(irq, GICD_ISPENDR)) >> irq.intid % 32 & 1;
}

static void hwirq_route(void *host, struct hwirq irq, unsigned vcpu)
{
	(void)host;
	mmio_write64(gicd + GICD_IROUTER + irq.intid * 8, cpus[vcpu]->mpidr);
}

const struct vgic_port port = {
	.kick = kick,
	.hwirq_set_active = hwirq_set_active,
	.hwirq_clear_pending = hwirq_clear_pending,
	.hwirq_line = hwirq_line,
	.hwirq_route = hwirq_route,
};
