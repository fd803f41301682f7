/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * A PCI function as a VM sees it: PCI Local Bus 3.0 chapter 6, PCI Express Base 4.0 7.5 and 7.7, PCI Power
 * Management 1.2 3.2, Virtio 1.2 4.1.4.
 */
#include <string.h>
#include "console.h"
#include "pci_function.h"

#define STATUS     0x06
#define REVISION   0x08
#define CACHE_LINE 0x0c
#define SUBSYSTEM  0x2c
#define ROM        0x30
#define CAPS       0x34
#define LINE       0x3c

#define STATUS_CAPS  0x0010u
#define STATUS_INTX  0x0008u
#define STATUS_CLEAR 0xf900u

/* Bits of the command register that the guest may have its way with. */
#define COMMAND_KEPT (PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_NOINTX | 0x140u)

#define BAR_IO      1u
#define BAR_FLAGS   15u
#define BAR_TYPE    6u
#define BAR_TYPE_64 4u

enum { CAP_POWER = 0x01, CAP_MSI = 0x05, CAP_VENDOR = 0x09, CAP_EXPRESS = 0x10, CAP_MSIX = 0x11 };

#define CAPS_MOST 48 /* as many as fit behind the header, so that a loop of them ends */

/* From the start of a capability. */
#define POWER_CONTROL       4
#define POWER_NO_SOFT_RESET 0x08u
#define MSI_CONTROL         2
#define MSI_ADDRESS         4
#define MSI_ENABLE          0x0001u
#define MSI_WIDE            0x0080u
#define MSI_MASKS           0x0100u
#define MSIX_CONTROL        2
#define MSIX_ENABLE         0x8000u
#define MSIX_MASK_ALL       0x4000u
#define EXPRESS_CAPS        4
#define EXPRESS_CONTROL     8
#define EXPRESS_STATUS      10
#define EXPRESS_FLR_CAP     (1u << 28)
#define EXPRESS_FLR         0x8000u
#define EXPRESS_WRITABLE    0x781fu /* error reports, relaxed ordering, no snoop, size of reads */
#define EXPRESS_SIZE_1      0x14u
#define EXPRESS_SIZE_2      0x3cu

#define VENDOR_VIRTIO      0x1af4u
#define VIRTIO_CONFIG_TYPE 3
#define VIRTIO_BAR         4
#define VIRTIO_OFFSET      8
#define VIRTIO_CAP_SIZE    16
#define VIRTIO_COMMON      1
#define VIRTIO_STATUS      20 /* in the common configuration; 0 resets the device */
#define VIRTIO_PCI_CFG     5  /* a way to BARs through configuration space */

#define STATUS_READS 1000u /* until a device is given up, which is to answer at once */

#define VECTOR_MASKED 1u
#define VECTOR_SIZE   16u

/* --- Little-endian pieces of the tables. --------------------------------------------------------- */

static uint32_t get(const uint8_t *table, unsigned at, unsigned bytes)
{
	uint32_t value = 0;
	unsigned i;

	for (i = 0; i < bytes; i++)
		value |= (uint32_t)table[at + i] << 8 * i;
	return value;
}

static void set(uint8_t *table, unsigned at, unsigned bytes, uint32_t value)
{
	unsigned i;

	for (i = 0; i < bytes; i++)
		table[at + i] = (uint8_t)(value >> 8 * i);
}

static uint32_t hw_read(const struct pci_function *f, unsigned at, unsigned bytes)
{
	return f->port->config_read(f->host, at, bytes);
}

static void hw_write(const struct pci_function *f, unsigned at, unsigned bytes, uint32_t value)
{
	f->port->config_write(f->host, at, bytes, value);
}

/* --- Boot: what it is. ----------------------------------------------------------------------------- */

static void pass(struct pci_function *f, unsigned at, unsigned bytes)
{
	for (; bytes && at < PCI_CONFIG; bytes--)
		f->pass[at++] = 0xff;
}

