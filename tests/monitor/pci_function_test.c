/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * A PCI function as a VM sees it, on a device made for the tests. Expected values are of PCI Local Bus 3.0
 * (chapter 6: header, BARs, MSI, MSI-X), PCI Express Base (7.5, FLR) and Virtio 1.2 (4.1.4).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "pci_function.h"

#define DOORBELL 0x8090040ul /* the guest's */
#define PHYSICAL 0x7090040ul
#define VECTORS  6

/* Where the capabilities of the device are. */
enum {
	VIRTIO = 0x40,
	VIRTIO_CFG = 0x50,
	POWER = 0x64,
	VPD = 0x6c,
	MSI = 0x74,
	MSIX = 0x8c,
	EXPRESS = 0x98
};

#define TABLE   0x800u  /* in BAR 1, which has 8 KB */
#define PENDING 0x1000u /* in BAR 1 as well: on its second page */

/* Hardware: registers, and which bits of them can be written; 1 clears those of `clear`. */
static struct {
	uint8_t config[256], write[256], clear[256];
	uint8_t bar1[0x2000];
	uint8_t status; /* virtio's, in BAR 4 */
	unsigned slow;  /* reads of it until the device is reset */
	unsigned config_writes;
} hw;

static struct pci_function function;
static struct pci_vector vectors[VECTORS];
static struct {
	bool on;
	uint32_t event;
} routes[VECTORS];
static unsigned moves, resets, misses;

static void put(uint8_t *at, unsigned bytes, uint64_t value)
{
	memcpy(at, &value, bytes); /* the host is little-endian */
}

static uint64_t take(const uint8_t *at, unsigned bytes)
{
	uint64_t value = 0;

	memcpy(&value, at, bytes);
	return value;
}

static uint32_t config_read(void *host, unsigned offset, unsigned bytes)
{
	assert_ptr_equal(host, &hw);
	assert_true(offset + bytes <= 256 && !(offset & (bytes - 1)));
	return (uint32_t)take(hw.config + offset, bytes);
}

static void config_write(void *host, unsigned offset, unsigned bytes, uint32_t value)
{
	unsigned i;

	assert_ptr_equal(host, &hw);
	assert_true(offset + bytes <= 256 && !(offset & (bytes - 1)));
	hw.config_writes++;
	for (i = 0; i < bytes; i++, value >>= 8) {
		uint8_t *at = &hw.config[offset + i], mask = hw.write[offset + i];

		*at = (uint8_t)((*at & ~mask) | (value & mask));
		*at &= (uint8_t) ~(value & hw.clear[offset + i]);
	}
}

static uint64_t bar_read(void *host, unsigned bar, uint64_t offset, unsigned bytes)
{
	(void)host;
	if (bar == 4 && offset == 0x2014) {
		if (hw.slow && !--hw.slow)
			hw.status = 0;
		return hw.status;
	}
	assert_int_equal(bar, 1);
	assert_true(offset + bytes <= sizeof(hw.bar1));
	return take(hw.bar1 + offset, bytes);
}

static void bar_write(void *host, unsigned bar, uint64_t offset, unsigned bytes, uint64_t value)
{
	(void)host;
	if (bar == 4 && offset == 0x2014) {
		assert_int_equal(bytes, 1);
		if (!hw.slow)
			hw.status = (uint8_t)value;
		return;
	}
	assert_int_equal(bar, 1);
	assert_true(offset + bytes <= sizeof(hw.bar1));
	put(hw.bar1 + offset, bytes, value);
}

/* An open vector in hardware has its route already. */
static void route(void *host, unsigned vector, uint32_t event)
{
	(void)host;
	assert_true(vector < VECTORS);
	routes[vector].on = true;
	routes[vector].event = event;
}

static void missed(void *host, unsigned message)
{
	(void)host;
	assert_int_equal(message, 0);
	misses++;
}

static void moved(void *host)
{
	(void)host;
	moves++;
}

static void reset(void *host)
{
	(void)host;
	resets++;
}

void uart_relax(void)
{
	fail_msg("a lock is taken twice");
}

static const struct pci_port port = {
	.config_read = config_read,
	.config_write = config_write,
	.bar_read = bar_read,
	.bar_write = bar_write,
	.route = route,
	.missed = missed,
	.moved = moved,
	.reset = reset,
};

/* A capability: its number, where the next one is, and what of it can be written. */
static void capability(unsigned at, unsigned id, unsigned next)
{
	hw.config[at] = (uint8_t)id;
	hw.config[at + 1] = (uint8_t)next;
}

/*
 * BAR 0: I/O. BAR 1: 8 KB, 32 bits. BAR 2: 256 bytes. BAR 4 and 5: 1 MB, 64 bits, prefetchable. All of the
 * command register can be written; the status has bits that a 1 clears, all of them set.
 */
static void make_header(void)
{
	put(hw.config, 4, 0x10411af4);
	put(hw.write + 4, 2, 0x0547);
	put(hw.config + 6, 2, 0xf918);
	put(hw.clear + 6, 2, 0xf900);
	put(hw.config + 8, 4, 0x02000001);
	hw.write[0x0c] = 0xff;
	put(hw.config + 0x10, 4, 0xe001);
	put(hw.write + 0x10, 4, 0xffffffe0);
	put(hw.write + 0x14, 4, 0xffffe000);
	put(hw.write + 0x18, 4, 0xffffff00);
	put(hw.config + 0x20, 4, 0xc);
	put(hw.write + 0x20, 4, 0xfff00000);
	put(hw.write + 0x24, 4, 0xffffffff);
	put(hw.config + 0x2c, 4, 0x11001af4);
	put(hw.write + 0x30, 4, 0xfffff801);
	hw.config[0x34] = VIRTIO;
	hw.write[0x3c] = 0xff;
	hw.config[0x3d] = 1;
}

