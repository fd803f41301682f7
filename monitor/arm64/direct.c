/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The machine's side of direct injection: commands to its ITSs, registers of its redistributors, tables, and
 * doorbells, which are LPIs of a device that there is not (GICv4.0 has no other way to invalidate one).
 */
#include <carillon/gicv4.h>
#include "arch.h"
#include "cold.h"
#include "direct.h"
#include "gic.h"
#include "hot.h"
#include "its.h"
#include "mmu.h"
#include "pci.h"
#include "../common/console.h"
#include "../common/panic.h"

#define INNER_SHAREABLE (1ul << 10)
#define CACHED          (7ul << 7)
#define PATIENCE        1000000u

static struct gicv4_machine machine;
static uint32_t vpeids_used;

bool direct_possible(void)
{
	return machine.itss != 0;
}

static uint8_t *frame_of(unsigned cpu)
{
	return (uint8_t *)cpus[cpu]->redist - GICR_SGI_FRAME;
}

void direct_init(const struct board *board)
{
	unsigned i;

	if (!its_count ||
	    !(mmio_read64((uint8_t *)board->gic[GIC_REDIST].start + GICR_TYPER) & GICR_TYPER_VLPIS))
		return;
	machine.vmovp = true;
	machine.intid_bits = (mmio_read32(gicd + GICD_TYPER) >> 19 & 0x1f) + 1;
	machine.vpeids = its_list[0].vpe_limit;
	for (i = 0; i < its_count; i++) {
		if (!its_list[i].virtual)
			return;
		machine.vmovp &= its_list[i].vmovp;
		machine.its_numbers[i] = its_list[i].number;
		if (its_list[i].vpe_limit < machine.vpeids)
			machine.vpeids = its_list[i].vpe_limit;
	}
	machine.itss = (uint8_t)its_count;
}

/* --- Hooks. ------------------------------------------------------------------------------------------ */

static uint64_t put_command(void *host, unsigned its, const uint64_t command[4])
{
	struct its_command copy = { { command[0], command[1], command[2], command[3] } };

	(void)host;
	return its_put_token(&its_list[its], &copy);
}

static bool command_done(void *host, unsigned its, uint64_t token)
{
	(void)host;
	return its_done(&its_list[its], token);
}

static uint64_t redist_read(void *host, unsigned cpu, uint32_t offset)
{
	(void)host;
	return mmio_read64(frame_of(cpu) + offset);
}

static void redist_write(void *host, unsigned cpu, uint32_t offset, uint64_t value)
{
	(void)host;
	dsb_sy();
	mmio_write64(frame_of(cpu) + offset, value);
}

static uint64_t rdbase(void *host, unsigned its, unsigned cpu)
{
	(void)host;
	return its_list[its].targets[cpu];
}

static void set_doorbell(void *host, unsigned vcpu, bool on)
{
	struct vm *vm = host;

	lpi_enable(vm->doorbells + vcpu, on);
}

static void wake(void *host, unsigned vcpu)
{
	cold_wake(((struct vm *)host)->vcpu[vcpu]);
}

static void raise(void *host, uint16_t route, unsigned vcpu, virq_t lpi)
{
	(void)route;
	vgic_lpi_raise(((struct vm *)host)->vgic, NULL, vcpu, lpi);
}

/* What came as a physical LPI before is as if it had been taken. */
static bool quiet(void *host, uint16_t route, bool on)
{
	const struct vm *vm = host;
	unsigned intid;

	if (!pci_hold(vm, route, on, &intid))
		return false;
	if (on && !gicv4_is_direct(vm->direct, route) && lpi_take(intid))
		cold_lpi(this_cpu(), intid);
	return true;
}

static const struct gicv4_hooks hooks = {
	.command = put_command,
	.done = command_done,
	.redist_read = redist_read,
	.redist_write = redist_write,
	.rdbase = rdbase,
	.doorbell = set_doorbell,
	.wake = wake,
	.raise = raise,
	.quiet = quiet,
};

static void doorbell_came(struct vcpu *vcpu)
{
	gicv4_doorbell(vcpu->vm->direct, vcpu->index);
}

/* --- A VM. ------------------------------------------------------------------------------------------- */

static void settle(struct vm *vm)
{
	unsigned left = PATIENCE;

	while (!gicv4_settled(vm->direct) && left--)
		;
}

static bool wants_direct(const struct vm *vm)
{
	return vm->direct && !vm->description->software_messages;
}

