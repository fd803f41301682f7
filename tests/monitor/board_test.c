/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What the hypervisor reads from a machine's device tree: QEMU's for its virt board, with either GIC.
 * Expected values are the board's (QEMU's documentation and hw/arm/virt.c's memory map), GIC bindings'
 * (an SPI's INTID is its number + 32, a PPI's + 16) and multiboot's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <libfdt.h>
#include "board.h"
#include "console.h"
#include "panic.h"

#define NEAR 0x40080000ul /* where the hypervisor is, for instance */

static struct board board;
static struct options options;
static uint64_t tree[0x200000 / 8];
static char said[256];
static jmp_buf panicked;

void print(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(said, sizeof(said), format, arguments);
	va_end(arguments);
}

void panic(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(said, sizeof(said), format, arguments);
	va_end(arguments);
	longjmp(panicked, 1);
}

/* A machine's tree, with room for what a test adds. */
static void machine(const char *name)
{
	static uint64_t file[sizeof(tree) / 8];
	char path[256];
	FILE *stream;

	snprintf(path, sizeof(path), BUILD "/tests/monitor/machines/%s.dtb", name);
	stream = fopen(path, "rb");
	if (!stream || !fread(file, 1, sizeof(file), stream))
		fail_msg("%s cannot be read", path);
	fclose(stream);
	assert_int_equal(fdt_open_into(file, tree, sizeof(tree)), 0);
	memset(&board, 0, sizeof(board));
	memset(&options, 0, sizeof(options));
	said[0] = 0;
}

static void read_machine(void)
{
	if (setjmp(panicked))
		fail_msg("panic: %s", said);
	board_read(&board, &options, tree, NEAR);
}

static void assert_panics(const char *message)
{
	memset(&board, 0, sizeof(board));
	if (setjmp(panicked)) {
		assert_string_equal(said, message);
		return;
	}
	board_read(&board, &options, tree, NEAR);
	fail_msg("there is no panic: %s", message);
}

static const struct board_device *device(const char *name)
{
	unsigned i;

	for (i = 0; i < board.device_count; i++) {
		if (strcmp(board.device[i].name, name) == 0)
			return &board.device[i];
	}
	fail_msg("there is no device %s", name);
	return NULL;
}

static int chosen(void)
{
	int node = fdt_path_offset(tree, "/chosen");

	return node >= 0 ? node : fdt_add_subnode(tree, 0, "chosen");
}

/* --- The machine. -------------------------------------------------------------------------------- */

static void gicv3_machine(void **state)
{
	(void)state;
	machine("virt-3");
	read_machine();
	assert_int_equal(board.memory, 0x40000000);
	assert_int_equal(board.memory_size, 1ul << 30);
	assert_int_equal(board.gic_version, 3);
	assert_int_equal(board.gic[GIC_DIST].start, 0x8000000);
	assert_int_equal(board.gic[GIC_REDIST].start, 0x80a0000);
	assert_int_equal(board.its_count, 1);
	assert_int_equal(board.its[0].start, 0x8080000);
	assert_int_equal(board.its[0].phandle,
			 fdt_get_phandle(tree, fdt_path_offset(tree, "/intc/its")));
	assert_int_equal(board.maintenance, 25);
	assert_int_equal(board.cpu_count, 3);
	assert_int_equal(board.cpu[2], 2);
	assert_int_equal(board.uart, 0x9000000);
	assert_int_equal(board.uart_intid, 33);
	assert_true(board.psci_smc);
	assert_int_equal(board.kernel.size, 0);
	assert_int_equal(board_uart(tree), 0x9000000);
}

/* hw/arm/virt.c: ECAM above all memory, one window of 32-bit memory, each requester ID to the one ITS. */
static void pci_of_the_machine(void **state)
{
	uint32_t device = 0;
	unsigned its = 9;

	(void)state;
	machine("virt-3");
	read_machine();
	assert_int_equal(board.pci.ecam, 0x4010000000);
	assert_int_equal(board.pci.ecam_size, 0x10000000);
	assert_int_equal(board.pci.window, 0x10000000);
	assert_int_equal(board.pci.bus, 0x10000000);
	assert_int_equal(board.pci.window_size, 0x2eff0000);
	assert_true(board_msi(&board, 0x18, &its, &device));
	assert_int_equal(its, 0);
	assert_int_equal(device, 0x18);
	assert_false(board_msi(&board, 0x10000, &its, &device));
	board.its[0].phandle++;
	assert_false(board_msi(&board, 0x18, &its, &device));
}

