/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The lockstep of lib/sdei with its reference model. ../harness/harness.c says how it is run.
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
	counts[0] += machine.entered;
	counts[1] += machine.nested;
	counts[2] += machine.completed;
	counts[3] += machine.kicks;
	counts[4] += machine.restored;
	counts[5] += machine.refused;
	counts[6] += machine.accepted;
}

void lockstep_show(void)
{
	machine_show(&machine);
}

static const struct lockstep_fixed fixed[] = {
	{ "one_vcpu", "vcpus=1" },
	{ "two_vcpus_1_1", "vcpus=2,minor=1,features=1023" },
	{ "event_0_alone", "vcpus=3,events=0,private_slots=0,shared_slots=0" },
	{ "strict_signal", "vcpus=2,events=1,private_slots=1,shared_slots=0,strict=1" },
	{ "shared_events_of_any", "vcpus=4,events=4,shared=15,private_slots=0,shared_slots=1" },
	{ "interrupts", "vcpus=3,events=0,private_slots=3,shared_slots=3" },
	{ "interrupts_later", "vcpus=3,events=1,private_slots=2,shared_slots=2,later=1" },
	{ "eight_vcpus", "vcpus=8,events=6,shared=42,critical=51,private_slots=3,shared_slots=3" },
	{ "port_without_options", "vcpus=2,checks=0,others=0,features=341" },
};

const struct lockstep lockstep = {
	.program = "build/tests/model/sdei-lockstep",
	.seconds = 5,
	.random = 5,
	.fixed = fixed,
	.fixed_count = sizeof(fixed) / sizeof(fixed[0]),
	.counted = { "events", "of them nested", "completions", "kicks", "restores",
		     "states refused", "states tampered with and taken" },
};
