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
#define TARGETS(w) ((w)&0xff)

/* --- Distributor -------------------------------------------------------------------------------- */

/* Is there a vCPU that runs with the group enables of before? At most eight to look at. */
static bool groups_unsettled(const struct vgic *vgic)
{
	for (unsigned i = 0; i < vgic->config.vcpus; i++) {
		const struct vgic_vcpu *vcpu = &vgic->vcpus[i];

		/* acquire: its list registers were folded before it says that it is outside */
		if ((load_relaxed(&vcpu->cpu.resettle) & RESETTLE_COUNTED) &&
		    __atomic_load_n(&vcpu->mode, __ATOMIC_ACQUIRE) == MODE_RUNNING)
			return true;
	}
	return false;
}

enum vgic_result read_v2_control(struct access *access, uint64_t *value)
{
	struct vgic *vgic = access->vgic;

	switch (access->offset) {
	case 0x0: /* CTLR */
		if (groups_unsettled(vgic))
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
unsigned v2_target(uint64_t route)
{
	return TARGETS(route) ? (unsigned)__builtin_ctz((uint32_t)TARGETS(route)) : TARGET_NONE;
}

enum vgic_result write_targets(struct access *access, uint64_t value)
{
	uint64_t present = (1u << access->vgic->config.vcpus) - 1;

	if (access->owner || present == 1)
		return VGIC_DONE;
	for (unsigned i = 0; i < access->n; i++, value >>= 8)
		set_route(access, &access->irqs[i], 0xff, value & present);
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
	for (unsigned i = 0; i < access->n; i++)
		*value |= (uint64_t)word_sources(word_load(&access->irqs[i])) << 8 * i;
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

#define GICC_CTLR   0x00
#define GICC_PMR    0x04
#define GICC_BPR    0x08
#define GICC_IAR    0x0c
#define GICC_EOIR   0x10
#define GICC_RPR    0x14
#define GICC_HPPIR  0x18
#define GICC_ABPR   0x1c
#define GICC_AIAR   0x20
#define GICC_AEOIR  0x24
#define GICC_AHPPIR 0x28
#define GICC_APR    0xd0
#define GICC_IIDR   0xfc
#define GICC_DIR    0x1000

#define GICC_IIDR_V2 0x0002043bu /* product 0, GICv2, revision 0, Arm */

/* GICC_CTLR's fields are where GICH_VMCR has them. */
#define CTLR_BITS (VMCR_VENG0 | VMCR_VENG1 | VMCR_VACKCTL | VMCR_VFIQEN | VMCR_VCBPR | VMCR_VEOIM)

#define GROUP0     1u
#define GROUP1     2u
#define OF_GROUP_1 1022u /* there is one, but of group 1, and AckCtl does not let it through */

/* GICC_IAR, GICC_HPPIR: of group 0, and with AckCtl of any. */
static virq_t of_either(struct vgic_vcpu *self, virq_t (*take)(struct vgic_vcpu *, unsigned),
			struct offer offer)
{
	if (self->vmcr & VMCR_VACKCTL)
		return take(self, GROUP0 | GROUP1);
	if (offer.irq && offer.group == 1)
		return OF_GROUP_1;
	return take(self, GROUP0);
}

static uint64_t read_gicc(struct vgic_vcpu *self, uint32_t offset)
{
	switch (offset) {
	case GICC_CTLR:
		return self->vmcr & CTLR_BITS;
	case GICC_PMR:
		return VMCR_VPMR(self->vmcr);
	case GICC_BPR:
		return VMCR_VBPR0(self->vmcr);
	case GICC_IAR:
		soft_look(self);
		return of_either(self, soft_acknowledge, vcpu_signalled(self));
	case GICC_RPR:
		return vcpu_running_priority(self);
	case GICC_HPPIR:
		soft_look(self);
		return of_either(self, soft_highest, vcpu_best(self));
	case GICC_ABPR: /* kept while CBPR is set, and without effect */
		return VMCR_VBPR1(self->vmcr);
	case GICC_AIAR:
		return soft_acknowledge(self, GROUP1);
	case GICC_AHPPIR:
		return soft_highest(self, GROUP1);
	case GICC_APR:
		return self->ap0r[0] | self->ap1r[0];
	case GICC_IIDR:
		return GICC_IIDR_V2;
	}
	return 0;
}

static void write_gicc(struct vgic_vcpu *self, uint32_t offset, uint64_t value)
{
	switch (offset) {
	case GICC_CTLR:
		soft_set_bits(self, CTLR_BITS, (uint32_t)value);
		break;
	case GICC_PMR:
		soft_set_pmr(self, value);
		break;
	case GICC_BPR:
		soft_set_bpr(self, 0, value);
		break;
	case GICC_ABPR:
		soft_set_bpr(self, 1, value);
		break;
	case GICC_EOIR:
	case GICC_AEOIR:
		soft_end(self, (virq_t)value & 0x3ff, (unsigned)value >> 10 & 7);
		break;
	case GICC_APR:
		self->ap0r[0] = (uint32_t)value;
		self->ap1r[0] = 0;
		break;
	}
}

/* Words; in a page that hardware has otherwise, nothing. */
static bool gicc_access(struct vgic_vcpu *self, uint32_t offset, unsigned bytes)
{
	if (IS_V2(self->vgic) && bytes == 4 && offset % 4 == 0 && offset < VGIC_V2_CPUIF_SIZE)
		return true;
	count(&self->stats.guest_errors);
	return false;
}

enum vgic_result vgic_cpuif_read(struct vgic_cpu *cpu, uint32_t offset, unsigned bytes,
				 uint64_t *value)
{
	struct vgic_vcpu *self = vcpu_of(cpu);

	*value = 0;
	if (gicc_access(self, offset, bytes) && !HAS_LRS(self->vgic))
		*value = read_gicc(self, offset);
	return VGIC_DONE;
}

/* GICC_DIR has the INTID, and the source of an SGI above it. */
enum vgic_result vgic_cpuif_write(struct vgic_cpu *cpu, uint32_t offset, unsigned bytes,
				  uint64_t value)
{
	struct vgic_vcpu *self = vcpu_of(cpu);

	if (!gicc_access(self, offset, bytes))
		return VGIC_DONE;
	if (offset == GICC_DIR)
		return irq_deactivate(self, (virq_t)value & 0x3ff, (unsigned)value >> 10 & 7);
	if (!HAS_LRS(self->vgic))
		write_gicc(self, offset, value);
	return VGIC_DONE;
}
