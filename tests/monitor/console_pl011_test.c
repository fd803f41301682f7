/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The PL011's model against Arm DDI 0183G: offsets, masks and bits are spelled out here as the document
 * has them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "pl011.h"
#include "uart.h"

#define DR    0x00
#define RSR   0x04
#define FR    0x18
#define ILPR  0x20
#define IBRD  0x24
#define FBRD  0x28
#define LCR_H 0x2c
#define CR    0x30
#define IFLS  0x34
#define IMSC  0x38
#define RIS   0x3c
#define MIS   0x40
#define ICR   0x44
#define DMACR 0x48

#define FR_BUSY 0x08
#define FR_RXFE 0x10
#define FR_TXFF 0x20
#define FR_RXFF 0x40
#define FR_TXFE 0x80

#define RX (1u << 4)
#define TX (1u << 5)
#define RT (1u << 6)
#define OE (1u << 10)

#define FEN     0x10
#define ENABLED 0x301

#define ENDLESS 1000000

struct host {
	struct pl011 uart;
	bool line;        /* as it was last told; a test that restores writes it */
	unsigned changes; /* of the line */
	unsigned room;    /* bytes that it takes */
	char out[256];
	unsigned out_count;
	unsigned drained;
};

void uart_relax(void)
{
	fail(); /* there is one CPU */
}

static void line(void *host, bool level)
{
	struct host *h = host;

	assert_int_not_equal(h->line, level); /* called for changes alone */
	h->line = level;
	h->changes++;
}

static bool transmit(void *host, uint8_t byte)
{
	struct host *h = host;

	if (!h->room)
		return false;
	h->room--;
	if (h->out_count < sizeof(h->out))
		h->out[h->out_count++] = (char)byte;
	return true;
}

static void drained(void *host)
{
	struct host *h = host;

	h->drained++;
}

static const struct pl011_host calls = { line, transmit, drained };

static uint32_t get(struct host *h, uint32_t offset)
{
	return pl011_read(&h->uart, offset, 4);
}

static void set(struct host *h, uint32_t offset, uint32_t value)
{
	pl011_write(&h->uart, offset, 4, value);
}

/* As after a reset. */
static struct host *cold(void)
{
	static struct host h;

	memset(&h, 0, sizeof(h));
	h.room = ENDLESS;
	pl011_init(&h.uart, &calls, &h);
	return &h;
}

/* Enabled, with FIFOs or without, all interrupts masked. */
static struct host *warm(uint32_t fen)
{
	struct host *h = cold();

	set(h, LCR_H, 0x60 | fen);
	set(h, CR, ENABLED);
	return h;
}

static void receive(struct host *h, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		assert_true(pl011_receive(&h->uart, (uint8_t)i));
}

static void read_bytes(struct host *h, unsigned bytes)
{
	while (bytes--)
		get(h, DR);
}

static void send(struct host *h, unsigned bytes)
{
	while (bytes--)
		set(h, DR, 'x');
}

/* --- Registers. --- */

static void reset_values(void **state)
{
	static const struct {
		uint32_t offset, value;
	} of[] = { { RSR, 0 },   { ILPR, 0 },   { IBRD, 0 },    { FBRD, 0 },
		   { LCR_H, 0 }, { CR, 0x300 }, { IFLS, 0x12 }, { IMSC, 0 },
		   { RIS, 0 },   { MIS, 0 },    { DMACR, 0 } };
	struct host *h = cold();

	(void)state;
	for (unsigned i = 0; i < sizeof(of) / sizeof(of[0]); i++)
		assert_int_equal(get(h, of[i].offset), of[i].value);
	assert_int_equal(get(h, FR) & 0xf8, FR_TXFE | FR_RXFE);
}

