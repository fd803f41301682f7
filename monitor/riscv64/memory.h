/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Accesses to memory that may fault, with the hart's mstatus being another one meanwhile: MPRV and its
 * like. After a fault mcause, mtval and so on say why.
 */
#ifndef MONITOR_RISCV64_MEMORY_H
#define MONITOR_RISCV64_MEMORY_H

#include <carillon/vhart.h>

struct result {
	uint64_t value; /* what a load or an atomic operation gives rd */
	uint64_t fault;
};

/* vectors.S; a load does not use the value. */
typedef struct result access(uint64_t address, uint64_t mstatus, uint64_t value);

access guest_load_u2, guest_load_8;

/* Whether guest_access() does it: integer loads and stores, atomic operations but for lr and sc. */
bool guest_can_access(const struct vhart_insn *insn);

/* That, or hlv, hlvx, hsv. `value`: rs2's. */
struct result guest_access(const struct vhart_insn *insn, uint64_t address, uint64_t mstatus,
			   uint64_t value);

#endif
