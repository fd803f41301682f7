/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Events and their handlers (DEN0054 4.3): who is entered and what it finds, who is kicked, nesting, and
 * the way back; power.
 */
#include "sdei_fixture.h"

/* --- PSTATE at entry. ---------------------------------------------------------------------------- */

#define BIT(n)    (1ull << (n))
#define EL1H_DAIF 0x3c5ull
#define EL0       0x0ull
#define EL1T      0x4ull
#define EL1H      0x5ull
#define A32_EL0   0x10ull
#define NZCV      (0xfull << 28)
#define ALL_HAS                                                                      \
	(SDEI_HAS_PAN | SDEI_HAS_SSBS | SDEI_HAS_DIT | SDEI_HAS_MTE | SDEI_HAS_NMI | \
	 SDEI_HAS_EBEP | SDEI_HAS_GCS | SDEI_HAS_UAO | SDEI_HAS_BTI | SDEI_HAS_AARCH32)

/* Bits by DDI 0487 C5.2.19 (SPSR_EL2), D24.2 (SCTLR_EL1), GCSCR_EL1: */
#define PSTATE_BTYPE    (BIT(10) | BIT(11))
#define PSTATE_SSBS     BIT(12)
#define PSTATE_ALLINT   BIT(13)
#define PSTATE_IL       BIT(20)
#define PSTATE_SS       BIT(21)
#define PSTATE_PAN      BIT(22)
#define PSTATE_UAO      BIT(23)
#define PSTATE_DIT      BIT(24)
#define PSTATE_TCO      BIT(25)
#define PSTATE_PM       BIT(32)
#define PSTATE_PPEND    BIT(33)
#define PSTATE_EXLOCK   BIT(34)
#define SCTLR_SPAN      BIT(23)
#define SCTLR_DSSBS     BIT(44)
#define SCTLR_SPINTMASK BIT(62)
#define EXLOCKEN        BIT(6)
#define EVERY64                                                                                   \
	(NZCV | PSTATE_BTYPE | PSTATE_SSBS | PSTATE_ALLINT | PSTATE_IL | PSTATE_SS | PSTATE_PAN | \
	 PSTATE_UAO | PSTATE_DIT | PSTATE_TCO | PSTATE_PM | PSTATE_PPEND | PSTATE_EXLOCK |        \
	 0xfull << 6)
/* AArch32: T, F, I, A, E, IT, GE, IL, SS, SSBS (where AArch64 has UAO), Q. */
#define EVERY32                                                                                    \
	(A32_EL0 | 0x1full << 5 | 0x3full << 10 | 0xfull << 16 | PSTATE_IL | PSTATE_SS | BIT(23) | \
	 3ull << 25 | BIT(27) | NZCV)

