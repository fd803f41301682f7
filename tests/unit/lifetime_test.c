/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * A vCPU that is turned off, on and reset with interrupts in its list registers, and a guest that
 * does not agree with the host about the trigger of a mapped interrupt: it harms only itself.
 * IHI 0069 4.1, 12.5, IHI 0048 3.2; PSCI CPU_OFF and CPU_ON (DEN0022 5.5, 5.6).
 */
#include "fixture.h"

/* PSCI CPU_OFF, CPU_ON; the new kernel opens its CPU interface. */
static void turn_off(struct vcpu *v)
{
	leave(v);
	vgic_put(v->cpu, &v->image);
	v->cpu = NULL;
}

static void turn_on(struct machine *m, unsigned vcpu)
{
	struct vcpu *v = &m->vcpus[vcpu];

	v->cpu = vgic_load(m->vgic, vcpu);
	assert_non_null(v->cpu);
	vgic_cpuif_reset(v->cpu, &v->image);
	for (unsigned i = 0; i < 32; i++)
		v->running[i] = 0;
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(v->image.ap0r[i], 0);
		assert_int_equal(v->image.ap1r[i], 0);
	}
	assert_int_equal(v->image.vmcr, 0);
	/* What another vCPU left in the hardware. */
	for (unsigned n = 0; n < VGIC_MAX_LRS; n++)
		v->image.lr[n] = ~0ull;
	v->image.hcr = ~0u >> 5;
	vgic_enter(v->cpu, &v->image);
	assert_true(v->image.hcr_changed);
	for (unsigned n = 0; n < m->config.lrs; n++)
		assert_true(v->image.changed & 1u << n);
	v->image.vmcr = VMCR_OPEN;
	vgic_maintenance(v->cpu);
	settle(m);
}

/* 40 is acknowledged, 41 pending, and so are a PPI and an SGI. */
static struct machine *busy(enum vgic_version version, unsigned lrs)
{
	struct machine *m = machine_of(version, 2, 32, lrs);

	for (virq_t virq = 40; virq < 42; virq++) {
		set_edge(m, 0, virq, true);
		set_route(m, 0, virq, 1);
	}
	set_edge(m, 1, 20, true);
	vgic_pulse(m->vgic, 0, 40);
	settle(m);
	assert_int_equal(ack(&m->vcpus[1]), 40);
	set_priority(m, 0, 41, 0x80);
	set_priority(m, 1, 20, 0x60);
	set_priority(m, 1, 6, 0x40);
	vgic_pulse(m->vgic, 0, 41);
	vgic_pulse(m->vgic, 1, 20);
	send_sgi(m, 0, 1, 6);
	settle(m);
	return m;
}

/* The redistributor and distributor keep theirs: pending and active states outlive the CPU. */
static void states_outlive_the_cpu_that_is_turned_off(void **state)
{
	for (unsigned lrs = 1; lrs <= 4; lrs++) {
		struct machine *m = busy(VERSION(state), lrs);
		struct vcpu *v = &m->vcpus[1];

		turn_off(v);
		assert_true(bit_read(m, 0, 40, GICD_ISACTIVER));
		assert_false(bit_read(m, 0, 40, GICD_ISPENDR));
		assert_true(bit_read(m, 0, 41, GICD_ISPENDR));
		assert_true(vgic_pending(m->vgic, 1));
		turn_on(m, 1);
		assert_int_equal(ack(v), 6);
		eoi(m, v, 6);
		settle(m);
		assert_int_equal(ack(v), 20);
		eoi(m, v, 20);
		settle(m);
		assert_int_equal(ack(v), 41);
		eoi(m, v, 41);
		settle(m);
		assert_int_equal(ack(v), SPURIOUS);
		/* Nobody will end 40; a driver clears what it finds. */
		assert_true(bit_read(m, 1, 40, GICD_ISACTIVER));
		bit_write(m, 1, 40, GICD_ICACTIVER);
		vgic_pulse(m->vgic, 0, 40);
		settle(m);
		assert_int_equal(ack(v), 40);
		machine_free(m);
	}
}

/*
 * 40 was acknowledged before the reset, with a priority not worse than that of 41 after it: the end
 * that is only counted is 41's.
 */
