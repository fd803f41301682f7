/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * SDEI's calls (DEN0054 chapter 5): each in every state of an event, by a table, for event 0, a private
 * bound event and a shared one; arguments that are wrong; functions that there are none of; both
 * conduits; how many interrupts can be bound.
 */
#include "gic.h"
#include "sdei.h"
#include "tap.h"
#include "timer.h"
#include "uart.h"

#define ABSENT_AFFINITY 0xff00fffffful
#define NOT_FOUND       INT64_MIN
#define RESUME_ODD      0x40080002ul
#define VERSION_1_1     (1ul << 48 | 1ul << 32)

unsigned cpus_needed = 1;

enum state { NONE, G, GE, GER, GR, R, STATES };

static const char *const state_name[STATES] = { "---", "G", "GE", "GER", "GR", "R" };
static const int64_t status_of[STATES] = { SDEI_STATE_NONE, SDEI_STATE_G,  SDEI_STATE_GE,
					   SDEI_STATE_GER,  SDEI_STATE_GR, SDEI_STATE_R };
static const enum state completed[STATES] = { NONE, G, GE, GE, G, NONE };

struct kind {
	const char *name;
	unsigned intid; /* 0: event 0 */
	bool shared;
	void (*trigger)(void);
	void (*quiet)(void);
};

static struct sdei_handler handler;

static void signal_self(void)
{
	sdei_call(SDEI_SIGNAL, 0, this_cpu()->affinity);
}

static void nothing(void)
{
}

static void start_timer(void)
{
	timer_set(&timer_virtual, 0, TIMER_ENABLE);
}

static void stop_timer(void)
{
	timer_control(&timer_virtual, 0);
}

static void raise_uart(void)
{
	write32(UART_BASE + UART_IMSC, UART_TX_INTERRUPT);
}

static void quiet_uart(void)
{
	write32(UART_BASE + UART_IMSC, 0);
}

static const struct kind kinds[] = {
	{ "event 0", 0, false, signal_self, nothing },
	{ "private bound event", 27, false, start_timer, stop_timer },
	{ "shared bound event", UART_INTID, true, raise_uart, quiet_uart },
};

/* --- Each call in each state ------------------------------------------------------------------- */

static int64_t event;
static const struct kind *kind;

static int64_t do_register(void)
{
	return sdei_register(event, &handler, SDEI_RM_PE, this_cpu()->affinity);
}

static int64_t do_register_odd(void)
{
	return sdei_call(SDEI_REGISTER, (uint64_t)event, RESUME_ODD, 0, 0, 0);
}

static int64_t do_enable(void)
{
	return sdei_call(SDEI_ENABLE, (uint64_t)event);
}

static int64_t do_disable(void)
{
	return sdei_call(SDEI_DISABLE, (uint64_t)event);
}

static int64_t do_unregister(void)
{
	return sdei_call(SDEI_UNREGISTER, (uint64_t)event);
}

static int64_t do_status(void)
{
	return sdei_call(SDEI_STATUS, (uint64_t)event);
}

static int64_t do_routing(void)
{
	return sdei_call(SDEI_ROUTING_SET, (uint64_t)event, SDEI_RM_PE, this_cpu()->affinity);
}

static int64_t do_routing_bad(void)
{
	return sdei_call(SDEI_ROUTING_SET, (uint64_t)event, 2, this_cpu()->affinity);
}

static int64_t do_release(void)
{
	return sdei_call(SDEI_RELEASE, (uint64_t)event);
}

/* Which event it is, is the same each time: as a difference it fits into the table. */
static int64_t do_bind_again(void)
{
	return sdei_call(SDEI_BIND, kind->intid) - event;
}

static int64_t do_type(void)
{
	return sdei_call(SDEI_GET_INFO, (uint64_t)event, SDEI_INFO_TYPE);
}

static int64_t do_signaled(void)
{
	return sdei_call(SDEI_GET_INFO, (uint64_t)event, SDEI_INFO_SIGNALED);
}

static int64_t do_priority(void)
{
	return sdei_call(SDEI_GET_INFO, (uint64_t)event, SDEI_INFO_PRIORITY);
}

static int64_t do_mode(void)
{
	return sdei_call(SDEI_GET_INFO, (uint64_t)event, SDEI_INFO_MODE);
}

