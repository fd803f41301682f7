/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Descriptions of VMs, accepted and refused: the files in tests/monitor/vms, one for each mistake, and
 * blobs that dtc would not write. docs/vm-description.md has the rules.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <libfdt.h>
#include "machine.h"

#define DIRECTORY BUILD "/tests/monitor/vms/"

struct file {
	uint8_t *bytes; /* exactly as many as there are, so that the sanitizer guards the end */
	size_t size;
};

static struct vms vms;
static char why[VMS_WHY];

static struct file load(const char *name)
{
	struct file file = { NULL, 0 };
	char path[256];
	FILE *stream;
	long size = 0;

	snprintf(path, sizeof(path), DIRECTORY "%s.dtb", name);
	stream = fopen(path, "rb");
	if (!stream || fseek(stream, 0, SEEK_END) != 0 || (size = ftell(stream)) <= 0)
		fail_msg("%s cannot be read", path);
	rewind(stream);
	file.size = (size_t)size;
	file.bytes = malloc(file.size);
	assert_int_equal(fread(file.bytes, 1, file.size, stream), file.size);
	fclose(stream);
	return file;
}

static int read_on(const struct board *board, const struct file *file)
{
	int result = vms_read(&vms, file->bytes, file->size, board, MEMORY_FREE, why, sizeof(why));

	if (result == 0)
		assert_null(vms_wrong(&vms, board, MEMORY_FREE, file->bytes, file->size));
	return result;
}

/* Reads a file of the directory, which stays until the test ends. */
static struct file accept(const char *name)
{
	struct file file = load(name);

	if (read_on(&machine, &file) != 0)
		fail_msg("%s is refused: %s", name, why);
	return file;
}

static void assert_refused(const struct board *board, const struct file *file, const char *message)
{
	assert_int_equal(read_on(board, file), -1);
	assert_string_equal(why, message);
}

/* --- One file for each mistake. ------------------------------------------------------------------ */

struct mistake {
	const char *name, *message;
};

