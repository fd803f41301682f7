/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The host bridge: functions are found and their BARs placed at boot, whatever a boot loader did. A VM's
 * window of configuration space always traps; its BARs are pages of stage 2 while its functions decode, but
 * those with MSI-X tables, which trap, too.
 */
#include <string.h>
#include "arch.h"
#include "direct.h"
#include "hot.h"
#include "its.h"
#include "mmu.h"
#include "pci.h"
#include "smmu.h"
#include "../common/console.h"
#include "../common/panic.h"
#include "../common/pci_function.h"

#define MULTIFUNCTION 0x80u
#define DEVFNS        256
#define RESET_MS      100 /* PCI Express Base 6.6.2: until a function answers after its reset */

/* One that a VM has, or could have. */
struct pci_device {
	struct pci_function view;
	uint8_t *config; /* its 4 KB of ECAM */
	uint16_t rid;
	const char *why;    /* no VM can have it */
	struct vm *vm;      /* whose it is */
	unsigned first_lpi; /* of message 0; 0: it has no messages */
	uint64_t its_at;    /* the machine's GITS_TRANSLATER that they go to */
	uint16_t first_route;
	bool resetting; /* until `ready_at` it does not answer */
	uint64_t ready_at;
	bool refusal_told;
	uint64_t mapped[PCI_BARS]; /* the guest address, as CPUs have it; 0: it is not mapped */
};

struct vm_pci {
	unsigned lock; /* of all of this VM's functions */
	unsigned count;
	struct pci_device *device[BOARD_PCI];
	struct pci_device *by_devfn[DEVFNS];
	uint64_t ecam, window, size, bus;
};

static struct pci_device *found[BOARD_PCI]; /* as in board->pci.function */

/* Of physical BARs: where it starts for CPUs and on the bus, its size, and how much of it is used. */
static struct {
	uint64_t start, bus, size, used;
} window;

/* --- The machine's side of a function. --------------------------------------------------------------- */

static uint32_t config_read(void *host, unsigned offset, unsigned bytes)
{
	const uint8_t *at = ((struct pci_device *)host)->config + (offset & ~3u);

	return mmio_read32(at) >> 8 * (offset & 3) & ~0u >> (32 - 8 * bytes);
}

static void config_write(void *host, unsigned offset, unsigned bytes, uint32_t value)
{
	uint8_t *at = ((struct pci_device *)host)->config + offset;

	if (bytes == 4)
		mmio_write32(at, value);
	else if (bytes == 2)
		mmio_write16(at, (uint16_t)value);
	else
		mmio_write8(at, (uint8_t)value);
}

static uint64_t bar_address(const struct pci_device *device, unsigned bar)
{
	return device->view.bar[bar].at - window.bus + window.start;
}

/* Nobody answers: ones, as the bus has it. The guest may make us ask what the device does not know. */
static uint64_t bar_read(void *host, unsigned bar, uint64_t offset, unsigned bytes)
{
	uint64_t at = bar_address(host, bar) + offset;
	struct outcome got = mmio_try(at, (unsigned)__builtin_ctz(bytes), 0);

	return got.done ? got.value : ~0ul;
}

static void bar_write(void *host, unsigned bar, uint64_t offset, unsigned bytes, uint64_t value)
{
	mmio_try(bar_address(host, bar) + offset, 4 + (unsigned)__builtin_ctz(bytes), value);
}

static struct lpi *lpi_of(const struct pci_device *device, unsigned vector)
{
	return &lpis[device->first_lpi + vector - LPI_FIRST];
}

static void route_directly(struct pci_device *device, unsigned vector)
{
	bool held = pci_function_hold(&device->view, vector, true);

	direct_route(device->vm, (uint16_t)(device->first_route + vector),
		     device->first_lpi + vector, device->rid, lpi_of(device, vector)->event);
	if (held)
		pci_function_hold(&device->view, vector, false);
}

/* No message is hardware's as this event any more. Another one that the guest has made the same can be. */
static void take_over(struct pci_device *device, uint32_t event)
{
	unsigned n, count = pci_function_events(&device->view);

	for (n = 0; n < count; n++) {
		const struct lpi *lpi = lpi_of(device, n);

		if (lpi->kind == LPI_MESSAGE && lpi->second && lpi->event == event) {
			route_directly(device, n);
			return;
		}
	}
}

