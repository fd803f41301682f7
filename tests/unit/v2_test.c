/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What only a GICv2 has, rule by rule: SGIs with sources, processor targets, banked registers in the
 * distributor, reads that wait where a GICv3 has RWP. Expected values are the architecture's
 * (IHI 0048); where a choice was ours, docs/choices.md names the test.
 */
#include "fixture.h"

#define PIDR2      0xfe8
#define SGIR_OTHER (1u << 24)
#define SGIR_SELF  (2u << 24)

static struct machine *v2(unsigned vcpus, unsigned lrs)
{
	return machine_of(VGIC_V2, vcpus, 32, lrs);
}

/* Which vCPUs have this SGI, as a mask; it is taken and ended. */
static unsigned taken_by(struct machine *m, virq_t iar)
{
	unsigned mask = 0;

	settle(m);
	for (unsigned i = 0; i < m->config.vcpus; i++) {
		virq_t got = ack(&m->vcpus[i]);

		if (got == SPURIOUS)
			continue;
		assert_int_equal(got, iar);
		mask |= 1u << i;
		eoi(m, &m->vcpus[i], got);
	}
	settle(m);
	return mask;
}

/* --- SGIs --------------------------------------------------------------------------------------- */

static void sgir_filter_says_who_gets_it(void **state)
{
	struct machine *m = v2(4, 4);

	(void)state;
	dist_write(m, 2, GICD_SGIR, 4, 0xau << 16 | 6);
	assert_int_equal(taken_by(m, 2 << 10 | 6), 0xa);
	dist_write(m, 2, GICD_SGIR, 4, 0x4u << 16 | 6); /* itself, by list */
	assert_int_equal(taken_by(m, 2 << 10 | 6), 0x4);
	dist_write(m, 2, GICD_SGIR, 4, SGIR_OTHER | 0x4 << 16 | 6);
	assert_int_equal(taken_by(m, 2 << 10 | 6), 0xb);
	dist_write(m, 2, GICD_SGIR, 4, SGIR_SELF | 0xb << 16 | 6);
	assert_int_equal(taken_by(m, 2 << 10 | 6), 0x4);
	dist_write(m, 2, GICD_SGIR, 4, 6); /* an empty list */
	assert_int_equal(taken_by(m, 2 << 10 | 6), 0);
	machine_free(m);
}

static void sgir_reads_as_zero_and_takes_words_only(void **state)
{
	struct machine *m = v2(2, 4);

	(void)state;
	dist_write(m, 0, GICD_SGIR + 2, 1, 2);
	dist_write(m, 0, GICD_SGIR + 3, 1, 1);
	assert_int_equal(taken_by(m, 0), 0);
	dist_write(m, 0, GICD_SGIR, 4, 2u << 16 | 1);
	assert_int_equal(dist_read(m, 0, GICD_SGIR, 4), 0);
	assert_int_equal(taken_by(m, 1), 2);
	machine_free(m);
}

/* One source in the list register; its end is asked for while others wait, and not for the last. */
static void each_source_is_taken_once(void **state)
{
	struct machine *m = v2(4, 4);
	struct vcpu *v = &m->vcpus[0];
	unsigned sources = 0;

	(void)state;
	for (unsigned from = 1; from < 4; from++)
		dist_write(m, from, GICD_SGIR, 4, 1u << 16 | 5);
	settle(m);
	for (unsigned left = 3; left > 0; left--) {
		virq_t iar;

		assert_int_equal(lrs_of(v, 5), 1);
		assert_int_equal(lr_at(v, (unsigned)lr_of(v, 5)).eoi, left > 1);
		assert_int_equal(dist_read(m, 0, GICD_SPENDSGIR + 5, 1), 0xe & ~sources);
		iar = ack(v);
		assert_int_equal(iar & 0x3ff, 5);
		sources |= 1u << (iar >> 10);
		assert_int_equal(ack(v), SPURIOUS);
		eoi(m, v, iar);
		settle(m);
	}
	assert_int_equal(sources, 0xe);
	assert_int_equal(ack(v), SPURIOUS);
	assert_int_equal(dist_read(m, 0, GICD_SPENDSGIR + 4, 4), 0);
	machine_free(m);
}

