/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What the lockstep of ITSs and LPIs does next. Most of it is about few devices, events and LPIs. */
#include "../harness/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPENING 60

static bool one_in(struct generator *g, unsigned n)
{
	return below(g, n) == 0;
}

void generate_begin(struct generator *g, const struct machine *m, uint64_t seed)
{
	memset(g, 0, sizeof(*g));
	g->machine = m;
	g->random = seed;
	g->opening = OPENING;
	g->mood = below(g, 6);
}

/* --- What operations are about ---------------------------------------------------------------- */

static uint32_t any_device(struct generator *g)
{
	const struct machine_config *c = &g->machine->config;
	uint32_t page = 512u << 2 * c->page;
	const uint32_t odd[] = { page - 1,
				 page,
				 page + 1,
				 2 * page,
				 3 * page - 1,
				 3 * page,
				 (page - 1) * page + 3,
				 0xffffffff,
				 0x80000000 };

	if (!one_in(g, 12))
		return below(g, 4);
	if (one_in(g, 3))
		return (uint32_t)((1ull << c->device_bits) - below(g, 2));
	return odd[below(g, sizeof(odd) / sizeof(odd[0]))];
}

static uint32_t any_event(struct generator *g)
{
	const struct machine_config *c = &g->machine->config;

	if (!one_in(g, 16))
		return below(g, 6);
	if (one_in(g, 3))
		return (uint32_t)((1ull << c->event_bits) - below(g, 2));
	if (one_in(g, 2))
		return (1u << below(g, 11)) - below(g, 2);
	return FIRST_LPI + below(g, 6);
}

static uint32_t any_lpi(struct generator *g)
{
	unsigned count = 1u << g->machine->config.lpi_bits;

	if (one_in(g, 24)) {
		const uint32_t odd[] = { 0,
					 FIRST_LPI - 1,
					 FIRST_LPI + count - 1,
					 FIRST_LPI + count,
					 0x4000,
					 0x10000,
					 0xffffffff,
					 1u << 24 };

		return odd[below(g, 8)];
	}
	return FIRST_LPI + below(g, one_in(g, 4) || count < 10 ? count : 10);
}

static uint32_t any_icid(struct generator *g)
{
	const struct machine_config *c = &g->machine->config;

	if (!one_in(g, 16))
		return below(g, 4) & ((1u << c->collection_bits) - 1);
	if (one_in(g, 2))
		return ((1u << c->collection_bits) - below(g, 2)) & 0xffff;
	return (512u << 2 * c->page) - below(g, 2);
}

static uint64_t any_rdbase(struct generator *g)
{
	const struct machine_config *c = &g->machine->config;
	unsigned v = one_in(g, 24) ? c->vcpus + below(g, 2) * 0x100 : below(g, c->vcpus);

	if (one_in(g, 40))
		return (next(&g->random) & 0xffffffffull) << 16;
	return c->pta ? REDISTS + v * 0x20000ull : (uint64_t)v << 16;
}

static uint8_t any_property(struct generator *g)
{
	return (uint8_t)((below(g, 8) * 0x28 & 0xf8) | (one_in(g, 4) ? 0 : 1) | below(g, 2) << 1);
}

/* One that is mapped, mostly. */
static void any_pair(struct generator *g, unsigned its, uint32_t *device, uint32_t *event)
{
	const struct its_model *model = &g->machine->model.its[its];
	unsigned tries;

	*device = any_device(g);
	*event = any_event(g);
	for (tries = one_in(g, 8) ? 0 : 12; tries; tries--) {
		const struct device_model *d = &model->devices[below(g, DEVICES)];

		if (!d->valid || !d->count)
			continue;
		*device = d->id;
		*event = d->events[below(g, d->count)].event;
		return;
	}
}

/* --- Commands --------------------------------------------------------------------------------- */

static void pair(struct generator *g, struct op *op, bool mapped)
{
	uint32_t device = any_device(g), event = any_event(g);

	if (mapped)
		any_pair(g, op->n, &device, &event);
	op->w[0] |= (uint64_t)device << 32;
	op->w[1] = event;
}

