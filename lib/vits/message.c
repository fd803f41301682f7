/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Messages: the translation of a device's event, on any CPU, without locks; and how a command waits for
 * those that are under way. IHI 0069 5.1.
 *
 * A command that takes a mapping away must not clear, or move, the LPI while a message is about to raise
 * it. Messages count themselves in and out, in one of two counters, that which `slot` names. When a command
 * has changed tables and cache, it waits until it has seen each of the counters to be 0 once. That is
 * enough, and needs no look at `slot`:
 *
 *	message: count in;                       full barrier; read cache and tables; raise; count out
 *	command: change tables and cache; full barrier; read the counters
 *
 * If the command did not see a message that counted itself in, the message sees the change. If it did, it
 * looks again. A message that counted itself in before and has not counted itself out is in one of the
 * counters; when that was 0, it was gone.
 *
 * `slot` is only there so that both get to 0 while messages go on coming: those that start are sent to a
 * counter that has been 0 already, where they do not matter any more. One that read `slot` long ago may
 * still count itself into the other, which costs time and nothing else. A grace period changes `slot` once
 * at most, and mostly not at all: no message is under way. tests/protocol/its.pml
 */
#include "internal.h"

#define UNDER_WAY 0xffffu
#define COUNTED   0x10001u /* one more under way, one more that there has been */

/* The entry that has, or had, the pair. NULL: none. */
static inline const struct cached *way_of(const struct vits *vits, uint64_t pair)
{
	const struct cached *way = set_of(vits, pair);

	_Static_assert(WAYS == 4, "as many as are looked at");
	if (load_relaxed(&way->pair) != pair && load_relaxed(&(++way)->pair) != pair &&
	    load_relaxed(&(++way)->pair) != pair && load_relaxed(&(++way)->pair) != pair)
		return NULL;
	return way;
}

/* 0: it is not there. */
static inline uint64_t cache_find(const struct vits *vits, uint64_t pair)
{
	const struct cached *entry = way_of(vits, pair);
	uint64_t generation, to;
	uint32_t seq;

	if (!entry)
		return 0;
	/* acquire: what is read below is not older; partner: the releases in cache.c */
	seq = __atomic_load_n(&entry->seq, __ATOMIC_ACQUIRE);
	generation = load_relaxed(&entry->generation);
	to = load_relaxed(&entry->to);
	if (load_relaxed(&entry->pair) != pair || generation != load_relaxed(&vits->generation))
		return 0;
	/* acquire: nor newer; partner: the release fence in entry_take() */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return (seq & 1) || load_relaxed(&entry->seq) != seq ? 0 : to;
}

/* By walking the tables. While the ITS is disabled nothing is in the cache, so all come here. */
static __attribute__((noinline)) uint64_t walk(struct vits *vits, uint64_t pair)
{
	struct place place = cache_place(vits, pair);
	struct mapping mapping;

	if (!load_relaxed(&vits->enabled) ||
	    !event_find(vits, (uint32_t)(pair >> 32), (uint32_t)pair, &mapping))
		return 0;
	__atomic_fetch_add(&vits->misses, 1, __ATOMIC_RELAXED);
	cache_insert(&place, pair, &mapping);
	return translation(&mapping);
}

uint64_t translate(struct vits *vits, uint64_t pair)
{
	uint64_t to = cache_find(vits, pair);

	return to ? to : walk(vits, pair);
}

/* A collection that is not mapped is at a vCPU that there is not. */
static inline int deliver(struct vits *vits, struct vgic_cpu *self, uint64_t pair)
{
	uint64_t to = cache_find(vits, pair);
	int result = -VIRQ_ERR_RANGE;

	_Static_assert(NO_VCPU >= VGIC_MAX_VCPUS, "refused by vgic_lpi_raise()");
	if (to || (to = walk(vits, pair)))
		result = vgic_lpi_raise(vits->vgic, self,
					collection_vcpu(vits, (uint32_t)(to >> 32)), (virq_t)to);
	if (result)
		__atomic_fetch_add(&vits->ignored, 1, __ATOMIC_RELAXED);
	return result;
}

int vits_message(struct vits *vits, struct vgic_cpu *self, uint32_t device, uint32_t event)
{
	uint64_t *inside = &vits->inside[load_relaxed(&vits->slot)];
	int result;

	__atomic_fetch_add(inside, COUNTED, __ATOMIC_RELAXED);
	/* Full barrier between the count and all that is read; partner: grace_start() */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	result = deliver(vits, self, pair_of(device, event));
	/* release: it is raised before it is counted out; partner: the acquire in grace_over() */
	__atomic_fetch_sub(inside, 1, __ATOMIC_RELEASE);
	return result;
}

/* Tables and cache were changed. With the lock, as grace_over(). */
void grace_start(struct vits *vits)
{
	vits->work.drained = 0;
	/* Full barrier between the changes and the counters; partner: vits_message() */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* Is no message under way that started before grace_start()? */
bool grace_over(struct vits *vits)
{
	struct work *work = &vits->work;

	for (uint32_t i = 0; i < 2; i++) {
		/* acquire: what they raised is seen by what follows; partner: the release in vits_message() */
		if (!(__atomic_load_n(&vits->inside[i], __ATOMIC_ACQUIRE) & UNDER_WAY))
			work->drained |= (uint8_t)(1u << i);
	}
	if (work->drained == 1 || work->drained == 2)
		store_relaxed(&vits->slot, work->drained - 1u);
	return work->drained == 3;
}

uint64_t messages_so_far(const struct vits *vits)
{
	return (load_relaxed(&vits->inside[0]) >> 16) + (load_relaxed(&vits->inside[1]) >> 16);
}
