/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The control and status registers as M-mode has them (RISC-V Privileged Architecture, "CSR Listing").
 * One table row each: who reads, who writes, and what the hart must have for it to exist. A register
 * that stands in no row does not exist.
 */
#include "internal.h"

/* --- Legal values --------------------------------------------------------------------------------- */

static uint64_t writable_mstatus(const struct vhart *hart)
{
	uint64_t bits = VHART_MSTATUS_MIE | VHART_MSTATUS_MPIE | VHART_MSTATUS_MPP |
			VHART_MSTATUS_MPRV | VHART_MSTATUS_TW;

	if (has(hart, 'S'))
		bits |= VHART_MSTATUS_SIE | VHART_MSTATUS_SPIE | VHART_MSTATUS_SPP |
			VHART_MSTATUS_SUM | VHART_MSTATUS_MXR | VHART_MSTATUS_TVM |
			VHART_MSTATUS_TSR;
	if (has(hart, 'F'))
		bits |= VHART_MSTATUS_FS;
	if (has(hart, 'V'))
		bits |= VHART_MSTATUS_VS;
	if (has(hart, 'H'))
		bits |= VHART_MSTATUS_MPV | VHART_MSTATUS_GVA;
	return bits;
}

static bool is_mode(const struct vhart *hart, uint64_t mode)
{
	return mode == VHART_M || mode == VHART_U || (mode == VHART_S && has(hart, 'S'));
}

uint64_t legal_mstatus(const struct vhart *hart, uint64_t old, uint64_t value)
{
	uint64_t bits = writable_mstatus(hart);

	if (!is_mode(hart, VHART_MSTATUS_MPP_OF(value)))
		bits &= ~VHART_MSTATUS_MPP;
	return (old & ~bits) | (value & bits);
}

#define MENVCFG_CBIE (UINT64_C(3) << 4)
#define MENVCFG_PMM  (UINT64_C(3) << 32)

/* Reserved: CBIE = 2, PMM = 1. They leave the field as it is. */
uint64_t legal_menvcfg(const struct vhart *hart, uint64_t old, uint64_t value)
{
	uint64_t bits = hart->config.menvcfg;

	if ((value & MENVCFG_CBIE) == UINT64_C(2) << 4)
		bits &= ~MENVCFG_CBIE;
	if ((value & MENVCFG_PMM) == UINT64_C(1) << 32)
		bits &= ~MENVCFG_PMM;
	return (old & ~bits) | (value & bits);
}

/* A reserved MODE leaves the register as it is. */
uint64_t legal_mtvec(uint64_t old, uint64_t value)
{
	return value & 2 ? old : value;
}

uint64_t legal_satp(const struct vhart *hart, uint64_t old, uint64_t value)
{
	uint64_t mode = value >> 60;

	if (!(hart->config.satp_modes >> mode & 1))
		return old;
	return mode << 60 | (value & hart->config.satp_bits);
}

uint64_t legal_mideleg(const struct vhart *hart, uint64_t value)
{
	uint64_t bits = VHART_S_BITS;

	if (hart->config.sscofpmf)
		bits |= VHART_BIT(VHART_LCOFI);
	return (value & bits) | hart->config.mideleg_forced;
}

uint64_t writable_mip(const struct vhart *hart)
{
	uint64_t bits = 0;

	if (has(hart, 'S'))
		bits |= VHART_S_BITS;
	if (hart->menvcfg & VHART_MENVCFG_STCE)
		bits &= ~VHART_BIT(VHART_STI);
	if (has(hart, 'H'))
		bits |= VHART_BIT(VHART_VSSI);
	if (hart->config.sscofpmf)
		bits |= VHART_BIT(VHART_LCOFI);
	return bits;
}

/* --- Reading and writing ---------------------------------------------------------------------------- */

static uint64_t read_mstatus(const struct vhart *hart, unsigned number)
{
	uint64_t status = hart->mstatus;

	(void)number;
	if ((status & VHART_MSTATUS_FS) == VHART_MSTATUS_FS ||
	    (status & VHART_MSTATUS_VS) == VHART_MSTATUS_VS ||
	    (status & VHART_MSTATUS_XS) == VHART_MSTATUS_XS)
		status |= VHART_MSTATUS_SD;
	return status;
}

