/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The saved state of an SDEI dispatcher (lib/sdei/state.md), taken in the middle of nested handlers; every
 * reason to refuse one; what a configuration may be; the ACPI table.
 */
#include "sdei_fixture.h"

/* Where state.md says that things are, in the standard machine: 4 private events, 5 shared ones. */
#define PRIVATES    4u
#define SHAREDS     5u
#define HEAD        20u
#define EVENT(n)    (HEAD + 12 * (n)) /* private ones first */
#define SHARED(n)   (EVENT(PRIVATES + SHAREDS) + 20 * (n))
#define PE(n)       (SHARED(SHAREDS) + (336 + 20 * PRIVATES) * (n))
#define NORMAL(n)   (PE(n) + 16) /* contexts */
#define CRITICAL(n) (NORMAL(n) + 160)
#define OWN(n, e)   (PE(n) + 336 + 20 * (e))
#define SIZE        PE(VCPUS)
#define TARGET      2 /* in a handler */
#define AT_ENTRY    4
#define AT_ARG      12
#define AT_PSTATE   (19 * 8) /* in a context */

/* Indices: of private events, of shared ones. */
enum { P_ZERO, P_NORMAL, P_CRITICAL, P_SLOT };
enum { S_NORMAL, S_CRITICAL, S_OTHER, S_SLOT, S_SLOT2 };

#define PPI_EVENT 0x40000000
#define SPI_EVENT 0x40000040

/*
 * vCPU 0: in the handler of its PPI, and in it in that of PRIVATE_CRITICAL. vCPU 1: in that of
 * SHARED_NORMAL, which another has unregistered meanwhile. vCPU 2: unmasked and idle, PRIVATE_NORMAL
 * registered with a relative entry and pending, not enabled. vCPU 3: masked, with event 0 enabled and
 * pending. SHARED_OTHER: to vCPU 3, pending. The SPI is level-sensitive, its event registered to any.
 */
static struct machine *midway(void)
{
	struct machine *m = machine();

	irq_at(m, 0, SPI)->level = true;
	for (unsigned i = 0; i < 3; i++)
		unmask(m, i);
	assert_int_equal(bind(m, 0, PPI), PPI_EVENT);
	assert_int_equal(bind(m, 2, SPI), SPI_EVENT);
	enable(m, 0, PPI_EVENT);
	enable(m, 0, PRIVATE_CRITICAL);
	enable_to(m, 0, SHARED_NORMAL, 1);
	enable_to(m, 0, SHARED_OTHER, 3);
	register_to(m, 1, SPI_EVENT, 0, 0);
	enable(m, 3, 0);
	fill(m, 0, SEED);
	frame_of(m, 0)->pstate = 0x90400005;
	pulse(m, 0, PPI);
	assert_int_equal(run(m, 0), PPI_EVENT);
	fill(m, 0, 0x2200000000000000ull);
	raise_event(m, 0, PRIVATE_CRITICAL);
	assert_int_equal(run(m, 0), PRIVATE_CRITICAL);
	raise_event(m, 1, SHARED_NORMAL);
	frame_of(m, 1)->pstate = 0xf80f0030; /* AArch32 */
	assert_int_equal(run(m, 1), SHARED_NORMAL);
	assert_int_equal(CALL(m, 2, EVENT_UNREGISTER, SHARED_NORMAL), PEND);
	assert_int_equal(CALL(m, 2, EVENT_REGISTER, PRIVATE_NORMAL, 0x284, 5, 2), OK);
	raise_event(m, 2, PRIVATE_NORMAL);
	raise_event(m, 3, 0);
	raise_event(m, 3, SHARED_OTHER);
	set_line(m, 0, SPI, true);
	return m;
}

static uint8_t *save(struct machine *m)
{
	uint8_t *image = malloc(SIZE);

	assert_non_null(image);
	assert_int_equal(sdei_save_size(m->sdei), SIZE);
	memset(image, 0x5a, SIZE);
	assert_int_equal(sdei_save(m->sdei, image, SIZE), SIZE);
	return image;
}

static void is_saved_as(struct machine *m, const uint8_t *expected)
{
	uint8_t *image = save(m);

	assert_memory_equal(image, expected, SIZE);
	free(image);
}

/* The interrupt controller's state is restored before: all but what is diverted. */
static void move_interrupts(struct machine *to, const struct machine *from)
{
	memcpy(to->ppi, from->ppi, sizeof(to->ppi));
	memcpy(to->spi, from->spi, sizeof(to->spi));
	for (unsigned i = 0; i < VCPUS; i++)
		for (unsigned j = 0; j < 2; j++)
			to->ppi[i][j].diverted = false;
	for (unsigned i = 0; i < 4; i++)
		to->spi[i].diverted = false;
}

static uint64_t number_at(const uint8_t *at, unsigned bytes)
{
	uint64_t value = 0;

	while (bytes--)
		value = value << 8 | at[bytes];
	return value;
}

