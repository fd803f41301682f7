/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The embedder: each operation is done by the library and by the model, and both are compared. */
#include "machine.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define INIT_PC 0x80000000u

void machine_fail(struct machine *m, const char *format, ...)
{
	char text[400];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	m->failed(text);
	abort();
}

/* --- Configurations ---------------------------------------------------------------------------- */

static void make_hart_config(struct machine *m)
{
	const struct machine_config *c = &m->config;
	struct vhart_config *h = &m->hart_config;

	h->misa = VHART_MISA_RV64 | VHART_MISA('I') | VHART_MISA('U') | VHART_MISA('A') |
		  VHART_MISA('M');
	h->misa |= (c->h ? VHART_MISA('H') : 0) | (c->s ? VHART_MISA('S') : 0) |
		   (c->f ? VHART_MISA('F') : 0) | (c->v ? VHART_MISA('V') : 0) |
		   (c->c ? VHART_MISA('C') : 0);
	h->mvendorid = 0x489;
	h->marchid = UINT64_C(0x8000000000000007);
	h->mimpid = 0x20181004;
	h->priv_1_10 = c->old;
	h->native = c->native;
	h->time = c->time;
	h->sstc = c->sstc;
	h->sscofpmf = c->lcofi;
	h->menvcfg = c->old ? 0
			    : 0xf1 | UINT64_C(3) << 32 | (c->sstc ? UINT64_C(1) << 63 : 0) |
				      UINT64_C(1) << 62;
	h->mseccfg = c->zkr ? 0x300 : 0;
	h->mcounteren = c->time ? 0x1f : 0x1d;
	h->medeleg = c->s ? 0xb1ff : 0;
	if (c->h)
		h->medeleg |= 0xf00400;
	if (c->s) {
		h->satp_modes = c->old ? 0x101 : c->h ? 0x701 : 0x301;
		h->satp_bits = c->native ? UINT64_C(0xfffffffffffffff) : UINT64_C(0xfffffffffff);
	}
	h->mideleg_forced = (c->h ? VHART_H_BITS : 0) |
			    (c->forced && c->s ? VHART_S_BITS | (c->lcofi ? 1u << 13 : 0) : 0);
	h->pmps = (uint8_t)c->pmps;
	h->pmp_grain = (uint8_t)c->grain;
}

static void add_region(struct vclint_config *c, enum vclint_kind kind, unsigned first,
		       unsigned harts, uint32_t offset)
{
	struct vclint_region *r = &c->region[c->regions++];

	r->kind = (uint8_t)kind;
	r->first = (uint16_t)first;
	r->harts = (uint16_t)harts;
	r->offset = offset;
}

/* 0 SiFive's; 1 ACLINT as QEMU has it; 2 two sockets, back to front, with odd gaps; 3 no mtime. */
static void make_clint_config(struct machine *m)
{
	struct vclint_config *c = &m->clint_config;
	unsigned harts = m->config.harts, half = (harts + 1) / 2;

	if (m->config.layout == 0) {
		vclint_sifive(c, harts);
		return;
	}
	c->harts = (uint16_t)harts;
	if (m->config.layout == 1) {
		add_region(c, VCLINT_MSIP, 0, harts, 0);
		add_region(c, VCLINT_MTIMECMP, 0, harts, 0x4000);
		add_region(c, VCLINT_MTIME, 0, 1, 0xbff8);
		return;
	}
	add_region(c, VCLINT_MTIMECMP, half, harts - half, 0x20008);
	if (harts == half)
		c->regions--;
	add_region(c, VCLINT_MTIMECMP, 0, half, 0x10000);
	add_region(c, VCLINT_MSIP, 0, half, 0x3004);
	add_region(c, VCLINT_MSIP, half, harts - half, 0x1000);
	if (harts == half)
		c->regions--;
	if (m->config.layout == 2)
		add_region(c, VCLINT_MTIME, 0, 1, 0xfff0);
}

/* --- What the library calls -------------------------------------------------------------------- */

static void kick(void *host, unsigned hart)
{
	struct machine *m = host;

	if (hart >= m->config.harts)
		machine_fail(m, "a kick of hart %u, which is not there", hart);
	if (hart == m->self)
		machine_fail(m, "hart %u kicks itself", hart);
	if (!m->hart[hart].looked && !m->hart[hart].fresh)
		machine_fail(m, "hart %u is kicked a second time before it has looked", hart);
	/* It may look at once: what it is kicked for has to be there. */
	if (vclint_next(m->lib, hart, m->clint.now) != model_next(&m->clint, hart) ||
	    (vclint_lines(m->lib, hart, m->clint.now) >> 3 & 1) != model_msip(&m->clint, hart))
		machine_fail(m, "hart %u is kicked before its register has been written", hart);
	m->hart[hart].msi = true;
	m->hart[hart].looked = false;
	m->hart[hart].fresh = false;
	m->kicks++;
}

