/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The extended ranges of a GICv3 (SPIs 4096 to 5119, PPIs 1056 to 1119), message-based SPIs, and
 * redistributors in several regions. Expected values are the architecture's (IHI 0069 2.2, 12.9,
 * 12.11).
 */
#include "fixture.h"

#define SETSPI_NSR 0x40
#define CLRSPI_NSR 0x48
#define GICR_TYPER 0x8

static struct machine *extended_machine(unsigned vcpus, unsigned espis, unsigned eppis,
					unsigned lrs)
{
	struct vgic_config config = config_of(VGIC_V3, vcpus, 32, lrs);

	config.espis = (uint16_t)espis;
	config.eppis = (uint8_t)eppis;
	return machine_with(config);
}

/* TYPER: ESPI, ESPI_range, IDbits. */
static void distributor_tells_its_extended_spis(void **state)
{
	static const struct {
		unsigned espis, range;
	} cases[] = { { 1, 0 }, { 32, 0 }, { 33, 1 }, { 64, 1 }, { 1023, 31 }, { 1024, 31 } };
	struct machine *m;
	uint64_t typer;

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		m = extended_machine(1, cases[i].espis, 0, 4);
		typer = dist_read(m, 0, GICD_TYPER, 4);
		assert_int_equal(typer >> 8 & 1, 1);
		assert_int_equal(typer >> 27, cases[i].range);
		assert_true((typer >> 19 & 0x1f) + 1 >= 13); /* 5119 has 13 bits */
		machine_free(m);
	}
	m = extended_machine(1, 0, 0, 4);
	typer = dist_read(m, 0, GICD_TYPER, 4);
	assert_int_equal(typer >> 8 & 1, 0);
	assert_int_equal(typer >> 27, 0);
	machine_free(m);
}

static void redistributor_tells_its_extended_ppis(void **state)
{
	(void)state;
	for (unsigned eppis = 0; eppis <= 64; eppis += 32) {
		struct machine *m = extended_machine(2, 0, eppis, 4);

		for (unsigned i = 0; i < 2; i++)
			assert_int_equal(redist_read(m, i, GICR_TYPER, 8) >> 27 & 0x1f, eppis / 32);
		machine_free(m);
	}
}

static void extended_interrupts_reset_as_others_do(void **state)
{
	struct vgic_config config = config_of(VGIC_V3, 1, 32, 4);
	static const virq_t virqs[] = { 1056, 1119, 4096, 5119 };
	struct machine *m;

	(void)state;
	config.espis = 1024;
	config.eppis = 64;
	m = machine_bare(config);
	m->vcpus[0].cpu = vgic_load(m->vgic, 0);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(reg_read(m, 0, virqs[i], GICD_IGROUPR, 1), 0);
		assert_int_equal(reg_read(m, 0, virqs[i], GICD_ISENABLER, 1), 0);
		assert_int_equal(reg_read(m, 0, virqs[i], GICD_ISPENDR, 1), 0);
		assert_int_equal(reg_read(m, 0, virqs[i], GICD_ISACTIVER, 1), 0);
		assert_int_equal(reg_read(m, 0, virqs[i], GICD_IPRIORITYR, 8), 0);
	}
	machine_free(m);
}

static void extended_ppi_is_its_vcpus_own(void **state)
{
	struct machine *m = extended_machine(3, 0, 64, 4);

	(void)state;
	bit_write(m, 2, 1100, GICD_ICENABLER);
	assert_false(bit_read(m, 2, 1100, GICD_ISENABLER));
	assert_true(bit_read(m, 1, 1100, GICD_ISENABLER));
	set_priority(m, 1, 1101, 0x20);
	assert_int_equal(reg_read(m, 2, 1101, GICD_IPRIORITYR, 8), 0xa0);
	for (unsigned i = 0; i < 3; i++)
		vgic_pulse(m->vgic, i, 1100);
	settle(m);
	assert_int_equal(ack(&m->vcpus[0]), 1100);
	assert_int_equal(ack(&m->vcpus[1]), 1100);
	assert_int_equal(ack(&m->vcpus[2]), SPURIOUS);
	machine_free(m);
}

