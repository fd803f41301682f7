/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The console multiplexer between models of PL011s and a physical one: docs/console.md is what it has
 * to do.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "console_uart.h"

/* What another CPU does just before the multiplexer calls a model, or just after. */
static void (*before_call)(void);
static void (*after_call)(void);

static void happens(void (**what)(void))
{
	void (*once)(void) = *what;

	*what = NULL;
	if (once)
		once();
}

static bool interrupted_receive(struct pl011 *uart, uint8_t byte)
{
	bool taken;

	happens(&before_call);
	taken = pl011_receive(uart, byte);
	happens(&after_call);
	return taken;
}

static void interrupted_room(struct pl011 *uart)
{
	happens(&before_call);
	pl011_room(uart);
	happens(&after_call);
}

#define pl011_receive interrupted_receive
#define pl011_room    interrupted_room
#include "mux.c"
#undef pl011_receive
#undef pl011_room

#define CTRL_BRACKET "\x1d"
#define GUESTS       16
#define FLOODS       3

static struct pl011 uart[GUESTS];
static bool guest_line[GUESTS];
static unsigned wanted;

void shell_wanted(void)
{
	wanted++;
}

static void model_line(void *host, bool level)
{
	guest_line[(uintptr_t)host] = level;
}

static bool model_transmit(void *host, uint8_t byte)
{
	return mux_transmit((unsigned)(uintptr_t)host, byte);
}

static void model_drained(void *host)
{
	mux_drained((unsigned)(uintptr_t)host);
}

static const struct pl011_host calls = { model_line, model_transmit, model_drained };

static const char *const names[GUESTS] = { "alpha", "beta", "gamma", "d", "e", "f", "g", "h",
					   "i",     "j",    "k",     "l", "m", "n", "o", "p" };

/* A machine that just started, with the first `guests`. */
static void start(unsigned guests)
{
	static __typeof__(mux) fresh;
	static bool saved;

	if (!saved)
		fresh = mux;
	saved = true;
	mux = fresh;
	line_reset();
	wanted = 0;
	mux_init();
	for (uintptr_t i = 0; i < guests; i++) {
		guest_line[i] = false;
		pl011_init(&uart[i], &calls, (void *)i);
		pl011_enable(&uart[i]);
		mux_add((unsigned)i, names[i], &uart[i]);
	}
}

/* As long as it is asserted, the handler runs; it must not be for ever. */
static void interrupts(void)
{
	unsigned rounds = 0;

	while (line_interrupt()) {
		assert_true(rounds++ < 100);
		mux_interrupt();
	}
}

static void type_byte(uint8_t byte)
{
	line_receives(byte);
	interrupts();
}

static void type_text(const char *text)
{
	while (*text)
		type_byte((uint8_t)*text++);
}

/* A driver that polls. */
static bool guest_byte(unsigned guest, char byte)
{
	if (pl011_read(&uart[guest], UARTFR, 4) & UARTFR_TXFF)
		return false;
	pl011_write(&uart[guest], UARTDR, 4, (uint8_t)byte);
	return true;
}

static void guest_text(unsigned guest, const char *text)
{
	for (; *text; text++)
		assert_true(guest_byte(guest, *text));
}

static char guest_reads(unsigned guest)
{
	assert_false(pl011_read(&uart[guest], UARTFR, 4) & UARTFR_RXFE);
	return (char)pl011_read(&uart[guest], UARTDR, 4);
}

static void guest_has_read(unsigned guest, const char *text)
{
	for (; *text; text++)
		assert_int_equal(guest_reads(guest), *text);
	assert_true(pl011_read(&uart[guest], UARTFR, 4) & UARTFR_RXFE);
}

/* What came out since the last time. */
static void says(const char *text)
{
	line.out[line.out_count] = '\0';
	assert_string_equal(line.out, text);
	line.out_count = 0;
}

static void message(const char *text)
{
	console_write(text, strlen(text));
}

/* --- Output. --- */

static void a_single_guest_has_the_uart_for_itself(void **state)
{
	char all[256];

	(void)state;
	start(1);
	for (unsigned i = 0; i < 255; i++) {
		all[i] = (char)(i + 1);
		guest_byte(0, all[i]);
	}
	all[255] = '\0';
	says(all);
}

static void others_come_as_lines_with_their_name(void **state)
{
	(void)state;
	start(3);
	guest_text(1, "one");
	says("");
	guest_text(1, "\r\n");
	says("[beta] one\r\n");
	guest_text(2, "two\nthree\n");
	says("[gamma] two\r\n[gamma] three\r\n");
	guest_text(1, "\n");
	says("[beta] \r\n");
}

static void lines_wait_until_the_cursor_is_at_the_start_of_one(void **state)
{
	(void)state;
	start(3);
	guest_text(0, "focus");
	guest_text(1, "other\n");
	guest_text(2, "third\n");
	says("focus");
	guest_text(0, "ed\r\n");
	says("ed\r\n[beta] other\r\n[gamma] third\r\n");
	guest_text(0, "next\r\n");
	says("next\r\n");
}

