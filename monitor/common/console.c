/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The hypervisor's own messages; see console.h.
 */
#include <stdio.h>
#include <string.h>
#include "arch.h"
#include "console.h"

void console_init(uint64_t base)
{
	uart_init(base);
}

void vprint(const char *format, va_list arguments)
{
	static const char cut[] = " (cut off)\n";
	struct guest_fp fp;
	char text[PRINT_MAX];
	int length;

	guest_fp_save(&fp);
	length = vsnprintf(text, sizeof(text), format, arguments);
	if (length >= (int)sizeof(text)) {
		memcpy(text + sizeof(text) - sizeof(cut), cut, sizeof(cut));
		length = sizeof(text) - 1;
	}
	guest_fp_restore(&fp);
	if (length > 0)
		console_write(text, (size_t)length);
}

void print(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vprint(format, arguments);
	va_end(arguments);
}

/* The bucket fills by whole lines; what is left of a line's time counts for the next one. */
static void fill(struct log_limit *limit)
{
	uint64_t now = uart_time();
	uint64_t lines = (now - limit->filled) * LOG_PER_SECOND / 1000;

	if (lines >= limit->spent) {
		limit->spent = 0;
		limit->filled = now;
	} else {
		limit->spent -= (unsigned)lines;
		limit->filled += lines * 1000 / LOG_PER_SECOND;
	}
}

/* Whether a line may be printed, and how many were left out since the last one. */
static bool spend(struct log_limit *limit, unsigned *lost)
{
	bool may;

	spin_lock(&limit->locked);
	fill(limit);
	may = limit->spent < LOG_BURST;
	*lost = 0;
	if (may) {
		limit->spent++;
		*lost = limit->lost;
		limit->lost = 0;
	} else {
		limit->lost++;
	}
	spin_unlock(&limit->locked);
	return may;
}

void print_limited_by(struct log_limit *limit, const char *format, ...)
{
	va_list arguments;
	unsigned lost;

	if (!spend(limit, &lost))
		return;
	if (lost)
		print("carillon: %s%s%u messages left out\n", limit->name ? limit->name : "",
		      limit->name ? ": " : "", lost);
	va_start(arguments, format);
	vprint(format, arguments);
	va_end(arguments);
}