static void source_that_comes_while_active_is_taken_after_the_end(void **state)
{
	struct machine *m = v2(3, 4);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	dist_write(m, 1, GICD_SGIR, 4, 1u << 16 | 5);
	settle(m);
	assert_int_equal(ack(v), 1 << 10 | 5);
	dist_write(m, 1, GICD_SGIR, 4, 1u << 16 | 5); /* the same again */
	dist_write(m, 2, GICD_SGIR, 4, 1u << 16 | 5);
	settle(m);
	assert_int_equal(ack(v), SPURIOUS);
	assert_int_equal(dist_read(m, 0, GICD_SPENDSGIR + 5, 1), 6);
	eoi(m, v, 1 << 10 | 5);
	settle(m);
	for (unsigned from = 1; from < 3; from++) {
		assert_int_equal(ack(v), from << 10 | 5);
		eoi(m, v, from << 10 | 5);
		settle(m);
	}
	assert_int_equal(ack(v), SPURIOUS);
	machine_free(m);
}

/* The guest takes interrupts by priority whatever is where: 39, the SGI from all, then 40. */
static void no_lower_priority_overtakes_waiting_sources(void **state)
{
	(void)state;
	for (unsigned lrs = 1; lrs <= 4; lrs++) {
		struct machine *m = v2(4, lrs);
		struct vcpu *v = &m->vcpus[0];

		set_edge(m, 0, 39, true);
		set_edge(m, 0, 40, true);
		set_priority(m, 0, 39, 0x80);
		set_priority(m, 0, 40, 0xb0);
		vgic_pulse(m->vgic, 0, 40);
		settle(m);
		for (unsigned from = 1; from < 4; from++)
			dist_write(m, from, GICD_SGIR, 4, 1u << 16 | 5);
		vgic_pulse(m->vgic, 0, 39);
		settle(m);
		for (unsigned i = 0; i < 5; i++) {
			virq_t iar = ack(v);

			assert_int_equal(iar & 0x3ff, i == 0 ? 39 : i < 4 ? 5 : 40);
			/* In the guest's next instruction, before anybody comes out. */
			if (i > 0 && i < 3) {
				eoi(m, v, iar);
				assert_int_equal(ack(v), SPURIOUS);
			} else {
				eoi(m, v, iar);
			}
			settle(m);
		}
		assert_int_equal(ack(v), SPURIOUS);
		machine_free(m);
	}
}

static void spendsgir_and_cpendsgir_work_by_source(void **state)
{
	struct machine *m = v2(3, 4);
	struct vcpu *v = &m->vcpus[1];

	(void)state;
	bit_write(m, 1, 9, GICD_ICENABLER);
	dist_write(m, 1, GICD_SPENDSGIR + 8, 4,
		   0x00ff0500u); /* 9 from 0, 2; 10 from all there are */
	assert_int_equal(dist_read(m, 1, GICD_SPENDSGIR + 8, 4), 0x00070500u);
	assert_int_equal(dist_read(m, 1, GICD_CPENDSGIR + 8, 4), 0x00070500u);
	assert_int_equal(dist_read(m, 1, GICD_CPENDSGIR + 9, 1), 5);
	assert_int_equal(dist_read(m, 0, GICD_SPENDSGIR + 8, 4), 0); /* banked */
	assert_int_equal(dist_read(m, 1, GICD_ISPENDR, 4), 1u << 9 | 1u << 10);
	/* One of 10 is in a list register: clearing reaches that, too. */
	dist_write(m, 1, GICD_CPENDSGIR + 10, 1, 7);
	assert_int_equal(ack(v), SPURIOUS);
	dist_write(m, 1, GICD_CPENDSGIR + 9, 1, 1);
	assert_int_equal(dist_read(m, 1, GICD_SPENDSGIR + 8, 4), 0x00000400u);
	bit_write(m, 1, 9, GICD_ISENABLER);
	settle(m);
	assert_int_equal(ack(v), 2 << 10 | 9);
	eoi(m, v, 2 << 10 | 9);
	settle(m);
	assert_int_equal(ack(v), SPURIOUS);
	machine_free(m);
}

