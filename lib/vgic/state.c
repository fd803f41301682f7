/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Save and restore: the architecture's view of a VM's interrupt controller, as bytes; state.md beside
 * this file is the format. A state has one form: what restore accepts, save gives back bit for bit.
 * IHI 0069 4.1, 12.5 (ICH_VMCR_EL2, ICH_AP0R<n>_EL2), 12.9, 12.11.
 */
#include "../core/bytes.h"
#include "internal.h"

#define MAGIC  0x53434756u /* "VGCS" */
#define FORMAT 1u

#define HEADER_SIZE 32u
#define VCPU_SIZE   56u
#define LPIS_SIZE   20u /* more of a vCPU, with LPIs */
#define IRQ_SIZE    20u

#define WAKER_SLEEP 2u /* GICR_WAKER.ProcessorSleep */

/* --- The header: it has to be the same ----------------------------------------------------------- */

struct field {
	uint32_t value;
	unsigned bytes;
	const char *why;
};

#define HEADER_FIELDS 14u

static void header_of(const struct vgic *vgic, struct field fields[HEADER_FIELDS])
{
	const struct vgic_config *config = &vgic->config;
	const struct field is[HEADER_FIELDS] = {
		{ MAGIC, 4, "magic: this is not a saved vGIC" },
		{ FORMAT, 4, "format: saved by another version of the library" },
		{ config->version, 1, "version: configure the GIC that was saved" },
		{ config->priority_bits, 1, "priority_bits: configure as many as were saved" },
		{ config->preemption_bits, 1, "preemption_bits: configure as many as were saved" },
		{ config->cluster_bits, 1, "cluster_bits: configure as many as were saved" },
		{ config->vcpus, 2, "vcpus: configure as many as were saved" },
		{ config->spis, 2, "spis: configure as many as were saved" },
		{ config->espis, 2, "espis: configure as many as were saved" },
		{ config->eppis, 2, "eppis: configure as many as were saved" },
		{ config->region_redists, 2, "region_redists: configure as many as were saved" },
		{ config->lpi_bits, 1, "lpi_bits: configure as many as were saved" },
		{ 0, 1, "header: a reserved bit is set" },
		{ (uint32_t)vgic_save_size(vgic), 4, "length: not that of this configuration" },
	};

	for (unsigned i = 0; i < HEADER_FIELDS; i++)
		fields[i] = is[i];
}

static void save_header(const struct vgic *vgic, uint8_t **at)
{
	struct field fields[HEADER_FIELDS];

	header_of(vgic, fields);
	for (unsigned i = 0; i < HEADER_FIELDS; i++)
		put(at, fields[i].bytes, fields[i].value);
}

static const char *check_header(const struct vgic *vgic, const uint8_t **at)
{
	struct field fields[HEADER_FIELDS];

	header_of(vgic, fields);
	for (unsigned i = 0; i < HEADER_FIELDS; i++)
		if (take(at, fields[i].bytes) != fields[i].value)
			return fields[i].why;
	return NULL;
}

static const char *check_groups(uint64_t groups)
{
	return groups & ~3ull ? "groups: GICD_CTLR has two enables" : NULL;
}

/* --- vCPUs --------------------------------------------------------------------------------------- */

struct vcpu_state {
	uint32_t waker, vmcr;
	uint32_t ap0r[4], ap1r[4];
	struct levels ghosts;
};

/* Active priorities that exist, of register n. */
static uint32_t levels_in(const struct vgic *vgic, unsigned n)
{
	return 32 * n < 1u << vgic->config.preemption_bits ? ~0u : 0;
}

/* As hardware would have it: fields that exist, binary points not below their minimum. */
static uint32_t vmcr_of(const struct vgic_vcpu *vcpu, uint32_t vmcr)
{
	uint32_t bits = VMCR_VENG0 | VMCR_VENG1 | VMCR_VCBPR | VMCR_VEOIM;
	unsigned point[2] = { VMCR_VBPR0(vmcr), VMCR_VBPR1(vmcr) };

	if (IS_V2(vcpu->vgic))
		bits |= VMCR_VACKCTL | VMCR_VFIQEN;
	bits |= (0xff00u >> vcpu->vgic->config.priority_bits & 0xff) << VMCR_VPMR_SHIFT;
	for (unsigned group = 0; group < 2; group++)
		if (point[group] < bpr_minimum(vcpu, group))
			point[group] = bpr_minimum(vcpu, group);
	return (vmcr & bits) | point[0] << VMCR_VBPR0_SHIFT | point[1] << VMCR_VBPR1_SHIFT;
}

