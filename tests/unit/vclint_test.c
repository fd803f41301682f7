/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The virtual CLINT's rules, by name: the RISC-V ACLINT specification (MSWI, MTIMER) and SiFive's CLINT,
 * and what vclint.h says of the physical timer and software interrupt. The predecessor's guests
 * clint-interrupt* are here with a virtual hart (vhart.h) in the place of the firmware's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <carillon/vclint.h>
#include <carillon/vhart.h>

#define HARTS    4
#define MSIP     0x0u
#define MTIMECMP 0x4000u
#define MTIME    0xbff8u
#define MSI      (UINT64_C(1) << 3)
#define MTI      (UINT64_C(1) << 7)

static struct machine {
	struct vclint *clint;
	void *memory;
	unsigned kicks[HARTS];
	unsigned times;
	uint64_t time;
} m;

static void kick(void *host, unsigned hart)
{
	assert_ptr_equal(host, &m);
	assert_true(hart < HARTS);
	m.kicks[hart]++;
}

static void set_time(void *host, uint64_t value)
{
	assert_ptr_equal(host, &m);
	m.times++;
	m.time = value;
}

static const struct vclint_port port = { kick, NULL }, port_with_time = { kick, set_time };

static struct vclint *make(const struct vclint_config *config, const struct vclint_port *p,
			   void **memory)
{
	size_t size = vclint_size(config);
	struct vclint *clint = NULL;

	assert_true(size > 0);
	*memory = aligned_alloc(64, (size + 63) / 64 * 64);
	memset(*memory, 0xa5, size);
	assert_int_equal(vclint_init(&clint, *memory, size, config, p, &m), 0);
	return clint;
}

static int setup(void **state)
{
	struct vclint_config config;

	(void)state;
	memset(&m, 0, sizeof(m));
	memset(&config, 0xa5, sizeof(config));
	vclint_sifive(&config, HARTS);
	assert_int_equal(vclint_check(&config, NULL), 0);
	m.clint = make(&config, &port, &m.memory);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(m.memory);
	return 0;
}

static uint64_t read(uint64_t offset, unsigned bytes, uint64_t now)
{
	uint64_t value = 0x5a5a;

	assert_int_equal(vclint_read(m.clint, offset, bytes, now, &value), VCLINT_DONE);
	return value;
}

static void write(unsigned self, uint64_t offset, unsigned bytes, uint64_t now, uint64_t value)
{
	assert_int_equal(vclint_write(m.clint, self, offset, bytes, now, value), VCLINT_DONE);
}

static void expect_fault(uint64_t offset, unsigned bytes)
{
	uint64_t value;

	assert_int_equal(vclint_read(m.clint, offset, bytes, 5, &value), VCLINT_FAULT);
	assert_int_equal(vclint_write(m.clint, 0, offset, bytes, 5, 1), VCLINT_FAULT);
}

static uint64_t lines(unsigned hart, uint64_t now)
{
	return vclint_lines(m.clint, hart, now);
}

/* --- Registers --------------------------------------------------------------------------------- */

static void at_reset_nothing_is_pending_and_no_deadline_comes(void **state)
{
	(void)state;
	for (unsigned h = 0; h < HARTS; h++) {
		assert_int_equal(read(MSIP + 4 * h, 4, 7), 0);
		assert_int_equal(read(MTIMECMP + 8 * h, 8, 7), VCLINT_NEVER);
		assert_int_equal(lines(h, UINT64_MAX - 1), 0);
		assert_int_equal(vclint_next(m.clint, h, 7), VCLINT_NEVER);
		assert_int_equal(vclint_expired(m.clint, h, 7), 0);
		assert_int_equal(vclint_reasons(m.clint, h), 0);
	}
}

