/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What the files of lib/vplic share.
 *
 * A source's state is one atomic word, which only compare-and-swap changes. `waiting` has a bit for each
 * source that may be pending, so that who looks for one reads 32 sources at once. It is set after the word
 * says pending, and cleared only by who claims, before that looks at the word: so it never misses one for
 * long, and at times has one that is none.
 */
#ifndef LIB_VPLIC_INTERNAL_H
#define LIB_VPLIC_INTERNAL_H

#include <carillon/vplic.h>

#define LINE    1u
#define PENDING 2u
#define BUSY    4u /* claimed and not completed: the gateway is shut */

#define WORDS ((VPLIC_MAX_SOURCES + 1) / 32)

struct vplic_source {
	uint32_t state;                            /* atomic */
	uint32_t priority;                         /* atomic */
	uint32_t enabled[VPLIC_MAX_CONTEXTS / 32]; /* atomic: by whom */
};

struct vplic {
	struct vplic_config config;
	struct vplic_port port;
	void *host;
	uint32_t waiting[WORDS];                /* atomic */
	uint32_t threshold[VPLIC_MAX_CONTEXTS]; /* atomic */
	struct vplic_source source[];           /* 0, which there is not, to config.sources */
};

static inline uint32_t priority_mask(const struct vplic *plic)
{
	return (UINT32_C(1) << plic->config.priority_bits) - 1;
}

/* What a gateway makes of its line: an open one lets it in. */
static inline uint32_t gated(uint32_t state)
{
	return (state & LINE) && !(state & BUSY) ? state | PENDING : state;
}

#endif
