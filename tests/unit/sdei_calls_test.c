/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The calls of SDEI (DEN0054 5.1): every one in every state of an event, of each kind of event, by its
 * vCPU and by another; then what is wrong with arguments, and which halves of registers count.
 */
#include "sdei_fixture.h"

/* --- Every call in every state. ----------------------------------------------------------------- */

enum { NONE, G, GE, GER, GR, R, STATES, SAME };

/* What EVENT_STATUS says in each; it tells them all apart. */
static const int64_t statuses[STATES] = { 0, 1, 3, 7, 5, 4 };
static const char *const state_names[STATES] = { "---", "G", "GE", "GER", "GR", "R" };

#define EVENT_ZERO     (1u << 0)
#define PRIVATE_STATIC (1u << 1)
#define PRIVATE_BOUND  (1u << 2)
#define SHARED_STATIC  (1u << 3) /* RM_ANY */
#define SHARED_BOUND   (1u << 4) /* RM_PE, to vCPU 0 */
#define KINDS          5
#define PRIVATES       (EVENT_ZERO | PRIVATE_STATIC | PRIVATE_BOUND)
#define SHAREDS        (SHARED_STATIC | SHARED_BOUND)
#define BOUND          (PRIVATE_BOUND | SHARED_BOUND)
#define STATIC         (EVENT_ZERO | PRIVATE_STATIC | SHARED_STATIC)
#define ALL            (PRIVATES | SHAREDS)

/* In a row's arguments and results: the event, its interrupt, no return, x5 of what was interrupted. */
#define EV      0x5a5a0000cafe0001ll
#define INTID   0x5a5a0000cafe0002ll
#define GONE    0x5a5a0000cafe0003ll
#define X5      0x5a5a0000cafe0004ll
#define ADDRESS 0xffff000000080280ull

enum by {
	EVENTS,   /* the answer is the state's: of the caller's instance, or of the shared one */
	HANDLERS, /* the answer is the caller's handler's: DENIED if it has none */
	WHOLE,    /* the answer is the same whoever asks */
	OWNERS,   /* private events are the caller's */
};

#define ALWAYS(result)                                         \
	{                                                      \
		result, result, result, result, result, result \
	}
#define UNCHANGED                                  \
	{                                          \
		SAME, SAME, SAME, SAME, SAME, SAME \
	}

