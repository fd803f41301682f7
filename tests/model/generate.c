/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Random operations, biased to where interrupts collide: few INTIDs, few priorities, registers that
 * matter. An operation is plain data; whether it can happen is decided when it is done, so that any
 * part of a list is a list too (shrinking).
 */
#include "harness/random.h"
#include "machine_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- Configurations --------------------------------------------------------------------------- */

struct machine_config generate_config(uint64_t seed)
{
	static const unsigned spis[] = { 0, 3, 8, 8, 32, 33, 60, 100, 300 };
	static const unsigned espis[] = { 0, 0, 0, 4, 8, 40 };
	static const unsigned clusters[] = { 0, 1, 2, 4, 4 };
	uint64_t s = seed * 7919 + 1;
	struct machine_config c = { .model = { .version = next(&s) % 3 ? 3 : 2 } };

	c.model.vcpus = 1 + (unsigned)(next(&s) % 4);
	c.model.spis = spis[next(&s) % 9];
	c.model.priority_bits = 5 + (unsigned)(next(&s) % 4);
	c.model.preemption_bits = 5 + (unsigned)(next(&s) % 3);
	if (c.model.preemption_bits > c.model.priority_bits)
		c.model.preemption_bits = c.model.priority_bits;
	c.model.cluster_bits = clusters[next(&s) % 5];
	c.model.espis = espis[next(&s) % 6];
	c.model.eppis = next(&s) % 4 ? 0 : 32 << next(&s) % 2;
	c.model.region_redists = (unsigned)(next(&s) % 4);
	c.lrs = 1 + (unsigned)(next(&s) % (next(&s) % 2 ? 4 : 16));
	c.mapped = next(&s) % 3 ? (unsigned)(next(&s) % 8) : 0;
	c.soft = next(&s) % 2 ? (unsigned)(next(&s) % 4) : 0;
	c.manners.last_wins = next(&s) % 2;
	c.manners.strict_eoi = next(&s) % 2;
	c.misconfigure = next(&s) % 8 == 0;
	c.lines = !c.misconfigure && next(&s) % 4 == 0;
	c.refill = next(&s) % 2;
	c.eoimode1 = next(&s) % 2;
	c.notify = next(&s) % 3 == 0;
	if (next(&s) % 5 == 0)
		c.lrs = 0;
	if (next(&s) % 8 == 0 && c.lrs) {
		c.twin = true;
		c.mapped = 0;
	}
	if (next(&s) % 3 == 0 && !c.twin)
		c.cpus = 1 + (unsigned)(next(&s) % c.model.vcpus);
	c.whole = next(&s) % 2 && !c.twin;
	if (c.model.version == 2) {
		c.model.espis = c.model.eppis = c.model.region_redists = 0;
		c.model.priority_bits = c.model.preemption_bits = 5;
		if (next(&s) % 4 == 0)
			c.model.vcpus = 5 + (unsigned)(next(&s) % 4);
	}
	c.quiet = next(&s) % 2;
	return c;
}

static bool set_option(struct machine_config *c, const char *name, unsigned value)
{
	const struct {
		const char *name;
		unsigned *number;
		bool *flag;
	} options[] = {
		{ "version", &c->model.version, NULL },
		{ "vcpus", &c->model.vcpus, NULL },
		{ "spis", &c->model.spis, NULL },
		{ "espis", &c->model.espis, NULL },
		{ "eppis", &c->model.eppis, NULL },
		{ "region", &c->model.region_redists, NULL },
		{ "cpus", &c->cpus, NULL },
		{ "lrs", &c->lrs, NULL },
		{ "pri", &c->model.priority_bits, NULL },
		{ "pre", &c->model.preemption_bits, NULL },
		{ "cluster", &c->model.cluster_bits, NULL },
		{ "mapped", &c->mapped, NULL },
		{ "soft", &c->soft, NULL },
		{ "tolerate", &c->tolerate, NULL },
		{ "last", NULL, &c->manners.last_wins },
		{ "np", NULL, &c->manners.np_both },
		{ "strict", NULL, &c->manners.strict_eoi },
		{ "refill", NULL, &c->refill },
		{ "quiet", NULL, &c->quiet },
		{ "lines", NULL, &c->lines },
		{ "misconfigure", NULL, &c->misconfigure },
		{ "eoimode1", NULL, &c->eoimode1 },
		{ "notify", NULL, &c->notify },
		{ "whole", NULL, &c->whole },
		{ "twin", NULL, &c->twin },
	};
	unsigned n;

	for (n = 0; n < sizeof(options) / sizeof(options[0]); n++) {
		if (strcmp(options[n].name, name))
			continue;
		if (options[n].number)
			*options[n].number = value;
		else
			*options[n].flag = value;
		return true;
	}
	return false;
}

