/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The saved state of a PLIC (state.md).
 */
#include "../core/bytes.h"
#include "internal.h"

#define MAGIC  0x4c505643 /* "CVPL" */
#define FORMAT 1
#define HEAD   20

static size_t words(const struct vplic *plic)
{
	return plic->config.sources / 32u + 1;
}

size_t vplic_save_size(const struct vplic *plic)
{
	return HEAD + 8 * (size_t)plic->config.sources +
	       plic->config.contexts * (4 + 4 * words(plic));
}

static uint32_t enables(const struct vplic *plic, unsigned context, unsigned word)
{
	uint32_t value = 0;

	for (unsigned i = 32 * word; i < 32 * word + 32 && i <= plic->config.sources; i++)
		value |= (plic->source[i].enabled[context / 32] >> (context % 32) & 1) << (i % 32);
	return value;
}

long vplic_save(const struct vplic *plic, void *state, size_t size)
{
	uint8_t *at = state;

	if (size < vplic_save_size(plic))
		return -VIRQ_ERR_MEMORY;
	put(&at, 4, MAGIC);
	put(&at, 4, FORMAT);
	put(&at, 4, plic->config.sources);
	put(&at, 4, plic->config.contexts);
	put(&at, 4, plic->config.priority_bits);
	for (unsigned i = 1; i <= plic->config.sources; i++) {
		put(&at, 4, plic->source[i].priority);
		put(&at, 4, plic->source[i].state);
	}
	for (unsigned i = 0; i < plic->config.contexts; i++) {
		put(&at, 4, plic->threshold[i]);
		for (unsigned word = 0; word < words(plic); word++)
			put(&at, 4, enables(plic, i, word));
	}
	return (long)vplic_save_size(plic);
}

static const char *source_fault(const struct vplic *plic, uint64_t priority, uint64_t state)
{
	if (priority > priority_mask(plic))
		return "priority: more than priority_bits say";
	if (state > (LINE | PENDING | BUSY) || (state & (PENDING | BUSY)) == (PENDING | BUSY))
		return "source: no state that one can be in";
	if (gated((uint32_t)state) != state)
		return "source: its line is 1 and its gateway open, but it is not pending";
	return NULL;
}

static const char *context_fault(const struct vplic *plic, const uint8_t **at)
{
	if (take(at, 4) > priority_mask(plic))
		return "threshold: more than priority_bits say";
	for (unsigned word = 0; word < words(plic); word++) {
		uint64_t bits = take(at, 4);
		unsigned last = plic->config.sources - 32 * word;

		if (!word && (bits & 1))
			return "enables: there is no source 0";
		if (last < 31 && bits >> (last + 1))
			return "enables: of a source that does not exist";
	}
	return NULL;
}

static const char *fault(const struct vplic *plic, const uint8_t *at, size_t size)
{
	const char *reason = NULL;

	if (size != vplic_save_size(plic))
		return "length: not that of this configuration";
	if (take(&at, 4) != MAGIC)
		return "magic: this is not a saved PLIC";
	if (take(&at, 4) != FORMAT)
		return "format: saved by another version of the library";
	if (take(&at, 4) != plic->config.sources || take(&at, 4) != plic->config.contexts ||
	    take(&at, 4) != plic->config.priority_bits)
		return "sources, contexts, priority_bits: configure what was saved";
	for (unsigned i = 1; i <= plic->config.sources && !reason; i++) {
		uint64_t priority = take(&at, 4);

		reason = source_fault(plic, priority, take(&at, 4));
	}
	for (unsigned i = 0; i < plic->config.contexts && !reason; i++)
		reason = context_fault(plic, &at);
	return reason;
}

int vplic_restore(struct vplic *plic, const void *state, size_t size, const char **why)
{
	const char *reason = fault(plic, state, size);
	const uint8_t *at = (const uint8_t *)state + HEAD;

	if (reason) {
		if (why)
			*why = reason;
		return -VIRQ_ERR_STATE;
	}
	for (unsigned i = 0; i < WORDS; i++)
		plic->waiting[i] = 0;
	for (unsigned i = 1; i <= plic->config.sources; i++) {
		uint32_t priority = (uint32_t)take(&at, 4);

		plic->source[i] = (struct vplic_source){ .priority = priority,
							 .state = (uint32_t)take(&at, 4) };
		if (plic->source[i].state & PENDING)
			plic->waiting[i / 32] |= UINT32_C(1) << (i % 32);
	}
	for (unsigned i = 0; i < plic->config.contexts; i++) {
		plic->threshold[i] = (uint32_t)take(&at, 4);
		for (unsigned word = 0; word < words(plic); word++) {
			uint32_t bits = (uint32_t)take(&at, 4);

			for (; bits; bits &= bits - 1)
				plic->source[32 * word + (unsigned)__builtin_ctz(bits)]
					.enabled[i / 32] |= UINT32_C(1) << (i % 32);
		}
	}
	return 0;
}
