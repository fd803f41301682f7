/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Many seeds of one: the ChaCha20 block function (RFC 8439 2.3). Who has some of its output learns
 * nothing about the rest.
 */
#ifndef MONITOR_COMMON_SEED_H
#define MONITOR_COMMON_SEED_H

#include <stdint.h>

#define SEED_KEY   32 /* bytes */
#define SEED_NONCE 12
#define SEED_BLOCK 64

void seed_block(uint8_t block[SEED_BLOCK], const uint8_t key[SEED_KEY], uint32_t counter,
		const uint8_t nonce[SEED_NONCE]);

#endif
