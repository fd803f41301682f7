/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The virtual PLIC's rules, by name: the RISC-V PLIC Specification 1.0.0 and vplic.h. The last tests are in
 * lockstep with a naive PLIC, whose every question is a loop over everything.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <carillon/vhart.h>
#include <carillon/vplic.h>

#define SOURCES  70u
#define CONTEXTS 3u
#define BITS     3u

static const uint16_t numbers[CONTEXTS] = { 0, 2, 7 };

static struct machine {
	struct vplic *plic;
	void *memory;
	unsigned kicks[VPLIC_MAX_CONTEXTS];
	unsigned completed[VPLIC_MAX_SOURCES + 1];
	bool lowers; /* the hook does, as for a physical source */
} m;

static void kick(void *host, unsigned context)
{
	assert_ptr_equal(host, &m);
	assert_true(context < VPLIC_MAX_CONTEXTS);
	m.kicks[context]++;
}

static void completed(void *host, unsigned source)
{
	assert_ptr_equal(host, &m);
	m.completed[source]++;
	if (m.lowers)
		assert_int_equal(vplic_set_line(m.plic, source, false), 0);
}

static const struct vplic_port port = { kick, completed }, port_without_hook = { kick, NULL };

static struct vplic_config config(void)
{
	struct vplic_config c = { .sources = SOURCES, .contexts = CONTEXTS, .priority_bits = BITS };

	memcpy(c.number, numbers, sizeof(numbers));
	return c;
}

static struct vplic *make(const struct vplic_config *c, const struct vplic_port *p, void **memory)
{
	size_t size = vplic_size(c);
	struct vplic *plic = NULL;

	assert_true(size > 0);
	*memory = aligned_alloc(64, (size + 63) / 64 * 64);
	memset(*memory, 0xa5, size);
	assert_int_equal(vplic_init(&plic, *memory, size, c, p, &m), 0);
	return plic;
}

static int setup(void **state)
{
	struct vplic_config c = config();

	(void)state;
	memset(&m, 0, sizeof(m));
	m.plic = make(&c, &port, &m.memory);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(m.memory);
	return 0;
}

/* --- Registers by their names ------------------------------------------------------------------------- */

static uint64_t priority_at(unsigned source)
{
	return 4 * source;
}

static uint64_t pending_at(unsigned word)
{
	return 0x1000 + 4 * word;
}

static uint64_t enable_at(unsigned context, unsigned word)
{
	return 0x2000 + 0x80 * (uint64_t)numbers[context] + 4 * word;
}

static uint64_t threshold_at(unsigned context)
{
	return 0x200000 + 0x1000 * (uint64_t)numbers[context];
}

static uint64_t claim_at(unsigned context)
{
	return threshold_at(context) + 4;
}

static uint32_t get(uint64_t offset)
{
	uint32_t value = 0xdeadbeef;

	assert_int_equal(vplic_read(m.plic, offset, 4, &value), VPLIC_DONE);
	return value;
}

static void set(uint64_t offset, uint32_t value)
{
	assert_int_equal(vplic_write(m.plic, VPLIC_NOBODY, offset, 4, value), VPLIC_DONE);
}

static void line(unsigned source, bool level)
{
	assert_int_equal(vplic_set_line(m.plic, source, level), 0);
}

static void enable(unsigned context, unsigned source)
{
	uint64_t at = enable_at(context, source / 32);

	set(at, get(at) | UINT32_C(1) << source % 32);
}

/* Enabled for context 0, with that priority. */
static void open(unsigned source, uint32_t priority)
{
	set(priority_at(source), priority);
	enable(0, source);
}

static unsigned claim(unsigned context)
{
	return get(claim_at(context));
}

static void complete(unsigned context, uint32_t source)
{
	set(claim_at(context), source);
}

static bool is_pending(unsigned source)
{
	return get(pending_at(source / 32)) >> source % 32 & 1;
}

/* --- Configuration ------------------------------------------------------------------------------------- */

static void refused(struct vplic_config c, const char *field)
{
	const char *why = NULL;

	assert_int_equal(vplic_check(&c, &why), -VIRQ_ERR_CONFIG);
	assert_memory_equal(why, field, strlen(field));
	assert_int_equal(vplic_size(&c), 0);
}

