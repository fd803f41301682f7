/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Descriptions of virtual machines: whether the parts of one VM go together, and all VMs on this
 * machine. docs/vm-description.md has the rules.
 */
#include <elf.h>
#include <libfdt.h>
#include <stdio.h>
#include <string.h>
#include "vms_internal.h"

static unsigned long in_mb(uint64_t size)
{
	return (unsigned long)((size + MB - 1) / MB);
}

/* --- Whether the payloads fit (where they go: monitor/arm64/load.c). ---------------------------- */

/* What a kernel takes, counted from the start of the VM's memory. */
static int image_end(struct reader *reader, const struct vm_description *vm, uint64_t *end)
{
	struct image_header header;
	uint64_t offset, room = vm->kernel.size;

	memcpy(&header, (const void *)(uintptr_t)vm->kernel.start, sizeof(header));
	offset = header.image_size ? header.text_offset : VM_FLAT_OFFSET;
	if (header.image_size > room)
		room = header.image_size;
	if (offset > SIZE_LIMIT || room > SIZE_LIMIT)
		return refuse(reader,
			      "kernel is an arm64 Image with a header that cannot be right; "
			      "take another file");
	if (offset < PAGE)
		offset += VM_MEMORY_ALIGN;
	*end = offset + room;
	return 0;
}

static int elf_part_end(struct reader *reader, const struct vm_description *vm,
			const Elf64_Phdr *part, uint64_t *end)
{
	uint64_t base = vm->ram;

	if (part->p_filesz > part->p_memsz || part->p_offset > vm->kernel.size ||
	    part->p_filesz > vm->kernel.size - part->p_offset)
		return refuse(reader,
			      "kernel is an ELF file that is cut short; take the whole of it");
	if (part->p_paddr < base || part->p_paddr - base > SIZE_LIMIT || part->p_memsz > SIZE_LIMIT)
		return refuse(reader,
			      "kernel is an ELF file with a part for 0x%lx that does not fit: the "
			      "VM's memory starts at 0x%lx; link it for there",
			      (unsigned long)part->p_paddr, (unsigned long)base);
	if (part->p_paddr - base + part->p_memsz > *end)
		*end = part->p_paddr - base + part->p_memsz;
	return 0;
}

static int elf_end(struct reader *reader, const struct vm_description *vm, uint64_t *end)
{
	const uint8_t *file = (const uint8_t *)(uintptr_t)vm->kernel.start;
	Elf64_Ehdr header;
	Elf64_Phdr part;
	unsigned i;

	memcpy(&header, file, sizeof(header));
	if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_machine != EM_AARCH64 ||
	    header.e_phentsize != sizeof(part) || header.e_phoff > vm->kernel.size ||
	    header.e_phnum * sizeof(part) > vm->kernel.size - header.e_phoff)
		return refuse(reader, "kernel is an ELF file, but not one for arm64; take another");
	*end = 0;
	for (i = 0; i < header.e_phnum; i++) {
		memcpy(&part, file + header.e_phoff + i * sizeof(part), sizeof(part));
		if (part.p_type == PT_LOAD && part.p_memsz &&
		    elf_part_end(reader, vm, &part, end) != 0)
			return -1;
	}
	return *end ? 0
		    : refuse(reader,
			     "kernel is an ELF file that has nothing to load; take another");
}

static int flat_end(struct reader *reader, const struct vm_description *vm, uint64_t *end)
{
	uint64_t base = vm->ram;
	uint64_t load = vm->load ? vm->load : base + VM_FLAT_OFFSET;

	if (load < base || load - base > SIZE_LIMIT)
		return refuse(reader,
			      "load = 0x%lx: give an address in the VM's memory, which "
			      "starts at 0x%lx",
			      (unsigned long)load, (unsigned long)base);
	*end = load - base + vm->kernel.size;
	return 0;
}

static int kernel_end(struct reader *reader, const struct vm_description *vm, uint64_t *end)
{
	const uint8_t *file = (const uint8_t *)(uintptr_t)vm->kernel.start;
	bool elf = vm->kernel.size >= sizeof(Elf64_Ehdr) && memcmp(file, ELFMAG, SELFMAG) == 0;
	bool image = vm->kernel.size >= sizeof(struct image_header) &&
		     fdt32_ld((const fdt32_t *)(file + offsetof(struct image_header, magic))) ==
			     cpu_to_fdt32(IMAGE_MAGIC);

	if (vm->load && (elf || image))
		return refuse(reader, "load is for flat binaries, and %s; leave it out",
			      elf ? "an ELF file says itself where it goes"
				  : "an Image goes where its header says");
	if (elf)
		return elf_end(reader, vm, end);
	return image ? image_end(reader, vm, end) : flat_end(reader, vm, end);
}

