/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Interrupts that the virtual GIC leaves to somebody else (vgic_divert()): what it keeps of them, what the
 * guest finds in their registers (IHI 0069 12.9, 12.11, IHI 0048 4.3: reserved is RAZ/WI), and the way
 * back; and an SDEI dispatcher behind a real vGIC.
 */
#include <carillon/sdei.h>

#include "fixture.h"

#define GICD_SETSPI_NSR 0x40
#define GICD_CLRSPI_NSR 0x48
#define PPI             25u
#define SPI             40u
#define EPPI            1060u
#define ESPI            4100u

/* What port->diverted was told. */
static struct {
	unsigned calls, vcpu;
	virq_t virq;
	struct sdei *sdei; /* tell it, too */
} told;

static void fake_diverted(void *host, unsigned vcpu, virq_t virq)
{
	(void)host;
	told.calls++;
	told.vcpu = vcpu;
	told.virq = virq;
	if (told.sdei)
		sdei_interrupt(told.sdei, vcpu, virq);
}

/* As machine_with(), but with that hook. */
static struct machine *diverting(enum vgic_version version, unsigned vcpus)
{
	static const struct vgic_port port = {
		.kick = fake_kick,
		.hwirq_set_active = fake_set_active,
		.hwirq_clear_pending = fake_clear_pending,
		.hwirq_line = fake_line,
		.hwirq_route = fake_route,
		.ended = fake_ended,
		.diverted = fake_diverted,
	};
	struct vgic_config config = config_of(version, vcpus, 64, 4);
	struct machine *m;

	if (version == VGIC_V3) {
		config.eppis = 32;
		config.espis = 32;
	}
	memset(&told, 0, sizeof(told));
	m = machine_bare(config);
	assert_int_equal(vgic_init(&m->vgic, m->memory, vgic_size(&config), &config, &port, m), 0);
	for (unsigned i = 0; i < vcpus; i++) {
		m->vcpus[i].cpu = vgic_load(m->vgic, i);
		assert_non_null(m->vcpus[i].cpu);
		if (version == VGIC_V3)
			redist_write(m, i, GICR_WAKER, 0);
		for (virq_t virq = 0; virq < 32; virq++)
			init_irq(m, i, virq);
		for (virq_t virq = 1056; virq < 1056u + config.eppis; virq++)
			init_irq(m, i, virq);
	}
	for (virq_t virq = 32; virq < 96; virq++)
		init_irq(m, 0, virq);
	for (virq_t virq = 4096; virq < 4096u + config.espis; virq++)
		init_irq(m, 0, virq);
	dist_write(m, 0, GICD_CTLR, 4, 3);
	settle(m);
	memset(m->kicks, 0, sizeof(m->kicks));
	return m;
}

static int divert(struct machine *m, unsigned by, unsigned vcpu, virq_t virq)
{
	unsigned turns = 0;
	int result;

	while ((result = vgic_divert(m->vcpus[by].cpu, vcpu, virq)) == VGIC_AGAIN)
		wait_turn(m, &m->vcpus[by], &turns);
	enter(&m->vcpus[by]);
	return result;
}

static struct vgic_irq_info info_of(struct machine *m, unsigned vcpu, virq_t virq)
{
	struct vgic_irq_info info;

	assert_int_equal(vgic_irq_info(m->vgic, vcpu, virq, &info), 0);
	return info;
}

/* --- Which, and when. ------------------------------------------------------------------------------ */

static void there_are_ppis_and_spis_to_divert(void **state)
{
	static const virq_t v3[] = { EPPI, 1056, 1087, ESPI, 4096, 4127 };
	static const virq_t none[] = { 0,    15,   96,   1019, 1020, 1023, 1024,
				       1055, 1120, 4095, 4128, 5120, 8192, ~0u };
	struct machine *m = diverting(VERSION(state), 2);

	assert_true(vgic_divertible(m->vgic, 1, 16));
	assert_true(vgic_divertible(m->vgic, 1, 31));
	assert_true(vgic_divertible(m->vgic, 1, 32));
	assert_true(vgic_divertible(m->vgic, 1, 95));
	assert_false(vgic_divertible(m->vgic, 2, PPI));
	assert_false(vgic_divertible(m->vgic, ~0u, PPI));
	assert_int_equal(divert(m, 0, 2, PPI), -VIRQ_ERR_RANGE);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(vgic_divertible(m->vgic, 1, v3[i]), VERSION(state) == VGIC_V3);
	for (unsigned i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		assert_false(vgic_divertible(m->vgic, 0, none[i]));
		assert_int_equal(divert(m, 0, 0, none[i]), -VIRQ_ERR_RANGE);
		assert_int_equal(vgic_divert_again(m->vgic, 0, none[i]), -VIRQ_ERR_RANGE);
		/* And these do nothing. */
		vgic_undivert(m->vgic, 0, none[i]);
		vgic_diverted_take(m->vgic, 0, none[i]);
		assert_false(vgic_diverted_pending(m->vgic, 0, none[i]));
		assert_false(vgic_diverted_end(m->vgic, 0, none[i]));
		assert_false(vgic_diverted_clear(m->vgic, 0, none[i]));
		vgic_diverted_route(m->vgic, 0, none[i]);
	}
	machine_free(m);
}

static void what_is_not_diverted_is_left_alone(void **state)
{
	struct machine *m = diverting(VERSION(state), 1);

	bit_write(m, 0, SPI, GICD_ICENABLER);
	vgic_pulse(m->vgic, 0, SPI);
	assert_int_equal(told.calls, 0);
	assert_false(vgic_diverted_pending(m->vgic, 0, SPI));
	vgic_diverted_take(m->vgic, 0, SPI);
	assert_false(vgic_diverted_clear(m->vgic, 0, SPI));
	assert_false(vgic_diverted_end(m->vgic, 0, SPI));
	vgic_undivert(m->vgic, 0, SPI);
	assert_true(bit_read(m, 0, SPI, GICD_ISPENDR));
	machine_free(m);
}

