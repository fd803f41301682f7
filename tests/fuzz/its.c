/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The ITSs of a machine: the guest's memory with holes in it, direct injection's hardware behind the port of
 * carillon/vits.h, which checks what it is asked for, and what is done to a VM as a whole.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- Memory -------------------------------------------------------------------------------------- */

static bool has_page(const struct ram *ram, uint64_t page, bool write)
{
	return !((ram->holes | (write ? ram->read_only : 0)) >> page / 2 & 1);
}

static uint8_t *ram_at(struct ram *ram, uint64_t at, size_t bytes, bool write)
{
	uint64_t offset = at - RAM_ADDRESS;

	require(bytes && bytes <= 64, "guest memory: not 1 to 64 bytes");
	if (!ram->bytes || offset >= RAM_SIZE || RAM_SIZE - offset < bytes ||
	    !has_page(ram, offset / RAM_PAGE, write) ||
	    !has_page(ram, (offset + bytes - 1) / RAM_PAGE, write))
		return NULL;
	return ram->bytes + offset;
}

/* A VM with nobody loaded is being saved, or so: no messages come. */
static bool is_quiet(const struct machine *m)
{
	for (unsigned v = 0; v < m->config.vcpus; v++)
		if (m->vcpu[v].cpu)
			return false;
	return true;
}

bool ram_read(struct machine *m, uint64_t at, void *to, size_t bytes)
{
	const uint8_t *from = ram_at(&m->ram, at, bytes, false);

	if (from)
		memcpy(to, from, bytes);
	if (m->ram.until_message && !is_quiet(m) && !--m->ram.until_message)
		vits_message(m->its[0].vits, NULL, m->ram.device, m->ram.event);
	return from;
}

bool ram_write(struct machine *m, uint64_t at, const void *from, size_t bytes)
{
	uint8_t *to = ram_at(&m->ram, at, bytes, true);

	if (to)
		memcpy(to, from, bytes);
	return to;
}

/* --- Direct injection ---------------------------------------------------------------------------- */

/* Called from the library only, and for what vits_forward() named. */
static struct forwarded *hooked(struct its *its, unsigned route)
{
	require(its->machine->in_library, "a vLPI's hook is called outside the library");
	require(route < its->machine->its_config.routes, "a hook for a route that does not exist");
	require(its->routes[route].named, "a hook for a route that is not named");
	return &its->routes[route];
}

static struct forwarded *hooked_mapped(struct its *its, unsigned route)
{
	struct forwarded *forwarded = hooked(its, route);

	require(forwarded->mapped, "a hook for a route that is not forwarded");
	return forwarded;
}

static void check_target(const struct its *its, unsigned vcpu, virq_t lpi)
{
	require(vcpu < its->machine->config.vcpus, "a vLPI of a vCPU that does not exist");
	require(lpi - VGIC_LPI_BASE < vgic_lpis(its->machine->vgic), "a vLPI that does not exist");
}

static bool vlpi_map(void *host, uint16_t route, unsigned vcpu, virq_t lpi)
{
	struct its *its = host;
	struct forwarded *forwarded = hooked(its, route);

	require(!forwarded->mapped, "what is forwarded is mapped again");
	check_target(its, vcpu, lpi);
	if (its->refuse) {
		its->refuse--;
		its->refused = true;
		return false;
	}
	SAY("      route %u is mapped: %u at %u\n", route, lpi, vcpu);
	*forwarded = (struct forwarded){ .named = true, .mapped = true, .vcpu = vcpu, .lpi = lpi };
	return true;
}

static bool vlpi_unmap(void *host, uint16_t route)
{
	struct forwarded *forwarded = hooked_mapped(host, route);
	bool pending = forwarded->pending;

	SAY("      route %u is unmapped\n", route);
	forwarded->mapped = forwarded->pending = false;
	return pending;
}

static void vlpi_discard(void *host, uint16_t route)
{
	struct its *its = host;

	require(its->discards, "vlpi_discard is called, and there is none");
	vlpi_unmap(host, route);
}

static void vlpi_move(void *host, uint16_t route, unsigned vcpu)
{
	struct forwarded *forwarded = hooked_mapped(host, route);

	check_target(host, vcpu, forwarded->lpi);
	require(vcpu != forwarded->vcpu, "moved to where it is");
	forwarded->vcpu = vcpu;
}

static void vlpi_set(void *host, uint16_t route)
{
	hooked_mapped(host, route)->pending = true;
}

static void vlpi_clear(void *host, uint16_t route)
{
	hooked_mapped(host, route)->pending = false;
}

static void vlpi_configure(void *host, uint16_t route, virq_t lpi, uint8_t property)
{
	(void)property;
	require(hooked_mapped(host, route)->lpi == lpi, "configured as another LPI");
}

static bool vlpis_settled(void *host)
{
	struct its *its = host;

	its->busy -= its->busy > 0;
	return !its->busy;
}

/* --- Set-up -------------------------------------------------------------------------------------- */

