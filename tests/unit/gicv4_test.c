/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Direct injection by name: which commands and register values it makes (IHI 0069 5.13, 12.12; the
 * values are put together by hand from there), what it waits for, and what it says. How it gets on with
 * hardware that does as it likes is tests/model/gicv4_check.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <carillon/gicv4.h>

#define VCPUS    2
#define ROUTES   3
#define COMMANDS 512
#define MANY     40
#define BASE     UINT64_C(0x123400000)
#define VPE(n)   ((uint64_t)(0x20 + (n)) << 32)
#define PARKING  VPE(VCPUS)
#define RD(n)    (UINT64_C(0x80a0000) + (uint64_t)(n)*0x40000)
#define BELL(n)  (8292u + (n))
#define V        (UINT64_C(1) << 63)
#define DIRTY    (UINT64_C(1) << 60)
#define LAST     (UINT64_C(1) << 61)
#define IDAI     (UINT64_C(1) << 62)
#define TABLE(n) (BASE + 0x10000 * (1 + (uint64_t)(n)))

struct command {
	unsigned its;
	uint64_t word[4];
};

static struct host {
	struct gicv4_machine machine;
	struct gicv4 *v4;
	void *memory;
	uint8_t *tables;
	struct command commands[COMMANDS];
	unsigned put, seen, executed;
	uint64_t vpendbaser[4], vpropbaser[4], vsgir, vsgipendr, sgir;
	uint64_t invlpir[4], invallr[4], syncr; /* written since the last look; SYNCR of all */
	unsigned dirty_after_write;
	bool bell[VCPUS], held[ROUTES], can_hold;
	unsigned wakes[VCPUS], raises;
} h;

static uint64_t command(void *host, unsigned its, const uint64_t words[4])
{
	assert_ptr_equal(host, &h);
	assert_true(h.put < COMMANDS);
	h.commands[h.put].its = its;
	memcpy(h.commands[h.put].word, words, sizeof(h.commands[0].word));
	return ++h.put;
}

static bool done(void *host, unsigned its, uint64_t token)
{
	(void)host;
	assert_true(its < h.machine.itss && token);
	return h.executed >= token;
}

static uint64_t redist_read(void *host, unsigned cpu, uint32_t offset)
{
	(void)host;
	if (offset == GICV4_GICR_VSGIPENDR)
		return h.vsgipendr;
	if (offset == 0xc0)
		return h.syncr;
	assert_int_equal(offset, GICV4_GICR_VPENDBASER);
	return h.vpendbaser[cpu];
}

static void redist_write(void *host, unsigned cpu, uint32_t offset, uint64_t value)
{
	(void)host;
	/* GICv4.0's hardware says whether anything is pending when Valid is cleared; here nothing is. */
	if (offset == GICV4_GICR_VPENDBASER && !h.machine.minor && !(value & V))
		value &= ~LAST;
	if (offset == GICV4_GICR_VPENDBASER)
		h.vpendbaser[cpu] = value | (h.dirty_after_write ? DIRTY : 0);
	else if (offset == GICV4_GICR_VSGIR)
		h.vsgir = value;
	else if (offset == 0xa0)
		h.invlpir[cpu] = value;
	else if (offset == 0xb0)
		h.invallr[cpu] = value;
	else
		h.vpropbaser[cpu] = value;
}

static uint64_t rdbase(void *host, unsigned its, unsigned cpu)
{
	(void)host;
	(void)its;
	return RD(cpu);
}

static void doorbell(void *host, unsigned vcpu, bool on)
{
	(void)host;
	h.bell[vcpu] = on;
}

static void wake(void *host, unsigned vcpu)
{
	(void)host;
	h.wakes[vcpu]++;
}

static void raise_lpi(void *host, uint16_t route, unsigned vcpu, virq_t lpi)
{
	(void)host;
	assert_int_equal(route, 1);
	assert_int_equal(vcpu, 1);
	assert_int_equal(lpi, 8195);
	h.raises++;
}

static bool quiet(void *host, uint16_t route, bool on)
{
	(void)host;
	if (on && !h.can_hold)
		return false;
	assert_true(h.held[route] != on);
	h.held[route] = on;
	return true;
}

static void sgir(void *host, unsigned its, uint64_t value)
{
	(void)host;
	assert_int_equal(its, 0);
	h.sgir = value;
}

static const struct gicv4_hooks hooks = { .command = command,
					  .done = done,
					  .redist_read = redist_read,
					  .redist_write = redist_write,
					  .rdbase = rdbase,
					  .doorbell = doorbell,
					  .wake = wake,
					  .raise = raise_lpi,
					  .quiet = quiet,
					  .sgir = sgir };

static const struct gicv4_event doorbells[VCPUS] = {
	{ .device = 7, .event = 0, .intid = BELL(0) },
	{ .device = 7, .event = 1, .intid = BELL(1) },
};

static struct gicv4_config config_of(void *tables)
{
	return (struct gicv4_config){ .vcpus = VCPUS,
				      .routes = ROUTES,
				      .lpi_bits = 5,
				      .first_vpeid = 0x20,
				      .cpu = 1,
				      .attributes = UINT64_C(7) << 7 | 1 << 10,
				      .doorbells = doorbells,
				      .tables = tables,
				      .address = BASE };
}

static void finish(void)
{
	h.executed = h.put;
}

static void settle(void)
{
	for (unsigned n = 0; !gicv4_settled(h.v4); n++) {
		assert_true(n < 100);
		finish();
	}
	h.seen = h.put;
}

static void next_is(unsigned its, uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3)
{
	const struct command *c = &h.commands[h.seen];

	assert_true(h.seen < h.put);
	assert_int_equal(c->its, its);
	assert_int_equal(c->word[0], w0);
	assert_int_equal(c->word[1], w1);
	assert_int_equal(c->word[2], w2);
	assert_int_equal(c->word[3], w3);
	h.seen++;
}

static void no_more(void)
{
	assert_int_equal(h.seen, h.put);
}

/* A VM of two vCPUs whose vPEs are not mapped yet; route 1 is device 5's event 9. */
static void make_on(struct gicv4_machine machine)
{
	const struct gicv4_event event = {
		.collection = 3, .cpu = 2, .device = 5, .event = 9, .intid = 8200
	};
	struct gicv4_config config;
	size_t size;

	memset(&h, 0, sizeof(h));
	h.machine = machine;
	config = config_of(NULL);
	size = gicv4_tables_size(&h.machine, &config);
	assert_int_equal(size, 0x40000);
	h.tables = aligned_alloc(64, size);
	memset(h.tables, 0xff, size);
	config = config_of(h.tables);
	size = gicv4_size(&h.machine, &config);
	h.memory = aligned_alloc(64, (size + 63) / 64 * 64);
	memset(h.memory, 0xa5, size);
	assert_int_equal(gicv4_init(&h.v4, h.memory, size, &h.machine, &config, &hooks, &h), 0);
	assert_int_equal(gicv4_route(h.v4, 1, &event), 0);
}