/* Pending or active in any way: -VIRQ_ERR_BUSY, and it is delivered as before. */
static void what_is_pending_or_active_stays_the_guests(void **state)
{
	static const virq_t virqs[] = { PPI, SPI };

	for (unsigned i = 0; i < 2; i++) {
		struct machine *m = diverting(VERSION(state), 2);
		struct vcpu *v = &m->vcpus[0];
		virq_t virq = virqs[i];

		/* Pending, disabled. */
		bit_write(m, 0, virq, GICD_ICENABLER);
		bit_write(m, 0, virq, GICD_ISPENDR);
		assert_int_equal(divert(m, 0, 0, virq), -VIRQ_ERR_BUSY);
		bit_write(m, 0, virq, GICD_ICPENDR);
		/* Active, in no list register. */
		bit_write(m, 0, virq, GICD_ISACTIVER);
		assert_int_equal(divert(m, 0, 0, virq), -VIRQ_ERR_BUSY);
		bit_write(m, 0, virq, GICD_ICACTIVER);
		/* A level, whose line is high. */
		set_edge(m, 0, virq, false);
		vgic_set_line(m->vgic, 0, virq, true);
		assert_int_equal(divert(m, 0, 0, virq), -VIRQ_ERR_BUSY);
		vgic_set_line(m->vgic, 0, virq, false);
		/* Pending in a list register, active there, both. */
		set_edge(m, 0, virq, true);
		bit_write(m, 0, virq, GICD_ISENABLER);
		vgic_pulse(m->vgic, 0, virq);
		settle(m);
		assert_true(lr_of(v, virq) >= 0);
		assert_int_equal(divert(m, 0, 0, virq), -VIRQ_ERR_BUSY);
		assert_int_equal(ack(v), virq);
		assert_int_equal(divert(m, 0, 0, virq), -VIRQ_ERR_BUSY);
		vgic_pulse(m->vgic, 0, virq);
		settle(m);
		assert_int_equal(divert(m, 0, 0, virq), -VIRQ_ERR_BUSY);
		eoi(m, v, virq);
		settle(m);
		assert_int_equal(divert(m, 0, 0, virq), -VIRQ_ERR_BUSY);
		assert_int_equal(ack(v), virq);
		eoi(m, v, virq);
		/* Ended, and perhaps not known to be so yet. */
		assert_int_equal(divert(m, 0, 0, virq), 0);
		assert_int_equal(divert(m, 0, 0, virq), 0);
		assert_int_equal(told.calls, 0);
		machine_free(m);
	}
}

/* In a list register of a vCPU that is loaded elsewhere: it is asked. */
static void another_vcpus_list_register_is_asked(void **state)
{
	struct machine *m = diverting(VERSION(state), 2);
	struct vcpu *v = &m->vcpus[1];

	set_route(m, 0, SPI, 1);
	vgic_pulse(m->vgic, 0, SPI);
	settle(m);
	assert_true(lr_of(v, SPI) >= 0);
	assert_int_equal(divert(m, 0, 0, SPI), -VIRQ_ERR_BUSY);
	assert_int_equal(ack(v), SPI);
	assert_int_equal(divert(m, 0, 0, SPI), -VIRQ_ERR_BUSY);
	eoi(m, v, SPI);
	assert_int_equal(vgic_divert(m->vcpus[0].cpu, 0, SPI), VGIC_AGAIN);
	assert_int_equal(divert(m, 0, 0, SPI), 0);
	assert_true(info_of(m, 0, SPI).diverted);
	machine_free(m);
}

/* --- The guest's registers. --------------------------------------------------------------------------- */

static const struct {
	uint32_t reg;
	unsigned bits;
} registers[] = { { GICD_IGROUPR, 1 },   { GICD_ISENABLER, 1 },  { GICD_ICENABLER, 1 },
		  { GICD_ISPENDR, 1 },   { GICD_ICPENDR, 1 },    { GICD_ISACTIVER, 1 },
		  { GICD_ICACTIVER, 1 }, { GICD_IPRIORITYR, 8 }, { GICD_ICFGR, 2 } };

#define REGISTERS (sizeof(registers) / sizeof(registers[0]))

static uint64_t field(struct machine *m, unsigned by, virq_t virq, unsigned r)
{
	unsigned bits = registers[r].bits;
	uint64_t value = reg_read(m, by, virq, registers[r].reg, bits);

	return bits == 8 ? value : value >> virq % (32 / bits) * bits & ((1u << bits) - 1);
}