static const struct mistake mistakes[] = {
	{ "no-vm", "/: there is no VM; each is a node, its name the VM's" },
	{ "too-many-vms", "/: there are more than 16 VMs; take some out" },
	{ "other-compatible", "/: this device tree is no description of VMs: that has compatible = "
			      "\"carillon,vms\"" },
	{ "root-property", "/: model is no property of a description; docs/vm-description.md lists "
			   "those that are" },
	{ "scheduler-unknown",
	  "/: scheduler = \"fair\": \"shared\" or \"partitioned\" is allowed" },
	{ "scheduler-number", "/: scheduler has to be one string in quotes" },
	{ "name-long", "/a2345678901234567890123456789012: the name of a VM is 1 to 31 letters, "
		       "digits, _ or -" },
	{ "name-character", "/a.b: the name of a VM is 1 to 31 letters, digits, _ or -" },
	{ "property-unknown",
	  "/a: memroy is no property of a VM; docs/vm-description.md lists those that are" },
	{ "node-inside", "/a: there are nodes in it, and a VM has none; take them out" },
	{ "kernel-and-firmware", "/a: kernel and firmware exclude each other; give one of them" },
	{ "no-kernel", "/a: it has neither kernel nor firmware; give it one of them: "
		       "/incbin/(\"...\")" },
	{ "kernel-empty", "/a: kernel is empty; give it a file: /incbin/(\"...\")" },
	{ "initrd-empty", "/a: initrd is empty; give it a file: /incbin/(\"...\")" },
	{ "device-tree-none", "/a: device-tree is no compiled device tree; make one with dtc" },
	{ "device-tree-tiny", "/a: device-tree is no compiled device tree; make one with dtc" },
	{ "device-tree-short",
	  "/a: device-tree is cut short: it has 60 bytes of 72; take all of it" },
	{ "device-tree-large",
	  "/a: device-tree has 600000 bytes, and at most 524288 are allowed; make it smaller" },
	{ "load-text", "/a: load has to be one address, for instance <0x0 0x40080000>" },
	{ "load-zero", "/a: load = 0: there is no memory; leave it out, or give an address in the "
		       "VM's memory" },
	{ "load-below", "/a: load = 0x3fffffff: give an address in the VM's memory, which starts "
			"at 0x40000000" },
	{ "load-above", "/a: memory = 64M is too little for what has to be loaded; at least 66M "
			"are needed" },
	{ "load-far", "/a: load = 0xfffffffffffffff0: give an address in the VM's memory, which "
		      "starts at 0x40000000" },
	{ "load-image", "/a: load is for flat binaries, and an Image goes where its header says; "
			"leave it out" },
	{ "load-elf", "/a: load is for flat binaries, and an ELF file says itself where it goes; "
		      "leave it out" },
	{ "load-firmware",
	  "/a: load is for flat binaries, and firmware starts at address 0; leave it out" },
	{ "bootargs-two", "/a: bootargs has to be one string in quotes" },
	{ "bootargs-cells", "/a: bootargs has to be one string in quotes" },
	{ "bootargs-long", "/a: bootargs has more than 2047 characters; shorten it" },
	{ "vcpus-none", "/a: vcpus = 0: a number from 1 to 64 is allowed" },
	{ "vcpus-many", "/a: vcpus = 65: a number from 1 to 64 is allowed" },
	{ "vcpus-text", "/a: vcpus has to be one number from 1 to 64, for instance <1>" },
	{ "vcpus-sum", "/e: vcpus = 1: with these there are 257, and all VMs together may have "
		       "256; lower it" },
	{ "memory-missing", "/a: it has no memory; say how much, for instance memory = \"256M\"" },
	{ "memory-zero", "/a: memory has to be a size, for instance \"256M\" or <0x0 0x10000000>, "
			 "and not 0" },
	{ "memory-nothing", "/a: memory has to be a size, for instance \"256M\" or <0x0 "
			    "0x10000000>, and not 0" },
	{ "memory-unit", "/a: memory has to be a size, for instance \"256M\" or <0x0 0x10000000>, "
			 "and not 0" },
	{ "memory-three-cells", "/a: memory has to be a size, for instance \"256M\" or <0x0 "
				"0x10000000>, and not 0" },
	{ "memory-huge", "/a: memory has to be a size, for instance \"256M\" or <0x0 0x10000000>, "
			 "and not 0" },
	{ "memory-huge-gigabytes",
	  "/a: memory has to be a size, for instance \"256M\" or <0x0 0x10000000>, and not 0" },
	{ "memory-huge-megabytes",
	  "/a: memory has to be a size, for instance \"256M\" or <0x0 0x10000000>, and not 0" },
	{ "memory-huge-kilobytes",
	  "/a: memory has to be a size, for instance \"256M\" or <0x0 0x10000000>, and not 0" },
	{ "memory-overflow", "/a: memory has to be a size, for instance \"256M\" or <0x0 "
			     "0x10000000>, and not 0" },
	{ "memory-large", "/a: memory = 962M: only 960M are left; lower it or give the machine "
			  "more (MEM=)" },
	{ "memory-sum", "/b: memory = 706M: only 704M are left; lower it or give the machine more "
			"(MEM=)" },
	{ "memory-small", "/a: memory = 2M is too little for what has to be loaded; at least 4M "
			  "are needed" },
	{ "memory-small-image", "/a: memory = 18M is too little for what has to be loaded; at "
				"least 20M are needed" },
	{ "memory-small-elf", "/a: memory = 4M is too little for what has to be loaded; at least "
			      "6M are needed" },
	{ "memory-small-elf-second",
	  "/a: memory = 8M is too little for what has to be loaded; at least 10M are needed" },
	{ "memory-small-initrd", "/a: memory = 10M is too little for what has to be loaded; at "
				 "least 12M are needed" },
	{ "memory-small-firmware", "/a: memory = 6M is too little for what has to be loaded; at "
				   "least 8M are needed" },
	{ "image-offset",
	  "/a: kernel is an arm64 Image with a header that cannot be right; take another file" },
	{ "image-header", "/a: kernel is an arm64 Image with a header that cannot be right; take "
			  "another file" },
	{ "elf-other", "/a: kernel is an ELF file, but not one for arm64; take another" },
	{ "elf-32-bit", "/a: kernel is an ELF file, but not one for arm64; take another" },
	{ "elf-entries", "/a: kernel is an ELF file, but not one for arm64; take another" },
	{ "elf-table", "/a: kernel is an ELF file, but not one for arm64; take another" },
	{ "elf-table-long", "/a: kernel is an ELF file, but not one for arm64; take another" },
	{ "elf-offset", "/a: kernel is an ELF file that is cut short; take the whole of it" },
	{ "elf-more", "/a: kernel is an ELF file that is cut short; take the whole of it" },
	{ "elf-short", "/a: kernel is an ELF file that is cut short; take the whole of it" },
	{ "elf-low",
	  "/a: kernel is an ELF file with a part for 0x100000 that does not fit: the VM's memory starts at 0x40000000; link it for there" },
	{ "elf-far",
	  "/a: kernel is an ELF file with a part for 0x1000000000000000 that does not fit: the VM's memory starts at 0x40000000; link it for there" },
	{ "elf-huge",
	  "/a: kernel is an ELF file with a part for 0x40200000 that does not fit: the VM's memory starts at 0x40000000; link it for there" },
	{ "elf-empty", "/a: kernel is an ELF file that has nothing to load; take another" },
	{ "cpus-empty", "/a: cpus has to be a list of physical CPUs, for instance <0 1>; leave it "
			"out for all of them" },
	{ "cpus-bytes", "/a: cpus has to be a list of physical CPUs, for instance <0 1>; leave it "
			"out for all of them" },
	{ "cpus-missing", "/a: cpus: there is no CPU 4: this machine has CPUs 0 to 3 (CPUS= gives "
			  "it more)" },
	{ "cpus-twice", "/a: cpus: CPU 1 stands there twice; take one out" },
	{ "weight-none", "/a: weight = 0: a number from 1 to 1000 is allowed" },
	{ "weight-much", "/a: weight = 1001: a number from 1 to 1000 is allowed" },
	{ "weight-two", "/a: weight has to be one number from 1 to 1000, for instance <1>" },
	{ "devices-empty", "/a: devices has to be a list of paths in quotes, for instance "
			   "\"/pl031@9010000\"" },
	{ "devices-cells", "/a: devices has to be a list of paths in quotes, for instance "
			   "\"/pl031@9010000\"" },
	{ "devices-unknown", "/a: devices: \"/pl061@9030000\" is no device of this machine that a "
			     "VM can have; docs/vm-description.md says which are" },
	{ "devices-no-path", "/a: devices: \"pl031@9010000\" is no device of this machine that a "
			     "VM can have; docs/vm-description.md says which are" },
	{ "devices-twice", "/a: devices: \"/pl031@9010000\" stands there twice; take one out" },
	{ "devices-two-vms",
	  "/c: devices: \"/pl031@9010000\" is /a's already; take it out of one of the two" },
	{ "devices-dma", "/a: devices: \"/virtio_mmio@a000000\" does DMA, for which the VM has to "
			 "be identity-mapped; make it so, or take the device out" },
	{ "devices-dma-neighbour",
	  "/a: devices: \"/gpio@b000000\" is in a page with one that does DMA, for which the VM "
	  "has to be identity-mapped; make it so, or take the device out" },
	{ "devices-uart-neighbour", "/a: devices: \"/watchdog@9000800\" is in a page with the "
				    "console's UART, which the VM does not have; take it out" },
	{ "devices-one-page", "/b: devices: \"/timer@c000100\" is in a page with "
			      "\"/timer@c000000\", which is /a's; both have to be in the same VM" },
	{ "console-unknown",
	  "/a: console = \"serial\": \"emulated\", \"passed\" or \"none\" is allowed" },
	{ "console-cells", "/a: console has to be one string in quotes" },
	{ "console-contradicts", "/a: devices: \"/pl011@9000000\" is the console's UART: say "
				 "console = \"passed\", or take the device out" },
	{ "console-taken", "/a: console = \"emulated\" (the default) needs the UART, which is "
			   "/b's; say console = \"none\"" },
	{ "console-two",
	  "/b: devices: \"/pl011@9000000\" is /a's already; take it out of one of the two" },
	{ "identity-value",
	  "/a: identity-mapped has no value: write \"identity-mapped;\", or leave it out" },
	{ "identity-firmware",
	  "/b: firmware looks for its device tree at 0x40000000, where the machine's memory "
	  "starts, and there another VM is, identity-mapped, too; put this one before it, or take "
	  "identity-mapped out of one of the two" },
	{ "identity-load", "/b: load = 0x40080000: give an address in the VM's memory, which "
			   "starts at 0x44000000" },
	{ "identity-load-behind", "/b: memory = 64M is too little for what has to be loaded; at "
				  "least 66M are needed" },
	{ "identity-elf", "/b: kernel is an ELF file with a part for 0x40200000 that does not fit: "
			  "the VM's memory starts at 0x44000000; link it for there" },
	{ "identity-sum", "/b: memory = 512M: only 448M are left; lower it or give the machine "
			  "more (MEM=)" },
	{ "sdei-version", "/a: sdei = \"2.0\": \"1.0\", \"1.1\" or no value is allowed" },
	{ "sdei-cells", "/a: sdei has to be one string in quotes" },
	{ "watchdog-none", "/a: watchdog = 0: a number from 1 to 3600 is allowed" },
	{ "watchdog-much", "/a: watchdog = 3601: a number from 1 to 3600 is allowed" },
	{ "pci-cells", "/a: pci has to be a list of PCI functions in quotes, for instance "
		       "\"00:01.0\"" },
	{ "pci-empty", "/a: pci has to be a list of PCI functions in quotes, for instance "
		       "\"00:01.0\"" },
	{ "pci-form",
	  "/a: pci: \"0000:00:01.0\" is no PCI function: write bus, device and function "
	  "as lspci does, for instance \"00:01.0\"" },
	{ "pci-digit", "/a: pci: \"00:0g.0\" is no PCI function: write bus, device and function "
		       "as lspci does, for instance \"00:01.0\"" },
	{ "pci-device-32",
	  "/a: pci: \"00:20.0\" is no PCI function: write bus, device and function "
	  "as lspci does, for instance \"00:01.0\"" },
	{ "pci-function-8",
	  "/a: pci: \"00:01.8\" is no PCI function: write bus, device and function "
	  "as lspci does, for instance \"00:01.0\"" },
	{ "pci-absent", "/a: pci: \"00:1f.0\" is not there; take it out, or give the machine the "
			"device (PCI=1)" },
	{ "pci-bus", "/a: pci: \"01:00.0\" is not there: only the first bus is looked at; take it "
		     "out, or give the machine the device (PCI=1)" },
	{ "pci-bridge", "/a: pci: \"00:04.0\" cannot be had: it is a bridge; take it out" },
	{ "pci-twice", "/a: pci: \"00:01.0\" stands there twice; take one out" },
	{ "software-messages-value", "/a: software-messages has no value: write "
				     "\"software-messages;\", or leave it out" },
	{ "software-messages-no-pci", "/a: software-messages is for the messages of PCI functions, "
				      "and it has none; give it pci, or leave this out" },
	{ "pci-dma", "/b: pci: \"00:01.0\" does DMA, for which the VM has to be identity-mapped; "
		     "make it so, or take the function out" },
	{ "pci-two-vms", "/c: pci: \"00:01.0\" is /a's already; take it out of one of the two" },
	{ "pci-first", "/a: pci: \"00:03.1\" is of a device whose function 0 the VM does not have, "
		       "and could not be found; add that one, or take this one out" },
	{ "partitioned-many",
	  "/b: vcpus = 3: scheduler = \"partitioned\" has a physical CPU for each vCPU, and not "
	  "enough are left of those that it may run on; lower vcpus, widen cpus, give the machine "
	  "more CPUs, or say scheduler = \"shared\"" },
	{ "partitioned-narrow",
	  "/c: vcpus = 1: scheduler = \"partitioned\" has a physical CPU for each vCPU, and not "
	  "enough are left of those that it may run on; lower vcpus, widen cpus, give the machine "
	  "more CPUs, or say scheduler = \"shared\"" },
};

