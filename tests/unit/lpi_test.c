/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * LPIs at the redistributors (IHI 0069 5.1, 5.2, 12.11), without an ITS: vgic_lpi_*() are called as one
 * does. Expected values are the architecture's.
 */
#include "fixture.h"

#define LPI       8192u
#define PROP      (RAM_BASE + 0x10000)
#define PEND(v)   (RAM_BASE + 0x100000 + 0x10000ull * (v))
#define CTLR      0x0
#define TYPER     0x8
#define PROPBASER 0x70
#define PENDBASER 0x78
#define INVLPIR   0xa0
#define INVALLR   0xb0
#define SYNCR     0xc0
#define PTZ       (1ull << 62)
#define ENABLE    1u
#define RWP       8u

static void configure(struct machine *m, virq_t lpi, uint8_t property)
{
	m->ram[PROP - RAM_BASE + lpi - LPI] = property;
}

static void enable(struct machine *m, unsigned vcpu)
{
	redist_write_bytes(m, vcpu, PROPBASER, 8, PROP | 16);
	redist_write_bytes(m, vcpu, PENDBASER, 8, PEND(vcpu) | PTZ);
	redist_write(m, vcpu, CTLR, ENABLE);
	assert_int_equal(redist_read(m, vcpu, CTLR, 4) & ENABLE, ENABLE);
}

static struct machine *machine_lpis_with(unsigned vcpus, unsigned lrs, unsigned lpi_bits)
{
	struct vgic_config config = config_of(VGIC_V3, vcpus, 32, lrs);
	struct machine *m;

	config.lpi_bits = (uint8_t)lpi_bits;
	m = machine_with(config);
	for (unsigned i = 0; i < vcpus; i++)
		enable(m, i);
	for (virq_t lpi = LPI; lpi < LPI + (1u << lpi_bits); lpi++)
		configure(m, lpi, 0xa0 | 1);
	return m;
}

static struct machine *machine_lpis(unsigned vcpus)
{
	return machine_lpis_with(vcpus, 4, 8);
}

static bool table_bit(const struct machine *m, unsigned vcpu, virq_t lpi)
{
	return m->ram[PEND(vcpu) - RAM_BASE + lpi / 8] >> lpi % 8 & 1;
}

static void is_taken_once_and_has_no_active_state(void **state)
{
	struct machine *m = machine_lpis(2);
	struct vcpu *v = &m->vcpus[1];

	(void)state;
	assert_int_equal(vgic_lpi_raise(m->vgic, NULL, 1, LPI + 3), 0);
	assert_int_equal(vgic_lpi_raise(m->vgic, NULL, 1, LPI + 3), 0);
	assert_int_equal(m->kicks[1], 1);
	enter(v);
	assert_int_equal(ack(v), LPI + 3);
	assert_int_equal(ack(v), SPURIOUS);
	/* Pending again while its priority still runs: an LPI needs no deactivation. */
	vgic_lpi_raise(m->vgic, &v->cpu[0], 1, LPI + 3);
	enter(v);
	assert_int_equal(lr_at(v, (unsigned)lr_of(v, LPI + 3)).state, 1);
	eoi(m, v, LPI + 3);
	assert_int_equal(ack(v), LPI + 3);
	eoi(m, v, LPI + 3);
	enter(v);
	assert_int_equal(ack(v), SPURIOUS);
	assert_int_equal(v->image.hcr >> 27, 0);
	machine_free(m);
}

static void errors_have_names(void **state)
{
	struct machine *m = machine_lpis(2);

	(void)state;
	assert_int_equal(vgic_lpi_raise(m->vgic, NULL, 2, LPI), -VIRQ_ERR_RANGE);
	assert_int_equal(vgic_lpi_raise(m->vgic, NULL, 0, LPI + 256), -VIRQ_ERR_RANGE);
	assert_int_equal(vgic_lpi_raise(m->vgic, NULL, 0, LPI - 1), -VIRQ_ERR_RANGE);
	assert_int_equal(vgic_lpi_clear(m->vgic, NULL, ~0u), -VIRQ_ERR_RANGE);
	assert_int_equal(vgic_lpi_move(m->vgic, NULL, LPI, 2), -VIRQ_ERR_RANGE);
	assert_int_equal(vgic_lpi_invalidate(m->vgic, NULL, 40), -VIRQ_ERR_RANGE);
	machine_free(m);
}