static void route(void *host, unsigned vector, uint32_t event)
{
	struct pci_device *device = host;
	unsigned intid = device->first_lpi + vector;
	uint32_t old;
	bool was_first;
	struct lpi *lpi;

	if (!device->first_lpi || !device->vm->vits)
		return;
	lpi = lpi_of(device, vector);
	if (lpi->kind == LPI_MESSAGE && lpi->event == event)
		return;
	was_first = lpi->kind == LPI_MESSAGE && !lpi->second;
	old = lpi->event;
	lpi->vm = device->vm;
	lpi->device = device->rid;
	lpi->event = event;
	__atomic_store_n(&lpi->kind, LPI_MESSAGE, __ATOMIC_RELEASE);
	if (!device->vm->direct) {
		lpi_follow(intid);
		return;
	}
	route_directly(device, vector);
	if (was_first)
		take_over(device, old);
}

static void missed(void *host, unsigned message)
{
	const struct pci_device *device = host;

	if (device->first_lpi)
		cold_lpi(this_cpu(), device->first_lpi + message);
}

/* A page that traps is not mapped; neighbours in the same BAR are. */
static void map_bar(struct pci_device *device, unsigned n, uint64_t at)
{
	uint64_t offset;

	for (offset = 0; offset < pci_bar_room(&device->view, n); offset += PCI_PAGE) {
		if (!pci_bar_trapped(&device->view, n, offset))
			stage2_map(device->vm->stage2, at + offset, bar_address(device, n) + offset,
				   PCI_PAGE, MAP_DEVICE);
	}
}

/* Where the guest wants it, in addresses of CPUs; 0: nowhere, or outside its window. */
static uint64_t wanted(const struct pci_device *device, unsigned n)
{
	const struct vm_pci *pci = device->vm->pci;
	uint64_t at, room = pci_bar_room(&device->view, n);

	if (!pci_bar_at(&device->view, n, &at) || at < pci->bus || at - pci->bus >= pci->size ||
	    room > pci->size - (at - pci->bus))
		return 0;
	return at - pci->bus + pci->window;
}

/* Another one is there, or this one. */
static bool is_taken(const struct vm_pci *pci, uint64_t at, uint64_t size)
{
	unsigned i, n;

	for (i = 0; i < pci->count; i++) {
		const struct pci_device *device = pci->device[i];

		for (n = 0; n < PCI_BARS; n++) {
			uint64_t there = device->mapped[n];

			if (there && at < there + pci_bar_room(&device->view, n) &&
			    there < at + size)
				return true;
		}
	}
	return false;
}

/* What is not where the guest wants it any more. */
static bool unmap_some(struct pci_device *device)
{
	bool gone = false;
	unsigned n;

	for (n = 0; n < PCI_BARS; n++) {
		if (!device->mapped[n] || device->mapped[n] == wanted(device, n))
			continue;
		stage2_unmap(device->vm->stage2, device->mapped[n], pci_bar_room(&device->view, n));
		device->mapped[n] = 0;
		gone = true;
	}
	return gone;
}

/* Of two at one place, which is the guest's mistake, the second one comes when the first one has gone. */
static void map_some(struct pci_device *device)
{
	unsigned n;

	for (n = 0; n < PCI_BARS; n++) {
		uint64_t at = wanted(device, n);

		if (!at || is_taken(device->vm->pci, at, pci_bar_room(&device->view, n)))
			continue;
		device->mapped[n] = at;
		map_bar(device, n, at);
	}
}

/* What goes has gone from the TLBs before anything comes. */
static void moved(void *host)
{
	struct pci_device *device = host;
	struct vm_pci *pci = device->vm->pci;
	unsigned i;

	if (unmap_some(device)) {
		stage2_forget(device->vm->vttbr);
		smmu_forget(device->vm);
	}
	for (i = 0; i < pci->count; i++)
		map_some(pci->device[i]);
	dsb_ish();
	isb();
}

static void begin_reset(void *host)
{
	struct pci_device *device = host;
	unsigned at = device->view.express + 8;

	pci_function_silence(&device->view);
	device->resetting = true;
	device->ready_at = clock_ticks();
	if (!device->view.flr)
		return;
	config_write(device, at, 2, config_read(device, at, 2) | 0x8000);
	device->ready_at += read_sysreg(cntfrq_el0) * RESET_MS / 1000;
}