static void lines_of_extended_interrupts_have_levels(void **state)
{
	struct machine *m = extended_machine(1, 64, 32, 4);
	struct vcpu *v = &m->vcpus[0];
	static const virq_t virqs[] = { 1060, 4100 };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		vgic_set_line(m->vgic, 0, virqs[i], true);
		settle(m);
		for (unsigned round = 0; round < 2; round++) {
			assert_int_equal(ack(v), virqs[i]);
			eoi(m, v, virqs[i]);
			settle(m);
		}
		vgic_set_line(m->vgic, 0, virqs[i], false);
		settle(m);
		assert_int_equal(ack(v), SPURIOUS);
	}
	machine_free(m);
}

static void extended_interrupt_can_be_mapped(void **state)
{
	struct machine *m = extended_machine(1, 64, 32, 4);
	struct vcpu *v = &m->vcpus[0];
	int n;

	(void)state;
	assert_int_equal(vgic_map_hwirq(m->vgic, 0, 4159, (struct hwirq){ 77 }, VGIC_HWIRQ_LEVEL),
			 0);
	m->phys_active[77] = m->phys_line[77] = true;
	vgic_set_line(m->vgic, 0, 4159, true);
	settle(m);
	n = lr_of(v, 4159);
	assert_true(lr_at(v, (unsigned)n).hw);
	assert_int_equal(lr_at(v, (unsigned)n).pintid, 77);
	assert_int_equal(ack(v), 4159);
	eoi(m, v, 4159);
	assert_false(m->phys_active[77]);
	machine_free(m);
}

/* Priority decides among all ranges, with fewer list registers than interrupts. */
static void ranges_share_the_list_registers_by_priority(void **state)
{
	struct machine *m = extended_machine(1, 64, 32, 1);
	struct vcpu *v = &m->vcpus[0];
	static const virq_t order[] = { 4100, 40, 1060, 20, 5, 4101 };

	(void)state;
	for (unsigned i = 6; i-- > 0;) {
		set_priority(m, 0, order[i], 0x20 + 0x10 * i);
		bit_write(m, 0, order[i], GICD_ISPENDR);
	}
	for (unsigned i = 0; i < 6; i++) {
		settle(m);
		assert_int_equal(ack(v), order[i]);
		eoi(m, v, order[i]);
	}
	settle(m);
	assert_int_equal(ack(v), SPURIOUS);
	machine_free(m);
}

static void irouter_of_an_extended_spi_has_halves_and_irm(void **state)
{
	struct machine *m = extended_machine(3, 64, 0, 4);
	const uint32_t at = GICD_IROUTERE + 8 * 10;

	(void)state;
	dist_write(m, 0, at + 4, 4, 0xab);
	dist_write(m, 0, at, 4, 0x010203);
	assert_true(dist_read(m, 0, at, 8) == (0xabull << 32 | 0x010203));
	assert_int_equal(dist_read(m, 0, at + 4, 4), 0xab);
	dist_write(m, 0, at, 8, 2);
	vgic_pulse(m->vgic, 0, 4106);
	settle(m);
	assert_int_equal(ack(&m->vcpus[2]), 4106);
	eoi(m, &m->vcpus[2], 4106);
	settle(m);
	dist_write(m, 1, at, 8, 1ull << 31); /* any one PE */
	assert_true(dist_read(m, 0, at, 8) == 1ull << 31);
	vgic_pulse(m->vgic, 0, 4106);
	settle(m);
	assert_int_equal(lrs_of(&m->vcpus[0], 4106) + lrs_of(&m->vcpus[1], 4106) +
				 lrs_of(&m->vcpus[2], 4106),
			 1);
	machine_free(m);
}

/* --- Message-based SPIs ------------------------------------------------------------------------- */

static void message_raises_and_withdraws_an_edge(void **state)
{
	static const virq_t virqs[] = { 40, 4100 };
	struct machine *m = extended_machine(2, 64, 0, 4);

	(void)state;
	assert_int_equal(dist_read(m, 0, GICD_TYPER, 4) >> 16 & 1, 1); /* MBIS */
	for (unsigned i = 0; i < 2; i++)
		for (unsigned bytes = 2; bytes <= 4; bytes += 2) {
			struct vcpu *v = &m->vcpus[1];

			set_edge(m, 0, virqs[i], true);
			set_route(m, 0, virqs[i], 1);
			dist_write(m, 0, SETSPI_NSR, bytes, virqs[i]);
			settle(m);
			assert_int_equal(ack(v), virqs[i]);
			eoi(m, v, virqs[i]);
			settle(m);
			assert_int_equal(ack(v), SPURIOUS); /* it was one edge */
			dist_write(m, 0, SETSPI_NSR, bytes, virqs[i]);
			assert_true(bit_read(m, 0, virqs[i], GICD_ISPENDR));
			dist_write(m, 0, CLRSPI_NSR, bytes, virqs[i]);
			assert_false(bit_read(m, 0, virqs[i], GICD_ISPENDR));
			settle(m);
			assert_int_equal(ack(v), SPURIOUS);
		}
	machine_free(m);
}