static void msi_map_has_pieces(void **state)
{
	uint32_t device = 0;
	unsigned its;
	fdt32_t map[8];
	int node;

	(void)state;
	machine("virt-3");
	node = fdt_path_offset(tree, "/intc/its");
	map[0] = cpu_to_fdt32(0x8);
	map[1] = map[5] = cpu_to_fdt32(fdt_get_phandle(tree, node));
	map[2] = cpu_to_fdt32(0x1000);
	map[3] = cpu_to_fdt32(2);
	map[4] = cpu_to_fdt32(0x100);
	map[6] = cpu_to_fdt32(0x20);
	map[7] = cpu_to_fdt32(1);
	node = fdt_node_offset_by_compatible(tree, -1, "pci-host-ecam-generic");
	assert_int_equal(fdt_setprop(tree, node, "msi-map", map, sizeof(map)), 0);
	read_machine();
	assert_false(board_msi(&board, 0x7, &its, &device));
	assert_true(board_msi(&board, 0x9, &its, &device));
	assert_int_equal(device, 0x1001);
	assert_false(board_msi(&board, 0xa, &its, &device));
	assert_true(board_msi(&board, 0x100, &its, &device));
	assert_int_equal(device, 0x20);
}

static void smmu_of_the_machine(void **state)
{
	uint32_t stream = 0;

	(void)state;
	machine("virt-3");
	read_machine();
	assert_int_equal(board.smmu.size, 0);
	assert_false(board_stream(&board, 0x18, &stream));
	machine("virt-smmu");
	read_machine();
	assert_int_equal(board.smmu.start, 0x9050000);
	assert_int_equal(board.smmu.size, 0x20000);
	assert_int_equal(board.smmu_intid, 74 + 32);
	assert_false(board.pci.contained); /* that is for the monitor to find out */
	assert_true(board_stream(&board, 0x18, &stream));
	assert_int_equal(stream, 0x18);
	assert_false(board_stream(&board, 0x10000, &stream));
	board.pci.iommu.stream = 0x100;
	board.pci.iommu.first = 0x10;
	assert_true(board_stream(&board, 0x18, &stream));
	assert_int_equal(stream, 0x108);
	assert_false(board_stream(&board, 0xf, &stream));
}

static void gicv2_machine(void **state)
{
	(void)state;
	machine("virt-2");
	read_machine();
	assert_int_equal(board.gic_version, 2);
	assert_int_equal(board.its_count, 0);
	assert_int_equal(board.gic[GIC_CPUIF].start, 0x8010000);
	assert_int_equal(board.gic[GIC_HYP].start, 0x8030000);
	assert_int_equal(board.gic[GIC_VCPUIF].start, 0x8040000);
	assert_int_equal(board.maintenance, 25);
	assert_int_equal(board.uart_intid, 33);
}

/* By name they are found again in the tree; that is how a description names them. */
static void devices_have_the_names_of_their_nodes(void **state)
{
	const struct board_device *found;
	char path[64];
	unsigned i;

	(void)state;
	machine("virt-3");
	read_machine();
	assert_int_equal(board.device_count, 2 + 32);
	for (i = 0; i < board.device_count; i++) {
		const fdt32_t *reg;

		snprintf(path, sizeof(path), "/%s", board.device[i].name);
		reg = fdt_getprop(tree, fdt_path_offset(tree, path), "reg", NULL);
		assert_non_null(reg);
		assert_int_equal(fdt32_ld(reg + 1), board.device[i].start);
	}
	found = device("pl031@9010000");
	assert_int_equal(found->start, 0x9010000);
	assert_int_equal(found->intid, 34);
	assert_false(found->edge);
	assert_false(found->masters);
	found = device("virtio_mmio@a000200");
	assert_int_equal(found->start, 0xa000200);
	assert_int_equal(found->size, 0x200);
	assert_int_equal(found->intid, 49);
	assert_true(found->edge);
	assert_true(found->masters);
}

static void secure_and_unknown_devices_are_nobodys(void **state)
{
	int node;
	unsigned i;

	(void)state;
	machine("virt-3");
	node = fdt_path_offset(tree, "/pl031@9010000");
	assert_int_equal(fdt_setprop_string(tree, node, "status", "disabled"), 0);
	read_machine();
	assert_int_equal(board.device_count, 1 + 32);
	for (i = 0; i < board.device_count; i++)
		assert_null(strstr(board.device[i].name, "pl061"));
}

