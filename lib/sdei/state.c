/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The saved state of a dispatcher (state.md).
 */
#include "../core/bytes.h"
#include "internal.h"

#define MAGIC  0x44535643 /* "CVSD" */
#define FORMAT 1

#define HEAD    20
#define EVENT   12
#define HANDLER 20
#define CONTEXT (20 * 8)
#define PE      (16 + PRIORITIES * CONTEXT)

/* A running event as a byte. */
#define NO_EVENT         0xffu
#define REF(type, index) ((uint8_t)((type) << 6 | (index)))
#define REF_TYPE(ref)    ((ref) >> 6)
#define REF_INDEX(ref)   ((ref) & (SDEI_MAX_EVENTS - 1))

/* Of a handler's word: what there may be. A running one's PE says so. */
#define SAVED_FLAGS (H_STATUS | H_PENDING | H_ANY | H_RELATIVE)

size_t sdei_save_size(const struct sdei *sdei)
{
	size_t privates = sdei->count[PRIVATE], shared = sdei->count[SHARED];

	return HEAD + EVENT * (privates + shared) + HANDLER * shared +
	       sdei->config.vcpus * (PE + HANDLER * privates);
}

static void put_handler(uint8_t **at, const struct handler *handler)
{
	uint32_t word = handler_word(handler);
	bool known = word & (H_REGISTERED | H_RUNNING);

	put(at, 2, word & SAVED_FLAGS);
	put(at, 2, known ? word_target(word) : 0);
	put(at, 8, known ? handler->entry : 0);
	put(at, 8, known ? handler->argument : 0);
}

static void put_context(uint8_t **at, const struct pe *pe, unsigned priority)
{
	bool used = pe->running[priority].handler != NULL;
	const struct interrupted *context = &pe->context[priority];

	for (unsigned i = 0; i < 18; i++)
		put(at, 8, used ? context->x[i] : 0);
	put(at, 8, used ? context->pc : 0);
	put(at, 8, used ? context->pstate : 0);
}

static void put_pe(uint8_t **at, const struct pe *pe)
{
	put(at, 4, load_relaxed(&pe->state) & PE_MASKED);
	for (unsigned priority = 0; priority < PRIORITIES; priority++) {
		const struct instance *running = &pe->running[priority];

		put(at, 1, running->handler ? REF(running->type, running->index) : NO_EVENT);
	}
	put(at, 2, 0);
	put(at, 8, pe->diverted);
	put_context(at, pe, NORMAL);
	put_context(at, pe, CRITICAL);
}

long sdei_save(const struct sdei *sdei, void *buffer, size_t size)
{
	uint8_t *at = buffer;

	if (size < sdei_save_size(sdei))
		return -VIRQ_ERR_MEMORY;
	put(&at, 4, MAGIC);
	put(&at, 4, FORMAT);
	put(&at, 2, sdei->config.vcpus);
	put(&at, 2, sdei->config.minor);
	put(&at, 4, sdei->config.features);
	put(&at, 2, sdei->count[PRIVATE]);
	put(&at, 2, sdei->count[SHARED]);
	for (unsigned type = 0; type < TYPES; type++)
		for (unsigned i = 0; i < sdei->count[type]; i++) {
			const struct event *event = &sdei->event[type][i];

			put(&at, 4, (uint32_t)event->number);
			put(&at, 4, event->critical);
			put(&at, 4, event_virq(event));
		}
	for (unsigned i = 0; i < sdei->count[SHARED]; i++)
		put_handler(&at, &sdei->shared[i]);
	for (unsigned i = 0; i < sdei->config.vcpus; i++) {
		put_pe(&at, &sdei->pe[i]);
		for (unsigned j = 0; j < sdei->count[PRIVATE]; j++)
			put_handler(&at, &sdei->private[i * sdei->count[PRIVATE] + j]);
	}
	return (long)(at - (uint8_t *)buffer);
}

/* --- Taking it back: every field is looked at before anything changes. --------------------------- */