static void end_after_reset_does_not_hit_what_was_active_before(void **state)
{
	for (unsigned lrs = 1; lrs <= 4; lrs++)
		for (unsigned priority = 0x20; priority <= 0x60; priority += 0x40) {
			struct machine *m = machine_of(VERSION(state), 1, 32, lrs);
			struct vcpu *v = &m->vcpus[0];

			for (virq_t virq = 40; virq < 44; virq++)
				set_edge(m, 0, virq, true);
			set_priority(m, 0, 40, priority);
			vgic_pulse(m->vgic, 0, 40);
			settle(m);
			assert_int_equal(ack(v), 40);
			turn_off(v);
			turn_on(m, 0);
			for (virq_t virq = 41; virq < 44; virq++) {
				set_priority(m, 0, virq, 0x60 - 0x10 * (virq - 41));
				vgic_pulse(m->vgic, 0, virq);
				settle(m);
				assert_int_equal(ack(v), virq);
			}
			for (virq_t virq = 44; virq-- > 41;)
				eoi(m, v, virq);
			settle(m);
			assert_int_equal(reg_read(m, 0, 40, GICD_ISACTIVER, 1), 1u << 8);
			machine_free(m);
		}
}

static void interrupts_move_away_from_a_cpu_that_is_off(void **state)
{
	struct machine *m = busy(VERSION(state), 4);

	turn_off(&m->vcpus[1]);
	set_route(m, 0, 41, 0);
	settle(m);
	assert_int_equal(ack(&m->vcpus[0]), 41);
	bit_write(m, 0, 40, GICD_ICACTIVER);
	assert_false(bit_read(m, 0, 40, GICD_ISACTIVER));
	set_route(m, 0, 40, 0);
	vgic_pulse(m->vgic, 0, 40);
	settle(m);
	assert_int_equal(ack(&m->vcpus[0]), 40);
	turn_on(m, 1);
	assert_int_equal(ack(&m->vcpus[1]), 6);
	assert_int_equal(lrs_of(&m->vcpus[1], 40) + lrs_of(&m->vcpus[1], 41), 0);
	machine_free(m);
}

static void what_is_raised_while_it_is_off_is_there_when_it_is_on(void **state)
{
	struct machine *m = machine_of(VERSION(state), 2, 32, 4);
	struct vcpu *v = &m->vcpus[1];

	set_route(m, 0, 40, 1);
	turn_off(v);
	m->kicks[1] = 0;
	send_sgi(m, 0, 1, 6);
	assert_int_equal(m->kicks[1], 1); /* the scheduler may wake it */
	vgic_pulse(m->vgic, 1, 20);
	vgic_pulse(m->vgic, 0, 40);
	bit_write(m, 0, 40, GICD_ICPENDR);
	turn_on(m, 1);
	assert_int_equal(ack(v) + ack(v), 26);
	assert_int_equal(ack(v), SPURIOUS);
	machine_free(m);
}

/* The other vCPU's disable, and deactivation, of what it had in its list registers. */
static void changes_while_it_is_off_are_seen_when_it_is_on(void **state)
{
	struct machine *m = busy(VERSION(state), 4);
	struct vcpu *v = &m->vcpus[1];

	turn_off(v);
	bit_write(m, 0, 41, GICD_ICENABLER);
	bit_write(m, 0, 40, GICD_ICACTIVER);
	if (VERSION(state) == VGIC_V3)
		assert_int_equal(dist_read(m, 0, GICD_CTLR, 4) >> 31, 0);
	turn_on(m, 1);
	assert_int_equal(ack(v), 6);
	assert_int_equal(ack(v), 20);
	assert_int_equal(ack(v), SPURIOUS);
	assert_false(bit_read(m, 0, 40, GICD_ISACTIVER));
	machine_free(m);
}

static void mapped_ones_of_a_cpu_that_is_off(void **state)
{
	struct machine *m = machine_of(VERSION(state), 2, 32, 4);
	struct vcpu *v = &m->vcpus[1];

	vgic_map_hwirq(m->vgic, 1, 27, (struct hwirq){ 27 }, VGIC_HWIRQ_LEVEL);
	vgic_map_hwirq(m->vgic, 0, 40, (struct hwirq){ 40 }, VGIC_HWIRQ_LEVEL);
	set_route(m, 0, 40, 1);
	m->phys_active[27] = m->phys_line[27] = m->phys_active[40] = m->phys_line[40] = true;
	vgic_set_line(m->vgic, 1, 27, true);
	vgic_set_line(m->vgic, 0, 40, true);
	settle(m);
	assert_int_equal(ack(v) + ack(v), 67);
	turn_off(v);
	assert_false(m->phys_active[27]); /* the physical CPU is free for another vCPU */
	assert_true(m->phys_active[40]);
	m->phys_line[40] = false;
	bit_write(m, 0, 40, GICD_ICACTIVER);
	assert_false(m->phys_active[40]); /* it can fire again */
	turn_on(m, 1);
	assert_true(m->phys_active[27]);
	assert_true(bit_read(m, 1, 27, GICD_ISACTIVER));
	m->phys_line[27] = false;
	bit_write(m, 1, 27, GICD_ICACTIVER);
	settle(m);
	assert_false(m->phys_active[27]);
	machine_free(m);
}