static void a_reset_undoes_everything(void **state)
{
	struct host *h = warm(FEN);

	(void)state;
	h->room = 0;
	set(h, IMSC, 0x7ff);
	set(h, IFLS, 0);
	set(h, IBRD, 1);
	set(h, FBRD, 1);
	set(h, ILPR, 1);
	set(h, DMACR, 1);
	send(h, 3);
	receive(h, 32);
	pl011_overrun(&h->uart);
	assert_true(h->line);
	pl011_reset(&h->uart);
	assert_false(h->line);
	assert_int_equal(get(h, CR), 0x300);
	assert_int_equal(get(h, IFLS), 0x12);
	assert_int_equal(get(h, IMSC) | get(h, RIS) | get(h, LCR_H) | get(h, RSR), 0);
	assert_int_equal(get(h, IBRD) | get(h, FBRD) | get(h, ILPR) | get(h, DMACR), 0);
	assert_int_equal(get(h, FR) & 0xf8, FR_TXFE | FR_RXFE);
	set(h, CR, ENABLED);
	receive(h, 1);
	assert_int_equal(get(h, DR), 0); /* no overrun is left in the FIFO's state */
}

static void identification(void **state)
{
	static const uint8_t id[] = { 0x11, 0x10, 0x34, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };
	struct host *h = cold();

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(get(h, 0xfe0 + 4 * i), id[i]);
		set(h, 0xfe0 + 4 * i, 0xff);
		assert_int_equal(pl011_read(&h->uart, 0xfe0 + 4 * i, 1), id[i]);
	}
}

static void registers_keep_the_bits_that_they_have(void **state)
{
	static const struct {
		uint32_t offset, mask;
	} of[] = { { ILPR, 0xff }, { IBRD, 0xffff }, { FBRD, 0x3f },  { LCR_H, 0xff },
		   { CR, 0xff87 }, { IFLS, 0x3f },   { IMSC, 0x7ff }, { DMACR, 7 } };
	struct host *h = cold();

	(void)state;
	for (unsigned i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		set(h, of[i].offset, 0xffffffff);
		assert_int_equal(get(h, of[i].offset), of[i].mask);
		set(h, of[i].offset, 0);
		assert_int_equal(get(h, of[i].offset), 0);
	}
}

static void read_only_registers_ignore_writes(void **state)
{
	static const uint32_t of[] = { FR, RIS, MIS };
	struct host *h = warm(FEN);

	(void)state;
	receive(h, 1);
	for (unsigned i = 0; i < 3; i++) {
		uint32_t before = get(h, of[i]);

		set(h, of[i], 0xffffffff);
		assert_int_equal(get(h, of[i]), before);
		set(h, of[i], 0);
		assert_int_equal(get(h, of[i]), before);
	}
	assert_int_equal(get(h, ICR), 0); /* write only */
	assert_int_equal(get(h, RIS), RT);
}

static void all_other_offsets_read_as_zero_and_ignore_writes(void **state)
{
	struct host *h = warm(FEN);

	(void)state;
	for (uint32_t offset = 0; offset < 0x1000; offset++) {
		if (offset % 4 == 0 &&
		    (offset <= RSR || (offset >= FR && offset <= DMACR) || offset >= 0xfe0))
			continue;
		pl011_write(&h->uart, offset, 4, 0xffffffff);
		assert_int_equal(pl011_read(&h->uart, offset, 4), 0);
		assert_int_equal(pl011_read(&h->uart, offset, 1), 0);
	}
	for (uint32_t offset = 0x1000; offset < 0x1100; offset++)
		assert_int_equal(pl011_read(&h->uart, offset, 4), 0);
	assert_int_equal(pl011_read(&h->uart, 0xfffffffc, 4), 0);
	assert_int_equal(get(h, CR), ENABLED);
	assert_int_equal(h->out_count, 0);
}