/* Where the parts of a state are. */
struct image {
	const uint8_t *events, *shared, *pes;
	size_t pe_size;
};

static uint64_t number_at(const uint8_t *at, unsigned bytes)
{
	return take(&at, bytes);
}

static uint32_t saved_virq(const struct sdei *sdei, const struct image *image, unsigned type,
			   unsigned index)
{
	unsigned n = type == PRIVATE ? index : sdei->count[PRIVATE] + index;

	return (uint32_t)number_at(image->events + EVENT * n + 8, 4);
}

static const uint8_t *saved_pe(const struct image *image, unsigned vcpu)
{
	return image->pes + image->pe_size * vcpu;
}

static const uint8_t *saved_handler(const struct image *image, unsigned vcpu, unsigned type,
				    unsigned index)
{
	if (type == SHARED)
		return image->shared + HANDLER * index;
	return saved_pe(image, vcpu) + PE + HANDLER * index;
}

static uint64_t saved_diverted(const struct image *image, unsigned vcpu)
{
	return number_at(saved_pe(image, vcpu) + 8, 8);
}

static const char *head_fault(const struct sdei *sdei, const uint8_t *at, size_t size)
{
	if (size < HEAD)
		return "length: this is not a saved SDEI dispatcher";
	if (take(&at, 4) != MAGIC)
		return "magic: this is not a saved SDEI dispatcher";
	if (take(&at, 4) != FORMAT)
		return "format: saved by another version of the library";
	if (take(&at, 2) != sdei->config.vcpus)
		return "vcpus: configure as many as were saved";
	if (take(&at, 2) != sdei->config.minor)
		return "minor: configure the version that was saved";
	if (take(&at, 4) != sdei->config.features)
		return "features: configure those that were saved";
	if (take(&at, 2) != sdei->count[PRIVATE] || take(&at, 2) != sdei->count[SHARED])
		return "events: configure the events and slots that were saved";
	return size == sdei_save_size(sdei) ? NULL : "length: not that of this configuration";
}

static bool virq_fits(const struct sdei *sdei, const struct image *image, unsigned type,
		      unsigned index)
{
	uint32_t virq = saved_virq(sdei, image, type, index);

	if (!virq)
		return true;
	if (!sdei->event[type][index].slot || virq < 16 ||
	    virq_is_private(virq) != (type == PRIVATE) ||
	    !sdei->port.irq_valid(sdei->host, 0, virq))
		return false;
	for (unsigned i = sdei->first_slot[type]; i < index; i++)
		if (saved_virq(sdei, image, type, i) == virq)
			return false;
	return true;
}

static const char *events_fault(const struct sdei *sdei, const struct image *image)
{
	const uint8_t *at = image->events;

	for (unsigned type = 0; type < TYPES; type++)
		for (unsigned i = 0; i < sdei->count[type]; i++) {
			const struct event *event = &sdei->event[type][i];

			if (take(&at, 4) != (uint32_t)event->number ||
			    take(&at, 4) != event->critical)
				return "event: configure the events and slots that were saved";
			if (!virq_fits(sdei, image, type, i))
				return "interrupt: an event cannot be bound to this one";
			take(&at, 4);
		}
	return NULL;
}

/* Who runs this event, if it is a shared one; the number of those who do. */
static unsigned runners(const struct sdei *sdei, const struct image *image, unsigned vcpu,
			unsigned type, unsigned index)
{
	unsigned first = type == SHARED ? 0 : vcpu;
	unsigned end = type == SHARED ? sdei->config.vcpus : vcpu + 1;
	unsigned n = 0;

	for (unsigned i = first; i < end; i++)
		for (unsigned priority = 0; priority < PRIORITIES; priority++)
			n += saved_pe(image, i)[4 + priority] == REF(type, index);
	return n;
}