#define MISTAKES (sizeof(mistakes) / sizeof(mistakes[0]))

static void mistake_is_refused(void **state)
{
	const struct mistake *mistake = *state;
	struct file file = load(mistake->name);

	assert_refused(&machine, &file, mistake->message);
	free(file.bytes);
}

/* --- What is accepted. --------------------------------------------------------------------------- */

static void defaults(void **state)
{
	struct file file = accept("least");
	const struct vm_description *vm = &vms.vm[0];

	(void)state;
	assert_int_equal(vms.count, 1);
	assert_int_equal(vms.policy, SCHED_SHARED);
	assert_string_equal(vm->name, "a");
	assert_int_equal(vm->kernel.size, 4);
	assert_memory_equal((void *)vm->kernel.start, "\0\0\0\x14", 4);
	assert_int_equal(vm->ramdisk.size, 0);
	assert_int_equal(vm->dtb.size, 0);
	assert_false(vm->firmware);
	assert_false(vm->identity);
	assert_int_equal(vm->load, 0);
	assert_null(vm->bootargs);
	assert_int_equal(vm->vcpus, 1);
	assert_int_equal(vm->weight, 100);
	assert_int_equal(vm->memory, 64 << 20);
	assert_int_equal(vm->cpus, 0xf);
	assert_int_equal(vm->console, CONSOLE_EMULATED);
	assert_int_equal(vm->device_count, 0);
	free(file.bytes);
}