static void a_guest_that_ends_lines_without_return_leaves_the_cursor_indented(void **state)
{
	(void)state;
	start(2);
	guest_text(0, "focus\n");
	guest_text(1, "other\n");
	says("focus\n\r[beta] other\r\n");
}

static void after_some_bytes_a_line_waits_no_longer(void **state)
{
	unsigned bytes = 0;

	(void)state;
	start(2);
	guest_text(0, "x");
	guest_text(1, "other\n");
	while (line.out_count == bytes + 1 && bytes < 1000) {
		guest_text(0, "x");
		bytes++;
	}
	assert_int_equal(bytes, 256); /* MUX_TURN; the answer came on top of the last of them */
	assert_memory_equal(line.out + 257, "\r\n[beta] other\r\n", 16);
}

static void after_some_time_a_line_waits_no_longer(void **state)
{
	(void)state;
	start(2);
	guest_text(0, "login: ");
	line.time = 1000;
	guest_text(1, "other\n");
	line.time += 299;
	mux_tick();
	says("login: ");
	line.time += 1;
	mux_tick();
	says("\r\n[beta] other\r\n");
	mux_tick();
	says("");
}

static void the_time_counts_from_each_line(void **state)
{
	(void)state;
	start(2);
	guest_text(0, "login: ");
	guest_text(1, "part");
	line.time = 10000; /* a part is no line and waits for none */
	mux_tick();
	says("login: ");
	guest_text(1, " rest\n");
	mux_tick();
	says("");
	line.time += 300;
	mux_tick();
	says("\r\n[beta] part rest\r\n");
}

static void a_line_that_is_too_long_becomes_several(void **state)
{
	char expected[600] = "[beta] ";

	(void)state;
	start(2);
	memset(expected + 7, 'y', 256);
	strcpy(expected + 263, "\r\n[beta] yyyy\r\n");
	for (unsigned i = 0; i < 260; i++)
		guest_byte(1, 'y');
	guest_text(1, "\n");
	says(expected);
}

static void a_line_of_just_the_buffer_is_one_line(void **state)
{
	char expected[600] = "[beta] ";

	(void)state;
	start(2);
	memset(expected + 7, 'y', 256);
	strcpy(expected + 263, "\r\n[beta] z\r\n");
	for (unsigned i = 0; i < 256; i++)
		guest_byte(1, 'y');
	guest_text(1, "\r\nz\n");
	says(expected);
}

static void a_full_buffer_does_not_wait_for_the_focus(void **state)
{
	(void)state;
	start(2);
	guest_text(0, "prompt");
	for (unsigned i = 0; i < 1023; i++)
		guest_text(1, "a\n");
	says("prompt");
	guest_text(1, "a\n");
	/* 1024 lines of two bytes fill it; they go out on a new line, a few at a time */
	assert_in_range(line.out_count, 2 + 1 * 10, 2 + 8 * 10);
	assert_memory_equal(line.out, "\r\n[beta] a\r\n", 12);
	for (unsigned i = 0; i < 300; i++)
		mux_tick();
	assert_int_equal(line.out_count, 2 + 1024 * 10);
}

/* On a UART that is always ready nobody would come to ask it for what it could not get rid of. */
static void a_full_buffer_does_not_wait_for_other_guests(void **state)
{
	(void)state;
	start(16);
	for (unsigned g = 1; g < 16; g++) {
		guest_text(0, "x");
		for (unsigned i = 0; i < 1000; i++)
			guest_text(g, "\n");
	}
	for (unsigned i = 0; i < 1200; i++) {
		guest_text(15, "\n");
		assert_false(pl011_read(&uart[15], UARTFR, 4) & UARTFR_BUSY);
	}
}

static void long_lines_that_had_to_wait(void **state)
{
	static const unsigned length[] = { 255, 256, 257, 512, 513, 3 };
	char expected[2000] = "\n";

	(void)state;
	start(2);
	guest_text(0, "x");
	for (unsigned i = 0; i < 6; i++) {
		for (unsigned n = 0; n < length[i]; n++) {
			if (n % 256 == 0)
				strcat(expected, n ? "\r\n[beta] " : "[beta] ");
			sprintf(expected + strlen(expected), "%c", 'a' + i);
			guest_byte(1, (char)('a' + i));
		}
		strcat(expected, "\r\n");
		guest_byte(1, '\n');
	}
	says("x");
	guest_text(0, "\n");
	expected[0] = '\r';
	memmove(expected + 1, expected, strlen(expected) + 1);
	expected[0] = '\n';
	while (mux.ready)
		mux_tick();
	says(expected);
}

static void what_is_left_of_many_lines_waits_anew(void **state)
{
	(void)state;
	start(2);
	guest_text(0, "x");
	line.time = 1000;
	for (unsigned i = 0; i < 9; i++)
		guest_text(1, "a\n");
	line.time += 300;
	mux_tick();
	line.out_count = 0;
	guest_text(0, "prompt");
	says("prompt"); /* it has its turn */
	line.time += 299;
	mux_tick();
	says("");
	line.time += 1;
	mux_tick();
	assert_memory_equal(line.out, "\r\n[beta] a\r\n", 12);
}