static void read_header(struct pci_function *f)
{
	pass(f, PCI_ID, 4);
	pass(f, REVISION, 4);
	pass(f, PCI_HEADER, 1);
	pass(f, SUBSYSTEM, 4);
	f->pass[CACHE_LINE] = f->write[CACHE_LINE] = 0xff;
	set(f->pass, STATUS, 2, 0xffff & ~(STATUS_CAPS | STATUS_INTX));
	set(f->clear, STATUS, 2, STATUS_CLEAR);
	set(f->keep, PCI_COMMAND, 2, COMMAND_KEPT);
	f->keep[LINE] = 0xff; /* and no pin: there is no INTx */
}

/* The ones that stay 0 in an address register that all ones were written to. */
static uint32_t probe(const struct pci_function *f, unsigned at)
{
	uint32_t old = hw_read(f, at, 4), got;

	hw_write(f, at, 4, ~0u);
	got = hw_read(f, at, 4);
	hw_write(f, at, 4, old);
	return got;
}

/* Returns how many registers it takes. What is for I/O the guest does not get. */
static unsigned read_bar(struct pci_function *f, unsigned n)
{
	unsigned at = PCI_BAR + 4 * n;
	uint32_t flags = hw_read(f, at, 4) & BAR_FLAGS;
	struct pci_bar *bar = &f->bar[n];
	uint64_t mask, room;

	if (flags & BAR_IO)
		return 1;
	bar->wide = (flags & BAR_TYPE) == BAR_TYPE_64 && n + 1 < PCI_BARS;
	mask = probe(f, at) & ~BAR_FLAGS;
	if (bar->wide)
		mask |= (uint64_t)probe(f, at + 4) << 32;
	if (!mask)
		return bar->wide ? 2 : 1;
	bar->size = mask & -mask;
	room = ~(pci_bar_room(f, n) - 1);
	set(f->keep, at, 4, (uint32_t)room);
	set(f->initial, at, 4, flags);
	if (bar->wide)
		set(f->keep, at + 4, 4, (uint32_t)(room >> 32));
	return bar->wide ? 2 : 1;
}

static void read_power(struct pci_function *f, unsigned at)
{
	f->power = (uint8_t)at;
	f->pass[at + 2] = 0xff; /* version and such; without PME, which nobody would be told of */
	f->pass[at + 3] = 0x07;
	set(f->initial, at + POWER_CONTROL, 2, POWER_NO_SOFT_RESET);
	f->keep[at + POWER_CONTROL] = 3; /* the device stays in D0, where its registers answer */
}

static void read_msi(struct pci_function *f, unsigned at)
{
	uint32_t control = hw_read(f, at + MSI_CONTROL, 2);
	unsigned count = control >> 1 & 7, next;

	f->msi = (uint8_t)at;
	f->msi_wide = control & MSI_WIDE;
	f->msi_masks = control & MSI_MASKS;
	f->msi_count = (uint8_t)(1u << (count < 5 ? count : 5));
	set(f->initial, at + MSI_CONTROL, 2, (control & (MSI_WIDE | MSI_MASKS | 0xe)));
	set(f->keep, at + MSI_CONTROL, 2, MSI_ENABLE | 0x70);
	set(f->keep, at + MSI_ADDRESS, 4, ~3u);
	next = at + MSI_ADDRESS + 4;
	if (f->msi_wide) {
		set(f->keep, next, 4, ~0u);
		next += 4;
	}
	set(f->keep, next, 2, 0xffff);
	if (f->msi_masks) {
		set(f->keep, next + 4, 4, ~0u >> (32 - f->msi_count));
		pass(f, next + 8, 4); /* pending */
	}
}

