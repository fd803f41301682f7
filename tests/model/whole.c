/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The life of the lockstep's VM as a whole: how it is built, its reset, saving and restoring it (where
 * it was, or in fresh memory with another number of list registers), mapping physical interrupts and
 * giving them back. vgic.h, "The VM as a whole". See machine.h.
 */
#define _POSIX_C_SOURCE 200809L
#include "machine_internal.h"

#include <stdlib.h>
#include <string.h>

/* --- Set-up ----------------------------------------------------------------------------------- */

struct op machine_register(const struct machine *m, enum op_kind kind, const struct model_irq *irq,
			   unsigned base, unsigned bytes)
{
	static const uint16_t extended[][2] = {
		{ 0x080, 0x1000 }, { 0x100, 0x1200 }, { 0x180, 0x1400 },
		{ 0x200, 0x1600 }, { 0x280, 0x1800 }, { 0x300, 0x1a00 },
		{ 0x380, 0x1c00 }, { 0x400, 0x2000 }, { 0xc00, 0x3000 },
	};
	struct op op = { .kind = (uint8_t)kind, .a = MODEL_DIST, .n = (uint8_t)bytes };
	unsigned bits = base == 0xc00 ? 2 : base >= 0x400 ? 8 : 1, n, index = irq->intid;

	if (index >= MODEL_ESPI) {
		index -= MODEL_ESPI;
		for (n = 0; n < sizeof(extended) / sizeof(extended[0]); n++)
			if (extended[n][0] == base)
				op.b = extended[n][1];
	} else {
		op.b = base;
	}
	if (model_is_private(irq) && m->config.model.version == 2) {
		op.vcpu = (uint8_t)irq->owner;
	} else if (model_is_private(irq)) {
		index = index >= MODEL_EPPI ? index - MODEL_EPPI + 32 : index;
		op.a = MODEL_REDIST;
		op.b += (unsigned)irq->owner * VGIC_REDIST_STRIDE + 0x10000;
	}
	op.b += index * bits / 8 / bytes * bytes;
	return op;
}

static unsigned field_of(const struct model_irq *irq, unsigned bits)
{
	return irq->intid % (32 / bits) * bits;
}

/* The guest's driver knows what its device is. */
static void configure(struct machine *m, struct model_irq *irq, unsigned v)
{
	struct op config;
	unsigned n;

	if (!irq->mapped)
		return;
	config = machine_register(m, OP_WRITE, irq, 0xc00, 4);
	for (n = 0; n < 16; n++) {
		const struct model_irq *other = model_irq(&m->model, v, irq->intid / 16 * 16 + n);

		config.c |= other && other->edge ? 2ull << 2 * n : 0;
	}
	machine_load(m, config.vcpu);
	machine_access(m, config.vcpu, &config);
}

static int map(struct machine *m, const struct model_irq *irq, unsigned v)
{
	unsigned how = (irq->wire.level ? VGIC_HWIRQ_LEVEL : 0) |
		       (irq->wire.soft ? VGIC_HWIRQ_SOFT : 0);
	int before = machine_library_begin(m, MODEL_NOBODY), result;

	result = vgic_map_hwirq(m->vgic, v, irq->intid, (struct hwirq){ (uint16_t)irq->wire.intid },
				how);
	machine_library_end(m, before);
	return result;
}

static void map_one(struct machine *m, unsigned v, unsigned intid, unsigned hwirq, bool level)
{
	struct model_irq *irq = model_irq(&m->model, v, intid);

	irq->wire.level = level;
	irq->wire.soft = m->config.soft && intid % 4 < m->config.soft;
	irq->wire.intid = hwirq;
	if (map(m, irq, v))
		machine_fail(m, "vgic_map_hwirq(%u) fails", intid);
	if (map(m, irq, v) != -VIRQ_ERR_BUSY)
		machine_fail(m, "vgic_map_hwirq(%u) maps twice", intid);
	irq->mapped = true;
	irq->edge = !level;
	configure(m, irq, v);
}

static uint64_t read_at_reset(struct machine *m, const struct op *op)
{
	uint64_t value = 0;

	machine_load(m, op->vcpu);
	if (machine_present(m, op->vcpu, op, &value) != VGIC_DONE)
		machine_fail(m, "a read of %#x at reset is not done", op->b);
	return value;
}