static void set_time(void *host, uint64_t value)
{
	struct machine *m = host;

	if (m->time_was_set)
		machine_fail(m, "mtime is set twice");
	m->set_time = value;
	m->time_was_set = true;
}

static const struct vclint_port port = { kick, NULL }, port_with_time = { kick, set_time };

/* --- Following what the library says ----------------------------------------------------------- */

static void program(struct machine *m, unsigned hart)
{
	uint64_t next = vclint_next(m->lib, hart, m->clint.now);

	if (next != model_next(&m->clint, hart))
		machine_fail(m, "hart %u: vclint_next is %#llx, the model has %#llx", hart,
			     (unsigned long long)next,
			     (unsigned long long)model_next(&m->clint, hart));
	m->hart[hart].programmed = next;
}

/* csrs, csrc of mip: a read-modify-write of what software writes. */
static void set_mip(struct machine *m, struct machine_hart *h, uint64_t bits, bool to)
{
	struct hardware *hw = &h->hw;
	bool s = m->config.s, stce = m->config.sstc && hw->menvcfg >> 63;

	if (s && bits & VHART_BIT(VHART_SSI))
		hw->ssi = to;
	if (s && bits & VHART_BIT(VHART_SEI))
		hw->sei = to;
	if (s && !stce && bits & VHART_BIT(VHART_STI))
		hw->sti = to;
	if (m->config.h && bits & VHART_BIT(VHART_VSSI))
		hw->vssi = to;
	if (m->config.lcofi && bits & VHART_BIT(VHART_LCOFI))
		hw->lcofi = to;
}

static void follow_pmp(struct machine_hart *h)
{
	struct vhart copy = h->lib;
	unsigned n;

	copy.mode = VHART_M;
	for (n = 0; n < 16; n += 2)
		vhart_csr(&copy, 0x3a0 + n, VHART_READ, &h->hw.pmpcfg[n], 0);
	for (n = 0; n < VHART_MAX_PMPS; n++)
		vhart_csr(&copy, 0x3b0 + n, VHART_READ, &h->hw.pmpaddr[n], 0);
}

static void follow(struct machine *m, unsigned hart)
{
	struct machine_hart *h = &m->hart[hart];
	struct hardware *hw = &h->hw;
	unsigned changed = h->lib.changed;
	struct vhart_native native;

	h->lib.changed = 0;
	if (!m->config.native)
		return;
	if (changed & VHART_CHANGED_MSTATUS)
		hw->s_fields = h->lib.mstatus & VHART_MSTATUS_S_FIELDS;
	if (changed & VHART_CHANGED_MENVCFG)
		hw->menvcfg = h->lib.menvcfg;
	if (changed & VHART_CHANGED_IP) {
		set_mip(m, h, h->lib.ip_set, true);
		set_mip(m, h, h->lib.ip_clear, false);
	}
	if (changed & VHART_CHANGED_MCOUNTEREN)
		hw->mcounteren = h->lib.mcounteren;
	if (changed & VHART_CHANGED_MSECCFG)
		hw->mseccfg = h->lib.mseccfg;
	if (changed & VHART_CHANGED_SATP)
		hw->satp = h->lib.satp;
	if (changed & VHART_CHANGED_PMP)
		follow_pmp(h);
	if (changed & VHART_CHANGED_MPRV)
		hw->mprv = vhart_mprv(&h->lib);
	vhart_native(&h->lib, m->keep, &native);
	if (h->lib.mode != h->was_mode || h->lib.v != h->was_v) {
		hw->native = native; /* a world switch, or a return within the payload */
		hw->mprv = vhart_mprv(&h->lib);
	} else if (changed & VHART_CHANGED_MIE) {
		hw->native.mie = native.mie;
		hw->native.mideleg = native.mideleg;
		hw->native.medeleg = native.medeleg;
	}
	h->was_mode = h->lib.mode;
	h->was_v = h->lib.v;
}

/* What the payload may have changed, before the library looks. */
static void take(struct machine *m, unsigned hart)
{
	struct machine_hart *h = &m->hart[hart];

	if (m->config.native)
		vhart_take_mstatus(&h->lib, h->hw.s_fields);
}

/* --- Life -------------------------------------------------------------------------------------- */

static void init_hart(struct machine *m, unsigned hart)
{
	struct machine_hart *h = &m->hart[hart];
	static struct vhart_config configs[MODEL_HARTS];
	int error;

	configs[hart] = m->hart_config;
	configs[hart].mhartid = hart * 3;
	memset(&h->lib, 0xa5, sizeof(h->lib));
	error = vhart_init(&h->lib, &configs[hart]);
	if (error)
		machine_fail(m, "vhart_init gives %d", error);
	model_hart_init(&h->model, &configs[hart]);
	h->lib.pc = h->model.pc = INIT_PC;
	memset(&h->hw, 0, sizeof(h->hw));
	vhart_native(&h->lib, m->keep, &h->hw.native);
	h->lib.changed = 0;
	h->was_mode = VHART_M;
	h->was_v = false;
	h->looked = true;
	h->msi = h->fresh = false;
	h->programmed = VCLINT_NEVER;
}