static void missing_parts_are_said(void **state)
{
	(void)state;
	machine("virt-3");
	assert_int_equal(fdt_del_node(tree, fdt_path_offset(tree, "/intc@8000000")), 0);
	assert_panics("the device tree has neither a GICv3 nor a GICv2");
	assert_int_equal(fdt_del_node(tree, fdt_path_offset(tree, "/cpus")), 0);
	assert_panics("the device tree has no CPUs");
	assert_int_equal(fdt_del_node(tree, fdt_path_offset(tree, "/memory@40000000")), 0);
	assert_panics("the device tree has no memory at 0x40080000, where we are");
}

static void no_virtualization_extensions(void **state)
{
	(void)state;
	machine("virt-3");
	assert_int_equal(fdt_delprop(tree, fdt_path_offset(tree, "/intc@8000000"), "interrupts"),
			 0);
	assert_panics("the GIC has no maintenance interrupt");
}

/* --- What is to run. ----------------------------------------------------------------------------- */

static void initrd_alone_is_what_runs(void **state)
{
	(void)state;
	machine("virt-3");
	assert_int_equal(fdt_setprop_u64(tree, chosen(), "linux,initrd-start", 0x48000000), 0);
	assert_int_equal(fdt_setprop_u64(tree, chosen(), "linux,initrd-end", 0x48012345), 0);
	assert_int_equal(fdt_setprop_string(tree, chosen(), "bootargs", "quiet carillon.cpus=2"),
			 0);
	read_machine();
	assert_int_equal(board.kernel.start, 0x48000000);
	assert_int_equal(board.kernel.size, 0x12345);
	assert_int_equal(board.ramdisk.size, 0);
	assert_string_equal(board.bootargs, "quiet carillon.cpus=2");
	assert_int_equal(options.cpus, 2);
}

static void add_module(const char *name, const char *compatible, uint64_t start, uint64_t size)
{
	fdt64_t reg[2] = { cpu_to_fdt64(start), cpu_to_fdt64(size) };
	int node = fdt_add_subnode(tree, chosen(), name);

	assert_true(node >= 0);
	assert_int_equal(fdt_setprop_string(tree, node, "compatible", compatible), 0);
	assert_int_equal(fdt_setprop(tree, node, "reg", reg, sizeof(reg)), 0);
	assert_int_equal(fdt_setprop_string(tree, node, "bootargs", "of the module"), 0);
}

static void modules_come_before_an_initrd(void **state)
{
	(void)state;
	machine("virt-3");
	assert_int_equal(fdt_setprop_u64(tree, chosen(), "linux,initrd-start", 0x48000000), 0);
	assert_int_equal(fdt_setprop_u64(tree, chosen(), "linux,initrd-end", 0x48012345), 0);
	add_module("module@50000000", "multiboot,kernel", 0x50000000, 0x1000);
	add_module("module@51000000", "multiboot,ramdisk", 0x51000000, 0x2000);
	read_machine();
	assert_int_equal(board.kernel.start, 0x50000000);
	assert_int_equal(board.kernel.size, 0x1000);
	assert_int_equal(board.ramdisk.start, 0x51000000);
	assert_int_equal(board.ramdisk.size, 0x2000);
	assert_string_equal(board.bootargs, "of the module");
}

static void options_are_words_of_ours(void **state)
{
	struct options words = { 0 };

	(void)state;
	said[0] = 0;
	options_parse(&words,
		      "  quiet carillon.cpus=3 cpus=5 carillon.mem=96M carillon.load=0x1000 "
		      "carillon.dtb=2k carillon.firmware carillon.bench");
	assert_int_equal(words.cpus, 3);
	assert_int_equal(words.mem, 96 << 20);
	assert_int_equal(words.load, 0x1000);
	assert_int_equal(words.dtb, 2048);
	assert_true(words.firmware);
	assert_true(words.bench);
	assert_string_equal(said, "");
	options_parse(&words, "carillon.benchmark quiet");
	assert_string_equal(said, "carillon: unknown option carillon.benchmark\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gicv3_machine),
		cmocka_unit_test(pci_of_the_machine),
		cmocka_unit_test(msi_map_has_pieces),
		cmocka_unit_test(smmu_of_the_machine),
		cmocka_unit_test(gicv2_machine),
		cmocka_unit_test(devices_have_the_names_of_their_nodes),
		cmocka_unit_test(secure_and_unknown_devices_are_nobodys),
		cmocka_unit_test(missing_parts_are_said),
		cmocka_unit_test(no_virtualization_extensions),
		cmocka_unit_test(initrd_alone_is_what_runs),
		cmocka_unit_test(modules_come_before_an_initrd),
		cmocka_unit_test(options_are_words_of_ours),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("board", tests, NULL, NULL);
}