static void make_device(void)
{
	memset(&hw, 0, sizeof(hw));
	make_header();
	capability(VIRTIO, 0x09, VIRTIO_CFG);
	put(hw.config + VIRTIO + 2, 2, 0x0110); /* 16 bytes, the common configuration */
	hw.config[VIRTIO + 4] = 4;              /* BAR */
	put(hw.config + VIRTIO + 8, 8, 0x100000002000);
	capability(VIRTIO_CFG, 0x09, POWER);
	put(hw.config + VIRTIO_CFG + 2, 2, 0x0514);
	memset(hw.write + VIRTIO_CFG + 4, 0xff, 16);
	put(hw.config + VIRTIO_CFG + 4, 8, 0x1122334455667788);
	capability(POWER, 0x01, VPD);
	put(hw.config + POWER + 2, 2, 0xf803); /* PME from everywhere */
	put(hw.write + POWER + 4, 2, 0x0103);
	capability(VPD, 0x03, MSI);
	memset(hw.write + VPD + 2, 0xff, 6);
	put(hw.config + VPD + 4, 4, 0xdeadbeef);
	capability(MSI, 0x05, MSIX);
	put(hw.config + MSI + 2, 2, 0x0184); /* four messages, 64 bits, masks */
	put(hw.write + MSI + 2, 2, 0x71);
	memset(hw.write + MSI + 4, 0xff, 10);
	hw.write[MSI + 4] = 0xfc;
	put(hw.write + MSI + 16, 4, 0xf);
	put(hw.config + MSI + 20, 4, 0x5);
	capability(MSIX, 0x11, EXPRESS);
	put(hw.config + MSIX + 2, 2, VECTORS - 1);
	put(hw.write + MSIX + 2, 2, 0xc000);
	put(hw.config + MSIX + 4, 4, TABLE | 1);
	put(hw.config + MSIX + 8, 4, PENDING | 1);
	capability(EXPRESS, 0x10, 0);
	put(hw.config + EXPRESS + 2, 2, 0x0092);
	put(hw.config + EXPRESS + 4, 4, 0x10008fc0); /* FLR */
	put(hw.write + EXPRESS + 8, 2, 0xffff);
	put(hw.config + EXPRESS + 10, 2, 0xf);
	put(hw.clear + EXPRESS + 10, 2, 0xf);
}

static void give(void)
{
	const char *why = NULL;

	if (pci_function_read(&function, &port, &hw, &why) != 0)
		fail_msg("%s", why);
	function.bar[1].at = 0x10000000;
	function.bar[2].at = 0x10002000;
	function.bar[4].at = 0x10100000;
	memset(vectors, 0, sizeof(vectors));
	function.vector = vectors;
	function.doorbell = DOORBELL;
	function.physical = PHYSICAL;
	memset(routes, 0, sizeof(routes));
	pci_function_reset(&function);
	moves = resets = misses = 0;
}

static int set_up(void **state)
{
	(void)state;
	make_device();
	give();
	return 0;
}

static uint32_t guest_read(unsigned offset, unsigned bytes)
{
	return pci_config_read(&function, offset, bytes);
}

static void guest_write(unsigned offset, unsigned bytes, uint32_t value)
{
	pci_config_write(&function, offset, bytes, value);
}

/* --- Configuration space. --------------------------------------------------------------------------- */

static void identity_is_the_devices(void **state)
{
	(void)state;
	assert_int_equal(guest_read(0x00, 4), 0x10411af4);
	assert_int_equal(guest_read(0x02, 2), 0x1041);
	assert_int_equal(guest_read(0x08, 4), 0x02000001);
	assert_int_equal(guest_read(0x2c, 4), 0x11001af4);
	guest_write(0x00, 4, 0);
	assert_int_equal(guest_read(0x00, 4), 0x10411af4);
}

/* 6.2.5.1: all ones written, the size is read; I/O is not there, and less than a page is a page. */
static void bars_tell_their_size(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < 6; i++)
		guest_write(0x10 + 4 * i, 4, ~0u);
	assert_int_equal(guest_read(0x10, 4), 0);
	assert_int_equal(guest_read(0x14, 4), 0xffffe000);
	assert_int_equal(guest_read(0x18, 4), 0xfffff000);
	assert_int_equal(guest_read(0x1c, 4), 0);
	assert_int_equal(guest_read(0x20, 4), 0xfff0000c);
	assert_int_equal(guest_read(0x24, 4), 0xffffffff);
	assert_int_equal(take(hw.config + 0x14, 4), 0x10000000);
	assert_int_equal(take(hw.config + 0x20, 8), 0x1010000c);
}

