/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What must hold after every operation: who has something to take, that somebody who could take it knows,
 * the interrupt controller's side, statistics.
 */
#include "machine.h"

#include <string.h>

/* EL0, EL1t, EL1h, or AArch32 in user mode where that exists. */
bool check_pstate(unsigned features, uint64_t pstate)
{
	unsigned mode = pstate & 31;

	if (mode == 16)
		return features & SDEI_HAS_AARCH32;
	return mode == 0 || mode == 4 || mode == 5;
}

static void check_field(struct machine *m, unsigned vcpu, const char *name, uint64_t got,
			uint64_t want)
{
	if (got != want)
		machine_fail(m, "vCPU %u: %s is %#llx, not %#llx", vcpu, name,
			     (unsigned long long)got, (unsigned long long)want);
}

void check_frame(struct machine *m, unsigned vcpu, const struct sdei_frame *frame)
{
	struct model_frame *want = &m->guest[vcpu];
	char name[8] = "x0";

	for (unsigned n = 0; n < MODEL_SAVED; n++) {
		name[1] = (char)(n < 10 ? '0' + n : '1');
		name[2] = (char)(n < 10 ? 0 : '0' + n - 10);
		check_field(m, vcpu, name, frame->x[n], want->x[n]);
	}
	check_field(m, vcpu, "PC", frame->pc, want->pc);
	check_field(m, vcpu, "PSTATE", frame->pstate, want->pstate);
	check_field(m, vcpu, "ELR_EL1", frame->elr_el1, want->elr_el1);
	check_field(m, vcpu, "SPSR_EL1", frame->spsr_el1, want->spsr_el1);
	check_field(m, vcpu, "resumed", frame->resumed, want->resumed);
}

/* As if all that is diverted were pending: no level had fallen, nobody had told of what is not. */
static struct model with_interrupts(const struct machine *m)
{
	struct model copy = m->model;

	for (unsigned n = 0; n < MODEL_IRQS; n++)
		if (copy.irq[n].diverted)
			copy.irq[n].line = copy.irq[n].latch = true;
	return copy;
}

/* Is there an interrupt that somebody may have told of, and it is not pending (any more)? */
static bool is_stale(const struct machine *m, unsigned vcpu)
{
	struct model copy = with_interrupts(m);

	return model_deliverable(&copy, vcpu) >= 0;
}

static void note_shared(struct machine *m, unsigned vcpu)
{
	struct model copy = with_interrupts(m);

	for (unsigned e = 0; e < m->model.n_events; e++)
		if (m->model.events[e].shared && model_pends_for(&copy, vcpu, e))
			m->shared_was[vcpu] = true;
}

static void check_pending(struct machine *m, unsigned vcpu)
{
	bool got = sdei_pending(m->sdei, vcpu), want = model_deliverable(&m->model, vcpu) >= 0;

	if (got != want && !(got && (m->shared_was[vcpu] || is_stale(m, vcpu))))
		machine_fail(m, "sdei_pending() of vCPU %u is %u", vcpu, got);
	note_shared(m, vcpu);
}

/* Whoever is not in its guest looks before it goes there. */
static bool knows(const struct machine *m, unsigned vcpu)
{
	return m->on[vcpu] && (!m->in_guest[vcpu] || m->kicked[vcpu]);
}

static void check_somebody_knows(struct machine *m, unsigned event)
{
	unsigned can = 0;

	for (unsigned v = 0; v < m->config.vcpus; v++) {
		if (!model_could_take(&m->model, v, event))
			continue;
		can++;
		if (knows(m, v))
			return;
	}
	if (can)
		machine_fail(m, "event %#x can be delivered to %u vCPUs, none of which was kicked",
			     (unsigned)m->model.events[event].number, can);
}

/* Nobody is kicked who has nothing to take; but the caller, and where the reason was false. */
static void check_kick(struct machine *m, unsigned vcpu)
{
	if (!m->kicked_now[vcpu] || (int)vcpu == m->acting || m->spurious)
		return;
	if (model_deliverable(&m->model, vcpu) < 0 && !is_stale(m, vcpu))
		machine_fail(m, "vCPU %u was kicked for nothing", vcpu);
}

