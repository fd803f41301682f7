/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The hypervisor extension's registers in machine mode (privileged specification 8.2 and 8.4), on
 * harts that have it: they are there, keep what they must, and mie, mip and mideleg have its bits.
 */
#include "payload.h"
#include "tap.h"

#define VS_INTERRUPTS (BIT(2) | BIT(6) | BIT(10))
#define SGEI          BIT(12)
#define PATTERN       UINT64_C(0x0123456789abcdf0)

static const unsigned registers[] = {
	CSR_HSTATUS,    CSR_HEDELEG,        CSR_HIDELEG,        CSR_HIE,
	CSR_HCOUNTEREN, CSR_HGEIE,          CSR_HTVAL,          CSR_HIP,
	CSR_HVIP,       CSR_HTINST,         CSR_HGATP,          CSR_HGEIP,
	CSR_VSSTATUS,   CSR_VSIE,           CSR_VSTVEC,         CSR_VSSCRATCH,
	CSR_VSEPC,      CSR_VSCAUSE,        CSR_VSTVAL,         CSR_VSIP,
	CSR_VSATP,      0x34a /* mtinst */, 0x34b /* mtval2 */, 0x605 /* htimedelta */,
};

static bool all_there(void)
{
	unsigned there = 0;
	uint64_t value;

	for (unsigned i = 0; i < sizeof(registers) / sizeof(registers[0]); i++)
		there += csr_try_read(registers[i], &value);
	return there == sizeof(registers) / sizeof(registers[0]);
}

/* And nothing of it where misa has no H. */
static bool none_there(void)
{
	unsigned there = 0;
	uint64_t value;

	for (unsigned i = 0; i < sizeof(registers) / sizeof(registers[0]); i++)
		there += csr_try_read(registers[i], &value);
	return !there;
}

static bool keeps(unsigned number, uint64_t value)
{
	uint64_t saved = csr_read_at(number), found;

	csr_write_at(number, value);
	found = csr_read_at(number);
	csr_write_at(number, saved);
	return found == value;
}

/*
 * Not htimedelta: QEMU 10.0 raises VSTIP when it is written, even with henvcfg.STCE = 0 (a defect
 * of QEMU).
 */
static bool plain_registers(void)
{
	return keeps(CSR_VSSCRATCH, PATTERN) && keeps(CSR_VSTVEC, 0x80004000) &&
	       keeps(CSR_VSEPC, 0x80001234) && keeps(CSR_VSCAUSE, CAUSE_IS_INTERRUPT | SEI) &&
	       keeps(CSR_VSTVAL, 0x80001235);
}

static bool forced_delegation(void)
{
	csr_write(mideleg, 0);
	return (csr_read(mideleg) & VS_INTERRUPTS) == VS_INTERRUPTS;
}

static bool delegation_masks(void)
{
	bool right;

	csr_write_at(CSR_HIDELEG, UINT64_MAX);
	right = (csr_read_at(CSR_HIDELEG) & (VS_INTERRUPTS | S_INTERRUPTS | M_INTERRUPTS)) ==
		VS_INTERRUPTS;
	csr_write_at(CSR_HIDELEG, 0);
	right &= csr_read_at(CSR_HIDELEG) == 0;
	/* Calls from VS and from M, and guest-page faults, are never delegated to VS. */
	csr_write_at(CSR_HEDELEG, UINT64_MAX);
	right &= !(csr_read_at(CSR_HEDELEG) &
		   (BIT(9) | BIT(10) | BIT(11) | BIT(20) | BIT(21) | BIT(23)));
	right &= !!(csr_read_at(CSR_HEDELEG) & BIT(CAUSE_ECALL_U));
	csr_write_at(CSR_HEDELEG, 0);
	return right && csr_read_at(CSR_HEDELEG) == 0;
}

static bool hie_alias(void)
{
	bool right;

	csr_write(mie, 0);
	csr_write_at(CSR_HIE, UINT64_MAX);
	right = (csr_read(mie) & (VS_INTERRUPTS | S_INTERRUPTS | M_INTERRUPTS)) == VS_INTERRUPTS;
	csr_clear(mie, BIT(6));
	right &= (csr_read_at(CSR_HIE) & VS_INTERRUPTS) == (VS_INTERRUPTS & ~BIT(6));
	csr_write(mie, VS_INTERRUPTS | BIT(MTI));
	csr_write_at(CSR_HIE, 0);
	right &= csr_read(mie) == BIT(MTI);
	csr_write(mie, 0);
	return right;
}

/* hvip raises all three; mip writes VSSIP only, hip as well. */
static bool pending_alias(void)
{
	bool right;

	csr_write_at(CSR_HVIP, VS_INTERRUPTS);
	right = (csr_read(mip) & VS_INTERRUPTS) == VS_INTERRUPTS &&
		(csr_read_at(CSR_HIP) & VS_INTERRUPTS) == VS_INTERRUPTS;
	csr_clear(mip, BIT(2));
	right &= (csr_read_at(CSR_HVIP) & VS_INTERRUPTS) == (BIT(6) | BIT(10));
	csr_write_at(CSR_HVIP, 0);
	right &= !(csr_read(mip) & VS_INTERRUPTS);
	csr_set(mip, BIT(2));
	right &= (csr_read_at(CSR_HVIP) & VS_INTERRUPTS) == BIT(2);
	csr_write_at(CSR_HIP, 0);
	return right && !(csr_read_at(CSR_HVIP) & VS_INTERRUPTS) &&
	       !(csr_read(mip) & VS_INTERRUPTS);
}