/* IMPLEMENTATION DEFINED at reset, and taken as found: triggers (12.9.9), targets (GICv2). */
static void adopt(struct machine *m, struct model_irq *irq)
{
	struct op op = machine_register(m, OP_READ, irq, 0xc00, 4);

	if (irq->intid < 16)
		return;
	irq->edge = read_at_reset(m, &op) >> (field_of(irq, 2) + 1) & 1;
	if (m->config.model.version == 3 || model_is_private(irq) || m->config.model.vcpus == 1)
		return;
	op = machine_register(m, OP_READ, irq, 0x800, 4);
	irq->targets = read_at_reset(m, &op) >> field_of(irq, 8) & 0xff;
}

static void adopt_reset(struct machine *m)
{
	unsigned v, n;

	for (v = 0; v < m->config.model.vcpus; v++)
		for (n = 0; n < model_private_count(&m->model); n++)
			adopt(m, &m->model.priv[v][n]);
	for (n = 0; n < model_shared_count(&m->model); n++)
		adopt(m, &m->model.shared[n]);
}

/* GICR_WAKER, 12.11.42: a PE sleeps until its software says otherwise. */
static void wake_all(struct machine *m)
{
	struct op op = { .kind = OP_WRITE, .a = MODEL_REDIST, .n = 4 };
	unsigned v;

	for (v = 0; v < m->config.model.vcpus && m->config.model.version == 3; v++) {
		op.b = v * VGIC_REDIST_STRIDE + 0x14;
		machine_load(m, v);
		machine_access(m, v, &op);
	}
}

static void map_all(struct machine *m)
{
	unsigned n, v;

	for (n = 0; n < m->config.mapped && n < m->config.model.spis; n++)
		map_one(m, 0, 32 + n, 132 + n, n % 2);
	for (n = 0; n < 2 && m->config.mapped && n < m->config.model.espis; n++)
		map_one(m, 0, MODEL_ESPI + n, 4200 + n, n % 2);
	for (v = 0; v < m->config.model.vcpus && m->config.mapped; v++) {
		map_one(m, v, MACHINE_PPI_LEVEL, 27, true);
		map_one(m, v, MACHINE_PPI_EDGE, 20, false);
		if (m->config.model.eppis)
			map_one(m, v, MODEL_EPPI + 2, 30, true);
	}
}

static void build(struct machine *m)
{
	const struct machine_config *c = &m->config;
	const struct vgic_config config = {
		.version = (uint8_t)c->model.version,
		.vcpus = (uint16_t)c->model.vcpus,
		.spis = (uint16_t)c->model.spis,
		.espis = (uint16_t)c->model.espis,
		.eppis = (uint8_t)c->model.eppis,
		.region_redists = (uint16_t)c->model.region_redists,
		.priority_bits = (uint8_t)c->model.priority_bits,
		.preemption_bits = (uint8_t)c->model.preemption_bits,
		.lrs = (uint8_t)c->lrs,
		.cluster_bits = (uint8_t)c->model.cluster_bits,
	};
	size_t size = vgic_size(&config), whole = (size + 63) / 64 * 64;

	if (vgic_check(&config, NULL) || !size)
		machine_fail(m, "the library refuses the configuration");
	m->memory = aligned_alloc(64, whole);
	memset(m->memory, 0xa5, whole);
	if (vgic_init(&m->vgic, m->memory, whole, &config, &machine_port, m))
		machine_fail(m, "vgic_init() fails");
}

/* The physical CPUs, nobody loaded. */
static void init_cpus(struct machine *m)
{
	const struct machine_config *config = &m->config;
	unsigned n;

	for (n = 0; n < MODEL_VCPUS; n++) {
		struct machine_cpu *cpu = &m->cpu[n];

		*cpu = (struct machine_cpu){ .vcpu = MODEL_NOBODY };
		cpuif_init(&cpu->hw, config->model.version, config->lrs,
			   config->model.priority_bits, config->model.preemption_bits);
		cpu->hw.manners = config->manners;
		cpu->hw.deactivate = machine_guest_deactivates;
		cpu->hw.host = m;
		m->vcpu[n].hw = &m->nowhere;
		m->vcpu[n].pcpu = MODEL_NOBODY;
	}
}