static struct vclint *new_clint(struct machine *m, void **memory)
{
	size_t size = vclint_size(&m->clint_config), room = (size + 63) / 64 * 64;
	struct vclint *clint;
	int error;

	*memory = aligned_alloc(64, room ? room : 64);
	memset(*memory, 0xa5, room);
	error = vclint_init(&clint, *memory, size, &m->clint_config,
			    m->config.settime ? &port_with_time : &port, m);
	if (error)
		machine_fail(m, "vclint_init gives %d", error);
	return clint;
}

static void check_all(struct machine *m)
{
	unsigned h;

	for (h = 0; h < m->config.harts; h++)
		check_hart(m, h);
	check_timers(m);
}

void machine_init(struct machine *m, const struct machine_config *config,
		  void (*failed)(const char *text))
{
	const char *why = "?";
	unsigned h;

	memset(m, 0, sizeof(*m));
	m->config = *config;
	m->failed = failed;
	m->self = MODEL_HARTS;
	m->keep = VHART_BIT(VHART_ILLEGAL_INSTRUCTION) | VHART_BIT(VHART_ECALL_S);
	make_hart_config(m);
	make_clint_config(m);
	if (vhart_check(&m->hart_config, &why) || vclint_check(&m->clint_config, &why))
		machine_fail(m, "the configuration is refused: %s", why);
	model_clint_init(&m->clint, &m->clint_config);
	m->clint.settable = config->settime;
	m->lib = new_clint(m, &m->memory);
	for (h = 0; h < config->harts; h++) {
		init_hart(m, h);
		check_pmp(m, h);
	}
	check_all(m);
}

void machine_free(struct machine *m)
{
	free(m->memory);
	m->memory = NULL;
}

/* --- Instructions of the firmware -------------------------------------------------------------- */

static void trap(struct machine *m, unsigned hart, uint64_t cause, uint64_t tval)
{
	struct machine_hart *h = &m->hart[hart];
	struct vhart_trap t = {
		.cause = cause, .tval = tval, .tval2 = tval ^ 0x77, .tinst = 0x3020
	};

	t.gva = tval & 1;
	take(m, hart);
	vhart_trap(&h->lib, &t);
	model_trap(&h->model, &t);
	m->traps++;
}

/* Nothing has changed but what the caller looks at. */
static void check_untouched(struct machine *m, const struct vhart *before,
			    const struct vhart *after, const uint64_t *x, const uint64_t *was)
{
	if (memcmp(before, after, sizeof(*before)))
		machine_fail(m, "an instruction that was not done has changed the hart");
	if (memcmp(x, was, 32 * sizeof(*x)))
		machine_fail(m, "an instruction that was not done has changed a register");
}

static uint32_t encode(const struct op *op)
{
	return (uint32_t)op->a << 20 | op->rs1 << 15 | op->form << 12 | op->rd << 7 | 0x73;
}

/* The operand, and whether it writes: csrrs and csrrc of x0, or of immediate 0, do not. */
static enum vhart_op form_of(const struct op *op)
{
	static const enum vhart_op ops[] = { VHART_READ, VHART_WRITE, VHART_SET, VHART_CLEAR };
	enum vhart_op form = ops[op->form & 3];

	return form != VHART_WRITE && op->rs1 == 0 ? VHART_READ : form;
}

/* What a register reads as now that the library has written it, for what the text leaves open. */
static uint64_t chosen(struct machine *m, unsigned hart, unsigned number)
{
	struct vhart copy = m->hart[hart].lib;
	uint64_t value = 0;

	copy.mode = VHART_M;
	vhart_csr(&copy, number, VHART_READ, &value, machine_ip(m, hart));
	return value;
}

/* sstatus, which a native embedder may be left to do on its own: on the hart's own mstatus. */
static void sstatus_by_host(struct machine *m, const struct op *op, enum vhart_op form,
			    uint64_t operand, uint64_t x[32])
{
	struct machine_hart *h = &m->hart[op->hart];

	if (!m->config.native)
		machine_fail(m, "sstatus is left to an emulator");
	if (op->rd)
		x[op->rd] = model_csr_read(&h->model, 0x100);
	model_csr_write(&h->model, 0x100, form, operand, 0);
	h->hw.s_fields = model_mstatus(&h->model) & VHART_MSTATUS_S_FIELDS;
	take(m, op->hart);
	h->lib.pc += 4;
	h->model.pc += 4;
}