static void the_priority_is_the_tables(void **state)
{
	struct machine *m = machine_lpis(1);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	configure(m, LPI + 1, 0x80 | 1);
	configure(m, LPI + 2, 0x20 | 1);
	configure(m, LPI + 4, 0x27 | 1);
	for (unsigned i = 0; i < 3; i++)
		vgic_lpi_raise(m->vgic, NULL, 0, LPI + i);
	vgic_pulse(m->vgic, 0, 32); /* 0xa0, too, and came later */
	enter(v);
	assert_int_equal(ack(v), LPI + 2);
	assert_int_equal(ack(v), LPI + 1);
	assert_true(lr_of(v, LPI) >= 0);
	assert_true(lr_at(v, (unsigned)lr_of(v, LPI)).group1);
	machine_free(m);
}

static void disabled_stays_pending_until_enabled_and_invalidated(void **state)
{
	struct machine *m = machine_lpis(1);
	struct vcpu *v = &m->vcpus[0];
	unsigned vcpu;

	(void)state;
	configure(m, LPI, 0xa0);
	vgic_lpi_raise(m->vgic, NULL, 0, LPI);
	enter(v);
	assert_int_equal(ack(v), SPURIOUS);
	assert_true(vgic_lpi_is_pending(m->vgic, LPI, &vcpu));
	assert_false(vgic_attention(v->cpu));
	configure(m, LPI, 0xa1);
	vgic_lpi_raise(m->vgic, NULL, 0, LPI); /* what was read is still good */
	enter(v);
	assert_int_equal(ack(v), SPURIOUS);
	vgic_lpi_invalidate(m->vgic, v->cpu, LPI);
	enter(v);
	assert_int_equal(ack(v), LPI);
	machine_free(m);
}

static void invalidation_takes_it_out_of_a_list_register(void **state)
{
	struct machine *m = machine_lpis(2);
	struct vcpu *v = &m->vcpus[1];
	unsigned vcpu;

	(void)state;
	vgic_lpi_raise(m->vgic, NULL, 1, LPI);
	enter(v);
	assert_true(lr_of(v, LPI) >= 0);
	configure(m, LPI, 0xa0);
	m->kicks[1] = 0;
	vgic_lpi_invalidate(m->vgic, m->vcpus[0].cpu, LPI);
	assert_false(vgic_lpis_settled(m->vgic));
	assert_int_equal(m->kicks[1], 1);
	assert_int_equal(redist_read(m, 0, SYNCR, 4), 1);
	enter(v);
	assert_int_equal(lr_of(v, LPI), -1);
	assert_true(vgic_lpis_settled(m->vgic));
	assert_int_equal(redist_read(m, 0, SYNCR, 4), 0);
	assert_true(vgic_lpi_is_pending(m->vgic, LPI, &vcpu));
	machine_free(m);
}

/* It was known to be enabled at vCPU 1; what vCPU 0 knew is invalidated. */
static void what_one_redistributor_knows_is_not_used_by_another(void **state)
{
	struct machine *m = machine_lpis(2);
	struct vcpu *v = &m->vcpus[1], *u = &m->vcpus[0];

	(void)state;
	vgic_lpi_raise(m->vgic, NULL, 1, LPI);
	enter(v);
	eoi(m, v, ack(v));
	leave(v);
	configure(m, LPI, 0xa0);
	redist_write_bytes(m, 0, INVALLR, 8, 0);
	vgic_lpi_raise(m->vgic, NULL, 0, LPI);
	enter(u);
	assert_int_equal(ack(u), SPURIOUS);
	machine_free(m);
}

static void clear_takes_it_out_of_a_list_register(void **state)
{
	struct machine *m = machine_lpis(2);
	struct vcpu *v = &m->vcpus[1];
	unsigned vcpu;

	(void)state;
	vgic_lpi_raise(m->vgic, NULL, 1, LPI);
	enter(v);
	vgic_lpi_clear(m->vgic, m->vcpus[0].cpu, LPI);
	assert_false(vgic_lpi_is_pending(m->vgic, LPI, &vcpu));
	assert_false(vgic_lpis_settled(m->vgic));
	enter(v);
	assert_true(vgic_lpis_settled(m->vgic));
	assert_int_equal(ack(v), SPURIOUS);
	machine_free(m);
}