static void msip_has_one_bit(void **state)
{
	(void)state;
	write(1, MSIP + 4, 4, 0, 0xffffffff);
	assert_int_equal(read(MSIP + 4, 4, 0), 1);
	assert_int_equal(lines(1, 0), MSI);
	write(1, MSIP + 4, 4, 0, 0xfffffffe);
	assert_int_equal(read(MSIP + 4, 4, 0), 0);
	assert_int_equal(lines(1, 0), 0);
}

/* "A 4-byte mtimecmp write taken as 8", and halves, which RV32's firmware writes. */
static void B44_four_byte_accesses_to_mtimecmp(void **state)
{
	(void)state;
	write(1, MTIMECMP + 8, 8, 0, 0x1111111122222222);
	write(1, MTIMECMP + 16, 8, 0, 0x3333333344444444);
	write(1, MTIMECMP + 8, 4, 0, UINT64_C(0xdeadbeef55555555));
	assert_int_equal(read(MTIMECMP + 8, 8, 0), 0x1111111155555555);
	write(1, MTIMECMP + 12, 4, 0, UINT64_C(0xdeadbeef66666666));
	assert_int_equal(read(MTIMECMP + 8, 8, 0), 0x6666666655555555);
	assert_int_equal(read(MTIMECMP + 8, 4, 0), 0x55555555);
	assert_int_equal(read(MTIMECMP + 12, 4, 0), 0x66666666);
	assert_int_equal(read(MTIMECMP + 16, 8, 0), 0x3333333344444444);
	assert_int_equal(read(MTIMECMP, 8, 0), VCLINT_NEVER);
}

static void mtime_reads_as_the_time(void **state)
{
	(void)state;
	assert_int_equal(read(MTIME, 8, 0x123456789abcdef0), 0x123456789abcdef0);
	assert_int_equal(read(MTIME, 4, 0x123456789abcdef0), 0x9abcdef0);
	assert_int_equal(read(MTIME + 4, 4, 0x123456789abcdef0), 0x12345678);
	write(0, MTIME, 8, 5, 1000); /* nobody takes it */
	assert_int_equal(read(MTIME, 8, 6), 6);
}

static void who_writes_mtime_gets_all_of_it(void **state)
{
	struct vclint_config config;
	struct vclint *sifive = m.clint;
	void *memory;

	(void)state;
	vclint_sifive(&config, HARTS);
	m.clint = make(&config, &port_with_time, &memory);
	write(0, MTIME, 8, 5, 0x100000002);
	assert_int_equal(m.time, 0x100000002);
	write(0, MTIME + 4, 4, 0x200000007, 9);
	assert_int_equal(m.time, 0x900000007);
	write(0, MTIME, 4, 0x200000007, 9);
	assert_int_equal(m.time, 0x200000009);
	assert_int_equal(m.times, 3);
	free(memory);
	m.clint = sifive;
}

/* "A bad offset or width panics the host": it is the guest's access fault. */
static void bad_offsets_and_widths_fault(void **state)
{
	static const unsigned widths[] = { 0, 1, 2, 3, 5, 16, 64, 0x80000000u, 0xffffffffu };

	(void)state;
	for (size_t n = 0; n < sizeof(widths) / sizeof(widths[0]); n++) {
		expect_fault(MSIP, widths[n]);
		expect_fault(MTIMECMP, widths[n]);
		expect_fault(MTIME, widths[n]);
	}
	expect_fault(MSIP, 8);
	expect_fault(MSIP + 4, 8);
	expect_fault(MTIMECMP + 4, 8);
	for (unsigned odd = 1; odd < 4; odd++) {
		expect_fault(MSIP + odd, 4);
		expect_fault(MTIMECMP + odd, 4);
		expect_fault(MTIMECMP + 4 + odd, 4);
		expect_fault(MTIMECMP + 2 * odd, 8);
		expect_fault(MTIME + odd, 4);
	}
	expect_fault(MTIME + 8, 4);
	expect_fault(MTIME - 4, 4);
	expect_fault(MTIME - 4, 8);
	expect_fault(0x10000, 4);
	expect_fault(UINT64_MAX - 3, 4);
	expect_fault(UINT64_MAX - 7, 8);
	expect_fault(UINT64_C(1) << 32, 4); /* not taken for offset 0 */
	expect_fault((UINT64_C(1) << 32) + MTIMECMP, 8);
	for (unsigned h = 0; h < HARTS; h++)
		assert_int_equal(lines(h, 5), 0);
}