static void narrow_accesses(void **state)
{
	struct host *h = warm(FEN);

	(void)state;
	pl011_write(&h->uart, DR, 1, 'a');
	pl011_write(&h->uart, DR, 2, 'b');
	pl011_write(&h->uart, DR, 4, 'c');
	assert_int_equal(h->out_count, 3);
	assert_memory_equal(h->out, "abc", 3);
	set(h, IBRD, 0x1234);
	assert_int_equal(pl011_read(&h->uart, IBRD, 1), 0x34);
	assert_int_equal(pl011_read(&h->uart, IBRD, 2), 0x1234);
	pl011_write(&h->uart, IBRD, 1, 0xabcd);
	assert_int_equal(get(h, IBRD), 0xcd);
	assert_int_equal(pl011_read(&h->uart, IBRD + 1, 1), 0);
	assert_int_equal(pl011_read(&h->uart, IBRD, 8), 0);
	assert_int_equal(pl011_read(&h->uart, IBRD, 3), 0);
	pl011_write(&h->uart, IBRD, 8, 7);
	pl011_write(&h->uart, IBRD + 2, 2, 7);
	assert_int_equal(get(h, IBRD), 0xcd);
	receive(h, 2);
	assert_int_equal(pl011_read(&h->uart, DR, 8), 0); /* takes nothing out */
	assert_int_equal(pl011_read(&h->uart, DR, 1), 0);
	assert_int_equal(pl011_read(&h->uart, DR, 2), 1);
	assert_true(get(h, FR) & FR_RXFE);
}

/* --- The receiver. --- */

static void the_receive_fifo_is_32_deep(void **state)
{
	struct host *h = warm(FEN);

	(void)state;
	receive(h, 31);
	assert_int_equal(get(h, FR) & (FR_RXFE | FR_RXFF), 0);
	receive(h, 1);
	assert_int_equal(get(h, FR) & (FR_RXFE | FR_RXFF), FR_RXFF);
	assert_false(pl011_receive(&h->uart, 0xee));
	for (unsigned i = 0; i < 31; i++)
		assert_int_equal(get(h, DR), i);
	assert_int_equal(get(h, DR), 0); /* the last one that receive() sent */
	assert_int_equal(get(h, FR) & (FR_RXFE | FR_RXFF), FR_RXFE);
}

static void without_fifo_one_byte_is_held(void **state)
{
	struct host *h = warm(0);

	(void)state;
	assert_true(pl011_receive(&h->uart, 0x55));
	assert_int_equal(get(h, FR) & (FR_RXFE | FR_RXFF), FR_RXFF);
	assert_int_equal(get(h, RIS), RX);
	assert_false(pl011_receive(&h->uart, 0x66));
	assert_int_equal(get(h, DR), 0x55);
	assert_int_equal(get(h, RIS), 0);
	assert_int_equal(get(h, FR) & (FR_RXFE | FR_RXFF), FR_RXFE);
}

static void an_empty_receiver_reads_as_zero(void **state)
{
	struct host *h = warm(FEN);

	(void)state;
	receive(h, 3);
	read_bytes(h, 3);
	assert_int_equal(get(h, DR), 0);
	assert_true(get(h, FR) & FR_RXFE);
	assert_true(pl011_receive(&h->uart, 0x77));
	assert_int_equal(get(h, DR), 0x77);
}

/* Table 3-10: RXIFLSEL 0 to 4 are 1/8, 1/4, 1/2, 3/4, 7/8 of 32. */
static void receive_trigger_levels(void **state)
{
	static const unsigned trigger[] = { 4, 8, 16, 24, 28 };

	(void)state;
	for (unsigned select = 0; select < 5; select++) {
		struct host *h = warm(FEN);

		set(h, IFLS, select << 3);
		receive(h, trigger[select] - 1);
		assert_int_equal(get(h, RIS), RT);
		receive(h, 1);
		assert_int_equal(get(h, RIS) & RX, RX);
		receive(h, 1);
		read_bytes(h, 1);
		assert_int_equal(get(h, RIS) & RX, RX); /* just the level */
		read_bytes(h, 1);
		assert_int_equal(get(h, RIS) & RX, 0); /* less */
	}
}

