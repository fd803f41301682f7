/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The machine's VM as a whole: how it is built and set up, reset, save and restore. See machine.h. */
#define _POSIX_C_SOURCE 200809L
#include "machine_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- Hooks ------------------------------------------------------------------------------------ */

static void hook_kick(void *host, unsigned vcpu)
{
	struct machine *m = host;

	if (!m->in_library)
		machine_fail(m, "kick called outside the library");
	if (vcpu >= m->config.vcpus)
		machine_fail(m, "kick for vCPU %u, which does not exist", vcpu);
	if (m->quiet && m->actor == (int)vcpu)
		machine_fail(m, "vCPU %u is kicked from beside its stopped guest", vcpu);
	if (m->actor == (int)vcpu && m->vcpu[vcpu].where != BLOCKED)
		return;
	m->vcpu[vcpu].kicked = true;
	m->model.pe[vcpu].unsettled = true;
}

static void hook_set_active(void *host, unsigned vcpu, struct hwirq irq, bool active)
{
	machine_fail(host, "hwirq_set_active(%u, %u, %d)", vcpu, irq.intid, active);
}

static void hook_clear_pending(void *host, unsigned vcpu, struct hwirq irq)
{
	machine_fail(host, "hwirq_clear_pending(%u, %u)", vcpu, irq.intid);
}

static bool hook_line(void *host, unsigned vcpu, struct hwirq irq)
{
	machine_fail(host, "hwirq_line(%u, %u)", vcpu, irq.intid);
}

static void check_copy(struct machine *m, size_t bytes)
{
	if (!m->in_library || bytes > 64)
		machine_fail(m, "guest memory: %zu bytes, or from outside the library", bytes);
}

static bool hook_guest_read(void *host, uint64_t at, void *to, size_t bytes)
{
	struct machine *m = host;

	check_copy(m, bytes);
	return ram_read(&m->ram, at, to, bytes);
}

static bool hook_guest_write(void *host, uint64_t at, const void *from, size_t bytes)
{
	struct machine *m = host;

	check_copy(m, bytes);
	return ram_write(&m->ram, at, from, bytes);
}

static void hook_lpi_invalidated(void *host, unsigned vcpu, virq_t lpi)
{
	struct machine *m = host;

	if (!m->in_library)
		machine_fail(m, "lpi_invalidated called outside the library");
	if (m->config.routes)
		vits_lpi_invalidated(m->vits[0], vcpu, lpi);
}

static const struct vgic_port port = {
	.lpi_invalidated = hook_lpi_invalidated,
	.kick = hook_kick,
	.hwirq_set_active = hook_set_active,
	.hwirq_clear_pending = hook_clear_pending,
	.hwirq_line = hook_line,
	.guest_read = hook_guest_read,
	.guest_write = hook_guest_write,
};

/* --- Building --------------------------------------------------------------------------------- */

static void *allocate(size_t size)
{
	void *memory = aligned_alloc(64, (size + 63) & ~63ul);

	if (!memory)
		abort();
	memset(memory, 0xa5, size);
	return memory;
}

static void build_vgic(struct machine *m)
{
	struct vgic_config config = {
		.version = VGIC_V3,
		.vcpus = (uint16_t)m->config.vcpus,
		.spis = 32,
		.priority_bits = (uint8_t)m->config.priority_bits,
		.preemption_bits = (uint8_t)m->config.preemption_bits,
		.lrs = (uint8_t)m->config.lrs,
		.cluster_bits = 4,
		.lpi_bits = (uint8_t)m->config.lpi_bits,
	};
	const char *why = NULL;
	size_t size = vgic_size(&config);

	if (!size || vgic_check(&config, &why))
		machine_fail(m, "vgic_check(): %s", why ? why : "?");
	m->memory = allocate(size);
	if (vgic_init(&m->vgic, m->memory, size, &config, &port, m))
		machine_fail(m, "vgic_init() failed");
}

static void build_its(struct machine *m, unsigned n)
{
	struct vits_config config = {
		.device_bits = (uint8_t)m->config.device_bits,
		.event_bits = (uint8_t)m->config.event_bits,
		.collection_bits = (uint8_t)m->config.collection_bits,
		.cache_bits = (uint8_t)m->config.cache_bits,
		.pta = m->config.pta,
		.redists = REDISTS,
		.routes = (uint16_t)(n ? 0 : m->config.routes),
	};
	struct vits_port hooks = machine_vits_port;
	const char *why = NULL;
	size_t size = vits_size(&config);

	if (!m->config.discard)
		hooks.vlpi_discard = NULL;

	if (!size || vits_check(&config, &why))
		machine_fail(m, "vits_check(): %s", why ? why : "?");
	m->its_memory[n] = allocate(size);
	if (vits_init(&m->vits[n], m->its_memory[n], size, &config, m->vgic, &hooks, m))
		machine_fail(m, "vits_init() failed");
	memset(&m->stats[n], 0, sizeof(m->stats[n]));
}