/* B45: a hart that is not there has no registers, and a layout cannot name it. */
static void B45_a_hart_that_is_not_there(void **state)
{
	struct vclint_config config;
	const char *why = NULL;

	(void)state;
	expect_fault(MSIP + 4 * HARTS, 4);
	expect_fault(MTIMECMP + 8 * HARTS, 8);
	expect_fault(MSIP + 4 * 4094, 4);
	vclint_sifive(&config, HARTS);
	config.region[0].harts++;
	assert_int_equal(vclint_check(&config, &why), -VIRQ_ERR_CONFIG);
	assert_non_null(why);
	assert_int_equal(vclint_size(&config), 0);
	vclint_sifive(&config, HARTS);
	config.region[0].first = 1;
	assert_int_equal(vclint_check(&config, NULL), -VIRQ_ERR_CONFIG);
	vclint_sifive(&config, HARTS);
	config.region[0].first = 0xffff;
	assert_int_equal(vclint_check(&config, NULL), -VIRQ_ERR_CONFIG);
}

static void a_wrong_layout_is_refused(void **state)
{
	struct vclint_config config;
	struct vclint *clint;
	const char *why = NULL;

	(void)state;
	vclint_sifive(&config, HARTS);
	config.harts = 0;
	assert_int_equal(vclint_check(&config, &why), -VIRQ_ERR_CONFIG);
	assert_non_null(why);
	vclint_sifive(&config, HARTS);
	config.harts = VCLINT_MAX_HARTS + 1;
	assert_int_equal(vclint_check(&config, NULL), -VIRQ_ERR_CONFIG);
	vclint_sifive(&config, HARTS);
	config.regions = 0;
	assert_int_equal(vclint_check(&config, NULL), -VIRQ_ERR_CONFIG);
	vclint_sifive(&config, HARTS);
	config.regions = VCLINT_MAX_REGIONS + 1;
	assert_int_equal(vclint_check(&config, NULL), -VIRQ_ERR_CONFIG);
	vclint_sifive(&config, HARTS);
	config.region[0].kind = 3;
	assert_int_equal(vclint_check(&config, NULL), -VIRQ_ERR_CONFIG);
	for (unsigned r = 0; r < 3; r++) { /* a multiple of the register's size */
		vclint_sifive(&config, HARTS);
		config.region[r].offset += config.region[r].kind == VCLINT_MSIP ? 2 : 4;
		assert_int_equal(vclint_check(&config, NULL), -VIRQ_ERR_CONFIG);
	}
	vclint_sifive(&config, HARTS);
	assert_int_equal(
		vclint_init(&clint, m.memory, vclint_size(&config) - 1, &config, &port, &m),
		-VIRQ_ERR_MEMORY);
	assert_int_equal(
		vclint_init(&clint, (char *)m.memory + 8, vclint_size(&config), &config, &port, &m),
		-VIRQ_ERR_MEMORY);
}

static void the_largest_clint(void **state)
{
	struct vclint_config config;
	struct vclint *four = m.clint;
	void *memory;

	(void)state;
	vclint_sifive(&config, VCLINT_MAX_HARTS);
	m.clint = make(&config, &port, &memory);
	write(4094, MSIP + 4 * 4094, 4, 0, 1);
	write(4094, MTIMECMP + 8 * 4094, 8, 0, 99);
	assert_int_equal(lines(4094, 99), MSI | MTI);
	assert_int_equal(lines(4093, 99), 0);
	assert_int_equal(read(MTIME, 8, 99), 99); /* right behind it */
	expect_fault(MTIMECMP - 4, 4);
	free(memory);
	m.clint = four;
}

