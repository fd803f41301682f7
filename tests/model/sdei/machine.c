/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The embedder: each operation is done to the library and to the model, and what they answer is compared.
 */
#include "machine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void machine_fail(struct machine *m, const char *format, ...)
{
	char text[400];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	m->failed(text);
	abort();
}

/* --- Frames -------------------------------------------------------------------------------------- */

static uint64_t random_of(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15ull);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/* Any PSTATE of a guest's: EL0, EL1t, EL1h, or AArch32's user mode, with the bits that it has. */
static uint64_t random_pstate(const struct machine *m, uint64_t *random)
{
	static const struct {
		unsigned feature;
		uint64_t bits;
	} optional[] = {
		{ SDEI_HAS_PAN, 1 << 22 },   { SDEI_HAS_SSBS, 1 << 12 },
		{ SDEI_HAS_DIT, 1 << 24 },   { SDEI_HAS_MTE, 1 << 25 },
		{ SDEI_HAS_NMI, 1 << 13 },   { SDEI_HAS_EBEP, 1ll << 32 },
		{ SDEI_HAS_GCS, 1ll << 34 }, { SDEI_HAS_UAO, 1 << 23 },
		{ SDEI_HAS_BTI, 3 << 10 },
	};
	static const uint8_t modes[] = { 5, 5, 0, 0, 4, 16 };
	uint64_t bits = 0xf03003c0, mode = modes[random_of(random) % 6];

	if (mode == 16 && m->config.features & SDEI_HAS_AARCH32)
		return (random_of(random) & 0xf83fffe0) | mode; /* DIT, PAN, SSBS come and go */
	for (unsigned n = 0; n < sizeof(optional) / sizeof(optional[0]); n++)
		if (m->config.features & optional[n].feature)
			bits |= optional[n].bits;
	return (random_of(random) & bits) | (mode & 5);
}

/* The guest works. VBAR_EL1 and SCTLR_EL1 rarely change. */
static void work(struct machine *m, unsigned vcpu, uint64_t random)
{
	struct model_frame *frame = &m->guest[vcpu];

	for (unsigned n = 0; n < MODEL_SAVED; n++)
		frame->x[n] = random_of(&random);
	frame->pc = random_of(&random) & ~UINT64_C(3);
	frame->pstate = random_pstate(m, &random);
	frame->elr_el1 = random_of(&random);
	frame->spsr_el1 = random_of(&random);
	if (random_of(&random) % 4 == 0) {
		frame->sctlr_el1 = random_of(&random);
		frame->gcscr_el1 = random_of(&random);
		frame->vbar_el1 = random_of(&random) & ~UINT64_C(0x7ff);
	}
}

/* The library's copy of the guest's registers: x0 to x17 are all that it may touch. */
static struct sdei_frame frame_out(const struct model_frame *from)
{
	struct sdei_frame frame = {
		.pc = from->pc,
		.pstate = from->pstate,
		.sctlr_el1 = from->sctlr_el1,
		.vbar_el1 = from->vbar_el1,
		.gcscr_el1 = from->gcscr_el1,
		.elr_el1 = from->elr_el1,
		.spsr_el1 = from->spsr_el1,
	};

	frame.x = malloc(sizeof(from->x));
	memcpy(frame.x, from->x, sizeof(from->x));
	return frame;
}

/* --- Operations ---------------------------------------------------------------------------------- */

/* As an embedder does before each entry into the guest: pending, enter. */
static void look(struct machine *m, unsigned v)
{
	bool pending, entered, want, nested;
	struct sdei_frame frame;

	host_kicks_begin(m, (int)v);
	m->kicked[v] = false;
	m->guest[v].resumed = false;
	frame = frame_out(&m->guest[v]);
	pending = sdei_pending(m->sdei, v);
	entered = sdei_enter(m->sdei, v, &frame);
	if (entered && !pending)
		machine_fail(m, "sdei_enter() of vCPU %u does what sdei_pending() did not say", v);
	nested = m->model.vcpu[v].context[0].live;
	want = model_enter(&m->model, v, &m->guest[v]);
	if (entered != want)
		machine_fail(m, "sdei_enter() of vCPU %u is %u", v, entered);
	check_frame(m, v, &frame);
	if (sdei_pending(m->sdei, v))
		machine_fail(m, "sdei_pending() of vCPU %u after sdei_enter()", v);
	free(frame.x);
	m->entered += entered;
	m->nested += entered && nested;
	m->in_guest[v] = true;
	if (!entered && !m->model.vcpu[v].masked && !m->model.vcpu[v].context[0].live &&
	    !m->model.vcpu[v].context[1].live)
		m->shared_was[v] = false;
}