/* More than what is shown at once. */
static void all_that_was_gathered_is_shown_with_the_focus(void **state)
{
	char expected[2000] = "";

	(void)state;
	for (unsigned slow = 0; slow < 2; slow++) {
		start(2);
		guest_text(0, "x");
		strcpy(expected, "x\r\ncarillon: console of beta\r\n");
		for (unsigned i = 0; i < 250; i++) {
			char text[8];

			sprintf(text, "%u\r\n", i);
			guest_text(1, text);
			strcat(expected, text);
		}
		guest_text(1, "end");
		strcat(expected, "endless");
		line.instant = !slow;
		type_text(CTRL_BRACKET "1");
		guest_text(1, "less");
		for (unsigned i = 0; i < 2000; i++) {
			line_moves(1);
			interrupts();
		}
		says(expected);
	}
}

static void what_would_move_the_cursor_is_left_out(void **state)
{
	(void)state;
	start(2);
	guest_text(1, "\x1b[2J\x1b[0;31mred\x1b[0m\ttab\b\a\x7f \x1b"
		      "c\xc3\xa9.\n");
	says("[beta] red\ttab \xc3\xa9.\r\n");
	guest_text(1, "cut \x1b[\nshort\n"); /* a sequence ends with its line */
	says("[beta] cut \r\n[beta] short\r\n");
}

static void the_hypervisor_starts_on_a_fresh_line(void **state)
{
	(void)state;
	start(2);
	guest_text(0, "half");
	message("carillon: note\n");
	says("half\r\ncarillon: note\r\n");
	guest_text(0, " rest\r\n");
	says(" rest\r\n");
	message("carillon: ");
	message("parts\n");
	says("carillon: parts\r\n");
}

static void what_the_hypervisor_left_unfinished_is_ended_for_a_guest(void **state)
{
	(void)state;
	start(2);
	message("carillon: unfinished");
	guest_text(0, "g");
	says("carillon: unfinished\r\ng");
}

static void before_the_uart_is_ours_messages_are_just_bytes(void **state)
{
	(void)state;
	start(0);
	mux.active = false;
	mux.imsc = 0;
	line.imsc = 0;
	message("a\nb");
	message("c\n");
	says("a\r\nbc\r\n");
	mux_interrupt(); /* reads nothing of the guest's: the test's UART would abort */
	line_receives('x');
	mux_tick();
	assert_int_equal(line.rx_count, 1);
	assert_int_equal(line.imsc, 0);
}

static void long_names_are_cut(void **state)
{
	static const char name[] = "a-name-of-forty-characters-is-too-long..";
	char expected[100];

	(void)state;
	start(1);
	pl011_init(&uart[1], &calls, (void *)1);
	pl011_enable(&uart[1]);
	mux_add(1, name, &uart[1]);
	guest_text(1, "x\n");
	snprintf(expected, sizeof(expected), "[%.31s] x\r\n", name);
	says(expected);
}

static void taking_over_keeps_what_the_firmware_set(void **state)
{
	(void)state;
	start(0);
	assert_int_equal(line.lcr_h, 0x70); /* nobody had set it: 8 bits, FIFOs */
	line_reset();
	line.cr = 0xcb01; /* flow control, transmitter only */
	line.cr &= ~1u;
	line.lcr_h = 0x46; /* 7 bits, parity */
	line.dmacr = 3;
	mux_init();
	assert_int_equal(line.lcr_h, 0x56);
	assert_int_equal(line.cr, 0xcb01);
	assert_int_equal(line.dmacr, 0);
}

/* --- A line that is slower than the guests. --- */

static void a_guest_never_waits_for_the_line(void **state)
{
	(void)state;
	start(2);
	line.instant = false;
	for (unsigned i = 0; i < 64; i++)
		assert_true(guest_byte(0, (char)('0' + i))); /* 32 here, 32 in its own FIFO */
	assert_false(guest_byte(0, '!'));
	assert_int_equal(line.waits, 0);
	assert_int_equal(line.tx_count, 32);
	assert_int_equal(line.overflows, 0);
	assert_true(line.imsc & UART_INT_TX);
	while (line.out_count < 64) {
		line_moves(1);
		interrupts();
	}
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(line.out[i], '0' + i);
	interrupts();
	assert_false(line.imsc & UART_INT_TX); /* nobody waits */
}

/* What was written so far but for the newlines, and how much of it came out. */
struct stream {
	char text[1 << 17];
	unsigned length, pending, seen;
	unsigned lines;
};

static char next_of(struct stream *s, unsigned guest)
{
	if (s->pending == s->length)
		s->length +=
			(unsigned)sprintf(s->text + s->length, "%c%u\n", 'a' + guest, s->lines++);
	return s->text[s->pending];
}

static void follows(struct stream *s, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		s->seen += s->text[s->seen] == '\n';
		assert_int_equal(text[i], s->text[s->seen]);
		s->seen++;
	}
}

