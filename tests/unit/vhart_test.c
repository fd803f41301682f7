/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The virtual hart's rules, by name: RISC-V Privileged Architecture 1.12 (machine level, and what the
 * supervisor level and the hypervisor extension say about M-mode) and 1.10 where it differs, Sstc,
 * Sscofpmf. The firmware is de-privileged by a monitor (native), or emulated.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <carillon/vhart.h>

#define BIT(n) (UINT64_C(1) << (n))

/* CSRs, by their names in the architecture. */
enum {
	SSTATUS = 0x100,
	SIE = 0x104,
	STVEC = 0x105,
	SENVCFG = 0x10a,
	SEPC = 0x141,
	SIP = 0x144,
	STIMECMP = 0x14d,
	SATP = 0x180,
	VSSTATUS = 0x200,
	VSIE = 0x204,
	MSTATUS = 0x300,
	MISA = 0x301,
	MEDELEG = 0x302,
	MIDELEG = 0x303,
	MIE = 0x304,
	MTVEC = 0x305,
	MCOUNTEREN = 0x306,
	MENVCFG = 0x30a,
	MSCRATCH = 0x340,
	MEPC = 0x341,
	MCAUSE = 0x342,
	MTVAL = 0x343,
	MIP = 0x344,
	MTINST = 0x34a,
	MTVAL2 = 0x34b,
	PMPCFG0 = 0x3a0,
	PMPADDR0 = 0x3b0,
	MSECCFG = 0x747,
	SEED = 0x015,
	FCSR = 0x003,
	VCSR = 0x00f,
	HSTATUS = 0x600,
	HIDELEG = 0x603,
	HIE = 0x604,
	HGATP = 0x680,
	MCYCLE = 0xb00,
	CYCLE = 0xc00,
	TIME = 0xc01,
	SCOUNTOVF = 0xda0,
	MVENDORID = 0xf11,
	MHARTID = 0xf14,
	MCONFIGPTR = 0xf15,
};

#define OFF   0u
#define TOR   (1u << 3)
#define NA4   (2u << 3)
#define NAPOT (3u << 3)
#define R     1u
#define W     2u
#define X     4u
#define L     0x80u

/* QEMU's rv64: everything but AIA. */
static struct vhart_config rv64(bool native)
{
	return (struct vhart_config){
		.misa = VHART_MISA_RV64 | VHART_MISA('I') | VHART_MISA('U') | VHART_MISA('S') |
			VHART_MISA('H') | VHART_MISA('C') | VHART_MISA('F') | VHART_MISA('D'),
		.mvendorid = 7,
		.mhartid = 5,
		.native = native,
		.time = true,
		.sstc = true,
		.sscofpmf = true,
		.menvcfg = BIT(63) | 1,
		.mcounteren = 0xffffffff,
		.medeleg = 0xf0b5ff,
		.mideleg_forced = VHART_H_BITS,
		.satp_bits = BIT(60) - 1,
		.satp_modes = 1 << 0 | 1 << 8 | 1 << 9 | 1 << 10,
		.pmps = 16,
	};
}

/* QEMU's sifive-u54: 1.10, neither H nor Sstc. */
static struct vhart_config u54(bool native)
{
	return (struct vhart_config){
		.misa = VHART_MISA_RV64 | VHART_MISA('I') | VHART_MISA('U') | VHART_MISA('S') |
			VHART_MISA('C') | VHART_MISA('F') | VHART_MISA('D'),
		.priv_1_10 = true,
		.native = native,
		.time = true,
		.mcounteren = 0xffffffff,
		.medeleg = 0xb1ff,
		.satp_bits = BIT(60) - 1,
		.satp_modes = 1 << 0 | 1 << 8,
		.pmps = 8,
	};
}

/* A hart of M- and U-mode alone. */
static struct vhart_config e31(void)
{
	return (struct vhart_config){
		.misa = VHART_MISA_RV64 | VHART_MISA('I') | VHART_MISA('U'),
		.mcounteren = 7,
		.pmps = 4,
	};
}

static struct vhart make(struct vhart_config config)
{
	struct vhart h;

	memset(&h, 0xa5, sizeof(h));
	assert_int_equal(vhart_init(&h, &config), 0);
	h.pc = 0x80000000;
	h.changed = 0;
	return h;
}

static uint64_t read_ip(struct vhart *h, unsigned number, uint64_t ip)
{
	uint64_t value = 0;

	assert_int_equal(vhart_csr(h, number, VHART_READ, &value, ip), VHART_DONE);
	return value;
}

static uint64_t read(struct vhart *h, unsigned number)
{
	return read_ip(h, number, 0);
}

static uint64_t op_ip(struct vhart *h, unsigned number, enum vhart_op op, uint64_t value,
		      uint64_t ip)
{
	assert_int_equal(vhart_csr(h, number, op, &value, ip), VHART_DONE);
	return value;
}

static void write(struct vhart *h, unsigned number, uint64_t value)
{
	op_ip(h, number, VHART_WRITE, value, 0);
}

static void set(struct vhart *h, unsigned number, uint64_t value)
{
	op_ip(h, number, VHART_SET, value, 0);
}

static void clear(struct vhart *h, unsigned number, uint64_t value)
{
	op_ip(h, number, VHART_CLEAR, value, 0);
}

static enum vhart_answer answer(struct vhart *h, unsigned number, enum vhart_op op)
{
	uint64_t value = 0;

	return vhart_csr(h, number, op, &value, 0);
}

static enum vhart_answer run(struct vhart *h, uint32_t raw, uint64_t x[32], uint64_t ip)
{
	struct vhart_insn insn;

	vhart_decode(raw, &insn);
	return vhart_execute(h, &insn, x, ip);
}

static void exception(struct vhart *h, uint64_t cause, uint64_t tval)
{
	struct vhart_trap t = { .cause = cause, .tval = tval };

	vhart_trap(h, &t);
}

static void to_mode(struct vhart *h, unsigned mode)
{
	clear(h, MSTATUS, VHART_MSTATUS_MPP);
	set(h, MSTATUS, (uint64_t)mode << 11);
	vhart_mret(h);
	assert_int_equal(h->mode, mode);
}

static uint64_t mpp(struct vhart *h)
{
	return VHART_MSTATUS_MPP_OF(read(h, MSTATUS));
}

/* --- Configurations and reset ------------------------------------------------------------------ */

static void expect_refused(struct vhart_config config, const char *field)
{
	const char *why = NULL;
	struct vhart h;

	assert_int_equal(vhart_check(&config, NULL), -VIRQ_ERR_CONFIG);
	assert_int_equal(vhart_check(&config, &why), -VIRQ_ERR_CONFIG);
	assert_non_null(why);
	assert_non_null(strstr(why, field));
	assert_int_equal(vhart_init(&h, &config), -VIRQ_ERR_CONFIG);
}

static void a_wrong_configuration_is_refused_by_name(void **state)
{
	struct vhart_config c;

	(void)state;
	assert_int_equal((c = rv64(true), vhart_check(&c, NULL)), 0);
	assert_int_equal((c = u54(false), vhart_check(&c, NULL)), 0);
	assert_int_equal((c = e31(), vhart_check(&c, NULL)), 0);
	expect_refused((c = rv64(true), c.misa &= BIT(62) - 1, c), "misa");
	expect_refused((c = rv64(true), c.misa &= ~VHART_MISA('U'), c), "misa");
	expect_refused((c = rv64(true), c.misa &= ~VHART_MISA('I'), c), "misa");
	expect_refused((c = rv64(true), c.medeleg |= BIT(VHART_ECALL_M), c), "medeleg");
	expect_refused((c = rv64(true), c.mideleg_forced |= BIT(VHART_MTI), c), "mideleg_forced");
	expect_refused((c = rv64(true), c.satp_modes &= ~1u, c), "satp_modes");
	expect_refused((c = rv64(true), c.pmps = 65, c), "pmps");
	expect_refused((c = rv64(true), c.pmp_grain = 25, c), "pmp_grain");
}

/* 3.4 */
static void power_on_is_m_mode_with_nothing_enabled(void **state)
{
	struct vhart h = make(rv64(false));

	(void)state;
	assert_int_equal(h.mode, VHART_M);
	assert_false(h.v);
	assert_int_equal(read(&h, MSTATUS) & (VHART_MSTATUS_MIE | VHART_MSTATUS_MPRV), 0);
	assert_int_equal(read(&h, MCAUSE), 0);
	assert_int_equal(read(&h, MIE), 0);
	assert_int_equal(read(&h, MIP), 0);
	assert_int_equal(read(&h, MENVCFG), 0);
	assert_int_equal(read(&h, SATP), 0);
	for (unsigned n = 0; n < 4; n += 2)
		assert_int_equal(read(&h, PMPCFG0 + n), 0);
	assert_int_equal(read(&h, MIDELEG), VHART_H_BITS);
	assert_int_equal(read(&h, MHARTID), 5);
	assert_int_equal(read(&h, MVENDORID), 7);
}

/* --- CSR instructions -------------------------------------------------------------------------- */

/* The predecessor's matrix: each form, on a register that keeps everything. */
static void csr_operation_matrix(void **state)
{
	static const struct {
		uint32_t raw; /* rd x5, rs1 x6 or immediate 6 */
		uint64_t becomes;
	} forms[] = {
		{ 0x340312f3, 0x0ff0 }, { 0x340322f3, 0xfff0 }, { 0x340332f3, 0xf000 },
		{ 0x340352f3, 6 },      { 0x340362f3, 0xff06 }, { 0x340372f3, 0xff00 },
	};
	uint64_t x[32] = { [6] = 0x0ff0 };

	(void)state;
	for (size_t n = 0; n < sizeof(forms) / sizeof(forms[0]); n++) {
		struct vhart h = make(rv64(true));

		write(&h, MSCRATCH, 0xff00);
		x[5] = 1;
		assert_int_equal(run(&h, forms[n].raw, x, 0), VHART_DONE);
		assert_int_equal(x[5], 0xff00);
		assert_int_equal(x[6], 0x0ff0);
		assert_int_equal(h.pc, 0x80000004);
		assert_int_equal(read(&h, MSCRATCH), forms[n].becomes);
		h = make(rv64(true));
		write(&h, MSCRATCH, 0xff00);
		x[5] = 1;
		assert_true(vhart_execute_plain(&h, forms[n].raw, x)); /* the short way */
		assert_int_equal(x[5], 0xff00);
		assert_int_equal(h.pc, 0x80000004);
		assert_int_equal(read(&h, MSCRATCH), forms[n].becomes);
	}
}