static void configurations_that_cannot_be_are_refused(void **state)
{
	struct vplic_config c = config();

	(void)state;
	assert_int_equal(vplic_check(&c, NULL), 0);
	c.sources = 0;
	refused(c, "sources");
	c.sources = 1024;
	refused(c, "sources");
	c = config();
	c.contexts = 0;
	refused(c, "contexts");
	c.contexts = 65;
	refused(c, "contexts");
	c = config();
	c.priority_bits = 0;
	refused(c, "priority_bits");
	c.priority_bits = 32;
	refused(c, "priority_bits");
	c = config();
	c.number[2] = 15872;
	refused(c, "number");
	c.number[2] = 2;
	refused(c, "number");
	c = config();
	c.number[2] = 15871;
	assert_int_equal(vplic_check(&c, NULL), 0);
}

static void memory_that_does_not_do_is_refused(void **state)
{
	struct vplic_config c = config();
	struct vplic *plic;
	size_t size = vplic_size(&c);

	(void)state;
	assert_int_equal(vplic_init(&plic, m.memory, size - 1, &c, &port, &m), -VIRQ_ERR_MEMORY);
	assert_int_equal(vplic_init(&plic, NULL, size, &c, &port, &m), -VIRQ_ERR_MEMORY);
	assert_int_equal(vplic_init(&plic, (uint8_t *)m.memory + 8, size, &c, &port, &m),
			 -VIRQ_ERR_MEMORY);
	c.sources = 0;
	assert_int_equal(vplic_init(&plic, m.memory, size, &c, &port, &m), -VIRQ_ERR_CONFIG);
}

/* --- Gateways ------------------------------------------------------------------------------------------- */

static void line_makes_pending_and_MEIP_with_enable_and_priority(void **state)
{
	(void)state;
	line(5, true);
	assert_true(is_pending(5));
	assert_false(vplic_pending(m.plic, 0));
	enable(0, 5);
	assert_false(vplic_pending(m.plic, 0)); /* priority 0: never */
	set(priority_at(5), 1);
	assert_true(vplic_pending(m.plic, 0));
	assert_false(vplic_pending(m.plic, 1));
	assert_false(vplic_pending(m.plic, CONTEXTS));
	assert_false(vplic_pending(m.plic, UINT32_MAX));
}

static void what_was_let_in_stays_pending_when_the_line_falls(void **state)
{
	(void)state;
	open(5, 1);
	line(5, true);
	line(5, false);
	assert_true(is_pending(5));
	assert_int_equal(claim(0), 5);
	complete(0, 5);
	assert_int_equal(claim(0), 0);
}

static void claim_takes_it_and_shuts_the_gateway(void **state)
{
	(void)state;
	open(5, 1);
	line(5, true);
	assert_int_equal(claim(0), 5);
	assert_false(is_pending(5));
	assert_false(vplic_pending(m.plic, 0));
	line(5, false);
	line(5, true); /* in flight */
	assert_false(is_pending(5));
	assert_int_equal(claim(0), 0);
	complete(0, 5);
	assert_true(is_pending(5));
	assert_true(vplic_pending(m.plic, 0));
}

static void completion_with_the_line_low_is_the_end(void **state)
{
	(void)state;
	open(5, 1);
	line(5, true);
	assert_int_equal(claim(0), 5);
	line(5, false);
	complete(0, 5);
	assert_false(is_pending(5));
	assert_int_equal(m.completed[5], 1);
}

static void completion_of_what_is_not_enabled_or_not_in_flight_is_ignored(void **state)
{
	(void)state;
	open(5, 1);
	open(6, 1);
	line(5, true);
	complete(0, 5); /* not claimed yet */
	assert_int_equal(m.completed[5], 0);
	assert_true(is_pending(5));
	assert_int_equal(claim(0), 5);
	complete(1, 5); /* not enabled there */
	complete(0, 6);
	complete(0, 0);
	complete(0, SOURCES + 1);
	complete(0, UINT32_MAX);
	assert_int_equal(m.completed[5] + m.completed[6], 0);
	assert_false(is_pending(5));
	set(enable_at(0, 0), 0); /* disabled while in flight: it stays so */
	complete(0, 5);
	assert_int_equal(m.completed[5], 0);
	enable(0, 5);
	complete(0, 5);
	assert_int_equal(m.completed[5], 1);
}