/* All write lines as fast as they can: none is lost, mixed up or starved. */
static void flood(unsigned speed, unsigned per_look)
{
	static struct stream of[FLOODS];
	char *at, *end;

	memset(of, 0, sizeof(of));
	start(3);
	line.instant = false;
	line.per_look = per_look;
	while (line.out_count < 20000) {
		for (unsigned g = 0; g < FLOODS; g++) {
			for (unsigned n = 0; n < 40 && guest_byte(g, next_of(&of[g], g)); n++)
				of[g].pending++;
		}
		line_moves(speed);
		interrupts();
	}
	assert_int_equal(line.overflows, 0);
	line.out[line.out_count] = '\0';
	for (unsigned i = 0; i < line.out_count; i++) {
		if (line.out[i] == '\r') /* guest 0 does without, and is helped */
			memmove(line.out + i, line.out + i + 1, line.out_count-- - i);
	}
	for (at = line.out; (end = strchr(at, '\n')); at = end + 1) {
		unsigned g = *at != '[' ? 0 : at[1] == 'b' ? 1 : 2;
		unsigned prefix = g ? (unsigned)strlen(names[g]) + 3 : 0;

		assert_true(!g || memcmp(at + 1, names[g], strlen(names[g])) == 0);
		at += prefix;
		follows(&of[g], at, (size_t)(end - at));
		if (g) /* a whole line */
			assert_int_equal(of[g].text[of[g].seen], '\n');
	}
	for (unsigned g = 0; g < FLOODS; g++)
		assert_true(of[g].seen > 2000);
}

static void floods_share_the_line(void **state)
{
	static const unsigned speeds[] = { 1, 5, 16, 17, 31, 32, 100 };

	(void)state;
	for (unsigned s = 0; s < sizeof(speeds) / sizeof(speeds[0]); s++) {
		for (unsigned per_look = 0; per_look < 6; per_look++)
			flood(speeds[s], per_look);
	}
}

static void a_guest_without_newlines_starves_nobody(void **state)
{
	unsigned lines = 0, bytes = 0;

	(void)state;
	for (unsigned slow = 0; slow < 2; slow++) {
		start(2);
		line.instant = !slow;
		for (unsigned i = 0; i < 6000; i++) {
			guest_byte(0, 'x');
			guest_byte(1, i % 5 == 4 ? '\n' : 'o');
			line_moves(2);
			interrupts();
		}
		for (unsigned i = 0; i + 7 < line.out_count; i++) {
			lines += memcmp(line.out + i, "[beta] ", 7) == 0;
			bytes += line.out[i] == 'x';
		}
		assert_true(lines > 10);
		assert_true(bytes > 1000);
		lines = 0;
		bytes = 0;
	}
}

static void the_others_without_newlines_do_not_starve_the_focus(void **state)
{
	unsigned bytes = 0;

	(void)state;
	start(3);
	line.instant = false;
	for (unsigned i = 0; i < 6000; i++) {
		for (unsigned n = 0; n < 8; n++) {
			guest_byte(1, 'o');
			guest_byte(2, 'p');
		}
		guest_byte(0, 'x');
		line_moves(2);
		interrupts();
	}
	for (unsigned i = 0; i < line.out_count; i++)
		bytes += line.out[i] == 'x';
	assert_true(bytes > 2000);
}

static void messages_come_whole_and_after_the_line_in_progress(void **state)
{
	(void)state;
	start(2);
	line.instant = false;
	guest_text(1, "a line that is longer than what the FIFO holds\n");
	message("carillon: note\n");
	line_moves(100);
	says("[beta] a line that is longer than what the FIFO holds\r\ncarillon: note\r\n");
	assert_int_equal(line.overflows, 0);
}

static void the_end_of_an_unfinished_message_waits_for_the_line(void **state)
{
	(void)state;
	start(1);
	line.instant = false;
	message("carillon: a message of 32 bytes.");
	guest_text(0, "guest");
	assert_int_equal(line.out_count, 0);
	for (unsigned i = 0; i < 100; i++) {
		line_moves(1);
		interrupts();
	}
	says("carillon: a message of 32 bytes.\r\nguest");
	assert_int_equal(line.overflows, 0);
}

static void a_reset_guest_does_not_hold_up_the_others(void **state)
{
	(void)state;
	start(2);
	line.instant = false;
	for (unsigned i = 0; i < 64; i++)
		guest_byte(0, 'x');
	guest_text(1, "other\n");
	pl011_reset(&uart[0]);
	line.time += 300;
	for (unsigned i = 0; i < 100; i++) {
		line_moves(1);
		interrupts();
	}
	assert_int_equal(line.out_count, 32 + 16);
	assert_memory_equal(line.out + 32, "\r\n[beta] other\r\n", 16 - 1);
}

/* --- Input. --- */

static void input_goes_to_the_focus(void **state)
{
	(void)state;
	start(2);
	type_text("root\r\x01\xff\x80");
	guest_has_read(0, "root\r\x01\xff\x80");
	guest_has_read(1, "");
	says(""); /* the echo is the guest's */
}

/* One interrupt may be for bytes of several guests. */
static void bytes_before_and_after_a_switch_are_delivered(void **state)
{
	(void)state;
	start(2);
	for (const char *at = "ab" CTRL_BRACKET "1cd" CTRL_BRACKET "0ef"; *at; at++)
		line_receives((uint8_t)*at);
	interrupts();
	guest_has_read(0, "abef");
	guest_has_read(1, "cd");
}

