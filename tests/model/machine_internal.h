/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What machine.c (operations) and check.c (what must hold) share. */
#ifndef TESTS_MODEL_MACHINE_INTERNAL_H
#define TESTS_MODEL_MACHINE_INTERNAL_H

#include "machine.h"

void machine_fail(struct machine *m, const char *format, ...)
	__attribute__((noreturn, format(printf, 2, 3)));

uint32_t lr_mask(const struct machine *m);
void machine_exit(struct machine *m, unsigned v, bool aprs);
unsigned machine_enter(struct machine *m, unsigned v);
void machine_back(struct machine *m, unsigned v);
void machine_access(struct machine *m, unsigned v, const struct op *op);
void machine_retry(struct machine *m, unsigned v);
void machine_sample(struct machine *m, unsigned v);
void machine_load(struct machine *m, unsigned v);
void machine_put(struct machine *m, unsigned v);
void machine_deliver(struct machine *m, unsigned v);
void machine_maintenance(struct machine *m, unsigned v);
void machine_source(struct machine *m, int actor, unsigned v, unsigned intid, bool pulse,
		    bool level);
void machine_device(struct machine *m, unsigned v, unsigned intid, bool level);
void machine_take(struct machine *m, unsigned v, unsigned intid);

/* check.c */
bool machine_settled(const struct machine *m, unsigned v);
bool machine_anyone_unsettled(const struct machine *m);
bool machine_kicked_guest(const struct machine *m, unsigned but);
bool machine_stale_half(struct machine *m, unsigned v);
void machine_check(struct machine *m);   /* after every operation */
void machine_quiesce(struct machine *m); /* bring to rest, then compare */
void machine_compare(struct machine *m); /* every register of every interrupt, at rest */

#endif