static const char *read_msix(struct pci_function *f, unsigned at)
{
	uint32_t control = hw_read(f, at + MSIX_CONTROL, 2);
	uint32_t table = hw_read(f, at + 4, 4), pending = hw_read(f, at + 8, 4);
	uint32_t count = (control & 0x7ff) + 1;

	if ((table & 7) >= PCI_BARS || (pending & 7) >= PCI_BARS ||
	    f->bar[table & 7].size < (table & ~7u) + (uint64_t)count * VECTOR_SIZE ||
	    f->bar[pending & 7].size < (pending & ~7u) + ((uint64_t)count + 63) / 64 * 8)
		return "its tables are in no BAR of memory";
	f->msix = (uint8_t)at;
	f->msix_count = (uint16_t)count;
	f->table_bar = table & 7;
	f->table_at = table & ~7u;
	f->pending_bar = pending & 7;
	f->pending_at = pending & ~7u;
	set(f->initial, at + MSIX_CONTROL, 2, count - 1);
	set(f->keep, at + MSIX_CONTROL, 2, MSIX_ENABLE | MSIX_MASK_ALL);
	pass(f, at + 4, 8);
	return NULL;
}

static void read_express(struct pci_function *f, unsigned at)
{
	unsigned size = (hw_read(f, at + 2, 2) & 15) >= 2 ? EXPRESS_SIZE_2 : EXPRESS_SIZE_1;

	f->express = (uint8_t)at;
	f->flr = hw_read(f, at + EXPRESS_CAPS, 4) & EXPRESS_FLR_CAP;
	pass(f, at + 2, size - 2);
	set(f->write, at + EXPRESS_CONTROL, 2, EXPRESS_WRITABLE);
	set(f->clear, at + EXPRESS_STATUS, 2, 0xf);
}

/* Of those that are known, how many bytes at least there have to be; 0: it is not. */
static unsigned least_size(unsigned id)
{
	switch (id) {
	case CAP_POWER:
		return 8;
	case CAP_MSI:
		return 24;
	case CAP_VENDOR:
		return 4;
	case CAP_EXPRESS:
		return EXPRESS_SIZE_1;
	case CAP_MSIX:
		return 12;
	default:
		return 0;
	}
}

static void read_common(struct pci_function *f, unsigned at)
{
	unsigned bar = hw_read(f, at + VIRTIO_BAR, 1);
	uint32_t offset = hw_read(f, at + VIRTIO_OFFSET, 4);

	if (f->virtio || bar >= PCI_BARS || f->bar[bar].size <= (uint64_t)offset + VIRTIO_STATUS)
		return;
	f->virtio = true;
	f->status_bar = (uint8_t)bar;
	f->status_at = offset + VIRTIO_STATUS;
}

static const char *read_vendor(struct pci_function *f, unsigned at)
{
	unsigned size = hw_read(f, at + 2, 1);

	if (hw_read(f, PCI_ID, 2) != VENDOR_VIRTIO)
		return "what a vendor has there is not known";
	if (hw_read(f, at + VIRTIO_CONFIG_TYPE, 1) == VIRTIO_PCI_CFG)
		return "it reaches BARs through configuration space";
	if (size < least_size(CAP_VENDOR))
		return "it is shorter than it can be";
	pass(f, at + 2, size - 2);
	if (hw_read(f, at + VIRTIO_CONFIG_TYPE, 1) == VIRTIO_COMMON && size >= VIRTIO_CAP_SIZE &&
	    at + VIRTIO_CAP_SIZE <= PCI_CONFIG)
		read_common(f, at);
	return NULL;
}

/* NULL: the guest sees it. */
static const char *read_cap(struct pci_function *f, unsigned id, unsigned at)
{
	if (!least_size(id))
		return "the hypervisor does not know it";
	if (at + least_size(id) > PCI_CONFIG)
		return "it does not end in configuration space";
	switch (id) {
	case CAP_POWER:
		if (f->power)
			break;
		read_power(f, at);
		return NULL;
	case CAP_MSI:
		if (f->msi)
			break;
		read_msi(f, at);
		return NULL;
	case CAP_EXPRESS:
		if (f->express)
			break;
		read_express(f, at);
		return NULL;
	case CAP_MSIX:
		if (f->msix)
			break;
		return read_msix(f, at);
	default:
		return read_vendor(f, at);
	}
	return "it stands there twice";
}