static void check_answer(struct machine *m, const struct op *op, enum model_csr is,
			 enum vhart_answer answer)
{
	bool fits = answer == VHART_ILLEGAL;

	if (is == MODEL_HERE)
		fits = answer == VHART_DONE;
	if (is == MODEL_ELSEWHERE)
		fits = answer == VHART_HOST;
	if (is == MODEL_MAY_BE_ZERO)
		fits = answer == VHART_DONE || answer == VHART_ILLEGAL;
	if (is == MODEL_SSTATUS)
		fits = answer == VHART_DONE || answer == VHART_HOST;
	if (is == MODEL_EITHER)
		fits = answer == VHART_HOST || answer == VHART_ILLEGAL;
	if (!fits)
		machine_fail(m, "CSR %#llx: the answer is %u, and the register %s",
			     (unsigned long long)op->a, answer,
			     is == MODEL_ILLEGAL ? "is not there"
			     : is == MODEL_HERE  ? "is the library's"
						 : "is the embedder's");
}

static void csr_done(struct machine *m, const struct op *op, enum vhart_op form, uint64_t operand,
		     uint64_t x[32])
{
	struct machine_hart *h = &m->hart[op->hart];
	uint64_t old = model_csr_read(&h->model, (unsigned)op->a);
	bool stce = model_stce(&h->model);
	const char *why;

	if (op->rd)
		x[op->rd] = old;
	why = model_csr_write(&h->model, (unsigned)op->a, form, operand,
			      chosen(m, op->hart, (unsigned)op->a));
	if (why)
		machine_fail(m, "hart %u: %s", op->hart, why);
	h->model.pc += 4;
	follow(m, op->hart);
	/* When software has STIP again, its value is open. */
	if (stce && !model_stce(&h->model))
		h->model.software.sti = m->config.native ? h->hw.sti
							 : chosen(m, op->hart, 0x344) >> 5 & 1;
}

/* The short way, beside the long one: the same, or nothing. */
static void check_plain(struct machine *m, const struct op *op, const struct vhart *before,
			const uint64_t *was, enum vhart_answer answer, const uint64_t *x)
{
	struct vhart copy;
	uint64_t y[32];
	bool plain = op->a >= 0x340 && op->a <= 0x343;

	memcpy(&copy, before, sizeof(copy));
	memcpy(y, was, sizeof(y));
	if (vhart_execute_plain(&copy, encode(op), y) != plain)
		machine_fail(m, "vhart_execute_plain() on CSR %#llx", (unsigned long long)op->a);
	if (!plain) {
		check_untouched(m, before, &copy, y, was);
		return;
	}
	copy.changed = m->hart[op->hart].lib.changed;
	if (answer != VHART_DONE || memcmp(&copy, &m->hart[op->hart].lib, sizeof(copy)) ||
	    memcmp(x, y, sizeof(y)))
		machine_fail(m, "vhart_execute_plain() differs from vhart_execute(): CSR %#llx",
			     (unsigned long long)op->a);
}

static void do_csr(struct machine *m, const struct op *op)
{
	struct machine_hart *h = &m->hart[op->hart];
	enum vhart_op form = form_of(op);
	uint64_t x[32], was[32], operand = op->form > 4 ? op->rs1 : 0;
	enum model_csr is = model_csr_is(&h->model, (unsigned)op->a, form != VHART_READ);
	enum vhart_answer answer;
	struct vhart_insn insn;
	struct vhart before;
	unsigned n;

	if (h->model.mode != VHART_M)
		return;
	for (n = 0; n < 32; n++)
		x[n] = n ? 0x1111111111111111u * (n % 15) + n : 0;
	if (op->form < 4 && op->rs1)
		operand = x[op->rs1] = op->b;
	memcpy(was, x, sizeof(x));
	take(m, op->hart);
	h->lib.hideleg = h->model.hideleg;
	memcpy(&before, &h->lib, sizeof(before));
	vhart_decode(encode(op), &insn);
	if (insn.kind != VHART_INSN_CSR)
		machine_fail(m, "%#x is a CSR instruction, and decoded as %u", encode(op),
			     insn.kind);
	answer = vhart_execute(&h->lib, &insn, x, machine_ip(m, op->hart));
	check_answer(m, op, is, answer);
	check_plain(m, op, &before, was, answer, x);
	if (answer != VHART_DONE)
		check_untouched(m, &before, &h->lib, x, was);
	if (answer == VHART_DONE)
		csr_done(m, op, form, operand, was);
	else if (is == MODEL_SSTATUS && answer == VHART_HOST)
		sstatus_by_host(m, op, form, operand, x);
	if (answer == VHART_DONE && memcmp(x, was, sizeof(x)))
		machine_fail(m, "CSR %#llx: x%u is %#llx, and should be %#llx",
			     (unsigned long long)op->a, op->rd, (unsigned long long)x[op->rd],
			     (unsigned long long)was[op->rd]);
	if (op->a >= 0x3a0 && op->a <= 0x3ef)
		check_pmp(m, op->hart);
	if (answer == VHART_ILLEGAL) {
		m->illegal++;
		if (op->form & 4) /* otherwise the embedder ends it in a way of its own */
			trap(m, op->hart, VHART_ILLEGAL_INSTRUCTION, encode(op));
	}
}

