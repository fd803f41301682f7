/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Defects that other interrupt virtualizations shipped, each tried on ours: what triggered it there,
 * and the answer of the architecture (IHI 0069, IHI 0048). The numbers are those of "Known bugs of
 * others" in docs/testing.md, where the ones stand that are tested elsewhere.
 */
#include "fixture.h"

#define GICR_TYPER 0x8

/* A register of another vCPU's redistributor. */
static uint64_t others_read(struct machine *m, unsigned by, unsigned owner, uint32_t offset,
			    unsigned bytes)
{
	struct vcpu *v = &m->vcpus[by];
	unsigned turns = 0;
	uint64_t value;

	while (vgic_redist_read(v->cpu, owner * VGIC_REDIST_STRIDE + offset, bytes, &value) ==
	       VGIC_AGAIN)
		wait_turn(m, v, &turns);
	enter(v);
	return value;
}

static void others_write(struct machine *m, unsigned by, unsigned owner, uint32_t offset,
			 unsigned bytes, uint64_t value)
{
	struct vcpu *v = &m->vcpus[by];
	unsigned turns = 0;

	while (vgic_redist_write(v->cpu, owner * VGIC_REDIST_STRIDE + offset, bytes, value) ==
	       VGIC_AGAIN)
		wait_turn(m, v, &turns);
	enter(v);
}

/* Everything that can be done with an interrupt, done with this one; `vcpu` takes it. */
static void lives(struct machine *m, unsigned vcpu, virq_t virq)
{
	struct vcpu *v = &m->vcpus[vcpu];

	bit_write(m, vcpu, virq, GICD_ICENABLER);
	assert_false(bit_read(m, vcpu, virq, GICD_ISENABLER));
	set_priority(m, vcpu, virq, 0x48);
	assert_int_equal(reg_read(m, vcpu, virq, GICD_IPRIORITYR, 8), 0x48);
	assert_true(bit_read(m, vcpu, virq, GICD_IGROUPR));
	set_edge(m, vcpu, virq, true);
	assert_int_equal(reg_read(m, vcpu, virq, GICD_ICFGR, 2) >> virq % 16 * 2 & 3, 2);
	if (virq >= 32 && virq - 1056 >= 64)
		set_route(m, vcpu, virq, vcpu);
	bit_write(m, vcpu, virq, GICD_ISPENDR);
	assert_true(bit_read(m, vcpu, virq, GICD_ICPENDR));
	settle(m);
	assert_int_equal(lr_of(v, virq), -1);
	bit_write(m, vcpu, virq, GICD_ISENABLER);
	assert_true(bit_read(m, vcpu, virq, GICD_ICENABLER));
	settle(m);
	assert_int_equal(ack(v), virq);
	assert_true(bit_read(m, vcpu, virq, GICD_ISACTIVER));
	assert_false(bit_read(m, vcpu, virq, GICD_ISPENDR));
	eoi(m, v, virq);
	assert_false(bit_read(m, vcpu, virq, GICD_ICACTIVER));
	assert_int_equal(ack(v), SPURIOUS);
}

/* --- Bounds and decode -------------------------------------------------------------------------- */

/* What an ICFGR reads that has interrupts `first` on, everything edge-triggered that can be. */
static uint32_t edges(const struct machine *m, unsigned first)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < 16; i++) {
		bool private = first + i < 32;
		bool there = private ? m->config.version == VGIC_V2
				     : first + i < 32u + m->config.spis;

		if (there)
			value |= 2u << 2 * i;
	}
	return value;
}

static void B01_icfgr_beyond_the_interrupts_is_razwi(void **state)
{
	static const unsigned spis[] = { 0, 37, 988 };

	for (unsigned k = 0; k < 3; k++) {
		struct machine *m = machine_of(VERSION(state), 1, spis[k], 4);

		for (unsigned first = 0; first < 1024; first += 16)
			dist_write(m, 0, GICD_ICFGR + first / 4, 4, ~0u);
		for (unsigned first = 0; first < 1024; first += 16)
			assert_int_equal(dist_read(m, 0, GICD_ICFGR + first / 4, 4),
					 edges(m, first));
		machine_free(m);
	}
}

static void B02_reserved_target_filter_sends_nothing(void **state)
{
	struct machine *m = machine_of(VERSION(state), 3, 32, 4);

	for (unsigned list = 0; list < 256; list++)
		dist_write(m, 1, GICD_SGIR, 4, 3u << 24 | list << 16 | 9);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(m->kicks[i], 0);
		assert_int_equal(dist_read(m, i, GICD_ISPENDR, 4), 0);
		assert_int_equal(dist_read(m, i, GICD_SPENDSGIR + 8, 4), 0);
	}
	machine_free(m);
}

static void B03_sgi_to_absent_affinity_goes_nowhere(void **state)
{
	struct machine *m = machine_of(VERSION(state), 2, 32, 4);
	struct vgic_cpu *cpu = m->vcpus[0].cpu;

	for (uint64_t aff = 1; aff < 256; aff++) {
		vgic_sysreg_write(cpu, VGIC_ICC_SGI1R_EL1,
				  aff << 48 | aff << 32 | aff << 16 | 0xffff);
		vgic_sysreg_write(cpu, VGIC_ICC_SGI1R_EL1, aff << 48 | 0xffff);
		vgic_sysreg_write(cpu, VGIC_ICC_SGI1R_EL1, aff << 32 | 0xffff);
		vgic_sysreg_write(cpu, VGIC_ICC_SGI1R_EL1, aff << 16 | 0xffff);
	}
	for (uint64_t range = 1; range < 16; range++)
		vgic_sysreg_write(cpu, VGIC_ICC_SGI1R_EL1, range << 44 | 0xffff);
	vgic_sysreg_write(cpu, VGIC_ICC_SGI1R_EL1, 0xfffc);
	assert_false(vgic_attention(m->vcpus[0].cpu));
	assert_false(vgic_attention(m->vcpus[1].cpu));
	/* Of a list with some that exist, those. */
	vgic_sysreg_write(cpu, VGIC_ICC_SGI1R_EL1, 7ull << 24 | 0xfffe);
	settle(m);
	assert_int_equal(ack(&m->vcpus[0]), SPURIOUS);
	assert_int_equal(ack(&m->vcpus[1]), 7);
	machine_free(m);
}

/* 0.0.0.4 is nobody with four in a cluster, and not vCPU 4, which is 0.0.1.0. */
static void B03_aff0_beyond_the_cluster_is_nobody(void **state)
{
	struct vgic_config config = config_of(VERSION(state), 8, 32, 4);
	struct machine *m;

	config.cluster_bits = 2;
	m = machine_with(config);
	vgic_sysreg_write(m->vcpus[0].cpu, VGIC_ICC_SGI1R_EL1, 7ull << 24 | 0xfff0);
	dist_write(m, 0, GICD_IROUTER + 8 * 40, 8, 4);
	vgic_pulse(m->vgic, 0, 40);
	settle(m);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(ack(&m->vcpus[i]), SPURIOUS);
	assert_int_equal(vgic_vcpu_of_mpidr(m->vgic, 4), -VIRQ_ERR_RANGE);
	assert_int_equal(vgic_vcpu_of_mpidr(m->vgic, 0x100), 4);
	machine_free(m);
}

