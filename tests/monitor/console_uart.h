/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * A physical PL011 for tests of what drives one, behind the functions of monitor/common/uart.h:
 * interrupts by Arm DDI 0183G 3.4, and a line that moves when the test says so. Written apart from
 * monitor/common/pl011.c.
 */
#ifndef TESTS_MONITOR_CONSOLE_UART_H
#define TESTS_MONITOR_CONSOLE_UART_H

#include <stdlib.h>
#include <string.h>
#include "pl011.h"
#include "uart.h"

static struct {
	unsigned
		per_look; /* that many looks at the flags take as long as a character; 0: no time */
	unsigned looks;
	bool instant; /* the line takes everything at once, as an emulator's does */
	unsigned tx_count, rx_count, rx_first;
	uint32_t imsc, ris, cr, lcr_h, ifls, dmacr;
	uint32_t rx[32];
	uint64_t time;
	char out[1 << 16]; /* what went over the line */
	unsigned out_count;
	unsigned overflows; /* writes to a full FIFO, which are lost */
	unsigned polls;     /* looks at a full FIFO since it was not full */
	unsigned waits;     /* times that somebody polled until it was not */
	char fifo[32];
} line;

static void line_reset(void)
{
	memset(&line, 0, sizeof(line));
	line.instant = true;
	line.cr = 0x300;
}

static void line_byte_leaves(void)
{
	line.out[line.out_count++ % (sizeof(line.out) - 1)] = line.fifo[0];
	memmove(line.fifo, line.fifo + 1, sizeof(line.fifo) - 1);
	line.tx_count--;
	if (line.tx_count == 16) /* it passes through its level: half */
		line.ris |= 1u << 5;
}

/* Time passes for `bytes` characters. */
static void line_moves(unsigned bytes)
{
	while (bytes-- && line.tx_count)
		line_byte_leaves();
}

static bool line_interrupt(void)
{
	return line.ris & line.imsc;
}

/* A character arrives; what finds the FIFO full is lost. */
static void line_receives(uint32_t entry)
{
	if (line.rx_count == 32) {
		line.rx[(line.rx_first + 31) % 32] |= 1u << 11;
		return;
	}
	line.rx[(line.rx_first + line.rx_count++) % 32] = entry;
	if (line.rx_count == 4) /* an eighth */
		line.ris |= 1u << 4;
	line.ris |= 1u << 6; /* in time */
}

void uart_init(uint64_t base)
{
	(void)base;
}

bool uart_exists(void)
{
	return true;
}

static uint32_t line_flags(void)
{
	uint32_t flags = 0;

	if (line.per_look && ++line.looks % line.per_look == 0)
		line_moves(1);
	if (!line.tx_count)
		flags |= 1u << 7;
	else
		flags |= 1u << 3;
	if (line.tx_count == 32)
		flags |= 1u << 5;
	if (!line.rx_count)
		flags |= 1u << 4;
	/* Somebody who polls a full FIFO waits long enough for a character to leave. */
	if (line.tx_count == 32 && ++line.polls == 1000) {
		line.polls = 0;
		line.waits++;
		line_byte_leaves();
	}
	return flags;
}

static uint32_t line_data(void)
{
	uint32_t entry = line.rx[line.rx_first];

	if (!line.rx_count)
		abort(); /* nobody may read what is not there */
	line.rx_first = (line.rx_first + 1) % 32;
	line.rx_count--;
	if (line.rx_count < 4)
		line.ris &= ~(1u << 4);
	if (!line.rx_count)
		line.ris &= ~(1u << 6);
	return entry;
}

uint32_t uart_read(unsigned offset)
{
	switch (offset) {
	case 0x00:
		return line_data();
	case 0x18:
		return line_flags();
	case 0x2c:
		return line.lcr_h;
	case 0x30:
		return line.cr;
	default:
		abort();
	}
}

static void line_put(char byte)
{
	if (line.tx_count == 32) {
		line.overflows++;
		return;
	}
	line.fifo[line.tx_count++] = byte;
	if (line.tx_count > 16)
		line.ris &= ~(1u << 5);
	line.polls = 0;
	if (line.instant)
		line_moves(1);
}

void uart_write(unsigned offset, uint32_t value)
{
	switch (offset) {
	case 0x00:
		line_put((char)value);
		break;
	case 0x2c:
		if (line.cr & 1)
			abort(); /* 3.3.7: not while it is enabled */
		line.lcr_h = value;
		break;
	case 0x30:
		line.cr = value;
		break;
	case 0x34:
		line.ifls = value;
		break;
	case 0x38:
		line.imsc = value;
		break;
	case 0x44:
		line.ris &= ~value;
		break;
	case 0x48:
		line.dmacr = value;
		break;
	default:
		abort();
	}
}

void uart_relax(void)
{
}

uint64_t uart_time(void)
{
	return line.time;
}

#endif