/*
 * Behind the kernel, but not before the middle of the memory or 128 MB, come initrd and device tree.
 * The least memory that is enough is either what they take together, or twice what is behind the
 * middle.
 */
static uint64_t least_memory(uint64_t end, uint64_t rest)
{
	uint64_t together = align_up(end, VM_MEMORY_ALIGN) + rest;
	uint64_t behind = rest < 128 * MB ? 2 * align_up(rest, VM_MEMORY_ALIGN) : 128 * MB + rest;

	return align_up(together > behind ? together : behind, VM_MEMORY_ALIGN);
}

static int kernel_needs(struct reader *reader, const struct vm_description *vm, uint64_t rest,
			uint64_t *needs)
{
	uint64_t end = 0;

	if (kernel_end(reader, vm, &end) != 0)
		return -1;
	*needs = least_memory(end, rest);
	return 0;
}

/* A firmware is cut off the end of the memory, and is at most half of it; the device tree is first. */
static int firmware_needs(struct reader *reader, const struct vm_description *vm, uint64_t ramdisk,
			  uint64_t *needs)
{
	uint64_t room = align_up(vm->kernel.size, VM_MEMORY_ALIGN);
	uint64_t beside = least_memory(VM_DTB_ROOM, ramdisk);

	if (vm->load)
		return refuse(reader,
			      "load is for flat binaries, and firmware starts at address 0; "
			      "leave it out");
	if (vm->ram != reader->board->memory)
		return refuse(reader,
			      "firmware looks for its device tree at 0x%lx, where the machine's "
			      "memory starts, and there another VM is, identity-mapped, too; "
			      "put this one before it, or take identity-mapped out of one of "
			      "the two",
			      (unsigned long)reader->board->memory);
	if (room > reader->board->memory)
		return refuse(reader,
			      "firmware has %luM, more than there is room for below the "
			      "VM's memory; take a smaller one",
			      in_mb(room));
	*needs = room + (room > beside ? room : beside);
	return 0;
}

int check_payloads(struct reader *reader, const struct vm_description *vm)
{
	uint64_t ramdisk = align_up(vm->ramdisk.size, VM_MEMORY_ALIGN);
	uint64_t needs = 0;
	int result;

	if (vm->dtb.size > VM_DTB_ROOM / 2)
		return refuse(reader,
			      "device-tree has %lu bytes, and at most %lu are allowed; make it "
			      "smaller",
			      (unsigned long)vm->dtb.size, VM_DTB_ROOM / 2);
	result = vm->firmware ? firmware_needs(reader, vm, ramdisk, &needs)
			      : kernel_needs(reader, vm, ramdisk + VM_DTB_ROOM, &needs);
	if (result != 0)
		return -1;
	if (vm->memory < needs)
		return refuse(reader,
			      "memory = %luM is too little for what has to be loaded; at "
			      "least %luM are needed",
			      in_mb(vm->memory), in_mb(needs));
	return 0;
}

/* --- Consoles and devices of one VM. ------------------------------------------------------------- */

bool description_has_device(const struct vm_description *vm, unsigned device)
{
	unsigned i;

	for (i = 0; i < vm->device_count; i++) {
		if (vm->device[i] == device)
			return true;
	}
	return false;
}

static int uart_device(const struct board *board)
{
	unsigned i;

	for (i = 0; i < board->device_count; i++) {
		if (board->device[i].start == board->uart)
			return i;
	}
	return -1;
}

/* The console's UART among the devices and console = "passed" mean each other. */
int settle_console(struct reader *reader, struct vm_description *vm, bool console_said)
{
	int uart = uart_device(reader->board);

	if (uart >= 0 && description_has_device(vm, uart)) {
		if (console_said && vm->console != CONSOLE_PASSED)
			return refuse(reader,
				      "devices: \"/%s\" is the console's UART: say console "
				      "= \"passed\", or take the device out",
				      reader->board->device[uart].name);
		vm->console = CONSOLE_PASSED;
	} else if (vm->console == CONSOLE_PASSED) {
		if (uart < 0)
			return refuse(reader, "console = \"passed\": this machine has no UART to "
					      "pass; \"emulated\" or \"none\" is allowed");
		vm->device[vm->device_count++] = (uint16_t)uart;
	}
	return 0;
}

/* --- All VMs together. -------------------------------------------------------------------------- */