/* vsie and vsip are hie and hip one bit down, where hideleg delegates. */
static bool vs_views(void)
{
	bool right;

	csr_write(mie, 0);
	csr_write_at(CSR_HIDELEG, BIT(2) | BIT(6));
	csr_write_at(CSR_VSIE, UINT64_MAX);
	right = (csr_read_at(CSR_HIE) & VS_INTERRUPTS) == (BIT(2) | BIT(6)) &&
		(csr_read_at(CSR_VSIE) & S_INTERRUPTS) == (BIT(SSI) | BIT(STI));
	csr_write_at(CSR_HVIP, VS_INTERRUPTS);
	right &= (csr_read_at(CSR_VSIP) & S_INTERRUPTS) == (BIT(SSI) | BIT(STI));
	csr_write_at(CSR_VSIP, 0);
	right &= (csr_read_at(CSR_HVIP) & VS_INTERRUPTS) == (BIT(6) | BIT(10));
	csr_write_at(CSR_HVIP, 0);
	csr_write_at(CSR_HIDELEG, 0);
	csr_write(mie, 0);
	return right;
}

/* What is delegated to HS cannot interrupt machine mode. */
static bool not_taken(void)
{
	csr_write_at(CSR_HVIP, VS_INTERRUPTS);
	csr_write(mie, VS_INTERRUPTS);
	interrupts_on();
	__asm__ volatile("nop\n\tnop" ::: "memory");
	interrupts_off();
	csr_write(mie, 0);
	csr_write_at(CSR_HVIP, 0);
	return true;
}

static bool mstatus_bits(void)
{
	const uint64_t mpv = BIT(39), gva = BIT(38);
	uint64_t saved = csr_read(mstatus);
	bool right;

	csr_write(mstatus, saved | mpv | gva);
	right = (csr_read(mstatus) & (mpv | gva)) == (mpv | gva);
	csr_write(mstatus, saved & ~(mpv | gva));
	right &= !(csr_read(mstatus) & (mpv | gva));
	/*
	 * A trap of machine mode itself clears both, but QEMU 10.0 leaves GVA (a defect of QEMU).
	 */
	csr_set(mstatus, mpv);
	traps_expect();
	__asm__ volatile("ecall" ::: "memory");
	right &= trapped(CAUSE_ECALL_M) && !(this_hart()->trap.status & mpv);
	csr_write(mstatus, saved);
	return right;
}

static bool hgatp(void)
{
	bool right = keeps(CSR_HGATP, UINT64_C(8) << 60 | 0x80234);

	csr_write_at(CSR_HGATP, 0);
	return right && csr_read_at(CSR_HGATP) == 0;
}

static bool fences(void)
{
	traps_expect();
	execute(0x62000073, 0, 0); /* hfence.gvma */
	execute(0x22000073, 0, 0); /* hfence.vvma */
	return !traps_end();
}

/* Machine mode may load as VS mode would, here without translation and with the payload's PMP. */
static bool hypervisor_loads(void)
{
	static uint64_t word = 0x8877665544332211;
	uint64_t saved = csr_read_at(CSR_HSTATUS), value;
	bool right;

	csr_write_at(CSR_HSTATUS, saved | BIT(8)); /* SPVP */
	traps_expect();
	value = execute(0x6c05c573, 0, (uintptr_t)&word); /* hlv.d a0, (a1) */
	right = !traps_end() && value == word;
	csr_write_at(CSR_HSTATUS, saved);
	return right;
}

/* And with the payload's PMP, also if hstatus.HU lets U mode do the same. */
static bool loads_by_pmp(void)
{
	static _Alignas(4096) uint64_t page[512];
	uint64_t saved = csr_read_at(CSR_HSTATUS);
	bool right = true;

	pmp_set(0, PMP_NAPOT, pmp_napot((uintptr_t)page, sizeof(page)));
	pmp_set(1, PMP_NAPOT | PMP_R | PMP_W | PMP_X, UINT64_MAX >> 10);
	for (unsigned hu = 0; hu < 2; hu++) {
		csr_write_at(CSR_HSTATUS, saved | BIT(8) | (uint64_t)hu << 9);
		traps_expect();
		execute(0x6c05c573, 0, (uintptr_t)page); /* hlv.d a0, (a1) */
		right &= trapped(CAUSE_LOAD_ACCESS);
		right &= (csr_read_at(CSR_HSTATUS) >> 9 & 1) == hu;
	}
	csr_write_at(CSR_HSTATUS, saved);
	pmp_set(1, 0, 0);
	pmp_open();
	return right;
}

/* --- A payload in VS or HS ------------------------------------------------------------------------- */