static void everything_said(void **state)
{
	struct file file = accept("full");
	const struct vm_description *vm = &vms.vm[0];

	(void)state;
	assert_int_equal(vms.count, 2);
	assert_string_equal(vm->name, "Linux-1_a");
	assert_int_equal(vm->ramdisk.size, 5);
	assert_memory_equal((void *)vm->ramdisk.start, "\1\2\3\4\5", 5);
	assert_int_equal(vm->dtb.size, 72);
	assert_int_equal(vm->load, 0x40200000);
	assert_string_equal(vm->bootargs, "console=ttyAMA0 quiet");
	assert_int_equal(vm->vcpus, 2);
	assert_int_equal(vm->weight, 1000);
	assert_int_equal(vm->memory, 256 << 20);
	assert_int_equal(vm->cpus, 0xa);
	assert_int_equal(vm->console, CONSOLE_NONE);
	assert_int_equal(vm->device_count, 2);
	assert_int_equal(vm->device[0], VIRTIO_1);
	assert_int_equal(vm->device[1], RTC);
	assert_true(vm->identity);
	assert_false(vm->firmware);
	assert_int_equal(vm->sdei, VM_SDEI_1_0);
	assert_int_equal(vm->watchdog, 10);
	vm++;
	assert_int_equal(vm->sdei, VM_SDEI_1_1);
	assert_int_equal(vm->watchdog, 0);
	assert_string_equal(vm->name, "rt");
	assert_true(vm->firmware);
	assert_string_equal(vm->bootargs, "");
	assert_int_equal(vm->weight, 1);
	assert_int_equal(vm->memory, 10 << 20); /* 9M, rounded up */
	free(file.bytes);
}