static void make_mapd(struct generator *g, struct op *op)
{
	unsigned most = g->machine->config.event_bits;

	op->w[0] = 0x08 | (uint64_t)any_device(g) << 32;
	op->w[1] = one_in(g, 4) ? below(g, 10) : 2 + below(g, 3);
	if (op->w[1] >= most && !one_in(g, 20))
		op->w[1] = most - 1;
	if (one_in(g, 16))
		op->w[1] = 13;
	op->w[2] = one_in(g, 5) && !g->opening ? 0 : 1ull << 63;
	if (op->w[2] && one_in(g, 30)) /* an ITT that is nowhere */
		op->w[2] |= 0x000ffff0f0000000ull;
}

static void make_mapc(struct generator *g, struct op *op)
{
	op->w[0] = 0x09;
	op->w[2] = any_icid(g) | any_rdbase(g) | (one_in(g, 6) ? 0 : 1ull << 63);
}

static void make_mapti(struct generator *g, struct op *op)
{
	op->w[0] = one_in(g, 20) ? 0x0b : 0x0a;
	pair(g, op, false);
	if (op->w[0] % 256 == 0x0b && !one_in(g, 4))
		op->w[1] = any_lpi(g);
	op->w[1] |= (uint64_t)any_lpi(g) << 32;
	op->w[2] = any_icid(g);
}

static struct op make_command(struct generator *g, unsigned kind)
{
	struct op op = { .kind = OP_COMMAND, .n = (uint8_t)below(g, g->machine->config.itses) };
	static const uint8_t of_pairs[] = { 0x01, 0x03, 0x04, 0x0c, 0x0f, 0x03, 0x0c, 0x01 };

	switch (kind) {
	case 0:
		make_mapd(g, &op);
		break;
	case 1:
		make_mapc(g, &op);
		break;
	case 2:
	case 3:
		make_mapti(g, &op);
		break;
	case 4:
	case 5:
	case 6:
		op.w[0] = of_pairs[below(g, 8)];
		pair(g, &op, true);
		if (op.w[0] % 256 == 0x01)
			op.w[2] = any_icid(g);
		break;
	case 7:
		op.w[0] = 0x0d;
		op.w[2] = any_icid(g);
		break;
	case 8:
		op.w[0] = 0x0e;
		op.w[2] = any_rdbase(g);
		op.w[3] = any_rdbase(g);
		break;
	case 9:
	case 10:
		op.w[0] = 0x05;
		op.w[2] = any_rdbase(g);
		break;
	default:
		op.w[0] = next(&g->random) & 0xffffffff000000ffull;
		op.w[1] = next(&g->random);
		if ((op.w[0] & 0xff) <= 0x0f && (op.w[0] & 0xff))
			op.w[0] |= 0x80;
	}
	return op;
}

/* Collections, then devices, then events. */
static struct op make_opening(struct generator *g)
{
	unsigned kind = g->opening > OPENING * 3 / 4 ? 1 : g->opening > OPENING / 2 ? 0 : 2;

	if (one_in(g, 6))
		kind = below(g, 3);
	if (one_in(g, 5) || g->opening < 3)
		return (struct op){ .kind = OP_SUBMIT,
				    .n = (uint8_t)below(g, g->machine->config.itses) };
	return make_command(g, kind);
}

/* --- Registers -------------------------------------------------------------------------------- */

static struct op make_its_access(struct generator *g)
{
	static const uint16_t reads[] = { 0x00,  0x04,   0x08,  0x0c,  0x80,  0x84,  0x88,  0x8c,
					  0x90,  0x94,   0x100, 0x104, 0x108, 0x10c, 0x110, 0x118,
					  0x138, 0xffe8, 0x40,  0x82,  0x20,  0xffd0 };
	struct op op = { .kind = OP_ITS_READ, .n = (uint8_t)below(g, g->machine->config.itses) };

	op.a = reads[below(g, sizeof(reads) / 2)];
	op.b = one_in(g, 6) ? 1u << below(g, 4) : op.a & 4 || op.a == 0xffe8 || !op.a ? 4 : 8;
	if (one_in(g, 3)) { /* off, or on */
		op.kind = OP_ITS_WRITE;
		op.a = 0;
		op.b = 4;
		op.w[0] = !one_in(g, 3);
	} else if (one_in(g, 4)) { /* of no effect: read-only, or enabled, or no register */
		const uint16_t writes[] = { 0x04, 0x08, 0x90, 0x110, 0xffe8, 0x10040 & 0xffff };

		op.kind = OP_ITS_WRITE;
		op.a = writes[below(g, 6)];
		if (g->machine->model.its[op.n].enabled && one_in(g, 2))
			op.a = one_in(g, 2) ? 0x80 : 0x100 + 8 * below(g, 2);
		op.b = 8;
		op.w[0] = next(&g->random);
	}
	return op;
}

