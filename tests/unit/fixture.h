/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What the unit tests of the virtual GIC share: a vGIC, version 2 or 3, with a counting port, and a
 * guest that finds an interrupt's registers by its INTID, and acknowledges and ends interrupts in
 * the image of its list registers (IHI 0069 12.5, IHI 0048 5.3). A test's own needs only: priorities
 * among list registers, EOIcount, the HW bit and maintenance; tests/model has the whole interface.
 */
#ifndef CARILLON_TESTS_UNIT_FIXTURE_H
#define CARILLON_TESTS_UNIT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <carillon/vgic.h>

#define SPURIOUS  1023u
#define VMCR_OPEN (0xf0u << 24 | 3) /* priority mask 0xf0, both groups enabled */

#define GICD_CTLR       0x0
#define GICD_TYPER      0x4
#define GICD_IIDR       0x8
#define GICD_IGROUPR    0x80
#define GICD_ISENABLER  0x100
#define GICD_ICENABLER  0x180
#define GICD_ISPENDR    0x200
#define GICD_ICPENDR    0x280
#define GICD_ISACTIVER  0x300
#define GICD_ICACTIVER  0x380
#define GICD_IPRIORITYR 0x400
#define GICD_ITARGETSR  0x800 /* GICv2 */
#define GICD_ICFGR      0xc00
#define GICD_SGIR       0xf00 /* GICv2 */
#define GICD_CPENDSGIR  0xf10
#define GICD_SPENDSGIR  0xf20
#define GICD_IROUTER    0x6000
#define GICD_IROUTERE   0x8000 /* of INTID 4096 */
#define GICR_WAKER      0x14
#define GICR_SGI        0x10000 /* SGI_base: the distributor's offsets from here on */
#define GICC_DIR        0x1000  /* GICv2 */

#define HCR_LRENPIE (1u << 2)
#define HCR_NPIE    (1u << 3)
#define HCR_TDIR    (1u << 14)
#define VMCR_VEOIM  (1u << 9)

struct vcpu {
	struct vgic_cpu *cpu;
	enum vgic_version version;
	struct gic_cpuif image;
	unsigned running[32]; /* acknowledged and not dropped, by priority: ap1r[0] */
};

struct machine {
	struct vgic *vgic;
	struct vgic_config config;
	void *memory;
	struct vcpu vcpus[16];
	unsigned kicks[16];
	bool phys_active[1024], phys_line[1024], phys_pending_cleared[1024];
	unsigned routed_to;
	unsigned ended[5120], ended_on; /* how often, and on which vCPU last */
	uint8_t *ram;                   /* with LPIs: RAM_SIZE bytes at guest address RAM_BASE */
	virq_t invalidated;
	void (*on_write)(struct machine *m); /* beside a write of the library to RAM */
};

#define RAM_BASE 0x40000000ull
#define RAM_SIZE 0x400000ull

static bool in_ram(uint64_t at, size_t bytes)
{
	return at >= RAM_BASE && at - RAM_BASE < RAM_SIZE && bytes <= RAM_SIZE - (at - RAM_BASE);
}

static bool fake_read(void *host, uint64_t at, void *to, size_t bytes)
{
	if (!in_ram(at, bytes))
		return false;
	memcpy(to, ((struct machine *)host)->ram + (at - RAM_BASE), bytes);
	return true;
}

static bool fake_write(void *host, uint64_t at, const void *from, size_t bytes)
{
	struct machine *m = host;

	if (m->on_write)
		m->on_write(m);
	if (!in_ram(at, bytes))
		return false;
	memcpy(m->ram + (at - RAM_BASE), from, bytes);
	return true;
}

static void fake_invalidated(void *host, unsigned vcpu, virq_t lpi)
{
	(void)vcpu;
	((struct machine *)host)->invalidated = lpi ? lpi : ~0u;
}

static void fake_kick(void *host, unsigned vcpu)
{
	((struct machine *)host)->kicks[vcpu]++;
}

static void fake_set_active(void *host, unsigned vcpu, struct hwirq irq, bool active)
{
	(void)vcpu;
	((struct machine *)host)->phys_active[irq.intid] = active;
}