static void another_context_may_complete(void **state)
{
	(void)state;
	open(5, 1);
	enable(2, 5);
	line(5, true);
	assert_int_equal(claim(0), 5);
	complete(2, 5);
	assert_true(is_pending(5));
}

/* As behind a physical PLIC: its line falls with the completion, and MEI raises it again. */
static void hook_may_lower_the_line_before_the_gateway_opens(void **state)
{
	(void)state;
	m.lowers = true;
	open(5, 1);
	line(5, true);
	assert_int_equal(claim(0), 5);
	complete(0, 5);
	assert_int_equal(m.completed[5], 1);
	assert_false(is_pending(5));
	line(5, true);
	assert_true(vplic_pending(m.plic, 0));
}

static void hook_is_optional(void **state)
{
	struct vplic_config c = config();
	struct vplic *with = m.plic;
	void *memory;

	(void)state;
	m.plic = make(&c, &port_without_hook, &memory);
	open(5, 1);
	line(5, true);
	assert_int_equal(claim(0), 5);
	complete(0, 5);
	assert_int_equal(claim(0), 5);
	free(memory);
	m.plic = with;
}

static void sources_that_do_not_exist_have_no_line(void **state)
{
	(void)state;
	assert_int_equal(vplic_set_line(m.plic, 0, true), -VIRQ_ERR_RANGE);
	assert_int_equal(vplic_set_line(m.plic, SOURCES + 1, true), -VIRQ_ERR_RANGE);
	assert_int_equal(vplic_set_line(m.plic, UINT32_MAX, true), -VIRQ_ERR_RANGE);
	assert_int_equal(vplic_set_line(m.plic, SOURCES, true), 0);
}

/* --- Order, thresholds ---------------------------------------------------------------------------------- */

static void claims_go_by_priority_then_by_number(void **state)
{
	(void)state;
	open(3, 2);
	open(9, 7);
	open(40, 7);
	open(SOURCES, 3);
	line(3, true);
	line(40, true);
	line(9, true);
	line(SOURCES, true);
	assert_int_equal(claim(0), 9);
	assert_int_equal(claim(0), 40);
	assert_int_equal(claim(0), SOURCES);
	assert_int_equal(claim(0), 3);
	assert_int_equal(claim(0), 0);
}

static void threshold_masks_up_to_itself(void **state)
{
	(void)state;
	open(5, 3);
	line(5, true);
	set(threshold_at(0), 2);
	assert_true(vplic_pending(m.plic, 0));
	set(threshold_at(0), 3);
	assert_false(vplic_pending(m.plic, 0));
	set(threshold_at(0), 7);
	assert_false(vplic_pending(m.plic, 0));
}

static void threshold_does_not_matter_for_a_claim(void **state)
{
	(void)state;
	open(5, 3);
	line(5, true);
	set(threshold_at(0), 7);
	assert_int_equal(claim(0), 5);
}

static void priority_0_is_never_claimed(void **state)
{
	(void)state;
	open(5, 0);
	line(5, true);
	assert_int_equal(claim(0), 0);
	assert_true(is_pending(5));
}

static void two_contexts_get_one_interrupt_once(void **state)
{
	(void)state;
	open(5, 3);
	enable(1, 5);
	line(5, true);
	assert_true(vplic_pending(m.plic, 0));
	assert_true(vplic_pending(m.plic, 1));
	assert_int_equal(claim(1), 5);
	assert_false(vplic_pending(m.plic, 0));
	assert_int_equal(claim(0), 0);
}

/* --- Registers ------------------------------------------------------------------------------------------ */

static void priorities_and_thresholds_keep_their_bits(void **state)
{
	(void)state;
	set(priority_at(5), UINT32_MAX);
	assert_int_equal(get(priority_at(5)), 7);
	set(threshold_at(1), 0xfffffffa);
	assert_int_equal(get(threshold_at(1)), 2);
	assert_int_equal(get(threshold_at(0)), 0);
}

