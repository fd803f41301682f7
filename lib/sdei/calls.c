/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The calls: sdei.h has the table of what each answers in which state. DEN0054 5.1.
 */
#include "internal.h"

/* What becomes of a call. */
enum outcome {
	ANSWERED,  /* x0 gets what the function returned */
	COMPLETED, /* the frame has what goes on */
	RETRIED,   /* the frame stays as it was */
};

/* A call: who makes it; its arguments are x1 to x5. */
struct call {
	struct sdei *sdei;
	struct pe *pe;
	struct sdei_frame *frame;
	unsigned vcpu;
	const uint64_t *x;
	enum outcome outcome;
};

typedef int64_t call_function(struct call *call);

static bool find(const struct call *call, struct instance *instance)
{
	return instance_find(call->sdei, call->vcpu, (int32_t)(uint32_t)call->x[1], instance);
}

/* The vCPU of an MPIDR; negative: there is none. */
static int target_of(const struct call *call, uint64_t mpidr)
{
	return call->sdei->port.vcpu_of_mpidr(call->sdei->host, mpidr);
}

static bool entry_valid(const struct call *call, uint64_t entry)
{
	const struct sdei_port *port = &call->sdei->port;

	if (!entry || entry & 3)
		return false;
	return !port->entry_valid || port->entry_valid(call->sdei->host, call->vcpu, entry);
}

static bool is_bound(const struct instance *instance)
{
	return !instance->event->slot || event_virq(instance->event);
}

static int64_t version(struct call *call)
{
	const struct sdei_config *config = &call->sdei->config;

	return 1ll << 48 | (int64_t)config->minor << 32 | config->vendor;
}

/* --- Registration. ------------------------------------------------------------------------------ */

/* What registration makes of the flags and the target. False: they are invalid. */
static bool routing(const struct call *call, const struct instance *instance, uint64_t flags,
		    uint64_t mpidr, uint32_t *word)
{
	int target = (int)call->vcpu;

	*word = flags & SDEI_FLAG_RELATIVE ? H_RELATIVE : 0;
	if (instance->type == SHARED && !(flags & SDEI_FLAG_RM_PE))
		*word |= H_ANY;
	else if (instance->type == SHARED)
		target = target_of(call, mpidr);
	if (target < 0)
		return false;
	*word |= (uint32_t)target << H_TARGET_SHIFT;
	return true;
}

/* Under the lock. What was pending before is forgotten, but not of event 0, and not an asserted level. */
static int64_t do_register(struct call *call, const struct instance *instance, uint32_t flags)
{
	struct sdei *sdei = call->sdei;
	struct handler *handler = instance->handler;
	virq_t virq = event_virq(instance->event);
	uint32_t old = handler_word(handler), pending = 0;
	int answer = 0;

	if (!is_bound(instance) || old & (H_REGISTERED | H_RUNNING))
		return SDEI_DENIED;
	if (virq && instance->type == PRIVATE)
		answer = slot_divert_here(sdei, instance);
	if (answer == SDEI_RETRY)
		call->outcome = RETRIED;
	if (answer)
		return answer;
	if (instance->event->number != SDEI_EVENT_0)
		__atomic_fetch_and(&handler->word, ~H_PENDING, __ATOMIC_ACQ_REL);
	if (virq && sdei->port.irq_clear(sdei->host, call->vcpu, virq))
		pending = H_PENDING;
	handler->entry = call->x[2];
	handler->argument = call->x[3];
	old = handler_word(handler);
	while (!handler_cas(handler, &old, (old & H_PENDING) | pending | flags | H_REGISTERED))
		;
	instance_route(call->sdei, instance, flags);
	return SDEI_SUCCESS;
}

static int64_t event_register(struct call *call)
{
	uint64_t entry = call->x[2], flags = call->x[4];
	uint64_t known = SDEI_FLAG_RM_PE | (call->sdei->config.minor ? SDEI_FLAG_RELATIVE : 0);
	struct instance instance;
	uint32_t word;
	int64_t answer;

	if (!find(call, &instance) || flags & ~known)
		return SDEI_INVALID_PARAMETERS;
	if (flags & SDEI_FLAG_RELATIVE ? entry & 3 : !entry_valid(call, entry))
		return SDEI_INVALID_PARAMETERS;
	if (!routing(call, &instance, flags, call->x[5], &word))
		return SDEI_INVALID_PARAMETERS;
	lock_take(&call->sdei->lock);
	answer = do_register(call, &instance, word);
	lock_drop(&call->sdei->lock);
	return answer;
}

