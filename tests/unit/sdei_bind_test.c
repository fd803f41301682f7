/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Interrupts bound to events (DEN0054 5.1.14, 5.1.15): slots, PPIs of several vCPUs, edges and levels
 * behind the port's hooks. B16 is the number in "Known bugs of others" of docs/testing.md.
 */
#include "sdei_fixture.h"

static int64_t release(struct machine *m, unsigned vcpu, int32_t event)
{
	return CALL(m, vcpu, INTERRUPT_RELEASE, (uint32_t)event);
}

static int64_t unregister(struct machine *m, unsigned vcpu, int32_t event)
{
	return CALL(m, vcpu, EVENT_UNREGISTER, (uint32_t)event);
}

/* --- Which interrupts. --------------------------------------------------------------------------- */

static void B16_bind_of_an_intid_that_is_not_there(void **unused)
{
	static const uint32_t intids[] = {
		16,   24,   26,   31,   32,   39,    42,       1019,     1020,
		1021, 1022, 1023, 1024, 1055, 1056,  1118,     1120,     4095,
		4097, 5119, 5120, 8191, 8192, 65535, 1u << 24, 1u << 31, (1u << 31) + 40,
		~0u
	};
	struct machine *m = machine();

	(void)unused;
	for (unsigned i = 0; i < sizeof(intids) / sizeof(intids[0]); i++)
		assert_int_equal(CALL(m, 1, INTERRUPT_BIND, intids[i]), INV);
	assert_int_equal(m->valid_asked, sizeof(intids) / sizeof(intids[0]));
	/* An SGI is none whatever the host says. */
	for (unsigned sgi = 0; sgi < 16; sgi++)
		assert_int_equal(CALL(m, 1, INTERRUPT_BIND, sgi), INV);
	assert_int_equal(m->valid_asked, sizeof(intids) / sizeof(intids[0]));
	assert_int_equal(m->bound_calls, 0);
	machine_free(m);
}

static void ppis_give_private_events_and_spis_shared_ones(void **unused)
{
	static const struct {
		virq_t virq;
		int32_t event;
		int64_t shared;
	} cases[] = { { PPI, 0x40000000, 0 },
		      { OTHER_PPI, 0x40000000, 0 },
		      { SPI, 0x40000040, 1 },
		      { OTHER_SPI, 0x40000040, 1 } };

	(void)unused;
	for (unsigned i = 0; i < 4; i++) {
		struct machine *m = machine();

		assert_int_equal(CALL(m, 2, INTERRUPT_BIND, cases[i].virq), cases[i].event);
		assert_int_equal(CALL(m, 2, EVENT_GET_INFO, (uint32_t)cases[i].event, 0),
				 cases[i].shared);
		assert_int_equal(CALL(m, 2, EVENT_GET_INFO, (uint32_t)cases[i].event, 1), 1);
		assert_int_equal(CALL(m, 2, EVENT_GET_INFO, (uint32_t)cases[i].event, 2), 0);
		assert_true(irq_at(m, 2, cases[i].virq)->diverted);
		assert_int_equal(m->bound_calls, 1);
		assert_int_equal(m->bound_virq, cases[i].virq);
		assert_int_equal(m->bound_event, cases[i].event);
		assert_int_equal(m->bound_vcpu, 2);
		/* Again, by another: the same. */
		assert_int_equal(CALL(m, 3, INTERRUPT_BIND, cases[i].virq), cases[i].event);
		assert_int_equal(irq_at(m, 2, cases[i].virq)->diversions, 1);
		assert_int_equal(m->bound_calls, 1);
		machine_free(m);
	}
}

