/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * From an event that becomes pending to its handler's entry, and back. DEN0054 4.3.
 */
#include "internal.h"

/* --- Who can take what. ------------------------------------------------------------------------- */

static inline bool state_allows(uint32_t state, bool critical)
{
	return !(state & (PE_MASKED | PE_CRITICAL | (critical ? 0 : PE_NORMAL)));
}

/* Some vCPU that can take an event of this priority, if there is one. */
static void kick_any(struct sdei *sdei, unsigned priority)
{
	for (unsigned i = 0; i < OPEN_WORDS && 64 * i < sdei->config.vcpus; i++) {
		uint64_t open = load_relaxed(&sdei->open[priority][i]);

		if (open) {
			sdei->port.kick(sdei->host, 64 * i + (unsigned)__builtin_ctzll(open));
			return;
		}
	}
}

/*
 * The word of this instance is, or was a moment ago, `word`: if it can be delivered, have somebody do it.
 * Who cannot take it now looks for itself when it can again.
 */
void instance_announce(struct sdei *sdei, const struct instance *instance, uint32_t word)
{
	uint64_t bit = 1ull << instance->index;
	bool critical = instance->event->critical;
	struct pe *pe;

	if (!word_deliverable(word))
		return;
	if (instance->type == SHARED && (word & H_ANY)) {
		__atomic_fetch_or(&sdei->any, bit, __ATOMIC_RELEASE);
		/* Full barrier between hint and open; partner: pe_set_state(). */
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		kick_any(sdei, critical);
		return;
	}
	pe = &sdei->pe[word_target(word)];
	__atomic_fetch_or(instance->type == SHARED ? &pe->routed : &pe->hints, bit,
			  __ATOMIC_RELEASE);
	/* The same between hint and state. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (state_allows(load_relaxed(&pe->state), critical))
		sdei->port.kick(sdei->host, word_target(word));
}

static inline void hint_clear(uint64_t *hints, uint64_t bit)
{
	if (load_relaxed(hints) & bit)
		__atomic_fetch_and(hints, ~bit, __ATOMIC_RELAXED);
}

/*
 * Withdraw the hints of an instance that has been taken, or is not to be. Who made the word deliverable
 * meanwhile set its hint before this took it away, or after; the last look tells.
 */
void instance_withdraw(struct sdei *sdei, const struct instance *instance)
{
	uint64_t bit = 1ull << instance->index;
	uint32_t word = handler_word(instance->handler);

	if (instance->type == PRIVATE) {
		hint_clear(&sdei->pe[instance->vcpu].hints, bit);
	} else {
		hint_clear(&sdei->any, bit);
		hint_clear(&sdei->pe[instance->vcpu].routed, bit);
		hint_clear(&sdei->pe[word_target(word)].routed, bit);
	}
	/* Full barrier between hint and word; partner: handler_cas(), then the hint, of who announces. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	instance_announce(sdei, instance, handler_word(instance->handler));
}

/* The priorities whose events it can take: a bit for each. */
static inline unsigned open_in(uint32_t state)
{
	if (!state)
		return 1u << NORMAL | 1u << CRITICAL;
	return (unsigned)(state == PE_NORMAL) << CRITICAL;
}

static __attribute__((noinline)) void hand_over(struct sdei *sdei, unsigned closed)
{
	uint64_t any = load_relaxed(&sdei->any);

	if (closed & 1u << NORMAL && any & ~sdei->critical[SHARED])
		kick_any(sdei, NORMAL);
	if (closed & 1u << CRITICAL && any & sdei->critical[SHARED])
		kick_any(sdei, CRITICAL);
}

/*
 * The owner: masked, unmasked, a handler begins or ends. What any vCPU may take, and this one no longer
 * can, is another's; that one was not kicked if this one still looked able when it became pending.
 */
void pe_set_state(struct sdei *sdei, unsigned vcpu, uint32_t state)
{
	unsigned was = open_in(load_relaxed(&sdei->pe[vcpu].state)), now = open_in(state);
	uint64_t *open = &sdei->open[NORMAL][vcpu / 64], bit = 1ull << vcpu % 64;

	_Static_assert(NORMAL == 0 && CRITICAL == 1, "open_in(), and the order of the two sets");
	store_relaxed(&sdei->pe[vcpu].state, state);
	if ((was ^ now) & 1u << NORMAL)
		__atomic_fetch_xor(open, bit, __ATOMIC_RELAXED);
	if ((was ^ now) & 1u << CRITICAL)
		__atomic_fetch_xor(open + OPEN_WORDS, bit, __ATOMIC_RELAXED);
	/* Full barrier between state, open and hints; partner: instance_announce(). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (load_relaxed(&sdei->any))
		hand_over(sdei, was & ~now);
}

/* --- An event becomes pending. ------------------------------------------------------------------ */

void instance_raise(struct sdei *sdei, const struct instance *instance)
{
	/* release: what was written before is seen by the handler; partner: handler_cas() in take() */
	uint32_t word = __atomic_fetch_or(&instance->handler->word, H_PENDING, __ATOMIC_ACQ_REL);

	instance_announce(sdei, instance, word | H_PENDING);
}

__attribute__((flatten)) void sdei_interrupt(struct sdei *sdei, unsigned vcpu, virq_t virq)
{
	unsigned type = virq_is_private(virq) ? PRIVATE : SHARED;

	if (!virq || (type == PRIVATE && vcpu >= sdei->config.vcpus))
		return;
	for (unsigned i = sdei->first_slot[type]; i < sdei->count[type]; i++) {
		struct instance instance = instance_at(sdei, vcpu, type, i);

		if (event_virq(instance.event) != virq)
			continue;
		instance_raise(sdei, &instance);
		return;
	}
}

/* --- To the handler. ---------------------------------------------------------------------------- */

static inline uint64_t hints_of(const struct sdei *sdei, const struct pe *pe, unsigned type)
{
	if (type == PRIVATE)
		return load_relaxed(&pe->hints);
	return load_relaxed(&pe->routed) | load_relaxed(&sdei->any);
}

bool sdei_pending(const struct sdei *sdei, unsigned vcpu)
{
	const struct pe *pe = &sdei->pe[vcpu];
	uint64_t private = hints_of(sdei, pe, PRIVATE), shared = hints_of(sdei, pe, SHARED);
	uint32_t state;

	if (!(private | shared))
		return false;
	state = load_relaxed(&pe->state);
	if (state_allows(state, false))
		return true;
	return state_allows(state, true) &&
	       ((private & sdei->critical[PRIVATE]) | (shared & sdei->critical[SHARED]));
}

static inline bool is_for(const struct instance *instance, uint32_t word)
{
	return word_deliverable(word) && ((instance->type == SHARED && (word & H_ANY)) ||
					  word_target(word) == instance->vcpu);
}

/*
 * Is a bound interrupt still pending? The bit is cleared before that is looked at: who makes it pending
 * afterwards sets the bit again.
 */
static bool still_pending(struct sdei *sdei, const struct instance *instance, virq_t virq)
{
	__atomic_fetch_and(&instance->handler->word, ~H_PENDING, __ATOMIC_ACQ_REL);
	if (!sdei->port.irq_pending(sdei->host, instance->vcpu, virq))
		return false;
	__atomic_fetch_or(&instance->handler->word, H_PENDING, __ATOMIC_ACQ_REL);
	return true;
}

/*
 * Make it this vCPU's to handle, if it is to be delivered, and here. Its word as it was; 0: it is not.
 * While it runs nobody announces it: its hints, which led here, go without a second look.
 */
static inline uint32_t take(struct sdei *sdei, const struct instance *instance)
{
	uint64_t bit = 1ull << instance->index;
	virq_t virq = event_virq(instance->event);
	uint32_t old = handler_word(instance->handler);

	if (virq && is_for(instance, old) && !still_pending(sdei, instance, virq))
		return 0;
	do {
		if (!is_for(instance, old))
			return 0;
	} while (!handler_cas(instance->handler, &old, (old & ~H_PENDING) | H_RUNNING));
	if (virq)
		sdei->port.irq_take(sdei->host, instance->vcpu, virq);
	if (instance->type == PRIVATE) {
		__atomic_fetch_and(&sdei->pe[instance->vcpu].hints, ~bit, __ATOMIC_RELAXED);
	} else {
		hint_clear(&sdei->any, bit);
		hint_clear(&sdei->pe[instance->vcpu].routed, bit);
	}
	return old;
}

/* The best one of what is hinted at, in the order that sdei_enter() promises. False: nothing. */
static inline bool best(struct sdei *sdei, unsigned vcpu, struct instance *instance)
{
	const struct pe *pe = &sdei->pe[vcpu];
	uint64_t private = hints_of(sdei, pe, PRIVATE), shared = hints_of(sdei, pe, SHARED);
	uint64_t urgent = private & sdei->critical[PRIVATE];
	uint64_t urgent_shared = shared & sdei->critical[SHARED];
	uint32_t state = load_relaxed(&pe->state);

	if (urgent | urgent_shared) {
		private = urgent;
		shared = urgent_shared;
	}
	if (!state_allows(state, urgent | urgent_shared) || !(private | shared))
		return false;
	if (private)
		*instance = instance_at(sdei, vcpu, PRIVATE, (unsigned)__builtin_ctzll(private));
	else
		*instance = instance_at(sdei, vcpu, SHARED, (unsigned)__builtin_ctzll(shared));
	return true;
}

#define PSR_EL1H    5ull
#define PSR_DAIF    (0xfull << 6)
#define PSR_AARCH32 (1ull << 4)
#define PSR_BTYPE   (3ull << 10)
#define PSR_SSBS    (1ull << 12)
#define PSR_ALLINT  (1ull << 13)
#define PSR_IL      (1ull << 20)
#define PSR_SS      (1ull << 21)
#define PSR_PAN     (1ull << 22)
#define PSR_UAO     (1ull << 23)
#define PSR_DIT     (1ull << 24)
#define PSR_TCO     (1ull << 25)
#define PSR_NZCV    (0xfull << 28)
#define PSR_PM      (1ull << 32)
#define PSR_PPEND   (1ull << 33)
#define PSR_EXLOCK  (1ull << 34)

/* What only AArch32 has: E; GE; IT; T; Q. And SSBS is where AArch64 has UAO. */
#define PSR32_OTHERS \
	(1ull << 9 | 0xfull << 16 | 0x3full << 10 | 3ull << 25 | 1ull << 5 | 1ull << 27)
#define PSR32_SSBS (1ull << 23)

#define SCTLR_SPAN      (1ull << 23)
#define SCTLR_DSSBS     (1ull << 44)
#define SCTLR_SPINTMASK (1ull << 62)
#define GCSCR_EXLOCKEN  (1ull << 6)

static bool has(const struct sdei *sdei, uint32_t feature)
{
	return sdei->config.features & feature;
}

/*
 * PSTATE after an exception to EL1 from `old`, which is an SPSR: built bit by bit, since one from AArch32
 * has others in the same places. NZCV, PAN and DIT are in the same ones. DDI 0487, AArch64.TakeException().
 */
uint64_t entry_pstate(const struct sdei *sdei, const struct sdei_frame *frame, uint64_t old)
{
	uint64_t pstate = sdei->entry_sets | (old & sdei->entry_keeps);
	uint32_t features = sdei->config.features;

	if (features & SDEI_HAS_PAN && !(frame->sctlr_el1 & SCTLR_SPAN))
		pstate |= PSR_PAN;
	if (features & SDEI_HAS_SSBS && frame->sctlr_el1 & SCTLR_DSSBS)
		pstate |= PSR_SSBS;
	if (features & SDEI_HAS_NMI && !(frame->sctlr_el1 & SCTLR_SPINTMASK))
		pstate |= PSR_ALLINT;
	if (features & SDEI_HAS_GCS && frame->gcscr_el1 & GCSCR_EXLOCKEN && !(old & PSR_AARCH32) &&
	    (old & 0xc) == 4)
		pstate |= PSR_EXLOCK;
	return pstate;
}

/* What of that is the same each time. */
void entry_prepare(struct sdei *sdei)
{
	sdei->entry_sets = PSR_EL1H | PSR_DAIF | (has(sdei, SDEI_HAS_MTE) ? PSR_TCO : 0) |
			   (has(sdei, SDEI_HAS_EBEP) ? PSR_PM : 0);
	sdei->entry_keeps = PSR_NZCV | (has(sdei, SDEI_HAS_PAN) ? PSR_PAN : 0) |
			    (has(sdei, SDEI_HAS_DIT) ? PSR_DIT : 0);
}

static const struct {
	uint32_t feature;
	uint64_t bits;
} feature_bits[] = {
	{ SDEI_HAS_PAN, PSR_PAN },    { SDEI_HAS_UAO, PSR_UAO },
	{ SDEI_HAS_DIT, PSR_DIT },    { SDEI_HAS_SSBS, PSR_SSBS },
	{ SDEI_HAS_MTE, PSR_TCO },    { SDEI_HAS_BTI, PSR_BTYPE },
	{ SDEI_HAS_NMI, PSR_ALLINT }, { SDEI_HAS_EBEP, PSR_PM | PSR_PPEND },
	{ SDEI_HAS_GCS, PSR_EXLOCK },
};

/* Can a guest of this configuration have been interrupted in this state? EL0, or EL1 in AArch64. */
bool pstate_valid(const struct sdei *sdei, uint64_t pstate)
{
	uint64_t bits = PSR_NZCV | PSR_DAIF | PSR_SS | PSR_IL;

	if (pstate & PSR_AARCH32) {
		bits = (bits & ~(1ull << 9)) | PSR32_OTHERS | PSR_AARCH32;
		bits |= has(sdei, SDEI_HAS_PAN) ? PSR_PAN : 0;
		bits |= has(sdei, SDEI_HAS_DIT) ? PSR_DIT : 0;
		bits |= has(sdei, SDEI_HAS_SSBS) ? PSR32_SSBS : 0;
		return has(sdei, SDEI_HAS_AARCH32) && !(pstate & ~bits);
	}
	for (unsigned i = 0; i < sizeof(feature_bits) / sizeof(feature_bits[0]); i++)
		if (has(sdei, feature_bits[i].feature))
			bits |= feature_bits[i].bits;
	if (pstate & ~(bits | 0xf))
		return false;
	return (pstate & 0xf) == 0 || (pstate & 0xf) == 4 || (pstate & 0xf) == PSR_EL1H;
}

static void context_save(struct interrupted *context, const struct sdei_frame *frame)
{
	registers_copy(context->x, frame->x);
	context->pc = frame->pc;
	context->pstate = frame->pstate;
}

/* How often a hint may turn out to be wrong in one go. Who sets them anew meanwhile pays for that. */
#define TRIES (2 * SDEI_MAX_EVENTS)

__attribute__((flatten)) bool sdei_enter(struct sdei *sdei, unsigned vcpu, struct sdei_frame *frame)
{
	struct pe *pe = &sdei->pe[vcpu];
	struct instance instance;
	unsigned critical;
	uint32_t word;

	for (unsigned tries = TRIES;; tries--) {
		if (!tries || !best(sdei, vcpu, &instance))
			return false;
		word = take(sdei, &instance);
		if (word)
			break;
		instance_withdraw(sdei, &instance);
	}
	critical = instance.event->critical;
	pe->running[critical] = instance;
	context_save(&pe->context[critical], frame);
	count(critical ? &pe->stats.critical : &pe->stats.normal);
	pe_set_state(sdei, vcpu, load_relaxed(&pe->state) | (critical ? PE_CRITICAL : PE_NORMAL));

	frame->x[0] = (uint32_t)instance.event->number;
	frame->x[1] = instance.handler->argument;
	frame->x[2] = frame->pc;
	frame->x[3] = frame->pstate;
	frame->pc = instance.handler->entry + (word & H_RELATIVE ? frame->vbar_el1 : 0);
	frame->pstate = entry_pstate(sdei, frame, frame->pstate);
	return true;
}

/* --- And back. ---------------------------------------------------------------------------------- */

/* What runs at this priority is over. A bound interrupt is inactive from now on, and may be pending again. */
void handler_end(struct sdei *sdei, unsigned vcpu, unsigned priority)
{
	struct pe *pe = &sdei->pe[vcpu];
	struct instance instance = pe->running[priority];
	virq_t virq = event_virq(instance.event);
	bool again = virq && sdei->port.irq_end(sdei->host, vcpu, virq);
	uint32_t old = handler_word(instance.handler), now;

	pe->running[priority].handler = NULL;
	do {
		now = old & H_REGISTERED ? old & ~H_RUNNING : 0;
		if (now && again)
			now |= H_PENDING;
	} while (!handler_cas(instance.handler, &old, now));
	if (!again || !word_deliverable(now) || !sdei->port.later) {
		instance_announce(sdei, &instance, now);
		return;
	}
	pe->held[instance.type] |= 1ull << instance.index;
	sdei->port.later(sdei->host, vcpu);
}

void sdei_again(struct sdei *sdei, unsigned vcpu)
{
	struct pe *pe = &sdei->pe[vcpu];

	for (unsigned type = 0; type < TYPES; type++)
		for (; pe->held[type]; pe->held[type] &= pe->held[type] - 1) {
			struct instance instance = instance_at(
				sdei, vcpu, type, (unsigned)__builtin_ctzll(pe->held[type]));

			instance_announce(sdei, &instance, handler_word(instance.handler));
		}
}

/* Power is lost: masked, and no handler runs any more. */
void handlers_end(struct sdei *sdei, unsigned vcpu)
{
	uint32_t state = load_relaxed(&sdei->pe[vcpu].state);

	pe_set_state(sdei, vcpu, PE_MASKED);
	if (state & PE_CRITICAL)
		handler_end(sdei, vcpu, CRITICAL);
	if (state & PE_NORMAL)
		handler_end(sdei, vcpu, NORMAL);
	sdei_again(sdei, vcpu);
}

/* 0; SDEI_PENDING: it runs, and is unregistered when it ends; SDEI_DENIED: it is not registered. */
int64_t instance_unregister(struct sdei *sdei, const struct instance *instance)
{
	uint32_t old = handler_word(instance->handler), now;

	do {
		if (!(old & (H_REGISTERED | H_RUNNING)))
			return SDEI_DENIED;
		now = old & H_RUNNING ? old & ~(H_REGISTERED | H_ENABLED | H_PENDING) : 0;
	} while (!handler_cas(instance->handler, &old, now));
	if (word_deliverable(old))
		instance_withdraw(sdei, instance);
	return old & H_RUNNING ? SDEI_PENDING : SDEI_SUCCESS;
}

static void privates_unregister(struct sdei *sdei, unsigned vcpu)
{
	for (unsigned i = 0; i < sdei->count[PRIVATE]; i++) {
		struct instance instance = instance_at(sdei, vcpu, PRIVATE, i);

		/* Pending or not: a raise of one that is not registered waits for a registration. */
		__atomic_store_n(&instance.handler->word, 0, __ATOMIC_RELEASE);
	}
	store_relaxed(&sdei->pe[vcpu].hints, 0);
}

void sdei_cpu_on(struct sdei *sdei, unsigned vcpu)
{
	handlers_end(sdei, vcpu);
	privates_unregister(sdei, vcpu);
}

void sdei_cpu_off(struct sdei *sdei, unsigned vcpu)
{
	sdei_cpu_on(sdei, vcpu);
}

void sdei_cpu_suspended(struct sdei *sdei, unsigned vcpu)
{
	handlers_end(sdei, vcpu);
}
