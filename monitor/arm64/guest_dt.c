/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The guest's device tree: the machine's, without what the guest does not get. A node at the top
 * stays only if board_node_policy() knows it.
 */
#include <libfdt.h>
#include <stdio.h>
#include <string.h>
#include "pci.h"
#include "../common/panic.h"
#include "../common/seed.h"

static void check(int result, const char *what)
{
	if (result < 0)
		panic("the guest's device tree: %s: %s", what, fdt_strerror(result));
}

static bool board_is_uart(const struct board *board, const char *name)
{
	unsigned i;

	for (i = 0; i < board->device_count; i++) {
		if (board->device[i].start == board->uart)
			return strcmp(board->device[i].name, name) == 0;
	}
	return false;
}

/* A device of the machine's is there if it is this VM's; of its console, also if it is emulated. */
static bool is_seen(const void *dtb, int node, const struct board *board, const struct vm *vm)
{
	enum node_policy policy = board_node_policy(dtb, node);
	const char *name = fdt_get_name(dtb, node, NULL);

	if (vm->pci && fdt_node_check_compatible(dtb, node, BOARD_PCI_COMPATIBLE) == 0)
		return true;
	if (policy < NODE_PASS)
		return policy == NODE_KEEP;
	return vm_has_device(vm, board, name) ||
	       (vm->description->console == CONSOLE_EMULATED && board_is_uart(board, name));
}

static void drop_unknown(void *dtb, const struct board *board, const struct vm *vm)
{
	int node, next;

	for (node = fdt_first_subnode(dtb, 0); node >= 0; node = next) {
		next = fdt_next_subnode(dtb, node);
		if (!is_seen(dtb, node, board, vm)) {
			check(fdt_del_node(dtb, node), "drop");
			/* Offsets moved: start over; what stays is skipped quickly. */
			next = fdt_first_subnode(dtb, 0);
		}
	}
}

static void drop_children(void *dtb, int parent)
{
	int node;

	while ((node = fdt_first_subnode(dtb, parent)) >= 0)
		check(fdt_del_node(dtb, node), "drop");
}

/* One node of memory; the guest's bank replaces the first, others go. */
static void set_memory(void *dtb, const struct vm *guest)
{
	char name[32] = "memory@";
	fdt64_t reg[2] = { cpu_to_fdt64(guest->ram), cpu_to_fdt64(guest->ram_size) };
	unsigned at = 7;
	int node, shift;

	while ((node = fdt_node_offset_by_prop_value(dtb, -1, "device_type", "memory", 7)) >= 0)
		check(fdt_del_node(dtb, node), "memory");
	for (shift = 60; shift >= 0; shift -= 4) {
		unsigned digit = guest->ram >> shift & 15;

		if (digit || at > 7 || !shift)
			name[at++] = "0123456789abcdef"[digit];
	}
	check(fdt_address_cells(dtb, 0) == 2 && fdt_size_cells(dtb, 0) == 2 ? 0
									    : -FDT_ERR_BADNCELLS,
	      "memory");
	node = fdt_add_subnode(dtb, 0, name);
	check(node, "memory");
	check(fdt_setprop(dtb, node, "reg", reg, sizeof(reg)), "memory");
	check(fdt_setprop_string(dtb, node, "device_type", "memory"), "memory");
}

static bool is_cpu(const void *dtb, int node)
{
	const char *type = fdt_getprop(dtb, node, "device_type", NULL);

	return type && strcmp(type, "cpu") == 0;
}

/*
 * As many as there are vCPUs, with the affinities that the vGIC gave them, all started by PSCI; each is
 * like the machine's first one. A new node comes before those that are there.
 */