static void make(unsigned minor, unsigned itss, bool vmovp)
{
	make_on((struct gicv4_machine){ .minor = (uint8_t)minor,
					.itss = (uint8_t)itss,
					.vmovp = vmovp,
					.its_numbers = { 2, 5 },
					.vpeids = 0x1000,
					.intid_bits = 16 });
}

static void start(unsigned minor)
{
	make(minor, 1, true);
	assert_int_equal(gicv4_start(h.v4), 0);
	settle();
}

/* GICv4.1 whose redistributors have INVLPIR, INVALLR and SYNCR. */
static void start_invlpir(void)
{
	make_on((struct gicv4_machine){ .minor = 1,
					.itss = 1,
					.vmovp = true,
					.invlpir = true,
					.vpeids = 0x1000,
					.intid_bits = 16 });
	assert_int_equal(gicv4_start(h.v4), 0);
	settle();
}

static int end(void **state)
{
	(void)state;
	free(h.memory);
	free(h.tables);
	h.memory = h.tables = NULL;
	return 0;
}

/* --- Configuration. --- */

static void refuse(struct gicv4_machine machine, struct gicv4_config config, const char *why)
{
	const char *reason = NULL;

	assert_int_equal(gicv4_check(&machine, &config, &reason), -VIRQ_ERR_CONFIG);
	assert_memory_equal(reason, why, strlen(why));
	assert_int_equal(gicv4_size(&machine, &config), 0);
	assert_int_equal(gicv4_tables_size(&machine, &config), 0);
}

static void what_cannot_be_built_is_refused_by_name(void **state)
{
	const struct gicv4_machine machine = {
		.itss = 1, .vmovp = true, .vpeids = 16, .intid_bits = 14
	};
	struct gicv4_config config = config_of(NULL), bad;
	struct gicv4_machine other = machine;
	const char *reason = "";

	(void)state;
	config.first_vpeid = 13;
	assert_int_equal(gicv4_check(&machine, &config, &reason), 0);
	assert_null(reason);
	bad = config, bad.first_vpeid = 14;
	refuse(machine, bad, "first_vpeid");
	bad = config, bad.lpi_bits = 14;
	refuse(machine, bad, "lpi_bits");
	bad = config, bad.lpi_bits = 0;
	refuse(machine, bad, "lpi_bits");
	bad = config, bad.vcpus = 0;
	refuse(machine, bad, "vcpus");
	bad = config, bad.vcpus = 513;
	refuse(machine, bad, "vcpus");
	bad = config, bad.routes = 0;
	refuse(machine, bad, "routes");
	bad = config, bad.attributes = 1;
	refuse(machine, bad, "attributes");
	bad = config, bad.doorbells = NULL;
	refuse(machine, bad, "doorbells");
	other.minor = 2;
	refuse(other, config, "minor");
	other = machine, other.itss = 17;
	refuse(other, config, "itss");
	other = machine, other.vmovp = false, other.its_numbers[0] = 16;
	refuse(other, config, "its_numbers");
	other = machine, other.vpeids = 0x10001;
	refuse(other, config, "vpeids");
}

static void tables_that_hardware_could_not_name_are_refused(void **state)
{
	struct gicv4_config config;
	size_t size;

	(void)state;
	make(0, 1, true);
	config = config_of(h.tables);
	size = gicv4_size(&h.machine, &config);
	config.address += 0x1000;
	assert_int_equal(gicv4_init(&h.v4, h.memory, size, &h.machine, &config, &hooks, &h),
			 -VIRQ_ERR_MEMORY);
	config.address = UINT64_C(1) << 52;
	assert_int_equal(gicv4_init(&h.v4, h.memory, size, &h.machine, &config, &hooks, &h),
			 -VIRQ_ERR_MEMORY);
	config.address = BASE;
	assert_int_equal(gicv4_init(&h.v4, h.memory, size - 1, &h.machine, &config, &hooks, &h),
			 -VIRQ_ERR_MEMORY);
}

static void property_and_pending_tables_grow_with_the_lpis(void **state)
{
	struct gicv4_machine machine = { .itss = 1, .vmovp = true, .vpeids = 64, .intid_bits = 24 };
	struct gicv4_config config = config_of(NULL);

	(void)state;
	config.lpi_bits =
		16; /* INTIDs of 17 bits: 131072 - 8192 properties, 16 KiB of pending bits */
	assert_int_equal(gicv4_tables_size(&machine, &config), 0x20000 + 3 * 0x10000);
	config.lpi_bits = 20; /* 21 bits: 2 MiB - 8 KiB, 256 KiB */
	assert_int_equal(gicv4_tables_size(&machine, &config), 0x200000 + 3 * 0x40000);
}

/* --- The VM's life. --- */

static void start_maps_each_vpe_with_its_table(void **state)
{
	(void)state;
	make(0, 1, true);
	assert_int_equal(gicv4_load(h.v4, 0, 1), -VIRQ_ERR_BUSY);
	assert_int_equal(gicv4_start(h.v4), 0);
	assert_int_equal(gicv4_start(h.v4), -VIRQ_ERR_BUSY);
	assert_false(gicv4_settled(h.v4));
	for (unsigned n = 0; n < VCPUS; n++) {
		next_is(0, 0x29, VPE(n), V | RD(1), TABLE(n) | 13);
		next_is(0, 0x25, VPE(n), 0, 0);
	}
	assert_int_equal(gicv4_load(h.v4, 0, 1), -VIRQ_ERR_BUSY);
	settle();
	no_more();
	for (unsigned n = 0; n < 32; n++)
		assert_int_equal(h.tables[n] & 1, 0); /* all are disabled */
	for (unsigned n = 0x10000; n < 0x40000; n++)
		assert_int_equal(h.tables[n], 0); /* nothing is pending */
}

static void gicv4_1_maps_with_property_table_and_doorbell(void **state)
{
	(void)state;
	make(1, 2, true);
	gicv4_start(h.v4);
	/* Alloc and PTZ on the first ITS, neither on the next one. */
	next_is(0, 0x329 | BASE, VPE(0) | BELL(0), V | RD(1), TABLE(0) | 13);
	next_is(0, 0x2e, VPE(0), 0, 0); /* the doorbell's property is read */
	next_is(0, 0x25, VPE(0), 0, 0);
	next_is(0, 0x329 | BASE, VPE(1) | BELL(1), V | RD(1), TABLE(1) | 13);
	next_is(0, 0x2e, VPE(1), 0, 0); /* the doorbell's property is read */
	next_is(0, 0x25, VPE(1), 0, 0);
	no_more();
	assert_false(gicv4_settled(h.v4)); /* ITS 0 has not done it */
	no_more();
	finish();
	assert_false(gicv4_settled(h.v4));
	next_is(1, 0x029 | BASE, VPE(0) | BELL(0), V | RD(1), TABLE(0) | 13);
	settle();
}

