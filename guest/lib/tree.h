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

/* The first node that is compatible with "arm,gic-v3-its"; addresses of buses are taken as they are. */
struct tree_its {
	bool found;
	uint64_t base;
	uint32_t phandle;
};
extern struct tree_its tree_its;

/*
 * The first "pci-host-ecam-generic": its configuration space, its window of 32-bit memory (as the
 * processor and as the bus address it), and its msi-map, whose rows are {requester ID, phandle of the
 * MSI controller, what the ID becomes there, how many}.
 */
#define TREE_MSI_ROWS 4
struct tree_pci {
	bool found;
	uint64_t ecam, ecam_size;
	uint64_t window, window_bus, window_size;
	uint32_t msi_map[TREE_MSI_ROWS][4];
};
extern struct tree_pci tree_pci;

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
