/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Defects that other SDEI dispatchers shipped, each tried on ours, by its number in our list of them; the
 * answers are those of DEN0054.
 */
#include "sdei_fixture.h"

static void defect_01_falling_edge_does_not_fire(void **unused)
{
	struct machine *m = machine();
	int32_t event = bind(m, 0, SPI);

	(void)unused;
	unmask(m, 0);
	enable(m, 0, event);
	set_line(m, 0, SPI, true);
	assert_int_equal(run(m, 0), event);
	complete(m, 0);
	assert_int_equal(run(m, 0), NO_EVENT);
	set_line(m, 0, SPI, false);
	assert_int_equal(run(m, 0), NO_EVENT);
	set_line(m, 0, SPI, true);
	assert_int_equal(run(m, 0), event);
	/* An edge in its handler is another event; the line that falls then is none. */
	set_line(m, 0, SPI, false);
	set_line(m, 0, SPI, true);
	set_line(m, 0, SPI, false);
	complete(m, 0);
	assert_int_equal(run(m, 0), event);
	complete(m, 0);
	assert_int_equal(run(m, 0), NO_EVENT);
	machine_free(m);
}

static void defect_01_level_is_sampled_at_entry_and_at_complete(void **unused)
{
	struct machine *m = machine();
	int32_t event;

	(void)unused;
	event = bind_level(m, 0, SPI);
	enable(m, 0, event);
	set_line(m, 0, SPI, true);
	set_line(m, 0, SPI, false);
	unmask(m, 0);
	assert_int_equal(run(m, 0), NO_EVENT);
	set_line(m, 0, SPI, true);
	assert_int_equal(run(m, 0), event);
	complete(m, 0);
	assert_int_equal(run(m, 0), event);
	set_line(m, 0, SPI, false);
	complete(m, 0);
	assert_int_equal(run(m, 0), NO_EVENT);
	machine_free(m);
}

static void defect_01_interrupt_is_the_controllers_at_release(void **unused)
{
	struct machine *m = machine();
	int32_t event;

	(void)unused;
	event = bind_level(m, 0, SPI);
	enable(m, 0, event);
	set_line(m, 0, SPI, true);
	assert_int_equal(CALL(m, 0, EVENT_UNREGISTER, (uint32_t)event), OK);
	assert_int_equal(CALL(m, 0, INTERRUPT_RELEASE, (uint32_t)event), OK);
	assert_int_equal(irq_at(m, 0, SPI)->returned, 1);
	assert_true(irq_is_pending(irq_at(m, 0, SPI)));
	machine_free(m);
}

static void defect_02_unregister_pending_leaves_neither_enabled_nor_pending(void **unused)
{
	struct machine *m = in_handler(PRIVATE_NORMAL);

	(void)unused;
	raise_event(m, 0, PRIVATE_NORMAL);
	assert_int_equal(CALL(m, 0, EVENT_UNREGISTER, PRIVATE_NORMAL), PEND);
	raise_event(m, 0, PRIVATE_NORMAL);
	assert_int_equal(status_of(m, 0, PRIVATE_NORMAL), 4);
	complete(m, 0);
	register_to(m, 0, PRIVATE_NORMAL, 0, 0);
	assert_int_equal(status_of(m, 0, PRIVATE_NORMAL), 1);
	assert_int_equal(CALL(m, 0, EVENT_ENABLE, PRIVATE_NORMAL), OK);
	assert_int_equal(run(m, 0), NO_EVENT);
	machine_free(m);
}

/* Event 0 keeps what is pending when it is registered, so it is at its unregistration that it is lost. */
static void defect_02_unregister_pending_of_event_0(void **unused)
{
	struct machine *m = in_handler(0);

	(void)unused;
	assert_int_equal(CALL(m, 0, EVENT_SIGNAL, 0, mpidrs[0]), OK);
	assert_int_equal(CALL(m, 0, EVENT_UNREGISTER, 0), PEND);
	assert_int_equal(CALL(m, 0, EVENT_SIGNAL, 0, mpidrs[0]), OK);
	complete(m, 0);
	enable(m, 0, 0);
	assert_int_equal(run(m, 0), NO_EVENT);
	machine_free(m);
}

static void defect_03_enable_of_an_unregistered_event_is_denied(void **unused)
{
	struct machine *m = machine();

	(void)unused;
	assert_int_equal(CALL(m, 0, EVENT_ENABLE, SHARED_NORMAL), DEN);
	assert_int_equal(CALL(m, 0, EVENT_DISABLE, SHARED_NORMAL), DEN);
	machine_free(m);
}