static void reserved_levels_are_within_the_fifo(void **state)
{
	(void)state;
	for (unsigned select = 5; select < 8; select++) {
		struct host *h = warm(FEN);

		set(h, IFLS, select << 3 | select);
		receive(h, 32);
		assert_int_equal(get(h, RIS) & RX, RX);
	}
}

static void what_is_left_below_the_level_times_out(void **state)
{
	struct host *h = warm(FEN);

	(void)state;
	set(h, IMSC, RX | RT);
	receive(h, 1);
	assert_int_equal(get(h, MIS), RT);
	assert_true(h->line);
	read_bytes(h, 1); /* empty: cleared */
	assert_int_equal(get(h, RIS), 0);
	assert_false(h->line);
	receive(h, 16);
	set(h, ICR, RT);
	assert_int_equal(get(h, RIS), RX);
	read_bytes(h, 3); /* a driver may leave the rest for the timeout */
	assert_int_equal(get(h, RIS), RT);
	read_bytes(h, 12);
	assert_int_equal(get(h, RIS), RT);
	read_bytes(h, 1);
	assert_int_equal(get(h, RIS), 0);
}

static void a_timeout_can_be_cleared_by_hand(void **state)
{
	struct host *h = warm(FEN);

	(void)state;
	set(h, IMSC, RT);
	receive(h, 2);
	set(h, ICR, RT);
	assert_false(h->line);
	assert_int_equal(get(h, RIS), 0);
	receive(h, 1);
	assert_true(h->line);
}

static void overrun(void **state)
{
	struct host *h = warm(FEN);

	(void)state;
	set(h, IMSC, OE);
	receive(h, 32);
	assert_int_equal(get(h, RSR), 0);
	pl011_overrun(&h->uart);
	assert_int_equal(get(h, RSR), 8); /* at once */
	assert_int_equal(get(h, MIS), OE);
	assert_true(h->line);
	for (unsigned i = 0; i < 32; i++)
		assert_int_equal(get(h, DR) & 0xf00, 0); /* what is in the FIFO stays valid */
	receive(h, 2);
	assert_int_equal(get(h, DR), 0x800); /* it comes with the next character */
	assert_int_equal(get(h, DR), 1);
	set(h, RSR, 0xffffffff);
	assert_int_equal(get(h, RSR), 0);
	assert_true(h->line);
	set(h, ICR, OE);
	assert_false(h->line);
}

static void a_disabled_receiver_hears_nothing(void **state)
{
	static const uint32_t off[] = { 0x300, 0x101, 0x381 }; /* UARTEN, RXE; loopback */

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct host *h = warm(FEN);

		set(h, CR, off[i] | (off[i] & 0x80 ? 1 : 0));
		for (unsigned n = 0; n < 40; n++)
			assert_true(pl011_receive(&h->uart, 'x'));
		pl011_overrun(&h->uart);
		assert_true(get(h, FR) & FR_RXFE);
		assert_int_equal(get(h, RIS) | get(h, RSR), 0);
	}
}

static void room_is_told_once_after_a_refusal(void **state)
{
	struct host *h = warm(FEN);

	(void)state;
	receive(h, 32);
	read_bytes(h, 1);
	receive(h, 1);
	assert_int_equal(h->drained, 0); /* nothing was refused */
	assert_false(pl011_receive(&h->uart, 1));
	assert_false(pl011_receive(&h->uart, 1));
	assert_int_equal(h->drained, 0);
	get(h, FR);
	assert_int_equal(h->drained, 0);
	read_bytes(h, 1);
	assert_int_equal(h->drained, 1);
	read_bytes(h, 5);
	assert_int_equal(h->drained, 1);
}