static void check_outcome(struct machine *m, unsigned v, const struct model_outcome *want)
{
	if (m->completions != want->completed && m->config.others)
		machine_fail(m, "completed() of vCPU %u was called %u times", v, m->completions);
	if (!want->completed)
		return;
	m->completed++;
	if (!m->config.others)
		return;
	if (m->completed_event != want->event)
		machine_fail(m, "completed() of vCPU %u: event %#x", v,
			     (unsigned)m->completed_event);
	if (!want->resumed && m->completed_status != want->status)
		machine_fail(m, "completed() of vCPU %u: status %#llx", v,
			     (unsigned long long)m->completed_status);
}

/* A bound SPI goes where its event is routed to. */
static void check_routes(struct machine *m)
{
	for (unsigned e = 0; e < m->model.n_events; e++) {
		const struct model_event *event = &m->model.events[e];
		const struct model_handler *h = &event->handler[0];

		if (!event->bound || !event->shared || !h->registered || !h->rm_pe)
			continue;
		if (m->route[model_irq_index(0, event->intid)] != (int)h->target)
			machine_fail(m, "SPI %u is not routed to vCPU %u", event->intid, h->target);
	}
}

/* A saved register may look like an error. */
static void take_count(struct machine *m, unsigned v)
{
	struct sdei_stats stats;

	sdei_stats(m->sdei, v, &stats);
	m->model.vcpu[v].refused = stats.refused;
}

static void call(struct machine *m, const struct op *op)
{
	unsigned v = op->vcpu;
	struct model_outcome outcome;
	struct sdei_frame frame;
	enum sdei_result result;

	if (!m->in_guest[v])
		look(m, v);
	host_kicks_begin(m, (int)v);
	memcpy(m->guest[v].x, op->x, sizeof(op->x));
	m->retry = op->how;
	m->guest[v].resumed = false;
	frame = frame_out(&m->guest[v]);
	result = sdei_call(m->sdei, v, &frame);
	m->model.later = m->later_now;
	m->model.could_be_held = false;
	outcome = model_call(&m->model, v, &m->guest[v], op->how);
	m->retry = false;
	if ((result == SDEI_AGAIN) != outcome.again)
		machine_fail(m, "sdei_call() of vCPU %u answers %d", v, (int)result);
	check_frame(m, v, &frame);
	free(frame.x);
	check_outcome(m, v, &outcome);
	if (m->config.later && m->model.could_be_held && !m->later_now)
		machine_fail(m, "an interrupt is pending again, and later() is not called");
	if ((uint32_t)op->x[0] == SDEI_CALL_FIRST + SDEI_EVENT_CONTEXT)
		take_count(m, v);
	if (m->config.others)
		check_routes(m);
	m->in_guest[v] = false;
}

static void raise(struct machine *m, unsigned vcpu, int32_t event)
{
	int got;
	bool want;

	host_kicks_begin(m, -1);
	m->spurious = event >= SDEI_BOUND_FIRST && event < SDEI_BOUND_FIRST + 2 * SDEI_MAX_EVENTS;
	got = sdei_raise(m->sdei, vcpu, event);
	want = model_raise(&m->model, vcpu, event);
	if (got != (want ? 0 : -VIRQ_ERR_RANGE))
		machine_fail(m, "sdei_raise(%u, %#x) is %d", vcpu, (unsigned)event, got);
}

static unsigned irq_vcpu(const struct machine *m, unsigned n)
{
	return n < MODEL_VCPUS * MODEL_PPIS ? n / MODEL_PPIS % m->config.vcpus : 0;
}

static virq_t irq_intid(unsigned n)
{
	return n < MODEL_VCPUS * MODEL_PPIS ? model_ppi(n % MODEL_PPIS)
					    : model_spi(n - MODEL_VCPUS * MODEL_PPIS);
}

/* The interrupt's state changes on both sides; the controller tells of what became pending. */
static void change_irq(struct machine *m, const struct op *op)
{
	unsigned n = (unsigned)(op->x[0] % MODEL_IRQS), v = irq_vcpu(m, n);
	virq_t intid = irq_intid(n);
	struct model_irq *irq, *other;
	bool was, on = op->x[1] & 1;

	n = (unsigned)model_irq_index(v, intid);
	irq = &m->irq[n];
	other = &m->model.irq[n];
	host_kicks_begin(m, -1);
	was = model_irq_pending(irq);
	if (op->kind == OP_LINE) {
		if (!irq->level && !irq->line && on)
			irq->latch = other->latch = true;
		irq->line = other->line = on;
	} else if (op->kind == OP_PULSE && !irq->level) {
		irq->latch = other->latch = true;
	} else if (op->kind == OP_TRIGGER && !irq->diverted) {
		irq->level = other->level = !irq->level;
	} else if (op->kind == OP_ACTIVE && !irq->diverted) {
		irq->active = other->active = on;
		irq->latch = other->latch = false;
		irq->enabled = other->enabled = true;
	}
	if (irq->diverted && !was && model_irq_pending(irq)) {
		sdei_interrupt(m->sdei, v, intid);
		model_interrupt(&m->model, v, intid);
	}
}

