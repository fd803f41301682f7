/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What the monitor does in the firmware's stead, and at devices in the payload's.
 */
#ifndef MONITOR_RISCV64_EMULATE_H
#define MONITOR_RISCV64_EMULATE_H

#include "board.h"

/* Addresses that are nobody's but the monitor's, and devices of which accesses are caught. */
void emulate_init(const struct board *board, uint64_t monitor);

extern struct range emulate_ours;

/*
 * The firmware's instruction at the pc, which has just been executed, so it can be read; but another hart
 * may have changed it since, so what follows half an instruction may be anything.
 */
static inline uint32_t emulate_fetch(uint64_t pc)
{
	uint32_t raw = *(const volatile uint16_t *)pc;

	if ((raw & 3) == 3 && pc + 2 - emulate_ours.start >= emulate_ours.size)
		raw |= (uint32_t) * (const volatile uint16_t *)(pc + 2) << 16;
	return raw;
}

/* It trapped as illegal. */
void emulate_privileged(struct hart *hart);

/* A load or store of the firmware's faulted with this cause. */
void emulate_access(struct hart *hart, uint64_t cause);

/* The same of the payload's: false, if it is no device of ours and nothing has changed. */
bool emulate_payload_access(struct hart *hart, uint64_t cause);

/* Pending interrupts as hart->v's functions want them. */
uint64_t pending(const struct hart *hart);

/* The firmware takes an exception; what the hart says of it, and its cause. */
void forward(struct hart *hart, uint64_t cause);

#endif