static bool is_registered(const struct model *m, unsigned vcpu, virq_t intid)
{
	for (unsigned e = 0; e < m->n_events; e++)
		if (m->events[e].bound && m->events[e].intid == intid)
			return m->events[e].handler[m->events[e].shared ? 0 : vcpu].registered;
	return false;
}

/* The latch of what is bound but unregistered is cleared by the next registration at the latest. */
static void check_irq(struct machine *m, unsigned vcpu, virq_t intid)
{
	int n = model_irq_index(vcpu, intid);
	struct model_irq *got = &m->irq[n], *want = &m->model.irq[n];

	if (got->diverted != want->diverted)
		machine_fail(m, "interrupt %u of vCPU %u is %sdiverted", intid, vcpu,
			     got->diverted ? "" : "not ");
	if (got->taken != want->taken)
		machine_fail(m, "interrupt %u of vCPU %u is %sbeing handled", intid, vcpu,
			     got->taken ? "" : "not ");
	if (got->enabled != want->enabled)
		machine_fail(m, "interrupt %u of vCPU %u is %s", intid, vcpu,
			     got->enabled ? "enabled" : "disabled");
	if (got->latch != want->latch && is_registered(&m->model, vcpu, intid))
		machine_fail(m, "the latch of interrupt %u of vCPU %u is %u", intid, vcpu,
			     got->latch);
	want->latch = got->latch;
}

static int32_t bound_event(const struct model *m, unsigned vcpu, virq_t intid)
{
	if (!m->irq[model_irq_index(vcpu, intid)].diverted)
		return -1;
	for (unsigned e = 0; e < m->n_events; e++)
		if (m->events[e].bound && m->events[e].intid == intid)
			return m->events[e].number;
	return -1;
}

/* What the hook said of it last. */
static void check_bound(struct machine *m, unsigned vcpu, virq_t intid)
{
	int32_t got = m->bound[model_irq_index(vcpu, intid)];

	if (m->config.others && got != bound_event(&m->model, vcpu, intid))
		machine_fail(m, "bound() of interrupt %u of vCPU %u said %#x", intid, vcpu,
			     (unsigned)got);
}

static void check_irqs(struct machine *m)
{
	for (unsigned n = 0; n < MODEL_SPIS; n++) {
		check_irq(m, 0, model_spi(n));
		check_bound(m, 0, model_spi(n));
	}
	for (unsigned v = 0; v < m->config.vcpus; v++)
		for (unsigned n = 0; n < MODEL_PPIS; n++) {
			check_irq(m, v, model_ppi(n));
			check_bound(m, v, model_ppi(n));
		}
}

/* What is held has somebody who will go on with it. */
static void check_held(struct machine *m, unsigned event)
{
	unsigned due = 0;

	for (unsigned v = 0; v < m->config.vcpus; v++)
		due |= m->later_due[v] ? 1u << v : 0;
	for (unsigned v = 0; v < m->config.vcpus; v++) {
		const struct model_handler *h = &m->model.events[event].handler[v];

		if (h->held && !(h->waits & due))
			machine_fail(m, "event %#x is held, and nobody knows",
				     (unsigned)m->model.events[event].number);
	}
}

static void check_stats(struct machine *m, unsigned vcpu)
{
	const struct model_vcpu *want = &m->model.vcpu[vcpu];
	struct sdei_stats got;

	if (sdei_stats(m->sdei, vcpu, &got))
		machine_fail(m, "sdei_stats() of vCPU %u", vcpu);
	check_field(m, vcpu, "count of calls", got.calls, want->calls);
	check_field(m, vcpu, "count of refused calls", got.refused, want->refused);
	check_field(m, vcpu, "count of normal events", got.normal, want->entered[0]);
	check_field(m, vcpu, "count of critical events", got.critical, want->entered[1]);
}

void check_all(struct machine *m)
{
	for (unsigned v = 0; v < m->config.vcpus; v++) {
		check_pending(m, v);
		check_kick(m, v);
		check_stats(m, v);
	}
	for (unsigned e = 0; e < m->model.n_events; e++) {
		check_somebody_knows(m, e);
		check_held(m, e);
	}
	check_irqs(m);
}