static void stop_unmaps_in_the_opposite_order(void **state)
{
	(void)state;
	make(1, 2, true);
	gicv4_start(h.v4);
	settle();
	assert_int_equal(gicv4_load(h.v4, 0, 1), 0);
	assert_int_equal(gicv4_stop(h.v4), -VIRQ_ERR_BUSY);
	gicv4_put(h.v4, 0, false, false);
	assert_int_equal(gicv4_stop(h.v4), 0);
	next_is(1, 0x029, VPE(0), 0, 0);
	next_is(1, 0x029, VPE(1), 0, 0);
	no_more();
	finish();
	gicv4_settled(h.v4);
	next_is(0, 0x129, VPE(0), 0, 0);
	next_is(0, 0x129, VPE(1), 0, 0);
	settle();
	assert_int_equal(gicv4_stop(h.v4), 0);
	no_more();
	assert_int_equal(gicv4_start(h.v4), 0);
}

/* --- A vCPU on a CPU. --- */

static void where_it_was_mapped_no_move_is_needed(void **state)
{
	(void)state;
	start(0);
	assert_int_equal(gicv4_load(h.v4, 1, 1), 0);
	no_more();
	assert_int_equal(gicv4_load(h.v4, 1, 1), -VIRQ_ERR_BUSY);
	assert_true(gicv4_ready(h.v4, 1));
	assert_int_equal(h.vpropbaser[1], BASE | 7 << 7 | 1 << 10 | 13);
	assert_int_equal(h.vpendbaser[1], V | LAST | TABLE(1) | 7 << 7 | 1 << 10);
}

static void a_move_is_waited_for_and_takes_the_doorbell_along(void **state)
{
	(void)state;
	start(0);
	gicv4_load(h.v4, 0, 3);
	next_is(0, 0x22, VPE(0), RD(3), 0);
	next_is(0, 0x25, VPE(0), 0, 0);
	next_is(0, 0x01 | UINT64_C(7) << 32, 0, 3, 0);
	next_is(0, 0x05, 0, RD(1), 0);
	no_more();
	h.executed = h.put - 3; /* VMOVP is done, its VSYNC is not */
	assert_false(gicv4_ready(h.v4, 0));
	assert_int_equal(h.vpendbaser[3], 0);
	h.executed++;
	h.dirty_after_write = 1;
	assert_false(gicv4_ready(h.v4, 0)); /* resident, and still looking */
	assert_true(h.vpendbaser[3] & V);
	h.vpendbaser[3] &= ~DIRTY;
	assert_true(gicv4_ready(h.v4, 0));
}

static void without_vmovp_each_its_is_told_with_one_sequence_number(void **state)
{
	const uint64_t list = 1 << 2 | 1 << 5;

	(void)state;
	make(0, 2, false);
	gicv4_start(h.v4);
	settle();
	for (uint64_t sequence = 0; sequence < 2; sequence++) {
		gicv4_load(h.v4, 0, 2 + (unsigned)sequence);
		next_is(0, 0x22 | sequence << 32, VPE(0) | list, RD(2 + sequence), 0);
		next_is(1, 0x22 | sequence << 32, VPE(0) | list, RD(2 + sequence), 0);
		next_is(0, 0x25, VPE(0), 0, 0);
		next_is(1, 0x25, VPE(0), 0, 0);
		settle();
		gicv4_put(h.v4, 0, false, false);
	}
}

static void gicv4_1_names_the_vpe_and_its_groups(void **state)
{
	(void)state;
	start(1);
	gicv4_groups(h.v4, 0, false, true);
	gicv4_load(h.v4, 0, 2);
	next_is(0, 0x22, VPE(0), V | RD(2), BELL(0));
	next_is(0, 0x25, VPE(0), 0, 0);
	no_more();
	finish();
	gicv4_ready(h.v4, 0);
	assert_int_equal(h.vpendbaser[2], V | UINT64_C(1) << 58 | 0x20);
	assert_int_equal(h.vpropbaser[2], 0); /* the machine's: the vPE table */
}

static void what_another_left_dirty_is_waited_for(void **state)
{
	(void)state;
	start(0);
	h.vpendbaser[1] = DIRTY;
	gicv4_load(h.v4, 0, 1);
	assert_false(gicv4_ready(h.v4, 0));
	assert_int_equal(h.vpendbaser[1], DIRTY);
	h.vpendbaser[1] = 0;
	assert_true(gicv4_ready(h.v4, 0));
}

static void run_here(unsigned vcpu)
{
	gicv4_load(h.v4, vcpu, 1);
	finish();
	assert_true(gicv4_ready(h.v4, vcpu));
	h.seen = h.put;
}

static void a_preempted_vcpu_may_have_something_pending(void **state)
{
	(void)state;
	start(0);
	run_here(0);
	assert_false(gicv4_pending(h.v4, 0));
	assert_true(gicv4_put(h.v4, 0, false, false));
	assert_int_equal(h.vpendbaser[1] & V, 0);
	assert_true(gicv4_pending(h.v4, 0));
	assert_false(h.bell[0]);
	no_more();
}

static void one_that_blocks_has_its_doorbell_on_first(void **state)
{
	(void)state;
	start(0);
	run_here(0);
	assert_false(gicv4_put(h.v4, 0, true, false));
	assert_true(h.vpendbaser[1] & V);              /* as long as the doorbell is not ready */
	next_is(0, 0x04 | UINT64_C(7) << 32, 0, 0, 0); /* a ring from before is none */
	next_is(0, 0x0c | UINT64_C(7) << 32, 0, 0, 0);
	next_is(0, 0x05, 0, RD(1), 0);
	no_more();
	assert_true(h.bell[0]);
	finish();
	assert_true(gicv4_put(h.v4, 0, true, false));
	assert_int_equal(h.vpendbaser[1] & V, 0);
	assert_false(gicv4_pending(h.v4, 0));
	run_here(0);
	assert_false(h.bell[0]);
}

static void what_hardware_found_at_the_end_keeps_it_awake(void **state)
{
	(void)state;
	start(0);
	run_here(0);
	gicv4_put(h.v4, 0, true, false);
	finish();
	h.dirty_after_write = 1;
	assert_false(gicv4_put(h.v4, 0, true, false));
	h.vpendbaser[1] = LAST | IDAI;
	assert_true(gicv4_put(h.v4, 0, true, false));
	assert_true(gicv4_pending(h.v4, 0));
	h.dirty_after_write = 0;
	run_here(0);
	assert_int_equal(h.vpendbaser[1] & IDAI, IDAI); /* kept */
	assert_false(gicv4_pending(h.v4, 0));
}

