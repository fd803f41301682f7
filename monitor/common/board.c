/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Reading the machine's device tree (Devicetree Specification 0.4; Linux's bindings of the GIC, the
 * PL011 and of multiboot modules).
 */
#include <libfdt.h>
#include <string.h>
#include "board.h"
#include "console.h"
#include "panic.h"

static const struct {
	const char *compatible;
	enum node_policy policy;
} node_policies[] = {
	/* The virtual one stands at its address. */
	{ "arm,gic-v3", NODE_KEEP },         { "arm,cortex-a15-gic", NODE_KEEP },
	{ "arm,gic-400", NODE_KEEP },        { "arm,armv8-timer", NODE_KEEP },
	{ "arm,psci", NODE_KEEP },           { "arm,psci-0.2", NODE_KEEP },
	{ "arm,psci-1.0", NODE_KEEP },       { "fixed-clock", NODE_KEEP },
	{ "arm,pl011", NODE_PASS },          { "arm,pl031", NODE_PASS },
	{ "virtio,mmio", NODE_PASS_MASTER },
};

enum node_policy board_node_policy(const void *dtb, int node)
{
	static const char *const by_name[] = { "memory", "cpus", "chosen", "aliases" };
	const char *name = fdt_get_name(dtb, node, NULL);
	const char *status = fdt_getprop(dtb, node, "status", NULL);
	unsigned i;

	for (i = 0; i < sizeof(by_name) / sizeof(by_name[0]); i++) {
		size_t length = strlen(by_name[i]);

		if (strncmp(name, by_name[i], length) == 0 &&
		    (!name[length] || name[length] == '@'))
			return NODE_KEEP;
	}
	if (status && strcmp(status, "okay") != 0)
		return NODE_DROP; /* the secure world's, for one */
	for (i = 0; i < sizeof(node_policies) / sizeof(node_policies[0]); i++) {
		if (fdt_node_check_compatible(dtb, node, node_policies[i].compatible) == 0)
			return node_policies[i].policy;
	}
	return NODE_DROP;
}

/* QEMU's modules count on the root's cells, which /chosen does not repeat: look further up. */
static int node_with_cells(const void *dtb, int node)
{
	do {
		node = fdt_parent_offset(dtb, node);
	} while (node > 0 && !fdt_getprop(dtb, node, "#address-cells", NULL));
	return node;
}

/* The `index`th range of "reg". */
static bool node_reg(const void *dtb, int node, unsigned index, uint64_t *start, uint64_t *size)
{
	int parent = node_with_cells(dtb, node);
	int address_cells = fdt_address_cells(dtb, parent);
	int size_cells = fdt_size_cells(dtb, parent);
	int length, cell;
	const fdt32_t *reg = fdt_getprop(dtb, node, "reg", &length);

	if (!reg || address_cells < 1 || size_cells < 0 ||
	    length < (int)(index + 1) * (address_cells + size_cells) * 4)
		return false;
	reg += index * (address_cells + size_cells);
	*start = 0;
	*size = 0;
	for (cell = 0; cell < address_cells; cell++)
		*start = *start << 32 | fdt32_to_cpu(*reg++);
	for (cell = 0; cell < size_cells; cell++)
		*size = *size << 32 | fdt32_to_cpu(*reg++);
	return true;
}

/* The first interrupt of a node whose parent is the GIC: three cells. */
static uint16_t node_interrupt(const void *dtb, int node, bool *edge)
{
	int length;
	const fdt32_t *cell = fdt_getprop(dtb, node, "interrupts", &length);
	uint32_t number;

	*edge = false;
	if (!cell || length < 12)
		return 0;
	number = fdt32_to_cpu(cell[1]);
	*edge = (fdt32_to_cpu(cell[2]) & 0xf) < 4;
	if (fdt32_to_cpu(cell[0]) == 0)
		return number < 988 ? number + 32 : 0;
	return number < 16 ? number + 16 : 0;
}

