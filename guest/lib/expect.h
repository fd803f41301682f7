/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What tests of LPIs expect to come, or not to come, and the devices that they map for it. */
#ifndef GUEST_EXPECT_H
#define GUEST_EXPECT_H

#include "its.h"

/* Has this CPU, and no other, taken the LPI so many times? Waits for it. */
bool lpi_taken(unsigned cpu, unsigned lpi, unsigned times);
/* All interrupts of all CPUs since the counts were cleared, spurious ones included. */
unsigned everything(void);
/* One result: after a while there has been nothing at all since the counts were cleared. */
bool nothing_comes(const char *what);
/* One result: the next INT arrives at this CPU, alone and once. Clears the counts. */
bool int_arrives(uint32_t device, uint32_t event, unsigned cpu, unsigned lpi, const char *what);
/* MAPD for 2 to the power `bits` events, and for each of them an LPI, enabled, and MAPTI. */
bool map_events(uint32_t device, unsigned bits, unsigned first_lpi, unsigned icid);
/* For a CPU with interrupts masked: the signal goes. */
bool wait_irq_gone(void);

#endif