static struct op make_setup(struct generator *g)
{
	struct op op = { .kind = OP_SETUP, .n = (uint8_t)below(g, g->machine->config.itses) };

	op.a = one_in(g, 3) ? 0 : 1u << below(g, 3);
	op.b = below(g, 3);
	op.w[0] = below(g, 2);
	op.w[1] = one_in(g, 2) ? 0 : below(g, 16);
	if (one_in(g, 8)) /* not valid */
		op.w[1] += 112;
	return op;
}

static struct op make_gicr_access(struct generator *g)
{
	static const uint8_t reads[] = { 0x00, 0x70, 0x74, 0x78, 0x7c, 0xa0, 0xb0, 0xc0, 0xc0 };
	struct op op = { .kind = OP_GICR_READ, .b = 8 };
	unsigned v = below(g, g->machine->config.vcpus);
	uint32_t base = v * VGIC_REDIST_STRIDE;

	if (one_in(g, 3)) {
		op.a = base + (one_in(g, 2) ? 0xc0 : reads[below(g, sizeof(reads))]);
		op.b = op.a & 4 || op.a % 0x100 == 0 || op.a % 0x100 == 0xc0 ? 4 : 8;
		if (one_in(g, 4))
			op.b = 1u << below(g, 4);
		return op;
	}
	op.kind = OP_GICR_WRITE;
	if (one_in(g, 3)) {
		op.a = base;
		op.b = 4;
		op.w[0] = !g->machine->model.pe[v].enabled || one_in(g, 8);
	} else if (one_in(g, 2)) {
		op.a = base + 0xa0;
		op.w[0] = any_lpi(g);
		if (one_in(g, 30))
			op.w[0] = next(&g->random);
	} else if (one_in(g, 3)) {
		op.a = base + 0xb0;
		op.w[0] = 0;
	} else if (one_in(g, 2)) {
		op.a = base + 0x70;
		op.w[0] = (one_in(g, 4) ? PROPERTIES_2 : PROPERTIES) |
			  (one_in(g, 6) ? 12 - below(g, 2) : 13 + below(g, 4)) | 0x380;
	} else {
		op.a = base + 0x78;
		op.w[0] = PENDING(v) | (one_in(g, 2) ? 1ull << 62 : 0) | 0x780;
		if (one_in(g, 4)) {
			op.b = 4;
			op.a += 4 * below(g, 2);
			op.w[0] = op.a & 4 ? op.w[0] >> 32 : op.w[0] & 0xffffffff;
		}
	}
	return op;
}

/* --- Everything ------------------------------------------------------------------------------- */

static const struct weight {
	enum op_kind kind;
	unsigned weight;
} weights[] = {
	{ OP_COMMAND, 220 }, { OP_SUBMIT, 70 },     { OP_MESSAGE, 160 },    { OP_ITS_READ, 20 },
	{ OP_SETUP, 4 },     { OP_GICR_WRITE, 30 }, { OP_PROPERTY, 40 },    { OP_PULSE, 30 },
	{ OP_IAR, 150 },     { OP_EOI, 120 },       { OP_DIR, 20 },         { OP_PMR, 10 },
	{ OP_GROUP, 6 },     { OP_KICK, 100 },      { OP_MAINTENANCE, 40 }, { OP_BOUNCE, 20 },
	{ OP_EXIT, 20 },     { OP_ENTER, 60 },      { OP_BLOCK, 10 },       { OP_PUT, 12 },
	{ OP_LOAD, 40 },     { OP_RETRY, 60 },      { OP_TRANSLATE, 10 },   { OP_FORWARD, 20 },
	{ OP_UNFORWARD, 4 }, { OP_FIRE, 60 },       { OP_VLPI, 20 },        { OP_QUIESCE, 10 },
	{ OP_SAVE, 2 },      { OP_RESTORE, 3 },     { OP_RESET, 1 },        { OP_STORE, 2 },
};

static enum op_kind any_kind(struct generator *g)
{
	unsigned total = 0, n, at;

	for (n = 0; n < sizeof(weights) / sizeof(weights[0]); n++)
		total += weights[n].weight;
	at = below(g, total);
	for (n = 0; at >= weights[n].weight; n++)
		at -= weights[n].weight;
	return weights[n].kind;
}