/* One of several is withdrawn, the one in the list register or another: the rest is delivered. */
static void cpendsgir_takes_one_of_several_sources(void **state)
{
	(void)state;
	for (unsigned gone = 1; gone < 4; gone++) {
		struct machine *m = v2(4, 4);
		struct vcpu *v = &m->vcpus[0];

		for (unsigned from = 1; from < 4; from++)
			dist_write(m, from, GICD_SGIR, 4, 1u << 16 | 5);
		settle(m);
		dist_write(m, 0, GICD_CPENDSGIR + 5, 1, 1u << gone);
		settle(m);
		for (unsigned from = 1; from < 4; from++) {
			if (from == gone)
				continue;
			assert_int_equal(ack(v), from << 10 | 5);
			eoi(m, v, from << 10 | 5);
			settle(m);
		}
		assert_int_equal(ack(v), SPURIOUS);
		machine_free(m);
	}
}

static void ispendr0_and_icpendr0_do_not_change_sgis(void **state)
{
	struct machine *m = v2(2, 4);

	(void)state;
	dist_write(m, 0, GICD_ISPENDR, 4, 0xffff);
	assert_int_equal(dist_read(m, 0, GICD_ISPENDR, 4), 0);
	bit_write(m, 0, 4, GICD_ICENABLER);
	dist_write(m, 1, GICD_SGIR, 4, 1u << 16 | 4);
	dist_write(m, 0, GICD_ICPENDR, 4, 0xffff);
	assert_int_equal(dist_read(m, 0, GICD_ICPENDR, 4), 1u << 4);
	bit_write(m, 0, 4, GICD_ISENABLER);
	settle(m);
	assert_int_equal(ack(&m->vcpus[0]), 1 << 10 | 4);
	machine_free(m);
}

static void sgis_are_edge_triggered_for_good(void **state)
{
	struct machine *m = v2(1, 4);

	(void)state;
	dist_write(m, 0, GICD_ICFGR, 4, 0);
	assert_int_equal(dist_read(m, 0, GICD_ICFGR, 4), 0xaaaaaaaa);
	machine_free(m);
}

/* --- Targets ------------------------------------------------------------------------------------ */

static void itargetsr_of_absent_cpus_is_razwi(void **state)
{
	(void)state;
	for (unsigned cpus = 2; cpus <= 8; cpus++) {
		struct machine *m = v2(cpus, 4);
		uint32_t present = (1u << cpus) - 1;

		dist_write(m, 0, GICD_ITARGETSR + 40, 4, ~0u);
		assert_int_equal(dist_read(m, 0, GICD_ITARGETSR + 40, 4), 0x01010101u * present);
		machine_free(m);
	}
}

static void itargetsr_of_private_ones_names_the_reader(void **state)
{
	struct machine *m = v2(8, 4);

	(void)state;
	for (unsigned i = 0; i < 8; i++)
		for (unsigned virq = 0; virq < 32; virq += 4) {
			dist_write(m, i, GICD_ITARGETSR + virq, 4, 0);
			dist_write(m, i, GICD_ITARGETSR + virq, 1, 0xff);
			assert_int_equal(dist_read(m, i, GICD_ITARGETSR + virq, 4),
					 0x01010101u << i);
			assert_int_equal(dist_read(m, i, GICD_ITARGETSR + virq + 3, 1), 1u << i);
		}
	machine_free(m);
}

static void itargetsr_is_razwi_with_one_cpu(void **state)
{
	struct machine *m = v2(1, 4);

	(void)state;
	dist_write(m, 0, GICD_ITARGETSR + 40, 4, ~0u);
	assert_int_equal(dist_read(m, 0, GICD_ITARGETSR, 4), 0);
	assert_int_equal(dist_read(m, 0, GICD_ITARGETSR + 40, 4), 0);
	vgic_pulse(m->vgic, 0, 40);
	settle(m);
	assert_int_equal(ack(&m->vcpus[0]), 40);
	machine_free(m);
}