static const struct entry {
	uint32_t features;
	uint64_t old, sctlr, gcscr, now;
} entries[] = {
	/* Each way to interrupt a guest without any of the features. */
	{ 0, EL0, 0, 0, EL1H_DAIF },
	{ 0, EL1T, 0, 0, EL1H_DAIF },
	{ 0, EL1H, 0, 0, EL1H_DAIF },
	{ 0, A32_EL0, 0, 0, EL1H_DAIF },
	{ 0, EVERY64 | EL1H, ~0ull, ~0ull, EL1H_DAIF | NZCV },
	{ 0, EVERY64 | EL0, ~0ull, ~0ull, EL1H_DAIF | NZCV },
	{ 0, EVERY32, ~0ull, ~0ull, EL1H_DAIF | NZCV },
	{ 0, BIT(31) | EL1H, 0, 0, EL1H_DAIF | BIT(31) },
	{ 0, BIT(30) | EL1H, 0, 0, EL1H_DAIF | BIT(30) },
	{ 0, BIT(29) | EL1H, 0, 0, EL1H_DAIF | BIT(29) },
	{ 0, BIT(28) | EL1H, 0, 0, EL1H_DAIF | BIT(28) },
	/* PAN: set if SPAN is 0, else kept. */
	{ SDEI_HAS_PAN, EL1H, 0, 0, EL1H_DAIF | PSTATE_PAN },
	{ SDEI_HAS_PAN, EL1H, ~SCTLR_SPAN, 0, EL1H_DAIF | PSTATE_PAN },
	{ SDEI_HAS_PAN, EL1H, SCTLR_SPAN, 0, EL1H_DAIF },
	{ SDEI_HAS_PAN, PSTATE_PAN | EL1H, SCTLR_SPAN, 0, EL1H_DAIF | PSTATE_PAN },
	{ SDEI_HAS_PAN, PSTATE_PAN | A32_EL0, SCTLR_SPAN, 0, EL1H_DAIF | PSTATE_PAN },
	{ SDEI_HAS_PAN, A32_EL0, 0, 0, EL1H_DAIF | PSTATE_PAN },
	/* SSBS: as DSSBS says. */
	{ SDEI_HAS_SSBS, PSTATE_SSBS | EL1H, ~SCTLR_DSSBS, 0, EL1H_DAIF },
	{ SDEI_HAS_SSBS, EL0, SCTLR_DSSBS, 0, EL1H_DAIF | PSTATE_SSBS },
	{ SDEI_HAS_SSBS, EVERY32, 0, 0, EL1H_DAIF | NZCV },
	{ SDEI_HAS_SSBS, A32_EL0, SCTLR_DSSBS, 0, EL1H_DAIF | PSTATE_SSBS },
	/* DIT: kept. */
	{ SDEI_HAS_DIT, PSTATE_DIT | EL0, 0, 0, EL1H_DAIF | PSTATE_DIT },
	{ SDEI_HAS_DIT, PSTATE_DIT | A32_EL0, 0, 0, EL1H_DAIF | PSTATE_DIT },
	{ SDEI_HAS_DIT, EL1H, ~0ull, 0, EL1H_DAIF },
	/* TCO, PM: set. */
	{ SDEI_HAS_MTE, EL1H, 0, 0, EL1H_DAIF | PSTATE_TCO },
	{ SDEI_HAS_MTE, EVERY32, 0, 0, EL1H_DAIF | NZCV | PSTATE_TCO },
	{ SDEI_HAS_EBEP, EL1H, 0, 0, EL1H_DAIF | PSTATE_PM },
	{ SDEI_HAS_EBEP, PSTATE_PPEND | EL0, 0, 0, EL1H_DAIF | PSTATE_PM },
	/* ALLINT: not SPINTMASK. */
	{ SDEI_HAS_NMI, EL1H, 0, 0, EL1H_DAIF | PSTATE_ALLINT },
	{ SDEI_HAS_NMI, EL0, ~SCTLR_SPINTMASK, 0, EL1H_DAIF | PSTATE_ALLINT },
	{ SDEI_HAS_NMI, PSTATE_ALLINT | EL1H, SCTLR_SPINTMASK, 0, EL1H_DAIF },
	/* EXLOCK: from EL1, with EXLOCKEN. */
	{ SDEI_HAS_GCS, EL1H, 0, EXLOCKEN, EL1H_DAIF | PSTATE_EXLOCK },
	{ SDEI_HAS_GCS, EL1T, 0, EXLOCKEN, EL1H_DAIF | PSTATE_EXLOCK },
	{ SDEI_HAS_GCS, EL0, 0, EXLOCKEN, EL1H_DAIF },
	{ SDEI_HAS_GCS, A32_EL0, 0, EXLOCKEN, EL1H_DAIF },
	{ SDEI_HAS_GCS, PSTATE_EXLOCK | EL1H, 0, ~EXLOCKEN, EL1H_DAIF },
	/* UAO and BTYPE: clear. */
	{ SDEI_HAS_UAO | SDEI_HAS_BTI, PSTATE_UAO | PSTATE_BTYPE | EL1H, 0, 0, EL1H_DAIF },
	/* All of it. */
	{ ALL_HAS, EVERY64 | EL1H, SCTLR_SPAN | SCTLR_SPINTMASK, 0,
	  EL1H_DAIF | NZCV | PSTATE_PAN | PSTATE_DIT | PSTATE_TCO | PSTATE_PM },
	{ ALL_HAS, EL0, SCTLR_DSSBS, EXLOCKEN,
	  EL1H_DAIF | PSTATE_PAN | PSTATE_SSBS | PSTATE_ALLINT | PSTATE_TCO | PSTATE_PM },
	{ ALL_HAS, EVERY32, SCTLR_SPAN, EXLOCKEN,
	  EL1H_DAIF | NZCV | PSTATE_ALLINT | PSTATE_TCO | PSTATE_PM },
};

#define ENTRIES (sizeof(entries) / sizeof(entries[0]))

static struct machine *interrupted_as(const struct entry *entry)
{
	struct sdei_config config = standard_config();
	struct machine *m;
	struct sdei_frame *frame;

	config.features = entry->features;
	m = machine_of(&config);
	unmask(m, 0);
	enable(m, 0, 0);
	raise_event(m, 0, 0);
	frame = frame_of(m, 0);
	frame->pstate = entry->old;
	frame->sctlr_el1 = entry->sctlr;
	frame->gcscr_el1 = entry->gcscr;
	assert_int_equal(run(m, 0), 0);
	return m;
}

static void pstate_at_entry_is_an_exceptions(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < ENTRIES; i++) {
		struct machine *m = interrupted_as(&entries[i]);
		struct sdei_frame *frame = frame_of(m, 0);

		if (frame->pstate != entries[i].now)
			fail_msg("entry %u: %#llx", i, (unsigned long long)frame->pstate);
		assert_int_equal(m->vcpus[0].x[3], entries[i].old);
		frame->pstate = 0;
		frame->pc = 0;
		complete(m, 0);
		assert_int_equal(frame->pstate, entries[i].old);
		assert_int_equal(frame->pc, 0x8000);
		assert_false(frame->resumed);
		machine_free(m);
	}
}

static void pstate_at_complete_and_resume_is_an_exceptions(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < ENTRIES; i++) {
		struct machine *m = interrupted_as(&entries[i]);
		struct sdei_frame *frame = frame_of(m, 0);
		struct vcpu before = m->vcpus[0];

		load_call(m, 0, SDEI_EVENT_COMPLETE_AND_RESUME,
			  (const uint64_t[5]){ 0xffff000000080280 });
		frame->pstate = EL1H;
		assert_int_equal(sdei_call(m->sdei, 0, frame), SDEI_DONE);
		assert_int_equal(frame->pstate, entries[i].now);
		assert_int_equal(frame->pc, 0xffff000000080280);
		assert_true(frame->resumed);
		assert_int_equal(frame->elr_el1, 0x8000);
		assert_int_equal(frame->spsr_el1, entries[i].old);
		assert_memory_equal(&m->vcpus[0].x[18], &before.x[18], 13 * 8);
		assert_int_equal(CALL(m, 0, EVENT_COMPLETE, 0), DEN);
		machine_free(m);
	}
}

