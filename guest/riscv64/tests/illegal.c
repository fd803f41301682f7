/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What S and U mode may not execute reaches the firmware as an illegal instruction with mepc right
 * (privileged specification 2.1, 3.1.6.5, 3.3). mtval is not looked at: QEMU after 9.2 has wrong
 * ones there (its issue 3020).
 */
#include "payload.h"
#include "tap.h"

#define BOTH 3u
#define IN_U 1u

struct instruction {
	const char *name;
	uint32_t code;
	unsigned modes;  /* bit 0: illegal in U, bit 1: illegal in S */
	uint64_t status; /* mstatus bits that make it so in S */
};

static const struct instruction instructions[] = {
	{ "mret", 0x30200073, BOTH, 0 },
	{ "sret", 0x10200073, IN_U, 0 },
	{ "sret with TSR", 0x10200073, BOTH, MSTATUS_TSR },
	{ "wfi with TW", 0x10500073, BOTH, MSTATUS_TW },
	{ "sfence.vma", 0x12000073, IN_U, 0 },
	{ "sfence.vma with TVM", 0x12000073, BOTH, MSTATUS_TVM },
	{ "csrr mstatus", 0x30002573, BOTH, 0 },
	{ "csrw mstatus", 0x30051073, BOTH, 0 },
	{ "csrr mhartid", 0xf1402573, BOTH, 0 },
	{ "csrr mip", 0x34402573, BOTH, 0 },
	{ "csrw mtvec", 0x30551073, BOTH, 0 },
	{ "csrr pmpcfg0", 0x3a002573, BOTH, 0 },
	{ "csrw pmpaddr0", 0x3b051073, BOTH, 0 },
	{ "csrw mscratch", 0x34051073, BOTH, 0 },
	{ "csrr sstatus", 0x10002573, IN_U, 0 },
	{ "csrw sie", 0x10451073, IN_U, 0 },
	{ "csrr satp", 0x18002573, IN_U, 0 },
	{ "csrr satp with TVM", 0x18002573, BOTH, MSTATUS_TVM },
	{ "an absent CSR", 0x3ff02573, BOTH, 0 },
	{ "all ones", 0xffffffff, BOTH, 0 },
	{ "c.unimp", 0x00000000, BOTH, 0 },
};

static _Alignas(4) uint32_t code[2];

static void try(const struct instruction *instruction, unsigned mode)
{
	const char *what = mode == MODE_S ? "S" : "U";
	struct payload payload;

	code[0] = instruction->code;
	code[1] = 0x00008067; /* ret */
	__asm__ volatile("fence.i" ::: "memory");
	payload_init(&payload, mode, (uint64_t(*)(uint64_t))(uintptr_t)code, 0x1234);
	csr_set(mstatus, instruction->status);
	payload_run(&payload);
	csr_clear(mstatus, instruction->status);
	is(payload.cause, CAUSE_ILLEGAL, "%s: %s is illegal", what, instruction->name);
	is(payload.pc, (uintptr_t)code, "%s: %s: mepc", what, instruction->name);
	is(payload.status >> MSTATUS_MPP_SHIFT & 3, mode, "%s: %s: MPP", what, instruction->name);
	is(payload.x[10], 0x1234, "%s: %s: a0 keeps its value", what, instruction->name);
}

void guest_main(void)
{
	pmp_open();
	for (unsigned i = 0; i < sizeof(instructions) / sizeof(instructions[0]); i++) {
		try(&instructions[i], MODE_U);
		if (instructions[i].modes == BOTH)
			try(&instructions[i], MODE_S);
	}
}