static void fake_clear_pending(void *host, unsigned vcpu, struct hwirq irq)
{
	(void)vcpu;
	((struct machine *)host)->phys_pending_cleared[irq.intid] = true;
}

static bool fake_line(void *host, unsigned vcpu, struct hwirq irq)
{
	(void)vcpu;
	return ((struct machine *)host)->phys_line[irq.intid];
}

static void fake_route(void *host, struct hwirq irq, unsigned vcpu)
{
	(void)irq;
	((struct machine *)host)->routed_to = vcpu;
}

static void fake_ended(void *host, unsigned vcpu, virq_t virq)
{
	struct machine *m = host;

	m->ended[virq]++;
	m->ended_on = vcpu;
}

/* Hardware is what the image says; exit and enter as an embedder calls them. */
static inline void leave(struct vcpu *v)
{
	vgic_exit(v->cpu, &v->image);
}

/* A list register: ICH_LR<n>_EL2 (IHI 0069 12.5), GICH_LR<n> (IHI 0048 5.3.10). */
struct lr {
	unsigned state; /* 1 pending, 2 active, 3 both */
	bool hw, group1;
	bool eoi; /* HW = 0: maintenance at its end */
	unsigned priority, virq;
	unsigned pintid; /* HW = 1 */
	unsigned source; /* of a GICv2's SGI */
};

static inline struct lr lr_at(const struct vcpu *v, unsigned n)
{
	uint64_t lr = v->image.lr[n];

	if (v->version == VGIC_V2) {
		bool hw = lr >> 31 & 1;

		return (struct lr){ .state = lr >> 28 & 3,
				    .hw = hw,
				    .group1 = lr >> 30 & 1,
				    .eoi = !hw && (lr >> 19 & 1),
				    .priority = (lr >> 23 & 0x1f) << 3,
				    .virq = lr & 0x3ff,
				    .pintid = hw ? lr >> 10 & 0x3ff : 0,
				    .source = hw ? 0 : lr >> 10 & 7 };
	}
	return (struct lr){ .state = lr >> 62,
			    .hw = lr >> 61 & 1,
			    .group1 = lr >> 60 & 1,
			    .eoi = !(lr >> 61 & 1) && (lr >> 41 & 1),
			    .priority = lr >> 48 & 0xff,
			    .virq = (unsigned)lr,
			    .pintid = lr >> 61 & 1 ? lr >> 32 & 0x1fff : 0 };
}

static inline void lr_set_state(struct vcpu *v, unsigned n, uint64_t state)
{
	unsigned shift = v->version == VGIC_V2 ? 28 : 62;

	v->image.lr[n] = (v->image.lr[n] & ~(3ull << shift)) | state << shift;
}

/* ICH_EISR_EL2: ended, and asked for. */
static inline uint32_t ended_lrs(const struct vcpu *v)
{
	uint32_t ended = 0;

	for (unsigned n = 0; n < VGIC_MAX_LRS; n++)
		if ((v->image.live & 1u << n) && !lr_at(v, n).state && lr_at(v, n).eoi)
			ended |= 1u << n;
	return ended;
}

/* ICH_ELRSR_EL2 */
static inline uint32_t empty_lrs(const struct vcpu *v)
{
	uint32_t empty = 0;

	for (unsigned n = 0; n < VGIC_MAX_LRS; n++)
		if (!(v->image.live & 1u << n) || !lr_at(v, n).state)
			empty |= 1u << n;
	return empty & ~ended_lrs(v);
}

static inline void enter(struct vcpu *v)
{
	struct gic_cpuif before = v->image;

	if (!vgic_attention(v->cpu))
		return;
	if (vgic_refill(v->cpu, &v->image, empty_lrs(v)))
		return;
	/* Hardware still has what it had: only `live` says what there is to be read. */
	for (unsigned n = 0; n < VGIC_MAX_LRS; n++)
		if (v->image.live & 1u << n)
			v->image.lr[n] = before.lr[n];
	vgic_exit(v->cpu, &v->image);
	vgic_enter(v->cpu, &v->image);
}

