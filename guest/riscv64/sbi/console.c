/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* ns16550 output, and the end of the run by the SBI's system reset (specification 2.0, chapter 10). */
#include "device.h"
#include "sbi.h"
#include "tap.h"
#include "words.h"

#define SHUTDOWN       0
#define NO_REASON      0
#define SYSTEM_FAILURE 1

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

/* A storm ends by the legacy call, so that this has been tried, too. */
static _Noreturn void end_run(unsigned long reason)
{
	if (word_given("storm") && reason == NO_REASON)
		plain_call(LEGACY_SHUTDOWN, 0, 0);
	plain_call(EXT_SRST, 0, SHUTDOWN, reason);
	for (;;)
		;
}

_Noreturn void finish(void)
{
	end_run(tap_end() ? SYSTEM_FAILURE : NO_REASON);
}

_Noreturn void end_bailed_out(void)
{
	end_run(SYSTEM_FAILURE);
}
