/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Physical interrupts on their way to the library, and what the library asks of the machine
 * (struct vgic_port). vCPU n runs on physical CPU n.
 */
#include <interface.h>
#include "hot.h"
#include "port.h"
#include "vm.h"

/*
 * With EOImode 1 the priority drops here; the deactivation of a mapped interrupt is the guest's, by
 * way of the list register, that of our own is ours.
 */
static inline void handle(struct cpu *cpu, struct vgic_cpu *here, uint64_t iar)
{
	const struct route *route = &vm.route[iar & 0x3ff];

	gic_drop(cpu, iar);
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
		gic_deactivate(cpu, iar);
		break;
	case ROUTE_MAINTENANCE:
		if (here)
			vgic_maintenance(here);
		gic_deactivate(cpu, iar);
		break;
	default:
		COLD(cold_unwanted_interrupt, cpu, gic_intid(iar), 0);
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

	while (gic_intid(iar = gic_acknowledge(cpu)) < 1020)
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
	gic_kick(target);
}

static void hwirq_set_active(void *host, unsigned vcpu, struct hwirq irq, bool active)
{
	uint8_t *at = gic_bit_register(irq, active ? GICD_ISACTIVER : GICD_ICACTIVER);

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
	mmio_write32(gic_bit_register(irq, GICD_ICPENDR), 1u << irq.intid % 32);
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
	return mmio_read32(gic_bit_register(irq, GICD_ISPENDR)) >> irq.intid % 32 & 1;
}

static void hwirq_route(void *host, struct hwirq irq, unsigned vcpu)
{
	(void)host;
	gic_route(irq.intid, cpus[vcpu]);
}

const struct vgic_port port = {
	.kick = kick,
	.hwirq_set_active = hwirq_set_active,
	.hwirq_clear_pending = hwirq_clear_pending,
	.hwirq_line = hwirq_line,
	.hwirq_route = hwirq_route,
};