bool generate_change_config(const char *text, struct machine_config *config)
{
	struct machine_config c = *config;
	char name[32];
	unsigned value;
	int used;

	while (*text) {
		if (sscanf(text, "%31[a-z0-9]=%u%n", name, &value, &used) != 2 ||
		    !set_option(&c, name, value))
			return false;
		text += used;
		text += *text == ',';
	}
	c.twin &= c.lrs > 0;
	if (c.twin)
		c.mapped = c.cpus = c.whole = 0;
	if (c.model.version == 2) {
		c.model.espis = c.model.eppis = c.model.region_redists = 0;
		c.model.priority_bits = c.model.preemption_bits = 5;
	}
	*config = c;
	return c.cpus <= MODEL_VCPUS && c.model.vcpus >= 1 && c.model.vcpus <= MODEL_VCPUS &&
	       c.model.spis <= MODEL_SPIS && c.model.espis <= MODEL_ESPIS &&
	       c.model.eppis <= MODEL_PRIVATE - 32 && c.lrs <= CPUIF_MAX_LRS &&
	       (c.model.version == 2 || c.model.version == 3);
}

bool generate_parse_config(const char *text, struct machine_config *config)
{
	*config = (struct machine_config){ .model = { .version = 3,
						      .vcpus = 2,
						      .spis = 8,
						      .priority_bits = 5,
						      .preemption_bits = 5,
						      .cluster_bits = 4 },
					   .lrs = 4 };
	return generate_change_config(text, config);
}

void generate_print_config(char *to, size_t size, const struct machine_config *c)
{
	snprintf(
		to, size,
		"version=%u,vcpus=%u,cpus=%u,spis=%u,espis=%u,eppis=%u,region=%u,lrs=%u,pri=%u,pre=%u,"
		"cluster=%u,mapped=%u,soft=%u,last=%d,np=%d,strict=%d,refill=%d,quiet=%d,lines=%d,"
		"misconfigure=%d,eoimode1=%d,notify=%d,whole=%d,twin=%d,tolerate=%u",
		c->model.version, c->model.vcpus, c->cpus, c->model.spis, c->model.espis,
		c->model.eppis, c->model.region_redists, c->lrs, c->model.priority_bits,
		c->model.preemption_bits, c->model.cluster_bits, c->mapped, c->soft,
		c->manners.last_wins, c->manners.np_both, c->manners.strict_eoi, c->refill,
		c->quiet, c->lines, c->misconfigure, c->eoimode1, c->notify, c->whole, c->twin,
		c->tolerate);
}

/* --- Choices ---------------------------------------------------------------------------------- */

void generate_begin(struct generator *g, struct machine *m, uint64_t seed)
{
	unsigned n, spis = m->config.model.spis;

	memset(g, 0, sizeof(*g));
	g->machine = m;
	g->random = seed;
	g->mood = below(g, 5);
	g->opening = chance(g, 85) ? 40 : 0;
	g->hot[0] = below(g, 16);
	g->hot[1] = below(g, 16);
	g->hot[2] = MACHINE_PPI_LEVEL;
	g->hot[3] = MACHINE_PPI_EDGE;
	g->hot[4] = 16 + below(g, 16);
	for (n = 5; n < GENERATE_HOT; n++)
		g->hot[n] = spis ? 32 + below(g, n < 8 && spis > 8 ? 8 : spis) : 16 + below(g, 16);
	if (m->config.model.espis)
		g->hot[7] = MODEL_ESPI + below(g, m->config.model.espis);
	if (m->config.model.espis)
		g->hot[8] = MODEL_ESPI + below(g, m->config.model.espis);
	if (m->config.model.eppis)
		g->hot[9] = MODEL_EPPI + below(g, m->config.model.eppis);
}