static void hardware_that_never_answers_counts_as_pending(void **state)
{
	struct gicv4_stats stats;

	(void)state;
	start(0);
	run_here(0);
	gicv4_put(h.v4, 0, true, false);
	finish();
	h.dirty_after_write = 1;
	assert_false(gicv4_put(h.v4, 0, true, false));
	assert_true(gicv4_put(h.v4, 0, true, true));
	assert_true(gicv4_pending(h.v4, 0));
	gicv4_stats(h.v4, &stats);
	assert_int_equal(stats.late, 1);
	h.vpendbaser[1] = 0;
	h.dirty_after_write = 0;
	run_here(0);
	assert_int_equal(h.vpendbaser[1] & IDAI, IDAI); /* its area was never finished */
}

static void a_doorbell_that_is_not_on_in_time_counts_as_pending(void **state)
{
	(void)state;
	start(0);
	run_here(0);
	assert_true(gicv4_put(h.v4, 0, true, true));
	assert_true(gicv4_pending(h.v4, 0));
}

static void a_doorbell_wakes_and_silences_itself(void **state)
{
	struct gicv4_stats stats;

	(void)state;
	start(0);
	run_here(1);
	gicv4_put(h.v4, 1, true, false);
	finish();
	gicv4_put(h.v4, 1, true, false);
	h.seen = h.put;
	gicv4_doorbell(h.v4, 1);
	assert_false(h.bell[1]);
	next_is(0, 0x0c | UINT64_C(7) << 32, 1, 0, 0);
	next_is(0, 0x05, 0, RD(1), 0);
	assert_int_equal(h.wakes[1], 1);
	assert_true(gicv4_pending(h.v4, 1));
	gicv4_doorbell(h.v4, VCPUS); /* there is none */
	gicv4_stats(h.v4, &stats);
	assert_int_equal(stats.doorbells, 1);
	assert_int_equal(stats.blocks, 1);
}

static void gicv4_1_asks_for_the_doorbell_as_it_leaves(void **state)
{
	(void)state;
	start(1);
	run_here(0);
	assert_true(gicv4_put(h.v4, 0, true, false));
	assert_int_equal(h.vpendbaser[1] & (V | LAST | IDAI), UINT64_C(1) << 62); /* DB */
	assert_false(gicv4_pending(h.v4, 0));
	no_more();
	gicv4_doorbell(h.v4, 0);
	no_more();
	assert_true(gicv4_pending(h.v4, 0));
	run_here(0);
	gicv4_put(h.v4, 0, false, false);
	assert_int_equal(h.vpendbaser[1] & (V | LAST | IDAI), LAST); /* and no doorbell */
}

/* --- Routes. --- */

static void what_the_guest_never_had_is_mapped_as_it_is(void **state)
{
	(void)state;
	start(0);
	h.can_hold = true;
	assert_true(gicv4_map(h.v4, 1, 1, 8195, 0xa1));
	next_is(0, 0x0f | UINT64_C(5) << 32, 9, 0, 0);
	next_is(0, 0x05, 0, RD(2), 0);
	next_is(0, 0x2a | UINT64_C(5) << 32, VPE(1) | 9, (uint64_t)BELL(1) << 32 | 8195, 0);
	next_is(0, 0x0c | UINT64_C(5) << 32, 9, 0, 0);
	next_is(0, 0x25, VPE(1), 0, 0);
	no_more();
	assert_false(h.held[1]);
	gicv4_discard(h.v4, 1);
	next_is(0, 0x0f | UINT64_C(5) << 32, 9, 0, 0);
	next_is(0, 0x25, VPE(1), 0, 0);
	no_more();
	assert_false(gicv4_is_direct(h.v4, 1));
	gicv4_discard(h.v4, 1);
	gicv4_set(h.v4, 1);
	no_more();
	assert_true(gicv4_map(h.v4, 1, 0, 8194, 0xa1));
	next_is(0, 0x2a | UINT64_C(5) << 32, VPE(0) | 9, (uint64_t)BELL(0) << 32 | 8194, 0);
	next_is(0, 0x0c | UINT64_C(5) << 32, 9, 0, 0);
	next_is(0, 0x25, VPE(0), 0, 0);
	no_more();
}

/* Mapped, and taken back by the embedder: software delivers it. */
static void map_and_take_back(void)
{
	assert_true(gicv4_map(h.v4, 1, 1, 8195, 0xa1));
	while (gicv4_unmap(h.v4, 1) == GICV4_AGAIN)
		finish();
	h.seen = h.put;
}

static void mapping_replaces_the_lpi_and_drops_nothing(void **state)
{
	(void)state;
	start(0);
	map_and_take_back();
	assert_true(gicv4_map(h.v4, 1, 1, 8195, 0xa1));
	assert_int_equal(h.tables[3], 0xa3);
	next_is(0, 0x0f | UINT64_C(5) << 32, 9, 0, 0);
	next_is(0, 0x05, 0, RD(2), 0);
	next_is(0, 0x2d, VPE(1), 0, 0); /* what it remembers of the LPI is forgotten first */
	next_is(0, 0x2a | UINT64_C(5) << 32, VPE(1) | 9, (uint64_t)BELL(1) << 32 | 8195, 0);
	next_is(0, 0x0c | UINT64_C(5) << 32, 9, 0, 0);
	next_is(0, 0x03 | UINT64_C(5) << 32, 9, 0, 0);
	next_is(0, 0x25, VPE(1), 0, 0);
	no_more();
	assert_true(gicv4_is_direct(h.v4, 1));
	assert_false(gicv4_map(h.v4, 1, 1, 8195, 0xa1));
}

static void a_device_that_can_be_held_needs_no_spare_interrupt(void **state)
{
	(void)state;
	start(0);
	h.can_hold = true;
	map_and_take_back();
	assert_true(gicv4_map(h.v4, 1, 1, 8195, 0));
	for (unsigned n = h.seen; n < h.put; n++)
		assert_int_not_equal(h.commands[n].word[0] & 0xff, 0x03);
	assert_true(h.held[1]);
	assert_false(gicv4_settled(h.v4));
	assert_true(h.held[1]);
	settle();
	assert_false(h.held[1]);
}

static void map_direct(void)
{
	assert_true(gicv4_map(h.v4, 1, 1, 8195, 0xa1));
	settle();
}