/* Reading, its fields are 0; writing, nothing happens; whatever is written beside them. */
static void their_fields_are_razwi(void **state)
{
	static const virq_t virqs[] = { PPI, SPI, EPPI, ESPI };

	for (unsigned i = 0; i < (VERSION(state) == VGIC_V3 ? 4 : 2); i++) {
		struct machine *m = diverting(VERSION(state), 2);
		virq_t virq = virqs[i];
		unsigned beside = virq + 1;
		struct vgic_irq_info before, after;

		set_edge(m, 0, virq, true);
		set_priority(m, 0, virq, 0x48);
		set_priority(m, 0, beside, 0x50);
		set_edge(m, 0, beside, false);
		before = info_of(m, 0, virq);
		assert_int_equal(before.priority, 0x48);
		assert_int_equal(before.group, 1);
		assert_true(before.enabled);
		assert_int_equal(divert(m, 0, 0, virq), 0);
		for (unsigned r = 0; r < REGISTERS; r++)
			assert_int_equal(field(m, 0, virq, r), 0);
		assert_int_equal(field(m, 0, beside, 0), 1);
		assert_int_equal(field(m, 0, beside, 1), 1);
		assert_int_equal(field(m, 0, beside, 7), 0x50);
		/* All ones, all zeros: what is beside it has them. */
		reg_write(m, 0, beside, GICD_IGROUPR, 1, 0);
		assert_int_equal(field(m, 0, beside, 0), 0);
		reg_write(m, 0, beside, GICD_IGROUPR, 1, ~0u);
		assert_int_equal(field(m, 0, beside, 0), 1);
		reg_write(m, 0, beside, GICD_ICFGR, 2, ~0u);
		assert_int_equal(field(m, 0, beside, 8), 2);
		reg_write(m, 0, beside, GICD_ICFGR, 2, 0);
		assert_int_equal(field(m, 0, beside, 8), 0);
		reg_write(m, 0, virq, GICD_IPRIORITYR, 8, 0xf8);
		reg_write(m, 0, virq, GICD_ICENABLER, 1, ~0u);
		assert_int_equal(field(m, 0, beside, 1), 0);
		for (unsigned r = 1; r < 7; r++)
			if (registers[r].reg != GICD_ICENABLER)
				reg_write(m, 0, virq, registers[r].reg, 1, 1u << virq % 32);
		for (unsigned r = 0; r < REGISTERS; r++)
			assert_int_equal(field(m, 0, virq, r), 0);
		assert_int_equal(told.calls, 0);
		after = info_of(m, 0, virq);
		assert_true(after.diverted);
		assert_false(after.enabled);
		assert_false(after.pending);
		assert_false(after.active);
		/* Given back: as it was, but disabled. */
		vgic_undivert(m->vgic, 0, virq);
		after = info_of(m, 0, virq);
		assert_false(after.diverted);
		assert_false(after.enabled);
		assert_int_equal(after.priority, before.priority);
		assert_int_equal(after.group, before.group);
		assert_int_equal(after.level, before.level);
		assert_int_equal(after.route, before.route);
		assert_int_equal(after.target, before.target);
		assert_int_equal(field(m, 0, virq, 7), 0x48);
		assert_int_equal(field(m, 0, virq, 8), 2);
		assert_int_equal(field(m, 0, virq, 0), 1);
		/* It works again. */
		bit_write(m, 0, virq, GICD_ISENABLER);
		vgic_pulse(m->vgic, 0, virq);
		settle(m);
		assert_int_equal(told.calls, 0);
		assert_int_equal(ack(&m->vcpus[0]), virq);
		machine_free(m);
	}
}

/* A 4-byte access to priorities has four of them. */
static void priorities_beside_it_are_written(void **state)
{
	struct machine *m = diverting(VERSION(state), 1);
	uint32_t offset = GICD_IPRIORITYR + SPI;

	set_priority(m, 0, SPI + 2, 0x40);
	assert_int_equal(divert(m, 0, 0, SPI + 2), 0);
	dist_write(m, 0, offset, 4, 0x10182028);
	assert_int_equal(dist_read(m, 0, offset, 4), 0x10002028);
	vgic_undivert(m->vgic, 0, SPI + 2);
	assert_int_equal(dist_read(m, 0, offset, 4), 0x10402028);
	machine_free(m);
}

static void targets_are_razwi(void **state)
{
	struct machine *m = diverting(VERSION(state), 3);
	uint32_t offset = GICD_ITARGETSR + SPI;

	dist_write(m, 0, offset, 4, 0x04020201);
	assert_int_equal(divert(m, 0, 0, SPI + 1), 0);
	assert_int_equal(dist_read(m, 0, offset, 4), 0x04020001);
	assert_int_equal(dist_read(m, 0, offset + 1, 1), 0);
	dist_write(m, 0, offset, 4, 0x01010404);
	dist_write(m, 0, offset + 1, 1, 7);
	assert_int_equal(dist_read(m, 0, offset, 4), 0x01010004);
	vgic_undivert(m->vgic, 0, SPI + 1);
	assert_int_equal(dist_read(m, 0, offset, 4), 0x01010204);
	/* A PPI's reads as this CPU. */
	assert_int_equal(divert(m, 1, 1, PPI), 0);
	assert_int_equal(dist_read(m, 1, GICD_ITARGETSR + 24, 4), 0x02020002);
	assert_int_equal(dist_read(m, 0, GICD_ITARGETSR + 24, 4), 0x01010101);
	machine_free(m);
}

static void routes_are_razwi(void **state)
{
	static const virq_t virqs[] = { SPI, ESPI };

	for (unsigned i = 0; i < 2; i++) {
		struct machine *m = diverting(VERSION(state), 3);
		uint32_t offset = virqs[i] < 4096 ? GICD_IROUTER + 8 * virqs[i]
						  : GICD_IROUTERE + 8 * (virqs[i] - 4096);
		uint64_t route = vgic_mpidr(m->vgic, 2) & 0xff00ffffff;

		set_route(m, 0, virqs[i], 2);
		assert_int_equal(dist_read(m, 0, offset, 8), route);
		assert_int_equal(divert(m, 0, 0, virqs[i]), 0);
		assert_int_equal(dist_read(m, 0, offset, 8), 0);
		assert_int_equal(dist_read(m, 0, offset, 4), 0);
		set_route(m, 0, virqs[i], 1);
		dist_write(m, 0, offset, 4, 1);
		dist_write(m, 0, offset + 4, 4, 0);
		dist_write(m, 0, offset, 8, 1ull << 31);
		set_route(m, 0, virqs[i] + 1, 1);
		assert_int_equal(dist_read(m, 0, offset + 8, 8),
				 vgic_mpidr(m->vgic, 1) & 0xff00ffffff);
		vgic_undivert(m->vgic, 0, virqs[i]);
		assert_int_equal(dist_read(m, 0, offset, 8), route);
		machine_free(m);
	}
}

