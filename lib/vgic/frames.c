/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The distributor's and redistributors' frames: which register is where, and the registers that
 * are not made of bits for each interrupt. Decoding is one look-up by offset / 128, since no two
 * kinds of register share 128 bytes. IHI 0069 12.8 to 12.11.
 */
#include "internal.h"

#define PAGE(offset) ((offset) >> 7)

/* Kinds of register that are the distributor's own, then the redistributor's. */
enum {
	REG_GICD_CONTROL = REG_OWN, /* 0x0000: CTLR, TYPER, IIDR, TYPER2, STATUSR */
	REG_GICD_IROUTER,
	REG_GICR_CONTROL, /* 0x0000 of RD_base: CTLR, IIDR, TYPER, STATUSR, WAKER */
	REG_ID,		  /* 0xff80: PIDR, CIDR */
};

#define CTLR_GROUPS 3u
#define CTLR_ARE (1u << 4)
#define CTLR_DS (1u << 6)
#define CTLR_RWP (1u << 31)

#define IIDR 0x0400043bu /* implementer Arm (0x43b), product 4: "Carillon", revision 0 */
#define PIDR2_ARCHREV3 0x3bu

/* The part of a 64-bit register that an access of 4 or 8 bytes asks for. */
static uint64_t part(const struct access *access, uint64_t value)
{
	if (access->bytes == 8)
		return value;
	return (uint32_t)(value >> 8 * (access->offset & 4));
}

/* --- Distributor -------------------------------------------------------------------------------- */

static uint64_t gicd_typer(const struct vgic *vgic)
{
	uint32_t lines = (vgic->config.spis + PRIVATE_IRQS + 31) / 32 - 1;

	/* IDbits: INTIDs of 10 bits; A3V: IROUTER has Aff3; No1N = 0: IRM works. */
	return lines | 9u << 19 | 1u << 24;
}

static enum vgic_result read_gicd_control(struct access *access, uint64_t *value)
{
	struct vgic *vgic = access->vgic;

	switch (access->offset) {
	case 0x0: /* CTLR. acquire: with RWP clear, what it waited for has happened. */
		*value = load_relaxed(&vgic->groups) | CTLR_ARE | CTLR_DS |
			 (__atomic_load_n(&vgic->rwp, __ATOMIC_ACQUIRE) ? CTLR_RWP : 0);
		break;
	case 0x4:
		*value = gicd_typer(vgic);
		break;
	case 0x8:
		*value = IIDR;
		break;
	}
	return VGIC_DONE;
}

static enum vgic_result write_gicd_control(struct access *access, uint64_t value)
{
	struct vgic *vgic = access->vgic;
	uint32_t groups = (uint32_t)value & CTLR_GROUPS;

	if (access->offset != 0 ||
	    __atomic_exchange_n(&vgic->groups, groups, __ATOMIC_RELAXED) == groups)
		return VGIC_DONE;
	for (unsigned i = 0; i < vgic->config.vcpus; i++)
		vcpu_resettle(&vgic->vcpus[i], access->self);
	return VGIC_DONE;
}

#define IROUTER_IRM (1ull << 31)
#define IROUTER_BITS (0xffull << 32 | IROUTER_IRM | 0xffffffu)

static enum vgic_result read_irouter(struct access *access, uint64_t *value)
{
	if (access->n)
		*value = part(access, load_relaxed(&access->irqs->route) & IROUTER_BITS);
	return VGIC_DONE;
}

/* "Any one participating PE" is the one that asks for it: it runs. */
static unsigned target_of(const struct access *access, uint64_t route)
{
	int vcpu = vgic_vcpu_of_mpidr(access->vgic, route & ~IROUTER_IRM);

	if (route & IROUTER_IRM)
		return access->self->index;
	return vcpu < 0 ? TARGET_NONE : (unsigned)vcpu;
}

static enum vgic_result write_irouter(struct access *access, uint64_t value)
{
	struct vgic *vgic = access->vgic;
	struct vgic_irq *irq = access->irqs;
	unsigned shift = 8 * (access->offset & 7);
	uint64_t mask = access->bytes == 8 ? IROUTER_BITS : 0xffffffffull << shift & IROUTER_BITS;
	uint64_t route;
	unsigned target;