/* A GICv2's active priorities are of both groups. */
static struct vcpu_state state_of_vcpu(const struct vgic_vcpu *vcpu)
{
	struct vcpu_state state = {
		.waker = load_relaxed(&vcpu->asleep) ? WAKER_SLEEP : 0,
		.vmcr = vmcr_of(vcpu, vcpu->vmcr),
		.ghosts = vcpu->ghosts,
	};

	for (unsigned n = 0; n < 4; n++) {
		state.ap0r[n] = vcpu->ap0r[n] & levels_in(vcpu->vgic, n);
		state.ap1r[n] = vcpu->ap1r[n] & levels_in(vcpu->vgic, n);
		if (IS_V2(vcpu->vgic)) {
			state.ap0r[n] |= state.ap1r[n];
			state.ap1r[n] = 0;
		}
	}
	return state;
}

static void save_vcpu(const struct vgic_vcpu *vcpu, uint8_t **at)
{
	struct vcpu_state state = state_of_vcpu(vcpu);

	put(at, 4, state.waker);
	put(at, 4, state.vmcr);
	for (unsigned n = 0; n < 4; n++)
		put(at, 4, state.ap0r[n]);
	for (unsigned n = 0; n < 4; n++)
		put(at, 4, state.ap1r[n]);
	put(at, 8, state.ghosts.bits[0]);
	put(at, 8, state.ghosts.bits[1]);
}

static struct vcpu_state take_vcpu(const uint8_t **at)
{
	struct vcpu_state state;

	state.waker = (uint32_t)take(at, 4);
	state.vmcr = (uint32_t)take(at, 4);
	for (unsigned n = 0; n < 4; n++)
		state.ap0r[n] = (uint32_t)take(at, 4);
	for (unsigned n = 0; n < 4; n++)
		state.ap1r[n] = (uint32_t)take(at, 4);
	state.ghosts.bits[0] = take(at, 8);
	state.ghosts.bits[1] = take(at, 8);
	return state;
}

static const char *check_vcpu(const struct vgic_vcpu *vcpu, const struct vcpu_state *state)
{
	const struct vgic *vgic = vcpu->vgic;

	if (state->waker & ~(IS_V2(vgic) ? 0 : WAKER_SLEEP))
		return "waker: bits that are not GICR_WAKER.ProcessorSleep";
	if (state->vmcr != vmcr_of(vcpu, state->vmcr))
		return "vmcr: bits that are not there, or a binary point below its minimum";
	for (unsigned n = 0; n < 4; n++) {
		uint64_t ghosts = state->ghosts.bits[n / 2] >> 32 * (n % 2);

		if (state->ap0r[n] & ~levels_in(vgic, n))
			return "ap0r: an active priority that there is not";
		if (state->ap1r[n] & ~(IS_V2(vgic) ? 0 : levels_in(vgic, n)))
			return "ap1r: an active priority that there is not";
		if ((uint32_t)ghosts & ~levels_in(vgic, n))
			return "ghosts: a preemption level that there is not";
	}
	return NULL;
}

static void restore_vcpu(struct vgic_vcpu *vcpu, const struct vcpu_state *state)
{
	lock_take(&vcpu->lock);
	vcpu_clear(vcpu);
	vcpu->vmcr = state->vmcr;
	for (unsigned n = 0; n < 4; n++) {
		vcpu->ap0r[n] = state->ap0r[n];
		vcpu->ap1r[n] = state->ap1r[n];
	}
	vcpu->ghosts = state->ghosts;
	store_relaxed(&vcpu->asleep, state->waker & WAKER_SLEEP);
	lock_drop(&vcpu->lock);
}

/* --- Redistributors' LPIs, if there are any ------------------------------------------------------- */

static void save_lpis(struct vgic_vcpu *vcpu, uint8_t **at)
{
	struct lpis_state state;

	if (!vcpu->vgic->config.lpi_bits)
		return;
	state = lpis_save(vcpu);
	put(at, 4, state.ctlr);
	put(at, 8, state.propbaser);
	put(at, 8, state.pendbaser);
}