static void defect_04_rm_any_is_not_pinned_to_who_registered_it(void **unused)
{
	struct machine *m = machine();

	(void)unused;
	enable(m, 0, SHARED_NORMAL);
	unmask(m, 2);
	raise_event(m, 0, SHARED_NORMAL);
	assert_int_equal(run(m, 0), NO_EVENT);
	assert_int_equal(run(m, 2), SHARED_NORMAL);
	complete(m, 2);
	assert_int_equal(CALL(m, 2, PE_MASK), 1);
	raise_event(m, 3, SHARED_NORMAL);
	assert_int_equal(run(m, 2), NO_EVENT);
	unmask(m, 3);
	assert_int_equal(run(m, 3), SHARED_NORMAL);
	machine_free(m);
}

static void defect_05_cpu_on_masks(void **unused)
{
	struct machine *m = ready(SHARED_NORMAL);

	(void)unused;
	enable(m, 0, PRIVATE_NORMAL);
	raise_event(m, 0, PRIVATE_NORMAL);
	sdei_cpu_off(m->sdei, 0);
	sdei_cpu_on(m->sdei, 0);
	assert_int_equal(run(m, 0), NO_EVENT);
	assert_int_equal(CALL(m, 0, PE_MASK), 0);
	assert_int_equal(status_of(m, 0, PRIVATE_NORMAL), 0);
	assert_int_equal(status_of(m, 0, SHARED_NORMAL), 3);
	unmask(m, 0);
	assert_int_equal(run(m, 0), SHARED_NORMAL);
	machine_free(m);
}

/* Neither by CPU_OFF nor by CPU_ON alone is a private event registered for ever. */
static void defect_05_release_after_cpu_on(void **unused)
{
	void (*const powers[])(struct sdei *, unsigned) = { sdei_cpu_off, sdei_cpu_on };

	(void)unused;
	for (unsigned i = 0; i < 2; i++) {
		struct machine *m = machine();
		int32_t event = bind(m, 0, PPI);

		enable(m, 1, event);
		assert_int_equal(CALL(m, 0, INTERRUPT_RELEASE, (uint32_t)event), DEN);
		powers[i](m->sdei, 1);
		assert_int_equal(CALL(m, 0, INTERRUPT_RELEASE, (uint32_t)event), OK);
		assert_false(irq_at(m, 0, PPI)->diverted);
		assert_false(irq_at(m, 1, PPI)->diverted);
		machine_free(m);
	}
}

/* Nested handlers: a bound interrupt's, and a critical event's. */
static void defect_06_cpu_off_in_a_handler_leaves_nothing_behind(void **unused)
{
	struct machine *m = machine();
	int32_t event = bind(m, 0, SPI);

	(void)unused;
	unmask(m, 0);
	unmask(m, 1);
	enable(m, 0, event);
	enable(m, 0, PRIVATE_CRITICAL);
	pulse(m, 0, SPI);
	assert_int_equal(run(m, 0), event);
	raise_event(m, 0, PRIVATE_CRITICAL);
	assert_int_equal(run(m, 0), PRIVATE_CRITICAL);
	pulse(m, 0, SPI);
	forget_kicks(m);
	sdei_cpu_off(m->sdei, 0);
	assert_int_equal(irq_at(m, 0, SPI)->ended, 1);
	assert_int_equal(status_of(m, 1, event), 3);
	assert_int_equal(kicked(m), 1u << 1);
	assert_int_equal(run(m, 1), event);
	complete(m, 1);
	sdei_cpu_on(m->sdei, 0);
	assert_int_equal(CALL(m, 0, EVENT_CONTEXT, 0), DEN);
	assert_int_equal(CALL(m, 0, EVENT_COMPLETE, 0), DEN);
	assert_int_equal(status_of(m, 0, PRIVATE_CRITICAL), 0);
	unmask(m, 0);
	enable(m, 0, 0);
	raise_event(m, 0, 0);
	assert_int_equal(run(m, 0), 0);
	machine_free(m);
}