static const struct row {
	const char *name;
	unsigned function;
	int64_t argument[5];
	unsigned kinds;
	enum by by;
	int64_t result[STATES];
	int next[STATES];
} rows[] = {
	{ "VERSION", 0x00, { 0 }, ALL, WHOLE, ALWAYS(0x0001000180000001ll), UNCHANGED },
	{ "REGISTER",
	  0x01,
	  { EV, (int64_t)ENTRY, 7, 0, 0 },
	  ALL,
	  EVENTS,
	  { OK, DEN, DEN, DEN, DEN, DEN },
	  { G, SAME, SAME, SAME, SAME, SAME } },
	{ "ENABLE",
	  0x02,
	  { EV },
	  ALL,
	  EVENTS,
	  { DEN, OK, OK, OK, OK, DEN },
	  { SAME, GE, GE, GER, GER, SAME } },
	{ "DISABLE",
	  0x03,
	  { EV },
	  ALL,
	  EVENTS,
	  { DEN, OK, OK, OK, OK, DEN },
	  { SAME, G, G, GR, GR, SAME } },
	{ "CONTEXT", 0x04, { 5 }, ALL, HANDLERS, { DEN, DEN, DEN, X5, X5, X5 }, UNCHANGED },
	{ "COMPLETE",
	  0x05,
	  { 0 },
	  ALL,
	  HANDLERS,
	  { DEN, DEN, DEN, GONE, GONE, GONE },
	  { SAME, SAME, SAME, GE, G, NONE } },
	{ "COMPLETE_AND_RESUME",
	  0x06,
	  { (int64_t)ADDRESS },
	  ALL,
	  HANDLERS,
	  { DEN, DEN, DEN, GONE, GONE, GONE },
	  { SAME, SAME, SAME, GE, G, NONE } },
	{ "UNREGISTER",
	  0x07,
	  { EV },
	  ALL,
	  EVENTS,
	  { DEN, OK, OK, PEND, PEND, PEND },
	  { SAME, NONE, NONE, R, R, SAME } },
	{ "STATUS", 0x08, { EV }, ALL, EVENTS, { 0, 1, 3, 7, 5, 4 }, UNCHANGED },
	{ "GET_INFO type", 0x09, { EV, 0 }, PRIVATES, WHOLE, ALWAYS(0), UNCHANGED },
	{ "GET_INFO type", 0x09, { EV, 0 }, SHAREDS, WHOLE, ALWAYS(1), UNCHANGED },
	{ "GET_INFO signaled", 0x09, { EV, 1 }, EVENT_ZERO, WHOLE, ALWAYS(0), UNCHANGED },
	{ "GET_INFO signaled", 0x09, { EV, 1 }, ALL - EVENT_ZERO, WHOLE, ALWAYS(1), UNCHANGED },
	{ "GET_INFO priority", 0x09, { EV, 2 }, ALL, WHOLE, ALWAYS(0), UNCHANGED },
	{ "GET_INFO mode", 0x09, { EV, 3 }, PRIVATES, WHOLE, ALWAYS(INV), UNCHANGED },
	{ "GET_INFO mode",
	  0x09,
	  { EV, 3 },
	  SHARED_STATIC,
	  WHOLE,
	  { DEN, 0, 0, 0, 0, 0 },
	  UNCHANGED },
	{ "GET_INFO mode",
	  0x09,
	  { EV, 3 },
	  SHARED_BOUND,
	  WHOLE,
	  { DEN, 1, 1, 1, 1, 1 },
	  UNCHANGED },
	{ "GET_INFO affinity", 0x09, { EV, 4 }, PRIVATES, WHOLE, ALWAYS(INV), UNCHANGED },
	{ "GET_INFO affinity",
	  0x09,
	  { EV, 4 },
	  SHARED_STATIC,
	  WHOLE,
	  { DEN, INV, INV, INV, INV, INV },
	  UNCHANGED },
	{ "GET_INFO affinity",
	  0x09,
	  { EV, 4 },
	  SHARED_BOUND,
	  WHOLE,
	  { DEN, 0x100, 0x100, 0x100, 0x100, 0x100 },
	  UNCHANGED },
	{ "GET_INFO 5", 0x09, { EV, 5 }, ALL, WHOLE, ALWAYS(INV), UNCHANGED },
	{ "ROUTING_SET", 0x0a, { EV, 0, 0 }, PRIVATES, WHOLE, ALWAYS(INV), UNCHANGED },
	{ "ROUTING_SET",
	  0x0a,
	  { EV, 1, 0x101 },
	  SHAREDS,
	  EVENTS,
	  { DEN, OK, DEN, DEN, DEN, DEN },
	  UNCHANGED },
	{ "PE_MASK", 0x0b, { 0 }, ALL, WHOLE, ALWAYS(1), UNCHANGED },
	{ "PE_UNMASK", 0x0c, { 0 }, ALL, WHOLE, ALWAYS(OK), UNCHANGED },
	{ "BIND of its own", 0x0d, { INTID }, BOUND, WHOLE, ALWAYS(EV), UNCHANGED },
	{ "BIND of another",
	  0x0d,
	  { OTHER_SPI },
	  ALL - SHARED_BOUND,
	  WHOLE,
	  ALWAYS(0x40000040),
	  UNCHANGED },
	{ "BIND of another",
	  0x0d,
	  { OTHER_SPI },
	  SHARED_BOUND,
	  WHOLE,
	  ALWAYS(0x40000041),
	  UNCHANGED },
	{ "BIND of none", 0x0d, { 7 }, ALL, WHOLE, ALWAYS(INV), UNCHANGED },
	{ "RELEASE", 0x0e, { EV }, STATIC, WHOLE, ALWAYS(INV), UNCHANGED },
	{ "RELEASE", 0x0e, { EV }, BOUND, WHOLE, { OK, DEN, DEN, DEN, DEN, DEN }, UNCHANGED },
	{ "SIGNAL of 0", 0x0f, { 0, 0x100 }, ALL, WHOLE, ALWAYS(OK), UNCHANGED },
	{ "SIGNAL of it", 0x0f, { EV, 0x100 }, ALL - EVENT_ZERO, WHOLE, ALWAYS(INV), UNCHANGED },
	{ "FEATURES slots", 0x10, { 0 }, ALL, WHOLE, ALWAYS(0x00020001), UNCHANGED },
	{ "FEATURES relative", 0x10, { 1 }, ALL, WHOLE, ALWAYS(1), UNCHANGED },
	{ "FEATURES 2", 0x10, { 2 }, ALL, WHOLE, ALWAYS(INV), UNCHANGED },
	{ "PRIVATE_RESET",
	  0x11,
	  { 0 },
	  PRIVATES,
	  OWNERS,
	  { OK, OK, OK, DEN, DEN, DEN },
	  { SAME, NONE, NONE, R, R, SAME } },
	{ "PRIVATE_RESET", 0x11, { 0 }, SHAREDS, WHOLE, ALWAYS(OK), UNCHANGED },
	{ "SHARED_RESET", 0x12, { 0 }, EVENT_ZERO | PRIVATE_STATIC, WHOLE, ALWAYS(OK), UNCHANGED },
	{ "SHARED_RESET",
	  0x12,
	  { 0 },
	  PRIVATE_BOUND,
	  WHOLE,
	  { OK, DEN, DEN, DEN, DEN, DEN },
	  UNCHANGED },
	{ "SHARED_RESET",
	  0x12,
	  { 0 },
	  SHAREDS,
	  WHOLE,
	  { OK, OK, OK, DEN, DEN, DEN },
	  { SAME, NONE, NONE, R, R, SAME } },
	{ "0x13", 0x13, { EV }, ALL, WHOLE, ALWAYS(NS), UNCHANGED },
	{ "0x1f", 0x1f, { EV }, ALL, WHOLE, ALWAYS(NS), UNCHANGED },
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static int32_t kind_event(struct machine *m, unsigned kind)
{
	switch (kind) {
	case EVENT_ZERO:
		return 0;
	case PRIVATE_STATIC:
		return PRIVATE_NORMAL;
	case PRIVATE_BOUND:
		return bind(m, 0, PPI);
	case SHARED_STATIC:
		return SHARED_NORMAL;
	}
	return bind(m, 0, SPI);
}

static void happen(struct machine *m, unsigned kind, int32_t event)
{
	if (kind & BOUND)
		pulse(m, 0, kind == PRIVATE_BOUND ? PPI : SPI);
	else
		raise_event(m, 0, event);
}

/* vCPU 0 is unmasked, and its instance, or the shared one, is in this state. */
static void bring_to(struct machine *m, unsigned kind, int32_t event, int state)
{
	unmask(m, 0);
	unmask(m, 1);
	if (state == NONE)
		return;
	register_to(m, 0, event, kind == SHARED_BOUND ? SDEI_FLAG_RM_PE : 0, mpidrs[0]);
	if (state == G)
		return;
	assert_int_equal(CALL(m, 0, EVENT_ENABLE, (uint32_t)event), OK);
	if (state == GE)
		return;
	happen(m, kind, event);
	fill(m, 0, SEED);
	assert_int_equal(run(m, 0), event);
	if (state == GR)
		assert_int_equal(CALL(m, 0, EVENT_DISABLE, (uint32_t)event), OK);
	if (state == R)
		assert_int_equal(CALL(m, 0, EVENT_UNREGISTER, (uint32_t)event), PEND);
}

static uint64_t meaning(int64_t value, unsigned kind, int32_t event)
{
	if (value == EV)
		return (uint32_t)event;
	if (value == INTID)
		return kind == PRIVATE_BOUND ? PPI : SPI;
	if (value == X5)
		return SEED + 0x0101010100000005ull;
	return (uint64_t)value;
}

static void is_back(struct machine *m, const struct row *row)
{
	const struct vcpu *v = &m->vcpus[0];

	for (unsigned i = 0; i < 18; i++)
		assert_int_equal(v->x[i], SEED + 0x0101010100000000ull + i);
	assert_int_equal(v->frame.pc, row->function == 0x05 ? 0x8000 : ADDRESS);
	assert_int_equal(m->completions, 1);
}

/* One cell. `result` and `next` are what it has to be. */
static void cell(const struct row *row, unsigned kind, int state, unsigned by, int64_t result,
		 int next)
{
	struct machine *m = machine();
	int32_t event = kind_event(m, kind);
	uint64_t argument[5];
	int64_t answer, status;

	bring_to(m, kind, event, state);
	assert_int_equal(status_of(m, 0, event), statuses[state]);
	for (unsigned i = 0; i < 5; i++)
		argument[i] = meaning(row->argument[i], kind, event);
	answer = call_of(m, by, row->function, argument);
	if (result == GONE)
		is_back(m, row);
	else if (answer != (int64_t)meaning(result, kind, event))
		fail_msg("%s of kind %#x in %s by %u: %lld", row->name, kind, state_names[state],
			 by, (long long)answer);
	status = status_of(m, 0, event);
	if (status != statuses[next == SAME ? state : next])
		fail_msg("%s of kind %#x in %s by %u: STATUS %lld", row->name, kind,
			 state_names[state], by, (long long)status);
	machine_free(m);
}

static void every_call_in_every_state(void **unused)
{
	(void)unused;
	for (unsigned r = 0; r < ROWS; r++)
		for (unsigned kind = 1; kind < 1u << KINDS; kind <<= 1)
			for (int state = 0; state < STATES && (rows[r].kinds & kind); state++)
				cell(&rows[r], kind, state, 0, rows[r].result[state],
				     rows[r].next[state]);
}

/* By vCPU 1: a shared event is the same to it; of a private one it has its own, unregistered. */
static void cell_of_another(const struct row *row, unsigned kind, int state)
{
	int64_t result = row->result[state];
	int next = row->next[state];

	if (row->by == HANDLERS) {
		result = DEN;
		next = SAME;
	}
	if (row->by == OWNERS || (row->by == EVENTS && kind & PRIVATES)) {
		result = row->result[NONE];
		next = SAME;
	}
	cell(row, kind, state, 1, result, next);
}

static void every_call_in_every_state_by_another_vcpu(void **unused)
{
	(void)unused;
	for (unsigned r = 0; r < ROWS; r++)
		for (unsigned kind = 1; kind < 1u << KINDS; kind <<= 1)
			for (int state = 0; state < STATES && (rows[r].kinds & kind); state++)
				cell_of_another(&rows[r], kind, state);
}

/* A slot that is not bound is no event to register; all else of it is as of any unregistered one. */
static void slots_that_are_not_bound(void **unused)
{
	static const uint32_t slots[] = { 0x40000000, 0x40000040 };
	struct machine *m = machine();

	(void)unused;
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(CALL(m, 0, EVENT_REGISTER, slots[i], ENTRY), DEN);
		assert_int_equal(CALL(m, 0, EVENT_ENABLE, slots[i]), DEN);
		assert_int_equal(CALL(m, 0, EVENT_DISABLE, slots[i]), DEN);
		assert_int_equal(CALL(m, 0, EVENT_UNREGISTER, slots[i]), DEN);
		assert_int_equal(CALL(m, 0, EVENT_STATUS, slots[i]), 0);
		assert_int_equal(CALL(m, 0, EVENT_GET_INFO, slots[i], 0), i);
		assert_int_equal(CALL(m, 0, EVENT_GET_INFO, slots[i], 2), 0);
		assert_int_equal(CALL(m, 0, EVENT_ROUTING_SET, slots[i], 0, 0), INV);
		assert_int_equal(CALL(m, 0, INTERRUPT_RELEASE, slots[i]), INV);
	}
	machine_free(m);
}