static bool is_v2(const struct generator *g)
{
	return g->machine->config.model.version == 2;
}

static unsigned any_intid(struct generator *g)
{
	const struct model_config *c = &g->machine->config.model;

	if (chance(g, 95))
		return g->hot[below(g, GENERATE_HOT)];
	if (chance(g, 30))
		return MODEL_ESPI + below(g, c->espis + 2);
	if (chance(g, 20))
		return MODEL_EPPI + below(g, c->eppis + 2);
	return below(g, 40 + c->spis);
}

static unsigned any_mapped(struct generator *g)
{
	unsigned mapped = g->machine->config.mapped, spis = g->machine->config.model.spis;

	if (g->machine->config.model.espis > 1 && chance(g, 20))
		return MODEL_ESPI + below(g, 2);
	if (g->machine->config.model.eppis && chance(g, 20))
		return MODEL_EPPI + 2;
	if (mapped && spis && chance(g, 60))
		return 32 + below(g, mapped < spis ? mapped : spis);
	return chance(g, 60) ? MACHINE_PPI_LEVEL : MACHINE_PPI_EDGE;
}

static unsigned any_vcpu(struct generator *g)
{
	return below(g, g->machine->config.model.vcpus);
}

static unsigned any_priority(struct generator *g)
{
	static const uint8_t some[] = {
		0x00, 0x20, 0x40, 0x80, 0xa0, 0xa0, 0xa8, 0xf0, 0xf8, 0xff
	};

	return chance(g, 80) ? some[below(g, 10)] : below(g, 256);
}

static uint64_t any_route(struct generator *g)
{
	if (chance(g, 80))
		return model_affinity(&g->machine->model, any_vcpu(g));
	if (chance(g, 50))
		return 1ull << 31;
	return next(&g->random) & 0xff80010303ull;
}

/* A bank of one-bit registers, weighted by how much is going on there. */
static unsigned any_bank(struct generator *g)
{
	static const uint16_t some[] = { 0x100, 0x100, 0x100, 0x100, 0x180, 0x180, 0x180, 0x200,
					 0x200, 0x280, 0x280, 0x300, 0x380, 0x380, 0x080 };

	return some[below(g, 15)];
}

/* The register of an interrupt; of some other, if there is no such interrupt. */
static void frame(struct generator *g, struct op *op, unsigned intid, unsigned base, unsigned bytes)
{
	struct model *model = &g->machine->model;
	const struct model_irq *irq = model_irq(model, any_vcpu(g), intid);
	enum op_kind kind = (enum op_kind)op->kind;

	*op = machine_register(g->machine, kind, irq ? irq : &model->priv[0][16], base, bytes);
	if (is_v2(g) && irq && model_is_private(irq))
		g->by = op->vcpu;
}

static void access_bits(struct generator *g, struct op *op, unsigned intid, unsigned base)
{
	frame(g, op, intid, base, 4);
	op->c = 1u << intid % 32;
	if (chance(g, 30))
		op->c |= next(&g->random) & next(&g->random) & 0xffffffff;
	if (base == 0x080 && chance(g, 70))
		op->c = next(&g->random) & 0xffffffff;
}

static void access_priority(struct generator *g, struct op *op, unsigned intid)
{
	frame(g, op, intid, 0x400, chance(g, 70) ? 1 : 4);
	op->c = any_priority(g) | any_priority(g) << 8 | any_priority(g) << 16 |
		(uint64_t)any_priority(g) << 24;
}

