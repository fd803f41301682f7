/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The device tree is read once, before the MMU is on, and what is wanted of it copied: the "method"
 * property of the PSCI node and the "bootargs" of /chosen, the only properties of these names on this
 * board.
 */
#include <stddef.h>

#include "tree.h"

#define FDT_MAGIC      0xd00dfeedu
#define FDT_BEGIN_NODE 1u
#define FDT_END_NODE   2u
#define FDT_PROPERTY   3u
#define FDT_NOP        4u

bool tree_says_smc;
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

static void take_property(const uint8_t *name, const uint8_t *value, uint32_t length)
{
	if (same(name, "method"))
		tree_says_smc = same(value, "smc");
	else if (same(name, "bootargs"))
		copy_words(value, length);
}

void tree_read(const void *device_tree)
{
	const uint8_t *tree = device_tree;

	if (!tree || (uintptr_t)tree & 7 || big_endian(tree) != FDT_MAGIC)
		return;
	const uint8_t *at = tree + big_endian(tree + 8);
	const uint8_t *strings = tree + big_endian(tree + 12);

	for (;;) {
		uint32_t token = big_endian(at);

		at += 4;
		if (token == FDT_BEGIN_NODE) {
			at = after_name(at);
		} else if (token == FDT_PROPERTY) {
			uint32_t length = big_endian(at);

			take_property(strings + big_endian(at + 4), at + 8, length);
			at += 8 + ((length + 3) & ~3u);
		} else if (token != FDT_NOP && token != FDT_END_NODE) {
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
