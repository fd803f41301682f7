/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What the unit tests of the virtual GIC share: a vGIC with a counting port, and a guest that
 * acknowledges and ends interrupts in the image of its list registers. A test's own needs only:
 * priorities among list registers, EOIcount and the HW bit; tests/model has the whole interface.
 */
#ifndef CARILLON_TESTS_UNIT_FIXTURE_H
#define CARILLON_TESTS_UNIT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <carillon/vgic.h>

#define SPURIOUS  1023u
#define VMCR_OPEN (0xf0u << 24 | 3) /* priority mask 0xf0, both groups enabled */

#define GICD_CTLR       0x0
#define GICD_ISENABLER  0x100
#define GICD_ICENABLER  0x180
#define GICD_ISPENDR    0x200
#define GICD_ICPENDR    0x280
#define GICD_ISACTIVER  0x300
#define GICD_ICACTIVER  0x380
#define GICD_IPRIORITYR 0x400
#define GICD_ICFGR      0xc00
#define GICD_IROUTER    0x6000
#define GICR_WAKER      0x14
#define GICR_SGI        0x10000 /* SGI_base: the distributor's offsets from here on */

struct vcpu {
	struct vgic_cpu *cpu;
	struct gic_cpuif image;
	unsigned running[32]; /* acknowledged and not dropped, by priority: ap1r[0] */
};

struct machine {
	struct vgic *vgic;
	void *memory;
	struct vcpu vcpus[16];
	unsigned kicks[16];
	bool phys_active[1024], phys_line[1024], phys_pending_cleared[1024];
	unsigned routed_to;
	unsigned ended[1024], ended_on; /* how often, and on which vCPU last */
};

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