/* 0 if it is the caller's. */
static int64_t do_affinity(void)
{
	int64_t found = sdei_call(SDEI_GET_INFO, (uint64_t)event, SDEI_INFO_AFFINITY);

	return found == (int64_t)this_cpu()->affinity ? 0 : found;
}

static int64_t do_bad_query(void)
{
	return sdei_call(SDEI_GET_INFO, (uint64_t)event, SDEI_INFO_AFFINITY + 1);
}

static int64_t do_context_error(void)
{
	int64_t found = sdei_call(SDEI_CONTEXT, 17);

	return found == SDEI_DENIED ? found : 0;
}

static int64_t do_bad_context(void)
{
	return sdei_call(SDEI_CONTEXT, SDEI_LAST_CONTEXT + 1);
}

static int64_t do_resume_odd(void)
{
	return sdei_call(SDEI_COMPLETE_AND_RESUME, RESUME_ODD);
}

static int64_t do_private_reset(void)
{
	return sdei_call(SDEI_PRIVATE_RESET);
}

static int64_t do_shared_reset(void)
{
	return sdei_call(SDEI_SHARED_RESET);
}

static int64_t do_signal_bound(void)
{
	return sdei_call(SDEI_SIGNAL, (uint64_t)event, this_cpu()->affinity);
}

static int64_t do_unknown(void)
{
	return sdei_call(SDEI_FIRST_UNKNOWN, (uint64_t)event);
}

/* Which kinds a row is for. */
#define EVENT_0 1u
#define PRIVATE 2u
#define SHARED  4u
#define ALL     (EVENT_0 | PRIVATE | SHARED)

#define INV SDEI_INVALID_PARAMETERS
#define DEN SDEI_DENIED
#define PEN SDEI_PENDING

/* A row: what it answers in the six states, and the state after it; SAME: the one before. */
#define SAME                            \
	{                               \
		NONE, G, GE, GER, GR, R \
	}
#define EVERYWHERE(x)            \
	{                        \
		x, x, x, x, x, x \
	}

static const struct row {
	const char *name;
	unsigned kinds;
	int64_t (*call)(void);
	int64_t answer[STATES];
	enum state after[STATES];
} rows[] = {
	{ "EVENT_REGISTER",
	  ALL,
	  do_register,
	  { 0, DEN, DEN, DEN, DEN, DEN },
	  { G, G, GE, GER, GR, R } },
	{ "EVENT_REGISTER, bad entry", ALL, do_register_odd, EVERYWHERE(INV), SAME },
	{ "EVENT_ENABLE", ALL, do_enable, { DEN, 0, 0, 0, 0, DEN }, { NONE, GE, GE, GER, GER, R } },
	{ "EVENT_DISABLE", ALL, do_disable, { DEN, 0, 0, 0, 0, DEN }, { NONE, G, G, GR, GR, R } },
	{ "EVENT_UNREGISTER",
	  ALL,
	  do_unregister,
	  { DEN, 0, 0, PEN, PEN, PEN },
	  { NONE, NONE, NONE, R, R, R } },
	{ "EVENT_STATUS", ALL, do_status, { 0, 1, 3, 7, 5, 4 }, SAME },
	{ "EVENT_ROUTING_SET", EVENT_0 | PRIVATE, do_routing, EVERYWHERE(INV), SAME },
	{ "EVENT_ROUTING_SET", SHARED, do_routing, { DEN, 0, DEN, DEN, DEN, DEN }, SAME },
	{ "EVENT_ROUTING_SET, bad mode", ALL, do_routing_bad, EVERYWHERE(INV), SAME },
	{ "INTERRUPT_RELEASE", EVENT_0, do_release, EVERYWHERE(INV), SAME },
	{ "INTERRUPT_RELEASE", PRIVATE | SHARED, do_release, { 0, DEN, DEN, DEN, DEN, DEN }, SAME },
	{ "INTERRUPT_BIND again", PRIVATE | SHARED, do_bind_again, EVERYWHERE(0), SAME },
	{ "EVENT_GET_INFO, type", EVENT_0 | PRIVATE, do_type, EVERYWHERE(0), SAME },
	{ "EVENT_GET_INFO, type", SHARED, do_type, EVERYWHERE(1), SAME },
	{ "EVENT_GET_INFO, signaled", EVENT_0, do_signaled, EVERYWHERE(0), SAME },
	{ "EVENT_GET_INFO, signaled", PRIVATE | SHARED, do_signaled, EVERYWHERE(1), SAME },
	{ "EVENT_GET_INFO, priority", ALL, do_priority, EVERYWHERE(0), SAME },
	{ "EVENT_GET_INFO, mode", EVENT_0 | PRIVATE, do_mode, EVERYWHERE(INV), SAME },
	{ "EVENT_GET_INFO, mode", SHARED, do_mode, { DEN, 1, 1, 1, 1, 1 }, SAME },
	{ "EVENT_GET_INFO, affinity", EVENT_0 | PRIVATE, do_affinity, EVERYWHERE(INV), SAME },
	{ "EVENT_GET_INFO, affinity", SHARED, do_affinity, { DEN, 0, 0, 0, 0, 0 }, SAME },
	{ "EVENT_GET_INFO, bad query", ALL, do_bad_query, EVERYWHERE(INV), SAME },
	{ "EVENT_CONTEXT", ALL, do_context_error, { DEN, DEN, DEN, 0, 0, 0 }, SAME },
	{ "EVENT_CONTEXT, bad register", ALL, do_bad_context, EVERYWHERE(INV), SAME },
	{ "EVENT_COMPLETE_AND_RESUME, bad address", ALL, do_resume_odd, EVERYWHERE(INV), SAME },
	{ "PRIVATE_RESET",
	  EVENT_0 | PRIVATE,
	  do_private_reset,
	  { 0, 0, 0, DEN, DEN, DEN },
	  { NONE, NONE, NONE, R, R, R } },
	{ "PRIVATE_RESET", SHARED, do_private_reset, EVERYWHERE(0), SAME },
	{ "SHARED_RESET", EVENT_0, do_shared_reset, EVERYWHERE(0), SAME },
	{ "SHARED_RESET", PRIVATE, do_shared_reset, { 0, DEN, DEN, DEN, DEN, DEN }, SAME },
	{ "SHARED_RESET",
	  SHARED,
	  do_shared_reset,
	  { 0, 0, 0, DEN, DEN, DEN },
	  { NONE, NONE, NONE, R, R, R } },
	{ "EVENT_SIGNAL of it", PRIVATE | SHARED, do_signal_bound, EVERYWHERE(INV), SAME },
	{ "an unknown function", ALL, do_unknown, EVERYWHERE(SDEI_NOT_SUPPORTED), SAME },
};

