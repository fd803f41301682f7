/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Random operations for the SDEI lockstep's machine, and configurations as text. */
#ifndef TESTS_MODEL_SDEI_GENERATE_H
#define TESTS_MODEL_SDEI_GENERATE_H

#include "machine.h"

struct generator {
	const struct machine *machine;
	uint64_t random;
	unsigned mood; /* which kinds of operations this run prefers */
};

void generate_begin(struct generator *g, const struct machine *m, uint64_t seed);
struct op generate(struct generator *g);

struct machine_config generate_config(uint64_t seed);
/* "name=value,...": what is named changes, or (parse) differs from a default; false: no sense. */
bool generate_change_config(const char *text, struct machine_config *config);
bool generate_parse_config(const char *text, struct machine_config *config);
void generate_print_config(char *to, size_t size, const struct machine_config *config);

#endif