static void defect_07_pending_and_disabled_ends_the_search(void **unused)
{
	static const int32_t events[] = {
		0, PRIVATE_NORMAL, PRIVATE_CRITICAL, SHARED_NORMAL, SHARED_CRITICAL, SHARED_OTHER
	};
	struct machine *m = machine();

	(void)unused;
	unmask(m, 0);
	for (unsigned i = 0; i < 6; i++) {
		enable(m, 0, events[i]);
		raise_event(m, 0, events[i]);
		assert_int_equal(CALL(m, 0, EVENT_DISABLE, (uint32_t)events[i]), OK);
		raise_event(m, 0, events[i]);
	}
	assert_int_equal(run(m, 0), NO_EVENT);
	/* And it is not in the way of another. */
	assert_int_equal(CALL(m, 0, EVENT_ENABLE, SHARED_OTHER), OK);
	assert_int_equal(run(m, 0), SHARED_OTHER);
	complete(m, 0);
	assert_int_equal(run(m, 0), NO_EVENT);
	/* What was pending then is so when it is enabled again. */
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(CALL(m, 0, EVENT_ENABLE, (uint32_t)events[i]), OK);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_not_equal(run(m, 0), NO_EVENT);
		complete(m, 0);
	}
	assert_int_equal(run(m, 0), NO_EVENT);
	machine_free(m);
}

static void defect_08_signal_goes_to_its_target_and_kicks_it(void **unused)
{
	struct machine *m = machine();

	(void)unused;
	for (unsigned i = 0; i < VCPUS; i++) {
		unmask(m, i);
		enable(m, i, 0);
	}
	for (unsigned target = 0; target < VCPUS; target++) {
		forget_kicks(m);
		assert_int_equal(CALL(m, 1, EVENT_SIGNAL, 0, mpidrs[target]), OK);
		assert_int_equal(CALL(m, 1, EVENT_SIGNAL, 0, mpidrs[target]), OK);
		assert_int_equal(kicked(m), 1u << target);
		for (unsigned i = 0; i < VCPUS; i++)
			assert_int_equal(run(m, i), i == target ? 0 : NO_EVENT);
		complete(m, target);
		assert_int_equal(run(m, target), NO_EVENT);
	}
	machine_free(m);
}

static void defect_09_complete_delivers_the_next_pending_event(void **unused)
{
	struct machine *m = in_handler(0);

	(void)unused;
	enable(m, 0, PRIVATE_NORMAL);
	raise_event(m, 0, PRIVATE_NORMAL);
	raise_event(m, 0, 0);
	assert_int_equal(run(m, 0), NO_EVENT);
	complete(m, 0);
	assert_int_equal(run(m, 0), 0);
	assert_int_equal(m->vcpus[0].x[2], 0x8000);
	assert_int_equal(CALL(m, 0, EVENT_CONTEXT, 7), X(7));
	complete(m, 0);
	assert_int_equal(run(m, 0), PRIVATE_NORMAL);
	assert_int_equal(CALL(m, 0, EVENT_CONTEXT, 0), X(0));
	complete(m, 0);
	assert_int_equal(run(m, 0), NO_EVENT);
	assert_int_equal(m->vcpus[0].x[0], X(0));
	machine_free(m);
}

static void defect_09_complete_outside_a_handler_answers_denied(void **unused)
{
	struct machine *m = machine();

	(void)unused;
	assert_int_equal(CALL(m, 0, EVENT_COMPLETE, 0), DEN);
	assert_int_equal(CALL(m, 0, EVENT_COMPLETE_AND_RESUME, ENTRY), DEN);
	assert_int_equal(m->completions, 0);
	machine_free(m);
}

static void defect_10_private_reset_in_a_handler_is_denied(void **unused)
{
	struct machine *m = in_handler(0);

	(void)unused;
	assert_int_equal(CALL(m, 0, PRIVATE_RESET), DEN);
	assert_int_equal(status_of(m, 0, 0), 4);
	complete(m, 0);
	assert_int_equal(status_of(m, 0, 0), 0);
	machine_free(m);
}

static void defect_11_unregister_forgets_what_is_pending(void **unused)
{
	static const int32_t events[] = { 0, PRIVATE_NORMAL, SHARED_NORMAL };

	(void)unused;
	for (unsigned i = 0; i < 3; i++) {
		struct machine *m = ready(events[i]);

		assert_int_equal(CALL(m, 0, EVENT_UNREGISTER, (uint32_t)events[i]), OK);
		assert_int_equal(run(m, 0), NO_EVENT);
		enable(m, 0, events[i]);
		assert_int_equal(run(m, 0), NO_EVENT);
		machine_free(m);
	}
}