static struct lpis_state take_lpis(const struct vgic *vgic, const uint8_t **at)
{
	struct lpis_state state = { .ctlr = 0 };

	if (!vgic->config.lpi_bits)
		return state;
	state.ctlr = (uint32_t)take(at, 4);
	state.propbaser = take(at, 8);
	state.pendbaser = take(at, 8);
	return state;
}

/* --- Interrupts ---------------------------------------------------------------------------------- */

/* Bits of the word, in the order of `flags`; bits that are not listed are reserved. */
static const uint64_t flag_bits[] = { W_ENABLED, W_LATCH,  W_LINE,       W_LEVEL,
				      W_ACTIVE,  W_GROUP1, W_ACK_GROUP1, W_DROPPED };

#define FLAGS (sizeof(flag_bits) / sizeof(flag_bits[0]))

struct irq_state {
	uint64_t flags; /* as bits of the word */
	uint8_t priority, ack, sources, cpuid;
	uint16_t holder, target;
	uint64_t route;
	uint64_t reserved;
};

/*
 * What a word has left over from before, and nobody looks at, is not told. That is all of an
 * acknowledge when it is over, and all but its priority when there was none.
 */
static struct irq_state state_of_irq(const struct vgic *vgic, const struct vgic_irq *irq)
{
	uint64_t w = word_load(irq);
	bool active = w & W_ACTIVE, acked = active && word_ack(w) != ACK_BY_HAND;
	unsigned target = word_target(w);
	struct irq_state state = {
		.priority = (uint8_t)word_priority(w),
		.ack = (uint8_t)(active ? word_ack(w) : 0),
		.sources = (uint8_t)word_sources(w),
		.cpuid = (uint8_t)(active && irq_has_sources(vgic, irq) ? word_cpuid(w) : 0),
		.holder = (uint16_t)(active ? word_holder(w) : NO_VCPU),
		.target = (uint16_t)(target == TARGET_NONE ? NO_VCPU : target),
		.route = route_written(load_relaxed(&irq->route)),
	};

	if (!acked)
		w &= ~(W_ACK_GROUP1 | W_DROPPED);
	for (unsigned i = 0; i < FLAGS; i++)
		state.flags |= w & flag_bits[i];
	return state;
}

static void save_irq(const struct vgic *vgic, const struct vgic_irq *irq, uint8_t **at)
{
	struct irq_state state = state_of_irq(vgic, irq);
	uint32_t flags = 0;

	for (unsigned i = 0; i < FLAGS; i++)
		if (state.flags & flag_bits[i])
			flags |= 1u << i;
	put(at, 2, flags);
	put(at, 1, state.priority);
	put(at, 1, state.ack);
	put(at, 1, state.sources);
	put(at, 1, state.cpuid);
	put(at, 2, state.holder);
	put(at, 2, state.target);
	put(at, 2, 0);
	put(at, 8, state.route);
}

static struct irq_state take_irq(const uint8_t **at)
{
	struct irq_state state = { .flags = 0 };
	uint64_t flags = take(at, 2);

	for (unsigned i = 0; i < FLAGS; i++)
		if (flags >> i & 1)
			state.flags |= flag_bits[i];
	state.priority = (uint8_t)take(at, 1);
	state.ack = (uint8_t)take(at, 1);
	state.sources = (uint8_t)take(at, 1);
	state.cpuid = (uint8_t)take(at, 1);
	state.holder = (uint16_t)take(at, 2);
	state.target = (uint16_t)take(at, 2);
	state.reserved = take(at, 2) | flags >> FLAGS;
	state.route = take(at, 8);
	return state;
}

/* The vCPU of a private interrupt. */
static unsigned owner_of(const struct vgic *vgic, const struct vgic_irq *irq)
{
	return (unsigned)(irq - vgic->irqs) / vgic->privates;
}

static uint32_t present(const struct vgic *vgic)
{
	return IS_V2(vgic) ? (1u << vgic->config.vcpus) - 1 : 0;
}

static bool unimplemented(const struct vgic *vgic, unsigned priority)
{
	return priority & ~(0xff00u >> vgic->config.priority_bits);
}

