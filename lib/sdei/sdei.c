/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Configuration, the table of events, reset, statistics, the ACPI table.
 */
#include "internal.h"

/* The layout of what sdei_init() is given: the dispatcher, vCPUs, handlers. */
struct layout {
	size_t pe, private, shared, size;
};

static unsigned events_of(const struct sdei_config *config, unsigned type)
{
	unsigned n = type == PRIVATE ? 1u + config->private_slots : config->shared_slots;

	for (unsigned i = 0; i < config->events; i++)
		n += config->event[i].shared == (type == SHARED);
	return n;
}

static struct layout layout_of(const struct sdei_config *config)
{
	struct layout layout;

	layout.pe = (sizeof(struct sdei) + 63) & ~(size_t)63;
	layout.private = layout.pe + config->vcpus * sizeof(struct pe);
	layout.shared = layout.private +
			config->vcpus * events_of(config, PRIVATE) * sizeof(struct handler);
	layout.size = layout.shared + events_of(config, SHARED) * sizeof(struct handler);
	return layout;
}

static const char *event_fault(const struct sdei_config *config, unsigned i)
{
	int32_t number = config->event[i].number;

	if (number & ~(SDEI_VENDOR | 0xffffff))
		return "event: bits of a number that are none";
	if (number == SDEI_EVENT_0)
		return "event: number 0 is there anyway";
	if (number >= SDEI_BOUND_FIRST && number < SDEI_BOUND_FIRST + 2 * SDEI_MAX_EVENTS)
		return "event: this number is a bound event's";
	while (i--)
		if (config->event[i].number == number)
			return "event: a number is there twice";
	return NULL;
}

static const char *fault(const struct sdei_config *config)
{
	if (!config->vcpus || config->vcpus > SDEI_MAX_VCPUS)
		return "vcpus: 1 to 512";
	if (config->events && !config->event)
		return "event: NULL, but there are events";
	if (config->minor > 1)
		return "minor: 0 or 1";
	if (config->features & ~(uint32_t)SDEI_HAS_ALL)
		return "features: a bit that is none";
	for (unsigned i = 0; i < config->events; i++)
		if (event_fault(config, i))
			return event_fault(config, i);
	if (events_of(config, PRIVATE) > SDEI_MAX_EVENTS)
		return "private_slots: with event 0 and the private events more than 64";
	if (events_of(config, SHARED) > SDEI_MAX_EVENTS)
		return "shared_slots: with the shared events more than 64";
	return NULL;
}

int sdei_check(const struct sdei_config *config, const char **why)
{
	const char *reason = fault(config);

	if (why)
		*why = reason;
	return reason ? -VIRQ_ERR_CONFIG : 0;
}

size_t sdei_size(const struct sdei_config *config)
{
	return fault(config) ? 0 : layout_of(config).size;
}

static void event_add(struct sdei *sdei, unsigned type, struct event event)
{
	unsigned index = sdei->count[type]++;

	if (event.critical)
		sdei->critical[type] |= 1ull << index;
	sdei->event[type][index] = event;
}

/* Event 0, those of the configuration, slots: the order of delivery among equals. */
static void events_add(struct sdei *sdei)
{
	const struct sdei_config *config = &sdei->config;

	event_add(sdei, PRIVATE, (struct event){ .number = SDEI_EVENT_0 });
	for (unsigned i = 0; i < config->events; i++)
		event_add(sdei, config->event[i].shared ? SHARED : PRIVATE,
			  (struct event){ .number = config->event[i].number,
					  .critical = config->event[i].critical });
	for (unsigned type = 0; type < TYPES; type++) {
		unsigned slots = type == PRIVATE ? config->private_slots : config->shared_slots;
		int32_t first = type == PRIVATE ? SDEI_BOUND_FIRST : SDEI_BOUND_SHARED;

		sdei->first_slot[type] = sdei->count[type];
		for (unsigned i = 0; i < slots; i++)
			event_add(sdei, type,
				  (struct event){ .number = first + (int32_t)i, .slot = true });
	}
	sdei->config.event = NULL; /* the caller's, and no longer wanted */
}

static void pe_clear(struct pe *pe)
{
	struct sdei_stats stats = pe->stats;

	*pe = (struct pe){ .state = PE_MASKED, .stats = stats };
}

static void all_clear(struct sdei *sdei)
{
	for (unsigned i = 0; i < sdei->config.vcpus; i++)
		pe_clear(&sdei->pe[i]);
	for (unsigned i = 0; i < sdei->config.vcpus * sdei->count[PRIVATE]; i++)
		sdei->private[i] = (struct handler){ 0 };
	for (unsigned i = 0; i < sdei->count[SHARED]; i++)
		sdei->shared[i] = (struct handler){ 0 };
	sdei->any = 0;
	for (unsigned i = 0; i < OPEN_WORDS; i++)
		sdei->open[NORMAL][i] = sdei->open[CRITICAL][i] = 0;
}

