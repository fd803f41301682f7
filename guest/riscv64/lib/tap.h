/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Output on the UART, results in the Test Anything Protocol, and the end of the run. What a passing
 * test prints holds nothing that varies.
 */
#ifndef GUEST_TAP_H
#define GUEST_TAP_H

#include <stdbool.h>

/* %s %c %u %d %x with l; nothing else. One lock keeps lines of several harts apart. */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* One result; returns `passed`. */
bool ok(bool passed, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* One result; on failure says what was found and what was wanted. */
bool is(unsigned long found, unsigned long wanted, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* One result that says what this machine has no use for, and why. */
void skip(const char *what, const char *why);

/*
 * A table of checks that need something which not every hart or machine has: one result each. With
 * a reason all are skipped, so that the number of results never depends on it. Reasons begin with
 * "hart: " or "machine: ": what one machine has, the other need not have.
 */
struct check {
	const char *name;
	bool (*holds)(void);
};

void checks(const struct check *table, unsigned count, const char *reason);
#define CHECKS(table, reason) checks(table, sizeof(table) / sizeof((table)[0]), reason)

/* Prints the plan and ends the run. */
_Noreturn void finish(void);
_Noreturn void bail_out(const char *reason);

/* Each image has one; it runs on hart 0, with the others idle. */
void guest_main(void);

#endif