/* mret, sret, wfi, fences. */
static enum vhart_answer plain(struct machine *m, const struct op *op, uint32_t raw, unsigned kind)
{
	struct machine_hart *h = &m->hart[op->hart];
	uint64_t x[32] = { 0 }, was[32] = { 0 };
	enum vhart_answer answer;
	struct vhart_insn insn;
	struct vhart before;

	take(m, op->hart);
	memcpy(&before, &h->lib, sizeof(before));
	vhart_decode(raw, &insn);
	if (insn.kind != kind || insn.length != 4)
		machine_fail(m, "%#x is decoded as %u of length %u", raw, insn.kind, insn.length);
	answer = vhart_execute(&h->lib, &insn, x, machine_ip(m, op->hart));
	if (answer != VHART_DONE)
		check_untouched(m, &before, &h->lib, x, was);
	if (answer == VHART_ILLEGAL)
		trap(m, op->hart, VHART_ILLEGAL_INSTRUCTION, raw);
	return answer;
}

static void do_mret(struct machine *m, const struct op *op)
{
	if (plain(m, op, 0x30200073, VHART_INSN_MRET) != VHART_DONE)
		machine_fail(m, "mret is not done");
	model_mret(&m->hart[op->hart].model);
}

static void do_sret(struct machine *m, const struct op *op)
{
	struct machine_hart *h = &m->hart[op->hart];
	enum vhart_answer answer = plain(m, op, 0x10200073, VHART_INSN_SRET);
	uint64_t hstatus;

	if (answer != (m->config.s ? VHART_SUPERVISOR_RETURN : VHART_ILLEGAL))
		machine_fail(m, "the answer to sret is %u", answer);
	if (!m->config.s)
		return;
	h->model.sepc = model_legal_pc(&h->model, op->a);
	h->model.hstatus = hstatus = op->b;
	take(m, op->hart);
	vhart_sret(&h->lib, h->model.sepc, m->config.h ? &hstatus : NULL);
	model_sret(&h->model);
	if (hstatus != h->model.hstatus)
		machine_fail(m, "sret leaves hstatus %#llx, the model %#llx",
			     (unsigned long long)hstatus, (unsigned long long)h->model.hstatus);
}

static void do_wfi(struct machine *m, const struct op *op)
{
	enum vhart_answer answer = plain(m, op, 0x10500073, VHART_INSN_WFI);

	if (answer != VHART_WAIT)
		machine_fail(m, "the answer to wfi is %u", answer);
}

/* Without S there is no sfence.vma; whether there are sinval.* the configuration does not say. */
static void do_fence(struct machine *m, const struct op *op)
{
	static const struct {
		uint32_t raw;
		bool h, optional;
	} fences[] = {
		{ 0x12000073, false, false },
		{ 0x12b50073, false, false }, /* sfence.vma */
		{ 0x22b50073, true, false },
		{ 0x62b50073, true, false }, /* hfence.* */
		{ 0x16b50073, false, true },
		{ 0x18000073, false, true }, /* sinval.vma, sfence.* */
		{ 0x18100073, false, true },
		{ 0x26b50073, true, true }, /* hinval.vvma */
	};
	unsigned n = op->a % (sizeof(fences) / sizeof(fences[0]));
	bool there = fences[n].h ? m->config.h : m->config.s;
	enum vhart_answer answer = plain(m, op, fences[n].raw, VHART_INSN_FENCE);

	if (answer != (there ? VHART_FENCE : VHART_ILLEGAL) &&
	    !(there && fences[n].optional && answer == VHART_ILLEGAL))
		machine_fail(m, "the answer to fence %#x is %u", fences[n].raw, answer);
}

/* --- Traps, interrupts, the payload ------------------------------------------------------------ */

static void do_trap(struct machine *m, const struct op *op)
{
	struct machine_hart *h = &m->hart[op->hart];

	if (h->model.mode != VHART_M && h->model.medeleg >> op->a & 1)
		return; /* it is the payload's, or first the monitor's */
	h->lib.pc = h->model.pc = model_legal_pc(&h->model, op->c);
	trap(m, op->hart, op->a, op->b);
}

