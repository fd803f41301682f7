/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The hypervisor's own messages, by polling. Where a guest has the physical UART to itself they come
 * between its bytes; else mux.h puts them on lines of their own.
 */
#ifndef MONITOR_COMMON_CONSOLE_H
#define MONITOR_COMMON_CONSOLE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "uart.h"

/* The PL011's registers; nothing is printed before it is known. */
void console_init(uint64_t base);

/*
 * Formatted by picolibc, with the guest's FP registers put aside meanwhile. Cold code only. What is
 * longer than PRINT_MAX is cut off and says so.
 */
#define PRINT_MAX 512
__attribute__((format(printf, 1, 2))) void print(const char *format, ...);
void vprint(const char *format, va_list arguments);

/*
 * As print(), for what a guest can cause: a bucket of LOG_BURST lines that fills by LOG_PER_SECOND.
 * What did not fit is counted, and the count is told before the next line that fits. One for each VM;
 * all zero is a full bucket.
 */
#define LOG_BURST      64
#define LOG_PER_SECOND 8

struct log_limit {
	const char *name; /* whose messages, for the count; NULL: nobody's in particular */
	unsigned locked;
	unsigned spent, lost;
	uint64_t filled; /* uart_time() up to which it is filled */
};

__attribute__((format(printf, 2, 3))) void print_limited_by(struct log_limit *limit,
							    const char *format, ...);

/* Where it ends up: text of the hypervisor's own; '\n' ends a line. mux.c, or the machine's. */
void console_write(const char *text, size_t length);

/* After a crash nobody may be waited for. */
void console_break_lock(void);

/* For what is short and never blocks; with interrupts masked, as the hypervisor always has them. */
static inline void spin_lock(unsigned *locked)
{
	/* acquire: partner is the release in spin_unlock() of the previous holder */
	while (__atomic_exchange_n(locked, 1, __ATOMIC_ACQUIRE))
		while (__atomic_load_n(locked, __ATOMIC_RELAXED))
			uart_relax();
}

static inline void spin_unlock(unsigned *locked)
{
	__atomic_store_n(locked, 0, __ATOMIC_RELEASE);
}

#endif