static void critical_events_say_so(void **unused)
{
	struct machine *m = machine();

	(void)unused;
	assert_int_equal(CALL(m, 0, EVENT_GET_INFO, PRIVATE_CRITICAL, 2), 1);
	assert_int_equal(CALL(m, 0, EVENT_GET_INFO, SHARED_CRITICAL, 2), 1);
	assert_int_equal(CALL(m, 0, EVENT_GET_INFO, SHARED_CRITICAL, 0), 1);
	machine_free(m);
}

/* --- Arguments. --------------------------------------------------------------------------------- */

/* None of these is an event: reserved bits, negative, the ones beside those that are, slots too many. */
static void numbers_that_are_no_event(void **unused)
{
	static const uint64_t numbers[] = { 1,          0xff,       0x102,      0x202,
					    0x01000100, 0x20000100, 0x3fffffff, 0x40000001,
					    0x4000003f, 0x40000042, 0x4000007f, 0x40000100,
					    0x7fffffff, 0x80000000, 0x80000100, 0xc0000000,
					    0xffffffff, ~0ull };
	static const unsigned functions[] = {
		0x01, 0x02, 0x03, 0x07, 0x08, 0x09, 0x0a, 0x0e, 0x0f
	};
	struct machine *m = machine();

	(void)unused;
	for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		for (unsigned j = 0; j < sizeof(functions) / sizeof(functions[0]); j++) {
			/* REGISTER's entry; a mode, a query and an MPIDR that are none. */
			uint64_t argument[5] = { numbers[i], functions[j] == 0x01 ? ENTRY : 0 };

			if (functions[j] == 0x0f)
				argument[1] = mpidrs[0];
			assert_int_equal(call_of(m, 0, functions[j], argument), INV);
		}
	machine_free(m);
}