static void build(struct machine *m)
{
	unsigned n;

	build_vgic(m);
	for (n = 0; n < m->config.itses; n++)
		build_its(m, n);
}

static void write_dist(struct machine *m, uint32_t offset, unsigned bytes, uint64_t value)
{
	int before = machine_library_begin(m, 0);

	if (vgic_dist_write(m->vcpu[0].cpu, offset, bytes, value) != VGIC_DONE)
		machine_fail(m, "a write of GICD %#x is not done", offset);
	machine_library_end(m, before);
}

static void setup_spis(struct machine *m)
{
	unsigned n;
	uint32_t all = (1u << m->config.spis) - 1;

	write_dist(m, 0x84, 4, all);
	write_dist(m, 0xc08, 4, 0xaaaaaaaa);
	for (n = 0; n < m->config.spis; n++) {
		write_dist(m, 0x400 + FIRST_SPI + n, 1, m->model.irq[LPIS + n].priority);
		write_dist(m, 0x6000 + 8 * (FIRST_SPI + n), 8, m->model.irq[LPIS + n].target);
	}
	write_dist(m, 0x104, 4, all);
}

static void holes(struct machine *m)
{
	unsigned n;

	memset(m->ram.hole, 0, sizeof(m->ram.hole));
	if (!m->config.holes)
		return;
	for (n = 0; n < 4;
	     n++) { /* an ITT, or two; a second-level table; the last redistributor's */
		m->ram.hole[0x1a6 + n] = true;
		m->ram.hole[0x1e8 + n] = true;
	}
	m->ram.hole[0x101] = true;
	m->ram.hole[(PENDING(m->config.vcpus - 1) - RAM_BASE) / RAM_PAGE] = true;
}

/* As software does it after power-on. */
static void setup(struct machine *m)
{
	unsigned n, v;

	for (n = 0; n < LPIS; n++) /* various priorities, most of them enabled */
		m->ram.bytes[PROPERTIES - RAM_BASE + n] =
			(uint8_t)((n * 0x48 & 0xf8) | (n % 5 != 0));
	machine_load(m, 0);
	write_dist(m, 0, 4, 2);
	setup_spis(m);
	for (v = 0; v < m->config.vcpus; v++) {
		machine_load(m, v);
		machine_setup_cpuif(m, v);
	}
	access_setup_gicr(m);
	for (n = 0; n < m->config.itses; n++)
		access_setup_its(m, n, SETUP_DEVICES | SETUP_COLLECTIONS | SETUP_QUEUE,
				 m->config.page, m->config.indirect, 0);
	for (v = 0; v < m->config.vcpus; v++)
		if (m->vcpu[v].where == OUTSIDE)
			machine_enter(m, v);
}

static void fresh_vcpus(struct machine *m)
{
	unsigned v;

	memset(m->vcpu, 0, sizeof(m->vcpu));
	for (v = 0; v < m->config.vcpus; v++) {
		cpuif_init(&m->vcpu[v].hw, 3, m->config.lrs, m->config.priority_bits,
			   m->config.preemption_bits);
		m->vcpu[v].hw.vcpu = v;
	}
}

void machine_init(struct machine *m, const struct machine_config *config,
		  void (*fail)(const char *))
{
	memset(m, 0, sizeof(*m));
	m->config = *config;
	m->fail = fail;
	m->actor = NOBODY;
	m->random = 1;
	model_init(&m->model, config);
	fresh_vcpus(m);
	holes(m);
	build(m);
	setup(m);
}

static void free_saved(struct machine *m)
{
	free(m->saved.state);
	free(m->saved.ram);
	memset(&m->saved, 0, sizeof(m->saved));
}

void machine_free(struct machine *m)
{
	unsigned n;

	free_saved(m);
	free(m->memory);
	for (n = 0; n < m->config.itses; n++)
		free(m->its_memory[n]);
}

/* --- Reset, save, restore --------------------------------------------------------------------- */

static void all_out(struct machine *m)
{
	unsigned v;

	machine_quiesce(m);
	for (v = 0; v < m->config.vcpus; v++)
		machine_out(m, v);
}

static void reset(struct machine *m)
{
	unsigned n, v;
	unsigned long now = m->model.now;
	struct vits_stats stats;

	all_out(m);
	m->in_library = true;
	if (vgic_reset(m->vgic))
		machine_fail(m, "vgic_reset() failed");
	for (n = 0; n < m->config.itses; n++)
		vits_reset(m->vits[n]);
	m->in_library = false;
	for (n = 0; n < m->config.routes; n++)
		if (m->routes[n].mapped)
			machine_fail(m, "route %u is forwarded after vits_reset()", n);
	for (n = 0; n < m->config.itses; n++) {
		vits_stats(m->vits[n], &stats);
		if (stats.commands != m->stats[n].commands && !m->wild)
			machine_fail(m, "vits_reset() changes the statistics");
		m->stats[n] = stats;
	}
	for (n = 0; n < m->config.routes; n++)
		m->routes[n].refused = m->routes[n].dropped = false;
	m->wild = m->movall = false;
	memset(&m->ram.bytes, 0, sizeof(m->ram.bytes));
	model_init(&m->model, &m->config);
	m->model.now = now;
	fresh_vcpus(m);
	for (v = 0; v < m->config.vcpus; v++)
		m->vcpu[v].restore = true;
	memset(m->tail, 0, sizeof(m->tail));
	m->resets++;
	setup(m);
}

