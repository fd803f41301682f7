/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * How an interrupt ends: priority drop and deactivation apart (EOImode 1), a deactivation by number
 * of what is elsewhere, ends without a list register; what the host is told of them
 * (vgic_notify_end), and what becomes of the physical interrupt (VGIC_HWIRQ_SOFT). IHI 0069 4.1.1
 * and 12.5 (ICH_HCR_EL2), IHI 0048 3.2 and 5.3.
 */
#include "fixture.h"

static struct machine *with_eoimode1(enum vgic_version version, unsigned vcpus, unsigned lrs)
{
	struct machine *m = machine_of(version, vcpus, 32, lrs);

	for (unsigned i = 0; i < vcpus; i++) {
		m->vcpus[i].image.vmcr |= VMCR_VEOIM;
		vgic_maintenance(m->vcpus[i].cpu);
	}
	for (virq_t virq = 32; virq < 64; virq++)
		set_edge(m, 0, virq, true);
	settle(m);
	return m;
}

/* `n` interrupts from 32 on, each of which preempts the one before: acknowledged. */
static void nest(struct machine *m, unsigned vcpu, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		set_edge(m, vcpu, 32 + i, true);
		set_priority(m, vcpu, 32 + i, 0x80 - 8 * i);
		set_route(m, vcpu, 32 + i, vcpu);
		vgic_pulse(m->vgic, 0, 32 + i);
		settle(m);
		assert_int_equal(ack(&m->vcpus[vcpu]), 32 + i);
	}
}

static uint64_t actives(struct machine *m, unsigned by)
{
	return dist_read(m, by, GICD_ISACTIVER + 4, 4);
}

/* --- EOImode 1 ---------------------------------------------------------------------------------- */

static void drop_leaves_it_active_until_dir(void **state)
{
	struct machine *m = with_eoimode1(VERSION(state), 1, 4);
	struct vcpu *v = &m->vcpus[0];

	nest(m, 0, 1);
	drop(v);
	vgic_maintenance(v->cpu);
	settle(m);
	assert_int_equal(actives(m, 0), 1);
	vgic_pulse(m->vgic, 0, 32);
	settle(m);
	assert_int_equal(ack(v), SPURIOUS);
	dir(m, 0, 32);
	settle(m);
	assert_int_equal(actives(m, 0), 0);
	assert_int_equal(ack(v), 32);
	machine_free(m);
}

/* In any order, whether or not they have a list register. */
static void dir_ends_them_in_any_order(void **state)
{
	static const unsigned orders[][4] = { { 0, 1, 2, 3 }, { 3, 2, 1, 0 }, { 2, 0, 3, 1 } };

	for (unsigned lrs = 1; lrs <= 4; lrs++)
		for (unsigned o = 0; o < 3; o++) {
			struct machine *m = with_eoimode1(VERSION(state), 1, lrs);
			uint64_t left = 0xf;

			nest(m, 0, 4);
			for (unsigned i = 0; i < 4; i++)
				drop(&m->vcpus[0]);
			settle(m);
			for (unsigned i = 0; i < 4; i++) {
				dir(m, 0, 32 + orders[o][i]);
				settle(m);
				left &= ~(1ull << orders[o][i]);
				assert_int_equal(actives(m, 0), left);
			}
			machine_free(m);
		}
}

/* Deactivated before its priority is dropped: the drop that comes later is its, and no other's. */
static void dir_before_the_drop(void **state)
{
	for (unsigned lrs = 1; lrs <= 4; lrs += 3) {
		struct machine *m = with_eoimode1(VERSION(state), 1, lrs);

		nest(m, 0, 3);
		dir(m, 0, 34);
		settle(m);
		assert_int_equal(actives(m, 0), 3);
		drop(&m->vcpus[0]);
		settle(m);
		assert_int_equal(actives(m, 0), 3);
		drop(&m->vcpus[0]);
		dir(m, 0, 33);
		settle(m);
		assert_int_equal(actives(m, 0), 1);
		drop(&m->vcpus[0]);
		dir(m, 0, 32);
		settle(m);
		assert_int_equal(actives(m, 0), 0);
		machine_free(m);
	}
}

