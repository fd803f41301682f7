/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Random operations, biased to what matters: the registers of interrupts and status, values of few bits,
 * deadlines near the time, and what is there in this configuration, but sometimes anything.
 */
#include "../harness/random.h"

#include <stdio.h>
#include <string.h>

/* --- Configurations ---------------------------------------------------------------------------- */

struct machine_config generate_config(uint64_t seed)
{
	static const unsigned pmps[] = { 0, 1, 3, 4, 8, 9, 16, 16, 17, 64 };
	static const unsigned grains[] = { 0, 0, 0, 1, 2, 3, 10, 24 };
	uint64_t s = seed * 7919 + 1;
	struct machine_config c = { .harts = 1 + (unsigned)(next(&s) % 4) };

	c.native = next(&s) % 2;
	c.old = next(&s) % 4 == 0;
	c.s = next(&s) % 6 != 0;
	c.h = c.s && !c.old && next(&s) % 2;
	c.f = next(&s) % 3 != 0;
	c.v = c.f && !c.old && next(&s) % 2;
	c.c = next(&s) % 4 != 0;
	c.sstc = c.s && !c.old && next(&s) % 2;
	c.lcofi = c.s && !c.old && next(&s) % 2;
	c.time = next(&s) % 2;
	if (c.sstc)
		c.time = 1;
	c.forced = c.s && next(&s) % 4 == 0;
	c.pmps = pmps[next(&s) % 10];
	c.grain = grains[next(&s) % 8];
	c.layout = (unsigned)(next(&s) % 4);
	c.settime = next(&s) % 4 == 0;
	c.zkr = !c.old && next(&s) % 3 == 0;
	if (next(&s) % 8 == 0)
		c.harts = 5 + (unsigned)(next(&s) % 4);
	return c;
}

#define OPTION(field)                                          \
	{                                                      \
#field, offsetof(struct machine_config, field) \
	}
static const struct {
	const char *name;
	size_t at;
} options[] = {
	OPTION(harts),  OPTION(h),     OPTION(s),      OPTION(f),       OPTION(v),    OPTION(c),
	OPTION(sstc),   OPTION(lcofi), OPTION(old),    OPTION(native),  OPTION(pmps), OPTION(grain),
	OPTION(layout), OPTION(time),  OPTION(forced), OPTION(settime), OPTION(zkr),
};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static unsigned *option(struct machine_config *c, unsigned n)
{
	return (unsigned *)((char *)c + options[n].at);
}

