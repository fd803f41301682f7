/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The interrupt word: everything about an interrupt that CPUs race for, in one 64-bit atomic.
 * Facts (is it pending, who has to look at it) are pure functions of a word. word.md beside this
 * file is the table of transitions; IHI 0069 4.1 has the states themselves.
 */
#ifndef CARILLON_VGIC_WORD_H
#define CARILLON_VGIC_WORD_H

#include <stdbool.h>
#include <stdint.h>

/* What the guest configured and what sources said. */
#define W_ENABLED (1ull << 63)
#define W_LATCH   (1ull << 62) /* an edge, or software set it pending */
#define W_LINE    (1ull << 61) /* the level of the input */
#define W_LEVEL   (1ull << 60) /* configured level-sensitive */
#define W_ACTIVE  (1ull << 59)
#define W_GROUP1  (1ull << 58)

/* Where the interrupt is. */
#define W_QUEUED     (1ull << 57) /* in somebody's inbox, or on its way there; makes that single */
#define W_HELD       (1ull << 56) /* the holder has it in a queue or a list register */
#define W_IN_LR      (1ull << 55) /* in a live list register of the holder: that has the truth */
#define W_LR_PENDING (1ull << 54) /* it went in there as pending */

#define W_TAKEN (W_LATCH | W_LINE) /* what a list register takes of the pending state */

/* Requests about what a live list register holds: the fold takes them. */
#define W_RETRACT    (1ull << 53) /* the pending state that it took is void */
#define W_DEACTIVATE (1ull << 52) /* so is the active state */

/* Requests to who looks next. */
#define W_SYNC           (1ull << 51) /* somebody waits for that; see account() */
#define W_PHYSICAL       (1ull << 50) /* bring the mapped physical interrupt in line */
#define W_PHYSICAL_CLEAR (1ull << 49) /* its pending state was cleared by hand, too */

#define W_LR_REQUESTS (W_RETRACT | W_DEACTIVATE)
#define W_REQUESTS    (W_SYNC | W_PHYSICAL | W_PHYSICAL_CLEAR)

/* While active. */
#define W_DROPPED    (1ull << 37) /* its priority was dropped: only a deactivation is to come */
#define W_ACK_GROUP1 (1ull << 36) /* the group it was acknowledged in */

/* Of an LPI: its configuration is to be read. A bit of CPUID, which only a GICv2's SGIs have. */
#define W_CONFIG (1ull << 38)

/*
 * Of a PPI or SPI: not the guest's, divert.c. It is neither enabled nor active then, nor held by anybody. A
 * bit of CPUID, too.
 */
#define W_DIVERTED (1ull << 39)

/* Fields. A GICv2's SGI: LATCH is set while any source is. */
#define W_SOURCE_SHIFT   41 /* 8 bits: CPU interfaces whose SGI is pending */
#define W_CPUID_SHIFT    38 /* 3 bits: that of the one in a list register, or active */
#define W_PRIORITY_SHIFT 28 /* 8 bits */
#define W_ACK_SHIFT      20 /* 8 bits: the priority it was acknowledged with, while active */
#define W_HOLDER_SHIFT   10 /* 10 bits, with W_HELD */
#define W_TARGET_SHIFT   0  /* 10 bits */

#define W_SOURCES  (0xffull << W_SOURCE_SHIFT)
#define W_CPUID    (7ull << W_CPUID_SHIFT)
#define W_PRIORITY (0xffull << W_PRIORITY_SHIFT)
#define W_ACK      (0xffull << W_ACK_SHIFT)
#define W_HOLDER   (0x3ffull << W_HOLDER_SHIFT)
#define W_TARGET   (0x3ffull << W_TARGET_SHIFT)

#define TARGET_NONE 0x3ffu /* routed to an affinity that no vCPU has */

/*
 * No running interrupt has this priority (it never beats a priority mask), so it marks an
 * interrupt that software set active without an acknowledge.
 */
#define ACK_BY_HAND 0xffu

static inline unsigned word_priority(uint64_t w)
{
	return (unsigned)(w >> W_PRIORITY_SHIFT) & 0xff;
}

static inline unsigned word_ack(uint64_t w)
{
	return (unsigned)(w >> W_ACK_SHIFT) & 0xff;
}

static inline unsigned word_sources(uint64_t w)
{
	return (unsigned)(w >> W_SOURCE_SHIFT) & 0xff;
}

static inline unsigned word_cpuid(uint64_t w)
{
	return (unsigned)(w >> W_CPUID_SHIFT) & 7;
}

static inline unsigned word_holder(uint64_t w)
{
	return (unsigned)(w >> W_HOLDER_SHIFT) & 0x3ff;
}

static inline unsigned word_target(uint64_t w)
{
	return (unsigned)(w >> W_TARGET_SHIFT) & 0x3ff;
}

/* After the lowest pending source of a GICv2's SGI was taken, for a list register or the guest. */
static inline uint64_t word_take_source(uint64_t w)
{
	uint64_t source = (uint64_t)__builtin_ctz(word_sources(w));

	w &= ~(W_LATCH | W_CPUID | 1ull << (W_SOURCE_SHIFT + source));
	w |= source << W_CPUID_SHIFT;
	return w & W_SOURCES ? w | W_LATCH : w;
}

/* Pending outside list registers: the latch, or a level-sensitive input that is high. */
static inline bool word_pending(uint64_t w)
{
	return (w & W_LATCH) || (w & (W_LEVEL | W_LINE)) == (W_LEVEL | W_LINE);
}

/* Waiting to be delivered to its target, as far as the interrupt itself goes. */
static inline bool word_wanted(uint64_t w)
{
	return (w & W_ENABLED) && word_pending(w);
}

/* After a change: does some vCPU have to look at it? */
static inline bool word_needs_look(uint64_t w)
{
	if (w & W_HELD)
		return true;
	if (w & W_REQUESTS)
		return true;
	return (w & W_ACTIVE) || (word_target(w) != TARGET_NONE && word_wanted(w));
}

/* Which one. vCPU 0 has what is active, and does what is asked, of an interrupt that is nobody's. */
static inline unsigned word_looker(uint64_t w)
{
	if (w & W_HELD)
		return word_holder(w);
	return word_target(w) == TARGET_NONE ? 0 : word_target(w);
}

/*
 * Invariants, by name; word_valid() is asserted by tests and proofs.
 *   LR_IS_HELD     in a list register only as the holder's
 *   PENDING_IN_LR  LR_PENDING, and what is asked of a list register, only with IN_LR
 *   SOURCE_LATCHED SGI sources only with LATCH
 */
static inline bool word_valid(uint64_t w)
{
	if ((w & W_IN_LR) && !(w & W_HELD))
		return false;
	if ((w & W_SOURCES) && !(w & W_LATCH))
		return false;
	return !(w & (W_LR_PENDING | W_LR_REQUESTS)) || (w & W_IN_LR);
}

#endif
