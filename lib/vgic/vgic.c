/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The virtual GIC as a whole: configuration, layout in memory, a vCPU's coming and going, and the
 * wake predicate.
 */
#include "internal.h"

#define ALIGN 64u

static size_t round_up(size_t n)
{
	return (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

static const char *check_v2(const struct vgic_config *config)
{
	if (config->vcpus > VGIC_V2_MAX_VCPUS)
		return "vcpus is not 1 to 8, for a GICv2";
	if (config->espis || config->eppis)
		return "espis, eppis: a GICv2 has no extended interrupts";
	if (config->lpi_bits)
		return "lpi_bits: a GICv2 has no LPIs";
	if (config->priority_bits != 5 || config->preemption_bits != 5)
		return "priority_bits, preemption_bits: a GICv2's list registers have 5";
	return NULL;
}

int vgic_check(const struct vgic_config *config, const char **why)
{
	const char *reason = NULL;

	if (config->version == VGIC_V2)
		reason = check_v2(config);
	else if (config->version != VGIC_V3)
		reason = "version is neither VGIC_V2 nor VGIC_V3";
#ifdef VGIC_ONLY
	if (config->version != VGIC_ONLY)
		reason = "version is not the one that this library was built for";
#endif
	if (reason)
		;
	else if (config->vcpus < 1 || config->vcpus > VGIC_MAX_VCPUS)
		reason = "vcpus is not 1 to 512";
	else if (config->spis > VGIC_MAX_SPIS)
		reason = "spis is not 0 to 988";
	else if (config->espis > VGIC_MAX_ESPIS)
		reason = "espis is not 0 to 1024";
	else if (config->eppis > VGIC_MAX_EPPIS || config->eppis % 32)
		reason = "eppis is not 0, 32 or 64";
	else if (config->priority_bits < 5 || config->priority_bits > 8)
		reason = "priority_bits is not 5 to 8";
	else if (config->preemption_bits < 5 || config->preemption_bits > 7 ||
		 config->preemption_bits > config->priority_bits)
		reason = "preemption_bits is not 5 to 7 and at most priority_bits";
	else if (config->lrs > VGIC_MAX_LRS)
		reason = "lrs is not 0 to 16";
	else if (config->cluster_bits > 4)
		reason = "cluster_bits is not 0 to 4";
	else if (config->lpi_bits == 1 || config->lpi_bits > VGIC_MAX_LPI_BITS)
		reason = "lpi_bits is not 0 or 2 to 20";
	if (why)
		*why = reason;
	return reason ? -VIRQ_ERR_CONFIG : 0;
}

/* The parts of the memory block, in order: vgic, vCPUs, interrupts, queue heads, LPIs noted. */
static size_t irqs_at(const struct vgic_config *config)
{
	return round_up(sizeof(struct vgic)) + round_up(sizeof(struct vgic_vcpu)) * config->vcpus;
}

static size_t privates_of(const struct vgic_config *config)
{
	return PRIVATE_IRQS + (size_t)config->eppis;
}

static size_t irqs_of(const struct vgic_config *config)
{
	return privates_of(config) * config->vcpus + config->spis + config->espis;
}

static size_t lpis_of(const struct vgic_config *config)
{
	return config->lpi_bits ? (size_t)1 << config->lpi_bits : 0;
}

static size_t heads_at(const struct vgic_config *config)
{
	return irqs_at(config) + sizeof(struct vgic_irq) * (irqs_of(config) + lpis_of(config));
}

/* Of each queue; one more than there are priorities: active_level(). */
static size_t levels_of(const struct vgic_config *config)
{
	return ((size_t)1 << config->priority_bits) + 1;
}

static size_t notes_at(const struct vgic_config *config)
{
	return round_up(heads_at(config) + 3 * sizeof(link_t) * levels_of(config) * config->vcpus);
}

size_t vgic_size(const struct vgic_config *config)
{
	if (vgic_check(config, NULL))
		return 0;
	return round_up(notes_at(config) +
			lpi_notes_size((uint32_t)lpis_of(config)) * config->vcpus);
}

unsigned irq_count(const struct vgic *vgic)
{
	return (unsigned)irqs_of(&vgic->config);
}

static void init_irq(struct vgic_irq *irq, virq_t virq)
{
	*irq = (struct vgic_irq){ .route = (uint64_t)virq << ROUTE_INTID_SHIFT };
}

static void init_vcpu(struct vgic *vgic, unsigned index, link_t **heads)
{
	struct vgic_vcpu *vcpu = &vgic->vcpus[index];
	struct queue *queues[] = { &vcpu->pending[0], &vcpu->pending[1], &vcpu->active };

	*vcpu = (struct vgic_vcpu){
		.mode = MODE_PUT,
		.vgic = vgic,
		.private = &vgic->irqs[vgic->privates * index],
		.index = (uint16_t)index,
	};
	vcpu->mapped_two[0] = vcpu->mapped_two[1] = vcpu->private; /* an SGI: never mapped */
	for (unsigned q = 0; q < 3; q++, *heads += levels_of(&vgic->config))
		queues[q]->heads = *heads;
	for (unsigned i = 0; i < vgic->privates; i++)
		init_irq(&vcpu->private[i], i < PRIVATE_IRQS ? i : EPPI_BASE + i - PRIVATE_IRQS);
}

static void init_shared(struct vgic *vgic)
{
	for (unsigned i = 0; i < vgic->config.spis; i++)
		init_irq(&vgic->shared[i], PRIVATE_IRQS + i);
	for (unsigned i = 0; i < vgic->config.espis; i++)
		init_irq(&vgic->shared[vgic->config.spis + i], ESPI_BASE + i);
}

static void init_lpis(struct vgic *vgic, char *notes)
{
	for (uint32_t i = 0; i < vgic->lpi_count; i++)
		init_irq(&vgic->lpis[i], VGIC_LPI_BASE + i);
	for (unsigned i = 0; i < vgic->config.vcpus;
	     i++, notes += lpi_notes_size(vgic->lpi_count)) {
		vgic->vcpus[i].noted = (uint64_t *)notes;
		vgic->vcpus[i].noted_summary = (uint64_t *)notes + lpi_words(vgic);
	}
}

int vgic_init(struct vgic **result, void *memory, size_t size, const struct vgic_config *config,
	      const struct vgic_port *port, void *host)
{
	struct vgic *vgic = memory;
	char *base = memory;
	link_t *heads;

	if (vgic_check(config, NULL) ||
	    (config->lpi_bits && (!port->guest_read || !port->guest_write)))
		return -VIRQ_ERR_CONFIG;
	if ((uintptr_t)memory % ALIGN || size < vgic_size(config))
		return -VIRQ_ERR_MEMORY;
	*vgic = (struct vgic){
		.config = *config,
		.port = *port,
		.host = host,
		.privates = (uint32_t)privates_of(config),
		.v2 = config->version == VGIC_V2,
		.lpi_count = (uint32_t)lpis_of(config),
		.priority_mask = (uint8_t)(0xff00u >> config->priority_bits),
	};

	vgic->typer = gicd_typer(vgic);
	vgic->vcpus = (struct vgic_vcpu *)(base + round_up(sizeof(*vgic)));
	vgic->irqs = (struct vgic_irq *)(base + irqs_at(config));
	vgic->shared = vgic->irqs + (size_t)vgic->privates * config->vcpus;
	vgic->lpis = vgic->irqs + irqs_of(config);
	heads = (link_t *)(base + heads_at(config));
	for (unsigned i = 0; i < config->vcpus; i++)
		init_vcpu(vgic, i, &heads);
	init_shared(vgic);
	init_lpis(vgic, base + notes_at(config));
	reset_all(vgic);
	*result = vgic;
	return 0;
}

/* --- Reset. ------------------------------------------------------------------------------------- */

/* It holds nothing, and waits for the end of nothing. Not loaded; its inbox is empty. */
void vcpu_clear(struct vgic_vcpu *vcpu)
{
	struct queue *queues[] = { &vcpu->pending[0], &vcpu->pending[1], &vcpu->active };
	size_t levels = levels_of(&vcpu->vgic->config);

	for (unsigned q = 0; q < 3; q++) {
		for (unsigned i = 0; i < 4; i++)
			queues[q]->summary[i] = 0;
		for (size_t i = 0; i < levels; i++)
			queues[q]->heads[i] = 0;
		queues[q]->count = 0;
	}
	vcpu->ghosts = (struct levels){ { 0, 0 } };
}

/* What it is mapped to, and who wants to know of its end, stays. */
static void reset_irq(struct vgic_irq *irq, uint64_t word)
{
	uint64_t route = load_relaxed(&irq->route);

	irq->place = PLACE_NONE;
	store_relaxed(&irq->route, route & ~route_written(route));
	store_relaxed(&irq->word, word);
}

/* SGIs are edge-triggered and enabled by software like any other; PPIs come up as level. */
static void reset_vcpu(struct vgic_vcpu *vcpu)
{
	uint64_t target = (uint64_t)vcpu->index << W_TARGET_SHIFT;

	vcpu_clear(vcpu);
	soft_reset(vcpu);
	store_relaxed(&vcpu->asleep, !IS_V2(vcpu->vgic));
	for (unsigned i = 0; i < vcpu->vgic->privates; i++)
		reset_irq(&vcpu->private[i], (i < SGIS ? 0 : W_LEVEL) | target);
}

/*
 * As power-on leaves it. GICv3: SPIs are routed to affinity 0.0.0.0. GICv2: to no CPU interface, as
 * ITARGETSR resets; with one CPU there is nothing to choose.
 */
void reset_all(struct vgic *vgic)
{
	uint64_t target = IS_V2(vgic) && vgic->config.vcpus > 1 ? TARGET_NONE : 0;

	for (unsigned i = 0; i < vgic->config.vcpus; i++)
		reset_vcpu(&vgic->vcpus[i]);
	for (unsigned i = 0; i < vgic->config.spis + (unsigned)vgic->config.espis; i++)
		reset_irq(&vgic->shared[i], W_LEVEL | target);
	lpis_reset(vgic);
	store_relaxed(&vgic->groups, 0);
	store_relaxed(&vgic->diverted, 0);
}

/* --- Affinity: vCPU n is Aff0 = n mod 2^bits of cluster n / 2^bits. ---------------------------- */

uint64_t vgic_mpidr(const struct vgic *vgic, unsigned vcpu)
{
	unsigned bits = vgic->config.cluster_bits;
	unsigned cluster = vcpu >> bits;

	return (vcpu & ((1u << bits) - 1)) | (uint64_t)(cluster & 0xff) << 8 |
	       (uint64_t)(cluster >> 8) << 16;
}

int vgic_vcpu_of_mpidr(const struct vgic *vgic, uint64_t mpidr)
{
	unsigned bits = vgic->config.cluster_bits;
	uint64_t vcpu = (mpidr >> 32 & 0xff) << 16 | (mpidr >> 8 & 0xffff);

	if (mpidr & 0xff & ~((1u << bits) - 1))
		return -VIRQ_ERR_RANGE;
	vcpu = vcpu << bits | (mpidr & 0xff);
	return vcpu < vgic->config.vcpus ? (int)vcpu : -VIRQ_ERR_RANGE;
}

/* --- Coming and going. -------------------------------------------------------------------------- */

/*
 * May the physical interrupt be active? While it is due, it is. Otherwise it is only until what was
 * asked about it is served, and where guest and host disagree about the trigger: then the host said
 * that the line is high.
 */
static bool physical_may_be_active(const struct vgic_irq *irq, uint64_t w)
{
	return (w & (W_LINE | W_PHYSICAL)) || physical_due(irq, w);
}

static void private_set_active(struct vgic_vcpu *vcpu, const struct vgic_irq *irq, bool loaded)
{
	struct vgic *vgic = vcpu->vgic;
	uint64_t w = word_load(irq);

	if (loaded ? physical_due(irq, w) : physical_may_be_active(irq, w))
		vgic->port.hwirq_set_active(vgic->host, vcpu->index, hwirq_of(irq), loaded);
}

/*
 * Private mapped interrupts live in the redistributor of the physical CPU: what they hold there is
 * given up at put and established at load. The virtual timer, mostly. In between they are inactive;
 * the hook is called for those alone that are not, or are not to stay so.
 */
static __attribute__((noinline)) void private_physical(struct vgic_vcpu *vcpu, bool loaded)
{
	for (unsigned i = 0; i < vcpu->vgic->privates / 32; i++)
		for (uint32_t left = load_relaxed(&vcpu->mapped[i]); left; left &= left - 1)
			private_set_active(vcpu,
					   &vcpu->private[32 * i + (unsigned)__builtin_ctz(left)],
					   loaded);
}

/* Is that worth a call? Mostly nothing is due. */
static inline bool private_may_be_active(const struct vgic_vcpu *vcpu)
{
	const struct vgic_irq *first = load_relaxed(&vcpu->mapped_two[0]);

	return !first || ((word_load(first) | word_load(load_relaxed(&vcpu->mapped_two[1]))) &
			  (W_TAKEN | W_ACTIVE | W_LR_PENDING | W_PHYSICAL));
}

/*
 * Anything may be in the list registers and in ICH_HCR_EL2, for instance another vCPU's: the next
 * enter, which is due, writes them all.
 */
static inline void hardware_unknown(struct vgic_vcpu *vcpu)
{
	vcpu->unknown = vcpu->loud = (1u << vcpu->vgic->config.lrs) - 1;
	vcpu->hw_hcr = ~0u;
	/* The exit before the last put left it, mostly. */
	if (!(load_relaxed(&vcpu->cpu.resettle) & RESETTLE_ENTER))
		__atomic_fetch_or(&vcpu->cpu.resettle, RESETTLE_ENTER, __ATOMIC_RELAXED);
}

static __attribute__((noinline)) struct vgic_cpu *load_privates(struct vgic_vcpu *vcpu)
{
	private_physical(vcpu, true);
	hardware_unknown(vcpu);
	return &vcpu->cpu;
}

struct vgic_cpu *vgic_load(struct vgic *vgic, unsigned index)
{
	struct vgic_vcpu *vcpu;
	bool is_put;

	if (index >= vgic->config.vcpus)
		return NULL;
	vcpu = &vgic->vcpus[index];
	/* The lock sees off who serves it. Who finds it taken has enter serve what it pushed. */
	lock_take(&vcpu->lock);
	is_put = vcpu_is_put(vcpu);
	if (is_put)
		store_relaxed(&vcpu->mode, MODE_OUTSIDE);
	lock_drop(&vcpu->lock);
	if (!is_put)
		return NULL;
	if (private_may_be_active(vcpu))
		return load_privates(vcpu);
	hardware_unknown(vcpu);
	return &vcpu->cpu;
}

void vgic_lists_quiet(struct vgic_cpu *cpu)
{
	struct vgic_vcpu *vcpu = vcpu_of(cpu);

	vcpu->loud = vcpu->hw_hcr = 0;
}

/* A software CPU interface is the vCPU's own anyway. */
static void keep_cpuif(struct vgic_vcpu *vcpu, const struct gic_cpuif *image)
{
	if (!HAS_LRS(vcpu->vgic) || !image)
		return;
	vcpu->vmcr = image->vmcr;
	__builtin_memcpy(vcpu->ap0r, image->ap0r, sizeof(vcpu->ap0r));
	__builtin_memcpy(vcpu->ap1r, image->ap1r, sizeof(vcpu->ap1r));
}

/* What the owner raised for itself since its last exit. */
static void settle_own(struct vgic_vcpu *vcpu)
{
	vcpu_drain(vcpu);
	irqs_post(vcpu->vgic, vcpu, vcpu_take_forwards(vcpu));
}

/* It was just put, and something came in; by now somebody else may have it, and do that. */
static __attribute__((noinline)) void serve_put(struct vgic_vcpu *vcpu)
{
	link_t forwards = serve_unloaded(vcpu, 0);

	lock_take(&vcpu->lock);
	if (vcpu_is_put(vcpu))
		vcpu_uncount(vcpu);
	vcpu_unlock(vcpu, forwards);
}

/* The last thing that its owner does: from then on it is anybody's who takes the lock, if there is need. */
static inline void now_put(struct vgic_vcpu *vcpu, struct gic_cpuif *image)
{
	keep_cpuif(vcpu, image);
	vcpu->image = NULL;
	vcpu->wait_key = 0;
	/* release: all that was done before; partner: vcpu_is_put() */
	__atomic_store_n(&vcpu->mode, MODE_PUT, __ATOMIC_RELEASE);
	/* Who pushed before this and saw OUTSIDE did not serve; partners: irqs_post(), vcpu_resettle(). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (load_relaxed(&vcpu->cpu.inbox) | (load_relaxed(&vcpu->cpu.resettle) & RESETTLE_COUNTED))
		serve_put(vcpu);
}

/* Something was in list registers, or is active. */
static __attribute__((noinline)) void put_fully(struct vgic_vcpu *vcpu, struct gic_cpuif *image)
{
	if (vcpu->cpu.own)
		settle_own(vcpu);
	private_physical(vcpu, false);
	if (HAS_LRS(vcpu->vgic) && image)
		image->changed = vcpu->loud;
	dir_said(vcpu);
	now_put(vcpu, image);
}

/* No lock: while it is loaded, only this CPU touches what the lock is for. */
void vgic_put(struct vgic_cpu *cpu, struct gic_cpuif *image)
{
	struct vgic_vcpu *vcpu = vcpu_of(cpu);

	if ((cpu->own | vcpu->loud | vcpu->active.count | vcpu->sharing) ||
	    private_may_be_active(vcpu)) {
		put_fully(vcpu, image);
		return;
	}
	if (image)
		image->changed = 0;
	now_put(vcpu, image);
}

/* The active priorities are gone: no end of interrupt will come for what is active. */
static void forget_acknowledges(struct vgic_vcpu *vcpu)
{
	struct vgic *vgic = vcpu->vgic;

	for (uint32_t left = vcpu->active.count; left; left--) {
		struct vgic_irq *irq = queue_best(vgic, &vcpu->active);
		uint64_t old = word_load(irq);

		while (!word_cas(irq, &old, old | W_ACK))
			;
		queue_remove(vgic, &vcpu->active, irq);
		queue_insert(vgic, &vcpu->active, irq, active_level(vgic, W_ACK), false);
	}
}

void vgic_cpuif_reset(struct vgic_cpu *cpu, struct gic_cpuif *image)
{
	struct vgic_vcpu *vcpu = vcpu_of(cpu);

	vcpu->ghosts = (struct levels){ { 0, 0 } };
	vcpu->lonely = 0;
	vcpu->wait_key = 0;
	forget_acknowledges(vcpu);
	hardware_unknown(vcpu);
	if (image)
		*image = (struct gic_cpuif){ 0 };
	keep_cpuif(vcpu, image);
	if (!HAS_LRS(vcpu->vgic))
		soft_reset(vcpu);
}

void vgic_cpuif_restore(struct vgic_cpu *cpu, struct gic_cpuif *image)
{
	struct vgic_vcpu *vcpu = vcpu_of(cpu);

	if (!image)
		return;
	*image = (struct gic_cpuif){ .vmcr = vcpu->vmcr };
	for (unsigned i = 0; i < 4; i++) {
		image->ap0r[i] = vcpu->ap0r[i];
		image->ap1r[i] = vcpu->ap1r[i];
	}
}

bool vgic_block(struct vgic_cpu *cpu)
{
	struct vgic_vcpu *vcpu = vcpu_of(cpu);

	store_relaxed(&vcpu->mode, MODE_BLOCKED);
	/* Full barrier between mode and inbox; partners: irqs_post(), vcpu_resettle(). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!cpu->own && !load_relaxed(&cpu->inbox) &&
	    !(load_relaxed(&cpu->resettle) & ~RESETTLE_ENTER))
		return true;
	store_relaxed(&vcpu->mode, MODE_OUTSIDE);
	return false;
}

/* --- Looking at it from outside. ------------------------------------------------------------------ */

bool vgic_pending(struct vgic *vgic, unsigned index)
{
	struct vgic_vcpu *vcpu;
	link_t forwards;
	bool pending;

	if (index >= vgic->config.vcpus)
		return false;
	vcpu = &vgic->vcpus[index];
	lock_take(&vcpu->lock);
	vcpu_is_put(vcpu); /* for the acquire: what is not loaded was its owner's */
	keep_cpuif(vcpu, vcpu->image);
	vcpu_drain(vcpu);
	forwards = vcpu_take_forwards(vcpu);
	pending = vcpu_signalled(vcpu).irq;
	vcpu_unlock(vcpu, forwards);
	return pending;
}

int vgic_irq_info(const struct vgic *vgic, unsigned vcpu, virq_t virq, struct vgic_irq_info *info)
{
	bool shared = virq - PRIVATE_IRQS < VGIC_MAX_SPIS || virq >= ESPI_BASE;
	const struct vgic_irq *irq = NULL;
	uint64_t w;

	if (virq - VGIC_LPI_BASE < vgic->lpi_count)
		irq = &vgic->lpis[virq - VGIC_LPI_BASE];
	else if (shared || vcpu < vgic->config.vcpus)
		irq = irq_of(vgic, vcpu, virq);
	if (!irq)
		return -VIRQ_ERR_RANGE;
	w = word_load(irq);
	*info = (struct vgic_irq_info){
		.route = route_written(load_relaxed(&irq->route)),
		.target = (uint16_t)(word_target(w) == TARGET_NONE ? NO_VCPU : word_target(w)),
		.holder = (uint16_t)(w & W_HELD ? word_holder(w) : NO_VCPU),
		.hwirq = hwirq_of(irq).intid,
		.priority = (uint8_t)word_priority(w),
		.group = !!(w & W_GROUP1),
		/* Of an LPI, if it has been read since it was last invalidated. */
		.enabled = (w & W_ENABLED) && !(irq_is_lpi(vgic, irq) && (w & W_CONFIG)),
		.pending = word_pending(w) || ((w & W_LR_PENDING) && !(w & W_RETRACT)),
		.active = w & W_ACTIVE,
		.level = w & W_LEVEL,
		.line = w & W_LINE,
		.live = w & W_IN_LR,
		.diverted = virq >= SGIS && virq < VGIC_LPI_BASE && (w & W_DIVERTED),
	};
	return 0;
}

int vgic_stats(const struct vgic *vgic, unsigned vcpu, struct vgic_stats *stats)
{
	const struct vgic_stats *from;

	if (vcpu >= vgic->config.vcpus)
		return -VIRQ_ERR_RANGE;
	from = &vgic->vcpus[vcpu].stats;
	stats->sgis = load_relaxed(&from->sgis);
	stats->ppis = load_relaxed(&from->ppis);
	stats->spis = load_relaxed(&from->spis);
	stats->lpis = load_relaxed(&from->lpis);
	stats->overflows = load_relaxed(&from->overflows);
	stats->kicks = load_relaxed(&from->kicks);
	stats->guest_errors = load_relaxed(&from->guest_errors);
	return 0;
}
