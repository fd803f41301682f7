/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The payload's misaligned loads and stores of integer registers, byte by byte and as the payload, for harts
 * that have them trap. A byte that faults is the payload's exception, with that byte's address; bytes
 * before it have been stored. Everything else is the firmware's.
 */
#include "csr.h"
#include "fast.h"
#include "memory.h"

bool misaligned_access(struct hart *hart)
{
	uint64_t status = csr_read(mstatus), address, tinst = 0;
	bool hypervisor = hart->v.config.misa & VHART_MISA('H');
	struct vhart_insn insn;
	struct result result;
	uint32_t raw;

	if (hypervisor)
		tinst = csr_read(CSR_MTINST); /* before any fault of ours */
	if ((status & VHART_MSTATUS_MPV) || !fast_fetch(hart->v.pc, &raw))
		return false;
	vhart_decode(raw, &insn);
	if (insn.kind != VHART_INSN_LOAD && insn.kind != VHART_INSN_STORE)
		return false;
	address = hart->x[insn.rs1] + (uint64_t)(int64_t)insn.offset;
	status |= VHART_MSTATUS_MPRV;
	if (insn.kind == VHART_INSN_LOAD)
		result = guest_load_bytes(address, status, insn.bytes);
	else
		result = guest_store_bytes(address, status, insn.bytes, hart->x[insn.rs2]);
	if (result.fault) {
		/* The instruction as it was, with how far behind its address the fault is. */
		if (hypervisor)
			csr_write(CSR_MTINST,
				  tinst ? tinst | (csr_read(mtval) - address) << 15 : 0);
		to_supervisor(hart, csr_read(mcause));
		return true;
	}
	if (insn.kind == VHART_INSN_LOAD && insn.rd) {
		hart->x[insn.rd] = vhart_loaded(&insn, result.value);
		hart->reload |= is_kept(insn.rd);
	}
	hart->v.pc += insn.length;
	return true;
}