static void hide(struct pci_function *f, unsigned id, const char *why)
{
	if (f->hidden_count < PCI_HIDDEN)
		f->hidden[f->hidden_count++] = (struct pci_hidden){ (uint8_t)id, why };
}

/* The list that the guest sees goes past those that it does not. */
static void read_caps(struct pci_function *f)
{
	unsigned at, link = CAPS, left = CAPS_MOST;

	if (!(hw_read(f, STATUS, 2) & STATUS_CAPS))
		return;
	at = hw_read(f, CAPS, 1) & ~3u;
	while (at >= 0x40 && left--) {
		unsigned id = hw_read(f, at, 1);
		const char *why = read_cap(f, id, at);

		if (why) {
			hide(f, id, why);
		} else {
			f->initial[link] = (uint8_t)at;
			f->initial[at] = (uint8_t)id;
			link = at + 1;
			set(f->initial, STATUS, 2, STATUS_CAPS);
		}
		at = hw_read(f, at + 1, 1) & ~3u;
	}
}

/* No byte is both hardware's and ours: a capability that lies over another one. */
static bool contradictory(const struct pci_function *f)
{
	unsigned i;

	for (i = 0; i < PCI_CONFIG; i++) {
		if ((f->pass[i] & (f->keep[i] | f->initial[i])) ||
		    ((f->write[i] | f->clear[i]) & (f->keep[i] | ~f->pass[i])))
			return true;
	}
	return false;
}

int pci_function_read(struct pci_function *f, const struct pci_port *port, void *host,
		      const char **why)
{
	unsigned n = 0;

	memset(f, 0, sizeof(*f));
	f->port = port;
	f->host = host;
	hw_write(f, PCI_COMMAND, 2, PCI_COMMAND_NOINTX);
	if (hw_read(f, PCI_HEADER, 1) & 0x7f) {
		*why = "it is a bridge";
		return -1;
	}
	read_header(f);
	while (n < PCI_BARS)
		n += read_bar(f, n);
	read_caps(f);
	if (contradictory(f)) {
		*why = "its capabilities overlap";
		return -1;
	}
	return 0;
}

unsigned pci_function_events(const struct pci_function *f)
{
	unsigned msi = f->msi ? f->msi_count : 0;

	return f->msix_count > msi ? f->msix_count : msi;
}

/* --- Messages. ------------------------------------------------------------------------------------- */

static bool msix_enabled(const struct pci_function *f)
{
	return f->msix && get(f->shadow, f->msix + MSIX_CONTROL, 2) & MSIX_ENABLE;
}

static void table_write(const struct pci_function *f, unsigned n, unsigned at, uint32_t value)
{
	f->port->bar_write(f->host, f->table_bar, f->table_at + n * VECTOR_SIZE + at, 4, value);
}

/* With `masking`. The read comes back behind the write: from then on it sends none. */
static void vector_mask(struct pci_function *f, unsigned n)
{
	bool masked = !f->vector[n].open || f->vector[n].held;

	table_write(f, n, 12, masked ? VECTOR_MASKED : 0);
	if (masked)
		f->port->bar_read(f->host, f->table_bar, f->table_at + n * VECTOR_SIZE + 12, 4);
}

static void vector_open(struct pci_function *f, unsigned n, bool open)
{
	spin_lock(&f->masking);
	f->vector[n].open = open;
	vector_mask(f, n);
	spin_unlock(&f->masking);
}

/* A guest may write a vector in pieces, masked or not: each time all of it is looked at. */
static void vector_changed(struct pci_function *f, unsigned n)
{
	struct pci_vector *vector = &f->vector[n];
	bool wanted = msix_enabled(f) && !(vector->control & VECTOR_MASKED);

	if (wanted && vector->address != f->doorbell) {
		f->refused++;
		wanted = false;
	}
	if (wanted)
		f->port->route(f->host, n, vector->data);
	if (wanted != vector->open)
		vector_open(f, n, wanted);
}

