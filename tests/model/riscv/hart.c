/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The naive hart: chapter 3 of the Privileged Architecture (machine level), what chapters 4 (supervisor
 * level) and 8 (hypervisor extension) say about M-mode, Sstc and Sscofpmf. hart.h says more.
 */
#include "hart.h"

#include <string.h>

static uint64_t bit(unsigned n)
{
	return (uint64_t)1 << n;
}

static bool has_bit(uint64_t value, unsigned n)
{
	return value >> n & 1;
}

bool model_has(const struct model_hart *h, char letter)
{
	return has_bit(h->config->misa, (unsigned)(letter - 'A'));
}

static bool is_s_level(unsigned number)
{
	return number == 1 || number == 5 || number == 9;
}

static bool is_vs_level(unsigned number)
{
	return number == 2 || number == 6 || number == 10;
}

static bool is_m_level(unsigned number)
{
	return number == 3 || number == 7 || number == 11;
}

bool model_interrupt_exists(const struct model_hart *h, unsigned number)
{
	if (is_m_level(number))
		return true;
	if (is_s_level(number))
		return model_has(h, 'S');
	if (is_vs_level(number) || number == 12)
		return model_has(h, 'H');
	return number == 13 && h->config->sscofpmf;
}

/* mepc, and what is jumped to: IALIGN is 16 with C and 32 without (3.1.14). */
uint64_t model_legal_pc(const struct model_hart *h, uint64_t pc)
{
	return model_has(h, 'C') ? pc & ~(uint64_t)1 : pc & ~(uint64_t)3;
}

void model_hart_init(struct model_hart *h, const struct vhart_config *config)
{
	unsigned n;

	memset(h, 0, sizeof(*h));
	h->config = config;
	h->mode = VHART_M;
	for (n = 0; n < 64; n++)
		h->delegated[n] = has_bit(config->mideleg_forced, n);
}

/* --- Interrupts (3.1.9) ------------------------------------------------------------------------ */

/* Sstc: with menvcfg.STCE, STIP is what stimecmp says. */
bool model_stce(const struct model_hart *h)
{
	return h->config->sstc && has_bit(h->menvcfg, 63);
}

bool model_pending(const struct model_hart *h, unsigned number)
{
	if (!model_interrupt_exists(h, number))
		return false;
	switch (number) {
	case 1:
		return h->software.ssi;
	case 2:
		return h->software.vssi;
	case 3:
		return h->line.msi;
	case 5:
		return model_stce(h) ? h->line.stimecmp : h->software.sti;
	case 6:
		return h->line.vsti;
	case 7:
		return h->line.mti;
	case 9:
		return h->software.sei || h->line.sei;
	case 10:
		return h->line.vsei;
	case 11:
		return h->line.mei;
	case 12:
		return h->line.sgei;
	case 13:
		return h->software.lcofi;
	default:
		return false;
	}
}

uint64_t model_mip(const struct model_hart *h)
{
	uint64_t mip = 0;
	unsigned n;

	for (n = 0; n < 64; n++)
		if (model_pending(h, n))
			mip |= bit(n);
	return mip;
}

uint64_t model_mie(const struct model_hart *h)
{
	uint64_t mie = 0;
	unsigned n;

	for (n = 0; n < 64; n++)
		if (h->enabled[n])
			mie |= bit(n);
	return mie;
}

uint64_t model_mideleg(const struct model_hart *h)
{
	uint64_t mideleg = 0;
	unsigned n;

	for (n = 0; n < 64; n++)
		if (h->delegated[n])
			mideleg |= bit(n);
	return mideleg;
}

int model_interrupt(const struct model_hart *h)
{
	/* MEI, MSI, MTI, SEI, SSI, STI, SGEI, VSEI, VSSI, VSTI, LCOFI */
	static const unsigned order[] = { 11, 3, 7, 9, 1, 5, 12, 10, 2, 6, 13 };
	unsigned n;

	if (h->mode == VHART_M && !h->mstatus.mie)
		return -1;
	for (n = 0; n < sizeof(order) / sizeof(order[0]); n++)
		if (model_pending(h, order[n]) && h->enabled[order[n]] && !h->delegated[order[n]])
			return (int)order[n];
	return -1;
}

