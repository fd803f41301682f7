/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The naive dispatcher. DEN0054 chapter 5 (calls), 4 (states, entry), as include/carillon/sdei.h has them;
 * DDI 0487 AArch64.TakeException() for PSTATE.
 */
#include "model.h"

#include <string.h>

/* --- The embedder's facts. ----------------------------------------------------------------------- */

static const virq_t ppis[MODEL_PPIS] = { 16, 20, 27, 31, 1060 };
static const virq_t spis[MODEL_SPIS] = { 32, 33, 34, 40, 41, 95, 1019, 4096, 4200 };

virq_t model_ppi(unsigned n)
{
	return ppis[n];
}

virq_t model_spi(unsigned n)
{
	return spis[n];
}

bool model_is_ppi(uint64_t intid)
{
	for (unsigned n = 0; n < MODEL_PPIS; n++)
		if (ppis[n] == intid)
			return true;
	return false;
}

int model_irq_index(unsigned vcpu, uint64_t intid)
{
	for (unsigned n = 0; n < MODEL_PPIS; n++)
		if (ppis[n] == intid)
			return (int)(vcpu * MODEL_PPIS + n);
	for (unsigned n = 0; n < MODEL_SPIS; n++)
		if (spis[n] == intid)
			return (int)(MODEL_VCPUS * MODEL_PPIS + n);
	return -1;
}

/* Two to a cluster, the higher ones under another Aff3. */
uint64_t model_mpidr(unsigned vcpu)
{
	return (uint64_t)(vcpu / 4) << 32 | (vcpu / 2 % 2) << 8 | vcpu % 2;
}

/* RES1 bit 31 of MPIDR_EL1 may be there. */
int model_vcpu_of_mpidr(unsigned vcpus, uint64_t mpidr)
{
	for (unsigned v = 0; v < vcpus; v++)
		if (model_mpidr(v) == (mpidr & ~UINT64_C(0x80000000)))
			return (int)v;
	return -1;
}

bool model_entry_valid(uint64_t address)
{
	return (address >> 16 & 7) != 5;
}

bool model_irq_pending(const struct model_irq *irq)
{
	return irq->level ? irq->line : irq->latch;
}

/* --- Looking. ------------------------------------------------------------------------------------ */

static struct model_handler *handler_of(struct model *m, unsigned vcpu, unsigned event)
{
	return &m->events[event].handler[m->events[event].shared ? 0 : vcpu];
}

static const struct model_handler *look(const struct model *m, unsigned vcpu, unsigned event)
{
	return handler_of((struct model *)m, vcpu, event);
}

static bool unregistered(const struct model_handler *h)
{
	return !h->registered && !h->running;
}

static bool unregistered_everywhere(const struct model *m, unsigned event)
{
	for (unsigned v = 0; v < m->config.vcpus; v++)
		if (!unregistered(look(m, v, event)))
			return false;
	return true;
}

/* The interrupt behind an event; NULL: there is none. */
static struct model_irq *irq_of(struct model *m, unsigned vcpu, unsigned event)
{
	if (!m->events[event].bound)
		return NULL;
	return &m->irq[model_irq_index(vcpu, m->events[event].intid)];
}

static bool is_pending(const struct model *m, unsigned vcpu, unsigned event)
{
	const struct model_irq *irq = irq_of((struct model *)m, vcpu, event);

	if (look(m, vcpu, event)->raised)
		return true;
	return irq && irq->diverted && model_irq_pending(irq) && !look(m, vcpu, event)->held;
}

bool model_pends_for(const struct model *m, unsigned vcpu, unsigned event)
{
	const struct model_handler *h = look(m, vcpu, event);

	if (m->events[event].shared && h->rm_pe && h->target != vcpu)
		return false;
	return is_pending(m, vcpu, event);
}

bool model_could_take(const struct model *m, unsigned vcpu, unsigned event)
{
	const struct model_handler *h = look(m, vcpu, event);
	const struct model_vcpu *p = &m->vcpu[vcpu];

	if (p->masked || !h->registered || !h->enabled || h->running)
		return false;
	if (!model_pends_for(m, vcpu, event))
		return false;
	if (p->context[1].live)
		return false;
	return m->events[event].critical || !p->context[0].live;
}