static void messages_to_it_are_ignored(void **state)
{
	struct machine *m = diverting(VERSION(state), 1);

	set_edge(m, 0, SPI, true);
	set_edge(m, 0, SPI + 1, true);
	assert_int_equal(divert(m, 0, 0, SPI), 0);
	dist_write(m, 0, GICD_SETSPI_NSR, 4, SPI);
	assert_int_equal(told.calls, 0);
	assert_false(vgic_diverted_pending(m->vgic, 0, SPI));
	vgic_pulse(m->vgic, 0, SPI);
	dist_write(m, 0, GICD_CLRSPI_NSR, 4, SPI);
	assert_true(vgic_diverted_pending(m->vgic, 0, SPI));
	dist_write(m, 0, GICD_SETSPI_NSR, 4, SPI + 1);
	settle(m);
	assert_int_equal(ack(&m->vcpus[0]), SPI + 1);
	machine_free(m);
}

/* Each vCPU has its own PPI; SGIs, whose words have that bit for something else, are not concerned. */
static void a_ppi_of_one_vcpu_alone(void **state)
{
	struct machine *m = diverting(VERSION(state), 8);

	assert_int_equal(divert(m, 1, 1, PPI), 0);
	assert_false(bit_read(m, 1, PPI, GICD_ISENABLER));
	assert_true(bit_read(m, 0, PPI, GICD_ISENABLER));
	vgic_pulse(m->vgic, 0, PPI);
	assert_int_equal(told.calls, 0);
	vgic_pulse(m->vgic, 1, PPI);
	assert_int_equal(told.calls, 1);
	assert_int_equal(told.vcpu, 1);
	assert_int_equal(told.virq, PPI);
	settle(m);
	assert_int_equal(ack(&m->vcpus[0]), PPI);
	assert_int_equal(ack(&m->vcpus[1]), SPURIOUS);
	for (unsigned from = 0; from < 8; from++) {
		send_sgi(m, from, 1, 3);
		assert_true(bit_read(m, 1, 3, GICD_ISENABLER));
		assert_true(bit_read(m, 1, 3, GICD_IGROUPR));
		assert_int_equal(reg_read(m, 1, 3, GICD_IPRIORITYR, 8), 0xa0);
		settle(m);
		assert_int_equal(ack(&m->vcpus[1]),
				 3 | (VERSION(state) == VGIC_V2 ? from << 10 : 0));
		eoi(m, &m->vcpus[1], 3 | (VERSION(state) == VGIC_V2 ? from << 10 : 0));
		settle(m);
	}
	machine_free(m);
}

/* Through another vCPU's frame, too. GICv2 has no such thing. */
static void another_vcpu_finds_nothing_in_its_redistributor(void **state)
{
	struct machine *m = diverting(VERSION(state), 2);
	uint32_t offset = VGIC_REDIST_STRIDE + GICR_SGI + GICD_ISENABLER;
	uint64_t value;

	assert_int_equal(divert(m, 0, 1, PPI), 0);
	assert_int_equal(vgic_redist_read(m->vcpus[0].cpu, offset, 4, &value), VGIC_DONE);
	assert_int_equal(value, ~0u & ~(1u << PPI));
	assert_int_equal(vgic_redist_write(m->vcpus[0].cpu, offset, 4, ~0u), VGIC_DONE);
	assert_false(info_of(m, 1, PPI).enabled);
	assert_true(info_of(m, 0, PPI).enabled);
	machine_free(m);
}

/* --- Latch and line. ------------------------------------------------------------------------------------- */

static void an_edge_is_latched_and_told(void **state)
{
	static const virq_t virqs[] = { PPI, SPI, EPPI, ESPI };

	for (unsigned i = 0; i < (VERSION(state) == VGIC_V3 ? 4 : 2); i++) {
		struct machine *m = diverting(VERSION(state), 2);
		virq_t virq = virqs[i];
		unsigned owner = i % 2 ? 0 : 1;

		set_edge(m, owner, virq, true);
		assert_int_equal(divert(m, owner, owner, virq), 0);
		memset(m->kicks, 0, sizeof(m->kicks));
		vgic_set_line(m->vgic, owner, virq, true);
		assert_int_equal(told.calls, 1);
		assert_int_equal(told.virq, virq);
		assert_int_equal(told.vcpu, owner);
		assert_true(vgic_diverted_pending(m->vgic, owner, virq));
		assert_false(bit_read(m, owner, virq, GICD_ISPENDR));
		settle(m);
		assert_int_equal(lr_of(&m->vcpus[owner], virq), -1);
		assert_int_equal(m->kicks[owner], 0);
		vgic_diverted_take(m->vgic, owner, virq);
		assert_false(vgic_diverted_pending(m->vgic, owner, virq));
		vgic_set_line(m->vgic, owner, virq, false);
		assert_false(vgic_diverted_pending(m->vgic, owner, virq));
		assert_false(vgic_diverted_end(m->vgic, owner, virq));
		/* Another one before it ends. */
		vgic_pulse_here(m->vcpus[owner].cpu, owner, virq);
		assert_int_equal(told.calls, 2);
		vgic_diverted_take(m->vgic, owner, virq);
		vgic_pulse(m->vgic, owner, virq);
		assert_true(vgic_diverted_end(m->vgic, owner, virq));
		assert_false(vgic_diverted_clear(m->vgic, owner, virq));
		assert_false(vgic_diverted_pending(m->vgic, owner, virq));
		machine_free(m);
	}
}