static void pci_functions(void **state)
{
	struct file file = accept("pci");
	const struct vm_description *vm = &vms.vm[0];

	(void)state;
	assert_int_equal(vm->pci_count, 3);
	assert_int_equal(vm->pci[0], PCI_03_1);
	assert_int_equal(vm->pci[1], PCI_01_0);
	assert_int_equal(vm->pci[2], PCI_03_0);
	assert_true(vm->software_messages);
	assert_int_equal(vms.vm[1].pci_count, 0);
	assert_false(vms.vm[1].software_messages);
	free(file.bytes);
}

static void pci_on_a_machine_without(void **state)
{
	struct file file = load("pci");
	struct board without = machine;

	(void)state;
	memset(&without.pci, 0, sizeof(without.pci));
	assert_refused(&without, &file, "/a: pci: this machine has no PCI; take \"00:03.1\" out");
	free(file.bytes);
}

/* Each behind the one before it, in whole 2 MB; the one that is not starts where the machine's memory does. */
static void identity_mapped_vms_follow_each_other(void **state)
{
	struct file file = accept("identity-several");

	(void)state;
	assert_int_equal(vms.count, 4);
	assert_int_equal(vms.vm[0].ram, 0x40000000);
	assert_true(vms.vm[0].firmware);
	assert_int_equal(vms.vm[1].ram, 0x40000000);
	assert_false(vms.vm[1].identity);
	assert_int_equal(vms.vm[2].ram, 0x44000000);
	assert_int_equal(vms.vm[3].ram, 0x44600000);
	assert_int_equal(vms.vm[3].load, 0x44600000);
	free(file.bytes);
}