/* wfi (3.3.3): whatever mstatus.MIE and mideleg say. */
bool model_wakes(const struct model_hart *h)
{
	unsigned n;

	for (n = 0; n < 64; n++)
		if (model_pending(h, n) && h->enabled[n])
			return true;
	return false;
}

/* --- Traps and returns (3.1.6.1, 3.3.2, 8.6) --------------------------------------------------- */

bool model_mprv(const struct model_hart *h)
{
	return h->mode == VHART_M && h->mstatus.mprv && h->mstatus.mpp != VHART_M;
}

void model_trap(struct model_hart *h, const struct vhart_trap *trap)
{
	bool interrupt = has_bit(trap->cause, 63);

	h->mepc = model_legal_pc(h, h->pc);
	h->mcause = trap->cause;
	h->mtval = trap->tval;
	h->mstatus.mpp = h->mode;
	h->mstatus.mpie = h->mstatus.mie;
	h->mstatus.mie = false;
	if (model_has(h, 'H')) {
		h->mstatus.mpv = h->v;
		h->mstatus.gva = trap->gva;
		h->mtval2 = trap->tval2;
		h->mtinst = trap->tinst;
	}
	h->v = false;
	h->mode = VHART_M;
	h->pc = h->mtvec.base;
	if (interrupt && h->mtvec.mode == 1)
		h->pc = h->mtvec.base + 4 * (trap->cause & ~bit(63));
}

void model_mret(struct model_hart *h)
{
	unsigned mode = h->mstatus.mpp;

	h->v = h->mstatus.mpv && mode != VHART_M;
	h->mstatus.mie = h->mstatus.mpie;
	h->mstatus.mpie = true;
	h->mstatus.mpp = VHART_U;
	h->mstatus.mpv = false;
	if (mode != VHART_M && !h->config->priv_1_10)
		h->mstatus.mprv = false;
	h->mode = mode;
	h->pc = h->mepc;
}

void model_sret(struct model_hart *h)
{
	h->mode = h->mstatus.spp ? VHART_S : VHART_U;
	h->mstatus.sie = h->mstatus.spie;
	h->mstatus.spie = true;
	h->mstatus.spp = 0;
	if (!h->config->priv_1_10)
		h->mstatus.mprv = false;
	h->v = false;
	if (model_has(h, 'H')) {
		h->v = has_bit(h->hstatus, 7); /* SPV */
		h->hstatus &= ~bit(7);
	}
	h->pc = model_legal_pc(h, h->sepc);
}

/* --- mstatus (3.1.6) --------------------------------------------------------------------------- */

static uint64_t s_fields(const struct model_hart *h)
{
	uint64_t value = 0;

	value |= (uint64_t)h->mstatus.sie << 1;
	value |= (uint64_t)h->mstatus.spie << 5;
	value |= (uint64_t)h->mstatus.spp << 8;
	value |= (uint64_t)h->mstatus.vs << 9;
	value |= (uint64_t)h->mstatus.fs << 13;
	value |= (uint64_t)h->mstatus.sum << 18;
	value |= (uint64_t)h->mstatus.mxr << 19;
	return value;
}

/* UXL, which both registers have, and SD, which sums up FS and VS; there is no XS. */
static uint64_t common(const struct model_hart *h)
{
	uint64_t value = s_fields(h) | (uint64_t)2 << 32;

	if (h->mstatus.fs == 3 || h->mstatus.vs == 3)
		value |= bit(63);
	return value;
}

uint64_t model_mstatus(const struct model_hart *h)
{
	uint64_t value = common(h);

	value |= (uint64_t)h->mstatus.mie << 3;
	value |= (uint64_t)h->mstatus.mpie << 7;
	value |= (uint64_t)h->mstatus.mpp << 11;
	value |= (uint64_t)h->mstatus.mprv << 17;
	value |= (uint64_t)h->mstatus.tvm << 20;
	value |= (uint64_t)h->mstatus.tw << 21;
	value |= (uint64_t)h->mstatus.tsr << 22;
	value |= (uint64_t)(model_has(h, 'S') ? 2 : 0) << 34;
	value |= (uint64_t)h->mstatus.gva << 38;
	value |= (uint64_t)h->mstatus.mpv << 39;
	return value;
}