static void defect_11_reset_masks_again(void **unused)
{
	struct machine *m = ready(SHARED_NORMAL);

	(void)unused;
	sdei_reset(m->sdei);
	assert_int_equal(CALL(m, 0, PE_MASK), 0);
	unmask(m, 0);
	enable(m, 0, SHARED_NORMAL);
	assert_int_equal(run(m, 0), NO_EVENT);
	machine_free(m);
}

static void defect_12_the_handler_has_its_registers_and_the_others_live(void **unused)
{
	struct machine *m = machine();
	struct vcpu *v = &m->vcpus[0];

	(void)unused;
	unmask(m, 0);
	enable(m, 0, 0);
	fill(m, 0, SEED);
	/* By a call of its own: its answer is in the context, and not in the handler's x0. */
	assert_int_equal(CALL(m, 0, EVENT_SIGNAL, 0, mpidrs[0]), OK);
	v->frame.elr_el1 = 0x1111;
	v->frame.spsr_el1 = 0x2222;
	v->frame.pstate = 0x60000004;
	v->x[0] = 5; /* not 0, which is the event, too */
	assert_int_equal(run(m, 0), 0);
	assert_int_equal(v->x[1], ARGUMENT);
	assert_int_equal(v->x[2], 0x8000);
	assert_int_equal(v->x[3], 0x60000004);
	for (unsigned i = 6; i < 31; i++)
		assert_int_equal(v->x[i], X(i));
	assert_int_equal(v->frame.pc, ENTRY);
	assert_int_equal(v->frame.elr_el1, 0x1111);
	assert_int_equal(v->frame.spsr_el1, 0x2222);
	assert_false(v->frame.resumed);
	assert_int_equal(CALL(m, 0, EVENT_CONTEXT, 0), 5);
	assert_int_equal(CALL(m, 0, EVENT_CONTEXT, 2), mpidrs[0]);
	assert_int_equal(CALL(m, 0, EVENT_CONTEXT, 17), X(17));
	machine_free(m);
}

static void defect_12_the_calls_result_is_in_the_context(void **unused)
{
	struct machine *m = machine();

	(void)unused;
	enable(m, 0, 0);
	raise_event(m, 0, 0);
	fill(m, 0, SEED);
	unmask(m, 0);
	assert_int_equal(run(m, 0), 0);
	assert_int_equal(CALL(m, 0, EVENT_CONTEXT, 0), OK);
	complete(m, 0);
	assert_int_equal(m->vcpus[0].x[0], OK);
	machine_free(m);
}

static void defect_13_routing_set_affinity_is_kept(void **unused)
{
	struct machine *m = machine();

	(void)unused;
	register_to(m, 0, SHARED_NORMAL, 0, 0);
	assert_int_equal(CALL(m, 0, EVENT_ROUTING_SET, SHARED_NORMAL, 1, mpidrs[2]), OK);
	assert_int_equal(CALL(m, 1, EVENT_GET_INFO, SHARED_NORMAL, 3), 1);
	assert_int_equal(CALL(m, 1, EVENT_GET_INFO, SHARED_NORMAL, 4), 0x0100000002);
	assert_int_equal(CALL(m, 0, EVENT_ENABLE, SHARED_NORMAL), OK);
	unmask(m, 0);
	unmask(m, 2);
	forget_kicks(m);
	raise_event(m, 0, SHARED_NORMAL);
	assert_int_equal(kicked(m), 1u << 2);
	assert_int_equal(run(m, 0), NO_EVENT);
	assert_int_equal(run(m, 2), SHARED_NORMAL);
	assert_int_equal(frame_of(m, 2)->pc, ENTRY);
	complete(m, 2);
	assert_int_equal(CALL(m, 1, EVENT_DISABLE, SHARED_NORMAL), OK);
	assert_int_equal(CALL(m, 1, EVENT_ROUTING_SET, SHARED_NORMAL, 0, 3), OK);
	assert_int_equal(CALL(m, 1, EVENT_GET_INFO, SHARED_NORMAL, 3), 0);
	machine_free(m);
}

static void defect_13_private_register_with_0_0(void **unused)
{
	struct machine *m = machine();

	(void)unused;
	unmask(m, 2);
	assert_int_equal(CALL(m, 2, EVENT_REGISTER, PRIVATE_NORMAL, ENTRY, 0, 0, 0), OK);
	assert_int_equal(CALL(m, 2, EVENT_ENABLE, PRIVATE_NORMAL), OK);
	raise_event(m, 2, PRIVATE_NORMAL);
	assert_int_equal(run(m, 2), PRIVATE_NORMAL);
	/* Nor does it matter what they say. */
	assert_int_equal(CALL(m, 3, EVENT_REGISTER, PRIVATE_NORMAL, ENTRY, 0, 1, 12345), OK);
	assert_int_equal(CALL(m, 3, EVENT_ENABLE, PRIVATE_NORMAL), OK);
	unmask(m, 3);
	raise_event(m, 3, PRIVATE_NORMAL);
	assert_int_equal(run(m, 3), PRIVATE_NORMAL);
	machine_free(m);
}