int model_deliverable(const struct model *m, unsigned vcpu)
{
	for (int critical = 1; critical >= 0; critical--)
		for (int shared = 0; shared <= 1; shared++)
			for (unsigned e = 0; e < m->n_events; e++)
				if (m->events[e].critical == critical &&
				    m->events[e].shared == shared && model_could_take(m, vcpu, e))
					return (int)e;
	return -1;
}

/* --- Entry and end of a handler. ------------------------------------------------------------------ */

static unsigned bit(uint64_t value, unsigned n)
{
	return value >> n & 1;
}

/* From EL1, or from below? An AArch32 PSTATE (bit 4) is EL0's. */
static bool is_from_el1(uint64_t pstate)
{
	return !bit(pstate, 4) && (pstate >> 2 & 3) == 1;
}

uint64_t model_entry_pstate(unsigned features, uint64_t interrupted,
			    const struct model_frame *frame)
{
	bool spintmask = bit(frame->sctlr_el1, 62), dssbs = bit(frame->sctlr_el1, 44);
	bool span = bit(frame->sctlr_el1, 23), exlocken = bit(frame->gcscr_el1, 6);
	uint64_t nzcv = interrupted >> 28 & 15;
	uint64_t pm = 0, exlock = 0, tco = 0, dit = 0, pan = 0, allint = 0, ssbs = 0;
	const uint64_t daif = 15, el1h = 5;

	/* DIT and PAN have the same places in SPSR_EL2 for both states. */
	if (features & SDEI_HAS_EBEP)
		pm = 1;
	if (features & SDEI_HAS_GCS)
		exlock = is_from_el1(interrupted) && exlocken;
	if (features & SDEI_HAS_MTE)
		tco = 1;
	if (features & SDEI_HAS_DIT)
		dit = bit(interrupted, 24);
	if (features & SDEI_HAS_PAN)
		pan = span ? bit(interrupted, 22) : 1;
	if (features & SDEI_HAS_NMI)
		allint = !spintmask;
	if (features & SDEI_HAS_SSBS)
		ssbs = dssbs;
	return exlock << 34 | pm << 32 | nzcv << 28 | tco << 25 | dit << 24 | pan << 22 |
	       allint << 13 | ssbs << 12 | daif << 6 | el1h;
}

static uint64_t entry_address(const struct model_handler *h, const struct model_frame *frame)
{
	return h->relative ? frame->vbar_el1 + h->entry : h->entry;
}

bool model_enter(struct model *m, unsigned vcpu, struct model_frame *frame)
{
	int event = model_deliverable(m, vcpu);
	struct model_context *context;
	struct model_handler *h;
	struct model_irq *irq;

	if (event < 0)
		return false;
	h = handler_of(m, vcpu, (unsigned)event);
	irq = irq_of(m, vcpu, (unsigned)event);
	h->raised = h->held = false;
	h->running = true;
	if (irq) {
		irq->latch = false;
		irq->taken = true;
	}
	context = &m->vcpu[vcpu].context[m->events[event].critical];
	context->live = true;
	context->event = (unsigned)event;
	memcpy(context->x, frame->x, sizeof(context->x));
	context->pc = frame->pc;
	context->pstate = frame->pstate;
	frame->x[0] = (uint64_t)m->events[event].number;
	frame->x[1] = h->argument;
	frame->x[2] = context->pc;
	frame->x[3] = context->pstate;
	frame->pc = entry_address(h, frame);
	frame->pstate = model_entry_pstate(m->config.features, context->pstate, frame);
	m->vcpu[vcpu].entered[m->events[event].critical]++;
	return true;
}

static struct model_context *newest(struct model *m, unsigned vcpu)
{
	struct model_vcpu *p = &m->vcpu[vcpu];

	if (p->context[1].live)
		return &p->context[1];
	return p->context[0].live ? &p->context[0] : NULL;
}

static void unregister(struct model_handler *h)
{
	bool running = h->running;

	h->registered = h->enabled = false;
	if (!running)
		h->raised = false;
}