static const char *handler_fault(const struct sdei *sdei, const struct image *image, unsigned vcpu,
				 unsigned type, unsigned index)
{
	const uint8_t *at = saved_handler(image, vcpu, type, index);
	const struct event *event = &sdei->event[type][index];
	uint32_t flags = (uint32_t)take(&at, 2), target = (uint32_t)take(&at, 2);
	uint64_t entry = take(&at, 8), argument = take(&at, 8);
	bool known = flags & (H_REGISTERED | H_RUNNING);

	if (flags & ~(uint32_t)SAVED_FLAGS)
		return "handler: an unknown flag";
	if ((flags & H_ANY && type == PRIVATE) || (flags & H_RELATIVE && !sdei->config.minor))
		return "handler: a flag that this event cannot have";
	if (flags & H_ENABLED && !(flags & H_REGISTERED))
		return "handler: enabled, and not registered";
	if (!known && (flags & (H_ANY | H_RELATIVE) || target || entry || argument))
		return "handler: not registered, but there is something of it";
	if (known && event->slot && !saved_virq(sdei, image, type, index))
		return "handler: registered for a slot that is not bound";
	if (known && event->slot && type == PRIVATE && !(saved_diverted(image, vcpu) >> index & 1))
		return "handler: registered, but its interrupt is not diverted";
	if (target >= sdei->config.vcpus || (known && type == PRIVATE && target != vcpu))
		return "handler: the target is no vCPU that it may have";
	if (known && (entry & 3 || (!entry && !(flags & H_RELATIVE))))
		return "handler: the entry is no address";
	if (runners(sdei, image, vcpu, type, index) != !!(flags & H_RUNNING))
		return "handler: whether it runs does not agree with its vCPU";
	return NULL;
}

static const char *context_fault(const struct sdei *sdei, const uint8_t *pe, unsigned priority)
{
	const uint8_t *at = pe + 16 + CONTEXT * priority;
	uint8_t ref = pe[4 + priority];

	if (ref == NO_EVENT) {
		for (unsigned i = 0; i < CONTEXT; i++)
			if (at[i])
				return "context: there is one, but nothing runs";
		return NULL;
	}
	if (REF_TYPE(ref) >= TYPES || REF_INDEX(ref) >= sdei->count[REF_TYPE(ref)] ||
	    sdei->event[REF_TYPE(ref)][REF_INDEX(ref)].critical != (priority == CRITICAL))
		return "running: no event of this priority";
	if (!pstate_valid(sdei, number_at(at + 19 * 8, 8)))
		return "context: PSTATE is none that this guest can have had";
	return NULL;
}

static const char *pe_fault(const struct sdei *sdei, const struct image *image, unsigned vcpu)
{
	const uint8_t *pe = saved_pe(image, vcpu);
	uint64_t diverted = saved_diverted(image, vcpu);
	const char *reason = context_fault(sdei, pe, NORMAL);

	if (number_at(pe, 4) & ~(uint64_t)PE_MASKED || number_at(pe + 6, 2))
		return "state: an unknown flag";
	if (reason)
		return reason;
	for (unsigned i = 0; i < SDEI_MAX_EVENTS; i++)
		if (diverted >> i & 1 &&
		    (i >= sdei->count[PRIVATE] || !saved_virq(sdei, image, PRIVATE, i)))
			return "diverted: nothing is bound there";
	return context_fault(sdei, pe, CRITICAL);
}

static const char *state_fault(const struct sdei *sdei, const struct image *image)
{
	const char *reason = events_fault(sdei, image);

	for (unsigned i = 0; i < sdei->config.vcpus && !reason; i++)
		reason = pe_fault(sdei, image, i);
	for (unsigned i = 0; i < sdei->count[SHARED] && !reason; i++)
		reason = handler_fault(sdei, image, 0, SHARED, i);
	for (unsigned i = 0; i < sdei->config.vcpus && !reason; i++)
		for (unsigned j = 0; j < sdei->count[PRIVATE] && !reason; j++)
			reason = handler_fault(sdei, image, i, PRIVATE, j);
	return reason;
}

