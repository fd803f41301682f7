/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Settling: the next word of an interrupt, from any word and anything that a list register said.
 *
 * with: vgic lr access v2 queue frames dir
 * quick: any_fold: fold_word: any word, any list register
 * quick: any_decision: decide: any word, any vCPU
 * quick: any_settling: next_word: any word, why, list register, vCPU
 * broken: any_fold settle.c s/W_LR_PENDING.|.W_LR_REQUESTS/W_LR_PENDING/: a fold that leaves requests
 * broken: any_decision settle.c s/w.|=.W_QUEUED;.*forward.*$/w|=0;/: a forward that is not queued
 * broken: any_settling settle.c s/~(W_QUEUED.|.W_REQUESTS);$/~W_REQUESTS;/: a drain that leaves QUEUED
 */
#define WORDS_IN_MEMORY
#include "proof.h"
#include "settle.c"

/* Not called here. */
uint64_t word_load(const struct vgic_irq *irq)
{
	return irq->word;
}

bool word_cas(struct vgic_irq *irq, uint64_t *expected, uint64_t desired)
{
	return library_word_cas(irq, expected, desired);
}

unsigned irq_hwirq(const struct vgic_irq *irq)
{
	return irq->hwirq;
}

void irq_post(struct vgic *vgic, struct vgic_vcpu *self, struct vgic_irq *irq, uint64_t w)
{
	library_irq_post(vgic, self, irq, w);
}

static struct folded any_folded(void)
{
	struct folded folded = {
		.active = nondet_bool(),
		.was_active = nondet_bool(),
		.dropped = nondet_bool(),
		.latch = nondet_bool(),
		.line = nondet_bool(),
		.source = nondet_u64() & W_SOURCES,
		.group1 = nondet_bool(),
		.ack = nondet_u8(),
	};

	return folded;
}

void any_fold(void)
{
	uint64_t w, now;
	struct folded folded = any_folded();

	any_vgic();
	w = any_word();
	now = fold_word(&folded, w);
	assert(word_valid(now), "word_valid");
	assert(!(now & (W_IN_LR | W_LR_PENDING | W_LR_REQUESTS)), "it is in no list register");
	assert((now ^ w) & W_HELD ? false : word_target(now) == word_target(w),
	       "HELD, target stay");
	assert(!((now ^ w) & (W_ENABLED | W_LEVEL | W_GROUP1 | W_PRIORITY | W_QUEUED | W_REQUESTS)),
	       "configuration, QUEUED and requests stay");
	if ((w & W_DEACTIVATE) && (!(w & W_ACTIVE) || folded.was_active))
		assert(!(now & W_ACTIVE), "a deactivation takes");
	if (w & W_RETRACT)
		assert((now & W_LATCH) == (w & W_LATCH), "what was retracted does not come back");
}

void any_decision(void)
{
	unsigned me = nondet_unsigned();
	uint64_t w, now;
	enum place place;

	any_vgic();
	assume(me < gic.config.vcpus);
	now = w = any_word() & ~(W_QUEUED | W_REQUESTS | W_LR_REQUESTS | W_IN_LR | W_LR_PENDING);
	place = decide(me, &now);
	assert(word_sound(now), "word_valid, IN_RANGE");
	assert((place == PLACE_NONE) || ((now & W_HELD) && word_holder(now) == me),
	       "in a queue only as the holder's");
	assert(place != PLACE_NONE || word_holder(now) != me || !(now & W_HELD),
	       "held only in a queue");
	/* NOT_LOST */
	if ((now & W_ENABLED) && word_pending(now) && !(now & W_ACTIVE) &&
	    word_target(now) != TARGET_NONE)
		assert((now & W_QUEUED) || ((now & W_HELD) && word_holder(now) == word_target(now)),
		       "NOT_LOST");
	assert(!((now ^ w) & ~(W_HELD | W_HOLDER | W_QUEUED)), "nothing else changes");
}

void any_settling(void)
{
	struct folded folded = any_folded();
	enum settle_why why = nondet_bool() ? FROM_INBOX : nondet_bool() ? FROM_LR : FROM_EOI;
	unsigned me = nondet_unsigned();
	uint64_t old, now;
	enum place place;

	any_vgic();
	assume(me < 1);
	old = any_word();
	/* word.md: what is folded is live here; a drain meets nothing that is live here; so does an end. */
	if (why == FROM_LR)
		assume((old & W_IN_LR) && word_holder(old) == me);
	else
		assume(!(old & W_IN_LR) || word_holder(old) != me);
	if (why == FROM_EOI)
		assume((old & W_HELD) && word_holder(old) == me && (old & W_ACTIVE));
	place = next_word(&vcpus[me], why, why == FROM_LR ? &folded : NULL, old, &now);
	assert(word_valid(now), "word_valid");
	assert(word_sound(now), "IN_RANGE, REQUESTS_QUEUED");
	assert(place == PLACE_NONE || ((now & W_HELD) && word_holder(now) == me),
	       "in a queue as the holder's");
	assert(place != PLACE_NONE || !(now & W_HELD) || word_holder(now) != me, "held in a queue");
	if (why == FROM_INBOX)
		assert(!(now & W_QUEUED) || (place == PLACE_NONE && word_needs_look(now)),
		       "QUEUED stays only for somebody else");
	else
		assert(!(old & W_QUEUED) || (now & W_QUEUED), "the drainer keeps its interrupt");
	if ((old & W_HELD) && word_holder(old) != me)
		assert((now & (W_HELD | W_HOLDER | W_IN_LR | W_LR_PENDING)) ==
			       (old & (W_HELD | W_HOLDER | W_IN_LR | W_LR_PENDING)),
		       "what another holds stays its");
	if ((now & W_ENABLED) && word_pending(now) && !(now & (W_ACTIVE | W_IN_LR)) &&
	    word_target(now) != TARGET_NONE)
		assert((now & W_QUEUED) || ((now & W_HELD) && word_holder(now) == word_target(now)),
		       "NOT_LOST");
}