uint64_t board_uart(const void *dtb)
{
	int chosen = fdt_path_offset(dtb, "/chosen");
	const char *path = fdt_getprop(dtb, chosen, "stdout-path", NULL);
	int node = -1;
	uint64_t start, size;

	if (path)
		node = fdt_path_offset_namelen(dtb, path, strcspn(path, ":"));
	if (node < 0 || fdt_node_check_compatible(dtb, node, "arm,pl011") != 0)
		node = fdt_node_offset_by_compatible(dtb, -1, "arm,pl011");
	if (node < 0 || !node_reg(dtb, node, 0, &start, &size))
		return 0;
	return start;
}

bool board_psci_is_smc(const void *dtb)
{
	int node = fdt_node_offset_by_compatible(dtb, -1, "arm,psci-0.2");
	const char *method;

	if (node < 0)
		node = fdt_node_offset_by_compatible(dtb, -1, "arm,psci-1.0");
	method = node < 0 ? NULL : fdt_getprop(dtb, node, "method", NULL);
	return !method || strcmp(method, "smc") == 0;
}

static void read_memory(struct board *board, uint64_t near)
{
	int node = -1;
	uint64_t start, size;
	unsigned index;

	while ((node = fdt_node_offset_by_prop_value(board->dtb, node, "device_type", "memory",
						     7)) >= 0) {
		for (index = 0; node_reg(board->dtb, node, index, &start, &size); index++) {
			if (near >= start && near - start < size) {
				board->memory = start;
				board->memory_size = size;
				return;
			}
		}
	}
	panic("the device tree has no memory at 0x%lx, where we are", near);
}

static void read_cpus(struct board *board)
{
	int cpus = fdt_path_offset(board->dtb, "/cpus");
	int node;
	uint64_t mpidr, none;

	fdt_for_each_subnode(node, board->dtb, cpus)
	{
		const char *type = fdt_getprop(board->dtb, node, "device_type", NULL);

		if (!type || strcmp(type, "cpu") != 0 ||
		    !node_reg(board->dtb, node, 0, &mpidr, &none))
			continue;
		if (board->cpu_count == BOARD_CPUS) {
			print("carillon: more than %d CPUs: the others stay off\n", BOARD_CPUS);
			break;
		}
		board->cpu[board->cpu_count++] = mpidr;
	}
	if (board->cpu_count == 0)
		panic("the device tree has no CPUs");
}

static const struct {
	const char *compatible;
	unsigned version, frames;
} gics[] = {
	{ "arm,gic-v3", 3, GIC_REDIST + 1 },
	{ "arm,cortex-a15-gic", 2, GIC_VCPUIF + 1 },
	{ "arm,gic-400", 2, GIC_VCPUIF + 1 },
};

static int find_gic(const void *dtb, unsigned *kind)
{
	int node = -1;

	for (*kind = 0; *kind < sizeof(gics) / sizeof(gics[0]); ++*kind) {
		node = fdt_node_offset_by_compatible(dtb, -1, gics[*kind].compatible);
		if (node >= 0)
			break;
	}
	return node;
}

int board_gic_node(const void *dtb)
{
	unsigned kind;

	return find_gic(dtb, &kind);
}

static void read_gic(struct board *board)
{
	const fdt32_t *regions;
	unsigned kind, i;
	int node = find_gic(board->dtb, &kind);
	bool edge;

	if (node < 0)
		panic("the device tree has neither a GICv3 nor a GICv2");
	board->gic_version = gics[kind].version;
	for (i = 0; i < gics[kind].frames; i++) {
		if (!node_reg(board->dtb, node, i, &board->gic[i].start, &board->gic[i].size))
			panic("the GIC's node has %u ranges of %u: no virtualization extensions", i,
			      gics[kind].frames);
	}
	regions = fdt_getprop(board->dtb, node, "#redistributor-regions", NULL);
	if (regions && fdt32_to_cpu(*regions) != 1)
		print("carillon: only the first region of redistributors is used\n");
	board->maintenance = node_interrupt(board->dtb, node, &edge);
	if (!board->maintenance)
		panic("the GIC has no maintenance interrupt");
}