static bool has_hooks(const struct sdei_config *config, const struct sdei_port *port)
{
	if (!port->kick || !port->vcpu_of_mpidr || !port->mpidr)
		return false;
	if (!config->private_slots && !config->shared_slots)
		return true;
	return port->irq_valid && port->irq_divert && port->irq_return && port->irq_pending &&
	       port->irq_take && port->irq_end && port->irq_clear;
}

int sdei_init(struct sdei **out, void *memory, size_t size, const struct sdei_config *config,
	      const struct sdei_port *port, void *host)
{
	struct sdei *sdei = memory;
	struct layout layout;

	if (fault(config) || !has_hooks(config, port))
		return -VIRQ_ERR_CONFIG;
	layout = layout_of(config);
	if (!memory || (uintptr_t)memory % 64 || size < layout.size)
		return -VIRQ_ERR_MEMORY;
	*sdei = (struct sdei){ .config = *config, .port = *port, .host = host };
	sdei->pe = (struct pe *)((uint8_t *)memory + layout.pe);
	sdei->private = (struct handler *)((uint8_t *)memory + layout.private);
	sdei->shared = (struct handler *)((uint8_t *)memory + layout.shared);
	events_add(sdei);
	entry_prepare(sdei);
	for (unsigned i = 0; i < config->vcpus; i++)
		sdei->pe[i].stats = (struct sdei_stats){ 0 };
	all_clear(sdei);
	*out = sdei;
	return 0;
}

void sdei_reset(struct sdei *sdei)
{
	for (unsigned type = 0; type < TYPES; type++)
		for (unsigned i = sdei->first_slot[type]; i < sdei->count[type]; i++)
			if (event_virq(&sdei->event[type][i]))
				slot_return(sdei, type, i);
	all_clear(sdei);
}

static bool event_index(const struct sdei *sdei, unsigned type, int32_t number, unsigned *index)
{
	for (*index = 0; *index < sdei->count[type]; ++*index)
		if (sdei->event[type][*index].number == number)
			return true;
	return false;
}

/* As `vcpu` sees it. False: there is no such event. */
bool instance_find(struct sdei *sdei, unsigned vcpu, int32_t number, struct instance *instance)
{
	unsigned type, index;

	for (type = 0; type < TYPES; type++) {
		if (!event_index(sdei, type, number, &index))
			continue;
		*instance = instance_at(sdei, vcpu, type, index);
		return true;
	}
	return false;
}

int sdei_raise(struct sdei *sdei, unsigned vcpu, int32_t number)
{
	struct instance instance;

	bool exists = vcpu < sdei->config.vcpus;

	if (!instance_find(sdei, exists ? vcpu : 0, number, &instance) ||
	    (instance.type == PRIVATE && !exists))
		return -VIRQ_ERR_RANGE;
	instance_raise(sdei, &instance);
	return 0;
}

int sdei_stats(const struct sdei *sdei, unsigned vcpu, struct sdei_stats *stats)
{
	const struct sdei_stats *from;

	if (vcpu >= sdei->config.vcpus)
		return -VIRQ_ERR_RANGE;
	from = &sdei->pe[vcpu].stats;
	stats->calls = load_relaxed(&from->calls);
	stats->refused = load_relaxed(&from->refused);
	stats->normal = load_relaxed(&from->normal);
	stats->critical = load_relaxed(&from->critical);
	return 0;
}

static void copy(uint8_t *to, const char *from, unsigned bytes)
{
	while (bytes--)
		*to++ = (uint8_t)*from++;
}

/* ACPI 6.5, 5.2.6: signature, length, revision, checksum, OEM ID, OEM table ID, OEM revision, creator. */
void sdei_acpi_table(uint8_t table[SDEI_ACPI_SIZE], const char oem_id[6],
		     const char oem_table_id[8], uint32_t oem_revision)
{
	uint8_t sum = 0;

	for (unsigned i = 0; i < SDEI_ACPI_SIZE; i++)
		table[i] = 0;
	copy(table, "SDEI", 4);
	table[4] = SDEI_ACPI_SIZE;
	table[8] = 1;
	copy(table + 10, oem_id, 6);
	copy(table + 16, oem_table_id, 8);
	for (unsigned i = 0; i < 4; i++)
		table[24 + i] = (uint8_t)(oem_revision >> 8 * i);
	copy(table + 28, "CARI", 4);
	table[32] = 1;
	for (unsigned i = 0; i < SDEI_ACPI_SIZE; i++)
		sum = (uint8_t)(sum + table[i]);
	table[9] = (uint8_t)-sum;
}
