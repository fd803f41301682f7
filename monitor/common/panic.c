/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Panic: says what it knows, and ends the run as failed. The table of symbols comes out of the first
 * of two links (monitor.mk).
 */
#include <stdarg.h>
#include <stddef.h>
#include "console.h"
#include "panic.h"

struct symbol {
	uint32_t start; /* from the image's start */
	uint32_t name;  /* from symbol_names */
};

/* Sorted by start, ended by one past the text. */
extern const struct symbol symbol_table[];
extern const uint32_t symbol_count;
extern const char symbol_names[];

const char *symbol_of(uint64_t at, uint64_t *offset)
{
	uint64_t where = at - (uint64_t)text_start;
	uint32_t low = 0, high = symbol_count;

	if (at < (uint64_t)text_start || at >= (uint64_t)text_end || !high)
		return NULL;
	while (high - low > 1) {
		uint32_t middle = (low + high) / 2;

		if (symbol_table[middle].start <= where)
			low = middle;
		else
			high = middle;
	}
	*offset = where - symbol_table[low].start;
	return symbol_names + symbol_table[low].name;
}

void print_place(uint64_t at)
{
	uint64_t offset;
	const char *name = symbol_of(at, &offset);

	if (name)
		print("  0x%lx %s+0x%lx\n", at - (uint64_t)text_start, name, offset);
	else
		print("  0x%lx\n", at);
}

void panic(const char *format, ...)
{
	va_list arguments;

	console_break_lock();
	print("carillon: panic: ");
	va_start(arguments, format);
	vprint(format, arguments);
	va_end(arguments);
	print("\n");
	report_state((uint64_t)__builtin_frame_address(0), 0);
	run_failed("hypervisor panic");
}