/* Each makes room, or makes it pointless to wait for some. */
static void disabling_flushing_and_reset_tell_of_room(void **state)
{
	struct host *h = warm(FEN);

	(void)state;
	receive(h, 32);
	assert_false(pl011_receive(&h->uart, 1));
	set(h, CR, 0x300);
	assert_int_equal(h->drained, 1);
	set(h, CR, ENABLED);
	assert_false(pl011_receive(&h->uart, 1));
	set(h, LCR_H, 0x60);
	assert_int_equal(h->drained, 2);
	receive(h, 1);
	assert_false(pl011_receive(&h->uart, 1));
	pl011_reset(&h->uart);
	assert_int_equal(h->drained, 3);
}

static void a_held_one_tells_its_line_anew(void **state)
{
	struct host *h = warm(FEN);

	(void)state;
	set(h, IMSC, RX | RT);
	receive(h, 1);
	assert_true(h->line);
	pl011_hold(&h->uart);
	assert_int_not_equal(h->uart.locked, 0); /* who would raise it meanwhile waits */
	h->line = false;
	pl011_let_go(&h->uart);
	assert_true(h->line);
	assert_int_equal(h->uart.locked, 0);
	get(h, DR);
	assert_false(h->line);
	pl011_hold(&h->uart);
	h->line = true;
	pl011_let_go(&h->uart);
	assert_false(h->line);
}

/* --- The transmitter. --- */

static void the_transmit_fifo_is_32_deep(void **state)
{
	struct host *h = warm(FEN);

	(void)state;
	h->room = 0;
	send(h, 31);
	assert_int_equal(get(h, FR) & (FR_TXFE | FR_TXFF | FR_BUSY), FR_BUSY);
	send(h, 1);
	assert_int_equal(get(h, FR) & (FR_TXFE | FR_TXFF | FR_BUSY), FR_BUSY | FR_TXFF);
	set(h, DR, 'y'); /* lost */
	h->room = ENDLESS;
	pl011_room(&h->uart);
	assert_int_equal(h->out_count, 32);
	assert_null(memchr(h->out, 'y', 32));
	assert_int_equal(get(h, FR) & (FR_TXFE | FR_TXFF | FR_BUSY), FR_TXFE);
}

static void without_fifo_one_byte_waits(void **state)
{
	struct host *h = warm(0);

	(void)state;
	h->room = 0;
	set(h, DR, '1');
	assert_int_equal(get(h, FR) & (FR_TXFE | FR_TXFF | FR_BUSY), FR_BUSY | FR_TXFF);
	assert_int_equal(get(h, RIS), 0);
	h->room = 1;
	pl011_room(&h->uart);
	assert_int_equal(get(h, RIS), TX);
	assert_int_equal(h->out[0], '1');
}

static void bytes_leave_in_order(void **state)
{
	struct host *h = warm(FEN);

	(void)state;
	for (unsigned n = 0; n < 5; n++) { /* around the end of the ring */
		h->room = 0;
		h->out_count = 0;
		for (unsigned i = 0; i < 20; i++)
			set(h, DR, i);
		for (unsigned i = 0; i < 20; i++) {
			h->room = 1;
			pl011_room(&h->uart);
			assert_int_equal(h->out_count, i + 1);
			assert_int_equal(h->out[i], i);
		}
	}
}

static void transmit_trigger_levels(void **state)
{
	static const unsigned trigger[] = { 4, 8, 16, 24, 28 };

	(void)state;
	for (unsigned select = 0; select < 5; select++) {
		struct host *h = warm(FEN);

		h->room = 0;
		set(h, IFLS, select);
		send(h, 32);
		h->room = 32 - trigger[select] - 1;
		pl011_room(&h->uart);
		assert_int_equal(get(h, RIS), 0);
		h->room = 1;
		pl011_room(&h->uart);
		assert_int_equal(get(h, RIS), TX);
		h->room = 1;
		pl011_room(&h->uart);
		send(h, 1);
		assert_int_equal(get(h, RIS), TX); /* just the level */
		send(h, 1);
		assert_int_equal(get(h, RIS), 0); /* more: cleared */
	}
}

