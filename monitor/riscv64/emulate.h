/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What the monitor does in the firmware's stead, and at devices in the payload's.
 */
#ifndef MONITOR_RISCV64_EMULATE_H
#define MONITOR_RISCV64_EMULATE_H

#include "board.h"

/* Addresses that are nobody's but the monitor's, and devices of which accesses are caught. */
void emulate_init(const struct board *board, struct range monitor);

extern struct range emulate_ours;

/* 0 if that faults: vectors.S goes on behind an instruction in this section. */
static inline uint64_t emulate_fetch_half(uint64_t pc)
{
	uint64_t half = 0;

	__asm__ volatile(
		"1:\tlhu %0, (%1)\n\t"
		".pushsection .may_fault, \"a\"\n\t.balign 4\n\t.word 1b - .\n\t.popsection"
		: "+r"(half)
		: "r"(pc)
		: "memory");
	return half;
}

/*
 * The firmware's instruction at the pc, which has just been executed. But another hart may have changed it
 * since, or taken away what was there, so both halves may be anything, and nowhere.
 */
static inline uint32_t emulate_fetch(uint64_t pc)
{
	uint64_t raw = emulate_fetch_half(pc);

	if ((raw & 3) == 3 && !range_has(&emulate_ours, pc + 2))
		raw |= emulate_fetch_half(pc + 2) << 16;
	return (uint32_t)raw;
}

/* It trapped as illegal; `raw`: what emulate_fetch() gave. */
void emulate_privileged(struct hart *hart, uint32_t raw);

/* A load or store of the firmware's faulted with this cause. */
void emulate_access(struct hart *hart, uint64_t cause);

/* The same of the payload's: false, if it is no device of ours and nothing has changed. */
bool emulate_payload_access(struct hart *hart, uint64_t cause);

/* Pending interrupts as hart->v's functions want them. */
uint64_t pending(const struct hart *hart);

/* The firmware takes an exception; what the hart says of it, and its cause. */
void forward(struct hart *hart, uint64_t cause);

#endif