void machine_init(struct machine *m, const struct machine_config *config,
		  void (*fail)(const char *text))
{
	unsigned v;

	memset(m, 0, offsetof(struct machine, model));
	m->saved.state = NULL;
	m->saved.size = 0;
	m->config = *config;
	m->fail = fail;
	m->actor = MODEL_NOBODY;
	model_init(&m->model, &config->model);
	build(m);
	init_cpus(m);
	for (v = 0; v < config->model.vcpus; v++)
		machine_load(m, v);
	adopt_reset(m);
	map_all(m);
	wake_all(m);
	machine_compare(m);
}

void machine_free(struct machine *m)
{
	free(m->memory);
	free(m->saved.state);
}

/* --- What is done to all of it: nobody is loaded ------------------------------------------------- */

/* A function that wants nobody loaded refuses while somebody is. */
static void check_busy(struct machine *m)
{
	uint8_t byte = 0;

	if (vgic_reset(m->vgic) != -VIRQ_ERR_BUSY ||
	    vgic_save(m->vgic, &byte, sizeof(byte)) != -VIRQ_ERR_BUSY)
		machine_fail(m, "reset or save while somebody is loaded");
	if (m->saved.size &&
	    vgic_restore(m->vgic, m->saved.state, (size_t)m->saved.size, NULL) != -VIRQ_ERR_BUSY)
		machine_fail(m, "restore while somebody is loaded");
	if (m->config.mapped && vgic_unmap_hwirq(m->vgic, 0, MACHINE_PPI_LEVEL) != -VIRQ_ERR_BUSY)
		machine_fail(m, "unmapped while somebody is loaded");
}

static void all_out(struct machine *m)
{
	unsigned v;

	for (v = 0; v < m->config.model.vcpus && m->vcpu[v].where == UNLOADED; v++)
		;
	if (v < m->config.model.vcpus)
		check_busy(m);
	for (v = 0; v < m->config.model.vcpus; v++)
		machine_out(m, v);
}

static void check_inactive(struct machine *m, struct model_irq *irq, unsigned v)
{
	if (irq->wire.active)
		machine_fail(m, "physical %u of vCPU %u is left active", irq->wire.intid, v);
}

/* Where the state has one certain target, the host was told it. */
static void check_route(struct machine *m, struct model_irq *irq, unsigned unused)
{
	unsigned v, target = MODEL_VCPUS;

	(void)unused;
	for (v = 0; v < m->config.model.vcpus; v++)
		if (model_routed(&m->model, v, irq) == YES)
			target = v;
	if (irq->mapped && !model_is_private(irq) && !irq->flux && target != MODEL_VCPUS &&
	    irq->wire.route != (int)target)
		machine_fail(m, "%u goes to vCPU %u, its physical interrupt to %d", irq->intid,
			     target, irq->wire.route);
}

/* Statistics go on counting. */
static void check_stats(struct machine *m, const struct vgic_stats *before)
{
	struct vgic_stats now;
	unsigned v;

	for (v = 0; v < m->config.model.vcpus; v++) {
		vgic_stats(m->vgic, v, &now);
		if (now.sgis != before[v].sgis || now.ppis != before[v].ppis ||
		    now.spis != before[v].spis || now.overflows != before[v].overflows ||
		    now.kicks < before[v].kicks || now.guest_errors != before[v].guest_errors)
			machine_fail(m, "vCPU %u: a reset changes its statistics", v);
	}
}

static void reset_library(struct machine *m)
{
	struct vgic_stats stats[MODEL_VCPUS];
	int before, result;
	unsigned v;

	for (v = 0; v < m->config.model.vcpus; v++)
		vgic_stats(m->vgic, v, &stats[v]);
	before = machine_library_begin(m, MODEL_NOBODY);
	result = vgic_reset(m->vgic);
	machine_library_end(m, before);
	if (result)
		machine_fail(m, "vgic_reset() answers %d", result);
	each_irq(m, check_inactive);
	check_stats(m, stats);
}

/* The trigger that the guest's driver is about to set. */
static void set_trigger(struct machine *m, struct model_irq *irq, unsigned v)
{
	(void)m;
	(void)v;
	if (irq->mapped)
		irq->edge = !irq->wire.level;
}

static void power(struct machine *m)
{
	unsigned v;

	all_out(m);
	reset_library(m);
	model_reset(&m->model);
	for (v = 0; v < m->config.model.vcpus; v++) {
		struct machine_vcpu *vcpu = &m->vcpu[v];

		vcpu->waiting = vcpu->kicked = false;
		vcpu->ended_count = 0;
		vcpu->restore = true;
		if (machine_pending(m, v))
			machine_fail(m, "vCPU %u: something is pending after a reset", v);
	}
	adopt_reset(m);
	each_irq(m, check_route);
	each_irq(m, set_trigger);
	each_irq(m, configure);
	wake_all(m);
	machine_compare(m);
	for (v = 0; v < m->config.model.vcpus; v++)
		if (m->vcpu[v].where == UNLOADED)
			machine_watch(m, v);
	m->powered++;
}