static void itargetsr_resets_to_nobody(void **state)
{
	struct machine *m = machine_bare(config_of(VGIC_V2, 2, 32, 4));

	(void)state;
	m->vcpus[0].cpu = vgic_load(m->vgic, 0);
	for (unsigned virq = 32; virq < 64; virq += 4)
		assert_int_equal(dist_read(m, 0, GICD_ITARGETSR + virq, 4), 0);
	dist_write(m, 0, GICD_CTLR, 4, 3);
	bit_write(m, 0, 40, GICD_ISENABLER);
	vgic_pulse(m->vgic, 0, 40);
	settle(m);
	assert_int_equal(ack(&m->vcpus[0]), SPURIOUS);
	set_route(m, 0, 40, 0);
	settle(m);
	assert_int_equal(ack(&m->vcpus[0]), 40);
	machine_free(m);
}

/* "1-N": one of the targets takes it. */
static void one_of_several_targets_takes_it(void **state)
{
	struct machine *m = v2(4, 4);

	(void)state;
	set_edge(m, 0, 40, true);
	for (unsigned targets = 1; targets < 16; targets++) {
		unsigned taken;

		dist_write(m, 0, GICD_ITARGETSR + 40, 1, targets);
		vgic_pulse(m->vgic, 0, 40);
		taken = taken_by(m, 40);
		assert_true(taken && !(taken & (taken - 1)) && !(taken & ~targets));
	}
	machine_free(m);
}

static void change_of_target_moves_a_pending_one(void **state)
{
	struct machine *m = v2(3, 4);

	(void)state;
	vgic_pulse(m->vgic, 0, 40);
	settle(m);
	assert_int_equal(lrs_of(&m->vcpus[0], 40), 1);
	set_route(m, 1, 40, 2);
	settle(m);
	assert_int_equal(lrs_of(&m->vcpus[0], 40), 0);
	assert_int_equal(taken_by(m, 40), 4);
	vgic_pulse(m->vgic, 0, 40);
	dist_write(m, 1, GICD_ITARGETSR + 40, 1, 0); /* nobody */
	assert_int_equal(taken_by(m, 40), 0);
	assert_true(bit_read(m, 0, 40, GICD_ISPENDR));
	set_route(m, 1, 40, 1);
	assert_int_equal(taken_by(m, 40), 2);
	machine_free(m);
}

/* --- Control and identification ----------------------------------------------------------------- */

static void typer_iidr_pidr2_are_those_of_a_gicv2(void **state)
{
	(void)state;
	for (unsigned cpus = 1; cpus <= 8; cpus++) {
		struct machine *m = machine_of(VGIC_V2, cpus, 988, 4);

		/* No Security Extensions, so no lockable SPIs. */
		assert_int_equal(dist_read(m, 0, GICD_TYPER, 4), 31 | (cpus - 1) << 5);
		assert_int_equal(dist_read(m, 0, GICD_IIDR, 4) & 0xfff, 0x43b);
		assert_int_equal(dist_read(m, 0, PIDR2, 4) >> 4 & 0xf, 2);
		machine_free(m);
	}
}

static void control_has_two_enables_and_nothing_else(void **state)
{
	struct machine *m = v2(1, 4);

	(void)state;
	dist_write(m, 0, GICD_CTLR, 4, ~0u);
	assert_int_equal(dist_read(m, 0, GICD_CTLR, 4), 3);
	dist_write(m, 0, GICD_CTLR, 4, ~3u);
	assert_int_equal(dist_read(m, 0, GICD_CTLR, 4), 0);
	vgic_pulse(m->vgic, 0, 40);
	settle(m);
	assert_int_equal(ack(&m->vcpus[0]), SPURIOUS);
	dist_write(m, 0, GICD_CTLR, 4, 2);
	settle(m);
	assert_int_equal(ack(&m->vcpus[0]), 40);
	machine_free(m);
}

