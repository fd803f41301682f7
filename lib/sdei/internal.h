/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The private structures of the SDEI dispatcher, and who may touch which field.
 *
 * A handler's state is one atomic word, changed by compare-and-swap: a raise, a dispatch and every call
 * meet there. Which handlers have to be looked at is kept beside it, a bit for each ("hint"), where the
 * vCPUs concerned find them in three loads. A hint is set after the word that deserves it was written, and
 * withdrawn before the word is looked at for the last time, so a word that can be delivered has its hint.
 */
#ifndef CARILLON_SDEI_INTERNAL_H
#define CARILLON_SDEI_INTERNAL_H

#include <carillon/sdei.h>

#include "../core/atomic.h"
#include "../core/lock.h"

/* A handler's word. */
#define H_REGISTERED   (1u << 0)
#define H_ENABLED      (1u << 1)
#define H_RUNNING      (1u << 2)
#define H_PENDING      (1u << 3)
#define H_ANY          (1u << 4) /* shared: RM_ANY */
#define H_RELATIVE     (1u << 5)
#define H_TARGET_SHIFT 8 /* 10 bits: the vCPU of a private one, and with RM_PE */
#define H_TARGET       (0x3ffu << H_TARGET_SHIFT)

#define H_STATUS (H_REGISTERED | H_ENABLED | H_RUNNING)

struct handler {
	uint32_t word; /* atomic */
	/*
	 * Written by EVENT_REGISTER, under the lock, while neither registered nor running; read by who set
	 * H_RUNNING.
	 */
	uint64_t entry, argument;
};

/* What is the same for all vCPUs. */
struct event {
	int32_t number;
	bool critical;
	bool slot;
	/* Of a slot: the interrupt that is bound, 0: none. Atomic; changed under the lock. */
	uint32_t virq;
};

enum { PRIVATE, SHARED, TYPES };
enum { NORMAL, CRITICAL, PRIORITIES };

/* An event as seen from a vCPU. */
struct instance {
	struct event *event;
	struct handler *handler;
	uint32_t vcpu; /* a private one's, and whose a shared bound one's interrupt is asked for */
	uint8_t type, index;
};

/* vCPU's state: why it cannot take what. Its owner's; others read it. */
#define PE_MASKED   1u
#define PE_NORMAL   2u /* a normal event's handler runs */
#define PE_CRITICAL 4u

struct interrupted {
	uint64_t x[18], pc, pstate;
};

/* x0 to x17. Unrolled, it is pairs of registers on arm64. */
static inline void registers_copy(uint64_t *restrict to, const uint64_t *restrict from)
{
#pragma GCC unroll 18
	for (unsigned i = 0; i < 18; i++)
		to[i] = from[i];
}

struct pe {
	uint32_t state;    /* atomic */
	uint64_t hints;    /* atomic: private events */
	uint64_t routed;   /* atomic: shared ones that are to come here */
	uint64_t diverted; /* private events whose interrupt is diverted here. Under the lock */
	/* The owner's, by priority. */
	struct instance running[PRIORITIES]; /* no handler: nothing runs */
	uint64_t held[TYPES]; /* pending again at once, and not announced before sdei_again() */
	struct interrupted context[PRIORITIES];
	struct sdei_stats stats; /* atomic, relaxed */
} __attribute__((aligned(64)));

#define OPEN_WORDS (SDEI_MAX_VCPUS / 64)

struct sdei {
	struct sdei_config config;
	struct sdei_port port;
	void *host;
	struct lock lock; /* registrations and bindings are made, and bindings undone, under it */
	unsigned count[TYPES];      /* events */
	unsigned first_slot[TYPES]; /* slots are the last ones */
	uint64_t critical[TYPES];   /* which events are */
	struct event event[TYPES][SDEI_MAX_EVENTS];
	uint64_t entry_sets, entry_keeps; /* of PSTATE */
	uint64_t any; /* atomic: hints of shared events that may come to any vCPU */
	/* Atomic: vCPUs that can take an event of that priority. Each changes its own bit. */
	uint64_t open[PRIORITIES][OPEN_WORDS];
	struct pe *pe;
	struct handler *private; /* count[PRIVATE] of each vCPU */
	struct handler *shared;
};

static inline uint32_t handler_word(const struct handler *handler)
{
	/* acquire: what was registered; partner: the release of sdei_register() */
	return __atomic_load_n(&handler->word, __ATOMIC_ACQUIRE);
}

/* acq_rel: a raiser's earlier stores are seen by the handler, an entry by who dispatches to it. */
static inline bool handler_cas(struct handler *handler, uint32_t *old, uint32_t now)
{
	return __atomic_compare_exchange_n(&handler->word, old, now, true, __ATOMIC_ACQ_REL,
					   __ATOMIC_ACQUIRE);
}

static inline bool word_deliverable(uint32_t word)
{
	return (word & (H_STATUS | H_PENDING)) == (H_REGISTERED | H_ENABLED | H_PENDING);
}

static inline unsigned word_target(uint32_t word)
{
	return (word & H_TARGET) >> H_TARGET_SHIFT;
}

static inline struct instance instance_at(struct sdei *sdei, unsigned vcpu, unsigned type,
					  unsigned index)
{
	return (struct instance){
		.event = &sdei->event[type][index],
		.handler = type == SHARED ? &sdei->shared[index]
					  : &sdei->private[vcpu * sdei->count[PRIVATE] + index],
		.vcpu = vcpu,
		.type = (uint8_t)type,
		.index = (uint8_t)index,
	};
}

static inline virq_t event_virq(const struct event *event)
{
	return load_relaxed(&event->virq);
}

/* A statistic, which only its owner changes. */
static inline void count(uint64_t *statistic)
{
	store_relaxed(statistic, load_relaxed(statistic) + 1);
}

/* sdei.c */
bool instance_find(struct sdei *sdei, unsigned vcpu, int32_t number, struct instance *instance);

/* dispatch.c */
void instance_announce(struct sdei *sdei, const struct instance *instance, uint32_t word);
void instance_withdraw(struct sdei *sdei, const struct instance *instance);
void instance_raise(struct sdei *sdei, const struct instance *instance);
int64_t instance_unregister(struct sdei *sdei, const struct instance *instance);
void pe_set_state(struct sdei *sdei, unsigned vcpu, uint32_t state);
void handler_end(struct sdei *sdei, unsigned vcpu, unsigned priority);
void handlers_end(struct sdei *sdei, unsigned vcpu);
uint64_t entry_pstate(const struct sdei *sdei, const struct sdei_frame *frame, uint64_t old);
void entry_prepare(struct sdei *sdei);
bool pstate_valid(const struct sdei *sdei, uint64_t pstate);

/* bind.c */
bool virq_is_private(virq_t virq);
int64_t interrupt_bind(struct sdei *sdei, unsigned vcpu, virq_t virq);
bool slot_release(struct sdei *sdei, unsigned type, unsigned index);
void slot_return(struct sdei *sdei, unsigned type, unsigned index);
void instance_route(struct sdei *sdei, const struct instance *instance, uint32_t word);
void slot_divert_again(struct sdei *sdei, unsigned vcpu, unsigned type, unsigned index);
int slot_divert_here(struct sdei *sdei, const struct instance *instance);

#endif