void model_set_s_fields(struct model_hart *h, uint64_t value)
{
	h->mstatus.fs = model_has(h, 'F') ? value >> 13 & 3 : 0;
	h->mstatus.vs = model_has(h, 'V') ? value >> 9 & 3 : 0;
	if (!model_has(h, 'S'))
		return; /* the others are read-only zero */
	h->mstatus.sie = has_bit(value, 1);
	h->mstatus.spie = has_bit(value, 5);
	h->mstatus.spp = has_bit(value, 8);
	h->mstatus.sum = has_bit(value, 18);
	h->mstatus.mxr = has_bit(value, 19);
}

static bool mode_exists(const struct model_hart *h, unsigned mode)
{
	return mode == VHART_U || mode == VHART_M || (mode == VHART_S && model_has(h, 'S'));
}

static const char *write_mstatus(struct model_hart *h, uint64_t value, uint64_t chosen)
{
	unsigned mpp = value >> 11 & 3;

	model_set_s_fields(h, value);
	h->mstatus.mie = has_bit(value, 3);
	h->mstatus.mpie = has_bit(value, 7);
	h->mstatus.mprv = has_bit(value, 17);
	h->mstatus.tw = has_bit(value, 21);
	if (model_has(h, 'S')) {
		h->mstatus.tvm = has_bit(value, 20);
		h->mstatus.tsr = has_bit(value, 22);
	}
	if (model_has(h, 'H')) {
		h->mstatus.gva = has_bit(value, 38);
		h->mstatus.mpv = has_bit(value, 39);
	}
	if (!mode_exists(h, mpp)) {
		mpp = chosen >> 11 & 3;
		if (!mode_exists(h, mpp))
			return "MPP holds a mode that does not exist";
	}
	h->mstatus.mpp = mpp;
	return NULL;
}

/* --- mip, mie, mideleg and their views --------------------------------------------------------- */

static bool operated(bool old, enum vhart_op op, bool operand)
{
	switch (op) {
	case VHART_WRITE:
		return operand;
	case VHART_SET:
		return old || operand;
	case VHART_CLEAR:
		return old && !operand;
	default:
		return old;
	}
}

/* A read-modify-write works on the bits that software writes, not on what was read (3.1.9). */
static void write_mip(struct model_hart *h, enum vhart_op op, uint64_t operand)
{
	if (model_has(h, 'S')) {
		h->software.ssi = operated(h->software.ssi, op, has_bit(operand, 1));
		h->software.sei = operated(h->software.sei, op, has_bit(operand, 9));
		if (!model_stce(h))
			h->software.sti = operated(h->software.sti, op, has_bit(operand, 5));
	}
	if (model_has(h, 'H'))
		h->software.vssi = operated(h->software.vssi, op, has_bit(operand, 2));
	if (h->config->sscofpmf)
		h->software.lcofi = operated(h->software.lcofi, op, has_bit(operand, 13));
}

static bool in_sip(const struct model_hart *h, unsigned number)
{
	return (is_s_level(number) || number == 13) && model_interrupt_exists(h, number) &&
	       h->delegated[number];
}

static uint64_t read_sip(const struct model_hart *h)
{
	uint64_t value = 0;
	unsigned n;

	for (n = 0; n < 64; n++)
		if (in_sip(h, n) && model_pending(h, n))
			value |= bit(n);
	return value;
}

static uint64_t read_sie(const struct model_hart *h)
{
	uint64_t value = 0;
	unsigned n;

	for (n = 0; n < 64; n++)
		if (in_sip(h, n) && h->enabled[n])
			value |= bit(n);
	return value;
}

static void write_sip(struct model_hart *h, enum vhart_op op, uint64_t operand)
{
	if (in_sip(h, 1))
		h->software.ssi = operated(h->software.ssi, op, has_bit(operand, 1));
	if (in_sip(h, 13))
		h->software.lcofi = operated(h->software.lcofi, op, has_bit(operand, 13));
}