/* B48: unmapped, then mapped again, while it is in a list register. */
static void b48_cleared_and_raised_again_is_taken_once(void **state)
{
	struct machine *m = machine_lpis(2);
	struct vcpu *v = &m->vcpus[1], *u = &m->vcpus[0];

	(void)state;
	vgic_lpi_raise(m->vgic, NULL, 1, LPI);
	enter(v);
	vgic_lpi_clear(m->vgic, NULL, LPI);
	vgic_lpi_raise(m->vgic, NULL, 0, LPI); /* elsewhere, meanwhile */
	settle(m);
	assert_true(vgic_lpis_settled(m->vgic));
	assert_int_equal(ack(v), SPURIOUS);
	assert_int_equal(ack(u), LPI);
	assert_int_equal(ack(u), SPURIOUS);
	machine_free(m);
}

static void moves_while_pending_in_a_list_register(void **state)
{
	struct machine *m = machine_lpis(2);
	struct vcpu *v = &m->vcpus[1], *u = &m->vcpus[0];

	(void)state;
	vgic_lpi_raise(m->vgic, NULL, 1, LPI);
	enter(v);
	assert_int_equal(vgic_lpi_move(m->vgic, u->cpu, LPI, 0), 0);
	assert_false(vgic_lpis_settled(m->vgic));
	enter(v);
	assert_int_equal(lr_of(v, LPI), -1);
	assert_true(vgic_lpis_settled(m->vgic));
	enter(u);
	assert_int_equal(ack(u), LPI);
	machine_free(m);
}

/* It was raised, and the vCPU kicked, which has not looked yet: the move is not complete before it has. */
static void moves_from_the_inbox_of_one_that_runs(void **state)
{
	struct machine *m = machine_lpis(2);
	struct vcpu *v = &m->vcpus[1], *u = &m->vcpus[0];

	(void)state;
	enter(v);
	vgic_lpi_raise(m->vgic, u->cpu, 1, LPI);
	vgic_lpi_move(m->vgic, u->cpu, LPI, 0);
	assert_false(vgic_lpis_settled(m->vgic));
	enter(v);
	assert_true(vgic_lpis_settled(m->vgic));
	enter(u);
	assert_int_equal(ack(u), LPI);
	assert_int_equal(ack(v), SPURIOUS);
	machine_free(m);
}

static unsigned move_all(struct machine *m, unsigned from, unsigned to, unsigned slice)
{
	uint32_t cursor = 0;
	unsigned slices = 0, budget;

	do {
		budget = slice;
		assert_true(++slices < 10000);
	} while (!vgic_lpis_move(m->vgic, NULL, from, to, &cursor, &budget));
	return slices;
}

/* A message of after has moved it already: who has it in a list register is waited for all the same. */
static void a_move_that_a_message_made_is_waited_for(void **state)
{
	struct machine *m = machine_lpis(2);
	struct vcpu *v = &m->vcpus[1], *u = &m->vcpus[0];

	(void)state;
	for (unsigned all = 0; all < 2; all++) {
		vgic_lpi_raise(m->vgic, NULL, 1, LPI);
		enter(v);
		vgic_lpi_raise(m->vgic, NULL, 0, LPI);
		if (all)
			move_all(m, 1, 0, 64);
		else
			vgic_lpi_move(m->vgic, NULL, LPI, 0);
		assert_false(vgic_lpis_settled(m->vgic));
		enter(v);
		assert_true(vgic_lpis_settled(m->vgic));
		assert_int_equal(ack(v), SPURIOUS);
		enter(u);
		assert_int_equal(ack(u), LPI);
		leave(u);
		leave(v);
	}
	machine_free(m);
}

static void moves_while_it_runs(void **state)
{
	struct machine *m = machine_lpis(2);
	struct vcpu *v = &m->vcpus[1], *u = &m->vcpus[0];

	(void)state;
	vgic_lpi_raise(m->vgic, u->cpu, 0, LPI);
	enter(u);
	assert_int_equal(ack(u), LPI);
	vgic_lpi_move(m->vgic, u->cpu, LPI, 1);
	leave(u);
	assert_true(vgic_lpis_settled(m->vgic));
	enter(u);
	m->kicks[1] = 0;
	vgic_lpi_raise(m->vgic, u->cpu, 1, LPI);
	assert_int_equal(m->kicks[1], 1);
	enter(v);
	assert_int_equal(ack(v), LPI);
	assert_int_equal(ack(u), SPURIOUS);
	machine_free(m);
}