static void B03_target_list_above_the_cpus_reaches_those_that_exist(void **state)
{
	struct machine *m = machine_of(VERSION(state), 3, 32, 4);

	dist_write(m, 1, GICD_SGIR, 4, 0xf8u << 16 | 4);
	settle(m);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(ack(&m->vcpus[i]), SPURIOUS);
	dist_write(m, 1, GICD_SGIR, 4, 0xfcu << 16 | 4);
	settle(m);
	assert_int_equal(ack(&m->vcpus[0]), SPURIOUS);
	assert_int_equal(ack(&m->vcpus[1]), SPURIOUS);
	assert_int_equal(ack(&m->vcpus[2]), 1 << 10 | 4);
	machine_free(m);
}

static void B04_sgir_with_fewer_than_eight_cpus(void **state)
{
	for (unsigned cpus = 1; cpus <= 8; cpus++) {
		struct machine *m = machine_of(VERSION(state), cpus, 32, 4);

		dist_write(m, 0, GICD_SGIR, 4, 3u << 24);
		dist_write(m, 0, GICD_SGIR, 4, 3u << 24 | 0xff << 16 | 0xf);
		settle(m);
		for (unsigned i = 0; i < cpus; i++)
			assert_int_equal(ack(&m->vcpus[i]), SPURIOUS);
		dist_write(m, cpus - 1, GICD_SGIR, 4, 0xff << 16 | 0xf);
		settle(m);
		for (unsigned i = 0; i < cpus; i++) {
			assert_int_equal(ack(&m->vcpus[i]), (cpus - 1) << 10 | 0xf);
			assert_int_equal(ack(&m->vcpus[i]), SPURIOUS);
		}
		machine_free(m);
	}
}

/* Beyond the last redistributor; of a vCPU that nobody has loaded; a GICv2 has none at all. */
static void B05_redistributor_of_a_vcpu_that_is_not_there(void **state)
{
	static const unsigned owners[] = { 3, 4, 15, 511, 512, 32767 };
	static const uint32_t offsets[] = { 0,       4,       0x8,     0xc,     0x14,
					    0xffe8,  0x10080, 0x10100, 0x10180, 0x10200,
					    0x10300, 0x10400, 0x10c00 };
	struct machine *m = machine_of(VERSION(state), 3, 32, 4);

	for (unsigned o = 0; o < 6; o++)
		for (unsigned k = 0; k < 13; k++)
			for (unsigned bytes = 1; bytes <= 8; bytes *= 2) {
				others_write(m, 0, owners[o], offsets[k], bytes, ~0ull);
				assert_int_equal(others_read(m, 0, owners[o], offsets[k], bytes),
						 0);
			}
	if (VERSION(state) == VGIC_V2) {
		others_write(m, 0, 0, GICR_SGI + GICD_ICENABLER, 4, ~0u);
		assert_int_equal(others_read(m, 0, 0, GICR_TYPER, 8), 0);
		assert_int_equal(others_read(m, 0, 0, GICR_SGI + GICD_ISENABLER, 4), 0);
		assert_int_equal(dist_read(m, 0, GICD_ISENABLER, 4), ~0u);
		machine_free(m);
		return;
	}
	leave(&m->vcpus[2]);
	vgic_put(m->vcpus[2].cpu, &m->vcpus[2].image);
	m->vcpus[2].cpu = NULL;
	others_write(m, 0, 2, GICR_SGI + GICD_IPRIORITYR + 20, 1, 0x48);
	assert_int_equal(others_read(m, 0, 2, GICR_SGI + GICD_IPRIORITYR + 20, 1), 0x48);
	assert_int_equal(others_read(m, 0, 2, GICR_TYPER, 8), 2ull << 32 | 2 << 8 | 1 << 4);
	machine_free(m);
}

/* All bits of SGIR, SGI1R that are reserved are 1. */
static void B06_sgi_number_has_four_bits(void **state)
{
	for (unsigned sgi = 0; sgi < 16; sgi++) {
		struct machine *m = machine_of(VERSION(state), 2, 32, 16);
		unsigned source = 0;

		if (VERSION(state) == VGIC_V2) {
			dist_write(m, 0, GICD_SGIR, 4, 0xfc000000u | 2 << 16 | 0xfff0 | sgi);
		} else {
			vgic_sysreg_write(m->vcpus[0].cpu, VGIC_ICC_SGI1R_EL1,
					  0xffull << 56 | 7ull << 41 | 0xfull << 28 |
						  (uint64_t)sgi << 24 | 2);
			enter(&m->vcpus[0]);
		}
		settle(m);
		assert_int_equal(ack(&m->vcpus[1]), source << 10 | sgi);
		assert_int_equal(ack(&m->vcpus[1]), SPURIOUS);
		assert_int_equal(ack(&m->vcpus[0]), SPURIOUS);
		machine_free(m);
	}
}

/* First and last byte of a run of implemented registers. */
struct run {
	uint32_t first, last;
};

static const struct run v2_dist[] = { { 0x0, 0xb },     { 0x80, 0x7ff },  { 0x800, 0xbff },
				      { 0xc00, 0xcff }, { 0xf00, 0xf03 }, { 0xf10, 0xf2f },
				      { 0xfd0, 0xfff }, { 0, 0 } };
static const struct run v3_dist[] = { { 0x0, 0xb },       { 0x40, 0x43 },     { 0x48, 0x4b },
				      { 0x80, 0x7ff },    { 0xc00, 0xcff },   { 0x1000, 0x107f },
				      { 0x1200, 0x127f }, { 0x1400, 0x147f }, { 0x1600, 0x167f },
				      { 0x1800, 0x187f }, { 0x1a00, 0x1a7f }, { 0x1c00, 0x1c7f },
				      { 0x2000, 0x23ff }, { 0x3000, 0x30ff }, { 0x6100, 0x7fdf },
				      { 0x8000, 0x9fff }, { 0xffd0, 0xffff }, { 0, 0 } };
static const struct run v3_redist[] = { { 0x0, 0xf },
					{ 0x14, 0x17 },
					{ 0xffd0, 0xffff },
					{ 0x10080, 0x1008b },
					{ 0x10100, 0x1010b },
					{ 0x10180, 0x1018b },
					{ 0x10200, 0x1020b },
					{ 0x10280, 0x1028b },
					{ 0x10300, 0x1030b },
					{ 0x10380, 0x1038b },
					{ 0x10400, 0x1045f },
					{ 0x10c00, 0x10c17 },
					{ 0, 0 } };

static bool implemented(const struct run *runs, uint32_t offset, unsigned bytes)
{
	for (; runs->last; runs++)
		if (offset <= runs->last && offset + bytes > runs->first)
			return true;
	return false;
}

