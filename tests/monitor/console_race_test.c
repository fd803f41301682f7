/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Everything that may touch the console at once, as threads, for ThreadSanitizer: three guests of two
 * vCPUs each, the physical UART's interrupt on two CPUs, the hypervisor's messages, and a line that is
 * slower than they are. No byte is lost, none changes places, no edge of an interrupt is missed.
 * Usage: console_race [BYTES]
 */
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "uart.h"
#include "mux.c"

#define GUESTS 3
#define INPUT  (bytes / 2)

static struct pl011 uart[GUESTS];
static bool output[GUESTS]; /* written by the hook, under the model's lock */
static unsigned bytes = 5000, edges[GUESTS], twice[GUESTS];
static bool done;

/* --- The line. --- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct {
	unsigned tx_count, rx_count, sent, letters[GUESTS], overflows;
	uint32_t imsc, ris;
	char tx[32];
	uint8_t rx[32];
} line;

void uart_init(uint64_t base)
{
	(void)base;
}

bool uart_exists(void)
{
	return true;
}

static uint32_t take(void)
{
	uint32_t byte = line.rx[0];

	for (unsigned i = 1; i < 32; i++)
		line.rx[i - 1] = line.rx[i];
	line.rx_count--;
	return byte;
}

uint32_t uart_read(unsigned offset)
{
	uint32_t value = 0;

	pthread_mutex_lock(&mutex);
	if (offset == 0x18)
		value = (line.tx_count == 32) << 5 | (line.rx_count == 0) << 4;
	else if (offset == 0x00)
		value = take();
	pthread_mutex_unlock(&mutex);
	return value;
}

void uart_write(unsigned offset, uint32_t value)
{
	pthread_mutex_lock(&mutex);
	if (offset == 0x38)
		line.imsc = value;
	if (offset == 0x44)
		line.ris &= ~value;
	if (offset == 0 && line.tx_count == 32)
		line.overflows++;
	else if (offset == 0)
		line.tx[line.tx_count++] = (char)value;
	pthread_mutex_unlock(&mutex);
}

void uart_relax(void)
{
	sched_yield();
}

uint64_t uart_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* One character's time: one leaves, one comes. */
static void line_moves(void)
{
	pthread_mutex_lock(&mutex);
	if (line.tx_count) {
		char byte = line.tx[0];

		for (unsigned i = 1; i < 32; i++)
			line.tx[i - 1] = line.tx[i];
		if (byte >= 'a' && byte < 'a' + GUESTS)
			line.letters[byte - 'a']++;
		if (--line.tx_count == 16)
			line.ris |= UART_INT_TX;
	}
	if (line.rx_count < 32 && line.sent < INPUT) {
		line.rx[line.rx_count++] = (uint8_t)(' ' + line.sent++ % 64);
		line.ris |= UART_INT_RT;
	}
	pthread_mutex_unlock(&mutex);
}

static bool line_interrupt(void)
{
	bool asserted;

	pthread_mutex_lock(&mutex);
	asserted = line.ris & line.imsc;
	pthread_mutex_unlock(&mutex);
	return asserted;
}

/* --- The models' host. --- */

void shell_wanted(void)
{
}

