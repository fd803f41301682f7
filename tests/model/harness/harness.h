/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What harness.c, which is compiled with each model's machine.h and generate.h, needs to know of a
 * lockstep.
 */
#ifndef TESTS_MODEL_HARNESS_H
#define TESTS_MODEL_HARNESS_H

#include "generate.h"

#define LOCKSTEP_COUNTS 8

extern const struct lockstep {
	const char *program; /* its path, to play a failure again */
	double seconds;      /* of a run that nothing was said about */
	unsigned random;     /* how many times a fixed configuration's time random ones have */
	const struct lockstep_fixed {
		const char *name, *config;
	} * fixed;
	unsigned fixed_count;
	const char *counted[LOCKSTEP_COUNTS]; /* what lockstep_account() counts */
} lockstep;

/* A machine's life: `failed` does not come back. */
struct machine *lockstep_begin(const struct machine_config *config,
			       void (*failed)(const char *text));
/* False: no more operations. */
bool lockstep_step(const struct op *op);
void lockstep_end(void);
/* What has happened in it is added. */
void lockstep_account(unsigned long long counts[LOCKSTEP_COUNTS]);
/* How it stands, in lines that begin with "#", for --trace. */
void lockstep_show(void);

#endif