/* One for each hart's register: as many regions as there can be. */
static void sixteen_regions(void **state)
{
	struct vclint_config config = { .harts = 8, .regions = VCLINT_MAX_REGIONS };
	struct vclint *sifive = m.clint;
	void *memory;

	(void)state;
	for (unsigned n = 0; n < VCLINT_MAX_REGIONS; n++)
		config.region[n] = (struct vclint_region){ n < 8 ? VCLINT_MSIP : VCLINT_MTIMECMP,
							   (uint16_t)(n % 8), 1, 0x100 - n * 0x10 };
	assert_int_equal(vclint_check(&config, NULL), 0);
	m.clint = make(&config, &port, &memory);
	for (unsigned h = 0; h < 8; h++) {
		write(h, 0x100 - h * 0x10, 4, 0, 1);
		write(h, 0x80 - h * 0x10, 8, 0, 50 + h);
		assert_int_equal(lines(h, 50 + h), MSI | MTI);
		assert_int_equal(lines(h, 49 + h), MSI);
		expect_fault(0x104 - h * 0x10, 4);
	}
	expect_fault(0x110, 4);
	free(memory);
	m.clint = sifive;
}

/* ACLINT: sockets with an MSWI and an MTIMER each, wherever they are. */
static void aclint_of_two_sockets(void **state)
{
	struct vclint_config config = {
		.harts = 4,
		.regions = 5,
		.region = { { VCLINT_MSIP, 2, 2, 0x8000 },
			    { VCLINT_MSIP, 0, 2, 0x1000 },
			    { VCLINT_MTIMECMP, 0, 2, 0x2000 },
			    { VCLINT_MTIMECMP, 2, 2, 0x9000 },
			    { VCLINT_MTIME, 0, 0, 0xa000 } },
	};
	struct vclint *sifive = m.clint;
	void *memory;

	(void)state;
	config.region[4].harts = 1;
	assert_int_equal(vclint_check(&config, NULL), 0);
	m.clint = make(&config, &port, &memory);
	write(3, 0x8004, 4, 0, 1);
	write(1, 0x1004, 4, 0, 1);
	write(2, 0x9000, 8, 0, 50);
	assert_int_equal(lines(3, 50), MSI);
	assert_int_equal(lines(1, 50), MSI);
	assert_int_equal(lines(2, 50), MTI);
	assert_int_equal(lines(0, 50), 0);
	assert_int_equal(read(0xa000, 8, 77), 77);
	expect_fault(0, 4);
	expect_fault(0x1008, 4);
	expect_fault(0x9010, 8);
	free(memory);
	m.clint = sifive;
}

/* --- The timer --------------------------------------------------------------------------------- */

static void mtip_is_time_at_or_past_the_deadline(void **state)
{
	(void)state;
	write(0, MTIMECMP, 8, 10, 20);
	assert_int_equal(lines(0, 19), 0);
	assert_int_equal(lines(0, 20), MTI);
	assert_int_equal(lines(0, 21), MTI);
	assert_int_equal(lines(0, 19), 0); /* never latched */
	assert_int_equal(vclint_next(m.clint, 0, 10), 20);
}

/* Unsigned, to the end of time. */
static void deadlines_are_unsigned(void **state)
{
	(void)state;
	write(0, MTIMECMP, 8, 10, UINT64_C(1) << 63);
	assert_int_equal(lines(0, 10), 0);
	assert_int_equal(lines(0, (UINT64_C(1) << 63) - 1), 0);
	assert_int_equal(lines(0, UINT64_C(1) << 63), MTI);
	assert_int_equal(vclint_next(m.clint, 0, 10), UINT64_C(1) << 63);
	write(0, MTIMECMP, 8, UINT64_MAX - 1, 0);
	assert_int_equal(lines(0, UINT64_MAX - 1), MTI);
}

