/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * A spin lock for sections of a few dozen instructions, held with no hook that can block and never
 * two at a time. Contention is the exception: a vCPU's lock is its own CPU's, save for reset, put
 * and changes to a vCPU that is not loaded.
 */
#ifndef CARILLON_CORE_LOCK_H
#define CARILLON_CORE_LOCK_H

#include <stdint.h>

struct lock {
	uint32_t held; /* atomic */
};

static inline void lock_take(struct lock *lock)
{
	/* acquire: partner is the release in lock_drop() of the previous holder */
	while (__atomic_exchange_n(&lock->held, 1u, __ATOMIC_ACQUIRE))
		while (__atomic_load_n(&lock->held, __ATOMIC_RELAXED))
			;
}

static inline void lock_drop(struct lock *lock)
{
	__atomic_store_n(&lock->held, 0u, __ATOMIC_RELEASE);
}

#endif
