/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Output on the PL011 (DDI 0183), and what else tap.c needs of the machine. */
#include "cpu.h"
#include "psci.h"
#include "tap.h"
#include "uart.h"

#define FR_TX_FULL (1u << 5)
#define CR_ENABLE  0x301u /* UART, transmit and receive */

void uart_init(void)
{
	write32(UART_BASE + UART_IMSC, 0);
	write32(UART_BASE + UART_CR, CR_ENABLE);
}

void uart_put(char c)
{
	while (read32(UART_BASE + UART_FR) & FR_TX_FULL)
		;
	write32(UART_BASE + UART_DR, (uint8_t)c);
}

void lock_wait(void)
{
	wfe();
}

void lock_wake(void)
{
	sev();
}

_Noreturn void end_bailed_out(void)
{
	system_off();
}
