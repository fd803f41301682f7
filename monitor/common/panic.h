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

/* A line with an address of ours: where in the image, and in what function. */
void print_place(uint64_t at);

/* What the monitor of each architecture brings: more about this hart or CPU, and the end. */
void report_state(uint64_t frame, uint64_t sp);
__attribute__((noreturn)) void run_failed(const char *why);

/* The linker script's. */
extern char text_start[], text_end[];

#endif