static void do_entry(struct machine *m, const struct op *op)
{
	struct machine_hart *h = &m->hart[op->hart];
	int number = vhart_interrupt(&h->lib, machine_ip(m, op->hart));
	struct vhart_trap t = { .cause = VHART_CAUSE_INTERRUPT };

	if (number != model_interrupt(&h->model))
		machine_fail(m, "hart %u: interrupt %d is to be taken, the model has %d", op->hart,
			     number, model_interrupt(&h->model));
	if (number < 0)
		return;
	t.cause |= (unsigned)number;
	take(m, op->hart);
	vhart_take(&h->lib, number);
	model_trap(&h->model, &t);
	m->taken++;
}

/* The payload runs, on registers that are its own. */
static void do_payload(struct machine *m, const struct op *op)
{
	struct machine_hart *h = &m->hart[op->hart];
	bool native = m->config.native;
	struct model_hart *model = &h->model;

	if (model->mode == VHART_M)
		return;
	if (op->a == 1 && model->mode == VHART_S && !model->v) { /* sie */
		model_set_sie(model, op->b);
		if (native) /* as the hart has it, with what is delegated in fact */
			h->hw.native.mie = (h->hw.native.mie & ~(h->hw.native.mideleg & 0x2222)) |
					   (op->b & h->hw.native.mideleg & 0x2222);
		vhart_take_mie(&h->lib, native ? h->hw.native.mie : model_mie(model));
	} else if (op->a == 2 && model->mode == VHART_S && !model->v) { /* sip */
		model_set_sip(model, op->b);
		h->hw.ssi = model->software.ssi;
		h->hw.lcofi = model->software.lcofi;
		if (!native)
			h->lib.mip = (h->lib.mip & ~(uint64_t)0x2002) |
				     (uint64_t)model->software.ssi << 1 |
				     (uint64_t)model->software.lcofi << 13;
	} else { /* sstatus; without S-mode only the units' state */
		model_set_s_fields(model, op->b);
		h->hw.s_fields = model_mstatus(model) & VHART_MSTATUS_S_FIELDS;
		vhart_take_mstatus(&h->lib, h->hw.s_fields);
	}
}

/* Lines of devices; those that set what software can also write are edges. */
static void do_line(struct machine *m, const struct op *op)
{
	struct machine_hart *h = &m->hart[op->hart];
	bool level = op->b;

	if (op->a == 0)
		h->model.line.mei = level;
	else if (op->a == 1)
		h->model.line.sei = level && m->config.s;
	else if (op->a == 2)
		h->model.line.stimecmp = level && m->config.sstc;
	else if (op->a == 3)
		h->model.line.vsti = level && m->config.h;
	else if (op->a == 4)
		h->model.line.vsei = level && m->config.h;
	else if (op->a == 5)
		h->model.line.sgei = level && m->config.h;
	else if (op->a == 6 && m->config.s) { /* ACLINT's SSWI */
		h->model.software.ssi = h->hw.ssi = true;
		if (!m->config.native)
			h->lib.mip |= VHART_BIT(VHART_SSI);
	} else if (op->a == 7 && m->config.lcofi) { /* a counter's overflow */
		h->model.software.lcofi = h->hw.lcofi = true;
		if (!m->config.native)
			h->lib.mip |= VHART_BIT(VHART_LCOFI);
	}
}

static void do_pmp(struct machine *m, const struct op *op)
{
	struct machine_hart *h = &m->hart[op->hart];
	static const unsigned modes[] = { VHART_U, VHART_S, VHART_M };
	static const enum vhart_access accesses[] = { VHART_LOAD, VHART_STORE, VHART_FETCH };
	unsigned mode = modes[op->c % 3];
	enum vhart_access access = accesses[op->c / 3 % 3];
	bool allows = vhart_pmp_allows(&h->lib, mode, op->a, (unsigned)op->b, access);

	if (allows != model_pmp_allows(&h->model, mode, op->a, (unsigned)op->b, access))
		machine_fail(m, "PMP %s %llu bytes at %#llx in mode %u, access %u",
			     allows ? "allows" : "refuses", (unsigned long long)op->b,
			     (unsigned long long)op->a, mode, access);
}

/* --- The CLINT --------------------------------------------------------------------------------- */

static void do_read(struct machine *m, const struct op *op)
{
	uint64_t library = 0, model = 0;
	bool there = model_clint_read(&m->clint, op->a, (unsigned)op->b, &model);
	enum vclint_answer answer =
		vclint_read(m->lib, op->a, (unsigned)op->b, m->clint.now, &library);

	if (answer != (there ? VCLINT_DONE : VCLINT_FAULT))
		machine_fail(m, "reading %llu bytes at %#llx: the answer is %u",
			     (unsigned long long)op->b, (unsigned long long)op->a, answer);
	if (there && library != model)
		machine_fail(m, "%llu bytes at %#llx are %#llx, the model has %#llx",
			     (unsigned long long)op->b, (unsigned long long)op->a,
			     (unsigned long long)library, (unsigned long long)model);
}

