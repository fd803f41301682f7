/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What GCC calls for structure copies and clears, on either architecture. */
#include <stddef.h>

void *memset(void *to, int value, size_t n);
void *memcpy(void *restrict to, const void *restrict from, size_t n);

void *memset(void *to, int value, size_t n)
{
	for (volatile char *p = to; n; n--)
		*p++ = (char)value;
	return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	volatile char *d = to;

	for (const char *s = from; n; n--)
		*d++ = *s++;
	return to;
}