/* Off and on without a reset: a scheduler's put and load. The end comes to where it was. */
static void put_and_load_keep_what_runs(void **state)
{
	for (unsigned lrs = 1; lrs <= 4; lrs++) {
		struct machine *m = busy(VERSION(state), lrs);
		struct vcpu *v = &m->vcpus[1];

		turn_off(v);
		v->cpu = vgic_load(m->vgic, 1);
		assert_true(vgic_attention(v->cpu));
		settle(m);
		assert_int_equal(ack(v), 6);
		eoi(m, v, 6);
		settle(m);
		eoi(m, v, 40); /* what it had acknowledged before */
		settle(m);
		assert_false(bit_read(m, 0, 40, GICD_ISACTIVER));
		assert_int_equal(ack(v), 20);
		machine_free(m);
	}
}

/* --- Host and guest disagree about the trigger -------------------------------------------------- */

/* A device behind the physical interrupt `virq`, and the host's handler for it. */
static void device(struct machine *m, virq_t virq, bool level, bool asserted)
{
	bool edge = asserted && !m->phys_line[virq];

	m->phys_line[virq] = asserted;
	if (m->phys_active[virq] || (level ? !asserted : !edge))
		return;
	m->phys_active[virq] = true; /* priority dropped, left active for the guest */
	if (level)
		vgic_set_line(m->vgic, 0, virq, true);
	else
		vgic_pulse(m->vgic, 0, virq);
}

/* A level that is high fires as soon as the physical interrupt is not active. */
static void refire(struct machine *m, virq_t virq, bool level)
{
	if (level)
		device(m, virq, level, m->phys_line[virq]);
	settle(m);
}