static void registers_of_sources_that_do_not_exist_are_zero(void **state)
{
	(void)state;
	set(priority_at(0), 7);
	set(priority_at(SOURCES + 1), 7);
	set(priority_at(1023), 7);
	assert_int_equal(get(priority_at(0)), 0);
	assert_int_equal(get(priority_at(SOURCES + 1)), 0);
	assert_int_equal(get(priority_at(1023)), 0);
	for (unsigned word = 0; word < 32; word++)
		set(enable_at(0, word), UINT32_MAX);
	assert_int_equal(get(enable_at(0, 0)), UINT32_MAX - 1);
	assert_int_equal(get(enable_at(0, 1)), UINT32_MAX);
	assert_int_equal(get(enable_at(0, 2)), (1u << (SOURCES % 32 + 1)) - 1);
	assert_int_equal(get(enable_at(0, 3)), 0);
	assert_int_equal(get(enable_at(0, 31)), 0);
	assert_int_equal(get(enable_at(1, 0)), 0);
	assert_int_equal(get(pending_at(3)), 0);
	assert_int_equal(get(pending_at(31)), 0);
}

static void pending_bits_cannot_be_written(void **state)
{
	(void)state;
	set(pending_at(0), UINT32_MAX);
	assert_int_equal(get(pending_at(0)), 0);
	line(5, true);
	set(pending_at(0), 0);
	assert_int_equal(get(pending_at(0)), 1u << 5);
}

static void reserved_registers_are_zero(void **state)
{
	static const uint64_t reserved[] = { 0x1080,   0x1ffc,   0x1f2000, 0x1ffffc,
					     0x200008, 0x200ffc, 0x202008, 0x207000 + 8 };

	(void)state;
	for (unsigned i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
		set(reserved[i], UINT32_MAX);
		assert_int_equal(get(reserved[i]), 0);
	}
}

static void only_aligned_words_are_accesses(void **state)
{
	uint32_t value;

	(void)state;
	for (unsigned bytes = 0; bytes < 20; bytes++) {
		for (uint64_t offset = 0; offset < 8; offset++) {
			bool good = bytes == 4 && offset % 4 == 0;
			int answer = good ? VPLIC_DONE : VPLIC_FAULT;

			assert_int_equal(vplic_read(m.plic, offset, bytes, &value), answer);
			assert_int_equal(vplic_write(m.plic, 0, offset, bytes, 1), answer);
		}
	}
	assert_int_equal(vplic_read(m.plic, VPLIC_SIZE, 4, &value), VPLIC_FAULT);
	assert_int_equal(vplic_read(m.plic, UINT64_MAX - 3, 4, &value), VPLIC_FAULT);
	assert_int_equal(vplic_write(m.plic, 0, VPLIC_SIZE, 4, 1), VPLIC_FAULT);
	assert_int_equal(vplic_read(m.plic, VPLIC_SIZE - 4, 4, &value), VPLIC_OTHER);
}

/* S-mode's, between ours: all of them, also what is reserved or of sources that we do not have. */
static void other_contexts_are_the_embedders(void **state)
{
	static const uint16_t others[] = { 1, 3, 6, 8, 15871 };
	uint32_t value;

	(void)state;
	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		uint64_t page = 0x200000 + 0x1000 * (uint64_t)others[i];
		uint64_t bits = 0x2000 + 0x80 * (uint64_t)others[i];

		for (uint64_t at = 0; at < 16; at += 4) {
			value = 1;
			assert_int_equal(vplic_read(m.plic, page + at, 4, &value), VPLIC_OTHER);
			assert_int_equal(value, 0);
			assert_int_equal(vplic_write(m.plic, 0, page + at, 4, 1), VPLIC_OTHER);
		}
		assert_int_equal(vplic_read(m.plic, bits, 4, &value), VPLIC_OTHER);
		assert_int_equal(vplic_write(m.plic, 0, bits + 0x7c, 4, 1), VPLIC_OTHER);
	}
}

/* --- Kicks ---------------------------------------------------------------------------------------------- */

