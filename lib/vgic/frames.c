/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The distributor's and redistributors' frames: which register is where, and the registers that
 * are not made of bits for each interrupt. Decoding is one look-up by offset / 128, since no two
 * kinds of register share 128 bytes. IHI 0069 12.8 to 12.11, IHI 0048 4.3. What only a GICv2 has is
 * in v2.c.
 */
#include "internal.h"

#define PAGE(offset) ((offset) >> 7)

#define CTLR_GROUPS 3u
#define CTLR_ARE    (1u << 4)
#define CTLR_DS     (1u << 6)
#define CTLR_RWP    (1u << 31)

#define PIDR2_ARCHREV2 0x2bu
#define PIDR2_ARCHREV3 0x3bu

/* The part of a 64-bit register that an access of 4 or 8 bytes asks for. */
static uint64_t part(const struct access *access, uint64_t value)
{
	if (access->bytes == 8)
		return value;
	return (uint32_t)(value >> 8 * (access->offset & 4));
}

/* --- Distributor -------------------------------------------------------------------------------- */

/* LPIS, IDbits, and num_LPIs unless IDbits says just that. */
static uint32_t lpi_typer(unsigned lpi_bits)
{
	unsigned bits = lpi_bits < 13 ? 14 : lpi_bits + 1;

	return 1u << 17 | (bits - 1) << 19 | (lpi_bits == 13 ? 0 : (lpi_bits - 1) << 11);
}

uint32_t gicd_typer(const struct vgic *vgic)
{
	uint32_t lines = (vgic->config.spis + PRIVATE_IRQS + 31) / 32 - 1;
	uint32_t espis = (vgic->config.espis + 31u) / 32;
	uint32_t bits = espis || vgic->config.eppis ? 13 : 10;
	uint32_t typer = lines | (vgic->config.lpi_bits ? 0 : (bits - 1) << 19);

	/* MBIS: SPIs by message; A3V: IROUTER has Aff3; No1N = 0: IRM works; ESPI and its range. */
	typer |= 1u << 16 | 1u << 24;
	if (vgic->config.lpi_bits)
		typer |= lpi_typer(vgic->config.lpi_bits);
	if (espis)
		typer |= 1u << 8 | (espis - 1) << 27;
	return typer;
}

#define SETSPI_NSR 0x40
#define CLRSPI_NSR 0x48

/* A message says what a wire would: its edge, or its level. IHI 0069 12.9.43. */
static enum vgic_result write_message(struct access *access, uint64_t value)
{
	virq_t virq = (virq_t)value & 0x1fff;
	bool set = access->offset == SETSPI_NSR;

	access->irqs = irq_of(access->vgic, 0, virq);
	if (!access->irqs || irq_is_private(access->vgic, access->irqs))
		return VGIC_DONE;
	access->n = 1;
	if (word_load(access->irqs) & W_DIVERTED)
		return VGIC_DONE;
	if (word_load(access->irqs) & W_LEVEL) {
		if (set)
			irq_change(access->vgic, access->self, access->irqs, 0, W_LINE);
		else
			line_falls(access->vgic, access->self, access->irqs);
		return VGIC_DONE;
	}
	return set ? write_spend(access, 1) : write_cpend(access, 1);
}

/* Only messages may have 16 bits. */
static inline bool control_width(struct access *access)
{
	if (__builtin_expect(access->bytes == 4, 1) || access->offset == SETSPI_NSR ||
	    access->offset == CLRSPI_NSR)
		return true;
	count(&access->self->stats.guest_errors);
	return false;
}

/* GICD_CTLR's group enables: every vCPU looks at all it has. */
void set_groups(struct access *access, uint32_t groups)
{
	struct vgic *vgic = access->vgic;

	if (__atomic_exchange_n(&vgic->groups, groups, __ATOMIC_RELAXED) == groups)
		return;
	for (unsigned i = 0; i < vgic->config.vcpus; i++)
		vcpu_resettle(&vgic->vcpus[i], access->self);
}

