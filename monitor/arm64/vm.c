/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Making the virtual machine: its interrupt controller, stage 2, the physical interrupts that are
 * its, and the EL2 registers that say what traps (policy.c has the table for what does).
 */
#include "arch.h"
#include "gic.h"
#include "hot.h"
#include "mmu.h"
#include "policy.h"
#include "vm.h"
#include "../common/console.h"
#include "../common/panic.h"

#define BENCH_DEVICE 0x0b000000ul

#define TIMER_VIRTUAL  27
#define TIMER_PHYSICAL 30

struct vm vm = { .bench = ~0ul };
static bool bench;

static unsigned spis_needed(const struct board *board)
{
	unsigned end = 32 + 256, i; /* room for software's own, as the board has it */

	for (i = 0; i < board->device_count; i++) {
		if (board->device[i].intid >= end)
			end = board->device[i].intid + 1;
	}
	end = (end + 31) & ~31u;
	return (end < 1020 ? end : 1020) - 32;
}

static void make_vgic(const struct board *board)
{
	struct vgic_config config = {
		.vcpus = vm.vcpus,
		.spis = spis_needed(board),
		.cluster_bits = 4,
	};
	const char *why = "no reason given";
	size_t size;
	int result;

	gic->describe(&config);
	vm.lrs = config.lrs;
	if (vgic_check(&config, &why) != 0)
		panic("the virtual GIC: %s", why);
	size = vgic_size(&config);
	result = vgic_init(&vm.vgic, pages_alloc(size), size, &config, gic->port, &vm);
	if (result != 0)
		panic("vgic_init: error %d", result);
}

/* A physical interrupt that is the guest's under its own number. */
static void map_interrupt(unsigned vcpu, unsigned intid, bool edge)
{
	unsigned how = gic->hwirq_flags() | (edge ? 0 : VGIC_HWIRQ_LEVEL);

	vm.route[intid] = (struct route){ (uint16_t)intid, edge ? ROUTE_EDGE : ROUTE_LEVEL };
	if (vgic_map_hwirq(vm.vgic, vcpu, intid, (struct hwirq){ (uint16_t)intid }, how) != 0)
		panic("interrupt %u cannot be mapped", intid);
}

static void map_private(unsigned intid)
{
	unsigned vcpu;

	for (vcpu = 0; vcpu < vm.vcpus; vcpu++)
		map_interrupt(vcpu, intid, false);
}

static void pass_device(const struct board_device *device)
{
	unsigned intid = device->intid;

	/* Page by page: neighbours in one page (virtio-mmio) come several times. */
	stage2_map(device->start, device->start, device->size, MAP_DEVICE);
	if (intid < 32 || vm.route[intid].kind != ROUTE_NONE)
		return;
	map_interrupt(0, intid, device->edge);
	gic->spi_setup(intid, device->edge, cpus[0]);
}

void vm_create(const struct board *board, const struct options *options)
{
	unsigned i;

	vm.vcpus = options->cpus && options->cpus < cpu_count ? options->cpus : cpu_count;
	if (options->bench) {
		bench = true;
		vm.bench = BENCH_DEVICE;
	}
	make_vgic(board);
	for (i = 0; i < MAX_CPUS; i++) {
		vm.vcpu[i].index = i;
		if (i < vm.vcpus)
			vm.vcpu[i].mpidr = vgic_mpidr(vm.vgic, i) | 1ul << 31;
	}
	for (i = 0; i < cpu_count; i++)
		cpus[i]->vcpu = &vm.vcpu[i];
}

void vm_connect(const struct board *board)
{
	unsigned i;

	stage2_map(vm.ram, vm.ram, vm.ram_size, MAP_CODE);
	vm.route[KICK_SGI].kind = ROUTE_KICK;
	vm.route[board->maintenance].kind = ROUTE_MAINTENANCE;
	map_private(TIMER_VIRTUAL);
	map_private(TIMER_PHYSICAL);
	for (i = 0; i < board->device_count; i++)
		pass_device(&board->device[i]);
}

/* Event 8, instructions, at EL2 only: P, U, NSH (DDI 0487 D13.5.1). The guest has no PMU. */
static void bench_counter(void)
{
	write_sysreg(S3_3_C14_C12_0, 1ul << 31 | 1ul << 30 | 1ul << 27 | 8); /* PMEVTYPER0_EL0 */
	write_sysreg(pmcr_el0, read_sysreg(pmcr_el0) | 1);
	write_sysreg(pmcntenset_el0, 1);
	isb();
}

void vcpu_setup(struct cpu *cpu)
{
	unsigned index = cpu->vcpu->index;

	policy_setup();
	write_sysreg(vpidr_el2, read_sysreg(midr_el1));
	write_sysreg(vmpidr_el2, cpu->vcpu->mpidr);
	write_sysreg(cntvoff_el2, 0);
	write_sysreg(cnthctl_el2, 3); /* the physical counter and timer are the guest's */
	write_sysreg(cntv_ctl_el0, 0);
	write_sysreg(cntp_ctl_el0, 0);
	if (bench)
		bench_counter();
	isb();
	if (index < vm.vcpus) {
		gic->ppi_enable(cpu, TIMER_VIRTUAL);
		gic->ppi_enable(cpu, TIMER_PHYSICAL);
	}
}