struct op generate(struct generator *g)
{
	const struct machine_config *c = &g->machine->config;
	struct op op;
	enum op_kind kind = any_kind(g);

	if (g->machine->resets != g->resets) {
		g->resets = g->machine->resets;
		g->opening = OPENING;
	}
	if (g->opening) {
		op = make_opening(g);
		op.vcpu = (uint8_t)below(g, c->vcpus);
		g->opening--;
		return op;
	}
	if (!c->routes && (kind == OP_FORWARD || kind == OP_FIRE))
		kind = OP_MESSAGE;
	if (g->mood == 1 && one_in(g, 3))
		kind = one_in(g, 2) ? OP_MESSAGE : OP_IAR;
	if (g->mood == 2 && one_in(g, 3))
		kind = one_in(g, 2) ? OP_COMMAND : OP_SUBMIT;
	op = (struct op){ .kind = (uint8_t)kind };
	if (kind == OP_COMMAND) {
		static const uint8_t kinds[] = { 0, 1, 2, 3, 4, 5, 6, 4, 5, 7, 8, 9, 10, 9, 10 };

		op = make_command(g, one_in(g, 30) ? 11 : kinds[below(g, sizeof(kinds))]);
	} else if (kind == OP_ITS_READ) {
		op = make_its_access(g);
	} else if (kind == OP_SETUP) {
		op = make_setup(g);
	} else if (kind == OP_GICR_WRITE) {
		op = make_gicr_access(g);
	} else {
		op.n = (uint8_t)below(g, c->itses);
		any_pair(g, kind == OP_FORWARD ? 0 : op.n, &op.a, &op.b);
		op.w[0] = below(g, 2);
	}
	op.vcpu = (uint8_t)below(g, c->vcpus);
	switch (kind) {
	case OP_SUBMIT:
		op.a = one_in(g, 8);
		break;
	case OP_PROPERTY:
		op.a = below(g, 1u << c->lpi_bits < 10 || one_in(g, 4) ? 1u << c->lpi_bits : 10);
		op.b = any_property(g);
		break;
	case OP_STORE:
		op.a = (uint32_t)next(&g->random) & (RAM_SIZE - 8);
		if (!one_in(g, 4)) /* at something that is likely to be in use */
			op.a = (uint32_t)((one_in(g, 2) ? DEVTAB(op.n) : ITT(op.n, below(g, 4))) -
					  RAM_BASE) +
			       8 * below(g, 6);
		op.w[0] = next(&g->random) >> below(g, 64);
		if (one_in(g, 3))
			op.w[0] = 1ull << 63 | (next(&g->random) & 31) |
				  (ITT(op.n, below(g, 16)) >> 8) << 5;
		break;
	case OP_PULSE:
		op.a = below(g, SPIS);
		break;
	case OP_PMR:
		op.a = one_in(g, 2) ? 0xff : below(g, 256);
		break;
	case OP_GROUP:
		op.a = !one_in(g, 3);
		break;
	case OP_LOAD:
		op.n = !one_in(g, 4);
		break;
	case OP_FORWARD:
	case OP_UNFORWARD:
	case OP_FIRE:
	case OP_VLPI:
		op.n = (uint8_t)below(g, c->routes ? c->routes : 1);
		if (one_in(g, 30))
			op.n++;
		break;
	case OP_RESTORE:
		op.n = (uint8_t)one_in(g, 2);
		op.a = one_in(g, 2) ? below(g, 1000) : 0;
		break;
	default:
		break;
	}
	return op;
}

/* --- Configurations --------------------------------------------------------------------------- */

struct machine_config generate_config(uint64_t seed)
{
	struct generator g = { .random = seed ^ 0x5deece66dull };
	static const uint8_t lrs[] = { 0, 1, 2, 4, 4, 16 };
	static const uint8_t device_bits[] = { 1, 4, 9, 10, 16, 20, 32 };
	static const uint8_t event_bits[] = { 1, 4, 5, 8, 14, 16, 32 };
	static const uint8_t collection_bits[] = { 1, 3, 4, 9, 16 };
	struct machine_config c = { 0 };

