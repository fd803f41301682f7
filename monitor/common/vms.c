/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Reading a description of virtual machines (docs/vm-description.md), which may be wrong in any way:
 * first the blob as a whole (Devicetree Specification 0.4, chapter 5), then each property for itself,
 * each VM, and last what the VMs ask for together.
 */
#include <elf.h>
#include <libfdt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "vms.h"

#define MB          0x100000ul
#define SIZE_LIMIT  (1ul << 48) /* no machine has more, and sums of a few of them fit in 64 bits */
#define PAGE        0x1000ul
#define NAME_SHOWN  48 /* characters of a name that is wrong */
#define DTB_VERSION 17

/* Where the reader is, for its messages. */
struct reader {
	struct vms *vms;
	const struct board *board;
	const char *node; /* "": the root */
	const char *property;
	char *why;
	size_t why_size;
};

/* What a property says. */
struct value {
	const uint8_t *bytes;
	unsigned length;
};

/* --- Messages. ---------------------------------------------------------------------------------- */

/* Text of the blob's may stand in it, and goes to a terminal. */
static void make_printable(char *text)
{
	for (; *text; text++) {
		if (*text < ' ' || *text > '~')
			*text = '?';
	}
}

__attribute__((format(printf, 2, 3))) static int refuse(struct reader *reader, const char *format,
							...)
{
	va_list arguments;
	int length = snprintf(reader->why, reader->why_size, "/%.*s: ", NAME_SHOWN, reader->node);

	if (length < 0 || (size_t)length >= reader->why_size)
		length = 0;
	va_start(arguments, format);
	vsnprintf(reader->why + length, reader->why_size - length, format, arguments);
	va_end(arguments);
	make_printable(reader->why);
	return -1;
}

static unsigned long in_mb(uint64_t size)
{
	return (unsigned long)((size + MB - 1) / MB);
}

/* --- Values. ------------------------------------------------------------------------------------ */

static uint64_t align_up(uint64_t value, uint64_t to)
{
	return (value + to - 1) & ~(to - 1);
}

/* One NUL, at the end. */
static bool is_text(const struct value *value)
{
	return value->length && !memchr(value->bytes, 0, value->length - 1) &&
	       !value->bytes[value->length - 1];
}

static int read_text(struct reader *reader, const struct value *value, const char **text)
{
	if (!is_text(value))
		return refuse(reader, "%s has to be one string in quotes", reader->property);
	*text = (const char *)value->bytes;
	return 0;
}

static uint32_t cell(const struct value *value, unsigned index)
{
	return fdt32_ld((const fdt32_t *)(value->bytes + 4 * index));
}

/* One or two cells. */
static bool is_number(const struct value *value)
{
	return value->length == 4 || value->length == 8;
}

static uint64_t number(const struct value *value)
{
	if (value->length == 4)
		return cell(value, 0);
	return (uint64_t)cell(value, 0) << 32 | cell(value, 1);
}

static int read_count(struct reader *reader, const struct value *value, unsigned limit,
		      unsigned *count)
{
	if (value->length != 4)
		return refuse(reader, "%s has to be one number from 1 to %u, for instance <1>",
			      reader->property, limit);
	*count = cell(value, 0);
	if (*count < 1 || *count > limit)
		return refuse(reader, "%s = %u: a number from 1 to %u is allowed", reader->property,
			      *count, limit);
	return 0;
}

/* "256M": digits, then K, M, G or nothing. 0: it is no size. */
static uint64_t size_of_text(const char *text)
{
	uint64_t size = 0;

	for (; *text >= '0' && *text <= '9'; text++) {
		size = size * 10 + (unsigned)(*text - '0');
		if (size >= SIZE_LIMIT)
			return 0;
	}
	switch (*text) {
	case 'g':
	case 'G':
		size = size < SIZE_LIMIT >> 30 ? size << 30 : 0;
		text++;
		break;
	case 'm':
	case 'M':
		size = size < SIZE_LIMIT >> 20 ? size << 20 : 0;
		text++;
		break;
	case 'k':
	case 'K':
		size = size < SIZE_LIMIT >> 10 ? size << 10 : 0;
		text++;
		break;
	default:
		break;
	}
	return *text ? 0 : size;
}

static int read_payload(struct reader *reader, const struct value *value, struct blob *blob)
{
	if (!value->length)
		return refuse(reader, "%s is empty; give it a file: /incbin/(\"...\")",
			      reader->property);
	*blob = (struct blob){ (uint64_t)(uintptr_t)value->bytes, value->length };
	return 0;
}