static void what_does_not_exist_is_not_mapped(void **state)
{
	(void)state;
	make(0, 1, true);
	assert_false(gicv4_map(h.v4, 1, 1, 8195, 0)); /* not started */
	gicv4_start(h.v4);
	settle();
	assert_false(gicv4_map(h.v4, 0, 1, 8195, 0)); /* no event */
	assert_false(gicv4_map(h.v4, ROUTES, 1, 8195, 0));
	assert_false(gicv4_map(h.v4, 1, VCPUS, 8195, 0));
	assert_false(gicv4_map(h.v4, 1, 1, 8191, 0));
	assert_false(gicv4_map(h.v4, 1, 1, 1 << 14, 0));
	gicv4_configure(h.v4, 1, 1 << 14, 0xff);
	gicv4_configure(h.v4, 1, 0, 0xff);
	gicv4_move(h.v4, ROUTES, 0);
	gicv4_set(h.v4, ROUTES);
	assert_int_equal(gicv4_unmap(h.v4, ROUTES), GICV4_CLEAR);
	assert_false(gicv4_is_direct(h.v4, ROUTES));
	assert_int_equal(gicv4_load(h.v4, VCPUS, 0), -VIRQ_ERR_RANGE);
	assert_true(gicv4_put(h.v4, VCPUS, true, false));
	assert_false(gicv4_pending(h.v4, VCPUS));
	assert_int_equal(gicv4_route(h.v4, ROUTES, NULL), -VIRQ_ERR_RANGE);
	no_more();
}

static void unmapping_without_holding_the_device_says_pending(void **state)
{
	struct gicv4_stats stats;

	(void)state;
	start(0);
	map_direct();
	assert_int_equal(gicv4_unmap(h.v4, 1), GICV4_AGAIN);
	next_is(0, 0x0f | UINT64_C(5) << 32, 9, 0, 0);
	next_is(0, 0x25, VPE(1), 0, 0);
	next_is(0, 0x0a | UINT64_C(5) << 32, UINT64_C(8200) << 32 | 9, 3, 0);
	next_is(0, 0x05, 0, RD(2), 0);
	no_more();
	assert_int_equal(gicv4_unmap(h.v4, 1), GICV4_AGAIN);
	no_more();
	finish();
	assert_int_equal(gicv4_unmap(h.v4, 1), GICV4_PENDING);
	assert_int_equal(gicv4_unmap(h.v4, 1), GICV4_CLEAR); /* nothing is there any more */
	gicv4_stats(h.v4, &stats);
	assert_int_equal(stats.direct, 0);
	assert_int_equal(stats.again, 1);
}

static uint8_t *parked(void)
{
	return h.tables + 0x10000 * (1 + VCPUS) + 8195 / 8;
}

static void unmapping_a_held_device_reads_the_pending_table(void **state)
{
	(void)state;
	start(0);
	h.can_hold = true;
	map_direct();
	assert_int_equal(gicv4_unmap(h.v4, 1), GICV4_AGAIN);
	assert_true(h.held[1]);
	next_is(0, 0x29, PARKING, V | RD(1), TABLE(VCPUS) | 13);
	next_is(0, 0x21 | UINT64_C(5) << 32, PARKING | 9, UINT64_C(1023) << 32 | 1, 0);
	next_is(0, 0x25, VPE(1), 0, 0);
	next_is(0, 0x25, PARKING, 0, 0);
	next_is(0, 0x29, PARKING, 0, 0);
	next_is(0, 0x25, PARKING, 0, 0);
	no_more();
	finish();
	*parked() = 1 << 8195 % 8 | 1 << 5; /* hardware writes it, and what is not ours */
	assert_int_equal(gicv4_unmap(h.v4, 1), GICV4_AGAIN);
	assert_int_equal(*parked(), 1 << 5);
	next_is(0, 0x29, PARKING, V | RD(1), TABLE(VCPUS) | 13);
	next_is(0, 0x0f | UINT64_C(5) << 32, 9, 0, 0);
	next_is(0, 0x25, PARKING, 0, 0);
	next_is(0, 0x29, PARKING, 0, 0);
	next_is(0, 0x25, PARKING, 0, 0);
	next_is(0, 0x0a | UINT64_C(5) << 32, UINT64_C(8200) << 32 | 9, 3, 0);
	next_is(0, 0x05, 0, RD(2), 0);
	no_more();
	assert_true(h.held[1]);
	finish();
	assert_int_equal(gicv4_unmap(h.v4, 1), GICV4_PENDING);
	assert_false(h.held[1]);
}

static enum gicv4_result unmap(void (*meanwhile)(struct gicv4 *vm, uint16_t route))
{
	enum gicv4_result result = gicv4_unmap(h.v4, 1);

	assert_int_equal(result, GICV4_AGAIN);
	h.seen = h.put;
	if (meanwhile)
		meanwhile(h.v4, 1);
	no_more(); /* there is nobody to tell */
	while ((result = gicv4_unmap(h.v4, 1)) == GICV4_AGAIN)
		finish();
	return result;
}

static void what_the_guest_does_meanwhile_is_the_last_word(void **state)
{
	(void)state;
	start(0);
	h.can_hold = true;
	map_direct();
	assert_int_equal(unmap(NULL), GICV4_CLEAR);
	map_direct();
	assert_int_equal(unmap(gicv4_set), GICV4_PENDING);
	map_direct();
	*parked() = 1 << 8195 % 8;
	assert_int_equal(unmap(gicv4_clear), GICV4_CLEAR);
}

static void changes_of_a_mapped_route_are_commands(void **state)
{
	(void)state;
	start(0);
	map_direct();
	gicv4_set(h.v4, 1);
	next_is(0, 0x03 | UINT64_C(5) << 32, 9, 0, 0);
	next_is(0, 0x25, VPE(1), 0, 0);
	gicv4_clear(h.v4, 1);
	next_is(0, 0x04 | UINT64_C(5) << 32, 9, 0, 0);
	next_is(0, 0x25, VPE(1), 0, 0);
	gicv4_move(h.v4, 1, 1); /* it is there */
	no_more();
	gicv4_move(h.v4, 1, 0);
	next_is(0, 0x21 | UINT64_C(5) << 32, VPE(0) | 9, (uint64_t)BELL(0) << 32 | 1, 0);
	next_is(0, 0x0c | UINT64_C(5) << 32, 9, 0, 0);
	next_is(0, 0x25, VPE(1), 0, 0);
	next_is(0, 0x25, VPE(0), 0, 0);
	gicv4_configure(h.v4, 1, 8195, 0x40);
	assert_int_equal(h.tables[3], 0x42);
	next_is(0, 0x0c | UINT64_C(5) << 32, 9, 0, 0);
	next_is(0, 0x25, VPE(0), 0, 0);
	gicv4_invalidate_all(h.v4, 1);
	next_is(0, 0x2d, VPE(1), 0, 0);
	next_is(0, 0x25, VPE(1), 0, 0);
	no_more();
}