/* --- All is well. -------------------------------------------------------------------------------- */

static void restore_bindings(struct sdei *sdei, const struct image *image)
{
	for (unsigned type = 0; type < TYPES; type++)
		for (unsigned i = sdei->first_slot[type]; i < sdei->count[type]; i++)
			sdei->event[type][i].virq = saved_virq(sdei, image, type, i);
	for (unsigned i = sdei->first_slot[SHARED]; i < sdei->count[SHARED]; i++)
		if (sdei->event[SHARED][i].virq)
			slot_divert_again(sdei, 0, SHARED, i);
	for (unsigned vcpu = 0; vcpu < sdei->config.vcpus; vcpu++) {
		sdei->pe[vcpu].diverted = saved_diverted(image, vcpu);
		for (uint64_t left = sdei->pe[vcpu].diverted; left; left &= left - 1)
			slot_divert_again(sdei, vcpu, PRIVATE, (unsigned)__builtin_ctzll(left));
	}
}

static void restore_handler(struct sdei *sdei, const struct image *image, unsigned vcpu,
			    unsigned type, unsigned index)
{
	struct instance instance = instance_at(sdei, vcpu, type, index);
	const uint8_t *at = saved_handler(image, vcpu, type, index);
	uint32_t word = (uint32_t)take(&at, 2);

	word |= (uint32_t)take(&at, 2) << H_TARGET_SHIFT;
	instance.handler->entry = take(&at, 8);
	instance.handler->argument = take(&at, 8);
	__atomic_store_n(&instance.handler->word, word, __ATOMIC_RELEASE);
	if (type == SHARED && word & H_REGISTERED)
		instance_route(sdei, &instance, word);
	instance_announce(sdei, &instance, word);
}

static void restore_pe(struct sdei *sdei, unsigned vcpu, const uint8_t *at)
{
	struct pe *pe = &sdei->pe[vcpu];
	uint32_t state = (uint32_t)take(&at, 4);

	for (unsigned priority = 0; priority < PRIORITIES; priority++) {
		uint8_t ref = *at++;

		if (ref == NO_EVENT)
			continue;
		pe->running[priority] = instance_at(sdei, vcpu, REF_TYPE(ref), REF_INDEX(ref));
		state |= priority == CRITICAL ? PE_CRITICAL : PE_NORMAL;
	}
	at += 2 + 8;
	for (unsigned priority = 0; priority < PRIORITIES; priority++) {
		struct interrupted *context = &pe->context[priority];

		for (unsigned i = 0; i < 18; i++)
			context->x[i] = take(&at, 8);
		context->pc = take(&at, 8);
		context->pstate = take(&at, 8);
	}
	pe_set_state(sdei, vcpu, state);
}

int sdei_restore(struct sdei *sdei, const void *buffer, size_t size, const char **why)
{
	const char *reason = head_fault(sdei, buffer, size);
	struct image image = {
		.events = (const uint8_t *)buffer + HEAD,
		.pe_size = PE + HANDLER * (size_t)sdei->count[PRIVATE],
	};

	image.shared = image.events + EVENT * (sdei->count[PRIVATE] + sdei->count[SHARED]);
	image.pes = image.shared + HANDLER * sdei->count[SHARED];
	if (!reason)
		reason = state_fault(sdei, &image);
	if (why)
		*why = reason;
	if (reason)
		return -VIRQ_ERR_STATE;
	sdei_reset(sdei);
	restore_bindings(sdei, &image);
	for (unsigned i = 0; i < sdei->config.vcpus; i++)
		restore_pe(sdei, i, saved_pe(&image, i));
	for (unsigned i = 0; i < sdei->count[SHARED]; i++)
		restore_handler(sdei, &image, 0, SHARED, i);
	for (unsigned i = 0; i < sdei->config.vcpus; i++)
		for (unsigned j = 0; j < sdei->count[PRIVATE]; j++)
			restore_handler(sdei, &image, i, PRIVATE, j);
	return 0;
}