/*
 * Each call has two things wrong. Event 0 of vCPU 0 and SHARED_NORMAL are registered and enabled, no
 * handler runs, SHARED_OTHER is not registered, all shared slots are taken.
 */
static void errors_come_in_their_order(void **unused)
{
	static const struct {
		unsigned function;
		uint64_t argument[5];
		int64_t error;
	} cases[] = {
		{ 0x13, { 1 }, NS },
		{ 0x01, { 0, 2 }, INV },            /* entry; registered */
		{ 0x01, { 0, 0 }, INV },            /* entry; registered */
		{ 0x01, { 0, 0x6000 }, INV },       /* refused entry; registered */
		{ 0x01, { 0, ENTRY, 0, 4 }, INV },  /* flags; registered */
		{ 0x01, { 0, 0x6000, 0, 2 }, DEN }, /* relative: not asked; registered */
		{ 0x01, { 0, 0x6002, 0, 2 }, INV }, /* relative entry; registered */
		{ 0x01, { SHARED_NORMAL, ENTRY, 0, 1, 3 }, INV }, /* MPIDR; registered */
		{ 0x01, { SHARED_NORMAL, ENTRY, 0, 1, 0x100 }, DEN },
		{ 0x01, { SHARED_NORMAL, ENTRY, 0, 0, 3 }, DEN }, /* RM_ANY has no MPIDR */
		{ 0x01, { 0, ENTRY, 0, 1, 3 }, DEN },             /* nor has a private event */
		{ 0x04, { 18 }, INV },                            /* n; no handler */
		{ 0x04, { 0x80000000 }, INV },
		{ 0x04, { 17 }, DEN },
		{ 0x06, { 0 }, INV }, /* address; no handler */
		{ 0x06, { 0x8001 }, INV },
		{ 0x06, { 0x6000 }, INV },
		{ 0x06, { 0x8000 }, DEN },
		{ 0x09, { 0, 5 }, INV },
		{ 0x09, { SHARED_OTHER, 5 }, INV }, /* query; unregistered */
		{ 0x09, { SHARED_OTHER, 4 }, DEN },
		{ 0x09, { 0, 3 }, INV }, /* private, registered or not */
		{ 0x09, { PRIVATE_NORMAL, 4 }, INV },
		{ 0x0a, { SHARED_NORMAL, 2, 0x100 }, INV }, /* mode; enabled */
		{ 0x0a, { SHARED_NORMAL, 1ull << 32, 0x100 }, INV },
		{ 0x0a, { SHARED_NORMAL, 1, 3 }, INV }, /* MPIDR; enabled */
		{ 0x0a, { SHARED_NORMAL, 1, 0x100 }, DEN },
		{ 0x0a, { SHARED_OTHER, 1, 3 }, INV }, /* MPIDR; unregistered */
		{ 0x0a, { 0, 0, 0 }, INV },            /* private; enabled */
		{ 0x0d, { 15 }, INV },                 /* SGI; no slot */
		{ 0x0d, { 300 }, INV },                /* not there; no slot */
		{ 0x0d, { SPI + 1 }, OOR },
		{ 0x0e, { 0 }, INV }, /* static; registered */
		{ 0x0e, { SHARED_NORMAL }, INV },
		{ 0x0f, { 0, 3 }, INV }, /* MPIDR */
		{ 0x0f, { 0, 0x80000100 }, INV },
		{ 0x0f, { PRIVATE_NORMAL, 0x100 }, INV },
	};
	struct machine *m = machine();

	(void)unused;
	m->refused_entry = 0x6000;
	enable(m, 0, 0);
	enable(m, 0, SHARED_NORMAL);
	bind(m, 0, SPI);
	bind(m, 0, OTHER_SPI);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t answer = call_of(m, 0, cases[i].function, cases[i].argument);

		if (answer != cases[i].error)
			fail_msg("case %u: %lld", i, (long long)answer);
	}
	machine_free(m);
}