/* Behind an SMMU, a VM need not be where the memory is. */
static void pci_behind_an_smmu(void **state)
{
	struct file file = load("pci-dma");
	struct board contained = machine;

	(void)state;
	contained.pci.contained = true;
	assert_int_equal(read_on(&contained, &file), 0);
	assert_int_equal(vms.vm[1].pci[0], PCI_01_0);
	free(file.bytes);
}

static void memory_in_other_ways(void **state)
{
	static const struct {
		const char *name;
		uint64_t memory;
	} ways[] = {
		{ "memory-one-cell", 128ul << 20 },
		{ "memory-kilobytes", 64ul << 20 },
		{ "memory-bytes", 64ul << 20 },
		{ "memory-gigabytes", 1ul << 30 },
	};
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct file file = load(ways[i].name);

		assert_int_equal(vms_read(&vms, file.bytes, file.size, &machine, 1ul << 30, why,
					  sizeof(why)),
				 0);
		assert_int_equal(vms.vm[0].memory, ways[i].memory);
		free(file.bytes);
	}
}

/* Each of them is at a bound that one of the mistakes is just beyond. */
static void bounds_are_allowed(void **state)
{
	static const char *const names[] = {
		"name-longest",      "bootargs-longest", "vcpus-most",  "memory-all",
		"fits-exactly",      "fits-image",       "fits-elf",    "fits-behind",
		"fits-firmware",     "fits-image-low",   "load-lowest", "device-tree-most",
		"devices-next-page",
	};
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct file file = accept(names[i]);

		free(file.bytes);
	}
}

/* Behind 128 MB, however much there is. The file is made here: dtc would take its time. */
static void large_initrd(void **state)
{
	struct file file = { calloc(1, 140ul << 20), 140ul << 20 };
	void *initrd;

	(void)state;
	assert_non_null(file.bytes);
	assert_int_equal(fdt_create(file.bytes, (int)file.size), 0);
	assert_int_equal(fdt_finish_reservemap(file.bytes), 0);
	assert_int_equal(fdt_begin_node(file.bytes, ""), 0);
	assert_int_equal(fdt_property_string(file.bytes, "compatible", "carillon,vms"), 0);
	assert_int_equal(fdt_begin_node(file.bytes, "a"), 0);
	assert_int_equal(fdt_property_string(file.bytes, "kernel", "flat"), 0);
	assert_int_equal(fdt_property_string(file.bytes, "memory", "258M"), 0);
	assert_int_equal(fdt_property_placeholder(file.bytes, "initrd", 130 << 20, &initrd), 0);
	assert_int_equal(fdt_end_node(file.bytes), 0);
	assert_int_equal(fdt_end_node(file.bytes), 0);
	assert_int_equal(fdt_finish(file.bytes), 0);
	assert_refused(&machine, &file,
		       "/a: memory = 258M is too little for what has to be loaded; at least 260M "
		       "are needed");
	assert_int_equal(fdt_setprop_inplace(file.bytes, fdt_path_offset(file.bytes, "/a"),
					     "memory", "260M", 5),
			 0);
	assert_int_equal(read_on(&machine, &file), 0);
	free(file.bytes);
}

/* a may run anywhere, b on CPU 0 alone, and c on 0 or 1: a has to leave both to them. */
static void partitioned_finds_a_cpu_for_each_vcpu(void **state)
{
	struct file file = accept("partitioned");

	(void)state;
	assert_int_equal(vms.policy, SCHED_PARTITIONED);
	assert_int_equal(vms.vm[0].cpus, 0xc);
	assert_int_equal(vms.vm[1].cpus, 0x1);
	assert_int_equal(vms.vm[2].cpus, 0x2);
	free(file.bytes);
}

static void console_and_uart_mean_each_other(void **state)
{
	struct file file = accept("passed");
	struct board other = machine;

	(void)state;
	assert_int_equal(vms.vm[0].console, CONSOLE_PASSED);
	assert_int_equal(vms.vm[0].device_count, 1);
	assert_int_equal(vms.vm[0].device[0], UART);
	other.device_count = 0;
	assert_refused(&other, &file,
		       "/a: console = \"passed\": this machine has no UART to pass; \"emulated\" "
		       "or \"none\" is allowed");
	other.device_count = 1;
	other.device[0] = machine.device[UART];
	assert_int_equal(read_on(&other, &file), 0);
	assert_int_equal(vms.vm[0].device[0], 0);
	free(file.bytes);
	file = accept("passed-by-path");
	assert_int_equal(vms.vm[0].console, CONSOLE_PASSED);
	assert_int_equal(vms.vm[0].device_count, 1);
	assert_int_equal(read_on(&other, &file), 0);
	assert_int_equal(vms.vm[0].console, CONSOLE_PASSED);
	assert_int_equal(vms.vm[0].device_count, 1);
	free(file.bytes);
}

