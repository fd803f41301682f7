/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Accesses to memory that may fault; see memory.h. Each instruction has its own function in vectors.S.
 */
#include "memory.h"

access guest_load_s1, guest_load_s2, guest_load_s4, guest_load_u1, guest_load_u4;
access guest_store_1, guest_store_2, guest_store_4, guest_store_8;
access guest_hlv_s1, guest_hlv_s2, guest_hlv_s4, guest_hlv_8, guest_hlv_u1, guest_hlv_u2,
	guest_hlv_u4;
access guest_hlvx_2, guest_hlvx_4, guest_hsv_1, guest_hsv_2, guest_hsv_4, guest_hsv_8;
access guest_amoadd_4, guest_amoadd_8;
access guest_amoswap_4, guest_amoswap_8;
access guest_amoxor_4, guest_amoxor_8;
access guest_amoor_4, guest_amoor_8;
access guest_amoand_4, guest_amoand_8;
access guest_amomin_4, guest_amomin_8;
access guest_amomax_4, guest_amomax_8;
access guest_amominu_4, guest_amominu_8;
access guest_amomaxu_4, guest_amomaxu_8;

/* By the logarithm of their size. */
static access *const signed_loads[] = { guest_load_s1, guest_load_s2, guest_load_s4, guest_load_8 };
static access *const loads[] = { guest_load_u1, guest_load_u2, guest_load_u4, guest_load_8 };
static access *const stores[] = { guest_store_1, guest_store_2, guest_store_4, guest_store_8 };
static access *const guest_stores[] = { guest_hsv_1, guest_hsv_2, guest_hsv_4, guest_hsv_8 };
/* The same, by what the instruction's rs2 says: signed, unsigned, what may be executed. */
static access *const guest_loads[4][4] = {
	[0] = { guest_hlv_s1, guest_hlv_s2, guest_hlv_s4, guest_hlv_8 },
	[1] = { guest_hlv_u1, guest_hlv_u2, guest_hlv_u4 },
	[3] = { [1] = guest_hlvx_2, [2] = guest_hlvx_4 },
};
/* By funct5. */
static access *const atomics_4[32] = {
	[0] = guest_amoadd_4,  [1] = guest_amoswap_4,  [4] = guest_amoxor_4,
	[8] = guest_amoor_4,   [12] = guest_amoand_4,  [16] = guest_amomin_4,
	[20] = guest_amomax_4, [24] = guest_amominu_4, [28] = guest_amomaxu_4,
};
static access *const atomics_8[32] = {
	[0] = guest_amoadd_8,  [1] = guest_amoswap_8,  [4] = guest_amoxor_8,
	[8] = guest_amoor_8,   [12] = guest_amoand_8,  [16] = guest_amomin_8,
	[20] = guest_amomax_8, [24] = guest_amominu_8, [28] = guest_amomaxu_8,
};

static access *atomic_of(const struct vhart_insn *insn)
{
	return (insn->bytes == 4 ? atomics_4 : atomics_8)[insn->raw >> 27];
}

bool guest_can_access(const struct vhart_insn *insn)
{
	return insn->kind == VHART_INSN_LOAD || insn->kind == VHART_INSN_STORE ||
	       (insn->kind == VHART_INSN_ATOMIC && atomic_of(insn));
}

struct result guest_access(const struct vhart_insn *insn, uint64_t address, uint64_t mstatus,
			   uint64_t value)
{
	unsigned size = (unsigned)__builtin_ctz(insn->bytes);

	switch (insn->kind) {
	case VHART_INSN_LOAD:
		return (insn->is_signed ? signed_loads : loads)[size](address, mstatus, 0);
	case VHART_INSN_STORE:
		return stores[size](address, mstatus, value);
	case VHART_INSN_GUEST_LOAD:
		return guest_loads[insn->rs2 & 3][size](address, mstatus, 0);
	case VHART_INSN_GUEST_STORE:
		return guest_stores[size](address, mstatus, value);
	default:
		return atomic_of(insn)(address, mstatus, value);
	}
}