static void reserved_flags_of_register(void **unused)
{
	struct machine *m = machine();

	(void)unused;
	for (unsigned bit = 2; bit < 64; bit++)
		assert_int_equal(CALL(m, 0, EVENT_REGISTER, 0, ENTRY, 0, 1ull << bit), INV);
	assert_int_equal(status_of(m, 0, 0), 0);
	machine_free(m);
}

static void version_1_0_has_no_relative_entries(void **unused)
{
	struct sdei_config config = standard_config();
	struct machine *m;

	(void)unused;
	config.minor = 0;
	config.vendor = 0x12345678;
	m = machine_of(&config);
	assert_int_equal(CALL(m, 0, VERSION), 0x0001000012345678);
	assert_int_equal(CALL(m, 0, FEATURES, 1), INV);
	assert_int_equal(CALL(m, 0, EVENT_REGISTER, 0, 0x800, 0, SDEI_FLAG_RELATIVE), INV);
	assert_int_equal(CALL(m, 0, EVENT_REGISTER, 0, 0x800, 0, 0), OK);
	machine_free(m);
}

/* A relative entry may be 0: it is VBAR_EL1 itself. It is still a multiple of 4. */
static void relative_entries_are_any_multiple_of_4(void **unused)
{
	struct machine *m = machine();

	(void)unused;
	assert_int_equal(CALL(m, 0, EVENT_REGISTER, 0, 1, 0, SDEI_FLAG_RELATIVE), INV);
	assert_int_equal(CALL(m, 0, EVENT_REGISTER, 0, 2, 0, SDEI_FLAG_RELATIVE), INV);
	assert_int_equal(CALL(m, 0, EVENT_REGISTER, 0, 0, 0, SDEI_FLAG_RELATIVE), OK);
	machine_free(m);
}

