/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Messages of a function with MSI-X (PCI Local Bus 3.0, 6.8.2): QEMU's e1000e, whose five causes that can be set by
 * software (82574 datasheet, 10.2.4: ICS, IVAR) are a vector each. Vectors are masked, written in pieces, given each
 * other's EventIDs and the same one; BARs are moved under them.
 */
#include "expect.h"
#include "gic.h"
#include "pci.h"
#include "tap.h"
#include "tree.h"

#define E1000E_VENDOR  0x8086
#define E1000E_PRODUCT 0x10d3

#define ICR           0xc0 /* a 1 clears the cause */
#define ICS           0xc8 /* sets causes */
#define IMS           0xd0 /* enables them */
#define IMC           0xd8 /* disables them */
#define IVAR          0xe4 /* the vector of each, 4 bits with an enable */
#define CAUSE(vector) (1u << (20 + (vector)))
#define ALL_CAUSES    0x1f00000u
#define ALL_VECTORS   0x000cba98u /* cause n is vector n */
#define OTHER_CAUSES  0x80000000u

#define VECTORS    5
#define EVENT_BITS 4
#define LPI        (LPI_FIRST + 64)
#define TABLE_BAR  3
#define SIZE       16
#define QUIET_MS   1 /* what comes twice has come by then */

#define CONTROL_OFF     0u
#define CONTROL_ON      2u /* MSI-X Enable */
#define CONTROL_ALL_OFF 3u /* and Function Mask */
#define COMMAND         0x04
#define COMMAND_MEMORY  2u
#define COMMAND_MASTER  4u

unsigned cpus_needed = 1;

static struct pci_device nic;
static uintptr_t table, pending;

static void control(unsigned bits)
{
	uint32_t value = read32(nic.config + nic.msix);

	write32(nic.config + nic.msix, (value & 0x3fffffff) | bits << 30);
}

static void mask(unsigned vector, bool on)
{
	write32(table + SIZE * vector + 12, on);
}

static void write_vector(unsigned vector, unsigned event)
{
	uint64_t to = its.base + GITS_TRANSLATER;

	write32(table + SIZE * vector, (uint32_t)to);
	write32(table + SIZE * vector + 4, (uint32_t)(to >> 32));
	write32(table + SIZE * vector + 8, event);
}

/* As software should: masked meanwhile. */
static void point(unsigned vector, unsigned event)
{
	mask(vector, true);
	write_vector(vector, event);
	mask(vector, false);
}

static void fire(unsigned vector)
{
	write32(nic.memory + ICR, ~0u);
	write32(nic.memory + ICS, CAUSE(vector));
}

static void comes(unsigned vector, unsigned event, const char *what)
{
	unsigned all;
	bool good;

	counts_clear();
	fire(vector);
	good = lpi_taken(0, LPI + event, 1);
	wait_ms(QUIET_MS);
	all = everything();
	if (!ok(good && all == 1, "%s: vector %u comes as event %u, once", what, vector, event))
		print("# %u interrupts came, %u of it, table %x %x, pending %x\n", all,
		      atomic_load(lpi_count(0, LPI + event)), read32(table + SIZE * vector + 8),
		      read32(table + SIZE * vector + 12), read32(pending));
	counts_clear();
}

static void silent(unsigned vector, const char *what)
{
	counts_clear();
	fire(vector);
	wait_ms(QUIET_MS);
	is(everything(), 0, "%s: vector %u says nothing", what, vector);
}

static void all_come(const unsigned events[VECTORS], const char *what)
{
	for (unsigned i = 0; i < VECTORS; i++)
		comes(i, events[i], what);
}

static const unsigned in_order[VECTORS] = { 0, 1, 2, 3, 4 };

static void all_in_order(void)
{
	for (unsigned i = 0; i < VECTORS; i++)
		point(i, i);
}

static void held_back(void)
{
	mask(2, true);
	silent(2, "masked");
	is(read32(pending) & 0x1f, 1 << 2, "masked: its pending bit is set");
	mask(2, false);
	ok(lpi_taken(0, LPI + 2, 1), "unmasked: it comes");
	is(read32(pending) & 0x1f, 0, "unmasked: its pending bit is clear");
	control(CONTROL_ALL_OFF);
	silent(1, "the function is masked");
	mask(1, true);
	control(CONTROL_ON);
	wait_ms(QUIET_MS);
	is(everything(), 0, "the function's mask goes, the vector's own stays");
	mask(1, false);
	ok(lpi_taken(0, LPI + 1, 1), "both are gone: it comes");
	counts_clear();
}