static void a_level_is_its_line(void **state)
{
	static const virq_t virqs[] = { PPI, SPI };

	for (unsigned i = 0; i < 2; i++) {
		struct machine *m = diverting(VERSION(state), 1);
		virq_t virq = virqs[i];

		set_edge(m, 0, virq, false);
		assert_int_equal(divert(m, 0, 0, virq), 0);
		vgic_set_line_here(m->vcpus[0].cpu, 0, virq, true);
		assert_int_equal(told.calls, 1);
		assert_true(vgic_diverted_pending(m->vgic, 0, virq));
		vgic_diverted_take(m->vgic, 0, virq);
		assert_true(vgic_diverted_pending(m->vgic, 0, virq));
		assert_true(vgic_diverted_clear(m->vgic, 0, virq));
		assert_true(vgic_diverted_end(m->vgic, 0, virq));
		vgic_set_line(m->vgic, 0, virq, false);
		assert_false(vgic_diverted_pending(m->vgic, 0, virq));
		assert_false(vgic_diverted_end(m->vgic, 0, virq));
		machine_free(m);
	}
}

/* Given back while it is pending: the guest gets it once it enables it. */
static void what_is_pending_at_its_return_stays_so(void **state)
{
	for (unsigned edge = 0; edge < 2; edge++) {
		struct machine *m = diverting(VERSION(state), 1);

		set_edge(m, 0, SPI, edge);
		assert_int_equal(divert(m, 0, 0, SPI), 0);
		vgic_set_line(m->vgic, 0, SPI, true);
		vgic_undivert(m->vgic, 0, SPI);
		assert_true(bit_read(m, 0, SPI, GICD_ISPENDR));
		settle(m);
		assert_int_equal(ack(&m->vcpus[0]), SPURIOUS);
		bit_write(m, 0, SPI, GICD_ISENABLER);
		settle(m);
		assert_int_equal(ack(&m->vcpus[0]), SPI);
		machine_free(m);
	}
}

/* --- Mapped. ------------------------------------------------------------------------------------------------ */

/* The physical one is active from its arrival to the end. */
static void a_mapped_edge_may_fire_again_after_its_end(void **state)
{
	struct machine *m = diverting(VERSION(state), 1);

	assert_int_equal(vgic_map_hwirq(m->vgic, 0, SPI, (struct hwirq){ 77 }, 0), 0);
	set_edge(m, 0, SPI, true);
	assert_int_equal(divert(m, 0, 0, SPI), 0);
	for (unsigned i = 0; i < 2; i++) {
		m->phys_active[77] = true;
		vgic_pulse(m->vgic, 0, SPI);
		assert_int_equal(told.calls, i + 1);
		assert_true(vgic_diverted_pending(m->vgic, 0, SPI));
		vgic_diverted_take(m->vgic, 0, SPI);
		assert_true(m->phys_active[77]);
		assert_false(vgic_diverted_end(m->vgic, 0, SPI));
		assert_false(m->phys_active[77]);
	}
	/* One that is forgotten may fire again, too. */
	m->phys_active[77] = true;
	vgic_pulse(m->vgic, 0, SPI);
	assert_false(vgic_diverted_clear(m->vgic, 0, SPI));
	assert_false(m->phys_active[77]);
	machine_free(m);
}

static void a_mapped_level_is_sampled(void **state)
{
	struct machine *m = diverting(VERSION(state), 1);

	assert_int_equal(vgic_map_hwirq(m->vgic, 0, PPI, (struct hwirq){ 27 }, VGIC_HWIRQ_LEVEL),
			 0);
	set_edge(m, 0, PPI, false);
	assert_int_equal(divert(m, 0, 0, PPI), 0);
	m->phys_active[27] = m->phys_line[27] = true;
	vgic_set_line(m->vgic, 0, PPI, true);
	assert_int_equal(told.calls, 1);
	assert_true(vgic_diverted_pending(m->vgic, 0, PPI));
	vgic_diverted_take(m->vgic, 0, PPI);
	/* Still high at its end: pending again, and not to fire. */
	assert_true(vgic_diverted_end(m->vgic, 0, PPI));
	assert_true(m->phys_active[27]);
	assert_true(vgic_diverted_clear(m->vgic, 0, PPI));
	assert_true(m->phys_active[27]);
	/* Low at its end: not pending, and may fire. */
	vgic_diverted_take(m->vgic, 0, PPI);
	m->phys_line[27] = false;
	assert_false(vgic_diverted_end(m->vgic, 0, PPI));
	assert_false(m->phys_active[27]);
	/* Low before anybody looked. */
	m->phys_active[27] = m->phys_line[27] = true;
	vgic_set_line(m->vgic, 0, PPI, true);
	m->phys_line[27] = false;
	assert_false(vgic_diverted_pending(m->vgic, 0, PPI));
	assert_false(m->phys_active[27]);
	machine_free(m);
}

/* Given back while it waits: the guest's end of it is the physical one's. */
static void a_mapped_one_is_given_back_with_its_physical_state(void **state)
{
	for (unsigned pending = 0; pending < 2; pending++) {
		struct machine *m = diverting(VERSION(state), 1);
		struct vcpu *v = &m->vcpus[0];

		assert_int_equal(vgic_map_hwirq(m->vgic, 0, SPI, (struct hwirq){ 77 }, 0), 0);
		set_edge(m, 0, SPI, true);
		assert_int_equal(divert(m, 0, 0, SPI), 0);
		m->phys_active[77] = true;
		if (pending)
			vgic_pulse(m->vgic, 0, SPI);
		vgic_undivert(m->vgic, 0, SPI);
		settle(m);
		assert_int_equal(m->phys_active[77], pending);
		m->phys_active[77] = true;
		if (!pending)
			vgic_pulse(m->vgic, 0, SPI);
		bit_write(m, 0, SPI, GICD_ISENABLER);
		settle(m);
		assert_int_equal(ack(v), SPI);
		eoi(m, v, SPI);
		assert_false(m->phys_active[77]);
		machine_free(m);
	}
}

