/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * A PL011 as a device model (Arm DDI 0183, r1p5: FIFOs of 32). It has no line and so no speed: a byte
 * that is written leaves as soon as the host takes it, and no time passes. What that means where the
 * document speaks of time stands at pl011_write() and pl011_receive().
 *
 * All functions but pl011_init() may be called on any CPU, at once; there is a lock inside.
 */
#ifndef MONITOR_COMMON_PL011_H
#define MONITOR_COMMON_PL011_H

#include <stdbool.h>
#include <stdint.h>

#define PL011_SIZE  0x1000u /* bytes of its frame */
#define PL011_DEPTH 32

/* Offsets, DDI 0183 table 3-1. */
enum pl011_register {
	UARTDR = 0x00,
	UARTRSR = 0x04, /* written: UARTECR */
	UARTFR = 0x18,
	UARTILPR = 0x20,
	UARTIBRD = 0x24,
	UARTFBRD = 0x28,
	UARTLCR_H = 0x2c,
	UARTCR = 0x30,
	UARTIFLS = 0x34,
	UARTIMSC = 0x38,
	UARTRIS = 0x3c,
	UARTMIS = 0x40,
	UARTICR = 0x44,
	UARTDMACR = 0x48,
	UARTPERIPHID0 = 0xfe0,
	UARTPCELLID0 = 0xff0,
};

#define UARTDR_FE (1u << 8)
#define UARTDR_PE (1u << 9)
#define UARTDR_BE (1u << 10)
#define UARTDR_OE (1u << 11)

#define UARTRSR_OE (1u << 3)

#define UARTFR_CTS  (1u << 0)
#define UARTFR_DSR  (1u << 1)
#define UARTFR_DCD  (1u << 2)
#define UARTFR_BUSY (1u << 3)
#define UARTFR_RXFE (1u << 4)
#define UARTFR_TXFF (1u << 5)
#define UARTFR_RXFF (1u << 6)
#define UARTFR_TXFE (1u << 7)

#define UARTLCR_H_FEN  (1u << 4)
#define UARTLCR_H_WLEN (3u << 5) /* both bits: words of 8 */

#define UARTCR_UARTEN (1u << 0)
#define UARTCR_LBE    (1u << 7)
#define UARTCR_TXE    (1u << 8)
#define UARTCR_RXE    (1u << 9)

/* UARTIMSC, UARTRIS, UARTMIS, UARTICR. */
#define UART_INT_RX  (1u << 4)
#define UART_INT_TX  (1u << 5)
#define UART_INT_RT  (1u << 6)
#define UART_INT_OE  (1u << 10)
#define UART_INT_ALL 0x7ffu

/* What the model asks of its host. */
struct pl011_host {
	/*
	 * The interrupt output (UARTINTR) changed. Called with the model's lock held, so the calls come
	 * in the order of the changes. Must not call the model.
	 */
	void (*line)(void *host, bool level);
	/*
	 * A byte leaves. False: no room now; it stays in the transmit FIFO, and the host calls
	 * pl011_room() later. Called with the model's lock held; must not call the model.
	 */
	bool (*transmit)(void *host, uint8_t byte);
	/*
	 * There is room again, after a pl011_receive() that answered false. Called with nothing held,
	 * on the CPU of the access that made the room; may call the model. May be NULL.
	 */
	void (*drained)(void *host);
};

struct pl011 {
	const struct pl011_host *calls;
	void *host;
	unsigned locked;
	bool output;  /* UARTINTR */
	bool refused; /* pl011_receive() answered false since there was room */
	bool overrun; /* goes into the FIFO with the next character */
	uint8_t rx_first, rx_count, tx_first, tx_count;
	uint16_t rx[PL011_DEPTH]; /* as UARTDR has them */
	uint8_t tx[PL011_DEPTH];
	uint32_t rsr, ilpr, ibrd, fbrd, lcr_h, cr, ifls, imsc, ris, dmacr;
};

/* `calls` is kept, not copied. One CPU, before anything else; ends in the state of pl011_reset(). */
void pl011_init(struct pl011 *uart, const struct pl011_host *calls, void *host);

/*
 * All registers as after a reset (DDI 0183 table 3-1), FIFOs empty: the UART is disabled. Bytes that
 * waited are lost.
 */
void pl011_reset(struct pl011 *uart);

/*
 * As firmware hands it to a kernel: 8 bits, FIFOs on, enabled. For a guest that is loaded without
 * firmware; its early console expects it.
 */
void pl011_enable(struct pl011 *uart);

/*
 * A guest's access. `offset` below PL011_SIZE, `size` in bytes. Registers answer to 1, 2 and 4 bytes
 * at their own offset: a narrow read gives the low bits, a narrow write is extended by zeros. All
 * else reads as zero and ignores writes.
 *
 * The transmit interrupt: a byte that goes straight through counts as one that filled the FIFO and
 * left it, so it raises UARTTXRIS, as every byte does that leaves the FIFO at or below its level.
 * Enabling things raises nothing.
 */
uint32_t pl011_read(struct pl011 *uart, uint32_t offset, unsigned size);
void pl011_write(struct pl011 *uart, uint32_t offset, unsigned size, uint32_t value);

/*
 * A byte comes in. False: the FIFO is full, the byte is not taken; `drained` tells when to try again.
 * While the receiver is disabled, or in loopback, it is lost as it would be on a line: true.
 *
 * The receive timeout: as no time passes, the 32 bit periods of silence are over at once. What a
 * reception or a read leaves in the FIFO without the receive interrupt being raised raises UARTRTRIS.
 */
bool pl011_receive(struct pl011 *uart, uint8_t byte);

/* Bytes were lost on their way here, as if they had come while the FIFO was full. */
void pl011_overrun(struct pl011 *uart);

/* `transmit` would take bytes again. */
void pl011_room(struct pl011 *uart);

/*
 * Between these two, nothing calls `line`: who would, waits. For as long as what is behind it is put
 * into another state. Then it is told what the line is, whatever it was told before.
 */
void pl011_hold(struct pl011 *uart);
void pl011_let_go(struct pl011 *uart);

#endif
