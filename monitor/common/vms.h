/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The description of a set of virtual machines: a device-tree blob with the payloads inside it.
 * docs/vm-description.md is its schema; here is what becomes of it.
 */
#ifndef MONITOR_COMMON_VMS_H
#define MONITOR_COMMON_VMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "board.h"

#define VMS_COMPATIBLE "carillon,vms"

#define VMS_MAX         16
#define VMS_VCPUS       256 /* of all VMs together */
#define VM_VCPUS        64  /* of one */
#define VM_VCPUS_GICV2  8
#define VM_NAME_LENGTH  31
#define VM_BOOTARGS     2047 /* characters: what an arm64 Linux takes */
#define VM_WEIGHT       100
#define VM_WEIGHT_MAX   1000
#define VM_MEMORY_ALIGN 0x200000ul
#define VMS_WHY         400 /* bytes that hold any message */

/* The header of an arm64 Image (Linux Documentation/arch/arm64/booting). */
struct image_header {
	uint32_t code[2];
	uint64_t text_offset, image_size, flags, reserved[3];
	uint32_t magic, reserved2;
};

#define IMAGE_MAGIC 0x644d5241u

/* Where a kernel without a header of its own goes, and the room that a VM's device tree gets. */
#define VM_FLAT_OFFSET 0x80000ul
#define VM_DTB_ROOM    0x100000ul

enum vm_console { CONSOLE_EMULATED, CONSOLE_PASSED, CONSOLE_NONE };

/* The version of SDEI that it is offered. */
enum vm_sdei { VM_SDEI_NONE, VM_SDEI_1_0, VM_SDEI_1_1 };

#define VM_WATCHDOG_MAX 3600 /* seconds */

/*
 * Names and payloads point into the blob, where only the alignment of a cell, 4, is sure. A payload
 * that is not given has size 0. Of `dtb`, only magic and size are checked: vms_check_tree() says more
 * once it has been moved to where it is aligned.
 */
struct vm_description {
	const char *name;
	struct blob kernel, ramdisk, dtb; /* dtb: made from the machine's, if none is given */
	bool firmware;                    /* the kernel is an image for guest address 0 */
	bool identity;                    /* guest addresses of memory are physical ones */
	uint64_t load;                    /* a flat binary's address; 0: at VM_FLAT_OFFSET */
	const char *bootargs;             /* NULL: none are given */
	unsigned vcpus;
	unsigned weight;
	uint64_t memory; /* bytes, a multiple of VM_MEMORY_ALIGN */
	uint64_t ram;    /* the guest address where they start */
	uint64_t cpus;   /* a bit for each physical CPU that it may run on, never 0 */
	enum vm_console console;
	unsigned device_count;
	uint16_t device[BOARD_DEVICES]; /* in board->device, the console's UART among them */
	enum vm_sdei sdei;
	unsigned watchdog; /* seconds; 0: there is none */
	unsigned pci_count;
	uint16_t pci[BOARD_PCI]; /* in board->pci.function */
	bool software_messages;  /* theirs are not delivered by hardware from the start */
};

/*
 * SCHED_PARTITIONED: each vCPU has a physical CPU to itself. Then `cpus` of the VMs are disjoint and
 * have as many bits as the VM has vCPUs: vms_read() picks them from those that the description allows.
 */
enum sched_policy { SCHED_SHARED, SCHED_PARTITIONED };

struct vms {
	unsigned count;
	enum sched_policy policy;
	struct vm_description vm[VMS_MAX];
};

/* Whether the `size` bytes at `blob` are a description, right or wrong, and not a kernel. */
bool vms_recognise(const void *blob, size_t size);

/*
 * Whether a device tree from outside is safe for libfdt's functions: of version 17, all of it in the
 * `size` bytes at `tree`, every node and property whole. 0 or an error of libfdt's (fdt_strerror()).
 * The tree has to be 8-byte aligned.
 */
int vms_check_tree(const void *tree, size_t size);

/*
 * Reads a description. `blob`: `size` bytes, 8-byte aligned, of which nothing is taken for granted;
 * they must stay as they are while `vms` is in use. `memory_free`: bytes that the VMs may have
 * together. Their memory starts at board->memory, as they see it; of those that are identity-mapped the
 * first one's does, and each other's behind the one before.
 *
 * Returns 0, or -1 with a sentence in `why` (`why_size` bytes: VMS_WHY; cut off if they are fewer,
 * NUL-terminated, without control characters) that names the node and the property and says what to
 * do; `vms` is of no use then. May be called again. Boot time only.
 */
int vms_read(struct vms *vms, const void *blob, size_t size, const struct board *board,
	     uint64_t memory_free, char *why, size_t why_size);

#endif
