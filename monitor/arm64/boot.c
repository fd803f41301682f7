/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * From the boot loader to the first guest instruction. The first stage finds room at the top of the
 * memory and copies the image there; the second one, the same code at its new home, sets the machine
 * up, loads the guest below itself and starts every CPU.
 */
#include <libfdt.h>
#include <string.h>
#include "arch.h"
#include "boot.h"
#include "cpu.h"
#include "gic.h"
#include "mmu.h"
#include "psci.h"
#include "vm.h"
#include "../common/console.h"
#include "../common/panic.h"
#include "../common/trace.h"

#define HOME_SIZE (6ul << 20)
#define ALIGN     (2ul << 20)

struct cpu *cpus[MAX_CPUS];
unsigned cpu_count;
static struct board board;
static struct options options;

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
	el2_map(data, end - data, MAP_DATA);
	if (end < board.memory + board.memory_size)
		el2_map(end, board.memory + board.memory_size - end, MAP_DATA);
	for (i = 0; i < GIC_FRAMES; i++) {
		if (board.gic[i].size)
			el2_map(board.gic[i].start, board.gic[i].size, MAP_DEVICE);
	}
	el2_map(board.uart, 0x1000, MAP_DEVICE);
}

/* A CPU's block: a page that nobody may touch, its stack, its struct cpu. */
static void make_cpu(unsigned index, uint64_t mpidr)
{
	uint8_t *block = pages_alloc(CPU_BLOCK_SIZE);
	struct cpu *cpu = (struct cpu *)(block + CPU_BLOCK_SIZE - sizeof(struct cpu));

	el2_unmap_page((uint64_t)block);
	cpu->index = index;
	cpu->mpidr = mpidr;
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

static void cpu_init(struct cpu *cpu)
{
	write_sysreg(tpidr_el2, cpu);
	write_sysreg(vbar_el2, gic->vectors);
	isb();
	gic->cpu_init(cpu, board.maintenance);
	stage2_enable();
	vcpu_setup(cpu);
}

void cpu_secondary(struct cpu *cpu)
{
	cpu_init(cpu);
	__atomic_store_n(&cpu->up, true, __ATOMIC_RELEASE);
	gic->run(cpu);
}

static void report(uint64_t home)
{
	unsigned i, masters = 0;

	print("carillon: %u CPUs, %s with %u list registers, home at 0x%lx\n", cpu_count, gic->name,
	      vm.lrs, home);
	print("carillon: guest: %u vCPUs, %lu MB at 0x%lx, %u devices passed through\n", vm.vcpus,
	      (unsigned long)(vm.ram_size >> 20), vm.ram, board.device_count);
	for (i = 0; i < board.device_count; i++)
		masters += board.device[i].masters;
	if (masters)
		print("carillon: DMA of %u of them is not contained: this machine has no SMMU in front "
		      "of them\n",
		      masters);
}

static void run_boot_cpu(struct cpu *cpu)
{
	cpu_init(cpu);
	cpu->up = true;
	start_others();
	__atomic_store_n(&vm.vcpu[0].power, POWER_PENDING, __ATOMIC_RELEASE);
	gic->run(cpu);
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
	gic->init(&board);
	vm_create(&board, &options);
	vm_load(&board, &options, home);
	vm_connect(&board);
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