static void the_short_way_is_for_four_registers(void **state)
{
	struct vhart h = make(rv64(true)), before = h;
	uint64_t x[32] = { [6] = ~UINT64_C(0) }, was[32];

	(void)state;
	memcpy(&before, &h, sizeof(h));
	memcpy(was, x, sizeof(x));
	for (uint32_t number = 0; number < 4096; number++) {
		if (number >= MSCRATCH && number <= MTVAL)
			continue;
		assert_false(vhart_execute_plain(&h, number << 20 | 0x000312f3, x));
		assert_false(vhart_execute_plain(&h, number << 20 | 0x000342f3, x)); /* no CSR */
		assert_false(vhart_execute_plain(&h, number << 20 | 0x00031283, x)); /* lh */
	}
	assert_false(vhart_execute_plain(&h, 0x340342f3, x));
	assert_false(vhart_execute_plain(&h, 0x340302f3, x));
	assert_memory_equal(&before, &h, sizeof(h));
	assert_memory_equal(was, x, sizeof(x));
	assert_true(vhart_execute_plain(&h, 0x34131073, x)); /* csrw mepc, x6 */
	assert_int_equal(read(&h, MEPC), ~UINT64_C(1));
	assert_int_equal(x[0], 0);
}

static void x0_is_never_written(void **state)
{
	struct vhart h = make(rv64(true));
	uint64_t x[32] = { [6] = 7 };

	(void)state;
	write(&h, MSCRATCH, ~UINT64_C(0));
	assert_int_equal(run(&h, 0x34031073, x, 0), VHART_DONE); /* csrrw x0, mscratch, x6 */
	assert_int_equal(x[0], 0);
	assert_int_equal(run(&h, 0x34032073, x, 0), VHART_DONE); /* csrrs x0, mscratch, x6 */
	assert_int_equal(x[0], 0);
	assert_int_equal(read(&h, MSCRATCH), 7);
}

static void a_swap_of_one_register_uses_its_old_value(void **state)
{
	struct vhart h = make(rv64(true));
	uint64_t x[32] = { [6] = 0x1234 };

	(void)state;
	write(&h, MSCRATCH, 0x5678);
	assert_int_equal(run(&h, 0x34031373, x, 0), VHART_DONE); /* csrrw x6, mscratch, x6 */
	assert_int_equal(x[6], 0x5678);
	assert_int_equal(read(&h, MSCRATCH), 0x1234);
}

/* Zicsr: csrrs and csrrc of x0 do not write, of a register that holds 0 they do; csrrw always. */
static void reading_forms_of_a_read_only_register_are_legal(void **state)
{
	struct vhart h = make(rv64(true));
	uint64_t x[32] = { 0 };

	(void)state;
	assert_int_equal(run(&h, 0xf14022f3, x, 0), VHART_DONE); /* csrrs x5, mhartid, x0 */
	assert_int_equal(x[5], 5);
	x[5] = 0;
	assert_int_equal(run(&h, 0xf14072f3, x, 0), VHART_DONE); /* csrrci x5, mhartid, 0 */
	assert_int_equal(x[5], 5);
	assert_int_equal(run(&h, 0xf14322f3, x, 0), VHART_ILLEGAL); /* csrrs x5, mhartid, x6 */
	assert_int_equal(run(&h, 0xf14012f3, x, 0), VHART_ILLEGAL); /* csrrw x5, mhartid, x0 */
	assert_int_equal(run(&h, 0xc0101073, x, 0), VHART_ILLEGAL); /* csrrw x0, time, x0 */
}

/* "Unknown CSR jumps to mtvec + 4": an exception goes to the base, vectored or not. */
static void an_unknown_csr_changes_nothing_and_traps_to_the_base(void **state)
{
	struct vhart h = make(rv64(true)), before;
	uint64_t x[32] = { [5] = 0x55, [6] = 0x66 };

	(void)state;
	write(&h, MTVEC, 0x80001000 | 1);
	memcpy(&before, &h, sizeof(h));
	assert_int_equal(run(&h, 0x7c0312f3, x, 0), VHART_ILLEGAL); /* csrrw x5, 0x7c0, x6 */
	assert_memory_equal(&before, &h, sizeof(h));
	assert_int_equal(x[5], 0x55);
	exception(&h, VHART_ILLEGAL_INSTRUCTION, 0x7c0312f3);
	assert_int_equal(h.pc, 0x80001000);
	assert_int_equal(read(&h, MEPC), 0x80000000);
	assert_int_equal(read(&h, MCAUSE), 2);
	assert_int_equal(read(&h, MTVAL), 0x7c0312f3);
}

/* Chapter 2: what is not there, and RV32's upper halves, are illegal. */
static void registers_that_are_not_there_are_illegal(void **state)
{
	static const unsigned absent[] = {
		0x310, 0x31a, 0x15d, 0xb80, 0xc80, PMPCFG0 + 1, PMPCFG0 + 15, 0x7a0,
		0x7b0, 0x747, 0x30c, 0x350, 0x015, 0x102,       0xb01,        0xfff,
	};
	struct vhart h = make(rv64(true)), old = make(u54(true)), m = make(e31());

	(void)state;
	for (size_t n = 0; n < sizeof(absent) / sizeof(absent[0]); n++)
		assert_int_equal(answer(&h, absent[n], VHART_READ), VHART_ILLEGAL);
	assert_int_equal(answer(&old, MENVCFG, VHART_READ), VHART_ILLEGAL);
	assert_int_equal(answer(&old, SENVCFG, VHART_READ), VHART_ILLEGAL);
	assert_int_equal(answer(&old, MCONFIGPTR, VHART_READ), VHART_ILLEGAL);
	assert_int_equal(answer(&old, STIMECMP, VHART_READ), VHART_ILLEGAL);
	assert_int_equal(answer(&old, SCOUNTOVF, VHART_READ), VHART_ILLEGAL);
	assert_int_equal(answer(&m, TIME, VHART_READ), VHART_ILLEGAL);
	for (unsigned n = 0x100; n < 0x200; n++)
		assert_int_equal(answer(&m, n, VHART_READ), VHART_ILLEGAL);
	assert_int_equal(answer(&m, MEDELEG, VHART_READ), VHART_ILLEGAL);
	assert_int_equal(answer(&m, MIDELEG, VHART_READ), VHART_ILLEGAL);
}

/* The predecessor's: there with the extension, illegal without; and its M-mode registers, too. */
static void hypervisor_csrs(void **state)
{
	static const unsigned elsewhere[] = { HSTATUS, HIDELEG, HGATP, VSSTATUS, 0x24d, 0xe12 };
	static const unsigned here[] = { HIE, VSIE, MTINST, MTVAL2 };
	struct vhart h = make(rv64(true)), without = make(u54(true));

	(void)state;
	for (size_t n = 0; n < sizeof(elsewhere) / sizeof(elsewhere[0]); n++) {
		assert_int_equal(answer(&h, elsewhere[n], VHART_READ), VHART_HOST);
		assert_int_equal(answer(&without, elsewhere[n], VHART_READ), VHART_ILLEGAL);
	}
	for (size_t n = 0; n < sizeof(here) / sizeof(here[0]); n++) {
		assert_int_equal(answer(&h, here[n], VHART_READ), VHART_DONE);
		assert_int_equal(answer(&without, here[n], VHART_READ), VHART_ILLEGAL);
	}
	assert_int_equal(answer(&h, 0xe12, VHART_WRITE), VHART_ILLEGAL); /* hgeip is read-only */
}

static void counters_and_supervisor_registers_are_the_embedders(void **state)
{
	static const unsigned numbers[] = { STVEC, SEPC,  STIMECMP, SENVCFG, MCYCLE, 0xb03,
					    0x320, 0x323, CYCLE,    TIME,    0xc1f,  SCOUNTOVF };
	struct vhart h = make(rv64(true));

	(void)state;
	for (size_t n = 0; n < sizeof(numbers) / sizeof(numbers[0]); n++)
		assert_int_equal(answer(&h, numbers[n], VHART_READ), VHART_HOST);
}

/* 3.1.6.6: there while the unit is not switched off. */
static void units_are_there_while_they_are_on(void **state)
{
	struct vhart_config config = rv64(false);
	struct vhart h;

	(void)state;
	config.misa |= VHART_MISA('V');
	h = make(config);
	for (unsigned number = 1; number <= 3; number++) {
		write(&h, MSTATUS, VHART_MSTATUS_VS);
		assert_int_equal(answer(&h, number, VHART_READ), VHART_ILLEGAL);
		for (uint64_t fs = 1; fs < 4; fs++) {
			write(&h, MSTATUS, fs << 13);
			assert_int_equal(answer(&h, number, VHART_READ), VHART_HOST);
		}
	}
	assert_int_equal(answer(&h, VCSR, VHART_READ), VHART_ILLEGAL);
	write(&h, MSTATUS, VHART_MSTATUS_VS);
	assert_int_equal(answer(&h, VCSR, VHART_WRITE), VHART_HOST);
	assert_int_equal(answer(&h, 0xc22, VHART_READ), VHART_HOST);
	assert_int_equal(answer(&h, 0xc22, VHART_WRITE), VHART_ILLEGAL);
}

/* Zkr: seed is read by writing; the other forms are illegal. */
static void the_entropy_source(void **state)
{
	struct vhart_config config = rv64(true);
	struct vhart h;

	(void)state;
	config.mseccfg = BIT(8) | BIT(9);
	h = make(config);
	write(&h, MSECCFG, ~UINT64_C(0));
	assert_int_equal(read(&h, MSECCFG), BIT(8) | BIT(9));
	assert_int_equal(answer(&h, SEED, VHART_WRITE), VHART_HOST);
	assert_int_equal(answer(&h, SEED, VHART_SET), VHART_HOST);
	assert_int_equal(answer(&h, SEED, VHART_READ), VHART_ILLEGAL);
	h = make(rv64(true));
	assert_int_equal(answer(&h, SEED, VHART_WRITE), VHART_ILLEGAL);
	assert_int_equal(answer(&h, MSECCFG, VHART_READ), VHART_ILLEGAL);
}

/* --- mstatus ----------------------------------------------------------------------------------- */