/* Its active state is cleared by hand; the guest's drop and DIR come all the same. */
static void ghost_of_a_cleared_active_takes_drop_and_dir(void **state)
{
	for (unsigned lrs = 1; lrs <= 4; lrs += 3)
		for (unsigned cleared = 0; cleared < 3; cleared++) {
			struct machine *m = with_eoimode1(VERSION(state), 1, lrs);
			uint64_t left = 7 & ~(1u << cleared);

			nest(m, 0, 3);
			dist_write(m, 0, GICD_ICACTIVER + 4, 4, 1u << cleared);
			assert_int_equal(actives(m, 0), left);
			for (unsigned i = 3; i-- > 0;) {
				drop(&m->vcpus[0]);
				settle(m);
				assert_int_equal(actives(m, 0), left);
				dir(m, 0, 32 + i);
				settle(m);
				left &= ~(1u << i);
				assert_int_equal(actives(m, 0), left);
			}
			machine_free(m);
		}
}

static void dir_ends_what_another_vcpu_acknowledged(void **state)
{
	for (unsigned lrs = 1; lrs <= 4; lrs += 3) {
		struct machine *m = with_eoimode1(VERSION(state), 3, lrs);

		nest(m, 1, 2);
		drop(&m->vcpus[1]);
		drop(&m->vcpus[1]);
		dir(m, 0, 32);
		settle(m);
		assert_int_equal(actives(m, 0), 2);
		dir(m, 2, 33);
		settle(m);
		assert_int_equal(actives(m, 0), 0);
		vgic_pulse(m->vgic, 0, 32);
		settle(m);
		assert_int_equal(ack(&m->vcpus[1]), 32);
		machine_free(m);
	}
}

/* It waits for the other one's list register, and is presented again until that has passed. */
static enum vgic_result write_dir(struct machine *m, virq_t virq)
{
	struct vcpu *v = &m->vcpus[0];

	return v->version == VGIC_V2 ? vgic_cpuif_write(v->cpu, GICC_DIR, 4, virq)
				     : vgic_sysreg_write(v->cpu, VGIC_ICC_DIR_EL1, virq);
}

/* Went in as pending: whether it was acknowledged, its fold tells, and that is waited for. */
static void dir_waits_for_the_vcpu_that_may_have_acknowledged(void **state)
{
	struct machine *m = with_eoimode1(VERSION(state), 2, 4);

	nest(m, 1, 1);
	drop(&m->vcpus[1]);
	m->kicks[1] = 0;
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(write_dir(m, 32), VGIC_AGAIN);
		leave(&m->vcpus[0]);
	}
	assert_int_equal(m->kicks[1], 1);
	enter(&m->vcpus[1]);
	assert_int_equal(lr_of(&m->vcpus[1], 32), -1); /* with that one look */
	assert_int_equal(write_dir(m, 32), VGIC_DONE);
	settle(m);
	assert_int_equal(actives(m, 0), 0);
	machine_free(m);
}

/* Went in as active: it is until it is folded. */
static void dir_of_what_is_known_to_be_active_does_not_wait(void **state)
{
	struct machine *m = with_eoimode1(VERSION(state), 2, 4);

	nest(m, 1, 1);
	drop(&m->vcpus[1]);
	leave(&m->vcpus[1]);
	vgic_enter(m->vcpus[1].cpu, &m->vcpus[1].image);
	assert_int_equal(write_dir(m, 32), VGIC_DONE);
	enter(&m->vcpus[1]);
	assert_int_equal(lr_of(&m->vcpus[1], 32), -1);
	settle(m);
	assert_int_equal(actives(m, 0), 0);
	machine_free(m);
}

