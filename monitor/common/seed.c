/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * See seed.h.
 */
#include "seed.h"

static uint32_t rotated(uint32_t value, unsigned by)
{
	return value << by | value >> (32 - by);
}

static void quarter_round(uint32_t *x, unsigned a, unsigned b, unsigned c, unsigned d)
{
	x[a] += x[b];
	x[d] = rotated(x[d] ^ x[a], 16);
	x[c] += x[d];
	x[b] = rotated(x[b] ^ x[c], 12);
	x[a] += x[b];
	x[d] = rotated(x[d] ^ x[a], 8);
	x[c] += x[d];
	x[b] = rotated(x[b] ^ x[c], 7);
}

static uint32_t little_endian(const uint8_t *at)
{
	return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

void seed_block(uint8_t block[SEED_BLOCK], const uint8_t key[SEED_KEY], uint32_t counter,
		const uint8_t nonce[SEED_NONCE])
{
	uint32_t start[16] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 }, x[16];
	unsigned i;

	for (i = 0; i < 8; i++)
		start[4 + i] = little_endian(key + 4 * i);
	start[12] = counter;
	for (i = 0; i < 3; i++)
		start[13 + i] = little_endian(nonce + 4 * i);
	for (i = 0; i < 16; i++)
		x[i] = start[i];
	for (i = 0; i < 10; i++) {
		quarter_round(x, 0, 4, 8, 12);
		quarter_round(x, 1, 5, 9, 13);
		quarter_round(x, 2, 6, 10, 14);
		quarter_round(x, 3, 7, 11, 15);
		quarter_round(x, 0, 5, 10, 15);
		quarter_round(x, 1, 6, 11, 12);
		quarter_round(x, 2, 7, 8, 13);
		quarter_round(x, 3, 4, 9, 14);
	}
	for (i = 0; i < SEED_BLOCK; i++)
		block[i] = (uint8_t)((x[i / 4] + start[i / 4]) >> 8 * (i % 4));
}