static inline uint32_t empty_lrs(const struct vcpu *v)
{
	uint32_t empty = 0;

	for (unsigned n = 0; n < VGIC_MAX_LRS; n++)
		if (!(v->image.live & 1u << n) || !(v->image.lr[n] >> 62))
			empty |= 1u << n;
	return empty;
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

static inline uint64_t dist_read(struct machine *m, unsigned vcpu, uint32_t offset, unsigned bytes)
{
	struct vcpu *v = &m->vcpus[vcpu];
	uint64_t value;

	while (vgic_dist_read(v->cpu, offset, bytes, &value) == VGIC_AGAIN) {
		leave(v);
		serve_others(m, v);
	}
	enter(v);
	return value;
}

static inline void dist_write(struct machine *m, unsigned vcpu, uint32_t offset, unsigned bytes,
			      uint64_t value)
{
	struct vcpu *v = &m->vcpus[vcpu];

	while (vgic_dist_write(v->cpu, offset, bytes, value) == VGIC_AGAIN) {
		leave(v);
		serve_others(m, v);
	}
	enter(v);
}

static inline uint64_t redist_read(struct machine *m, unsigned vcpu, uint32_t offset,
				   unsigned bytes)
{
	struct vcpu *v = &m->vcpus[vcpu];
	uint64_t value;

	while (vgic_redist_read(v->cpu, vcpu * VGIC_REDIST_STRIDE + offset, bytes, &value) ==
	       VGIC_AGAIN) {
		leave(v);
		serve_others(m, v);
	}
	enter(v);
	return value;
}

static inline void redist_write(struct machine *m, unsigned vcpu, uint32_t offset, uint64_t value)
{
	struct vcpu *v = &m->vcpus[vcpu];

	while (vgic_redist_write(v->cpu, vcpu * VGIC_REDIST_STRIDE + offset, 4, value) ==
	       VGIC_AGAIN) {
		leave(v);
		serve_others(m, v);
	}
	enter(v);
}

static inline unsigned lr_state(uint64_t lr)
{
	return (unsigned)(lr >> 62);
}

static inline unsigned lr_intid(uint64_t lr)
{
	return (unsigned)lr;
}

static inline unsigned lr_priority(uint64_t lr)
{
	return (unsigned)(lr >> 48) & 0xff;
}

/* The list register that has this interrupt, or -1. */
static inline int lr_of(const struct vcpu *v, virq_t virq)
{
	for (unsigned n = 0; n < VGIC_MAX_LRS; n++)
		if ((v->image.live & 1u << n) && lr_state(v->image.lr[n]) &&
		    lr_intid(v->image.lr[n]) == virq)
			return (int)n;
	return -1;
}

/* ICV_IAR, priority mask and preemption left out: the best pending list register. */
static inline virq_t ack(struct vcpu *v)
{
	int best = -1;

	for (int n = 0; n < VGIC_MAX_LRS; n++)
		if ((v->image.live & 1u << n) && lr_state(v->image.lr[n]) == 1 &&
		    (best < 0 || lr_priority(v->image.lr[n]) < lr_priority(v->image.lr[best])))
			best = n;
	if (best < 0)
		return SPURIOUS;
	v->image.lr[best] ^= 3ull << 62;
	v->running[lr_priority(v->image.lr[best]) >> 3]++;
	v->image.ap1r[0] |= 1u << (lr_priority(v->image.lr[best]) >> 3);
	return lr_intid(v->image.lr[best]);
}

/* The best active priority is dropped, if there is one. */
static inline void drop(struct vcpu *v)
{
	unsigned best = v->image.ap1r[0] ? (unsigned)__builtin_ctz(v->image.ap1r[0]) : 0;

	if (v->running[best] && !--v->running[best])
		v->image.ap1r[0] &= ~(1u << best);
}

/* ICV_EOIR with EOImode 0. */
static inline void eoi(struct machine *m, struct vcpu *v, virq_t virq)
{
	int n = lr_of(v, virq);

	drop(v);
	if (n < 0 || !(v->image.lr[n] >> 63)) {
		v->image.hcr += 1u << 27;
		return;
	}
	v->image.lr[n] &= ~(1ull << 63);
	if (v->image.lr[n] >> 61 & 1)
		m->phys_active[v->image.lr[n] >> 32 & 0x1fff] = false;
}

/* As a guest's driver does it: wake, groups on, the private and shared interrupts group 1, 0xa0. */
static inline struct machine *machine_new(unsigned vcpus, unsigned spis, unsigned lrs)
{
	static const struct vgic_port port = { fake_kick, fake_set_active, fake_clear_pending,
					       fake_line, fake_route,      fake_ended };
	struct vgic_config config = { .version = VGIC_V3,
				      .vcpus = (uint16_t)vcpus,
				      .spis = (uint16_t)spis,
				      .priority_bits = 5,
				      .preemption_bits = 5,
				      .lrs = (uint8_t)lrs,
				      .cluster_bits = 4 };
	struct machine *m = calloc(1, sizeof(*m));

	m->memory = aligned_alloc(64, vgic_size(&config));
	assert_int_equal(vgic_init(&m->vgic, m->memory, vgic_size(&config), &config, &port, m), 0);
	for (unsigned i = 0; i < vcpus; i++) {
		m->vcpus[i].image.vmcr = VMCR_OPEN;
		m->vcpus[i].cpu = vgic_load(m->vgic, i);
		assert_non_null(m->vcpus[i].cpu);
		redist_write(m, i, GICR_WAKER, 0);
		redist_write(m, i, GICR_SGI + 0x80, ~0u);
		redist_write(m, i, GICR_SGI + GICD_ISENABLER, ~0u);
		for (unsigned k = 0; k < 32; k += 4)
			redist_write(m, i, GICR_SGI + GICD_IPRIORITYR + k, 0xa0a0a0a0);
	}
	for (unsigned k = 32; k < 32 + spis; k++) {
		if (k % 32 == 0) {
			dist_write(m, 0, 0x80 + k / 8, 4, ~0u);
			dist_write(m, 0, GICD_ISENABLER + k / 8, 4, ~0u);
		}
		dist_write(m, 0, GICD_IPRIORITYR + k, 1, 0xa0);
	}
	dist_write(m, 0, GICD_CTLR, 4, 3);
	serve_others(m, NULL);
	for (unsigned i = 0; i < vcpus; i++)
		m->kicks[i] = 0;
	return m;
}

static inline void machine_free(struct machine *m)
{
	free(m->memory);
	free(m);
}

#endif