static void write_mstatus(struct vhart *hart, unsigned number, uint64_t value)
{
	uint64_t old = hart->mstatus;
	uint64_t mprv = VHART_MSTATUS_MPRV | VHART_MSTATUS_MPP | VHART_MSTATUS_MPV;

	(void)number;
	hart->mstatus = legal_mstatus(hart, old, value);
	if ((old ^ hart->mstatus) & VHART_MSTATUS_S_FIELDS)
		hart->changed |= VHART_CHANGED_MSTATUS;
	/* With MPRV set, SUM and MXR are part of how the firmware accesses memory. */
	if ((old ^ hart->mstatus) & mprv)
		hart->changed |= VHART_CHANGED_MPRV;
	if ((old ^ hart->mstatus) & VHART_MSTATUS_MIE)
		hart->changed |= VHART_CHANGED_MIE;
}

#define SSTATUS_WRITABLE                                                                 \
	(VHART_MSTATUS_SIE | VHART_MSTATUS_SPIE | VHART_MSTATUS_SPP | VHART_MSTATUS_VS | \
	 VHART_MSTATUS_FS | VHART_MSTATUS_SUM | VHART_MSTATUS_MXR)
#define SSTATUS_READABLE \
	(SSTATUS_WRITABLE | VHART_MSTATUS_XS | VHART_MSTATUS_UXL | VHART_MSTATUS_SD)

static uint64_t read_sstatus(const struct vhart *hart, unsigned number)
{
	return read_mstatus(hart, number) & SSTATUS_READABLE;
}

static void write_sstatus(struct vhart *hart, unsigned number, uint64_t value)
{
	write_mstatus(hart, number,
		      (hart->mstatus & ~SSTATUS_WRITABLE) | (value & SSTATUS_WRITABLE));
}

static uint64_t read_misa(const struct vhart *hart, unsigned number)
{
	(void)number;
	return hart->config.misa;
}

static void write_nothing(struct vhart *hart, unsigned number, uint64_t value)
{
	(void)hart, (void)number, (void)value;
}

static uint64_t read_medeleg(const struct vhart *hart, unsigned number)
{
	(void)number;
	return hart->medeleg;
}

static void write_medeleg(struct vhart *hart, unsigned number, uint64_t value)
{
	(void)number;
	hart->medeleg = value & hart->config.medeleg;
	hart->changed |= VHART_CHANGED_MIE;
}

static uint64_t read_mideleg(const struct vhart *hart, unsigned number)
{
	(void)number;
	return hart->mideleg;
}

static void write_mideleg(struct vhart *hart, unsigned number, uint64_t value)
{
	(void)number;
	hart->mideleg = legal_mideleg(hart, value);
	hart->changed |= VHART_CHANGED_MIE;
}

static void change_mie(struct vhart *hart, uint64_t bits, uint64_t value)
{
	hart->mie = (hart->mie & ~bits) | (value & bits);
	hart->changed |= VHART_CHANGED_MIE;
}

static uint64_t read_mie(const struct vhart *hart, unsigned number)
{
	(void)number;
	return hart->mie;
}

static void write_mie(struct vhart *hart, unsigned number, uint64_t value)
{
	(void)number;
	change_mie(hart, hart->interrupts, value);
}

/* sie: what is delegated, of S-mode's own. */
static uint64_t sie_bits(const struct vhart *hart)
{
	return hart->mideleg & (VHART_S_BITS | VHART_BIT(VHART_LCOFI));
}

static uint64_t read_sie(const struct vhart *hart, unsigned number)
{
	(void)number;
	return hart->mie & sie_bits(hart);
}

static void write_sie(struct vhart *hart, unsigned number, uint64_t value)
{
	(void)number;
	change_mie(hart, sie_bits(hart), value);
}

static uint64_t read_hie(const struct vhart *hart, unsigned number)
{
	(void)number;
	return hart->mie & VHART_H_BITS;
}

static void write_hie(struct vhart *hart, unsigned number, uint64_t value)
{
	(void)number;
	change_mie(hart, VHART_H_BITS, value);
}

/* vsie: what is delegated on, a bit lower. */
static uint64_t vsie_bits(const struct vhart *hart)
{
	return hart->hideleg & VHART_VS_BITS;
}

