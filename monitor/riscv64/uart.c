/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The monitor's own messages, on the machine's ns16550 by polling. The firmware and its payload have it
 * to themselves, so they come between its bytes.
 */
#include <stddef.h>
#include "clint.h"
#include "csr.h"
#include "../common/console.h"

#define THR      0
#define LSR      5
#define LSR_THRE 0x20

static volatile uint8_t *registers;
static unsigned locked;

void uart_init(uint64_t base)
{
	registers = (volatile uint8_t *)base;
}

bool uart_exists(void)
{
	return registers;
}

void uart_relax(void)
{
}

uint64_t uart_time(void)
{
	return clint_milliseconds();
}

void console_break_lock(void)
{
	locked = 0;
}

void console_write(const char *text, size_t length)
{
	if (!uart_exists())
		return;
	spin_lock(&locked);
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '\n') {
			while (!(registers[LSR] & LSR_THRE))
				;
			registers[THR] = '\r';
		}
		while (!(registers[LSR] & LSR_THRE))
			;
		registers[THR] = (uint8_t)text[i];
	}
	spin_unlock(&locked);
}