static void mstatus_holds_legal_values_only(void **state)
{
	struct vhart h = make(rv64(false)), m = make(e31());
	uint64_t fixed = UINT64_C(2) << 32 | UINT64_C(2) << 34;

	(void)state;
	write(&h, MSTATUS, 0);
	assert_int_equal(read(&h, MSTATUS), fixed);
	write(&h, MSTATUS, ~UINT64_C(0) & ~VHART_MSTATUS_VS);
	assert_int_equal(read(&h, MSTATUS),
			 fixed | BIT(63) | VHART_MSTATUS_SIE | VHART_MSTATUS_MIE |
				 VHART_MSTATUS_SPIE | VHART_MSTATUS_MPIE | VHART_MSTATUS_SPP |
				 VHART_MSTATUS_MPP | VHART_MSTATUS_FS | VHART_MSTATUS_MPRV |
				 VHART_MSTATUS_SUM | VHART_MSTATUS_MXR | VHART_MSTATUS_TVM |
				 VHART_MSTATUS_TW | VHART_MSTATUS_TSR | VHART_MSTATUS_GVA |
				 VHART_MSTATUS_MPV);
	write(&m, MSTATUS, ~UINT64_C(0));
	assert_int_equal(read(&m, MSTATUS), UINT64_C(2) << 32 | VHART_MSTATUS_MIE |
						    VHART_MSTATUS_MPIE | VHART_MSTATUS_MPP |
						    VHART_MSTATUS_MPRV | VHART_MSTATUS_TW);
}

static void mpp_never_holds_a_mode_that_is_not_there(void **state)
{
	struct vhart h = make(rv64(false)), m = make(e31());

	(void)state;
	for (uint64_t from = 0; from < 4; from++)
		for (uint64_t to = 0; to < 4; to++) {
			write(&h, MSTATUS, from << 11);
			write(&h, MSTATUS, to << 11);
			assert_int_not_equal(mpp(&h), 2);
			assert_true(to == 2 || mpp(&h) == to);
			write(&m, MSTATUS, from << 11);
			write(&m, MSTATUS, to << 11);
			assert_true(mpp(&m) == VHART_M || mpp(&m) == VHART_U);
			assert_true(to == 1 || to == 2 || mpp(&m) == to);
		}
}

static void sd_sums_up_the_units(void **state)
{
	struct vhart h = make(rv64(false));

	(void)state;
	for (uint64_t fs = 0; fs < 4; fs++) {
		write(&h, MSTATUS, fs << 13);
		assert_int_equal(read(&h, MSTATUS) >> 63, fs == 3);
		assert_int_equal(read(&h, SSTATUS) >> 63, fs == 3);
	}
}

static void sstatus_is_a_part_of_mstatus(void **state)
{
	struct vhart h = make(rv64(false));
	uint64_t s = VHART_MSTATUS_SIE | VHART_MSTATUS_SPIE | VHART_MSTATUS_SPP | VHART_MSTATUS_FS |
		     VHART_MSTATUS_SUM | VHART_MSTATUS_MXR;

	(void)state;
	write(&h, MSTATUS, VHART_MSTATUS_TVM | VHART_MSTATUS_MPIE);
	write(&h, SSTATUS, ~UINT64_C(0) & ~VHART_MSTATUS_VS);
	assert_int_equal(read(&h, SSTATUS), s | UINT64_C(2) << 32 | BIT(63));
	assert_int_equal(read(&h, MSTATUS),
			 s | UINT64_C(10) << 32 | BIT(63) | VHART_MSTATUS_TVM | VHART_MSTATUS_MPIE);
}

static void misa_does_not_change(void **state)
{
	struct vhart h = make(rv64(true));
	uint64_t misa = rv64(true).misa;

	(void)state;
	write(&h, MISA, 0);
	assert_int_equal(read(&h, MISA), misa);
	write(&h, MISA, ~UINT64_C(0));
	assert_int_equal(read(&h, MISA), misa);
}

/* --- The other registers ----------------------------------------------------------------------- */

static void mtvec_keeps_base_and_mode(void **state)
{
	struct vhart h = make(rv64(true));

	(void)state;
	write(&h, MTVEC, 0x80001000);
	assert_int_equal(read(&h, MTVEC), 0x80001000);
	write(&h, MTVEC, 0x80001001);
	assert_int_equal(read(&h, MTVEC), 0x80001001);
	for (unsigned mode = 2; mode < 4; mode++) {
		write(&h, MTVEC, 0x80002000 | mode);
		assert_true((read(&h, MTVEC) & 3) < 2);
	}
}

static void mepc_is_aligned_as_instructions_are(void **state)
{
	struct vhart_config without_c = rv64(true);
	struct vhart h = make(rv64(true)), w;

	(void)state;
	without_c.misa &= ~VHART_MISA('C');
	w = make(without_c);
	write(&h, MEPC, 0x80000003);
	assert_int_equal(read(&h, MEPC), 0x80000002);
	write(&w, MEPC, 0x80000003);
	assert_int_equal(read(&w, MEPC), 0x80000000);
	vhart_mret(&w);
	assert_int_equal(w.pc, 0x80000000);
}

static void satp_ignores_a_write_with_a_mode_that_is_not_there(void **state)
{
	struct vhart h = make(u54(true));

	(void)state;
	write(&h, SATP, UINT64_C(8) << 60 | 0x1234);
	assert_int_equal(read(&h, SATP), UINT64_C(8) << 60 | 0x1234);
	assert_true(h.changed & VHART_CHANGED_SATP);
	for (uint64_t mode = 1; mode < 16; mode++) {
		if (mode == 8)
			continue;
		write(&h, SATP, mode << 60 | 0x99);
		assert_int_equal(read(&h, SATP), UINT64_C(8) << 60 | 0x1234);
	}
	write(&h, SATP, 0);
	assert_int_equal(read(&h, SATP), 0);
}

static void medeleg_menvcfg_and_mcounteren_have_the_bits_of_the_configuration(void **state)
{
	struct vhart h = make(rv64(true));

	(void)state;
	write(&h, MEDELEG, ~UINT64_C(0));
	assert_int_equal(read(&h, MEDELEG), rv64(true).medeleg);
	assert_false(read(&h, MEDELEG) & BIT(VHART_ECALL_M));
	write(&h, MENVCFG, ~UINT64_C(0));
	assert_int_equal(read(&h, MENVCFG), BIT(63) | 1);
	h.config.menvcfg |= 0x30 | UINT64_C(3) << 32; /* CBIE, PMM */
	for (uint64_t field = 0; field < 4; field++) {
		write(&h, MENVCFG, field << 4);
		assert_true((read(&h, MENVCFG) & 0x30) != 0x20);
		write(&h, MENVCFG, field << 32);
		assert_true(read(&h, MENVCFG) >> 32 != 1);
	}
	write(&h, MCOUNTEREN, ~UINT64_C(0));
	assert_int_equal(read(&h, MCOUNTEREN), 0xffffffff);
	assert_int_equal(
		h.changed & (VHART_CHANGED_MENVCFG | VHART_CHANGED_MCOUNTEREN | VHART_CHANGED_MIE),
		VHART_CHANGED_MENVCFG | VHART_CHANGED_MCOUNTEREN | VHART_CHANGED_MIE);
}

/* --- mip, mie, mideleg ------------------------------------------------------------------------- */

/* The predecessor's clint-interrupt: csrc of MTIP has no effect. */
static void machine_bits_of_mip_are_read_only(void **state)
{
	for (unsigned native = 0; native < 2; native++) {
		struct vhart h = make(rv64(native));

		(void)state;
		write(&h, MIP, ~UINT64_C(0));
		assert_int_equal(read(&h, MIP) & VHART_M_BITS, 0);
		assert_int_equal(h.ip_set & VHART_M_BITS, 0);
		clear(&h, MIP, ~UINT64_C(0));
		assert_int_equal(read_ip(&h, MIP, VHART_M_BITS) & VHART_M_BITS, VHART_M_BITS);
		assert_int_equal(h.ip_clear & VHART_M_BITS, 0);
		assert_int_equal(op_ip(&h, MIP, VHART_CLEAR, VHART_M_BITS, VHART_M_BITS),
				 VHART_M_BITS);
		assert_int_equal(read_ip(&h, MIP, VHART_M_BITS), VHART_M_BITS);
	}
}

/* 3.1.9: the value that a read-modify-write writes has the software bit, not what was read. */
static void seip_is_two_bits(void **state)
{
	struct vhart h = make(u54(false));
	uint64_t sei = VHART_BIT(VHART_SEI), ssi = VHART_BIT(VHART_SSI);

	(void)state;
	assert_int_equal(op_ip(&h, MIP, VHART_SET, ssi, sei), sei); /* the line is up */
	assert_int_equal(read_ip(&h, MIP, sei), sei | ssi);
	assert_int_equal(read(&h, MIP), ssi); /* and down: nothing sticks */
	assert_int_equal(op_ip(&h, MIP, VHART_CLEAR, ssi, sei), sei | ssi);
	assert_int_equal(read(&h, MIP), 0);
	set(&h, MIP, sei);
	assert_int_equal(read(&h, MIP), sei);
	assert_int_equal(op_ip(&h, MIP, VHART_CLEAR, sei, sei), sei);
	assert_int_equal(read_ip(&h, MIP, sei), sei); /* the line is not software's */
	assert_int_equal(read(&h, MIP), 0);
}

/* The hart does the read-modify-write: only what the firmware named is handed on. */
static void natively_only_named_bits_of_mip_are_touched(void **state)
{
	struct vhart h = make(u54(true));
	uint64_t s = VHART_S_BITS;

	(void)state;
	op_ip(&h, MIP, VHART_SET, VHART_BIT(VHART_SSI), s);
	assert_true(h.changed & VHART_CHANGED_IP);
	assert_int_equal(h.ip_set, VHART_BIT(VHART_SSI));
	assert_int_equal(h.ip_clear, 0);
	h.changed = 0;
	op_ip(&h, MIP, VHART_CLEAR, VHART_BIT(VHART_STI), s);
	assert_true(h.changed & VHART_CHANGED_IP);
	assert_int_equal(h.ip_set, 0);
	assert_int_equal(h.ip_clear, VHART_BIT(VHART_STI));
	h.changed = 0;
	op_ip(&h, MIP, VHART_WRITE, VHART_BIT(VHART_SEI), s);
	assert_int_equal(h.ip_set, VHART_BIT(VHART_SEI));
	assert_int_equal(h.ip_clear, VHART_BIT(VHART_SSI) | VHART_BIT(VHART_STI));
	h.changed = 0;
	op_ip(&h, MIP, VHART_READ, 0, s);
	assert_false(h.changed & VHART_CHANGED_IP);
}

