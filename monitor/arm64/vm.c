/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Making a virtual machine at boot: its interrupt controller, vCPUs, stage 2, and the physical
 * interrupts that are its (policy.c has the table of what traps). life.c has its life.
 */
#include <string.h>
#include "arch.h"
#include "direct.h"
#include "gic.h"
#include "mmu.h"
#include "pci.h"
#include "policy.h"
#include "sched.h"
#include "vm.h"
#include "../common/console.h"
#include "../common/panic.h"

#define BENCH_DEVICE 0x0b000000ul

struct vm *vms[VMS_MAX];
unsigned vm_count;
struct route routes[1024];

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

static void make_vgic(struct vm *vm, const struct board *board)
{
	struct vgic_config config = {
		.vcpus = vm->vcpus,
		.spis = spis_needed(board),
		.cluster_bits = 4,
	};
	const char *why = "no reason given";
	size_t size;
	int result;

	gic->describe(&config);
	if (vm->its != NO_DEVICE)
		config.lpi_bits = VM_LPI_BITS;
	vm->lrs = config.lrs;
	vm->preemption = config.preemption_bits;
	if (vgic_check(&config, &why) != 0)
		panic("the virtual GIC of %s: %s", vm->description->name, why);
	size = vgic_size(&config);
	result = vgic_init(&vm->vgic, pages_alloc(size), size, &config, gic->port, vm);
	if (result != 0)
		panic("vgic_init: error %d", result);
}

/* A DeviceID is a PCI requester's; with a collection for each vCPU there is room for more. */
static void make_vits(struct vm *vm)
{
	struct vits_config config = {
		.device_bits = 16,
		.event_bits = 16,
		.collection_bits = 8,
		.cache_bits = 10,
		.routes = direct_possible() ? pci_messages(vm->description) : 0,
	};
	size_t size = vits_size(&config);
	int result;

	if (vm->its == NO_DEVICE)
		return;
	result =
		vits_init(&vm->vits, pages_alloc(size), size, &config, vm->vgic, gic->its_port, vm);
	if (result != 0)
		panic("vits_init: error %d", result);
	if (config.routes)
		direct_create(vm, config.routes);
}

/* Of those CPUs that the VM may use, the next one: a place to start from, or its own for good. */
static struct cpu *next_cpu(uint64_t *left, uint64_t allowed)
{
	unsigned index;

	if (!*left)
		*left = allowed;
	index = (unsigned)__builtin_ctzl(*left);
	*left &= *left - 1;
	return cpus[index];
}

static void make_vcpus(struct vm *vm)
{
	uint64_t left = 0, allowed = vm->description->cpus;
	unsigned i;

	for (i = 0; i < vm->vcpus; i++) {
		uint8_t *block = pages_alloc(BLOCK_SIZE);
		struct vcpu *vcpu = (struct vcpu *)(block + BLOCK_SIZE - sizeof(struct vcpu));

		el2_unmap_page((uint64_t)block);
		vcpu->vm = vm;
		vcpu->index = i;
		vcpu->mpidr = vgic_mpidr(vm->vgic, i) | 1ul << 31;
		vcpu->allowed = allowed;
		vcpu->weight = vm->description->weight;
		vcpu->preemption = (uint8_t)vm->preemption;
		vcpu->home = vcpu->cpu = next_cpu(&left, allowed);
		vm->vcpu[i] = vcpu;
	}
}

struct vm *vm_create(const struct vm_description *description, const struct board *board,
		     const struct options *options, uint64_t at)
{
	struct vm *vm = pages_alloc(sizeof(*vm));

	vm->description = description;
	vm->index = vm_count;
	vm->vcpus = description->vcpus;
	vm->bench = options->bench ? BENCH_DEVICE : NO_DEVICE;
	vm->uart = description->console == CONSOLE_EMULATED ? board->uart : NO_DEVICE;
	vm->ram = description->ram;
	vm->ram_size = description->memory;
	vm->ram_at = at;
	vm->stage2 = stage2_make();
	vm->vttbr = stage2_base(vm->stage2, vm->index + 1);
	vm->its = NO_DEVICE;
	gic->frames(vm, board);
	make_vgic(vm, board);
	make_vits(vm);
	sdei_create(vm);
	make_vcpus(vm);
	vm->log.name = description->name;
	pci_connect(vm, board);
	vms[vm_count++] = vm;
	return vm;
}

bool vm_has_device(const struct vm *vm, const struct board *board, const char *name)
{
	unsigned i;

	for (i = 0; i < vm->description->device_count; i++) {
		if (strcmp(board->device[vm->description->device[i]].name, name) == 0)
			return true;
	}
	return false;
}

/* A physical interrupt that is the guest's under its own number. */
static void map_interrupt(struct vm *vm, unsigned vcpu, unsigned intid, bool edge)
{
	unsigned how = gic->hwirq_flags() | (edge ? 0 : VGIC_HWIRQ_LEVEL);

	if (vgic_map_hwirq(vm->vgic, vcpu, intid, (struct hwirq){ (uint16_t)intid }, how) != 0)
		panic("interrupt %u cannot be mapped", intid);
}

static void map_timers(struct vm *vm)
{
	unsigned vcpu;

	for (vcpu = 0; vcpu < vm->vcpus; vcpu++) {
		map_interrupt(vm, vcpu, TIMER_VIRTUAL, false);
		map_interrupt(vm, vcpu, TIMER_PHYSICAL, false);
	}
}

void vm_connect(struct vm *vm, const struct board *board)
{
	unsigned i;

	stage2_map(vm->stage2, vm->ram, vm->ram_at, vm->ram_size, MAP_CODE);
	map_timers(vm);
	vm->saved.size = vm_save_size(vm);
	vm->saved.start = vm->reloadable ? (uint64_t)pages_alloc(vm->saved.size) : 0;
	for (i = 0; i < vm->description->device_count; i++) {
		const struct board_device *device = &board->device[vm->description->device[i]];
		bool first = device->intid >= 32 && routes[device->intid].kind == ROUTE_NONE;

		/* Page by page: neighbours in one page (virtio-mmio) come several times. */
		stage2_map(vm->stage2, device->start, device->start, device->size, MAP_DEVICE);
		if (!first)
			continue;
		map_interrupt(vm, 0, device->intid, device->edge);
		routes[device->intid] = (struct route){
			.vm = vm,
			.virq = device->intid,
			.kind = device->edge ? ROUTE_EDGE : ROUTE_LEVEL,
		};
	}
	pci_contain(vm, board);
}
