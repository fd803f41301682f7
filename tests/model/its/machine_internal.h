/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What machine.c (vCPUs), access.c (registers, commands, messages) and whole.c share. */
#ifndef TESTS_MODEL_ITS_MACHINE_INTERNAL_H
#define TESTS_MODEL_ITS_MACHINE_INTERNAL_H

#include "machine.h"

void machine_fail(struct machine *m, const char *format, ...)
	__attribute__((noreturn, format(printf, 2, 3)));
int machine_library_begin(struct machine *m, int actor);
void machine_library_end(struct machine *m, int before);

void machine_exit(struct machine *m, unsigned v);
void machine_enter(struct machine *m, unsigned v);
void machine_back(struct machine *m, unsigned v);
void machine_load(struct machine *m, unsigned v);
void machine_out(struct machine *m, unsigned v);
bool machine_settled(const struct machine *m, unsigned v);
void machine_quiesce(struct machine *m);
void machine_setup_cpuif(struct machine *m, unsigned v);

/* access.c */
extern const struct vits_port machine_vits_port;
void machine_access(struct machine *m, unsigned v, const struct op *op);
void machine_retry(struct machine *m, unsigned v);
void access_do(struct machine *m, const struct op *op);
void access_compare(struct machine *m); /* at rest */
void access_check_table(struct machine *m, unsigned pe);
void access_setup_gicr(struct machine *m);
void access_setup_its(struct machine *m, unsigned n, unsigned what, unsigned page, bool indirect,
		      unsigned queue_pages);

/* whole.c */
void whole_build(struct machine *m);
void whole_do(struct machine *m, const struct op *op);

#endif
