/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Random operations, biased to what matters: events that are there, arguments that are right or just
 * wrong, calls that the state allows; but sometimes anything.
 */
#include "../harness/random.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- Configurations ---------------------------------------------------------------------------- */

struct machine_config generate_config(uint64_t seed)
{
	uint64_t s = seed * 7919 + 1;
	struct machine_config c = { .vcpus = 1 + (unsigned)(next(&s) % 4) };

	if (next(&s) % 8 == 0)
		c.vcpus = 5 + (unsigned)(next(&s) % 4);
	c.private_slots = (unsigned)(next(&s) % 4);
	c.shared_slots = (unsigned)(next(&s) % 4);
	c.events = (unsigned)(next(&s) % 7);
	c.shared = (unsigned)(next(&s) % 64);
	c.critical = (unsigned)(next(&s) % 64);
	c.minor = (unsigned)(next(&s) % 2);
	c.features = (unsigned)(next(&s) % 1024);
	c.strict = next(&s) % 4 == 0;
	c.vendor = (unsigned)next(&s);
	c.checks = next(&s) % 4 != 0;
	c.others = next(&s) % 4 != 0;
	c.later = next(&s) % 2;
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
	OPTION(vcpus),  OPTION(private_slots), OPTION(shared_slots), OPTION(events),
	OPTION(shared), OPTION(critical),      OPTION(minor),        OPTION(features),
	OPTION(strict), OPTION(vendor),        OPTION(checks),       OPTION(others),
	OPTION(later),
};

static unsigned *option(struct machine_config *c, unsigned n)
{
	return (unsigned *)((char *)c + options[n].at);
}

static bool set_option(struct machine_config *c, const char *name, unsigned value)
{
	for (unsigned n = 0; n < COUNT(options); n++)
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
		if (sscanf(text, "%31[a-z0-9_]=%u%n", name, &value, &used) != 2 ||
		    !set_option(&c, name, value))
			return false;
		text += used;
		text += *text == ',';
	}
	*config = c;
	return c.vcpus >= 1 && c.vcpus <= MODEL_VCPUS && c.private_slots <= 8 &&
	       c.shared_slots <= 8 && c.events <= 8;
}

bool generate_parse_config(const char *text, struct machine_config *config)
{
	*config = (struct machine_config){
		.vcpus = 2,
		.private_slots = 2,
		.shared_slots = 2,
		.events = 4,
		.shared = 3,
		.critical = 5,
		.checks = 1,
		.others = 1,
	};
	return generate_change_config(text, config);
}

void generate_print_config(char *to, size_t size, const struct machine_config *config)
{
	struct machine_config c = *config;
	size_t used = 0;

	for (unsigned n = 0; n < COUNT(options) && used < size; n++)
		used += (size_t)snprintf(to + used, size - used, "%s%s=%u", n ? "," : "",
					 options[n].name, *option(&c, n));
}

/* --- Arguments ---------------------------------------------------------------------------------- */

static unsigned any_vcpu(struct generator *g)
{
	return below(g, g->machine->config.vcpus);
}

static uint64_t event(struct generator *g)
{
	const struct model *model = &g->machine->model;
	uint64_t number = (uint64_t)model->events[below(g, model->n_events)].number;

	if (chance(g, 95))
		return number;
	switch (below(g, 6)) {
	case 0:
		return number + 1;
	case 1:
		return number | next(&g->random) << 32;
	case 2:
		return number | (uint64_t)1 << (24 + below(g, 8));
	case 3:
		return SDEI_BOUND_FIRST + below(g, 130);
	case 4:
		return (uint64_t)0 - below(g, 3);
	default:
		return next(&g->random);
	}
}

static uint64_t entry(struct generator *g)
{
	uint64_t address = next(&g->random) & ~(uint64_t)3;

	if (chance(g, 80))
		return 0xffff800008000000 + below(g, 1 << 15) * 4;
	if (chance(g, 30))
		return 0;
	return chance(g, 50) ? address : address + below(g, 4);
}

static uint64_t mpidr(struct generator *g)
{
	uint64_t value = model_mpidr(any_vcpu(g));

	if (chance(g, 15))
		value |= 0x80000000;
	if (chance(g, 92))
		return value;
	return chance(g, 50) ? value ^ (uint64_t)1 << below(g, 64) : next(&g->random);
}

static uint64_t intid(struct generator *g)
{
	unsigned kind = below(g, 100);

	if (kind < 42)
		return model_ppi(below(g, chance(g, 80) ? 2 : MODEL_PPIS));
	if (kind < 90)
		return model_spi(below(g, chance(g, 80) ? 4 : MODEL_SPIS));
	if (kind < 94)
		return below(g, 16);
	if (kind < 97)
		return below(g, 8192);
	return chance(g, 50) ? next(&g->random) : model_spi(0) | next(&g->random) << 32;
}

static uint64_t flags(struct generator *g)
{
	if (chance(g, 94))
		return below(g, g->machine->config.minor ? 4 : 2);
	return chance(g, 50) ? below(g, 16) : (uint64_t)1 << below(g, 64) | below(g, 4);
}

