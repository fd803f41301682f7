/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The PL011's model; see pl011.h. Section numbers are those of Arm DDI 0183G: 3.3 has the registers,
 * 3.4 the interrupts.
 */
#include <stddef.h>
#include "console.h"
#include "pl011.h"

#define CR_RESET   (UARTCR_TXE | UARTCR_RXE)
#define IFLS_RESET 0x12u /* half full, both */

/* A terminal is there and ready: CTS, DSR and DCD asserted, for good. */
#define MODEM (UARTFR_CTS | UARTFR_DSR | UARTFR_DCD)

/* --- State. The lock is held. ------------------------------------------------------------------- */

static unsigned depth(const struct pl011 *uart)
{
	return uart->lcr_h & UARTLCR_H_FEN ? PL011_DEPTH : 1;
}

/* 3.3.9: eighths of the FIFO; the reserved values are taken for the last one. */
static unsigned level(unsigned select)
{
	static const uint8_t of_select[8] = { 4, 8, 16, 24, 28, 28, 28, 28 };

	return of_select[select & 7];
}

static unsigned rx_level(const struct pl011 *uart)
{
	return uart->lcr_h & UARTLCR_H_FEN ? level(uart->ifls >> 3) : 1;
}

static unsigned tx_level(const struct pl011 *uart)
{
	return uart->lcr_h & UARTLCR_H_FEN ? level(uart->ifls) : 0;
}

static bool receives(const struct pl011 *uart)
{
	return uart->cr & UARTCR_UARTEN && uart->cr & UARTCR_RXE;
}

/* To the line, that is: in loopback it hears itself. */
static bool listens(const struct pl011 *uart)
{
	return receives(uart) && !(uart->cr & UARTCR_LBE);
}

static bool transmits(const struct pl011 *uart)
{
	return uart->cr & UARTCR_UARTEN && uart->cr & UARTCR_TXE;
}

/* What is there and no receive interrupt tells of will not grow in time: see pl011_receive(). */
static void timeout(struct pl011 *uart)
{
	if (uart->rx_count && !(uart->ris & UART_INT_RX))
		uart->ris |= UART_INT_RT;
}

static void lose(struct pl011 *uart)
{
	uart->overrun = true;
	uart->rsr |= UARTRSR_OE;
	uart->ris |= UART_INT_OE;
}

static void receive(struct pl011 *uart, uint8_t byte)
{
	uint16_t entry = byte;

	if (uart->overrun)
		entry |= UARTDR_OE;
	uart->overrun = false;
	uart->rx[(uart->rx_first + uart->rx_count) % PL011_DEPTH] = entry;
	uart->rx_count++;
	if (uart->rx_count >= rx_level(uart))
		uart->ris |= UART_INT_RX;
	timeout(uart);
}

static void loop_back(struct pl011 *uart, uint8_t byte)
{
	if (!receives(uart))
		return;
	if (uart->rx_count < depth(uart))
		receive(uart, byte);
	else
		lose(uart);
}

/* Let go of what the host, or the loop, takes. */
static void drain(struct pl011 *uart)
{
	while (uart->tx_count && transmits(uart)) {
		uint8_t byte = uart->tx[uart->tx_first];

		if (uart->cr & UARTCR_LBE)
			loop_back(uart, byte);
		else if (!uart->calls->transmit(uart->host, byte))
			return;
		uart->tx_first = (uart->tx_first + 1) % PL011_DEPTH;
		uart->tx_count--;
		if (uart->tx_count <= tx_level(uart))
			uart->ris |= UART_INT_TX;
	}
}

static void flush(struct pl011 *uart)
{
	uart->rx_count = 0;
	uart->tx_count = 0;
	uart->overrun = false;
	uart->ris &= ~(UART_INT_RX | UART_INT_RT);
}

static void reset(struct pl011 *uart)
{
	flush(uart);
	uart->rsr = 0;
	uart->ilpr = 0;
	uart->ibrd = 0;
	uart->fbrd = 0;
	uart->lcr_h = 0;
	uart->cr = CR_RESET;
	uart->ifls = IFLS_RESET;
	uart->imsc = 0;
	uart->ris = 0;
	uart->dmacr = 0;
}

/* --- Registers. The lock is held. --------------------------------------------------------------- */

