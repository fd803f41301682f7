/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The virtual PLIC (RISC-V PLIC Specification 1.0.0: "Memory Map", "Interrupt Gateways", "Interrupt
 * Claims", "Interrupt Completion").
 *
 * Who makes a source pending writes that first and then reads who has it enabled; who enables it, lowers a
 * threshold or raises a priority writes that first and then looks for what is pending. All of it is
 * sequentially consistent, so one of the two sees the other.
 */
#include "internal.h"

static int refuse(const char **why, const char *reason)
{
	if (why)
		*why = reason;
	return -VIRQ_ERR_CONFIG;
}

int vplic_check(const struct vplic_config *config, const char **why)
{
	if (!config->sources || config->sources > VPLIC_MAX_SOURCES)
		return refuse(why, "sources: 1 to 1023");
	if (!config->contexts || config->contexts > VPLIC_MAX_CONTEXTS)
		return refuse(why, "contexts: 1 to 64");
	if (!config->priority_bits || config->priority_bits > 31)
		return refuse(why, "priority_bits: 1 to 31");
	for (unsigned i = 0; i < config->contexts; i++) {
		if (config->number[i] > VPLIC_MAX_NUMBER)
			return refuse(why, "number: at most 15871");
		if (i && config->number[i] <= config->number[i - 1])
			return refuse(why, "number: they have to ascend");
	}
	return 0;
}

size_t vplic_size(const struct vplic_config *config)
{
	if (vplic_check(config, NULL))
		return 0;
	return sizeof(struct vplic) + (config->sources + 1u) * sizeof(struct vplic_source);
}

int vplic_init(struct vplic **plic, void *memory, size_t size, const struct vplic_config *config,
	       const struct vplic_port *port, void *host)
{
	size_t needed = vplic_size(config);
	struct vplic *new = memory;

	if (!needed)
		return -VIRQ_ERR_CONFIG;
	if (!memory || size < needed || (uintptr_t)memory % 64)
		return -VIRQ_ERR_MEMORY;
	new->config = *config;
	new->port = *port;
	new->host = host;
	for (unsigned i = 0; i <= config->sources; i++)
		new->source[i].state = 0;
	vplic_reset(new);
	*plic = new;
	return 0;
}

void vplic_reset(struct vplic *plic)
{
	for (unsigned i = 0; i < WORDS; i++)
		plic->waiting[i] = 0;
	for (unsigned i = 0; i < VPLIC_MAX_CONTEXTS; i++)
		plic->threshold[i] = 0;
	for (unsigned i = 0; i <= plic->config.sources; i++) {
		uint32_t state = gated(plic->source[i].state & LINE);

		plic->source[i] = (struct vplic_source){ .state = state };
		if (state & PENDING)
			plic->waiting[i / 32] |= UINT32_C(1) << (i % 32);
	}
}

/* --- Sources ---------------------------------------------------------------------------------------- */

static void kick_all(const struct vplic *plic, const struct vplic_source *source, uint32_t self)
{
	for (unsigned word = 0; word < VPLIC_MAX_CONTEXTS / 32; word++) {
		uint32_t bits = __atomic_load_n(&source->enabled[word], __ATOMIC_SEQ_CST);

		for (; bits; bits &= bits - 1) {
			unsigned context = 32 * word + (unsigned)__builtin_ctz(bits);

			if (context != self)
				plic->port.kick(plic->host, context);
		}
	}
}

/* Set and clear bits of the state, then the gateway. The state before. */
static uint32_t change(struct vplic *plic, unsigned number, uint32_t set, uint32_t clear,
		       uint32_t self)
{
	struct vplic_source *source = &plic->source[number];
	uint32_t old = __atomic_load_n(&source->state, __ATOMIC_RELAXED), now;

	do {
		now = gated((old & ~clear) | set);
	} while (!__atomic_compare_exchange_n(&source->state, &old, now, true, __ATOMIC_SEQ_CST,
					      __ATOMIC_RELAXED));
	if ((now & PENDING) && !(old & PENDING)) {
		__atomic_fetch_or(&plic->waiting[number / 32], UINT32_C(1) << (number % 32),
				  __ATOMIC_SEQ_CST);
		kick_all(plic, source, self);
	}
	return old;
}

int vplic_set_line(struct vplic *plic, unsigned source, bool level)
{
	if (!source || source > plic->config.sources)
		return -VIRQ_ERR_RANGE;
	change(plic, source, level ? LINE : 0, level ? 0 : LINE, VPLIC_NOBODY);
	return 0;
}

static bool is_enabled(const struct vplic *plic, unsigned source, unsigned context)
{
	uint32_t word =
		__atomic_load_n(&plic->source[source].enabled[context / 32], __ATOMIC_SEQ_CST);

	return word >> (context % 32) & 1;
}

static bool is_pending(const struct vplic *plic, unsigned source)
{
	return __atomic_load_n(&plic->source[source].state, __ATOMIC_SEQ_CST) & PENDING;
}

/*
 * The source with the highest priority above `least` that is pending and enabled there; of two equal ones
 * the lower number; 0: none.
 */
static unsigned best(const struct vplic *plic, unsigned context, uint32_t least)
{
	unsigned found = 0;

	for (unsigned word = 0; word <= plic->config.sources / 32u; word++) {
		uint32_t bits = __atomic_load_n(&plic->waiting[word], __ATOMIC_SEQ_CST);

		for (; bits; bits &= bits - 1) {
			unsigned number = 32 * word + (unsigned)__builtin_ctz(bits);
			uint32_t priority =
				__atomic_load_n(&plic->source[number].priority, __ATOMIC_SEQ_CST);

			if (priority > least && is_enabled(plic, number, context) &&
			    is_pending(plic, number)) {
				least = priority;
				found = number;
			}
		}
	}
	return found;
}

bool vplic_pending(const struct vplic *plic, unsigned context)
{
	if (context >= plic->config.contexts)
		return false;
	return best(plic, context, __atomic_load_n(&plic->threshold[context], __ATOMIC_SEQ_CST));
}

/* Another context may have been faster: then the next one. The threshold does not matter here. */
static unsigned claim(struct vplic *plic, unsigned context)
{
	for (;;) {
		unsigned number = best(plic, context, 0);
		uint32_t old;

		if (!number)
			return 0;
		__atomic_fetch_and(&plic->waiting[number / 32], ~(UINT32_C(1) << (number % 32)),
				   __ATOMIC_SEQ_CST);
		old = __atomic_load_n(&plic->source[number].state, __ATOMIC_RELAXED);
		while (old & PENDING) {
			if (__atomic_compare_exchange_n(&plic->source[number].state, &old,
							(old & ~PENDING) | BUSY, true,
							__ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
				return number;
		}
	}
}

/* Of a source that is not enabled there, or not in flight, it is ignored. */
static void complete(struct vplic *plic, unsigned context, uint32_t number, uint32_t self)
{
	if (!number || number > plic->config.sources || !is_enabled(plic, number, context) ||
	    !(__atomic_load_n(&plic->source[number].state, __ATOMIC_RELAXED) & BUSY))
		return;
	if (plic->port.completed)
		plic->port.completed(plic->host, number);
	change(plic, number, 0, BUSY, self);
}

/* --- Registers -------------------------------------------------------------------------------------- */

#define PENDINGS 0x1000u
#define ENABLES  0x2000u
#define CONTEXTS 0x200000u

/* The context with this number, or -1. */
static int context_of(const struct vplic *plic, uint64_t number)
{
	unsigned low = 0, high = plic->config.contexts;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (plic->config.number[middle] == number)
			return (int)middle;
		if (plic->config.number[middle] < number)
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}

/* Sources first to last of 32, as registers have them. */
static unsigned last_of(const struct vplic *plic, unsigned first)
{
	unsigned last = first + 31;

	return last < plic->config.sources ? last : plic->config.sources;
}

static uint32_t pendings(const struct vplic *plic, unsigned first)
{
	uint32_t value = 0;

	for (unsigned i = first ? first : 1; i <= last_of(plic, first); i++) {
		if (is_pending(plic, i))
			value |= UINT32_C(1) << (i - first);
	}
	return value;
}

static uint32_t enables(const struct vplic *plic, unsigned context, unsigned first)
{
	uint32_t value = 0;

	for (unsigned i = first ? first : 1; i <= last_of(plic, first); i++)
		value |= (uint32_t)is_enabled(plic, i, context) << (i - first);
	return value;
}

static void set_enables(struct vplic *plic, unsigned context, unsigned first, uint32_t value)
{
	uint32_t bit = UINT32_C(1) << (context % 32);

	for (unsigned i = first ? first : 1; i <= last_of(plic, first); i++) {
		uint32_t *enabled = &plic->source[i].enabled[context / 32];

		if (value >> (i - first) & 1)
			__atomic_fetch_or(enabled, bit, __ATOMIC_SEQ_CST);
		else
			__atomic_fetch_and(enabled, ~bit, __ATOMIC_SEQ_CST);
	}
}

/* Another hart's context got something to look at. */
static void tell(const struct vplic *plic, unsigned context, uint32_t self)
{
	if (context != self && vplic_pending(plic, context))
		plic->port.kick(plic->host, context);
}

static void set_priority(struct vplic *plic, unsigned number, uint32_t value, uint32_t self)
{
	struct vplic_source *source = &plic->source[number];

	__atomic_store_n(&source->priority, value & priority_mask(plic), __ATOMIC_SEQ_CST);
	if (is_pending(plic, number))
		kick_all(plic, source, self);
}

enum kind { RESERVED, PRIORITY, PENDING_BITS, ENABLE_BITS, THRESHOLD, CLAIM, OTHERS };

/* The register at an offset: of a source, of 32 sources from one on, of a context. */
struct place {
	enum kind kind;
	unsigned source, context;
};

/* The kind, if the context with this number is one of ours. */
static enum kind of_context(const struct vplic *plic, uint64_t number, enum kind kind,
			    struct place *place)
{
	int context;

	if (number > VPLIC_MAX_NUMBER)
		return RESERVED;
	context = context_of(plic, number);
	place->context = (unsigned)context;
	return context < 0 ? OTHERS : kind;
}

static enum kind of_page(uint64_t within)
{
	return within == 0 ? THRESHOLD : within == 4 ? CLAIM : RESERVED;
}

static struct place find(const struct vplic *plic, uint64_t offset)
{
	struct place place = { .kind = RESERVED };

	if (offset < PENDINGS) {
		place.kind = PRIORITY;
		place.source = (unsigned)offset / 4;
	} else if (offset < ENABLES) {
		place.kind = PENDING_BITS;
		place.source = (unsigned)(offset - PENDINGS) * 8;
	} else if (offset < CONTEXTS) {
		place.source = (unsigned)(offset % 0x80) * 8;
		place.kind = of_context(plic, (offset - ENABLES) / 0x80, ENABLE_BITS, &place);
	} else {
		place.kind = of_context(plic, (offset - CONTEXTS) / 0x1000,
					of_page(offset % 0x1000), &place);
	}
	if (place.kind != OTHERS &&
	    (place.source > plic->config.sources || (place.kind == PRIORITY && !place.source)))
		place.kind = RESERVED;
	return place;
}

static bool is_access(uint64_t offset, unsigned bytes)
{
	return bytes == 4 && offset % 4 == 0 && offset < VPLIC_SIZE;
}

enum vplic_answer vplic_read(struct vplic *plic, uint64_t offset, unsigned bytes, uint32_t *value)
{
	struct place place;

	*value = 0;
	if (!is_access(offset, bytes))
		return VPLIC_FAULT;
	place = find(plic, offset);
	switch (place.kind) {
	case PRIORITY:
		*value = __atomic_load_n(&plic->source[place.source].priority, __ATOMIC_SEQ_CST);
		break;
	case PENDING_BITS:
		*value = pendings(plic, place.source);
		break;
	case ENABLE_BITS:
		*value = enables(plic, place.context, place.source);
		break;
	case THRESHOLD:
		*value = __atomic_load_n(&plic->threshold[place.context], __ATOMIC_SEQ_CST);
		break;
	case CLAIM:
		*value = claim(plic, place.context);
		break;
	case OTHERS:
		return VPLIC_OTHER;
	case RESERVED:
		break;
	}
	return VPLIC_DONE;
}

enum vplic_answer vplic_write(struct vplic *plic, uint32_t self, uint64_t offset, unsigned bytes,
			      uint32_t value)
{
	struct place place;

	if (!is_access(offset, bytes))
		return VPLIC_FAULT;
	place = find(plic, offset);
	switch (place.kind) {
	case PRIORITY:
		set_priority(plic, place.source, value, self);
		break;
	case ENABLE_BITS:
		set_enables(plic, place.context, place.source, value);
		tell(plic, place.context, self);
		break;
	case THRESHOLD:
		__atomic_store_n(&plic->threshold[place.context], value & priority_mask(plic),
				 __ATOMIC_SEQ_CST);
		tell(plic, place.context, self);
		break;
	case CLAIM:
		complete(plic, place.context, value, self);
		break;
	case OTHERS:
		return VPLIC_OTHER;
	case PENDING_BITS:
	case RESERVED:
		break;
	}
	return VPLIC_DONE;
}
