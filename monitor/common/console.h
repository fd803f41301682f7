/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Output. The guest owns the UART once it runs: the hypervisor writes by polling, a line at a time.
 */
#ifndef MONITOR_COMMON_CONSOLE_H
#define MONITOR_COMMON_CONSOLE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

/* The PL011's registers; nothing is printed before it is known. */
void console_init(uint64_t base);

/* Formatted by picolibc, with the guest's FP registers put aside meanwhile. Cold code only. */
__attribute__((format(printf, 1, 2))) void print(const char *format, ...);
void vprint(const char *format, va_list arguments);

/* As print(), for what a guest can cause: at most LOG_LIMIT lines of a run. */
__attribute__((format(printf, 1, 2))) void print_limited(const char *format, ...);

/* After a crash nobody may be waited for. */
void console_break_lock(void);

#endif