/* --- Calls --------------------------------------------------------------------------------------- */

/* What lets things happen is called more often. */
static const uint8_t functions[] = {
	SDEI_VERSION,           SDEI_EVENT_REGISTER,    SDEI_EVENT_REGISTER,
	SDEI_EVENT_REGISTER,    SDEI_EVENT_REGISTER,    SDEI_EVENT_REGISTER,
	SDEI_EVENT_ENABLE,      SDEI_EVENT_ENABLE,      SDEI_EVENT_ENABLE,
	SDEI_EVENT_ENABLE,      SDEI_EVENT_ENABLE,      SDEI_EVENT_DISABLE,
	SDEI_EVENT_CONTEXT,     SDEI_EVENT_CONTEXT,     SDEI_EVENT_COMPLETE,
	SDEI_EVENT_COMPLETE,    SDEI_EVENT_COMPLETE,    SDEI_EVENT_COMPLETE_AND_RESUME,
	SDEI_EVENT_UNREGISTER,  SDEI_EVENT_UNREGISTER,  SDEI_EVENT_STATUS,
	SDEI_EVENT_GET_INFO,    SDEI_EVENT_GET_INFO,    SDEI_EVENT_ROUTING_SET,
	SDEI_EVENT_ROUTING_SET, SDEI_PE_MASK,           SDEI_PE_MASK,
	SDEI_PE_UNMASK,         SDEI_PE_UNMASK,         SDEI_PE_UNMASK,
	SDEI_PE_UNMASK,         SDEI_INTERRUPT_BIND,    SDEI_INTERRUPT_BIND,
	SDEI_INTERRUPT_BIND,    SDEI_INTERRUPT_RELEASE, SDEI_EVENT_SIGNAL,
	SDEI_EVENT_SIGNAL,      SDEI_FEATURES,          SDEI_PRIVATE_RESET,
	SDEI_SHARED_RESET,
};

static unsigned function(struct generator *g, unsigned vcpu)
{
	const struct model_vcpu *p = &g->machine->model.vcpu[vcpu];

	if ((p->context[0].live || p->context[1].live) && chance(g, 25))
		return chance(g, 80) ? SDEI_EVENT_COMPLETE : SDEI_EVENT_COMPLETE_AND_RESUME;
	if (p->masked && chance(g, 30))
		return SDEI_PE_UNMASK;
	if (chance(g, 2))
		return below(g, 32);
	if (chance(g, 1))
		return chance(g, 50) ? SDEI_PRIVATE_RESET : SDEI_SHARED_RESET;
	return functions[below(g, COUNT(functions))];
}

/* Arguments of the kinds that this function has, in order. */
static void arguments(struct generator *g, unsigned fn, uint64_t x[6])
{
	switch (fn) {
	case SDEI_EVENT_REGISTER:
		x[1] = event(g);
		x[2] = entry(g);
		x[4] = flags(g);
		x[5] = mpidr(g);
		break;
	case SDEI_EVENT_CONTEXT:
		x[1] = chance(g, 90) ? below(g, 18) : chance(g, 50) ? below(g, 40) : x[1];
		break;
	case SDEI_EVENT_COMPLETE:
		break;
	case SDEI_EVENT_COMPLETE_AND_RESUME:
		x[1] = entry(g);
		break;
	case SDEI_EVENT_GET_INFO:
		x[1] = event(g);
		x[2] = chance(g, 90) ? below(g, 6) : x[2];
		break;
	case SDEI_EVENT_ROUTING_SET:
		x[1] = event(g);
		x[2] = chance(g, 95) ? below(g, 2) : flags(g);
		x[3] = mpidr(g);
		break;
	case SDEI_INTERRUPT_BIND:
		x[1] = intid(g);
		break;
	case SDEI_EVENT_SIGNAL:
		x[1] = chance(g, 95) ? 0 : event(g);
		x[2] = mpidr(g);
		break;
	case SDEI_FEATURES:
		x[1] = chance(g, 90) ? below(g, 3) : x[1];
		break;
	default:
		x[1] = event(g);
	}
}

static void call(struct generator *g, struct op *op)
{
	unsigned fn = function(g, op->vcpu);

	op->kind = OP_CALL;
	op->how = chance(g, 6);
	for (unsigned n = 1; n < 6; n++)
		op->x[n] = next(&g->random);
	op->x[0] = (SDEI_CALL_FIRST + fn) | (chance(g, 3) ? next(&g->random) << 32 : 0);
	arguments(g, fn, op->x);
}

/* --- Operations ----------------------------------------------------------------------------------- */

/* Those that are bound, mostly. */
static uint64_t irq(struct generator *g)
{
	unsigned at = below(g, MODEL_IRQS);

	for (unsigned n = 0; n < MODEL_IRQS && chance(g, 99); n++, at = (at + 1) % MODEL_IRQS)
		if (g->machine->irq[at].diverted)
			break;
	return at;
}