int check_memory(struct reader *reader, uint64_t left)
{
	unsigned i;

	for (i = 0; i < reader->vms->count; i++) {
		const struct vm_description *vm = &reader->vms->vm[i];

		reader->node = vm->name;
		if (vm->memory > left)
			return refuse(reader,
				      "memory = %luM: only %luM are left; lower it or give "
				      "the machine more (MEM=)",
				      in_mb(vm->memory), (unsigned long)(left / MB));
		left -= vm->memory;
	}
	return 0;
}

/* Stage 2 gives away whole pages. */
static bool share_page(const struct board_device *a, const struct board_device *b)
{
	return a->start < align_up(b->start + b->size, PAGE) &&
	       b->start < align_up(a->start + a->size, PAGE);
}

/* With a device comes what is in its pages, so for all of them the VM has to be fit. */
static int check_page(struct reader *reader, const struct vm_description *vm,
		      const struct board_device *device)
{
	const struct board *board = reader->board;
	unsigned i;

	for (i = 0; i < board->device_count; i++) {
		const struct board_device *other = &board->device[i];

		if (!share_page(device, other))
			continue;
		if (other->masters && !vm->identity)
			return refuse(reader,
				      "devices: \"/%s\" %s DMA, for which the VM has to be "
				      "identity-mapped; make it so, or take the device out",
				      device->name,
				      device->masters ? "does" : "is in a page with one that does");
		if (other->start == board->uart && !description_has_device(vm, i))
			return refuse(reader,
				      "devices: \"/%s\" is in a page with the console's UART, "
				      "which the VM does not have; take it out",
				      device->name);
	}
	return 0;
}

static int check_apart(struct reader *reader, const struct board_device *device,
		       const struct vm_description *other)
{
	unsigned i;

	for (i = 0; i < other->device_count; i++) {
		const struct board_device *theirs = &reader->board->device[other->device[i]];

		if (theirs == device)
			return refuse(reader,
				      "devices: \"/%s\" is /%s's already; take it out of one "
				      "of the two",
				      device->name, other->name);
		if (share_page(theirs, device))
			return refuse(reader,
				      "devices: \"/%s\" is in a page with \"/%s\", which is "
				      "/%s's; both have to be in the same VM",
				      device->name, theirs->name, other->name);
	}
	return 0;
}

int check_devices(struct reader *reader)
{
	unsigned i, j, k;

	for (i = 0; i < reader->vms->count; i++) {
		const struct vm_description *vm = &reader->vms->vm[i];

		reader->node = vm->name;
		for (j = 0; j < vm->device_count; j++) {
			const struct board_device *device = &reader->board->device[vm->device[j]];

			if (check_page(reader, vm, device) != 0)
				return -1;
			for (k = 0; k < i; k++) {
				if (check_apart(reader, device, &reader->vms->vm[k]) != 0)
					return -1;
			}
		}
	}
	return 0;
}

/* For messages. */
static void name_pci(char name[8], unsigned rid)
{
	snprintf(name, 8, "%02x:%02x.%x", rid >> 8 & 0xff, rid >> 3 & 0x1f, rid & 7);
}

static bool description_has_pci(const struct vm_description *vm, unsigned index)
{
	unsigned i;

	for (i = 0; i < vm->pci_count; i++) {
		if (vm->pci[i] == index)
			return true;
	}
	return false;
}

/* A function that is not number 0 is found by way of that one. */
static bool lacks_first(const struct board *board, const struct vm_description *vm, unsigned rid)
{
	unsigned i;

	if (!(rid & 7))
		return false;
	for (i = 0; i < board->pci.count; i++) {
		if (board->pci.function[i].rid == (rid & ~7u))
			return !description_has_pci(vm, i);
	}
	return true;
}

static int check_function(struct reader *reader, const struct vm_description *vm, unsigned index,
			  unsigned before)
{
	unsigned rid = reader->board->pci.function[index].rid, i;
	char name[8];

	name_pci(name, rid);
	for (i = 0; i < before; i++) {
		if (description_has_pci(&reader->vms->vm[i], index))
			return refuse(reader,
				      "pci: \"%s\" is /%s's already; take it out of one of the two",
				      name, reader->vms->vm[i].name);
	}
	if (!vm->identity && !reader->board->pci.contained)
		return refuse(reader,
			      "pci: \"%s\" does DMA, for which the VM has to be "
			      "identity-mapped; make it so, or take the function out",
			      name);
	if (lacks_first(reader->board, vm, rid))
		return refuse(reader,
			      "pci: \"%s\" is of a device whose function 0 the VM does not "
			      "have, and could not be found; add that one, or take this one out",
			      name);
	return 0;
}