static void dir_of_a_private_one_is_the_writers(void **state)
{
	struct machine *m = with_eoimode1(VERSION(state), 2, 4);

	for (unsigned i = 0; i < 2; i++)
		vgic_pulse(m->vgic, i, 20);
	settle(m);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(ack(&m->vcpus[i]), 20);
		drop(&m->vcpus[i]);
	}
	dir(m, 0, 20);
	settle(m);
	assert_false(bit_read(m, 0, 20, GICD_ISACTIVER));
	assert_true(bit_read(m, 1, 20, GICD_ISACTIVER));
	machine_free(m);
}

static void dir_of_what_is_not_active_has_no_effect(void **state)
{
	static const virq_t virqs[] = { 0, 5, 20, 40, 64, 1019, 1020, 1021, 1022, 1023 };
	struct machine *m = with_eoimode1(VERSION(state), 2, 1);
	struct vcpu *v = &m->vcpus[0];

	nest(m, 0, 2);
	set_priority(m, 0, 40, 0x20);
	vgic_pulse(m->vgic, 0, 40);
	settle(m);
	for (unsigned i = 0; i < 10; i++)
		dir(m, 0, virqs[i]);
	settle(m);
	assert_int_equal(actives(m, 0), 3);
	assert_int_equal(ack(v), 40);
	machine_free(m);
}

static void dir_of_an_sgi_names_its_source(void **state)
{
	struct machine *m = with_eoimode1(VERSION(state), 3, 4);
	struct vcpu *v = &m->vcpus[0];

	for (unsigned from = 1; from < 3; from++)
		send_sgi(m, from, 0, 5);
	settle(m);
	for (unsigned from = 1; from < 3; from++) {
		assert_int_equal(ack(v), from << 10 | 5);
		drop(v);
		settle(m);
		assert_int_equal(ack(v), SPURIOUS); /* the same INTID is active */
		dir(m, 0, from << 10 | 5);
		settle(m);
	}
	assert_int_equal(dist_read(m, 0, GICD_ISACTIVER, 4), 0);
	assert_int_equal(ack(v), SPURIOUS);
	machine_free(m);
}

/* IAR's value is what DIR takes: with another source it is another interrupt. */
static void dir_of_an_sgi_from_another_source_has_no_effect(void **state)
{
	struct machine *m = with_eoimode1(VERSION(state), 3, 4);
	struct vcpu *v = &m->vcpus[0];

	send_sgi(m, 1, 0, 5);
	settle(m);
	assert_int_equal(ack(v), 1 << 10 | 5);
	drop(v);
	dir(m, 0, 2 << 10 | 5);
	settle(m);
	assert_int_equal(dist_read(m, 0, GICD_ISACTIVER, 4), 1u << 5);
	dir(m, 0, 1 << 10 | 5);
	settle(m);
	assert_int_equal(dist_read(m, 0, GICD_ISACTIVER, 4), 0);
	machine_free(m);
}

static void dir_deactivates_the_physical_one(void **state)
{
	for (unsigned lrs = 1; lrs <= 4; lrs += 3)
		for (unsigned by = 0; by < 2; by++) {
			struct machine *m = with_eoimode1(VERSION(state), 2, lrs);

			vgic_map_hwirq(m->vgic, 0, 40, (struct hwirq){ 40 }, 0);
			m->phys_active[40] = true;
			vgic_pulse(m->vgic, 0, 40);
			settle(m);
			assert_int_equal(ack(&m->vcpus[0]), 40);
			drop(&m->vcpus[0]);
			set_priority(m, 0, 41, 0x20); /* takes the register, if there is one */
			vgic_pulse(m->vgic, 0, 41);
			settle(m);
			assert_true(m->phys_active[40]);
			dir(m, by, 40);
			settle(m);
			assert_false(m->phys_active[40]);
			assert_false(bit_read(m, 0, 40, GICD_ISACTIVER));
			machine_free(m);
		}
}

