/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Other CPUs kept in a state in which something can be changed under them: running with interrupts
 * masked, so that what is meant for one stays signalled to it, or inside an interrupt's handler.
 */
#ifndef GUEST_HOLD_H
#define GUEST_HOLD_H

#include "cpu.h"

/* An idle CPU runs with interrupts masked when this returns. */
void hold_masked(unsigned cpu);
/* It unmasks, and takes what it then gets before this returns. */
void hold_unmask(unsigned cpu);

/* From now on this CPU stays in each of its handlers until it is let out; nobody is in one now. */
void hold_handlers(unsigned cpu);
/* How many handlers it has entered. */
unsigned hold_entered(void);
bool hold_wait_entered(unsigned n);
/* Out of the one it is in, or of the next. */
void hold_let_out(void);
/* No hook any more. */
void hold_no_handlers(void);

#endif