static const struct row *row;
static enum state state;
static struct {
	int64_t answer, status, at_end;
} found;

static void call_and_look(void)
{
	found.answer = row->call();
	found.status = do_status();
}

static uint64_t in_handler(struct sdei_state *entry, struct sdei_handler *mine)
{
	(void)entry;
	(void)mine;
	kind->quiet();
	if (state == GR)
		do_disable();
	if (state == R)
		do_unregister();
	call_and_look();
	return 0;
}

static void reach(void)
{
	if (state >= G)
		do_register();
	if (state >= GE)
		do_enable();
	if (state < GER) {
		call_and_look();
		return;
	}
	kind->trigger();
	wait_ms_at_least(&handler.count[this_cpu()->index], 1, 1000);
	kind->quiet();
}

/* False, with a comment, if it is not as the table says. */
static bool cell(void)
{
	enum state after = row->after[state];

	found.answer = found.status = NOT_FOUND;
	sdei_count_clear(&handler);
	event = kind->intid ? sdei_call(SDEI_BIND, kind->intid) : 0;
	if (event < 0 || do_status() != SDEI_STATE_NONE) {
		print("# no clean start: event %ld, status %ld\n", (long)event, (long)do_status());
		return false;
	}
	sdei_call(SDEI_PE_UNMASK);
	reach();
	found.at_end = do_status();
	sdei_forget(event);
	if (found.answer == row->answer[state] && found.status == status_of[after] &&
	    found.at_end == status_of[completed[after]])
		return true;
	print("# in state %s: answer %ld, wanted %ld; status %ld, wanted %ld; at the end %ld, wanted %ld\n",
	      state_name[state], (long)found.answer, (long)row->answer[state], (long)found.status,
	      (long)status_of[after], (long)found.at_end, (long)status_of[completed[after]]);
	return false;
}

static void table(void)
{
	handler.hook = in_handler;
	for (unsigned k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		kind = &kinds[k];
		for (unsigned r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
			bool right = true;

			row = &rows[r];
			if (!(row->kinds & 1u << k))
				continue;
			for (state = NONE; state < STATES; state++)
				right &= cell();
			ok(right, "%s: %s: as the table says, in every state", kind->name,
			   row->name);
		}
		if (kind->intid)
			is((uint64_t)do_release(), 0, "%s: released at the end", kind->name);
	}
	handler.hook = NULL;
}