static bool set_option(struct machine_config *c, const char *name, unsigned value)
{
	unsigned n;

	for (n = 0; n < COUNT(options); n++)
		if (!strcmp(options[n].name, name)) {
			*option(c, n) = value;
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
	*config = c;
	return c.harts >= 1 && c.harts <= MODEL_HARTS;
}

bool generate_parse_config(const char *text, struct machine_config *config)
{
	*config = (struct machine_config){
		.harts = 1, .s = 1, .f = 1, .c = 1, .pmps = 16, .time = 1
	};
	return generate_change_config(text, config);
}

void generate_print_config(char *to, size_t size, const struct machine_config *config)
{
	struct machine_config c = *config;
	size_t used = 0;
	unsigned n;

	for (n = 0; n < COUNT(options) && used < size; n++)
		used += (size_t)snprintf(to + used, size - used, "%s%s=%u", n ? "," : "",
					 options[n].name, *option(&c, n));
}

/* --- Values ------------------------------------------------------------------------------------ */

static uint64_t few_bits(struct generator *g)
{
	uint64_t value = 0;
	unsigned n;

	for (n = 1 + below(g, 4); n; n--)
		value |= (uint64_t)1 << below(g, 64);
	return value;
}

static uint64_t any_value(struct generator *g)
{
	switch (below(g, 8)) {
	case 0:
		return 0;
	case 1:
		return ~(uint64_t)0;
	case 2:
		return few_bits(g);
	case 3:
		return ~few_bits(g);
	case 4:
		return below(g, 256);
	case 5:
		return next(&g->random) & 0xffffffff;
	default:
		return next(&g->random);
	}
}

static uint64_t interrupts(struct generator *g)
{
	uint64_t value = next(&g->random);

	if (chance(g, 10))
		return any_value(g);
	if (chance(g, 40))
		value &= next(&g->random);
	else if (chance(g, 50))
		value |= next(&g->random);
	return value & (chance(g, 90) ? 0x3eee : 0xffffffff);
}

static uint64_t status(struct generator *g)
{
	uint64_t value = next(&g->random);

	if (chance(g, 25))
		return (uint64_t)1 << below(g, 40);
	if (chance(g, 50))
		value &= next(&g->random);
	if (chance(g, 70))
		value |= VHART_MSTATUS_MIE | VHART_MSTATUS_MPIE;
	if (chance(g, 30))
		value = (value & ~VHART_MSTATUS_MPP) | (uint64_t)below(g, 2) << 11;
	return value;
}

/* Addresses of PMP entries, and around them: near each other, so that they meet. */
static uint64_t pmp_address(struct generator *g)
{
	uint64_t value = 0x20000000 + ((uint64_t)below(g, 64) << below(g, 12));

	if (chance(g, 10))
		return any_value(g);
	if (chance(g, 20)) /* small */
		value = below(g, 1024);
	if (chance(g, 50)) /* NAPOT */
		value |= ((uint64_t)1 << below(g, chance(g, 80) ? 14 : 56)) - 1;
	return value;
}

static uint64_t pmp_config(struct generator *g)
{
	uint64_t value = next(&g->random) & 0x1f1f1f1f1f1f1f1f;
	unsigned n;

	if (chance(g, 10))
		return any_value(g);
	for (n = 0; n < 8; n++) {
		if (value >> 8 * n & 2 && chance(g, 80))
			value |= (uint64_t)1 << 8 * n;
		if (chance(g, 2))
			value |= (uint64_t)0x80 << 8 * n;
	}
	return value;
}

static uint64_t deadline(struct generator *g)
{
	uint64_t now = g->machine->clint.now;

	switch (below(g, 8)) {
	case 0:
		return VCLINT_NEVER;
	case 1:
		return 0;
	case 2:
		return now;
	case 3:
		return now - below(g, 5);
	case 4:
		return next(&g->random);
	default:
		return now + below(g, 300);
	}
}

/* --- Operations -------------------------------------------------------------------------------- */

static const uint16_t hot[] = {
	0x300, 0x300, 0x300, 0x304, 0x304, 0x344, 0x344, 0x344, 0x303, 0x303,
	0x302, 0x100, 0x104, 0x104, 0x144, 0x144, 0x30a, 0x30a, 0x305, 0x341,
	0x342, 0x343, 0x340, 0x180, 0x306, 0x604, 0x204, 0x34a, 0x34b, 0x301,
};
static const uint16_t others[] = {
	0x001, 0x002, 0x003, 0x008, 0x009, 0x00a, 0x00f, 0x102, 0x103, 0x105, 0x106, 0x10a, 0x140,
	0x141, 0x142, 0x143, 0x14d, 0x15d, 0x200, 0x205, 0x240, 0x244, 0x24d, 0x280, 0x307, 0x30c,
	0x310, 0x312, 0x31a, 0x320, 0x323, 0x33f, 0x600, 0x602, 0x603, 0x605, 0x606, 0x607, 0x60a,
	0x643, 0x644, 0x645, 0x64a, 0x680, 0x747, 0x7a0, 0x7a1, 0x7b0, 0xb00, 0xb01, 0xb02, 0xb03,
	0xb1f, 0xb80, 0xc00, 0xc01, 0xc02, 0xc03, 0xc1f, 0xc20, 0xc22, 0xc80, 0xda0, 0xe12, 0xf11,
	0xf12, 0xf13, 0xf14, 0xf15, 0x015, 0x015, 0x747, 0x5a8, 0x350, 0x150, 0x35c,
};

static unsigned csr_number(struct generator *g)
{
	unsigned kind = below(g, 100);

	if (kind < 60 || g->mood == 1)
		return hot[below(g, COUNT(hot))];
	if (kind < 75 || g->mood == 2) {
		unsigned near = g->machine->config.pmps ? g->machine->config.pmps + 1 : 2;

		if (chance(g, 10))
			return 0x3a0 + below(g, 80);
		return chance(g, 40) ? 0x3a0 + below(g, (near + 3) / 4)
				     : 0x3b0 + below(g, near > 64 ? 64 : near);
	}
	if (kind < 85)
		return others[below(g, COUNT(others))];
	return below(g, 4096);
}

static uint64_t csr_value(struct generator *g, unsigned number)
{
	if (chance(g, 10))
		return any_value(g);
	switch (number) {
	case 0x300:
	case 0x100:
		return status(g);
	case 0x303:
	case 0x304:
	case 0x344:
	case 0x104:
	case 0x144:
	case 0x604:
	case 0x204:
		return interrupts(g);
	case 0x305:
		return 0x80000000 + 16 * below(g, 64) + below(g, chance(g, 90) ? 2 : 4);
	case 0x342:
		return below(g, 26) | (uint64_t)below(g, 2) << 63;
	case 0x180:
		return (uint64_t)below(g, 12) << 60 | next(&g->random) >> 4;
	default:
		break;
	}
	if (number >= 0x3a0 && number < 0x3b0)
		return pmp_config(g);
	if (number >= 0x3b0 && number < 0x3f0)
		return pmp_address(g);
	return any_value(g);
}

static void csr(struct generator *g, struct op *op)
{
	static const unsigned forms[] = { 1, 2, 3, 5, 6, 7 };

	op->kind = OP_CSR;
	op->a = csr_number(g);
	op->form = forms[below(g, 6)];
	op->rd = chance(g, 20) ? 0 : below(g, 32);
	op->rs1 = chance(g, 15) ? 0 : below(g, 32);
	op->b = csr_value(g, (unsigned)op->a);
}

static void trap(struct generator *g, struct op *op)
{
	static const unsigned causes[] = {
		0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 15, 20, 21, 23
	};

	op->kind = OP_TRAP;
	op->a = causes[below(g, g->machine->config.h ? 17 : 14)];
	op->b = any_value(g);
	op->c = 0x80400000 + 2 * below(g, 1000);
}

static void payload(struct generator *g, struct op *op)
{
	op->kind = OP_PAYLOAD;
	op->a = below(g, 3);
	op->b = op->a ? interrupts(g) : status(g);
}

static void line(struct generator *g, struct op *op)
{
	op->kind = OP_LINE;
	op->a = below(g, 8);
	op->b = below(g, 2);
}

static void pmp(struct generator *g, struct op *op)
{
	const struct model_hart *h = &g->machine->hart[op->hart].model;
	uint64_t near = pmp_address(g);

	if (chance(g, 60) && h->config->pmps)
		near = h->pmp[below(g, h->config->pmps)].addr;
	op->a = ((near & 0x3fffffffffffff) << 2) + below(g, 8);
	op->kind = OP_PMP;
	if (chance(g, 40) && op->a > 64)
		op->a -= below(g, 64);
	op->a &= 0xffffffffffffff; /* physical addresses have 56 bits */
	if (op->a > 0xfffffffffffff0)
		op->a -= 16;
	op->b = 1u << below(g, 4);
	op->c = below(g, 9);
}

/* Somewhere in or just beside the registers. */
static uint64_t clint_offset(struct generator *g)
{
	const struct vclint_config *c = &g->machine->clint_config;
	const struct vclint_region *r = &c->region[below(g, c->regions)];
	unsigned size = r->kind == VCLINT_MSIP ? 4 : 8;
	unsigned count = r->kind == VCLINT_MTIME ? 1 : r->harts;
	uint64_t at = r->offset + (uint64_t)size * below(g, count + (chance(g, 5) ? 2 : 0));

	if (chance(g, 3))
		return any_value(g);
	if (chance(g, 5))
		at += below(g, 12) - (uint64_t)6;
	else if (size == 8 && chance(g, 30))
		at += 4;
	return at;
}

static void access(struct generator *g, struct op *op)
{
	static const unsigned widths[] = { 1, 2, 4, 8 };

	op->kind = chance(g, 30) ? OP_READ : OP_WRITE;
	op->a = clint_offset(g);
	op->b = chance(g, 6) ? widths[below(g, 4)] : op->a & 4 || chance(g, 50) ? 4 : 8;
	op->c = chance(g, 20) ? any_value(g) : chance(g, 40) ? below(g, 3) : deadline(g);
	if (op->kind == OP_WRITE && op->a & 4 && chance(g, 60))
		op->c = deadline(g) >> 32;
}

static void time_passes(struct generator *g, struct op *op)
{
	uint64_t now = g->machine->clint.now;

	op->kind = OP_TIME;
	op->a = now + below(g, 200);
	if (chance(g, 30) && g->machine->hart[op->hart].programmed < now + 100000)
		op->a = g->machine->hart[op->hart].programmed - below(g, 2);
}

static void timers(struct generator *g, struct op *op)
{
	switch (below(g, 8)) {
	case 0:
		op->kind = OP_ARM;
		op->a = below(g, 2);
		op->b = deadline(g);
		break;
	case 1:
		op->kind = OP_POST;
		op->a = few_bits(g) & 0xffffffff;
		break;
	case 2:
	case 3:
		op->kind = OP_TIMER;
		break;
	case 4:
	case 5:
		op->kind = OP_KICK;
		break;
	default:
		time_passes(g, op);
	}
}

static void plain(struct generator *g, struct op *op)
{
	static const enum op_kind kinds[] = { OP_MRET, OP_MRET,  OP_MRET,  OP_SRET,
					      OP_WFI,  OP_FENCE, OP_ENTRY, OP_ENTRY };

	op->kind = kinds[below(g, COUNT(kinds))];
	op->a = op->kind == OP_SRET ? 0x80600000 + 2 * below(g, 99) : below(g, 64);
	op->b = op->kind == OP_SRET ? few_bits(g) | (uint64_t)below(g, 2) << 7 : 0;
}

static void rare(struct generator *g, struct op *op)
{
	static const enum op_kind kinds[] = { OP_HIDELEG, OP_RESTORE, OP_RESTORE_CLINT, OP_RESET };

	op->kind = kinds[below(g, COUNT(kinds))];
	op->a = next(&g->random);
}

void generate_begin(struct generator *g, const struct machine *m, uint64_t seed)
{
	g->machine = m;
	g->random = seed * 0x2545f4914f6cdd1dull + 1;
	g->mood = below(g, 5);
}

struct op generate(struct generator *g)
{
	struct op op = { .hart = below(g, g->machine->config.harts) };
	bool firmware = g->machine->hart[op.hart].model.mode == VHART_M;
	unsigned kind = below(g, 100);

	if (g->mood == 3 && chance(g, 60))
		kind = 60 + below(g, 30);
	if (kind < 38 && firmware)
		csr(g, &op);
	else if (kind < 38)
		(chance(g, 85) ? payload : trap)(g, &op);
	else if (kind < 55)
		plain(g, &op);
	else if (kind < 57)
		trap(g, &op);
	else if (kind < 62)
		line(g, &op);
	else if (kind < 67)
		pmp(g, &op);
	else if (kind < 82)
		access(g, &op);
	else if (kind < 97)
		timers(g, &op);
	else
		rare(g, &op);
	return op;
}