/* "A past-deadline write leaves the old deadline armed." */
static void a_deadline_in_the_past_takes_the_old_ones_place(void **state)
{
	(void)state;
	write(0, MTIMECMP, 8, 10, 1000);
	write(0, MTIMECMP, 8, 10, 5);
	assert_int_equal(lines(0, 10), MTI);
	assert_int_equal(vclint_next(m.clint, 0, 10), VCLINT_NEVER);
	write(0, MTIMECMP, 8, 10, 500);
	assert_int_equal(lines(0, 10), 0);
	assert_int_equal(vclint_next(m.clint, 0, 10), 500);
}

static void three_deadlines_share_one_timer(void **state)
{
	(void)state;
	write(0, MTIMECMP, 8, 0, 300);
	vclint_arm(m.clint, 0, VCLINT_PAYLOAD, 200);
	vclint_arm(m.clint, 0, VCLINT_HOST, 100);
	assert_int_equal(vclint_next(m.clint, 0, 0), 100);
	assert_int_equal(vclint_expired(m.clint, 0, 99), 0);
	assert_int_equal(vclint_expired(m.clint, 0, 100), 1u << VCLINT_HOST);
	assert_int_equal(vclint_expired(m.clint, 0, 100), 0); /* once */
	assert_int_equal(vclint_next(m.clint, 0, 100), 200);
	assert_int_equal(vclint_expired(m.clint, 0, 300),
			 1u << VCLINT_PAYLOAD | 1u << VCLINT_FIRMWARE);
	assert_int_equal(vclint_expired(m.clint, 0, 300), 1u << VCLINT_FIRMWARE); /* a level */
	assert_int_equal(vclint_next(m.clint, 0, 300), VCLINT_NEVER);
	vclint_arm(m.clint, 0, VCLINT_PAYLOAD, 400);
	vclint_arm(m.clint, 0, VCLINT_PAYLOAD, VCLINT_NEVER);
	assert_int_equal(vclint_expired(m.clint, 0, 1000), 1u << VCLINT_FIRMWARE);
	assert_int_equal(lines(1, 1000), 0);
	assert_int_equal(vclint_next(m.clint, 1, 0), VCLINT_NEVER);
}

/* Out of band: the firmware sees its own mtimecmp, MTIP and MSIP and nothing of the host's. */
static void the_firmware_sees_its_own_only(void **state)
{
	(void)state;
	vclint_arm(m.clint, 0, VCLINT_HOST, 10);
	vclint_arm(m.clint, 0, VCLINT_PAYLOAD, 10);
	vclint_post(m.clint, 0, VCLINT_REASON_HOST);
	assert_int_equal(m.kicks[0], 1);
	assert_int_equal(lines(0, 20), 0);
	assert_int_equal(read(MTIMECMP, 8, 20), VCLINT_NEVER);
	assert_int_equal(read(MSIP, 4, 20), 0);
	vclint_expired(m.clint, 0, 20);
	assert_int_equal(vclint_reasons(m.clint, 0), VCLINT_REASON_HOST);
	assert_int_equal(lines(0, 20), 0);
}

/* A deadline of the host's that passed while nobody looked is due at once, not lost. */
static void a_host_deadline_in_the_past_is_due(void **state)
{
	(void)state;
	vclint_arm(m.clint, 0, VCLINT_HOST, 10);
	assert_true(vclint_next(m.clint, 0, 50) <= 50);
	assert_int_equal(vclint_expired(m.clint, 0, 50), 1u << VCLINT_HOST);
	assert_int_equal(vclint_next(m.clint, 0, 50), VCLINT_NEVER);
}

/* --- Other harts ------------------------------------------------------------------------------- */

static void ones_own_registers_kick_nobody(void **state)
{
	(void)state;
	write(1, MSIP + 4, 4, 0, 1);
	write(1, MSIP + 4, 4, 0, 0);
	write(1, MTIMECMP + 8, 8, 0, 1);
	for (unsigned h = 0; h < HARTS; h++) {
		assert_int_equal(m.kicks[h], 0);
		assert_int_equal(vclint_reasons(m.clint, h), 0);
	}
}

