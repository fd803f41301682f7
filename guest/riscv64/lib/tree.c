/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * One pass over the structure block. Addresses and sizes have two cells each, as on every 64-bit
 * machine of this family.
 */
#include <stdbool.h>
#include <stddef.h>

#include "tree.h"

#define FDT_MAGIC      0xd00dfeedu
#define FDT_BEGIN_NODE 1u
#define FDT_END_NODE   2u
#define FDT_PROPERTY   3u
#define FDT_NOP        4u
#define CPUS_DEPTH     3 /* the root is at 1, /cpus at 2 */

enum parent { OTHER, CPUS, RESERVED };

struct tree tree;

static uint32_t big_endian(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint64_t two_cells(const uint8_t *at)
{
	return (uint64_t)big_endian(at) << 32 | big_endian(at + 4);
}

static bool begins(const uint8_t *a, const char *b)
{
	while (*b && *a == (uint8_t)*b) {
		a++;
		b++;
	}
	return !*b;
}

static bool same(const uint8_t *a, const char *b)
{
	size_t n = 0;

	while (b[n])
		n++;
	return begins(a, b) && !a[n];
}

static const uint8_t *after_name(const uint8_t *at)
{
	while (*at)
		at++;
	return (const uint8_t *)(((uintptr_t)at + 4) & ~(uintptr_t)3);
}

static enum parent parent_named(const uint8_t *name)
{
	if (same(name, "cpus"))
		return CPUS;
	return same(name, "reserved-memory") ? RESERVED : OTHER;
}

void tree_read(const void *device_tree)
{
	const uint8_t *start = device_tree;
	enum parent parent = OTHER;
	unsigned depth = 0;
	bool monitor = false;

	if (!start || (uintptr_t)start & 7 || big_endian(start) != FDT_MAGIC)
		return;
	const uint8_t *at = start + big_endian(start + 8);
	const uint8_t *strings = start + big_endian(start + 12);

	for (;;) {
		uint32_t token = big_endian(at);

		at += 4;
		if (token == FDT_BEGIN_NODE) {
			if (++depth == CPUS_DEPTH - 1)
				parent = parent_named(at);
			tree.harts += depth == CPUS_DEPTH && parent == CPUS && begins(at, "cpu@");
			monitor = depth == CPUS_DEPTH && parent == RESERVED &&
				  begins(at, "carillon");
			at = after_name(at);
		} else if (token == FDT_PROPERTY) {
			uint32_t length = big_endian(at);

			if (monitor && !tree.monitor_size && length >= 16 &&
			    same(strings + big_endian(at + 4), "reg")) {
				tree.monitor_base = two_cells(at + 8);
				tree.monitor_size = two_cells(at + 16);
			}
			at += 8 + ((length + 3) & ~3u);
		} else if (token == FDT_END_NODE) {
			monitor = false;
			depth--;
		} else if (token != FDT_NOP) {
			return;
		}
	}
}