static void complete_restores_what_was_interrupted(void **unused)
{
	struct machine *m = in_handler(PRIVATE_NORMAL);
	struct vcpu *v = &m->vcpus[0];

	(void)unused;
	fill(m, 0, 0x1100000000000000ull);
	load_call(m, 0, SDEI_EVENT_COMPLETE, (const uint64_t[5]){ 0xfeedface12345678 });
	v->frame.elr_el1 = 0x1111;
	assert_int_equal(sdei_call(m->sdei, 0, &v->frame), SDEI_DONE);
	for (unsigned i = 0; i < 18; i++)
		assert_int_equal(v->x[i], X(i));
	for (unsigned i = 18; i < 31; i++)
		assert_int_equal(v->x[i], X(i) - SEED + 0x1100000000000000ull);
	assert_int_equal(v->frame.pc, 0x8000);
	assert_int_equal(v->frame.pstate, 4);
	assert_int_equal(v->frame.elr_el1, 0x1111);
	assert_false(v->frame.resumed);
	assert_int_equal(m->completions, 1);
	assert_int_equal(m->completed_event, PRIVATE_NORMAL);
	assert_int_equal(m->completed_vcpu, 0);
	assert_int_equal(m->completed_status, 0xfeedface12345678);
	machine_free(m);
}

static void complete_and_resume_restores_x0_to_x17(void **unused)
{
	struct machine *m = in_handler(PRIVATE_NORMAL);
	struct vcpu *v = &m->vcpus[0];

	(void)unused;
	fill(m, 0, 0);
	load_call(m, 0, SDEI_EVENT_COMPLETE_AND_RESUME, (const uint64_t[5]){ 0x4480 });
	assert_int_equal(sdei_call(m->sdei, 0, &v->frame), SDEI_DONE);
	for (unsigned i = 0; i < 18; i++)
		assert_int_equal(v->x[i], X(i));
	assert_int_equal(v->frame.pc, 0x4480);
	assert_int_equal(m->completed_event, PRIVATE_NORMAL);
	machine_free(m);
}

/* --- Entries, arguments, nesting. ------------------------------------------------------------------ */

/* Of whom it interrupts, not of who registered it. */
static void relative_entries_count_from_vbar_of_the_interrupted_pe(void **unused)
{
	struct machine *m = machine();

	(void)unused;
	m->refused_entry = 0x284;
	frame_of(m, 0)->vbar_el1 = 0x1000;
	frame_of(m, 2)->vbar_el1 = 0xffff800010002000;
	assert_int_equal(CALL(m, 0, EVENT_REGISTER, SHARED_NORMAL, 0x284, 9, 2), OK);
	assert_int_equal(CALL(m, 0, EVENT_ENABLE, SHARED_NORMAL), OK);
	unmask(m, 2);
	raise_event(m, 0, SHARED_NORMAL);
	assert_int_equal(run(m, 2), SHARED_NORMAL);
	assert_int_equal(frame_of(m, 2)->pc, 0xffff800010002284);
	assert_int_equal(m->vcpus[2].x[1], 9);
	/* Unregistered meanwhile: still there to be completed, and absolute when registered again. */
	assert_int_equal(CALL(m, 0, EVENT_UNREGISTER, SHARED_NORMAL), PEND);
	complete(m, 2);
	enable(m, 0, SHARED_NORMAL);
	raise_event(m, 0, SHARED_NORMAL);
	assert_int_equal(run(m, 2), SHARED_NORMAL);
	assert_int_equal(frame_of(m, 2)->pc, ENTRY);
	machine_free(m);
}

/* ROUTING_SET changes the route alone. */
static void routing_set_keeps_entry_and_relative_flag(void **unused)
{
	struct machine *m = machine();

	(void)unused;
	frame_of(m, 1)->vbar_el1 = 0x7000;
	assert_int_equal(CALL(m, 0, EVENT_REGISTER, SHARED_NORMAL, 0x100, 9, 2), OK);
	raise_event(m, 0, SHARED_NORMAL);
	assert_int_equal(CALL(m, 0, EVENT_ROUTING_SET, SHARED_NORMAL, 1, mpidrs[1]), OK);
	unmask(m, 1);
	assert_int_equal(CALL(m, 0, EVENT_ENABLE, SHARED_NORMAL), OK);
	assert_int_equal(run(m, 1), SHARED_NORMAL);
	assert_int_equal(frame_of(m, 1)->pc, 0x7100);
	machine_free(m);
}

/* Each vCPU has its own handler of a private event. */
static void private_events_have_a_handler_for_each_vcpu(void **unused)
{
	struct machine *m = machine();

	(void)unused;
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(
			CALL(m, i, EVENT_REGISTER, PRIVATE_NORMAL, 0x10000 * (i + 1), i + 7), OK);
		assert_int_equal(CALL(m, i, EVENT_ENABLE, PRIVATE_NORMAL), OK);
		unmask(m, i);
		raise_event(m, i, PRIVATE_NORMAL);
	}
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(run(m, i), PRIVATE_NORMAL);
		assert_int_equal(frame_of(m, i)->pc, 0x10000 * (i + 1));
		assert_int_equal(m->vcpus[i].x[1], i + 7);
	}
	machine_free(m);
}