static const struct pci_port function_port = {
	.config_read = config_read,
	.config_write = config_write,
	.bar_read = bar_read,
	.bar_write = bar_write,
	.route = route,
	.missed = missed,
	.moved = moved,
	.reset = begin_reset,
};

/* False: its reset is not over yet. */
static bool is_ready(struct pci_device *device)
{
	if (!device->resetting)
		return true;
	if (clock_ticks() < device->ready_at)
		return false;
	device->resetting = false;
	pci_function_reset(&device->view);
	return true;
}

/* --- The guest's accesses. --------------------------------------------------------------------------- */

/* In the guest's window. NULL: nothing is there. */
static struct pci_device *device_at(const struct vm_pci *pci, uint64_t ipa, unsigned *bar,
				    uint64_t *offset)
{
	unsigned i;

	for (i = 0; i < pci->count; i++) {
		struct pci_device *device = pci->device[i];

		for (*bar = 0; *bar < PCI_BARS; ++*bar) {
			*offset = ipa - device->mapped[*bar];
			if (device->mapped[*bar] && *offset < pci_bar_room(&device->view, *bar))
				return device;
		}
	}
	return NULL;
}

static uint64_t access_config(struct pci_device *device, unsigned offset, unsigned bytes,
			      const uint64_t *value)
{
	if (!value)
		return pci_config_read(&device->view, offset, bytes);
	pci_config_write(&device->view, offset, bytes, (uint32_t)*value);
	return 0;
}

static uint64_t access_bar(struct pci_device *device, unsigned bar, uint64_t offset, unsigned bytes,
			   const uint64_t *value)
{
	if (!value)
		return pci_bar_read(&device->view, bar, offset, bytes);
	pci_bar_write(&device->view, bar, offset, bytes, *value);
	return 0;
}

/* Once for each function: a guest may do it as often as it likes. */
static void tell_refusal(struct pci_device *device)
{
	if (!device->view.refused || device->refusal_told)
		return;
	device->refusal_told = true;
	print_limited_by(&device->vm->log,
			 "carillon: %s: %02x:%02x.%x: a message to an address that is not its "
			 "ITS's stays masked\n",
			 device->vm->description->name, device->rid >> 8, device->rid >> 3 & 31,
			 device->rid & 7);
}

/* `value`: to be written; NULL: it is a read. Where nobody answers, all ones are read. */
static struct outcome access(struct vm_pci *pci, uint64_t ipa, unsigned bytes,
			     const uint64_t *value)
{
	struct outcome outcome = { ~0ul, PCI_DONE };
	struct pci_device *device;
	uint64_t offset = ipa - pci->ecam;
	bool config = offset < PCI_BUS_SIZE;
	unsigned bar = 0;

	if (config) {
		device = pci->by_devfn[offset >> 12];
		offset &= 0xfff;
	} else if (ipa - pci->window < pci->size) {
		device = device_at(pci, ipa, &bar, &offset);
	} else {
		return (struct outcome){ 0, PCI_NOT };
	}
	if (!device)
		return outcome;
	if (!is_ready(device))
		return (struct outcome){ 0, PCI_AGAIN };
	if (config)
		outcome.value = access_config(device, (unsigned)offset, bytes, value);
	else
		outcome.value = access_bar(device, bar, offset, bytes, value);
	tell_refusal(device);
	return outcome;
}

static struct outcome locked_access(struct vcpu *vcpu, uint64_t ipa, unsigned bytes,
				    const uint64_t *value)
{
	struct vm_pci *pci = vcpu->vm->pci;
	struct outcome outcome;

	if (!pci)
		return (struct outcome){ 0, PCI_NOT };
	spin_lock(&pci->lock);
	outcome = access(pci, ipa, bytes, value);
	spin_unlock(&pci->lock);
	return outcome;
}

struct outcome cold_pci_read(struct vcpu *vcpu, uint64_t ipa, uint64_t bytes)
{
	return locked_access(vcpu, ipa, (unsigned)bytes, NULL);
}

/* `ipa` has less than 48 bits; above them is log2 of the bytes. */
struct outcome cold_pci_write(struct vcpu *vcpu, uint64_t where, uint64_t value)
{
	return locked_access(vcpu, where & ~(~0ul << 48), 1u << (where >> 48), &value);
}

/* --- Boot. ------------------------------------------------------------------------------------------- */