static void access_targets(struct generator *g, struct op *op, unsigned intid)
{
	frame(g, op, intid, 0x800, chance(g, 70) ? 1 : 4);
	op->c = next(&g->random);
	if (chance(g, 60))
		op->c = (1u << any_vcpu(g)) * 0x01010101ull;
}

static void access_route(struct generator *g, struct op *op, unsigned intid)
{
	unsigned base = intid >= MODEL_ESPI ? 0x8000 + 8 * (intid - MODEL_ESPI)
					    : 0x6000 + 8 * intid;

	if (is_v2(g)) {
		access_targets(g, op, intid);
		return;
	}
	op->a = MODEL_DIST;
	op->n = chance(g, 70) ? 8 : 4;
	op->b = base + (op->n == 4 && chance(g, 40) ? 4 : 0);
	op->c = any_route(g);
	if (op->b % 8)
		op->c = chance(g, 80) ? 0 : op->c >> 32;
}

/* GICD_SETSPI_NSR and its like; what is mapped to a physical interrupt gets no messages. */
static void access_message(struct generator *g, struct op *op, unsigned intid)
{
	static const uint8_t some[] = { 0x40, 0x40, 0x40, 0x48, 0x48, 0x50, 0x58 };
	const struct model_irq *irq = model_irq(&g->machine->model, 0, intid);

	*op = (struct op){ .kind = OP_WRITE, .a = MODEL_DIST, .n = chance(g, 50) ? 2 : 4 };
	op->b = some[below(g, 7)];
	op->c = irq && irq->mapped ? 0 : intid;
}

/* GICD_SPENDSGIR, GICD_CPENDSGIR */
static void access_sources(struct generator *g, struct op *op)
{
	op->a = MODEL_DIST;
	op->n = chance(g, 60) ? 1 : 4;
	op->b = (chance(g, 50) ? 0xf10 : 0xf20) + g->hot[below(g, 2)] / op->n * op->n;
	op->c = 1ull << any_vcpu(g);
	if (chance(g, 30))
		op->c = next(&g->random) & next(&g->random);
}

static bool may_configure(const struct generator *g, unsigned intid)
{
	if (!model_irq(&g->machine->model, 0, intid))
		return false; /* frame() takes the register of another one */
	return !g->machine->config.mapped || g->machine->config.misconfigure ||
	       (intid >= 48 && intid < MODEL_EPPI) ||
	       (intid >= MODEL_EPPI + 16 && intid < MODEL_ESPI) || intid >= MODEL_ESPI + 16;
}

static void access_trigger(struct generator *g, struct op *op, unsigned intid)
{
	frame(g, op, intid, 0xc00, 4);
	op->c = next(&g->random) & 0xaaaaaaaa;
}

/* Anything at all, but for what would make a test of it meaningless. */
static void access_anything(struct generator *g, struct op *op)
{
	static const uint8_t widths[] = { 1, 2, 4, 4, 4, 8 };

	op->a = chance(g, 50) ? MODEL_REDIST : MODEL_DIST;
	op->n = widths[below(g, 6)];
	op->b = chance(g, 50) ? below(g, 0x10000) : below(g, 0x400) * 4;
	if (chance(g, 80))
		op->b &= ~(op->n - 1u);
	if (op->a == MODEL_REDIST)
		op->b += below(g, g->machine->config.model.vcpus + 1) * VGIC_REDIST_STRIDE +
			 (chance(g, 60) ? 0x10000 : 0);
	op->c = next(&g->random);
	if (is_v2(g) && op->a == MODEL_DIST)
		op->b %= VGIC_V2_DIST_SIZE;
	if (op->b % 0x10000 >= 0xc00 && op->b % 0x10000 < 0xd00)
		op->kind = OP_READ;
	if (op->a == MODEL_DIST && op->b >= 0x3000 && op->b < 0x3100)
		op->kind = OP_READ;
	if (op->a == MODEL_DIST && op->b >= 0x40 && op->b < 0x50)
		op->kind = OP_READ;
	if (op->b % 0x20000 == 0x14)
		op->c = 0;
}