static void do_write(struct machine *m, const struct op *op)
{
	uint64_t now = m->clint.now;
	bool there = model_clint_write(&m->clint, op->hart, op->a, (unsigned)op->b, op->c);
	enum vclint_answer answer;

	m->time_was_set = false;
	m->self = op->hart;
	answer = vclint_write(m->lib, op->hart, op->a, (unsigned)op->b, now, op->c);
	m->self = MODEL_HARTS;
	if (answer != (there ? VCLINT_DONE : VCLINT_FAULT))
		machine_fail(m, "writing %llu bytes at %#llx: the answer is %u",
			     (unsigned long long)op->b, (unsigned long long)op->a, answer);
	if ((m->time_was_set ? m->set_time : now) != m->clint.now)
		machine_fail(m, "mtime is set to %#llx, the model has %#llx",
			     (unsigned long long)(m->time_was_set ? m->set_time : now),
			     (unsigned long long)m->clint.now);
	if (there)
		program(m, op->hart);
}

static void do_timer(struct machine *m, const struct op *op)
{
	unsigned library, model;

	if (m->clint.now < m->hart[op->hart].programmed)
		return;
	library = vclint_expired(m->lib, op->hart, m->clint.now);
	model = model_expired(&m->clint, op->hart);
	if (library != model)
		machine_fail(m, "hart %u: deadlines %#x are over, in the model %#x", op->hart,
			     library, model);
	program(m, op->hart);
	m->expired++;
}

static void do_kick(struct machine *m, const struct op *op)
{
	struct machine_hart *h = &m->hart[op->hart];
	uint32_t must = m->clint.hart[op->hart].must, may = must | m->clint.hart[op->hart].may;
	uint32_t reasons;

	if (!h->msi)
		return;
	h->msi = false; /* first */
	h->looked = true;
	h->fresh = false;
	reasons = vclint_reasons(m->lib, op->hart);
	m->clint.hart[op->hart].must = m->clint.hart[op->hart].may = 0;
	if ((reasons & must) != must || (reasons & ~may))
		machine_fail(m, "hart %u is kicked for %#x: it has to be %#x, and may be %#x",
			     op->hart, reasons, must, may);
	program(m, op->hart);
}

static void do_post(struct machine *m, const struct op *op)
{
	uint32_t reasons = (uint32_t)op->a & ~3u;

	if (!reasons)
		return;
	m->clint.hart[op->hart].must |= reasons;
	vclint_post(m->lib, op->hart, reasons);
}

static void do_reset(struct machine *m, const struct op *op)
{
	unsigned d;

	vclint_reset_hart(m->lib, op->hart);
	m->clint.hart[op->hart].msip = false;
	for (d = 0; d < VCLINT_DEADLINES; d++)
		m->clint.hart[op->hart].deadline[d] = VCLINT_NEVER;
	m->clint.hart[op->hart].may |= m->clint.hart[op->hart].must;
	m->clint.hart[op->hart].must = 0;
	m->hart[op->hart].fresh = true;
	program(m, op->hart);
}

/* --- Save and restore -------------------------------------------------------------------------- */

static void do_restore(struct machine *m, const struct op *op)
{
	struct machine_hart *h = &m->hart[op->hart];
	uint8_t state[VHART_STATE_SIZE], again[VHART_STATE_SIZE];
	struct vhart other;
	const char *why = "?";

	take(m, op->hart);
	memset(state, 0x11, sizeof(state));
	memset(again, 0x22, sizeof(again));
	memset(&other, 0x5a, sizeof(other));
	vhart_save(&h->lib, state);
	if (vhart_init(&other, h->model.config))
		machine_fail(m, "vhart_init refuses what it took");
	if (vhart_restore(&other, state, sizeof(state) - 1, &why) != -VIRQ_ERR_STATE)
		machine_fail(m, "a state that is too short is restored");
	if (vhart_restore(&other, state, sizeof(state), &why))
		machine_fail(m, "a state is not restored: %s", why);
	vhart_save(&other, again);
	if (memcmp(state, again, sizeof(state)))
		machine_fail(m, "a state is saved differently once it was restored");
	memcpy(&h->lib, &other, sizeof(other));
	h->was_mode = 5; /* nothing is known of what the hardware has */
	check_pmp(m, op->hart);
	m->restored++;
}