/* All the same if they come when a guest makes room. */
static void bytes_behind_a_full_ring_are_delivered(void **state)
{
	(void)state;
	start(2);
	for (unsigned i = 0; i < 32 + 256; i++)
		type_byte('x');
	for (const char *at = "y" CTRL_BRACKET "1cd"; *at; at++)
		line_receives((uint8_t)*at);
	interrupts();
	for (unsigned i = 0; line.rx_count; i++) {
		assert_true(i < 4);
		guest_reads(0);
	}
	guest_has_read(1, "cd");
	type_text("e");
	guest_has_read(1, "e");
}

static void a_burst_is_read_by_one_interrupt(void **state)
{
	(void)state;
	start(1);
	for (unsigned i = 0; i < 32; i++)
		line_receives('a' + i % 26);
	assert_true(line_interrupt());
	mux_interrupt();
	assert_false(line_interrupt());
	guest_has_read(0, "abcdefghijklmnopqrstuvwxyzabcdef");
}

static void without_guests_input_is_dropped(void **state)
{
	(void)state;
	start(0);
	for (unsigned i = 0; i < 1000; i++)
		type_byte('x');
	assert_int_equal(line.rx_count, 0);
	type_text(CTRL_BRACKET "n" CTRL_BRACKET "\r");
	says("carillon> ");
}

static void keys_switch_the_focus(void **state)
{
	(void)state;
	start(3);
	type_text(CTRL_BRACKET "2");
	says("carillon: console of gamma\r\n");
	guest_text(2, "now direct");
	guest_text(0, "gathered");
	says("now direct");
	type_text("x" CTRL_BRACKET "n");
	guest_has_read(2, "x");
	says("\r\ncarillon: console of alpha\r\ngathered");
	guest_text(0, " no more");
	says(" no more");
	type_text(CTRL_BRACKET "n" CTRL_BRACKET "n" CTRL_BRACKET "0");
	says("\r\ncarillon: console of beta\r\ncarillon: console of gamma\r\n"
	     "carillon: console of alpha\r\n");
	type_text("y");
	guest_has_read(0, "y");
}

static void a_number_without_a_guest_is_told(void **state)
{
	(void)state;
	start(2);
	type_text(CTRL_BRACKET "7");
	says("carillon: no guest 7 has a console here; Ctrl-] n goes to the next one that has\r\n");
	type_text("x");
	guest_has_read(0, "x");
}

static void next_skips_those_that_take_no_part(void **state)
{
	(void)state;
	start(1);
	pl011_init(&uart[2], &calls, (void *)2);
	pl011_enable(&uart[2]);
	mux_add(2, "gamma", &uart[2]);
	type_text(CTRL_BRACKET "n");
	says("carillon: console of gamma\r\n");
	type_text(CTRL_BRACKET "n");
	says("carillon: console of alpha\r\n");
	assert_false(mux_focus(1));
	assert_false(mux_focus(16));
	assert_false(mux_focus(~0u));
	assert_true(mux_focus(2));
	assert_int_equal(mux_focused(), 2);
}

static void the_escape_key_twice_is_one_for_the_guest(void **state)
{
	(void)state;
	start(1);
	type_text("a" CTRL_BRACKET CTRL_BRACKET "b" CTRL_BRACKET CTRL_BRACKET "n");
	guest_has_read(0, "a\x1d"
			  "b\x1dn");
	says("");
}

static void nothing_is_lost_when_the_guest_is_slow(void **state)
{
	unsigned sent = 0, got = 0;

	(void)state;
	start(1);
	while (got < 2000) {
		/* the sender has hardware flow control: it stops at a full FIFO */
		while (sent < 2000 && line.rx_count < 32) {
			line_receives((uint8_t)(sent++ % 26 + 'a'));
			interrupts();
		}
		assert_int_equal(guest_reads(0), 'a' + got++ % 26);
		interrupts();
	}
	assert_true(pl011_read(&uart[0], UARTFR, 4) & UARTFR_RXFE);
	assert_int_equal(pl011_read(&uart[0], UARTRSR, 4), 0);
}

static void a_slow_guest_throttles_the_line(void **state)
{
	(void)state;
	start(1);
	for (unsigned i = 0; i < 32 + 256; i++)
		type_byte('x');
	assert_int_equal(line.rx_count, 0);
	type_byte('y');
	assert_int_equal(line.rx_count, 1); /* not read, and not asked for */
	assert_int_equal(line.imsc & (UART_INT_RX | UART_INT_RT), 0);
	guest_reads(0);
	assert_int_equal(line.rx_count, 0);
	guest_reads(0);
	assert_int_equal(line.imsc & (UART_INT_RX | UART_INT_RT), UART_INT_RX | UART_INT_RT);
}