/* Sstc: with STCE, STIP is stimecmp's; without, software's. */
static void stip_is_read_only_with_stce(void **state)
{
	struct vhart h = make(rv64(false));
	uint64_t sti = VHART_BIT(VHART_STI);

	(void)state;
	set(&h, MIP, sti);
	assert_int_equal(read(&h, MIP), sti);
	clear(&h, MIP, sti);
	set(&h, MENVCFG, BIT(63));
	set(&h, MIP, sti);
	assert_int_equal(read(&h, MIP), 0);
	assert_int_equal(op_ip(&h, MIP, VHART_CLEAR, sti, sti), sti);
	assert_int_equal(read_ip(&h, MIP, sti), sti);
}

/* The wrong way round, mip loses what it was to take: STCE is told together with mip, before it. */
static void menvcfg_is_told_when_stce_changes(void **state)
{
	struct vhart h = make(rv64(true));

	(void)state;
	set(&h, MENVCFG, BIT(63));
	assert_true(h.changed & VHART_CHANGED_MENVCFG);
	h.changed = 0;
	op_ip(&h, MIP, VHART_WRITE, VHART_BIT(VHART_STI), 0);
	if (h.changed & VHART_CHANGED_IP)
		assert_int_equal(h.ip_set & VHART_BIT(VHART_STI), 0);
}

static void lcofi_is_there_with_sscofpmf(void **state)
{
	struct vhart h = make(rv64(false)), without = make(u54(false));
	uint64_t lcofi = VHART_BIT(VHART_LCOFI);

	(void)state;
	write(&h, MIP, lcofi);
	write(&h, MIE, lcofi);
	write(&h, MIDELEG, lcofi);
	assert_int_equal(read(&h, MIP), lcofi);
	assert_int_equal(read(&h, MIE), lcofi);
	assert_int_equal(read(&h, SIP), lcofi);
	clear(&h, SIP, lcofi);
	assert_int_equal(read(&h, MIP), 0);
	write(&without, MIP, lcofi);
	write(&without, MIE, lcofi);
	write(&without, MIDELEG, lcofi);
	assert_int_equal(read(&without, MIP) | read(&without, MIE) | read(&without, MIDELEG), 0);
}

/* By the extensions, not by what probing lets through: QEMU takes VS bits without H, and 63:16. */
static void mie_mip_and_mideleg_have_the_bits_of_the_extensions(void **state)
{
	struct vhart h = make(rv64(false)), old = make(u54(false)), m = make(e31());
	uint64_t lcofi = VHART_BIT(VHART_LCOFI);

	(void)state;
	write(&h, MIE, ~UINT64_C(0));
	assert_int_equal(read(&h, MIE), VHART_M_BITS | VHART_S_BITS | VHART_H_BITS | lcofi);
	write(&h, MIDELEG, ~UINT64_C(0));
	assert_int_equal(read(&h, MIDELEG), VHART_S_BITS | VHART_H_BITS | lcofi);
	write(&old, MIE, ~UINT64_C(0));
	assert_int_equal(read(&old, MIE), VHART_M_BITS | VHART_S_BITS);
	write(&old, MIDELEG, ~UINT64_C(0));
	assert_int_equal(read(&old, MIDELEG), VHART_S_BITS);
	assert_int_equal(read_ip(&old, MIP, ~UINT64_C(0)) & ~(VHART_M_BITS | VHART_S_BITS), 0);
	write(&m, MIE, ~UINT64_C(0));
	write(&m, MIP, ~UINT64_C(0));
	assert_int_equal(read(&m, MIE), VHART_M_BITS);
	assert_int_equal(read(&m, MIP), 0);
	assert_int_equal(vhart_mip(&m, ~UINT64_C(0)), VHART_M_BITS);
}

/* 8.4.2: VS-level interrupts and SGEI are always delegated. */
static void hardwired_delegation_stays(void **state)
{
	struct vhart_config config = rv64(false);
	struct vhart h = make(config);

	(void)state;
	write(&h, MIDELEG, 0);
	assert_int_equal(read(&h, MIDELEG), VHART_H_BITS);
	config.mideleg_forced |= VHART_S_BITS;
	h = make(config);
	clear(&h, MIDELEG, ~UINT64_C(0));
	assert_int_equal(read(&h, MIDELEG), VHART_H_BITS | VHART_S_BITS);
}

/* B42. 4.1.3: what is not delegated is read-only zero in sip and sie. */
static void B42_sip_and_sie_follow_mideleg(void **state)
{
	struct vhart h = make(u54(false));
	uint64_t ssi = VHART_BIT(VHART_SSI), sti = VHART_BIT(VHART_STI), sei = VHART_BIT(VHART_SEI);

	(void)state;
	write(&h, MIDELEG, ssi | sei);
	write(&h, MIP, ssi | sti | sei);
	write(&h, MIE, VHART_M_BITS | ssi | sti | sei);
	assert_int_equal(read_ip(&h, SIP, VHART_M_BITS), ssi | sei);
	assert_int_equal(read(&h, SIE), ssi | sei);
	write(&h, SIE, 0);
	assert_int_equal(read(&h, MIE), VHART_M_BITS | sti);
	write(&h, SIE, ~UINT64_C(0));
	assert_int_equal(read(&h, MIE), VHART_M_BITS | ssi | sti | sei);
	write(&h, SIP, 0); /* SSIP alone is writable */
	assert_int_equal(read(&h, MIP), sti | sei);
	write(&h, SIP, ~UINT64_C(0));
	assert_int_equal(read(&h, MIP), ssi | sti | sei);
	write(&h, MIDELEG, 0);
	assert_int_equal(read(&h, SIP) | read(&h, SIE), 0);
	write(&h, SIP, 0);
	write(&h, SIE, 0);
	assert_int_equal(read(&h, MIP), ssi | sti | sei);
	assert_int_equal(read(&h, MIE), VHART_M_BITS | ssi | sti | sei);
}

static void natively_sip_hands_on_ssip_alone(void **state)
{
	struct vhart h = make(u54(true));

	(void)state;
	write(&h, MIDELEG, VHART_S_BITS);
	h.changed = 0;
	op_ip(&h, SIP, VHART_WRITE, ~UINT64_C(0), 0);
	assert_true(h.changed & VHART_CHANGED_IP);
	assert_int_equal(h.ip_set, VHART_BIT(VHART_SSI));
	assert_int_equal(h.ip_clear, 0);
	assert_int_equal(read_ip(&h, SIP, VHART_S_BITS | VHART_M_BITS), VHART_S_BITS);
}

/* 8.2.3: hie has the bits of mie that sie has not; vsie those that hideleg delegates, moved. */
static void hie_and_vsie_are_parts_of_mie(void **state)
{
	struct vhart h = make(rv64(true));

	(void)state;
	write(&h, HIE, ~UINT64_C(0));
	assert_int_equal(read(&h, MIE), VHART_H_BITS);
	assert_int_equal(read(&h, HIE), VHART_H_BITS);
	assert_int_equal(read(&h, SIE), 0);
	h.hideleg = VHART_BIT(VHART_VSSI) | VHART_BIT(VHART_VSEI);
	assert_int_equal(read(&h, VSIE), VHART_BIT(VHART_SSI) | VHART_BIT(VHART_SEI));
	write(&h, VSIE, VHART_BIT(VHART_STI));
	assert_int_equal(read(&h, MIE), VHART_BIT(VHART_VSTI) | VHART_BIT(VHART_SGEI));
}

/* --- Which interrupt is taken ------------------------------------------------------------------ */

static const unsigned order[] = {
	VHART_MEI,  VHART_MSI,  VHART_MTI,  VHART_SEI,  VHART_SSI,   VHART_STI,
	VHART_SGEI, VHART_VSEI, VHART_VSSI, VHART_VSTI, VHART_LCOFI,
};

/* B43. 3.1.9, 8.4.2, Sscofpmf. The embedder's `ip` has all that is pending (native). */
static void B43_priority_of_each_pair(void **state)
{
	struct vhart_config config = rv64(true);

	(void)state;
	for (size_t a = 0; a < 11; a++)
		for (size_t b = a; b < 11; b++) {
			struct vhart h = make(config);
			uint64_t both = BIT(order[a]) | BIT(order[b]);

			/* As if mideleg could be written: the order is what is tried. */
			h.mideleg = 0;
			write(&h, MIE, both);
			set(&h, MSTATUS, VHART_MSTATUS_MIE);
			h.mideleg = 0;
			assert_int_equal(vhart_interrupt(&h, both), (int)order[a]);
			assert_int_equal(vhart_interrupt(&h, BIT(order[b])), (int)order[b]);
		}
}

static void an_interrupt_needs_pending_enabled_and_not_delegated(void **state)
{
	struct vhart h = make(rv64(true));
	uint64_t sti = VHART_BIT(VHART_STI);

	(void)state;
	set(&h, MSTATUS, VHART_MSTATUS_MIE);
	assert_int_equal(vhart_interrupt(&h, sti), -1);
	write(&h, MIE, sti);
	assert_int_equal(vhart_interrupt(&h, sti), VHART_STI);
	assert_int_equal(vhart_interrupt(&h, 0), -1);
	write(&h, MIDELEG, sti);
	assert_int_equal(vhart_interrupt(&h, sti), -1);
}

/* 3.1.6.1: MIE holds off M-mode's interrupts in M-mode only. */
static void mie_matters_in_m_mode_alone(void **state)
{
	struct vhart h = make(rv64(true));

	(void)state;
	write(&h, MIE, VHART_BIT(VHART_MTI));
	assert_int_equal(vhart_interrupt(&h, VHART_BIT(VHART_MTI)), -1);
	to_mode(&h, VHART_S);
	clear(&h, MSTATUS, VHART_MSTATUS_MIE);
	assert_int_equal(vhart_interrupt(&h, VHART_BIT(VHART_MTI)), VHART_MTI);
}

/* B41, and the predecessor's "mie masks and MTI through wfi": 3.3.3. */
static void B41_wfi_is_over_whatever_mie_and_mideleg_say(void **state)
{
	struct vhart h = make(rv64(true));
	uint64_t x[32] = { 0 }, sti = VHART_BIT(VHART_STI), mti = VHART_BIT(VHART_MTI);

	(void)state;
	write(&h, MIE, mti | sti);
	write(&h, MIDELEG, sti);
	assert_int_equal(run(&h, 0x10500073, x, 0), VHART_WAIT);
	assert_int_equal(h.pc, 0x80000000);
	assert_false(vhart_wakes(&h, 0));
	assert_true(vhart_wakes(&h, mti));
	assert_true(vhart_wakes(&h, sti));
	assert_false(vhart_wakes(&h, VHART_BIT(VHART_MSI) | VHART_BIT(VHART_MEI)));
}