static void do_restore_clint(struct machine *m)
{
	size_t size = vclint_save_size(m->lib);
	uint8_t *state = malloc(size + 1);
	const char *why = "?";
	struct vclint *other;
	void *memory;
	unsigned h;
	long saved;

	for (h = 0; h < m->config.harts; h++)
		do_kick(m, &(struct op){ .kind = OP_KICK, .hart = h });
	if (size && vclint_save(m->lib, state, size - 1) != -VIRQ_ERR_MEMORY)
		machine_fail(m, "the CLINT is saved in too little memory");
	saved = vclint_save(m->lib, state, size);
	if (saved < 0 || (size_t)saved > size)
		machine_fail(m, "vclint_save gives %ld of %zu", saved, size);
	other = new_clint(m, &memory);
	if (saved && vclint_restore(other, state, (size_t)saved - 1, &why) != -VIRQ_ERR_STATE)
		machine_fail(m, "a CLINT's state that is too short is restored");
	if (vclint_restore(other, state, (size_t)saved, &why))
		machine_fail(m, "a CLINT's state is not restored: %s", why);
	free(state);
	free(m->memory);
	m->memory = memory;
	m->lib = other;
	/* The host's timers are the host's to set again. */
	for (h = 0; h < m->config.harts; h++) {
		vclint_arm(m->lib, h, VCLINT_HOST, m->clint.hart[h].deadline[VCLINT_HOST]);
		m->hart[h].fresh = true;
		program(m, h);
	}
	m->restored++;
}

/* ----------------------------------------------------------------------------------------------- */

static void do_arm(struct machine *m, const struct op *op)
{
	enum vclint_deadline whose = op->a & 1 ? VCLINT_PAYLOAD : VCLINT_HOST;

	vclint_arm(m->lib, op->hart, whose, op->b);
	m->clint.hart[op->hart].deadline[whose] = op->b;
	program(m, op->hart);
}

static void do_hart(struct machine *m, const struct op *op)
{
	bool firmware = m->hart[op->hart].model.mode == VHART_M;

	if (op->kind == OP_CSR)
		do_csr(m, op);
	else if (op->kind == OP_MRET && firmware)
		do_mret(m, op);
	else if (op->kind == OP_SRET && firmware)
		do_sret(m, op);
	else if (op->kind == OP_WFI && firmware)
		do_wfi(m, op);
	else if (op->kind == OP_FENCE && firmware)
		do_fence(m, op);
	else if (op->kind == OP_TRAP)
		do_trap(m, op);
	else if (op->kind == OP_ENTRY)
		do_entry(m, op);
	else if (op->kind == OP_PAYLOAD)
		do_payload(m, op);
	else if (op->kind == OP_LINE)
		do_line(m, op);
	else if (op->kind == OP_HIDELEG && m->config.h)
		m->hart[op->hart].model.hideleg = m->hart[op->hart].lib.hideleg = op->a & 0x444;
	else if (op->kind == OP_PMP)
		do_pmp(m, op);
	else if (op->kind == OP_RESTORE)
		do_restore(m, op);
	follow(m, op->hart);
}

static void do_clint(struct machine *m, const struct op *op)
{
	if (op->kind == OP_READ)
		do_read(m, op);
	else if (op->kind == OP_WRITE)
		do_write(m, op);
	else if (op->kind == OP_TIME && op->a >= m->clint.now)
		m->clint.now = op->a;
	else if (op->kind == OP_TIMER)
		do_timer(m, op);
	else if (op->kind == OP_KICK)
		do_kick(m, op);
	else if (op->kind == OP_ARM)
		do_arm(m, op);
	else if (op->kind == OP_POST)
		do_post(m, op);
	else if (op->kind == OP_RESET)
		do_reset(m, op);
	else if (op->kind == OP_RESTORE_CLINT)
		do_restore_clint(m);
}

void machine_do(struct machine *m, const struct op *op)
{
	unsigned h;

	for (h = 0; h < m->config.harts; h++) { /* what is pending before it */
		m->hart[h].model.line.msi = model_msip(&m->clint, h);
		m->hart[h].model.line.mti = model_mtip(&m->clint, h);
	}
	do_hart(m, op);
	do_clint(m, op);
	check_all(m);
}

void machine_print_op(const struct op *op)
{
	static const char *const names[] = {
		"csr",     "mret", "sret",    "wfi",  "fence", "trap",    "entry",
		"payload", "line", "hideleg", "pmp",  "read",  "write",   "time",
		"timer",   "kick", "arm",     "post", "reset", "restore", "restore_clint",
	};
	static const char *const forms[] = { "?", "csrrw",  "csrrs",  "csrrc",
					     "?", "csrrwi", "csrrsi", "csrrci" };

	if (op->kind == OP_CSR)
		printf("hart %u: %s x%u, %#llx, %s%u; %#llx\n", op->hart, forms[op->form & 7],
		       op->rd, (unsigned long long)op->a, op->form > 4 ? "" : "x", op->rs1,
		       (unsigned long long)op->b);
	else
		printf("hart %u: %s %#llx, %#llx, %#llx\n", op->hart, names[op->kind],
		       (unsigned long long)op->a, (unsigned long long)op->b,
		       (unsigned long long)op->c);
}