/* gicv4_policy(): with all the VMs that want it and share CPUs with this one. */
static bool have_cpus(const struct vm *vm)
{
	uint64_t ours = vm->description->cpus, all = ours;
	unsigned vcpus = 0, count = 0, i;

	for (i = 0; i < vm_count; i++) {
		if (!wants_direct(vms[i]) || !(vms[i]->description->cpus & ours))
			continue;
		vcpus += vms[i]->vcpus;
		all |= vms[i]->description->cpus;
	}
	for (; all; all &= all - 1)
		count++;
	return gicv4_policy(true, vcpus, count);
}

/* It is on when it has been made. */
void direct_start(struct vm *vm)
{
	bool off = vm->description->software_messages;
	bool on = !off && have_cpus(vm);

	if (!vm->direct)
		return;
	if (gicv4_start(vm->direct) != 0)
		panic("%s: direct injection does not start", vm->description->name);
	settle(vm);
	direct_switch(vm, on);
	if (on)
		print("carillon: %s: hardware delivers the messages of its PCI functions\n",
		      vm->description->name);
	else
		print("carillon: %s: %s: software delivers its messages, as long as 'direct %s' is not said\n",
		      vm->description->name,
		      off ? "its description says software-messages" : "more vCPUs than CPUs",
		      vm->description->name);
}

/* What is its devices' is LPIs again, and pending in software. */
bool direct_end(struct vm *vm)
{
	bool was = vm->direct && vm->direct_on;

	if (was)
		direct_switch(vm, false);
	return was;
}

/* The last device that the ITS can have is none of the machine's. */
static void make_doorbells(struct vm *vm, struct gicv4_event *events)
{
	static uint32_t proxies;
	uint32_t proxy = its_list[0].device_limit - 1 - proxies++;
	const char *why;
	unsigned i;

	vm->doorbells = its_device(0, proxy, vm->vcpus, cpus[0], &why);
	if (!vm->doorbells)
		panic("%s: no doorbells: %s", vm->description->name, why);
	for (i = 0; i < vm->vcpus; i++) {
		struct lpi *lpi = &lpis[vm->doorbells + i - LPI_FIRST];

		lpi_enable(vm->doorbells + i, false);
		lpi->vm = vm;
		lpi->event = i;
		lpi->kind = LPI_DOORBELL;
		events[i] = (struct gicv4_event){
			.device = proxy,
			.event = i,
			.intid = vm->doorbells + i,
		};
	}
}

void direct_create(struct vm *vm, unsigned messages)
{
	static struct gicv4_event events[VM_VCPUS];
	struct gicv4_config config = {
		.vcpus = (uint16_t)vm->vcpus,
		.routes = (uint16_t)messages,
		.lpi_bits = VM_LPI_BITS,
		.first_vpeid = (uint16_t)vpeids_used,
		.attributes = INNER_SHAREABLE | CACHED,
		.doorbells = events,
	};
	size_t size, tables;
	int result;

	if (vpeids_used + vm->vcpus + 1 > machine.vpeids) {
		print("carillon: %s: no direct injection: its vCPUs are more than the ITS has room for\n",
		      vm->description->name);
		return;
	}
	make_doorbells(vm, events);
	size = gicv4_size(&machine, &config);
	tables = gicv4_tables_size(&machine, &config);
	config.tables = pages_alloc_aligned(tables, 0x10000);
	config.address = (uint64_t)config.tables;
	result = gicv4_init(&vm->direct, pages_alloc(size), size, &machine, &config, &hooks, vm);
	if (result != 0)
		panic("gicv4_init: error %d", result);
	vpeids_used += vm->vcpus + 1;
	lpi_doorbell = doorbell_came;
}

/* Its routes are those of a VM that has never run: nothing of one is pending, and none is known. */
static void forget_routes(struct vm *vm)
{
	unsigned i, count = pci_messages(vm->description);

	for (i = 0; i < count; i++) {
		while (vits_unforward(vm->vits, NULL, (uint16_t)i) == -VIRQ_ERR_BUSY)
			yield(WAIT_YIELDS);
		gicv4_route(vm->direct, (uint16_t)i, NULL);
	}
}

void direct_reset(struct vm *vm)
{
	if (!vm->direct)
		return;
	settle(vm);
	forget_routes(vm);
	gicv4_stop(vm->direct);
	settle(vm);
}

void cold_direct_load(struct vcpu *vcpu)
{
	struct gicv4 *direct = vcpu->vm->direct;
	unsigned left = PATIENCE;

	gicv4_load(direct, vcpu->index, vcpu->cpu->index);
	/* Running it without waiting to the end loses nothing. */
	while (!gicv4_ready(direct, vcpu->index) && left--)
		;
}

