/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The EL1 physical and virtual timers behind one interface (Arm ARM D11.2). */
#include "timer.h"

const struct timer timer_virtual = { "virtual timer", 27, false };
const struct timer timer_physical = { "physical timer", 30, true };

uint64_t timer_counter(const struct timer *timer)
{
	isb();
	return timer->physical ? read_sysreg(cntpct_el0) : read_sysreg(cntvct_el0);
}

void timer_control(const struct timer *timer, unsigned control)
{
	if (timer->physical)
		write_sysreg(cntp_ctl_el0, control);
	else
		write_sysreg(cntv_ctl_el0, control);
	isb();
}

void timer_set_compare(const struct timer *timer, uint64_t compare)
{
	if (timer->physical)
		write_sysreg(cntp_cval_el0, compare);
	else
		write_sysreg(cntv_cval_el0, compare);
	isb();
}

void timer_set_value(const struct timer *timer, int32_t value)
{
	if (timer->physical)
		write_sysreg(cntp_tval_el0, (uint32_t)value);
	else
		write_sysreg(cntv_tval_el0, (uint32_t)value);
	isb();
}

/* The compare value first: no interrupt from the old one. */
void timer_set(const struct timer *timer, uint64_t compare, unsigned control)
{
	timer_set_compare(timer, compare);
	timer_control(timer, control);
}

unsigned timer_status(const struct timer *timer)
{
	isb();
	return (unsigned)(timer->physical ? read_sysreg(cntp_ctl_el0) : read_sysreg(cntv_ctl_el0));
}

uint64_t timer_compare(const struct timer *timer)
{
	return timer->physical ? read_sysreg(cntp_cval_el0) : read_sysreg(cntv_cval_el0);
}