static uint64_t checksum(struct machine *m, const struct run *runs, bool redist)
{
	uint64_t sum = 0;

	for (; runs->last; runs++)
		for (uint32_t offset = runs->first; offset < runs->last; offset += 4)
			sum = sum * 31 +
			      (redist ? redist_read(m, 0, offset, 4) : dist_read(m, 0, offset, 4));
	return sum;
}

static void reserved_are_razwi(struct machine *m, const struct run *runs, uint32_t size,
			       bool redist)
{
	uint64_t before = checksum(m, runs, redist);

	for (unsigned bytes = 1; bytes <= 8; bytes *= 2)
		for (uint32_t offset = 0; offset < size; offset++) {
			if (implemented(runs, offset, bytes))
				continue;
			if (redist) {
				redist_write_bytes(m, 0, offset, bytes, ~0ull);
				assert_int_equal(redist_read(m, 0, offset, bytes), 0);
			} else {
				dist_write(m, 0, offset, bytes, ~0ull);
				assert_int_equal(dist_read(m, 0, offset, bytes), 0);
			}
		}
	assert_true(checksum(m, runs, redist) == before);
}

static void B10_reserved_offsets_are_razwi(void **state)
{
	struct vgic_config config = config_of(VERSION(state), 1, 988, 4);
	struct machine *m;
	uint64_t value;

	if (VERSION(state) == VGIC_V2) {
		m = machine_with(config);
		reserved_are_razwi(m, v2_dist, 2 * VGIC_V2_DIST_SIZE, false);
		for (uint32_t offset = 0x1004; offset < VGIC_V2_CPUIF_SIZE; offset++) {
			vgic_cpuif_write(m->vcpus[0].cpu, offset, 4, ~0ull);
			vgic_cpuif_read(m->vcpus[0].cpu, offset, 4, &value);
			assert_int_equal(value, 0);
		}
	} else {
		config.espis = 1024;
		config.eppis = 64;
		m = machine_with(config);
		reserved_are_razwi(m, v3_dist, VGIC_DIST_SIZE + 0x1000, false);
		reserved_are_razwi(m, v3_redist, VGIC_REDIST_STRIDE, true);
	}
	dist_write(m, 0, ~7u, 8, ~0ull);
	assert_int_equal(dist_read(m, 0, ~7u, 8), 0);
	assert_int_equal(others_read(m, 0, ~0u / VGIC_REDIST_STRIDE, 0x10000, 4), 0);
	machine_free(m);
}

static void B11_last_of_a_number_that_fills_no_word(void **state)
{
	static const unsigned spis[] = { 1, 31, 33, 37, 63, 987 };
	static const uint32_t bits[] = { GICD_IGROUPR, GICD_ISENABLER, GICD_ISPENDR,
					 GICD_ISACTIVER };

	for (unsigned k = 0; k < 6; k++) {
		struct machine *m = machine_of(VERSION(state), 1, spis[k], 4);
		virq_t end = 32 + spis[k];

		assert_int_equal(dist_read(m, 0, GICD_TYPER, 4) & 0x1f, (end + 31) / 32 - 1);
		lives(m, 0, end - 1);
		for (unsigned r = 0; r < 4; r++) {
			uint64_t value;

			bit_write(m, 0, end, bits[r]);
			value = reg_read(m, 0, end, bits[r], 1);
			assert_int_equal(end % 32 ? value >> end % 32 : value, 0);
		}
		set_priority(m, 0, end, 0xff);
		assert_int_equal(reg_read(m, 0, end, GICD_IPRIORITYR, 8), 0);
		set_edge(m, 0, end, true);
		assert_int_equal(reg_read(m, 0, end, GICD_ICFGR, 2) >> end % 16 * 2, 0);
		assert_int_equal(ack(&m->vcpus[0]), SPURIOUS);
		machine_free(m);
	}
}

static void B12_intids_5119_and_1119_are_the_last(void **state)
{
	struct vgic_config config = config_of(VERSION(state), 2, 32, 4);
	struct machine *m;

	config.espis = 1024;
	config.eppis = 64;
	m = machine_with(config);
	lives(m, 1, 5119);
	lives(m, 0, 4096);
	lives(m, 1, 1119);
	lives(m, 0, 1056);
	assert_int_equal(vgic_pulse(m->vgic, 0, 5119), 0);
	assert_int_equal(vgic_pulse(m->vgic, 0, 5120), -VIRQ_ERR_RANGE);
	assert_int_equal(vgic_pulse(m->vgic, 0, 4095), -VIRQ_ERR_RANGE);
	assert_int_equal(vgic_pulse(m->vgic, 0, 1119), 0);
	assert_int_equal(vgic_pulse(m->vgic, 0, 1120), -VIRQ_ERR_RANGE);
	assert_int_equal(vgic_pulse(m->vgic, 0, 1055), -VIRQ_ERR_RANGE);
	machine_free(m);

	config.espis = 1023;
	config.eppis = 32;
	m = machine_with(config);
	assert_int_equal(vgic_pulse(m->vgic, 0, 5118), 0);
	assert_int_equal(vgic_pulse(m->vgic, 0, 5119), -VIRQ_ERR_RANGE);
	assert_int_equal(vgic_pulse(m->vgic, 0, 1088), -VIRQ_ERR_RANGE);
	bit_write(m, 0, 5119, GICD_ISENABLER);
	assert_int_equal(dist_read(m, 0, 0x127c, 4), ~0u >> 1);
	dist_write(m, 0, GICD_IROUTERE + 8 * 1023, 8, 1);
	assert_int_equal(dist_read(m, 0, GICD_IROUTERE + 8 * 1023, 8), 0);
	bit_write(m, 0, 1088, GICD_ISENABLER);
	assert_int_equal(redist_read(m, 0, GICR_SGI + GICD_ISENABLER + 8, 4), 0);
	machine_free(m);
}

static void B13_last_is_set_once_a_region(void **state)
{
	struct vgic_config config = config_of(VERSION(state), 7, 32, 4);

	for (unsigned region = 0; region <= 8; region++) {
		struct machine *m;

		config.region_redists = (uint16_t)region;
		m = machine_with(config);
		for (unsigned i = 0; i < 7; i++) {
			bool last = i == 6 || (region && i % region == region - 1);

			assert_int_equal(redist_read(m, i, GICR_TYPER, 8) >> 4 & 1, last);
		}
		machine_free(m);
	}
}