/* --- Save and restore ---------------------------------------------------------------------------- */

/* In memory of just the size that it takes. */
static long save(struct machine *m, void **state)
{
	size_t size = vgic_save_size(m->vgic);
	uint8_t *most = malloc(size);
	long used = vgic_save(m->vgic, most, size);

	if (used <= 0 || (size_t)used > size)
		machine_fail(m, "vgic_save() answers %ld, vgic_save_size() %zu", used, size);
	*state = malloc((size_t)used);
	if (vgic_save(m->vgic, *state, (size_t)used - 1) != -VIRQ_ERR_MEMORY)
		machine_fail(m, "vgic_save() writes into what is too small");
	if (vgic_save(m->vgic, *state, (size_t)used) != used ||
	    memcmp(most, *state, (size_t)used) != 0)
		machine_fail(m, "saved twice, it is not the same");
	free(most);
	return used;
}

static void check_saves_as(struct machine *m, const void *state, long size, const char *when)
{
	void *again;
	long used = save(m, &again);
	long n;

	for (n = 0; n < size && n < used; n++)
		if (((const uint8_t *)state)[n] != ((const uint8_t *)again)[n])
			break;
	if (used != size || n < size)
		machine_fail(m, "%s, it is saved as %ld bytes, not %ld; byte %ld is another", when,
			     used, size, n);
	free(again);
}

static void take_snapshot(struct machine *m)
{
	struct machine_saved *saved = &m->saved;

	free(saved->state);
	saved->state = NULL;
	saved->size = save(m, &saved->state);
	model_save(&saved->model, &m->model);
	memcpy(saved->vcpu, m->vcpu, sizeof(saved->vcpu));
}

/* What is no state, or not all of one, is refused, and changes nothing. */
static void check_refuses(struct machine *m)
{
	const struct machine_saved *saved = &m->saved;
	const char *why = NULL;
	size_t size = (size_t)saved->size / 2;
	void *part = malloc(size);

	memcpy(part, saved->state, size);
	if (vgic_restore(m->vgic, part, size, &why) != -VIRQ_ERR_STATE || !why)
		machine_fail(m, "half a state is restored");
	free(part);
	if (vgic_restore(m->vgic, saved->state, (size_t)saved->size - 1, NULL) != -VIRQ_ERR_STATE)
		machine_fail(m, "a state without its last byte is restored");
	check_saves_as(m, saved->state, saved->size, "refused");
}

static void give_back(struct machine *m, struct model_irq *irq, unsigned v)
{
	int before, result;

	if (!irq->mapped)
		return;
	before = machine_library_begin(m, MODEL_NOBODY);
	result = vgic_unmap_hwirq(m->vgic, v, irq->intid);
	machine_library_end(m, before);
	if (result)
		machine_fail(m, "vgic_unmap_hwirq(%u) answers %d", irq->intid, result);
	check_inactive(m, irq, v);
}

/* What is not in a saved state. */
static void ask_again(struct machine *m, struct model_irq *irq, unsigned v)
{
	if (irq->mapped && map(m, irq, v))
		machine_fail(m, "vgic_map_hwirq(%u) fails in fresh memory", irq->intid);
	if (irq->notify && vgic_notify_end(m->vgic, v, irq->intid, true))
		machine_fail(m, "vgic_notify_end(%u) fails in fresh memory", irq->intid);
}

static void forget_route(struct machine *m, struct model_irq *irq, unsigned v)
{
	(void)m;
	(void)v;
	irq->wire.route = MODEL_NOBODY;
}

static void renew(struct machine *m, unsigned lrs, bool unmap)
{
	void *old = m->memory;
	unsigned v;

	if (unmap)
		each_irq(m, give_back);
	else
		reset_library(m);
	m->config.lrs = lrs;
	build(m);
	free(old);
	init_cpus(m);
	for (v = 0; v < m->config.model.vcpus; v++)
		m->vcpu[v].image = (struct gic_cpuif){ 0 };
	each_irq(m, forget_route);
	each_irq(m, ask_again);
}