static void a_mapped_spi_follows_its_event_and_returns_to_its_route(void **state)
{
	struct machine *m = diverting(VERSION(state), 4);

	assert_int_equal(vgic_map_hwirq(m->vgic, 0, SPI, (struct hwirq){ 77 }, 0), 0);
	set_route(m, 0, SPI, 1);
	assert_int_equal(m->routed_to, 1);
	assert_int_equal(divert(m, 0, 0, SPI), 0);
	vgic_diverted_route(m->vgic, 3, SPI);
	assert_int_equal(m->routed_to, 3);
	vgic_undivert(m->vgic, 0, SPI);
	assert_int_equal(m->routed_to, 1);
	machine_free(m);
}

static void the_guests_route_of_a_diverted_mapped_spi_is_ignored(void **state)
{
	struct machine *m = diverting(VERSION(state), 4);

	assert_int_equal(vgic_map_hwirq(m->vgic, 0, SPI, (struct hwirq){ 77 }, 0), 0);
	assert_int_equal(divert(m, 0, 0, SPI), 0);
	vgic_diverted_route(m->vgic, 3, SPI);
	set_route(m, 0, SPI, 2);
	assert_int_equal(m->routed_to, 3);
	machine_free(m);
}

/* --- The VM as a whole. ---------------------------------------------------------------------------------------- */

static void all_put(struct machine *m)
{
	for (unsigned i = 0; i < 16; i++)
		if (m->vcpus[i].cpu) {
			vgic_exit(m->vcpus[i].cpu, &m->vcpus[i].image);
			vgic_put(m->vcpus[i].cpu, &m->vcpus[i].image);
			m->vcpus[i].cpu = NULL;
		}
}

static void all_load(struct machine *m)
{
	for (unsigned i = 0; i < m->config.vcpus; i++) {
		m->vcpus[i].cpu = vgic_load(m->vgic, i);
		assert_non_null(m->vcpus[i].cpu);
		vgic_enter(m->vcpus[i].cpu, &m->vcpus[i].image);
	}
}

static void reset_diverts_nothing(void **state)
{
	struct machine *m = diverting(VERSION(state), 2);

	assert_int_equal(divert(m, 0, 0, SPI), 0);
	assert_int_equal(divert(m, 1, 1, PPI), 0);
	all_put(m);
	assert_int_equal(vgic_reset(m->vgic), 0);
	assert_false(info_of(m, 0, SPI).diverted);
	assert_false(info_of(m, 1, PPI).diverted);
	all_load(m);
	set_priority(m, 0, SPI, 0x48);
	assert_int_equal(reg_read(m, 0, SPI, GICD_IPRIORITYR, 8), 0x48);
	vgic_pulse(m->vgic, 0, SPI);
	assert_int_equal(told.calls, 0);
	machine_free(m);
}

/* Saved with its latch, its line, its configuration; diverted again by who does that. */
static void a_restored_one_is_diverted_again(void **state)
{
	struct machine *m = diverting(VERSION(state), 2), *to;
	size_t size = vgic_save_size(m->vgic);
	uint8_t *image = malloc(size);
	long bytes;

	assert_non_null(image);
	set_edge(m, 0, SPI, true);
	set_priority(m, 0, SPI, 0x48);
	set_edge(m, 1, PPI, false);
	assert_int_equal(divert(m, 0, 0, SPI), 0);
	assert_int_equal(divert(m, 1, 1, PPI), 0);
	vgic_pulse(m->vgic, 0, SPI);
	vgic_set_line(m->vgic, 1, PPI, true);
	all_put(m);
	bytes = vgic_save(m->vgic, image, size);
	assert_true(bytes > 0);
	to = diverting(VERSION(state), 2);
	assert_int_equal(divert(to, 0, 0, SPI + 1), 0);
	all_put(to);
	assert_int_equal(vgic_restore(to->vgic, image, (size_t)bytes, NULL), 0);
	assert_false(info_of(to, 0, SPI + 1).diverted);
	assert_false(info_of(to, 0, SPI).diverted);
	assert_int_equal(vgic_divert_again(to->vgic, 0, SPI), 0);
	assert_int_equal(vgic_divert_again(to->vgic, 0, SPI), 0);
	assert_int_equal(vgic_divert_again(to->vgic, 1, PPI), 0);
	vgic_set_line(to->vgic, 1, PPI, true); /* lines are told again after restore */
	all_load(to);
	assert_true(vgic_diverted_pending(to->vgic, 0, SPI));
	assert_true(vgic_diverted_pending(to->vgic, 1, PPI));
	assert_int_equal(reg_read(to, 0, SPI, GICD_IPRIORITYR, 8), 0);
	vgic_undivert(to->vgic, 0, SPI);
	assert_int_equal(reg_read(to, 0, SPI, GICD_IPRIORITYR, 8), 0x48);
	assert_true(bit_read(to, 0, SPI, GICD_ISPENDR));
	/* One more is still diverted: the others' registers say so. */
	assert_false(bit_read(to, 1, PPI, GICD_IGROUPR));
	vgic_undivert(to->vgic, 1, PPI);
	assert_true(bit_read(to, 1, PPI, GICD_IGROUPR));
	free(image);
	machine_free(m);
	machine_free(to);
}

/* --- With an SDEI dispatcher. ------------------------------------------------------------------------------------- */

static int mpidr_to_vcpu(void *host, uint64_t mpidr)
{
	return vgic_vcpu_of_mpidr(((struct machine *)host)->vgic, mpidr);
}

static uint64_t vcpu_to_mpidr(void *host, unsigned vcpu)
{
	return vgic_mpidr(((struct machine *)host)->vgic, vcpu);
}

static bool irq_valid(void *host, unsigned vcpu, virq_t virq)
{
	return vgic_divertible(((struct machine *)host)->vgic, vcpu, virq);
}

