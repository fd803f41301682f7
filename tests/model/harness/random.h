/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Random numbers (SplitMix64) of generate.c, whose struct generator keeps the state in `random`. */
#ifndef TESTS_MODEL_RANDOM_H
#define TESTS_MODEL_RANDOM_H

#include "generate.h"

static inline uint64_t next(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15ull);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static inline unsigned below(struct generator *g, unsigned n)
{
	return (unsigned)(next(&g->random) >> 33) % n;
}

static inline bool chance(struct generator *g, unsigned percent)
{
	return below(g, 100) < percent;
}

#endif