static struct op any_access(struct generator *g)
{
	struct op op = { .kind = chance(g, 65) ? OP_WRITE : OP_READ };
	unsigned intid = any_intid(g), what = below(g, 100);

	if (what < 55) {
		access_bits(g, &op, intid, any_bank(g));
	} else if (what < 70) {
		access_priority(g, &op, intid);
	} else if (what < 83) {
		access_route(g, &op, intid);
	} else if (what < 86 && may_configure(g, intid)) {
		access_trigger(g, &op, intid);
	} else if (what < 89) {
		if (is_v2(g))
			access_sources(g, &op);
		else
			access_message(g, &op, intid);
	} else if (what < 92) {
		op.a = chance(g, 80) || is_v2(g) ? MODEL_DIST : MODEL_REDIST;
		op.b = op.a == MODEL_DIST ? 0 : any_vcpu(g) * VGIC_REDIST_STRIDE;
		op.n = 4;
		op.c = chance(g, 70) ? 3 : below(g, 4);
	} else if (what < 93) {
		op.a = MODEL_REDIST; /* GICR_WAKER */
		op.b = any_vcpu(g) * VGIC_REDIST_STRIDE + 0x14;
		op.n = 4;
		op.c = chance(g, 70) ? 0 : 2;
	} else {
		access_anything(g, &op);
	}
	return op;
}

static struct op any_sgi_of_v2(struct generator *g)
{
	struct op op = { .kind = OP_WRITE, .a = MODEL_DIST, .b = 0xf00, .n = 4 };

	op.c = chance(g, 80) ? g->hot[below(g, 2)] : below(g, 16);
	op.c |= (uint64_t)(chance(g, 60) ? 1u << any_vcpu(g) : below(g, 256)) << 16;
	if (chance(g, 30))
		op.c |= (uint64_t)below(g, 4) << 24;
	if (chance(g, 5))
		op.c |= 0xfc00fff0;
	return op;
}

static struct op any_sgi(struct generator *g)
{
	struct op op = { .kind = OP_SGI, .a = VGIC_ICC_SGI1R_EL1 };
	unsigned bits = g->machine->config.model.cluster_bits, target = any_vcpu(g);

	if (is_v2(g))
		return any_sgi_of_v2(g);
	if (chance(g, 30))
		op.a = chance(g, 50) ? VGIC_ICC_SGI0R_EL1 : VGIC_ICC_ASGI1R_EL1;
	op.c = (uint64_t)(chance(g, 80) ? g->hot[below(g, 2)] : below(g, 16)) << 24;
	if (chance(g, 15))
		op.c |= 1ull << 40;
	op.c |= 1ull << (target & ((1u << bits) - 1));
	op.c |= (uint64_t)(target >> bits) << 16;
	if (chance(g, 20))
		op.c |= next(&g->random) & 0xffff;
	if (chance(g, 5))
		op.c ^= next(&g->random) & 0x00ff00ff00000000ull;
	return op;
}

static struct op any_source(struct generator *g)
{
	struct op op = {
		.kind = OP_LINE, .a = any_intid(g), .b = chance(g, 60), .n = chance(g, 20)
	};

	if (g->machine->config.notify && chance(g, 10)) {
		op.kind = OP_NOTIFY;
	} else if (g->machine->config.mapped && chance(g, 50)) {
		op.kind = chance(g, 50) ? OP_DEVICE : OP_TAKE;
		op.a = any_mapped(g);
	} else if (chance(g, 50)) {
		op.kind = OP_PULSE;
	}
	return op;
}

static struct op any_dir(struct generator *g)
{
	struct op op = { .kind = OP_DIR, .a = below(g, 64) };

	if (chance(g, 30)) {
		op.b = DIR_OTHERS;
		op.c = any_vcpu(g);
	} else if (chance(g, 15)) {
		op.b = DIR_INTID;
		op.a = any_intid(g);
	}
	return op;
}

