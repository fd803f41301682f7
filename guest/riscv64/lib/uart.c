/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* ns16550 output, the SiFive test device, which ends the run, and tables of checks. */
#include "hart.h"
#include "tap.h"

/* It transmits when it is empty, always with room on this machine. */
void uart_put(char c)
{
	while (!(read8(UART_BASE + UART_LSR) & UART_LSR_THRE))
		;
	write8(UART_BASE + UART_THR, (uint8_t)c);
}

/* The lock is spun on: there is no event to wait for. */
void lock_wait(void)
{
}

void lock_wake(void)
{
}

void checks(const struct check *table, unsigned count, const char *reason)
{
	for (unsigned i = 0; i < count; i++) {
		if (reason)
			skip(table[i].name, reason);
		else
			ok(table[i].holds(), "%s", table[i].name);
	}
}

/* In any mode: a payload may end the run, too. */
static _Noreturn void end_run(uint32_t how)
{
	write32(TEST_DEVICE, how);
	for (;;)
		;
}

_Noreturn void finish(void)
{
	end_run(tap_end() ? TEST_FAIL | 1 << 16 : TEST_PASS);
}

_Noreturn void end_bailed_out(void)
{
	end_run(TEST_FAIL | 2 << 16);
}
