/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* One look for each property (Devicetree specification, chapters 3 and 5). */
#include <stddef.h>

#include "words.h"

#define FDT_BEGIN_NODE 1u
#define FDT_END_NODE   2u
#define FDT_PROPERTY   3u
#define FDT_NOP        4u

uint64_t firmware_base;
static const char *command_line = "";

static uint32_t cell(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static bool begins(const char *a, const char *b)
{
	while (*b && *a == *b) {
		a++;
		b++;
	}
	return !*b;
}

static const uint8_t *aligned(const uint8_t *at)
{
	return (const uint8_t *)(((uintptr_t)at + 3) & ~(uintptr_t)3);
}

static size_t length_of(const char *text)
{
	size_t n = 0;

	while (text[n])
		n++;
	return n;
}

/* Of the first node with a name that begins so. */
static const uint8_t *property(const uint8_t *tree, const char *node, const char *name)
{
	const uint8_t *at = tree + cell(tree + 8);
	const char *strings = (const char *)tree + cell(tree + 12);
	bool inside = false;

	for (;;) {
		uint32_t token = cell(at);

		at += 4;
		if (token == FDT_BEGIN_NODE) {
			inside = begins((const char *)at, node);
			at = aligned(at + length_of((const char *)at) + 1);
		} else if (token == FDT_PROPERTY) {
			if (inside && begins(strings + cell(at + 4), name))
				return at + 8;
			at = aligned(at + 8 + cell(at));
		} else if (token == FDT_END_NODE) {
			inside = false;
		} else if (token != FDT_NOP) {
			return NULL;
		}
	}
}

void words_read(const void *device_tree)
{
	const uint8_t *bootargs = property(device_tree, "chosen", "bootargs");
	const uint8_t *firmware = property(device_tree, "mmode_resv", "reg");

	if (bootargs)
		command_line = (const char *)bootargs;
	if (firmware)
		firmware_base = (uint64_t)cell(firmware) << 32 | cell(firmware + 4);
}

static const char *find(const char *name)
{
	for (const char *at = command_line; *at; at++)
		if ((at == command_line || at[-1] == ' ') && begins(at, name))
			return at + length_of(name);
	return NULL;
}

bool word_given(const char *name)
{
	return find(name);
}

uint64_t word_number(const char *name, uint64_t otherwise)
{
	const char *at = find(name);
	uint64_t value = 0;

	if (!at)
		return otherwise;
	for (; *at >= '0' && *at <= '9'; at++)
		value = 10 * value + (uint64_t)(*at - '0');
	return value;
}