static void interrupt_kicks_who_has_it_enabled(void **state)
{
	(void)state;
	open(5, 1);
	enable(2, 5);
	memset(m.kicks, 0, sizeof(m.kicks));
	line(5, true);
	assert_int_equal(m.kicks[0], 1);
	assert_int_equal(m.kicks[1], 0);
	assert_int_equal(m.kicks[2], 1);
	line(5, true); /* nothing new */
	line(5, false);
	line(5, true);
	assert_int_equal(m.kicks[0], 1);
	assert_int_equal(claim(0), 5);
	assert_int_equal(vplic_write(m.plic, 0, claim_at(0), 4, 5), VPLIC_DONE);
	assert_int_equal(m.kicks[0], 1); /* its own completion raised it */
	assert_int_equal(m.kicks[2], 2);
}

static void registers_kick_others_whose_interrupt_they_raise(void **state)
{
	(void)state;
	line(5, true);
	assert_int_equal(vplic_write(m.plic, 0, priority_at(5), 4, 2), VPLIC_DONE);
	assert_int_equal(m.kicks[0] + m.kicks[1] + m.kicks[2], 0);
	assert_int_equal(vplic_write(m.plic, 0, enable_at(0, 0), 4, 1u << 5), VPLIC_DONE);
	assert_int_equal(m.kicks[0], 0);
	assert_int_equal(vplic_write(m.plic, 0, enable_at(1, 0), 4, 1u << 5), VPLIC_DONE);
	assert_int_equal(m.kicks[1], 1);
	assert_int_equal(vplic_write(m.plic, 0, threshold_at(1), 4, 2), VPLIC_DONE);
	assert_int_equal(m.kicks[1], 1); /* it fell: nothing to tell */
	assert_int_equal(vplic_write(m.plic, 0, threshold_at(1), 4, 1), VPLIC_DONE);
	assert_int_equal(m.kicks[1], 2);
	assert_int_equal(vplic_write(m.plic, 0, priority_at(5), 4, 3), VPLIC_DONE);
	assert_int_equal(m.kicks[0], 0);
	assert_int_equal(m.kicks[1], 3);
}

/* --- With a virtual hart: MEIP is the line and nothing else ---------------------------------------------- */

static uint64_t ip(unsigned context)
{
	return vplic_pending(m.plic, context) ? VHART_BIT(VHART_MEI) : 0;
}

static void MEIP_is_not_latched_across_a_world_switch(void **state)
{
	struct vhart_config c = { .misa = VHART_MISA_RV64 | VHART_MISA('I') | VHART_MISA('U') |
					  VHART_MISA('S'),
				  .native = true,
				  .satp_modes = 1,
				  .mideleg_forced = 0 };
	struct vhart hart;

	(void)state;
	assert_int_equal(vhart_init(&hart, &c), 0);
	open(5, 1);
	hart.mie = VHART_BIT(VHART_MEI);
	line(5, true);
	assert_true(vhart_mip(&hart, ip(0)) & VHART_BIT(VHART_MEI));
	hart.mode = VHART_S;
	assert_int_equal(vhart_interrupt(&hart, ip(0)), VHART_MEI);
	vhart_take(&hart, VHART_MEI);
	assert_int_equal(hart.mode, VHART_M);
	assert_int_equal(claim(0), 5);
	line(5, false);
	complete(0, 5);
	assert_false(vhart_mip(&hart, ip(0)) & VHART_BIT(VHART_MEI));
	vhart_mret(&hart);
	assert_int_equal(hart.mode, VHART_S);
	assert_int_equal(vhart_interrupt(&hart, ip(0)), -1);
	assert_int_equal(hart.mip, 0);
}

/* --- Saved states ---------------------------------------------------------------------------------------- */

