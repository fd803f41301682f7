/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What the compiler may call on its own account from hot code, in the hot convention: picolibc's
 * would use registers, FP ones among them, that are the guest's there.
 */
#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *at, int byte, size_t bytes);

void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
	unsigned char *t = to;
	const unsigned char *f = from;

	for (; bytes >= 8; bytes -= 8, t += 8, f += 8)
		*(unsigned long __attribute__((may_alias)) *)t =
			*(const unsigned long __attribute__((may_alias)) *)f;
	while (bytes--)
		*t++ = *f++;
	return to;
}

/* For the guest's image at boot, too: a word at a time, where picolibc's goes byte by byte. */
void *memmove(void *to, const void *from, size_t bytes)
{
	unsigned char *t = (unsigned char *)to + bytes;
	const unsigned char *f = (const unsigned char *)from + bytes;

	if ((size_t)to - (size_t)from >= bytes)
		return memcpy(to, from, bytes);
	while (bytes >= 8) {
		bytes -= 8;
		t -= 8;
		f -= 8;
		*(unsigned long __attribute__((may_alias)) *)t =
			*(const unsigned long __attribute__((may_alias)) *)f;
	}
	while (bytes--)
		*--t = *--f;
	return to;
}

void *memset(void *at, int byte, size_t bytes)
{
	unsigned char *t = at;
	unsigned long word = (unsigned char)byte * 0x0101010101010101ul;

	for (; bytes >= 8; bytes -= 8, t += 8)
		*(unsigned long __attribute__((may_alias)) *)t = word;
	while (bytes--)
		*t++ = (unsigned char)byte;
	return at;
}
