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