static void restored_state_is_the_saved_one(void **state)
{
	uint8_t saved[2048], again[2048];
	size_t size = vplic_save_size(m.plic);

	(void)state;
	assert_true(size <= sizeof(saved));
	open(5, 1);
	open(SOURCES, 7);
	enable(2, 33);
	set(priority_at(33), 4);
	set(threshold_at(2), 3);
	line(5, true);
	line(33, true);
	line(SOURCES, true);
	assert_int_equal(claim(0), SOURCES);
	assert_int_equal(vplic_save(m.plic, saved, size - 1), -VIRQ_ERR_MEMORY);
	assert_int_equal(vplic_save(m.plic, saved, sizeof(saved)), size);
	line(SOURCES, false);
	complete(0, SOURCES);
	assert_int_equal(claim(0), 5);
	set(enable_at(2, 1), 0);
	set(enable_at(1, 0), UINT32_MAX);
	memset(m.kicks, 0, sizeof(m.kicks));
	assert_int_equal(vplic_restore(m.plic, saved, size, NULL), 0);
	assert_int_equal(m.kicks[0] + m.kicks[1] + m.kicks[2], 0);
	assert_int_equal(vplic_save(m.plic, again, sizeof(again)), size);
	assert_memory_equal(saved, again, size);
	assert_true(vplic_pending(m.plic, 2));
	assert_int_equal(claim(2), 33);
	assert_int_equal(claim(0), 5);
	complete(0, SOURCES);
	assert_int_equal(claim(0), SOURCES); /* its line was 1 */
}

static uint8_t record[2048];

static void refused_state(size_t at, uint8_t value, size_t size, const char *field)
{
	uint8_t bad[2048], before[2048], after[2048];
	const char *why = NULL;

	memcpy(bad, record, sizeof(bad));
	bad[at] = value;
	vplic_save(m.plic, before, sizeof(before));
	assert_int_equal(vplic_restore(m.plic, bad, size, &why), -VIRQ_ERR_STATE);
	assert_memory_equal(why, field, strlen(field));
	vplic_save(m.plic, after, sizeof(after));
	assert_memory_equal(before, after, vplic_save_size(m.plic));
}

static void states_that_cannot_be_are_refused(void **state)
{
	size_t size = vplic_save_size(m.plic), first = 20, threshold = first + 8 * SOURCES;

	(void)state;
	open(5, 1);
	line(5, true);
	vplic_save(m.plic, record, sizeof(record));
	refused_state(0, 0, size, "magic");
	refused_state(4, 2, size, "format");
	refused_state(8, 1, size, "sources");
	refused_state(12, 1, size, "sources");
	refused_state(16, 4, size, "sources");
	refused_state(0, record[0], size - 1, "length");
	refused_state(0, record[0], size + 1, "length");
	refused_state(first, 8, size, "priority");
	refused_state(first + 3, 1, size, "priority");
	refused_state(first + 4, 8, size, "source");
	refused_state(first + 4, 6, size, "source"); /* pending and in flight */
	refused_state(first + 4, 1, size, "source"); /* the line alone */
	refused_state(threshold, 8, size, "threshold");
	refused_state(threshold + 4, 1, size, "enables");
	refused_state(threshold + 12, 0x80, size, "enables");
	refused_state(threshold + 15, 1, size, "enables");
	assert_int_equal(vplic_restore(m.plic, record, size, NULL), 0);
}

static void reset_keeps_the_lines_alone(void **state)
{
	(void)state;
	open(5, 1);
	open(6, 1);
	line(5, true);
	line(6, true);
	line(6, false);
	set(threshold_at(0), 3);
	assert_int_equal(claim(0), 5);
	vplic_reset(m.plic);
	assert_int_equal(get(enable_at(0, 0)), 0);
	assert_int_equal(get(priority_at(5)), 0);
	assert_int_equal(get(threshold_at(0)), 0);
	assert_true(is_pending(5));
	assert_false(is_pending(6));
}

/* --- In lockstep with a naive one ------------------------------------------------------------------------- */

struct naive {
	bool line[SOURCES + 1], pending[SOURCES + 1], flying[SOURCES + 1];
	uint32_t priority[SOURCES + 1], threshold[CONTEXTS];
	bool enabled[CONTEXTS][SOURCES + 1];
};

static struct naive naive;
static uint64_t seed;