static void in_pieces(void)
{
	uint64_t to = its.base + GITS_TRANSLATER;

	write32(table + SIZE * 3, 0x12345670);
	silent(3, "half of the address is another one");
	write32(table + SIZE * 3, (uint32_t)to);
	wait_ms(QUIET_MS);
	comes(3, 3, "the address is back");
	write32(table + SIZE * 3 + 8, 7);
	comes(3, 7, "other data, not masked");
	write32(table + SIZE * 3 + 8, 3);
	comes(3, 3, "the data is back");
	mask(3, true);
	write64(table + SIZE * 3, to);
	write64(table + SIZE * 3 + 8, 9);
	comes(3, 9, "two words at once");
	is(read64(table + SIZE * 3), to, "two words are read at once: address");
	is(read64(table + SIZE * 3 + 8), 9, "two words are read at once: data and control");
	point(3, 3);
}

static void others_events(void)
{
	static const unsigned rotated[VECTORS] = { 3, 4, 0, 1, 2 };

	point(4, 0);
	comes(4, 0, "two vectors of one event");
	comes(0, 0, "two vectors of one event");
	point(4, 4);
	comes(4, 4, "each its own again");
	comes(0, 0, "each its own again");
	mask(0, true);
	mask(1, true);
	write_vector(0, 1);
	write_vector(1, 0);
	mask(0, false);
	mask(1, false);
	comes(0, 1, "exchanged");
	comes(1, 0, "exchanged");
	all_in_order();
	all_come(in_order, "each its own");
	control(CONTROL_OFF);
	for (unsigned i = 0; i < VECTORS; i++)
		mask(i, true);
	for (unsigned i = VECTORS; i-- > 0;)
		write_vector(i, rotated[i]);
	control(CONTROL_ON);
	for (unsigned i = VECTORS; i-- > 0;)
		mask(i, false);
	all_come(rotated, "rotated");
	/* The last one still says what it said when it was on. */
	control(CONTROL_OFF);
	for (unsigned i = 0; i < VECTORS; i++)
		mask(i, true);
	control(CONTROL_ON);
	for (unsigned i = 0; i < VECTORS - 1; i++)
		point(i, i + 1);
	for (unsigned i = 0; i < VECTORS - 1; i++)
		comes(i, i + 1, "beside one that is masked");
	all_in_order();
	all_come(in_order, "in order");
	control(CONTROL_OFF);
	control(CONTROL_ON);
	all_come(in_order, "off and on");
}

static void mapped_again(void)
{
	its_do(its_discard(nic.device_id, 2));
	silent(2, "discarded");
	its_map_event(nic.device_id, 2, LPI + 2, 0);
	comes(2, 2, "mapped again");
	its_do(its_discard(nic.device_id, 2));
	its_map_event(nic.device_id, 2, LPI + 12, 0);
	comes(2, 12, "mapped to another LPI");
	its_do(its_discard(nic.device_id, 2));
	its_map_event(nic.device_id, 2, LPI + 2, 0);
}

static void moved(void)
{
	uintptr_t old = table, from = tree_pci.window;
	uint32_t command = read32(nic.config + COMMAND) & 0xffff; /* no status bit is cleared */

	table = pci_place_bar(&nic, TABLE_BAR);
	is(read32(table + 8), 0, "its BAR is elsewhere: data of vector 0");
	is(read32(table + SIZE + 8), 1, "its BAR is elsewhere: data of vector 1");
	comes(2, 2, "its BAR is elsewhere");
	write32(nic.config + 0x10 + 4 * TABLE_BAR, (uint32_t)(old - from + tree_pci.window_bus));
	table = old;
	comes(2, 2, "its BAR is back");
	write32(nic.config + COMMAND, command & ~COMMAND_MASTER);
	silent(1, "it does not master the bus");
	write32(nic.config + COMMAND, command);
	wait_ms(QUIET_MS);
	comes(1, 1, "it does again");
	write32(nic.config + COMMAND, command & ~COMMAND_MEMORY);
	write32(nic.config + COMMAND, command);
	comes(0, 0, "its BARs were off for a moment");
}

void guest_main(void)
{
	its_init();
	if (!pci_find_bridge() || !pci_find(&nic, E1000E_VENDOR, E1000E_PRODUCT, 0))
		bail_out("no e1000e on PCI bus 0");
	if (!nic.msix)
		bail_out("an e1000e without MSI-X");
	table = pci_place_bar(&nic, TABLE_BAR) + (read32(nic.config + nic.msix + 4) & ~7u);
	pending = table + (read32(nic.config + nic.msix + 8) & ~7u) -
		  (read32(nic.config + nic.msix + 4) & ~7u);
	ok(map_events(nic.device_id, EVENT_BITS, LPI, 0), "mapped by its DeviceID");
	write32(nic.memory + IVAR, ALL_VECTORS | OTHER_CAUSES);
	write32(nic.memory + IMC, ~0u);
	write32(nic.memory + IMS, ALL_CAUSES);
	is(read32(table + SIZE + 12) & 1, 1, "vectors are masked at first");
	control(CONTROL_ON);
	all_in_order();
	all_come(in_order, "at first");
	held_back();
	in_pieces();
	others_events();
	mapped_again();
	moved();
}
