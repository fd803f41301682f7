/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Results in the Test Anything Protocol, of guests of either architecture. What a passing test prints
 * holds nothing that varies.
 */
#ifndef GUEST_TAP_H
#define GUEST_TAP_H

#include <stdbool.h>

/* %s %c %u %d %x with l; nothing else. One lock keeps lines of several CPUs apart. */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* One result; returns `passed`. */
bool ok(bool passed, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* One result; on failure says what was found and what was wanted. */
bool is(unsigned long found, unsigned long wanted, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* One result that says what this machine has no use for, and why. */
void skip(const char *what, const char *why);
/* The plan line; none without a result. Returns how many failed. */
unsigned tap_end(void);
_Noreturn void bail_out(const char *reason);

/* What each architecture has for it: output, waiting for the lock and its end, the end of a run. */
void uart_put(char c);
void lock_wait(void);
void lock_wake(void);
_Noreturn void end_bailed_out(void);

/* Each image has one; it runs on CPU or hart 0, with the others idle. */
void guest_main(void);

#endif