/* The handler has ended; the context goes with it. */
static void end(struct model *m, unsigned vcpu, struct model_context *context)
{
	struct model_handler *h = handler_of(m, vcpu, context->event);
	struct model_irq *irq = irq_of(m, vcpu, context->event);

	context->live = false;
	h->running = false;
	if (!h->registered)
		unregister(h);
	if (irq) {
		irq->taken = false;
		h->held = m->later && model_irq_pending(irq);
		h->waits |= h->held ? 1u << vcpu : 0;
		m->could_be_held |= model_irq_pending(irq) && h->registered && h->enabled;
	}
}

/* --- Calls. --------------------------------------------------------------------------------------- */

struct call {
	struct model *m;
	unsigned vcpu;
	struct model_frame *frame;
	bool retry;
	struct model_outcome outcome;
};

static bool aligned(uint64_t address)
{
	return (address & 3) == 0;
}

static bool entry_is_bad(const struct call *c, uint64_t address)
{
	return !aligned(address) || address == 0 ||
	       (c->m->config.checks && !model_entry_valid(address));
}

/* The event of the first argument, an int32; negative: there is none. */
static int event_of(const struct call *c)
{
	int32_t number = (int32_t)c->frame->x[1];

	for (unsigned e = 0; e < c->m->n_events; e++)
		if (c->m->events[e].number == number)
			return (int)e;
	return -1;
}

static int64_t call_version(struct call *c)
{
	return INT64_C(1) << 48 | (int64_t)c->m->config.minor << 32 | c->m->config.vendor;
}

/* The interrupt becomes the dispatcher's. 0, or what the call answers. */
static int64_t divert(struct call *c, struct model_irq *irq)
{
	if (c->retry) {
		c->outcome.again = true;
		return 0;
	}
	if (model_irq_pending(irq) || irq->active)
		return SDEI_DENIED;
	irq->diverted = true;
	return 0;
}

static int64_t call_register(struct call *c)
{
	uint64_t entry = c->frame->x[2], argument = c->frame->x[3], flags = c->frame->x[4];
	uint64_t allowed = c->m->config.minor ? 3 : 1;
	bool relative = flags & SDEI_FLAG_RELATIVE;
	int event = event_of(c), target = 0;
	struct model_handler *h;
	struct model_irq *irq;

	if (event < 0 || flags & ~allowed)
		return SDEI_INVALID_PARAMETERS;
	if (relative ? !aligned(entry) : entry_is_bad(c, entry))
		return SDEI_INVALID_PARAMETERS;
	if (c->m->events[event].shared && flags & SDEI_FLAG_RM_PE) {
		target = model_vcpu_of_mpidr(c->m->config.vcpus, c->frame->x[5]);
		if (target < 0)
			return SDEI_INVALID_PARAMETERS;
	}
	h = handler_of(c->m, c->vcpu, (unsigned)event);
	if (!unregistered(h) || (c->m->events[event].slot && !c->m->events[event].bound))
		return SDEI_DENIED;
	irq = irq_of(c->m, c->vcpu, (unsigned)event);
	if (irq && !irq->diverted) {
		int64_t error = divert(c, irq);

		if (error || c->outcome.again)
			return error;
	}
	if (irq)
		irq->latch = false;
	if (event != 0)
		h->raised = false;
	h->registered = true;
	h->enabled = h->held = false;
	h->relative = relative;
	h->rm_pe = c->m->events[event].shared && flags & SDEI_FLAG_RM_PE;
	h->target = (unsigned)target;
	h->entry = entry;
	h->argument = argument;
	return 0;
}

static int64_t able(struct call *c, bool on)
{
	int event = event_of(c);
	struct model_handler *h;

	if (event < 0)
		return SDEI_INVALID_PARAMETERS;
	h = handler_of(c->m, c->vcpu, (unsigned)event);
	if (!h->registered)
		return SDEI_DENIED;
	h->enabled = on;
	if (on)
		h->held = false;
	return 0;
}

static int64_t call_enable(struct call *c)
{
	return able(c, true);
}

static int64_t call_disable(struct call *c)
{
	return able(c, false);
}

