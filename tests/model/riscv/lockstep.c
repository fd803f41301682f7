/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The lockstep of lib/vhart and lib/vclint with their reference model. ../harness/harness.c says how it
 * is run.
 */
#include "../harness/harness.h"

static struct machine machine;

struct machine *lockstep_begin(const struct machine_config *config,
			       void (*failed)(const char *text))
{
	machine_init(&machine, config, failed);
	return &machine;
}

bool lockstep_step(const struct op *op)
{
	machine_do(&machine, op);
	return true;
}

void lockstep_end(void)
{
	machine_free(&machine);
}

/* In the order of `counted`. */
void lockstep_account(unsigned long long counts[LOCKSTEP_COUNTS])
{
	counts[0] += machine.taken;
	counts[1] += machine.traps;
	counts[2] += machine.illegal;
	counts[3] += machine.kicks;
	counts[4] += machine.expired;
	counts[5] += machine.restored;
}

/* The operations say it: each has its value, and the hart that does it. */
void lockstep_show(void)
{
}

static const struct lockstep_fixed fixed[] = {
	{ "emulator_one_hart", "harts=1" },
	{ "emulator_with_everything", "harts=2,h=1,v=1,sstc=1,lcofi=1,grain=2,zkr=1" },
	{ "emulator_without_s", "harts=2,s=0,f=0,c=0,pmps=8" },
	{ "emulator_1_10", "harts=2,old=1,time=0,pmps=8" },
	{ "native_rv64", "harts=2,native=1,h=1,v=1,sstc=1,lcofi=1,forced=0,layout=1,zkr=1" },
	{ "native_u54", "harts=4,native=1,old=1,pmps=8,settime=1" },
	{ "native_hardwired_delegation", "harts=1,native=1,forced=1,lcofi=1,grain=10" },
	{ "native_e51", "harts=2,native=1,s=0,f=0,old=1,pmps=8" },
	{ "aclint_of_two_sockets", "harts=5,layout=2,settime=1" },
	{ "aclint_without_mtime", "harts=3,layout=3,pmps=0" },
};

const struct lockstep lockstep = {
	.program = "build/tests/model/riscv-lockstep",
	.seconds = 5,
	.random = 5,
	.fixed = fixed,
	.fixed_count = sizeof(fixed) / sizeof(fixed[0]),
	.counted = { "interrupts", "traps", "of them illegal instructions", "kicks",
		     "timer interrupts", "restores" },
};
