/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The lockstep of lib/vgic with its reference model, on one machine or, as twins, on two: one with list
 * registers, one with a software CPU interface. harness/harness.c says how it is run.
 */
#include "harness/harness.h"
#include "twin.h"

#include <stdio.h>

static struct machine machine, twin; /* twin: if there is to be one */

struct machine *lockstep_begin(const struct machine_config *config,
			       void (*failed)(const char *text))
{
	struct machine_config software = *config;

	machine_init(&machine, config, failed);
	if (!config->twin)
		return &machine;
	software.lrs = 0;
	machine_init(&twin, &software, failed);
	twin_begin(&machine);
	twin_begin(&twin);
	return &machine;
}

bool lockstep_step(const struct op *op)
{
	if (machine.config.twin)
		return twin_do(&machine, &twin, op);
	machine_do(&machine, op);
	return true;
}

void lockstep_end(void)
{
	machine_finish(&machine);
	machine_free(&machine);
	if (!machine.config.twin)
		return;
	machine_finish(&twin);
	machine_free(&twin);
}

/* In the order of `counted`. */
void lockstep_account(unsigned long long counts[LOCKSTEP_COUNTS])
{
	counts[0] += machine.acks;
	counts[1] += machine.late;
	counts[2] += machine.agains;
	counts[3] += machine.kicks;
	counts[4] += machine.loads;
	counts[5] += machine.powered;
	counts[6] += machine.restored;
}

void lockstep_show(void)
{
	static const char *const where[] = { "unloaded", "outside", "guest", "blocked" };
	unsigned v, n;

	for (v = 0; v < machine.config.model.vcpus; v++) {
		const struct machine_vcpu *vcpu = &machine.vcpu[v];

		printf("#     vCPU %u %s%s%s%s HCR %#x VMCR %#x MISR %#x RPR %#x:", v,
		       where[vcpu->where], vcpu->kicked ? " kicked" : "",
		       vcpu->waiting ? " waiting" : "",
		       machine.model.pe[v].unsettled ? " unsettled" : "", vcpu->hw->hcr,
		       vcpu->hw->vmcr, cpuif_misr(vcpu->hw), cpuif_rpr(vcpu->hw));
		for (n = 0; n < machine.config.lrs; n++)
			if (vcpu->hw->lr[n])
				printf(" LR%u %#llx", n, (unsigned long long)vcpu->hw->lr[n]);
		printf("\n");
	}
}

static const struct lockstep_fixed fixed[] = {
	{ "one_vcpu_one_list_register", "vcpus=1,spis=16,lrs=1,eoimode1=1" },
	{ "one_vcpu_mapped", "vcpus=1,spis=16,mapped=6,soft=2,lines=1,eoimode1=1" },
	{ "two_vcpus", "vcpus=2,spis=8" },
	{ "two_vcpus_mapped_strict_eoi",
	  "vcpus=2,spis=8,lrs=2,mapped=4,strict=1,refill=1,notify=1" },
	{ "four_vcpus_clusters_of_one",
	  "vcpus=4,spis=40,lrs=3,pri=6,pre=6,cluster=0,mapped=8,eoimode1=1" },
	{ "three_vcpus_300_spis",
	  "vcpus=3,spis=300,lrs=16,pri=7,pre=7,cluster=1,mapped=16,refill=1" },
	{ "four_vcpus_one_list_register",
	  "vcpus=4,spis=33,lrs=1,pri=8,pre=6,mapped=4,last=1,eoimode1=1" },
	{ "extended_ranges",
	  "vcpus=3,spis=8,espis=40,eppis=64,region=2,mapped=4,soft=1,eoimode1=1,notify=1" },
	{ "software_cpu_interface",
	  "vcpus=3,spis=16,lrs=0,pri=8,pre=7,mapped=6,soft=2,eoimode1=1,notify=1" },
	{ "twins", "vcpus=2,spis=16,lrs=2,eoimode1=1,twin=1" },
	{ "gicv2_one_vcpu", "version=2,vcpus=1,spis=16,lrs=2,mapped=2,eoimode1=1" },
	{ "gicv2_four_vcpus", "version=2,vcpus=4,spis=16,mapped=6,soft=1,eoimode1=1,refill=1" },
	{ "gicv2_eight_vcpus", "version=2,vcpus=8,spis=33,notify=1,strict=1" },
	{ "gicv2_software_cpu_interface", "version=2,vcpus=3,spis=16,lrs=0,mapped=4,eoimode1=1" },
	{ "three_vcpus_on_one_cpu", "vcpus=3,cpus=1,lrs=2,mapped=4,eoimode1=1" },
	{ "whole_four_vcpus_on_two_cpus",
	  "vcpus=4,cpus=2,mapped=6,soft=1,eoimode1=1,notify=1,whole=1" },
	{ "whole_one_list_register", "vcpus=2,lrs=1,pri=7,pre=7,eoimode1=1,whole=1" },
	{ "whole_gicv2", "version=2,vcpus=3,cpus=2,lrs=2,mapped=4,eoimode1=1,whole=1" },
	{ "gicv2_twins", "version=2,vcpus=3,spis=16,lrs=2,eoimode1=1,twin=1" },
};

const struct lockstep lockstep = {
	.program = "build/tests/model/lockstep",
	.seconds = 12,
	.random = 3,
	.fixed = fixed,
	.fixed_count = sizeof(fixed) / sizeof(fixed[0]),
	.counted = { "acknowledges", "of them with a kick under way", "AGAINs", "kicks", "loads",
		     "resets", "restores" },
};