static void critical_interrupts_normal_and_nothing_else_nests(void **unused)
{
	struct machine *m = in_handler(PRIVATE_NORMAL);
	struct vcpu *v = &m->vcpus[0];

	(void)unused;
	enable(m, 0, 0);
	enable(m, 0, SHARED_OTHER);
	enable(m, 0, PRIVATE_CRITICAL);
	enable(m, 0, SHARED_CRITICAL);
	raise_event(m, 0, 0);
	raise_event(m, 0, SHARED_OTHER);
	assert_int_equal(run(m, 0), NO_EVENT);
	raise_event(m, 0, SHARED_CRITICAL);
	fill(m, 0, 0x3300000000000000ull);
	v->frame.pc = 0xabc0;
	assert_int_equal(run(m, 0), SHARED_CRITICAL);
	assert_int_equal(v->x[2], 0xabc0);
	assert_int_equal(v->x[3], EL1H_DAIF | PSTATE_PAN);
	raise_event(m, 0, PRIVATE_CRITICAL);
	raise_event(m, 0, PRIVATE_NORMAL);
	assert_int_equal(run(m, 0), NO_EVENT);
	/* The newest context. */
	assert_int_equal(CALL(m, 0, EVENT_CONTEXT, 3), 0x3300000000000000ull + X(3) - SEED);
	complete(m, 0);
	assert_int_equal(v->frame.pc, 0xabc0);
	assert_int_equal(v->x[17], 0x3300000000000000ull + X(17) - SEED);
	/* The next critical one interrupts the normal handler again. */
	assert_int_equal(run(m, 0), PRIVATE_CRITICAL);
	complete(m, 0);
	assert_int_equal(run(m, 0), NO_EVENT);
	assert_int_equal(CALL(m, 0, EVENT_CONTEXT, 3), X(3));
	complete(m, 0);
	assert_int_equal(v->frame.pc, 0x8000);
	assert_int_equal(v->x[17], X(17));
	assert_int_equal(run(m, 0), 0);
	complete(m, 0);
	assert_int_equal(run(m, 0), PRIVATE_NORMAL);
	complete(m, 0);
	assert_int_equal(run(m, 0), SHARED_OTHER);
	complete(m, 0);
	assert_int_equal(run(m, 0), NO_EVENT);
	machine_free(m);
}

/* A normal event waits while a critical handler runs, though no normal one does. */
static void normal_waits_for_a_critical_handler(void **unused)
{
	struct machine *m = in_handler(PRIVATE_CRITICAL);

	(void)unused;
	enable(m, 0, 0);
	raise_event(m, 0, 0);
	assert_int_equal(run(m, 0), NO_EVENT);
	assert_int_equal(status_of(m, 0, 0), 3);
	complete(m, 0);
	assert_int_equal(run(m, 0), 0);
	machine_free(m);
}

/* Critical before normal, private before shared, event 0, config's in its order, bound ones. */
static void events_come_in_the_order_promised(void **unused)
{
	struct machine *m = machine();
	int32_t ppi = bind(m, 0, PPI), spi = bind(m, 0, SPI), other = bind(m, 0, OTHER_SPI);
	const int32_t order[] = { PRIVATE_CRITICAL, SHARED_CRITICAL, 0,   PRIVATE_NORMAL, ppi,
				  SHARED_NORMAL,    SHARED_OTHER,    spi, other };

	(void)unused;
	for (unsigned i = 0; i < 9; i++)
		enable(m, 0, order[i]);
	pulse(m, 0, OTHER_SPI);
	pulse(m, 0, SPI);
	pulse(m, 0, PPI);
	raise_event(m, 0, SHARED_OTHER);
	raise_event(m, 0, SHARED_NORMAL);
	raise_event(m, 0, SHARED_CRITICAL);
	raise_event(m, 0, PRIVATE_NORMAL);
	raise_event(m, 0, PRIVATE_CRITICAL);
	raise_event(m, 0, 0);
	unmask(m, 0);
	for (unsigned i = 0; i < 9; i++) {
		assert_int_equal(run(m, 0), order[i]);
		complete(m, 0);
	}
	assert_int_equal(run(m, 0), NO_EVENT);
	machine_free(m);
}

static void raised_often_it_is_delivered_once(void **unused)
{
	struct machine *m = machine();

	(void)unused;
	enable(m, 0, SHARED_NORMAL);
	for (unsigned i = 0; i < 10; i++)
		raise_event(m, i % VCPUS, SHARED_NORMAL);
	for (unsigned i = 0; i < VCPUS; i++)
		unmask(m, i);
	assert_int_equal(run(m, 1), SHARED_NORMAL);
	for (unsigned i = 0; i < VCPUS; i++)
		assert_int_equal(run(m, i), NO_EVENT);
	/* In the handler: once more, after it, by whoever is first. */
	raise_event(m, 0, SHARED_NORMAL);
	raise_event(m, 0, SHARED_NORMAL);
	assert_int_equal(run(m, 0), NO_EVENT);
	complete(m, 1);
	assert_int_equal(run(m, 3), SHARED_NORMAL);
	complete(m, 3);
	for (unsigned i = 0; i < VCPUS; i++)
		assert_int_equal(run(m, i), NO_EVENT);
	machine_free(m);
}

/* Registration clears what was raised before it; not of event 0. */
static void registration_forgets_what_was_raised_before(void **unused)
{
	struct machine *m = machine();

	(void)unused;
	unmask(m, 0);
	raise_event(m, 0, PRIVATE_NORMAL);
	raise_event(m, 0, SHARED_NORMAL);
	assert_int_equal(CALL(m, 0, EVENT_SIGNAL, 0, mpidrs[0]), OK);
	enable(m, 0, PRIVATE_NORMAL);
	enable(m, 0, SHARED_NORMAL);
	assert_int_equal(run(m, 0), NO_EVENT);
	enable(m, 0, 0);
	assert_int_equal(run(m, 0), 0);
	machine_free(m);
}

/* Registered and not enabled: what is raised is kept. */
static void raised_before_it_is_enabled(void **unused)
{
	struct machine *m = machine();

	(void)unused;
	unmask(m, 0);
	register_to(m, 0, PRIVATE_NORMAL, 0, 0);
	raise_event(m, 0, PRIVATE_NORMAL);
	assert_int_equal(kicked(m), 0);
	assert_int_equal(run(m, 0), NO_EVENT);
	assert_int_equal(CALL(m, 0, EVENT_ENABLE, PRIVATE_NORMAL), OK);
	assert_int_equal(run(m, 0), PRIVATE_NORMAL);
	machine_free(m);
}

