/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What only a GICv2 has (IHI 0048 4.3 and 4.4): processor targets, SGIs with sources, and the CPU
 * interface as registers in memory. There is no RWP: what a write withdrew from a running vCPU is
 * gone when the register is read back, so that read waits.
 */
#include "internal.h"

#define SGIR       0xf00
#define CPENDSGIR  0xf10
#define SPENDSGIR  0xf20
#define SGI_END    0xf30
#define GICC_DIR   0x1000
#define TARGETS(w) ((w)&0xff)

/* --- Distributor -------------------------------------------------------------------------------- */

enum vgic_result read_v2_control(struct access *access, uint64_t *value)
{
	struct vgic *vgic = access->vgic;

	switch (access->offset) {
	case 0x0: /* CTLR. acquire: what it disabled has left the list registers */
		if (__atomic_load_n(&vgic->rwp, __ATOMIC_ACQUIRE))
			return VGIC_AGAIN;
		*value = load_relaxed(&vgic->groups);
		break;
	case 0x4: /* TYPER: lines, CPU interfaces; no Security Extensions */
		*value = (vgic->config.spis + PRIVATE_IRQS + 31u) / 32 - 1;
		*value |= (vgic->config.vcpus - 1u) << 5;
		break;
	case 0x8:
		*value = GIC_IIDR;
		break;
	}
	return VGIC_DONE;
}

enum vgic_result write_v2_control(struct access *access, uint64_t value)
{
	if (access->offset == 0)
		set_groups(access, (uint32_t)value & 3);
	return VGIC_DONE;
}

/* Those that were disabled and are still in a list register are waited for. */
enum vgic_result read_v2_enable(struct access *access, uint64_t *value)
{
	uint32_t leaving = 0;

	for (unsigned i = 0; i < access->n; i++)
		if ((word_load(&access->irqs[i]) & (W_ENABLED | W_IN_LR)) == W_IN_LR)
			leaving |= 1u << i;
	if (settle_truth(access, leaving) == VGIC_AGAIN)
		return VGIC_AGAIN;
	return read_enable(access, value);
}

/* A private interrupt's is whoever reads it; with one CPU, there is nothing to choose: RAZ/WI. */
enum vgic_result read_targets(struct access *access, uint64_t *value)
{
	if (access->vgic->config.vcpus == 1)
		return VGIC_DONE;
	for (unsigned i = 0; i < access->n; i++) {
		uint64_t targets = access->owner ? 1u << access->owner->index
						 : TARGETS(load_relaxed(&access->irqs[i].route));

		*value |= targets << 8 * i;
	}
	return VGIC_DONE;
}

/* Of several targets it may be any one: the lowest. */
static unsigned target_of(uint64_t route)
{
	return TARGETS(route) ? (unsigned)__builtin_ctz((uint32_t)TARGETS(route)) : TARGET_NONE;
}