/* A register that may not exist. */
static struct op any_stray(struct generator *g)
{
	static const uint8_t widths[] = { 1, 2, 4, 4, 4, 8 };
	struct op op = { .kind = OP_STRAY, .b = below(g, 2), .n = widths[below(g, 6)] };

	op.c = next(&g->random);
	if (is_v2(g))
		op.a = chance(g, 50)   ? below(g, 0x44)
		       : chance(g, 50) ? 0x1000 + below(g, 16)
				       : below(g, 0x2000);
	else
		op.a = chance(g, 95) ? VGIC_SYSREG(3u, 0u, 12u, 8 + below(g, 5), below(g, 8))
				     : (uint32_t)next(&g->random) & 0x3fffff;
	return op;
}

static struct op any_guest(struct generator *g)
{
	struct op op = { .kind = OP_IAR, .a = below(g, 2) };
	unsigned what = below(g, 100);

	if ((g->machine->config.lrs == 0 || is_v2(g)) && chance(g, 3))
		return any_stray(g);
	if (g->machine->config.lrs == 0 && chance(g, 15)) {
		op.kind = OP_CPUIF;
		op.a = below(g, CPUIF_REGISTERS);
		return op;
	}
	if (what < 40)
		return op;
	if (what < 72) {
		op.kind = OP_EOI;
	} else if (what < 82 && g->machine->config.eoimode1) {
		op = any_dir(g);
	} else if (what < 86) {
		op.kind = OP_PMR;
		op.a = chance(g, 75) ? 0xff : any_priority(g);
	} else if (what < 91) {
		op.kind = OP_IGRPEN;
		op.b = chance(g, 75);
	} else if (what < 95) {
		op.kind = OP_BPR;
		op.b = below(g, 8);
	} else if (what < 97 && g->machine->config.eoimode1) {
		op.kind = OP_EOIMODE;
	} else if (what < 98 && is_v2(g)) {
		op.kind = OP_ACKCTL;
		op.a = below(g, 4);
	} else {
		op.kind = OP_CBPR;
	}
	return op;
}

/* What is done to the VM as a whole. */
static struct op any_whole(struct generator *g)
{
	static const uint8_t lrs[] = { 0, 0, 1, 2, 3, 4, 8, 16 };
	struct op op = {
		.kind = OP_RESTORE, .n = chance(g, 75), .b = lrs[below(g, 8)], .c = chance(g, 25)
	};
	unsigned what = below(g, 100);

	op.a = chance(g, 15) ? RESTORE_HERE : below(g, RESTORE_TOS);
	if (what < 15) {
		op.kind = OP_POWER;
	} else if (what < 30) {
		op.kind = OP_SAVE;
	} else if (what < 50 && g->machine->config.mapped) {
		op.kind = OP_MAP;
		op.n = g->machine->config.soft && chance(g, 50);
		op.a = chance(g, 90) ? any_mapped(g) : any_intid(g);
	}
	return op;
}

static struct op any_schedule(struct generator *g)
{
	static const uint8_t some[] = { OP_KICK,        OP_KICK,  OP_KICK,  OP_MAINTENANCE,
					OP_MAINTENANCE, OP_RETRY, OP_RETRY, OP_RETRY,
					OP_ENTER,       OP_ENTER, OP_ENTER, OP_BOUNCE,
					OP_EXIT,        OP_EXIT,  OP_BLOCK, OP_BLOCK,
					OP_PEND };
	struct op op = { .kind = some[below(g, sizeof(some))], .n = chance(g, 60) };

	op.a = below(g, 8);
	if (chance(g, 4))
		op.kind = OP_PUT;
	else if (chance(g, 8))
		op.kind = OP_LOAD;
	else if (chance(g, 6))
		op.kind = OP_MOVE;
	else if (chance(g, 1))
		op.kind = OP_QUIESCE;
	else if (below(g, 300) == 0)
		op.kind = OP_RESET;
	else if (chance(g, 3))
		op = (struct op){ .kind = OP_INFO, .a = any_intid(g) };
	else if (g->machine->config.whole && below(g, 40) == 0)
		op = any_whole(g);
	return op;
}