void model_set_sip(struct model_hart *h, uint64_t value)
{
	write_sip(h, VHART_WRITE, value);
}

static void write_sie(struct model_hart *h, enum vhart_op op, uint64_t operand)
{
	unsigned n;

	for (n = 0; n < 64; n++)
		if (in_sip(h, n))
			h->enabled[n] = operated(h->enabled[n], op, has_bit(operand, n));
}

void model_set_sie(struct model_hart *h, uint64_t value)
{
	write_sie(h, VHART_WRITE, value);
}

static void write_mie(struct model_hart *h, enum vhart_op op, uint64_t operand)
{
	unsigned n;

	for (n = 0; n < 64; n++)
		if (model_interrupt_exists(h, n))
			h->enabled[n] = operated(h->enabled[n], op, has_bit(operand, n));
}

/* Machine-level interrupts cannot be delegated; VS-level ones and SGEI always are (8.4.2). */
static void write_mideleg(struct model_hart *h, enum vhart_op op, uint64_t operand)
{
	unsigned n;

	for (n = 0; n < 64; n++) {
		if (!is_s_level(n) && n != 13)
			continue;
		if (model_interrupt_exists(h, n) && !has_bit(h->config->mideleg_forced, n))
			h->delegated[n] = operated(h->delegated[n], op, has_bit(operand, n));
	}
}

/* hie: the bits of mie that are not in sie. */
static uint64_t read_hie(const struct model_hart *h)
{
	return (uint64_t)h->enabled[2] << 2 | (uint64_t)h->enabled[6] << 6 |
	       (uint64_t)h->enabled[10] << 10 | (uint64_t)h->enabled[12] << 12;
}

static void write_hie(struct model_hart *h, enum vhart_op op, uint64_t operand)
{
	h->enabled[2] = operated(h->enabled[2], op, has_bit(operand, 2));
	h->enabled[6] = operated(h->enabled[6], op, has_bit(operand, 6));
	h->enabled[10] = operated(h->enabled[10], op, has_bit(operand, 10));
	h->enabled[12] = operated(h->enabled[12], op, has_bit(operand, 12));
}

/* vsie: hie's VS-level bits where hideleg delegates them, one place lower (8.2.13). */
static uint64_t read_vsie(const struct model_hart *h)
{
	uint64_t value = 0;

	if (has_bit(h->hideleg, 2) && h->enabled[2])
		value |= bit(1);
	if (has_bit(h->hideleg, 6) && h->enabled[6])
		value |= bit(5);
	if (has_bit(h->hideleg, 10) && h->enabled[10])
		value |= bit(9);
	return value;
}

static void write_vsie(struct model_hart *h, enum vhart_op op, uint64_t operand)
{
	if (has_bit(h->hideleg, 2))
		h->enabled[2] = operated(h->enabled[2], op, has_bit(operand, 1));
	if (has_bit(h->hideleg, 6))
		h->enabled[6] = operated(h->enabled[6], op, has_bit(operand, 5));
	if (has_bit(h->hideleg, 10))
		h->enabled[10] = operated(h->enabled[10], op, has_bit(operand, 9));
}

/* --- The other registers ----------------------------------------------------------------------- */

static const char *write_mtvec(struct model_hart *h, uint64_t value, uint64_t chosen)
{
	if ((value & 3) > 1)
		value = chosen; /* reserved */
	if ((value & 3) > 1)
		return "mtvec.MODE is reserved";
	h->mtvec.mode = value & 3;
	h->mtvec.base = value & ~(uint64_t)3;
	return NULL;
}

static bool cause_exists(const struct model_hart *h, uint64_t cause)
{
	if (has_bit(cause, 63))
		return cause << 1 >> 1 < 64 && model_interrupt_exists(h, (unsigned)cause & 63);
	if (cause <= 8 || cause == 11 || cause == 12 || cause == 13 || cause == 15)
		return true;
	if (cause == 9)
		return model_has(h, 'S');
	return model_has(h, 'H') && (cause == 10 || (cause >= 20 && cause <= 23));
}