static void message_is_the_line_of_a_level(void **state)
{
	struct machine *m = machine_new(1, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	set_edge(m, 0, 40, false);
	dist_write(m, 0, SETSPI_NSR, 4, 40);
	for (unsigned round = 0; round < 3; round++) {
		settle(m);
		assert_int_equal(ack(v), 40);
		eoi(m, v, 40);
	}
	settle(m);
	dist_write(m, 0, CLRSPI_NSR, 4, 40);
	settle(m);
	assert_int_equal(ack(v), SPURIOUS);
	assert_false(bit_read(m, 0, 40, GICD_ISPENDR));
	machine_free(m);
}

static void message_for_what_is_no_spi_has_no_effect(void **state)
{
	static const virq_t virqs[] = {
		0, 15, 16, 31, 64, 1019, 1020, 1023, 1056, 4095, 4128, 8191
	};
	struct machine *m = extended_machine(2, 32, 32, 4);

	(void)state;
	for (unsigned i = 0; i < 12; i++) {
		dist_write(m, 0, SETSPI_NSR, 4, virqs[i]);
		dist_write(m, 0, CLRSPI_NSR, 4, virqs[i]);
		dist_write(m, 0, SETSPI_NSR, 4, virqs[i]);
	}
	assert_int_equal(dist_read(m, 0, SETSPI_NSR, 4), 0); /* write-only */
	settle(m);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(ack(&m->vcpus[i]), SPURIOUS);
		assert_int_equal(redist_read(m, i, GICR_SGI + GICD_ISPENDR, 4), 0);
		assert_int_equal(redist_read(m, i, GICR_SGI + GICD_ISPENDR + 4, 4), 0);
	}
	machine_free(m);
}

/* --- Regions of redistributors ------------------------------------------------------------------ */

/* A driver walks each region until Last, and finds every vCPU once, by affinity. */
static void walk_of_the_regions_finds_each_vcpu(void **state)
{
	struct vgic_config config = config_of(VGIC_V3, 10, 32, 4);

	(void)state;
	for (unsigned region = 1; region <= 10; region++) {
		struct machine *m;
		unsigned n = 0;

		config.region_redists = (uint16_t)region;
		config.cluster_bits = 2;
		m = machine_with(config);
		while (n < 10) {
			unsigned first = n;
			uint64_t typer;

			do {
				typer = redist_read(m, n, GICR_TYPER, 8);
				assert_int_equal(typer >> 32, vgic_mpidr(m->vgic, n));
				assert_int_equal(typer >> 8 & 0xffff, n);
				n++;
			} while (!(typer >> 4 & 1));
			assert_true(n - first == region || n == 10);
		}
		assert_int_equal(n, 10);
		machine_free(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(distributor_tells_its_extended_spis),
		cmocka_unit_test(redistributor_tells_its_extended_ppis),
		cmocka_unit_test(extended_interrupts_reset_as_others_do),
		cmocka_unit_test(extended_ppi_is_its_vcpus_own),
		cmocka_unit_test(lines_of_extended_interrupts_have_levels),
		cmocka_unit_test(extended_interrupt_can_be_mapped),
		cmocka_unit_test(ranges_share_the_list_registers_by_priority),
		cmocka_unit_test(irouter_of_an_extended_spi_has_halves_and_irm),
		cmocka_unit_test(message_raises_and_withdraws_an_edge),
		cmocka_unit_test(message_is_the_line_of_a_level),
		cmocka_unit_test(message_for_what_is_no_spi_has_no_effect),
		cmocka_unit_test(walk_of_the_regions_finds_each_vcpu),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("extended", tests, NULL, NULL);
}