static void a_guest_that_reads_nothing_loses_its_input_but_not_the_escape(void **state)
{
	unsigned overruns = 0;

	(void)state;
	start(2);
	line.time = 5000;
	for (unsigned i = 0; i < 32 + 256 + 10; i++)
		type_byte('x');
	line.time += 1999;
	mux_tick();
	assert_int_equal(line.rx_count, 10);
	line.time += 1;
	mux_tick();
	assert_int_equal(line.rx_count, 0);
	type_text(CTRL_BRACKET "1");
	says("carillon: console of beta\r\n");
	type_text("to beta");
	guest_has_read(1, "to beta");
	type_text(CTRL_BRACKET "0");
	for (unsigned i = 0; i < 32 + 256; i++) {
		assert_int_equal(guest_reads(0), 'x');
		overruns += pl011_read(&uart[0], UARTRSR, 4) == UARTRSR_OE;
	}
	assert_true(overruns > 0);
	assert_true(overruns < 64); /* told when the guest has come to the place */
	type_text("z");
	assert_int_equal(pl011_read(&uart[0], UARTDR, 4), 0x800 | 'z');
}

static void each_focus_has_its_time_to_read(void **state)
{
	(void)state;
	start(2);
	for (unsigned guest = 0; guest < 2; guest++) {
		for (unsigned i = 0; i < 32 + 256 + 1; i++)
			type_byte('x');
		line.time += 2000;
		mux_tick();
		type_text(guest ? CTRL_BRACKET "0" : CTRL_BRACKET "1");
	}
	type_text("y");
	assert_int_equal(line.rx_count, 1); /* kept, for two seconds from now */
	line.time += 2000;
	mux_tick();
	assert_int_equal(line.rx_count, 0);
}

static void an_overrun_of_the_line_is_the_guests(void **state)
{
	(void)state;
	start(1);
	line_receives('a' | UARTDR_OE);
	interrupts();
	assert_int_equal(pl011_read(&uart[0], UARTRSR, 4), UARTRSR_OE);
	guest_has_read(0, "a");
	type_byte('b');
	assert_int_equal(pl011_read(&uart[0], UARTDR, 4), UARTDR_OE | 'b');
}

static void broken_characters_and_breaks_are_left_out(void **state)
{
	(void)state;
	start(1);
	line_receives(UARTDR_FE | 'x');
	line_receives(UARTDR_PE | 'x');
	line_receives(UARTDR_BE | UARTDR_FE);
	line_receives('a');
	interrupts();
	guest_has_read(0, "a");
}

/* --- Two CPUs. --- */

static void another_cpu_delivers(void)
{
	mux_interrupt();
	mux_drained(0);
}

static void only_one_cpu_delivers(void **state)
{
	(void)state;
	start(1);
	before_call = another_cpu_delivers;
	type_text("a");
	before_call = another_cpu_delivers;
	type_text("b");
	after_call = another_cpu_delivers;
	type_text("c");
	guest_has_read(0, "abc");
}

static void the_guest_reads_it_all(void)
{
	for (unsigned i = 0; i < 32; i++)
		guest_reads(0);
}

/* The FIFO was full; by the time that the deliverer hears of it, it is empty, and nobody else comes. */
static void room_that_another_cpu_makes_is_not_missed(void **state)
{
	(void)state;
	start(1);
	for (unsigned i = 0; i < 32; i++)
		type_byte('x');
	after_call = the_guest_reads_it_all;
	type_byte('y');
	guest_has_read(0, "y");
	for (unsigned i = 0; i < 40; i++) /* and the next time it is full, it is left at that */
		type_byte('z');
	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(guest_reads(0), 'z');
}

static void beta_writes(void)
{
	guest_byte(1, 'o');
}

/* Between being asked and answering, it still has its turn. */
static void the_focus_keeps_its_turn_while_it_is_asked(void **state)
{
	(void)state;
	start(2);
	line.instant = false;
	for (unsigned i = 0; i < 64; i++)
		guest_byte(0, 'x');
	guest_text(1, "other\n");
	line.time += 300;
	line_moves(16);
	before_call = beta_writes;
	interrupts();
	assert_null(before_call);
	for (unsigned i = 0; i < 100; i++) {
		line_moves(1);
		interrupts();
	}
	line.out[line.out_count] = '\0';
	assert_int_equal(strspn(line.out, "x"), 64);
	assert_string_equal(line.out + 64, "\r\n[beta] other\r\n");
}

/* --- The command line. --- */

static const char *command(void)
{
	const char *asked;

	return mux_command(&asked);
}

static void the_escape_key_and_return_open_it(void **state)
{
	(void)state;
	start(1);
	guest_text(0, "login: ");
	type_text(CTRL_BRACKET "\r");
	says("login: \r\ncarillon> ");
	assert_null(command());
	type_text("vms");
	says("vms");
	assert_int_equal(wanted, 0);
	type_text("\r");
	says("\r\n");
	assert_int_equal(wanted, 1);
	assert_string_equal(command(), "vms");
	guest_has_read(0, "");
	message("an answer\n");
	mux_prompt(MUX_PROMPT);
	says("an answer\r\ncarillon> ");
	assert_null(command());
	mux_close();
	says("\r\ncarillon: console of alpha\r\n");
	type_text("x");
	guest_has_read(0, "x");
}

static void lines_can_be_edited(void **state)
{
	(void)state;
	start(1);
	type_text(CTRL_BRACKET "\rabd\bc\x7f\x7f"
			       "x");
	says("carillon> abd\b \bc\b \b\b \bx");
	type_text("\x15");
	says("\b \b\b \b");
	type_text("\b\x15\x7f"); /* nothing is left to erase */
	says("");
	type_text("two words\x1b[A\x01\xc3\xa9\n"); /* arrow keys and the like are not text */
	says("two words\r\n");
	assert_string_equal(command(), "two words");
}