/* WLRL: what is legal is kept, and anything may be there after anything else. */
static void write_mcause(struct model_hart *h, uint64_t value, uint64_t chosen)
{
	h->mcause = cause_exists(h, value) ? value : chosen;
}

/*
 * 4.1.11: a MODE that is not supported: no effect at all. Bare with anything else set: what becomes of
 * the rest is open.
 */
static const char *write_satp(struct model_hart *h, uint64_t value, uint64_t chosen)
{
	unsigned mode = (unsigned)(value >> 60);

	if (!has_bit(h->config->satp_modes, mode))
		return NULL;
	value &= h->config->satp_bits | (uint64_t)15 << 60;
	if (mode == 0 && value) {
		if (chosen & ~h->config->satp_bits)
			return "satp: Bare was written, and it is not, or holds more than it can";
		value = chosen;
	}
	h->satp = value;
	return NULL;
}

static const char *write_menvcfg(struct model_hart *h, uint64_t value, uint64_t chosen)
{
	value &= h->config->menvcfg;
	if ((value >> 4 & 3) == 2) { /* CBIE: reserved */
		value = (value & ~(uint64_t)0x30) | (chosen & 0x30);
		if ((value >> 4 & 3) == 2)
			return "menvcfg.CBIE is reserved";
	}
	if ((value >> 32 & 3) == 1) { /* PMM: reserved */
		value = (value & ~((uint64_t)3 << 32)) | (chosen & (uint64_t)3 << 32);
		if ((value >> 32 & 3) == 1)
			return "menvcfg.PMM is reserved";
	}
	h->menvcfg = value;
	return NULL;
}

/* --- PMP (3.7.1) ------------------------------------------------------------------------------- */

static unsigned pmp_byte(const struct model_pmp *e)
{
	return (unsigned)e->locked << 7 | e->a << 3 | (unsigned)e->x << 2 | (unsigned)e->w << 1 |
	       (unsigned)e->r;
}

static bool pmp_byte_legal(const struct model_hart *h, unsigned byte)
{
	if (byte & 0x60)
		return false;
	if ((byte & 3) == 2) /* W without R */
		return false;
	return !(h->config->pmp_grain >= 1 && (byte >> 3 & 3) == 2); /* NA4 */
}

static uint64_t read_pmpcfg(const struct model_hart *h, unsigned number)
{
	unsigned first = (number - 0x3a0) * 4, n;
	uint64_t value = 0;

	for (n = 0; n < 8; n++)
		if (first + n < h->config->pmps)
			value |= (uint64_t)pmp_byte(&h->pmp[first + n]) << 8 * n;
	return value;
}

static const char *write_pmpcfg(struct model_hart *h, unsigned number, uint64_t value,
				uint64_t chosen)
{
	unsigned first = (number - 0x3a0) * 4, n;

	for (n = 0; n < 8; n++) {
		struct model_pmp *e = &h->pmp[first + n];
		unsigned byte = value >> 8 * n & 0x9f;

		if (first + n >= h->config->pmps || e->locked)
			continue;
		if (!pmp_byte_legal(h, byte)) {
			byte = chosen >> 8 * n & 0xff;
			if (!pmp_byte_legal(h, byte))
				return "pmpcfg has a reserved combination";
		}
		e->locked = byte & 0x80;
		e->a = byte >> 3 & 3;
		e->x = byte & 4;
		e->w = byte & 2;
		e->r = byte & 1;
	}
	return NULL;
}

/* The lowest bits, which are too fine for the grain, read as ones (NAPOT) or zeros. */
static uint64_t read_pmpaddr(const struct model_hart *h, unsigned number)
{
	unsigned n = number - 0x3b0, grain = h->config->pmp_grain, i;
	uint64_t value;

	if (n >= h->config->pmps)
		return 0;
	value = h->pmp[n].addr;
	if (grain >= 1 && h->pmp[n].a < 2)
		for (i = 0; i < grain; i++)
			value &= ~bit(i);
	if (grain >= 2 && h->pmp[n].a == 3)
		for (i = 0; i < grain - 1; i++)
			value |= bit(i);
	return value;
}