/* Accesses with the protocol of VGIC_AGAIN; while it waits, every other vCPU passes through. */
static inline void serve_others(struct machine *m, struct vcpu *self)
{
	for (unsigned i = 0; i < 16; i++)
		if (m->vcpus[i].cpu && &m->vcpus[i] != self)
			enter(&m->vcpus[i]);
}

/* Once around while an access waits; what it waits for takes a few. */
static inline void wait_turn(struct machine *m, struct vcpu *self, unsigned *turns)
{
	assert_true(++*turns < 16);
	leave(self);
	serve_others(m, self);
}

static inline uint64_t dist_read(struct machine *m, unsigned vcpu, uint32_t offset, unsigned bytes)
{
	struct vcpu *v = &m->vcpus[vcpu];
	unsigned turns = 0;
	uint64_t value;

	while (vgic_dist_read(v->cpu, offset, bytes, &value) == VGIC_AGAIN) {
		wait_turn(m, v, &turns);
	}
	enter(v);
	return value;
}

static inline void dist_write(struct machine *m, unsigned vcpu, uint32_t offset, unsigned bytes,
			      uint64_t value)
{
	struct vcpu *v = &m->vcpus[vcpu];
	unsigned turns = 0;

	while (vgic_dist_write(v->cpu, offset, bytes, value) == VGIC_AGAIN) {
		wait_turn(m, v, &turns);
	}
	enter(v);
}

static inline uint64_t redist_read(struct machine *m, unsigned vcpu, uint32_t offset,
				   unsigned bytes)
{
	struct vcpu *v = &m->vcpus[vcpu];
	unsigned turns = 0;
	uint64_t value;

	while (vgic_redist_read(v->cpu, vcpu * VGIC_REDIST_STRIDE + offset, bytes, &value) ==
	       VGIC_AGAIN) {
		wait_turn(m, v, &turns);
	}
	enter(v);
	return value;
}

static inline void redist_write_bytes(struct machine *m, unsigned vcpu, uint32_t offset,
				      unsigned bytes, uint64_t value)
{
	struct vcpu *v = &m->vcpus[vcpu];
	unsigned turns = 0;

	while (vgic_redist_write(v->cpu, vcpu * VGIC_REDIST_STRIDE + offset, bytes, value) ==
	       VGIC_AGAIN) {
		wait_turn(m, v, &turns);
	}
	enter(v);
}

static inline void redist_write(struct machine *m, unsigned vcpu, uint32_t offset, uint64_t value)
{
	redist_write_bytes(m, vcpu, offset, 4, value);
}

static inline unsigned lr_state(uint64_t lr)
{
	return (unsigned)(lr >> 62);
}

static inline unsigned lr_priority(uint64_t lr)
{
	return (unsigned)(lr >> 48) & 0xff;
}

/* The list register that has this interrupt, or -1. */
static inline int lr_of(const struct vcpu *v, virq_t virq)
{
	for (unsigned n = 0; n < VGIC_MAX_LRS; n++)
		if ((v->image.live & 1u << n) && lr_at(v, n).state && lr_at(v, n).virq == virq)
			return (int)n;
	return -1;
}

/* In how many list registers it is. */
static inline unsigned lrs_of(const struct vcpu *v, virq_t virq)
{
	unsigned found = 0;

	for (unsigned n = 0; n < VGIC_MAX_LRS; n++)
		found += (v->image.live & 1u << n) && lr_at(v, n).state && lr_at(v, n).virq == virq;
	return found;
}

/*
 * IAR, priority mask and preemption left out: the best pending list register; of a GICv2's SGI with
 * its source (bits 12:10).
 */
static inline virq_t ack(struct vcpu *v)
{
	int best = -1;
	struct lr lr;

	for (unsigned n = 0; n < VGIC_MAX_LRS; n++)
		if ((v->image.live & 1u << n) && lr_at(v, n).state == 1 &&
		    (best < 0 || lr_at(v, n).priority < lr_at(v, (unsigned)best).priority))
			best = (int)n;
	if (best < 0)
		return SPURIOUS;
	lr = lr_at(v, (unsigned)best);
	lr_set_state(v, (unsigned)best, lr.virq < VGIC_LPI_BASE ? 2 : 0);
	v->running[lr.priority >> 3]++;
	v->image.ap1r[0] |= 1u << (lr.priority >> 3);
	return lr.virq | lr.source << 10;
}