static void model_line(void *host, bool level)
{
	uintptr_t guest = (uintptr_t)host;

	twice[guest] += output[guest] == level;
	output[guest] = level;
	edges[guest]++;
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

/* --- Threads. --- */

static bool is_done(void)
{
	return __atomic_load_n(&done, __ATOMIC_ACQUIRE);
}

static void *writer(void *argument)
{
	uintptr_t guest = (uintptr_t)argument;

	for (unsigned i = 0; i < bytes; i++) {
		uint8_t byte = (uint8_t)('a' + guest);

		while (pl011_read(&uart[guest], UARTFR, 4) & UARTFR_TXFF)
			sched_yield();
		pl011_write(&uart[guest], UARTDR, 4, byte);
		if (i % 23)
			continue;
		while (pl011_read(&uart[guest], UARTFR, 4) & UARTFR_TXFF)
			sched_yield();
		pl011_write(&uart[guest], UARTDR, 4, '\n');
	}
	return NULL;
}

/* The focused guest's other vCPU: what came in has to be in order. */
static void *reader(void *argument)
{
	unsigned count = 0;

	while (count < INPUT) {
		uint32_t entry;

		if (pl011_read(&uart[0], UARTFR, 4) & UARTFR_RXFE) {
			sched_yield();
			continue;
		}
		entry = pl011_read(&uart[0], UARTDR, 4);
		if (entry != ' ' + count % 64)
			return argument;
		if (count++ % 512 == 0)
			usleep(2000); /* until its FIFO and its ring are full */
		pl011_write(&uart[0], UARTICR, 4, UART_INT_RT | UART_INT_RX);
	}
	return NULL;
}

/* The other guests': masks and clears what it can. */
static void *fiddler(void *argument)
{
	uintptr_t guest = (uintptr_t)argument;
	uint32_t i = 0;

	while (!is_done()) {
		pl011_write(&uart[guest], UARTIMSC, 4, i++ & UART_INT_TX);
		pl011_write(&uart[guest], UARTICR, 4, i & UART_INT_TX);
		sched_yield();
	}
	return NULL;
}

static void *interrupt_taker(void *argument)
{
	while (!is_done()) {
		if (line_interrupt())
			mux_interrupt();
		sched_yield();
	}
	return argument;
}

static void *talker(void *argument)
{
	while (!is_done()) {
		console_write("#\n", 2);
		usleep(2000);
		mux_tick();
	}
	return argument;
}

static void *terminal(void *argument)
{
	unsigned speed = 0;

	while (!is_done()) {
		speed = speed % 40 + 7; /* now faster, now slower than those who write */
		for (unsigned i = 0; i < speed; i++)
			line_moves();
		sched_yield();
	}
	return argument;
}

static unsigned failed, tests;

static void check(bool fine, const char *what)
{
	printf("%sok %u - %s\n", fine ? "" : "not ", ++tests, what);
	failed += !fine;
}

static bool all_came_out(void)
{
	bool all = true;

	pthread_mutex_lock(&mutex);
	for (unsigned i = 0; i < GUESTS; i++)
		all &= line.letters[i] == bytes;
	pthread_mutex_unlock(&mutex);
	return all;
}

int main(int count, char **argument)
{
	static void *(*const function[])(
		void *) = { writer,  writer, writer,          reader,          fiddler,
			    fiddler, talker, interrupt_taker, interrupt_taker, terminal };
	static const uintptr_t of[] = { 0, 1, 2, 1, 1, 2, 0, 0, 0, 0 };
	pthread_t thread[10];
	bool ordered = true, levels = true, told_once = true;
	void *result;
	uint64_t start;

	if (count > 1)
		bytes = (unsigned)strtoul(argument[1], NULL, 0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	alarm(100);
	mux_init();
	for (uintptr_t i = 0; i < GUESTS; i++) {
		char name[] = { (char)('1' + i), '\0' };

		pl011_init(&uart[i], &calls, (void *)i);
		pl011_enable(&uart[i]);
		mux_add((unsigned)i, name, &uart[i]);
	}
	pl011_write(&uart[0], UARTIMSC, 4, UART_INT_ALL);
	for (unsigned i = 0; i < 10; i++)
		pthread_create(&thread[i], NULL, function[i], (void *)of[i]);
	for (unsigned i = 0; i < 4; i++) {
		pthread_join(thread[i], &result);
		ordered &= !result;
	}
	for (unsigned i = 1; i < GUESTS; i++)
		pl011_write(&uart[i], UARTDR, 4, '\n');
	start = uart_time();
	while (!all_came_out() && uart_time() - start < 30000)
		sched_yield();
	__atomic_store_n(&done, true, __ATOMIC_RELEASE);
	for (unsigned i = 4; i < 10; i++)
		pthread_join(thread[i], NULL);
	for (unsigned i = 0; i < GUESTS; i++) {
		levels &= output[i] == !!pl011_read(&uart[i], UARTMIS, 4);
		told_once &= !twice[i];
	}
	told_once &= edges[0] != 0; /* of the others it depends on timing whether one can be seen */
	printf("1..5\n");
	check(ordered, "input arrives in order");
	check(all_came_out(), "every byte of output comes out");
	check(line.overflows == 0, "nothing is written to a full FIFO");
	check(levels, "each interrupt line is where its registers say");
	check(told_once, "the line's hook is called for changes alone");
	return failed != 0;
}