static void build_one(struct machine *m, struct its *its)
{
	struct vits_port port = {
		.vlpi_map = vlpi_map,
		.vlpi_unmap = vlpi_unmap,
		.vlpi_move = vlpi_move,
		.vlpi_set = vlpi_set,
		.vlpi_clear = vlpi_clear,
		.vlpi_configure = vlpi_configure,
		.vlpis_settled = vlpis_settled,
	};
	size_t size = vits_size(&m->its_config), all = (size + 63) / 64 * 64;
	bool discards = its->discards;

	free(its->memory);
	*its = (struct its){ .machine = m, .discards = discards };
	if (discards)
		port.vlpi_discard = vlpi_discard;
	its->memory = aligned_alloc(64, all);
	memset(its->memory, 0x5a, all);
	require(vits_init(&its->vits, its->memory, size - 1, &m->its_config, m->vgic, &port, its) ==
			-VIRQ_ERR_MEMORY,
		"too little memory is enough for an ITS");
	require(!vits_init(&its->vits, its->memory, size, &m->its_config, m->vgic, &port, its),
		"vits_init() fails");
}

void its_build(struct machine *m)
{
	for (unsigned n = 0; n < m->n_its; n++)
		build_one(m, &m->its[n]);
}

void its_free(struct machine *m)
{
	for (unsigned n = 0; n < m->n_its; n++)
		free(m->its[n].memory);
	free(m->ram.bytes);
}

void its_invalidated(struct machine *m, unsigned vcpu, virq_t lpi)
{
	for (unsigned n = 0; n < m->n_its; n++)
		vits_lpi_invalidated(m->its[n].vits, vcpu, lpi);
}

/* --- The VM as a whole --------------------------------------------------------------------------- */

static void require_unmapped(const struct its *its)
{
	for (unsigned r = 0; r < ROUTES; r++)
		require(!its->routes[r].mapped, "a route is forwarded by an ITS after its reset");
}

void its_reset(struct machine *m)
{
	for (unsigned n = 0; n < m->n_its; n++) {
		host_begin(m, -1);
		vits_reset(m->its[n].vits);
		host_end(m);
		require_unmapped(&m->its[n]);
	}
}

static void save_one(struct machine *m, struct its *its)
{
	int result;

	host_begin(m, -1);
	result = vits_save(its->vits, &its->state);
	host_end(m);
	SAY("  ITS saved: %d\n", result);
	require(!result || result == -VIRQ_ERR_STATE, "vits_save()");
	its->saved = !result;
}

/*
 * Each is restored from what it gave, at once: with two, tables of one may have been written over by the
 * other's, if the guest wants it so.
 */
void its_save(struct machine *m)
{
	for (unsigned n = 0; n < m->n_its; n++) {
		struct its *its = &m->its[n];
		struct vits_state state;

		save_one(m, its);
		if (!its->saved)
			continue;
		state = its->state;
		require(its_restore_state(m, its, &state), "what vits_save() gave is refused");
		save_one(m, its);
		require(its->saved && !memcmp(&state, &its->state, sizeof(state)),
			"an ITS that was restored is saved as something else");
	}
}

bool its_restore_state(struct machine *m, struct its *its, const struct vits_state *state)
{
	const char *why = NULL;
	int result;

	host_begin(m, -1);
	result = vits_restore(its->vits, state, &why);
	host_end(m);
	SAY("  ITS restored: %d, %s\n", result, why ? why : "");
	require(result == (why ? -VIRQ_ERR_STATE : 0),
		"vits_restore(): a refusal without a reason");
	return !result;
}

/* The guest's memory need not be as it was. */
void its_restore(struct machine *m)
{
	for (unsigned n = 0; n < m->n_its; n++) {
		struct its *its = &m->its[n];

		if (its->saved && its_restore_state(m, its, &its->state))
			continue;
		host_begin(m, -1);
		vits_reset(its->vits);
		host_end(m);
		require_unmapped(its);
	}
}

/* --- What must hold ------------------------------------------------------------------------------ */

static void check_one(struct its *its)
{
	struct vits_stats now, *before = &its->stats;
	unsigned mapped = 0;

	vits_stats(its->vits, &now);
	require(now.commands >= before->commands && now.command_errors >= before->command_errors &&
			now.messages >= before->messages && now.misses >= before->misses &&
			now.ignored >= before->ignored,
		"an ITS's statistics go back");
	require(now.command_errors <= now.commands, "more errors than commands");
	for (unsigned r = 0; r < ROUTES; r++)
		mapped += its->routes[r].mapped;
	require(now.forwarded == mapped, "an ITS counts its forwarded routes wrong");
	*before = now;
}

void its_check(struct machine *m)
{
	for (unsigned n = 0; n < m->n_its; n++)
		check_one(&m->its[n]);
}

uint64_t its_register(const struct its *its, uint32_t offset, unsigned bytes)
{
	uint64_t value;

	require(vits_read(its->vits, NULL, offset, bytes, &value) == VGIC_DONE,
		"a read of an ITS is not done");
	return value;
}

/* GITS_CWRITER was written, and the answer is that all is done. */
void its_check_done(const struct its *its)
{
	uint64_t cbaser = its_register(its, GITS_CBASER, 8);
	uint64_t cwriter = its_register(its, GITS_CWRITER, 8);

	require(!(its_register(its, GITS_CTLR, 4) & 1) || !(cbaser >> 63) ||
			cwriter >= ((cbaser & 0xff) + 1) * 0x1000 ||
			its_register(its, GITS_CREADR, 8) == cwriter,
		"done, and commands are left");
}