static void merely_enabling_raises_no_transmit_interrupt(void **state)
{
	struct host *h = cold();

	(void)state;
	set(h, IMSC, 0x7ff);
	set(h, LCR_H, 0x70);
	set(h, CR, ENABLED);
	set(h, IFLS, 0);
	set(h, IFLS, 4);
	pl011_room(&h->uart);
	set(h, IMSC, 0);
	set(h, IMSC, 0x7ff);
	assert_int_equal(get(h, RIS), 0);
	assert_int_equal(h->changes, 0);
}

static void a_byte_that_went_raises_it_until_it_is_cleared(void **state)
{
	(void)state;
	for (uint32_t fen = 0; fen <= FEN; fen += FEN) {
		struct host *h = warm(fen);

		set(h, DR, 'a');
		assert_int_equal(get(h, RIS), TX);
		assert_false(h->line); /* masked */
		set(h, IMSC, TX);
		assert_true(h->line);
		set(h, ICR, TX);
		assert_false(h->line);
		set(h, IMSC, 0);
		set(h, IMSC, TX);
		assert_false(h->line); /* an edge: there is none without data */
		set(h, DR, 'b');
		assert_true(h->line);
	}
}

static void a_disabled_transmitter_keeps_its_bytes(void **state)
{
	static const uint32_t off[] = { 0x300, 0x201 };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct host *h = warm(FEN);

		set(h, CR, off[i]);
		send(h, 3);
		assert_int_equal(h->out_count, 0);
		assert_true(get(h, FR) & FR_BUSY);
		set(h, CR, ENABLED);
		assert_int_equal(h->out_count, 3);
		assert_int_equal(get(h, RIS), TX);
	}
}

static void turning_fifos_off_flushes_them(void **state)
{
	struct host *h = warm(FEN);

	(void)state;
	h->room = 0;
	send(h, 5);
	receive(h, 20);
	set(h, LCR_H, 0x60);
	assert_int_equal(get(h, FR) & 0xf8, FR_TXFE | FR_RXFE);
	assert_int_equal(get(h, RIS), 0);
	h->room = ENDLESS;
	pl011_room(&h->uart);
	assert_int_equal(h->out_count, 0);
}

static void other_line_settings_leave_the_fifos_alone(void **state)
{
	struct host *h = warm(FEN);

	(void)state;
	h->room = 0;
	send(h, 5);
	receive(h, 20);
	set(h, LCR_H, 0x71);
	assert_int_equal(get(h, FR) & 0xf8, FR_BUSY);
	assert_int_equal(get(h, RIS) & RX, RX);
}

static void loopback(void **state)
{
	struct host *h = warm(FEN);

	(void)state;
	set(h, CR, ENABLED | 0x80);
	set(h, DR, 'a');
	set(h, DR, 'b');
	assert_int_equal(h->out_count, 0);
	assert_int_equal(get(h, DR), 'a');
	assert_int_equal(get(h, DR), 'b');
	send(h, 33);
	assert_int_equal(get(h, RSR), 8);
	set(h, CR, 0x181); /* the receiver off: as a driver provokes its first interrupt */
	set(h, ICR, 0x7ff);
	set(h, DR, 0);
	assert_int_equal(get(h, RIS), TX);
	assert_false(get(h, FR) & FR_BUSY);
	assert_int_equal(h->out_count, 0);
}

/* --- Interrupts. --- */

