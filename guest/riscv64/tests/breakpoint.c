/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * ebreak reaches the firmware (privileged specification 3.3.1 and 3.1.16): its own, the payload's
 * in S and U mode, and delegated ones stay with the payload.
 */
#include "payload.h"
#include "tap.h"

static void own(bool compressed)
{
	struct hart *me = this_hart();
	const char *what = compressed ? "c.ebreak" : "ebreak";
	uintptr_t at;

	traps_expect();
	if (compressed)
		__asm__ volatile("la %0, 1f\n1: c.ebreak" : "=&r"(at)::"memory");
	else
		__asm__ volatile("la %0, 1f\n.option push\n.option norvc\n1: ebreak\n.option pop"
				 : "=&r"(at)::"memory");
	ok(trapped(CAUSE_BREAKPOINT), "%s: one trap, cause 3", what);
	is(me->trap.pc, at, "%s: mepc", what);
	ok(!me->trap.tval || me->trap.tval == at, "%s: mtval is 0 or the address", what);
	is(me->trap.status & MSTATUS_MPP, MSTATUS_MPP, "%s: from machine mode", what);
}

static uint64_t break_once(uint64_t argument)
{
	__asm__ volatile("c.ebreak" ::: "memory");
	return argument + 1;
}

static void from(unsigned mode)
{
	const char *what = mode == MODE_S ? "S" : "U";
	struct payload payload;

	payload_init(&payload, mode, break_once, 41);
	is(payload_run(&payload), CAUSE_BREAKPOINT, "from %s: cause 3", what);
	is(payload.status >> MSTATUS_MPP_SHIFT & 3, mode, "from %s: MPP", what);
	ok(!payload.tval || payload.tval == payload.pc, "from %s: mtval is 0 or the address", what);
	payload_skip(&payload);
	payload_run(&payload);
	ok(payload_returned(&payload) && payload.x[10] == 42, "from %s: goes on after it", what);
}

static void delegated(void)
{
	struct delegated taken = { 0 };
	uint64_t result = 0;

	csr_write(medeleg, BIT(CAUSE_BREAKPOINT));
	csr_write(stvec, (uintptr_t)payload_vector);
	csr_write(sscratch, (uintptr_t)&taken);
	ok(payload_call(MODE_S, break_once, 1, &result),
	   "delegated, from S: not seen by the firmware");
	is(taken.count, 1, "delegated, from S: taken there once");
	is(taken.cause, CAUSE_BREAKPOINT, "delegated, from S: scause");
	is(result, 2, "delegated, from S: goes on after it");
	ok(payload_call(MODE_U, break_once, 1, &result),
	   "delegated, from U: not seen by the firmware");
	is(taken.count, 2, "delegated, from U: taken in S once");
	own(false);
	is(taken.count, 2, "delegated: the firmware's own are not");
	csr_write(medeleg, 0);
}

void guest_main(void)
{
	own(false);
	own(true);
	pmp_open();
	from(MODE_S);
	from(MODE_U);
	delegated();
}