/* Children of the GIC's node; frames of 128 KB, more with GICv4.1. */
static void read_its(struct board *board)
{
	int node, parent = board_gic_node(board->dtb);
	uint64_t start, size;

	fdt_for_each_subnode(node, board->dtb, parent)
	{
		if (fdt_node_check_compatible(board->dtb, node, "arm,gic-v3-its") != 0 ||
		    !node_reg(board->dtb, node, 0, &start, &size) || size < 0x20000)
			continue;
		if (board->its_count == BOARD_ITS) {
			print("carillon: more than %d ITSs: the others are not used\n", BOARD_ITS);
			break;
		}
		board->its[board->its_count].start = start;
		board->its[board->its_count].phandle = fdt_get_phandle(board->dtb, node);
		board->its_count++;
	}
}

/* Of "ranges", the first piece of 32-bit memory: three cells, two, two (PCI Bus Binding 2.1 2.2.1.1). */
static void read_window(struct board_pci *pci, const void *dtb, int node)
{
	int length;
	const fdt32_t *range = fdt_getprop(dtb, node, "ranges", &length);

	for (; range && length >= 28; range += 7, length -= 28) {
		uint64_t cell[7];
		unsigned i;

		for (i = 0; i < 7; i++)
			cell[i] = fdt32_to_cpu(range[i]);
		if ((cell[0] >> 24 & 3) != 2)
			continue;
		pci->bus = cell[1] << 32 | cell[2];
		pci->window = cell[3] << 32 | cell[4];
		pci->window_size = cell[5] << 32 | cell[6];
		return;
	}
}

static void read_msis(struct board_pci *pci, const void *dtb, int node)
{
	int length;
	const fdt32_t *map = fdt_getprop(dtb, node, "msi-map", &length);

	for (; map && length >= 16 && pci->msis < BOARD_MSIS; map += 4, length -= 16) {
		pci->msi[pci->msis].first = fdt32_to_cpu(map[0]);
		pci->msi[pci->msis].its = fdt32_to_cpu(map[1]);
		pci->msi[pci->msis].device = fdt32_to_cpu(map[2]);
		pci->msi[pci->msis].count = fdt32_to_cpu(map[3]);
		pci->msis++;
	}
}

/* Its first interrupt is that of events, if they are named in this order, as they are on QEMU's board. */
static void read_smmu(struct board *board)
{
	int node = fdt_node_offset_by_compatible(board->dtb, -1, "arm,smmu-v3");
	const char *names = fdt_getprop(board->dtb, node, "interrupt-names", NULL);
	bool edge;

	if (node < 0 || !node_reg(board->dtb, node, 0, &board->smmu.start, &board->smmu.size))
		return;
	if (board->smmu.size < 0x20000)
		board->smmu.size = 0;
	board->smmu_phandle = fdt_get_phandle(board->dtb, node);
	if (names && strcmp(names, "eventq") == 0)
		board->smmu_intid = node_interrupt(board->dtb, node, &edge);
}

/* "iommu-map" of one piece. */
static void read_streams(struct board *board, int node)
{
	int length;
	const fdt32_t *map = fdt_getprop(board->dtb, node, "iommu-map", &length);

	if (!map || length != 16)
		return;
	board->pci.iommu.first = fdt32_to_cpu(map[0]);
	board->pci.iommu.smmu = fdt32_to_cpu(map[1]);
	board->pci.iommu.stream = fdt32_to_cpu(map[2]);
	board->pci.iommu.count = fdt32_to_cpu(map[3]);
}

bool board_stream(const struct board *board, uint32_t rid, uint32_t *stream)
{
	if (!board->smmu.size || board->pci.iommu.smmu != board->smmu_phandle ||
	    rid < board->pci.iommu.first || rid - board->pci.iommu.first >= board->pci.iommu.count)
		return false;
	*stream = board->pci.iommu.stream + (rid - board->pci.iommu.first);
	return true;
}

static void read_pci(struct board *board)
{
	int node = fdt_node_offset_by_compatible(board->dtb, -1, BOARD_PCI_COMPATIBLE);
	struct board_pci *pci = &board->pci;

	if (node < 0)
		return;
	if (!node_reg(board->dtb, node, 0, &pci->ecam, &pci->ecam_size) ||
	    pci->ecam_size < 0x100000) {
		pci->ecam_size = 0;
		return;
	}
	read_window(pci, board->dtb, node);
	read_streams(board, node);
	read_msis(pci, board->dtb, node);
}

