/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Every trap comes here: what it was for, what the firmware is to know of it, and what is pending then.
 */
#include "clint.h"
#include "csr.h"
#include "emulate.h"
#include "end.h"
#include "fast.h"
#include "native.h"

/* True: all registers have to be loaded; false: those will do that a call does not keep. */
bool trap(struct hart *hart);

static void firmware_exception(struct hart *hart, uint64_t cause, uint32_t raw)
{
	switch (cause) {
	case VHART_ILLEGAL_INSTRUCTION:
		emulate_privileged(hart, raw);
		break;
	case VHART_LOAD_FAULT:
	case VHART_STORE_FAULT:
		emulate_access(hart, cause);
		break;
	case VHART_ECALL_U:
		forward(hart, VHART_ECALL_M);
		break;
	default:
		forward(hart, cause);
	}
}

/* The firmware may also be on its way to the payload: then nothing of the payload's has changed. */
static void enter_firmware(struct hart *hart)
{
	if (hart->world == WORLD_PAYLOAD)
		world_leave_payload(hart);
	hart->counts[COUNT_FIRMWARE]++;
}

/* VS-mode does, to which HS-mode delegated it. */
__attribute__((noinline, cold)) static void to_guest_supervisor(struct hart *hart, uint64_t cause)
{
	uint64_t status = csr_read(mstatus), s = csr_read(CSR_VSSTATUS);

	s &= ~(VHART_MSTATUS_SPP | VHART_MSTATUS_SPIE);
	if (VHART_MSTATUS_MPP_OF(status) == VHART_S)
		s |= VHART_MSTATUS_SPP;
	if (s & VHART_MSTATUS_SIE)
		s |= VHART_MSTATUS_SPIE;
	csr_write(CSR_VSSTATUS, s & ~VHART_MSTATUS_SIE);
	csr_write(CSR_VSEPC, hart->v.pc);
	csr_write(CSR_VSCAUSE, cause);
	csr_write(CSR_VSTVAL, csr_read(mtval));
	csr_write(mstatus, (status & ~VHART_MSTATUS_MPP) | (uint64_t)VHART_S << 11);
	hart->v.pc = csr_read(CSR_VSTVEC) & ~UINT64_C(3);
}

/* S-mode takes an exception that is its own, which the hart gave to us first. */
__attribute__((noinline, cold)) void to_supervisor(struct hart *hart, uint64_t cause)
{
	uint64_t status = csr_read(mstatus);
	uint64_t s = VHART_MSTATUS_SPP | VHART_MSTATUS_SPIE | VHART_MSTATUS_SIE | VHART_MSTATUS_MPP;
	uint64_t now = status & ~s;

	if (VHART_MSTATUS_MPP_OF(status) == VHART_S)
		now |= VHART_MSTATUS_SPP;
	if (status & VHART_MSTATUS_SIE)
		now |= VHART_MSTATUS_SPIE;
	csr_write(sepc, hart->v.pc);
	csr_write(scause, cause);
	csr_write(stval, csr_read(mtval));
	if (hart->v.config.misa & VHART_MISA('H')) {
		uint64_t hstatus = csr_read(CSR_HSTATUS) & ~(UINT64_C(3) << 6);

		if (status & VHART_MSTATUS_MPV) /* SPV, and SPVP, which is where SPP is */
			hstatus = (hstatus & ~VHART_MSTATUS_SPP) | UINT64_C(1) << 7 |
				  (now & VHART_MSTATUS_SPP);
		if (status & VHART_MSTATUS_GVA)
			hstatus |= UINT64_C(1) << 6;
		csr_write(CSR_HSTATUS, hstatus);
		csr_write(CSR_HTVAL, 0);
		csr_write(CSR_HTINST, csr_read(CSR_MTINST));
		now &= ~(VHART_MSTATUS_MPV | VHART_MSTATUS_GVA);
	}
	csr_write(mstatus, now | (uint64_t)VHART_S << 11);
	hart->v.pc = csr_read(stvec) & ~UINT64_C(3);
}