/* 3.3.1. An empty FIFO has nothing to say; the document leaves open what is read then. */
static uint32_t read_dr(struct pl011 *uart)
{
	uint16_t entry;

	if (!uart->rx_count)
		return 0;
	entry = uart->rx[uart->rx_first];
	uart->rx_first = (uart->rx_first + 1) % PL011_DEPTH;
	uart->rx_count--;
	if (uart->rx_count < rx_level(uart))
		uart->ris &= ~UART_INT_RX;
	if (!uart->rx_count)
		uart->ris &= ~UART_INT_RT;
	timeout(uart);
	return entry;
}

/* A byte for a full FIFO is lost. */
static void write_dr(struct pl011 *uart, uint32_t value)
{
	if (uart->tx_count == depth(uart))
		return;
	uart->tx[(uart->tx_first + uart->tx_count) % PL011_DEPTH] = (uint8_t)value;
	uart->tx_count++;
	if (uart->tx_count > tx_level(uart))
		uart->ris &= ~UART_INT_TX;
	drain(uart);
}

static uint32_t read_rsr(struct pl011 *uart)
{
	return uart->rsr;
}

/* 3.3.2: whatever is written. */
static void write_ecr(struct pl011 *uart, uint32_t value)
{
	(void)value;
	uart->rsr = 0;
}

static uint32_t read_fr(struct pl011 *uart)
{
	uint32_t flags = MODEM;

	if (!uart->tx_count)
		flags |= UARTFR_TXFE;
	else
		flags |= UARTFR_BUSY;
	if (uart->tx_count == depth(uart))
		flags |= UARTFR_TXFF;
	if (!uart->rx_count)
		flags |= UARTFR_RXFE;
	if (uart->rx_count == depth(uart))
		flags |= UARTFR_RXFF;
	return flags;
}

static uint32_t read_ilpr(struct pl011 *uart)
{
	return uart->ilpr;
}

static void write_ilpr(struct pl011 *uart, uint32_t value)
{
	uart->ilpr = value & 0xff;
}

static uint32_t read_ibrd(struct pl011 *uart)
{
	return uart->ibrd;
}

static void write_ibrd(struct pl011 *uart, uint32_t value)
{
	uart->ibrd = value & 0xffff;
}

static uint32_t read_fbrd(struct pl011 *uart)
{
	return uart->fbrd;
}

static void write_fbrd(struct pl011 *uart, uint32_t value)
{
	uart->fbrd = value & 0x3f;
}

static uint32_t read_lcr_h(struct pl011 *uart)
{
	return uart->lcr_h;
}

/* The FIFOs change their depth: what is in them is flushed. */
static void write_lcr_h(struct pl011 *uart, uint32_t value)
{
	if ((uart->lcr_h ^ value) & UARTLCR_H_FEN)
		flush(uart);
	uart->lcr_h = value & 0xff;
}

static uint32_t read_cr(struct pl011 *uart)
{
	return uart->cr;
}

static void write_cr(struct pl011 *uart, uint32_t value)
{
	uart->cr = value & 0xff87;
	drain(uart);
}

static uint32_t read_ifls(struct pl011 *uart)
{
	return uart->ifls;
}

static void write_ifls(struct pl011 *uart, uint32_t value)
{
	uart->ifls = value & 0x3f;
}

static uint32_t read_imsc(struct pl011 *uart)
{
	return uart->imsc;
}

static void write_imsc(struct pl011 *uart, uint32_t value)
{
	uart->imsc = value & UART_INT_ALL;
}

static uint32_t read_ris(struct pl011 *uart)
{
	return uart->ris;
}

static uint32_t read_mis(struct pl011 *uart)
{
	return uart->ris & uart->imsc;
}

static void write_icr(struct pl011 *uart, uint32_t value)
{
	uart->ris &= ~value;
}

static uint32_t read_dmacr(struct pl011 *uart)
{
	return uart->dmacr;
}

/* There is no DMA controller. */
static void write_dmacr(struct pl011 *uart, uint32_t value)
{
	uart->dmacr = value & 7;
}

