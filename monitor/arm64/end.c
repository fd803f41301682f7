/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The end of a run: the exit table, the line that the launcher reads, power-off or reset.
 */
#include "arch.h"
#include "cold.h"
#include "direct.h"
#include "hot.h"
#include "its.h"
#include "pci.h"
#include "psci.h"
#include "smmu.h"
#include "vm.h"
#include "../common/console.h"
#include "../common/trace.h"

void machine_off(void)
{
	smc_call(PSCI_SYSTEM_OFF, 0, 0, 0);
	for (;;)
		wfi();
}

void machine_reset(void)
{
	smc_call(PSCI_SYSTEM_RESET, 0, 0, 0);
	for (;;)
		wfi();
}

unsigned long vcpu_exits(const struct vcpu *vcpu, unsigned first, unsigned last)
{
	unsigned long total = 0;
	unsigned i;

	for (i = first; i <= last; i++)
		total += __atomic_load_n(&vcpu->exits[i], __ATOMIC_RELAXED);
	return total;
}

static void print_exits(const struct vcpu *vcpu)
{
	unsigned long total = vcpu_exits(vcpu, 0, EXIT_KINDS - 1);
	unsigned long irq = vcpu_exits(vcpu, EXIT_IRQ, EXIT_IRQ);
	unsigned long calls = vcpu_exits(vcpu, EC_HVC64, EC_SMC64);
	unsigned long sysreg = vcpu_exits(vcpu, EC_SYS64, EC_SYS64);
	unsigned long data = vcpu_exits(vcpu, EC_DABT_LOW, EC_DABT_LOW);

	print("%4u %10lu %10lu %8lu %10lu %8lu %8lu | ", vcpu->index, total, irq, calls, sysreg,
	      data, total - irq - calls - sysreg - data);
}

static void print_interrupts(const struct vcpu *vcpu)
{
	struct vgic_stats stats;

	vgic_stats(vcpu->vm->vgic, vcpu->index, &stats);
	print("%9lu %9lu %9lu %9lu %8lu %8lu %6lu %6lu\n", stats.sgis, stats.ppis, stats.spis,
	      stats.lpis, stats.overflows, stats.kicks, stats.guest_errors,
	      vcpu->aborts + vcpu->undefs);
}

/* Of all its vCPUs. */
void sdei_stats_print(const struct vm *vm)
{
	struct sdei_stats stats, total = { 0 };
	unsigned i;

	if (!vm->sdei)
		return;
	for (i = 0; i < vm->vcpus; i++) {
		sdei_stats(vm->sdei, i, &stats);
		total.calls += stats.calls;
		total.refused += stats.refused;
		total.normal += stats.normal;
		total.critical += stats.critical;
	}
	print("SDEI: %lu calls (%lu refused), handlers entered: %lu normal, %lu critical\n",
	      total.calls, total.refused, total.normal, total.critical);
}

void its_stats_print(const struct vm *vm)
{
	struct vits_stats stats;

	if (!vm->vits)
		return;
	vits_stats(vm->vits, &stats);
	if (stats.commands | stats.messages)
		print("ITS: %lu commands (%lu in error), %lu messages (%lu looked up in tables), %lu ignored\n",
		      stats.commands, stats.command_errors, stats.messages, stats.misses,
		      stats.ignored);
}

/* What went wrong with functions that are passed through. */
static void print_pci(void)
{
	uint64_t refused = 0;
	unsigned n;

	for (n = 0; n < vm_count; n++)
		refused += pci_refused(vms[n]);
	if (refused | lpis_dropped | smmu_faults)
		print("PCI: %lu messages refused, %lu LPIs for nobody, %lu accesses denied\n",
		      refused, lpis_dropped, smmu_faults);
}

/* VMs stand one below the other, with their names if there are several. */
void exit_table_print(void)
{
	unsigned n, i;

	print("vCPU      exits  interrupt     call     sysreg     data    other |      SGIs      "
	      "PPIs      SPIs      LPIs overflow    kicks errors faults\n");
	for (n = 0; n < vm_count; n++) {
		if (vm_count > 1)
			print("%s:\n", vms[n]->description->name);
		for (i = 0; i < vms[n]->vcpus; i++) {
			print_exits(vms[n]->vcpu[i]);
			print_interrupts(vms[n]->vcpu[i]);
		}
		its_stats_print(vms[n]);
		sdei_stats_print(vms[n]);
		direct_print(vms[n]);
	}
	print_pci();
}

/* One CPU ends the run; another one that comes to it meanwhile waits for the power to go. */
static void only_once(void)
{
	static unsigned ending;

	while (__atomic_exchange_n(&ending, 1, __ATOMIC_ACQUIRE))
		wfi();
}

void run_ended(void)
{
	only_once();
	exit_table_print();
	print("carillon: run ended: ok\n");
	machine_off();
}

void run_ended_by_reset(void)
{
	only_once();
	exit_table_print();
	print("carillon: VM reset by guest\n");
	machine_reset();
}

void cold_system_off(struct vcpu *vcpu)
{
	vm_request(vcpu, VM_OFF);
}

void cold_system_reset(struct vcpu *vcpu)
{
	vm_request(vcpu, VM_RESET);
}

void run_failed(const char *why)
{
	print("carillon: run ended: FAILED: %s\n", why);
	machine_off();
}

void cold_unwanted_interrupt(struct cpu *cpu, uint64_t intid)
{
	static struct log_limit limit;

	intid &= 0xffffff;
	if (intid >= 1020 && intid < 1024)
		return; /* spurious: it went away */
	trace(cpu->trace, TRACE_IRQ, intid, 0);
	print_limited_by(&limit, "carillon: CPU %u: physical interrupt %lu belongs to nobody\n",
			 cpu->index, intid);
}

void cold_trace(struct vcpu *vcpu, uint64_t kind, uint64_t a)
{
	trace(vcpu->cpu->trace, (enum trace_kind)kind, a, vcpu->x[1]);
}