/* --- Properties of a VM. ------------------------------------------------------------------------ */

static int read_kernel(struct reader *reader, const struct value *value, struct vm_description *vm)
{
	if (vm->kernel.size)
		return refuse(reader, "kernel and firmware exclude each other; give one of them");
	return read_payload(reader, value, &vm->kernel);
}

static int read_firmware(struct reader *reader, const struct value *value,
			 struct vm_description *vm)
{
	vm->firmware = true;
	return read_kernel(reader, value, vm);
}

static int read_initrd(struct reader *reader, const struct value *value, struct vm_description *vm)
{
	return read_payload(reader, value, &vm->ramdisk);
}

/* Only its size: it is opened where it is going to be, for here it may be badly aligned. */
static int read_device_tree(struct reader *reader, const struct value *value,
			    struct vm_description *vm)
{
	if (value->length < sizeof(struct fdt_header) || cell(value, 0) != FDT_MAGIC)
		return refuse(reader, "device-tree is no compiled device tree; make one with dtc");
	if (cell(value, 1) > value->length)
		return refuse(reader, "device-tree is cut short: it has %u bytes of %u",
			      value->length, cell(value, 1));
	return read_payload(reader, value, &vm->dtb);
}

static int read_load(struct reader *reader, const struct value *value, struct vm_description *vm)
{
	if (!is_number(value))
		return refuse(reader, "load has to be one address, for instance <0x0 0x40080000>");
	vm->load = number(value);
	if (!vm->load)
		return refuse(reader, "load = 0: there is no memory; leave it out, or give an "
				      "address in the VM's memory");
	return 0;
}

static int read_bootargs(struct reader *reader, const struct value *value,
			 struct vm_description *vm)
{
	if (value->length > VM_BOOTARGS + 1)
		return refuse(reader, "bootargs has more than %u characters", VM_BOOTARGS);
	return read_text(reader, value, &vm->bootargs);
}

static int read_vcpus(struct reader *reader, const struct value *value, struct vm_description *vm)
{
	unsigned limit = reader->board->gic_version == 2 ? VM_VCPUS_GICV2 : VM_VCPUS;

	return read_count(reader, value, limit, &vm->vcpus);
}

/*
 * Text and cells are told apart by the bytes: a multiple of 2 MB has two zeros at its end, and text
 * has one.
 */
static int read_memory(struct reader *reader, const struct value *value, struct vm_description *vm)
{
	if (is_text(value))
		vm->memory = size_of_text((const char *)value->bytes);
	else if (is_number(value) && number(value) < SIZE_LIMIT)
		vm->memory = number(value);
	if (!vm->memory)
		return refuse(reader, "memory has to be a size, for instance \"256M\" or "
				      "<0x0 0x10000000>, and not 0");
	vm->memory = align_up(vm->memory, VM_MEMORY_ALIGN);
	return 0;
}

static int read_cpus(struct reader *reader, const struct value *value, struct vm_description *vm)
{
	unsigned i;

	if (!value->length || value->length % 4)
		return refuse(reader, "cpus has to be a list of physical CPUs, for instance <0 1>; "
				      "leave it out for all of them");
	vm->cpus = 0;
	for (i = 0; i < value->length / 4; i++) {
		uint32_t cpu = cell(value, i);

		if (cpu >= reader->board->cpu_count)
			return refuse(reader,
				      "cpus: there is no CPU %u: this machine has CPUs 0 to "
				      "%u (CPUS= gives it more)",
				      cpu, reader->board->cpu_count - 1);
		if (vm->cpus >> cpu & 1)
			return refuse(reader, "cpus: CPU %u stands there twice", cpu);
		vm->cpus |= 1ul << cpu;
	}
	return 0;
}

static int read_weight(struct reader *reader, const struct value *value, struct vm_description *vm)
{
	return read_count(reader, value, VM_WEIGHT_MAX, &vm->weight);
}

static bool has_device(const struct vm_description *vm, unsigned device)
{
	unsigned i;

	for (i = 0; i < vm->device_count; i++) {
		if (vm->device[i] == device)
			return true;
	}
	return false;
}

static int find_device(const struct board *board, const char *path)
{
	unsigned i;

	for (i = 0; i < board->device_count; i++) {
		if (path[0] == '/' && strcmp(path + 1, board->device[i].name) == 0)
			return i;
	}
	return -1;
}