static void write_pmpaddr(struct model_hart *h, unsigned number, uint64_t value)
{
	unsigned n = number - 0x3b0;

	if (n >= h->config->pmps || h->pmp[n].locked)
		return;
	if (n + 1 < h->config->pmps && h->pmp[n + 1].locked && h->pmp[n + 1].a == 1)
		return; /* the base of a locked TOR */
	h->pmp[n].addr = value & (bit(54) - 1);
}

/* Whether the entry matches the byte at `address`. */
static bool pmp_matches(const struct model_hart *h, unsigned n, uint64_t address)
{
	const struct model_pmp *e = &h->pmp[n];
	uint64_t low = 0, high, grain = ~(bit(h->config->pmp_grain) - 1);
	unsigned ones = 0;

	if (e->a == 0)
		return false;
	if (e->a == 1) {
		if (n > 0)
			low = (h->pmp[n - 1].addr & grain) << 2;
		high = (e->addr & grain) << 2;
		return address >= low && address < high;
	}
	if (e->a == 2)
		return address >> 2 == e->addr;
	high = read_pmpaddr(h, 0x3b0 + n);
	while (ones < 54 && has_bit(high, ones))
		ones++;
	if (ones >= 53)
		return true; /* 2^56 bytes and more: all there are */
	return address >> (ones + 3) == high >> (ones + 1);
}

bool model_pmp_allows(const struct model_hart *h, unsigned mode, uint64_t address, unsigned bytes,
		      enum vhart_access access)
{
	unsigned n, i;

	for (n = 0; n < h->config->pmps; n++) {
		const struct model_pmp *e = &h->pmp[n];
		unsigned matched = 0;

		for (i = 0; i < bytes; i++)
			matched += pmp_matches(h, n, address + i);
		if (!matched)
			continue;
		if (matched < bytes)
			return false;
		if (mode == VHART_M && !e->locked)
			return true;
		return access == VHART_LOAD ? e->r : access == VHART_STORE ? e->w : e->x;
	}
	return mode == VHART_M || h->config->pmps == 0;
}

/* --- Which registers there are (table of chapter 2) -------------------------------------------- */

static bool within(unsigned number, unsigned first, unsigned last)
{
	return number >= first && number <= last;
}

/* There are 0, 16 or 64 entries; of others the registers may be there, as zero, or not (3.7.1). */
static bool is_pmp_beyond(const struct model_hart *h, unsigned number)
{
	if (h->config->pmps == 0)
		return within(number, 0x3b0, 0x3ef) ||
		       (within(number, 0x3a0, 0x3af) && number % 2 == 0);
	if (h->config->pmps > 16)
		return false;
	return (within(number, 0x3a4, 0x3af) && number % 2 == 0) || within(number, 0x3c0, 0x3ef);
}

/* M-mode's, which are the library's. */
static bool is_machine(const struct model_hart *h, unsigned number)
{
	bool s = model_has(h, 'S'), hyp = model_has(h, 'H'), new = !h->config->priv_1_10;

	if (within(number, 0xf11, 0xf14)) /* mvendorid, marchid, mimpid, mhartid */
		return true;
	if (number == 0xf15) /* mconfigptr */
		return new;
	if (number == 0x300 || number == 0x301) /* mstatus, misa */
		return true;
	if (number == 0x302 || number == 0x303) /* medeleg, mideleg */
		return s;
	if (within(number, 0x304, 0x306)) /* mie, mtvec, mcounteren */
		return true;
	if (number == 0x30a) /* menvcfg */
		return new;
	if (within(number, 0x340, 0x344)) /* mscratch, mepc, mcause, mtval, mip */
		return true;
	if (number == 0x747) /* mseccfg */
		return h->config->mseccfg != 0;
	if (number == 0x34a || number == 0x34b) /* mtinst, mtval2 */
		return hyp;
	if (within(number, 0x3a0, 0x3af)) /* pmpcfg: the odd ones are RV32's */
		return number % 2 == 0 && !is_pmp_beyond(h, number);
	return within(number, 0x3b0, 0x3ef) && !is_pmp_beyond(h, number); /* pmpaddr */
}

