/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Reading a description of virtual machines (docs/vm-description.md), which may be wrong in any way:
 * first the blob as a whole (Devicetree Specification 0.4, chapter 5), then each property for itself,
 * each VM, and last what the VMs ask for together.
 */
#include <libfdt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "vms_internal.h"

#define DTB_VERSION 17

/* --- Messages. ---------------------------------------------------------------------------------- */

/* Text of the blob's may stand in it, and goes to a terminal. */
static void make_printable(char *text)
{
	for (; *text; text++) {
		if (*text < ' ' || *text > '~')
			*text = '?';
	}
}

int refuse(struct reader *reader, const char *format, ...)
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

/* --- Values. ------------------------------------------------------------------------------------ */

/* What a property says. */
struct value {
	const uint8_t *bytes;
	unsigned length;
};

/* One NUL, at the end. */
static bool is_text(const struct value *value)
{
	return value->length && !memchr(value->bytes, 0, value->length - 1) &&
	       !value->bytes[value->length - 1];
}

/* NULL: it is none, and has been refused. */
static const char *read_text(struct reader *reader, const struct value *value)
{
	if (is_text(value))
		return (const char *)value->bytes;
	refuse(reader, "%s has to be one string in quotes", reader->property);
	return NULL;
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
		return refuse(reader,
			      "device-tree is cut short: it has %u bytes of %u; take all of it",
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
		return refuse(reader, "bootargs has more than %u characters; shorten it",
			      VM_BOOTARGS);
	vm->bootargs = read_text(reader, value);
	return vm->bootargs ? 0 : -1;
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
			return refuse(reader, "cpus: CPU %u stands there twice; take one out", cpu);
		vm->cpus |= 1ul << cpu;
	}
	return 0;
}

static int read_weight(struct reader *reader, const struct value *value, struct vm_description *vm)
{
	return read_count(reader, value, VM_WEIGHT_MAX, &vm->weight);
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
		if (description_has_device(vm, device))
			return refuse(reader, "devices: \"%s\" stands there twice; take one out",
				      path);
		vm->device[vm->device_count++] = (uint16_t)device;
	}
	return 0;
}

/* "00:01.0" as in lspci: two digits, two, one, hexadecimal. False: it is not written so. */
static bool rid_of_text(const char *text, unsigned *rid)
{
	static const char form[] = "xx:xx.x";
	unsigned i;

	*rid = 0;
	if (strlen(text) != sizeof(form) - 1)
		return false;
	for (i = 0; form[i]; i++) {
		const char *digit = strchr("0123456789abcdef", text[i]);

		if (form[i] == 'x' && digit)
			*rid = *rid << 4 | (unsigned)(digit - "0123456789abcdef");
		else if (form[i] == 'x' || text[i] != form[i])
			return false;
	}
	/* Five digits: bus 8 bits, device 8 of which 5 are used, function 4 of which 3 are. */
	if ((*rid >> 4 & 0xff) > 31 || (*rid & 0xf) > 7)
		return false;
	*rid = *rid >> 12 << 8 | (*rid >> 4 & 0x1f) << 3 | (*rid & 7);
	return true;
}

static int find_pci(const struct board *board, unsigned rid)
{
	unsigned i;

	for (i = 0; i < board->pci.count; i++) {
		if (board->pci.function[i].rid == rid)
			return (int)i;
	}
	return -1;
}

/* Whether this function is there, can be had, and has not been named yet. */
static int read_pci_function(struct reader *reader, const char *name, struct vm_description *vm)
{
	const struct board *board = reader->board;
	unsigned rid, i;
	int index;

	if (!rid_of_text(name, &rid))
		return refuse(reader,
			      "pci: \"%.*s\" is no PCI function: write bus, device and function "
			      "as lspci does, for instance \"00:01.0\"",
			      NAME_SHOWN, name);
	if (!board->pci.ecam_size)
		return refuse(reader, "pci: this machine has no PCI; take \"%s\" out", name);
	index = find_pci(board, rid);
	if (index < 0)
		return refuse(reader,
			      "pci: \"%s\" is not there%s; take it out, or give the machine the "
			      "device (PCI=1)",
			      name, rid >> 8 ? ": only the first bus is looked at" : "");
	if (board->pci.function[index].why)
		return refuse(reader, "pci: \"%s\" cannot be had: %s; take it out", name,
			      board->pci.function[index].why);
	for (i = 0; i < vm->pci_count; i++) {
		if (vm->pci[i] == index)
			return refuse(reader, "pci: \"%s\" stands there twice; take one out", name);
	}
	vm->pci[vm->pci_count++] = (uint16_t)index;
	return 0;
}

