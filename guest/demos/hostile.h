/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What the storms of the demonstration "hostile" share: when one is over, random numbers, and the storms
 * against the ITS and PCI functions, which are in files of their own.
 */
#ifndef HOSTILE_H
#define HOSTILE_H

#include "cpu.h"

#define RAM_END_GIB \
	2 /* no guest of this board has memory from here to 4 GiB, unless it has more than 1 GiB */
#define HOLE      0x0b100000ul
#define HOLE_SIZE 0x00f00000ul

extern uint64_t storm_end;

/* Before the storm is over. */
static inline bool raging(void)
{
	return !counter_passed(storm_end);
}

static inline uint64_t random_number(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state >> 11;
}

static inline uint64_t seed_of(const struct cpu *me)
{
	return counter() << 8 | me->index | 1;
}

/* Is there an ITS, and are there LPIs? */
bool its_storm_can(void);
void its_storm(struct cpu *me);
interrupt_hook its_storm_hook;
void lpi_storm(struct cpu *me);

/* Are there PCI functions? */
bool pci_storm_can(void);
void pci_storm(struct cpu *me);

#endif