static uint64_t read_vsie(const struct vhart *hart, unsigned number)
{
	(void)number;
	return (hart->mie & vsie_bits(hart)) >> 1;
}

static void write_vsie(struct vhart *hart, unsigned number, uint64_t value)
{
	(void)number;
	change_mie(hart, vsie_bits(hart), value << 1);
}

static uint64_t read_mtvec(const struct vhart *hart, unsigned number)
{
	(void)number;
	return hart->mtvec;
}

static void write_mtvec(struct vhart *hart, unsigned number, uint64_t value)
{
	(void)number;
	hart->mtvec = legal_mtvec(hart->mtvec, value);
}

static uint64_t read_mcounteren(const struct vhart *hart, unsigned number)
{
	(void)number;
	return hart->mcounteren;
}

static void write_mcounteren(struct vhart *hart, unsigned number, uint64_t value)
{
	(void)number;
	hart->mcounteren = value & hart->config.mcounteren;
	hart->changed |= VHART_CHANGED_MCOUNTEREN;
}

static uint64_t read_menvcfg(const struct vhart *hart, unsigned number)
{
	(void)number;
	return hart->menvcfg;
}

static void write_menvcfg(struct vhart *hart, unsigned number, uint64_t value)
{
	(void)number;
	hart->menvcfg = legal_menvcfg(hart, hart->menvcfg, value);
	hart->changed |= VHART_CHANGED_MENVCFG;
}

static uint64_t read_mseccfg(const struct vhart *hart, unsigned number)
{
	(void)number;
	return hart->mseccfg;
}

static void write_mseccfg(struct vhart *hart, unsigned number, uint64_t value)
{
	(void)number;
	hart->mseccfg = value & hart->config.mseccfg;
	hart->changed |= VHART_CHANGED_MSECCFG;
}

static uint64_t read_mscratch(const struct vhart *hart, unsigned number)
{
	(void)number;
	return hart->mscratch;
}

static void write_mscratch(struct vhart *hart, unsigned number, uint64_t value)
{
	(void)number;
	hart->mscratch = value;
}

static uint64_t read_mepc(const struct vhart *hart, unsigned number)
{
	(void)number;
	return hart->mepc;
}

static void write_mepc(struct vhart *hart, unsigned number, uint64_t value)
{
	(void)number;
	hart->mepc = legal_mepc(hart, value);
}

static uint64_t read_mcause(const struct vhart *hart, unsigned number)
{
	(void)number;
	return hart->mcause;
}

static void write_mcause(struct vhart *hart, unsigned number, uint64_t value)
{
	(void)number;
	hart->mcause = value;
}

static uint64_t read_mtval(const struct vhart *hart, unsigned number)
{
	(void)number;
	return hart->mtval;
}

static void write_mtval(struct vhart *hart, unsigned number, uint64_t value)
{
	(void)number;
	hart->mtval = value;
}

static uint64_t read_mtval2(const struct vhart *hart, unsigned number)
{
	(void)number;
	return hart->mtval2;
}

static void write_mtval2(struct vhart *hart, unsigned number, uint64_t value)
{
	(void)number;
	hart->mtval2 = value;
}

static uint64_t read_mtinst(const struct vhart *hart, unsigned number)
{
	(void)number;
	return hart->mtinst;
}

static void write_mtinst(struct vhart *hart, unsigned number, uint64_t value)
{
	(void)number;
	hart->mtinst = value;
}

static uint64_t read_satp(const struct vhart *hart, unsigned number)
{
	(void)number;
	return hart->satp;
}

static void write_satp(struct vhart *hart, unsigned number, uint64_t value)
{
	(void)number;
	hart->satp = legal_satp(hart, hart->satp, value);
	hart->changed |= VHART_CHANGED_SATP;
}

static uint64_t read_pmpcfg(const struct vhart *hart, unsigned number)
{
	return pmpcfg_read(hart, number & 15);
}

static void write_pmpcfg(struct vhart *hart, unsigned number, uint64_t value)
{
	pmpcfg_write(hart, number & 15, value);
}

#define CSR_PMPCFG0  0x3a0
#define CSR_PMPADDR0 0x3b0

