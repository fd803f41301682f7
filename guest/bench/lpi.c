/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What LPIs cost: raised by INT, commands that the ITS reads, acknowledge and end, and messages of a
 * device, QEMU's edu. Nothing is measured without an ITS. Whether the device's messages are delivered
 * directly (GICv4) is not seen here: its row is called lpi_device, and bench/run knows the machine.
 */
#include "bench.h"
#include "gic.h"
#include "its.h"
#include "pci.h"
#include "tap.h"
#include "tree.h"

#define DEVICE     1
#define EVENT_BITS 2
#define LPI_SELF   (LPI_FIRST + 1) /* event 0 */
#define LPI_OTHER  (LPI_FIRST + 2) /* event 1, for CPU 1 */
#define LPI_EDU    (LPI_FIRST + 3)
#define BATCH      64

static unsigned lpi_other = LPI_OTHER;
static struct pci_device edu;

/* Made before anything is counted. */
static struct its_command batch[BATCH];

static void raise_event(uint32_t event)
{
	const struct its_command command = its_int(DEVICE, event);

	its_post_blind(&command, 1);
}

static void int_to_self(void)
{
	unsigned next = count_of(0, LPI_SELF) + 1;

	raise_event(0);
	wait_at_least(lpi_count(0, LPI_SELF), next);
}

static void int_to_other(void)
{
	raise_event(1);
}

static void make_lpi_pending(void)
{
	raise_event(0);
	wait_irq_asserted();
}

static void acknowledge_and_end(void)
{
	gic_end(gic_acknowledge());
}

static void ack_end(void)
{
	irq_mask();
	row("lpi_ack_end", make_lpi_pending, acknowledge_and_end);
	irq_unmask();
}

/* By one write, until GITS_CREADR is there. */
static void run_batch(unsigned n)
{
	its_post_blind(batch + BATCH - n, n);
	while (read64(its.base + GITS_CREADR) != its.next * sizeof(struct its_command))
		wfe();
}

static void inv_sync(void)
{
	run_batch(2);
}

static void whole_batch(void)
{
	run_batch(BATCH);
}

static void commands(void)
{
	for (unsigned i = 0; i < BATCH - 1; i++)
		batch[i] = its_inv(DEVICE, 0);
	batch[BATCH - 1] = its_sync(0);
	row("its_inv_sync", nothing, inv_sync);
	report("its_command", measure(nothing, whole_batch, ROUNDS), (uint64_t)ROUNDS * BATCH);
}

/*
 * One command of a batch of INTs, with this many events mapped and a stride that comes back to one only
 * after all others. Their LPIs are disabled: what is measured is finding them.
 */
#define MANY      2 /* a device */
#define MANY_BITS 15
#define MANY_LPI  (LPI_FIRST + 4096)
#define MANY_LPIS 2048u
#define STRIDE    12345u /* odd */

static unsigned many, many_at;

static void map_many(unsigned upto)
{
	for (; many < upto; many++) {
		batch[many % BATCH] = its_mapti(MANY, many, MANY_LPI + many % MANY_LPIS, 0);
		if (many % BATCH == BATCH - 1)
			run_batch(BATCH);
	}
}

static void next_ints(void)
{
	for (unsigned i = 0; i < BATCH; i++, many_at += STRIDE)
		batch[i] = its_int(MANY, many_at % many);
}

static void int_of(const char *name, unsigned events)
{
	unsigned mapped = (events + BATCH - 1) / BATCH * BATCH;

	map_many(mapped);
	many = events;
	many_at = 0;
	report(name, measure(next_ints, whole_batch, ROUNDS), (uint64_t)ROUNDS * BATCH);
	many = mapped;
}

static void many_events(void)
{
	if (!its_map_device(MANY, MANY_BITS))
		return;
	for (unsigned i = 0; i < MANY_LPIS; i++)
		lpi_set(MANY_LPI + i, PRIORITY_DEFAULT, false);
	int_of("int_of_1", 1);
	int_of("int_of_1k", 1024);
	int_of("int_of_32k", 1u << MANY_BITS);
}

static void quiet_edu(struct cpu *me, unsigned intid)
{
	(void)me;
	(void)intid;
	edu_acknowledge(&edu);
}

static void device_to_self(void)
{
	unsigned next = count_of(0, LPI_EDU) + 1;

	edu_raise(&edu);
	wait_at_least(lpi_count(0, LPI_EDU), next);
}

static void device(void)
{
	if (!pci_find_bridge() || !pci_find(&edu, EDU_VENDOR, EDU_PRODUCT, 0)) {
		print("# lpi_device needs an edu on PCI bus 0\n");
		return;
	}
	its_map_device(edu.device_id, EVENT_BITS);
	its_map_event(edu.device_id, 0, LPI_EDU, 0);
	pci_enable_msi(&edu, 0);
	on_interrupt = quiet_edu;
	row("lpi_device", nothing, device_to_self);
	on_interrupt = NULL;
	pci_disable_msi(&edu);
}

static bool has_lpis(void)
{
	return tree_its.found && !gic_is_v2() && read32(GICD_BASE + GICD_TYPER) & GICD_TYPER_LPIS;
}

void bench_lpis(void)
{
	if (!has_lpis()) {
		print("# no LPIs are measured: this machine has no ITS\n");
		return;
	}
	its_init();
	for (unsigned lpi = LPI_SELF; lpi <= LPI_EDU; lpi++)
		lpi_set(lpi, PRIORITY_DEFAULT, true);
	its_map_device(DEVICE, EVENT_BITS);
	its_map_event(DEVICE, 0, LPI_SELF, 0);
	its_map_event(DEVICE, 1, LPI_OTHER, 1);
	row("lpi_int_software", nothing, int_to_self);
	send_rounds("lpi_int_other", &lpi_other, int_to_other, receive_running, false);
	send_rounds("lpi_int_asleep", &lpi_other, int_to_other, receive_sleeping, true);
	ack_end();
	commands();
	many_events();
	device();
}