static void control_c_starts_a_new_line(void **state)
{
	const char *asked;

	(void)state;
	start(1);
	type_text(CTRL_BRACKET "\rabc\x03");
	says("carillon> abc^C\r\ncarillon> ");
	type_text("d\r");
	assert_string_equal(command(), "d");
	mux_prompt("sure? ");
	says("d\r\nsure? ");
	type_text("\x03");
	says("^C\r\ncarillon> ");
	type_text("e\r");
	assert_string_equal(mux_command(&asked), "e");
	assert_string_equal(asked, MUX_PROMPT); /* it is no answer */
}

static void a_line_is_as_long_as_it_may_be(void **state)
{
	(void)state;
	start(1);
	type_text(CTRL_BRACKET "\r");
	for (unsigned i = 0; i < 127; i++)
		type_text("c");
	line.out_count = 0;
	type_text("c");
	says("\a");
	type_text("\r");
	assert_int_equal(strlen(command()), 127);
}

static void return_and_linefeed_are_one(void **state)
{
	(void)state;
	start(1);
	type_text(CTRL_BRACKET "\r");
	type_text("a\r\n");
	assert_int_equal(wanted, 1);
	mux_prompt(MUX_PROMPT);
	assert_null(command());
	type_text("\n");
	assert_string_equal(command(), "");
	assert_int_equal(wanted, 2);
	mux_close();
	type_text(CTRL_BRACKET "\r\n"); /* the key that opens it is no line */
	assert_null(command());
	type_text(CTRL_BRACKET "x\n");
	assert_string_equal(command(), "");
}

static void what_is_typed_meanwhile_waits(void **state)
{
	(void)state;
	start(1);
	type_text(CTRL_BRACKET "\rone\rtwo\r");
	assert_string_equal(command(), "one");
	assert_int_equal(line.rx_count, 4);
	assert_int_equal(line.imsc & (UART_INT_RX | UART_INT_RT), 0);
	assert_int_equal(wanted, 1);
	line.out_count = 0;
	mux_prompt(MUX_PROMPT);
	says("carillon> two\r\n");
	assert_string_equal(command(), "two");
	assert_int_equal(wanted, 2);
	mux_prompt(MUX_PROMPT);
	assert_int_equal(line.imsc & (UART_INT_RX | UART_INT_RT), UART_INT_RX | UART_INT_RT);
}

static void while_it_is_open_all_output_is_gathered(void **state)
{
	(void)state;
	start(2);
	line.time = 1000;
	type_text(CTRL_BRACKET "\rvm");
	says("carillon> vm");
	guest_text(0, "focused\r\n");
	guest_text(1, "other\r\n");
	guest_text(0, "part");
	says("");
	line.time += 300;
	mux_tick();
	/* and then the line as it was */
	says("\r\n[alpha] focused\r\n[beta] other\r\ncarillon> vm");
	type_text("s");
	says("s");
	type_text("\r");
	assert_string_equal(command(), "vms");
	mux_close();
	says("\r\ncarillon: console of alpha\r\npart");
	guest_text(0, "ial\r\n");
	says("ial\r\n");
}

/* A command's lines stay together, as long as the others' are not late. */
static void other_lines_wait_for_a_command(void **state)
{
	(void)state;
	start(2);
	line.time = 1000;
	type_text(CTRL_BRACKET "\rvms\r");
	line.out_count = 0;
	message("one\n");
	guest_text(1, "other\n");
	message("two\n");
	says("one\r\ntwo\r\n");
	line.time += 300;
	mux_tick();
	message("three\n");
	says("[beta] other\r\nthree\r\n");
}

static void messages_do_not_disturb_it(void **state)
{
	(void)state;
	start(1);
	type_text(CTRL_BRACKET "\rab");
	message("carillon: one\n");
	message("carillon: ");
	message("two\n");
	says("carillon> ab\r\ncarillon: one\r\ncarillon: two\r\n");
	mux_tick();
	says("carillon> ab");
	mux_tick();
	says("");
	message("carillon: gone\n");
	line_receives(0x1d);
	line_receives('0');
	interrupts();
	mux_tick();
	says("\r\ncarillon: gone\r\ncarillon: console of alpha\r\n"); /* and no prompt */
	type_text(CTRL_BRACKET "\rab");
	says("carillon> ab");
	message("carillon: three\n");
	type_text("c"); /* or with the next key */
	says("\r\ncarillon: three\r\ncarillon> abc");
	message("carillon: unfinished");
	mux_tick();
	type_text("\r");
	says("\r\ncarillon: unfinished\r\ncarillon> abc\r\n");
	assert_string_equal(command(), "abc");
}

