/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The trace ring; see trace.h.
 */
#include "trace.h"
#include "console.h"
#include "arch.h"

static const char *const names[] = {
	[TRACE_START] = "start", [TRACE_CALL] = "call",
	[TRACE_ABORT] = "abort", [TRACE_UNDEFINED] = "undefined",
	[TRACE_WAIT] = "wait",   [TRACE_SERROR] = "serror",
	[TRACE_IRQ] = "irq",
};

void trace(struct trace *ring, enum trace_kind kind, uint64_t a, uint64_t b)
{
	struct trace_event *event = &ring->event[ring->count++ % TRACE_EVENTS];

	event->ticks = clock_ticks();
	event->kind = kind;
	event->a = a;
	event->b = b;
}

void trace_print(const struct trace *ring, unsigned last)
{
	uint64_t at = ring->count > last ? ring->count - last : 0;

	for (; at < ring->count; at++) {
		const struct trace_event *event = &ring->event[at % TRACE_EVENTS];

		print("  %12lu %-9s 0x%lx 0x%lx\n", event->ticks, names[event->kind], event->a,
		      event->b);
	}
}
