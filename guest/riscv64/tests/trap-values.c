/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * mcause, mepc and mtval of the exceptions that machine mode takes of itself (privileged
 * specification 3.1.14 to 3.1.16): exact addresses of access faults, 0 or the instruction for
 * illegal ones.
 */
#include "hart.h"
#include "tap.h"

#define UNTOUCHED UINT64_C(0x5555aaaa3333cccc)

/* Loads and stores: the instruction with rd or rs2 = a0, rs1 = a1. */
struct access {
	const char *name;
	uint32_t instruction;
	unsigned cause;
};

static const struct access accesses[] = {
	{ "lb", 0x00058503, CAUSE_LOAD_ACCESS },
	{ "lbu", 0x0005c503, CAUSE_LOAD_ACCESS },
	{ "lh", 0x00059503, CAUSE_LOAD_ACCESS },
	{ "lhu", 0x0005d503, CAUSE_LOAD_ACCESS },
	{ "lw", 0x0005a503, CAUSE_LOAD_ACCESS },
	{ "lwu", 0x0005e503, CAUSE_LOAD_ACCESS },
	{ "ld", 0x0005b503, CAUSE_LOAD_ACCESS },
	{ "sb", 0x00a58023, CAUSE_STORE_ACCESS },
	{ "sh", 0x00a59023, CAUSE_STORE_ACCESS },
	{ "sw", 0x00a5a023, CAUSE_STORE_ACCESS },
	{ "sd", 0x00a5b023, CAUSE_STORE_ACCESS },
	{ "lr.w", 0x1005a52f, CAUSE_LOAD_ACCESS },
	{ "lr.d", 0x1005b52f, CAUSE_LOAD_ACCESS },
	{ "amoswap.w", 0x08a5a52f, CAUSE_STORE_ACCESS },
	{ "amoadd.d", 0x00a5b52f, CAUSE_STORE_ACCESS },
	{ "c.lw", 0x00014188, CAUSE_LOAD_ACCESS },
	{ "c.ld", 0x00016188, CAUSE_LOAD_ACCESS },
	{ "c.sw", 0x0001c188, CAUSE_STORE_ACCESS },
	{ "c.sd", 0x0001e188, CAUSE_STORE_ACCESS },
};

static void unmapped(const struct access *access)
{
	struct hart *me = this_hart();
	uint64_t a0;

	traps_expect();
	a0 = execute(access->instruction, UNTOUCHED, UNMAPPED);
	ok(trapped(access->cause), "%s of nothing: an access fault", access->name);
	is(me->trap.tval, UNMAPPED, "%s of nothing: mtval", access->name);
	is(me->trap.pc, (uintptr_t)me->code, "%s of nothing: mepc", access->name);
	is(a0, UNTOUCHED, "%s of nothing: the register keeps its value", access->name);
}

static void offset(void)
{
	struct hart *me = this_hart();

	traps_expect();
	execute(0xff85b503, 0, UNMAPPED + 0x100); /* ld a0, -8(a1) */
	ok(trapped(CAUSE_LOAD_ACCESS), "negative offset: an access fault");
	is(me->trap.tval, UNMAPPED + 0xf8, "negative offset: mtval");
}

static void fetch(void)
{
	struct hart *me = this_hart();
	void (*nowhere)(void) = (void (*)(void))UNMAPPED;

	traps_expect();
	nowhere();
	ok(trapped(CAUSE_FETCH_ACCESS), "a jump to nothing: an access fault");
	is(me->trap.pc, UNMAPPED, "a jump to nothing: mepc is where it went");
	is(me->trap.tval, UNMAPPED, "a jump to nothing: mtval is where it went");
}

static void odd_jump(void)
{
	uint64_t landed = 0;

	__asm__ volatile("la t0, 1f\n\taddi t0, t0, 1\n\tjr t0\n\t.balign 4\n1:\tli %0, 1"
			 : "=r"(landed)::"t0", "memory");
	is(landed, 1, "jalr clears bit 0 of where it goes");
}

static const struct access illegals[] = {
	{ "0", 0x00000000, 2 },
	{ "all ones", 0xffffffff, 4 },
	{ "a reserved opcode", 0x0000007b | 7 << 12, 4 },
	{ "csrr of nothing", 0x3ff02573, 4 },
	{ "csrw to a read-only register", 0xf1151073, 4 },
	{ "SYSTEM with reserved funct3", 0x00004073, 4 },
	{ "uret", 0x00200073, 4 },
	{ "dret", 0x7b200073, 4 },
};

/* The last column is the length. */
static void illegal(const struct access *what)
{
	struct hart *me = this_hart();
	uint32_t bits = what->cause == 2 ? what->instruction & 0xffff : what->instruction;

	traps_expect();
	execute(what->instruction, 0, 0);
	/* The second half of 0 is another one. */
	unsigned count = traps_end();

	is(count, 4 / what->cause, "illegal: %s: one trap", what->name);
	is(me->trap.cause, CAUSE_ILLEGAL, "illegal: %s: mcause", what->name);
	is(me->trap.pc, (uintptr_t)me->code + 4 - what->cause, "illegal: %s: mepc", what->name);
	ok(!me->trap.tval || me->trap.tval == bits, "illegal: %s: mtval is 0 or the instruction",
	   what->name);
}

/* Misaligned accesses to memory: either they work, or they trap with the address. */
static void misaligned(void)
{
	static _Alignas(64) uint8_t bytes[64] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
	struct hart *me = this_hart();
	uintptr_t at = (uintptr_t)bytes + 1;
	uint64_t value;

	traps_expect();
	value = execute(0x0005b503, UNTOUCHED, at);
	bool trap = traps_end();

	ok(trap ? me->trap.cause == CAUSE_LOAD_MISALIGNED && me->trap.tval == at
		: value == UINT64_C(0x0908070605040302),
	   "a misaligned load: the value, or its own trap");
	traps_expect();
	execute(0x00a5b023, UINT64_C(0x1716151413121110), at);
	trap = traps_end();
	ok(trap ? me->trap.cause == CAUSE_STORE_MISALIGNED && me->trap.tval == at
		: bytes[0] == 1 && bytes[1] == 0x10 && bytes[8] == 0x17,
	   "a misaligned store: done, or its own trap");
}

void guest_main(void)
{
	for (unsigned i = 0; i < sizeof(accesses) / sizeof(accesses[0]); i++)
		unmapped(&accesses[i]);
	offset();
	fetch();
	odd_jump();
	for (unsigned i = 0; i < sizeof(illegals) / sizeof(illegals[0]); i++)
		illegal(&illegals[i]);
	misaligned();
}