static void set_cpus(void *dtb, const struct vm *guest)
{
	int parent = fdt_path_offset(dtb, "/cpus");
	int cells = fdt_address_cells(dtb, parent);
	char compatible[64] = "arm,armv8";
	unsigned i = guest->vcpus;
	int length = sizeof("arm,armv8"), node;

	fdt_for_each_subnode(node, dtb, parent)
	{
		int size;
		const void *is = fdt_getprop(dtb, node, "compatible", &size);

		if (!is_cpu(dtb, node) || !is || size > (int)sizeof(compatible))
			continue;
		memcpy(compatible, is, (size_t)size);
		length = size;
		break;
	}
	drop_children(dtb, parent); /* cpu-map, too, which may name CPUs that go */
	while (i--) {
		uint64_t affinity = vgic_mpidr(guest->vgic, i);
		fdt32_t reg[2] = { cpu_to_fdt32(affinity >> 32),
				   cpu_to_fdt32(affinity & 0xffffff) };
		char name[16];

		snprintf(name, sizeof(name), "cpu@%lx", affinity);
		node = fdt_add_subnode(dtb, parent, name);
		check(node, "cpu");
		check(fdt_setprop(dtb, node, "reg", cells == 2 ? reg : reg + 1, cells * 4), "cpu");
		check(fdt_setprop_string(dtb, node, "enable-method", "psci"), "cpu");
		check(fdt_setprop(dtb, node, "compatible", compatible, length), "cpu");
		check(fdt_setprop_string(dtb, node, "device_type", "cpu"), "cpu");
	}
}

/* What QEMU calls the calls, plain old numbers included, stays; only the conduit changes. */
static void set_psci(void *dtb)
{
	int node = fdt_path_offset(dtb, "/psci");

	check(node, "psci");
	check(fdt_setprop_string(dtb, node, "method", "hvc"), "psci");
}

/* Linux Documentation/devicetree/bindings/arm/firmware/sdei.txt. */
static void set_sdei(void *dtb, const struct vm *guest)
{
	int parent = fdt_path_offset(dtb, "/firmware"), node;

	if (!guest->sdei)
		return;
	if (parent < 0)
		parent = fdt_add_subnode(dtb, 0, "firmware");
	check(parent, "firmware");
	node = fdt_add_subnode(dtb, parent, "sdei");
	check(node, "sdei");
	check(fdt_setprop_string(dtb, node, "compatible", "arm,sdei-1.0"), "sdei");
	check(fdt_setprop_string(dtb, node, "method", "hvc"), "sdei");
}

/* The first `count` ranges of a node at the top. */
static void keep_ranges(void *dtb, int node, unsigned count)
{
	unsigned bytes = (fdt_address_cells(dtb, 0) + fdt_size_cells(dtb, 0)) * 4 * count;
	fdt32_t ranges[8];
	int length;
	const void *reg = fdt_getprop(dtb, node, "reg", &length);

	if (!reg || length < (int)bytes || bytes > sizeof(ranges))
		panic("the guest's device tree: ranges of the GIC");
	memcpy(ranges, reg, bytes);
	check(fdt_setprop(dtb, node, "reg", ranges, bytes), "gic");
}

/* Its virtual ITS stands where the machine's first one does; others, and MSI frames, go. */
static bool is_its(const void *dtb, int node, const struct board *board, const struct vm *guest)
{
	return guest->vits && fdt_get_phandle(dtb, node) == board->its[0].phandle;
}

static void keep_its(void *dtb, int gic, const struct board *board, const struct vm *guest)
{
	int node = fdt_first_subnode(dtb, gic);

	while (node >= 0) {
		if (is_its(dtb, node, board, guest)) {
			node = fdt_next_subnode(dtb, node);
		} else {
			check(fdt_del_node(dtb, node), "drop");
			node = fdt_first_subnode(dtb, gic); /* offsets moved */
		}
	}
}

/*
 * No maintenance interrupt, and of a GICv2 only what a guest has: the guest is not a hypervisor.
 */
static void set_gic(void *dtb, const struct board *board, const struct vm *guest)
{
	int node = board_gic_node(dtb);

	check(node, "gic");
	keep_its(dtb, node, board, guest);
	fdt_delprop(dtb, node, "interrupts");
	if (board->gic_version == 2)
		keep_ranges(dtb, node, GIC_CPUIF + 1);
}

static void set_cells(void *dtb, int node, const char *name, const uint64_t *cell, unsigned count)
{
	fdt32_t bytes[8];
	unsigned i;

	for (i = 0; i < count; i++)
		bytes[i] = cpu_to_fdt32((uint32_t)cell[i]);
	check(fdt_setprop(dtb, node, name, bytes, 4 * (int)count), name);
}

/*
 * The host bridge: one bus, one window of 32-bit memory, no I/O, no INTx, no IOMMU; messages to the guest's
 * ITS, if it has one, where a function has its requester ID.
 */