	c.vcpus = one_in(&g, 3) ? 1 + below(&g, 8) : 1 + below(&g, 3);
	c.itses = 1 + below(&g, 2);
	c.lrs = lrs[below(&g, 6)];
	c.lpi_bits = one_in(&g, 8) ? 10 : 2 + below(&g, 4);
	c.device_bits = device_bits[below(&g, 7)];
	c.event_bits = event_bits[below(&g, 7)];
	c.collection_bits = collection_bits[below(&g, 5)];
	c.cache_bits = 4 + (unsigned)one_in(&g, 4);
	c.priority_bits = 5 + below(&g, 4);
	c.preemption_bits = 5 + below(&g, 3);
	if (c.preemption_bits > c.priority_bits)
		c.preemption_bits = c.priority_bits;
	c.page = below(&g, 3);
	c.indirect = below(&g, 2);
	c.pta = one_in(&g, 3);
	c.routes = one_in(&g, 3) ? 1 + below(&g, ROUTES) : 0;
	c.spis = one_in(&g, 2) ? 1 + below(&g, SPIS) : 0;
	c.eoimode1 = one_in(&g, 4);
	c.refill = one_in(&g, 2);
	c.holes = one_in(&g, 4);
	c.whole = !c.routes && one_in(&g, 2);
	c.wild = one_in(&g, 6);
	c.prompt = one_in(&g, 3);
	c.discard = c.routes && one_in(&g, 2);
	return c;
}

struct option {
	const char *name;
	size_t offset;
	bool flag;
	unsigned least, most;
};

#define NUMBER(name, least, most)                                                \
	{                                                                        \
#name, offsetof(struct machine_config, name), false, least, most \
	}
#define FLAG(name)                                                       \
	{                                                                \
#name, offsetof(struct machine_config, name), true, 0, 1 \
	}

static const struct option options[] = {
	NUMBER(vcpus, 1, PES),
	NUMBER(itses, 1, ITSES),
	NUMBER(lrs, 0, 16),
	NUMBER(lpi_bits, 1, 10),
	NUMBER(device_bits, 1, 32),
	NUMBER(event_bits, 1, 32),
	NUMBER(collection_bits, 1, 16),
	NUMBER(cache_bits, 4, 20),
	NUMBER(priority_bits, 5, 8),
	NUMBER(preemption_bits, 5, 7),
	NUMBER(page, 0, 2),
	FLAG(indirect),
	FLAG(pta),
	NUMBER(routes, 0, ROUTES),
	NUMBER(spis, 0, SPIS),
	FLAG(eoimode1),
	FLAG(refill),
	FLAG(holes),
	FLAG(whole),
	FLAG(wild),
	FLAG(discard),
	FLAG(prompt),
	NUMBER(tolerate, 0, 0xff),
};

#define OPTIONS (sizeof(options) / sizeof(options[0]))

static bool set_option(const char *name, size_t length, unsigned value,
		       struct machine_config *config)
{
	unsigned n;

	for (n = 0; n < OPTIONS; n++) {
		if (strlen(options[n].name) != length || strncmp(options[n].name, name, length))
			continue;
		if (value < options[n].least || value > options[n].most)
			return false;
		if (options[n].flag)
			*(bool *)((char *)config + options[n].offset) = value;
		else
			*(unsigned *)((char *)config + options[n].offset) = value;
		return true;
	}
	return false;
}

bool generate_change_config(const char *text, struct machine_config *config)
{
	while (*text) {
		const char *equals = strchr(text, '=');
		char *rest;
		unsigned long value;

		if (!equals)
			return false;
		value = strtoul(equals + 1, &rest, 0);
		if (!set_option(text, (size_t)(equals - text), (unsigned)value, config))
			return false;
		if (*rest && *rest != ',')
			return false;
		text = *rest ? rest + 1 : rest;
	}
	return config->preemption_bits <= config->priority_bits;
}

bool generate_parse_config(const char *text, struct machine_config *config)
{
	*config = (struct machine_config){ .vcpus = 2,
					   .itses = 1,
					   .lrs = 4,
					   .lpi_bits = 4,
					   .device_bits = 16,
					   .event_bits = 8,
					   .collection_bits = 4,
					   .cache_bits = 4,
					   .priority_bits = 5,
					   .preemption_bits = 5 };
	return generate_change_config(text, config);
}

void generate_print_config(char *to, size_t size, const struct machine_config *config)
{
	struct machine_config plain;
	unsigned n;

	generate_parse_config("", &plain);
	snprintf(to, size, "vcpus=%u", config->vcpus);
	for (n = 1; n < OPTIONS; n++) {
		const char *at = (const char *)config + options[n].offset;
		const char *is = (const char *)&plain + options[n].offset;
		unsigned value = options[n].flag ? *(const bool *)at : *(const unsigned *)at;
		unsigned usual = options[n].flag ? *(const bool *)is : *(const unsigned *)is;
		size_t length = strlen(to);

		if (value != usual)
			snprintf(to + length, size - length, ",%s=%u", options[n].name, value);
	}
}

