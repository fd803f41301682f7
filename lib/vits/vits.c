/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The virtual ITS as a whole: configuration, layout in memory, questions. Arm IHI 0069, chapter 5.
 */
#include "internal.h"

#define ALIGN 64u

static size_t round_up(size_t n)
{
	return (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

int vits_check(const struct vits_config *config, const char **why)
{
	const char *reason = NULL;

	if (config->device_bits < 1 || config->device_bits > 32)
		reason = "device_bits is not 1 to 32";
	else if (config->event_bits < 1 || config->event_bits > 32)
		reason = "event_bits is not 1 to 32";
	else if (config->collection_bits < 1 || config->collection_bits > 16)
		reason = "collection_bits is not 1 to 16";
	else if (config->cache_bits < 4 || config->cache_bits > 20)
		reason = "cache_bits is not 4 to 20";
	else if (config->pta && (config->redists & 0xffff || config->redists >> 52))
		reason = "redists is not a multiple of 64K below 2^52";
	else if (config->routes == NO_ROUTE)
		reason = "routes is not 0 to 65534";
	if (why)
		*why = reason;
	return reason ? -VIRQ_ERR_CONFIG : 0;
}

/* The parts of the memory block, in order: vits, cache, collections, routes, heads of their chains. */
static size_t collections_at(const struct vits_config *config)
{
	return round_up(sizeof(struct vits)) + (sizeof(struct cached) << config->cache_bits);
}

static size_t routes_at(const struct vits_config *config)
{
	return round_up(collections_at(config) + (sizeof(uint16_t) << config->collection_bits));
}

static size_t heads_at(const struct vits_config *config)
{
	return routes_at(config) + sizeof(struct route) * config->routes;
}

size_t vits_size(const struct vits_config *config)
{
	if (vits_check(config, NULL))
		return 0;
	return round_up(heads_at(config) + sizeof(uint16_t) * config->routes);
}

static bool port_is_whole(const struct vits_port *port)
{
	return port && port->vlpi_map && port->vlpi_unmap && port->vlpi_move && port->vlpi_set &&
	       port->vlpi_clear && port->vlpi_configure && port->vlpis_settled;
}

int vits_init(struct vits **result, void *memory, size_t size, const struct vits_config *config,
	      struct vgic *vgic, const struct vits_port *port, void *host)
{
	struct vits *vits = memory;
	char *base = memory;

	if (vits_check(config, NULL) || !vgic_lpis(vgic) ||
	    (config->routes && !port_is_whole(port)))
		return -VIRQ_ERR_CONFIG;
	if (!memory || (uintptr_t)memory % ALIGN || size < vits_size(config))
		return -VIRQ_ERR_MEMORY;
	*vits = (struct vits){
		.config = *config,
		.vgic = vgic,
		.host = host,
		.set_shift = 64u - (config->cache_bits - 2u),
		.generation = GENERATIONS_FROM,
		.multiplier = MULTIPLIER,
	};
	if (config->routes)
		vits->port = *port;
	vits->cache = (struct cached *)(base + round_up(sizeof(*vits)));
	vits->collections = (uint16_t *)(base + collections_at(config));
	vits->routes = (struct route *)(base + routes_at(config));
	vits->heads = (uint16_t *)(base + heads_at(config));
	cache_init(vits);
	routes_init(vits);
	collections_clear(vits);
	*result = vits;
	return 0;
}

int vits_translate(struct vits *vits, uint32_t device, uint32_t event, virq_t *lpi, unsigned *vcpu)
{
	struct mapping mapping;

	if (!event_find(vits, device, event, &mapping))
		return -VIRQ_ERR_RANGE;
	*vcpu = collection_vcpu(vits, mapping.icid);
	*lpi = mapping.lpi;
	return *vcpu == NO_VCPU ? -VIRQ_ERR_RANGE : 0;
}

void vits_stats(const struct vits *vits, struct vits_stats *stats)
{
	uint64_t all = messages_so_far(vits);

	*stats = (struct vits_stats){
		.commands = load_relaxed(&vits->commands),
		.command_errors = load_relaxed(&vits->command_errors),
		.misses = load_relaxed(&vits->misses),
		.ignored = load_relaxed(&vits->ignored),
		.forwarded = load_relaxed(&vits->forwarded),
	};
	/* Counted at different times. */
	stats->messages = all > stats->ignored ? all - stats->ignored : 0;
}
