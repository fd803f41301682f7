/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * libFuzzer's target for the SDEI dispatcher (Arm DEN0054): bytes are a configuration, and what a hostile
 * guest does in calls while events are raised, interrupts come and go, vCPUs are turned off and on, and the
 * VM is reset, saved, and restored from states with any bytes changed. Nothing is compared with a model
 * (that is what tests/model/sdei is for). What must hold: answers are those of the specification; what was
 * interrupted comes back as it was; no PSTATE above EL1; at most two handlers on a vCPU, one vCPU in a
 * shared one; the port is asked only for what is diverted; what is refused changes nothing.
 */
#define _POSIX_C_SOURCE 200809L
#include <carillon/sdei.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SIZE  4096
#define MAX_VCPUS 4
#define PPIS      2
#define SPIS      4
#define IRQS      (MAX_VCPUS * PPIS + SPIS)
#define FIRST_PPI 20u
#define FIRST_SPI 40u
#define EVENTS    6
#define SAVED     18

struct input {
	const uint8_t *at, *end;
};

/* What a handler interrupted, as it was when it was entered. */
struct interrupted {
	int32_t event;
	bool shared;
	uint64_t x[SAVED], pc, pstate;
};

struct irq {
	bool level, line, latch, active, diverted, taken;
};

static struct machine {
	struct sdei *sdei;
	void *memory;
	struct sdei_config config;
	struct sdei_event event[EVENTS];
	struct irq irq[IRQS];
	struct interrupted stack[MAX_VCPUS][2];
	unsigned depth[MAX_VCPUS];
	bool on[MAX_VCPUS], due[MAX_VCPUS]; /* due: port->later asked for it */
	bool odd; /* it came out of a state with bytes changed: what is on its stacks is unknown */
	bool restoring, retry;
	int acting;
	uint8_t *state;
	size_t state_size;
} m;

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "fuzz: %s\n", what);
	abort();
}