	if (!access->n)
		return VGIC_DONE;
	route = load_relaxed(&irq->route);
	while (!__atomic_compare_exchange_n(&irq->route, &route,
					    (route & ~mask) | (value << shift & mask), true,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
	/* Two vCPUs may write at once: the last target written is that of the last route. */
	do {
		route = load_relaxed(&irq->route);
		target = target_of(access, route & IROUTER_BITS);
		irq_change(vgic, access->self, irq, W_TARGET, target);
		if (irq_hwirq(irq) && vgic->port.hwirq_route && target != TARGET_NONE)
			vgic->port.hwirq_route(vgic->host, hwirq_of(irq), target);
	} while (load_relaxed(&irq->route) != route);
	return VGIC_DONE;
}

/* --- Redistributor ------------------------------------------------------------------------------ */

static uint64_t gicr_typer(const struct access *access)
{
	const struct vgic *vgic = access->vgic;
	unsigned index = access->owner->index;
	uint64_t mpidr = vgic_mpidr(vgic, index);
	uint64_t affinity = (mpidr & 0xffffff) | (mpidr >> 32 & 0xff) << 24;
	uint64_t last = index + 1 == vgic->config.vcpus;

	return affinity << 32 | (uint64_t)index << 8 | last << 4;
}

static enum vgic_result read_gicr_control(struct access *access, uint64_t *value)
{
	struct vgic_vcpu *owner = access->owner;

	if (access->bytes == 8 && access->offset != 0x8)
		return VGIC_DONE; /* only TYPER is a register of 64 bits */
	switch (access->offset) {
	case 0x0: /* CTLR.RWP; acquire as for GICD_CTLR */
		*value = __atomic_load_n(&owner->rwp, __ATOMIC_ACQUIRE) ? 1u << 3 : 0;
		break;
	case 0x4:
		*value = IIDR;
		break;
	case 0x8:
	case 0xc:
		*value = part(access, gicr_typer(access));
		break;
	case 0x14: /* WAKER: ChildrenAsleep follows ProcessorSleep at once */
		*value = load_relaxed(&owner->asleep) ? 6 : 0;
		break;
	}
	return VGIC_DONE;
}

static enum vgic_result write_gicr_control(struct access *access, uint64_t value)
{
	struct vgic_vcpu *owner = access->owner;
	bool asleep = value & 2;

	if (access->offset == 0x14 &&
	    __atomic_exchange_n(&owner->asleep, asleep, __ATOMIC_RELAXED) != asleep)
		vcpu_resettle(owner, access->self);
	return VGIC_DONE;
}

/* --- Identification, alike in all frames -------------------------------------------------------- */

static enum vgic_result read_id(struct access *access, uint64_t *value)
{
	static const uint8_t id[16] = {
		0x04, 0, 0, 0,			      /* PIDR4 to PIDR7 */
		0x92, 0xb4, PIDR2_ARCHREV3, 0,	      /* PIDR0 to PIDR3 */
		0x0d, 0xf0, 0x05, 0xb1,		      /* CIDR0 to CIDR3 */
	};

	if (access->offset >= 0xffd0)
		*value = id[(access->offset - 0xffd0) / 4];
	return VGIC_DONE;
}

static enum vgic_result write_ignored(struct access *access, uint64_t value)
{
	(void)access;
	(void)value;
	return VGIC_DONE;
}

/* --- Maps --------------------------------------------------------------------------------------- */

static const struct reg own_regs[] = {
	[REG_GICD_CONTROL - REG_OWN] = { 4, 0, read_gicd_control, write_gicd_control },
	[REG_GICD_IROUTER - REG_OWN] = { 4 | 8, 64, read_irouter, write_irouter },
	[REG_GICR_CONTROL - REG_OWN] = { 4 | 8, 0, read_gicr_control, write_gicr_control },
	[REG_ID - REG_OWN] = { 4, 0, read_id, write_ignored },
};

static const uint8_t dist_map[PAGE(VGIC_DIST_SIZE)] = {
	[PAGE(0x0000)] = REG_GICD_CONTROL,
	[PAGE(0x0080)] = REG_IGROUPR,
	[PAGE(0x0100)] = REG_ISENABLER,
	[PAGE(0x0180)] = REG_ICENABLER,
	[PAGE(0x0200)] = REG_ISPENDR,
	[PAGE(0x0280)] = REG_ICPENDR,
	[PAGE(0x0300)] = REG_ISACTIVER,
	[PAGE(0x0380)] = REG_ICACTIVER,
	[PAGE(0x0400) ... PAGE(0x07ff)] = REG_IPRIORITYR,
	[PAGE(0x0c00) ... PAGE(0x0cff)] = REG_ICFGR,
	[PAGE(0x6000) ... PAGE(0x7fff)] = REG_GICD_IROUTER,
	[PAGE(0xff80)] = REG_ID,
};

static const uint8_t redist_map[PAGE(VGIC_REDIST_STRIDE)] = {
	[PAGE(0x00000)] = REG_GICR_CONTROL,
	[PAGE(0x0ff80)] = REG_ID,
	[PAGE(0x10080)] = REG_IGROUPR,
	[PAGE(0x10100)] = REG_ISENABLER,
	[PAGE(0x10180)] = REG_ICENABLER,
	[PAGE(0x10200)] = REG_ISPENDR,
	[PAGE(0x10280)] = REG_ICPENDR,
	[PAGE(0x10300)] = REG_ISACTIVER,
	[PAGE(0x10380)] = REG_ICACTIVER,
	[PAGE(0x10400) ... PAGE(0x1047f)] = REG_IPRIORITYR,
	[PAGE(0x10c00) ... PAGE(0x10c7f)] = REG_ICFGR,
};

/* Where the registers of these kinds start in the distributor's map; the same plus 64K in GICR's. */
static const uint16_t reg_base[REG_OWN] = {
	[REG_IGROUPR] = 0x080,	 [REG_ISENABLER] = 0x100, [REG_ICENABLER] = 0x180,
	[REG_ISPENDR] = 0x200,	 [REG_ICPENDR] = 0x280,	  [REG_ISACTIVER] = 0x300,
	[REG_ICACTIVER] = 0x380, [REG_IPRIORITYR] = 0x400, [REG_ICFGR] = 0xc00,
};

/*
 * Which interrupts an access touches: of `total` from INTID `base` on, whose first is `irqs`.
 * Distributor registers for INTIDs below 32 have none: affinity routing is on.
 */
static void bind_irqs(struct access *access, struct vgic_irq *irqs, uint32_t base, uint32_t total,
		      uint32_t byte, unsigned bits)
{
	uint32_t first = byte * 8 / bits, n = access->bytes * 8 / bits;

	access->n = 0;
	if (!n)
		n = 1; /* half of an IROUTER */
	if (first < base || first - base >= total)
		return;
	access->irqs = irqs + (first - base);
	access->n = n < total - (first - base) ? n : total - (first - base);
}

static const struct reg no_reg;

static const struct reg *find(uint8_t kind)
{
	if (kind == REG_RESERVED)
		return &no_reg;
	return kind < REG_OWN ? &reg_per_irq[kind] : &own_regs[kind - REG_OWN];
}

static const struct reg *decode_dist(struct access *access)
{
	struct vgic *vgic = access->vgic;
	uint32_t offset = access->offset;
	uint8_t kind;
	const struct reg *reg;

	if (offset >= VGIC_DIST_SIZE || (offset & (access->bytes - 1)))
		return &no_reg;
	kind = dist_map[PAGE(offset)];
	reg = find(kind);
	if (reg->bits)
		bind_irqs(access, vgic->shared, PRIVATE_IRQS, vgic->config.spis,
			  kind < REG_OWN ? offset - reg_base[kind] : offset - 0x6000, reg->bits);
	return reg;
}

static const struct reg *decode_redist(struct access *access, uint32_t offset)
{
	struct vgic *vgic = access->vgic;
	uint32_t index = offset / VGIC_REDIST_STRIDE;
	uint8_t kind;
	const struct reg *reg;

	access->offset = offset % VGIC_REDIST_STRIDE;
	if (index >= vgic->config.vcpus || (offset & (access->bytes - 1)))
		return &no_reg;
	access->owner = &vgic->vcpus[index];
	kind = redist_map[PAGE(access->offset)];
	reg = find(kind);
	if (reg->bits)
		bind_irqs(access, access->owner->private, 0, PRIVATE_IRQS,
			  access->offset - 0x10000 - reg_base[kind], reg->bits);
	return reg;
}

/* Not a register, or not of this width: RAZ/WI. */
static bool defined(struct access *access, const struct reg *reg)
{
	if (reg->widths & access->bytes)
		return true;
	count(&access->self->stats.guest_errors);
	return false;
}

enum vgic_result vgic_dist_read(struct vgic_cpu *cpu, uint32_t offset, unsigned bytes,
				uint64_t *value)
{
	struct vgic_vcpu *self = vcpu_of(cpu);
	struct access access = {
		.vgic = self->vgic, .self = self, .bytes = bytes, .offset = offset
	};
	const struct reg *reg = decode_dist(&access);

	*value = 0;
	return defined(&access, reg) ? reg->read(&access, value) : VGIC_DONE;
}

enum vgic_result vgic_dist_write(struct vgic_cpu *cpu, uint32_t offset, unsigned bytes,
				 uint64_t value)
{
	struct vgic_vcpu *self = vcpu_of(cpu);
	struct access access = {
		.vgic = self->vgic, .self = self, .bytes = bytes, .offset = offset
	};
	const struct reg *reg = decode_dist(&access);

	return defined(&access, reg) ? reg->write(&access, value) : VGIC_DONE;
}

enum vgic_result vgic_redist_read(struct vgic_cpu *cpu, uint32_t offset, unsigned bytes,
				  uint64_t *value)
{
	struct vgic_vcpu *self = vcpu_of(cpu);
	struct access access = { .vgic = self->vgic, .self = self, .bytes = bytes };
	const struct reg *reg = decode_redist(&access, offset);

	*value = 0;
	return defined(&access, reg) ? reg->read(&access, value) : VGIC_DONE;
}

enum vgic_result vgic_redist_write(struct vgic_cpu *cpu, uint32_t offset, unsigned bytes,
				   uint64_t value)
{
	struct vgic_vcpu *self = vcpu_of(cpu);
	struct access access = { .vgic = self->vgic, .self = self, .bytes = bytes };
	const struct reg *reg = decode_redist(&access, offset);

	return defined(&access, reg) ? reg->write(&access, value) : VGIC_DONE;
}