static void a_shared_handler_is_disabled_and_unregistered_by_others(void **unused)
{
	struct machine *m = in_handler(SHARED_NORMAL);

	(void)unused;
	raise_event(m, 0, SHARED_NORMAL);
	assert_int_equal(CALL(m, 1, EVENT_DISABLE, SHARED_NORMAL), OK);
	complete(m, 0);
	assert_int_equal(run(m, 0), NO_EVENT);
	assert_int_equal(CALL(m, 1, EVENT_ENABLE, SHARED_NORMAL), OK);
	assert_int_equal(run(m, 0), SHARED_NORMAL);
	assert_int_equal(CALL(m, 2, EVENT_UNREGISTER, SHARED_NORMAL), PEND);
	assert_int_equal(CALL(m, 3, EVENT_REGISTER, SHARED_NORMAL, ENTRY), DEN);
	complete(m, 0);
	assert_int_equal(CALL(m, 3, EVENT_REGISTER, SHARED_NORMAL, ENTRY), OK);
	machine_free(m);
}

static void raise_of_what_is_not_there(void **unused)
{
	struct machine *m = machine();

	(void)unused;
	assert_int_equal(sdei_raise(m->sdei, 0, 1), -VIRQ_ERR_RANGE);
	assert_int_equal(sdei_raise(m->sdei, 0, -1), -VIRQ_ERR_RANGE);
	assert_int_equal(sdei_raise(m->sdei, VCPUS, 0), -VIRQ_ERR_RANGE);
	assert_int_equal(sdei_raise(m->sdei, ~0u, PRIVATE_NORMAL), -VIRQ_ERR_RANGE);
	assert_int_equal(sdei_raise(m->sdei, ~0u, SHARED_NORMAL), 0); /* ignored */
	sdei_interrupt(m->sdei, ~0u, PPI);
	sdei_interrupt(m->sdei, 0, PPI); /* not bound */
	sdei_interrupt(m->sdei, 0, 0);
	sdei_interrupt(m->sdei, ~0u, ~0u);
	assert_int_equal(kicked(m), 0);
	machine_free(m);
}

/* --- Kicks and the wake predicate. ------------------------------------------------------------------ */

static void who_cannot_take_it_is_not_kicked(void **unused)
{
	struct machine *m = machine();

	(void)unused;
	enable(m, 0, PRIVATE_NORMAL);
	enable(m, 0, PRIVATE_CRITICAL);
	enable_to(m, 0, SHARED_NORMAL, 1);
	enable(m, 0, SHARED_OTHER);
	forget_kicks(m);
	/* Masked. */
	raise_event(m, 0, PRIVATE_NORMAL);
	raise_event(m, 0, SHARED_NORMAL);
	raise_event(m, 0, SHARED_OTHER);
	assert_int_equal(kicked(m), 0);
	unmask(m, 1);
	assert_int_equal(run(m, 1), SHARED_NORMAL);
	/* In a normal handler: not for a normal one, but for a critical one. */
	unmask(m, 0);
	assert_int_equal(run(m, 0), PRIVATE_NORMAL);
	forget_kicks(m);
	raise_event(m, 0, PRIVATE_NORMAL);
	raise_event(m, 0, SHARED_NORMAL);
	assert_int_equal(kicked(m), 0);
	raise_event(m, 0, PRIVATE_CRITICAL);
	assert_int_equal(kicked(m), 1u << 0);
	/* In a critical one: for none. */
	assert_int_equal(run(m, 0), PRIVATE_CRITICAL);
	forget_kicks(m);
	raise_event(m, 0, PRIVATE_CRITICAL);
	assert_int_equal(kicked(m), 0);
	machine_free(m);
}

static void rm_any_kicks_one_that_can_take_it(void **unused)
{
	struct machine *m = machine();

	(void)unused;
	enable(m, 0, SHARED_NORMAL);
	enable(m, 0, SHARED_OTHER);
	enable(m, 0, SHARED_CRITICAL);
	enable(m, 2, PRIVATE_CRITICAL);
	unmask(m, 2);
	raise_event(m, 0, SHARED_NORMAL);
	assert_int_equal(kicked(m), 1u << 2);
	assert_int_equal(m->kicks[2], 1);
	assert_int_equal(run(m, 2), SHARED_NORMAL);
	forget_kicks(m);
	raise_event(m, 0, SHARED_CRITICAL);
	assert_int_equal(kicked(m), 1u << 2);
	assert_int_equal(run(m, 2), SHARED_CRITICAL);
	complete(m, 2);
	unmask(m, 3);
	forget_kicks(m);
	raise_event(m, 0, SHARED_OTHER);
	assert_int_equal(kicked(m), 1u << 3);
	machine_free(m);
}