static void bars_are_where_the_guest_puts_them(void **state)
{
	uint64_t at;

	(void)state;
	guest_write(0x20, 4, 0x20000000);
	guest_write(0x24, 4, 1);
	assert_int_equal(moves, 0);
	assert_false(pci_bar_at(&function, 4, &at));
	guest_write(0x04, 2, 2);
	assert_int_equal(moves, 1);
	assert_true(pci_bar_at(&function, 4, &at));
	assert_int_equal(at, 0x120000000);
	guest_write(0x16, 2, 0x3000); /* half of BAR 1 */
	assert_int_equal(moves, 2);
	assert_true(pci_bar_at(&function, 1, &at));
	assert_int_equal(at, 0x30000000);
	assert_false(pci_bar_at(&function, 0, &at));
	assert_false(pci_bar_at(&function, 5, &at));
	guest_write(0x04, 2, 0);
	assert_int_equal(moves, 3);
	assert_false(pci_bar_at(&function, 1, &at));
}

static void rom_and_intx_are_hidden(void **state)
{
	(void)state;
	guest_write(0x30, 4, ~0u);
	assert_int_equal(guest_read(0x30, 4), 0);
	assert_int_equal(take(hw.config + 0x30, 4), 0);
	assert_int_equal(guest_read(0x3d, 1), 0);
	guest_write(0x3c, 1, 0x55);
	assert_int_equal(guest_read(0x3c, 1), 0x55);
	assert_int_equal(hw.config[0x3c], 0);
	assert_int_equal(guest_read(0x06, 2) & 0x8, 0);
}

static void command_is_ours(void **state)
{
	(void)state;
	assert_int_equal(guest_read(0x04, 2), 0);
	assert_int_equal(take(hw.config + 4, 2), 0x402);
	guest_write(0x04, 2, 0xffff);
	assert_int_equal(guest_read(0x04, 2), 0x546);
	assert_int_equal(take(hw.config + 4, 2), 0x406);
	guest_write(0x04, 1, 0);
	assert_int_equal(guest_read(0x04, 2), 0x500);
	assert_int_equal(take(hw.config + 4, 2), 0x402);
}

/* Written back as read, they would all be cleared. */
static void status_bits_are_cleared_by_the_guest_alone(void **state)
{
	(void)state;
	guest_write(0x04, 2, 6);
	assert_int_equal(guest_read(0x06, 2), 0xf910);
	guest_write(0x04, 4, 0x80000006);
	assert_int_equal(guest_read(0x06, 2), 0x7910);
	guest_write(0x07, 1, 0x10);
	assert_int_equal(guest_read(0x06, 2), 0x6910);
	assert_int_equal(take(hw.config + 4, 2), 0x406);
}

static void only_known_capabilities_are_listed(void **state)
{
	static const unsigned expected[] = { VIRTIO, POWER, MSI, MSIX, EXPRESS };
	unsigned at = guest_read(0x34, 1), i;

	(void)state;
	for (i = 0; i < 5; i++) {
		assert_int_equal(at, expected[i]);
		assert_int_equal(guest_read(at, 1), hw.config[at]);
		at = guest_read(at + 1, 1);
	}
	assert_int_equal(at, 0);
	assert_int_equal(function.hidden_count, 2);
	assert_int_equal(function.hidden[0].id, 0x09);
	assert_int_equal(function.hidden[1].id, 0x03);
}

static void hidden_capabilities_are_out_of_reach(void **state)
{
	unsigned i;

	(void)state;
	hw.config_writes = 0;
	for (i = VIRTIO_CFG; i < POWER; i += 4) {
		guest_write(i, 4, ~0u);
		assert_int_equal(guest_read(i, 4), 0);
	}
	guest_write(VPD + 4, 4, ~0u);
	assert_int_equal(guest_read(VPD + 4, 4), 0);
	assert_int_equal(hw.config_writes, 0);
}

static void virtio_capability_is_read_only(void **state)
{
	(void)state;
	memset(hw.write + VIRTIO, 0xff, 16);
	guest_write(VIRTIO + 8, 4, ~0u);
	assert_int_equal(guest_read(VIRTIO + 8, 4), 0x2000);
	assert_int_equal(guest_read(VIRTIO + 2, 2), 0x110);
}

static void power_states_are_kept_from_the_device(void **state)
{
	(void)state;
	assert_int_equal(guest_read(POWER + 2, 2), 0x0003);
	guest_write(POWER + 4, 2, 0x0103);
	assert_int_equal(guest_read(POWER + 4, 2), 0x000b);
	assert_int_equal(take(hw.config + POWER + 4, 2), 0);
}

static void extended_space_is_empty(void **state)
{
	(void)state;
	assert_int_equal(guest_read(0x100, 4), 0);
	assert_int_equal(guest_read(0xffc, 4), 0);
	hw.config_writes = 0;
	guest_write(0x100, 4, ~0u);
	guest_write(0x05, 2, ~0u); /* no access that PCI has */
	assert_int_equal(hw.config_writes, 0);
}

static void express_control_passes_in_part(void **state)
{
	(void)state;
	guest_write(EXPRESS + 8, 2, 0x7fff);
	assert_int_equal(take(hw.config + EXPRESS + 8, 2), 0x781f);
	assert_int_equal(guest_read(EXPRESS + 10, 2), 0xf);
	guest_write(EXPRESS + 8, 4, 0x00020010);
	assert_int_equal(take(hw.config + EXPRESS + 8, 4), 0x000d0010);
	assert_int_equal(resets, 0);
}