static void B14_highest_target_in_the_highest_byte(void **state)
{
	bool v2 = VERSION(state) == VGIC_V2;
	struct machine *m = machine_of(VERSION(state), v2 ? 8 : 16, 64, 4);

	if (v2) {
		dist_write(m, 0, GICD_ITARGETSR + 40, 4, 0x80u << 24);
		assert_true(dist_read(m, 0, GICD_ITARGETSR + 40, 4) == 0x80000000u);
		assert_int_equal(dist_read(m, 7, GICD_ITARGETSR + 28, 4), 0x80808080u);
		dist_write(m, 0, GICD_SGIR, 4, 0x80u << 16 | 1);
		vgic_pulse(m->vgic, 0, 43);
		settle(m);
		assert_int_equal(ack(&m->vcpus[7]) + ack(&m->vcpus[7]), 44);
	} else {
		vgic_sysreg_write(m->vcpus[0].cpu, VGIC_ICC_SGI1R_EL1, 1ull << 24 | 0x8000);
		settle(m);
		assert_int_equal(ack(&m->vcpus[15]), 1);
	}
	dist_write(m, 0, GICD_IPRIORITYR + 40, 4, 0xf8u << 24);
	assert_true(dist_read(m, 0, GICD_IPRIORITYR + 40, 4) == 0xf8000000u);
	bit_write(m, 0, 63, GICD_ISENABLER);
	dist_write(m, 0, GICD_ICENABLER + 4, 4, ~0u >> 1);
	assert_true(dist_read(m, 0, GICD_ISENABLER + 4, 4) == 0x80000000u);
	machine_free(m);
}

static void refuses(struct machine *m, unsigned vcpu, virq_t virq, int error)
{
	struct vgic_cpu *cpu = m->vcpus[0].cpu;

	assert_int_equal(vgic_pulse(m->vgic, vcpu, virq), error);
	assert_int_equal(vgic_pulse_here(cpu, vcpu, virq), error);
	assert_int_equal(vgic_set_line(m->vgic, vcpu, virq, true), error);
	assert_int_equal(vgic_set_line_here(cpu, vcpu, virq, true), error);
	assert_int_equal(vgic_map_hwirq(m->vgic, vcpu, virq, (struct hwirq){ 40 }, 0), error);
	assert_int_equal(vgic_notify_end(m->vgic, vcpu, virq, true), error);
}

static void B15_numbers_equal_to_the_size(void **state)
{
	struct machine *m = machine_of(VERSION(state), 2, 37, 4);
	static const virq_t absent[] = { 69,   96,   1019, 1020, 1023, 1024, 1055, 1056,
					 1119, 1120, 4095, 4096, 5119, 5120, 8192, ~0u };

	for (unsigned i = 0; i < 16; i++)
		refuses(m, 0, absent[i], -VIRQ_ERR_RANGE);
	refuses(m, 2, 16, -VIRQ_ERR_RANGE);
	refuses(m, ~0u, 31, -VIRQ_ERR_RANGE);
	refuses(m, 0, 15, -VIRQ_ERR_KIND);
	assert_int_equal(vgic_pulse(m->vgic, ~0u, 68), 0); /* an SPI is no vCPU's */
	assert_int_equal(vgic_pulse(m->vgic, 1, 31), 0);
	assert_null(vgic_load(m->vgic, 2));
	assert_false(vgic_pending(m->vgic, 2));
	machine_free(m);
}

/* --- State machine ------------------------------------------------------------------------------ */

static void B17_raising_what_is_in_flight_and_disabled(void **state)
{
	struct machine *m = machine_of(VERSION(state), 1, 32, 4);
	struct vcpu *v = &m->vcpus[0];
	static const virq_t virqs[] = { 20, 40 };
	int n;

	for (unsigned i = 0; i < 2; i++) {
		virq_t virq = virqs[i];

		set_edge(m, 0, virq, true);
		vgic_pulse(m->vgic, 0, 45); /* waits in another list register */
		set_priority(m, 0, virq, 0x40);
		vgic_pulse(m->vgic, 0, virq);
		settle(m);
		assert_int_equal(ack(v), virq);
		bit_write(m, 0, virq, GICD_ICENABLER);
		assert_int_equal(vgic_pulse_here(v->cpu, 0, virq), 0);
		settle(m);
		n = lr_of(v, virq);
		assert_true(n >= 0);
		assert_int_equal(lr_at(v, (unsigned)n).state, 2);
		assert_int_equal(lrs_of(v, virq), 1);
		assert_int_equal(lrs_of(v, 45), 1);
		assert_int_equal(lr_at(v, (unsigned)lr_of(v, 45)).state, 1);
		eoi(m, v, virq);
		settle(m);
		assert_int_equal(lrs_of(v, virq), 0);
		bit_write(m, 0, virq, GICD_ISENABLER);
		settle(m);
		assert_int_equal(ack(v), virq);
		eoi(m, v, virq);
		assert_int_equal(ack(v), 45);
		eoi(m, v, 45);
		settle(m);
	}
	machine_free(m);
}

/* A mapped interrupt fires: the host drops its priority, leaves it active, and tells. */
static void fire(struct machine *m, virq_t virq, unsigned how)
{
	m->phys_active[virq] = m->phys_line[virq] = true;
	if (how & VGIC_HWIRQ_LEVEL)
		vgic_set_line(m->vgic, 0, virq, true);
	else
		vgic_pulse(m->vgic, 0, virq);
	settle(m);
}

static void B18_icenabler_between_acknowledge_and_end_of_a_mapped_one(void **state)
{
	for (unsigned lrs = 1; lrs <= 4; lrs += 3)
		for (unsigned how = 0; how <= VGIC_HWIRQ_LEVEL; how += VGIC_HWIRQ_LEVEL) {
			struct machine *m = machine_of(VERSION(state), 1, 32, lrs);
			struct vcpu *v = &m->vcpus[0];

			vgic_map_hwirq(m->vgic, 0, 40, (struct hwirq){ 40 }, how);
			set_edge(m, 0, 40, !how);
			fire(m, 40, how);
			assert_int_equal(ack(v), 40);
			bit_write(m, 0, 40, GICD_ICENABLER);
			/* Takes the list register, if there is just one. */
			set_priority(m, 0, 41, 0x40);
			vgic_pulse(m->vgic, 0, 41);
			settle(m);
			assert_int_equal(ack(v), 41);
			assert_true(bit_read(m, 0, 40, GICD_ISACTIVER));
			assert_true(m->phys_active[40]);
			m->phys_line[40] = false;
			vgic_set_line(m->vgic, 0, 41, false);
			bit_write(m, 0, 41, GICD_ICPENDR);
			eoi(m, v, 41);
			settle(m);
			eoi(m, v, 40);
			settle(m);
			assert_false(m->phys_active[40]);
			assert_false(bit_read(m, 0, 40, GICD_ISACTIVER));
			bit_write(m, 0, 40, GICD_ISENABLER);
			settle(m);
			assert_int_equal(ack(v), SPURIOUS);
			fire(m, 40, how);
			assert_int_equal(ack(v), 40);
			eoi(m, v, 40);
			assert_false(m->phys_active[40]);
			machine_free(m);
		}
}