static void what_is_pending_or_active_is_not_bound(void **unused)
{
	struct machine *m = machine();

	(void)unused;
	irq_at(m, 0, SPI)->latch = true;
	assert_int_equal(CALL(m, 0, INTERRUPT_BIND, SPI), DEN);
	irq_at(m, 0, SPI)->latch = false;
	irq_at(m, 0, SPI)->active = true;
	assert_int_equal(CALL(m, 0, INTERRUPT_BIND, SPI), DEN);
	irq_at(m, 0, PPI)->active = true;
	assert_int_equal(CALL(m, 0, INTERRUPT_BIND, PPI), DEN);
	assert_int_equal(m->bound_calls, 0);
	/* The slot that was tried is free; of a PPI another vCPU's may be idle. */
	assert_int_equal(bind(m, 0, OTHER_SPI), 0x40000040);
	assert_int_equal(bind(m, 1, PPI), 0x40000000);
	assert_false(irq_at(m, 0, PPI)->diverted);
	machine_free(m);
}

static void slots_run_out_and_come_back(void **unused)
{
	struct machine *m = machine();

	(void)unused;
	assert_int_equal(bind(m, 0, SPI), 0x40000040);
	assert_int_equal(bind(m, 0, SPI + 1), 0x40000041);
	assert_int_equal(CALL(m, 0, INTERRUPT_BIND, OTHER_SPI), OOR);
	assert_int_equal(bind(m, 0, SPI + 1), 0x40000041);
	assert_int_equal(release(m, 3, 0x40000040), OK);
	assert_int_equal(release(m, 3, 0x40000040), INV);
	assert_int_equal(bind(m, 0, OTHER_SPI), 0x40000040);
	assert_int_equal(CALL(m, 0, INTERRUPT_BIND, SPI), OOR);
	assert_int_equal(bind(m, 0, PPI), 0x40000000);
	assert_int_equal(CALL(m, 0, INTERRUPT_BIND, OTHER_PPI), OOR);
	assert_int_equal(CALL(m, 1, INTERRUPT_BIND, OTHER_PPI), OOR);
	machine_free(m);
}

static void no_slots_of_a_type(void **unused)
{
	struct sdei_config config = standard_config();
	struct machine *m;

	(void)unused;
	config.private_slots = 0;
	config.shared_slots = 1;
	m = machine_of(&config);
	assert_int_equal(CALL(m, 0, INTERRUPT_BIND, PPI), OOR);
	assert_int_equal(CALL(m, 0, INTERRUPT_BIND, 17), INV);
	assert_int_equal(bind(m, 0, SPI), 0x40000040);
	assert_int_equal(CALL(m, 0, FEATURES, 0), 0x10000);
	assert_int_equal(CALL(m, 0, EVENT_STATUS, 0x40000000), INV);
	machine_free(m);
}

/* As many as there may be: the last slot of each type works. */
static void the_last_slots(void **unused)
{
	struct sdei_config config = { .vcpus = VCPUS, .private_slots = 63, .shared_slots = 64 };
	struct machine *m = machine_of(&config);

	(void)unused;
	assert_int_equal(CALL(m, 0, FEATURES, 0), 64 << 16 | 63);
	assert_int_equal(CALL(m, 0, EVENT_STATUS, 0x4000003e), 0);
	assert_int_equal(CALL(m, 0, EVENT_STATUS, 0x4000003f), INV);
	assert_int_equal(CALL(m, 0, EVENT_STATUS, 0x4000007f), 0);
	assert_int_equal(CALL(m, 0, EVENT_STATUS, 0x40000080), INV);
	unmask(m, 0);
	enable(m, 0, bind(m, 0, SPI));
	enable(m, 0, bind(m, 0, PPI));
	pulse(m, 0, SPI);
	assert_int_equal(run(m, 0), 0x40000040);
	complete(m, 0);
	pulse(m, 0, PPI);
	assert_int_equal(run(m, 0), 0x40000000);
	machine_free(m);
}

/* --- "Again". --------------------------------------------------------------------------------------- */

/* The interrupt controller wants something first: the frame, the slots and the statistics are as before. */
static void retried(struct machine *m, unsigned vcpu, unsigned function, const uint64_t argument[5])
{
	struct vcpu before;
	struct sdei_stats was, now;

	fill(m, vcpu, SEED);
	load_call(m, vcpu, function, argument);
	before = m->vcpus[vcpu];
	m->retries = 2;
	assert_int_equal(sdei_stats(m->sdei, vcpu, &was), 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(sdei_call(m->sdei, vcpu, &m->vcpus[vcpu].frame), SDEI_AGAIN);
		assert_memory_equal(&m->vcpus[vcpu], &before, sizeof(before));
	}
	assert_int_equal(sdei_stats(m->sdei, vcpu, &now), 0);
	assert_int_equal(now.calls, was.calls);
	assert_int_equal(now.refused, was.refused);
	assert_int_equal(m->retries, 0);
}

