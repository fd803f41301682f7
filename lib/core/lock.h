/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * A spin lock for what is done to a vCPU that is not loaded, and for its coming and going. Never
 * taken while a vCPU runs, so never on the path of an interrupt to a running one; never two at a
 * time, and no hook under it can block. Sources only try it, so that they may interrupt its holder:
 * vcpu_unlock().
 */
#ifndef CARILLON_CORE_LOCK_H
#define CARILLON_CORE_LOCK_H

#include <stdbool.h>
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

/* False: somebody has it. */
static inline bool lock_try(struct lock *lock)
{
	return !__atomic_exchange_n(&lock->held, 1u, __ATOMIC_ACQUIRE);
}

static inline void lock_drop(struct lock *lock)
{
	__atomic_store_n(&lock->held, 0u, __ATOMIC_RELEASE);
}

#endif