static void function_level_reset_is_seen_in_any_width(void **state)
{
	(void)state;
	guest_write(EXPRESS + 8, 2, 0x8000);
	guest_write(EXPRESS + 8, 4, 0x8000);
	guest_write(EXPRESS + 9, 1, 0x80);
	assert_int_equal(resets, 3);
	assert_int_equal(take(hw.config + EXPRESS + 8, 2), 0);
	guest_write(EXPRESS + 8, 1, 0x80);
	guest_write(EXPRESS + 10, 2, 0x8000);
	assert_int_equal(resets, 3);
}

static void reset_is_power_on(void **state)
{
	uint64_t at;

	(void)state;
	guest_write(0x14, 4, 0x20000000);
	guest_write(0x04, 2, 6);
	guest_write(POWER + 4, 2, 3);
	pci_function_reset(&function);
	assert_false(pci_bar_at(&function, 1, &at));
	assert_int_equal(guest_read(0x14, 4), 0);
	assert_int_equal(guest_read(0x04, 2), 0);
	assert_int_equal(guest_read(POWER + 4, 2), 8);
	assert_int_equal(take(hw.config + 4, 2), 0x402);
}

/* Virtio 4.1.4.3: device_status is byte 20 of the common configuration; 2.1: 0 written resets. */
static void virtio_is_reset_by_its_status(void **state)
{
	(void)state;
	assert_true(function.virtio);
	assert_true(pci_bar_used(&function, 4, 0x2000));
	assert_false(pci_bar_used(&function, 4, 0x1000));
	assert_false(pci_bar_trapped(&function, 4, 0x2000));
	hw.status = 0xf;
	pci_function_reset(&function);
	assert_int_equal(hw.status, 0);
	hw.status = 0xf;
	hw.slow = 5;
	pci_function_reset(&function);
	assert_int_equal(hw.status, 0);
	hw.status = 0xf;
	hw.slow = 1000000; /* one that never does holds nobody up for long */
	pci_function_reset(&function);
	assert_true(hw.slow > 990000);
}

static void virtio_registers_outside_bars_are_not_used(void **state)
{
	const char *why;

	(void)state;
	put(hw.config + VIRTIO + 8, 4, 0xffff0);
	assert_int_equal(pci_function_read(&function, &port, &hw, &why), 0);
	assert_false(function.virtio);
	hw.config[VIRTIO + 4] = 6;
	assert_int_equal(pci_function_read(&function, &port, &hw, &why), 0);
	assert_false(function.virtio);
}

/* --- What no VM can have. --------------------------------------------------------------------------- */

static void assert_not_given(const char *expected)
{
	const char *why = NULL;

	assert_int_equal(pci_function_read(&function, &port, &hw, &why), -1);
	assert_string_equal(why, expected);
}

static void bridges_are_refused(void **state)
{
	(void)state;
	hw.config[0x0e] = 0x81;
	assert_not_given("it is a bridge");
}

static void overlapping_capabilities_are_refused(void **state)
{
	(void)state;
	hw.config[VIRTIO + 2] = POWER + 6 - VIRTIO; /* read-only over what is kept */
	assert_not_given("its capabilities overlap");
}

static void loops_end(void **state)
{
	const char *why;

	(void)state;
	hw.config[EXPRESS + 1] = VIRTIO_CFG;
	assert_int_equal(pci_function_read(&function, &port, &hw, &why), 0);
	assert_true(function.hidden_count <= PCI_HIDDEN);
}

static void tables_outside_bars_hide_msix(void **state)
{
	const char *why;

	(void)state;
	put(hw.config + MSIX + 4, 4, 0x1fc0 | 1);
	assert_int_equal(pci_function_read(&function, &port, &hw, &why), 0);
	assert_int_equal(function.msix, 0);
	assert_int_equal(pci_function_events(&function), 4);
}

static void vendors_short_capability_is_hidden(void **state)
{
	const char *why;

	(void)state;
	hw.config[VIRTIO + 2] = 1;
	assert_int_equal(pci_function_read(&function, &port, &hw, &why), 0);
	assert_int_equal(function.hidden_count, 3);
	assert_int_equal(guest_read(VIRTIO + 8, 4), 0);
}

/* --- MSI-X. ----------------------------------------------------------------------------------------- */

static void table_write(unsigned vector, unsigned at, unsigned bytes, uint64_t value)
{
	pci_bar_write(&function, 1, TABLE + 16 * vector + at, bytes, value);
}

static uint64_t table_read(unsigned vector, unsigned at, unsigned bytes)
{
	return pci_bar_read(&function, 1, TABLE + 16 * vector + at, bytes);
}

static bool is_open(unsigned vector)
{
	return !(hw.bar1[TABLE + 16 * vector + 12] & 1);
}

static void assert_physical(unsigned vector)
{
	assert_int_equal(take(hw.bar1 + TABLE + 16 * vector, 8), PHYSICAL);
	assert_int_equal(take(hw.bar1 + TABLE + 16 * vector + 8, 4), vector);
}

static void enable_msix(void)
{
	guest_write(MSIX + 2, 2, 0x8000);
}