/* A physical MSI for a set and for a clear, so that the owner looks. */
static void msip_of_another_kicks_it_both_ways(void **state)
{
	(void)state;
	write(0, MSIP + 8, 4, 0, 1);
	assert_int_equal(m.kicks[2], 1);
	assert_int_equal(lines(2, 0), MSI);
	assert_int_equal(vclint_reasons(m.clint, 2), VCLINT_REASON_MSIP);
	write(0, MSIP + 8, 4, 0, 0);
	assert_int_equal(m.kicks[2], 2);
	assert_int_equal(lines(2, 0), 0);
	assert_int_equal(vclint_reasons(m.clint, 2), VCLINT_REASON_MSIP);
	assert_int_equal(m.kicks[0] + m.kicks[1] + m.kicks[3], 0);
}

static void mtimecmp_of_another_makes_it_program_its_timer(void **state)
{
	(void)state;
	write(0, MTIMECMP + 24, 8, 0, 100);
	assert_int_equal(m.kicks[3], 1);
	assert_int_equal(vclint_reasons(m.clint, 3), VCLINT_REASON_TIMER);
	assert_int_equal(vclint_next(m.clint, 3, 0), 100);
	write(0, MTIMECMP + 24, 4, 0, 50);
	assert_int_equal(m.kicks[3], 2);
	assert_int_equal(vclint_next(m.clint, 3, 0), 50);
	assert_int_equal(vclint_reasons(m.clint, 3), VCLINT_REASON_TIMER);
	write(0, MTIMECMP + 24, 8, 60, 0);
	assert_int_equal(lines(3, 60), MTI);
}

static void reasons_add_up_under_one_kick(void **state)
{
	(void)state;
	vclint_post(m.clint, 1, VCLINT_REASON_HOST);
	vclint_post(m.clint, 1, VCLINT_REASON_HOST << 5);
	write(0, MSIP + 4, 4, 0, 1);
	write(0, MTIMECMP + 8, 8, 0, 1);
	vclint_post(m.clint, 1, UINT32_C(1) << 31);
	assert_int_equal(m.kicks[1], 1);
	assert_int_equal(vclint_reasons(m.clint, 1),
			 VCLINT_REASON_HOST | VCLINT_REASON_HOST << 5 | VCLINT_REASON_MSIP |
				 VCLINT_REASON_TIMER | UINT32_C(1) << 31);
	assert_int_equal(vclint_reasons(m.clint, 1), 0);
	vclint_post(m.clint, 1, VCLINT_REASON_HOST);
	assert_int_equal(m.kicks[1], 2);
}

/* --- The predecessor's guests ------------------------------------------------------------------ */

static struct vhart hart_with(uint64_t enabled)
{
	struct vhart_config config = { .misa = VHART_MISA_RV64 | VHART_MISA('I') |
					       VHART_MISA('U') };
	struct vhart h;
	uint64_t value = 0x80001000;

	assert_int_equal(vhart_init(&h, &config), 0);
	h.pc = 0x80000000;
	vhart_csr(&h, 0x305, VHART_WRITE, &value, 0); /* mtvec */
	value = enabled;
	vhart_csr(&h, 0x304, VHART_WRITE, &value, 0); /* mie */
	value = VHART_MSTATUS_MIE;
	vhart_csr(&h, 0x300, VHART_SET, &value, 0); /* mstatus */
	return h;
}

static uint64_t read_mip(struct vhart *h, unsigned hart, uint64_t now)
{
	uint64_t value = 0;

	assert_int_equal(vhart_csr(h, 0x344, VHART_READ, &value, lines(hart, now)), VHART_DONE);
	return value;
}