static int irq_divert(void *host, unsigned vcpu, virq_t virq, bool again)
{
	struct machine *m = host;
	int result = again ? vgic_divert_again(m->vgic, vcpu, virq)
			   : vgic_divert(m->vcpus[vcpu].cpu, vcpu, virq);

	if (result == VGIC_AGAIN)
		return SDEI_RETRY;
	return result ? SDEI_DENIED : 0;
}

static void irq_return(void *host, unsigned vcpu, virq_t virq)
{
	vgic_undivert(((struct machine *)host)->vgic, vcpu, virq);
}

static bool irq_pending(void *host, unsigned vcpu, virq_t virq)
{
	return vgic_diverted_pending(((struct machine *)host)->vgic, vcpu, virq);
}

static void irq_take(void *host, unsigned vcpu, virq_t virq)
{
	vgic_diverted_take(((struct machine *)host)->vgic, vcpu, virq);
}

static bool irq_end(void *host, unsigned vcpu, virq_t virq)
{
	return vgic_diverted_end(((struct machine *)host)->vgic, vcpu, virq);
}

static bool irq_clear(void *host, unsigned vcpu, virq_t virq)
{
	return vgic_diverted_clear(((struct machine *)host)->vgic, vcpu, virq);
}

static void irq_route(void *host, unsigned vcpu, virq_t virq)
{
	vgic_diverted_route(((struct machine *)host)->vgic, vcpu, virq);
}

static struct sdei *dispatcher(struct machine *m, void **memory)
{
	static const struct sdei_port port = {
		.kick = fake_kick,
		.vcpu_of_mpidr = mpidr_to_vcpu,
		.mpidr = vcpu_to_mpidr,
		.irq_valid = irq_valid,
		.irq_divert = irq_divert,
		.irq_return = irq_return,
		.irq_pending = irq_pending,
		.irq_take = irq_take,
		.irq_end = irq_end,
		.irq_clear = irq_clear,
		.irq_route = irq_route,
	};
	const struct sdei_config config = { .vcpus = m->config.vcpus,
					    .private_slots = 2,
					    .shared_slots = 2 };
	size_t size = (sdei_size(&config) + 63) & ~(size_t)63;
	struct sdei *sdei;

	*memory = aligned_alloc(64, size);
	assert_int_equal(sdei_init(&sdei, *memory, size, &config, &port, m), 0);
	told.sdei = sdei;
	return sdei;
}

/* A call, with the protocol of SDEI_AGAIN. */
static int64_t sdei(struct machine *m, unsigned vcpu, unsigned function, uint64_t x1)
{
	uint64_t x[31] = { SDEI_CALL_FIRST + function, x1, 0x8000 };
	struct sdei_frame frame = { .x = x };
	unsigned turns = 0;

	while (sdei_call(told.sdei, vcpu, &frame) == SDEI_AGAIN) {
		assert_int_equal(x[0], SDEI_CALL_FIRST + function);
		wait_turn(m, &m->vcpus[vcpu], &turns);
	}
	enter(&m->vcpus[vcpu]);
	return (int64_t)x[0];
}

static int64_t handler(unsigned vcpu)
{
	uint64_t x[31] = { 0 };
	struct sdei_frame frame = { .x = x };

	if (!sdei_pending(told.sdei, vcpu) || !sdei_enter(told.sdei, vcpu, &frame))
		return -1;
	assert_int_equal(frame.pc, 0x8000);
	return (int64_t)x[0];
}

static void sdei_takes_a_mapped_level_and_gives_it_back(void **state)
{
	struct machine *m = diverting(VERSION(state), 2);
	struct vcpu *v = &m->vcpus[1];
	void *memory;
	int64_t event;

	dispatcher(m, &memory);
	assert_int_equal(vgic_map_hwirq(m->vgic, 0, SPI, (struct hwirq){ 77 }, VGIC_HWIRQ_LEVEL),
			 0);
	set_edge(m, 0, SPI, false);
	set_route(m, 0, SPI, 1);
	/* The guest has it, and ends it; vCPU 0 binds it, though vCPU 1's list register was not read. */
	m->phys_active[77] = m->phys_line[77] = true;
	vgic_set_line(m->vgic, 0, SPI, true);
	settle(m);
	assert_int_equal(sdei(m, 0, SDEI_INTERRUPT_BIND, SPI), SDEI_DENIED);
	assert_int_equal(ack(v), SPI);
	assert_int_equal(sdei(m, 0, SDEI_INTERRUPT_BIND, SPI), SDEI_DENIED);
	m->phys_line[77] = false;
	eoi(m, v, SPI);
	event = sdei(m, 0, SDEI_INTERRUPT_BIND, SPI);
	assert_int_equal(event, SDEI_BOUND_SHARED);
	assert_int_equal(reg_read(m, 0, SPI, GICD_IPRIORITYR, 8), 0);
	assert_int_equal(sdei(m, 0, SDEI_EVENT_REGISTER, (uint64_t)event), 0);
	assert_int_equal(sdei(m, 0, SDEI_EVENT_ENABLE, (uint64_t)event), 0);
	assert_int_equal(sdei(m, 0, SDEI_PE_UNMASK, 0), 0);
	/* It fires; twice, since its line stays high; and no more. */
	m->phys_active[77] = m->phys_line[77] = true;
	vgic_set_line(m->vgic, 0, SPI, true);
	assert_int_equal(handler(1), -1);
	assert_int_equal(handler(0), event);
	sdei(m, 0, SDEI_EVENT_COMPLETE, 0);
	assert_true(m->phys_active[77]);
	assert_int_equal(handler(0), event);
	m->phys_line[77] = false;
	sdei(m, 0, SDEI_EVENT_COMPLETE, 0);
	assert_false(m->phys_active[77]);
	assert_int_equal(handler(0), -1);
	settle(m);
	assert_int_equal(ack(v), SPURIOUS);
	/* Back: configured as it was, disabled; pending at once if it is high. */
	assert_int_equal(sdei(m, 0, SDEI_INTERRUPT_RELEASE, (uint64_t)event), SDEI_DENIED);
	assert_int_equal(sdei(m, 0, SDEI_EVENT_UNREGISTER, (uint64_t)event), 0);
	m->phys_active[77] = m->phys_line[77] = true;
	vgic_set_line(m->vgic, 0, SPI, true);
	assert_int_equal(handler(0), -1);
	assert_int_equal(sdei(m, 0, SDEI_INTERRUPT_RELEASE, (uint64_t)event), 0);
	assert_int_equal(reg_read(m, 0, SPI, GICD_IPRIORITYR, 8), 0xa0);
	settle(m);
	assert_int_equal(ack(v), SPURIOUS);
	bit_write(m, 0, SPI, GICD_ISENABLER);
	settle(m);
	assert_int_equal(ack(v), SPI);
	free(memory);
	machine_free(m);
}

