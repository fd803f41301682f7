/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The lockstep of LPIs and of lib/vits with their model. ../harness/harness.c says how it is run.
 */
#include "../harness/harness.h"

#include <stdio.h>

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
	machine_finish(&machine);
	machine_free(&machine);
}

/* In the order of `counted`. */
void lockstep_account(unsigned long long counts[LOCKSTEP_COUNTS])
{
	counts[0] += machine.commands;
	counts[1] += machine.errors;
	counts[2] += machine.messages;
	counts[3] += machine.lpis;
	counts[4] += machine.vlpis;
	counts[5] += machine.agains;
	counts[6] += machine.saves;
	counts[7] += machine.resets;
}

void lockstep_show(void)
{
	static const char *const where[] = { "unloaded", "outside", "guest", "blocked" };
	const struct model *m = &machine.model;
	unsigned v, n, at;

	for (v = 0; v < machine.config.vcpus; v++) {
		const struct vcpu *vcpu = &machine.vcpu[v];

		printf("#     vCPU %u %s%s%s%s%s:", v, where[vcpu->where],
		       vcpu->kicked ? " kicked" : "", vcpu->waiting ? " waiting" : "",
		       m->pe[v].unsettled ? " unsettled" : "",
		       m->pe[v].enabled ? "" : " EnableLPIs=0");
		for (n = 0; n < machine.config.lrs; n++)
			if (vcpu->hw.lr[n])
				printf(" LR%u %#llx", n, (unsigned long long)vcpu->hw.lr[n]);
		printf("\n");
	}
	for (n = 0; n < LPIS; n++)
		if (m->irq[n].may != 1) {
			bool is = vgic_lpi_is_pending(machine.vgic, model_intid(n), &at);

			printf("#     %u may be at %#x, and is at %#x\n", model_intid(n),
			       m->irq[n].may, is ? 2u << at : 1u);
		}
}

static const struct lockstep_fixed fixed[] = {
	{ "one_vcpu", "vcpus=1" },
	{ "two_vcpus_everybody_comes_at_once", "vcpus=2,prompt=1" },
	{ "two_vcpus_one_list_register", "vcpus=2,lrs=1,spis=3" },
	{ "four_vcpus_two_itses", "vcpus=4,itses=2,device_bits=20,indirect=1,refill=1" },
	{ "eight_vcpus_pta", "vcpus=8,pta=1,page=2,indirect=1,priority_bits=7,preemption_bits=6" },
	{ "software_cpu_interface", "vcpus=3,lrs=0,spis=2,whole=1,priority_bits=8" },
	{ "eoimode_1", "vcpus=2,lrs=2,spis=4,eoimode1=1,page=1" },
	{ "whole", "vcpus=2,itses=2,whole=1,lpi_bits=5,holes=1" },
	{ "forwarding", "vcpus=3,routes=6,prompt=1" },
	{ "forwarding_late", "vcpus=2,routes=4,discard=1" },
	{ "wild", "vcpus=2,itses=2,wild=1,indirect=1,device_bits=32,event_bits=32" },
	{ "1024_lpis", "vcpus=2,lpi_bits=10,event_bits=16,collection_bits=16" },
};

const struct lockstep lockstep = {
	.program = "build/tests/model/its-lockstep",
	.seconds = 8,
	.random = 3,
	.fixed = fixed,
	.fixed_count = sizeof(fixed) / sizeof(fixed[0]),
	.counted = { "commands", "refused", "messages", "LPIs acknowledged", "vLPIs", "AGAINs",
		     "saves", "resets" },
};
