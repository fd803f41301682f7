/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Console on a PL011 (DDI 0183). Interrupts, speed and FIFOs are the guest's; only the data register
 * is written, when the FIFO has room.
 */
#include <stdio.h>
#include "console.h"
#include "../arm64/arch.h"

#define PL011_DR      0x00
#define PL011_FR      0x18
#define PL011_FR_TXFF (1u << 5)

#define LOG_LIMIT 64 /* lines that guests can make us print */

static uint8_t *uart;
static unsigned locked;
static unsigned limited;

void console_init(uint64_t base)
{
	uart = (uint8_t *)base;
}

static void put_byte(char byte)
{
	if (!uart)
		return;
	while (mmio_read32(uart + PL011_FR) & PL011_FR_TXFF)
		;
	mmio_write32(uart + PL011_DR, (uint8_t)byte);
}

static int put(char byte, FILE *file)
{
	(void)file;
	if (byte == '\n')
		put_byte('\r');
	put_byte(byte);
	return (unsigned char)byte;
}

static FILE console = FDEV_SETUP_STREAM(put, NULL, NULL, _FDEV_SETUP_WRITE);

static void lock(void)
{
	while (__atomic_exchange_n(&locked, 1, __ATOMIC_ACQUIRE))
		__asm__ volatile("yield");
}

static void unlock(void)
{
	__atomic_store_n(&locked, 0, __ATOMIC_RELEASE);
}

void console_break_lock(void)
{
	unlock();
}

void vprint(const char *format, va_list arguments)
{
	struct guest_fp fp;

	guest_fp_save(&fp);
	lock();
	vfprintf(&console, format, arguments);
	unlock();
	guest_fp_restore(&fp);
}

void print(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vprint(format, arguments);
	va_end(arguments);
}

void print_limited(const char *format, ...)
{
	unsigned line = __atomic_fetch_add(&limited, 1, __ATOMIC_RELAXED);
	va_list arguments;

	if (line >= LOG_LIMIT) {
		if (line > 2 * LOG_LIMIT)
			__atomic_store_n(&limited, LOG_LIMIT + 1, __ATOMIC_RELAXED);
		return;
	}
	va_start(arguments, format);
	vprint(format, arguments);
	va_end(arguments);
	if (line == LOG_LIMIT - 1)
		print("carillon: further messages about the guest's errors are left out\n");
}