static uint64_t align_up(uint64_t value, uint64_t to)
{
	return (value + to - 1) & ~(to - 1);
}

/* Physical BARs lie one behind the other, each alone in its pages. */
static const char *place_bars(struct pci_function *view)
{
	unsigned n;

	for (n = 0; n < PCI_BARS; n++) {
		uint64_t room = pci_bar_room(view, n), at;

		if (!view->bar[n].size)
			continue;
		at = align_up(window.bus + window.used, room) - window.bus;
		if (at > window.size || room > window.size - at)
			return "there is no room for its BARs in the host bridge's 32-bit window";
		view->bar[n].at = window.bus + at;
		window.used = at + room;
	}
	return NULL;
}

static const char *examine(struct pci_device *device)
{
	const char *why = NULL;

	if (pci_function_read(&device->view, &function_port, device, &why) != 0)
		return why;
	if (config_read(device, 0x0b, 1) == 6)
		return "it is the host bridge";
	return place_bars(&device->view);
}

static void add_function(struct board_pci *pci, unsigned devfn, uint8_t *config)
{
	struct pci_device *device;

	if (pci->count == BOARD_PCI) {
		print("carillon: more than %d PCI functions: the others are nobody's\n", BOARD_PCI);
		return;
	}
	device = pages_alloc(sizeof(*device));
	device->config = config;
	device->rid = (uint16_t)devfn;
	device->why = examine(device);
	found[pci->count] = device;
	pci->function[pci->count].rid = device->rid;
	pci->function[pci->count].why = device->why;
	pci->count++;
}

void pci_scan(struct board *board)
{
	struct board_pci *pci = &board->pci;
	unsigned devfn, multi = 0;

	if (!pci->ecam_size)
		return;
	window.start = pci->window;
	window.bus = pci->bus;
	window.size = pci->window_size;
	for (devfn = 0; devfn < DEVFNS; devfn++) {
		uint8_t *config = (uint8_t *)pci->ecam + devfn * 0x1000ul;

		if ((devfn & 7 && !multi) || (uint16_t)mmio_read32(config + PCI_ID) == 0xffff) {
			multi = devfn & 7 ? multi : 0;
			continue;
		}
		if (!(devfn & 7))
			multi = mmio_read32(config + 0x0c) >> 16 & MULTIFUNCTION;
		add_function(pci, devfn, config);
	}
}

/* Its LPIs, one for each message, in the order of the messages. */
static void connect_messages(struct pci_device *device, const struct board *board)
{
	unsigned events = pci_function_events(&device->view), its;
	const char *why = "the machine maps its messages to no ITS";
	uint32_t id;

	device->view.doorbell = ~0ul;
	if (!events)
		return;
	if (device->vm->its == NO_DEVICE)
		why = "the VM has no ITS";
	else if (its_count && board_msi(board, device->rid, &its, &id)) {
		device->first_lpi = its_device(its, id, events, device->vm->vcpu[0]->cpu, &why);
		device->its_at = board->its[its].start + GITS_TRANSLATER;
		device->view.physical = board->pci.contained
						? SMMU_DOORBELL + device->its_at % PCI_PAGE
						: device->its_at;
	}
	if (device->first_lpi)
		device->view.doorbell = device->vm->its + GITS_TRANSLATER;
	else
		print("carillon: %s: %02x:%02x.%x has no messages: %s\n",
		      device->vm->description->name, device->rid >> 8, device->rid >> 3 & 31,
		      device->rid & 7, why);
}

/* What we have to reach: its MSI-X table and what is beside it, and the register that resets it. */
static void map_used(const struct pci_device *device)
{
	unsigned n;

	for (n = 0; n < PCI_BARS; n++) {
		uint64_t offset;

		for (offset = 0;
		     device->view.bar[n].size && offset < pci_bar_room(&device->view, n);
		     offset += PCI_PAGE) {
			if (pci_bar_used(&device->view, n, offset))
				el2_map_pages(bar_address(device, n) + offset, PCI_PAGE,
					      MAP_DEVICE);
		}
	}
}