static void vectors_start_masked(void **state)
{
	unsigned i;

	(void)state;
	assert_int_equal(pci_function_events(&function), VECTORS);
	assert_int_equal(guest_read(MSIX + 2, 2), VECTORS - 1);
	for (i = 0; i < VECTORS; i++) {
		assert_false(is_open(i));
		assert_int_equal(table_read(i, 0, 8), 0);
		assert_int_equal(table_read(i, 8, 8), 1ul << 32);
	}
}

static void vector_becomes_a_physical_message(void **state)
{
	(void)state;
	enable_msix();
	table_write(3, 0, 8, DOORBELL);
	table_write(3, 8, 4, 77);
	assert_false(is_open(3));
	table_write(3, 12, 4, 0);
	assert_true(is_open(3));
	assert_physical(3);
	assert_true(routes[3].on);
	assert_int_equal(routes[3].event, 77);
	assert_int_equal(table_read(3, 0, 8), DOORBELL);
	assert_int_equal(table_read(3, 8, 8), 77);
	assert_int_equal(table_read(3, 8, 1), 77);
	assert_int_equal(take(hw.config + MSIX + 2, 2), 0x8000 | (VECTORS - 1));
	table_write(3, 12, 4, 1);
	assert_false(is_open(3));
	assert_true(routes[3].on); /* what is on its way still arrives */
}

static void vector_is_written_in_halves(void **state)
{
	(void)state;
	enable_msix();
	table_write(0, 12, 4, 0);
	assert_false(is_open(0));
	table_write(0, 8, 4, 5);
	table_write(0, 4, 4, 1);
	table_write(0, 0, 4, (uint32_t)DOORBELL);
	assert_false(is_open(0));
	assert_false(routes[0].on);
	table_write(0, 4, 4, 0);
	assert_true(is_open(0));
	assert_int_equal(routes[0].event, 5);
	table_write(0, 8, 4, 6);
	assert_true(is_open(0));
	assert_int_equal(routes[0].event, 6);
	assert_physical(0);
	table_write(0, 4, 4, 1);
	assert_false(is_open(0));
}

static void message_to_elsewhere_stays_masked(void **state)
{
	(void)state;
	enable_msix();
	table_write(1, 0, 8, 0x40000000);
	table_write(1, 8, 8, 9);
	assert_false(is_open(1));
	assert_int_equal(function.refused, 1);
	assert_physical(1);
	assert_int_equal(table_read(1, 0, 8), 0x40000000);
}

static void disabling_closes_all(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < VECTORS; i++) {
		table_write(i, 0, 8, DOORBELL);
		table_write(i, 8, 8, i);
		assert_false(is_open(i));
	}
	guest_write(MSIX + 2, 2, 0xc000);
	assert_int_equal(take(hw.config + MSIX + 2, 2), 0xc000 | (VECTORS - 1));
	for (i = 0; i < VECTORS; i++)
		assert_true(is_open(i));
	guest_write(MSIX + 2, 2, 0);
	for (i = 0; i < VECTORS; i++)
		assert_false(is_open(i));
	assert_int_equal(take(hw.config + MSIX + 2, 2), VECTORS - 1);
}

static void pending_bits_are_the_devices(void **state)
{
	(void)state;
	put(hw.bar1 + PENDING, 8, 0x15);
	assert_int_equal(pci_bar_read(&function, 1, PENDING, 8), 0x15);
	pci_bar_write(&function, 1, PENDING, 8, 0);
	assert_int_equal(take(hw.bar1 + PENDING, 8), 0x15);
}

static void registers_beside_the_table_pass(void **state)
{
	(void)state;
	assert_true(pci_bar_trapped(&function, 1, 0x0));
	assert_true(pci_bar_trapped(&function, 1, 0x1000));
	assert_false(pci_bar_trapped(&function, 4, 0x0));
	pci_bar_write(&function, 1, TABLE - 4, 4, 0x12345678);
	pci_bar_write(&function, 1, TABLE + 16 * VECTORS, 2, 0xabcd);
	assert_int_equal(take(hw.bar1 + TABLE - 4, 4), 0x12345678);
	assert_int_equal(take(hw.bar1 + TABLE + 16 * VECTORS, 2), 0xabcd);
	assert_int_equal(pci_bar_read(&function, 1, TABLE - 4, 2), 0x5678);
	assert_int_equal(pci_bar_read(&function, 1, TABLE - 2, 4), ~0ul); /* not aligned */
	assert_int_equal(pci_bar_read(&function, 1, 0x2000, 4), ~0ul);
}

static void bytes_do_not_reach_the_table(void **state)
{
	(void)state;
	table_write(2, 0, 1, 0x40);
	table_write(2, 8, 2, 0x40);
	assert_int_equal(table_read(2, 0, 8), 0);
	assert_int_equal(table_read(2, 8, 4), 0);
}

/* --- MSI. ------------------------------------------------------------------------------------------- */

static void write_msi(uint64_t address, uint16_t data, uint16_t control)
{
	guest_write(MSI + 4, 4, (uint32_t)address);
	guest_write(MSI + 8, 4, (uint32_t)(address >> 32));
	guest_write(MSI + 12, 2, data);
	guest_write(MSI + 2, 2, control);
}