static int read_pci(struct reader *reader, const struct value *value, struct vm_description *vm)
{
	const char *name = (const char *)value->bytes;
	const char *end = name + value->length;

	if (!value->length || end[-1])
		return refuse(reader, "pci has to be a list of PCI functions in quotes, for "
				      "instance \"00:01.0\"");
	for (; name < end; name += strlen(name) + 1) {
		if (read_pci_function(reader, name, vm) != 0)
			return -1;
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
	const char *text = read_text(reader, value);
	unsigned i;

	if (!text)
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

/* A property that is there, or not. */
static int read_flag(struct reader *reader, const struct value *value, const char *name, bool *flag)
{
	if (value->length)
		return refuse(reader, "%s has no value: write \"%s;\", or leave it out", name,
			      name);
	*flag = true;
	return 0;
}

static int read_identity(struct reader *reader, const struct value *value,
			 struct vm_description *vm)
{
	return read_flag(reader, value, "identity-mapped", &vm->identity);
}

static int read_software_messages(struct reader *reader, const struct value *value,
				  struct vm_description *vm)
{
	return read_flag(reader, value, "software-messages", &vm->software_messages);
}

/* Empty: the newest. */
static int read_sdei(struct reader *reader, const struct value *value, struct vm_description *vm)
{
	const char *text = value->length ? read_text(reader, value) : "1.1";

	if (!text)
		return -1;
	if (strcmp(text, "1.0") != 0 && strcmp(text, "1.1") != 0)
		return refuse(reader, "sdei = \"%.*s\": \"1.0\", \"1.1\" or no value is allowed",
			      NAME_SHOWN, text);
	vm->sdei = text[2] == '0' ? VM_SDEI_1_0 : VM_SDEI_1_1;
	return 0;
}

static int read_watchdog(struct reader *reader, const struct value *value,
			 struct vm_description *vm)
{
	if (vm->sdei == VM_SDEI_NONE)
		vm->sdei = VM_SDEI_1_1;
	return read_count(reader, value, VM_WATCHDOG_MAX, &vm->watchdog);
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
	{ "pci", read_pci },
	{ "software-messages", read_software_messages },
	{ "sdei", read_sdei },
	{ "watchdog", read_watchdog },
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
			return refuse(reader, "%s stands there twice; take one out",
				      reader->property);
		*seen |= 1u << i;
		if (properties[i].read(reader, &value, vm) != 0)
			return -1;
	}
	return 0;
}

/* --- One VM. ------------------------------------------------------------------------------------ */

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
	vm->ram = reader->board->memory;
	if (vm->identity) {
		vm->ram += reader->placed;
		reader->placed += vm->memory;
	}
	if (vm->software_messages && !vm->pci_count)
		return refuse(reader, "software-messages is for the messages of PCI functions, and "
				      "it has none; give it pci, or leave this out");
	if (settle_console(reader, vm, seen >> PROPERTY_CONSOLE & 1) != 0)
		return -1;
	return check_payloads(reader, vm);
}

/* --- The blob. ---------------------------------------------------------------------------------- */

static int read_scheduler(struct reader *reader, const struct value *value)
{
	const char *text;

	reader->property = "scheduler";
	text = read_text(reader, value);
	if (!text)
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
			return refuse(reader, "scheduler stands there twice; take one out");
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

/* The version comes first: libfdt 1.6.1 falls over names of old versions while it checks them. */
int vms_check_tree(const void *tree, size_t size)
{
	int result = size < sizeof(struct fdt_header) ? -FDT_ERR_TRUNCATED : fdt_check_header(tree);

	if (result != 0)
		return result;
	if (fdt_version(tree) < DTB_VERSION)
		return -FDT_ERR_BADVERSION;
	return fdt_check_full(tree, size);
}

static int check_blob(struct reader *reader, const void *blob, size_t size)
{
	int result = vms_check_tree(blob, size);

	reader->node = "";
	if (result == -FDT_ERR_BADVERSION)
		return refuse(reader,
			      "the description is a device tree of another version; compile "
			      "it with dtc -V %u",
			      DTB_VERSION);
	if (result != 0)
		return refuse(reader,
			      "the description is damaged or cut short (%s); compile it again "
			      "with dtc, and give the machine all of it",
			      fdt_strerror(result));
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
	    check_consoles(&reader) != 0 || check_devices(&reader) != 0 || check_pci(&reader) != 0)
		return -1;
	return check_vcpus(&reader);
}