static int64_t event_enable(struct call *call)
{
	struct instance instance;
	uint32_t old;

	if (!find(call, &instance))
		return SDEI_INVALID_PARAMETERS;
	old = handler_word(instance.handler);
	do {
		if (!(old & H_REGISTERED))
			return SDEI_DENIED;
	} while (!handler_cas(instance.handler, &old, old | H_ENABLED));
	instance_announce(call->sdei, &instance, old | H_ENABLED);
	return SDEI_SUCCESS;
}

static int64_t event_disable(struct call *call)
{
	struct instance instance;
	uint32_t old;

	if (!find(call, &instance))
		return SDEI_INVALID_PARAMETERS;
	old = handler_word(instance.handler);
	do {
		if (!(old & H_REGISTERED))
			return SDEI_DENIED;
	} while (!handler_cas(instance.handler, &old, old & ~H_ENABLED));
	if (word_deliverable(old))
		instance_withdraw(call->sdei, &instance);
	return SDEI_SUCCESS;
}

static int64_t event_unregister(struct call *call)
{
	struct instance instance;

	if (!find(call, &instance))
		return SDEI_INVALID_PARAMETERS;
	return instance_unregister(call->sdei, &instance);
}

static int64_t event_status(struct call *call)
{
	struct instance instance;

	_Static_assert(H_STATUS ==
			       (SDEI_STATUS_REGISTERED | SDEI_STATUS_ENABLED | SDEI_STATUS_RUNNING),
		       "a word's lowest bits are the status");
	if (!find(call, &instance))
		return SDEI_INVALID_PARAMETERS;
	return handler_word(instance.handler) & H_STATUS;
}

static int64_t routing_info(struct call *call, const struct instance *instance, uint32_t query)
{
	uint32_t word = handler_word(instance->handler);

	if (instance->type == PRIVATE)
		return SDEI_INVALID_PARAMETERS;
	if (!(word & (H_REGISTERED | H_RUNNING)))
		return SDEI_DENIED;
	if (query == SDEI_INFO_ROUTING_MODE)
		return word & H_ANY ? 0 : SDEI_FLAG_RM_PE;
	if (word & H_ANY)
		return SDEI_INVALID_PARAMETERS;
	return (int64_t)call->sdei->port.mpidr(call->sdei->host, word_target(word));
}

static int64_t event_get_info(struct call *call)
{
	uint32_t query = (uint32_t)call->x[2];
	struct instance instance;

	if (!find(call, &instance))
		return SDEI_INVALID_PARAMETERS;
	switch (query) {
	case SDEI_INFO_TYPE:
		return instance.type == SHARED;
	case SDEI_INFO_SIGNALED:
		return instance.event->number != SDEI_EVENT_0;
	case SDEI_INFO_PRIORITY:
		return instance.event->critical;
	case SDEI_INFO_ROUTING_MODE:
	case SDEI_INFO_ROUTING_AFFINITY:
		return routing_info(call, &instance, query);
	}
	return SDEI_INVALID_PARAMETERS;
}

static int64_t do_routing_set(struct call *call, const struct instance *instance, uint32_t word)
{
	uint32_t old = handler_word(instance->handler), now;

	do {
		if ((old & H_STATUS) != H_REGISTERED)
			return SDEI_DENIED;
		now = (old & ~(H_ANY | H_TARGET)) | word;
	} while (!handler_cas(instance->handler, &old, now));
	/* Somebody else may have enabled it already. */
	instance_announce(call->sdei, instance, now);
	instance_route(call->sdei, instance, word);
	return SDEI_SUCCESS;
}

static int64_t event_routing_set(struct call *call)
{
	uint64_t mode = call->x[2];
	struct instance instance;
	uint32_t word;
	int64_t answer;

	if (!find(call, &instance) || instance.type == PRIVATE ||
	    mode & ~(uint64_t)SDEI_FLAG_RM_PE || !routing(call, &instance, mode, call->x[3], &word))
		return SDEI_INVALID_PARAMETERS;
	lock_take(&call->sdei->lock);
	answer = is_bound(&instance) ? do_routing_set(call, &instance, word)
				     : SDEI_INVALID_PARAMETERS;
	lock_drop(&call->sdei->lock);
	return answer;
}

/* --- In a handler. ------------------------------------------------------------------------------ */

/* The newest context's priority; -1: no handler runs. */
static int newest(const struct call *call)
{
	uint32_t state = load_relaxed(&call->pe->state);

	if (state & PE_CRITICAL)
		return CRITICAL;
	return state & PE_NORMAL ? NORMAL : -1;
}

