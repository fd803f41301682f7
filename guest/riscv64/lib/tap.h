/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Results, as on arm64; tables of checks, and the end of the run. */
#ifndef GUEST_RISCV64_TAP_H
#define GUEST_RISCV64_TAP_H

#include "../../lib/tap.h"

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

#endif