/* --- Which bits count. --------------------------------------------------------------------------- */

static void errors_are_sign_extended_to_64_bits(void **unused)
{
	struct machine *m = machine();

	(void)unused;
	CALL(m, 0, EVENT_ENABLE, 0);
	assert_int_equal(m->vcpus[0].x[0], 0xfffffffffffffffdull);
	CALL(m, 0, EVENT_ENABLE, 1);
	assert_int_equal(m->vcpus[0].x[0], 0xfffffffffffffffeull);
	call_of(m, 0, 0x1e, (const uint64_t[5]){ 0 });
	assert_int_equal(m->vcpus[0].x[0], 0xffffffffffffffffull);
	CALL(m, 0, INTERRUPT_BIND, SPI);
	CALL(m, 0, INTERRUPT_BIND, SPI + 1);
	CALL(m, 0, INTERRUPT_BIND, OTHER_SPI);
	assert_int_equal(m->vcpus[0].x[0], 0xfffffffffffffff6ull);
	machine_free(m);
}

#define JUNK 0xabadcafe00000000ull

static void upper_halves_of_32_bit_arguments_are_ignored(void **unused)
{
	struct machine *m = machine();

	(void)unused;
	unmask(m, 0);
	assert_int_equal(CALL(m, 0, EVENT_REGISTER, JUNK | SHARED_NORMAL, ENTRY), OK);
	assert_int_equal(CALL(m, 0, EVENT_ROUTING_SET, JUNK | SHARED_NORMAL, 1, 0x101), OK);
	assert_int_equal(CALL(m, 0, EVENT_GET_INFO, JUNK | SHARED_NORMAL, JUNK | 4), 0x101);
	assert_int_equal(CALL(m, 0, EVENT_ENABLE, JUNK | SHARED_NORMAL), OK);
	assert_int_equal(CALL(m, 0, EVENT_STATUS, JUNK | SHARED_NORMAL), 3);
	assert_int_equal(CALL(m, 0, EVENT_DISABLE, JUNK | SHARED_NORMAL), OK);
	assert_int_equal(CALL(m, 0, EVENT_UNREGISTER, JUNK | SHARED_NORMAL), OK);
	assert_int_equal(CALL(m, 0, INTERRUPT_BIND, JUNK | SPI), 0x40000040);
	assert_int_equal(CALL(m, 0, INTERRUPT_RELEASE, JUNK | 0x40000040), OK);
	assert_int_equal(CALL(m, 0, FEATURES, JUNK), 0x20001);
	enable(m, 0, 0);
	assert_int_equal(CALL(m, 0, EVENT_SIGNAL, JUNK, 0x100), OK);
	fill(m, 0, SEED);
	assert_int_equal(run(m, 0), 0);
	assert_int_equal(CALL(m, 0, EVENT_CONTEXT, JUNK | 16), SEED + 0x0101010100000010ull);
	/* The function itself is of 32 bits, too. SMCCC 3.1. */
	m->vcpus[0].x[0] = JUNK | 0xc4000020;
	assert_int_equal(sdei_call(m->sdei, 0, frame_of(m, 0)), SDEI_DONE);
	assert_int_equal(m->vcpus[0].x[0], 0x0001000180000001ull);
	machine_free(m);
}

