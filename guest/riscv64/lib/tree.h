/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What a firmware takes from its device tree (Devicetree specification, chapters 3 and 5). */
#ifndef GUEST_TREE_H
#define GUEST_TREE_H

#include <stdint.h>

struct tree {
	unsigned harts;        /* nodes /cpus/cpu@... */
	uint64_t monitor_base; /* of the first /reserved-memory/carillon... */
	uint64_t monitor_size; /* 0: the machine is bare */
};

extern struct tree tree;

/* All stays 0 without a tree. */
void tree_read(const void *device_tree);

#endif