static void messages_of_msi_are_numbered(void **state)
{
	unsigned i;

	(void)state;
	assert_int_equal(guest_read(MSI + 2, 2), 0x184);
	write_msi(DOORBELL, 0x46, 0x21);
	assert_int_equal(take(hw.config + MSI + 2, 2), 0x1a5);
	assert_int_equal(take(hw.config + MSI + 4, 8), PHYSICAL);
	assert_int_equal(take(hw.config + MSI + 12, 2), 0);
	for (i = 0; i < 4; i++)
		assert_int_equal(routes[i].event, 0x44 + i);
	assert_false(routes[4].on);
	assert_int_equal(guest_read(MSI + 12, 2), 0x46);
	guest_write(MSI + 16, 4, 0xffffffff);
	assert_int_equal(guest_read(MSI + 16, 4), 0xf);
	assert_int_equal(take(hw.config + MSI + 16, 4), 0xf);
	assert_int_equal(guest_read(MSI + 20, 4), 0x5);
	guest_write(MSI + 2, 2, 0);
	assert_int_equal(take(hw.config + MSI + 2, 2), 0x184);
}

/* 6.8.1.3: no more than it is capable of. */
static void more_messages_than_there_are(void **state)
{
	(void)state;
	write_msi(DOORBELL, 0x40, 0x71);
	assert_int_equal(take(hw.config + MSI + 2, 2), 0x1a5);
	assert_true(routes[3].on);
	assert_false(routes[4].on);
}

static void msi_to_elsewhere_stays_off(void **state)
{
	(void)state;
	write_msi(DOORBELL + (1ul << 32), 1, 1);
	assert_int_equal(take(hw.config + MSI + 2, 2) & 1, 0);
	assert_int_equal(function.refused, 1);
	guest_write(MSI + 8, 4, 0);
	assert_int_equal(take(hw.config + MSI + 2, 2) & 1, 1);
	guest_write(MSI + 4, 4, 0);
	assert_int_equal(take(hw.config + MSI + 2, 2) & 1, 0);
}

static void msix_goes_before_msi(void **state)
{
	(void)state;
	write_msi(DOORBELL, 1, 1);
	enable_msix();
	assert_int_equal(take(hw.config + MSI + 2, 2) & 1, 0);
	guest_write(MSIX + 2, 2, 0);
	assert_int_equal(take(hw.config + MSI + 2, 2) & 1, 1);
}

/* --- Kept in the function. -------------------------------------------------------------------------- */

static void open_vector(unsigned vector)
{
	enable_msix();
	table_write(vector, 0, 8, DOORBELL);
	table_write(vector, 8, 8, vector);
	assert_true(is_open(vector));
}

static void a_vector_that_is_kept_is_masked(void **state)
{
	(void)state;
	open_vector(2);
	open_vector(3);
	assert_true(pci_function_hold(&function, 2, true));
	assert_false(is_open(2));
	assert_true(is_open(3));
	assert_int_equal(table_read(2, 12, 4), 0); /* the guest does not see it */
	pci_function_hold(&function, 2, false);
	assert_true(is_open(2));
}

static void what_the_guest_opens_meanwhile_opens_when_it_is_let_go(void **state)
{
	(void)state;
	enable_msix();
	assert_true(pci_function_hold(&function, 2, true));
	table_write(2, 0, 8, DOORBELL);
	table_write(2, 8, 8, 2);
	assert_false(is_open(2));
	assert_true(routes[2].on);
	pci_function_hold(&function, 2, false);
	assert_true(is_open(2));
}

static void what_the_guest_closes_meanwhile_stays_closed(void **state)
{
	(void)state;
	open_vector(2);
	open_vector(4);
	pci_function_hold(&function, 2, true);
	pci_function_hold(&function, 4, true);
	table_write(2, 12, 4, 1);
	guest_write(MSIX + 2, 2, 0);
	pci_function_reset(&function);
	pci_function_hold(&function, 2, false);
	pci_function_hold(&function, 4, false);
	assert_false(is_open(2));
	assert_false(is_open(4));
}

static void messages_of_msi_are_kept_by_their_mask_bits(void **state)
{
	(void)state;
	write_msi(DOORBELL, 0x44, 0x21);
	guest_write(MSI + 16, 4, 2);
	assert_true(pci_function_hold(&function, 3, true));
	assert_int_equal(take(hw.config + MSI + 16, 4), 0xa);
	guest_write(MSI + 16, 4, 1);
	assert_int_equal(take(hw.config + MSI + 16, 4), 0x9);
	assert_int_equal(guest_read(MSI + 16, 4), 1);
	pci_function_hold(&function, 3, false);
	assert_int_equal(take(hw.config + MSI + 16, 4), 1);
	assert_false(pci_function_hold(&function, VECTORS, true)); /* there are not as many */
}

static void make_msi(uint16_t control)
{
	put(hw.config + MSI + 2, 2, control);
	hw.config[6] &= (uint8_t)~8u; /* it wants nothing */
	give();
	write_msi(DOORBELL, 0x44, (control >> 1 & 7) << 4 | 1);
	assert_int_equal(take(hw.config + MSI + 2, 2) & 1, 1);
}

static bool msi_is_on(void)
{
	return hw.config[MSI + 2] & 1;
}