static void retry_of_bind_leaves_all_as_it_was(void **unused)
{
	static const virq_t virqs[] = { PPI, SPI };
	static const virq_t others[] = { OTHER_PPI, OTHER_SPI };

	(void)unused;
	for (unsigned i = 0; i < 2; i++) {
		struct machine *m = machine();
		int32_t event = i ? 0x40000040 : 0x40000000;

		retried(m, 1, SDEI_INTERRUPT_BIND, (const uint64_t[5]){ virqs[i] });
		assert_int_equal(m->bound_calls, 0);
		assert_int_equal(CALL(m, 1, EVENT_REGISTER, (uint32_t)event, ENTRY), DEN);
		assert_int_equal(bind(m, 0, others[i]), event);
		assert_int_equal(release(m, 0, event), OK);
		assert_int_equal(bind(m, 1, virqs[i]), event);
		machine_free(m);
	}
}

static void retry_of_register_leaves_all_as_it_was(void **unused)
{
	struct machine *m = machine();
	int32_t event = bind(m, 0, PPI);

	(void)unused;
	retried(m, 1, SDEI_EVENT_REGISTER, (const uint64_t[5]){ (uint32_t)event, ENTRY, 1 });
	assert_int_equal(status_of(m, 1, event), 0);
	assert_false(irq_at(m, 1, PPI)->diverted);
	assert_int_equal(release(m, 0, event), OK);
	assert_int_equal(bind(m, 0, PPI), event);
	register_to(m, 1, event, 0, 0);
	machine_free(m);
}

/* --- A PPI is an interrupt of each vCPU. --------------------------------------------------------------- */

static void a_ppi_is_diverted_where_its_event_is_registered(void **unused)
{
	struct machine *m = machine();
	int32_t event = bind(m, 0, PPI);

	(void)unused;
	for (unsigned i = 0; i < VCPUS; i++)
		assert_int_equal(irq_at(m, i, PPI)->diverted, i == 0);
	enable(m, 0, event);
	enable(m, 2, event);
	for (unsigned i = 0; i < VCPUS; i++) {
		assert_int_equal(irq_at(m, i, PPI)->diverted, i == 0 || i == 2);
		unmask(m, i);
	}
	assert_int_equal(irq_at(m, 0, PPI)->diversions, 1);
	assert_int_equal(m->bound_calls, 2);
	assert_int_equal(m->bound_vcpu, 2);
	forget_kicks(m);
	pulse(m, 2, PPI);
	assert_int_equal(kicked(m), 1u << 2);
	assert_int_equal(run(m, 0), NO_EVENT);
	assert_int_equal(run(m, 2), event);
	assert_int_equal(irq_at(m, 0, PPI)->taken, 0);
	/* The other vCPU's is another one, and runs at the same time. */
	pulse(m, 0, PPI);
	assert_int_equal(run(m, 0), event);
	complete(m, 2);
	assert_int_equal(irq_at(m, 2, PPI)->ended, 1);
	assert_int_equal(irq_at(m, 0, PPI)->ended, 0);
	complete(m, 0);
	/* Unregistered, it stays diverted, and is not asked for again. */
	assert_int_equal(unregister(m, 2, event), OK);
	assert_true(irq_at(m, 2, PPI)->diverted);
	pulse(m, 2, PPI);
	assert_int_equal(run(m, 2), NO_EVENT);
	enable(m, 2, event);
	assert_int_equal(irq_at(m, 2, PPI)->diversions, 1);
	assert_int_equal(run(m, 2), NO_EVENT);
	machine_free(m);
}