static const char *check_config(const struct vgic *vgic, const struct vgic_irq *irq,
				const struct irq_state *state)
{
	bool sgi = irq_intid(irq) < SGIS, latch = state->flags & W_LATCH;

	if (state->reserved)
		return "interrupt: a reserved bit is set";
	if (unimplemented(vgic, state->priority))
		return "priority: bits that are not implemented";
	if (sgi && (state->flags & W_LEVEL))
		return "level: an SGI is edge-triggered";
	if (sgi && (state->flags & W_LINE))
		return "line: an SGI has none";
	if (!irq_has_sources(vgic, irq))
		return state->sources ? "sources: only SGIs of a GICv2 have any" : NULL;
	if (state->sources & ~present(vgic))
		return "sources: a CPU interface that there is not";
	if (latch != (state->sources != 0))
		return "sources: an SGI is pending for one, or it is not";
	return NULL;
}

static const char *check_inactive(const struct irq_state *state)
{
	if (state->flags & (W_ACK_GROUP1 | W_DROPPED))
		return "acknowledged group, dropped: of an interrupt that is not active";
	if (state->ack)
		return "acknowledged priority: of an interrupt that is not active";
	if (state->cpuid)
		return "source: of an interrupt that is not active";
	if (state->holder != NO_VCPU)
		return "holder: of an interrupt that is not active";
	return NULL;
}

static const char *check_active(const struct vgic *vgic, const struct vgic_irq *irq,
				const struct irq_state *state)
{
	if (!(state->flags & W_ACTIVE))
		return check_inactive(state);
	if (state->ack == ACK_BY_HAND && (state->flags & (W_ACK_GROUP1 | W_DROPPED)))
		return "acknowledged group, dropped: of an interrupt that was not acknowledged";
	if (state->ack != ACK_BY_HAND && unimplemented(vgic, state->ack))
		return "acknowledged priority: bits that are not implemented";
	if (irq_has_sources(vgic, irq) ? state->cpuid >= vgic->config.vcpus : state->cpuid)
		return "source: a CPU interface that there is not, or not of an SGI of a GICv2";
	if (irq_is_private(vgic, irq) ? state->holder != owner_of(vgic, irq)
				      : state->holder >= vgic->config.vcpus)
		return "holder: not the vCPU of a private interrupt, or there is none";
	return NULL;
}

/* What the target follows from; -1: it is any vCPU, the one that asked for any. */
static int target_of(const struct vgic *vgic, const struct vgic_irq *irq, uint64_t route)
{
	int vcpu;

	if (irq_is_private(vgic, irq))
		return (int)owner_of(vgic, irq);
	if (IS_V2(vgic) && vgic->config.vcpus == 1)
		return 0;
	if (IS_V2(vgic))
		return route ? __builtin_ctzll(route) : (int)NO_VCPU;
	if (route & IROUTER_IRM)
		return -1;
	vcpu = vgic_vcpu_of_mpidr(vgic, route);
	return vcpu < 0 ? (int)NO_VCPU : vcpu;
}

static const char *check_route(const struct vgic *vgic, const struct vgic_irq *irq,
			       const struct irq_state *state)
{
	uint64_t bits = IROUTER_BITS;
	int target;

	if (IS_V2(vgic))
		bits = vgic->config.vcpus == 1 ? 0 : present(vgic);
	if (irq_is_private(vgic, irq))
		bits = 0;
	if (state->route & ~bits)
		return "route: bits that are not there";
	target = target_of(vgic, irq, state->route);
	if (target < 0 ? state->target >= vgic->config.vcpus : state->target != (unsigned)target)
		return "target: not where the interrupt is routed";
	return NULL;
}

static const char *check_irq(const struct vgic *vgic, const struct vgic_irq *irq,
			     const struct irq_state *state)
{
	const char *why = check_config(vgic, irq, state);

	if (!why)
		why = check_active(vgic, irq, state);
	return why ? why : check_route(vgic, irq, state);
}

/* An active one is its holder's before it is settled. */
static uint64_t word_of(const struct irq_state *state)
{
	uint64_t w = state->flags | (uint64_t)state->priority << W_PRIORITY_SHIFT |
		     (uint64_t)state->ack << W_ACK_SHIFT |
		     (uint64_t)state->sources << W_SOURCE_SHIFT |
		     (uint64_t)state->cpuid << W_CPUID_SHIFT |
		     (state->target == NO_VCPU ? TARGET_NONE : state->target);

	if (w & W_ACTIVE)
		w |= W_HELD | (uint64_t)state->holder << W_HOLDER_SHIFT;
	return w;
}

