/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * From the boot loader to the first guest instruction. The first stage finds room at the top of the
 * memory and copies the image there; the second one, the same code at its new home, sets the machine
 * up, loads the guest below itself and starts every CPU.
 */
#include <libfdt.h>
#include <stdio.h>
#include <string.h>
#include "arch.h"
#include "boot.h"
#include "cold.h"
#include "cpu.h"
#include "direct.h"
#include "gic.h"
#include "its.h"
#include "mmu.h"
#include "pci.h"
#include "policy.h"
#include "psci.h"
#include "sched.h"
#include "smmu.h"
#include "vm.h"
#include "../common/console.h"
#include "../common/panic.h"
#include "../common/trace.h"

#define HOME_SIZE (16ul << 20)
#define ALIGN     (2ul << 20)

struct cpu *cpus[MAX_CPUS];
unsigned cpu_count;
static struct board board;
static struct options options;
static struct vms set;

static bool overlaps(uint64_t start, uint64_t size, uint64_t at, uint64_t length)
{
	return at < start + size && start < at + length;
}

/* The highest place that holds neither a module, nor the device tree, nor us as we are now. */
static uint64_t find_home(const void *dtb)
{
	const struct blob taken[] = {
		board.kernel,
		board.ramdisk,
		{ options.dtb, options.dtb ? ALIGN : 0 },
		{ (uint64_t)dtb, fdt_totalsize(dtb) },
		{ (uint64_t)text_start, (uint64_t)image_end - (uint64_t)text_start },
	};
	uint64_t home = (board.memory + board.memory_size - HOME_SIZE) & ~(ALIGN - 1);
	unsigned i = 0;

	while (i < sizeof(taken) / sizeof(taken[0])) {
		if (taken[i].size && overlaps(home, HOME_SIZE, taken[i].start, taken[i].size)) {
			home = (taken[i].start - HOME_SIZE) & ~(ALIGN - 1);
			i = 0;
		} else {
			i++;
		}
		if (home < board.memory || home >= board.memory + board.memory_size)
			panic("no room for the hypervisor in memory");
	}
	return home;
}

static void move_home(const void *dtb)
{
	uint64_t home = find_home(dtb);
	uint64_t entry = home + ((uint64_t)home_start - (uint64_t)text_start);

	early_map_memory(home, home + HOME_SIZE);
	memcpy((void *)home, text_start, (size_t)(data_end - text_start));
	cache_clean((void *)home, (void *)(home + HOME_SIZE));
	cache_clean(text_start, image_end);
	leave_for_home(dtb, home, HOME_SIZE, entry);
}

static void map_image(uint64_t home)
{
	uint64_t text = (uint64_t)text_start, rodata = (uint64_t)text_end;
	uint64_t data = (uint64_t)rodata_end, end = home + HOME_SIZE;
	unsigned i;

	el2_map(board.memory, home - board.memory, MAP_DATA);
	el2_map(text, rodata - text, MAP_CODE);
	el2_map(rodata, data - rodata, MAP_RODATA);
	el2_map_pages(data, end - data, MAP_DATA);
	if (end < board.memory + board.memory_size)
		el2_map(end, board.memory + board.memory_size - end, MAP_DATA);
	for (i = 0; i < GIC_FRAMES; i++) {
		if (board.gic[i].size)
			el2_map(board.gic[i].start, board.gic[i].size, MAP_DEVICE);
	}
	for (i = 0; i < board.its_count; i++)
		el2_map(board.its[i].start, GITS_FRAMES, MAP_DEVICE);
	if ((board.pci.ecam + PCI_BUS_SIZE) >> IPA_BITS) {
		print("carillon: PCI's configuration space is beyond %d bits: it is not used\n",
		      IPA_BITS);
		board.pci.ecam_size = 0;
	}
	if (board.pci.ecam_size)
		el2_map(board.pci.ecam, PCI_BUS_SIZE, MAP_DEVICE);
	if (board.smmu.size)
		el2_map(board.smmu.start, SMMU_FRAMES, MAP_DEVICE);
	el2_map(board.uart, 0x1000, MAP_DEVICE);
}

