/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Exceptions into the guest: what DDI 0487's AArch64.TakeException() would do at EL1.
 */
#include "cold.h"
#include "hot.h"
#include "vm.h"
#include "../common/console.h"
#include "../common/trace.h"

#define PSR_SS     (1ul << 21)
#define PSR_PAN    (1ul << 22)
#define PSR_UAO    (1ul << 23)
#define PSR_DIT    (1ul << 24)
#define PSR_TCO    (1ul << 25)
#define PSR_NZCV   (0xful << 28)
#define PSR_SSBS   (1ul << 12)
#define PSR_ALLINT (1ul << 13)

#define SCTLR_SPAN      (1ul << 23)
#define SCTLR_DSSBS     (1ul << 44)
#define SCTLR_SPINTMASK (1ul << 62)

/* PSTATE on the way in: kept, cleared or set bit by bit; SSBS only if the CPU has it. */
static uint64_t handler_pstate(uint64_t old)
{
	uint64_t sctlr = read_sysreg(sctlr_el1);
	uint64_t new = (old & (PSR_NZCV | PSR_DIT | PSR_PAN)) | SPSR_EL1H | SPSR_DAIF;
	unsigned pan = read_sysreg(id_aa64mmfr1_el1) >> 20 & 15;
	uint64_t pfr1 = read_sysreg(id_aa64pfr1_el1);
	unsigned ssbs = pfr1 >> 4 & 15, mte = pfr1 >> 8 & 15, nmi = pfr1 >> 36 & 15;

	if (pan && !(sctlr & SCTLR_SPAN))
		new |= PSR_PAN;
	if (ssbs && sctlr & SCTLR_DSSBS)
		new |= PSR_SSBS;
	if (mte)
		new |= PSR_TCO;
	if (nmi && !(sctlr & SCTLR_SPINTMASK))
		new |= PSR_ALLINT;
	return new;
}

static bool from_el1(uint64_t pstate)
{
	return (pstate & 0x1c) == 0x4;
}

static uint64_t vector_offset(uint64_t pstate)
{
	if (from_el1(pstate))
		return pstate & 1 ? 0x200 : 0;
	return pstate & 0x10 ? 0x600 : 0x400; /* EL0 in AArch32 or AArch64 */
}

static void take(uint64_t esr)
{
	uint64_t pstate = read_sysreg(spsr_el2);

	write_sysreg(esr_el1, esr);
	write_sysreg(elr_el1, read_sysreg(elr_el2));
	write_sysreg(spsr_el1, pstate);
	write_sysreg(elr_el2, read_sysreg(vbar_el1) + vector_offset(pstate));
	write_sysreg(spsr_el2, handler_pstate(pstate));
}

void cold_inject_undefined(struct vcpu *vcpu, uint64_t esr)
{
	vcpu->undefs++;
	trace(vcpu->cpu->trace, TRACE_UNDEFINED, esr, read_sysreg(elr_el2));
	take((uint64_t)EC_UNKNOWN << ESR_EC_SHIFT | (esr & ESR_IL));
}

/*
 * A synchronous external abort: the address is one where nothing answers. On a walk of the guest's
 * tables the level of that walk is not in our syndrome; 0 is reported (docs/porting.md).
 */
void cold_inject_abort(struct vcpu *vcpu, uint64_t esr, uint64_t ipa)
{
	uint64_t class = esr >> ESR_EC_SHIFT;
	uint64_t syndrome = esr & ESR_S1PTW ? 0x14 : 0x10;

	vcpu->aborts++;
	trace(vcpu->cpu->trace, TRACE_ABORT, ipa, esr);
	print_limited_by(&vcpu->vm->log,
			 "carillon: %s vCPU %u: access to 0x%lx at PC 0x%lx: aborted\n",
			 vcpu->vm->description->name, vcpu->index, ipa, read_sysreg(elr_el2));
	if (class == EC_DABT_LOW)
		syndrome |= esr & (ESR_WNR | ESR_CM);
	if (from_el1(read_sysreg(spsr_el2)))
		class |= 1; /* taken without a change of exception level */
	write_sysreg(far_el1, read_sysreg(far_el2));
	take(class << ESR_EC_SHIFT | (esr & ESR_IL) | syndrome);
}

/*
 * Past an instruction of an application in AArch32. In T32 it has 2 bytes or 4, and an IT block goes
 * on to its next one: ITAdvance() of DDI 0487, on IT[7:2] in SPSR bits 15:10, IT[1:0] in bits 26:25.
 */
void cold_skip_aarch32(uint64_t esr)
{
	uint64_t pstate = read_sysreg(spsr_el2);
	uint64_t it = (pstate >> 8 & 0xfc) | (pstate >> 25 & 3);

	write_sysreg(elr_el2, read_sysreg(elr_el2) + (esr & ESR_IL ? 4 : 2));
	if (!(pstate & SPSR_T32))
		return;
	it = it & 7 ? (it & 0xe0) | (it << 1 & 0x1f) : 0;
	write_sysreg(spsr_el2,
		     (pstate & ~(0x3ful << 10 | 3ul << 25)) | (it & 0xfc) << 8 | (it & 3) << 25);
}

/* Asynchronous, and whose it is nobody knows: the guest gets it as its own. */
void cold_serror(struct vcpu *vcpu, uint64_t esr)
{
	trace(vcpu->cpu->trace, TRACE_SERROR, esr, 0);
	print_limited_by(&vcpu->vm->log,
			 "carillon: %s vCPU %u: SError, ESR 0x%lx: passed to the guest\n",
			 vcpu->vm->description->name, vcpu->index, esr);
	write_sysreg(hcr_el2, read_sysreg(hcr_el2) | HCR_VSE);
}
