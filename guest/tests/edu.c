/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Messages of real devices: QEMU's edu, of which the machine has one or more on PCI bus 0, raises its
 * interrupt by MSI through the ITS (IHI 0069, 5.1: DeviceID and EventID of a write to GITS_TRANSLATER).
 */
#include "expect.h"
#include "gic.h"
#include "hold.h"
#include "pci.h"
#include "tap.h"

#define EVENT_BITS  3
#define EVENTS      (1u << EVENT_BITS)
#define LPI         (LPI_FIRST + 256)
#define MAX_DEVICES 4
#define ROUNDS      1000

unsigned cpus_needed = 1;

static struct pci_device devices[MAX_DEVICES];
static unsigned found;

static unsigned lpi_of(unsigned device, unsigned event)
{
	return LPI + device * EVENTS + event;
}

static void acknowledge(struct cpu *me, unsigned intid)
{
	(void)me;
	if (intid >= LPI && intid < LPI + MAX_DEVICES * EVENTS)
		edu_acknowledge(&devices[(intid - LPI) / EVENTS]);
}

static void set_up(unsigned i)
{
	struct pci_device *device = &devices[i];

	is(read32(device->memory + EDU_ID) & 0xff, 0xed, "edu %u: is there", i);
	write32(device->memory + EDU_INVERT, 0x12345678);
	is(read32(device->memory + EDU_INVERT), ~0x12345678u, "edu %u: answers", i);
	ok(map_events(device->device_id, EVENT_BITS, lpi_of(i, 0), 0),
	   "edu %u: mapped by its DeviceID", i);
	pci_enable_msi(device, 1);
}

static bool arrives(unsigned i, unsigned event, unsigned cpu)
{
	bool good;

	edu_raise(&devices[i]);
	good = lpi_taken(cpu, lpi_of(i, event), 1) && everything() == 1;
	counts_clear();
	return good;
}

static void one_by_one(unsigned i)
{
	unsigned good = 0;

	for (unsigned round = 1; round <= ROUNDS; round++) {
		edu_raise(&devices[i]);
		good += wait_at_least(lpi_count(0, lpi_of(i, 1)), round);
	}
	wait_ms(SETTLE_MS);
	is(good, ROUNDS, "edu %u: 1000 interrupts arrive", i);
	is(everything(), ROUNDS, "edu %u: 1000, and no other", i);
	counts_clear();
}

static void in_turn(void)
{
	unsigned good = 0;

	for (unsigned round = 1; round <= ROUNDS; round++) {
		for (unsigned i = 0; i < found; i++)
			edu_raise(&devices[i]);
		for (unsigned i = 0; i < found; i++)
			good += wait_at_least(lpi_count(0, lpi_of(i, 1)), round);
	}
	is(good, ROUNDS * found, "all edus in turn: each interrupt arrives");
	is(everything(), ROUNDS * found, "all edus in turn: and no other");
	counts_clear();
}

static void other_events(unsigned i)
{
	unsigned good = 0;

	for (unsigned event = 0; event < EVENTS; event++) {
		pci_enable_msi(&devices[i], event);
		good += arrives(i, event, 0);
	}
	is(good, EVENTS, "edu %u: each event that it is told to send arrives", i);
	pci_enable_msi(&devices[i], EVENTS);
	edu_raise(&devices[i]);
	nothing_comes("an event that is not mapped");
	edu_acknowledge(&devices[i]);
	pci_enable_msi(&devices[i], 1);
}

static void commands(unsigned i)
{
	uint32_t device = devices[i].device_id;

	int_arrives(device, 1, 0, lpi_of(i, 1), "INT for a device's event");
	irq_mask();
	edu_raise(&devices[i]);
	ok(wait_irq_asserted(), "edu %u: signalled while masked", i);
	its_do(its_clear(device, 1));
	ok(wait_irq_gone(), "edu %u: CLEAR: not signalled any more", i);
	irq_unmask();
	nothing_comes("CLEAR");
	its_do(its_discard(device, 1));
	edu_raise(&devices[i]);
	nothing_comes("DISCARD");
	its_map_event(device, 1, lpi_of(i, 2), 0);
	nothing_comes("mapped to another LPI");
	ok(arrives(i, 2, 0), "edu %u: mapped to another LPI: arrives, once", i);
	its_do(its_discard(device, 1));
	its_map_event(device, 1, lpi_of(i, 1), 0);
	ok(arrives(i, 1, 0), "edu %u: mapped back: arrives, once", i);
	lpi_set(lpi_of(i, 1), PRIORITY_DEFAULT, false);
	its_do(its_inv(device, 1));
	edu_raise(&devices[i]);
	nothing_comes("disabled");
	lpi_set(lpi_of(i, 1), PRIORITY_DEFAULT, true);
	its_do(its_inv(device, 1));
	ok(lpi_taken(0, lpi_of(i, 1), 1), "edu %u: enabled: arrives, once", i);
	counts_clear();
}

static void to_other_cpus(unsigned i)
{
	uint32_t device = devices[i].device_id;

	for (unsigned cpu = 1; cpu < cpu_count; cpu++) {
		its_do(its_movi(device, 1, cpu));
		ok(arrives(i, 1, cpu), "edu %u: moved to CPU %u: arrives there, once", i, cpu);
		hold_masked(cpu);
		edu_raise(&devices[i]);
		nothing_comes("pending at a CPU that is masked");
		its_do(its_movi(device, 1, 0));
		ok(lpi_taken(0, lpi_of(i, 1), 1), "edu %u: moved while it pends: arrives, once", i);
		hold_unmask(cpu);
		is(everything(), 1, "edu %u: moved while it pends: once", i);
		counts_clear();
	}
}

/* Its wire, which is then used, belongs to an SPI that is disabled. */
static void msi_off(unsigned i)
{
	pci_disable_msi(&devices[i]);
	edu_raise(&devices[i]);
	nothing_comes("MSI disabled");
	edu_acknowledge(&devices[i]);
	pci_enable_msi(&devices[i], 1);
	ok(arrives(i, 1, 0), "edu %u: MSI enabled again: arrives, once", i);
}

static void unmapped(unsigned i)
{
	uint32_t device = devices[i].device_id;

	its_do(its_unmapd(device));
	for (unsigned n = 0; n < 10; n++)
		edu_raise(&devices[i]);
	nothing_comes("the device is not mapped");
	edu_acknowledge(&devices[i]);
	map_events(device, EVENT_BITS, lpi_of(i, 0), 0);
	ok(arrives(i, 1, 0), "edu %u: mapped again: arrives, once", i);
}

void guest_main(void)
{
	its_init();
	if (!pci_find_bridge())
		bail_out("no PCI bridge whose messages go to an ITS");
	while (found < MAX_DEVICES && pci_find(&devices[found], EDU_VENDOR, EDU_PRODUCT, found))
		found++;
	if (!found)
		bail_out("no edu on PCI bus 0 (QEMU: -device edu)");
	on_interrupt = acknowledge;
	for (unsigned i = 0; i < found; i++)
		set_up(i);
	for (unsigned i = 0; i < found; i++) {
		one_by_one(i);
		other_events(i);
		commands(i);
		to_other_cpus(i);
		msi_off(i);
		unmapped(i);
	}
	in_turn();
}