/* Views of machine-level registers, which no hart's own show as the firmware has to see them. */
static bool is_view(const struct model_hart *h, unsigned number)
{
	if (number == 0x104 || number == 0x144 || number == 0x180) /* sie, sip, satp */
		return model_has(h, 'S');
	return (number == 0x604 || number == 0x204) && model_has(h, 'H'); /* hie, vsie */
}

static bool is_supervisor(const struct model_hart *h, unsigned number)
{
	if (!model_has(h, 'S'))
		return false;
	if (number == 0x105 || number == 0x106 || within(number, 0x140, 0x143))
		return true; /* stvec, scounteren, sscratch, sepc, scause, stval */
	if (number == 0x10a) /* senvcfg */
		return !h->config->priv_1_10;
	if (number == 0x14d) /* stimecmp */
		return h->config->sstc;
	return number == 0xda0 && h->config->sscofpmf; /* scountovf */
}

static bool is_hypervisor(const struct model_hart *h, unsigned number)
{
	static const unsigned numbers[] = {
		0x600, 0x602, 0x603, 0x605,
		0x606, 0x607, /* hstatus, hedeleg, hideleg, htimedelta,
							     hcounteren, hgeie */
		0x60a, 0x643, 0x644, 0x645,
		0x64a, 0x680, /* henvcfg, htval, hip, hvip, htinst,
							     hgatp */
		0xe12, 0x200, 0x205, 0x240,
		0x241, 0x242,        /* hgeip, vsstatus, vstvec, vsscratch,
							     vsepc, vscause */
		0x243, 0x244, 0x280, /* vstval, vsip, vsatp */
	};
	unsigned n;

	if (!model_has(h, 'H'))
		return false;
	if (number == 0x24d) /* vstimecmp */
		return h->config->sstc;
	for (n = 0; n < sizeof(numbers) / sizeof(numbers[0]); n++)
		if (numbers[n] == number)
			return true;
	return false;
}

static bool is_counter(const struct model_hart *h, unsigned number)
{
	if (number == 0xc01) /* time */
		return h->config->time;
	if (number == 0xb00 || within(number, 0xb02, 0xb1f)) /* mcycle, minstret, mhpmcounter */
		return true;
	if (within(number, 0x323, 0x33f)) /* mhpmevent */
		return true;
	return within(number, 0xc00, 0xc1f); /* cycle, instret, hpmcounter */
}

/* Of the floating-point and the vector unit: there while FS, VS is not Off. */
static bool is_unit(const struct model_hart *h, unsigned number)
{
	if (within(number, 0x001, 0x003)) /* fflags, frm, fcsr */
		return model_has(h, 'F') && h->mstatus.fs;
	if (within(number, 0x008, 0x00a) || number == 0x00f || within(number, 0xc20, 0xc22))
		return model_has(h, 'V') && h->mstatus.vs; /* vstart, vxsat, vxrm, vcsr, vl, ... */
	return false;
}

enum model_csr model_csr_is(const struct model_hart *h, unsigned number, bool write)
{
	if (write && number >> 10 == 3) /* read-only, by the number */
		return MODEL_ILLEGAL;
	if (is_machine(h, number) || is_view(h, number))
		return MODEL_HERE;
	if (number == 0x100)
		return model_has(h, 'S') ? MODEL_SSTATUS : MODEL_ILLEGAL;
	if (is_pmp_beyond(h, number))
		return MODEL_MAY_BE_ZERO;
	if (number == 0x320) /* mcountinhibit came with 1.11 */
		return h->config->priv_1_10 ? MODEL_EITHER : MODEL_ELSEWHERE;
	if (is_unit(h, number))
		return MODEL_ELSEWHERE;
	if (number == 0x015 && h->config->mseccfg) /* seed (Zkr): by writing it alone */
		return write ? MODEL_ELSEWHERE : MODEL_ILLEGAL;
	if (is_supervisor(h, number) || is_hypervisor(h, number) || is_counter(h, number))
		return MODEL_ELSEWHERE;
	return MODEL_ILLEGAL;
}

/* --- Accesses ---------------------------------------------------------------------------------- */