/* A CPU's block: a page that nobody may touch, its stack, its struct cpu. */
static void make_cpu(unsigned index, uint64_t mpidr)
{
	uint8_t *block = pages_alloc(BLOCK_SIZE);
	struct cpu *cpu = (struct cpu *)(block + BLOCK_SIZE - sizeof(struct cpu));

	el2_unmap_page((uint64_t)block);
	cpu->index = index;
	cpu->mpidr = mpidr;
	cpu->slice_end = cpu->tick = cpu->again = cpu->timer_deadline = ~0ul;
	cpu->trace = pages_alloc(sizeof(struct trace));
	cpus[index] = cpu;
}

/* The CPU that boots is number 0 of ours, as the guest expects of its own. */
static void make_cpus(void)
{
	uint64_t self = read_sysreg(mpidr_el1) & 0xff00ffffff;
	unsigned i;

	make_cpu(cpu_count++, self);
	for (i = 0; i < board.cpu_count; i++) {
		if (board.cpu[i] != self)
			make_cpu(cpu_count++, board.cpu[i]);
	}
}

static void start_others(void)
{
	unsigned i;

	for (i = 1; i < cpu_count; i++) {
		int64_t result;

		cache_clean(cpus[i], cpus[i] + 1);
		result = smc_call(PSCI_CPU_ON, cpus[i]->mpidr, (uint64_t)secondary_start,
				  (uint64_t)cpus[i]);
		if (result != PSCI_SUCCESS)
			panic("CPU 0x%lx does not start: PSCI error %ld", cpus[i]->mpidr,
			      (long)result);
		while (!__atomic_load_n(&cpus[i]->up, __ATOMIC_ACQUIRE))
			__asm__ volatile("yield");
	}
}

/* Event 8, instructions, at EL2 only: P, U, NSH (DDI 0487 D13.5.1). The guest has no PMU. */
static void bench_counter(void)
{
	write_sysreg(S3_3_C14_C12_0, 1ul << 31 | 1ul << 30 | 1ul << 27 | 8); /* PMEVTYPER0_EL0 */
	write_sysreg(pmcr_el0, read_sysreg(pmcr_el0) | 1);
	write_sysreg(pmcntenset_el0, 1);
	isb();
}

static void cpu_init(struct cpu *cpu)
{
	write_sysreg(tpidr_el2, cpu);
	write_sysreg(vbar_el2, gic->vectors);
	isb();
	gic->cpu_init(cpu, board.maintenance);
	stage2_enable();
	policy_setup();
	write_sysreg(vpidr_el2, read_sysreg(midr_el1));
	write_sysreg(cntvoff_el2, 0);
	write_sysreg(cnthctl_el2, 3); /* the physical counter and timer are the guest's */
	write_sysreg(cntv_ctl_el0, 0);
	write_sysreg(cntp_ctl_el0, 0);
	write_sysreg(cnthp_ctl_el2, 0);
	write_sysreg(mdscr_el1, 0);
	write_sysreg(oslar_el1, 0);
	if (options.bench)
		bench_counter();
	isb();
	gic->ppi_enable(cpu, TIMER_VIRTUAL);
	gic->ppi_enable(cpu, TIMER_PHYSICAL);
	gic->ppi_enable(cpu, TIMER_HYPERVISOR);
}

void cpu_secondary(struct cpu *cpu)
{
	cpu_init(cpu);
	__atomic_store_n(&cpu->up, true, __ATOMIC_RELEASE);
	cpu_home(cpu);
}

static const char *ram_size(const struct vm *vm, char *buffer, size_t size)
{
	snprintf(buffer, size, "%lu MB at 0x%lx", (unsigned long)(vm->ram_size >> 20), vm->ram);
	return buffer;
}

/* Devices that reach all of the machine's memory. */
static unsigned uncontained(const struct vm *vm)
{
	unsigned i, masters = board.pci.contained ? 0 : vm->description->pci_count;

	for (i = 0; i < vm->description->device_count; i++)
		masters += board.device[vm->description->device[i]].masters;
	return masters;
}