static unsigned random_below(unsigned n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

static void naive_settle(unsigned s)
{
	if (naive.line[s] && !naive.flying[s])
		naive.pending[s] = true;
}

static unsigned naive_best(unsigned context)
{
	unsigned found = 0;

	for (unsigned s = 1; s <= SOURCES; s++) {
		if (naive.pending[s] && naive.enabled[context][s] && naive.priority[s] &&
		    (!found || naive.priority[s] > naive.priority[found]))
			found = s;
	}
	return found;
}

static void same(void)
{
	uint32_t word = 0;

	for (unsigned c = 0; c < CONTEXTS; c++) {
		unsigned found = naive_best(c);

		assert_int_equal(vplic_pending(m.plic, c),
				 found && naive.priority[found] > naive.threshold[c]);
	}
	for (unsigned s = 0; s <= SOURCES; s++) {
		word |= (uint32_t)naive.pending[s] << s % 32;
		if (s % 32 == 31 || s == SOURCES) {
			assert_int_equal(get(pending_at(s / 32)), word);
			word = 0;
		}
	}
}

static void step(void)
{
	unsigned s = 1 + random_below(random_below(4) ? 6 : SOURCES), c = random_below(CONTEXTS);
	uint32_t value = random_below(9);
	bool up = random_below(2);

	switch (random_below(8)) {
	case 0:
	case 1:
		line(s, up);
		naive.line[s] = up;
		naive_settle(s);
		break;
	case 2:
		set(priority_at(s), value);
		naive.priority[s] = value % 8;
		break;
	case 3:
		set(threshold_at(c), value);
		naive.threshold[c] = value % 8;
		break;
	case 4:
		value = (uint32_t)random_below(65536) * 65537u ^ random_below(65536);
		set(enable_at(c, s / 32), value);
		for (unsigned i = s / 32 * 32; i < s / 32 * 32 + 32 && i <= SOURCES; i++)
			naive.enabled[c][i] = i && (value >> i % 32 & 1);
		break;
	case 5:
	case 6:
		s = naive_best(c);
		assert_int_equal(claim(c), s);
		if (s) {
			naive.pending[s] = false;
			naive.flying[s] = true;
		}
		break;
	default:
		complete(c, s);
		if (naive.enabled[c][s] && naive.flying[s]) {
			naive.flying[s] = false;
			naive_settle(s);
		}
	}
	same();
}

static void lockstep_with_a_naive_plic(void **state)
{
	uint8_t saved[2048];
	size_t size = vplic_save_size(m.plic);

	(void)state;
	memset(&naive, 0, sizeof(naive));
	seed = 1;
	for (unsigned i = 0; i < 50000; i++) {
		step();
		if (i % 1000 == 999) { /* by way of another one */
			struct vplic_config c = config();
			void *old = m.memory;

			assert_int_equal(vplic_save(m.plic, saved, sizeof(saved)), size);
			m.plic = make(&c, &port, &m.memory);
			free(old);
			assert_int_equal(vplic_restore(m.plic, saved, size, NULL), 0);
			same();
		}
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(configurations_that_cannot_be_are_refused),
		TEST(memory_that_does_not_do_is_refused),
		TEST(line_makes_pending_and_MEIP_with_enable_and_priority),
		TEST(what_was_let_in_stays_pending_when_the_line_falls),
		TEST(claim_takes_it_and_shuts_the_gateway),
		TEST(completion_with_the_line_low_is_the_end),
		TEST(completion_of_what_is_not_enabled_or_not_in_flight_is_ignored),
		TEST(another_context_may_complete),
		TEST(hook_may_lower_the_line_before_the_gateway_opens),
		TEST(hook_is_optional),
		TEST(sources_that_do_not_exist_have_no_line),
		TEST(claims_go_by_priority_then_by_number),
		TEST(threshold_masks_up_to_itself),
		TEST(threshold_does_not_matter_for_a_claim),
		TEST(priority_0_is_never_claimed),
		TEST(two_contexts_get_one_interrupt_once),
		TEST(priorities_and_thresholds_keep_their_bits),
		TEST(registers_of_sources_that_do_not_exist_are_zero),
		TEST(pending_bits_cannot_be_written),
		TEST(reserved_registers_are_zero),
		TEST(only_aligned_words_are_accesses),
		TEST(other_contexts_are_the_embedders),
		TEST(interrupt_kicks_who_has_it_enabled),
		TEST(registers_kick_others_whose_interrupt_they_raise),
		TEST(MEIP_is_not_latched_across_a_world_switch),
		TEST(restored_state_is_the_saved_one),
		TEST(states_that_cannot_be_are_refused),
		TEST(reset_keeps_the_lines_alone),
		TEST(lockstep_with_a_naive_plic),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