/* The best active priority is dropped, if there is one: EOIR with EOImode 1. */
static inline void drop(struct vcpu *v)
{
	unsigned best = v->image.ap1r[0] ? (unsigned)__builtin_ctz(v->image.ap1r[0]) : 0;

	if (v->running[best] && !--v->running[best])
		v->image.ap1r[0] &= ~(1u << best);
}

/* What hardware does at a deactivation: `virq` as IAR gave it. */
static inline void deactivate(struct machine *m, struct vcpu *v, virq_t virq)
{
	int n = lr_of(v, v->version == VGIC_V2 ? virq & 0x3ff : virq);
	struct lr lr;

	if (n < 0 || !(lr_at(v, (unsigned)n).state & 2)) {
		v->image.hcr += 1u << 27;
		return;
	}
	lr = lr_at(v, (unsigned)n);
	if (v->version == VGIC_V2 && lr.virq < 16)
		assert_int_equal(lr.source, virq >> 10);
	lr_set_state(v, (unsigned)n, lr.state & 1);
	if (lr.hw)
		m->phys_active[lr.pintid] = false;
}

/* EOIR with EOImode 0. */
static inline void eoi(struct machine *m, struct vcpu *v, virq_t virq)
{
	drop(v);
	if (virq < VGIC_LPI_BASE)
		deactivate(m, v, virq);
}

/* Is the maintenance interrupt asserted? ICH_MISR_EL2, GICH_MISR. */
static inline bool maintenance(const struct vcpu *v)
{
	bool pending = false;

	for (unsigned n = 0; n < VGIC_MAX_LRS; n++)
		pending |= (v->image.live & 1u << n) && (lr_at(v, n).state & 1);
	return ended_lrs(v) || ((v->image.hcr & HCR_NPIE) && !pending) ||
	       ((v->image.hcr & HCR_LRENPIE) && v->image.hcr >> 27);
}

/* Back to the host if anything asks for it, and into the guest. */
static inline void pass(struct vcpu *v)
{
	if (maintenance(v))
		vgic_maintenance(v->cpu);
	enter(v);
}

/* Every vCPU, until none has to look. */
static inline void settle(struct machine *m)
{
	bool again = true;

	for (unsigned round = 0; again; round++) {
		assert_true(round < 16);
		again = false;
		for (unsigned i = 0; i < 16; i++)
			if (m->vcpus[i].cpu)
				pass(&m->vcpus[i]);
		for (unsigned i = 0; i < 16; i++)
			again |= m->vcpus[i].cpu && vgic_attention(m->vcpus[i].cpu);
	}
}

/* An interrupt's registers. Private ones are those of the vCPU that accesses. */

/* Where the extended SPIs have theirs: IHI 0069 12.8. */
static inline uint32_t extended(uint32_t reg)
{
	if (reg == GICD_IPRIORITYR)
		return 0x2000;
	if (reg == GICD_ICFGR)
		return 0x3000;
	return 0x1000 + (reg - GICD_IGROUPR) / 0x80 * 0x200;
}

/* The register of `reg`, which has `bits` bits an interrupt, as an offset; whether of the redistributor. */
static inline uint32_t reg_of(const struct machine *m, virq_t virq, uint32_t reg, unsigned bits,
			      bool *redist)
{
	uint32_t base = reg, index = virq;

	*redist = m->config.version == VGIC_V3 && (virq < 32 || (virq >= 1056 && virq < 1120));
	if (*redist) {
		base = GICR_SGI + reg;
		index = virq < 32 ? virq : 32 + virq - 1056;
	} else if (virq >= 4096) {
		base = extended(reg);
		index = virq - 4096;
	}
	return base + (bits == 8 ? index : index * bits / 32 * 4);
}

static inline uint64_t reg_read(struct machine *m, unsigned vcpu, virq_t virq, uint32_t reg,
				unsigned bits)
{
	bool redist;
	uint32_t offset = reg_of(m, virq, reg, bits, &redist);
	unsigned bytes = bits == 8 ? 1 : 4;

	return redist ? redist_read(m, vcpu, offset, bytes) : dist_read(m, vcpu, offset, bytes);
}

