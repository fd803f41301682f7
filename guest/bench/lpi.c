/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What LPIs cost: raised by INT, and as messages of a device, QEMU's edu, to vCPUs that run, sleep, or are
 * not loaded; commands that the ITS reads; acknowledge and end. Nothing is measured without an ITS.
 * Whether the device's LPIs are delivered directly (GICv4) is not seen here: the rows are called lpi_int*
 * and lpi_device*, and bench/run knows the machine. INT raises what the device raises.
 */
#include "bench.h"
#include "gic.h"
#include "its.h"
#include "pci.h"
#include "tap.h"
#include "tree.h"

#define DEVICE     1 /* where there is no edu */
#define EVENT_BITS 2
#define LPI_SELF   (LPI_FIRST + 1)
#define LPI_OTHER  (LPI_FIRST + 2)
#define BATCH      64

enum event {
	TO_SELF,  /* LPI_SELF, for CPU 0 */
	TO_OTHER, /* LPI_OTHER, for CPU 1 */
	TO_NOBODY /* not mapped */
};

static unsigned lpi_other = LPI_OTHER;
static struct pci_device edu;
static bool has_edu;
static uint32_t device_id = DEVICE;

/* Made before anything is counted. */
static struct its_command batch[BATCH];

static void raise_event(uint32_t event)
{
	const struct its_command command = its_int(device_id, event);

	its_post_blind(&command, 1);
}

static void int_to_self(void)
{
	unsigned next = count_of(0, LPI_SELF) + 1;

	raise_event(TO_SELF);
	wait_at_least(lpi_count(0, LPI_SELF), next);
}

static void int_to_other(void)
{
	raise_event(TO_OTHER);
}

static void make_lpi_pending(void)
{
	raise_event(TO_SELF);
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
		batch[i] = its_inv(device_id, TO_SELF);
	batch[BATCH - 1] = its_sync(0);
	row("its_inv_sync", nothing, inv_sync);
	report("its_command", measure(nothing, whole_batch, ROUNDS), (uint64_t)ROUNDS * BATCH);
}

/*
 * Finding one of this many mapped events, with a stride that comes back to one only after all others: as one
 * of a batch of INTs, whose LPIs are disabled, and as a message, whose LPIs are not.
 */
#define MANY      2 /* a device */
#define MANY_BITS 15
#define MANY_LPI  (LPI_FIRST + 4096)
#define MANY_LPIS 2048u
#define STRIDE    12345u /* odd */

static unsigned many, many_at;

static void map_many(uint32_t device, unsigned upto)
{
	for (; many < upto; many++) {
		batch[many % BATCH] = its_mapti(device, many, MANY_LPI + many % MANY_LPIS, 0);
		if (many % BATCH == BATCH - 1)
			run_batch(BATCH);
	}
}

static void next_ints(void)
{
	for (unsigned i = 0; i < BATCH; i++, many_at += STRIDE)
		batch[i] = its_int(MANY, many_at % many);
}

/* `events`: 1, or a multiple of BATCH. */
static struct sample of_many(uint32_t device, unsigned events, void (*prepare)(void),
			     void (*operation)(void), unsigned rounds)
{
	unsigned mapped = (events + BATCH - 1) / BATCH * BATCH;
	struct sample sum;

	map_many(device, mapped);
	many = events;
	sum = measure(prepare, operation, rounds);
	many = mapped;
	return sum;
}

static void int_of(const char *name, unsigned events)
{
	many_at = 0;
	report(name, of_many(MANY, events, next_ints, whole_batch, ROUNDS),
	       (uint64_t)ROUNDS * BATCH);
}

static void set_many_lpis(bool enabled)
{
	for (unsigned i = 0; i < MANY_LPIS; i++)
		lpi_set(MANY_LPI + i, PRIORITY_DEFAULT, enabled);
}

static void ints_of_many(void)
{
	if (!its_map_device(MANY, MANY_BITS))
		return;
	set_many_lpis(false);
	int_of("int_of_1", 1);
	int_of("int_of_1k", 1024);
	int_of("int_of_32k", 1u << MANY_BITS);
	its_do(its_unmapd(MANY));
}

/* --- A device's messages ------------------------------------------------------------------------- */

static atomic_uint quieted;

static void quiet_edu(struct cpu *me, unsigned intid)
{
	(void)me;
	if (intid < LPI_FIRST)
		return;
	edu_acknowledge(&edu);
	atomic_fetch_add(&quieted, 1);
	sev();
}

/* From now on it sends this event: the hypervisor has its LPI come where that one's CPU is. */
static void aim(uint32_t event)
{
	if (has_edu)
		pci_enable_msi(&edu, event);
}

static void message(void)
{
	edu_raise(&edu);
}

static void message_and_wait(void)
{
	unsigned next = atomic_load(&quieted) + 1;

	edu_raise(&edu);
	wait_at_least(&quieted, next);
}