static int64_t call_context(struct call *c)
{
	uint32_t n = (uint32_t)c->frame->x[1];
	struct model_context *context = newest(c->m, c->vcpu);

	if (n > 17)
		return SDEI_INVALID_PARAMETERS;
	return context ? (int64_t)context->x[n] : SDEI_DENIED;
}

static int64_t call_complete(struct call *c)
{
	struct model_context *context = newest(c->m, c->vcpu);

	if (!context)
		return SDEI_DENIED;
	c->outcome.completed = true;
	c->outcome.event = c->m->events[context->event].number;
	c->outcome.status = c->frame->x[1];
	memcpy(c->frame->x, context->x, sizeof(context->x));
	c->frame->pc = context->pc;
	c->frame->pstate = context->pstate;
	end(c->m, c->vcpu, context);
	return 0;
}

static int64_t call_resume(struct call *c)
{
	struct model_context *context = newest(c->m, c->vcpu);
	uint64_t address = c->frame->x[1];

	if (entry_is_bad(c, address))
		return SDEI_INVALID_PARAMETERS;
	if (!context)
		return SDEI_DENIED;
	c->outcome.completed = c->outcome.resumed = true;
	c->outcome.event = c->m->events[context->event].number;
	memcpy(c->frame->x, context->x, sizeof(context->x));
	c->frame->elr_el1 = context->pc;
	c->frame->spsr_el1 = context->pstate;
	c->frame->resumed = true;
	c->frame->pc = address;
	c->frame->pstate = model_entry_pstate(c->m->config.features, context->pstate, c->frame);
	end(c->m, c->vcpu, context);
	return 0;
}

static int64_t call_unregister(struct call *c)
{
	int event = event_of(c);
	struct model_handler *h;

	if (event < 0)
		return SDEI_INVALID_PARAMETERS;
	h = handler_of(c->m, c->vcpu, (unsigned)event);
	if (unregistered(h))
		return SDEI_DENIED;
	unregister(h);
	return h->running ? SDEI_PENDING : 0;
}

static int64_t call_status(struct call *c)
{
	int event = event_of(c);
	struct model_handler *h;

	if (event < 0)
		return SDEI_INVALID_PARAMETERS;
	h = handler_of(c->m, c->vcpu, (unsigned)event);
	return h->registered + 2 * h->enabled + 4 * h->running;
}

static int64_t call_get_info(struct call *c)
{
	uint32_t query = (uint32_t)c->frame->x[2];
	int event = event_of(c);
	struct model_handler *h;

	if (event < 0 || query > SDEI_INFO_ROUTING_AFFINITY)
		return SDEI_INVALID_PARAMETERS;
	if (query == SDEI_INFO_TYPE)
		return c->m->events[event].shared;
	if (query == SDEI_INFO_SIGNALED)
		return event != 0;
	if (query == SDEI_INFO_PRIORITY)
		return c->m->events[event].critical;
	if (!c->m->events[event].shared)
		return SDEI_INVALID_PARAMETERS;
	h = handler_of(c->m, c->vcpu, (unsigned)event);
	if (unregistered(h))
		return SDEI_DENIED;
	if (query == SDEI_INFO_ROUTING_MODE)
		return h->rm_pe;
	return h->rm_pe ? (int64_t)model_mpidr(h->target) : SDEI_INVALID_PARAMETERS;
}

static int64_t call_routing_set(struct call *c)
{
	uint64_t flags = c->frame->x[2];
	int event = event_of(c), target = 0;
	struct model_handler *h;

	if (event < 0 || !c->m->events[event].shared || flags > SDEI_FLAG_RM_PE)
		return SDEI_INVALID_PARAMETERS;
	if (c->m->events[event].slot && !c->m->events[event].bound)
		return SDEI_INVALID_PARAMETERS;
	if (flags)
		target = model_vcpu_of_mpidr(c->m->config.vcpus, c->frame->x[3]);
	if (target < 0)
		return SDEI_INVALID_PARAMETERS;
	h = handler_of(c->m, c->vcpu, (unsigned)event);
	if (!h->registered || h->enabled || h->running)
		return SDEI_DENIED;
	h->rm_pe = flags;
	h->target = (unsigned)target;
	return 0;
}

static int64_t call_mask(struct call *c)
{
	bool was = c->m->vcpu[c->vcpu].masked;

	c->m->vcpu[c->vcpu].masked = true;
	return !was;
}