static enum vgic_result read_gicd_control(struct access *access, uint64_t *value)
{
	struct vgic *vgic = access->vgic;

	if (!control_width(access))
		return VGIC_DONE;
	switch (access->offset) {
	case 0x0: /* CTLR. acquire: with RWP clear, what it waited for has happened. */
		*value = load_relaxed(&vgic->groups) | CTLR_ARE | CTLR_DS |
			 (__atomic_load_n(&vgic->rwp, __ATOMIC_ACQUIRE) ? CTLR_RWP : 0);
		break;
	case 0x4:
		*value = vgic->typer;
		break;
	case 0x8:
		*value = GIC_IIDR;
		break;
	}
	return VGIC_DONE;
}

static enum vgic_result write_gicd_control(struct access *access, uint64_t value)
{
	if (!control_width(access))
		return VGIC_DONE;
	if (access->offset == SETSPI_NSR || access->offset == CLRSPI_NSR)
		return write_message(access, value);
	if (access->offset == 0)
		set_groups(access, (uint32_t)value & CTLR_GROUPS);
	return VGIC_DONE;
}

/* The SPI of an IROUTER, or of an IROUTER<n>E at 0x8000; false: there is no such SPI. */
static bool irouter_irq(struct access *access)
{
	uint32_t n = (access->offset - 0x6000) / 8;
	virq_t virq = n < 1024 ? n : ESPI_BASE + (n - 1024);

	if (virq < PRIVATE_IRQS || (n < 1024 && virq > 1019))
		return false;
	access->irqs = irq_of(access->vgic, 0, virq);
	return access->irqs;
}

static enum vgic_result read_irouter(struct access *access, uint64_t *value)
{
	if (irouter_irq(access))
		*value = part(access, load_relaxed(&access->irqs->route) & IROUTER_BITS);
	return VGIC_DONE;
}

/* "Any one participating PE" is the one that asks for it: it runs. */
static unsigned affinity_target(const struct access *access, uint64_t route)
{
	int vcpu = vgic_vcpu_of_mpidr(access->vgic, route & ~IROUTER_IRM);

	if (route & IROUTER_IRM)
		return access->self->index;
	return vcpu < 0 ? TARGET_NONE : (unsigned)vcpu;
}

/*
 * Change what IROUTER, or ITARGETSR, says of an SPI, within `mask`; its target follows. Two vCPUs may
 * write at once: the last target written is that of the last route.
 */