/* QEMU 10 leaves an LPI that was acknowledged as active in its list register. */
static void one_that_is_told_as_active_is_not(void **state)
{
	struct machine *m = machine_lpis(2);
	struct vcpu *v = &m->vcpus[1], *u = &m->vcpus[0];

	(void)state;
	vgic_lpi_raise(m->vgic, u->cpu, 0, LPI);
	enter(u);
	assert_int_equal(ack(u), LPI);
	lr_set_state(u, (unsigned)__builtin_ctz(u->image.live), 2);
	vgic_lpi_move(m->vgic, u->cpu, LPI, 1);
	enter(u);
	assert_true(vgic_lpis_settled(m->vgic));
	assert_int_equal(lrs_of(u, LPI), 0);
	vgic_lpi_raise(m->vgic, u->cpu, 1, LPI);
	enter(v);
	assert_int_equal(ack(v), LPI);
	machine_free(m);
}

static void moves_from_a_vcpu_that_is_not_loaded(void **state)
{
	struct machine *m = machine_lpis(2);
	struct vcpu *v = &m->vcpus[1], *u = &m->vcpus[0];

	(void)state;
	leave(v);
	vgic_put(v->cpu, &v->image);
	v->cpu = NULL;
	vgic_lpi_raise(m->vgic, NULL, 1, LPI);
	assert_true(vgic_pending(m->vgic, 1));
	vgic_lpi_move(m->vgic, u->cpu, LPI, 0);
	assert_true(vgic_lpis_settled(m->vgic));
	assert_false(vgic_pending(m->vgic, 1));
	enter(u);
	assert_int_equal(ack(u), LPI);
	machine_free(m);
}

static void all_move_and_each_comes_once(void **state)
{
	struct machine *m = machine_lpis_with(2, 4, 12);
	struct vcpu *v = &m->vcpus[1];
	unsigned taken[4096] = { 0 };
	virq_t lpi;

	(void)state;
	for (unsigned i = 0; i < 4096; i += 3) {
		configure(m, LPI + i, i % 2 ? 0xa1 : 0xa0);
		vgic_lpi_raise(m->vgic, NULL, 0, LPI + i);
	}
	enter(&m->vcpus[0]);
	assert_true(move_all(m, 0, 1, 64) > 10);
	settle(m);
	assert_int_equal(ack(&m->vcpus[0]), SPURIOUS);
	for (unsigned i = 0; i < 4096; i += 6)
		configure(m, LPI + i, 0xa1);
	redist_write_bytes(m, 1, INVALLR, 8, 0);
	assert_int_equal(m->invalidated, ~0u);
	for (settle(m); (lpi = ack(v)) != SPURIOUS; settle(m)) {
		eoi(m, v, lpi);
		taken[lpi - LPI]++;
	}
	for (unsigned i = 0; i < 4096; i++)
		assert_int_equal(taken[i], i % 3 == 0);
	machine_free(m);
}

/* Their work is in proportion to what there is to find. */
static void looking_for_few_among_many_is_short(void **state)
{
	struct machine *m = machine_lpis_with(2, 4, 16);
	uint32_t cursor = 0;
	unsigned budget = 8, vcpu;

	(void)state;
	vgic_lpi_raise(m->vgic, NULL, 0, LPI + 65535);
	vgic_lpi_raise(m->vgic, NULL, 0, LPI + 1);
	assert_true(vgic_lpis_move(m->vgic, NULL, 0, 1, &cursor, &budget));
	assert_int_equal(budget, 6);
	assert_true(vgic_lpi_is_pending(m->vgic, LPI + 65535, &vcpu));
	assert_int_equal(vcpu, 1);
	machine_free(m);
}

static void registers_say_what_there_is(void **state)
{
	static const struct {
		unsigned lpi_bits, id_bits, num;
	} rows[] = { { 2, 14, 1 }, { 12, 14, 11 }, { 13, 14, 0 }, { 14, 15, 13 }, { 16, 17, 15 } };

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct machine *m = machine_lpis_with(1, 4, rows[i].lpi_bits);
		uint64_t typer = dist_read(m, 0, GICD_TYPER, 4);

		assert_int_equal(typer >> 17 & 1, 1);
		assert_int_equal((typer >> 19 & 0x1f) + 1, rows[i].id_bits);
		assert_int_equal(typer >> 11 & 0x1f, rows[i].num);
		assert_int_equal(redist_read(m, 0, TYPER, 8) & 9, 1);
		assert_int_equal(redist_read(m, 0, CTLR, 4), 7);
		machine_free(m);
	}
}

