/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Saved states are bytes, little-endian whatever the host is; *at moves on.
 */
#ifndef CARILLON_CORE_BYTES_H
#define CARILLON_CORE_BYTES_H

#include <stdint.h>

static inline void put(uint8_t **at, unsigned bytes, uint64_t value)
{
	for (; bytes; bytes--, value >>= 8)
		*(*at)++ = (uint8_t)value;
}

static inline uint64_t take(const uint8_t **at, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes; i++)
		value |= (uint64_t) * (*at)++ << 8 * i;
	return value;
}

#endif