void set_route(struct access *access, struct vgic_irq *irq, uint64_t mask, uint64_t value)
{
	struct vgic *vgic = access->vgic;
	uint64_t route = load_relaxed(&irq->route);
	unsigned target;

	while (!__atomic_compare_exchange_n(&irq->route, &route, (route & ~mask) | (value & mask),
					    true, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
	do {
		route = load_relaxed(&irq->route);
		target = IS_V2(vgic) ? v2_target(route)
				     : affinity_target(access, route & IROUTER_BITS);
		if (irq_change(vgic, access->self, irq, W_TARGET, target) & W_DIVERTED)
			continue; /* a physical one goes where that wants it */
		if (irq_hwirq(irq) && vgic->port.hwirq_route && target != TARGET_NONE)
			vgic->port.hwirq_route(vgic->host, hwirq_of(irq), target);
	} while (load_relaxed(&irq->route) != route);
}

static enum vgic_result write_irouter(struct access *access, uint64_t value)
{
	unsigned shift = 8 * (access->offset & 7);
	uint64_t mask = access->bytes == 8 ? IROUTER_BITS : 0xffffffffull << shift & IROUTER_BITS;

	if (irouter_irq(access))
		set_route(access, access->irqs, mask, value << shift);
	return VGIC_DONE;
}

/* --- Redistributor ------------------------------------------------------------------------------ */

static uint64_t gicr_typer(const struct access *access)
{
	const struct vgic *vgic = access->vgic;
	unsigned index = access->owner->index, region = vgic->config.region_redists;
	uint64_t mpidr = vgic_mpidr(vgic, index);
	uint64_t affinity = (mpidr & 0xffffff) | (mpidr >> 32 & 0xff) << 24;
	uint64_t last = index + 1 == vgic->config.vcpus || (region && (index + 1) % region == 0);
	uint64_t ppis = vgic->config.eppis / 32, lpis = vgic->config.lpi_bits != 0;

	return affinity << 32 | ppis << 27 | (uint64_t)index << 8 | last << 4 | lpis;
}

/* The registers of 64 bits at the start of a redistributor. */
static bool is_wide(uint32_t offset)
{
	return offset == 0x8 || offset == GICR_PROPBASER || offset == GICR_PENDBASER;
}

#define GICR_CTLR_ENABLE_LPIS (1u << 0)
#define GICR_CTLR_CES         (1u << 1) /* it can be cleared again */
#define GICR_CTLR_IR          (1u << 2) /* there are INVLPIR and INVALLR */
#define GICR_CTLR_RWP         (1u << 3)

/* acquire as for GICD_CTLR */
static uint32_t gicr_ctlr(const struct vgic_vcpu *owner)
{
	uint32_t ctlr = __atomic_load_n(&owner->rwp, __ATOMIC_ACQUIRE) ? GICR_CTLR_RWP : 0;

	if (!owner->vgic->config.lpi_bits)
		return ctlr;
	ctlr |= GICR_CTLR_CES | GICR_CTLR_IR;
	switch (__atomic_load_n(&owner->lpi_phase, __ATOMIC_ACQUIRE)) {
	case LPIS_OFF:
		return ctlr;
	case LPIS_WITHDRAWING:
	case LPIS_STORING:
		return ctlr | GICR_CTLR_RWP;
	default:
		return ctlr | GICR_CTLR_ENABLE_LPIS;
	}
}

static enum vgic_result read_gicr_control(struct access *access, uint64_t *value)
{
	struct vgic_vcpu *owner = access->owner;

	if (access->bytes == 8 && !is_wide(access->offset))
		return VGIC_DONE;
	switch (access->offset) {
	case 0x0:
		*value = gicr_ctlr(owner);
		break;
	case 0x4:
		*value = GIC_IIDR;
		break;
	case 0x8:
	case 0xc:
		*value = part(access, gicr_typer(access));
		break;
	case 0x14: /* WAKER: ChildrenAsleep follows ProcessorSleep at once */
		*value = load_relaxed(&owner->asleep) ? 6 : 0;
		break;
	case GICR_PROPBASER:
	case GICR_PROPBASER + 4:
	case GICR_PENDBASER:
	case GICR_PENDBASER + 4:
		*value = part(access, lpi_base_read(owner, access->offset & ~4u));
		break;
	}
	return VGIC_DONE;
}

static enum vgic_result write_lpi_base(struct access *access, uint64_t value)
{
	unsigned shift = 8 * (access->offset & 4);
	uint64_t mask = access->bytes == 8 ? ~0ull : 0xffffffffull << shift;

	return lpi_base_write(access->owner, access->offset & ~4u, mask, value << shift);
}

static enum vgic_result write_gicr_control(struct access *access, uint64_t value)
{
	struct vgic_vcpu *owner = access->owner;
	bool asleep = value & 2;

	if (access->offset == GICR_PROPBASER || access->offset == GICR_PROPBASER + 4 ||
	    access->offset == GICR_PENDBASER || access->offset == GICR_PENDBASER + 4)
		return write_lpi_base(access, value);
	if (access->offset == 0x0 && access->bytes == 4)
		return lpis_switch(owner, access->self, value & GICR_CTLR_ENABLE_LPIS);
	if (access->offset == 0x14 && access->bytes == 4 &&
	    __atomic_exchange_n(&owner->asleep, asleep, __ATOMIC_RELAXED) != asleep)
		vcpu_resettle(owner, access->self);
	return VGIC_DONE;
}

/* --- Identification, alike in all frames -------------------------------------------------------- */

static enum vgic_result read_id(struct access *access, uint64_t *value)
{
	static const uint8_t id[16] = {
		0x04, 0,    0,
		0, /* PIDR4 to PIDR7 */
		0x92, 0xb4, PIDR2_ARCHREV3,
		0, /* PIDR0 to PIDR3 */
		0x0d, 0xf0, 0x05,
		0xb1, /* CIDR0 to CIDR3 */
	};

	if (access->offset >= 0xffd0)
		*value = id[(access->offset - 0xffd0) / 4];
	return VGIC_DONE;
}

/* GICv2: at 0xfd0. */
static enum vgic_result read_v2_id(struct access *access, uint64_t *value)
{
	access->offset += 0xf000;
	read_id(access, value);
	if (access->offset == 0xffe8)
		*value = PIDR2_ARCHREV2;
	return VGIC_DONE;
}

static enum vgic_result read_zero(struct access *access, uint64_t *value)
{
	(void)access;
	(void)value;
	return VGIC_DONE;
}

static enum vgic_result write_ignored(struct access *access, uint64_t value)
{
	(void)access;
	(void)value;
	return VGIC_DONE;
}

/* --- Maps --------------------------------------------------------------------------------------- */

enum kind {
	RESERVED,
	IGROUPR,
	ISENABLER,
	ICENABLER,
	ISPENDR,
	ICPENDR,
	ISACTIVER,
	ICACTIVER,
	IPRIORITYR,
	ICFGR,
	IROUTER,
	UNUSED,       /* RAZ/WI with one Security state: IGRPMODR, NSACR */
	GICD_CONTROL, /* 0x0000: CTLR, TYPER, IIDR, TYPER2, STATUSR, SETSPI, CLRSPI */
	GICR_CONTROL, /* 0x0000 of RD_base: CTLR, IIDR, TYPER, STATUSR, WAKER, PROPBASER, PENDBASER */
	GICR_LPI,     /* 0x0080 of RD_base: INVLPIR, INVALLR, SYNCR */
	IDENTIFICATION, /* 0xff80: PIDR, CIDR */
	V2_CONTROL,     /* 0x000: CTLR, TYPER, IIDR */
	V2_ISENABLER,
	V2_ICENABLER,
	ITARGETSR,
	SGI_CONTROL, /* 0xf00: SGIR, CPENDSGIR, SPENDSGIR */
	V2_IDENTIFICATION,
};

#define WHOLE 0xff

struct reg {
	uint8_t widths; /* in bytes, or'ed: 1, 2, 4, 8 */
	uint8_t shift;  /* log2 of the interrupts in a byte; WHOLE: it is not made of interrupts */
	uint16_t base;  /* where the first one is; in a redistributor 64K further */
	uint16_t ebase; /* where the first extended SPI is */
	read_fn *read;
	write_fn *write;
};

static const struct reg regs[] = {
	[RESERVED] = { .shift = WHOLE },
	[IGROUPR] = { 4, 3, 0x080, 0x1000, read_group, write_group },
	[ISENABLER] = { 4, 3, 0x100, 0x1200, read_enable, write_senable },
	[ICENABLER] = { 4, 3, 0x180, 0x1400, read_enable, write_cenable },
	[ISPENDR] = { 4, 3, 0x200, 0x1600, read_pending, write_spend },
	[ICPENDR] = { 4, 3, 0x280, 0x1800, read_pending, write_cpend },
	[ISACTIVER] = { 4, 3, 0x300, 0x1a00, read_active, write_sactive },
	[ICACTIVER] = { 4, 3, 0x380, 0x1c00, read_active, write_cactive },
	[IPRIORITYR] = { 1 | 4, 0, 0x400, 0x2000, read_priority, write_priority },
	[ICFGR] = { 4, 2, 0xc00, 0x3000, read_config, write_config },
	[IROUTER] = { 4 | 8, WHOLE, 0, 0, read_irouter, write_irouter },
	[UNUSED] = { 4, WHOLE, 0, 0, read_zero, write_ignored },
	[GICD_CONTROL] = { 2 | 4, WHOLE, 0, 0, read_gicd_control, write_gicd_control },
	[GICR_CONTROL] = { 4 | 8, WHOLE, 0, 0, read_gicr_control, write_gicr_control },
	[GICR_LPI] = { 4 | 8, WHOLE, 0, 0, read_gicr_lpi, write_gicr_lpi },
	[IDENTIFICATION] = { 4, WHOLE, 0, 0, read_id, write_ignored },
	[V2_CONTROL] = { 4, WHOLE, 0, 0, read_v2_control, write_v2_control },
	[V2_ISENABLER] = { 4, 3, 0x100, 0, read_v2_enable, write_senable },
	[V2_ICENABLER] = { 4, 3, 0x180, 0, read_v2_enable, write_cenable },
	[ITARGETSR] = { 1 | 4, 0, 0x800, 0, read_targets, write_targets },
	[SGI_CONTROL] = { 1 | 4, WHOLE, 0, 0, read_sgi_pending, write_sgi_control },
	[V2_IDENTIFICATION] = { 4, WHOLE, 0, 0, read_v2_id, write_ignored },
};

#define EXTENDED 0x80 /* of the extended SPIs */

static const uint8_t dist_map[PAGE(VGIC_DIST_SIZE)] = {
	[PAGE(0x0000)] = GICD_CONTROL,
	[PAGE(0x0080)] = IGROUPR,
	[PAGE(0x0100)] = ISENABLER,
	[PAGE(0x0180)] = ICENABLER,
	[PAGE(0x0200)] = ISPENDR,
	[PAGE(0x0280)] = ICPENDR,
	[PAGE(0x0300)] = ISACTIVER,
	[PAGE(0x0380)] = ICACTIVER,
	[PAGE(0x0400)... PAGE(0x07ff)] = IPRIORITYR,
	[PAGE(0x0c00)... PAGE(0x0cff)] = ICFGR,
	[PAGE(0x0d00)... PAGE(0x0eff)] = UNUSED,
	[PAGE(0x1000)] = EXTENDED | IGROUPR,
	[PAGE(0x1200)] = EXTENDED | ISENABLER,
	[PAGE(0x1400)] = EXTENDED | ICENABLER,
	[PAGE(0x1600)] = EXTENDED | ISPENDR,
	[PAGE(0x1800)] = EXTENDED | ICPENDR,
	[PAGE(0x1a00)] = EXTENDED | ISACTIVER,
	[PAGE(0x1c00)] = EXTENDED | ICACTIVER,
	[PAGE(0x2000)... PAGE(0x23ff)] = EXTENDED | IPRIORITYR,
	[PAGE(0x3000)... PAGE(0x30ff)] = EXTENDED | ICFGR,
	[PAGE(0x3400)] = UNUSED,
	[PAGE(0x3600)... PAGE(0x36ff)] = UNUSED,
	[PAGE(0x6000)... PAGE(0x9fff)] = IROUTER,
	[PAGE(0xff80)] = IDENTIFICATION,
};

static const uint8_t v2_map[PAGE(VGIC_V2_DIST_SIZE)] = {
	[PAGE(0x000)] = V2_CONTROL,
	[PAGE(0x080)] = IGROUPR,
	[PAGE(0x100)] = V2_ISENABLER,
	[PAGE(0x180)] = V2_ICENABLER,
	[PAGE(0x200)] = ISPENDR,
	[PAGE(0x280)] = ICPENDR,
	[PAGE(0x300)] = ISACTIVER,
	[PAGE(0x380)] = ICACTIVER,
	[PAGE(0x400)... PAGE(0x7ff)] = IPRIORITYR,
	[PAGE(0x800)... PAGE(0xbff)] = ITARGETSR,
	[PAGE(0xc00)... PAGE(0xcff)] = ICFGR,
	[PAGE(0xe00)... PAGE(0xeff)] = UNUSED,
	[PAGE(0xf00)] = SGI_CONTROL,
	[PAGE(0xf80)] = V2_IDENTIFICATION,
};

static const uint8_t redist_map[PAGE(VGIC_REDIST_STRIDE)] = {
	[PAGE(0x00000)] = GICR_CONTROL,   [PAGE(0x00080)] = GICR_LPI,
	[PAGE(0x0ff80)] = IDENTIFICATION, [PAGE(0x10080)] = IGROUPR,
	[PAGE(0x10100)] = ISENABLER,      [PAGE(0x10180)] = ICENABLER,
	[PAGE(0x10200)] = ISPENDR,        [PAGE(0x10280)] = ICPENDR,
	[PAGE(0x10300)] = ISACTIVER,      [PAGE(0x10380)] = ICACTIVER,
	[PAGE(0x10400)] = IPRIORITYR,     [PAGE(0x10c00)] = ICFGR,
	[PAGE(0x10d00)] = UNUSED,         [PAGE(0x10e00)] = UNUSED,
};

/*
 * The register of an access, and its interrupts: of the `total` from `irqs` on, whose first one has
 * bit or byte number `lowest` in the frame. Distributor registers for INTIDs below 32 have none:
 * affinity routing is on. NULL: no register, or not of this width or alignment: RAZ/WI.
 */
static inline const struct reg *bind(struct access *access, enum kind kind, uint32_t base,
				     struct vgic_irq *irqs, uint32_t lowest, uint32_t total)
{
	const struct reg *reg = &regs[kind];
	uint32_t first, n;

	if (!(reg->widths & access->bytes) || (access->offset & (access->bytes - 1))) {
		count(&access->self->stats.guest_errors);
		return NULL;
	}
	if (reg->shift != WHOLE) {
		first = ((access->offset - base - reg->base) << reg->shift) - lowest;
		n = access->bytes << reg->shift;
		if (first > total)
			first = total; /* then it has none */
		access->irqs = irqs + first;
		access->n = total - first < n ? total - first : n;
	}
	return reg;
}

/* Affinity routing is off: the registers of private interrupts are the accessing vCPU's. */
static __attribute__((noinline)) const struct reg *v2_reg(struct access *access)
{
	struct vgic *vgic = access->vgic;
	enum kind kind = access->offset < VGIC_V2_DIST_SIZE ? v2_map[PAGE(access->offset)]
							    : RESERVED;
	const struct reg *reg = &regs[kind];

	if (reg->shift == WHOLE || (access->offset - reg->base) << reg->shift >= PRIVATE_IRQS)
		return bind(access, kind, 0, vgic->shared, PRIVATE_IRQS, vgic->config.spis);
	access->owner = access->self;
	return bind(access, kind, 0, access->self->private, 0, PRIVATE_IRQS);
}

static __attribute__((noinline)) const struct reg *extended_reg(struct access *access,
								enum kind kind)
{
	struct vgic *vgic = access->vgic;

	return bind(access, kind, (uint32_t)regs[kind].ebase - regs[kind].base,
		    vgic->shared + vgic->config.spis, 0, vgic->config.espis);
}

static inline const struct reg *dist_reg(struct access *access)
{
	struct vgic *vgic = access->vgic;
	uint32_t offset = access->offset;
	uint8_t kind;

	if (IS_V2(vgic))
		return v2_reg(access);
	kind = offset < VGIC_DIST_SIZE ? dist_map[PAGE(offset)] : RESERVED;
	if (kind & EXTENDED)
		return extended_reg(access, kind & ~EXTENDED);
	return bind(access, kind, 0, vgic->shared, PRIVATE_IRQS, vgic->config.spis);
}

static inline const struct reg *redist_reg(struct access *access, uint32_t offset)
{
	struct vgic *vgic = access->vgic;
	uint32_t index = offset / VGIC_REDIST_STRIDE;

	access->offset = offset % VGIC_REDIST_STRIDE;
	if (index >= vgic->config.vcpus || IS_V2(vgic))
		return bind(access, RESERVED, 0, NULL, 0, 0);
	access->owner = &vgic->vcpus[index];
	return bind(access, redist_map[PAGE(access->offset)], 0x10000, access->owner->private, 0,
		    vgic->privates);
}

/*
 * The fields of diverted interrupts in a register. In a GICv2 the bit that says so is something else of an
 * SGI's.
 */
static uint64_t diverted_fields(const struct access *access, const struct reg *reg)
{
	unsigned first = access->owner ? (unsigned)(access->irqs - access->owner->private) : SGIS;
	unsigned width = 8u >> reg->shift;
	uint64_t field = (1u << width) - 1, fields = 0;

	for (unsigned i = 0; i < access->n; i++)
		if (first + i >= SGIS && (word_load(&access->irqs[i]) & W_DIVERTED))
			fields |= field << width * i;
	return fields;
}

static bool diverted_route(struct access *access, const struct reg *reg)
{
	return reg == &regs[IROUTER] && irouter_irq(access) &&
	       (word_load(access->irqs) & W_DIVERTED);
}

/* Is what is written to it what it has then? Otherwise ones set or clear something. */
static bool keeps_value(const struct reg *reg)
{
	return reg == &regs[IGROUPR] || reg == &regs[IPRIORITYR] || reg == &regs[ICFGR] ||
	       reg == &regs[ITARGETSR];
}

/* Some interrupts are diverted: they are RAZ/WI. */
static __attribute__((noinline)) enum vgic_result read_others(struct access *access,
							      const struct reg *reg,
							      uint64_t *value)
{
	enum vgic_result result;

	if (diverted_route(access, reg))
		return VGIC_DONE;
	result = reg->read(access, value);
	if (reg->shift != WHOLE)
		*value &= ~diverted_fields(access, reg);
	return result;
}

static __attribute__((noinline)) enum vgic_result write_others(struct access *access,
							       const struct reg *reg,
							       uint64_t value)
{
	uint64_t fields = reg->shift == WHOLE ? 0 : diverted_fields(access, reg), now = 0;

	if (diverted_route(access, reg))
		return VGIC_DONE;
	if (fields && keeps_value(reg))
		reg->read(access, &now);
	return reg->write(access, (value & ~fields) | (now & fields));
}

static inline enum vgic_result read_reg(struct access *access, const struct reg *reg,
					uint64_t *value)
{
	*value = 0;
	if (!reg)
		return VGIC_DONE;
	if (__builtin_expect(load_relaxed(&access->vgic->diverted) != 0, 0))
		return read_others(access, reg, value);
	return reg->read(access, value);
}

static inline enum vgic_result write_reg(struct access *access, const struct reg *reg,
					 uint64_t value)
{
	if (!reg)
		return VGIC_DONE;
	if (__builtin_expect(load_relaxed(&access->vgic->diverted) != 0, 0))
		return write_others(access, reg, value);
	return reg->write(access, value);
}

#define ACCESS(cpu, size, at)                                                                     \
	{                                                                                         \
		.vgic = vcpu_of(cpu)->vgic, .self = vcpu_of(cpu), .bytes = (size), .offset = (at) \
	}

enum vgic_result vgic_dist_read(struct vgic_cpu *cpu, uint32_t offset, unsigned bytes,
				uint64_t *value)
{
	struct access access = ACCESS(cpu, bytes, offset);

	return read_reg(&access, dist_reg(&access), value);
}

enum vgic_result vgic_dist_write(struct vgic_cpu *cpu, uint32_t offset, unsigned bytes,
				 uint64_t value)
{
	struct access access = ACCESS(cpu, bytes, offset);

	return write_reg(&access, dist_reg(&access), value);
}

enum vgic_result vgic_redist_read(struct vgic_cpu *cpu, uint32_t offset, unsigned bytes,
				  uint64_t *value)
{
	struct access access = ACCESS(cpu, bytes, 0);

	return read_reg(&access, redist_reg(&access, offset), value);
}

enum vgic_result vgic_redist_write(struct vgic_cpu *cpu, uint32_t offset, unsigned bytes,
				   uint64_t value)
{
	struct access access = ACCESS(cpu, bytes, 0);

	return write_reg(&access, redist_reg(&access, offset), value);
}