/* "wfi with virtual MSIE = 0 also disables the monitor's MSI." */
static void the_monitor_is_never_deaf(void **state)
{
	static const unsigned modes[] = { VHART_M, VHART_S, VHART_U };
	uint64_t own = VHART_BIT(VHART_MSI) | VHART_BIT(VHART_MTI);

	(void)state;
	for (unsigned n = 0; n < 3; n++) {
		struct vhart h = make(rv64(true));
		struct vhart_native native;

		write(&h, MIE, 0);
		if (modes[n] != VHART_M)
			to_mode(&h, modes[n]);
		vhart_native(&h, 0, &native);
		assert_int_equal(native.mie, own);
	}
}

/* What is hardwired to be delegated would go to the payload's stvec. */
static void what_is_delegated_is_off_while_the_firmware_runs(void **state)
{
	struct vhart h = make(rv64(true));
	struct vhart_native native;

	(void)state;
	write(&h, MIE, ~UINT64_C(0));
	write(&h, MIDELEG, VHART_BIT(VHART_SSI));
	vhart_native(&h, 0, &native);
	assert_int_equal(native.mie, VHART_BIT(VHART_MSI) | VHART_BIT(VHART_MTI));
	set(&h, MSTATUS, VHART_MSTATUS_MIE);
	vhart_native(&h, 0, &native);
	assert_int_equal(native.mie & (VHART_H_BITS | VHART_BIT(VHART_SSI)), 0);
	assert_int_equal(native.mie & VHART_BIT(VHART_STI), VHART_BIT(VHART_STI));
	assert_int_equal(native.mideleg & ~VHART_H_BITS, 0);
	assert_int_equal(native.medeleg, 0);
}

/* --- Traps and returns ------------------------------------------------------------------------- */

static void a_trap_saves_where_it_came_from(void **state)
{
	struct vhart h = make(rv64(true));

	(void)state;
	write(&h, MTVEC, 0x80001001);
	set(&h, MSTATUS, VHART_MSTATUS_MPIE);
	write(&h, MEPC, 0x80400000);
	to_mode(&h, VHART_S);
	assert_int_equal(h.pc, 0x80400000);
	h.pc = 0x80400010;
	exception(&h, VHART_LOAD_PAGE_FAULT, 0xdead);
	assert_int_equal(h.mode, VHART_M);
	assert_int_equal(h.pc, 0x80001000);
	assert_int_equal(mpp(&h), VHART_S);
	assert_int_equal(read(&h, MSTATUS) & (VHART_MSTATUS_MIE | VHART_MSTATUS_MPIE),
			 VHART_MSTATUS_MPIE);
	assert_int_equal(read(&h, MEPC), 0x80400010);
	assert_int_equal(read(&h, MCAUSE), 13);
	assert_int_equal(read(&h, MTVAL), 0xdead);
}

/* The predecessor's vectored mtvec: interrupts go to base + 4 * cause, exceptions to base. */
static void vectored_interrupts(void **state)
{
	(void)state;
	for (size_t n = 0; n < 11; n++) {
		struct vhart h = make(rv64(true));

		write(&h, MTVEC, 0x80001001);
		vhart_take(&h, (int)order[n]);
		assert_int_equal(h.pc, 0x80001000 + 4 * order[n]);
		assert_int_equal(read(&h, MCAUSE), BIT(63) | order[n]);
		h = make(rv64(true));
		write(&h, MTVEC, 0x80001000);
		vhart_take(&h, (int)order[n]);
		assert_int_equal(h.pc, 0x80001000);
	}
}

static void an_interrupt_has_no_trap_value(void **state)
{
	struct vhart h = make(rv64(true));

	(void)state;
	write(&h, MTVAL, 0x123);
	write(&h, MTVAL2, 0x456);
	write(&h, MTINST, 0x789);
	set(&h, MSTATUS, VHART_MSTATUS_GVA | VHART_MSTATUS_MPV | VHART_MSTATUS_MIE);
	vhart_take(&h, VHART_MTI);
	assert_int_equal(read(&h, MTVAL) | read(&h, MTVAL2) | read(&h, MTINST), 0);
	assert_int_equal(read(&h, MSTATUS) & (VHART_MSTATUS_GVA | VHART_MSTATUS_MPV), 0);
	assert_int_equal(read(&h, MSTATUS) & (VHART_MSTATUS_MIE | VHART_MSTATUS_MPIE),
			 VHART_MSTATUS_MPIE);
	assert_int_equal(read(&h, MEPC), 0x80000000);
}

/* 8.4.1: from VS-mode, with a guest virtual address. */
static void a_trap_from_a_guest_says_so(void **state)
{
	struct vhart h = make(rv64(true));
	struct vhart_trap t = { .cause = VHART_LOAD_GUEST_FAULT,
				.tval = 0x1000,
				.tval2 = 0x2000 >> 2,
				.tinst = 0x3000,
				.gva = true };

	(void)state;
	set(&h, MSTATUS, VHART_MSTATUS_MPV);
	to_mode(&h, VHART_S);
	assert_true(h.v);
	assert_int_equal(read(&h, MSTATUS) & VHART_MSTATUS_MPV, 0);
	vhart_trap(&h, &t);
	assert_false(h.v);
	assert_int_equal(read(&h, MSTATUS) & (VHART_MSTATUS_MPV | VHART_MSTATUS_GVA),
			 VHART_MSTATUS_MPV | VHART_MSTATUS_GVA);
	assert_int_equal(read(&h, MTVAL2), 0x800);
	assert_int_equal(read(&h, MTINST), 0x3000);
	vhart_mret(&h);
	assert_true(h.v);
	assert_int_equal(h.mode, VHART_S);
}

static void without_h_a_trap_leaves_no_trace_of_it(void **state)
{
	struct vhart h = make(u54(true));
	struct vhart_trap t = { .cause = VHART_LOAD_FAULT, .tval2 = 1, .tinst = 1, .gva = true };

	(void)state;
	vhart_trap(&h, &t);
	assert_int_equal(read(&h, MSTATUS) & (VHART_MSTATUS_MPV | VHART_MSTATUS_GVA), 0);
}

/* 8.6.1: to M-mode, V stays 0 whatever MPV says. */
static void mret_to_m_mode_is_not_virtualized(void **state)
{
	struct vhart h = make(rv64(true));

	(void)state;
	set(&h, MSTATUS, VHART_MSTATUS_MPV | VHART_MSTATUS_MPP);
	vhart_mret(&h);
	assert_int_equal(h.mode, VHART_M);
	assert_false(h.v);
	assert_int_equal(read(&h, MSTATUS) & VHART_MSTATUS_MPV, 0);
}

/* The predecessor's mret and ecall: out, back by ecall, past it, and out again. */
static void payload_round_trip(void **state)
{
	struct vhart h = make(rv64(true));
	uint64_t x[32] = { 0 };

	(void)state;
	write(&h, MTVEC, 0x80001000);
	write(&h, MEPC, 0x80400000);
	set(&h, MSTATUS, VHART_MSTATUS_MPIE | UINT64_C(1) << 11);
	assert_int_equal(run(&h, 0x30200073, x, 0), VHART_DONE);
	assert_int_equal(h.pc, 0x80400000);
	assert_int_equal(h.mode, VHART_S);
	assert_int_equal(read(&h, MSTATUS) &
				 (VHART_MSTATUS_MIE | VHART_MSTATUS_MPIE | VHART_MSTATUS_MPP),
			 VHART_MSTATUS_MIE | VHART_MSTATUS_MPIE);
	exception(&h, VHART_ECALL_S, 0);
	assert_int_equal(read(&h, MCAUSE), 9);
	x[5] = read(&h, MEPC) + 4;
	assert_int_equal(run(&h, 0x34129073, x, 0), VHART_DONE); /* csrrw x0, mepc, x5 */
	assert_int_equal(run(&h, 0x30200073, x, 0), VHART_DONE);
	assert_int_equal(h.pc, 0x80400004);
	assert_int_equal(h.mode, VHART_S);
}

static void breakpoint_reaches_the_firmware(void **state)
{
	struct vhart h = make(u54(true));

	(void)state;
	write(&h, MTVEC, 0x80001000);
	exception(&h, VHART_BREAKPOINT, 0x80000000);
	assert_int_equal(h.pc, 0x80001000);
	assert_int_equal(read(&h, MCAUSE), 3);
	assert_int_equal(read(&h, MTVAL), 0x80000000);
	assert_int_equal(mpp(&h), VHART_M);
}

/* 3.1.6.3: since 1.12 MPRV goes with M-mode; before, it stays. */
static void mprv_after_a_return(void **state)
{
	for (unsigned to = 0; to < 4; to++) {
		struct vhart h = make(rv64(true)), old = make(u54(true));
		uint64_t mprv = VHART_MSTATUS_MPRV, hstatus = 0;

		(void)state;
		if (to == 2)
			continue;
		write(&h, MSTATUS, mprv | (uint64_t)to << 11);
		write(&old, MSTATUS, mprv | (uint64_t)to << 11);
		vhart_mret(&h);
		vhart_mret(&old);
		assert_int_equal(read(&h, MSTATUS) & mprv, to == VHART_M ? mprv : 0);
		assert_int_equal(read(&old, MSTATUS) & mprv, mprv);
		write(&h, MSTATUS, mprv);
		write(&old, MSTATUS, mprv);
		h.mode = old.mode = VHART_M;
		vhart_sret(&h, 0x80400000, &hstatus);
		vhart_sret(&old, 0x80400000, NULL);
		assert_int_equal(read(&h, MSTATUS) & mprv, 0);
		assert_int_equal(read(&old, MSTATUS) & mprv, mprv);
	}
}