/*
 * 32 was dropped with EOImode 1 and waits for its DIR. With EOImode 0 now, the end that is only counted
 * is 33's, though 32 has a better priority, or the same.
 */
static void end_is_not_that_of_what_was_dropped_before(void **state)
{
	for (unsigned lrs = 1; lrs <= 4; lrs++)
		for (unsigned priority = 0x80; priority <= 0xa0; priority += 0x20) {
			struct machine *m = with_eoimode1(VERSION(state), 1, lrs);
			struct vcpu *v = &m->vcpus[0];

			nest(m, 0, 1);
			drop(v);
			for (virq_t virq = 33; virq < 36; virq++) {
				set_priority(m, 0, virq,
					     virq == 33 ? priority : 0x60 - 0x10 * (virq - 33));
				vgic_pulse(m->vgic, 0, virq);
				settle(m);
				assert_int_equal(ack(v), virq);
				vgic_maintenance(v->cpu);
				settle(m);
				v->image.vmcr &= ~VMCR_VEOIM;
			}
			assert_int_equal(actives(m, 0), 0xf);
			for (virq_t virq = 36; virq-- > 33;)
				eoi(m, v, virq);
			settle(m);
			assert_int_equal(actives(m, 0), 1);
			machine_free(m);
		}
}

/* The other way around: 33 ends with EOImode 0, 32 is dropped with EOImode 1 and waits for its DIR. */
static void end_before_the_mode_was_switched_on(void **state)
{
	struct machine *m = machine_of(VERSION(state), 1, 32, 1);
	struct vcpu *v = &m->vcpus[0];

	nest(m, 0, 3);
	eoi(m, v, 34);
	eoi(m, v, 33); /* counted */
	v->image.vmcr |= VMCR_VEOIM;
	drop(v);
	settle(m);
	assert_int_equal(actives(m, 0), 1);
	dir(m, 0, 32);
	settle(m);
	assert_int_equal(actives(m, 0), 0);
	machine_free(m);
}

/* EOImode 0, and others outside the list registers that the end must not hit. */
static void end_of_a_cleared_active_ends_no_other(void **state)
{
	for (unsigned lrs = 1; lrs <= 4; lrs++)
		for (unsigned cleared = 0; cleared < 4; cleared++) {
			struct machine *m = machine_of(VERSION(state), 1, 32, lrs);
			uint64_t left = 0xf & ~(1u << cleared);

			nest(m, 0, 4);
			dist_write(m, 0, GICD_ICACTIVER + 4, 4, 1u << cleared);
			for (unsigned i = 4; i-- > 0;) {
				assert_int_equal(actives(m, 0), left);
				eoi(m, &m->vcpus[0], 32 + i);
				settle(m);
				left &= ~(1u << i);
			}
			assert_int_equal(actives(m, 0), 0);
			machine_free(m);
		}
}

/* --- vgic_notify_end ---------------------------------------------------------------------------- */

static void end_in_a_list_register_is_told_once(void **state)
{
	struct machine *m = machine_of(VERSION(state), 2, 32, 4);
	static const virq_t virqs[] = { 20, 40 };

	for (unsigned i = 0; i < 2; i++) {
		virq_t virq = virqs[i];
		struct vcpu *v = &m->vcpus[1];

		assert_int_equal(vgic_notify_end(m->vgic, 1, virq, true), 0);
		set_edge(m, 1, virq, true);
		if (virq >= 32)
			set_route(m, 1, virq, 1);
		for (unsigned round = 1; round <= 3; round++) {
			vgic_pulse(m->vgic, 1, virq);
			settle(m);
			assert_int_equal(ack(v), virq);
			vgic_maintenance(v->cpu); /* passes while it is active: no end */
			settle(m);
			assert_int_equal(m->ended[virq], round - 1);
			eoi(m, v, virq);
			assert_true(maintenance(v));
			settle(m);
			assert_int_equal(m->ended[virq], round);
			assert_int_equal(m->ended_on, 1);
			vgic_maintenance(v->cpu);
			settle(m);
			assert_int_equal(m->ended[virq], round);
		}
	}
	machine_free(m);
}