/* --- Operations as text ----------------------------------------------------------------------- */

static void print_command(const struct op *op)
{
	static const char *const names[] = {
		[0x01] = "MOVI", [0x03] = "INT",    [0x04] = "CLEAR",  [0x05] = "SYNC",
		[0x08] = "MAPD", [0x09] = "MAPC",   [0x0a] = "MAPTI",  [0x0b] = "MAPI",
		[0x0c] = "INV",  [0x0d] = "INVALL", [0x0e] = "MOVALL", [0x0f] = "DISCARD"
	};
	unsigned code = op->w[0] & 0xff;
	const char *name = code < 16 ? names[code] : NULL;

	printf("ITS %u: queue %s", op->n, name ? name : "?");
	switch (code) {
	case 0x08:
		printf(" device %#x, %u event bits, %s\n", (unsigned)(op->w[0] >> 32),
		       (unsigned)(op->w[1] & 31) + 1, op->w[2] >> 63 ? "valid" : "not valid");
		break;
	case 0x09:
		printf(" ICID %#x, RDbase %#llx, %s\n", (unsigned)(op->w[2] & 0xffff),
		       (unsigned long long)(op->w[2] & 0x000fffffffff0000ull),
		       op->w[2] >> 63 ? "valid" : "not valid");
		break;
	case 0x0a:
	case 0x0b:
	case 0x01:
		printf(" device %#x, event %#x, LPI %u, ICID %#x\n", (unsigned)(op->w[0] >> 32),
		       (unsigned)op->w[1], (unsigned)(op->w[1] >> 32),
		       (unsigned)(op->w[2] & 0xffff));
		break;
	case 0x0d:
		printf(" ICID %#x\n", (unsigned)(op->w[2] & 0xffff));
		break;
	case 0x05:
		printf(" RDbase %#llx\n", (unsigned long long)op->w[2]);
		break;
	case 0x0e:
		printf(" RDbase %#llx to %#llx\n", (unsigned long long)op->w[2],
		       (unsigned long long)op->w[3]);
		break;
	default:
		printf(" (%#x) device %#x, event %#x\n", code, (unsigned)(op->w[0] >> 32),
		       (unsigned)op->w[1]);
	}
}

void machine_print_op(const struct op *op)
{
	static const char *const names[] = {
		[OP_SUBMIT] = "GITS_CWRITER",
		[OP_MESSAGE] = "message",
		[OP_ITS_READ] = "read GITS",
		[OP_ITS_WRITE] = "write GITS",
		[OP_SETUP] = "set up anew",
		[OP_GICR_READ] = "read GICR",
		[OP_GICR_WRITE] = "write GICR",
		[OP_PROPERTY] = "property",
		[OP_STORE] = "store to RAM",
		[OP_PULSE] = "pulse SPI",
		[OP_IAR] = "IAR1",
		[OP_EOI] = "EOIR1",
		[OP_DIR] = "DIR",
		[OP_PMR] = "PMR",
		[OP_GROUP] = "IGRPEN1",
		[OP_KICK] = "take the kick",
		[OP_MAINTENANCE] = "maintenance interrupt",
		[OP_BOUNCE] = "leave and enter",
		[OP_EXIT] = "leave",
		[OP_ENTER] = "enter",
		[OP_BLOCK] = "block",
		[OP_PUT] = "put",
		[OP_LOAD] = "load",
		[OP_RETRY] = "retry",
		[OP_TRANSLATE] = "vits_translate",
		[OP_FORWARD] = "vits_forward",
		[OP_UNFORWARD] = "vits_unforward",
		[OP_FIRE] = "physical event",
		[OP_VLPI] = "hardware delivers",
		[OP_QUIESCE] = "come to rest",
		[OP_SAVE] = "save",
		[OP_RESTORE] = "restore",
		[OP_RESET] = "reset",
	};

	if (op->kind == OP_COMMAND)
		print_command(op);
	else
		printf("vCPU %u: %s; n %u, a %#x, b %#x, w %#llx\n", op->vcpu, names[op->kind],
		       op->n, op->a, op->b, (unsigned long long)op->w[0]);
}