static void all_64_bits_of_the_others_count(void **unused)
{
	struct machine *m = machine();

	(void)unused;
	unmask(m, 3);
	assert_int_equal(CALL(m, 0, EVENT_REGISTER, 0, ENTRY, 0, 1ull << 32), INV);
	assert_int_equal(CALL(m, 0, EVENT_SIGNAL, 0, JUNK | 0x100), INV);
	assert_int_equal(CALL(m, 0, EVENT_SIGNAL, 0, 0x00010203), INV); /* vCPU 3, without Aff3 */
	register_to(m, 0, SHARED_NORMAL, SDEI_FLAG_RM_PE, mpidrs[3]);
	assert_int_equal(CALL(m, 0, EVENT_GET_INFO, SHARED_NORMAL, 4), 0xff00010203);
	assert_int_equal(CALL(m, 0, EVENT_ENABLE, SHARED_NORMAL), OK);
	raise_event(m, 0, SHARED_NORMAL);
	assert_int_equal(run(m, 3), SHARED_NORMAL);
	assert_int_equal(m->vcpus[3].x[1], ARGUMENT);
	assert_int_equal(frame_of(m, 3)->pc, ENTRY);
	machine_free(m);
}

static void the_range_of_function_identifiers(void **unused)
{
	(void)unused;
	assert_true(sdei_is_call(0xc4000020));
	assert_true(sdei_is_call(0xc400003f));
	assert_true(sdei_is_call(JUNK | 0xc4000032));
	assert_false(sdei_is_call(0xc400001f));
	assert_false(sdei_is_call(0xc4000040));
	assert_false(sdei_is_call(0x84000020)); /* SMC32 */
	assert_false(sdei_is_call(0xc4010020));
	assert_false(sdei_is_call(0));
}

/* Of a call that returns, the guest keeps x1 to x30, PC, PSTATE; ELR_EL1 and SPSR_EL1 are not written. */
static void a_call_changes_nothing_but_x0(void **unused)
{
	struct machine *m = machine();

	(void)unused;
	for (unsigned function = 0; function < 0x20; function++) {
		struct vcpu before;
		struct sdei_frame *frame = frame_of(m, 0);

		fill(m, 0, SEED);
		m->vcpus[0].x[0] = 0xc4000020 + function;
		frame->elr_el1 = 0x1111;
		frame->spsr_el1 = 0x2222;
		before = m->vcpus[0];
		assert_int_equal(sdei_call(m->sdei, 0, frame), SDEI_DONE);
		m->vcpus[0].x[0] = before.x[0];
		assert_memory_equal(m->vcpus[0].x, before.x, sizeof(before.x));
		assert_int_equal(frame->pc, before.frame.pc);
		assert_int_equal(frame->pstate, before.frame.pstate);
		assert_int_equal(frame->elr_el1, 0x1111);
		assert_int_equal(frame->spsr_el1, 0x2222);
		assert_false(frame->resumed);
	}
	machine_free(m);
}

/* --- Resets, of several events at once. ------------------------------------------------------------ */

/* DENIED by one that runs, and all others are unregistered all the same. */
static void private_reset_goes_on_after_one_that_runs(void **unused)
{
	struct machine *m = machine();

	(void)unused;
	unmask(m, 0);
	enable(m, 0, 0);
	enable(m, 0, PRIVATE_NORMAL);
	enable(m, 0, PRIVATE_CRITICAL);
	enable(m, 1, PRIVATE_CRITICAL);
	enable(m, 0, SHARED_NORMAL);
	raise_event(m, 0, PRIVATE_NORMAL);
	assert_int_equal(run(m, 0), PRIVATE_NORMAL);
	assert_int_equal(CALL(m, 0, PRIVATE_RESET), DEN);
	assert_int_equal(status_of(m, 0, 0), 0);
	assert_int_equal(status_of(m, 0, PRIVATE_NORMAL), 4);
	assert_int_equal(status_of(m, 0, PRIVATE_CRITICAL), 0);
	assert_int_equal(status_of(m, 1, PRIVATE_CRITICAL), 3);
	assert_int_equal(status_of(m, 0, SHARED_NORMAL), 3);
	complete(m, 0);
	assert_int_equal(status_of(m, 0, PRIVATE_NORMAL), 0);
	assert_int_equal(CALL(m, 0, PRIVATE_RESET), OK);
	machine_free(m);
}