static void B19_all_list_registers_active_and_one_pending(void **state)
{
	struct machine *m = machine_of(VERSION(state), 1, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	for (unsigned i = 0; i < 4; i++) { /* each preempts the one before */
		set_edge(m, 0, 32 + i, true);
		set_priority(m, 0, 32 + i, 0x80 - 8 * i);
		vgic_pulse(m->vgic, 0, 32 + i);
		settle(m);
		assert_int_equal(ack(v), 32 + i);
	}
	set_edge(m, 0, 40, true);
	vgic_pulse(m->vgic, 0, 40); /* of lower priority than all */
	settle(m);
	/* It is there to be taken when the guest gets that far, and nothing asks for an exit before. */
	assert_int_equal(lrs_of(v, 40), 1);
	assert_false(maintenance(v));
	assert_int_equal(reg_read(m, 0, 32, GICD_ISACTIVER, 1), 0xf);
	assert_false(maintenance(v));
	for (unsigned i = 4; i-- > 0;) {
		eoi(m, v, 32 + i);
		settle(m);
		assert_int_equal(reg_read(m, 0, 32, GICD_ISACTIVER, 1), (1u << i) - 1);
	}
	assert_int_equal(ack(v), 40);
	eoi(m, v, 40);
	settle(m);
	assert_int_equal(ack(v), SPURIOUS);
	machine_free(m);
}

static void B20_end_of_a_disabled_interrupt_counts(void **state)
{
	for (unsigned lrs = 1; lrs <= 4; lrs += 3) {
		struct machine *m = machine_of(VERSION(state), 1, 32, lrs);
		struct vcpu *v = &m->vcpus[0];

		set_edge(m, 0, 40, true);
		set_edge(m, 0, 41, true);
		set_priority(m, 0, 41, 0x40);
		vgic_pulse(m->vgic, 0, 40);
		settle(m);
		assert_int_equal(ack(v), 40);
		vgic_pulse(m->vgic, 0, 41); /* takes the list register, if there is just one */
		settle(m);
		assert_int_equal(ack(v), 41);
		bit_write(m, 0, 40, GICD_ICENABLER);
		bit_write(m, 0, 41, GICD_ICENABLER);
		eoi(m, v, 41);
		settle(m);
		assert_int_equal(reg_read(m, 0, 40, GICD_ISACTIVER, 1), 1u << 8);
		eoi(m, v, 40);
		settle(m);
		assert_int_equal(reg_read(m, 0, 40, GICD_ISACTIVER, 1), 0);
		vgic_pulse(m->vgic, 0, 40);
		bit_write(m, 0, 40, GICD_ISENABLER);
		settle(m);
		assert_int_equal(ack(v), 40);
		machine_free(m);
	}
}

static void B21_level_that_fell_unacknowledged_is_sampled_again(void **state)
{
	struct machine *m = machine_of(VERSION(state), 1, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	vgic_map_hwirq(m->vgic, 0, 27, (struct hwirq){ 27 }, VGIC_HWIRQ_LEVEL);
	for (unsigned round = 0; round < 3; round++) {
		fire(m, 27, VGIC_HWIRQ_LEVEL);
		assert_int_equal(lr_at(v, (unsigned)lr_of(v, 27)).state, 1);
		m->phys_line[27] = false; /* reprogrammed with interrupts masked */
		vgic_maintenance(v->cpu); /* any reason to come out */
		settle(m);
		assert_int_equal(lr_of(v, 27), -1);
		assert_false(m->phys_active[27]); /* it can fire again */
		assert_false(bit_read(m, 0, 27, GICD_ISPENDR));
	}
	fire(m, 27, VGIC_HWIRQ_LEVEL);
	assert_int_equal(ack(v), 27);
	eoi(m, v, 27);
	assert_false(m->phys_active[27]);
	machine_free(m);
}

static void B22_asserted_while_disabled_then_enabled(void **state)
{
	static const virq_t virqs[] = { 20, 40 };

	for (unsigned i = 0; i < 2; i++)
		for (unsigned edge = 0; edge < 2; edge++) {
			struct machine *m = machine_of(VERSION(state), 1, 32, 4);
			virq_t virq = virqs[i];

			set_edge(m, 0, virq, edge);
			bit_write(m, 0, virq, GICD_ICENABLER);
			vgic_set_line(m->vgic, 0, virq, true);
			if (edge)
				vgic_set_line(m->vgic, 0, virq, false);
			settle(m);
			assert_int_equal(ack(&m->vcpus[0]), SPURIOUS);
			assert_true(bit_read(m, 0, virq, GICD_ISPENDR));
			bit_write(m, 0, virq, GICD_ISENABLER);
			settle(m);
			assert_int_equal(ack(&m->vcpus[0]), virq);
			machine_free(m);
		}
}

static void B22_sgi_sent_while_disabled_then_enabled(void **state)
{
	struct machine *m = machine_of(VERSION(state), 2, 32, 4);

	bit_write(m, 1, 3, GICD_ICENABLER);
	send_sgi(m, 0, 1, 3);
	settle(m);
	assert_int_equal(ack(&m->vcpus[1]), SPURIOUS);
	bit_write(m, 1, 3, GICD_ISENABLER);
	settle(m);
	assert_int_equal(ack(&m->vcpus[1]), 3);
	assert_int_equal(ack(&m->vcpus[1]), SPURIOUS);
	machine_free(m);
}

/* Each way of loading a list register, and no other CPU to answer. */
static void B23_self_ipi_on_one_cpu(void **state)
{
	struct machine *m = machine_of(VERSION(state), 1, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	for (unsigned round = 0; round < 4; round++) {
		send_sgi(m, 0, 0, 5);
		assert_int_equal(lrs_of(v, 5), 1);
		assert_int_equal(ack(v), 5);
		assert_int_equal(ack(v), SPURIOUS);
		if (round % 2) {
			leave(v);
			vgic_enter(v->cpu, &v->image);
		}
		assert_false(bit_read(m, 0, 5, GICD_ISPENDR));
		eoi(m, v, 5);
		settle(m);
		assert_int_equal(ack(v), SPURIOUS);
		assert_false(bit_read(m, 0, 5, GICD_ISPENDR));
	}
	if (VERSION(state) == VGIC_V2)
		dist_write(m, 0, GICD_SGIR, 4, 1u << 24 | 5); /* all but this one: nobody */
	else
		vgic_sysreg_write(v->cpu, VGIC_ICC_SGI1R_EL1, 1ull << 40 | 5u << 24);
	settle(m);
	assert_int_equal(ack(v), SPURIOUS);
	assert_int_equal(m->kicks[0], 0);
	machine_free(m);
}

static void B24_second_end_leaves_what_is_pending(void **state)
{
	struct machine *m = machine_of(VERSION(state), 1, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	for (virq_t virq = 32; virq < 34; virq++) {
		set_edge(m, 0, virq, true);
		set_priority(m, 0, virq, 0x80 - 8 * (virq - 32));
		vgic_pulse(m->vgic, 0, virq);
		settle(m);
		assert_int_equal(ack(v), virq);
	}
	vgic_set_line(m->vgic, 0, 40, true);
	vgic_pulse(m->vgic, 0, 33); /* again, while active */
	settle(m);
	eoi(m, v, 33);
	settle(m);
	leave(v);
	assert_true(vgic_pending(m->vgic, 0));
	vgic_enter(v->cpu, &v->image);
	assert_int_equal(ack(v), 33);
	eoi(m, v, 33);
	eoi(m, v, 32);
	settle(m);
	leave(v);
	assert_true(vgic_pending(m->vgic, 0));
	vgic_enter(v->cpu, &v->image);
	assert_int_equal(ack(v), 40);
	machine_free(m);
}

/* Six vCPUs, two in a cluster: vCPU 5 is 0.0.2.1. */
static void B25_halves_of_irouter_in_either_order(void **state)
{
	struct vgic_config config = config_of(VERSION(state), 6, 32, 4);
	const uint32_t at = GICD_IROUTER + 8 * 40;
	struct machine *m;

	config.cluster_bits = 1;
	m = machine_with(config);
	set_edge(m, 0, 40, true);
	dist_write(m, 0, at, 4, 0x201);
	dist_write(m, 0, at + 4, 4, 0);
	vgic_pulse(m->vgic, 0, 40);
	settle(m);
	assert_int_equal(ack(&m->vcpus[5]), 40);
	eoi(m, &m->vcpus[5], 40);
	dist_write(m, 0, at + 4, 4, 1); /* 1.0.2.1: nobody */
	vgic_pulse(m->vgic, 0, 40);
	settle(m);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(ack(&m->vcpus[i]), SPURIOUS);
	assert_int_equal(dist_read(m, 0, at, 8), 1ull << 32 | 0x201);
	dist_write(m, 0, at + 4, 4, 0);
	settle(m);
	assert_int_equal(ack(&m->vcpus[5]), 40);
	eoi(m, &m->vcpus[5], 40);
	dist_write(m, 0, at, 4, 0x100);
	vgic_pulse(m->vgic, 0, 40);
	settle(m);
	assert_int_equal(ack(&m->vcpus[2]), 40);
	machine_free(m);
}

static void B25_redistributor_write_changes_its_vcpu_alone(void **state)
{
	struct machine *m = machine_of(VERSION(state), 6, 32, 4);

	others_write(m, 0, 5, GICR_SGI + GICD_ICENABLER, 4, 1u << 20);
	others_write(m, 0, 5, GICR_SGI + GICD_IPRIORITYR + 21, 1, 0x48);
	others_write(m, 0, 5, GICR_SGI + GICD_ISPENDR, 4, 1u << 22);
	settle(m);
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(bit_read(m, i, 20, GICD_ISENABLER), i != 5);
		assert_int_equal(reg_read(m, i, 21, GICD_IPRIORITYR, 8), i == 5 ? 0x48 : 0xa0);
		assert_int_equal(ack(&m->vcpus[i]), i == 5 ? 22 : SPURIOUS);
	}
	machine_free(m);
}

/* Every vCPU is reached by an SGI and by a route: 8, or 16 in clusters of 1 to 16. */
static void B26_more_cpus_than_a_mask_and_aff1(void **state)
{
	bool v2 = VERSION(state) == VGIC_V2;

	for (unsigned bits = 0; bits <= (v2 ? 0 : 4); bits++) {
		struct vgic_config config = config_of(VERSION(state), v2 ? 8 : 16, 32, 4);
		struct machine *m;

		config.cluster_bits = (uint8_t)bits;
		m = machine_with(config);
		set_edge(m, 0, 40, true);
		for (unsigned to = 0; to < config.vcpus; to++) {
			unsigned from = (to + 3) % config.vcpus;

			send_sgi(m, from, to, 2);
			set_route(m, from, 40, to);
			vgic_pulse(m->vgic, 0, 40);
			settle(m);
			for (unsigned i = 0; i < config.vcpus; i++) {
				virq_t first = ack(&m->vcpus[i]), second = ack(&m->vcpus[i]);

				if (i != to) {
					assert_int_equal(first, SPURIOUS);
					continue;
				}
				assert_int_equal(first + second, 42 + (v2 ? from << 10 : 0));
				eoi(m, &m->vcpus[i], first);
				eoi(m, &m->vcpus[i], second);
			}
			settle(m);
		}
		machine_free(m);
	}
}

static void B27_isactiver0_and_icactiver0(void **state)
{
	struct machine *m = machine_of(VERSION(state), 2, 32, 4);
	const uint32_t bits = 1u << 3 | 1u << 20;

	reg_write(m, 0, 0, GICD_ISACTIVER, 1, bits);
	assert_int_equal(reg_read(m, 0, 0, GICD_ISACTIVER, 1), bits);
	assert_int_equal(reg_read(m, 0, 0, GICD_ICACTIVER, 1), bits);
	assert_int_equal(reg_read(m, 0, 0, GICD_ISPENDR, 1), 0);
	assert_int_equal(reg_read(m, 0, 0, GICD_ISENABLER, 1), ~0u);
	assert_int_equal(reg_read(m, 0, 32, GICD_ISACTIVER, 1), 0);
	assert_int_equal(reg_read(m, 1, 0, GICD_ISACTIVER, 1), 0);
	assert_int_equal(ack(&m->vcpus[0]), SPURIOUS);
	vgic_pulse(m->vgic, 0, 20); /* pending, and active: not to be taken */
	settle(m);
	assert_int_equal(ack(&m->vcpus[0]), SPURIOUS);
	reg_write(m, 0, 0, GICD_ICACTIVER, 1, 1u << 20);
	settle(m);
	assert_int_equal(ack(&m->vcpus[0]), 20);
	assert_int_equal(reg_read(m, 0, 0, GICD_ISACTIVER, 1), bits);
	reg_write(m, 0, 0, GICD_ICACTIVER, 1, ~0u);
	assert_int_equal(reg_read(m, 0, 0, GICD_ISACTIVER, 1), 0);
	assert_int_equal(reg_read(m, 0, 0, GICD_ISENABLER, 1), ~0u);
	machine_free(m);
}

static void B28_byte_write_leaves_its_neighbours(void **state)
{
	static const uint32_t bytes[] = { GICD_IPRIORITYR, GICD_ITARGETSR };
	unsigned registers = VERSION(state) == VGIC_V2 ? 2 : 1;
	struct machine *m = machine_of(VERSION(state), VERSION(state) == VGIC_V2 ? 8 : 2, 32, 4);

	for (unsigned r = 0; r < registers; r++)
		for (unsigned i = 0; i < 4; i++) {
			uint32_t before = 0x40201008, value = 0x80;

			dist_write(m, 0, bytes[r] + 40, 4, before);
			dist_write(m, 0, bytes[r] + 40 + i, 1, value);
			assert_int_equal(dist_read(m, 0, bytes[r] + 40, 4),
					 (before & ~(0xffu << 8 * i)) | value << 8 * i);
			assert_int_equal(dist_read(m, 0, bytes[r] + 40 + i, 1), value);
		}
	machine_free(m);
}

/* The last word of each range is as alive as the first. */
static void B30_last_word_of_each_range(void **state)
{
	struct machine *m = machine_of(VERSION(state), 2, 988, 4);

	lives(m, 1, 1019);
	lives(m, 1, 31);
	assert_int_equal(dist_read(m, 0, 0x0fc, 4), 0x0fffffff);
	assert_int_equal(dist_read(m, 0, 0x17c, 4), 0x0fffffff);
	assert_int_equal(dist_read(m, 0, 0x1fc, 4), 0x0fffffff);
	dist_write(m, 0, 0x7f8, 4, 0x08101820);
	assert_int_equal(dist_read(m, 0, 0x7f8, 4), 0x08101820);
	assert_int_equal(dist_read(m, 0, 0x7fb, 1), 0x08);
	assert_int_equal(dist_read(m, 0, 0x7fc, 4), 0);
	dist_write(m, 0, 0xcfc, 4, ~0u);
	assert_int_equal(dist_read(m, 0, 0xcfc, 4), 0x00aaaaaa);
	if (VERSION(state) == VGIC_V2) {
		dist_write(m, 0, 0xbf8, 4, 0x01020103);
		assert_int_equal(dist_read(m, 0, 0xbf8, 4), 0x01020103);
		assert_int_equal(dist_read(m, 0, 0xbfc, 4), 0);
		dist_write(m, 0, 0xf2c, 4, 2u << 24); /* SPENDSGIR3: SGI 15 from CPU 1 */
		assert_int_equal(dist_read(m, 0, 0xf1c, 4), 2u << 24);
		assert_int_equal(dist_read(m, 0, 0xffc, 4), 0xb1); /* CIDR3 */
	} else {
		dist_write(m, 0, 0x7fd8, 8, 1);
		assert_int_equal(dist_read(m, 0, 0x7fd8, 8), 1);
		assert_int_equal(dist_read(m, 0, 0x7fdc, 4), 0);
		assert_int_equal(dist_read(m, 0, 0xfffc, 4), 0xb1);
		assert_int_equal(redist_read(m, 0, 0xfffc, 4), 0xb1);
		redist_write(m, 0, GICR_SGI + 0x41c, 0x08101820);
		assert_int_equal(redist_read(m, 0, GICR_SGI + 0x41c, 4), 0x08101820);
		redist_write(m, 0, GICR_SGI + 0xc04, ~0u);
		assert_int_equal(redist_read(m, 0, GICR_SGI + 0xc04, 4), 0xaaaaaaaa);
		assert_int_equal(redist_read(m, 1, GICR_TYPER + 4, 4), 1); /* its affinity */
	}
	machine_free(m);
}

static uint64_t route_value(virq_t virq)
{
	return 0x5aull << 32 | 0x330000 | (virq & 0x1fff);
}

static void B31_each_interrupt_has_its_own_irouter(void **state)
{
	struct vgic_config config = config_of(VERSION(state), 1, 988, 4);
	struct machine *m;

	config.espis = 1024;
	m = machine_with(config);
	for (virq_t virq = 32; virq < 1020; virq++)
		dist_write(m, 0, GICD_IROUTER + 8 * virq, 8, route_value(virq));
	for (virq_t virq = 4096; virq < 5120; virq++)
		dist_write(m, 0, GICD_IROUTERE + 8 * (virq - 4096), 8, route_value(virq));
	for (virq_t virq = 32; virq < 1020; virq++)
		assert_true(dist_read(m, 0, GICD_IROUTER + 8 * virq, 8) == route_value(virq));
	for (virq_t virq = 4096; virq < 5120; virq++)
		assert_true(dist_read(m, 0, GICD_IROUTERE + 8 * (virq - 4096), 8) ==
			    route_value(virq));
	machine_free(m);
}

/* --- Lifetime, races, abuse --------------------------------------------------------------------- */

/* A guest's errors are counted, and cost nobody else anything: no kick, nothing to settle. */
/* A physical interrupt's handler that raises, in the middle of what holds the vCPU's lock. */
static struct vgic *interrupted;

static void raising_set_active(void *host, unsigned vcpu, struct hwirq irq, bool active)
{
	static bool nested;

	(void)host;
	(void)vcpu;
	(void)irq;
	(void)active;
	if (!nested) {
		nested = true;
		vgic_pulse(interrupted, 0, 50);
		nested = false;
	}
}

static void B37_a_handler_raises_while_the_lock_is_held(void **state)
{
	struct vgic_config config = config_of(VERSION(state), 2, 32, 4);
	struct machine *m = machine_with(config);
	const struct vgic_port port = { .kick = fake_kick,
					.hwirq_set_active = raising_set_active,
					.hwirq_clear_pending = fake_clear_pending,
					.hwirq_line = fake_line };
	struct vcpu *v = &m->vcpus[1];
	bool v2 = VERSION(state) == VGIC_V2;

	assert_int_equal(vgic_init(&m->vgic, m->memory, vgic_size(&config), &config, &port, m), 0);
	interrupted = m->vgic;
	m->vcpus[0].cpu = NULL; /* put: whoever raises for it serves its inbox under its lock */
	v->cpu = vgic_load(m->vgic, 1);
	vgic_map_hwirq(m->vgic, 0, 40, (struct hwirq){ 40 }, 0);
	if (v2)
		for (unsigned virq = 40; virq <= 50; virq += 10)
			vgic_dist_write(v->cpu, GICD_ITARGETSR + virq, 1, 1);
	vgic_dist_write(v->cpu, GICD_CTLR, 4, 3);
	vgic_dist_write(v->cpu, GICD_ISENABLER + 4, 4, ~0u);
	vgic_dist_write(v->cpu, GICD_ISPENDR + 4, 4, 1u << 8);
	/* Both are there, whoever served the second. */
	v = &m->vcpus[0];
	v->cpu = vgic_load(m->vgic, 0);
	if (!v2)
		vgic_redist_write(v->cpu, GICR_WAKER, 4, 0);
	v->image.vmcr = VMCR_OPEN;
	vgic_exit(v->cpu, &v->image);
	vgic_enter(v->cpu, &v->image);
	assert_int_not_equal(lr_of(v, 40), -1);
	assert_int_not_equal(lr_of(v, 50), -1);
	machine_free(m);
}

static void B38_a_flood_of_bad_accesses_is_only_counted(void **state)
{
	struct machine *m = machine_of(VERSION(state), 2, 32, 4);
	struct vgic_cpu *cpu = m->vcpus[1].cpu;
	struct vgic_stats before, after;
	uint64_t value;

	vgic_stats(m->vgic, 1, &before);
	for (unsigned i = 0; i < 100000; i++) {
		assert_int_equal(vgic_dist_write(cpu, GICD_CTLR, 8, i), VGIC_DONE);
		assert_int_equal(vgic_dist_read(cpu, GICD_TYPER + 1, 4, &value), VGIC_DONE);
		assert_int_equal(vgic_redist_write(cpu, ~0u - i, 2, i), VGIC_DONE);
	}
	vgic_stats(m->vgic, 1, &after);
	assert_int_equal(after.guest_errors - before.guest_errors, 300000);
	assert_int_equal(m->kicks[0] + m->kicks[1], 0);
	assert_false(vgic_attention(m->vcpus[0].cpu) || vgic_attention(cpu));
	assert_int_equal(dist_read(m, 0, GICD_CTLR, 4) & 3, 3);
	machine_free(m);
}

/* Everything that can name a vCPU names one that has never been loaded. */
static void B40_a_vcpu_is_used_before_it_is_first_loaded(void **state)
{
	struct machine *m = machine_bare(config_of(VERSION(state), 3, 32, 4));
	struct vcpu *v = &m->vcpus[2];
	bool v2 = VERSION(state) == VGIC_V2;

	m->vcpus[0].cpu = vgic_load(m->vgic, 0);
	dist_write(m, 0, GICD_CTLR, 4, 3);
	assert_int_equal(vgic_pulse(m->vgic, 2, 20), 0);
	assert_int_equal(vgic_set_line(m->vgic, 2, 21, true), 0);
	assert_int_equal(vgic_map_hwirq(m->vgic, 2, 27, (struct hwirq){ 27 }, VGIC_HWIRQ_LEVEL), 0);
	send_sgi(m, 0, 2, 6);
	set_route(m, 0, 40, 2);
	set_edge(m, 0, 40, true);
	bit_write(m, 0, 40, GICD_IGROUPR);
	bit_write(m, 0, 40, GICD_ISENABLER);
	vgic_pulse(m->vgic, 0, 40);
	if (!v2) {
		others_write(m, 0, 2, GICR_SGI + GICD_ISENABLER, 4, 1u << 20);
		assert_int_equal(others_read(m, 0, 2, GICR_SGI + GICD_ISPENDR, 4),
				 1u << 21 | 1u << 20 | 1u << 6);
		assert_int_equal(others_read(m, 0, 2, GICR_SGI + GICD_ISACTIVER, 4), 0);
	}
	assert_false(vgic_pending(m->vgic, 2)); /* its CPU interface is off */
	assert_int_equal(dist_read(m, 0, GICD_ISPENDR + 4, 4), 1u << 8);
	v->cpu = vgic_load(m->vgic, 2);
	assert_non_null(v->cpu);
	if (!v2)
		redist_write(m, 2, GICR_WAKER, 0);
	bit_write(m, 2, 20, GICD_ISENABLER);
	bit_write(m, 2, 6, GICD_ISENABLER);
	settle(m);
	assert_int_equal(ack(v) + ack(v) + ack(v), 20 + 6 + 40);
	assert_int_equal(ack(v), SPURIOUS);
	machine_free(m);
}

/* Raised in every way, by everybody, between two looks of its vCPU: one interrupt. */
static void B47_raised_many_times_it_is_there_once(void **state)
{
	struct machine *m = machine_of(VERSION(state), 3, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	set_edge(m, 0, 40, true);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 3; i++) {
			vgic_pulse(m->vgic, 0, 40);
			vgic_pulse_here(m->vcpus[i].cpu, 0, 40);
			vgic_set_line_here(m->vcpus[i].cpu, 0, 40, true);
			vgic_set_line(m->vgic, 0, 40, false);
			assert_int_equal(
				vgic_dist_write(m->vcpus[i].cpu, GICD_ISPENDR + 4, 4, 1u << 8),
				VGIC_DONE);
		}
		settle(m);
		assert_int_equal(lrs_of(v, 40), 1);
		assert_int_equal(lrs_of(&m->vcpus[1], 40) + lrs_of(&m->vcpus[2], 40), 0);
		assert_int_equal(ack(v), 40);
		assert_int_equal(ack(v), SPURIOUS);
		eoi(m, v, 40);
		settle(m);
		assert_int_equal(ack(v), SPURIOUS);
	}
	machine_free(m);
}

static void B47_each_source_of_an_sgi_is_delivered(void **state)
{
	struct machine *m = machine_of(VERSION(state), 8, 32, 4);
	struct vcpu *v = &m->vcpus[3];
	unsigned sources = 0;

	for (unsigned round = 0; round < 2; round++) /* twice from each: it merges */
		for (unsigned from = 0; from < 8; from++)
			dist_write(m, from, GICD_SGIR, 4, 8u << 16 | 11);
	settle(m);
	for (unsigned i = 0; i < 8; i++) {
		virq_t iar = ack(v);

		assert_int_equal(iar & 0x3ff, 11);
		sources |= 1u << (iar >> 10);
		eoi(m, v, iar);
		settle(m);
	}
	assert_int_equal(sources, 0xff);
	assert_int_equal(ack(v), SPURIOUS);
	machine_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(B01_icfgr_beyond_the_interrupts_is_razwi),
		GICV2(B02_reserved_target_filter_sends_nothing),
		GICV2(B03_target_list_above_the_cpus_reaches_those_that_exist),
		GICV3(B03_sgi_to_absent_affinity_goes_nowhere),
		GICV3(B03_aff0_beyond_the_cluster_is_nobody),
		GICV2(B04_sgir_with_fewer_than_eight_cpus),
		BOTH(B05_redistributor_of_a_vcpu_that_is_not_there),
		BOTH(B06_sgi_number_has_four_bits),
		BOTH(B10_reserved_offsets_are_razwi),
		BOTH(B11_last_of_a_number_that_fills_no_word),
		GICV3(B12_intids_5119_and_1119_are_the_last),
		GICV3(B13_last_is_set_once_a_region),
		BOTH(B14_highest_target_in_the_highest_byte),
		BOTH(B15_numbers_equal_to_the_size),
		BOTH(B17_raising_what_is_in_flight_and_disabled),
		BOTH(B18_icenabler_between_acknowledge_and_end_of_a_mapped_one),
		BOTH(B19_all_list_registers_active_and_one_pending),
		BOTH(B20_end_of_a_disabled_interrupt_counts),
		BOTH(B21_level_that_fell_unacknowledged_is_sampled_again),
		BOTH(B22_asserted_while_disabled_then_enabled),
		BOTH(B22_sgi_sent_while_disabled_then_enabled),
		BOTH(B23_self_ipi_on_one_cpu),
		BOTH(B24_second_end_leaves_what_is_pending),
		GICV3(B25_halves_of_irouter_in_either_order),
		GICV3(B25_redistributor_write_changes_its_vcpu_alone),
		BOTH(B26_more_cpus_than_a_mask_and_aff1),
		BOTH(B27_isactiver0_and_icactiver0),
		BOTH(B28_byte_write_leaves_its_neighbours),
		BOTH(B30_last_word_of_each_range),
		GICV3(B31_each_interrupt_has_its_own_irouter),
		BOTH(B37_a_handler_raises_while_the_lock_is_held),
		BOTH(B38_a_flood_of_bad_accesses_is_only_counted),
		BOTH(B40_a_vcpu_is_used_before_it_is_first_loaded),
		BOTH(B47_raised_many_times_it_is_there_once),
		GICV2(B47_each_source_of_an_sgi_is_delivered),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("known_bugs", tests, NULL, NULL);
}