static int64_t event_context(struct call *call)
{
	uint32_t n = (uint32_t)call->x[1];
	int priority = newest(call);

	if (n > 17)
		return SDEI_INVALID_PARAMETERS;
	if (priority < 0)
		return SDEI_DENIED;
	return (int64_t)call->pe->context[priority].x[n];
}

/* The registers as they were; the handler is over. */
static void leave(struct call *call, unsigned priority, uint64_t status)
{
	const struct interrupted *context = &call->pe->context[priority];
	const struct sdei_port *port = &call->sdei->port;
	int32_t number = call->pe->running[priority].event->number;

	registers_copy(call->frame->x, context->x);
	call->frame->pc = context->pc;
	call->frame->pstate = context->pstate;
	pe_set_state(call->sdei, call->vcpu,
		     load_relaxed(&call->pe->state) &
			     ~(priority == CRITICAL ? PE_CRITICAL : PE_NORMAL));
	handler_end(call->sdei, call->vcpu, priority);
	call->outcome = COMPLETED;
	if (port->completed)
		port->completed(call->sdei->host, call->vcpu, number, status);
}

static inline int64_t event_complete(struct call *call)
{
	int priority = newest(call);

	if (priority < 0)
		return SDEI_DENIED;
	leave(call, (unsigned)priority, call->x[1]);
	return SDEI_SUCCESS;
}

static int64_t event_complete_and_resume(struct call *call)
{
	struct sdei_frame *frame = call->frame;
	uint64_t address = call->x[1];
	int priority = newest(call);

	if (!entry_valid(call, address))
		return SDEI_INVALID_PARAMETERS;
	if (priority < 0)
		return SDEI_DENIED;
	leave(call, (unsigned)priority, 0);
	frame->elr_el1 = frame->pc;
	frame->spsr_el1 = frame->pstate;
	frame->resumed = true;
	frame->pc = address;
	frame->pstate = entry_pstate(call->sdei, frame, frame->pstate);
	return SDEI_SUCCESS;
}

/* --- The PE. ------------------------------------------------------------------------------------ */

static int64_t pe_mask(struct call *call)
{
	uint32_t state = load_relaxed(&call->pe->state);

	pe_set_state(call->sdei, call->vcpu, state | PE_MASKED);
	return !(state & PE_MASKED);
}

static int64_t pe_unmask(struct call *call)
{
	pe_set_state(call->sdei, call->vcpu, load_relaxed(&call->pe->state) & ~PE_MASKED);
	return SDEI_SUCCESS;
}

static bool may_signal(const struct call *call, const struct instance *instance)
{
	uint32_t word = handler_word(instance->handler);

	if (!call->sdei->config.strict_signal)
		return true;
	return (word & H_REGISTERED) && (word & H_ENABLED) &&
	       !(load_relaxed(&call->sdei->pe[instance->vcpu].state) & PE_MASKED);
}

static inline int64_t event_signal(struct call *call)
{
	int target = target_of(call, call->x[2]);
	struct instance instance;

	if ((uint32_t)call->x[1] != SDEI_EVENT_0 || target < 0)
		return SDEI_INVALID_PARAMETERS;
	instance = instance_at(call->sdei, (unsigned)target, PRIVATE, 0);
	if (!may_signal(call, &instance))
		return SDEI_INVALID_PARAMETERS;
	instance_raise(call->sdei, &instance);
	return SDEI_SUCCESS;
}

static int64_t features(struct call *call)
{
	const struct sdei_config *config = &call->sdei->config;

	switch ((uint32_t)call->x[1]) {
	case SDEI_FEATURE_BIND_SLOTS:
		return config->private_slots | (int64_t)config->shared_slots << 16;
	case SDEI_FEATURE_RELATIVE:
		return config->minor ? 1 : SDEI_INVALID_PARAMETERS;
	}
	return SDEI_INVALID_PARAMETERS;
}

/* --- Interrupts, and resets. -------------------------------------------------------------------- */

static int64_t bind(struct call *call)
{
	int64_t answer;

	lock_take(&call->sdei->lock);
	answer = interrupt_bind(call->sdei, call->vcpu, (virq_t)call->x[1]);
	lock_drop(&call->sdei->lock);
	if (answer == SDEI_RETRY)
		call->outcome = RETRIED;
	return answer;
}

static int64_t release(struct call *call)
{
	struct instance instance;
	int64_t answer = SDEI_INVALID_PARAMETERS;

	if (!find(call, &instance) || !instance.event->slot)
		return answer;
	lock_take(&call->sdei->lock);
	if (event_virq(instance.event))
		answer = slot_release(call->sdei, instance.type, instance.index) ? SDEI_SUCCESS
										 : SDEI_DENIED;
	lock_drop(&call->sdei->lock);
	return answer;
}

