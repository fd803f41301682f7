/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The trace ring: per CPU, the last things that happened off the fast paths, for the panic's report.
 * Written only by its CPU; read when everything has come to an end.
 */
#ifndef MONITOR_COMMON_TRACE_H
#define MONITOR_COMMON_TRACE_H

#include <stdint.h>

#define TRACE_EVENTS 64 /* a power of two */

enum trace_kind {
	TRACE_START,     /* a: entry, b: context */
	TRACE_CALL,      /* a: SMCCC function, b: x1 */
	TRACE_ABORT,     /* a: guest-physical address, b: ESR */
	TRACE_UNDEFINED, /* a: ESR, b: guest PC */
	TRACE_WAIT,      /* a: slices, b: ESR */
	TRACE_SERROR,    /* a: ESR */
	TRACE_IRQ,       /* a: INTID that nobody wants */
};

struct trace_event {
	uint64_t ticks;
	uint64_t kind;
	uint64_t a, b;
};

struct trace {
	uint64_t count; /* events so far; event n is at n modulo TRACE_EVENTS */
	struct trace_event event[TRACE_EVENTS];
};

void trace(struct trace *ring, enum trace_kind kind, uint64_t a, uint64_t b);
void trace_print(const struct trace *ring, unsigned last);

#endif
