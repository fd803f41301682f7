/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Physical interrupts on their way to the library, and what the library asks of the machine
 * (struct vgic_port).
 */
#include <interface.h>
#include "hot.h"
#include "its.h"
#include "port.h"
#include "vm.h"

/* A timer says itself whether it has expired: ISTATUS, not masked, enabled. */
static inline bool timer_line(unsigned intid)
{
	uint64_t control = intid == TIMER_VIRTUAL ? read_sysreg(cntv_ctl_el0)
						  : read_sysreg(cntp_ctl_el0);

	return (control & 7) == 5;
}

/* A device's, whose VM does not run here. */
static __attribute__((noinline)) void device_elsewhere(const struct route *route)
{
	if (route->kind == ROUTE_EDGE)
		vgic_pulse(route->vm->vgic, 0, route->virq);
	else
		vgic_set_line(route->vm->vgic, 0, route->virq, true);
}

/* The hypervisor's own, and what is nobody's. */
static __attribute__((noinline)) void own_interrupt(struct cpu *cpu, struct vcpu *vcpu,
						    unsigned kind, uint64_t iar)
{
	switch (kind) {
	case ROUTE_MAINTENANCE:
		if (vcpu)
			vgic_maintenance(vcpu->vgic);
		break;
	case ROUTE_TIMER:
		COLD(cold_timer, cpu, 0, 0);
		break;
	case ROUTE_CONSOLE:
		COLD(cold_console, cpu, 0, 0);
		break;
	case ROUTE_SMMU:
		COLD(cold_smmu, 0, 0, 0);
		break;
	case ROUTE_PRIVATE: /* of who was here before, and has been told: the line takes its time to fall */
		break;
	default:
		COLD(cold_unwanted_interrupt, cpu, gic_intid(iar), 0);
		return;
	}
	gic_deactivate(cpu, iar);
}

/*
 * An LPI has no active state, so its priority drops and that is all. Where it arrives follows its vCPU
 * loosely: every LPI_FOLLOWS times somebody looks.
 */
static inline void lpi_handle(struct cpu *cpu, struct vcpu *vcpu, uint64_t intid)
{
	struct lpi *lpi = &lpis[intid - LPI_FIRST];

	gic_drop(cpu, intid);
	if (__builtin_expect(intid - LPI_FIRST >= LPI_COUNT || lpi->kind != LPI_MESSAGE, 0)) {
		COLD(cold_lpi, cpu, intid, 0);
		return;
	}
	lpi_message(lpi, vcpu && vcpu->vm == lpi->vm ? vcpu->vgic : NULL);
	if (__builtin_expect(++lpi->count % LPI_FOLLOWS == 0, 0))
		COLD(cold_lpi_follow, intid, 0, 0);
}

/*
 * With EOImode 1 the priority drops here; the deactivation of a mapped interrupt is the guest's, by
 * way of the list register, that of our own is ours. `vcpu`: who is loaded here, if anybody is.
 */
static inline void handle(struct cpu *cpu, struct vcpu *vcpu, uint64_t iar)
{
	struct route *route = &routes[iar & 0x3ff];
	unsigned kind = route->kind;

	if (GIC_LPIS && __builtin_expect(iar >= LPI_FIRST, 0)) {
		lpi_handle(cpu, vcpu, iar);
		return;
	}
	gic_drop(cpu, iar);
	if (kind >= ROUTE_LEVEL) {
		route->count++;
		if (__builtin_expect(!vcpu || vcpu->vm != route->vm, 0))
			device_elsewhere(route);
		else if (__builtin_expect(kind == ROUTE_LEVEL, 1))
			vgic_set_line_here(vcpu->vgic, 0, route->virq, true);
		else
			vgic_pulse_here(vcpu->vgic, 0, route->virq);
	} else if (kind == ROUTE_PRIVATE && vcpu && __builtin_expect(timer_line(route->virq), 1)) {
		vgic_set_line_here(vcpu->vgic, vcpu->index, route->virq, true);
	} else if (kind == ROUTE_KICK) { /* look at vgic_attention(), and at `resched` */
		isb(); /* which is not read before the kick was: partner of cpu_reschedule() */
		if (vcpu && cpu->resched)
			vgic_resettle(vcpu->vgic);
		gic_deactivate(cpu, iar);
	} else {
		own_interrupt(cpu, vcpu, kind, iar);
	}
}

void irq_handle(struct vcpu *vcpu, uint64_t iar)
{
	if (!vcpu)
		__builtin_unreachable(); /* a guest ran */
	handle(vcpu->cpu, vcpu, iar);
}

void physical_interrupts(struct cpu *cpu)
{
	uint64_t iar;

	while (!gic_spurious(gic_intid(iar = gic_acknowledge(cpu))))
		handle(cpu, cpu->vcpu && cpu->vcpu->vgic ? cpu->vcpu : NULL, iar);
	isb();
}