/* --- Other machines. ----------------------------------------------------------------------------- */

static void gicv2_has_eight_vcpus(void **state)
{
	struct file file = accept("vcpus-nine");
	struct board board = machine;

	(void)state;
	board.gic_version = 2;
	assert_refused(&board, &file, "/a: vcpus = 9: a number from 1 to 8 is allowed");
	free(file.bytes);
}

static void firmware_ends_below_the_memory(void **state)
{
	struct file file = load("fits-firmware");
	struct board board = machine;

	(void)state;
	board.memory = 4 << 20;
	assert_int_equal(read_on(&board, &file), 0);
	board.memory = 2 << 20;
	assert_refused(&board, &file,
		       "/a: firmware has 4M, more than there is room for below the VM's memory; "
		       "take a smaller one");
	free(file.bytes);
}

static void all_of_64_cpus(void **state)
{
	struct file file = load("least");
	struct board board = machine;

	(void)state;
	board.cpu_count = 64;
	assert_int_equal(
		vms_read(&vms, file.bytes, file.size, &board, MEMORY_FREE, why, sizeof(why)), 0);
	assert_int_equal(vms.vm[0].cpus, ~0ul);
	free(file.bytes);
}

/* --- Blobs that dtc does not write. -------------------------------------------------------------- */

/* The only place where these bytes are gets others. */
static void patch(struct file *file, const void *from, const void *to, size_t size)
{
	size_t at, found = file->size;

	for (at = 0; at + size <= file->size; at++) {
		if (memcmp(file->bytes + at, from, size) != 0)
			continue;
		assert_int_equal(found, file->size);
		found = at;
	}
	assert_int_not_equal(found, file->size);
	memcpy(file->bytes + found, to, size);
}

static void cut_off_anywhere(void **state)
{
	struct file whole = load("full");
	size_t size;

	(void)state;
	for (size = 0; size < whole.size; size++) {
		struct file part = { malloc(size ? size : 1), size };

		memcpy(part.bytes, whole.bytes, size);
		assert_int_equal(read_on(&machine, &part), -1);
		assert_memory_equal(why, "/: the description is damaged or cut short (", 44);
		free(part.bytes);
	}
	free(whole.bytes);
}

static void old_version(void **state)
{
	static const char message[] =
		"/: the description is a device tree of another version; compile it with dtc -V 17";
	struct file file = load("version-16");

	(void)state;
	assert_refused(&machine, &file, message);
	free(file.bytes);
	/* 14, as old as 0: there names are paths, and libfdt's own check falls over those that are not. */
	file = load("least");
	patch(&file, "\0\0\0\x11\0\0\0\x10", "\0\0\0\x0e\0\0\0\0", 8);
	assert_refused(&machine, &file, message);
	free(file.bytes);
}

static void names_that_dtc_refuses(void **state)
{
	struct file file = load("twin-names");

	(void)state;
	assert_int_equal(read_on(&machine, &file), 0);
	patch(&file, "\0\0\0\1b\0\0", "\0\0\0\1a\0\0", 7);
	assert_refused(&machine, &file, "/a: two VMs have this name; give one of them another");
	free(file.bytes);
	file = load("twin-names");
	patch(&file, "\0\0\0\1b\0\0", "\0\0\0\1\0\0\0", 7);
	assert_refused(&machine, &file, "/: the name of a VM is 1 to 31 letters, digits, _ or -");
	free(file.bytes);
}

static void one_property_twice(void **state)
{
	struct file file = load("twin-properties");

	(void)state;
	patch(&file, "weighu", "weight", 7);
	assert_refused(&machine, &file, "/a: weight stands there twice; take one out");
	free(file.bytes);
	file = load("twin-schedulers");
	patch(&file, "schedulee", "scheduler", 10);
	assert_refused(&machine, &file, "/: scheduler stands there twice; take one out");
	free(file.bytes);
}