static void a_message_without_mask_bit_is_kept_by_disabling_it(void **state)
{
	(void)state;
	make_msi(0x0080);
	assert_true(pci_function_hold(&function, 0, true));
	assert_true(pci_function_hold(&function, 0, true));
	assert_false(msi_is_on());
	assert_int_equal(guest_read(MSI + 2, 2), 0x81); /* the guest does not see it */
	write_msi(DOORBELL, 0x45, 1);
	assert_false(msi_is_on());
	pci_function_hold(&function, 0, false);
	assert_false(msi_is_on());
	pci_function_hold(&function, 0, false);
	assert_true(msi_is_on());
	assert_int_equal(misses, 0);
	assert_false(pci_function_hold(&function, 5000, true));
}

/* 6.2.3: Interrupt Status. */
static void what_it_wanted_to_say_meanwhile_is_told(void **state)
{
	(void)state;
	make_msi(0x0080);
	pci_function_hold(&function, 0, true);
	hw.config[6] |= 8;
	pci_function_hold(&function, 0, false);
	assert_int_equal(misses, 1);
	assert_true(msi_is_on());
	assert_false(pci_function_hold(&function, 0, true)); /* it would not be seen */
	assert_true(msi_is_on());
}

static void one_that_is_off_opens_when_it_is_let_go(void **state)
{
	(void)state;
	put(hw.config + MSI + 2, 2, 0x0080);
	give();
	hw.config[6] |= 8;
	assert_true(pci_function_hold(&function, 0, true));
	pci_function_hold(&function, 0, false);
	assert_int_equal(misses, 0);
	assert_false(msi_is_on());
	pci_function_hold(&function, 0, true);
	write_msi(DOORBELL, 0x44, 1);
	assert_false(msi_is_on());
	pci_function_hold(&function, 0, false);
	assert_true(msi_is_on());
}

static void several_messages_without_mask_bits_are_not_kept(void **state)
{
	(void)state;
	make_msi(0x0084);
	assert_false(pci_function_hold(&function, 0, true));
	assert_true(msi_is_on());
}

/* --- At random. ------------------------------------------------------------------------------------- */

static uint64_t seed;