/* The state is read after what this is about was pushed; partner: block(), and the library's own. */
static void kick(void *host, unsigned index)
{
	struct vcpu *vcpu = ((struct vm *)host)->vcpu[index];
	enum vcpu_state state = __atomic_load_n(&vcpu->state, __ATOMIC_ACQUIRE);
	struct cpu *cpu = __atomic_load_n(&vcpu->cpu, __ATOMIC_RELAXED);

	if (__builtin_expect(state != VCPU_RUNNING, 0)) {
		if (state == VCPU_BLOCKED || state == VCPU_BLOCKING)
			COLD(cold_wake, vcpu, 0, 0);
		return;
	}
	if (cpu == this_cpu())
		return;
	this_cpu()->kicks++;
	/* What the kick is about must be visible before it: partner of the target's inbox load. */
	__asm__ volatile("dsb ishst" : : : "memory");
	gic_kick(cpu);
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

static bool hwirq_line(void *host, unsigned vcpu, struct hwirq irq)
{
	(void)host;
	(void)vcpu;
	if (irq.intid == TIMER_VIRTUAL || irq.intid == TIMER_PHYSICAL)
		return timer_line(irq.intid);
	return mmio_read32(gic_bit_register(irq, GICD_ISPENDR)) >> irq.intid % 32 & 1;
}

static void hwirq_route(void *host, struct hwirq irq, unsigned vcpu)
{
	gic_route(irq.intid,
		  __atomic_load_n(&((struct vm *)host)->vcpu[vcpu]->cpu, __ATOMIC_RELAXED));
}

/* Where the hypervisor has this part of the guest's memory; NULL: not all of it is memory. */
static inline void *guest_memory(const struct vm *vm, uint64_t at, size_t bytes)
{
	uint64_t offset = at - vm->ram;

	if (offset >= vm->ram_size || bytes > vm->ram_size - offset)
		return NULL;
	return (void *)(vm->ram_at + offset);
}

/* Entries of tables are read and written in one piece: the guest may be at them, too. */
static inline void copy(void *to, const void *from, size_t bytes)
{
	size_t i;

	if (((uint64_t)to | (uint64_t)from | bytes) & 7) {
		for (i = 0; i < bytes; i++)
			((volatile uint8_t *)to)[i] = ((const volatile uint8_t *)from)[i];
		return;
	}
	for (i = 0; i < bytes / 8; i++)
		((volatile uint64_t *)to)[i] = ((const volatile uint64_t *)from)[i];
}

static bool guest_read(void *host, uint64_t at, void *to, size_t bytes)
{
	const void *from = guest_memory(host, at, bytes);

	if (from)
		copy(to, from, bytes);
	return from;
}

static bool guest_write(void *host, uint64_t at, const void *from, size_t bytes)
{
	void *to = guest_memory(host, at, bytes);

	if (to)
		copy(to, from, bytes);
	return to;
}

static void lpi_invalidated(void *host, unsigned vcpu, virq_t lpi)
{
	struct vm *vm = host;

	if (vm->direct)
		COLD(cold_direct_invalidated, vm, vcpu, lpi);
}

const struct vgic_port port = {
	.diverted = sdei_diverted,
	.kick = kick,
	.hwirq_set_active = hwirq_set_active,
	.hwirq_clear_pending = hwirq_clear_pending,
	.hwirq_line = hwirq_line,
	.hwirq_route = hwirq_route,
	.guest_read = guest_read,
	.guest_write = guest_write,
	.lpi_invalidated = lpi_invalidated,
};

/* --- Of the virtual ITS: direct injection. ------------------------------------------------------------ */

static bool vlpi_map(void *host, uint16_t route, unsigned vcpu, virq_t lpi)
{
	return COLD(cold_vlpi_map, host, route, (uint64_t)vcpu << 32 | lpi).value;
}

static bool vlpi_unmap(void *host, uint16_t route)
{
	return COLD(cold_vlpi_unmap, host, route, 0).value;
}

static void vlpi_discard(void *host, uint16_t route)
{
	COLD(cold_vlpi_discard, host, route, 0);
}

static void vlpi_move(void *host, uint16_t route, unsigned vcpu)
{
	COLD(cold_vlpi_move, host, route, vcpu);
}

static void vlpi_set(void *host, uint16_t route)
{
	COLD(cold_vlpi_set, host, route, 0);
}

static void vlpi_clear(void *host, uint16_t route)
{
	COLD(cold_vlpi_clear, host, route, 0);
}

static void vlpi_configure(void *host, uint16_t route, virq_t lpi, uint8_t property)
{
	COLD(cold_vlpi_configure, host, route | (uint64_t)property << 16, lpi);
}

static bool vlpis_settled(void *host)
{
	const struct vm *vm = host;

	return !vm->direct || COLD(cold_vlpis_settled, host, 0, 0).value;
}

const struct vits_port its_port = {
	.vlpi_map = vlpi_map,
	.vlpi_unmap = vlpi_unmap,
	.vlpi_discard = vlpi_discard,
	.vlpi_move = vlpi_move,
	.vlpi_set = vlpi_set,
	.vlpi_clear = vlpi_clear,
	.vlpi_configure = vlpi_configure,
	.vlpis_settled = vlpis_settled,
};