static int64_t call_unmask(struct call *c)
{
	c->m->vcpu[c->vcpu].masked = false;
	return 0;
}

static int64_t call_bind(struct call *c)
{
	uint32_t intid = (uint32_t)c->frame->x[1];
	int n = model_irq_index(c->vcpu, intid), free = -1;
	int64_t error;

	if (n < 0)
		return SDEI_INVALID_PARAMETERS;
	for (unsigned e = 0; e < c->m->n_events; e++)
		if (c->m->events[e].bound && c->m->events[e].intid == intid)
			return c->m->events[e].number;
	for (int e = (int)c->m->n_events - 1; e >= 0; e--)
		if (c->m->events[e].slot && !c->m->events[e].bound &&
		    c->m->events[e].shared != model_is_ppi(intid))
			free = e;
	if (free < 0)
		return SDEI_OUT_OF_RESOURCE;
	error = divert(c, &c->m->irq[n]);
	if (error || c->outcome.again)
		return error;
	c->m->events[free].bound = true;
	c->m->events[free].intid = intid;
	return c->m->events[free].number;
}

static void release(struct model *m, unsigned event)
{
	for (unsigned v = 0; v < m->config.vcpus; v++) {
		struct model_irq *irq = irq_of(m, v, event);

		if (irq->diverted)
			irq->enabled = false;
		irq->diverted = irq->taken = false;
	}
	m->events[event].bound = false;
}

static int64_t call_release(struct call *c)
{
	int event = event_of(c);

	if (event < 0 || !c->m->events[event].bound)
		return SDEI_INVALID_PARAMETERS;
	if (!unregistered_everywhere(c->m, (unsigned)event))
		return SDEI_DENIED;
	release(c->m, (unsigned)event);
	return 0;
}

static int64_t call_signal(struct call *c)
{
	int target = model_vcpu_of_mpidr(c->m->config.vcpus, c->frame->x[2]);
	struct model_handler *h;

	if ((int32_t)c->frame->x[1] != 0 || target < 0)
		return SDEI_INVALID_PARAMETERS;
	h = handler_of(c->m, (unsigned)target, 0);
	if (c->m->config.strict && (c->m->vcpu[target].masked || !h->registered || !h->enabled))
		return SDEI_INVALID_PARAMETERS;
	h->raised = true;
	return 0;
}

static int64_t call_features(struct call *c)
{
	uint32_t feature = (uint32_t)c->frame->x[1];

	if (feature == SDEI_FEATURE_BIND_SLOTS)
		return c->m->config.private_slots | c->m->config.shared_slots << 16;
	if (feature == SDEI_FEATURE_RELATIVE && c->m->config.minor)
		return 1;
	return SDEI_INVALID_PARAMETERS;
}

static int64_t call_private_reset(struct call *c)
{
	bool denied = false;

	for (unsigned e = 0; e < c->m->n_events; e++) {
		struct model_handler *h = handler_of(c->m, c->vcpu, e);

		if (c->m->events[e].shared ||
		    unregistered(h)) /* event 0 may pend for the next one */
			continue;
		unregister(h);
		denied |= h->running;
	}
	return denied ? SDEI_DENIED : 0;
}

static int64_t call_shared_reset(struct call *c)
{
	bool denied = false;

	for (unsigned e = 0; e < c->m->n_events; e++) {
		struct model_handler *h = handler_of(c->m, c->vcpu, e);

		if (!c->m->events[e].shared)
			continue;
		unregister(h);
		denied |= h->running;
	}
	for (unsigned e = 0; e < c->m->n_events; e++) {
		if (!c->m->events[e].bound)
			continue;
		if (unregistered_everywhere(c->m, e))
			release(c->m, e);
		else
			denied = true;
	}
	return denied ? SDEI_DENIED : 0;
}

static int64_t (*const functions[])(struct call *) = {
	call_version,     call_register, call_enable,        call_disable,      call_context,
	call_complete,    call_resume,   call_unregister,    call_status,       call_get_info,
	call_routing_set, call_mask,     call_unmask,        call_bind,         call_release,
	call_signal,      call_features, call_private_reset, call_shared_reset,
};