int check_pci(struct reader *reader)
{
	unsigned i, j;

	for (i = 0; i < reader->vms->count; i++) {
		const struct vm_description *vm = &reader->vms->vm[i];

		reader->node = vm->name;
		for (j = 0; j < vm->pci_count; j++) {
			if (check_function(reader, vm, vm->pci[j], i) != 0)
				return -1;
		}
	}
	return 0;
}

int check_consoles(struct reader *reader)
{
	const struct vm_description *owner = NULL;
	unsigned i;

	for (i = 0; i < reader->vms->count; i++) {
		if (reader->vms->vm[i].console == CONSOLE_PASSED)
			owner = &reader->vms->vm[i];
	}
	for (i = 0; i < reader->vms->count && owner; i++) {
		reader->node = reader->vms->vm[i].name;
		if (reader->vms->vm[i].console == CONSOLE_EMULATED)
			return refuse(reader,
				      "console = \"emulated\" (the default) needs the UART, "
				      "which is /%s's; say console = \"none\"",
				      owner->name);
	}
	return 0;
}

/* --- A CPU for each vCPU. ----------------------------------------------------------------------- */

/* Who has a CPU, and how the search for one came to it. */
struct seat {
	int owner; /* a VM, or -1 */
	unsigned taker;
};

/* From a free CPU back to the VM that wants one: each on the way takes what the next one gives up. */
static void hand_over(struct seat *seats, const int *gives_up, unsigned cpu)
{
	for (;;) {
		unsigned taker = seats[cpu].taker;

		seats[cpu].owner = (int)taker;
		if (gives_up[taker] < 0)
			return;
		cpu = (unsigned)gives_up[taker];
	}
}

/* One more CPU for a VM, if need be by others' moving over: the shortest way, breadth first. */
static bool find_seat(const struct vms *vms, struct seat *seats, unsigned cpus, unsigned wants)
{
	int gives_up[VMS_MAX];
	unsigned queue[VMS_MAX] = { wants }, head, tail = 1, cpu;
	uint64_t looked_at = 0;
	uint32_t queued = 1u << wants;

	gives_up[wants] = -1;
	for (head = 0; head < tail; head++) {
		for (cpu = 0; cpu < cpus; cpu++) {
			int owner = seats[cpu].owner;

			if (!(vms->vm[queue[head]].cpus & ~looked_at & 1ul << cpu))
				continue;
			looked_at |= 1ul << cpu;
			seats[cpu].taker = queue[head];
			if (owner < 0) {
				hand_over(seats, gives_up, cpu);
				return true;
			}
			if (queued >> owner & 1)
				continue;
			queued |= 1u << owner;
			gives_up[owner] = (int)cpu;
			queue[tail++] = (unsigned)owner;
		}
	}
	return false;
}

static int partition(struct reader *reader)
{
	struct vms *vms = reader->vms;
	struct seat seats[BOARD_CPUS];
	unsigned cpus = reader->board->cpu_count, i, vcpu;

	for (i = 0; i < cpus; i++)
		seats[i].owner = -1;
	for (i = 0; i < vms->count; i++) {
		reader->node = vms->vm[i].name;
		for (vcpu = 0; vcpu < vms->vm[i].vcpus; vcpu++) {
			if (!find_seat(vms, seats, cpus, i))
				return refuse(reader,
					      "vcpus = %u: scheduler = \"partitioned\" has a "
					      "physical CPU for each vCPU, and not enough "
					      "are left of those that it may run on; lower "
					      "vcpus, widen cpus, give the machine more "
					      "CPUs, or say scheduler = \"shared\"",
					      vms->vm[i].vcpus);
		}
	}
	for (i = 0; i < vms->count; i++)
		vms->vm[i].cpus = 0;
	for (i = 0; i < cpus; i++) {
		if (seats[i].owner >= 0)
			vms->vm[seats[i].owner].cpus |= 1ul << i;
	}
	return 0;
}

int check_vcpus(struct reader *reader)
{
	unsigned sum = 0, i;

	for (i = 0; i < reader->vms->count; i++) {
		reader->node = reader->vms->vm[i].name;
		sum += reader->vms->vm[i].vcpus;
		if (sum > VMS_VCPUS)
			return refuse(reader,
				      "vcpus = %u: with these there are %u, and all VMs "
				      "together may have %u; lower it",
				      reader->vms->vm[i].vcpus, sum, VMS_VCPUS);
	}
	return reader->vms->policy == SCHED_PARTITIONED ? partition(reader) : 0;
}