/* Whose line is high after each end is told after each; it may lower it then. */
static void end_of_a_level_is_told_each_time(void **state)
{
	struct machine *m = machine_of(VERSION(state), 1, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	vgic_notify_end(m->vgic, 0, 40, true);
	vgic_set_line(m->vgic, 0, 40, true);
	for (unsigned round = 1; round <= 3; round++) {
		settle(m);
		assert_int_equal(ack(v), 40);
		if (round == 2)
			vgic_maintenance(v->cpu);
		if (round == 3)
			vgic_set_line(m->vgic, 0, 40, false);
		settle(m);
		eoi(m, v, 40);
		settle(m);
		assert_int_equal(m->ended[40], round);
	}
	assert_int_equal(ack(v), SPURIOUS);
	machine_free(m);
}

static void end_without_a_list_register_is_told_once(void **state)
{
	struct machine *m = machine_of(VERSION(state), 1, 32, 1);
	struct vcpu *v = &m->vcpus[0];

	for (unsigned i = 0; i < 3; i++)
		vgic_notify_end(m->vgic, 0, 32 + i, true);
	nest(m, 0, 3);
	for (unsigned i = 3; i-- > 0;) {
		assert_int_equal(m->ended[32 + i], 0);
		eoi(m, v, 32 + i);
		settle(m);
		for (unsigned k = 0; k < 3; k++)
			assert_int_equal(m->ended[32 + k], k >= i);
	}
	vgic_maintenance(v->cpu);
	settle(m);
	assert_int_equal(m->ended[32] + m->ended[33] + m->ended[34], 3);
	machine_free(m);
}

static void drop_is_no_end_and_dir_is_told_once(void **state)
{
	for (unsigned lrs = 1; lrs <= 4; lrs += 3)
		for (unsigned by = 0; by < 2; by++) {
			struct machine *m = with_eoimode1(VERSION(state), 2, lrs);

			vgic_notify_end(m->vgic, 0, 32, true);
			vgic_notify_end(m->vgic, 0, 33, true);
			nest(m, 0, 2);
			drop(&m->vcpus[0]);
			drop(&m->vcpus[0]);
			vgic_maintenance(m->vcpus[0].cpu);
			settle(m);
			assert_int_equal(m->ended[32] + m->ended[33], 0);
			dir(m, by, 32);
			settle(m);
			assert_int_equal(m->ended[32], 1);
			assert_int_equal(m->ended[33], 0);
			dir(m, by, 33);
			dir(m, by, 33); /* not active any more */
			settle(m);
			assert_int_equal(m->ended[32], 1);
			assert_int_equal(m->ended[33], 1);
			machine_free(m);
		}
}

static void icactiver_is_an_end_told_once(void **state)
{
	for (unsigned lrs = 1; lrs <= 4; lrs += 3)
		for (unsigned by = 0; by < 2; by++) {
			struct machine *m = machine_of(VERSION(state), 2, 32, lrs);
			struct vcpu *v = &m->vcpus[0];

			vgic_notify_end(m->vgic, 0, 32, true);
			vgic_notify_end(m->vgic, 0, 33, true);
			nest(m, 0, 2);
			dist_write(m, by, GICD_ICACTIVER + 4, 4, 1);
			settle(m);
			assert_int_equal(m->ended[32], 1);
			assert_int_equal(m->ended[33], 0);
			dist_write(m, by, GICD_ICACTIVER + 4, 4, 3);
			settle(m);
			assert_int_equal(m->ended[32], 1);
			assert_int_equal(m->ended[33], 1);
			eoi(m, v, 33); /* the guest's ends come all the same, and end nothing */
			eoi(m, v, 32);
			settle(m);
			assert_int_equal(m->ended[32], 1);
			assert_int_equal(m->ended[33], 1);
			assert_int_equal(actives(m, 0), 0);
			machine_free(m);
		}
}

static void ends_are_not_told_any_more(void **state)
{
	struct machine *m = machine_of(VERSION(state), 1, 32, 4);

	vgic_notify_end(m->vgic, 0, 40, true);
	vgic_notify_end(m->vgic, 0, 40, false);
	set_edge(m, 0, 40, true);
	for (unsigned round = 0; round < 2; round++) {
		vgic_pulse(m->vgic, 0, 40);
		settle(m);
		assert_int_equal(ack(&m->vcpus[0]), 40);
		assert_false(lr_at(&m->vcpus[0], (unsigned)lr_of(&m->vcpus[0], 40)).eoi);
		eoi(m, &m->vcpus[0], 40);
		settle(m);
	}
	assert_int_equal(m->ended[40], 0);
	machine_free(m);
}

/* Ends that are seen anyway: in no list register, by hand, of a soft mapping. */
static void ends_that_nobody_asked_for_are_not_told(void **state)
{
	struct machine *m = machine_of(VERSION(state), 1, 32, 1);

	vgic_map_hwirq(m->vgic, 0, 33, (struct hwirq){ 90 }, VGIC_HWIRQ_SOFT);
	nest(m, 0, 3);
	for (unsigned i = 3; i-- > 1;) {
		eoi(m, &m->vcpus[0], 32 + i);
		settle(m);
	}
	dist_write(m, 0, GICD_ICACTIVER + 4, 4, 1);
	settle(m);
	assert_int_equal(actives(m, 0), 0);
	for (virq_t virq = 0; virq < 64; virq++)
		assert_int_equal(m->ended[virq], 0);
	machine_free(m);
}

static void ends_of_extended_interrupts_have_their_numbers(void **state)
{
	struct vgic_config config = config_of(VERSION(state), 1, 32, 4);
	static const virq_t virqs[] = { 1056, 1119, 4096, 5119 };
	struct machine *m;

	config.espis = 1024;
	config.eppis = 64;
	m = machine_with(config);
	for (unsigned i = 0; i < 4; i++) {
		vgic_notify_end(m->vgic, 0, virqs[i], true);
		vgic_pulse(m->vgic, 0, virqs[i]);
		settle(m);
		assert_int_equal(ack(&m->vcpus[0]), virqs[i]);
		eoi(m, &m->vcpus[0], virqs[i]);
		settle(m);
		assert_int_equal(m->ended[virqs[i]], 1);
	}
	machine_free(m);
}

/* Mapped, and told: the physical interrupt goes inactive with that end, not before. */
static void end_of_a_mapped_one_is_told(void **state)
{
	struct machine *m = machine_of(VERSION(state), 1, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	vgic_map_hwirq(m->vgic, 0, 40, (struct hwirq){ 40 }, VGIC_HWIRQ_LEVEL);
	vgic_notify_end(m->vgic, 0, 40, true);
	for (unsigned round = 1; round <= 2; round++) {
		m->phys_active[40] = m->phys_line[40] = true;
		vgic_set_line(m->vgic, 0, 40, true);
		settle(m);
		assert_int_equal(ack(v), 40);
		m->phys_line[40] = false;
		assert_true(m->phys_active[40]);
		eoi(m, v, 40);
		settle(m);
		assert_int_equal(m->ended[40], round);
		assert_false(m->phys_active[40]);
		assert_int_equal(ack(v), SPURIOUS);
	}
	machine_free(m);
}

/* --- VGIC_HWIRQ_SOFT ---------------------------------------------------------------------------- */

static void soft_mapping_is_deactivated_by_the_port_at_the_end(void **state)
{
	for (unsigned lrs = 1; lrs <= 4; lrs += 3)
		for (unsigned level = 0; level < 2; level++) {
			struct machine *m = machine_of(VERSION(state), 1, 32, lrs);
			struct vcpu *v = &m->vcpus[0];

			set_edge(m, 0, 40, !level);
			assert_int_equal(
				vgic_map_hwirq(m->vgic, 0, 40, (struct hwirq){ 90 },
					       VGIC_HWIRQ_SOFT | (level ? VGIC_HWIRQ_LEVEL : 0)),
				0);
			for (unsigned round = 0; round < 3; round++) {
				m->phys_active[90] = m->phys_line[90] = true;
				if (level)
					vgic_set_line(m->vgic, 0, 40, true);
				else
					vgic_pulse(m->vgic, 0, 40);
				settle(m);
				assert_int_equal(ack(v), 40);
				assert_false(lr_at(v, (unsigned)lr_of(v, 40)).hw);
				if (round == 1) { /* takes the register, if there is one */
					set_edge(m, 0, 41, true);
					set_priority(m, 0, 41, 0x20);
					vgic_pulse(m->vgic, 0, 41);
					settle(m);
					assert_int_equal(ack(v), 41);
					eoi(m, v, 41);
				}
				settle(m);
				assert_true(m->phys_active[90]);
				m->phys_line[90] = false;
				eoi(m, v, 40);
				settle(m);
				assert_false(m->phys_active[90]);
				assert_int_equal(ack(v), SPURIOUS);
			}
			machine_free(m);
		}
}

static void soft_mapping_that_fell_unacknowledged_can_fire_again(void **state)
{
	struct machine *m = machine_of(VERSION(state), 1, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	vgic_map_hwirq(m->vgic, 0, 40, (struct hwirq){ 90 }, VGIC_HWIRQ_SOFT | VGIC_HWIRQ_LEVEL);
	m->phys_active[90] = m->phys_line[90] = true;
	vgic_set_line(m->vgic, 0, 40, true);
	settle(m);
	m->phys_line[90] = false;
	vgic_maintenance(v->cpu);
	settle(m);
	assert_false(m->phys_active[90]);
	assert_int_equal(ack(v), SPURIOUS);
	machine_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(drop_leaves_it_active_until_dir),
		BOTH(dir_ends_them_in_any_order),
		BOTH(dir_before_the_drop),
		BOTH(ghost_of_a_cleared_active_takes_drop_and_dir),
		BOTH(dir_ends_what_another_vcpu_acknowledged),
		BOTH(dir_waits_for_the_vcpu_that_may_have_acknowledged),
		BOTH(dir_of_what_is_known_to_be_active_does_not_wait),
		BOTH(dir_of_a_private_one_is_the_writers),
		BOTH(dir_of_what_is_not_active_has_no_effect),
		GICV2(dir_of_an_sgi_names_its_source),
		GICV2(dir_of_an_sgi_from_another_source_has_no_effect),
		BOTH(dir_deactivates_the_physical_one),
		BOTH(end_is_not_that_of_what_was_dropped_before),
		BOTH(end_before_the_mode_was_switched_on),
		BOTH(end_of_a_cleared_active_ends_no_other),
		BOTH(end_in_a_list_register_is_told_once),
		BOTH(end_of_a_level_is_told_each_time),
		BOTH(end_without_a_list_register_is_told_once),
		BOTH(drop_is_no_end_and_dir_is_told_once),
		BOTH(icactiver_is_an_end_told_once),
		BOTH(ends_are_not_told_any_more),
		BOTH(ends_that_nobody_asked_for_are_not_told),
		GICV3(ends_of_extended_interrupts_have_their_numbers),
		BOTH(end_of_a_mapped_one_is_told),
		BOTH(soft_mapping_is_deactivated_by_the_port_at_the_end),
		BOTH(soft_mapping_that_fell_unacknowledged_can_fire_again),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("ends", tests, NULL, NULL);
}
