/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What the files of lib/vclint share: the structure, and times that several harts may write.
 */
#ifndef LIB_VCLINT_INTERNAL_H
#define LIB_VCLINT_INTERNAL_H

#include <carillon/vclint.h>

/*
 * A time of 64 bits. Where the host has no atomic access of that size, it is two halves, and a reader
 * may see one of them new and one old, as with two stores of 4 bytes on the real thing; its writer tells
 * the reader afterwards in any case (vclint_post()).
 */
typedef union {
	uint64_t whole;
	uint32_t half[2]; /* the lower one first */
} vtime_t;

#if __SIZEOF_POINTER__ == 8

static inline uint64_t time_load(const vtime_t *at)
{
	return __atomic_load_n(&at->whole, __ATOMIC_SEQ_CST);
}

static inline uint64_t time_load_relaxed(const vtime_t *at)
{
	return __atomic_load_n(&at->whole, __ATOMIC_RELAXED);
}

static inline void time_store(vtime_t *at, uint64_t value)
{
	__atomic_store_n(&at->whole, value, __ATOMIC_SEQ_CST);
}

static inline void time_store_relaxed(vtime_t *at, uint64_t value)
{
	__atomic_store_n(&at->whole, value, __ATOMIC_RELAXED);
}

/* Two that write a half each at the same time both succeed. */
static inline void time_store_half(vtime_t *at, bool upper, uint32_t value)
{
	uint64_t old = __atomic_load_n(&at->whole, __ATOMIC_RELAXED), new;

	do {
		new = upper ? (old & UINT32_MAX) | (uint64_t)value << 32
			    : (old & ~(uint64_t)UINT32_MAX) | value;
	} while (!__atomic_compare_exchange_n(&at->whole, &old, new, true, __ATOMIC_SEQ_CST,
					      __ATOMIC_RELAXED));
}

#else

static inline uint64_t time_load_relaxed(const vtime_t *at)
{
	uint64_t upper = __atomic_load_n(&at->half[1], __ATOMIC_RELAXED);

	return upper << 32 | __atomic_load_n(&at->half[0], __ATOMIC_RELAXED);
}

static inline uint64_t time_load(const vtime_t *at)
{
	uint64_t upper = __atomic_load_n(&at->half[1], __ATOMIC_SEQ_CST);

	return upper << 32 | __atomic_load_n(&at->half[0], __ATOMIC_SEQ_CST);
}

static inline void time_store_half(vtime_t *at, bool upper, uint32_t value)
{
	__atomic_store_n(&at->half[upper], value, __ATOMIC_SEQ_CST);
}

static inline void time_store(vtime_t *at, uint64_t value)
{
	time_store_half(at, false, (uint32_t)value);
	time_store_half(at, true, (uint32_t)(value >> 32));
}

static inline void time_store_relaxed(vtime_t *at, uint64_t value)
{
	__atomic_store_n(&at->half[0], (uint32_t)value, __ATOMIC_RELAXED);
	__atomic_store_n(&at->half[1], (uint32_t)(value >> 32), __ATOMIC_RELAXED);
}

#endif

struct vclint_hart {
	_Alignas(64) vtime_t deadline[VCLINT_DEADLINES]; /* VCLINT_FIRMWARE: any hart's to write */
	uint32_t msip;                                   /* atomic */
	uint32_t reasons;                                /* atomic */
};

struct vclint {
	struct vclint_config config;
	struct vclint_port port;
	void *host;
	struct vclint_hart hart[];
};

#endif