static void register_of_a_ppi_that_is_pending_or_active_here(void **unused)
{
	struct machine *m = machine();
	int32_t event = bind(m, 0, PPI);

	(void)unused;
	irq_at(m, 1, PPI)->latch = true;
	assert_int_equal(CALL(m, 1, EVENT_REGISTER, (uint32_t)event, ENTRY), DEN);
	irq_at(m, 2, PPI)->active = true;
	assert_int_equal(CALL(m, 2, EVENT_REGISTER, (uint32_t)event, ENTRY), DEN);
	assert_int_equal(status_of(m, 1, event), 0);
	assert_int_equal(status_of(m, 2, event), 0);
	irq_at(m, 1, PPI)->latch = false;
	register_to(m, 1, event, 0, 0);
	machine_free(m);
}

static void release_of_a_ppi_returns_it_everywhere(void **unused)
{
	struct machine *m = machine();
	int32_t event = bind(m, 0, PPI);

	(void)unused;
	enable(m, 1, event);
	unmask(m, 1);
	pulse(m, 1, PPI);
	assert_int_equal(run(m, 1), event);
	assert_int_equal(release(m, 0, event), DEN);
	assert_int_equal(unregister(m, 1, event), PEND);
	assert_int_equal(release(m, 0, event), DEN);
	complete(m, 1);
	assert_int_equal(release(m, 3, event), OK);
	assert_int_equal(m->unbound_calls, 2);
	for (unsigned i = 0; i < VCPUS; i++) {
		assert_false(irq_at(m, i, PPI)->diverted);
		assert_int_equal(irq_at(m, i, PPI)->returned, i < 2);
	}
	/* Its slot is another's now: nothing of the former is left. */
	assert_int_equal(bind(m, 3, OTHER_PPI), event);
	assert_int_equal(status_of(m, 1, event), 0);
	pulse(m, 1, PPI);
	enable(m, 1, event);
	assert_int_equal(run(m, 1), NO_EVENT);
	machine_free(m);
}

/* --- Edges and levels. ----------------------------------------------------------------------------------- */

static void an_interrupt_is_active_from_entry_to_complete(void **unused)
{
	struct machine *m = machine();
	int32_t event = bind(m, 0, SPI);

	(void)unused;
	enable(m, 0, event);
	pulse(m, 0, SPI);
	assert_false(irq_at(m, 0, SPI)->active);
	unmask(m, 2);
	assert_int_equal(run(m, 2), event);
	assert_true(irq_at(m, 0, SPI)->active);
	assert_false(irq_at(m, 0, SPI)->latch);
	/* What comes meanwhile is latched, whoever completes. */
	pulse(m, 0, SPI);
	pulse(m, 0, SPI);
	assert_int_equal(run(m, 2), NO_EVENT);
	complete(m, 2);
	assert_false(irq_at(m, 0, SPI)->active);
	assert_int_equal(run(m, 2), event);
	assert_int_equal(irq_at(m, 0, SPI)->taken, 2);
	complete(m, 2);
	assert_int_equal(run(m, 2), NO_EVENT);
	assert_int_equal(irq_at(m, 0, SPI)->ended, 2);
	machine_free(m);
}

static void one_vcpu_takes_an_spi_that_any_may_take(void **unused)
{
	struct machine *m = machine();
	int32_t event = bind(m, 0, SPI);

	(void)unused;
	enable(m, 0, event);
	for (unsigned i = 0; i < VCPUS; i++)
		unmask(m, i);
	forget_kicks(m);
	pulse(m, 0, SPI);
	assert_int_equal(kicked(m), 1u << 0);
	assert_int_equal(run(m, 3), event);
	for (unsigned i = 0; i < VCPUS; i++)
		assert_int_equal(run(m, i), NO_EVENT);
	assert_int_equal(irq_at(m, 0, SPI)->taken, 1);
	machine_free(m);
}

static void register_clears_an_edge_and_keeps_a_level(void **unused)
{
	for (unsigned level = 0; level < 2; level++) {
		struct machine *m = machine();
		int32_t event;

		irq_at(m, 0, SPI)->level = level;
		event = bind(m, 0, SPI);
		unmask(m, 0);
		set_line(m, 0, SPI, true);
		enable(m, 0, event);
		assert_int_equal(irq_at(m, 0, SPI)->cleared, 1);
		assert_int_equal(run(m, 0), level ? event : NO_EVENT);
		machine_free(m);
	}
	(void)unused;
}