/* It was pending when the controller began to tell, or nobody knows it. */
static void spurious(struct machine *m, const struct op *op)
{
	unsigned n = (unsigned)(op->x[0] % MODEL_IRQS), v = irq_vcpu(m, n);
	virq_t intid = op->x[1] % 4 ? irq_intid(n) : (virq_t)op->x[2];
	int index = model_irq_index(v, intid);

	host_kicks_begin(m, -1);
	m->spurious = true;
	sdei_interrupt(m->sdei, v, intid);
	if (index >= 0)
		model_interrupt(&m->model, v, intid);
}

static void again(struct machine *m, unsigned v)
{
	if (!m->later_due[v])
		return;
	host_kicks_begin(m, (int)v);
	m->later_due[v] = false;
	sdei_again(m->sdei, v);
	model_again(&m->model, v);
	m->in_guest[v] = false;
}

static void power(struct machine *m, const struct op *op)
{
	unsigned v = op->vcpu;

	host_kicks_begin(m, (int)v);
	m->model.later = false;
	if (op->kind == OP_OFF) {
		m->later_due[v] = false;
		sdei_cpu_off(m->sdei, v);
		model_cpu_off(&m->model, v);
	} else if (op->kind == OP_ON) {
		sdei_cpu_on(m->sdei, v);
		model_cpu_on(&m->model, v);
	} else {
		sdei_cpu_suspended(m->sdei, v);
		m->model.later = m->later_now;
		model_cpu_suspended(&m->model, v);
	}
	m->on[v] = op->kind != OP_OFF;
	m->in_guest[v] = m->kicked[v] = false;
}

void machine_do(struct machine *m, const struct op *op)
{
	unsigned v = op->vcpu;
	bool runs = v < m->config.vcpus && m->on[v];

	switch (op->kind) {
	case OP_CALL:
		if (runs)
			call(m, op);
		break;
	case OP_LOOK:
		if (runs)
			look(m, v);
		break;
	case OP_GUEST:
		if (runs && m->in_guest[v])
			work(m, v, op->x[0]);
		break;
	case OP_RAISE:
		raise(m, v, (int32_t)op->x[0]);
		break;
	case OP_LINE:
	case OP_PULSE:
	case OP_TRIGGER:
	case OP_ACTIVE:
		change_irq(m, op);
		break;
	case OP_SPURIOUS:
		spurious(m, op);
		break;
	case OP_AGAIN:
		if (runs)
			again(m, v);
		break;
	case OP_OFF:
	case OP_SUSPEND:
		if (runs)
			power(m, op);
		break;
	case OP_ON:
		if (!runs)
			power(m, op);
		break;
	case OP_RESET:
		whole_reset(m);
		break;
	case OP_SAVE:
		whole_keep(m);
		break;
	case OP_RESTORE:
		whole_restore(m, op->x[0] & 1, op->x[0] & 2);
		break;
	case OP_JUNK:
		whole_junk(m, op->x[0]);
		break;
	case OP_REFUSE:
		whole_refuse(m, (unsigned)op->x[0]);
		break;
	}
	check_all(m);
}

/* --- A machine's life ----------------------------------------------------------------------------- */

static void model_of(const struct machine *m, struct model_config *to)
{
	struct sdei_config config;

	memset(to, 0, sizeof(*to));
	host_configure(m, &config, to->event);
	to->vcpus = m->config.vcpus;
	to->private_slots = m->config.private_slots;
	to->shared_slots = m->config.shared_slots;
	to->minor = m->config.minor;
	to->features = m->config.features;
	to->vendor = m->config.vendor;
	to->strict = m->config.strict;
	to->checks = m->config.checks;
	to->events = m->config.events;
}

void machine_init(struct machine *m, const struct machine_config *config,
		  void (*failed)(const char *text))
{
	struct model_config of_model;

	memset(m, 0, sizeof(*m));
	m->config = *config;
	m->failed = failed;
	m->refuse = -1;
	m->acting = -1;
	for (unsigned n = 0; n < MODEL_IRQS; n++) {
		m->route[n] = -1;
		m->irq[n].level = n % 3 == 0;
		m->irq[n].enabled = n % 2;
	}
	host_build(m);
	model_of(m, &of_model);
	model_init(&m->model, &of_model);
	memcpy(m->model.irq, m->irq, sizeof(m->irq));
	for (unsigned v = 0; v < config->vcpus; v++) {
		m->on[v] = true;
		work(m, v, v);
	}
	check_all(m);
}