static void next_event(void)
{
	aim(many_at % many);
	many_at += STRIDE;
}

/* Each LPI's first one, too, is not what is wanted here; nor each event's, if they are few. */
static void device_of(const char *name, unsigned events)
{
	of_many(edu.device_id, events, next_event, message_and_wait, 2 * MANY_LPIS);
	report(name, of_many(edu.device_id, events, next_event, message_and_wait, ROUNDS), ROUNDS);
}

static void messages_of_many(void)
{
	its_do(its_unmapd(edu.device_id));
	if (!its_map_device(edu.device_id, MANY_BITS))
		return;
	set_many_lpis(true);
	its_do(its_invall(0));
	many = 0;
	device_of("device_of_1", 1);
	device_of("device_of_1k", 1024);
	device_of("device_of_32k", 1u << MANY_BITS);
}

static atomic_uint left_behind;

/*
 * The message comes to CPU 0, and its LPI has been moved to CPU 1 since: the hypervisor has not followed yet,
 * which it does after so many. The first one, not counted, finds the translation.
 */
static void leave_behind(void)
{
	its_do(its_movi(device_id, TO_OTHER, 0));
	aim(TO_NOBODY);
	aim(TO_OTHER);
	its_do(its_movi(device_id, TO_OTHER, 1));
	message_and_wait();
	atomic_fetch_add(&left_behind, 1);
	sev();
}

/* CPU 1 counts from then on. */
static void wait_until_left_behind(void)
{
	static unsigned round;

	wait_at_least(&left_behind, ++round);
}

static void messages(void)
{
	aim(TO_SELF);
	row("lpi_device", nothing, message_and_wait);
	aim(TO_OTHER);
	send_rounds("lpi_device_other", &lpi_other, message, receive_running, false);
	send_rounds("lpi_device_asleep", &lpi_other, message, receive_sleeping, true);
	play((struct duet){ "lpi_device_elsewhere", leave_behind, wait_until_left_behind,
			    message_and_wait, nothing, false, false });
}

static bool has_lpis(void)
{
	if (tree_its.found && !gic_is_v2() && read32(GICD_BASE + GICD_TYPER) & GICD_TYPER_LPIS)
		return true;
	print("# no LPIs are measured: this machine has no ITS\n");
	return false;
}

static void set_up(void)
{
	its_init();
	has_edu = pci_find_bridge() && pci_find(&edu, EDU_VENDOR, EDU_PRODUCT, 0);
	if (has_edu)
		device_id = edu.device_id;
	else
		print("# lpi_device needs an edu on PCI bus 0\n");
	lpi_set(LPI_SELF, PRIORITY_DEFAULT, true);
	lpi_set(LPI_OTHER, PRIORITY_DEFAULT, true);
	its_map_device(device_id, EVENT_BITS);
	its_map_event(device_id, TO_SELF, LPI_SELF, 0);
	its_map_event(device_id, TO_OTHER, LPI_OTHER, 1);
}

void bench_lpis(void)
{
	if (!has_lpis())
		return;
	set_up();
	aim(TO_SELF);
	row("lpi_int", nothing, int_to_self);
	aim(TO_OTHER);
	send_rounds("lpi_int_other", &lpi_other, int_to_other, receive_running, false);
	send_rounds("lpi_int_asleep", &lpi_other, int_to_other, receive_sleeping, true);
	aim(TO_SELF);
	ack_end();
	commands();
	ints_of_many();
	if (!has_edu)
		return;
	on_interrupt = quiet_edu;
	messages();
	messages_of_many();
	on_interrupt = NULL;
	pci_disable_msi(&edu);
}

/* --- CPUs that others share ----------------------------------------------------------------------- */

static bool set_up_shared(void)
{
	if (!has_lpis())
		return false;
	set_up();
	if (!has_edu)
		bail_out("this VM needs an edu");
	aim(TO_OTHER);
	on_interrupt = quiet_edu;
	return true;
}

void bench_lpis_not_loaded(void)
{
	if (!set_up_shared())
		return;
	report("lpi_int_not_loaded", to_not_loaded(LPI_OTHER, int_to_other), ROUNDS);
	report("lpi_device_not_loaded", to_not_loaded(LPI_OTHER, message), ROUNDS);
	report("lpi_int_wake", to_sleeper(LPI_OTHER, int_to_other), ROUNDS);
	report("lpi_device_wake", to_sleeper(LPI_OTHER, message), ROUNDS);
}

void bench_lpis_waiting(void)
{
	if (!set_up_shared())
		return;
	report("lpi_int_waiting", to_the_other(LPI_OTHER, int_to_other, true), ROUNDS);
	report("lpi_device_waiting", to_the_other(LPI_OTHER, message, true), ROUNDS);
}
