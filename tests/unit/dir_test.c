/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * When ICC_DIR_EL1 traps, and what a deactivation by number does (IHI 0069 12.2, ICH_HCR_EL2.TDIR).
 */
#include "fixture.h"

#define TDIR    (1u << 14)
#define EOIMODE (1u << 9)
#define PPI     20

static bool traps(const struct vcpu *v)
{
	return v->image.hcr & TDIR;
}

static void round_trip(struct vcpu *v)
{
	vgic_exit(v->cpu, &v->image);
	vgic_enter(v->cpu, &v->image);
}

static void end_by_dir(struct machine *m, struct vcpu *v, virq_t virq)
{
	if (!traps(v)) {
		deactivate(m, v, virq);
		return;
	}
	while (vgic_sysreg_write(v->cpu, VGIC_ICC_DIR_EL1, virq) == VGIC_AGAIN)
		leave(v);
	enter(v);
}

/* Both with EOImode 1, and vCPU 0 with a few private interrupts behind it. */
static struct machine *machine_of_two(void)
{
	struct machine *m = machine_new(2, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	for (unsigned i = 0; i < 2; i++) {
		m->vcpus[i].image.vmcr |= EOIMODE;
		round_trip(&m->vcpus[i]);
	}
	for (unsigned i = 0; i < 8; i++) {
		vgic_pulse(m->vgic, 0, PPI);
		enter(v);
		assert_int_equal(ack(v), PPI);
		drop(v);
		end_by_dir(m, v, PPI);
	}
	return m;
}

static void without_sharing_it_stops_trapping(void **state)
{
	struct machine *m = machine_of_two();

	(void)state;
	assert_false(traps(&m->vcpus[0]));
	assert_true(traps(&m->vcpus[1])); /* which did not deactivate anything */
	machine_free(m);
}

static void with_eoimode_0_it_always_traps(void **state)
{
	struct machine *m = machine_new(2, 32, 4);

	(void)state;
	for (unsigned i = 0; i < 8; i++)
		round_trip(&m->vcpus[0]);
	assert_true(traps(&m->vcpus[0]));
	machine_free(m);
}

static void a_shared_interrupt_waits_until_the_free_runner_came_out(void **state)
{
	struct machine *m = machine_of_two();
	struct vcpu *runner = &m->vcpus[0], *v = &m->vcpus[1];

	(void)state;
	dist_write(m, 0, GICD_IROUTER + 8 * 40, 8, 1);
	assert_false(traps(runner));
	m->kicks[0] = 0;
	vgic_pulse(m->vgic, 0, 40);
	round_trip(v);
	assert_true(vgic_attention(v->cpu)); /* not into the guest with it */
	assert_int_equal(m->kicks[0], 1);
	round_trip(v);
	assert_true(vgic_attention(v->cpu));
	assert_int_equal(m->kicks[0], 1); /* asked once */
	enter(runner);
	assert_true(traps(runner));
	round_trip(v);
	assert_false(vgic_attention(v->cpu));
	assert_int_equal(ack(v), 40);
	drop(v);
	while (vgic_sysreg_write(runner->cpu, VGIC_ICC_DIR_EL1, 40) == VGIC_AGAIN) {
		leave(runner);
		enter(v);
	}
	enter(runner);
	enter(v);
	assert_int_equal(dist_read(m, 0, GICD_ISACTIVER + 4, 4), 0);
	machine_free(m);
}

static void active_by_hand_ends_free_running(void **state)
{
	struct machine *m = machine_of_two();

	(void)state;
	assert_false(traps(&m->vcpus[0]));
	assert_int_equal(vgic_dist_write(m->vcpus[1].cpu, GICD_ISACTIVER + 4, 4, 1), VGIC_AGAIN);
	dist_write(m, 1, GICD_ISACTIVER + 4, 4, 1);
	assert_true(traps(&m->vcpus[0]));
	end_by_dir(m, &m->vcpus[0], 32);
	assert_int_equal(dist_read(m, 1, GICD_ISACTIVER + 4, 4), 0);
	machine_free(m);
}

static void what_was_not_acknowledged_is_left_alone(void **state)
{
	struct machine *m = machine_new(2, 32, 4);
	struct vcpu *self = &m->vcpus[0], *v = &m->vcpus[1];

	(void)state;
	self->image.vmcr |= EOIMODE;
	dist_write(m, 0, GICD_IROUTER + 8 * 40, 8, 1);
	vgic_pulse(m->vgic, 0, 40);
	enter(v);
	while (vgic_sysreg_write(self->cpu, VGIC_ICC_DIR_EL1, 40) == VGIC_AGAIN) {
		leave(self);
		enter(v);
	}
	enter(v);
	assert_int_equal(ack(v), 40);
	assert_int_equal(dist_read(m, 0, GICD_ISACTIVER + 4, 4), 1u << 8);
	machine_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_sharing_it_stops_trapping),
		cmocka_unit_test(with_eoimode_0_it_always_traps),
		cmocka_unit_test(a_shared_interrupt_waits_until_the_free_runner_came_out),
		cmocka_unit_test(active_by_hand_ends_free_running),
		cmocka_unit_test(what_was_not_acknowledged_is_left_alone),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("dir", tests, NULL, NULL);
}
