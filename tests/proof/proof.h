/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What the proofs share: an arbitrary small vGIC, and their own form of the primitives through which
 * the library reads and changes an interrupt (prepare renamed the library's to library_*).
 *
 * Other CPUs are in it: each load of a word gives any word that the invariants allow, since they may
 * have changed it just before, and a compare-and-swap may fail and give another. What is asserted of
 * each change is what others rely on. So this is a proof for any number of CPUs as far as one word
 * goes; what spans several words, and memory order, is for the models in tests/protocol.
 */
#ifndef PROOF_H
#define PROOF_H

#include "internal.h"

/* Bounds: vCPUs, SPIs, extended SPIs and PPIs are any number up to these, or exactly these. */
#ifndef VCPUS
#define VCPUS 2
#endif
#ifndef SPIS
#define SPIS 40
#endif
#ifndef ESPIS
#define ESPIS 0
#endif
#ifndef EPPIS
#define EPPIS 0 /* exactly */
#endif
#ifndef LRS
#define LRS 2
#endif
#define PRIVATES (PRIVATE_IRQS + EPPIS)
#define IRQS     (VCPUS * PRIVATES + SPIS + ESPIS)

bool nondet_bool(void);
uint8_t nondet_u8(void);
uint16_t nondet_u16(void);
uint32_t nondet_u32(void);
unsigned nondet_unsigned(void);
uint64_t nondet_u64(void);
struct vgic_config nondet_config(void);

#define assume(what)       __CPROVER_assume(what)
#define assert(what, name) __CPROVER_assert(what, name)

static struct vgic gic;
static struct vgic_vcpu vcpus[VCPUS];
static struct vgic_irq irqs[IRQS];

/* --- Interrupts ------------------------------------------------------------------------------- */

/* One that the configuration has. */
static unsigned index_of(const struct vgic_irq *irq)
{
	assert(__CPROVER_same_object(irq, irqs), "an interrupt of this vGIC");
	return (unsigned)((uint64_t)__CPROVER_POINTER_OFFSET(irq) >> 5);
}

static void check_exists(const struct vgic_irq *irq)
{
	unsigned i = index_of(irq);

	assert((__CPROVER_POINTER_OFFSET(irq) & 31) == 0, "an interrupt's address");
	assert(i < VCPUS * PRIVATES + gic.config.spis + gic.config.espis,
	       "an interrupt that exists");
}

/* Links as indices behind a head that stands for the vGIC and its vCPUs. */
#define FIRST_LINK 64u

struct vgic_irq *irq_at(const struct vgic *vgic, link_t link)
{
	unsigned i = (link - FIRST_LINK) >> 5;

	(void)vgic;
	assert(link >= FIRST_LINK && (link & 31) == 0 && i < IRQS, "a link to an interrupt");
	return &irqs[i];
}

link_t link_to(const struct vgic *vgic, const struct vgic_irq *irq)
{
	(void)vgic;
	check_exists(irq);
	return FIRST_LINK + (index_of(irq) << 5);
}

/* --- The word --------------------------------------------------------------------------------- */

/*
 * word_valid(), and what word.md says besides: IN_RANGE: target and holder are vCPUs; REQUESTS_QUEUED:
 * requests are only there together with QUEUED.
 */
static bool word_sound(uint64_t w)
{
	return word_valid(w) && (!(w & (W_REQUESTS | W_LR_REQUESTS)) || (w & W_QUEUED)) &&
	       (word_target(w) < gic.config.vcpus || word_target(w) == TARGET_NONE) &&
	       (!(w & W_HELD) || word_holder(w) < gic.config.vcpus);
}

static uint64_t any_word(void)
{
	uint64_t w = nondet_u64();

	assume(word_sound(w));
	return w;
}

/* SOURCES_OF_SGIS: only a GICv2's SGIs have any. */
static bool may_have_sources(const struct vgic_irq *irq)
{
	unsigned i = index_of(irq);

	return gic.v2 && i < VCPUS * PRIVATES && (i & 31) < SGIS;
}

static uint64_t any_word_of(const struct vgic_irq *irq)
{
	uint64_t w = any_word();

	assume(!(w & W_SOURCES) || may_have_sources(irq));
	return w;
}

/*
 * What anybody but the holder and the drainer may change (word.md, "what happens"): not where the
 * interrupt is; no request goes away; none is made, and nothing that a vCPU has to look at, without
 * QUEUED; what is asked of a list register, only of one that has it.
 */
static bool change_is_polite(uint64_t old, uint64_t now)
{
	if ((old ^ now) & (W_HELD | W_HOLDER | W_IN_LR | W_LR_PENDING | W_CPUID))
		return false;
	if (old & ~now & (W_QUEUED | W_REQUESTS | W_LR_REQUESTS))
		return false;
	if (now & ~old & (W_REQUESTS | W_LR_REQUESTS))
		return now & W_QUEUED;
	return now == old || !word_needs_look(now) || (now & W_QUEUED);
}

#ifndef WORDS_IN_MEMORY

/* Who made QUEUED has to post: before it changes anything else, and once. */
static const struct vgic_irq *to_post;
static unsigned changes, swaps_failed;
static bool as_holder; /* the code that is proved is that of a vCPU that holds the interrupt */

uint64_t word_load(const struct vgic_irq *irq)
{
	check_exists(irq);
	return any_word_of(irq);
}

/* Failing a second time is the same as the first. */
bool word_cas(struct vgic_irq *irq, uint64_t *expected, uint64_t desired)
{
	check_exists(irq);
	assert(!to_post, "QUEUED is posted before the next change");
	if (swaps_failed == 0 && nondet_bool()) {
		swaps_failed++;
		*expected = any_word_of(irq);
		return false;
	}
	assume(word_sound(*expected) && (!(*expected & W_SOURCES) || may_have_sources(irq)));
	assert(word_valid(desired), "word_valid");
	assert(word_sound(desired), "IN_RANGE, REQUESTS_QUEUED");
	assert(!(desired & W_SOURCES) || may_have_sources(irq), "SOURCES_OF_SGIS");
	assert(as_holder || change_is_polite(*expected, desired), "only the holder's to change");
	if (desired & ~*expected & W_QUEUED)
		to_post = irq;
	changes++;
	return true;
}

unsigned irq_hwirq(const struct vgic_irq *irq)
{
	uint16_t hwirq = nondet_u16();

	check_exists(irq);
	assume(hwirq == 0 || ((hwirq & ~HWIRQ_LEVEL) >= SGIS && (hwirq & ~HWIRQ_LEVEL) < 8192));
	return hwirq;
}

void irq_post(struct vgic *vgic, struct vgic_vcpu *self, struct vgic_irq *irq, uint64_t w)
{
	assert(vgic == &gic && (!self || self->vgic == &gic), "this vGIC");
	assert(irq == to_post, "what is posted was made QUEUED");
	assert(word_looker(w) < gic.config.vcpus, "somebody looks at it");
	to_post = NULL;
}

/* settle.c's, which have their own proofs. */
bool irq_sync(struct vgic_vcpu *self, struct vgic_irq *irq)
{
	assert(self->vgic == &gic, "self");
	check_exists(irq);
	assert(!to_post, "QUEUED is posted before the next change");
	return nondet_bool();
}

void vcpu_resettle(struct vgic_vcpu *vcpu, struct vgic_vcpu *self)
{
	assert(vcpu->vgic == &gic && vcpu->index < gic.config.vcpus, "a vCPU");
	assert(self->vgic == &gic, "self");
}

static void check_posted(void)
{
	assert(!to_post, "QUEUED is posted");
}

#endif

/* --- The host --------------------------------------------------------------------------------- */

static void check_hook(const void *host, unsigned vcpu)
{
	assert(host == gic.host, "the host's pointer");
	assert(vcpu < gic.config.vcpus, "a vCPU that exists");
}

static void host_kick(void *host, unsigned vcpu)
{
	check_hook(host, vcpu);
}

static void host_set_active(void *host, unsigned vcpu, struct hwirq irq, bool active)
{
	(void)irq;
	(void)active;
	check_hook(host, vcpu);
}

static void host_clear_pending(void *host, unsigned vcpu, struct hwirq irq)
{
	(void)irq;
	check_hook(host, vcpu);
}

static bool host_line(void *host, unsigned vcpu, struct hwirq irq)
{
	(void)irq;
	check_hook(host, vcpu);
	return nondet_bool();
}

static void host_route(void *host, struct hwirq irq, unsigned vcpu)
{
	(void)irq;
	check_hook(host, vcpu);
}

static void host_ended(void *host, unsigned vcpu, virq_t virq)
{
	(void)virq;
	check_hook(host, vcpu);
}

/* --- An arbitrary vGIC ------------------------------------------------------------------------ */

static struct vgic_config any_config(void)
{
	struct vgic_config config = nondet_config();

#ifdef VERSION
	assume(config.version == VERSION);
#endif
	assume(vgic_check(&config, NULL) == 0);
	return config;
}

static void any_vgic(void)
{
	struct vgic_config config = any_config();

	assume(config.vcpus <= VCPUS && config.spis <= SPIS && config.espis <= ESPIS);
	assume(config.eppis == EPPIS && config.lrs >= 1 && config.lrs <= LRS);
	gic = (struct vgic){
		.config = config,
		.port = { host_kick, host_set_active, host_clear_pending, host_line,
			  nondet_bool() ? host_route : NULL, nondet_bool() ? host_ended : NULL },
		.irqs = irqs,
		.shared = irqs + VCPUS * PRIVATES,
		.privates = PRIVATES,
		.plain_hcr = lr_plain_hcr(&gic),
		.typer = nondet_u32(),
		.v2 = config.version == VGIC_V2,
		.vcpus = vcpus,
		.groups = nondet_u32() & 3,
		.rwp = nondet_u32(),
	};
	for (unsigned i = 0; i < VCPUS; i++) {
		vcpus[i] = (struct vgic_vcpu){
			.cpu = { .inbox = 0, .resettle = nondet_u32() },
			.mode = nondet_u32(),
			.vgic = &gic,
			.private = &irqs[i * PRIVATES],
			.index = (uint16_t)i,
			.asleep = nondet_bool(),
			.wait_key = nondet_u32(),
			.wait_mask = nondet_u32(),
			.rwp = nondet_u32(),
		};
		assume(vcpus[i].mode <= MODE_BLOCKED);
	}
}

/* Of an access: what the header allows. */
static unsigned any_width(void)
{
	unsigned bytes = nondet_unsigned();

	assume(bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8);
	return bytes;
}

/* For the proof's sake not &vcpu->cpu: a part of it would be a smaller object. */
static struct vgic_cpu *handle_of(struct vgic_vcpu *vcpu)
{
	return (struct vgic_cpu *)vcpu;
}

/*
 * Call with each of its vCPUs, or with vCPU 1 only. Two calls with a constant each, not one with
 * either: what is found through the pointer is then as cheap as a variable.
 */
#ifdef ONLY_VCPU_1
#define FOR_ANY_VCPU(body)                     \
	do {                                   \
		assume(gic.config.vcpus == 2); \
		body(&vcpus[1]);               \
	} while (0)
#else
#define FOR_ANY_VCPU(body)                                 \
	do {                                               \
		if (gic.config.vcpus > 1 && nondet_bool()) \
			body(&vcpus[1]);                   \
		else                                       \
			body(&vcpus[0]);                   \
	} while (0)
#endif

#endif