static unsigned take(struct input *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

static uint64_t take_many(struct input *in, unsigned bytes)
{
	uint64_t value = 0;

	while (bytes--)
		value = value << 8 | take(in);
	return value;
}

/* A value in few bytes: how, and what. */
static uint64_t take_value(struct input *in)
{
	unsigned how = take(in);

	switch (how & 7) {
	case 0:
	case 1:
		return how >> 3;
	case 2:
		return UINT64_C(1) << (how >> 3) << (how & 32);
	case 3:
		return take_many(in, 2);
	case 4:
		return ~UINT64_C(0) << (how >> 3);
	case 5:
		return take_many(in, 4);
	default:
		return take_many(in, 8);
	}
}

/* EL0, EL1t, EL1h, or AArch32's user mode where that exists. */
static bool is_guests(uint64_t pstate)
{
	unsigned mode = pstate & 31;

	return mode == 0 || mode == 4 || mode == 5 ||
	       (mode == 16 && m.config.features & SDEI_HAS_AARCH32);
}

/* --- The port ------------------------------------------------------------------------------------ */

static int irq_index(unsigned vcpu, uint64_t virq)
{
	if (virq >= FIRST_PPI && virq < FIRST_PPI + PPIS)
		return (int)(vcpu * PPIS + virq - FIRST_PPI);
	if (virq >= FIRST_SPI && virq < FIRST_SPI + SPIS)
		return (int)(MAX_VCPUS * PPIS + virq - FIRST_SPI);
	return -1;
}

static struct irq *irq_at(unsigned vcpu, virq_t virq, bool diverted)
{
	int n = irq_index(vcpu, virq);

	must(vcpu < m.config.vcpus, "a hook is called for a vCPU that is not there");
	must(n >= 0, "a hook is called for an interrupt that is not there");
	must(!diverted || m.irq[n].diverted, "a hook is called for what is not diverted");
	return &m.irq[n];
}

static bool is_pending(const struct irq *irq)
{
	return irq->level ? irq->line : irq->latch;
}

static void kick(void *host, unsigned vcpu)
{
	must(host == &m && vcpu < m.config.vcpus, "a vCPU that is not there is kicked");
}

static int vcpu_of_mpidr(void *host, uint64_t mpidr)
{
	must(host == &m, "somebody else's MPIDR");
	return mpidr < m.config.vcpus ? (int)mpidr : -1;
}

static uint64_t mpidr_of(void *host, unsigned vcpu)
{
	must(host == &m && vcpu < m.config.vcpus, "MPIDR of a vCPU that is not there");
	return vcpu;
}

static bool entry_valid(void *host, unsigned vcpu, uint64_t address)
{
	must(host == &m && (int)vcpu == m.acting, "entry_valid for another vCPU");
	must(address && !(address & 3), "entry_valid of what is not aligned");
	return address >> 63;
}

static void completed(void *host, unsigned vcpu, int32_t event, uint64_t status)
{
	(void)status;
	must(host == &m && vcpu < m.config.vcpus, "completed() of a vCPU that is not there");
	if (m.odd)
		return;
	must(m.depth[vcpu] > 0, "completed() outside a handler");
	must(m.stack[vcpu][m.depth[vcpu] - 1].event == event, "completed() of another event");
}

static bool irq_valid(void *host, unsigned vcpu, virq_t virq)
{
	must(host == &m && vcpu < m.config.vcpus, "irq_valid of a vCPU that is not there");
	return irq_index(vcpu, virq) >= 0;
}

static int irq_divert(void *host, unsigned vcpu, virq_t virq, bool again)
{
	struct irq *irq = irq_at(vcpu, virq, false);

	(void)host;
	must(again == m.restoring, "irq_divert: again");
	must(again || !irq->diverted, "diverted is diverted again");
	if (!again && m.retry)
		return SDEI_RETRY;
	if (!again && (is_pending(irq) || irq->active))
		return SDEI_DENIED;
	irq->diverted = true;
	return 0;
}

static void irq_return(void *host, unsigned vcpu, virq_t virq)
{
	struct irq *irq = irq_at(vcpu, virq, !m.restoring);

	(void)host;
	irq->diverted = irq->taken = false;
}

static bool irq_pending(void *host, unsigned vcpu, virq_t virq)
{
	(void)host;
	return is_pending(irq_at(vcpu, virq, false));
}

static void irq_take(void *host, unsigned vcpu, virq_t virq)
{
	struct irq *irq = irq_at(vcpu, virq, true);

	(void)host;
	must(m.odd || !irq->taken, "an interrupt is taken twice");
	irq->taken = true;
	irq->latch = false;
}

static bool irq_end(void *host, unsigned vcpu, virq_t virq)
{
	struct irq *irq = irq_at(vcpu, virq, true);

	(void)host;
	must(m.odd || irq->taken, "an interrupt ends that was not taken");
	irq->taken = false;
	return is_pending(irq);
}

static bool irq_clear(void *host, unsigned vcpu, virq_t virq)
{
	struct irq *irq = irq_at(vcpu, virq, true);

	(void)host;
	irq->latch = false;
	return is_pending(irq);
}

static void irq_route(void *host, unsigned vcpu, virq_t virq)
{
	(void)host;
	must(irq_at(vcpu, virq, false) >= &m.irq[MAX_VCPUS * PPIS], "a PPI is routed");
}

static void later(void *host, unsigned vcpu)
{
	must(host == &m && (int)vcpu == m.acting, "later() for another vCPU");
	m.due[vcpu] = true;
}

static const struct sdei_port port = {
	.kick = kick,
	.vcpu_of_mpidr = vcpu_of_mpidr,
	.mpidr = mpidr_of,
	.entry_valid = entry_valid,
	.completed = completed,
	.irq_valid = irq_valid,
	.irq_divert = irq_divert,
	.irq_return = irq_return,
	.irq_pending = irq_pending,
	.irq_take = irq_take,
	.irq_end = irq_end,
	.irq_clear = irq_clear,
	.irq_route = irq_route,
	.later = later,
};

/* --- Building ------------------------------------------------------------------------------------ */

static void configure(struct input *in)
{
	unsigned shape = take(in), slots = take(in), kinds = (unsigned)take_many(in, 2);
	struct sdei_config *c = &m.config;

	for (unsigned n = 0; n < EVENTS; n++)
		m.event[n] = (struct sdei_event){
			.number = (int32_t)(10 + n) | (n & 1 ? SDEI_VENDOR | 0x1000 : 0),
			.shared = kinds >> n & 1,
			.critical = kinds >> (8 + n) & 1,
		};
	*c = (struct sdei_config){
		.vcpus = (uint16_t)(1 + (shape & 3)),
		.private_slots = slots & 3,
		.shared_slots = slots >> 2 & 3,
		.events = (uint8_t)((slots >> 4) % (EVENTS + 1)),
		.event = m.event,
		.minor = shape >> 2 & 1,
		.vendor = shape,
		.features = (uint32_t)take_many(in, 2) & 1023,
		.strict_signal = shape >> 3 & 1,
	};
	if (!(shape & 128))
		return;
	/* Something is otherwise: refused, or a dispatcher like any other. */
	m.event[take(in) % EVENTS].number = (int32_t)take_value(in);
	c->private_slots ^= (uint8_t)take(in);
	c->shared_slots ^= (uint8_t)take(in);
	c->minor ^= (uint8_t)take(in);
	c->features ^= (uint32_t)take_value(in);
}

/* Any number of vCPUs; and a port that lacks a hook is taken only where nothing wants it. */
static void check_odd(struct input *in)
{
	struct sdei_config config = m.config;
	struct sdei_port odd = port;
	struct sdei *sdei = NULL;
	const char *why = NULL;
	void *memory = NULL;
	size_t size;
	int result;

	config.vcpus = (uint16_t)take_value(in);
	size = sdei_size(&config);
	must((sdei_check(&config, &why) == 0) == (size > 0), "sdei_check and sdei_size differ");
	must(size || (why && *why), "refused without a reason");
	size = sdei_size(&m.config);
	if (!size || posix_memalign(&memory, 64, size))
		return;
	odd.irq_divert = NULL;
	result = sdei_init(&sdei, memory, size, &m.config, &odd, &m);
	must(result == (m.config.private_slots || m.config.shared_slots ? -VIRQ_ERR_CONFIG : 0),
	     "slots without irq_divert");
	must(sdei_init(&sdei, memory, size - 1, &m.config, &port, &m) == -VIRQ_ERR_MEMORY,
	     "sdei_init takes too little memory");
	free(memory);
}

static bool build(struct input *in)
{
	const char *why = NULL;
	struct sdei_port used = port;
	size_t size;

	memset(&m, 0, sizeof(m));
	m.acting = -1;
	configure(in);
	if (m.config.vendor & 32)
		used.later = NULL;
	size = sdei_size(&m.config);
	must((sdei_check(&m.config, &why) == 0) == (size > 0), "sdei_check and sdei_size differ");
	must(size || (why && *why), "refused without a reason");
	if (m.config.vendor & 64)
		check_odd(in);
	if (posix_memalign(&m.memory, 64, size ? size : 64))
		abort();
	if (sdei_init(&m.sdei, m.memory, size, &m.config, &used, &m)) {
		must(!size, "sdei_init refuses what sdei_check accepts");
		return false;
	}
	must(size > 0, "sdei_init takes what sdei_check refuses");
	for (unsigned v = 0; v < MAX_VCPUS; v++)
		m.on[v] = true;
	return true;
}

/* --- Frames -------------------------------------------------------------------------------------- */

/* x0 to x17 and not a byte more; what a guest can be in. */
static struct sdei_frame take_frame(struct input *in)
{
	static const uint8_t modes[] = { 5, 0, 4, 16 };
	unsigned how = take(in), mode = modes[how & 3];
	struct sdei_frame frame = { .pc = (uint64_t)how << 20 };

	frame.x = malloc(SAVED * sizeof(uint64_t));
	for (unsigned n = 0; n < SAVED; n++)
		frame.x[n] = (uint64_t)how << 32 | n;
	if (mode == 16 && !(m.config.features & SDEI_HAS_AARCH32))
		mode = 0;
	frame.pstate = mode | (how & 4 ? 0x3c0 : 0) | (uint64_t)(how >> 4) << 28;
	if (how & 8) {
		frame.sctlr_el1 = take_value(in);
		frame.vbar_el1 = take_value(in);
		frame.gcscr_el1 = take_value(in);
	}
	return frame;
}

static bool is_shared(int32_t event)
{
	if (event >= SDEI_BOUND_SHARED && event < SDEI_BOUND_SHARED + SDEI_MAX_EVENTS)
		return true;
	for (unsigned n = 0; n < m.config.events; n++)
		if (m.event[n].number == event)
			return m.event[n].shared;
	return false;
}

static bool runs_elsewhere(int32_t event)
{
	for (unsigned v = 0; v < m.config.vcpus; v++)
		for (unsigned n = 0; n < m.depth[v]; n++)
			if (m.stack[v][n].shared && m.stack[v][n].event == event)
				return true;
	return false;
}

static void push(unsigned v, const uint64_t x[SAVED], uint64_t pc, uint64_t pstate, int32_t event)
{
	struct interrupted *top;

	if (m.odd)
		return;
	must(m.depth[v] < 2, "a third handler");
	must(!runs_elsewhere(event), "two vCPUs in one shared handler");
	top = &m.stack[v][m.depth[v]++];
	top->event = event;
	top->shared = is_shared(event);
	memcpy(top->x, x, sizeof(top->x));
	top->pc = pc;
	top->pstate = pstate;
}

static void pop(unsigned v, const struct sdei_frame *frame)
{
	struct interrupted *top;

	if (m.odd)
		return;
	must(m.depth[v] > 0, "a completion outside a handler");
	top = &m.stack[v][--m.depth[v]];
	must(!memcmp(top->x, frame->x, sizeof(top->x)), "x0 to x17 do not come back");
	if (frame->resumed) {
		must(frame->elr_el1 == top->pc && frame->spsr_el1 == top->pstate,
		     "what was interrupted is not in ELR_EL1 and SPSR_EL1");
		must((frame->pstate & 0x3df) == 0x3c5, "resumed, and not in EL1h, all masked");
	} else {
		must(frame->pc == top->pc && frame->pstate == top->pstate,
		     "PC and PSTATE do not come back");
	}
}

/* --- Steps --------------------------------------------------------------------------------------- */

static void step_enter(struct input *in, unsigned v)
{
	struct sdei_frame frame = take_frame(in);
	uint64_t x[SAVED], pc = frame.pc, pstate = frame.pstate;
	bool pending = sdei_pending(m.sdei, v), entered;

	memcpy(x, frame.x, sizeof(x));
	entered = sdei_enter(m.sdei, v, &frame);
	must(pending || !entered, "entered, and nothing was pending");
	must(!sdei_pending(m.sdei, v), "pending after sdei_enter()");
	must(!frame.resumed, "resumed at an entry");
	if (entered) {
		must((frame.pstate & 0x3df) == 0x3c5, "a handler not in EL1h, all masked");
		must(frame.x[2] == pc && frame.x[3] == pstate, "x2 and x3 of a handler");
		must(!memcmp(x + 4, frame.x + 4, sizeof(x) - 4 * sizeof(x[0])),
		     "x4 to x17 of a handler");
		push(v, x, pc, pstate, (int32_t)frame.x[0]);
	} else {
		must(!memcmp(x, frame.x, sizeof(x)) && frame.pc == pc && frame.pstate == pstate,
		     "nothing entered, and the frame changed");
	}
	free(frame.x);
}

static uint64_t take_event(struct input *in)
{
	unsigned how = take(in);

	if (how < 160)
		return how & 8 ? (uint64_t)m.event[(how & 7) % EVENTS].number : 0;
	if (how < 200)
		return SDEI_BOUND_FIRST + (how & 3);
	if (how < 240)
		return SDEI_BOUND_SHARED + (how & 3);
	return take_value(in);
}

static uint64_t take_intid(struct input *in)
{
	unsigned how = take(in);

	if (how < 100)
		return FIRST_PPI + how % PPIS;
	return how < 220 ? FIRST_SPI + how % SPIS : take_value(in);
}

static uint64_t take_address(struct input *in)
{
	unsigned how = take(in);

	return how < 220 ? ~UINT64_C(0xffff) | how << 2 : take_value(in);
}

static void take_arguments(struct input *in, unsigned function, uint64_t *x)
{
	switch (function) {
	case SDEI_INTERRUPT_BIND:
		x[1] = take_intid(in);
		break;
	case SDEI_EVENT_COMPLETE_AND_RESUME:
		x[1] = take_address(in);
		break;
	case SDEI_EVENT_COMPLETE:
	case SDEI_EVENT_CONTEXT:
	case SDEI_FEATURES:
		x[1] = take_value(in);
		break;
	case SDEI_EVENT_REGISTER:
		x[1] = take_event(in);
		x[2] = take_address(in);
		x[3] = take(in);
		x[4] = take(in) & 3;
		x[5] = take(in) & 3;
		if (x[3] > 200)
			x[1 + x[3] % 5] = take_value(in);
		break;
	case SDEI_EVENT_SIGNAL:
	case SDEI_EVENT_GET_INFO:
	case SDEI_EVENT_ROUTING_SET:
		x[1] = function == SDEI_EVENT_SIGNAL ? 0 : take_event(in);
		x[2] = take(in);
		x[3] = x[2] >> 3 & 3;
		x[2] &= 7;
		if (x[3] == 3)
			x[1 + (x[2] & 1)] = take_value(in);
		break;
	default:
		x[1] = take_event(in);
	}
}

/* Does this function answer that? */
static bool is_answer(unsigned function, int64_t value)
{
	switch (function) {
	case SDEI_VERSION:
		return value >> 33 == 1 << 15;
	case SDEI_EVENT_CONTEXT:
		return true;
	case SDEI_EVENT_STATUS:
		return value == SDEI_INVALID_PARAMETERS || value == 0 || value == 1 || value == 3 ||
		       value == 4 || value == 5 || value == 7;
	case SDEI_EVENT_GET_INFO:
		return (value >= 0 && value < m.config.vcpus + 2) ||
		       value == SDEI_INVALID_PARAMETERS || value == SDEI_DENIED;
	case SDEI_PE_MASK:
		return value == 0 || value == 1;
	case SDEI_PE_UNMASK:
		return value == 0;
	case SDEI_INTERRUPT_BIND:
		return (value >= SDEI_BOUND_FIRST &&
			value < SDEI_BOUND_FIRST + 2 * SDEI_MAX_EVENTS) ||
		       value == SDEI_INVALID_PARAMETERS || value == SDEI_DENIED ||
		       value == SDEI_OUT_OF_RESOURCE;
	case SDEI_EVENT_UNREGISTER:
		return value == 0 || value == SDEI_PENDING || value == SDEI_DENIED ||
		       value == SDEI_INVALID_PARAMETERS;
	case SDEI_FEATURES:
		return value == SDEI_INVALID_PARAMETERS || value >= 0;
	default:
		return value == 0 || value == SDEI_DENIED || value == SDEI_INVALID_PARAMETERS;
	}
}

static bool completes(unsigned function)
{
	return function == SDEI_EVENT_COMPLETE || function == SDEI_EVENT_COMPLETE_AND_RESUME;
}

/* A completion that was done has left the handler; one that was not has an answer in x0 alone. */
static void check_call(unsigned v, unsigned function, const struct sdei_frame *frame,
		       const uint64_t x[SAVED], const struct sdei_frame *before)
{
	bool same = !memcmp(x + 1, frame->x + 1, sizeof(x[0]) * (SAVED - 1)) &&
		    frame->pc == before->pc && frame->pstate == before->pstate;
	int64_t answer = (int64_t)frame->x[0];

	must(is_guests(frame->pstate), "PSTATE above EL1");
	must(!frame->resumed || is_guests(frame->spsr_el1), "SPSR_EL1 above EL1");
	if (completes(function) &&
	    !(same && (answer == SDEI_DENIED || answer == SDEI_INVALID_PARAMETERS))) {
		must(frame->resumed == (function == SDEI_EVENT_COMPLETE_AND_RESUME), "resumed");
		pop(v, frame);
		return;
	}
	must(same && !frame->resumed, "a call changed more than x0");
	if (function > SDEI_SHARED_RESET)
		must(answer == SDEI_NOT_SUPPORTED, "a function that is not there");
	else
		must(is_answer(function, answer), "no answer of this call's");
}

static void step_call(struct input *in, unsigned v)
{
	struct sdei_frame frame = take_frame(in), before;
	unsigned function = take(in);
	enum sdei_result result;
	uint64_t x[SAVED];

	m.retry = function >= 240;
	function = function % 40 < 32 ? function % 20 : function & 31;
	frame.x[0] = SDEI_CALL_FIRST + function;
	take_arguments(in, function, frame.x);
	must(sdei_is_call(frame.x[0]), "sdei_is_call()");
	memcpy(x, frame.x, sizeof(x));
	before = frame;
	result = sdei_call(m.sdei, v, &frame);
	if (result == SDEI_AGAIN) {
		must(m.retry, "AGAIN for nothing");
		must(!memcmp(x, frame.x, sizeof(x)) && frame.pc == before.pc &&
			     frame.pstate == before.pstate && !frame.resumed,
		     "AGAIN, and the frame changed");
	} else {
		must(result == SDEI_DONE, "sdei_call()");
		check_call(v, function, &frame, x, &before);
	}
	m.retry = false;
	free(frame.x);
}

static void step_irq(struct input *in)
{
	unsigned how = take(in), n = take(in) % IRQS;
	unsigned v = n < MAX_VCPUS * PPIS ? n / PPIS % m.config.vcpus : how >> 4 & 3;
	virq_t virq = n < MAX_VCPUS * PPIS ? FIRST_PPI + n % PPIS
					   : FIRST_SPI + n - MAX_VCPUS * PPIS;
	struct irq *irq = &m.irq[irq_index(v % m.config.vcpus, virq)];

	if (how & 8 && !irq->diverted)
		irq->level = how & 16;
	if ((how & 7) == 1 && !irq->diverted)
		irq->active = !irq->active;
	else if ((how & 7) < 4)
		irq->line = !irq->line;
	else
		irq->latch = true;
	if (is_pending(irq) || (how & 7) == 7)
		sdei_interrupt(m.sdei, v % m.config.vcpus, virq);
}

static void step_power(struct input *in, unsigned v)
{
	unsigned how = take(in);

	if (!m.on[v])
		sdei_cpu_on(m.sdei, v);
	else if (how & 1)
		sdei_cpu_off(m.sdei, v);
	else
		sdei_cpu_suspended(m.sdei, v);
	m.on[v] = !m.on[v] || !(how & 1);
	m.depth[v] = 0;
	must(!sdei_pending(m.sdei, v), "pending, and just turned on or off");
}

/* --- The VM as a whole --------------------------------------------------------------------------- */

static uint8_t *save(size_t *size)
{
	uint8_t *state;

	*size = sdei_save_size(m.sdei);
	state = malloc(*size);
	must(sdei_save(m.sdei, state, *size) == (long)*size, "sdei_save()");
	return state;
}

static void must_save_as(const uint8_t *state, size_t size, const char *what)
{
	size_t again_size;
	uint8_t *again = save(&again_size);

	must(again_size == size && !memcmp(state, again, size), what);
	free(again);
}

static int restore(const uint8_t *state, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	struct irq before[IRQS], cleared[IRQS];
	const char *why = NULL;
	int result;

	memcpy(copy, state, size);
	memcpy(before, m.irq, sizeof(before));
	for (unsigned n = 0; n < IRQS; n++)
		m.irq[n].diverted = false; /* the controller is restored first */
	memcpy(cleared, m.irq, sizeof(cleared));
	m.restoring = true;
	result = sdei_restore(m.sdei, copy, size, &why);
	m.restoring = false;
	must(!result || (result == -VIRQ_ERR_STATE && why && *why), "sdei_restore()");
	must(!result || !memcmp(cleared, m.irq, sizeof(cleared)),
	     "refused, and interrupts changed");
	if (result)
		memcpy(m.irq, before, sizeof(before));
	for (unsigned n = 0; n < IRQS; n++)
		m.irq[n].taken = before[n].taken;
	free(copy);
	return result;
}

static void change(struct input *in, uint8_t *state, size_t size, unsigned changes)
{
	while (changes--) {
		unsigned how = take(in);
		size_t at = (size_t)(how & 1 ? take_many(in, 2) : take(in)) % size;

		if (how & 2)
			state[at] ^= (uint8_t)(1 << (how >> 2 & 7));
		else
			state[at] = (uint8_t)take(in);
	}
}

/* This state, with some bytes changed: refused, and all as before, or taken and saved as the same. */
static void step_restore(struct input *in)
{
	unsigned how = take(in), changes = how & 7;
	size_t size, used;
	uint8_t *state = save(&size), *changed = malloc(size);

	memcpy(changed, state, size);
	change(in, changed, size, changes);
	used = how & 64 ? take_many(in, 2) % size : size;
	if (restore(changed, used)) {
		must(changes || used < size, "what was saved is refused");
		must_save_as(state, size, "refused, and changed");
	} else {
		must(used == size, "half a state is taken");
		m.odd |= memcmp(state, changed, size) != 0;
		must_save_as(changed, size, "what was restored is saved differently");
	}
	free(changed);
	free(state);
}

/* A saved state comes back, later. */
static void step_back(struct input *in)
{
	if (!m.state || take(in) & 1) {
		free(m.state);
		m.state = save(&m.state_size);
		return;
	}
	must(!restore(m.state, m.state_size), "what was saved is refused later");
	must_save_as(m.state, m.state_size, "what was restored later is saved differently");
	m.odd = true;
}

static void step_reset(void)
{
	sdei_reset(m.sdei);
	memset(m.depth, 0, sizeof(m.depth));
	m.odd = false;
	for (unsigned n = 0; n < IRQS; n++) {
		must(!m.irq[n].diverted, "diverted after a reset");
		m.irq[n].taken = false;
	}
	for (unsigned v = 0; v < m.config.vcpus; v++) {
		m.on[v] = true;
		must(!sdei_pending(m.sdei, v), "pending after a reset");
	}
}

static int64_t start_call(unsigned v, unsigned function, uint64_t x1, uint64_t flags)
{
	struct input in = { NULL, NULL };
	struct sdei_frame frame = take_frame(&in);
	int64_t answer;

	m.acting = (int)v;
	frame.x[0] = SDEI_CALL_FIRST + function;
	frame.x[1] = x1;
	frame.x[2] = UINT64_C(0xffffffff80000000);
	frame.x[4] = flags;
	frame.x[5] = v;
	sdei_call(m.sdei, v, &frame);
	answer = (int64_t)frame.x[0];
	free(frame.x);
	return answer;
}

static void start_event(unsigned v, int64_t event, uint64_t flags)
{
	start_call(v, SDEI_EVENT_REGISTER, (uint64_t)event, flags);
	start_call(v, SDEI_EVENT_ENABLE, (uint64_t)event, 0);
}

/* A guest that has got far already: all is bound, registered, enabled, unmasked. */
static void start(uint64_t flags)
{
	for (unsigned v = 0; v < m.config.vcpus; v++) {
		start_event(v, 0, 0);
		for (unsigned n = 0; n < m.config.events; n++)
			start_event(v, m.event[n].number, flags);
		for (unsigned n = 0; n < PPIS; n++)
			start_event(v, start_call(v, SDEI_INTERRUPT_BIND, FIRST_PPI + n, 0), 0);
		for (unsigned n = 0; n < SPIS; n++)
			start_event(v, start_call(v, SDEI_INTERRUPT_BIND, FIRST_SPI + n, 0), flags);
		must(start_call(v, SDEI_PE_UNMASK, 0, 0) == 0, "PE_UNMASK");
	}
}

static void step(struct input *in)
{
	unsigned how = take(in), kind = how % 32, v = (how >> 5) % m.config.vcpus;

	m.acting = (int)v;
	if (m.due[v] && how & 64) {
		m.due[v] = false;
		sdei_again(m.sdei, v);
	} else if (kind < 14) {
		if (m.on[v])
			step_call(in, v);
	} else if (kind < 20) {
		if (m.on[v])
			step_enter(in, v);
	} else if (kind < 24) {
		sdei_raise(m.sdei, how & 128 ? take(in) & 7 : v, (int32_t)take_event(in));
	} else if (kind < 27) {
		step_irq(in);
	} else if (kind == 27) {
		step_power(in, v);
	} else if (kind < 30) {
		step_restore(in);
	} else if (kind == 30) {
		step_back(in);
	} else if (take(in) & 1) {
		step_reset();
	}
}

/* Every handler ends: what is left on the stacks comes back, too. */
static void finish(void)
{
	for (unsigned v = 0; v < m.config.vcpus; v++) {
		for (unsigned n = 0; n < 3 && m.on[v]; n++) {
			struct input none = { NULL, NULL };
			struct sdei_frame frame = take_frame(&none), before = frame;
			uint64_t x[SAVED];

			m.acting = (int)v;
			frame.x[0] = SDEI_CALL_FIRST + SDEI_EVENT_COMPLETE;
			memcpy(x, frame.x, sizeof(x));
			sdei_call(m.sdei, v, &frame);
			check_call(v, SDEI_EVENT_COMPLETE, &frame, x, &before);
			free(frame.x);
		}
		must(m.odd || !m.on[v] || m.depth[v] == 0, "a handler does not end");
		if (!m.on[v])
			sdei_cpu_on(m.sdei, v);
	}
	for (unsigned v = 0; v < m.config.vcpus; v++)
		for (unsigned n = 0; n < m.config.events; n++)
			must(!(start_call(v, SDEI_EVENT_STATUS, (uint64_t)m.event[n].number, 0) &
			       SDEI_STATUS_RUNNING),
			     "a handler runs nowhere");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, data + size };

	if (size > MAX_SIZE)
		return 0;
	if (build(&in)) {
		if (m.config.vendor & 16)
			start(m.config.vendor & 1);
		while (in.at < in.end)
			step(&in);
		finish();
	}
	free(m.state);
	free(m.memory);
	return 0;
}