static void the_output_is_what_is_raised_and_not_masked(void **state)
{
	struct host *h = warm(FEN);

	(void)state;
	receive(h, 1);
	set(h, DR, 'x');
	pl011_overrun(&h->uart);
	assert_int_equal(get(h, RIS), RT | TX | OE);
	for (unsigned bit = 0; bit < 11; bit++) {
		set(h, IMSC, 1u << bit);
		assert_int_equal(get(h, MIS), (RT | TX | OE) & 1u << bit);
		assert_int_equal(h->line, !!((RT | TX | OE) & 1u << bit));
	}
	set(h, IMSC, 0x7ff);
	set(h, ICR, RT);
	assert_int_equal(get(h, MIS), TX | OE);
	set(h, ICR, 0);
	assert_int_equal(get(h, MIS), TX | OE);
	set(h, ICR, TX);
	assert_true(h->line);
	set(h, ICR, OE);
	assert_false(h->line);
}

static void firmware_leaves_it_enabled(void **state)
{
	struct host *h = cold();

	(void)state;
	pl011_enable(&h->uart);
	assert_int_equal(get(h, LCR_H), 0x70);
	assert_int_equal(get(h, CR), ENABLED);
	set(h, DR, 'x');
	assert_int_equal(h->out_count, 1);
	receive(h, 32);
}

static void a_terminal_is_connected(void **state)
{
	struct host *h = cold();

	(void)state;
	assert_int_equal(get(h, FR) & 0x107, 0x007); /* CTS, DSR, DCD; no ring */
	set(h, CR, ENABLED | 0xc000);
	set(h, DR, 'x'); /* clear to send, for those who ask */
	assert_int_equal(h->out_count, 1);
}

/* --- Drivers. --- */

/* A console that polls: waits until there is room, writes, waits until it is gone. */
static void a_polling_console(void **state)
{
	static const char text[] = "Booting\r\n";
	struct host *h = cold();

	(void)state;
	pl011_enable(&h->uart);
	for (const char *at = text; *at; at++) {
		assert_false(get(h, FR) & FR_TXFF);
		pl011_write(&h->uart, DR, 1, (uint8_t)*at);
		assert_false(get(h, FR) & FR_BUSY);
	}
	assert_int_equal(h->out_count, sizeof(text) - 1);
	assert_memory_equal(h->out, text, sizeof(text) - 1);
	assert_int_equal(h->changes, 0);
}

/* What a driver with interrupts does at its start and when it has something to send. */
static struct host *driver_start(void)
{
	struct host *h = cold();

	set(h, ICR, 0x7f0); /* what is pending from before */
	set(h, IFLS, 2 << 3 | 2);
	set(h, LCR_H, 0x70);
	set(h, CR, 0x300 | 1 | 0xc00);
	set(h, ICR, RT | RX);
	for (unsigned i = 0; i < 64 && !(get(h, FR) & FR_RXFE); i++)
		get(h, DR);
	set(h, IMSC, RT | RX);
	return h;
}

/*
 * It fills the FIFO until it is full or nothing is left, then asks for the interrupt, and in that sends
 * up to half a FIFO without looking.
 */
static void interrupt_driven_output(void **state)
{
	static const unsigned chunks[] = { 1, 3, 7, 16, 32, 1000 };

	(void)state;
	for (unsigned c = 0; c < 6; c++) {
		struct host *h = driver_start();
		unsigned sent = 0, rounds = 0;

		h->room = 0;
		while (sent < 200 && !(get(h, FR) & FR_TXFF))
			set(h, DR, sent++ & 0x7f);
		assert_int_equal(sent, 32);
		set(h, IMSC, RT | RX | TX);
		while (sent < 200 && rounds++ < 1000) {
			h->room = chunks[c]; /* of the line's time */
			pl011_room(&h->uart);
			if (!h->line)
				continue;
			assert_int_equal(get(h, MIS), TX);
			for (unsigned i = 0; i < 16 && sent < 200; i++)
				set(h, DR, sent++ & 0x7f);
		}
		set(h, IMSC, RT | RX);
		h->room = ENDLESS;
		pl011_room(&h->uart);
		assert_false(h->line);
		assert_int_equal(h->out_count, 200);
		for (unsigned i = 0; i < 200; i++)
			assert_int_equal(h->out[i], i & 0x7f);
	}
}