static void save(struct machine *m)
{
	struct saved *s = &m->saved;
	unsigned n, v;

	all_out(m);
	if (m->wild || m->config.routes)
		return;
	free_saved(m);
	m->in_library = true;
	s->state = malloc(vgic_save_size(m->vgic));
	s->size = vgic_save(m->vgic, s->state, vgic_save_size(m->vgic));
	if (s->size <= 0)
		machine_fail(m, "vgic_save() answers %ld", s->size);
	for (n = 0; n < m->config.itses; n++)
		if (vits_save(m->vits[n], &s->its[n]))
			machine_fail(m, "vits_save() failed");
	m->in_library = false;
	for (v = 0; v < m->config.vcpus; v++)
		if (m->model.pe[v].enabled)
			access_check_table(m, v);
	s->ram = malloc(sizeof(m->ram));
	memcpy(s->ram, &m->ram, sizeof(m->ram));
	s->model = m->model;
	memcpy(s->tail, m->tail, sizeof(s->tail));
	memcpy(s->vcpu, m->vcpu, sizeof(s->vcpu));
	m->saves++;
}

/* A state with one bit changed is refused, and nothing has changed; or taken, and then put right. */
static void restore_nonsense(struct machine *m, unsigned n, unsigned bit)
{
	struct vits_state state = m->saved.its[n];
	const char *why = NULL;

	((uint8_t *)&state)[bit / 8 % sizeof(state)] ^= (uint8_t)(1u << bit % 8);
	if (vits_restore(m->vits[n], &state, &why) && !why)
		machine_fail(m, "vits_restore() refuses and does not say why");
}

static void restore_library(struct machine *m, const struct op *op)
{
	const char *why = NULL;
	unsigned n;

	if (op->n) {
		free(m->memory);
		for (n = 0; n < m->config.itses; n++)
			free(m->its_memory[n]);
		build(m);
	}
	m->in_library = true;
	if (vgic_restore(m->vgic, m->saved.state, (size_t)m->saved.size, &why))
		machine_fail(m, "vgic_restore() refuses: %s", why ? why : "?");
	for (n = 0; n < m->config.itses; n++) {
		if (op->a)
			restore_nonsense(m, n, op->a);
		if (vits_restore(m->vits[n], &m->saved.its[n], &why))
			machine_fail(m, "vits_restore() refuses: %s", why ? why : "?");
		vits_stats(m->vits[n], &m->stats[n]);
	}
	m->in_library = false;
}

/* What could not be written to a pending table, or read from it, is lost. */
static void lose_pending(struct machine *m)
{
	unsigned v, n;

	for (v = 0; v < m->config.vcpus; v++)
		for (n = 0; n < model_lpi_count(&m->model); n++)
			if ((m->model.irq[n].may & 2u << v) &&
			    model_pending_bit(&m->model, &m->ram, v, n) < 0)
				m->model.irq[n].may = 1;
}

static void restore(struct machine *m, const struct op *op)
{
	unsigned long now = m->model.now;
	unsigned v, n;

	all_out(m);
	if (!m->saved.size || m->wild)
		return;
	memcpy(&m->ram, m->saved.ram, sizeof(m->ram));
	restore_library(m, op);
	m->model = m->saved.model;
	m->model.now = now;
	memcpy(m->tail, m->saved.tail, sizeof(m->tail));
	memcpy(m->vcpu, m->saved.vcpu, sizeof(m->vcpu));
	lose_pending(m);
	for (v = 0; v < m->config.vcpus; v++) {
		struct pe_model *pe = &m->model.pe[v];

		m->vcpu[v].restore = true;
		for (n = 0; pe->enabled && n < model_lpi_count(&m->model); n++) {
			/* Caches are empty: what is in memory now, and nothing else. */
			model_invalidate(&m->model, &m->ram, v, n, BY_GICR);
		}
		model_synchronize(&m->model, v, BY_GICR);
		m->vcpu[v].kicked = model_may_signal(&m->model, v, false);
	}
	for (v = 0; v < m->config.vcpus; v++)
		machine_load(m, v);
	machine_quiesce(m);
}

void whole_do(struct machine *m, const struct op *op)
{
	if (!m->config.whole && op->kind != OP_RESET)
		return;
	if (op->kind == OP_SAVE)
		save(m);
	else if (op->kind == OP_RESTORE)
		restore(m, op);
	else
		reset(m);
}