static void sret_in_m_mode(void **state)
{
	struct vhart h = make(rv64(false)), m = make(e31());
	uint64_t x[32] = { 0 }, hstatus = BIT(7) | BIT(8);

	(void)state;
	write(&h, MSTATUS, VHART_MSTATUS_SPP | VHART_MSTATUS_SPIE | VHART_MSTATUS_TSR);
	assert_int_equal(run(&h, 0x10200073, x, 0), VHART_SUPERVISOR_RETURN); /* TSR: S-mode's */
	vhart_sret(&h, 0x80400002, &hstatus);
	assert_int_equal(h.pc, 0x80400002);
	assert_int_equal(h.mode, VHART_S);
	assert_true(h.v);
	assert_int_equal(hstatus, BIT(8));
	assert_int_equal(read(&h, MSTATUS) &
				 (VHART_MSTATUS_SPP | VHART_MSTATUS_SPIE | VHART_MSTATUS_SIE),
			 VHART_MSTATUS_SPIE | VHART_MSTATUS_SIE);
	assert_int_equal(run(&m, 0x10200073, x, 0), VHART_ILLEGAL);
}

static void fences_are_the_embedders(void **state)
{
	struct vhart h = make(rv64(true)), old = make(u54(true)), m = make(e31());
	uint64_t x[32] = { 0 };

	(void)state;
	set(&h, MSTATUS, VHART_MSTATUS_TVM);                      /* S-mode's */
	assert_int_equal(run(&h, 0x12b50073, x, 0), VHART_FENCE); /* sfence.vma x10, x11 */
	assert_int_equal(run(&h, 0x62b50073, x, 0), VHART_FENCE); /* hfence.gvma x10, x11 */
	assert_int_equal(run(&old, 0x62b50073, x, 0), VHART_ILLEGAL);
	assert_int_equal(run(&m, 0x12b50073, x, 0), VHART_ILLEGAL);
}

static void guest_memory_is_the_embedders(void **state)
{
	struct vhart h = make(rv64(true)), without = make(u54(true));
	uint64_t x[32] = { 0 };

	(void)state;
	assert_int_equal(run(&h, 0x6805c073, x, 0), VHART_GUEST_MEMORY); /* hlv.w x0, (x11) */
	assert_int_equal(run(&h, 0x62004073, x, 0), VHART_GUEST_MEMORY); /* hsv.b x0, (x0) */
	assert_int_equal(h.pc, 0x80000000);
	assert_int_equal(run(&without, 0x6805c073, x, 0), VHART_ILLEGAL);
	assert_int_equal(run(&without, 0x62004073, x, 0), VHART_ILLEGAL);
}

/* --- A monitor's hart -------------------------------------------------------------------------- */

/* "Exception forwarding copies the physical mstatus over the virtual one." */
static void what_the_hart_runs_with_is_not_what_the_firmware_has(void **state)
{
	struct vhart h = make(rv64(true));
	uint64_t mine = VHART_MSTATUS_MPIE | VHART_MSTATUS_TVM | VHART_MSTATUS_MPRV;

	(void)state;
	write(&h, MSTATUS, mine | VHART_MSTATUS_MPP);
	vhart_take_mstatus(&h, VHART_MSTATUS_TW | VHART_MSTATUS_SUM | VHART_MSTATUS_MIE);
	assert_int_equal(read(&h, MSTATUS),
			 mine | VHART_MSTATUS_MPP | VHART_MSTATUS_SUM | UINT64_C(10) << 32);
	vhart_take_mie(&h, VHART_M_BITS | VHART_BIT(VHART_SSI));
	assert_int_equal(read(&h, MIE), VHART_BIT(VHART_SSI));
	exception(&h, VHART_BREAKPOINT, 0);
	assert_int_equal(read(&h, MSTATUS) &
				 (VHART_MSTATUS_TVM | VHART_MSTATUS_TW | VHART_MSTATUS_MPRV),
			 VHART_MSTATUS_TVM | VHART_MSTATUS_MPRV);
}

/* "MEIP or MSIP latched into the virtual mip across a world switch." */
static void lines_are_not_latched_by_any_switch(void **state)
{
	for (unsigned native = 0; native < 2; native++) {
		struct vhart h = make(rv64(native));
		uint64_t all = VHART_M_BITS | VHART_BIT(VHART_SEI);
		uint8_t saved[VHART_STATE_SIZE];

		(void)state;
		read_ip(&h, MIP, all);
		op_ip(&h, MIP, VHART_SET, VHART_BIT(VHART_SSI), all);
		op_ip(&h, MIP, VHART_CLEAR, VHART_BIT(VHART_SSI), all);
		vhart_interrupt(&h, all);
		vhart_wakes(&h, all);
		vhart_take(&h, VHART_MEI);
		vhart_mret(&h);
		exception(&h, VHART_ECALL_S, 0);
		vhart_save(&h, saved);
		assert_int_equal(vhart_restore(&h, saved, sizeof(saved), NULL), 0);
		assert_int_equal(vhart_mip(&h, 0), 0);
	}
}

static void the_firmware_runs_in_u_mode_and_wfi_traps(void **state)
{
	struct vhart h = make(rv64(true));
	struct vhart_native n;

	(void)state;
	write(&h, SATP, UINT64_C(8) << 60 | 0x80400);
	set(&h, MSTATUS, VHART_MSTATUS_MPRV | VHART_MSTATUS_MIE | VHART_MSTATUS_MPV);
	vhart_native(&h, 0, &n);
	assert_int_equal(VHART_MSTATUS_MPP_OF(n.mstatus), VHART_U);
	assert_int_equal(n.mstatus & (VHART_MSTATUS_MPRV | VHART_MSTATUS_MPV | VHART_MSTATUS_MIE),
			 0);
	assert_int_equal(n.mstatus & VHART_MSTATUS_TW, VHART_MSTATUS_TW);
	assert_int_equal(n.satp, 0);
}

static void the_payload_runs_as_the_firmware_wants_it(void **state)
{
	struct vhart h = make(rv64(true));
	struct vhart_native n;

	(void)state;
	write(&h, SATP, UINT64_C(8) << 60 | 0x80400);
	write(&h, MEDELEG, 0xb1ff);
	write(&h, MIDELEG, VHART_S_BITS);
	write(&h, MIE, VHART_BIT(VHART_MEI) | VHART_BIT(VHART_SSI));
	set(&h, MSTATUS, VHART_MSTATUS_TVM | VHART_MSTATUS_TSR);
	to_mode(&h, VHART_S);
	vhart_native(&h, BIT(2), &n);
	assert_int_equal(n.mstatus & (VHART_MSTATUS_TVM | VHART_MSTATUS_TSR | VHART_MSTATUS_TW |
				      VHART_MSTATUS_MPP | VHART_MSTATUS_MPRV),
			 VHART_MSTATUS_TVM | VHART_MSTATUS_TSR | UINT64_C(1) << 11);
	assert_int_equal(n.satp, UINT64_C(8) << 60 | 0x80400);
	assert_int_equal(n.medeleg, 0xb1ff & ~BIT(2));
	assert_int_equal(n.mideleg, VHART_S_BITS | VHART_H_BITS);
	assert_int_equal(n.mie, VHART_BIT(VHART_MSI) | VHART_BIT(VHART_MTI) | VHART_BIT(VHART_SSI));
}

/* Under 1.10 it survives mret to U: the monitor's first store would go through the payload's eyes. */
static void the_hart_never_runs_with_mprv(void **state)
{
	struct vhart h = make(u54(true));
	struct vhart_native n;

	(void)state;
	write(&h, MSTATUS, VHART_MSTATUS_MPRV | UINT64_C(1) << 11);
	assert_true(h.changed & VHART_CHANGED_MPRV);
	assert_true(vhart_mprv(&h));
	vhart_native(&h, 0, &n);
	assert_false(n.mstatus & VHART_MSTATUS_MPRV);
	vhart_mret(&h);
	assert_true(read(&h, MSTATUS) & VHART_MSTATUS_MPRV);
	assert_false(vhart_mprv(&h)); /* it is M-mode's */
	vhart_native(&h, 0, &n);
	assert_false(n.mstatus & VHART_MSTATUS_MPRV);
}

/* The embedder clears `changed` when it has followed; until then nothing is forgotten. */
static void changes_add_up(void **state)
{
	static const struct {
		unsigned csr, change;
	} rows[] = {
		{ SSTATUS, VHART_CHANGED_MSTATUS }, { MSTATUS, VHART_CHANGED_MSTATUS },
		{ MIP, VHART_CHANGED_IP },          { SIP, VHART_CHANGED_IP },
		{ MENVCFG, VHART_CHANGED_MENVCFG }, { MCOUNTEREN, VHART_CHANGED_MCOUNTEREN },
		{ PMPCFG0, VHART_CHANGED_PMP },     { PMPADDR0, VHART_CHANGED_PMP },
		{ SATP, VHART_CHANGED_SATP },       { MIE, VHART_CHANGED_MIE },
		{ SIE, VHART_CHANGED_MIE },         { HIE, VHART_CHANGED_MIE },
		{ VSIE, VHART_CHANGED_MIE },        { MIDELEG, VHART_CHANGED_MIE },
		{ MEDELEG, VHART_CHANGED_MIE },     { MSECCFG, VHART_CHANGED_MSECCFG },
	};
	struct vhart_config config = rv64(true);
	uint64_t hstatus = 0;

	(void)state;
	config.mseccfg = BIT(8);
	for (size_t n = 0; n < sizeof(rows) / sizeof(rows[0]); n++) {
		struct vhart h = make(config);

		write(&h, MIDELEG, VHART_S_BITS);
		h.hideleg = VHART_VS_BITS;
		h.changed = (uint16_t)~rows[n].change;
		write(&h, rows[n].csr, 0x2eee);
		assert_int_equal(h.changed, 0xffff);
		exception(&h, 2, 0);
		vhart_mret(&h);
		h.mode = VHART_M;
		vhart_sret(&h, 0, &hstatus);
		assert_int_equal(h.changed, 0xffff);
	}
}

/* --- PMP (3.7.1) ------------------------------------------------------------------------------- */

static void pmp(struct vhart *h, unsigned n, unsigned config, uint64_t address)
{
	unsigned shift = n % 8 * 8;

	write(h, PMPADDR0 + n, address);
	write(h, PMPCFG0 + n / 8 * 2,
	      (read(h, PMPCFG0 + n / 8 * 2) & ~(UINT64_C(0xff) << shift)) | (uint64_t)config
										    << shift);
}

static uint64_t napot(uint64_t base, uint64_t size)
{
	return base >> 2 | (size / 8 - 1);
}

static bool allows(const struct vhart *h, enum vhart_mode mode, uint64_t address, unsigned bytes,
		   enum vhart_access access)
{
	return vhart_pmp_allows(h, mode, address, bytes, access);
}