static void what_is_enabled_while_its_vcpu_sleeps_wakes_it(void **state)
{
	(void)state;
	start(0);
	map_direct();
	assert_int_equal(h.wakes[1], 1); /* the same when it is mapped */
	h.wakes[1] = 0;
	run_here(1);
	gicv4_configure(h.v4, 1, 8195, 0x41);
	settle();
	assert_int_equal(h.wakes[1], 0); /* it is resident: hardware sees to it */
	gicv4_put(h.v4, 1, true, false);
	finish();
	assert_true(gicv4_put(h.v4, 1, true, false));
	assert_false(gicv4_pending(h.v4, 1));
	gicv4_configure(h.v4, 1, 8195, 0x40);
	settle();
	assert_int_equal(h.wakes[1], 0);
	gicv4_configure(h.v4, 1, 8195, 0x41);
	assert_false(gicv4_settled(h.v4));
	assert_int_equal(h.wakes[1], 0); /* not before it is done */
	settle();
	assert_int_equal(h.wakes[1], 1);
	assert_true(gicv4_pending(h.v4, 1));
}

static void a_route_changes_its_event_only_when_unmapped(void **state)
{
	const struct gicv4_event bad = { .its = 1, .intid = 8200 }, no_lpi = { .intid = 100 };

	(void)state;
	start(0);
	assert_int_equal(gicv4_route(h.v4, 0, &bad), -VIRQ_ERR_RANGE);
	assert_int_equal(gicv4_route(h.v4, 0, &no_lpi), -VIRQ_ERR_RANGE);
	map_direct();
	assert_int_equal(gicv4_route(h.v4, 1, NULL), -VIRQ_ERR_BUSY);
	assert_int_equal(gicv4_stop(h.v4), -VIRQ_ERR_BUSY);
	unmap(NULL);
	assert_int_equal(gicv4_route(h.v4, 1, NULL), 0);
	assert_false(gicv4_map(h.v4, 1, 1, 8195, 0));
}

static void a_route_on_its_way_back_changes_its_event_once_it_is(void **state)
{
	(void)state;
	start(0);
	h.can_hold = true;
	map_direct();
	gicv4_enable(h.v4, false);
	assert_false(gicv4_step(h.v4));
	gicv4_discard(h.v4, 1);
	for (unsigned n = 0; gicv4_route(h.v4, 1, NULL); n++) {
		assert_true(n < 10);
		finish();
	}
	assert_false(h.held[1]);
	assert_false(gicv4_map(h.v4, 1, 1, 8195, 0));
}

/* --- On and off. --- */

static void step_all(void)
{
	for (unsigned n = 0; !gicv4_step(h.v4); n++) {
		assert_true(n < 20);
		finish();
	}
}

static void disabling_raises_what_was_pending_and_enabling_maps_again(void **state)
{
	(void)state;
	start(0);
	h.can_hold = true;
	map_direct();
	gicv4_enable(h.v4, false);
	assert_true(gicv4_is_direct(h.v4, 1)); /* not at once */
	assert_false(gicv4_step(h.v4));
	*parked() = 1 << 8195 % 8;
	step_all();
	assert_int_equal(h.raises, 1);
	assert_false(gicv4_is_direct(h.v4, 1));
	assert_false(h.held[1]);
	h.seen = h.put;
	gicv4_set(h.v4, 1); /* INT of the guest's: software delivers it */
	assert_int_equal(h.raises, 2);
	no_more();
	gicv4_enable(h.v4, true);
	step_all();
	assert_true(gicv4_is_direct(h.v4, 1));
	assert_false(h.held[1]); /* and nothing else has to be called for that */
	settle();
	assert_int_equal(h.raises, 2);
}

static void an_int_between_hardware_and_software_is_raised(void **state)
{
	(void)state;
	start(0);
	h.can_hold = true;
	map_direct();
	gicv4_enable(h.v4, false);
	assert_false(gicv4_step(h.v4));
	while (!gicv4_settled(h.v4))
		finish();
	gicv4_set(h.v4, 1); /* it is back, and gicv4_step() has not seen it */
	step_all();
	assert_int_equal(h.raises, 1);
}

static void what_is_mapped_while_disabled_waits_in_software(void **state)
{
	(void)state;
	start(0);
	gicv4_enable(h.v4, false);
	assert_true(gicv4_map(h.v4, 1, 0, 8195, 0xa1));
	no_more();
	gicv4_move(h.v4, 1, 1);
	no_more();
	gicv4_enable(h.v4, true);
	step_all();
	next_is(0, 0x0f | UINT64_C(5) << 32, 9, 0, 0);
	next_is(0, 0x05, 0, RD(2), 0);
	next_is(0, 0x2d, VPE(1), 0, 0); /* what it remembers of the LPI is forgotten first */
	next_is(0, 0x2a | UINT64_C(5) << 32, VPE(1) | 9, (uint64_t)BELL(1) << 32 | 8195, 0);
	gicv4_enable(h.v4, false);
	step_all();
	assert_int_equal(h.raises, 1); /* not held: it cannot know */
	assert_int_equal(gicv4_unmap(h.v4, 1), GICV4_CLEAR);
}

static void what_was_taken_back_stays_with_software(void **state)
{
	(void)state;
	start(0);
	map_and_take_back();
	gicv4_enable(h.v4, false);
	step_all();
	gicv4_enable(h.v4, true);
	step_all();
	no_more(); /* its LPI comes as before */
}

static void what_is_discarded_on_its_way_is_not_raised(void **state)
{
	(void)state;
	start(0);
	h.can_hold = true;
	map_direct();
	gicv4_enable(h.v4, false);
	assert_false(gicv4_step(h.v4));
	gicv4_discard(h.v4, 1);
	assert_false(gicv4_map(h.v4, 1, 0, 8194, 0)); /* not now; software has it */
	finish();
	*parked() = 1 << 8195 % 8;
	gicv4_enable(h.v4, true);
	while (!gicv4_settled(h.v4))
		finish();
	step_all();
	assert_int_equal(h.raises, 0);
	assert_false(h.held[1]);
	assert_true(gicv4_map(h.v4, 1, 0, 8194, 0));
	settle();
}

static void policy_does_not_swing(void **state)
{
	(void)state;
	assert_true(gicv4_policy(false, 4, 4));
	assert_false(gicv4_policy(false, 5, 4));
	assert_true(gicv4_policy(true, 5, 4));
	assert_false(gicv4_policy(true, 6, 4));
	assert_true(gicv4_policy(true, 2, 1));
	assert_false(gicv4_policy(true, 3, 1));
	assert_false(gicv4_policy(false, 2, 1));
}

/* --- GICv4.1. --- */