static void write_target(struct access *access, struct vgic_irq *irq, uint64_t targets)
{
	struct vgic *vgic = access->vgic;
	uint64_t route = load_relaxed(&irq->route);
	unsigned target;

	while (!__atomic_compare_exchange_n(&irq->route, &route, (route & ~0xffull) | targets, true,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
	/* As in write_irouter(): the last target written is that of the last route. */
	do {
		route = load_relaxed(&irq->route);
		target = target_of(route);
		irq_change(vgic, access->self, irq, W_TARGET, target);
		if (irq_hwirq(irq) && vgic->port.hwirq_route && target != TARGET_NONE)
			vgic->port.hwirq_route(vgic->host, hwirq_of(irq), target);
	} while (TARGETS(load_relaxed(&irq->route)) != TARGETS(route));
}

enum vgic_result write_targets(struct access *access, uint64_t value)
{
	uint64_t present = (1u << access->vgic->config.vcpus) - 1;

	if (access->owner || present == 1)
		return VGIC_DONE;
	for (unsigned i = 0; i < access->n; i++, value >>= 8)
		write_target(access, &access->irqs[i], value & present);
	return VGIC_DONE;
}

/* --- SGIs --------------------------------------------------------------------------------------- */

/* IHI 0048 4.3.15. The filter's fourth value is reserved, and sends nothing. */
static void send_sgis(struct vgic_vcpu *self, uint32_t value)
{
	struct vgic *vgic = self->vgic;
	uint32_t present = (1u << vgic->config.vcpus) - 1, me = 1u << self->index;
	const uint32_t targets[4] = { value >> 16 & 0xff, ~me, me, 0 };

	for (uint32_t to = targets[value >> 24 & 3] & present; to; to &= to - 1) {
		struct vgic_vcpu *target = &vgic->vcpus[__builtin_ctz(to)];

		irq_change(vgic, self, &target->private[value & 0xf], 0,
			   W_LATCH | 1ull << (W_SOURCE_SHIFT + self->index));
	}
}

/* The SGIs of an access to CPENDSGIR or SPENDSGIR: a byte each. */
static void sgis_of(struct access *access)
{
	access->owner = access->self;
	access->irqs = &access->self->private[access->offset & 0xf];
	access->n = access->bytes;
}

enum vgic_result read_sgi_pending(struct access *access, uint64_t *value)
{
	if (access->offset < CPENDSGIR || access->offset >= SGI_END)
		return VGIC_DONE;
	sgis_of(access);
	if (settle_truth(access, (1u << access->n) - 1) == VGIC_AGAIN)
		return VGIC_AGAIN;
	for (unsigned i = 0; i < access->n; i++) {
		uint64_t w = word_load(&access->irqs[i]), sources = word_sources(w);

		if ((w & (W_LR_PENDING | W_RETRACT)) == W_LR_PENDING)
			sources |= 1u << word_cpuid(w);
		*value |= sources << 8 * i;
	}
	return VGIC_DONE;
}

static void set_sources(struct access *access, struct vgic_irq *irq, uint64_t sources)
{
	irq_change(access->vgic, access->self, irq, 0, W_LATCH | sources << W_SOURCE_SHIFT);
}

/* Of the vCPU that writes: it is in no live list register. */
static void clear_sources(struct access *access, struct vgic_irq *irq, uint64_t sources)
{
	uint64_t old = word_load(irq), now;

	do {
		now = old & ~(sources << W_SOURCE_SHIFT);
		if (!(now & W_SOURCES))
			now &= ~W_LATCH;
		if (now != old && word_needs_look(now))
			now |= W_QUEUED;
	} while (!word_cas(irq, &old, now));
	if ((now & ~old) & W_QUEUED)
		irq_post(access->vgic, access->self, irq, now);
}

enum vgic_result write_sgi_control(struct access *access, uint64_t value)
{
	bool set = access->offset >= SPENDSGIR;
	uint64_t present = (1u << access->vgic->config.vcpus) - 1;

	if (access->offset == SGIR && access->bytes == 4)
		send_sgis(access->self, (uint32_t)value);
	if (access->offset < CPENDSGIR || access->offset >= SGI_END)
		return VGIC_DONE;
	sgis_of(access);
	if (!set && settle_truth(access, (1u << access->n) - 1) == VGIC_AGAIN)
		return VGIC_AGAIN;
	for (unsigned i = 0; i < access->n; i++, value >>= 8) {
		if (set && (value & present))
			set_sources(access, &access->irqs[i], value & present);
		else if (!set && (value & 0xff))
			clear_sources(access, &access->irqs[i], value & 0xff);
	}
	return VGIC_DONE;
}

/* --- CPU interface ------------------------------------------------------------------------------ */

enum vgic_result vgic_cpuif_read(struct vgic_cpu *cpu, uint32_t offset, unsigned bytes,
				 uint64_t *value)
{
	(void)cpu;
	(void)offset;
	(void)bytes;
	*value = 0;
	return VGIC_DONE;
}

/* GICC_DIR: the INTID, and the source of an SGI above it. */
enum vgic_result vgic_cpuif_write(struct vgic_cpu *cpu, uint32_t offset, unsigned bytes,
				  uint64_t value)
{
	struct vgic_vcpu *self = vcpu_of(cpu);

	if (offset == GICC_DIR && bytes == 4 && IS_V2(self->vgic))
		return irq_deactivate(self, (virq_t)value & 0x3ff, (unsigned)value >> 10 & 7);
	count(&self->stats.guest_errors);
	return VGIC_DONE;
}