static uint64_t read_status(const struct model_hart *h, unsigned number)
{
	switch (number) {
	case 0x100:
		return common(h);
	case 0x300:
		return model_mstatus(h);
	case 0x303:
		return model_mideleg(h);
	case 0x304:
		return model_mie(h);
	case 0x344:
		return model_mip(h);
	case 0x104:
		return read_sie(h);
	case 0x144:
		return read_sip(h);
	case 0x604:
		return read_hie(h);
	default:
		return read_vsie(h);
	}
}

uint64_t model_csr_read(const struct model_hart *h, unsigned number)
{
	if (within(number, 0x3a0, 0x3af))
		return read_pmpcfg(h, number);
	if (within(number, 0x3b0, 0x3ef))
		return read_pmpaddr(h, number);
	switch (number) {
	case 0xf11:
		return h->config->mvendorid;
	case 0xf12:
		return h->config->marchid;
	case 0xf13:
		return h->config->mimpid;
	case 0xf14:
		return h->config->mhartid;
	case 0xf15:
		return 0;
	case 0x301:
		return h->config->misa;
	case 0x302:
		return h->medeleg;
	case 0x305:
		return h->mtvec.base | h->mtvec.mode;
	case 0x306:
		return h->mcounteren;
	case 0x30a:
		return h->menvcfg;
	case 0x747:
		return h->mseccfg;
	case 0x340:
		return h->mscratch;
	case 0x341:
		return h->mepc;
	case 0x342:
		return h->mcause;
	case 0x343:
		return h->mtval;
	case 0x34a:
		return h->mtinst;
	case 0x34b:
		return h->mtval2;
	case 0x180:
		return h->satp;
	default:
		return read_status(h, number);
	}
}

static const char *write_plain(struct model_hart *h, unsigned number, uint64_t value,
			       uint64_t chosen)
{
	if (within(number, 0x3a0, 0x3af))
		return write_pmpcfg(h, number, value, chosen);
	if (within(number, 0x3b0, 0x3ef)) {
		write_pmpaddr(h, number, value);
		return NULL;
	}
	switch (number) {
	case 0x100:
		model_set_s_fields(h, value);
		return NULL;
	case 0x300:
		return write_mstatus(h, value, chosen);
	case 0x302:
		h->medeleg = value & h->config->medeleg;
		return NULL;
	case 0x305:
		return write_mtvec(h, value, chosen);
	case 0x306:
		h->mcounteren = value & h->config->mcounteren;
		return NULL;
	case 0x30a:
		return write_menvcfg(h, value, chosen);
	case 0x747:
		h->mseccfg = value & h->config->mseccfg;
		return NULL;
	case 0x340:
		h->mscratch = value;
		return NULL;
	case 0x341:
		h->mepc = model_legal_pc(h, value);
		return NULL;
	case 0x342:
		write_mcause(h, value, chosen);
		return NULL;
	case 0x343:
		h->mtval = value;
		return NULL;
	case 0x34a:
		h->mtinst = value;
		return NULL;
	case 0x34b:
		h->mtval2 = value;
		return NULL;
	case 0x180:
		return write_satp(h, value, chosen);
	default:
		return NULL; /* misa: nothing in it can be changed */
	}
}

const char *model_csr_write(struct model_hart *h, unsigned number, enum vhart_op op,
			    uint64_t operand, uint64_t chosen)
{
	uint64_t old = model_csr_read(h, number);

	if (op == VHART_READ)
		return NULL;
	switch (number) {
	case 0x344:
		write_mip(h, op, operand);
		return NULL;
	case 0x144:
		write_sip(h, op, operand);
		return NULL;
	case 0x304:
		write_mie(h, op, operand);
		return NULL;
	case 0x104:
		write_sie(h, op, operand);
		return NULL;
	case 0x303:
		write_mideleg(h, op, operand);
		return NULL;
	case 0x604:
		write_hie(h, op, operand);
		return NULL;
	case 0x204:
		write_vsie(h, op, operand);
		return NULL;
	default:
		break;
	}
	if (op == VHART_SET)
		operand = old | operand;
	if (op == VHART_CLEAR)
		operand = old & ~operand;
	return write_plain(h, number, operand, chosen);
}