static void vpe_tables_are_shared_as_typer_says(void **state)
{
	const uint64_t one = UINT64_C(0x01020304) << 32, two = UINT64_C(0x01020405) << 32;

	(void)state;
	assert_true(gicv4_redists_share(one, UINT64_C(0x09080706) << 32)); /* all of them */
	assert_true(gicv4_redists_share(one | 1 << 24, two));
	assert_true(gicv4_redists_share(one | 2 << 24, two));
	assert_false(gicv4_redists_share(one | 3 << 24, two));
	assert_false(gicv4_redists_share(one | 1 << 24, UINT64_C(0x02020304) << 32));
	assert_false(gicv4_its_shares(0, 0x01020300, one));
	assert_true(gicv4_its_shares(UINT64_C(3) << 41, 0x01020300, one));
	assert_false(gicv4_its_shares(UINT64_C(3) << 41, 0x01020400, one));
	assert_true(gicv4_its_shares(UINT64_C(2) << 41, 0x01020400, one));
	/* Two levels, 16 pages of 64 KiB at 0x3000012340000: bits 51:48 are in 15:12 of GITS_BASER. */
	assert_int_equal(
		gicv4_vpe_table(V | UINT64_C(1) << 62 | UINT64_C(0x12340000) | 0x3000 | 2 << 8 | 15,
				UINT64_C(7) << 7),
		V | UINT64_C(1) << 55 | UINT64_C(2) << 53 | UINT64_C(0x3000012340000) | 7 << 7 |
			15);
	assert_int_equal(gicv4_vpe_table(V | 0x12345000 | 0 << 8 | 3, 0), V | 0x12345000 | 3);
	assert_int_equal(gicv4_vpe_table(V | 0x12345000 | 0x80, 0), 0);
}

static void a_doorbell_whose_byte_changed_is_read_anew(void **state)
{
	(void)state;
	start(0);
	assert_int_equal(gicv4_doorbell_changed(h.v4, 1), 0);
	next_is(0, 0x0c | UINT64_C(7) << 32, 1, 0, 0);
	next_is(0, 0x05, 0, RD(1), 0);
	no_more();
	assert_false(gicv4_settled(h.v4));
	settle();
	assert_false(h.bell[1]);
	assert_int_equal(gicv4_doorbell_changed(h.v4, VCPUS), -VIRQ_ERR_RANGE);
	end(NULL);
	make(1, 1, true);
	assert_int_equal(gicv4_doorbell_changed(h.v4, 1), 0); /* as VMAPP will have it */
	no_more();
	gicv4_start(h.v4);
	settle();
	assert_int_equal(gicv4_doorbell_changed(h.v4, 1), 0);
	next_is(0, 0x2e, VPE(1), 0, 0);
	next_is(0, 0x25, VPE(1), 0, 0);
	no_more();
	assert_false(gicv4_settled(h.v4));
	h.executed = h.put - 1; /* the VSYNC is not */
	assert_false(gicv4_settled(h.v4));
	settle();
	assert_int_equal(gicv4_doorbell_changed(h.v4, VCPUS), -VIRQ_ERR_RANGE);
	no_more();
}

/* From the first command: INVDB and VSYNC are of a vPE that is mapped. The INVDBs of this one. */
static unsigned invdbs_of(unsigned vcpu)
{
	bool mapped[2][MANY] = { 0 };
	unsigned count = 0;

	for (unsigned n = 0; n < h.put; n++) {
		const struct command *c = &h.commands[n];
		uint64_t vpe = (c->word[1] >> 32) - 0x20;

		assert_true(vpe < MANY);
		if ((c->word[0] & 0xff) == 0x29)
			mapped[c->its][vpe] = c->word[2] & V;
		else
			assert_true(mapped[c->its][vpe]);
		count += c->word[0] == 0x2e && vpe == vcpu;
	}
	return count;
}

/* More vPEs than are mapped at a time, so that some of them are, and some are not. */
static void a_doorbell_changes_while_many_vpes_are_mapped(void **state)
{
	struct gicv4_event bells[MANY] = { 0 };
	struct gicv4_config config;
	size_t size;
	unsigned before;

	(void)state;
	make(1, 2, true);
	end(NULL);
	for (unsigned n = 0; n < MANY; n++)
		bells[n].intid = BELL(n);
	config = config_of(NULL);
	config.vcpus = MANY;
	config.doorbells = bells;
	size = gicv4_tables_size(&h.machine, &config);
	config.tables = h.tables = aligned_alloc(64, size);
	size = gicv4_size(&h.machine, &config);
	h.memory = aligned_alloc(64, (size + 63) / 64 * 64);
	assert_int_equal(gicv4_init(&h.v4, h.memory, size, &h.machine, &config, &hooks, &h), 0);
	assert_int_equal(gicv4_start(h.v4), 0);
	assert_true(h.put <= 64);
	before = invdbs_of(0);
	assert_int_equal(invdbs_of(MANY - 1), 0);
	assert_int_equal(gicv4_doorbell_changed(h.v4, 0), 0);
	assert_int_equal(gicv4_doorbell_changed(h.v4, MANY - 1), 0);
	assert_int_equal(invdbs_of(0), before + 1); /* what was read at first may be too old */
	assert_int_equal(invdbs_of(MANY - 1), 0);
	settle();
	assert_true(invdbs_of(MANY - 1) > 0);
	assert_int_equal(gicv4_stop(h.v4), 0);
	for (unsigned n = 0; !gicv4_settled(h.v4); n++) {
		assert_true(n < 100);
		gicv4_doorbell_changed(h.v4, 0);
		gicv4_doorbell_changed(h.v4, MANY - 1);
		invdbs_of(0);
		finish();
	}
}

static void redistributors_are_told_of_a_vlpis_configuration(void **state)
{
	(void)state;
	start_invlpir();
	map_direct();
	h.syncr = 1;
	h.invlpir[1] = 0;
	gicv4_configure(h.v4, 1, 8195, 0x40);
	assert_int_equal(h.tables[3], 0x42);
	assert_int_equal(h.invlpir[1], V | VPE(1) | 8195);
	assert_false(gicv4_settled(h.v4));
	h.syncr = 0;
	assert_true(gicv4_settled(h.v4));
	no_more();
	gicv4_invalidate_all(h.v4, 0);
	assert_int_equal(h.invallr[1], V | VPE(0));
	assert_true(gicv4_settled(h.v4));
	no_more();
	run_here(1);
	gicv4_configure(h.v4, 1, 8195, 0x41);
	assert_int_equal(h.invlpir[1], V | VPE(1) | 8195);
	no_more();
}

