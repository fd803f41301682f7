/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * libFuzzer's third target: bytes are a virtual hart and a virtual CLINT (extensions, PMP entries, harts,
 * layout) and what a hostile firmware, its payload and a host do to them: CSR accesses by number and as
 * instructions of any encoding, traps, returns, CLINT accesses of any width anywhere, deadlines, kicks,
 * saved states with bytes changed. Nothing is compared with a model (that is what tests/model/riscv is
 * for). After each step what is WARL is legal, what is locked is what it was, an interrupt that is to be
 * taken can be, and a hart's own registers let nothing through; what was saved comes back the same.
 */
#include <carillon/vclint.h>
#include <carillon/vhart.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SIZE  4096
#define MAX_HARTS 8
#define BIT(n)    (UINT64_C(1) << (n))

struct input {
	const uint8_t *at, *end;
};

static struct machine {
	struct vhart_config config;
	struct vclint_config layout;
	struct vhart hart, was; /* `was`: before the step */
	uint64_t x[32], now;
	struct vclint *clint;
	void *memory;
	bool kicked[MAX_HARTS];
	unsigned self;
} m;

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "fuzz: %s\n", what);
	abort();
}

static unsigned take(struct input *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

static uint64_t take_many(struct input *in, unsigned bytes)
{
	uint64_t value = 0;

	while (bytes--)
		value = value << 8 | take(in);
	return value;
}

/* A value in few bytes: how, and what. */
static uint64_t take_value(struct input *in)
{
	unsigned how = take(in);

	switch (how & 7) {
	case 0:
		return BIT(how >> 3 & 31);
	case 1:
		return BIT(32 + (how >> 3 & 31));
	case 2:
		return ~BIT(take(in) & 63);
	case 3:
		return take_many(in, 2);
	case 4:
		return ~UINT64_C(0) << (how >> 3);
	case 5:
		return take_many(in, 4);
	default:
		return take_many(in, 8);
	}
}

static bool has(char letter)
{
	return m.config.misa & VHART_MISA(letter);
}

/* --- Building ---------------------------------------------------------------------------------- */

static void kick(void *host, unsigned hart)
{
	must(host == &m && hart < m.layout.harts, "a hart that is not there is kicked");
	must(hart != m.self, "a hart kicks itself");
	must(!m.kicked[hart], "a hart is kicked again before it has looked");
	m.kicked[hart] = true;
}

static void set_time(void *host, uint64_t value)
{
	must(host == &m, "set_time for somebody else");
	m.now = value;
}

static const struct vclint_port ports[] = { { kick, NULL }, { kick, set_time } };

static void configure_hart(struct input *in)
{
	static const uint8_t pmps[] = { 16, 0, 1, 8, 16, 17, 63, 64 };
	static const uint8_t grains[] = { 0, 0, 1, 2, 3, 10, 23, 24 };
	unsigned bits = (unsigned)take_many(in, 2), shape = take(in);
	bool s = bits & 1, old = bits & 16, h = s && bits & 2 && !old;
	struct vhart_config *c = &m.config;

	memset(c, 0, sizeof(*c));
	c->misa = VHART_MISA_RV64 | VHART_MISA('I') | VHART_MISA('U');
	c->misa |= (s ? VHART_MISA('S') : 0) | (h ? VHART_MISA('H') : 0);
	c->misa |= (bits & 4 ? VHART_MISA('F') : 0) | (bits & 8 ? VHART_MISA('C') : 0);
	c->misa |= bits & 32 ? VHART_MISA('V') : 0;
	c->priv_1_10 = old;
	c->native = bits & 64;
	c->time = bits & 128;
	c->sstc = s && !old && bits & 256;
	c->sscofpmf = s && bits & 512;
	c->mseccfg = bits & 16384 && !old ? 0x300 : 0;
	c->menvcfg = old ? 0 : BIT(0) | (c->sstc ? BIT(63) : 0) | (bits & 1024 ? 0xf0 : 0);
	c->mcounteren = bits & 2048 ? 0xffffffff : 7;
	c->medeleg = s ? (h ? 0xf0b5ff : 0xb1ff) : 0;
	c->mideleg_forced = (h ? VHART_H_BITS : 0) | (s && bits & 4096 ? VHART_S_BITS : 0);
	c->satp_modes = s ? (bits & 8192 ? 0x701 : 0x101) : 0;
	c->satp_bits = s ? BIT(60) - 1 : 0;
	c->pmps = pmps[shape & 7];
	c->pmp_grain = grains[shape >> 3 & 7];
	if (!(shape & 128))
		return;
	/* Something is otherwise: refused, or a hart like any other. */
	uint64_t *const fields[] = { &c->misa,           &c->menvcfg,   &c->mcounteren, &c->medeleg,
				     &c->mideleg_forced, &c->satp_bits, &c->mseccfg,    &c->misa };

	*fields[take(in) & 7] ^= take_value(in);
	c->satp_modes ^= (uint16_t)take(in);
	c->pmps = (uint8_t)(c->pmps + take(in));
	c->pmp_grain ^= (uint8_t)take(in);
}

static void configure_clint(struct input *in)
{
	unsigned shape = take(in), harts = 1 + (shape & 7);
	struct vclint_config *c = &m.layout;

	memset(c, 0, sizeof(*c));
	vclint_sifive(c, harts);
	if (!(shape & 16))
		return;
	/* ACLINT, as the input has it: refused, or built. */
	c->regions = (uint8_t)(1 + take(in) % 4);
	for (unsigned n = 0; n < c->regions; n++) {
		c->region[n].kind = (uint8_t)(take(in) % 4);
		c->region[n].first = (uint16_t)(take(in) % 9);
		c->region[n].harts = (uint16_t)(take(in) % 9);
		c->region[n].offset = (uint32_t)take_many(in, 2) * 4;
	}
}

static bool build(struct input *in)
{
	const char *why = NULL;
	unsigned settable;
	size_t size;

	configure_hart(in);
	configure_clint(in);
	m.now = take_value(in);
	settable = take(in) & 1;
	m.self = MAX_HARTS;
	memset(m.kicked, 0, sizeof(m.kicked));
	memset(m.x, 0, sizeof(m.x));
	m.memory = NULL;
	size = vclint_size(&m.layout);
	if (vhart_check(&m.config, &why) || vclint_check(&m.layout, &why)) {
		must(why && *why, "refused without a reason");
		return false;
	}
	must(size > 0, "a layout that is taken has no size");
	must(vhart_init(&m.hart, &m.config) == 0, "a configuration is checked and refused");
	m.memory = aligned_alloc(64, (size + 63) / 64 * 64);
	must(vclint_init(&m.clint, m.memory, size, &m.layout, &ports[settable], &m) == 0,
	     "a layout is checked and refused");
	m.hart.pc = 0x80000000;
	return true;
}

/* --- What must hold ---------------------------------------------------------------------------- */

static uint64_t read_csr(const struct vhart *hart, unsigned number, uint64_t ip)
{
	struct vhart copy = *hart;
	uint64_t value = 0;

	copy.mode = VHART_M;
	copy.v = false;
	must(vhart_csr(&copy, number, VHART_READ, &value, ip) == VHART_DONE,
	     "a register of M-mode is not to be read");
	return value;
}

static void check_mstatus(uint64_t v)
{
	uint64_t s = VHART_MSTATUS_SIE | VHART_MSTATUS_SPIE | VHART_MSTATUS_SPP |
		     VHART_MSTATUS_SUM | VHART_MSTATUS_MXR | VHART_MSTATUS_TVM | VHART_MSTATUS_TSR;
	uint64_t can = VHART_MSTATUS_MIE | VHART_MSTATUS_MPIE | VHART_MSTATUS_MPP |
		       VHART_MSTATUS_MPRV | VHART_MSTATUS_TW | VHART_MSTATUS_UXL;
	unsigned mpp = VHART_MSTATUS_MPP_OF(v);
	bool dirty = (v & VHART_MSTATUS_FS) == VHART_MSTATUS_FS ||
		     (v & VHART_MSTATUS_VS) == VHART_MSTATUS_VS;

	can |= has('S') ? s | VHART_MSTATUS_SXL : 0;
	can |= has('F') || has('S') ? VHART_MSTATUS_FS : 0;
	can |= has('V') || has('S') ? VHART_MSTATUS_VS : 0;
	can |= has('H') ? VHART_MSTATUS_GVA | VHART_MSTATUS_MPV : 0;
	must(!(v & ~can & ~VHART_MSTATUS_SD), "mstatus has a bit that it cannot have");
	must(mpp == VHART_M || mpp == VHART_U || (mpp == VHART_S && has('S')),
	     "mstatus.MPP is no mode");
	must(dirty == !!(v & VHART_MSTATUS_SD), "mstatus.SD is wrong");
	must((v & VHART_MSTATUS_UXL) == UINT64_C(2) << 32, "mstatus.UXL is not 2");
}

static void check_registers(const struct vhart *h)
{
	uint64_t exist = VHART_M_BITS | (has('S') ? VHART_S_BITS : 0) |
			 (has('H') ? VHART_H_BITS : 0) |
			 (m.config.sscofpmf ? VHART_BIT(VHART_LCOFI) : 0);

	must(h->mode == VHART_M || h->mode == VHART_U || (h->mode == VHART_S && has('S')),
	     "a mode that is none");
	must(!h->v || (has('H') && h->mode != VHART_M), "virtualized in M-mode, or without H");
	check_mstatus(read_csr(h, 0x300, 0));
	must(!(read_csr(h, 0x304, 0) & ~exist), "mie has a bit that no extension defines");
	must(!(read_csr(h, 0x344, 0) & ~(exist & ~VHART_M_BITS)), "mip has a bit that nobody set");
	must((read_csr(h, 0x305, 0) & 3) < 2, "mtvec.MODE is reserved");
	must(!(read_csr(h, 0x341, 0) & (has('C') ? 1 : 3)), "mepc is not aligned");
	must(!(read_csr(h, 0x306, 0) & ~m.config.mcounteren), "mcounteren has a bit too many");
	must(read_csr(h, 0x301, 0) == m.config.misa, "misa has changed");
	if (!m.config.priv_1_10)
		must(!(read_csr(h, 0x30a, 0) & ~m.config.menvcfg), "menvcfg has a bit too many");
	if (m.config.mseccfg)
		must(!(read_csr(h, 0x747, 0) & ~m.config.mseccfg), "mseccfg has a bit too many");
	if (!has('S'))
		return;
	must(!(read_csr(h, 0x302, 0) & ~m.config.medeleg), "medeleg has a bit too many");
	must(!(read_csr(h, 0x303, 0) & ~(exist & ~VHART_M_BITS)), "mideleg has a bit too many");
	must((read_csr(h, 0x303, 0) & m.config.mideleg_forced) == m.config.mideleg_forced,
	     "a hardwired delegation is gone");
	must(m.config.satp_modes >> (read_csr(h, 0x180, 0) >> 60) & 1, "satp.MODE is none");
	must(!(read_csr(h, 0x104, 0) & ~(VHART_S_BITS | VHART_BIT(VHART_LCOFI))),
	     "sie has a bit that is not S-mode's");
	must(!(read_csr(h, 0x104, 0) & ~read_csr(h, 0x303, 0)), "sie has what is not delegated");
}

static void check_pmp(const struct vhart *h)
{
	for (unsigned n = 0; n < VHART_MAX_PMPS; n++) {
		unsigned c = h->pmpcfg[n];

		must(!(c & 0x60) && (c & 3) != 2, "pmpcfg is reserved");
		must(!(m.config.pmp_grain && (c & 0x18) == 0x10), "NA4 with a grain");
		must(!(h->pmpaddr[n] >> 54), "pmpaddr has more than 54 bits");
		must(n < m.config.pmps || (!c && !h->pmpaddr[n]), "a PMP entry too many");
	}
}

/* Nothing but a restore changes what is locked. */
static void check_locks(const struct vhart *was, const struct vhart *h)
{
	for (unsigned n = 0; n < m.config.pmps; n++) {
		if (!(was->pmpcfg[n] & 0x80))
			continue;
		must(h->pmpcfg[n] == was->pmpcfg[n] && h->pmpaddr[n] == was->pmpaddr[n],
		     "a locked PMP entry has changed");
		must(n == 0 || (was->pmpcfg[n] & 0x18) != 8 ||
			     h->pmpaddr[n - 1] == was->pmpaddr[n - 1],
		     "the base of a locked TOR has changed");
	}
}

static void check_interrupt(const struct vhart *h, uint64_t ip)
{
	uint64_t mip = vhart_mip(h, ip), due = mip & h->mie & ~h->mideleg;
	int n = vhart_interrupt(h, ip);

	must(n == -1 || (n > 0 && n < 14 && (due >> n & 1)), "an interrupt that is not due");
	must(n == -1 || h->mode != VHART_M || (h->mstatus & VHART_MSTATUS_MIE),
	     "an interrupt in M-mode that holds it off");
	must(n != -1 || !due || (h->mode == VHART_M && !(h->mstatus & VHART_MSTATUS_MIE)),
	     "an interrupt is due, and none is taken");
	must(vhart_wakes(h, ip) == !!(mip & h->mie), "wfi");
}

static void check_native(const struct vhart *h)
{
	uint64_t own = VHART_BIT(VHART_MSI) | VHART_BIT(VHART_MTI);
	struct vhart_native n;

	memset(&n, 0xff, sizeof(n));
	vhart_native(h, BIT(2), &n);
	must((n.mie & own) == own, "the monitor is deaf");
	must(!(n.mstatus & VHART_MSTATUS_MPRV), "the hart runs with MPRV");
	must(!(n.mstatus & VHART_MSTATUS_MIE), "the monitor runs with interrupts");
	must(VHART_MSTATUS_MPP_OF(n.mstatus) != VHART_M, "somebody runs in M-mode");
	if (h->mode == VHART_M) {
		must(VHART_MSTATUS_MPP_OF(n.mstatus) == VHART_U && !(n.mstatus & VHART_MSTATUS_MPV),
		     "the firmware does not run in U-mode");
		must(n.mstatus & VHART_MSTATUS_TW, "the firmware's wfi does not trap");
		must(!n.medeleg && !(n.mideleg & ~m.config.mideleg_forced) && !n.satp,
		     "the firmware's traps go to the payload");
		must(!(n.mie & m.config.mideleg_forced), "a delegated interrupt hits the firmware");
	} else {
		must(VHART_MSTATUS_MPP_OF(n.mstatus) == h->mode, "the payload's mode");
		must(!(n.medeleg & BIT(2)), "what is kept is delegated");
		must(!(n.mie & VHART_BIT(VHART_MEI)), "MEIE with the payload");
	}
}

static void check_clint(void)
{
	for (unsigned h = 0; h < m.layout.harts; h++) {
		uint64_t lines = vclint_lines(m.clint, h, m.now);

		must(!(lines & ~(BIT(3) | BIT(7))), "lines that a CLINT does not have");
		vclint_next(m.clint, h, m.now);
	}
}

static void check(uint64_t ip)
{
	check_registers(&m.hart);
	check_pmp(&m.hart);
	check_interrupt(&m.hart, ip);
	check_native(&m.hart);
	check_clint();
	must(m.x[0] == 0, "x0 is written");
}

/* --- Steps ------------------------------------------------------------------------------------- */

static uint64_t pending(struct input *in)
{
	uint64_t ip = vclint_lines(m.clint, 0, m.now), more = take_many(in, 2);
	uint64_t can = VHART_BIT(VHART_MEI) | (has('S') ? VHART_S_BITS : 0) |
		       (has('H') ? VHART_H_BITS : 0);

	if (m.config.native && m.config.sscofpmf)
		can |= VHART_BIT(VHART_LCOFI);
	return ip | (more & can);
}

/* Not done: nothing has changed. */
static void check_refused(enum vhart_answer answer, const uint64_t *x)
{
	if (answer == VHART_DONE)
		return;
	must(!memcmp(&m.was, &m.hart, sizeof(m.hart)), "not done, and the hart has changed");
	must(!memcmp(x, m.x, sizeof(m.x)), "not done, and a register has changed");
}

static void step_csr(struct input *in, uint64_t ip)
{
	static const uint16_t numbers[] = {
		0x300, 0x304, 0x344, 0x303, 0x302, 0x305, 0x341, 0x30a, 0x180, 0x100, 0x104,
		0x144, 0x604, 0x204, 0x342, 0x34a, 0x34b, 0x306, 0x301, 0x340, 0x343, 0xf11,
		0xf12, 0xf13, 0xf14, 0xf15, 0x001, 0x008, 0xc01, 0x747, 0xda0, 0x14d,
	};
	unsigned first = take(in), number = (first & 15) << 8 | take(in);
	enum vhart_op op = (enum vhart_op)(first >> 4 & 3);
	uint64_t value = take_value(in);

	if (first & 128)
		number = numbers[number & 31];
	else if (first & 64)
		number = 0x3a0 + number % 80;
	check_refused(vhart_csr(&m.hart, number, op, &value, ip), m.x);
	if (op == VHART_READ) {
		m.was.changed = m.hart.changed;
		must(!memcmp(&m.was, &m.hart, sizeof(m.hart)), "reading has changed the hart");
	}
	m.x[1 + (number & 15)] = value;
}

static void step_instruction(struct input *in, uint64_t ip)
{
	static const uint32_t known[] = { 0x30200073, 0x10200073, 0x10500073, 0x00000073,
					  0x00100073, 0x12000073, 0x62b50073, 0x18000073,
					  0x18100073, 0x16b50073, 0x6805c073, 0x6a004073 };
	unsigned which = take(in);
	uint32_t raw = which < 48 ? known[which % 12] : (uint32_t)take_many(in, 4);
	struct vhart_insn insn;
	struct vhart copy;
	uint64_t x[32], y[32];
	bool plain;

	if (which >= 128) /* SYSTEM */
		raw = (raw & ~0x7fu) | 0x73;
	vhart_decode(raw, &insn);
	must(insn.length == ((raw & 3) == 3 ? 4 : 2), "the length of an instruction");
	must(insn.kind <= VHART_INSN_FLOAT_STORE && insn.rd < 32 && insn.rs1 < 32 && insn.rs2 < 32,
	     "no kind, or no register");
	if (which >= 200 && insn.kind == VHART_INSN_CSR) { /* of those that the short way is for */
		raw = (raw & 0x000fffff) | (0x33f + (raw >> 20) % 6) << 20;
		vhart_decode(raw, &insn);
	}
	if (insn.kind >= VHART_INSN_LOAD)
		must(insn.bytes == 1 || insn.bytes == 2 || insn.bytes == 4 || insn.bytes == 8 ||
			     (insn.bytes == 16 && insn.kind >= VHART_INSN_FLOAT_LOAD),
		     "an access of no width");
	memcpy(&copy, &m.hart, sizeof(copy));
	memcpy(y, m.x, sizeof(y));
	plain = vhart_execute_plain(&copy, raw, y);
	must(plain || (!memcmp(&copy, &m.hart, sizeof(copy)) && !memcmp(y, m.x, sizeof(y))),
	     "the short way was not taken, and something has changed");
	must(!plain || insn.kind == VHART_INSN_CSR, "the short way of what is no CSR instruction");
	if (insn.kind != VHART_INSN_CSR && insn.kind != VHART_INSN_MRET &&
	    insn.kind != VHART_INSN_SRET && insn.kind != VHART_INSN_WFI &&
	    insn.kind != VHART_INSN_FENCE && insn.kind != VHART_INSN_GUEST_LOAD &&
	    insn.kind != VHART_INSN_GUEST_STORE)
		return;
	memcpy(x, m.x, sizeof(x));
	check_refused(vhart_execute(&m.hart, &insn, m.x, ip), x);
	if (plain)
		must(!memcmp(y, m.x, sizeof(y)) && copy.pc == m.hart.pc &&
			     copy.mscratch == m.hart.mscratch && copy.mepc == m.hart.mepc &&
			     copy.mcause == m.hart.mcause && copy.mtval == m.hart.mtval,
		     "the short way is another");
}

static void step_trap(struct input *in)
{
	struct vhart_trap t = { .cause = take(in) & 31, .tval = take_value(in) };

	t.tval2 = take_value(in);
	t.gva = t.tval & 1;
	if (t.cause == 31)
		t.cause = take_value(in);
	m.hart.pc = take_value(in) & ~UINT64_C(1);
	m.was = m.hart;
	vhart_trap(&m.hart, &t);
	must(m.hart.mode == VHART_M && !(m.hart.mstatus & VHART_MSTATUS_MIE),
	     "a trap, and no M-mode");
	must(VHART_MSTATUS_MPP_OF(m.hart.mstatus) == m.was.mode, "a trap, and MPP is another");
}

static void step_return(struct input *in)
{
	uint64_t hstatus = take_value(in);

	if (m.hart.mode != VHART_M)
		return;
	if ((hstatus & 1) && has('S'))
		vhart_sret(&m.hart, take_value(in), has('H') ? &hstatus : NULL);
	else
		vhart_mret(&m.hart);
}

static void step_payload(struct input *in)
{
	uint64_t can = (has('F') ? VHART_MSTATUS_FS : 0) | (has('V') ? VHART_MSTATUS_VS : 0);
	uint64_t mie = VHART_M_BITS | (has('S') ? VHART_S_BITS : 0) | (has('H') ? VHART_H_BITS : 0);

	if (has('S'))
		can |= VHART_MSTATUS_SIE | VHART_MSTATUS_SPIE | VHART_MSTATUS_SPP |
		       VHART_MSTATUS_SUM | VHART_MSTATUS_MXR;
	vhart_take_mstatus(&m.hart, take_value(in) & can);
	vhart_take_mie(&m.hart, take_value(in) & mie);
	m.hart.hideleg = take_value(in);
}

static void step_clint_access(struct input *in)
{
	static const uint8_t widths[] = { 4, 8, 4, 8, 1, 2, 0, 16 };
	unsigned how = take(in), bytes = widths[how & 7];
	unsigned where = take(in), number = (where >> 3 & 7) * 4;
	uint64_t offset, value = 0, written;

	switch (where & 7) {
	case 0:
		offset = take_value(in);
		break;
	case 1:
		offset = take_many(in, 2);
		break;
	case 2:
		offset = 0xbff8 + (number & 4);
		break;
	case 3:
	case 4:
		offset = number;
		break;
	default:
		offset = 0x4000 + 2 * number + (where & 1 ? 4 : 0);
	}
	written = take_value(in);

	if (how & 64)
		offset &= ~UINT64_C(3);
	m.self = (how >> 3 & 7) % m.layout.harts;
	if (vclint_read(m.clint, offset, bytes, m.now, &value) == VCLINT_DONE)
		must(bytes == 8 || !(value >> 32), "a read gives more than it was asked for");
	if (how & 32)
		vclint_write(m.clint, m.self, offset, bytes, m.now, written);
	m.self = MAX_HARTS;
}

static void step_clint(struct input *in)
{
	unsigned how = take(in), hart = (how >> 4) % m.layout.harts;

	switch (how & 7) {
	case 0:
		vclint_arm(m.clint, hart, VCLINT_PAYLOAD, take_value(in));
		break;
	case 1:
		vclint_arm(m.clint, hart, VCLINT_HOST, take_value(in));
		break;
	case 2:
		must(vclint_expired(m.clint, hart, m.now) < 1u << VCLINT_DEADLINES,
		     "a deadline that there is not");
		must(!(vclint_expired(m.clint, hart, m.now) & ~(1u << VCLINT_FIRMWARE)),
		     "a deadline that is over twice");
		break;
	case 3:
		vclint_post(m.clint, hart, (uint32_t)take_value(in) | VCLINT_REASON_HOST);
		must(m.kicked[hart], "posted, and not kicked");
		break;
	case 4:
		must(vclint_reasons(m.clint, hart) == 0 || m.kicked[hart],
		     "a reason without a kick");
		m.kicked[hart] = false;
		break;
	case 5:
		vclint_reasons(m.clint, hart);
		m.kicked[hart] = false;
		vclint_reset_hart(m.clint, hart);
		break;
	default:
		m.now += how & 8 ? take_value(in) : take(in);
	}
}

/* The state as it was saved, with bytes of it changed: refused, or a state like any other. */
static void step_restore(struct input *in)
{
	uint8_t state[VHART_STATE_SIZE], again[VHART_STATE_SIZE];
	unsigned changes = take(in) & 3;
	const char *why = NULL;
	size_t size = sizeof(state);

	vhart_save(&m.hart, state);
	for (unsigned n = 0; n < changes; n++) {
		unsigned at = (unsigned)take_many(in, 2);

		state[at & 0x8000 ? at % 212 : at % sizeof(state)] = (uint8_t)take(in);
	}
	if (take(in) == 7)
		size -= take(in) * 4;
	if (vhart_restore(&m.hart, state, size, &why)) {
		must(why && *why, "refused without a reason");
		must(!memcmp(&m.was, &m.hart, sizeof(m.hart)), "refused, and changed");
		must(changes || size < sizeof(state), "what was saved is refused");
		return;
	}
	vhart_save(&m.hart, again);
	must(!memcmp(state, again, sizeof(state)), "what was restored is saved differently");
	m.was = m.hart;
}

static void step_restore_clint(struct input *in)
{
	uint8_t state[1024], again[1024], before[1024];
	size_t size = vclint_save_size(m.clint), used;
	unsigned changes = take(in) & 3;
	const char *why = NULL;

	must(size <= sizeof(state), "the state of a few harts is long");
	must(vclint_save(m.clint, state, size) == (long)size, "vclint_save");
	memcpy(before, state, size);
	for (unsigned n = 0; n < changes; n++) {
		unsigned at = take(in) % size;

		state[at] = (uint8_t)take(in);
	}
	used = size - (changes == 3 ? take(in) % size : 0);
	if (vclint_restore(m.clint, state, used, &why)) {
		must(why && *why, "refused without a reason");
		must(changes, "what was saved is refused");
		memcpy(state, before, size);
	}
	must(vclint_save(m.clint, again, size) == (long)size, "vclint_save");
	must(!memcmp(state, again, size),
	     "what was restored is saved differently, or refused and taken");
	for (unsigned h = 0; h < m.layout.harts;
	     h++) { /* as after a reset: nobody has been kicked */
		vclint_reasons(m.clint, h);
		m.kicked[h] = false;
	}
}

static void step_pmp(struct input *in)
{
	static const enum vhart_mode modes[] = { VHART_U, VHART_S, VHART_M, VHART_M };
	static const enum vhart_access accesses[] = { VHART_LOAD, VHART_STORE, VHART_FETCH,
						      VHART_LOAD };
	unsigned how = take(in);

	vhart_pmp_allows(&m.hart, modes[how & 3], take_value(in), 1u << (how >> 4 & 7),
			 accesses[how >> 2 & 3]);
}

static void step(struct input *in)
{
	unsigned kind = take(in) % 16;
	uint64_t ip = pending(in);
	int interrupt;

	m.was = m.hart;
	if (kind < 5 && m.hart.mode == VHART_M)
		step_csr(in, ip);
	else if (kind < 7 && m.hart.mode == VHART_M)
		step_instruction(in, ip);
	else if (kind == 7)
		step_trap(in);
	else if (kind == 8)
		step_return(in);
	else if (kind == 9)
		step_payload(in);
	else if (kind == 10)
		step_clint_access(in);
	else if (kind == 11)
		step_clint(in);
	else if (kind == 12)
		step_restore(in);
	else if (kind == 13)
		step_restore_clint(in);
	else if (kind == 14)
		step_pmp(in);
	else if ((interrupt = vhart_interrupt(&m.hart, ip)) >= 0)
		vhart_take(&m.hart, interrupt);
	check_locks(&m.was, &m.hart);
	check(ip);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, data + size };

	if (size > MAX_SIZE)
		return 0;
	if (build(&in))
		while (in.at < in.end)
			step(&in);
	free(m.memory);
	return 0;
}