/* Also of a level that was asserted when the handler that ran before was unregistered. */
static void a_level_outlives_a_registration(void **unused)
{
	struct machine *m = machine();
	int32_t event;

	(void)unused;
	event = bind_level(m, 0, PPI);
	unmask(m, 0);
	enable(m, 0, event);
	set_line(m, 0, PPI, true);
	assert_int_equal(run(m, 0), event);
	assert_int_equal(unregister(m, 0, event), PEND);
	complete(m, 0);
	assert_int_equal(run(m, 0), NO_EVENT);
	enable(m, 0, event);
	assert_int_equal(run(m, 0), event);
	machine_free(m);
}

static void an_edge_while_disabled_is_delivered_when_enabled(void **unused)
{
	struct machine *m = machine();
	int32_t event = bind(m, 0, SPI);

	(void)unused;
	unmask(m, 1);
	register_to(m, 0, event, 0, 0);
	pulse(m, 0, SPI);
	assert_int_equal(run(m, 1), NO_EVENT);
	assert_int_equal(CALL(m, 0, EVENT_ENABLE, (uint32_t)event), OK);
	assert_int_equal(run(m, 1), event);
	machine_free(m);
}

/* A device lowers its line before anybody looked: nothing to do; and a later rise is seen. */
static void a_level_that_fell_is_no_event(void **unused)
{
	struct machine *m = machine();
	int32_t event;

	(void)unused;
	event = bind_level(m, 0, SPI);
	unmask(m, 0);
	enable(m, 0, event);
	enable(m, 0, SHARED_OTHER);
	set_line(m, 0, SPI, true);
	assert_true(sdei_pending(m->sdei, 0));
	set_line(m, 0, SPI, false);
	raise_event(m, 0, SHARED_OTHER);
	assert_int_equal(run(m, 0), SHARED_OTHER);
	complete(m, 0);
	assert_int_equal(run(m, 0), NO_EVENT);
	assert_int_equal(irq_at(m, 0, SPI)->taken, 0);
	set_line(m, 0, SPI, true);
	assert_int_equal(run(m, 0), event);
	machine_free(m);
}

static void power_ends_a_bound_handler(void **unused)
{
	void (*const powers[])(struct sdei *, unsigned) = { sdei_cpu_off, sdei_cpu_on,
							    sdei_cpu_suspended };

	(void)unused;
	for (unsigned i = 0; i < 3; i++) {
		struct machine *m = machine();
		int32_t event = bind(m, 0, PPI);

		unmask(m, 0);
		enable(m, 0, event);
		pulse(m, 0, PPI);
		assert_int_equal(run(m, 0), event);
		powers[i](m->sdei, 0);
		assert_false(irq_at(m, 0, PPI)->active);
		assert_int_equal(irq_at(m, 0, PPI)->ended, 1);
		assert_true(irq_at(m, 0, PPI)->diverted);
		assert_int_equal(status_of(m, 0, event), i == 2 ? 3 : 0);
		if (i != 2)
			enable(m, 0, event);
		unmask(m, 0);
		pulse(m, 0, PPI);
		assert_int_equal(run(m, 0), event);
		machine_free(m);
	}
}

/* --- Routes, resets, release. ------------------------------------------------------------------------------ */

static void an_spi_goes_where_its_event_goes(void **unused)
{
	struct machine *m = machine();
	int32_t event;

	(void)unused;
	irq_at(m, 0, SPI)->routed_to = -1;
	event = bind(m, 0, SPI);
	register_to(m, 1, event, 0, mpidrs[3]);
	assert_int_equal(irq_at(m, 0, SPI)->routed_to, -1);
	assert_int_equal(CALL(m, 0, EVENT_ROUTING_SET, (uint32_t)event, 1, mpidrs[3]), OK);
	assert_int_equal(irq_at(m, 0, SPI)->routed_to, 3);
	assert_int_equal(CALL(m, 0, EVENT_ROUTING_SET, (uint32_t)event, 0, mpidrs[1]), OK);
	assert_int_equal(irq_at(m, 0, SPI)->routed_to, 3);
	assert_int_equal(unregister(m, 0, event), OK);
	register_to(m, 1, event, SDEI_FLAG_RM_PE, mpidrs[2]);
	assert_int_equal(irq_at(m, 0, SPI)->routed_to, 2);
	machine_free(m);
}

