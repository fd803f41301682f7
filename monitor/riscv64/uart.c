/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The monitor's own messages, on the machine's ns16550 or SiFive UART by polling. The firmware and its
 * payload have it to themselves, so they come between its bytes.
 */
#include <stddef.h>
#include "board.h"
#include "clint.h"
#include "csr.h"
#include "../common/console.h"

#define THR      0
#define LSR      5
#define LSR_THRE 0x20

/* SiFive's (FU540-C000 manual, "UART"). */
#define TXDATA      0
#define TXDATA_FULL (UINT32_C(1) << 31)
#define TXCTRL      8
#define TXCTRL_TXEN 1

bool uart_is_sifive;

static volatile uint8_t *registers;
static unsigned locked;

void uart_init(uint64_t base)
{
	registers = (volatile uint8_t *)base;
	if (base && uart_is_sifive)
		*(volatile uint32_t *)(base + TXCTRL) |= TXCTRL_TXEN;
}

static void put(char c)
{
	volatile uint32_t *data = (volatile uint32_t *)(registers + TXDATA);

	if (uart_is_sifive) {
		while (*data & TXDATA_FULL)
			;
		*data = (uint8_t)c;
		return;
	}
	while (!(registers[LSR] & LSR_THRE))
		;
	registers[THR] = (uint8_t)c;
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
		if (text[i] == '\n')
			put('\r');
		put(text[i]);
	}
	spin_unlock(&locked);
}