#define MSTATUS_MPV    BIT(39)
#define HSTATUS_SPVP   BIT(8)
#define CAUSE_ECALL_VS 10u

static uint64_t load(uint64_t at)
{
	uint64_t value = 0;

	__asm__ volatile("ld %0, (%1)" : "+r"(value) : "r"(at) : "memory");
	return value;
}

/* In VS: nothing between here and mret may trap. */
static uint64_t run_in_vs(uint64_t (*function)(uint64_t), uint64_t argument)
{
	struct payload payload;

	payload_init(&payload, MODE_S, function, argument);
	csr_set(mstatus, MSTATUS_MPV);
	payload_run(&payload);
	csr_clear(mstatus, MSTATUS_MPV);
	return payload.cause;
}

/*
 * Bits that sstatus does not have, vsstatus need not have either; QEMU 10.0 keeps them, and gives all to mstatus
 * with the way into VS (a defect of QEMU). Machine mode may find its MPRV set.
 */
static bool strange_vsstatus(void)
{
	bool right;

	csr_write_at(CSR_VSSTATUS, MSTATUS_MPRV | MSTATUS_TW | MSTATUS_TVM | MSTATUS_TSR);
	right = run_in_vs(load, (uintptr_t)&right) == CAUSE_ECALL_VS;
	csr_clear(mstatus, MSTATUS_MPRV | MSTATUS_TW | MSTATUS_TVM | MSTATUS_TSR);
	csr_write_at(CSR_VSSTATUS, 0);
	return right;
}

/* An access fault of VS that is delegated on. */
static bool delegated_to_vs(void)
{
	struct delegated note = { .count = 0 };
	bool right;

	csr_write_at(CSR_VSTVEC, (uintptr_t)payload_vector);
	csr_write_at(CSR_VSSCRATCH, (uintptr_t)&note);
	csr_write(medeleg, BIT(CAUSE_LOAD_ACCESS));
	csr_write_at(CSR_HEDELEG, BIT(CAUSE_LOAD_ACCESS));
	right = run_in_vs(load, UNMAPPED) == CAUSE_ECALL_VS && note.count == 1 &&
		note.cause == CAUSE_LOAD_ACCESS && note.tval == UNMAPPED;
	csr_write_at(CSR_HEDELEG, 0);
	csr_write(medeleg, 0);
	return right;
}

/* hstatus.SPVP changes with traps from VS and VU only. */
static bool spvp_kept(void)
{
	struct delegated note = { .count = 0 };
	struct payload payload;
	bool right;

	csr_write_at(CSR_STVEC, (uintptr_t)payload_vector);
	csr_write_at(CSR_SSCRATCH, (uintptr_t)&note);
	csr_write(medeleg, BIT(CAUSE_LOAD_ACCESS));
	csr_set(0x600, HSTATUS_SPVP);
	payload_init(&payload, MODE_S, load, UNMAPPED);
	right = payload_run(&payload) == CAUSE_ECALL_S && note.count == 1 &&
		(csr_read_at(CSR_HSTATUS) & HSTATUS_SPVP);
	csr_clear(0x600, HSTATUS_SPVP);
	csr_write(medeleg, 0);
	return right;
}

static uint64_t read_senvcfg(uint64_t unused)
{
	(void)unused;
	return csr_read(0x10a);
}

/* With Smstateen (mstateen0, hstateen0) machine mode has to allow it. */
static bool senvcfg_in_vs(void)
{
	uint64_t value;

	if (csr_try_read(0x30c, &value)) {
		csr_write(0x30c, BIT(63) | BIT(62));
		csr_write(0x60c, BIT(62));
	}
	return run_in_vs(read_senvcfg, 0) == CAUSE_ECALL_VS;
}

static const struct check with[] = {
	{ "its registers are there", all_there },
	{ "vs registers keep what is written", plain_registers },
	{ "mideleg: the VS bits are always one", forced_delegation },
	{ "hideleg and hedeleg: what can be delegated", delegation_masks },
	{ "hie is mie's VS bits", hie_alias },
	{ "hvip, hip and mip", pending_alias },
	{ "vsie and vsip through hideleg", vs_views },
	{ "VS interrupts are not taken in machine mode", not_taken },
	{ "mstatus.MPV and GVA", mstatus_bits },
	{ "hgatp", hgatp },
	{ "hfence", fences },
	{ "hlv.d", hypervisor_loads },
	{ "hlv.d by the payload's PMP, with hstatus.HU and without", loads_by_pmp },
	{ "vsstatus with bits of mstatus, VS, and back", strange_vsstatus },
	{ "an access fault delegated to VS", delegated_to_vs },
	{ "an access fault in HS leaves hstatus.SPVP", spvp_kept },
	{ "senvcfg in VS", senvcfg_in_vs },
};

static const struct check without[] = {
	{ "without it, none of its registers is there", none_there },
};

void guest_main(void)
{
	bool has = hart_has('H');

	pmp_open();
	CHECKS(with, has ? NULL : "hart: no hypervisor extension");
	CHECKS(without, has ? "hart: has the hypervisor extension" : NULL);
}