static inline void reg_write(struct machine *m, unsigned vcpu, virq_t virq, uint32_t reg,
			     unsigned bits, uint64_t value)
{
	bool redist;
	uint32_t offset = reg_of(m, virq, reg, bits, &redist);
	unsigned bytes = bits == 8 ? 1 : 4;

	if (redist)
		redist_write_bytes(m, vcpu, offset, bytes, value);
	else
		dist_write(m, vcpu, offset, bytes, value);
}

/* GICD_ISENABLER and its like. */
static inline bool bit_read(struct machine *m, unsigned vcpu, virq_t virq, uint32_t reg)
{
	return reg_read(m, vcpu, virq, reg, 1) >> virq % 32 & 1;
}

static inline void bit_write(struct machine *m, unsigned vcpu, virq_t virq, uint32_t reg)
{
	reg_write(m, vcpu, virq, reg, 1, 1u << virq % 32);
}

static inline void set_priority(struct machine *m, unsigned vcpu, virq_t virq, unsigned priority)
{
	reg_write(m, vcpu, virq, GICD_IPRIORITYR, 8, priority);
}

static inline void set_edge(struct machine *m, unsigned vcpu, virq_t virq, bool edge)
{
	unsigned shift = virq % 16 * 2;
	uint64_t value = reg_read(m, vcpu, virq, GICD_ICFGR, 2) & ~(2ull << shift);

	reg_write(m, vcpu, virq, GICD_ICFGR, 2, value | (edge ? 2ull << shift : 0));
}

/* `by` writes the route of a shared interrupt. */
static inline void set_route(struct machine *m, unsigned by, virq_t virq, unsigned vcpu)
{
	if (m->config.version == VGIC_V2)
		dist_write(m, by, GICD_ITARGETSR + virq, 1, 1u << vcpu);
	else if (virq < 4096)
		dist_write(m, by, GICD_IROUTER + 8 * virq, 8, vgic_mpidr(m->vgic, vcpu));
	else
		dist_write(m, by, GICD_IROUTERE + 8 * (virq - 4096), 8, vgic_mpidr(m->vgic, vcpu));
}

static inline void send_sgi(struct machine *m, unsigned from, unsigned to, unsigned sgi)
{
	uint64_t mpidr = vgic_mpidr(m->vgic, to);

	if (m->config.version == VGIC_V2) {
		dist_write(m, from, GICD_SGIR, 4, 1ull << (16 + to) | sgi);
		return;
	}
	assert_int_equal(vgic_sysreg_write(m->vcpus[from].cpu, VGIC_ICC_SGI1R_EL1,
					   (mpidr >> 32 & 0xff) << 48 | (mpidr >> 4 & 0xf) << 44 |
						   (mpidr >> 16 & 0xff) << 32 |
						   (uint64_t)sgi << 24 | (mpidr >> 8 & 0xff) << 16 |
						   1u << (mpidr & 0xf)),
			 VGIC_DONE);
	enter(&m->vcpus[from]);
}

/* DIR with EOImode 1: trapped, or done by hardware. */
static inline void dir(struct machine *m, unsigned vcpu, virq_t virq)
{
	struct vcpu *v = &m->vcpus[vcpu];
	unsigned turns = 0;
	enum vgic_result result;

	if (v->version == VGIC_V3 && !(v->image.hcr & HCR_TDIR)) {
		deactivate(m, v, virq);
		return;
	}
	for (;;) {
		if (v->version == VGIC_V2)
			result = vgic_cpuif_write(v->cpu, GICC_DIR, 4, virq);
		else
			result = vgic_sysreg_write(v->cpu, VGIC_ICC_DIR_EL1, virq);
		if (result != VGIC_AGAIN)
			break;
		wait_turn(m, v, &turns);
	}
	assert_int_equal(result, VGIC_DONE);
	enter(v);
}