static void registers_of_private_interrupts_are_banked(void **state)
{
	static const uint32_t bits[] = { GICD_IGROUPR, GICD_ISENABLER, GICD_ISPENDR,
					 GICD_ISACTIVER };
	struct machine *m = v2(2, 4);

	(void)state;
	dist_write(m, 0, GICD_CTLR, 4, 0);
	for (unsigned i = 0; i < 2; i++) {
		dist_write(m, i, GICD_ICENABLER, 4, ~0u);
		dist_write(m, i, GICD_IGROUPR, 4, 0);
	}
	for (unsigned r = 0; r < 4; r++) {
		dist_write(m, 0, bits[r], 4, 1u << 17);
		dist_write(m, 1, bits[r], 4, 1u << 18);
		assert_int_equal(dist_read(m, 0, bits[r], 4), 1u << 17);
		assert_int_equal(dist_read(m, 1, bits[r], 4), 1u << 18);
	}
	dist_write(m, 0, GICD_IPRIORITYR + 16, 4, 0x08101820);
	assert_int_equal(dist_read(m, 1, GICD_IPRIORITYR + 16, 4), 0xa0a0a0a0);
	machine_free(m);
}

static void there_are_no_system_registers(void **state)
{
	struct machine *m = v2(2, 4);

	(void)state;
	assert_int_equal(vgic_sysreg_write(m->vcpus[0].cpu, VGIC_ICC_SGI1R_EL1, 2), VGIC_UNDEFINED);
	assert_int_equal(vgic_sysreg_write(m->vcpus[0].cpu, VGIC_ICC_DIR_EL1, 40), VGIC_UNDEFINED);
	assert_int_equal(taken_by(m, 0), 0);
	machine_free(m);
}

static void configurations_that_no_gicv2_has_are_refused(void **state)
{
	struct vgic_config bad[6];
	const char *why;

	(void)state;
	for (unsigned i = 0; i < 6; i++)
		bad[i] = config_of(VGIC_V2, 8, 988, 16);
	assert_int_equal(vgic_check(&bad[0], NULL), 0);
	bad[0].vcpus = 9;
	bad[1].espis = 32;
	bad[2].eppis = 32;
	bad[3].priority_bits = 8;
	bad[4].preemption_bits = 6;
	bad[5].version = 4;
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(vgic_check(&bad[i], &why), -VIRQ_ERR_CONFIG);
		assert_non_null(why);
	}
}

/* --- Reads that wait: there is no RWP ----------------------------------------------------------- */

/* Read on vCPU 0 while vCPU 1 runs, until that has passed. */
static uint64_t read_waits(struct machine *m, uint32_t offset)
{
	struct vcpu *v = &m->vcpus[0];
	unsigned kicks = m->kicks[1];
	uint64_t value;

	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(vgic_dist_read(v->cpu, offset, 4, &value), VGIC_AGAIN);
		leave(v);
	}
	assert_true(m->kicks[1] >= kicks);
	enter(&m->vcpus[1]);
	assert_int_equal(vgic_dist_read(v->cpu, offset, 4, &value), VGIC_DONE);
	enter(v);
	return value;
}

static void icenabler_reads_back_when_it_has_left_the_other_vcpu(void **state)
{
	static const uint32_t offsets[] = { GICD_ISENABLER + 4, GICD_ICENABLER + 4 };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct machine *m = v2(2, 4);

		set_route(m, 0, 40, 1);
		vgic_pulse(m->vgic, 0, 40);
		settle(m);
		assert_int_equal(lrs_of(&m->vcpus[1], 40), 1);
		vgic_dist_write(m->vcpus[0].cpu, GICD_ICENABLER + 4, 4, 1u << 8);
		assert_true(m->kicks[1] > 0);
		assert_int_equal(read_waits(m, offsets[i]), ~(1u << 8));
		assert_int_equal(ack(&m->vcpus[1]), SPURIOUS);
		machine_free(m);
	}
}