void machine_free(struct machine *m)
{
	free(m->memory);
	free(m->kept.image);
}

/* --- In words -------------------------------------------------------------------------------------- */

static const char *const calls[] = {
	"VERSION",
	"EVENT_REGISTER",
	"EVENT_ENABLE",
	"EVENT_DISABLE",
	"EVENT_CONTEXT",
	"EVENT_COMPLETE",
	"EVENT_COMPLETE_AND_RESUME",
	"EVENT_UNREGISTER",
	"EVENT_STATUS",
	"EVENT_GET_INFO",
	"EVENT_ROUTING_SET",
	"PE_MASK",
	"PE_UNMASK",
	"INTERRUPT_BIND",
	"INTERRUPT_RELEASE",
	"EVENT_SIGNAL",
	"FEATURES",
	"PRIVATE_RESET",
	"SHARED_RESET",
};

static void print_call(const struct op *op)
{
	unsigned n = (uint32_t)op->x[0] - SDEI_CALL_FIRST;
	const char *name = n < sizeof(calls) / sizeof(calls[0]) ? calls[n] : "unknown";

	printf("%s(%#llx, %#llx, %#llx, %#llx, %#llx) by vCPU %u%s\n", name,
	       (unsigned long long)op->x[1], (unsigned long long)op->x[2],
	       (unsigned long long)op->x[3], (unsigned long long)op->x[4],
	       (unsigned long long)op->x[5], op->vcpu, op->how ? ", retry" : "");
}

void machine_print_op(const struct op *op)
{
	static const char *const names[] = {
		[OP_LOOK] = "look",
		[OP_GUEST] = "guest works",
		[OP_RAISE] = "raise",
		[OP_LINE] = "line",
		[OP_PULSE] = "pulse",
		[OP_TRIGGER] = "other trigger",
		[OP_ACTIVE] = "active",
		[OP_SPURIOUS] = "spurious interrupt",
		[OP_AGAIN] = "again",
		[OP_OFF] = "off",
		[OP_ON] = "on",
		[OP_SUSPEND] = "suspend",
		[OP_RESET] = "reset",
		[OP_SAVE] = "save",
		[OP_RESTORE] = "restore",
		[OP_JUNK] = "junk state",
		[OP_REFUSE] = "refused restore",
	};

	if (op->kind == OP_CALL) {
		print_call(op);
		return;
	}
	printf("%s: vCPU %u, %#llx, %#llx", names[op->kind], op->vcpu, (unsigned long long)op->x[0],
	       (unsigned long long)op->x[1]);
	if (op->kind >= OP_LINE && op->kind <= OP_SPURIOUS)
		printf(" (interrupt %u)", irq_intid((unsigned)(op->x[0] % MODEL_IRQS)));
	printf("\n");
}

static void show_handler(const struct model_event *event, unsigned v)
{
	const struct model_handler *h = &event->handler[v];

	if (!h->registered && !h->running && !h->raised)
		return;
	printf("#     event %#x", (unsigned)event->number);
	if (event->shared)
		printf(" (shared, %s %u)", h->rm_pe ? "only" : "any", h->target);
	else
		printf(" of vCPU %u", v);
	printf(":%s%s%s%s%s", h->held ? " held" : "", h->registered ? " registered" : "",
	       h->enabled ? " enabled" : "", h->running ? " running" : "",
	       h->raised ? " raised" : "");
	if (event->bound)
		printf(", interrupt %u", event->intid);
	printf("\n");
}

void machine_show(const struct machine *m)
{
	for (unsigned v = 0; v < m->config.vcpus; v++) {
		const struct model_vcpu *p = &m->model.vcpu[v];
		int event = model_deliverable(&m->model, v);

		printf("#     vCPU %u:%s%s%s%s%s%s", v, m->on[v] ? "" : " off",
		       p->masked ? " masked" : "", m->in_guest[v] ? " in guest" : "",
		       m->kicked[v] ? " kicked" : "", p->context[0].live ? " in normal" : "",
		       p->context[1].live ? " in critical" : "");
		if (event >= 0)
			printf(", due: %#x", (unsigned)m->model.events[event].number);
		printf("\n");
	}
	for (unsigned e = 0; e < m->model.n_events; e++)
		for (unsigned v = 0; v < (m->model.events[e].shared ? 1 : m->config.vcpus); v++)
			show_handler(&m->model.events[e], v);
}