/* --- Arguments that are wrong ------------------------------------------------------------------ */

static const int64_t bad_events[] = {
	-1, INT32_MIN, 0x80000000, 0x7fffffff, 0x01000000, 0x20000000, 0x123456, 0x40ffffff,
};

/* One result for each of these calls: they all refuse all of these numbers. */
static void no_such_event(void)
{
	static const struct {
		const char *name;
		unsigned function;
		uint64_t x2;
	} takes_event[] = {
		{ "EVENT_REGISTER", SDEI_REGISTER, (uintptr_t)sdei_entry_normal },
		{ "EVENT_ENABLE", SDEI_ENABLE, 0 },
		{ "EVENT_DISABLE", SDEI_DISABLE, 0 },
		{ "EVENT_UNREGISTER", SDEI_UNREGISTER, 0 },
		{ "EVENT_STATUS", SDEI_STATUS, 0 },
		{ "EVENT_GET_INFO", SDEI_GET_INFO, SDEI_INFO_TYPE },
		{ "EVENT_ROUTING_SET", SDEI_ROUTING_SET, SDEI_RM_ANY },
		{ "INTERRUPT_RELEASE", SDEI_RELEASE, 0 },
	};

	for (unsigned i = 0; i < sizeof(takes_event) / sizeof(takes_event[0]); i++) {
		unsigned refused = 0, all = sizeof(bad_events) / sizeof(bad_events[0]);

		for (unsigned e = 0; e < all; e++) {
			int64_t result = sdei_call(takes_event[i].function, (uint64_t)bad_events[e],
						   takes_event[i].x2);

			refused += result == INV;
			if (result != INV)
				print("# event 0x%lx: %ld\n", (unsigned long)bad_events[e],
				      (long)result);
		}
		is(refused, all, "%s: no such event: INVALID_PARAMETERS", takes_event[i].name);
	}
}

static void bad_registrations(void)
{
	uintptr_t entry = (uintptr_t)sdei_entry_normal;
	uint64_t me = this_cpu()->affinity;
	bool relative = sdei_call(SDEI_FEATURES, 1) == 1;
	int64_t spi = sdei_call(SDEI_BIND, SPI_FREE);

	answers(sdei_call(SDEI_REGISTER, 0, entry + 1, 0, 0, 0), INV,
		"EVENT_REGISTER: entry not aligned");
	answers(sdei_call(SDEI_REGISTER, 0, entry + 2, 0, 0, 0), INV,
		"EVENT_REGISTER: entry at half an instruction");
	answers(sdei_call(SDEI_REGISTER, 0, 0, 0, 0, 0), INV, "EVENT_REGISTER: entry 0");
	answers(sdei_call(SDEI_REGISTER, 0, entry, 0, 4, 0), INV, "EVENT_REGISTER: flags bit 2");
	answers(sdei_call(SDEI_REGISTER, 0, entry, 0, 1ul << 63, 0), INV,
		"EVENT_REGISTER: flags bit 63");
	answers(sdei_call(SDEI_REGISTER, (uint64_t)spi, entry, 0, SDEI_RM_PE, ABSENT_AFFINITY), INV,
		"EVENT_REGISTER: shared, to a PE that is not there");
	answers(sdei_call(SDEI_REGISTER, (uint64_t)spi, entry, 0, SDEI_RM_PE, me | 1ul << 63), INV,
		"EVENT_REGISTER: shared, to no MPIDR");
	answers(sdei_call(SDEI_REGISTER, (uint64_t)spi, entry, 0, SDEI_RM_ANY, ABSENT_AFFINITY), 0,
		"EVENT_REGISTER: shared, to any PE: mpidr is ignored");
	answers(sdei_call(SDEI_ROUTING_SET, (uint64_t)spi, SDEI_RM_PE, ABSENT_AFFINITY), INV,
		"EVENT_ROUTING_SET: to a PE that is not there");
	answers(sdei_call(SDEI_GET_INFO, (uint64_t)spi, SDEI_INFO_MODE), SDEI_RM_ANY,
		"EVENT_GET_INFO: mode: to any PE");
	answers(sdei_call(SDEI_GET_INFO, (uint64_t)spi, SDEI_INFO_AFFINITY), INV,
		"EVENT_GET_INFO: affinity of an event to any PE");
	sdei_forget(spi);
	answers(sdei_call(SDEI_RELEASE, (uint64_t)spi), 0, "INTERRUPT_RELEASE");
	answers(sdei_call(SDEI_RELEASE, (uint64_t)spi), INV, "INTERRUPT_RELEASE again: not bound");
	answers(sdei_call(SDEI_REGISTER, (uint64_t)spi, entry, 0, 0, 0), DEN,
		"EVENT_REGISTER: nothing is bound to it");
	answers(sdei_call(SDEI_REGISTER, 0, entry, 0, SDEI_RM_PE, ABSENT_AFFINITY), 0,
		"EVENT_REGISTER: private: flags and mpidr are ignored");
	sdei_forget(0);
	answers(sdei_call(SDEI_REGISTER, 0, relative ? 0x400 : entry, 0, SDEI_RELATIVE, 0),
		relative ? 0 : INV, "EVENT_REGISTER: relative, as FEATURES says");
	sdei_forget(0);
}