static void interrupt(struct generator *g, struct op *op)
{
	static const enum op_kind kinds[] = { OP_LINE,  OP_LINE,    OP_LINE,   OP_PULSE,
					      OP_PULSE, OP_TRIGGER, OP_ACTIVE, OP_SPURIOUS };

	op->kind = kinds[below(g, COUNT(kinds))];
	if (g->machine->later_due[op->vcpu] && chance(g, 30))
		op->kind = OP_AGAIN;
	op->x[0] = op->kind == OP_TRIGGER || op->kind == OP_ACTIVE ? below(g, MODEL_IRQS) : irq(g);
	op->x[1] = below(g, 3) == 0;
	op->x[2] = below(g, 5000);
}

static void raise(struct generator *g, struct op *op)
{
	op->kind = OP_RAISE;
	op->x[0] = event(g);
	if (chance(g, 5))
		op->vcpu = below(g, 1000);
}

static void power(struct generator *g, struct op *op)
{
	static const enum op_kind kinds[] = { OP_OFF, OP_SUSPEND };

	op->kind = kinds[below(g, 2)];
	if (!g->machine->on[op->vcpu])
		op->kind = OP_ON;
}

static void rare(struct generator *g, struct op *op)
{
	static const enum op_kind kinds[] = { OP_RESET,   OP_SAVE, OP_RESTORE, OP_RESTORE,
					      OP_RESTORE, OP_JUNK, OP_JUNK,    OP_REFUSE };

	op->kind = kinds[below(g, COUNT(kinds))];
	if (op->kind == OP_RESET && chance(g, 60))
		op->kind = OP_SAVE;
	op->x[0] = next(&g->random);
	if (op->kind == OP_RESTORE && chance(g, 50)) /* what was kept undoes much */
		op->x[0] &= ~(uint64_t)1;
}

/* --- What brings an event to its handler ---------------------------------------------------------- */

static void say(struct generator *g, struct op *op, unsigned fn, uint64_t x1, uint64_t x2)
{
	op->kind = OP_CALL;
	op->x[0] = SDEI_CALL_FIRST + fn;
	op->x[1] = x1;
	op->x[2] = x2;
	op->x[3] = next(&g->random);
	op->x[4] = below(g, g->machine->config.minor ? 4 : 2);
	op->x[5] = model_mpidr(any_vcpu(g));
}

/* It happens: by software, or by its interrupt. */
static void happen(struct generator *g, struct op *op, const struct model_event *e)
{
	if (!e->bound) {
		op->kind = OP_RAISE;
		op->x[0] = (uint64_t)e->number;
		return;
	}
	op->kind = chance(g, 50) ? OP_LINE : OP_PULSE;
	op->x[0] = (uint64_t)model_irq_index(op->vcpu, e->intid);
	op->x[1] = chance(g, 70);
}

/* The next step of some event. */
static void progress(struct generator *g, struct op *op)
{
	const struct model *m = &g->machine->model;
	const struct model_event *e = &m->events[below(g, m->n_events)];
	const struct model_handler *h = &e->handler[e->shared ? 0 : op->vcpu];

	if (m->vcpu[op->vcpu].masked)
		say(g, op, SDEI_PE_UNMASK, 0, 0);
	else if (e->slot && !e->bound)
		say(g, op, SDEI_INTERRUPT_BIND,
		    e->shared ? model_spi(below(g, 4)) : model_ppi(below(g, 2)), 0);
	else if (!h->registered && !h->running)
		say(g, op, SDEI_EVENT_REGISTER, (uint64_t)e->number,
		    0xffff800008000000 + below(g, 1 << 14) * 4);
	else if (h->registered && !h->enabled)
		say(g, op, SDEI_EVENT_ENABLE, (uint64_t)e->number, 0);
	else if (model_deliverable(m, op->vcpu) >= 0 || chance(g, 20))
		op->kind = OP_LOOK;
	else
		happen(g, op, e);
}

void generate_begin(struct generator *g, const struct machine *m, uint64_t seed)
{
	g->machine = m;
	g->random = seed * 0x2545f4914f6cdd1dull + 1;
	g->mood = below(g, 4);
}

struct op generate(struct generator *g)
{
	struct op op = { .vcpu = any_vcpu(g) };
	unsigned kind = below(g, 100);

	if (!g->machine->on[op.vcpu] && chance(g, 30))
		kind = 96;
	if (g->mood == 1 && chance(g, 40)) /* everything at once */
		kind = 70 + below(g, 26);
	if (kind < 96 && g->mood != 2 && chance(g, 50))
		progress(g, &op);
	else if (kind < 52)
		call(g, &op);
	else if (kind < 70)
		op.kind = OP_LOOK;
	else if (kind < 74)
		op.kind = OP_GUEST, op.x[0] = next(&g->random);
	else if (kind < 84)
		raise(g, &op);
	else if (kind < 96)
		interrupt(g, &op);
	else if (kind < 98)
		power(g, &op);
	else
		rare(g, &op);
	return op;
}