static void icenabler_reads_back_at_once_if_nobody_runs_with_it(void **state)
{
	struct machine *m = v2(2, 4);
	struct vcpu *v = &m->vcpus[1];
	uint64_t value;

	(void)state;
	set_route(m, 0, 40, 1);
	vgic_pulse(m->vgic, 0, 40);
	settle(m);
	leave(v);
	vgic_dist_write(m->vcpus[0].cpu, GICD_ICENABLER + 4, 4, 1u << 8);
	assert_int_equal(vgic_dist_read(m->vcpus[0].cpu, GICD_ICENABLER + 4, 4, &value), VGIC_DONE);
	assert_int_equal(value, ~(1u << 8));
	vgic_enter(v->cpu, &v->image);
	assert_int_equal(ack(v), SPURIOUS);
	machine_free(m);
}

static void disabled_group_reads_back_when_it_has_left_the_other_vcpu(void **state)
{
	struct machine *m = v2(2, 4);

	(void)state;
	set_route(m, 0, 40, 1);
	vgic_pulse(m->vgic, 0, 40);
	settle(m);
	vgic_dist_write(m->vcpus[0].cpu, GICD_CTLR, 4, 1);
	leave(&m->vcpus[0]);
	assert_int_equal(read_waits(m, GICD_CTLR), 1);
	assert_int_equal(ack(&m->vcpus[1]), SPURIOUS);
	machine_free(m);
}

/* --- List registers ----------------------------------------------------------------------------- */

static void list_register_has_what_gich_lr_defines(void **state)
{
	struct machine *m = v2(2, 4);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	/* HW, Grp1, pending, priority 0xa0 >> 3, physical 99, virtual 40 */
	vgic_map_hwirq(m->vgic, 0, 40, (struct hwirq){ 99 }, 0);
	vgic_pulse(m->vgic, 0, 40);
	settle(m);
	assert_true(v->image.lr[lr_of(v, 40)] ==
		    (1ull << 31 | 1u << 30 | 1u << 28 | 0x14u << 23 | 99 << 10 | 40));
	assert_int_equal(ack(v), 40);
	eoi(m, v, 40);
	/* Grp0, pending, CPUID 1, SGI 3 */
	dist_write(m, 0, GICD_IGROUPR, 4, ~(1u << 3));
	dist_write(m, 1, GICD_SGIR, 4, 1u << 16 | 3);
	settle(m);
	assert_true(v->image.lr[lr_of(v, 3)] == (1u << 28 | 0x14u << 23 | 1 << 10 | 3));
	machine_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sgir_filter_says_who_gets_it),
		cmocka_unit_test(sgir_reads_as_zero_and_takes_words_only),
		cmocka_unit_test(each_source_is_taken_once),
		cmocka_unit_test(source_that_comes_while_active_is_taken_after_the_end),
		cmocka_unit_test(no_lower_priority_overtakes_waiting_sources),
		cmocka_unit_test(spendsgir_and_cpendsgir_work_by_source),
		cmocka_unit_test(cpendsgir_takes_one_of_several_sources),
		cmocka_unit_test(ispendr0_and_icpendr0_do_not_change_sgis),
		cmocka_unit_test(sgis_are_edge_triggered_for_good),
		cmocka_unit_test(itargetsr_of_absent_cpus_is_razwi),
		cmocka_unit_test(itargetsr_of_private_ones_names_the_reader),
		cmocka_unit_test(itargetsr_is_razwi_with_one_cpu),
		cmocka_unit_test(itargetsr_resets_to_nobody),
		cmocka_unit_test(one_of_several_targets_takes_it),
		cmocka_unit_test(change_of_target_moves_a_pending_one),
		cmocka_unit_test(typer_iidr_pidr2_are_those_of_a_gicv2),
		cmocka_unit_test(control_has_two_enables_and_nothing_else),
		cmocka_unit_test(registers_of_private_interrupts_are_banked),
		cmocka_unit_test(there_are_no_system_registers),
		cmocka_unit_test(configurations_that_no_gicv2_has_are_refused),
		cmocka_unit_test(icenabler_reads_back_when_it_has_left_the_other_vcpu),
		cmocka_unit_test(icenabler_reads_back_at_once_if_nobody_runs_with_it),
		cmocka_unit_test(disabled_group_reads_back_when_it_has_left_the_other_vcpu),
		cmocka_unit_test(list_register_has_what_gich_lr_defines),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("v2", tests, NULL, NULL);
}