static void restore_irq(struct vgic *vgic, struct vgic_irq *irq, const struct irq_state *state)
{
	uint64_t w = word_of(state), route = load_relaxed(&irq->route);
	struct vgic_vcpu *vcpu = &vgic->vcpus[word_looker(w)];

	lock_take(&vcpu->lock);
	irq->place = PLACE_NONE;
	store_relaxed(&irq->route, (route & ~route_written(route)) | state->route);
	store_relaxed(&irq->word, w);
	irq_settle(vcpu, irq, FROM_OWNER, NULL);
	lock_drop(&vcpu->lock);
}

/* --- The whole ----------------------------------------------------------------------------------- */

size_t vgic_save_size(const struct vgic *vgic)
{
	size_t vcpu = VCPU_SIZE + (vgic->config.lpi_bits ? LPIS_SIZE : 0);

	return HEADER_SIZE + vcpu * vgic->config.vcpus + (size_t)IRQ_SIZE * irq_count(vgic);
}

long vgic_save(struct vgic *vgic, void *buffer, size_t size)
{
	uint8_t *at = buffer;

	if (any_loaded(vgic))
		return -VIRQ_ERR_BUSY;
	if (size < vgic_save_size(vgic))
		return -VIRQ_ERR_MEMORY;
	settle_all(vgic);
	save_header(vgic, &at);
	put(&at, 4, load_relaxed(&vgic->groups));
	for (unsigned i = 0; i < vgic->config.vcpus; i++) {
		save_vcpu(&vgic->vcpus[i], &at);
		save_lpis(&vgic->vcpus[i], &at);
	}
	for (unsigned i = 0; i < irq_count(vgic); i++)
		save_irq(vgic, &vgic->irqs[i], &at);
	return (long)(at - (uint8_t *)buffer);
}

/* NULL: all of it is what vgic_save() might have written. */
static const char *check(const struct vgic *vgic, const uint8_t *at, size_t size)
{
	const char *why = size < HEADER_SIZE ? "length: less than a header" : NULL;

	if (!why)
		why = check_header(vgic, &at);
	if (!why && size != vgic_save_size(vgic))
		why = "length: there is less than it says, or more";
	if (!why)
		why = check_groups(take(&at, 4));
	for (unsigned i = 0; i < vgic->config.vcpus && !why; i++) {
		struct vcpu_state state = take_vcpu(&at);
		struct lpis_state lpis = take_lpis(vgic, &at);

		why = check_vcpu(&vgic->vcpus[i], &state);
		if (!why)
			why = lpis_check(&lpis);
	}
	for (unsigned i = 0; i < irq_count(vgic) && !why; i++) {
		struct irq_state state = take_irq(&at);

		why = check_irq(vgic, &vgic->irqs[i], &state);
	}
	return why;
}

static void apply(struct vgic *vgic, const uint8_t *at)
{
	at += HEADER_SIZE - 4;
	lpis_reset(vgic);
	store_relaxed(&vgic->diverted, 0);
	store_relaxed(&vgic->groups, (uint32_t)take(&at, 4));
	for (unsigned i = 0; i < vgic->config.vcpus; i++) {
		struct vcpu_state state = take_vcpu(&at);
		struct lpis_state lpis = take_lpis(vgic, &at);

		restore_vcpu(&vgic->vcpus[i], &state);
		lpis_restore(&vgic->vcpus[i], &lpis);
	}
	for (unsigned i = 0; i < irq_count(vgic); i++) {
		struct irq_state state = take_irq(&at);

		restore_irq(vgic, &vgic->irqs[i], &state);
	}
}

/* The queues are emptied before the first interrupt goes into one. */
int vgic_restore(struct vgic *vgic, const void *buffer, size_t size, const char **why)
{
	const char *reason;

	if (any_loaded(vgic))
		return -VIRQ_ERR_BUSY;
	reason = check(vgic, buffer, size);
	if (why)
		*why = reason;
	if (reason)
		return -VIRQ_ERR_STATE;
	settle_all(vgic);
	dir_reset(vgic);
	apply(vgic, buffer);
	for (unsigned i = 0; i < vgic->config.vcpus; i++)
		dir_said(&vgic->vcpus[i]);
	shared_physical(vgic);
	return 0;
}