static void msix_changed(struct pci_function *f)
{
	uint32_t control = get(f->shadow, f->msix + MSIX_CONTROL, 2);
	unsigned n;

	for (n = 0; n < f->msix_count; n++)
		vector_changed(f, n);
	hw_write(f, f->msix + MSIX_CONTROL, 2, control);
}

static unsigned msi_data_at(const struct pci_function *f)
{
	return f->msi + MSI_ADDRESS + (f->msi_wide ? 8 : 4);
}

static uint64_t msi_address(const struct pci_function *f)
{
	uint64_t address = get(f->shadow, f->msi + MSI_ADDRESS, 4);

	if (f->msi_wide)
		address |= (uint64_t)get(f->shadow, f->msi + MSI_ADDRESS + 4, 4) << 32;
	return address;
}

static unsigned msi_log2(const struct pci_function *f)
{
	unsigned log2 = get(f->shadow, f->msi + MSI_CONTROL, 2) >> 4 & 7;

	while (1u << log2 > f->msi_count)
		log2--;
	return log2;
}

static void msi_route(struct pci_function *f, unsigned count)
{
	uint32_t data = get(f->shadow, msi_data_at(f), 2) & ~(count - 1);
	unsigned n;

	for (n = 0; n < count; n++)
		f->port->route(f->host, n, data | n);
}

/* With `masking`. */
static void msi_mask(struct pci_function *f)
{
	unsigned at = msi_data_at(f) + 4, n;
	uint32_t held = 0;

	for (n = 0; n < f->msi_count; n++)
		held |= (uint32_t)(f->msi_held[n] != 0) << n;
	hw_write(f, at, 4, get(f->shadow, at, 4) | held);
	hw_read(f, at, 4);
}

/* With `masking`. */
static void msi_enable(struct pci_function *f)
{
	bool on = f->msi_open && !f->msi_off;

	hw_write(f, f->msi + MSI_CONTROL, 2, (on ? MSI_ENABLE : 0) | (uint32_t)f->msi_log2 << 4);
	hw_read(f, f->msi + MSI_CONTROL, 2);
}

static void msi_open(struct pci_function *f, unsigned log2)
{
	spin_lock(&f->masking);

	hw_write(f, f->msi + MSI_ADDRESS, 4, (uint32_t)f->physical);
	if (f->msi_wide)
		hw_write(f, f->msi + MSI_ADDRESS + 4, 4, (uint32_t)(f->physical >> 32));
	hw_write(f, msi_data_at(f), 2, 0);
	if (f->msi_masks)
		msi_mask(f);
	f->msi_log2 = (uint8_t)log2;
	f->msi_open = true;
	msi_enable(f);
	spin_unlock(&f->masking);
}

static void msi_close(struct pci_function *f)
{
	spin_lock(&f->masking);
	f->msi_log2 = 0;
	f->msi_open = false;
	msi_enable(f);
	spin_unlock(&f->masking);
}

/* With both on, which is undefined, it is MSI-X that counts. */
static void msi_changed(struct pci_function *f)
{
	bool wanted = get(f->shadow, f->msi + MSI_CONTROL, 2) & MSI_ENABLE && !msix_enabled(f);

	if (wanted && (msi_address(f) != f->doorbell || (!f->msi_wide && f->physical >> 32))) {
		f->refused++;
		wanted = false;
	}
	if (wanted) {
		msi_route(f, 1u << msi_log2(f));
		msi_open(f, msi_log2(f));
	} else if (f->msi_open) {
		msi_close(f);
	}
}

static bool wants_attention(const struct pci_function *f)
{
	return hw_read(f, STATUS, 2) & STATUS_INTX;
}