bool board_msi(const struct board *board, uint32_t rid, unsigned *its, uint32_t *device)
{
	unsigned i;

	for (i = 0; i < board->pci.msis; i++) {
		uint32_t first = board->pci.msi[i].first;

		if (rid < first || rid - first >= board->pci.msi[i].count)
			continue;
		*device = board->pci.msi[i].device + (rid - first);
		for (*its = 0; *its < board->its_count; ++*its) {
			if (board->its[*its].phandle == board->pci.msi[i].its)
				return true;
		}
	}
	return false;
}

static void read_devices(struct board *board)
{
	int node = fdt_node_offset_by_compatible(board->dtb, -1, "cfi-flash");

	if (node >= 0 && !node_reg(board->dtb, node, 1, &board->flash, &board->flash_size))
		board->flash_size = 0;

	fdt_for_each_subnode(node, board->dtb, 0)
	{
		enum node_policy policy = board_node_policy(board->dtb, node);
		struct board_device *device = &board->device[board->device_count];

		if (policy < NODE_PASS)
			continue;
		if (board->device_count == BOARD_DEVICES)
			panic("more than %d devices", BOARD_DEVICES);
		if (!node_reg(board->dtb, node, 0, &device->start, &device->size))
			continue;
		device->intid = node_interrupt(board->dtb, node, &device->edge);
		device->masters = policy == NODE_PASS_MASTER;
		device->name = fdt_get_name(board->dtb, node, NULL);
		if (device->start == board->uart)
			board->uart_intid = device->intid;
		board->device_count++;
	}
}

static uint64_t chosen_number(const void *dtb, int chosen, const char *name)
{
	int length;
	const fdt32_t *cell = fdt_getprop(dtb, chosen, name, &length);

	if (!cell || length < 4)
		return 0;
	return length < 8 ? fdt32_to_cpu(cell[0])
			  : (uint64_t)fdt32_to_cpu(cell[0]) << 32 | fdt32_to_cpu(cell[1]);
}

/* Multiboot modules; without a kernel among them, the initrd is the guest and its arguments ours. */
static void read_modules(struct board *board)
{
	const void *dtb = board->dtb;
	int chosen = fdt_path_offset(dtb, "/chosen");
	uint64_t start, end;
	int node;

	fdt_for_each_subnode(node, dtb, chosen)
	{
		struct blob *blob = NULL;

		if (fdt_node_check_compatible(dtb, node, "multiboot,kernel") == 0) {
			blob = &board->kernel;
			board->bootargs = fdt_getprop(dtb, node, "bootargs", NULL);
		} else if (fdt_node_check_compatible(dtb, node, "multiboot,ramdisk") == 0) {
			blob = &board->ramdisk;
		}
		if (blob && !node_reg(dtb, node, 0, &blob->start, &blob->size))
			panic("module %s has no address", fdt_get_name(dtb, node, NULL));
	}
	if (!board->kernel.size) {
		start = chosen_number(dtb, chosen, "linux,initrd-start");
		end = chosen_number(dtb, chosen, "linux,initrd-end");
		if (start && end > start)
			board->kernel = (struct blob){ start, end - start };
		board->bootargs = fdt_getprop(dtb, chosen, "bootargs", NULL);
	}
}

void board_read(struct board *board, struct options *options, const void *dtb, uint64_t near)
{
	const char *words;

	board->dtb = dtb;
	board->uart = board_uart(dtb);
	board->psci_smc = board_psci_is_smc(dtb);
	words = fdt_getprop(dtb, fdt_path_offset(dtb, "/chosen"), "bootargs", NULL);
	if (words)
		options_parse(options, words);
	read_memory(board, near);
	read_cpus(board);
	read_gic(board);
	read_its(board);
	read_smmu(board);
	read_pci(board);
	read_devices(board);
	read_modules(board);
}
