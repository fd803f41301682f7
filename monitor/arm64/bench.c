/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What `make bench` asks for, with carillon.bench: see calls.c.
 */
#include "cold.h"
#include "gic.h"
#include "hot.h"
#include "sched.h"
#include "vm.h"

/* Of all vCPUs that are on this CPU; in the bench they stay where they are. */
struct outcome cold_bench_exits(struct cpu *cpu)
{
	struct outcome total = { 0, 1 };
	unsigned n, i;

	for (n = 0; n < vm_count; n++) {
		for (i = 0; i < vms[n]->vcpus; i++) {
			const struct vcpu *vcpu = vms[n]->vcpu[i];

			if (vcpu->cpu != cpu)
				continue;
			total.value += vcpu_exits(vcpu, 0, EXIT_KINDS - 1);
		}
	}
	return total;
}

/* Where to make a device's interrupt pending, which physical CPU `index` takes. */
struct outcome cold_bench_spi(struct vcpu *vcpu, uint64_t intid, uint64_t index)
{
	if (intid < 32 || intid >= 1020 || routes[intid].vm != vcpu->vm || index >= cpu_count)
		return (struct outcome){ 0, 0 };
	gic->route((unsigned)intid, cpus[index]);
	return (struct outcome){ (uint64_t)(gicd + GICD_ISPENDR + intid / 32 * 4), 1 };
}