static void defect_13_bind_of_an_sgi_and_of_one_too_many(void **unused)
{
	struct machine *m = machine();

	(void)unused;
	for (unsigned sgi = 0; sgi < 16; sgi++)
		assert_int_equal(CALL(m, 0, INTERRUPT_BIND, sgi), INV);
	bind(m, 0, PPI);
	assert_int_equal(CALL(m, 0, INTERRUPT_BIND, OTHER_PPI), OOR);
	bind(m, 0, SPI);
	bind(m, 0, SPI + 1);
	assert_int_equal(CALL(m, 0, INTERRUPT_BIND, OTHER_SPI), OOR);
	machine_free(m);
}

static void defect_14_an_error_leaves_the_context(void **unused)
{
	struct machine *m = in_handler(0);

	(void)unused;
	m->refused_entry = 0x6000;
	assert_int_equal(CALL(m, 0, EVENT_COMPLETE_AND_RESUME, 0x6000), INV);
	assert_int_equal(CALL(m, 0, EVENT_COMPLETE_AND_RESUME, 0x6001), INV);
	assert_int_equal(CALL(m, 0, EVENT_COMPLETE_AND_RESUME, 0), INV);
	assert_int_equal(CALL(m, 0, EVENT_CONTEXT, 18), INV);
	assert_false(frame_of(m, 0)->resumed);
	assert_int_equal(status_of(m, 0, 0), 7);
	assert_int_equal(CALL(m, 0, EVENT_CONTEXT, 9), X(9));
	complete(m, 0);
	assert_int_equal(m->vcpus[0].x[9], X(9));
	assert_int_equal(frame_of(m, 0)->pc, 0x8000);
	machine_free(m);
}

static void defect_15_pe_mask_says_whether_it_changed_something(void **unused)
{
	struct machine *m = machine();

	(void)unused;
	assert_int_equal(CALL(m, 0, PE_MASK), 0);
	assert_int_equal(CALL(m, 0, PE_UNMASK), 0);
	assert_int_equal(CALL(m, 0, PE_UNMASK), 0);
	assert_int_equal(CALL(m, 1, PE_MASK), 0);
	assert_int_equal(CALL(m, 0, PE_MASK), 1);
	assert_int_equal(CALL(m, 0, PE_MASK), 0);
	machine_free(m);
}

static void defect_15_masked_after_a_suspend_that_lost_power(void **unused)
{
	struct machine *m = ready(PRIVATE_NORMAL);

	(void)unused;
	sdei_cpu_suspended(m->sdei, 0);
	assert_int_equal(run(m, 0), NO_EVENT);
	assert_int_equal(CALL(m, 0, PE_MASK), 0);
	assert_int_equal(status_of(m, 0, PRIVATE_NORMAL), 3);
	unmask(m, 0);
	assert_int_equal(run(m, 0), PRIVATE_NORMAL);
	machine_free(m);
}

/* A level that stays high: the guest goes on until the host says that it has had its time. */
static void defect_16_a_level_that_stays_leaves_time_between_events(void **unused)
{
	struct sdei_config config = standard_config();
	struct machine *m = machine_with(&config, fake_later);
	int32_t event;

	(void)unused;
	event = bind_level(m, 0, SPI);
	unmask(m, 0);
	enable(m, 0, event);
	set_line(m, 0, SPI, true);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(run(m, 0), event);
		assert_int_equal(run(m, 0), NO_EVENT);
		complete(m, 0);
		assert_int_equal(m->later[0], i + 1);
		assert_int_equal(run(m, 0), NO_EVENT);
		/* What is not bound to it does not wait. */
		if (!i)
			enable(m, 0, 0);
		raise_event(m, 0, 0);
		assert_int_equal(run(m, 0), 0);
		complete(m, 0);
		assert_int_equal(run(m, 0), NO_EVENT);
		forget_kicks(m);
		sdei_again(m->sdei, 0);
		assert_int_equal(kicked(m), 1u << 0);
	}
	set_line(m, 0, SPI, false);
	assert_int_equal(run(m, 0), NO_EVENT);
	sdei_again(m->sdei, 0);
	assert_int_equal(run(m, 0), NO_EVENT);
	machine_free(m);
}