static void an_its_is_told_what_a_redistributor_cannot_be_now(void **state)
{
	(void)state;
	start_invlpir();
	map_direct();
	gicv4_load(h.v4, 1, 3); /* its vPE is on its way */
	h.seen = h.put;
	memset(h.invlpir, 0, sizeof(h.invlpir));
	gicv4_configure(h.v4, 1, 8195, 0x40);
	next_is(0, 0x0c | UINT64_C(5) << 32, 9, 0, 0);
	next_is(0, 0x25, VPE(1), 0, 0);
	no_more();
	for (unsigned cpu = 0; cpu < 4; cpu++)
		assert_int_equal(h.invlpir[cpu], 0);
	finish();
	settle();
	assert_true(gicv4_ready(h.v4, 1));
	gicv4_configure(h.v4, 1, 8195, 0x41);
	assert_int_equal(h.invlpir[3], V | VPE(1) | 8195);
	no_more();
}

static void a_vpe_stays_while_its_redistributor_is_at_it(void **state)
{
	(void)state;
	start_invlpir();
	map_direct();
	h.syncr = 1;
	gicv4_configure(h.v4, 1, 8195, 0x40);
	assert_int_equal(gicv4_load(h.v4, 1, 2), 0);
	assert_false(gicv4_ready(h.v4, 1));
	no_more();
	h.syncr = 0;
	gicv4_ready(h.v4, 1);
	next_is(0, 0x22, VPE(1), V | RD(2), BELL(1));
	next_is(0, 0x25, VPE(1), 0, 0);
	finish();
	assert_true(gicv4_ready(h.v4, 1));
}

static void vsgis_are_configured_set_and_cleared(void **state)
{
	(void)state;
	start(1);
	assert_int_equal(gicv4_vsgi_configure(h.v4, 1, 5, true, 0xb8, 1), 0);
	next_is(0, 0x23 | UINT64_C(5) << 32 | 0xb << 20 | 1 << 10 | 1 << 8, VPE(1), 0, 0);
	next_is(0, 0x25, VPE(1), 0, 0);
	assert_int_equal(gicv4_vsgi_clear(h.v4, 1, 5), 0);
	next_is(0, 0x23 | UINT64_C(5) << 32 | 0xb << 20 | 1 << 10 | 1 << 9 | 1 << 8, VPE(1), 0, 0);
	assert_int_equal(gicv4_vsgi_set(h.v4, 1, 5), 0);
	assert_int_equal(h.sgir, VPE(1) | 5);
	assert_int_equal(gicv4_vsgi_set(h.v4, 1, 16), -VIRQ_ERR_RANGE);
	assert_int_equal(gicv4_vsgi_configure(h.v4, 2, 0, true, 0, 0), -VIRQ_ERR_RANGE);
	end(NULL);
	start(0);
	assert_int_equal(gicv4_vsgi_set(h.v4, 1, 5), -VIRQ_ERR_KIND);
	assert_int_equal(gicv4_vsgi_clear(h.v4, 1, 5), -VIRQ_ERR_KIND);
	no_more();
}

static void vsgis_pending_are_asked_for_one_at_a_time(void **state)
{
	uint16_t pending;

	(void)state;
	start(1);
	h.vsgipendr = UINT64_C(1) << 31;
	assert_false(gicv4_vsgi_pending(h.v4, 1, &pending));
	assert_int_equal(h.vsgir, 0x21);
	assert_false(gicv4_vsgi_pending(h.v4, 0, &pending));
	assert_int_equal(h.vsgir, 0x21);
	h.vsgipendr = 0x8001;
	assert_true(gicv4_vsgi_pending(h.v4, 1, &pending));
	assert_int_equal(pending, 0x8001);
	h.vsgipendr = 2;
	assert_true(gicv4_vsgi_pending(h.v4, 0, &pending));
	assert_int_equal(h.vsgir, 0x20);
	assert_int_equal(pending, 2);
	gicv4_load(h.v4, 0, 3);
	assert_false(gicv4_vsgi_pending(h.v4, 0, &pending)); /* it is not there yet */
	finish();
	assert_true(gicv4_vsgi_pending(h.v4, 0, &pending));
}

int main(void)
{
#define T(name) cmocka_unit_test_teardown(name, end)
	const struct CMUnitTest tests[] = {
		T(what_cannot_be_built_is_refused_by_name),
		T(tables_that_hardware_could_not_name_are_refused),
		T(property_and_pending_tables_grow_with_the_lpis),
		T(start_maps_each_vpe_with_its_table),
		T(gicv4_1_maps_with_property_table_and_doorbell),
		T(stop_unmaps_in_the_opposite_order),
		T(where_it_was_mapped_no_move_is_needed),
		T(a_move_is_waited_for_and_takes_the_doorbell_along),
		T(without_vmovp_each_its_is_told_with_one_sequence_number),
		T(gicv4_1_names_the_vpe_and_its_groups),
		T(what_another_left_dirty_is_waited_for),
		T(a_preempted_vcpu_may_have_something_pending),
		T(one_that_blocks_has_its_doorbell_on_first),
		T(what_hardware_found_at_the_end_keeps_it_awake),
		T(hardware_that_never_answers_counts_as_pending),
		T(a_doorbell_that_is_not_on_in_time_counts_as_pending),
		T(a_doorbell_wakes_and_silences_itself),
		T(gicv4_1_asks_for_the_doorbell_as_it_leaves),
		T(what_the_guest_never_had_is_mapped_as_it_is),
		T(mapping_replaces_the_lpi_and_drops_nothing),
		T(a_device_that_can_be_held_needs_no_spare_interrupt),
		T(what_does_not_exist_is_not_mapped),
		T(unmapping_without_holding_the_device_says_pending),
		T(unmapping_a_held_device_reads_the_pending_table),
		T(what_the_guest_does_meanwhile_is_the_last_word),
		T(changes_of_a_mapped_route_are_commands),
		T(what_is_enabled_while_its_vcpu_sleeps_wakes_it),
		T(a_route_changes_its_event_only_when_unmapped),
		T(a_route_on_its_way_back_changes_its_event_once_it_is),
		T(disabling_raises_what_was_pending_and_enabling_maps_again),
		T(an_int_between_hardware_and_software_is_raised),
		T(what_is_mapped_while_disabled_waits_in_software),
		T(what_was_taken_back_stays_with_software),
		T(what_is_discarded_on_its_way_is_not_raised),
		T(policy_does_not_swing),
		T(vpe_tables_are_shared_as_typer_says),
		T(a_doorbell_whose_byte_changed_is_read_anew),
		T(a_doorbell_changes_while_many_vpes_are_mapped),
		T(redistributors_are_told_of_a_vlpis_configuration),
		T(an_its_is_told_what_a_redistributor_cannot_be_now),
		T(a_vpe_stays_while_its_redistributor_is_at_it),
		T(vsgis_are_configured_set_and_cleared),
		T(vsgis_pending_are_asked_for_one_at_a_time),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("gicv4", tests, NULL, NULL);
}