static void pmp_registers_hold_legal_values_only(void **state)
{
	struct vhart_config config = rv64(true);
	struct vhart h = make(config);

	(void)state;
	write(&h, PMPADDR0, ~UINT64_C(0));
	assert_int_equal(read(&h, PMPADDR0), BIT(54) - 1);
	for (unsigned byte = 0; byte < 256; byte++) {
		unsigned is;

		h = make(config);
		write(&h, PMPCFG0, byte);
		is = (unsigned)read(&h, PMPCFG0);
		assert_int_equal(is & 0x60, 0);
		assert_int_not_equal(is & 3, 2); /* W without R */
		if ((byte & 3) != 2)
			assert_int_equal(is, byte & 0x9f);
	}
	config.pmps = 5;
	h = make(config);
	write(&h, PMPCFG0, UINT64_C(0x1f1f1f1f1f1f1f1f));
	assert_int_equal(read(&h, PMPCFG0), UINT64_C(0x1f1f1f1f1f));
	write(&h, PMPADDR0 + 5, 123);
	assert_int_equal(read(&h, PMPADDR0 + 5), 0);
}

static void a_locked_entry_stays(void **state)
{
	struct vhart h = make(rv64(true));

	(void)state;
	write(&h, PMPADDR0 + 2, 0x1000);
	pmp(&h, 3, L | TOR | R, 0x2000);
	write(&h, PMPADDR0 + 3, 0);
	assert_int_equal(read(&h, PMPADDR0 + 3), 0x2000);
	write(&h, PMPADDR0 + 2, 0); /* the base of a locked TOR is locked */
	assert_int_equal(read(&h, PMPADDR0 + 2), 0x1000);
	write(&h, PMPCFG0, UINT64_C(0x1f1f1f1f1f1f1f1f));
	assert_int_equal(read(&h, PMPCFG0), UINT64_C(0x1f1f1f1f891f1f1f));
	write(&h, PMPADDR0 + 2, 0);
	assert_int_equal(read(&h, PMPADDR0 + 2), 0x1000);
}

static void pmp_ranges(void **state)
{
	struct vhart h = make(rv64(true));

	(void)state;
	pmp(&h, 0, NA4 | R, 0x80000000 >> 2);
	pmp(&h, 1, NAPOT | R | W, napot(0x80001000, 0x1000));
	pmp(&h, 2, OFF | R | W | X, 0x80008000 >> 2);
	pmp(&h, 3, TOR | X, 0x80009000 >> 2);
	assert_true(allows(&h, VHART_S, 0x80000000, 4, VHART_LOAD));
	assert_false(allows(&h, VHART_S, 0x80000000, 4, VHART_STORE));
	assert_false(allows(&h, VHART_S, 0x80000004, 4, VHART_LOAD));
	assert_false(allows(&h, VHART_S, 0x7ffffffc, 4, VHART_LOAD));
	assert_true(allows(&h, VHART_U, 0x80001000, 8, VHART_STORE));
	assert_true(allows(&h, VHART_U, 0x80001ff8, 8, VHART_STORE));
	assert_false(allows(&h, VHART_U, 0x80002000, 1, VHART_LOAD));
	assert_false(allows(&h, VHART_U, 0x80000fff, 1, VHART_LOAD));
	assert_true(allows(&h, VHART_S, 0x80008000, 4, VHART_FETCH));
	assert_true(allows(&h, VHART_S, 0x80008ffc, 4, VHART_FETCH));
	assert_false(allows(&h, VHART_S, 0x80009000, 4, VHART_FETCH));
	assert_false(allows(&h, VHART_S, 0x80007ffc, 4, VHART_FETCH));
}

static void the_first_entry_must_match_the_whole_access(void **state)
{
	struct vhart h = make(rv64(true));

	(void)state;
	pmp(&h, 0, NA4 | R | W | X, 0x80000000 >> 2);
	pmp(&h, 1, NAPOT | R | W | X, BIT(54) - 1);
	assert_true(allows(&h, VHART_S, 0x80000000, 4, VHART_LOAD));
	assert_true(allows(&h, VHART_S, 0x80000004, 4, VHART_LOAD));
	assert_false(allows(&h, VHART_S, 0x80000000, 8, VHART_LOAD));
	assert_false(allows(&h, VHART_M, 0x80000000, 8, VHART_LOAD)); /* whatever the mode */
	assert_false(allows(&h, VHART_M, 0x7ffffffc, 8, VHART_LOAD));
}

static void m_mode_is_bound_by_locked_entries_alone(void **state)
{
	struct vhart h = make(rv64(true));

	(void)state;
	pmp(&h, 0, NAPOT | R, napot(0x80001000, 0x1000));
	assert_true(allows(&h, VHART_M, 0x80001000, 4, VHART_STORE));
	pmp(&h, 0, L | NAPOT | R, napot(0x80001000, 0x1000));
	assert_false(allows(&h, VHART_M, 0x80001000, 4, VHART_STORE));
	assert_true(allows(&h, VHART_M, 0x80001000, 4, VHART_LOAD));
	assert_true(allows(&h, VHART_M, 0x80002000, 4, VHART_STORE));
}

static void without_a_match_only_m_mode_may(void **state)
{
	struct vhart_config none = rv64(true);
	struct vhart h = make(none);

	(void)state;
	assert_true(allows(&h, VHART_M, 0x1000, 4, VHART_LOAD));
	assert_false(allows(&h, VHART_S, 0x1000, 4, VHART_LOAD));
	none.pmps = 0;
	h = make(none);
	assert_true(allows(&h, VHART_S, 0x1000, 4, VHART_LOAD));
}

static void tor_with_its_ends_swapped_matches_nothing(void **state)
{
	struct vhart h = make(rv64(true));

	(void)state;
	pmp(&h, 0, OFF, 0x2000);
	pmp(&h, 1, TOR | R | W | X, 0x1000);
	assert_false(allows(&h, VHART_S, 0x1000 << 2, 4, VHART_LOAD));
	assert_false(allows(&h, VHART_S, 0x4800, 4, VHART_LOAD));
	pmp(&h, 0, TOR | R, 0x2000); /* the first one's base is 0 */
	assert_true(allows(&h, VHART_S, 0, 4, VHART_LOAD));
	assert_false(allows(&h, VHART_S, 0x8000, 4, VHART_LOAD));
}

/* How firmware finds the grain: all ones, with A = 0, and the lowest one. */
static void the_grain_shows_in_pmpaddr(void **state)
{
	(void)state;
	for (unsigned grain = 0; grain <= 24; grain += 4) {
		struct vhart_config config = rv64(true);
		struct vhart h;
		uint64_t all = BIT(54) - 1, too_fine = grain ? BIT(grain) - 1 : 0;

		config.pmp_grain = (uint8_t)grain;
		h = make(config);
		write(&h, PMPADDR0, all);
		assert_int_equal(read(&h, PMPADDR0), all & ~too_fine);
		write(&h, PMPADDR0, 0);
		write(&h, PMPCFG0, NAPOT);
		assert_int_equal(read(&h, PMPADDR0), grain >= 2 ? too_fine >> 1 : 0);
		write(&h, PMPCFG0, TOR);
		assert_int_equal(read(&h, PMPADDR0), 0);
		write(&h, PMPCFG0, NA4);
		assert_int_equal((read(&h, PMPCFG0) & NAPOT) == NA4, grain == 0);
	}
}

/* What A hides of the address is not lost. */
static void the_address_comes_back_with_napot(void **state)
{
	struct vhart_config config = rv64(true);
	struct vhart h;

	(void)state;
	config.pmp_grain = 3;
	h = make(config);
	write(&h, PMPCFG0, NAPOT);
	write(&h, PMPADDR0, 0x1004);
	assert_int_equal(read(&h, PMPADDR0), 0x1007);
	write(&h, PMPCFG0, TOR);
	assert_int_equal(read(&h, PMPADDR0), 0x1000);
	write(&h, PMPCFG0, NAPOT);
	assert_int_equal(read(&h, PMPADDR0), 0x1007); /* bit G-1 */
}

static void with_a_grain_tor_ignores_the_lowest_bits(void **state)
{
	struct vhart_config config = rv64(true);
	struct vhart h;

	(void)state;
	config.pmp_grain = 2; /* 16 bytes */
	h = make(config);
	pmp(&h, 0, NAPOT | R, 0x1003);
	pmp(&h, 1, TOR | R | W, 0x1007);
	assert_false(allows(&h, VHART_S, 0x1004 << 2, 4, VHART_STORE));
	assert_true(allows(&h, VHART_S, 0x1000 << 2, 4, VHART_LOAD));
	write(&h, PMPCFG0, TOR << 8 | 3 << 8);
	assert_true(allows(&h, VHART_S, 0x1000 << 2, 4, VHART_STORE));
	assert_false(allows(&h, VHART_S, 0x1004 << 2, 4, VHART_STORE));
}

/* --- Save and restore -------------------------------------------------------------------------- */

static void a_state_that_is_none_is_refused(void **state)
{
	struct vhart h = make(rv64(true)), before, other;
	uint8_t saved[VHART_STATE_SIZE], junk[VHART_STATE_SIZE];
	const char *why = NULL;

	(void)state;
	memset(junk, 0xff, sizeof(junk));
	vhart_save(&h, saved);
	memcpy(&before, &h, sizeof(h));
	assert_int_equal(vhart_restore(&h, junk, sizeof(junk), &why), -VIRQ_ERR_STATE);
	assert_non_null(why);
	for (size_t size = 0; size < sizeof(saved); size += 31)
		assert_int_equal(vhart_restore(&h, saved, size, NULL), -VIRQ_ERR_STATE);
	assert_memory_equal(&before, &h, sizeof(h));
	other = make(u54(true)); /* another configuration's, with what that one cannot have */
	h.mode = VHART_S;
	h.v = true;
	vhart_save(&h, saved);
	assert_int_equal(vhart_restore(&other, saved, sizeof(saved), &why), -VIRQ_ERR_STATE);
}