static void set_pci(void *dtb, const struct board *board, const struct vm *guest)
{
	int node = fdt_node_offset_by_compatible(dtb, -1, BOARD_PCI_COMPATIBLE);
	int its = fdt_node_offset_by_compatible(dtb, -1, "arm,gic-v3-its");
	uint32_t its_phandle = its < 0 ? 0 : fdt_get_phandle(dtb, its);
	static const char *const gone[] = { "interrupt-map",    "interrupt-map-mask",
					    "#interrupt-cells", "iommu-map",
					    "iommu-map-mask",   "msi-map",
					    "msi-map-mask",     "msi-parent" };
	uint64_t bus, start, size, ecam = board->pci.ecam;
	unsigned i;

	if (!guest->pci)
		return;
	check(node, "pci");
	for (i = 0; i < sizeof(gone) / sizeof(gone[0]); i++)
		fdt_delprop(dtb, node, gone[i]);
	pci_window(guest, &bus, &start, &size);
	set_cells(dtb, node, "reg", (uint64_t[]){ ecam >> 32, ecam, 0, PCI_BUS_SIZE }, 4);
	set_cells(dtb, node, "bus-range", (uint64_t[]){ 0, 0 }, 2);
	set_cells(dtb, node, "ranges",
		  (uint64_t[]){ 2u << 24, bus >> 32, bus, start >> 32, start, size >> 32, size },
		  7);
	if (its_phandle)
		set_cells(dtb, node, "msi-map", (uint64_t[]){ 0, its_phandle, 0, 0x100 }, 4);
}

static void set_chosen(void *dtb, const char *bootargs, const struct blob *ramdisk)
{
	int node = fdt_path_offset(dtb, "/chosen");

	if (node < 0)
		node = fdt_add_subnode(dtb, 0, "chosen");
	check(node, "chosen");
	drop_children(dtb, node);
	if (bootargs)
		check(fdt_setprop_string(dtb, node, "bootargs", bootargs), "bootargs");
	fdt_delprop(dtb, node, "linux,initrd-start");
	fdt_delprop(dtb, node, "linux,initrd-end");
	if (!ramdisk->size)
		return;
	check(fdt_setprop_u64(dtb, node, "linux,initrd-start", ramdisk->start), "initrd");
	check(fdt_setprop_u64(dtb, node, "linux,initrd-end", ramdisk->start + ramdisk->size),
	      "initrd");
}

/*
 * What the machine has of randomness, guests must not share: each one of several gets seeds of its own
 * made of it, and none if it has none.
 */
static void set_seeds(void *dtb, const struct board *board, const struct vm *guest)
{
	static const uint8_t nonce[SEED_NONCE];
	int node = fdt_path_offset(dtb, "/chosen"), length = 0;
	const uint8_t *key = fdt_getprop(board->dtb, fdt_path_offset(board->dtb, "/chosen"),
					 "rng-seed", &length);
	uint8_t block[SEED_BLOCK];

	fdt_delprop(dtb, node, "rng-seed");
	fdt_delprop(dtb, node, "kaslr-seed");
	if (!key || length < SEED_KEY)
		return;
	seed_block(block, key, guest->index, nonce);
	check(fdt_setprop(dtb, node, "rng-seed", block, 32), "rng-seed");
	check(fdt_setprop(dtb, node, "kaslr-seed", block + 32, 8), "kaslr-seed");
}

/* `from_user`: the buffer has the user's tree; only what a boot loader fills in is set. */
void guest_dt_make(void *buffer, size_t size, const struct board *board, const struct vm *guest,
		   const struct blob *ramdisk, bool from_user)
{
	const char *bootargs = guest->description->bootargs;

	if (!from_user) {
		check(fdt_open_into(board->dtb, buffer, size), "open");
		drop_unknown(buffer, board, guest);
		set_memory(buffer, guest);
		set_cpus(buffer, guest);
		set_psci(buffer);
		set_sdei(buffer, guest);
		set_gic(buffer, board, guest);
		set_pci(buffer, board, guest);
		set_chosen(buffer, bootargs ? bootargs : "", ramdisk);
		if (guest->reloadable) /* one of a set */
			set_seeds(buffer, board, guest);
	} else {
		set_chosen(buffer, bootargs, ramdisk);
	}
	check(fdt_pack(buffer), "pack");
}