/* No more than the board has: each of them once. */
static int read_devices(struct reader *reader, const struct value *value, struct vm_description *vm)
{
	const char *path = (const char *)value->bytes;
	const char *end = path + value->length;

	if (!value->length || end[-1])
		return refuse(reader, "devices has to be a list of paths in quotes, for instance "
				      "\"/pl031@9010000\"");
	for (; path < end; path += strlen(path) + 1) {
		int device = find_device(reader->board, path);

		if (device < 0)
			return refuse(reader,
				      "devices: \"%.*s\" is no device of this machine that "
				      "a VM can have; docs/vm-description.md says which are",
				      NAME_SHOWN, path);
		if (has_device(vm, device))
			return refuse(reader, "devices: \"%s\" stands there twice", path);
		vm->device[vm->device_count++] = (uint16_t)device;
	}
	return 0;
}

static int read_console(struct reader *reader, const struct value *value, struct vm_description *vm)
{
	static const char *const names[] = {
		[CONSOLE_EMULATED] = "emulated",
		[CONSOLE_PASSED] = "passed",
		[CONSOLE_NONE] = "none",
	};
	const char *text = NULL;
	unsigned i;

	if (read_text(reader, value, &text) != 0)
		return -1;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]) == 0) {
			vm->console = i;
			return 0;
		}
	}
	return refuse(reader, "console = \"%.*s\": \"emulated\", \"passed\" or \"none\" is allowed",
		      NAME_SHOWN, text);
}

static int read_identity(struct reader *reader, const struct value *value,
			 struct vm_description *vm)
{
	if (value->length)
		return refuse(reader,
			      "identity-mapped has no value: write \"identity-mapped;\", or "
			      "leave it out");
	vm->identity = true;
	return 0;
}

enum { PROPERTY_CONSOLE, PROPERTY_LOAD };

static const struct {
	const char *name;
	int (*read)(struct reader *reader, const struct value *value, struct vm_description *vm);
} properties[] = {
	[PROPERTY_CONSOLE] = { "console", read_console },
	[PROPERTY_LOAD] = { "load", read_load },
	{ "kernel", read_kernel },
	{ "firmware", read_firmware },
	{ "initrd", read_initrd },
	{ "device-tree", read_device_tree },
	{ "bootargs", read_bootargs },
	{ "vcpus", read_vcpus },
	{ "memory", read_memory },
	{ "cpus", read_cpus },
	{ "weight", read_weight },
	{ "devices", read_devices },
	{ "identity-mapped", read_identity },
};

#define PROPERTIES (sizeof(properties) / sizeof(properties[0]))

static struct value value_at(const void *blob, int offset, const char **name)
{
	int length = 0;
	const void *bytes = fdt_getprop_by_offset(blob, offset, name, &length);

	return (struct value){ bytes, bytes ? (unsigned)length : 0 };
}

/* `seen` gets a bit for each property that is there. */
static int read_properties(struct reader *reader, const void *blob, int node,
			   struct vm_description *vm, unsigned *seen)
{
	int offset;

	fdt_for_each_property_offset(offset, blob, node)
	{
		struct value value = value_at(blob, offset, &reader->property);
		unsigned i = 0;

		while (i < PROPERTIES && strcmp(reader->property, properties[i].name) != 0)
			i++;
		if (i == PROPERTIES)
			return refuse(reader,
				      "%.*s is no property of a VM; "
				      "docs/vm-description.md lists those that are",
				      NAME_SHOWN, reader->property);
		if (*seen >> i & 1)
			return refuse(reader, "%s stands there twice", reader->property);
		*seen |= 1u << i;
		if (properties[i].read(reader, &value, vm) != 0)
			return -1;
	}
	return 0;
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
	uint64_t base = reader->board->memory;