/* vCPU 0 was kicked for it and cannot take it any more: another is kicked. */
static void what_any_may_take_is_handed_over(void **unused)
{
	enum { BY_MASK, BY_OFF, BY_SUSPEND, BY_HANDLER, WAYS };

	(void)unused;
	for (unsigned way = 0; way < WAYS; way++) {
		struct machine *m = machine();

		enable(m, 0, SHARED_NORMAL);
		enable(m, 0, PRIVATE_CRITICAL);
		unmask(m, 0);
		unmask(m, 3);
		forget_kicks(m);
		raise_event(m, 0, SHARED_NORMAL);
		assert_int_equal(kicked(m), 1u << 0);
		forget_kicks(m);
		switch (way) {
		case BY_MASK:
			assert_int_equal(CALL(m, 0, PE_MASK), 1);
			break;
		case BY_OFF:
			sdei_cpu_off(m->sdei, 0);
			break;
		case BY_SUSPEND:
			sdei_cpu_suspended(m->sdei, 0);
			break;
		case BY_HANDLER:
			raise_event(m, 0, PRIVATE_CRITICAL);
			forget_kicks(m);
			assert_int_equal(run(m, 0), PRIVATE_CRITICAL);
			break;
		}
		assert_int_equal(kicked(m), 1u << 3);
		assert_int_equal(run(m, 0), NO_EVENT);
		assert_int_equal(run(m, 3), SHARED_NORMAL);
		machine_free(m);
	}
}

/* The critical ones that any may take are handed over, too; by who takes another critical event. */
static void a_second_critical_event_is_handed_over(void **unused)
{
	struct machine *m = machine();

	(void)unused;
	enable(m, 0, PRIVATE_CRITICAL);
	enable(m, 0, SHARED_CRITICAL);
	unmask(m, 0);
	unmask(m, 1);
	raise_event(m, 0, PRIVATE_CRITICAL);
	raise_event(m, 0, SHARED_CRITICAL);
	forget_kicks(m);
	assert_int_equal(run(m, 0), PRIVATE_CRITICAL);
	assert_int_equal(kicked(m), 1u << 1);
	assert_int_equal(run(m, 1), SHARED_CRITICAL);
	machine_free(m);
}

/* Two at once, one vCPU kicked: the other gets the second when the first is taken. */
static void two_events_at_once_go_to_two(void **unused)
{
	struct machine *m = machine();

	(void)unused;
	enable(m, 0, SHARED_NORMAL);
	enable(m, 0, SHARED_OTHER);
	unmask(m, 1);
	unmask(m, 2);
	raise_event(m, 0, SHARED_NORMAL);
	raise_event(m, 0, SHARED_OTHER);
	assert_int_equal(kicked(m), 1u << 1);
	assert_int_equal(run(m, 1), SHARED_NORMAL);
	assert_int_equal(kicked(m), 1u << 1 | 1u << 2);
	assert_int_equal(run(m, 2), SHARED_OTHER);
	machine_free(m);
}

/* RM_PE stays with its target; ROUTING_SET takes what is pending along. */
static void rm_pe_waits_for_its_target(void **unused)
{
	struct machine *m = machine();

	(void)unused;
	unmask(m, 0);
	enable_to(m, 0, SHARED_NORMAL, 1);
	forget_kicks(m);
	raise_event(m, 0, SHARED_NORMAL);
	assert_int_equal(kicked(m), 0);
	assert_int_equal(run(m, 0), NO_EVENT);
	assert_int_equal(run(m, 1), NO_EVENT);
	sdei_cpu_off(m->sdei, 1);
	assert_int_equal(kicked(m), 0);
	assert_int_equal(CALL(m, 2, EVENT_ROUTING_SET, SHARED_NORMAL, 1, mpidrs[2]), DEN);
	assert_int_equal(CALL(m, 2, EVENT_DISABLE, SHARED_NORMAL), OK);
	assert_int_equal(CALL(m, 2, EVENT_ROUTING_SET, SHARED_NORMAL, 1, mpidrs[2]), OK);
	unmask(m, 1);
	unmask(m, 2);
	assert_int_equal(CALL(m, 0, EVENT_ENABLE, SHARED_NORMAL), OK);
	assert_int_equal(kicked(m), 1u << 2);
	assert_int_equal(run(m, 1), NO_EVENT);
	assert_int_equal(run(m, 2), SHARED_NORMAL);
	machine_free(m);
}

/* The wake predicate: what could be entered now, no more. */
static void pending_is_what_would_be_entered(void **unused)
{
	struct machine *m = machine();

	(void)unused;
	enable(m, 0, 0);
	assert_false(sdei_pending(m->sdei, 0));
	raise_event(m, 0, 0);
	assert_false(sdei_pending(m->sdei, 0)); /* masked */
	unmask(m, 0);
	assert_true(sdei_pending(m->sdei, 0));
	assert_false(sdei_pending(m->sdei, 1));
	/* PE_MASK cancels what was chosen and not entered. */
	assert_int_equal(CALL(m, 0, PE_MASK), 1);
	assert_false(sdei_pending(m->sdei, 0));
	assert_false(sdei_enter(m->sdei, 0, frame_of(m, 0)));
	unmask(m, 0);
	assert_true(sdei_pending(m->sdei, 0));
	assert_int_equal(CALL(m, 0, EVENT_DISABLE, 0), OK);
	assert_false(sdei_pending(m->sdei, 0));
	assert_int_equal(CALL(m, 0, EVENT_ENABLE, 0), OK);
	assert_true(sdei_pending(m->sdei, 0));
	assert_int_equal(CALL(m, 0, EVENT_UNREGISTER, 0), OK);
	assert_false(sdei_pending(m->sdei, 0));
	enable(m, 0, SHARED_NORMAL);
	raise_event(m, 0, SHARED_NORMAL);
	unmask(m, 1);
	assert_true(sdei_pending(m->sdei, 0));
	assert_true(sdei_pending(m->sdei, 1));
	assert_false(sdei_pending(m->sdei, 2));
	assert_int_equal(run(m, 1), SHARED_NORMAL);
	assert_false(sdei_pending(m->sdei, 0));
	/* In a normal handler a critical one wakes, a normal one does not. */
	enable(m, 1, 0);
	enable(m, 1, PRIVATE_CRITICAL);
	raise_event(m, 1, 0);
	assert_false(sdei_pending(m->sdei, 1));
	raise_event(m, 1, PRIVATE_CRITICAL);
	assert_true(sdei_pending(m->sdei, 1));
	machine_free(m);
}

