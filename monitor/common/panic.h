/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The end of a run that cannot go on.
 */
#ifndef MONITOR_COMMON_PANIC_H
#define MONITOR_COMMON_PANIC_H

#include <stdbool.h>
#include <stdint.h>

/* A bug of the hypervisor, or a machine that it cannot run on. */
__attribute__((noreturn, format(printf, 1, 2))) void panic(const char *format, ...);

/* The name of the function that `at` is in, and the offset in it; NULL if it is not code of ours. */
const char *symbol_of(uint64_t at, uint64_t *offset);

/* Print the return addresses that the frame pointers from `frame` lead to, inside [low, high). */
void backtrace(uint64_t frame, uint64_t low, uint64_t high);

/* Hot code has no frame pointers: print what looks like a return address in the stack at [low, high). */
void stack_scan(uint64_t low, uint64_t high);

#endif