/* MTI is delivered, csrc of MTIP has no effect, a later mtimecmp clears it; ten times. */
static void clint_interrupt(void **state)
{
	struct vhart h = hart_with(MTI);
	uint64_t now = 100;

	(void)state;
	for (unsigned round = 0; round < 10; round++) {
		uint64_t bits = MTI;

		write(0, MTIMECMP, 8, now, now + 50);
		assert_int_equal(vhart_interrupt(&h, lines(0, now)), -1);
		now = vclint_next(m.clint, 0, now);
		assert_int_equal(vclint_expired(m.clint, 0, now), 1u << VCLINT_FIRMWARE);
		assert_int_equal(vhart_interrupt(&h, lines(0, now)), VHART_MTI);
		vhart_take(&h, VHART_MTI);
		assert_int_equal(h.pc, 0x80001000);
		assert_int_equal(vhart_csr(&h, 0x344, VHART_CLEAR, &bits, lines(0, now)),
				 VHART_DONE);
		assert_int_equal(read_mip(&h, 0, now), MTI);
		write(0, MTIMECMP, 8, now, VCLINT_NEVER);
		assert_int_equal(read_mip(&h, 0, now), 0);
		vhart_mret(&h);
		assert_int_equal(h.pc, 0x80000000);
		assert_int_equal(vhart_interrupt(&h, lines(0, now)), -1);
	}
}

/* MSI before MTI; and when both are dealt with, mip is 0. */
static void clint_interrupt_priority(void **state)
{
	struct vhart h = hart_with(MSI | MTI);

	(void)state;
	write(0, MSIP, 4, 10, 1);
	write(0, MTIMECMP, 8, 10, 5);
	assert_int_equal(vhart_interrupt(&h, lines(0, 10)), VHART_MSI);
	vhart_take(&h, VHART_MSI);
	assert_int_equal(vhart_interrupt(&h, lines(0, 10)), -1);
	write(0, MSIP, 4, 10, 0);
	vhart_mret(&h);
	assert_int_equal(vhart_interrupt(&h, lines(0, 10)), VHART_MTI);
	vhart_take(&h, VHART_MTI);
	write(0, MTIMECMP, 8, 10, VCLINT_NEVER);
	vhart_mret(&h);
	assert_int_equal(read_mip(&h, 0, 10), 0);
	assert_int_equal(vhart_interrupt(&h, lines(0, 10)), -1);
}

/* Hart 1 wakes hart 0 from wfi. */
static void clint_interrupt_multihart(void **state)
{
	struct vhart h = hart_with(MSI);

	(void)state;
	h.mstatus &= ~VHART_MSTATUS_MIE;
	assert_false(vhart_wakes(&h, lines(0, 0)));
	write(1, MSIP, 4, 0, 1);
	assert_int_equal(m.kicks[0], 1);
	assert_int_equal(vclint_reasons(m.clint, 0), VCLINT_REASON_MSIP);
	assert_true(vhart_wakes(&h, lines(0, 0)));
	assert_int_equal(vhart_interrupt(&h, lines(0, 0)), -1);
	write(0, MSIP, 4, 0, 0);
	assert_false(vhart_wakes(&h, lines(0, 0)));
}

/* --- Reset, save, restore ---------------------------------------------------------------------- */

static void a_reset_hart_is_as_new_and_others_are_not(void **state)
{
	(void)state;
	for (unsigned h = 0; h < 2; h++) {
		write(h, MSIP + 4 * h, 4, 0, 1);
		write(h, MTIMECMP + 8 * h, 8, 0, 10);
		vclint_arm(m.clint, h, VCLINT_PAYLOAD, 20);
		vclint_arm(m.clint, h, VCLINT_HOST, 30);
	}
	vclint_reset_hart(m.clint, 1);
	assert_int_equal(lines(1, 100), 0);
	assert_int_equal(read(MTIMECMP + 8, 8, 0), VCLINT_NEVER);
	assert_int_equal(vclint_next(m.clint, 1, 0), VCLINT_NEVER);
	assert_int_equal(vclint_expired(m.clint, 1, 100), 0);
	assert_int_equal(lines(0, 100), MSI | MTI);
	assert_int_equal(vclint_expired(m.clint, 0, 100), 7);
}