struct model_outcome model_call(struct model *m, unsigned vcpu, struct model_frame *frame,
				bool retry)
{
	struct call c = { m, vcpu, frame, retry, { 0 } };
	unsigned function = (uint32_t)frame->x[0] - SDEI_CALL_FIRST;
	int64_t result = SDEI_NOT_SUPPORTED;

	if (function < sizeof(functions) / sizeof(functions[0]))
		result = functions[function](&c);
	if (c.outcome.again)
		return c.outcome;
	m->vcpu[vcpu].calls++;
	if (c.outcome.completed)
		return c.outcome;
	m->vcpu[vcpu].refused += result < 0;
	frame->x[0] = (uint64_t)result;
	return c.outcome;
}

/* --- Events, power, the VM. ------------------------------------------------------------------------ */

bool model_raise(struct model *m, unsigned vcpu, int64_t event)
{
	for (unsigned e = 0; e < m->n_events; e++) {
		if (m->events[e].number != event)
			continue;
		if (!m->events[e].shared && vcpu >= m->config.vcpus)
			return false;
		if (m->events[e].slot) /* as by model_interrupt(): it is pending, or it is not */
			handler_of(m, vcpu, e)->held = false;
		else
			handler_of(m, vcpu, e)->raised = true;
		return true;
	}
	return false;
}

void model_interrupt(struct model *m, unsigned vcpu, virq_t intid)
{
	for (unsigned e = 0; e < m->n_events; e++)
		if (m->events[e].bound && m->events[e].intid == intid)
			handler_of(m, vcpu, e)->held = false;
}

void model_again(struct model *m, unsigned vcpu)
{
	for (unsigned e = 0; e < m->n_events; e++)
		for (unsigned v = 0; v < m->config.vcpus; v++)
			if (m->events[e].handler[v].waits >> vcpu & 1) {
				m->events[e].handler[v].held = false;
				m->events[e].handler[v].waits &= ~(1u << vcpu);
			}
}

static void end_all(struct model *m, unsigned vcpu)
{
	struct model_context *context;

	while ((context = newest(m, vcpu)))
		end(m, vcpu, context);
	m->vcpu[vcpu].masked = true;
	model_again(m, vcpu); /* nobody may be there to do it */
}

void model_cpu_off(struct model *m, unsigned vcpu)
{
	end_all(m, vcpu);
	for (unsigned e = 0; e < m->n_events; e++)
		if (!m->events[e].shared)
			unregister(handler_of(m, vcpu, e));
}

void model_cpu_on(struct model *m, unsigned vcpu)
{
	model_cpu_off(m, vcpu);
}

void model_cpu_suspended(struct model *m, unsigned vcpu)
{
	end_all(m, vcpu);
}

void model_reset(struct model *m)
{
	for (unsigned e = 0; e < m->n_events; e++) {
		if (m->events[e].bound)
			release(m, e);
		memset(m->events[e].handler, 0, sizeof(m->events[e].handler));
	}
	for (unsigned v = 0; v < m->config.vcpus; v++) {
		m->vcpu[v].masked = true;
		m->vcpu[v].context[0].live = m->vcpu[v].context[1].live = false;
	}
}

static void add_event(struct model *m, int32_t number, bool shared, bool critical, bool slot)
{
	m->events[m->n_events++] = (struct model_event){
		.number = number, .shared = shared, .critical = critical, .slot = slot
	};
}

void model_init(struct model *m, const struct model_config *config)
{
	memset(m, 0, sizeof(*m));
	m->config = *config;
	add_event(m, 0, false, false, false);
	for (unsigned n = 0; n < config->events; n++)
		add_event(m, config->event[n].number, config->event[n].shared,
			  config->event[n].critical, false);
	for (unsigned n = 0; n < config->private_slots; n++)
		add_event(m, SDEI_BOUND_FIRST + (int32_t)n, false, false, true);
	for (unsigned n = 0; n < config->shared_slots; n++)
		add_event(m, SDEI_BOUND_SHARED + (int32_t)n, true, false, true);
	for (unsigned v = 0; v < config->vcpus; v++)
		m->vcpu[v].masked = true;
}
