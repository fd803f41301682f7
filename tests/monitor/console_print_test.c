/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * print() and its limits: monitor/common/console.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "console.h"
#include "mux.h"
#include "uart.h"

static char out[8192];
static size_t length;
static uint64_t now;
static unsigned broken;

void console_write(const char *text, size_t bytes)
{
	assert_true(length + bytes < sizeof(out));
	memcpy(out + length, text, bytes);
	length += bytes;
	out[length] = '\0';
}

void console_break_lock(void)
{
	broken++;
}

void uart_init(uint64_t base)
{
	assert_int_equal(base, 0x9000000);
}

void uart_relax(void)
{
	fail(); /* there is one CPU */
}

uint64_t uart_time(void)
{
	return now;
}

static void says(const char *text)
{
	assert_string_equal(out, text);
	length = 0;
	out[0] = '\0';
}

/* How often `text` came; nothing else did. */
static unsigned times(const char *text)
{
	unsigned count = 0;
	const char *at = out;

	while (strncmp(at, text, strlen(text)) == 0) {
		at += strlen(text);
		count++;
	}
	assert_string_equal(at, "");
	says(out);
	return count;
}

static void formats(void **state)
{
	(void)state;
	console_init(0x9000000);
	print("%s %d 0x%lx\n", "text", -5, 0xabcul);
	says("text -5 0xabc\n");
	print("%s", "");
	says("");
	console_break_lock();
	assert_int_equal(broken, 1);
}

static void what_is_too_long_is_cut_and_says_so(void **state)
{
	char text[700], expected[600];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[511] = '\0';
	print("%s", text);
	says(text); /* just fits */
	text[511] = 'x';
	text[512] = '\0';
	print("%s", text);
	memset(expected, 'x', 511 - 11);
	strcpy(expected + 511 - 11, " (cut off)\n");
	says(expected);
	text[512] = 'x';
	text[699] = '\0';
	print("%s\n", text);
	says(expected);
}

static void a_burst_is_limited(void **state)
{
	struct log_limit limit = { 0 };

	(void)state;
	now = 50000;
	for (unsigned i = 0; i < 100; i++)
		print_limited_by(&limit, "line\n");
	assert_int_equal(times("line\n"), 64);
	now += 124; /* an eighth of a second makes room for one */
	print_limited_by(&limit, "line\n");
	says("");
	now += 1;
	print_limited_by(&limit, "late\n");
	says("carillon: 37 messages left out\nlate\n");
	print_limited_by(&limit, "later\n");
	says("");
}

static void the_count_names_the_vm(void **state)
{
	struct log_limit limit = { .name = "alpha" };

	(void)state;
	for (unsigned i = 0; i < 65; i++)
		print_limited_by(&limit, "line\n");
	assert_int_equal(times("line\n"), 64);
	now += 1000;
	print_limited_by(&limit, "line\n");
	says("carillon: alpha: 1 messages left out\nline\n");
}

static void each_vm_has_its_own_limit(void **state)
{
	struct log_limit one = { 0 }, two = { 0 };

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		print_limited_by(&one, "one\n");
	assert_int_equal(times("one\n"), 64);
	print_limited_by(&two, "two\n");
	says("two\n");
}

static void in_the_long_run_it_is_eight_lines_a_second(void **state)
{
	struct log_limit limit = { 0 };
	unsigned lines = 0;

	(void)state;
	for (unsigned i = 0; i < 10 * 1000; i++) { /* every millisecond, for ten seconds */
		now++;
		length = 0;
		out[0] = '\0';
		print_limited_by(&limit, "line\n");
		lines += strstr(out, "line\n") != NULL;
	}
	assert_in_range(lines, 64 + 79, 64 + 80);
	now += 3600000; /* and it never holds more than a burst */
	length = 0;
	for (unsigned i = 0; i < 100; i++)
		print_limited_by(&limit, "%s", "line\n");
	assert_true(length > 64 * 5);
	assert_true(length < 64 * 5 + 50);
	says(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats),
		cmocka_unit_test(what_is_too_long_is_cut_and_says_so),
		cmocka_unit_test(a_burst_is_limited),
		cmocka_unit_test(the_count_names_the_vm),
		cmocka_unit_test(each_vm_has_its_own_limit),
		cmocka_unit_test(in_the_long_run_it_is_eight_lines_a_second),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