static uint64_t random_bits(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* Values that mean something are tried more often than chance would. */
static uint64_t random_value(void)
{
	static const uint64_t liked[] = { 0, 1, DOORBELL, PHYSICAL, 0x8000, 0xc000, ~0ul, 6, 0x71 };
	uint64_t bits = random_bits();

	return bits & 1 ? bits >> 8 : liked[(bits >> 8) % (sizeof(liked) / sizeof(liked[0]))];
}

static unsigned kept[VECTORS]; /* by how many */

static void assert_vector_sound(unsigned i)
{
	bool enabled = guest_read(MSIX + 2, 2) & 0x8000;

	assert_physical(i);
	assert_int_equal(is_open(i), enabled && !(table_read(i, 12, 4) & 1) &&
					     table_read(i, 0, 8) == DOORBELL && !kept[i]);
	if (is_open(i))
		assert_int_equal(routes[i].event, table_read(i, 8, 4));
}

/* Whatever the guest did, hardware is as the hypervisor wants it. */
static void assert_sound(void)
{
	uint16_t msi = (uint16_t)take(hw.config + MSI + 2, 2);
	unsigned i;

	assert_int_equal(take(hw.config + 4, 2) & 0x403, 0x402);
	assert_int_equal(take(hw.config + 0x14, 4), 0x10000000);
	assert_int_equal(take(hw.config + 0x18, 4), 0x10002000);
	assert_int_equal(take(hw.config + 0x20, 8), 0x1010000c);
	assert_int_equal(take(hw.config + 0x30, 4), 0);
	assert_int_equal(take(hw.config + VIRTIO_CFG + 4, 8), 0x1122334455667788);
	assert_int_equal(take(hw.config + VPD + 4, 4), 0xdeadbeef);
	assert_int_equal(take(hw.config + POWER + 4, 2), 0);
	assert_int_equal(take(hw.config + EXPRESS + 8, 2) & ~0x781fu, 0);
	for (i = 0; i < VECTORS; i++)
		assert_vector_sound(i);
	if (!(msi & 1))
		return;
	assert_int_equal(take(hw.config + MSI + 4, 8), PHYSICAL);
	assert_int_equal(take(hw.config + MSI + 12, 2), 0);
	for (i = 0; i < 4; i++)
		assert_int_equal(hw.config[MSI + 16] >> i & 1,
				 (guest_read(MSI + 16, 1) >> i & 1) || kept[i]);
	assert_int_equal(guest_read(MSI + 4, 4) | (uint64_t)guest_read(MSI + 8, 4) << 32, DOORBELL);
}

static void random_hold(uint64_t bits)
{
	unsigned n = (unsigned)(bits >> 8) % VECTORS;

	if (bits & 0x80 && kept[n] < 3) {
		assert_true(pci_function_hold(&function, n, true));
		kept[n]++;
	} else if (kept[n]) {
		pci_function_hold(&function, n, false);
		kept[n]--;
	}
}

static void random_access_to_it(void)
{
	uint64_t bits = random_bits();
	unsigned bytes = 1u << (bits & 3), offset;

	if (!(bits >> 40 & 7)) {
		random_hold(bits);
		return;
	}
	if (bits & 0x10) {
		offset = (unsigned)(bits >> 8) % (TABLE + 0x100);
		if (bits & 0x20)
			offset = TABLE + (unsigned)(bits >> 8) % (16 * VECTORS);
		if (bits & 0x40)
			offset &= ~(bytes - 1);
		pci_bar_write(&function, bits >> 32 & 7 ? 1 : bits >> 36 & 1, offset, bytes,
			      random_value());
		pci_bar_read(&function, 1, offset, bytes);
		return;
	}
	offset = (unsigned)(bits >> 8) & (bits & 0x20 ? 0xff : 0xfff);
	if (bits & 0x40)
		offset &= ~(bytes - 1);
	guest_write(offset, bytes, (uint32_t)random_value());
	guest_read(offset, bytes);
}

static void hardware_is_sound_whatever_the_guest_does(void **state)
{
	unsigned round, i;

	(void)state;
	for (round = 1; round <= 200; round++) {
		seed = round * 0x9e3779b97f4a7c15ul;
		make_device();
		give();
		memset(kept, 0, sizeof(kept));
		for (i = 0; i < 500; i++) {
			random_access_to_it();
			assert_sound();
		}
	}
}

/* A device may be anything: what is read of it at boot is checked. */
static void random_devices_are_read_safely(void **state)
{
	unsigned round, i;
	const char *why;

	(void)state;
	for (round = 1; round <= 3000; round++) {
		seed = round * 0x9e3779b97f4a7c15ul;
		make_device();
		for (i = 0; i < 1 + round % 32; i++)
			hw.config[0x34 + random_bits() % 0xcc] = (uint8_t)random_bits();
		if (round & 1)
			hw.config[random_bits() % 0x100] = (uint8_t)random_bits();
		if (pci_function_read(&function, &port, &hw, &why) != 0)
			continue;
		assert_true(pci_function_events(&function) <= PCI_VECTORS);
		for (i = 0; i < PCI_CONFIG; i++)
			assert_int_equal(function.pass[i] & function.keep[i], 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(identity_is_the_devices, set_up),
		cmocka_unit_test_setup(bars_tell_their_size, set_up),
		cmocka_unit_test_setup(bars_are_where_the_guest_puts_them, set_up),
		cmocka_unit_test_setup(rom_and_intx_are_hidden, set_up),
		cmocka_unit_test_setup(command_is_ours, set_up),
		cmocka_unit_test_setup(status_bits_are_cleared_by_the_guest_alone, set_up),
		cmocka_unit_test_setup(only_known_capabilities_are_listed, set_up),
		cmocka_unit_test_setup(hidden_capabilities_are_out_of_reach, set_up),
		cmocka_unit_test_setup(virtio_capability_is_read_only, set_up),
		cmocka_unit_test_setup(power_states_are_kept_from_the_device, set_up),
		cmocka_unit_test_setup(extended_space_is_empty, set_up),
		cmocka_unit_test_setup(express_control_passes_in_part, set_up),
		cmocka_unit_test_setup(function_level_reset_is_seen_in_any_width, set_up),
		cmocka_unit_test_setup(reset_is_power_on, set_up),
		cmocka_unit_test_setup(virtio_is_reset_by_its_status, set_up),
		cmocka_unit_test_setup(virtio_registers_outside_bars_are_not_used, set_up),
		cmocka_unit_test_setup(bridges_are_refused, set_up),
		cmocka_unit_test_setup(overlapping_capabilities_are_refused, set_up),
		cmocka_unit_test_setup(loops_end, set_up),
		cmocka_unit_test_setup(tables_outside_bars_hide_msix, set_up),
		cmocka_unit_test_setup(vendors_short_capability_is_hidden, set_up),
		cmocka_unit_test_setup(vectors_start_masked, set_up),
		cmocka_unit_test_setup(vector_becomes_a_physical_message, set_up),
		cmocka_unit_test_setup(vector_is_written_in_halves, set_up),
		cmocka_unit_test_setup(message_to_elsewhere_stays_masked, set_up),
		cmocka_unit_test_setup(disabling_closes_all, set_up),
		cmocka_unit_test_setup(pending_bits_are_the_devices, set_up),
		cmocka_unit_test_setup(registers_beside_the_table_pass, set_up),
		cmocka_unit_test_setup(bytes_do_not_reach_the_table, set_up),
		cmocka_unit_test_setup(messages_of_msi_are_numbered, set_up),
		cmocka_unit_test_setup(more_messages_than_there_are, set_up),
		cmocka_unit_test_setup(msi_to_elsewhere_stays_off, set_up),
		cmocka_unit_test_setup(msix_goes_before_msi, set_up),
		cmocka_unit_test_setup(a_vector_that_is_kept_is_masked, set_up),
		cmocka_unit_test_setup(what_the_guest_opens_meanwhile_opens_when_it_is_let_go,
				       set_up),
		cmocka_unit_test_setup(what_the_guest_closes_meanwhile_stays_closed, set_up),
		cmocka_unit_test_setup(messages_of_msi_are_kept_by_their_mask_bits, set_up),
		cmocka_unit_test_setup(a_message_without_mask_bit_is_kept_by_disabling_it, set_up),
		cmocka_unit_test_setup(what_it_wanted_to_say_meanwhile_is_told, set_up),
		cmocka_unit_test_setup(one_that_is_off_opens_when_it_is_let_go, set_up),
		cmocka_unit_test_setup(several_messages_without_mask_bits_are_not_kept, set_up),
		cmocka_unit_test(hardware_is_sound_whatever_the_guest_does),
		cmocka_unit_test(random_devices_are_read_safely),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("pci function", tests, NULL, NULL);
}