/* With `masking`, as let_go(). What is closed is kept, too: it does not open. */
static bool keep(struct pci_function *f, unsigned n)
{
	bool by_enable = n < f->msi_count && !f->msi_masks;

	if (n >= pci_function_events(f) ||
	    (by_enable && f->msi_open && (f->msi_log2 || (!f->msi_off && wants_attention(f)))))
		return false;
	if (n < f->msix_count) {
		f->vector[n].held++;
		vector_mask(f, n);
	}
	if (by_enable) {
		f->msi_off++;
		msi_enable(f);
	} else if (n < f->msi_count) {
		f->msi_held[n]++;
		msi_mask(f);
	}
	return true;
}

/* True: it was missed. */
static bool let_go(struct pci_function *f, unsigned n)
{
	if (n < f->msix_count) {
		f->vector[n].held--;
		vector_mask(f, n);
	}
	if (n >= f->msi_count)
		return false;
	if (f->msi_masks) {
		f->msi_held[n]--;
		msi_mask(f);
		return false;
	}
	f->msi_off--;
	msi_enable(f);
	return f->msi_open && !f->msi_off && wants_attention(f);
}

bool pci_function_hold(struct pci_function *f, unsigned n, bool on)
{
	bool missed = false, kept = false;

	spin_lock(&f->masking);
	if (on)
		kept = keep(f, n);
	else
		missed = let_go(f, n);
	spin_unlock(&f->masking);
	if (missed)
		f->port->missed(f->host, n);
	return kept;
}

static void messages_off(struct pci_function *f)
{
	unsigned n;

	if (f->msi)
		msi_close(f);
	if (!f->msix)
		return;
	hw_write(f, f->msix + MSIX_CONTROL, 2, 0);
	for (n = 0; n < f->msix_count; n++) {
		f->vector[n].address = f->vector[n].data = 0;
		f->vector[n].control = VECTOR_MASKED;
		vector_open(f, n, false);
		table_write(f, n, 0, (uint32_t)f->physical);
		table_write(f, n, 4, (uint32_t)(f->physical >> 32));
		table_write(f, n, 8, n);
	}
}

/* --- Reset. ---------------------------------------------------------------------------------------- */

static void write_bars(struct pci_function *f)
{
	unsigned n;

	for (n = 0; n < PCI_BARS; n++) {
		if (!f->bar[n].size)
			continue;
		hw_write(f, PCI_BAR + 4 * n, 4, (uint32_t)f->bar[n].at);
		if (f->bar[n].wide)
			hw_write(f, PCI_BAR + 4 * n + 4, 4, (uint32_t)(f->bar[n].at >> 32));
	}
}

/* The device says by the same register when it is done. */
static void reset_virtio(struct pci_function *f)
{
	unsigned left = STATUS_READS;

	f->port->bar_write(f->host, f->status_bar, f->status_at, 1, 0);
	while (left-- && f->port->bar_read(f->host, f->status_bar, f->status_at, 1) & 0xff)
		;
}

void pci_function_reset(struct pci_function *f)
{
	memcpy(f->shadow, f->initial, PCI_CONFIG);
	hw_write(f, PCI_COMMAND, 2, PCI_COMMAND_NOINTX);
	write_bars(f);
	hw_write(f, ROM, 4, 0);
	hw_write(f, PCI_COMMAND, 2, PCI_COMMAND_NOINTX | PCI_COMMAND_MEMORY);
	if (f->virtio)
		reset_virtio(f);
	messages_off(f);
	f->port->moved(f->host);
}

void pci_function_silence(struct pci_function *f)
{
	hw_write(f, PCI_COMMAND, 2, PCI_COMMAND_NOINTX);
	if (f->msi)
		msi_close(f);
	if (f->msix)
		hw_write(f, f->msix + MSIX_CONTROL, 2, 0);
	memcpy(f->shadow, f->initial, PCI_CONFIG);
	f->port->moved(f->host);
}

/* --- Configuration space. -------------------------------------------------------------------------- */