	if (part->p_filesz > part->p_memsz || part->p_offset > vm->kernel.size ||
	    part->p_filesz > vm->kernel.size - part->p_offset)
		return refuse(reader, "kernel is an ELF file that is cut short");
	if (part->p_paddr < base || part->p_paddr - base > SIZE_LIMIT || part->p_memsz > SIZE_LIMIT)
		return refuse(reader,
			      "kernel is an ELF file with a part for 0x%lx, but the VM's "
			      "memory starts at 0x%lx: link it for there",
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
		return refuse(reader, "kernel is an ELF file, but not a whole one for arm64");
	*end = 0;
	for (i = 0; i < header.e_phnum; i++) {
		memcpy(&part, file + header.e_phoff + i * sizeof(part), sizeof(part));
		if (part.p_type == PT_LOAD && part.p_memsz &&
		    elf_part_end(reader, vm, &part, end) != 0)
			return -1;
	}
	return *end ? 0 : refuse(reader, "kernel is an ELF file that has nothing to load");
}

static int flat_end(struct reader *reader, const struct vm_description *vm, uint64_t *end)
{
	uint64_t base = reader->board->memory;
	uint64_t load = vm->load ? vm->load : base + VM_FLAT_OFFSET;

	if (load < base || load - base > SIZE_LIMIT)
		return refuse(reader, "load = 0x%lx: the VM's memory starts at 0x%lx",
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

	if (vm->load && (elf || image || vm->firmware))
		return refuse(reader, "load is for flat binaries, and %s; leave it out",
			      vm->firmware ? "firmware starts at address 0"
			      : elf        ? "an ELF file says itself where it goes"
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
static uint64_t kernel_needs(uint64_t end, uint64_t rest)
{
	uint64_t together = align_up(end, VM_MEMORY_ALIGN) + rest;
	uint64_t behind = rest < 128 * MB ? 2 * rest : 128 * MB + rest;

	return align_up(together > behind ? together : behind, VM_MEMORY_ALIGN);
}

/* A firmware is cut off the end of the memory, and must not be more than half of it. */
static uint64_t firmware_needs(uint64_t size, uint64_t rest)
{
	uint64_t room = align_up(size, VM_MEMORY_ALIGN);
	uint64_t beside = kernel_needs(VM_DTB_ROOM, rest);

	return room + (room > beside ? room : beside);
}

static int check_payloads(struct reader *reader, const struct vm_description *vm)
{
	uint64_t rest = align_up(vm->ramdisk.size, VM_MEMORY_ALIGN) + VM_DTB_ROOM;
	uint64_t end = 0, needs;

	if (vm->dtb.size > VM_DTB_ROOM / 2)
		return refuse(reader, "device-tree has %lu bytes, and at most %lu are allowed",
			      (unsigned long)vm->dtb.size, VM_DTB_ROOM / 2);
	if (kernel_end(reader, vm, &end) != 0)
		return -1;
	if (vm->firmware && align_up(vm->kernel.size, VM_MEMORY_ALIGN) > reader->board->memory)
		return refuse(reader, "firmware is too large: it would reach into the memory");
	needs = vm->firmware ? firmware_needs(vm->kernel.size, rest) : kernel_needs(end, rest);
	if (vm->memory < needs)
		return refuse(reader,
			      "memory = %luM is too little for what has to be loaded; at "
			      "least %luM are needed",
			      in_mb(vm->memory), in_mb(needs));
	return 0;
}

/* --- One VM. ------------------------------------------------------------------------------------ */

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
static int settle_console(struct reader *reader, struct vm_description *vm, bool said)
{
	int uart = uart_device(reader->board);

	if (uart >= 0 && has_device(vm, uart)) {
		if (said && vm->console != CONSOLE_PASSED)
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

static int check_name(struct reader *reader, const char *name)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
	size_t length = strlen(name);
	unsigned i;

	if (length < 1 || length > VM_NAME_LENGTH || strspn(name, allowed) != length)
		return refuse(reader, "the name of a VM is 1 to %u letters, digits, _ or -",
			      VM_NAME_LENGTH);
	for (i = 0; i < reader->vms->count; i++) {
		if (strcmp(name, reader->vms->vm[i].name) == 0)
			return refuse(reader, "two VMs have this name; give one of them another");
	}
	return 0;
}

static int read_vm(struct reader *reader, const void *blob, int node, struct vm_description *vm)
{
	unsigned cpus = reader->board->cpu_count;
	unsigned seen = 0;

	*vm = (struct vm_description){
		.name = reader->node,
		.vcpus = 1,
		.weight = VM_WEIGHT,
		.cpus = cpus < 64 ? (1ul << cpus) - 1 : ~0ul,
	};
	if (check_name(reader, vm->name) != 0 ||
	    read_properties(reader, blob, node, vm, &seen) != 0)
		return -1;
	if (fdt_first_subnode(blob, node) >= 0)
		return refuse(reader, "there are nodes in it, and a VM has none; take them out");
	if (!vm->kernel.size)
		return refuse(reader, "it has neither kernel nor firmware; give it one of them: "
				      "/incbin/(\"...\")");
	if (!vm->memory)
		return refuse(reader, "it has no memory; say how much, for instance memory = "
				      "\"256M\"");
	if (settle_console(reader, vm, seen >> PROPERTY_CONSOLE & 1) != 0)
		return -1;
	return check_payloads(reader, vm);
}

/* --- All VMs together. -------------------------------------------------------------------------- */

static int check_memory(struct reader *reader, uint64_t left)
{
	const struct vm_description *identity = NULL;
	unsigned i;

	for (i = 0; i < reader->vms->count; i++) {
		const struct vm_description *vm = &reader->vms->vm[i];

		reader->node = vm->name;
		if (vm->identity && identity)
			return refuse(reader,
				      "identity-mapped: /%s is so already, and the memory at "
				      "these addresses exists once; take it out of one of "
				      "the two",
				      identity->name);
		if (vm->identity)
			identity = vm;
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
	uint64_t a_start = a->start & ~(PAGE - 1), b_start = b->start & ~(PAGE - 1);

	return a_start < align_up(b->start + b->size, PAGE) &&
	       b_start < align_up(a->start + a->size, PAGE);
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
		if (other->start == board->uart && !has_device(vm, i))
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

static int check_devices(struct reader *reader)
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

static int check_consoles(struct reader *reader)
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

static int check_vcpus(struct reader *reader)
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

/* --- The blob. ---------------------------------------------------------------------------------- */

static int read_scheduler(struct reader *reader, const struct value *value)
{
	const char *text = NULL;

	reader->property = "scheduler";
	if (read_text(reader, value, &text) != 0)
		return -1;
	if (strcmp(text, "shared") == 0)
		reader->vms->policy = SCHED_SHARED;
	else if (strcmp(text, "partitioned") == 0)
		reader->vms->policy = SCHED_PARTITIONED;
	else
		return refuse(reader,
			      "scheduler = \"%.*s\": \"shared\" or \"partitioned\" is allowed",
			      NAME_SHOWN, text);
	return 0;
}

static int read_root(struct reader *reader, const void *blob)
{
	bool said = false;
	int offset;

	reader->node = "";
	if (fdt_node_check_compatible(blob, 0, VMS_COMPATIBLE) != 0)
		return refuse(reader,
			      "this device tree is no description of VMs: that has compatible "
			      "= \"" VMS_COMPATIBLE "\"");
	fdt_for_each_property_offset(offset, blob, 0)
	{
		const char *name;
		struct value value = value_at(blob, offset, &name);

		if (strcmp(name, "compatible") == 0)
			continue;
		if (strcmp(name, "scheduler") != 0)
			return refuse(reader,
				      "%.*s is no property of a description; "
				      "docs/vm-description.md lists those that are",
				      NAME_SHOWN, name);
		if (said)
			return refuse(reader, "scheduler stands there twice");
		said = true;
		if (read_scheduler(reader, &value) != 0)
			return -1;
	}
	return 0;
}

static int read_all(struct reader *reader, const void *blob)
{
	struct vms *vms = reader->vms;
	int node;

	fdt_for_each_subnode(node, blob, 0)
	{
		reader->node = "";
		if (vms->count == VMS_MAX)
			return refuse(reader, "there are more than %d VMs; take some out", VMS_MAX);
		reader->node = fdt_get_name(blob, node, NULL);
		if (read_vm(reader, blob, node, &vms->vm[vms->count]) != 0)
			return -1;
		vms->count++;
	}
	reader->node = "";
	return vms->count ? 0 : refuse(reader, "there is no VM; each is a node, its name the VM's");
}

/* Everything is where the header says, and every node and property whole: libfdt needs no more. */
static int check_blob(struct reader *reader, const void *blob, size_t size)
{
	int result = fdt_check_full(blob, size);

	reader->node = "";
	if (result != 0)
		return refuse(reader,
			      "the description is damaged or cut short (%s); compile it again "
			      "with dtc, and give the machine all of it",
			      fdt_strerror(result));
	if (fdt_version(blob) < DTB_VERSION)
		return refuse(reader,
			      "the description is a device tree of version %u; compile it "
			      "with dtc -V %u",
			      fdt_version(blob), DTB_VERSION);
	return 0;
}

bool vms_recognise(const void *blob, size_t size)
{
	return size >= sizeof(fdt32_t) && fdt32_ld(blob) == FDT_MAGIC;
}

int vms_read(struct vms *vms, const void *blob, size_t size, const struct board *board,
	     uint64_t memory_free, char *why, size_t why_size)
{
	struct reader reader = { .vms = vms, .board = board, .why = why, .why_size = why_size };

	vms->count = 0;
	vms->policy = SCHED_SHARED;
	if (check_blob(&reader, blob, size) != 0 || read_root(&reader, blob) != 0 ||
	    read_all(&reader, blob) != 0 || check_memory(&reader, memory_free) != 0 ||
	    check_consoles(&reader) != 0 || check_devices(&reader) != 0)
		return -1;
	return check_vcpus(&reader);
}