static void put_at(uint8_t *at, unsigned bytes, uint64_t value)
{
	for (unsigned i = 0; i < bytes; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

/* --- There and back. ------------------------------------------------------------------------------- */

static void the_image_is_as_documented(void **unused)
{
	struct machine *m = midway();
	uint8_t *image = save(m);

	(void)unused;
	assert_memory_equal(image, "CVSD", 4);
	assert_int_equal(number_at(image + 4, 4), 1);
	assert_int_equal(number_at(image + 8, 2), VCPUS);
	assert_int_equal(number_at(image + 10, 2), 1);
	assert_int_equal(number_at(image + 12, 4), SDEI_HAS_PAN | SDEI_HAS_AARCH32);
	assert_int_equal(number_at(image + 16, 2), PRIVATES);
	assert_int_equal(number_at(image + 18, 2), SHAREDS);
	assert_int_equal(number_at(image + EVENT(P_CRITICAL), 4), PRIVATE_CRITICAL);
	assert_int_equal(number_at(image + EVENT(P_CRITICAL) + 4, 4), 1);
	assert_int_equal(number_at(image + EVENT(P_SLOT) + 8, 4), PPI);
	assert_int_equal(number_at(image + EVENT(PRIVATES + S_SLOT) + 8, 4), SPI);
	assert_int_equal(number_at(image + EVENT(PRIVATES + S_SLOT2) + 8, 4), 0);
	assert_int_equal(number_at(image + SHARED(S_NORMAL), 2), 4);
	assert_int_equal(number_at(image + SHARED(S_NORMAL) + TARGET, 2), 1);
	assert_int_equal(number_at(image + SHARED(S_OTHER), 2), 1 | 2 | 8);
	assert_int_equal(number_at(image + SHARED(S_OTHER) + TARGET, 2), 3);
	assert_int_equal(number_at(image + SHARED(S_SLOT), 2), 1 | 8 | 16);
	assert_int_equal(number_at(image + SHARED(S_SLOT) + AT_ENTRY, 8), ENTRY);
	assert_int_equal(number_at(image + SHARED(S_SLOT) + AT_ARG, 8), ARGUMENT);
	assert_int_equal(number_at(image + OWN(2, P_NORMAL), 2), 1 | 8 | 32);
	assert_int_equal(number_at(image + OWN(2, P_NORMAL) + AT_ENTRY, 8), 0x284);
	assert_int_equal(number_at(image + OWN(0, P_SLOT), 2), 1 | 2 | 4);
	assert_int_equal(number_at(image + PE(0), 4), 0);
	assert_int_equal(number_at(image + PE(3), 4), 1);
	assert_int_equal(image[PE(0) + 4], P_SLOT);
	assert_int_equal(image[PE(0) + 5], P_CRITICAL);
	assert_int_equal(image[PE(1) + 4], 64 + S_NORMAL);
	assert_int_equal(image[PE(1) + 5], 0xff);
	assert_int_equal(number_at(image + PE(0) + 8, 8), 1 << P_SLOT);
	assert_int_equal(number_at(image + NORMAL(0) + 17 * 8, 8), X(17));
	assert_int_equal(number_at(image + NORMAL(0) + 18 * 8, 8), 0x8000);
	assert_int_equal(number_at(image + NORMAL(0) + AT_PSTATE, 8), 0x90400005);
	assert_int_equal(number_at(image + CRITICAL(0) + 18 * 8, 8), ENTRY);
	assert_int_equal(number_at(image + CRITICAL(0) + AT_PSTATE, 8), 0x904003c5);
	for (unsigned i = 0; i < 160; i++)
		assert_int_equal(image[CRITICAL(1) + i], 0);
	free(image);
	machine_free(m);
}

static void saving_needs_room(void **unused)
{
	struct machine *m = machine();
	uint8_t image[SIZE];

	(void)unused;
	assert_int_equal(sdei_save(m->sdei, image, SIZE - 1), -VIRQ_ERR_MEMORY);
	assert_int_equal(sdei_save(m->sdei, image, 0), -VIRQ_ERR_MEMORY);
	assert_int_equal(sdei_save(m->sdei, image, SIZE), SIZE);
	machine_free(m);
}

/* What the guest of midway() sees from then on. */
static void goes_on(struct machine *m)
{
	struct vcpu *v = &m->vcpus[0];

	assert_int_equal(status_of(m, 0, PPI_EVENT), 7);
	assert_int_equal(status_of(m, 0, PRIVATE_CRITICAL), 7);
	assert_int_equal(status_of(m, 0, SHARED_NORMAL), 4);
	assert_int_equal(status_of(m, 2, PRIVATE_NORMAL), 1);
	assert_int_equal(status_of(m, 3, 0), 3);
	assert_int_equal(CALL(m, 0, EVENT_GET_INFO, SHARED_OTHER, 4), mpidrs[3]);
	assert_int_equal(CALL(m, 0, EVENT_GET_INFO, SPI_EVENT, 3), 0);
	for (unsigned i = 0; i < VCPUS; i++)
		assert_int_equal(run(m, i), NO_EVENT);
	/* Out of both handlers of vCPU 0. */
	assert_int_equal(CALL(m, 0, EVENT_CONTEXT, 16), X(16) - SEED + 0x2200000000000000ull);
	complete(m, 0);
	assert_int_equal(v->frame.pc, ENTRY);
	assert_int_equal(v->frame.pstate, 0x904003c5);
	assert_int_equal(CALL(m, 0, EVENT_CONTEXT, 16), X(16));
	pulse(m, 0, PPI);
	complete(m, 0);
	assert_int_equal(v->frame.pc, 0x8000);
	assert_int_equal(v->frame.pstate, 0x90400005);
	for (unsigned i = 0; i < 18; i++)
		assert_int_equal(v->x[i], X(i));
	assert_int_equal(run(m, 0), PPI_EVENT);
	assert_int_equal(v->x[1], ARGUMENT);
	/* vCPU 1 ends what was unregistered. */
	complete(m, 1);
	assert_int_equal(frame_of(m, 1)->pstate, 0xf80f0030);
	assert_int_equal(frame_of(m, 1)->pc, 0x9000);
	assert_int_equal(status_of(m, 1, SHARED_NORMAL), 0);
	/* vCPU 2: relative entry, what was pending; then the level. */
	assert_int_equal(CALL(m, 2, EVENT_ENABLE, PRIVATE_NORMAL), OK);
	assert_int_equal(run(m, 2), PRIVATE_NORMAL);
	assert_int_equal(frame_of(m, 2)->pc, frame_of(m, 2)->vbar_el1 + 0x284);
	forget_kicks(m);
	assert_int_equal(CALL(m, 0, EVENT_ENABLE, SPI_EVENT), OK);
	assert_int_equal(kicked(m), 1u << 1);
	assert_int_equal(run(m, 1), SPI_EVENT);
	/* vCPU 3: event 0, then the shared one. */
	unmask(m, 3);
	assert_int_equal(run(m, 3), 0);
	complete(m, 3);
	assert_int_equal(run(m, 3), SHARED_OTHER);
	complete(m, 3);
	assert_int_equal(run(m, 3), NO_EVENT);
}

static void a_saved_dispatcher_goes_on_where_it_was(void **unused)
{
	struct machine *m = midway(), *to = machine();
	uint8_t *image = save(m);
	const char *why = "";

	(void)unused;
	move_interrupts(to, m);
	assert_int_equal(sdei_restore(to->sdei, image, SIZE, &why), 0);
	assert_null(why);
	assert_true(irq_at(to, 0, PPI)->diverted);
	assert_false(irq_at(to, 1, PPI)->diverted);
	assert_true(irq_at(to, 0, SPI)->diverted);
	assert_int_equal(to->bound_calls, 2);
	is_saved_as(to, image);
	is_saved_as(m, image); /* saving changes nothing */
	goes_on(m);
	goes_on(to);
	free(image);
	machine_free(m);
	machine_free(to);
}

/* Into one that has other bindings, handlers, and events under way: nothing of them is left. */
static void into_a_dispatcher_that_was_at_work(void **unused)
{
	struct machine *m = midway(), *to = machine();
	uint8_t *image = save(m);

	(void)unused;
	assert_int_equal(bind(to, 3, OTHER_PPI), PPI_EVENT);
	assert_int_equal(bind(to, 3, OTHER_SPI), SPI_EVENT);
	assert_int_equal(bind(to, 3, SPI + 1), SPI_EVENT + 1);
	enable(to, 3, SHARED_NORMAL);
	enable(to, 3, SHARED_CRITICAL);
	enable(to, 3, SPI_EVENT);
	for (unsigned i = 0; i < VCPUS; i++)
		unmask(to, i);
	raise_event(to, 3, SHARED_NORMAL);
	assert_int_equal(run(to, 2), SHARED_NORMAL);
	pulse(to, 3, OTHER_SPI);
	raise_event(to, 3, SHARED_CRITICAL);
	/* The vGIC's state is restored before this: its interrupts are as in the other machine. */
	irq_at(to, 0, PPI)->active = true;
	irq_at(to, 0, SPI)->level = irq_at(to, 0, SPI)->line = true;
	assert_int_equal(sdei_restore(to->sdei, image, SIZE, NULL), 0);
	assert_false(irq_at(to, 3, OTHER_PPI)->diverted);
	assert_false(irq_at(to, 3, OTHER_SPI)->diverted);
	assert_false(irq_at(to, 3, SPI + 1)->diverted);
	assert_int_equal(to->unbound_calls, 3);
	is_saved_as(to, image);
	goes_on(to);
	free(image);
	machine_free(m);
	machine_free(to);
}

/* What can be delivered at once is. */
static void a_restored_event_is_delivered(void **unused)
{
	struct machine *m = machine(), *to = machine();
	uint8_t *image;

	(void)unused;
	enable(m, 0, SHARED_NORMAL);
	enable(m, 0, 0);
	unmask(m, 0);
	unmask(m, 2);
	raise_event(m, 0, SHARED_NORMAL);
	raise_event(m, 0, 0);
	image = save(m);
	assert_int_equal(sdei_restore(to->sdei, image, SIZE, NULL), 0);
	assert_int_equal(run(to, 0), 0);
	assert_int_equal(kicked(to) & 1u << 2, 1u << 2);
	assert_int_equal(run(to, 2), SHARED_NORMAL);
	free(image);
	machine_free(m);
	machine_free(to);
}

/* --- What is refused. ---------------------------------------------------------------------------------- */

static void refused(struct machine *m, const uint8_t *image, size_t size, const char *prefix)
{
	uint8_t *before = save(m);
	const char *why = NULL;

	assert_int_equal(sdei_restore(m->sdei, image, size, &why), -VIRQ_ERR_STATE);
	assert_non_null(why);
	if (strncmp(why, prefix, strlen(prefix)))
		fail_msg("refused, but not for %s: %s", prefix, why);
	assert_int_equal(sdei_restore(m->sdei, image, size, NULL), -VIRQ_ERR_STATE);
	is_saved_as(m, before);
	free(before);
}

#define PSTATES_AT(n) (NORMAL(n) + AT_PSTATE)

/* Each: one field of the image of midway(), and the start of the reason. */
static const struct flip {
	unsigned at, bytes;
	uint64_t value;
	const char *why;
} flips[] = {
	{ 0, 4, 0x44535644, "magic:" },
	{ 4, 4, 0, "format:" },
	{ 4, 4, 2, "format:" },
	{ 8, 2, VCPUS - 1, "vcpus:" },
	{ 8, 2, 0x104, "vcpus:" },
	{ 10, 2, 0, "minor:" },
	{ 12, 4, SDEI_HAS_PAN, "features:" },
	{ 12, 4, 0xffffffff, "features:" },
	{ 16, 2, PRIVATES + 1, "events:" },
	{ 18, 2, SHAREDS - 1, "events:" },
	/* Events. */
	{ EVENT(P_ZERO), 4, 1, "event:" },
	{ EVENT(P_NORMAL), 4, PRIVATE_CRITICAL, "event:" },
	{ EVENT(P_NORMAL) + 4, 4, 1, "event:" },
	{ EVENT(P_CRITICAL) + 4, 4, 0, "event:" },
	{ EVENT(P_CRITICAL) + 4, 4, 0x101, "event:" },
	{ EVENT(P_SLOT), 4, SPI_EVENT, "event:" },
	{ EVENT(PRIVATES + S_SLOT2) + 4, 4, 1, "event:" },
	{ EVENT(P_ZERO) + 8, 4, OTHER_PPI, "interrupt:" },
	{ EVENT(P_NORMAL) + 8, 4, OTHER_PPI, "interrupt:" },
	{ EVENT(PRIVATES + S_NORMAL) + 8, 4, OTHER_SPI, "interrupt:" },
	{ EVENT(P_SLOT) + 8, 4, 15, "interrupt:" },
	{ EVENT(P_SLOT) + 8, 4, 26, "interrupt:" },
	{ EVENT(P_SLOT) + 8, 4, OTHER_SPI, "interrupt:" },
	{ EVENT(PRIVATES + S_SLOT2) + 8, 4, OTHER_PPI, "interrupt:" },
	{ EVENT(PRIVATES + S_SLOT2) + 8, 4, 7, "interrupt:" },
	{ EVENT(PRIVATES + S_SLOT2) + 8, 4, 1023, "interrupt:" },
	{ EVENT(PRIVATES + S_SLOT2) + 8, 4, 0x80000000 + SPI, "interrupt:" },
	{ EVENT(PRIVATES + S_SLOT2) + 8, 4, SPI, "interrupt:" }, /* twice */
	/* Handlers. */
	{ SHARED(S_OTHER), 2, 1 | 2 | 8 | 64, "handler:" },
	{ SHARED(S_OTHER), 2, 0x8000 | 1 | 2 | 8, "handler:" },
	{ SHARED(S_CRITICAL), 2, 64, "handler:" },
	{ OWN(3, P_ZERO), 2, 1 | 2 | 8 | 16, "handler:" },
	{ SHARED(S_OTHER), 2, 2, "handler:" },
	{ SHARED(S_CRITICAL), 2, 2, "handler:" },
	{ SHARED(S_NORMAL), 2, 4 | 2, "handler:" },
	{ SHARED(S_CRITICAL), 2, 16, "handler:" },
	{ SHARED(S_CRITICAL), 2, 32, "handler:" },
	{ SHARED(S_CRITICAL) + TARGET, 2, 1, "handler:" },
	{ SHARED(S_CRITICAL) + AT_ENTRY, 8, 4, "handler:" },
	{ SHARED(S_CRITICAL) + AT_ARG, 8, 1ull << 63, "handler:" },
	{ OWN(1, P_NORMAL) + AT_ARG, 8, 1, "handler:" },
	{ EVENT(PRIVATES + S_SLOT) + 8, 4, 0, "handler:" }, /* its interrupt is gone */
	{ PE(0) + 8, 8, 0, "handler:" },                    /* it is not diverted */
	{ OWN(0, P_SLOT) + TARGET, 2, 1, "handler:" },
	{ OWN(2, P_NORMAL) + TARGET, 2, 0, "handler:" },
	{ SHARED(S_OTHER) + TARGET, 2, VCPUS, "handler:" },
	{ SHARED(S_OTHER) + TARGET, 2, 0xffff, "handler:" },
	{ SHARED(S_SLOT) + TARGET, 2, 0x400, "handler:" },
	{ SHARED(S_OTHER) + AT_ENTRY, 8, ENTRY + 2, "handler:" },
	{ SHARED(S_OTHER) + AT_ENTRY, 8, 0, "handler:" },
	{ SHARED(S_NORMAL) + AT_ENTRY, 8, 0, "handler:" },
	{ OWN(2, P_NORMAL) + AT_ENTRY, 8, 0x281, "handler:" },
	/* Who runs what. */
	{ SHARED(S_NORMAL), 2, 1 | 2, "handler:" },
	{ SHARED(S_OTHER), 2, 1 | 2 | 4, "handler:" },
	{ OWN(0, P_SLOT), 2, 1 | 2, "handler:" },
	{ OWN(3, P_ZERO), 2, 1 | 2 | 4, "handler:" },
	{ PE(3) + 4, 1, 64 + S_NORMAL, "handler:" }, /* so does vCPU 1 */
	{ PE(0) + 4, 1, P_ZERO, "handler:" },
	{ PE(0) + 4, 1, 64 + S_NORMAL, "handler:" }, /* two run it */
	{ PE(0) + 4, 1, P_CRITICAL, "running:" },
	{ PE(0) + 5, 1, P_SLOT, "running:" },
	{ PE(0) + 5, 1, 64 + S_NORMAL, "running:" },
	{ PE(0) + 4, 1, PRIVATES, "running:" },
	{ PE(0) + 4, 1, 63, "running:" },
	{ PE(0) + 4, 1, 64 + SHAREDS, "running:" },
	{ PE(0) + 4, 1, 127, "running:" },
	{ PE(0) + 4, 1, 128, "running:" },
	{ PE(0) + 4, 1, 192 + P_SLOT, "running:" },
	{ PE(0) + 5, 1, 0xfe, "running:" },
	{ PE(0) + 4, 1, 0xff, "context:" },
	{ PE(0) + 5, 1, 0xff, "context:" },
	/* vCPUs. */
	{ PE(1), 4, 2, "state:" },
	{ PE(1), 4, 4, "state:" },
	{ PE(3), 4, 0x80000001, "state:" },
	{ PE(1) + 6, 2, 1, "state:" },
	{ PE(1) + 6, 2, 0x8000, "state:" },
	{ PE(1) + 8, 8, 1 << P_ZERO, "diverted:" },
	{ PE(0) + 8, 8, 1 << P_SLOT | 1 << P_NORMAL, "diverted:" },
	{ PE(1) + 8, 8, 1 << PRIVATES, "diverted:" },
	{ PE(1) + 8, 8, 1ull << 63, "diverted:" },
	{ CRITICAL(1), 8, 1, "context:" },
	{ NORMAL(2) + 17 * 8, 8, 1ull << 63, "context:" },
	{ PSTATES_AT(3), 8, 5, "context:" },
	/* PSTATE above EL1, or with bits that this guest does not have: PAN and AArch32 are there. */
	{ PSTATES_AT(0), 8, 0x1, "context:" },
	{ PSTATES_AT(0), 8, 0x2, "context:" },
	{ PSTATES_AT(0), 8, 0x3, "context:" },
	{ PSTATES_AT(0), 8, 0x6, "context:" },
	{ PSTATES_AT(0), 8, 0x7, "context:" },
	{ PSTATES_AT(0), 8, 0x8, "context:" }, /* EL2t */
	{ PSTATES_AT(0), 8, 0x9, "context:" }, /* EL2h */
	{ PSTATES_AT(0), 8, 0xc, "context:" }, /* EL3t */
	{ PSTATES_AT(0), 8, 0xd, "context:" }, /* EL3h */
	{ CRITICAL(0) + AT_PSTATE, 8, 0x3c9, "context:" },
	{ PSTATES_AT(0), 8, 0x5 | 1 << 5, "context:" },
	{ PSTATES_AT(0), 8, 0x5 | 1 << 10, "context:" },
	{ PSTATES_AT(0), 8, 0x5 | 1 << 11, "context:" },
	{ PSTATES_AT(0), 8, 0x5 | 1 << 12, "context:" },
	{ PSTATES_AT(0), 8, 0x5 | 1 << 13, "context:" },
	{ PSTATES_AT(0), 8, 0x5 | 1 << 14, "context:" },
	{ PSTATES_AT(0), 8, 0x5 | 1 << 19, "context:" },
	{ PSTATES_AT(0), 8, 0x5 | 1 << 23, "context:" },
	{ PSTATES_AT(0), 8, 0x5 | 1 << 24, "context:" },
	{ PSTATES_AT(0), 8, 0x5 | 1 << 25, "context:" },
	{ PSTATES_AT(0), 8, 0x5 | 1 << 26, "context:" },
	{ PSTATES_AT(0), 8, 0x5 | 1ull << 32, "context:" },
	{ PSTATES_AT(0), 8, 0x5 | 1ull << 34, "context:" },
	{ PSTATES_AT(0), 8, 0x5 | 1ull << 63, "context:" },
	{ PSTATES_AT(1), 8, 0x11, "context:" }, /* AArch32: FIQ, IRQ, Supervisor, Hyp, System */
	{ PSTATES_AT(1), 8, 0x12, "context:" },
	{ PSTATES_AT(1), 8, 0x13, "context:" },
	{ PSTATES_AT(1), 8, 0x1a, "context:" },
	{ PSTATES_AT(1), 8, 0x1f, "context:" },
	{ PSTATES_AT(1), 8, 0x10 | 1 << 23, "context:" },
	{ PSTATES_AT(1), 8, 0x10 | 1 << 24, "context:" },
	{ PSTATES_AT(1), 8, 0x10 | 1ull << 32, "context:" },
};

static void each_wrong_field_is_refused(void **unused)
{
	struct machine *m = midway();
	uint8_t *image = save(m);

	(void)unused;
	for (unsigned i = 0; i < sizeof(flips) / sizeof(flips[0]); i++) {
		const struct flip *flip = &flips[i];
		uint64_t was = number_at(image + flip->at, flip->bytes);

		put_at(image + flip->at, flip->bytes, flip->value);
		if (!sdei_restore(m->sdei, image, SIZE, NULL))
			fail_msg("field %u is taken", i);
		refused(m, image, SIZE, flip->why);
		put_at(image + flip->at, flip->bytes, was);
	}
	is_saved_as(m, image);
	free(image);
	machine_free(m);
}

static void images_of_other_lengths_are_refused(void **unused)
{
	struct machine *m = midway();
	uint8_t *image = save(m), *longer = calloc(1, SIZE + 1);

	(void)unused;
	assert_non_null(longer);
	memcpy(longer, image, SIZE);
	refused(m, longer, SIZE + 1, "length:");
	for (size_t size = 0; size < SIZE; size++) {
		/* Of this length, so that reading beyond it is noticed. */
		uint8_t *exact = malloc(size ? size : 1);

		assert_non_null(exact);
		memcpy(exact, image, size);
		assert_int_equal(sdei_restore(m->sdei, exact, size, NULL), -VIRQ_ERR_STATE);
		free(exact);
	}
	refused(m, image, 0, "length:");
	refused(m, image, 19, "length:");
	refused(m, image, SIZE - 1, "length:");
	is_saved_as(m, image);
	free(longer);
	free(image);
	machine_free(m);
}

/* Any bit of it: refused, and nothing has changed; or taken, and saved as the same bytes. */
static void each_flipped_bit_is_refused_or_kept(void **unused)
{
	struct machine *m = midway();
	uint8_t *image = save(m);
	unsigned taken = 0;

	(void)unused;
	for (unsigned bit = 0; bit < 8 * SIZE; bit++) {
		image[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (!sdei_restore(m->sdei, image, SIZE, NULL)) {
			taken++;
			is_saved_as(m, image);
			image[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(sdei_restore(m->sdei, image, SIZE, NULL), 0);
			image[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		image[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (bit % 64 == 0)
			is_saved_as(m, image);
	}
	is_saved_as(m, image);
	assert_true(taken > 3 * 18 * 64); /* at least the registers in three contexts */
	free(image);
	machine_free(m);
}

/* PSTATE: each bit that a feature brings is taken with it, and refused without; in each of both forms. */
static void pstates_follow_the_features(void **unused)
{
	static const struct {
		uint32_t feature;
		uint64_t pstate;
	} cases[] = {
		{ SDEI_HAS_PAN, 1 << 22 },
		{ SDEI_HAS_SSBS, 1 << 12 },
		{ SDEI_HAS_DIT, 1 << 24 },
		{ SDEI_HAS_MTE, 1 << 25 },
		{ SDEI_HAS_NMI, 1 << 13 },
		{ SDEI_HAS_EBEP, 1ull << 32 },
		{ SDEI_HAS_EBEP, 1ull << 33 },
		{ SDEI_HAS_GCS, 1ull << 34 },
		{ SDEI_HAS_UAO, 1 << 23 },
		{ SDEI_HAS_BTI, 1 << 10 },
		{ SDEI_HAS_BTI, 1 << 11 },
		{ SDEI_HAS_AARCH32, 0x10 },
		{ SDEI_HAS_AARCH32, 0xf80ffff0 | 1u << 25 },
		{ SDEI_HAS_AARCH32 | SDEI_HAS_PAN, 0x10 | 1 << 22 },
		{ SDEI_HAS_AARCH32 | SDEI_HAS_DIT, 0x10 | 1 << 24 },
		{ SDEI_HAS_AARCH32 | SDEI_HAS_SSBS, 0x10 | 1 << 23 },
		{ 0, 0xf03003c0 },
		{ 0, 0xf03003c4 },
		{ 0, 0xf03003c5 },
	};

	(void)unused;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (unsigned with = 0; with < 2; with++) {
			struct sdei_config config = standard_config();
			struct machine *m;
			uint8_t *image;

			if (!with && !cases[i].feature)
				continue;
			config.features = with ? cases[i].feature : ~cases[i].feature & 0x3ff;
			m = machine_of(&config);
			unmask(m, 0);
			enable(m, 0, 0);
			raise_event(m, 0, 0);
			frame_of(m, 0)->pstate = 0;
			assert_int_equal(run(m, 0), 0);
			image = save(m);
			put_at(image + PSTATES_AT(0), 8, cases[i].pstate);
			if (with)
				assert_int_equal(sdei_restore(m->sdei, image, SIZE, NULL), 0);
			else
				refused(m, image, SIZE, "context:");
			free(image);
			machine_free(m);
		}
}

static void a_relative_entry_is_refused_by_version_1_0(void **unused)
{
	struct sdei_config config = standard_config();
	struct machine *m;
	uint8_t *image;

	(void)unused;
	config.minor = 0;
	m = machine_of(&config);
	register_to(m, 0, SHARED_NORMAL, 0, 0);
	image = save(m);
	put_at(image + SHARED(S_NORMAL), 2, 1 | 16 | 32);
	refused(m, image, SIZE, "handler:");
	free(image);
	machine_free(m);
}

/* Another configuration, whose images this one is not. */
static void images_of_other_configurations_are_refused(void **unused)
{
	static const struct sdei_event others[] = {
		{ .number = PRIVATE_NORMAL },
		{ .number = SHARED_NORMAL, .shared = true },
		{ .number = PRIVATE_CRITICAL, .critical = true },
		{ .number = SHARED_CRITICAL, .shared = true, .critical = true },
		{ .number = SHARED_OTHER, .shared = true, .critical = true },
	};
	struct machine *m = midway();
	uint8_t *image = save(m);

	(void)unused;
	for (unsigned i = 0; i < 8; i++) {
		struct sdei_config config = standard_config();
		struct machine *to;
		const char *why = "";

		switch (i) {
		case 0:
			config.vcpus--;
			break;
		case 1:
			config.minor = 0;
			break;
		case 2:
			config.features |= SDEI_HAS_DIT;
			break;
		case 3:
			config.private_slots++;
			break;
		case 4:
			config.shared_slots--;
			break;
		case 5:
			config.events--;
			break;
		case 6:
			/* As many, but a slot in place of the last event. */
			config.events--;
			config.shared_slots++;
			break;
		case 7:
			config.event = others;
			break;
		}
		to = machine_of(&config);
		assert_int_equal(sdei_restore(to->sdei, image, SIZE, &why), -VIRQ_ERR_STATE);
		assert_non_null(why);
		assert_int_equal(CALL(to, 0, PE_MASK), 0);
		assert_false(irq_at(to, 0, SPI)->diverted);
		machine_free(to);
	}
	free(image);
	machine_free(m);
}

static void strictness_and_vendor_may_differ(void **unused)
{
	struct sdei_config config = standard_config();
	struct machine *m = midway(), *to;
	uint8_t *image = save(m);

	(void)unused;
	config.strict_signal = true;
	config.vendor = 1;
	to = machine_of(&config);
	move_interrupts(to, m);
	assert_int_equal(sdei_restore(to->sdei, image, SIZE, NULL), 0);
	is_saved_as(to, image);
	free(image);
	machine_free(m);
	machine_free(to);
}

/* --- Configurations. ---------------------------------------------------------------------------------------- */

static void check_refuses(const struct sdei_config *config, const char *field)
{
	static uint64_t memory[1024] __attribute__((aligned(64)));
	const struct sdei_port port = { .kick = fake_kick,
					.vcpu_of_mpidr = fake_vcpu_of_mpidr,
					.mpidr = fake_mpidr };
	struct sdei *sdei = NULL;
	const char *why = NULL;

	assert_int_equal(sdei_check(config, &why), -VIRQ_ERR_CONFIG);
	assert_non_null(why);
	if (strncmp(why, field, strlen(field)))
		fail_msg("refused, but not for %s: %s", field, why);
	assert_int_equal(sdei_check(config, NULL), -VIRQ_ERR_CONFIG);
	assert_int_equal(sdei_size(config), 0);
	assert_int_equal(sdei_init(&sdei, memory, sizeof(memory), config, &port, NULL),
			 -VIRQ_ERR_CONFIG);
	assert_null(sdei);
}

static void check_takes(const struct sdei_config *config)
{
	const char *why = "";

	assert_int_equal(sdei_check(config, &why), 0);
	assert_null(why);
	assert_int_equal(sdei_check(config, NULL), 0);
	assert_true(sdei_size(config) > 0);
}

static void check_names_the_field(void **unused)
{
	struct sdei_config good = standard_config(), bad;

	(void)unused;
	check_takes(&good);
	bad = good;
	bad.vcpus = 0;
	check_refuses(&bad, "vcpus:");
	bad.vcpus = SDEI_MAX_VCPUS + 1;
	check_refuses(&bad, "vcpus:");
	bad.vcpus = SDEI_MAX_VCPUS;
	check_takes(&bad);
	bad = good;
	bad.event = NULL;
	check_refuses(&bad, "event:");
	bad = good;
	bad.minor = 2;
	check_refuses(&bad, "minor:");
	bad = (struct sdei_config){ .vcpus = 1 };
	check_takes(&bad);
	bad.private_slots = 64;
	check_refuses(&bad, "private_slots:");
	bad.private_slots = 255;
	check_refuses(&bad, "private_slots:");
	bad.private_slots = 63;
	check_takes(&bad);
	bad.shared_slots = 65;
	check_refuses(&bad, "shared_slots:");
	bad.shared_slots = 64;
	check_takes(&bad);
}

static void numbers_of_events(void **unused)
{
	static const int32_t good[] = { 1, 0xffffff, 0x40000080, 0x400fffff, 0x40ffffff, 0x100 };
	static const int32_t bad[] = { 0,          0x1000000,  0x20000000, 0x3fffffff,
				       0x41000000, 0x7fffffff, -1,         INT32_MIN,
				       0x40000000, 0x4000003f, 0x40000040, 0x4000007f };
	struct sdei_event event = { 0 };
	struct sdei_config config = { .vcpus = 1, .events = 1, .event = &event };

	(void)unused;
	for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		event.number = good[i];
		check_takes(&config);
	}
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		event.number = bad[i];
		check_refuses(&config, "event:");
	}
}

static void an_event_twice(void **unused)
{
	struct sdei_event events[] = { { .number = 5 },
				       { .number = 6 },
				       { .number = 5, .shared = true } };
	struct sdei_config config = { .vcpus = 1, .events = 3, .event = events };

	(void)unused;
	check_refuses(&config, "event:");
	config.events = 2;
	check_takes(&config);
}

/* With event 0 and the slots 64 of a type, shared and private counted apart. */
static void as_many_events_as_there_may_be(void **unused)
{
	struct sdei_event events[128];
	struct sdei_config config = { .vcpus = 1, .event = events };

	(void)unused;
	for (unsigned i = 0; i < 128; i++)
		events[i] = (struct sdei_event){ .number = 1 + (int32_t)i, .shared = i >= 63 };
	config.events = 63 + 64;
	check_takes(&config);
	config.private_slots = 1;
	check_refuses(&config, "private_slots:");
	config.private_slots = 0;
	config.shared_slots = 1;
	check_refuses(&config, "shared_slots:");
	config.shared_slots = 0;
	config.events++;
	check_refuses(&config, "shared_slots:");
}

static void init_wants_memory_and_hooks(void **unused)
{
	struct sdei_config config = standard_config(), none = standard_config();
	struct machine *m = machine();
	size_t size = sdei_size(&config);
	uint8_t *memory = aligned_alloc(64, ((size + 63) & ~(size_t)63) + 64);
	struct sdei *sdei;
	struct sdei_port port = m->port;

	(void)unused;
	assert_non_null(memory);
	assert_int_equal(sdei_init(&sdei, NULL, size, &config, &port, m), -VIRQ_ERR_MEMORY);
	assert_int_equal(sdei_init(&sdei, memory, size - 1, &config, &port, m), -VIRQ_ERR_MEMORY);
	assert_int_equal(sdei_init(&sdei, memory, 0, &config, &port, m), -VIRQ_ERR_MEMORY);
	for (unsigned i = 1; i < 64; i++)
		assert_int_equal(sdei_init(&sdei, memory + i, size, &config, &port, m),
				 -VIRQ_ERR_MEMORY);
	assert_int_equal(sdei_init(&sdei, memory, size, &config, &port, m), 0);
#define WITHOUT(hook, with_slots, without_slots)                                                  \
	do {                                                                                      \
		port = m->port;                                                                   \
		port.hook = NULL;                                                                 \
		assert_int_equal(sdei_init(&sdei, memory, size, &config, &port, m), with_slots);  \
		assert_int_equal(sdei_init(&sdei, memory, size, &none, &port, m), without_slots); \
	} while (0)
	none.private_slots = none.shared_slots = 0;
	WITHOUT(kick, -VIRQ_ERR_CONFIG, -VIRQ_ERR_CONFIG);
	WITHOUT(vcpu_of_mpidr, -VIRQ_ERR_CONFIG, -VIRQ_ERR_CONFIG);
	WITHOUT(mpidr, -VIRQ_ERR_CONFIG, -VIRQ_ERR_CONFIG);
	WITHOUT(irq_valid, -VIRQ_ERR_CONFIG, 0);
	WITHOUT(irq_divert, -VIRQ_ERR_CONFIG, 0);
	WITHOUT(irq_return, -VIRQ_ERR_CONFIG, 0);
	WITHOUT(irq_pending, -VIRQ_ERR_CONFIG, 0);
	WITHOUT(irq_take, -VIRQ_ERR_CONFIG, 0);
	WITHOUT(irq_end, -VIRQ_ERR_CONFIG, 0);
	WITHOUT(irq_clear, -VIRQ_ERR_CONFIG, 0);
	WITHOUT(entry_valid, 0, 0);
	WITHOUT(completed, 0, 0);
	WITHOUT(irq_route, 0, 0);
	WITHOUT(bound, 0, 0);
	WITHOUT(later, 0, 0);
	/* One slot of either type is enough to want them. */
	none.shared_slots = 1;
	WITHOUT(irq_end, -VIRQ_ERR_CONFIG, -VIRQ_ERR_CONFIG);
	none.shared_slots = 0;
	none.private_slots = 1;
	WITHOUT(irq_end, -VIRQ_ERR_CONFIG, -VIRQ_ERR_CONFIG);
	free(memory);
	machine_free(m);
}

/* The optional hooks are just that. */
static void a_machine_without_the_optional_hooks(void **unused)
{
	struct machine *m = machine();
	int32_t event;

	(void)unused;
	m->port.entry_valid = NULL;
	m->port.completed = NULL;
	m->port.irq_route = NULL;
	m->port.bound = NULL;
	assert_int_equal(
		sdei_init(&m->sdei, m->memory, sdei_size(&m->config), &m->config, &m->port, m), 0);
	event = bind(m, 0, SPI);
	unmask(m, 1);
	enable_to(m, 0, event, 1);
	pulse(m, 0, SPI);
	assert_int_equal(run(m, 1), event);
	load_call(m, 1, SDEI_EVENT_COMPLETE, (const uint64_t[5]){ 0 });
	assert_int_equal(sdei_call(m->sdei, 1, frame_of(m, 1)), SDEI_DONE);
	assert_int_equal(CALL(m, 1, EVENT_UNREGISTER, (uint32_t)event), OK);
	assert_int_equal(CALL(m, 1, SHARED_RESET), OK);
	assert_false(irq_at(m, 1, SPI)->diverted);
	machine_free(m);
}

/* --- ACPI. -------------------------------------------------------------------------------------------------- */

static void the_acpi_table_is_a_header_with_a_sum_of_0(void **unused)
{
	static const uint32_t revisions[] = { 0, 1, 0x12345678, 0xffffffff };

	(void)unused;
	for (unsigned i = 0; i < 4; i++) {
		uint8_t table[SDEI_ACPI_SIZE + 1], sum = 0;

		memset(table, 0xa5, sizeof(table));
		sdei_acpi_table(table, "OEMIDx", "TABLE\0\0\xff", revisions[i]);
		for (unsigned j = 0; j < SDEI_ACPI_SIZE; j++)
			sum = (uint8_t)(sum + table[j]);
		assert_int_equal(sum, 0);
		assert_memory_equal(table, "SDEI", 4);
		assert_int_equal(number_at(table + 4, 4), 36);
		assert_int_equal(table[8], 1);
		assert_memory_equal(table + 10, "OEMIDx", 6);
		assert_memory_equal(table + 16, "TABLE\0\0\xff", 8);
		assert_int_equal(number_at(table + 24, 4), revisions[i]);
		assert_int_not_equal(number_at(table + 28, 4), 0); /* creator */
		assert_int_equal(table[36], 0xa5);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_image_is_as_documented),
		cmocka_unit_test(saving_needs_room),
		cmocka_unit_test(a_saved_dispatcher_goes_on_where_it_was),
		cmocka_unit_test(into_a_dispatcher_that_was_at_work),
		cmocka_unit_test(a_restored_event_is_delivered),
		cmocka_unit_test(each_wrong_field_is_refused),
		cmocka_unit_test(images_of_other_lengths_are_refused),
		cmocka_unit_test(each_flipped_bit_is_refused_or_kept),
		cmocka_unit_test(pstates_follow_the_features),
		cmocka_unit_test(a_relative_entry_is_refused_by_version_1_0),
		cmocka_unit_test(images_of_other_configurations_are_refused),
		cmocka_unit_test(strictness_and_vendor_may_differ),
		cmocka_unit_test(check_names_the_field),
		cmocka_unit_test(numbers_of_events),
		cmocka_unit_test(an_event_twice),
		cmocka_unit_test(as_many_events_as_there_may_be),
		cmocka_unit_test(init_wants_memory_and_hooks),
		cmocka_unit_test(a_machine_without_the_optional_hooks),
		cmocka_unit_test(the_acpi_table_is_a_header_with_a_sum_of_0),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("sdei_state", tests, NULL, NULL);
}