static bool in_config(unsigned offset, unsigned bytes)
{
	return (bytes == 1 || bytes == 2 || bytes == 4) && !(offset & (bytes - 1)) &&
	       offset < PCI_CONFIG;
}

uint32_t pci_config_read(struct pci_function *f, unsigned offset, unsigned bytes)
{
	uint32_t value, passed;

	if (!in_config(offset, bytes))
		return 0;
	value = get(f->shadow, offset, bytes);
	passed = get(f->pass, offset, bytes);
	if (passed)
		value |= hw_read(f, offset, bytes) & passed;
	return value;
}

static bool touches(unsigned offset, unsigned bytes, unsigned at, unsigned size)
{
	return offset < at + size && at < offset + bytes;
}

static void command_changed(struct pci_function *f, uint32_t old)
{
	uint32_t new = get(f->shadow, PCI_COMMAND, 2);

	hw_write(f, PCI_COMMAND, 2,
		 PCI_COMMAND_NOINTX | PCI_COMMAND_MEMORY | (new &PCI_COMMAND_MASTER));
	if ((old ^ new) & PCI_COMMAND_MEMORY)
		f->port->moved(f->host);
}

/* What was kept has an effect. */
static void kept_changed(struct pci_function *f, unsigned offset, unsigned bytes, uint32_t command)
{
	if (touches(offset, bytes, PCI_COMMAND, 2))
		command_changed(f, command);
	if (touches(offset, bytes, PCI_BAR, 4 * PCI_BARS) && command & PCI_COMMAND_MEMORY)
		f->port->moved(f->host);
	if (f->msix && touches(offset, bytes, f->msix + MSIX_CONTROL, 2)) {
		msix_changed(f);
		if (f->msi)
			msi_changed(f);
	}
	if (f->msi && touches(offset, bytes, f->msi + MSI_CONTROL, 22))
		msi_changed(f);
}

static bool wants_reset(const struct pci_function *f, unsigned offset, unsigned bytes,
			uint32_t value)
{
	unsigned at = f->express + EXPRESS_CONTROL + 1; /* its upper byte has the bit */

	return f->flr && touches(offset, bytes, at, 1) &&
	       value >> 8 * (at - offset) & EXPRESS_FLR >> 8;
}

/* Bits that a 1 clears are written as 0 unless the guest wrote a 1. */
static void pass_write(struct pci_function *f, unsigned offset, unsigned bytes, uint32_t value)
{
	uint32_t taken = get(f->write, offset, bytes) | get(f->clear, offset, bytes);

	if (taken)
		hw_write(f, offset, bytes, (hw_read(f, offset, bytes) & ~taken) | (value & taken));
}

void pci_config_write(struct pci_function *f, unsigned offset, unsigned bytes, uint32_t value)
{
	uint32_t command = get(f->shadow, PCI_COMMAND, 2), kept;

	if (!in_config(offset, bytes))
		return;
	if (wants_reset(f, offset, bytes, value)) {
		f->port->reset(f->host);
		return;
	}
	pass_write(f, offset, bytes, value);
	kept = get(f->keep, offset, bytes);
	if (!kept)
		return;
	set(f->shadow, offset, bytes, (get(f->shadow, offset, bytes) & ~kept) | (value & kept));
	kept_changed(f, offset, bytes, command);
}

/* --- BARs. ----------------------------------------------------------------------------------------- */

/* One that is smaller than a page gets one to itself. */
uint64_t pci_bar_room(const struct pci_function *f, unsigned n)
{
	return f->bar[n].size < PCI_PAGE ? PCI_PAGE : f->bar[n].size;
}

