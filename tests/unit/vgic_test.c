/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The virtual GIC's rules, one by one. Expected values are the architecture's (IHI 0069); where a
 * choice was ours, docs/choices.md names the test.
 */
#include "fixture.h"

#define SGI1R_SELF(n) ((uint64_t)(n) << 24 | 1)

static void sgi_to_self_is_taken_once(void **state)
{
	struct machine *m = machine_new(2, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	vgic_sysreg_write(v->cpu, VGIC_ICC_SGI1R_EL1, SGI1R_SELF(3));
	assert_int_equal(m->kicks[0], 0);
	enter(v);
	assert_int_equal(ack(v), 3);
	assert_int_equal(ack(v), SPURIOUS);
	eoi(m, v, 3);
	assert_int_equal(v->image.hcr >> 27, 0);
	assert_false(vgic_attention(v->cpu));
	machine_free(m);
}

static void sgi_kicks_a_running_target_once(void **state)
{
	struct machine *m = machine_new(4, 32, 4);

	(void)state;
	vgic_sysreg_write(m->vcpus[0].cpu, VGIC_ICC_SGI1R_EL1, 1ull << 40 | 5ull << 24);
	vgic_sysreg_write(m->vcpus[0].cpu, VGIC_ICC_SGI1R_EL1, 1ull << 40 | 6ull << 24);
	for (unsigned i = 1; i < 4; i++) {
		assert_int_equal(m->kicks[i], 1);
		enter(&m->vcpus[i]);
		assert_int_equal(ack(&m->vcpus[i]) + ack(&m->vcpus[i]), 11);
	}
	assert_int_equal(m->kicks[0], 0);
	assert_false(vgic_attention(m->vcpus[0].cpu));
	machine_free(m);
}

static void sgi0r_sends_only_group_0(void **state)
{
	struct machine *m = machine_new(1, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	redist_write(m, 0, GICR_SGI + 0x80, ~1u << 4);
	vgic_sysreg_write(v->cpu, VGIC_ICC_SGI0R_EL1, SGI1R_SELF(5));
	assert_false(vgic_attention(v->cpu));
	vgic_sysreg_write(v->cpu, VGIC_ICC_SGI0R_EL1, SGI1R_SELF(4));
	enter(v);
	assert_int_equal(lr_of(v, 4), 0);
	assert_int_equal(v->image.lr[0] >> 60 & 1, 0);
	machine_free(m);
}

static void pulse_on_pending_merges_and_after_acknowledge_repeats(void **state)
{
	struct machine *m = machine_new(1, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	dist_write(m, 0, GICD_ICFGR + 8, 4, 2);
	vgic_pulse(m->vgic, 0, 32);
	vgic_pulse(m->vgic, 0, 32);
	enter(v);
	assert_int_equal(ack(v), 32);
	vgic_pulse(m->vgic, 0, 32);
	enter(v);
	assert_int_equal(lr_state(v->image.lr[lr_of(v, 32)]), 3);
	eoi(m, v, 32);
	assert_int_equal(ack(v), 32);
	eoi(m, v, 32);
	enter(v);
	assert_int_equal(ack(v), SPURIOUS);
	machine_free(m);
}

static void level_that_stays_high_comes_again_after_its_end(void **state)
{
	struct machine *m = machine_new(1, 32, 4);
	struct vcpu *v = &m->vcpus[0];
	int n;

	(void)state;
	vgic_set_line(m->vgic, 0, 40, true);
	enter(v);
	assert_int_equal(ack(v), 40);
	n = lr_of(v, 40);
	assert_true(v->image.lr[n] >> 41 & 1); /* its end is asked for */
	eoi(m, v, 40);
	vgic_maintenance(v->cpu);
	enter(v);
	assert_int_equal(ack(v), 40);
	vgic_set_line(m->vgic, 0, 40, false);
	enter(v);
	eoi(m, v, 40);
	enter(v);
	assert_int_equal(ack(v), SPURIOUS);
	machine_free(m);
}

static void level_that_falls_is_withdrawn(void **state)
{
	struct machine *m = machine_new(1, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	vgic_set_line(m->vgic, 0, 40, true);
	enter(v);
	assert_int_equal(lr_state(v->image.lr[0]), 1);
	vgic_set_line(m->vgic, 0, 40, false);
	assert_int_equal(m->kicks[0], 2);
	enter(v);
	assert_int_equal(ack(v), SPURIOUS);
	assert_int_equal(v->image.lr[0], 0);
	assert_true(v->image.changed & 1);
	machine_free(m);
}

static void highest_priority_goes_first_and_the_rest_follows(void **state)
{
	struct machine *m = machine_new(1, 64, 2);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	for (unsigned i = 0; i < 16; i++) {
		dist_write(m, 0, GICD_IPRIORITYR + 32 + i, 1, 0x80 - 8 * i);
		vgic_pulse(m->vgic, 0, 32 + i);
	}
	enter(v);
	for (unsigned i = 16; i-- > 0;) {
		if (ack(v) == SPURIOUS)
			fail();
		eoi(m, v, 32 + i);
		if (v->image.hcr & 1u << 3) /* NPIE: no pending interrupt */
			vgic_maintenance(v->cpu);
		enter(v);
	}
	assert_int_equal(ack(v), SPURIOUS);
	assert_int_equal(v->image.hcr, 1);
	machine_free(m);
}

static void actives_outside_list_registers_end_by_eoicount(void **state)
{
	struct machine *m = machine_new(1, 64, 2);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	for (unsigned i = 0; i < 6; i++) { /* each preempts the one before */
		dist_write(m, 0, GICD_IPRIORITYR + 32 + i, 1, 0x80 - 8 * i);
		vgic_pulse(m->vgic, 0, 32 + i);
		enter(v);
		assert_int_equal(ack(v), 32 + i);
	}
	vgic_maintenance(v->cpu);
	enter(v);
	assert_true(v->image.hcr & 1u << 2); /* LRENPIE */
	assert_int_equal(dist_read(m, 0, GICD_ISACTIVER + 4, 4), 0x3f);
	for (unsigned i = 6; i-- > 0;) {
		eoi(m, v, 32 + i);
		if (v->image.hcr >> 27)
			vgic_maintenance(v->cpu);
		enter(v);
		assert_int_equal(dist_read(m, 0, GICD_ISACTIVER + 4, 4), (1u << i) - 1);
	}
	machine_free(m);
}

static void ghost_takes_the_end_of_a_cleared_active(void **state)
{
	struct machine *m = machine_new(1, 64, 1);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		dist_write(m, 0, GICD_IPRIORITYR + 32 + i, 1, 0x80 - 8 * i);
		vgic_pulse(m->vgic, 0, 32 + i);
		enter(v);
		assert_int_equal(ack(v), 32 + i);
	}
	dist_write(m, 0, GICD_ICACTIVER + 4, 4, 2);
	assert_int_equal(dist_read(m, 0, GICD_ISACTIVER + 4, 4), 1);
	v->image.hcr += 1u << 27; /* the end of 33 */
	vgic_maintenance(v->cpu);
	enter(v);
	assert_int_equal(dist_read(m, 0, GICD_ISACTIVER + 4, 4), 1);
	eoi(m, v, 32);
	assert_int_equal(dist_read(m, 0, GICD_ISACTIVER + 4, 4), 0);
	machine_free(m);
}

static void icenabler_withdraws_from_a_running_vcpu_and_rwp_says_when(void **state)
{
	struct machine *m = machine_new(2, 32, 4);
	struct vcpu *v = &m->vcpus[1];
	uint64_t ctlr;

	(void)state;
	dist_write(m, 0, GICD_IROUTER + 8 * 40, 8, 1);
	vgic_pulse(m->vgic, 0, 40);
	enter(v);
	assert_int_equal(lr_of(v, 40), 0);
	vgic_dist_write(m->vcpus[0].cpu, GICD_ICENABLER + 4, 4, 1u << 8);
	assert_int_equal(m->kicks[1], 2);
	vgic_dist_read(m->vcpus[0].cpu, GICD_CTLR, 4, &ctlr);
	assert_true(ctlr >> 31);
	enter(v);
	assert_int_equal(ack(v), SPURIOUS);
	vgic_dist_read(m->vcpus[0].cpu, GICD_CTLR, 4, &ctlr);
	assert_false(ctlr >> 31);
	assert_int_equal(dist_read(m, 0, GICD_ISPENDR + 4, 4), 1u << 8);
	machine_free(m);
}

static void reading_active_waits_for_the_running_holder(void **state)
{
	struct machine *m = machine_new(2, 32, 4);
	struct vcpu *v = &m->vcpus[1];
	uint64_t value;

	(void)state;
	dist_write(m, 0, GICD_IROUTER + 8 * 40, 8, 1);
	vgic_pulse(m->vgic, 0, 40);
	enter(v);
	assert_int_equal(ack(v), 40);
	assert_int_equal(vgic_dist_read(m->vcpus[0].cpu, GICD_ISACTIVER + 4, 4, &value),
			 VGIC_AGAIN);
	leave(&m->vcpus[0]);
	assert_int_equal(vgic_dist_read(m->vcpus[0].cpu, GICD_ISACTIVER + 4, 4, &value),
			 VGIC_AGAIN);
	enter(v); /* folds, and has it in a list register again: the answer is there all the same */
	leave(&m->vcpus[0]);
	assert_int_equal(vgic_dist_read(m->vcpus[0].cpu, GICD_ISACTIVER + 4, 4, &value), VGIC_DONE);
	assert_int_equal(value, 1u << 8);
	machine_free(m);
}

static void icpendr_takes_it_out_of_a_running_vcpu(void **state)
{
	struct machine *m = machine_new(2, 32, 4);
	struct vcpu *v = &m->vcpus[1];

	(void)state;
	dist_write(m, 0, GICD_IROUTER + 8 * 40, 8, 1);
	vgic_pulse(m->vgic, 0, 40);
	enter(v);
	dist_write(m, 0, GICD_ICPENDR + 4, 4, 1u << 8);
	assert_int_equal(dist_read(m, 0, GICD_ISPENDR + 4, 4), 0);
	enter(v);
	assert_int_equal(ack(v), SPURIOUS);
	machine_free(m);
}

static void rerouting_a_pending_interrupt_moves_it(void **state)
{
	struct machine *m = machine_new(3, 32, 4);

	(void)state;
	vgic_pulse(m->vgic, 0, 40);
	enter(&m->vcpus[0]);
	assert_int_equal(lr_of(&m->vcpus[0], 40), 0);
	dist_write(m, 2, GICD_IROUTER + 8 * 40, 8, 1);
	enter(&m->vcpus[0]);
	assert_int_equal(ack(&m->vcpus[0]), SPURIOUS);
	assert_int_equal(m->kicks[1], 1);
	enter(&m->vcpus[1]);
	assert_int_equal(ack(&m->vcpus[1]), 40);
	machine_free(m);
}

static void next_edge_for_another_vcpu_waits_for_the_end(void **state)
{
	struct machine *m = machine_new(2, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	vgic_pulse(m->vgic, 0, 40);
	enter(v);
	assert_int_equal(ack(v), 40);
	dist_write(m, 0, GICD_IROUTER + 8 * 40, 8, 1);
	vgic_pulse(m->vgic, 0, 40);
	enter(v);
	enter(&m->vcpus[1]);
	assert_int_equal(ack(&m->vcpus[1]), SPURIOUS);
	assert_true(v->image.lr[lr_of(v, 40)] >> 41 & 1); /* its end is asked for */
	eoi(m, v, 40);
	vgic_maintenance(v->cpu);
	enter(v);
	enter(&m->vcpus[1]);
	assert_int_equal(ack(&m->vcpus[1]), 40);
	machine_free(m);
}

static void irouter_reads_back_and_halves_do_not_lose_each_other(void **state)
{
	struct machine *m = machine_new(2, 32, 4);

	(void)state;
	dist_write(m, 0, GICD_IROUTER + 8 * 40, 8, 0x12ull << 32 | 0x345678);
	assert_int_equal(dist_read(m, 0, GICD_IROUTER + 8 * 40, 8), 0x12ull << 32 | 0x345678);
	dist_write(m, 0, GICD_IROUTER + 8 * 40 + 4, 4, 0xab);
	dist_write(m, 0, GICD_IROUTER + 8 * 40, 4, 1u << 31 | 0x010203);
	assert_int_equal(dist_read(m, 0, GICD_IROUTER + 8 * 40, 8),
			 0xabull << 32 | 1u << 31 | 0x010203);
	assert_int_equal(dist_read(m, 0, GICD_IROUTER + 8 * 40 + 4, 4), 0xab);
	assert_int_equal(dist_read(m, 0, GICD_IROUTER + 8 * 40, 4), 1u << 31 | 0x010203);
	machine_free(m);
}

static void routed_to_nobody_is_kept_until_somebody_is(void **state)
{
	struct machine *m = machine_new(2, 32, 4);

	(void)state;
	dist_write(m, 0, GICD_IROUTER + 8 * 40, 8, 77);
	vgic_pulse(m->vgic, 0, 40);
	assert_false(vgic_attention(m->vcpus[0].cpu) || vgic_attention(m->vcpus[1].cpu));
	dist_write(m, 0, GICD_IROUTER + 8 * 40, 8, 1);
	enter(&m->vcpus[1]);
	assert_int_equal(ack(&m->vcpus[1]), 40);
	machine_free(m);
}

static void mapped_level_is_lowered_when_it_fell_unacknowledged(void **state)
{
	struct machine *m = machine_new(1, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	assert_int_equal(vgic_map_hwirq(m->vgic, 0, 27, (struct hwirq){ 27 }, true), 0);
	m->phys_active[27] = m->phys_line[27] = true; /* it fired; the host dropped its priority */
	vgic_set_line(m->vgic, 0, 27, true);
	enter(v);
	assert_int_equal(v->image.lr[0],
			 1ull << 62 | 1ull << 61 | 1ull << 60 | 0xa0ull << 48 | 27ull << 32 | 27);
	m->phys_line[27] = false; /* the guest reprogrammed its timer, interrupts masked */
	assert_int_equal(redist_read(m, 0, GICR_SGI + GICD_ISPENDR, 4), 0);
	assert_int_equal(ack(v), SPURIOUS);
	assert_false(m->phys_active[27]); /* or it would never fire again */
	machine_free(m);
}

static void mapped_level_that_is_still_high_stays_pending(void **state)
{
	struct machine *m = machine_new(1, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	vgic_map_hwirq(m->vgic, 0, 27, (struct hwirq){ 27 }, true);
	m->phys_active[27] = m->phys_line[27] = true;
	vgic_set_line(m->vgic, 0, 27, true);
	enter(v);
	assert_int_equal(redist_read(m, 0, GICR_SGI + GICD_ISPENDR, 4), 1u << 27);
	assert_int_equal(ack(v), 27);
	eoi(m, v, 27);
	assert_false(m->phys_active[27]);
	assert_int_equal(v->image.hcr, 1); /* no maintenance: hardware deactivated it */
	machine_free(m);
}

static void mapped_level_that_fired_while_disabled_is_sampled_at_enable(void **state)
{
	struct machine *m = machine_new(1, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	vgic_map_hwirq(m->vgic, 0, 40, (struct hwirq){ 40 }, true);
	dist_write(m, 0, GICD_ICENABLER + 4, 4, 1u << 8);
	m->phys_active[40] = m->phys_line[40] = true;
	vgic_set_line(m->vgic, 0, 40, true);
	m->phys_line[40] = false;
	dist_write(m, 0, GICD_ISENABLER + 4, 4, 1u << 8);
	assert_int_equal(ack(v), SPURIOUS);
	assert_false(m->phys_active[40]);
	machine_free(m);
}

static void disabling_an_active_mapped_interrupt_leaves_its_end_working(void **state)
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
	assert_true(lr_of(v, 40) >= 0);
	eoi(m, v, 40);
	assert_false(m->phys_active[40]);
	machine_free(m);
}

static void hand_made_pending_on_mapped_sets_the_physical_active(void **state)
{
	struct machine *m = machine_new(1, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	vgic_map_hwirq(m->vgic, 0, 40, (struct hwirq){ 40 }, false);
	dist_write(m, 0, GICD_ISPENDR + 4, 4, 1u << 8);
	assert_true(m->phys_active[40]);
	dist_write(m, 0, GICD_ICPENDR + 4, 4, 1u << 8);
	assert_false(m->phys_active[40]);
	assert_true(m->phys_pending_cleared[40]);
	assert_int_equal(ack(v), SPURIOUS);
	machine_free(m);
}

static void route_of_a_mapped_interrupt_is_told(void **state)
{
	struct machine *m = machine_new(2, 32, 4);

	(void)state;
	vgic_map_hwirq(m->vgic, 0, 40, (struct hwirq){ 40 }, true);
	dist_write(m, 0, GICD_IROUTER + 8 * 40, 8, 1);
	assert_int_equal(m->routed_to, 1);
	machine_free(m);
}

static void wake_predicate_is_exact(void **state)
{
	struct machine *m = machine_new(1, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	leave(v);
	assert_false(vgic_pending(m->vgic, 0));
	vgic_pulse(m->vgic, 0, 40); /* group 1, priority 0xa0 */
	leave(v);
	assert_true(vgic_pending(m->vgic, 0));
	v->image.vmcr = 0xa0u << 24 | 3; /* masked: not higher than the mask */
	vgic_enter(v->cpu, &v->image);
	leave(v);
	assert_false(vgic_pending(m->vgic, 0));
	v->image.vmcr = 0xf0u << 24 | 1; /* only group 0 enabled */
	vgic_enter(v->cpu, &v->image);
	leave(v);
	assert_false(vgic_pending(m->vgic, 0));
	v->image.vmcr = VMCR_OPEN;
	v->image.ap1r[0] = 1u << (0xa0 >> 3); /* the same priority runs */
	vgic_enter(v->cpu, &v->image);
	leave(v);
	assert_false(vgic_pending(m->vgic, 0));
	v->image.ap1r[0] = 1u << (0xa8 >> 3); /* a lower one runs */
	vgic_enter(v->cpu, &v->image);
	leave(v);
	assert_true(vgic_pending(m->vgic, 0));
	v->image.vmcr |= 7u << 18; /* binary point 7: 0xa0 and 0xa8 are one group priority */
	v->image.ap1r[0] = 1u << (0x80 >> 3);
	vgic_enter(v->cpu, &v->image);
	leave(v);
	assert_false(vgic_pending(m->vgic, 0));
	machine_free(m);
}

static void sleeper_is_told_of_what_came_before_and_after(void **state)
{
	struct machine *m = machine_new(1, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	leave(v);
	vgic_pulse(m->vgic, 0, 40);
	assert_int_equal(m->kicks[0], 0); /* it has yet to pass */
	assert_false(vgic_block(v->cpu));
	leave(v);
	assert_true(vgic_block(v->cpu));
	vgic_pulse(m->vgic, 0, 41);
	assert_int_equal(m->kicks[0], 1);
	machine_free(m);
}

static void what_an_unloaded_vcpu_holds_can_be_rerouted(void **state)
{
	struct machine *m = machine_new(2, 32, 4);
	struct vcpu *v = &m->vcpus[1];

	(void)state;
	dist_write(m, 0, GICD_IROUTER + 8 * 40, 8, 1);
	vgic_pulse(m->vgic, 0, 40);
	enter(v);
	leave(v);
	vgic_put(v->cpu, &v->image);
	v->cpu = NULL;
	assert_true(vgic_pending(m->vgic, 1));
	dist_write(m, 0, GICD_IROUTER + 8 * 40, 8, 0);
	assert_false(vgic_pending(m->vgic, 1));
	enter(&m->vcpus[0]);
	assert_int_equal(ack(&m->vcpus[0]), 40);
	machine_free(m);
}

static void private_mapped_active_state_follows_the_vcpu(void **state)
{
	struct machine *m = machine_new(1, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	vgic_map_hwirq(m->vgic, 0, 27, (struct hwirq){ 27 }, true);
	m->phys_active[27] = m->phys_line[27] = true;
	vgic_set_line(m->vgic, 0, 27, true);
	enter(v);
	assert_int_equal(ack(v), 27);
	leave(v);
	vgic_put(v->cpu, &v->image);
	assert_false(m->phys_active[27]);
	v->cpu = vgic_load(m->vgic, 0);
	assert_true(m->phys_active[27]);
	assert_null(vgic_load(m->vgic, 0));
	enter(v);
	assert_int_equal(lr_state(v->image.lr[lr_of(v, 27)]), 2);
	machine_free(m);
}

static void disabled_group_is_not_delivered(void **state)
{
	struct machine *m = machine_new(2, 32, 4);
	struct vcpu *v = &m->vcpus[1];
	uint64_t ctlr;

	(void)state;
	dist_write(m, 0, GICD_IROUTER + 8 * 40, 8, 1);
	vgic_pulse(m->vgic, 0, 40);
	enter(v);
	vgic_dist_write(m->vcpus[0].cpu, GICD_CTLR, 4, 1);
	vgic_dist_read(m->vcpus[0].cpu, GICD_CTLR, 4, &ctlr);
	assert_true(ctlr >> 31);
	enter(v);
	enter(&m->vcpus[0]);
	assert_int_equal(ack(v), SPURIOUS);
	assert_int_equal(dist_read(m, 0, GICD_CTLR, 4), 0x51);
	dist_write(m, 0, GICD_CTLR, 4, 2);
	enter(v);
	assert_int_equal(ack(v), 40);
	machine_free(m);
}

static void sleeping_redistributor_delivers_nothing(void **state)
{
	struct machine *m = machine_new(1, 32, 4);

	(void)state;
	redist_write(m, 0, GICR_WAKER, 2);
	assert_int_equal(redist_read(m, 0, GICR_WAKER, 4), 6);
	vgic_pulse(m->vgic, 0, 40);
	enter(&m->vcpus[0]);
	assert_int_equal(ack(&m->vcpus[0]), SPURIOUS);
	redist_write(m, 0, GICR_WAKER, 0);
	assert_int_equal(ack(&m->vcpus[0]), 40);
	machine_free(m);
}

/* Every offset, width and alignment has an answer; absent ones are 0. */
static void every_offset_answers(void **state)
{
	static const unsigned widths[] = { 1, 2, 4, 8 };
	struct machine *m = machine_new(2, 37, 4);
	uint64_t value;

	(void)state;
	for (unsigned w = 0; w < 4; w++)
		for (uint32_t offset = 0; offset < 3 * VGIC_REDIST_STRIDE; offset++) {
			leave(&m->vcpus[0]);
			vgic_redist_read(m->vcpus[0].cpu, offset, widths[w], &value);
			if (offset >= 2 * VGIC_REDIST_STRIDE)
				assert_int_equal(value, 0);
			vgic_dist_read(m->vcpus[0].cpu, offset, widths[w], &value);
			if (offset >= VGIC_DIST_SIZE)
				assert_int_equal(value, 0);
			vgic_redist_write(m->vcpus[0].cpu, offset, widths[w], ~0ull);
			vgic_dist_write(m->vcpus[0].cpu, offset, widths[w], ~0ull);
		}
	assert_int_equal(dist_read(m, 0, GICD_ISENABLER + 8, 4) & ~0x1fu, 0);
	assert_int_equal(dist_read(m, 0, GICD_IROUTER + 8 * (32 + 37), 8), 0);
	machine_free(m);
}

static void typer_and_ids_are_those_of_a_gicv3(void **state)
{
	struct machine *m = machine_new(3, 988, 4);

	(void)state;
	assert_int_equal(dist_read(m, 0, 0x4, 4) & 0x1f, 31);
	assert_int_equal(dist_read(m, 0, 0xffe8, 4) >> 4 & 0xf, 3);
	assert_int_equal(redist_read(m, 1, 0xffe8, 4) >> 4 & 0xf, 3);
	assert_int_equal(redist_read(m, 1, 0x8, 8), 1ull << 32 | 1 << 8);
	assert_int_equal(redist_read(m, 2, 0x8, 8), 2ull << 32 | 2 << 8 | 1 << 4);
	assert_int_equal(redist_read(m, 2, 0xc, 4), 2);
	machine_free(m);
}

static void priorities_keep_their_implemented_bits_and_neighbours(void **state)
{
	struct machine *m = machine_new(1, 32, 4);

	(void)state;
	dist_write(m, 0, GICD_IPRIORITYR + 32, 4, 0x10203040);
	dist_write(m, 0, GICD_IPRIORITYR + 33, 1, 0xff);
	assert_int_equal(dist_read(m, 0, GICD_IPRIORITYR + 32, 4), 0x1020f840);
	assert_int_equal(dist_read(m, 0, GICD_IPRIORITYR + 33, 1), 0xf8);
	assert_int_equal(dist_read(m, 0, GICD_IPRIORITYR + 32, 2), 0); /* no such access */
	machine_free(m);
}

static void bad_configurations_are_refused_with_a_reason(void **state)
{
	struct vgic_config good = { .version = VGIC_V3,
				    .vcpus = 512,
				    .spis = 988,
				    .priority_bits = 8,
				    .preemption_bits = 7,
				    .lrs = 16,
				    .cluster_bits = 4 };
	struct vgic_config bad[6] = { good, good, good, good, good, good };
	struct vgic *vgic;
	const char *why;

	(void)state;
	assert_int_equal(vgic_check(&good, &why), 0);
	assert_null(why);
	bad[0].vcpus = 513;
	bad[1].spis = 989;
	bad[2].priority_bits = 4;
	bad[3].lrs = 17;
	bad[4].cluster_bits = 5;
	bad[5].preemption_bits = 8;
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(vgic_check(&bad[i], &why), -VIRQ_ERR_CONFIG);
		assert_non_null(why);
		assert_int_equal(vgic_size(&bad[i]), 0);
	}
	assert_int_equal(vgic_init(&vgic, (void *)64, 63, &good, NULL, NULL), -VIRQ_ERR_MEMORY);
}

static void statistics_count_what_was_delivered_and_refused(void **state)
{
	struct machine *m = machine_new(1, 32, 1);
	struct vcpu *v = &m->vcpus[0];
	struct vgic_stats before, after;

	(void)state;
	assert_int_equal(vgic_stats(m->vgic, 1, &after), -VIRQ_ERR_RANGE);
	assert_int_equal(vgic_stats(m->vgic, 0, &before), 0);
	dist_read(m, 0, GICD_CTLR, 2); /* no such width */
	vgic_pulse(m->vgic, 0, 20);
	enter(v);
	vgic_pulse(m->vgic, 0, 40);
	enter(v); /* does not fit beside 20 */
	assert_int_equal(vgic_stats(m->vgic, 0, &after), 0);
	assert_int_equal(after.guest_errors - before.guest_errors, 1);
	assert_true(after.ppis > before.ppis);
	assert_int_equal(after.spis, before.spis);
	assert_int_equal(after.overflows - before.overflows, 1);
	machine_free(m);
}

static void mappings_and_affinities_check_their_numbers(void **state)
{
	struct machine *m = machine_new(2, 37, 4);
	struct hwirq phys = { 50 };

	(void)state;
	assert_int_equal(vgic_map_hwirq(m->vgic, 0, 50, phys, true), 0);
	assert_int_equal(vgic_map_hwirq(m->vgic, 0, 50, phys, true), -VIRQ_ERR_BUSY);
	assert_int_equal(vgic_map_hwirq(m->vgic, 0, 51, (struct hwirq){ 8192 }, true),
			 -VIRQ_ERR_RANGE);
	assert_int_equal(vgic_vcpu_of_mpidr(m->vgic, 1), 1);
	assert_int_equal(vgic_vcpu_of_mpidr(m->vgic, 2), -VIRQ_ERR_RANGE);
	assert_int_equal(vgic_vcpu_of_mpidr(m->vgic, 1ull << 32 | 1), -VIRQ_ERR_RANGE);
	machine_free(m);
}

/* The short way: vgic_refill() says yes, and which list registers it wrote. */
static bool refills(struct vcpu *v)
{
	return vgic_attention(v->cpu) && vgic_refill(v->cpu, &v->image, empty_lrs(v));
}

static void refill_gives_the_same_interrupt_its_register_again(void **state)
{
	struct machine *m = machine_new(1, 32, 4);
	struct vcpu *v = &m->vcpus[0];
	uint64_t first = 0;

	(void)state;
	vgic_map_hwirq(m->vgic, 0, 27, (struct hwirq){ 27 }, true);
	for (unsigned round = 0; round < 3; round++) {
		m->phys_active[27] = m->phys_line[27] = true;
		vgic_set_line(m->vgic, 0, 27, true);
		assert_true(refills(v));
		assert_int_equal(v->image.changed, 1);
		if (!round)
			first = v->image.lr[0];
		assert_int_equal(v->image.lr[0], first);
		assert_int_equal(ack(v), 27);
		eoi(m, v, 27);
	}
	machine_free(m);
}

static void refill_makes_room_by_retiring_ended_ones(void **state)
{
	struct machine *m = machine_new(1, 32, 2);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		dist_write(m, 0, GICD_ICFGR + 8, 4, ~0u);
		vgic_pulse(m->vgic, 0, 32 + i);
		assert_true(refills(v));
		assert_int_equal(ack(v), 32 + i);
		eoi(m, v, 32 + i);
	}
	/* The same value in the same register again, after another had been there. */
	vgic_pulse(m->vgic, 0, 41);
	assert_true(refills(v));
	assert_int_equal(ack(v), 41);
	machine_free(m);
}

static void refill_leaves_what_is_not_simple_to_exit_and_enter(void **state)
{
	struct machine *m = machine_new(1, 32, 2);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		dist_write(m, 0, GICD_IPRIORITYR + 40 + i, 1, 0xa0 - 8 * i);
	for (unsigned i = 0; i < 3; i++)
		vgic_pulse(m->vgic, 0, 40 + i);
	assert_false(refills(v)); /* three for two registers */
	assert_true(vgic_attention(v->cpu));
	assert_int_equal(v->image.live, 0); /* there is nothing to read from hardware */
	vgic_exit(v->cpu, &v->image);
	vgic_enter(v->cpu, &v->image);
	assert_int_equal(v->image.changed, 3);
	for (unsigned i = 3; i-- > 0;) {
		if (v->image.hcr & 1u << 3)
			vgic_maintenance(v->cpu);
		enter(v);
		assert_int_equal(ack(v), 40 + i);
		eoi(m, v, 40 + i);
	}
	machine_free(m);
}

static void dir_deactivates_what_is_outside_list_registers(void **state)
{
	struct machine *m = machine_new(1, 32, 1);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	v->image.vmcr |= 1u << 9; /* EOImode 1 */
	vgic_pulse(m->vgic, 0, 32);
	enter(v);
	assert_int_equal(ack(v), 32);
	assert_int_equal(v->image.hcr & 1u << 14, 0); /* nothing outside: no trap */
	vgic_pulse(m->vgic, 0, 33);
	enter(v);
	assert_int_equal(v->image.hcr & 1u << 14, 1u << 14);
	for (unsigned virq = 1019; virq < 1 << 24; virq = virq * 2 + 1)
		assert_int_equal(vgic_sysreg_write(v->cpu, VGIC_ICC_DIR_EL1, virq), VGIC_DONE);
	assert_int_equal(vgic_sysreg_write(v->cpu, VGIC_ICC_DIR_EL1, 33), VGIC_AGAIN);
	drop(v);
	while (vgic_sysreg_write(v->cpu, VGIC_ICC_DIR_EL1, 32) == VGIC_AGAIN)
		leave(v);
	enter(v);
	assert_int_equal(dist_read(m, 0, GICD_ISACTIVER + 4, 4), 0);
	assert_int_equal(v->image.hcr & 1u << 14, 0);
	machine_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sgi_to_self_is_taken_once),
		cmocka_unit_test(sgi_kicks_a_running_target_once),
		cmocka_unit_test(sgi0r_sends_only_group_0),
		cmocka_unit_test(pulse_on_pending_merges_and_after_acknowledge_repeats),
		cmocka_unit_test(level_that_stays_high_comes_again_after_its_end),
		cmocka_unit_test(level_that_falls_is_withdrawn),
		cmocka_unit_test(highest_priority_goes_first_and_the_rest_follows),
		cmocka_unit_test(actives_outside_list_registers_end_by_eoicount),
		cmocka_unit_test(ghost_takes_the_end_of_a_cleared_active),
		cmocka_unit_test(icenabler_withdraws_from_a_running_vcpu_and_rwp_says_when),
		cmocka_unit_test(reading_active_waits_for_the_running_holder),
		cmocka_unit_test(icpendr_takes_it_out_of_a_running_vcpu),
		cmocka_unit_test(rerouting_a_pending_interrupt_moves_it),
		cmocka_unit_test(next_edge_for_another_vcpu_waits_for_the_end),
		cmocka_unit_test(irouter_reads_back_and_halves_do_not_lose_each_other),
		cmocka_unit_test(routed_to_nobody_is_kept_until_somebody_is),
		cmocka_unit_test(mapped_level_is_lowered_when_it_fell_unacknowledged),
		cmocka_unit_test(mapped_level_that_is_still_high_stays_pending),
		cmocka_unit_test(mapped_level_that_fired_while_disabled_is_sampled_at_enable),
		cmocka_unit_test(disabling_an_active_mapped_interrupt_leaves_its_end_working),
		cmocka_unit_test(hand_made_pending_on_mapped_sets_the_physical_active),
		cmocka_unit_test(route_of_a_mapped_interrupt_is_told),
		cmocka_unit_test(wake_predicate_is_exact),
		cmocka_unit_test(sleeper_is_told_of_what_came_before_and_after),
		cmocka_unit_test(what_an_unloaded_vcpu_holds_can_be_rerouted),
		cmocka_unit_test(private_mapped_active_state_follows_the_vcpu),
		cmocka_unit_test(disabled_group_is_not_delivered),
		cmocka_unit_test(sleeping_redistributor_delivers_nothing),
		cmocka_unit_test(every_offset_answers),
		cmocka_unit_test(typer_and_ids_are_those_of_a_gicv3),
		cmocka_unit_test(priorities_keep_their_implemented_bits_and_neighbours),
		cmocka_unit_test(bad_configurations_are_refused_with_a_reason),
		cmocka_unit_test(statistics_count_what_was_delivered_and_refused),
		cmocka_unit_test(mappings_and_affinities_check_their_numbers),
		cmocka_unit_test(dir_deactivates_what_is_outside_list_registers),
		cmocka_unit_test(refill_gives_the_same_interrupt_its_register_again),
		cmocka_unit_test(refill_makes_room_by_retiring_ended_ones),
		cmocka_unit_test(refill_leaves_what_is_not_simple_to_exit_and_enter),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("vgic", tests, NULL, NULL);
}