static void payload_exception(struct hart *hart, uint64_t cause)
{
	if (fast_instruction(hart, cause))
		return;
	if (cause == VHART_LOAD_FAULT || cause == VHART_STORE_FAULT) {
		if (emulate_payload_access(hart, cause))
			return;
		if (hart->v.medeleg >> cause & 1) {
			if ((csr_read(mstatus) & VHART_MSTATUS_MPV) &&
			    (csr_read(CSR_HEDELEG) >> cause & 1))
				to_guest_supervisor(hart, cause);
			else
				to_supervisor(hart, cause);
			return;
		}
	}
	enter_firmware(hart);
	forward(hart, cause);
}

__attribute__((noinline)) static void take_what_is_due(struct hart *hart)
{
	int interrupt = vhart_interrupt(&hart->v, pending(hart));

	if (interrupt < 0)
		return;
	if (hart->v.mode != VHART_M)
		enter_firmware(hart);
	vhart_take(&hart->v, interrupt);
	hart->counts[COUNT_INJECTED + interrupt]++;
}

/* The rule of the whole: what is pending is looked at before each entry, and at no other time. */
static inline void check(struct hart *hart)
{
	if (hart->v.mode != VHART_M || (hart->v.mstatus & VHART_MSTATUS_MIE))
		take_what_is_due(hart);
}

static void exception(struct hart *hart, uint64_t cause, uint32_t raw)
{
	hart->counts[COUNT_EXCEPTION + (cause & 31)]++;
	if (hart->v.mode != VHART_M)
		payload_exception(hart, cause);
	else
		firmware_exception(hart, cause, raw);
}

/* Nothing but what an interrupt or a return within the firmware changes: the short way of world_set(). */
static inline bool is_within_firmware(const struct hart *hart)
{
	unsigned others = hart->v.changed & ~(unsigned)(VHART_CHANGED_MPRV | VHART_CHANGED_MIE);

	return !(others | hart->window | hart->pmp_stale) && hart->world == WORLD_FIRMWARE &&
	       hart->v.mode == VHART_M && !(hart->v.mstatus & VHART_MSTATUS_MPRV);
}

static void settle(struct hart *hart)
{
	check(hart);
	if (!hart->v.changed) {
		csr_write(mepc, hart->v.pc);
	} else if (is_within_firmware(hart)) {
		hart->v.changed = 0;
		csr_write(mie, firmware_mie(&hart->v));
		csr_write(mepc, hart->v.pc);
	} else {
		world_set(hart);
	}
}

__attribute__((noinline)) static bool other_trap(struct hart *hart, uint64_t cause, uint32_t raw)
{
	hart->reload = false;
	if (cause & VHART_CAUSE_INTERRUPT) {
		hart->counts[COUNT_INTERRUPT + (cause & 15)]++;
		clint_interrupts(hart, csr_read(mip));
	} else {
		exception(hart, cause, raw);
	}
	settle(hart);
	return hart->reload;
}

/*
 * Nearly all traps of a firmware are for one of a few CSRs, and with its interrupts masked nothing else can
 * come of them.
 */
__attribute__((flatten)) bool trap(struct hart *hart)
{
	uint64_t cause = csr_read(mcause);
	uint32_t raw;

	hart->v.pc = csr_read(mepc);
	if (cause != VHART_ILLEGAL_INSTRUCTION || hart->v.mode != VHART_M)
		return other_trap(hart, cause, 0);
	raw = emulate_fetch(hart->v.pc);
	if ((hart->v.mstatus & VHART_MSTATUS_MIE) || !vhart_execute_plain(&hart->v, raw, hart->x))
		return other_trap(hart, cause, raw);
	hart->counts[COUNT_EXCEPTION + VHART_ILLEGAL_INSTRUCTION]++;
	csr_write(mepc, hart->v.pc);
	return is_kept(raw >> 7 & 31);
}