/* All of a type that the caller sees are unregistered. False: one of them is only going to be. */
static bool unregister_all(struct call *call, unsigned type)
{
	bool all = true;

	for (unsigned i = 0; i < call->sdei->count[type]; i++) {
		struct instance instance = instance_at(call->sdei, call->vcpu, type, i);

		if (instance_unregister(call->sdei, &instance) == SDEI_PENDING)
			all = false;
	}
	return all;
}

static int64_t private_reset(struct call *call)
{
	return unregister_all(call, PRIVATE) ? SDEI_SUCCESS : SDEI_DENIED;
}

static int64_t shared_reset(struct call *call)
{
	struct sdei *sdei = call->sdei;
	bool all;

	lock_take(&sdei->lock);
	all = unregister_all(call, SHARED);
	for (unsigned type = 0; type < TYPES; type++)
		for (unsigned i = sdei->first_slot[type]; i < sdei->count[type]; i++)
			if (event_virq(&sdei->event[type][i]) && !slot_release(sdei, type, i))
				all = false;
	lock_drop(&sdei->lock);
	return all ? SDEI_SUCCESS : SDEI_DENIED;
}

/* All but EVENT_COMPLETE and EVENT_SIGNAL, which sdei_call() does itself. */
static call_function *const calls[] = {
	[SDEI_VERSION] = version,
	[SDEI_EVENT_REGISTER] = event_register,
	[SDEI_EVENT_ENABLE] = event_enable,
	[SDEI_EVENT_DISABLE] = event_disable,
	[SDEI_EVENT_CONTEXT] = event_context,
	[SDEI_EVENT_COMPLETE_AND_RESUME] = event_complete_and_resume,
	[SDEI_EVENT_UNREGISTER] = event_unregister,
	[SDEI_EVENT_STATUS] = event_status,
	[SDEI_EVENT_GET_INFO] = event_get_info,
	[SDEI_EVENT_ROUTING_SET] = event_routing_set,
	[SDEI_PE_MASK] = pe_mask,
	[SDEI_PE_UNMASK] = pe_unmask,
	[SDEI_INTERRUPT_BIND] = bind,
	[SDEI_INTERRUPT_RELEASE] = release,
	[SDEI_FEATURES] = features,
	[SDEI_PRIVATE_RESET] = private_reset,
	[SDEI_SHARED_RESET] = shared_reset,
};

/* Of arguments and states; EVENT_CONTEXT may answer any number. */
static bool is_error(uint32_t function, int64_t answer)
{
	return answer < 0 && (function != SDEI_EVENT_CONTEXT || answer >= SDEI_OUT_OF_RESOURCE);
}

static inline enum sdei_result finish(const struct call *call, uint32_t function, int64_t answer)
{
	if (call->outcome == RETRIED)
		return SDEI_AGAIN;
	count(&call->pe->stats.calls);
	if (call->outcome == COMPLETED)
		return SDEI_DONE;
	if (is_error(function, answer))
		count(&call->pe->stats.refused);
	call->frame->x[0] = (uint64_t)answer;
	return SDEI_DONE;
}

static __attribute__((noinline)) enum sdei_result call_by_table(struct sdei *sdei, unsigned vcpu,
								struct sdei_frame *frame,
								uint32_t function)
{
	struct call call = {
		.sdei = sdei, .pe = &sdei->pe[vcpu], .frame = frame, .vcpu = vcpu, .x = frame->x
	};
	int64_t answer = SDEI_NOT_SUPPORTED;

	if (function < sizeof(calls) / sizeof(calls[0]))
		answer = calls[function](&call);
	return finish(&call, function, answer);
}

/* What each turn of a handler has in it is not looked up: inlined, there is nothing to hand over. */
__attribute__((flatten)) enum sdei_result sdei_call(struct sdei *sdei, unsigned vcpu,
						    struct sdei_frame *frame)
{
	uint32_t function = (uint32_t)frame->x[0] - SDEI_CALL_FIRST;
	struct call call = {
		.sdei = sdei, .pe = &sdei->pe[vcpu], .frame = frame, .vcpu = vcpu, .x = frame->x
	};

	if (function == SDEI_EVENT_COMPLETE)
		return finish(&call, function, event_complete(&call));
	if (function == SDEI_EVENT_SIGNAL)
		return finish(&call, function, event_signal(&call));
	return call_by_table(sdei, vcpu, frame, function);
}