/* B29: the upper half of PENDBASER, by 32 bits. */
static void b29_halves_of_the_base_registers(void **state)
{
	struct machine *m = machine_lpis(1);

	(void)state;
	redist_write(m, 0, CTLR, 0);
	redist_write(m, 0, PENDBASER, 0x40120000);
	redist_write(m, 0, PENDBASER + 4, 1u << 30 | 7u << 24 | 5);
	assert_int_equal(redist_read(m, 0, PENDBASER + 4, 4), 7u << 24 | 5);
	assert_int_equal(redist_read(m, 0, PENDBASER, 8), 7ull << 56 | 5ull << 32 | 0x40120000);
	redist_write(m, 0, PROPBASER + 4, ~0u);
	redist_write(m, 0, PROPBASER, ~0u);
	assert_int_equal(redist_read(m, 0, PROPBASER, 8), 7ull << 56 | 0x000fffffffffff9full);
	/* While EnableLPIs is set they stay. */
	redist_write(m, 0, CTLR, ENABLE);
	redist_write_bytes(m, 0, PROPBASER, 8, 0);
	assert_int_not_equal(redist_read(m, 0, PROPBASER, 8), 0);
	machine_free(m);
}

static void writes_its_base(struct machine *m)
{
	m->on_write = NULL;
	assert_int_equal(vgic_redist_write(m->vcpus[1].cpu, PENDBASER, 8, PEND(3)), VGIC_AGAIN);
}

/* EnableLPIs reads as 0 already, but its pending table is still being written: to where it was. */
static void a_base_register_is_not_lost_to_another_cpu_at_work(void **state)
{
	struct machine *m = machine_lpis(2);

	(void)state;
	vgic_lpi_raise(m->vgic, NULL, 0, LPI);
	m->on_write = writes_its_base;
	assert_int_equal(redist_read(m, 0, PENDBASER, 8), PEND(0));
	redist_write(m, 0, CTLR, 0);
	assert_null(m->on_write);
	assert_true(table_bit(m, 0, LPI));
	assert_int_equal(vgic_redist_write(m->vcpus[1].cpu, PENDBASER, 8, PEND(3)), VGIC_DONE);
	assert_int_equal(redist_read(m, 0, PENDBASER, 8), PEND(3));
	machine_free(m);
}

/* B08: GICR_INVLPIR below 8192, or huge. */
static void b08_invalidating_what_is_no_lpi(void **state)
{
	static const uint64_t values[] = { 0, 31, 1023, 8191, 8192 + 256, 0xffffffff, ~0ull };
	struct machine *m = machine_lpis(1);

	(void)state;
	assert_int_equal(m->invalidated, ~0u); /* LPIs were turned on */
	m->invalidated = 0;
	for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		redist_write_bytes(m, 0, INVLPIR, 8, values[i]);
		redist_write_bytes(m, 0, INVLPIR, 4, values[i] & 0xffffffff);
		assert_int_equal(m->invalidated, 0);
	}
	redist_write_bytes(m, 0, INVLPIR, 8, LPI + 5);
	assert_int_equal(m->invalidated, LPI + 5);
	machine_free(m);
}

static void disabling_writes_the_pending_table_and_enabling_reads_it(void **state)
{
	struct machine *m = machine_lpis(2);
	struct vcpu *v = &m->vcpus[1];
	unsigned taken = 0, vcpu;
	virq_t first;

	(void)state;
	configure(m, LPI + 7, 0); /* pending, but not delivered */
	for (unsigned i = 0; i < 10; i++)
		vgic_lpi_raise(m->vgic, NULL, 1, LPI + i);
	m->ram[PEND(1) - RAM_BASE + (LPI + 64) / 8] = 0xff; /* is overwritten */
	enter(v);
	first = ack(v); /* of one priority: any */
	assert_true(first >= LPI && first < LPI + 10);
	eoi(m, v, first);
	redist_write(m, 1, CTLR, 0);
	assert_int_equal(redist_read(m, 1, CTLR, 4), 6);
	settle(m);
	for (unsigned i = 0; i < 10; i++)
		assert_false(vgic_lpi_is_pending(m->vgic, LPI + i, &vcpu));
	assert_int_equal(ack(v), SPURIOUS);
	for (unsigned i = 0; i < 128; i++)
		assert_int_equal(table_bit(m, 1, LPI + i), i < 10 && LPI + i != first);
	vgic_lpi_raise(m->vgic, NULL, 1, LPI + 20); /* ignored */
	enter(v);
	assert_int_equal(ack(v), SPURIOUS);

	m->ram[PEND(1) - RAM_BASE + (LPI + 32) / 8] = 1;
	configure(m, LPI + 7, 0xa1);
	redist_write(m, 1, CTLR, ENABLE);
	for (settle(m);; settle(m)) {
		virq_t lpi = ack(v);

		if (lpi == SPURIOUS)
			break;
		assert_true(lpi < LPI + 10 || lpi == LPI + 32);
		assert_int_not_equal(lpi, first);
		eoi(m, v, lpi);
		taken++;
	}
	assert_int_equal(taken, 10);
	machine_free(m);
}