static const struct {
	uint32_t (*read)(struct pl011 *uart);
	void (*write)(struct pl011 *uart, uint32_t value);
} table[] = {
	[UARTDR / 4] = { read_dr, write_dr },
	[UARTRSR / 4] = { read_rsr, write_ecr },
	[UARTFR / 4] = { read_fr, NULL },
	[UARTILPR / 4] = { read_ilpr, write_ilpr },
	[UARTIBRD / 4] = { read_ibrd, write_ibrd },
	[UARTFBRD / 4] = { read_fbrd, write_fbrd },
	[UARTLCR_H / 4] = { read_lcr_h, write_lcr_h },
	[UARTCR / 4] = { read_cr, write_cr },
	[UARTIFLS / 4] = { read_ifls, write_ifls },
	[UARTIMSC / 4] = { read_imsc, write_imsc },
	[UARTRIS / 4] = { read_ris, NULL },
	[UARTMIS / 4] = { read_mis, NULL },
	[UARTICR / 4] = { NULL, write_icr },
	[UARTDMACR / 4] = { read_dmacr, write_dmacr },
};

/* 3.3.15, 3.3.16: designer 0x41, part 0x011, revision r1p5. */
static const uint8_t id[8] = { 0x11, 0x10, 0x34, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };

/* --- In and out. -------------------------------------------------------------------------------- */

static void enter(struct pl011 *uart)
{
	spin_lock(&uart->locked);
}

/* Everything that changes state ends here, so that the output follows it. */
static void leave(struct pl011 *uart)
{
	bool output = uart->ris & uart->imsc, room = false;

	if (output != uart->output) {
		uart->output = output;
		uart->calls->line(uart->host, output);
	}
	if (uart->refused && (uart->rx_count < depth(uart) || !listens(uart))) {
		uart->refused = false;
		room = true;
	}
	spin_unlock(&uart->locked);
	if (room && uart->calls->drained)
		uart->calls->drained(uart->host);
}

#define ROWS (sizeof(table) / sizeof(table[0]))

static bool answers(uint32_t offset, unsigned size)
{
	return offset % 4 == 0 && (size == 1 || size == 2 || size == 4);
}

static uint32_t truncated(uint32_t value, unsigned size)
{
	return size == 4 ? value : value & ((1u << size * 8) - 1);
}

uint32_t pl011_read(struct pl011 *uart, uint32_t offset, unsigned size)
{
	uint32_t row = offset / 4, value;

	if (!answers(offset, size))
		return 0;
	if (offset >= UARTPERIPHID0 && offset < PL011_SIZE)
		return id[(offset - UARTPERIPHID0) / 4];
	if (row >= ROWS || !table[row].read)
		return 0;
	enter(uart);
	value = table[row].read(uart);
	leave(uart);
	return truncated(value, size);
}

void pl011_write(struct pl011 *uart, uint32_t offset, unsigned size, uint32_t value)
{
	uint32_t row = offset / 4;

	if (!answers(offset, size) || row >= ROWS || !table[row].write)
		return;
	enter(uart);
	table[row].write(uart, truncated(value, size));
	leave(uart);
}

bool pl011_receive(struct pl011 *uart, uint8_t byte)
{
	bool taken = true;

	enter(uart);
	if (listens(uart)) {
		taken = uart->rx_count < depth(uart);
		if (taken)
			receive(uart, byte);
		else
			uart->refused = true;
	}
	leave(uart);
	return taken;
}

void pl011_overrun(struct pl011 *uart)
{
	enter(uart);
	if (listens(uart))
		lose(uart);
	leave(uart);
}

void pl011_room(struct pl011 *uart)
{
	enter(uart);
	drain(uart);
	leave(uart);
}

void pl011_hold(struct pl011 *uart)
{
	enter(uart);
}

void pl011_let_go(struct pl011 *uart)
{
	uart->calls->line(uart->host, uart->output);
	leave(uart);
}

void pl011_reset(struct pl011 *uart)
{
	enter(uart);
	reset(uart);
	leave(uart);
}

void pl011_enable(struct pl011 *uart)
{
	enter(uart);
	write_lcr_h(uart, UARTLCR_H_WLEN | UARTLCR_H_FEN);
	uart->cr = CR_RESET | UARTCR_UARTEN;
	leave(uart);
}

void pl011_init(struct pl011 *uart, const struct pl011_host *calls, void *host)
{
	*uart = (struct pl011){ .calls = calls, .host = host };
	reset(uart);
}