static void report_vm(const struct vm *vm)
{
	unsigned masters = uncontained(vm);
	char memory[40];

	print("carillon: %s: %u vCPUs, %s, %u devices passed through\n", vm->description->name,
	      vm->vcpus, ram_size(vm, memory, sizeof(memory)),
	      vm->description->device_count + vm->description->pci_count);
	if (masters)
		print("carillon: %s: DMA of %u of them is not contained: there is no SMMU in "
		      "front of them\n",
		      vm->description->name, masters);
}

/* Of VMs that are not apart. */
static void report_together(void)
{
	const char *before = "carillon: by DMA these VMs can read and write each other's memory: ";
	unsigned i, count = 0;

	for (i = 0; i < vm_count; i++)
		count += uncontained(vms[i]) != 0;
	for (i = 0; i < vm_count && count > 1; i++) {
		if (!uncontained(vms[i]))
			continue;
		print("%s%s", before, vms[i]->description->name);
		before = ", ";
	}
	if (count > 1)
		print("\n");
}

static void report(uint64_t home)
{
	unsigned i;

	print("carillon: %u CPUs, %s with %u list registers, home at 0x%lx, scheduler: %s\n",
	      cpu_count, gic->name, vms[0]->lrs, home, sched->name);
	if (board.pci.contained)
		print("carillon: DMA of PCI functions is contained: an SMMU is in front of them\n");
	for (i = 0; i < vm_count; i++)
		report_vm(vms[i]);
	report_together();
}

static void run_boot_cpu(struct cpu *cpu)
{
	unsigned i;

	cpu_init(cpu);
	cpu->up = true;
	start_others();
	smmu_listen();
	console_share(&board);
	if (vms[0]->reloadable || options.watchdog)
		tick_start(cpus[0]);
	for (i = 0; i < vm_count; i++)
		vm_start(vms[i]);
	cpu_home(cpu);
}

/* --- The guests. ------------------------------------------------------------------------------------ */

static void set_routes(void)
{
	routes[KICK_SGI].kind = ROUTE_KICK;
	routes[board.maintenance].kind = ROUTE_MAINTENANCE;
	routes[TIMER_HYPERVISOR].kind = ROUTE_TIMER;
	routes[TIMER_VIRTUAL] = (struct route){ .virq = TIMER_VIRTUAL, .kind = ROUTE_PRIVATE };
	routes[TIMER_PHYSICAL] = (struct route){ .virq = TIMER_PHYSICAL, .kind = ROUTE_PRIVATE };
}

/* One guest, by modules: it has the whole machine, each vCPU a CPU. */
static void one_guest(uint64_t end)
{
	struct vm_description *guest = &set.vm[0];
	unsigned i;

	if (!board.kernel.size)
		panic("there is no guest: neither a multiboot,kernel module nor an initrd");
	*guest = (struct vm_description){
		.name = "guest",
		.kernel = board.kernel,
		.ramdisk = board.ramdisk,
		.firmware = options.firmware,
		.identity = true,
		.load = options.load,
		.bootargs = board.bootargs,
		.weight = VM_WEIGHT,
		.console = CONSOLE_PASSED,
		.device_count = board.device_count,
		.sdei = options.sdei,
		.watchdog = options.watchdog,
	};
	guest->vcpus = options.cpus && options.cpus < cpu_count ? options.cpus : cpu_count;
	guest->cpus = ~0ul >> (64 - guest->vcpus);
	guest->ram = board.memory;
	guest->memory = (end & ~(ALIGN - 1)) - board.memory;
	if (options.mem && options.mem < guest->memory)
		guest->memory = options.mem & ~0xffful;
	if (options.dtb && fdt_check_header((void *)options.dtb) == 0)
		guest->dtb = (struct blob){ options.dtb, fdt_totalsize((void *)options.dtb) };
	else if (options.dtb)
		panic("the device tree at 0x%lx is none", options.dtb);
	for (i = 0; i < board.device_count; i++)
		guest->device[i] = (uint16_t)i;
	for (i = 0; i < board.pci.count; i++) {
		if (!board.pci.function[i].why)
			guest->pci[guest->pci_count++] = (uint16_t)i;
	}
	set.count = 1;
	set.policy = SCHED_PARTITIONED;
	vm_load(vm_create(guest, &board, &options, board.memory), &board, false, end);
}