static unsigned pending_of(const struct machine *m, unsigned lpis)
{
	unsigned n = 0, vcpu;

	for (unsigned i = 0; i < lpis; i++)
		n += vgic_lpi_is_pending(m->vgic, LPI + i, &vcpu);
	return n;
}

/* Writes EnableLPIs. The most LPIs that one access changes, in or out. */
static unsigned most_at_once(struct machine *m, unsigned lpis, uint32_t ctlr)
{
	struct vcpu *v = &m->vcpus[0];
	unsigned most = 0, before;
	enum vgic_result result;

	do {
		before = pending_of(m, lpis);
		result = vgic_redist_write(v->cpu, CTLR, 4, ctlr);
		int change = (int)(pending_of(m, lpis) - before);

		most = (unsigned)abs(change) > most ? (unsigned)abs(change) : most;
		enter(v);
	} while (result == VGIC_AGAIN);
	return most;
}

/* A guest may have any number of bits set there, and nobody waits for all of them. */
static void a_full_pending_table_is_taken_in_slices(void **state)
{
	const unsigned lpis = 1u << 12;
	struct machine *m = machine_lpis_with(1, 4, 12);
	uint8_t *table = &m->ram[PEND(0) - RAM_BASE + LPI / 8];

	(void)state;
	redist_write(m, 0, CTLR, 0);
	redist_write_bytes(m, 0, PENDBASER, 8, PEND(0));
	memset(table, 0xff, lpis / 8);
	assert_in_range(most_at_once(m, lpis, ENABLE), 1, 512);
	assert_int_equal(pending_of(m, lpis), lpis);
	memset(table, 0, lpis / 8);
	assert_in_range(most_at_once(m, lpis, 0), 1, 512);
	assert_int_equal(pending_of(m, lpis), 0);
	for (unsigned i = 0; i < lpis / 8; i++)
		assert_int_equal(table[i], 0xff);
	machine_free(m);
}

static void what_moves_to_a_redistributor_without_lpis_is_dropped(void **state)
{
	struct machine *m = machine_lpis(2);
	unsigned vcpu;

	(void)state;
	redist_write(m, 1, CTLR, 0);
	vgic_lpi_raise(m->vgic, NULL, 0, LPI);
	vgic_lpi_raise(m->vgic, NULL, 0, LPI + 1);
	vgic_lpi_move(m->vgic, NULL, LPI, 1);
	move_all(m, 0, 1, 64);
	settle(m);
	assert_false(vgic_lpi_is_pending(m->vgic, LPI, &vcpu));
	assert_false(vgic_lpi_is_pending(m->vgic, LPI + 1, &vcpu));
	assert_int_equal(ack(&m->vcpus[0]), SPURIOUS);
	/* Where it was, it is found again once it is raised again. */
	vgic_lpi_raise(m->vgic, NULL, 0, LPI + 1);
	settle(m);
	redist_write(m, 0, CTLR, 0);
	assert_true(table_bit(m, 0, LPI + 1));
	machine_free(m);
}

static void with_ptz_the_pending_table_is_not_read(void **state)
{
	struct machine *m = machine_lpis(1);

	(void)state;
	redist_write(m, 0, CTLR, 0);
	memset(m->ram + (PEND(0) - RAM_BASE), 0xff, 0x10000);
	redist_write_bytes(m, 0, PENDBASER, 8, PEND(0) | PTZ);
	redist_write(m, 0, CTLR, ENABLE);
	enter(&m->vcpus[0]);
	assert_int_equal(ack(&m->vcpus[0]), SPURIOUS);
	machine_free(m);
}