/* Most guests set their interrupts up before they do strange things. */
static struct op open_up(struct generator *g)
{
	struct op op = { .kind = OP_WRITE, .n = 4 };
	unsigned intid = g->hot[g->opening % GENERATE_HOT];
	unsigned what = g->opening % 8;

	if (what == 0) {
		op.b = 0;
		op.c = 3;
	} else if (what < 3) {
		op = (struct op){ .kind = OP_IGRPEN, .a = what - 1, .b = 1 };
	} else if (what == 3) {
		op = (struct op){ .kind = OP_PMR, .a = 0xff };
	} else if (what == 4 && g->machine->config.eoimode1 && chance(g, 60)) {
		op = (struct op){ .kind = OP_EOIMODE, .a = 1 };
	} else if (what == 4) {
		op = (struct op){ .kind = OP_ENTER };
	} else if (what == 5) {
		access_priority(g, &op, intid);
	} else {
		access_bits(g, &op, intid, 0x100);
	}
	return op;
}

/* What the vCPU as it stands asks for; false: nothing in particular. */
static bool obvious(struct generator *g, unsigned v, struct op *op)
{
	const struct machine_vcpu *vcpu = &g->machine->vcpu[v];
	unsigned may = model_signals(&g->machine->model, v);

	if (vcpu->where == UNLOADED)
		*op = (struct op){ .kind = OP_MOVE, .a = below(g, 8), .n = chance(g, 80) };
	else if (vcpu->where == BLOCKED)
		*op = (struct op){ .kind = OP_KICK };
	else if (vcpu->waiting)
		*op = (struct op){ .kind = OP_RETRY };
	else if (vcpu->where == OUTSIDE)
		*op = (struct op){ .kind = OP_ENTER };
	else if (cpuif_misr(vcpu->hw) && chance(g, 50))
		*op = (struct op){ .kind = OP_MAINTENANCE };
	else if (vcpu->kicked && chance(g, 30))
		*op = (struct op){ .kind = OP_KICK };
	else if (may != MODEL_QUIET && chance(g, 90))
		*op = (struct op){ .kind = OP_IAR, .a = may & MODEL_GROUP1 ? 1 : 0 };
	else if (vcpu->ended_count && g->machine->model.pe[v].eoimode && chance(g, 60))
		*op = any_dir(g);
	else if (g->machine->model.pe[v].depth)
		*op = (struct op){ .kind = OP_EOI };
	else
		return false;
	return true;
}

struct op generate(struct generator *g)
{
	static const unsigned moods[5][3] = {
		/* guest, sources and SGIs, accesses, the rest: scheduling */
		{ 30, 20, 25 }, { 45, 20, 10 }, { 20, 15, 45 }, { 25, 45, 10 }, { 25, 15, 15 },
	};
	const unsigned *mood = moods[g->mood];
	unsigned what = below(g, 100), v = any_vcpu(g);
	struct op op;

	/* Those that share physical CPUs get on with something while they are there. */
	while (g->machine->vcpu[v].where == UNLOADED && !machine_cpu_is_free(g->machine) &&
	       chance(g, 85))
		v = any_vcpu(g);

	g->by = -1;
	if (g->powered != g->machine->powered)
		g->opening = chance(g, 85) ? 40 : 0;
	g->powered = g->machine->powered;
	if (g->opening) {
		op = open_up(g);
		g->opening--;
	} else if (chance(g, 25) && obvious(g, v, &op)) {
		/* that is it */
	} else if (what < mood[0]) {
		op = any_guest(g);
	} else if (what < mood[0] + mood[1]) {
		op = chance(g, 25) ? any_sgi(g) : any_source(g);
	} else if (what < mood[0] + mood[1] + mood[2]) {
		op = any_access(g);
	} else {
		op = any_schedule(g);
	}
	op.vcpu = (uint8_t)(g->by >= 0 ? (unsigned)g->by : v);
	return op;
}

/* --- As text ---------------------------------------------------------------------------------- */