/* What a boot loader left there is nobody's. */
static void clear(uint64_t start, uint64_t size)
{
	memset((void *)start, 0, size);
	cache_clean((void *)start, (void *)(start + size));
}

/* Those that live at their physical addresses are at the start of the memory, the others behind them. */
static void several_guests(uint64_t end)
{
	uint64_t blob = (end - board.kernel.size) & ~(ALIGN - 1), at = board.memory;
	char why[VMS_WHY];
	unsigned i;

	memmove((void *)blob, (void *)board.kernel.start, board.kernel.size);
	if (vms_read(&set, (void *)blob, board.kernel.size, &board, blob - board.memory, why,
		     sizeof(why)) != 0) {
		print("carillon: the VM description: %s\n", why);
		run_failed("the VM description is not right");
	}
	sched = set.policy == SCHED_PARTITIONED ? &sched_partitioned : &sched_shared;
	for (i = 0; i < set.count; i++) {
		if (set.vm[i].identity)
			at += set.vm[i].memory;
	}
	for (i = 0; i < set.count; i++) {
		const struct vm_description *one = &set.vm[i];
		uint64_t start = one->identity ? one->ram : at;

		if (!one->identity)
			at += one->memory;
		clear(start, one->memory);
		vm_load(vm_create(one, &board, &options, start), &board, true, blob);
	}
}

static void make_guests(uint64_t end)
{
	unsigned i;

	set_routes();
	vm_devices(&board);
	smmu_init(&board);
	pci_scan(&board);
	if (board.kernel.size && vms_recognise((void *)board.kernel.start, board.kernel.size))
		several_guests(end);
	else
		one_guest(end);
	for (i = 0; i < vm_count; i++)
		vm_connect(vms[i], &board);
}

static void at_home(const void *dtb, uint64_t home, uint64_t size)
{
	void *copy;

	pages_init((uint64_t)image_end, home + size);
	copy = pages_alloc(fdt_totalsize(dtb));
	memcpy(copy, dtb, fdt_totalsize(dtb));
	board_read(&board, &options, copy, home);
	map_image(home);
	make_cpus();
	mmu_switch(final_table);
	gic = board.gic_version == 2 ? &gicv2 : &gicv3;
	write_sysreg(vbar_el2, gic->vectors);
	write_sysreg(tpidr_el2, cpus[0]);
	isb();
	context_setup();
	gic->init(&board);
	its_init(&board);
	direct_init(&board);
	make_guests(home);
	el2_tables_finish();
	report(home);
	switch_stack(cpus[0], run_boot_cpu);
}

static void refuse_el1(const void *dtb)
{
	print("carillon: started at EL1, but a hypervisor runs at EL2. On QEMU's virt board, add "
	      "virtualization=on to the machine's options.\n");
	print("carillon: run ended: FAILED: not started at EL2\n");
	if (board_psci_is_smc(dtb))
		smc_call(PSCI_SYSTEM_OFF, 0, 0, 0);
	else
		hvc_call(PSCI_SYSTEM_OFF, 0, 0, 0);
	for (;;)
		wfi();
}

/* head.S, with the MMU on and a stack. `home` is 0 in the first stage. */
void boot_main(const void *dtb, uint64_t home, uint64_t size, unsigned el)
{
	if (fdt_check_header(dtb) != 0)
		machine_off(); /* and no device tree says where a message could go */
	console_init(board_uart(dtb));
	if (el != 2)
		refuse_el1(dtb);
	if (home)
		at_home(dtb, home, size);
	print("carillon %d.%d, interrupt virtualization\n", CARILLON_VERSION_MAJOR,
	      CARILLON_VERSION_MINOR);
	board_read(&board, &options, dtb, (uint64_t)text_start);
	move_home(dtb);
}