static void report(const struct pci_device *device)
{
	const struct pci_function *view = &device->view;
	unsigned i;

	print("carillon: %s: PCI %02x:%02x.%x, %04x:%04x, %u messages%s",
	      device->vm->description->name, device->rid >> 8, device->rid >> 3 & 31,
	      device->rid & 7, config_read((void *)device, 0, 2), config_read((void *)device, 2, 2),
	      device->first_lpi ? pci_function_events(view) : 0,
	      view->flr || view->virtio
		      ? ""
		      : "; it cannot be reset: what a VM leaves in it, it finds again");
	for (i = 0; i < view->hidden_count; i++)
		print("; capability 0x%02x hidden: %s", view->hidden[i].id, view->hidden[i].why);
	print("\n");
}

static void connect(struct pci_device *device, const struct board *board)
{
	device->view.vector = pages_alloc(device->view.msix_count * sizeof(struct pci_vector));
	map_used(device);
	connect_messages(device, board);
	dsb_sy();
	isb();
	begin_reset(device);
	report(device);
}

/* As large as its BARs want, wherever in it they are put, in steps of the tables of stage 2. */
static uint64_t window_for(const struct vm_pci *pci)
{
	uint64_t sum = 0, largest = 0, size = 0x200000;
	unsigned i, n;

	for (i = 0; i < pci->count; i++) {
		for (n = 0; n < PCI_BARS; n++) {
			uint64_t room = pci_bar_room(&pci->device[i]->view, n);

			if (!pci->device[i]->view.bar[n].size)
				continue;
			sum += room;
			largest = room > largest ? room : largest;
		}
	}
	while (size < 2 * sum + largest)
		size *= 2;
	return size < window.size ? size : window.size;
}

uint16_t pci_messages(const struct vm_description *description)
{
	unsigned i, sum = 0;

	for (i = 0; i < description->pci_count; i++)
		sum += pci_function_events(&found[description->pci[i]]->view);
	return (uint16_t)sum;
}

void pci_connect(struct vm *vm, const struct board *board)
{
	const struct vm_description *description = vm->description;
	struct vm_pci *pci;
	unsigned i, messages = 0;

	if (!description->pci_count)
		return;
	pci = vm->pci = pages_alloc(sizeof(*pci));
	for (i = 0; i < description->pci_count; i++) {
		struct pci_device *device = found[description->pci[i]];

		device->vm = vm;
		pci->by_devfn[device->rid & 0xff] = device;
		pci->device[pci->count++] = device;
		device->first_route = (uint16_t)messages;
		messages += pci_function_events(&device->view);
	}
	pci->ecam = board->pci.ecam;
	pci->window = window.start;
	pci->bus = window.bus;
	pci->size = window_for(pci);
	stage2_reserve(vm->stage2, pci->window, pci->size);
	for (i = 0; i < pci->count; i++)
		connect(pci->device[i], board);
}

void pci_contain(const struct vm *vm, const struct board *board)
{
	unsigned i;

	for (i = 0; vm->pci && board->pci.contained && i < vm->pci->count; i++)
		smmu_give(vm, vm->pci->device[i]->rid, vm->pci->device[i]->its_at);
}

void pci_window(const struct vm *vm, uint64_t *bus, uint64_t *start, uint64_t *size)
{
	*bus = vm->pci->bus;
	*start = vm->pci->window;
	*size = vm->pci->size;
}

bool pci_hold(const struct vm *vm, uint16_t route, bool on, unsigned *intid)
{
	unsigned i;

	for (i = 0; i < vm->pci->count; i++) {
		struct pci_device *device = vm->pci->device[i];
		unsigned n = (unsigned)route - device->first_route;

		if (n < pci_function_events(&device->view)) {
			*intid = device->first_lpi + n;
			return pci_function_hold(&device->view, n, on);
		}
	}
	return false;
}

uint64_t pci_refused(const struct vm *vm)
{
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; vm->pci && i < vm->pci->count; i++)
		sum += vm->pci->device[i]->view.refused;
	return sum;
}

/* --- The VM's life. ---------------------------------------------------------------------------------- */

void pci_power_off(struct vm *vm)
{
	struct vm_pci *pci = vm->pci;
	unsigned i, n;

	if (!pci)
		return;
	spin_lock(&pci->lock);
	for (i = 0; i < pci->count; i++) {
		begin_reset(pci->device[i]);
		for (n = 0;
		     pci->device[i]->first_lpi && n < pci_function_events(&pci->device[i]->view);
		     n++)
			lpi_clear(pci->device[i]->first_lpi + n);
	}
	lpis_drop(vm);
	spin_unlock(&pci->lock);
}
