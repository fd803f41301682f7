/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Defects of ours that the lockstep, the spin models and the guests found, each as the rule of the
 * architecture (IHI 0069) that it broke.
 */
#include "fixture.h"

#define NPIE     (1u << 3)
#define VGRP0DIE (1u << 5)
#define VGRP1EIE (1u << 6)
#define VGRP1DIE (1u << 7)

static void pending_rides_on_an_active_only_if_its_group_is_on(void **state)
{
	struct machine *m = machine_new(1, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	vgic_pulse(m->vgic, 0, 40);
	enter(v);
	assert_int_equal(ack(v), 40);
	vgic_pulse(m->vgic, 0, 40);
	dist_write(m, 0, GICD_CTLR, 4, 0);
	assert_int_equal(lr_state(v->image.lr[lr_of(v, 40)]), 2);
	eoi(m, v, 40);
	enter(v);
	assert_int_equal(ack(v), SPURIOUS);
	dist_write(m, 0, GICD_CTLR, 4, 3);
	assert_int_equal(ack(v), 40);
	machine_free(m);
}

static void pending_rides_on_an_active_only_with_the_same_priority(void **state)
{
	struct machine *m = machine_new(1, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	vgic_pulse(m->vgic, 0, 40);
	enter(v);
	assert_int_equal(ack(v), 40);
	dist_write(m, 0, GICD_IPRIORITYR + 40, 1, 0x20);
	vgic_pulse(m->vgic, 0, 40);
	enter(v);
	assert_int_equal(lr_state(v->image.lr[lr_of(v, 40)]), 2);
	assert_int_equal(lr_priority(v->image.lr[lr_of(v, 40)]), 0xa0);
	eoi(m, v, 40);
	vgic_maintenance(v->cpu);
	enter(v);
	assert_int_equal(lr_priority(v->image.lr[lr_of(v, 40)]), 0x20);
	machine_free(m);
}

static void active_keeps_the_group_of_its_acknowledge(void **state)
{
	struct machine *m = machine_new(1, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	vgic_pulse(m->vgic, 0, 40);
	enter(v);
	assert_int_equal(ack(v), 40);
	dist_write(m, 0, 0x84, 4, ~(1u << 8)); /* to group 0 */
	leave(v);
	vgic_enter(v->cpu, &v->image);
	assert_int_equal(v->image.lr[lr_of(v, 40)] >> 60 & 1, 1);
	machine_free(m);
}

/* Two interrupts of group 0, one of group 1, one list register; group enables of the guest's. */
static struct machine *overflowing(uint32_t enables)
{
	struct machine *m = machine_new(1, 32, 1);
	struct vcpu *v = &m->vcpus[0];

	dist_write(m, 0, 0x84, 4, ~3u);
	dist_write(m, 0, GICD_IPRIORITYR + 34, 1, 0xb0);
	v->image.vmcr = (VMCR_OPEN & ~3u) | enables;
	for (unsigned i = 32; i < 35; i++)
		vgic_pulse(m->vgic, 0, i);
	enter(v);
	return m;
}

static void overflow_notices_that_the_group_in_front_closes(void **state)
{
	struct machine *m = overflowing(3);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	assert_int_equal(v->image.hcr & (NPIE | VGRP0DIE), NPIE | VGRP0DIE);
	v->image.vmcr = VMCR_OPEN & ~1u;
	vgic_maintenance(v->cpu);
	enter(v);
	assert_int_equal(ack(v), 34);
	machine_free(m);
}

static void overflow_notices_that_a_group_opens(void **state)
{
	struct machine *m = overflowing(1);

	(void)state;
	assert_int_equal(m->vcpus[0].image.hcr & (NPIE | VGRP1EIE), NPIE | VGRP1EIE);
	machine_free(m);
}

static void overflow_watches_no_enable_that_is_off_already(void **state)
{
	struct machine *m = overflowing(1);

	(void)state;
	assert_int_equal(m->vcpus[0].image.hcr & (VGRP0DIE | VGRP1DIE), 0);
	machine_free(m);
}

static void reading_active_folds_what_eoicount_ended(void **state)
{
	struct machine *m = machine_new(1, 64, 1);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	vgic_pulse(m->vgic, 0, 32);
	enter(v);
	assert_int_equal(ack(v), 32);
	vgic_pulse(m->vgic, 0, 33); /* takes the list register */
	enter(v);
	v->image.hcr += 1u << 27; /* the end of 32; the maintenance interrupt is still to come */
	assert_int_equal(dist_read(m, 0, GICD_ISACTIVER + 4, 4), 0);
	machine_free(m);
}

static void reset_interface_is_written_whole_and_forgets_acknowledges(void **state)
{
	struct machine *m = machine_new(1, 64, 1);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	vgic_pulse(m->vgic, 0, 38);
	enter(v);
	assert_int_equal(ack(v), 38);
	leave(v);
	vgic_cpuif_reset(v->cpu, &v->image);
	v->image.vmcr = VMCR_OPEN;
	leave(v);
	vgic_enter(v->cpu, &v->image);
	assert_true(v->image.hcr_changed);
	assert_int_equal(v->image.changed, 1);
	dist_write(m, 0, GICD_IPRIORITYR + 47, 1, 0x40);
	vgic_pulse(m->vgic, 0, 47);
	enter(v);
	assert_int_equal(ack(v), 47);
	vgic_pulse(m->vgic, 0, 48);
	enter(v); /* 47 gives way: its end is only counted */
	v->image.hcr += 1u << 27;
	assert_int_equal(dist_read(m, 0, GICD_ISACTIVER + 4, 4), 1u << 6); /* 38, not 47 */
	machine_free(m);
}

static void rwp_does_not_wait_for_a_vcpu_that_is_put_away(void **state)
{
	struct machine *m = machine_new(2, 32, 4);
	struct vcpu *v = &m->vcpus[1];

	(void)state;
	leave(v);
	vgic_redist_write(v->cpu, VGIC_REDIST_STRIDE + GICR_WAKER, 4, 2);
	vgic_put(v->cpu, &v->image);
	v->cpu = NULL;
	assert_int_equal(dist_read(m, 0, GICD_CTLR, 4) >> 31, 0);
	dist_write(m, 0, GICD_CTLR, 4, 1);
	assert_int_equal(dist_read(m, 0, GICD_CTLR, 4) >> 31, 0);
	machine_free(m);
}

static void mapped_level_reads_pending_as_its_line_is(void **state)
{
	struct machine *m = machine_new(1, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	vgic_map_hwirq(m->vgic, 0, 27, (struct hwirq){ 27 }, true);
	m->phys_active[27] = m->phys_line[27] = true;
	vgic_set_line(m->vgic, 0, 27, true);
	enter(v);
	assert_int_equal(ack(v), 27);
	assert_int_equal(redist_read(m, 0, GICR_SGI + GICD_ISPENDR, 4), 1u << 27);
	m->phys_line[27] = false;
	assert_int_equal(redist_read(m, 0, GICR_SGI + GICD_ISPENDR, 4), 0);
	machine_free(m);
}

static void more_to_deliver_keeps_the_physical_one_active(void **state)
{
	struct machine *m = machine_new(1, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	vgic_map_hwirq(m->vgic, 0, 40, (struct hwirq){ 40 }, false);
	m->phys_active[40] = true;
	vgic_pulse(m->vgic, 0, 40);
	enter(v);
	assert_int_equal(ack(v), 40);
	dist_write(m, 0, GICD_ICENABLER + 4, 4, 1u << 8);
	dist_write(m, 0, GICD_ISPENDR + 4, 4, 1u << 8);
	eoi(m, v, 40); /* hardware deactivates */
	dist_write(m, 0, GICD_ISENABLER + 4, 4, 1u << 8);
	assert_int_equal(lr_state(v->image.lr[lr_of(v, 40)]), 1);
	assert_true(v->image.lr[lr_of(v, 40)] >> 61 & 1); /* hardware deactivates it again */
	assert_true(m->phys_active[40]);
	machine_free(m);
}

/* The host has an edge, and tells its line; the guest thinks of a level, for a while. */
static void line_that_becomes_a_level_keeps_the_physical_one_active(void **state)
{
	struct machine *m = machine_new(1, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	vgic_map_hwirq(m->vgic, 0, 40, (struct hwirq){ 40 }, 0);
	dist_write(m, 0, GICD_ICFGR + 8, 4, 2u << 16);
	m->phys_active[40] = true;
	vgic_set_line(m->vgic, 0, 40, true);
	enter(v);
	assert_int_equal(ack(v), 40);
	eoi(m, v, 40);
	assert_false(m->phys_active[40]);
	dist_write(m, 0, GICD_ICFGR + 8, 4, 0);
	assert_int_equal(lr_state(v->image.lr[lr_of(v, 40)]), 1);
	assert_true(m->phys_active[40]);
	leave(v);
	dist_write(m, 0, GICD_ICFGR + 8, 4, 2u << 16);
	assert_int_equal(lr_of(v, 40), -1);
	assert_false(m->phys_active[40]); /* nothing is pending that would end it */
	machine_free(m);
}

/* The same line, a level for the guest all along: its end makes the physical one inactive. */
static void refill_takes_no_line_whose_physical_one_was_ended(void **state)
{
	struct machine *m = machine_new(1, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	vgic_map_hwirq(m->vgic, 0, 40, (struct hwirq){ 40 }, 0);
	m->phys_active[40] = true;
	vgic_set_line(m->vgic, 0, 40, true);
	enter(v);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(ack(v), 40);
		eoi(m, v, 40);
		/* It has to be looked at, as it was or not. */
		vgic_dist_write(v->cpu, GICD_IPRIORITYR + 40, 1, 0x20);
		if (i == 1)
			vgic_dist_write(v->cpu, GICD_IPRIORITYR + 40, 1, 0xa0);
		enter(v);
		assert_int_equal(lr_state(v->image.lr[lr_of(v, 40)]), 1);
		assert_true(m->phys_active[40]);
		dist_write(m, 0, GICD_IPRIORITYR + 40, 1, 0xa0);
	}
	machine_free(m);
}

static void end_on_a_sleeping_vcpu_lets_another_have_the_next(void **state)
{
	struct machine *m = machine_new(2, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	vgic_pulse(m->vgic, 0, 40);
	settle(m);
	assert_int_equal(ack(v), 40);
	vgic_pulse(m->vgic, 0, 40);
	dist_write(m, 0, GICD_IROUTER + 8 * 40, 8, 1);
	redist_write(m, 0, GICR_WAKER, 2);
	settle(m);
	assert_int_equal(lr_state(v->image.lr[lr_of(v, 40)]), 2);
	eoi(m, v, 40);
	settle(m);
	assert_int_equal(ack(&m->vcpus[1]), 40);
	machine_free(m);
}

/*
 * A GICv2's SGI is dropped with EOImode 1, its DIR is to come, and another CPU sends it, too. It holds
 * nothing of lower priority back, whatever EOImode is by the time anybody looks.
 */
static void dropped_sgi_holds_nothing_back(void **state)
{
	struct machine *m = machine_of(VGIC_V2, 3, 32, 4);
	struct vcpu *v = &m->vcpus[0];
	virq_t iar;

	(void)state;
	set_edge(m, 0, 40, true);
	set_priority(m, 0, 40, 0xb0);
	dist_write(m, 1, GICD_SGIR, 4, 1u << 16 | 5);
	settle(m);
	iar = ack(v);
	assert_int_equal(iar, 5 | 1 << 10);
	v->image.vmcr |= VMCR_VEOIM;
	drop(v);
	v->image.vmcr &= ~VMCR_VEOIM;
	dist_write(m, 2, GICD_SGIR, 4, 1u << 16 | 5);
	vgic_pulse(m->vgic, 0, 40);
	settle(m);
	assert_int_equal(ack(v), 40);
	dir(m, 0, iar);
	settle(m);
	assert_int_equal(ack(v), 5 | 2 << 10);
	machine_free(m);
}

/* Its second source waits, and has got a better priority than the active one was acknowledged with. */
static void what_preempts_an_active_sgi_is_not_held_back(void **state)
{
	struct machine *m = machine_of(VGIC_V2, 3, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	for (virq_t virq = 40; virq < 42; virq++)
		set_edge(m, 0, virq, true);
	set_priority(m, 0, 5, 0xa0);
	set_priority(m, 0, 40, 0x98);
	set_priority(m, 0, 41, 0xa0);
	dist_write(m, 1, GICD_SGIR, 4, 1u << 16 | 5);
	settle(m);
	assert_int_equal(ack(v), 5 | 1 << 10);
	set_priority(m, 0, 5, 0x80);
	dist_write(m, 2, GICD_SGIR, 4, 1u << 16 | 5);
	vgic_pulse(m->vgic, 0, 40);
	vgic_pulse(m->vgic, 0, 41);
	settle(m);
	assert_int_equal(lr_of(v, 41), -1);
	assert_int_equal(ack(v), 40);
	machine_free(m);
}

/* Nor is anything else let in: 40 is better than the active one, but of the same group priority. */
static void what_does_not_preempt_an_active_sgi_is_held_back(void **state)
{
	struct machine *m = machine_of(VGIC_V2, 3, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	v->image.vmcr = VMCR_OPEN | 5u << 18; /* group 1's group priority of 0x98 is 0x80 */
	leave(v);
	vgic_enter(v->cpu, &v->image);
	set_edge(m, 0, 40, true);
	set_priority(m, 0, 5, 0x98);
	set_priority(m, 0, 40, 0x88);
	send_sgi(m, 1, 0, 5);
	settle(m);
	assert_int_equal(ack(v), 5 | 1 << 10);
	v->image.ap1r[0] = 1u << (0x80 >> 3);
	set_priority(m, 0, 5, 0x40);
	send_sgi(m, 2, 0, 5);
	vgic_pulse(m->vgic, 0, 40);
	settle(m);
	assert_int_equal(lr_of(v, 40), -1);
	v->image.ap1r[0] = 0;
	deactivate(m, v, 5 | 1 << 10);
	settle(m);
	assert_int_equal(ack(v), 5 | 2 << 10);
	machine_free(m);
}

static void change_of_group_keeps_the_physical_one_active(void **state)
{
	struct machine *m = machine_new(1, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	vgic_map_hwirq(m->vgic, 0, 27, (struct hwirq){ 27 }, VGIC_HWIRQ_LEVEL);
	m->phys_active[27] = m->phys_line[27] = true;
	vgic_set_line(m->vgic, 0, 27, true);
	enter(v);
	assert_int_equal(ack(v), 27);
	dist_write(m, 0, GICD_CTLR, 4, 1); /* not its group */
	vgic_set_line(m->vgic, 0, 27, true);
	enter(v);
	eoi(m, v, 27); /* hardware deactivates */
	redist_write(m, 0, GICR_SGI + GICD_IGROUPR, 0);
	assert_int_equal(ack(v), 27);
	assert_true(m->phys_active[27]);
	machine_free(m);
}

static void wake_predicate_asks_only_the_best_of_both_groups(void **state)
{
	struct machine *m = machine_new(1, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	dist_write(m, 0, 0x84, 4, ~1u); /* 32 is group 0, 0xa0; 33 group 1, 0xf0 */
	dist_write(m, 0, GICD_IPRIORITYR + 33, 1, 0xe8);
	leave(v);
	vgic_pulse(m->vgic, 0, 32);
	vgic_pulse(m->vgic, 0, 33);
	v->image.vmcr = VMCR_OPEN | 7u << 18; /* group 1's group priority of 0xe8 is 0x80 */
	v->image.ap0r[0] = 1u << (0xa0 >> 3); /* 32 cannot preempt */
	vgic_enter(v->cpu, &v->image);
	leave(v);
	assert_false(vgic_pending(m->vgic, 0));
	machine_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pending_rides_on_an_active_only_if_its_group_is_on),
		cmocka_unit_test(pending_rides_on_an_active_only_with_the_same_priority),
		cmocka_unit_test(active_keeps_the_group_of_its_acknowledge),
		cmocka_unit_test(overflow_notices_that_the_group_in_front_closes),
		cmocka_unit_test(overflow_notices_that_a_group_opens),
		cmocka_unit_test(overflow_watches_no_enable_that_is_off_already),
		cmocka_unit_test(reading_active_folds_what_eoicount_ended),
		cmocka_unit_test(reset_interface_is_written_whole_and_forgets_acknowledges),
		cmocka_unit_test(rwp_does_not_wait_for_a_vcpu_that_is_put_away),
		cmocka_unit_test(mapped_level_reads_pending_as_its_line_is),
		cmocka_unit_test(more_to_deliver_keeps_the_physical_one_active),
		cmocka_unit_test(line_that_becomes_a_level_keeps_the_physical_one_active),
		cmocka_unit_test(refill_takes_no_line_whose_physical_one_was_ended),
		cmocka_unit_test(end_on_a_sleeping_vcpu_lets_another_have_the_next),
		cmocka_unit_test(dropped_sgi_holds_nothing_back),
		cmocka_unit_test(what_preempts_an_active_sgi_is_not_held_back),
		cmocka_unit_test(what_does_not_preempt_an_active_sgi_is_held_back),
		cmocka_unit_test(change_of_group_keeps_the_physical_one_active),
		cmocka_unit_test(wake_predicate_asks_only_the_best_of_both_groups),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("regressions", tests, NULL, NULL);
}
