/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The VM as a whole: reset, save and restore, states that were tampered with, and an interrupt controller
 * that refuses what a state wants.
 */
#include "machine.h"

#include <stdlib.h>
#include <string.h>

static uint64_t random_of(struct machine *m)
{
	uint64_t z = (m->random += 0x9e3779b97f4a7c15ull);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/* Nobody runs: each vCPU looks before it goes on. */
static void stop_all(struct machine *m)
{
	memset(m->in_guest, 0, sizeof(m->in_guest));
	memset(m->kicked, 0, sizeof(m->kicked));
}

void whole_reset(struct machine *m)
{
	host_kicks_begin(m, -1);
	sdei_reset(m->sdei);
	model_reset(&m->model);
	stop_all(m);
	memset(m->later_due, 0, sizeof(m->later_due));
	memset(m->kicked_now, 0, sizeof(m->kicked_now));
	for (unsigned v = 0; v < m->config.vcpus; v++)
		m->on[v] = true;
}

/* The state, in memory that is exactly as long. */
static uint8_t *save(struct machine *m, size_t *size)
{
	uint8_t *image;
	long written;

	*size = sdei_save_size(m->sdei);
	image = malloc(*size);
	memset(image, 0x5a, *size);
	if (sdei_save(m->sdei, image, *size - 1) != -VIRQ_ERR_MEMORY)
		machine_fail(m, "sdei_save() writes to a buffer that is too small");
	written = sdei_save(m->sdei, image, *size);
	if (written != (long)*size)
		machine_fail(m, "sdei_save() is %ld", written);
	return image;
}

static void must_save_as(struct machine *m, const uint8_t *image, size_t size, const char *when)
{
	size_t again_size, at = 0;
	uint8_t *again = save(m, &again_size);

	if (again_size != size)
		machine_fail(m, "%s: the state is longer or shorter", when);
	while (at < size && image[at] == again[at])
		at++;
	if (at < size)
		machine_fail(m, "%s: the state differs at %zu", when, at);
	free(again);
}

static void keep(struct machine *m, struct kept *kept)
{
	free(kept->image);
	kept->valid = true;
	kept->model = m->model;
	memcpy(kept->guest, m->guest, sizeof(m->guest));
	memcpy(kept->irq, m->irq, sizeof(m->irq));
	memcpy(kept->route, m->route, sizeof(m->route));
	memcpy(kept->on, m->on, sizeof(m->on));
	kept->image = save(m, &kept->size);
}

void whole_keep(struct machine *m)
{
	keep(m, &m->kept);
}

/* What the interrupt controller's own state has: not who is diverted. */
static void restore_irqs(struct machine *m, const struct model_irq *from)
{
	memcpy(m->irq, from, sizeof(m->irq));
	for (unsigned n = 0; n < MODEL_IRQS; n++)
		m->irq[n].diverted = false;
}

static const char *why;

static int restore(struct machine *m, const uint8_t *image, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	int result;

	why = NULL;
	memcpy(copy, image, size);
	host_kicks_begin(m, -1);
	m->restoring = true;
	result = sdei_restore(m->sdei, copy, size, &why);
	m->restoring = false;
	free(copy);
	memset(m->kicked_now, 0, sizeof(m->kicked_now));
	if (result && result != -VIRQ_ERR_STATE)
		machine_fail(m, "sdei_restore() is %d", result);
	if (result && (!why || !*why))
		machine_fail(m, "sdei_restore() refuses without a reason");
	return result;
}

static void keep_stats(struct machine *m, const struct model *before, bool fresh)
{
	for (unsigned v = 0; v < m->config.vcpus; v++) {
		struct model_vcpu *p = &m->model.vcpu[v];

		p->calls = fresh ? 0 : before->vcpu[v].calls;
		p->refused = fresh ? 0 : before->vcpu[v].refused;
		p->entered[0] = fresh ? 0 : before->vcpu[v].entered[0];
		p->entered[1] = fresh ? 0 : before->vcpu[v].entered[1];
	}
}

/* Whoever restores knows nothing of what was asked for before; unless it is asked for again. */
static void forget_held(struct machine *m)
{
	unsigned due = 0;

	for (unsigned v = 0; v < m->config.vcpus; v++)
		due |= m->later_due[v] ? 1u << v : 0;
	for (unsigned e = 0; e < m->model.n_events; e++)
		for (unsigned v = 0; v < m->config.vcpus; v++) {
			struct model_handler *h = &m->model.events[e].handler[v];

			h->waits &= due;
			h->held &= h->waits != 0;
		}
}

static void restore_from(struct machine *m, const struct kept *kept, bool fresh)
{
	struct model before = m->model;

	if (fresh)
		host_build(m);
	restore_irqs(m, kept->irq);
	memset(m->later_due, 0, sizeof(m->later_due));
	if (restore(m, kept->image, kept->size))
		machine_fail(m, "what was saved is refused: %s", why);
	m->model = kept->model;
	memcpy(m->guest, kept->guest, sizeof(m->guest));
	forget_held(m);
	memcpy(m->route, kept->route, sizeof(m->route));
	memcpy(m->on, kept->on, sizeof(m->on));
	keep_stats(m, &before, fresh);
	stop_all(m);
	for (unsigned n = 0; n < MODEL_IRQS; n++)
		m->irq[n].taken = kept->irq[n].taken;
	must_save_as(m, kept->image, kept->size, "what was restored is saved");
	m->restored++;
}

void whole_restore(struct machine *m, bool old, bool fresh)
{
	struct kept now = { 0 };

	if (old && !m->kept.valid)
		return;
	keep(m, &now);
	restore_from(m, old ? &m->kept : &now, fresh);
	free(now.image);
}

/* --- States that were tampered with ---------------------------------------------------------------- */

/* lib/sdei/state.md */
#define HEADER_BYTES  20
#define EVENT_BYTES   12
#define HANDLER_BYTES 20
#define VCPU_BYTES    336
#define CONTEXTS_AT   16

/* Is it one of a context's bytes, most of which may be anything? */
static bool is_of_context(const struct machine *m, size_t at)
{
	unsigned shared = 0;
	size_t vcpu;

	for (unsigned e = 0; e < m->model.n_events; e++)
		shared += m->model.events[e].shared;
	at -= HEADER_BYTES;
	vcpu = VCPU_BYTES + (m->model.n_events - shared) * HANDLER_BYTES;
	if (at < m->model.n_events * EVENT_BYTES + shared * HANDLER_BYTES)
		return false;
	at = (at - m->model.n_events * EVENT_BYTES - shared * HANDLER_BYTES) % vcpu;
	return at >= CONTEXTS_AT && at < VCPU_BYTES;
}

static void tamper_once(struct machine *m, uint8_t *image, size_t size)
{
	static const uint8_t values[] = { 0, 1, 2, 3, 5, 8, 9, 13, 16, 64, 65, 0x80, 0xff };
	uint64_t r = random_of(m);
	size_t at = r % size;

	for (unsigned n = 0; n < 8 && at >= HEADER_BYTES && is_of_context(m, at); n++)
		at = random_of(m) % size;
	switch (r >> 32 & 7) {
	case 0:
	case 1:
	case 2:
		image[at] ^= (uint8_t)(1 << (r >> 40 & 7));
		break;
	case 3:
	case 4:
		image[at] = values[(r >> 40) % sizeof(values)];
		break;
	case 5:
		image[at] = (uint8_t)(r >> 48);
		break;
	case 6: /* another one's */
		image[at] = image[(at + HANDLER_BYTES) % size];
		break;
	default: /* another interrupt, where one is */
		at = HEADER_BYTES + (r >> 40) % m->model.n_events * EVENT_BYTES + 8;
		image[at] = (uint8_t)(r & 1 ? model_spi(r >> 36 & 3) : model_ppi(r >> 36 & 1));
		image[at + 1] = 0;
	}
}

/* A few changes, or all behind a point gone. */
static size_t tamper(struct machine *m, uint8_t *image, size_t size)
{
	for (unsigned n = 1 + (unsigned)(random_of(m) % 3); n; n--)
		tamper_once(m, image, size);
	return random_of(m) % 16 ? size : random_of(m) % size;
}

static uint64_t wild_argument(struct machine *m)
{
	uint64_t r = random_of(m);

	switch (r & 3) {
	case 0:
		return (uint64_t)m->model.events[(r >> 8) % m->model.n_events].number;
	case 1:
		return r >> 8 & 0xff;
	case 2:
		return model_mpidr((unsigned)(r >> 8) % m->config.vcpus);
	default:
		return r;
	}
}

/* After anything: does a handler's end lead back to a guest's PSTATE, and are answers answers? */
static void wild_step(struct machine *m)
{
	uint64_t r = random_of(m), x[MODEL_SAVED];
	unsigned v = (unsigned)(r >> 8) % m->config.vcpus;
	struct sdei_frame frame = { .x = x, .pc = r & ~UINT64_C(3), .pstate = 5 };

	host_kicks_begin(m, (int)v);
	for (unsigned n = 0; n < MODEL_SAVED; n++)
		x[n] = wild_argument(m);
	if (r & 1) {
		sdei_enter(m->sdei, v, &frame);
	} else {
		x[0] = SDEI_CALL_FIRST + (r >> 32) % 20;
		if (r & 2) /* more often what ends things */
			x[0] = SDEI_CALL_FIRST + (r & 4 ? SDEI_EVENT_COMPLETE : SDEI_PE_UNMASK);
		sdei_call(m->sdei, v, &frame);
	}
	if (!check_pstate(m->config.features, frame.pstate))
		machine_fail(m, "a state that was taken leads to PSTATE %#llx",
			     (unsigned long long)frame.pstate);
	if (frame.resumed && !check_pstate(m->config.features, frame.spsr_el1))
		machine_fail(m, "a state that was taken leads to SPSR_EL1 %#llx",
			     (unsigned long long)frame.spsr_el1);
	if (r >> 40 & 1)
		sdei_raise(m->sdei, v, (int32_t)wild_argument(m));
	else
		sdei_interrupt(m->sdei, v, model_spi((unsigned)(r >> 48) % MODEL_SPIS));
}

static int64_t wild_call(struct machine *m, unsigned v, unsigned function, int32_t event)
{
	uint64_t x[MODEL_SAVED] = { SDEI_CALL_FIRST + function, (uint64_t)event };
	struct sdei_frame frame = { .x = x, .pstate = 5 };

	host_kicks_begin(m, (int)v);
	sdei_call(m->sdei, v, &frame);
	return (int64_t)x[0];
}

/* Once all handlers have ended none runs, and all can be taken away. */
static void wild_end(struct machine *m)
{
	for (unsigned v = 0; v < m->config.vcpus; v++)
		for (unsigned n = 0; n < 3; n++)
			wild_call(m, v, SDEI_EVENT_COMPLETE, 0);
	for (unsigned v = 0; v < m->config.vcpus; v++) {
		for (unsigned e = 0; e < m->model.n_events; e++) {
			int32_t number = m->model.events[e].number;
			int64_t status = wild_call(m, v, SDEI_EVENT_STATUS, number);

			if (status != 0 && status != 1 && status != 3)
				machine_fail(m, "a state that was taken: status %lld of %#x",
					     (long long)status, (unsigned)number);
		}
		if (wild_call(m, v, SDEI_PRIVATE_RESET, 0))
			machine_fail(m, "a state that was taken: PRIVATE_RESET is refused");
	}
	if (wild_call(m, 0, SDEI_SHARED_RESET, 0))
		machine_fail(m, "a state that was taken: SHARED_RESET is refused");
	for (unsigned n = 0; n < MODEL_IRQS; n++)
		if (m->irq[n].diverted)
			machine_fail(
				m, "a state that was taken: interrupt number %u stays diverted", n);
}

static void same_diverted(struct machine *m, const struct model_irq *before, const char *when)
{
	for (unsigned n = 0; n < MODEL_IRQS; n++)
		if (m->irq[n].diverted != before[n].diverted)
			machine_fail(m, "%s: interrupt number %u is %sdiverted", when, n,
				     m->irq[n].diverted ? "" : "not ");
}

void whole_junk(struct machine *m, uint64_t random)
{
	struct kept now = { 0 };
	struct model before;
	uint8_t *image;
	size_t size;

	m->random = random;
	keep(m, &now);
	if (state_is_wrong(&m->model, now.image, now.image))
		machine_fail(m, "a state is saved that is wrong");
	image = malloc(now.size);
	memcpy(image, now.image, now.size);
	size = tamper(m, image, now.size);
	m->wild = true;
	restore_irqs(m, now.irq);
	if (restore(m, image, size)) {
		m->wild = false;
		for (unsigned n = 0; n < MODEL_IRQS; n++)
			if (m->irq[n].diverted)
				machine_fail(m,
					     "a state was refused: interrupt number %u is diverted",
					     n);
		memcpy(m->irq, now.irq, sizeof(m->irq));
		must_save_as(m, now.image, now.size, "a state was refused");
		m->refused++;
	} else {
		if (size != now.size)
			machine_fail(m, "a state that is too short is taken");
		if (state_is_wrong(&m->model, image, now.image))
			machine_fail(m, "a state is taken that is wrong");
		must_save_as(m, image, size, "what was tampered with is saved");
		for (unsigned n = 0; n < 30; n++)
			wild_step(m);
		wild_end(m);
		m->accepted++;
	}
	before = now.model;
	for (unsigned v = 0; v < m->config.vcpus; v++) {
		struct sdei_stats stats;

		sdei_stats(m->sdei, v, &stats);
		before.vcpu[v].calls = stats.calls;
		before.vcpu[v].refused = stats.refused;
		before.vcpu[v].entered[0] = stats.normal;
		before.vcpu[v].entered[1] = stats.critical;
	}
	m->model = before;
	restore_from(m, &now, false);
	m->wild = false;
	free(image);
	free(now.image);
}

/* The controller refuses one of what the kept state, or this one, wants diverted: all is as it was. */
void whole_refuse(struct machine *m, unsigned which)
{
	struct kept now = { 0 };
	const struct kept *from = m->kept.valid ? &m->kept : &now;
	int result;

	keep(m, &now);
	m->wild = true; /* what is diverted may be diverted again */
	m->refuse = (int)(which % 4);
	result = restore(m, from->image, from->size);
	m->wild = false;
	if (m->refuse < 0 && !result)
		machine_fail(m, "a state is taken whose interrupts are refused");
	m->refuse = -1;
	if (result) {
		same_diverted(m, now.irq, "an interrupt was refused");
		must_save_as(m, now.image, now.size, "an interrupt was refused");
		memcpy(m->irq, now.irq, sizeof(m->irq));
		m->refused++;
	}
	restore_from(m, &now, false);
	free(now.image);
}