static void bad_interrupts(void)
{
	const uint64_t none[] = {
		0, 15, 1020, 1023, 1024, 8192, 0xffffffff, UINT64_MAX, gic_lines()
	};
	unsigned refused = 0, all = sizeof(none) / sizeof(none[0]);

	for (unsigned i = 0; i < all; i++) {
		int64_t result = sdei_call(SDEI_BIND, none[i]);

		refused += result == INV;
		if (result != INV)
			print("# interrupt %lu: %ld\n", (unsigned long)none[i], (long)result);
	}
	is(refused, all, "INTERRUPT_BIND: an SGI, an LPI, what is not there: INVALID_PARAMETERS");
}

static void bad_others(void)
{
	uint64_t me = this_cpu()->affinity;

	answers(sdei_call(SDEI_SIGNAL, 0, ABSENT_AFFINITY), INV,
		"EVENT_SIGNAL: to a PE that is not there");
	answers(sdei_call(SDEI_SIGNAL, 0, me | 1ul << 40), INV, "EVENT_SIGNAL: to no MPIDR");
	answers(sdei_call(SDEI_SIGNAL, (uint64_t)-1, me), INV, "EVENT_SIGNAL: no such event");
	answers(sdei_call(SDEI_FEATURES, 2), INV, "FEATURES: an unknown one");
	answers(sdei_call(SDEI_FEATURES, UINT64_MAX), INV, "FEATURES: an unknown one, all ones");
	answers(sdei_call(SDEI_CONTEXT, UINT64_MAX), INV, "EVENT_CONTEXT: x[-1]");
	answers(sdei_call(SDEI_COMPLETE, 0), DEN, "EVENT_COMPLETE outside a handler");
	answers(sdei_call(SDEI_COMPLETE_AND_RESUME, (uintptr_t)sdei_entry_normal), DEN,
		"EVENT_COMPLETE_AND_RESUME outside a handler");
}

/* --- What needs no event ------------------------------------------------------------------------ */

static void version_and_conduits(void)
{
	int64_t version = sdei_call(SDEI_VERSION);
	unsigned unknown = 0;

	is((uint64_t)version >> 48, 1, "VERSION: major 1, bit 63 clear");
	ok((version >> 32 & 0xffff) <= 1, "VERSION: minor 0 or 1");
	answers(sdei_call(SDEI_FEATURES, 1),
		(version & 0xffff00000000) == (VERSION_1_1 & 0xffff00000000) ? 1 : INV,
		"FEATURES: relative entries in 1.1, not in 1.0");
	is((uint64_t)sdei_hvc(SDEI_BASE, 0, 0, 0, 0, 0), (uint64_t)version, "VERSION by HVC");
	is((uint64_t)sdei_smc(SDEI_BASE, 0, 0, 0, 0, 0), (uint64_t)version, "VERSION by SMC");
	answers(sdei_hvc(SDEI_BASE + SDEI_ENABLE, 0, 0, 0, 0, 0), DEN,
		"an error by HVC, all 64 bits");
	answers(sdei_smc(SDEI_BASE + SDEI_ENABLE, 0, 0, 0, 0, 0), DEN,
		"an error by SMC, all 64 bits");
	for (unsigned n = SDEI_FIRST_UNKNOWN; n <= SDEI_LAST_UNKNOWN; n++)
		unknown += sdei_call(n) == SDEI_NOT_SUPPORTED;
	is(unknown, SDEI_LAST_UNKNOWN - SDEI_FIRST_UNKNOWN + 1,
	   "functions behind the last: NOT_SUPPORTED");
	answers(sdei_hvc((SDEI_BASE & 0xbffffffful) + SDEI_VERSION, 0, 0, 0, 0, 0) << 32 >> 32,
		SDEI_NOT_SUPPORTED, "VERSION as a 32-bit call");
}