static inline void init_irq(struct machine *m, unsigned vcpu, virq_t virq)
{
	if (virq % 32 == 0) {
		reg_write(m, vcpu, virq, GICD_IGROUPR, 1, ~0u);
		reg_write(m, vcpu, virq, GICD_ISENABLER, 1, ~0u);
	}
	set_priority(m, vcpu, virq, 0xa0);
	if (m->config.version == VGIC_V2 && virq >= 32)
		set_route(m, vcpu, virq, 0);
}

/* As it comes out of reset, no vCPU loaded. */
static inline struct machine *machine_bare(struct vgic_config config)
{
	static const struct vgic_port port = {
		.kick = fake_kick,
		.hwirq_set_active = fake_set_active,
		.hwirq_clear_pending = fake_clear_pending,
		.hwirq_line = fake_line,
		.hwirq_route = fake_route,
		.ended = fake_ended,
		.guest_read = fake_read,
		.guest_write = fake_write,
		.lpi_invalidated = fake_invalidated,
	};
	struct machine *m = calloc(1, sizeof(*m));

	m->config = config;
	m->ram = config.lpi_bits ? calloc(1, RAM_SIZE) : NULL;
	m->memory = aligned_alloc(64, vgic_size(&config));
	assert_int_equal(vgic_init(&m->vgic, m->memory, vgic_size(&config), &config, &port, m), 0);
	for (unsigned i = 0; i < config.vcpus && i < 16; i++) {
		m->vcpus[i].version = (enum vgic_version)config.version;
		m->vcpus[i].image.vmcr = VMCR_OPEN;
	}
	return m;
}

/*
 * As a guest's driver does it: wake, groups on, all interrupts enabled, group 1, priority 0xa0, the
 * shared ones routed to vCPU 0.
 */
static inline struct machine *machine_with(struct vgic_config config)
{
	struct machine *m = machine_bare(config);

	for (unsigned i = 0; i < config.vcpus; i++) {
		m->vcpus[i].cpu = vgic_load(m->vgic, i);
		assert_non_null(m->vcpus[i].cpu);
		if (config.version == VGIC_V3)
			redist_write(m, i, GICR_WAKER, 0);
		for (virq_t virq = 0; virq < 32; virq++)
			init_irq(m, i, virq);
		for (virq_t virq = 1056; virq < 1056u + config.eppis; virq++)
			init_irq(m, i, virq);
	}
	for (virq_t virq = 32; virq < 32u + config.spis; virq++)
		init_irq(m, 0, virq);
	for (virq_t virq = 4096; virq < 4096u + config.espis; virq++)
		init_irq(m, 0, virq);
	dist_write(m, 0, GICD_CTLR, 4, 3);
	serve_others(m, NULL);
	for (unsigned i = 0; i < config.vcpus; i++)
		m->kicks[i] = 0;
	return m;
}

static inline struct vgic_config config_of(enum vgic_version version, unsigned vcpus, unsigned spis,
					   unsigned lrs)
{
	return (struct vgic_config){ .version = (uint8_t)version,
				     .vcpus = (uint16_t)vcpus,
				     .spis = (uint16_t)spis,
				     .priority_bits = 5,
				     .preemption_bits = 5,
				     .lrs = (uint8_t)lrs,
				     .cluster_bits = 4 };
}

static inline struct machine *machine_of(enum vgic_version version, unsigned vcpus, unsigned spis,
					 unsigned lrs)
{
	return machine_with(config_of(version, vcpus, spis, lrs));
}

static inline struct machine *machine_new(unsigned vcpus, unsigned spis, unsigned lrs)
{
	return machine_of(VGIC_V3, vcpus, spis, lrs);
}

/* Tests that are run with either version: *state is that. */
static const enum vgic_version versions[] = { VGIC_V2, VGIC_V3 };

#define VERSION(state) (*(const enum vgic_version *)*(state))
#define GICV2(test)                                                      \
	{                                                                \
#test " (GICv2)", test, NULL, NULL, (void *)&versions[0] \
	}
#define GICV3(test)                                                      \
	{                                                                \
#test " (GICv3)", test, NULL, NULL, (void *)&versions[1] \
	}
#define BOTH(test) GICV2(test), GICV3(test)

static inline void machine_free(struct machine *m)
{
	free(m->memory);
	free(m->ram);
	free(m);
}

#endif
