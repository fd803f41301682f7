/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * PCI devices of bus 0 behind the bridge of the device tree (PCI Local Bus 3.0, chapter 6; 6.8: MSI, MSI-X),
 * as far as their memory and one message are wanted, and QEMU's "edu", the device that interrupts when it is
 * told to (QEMU docs/specs/edu).
 */
#ifndef GUEST_PCI_H
#define GUEST_PCI_H

#include "cpu.h"

struct pci_device {
	uint32_t requester; /* bus, device, function */
	uint32_t device_id; /* what the ITS knows it by: msi-map */
	uintptr_t config;   /* its configuration space */
	uintptr_t memory;   /* BAR 0 */
	unsigned msi, msix; /* offsets of the capabilities; 0: there is none */
};

/* Is there a bridge, whose messages go to the ITS? */
bool pci_find_bridge(void);
/*
 * The n-th of such devices on bus 0, counted from 0, its BAR 0 placed and enabled. Bails out if it is
 * there but cannot be used.
 */
bool pci_find(struct pci_device *device, uint16_t vendor, uint16_t product, unsigned n);
/* Another BAR, placed where nothing else is: its address. */
uintptr_t pci_place_bar(const struct pci_device *device, unsigned bar);
/* One message, to the ITS. */
void pci_enable_msi(const struct pci_device *device, uint32_t event);
void pci_disable_msi(const struct pci_device *device);

#define EDU_VENDOR  0x1234
#define EDU_PRODUCT 0x11e8
#define EDU_ID      0x00
#define EDU_INVERT  0x04 /* reads as the complement of what was written */
#define EDU_STATUS  0x24
#define EDU_RAISE   0x60
#define EDU_ACK     0x64

static inline void edu_raise(const struct pci_device *device)
{
	write32(device->memory + EDU_RAISE, 1);
}
static inline void edu_acknowledge(const struct pci_device *device)
{
	write32(device->memory + EDU_ACK, read32(device->memory + EDU_STATUS));
}

#endif