void machine_print_op(const struct op *op)
{
	static const char *const names[OP_KINDS] = {
		[OP_LINE] = "set_line",
		[OP_PULSE] = "pulse",
		[OP_DEVICE] = "device",
		[OP_TAKE] = "host takes",
		[OP_READ] = "read",
		[OP_WRITE] = "write",
		[OP_SGI] = "sgi",
		[OP_IAR] = "IAR",
		[OP_EOI] = "EOI of the last",
		[OP_PMR] = "PMR",
		[OP_BPR] = "BPR",
		[OP_IGRPEN] = "IGRPEN",
		[OP_CBPR] = "CBPR",
		[OP_EOIMODE] = "EOImode",
		[OP_STRAY] = "stray access",
		[OP_DIR] = "DIR",
		[OP_ACKCTL] = "AckCtl, FIQEn",
		[OP_CPUIF] = "read of CPU interface register",
		[OP_KICK] = "kick delivered",
		[OP_MAINTENANCE] = "maintenance interrupt",
		[OP_BOUNCE] = "exit and enter",
		[OP_EXIT] = "exit",
		[OP_ENTER] = "enter",
		[OP_BLOCK] = "block",
		[OP_PUT] = "put",
		[OP_LOAD] = "load",
		[OP_MOVE] = "move",
		[OP_RETRY] = "retry",
		[OP_NOTIFY] = "notify_end",
		[OP_PEND] = "vgic_pending",
		[OP_RESET] = "cpuif reset",
		[OP_POWER] = "the VM is reset",
		[OP_SAVE] = "the VM is saved",
		[OP_RESTORE] = "the VM is restored",
		[OP_MAP] = "map or unmap",
		[OP_INFO] = "vgic_irq_info",
		[OP_QUIESCE] = "quiesce and compare",
	};

	printf("vCPU %u: %s", op->vcpu, names[op->kind]);
	switch (op->kind) {
	case OP_READ:
	case OP_WRITE:
		printf(" %s+%#x, %u bytes", op->a == MODEL_DIST ? "GICD" : "GICR", op->b, op->n);
		if (op->kind == OP_WRITE)
			printf(" = %#llx", (unsigned long long)op->c);
		break;
	case OP_SGI:
		printf(" register %u = %#llx", op->a, (unsigned long long)op->c);
		break;
	case OP_LINE:
	case OP_DEVICE:
	case OP_NOTIFY:
	case OP_PULSE:
		printf(" %u = %u%s", op->a, op->b, op->n ? " (from its own trap)" : "");
		break;
	case OP_STRAY:
		printf(" (%s) of %#x, %u bytes", op->b ? "write" : "read", op->a, op->n);
		break;
	case OP_BPR:
	case OP_IGRPEN:
		printf("%u = %#x", op->a, op->b);
		break;
	case OP_RESTORE:
		printf(op->n ? " from what is saved now" : " from what was saved");
		if (op->a != RESTORE_HERE)
			printf(" to fresh memory, %u list registers, the old one %s", op->b,
			       op->a == RESTORE_UNMAP ? "unmapped" : "reset");
		break;
	case OP_MAP:
	case OP_INFO:
		printf(" %u", op->a);
		break;
	case OP_PUT:
		printf("%s", op->n ? ", wherever it is" : ", if it is outside");
		break;
	case OP_LOAD:
	case OP_MOVE:
		printf(" to CPU %u%s", op->a, op->n && op->kind == OP_MOVE ? ", enter" : "");
		break;
	case OP_IAR:
	case OP_TAKE:
	case OP_PMR:
	case OP_CBPR:
	case OP_EOIMODE:
	case OP_ACKCTL:
	case OP_CPUIF:
		printf(" %#x", op->a);
		break;
	case OP_DIR:
		printf(op->b == DIR_INTID ? " of INTID %u" : " of ended no. %u", op->a);
		if (op->b == DIR_OTHERS)
			printf(" of vCPU %u", (unsigned)op->c);
		break;
	}
	printf("\n");
}