/* lib/vhart/state.md: where a field is. One that no write could have left there is refused. */
static void each_field_of_a_state_is_checked(void **state)
{
	struct vhart_config all = rv64(false), native = rv64(true), m = e31(), old = u54(false);
	struct vhart_config grain = rv64(false), zkr = rv64(true);
	const struct {
		const struct vhart_config *config;
		unsigned offset, bytes;
		uint64_t value;
	} rows[] = {
		{ &all, 0, 4, 0x52485644 },
		{ &all, 4, 4, 2 },
		{ &all, 8, 8, 0 },
		{ &all, 16, 1, 15 },
		{ &all, 17, 1, 1 },
		{ &all, 18, 1, 2 },
		{ &all, 18, 1, 4 },
		{ &all, 18, 1, 255 },
		{ &m, 18, 1, VHART_S },
		{ &all, 19, 1, 1 }, /* in M-mode */
		{ &all, 19, 1, 2 },
		{ &old, 18, 2, 0x101 },                        /* S, V: no H */
		{ &all, 20, 8, 0x80000001 },                   /* pc */
		{ &all, 28, 8, BIT(23) | UINT64_C(10) << 32 }, /* mstatus */
		{ &all, 28, 8, UINT64_C(2) << 11 | UINT64_C(10) << 32 },
		{ &all, 28, 8, BIT(63) | UINT64_C(10) << 32 }, /* SD, and nothing is dirty */
		{ &all, 28, 8, 0 },                            /* UXL */
		{ &m, 28, 8, VHART_MSTATUS_TVM | UINT64_C(2) << 32 },
		{ &old, 28, 8, VHART_MSTATUS_MPV | UINT64_C(10) << 32 },
		{ &all, 36, 8, 2 }, /* mtvec */
		{ &all, 44, 8, 1 }, /* mepc */
		{ &m, 20, 8, 2 },   /* pc, without C */
		{ &m, 44, 8, 2 },
		{ &old, 68, 8, 1 },                  /* mtval2 */
		{ &old, 76, 8, 1 },                  /* mtinst */
		{ &all, 92, 8, BIT(VHART_ECALL_M) }, /* medeleg */
		{ &all, 100, 8, 0 },                 /* mideleg, without what is hardwired */
		{ &all, 100, 8, VHART_H_BITS | VHART_BIT(VHART_MTI) },
		{ &m, 100, 8, VHART_BIT(VHART_SSI) },
		{ &all, 108, 8, BIT(0) }, /* mie */
		{ &old, 108, 8, VHART_BIT(VHART_LCOFI) },
		{ &all, 116, 8, VHART_BIT(VHART_MTI) }, /* mip */
		{ &native, 116, 8, VHART_BIT(VHART_SSI) },
		{ &m, 116, 8, VHART_BIT(VHART_SSI) },
		{ &all, 124, 8, BIT(32) }, /* mcounteren */
		{ &all, 132, 8, BIT(1) },  /* menvcfg */
		{ &all, 140, 8, BIT(8) },  /* mseccfg */
		{ &zkr, 140, 8, BIT(0) },
		{ &old, 148, 8, UINT64_C(9) << 60 }, /* satp */
		{ &m, 148, 8, 1 },
		{ &all, 156, 1, 0x20 }, /* pmpcfg */
		{ &all, 156, 1, 2 },
		{ &all, 156, 1, 6 },
		{ &all, 156 + 16, 1, 1 },
		{ &grain, 156, 1, NA4 },
		{ &all, 220, 8, BIT(54) }, /* pmpaddr */
		{ &all, 220 + 8 * 16, 8, 1 },
		{ &all, 732, 1, 1 }, /* reserved */
		{ &all, 1023, 1, 0x80 },
	};

	(void)state;
	grain.pmp_grain = 1;
	zkr.mseccfg = BIT(8) | BIT(9);
	for (size_t n = 0; n < sizeof(rows) / sizeof(rows[0]); n++) {
		struct vhart h = make(*rows[n].config), before;
		uint8_t saved[VHART_STATE_SIZE];
		const char *why = NULL;

		vhart_save(&h, saved);
		assert_int_equal(vhart_restore(&h, saved, sizeof(saved), NULL), 0);
		memcpy(&before, &h, sizeof(h));
		for (unsigned b = 0; b < rows[n].bytes; b++)
			saved[rows[n].offset + b] = (uint8_t)(rows[n].value >> 8 * b);
		if (vhart_restore(&h, saved, sizeof(saved), &why) != -VIRQ_ERR_STATE)
			fail_msg("%#llx at %u is taken", (unsigned long long)rows[n].value,
				 rows[n].offset);
		assert_non_null(why);
		assert_memory_equal(&before, &h, sizeof(h));
	}
}

static void a_restored_hart_is_as_it_was(void **state)
{
	struct vhart h = make(rv64(false)), other = make(rv64(false));
	uint8_t saved[VHART_STATE_SIZE], again[VHART_STATE_SIZE];

	(void)state;
	write(&h, MSTATUS, VHART_MSTATUS_MPP | VHART_MSTATUS_SUM | VHART_MSTATUS_FS);
	write(&h, MTVEC, 0x80001001);
	write(&h, MIE, VHART_S_BITS);
	write(&h, MIP, VHART_BIT(VHART_SEI));
	write(&h, SATP, UINT64_C(9) << 60 | 7);
	pmp(&h, 15, L | NAPOT | R, napot(0x1000, 0x1000));
	exception(&h, VHART_STORE_FAULT, 0x99);
	vhart_save(&h, saved);
	assert_int_equal(vhart_restore(&other, saved, sizeof(saved), NULL), 0);
	assert_int_equal(other.changed & 0x1ff, 0x1ff);
	for (unsigned n = 0x300; n < 0x400; n++) {
		uint64_t a = 1, b = 2;
		enum vhart_answer had = vhart_csr(&h, n, VHART_READ, &a, 0);

		assert_int_equal(vhart_csr(&other, n, VHART_READ, &b, 0), had);
		if (had == VHART_DONE)
			assert_int_equal(a, b);
	}
	assert_int_equal(other.pc, h.pc);
	vhart_save(&other, again);
	assert_memory_equal(saved, again, sizeof(saved));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wrong_configuration_is_refused_by_name),
		cmocka_unit_test(power_on_is_m_mode_with_nothing_enabled),
		cmocka_unit_test(csr_operation_matrix),
		cmocka_unit_test(the_short_way_is_for_four_registers),
		cmocka_unit_test(x0_is_never_written),
		cmocka_unit_test(a_swap_of_one_register_uses_its_old_value),
		cmocka_unit_test(reading_forms_of_a_read_only_register_are_legal),
		cmocka_unit_test(an_unknown_csr_changes_nothing_and_traps_to_the_base),
		cmocka_unit_test(registers_that_are_not_there_are_illegal),
		cmocka_unit_test(hypervisor_csrs),
		cmocka_unit_test(counters_and_supervisor_registers_are_the_embedders),
		cmocka_unit_test(units_are_there_while_they_are_on),
		cmocka_unit_test(the_entropy_source),
		cmocka_unit_test(mstatus_holds_legal_values_only),
		cmocka_unit_test(mpp_never_holds_a_mode_that_is_not_there),
		cmocka_unit_test(sd_sums_up_the_units),
		cmocka_unit_test(sstatus_is_a_part_of_mstatus),
		cmocka_unit_test(misa_does_not_change),
		cmocka_unit_test(mtvec_keeps_base_and_mode),
		cmocka_unit_test(mepc_is_aligned_as_instructions_are),
		cmocka_unit_test(satp_ignores_a_write_with_a_mode_that_is_not_there),
		cmocka_unit_test(medeleg_menvcfg_and_mcounteren_have_the_bits_of_the_configuration),
		cmocka_unit_test(machine_bits_of_mip_are_read_only),
		cmocka_unit_test(seip_is_two_bits),
		cmocka_unit_test(natively_only_named_bits_of_mip_are_touched),
		cmocka_unit_test(stip_is_read_only_with_stce),
		cmocka_unit_test(menvcfg_is_told_when_stce_changes),
		cmocka_unit_test(lcofi_is_there_with_sscofpmf),
		cmocka_unit_test(mie_mip_and_mideleg_have_the_bits_of_the_extensions),
		cmocka_unit_test(hardwired_delegation_stays),
		cmocka_unit_test(B42_sip_and_sie_follow_mideleg),
		cmocka_unit_test(natively_sip_hands_on_ssip_alone),
		cmocka_unit_test(hie_and_vsie_are_parts_of_mie),
		cmocka_unit_test(B43_priority_of_each_pair),
		cmocka_unit_test(an_interrupt_needs_pending_enabled_and_not_delegated),
		cmocka_unit_test(mie_matters_in_m_mode_alone),
		cmocka_unit_test(B41_wfi_is_over_whatever_mie_and_mideleg_say),
		cmocka_unit_test(the_monitor_is_never_deaf),
		cmocka_unit_test(what_is_delegated_is_off_while_the_firmware_runs),
		cmocka_unit_test(a_trap_saves_where_it_came_from),
		cmocka_unit_test(vectored_interrupts),
		cmocka_unit_test(an_interrupt_has_no_trap_value),
		cmocka_unit_test(a_trap_from_a_guest_says_so),
		cmocka_unit_test(without_h_a_trap_leaves_no_trace_of_it),
		cmocka_unit_test(mret_to_m_mode_is_not_virtualized),
		cmocka_unit_test(payload_round_trip),
		cmocka_unit_test(breakpoint_reaches_the_firmware),
		cmocka_unit_test(mprv_after_a_return),
		cmocka_unit_test(sret_in_m_mode),
		cmocka_unit_test(fences_are_the_embedders),
		cmocka_unit_test(guest_memory_is_the_embedders),
		cmocka_unit_test(what_the_hart_runs_with_is_not_what_the_firmware_has),
		cmocka_unit_test(lines_are_not_latched_by_any_switch),
		cmocka_unit_test(the_firmware_runs_in_u_mode_and_wfi_traps),
		cmocka_unit_test(the_payload_runs_as_the_firmware_wants_it),
		cmocka_unit_test(the_hart_never_runs_with_mprv),
		cmocka_unit_test(changes_add_up),
		cmocka_unit_test(pmp_registers_hold_legal_values_only),
		cmocka_unit_test(a_locked_entry_stays),
		cmocka_unit_test(pmp_ranges),
		cmocka_unit_test(the_first_entry_must_match_the_whole_access),
		cmocka_unit_test(m_mode_is_bound_by_locked_entries_alone),
		cmocka_unit_test(without_a_match_only_m_mode_may),
		cmocka_unit_test(tor_with_its_ends_swapped_matches_nothing),
		cmocka_unit_test(the_grain_shows_in_pmpaddr),
		cmocka_unit_test(the_address_comes_back_with_napot),
		cmocka_unit_test(with_a_grain_tor_ignores_the_lowest_bits),
		cmocka_unit_test(a_state_that_is_none_is_refused),
		cmocka_unit_test(each_field_of_a_state_is_checked),
		cmocka_unit_test(a_restored_hart_is_as_it_was),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("vhart", tests, NULL, NULL);
}