static void shared_reset_releases_private_slots_too(void **unused)
{
	struct machine *m = machine();
	int32_t ppi = bind(m, 1, PPI), spi = bind(m, 1, SPI);

	(void)unused;
	enable(m, 1, spi);
	assert_int_equal(CALL(m, 0, SHARED_RESET), OK);
	assert_int_equal(irq_at(m, 1, PPI)->returned, 1);
	assert_int_equal(irq_at(m, 1, SPI)->returned, 1);
	assert_int_equal(m->unbound_calls, 2);
	assert_int_equal(release(m, 1, ppi), INV);
	assert_int_equal(release(m, 1, spi), INV);
	/* Registered by another vCPU: it stays, and all that can be done is. */
	assert_int_equal(bind(m, 1, PPI), ppi);
	assert_int_equal(bind(m, 1, SPI), spi);
	enable(m, 2, ppi);
	assert_int_equal(CALL(m, 0, SHARED_RESET), DEN);
	assert_true(irq_at(m, 2, PPI)->diverted);
	assert_false(irq_at(m, 1, SPI)->diverted);
	assert_int_equal(status_of(m, 2, ppi), 3);
	machine_free(m);
}

static void release_tells_who_was_told_of_the_binding(void **unused)
{
	struct machine *m = machine();
	int32_t event = bind(m, 0, OTHER_SPI);

	(void)unused;
	assert_int_equal(release(m, 2, event), OK);
	assert_int_equal(m->unbound_calls, 1);
	assert_int_equal(m->bound_virq, OTHER_SPI);
	assert_int_equal(m->bound_event, event);
	/* It is the guest's again: no event of it. */
	pulse(m, 0, OTHER_SPI);
	sdei_interrupt(m->sdei, 0, OTHER_SPI);
	assert_int_equal(kicked(m), 0);
	assert_int_equal(CALL(m, 2, EVENT_REGISTER, (uint32_t)event, ENTRY), DEN);
	machine_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(B16_bind_of_an_intid_that_is_not_there),
		cmocka_unit_test(ppis_give_private_events_and_spis_shared_ones),
		cmocka_unit_test(what_is_pending_or_active_is_not_bound),
		cmocka_unit_test(slots_run_out_and_come_back),
		cmocka_unit_test(no_slots_of_a_type),
		cmocka_unit_test(the_last_slots),
		cmocka_unit_test(retry_of_bind_leaves_all_as_it_was),
		cmocka_unit_test(retry_of_register_leaves_all_as_it_was),
		cmocka_unit_test(a_ppi_is_diverted_where_its_event_is_registered),
		cmocka_unit_test(register_of_a_ppi_that_is_pending_or_active_here),
		cmocka_unit_test(release_of_a_ppi_returns_it_everywhere),
		cmocka_unit_test(an_interrupt_is_active_from_entry_to_complete),
		cmocka_unit_test(one_vcpu_takes_an_spi_that_any_may_take),
		cmocka_unit_test(register_clears_an_edge_and_keeps_a_level),
		cmocka_unit_test(a_level_outlives_a_registration),
		cmocka_unit_test(an_edge_while_disabled_is_delivered_when_enabled),
		cmocka_unit_test(a_level_that_fell_is_no_event),
		cmocka_unit_test(power_ends_a_bound_handler),
		cmocka_unit_test(an_spi_goes_where_its_event_goes),
		cmocka_unit_test(shared_reset_releases_private_slots_too),
		cmocka_unit_test(release_tells_who_was_told_of_the_binding),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("sdei_bind", tests, NULL, NULL);
}
