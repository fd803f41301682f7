/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The physical UART; see uart.h.
 */
#include <stddef.h>
#include "uart.h"
#include "arch.h"

static uint8_t *registers;

void uart_init(uint64_t base)
{
	registers = (uint8_t *)base;
}

bool uart_exists(void)
{
	return registers != NULL;
}

uint32_t uart_read(unsigned offset)
{
	return mmio_read32(registers + offset);
}

void uart_write(unsigned offset, uint32_t value)
{
	mmio_write32(registers + offset, value);
}

void uart_relax(void)
{
	yield(1);
}

uint64_t uart_time(void)
{
	uint64_t per_millisecond = read_sysreg(cntfrq_el0) / 1000;

	return per_millisecond ? clock_ticks() / per_millisecond : 0;
}