static uint64_t read_pmpaddr(const struct vhart *hart, unsigned number)
{
	return pmpaddr_read(hart, number - CSR_PMPADDR0);
}

static void write_pmpaddr(struct vhart *hart, unsigned number, uint64_t value)
{
	pmpaddr_write(hart, number - CSR_PMPADDR0, value);
}

static uint64_t read_zero(const struct vhart *hart, unsigned number)
{
	(void)hart, (void)number;
	return 0;
}

/* 0xf11 mvendorid, 0xf12 marchid, 0xf13 mimpid, 0xf14 mhartid. */
static uint64_t read_id(const struct vhart *hart, unsigned number)
{
	const struct vhart_config *config = &hart->config;

	switch (number) {
	case 0xf11:
		return config->mvendorid;
	case 0xf12:
		return config->marchid;
	case 0xf13:
		return config->mimpid;
	default:
		return config->mhartid;
	}
}

/* --- The table -------------------------------------------------------------------------------------- */

enum need {
	NEED_S = 1,
	NEED_H = 2,
	NEED_1_12 = 4,
	NEED_SSTC = 8,
	NEED_SSCOFPMF = 16,
	NEED_TIME = 32,
	NEED_PMP = 64,     /* at least one entry */
	NEED_PMP_64 = 128, /* more than 16: there are 0, 16 or 64 of them, some reading as zero */
	NEED_SECCFG = 256,
	NEED_FLOAT = 512, /* and switched on */
	NEED_VECTOR = 1024,
};

struct row {
	uint64_t (*read)(const struct vhart *hart, unsigned number); /* NULL: the host's */
	void (*write)(struct vhart *hart, unsigned number, uint64_t value);
	uint16_t needs;
};

/* clang-format off */
enum {
	ABSENT, HOST, HOST_FLOAT, HOST_VECTOR, HOST_SEED, HOST_S, HOST_S_1_12, HOST_H, HOST_SSTC,
	HOST_VSTC, HOST_OVERFLOW, HOST_TIME,
	MSTATUS, SSTATUS, MISA, MEDELEG, MIDELEG, MIE, SIE, HIE, VSIE, MIP, SIP, MTVEC, MCOUNTEREN,
	MENVCFG, MSECCFG, MSCRATCH, MEPC, MCAUSE, MTVAL, MTVAL2, MTINST, SATP, PMPCFG, PMPCFG_64,
	PMPADDR, PMPADDR_64, ID, MCONFIGPTR,
	ROWS
};

static const struct row rows[ROWS] = {
	[HOST_FLOAT]    = { .needs = NEED_FLOAT },
	[HOST_VECTOR]   = { .needs = NEED_VECTOR },
	[HOST_SEED]     = { .needs = NEED_SECCFG },
	[HOST_S]        = { .needs = NEED_S },
	[HOST_S_1_12]   = { .needs = NEED_S | NEED_1_12 },
	[HOST_H]        = { .needs = NEED_H },
	[HOST_SSTC]     = { .needs = NEED_SSTC },
	[HOST_VSTC]     = { .needs = NEED_SSTC | NEED_H },
	[HOST_OVERFLOW] = { .needs = NEED_SSCOFPMF },
	[HOST_TIME]     = { .needs = NEED_TIME },
	[SIP]           = { .needs = NEED_S },
	[MSTATUS]       = { read_mstatus, write_mstatus, 0 },
	[SSTATUS]       = { read_sstatus, write_sstatus, NEED_S },
	[MISA]          = { read_misa, write_nothing, 0 },
	[MEDELEG]       = { read_medeleg, write_medeleg, NEED_S },
	[MIDELEG]       = { read_mideleg, write_mideleg, NEED_S },
	[MIE]           = { read_mie, write_mie, 0 },
	[SIE]           = { read_sie, write_sie, NEED_S },
	[HIE]           = { read_hie, write_hie, NEED_H },
	[VSIE]          = { read_vsie, write_vsie, NEED_H },
	[MTVEC]         = { read_mtvec, write_mtvec, 0 },
	[MCOUNTEREN]    = { read_mcounteren, write_mcounteren, 0 },
	[MENVCFG]       = { read_menvcfg, write_menvcfg, NEED_1_12 },
	[MSECCFG]       = { read_mseccfg, write_mseccfg, NEED_SECCFG },
	[MSCRATCH]      = { read_mscratch, write_mscratch, 0 },
	[MEPC]          = { read_mepc, write_mepc, 0 },
	[MCAUSE]        = { read_mcause, write_mcause, 0 },
	[MTVAL]         = { read_mtval, write_mtval, 0 },
	[MTVAL2]        = { read_mtval2, write_mtval2, NEED_H },
	[MTINST]        = { read_mtinst, write_mtinst, NEED_H },
	[SATP]          = { read_satp, write_satp, NEED_S },
	[PMPCFG]        = { read_pmpcfg, write_pmpcfg, NEED_PMP },
	[PMPCFG_64]     = { read_pmpcfg, write_pmpcfg, NEED_PMP_64 },
	[PMPADDR]       = { read_pmpaddr, write_pmpaddr, NEED_PMP },
	[PMPADDR_64]    = { read_pmpaddr, write_pmpaddr, NEED_PMP_64 },
	[ID]            = { read_id, write_nothing, 0 },
	[MCONFIGPTR]    = { read_zero, write_nothing, NEED_1_12 },
};