bool pci_bar_at(const struct pci_function *f, unsigned n, uint64_t *at)
{
	if (!f->bar[n].size || !(get(f->shadow, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY))
		return false;
	*at = get(f->shadow, PCI_BAR + 4 * n, 4) & ~BAR_FLAGS;
	if (f->bar[n].wide)
		*at |= (uint64_t)get(f->shadow, PCI_BAR + 4 * n + 4, 4) << 32;
	return true;
}

static uint64_t pending_size(const struct pci_function *f)
{
	return ((uint64_t)f->msix_count + 63) / 64 * 8;
}

/* Are there bytes `at` to `at` + `bytes` in pages that this part, of whole pages, has? */
static bool in_pages(uint64_t part, uint64_t size, uint64_t at, uint64_t bytes)
{
	return (at & ~(PCI_PAGE - 1)) < part + size && part < at + bytes;
}

bool pci_bar_trapped(const struct pci_function *f, unsigned n, uint64_t offset, uint64_t size)
{
	if (!f->msix)
		return false;
	return (n == f->table_bar &&
		in_pages(offset, size, f->table_at, (uint64_t)f->msix_count * VECTOR_SIZE)) ||
	       (n == f->pending_bar && in_pages(offset, size, f->pending_at, pending_size(f)));
}

bool pci_bar_used(const struct pci_function *f, unsigned n, uint64_t offset)
{
	return pci_bar_trapped(f, n, offset, PCI_PAGE) ||
	       (f->virtio && n == f->status_bar && in_pages(offset, PCI_PAGE, f->status_at, 1));
}

static bool in_table(const struct pci_function *f, unsigned n, uint64_t offset)
{
	return f->msix && n == f->table_bar && offset >= f->table_at &&
	       offset - f->table_at < (uint64_t)f->msix_count * VECTOR_SIZE;
}

static bool in_pending(const struct pci_function *f, unsigned n, uint64_t offset)
{
	return f->msix && n == f->pending_bar && offset >= f->pending_at &&
	       offset - f->pending_at < pending_size(f);
}

static uint32_t vector_read(const struct pci_vector *vector, unsigned at)
{
	switch (at) {
	case 0:
		return (uint32_t)vector->address;
	case 4:
		return (uint32_t)(vector->address >> 32);
	case 8:
		return vector->data;
	default:
		return vector->control;
	}
}

static void vector_write(struct pci_vector *vector, unsigned at, uint32_t value)
{
	switch (at) {
	case 0:
		vector->address = (vector->address & ~0xfffffffful) | (value & ~3u);
		break;
	case 4:
		vector->address = (uint32_t)vector->address | (uint64_t)value << 32;
		break;
	case 8:
		vector->data = value;
		break;
	default:
		vector->control = value & VECTOR_MASKED;
		break;
	}
}

uint64_t pci_bar_read(struct pci_function *f, unsigned n, uint64_t offset, unsigned bytes)
{
	uint64_t at = offset - f->table_at, value;
	const struct pci_vector *vector;

	if (offset & (bytes - 1) || offset >= pci_bar_room(f, n) || !f->bar[n].size)
		return ~0ul;
	if (!in_table(f, n, offset))
		return f->port->bar_read(f->host, n, offset, bytes);
	vector = &f->vector[at / VECTOR_SIZE];
	value = vector_read(vector, at & 0xc);
	if (bytes == 8)
		value |= (uint64_t)vector_read(vector, (at & 0xc) + 4) << 32;
	return value >> 8 * (at & 3);
}

/* The table takes words and pairs of words; the pending bits take nothing. */
void pci_bar_write(struct pci_function *f, unsigned n, uint64_t offset, unsigned bytes,
		   uint64_t value)
{
	uint64_t at = offset - f->table_at;
	unsigned index = (unsigned)(at / VECTOR_SIZE);

	if (offset & (bytes - 1) || offset >= pci_bar_room(f, n) || !f->bar[n].size ||
	    in_pending(f, n, offset))
		return;
	if (!in_table(f, n, offset)) {
		f->port->bar_write(f->host, n, offset, bytes, value);
		return;
	}
	if (bytes < 4)
		return;
	vector_write(&f->vector[index], at & 0xc, (uint32_t)value);
	if (bytes == 8)
		vector_write(&f->vector[index], (at & 0xc) + 4, (uint32_t)(value >> 32));
	vector_changed(f, index);
}