static void text_without_its_end(void **state)
{
	struct file file = load("full");

	(void)state;
	patch(&file, "pl031@9010000", "pl031@9010000/", 14);
	assert_refused(&machine, &file,
		       "/Linux-1_a: devices has to be a list of paths in quotes, for instance "
		       "\"/pl031@9010000\"");
	free(file.bytes);
	file = load("full");
	patch(&file, "0 quiet", "0 quiet!", 8);
	assert_refused(&machine, &file, "/Linux-1_a: bootargs has to be one string in quotes");
	free(file.bytes);
}

static void nothing_but_text_is_printed(void **state)
{
	struct file file = load("name-character");

	(void)state;
	patch(&file, "\1a.b", "\1a\33\377", 4);
	assert_refused(&machine, &file,
		       "/a??: the name of a VM is 1 to 31 letters, digits, _ or -");
	free(file.bytes);
}

static void message_is_cut_to_its_room(void **state)
{
	struct file file = load("no-vm");
	char room[12] = "xxxxxxxxxxx";
	size_t size;

	(void)state;
	for (size = 1; size < sizeof(room); size++) {
		memset(room, 'x', sizeof(room));
		assert_int_equal(
			vms_read(&vms, file.bytes, file.size, &machine, MEMORY_FREE, room, size),
			-1);
		assert_true(strlen(room) < size);
		assert_int_equal(room[size], 'x');
	}
	free(file.bytes);
}

static void read_again_after_a_refusal(void **state)
{
	struct file wrong = load("partitioned-many"), right;

	(void)state;
	assert_int_equal(read_on(&machine, &wrong), -1);
	right = accept("least");
	assert_int_equal(vms.count, 1);
	assert_int_equal(vms.policy, SCHED_SHARED);
	free(wrong.bytes);
	free(right.bytes);
}

static void recognised_and_not_mistaken_for_a_kernel(void **state)
{
	static const uint8_t image[64] __attribute__((aligned(8))) = { [56] = 'A', 'R', 'M', 'd' };
	struct file file = load("no-vm");

	(void)state;
	assert_true(vms_recognise(file.bytes, file.size));
	assert_true(vms_recognise(file.bytes, 4));
	assert_false(vms_recognise(file.bytes, 3));
	assert_false(vms_recognise(image, sizeof(image)));
	free(file.bytes);
}

static void examples_are_right(void **state)
{
	static const char *const names[] = { EXAMPLES };
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct file file = accept(names[i]);

		free(file.bytes);
	}
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(everything_said),
		cmocka_unit_test(pci_functions),
		cmocka_unit_test(pci_on_a_machine_without),
		cmocka_unit_test(identity_mapped_vms_follow_each_other),
		cmocka_unit_test(pci_behind_an_smmu),
		cmocka_unit_test(memory_in_other_ways),
		cmocka_unit_test(bounds_are_allowed),
		cmocka_unit_test(large_initrd),
		cmocka_unit_test(partitioned_finds_a_cpu_for_each_vcpu),
		cmocka_unit_test(console_and_uart_mean_each_other),
		cmocka_unit_test(gicv2_has_eight_vcpus),
		cmocka_unit_test(firmware_ends_below_the_memory),
		cmocka_unit_test(all_of_64_cpus),
		cmocka_unit_test(cut_off_anywhere),
		cmocka_unit_test(old_version),
		cmocka_unit_test(names_that_dtc_refuses),
		cmocka_unit_test(one_property_twice),
		cmocka_unit_test(text_without_its_end),
		cmocka_unit_test(nothing_but_text_is_printed),
		cmocka_unit_test(message_is_cut_to_its_room),
		cmocka_unit_test(read_again_after_a_refusal),
		cmocka_unit_test(recognised_and_not_mistaken_for_a_kernel),
		cmocka_unit_test(examples_are_right),
	};
	static struct CMUnitTest tests[MISTAKES + sizeof(others) / sizeof(others[0])];
	unsigned i;

	memcpy(tests, others, sizeof(others));
	for (i = 0; i < MISTAKES; i++) {
		tests[sizeof(others) / sizeof(others[0]) + i] = (struct CMUnitTest){
			.name = mistakes[i].name,
			.test_func = mistake_is_refused,
			.initial_state = (void *)(uintptr_t)&mistakes[i],
		};
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("vms", tests, NULL, NULL);
}