#define EIGHT(n, row) \
	[n] = (row), [(n) + 1] = (row), [(n) + 2] = (row), [(n) + 3] = (row), \
	[(n) + 4] = (row), [(n) + 5] = (row), [(n) + 6] = (row), [(n) + 7] = (row)
#define SIXTEEN(n, row) EIGHT(n, row), EIGHT((n) + 8, row)
/* Of 32 counters or events, those from 3 on. */
#define FROM_3(n, row) \
	[(n) + 3] = (row), [(n) + 4] = (row), [(n) + 5] = (row), [(n) + 6] = (row), [(n) + 7] = (row), \
	EIGHT((n) + 8, row), SIXTEEN((n) + 16, row)

/* The row of each CSR number. */
static const uint8_t row_of[4096] = {
	/* U-mode: floating point, vectors, entropy */
	[0x001] = HOST_FLOAT, [0x002] = HOST_FLOAT, [0x003] = HOST_FLOAT, [0x008] = HOST_VECTOR,
	[0x009] = HOST_VECTOR, [0x00a] = HOST_VECTOR, [0x00f] = HOST_VECTOR, [0xc20] = HOST_VECTOR,
	[0xc21] = HOST_VECTOR, [0xc22] = HOST_VECTOR, [0x015] = HOST_SEED,
	/* S-mode */
	[0x100] = SSTATUS, [0x104] = SIE, [0x105] = HOST_S, [0x106] = HOST_S, [0x10a] = HOST_S_1_12,
	[0x140] = HOST_S, [0x141] = HOST_S, [0x142] = HOST_S, [0x143] = HOST_S, [0x144] = SIP,
	[0x14d] = HOST_SSTC, [0x180] = SATP, [0xda0] = HOST_OVERFLOW,
	/* HS-mode and VS-mode */
	[0x200] = HOST_H, [0x204] = VSIE, [0x205] = HOST_H, [0x240] = HOST_H, [0x241] = HOST_H,
	[0x242] = HOST_H, [0x243] = HOST_H, [0x244] = HOST_H, [0x24d] = HOST_VSTC, [0x280] = HOST_H,
	[0x600] = HOST_H, [0x602] = HOST_H, [0x603] = HOST_H, [0x604] = HIE, [0x605] = HOST_H,
	[0x606] = HOST_H, [0x607] = HOST_H, [0x60a] = HOST_H, [0x643] = HOST_H, [0x644] = HOST_H,
	[0x645] = HOST_H, [0x64a] = HOST_H, [0x680] = HOST_H, [0xe12] = HOST_H,
	/* M-mode */
	[0x300] = MSTATUS, [0x301] = MISA, [0x302] = MEDELEG, [0x303] = MIDELEG, [0x304] = MIE,
	[0x305] = MTVEC, [0x306] = MCOUNTEREN, [0x30a] = MENVCFG, [0x340] = MSCRATCH,
	[0x341] = MEPC, [0x342] = MCAUSE, [0x343] = MTVAL, [0x344] = MIP, [0x34a] = MTINST,
	[0x34b] = MTVAL2, [0x747] = MSECCFG,
	[0x3a0] = PMPCFG, [0x3a2] = PMPCFG, [0x3a4] = PMPCFG_64, [0x3a6] = PMPCFG_64,
	[0x3a8] = PMPCFG_64, [0x3aa] = PMPCFG_64, [0x3ac] = PMPCFG_64, [0x3ae] = PMPCFG_64,
	SIXTEEN(0x3b0, PMPADDR), SIXTEEN(0x3c0, PMPADDR_64), SIXTEEN(0x3d0, PMPADDR_64),
	SIXTEEN(0x3e0, PMPADDR_64),
	[0xf11] = ID, [0xf12] = ID, [0xf13] = ID, [0xf14] = ID, [0xf15] = MCONFIGPTR,
	/* Counters */
	[0x320] = HOST, FROM_3(0x320, HOST), [0xb00] = HOST, [0xb02] = HOST, FROM_3(0xb00, HOST),
	[0xc00] = HOST, [0xc01] = HOST_TIME, [0xc02] = HOST, FROM_3(0xc00, HOST),
};
/* clang-format on */