/* One that counts what it writes, and asks for an interrupt when the FIFO should be full. */
static void a_driver_that_does_not_look_at_the_flags(void **state)
{
	struct host *h = driver_start();

	(void)state;
	for (unsigned round = 0; round < 5; round++) {
		send(h, 32);
		set(h, IMSC, RT | RX | TX);
		assert_true(h->line);
		set(h, ICR, TX);
		assert_false(h->line);
		set(h, IMSC, RT | RX);
	}
	assert_int_equal(h->out_count, 160);
}

/* Its handler: as long as there is an interrupt, empty the FIFO. */
static void interrupt_driven_input(void **state)
{
	struct host *h = driver_start();
	char text[100];
	unsigned count = 0, in = 0;

	(void)state;
	while (in < 100 || h->line) {
		for (unsigned burst = in % 7 + 1; burst && in < 100; burst--, in++)
			assert_true(pl011_receive(&h->uart, (uint8_t)in));
		assert_true(h->line);
		set(h, ICR, get(h, RIS) & ~(RT | RX | TX) & 0x7ff);
		while (!(get(h, FR) & FR_RXFE)) {
			uint32_t entry = get(h, DR);

			assert_int_equal(entry & 0xf00, 0);
			text[count++] = (char)entry;
		}
		assert_false(h->line);
	}
	assert_int_equal(count, 100);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(text[i], i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reset_values),
		cmocka_unit_test(a_reset_undoes_everything),
		cmocka_unit_test(identification),
		cmocka_unit_test(registers_keep_the_bits_that_they_have),
		cmocka_unit_test(read_only_registers_ignore_writes),
		cmocka_unit_test(all_other_offsets_read_as_zero_and_ignore_writes),
		cmocka_unit_test(narrow_accesses),
		cmocka_unit_test(the_receive_fifo_is_32_deep),
		cmocka_unit_test(without_fifo_one_byte_is_held),
		cmocka_unit_test(an_empty_receiver_reads_as_zero),
		cmocka_unit_test(receive_trigger_levels),
		cmocka_unit_test(reserved_levels_are_within_the_fifo),
		cmocka_unit_test(what_is_left_below_the_level_times_out),
		cmocka_unit_test(a_timeout_can_be_cleared_by_hand),
		cmocka_unit_test(overrun),
		cmocka_unit_test(a_disabled_receiver_hears_nothing),
		cmocka_unit_test(room_is_told_once_after_a_refusal),
		cmocka_unit_test(disabling_flushing_and_reset_tell_of_room),
		cmocka_unit_test(a_held_one_tells_its_line_anew),
		cmocka_unit_test(the_transmit_fifo_is_32_deep),
		cmocka_unit_test(without_fifo_one_byte_waits),
		cmocka_unit_test(bytes_leave_in_order),
		cmocka_unit_test(transmit_trigger_levels),
		cmocka_unit_test(merely_enabling_raises_no_transmit_interrupt),
		cmocka_unit_test(a_byte_that_went_raises_it_until_it_is_cleared),
		cmocka_unit_test(a_disabled_transmitter_keeps_its_bytes),
		cmocka_unit_test(turning_fifos_off_flushes_them),
		cmocka_unit_test(other_line_settings_leave_the_fifos_alone),
		cmocka_unit_test(loopback),
		cmocka_unit_test(the_output_is_what_is_raised_and_not_masked),
		cmocka_unit_test(firmware_leaves_it_enabled),
		cmocka_unit_test(a_terminal_is_connected),
		cmocka_unit_test(a_polling_console),
		cmocka_unit_test(interrupt_driven_output),
		cmocka_unit_test(a_driver_that_does_not_look_at_the_flags),
		cmocka_unit_test(interrupt_driven_input),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
