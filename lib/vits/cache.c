/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The cache of translations: 2^cache_bits of them, in sets of WAYS. Messages read and fill it without
 * locks; commands take out what they changed. A look-up is in message.c.
 *
 * An entry is written by who made its `seq` odd. Messages do not wait for that: who finds it odd has a
 * miss, who does not get it does not insert.
 *
 * A message must not insert what a command has just changed. It remembers the entry's `seq`, and the
 * generation, before it reads the tables; cache_forget() moves the `seq` of every entry of the set on,
 * and cache_flush() the generation, after the tables have changed. So whoever still inserts has read the
 * tables as they are now, or inserts what is not found. tests/protocol/its.pml
 */
#include "internal.h"

void cache_init(struct vits *vits)
{
	uint32_t entries = 1u << vits->config.cache_bits;

	for (uint32_t i = 0; i < entries; i++)
		vits->cache[i] = (struct cached){ 0 };
}

/* All of it, with one store. Nobody else writes it: with the lock. */
void cache_flush(struct vits *vits)
{
	/* release: the tables before it; partner: the acquire in cache_place() */
	__atomic_store_n(&vits->generation, load_relaxed(&vits->generation) + 1, __ATOMIC_RELEASE);
}

/* Where nothing is, or in turn. */
static struct cached *victim(struct vits *vits, uint64_t pair, uint64_t generation)
{
	struct cached *set = set_of(vits, pair);

	for (unsigned i = 0; i < WAYS; i++) {
		if (load_relaxed(&set[i].generation) != generation)
			return &set[i];
	}
	return &set[load_relaxed(&vits->misses) % WAYS];
}

struct place cache_place(struct vits *vits, uint64_t pair)
{
	struct place place;

	/* acquire: the tables after it; partner: the release in cache_flush() */
	place.generation = __atomic_load_n(&vits->generation, __ATOMIC_ACQUIRE);
	place.entry = victim(vits, pair, place.generation);
	/* acquire: the same; partner: the release in cache_forget() */
	place.seq = __atomic_load_n(&place.entry->seq, __ATOMIC_ACQUIRE);
	if (place.seq & 1)
		place.entry = NULL;
	return place;
}

static bool entry_take(struct cached *entry, uint32_t seq)
{
	if (!__atomic_compare_exchange_n(&entry->seq, &seq, seq + 1, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED))
		return false;
	/* release: odd before anything is written; partner: the acquire in cache_find() */
	__atomic_thread_fence(__ATOMIC_RELEASE);
	return true;
}

void cache_insert(const struct place *place, uint64_t pair, const struct mapping *mapping)
{
	struct cached *entry = place->entry;

	if (!entry || !entry_take(entry, place->seq))
		return;
	store_relaxed(&entry->pair, pair);
	store_relaxed(&entry->generation, place->generation);
	store_relaxed(&entry->to, translation(mapping));
	/* release: all of it before it is even; partner: the acquire in cache_find() */
	__atomic_store_n(&entry->seq, place->seq + 2, __ATOMIC_RELEASE);
}

bool cache_forget(struct vits *vits, uint64_t pair)
{
	struct cached *set = set_of(vits, pair);

	for (unsigned i = 0; i < WAYS; i++) {
		uint32_t seq = load_relaxed(&set[i].seq);

		if ((seq & 1) || !entry_take(&set[i], seq))
			return false;
		if (load_relaxed(&set[i].pair) == pair)
			store_relaxed(&set[i].generation, 0);
		/* release: the tables, and this, before it; partner: the acquire in cache_place() */
		__atomic_store_n(&set[i].seq, seq + 2, __ATOMIC_RELEASE);
	}
	return true;
}