static void strict_signal(void **unused)
{
	struct sdei_config config = standard_config();
	struct machine *m;

	(void)unused;
	config.strict_signal = true;
	m = machine_of(&config);
	unmask(m, 1);
	assert_int_equal(CALL(m, 0, EVENT_SIGNAL, 0, mpidrs[1]), INV); /* unregistered */
	register_to(m, 1, 0, 0, 0);
	assert_int_equal(CALL(m, 0, EVENT_SIGNAL, 0, mpidrs[1]), INV); /* disabled */
	assert_int_equal(CALL(m, 1, EVENT_ENABLE, 0), OK);
	assert_int_equal(run(m, 1), NO_EVENT);
	assert_int_equal(CALL(m, 1, PE_MASK), 1);
	assert_int_equal(CALL(m, 0, EVENT_SIGNAL, 0, mpidrs[1]), INV); /* masked */
	unmask(m, 1);
	assert_int_equal(run(m, 1), NO_EVENT);
	assert_int_equal(CALL(m, 0, EVENT_SIGNAL, 0, mpidrs[1]), OK);
	assert_int_equal(run(m, 1), 0);
	assert_int_equal(CALL(m, 1, EVENT_UNREGISTER, 0), PEND);
	assert_int_equal(CALL(m, 0, EVENT_SIGNAL, 0, mpidrs[1]), INV);
	machine_free(m);
}

/* By default all that is latched. */
static void lenient_signal(void **unused)
{
	struct machine *m = machine();

	(void)unused;
	assert_int_equal(CALL(m, 0, EVENT_SIGNAL, 0, mpidrs[1]), OK);
	register_to(m, 1, 0, 0, 0);
	assert_int_equal(CALL(m, 1, EVENT_ENABLE, 0), OK);
	assert_int_equal(run(m, 1), NO_EVENT);
	unmask(m, 1);
	assert_int_equal(run(m, 1), 0);
	machine_free(m);
}

/* --- Power. ------------------------------------------------------------------------------------------ */

static void suspend_in_nested_handlers_ends_them(void **unused)
{
	struct machine *m = in_handler(PRIVATE_NORMAL);

	(void)unused;
	enable(m, 0, SHARED_CRITICAL);
	raise_event(m, 0, SHARED_CRITICAL);
	assert_int_equal(run(m, 0), SHARED_CRITICAL);
	sdei_cpu_suspended(m->sdei, 0);
	assert_int_equal(m->completions, 0);
	assert_int_equal(status_of(m, 0, PRIVATE_NORMAL), 3);
	assert_int_equal(status_of(m, 0, SHARED_CRITICAL), 3);
	assert_int_equal(CALL(m, 0, EVENT_COMPLETE, 0), DEN);
	unmask(m, 0);
	raise_event(m, 0, PRIVATE_NORMAL);
	assert_int_equal(run(m, 0), PRIVATE_NORMAL);
	machine_free(m);
}

/* What was to be unregistered when its handler ends is, however it ends. */
static void cpu_off_ends_unregister_pending(void **unused)
{
	struct machine *m = in_handler(SHARED_NORMAL);

	(void)unused;
	assert_int_equal(CALL(m, 1, EVENT_UNREGISTER, SHARED_NORMAL), PEND);
	sdei_cpu_off(m->sdei, 0);
	assert_int_equal(status_of(m, 1, SHARED_NORMAL), 0);
	assert_int_equal(CALL(m, 1, SHARED_RESET), OK);
	machine_free(m);
}

static void a_vcpu_that_comes_on_has_nothing_pending(void **unused)
{
	struct machine *m = ready(PRIVATE_NORMAL);

	(void)unused;
	sdei_cpu_off(m->sdei, 0);
	sdei_cpu_on(m->sdei, 0);
	unmask(m, 0);
	assert_false(sdei_pending(m->sdei, 0));
	assert_false(sdei_enter(m->sdei, 0, frame_of(m, 0)));
	machine_free(m);
}

static void reset_is_power_on(void **unused)
{
	struct machine *m = in_handler(PRIVATE_NORMAL);
	int32_t ppi = bind(m, 1, PPI), spi = bind(m, 0, SPI);

	(void)unused;
	enable(m, 0, ppi);
	enable(m, 0, spi);
	enable(m, 0, PRIVATE_CRITICAL);
	enable(m, 0, SHARED_NORMAL);
	raise_event(m, 0, PRIVATE_CRITICAL);
	raise_event(m, 0, SHARED_NORMAL);
	unmask(m, 3);
	assert_int_equal(m->bound_calls, 3); /* the PPI of vCPU 1 and of vCPU 0, the SPI */
	sdei_reset(m->sdei);
	assert_int_equal(m->unbound_calls, 3);
	assert_false(irq_at(m, 0, PPI)->diverted);
	assert_false(irq_at(m, 1, PPI)->diverted);
	assert_false(irq_at(m, 0, SPI)->diverted);
	for (unsigned i = 0; i < VCPUS; i++) {
		assert_false(sdei_pending(m->sdei, i));
		assert_int_equal(CALL(m, i, PE_UNMASK), OK);
		assert_false(sdei_pending(m->sdei, i));
		assert_int_equal(CALL(m, i, EVENT_COMPLETE, 0), DEN);
		assert_int_equal(CALL(m, i, PRIVATE_RESET), OK);
		assert_int_equal(status_of(m, i, PRIVATE_NORMAL), 0);
	}
	assert_int_equal(status_of(m, 0, SHARED_NORMAL), 0);
	assert_int_equal(CALL(m, 0, INTERRUPT_RELEASE, (uint32_t)spi), INV);
	assert_int_equal(bind(m, 2, PPI), ppi);
	machine_free(m);
}