static void the_escape_key_works_inside_it(void **state)
{
	(void)state;
	start(2);
	type_text(CTRL_BRACKET "\rabc" CTRL_BRACKET "1");
	says("carillon> abc\r\ncarillon: console of beta\r\n");
	type_text("x");
	guest_has_read(1, "x");
	type_text(CTRL_BRACKET "\rd" CTRL_BRACKET "\r");
	says("carillon> d\r\ncarillon> "); /* what was typed before is forgotten */
	type_text("e" CTRL_BRACKET "9");
	says("e\r\ncarillon: no guest 9 has a console here; Ctrl-] n goes to the next one that has\r\n"
	     "carillon> e");
	type_text("\r");
	assert_string_equal(command(), "e");
}

static void a_slow_line_shows_it_all_the_same(void **state)
{
	(void)state;
	start(2);
	line.instant = false;
	guest_text(1, "a line that is longer than what the FIFO of the UART can hold\n");
	type_text(CTRL_BRACKET "\rvms");
	line_moves(1000);
	interrupts();
	line_moves(1000);
	says("[beta] a line that is longer than what the FIFO of the UART can hold\r\ncarillon> vms");
	assert_int_equal(line.overflows, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_single_guest_has_the_uart_for_itself),
		cmocka_unit_test(others_come_as_lines_with_their_name),
		cmocka_unit_test(lines_wait_until_the_cursor_is_at_the_start_of_one),
		cmocka_unit_test(a_guest_that_ends_lines_without_return_leaves_the_cursor_indented),
		cmocka_unit_test(after_some_bytes_a_line_waits_no_longer),
		cmocka_unit_test(after_some_time_a_line_waits_no_longer),
		cmocka_unit_test(the_time_counts_from_each_line),
		cmocka_unit_test(a_line_that_is_too_long_becomes_several),
		cmocka_unit_test(a_line_of_just_the_buffer_is_one_line),
		cmocka_unit_test(a_full_buffer_does_not_wait_for_the_focus),
		cmocka_unit_test(a_full_buffer_does_not_wait_for_other_guests),
		cmocka_unit_test(long_lines_that_had_to_wait),
		cmocka_unit_test(what_is_left_of_many_lines_waits_anew),
		cmocka_unit_test(all_that_was_gathered_is_shown_with_the_focus),
		cmocka_unit_test(what_would_move_the_cursor_is_left_out),
		cmocka_unit_test(the_hypervisor_starts_on_a_fresh_line),
		cmocka_unit_test(what_the_hypervisor_left_unfinished_is_ended_for_a_guest),
		cmocka_unit_test(before_the_uart_is_ours_messages_are_just_bytes),
		cmocka_unit_test(long_names_are_cut),
		cmocka_unit_test(taking_over_keeps_what_the_firmware_set),
		cmocka_unit_test(a_guest_never_waits_for_the_line),
		cmocka_unit_test(floods_share_the_line),
		cmocka_unit_test(a_guest_without_newlines_starves_nobody),
		cmocka_unit_test(the_others_without_newlines_do_not_starve_the_focus),
		cmocka_unit_test(messages_come_whole_and_after_the_line_in_progress),
		cmocka_unit_test(the_end_of_an_unfinished_message_waits_for_the_line),
		cmocka_unit_test(a_reset_guest_does_not_hold_up_the_others),
		cmocka_unit_test(input_goes_to_the_focus),
		cmocka_unit_test(bytes_before_and_after_a_switch_are_delivered),
		cmocka_unit_test(bytes_behind_a_full_ring_are_delivered),
		cmocka_unit_test(a_burst_is_read_by_one_interrupt),
		cmocka_unit_test(without_guests_input_is_dropped),
		cmocka_unit_test(keys_switch_the_focus),
		cmocka_unit_test(a_number_without_a_guest_is_told),
		cmocka_unit_test(next_skips_those_that_take_no_part),
		cmocka_unit_test(the_escape_key_twice_is_one_for_the_guest),
		cmocka_unit_test(nothing_is_lost_when_the_guest_is_slow),
		cmocka_unit_test(a_slow_guest_throttles_the_line),
		cmocka_unit_test(a_guest_that_reads_nothing_loses_its_input_but_not_the_escape),
		cmocka_unit_test(each_focus_has_its_time_to_read),
		cmocka_unit_test(an_overrun_of_the_line_is_the_guests),
		cmocka_unit_test(broken_characters_and_breaks_are_left_out),
		cmocka_unit_test(only_one_cpu_delivers),
		cmocka_unit_test(room_that_another_cpu_makes_is_not_missed),
		cmocka_unit_test(the_focus_keeps_its_turn_while_it_is_asked),
		cmocka_unit_test(the_escape_key_and_return_open_it),
		cmocka_unit_test(lines_can_be_edited),
		cmocka_unit_test(control_c_starts_a_new_line),
		cmocka_unit_test(a_line_is_as_long_as_it_may_be),
		cmocka_unit_test(return_and_linefeed_are_one),
		cmocka_unit_test(what_is_typed_meanwhile_waits),
		cmocka_unit_test(while_it_is_open_all_output_is_gathered),
		cmocka_unit_test(other_lines_wait_for_a_command),
		cmocka_unit_test(messages_do_not_disturb_it),
		cmocka_unit_test(the_escape_key_works_inside_it),
		cmocka_unit_test(a_slow_line_shows_it_all_the_same),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