/* The hart lacks any of these. Floating point and vectors are not there while they are switched off. */
static bool lacks(const struct vhart *hart, unsigned needs)
{
	const struct vhart_config *config = &hart->config;

	return (needs & NEED_S && !has(hart, 'S')) || (needs & NEED_H && !has(hart, 'H')) ||
	       (needs & NEED_1_12 && config->priv_1_10) || (needs & NEED_SSTC && !config->sstc) ||
	       (needs & NEED_SSCOFPMF && !config->sscofpmf) ||
	       (needs & NEED_TIME && !config->time) || (needs & NEED_PMP && !config->pmps) ||
	       (needs & NEED_PMP_64 && config->pmps <= 16) ||
	       (needs & NEED_SECCFG && !config->mseccfg) ||
	       (needs & NEED_FLOAT && !(hart->mstatus & VHART_MSTATUS_FS)) ||
	       (needs & NEED_VECTOR && !(hart->mstatus & VHART_MSTATUS_VS));
}

static bool is_read_only(unsigned number)
{
	return (number >> 10) == 3;
}

/*
 * mip and sip. What software writes is one thing and what is pending another: a set or clear works on
 * SEIP's software bit alone, while the read has the controller's line in it, too.
 */
static void access_ip(struct vhart *hart, enum vhart_op op, uint64_t readable, uint64_t writable,
		      uint64_t *value, uint64_t ip)
{
	uint64_t operand = *value;
	uint64_t set = op == VHART_CLEAR ? 0 : operand & writable;
	uint64_t clear = (op == VHART_CLEAR   ? operand
			  : op == VHART_WRITE ? ~operand
					      : 0) &
			 writable;

	*value = vhart_mip(hart, ip) & readable;
	if (op == VHART_READ)
		return;
	if (hart->config.native) {
		hart->ip_set = set;
		hart->ip_clear = clear;
		hart->changed |= VHART_CHANGED_IP;
	} else {
		hart->mip = (hart->mip & ~clear) | set;
	}
}

enum vhart_answer vhart_csr(struct vhart *hart, unsigned number, enum vhart_op op, uint64_t *value,
			    uint64_t ip)
{
	unsigned index = row_of[number & 4095];
	const struct row *row = &rows[index];
	uint64_t old;

	if (index == ABSENT || (row->needs && lacks(hart, row->needs)) ||
	    (op != VHART_READ && is_read_only(number)))
		return VHART_ILLEGAL;
	if (index == MIP) {
		access_ip(hart, op, UINT64_MAX, writable_mip(hart), value, ip);
		return VHART_DONE;
	}
	if (index == SIP) {
		access_ip(hart, op, sie_bits(hart),
			  sie_bits(hart) & (VHART_BIT(VHART_SSI) | VHART_BIT(VHART_LCOFI)), value,
			  ip);
		return VHART_DONE;
	}
	if (index == HOST_SEED && op == VHART_READ)
		return VHART_ILLEGAL; /* reading takes it away, so it has to be a write */
	if (!row->read)
		return VHART_HOST;
	old = row->read(hart, number);
	if (op != VHART_READ)
		row->write(hart, number, vhart_csr_result(op, old, *value));
	*value = old;
	return VHART_DONE;
}