/* --- Many vCPUs. --------------------------------------------------------------------------------------- */

static unsigned last_kicked;

static void note_kick(void *host, unsigned vcpu)
{
	(void)host;
	last_kicked = vcpu;
}

static int same_number(void *host, uint64_t mpidr)
{
	(void)host;
	return mpidr < SDEI_MAX_VCPUS ? (int)mpidr : -1;
}

static uint64_t same_mpidr(void *host, unsigned vcpu)
{
	(void)host;
	return vcpu;
}

static int64_t call_at(struct sdei *sdei, unsigned vcpu, unsigned function, uint64_t x1,
		       uint64_t flags)
{
	uint64_t x[31] = { 0xc4000020 + function, x1, ENTRY, 0, flags, vcpu };
	struct sdei_frame frame = { .x = x };

	assert_int_equal(sdei_call(sdei, vcpu, &frame), SDEI_DONE);
	return (int64_t)x[0];
}

/* The last one there may be, and any in each word of a set of vCPUs. */
static void events_reach_512_vcpus(void **unused)
{
	static const struct sdei_port port = { .kick = note_kick,
					       .vcpu_of_mpidr = same_number,
					       .mpidr = same_mpidr };
	static const struct sdei_event event = { .number = 0xffffff, .shared = true };
	const struct sdei_config config = { .vcpus = SDEI_MAX_VCPUS, .events = 1, .event = &event };
	static const unsigned vcpus[] = { 0, 63, 64, 127, 128, 300, 511 };
	size_t size = sdei_size(&config);
	void *memory = aligned_alloc(64, (size + 63) & ~(size_t)63);
	struct sdei *sdei;

	(void)unused;
	assert_non_null(memory);
	assert_int_equal(sdei_init(&sdei, memory, size, &config, &port, NULL), 0);
	for (unsigned i = 0; i < sizeof(vcpus) / sizeof(vcpus[0]); i++)
		for (uint64_t flags = 0; flags < 2; flags++) {
			uint64_t x[31] = { 0 };
			struct sdei_frame frame = { .x = x };
			unsigned v = vcpus[i];

			assert_int_equal(call_at(sdei, v, 0x0c, 0, 0), OK);
			assert_int_equal(call_at(sdei, v, 0x01, 0xffffff, flags), OK);
			assert_int_equal(call_at(sdei, v, 0x02, 0xffffff, 0), OK);
			last_kicked = ~0u;
			assert_int_equal(sdei_raise(sdei, 0, 0xffffff), 0);
			assert_int_equal(last_kicked, v);
			assert_true(sdei_enter(sdei, v, &frame));
			assert_int_equal(x[0], 0xffffff);
			assert_int_equal(call_at(sdei, v, 0x07, 0xffffff, 0), PEND);
			call_at(sdei, v, 0x05, 0, 0);
			assert_int_equal(call_at(sdei, v, 0x0b, 0, 0), 1);
		}
	/* No slots: nothing can be bound, and no hook is missed. */
	assert_int_equal(call_at(sdei, 0, 0x0d, 40, 0), INV);
	assert_int_equal(call_at(sdei, 0, 0x10, 0, 0), 0);
	free(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pstate_at_entry_is_an_exceptions),
		cmocka_unit_test(pstate_at_complete_and_resume_is_an_exceptions),
		cmocka_unit_test(complete_restores_what_was_interrupted),
		cmocka_unit_test(complete_and_resume_restores_x0_to_x17),
		cmocka_unit_test(relative_entries_count_from_vbar_of_the_interrupted_pe),
		cmocka_unit_test(routing_set_keeps_entry_and_relative_flag),
		cmocka_unit_test(private_events_have_a_handler_for_each_vcpu),
		cmocka_unit_test(critical_interrupts_normal_and_nothing_else_nests),
		cmocka_unit_test(normal_waits_for_a_critical_handler),
		cmocka_unit_test(events_come_in_the_order_promised),
		cmocka_unit_test(raised_often_it_is_delivered_once),
		cmocka_unit_test(registration_forgets_what_was_raised_before),
		cmocka_unit_test(raised_before_it_is_enabled),
		cmocka_unit_test(a_shared_handler_is_disabled_and_unregistered_by_others),
		cmocka_unit_test(raise_of_what_is_not_there),
		cmocka_unit_test(who_cannot_take_it_is_not_kicked),
		cmocka_unit_test(rm_any_kicks_one_that_can_take_it),
		cmocka_unit_test(what_any_may_take_is_handed_over),
		cmocka_unit_test(a_second_critical_event_is_handed_over),
		cmocka_unit_test(two_events_at_once_go_to_two),
		cmocka_unit_test(rm_pe_waits_for_its_target),
		cmocka_unit_test(pending_is_what_would_be_entered),
		cmocka_unit_test(strict_signal),
		cmocka_unit_test(lenient_signal),
		cmocka_unit_test(suspend_in_nested_handlers_ends_them),
		cmocka_unit_test(cpu_off_ends_unregister_pending),
		cmocka_unit_test(a_vcpu_that_comes_on_has_nothing_pending),
		cmocka_unit_test(reset_is_power_on),
		cmocka_unit_test(events_reach_512_vcpus),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("sdei", tests, NULL, NULL);
}
