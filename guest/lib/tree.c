/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The device tree is read once, before the MMU is on, and what is wanted of it copied: the "method"
 * property of the PSCI node and the "bootargs" of /chosen, the only properties of these names on this
 * board, and of the ITS and the PCI host bridge where they are.
 */
#include <stddef.h>

#include "tree.h"

#define FDT_MAGIC      0xd00dfeedu
#define FDT_BEGIN_NODE 1u
#define FDT_END_NODE   2u
#define FDT_PROPERTY   3u
#define FDT_NOP        4u

#define MAX_DEPTH 16

#define PCI_SPACE        0x03000000u /* in the first cell of a PCI address */
#define PCI_SPACE_MEMORY 0x02000000u /* addressed by 32 bits */

bool tree_says_smc;
struct tree_its tree_its;
struct tree_pci tree_pci;
static char words[512];

static uint32_t big_endian(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static bool same(const uint8_t *a, const char *b)
{
	while (*b && *a == (uint8_t)*b) {
		a++;
		b++;
	}
	return *a == (uint8_t)*b;
}

static const uint8_t *after_name(const uint8_t *at)
{
	while (*at)
		at++;
	return (const uint8_t *)(((uintptr_t)at + 4) & ~(uintptr_t)3);
}

static void copy_words(const uint8_t *from, uint32_t length)
{
	for (uint32_t i = 0; i < length && i < sizeof(words) - 1; i++)
		words[i] = (char)from[i];
}

struct property {
	const uint8_t *value;
	uint32_t length;
};

/* A node's own properties come before its children: with its first child, or its end, they are all known. */
static struct {
	struct property compatible, reg, ranges, msi_map, phandle;
} node;

/* #address-cells and #size-cells of the nodes above, for their children. */
static struct cells {
	uint32_t address, size;
} cells[MAX_DEPTH];

static uint64_t number(const uint8_t *at, uint32_t length)
{
	uint64_t value = 0;

	for (; length; length--, at += 4)
		value = value << 32 | big_endian(at);
	return value;
}

static bool is_compatible(const char *what)
{
	const uint8_t *at = node.compatible.value;
	const uint8_t *end = at + node.compatible.length;

	while (at && at < end) {
		if (same(at, what))
			return true;
		while (*at++)
			;
	}
	return false;
}

static bool has_reg(const struct cells *parent)
{
	return node.reg.length >= 4 * (parent->address + parent->size);
}

static void take_its(const struct cells *parent)
{
	tree_its.found = true;
	tree_its.base = number(node.reg.value, parent->address);
	if (node.phandle.length == 4)
		tree_its.phandle = big_endian(node.phandle.value);
}

/* A row of ranges: address on the bus (3 cells), address above, size (2 cells). */
static void take_window(const struct cells *parent)
{
	uint32_t row = 4 * (5 + parent->address);

	for (uint32_t at = 0; at + row <= node.ranges.length; at += row) {
		const uint8_t *cell = node.ranges.value + at;

		if ((big_endian(cell) & PCI_SPACE) != PCI_SPACE_MEMORY || tree_pci.window_size)
			continue;
		tree_pci.window_bus = number(cell + 4, 2);
		tree_pci.window = number(cell + 12, parent->address);
		tree_pci.window_size = number(cell + 12 + 4 * parent->address, 2);
	}
}

static void take_pci(const struct cells *parent)
{
	tree_pci.found = true;
	tree_pci.ecam = number(node.reg.value, parent->address);
	tree_pci.ecam_size = number(node.reg.value + 4 * parent->address, parent->size);
	take_window(parent);
	for (uint32_t i = 0; i < TREE_MSI_ROWS * 4 && 4 * i + 4 <= node.msi_map.length; i++)
		tree_pci.msi_map[i / 4][i % 4] = big_endian(node.msi_map.value + 4 * i);
}

static void take_node(const struct cells *parent)
{
	if (!has_reg(parent))
		return;
	if (!tree_its.found && is_compatible("arm,gic-v3-its"))
		take_its(parent);
	else if (!tree_pci.found && is_compatible("pci-host-ecam-generic"))
		take_pci(parent);
}

static void take_property(const uint8_t *name, struct property property, struct cells *own)
{
	const uint8_t *value = property.value;

	if (same(name, "method"))
		tree_says_smc = same(value, "smc");
	else if (same(name, "bootargs"))
		copy_words(value, property.length);
	else if (same(name, "#address-cells"))
		own->address = big_endian(value);
	else if (same(name, "#size-cells"))
		own->size = big_endian(value);
	else if (same(name, "compatible"))
		node.compatible = property;
	else if (same(name, "reg"))
		node.reg = property;
	else if (same(name, "ranges"))
		node.ranges = property;
	else if (same(name, "msi-map"))
		node.msi_map = property;
	else if (same(name, "phandle"))
		node.phandle = property;
}

static void clear_node(void)
{
	const struct property none = { NULL, 0 };

	node.compatible = none;
	node.reg = none;
	node.ranges = none;
	node.msi_map = none;
	node.phandle = none;
}

static void end_of_properties(unsigned depth)
{
	if (depth >= 2)
		take_node(&cells[depth - 2]);
	clear_node();
}

void tree_read(const void *device_tree)
{
	const uint8_t *tree = device_tree;
	unsigned depth = 0; /* of the node whose tokens are read, 1 for the root's */

	if (!tree || (uintptr_t)tree & 7 || big_endian(tree) != FDT_MAGIC)
		return;
	const uint8_t *at = tree + big_endian(tree + 8);
	const uint8_t *strings = tree + big_endian(tree + 12);

	for (;;) {
		uint32_t token = big_endian(at);

		at += 4;
		if (token == FDT_BEGIN_NODE && depth < MAX_DEPTH) {
			end_of_properties(depth);
			cells[depth].address = 2;
			cells[depth].size = 1;
			depth++;
			at = after_name(at);
		} else if (token == FDT_PROPERTY && depth) {
			uint32_t length = big_endian(at);

			take_property(strings + big_endian(at + 4),
				      (struct property){ at + 8, length }, &cells[depth - 1]);
			at += 8 + ((length + 3) & ~3u);
		} else if (token == FDT_END_NODE && depth) {
			end_of_properties(depth--);
		} else if (token != FDT_NOP) {
			return;
		}
	}
}

/* --- The command line ------------------------------------------------------------------------- */

/* What follows `name` and "=", if the word at `at` begins so. */
static const char *value_of(const char *at, const char *name)
{
	while (*name && *at == *name) {
		at++;
		name++;
	}
	return *name || *at != '=' ? NULL : at + 1;
}

static const char *find(const char *name)
{
	const char *at = words, *value;

	while (*at) {
		value = value_of(at, name);
		if (value)
			return value;
		while (*at && *at != ' ')
			at++;
		while (*at == ' ')
			at++;
	}
	return NULL;
}

static unsigned digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

uint64_t option_number(const char *name, uint64_t missing)
{
	const char *at = find(name);
	uint64_t number = 0;
	unsigned base = 10;

	if (!at)
		return missing;
	if (at[0] == '0' && at[1] == 'x') {
		base = 16;
		at += 2;
	}
	for (; digit_of(*at) < base; at++)
		number = number * base + digit_of(*at);
	return number;
}

bool option_is(const char *name, const char *value)
{
	const char *at = find(name);

	if (!at)
		return false;
	while (*value && *at == *value) {
		at++;
		value++;
	}
	return !*value && (!*at || *at == ' ');
}

bool option_given(const char *name)
{
	return find(name) != NULL;
}