static void tables_that_are_no_memory(void **state)
{
	struct machine *m = machine_lpis(1);
	struct vcpu *v = &m->vcpus[0];
	unsigned vcpu;

	(void)state;
	redist_write(m, 0, CTLR, 0);
	redist_write_bytes(m, 0, PROPBASER, 8, (RAM_BASE + RAM_SIZE - 0x1000) | 15);
	redist_write_bytes(m, 0, PENDBASER, 8, 0x000fffffffff0000ull);
	redist_write(m, 0, CTLR, ENABLE);
	vgic_lpi_raise(m->vgic, NULL, 0, LPI + 200);
	settle(m);
	redist_write(m, 0, CTLR, 0);
	/* Too few INTIDs for any LPI: all are disabled. */
	redist_write_bytes(m, 0, PROPBASER, 8, PROP | 12);
	redist_write(m, 0, CTLR, ENABLE);
	vgic_lpi_raise(m->vgic, NULL, 0, LPI);
	assert_false(vgic_lpi_is_pending(m->vgic, LPI, &vcpu));
	settle(m);
	assert_int_equal(ack(v), SPURIOUS);
	machine_free(m);
}

static void save_writes_the_tables_and_restore_reads_them(void **state)
{
	struct machine *m = machine_lpis(2);
	struct vcpu *v = &m->vcpus[1];
	size_t size = vgic_save_size(m->vgic);
	uint8_t *saved = malloc(size), *again = malloc(size);
	const char *why = NULL;

	(void)state;
	vgic_lpi_raise(m->vgic, NULL, 1, LPI + 40);
	vgic_lpi_raise(m->vgic, NULL, 0, LPI + 41);
	for (unsigned i = 0; i < 2; i++) {
		leave(&m->vcpus[i]);
		vgic_put(m->vcpus[i].cpu, &m->vcpus[i].image);
	}
	assert_int_equal(vgic_save(m->vgic, saved, size), size);
	assert_true(table_bit(m, 1, LPI + 40) && table_bit(m, 0, LPI + 41));
	assert_false(table_bit(m, 0, LPI + 40) || table_bit(m, 1, LPI + 41));
	assert_int_equal(vgic_reset(m->vgic), 0);
	assert_int_equal(vgic_restore(m->vgic, saved, size, &why), 0);
	assert_int_equal(vgic_save(m->vgic, again, size), size);
	assert_memory_equal(saved, again, size);
	v->cpu = vgic_load(m->vgic, 1);
	vgic_cpuif_restore(v->cpu, &v->image);
	enter(v);
	assert_int_equal(ack(v), LPI + 40);
	assert_int_equal(ack(v), SPURIOUS);
	/* The reserved bits of the first vCPU's GICR_PROPBASER. */
	saved[32 + 56 + 4] |= 1 << 5;
	leave(v);
	vgic_put(v->cpu, &v->image);
	assert_int_equal(vgic_restore(m->vgic, saved, size, &why), -VIRQ_ERR_STATE);
	assert_non_null(strstr(why, "GICR_PROPBASER"));
	free(saved);
	free(again);
	machine_free(m);
}

static void reset_forgets_them(void **state)
{
	struct machine *m = machine_lpis(1);
	struct vcpu *v = &m->vcpus[0];
	unsigned vcpu;

	(void)state;
	vgic_lpi_raise(m->vgic, NULL, 0, LPI);
	enter(v);
	leave(v);
	vgic_put(v->cpu, &v->image);
	assert_int_equal(vgic_reset(m->vgic), 0);
	assert_false(vgic_lpi_is_pending(m->vgic, LPI, &vcpu));
	v->cpu = vgic_load(m->vgic, 0);
	assert_int_equal(redist_read(m, 0, CTLR, 4), 6);
	assert_int_equal(redist_read(m, 0, PROPBASER, 8), 0);
	machine_free(m);
}

static uint64_t sysreg(struct vcpu *v, uint32_t reg)
{
	uint64_t value;

	assert_int_equal(vgic_sysreg_read(v->cpu, reg, &value), VGIC_DONE);
	return value;
}

