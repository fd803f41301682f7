/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The Test Anything Protocol, of guests of either architecture. */
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>

#include "tap.h"

static atomic_uint lock;
static unsigned results, failures;

static void put_string(const char *s)
{
	while (*s)
		uart_put(*s++);
}

static void put_number(uint64_t value, unsigned base)
{
	char digits[20];
	unsigned n = 0;

	do {
		digits[n++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	while (n)
		uart_put(digits[--n]);
}

static void put_signed(int64_t value)
{
	if (value < 0)
		uart_put('-');
	put_number(value < 0 ? -(uint64_t)value : (uint64_t)value, 10);
}

static void put_format(const char *format, va_list *arguments)
{
	for (; *format; format++) {
		if (*format != '%') {
			uart_put(*format);
			continue;
		}
		bool wide = *++format == 'l';

		format += wide;
		if (*format == 's')
			put_string(va_arg(*arguments, const char *));
		else if (*format == 'c')
			uart_put((char)va_arg(*arguments, int));
		else if (*format == 'd')
			put_signed(wide ? va_arg(*arguments, long) : va_arg(*arguments, int));
		else
			put_number(wide ? va_arg(*arguments, unsigned long)
					: va_arg(*arguments, unsigned),
				   *format == 'x' ? 16 : 10);
	}
}

static void take_lock(void)
{
	while (atomic_exchange_explicit(&lock, 1, memory_order_acquire))
		lock_wait();
}

static void drop_lock(void)
{
	atomic_store_explicit(&lock, 0, memory_order_release);
	lock_wake();
}

void print(const char *format, ...)
{
	va_list arguments;

	take_lock();
	va_start(arguments, format);
	put_format(format, &arguments);
	va_end(arguments);
	drop_lock();
}

static void result(bool passed, const char *format, va_list *arguments)
{
	take_lock();
	failures += !passed;
	put_string(passed ? "ok " : "not ok ");
	put_number(++results, 10);
	put_string(" - ");
	put_format(format, arguments);
	uart_put('\n');
	drop_lock();
}

bool ok(bool passed, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	result(passed, format, &arguments);
	va_end(arguments);
	return passed;
}

bool is(unsigned long found, unsigned long wanted, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	result(found == wanted, format, &arguments);
	va_end(arguments);
	if (found != wanted)
		print("# found %lu (0x%lx), wanted %lu (0x%lx)\n", found, found, wanted, wanted);
	return found == wanted;
}

void skip(const char *what, const char *why)
{
	take_lock();
	put_string("ok ");
	put_number(++results, 10);
	put_string(" - ");
	put_string(what);
	put_string(" # SKIP ");
	put_string(why);
	uart_put('\n');
	drop_lock();
}

unsigned tap_end(void)
{
	if (results)
		print("1..%u\n", results);
	return failures;
}

/* The lock may be held by whoever failed. */
_Noreturn void bail_out(const char *reason)
{
	put_string("\nBail out! ");
	put_string(reason);
	uart_put('\n');
	end_bailed_out();
}
