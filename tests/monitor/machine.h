/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The machine that the test descriptions are for, and what holds for whatever vms_read() accepts
 * (docs/vm-description.md).
 */
#ifndef TESTS_MONITOR_MACHINE_H
#define TESTS_MONITOR_MACHINE_H

#include <string.h>
#include "vms.h"

#define MEMORY_FREE (960ul << 20)

enum {
	TIMER_BELOW,
	UART,
	WATCHDOG,
	RTC,
	VIRTIO_0,
	VIRTIO_1,
	GPIO,
	DMA,
	TIMER_0,
	TIMER_1,
	TIMER_ABOVE,
	DEVICES
};

enum { PCI_00_0, PCI_01_0, PCI_02_0, PCI_03_0, PCI_03_1, PCI_04_0, PCI_FUNCTIONS };

/* QEMU's virt, with some more devices in one page: one beside the UART, one beside a DMA engine. */
static const struct board machine = {
	.memory = 0x40000000,
	.memory_size = 1ul << 30,
	.gic_version = 3,
	.uart = 0x9000000,
	.cpu_count = 4,
	.cpu = { 0, 1, 2, 3 },
	.device_count = DEVICES,
	.device = {
		[TIMER_BELOW] = { "timer@900f000", 0x900f000, 0x1000, 45, false, false },
		[UART] = { "pl011@9000000", 0x9000000, 0x200, 33, false, false },
		[WATCHDOG] = { "watchdog@9000800", 0x9000800, 0x100, 40, false, false },
		[RTC] = { "pl031@9010000", 0x9010000, 0x1000, 34, false, false },
		[VIRTIO_0] = { "virtio_mmio@a000000", 0xa000000, 0x200, 48, true, true },
		[VIRTIO_1] = { "virtio_mmio@a000200", 0xa000200, 0x200, 49, true, true },
		[GPIO] = { "gpio@b000000", 0xb000000, 0x100, 41, false, false },
		[DMA] = { "dma@b000f00", 0xb000f00, 0x100, 42, false, true },
		[TIMER_0] = { "timer@c000000", 0xc000000, 0x100, 43, false, false },
		[TIMER_1] = { "timer@c000100", 0xc000100, 0x100, 44, false, false },
		[TIMER_ABOVE] = { "timer@9011000", 0x9011000, 0x1000, 46, false, false },
	},
	.pci = {
		.ecam = 0x4010000000,
		.ecam_size = 0x10000000,
		.count = PCI_FUNCTIONS,
		.function = {
			[PCI_00_0] = { 0x00, "it is the host bridge" },
			[PCI_01_0] = { 0x08, NULL },
			[PCI_02_0] = { 0x10, NULL },
			[PCI_03_0] = { 0x18, NULL },
			[PCI_03_1] = { 0x19, NULL },
			[PCI_04_0] = { 0x20, "it is a bridge" },
		},
	},
};

/* NULL, or what is wrong with it. */
static inline const char *payload_wrong(const struct blob *payload, const void *blob, size_t size)
{
	uint64_t start = (uint64_t)(uintptr_t)blob;

	if (payload->size && (payload->start < start || payload->size > size ||
			      payload->start - start > size - payload->size))
		return "a payload outside the blob";
	return NULL;
}

static inline const char *vm_wrong(const struct vm_description *vm, const struct board *board,
				   const void *blob, size_t size)
{
	unsigned i;

	if (strlen(vm->name) < 1 || strlen(vm->name) > VM_NAME_LENGTH)
		return "a name's length";
	if (payload_wrong(&vm->kernel, blob, size) || payload_wrong(&vm->ramdisk, blob, size) ||
	    payload_wrong(&vm->dtb, blob, size))
		return "a payload outside the blob";
	if (!vm->kernel.size || vm->kernel.size + vm->ramdisk.size + vm->dtb.size > vm->memory)
		return "payloads larger than the memory";
	if (vm->memory % VM_MEMORY_ALIGN)
		return "memory's alignment";
	if (vm->bootargs && strlen(vm->bootargs) > VM_BOOTARGS)
		return "bootargs' length";
	if (vm->vcpus < 1 || vm->vcpus > VM_VCPUS || vm->weight < 1 || vm->weight > VM_WEIGHT_MAX)
		return "a number out of its bounds";
	if (!vm->cpus || vm->cpus >> board->cpu_count || vm->console > CONSOLE_NONE)
		return "CPUs or the console";
	if (vm->device_count > board->device_count)
		return "more devices than there are";
	for (i = 0; i < vm->device_count; i++) {
		if (vm->device[i] >= board->device_count)
			return "a device that is none";
		if (board->device[vm->device[i]].masters && !vm->identity)
			return "DMA without identity mapping";
	}
	if (vm->pci_count > board->pci.count ||
	    (vm->pci_count && !vm->identity && !board->pci.contained))
		return "PCI functions";
	if (vm->software_messages && !vm->pci_count)
		return "messages of no PCI function";
	for (i = 0; i < vm->pci_count; i++) {
		if (vm->pci[i] >= board->pci.count || board->pci.function[vm->pci[i]].why)
			return "a PCI function that cannot be had";
	}
	return NULL;
}

static inline const char *vms_wrong(const struct vms *vms, const struct board *board,
				    uint64_t memory_free, const void *blob, size_t size)
{
	uint64_t sum = 0, cpus = 0, devices = 0, functions = 0;
	uint64_t identity_end = board->memory;
	unsigned vcpus = 0, i, j;

	if (vms->count < 1 || vms->count > VMS_MAX)
		return "the count of VMs";
	for (i = 0; i < vms->count; i++) {
		const struct vm_description *vm = &vms->vm[i];
		const char *wrong = vm_wrong(vm, board, blob, size);

		if (wrong)
			return wrong;
		sum += vm->memory;
		vcpus += vm->vcpus;
		if (vm->ram != (vm->identity ? identity_end : board->memory))
			return "where memory starts";
		identity_end += vm->identity ? vm->memory : 0;
		if (vm->firmware && vm->ram != board->memory)
			return "firmware whose memory starts elsewhere";
		for (j = 0; j < vm->device_count; j++) {
			if (devices >> vm->device[j] & 1)
				return "a device twice";
			devices |= 1ul << vm->device[j];
		}
		for (j = 0; j < vm->pci_count; j++) {
			if (functions >> vm->pci[j] & 1)
				return "a PCI function twice";
			functions |= 1ul << vm->pci[j];
		}
		if (vms->policy != SCHED_PARTITIONED)
			continue;
		if ((unsigned)__builtin_popcountl(vm->cpus) != vm->vcpus || (cpus & vm->cpus))
			return "partitioned, and not a CPU for each vCPU";
		cpus |= vm->cpus;
	}
	if (sum > memory_free || vcpus > VMS_VCPUS)
		return "a sum";
	return NULL;
}

#endif
