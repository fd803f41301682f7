/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What a guest takes from its device tree (Devicetree specification, chapter 5): the conduit of PSCI
 * and the words of its command line.
 */
#ifndef GUEST_TREE_H
#define GUEST_TREE_H

#include <stdbool.h>
#include <stdint.h>

/* Before the MMU is on. Without a tree: the conduit is HVC, there are no words. */
void tree_read(const void *device_tree);

extern bool tree_says_smc;

/*
 * A word "name=value" of the command line; the number is decimal or 0x..., and `missing` if there is
 * no such word.
 */
uint64_t option_number(const char *name, uint64_t missing);
/* Is there "name=value" with just this value? */
bool option_is(const char *name, const char *value);
/* Is there "name=" at all? */
bool option_given(const char *name);

#endif