/* Without that hook: an event for each COMPLETE, and every call in the handler is answered. */
static void defect_16_a_level_that_stays_does_not_hold_up_the_host(void **unused)
{
	struct machine *m = machine();
	int32_t event;

	(void)unused;
	event = bind_level(m, 0, PPI);
	unmask(m, 0);
	enable(m, 0, event);
	set_line(m, 0, PPI, true);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(run(m, 0), event);
		assert_int_equal(run(m, 0), NO_EVENT);
		assert_int_equal(irq_at(m, 0, PPI)->taken, i + 1);
		complete(m, 0);
	}
	assert_int_equal(CALL(m, 0, EVENT_DISABLE, (uint32_t)event), OK);
	assert_int_equal(run(m, 0), NO_EVENT);
	machine_free(m);
}

/* What is held back is not lost, whatever becomes of who has to be told of it. */
static void an_event_held_back_goes_elsewhere_when_its_vcpu_goes_off(void **unused)
{
	struct sdei_config config = standard_config();
	struct machine *m = machine_with(&config, fake_later);
	int32_t event;

	(void)unused;
	event = bind_level(m, 0, SPI);
	unmask(m, 0);
	unmask(m, 2);
	enable(m, 0, event);
	set_line(m, 0, SPI, true);
	assert_int_equal(run(m, 0), event);
	complete(m, 0);
	assert_int_equal(run(m, 2), NO_EVENT);
	forget_kicks(m);
	sdei_cpu_off(m->sdei, 0);
	assert_int_equal(kicked(m), 1u << 2);
	assert_int_equal(run(m, 2), event);
	/* In the handler, too. */
	unmask(m, 3);
	forget_kicks(m);
	sdei_cpu_off(m->sdei, 2);
	assert_int_equal(kicked(m), 1u << 3);
	assert_int_equal(run(m, 3), event);
	machine_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defect_01_falling_edge_does_not_fire),
		cmocka_unit_test(defect_01_level_is_sampled_at_entry_and_at_complete),
		cmocka_unit_test(defect_01_interrupt_is_the_controllers_at_release),
		cmocka_unit_test(defect_02_unregister_pending_leaves_neither_enabled_nor_pending),
		cmocka_unit_test(defect_02_unregister_pending_of_event_0),
		cmocka_unit_test(defect_03_enable_of_an_unregistered_event_is_denied),
		cmocka_unit_test(defect_04_rm_any_is_not_pinned_to_who_registered_it),
		cmocka_unit_test(defect_05_cpu_on_masks),
		cmocka_unit_test(defect_05_release_after_cpu_on),
		cmocka_unit_test(defect_06_cpu_off_in_a_handler_leaves_nothing_behind),
		cmocka_unit_test(defect_07_pending_and_disabled_ends_the_search),
		cmocka_unit_test(defect_08_signal_goes_to_its_target_and_kicks_it),
		cmocka_unit_test(defect_09_complete_delivers_the_next_pending_event),
		cmocka_unit_test(defect_09_complete_outside_a_handler_answers_denied),
		cmocka_unit_test(defect_10_private_reset_in_a_handler_is_denied),
		cmocka_unit_test(defect_11_unregister_forgets_what_is_pending),
		cmocka_unit_test(defect_11_reset_masks_again),
		cmocka_unit_test(defect_12_the_handler_has_its_registers_and_the_others_live),
		cmocka_unit_test(defect_12_the_calls_result_is_in_the_context),
		cmocka_unit_test(defect_13_routing_set_affinity_is_kept),
		cmocka_unit_test(defect_13_private_register_with_0_0),
		cmocka_unit_test(defect_13_bind_of_an_sgi_and_of_one_too_many),
		cmocka_unit_test(defect_14_an_error_leaves_the_context),
		cmocka_unit_test(defect_15_pe_mask_says_whether_it_changed_something),
		cmocka_unit_test(defect_15_masked_after_a_suspend_that_lost_power),
		cmocka_unit_test(defect_16_a_level_that_stays_leaves_time_between_events),
		cmocka_unit_test(defect_16_a_level_that_stays_does_not_hold_up_the_host),
		cmocka_unit_test(an_event_held_back_goes_elsewhere_when_its_vcpu_goes_off),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("sdei_defects", tests, NULL, NULL);
}