static void masks(void)
{
	sdei_call(SDEI_PE_MASK);
	answers(sdei_call(SDEI_PE_MASK), 0, "PE_MASK of a masked PE");
	answers(sdei_call(SDEI_PE_UNMASK), 0, "PE_UNMASK");
	answers(sdei_call(SDEI_PE_UNMASK), 0, "PE_UNMASK again");
	answers(sdei_call(SDEI_PE_MASK), 1, "PE_MASK of an unmasked PE");
	answers(sdei_call(SDEI_PE_MASK), 0, "PE_MASK again");
	answers(sdei_call(SDEI_PE_UNMASK), 0, "PE_UNMASK at the end");
}

/* --- Slots -------------------------------------------------------------------------------------- */

#define MOST_BOUND 80

static int64_t bound[MOST_BOUND];

/* Binds from a list until it is refused; how many were bound, and by what it ended. */
static unsigned bind_all(const uint16_t *intids, unsigned n, int64_t *end)
{
	unsigned count = 0;

	*end = NOT_FOUND;
	for (unsigned i = 0; i < n && *end == NOT_FOUND; i++) {
		int64_t result = sdei_call(SDEI_BIND, intids[i]);

		if (result >= 0)
			bound[count++] = result;
		else
			*end = result;
	}
	return count;
}

static bool all_different(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		for (unsigned j = 0; j < i; j++)
			if (bound[i] == bound[j])
				return false;
	return true;
}

static void fill(const char *what, const uint16_t *intids, unsigned n, unsigned slots)
{
	unsigned count, released = 0;
	int64_t end;

	if (slots >= n) {
		skip(what, "more slots than interrupts");
		return;
	}
	count = bind_all(intids, n, &end);
	is(count, slots, "%s: as many can be bound as FEATURES says", what);
	answers(end, SDEI_OUT_OF_RESOURCE, what);
	ok(all_different(count), "%s: each has an event of its own", what);
	if (count)
		is((uint64_t)sdei_call(SDEI_BIND, intids[0]), (uint64_t)bound[0],
		   "%s: what is bound can be bound again when all slots are taken", what);
	for (unsigned i = 0; i < count; i++)
		released += sdei_call(SDEI_RELEASE, (uint64_t)bound[i]) == SDEI_SUCCESS;
	is(released, count, "%s: all are released", what);
}

static void slots(void)
{
	int64_t features = sdei_call(SDEI_FEATURES, 0);
	static const uint16_t ppis[] = { 20, 21, 22, 24, 16, 17, 18, 27, 30 };
	static uint16_t spis[MOST_BOUND];
	unsigned n = 0;

	for (unsigned i = 80; i < 112; i++)
		spis[n++] = (uint16_t)i;
	for (unsigned i = SPI_FREE; n < MOST_BOUND; i++)
		spis[n++] = (uint16_t)i;
	ok(features >= 0 && features >> 32 == 0, "FEATURES: slots in 32 bits");
	fill("private slots", ppis, sizeof(ppis) / sizeof(ppis[0]), features & 0xffff);
	fill("shared slots", spis, MOST_BOUND, features >> 16 & 0xffff);
}

static void start(void)
{
	answers(sdei_call(SDEI_PE_MASK), 0, "at the start the PE is masked");
	answers(do_status(), 0, "at the start event 0 is not registered");
	answers(sdei_call(SDEI_PRIVATE_RESET), 0, "PRIVATE_RESET at the start");
	answers(sdei_call(SDEI_SHARED_RESET), 0, "SHARED_RESET at the start");
}

void guest_main(void)
{
	sdei_init();
	write32(UART_BASE + UART_IMSC, 0);
	start();
	version_and_conduits();
	masks();
	table();
	no_such_event();
	bad_registrations();
	bad_interrupts();
	bad_others();
	slots();
	is(count_total(0), 0, "no ordinary interrupt came of all this");
}