/* Sources speak again: what they say is known already. */
static void tell_again(struct machine *m, struct model_irq *irq, unsigned v)
{
	if (!irq->mapped && irq->intid >= 16 && irq->line)
		machine_source(m, MODEL_NOBODY, v, irq->intid, false, true);
}

static void restore_vcpus(struct machine *m)
{
	unsigned v;

	for (v = 0; v < m->config.model.vcpus; v++) {
		struct machine_vcpu *vcpu = &m->vcpu[v];
		struct gic_cpuif image = vcpu->image;

		*vcpu = m->saved.vcpu[v];
		vcpu->image = image;
		vcpu->restore = true;
	}
}

static void restore(struct machine *m, const struct op *op)
{
	const struct machine_saved *saved = &m->saved;
	const char *why = NULL;
	int before, result;
	unsigned v;

	if (op->a != RESTORE_HERE)
		renew(m, op->b % (VGIC_MAX_LRS + 1), op->a == RESTORE_UNMAP);
	model_restore(&m->model, &saved->model);
	restore_vcpus(m);
	before = machine_library_begin(m, MODEL_NOBODY);
	result = vgic_restore(m->vgic, saved->state, (size_t)saved->size, &why);
	machine_library_end(m, before);
	if (result)
		machine_fail(m, "vgic_restore() answers %d: %s", result, why ? why : "(nothing)");
	check_saves_as(m, saved->state, saved->size, "restored");
	each_irq(m, machine_check_wire);
	each_irq(m, check_route);
	each_irq(m, tell_again);
	for (v = 0; v < m->config.model.vcpus; v++) {
		machine_watch(m, v);
		m->vcpu[v].kicked |= machine_pending(m, v);
	}
}

/* --- Mapping ------------------------------------------------------------------------------------- */

/* The device is the host's again; of what is pending, the line is not. */
static void unmap(struct machine *m, struct model_irq *irq, unsigned v)
{
	all_out(m);
	give_back(m, irq, v);
	if (vgic_unmap_hwirq(m->vgic, v, irq->intid) != -VIRQ_ERR_KIND)
		machine_fail(m, "%u is unmapped twice", irq->intid);
	irq->pending_unsure |= irq->misconfigured;
	irq->mapped = irq->misconfigured = irq->told = irq->line = false;
	irq->wire.line = irq->wire.latch = false;
}

static void map_again(struct machine *m, struct model_irq *irq, unsigned v, bool soft)
{
	if (irq->line)
		machine_source(m, MODEL_NOBODY, v, irq->intid, false, false);
	if (model_is_private(irq)) {
		machine_out(m, v);
	} else {
		all_out(m);
		if (irq->active || irq->active_unsure || model_pending(irq) != NO)
			return;
	}
	irq->wire.soft = soft;
	if (map(m, irq, v))
		machine_fail(m, "vgic_map_hwirq(%u) fails", irq->intid);
	irq->mapped = true;
	irq->wire.absent = model_is_private(irq);
	irq->misconfigured = irq->edge == irq->wire.level;
}

static void map_or_unmap(struct machine *m, const struct op *op)
{
	struct model_irq *irq = model_irq(&m->model, op->vcpu, op->a);
	unsigned v = op->vcpu;

	if (!irq || !irq->wire.intid) {
		all_out(m);
		if (vgic_unmap_hwirq(m->vgic, v, op->a) != (irq ? -VIRQ_ERR_KIND : -VIRQ_ERR_RANGE))
			machine_fail(m, "%u is unmapped", op->a);
		return;
	}
	if (irq->flux)
		return;
	m->saved.size = 0;
	if (irq->mapped)
		unmap(m, irq, v);
	else
		map_again(m, irq, v, op->n);
	for (v = 0; v < m->config.model.vcpus; v++)
		if (m->vcpu[v].where == UNLOADED)
			m->vcpu[v].kicked |= machine_pending(m, v);
}

void whole_do(struct machine *m, const struct op *op)
{
	switch (op->kind) {
	case OP_POWER:
		power(m);
		break;
	case OP_MAP:
		map_or_unmap(m, op);
		break;
	case OP_SAVE:
		all_out(m);
		take_snapshot(m);
		check_refuses(m);
		break;
	default:
		if (!op->n && !m->saved.size)
			return;
		all_out(m);
		if (op->n)
			take_snapshot(m);
		restore(m, op);
		m->restored++;
		if (op->c)
			machine_quiesce(m);
	}
}
