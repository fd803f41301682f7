/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The machine's side of the console: the registers of the physical PL011 (pl011.h has their names),
 * and the time. Tests on the host bring their own.
 */
#ifndef MONITOR_COMMON_UART_H
#define MONITOR_COMMON_UART_H

#include <stdbool.h>
#include <stdint.h>

void uart_init(uint64_t base);

/* False before uart_init(): nothing can be said yet. */
bool uart_exists(void);

uint32_t uart_read(unsigned offset);
void uart_write(unsigned offset, uint32_t value);

/* Somebody waits in a loop: whoever shares this CPU may get on. */
void uart_relax(void);

/* Milliseconds of a clock that all CPUs share. */
uint64_t uart_time(void);

#endif