static void software_cpu_interface_takes_them(void **state)
{
	struct machine *m = machine_lpis_with(1, 0, 8);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	vgic_sysreg_write(v->cpu, VGIC_ICC_PMR_EL1, 0xf0);
	vgic_sysreg_write(v->cpu, VGIC_ICC_IGRPEN1_EL1, 1);
	configure(m, LPI + 1, 0x41);
	vgic_lpi_raise(m->vgic, NULL, 0, LPI);
	assert_int_equal(sysreg(v, VGIC_ICC_IAR1_EL1), LPI);
	assert_int_equal(sysreg(v, VGIC_ICC_RPR_EL1), 0xa0);
	vgic_lpi_raise(m->vgic, NULL, 0, LPI); /* not before the end of the first */
	assert_int_equal(sysreg(v, VGIC_ICC_IAR1_EL1), SPURIOUS);
	vgic_lpi_raise(m->vgic, NULL, 0, LPI + 1);
	assert_int_equal(sysreg(v, VGIC_ICC_IAR1_EL1), LPI + 1);
	vgic_sysreg_write(v->cpu, VGIC_ICC_EOIR1_EL1, LPI + 1);
	assert_int_equal(sysreg(v, VGIC_ICC_RPR_EL1), 0xa0);
	vgic_sysreg_write(v->cpu, VGIC_ICC_EOIR1_EL1, LPI);
	assert_int_equal(sysreg(v, VGIC_ICC_IAR1_EL1), LPI);
	vgic_sysreg_write(v->cpu, VGIC_ICC_EOIR1_EL1, LPI);
	assert_int_equal(sysreg(v, VGIC_ICC_RPR_EL1), 0xff);
	assert_int_equal(sysreg(v, VGIC_ICC_IAR1_EL1), SPURIOUS);
	machine_free(m);
}

static void configurations_that_cannot_be(void **state)
{
	struct vgic_config config = config_of(VGIC_V3, 1, 32, 4);
	const char *why;

	(void)state;
	config.lpi_bits = 1;
	assert_int_equal(vgic_check(&config, &why), -VIRQ_ERR_CONFIG);
	config.lpi_bits = 21;
	assert_int_equal(vgic_check(&config, &why), -VIRQ_ERR_CONFIG);
	assert_non_null(strstr(why, "lpi_bits"));
	config = config_of(VGIC_V2, 1, 32, 4);
	config.lpi_bits = 8;
	assert_int_equal(vgic_check(&config, &why), -VIRQ_ERR_CONFIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_taken_once_and_has_no_active_state),
		cmocka_unit_test(errors_have_names),
		cmocka_unit_test(the_priority_is_the_tables),
		cmocka_unit_test(disabled_stays_pending_until_enabled_and_invalidated),
		cmocka_unit_test(invalidation_takes_it_out_of_a_list_register),
		cmocka_unit_test(what_one_redistributor_knows_is_not_used_by_another),
		cmocka_unit_test(clear_takes_it_out_of_a_list_register),
		cmocka_unit_test(b48_cleared_and_raised_again_is_taken_once),
		cmocka_unit_test(moves_while_pending_in_a_list_register),
		cmocka_unit_test(moves_from_the_inbox_of_one_that_runs),
		cmocka_unit_test(a_move_that_a_message_made_is_waited_for),
		cmocka_unit_test(moves_while_it_runs),
		cmocka_unit_test(one_that_is_told_as_active_is_not),
		cmocka_unit_test(moves_from_a_vcpu_that_is_not_loaded),
		cmocka_unit_test(all_move_and_each_comes_once),
		cmocka_unit_test(looking_for_few_among_many_is_short),
		cmocka_unit_test(registers_say_what_there_is),
		cmocka_unit_test(b29_halves_of_the_base_registers),
		cmocka_unit_test(a_base_register_is_not_lost_to_another_cpu_at_work),
		cmocka_unit_test(b08_invalidating_what_is_no_lpi),
		cmocka_unit_test(disabling_writes_the_pending_table_and_enabling_reads_it),
		cmocka_unit_test(a_full_pending_table_is_taken_in_slices),
		cmocka_unit_test(what_moves_to_a_redistributor_without_lpis_is_dropped),
		cmocka_unit_test(with_ptz_the_pending_table_is_not_read),
		cmocka_unit_test(tables_that_are_no_memory),
		cmocka_unit_test(save_writes_the_tables_and_restore_reads_them),
		cmocka_unit_test(reset_forgets_them),
		cmocka_unit_test(software_cpu_interface_takes_them),
		cmocka_unit_test(configurations_that_cannot_be),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("lpi", tests, NULL, NULL);
}