void cold_direct_put(struct vcpu *vcpu, uint64_t blocks)
{
	struct gicv4 *direct = vcpu->vm->direct;
	unsigned left = PATIENCE;

	while (!gicv4_put(direct, vcpu->index, blocks, !left) && left--)
		;
}

/* --- Routes. ----------------------------------------------------------------------------------------- */

void direct_route(struct vm *vm, uint16_t route, unsigned intid, uint32_t device, uint32_t event)
{
	struct lpi *lpi = &lpis[intid - LPI_FIRST];
	struct gicv4_event physical = {
		.its = lpi->its,
		.collection = lpi->cpu,
		.cpu = lpi->cpu,
		.device = lpi->requester,
		.event = lpi->number,
		.intid = intid,
	};
	unsigned left = PATIENCE;
	int result;

	/* What it was before. */
	while (vits_unforward(vm->vits, NULL, route) == -VIRQ_ERR_BUSY)
		yield(WAIT_YIELDS);
	while ((result = gicv4_route(vm->direct, route, &physical)) == -VIRQ_ERR_BUSY && left--)
		gicv4_settled(vm->direct);
	if (result != 0)
		return;
	while ((result = vits_forward(vm->vits, device, event, route)) == -VIRQ_ERR_BUSY)
		yield(WAIT_YIELDS);
	lpi->second = result != 0;
	if (lpi->second)
		gicv4_route(vm->direct, route, NULL);
	settle(vm);
}

struct outcome cold_vlpi_map(struct vm *vm, uint64_t route, uint64_t vcpu_lpi)
{
	unsigned vcpu = (unsigned)(vcpu_lpi >> 32);
	virq_t lpi = (virq_t)vcpu_lpi;
	uint8_t property = 0;

	vgic_lpi_property(vm->vgic, vcpu, lpi, &property);
	return (struct outcome){ gicv4_map(vm->direct, (uint16_t)route, vcpu, lpi, property), 0 };
}

struct outcome cold_vlpi_unmap(struct vm *vm, uint64_t route)
{
	enum gicv4_result result;
	unsigned left = PATIENCE;

	while ((result = gicv4_unmap(vm->direct, (uint16_t)route)) == GICV4_AGAIN && left--)
		gicv4_settled(vm->direct);
	return (struct outcome){ result != GICV4_CLEAR, 0 };
}

void cold_vlpi_discard(struct vm *vm, uint64_t route)
{
	gicv4_discard(vm->direct, (uint16_t)route);
}

void cold_vlpi_move(struct vm *vm, uint64_t route, uint64_t vcpu)
{
	gicv4_move(vm->direct, (uint16_t)route, (unsigned)vcpu);
}

void cold_vlpi_set(struct vm *vm, uint64_t route)
{
	gicv4_set(vm->direct, (uint16_t)route);
}

void cold_vlpi_clear(struct vm *vm, uint64_t route)
{
	gicv4_clear(vm->direct, (uint16_t)route);
}

/* `route` has the property byte from bit 16 on. */
void cold_vlpi_configure(struct vm *vm, uint64_t route, uint64_t lpi)
{
	gicv4_configure(vm->direct, (uint16_t)route, (virq_t)lpi, (uint8_t)(route >> 16));
}

struct outcome cold_vlpis_settled(struct vm *vm)
{
	return (struct outcome){ gicv4_settled(vm->direct), 0 };
}

void cold_direct_invalidated(struct vm *vm, uint64_t vcpu, uint64_t lpi)
{
	vits_lpi_invalidated(vm->vits, (unsigned)vcpu, (virq_t)lpi);
	settle(vm);
}

/* --- For people. ------------------------------------------------------------------------------------- */

void direct_switch(struct vm *vm, bool on)
{
	vm->direct_on = on;
	gicv4_enable(vm->direct, on);
	while (!gicv4_step(vm->direct))
		yield(WAIT_YIELDS);
}

void direct_print(const struct vm *vm)
{
	struct gicv4_stats stats;

	if (!vm->direct)
		return;
	gicv4_stats(vm->direct, &stats);
	print("direct injection: %u messages are hardware's (%lu were given to it), %lu doorbells, %lu blocks, %lu moves\n",
	      stats.direct, (unsigned long)stats.maps, (unsigned long)stats.doorbells,
	      (unsigned long)stats.blocks, (unsigned long)stats.moves);
}