static void shared_reset_goes_on_after_one_that_runs(void **unused)
{
	struct machine *m = machine();
	int32_t first = bind(m, 0, SPI), second = bind(m, 0, OTHER_SPI);

	(void)unused;
	unmask(m, 1);
	enable(m, 0, SHARED_NORMAL);
	enable(m, 0, SHARED_CRITICAL);
	enable(m, 0, first);
	enable(m, 0, second);
	enable(m, 0, PRIVATE_NORMAL);
	raise_event(m, 0, SHARED_CRITICAL);
	assert_int_equal(run(m, 1), SHARED_CRITICAL);
	assert_int_equal(CALL(m, 0, SHARED_RESET), DEN);
	assert_int_equal(status_of(m, 0, SHARED_NORMAL), 0);
	assert_int_equal(status_of(m, 0, SHARED_CRITICAL), 4);
	assert_int_equal(status_of(m, 0, PRIVATE_NORMAL), 3);
	assert_false(irq_at(m, 0, SPI)->diverted);
	assert_false(irq_at(m, 0, OTHER_SPI)->diverted);
	complete(m, 1);
	assert_int_equal(status_of(m, 0, SHARED_CRITICAL), 0);
	assert_int_equal(CALL(m, 0, SHARED_RESET), OK);
	machine_free(m);
}

/* --- Statistics. ------------------------------------------------------------------------------------ */

static void statistics_count_calls_and_refusals(void **unused)
{
	struct machine *m = machine();
	struct sdei_stats stats;

	(void)unused;
	unmask(m, 1);
	enable(m, 1, 0);                               /* 3 calls */
	CALL(m, 1, EVENT_REGISTER, 0, ENTRY);          /* refused */
	call_of(m, 1, 0x1f, (const uint64_t[5]){ 0 }); /* refused */
	raise_event(m, 1, 0);
	assert_int_equal(run(m, 1), 0);
	complete(m, 1);
	assert_int_equal(sdei_stats(m->sdei, 1, &stats), 0);
	assert_int_equal(stats.calls, 6);
	assert_int_equal(stats.refused, 2);
	assert_int_equal(stats.normal, 1);
	assert_int_equal(stats.critical, 0);
	enable(m, 1, PRIVATE_CRITICAL);
	raise_event(m, 1, PRIVATE_CRITICAL);
	assert_int_equal(run(m, 1), PRIVATE_CRITICAL);
	/* A saved x5 that looks negative is no error. */
	assert_int_equal(CALL(m, 1, EVENT_CONTEXT, 5), 0);
	sdei_reset(m->sdei);
	assert_int_equal(sdei_stats(m->sdei, 1, &stats), 0);
	assert_int_equal(stats.calls, 9);
	assert_int_equal(stats.refused, 2);
	assert_int_equal(stats.normal, 1);
	assert_int_equal(stats.critical, 1);
	assert_int_equal(sdei_stats(m->sdei, 0, &stats), 0);
	assert_int_equal(stats.calls, 0);
	assert_int_equal(sdei_stats(m->sdei, VCPUS, &stats), -VIRQ_ERR_RANGE);
	machine_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_call_in_every_state),
		cmocka_unit_test(every_call_in_every_state_by_another_vcpu),
		cmocka_unit_test(slots_that_are_not_bound),
		cmocka_unit_test(critical_events_say_so),
		cmocka_unit_test(numbers_that_are_no_event),
		cmocka_unit_test(errors_come_in_their_order),
		cmocka_unit_test(reserved_flags_of_register),
		cmocka_unit_test(version_1_0_has_no_relative_entries),
		cmocka_unit_test(relative_entries_are_any_multiple_of_4),
		cmocka_unit_test(errors_are_sign_extended_to_64_bits),
		cmocka_unit_test(upper_halves_of_32_bit_arguments_are_ignored),
		cmocka_unit_test(all_64_bits_of_the_others_count),
		cmocka_unit_test(the_range_of_function_identifiers),
		cmocka_unit_test(a_call_changes_nothing_but_x0),
		cmocka_unit_test(private_reset_goes_on_after_one_that_runs),
		cmocka_unit_test(shared_reset_goes_on_after_one_that_runs),
		cmocka_unit_test(statistics_count_calls_and_refusals),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("sdei_calls", tests, NULL, NULL);
}