static void physical_level_and_guest_edge(void **state)
{
	struct machine *m = machine_of(VERSION(state), 1, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	set_edge(m, 0, 40, true);
	vgic_map_hwirq(m->vgic, 0, 40, (struct hwirq){ 40 }, VGIC_HWIRQ_LEVEL);
	/* Served: each end lets the physical one fire again while its line is high. */
	device(m, 40, true, true);
	for (unsigned round = 0; round < 3; round++) {
		refire(m, 40, true);
		assert_int_equal(ack(v), 40);
		assert_true(m->phys_active[40]);
		if (round == 2)
			m->phys_line[40] = false;
		eoi(m, v, 40);
		assert_false(m->phys_active[40]);
	}
	refire(m, 40, true);
	assert_int_equal(ack(v), SPURIOUS);
	/* Not served, and the line falls: an edge stays pending; taking it frees the physical one. */
	device(m, 40, true, true);
	settle(m);
	m->phys_line[40] = false;
	vgic_maintenance(v->cpu);
	settle(m);
	if (ack(v) == 40)
		eoi(m, v, 40);
	settle(m);
	assert_false(m->phys_active[40]);
	device(m, 40, true, true);
	settle(m);
	assert_int_equal(ack(v), 40);
	machine_free(m);
}

static void physical_edge_and_guest_level(void **state)
{
	struct machine *m = machine_of(VERSION(state), 1, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	set_edge(m, 0, 40, false);
	vgic_map_hwirq(m->vgic, 0, 40, (struct hwirq){ 40 }, 0);
	for (unsigned round = 0; round < 3; round++) {
		device(m, 40, false, true);
		settle(m);
		if (round == 1) { /* comes out unacknowledged: nothing is lost, nothing made up */
			device(m, 40, false, false);
			vgic_maintenance(v->cpu);
			settle(m);
		}
		assert_int_equal(ack(v), 40);
		eoi(m, v, 40);
		assert_false(m->phys_active[40]);
		settle(m);
		assert_int_equal(ack(v), SPURIOUS);
		device(m, 40, false, false);
	}
	machine_free(m);
}

static unsigned random_number(uint32_t *seed, unsigned below)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed % below;
}

/* One thing that a guest, or the device, may do at any time. */
static void something(struct machine *m, bool level, unsigned *acked, unsigned what)
{
	struct vcpu *v = &m->vcpus[0];

	switch (what) {
	case 0:
	case 1:
		set_edge(m, 0, 40, what);
		break;
	case 2:
	case 3:
		device(m, 40, level, what & 1);
		settle(m);
		break;
	case 4:
		bit_write(m, 0, 40, GICD_ISPENDR);
		break;
	case 5:
		bit_write(m, 0, 40, GICD_ICPENDR);
		break;
	case 6:
		bit_write(m, 0, 40, GICD_ICENABLER);
		break;
	case 7:
		bit_write(m, 0, 40, GICD_ISENABLER);
		break;
	case 8:
		vgic_maintenance(v->cpu);
		break;
	case 9:
		if (*acked)
			eoi(m, v, 40);
		*acked = 0;
		break;
	default:
		if (!*acked && ack(v) == 40)
			*acked = 1;
		break;
	}
	refire(m, 40, level);
}

/* It gives up what it has, sets it up as the device is, and gets its interrupts from then on. */
static void set_right(struct machine *m, bool level, unsigned acked)
{
	struct vcpu *v = &m->vcpus[0];

	if (acked)
		eoi(m, v, 40);
	settle(m);
	device(m, 40, level, false);
	bit_write(m, 0, 40, GICD_ICENABLER);
	bit_write(m, 0, 40, GICD_ICACTIVER);
	bit_write(m, 0, 40, GICD_ICPENDR);
	set_edge(m, 0, 40, !level);
	settle(m);
	bit_write(m, 0, 40, GICD_ISENABLER);
	settle(m);
	assert_int_equal(ack(v), SPURIOUS);
	assert_false(m->phys_active[40]);
	device(m, 40, level, true);
	settle(m);
	assert_int_equal(ack(v), 40);
	m->phys_line[40] = false;
	eoi(m, v, 40);
	settle(m);
	assert_false(m->phys_active[40]);
	assert_int_equal(ack(v), SPURIOUS);
}

/* Whether the guest has set it up as the device is. */
static bool agrees(struct machine *m, bool level)
{
	return (reg_read(m, 0, 40, GICD_ICFGR, 2) >> 16 & 2) == (level ? 0 : 2);
}

/*
 * A guest that changes its mind all the time. The host's other interrupts for it are not disturbed,
 * and while it agrees, the physical one is not left active with nothing for the guest to take or end.
 */
static void guest_that_flips_the_trigger_harms_only_itself(void **state)
{
	for (uint32_t n = 1; n <= 200; n++) {
		struct machine *m = machine_of(VERSION(state), 1, 32, 4);
		bool level = n % 2;
		uint32_t seed = n * 2654435761u;
		unsigned acked = 0;
		bool idle;

		set_edge(m, 0, 41, true);
		set_priority(m, 0, 41, 0x40);
		vgic_map_hwirq(m->vgic, 0, 40, (struct hwirq){ 40 }, level ? VGIC_HWIRQ_LEVEL : 0);
		for (unsigned i = 0; i < 60; i++) {
			something(m, level, &acked, random_number(&seed, 12));
			if (i % 16 == 0) {
				vgic_pulse(m->vgic, 0, 41);
				settle(m);
				assert_int_equal(ack(&m->vcpus[0]), 41);
				eoi(m, &m->vcpus[0], 41);
				settle(m);
			}
			/* The read samples the line, too. */
			idle = !bit_read(m, 0, 40, GICD_ISPENDR) &&
			       !bit_read(m, 0, 40, GICD_ISACTIVER);
			settle(m);
			if (idle && agrees(m, level))
				assert_false(m->phys_active[40]);
		}
		set_right(m, level, acked);
		machine_free(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(states_outlive_the_cpu_that_is_turned_off),
		BOTH(end_after_reset_does_not_hit_what_was_active_before),
		BOTH(interrupts_move_away_from_a_cpu_that_is_off),
		BOTH(what_is_raised_while_it_is_off_is_there_when_it_is_on),
		BOTH(changes_while_it_is_off_are_seen_when_it_is_on),
		BOTH(mapped_ones_of_a_cpu_that_is_off),
		BOTH(put_and_load_keep_what_runs),
		BOTH(physical_level_and_guest_edge),
		BOTH(physical_edge_and_guest_level),
		BOTH(guest_that_flips_the_trigger_harms_only_itself),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("lifetime", tests, NULL, NULL);
}
