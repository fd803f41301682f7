/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The two timers of EL1 (Arm ARM D11.2): the EL1 physical timer and the virtual timer. */
#ifndef GUEST_TIMER_H
#define GUEST_TIMER_H

#include "cpu.h"

#define TIMER_ENABLE  1u
#define TIMER_IMASK   2u
#define TIMER_ISTATUS 4u

#define TIMER_NEVER UINT64_MAX

struct timer {
	const char *name;
	unsigned intid;
	bool physical;
};

extern const struct timer timer_virtual, timer_physical;

uint64_t timer_counter(const struct timer *timer);
void timer_set(const struct timer *timer, uint64_t compare, unsigned control);
void timer_set_compare(const struct timer *timer, uint64_t compare);
void timer_set_value(const struct timer *timer, int32_t value);
void timer_control(const struct timer *timer, unsigned control);
unsigned timer_status(const struct timer *timer);
uint64_t timer_compare(const struct timer *timer);

#endif