static void sdei_takes_ppis_of_two_vcpus(void **state)
{
	struct machine *m = diverting(VERSION(state), 2);
	void *memory;
	int64_t event;

	dispatcher(m, &memory);
	for (unsigned i = 0; i < 2; i++)
		set_edge(m, i, PPI, true);
	event = sdei(m, 0, SDEI_INTERRUPT_BIND, PPI);
	assert_int_equal(event, SDEI_BOUND_FIRST);
	/* vCPU 1 has its own still, until it registers. */
	vgic_pulse(m->vgic, 1, PPI);
	settle(m);
	assert_int_equal(sdei(m, 1, SDEI_EVENT_REGISTER, (uint64_t)event), SDEI_DENIED);
	assert_int_equal(ack(&m->vcpus[1]), PPI);
	eoi(m, &m->vcpus[1], PPI);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(sdei(m, i, SDEI_EVENT_REGISTER, (uint64_t)event), 0);
		assert_int_equal(sdei(m, i, SDEI_EVENT_ENABLE, (uint64_t)event), 0);
		assert_int_equal(sdei(m, i, SDEI_PE_UNMASK, 0), 0);
	}
	vgic_pulse(m->vgic, 1, PPI);
	assert_int_equal(handler(0), -1);
	assert_int_equal(handler(1), event);
	vgic_pulse(m->vgic, 1, PPI);
	vgic_pulse(m->vgic, 0, PPI);
	assert_int_equal(handler(1), -1);
	assert_int_equal(handler(0), event);
	sdei(m, 1, SDEI_EVENT_COMPLETE, 0);
	assert_int_equal(handler(1), event);
	sdei(m, 1, SDEI_EVENT_COMPLETE, 0);
	assert_int_equal(handler(1), -1);
	sdei(m, 0, SDEI_EVENT_COMPLETE, 0);
	settle(m);
	assert_int_equal(ack(&m->vcpus[0]), SPURIOUS);
	assert_int_equal(ack(&m->vcpus[1]), SPURIOUS);
	free(memory);
	machine_free(m);
}

/* What the vGIC has not is not bound: B16, without a fake. */
static void sdei_binds_nothing_that_is_not_there(void **state)
{
	struct machine *m = diverting(VERSION(state), 1);
	void *memory;

	dispatcher(m, &memory);
	for (virq_t virq = 0; virq < 16; virq++)
		assert_int_equal(sdei(m, 0, SDEI_INTERRUPT_BIND, virq), SDEI_INVALID_PARAMETERS);
	for (virq_t virq = 96; virq < 1056; virq++)
		assert_int_equal(sdei(m, 0, SDEI_INTERRUPT_BIND, virq), SDEI_INVALID_PARAMETERS);
	for (virq_t virq = 4128; virq < 16384; virq++)
		assert_int_equal(sdei(m, 0, SDEI_INTERRUPT_BIND, virq), SDEI_INVALID_PARAMETERS);
	for (unsigned bit = 14; bit < 32; bit++)
		assert_int_equal(sdei(m, 0, SDEI_INTERRUPT_BIND, 1u << bit | SPI),
				 SDEI_INVALID_PARAMETERS);
	free(memory);
	machine_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(there_are_ppis_and_spis_to_divert),
		BOTH(what_is_not_diverted_is_left_alone),
		BOTH(what_is_pending_or_active_stays_the_guests),
		BOTH(another_vcpus_list_register_is_asked),
		BOTH(their_fields_are_razwi),
		BOTH(priorities_beside_it_are_written),
		GICV2(targets_are_razwi),
		GICV3(routes_are_razwi),
		GICV3(messages_to_it_are_ignored),
		BOTH(a_ppi_of_one_vcpu_alone),
		GICV3(another_vcpu_finds_nothing_in_its_redistributor),
		BOTH(an_edge_is_latched_and_told),
		BOTH(a_level_is_its_line),
		BOTH(what_is_pending_at_its_return_stays_so),
		BOTH(a_mapped_edge_may_fire_again_after_its_end),
		BOTH(a_mapped_level_is_sampled),
		BOTH(a_mapped_one_is_given_back_with_its_physical_state),
		BOTH(a_mapped_spi_follows_its_event_and_returns_to_its_route),
		BOTH(the_guests_route_of_a_diverted_mapped_spi_is_ignored),
		BOTH(reset_diverts_nothing),
		BOTH(a_restored_one_is_diverted_again),
		BOTH(sdei_takes_a_mapped_level_and_gives_it_back),
		BOTH(sdei_takes_ppis_of_two_vcpus),
		BOTH(sdei_binds_nothing_that_is_not_there),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("divert", tests, NULL, NULL);
}