static void saved_and_restored_into_another(void **state)
{
	struct vclint_config config;
	size_t size = vclint_save_size(m.clint);
	uint8_t *saved = malloc(size), *again = malloc(size);
	const char *why = NULL;
	void *memory;
	long length;

	(void)state;
	write(2, MSIP + 8, 4, 0, 1);
	write(2, MTIMECMP + 16, 8, 0, 1234);
	vclint_arm(m.clint, 2, VCLINT_PAYLOAD, 777);
	length = vclint_save(m.clint, saved, size);
	assert_int_equal(length, (long)size);
	assert_int_equal(vclint_save(m.clint, again, size - 1), -VIRQ_ERR_MEMORY);
	vclint_sifive(&config, HARTS);
	free(m.memory);
	m.clint = make(&config, &port, &memory);
	m.memory = memory;
	for (size_t less = 0; less < size; less++)
		assert_int_equal(vclint_restore(m.clint, saved, less, &why), -VIRQ_ERR_STATE);
	assert_non_null(why);
	assert_int_equal(lines(2, 5000), 0);
	assert_int_equal(vclint_restore(m.clint, saved, size, NULL), 0);
	assert_int_equal(lines(2, 1233), MSI);
	assert_int_equal(lines(2, 1234), MSI | MTI);
	assert_int_equal(vclint_next(m.clint, 2, 0), 777);
	assert_int_equal(lines(1, 5000), 0);
	vclint_save(m.clint, again, size);
	assert_memory_equal(saved, again, size);
	memset(again, 0xff, size);
	assert_int_equal(vclint_restore(m.clint, again, size, NULL), -VIRQ_ERR_STATE);
	assert_int_equal(lines(2, 1234), MSI | MTI);
	free(saved);
	free(again);
}

static void a_state_of_other_harts_is_refused(void **state)
{
	struct vclint_config config;
	size_t size = vclint_save_size(m.clint);
	uint8_t *saved = malloc(size);
	struct vclint *clint;
	void *memory;

	(void)state;
	assert_true(vclint_save(m.clint, saved, size) > 0);
	vclint_sifive(&config, HARTS - 1);
	clint = make(&config, &port, &memory);
	assert_int_equal(vclint_restore(clint, saved, size, NULL), -VIRQ_ERR_STATE);
	free(memory);
	free(saved);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(at_reset_nothing_is_pending_and_no_deadline_comes),
		TEST(msip_has_one_bit),
		TEST(B44_four_byte_accesses_to_mtimecmp),
		TEST(mtime_reads_as_the_time),
		TEST(who_writes_mtime_gets_all_of_it),
		TEST(bad_offsets_and_widths_fault),
		TEST(B45_a_hart_that_is_not_there),
		TEST(a_wrong_layout_is_refused),
		TEST(the_largest_clint),
		TEST(sixteen_regions),
		TEST(aclint_of_two_sockets),
		TEST(mtip_is_time_at_or_past_the_deadline),
		TEST(deadlines_are_unsigned),
		TEST(a_deadline_in_the_past_takes_the_old_ones_place),
		TEST(three_deadlines_share_one_timer),
		TEST(the_firmware_sees_its_own_only),
		TEST(a_host_deadline_in_the_past_is_due),
		TEST(ones_own_registers_kick_nobody),
		TEST(msip_of_another_kicks_it_both_ways),
		TEST(mtimecmp_of_another_makes_it_program_its_timer),
		TEST(reasons_add_up_under_one_kick),
		TEST(clint_interrupt),
		TEST(clint_interrupt_priority),
		TEST(clint_interrupt_multihart),
		TEST(a_reset_hart_is_as_new_and_others_are_not),
		TEST(saved_and_restored_into_another),
		TEST(a_state_of_other_harts_is_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("vclint", tests, NULL, NULL);
}
