/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What the embedder does to a VM as a whole: reset, save and restore (where it was, or in fresh memory
 * with another number of list registers), physical interrupts taken away and given back. vgic.h, "The
 * VM as a whole". A state may be anything: what is accepted has to keep all invariants.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void whole_out(struct machine *m)
{
	for (unsigned v = 0; v < m->config.vcpus; v++)
		host_put(m, v);
}

static void require_inactive(const struct machine *m)
{
	for (unsigned n = 0; n < WIRES; n++)
		require(!m->wires[n].mapped || !m->wires[n].active,
			"a physical interrupt is left active");
}

/* Whatever it was, its CPU interface comes from the library next time. */
static void settle_vcpus(struct machine *m)
{
	for (unsigned v = 0; v < m->config.vcpus; v++) {
		m->vcpu[v].restore = true;
		host_watch(m, v);
		host_begin(m, -1);
		m->vcpu[v].kicked |= vgic_pending(m->vgic, v);
		host_end(m);
	}
	check_step(m);
}

static void reset_library(struct machine *m)
{
	host_begin(m, -1);
	require(!vgic_reset(m->vgic), "vgic_reset() fails");
	host_end(m);
	its_reset(m);
	require_inactive(m);
}

void whole_reset(struct machine *m)
{
	if (m->vcpu[0].cpu)
		require(vgic_reset(m->vgic) == -VIRQ_ERR_BUSY, "reset while somebody is loaded");
	whole_out(m);
	SAY("  reset\n");
	reset_library(m);
	for (unsigned v = 0; v < m->config.vcpus; v++) {
		struct vcpu *vcpu = &m->vcpu[v];

		vcpu->kicked = vcpu->waiting = vcpu->odd = false;
		vcpu->n_acks = 0;
		require(!vgic_pending(m->vgic, v), "something is pending after a reset");
	}
	settle_vcpus(m);
}

/* The state as it is now, in memory of just that size. */
static uint8_t *saved(struct machine *m, size_t *size)
{
	size_t most = vgic_save_size(m->vgic);
	uint8_t *state = malloc(most);
	long used;

	host_begin(m, -1);
	used = vgic_save(m->vgic, state, most);
	host_end(m);
	require(used > 0 && (size_t)used <= most, "vgic_save() is not done");
	*size = (size_t)used;
	free(state);
	state = malloc(*size);
	require(vgic_save(m->vgic, state, *size - 1) == -VIRQ_ERR_MEMORY,
		"a save into too little memory");
	require(vgic_save(m->vgic, state, *size) == used, "saved again, it is of another size");
	return state;
}

static void require_saves_as(struct machine *m, const uint8_t *state, size_t size, const char *what)
{
	size_t again;
	uint8_t *now = saved(m, &again);

	require(again == size && !memcmp(now, state, size), what);
	free(now);
}

void whole_save(struct machine *m)
{
	whole_out(m);
	free(m->state);
	its_save(m);
	m->state = saved(m, &m->state_size);
	SAY("  saved: %zu bytes\n", m->state_size);
}

/* False: it is refused, and nothing has changed. */
bool whole_restore(struct machine *m, const uint8_t *state, size_t size)
{
	uint8_t *exact = malloc(size ? size : 1), *before;
	const char *why = NULL;
	size_t used;
	int result;

	whole_out(m);
	before = saved(m, &used);
	memcpy(exact, state, size);
	host_begin(m, -1);
	result = vgic_restore(m->vgic, exact, size, &why);
	host_end(m);
	SAY("  restore: %d, %s\n", result, why ? why : "");
	require(!result || (result == -VIRQ_ERR_STATE && why), "a refusal without a reason");
	if (result) {
		require_saves_as(m, before, used, "refused, and something has changed");
	} else {
		require_saves_as(m, exact, size, "restored, it is saved as something else");
		its_restore(m);
		for (unsigned v = 0; v < m->config.vcpus; v++)
			m->vcpu[v].odd = true;
		settle_vcpus(m);
	}
	free(before);
	free(exact);
	return !result;
}

/* The same VM in fresh memory; its state is lost. */
void whole_renew(struct machine *m, unsigned lrs, bool unmap)
{
	void *old = m->memory;

	whole_out(m);
	SAY("  renewed, %u list registers\n", lrs);
	if (!unmap)
		reset_library(m);
	for (unsigned n = 0; n < WIRES && unmap; n++) {
		struct wire *wire = &m->wires[n];

		if (!wire->mapped)
			continue;
		host_begin(m, -1);
		require(!vgic_unmap_hwirq(m->vgic, wire->vcpu, wire->virq), "unmap fails");
		host_end(m);
	}
	require_inactive(m);
	m->config.lrs = (uint8_t)lrs;
	host_build(m);
	free(old);
}

/* A mapped one becomes the host's, or the reverse. */
void whole_remap(struct machine *m, struct wire *wire)
{
	const struct hwirq irq = { (uint16_t)wire->hwirq };

	whole_out(m);
	host_begin(m, -1);
	if (wire->mapped) {
		require(!vgic_unmap_hwirq(m->vgic, wire->vcpu, wire->virq), "unmap fails");
		require(!wire->active, "unmapped, and physically active");
		require(vgic_unmap_hwirq(m->vgic, wire->vcpu, wire->virq) == -VIRQ_ERR_KIND,
			"unmapped twice");
	} else if (wire->hwirq) {
		require(!vgic_map_hwirq(m->vgic, wire->vcpu, wire->virq, irq, wire->how),
			"what was unmapped is not mapped again");
	}
	host_end(m);
	wire->mapped = !wire->mapped && wire->hwirq;
	SAY("  %u is mapped: %d\n", wire->virq, wire->mapped);
	wire->line = wire->latch = false;
	settle_vcpus(m);
}

void whole_look(struct machine *m, unsigned v, virq_t virq)
{
	struct vgic_irq_info info;
	int result = vgic_irq_info(m->vgic, v, virq, &info);

	require(!result || result == -VIRQ_ERR_RANGE, "vgic_irq_info()");
	if (result)
		return;
	require(info.group < 2 && (info.target == 0xffff || info.target < m->config.vcpus) &&
			(info.holder == 0xffff || info.holder < m->config.vcpus),
		"vgic_irq_info() tells what cannot be");
	require(!info.live || (info.holder != 0xffff && m->vcpu[info.holder].cpu),
		"in a list register of nobody who is loaded");
}
