/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Configuration space by ECAM (PCI Express Base 4.0, 7.2.2), BARs in the bridge's 32-bit window, and MSI
 * through msi-map (Linux Documentation/devicetree/bindings/pci/pci-msi.txt).
 */
#include "pci.h"

#include "its.h"
#include "tap.h"
#include "tree.h"

#define ID           0x00
#define COMMAND      0x04
#define BAR0         0x10
#define CAPABILITIES 0x34

#define COMMAND_MEMORY      (1u << 1)
#define COMMAND_BUS_MASTER  (1u << 2)
#define STATUS_CAPABILITIES (1u << 20) /* seen from COMMAND */
#define BAR_IO              1u
#define BAR_64BIT           4u
#define CAPABILITY_MSI      0x05
#define CAPABILITY_MSIX     0x11
#define MSI_ENABLE          (1u << 16) /* seen from the capability's start */
#define MSI_MULTIPLE        (7u << 20)
#define MSI_64BIT           (1u << 23)
#define SLOTS               32
#define MOST_CAPABILITIES   48

static uint64_t window_used;

bool pci_find_bridge(void)
{
	if (!tree_pci.found || !tree_pci.window_size)
		return false;
	map_device(tree_pci.ecam);
	map_device(tree_pci.window);
	return tree_pci.msi_map[0][3] != 0;
}

/* The row of msi-map that the requester is in must lead to the ITS that is driven here. */
static uint32_t device_id(uint32_t requester)
{
	for (unsigned i = 0; i < TREE_MSI_ROWS; i++) {
		const uint32_t *row = tree_pci.msi_map[i];

		if (requester >= row[0] && requester - row[0] < row[3] &&
		    row[1] == tree_its.phandle)
			return requester - row[0] + row[2];
	}
	bail_out("a PCI device whose messages do not go to the ITS");
}

static unsigned find_capability(uintptr_t config, unsigned wanted)
{
	unsigned at = read8(config + CAPABILITIES) & 0xfc;

	if (!(read32(config + COMMAND) & STATUS_CAPABILITIES))
		return 0;
	for (unsigned i = 0; at && i < MOST_CAPABILITIES; i++) {
		if (read8(config + at) == wanted)
			return at;
		at = read8(config + at + 1) & 0xfc;
	}
	return 0;
}

/* BARs are as large as the bits that stay 0, and aligned to that. */
uintptr_t pci_place_bar(const struct pci_device *device, unsigned n)
{
	uintptr_t at = device->config + BAR0 + 4 * n, memory;
	uint32_t bar, size;

	write32(at, ~0u);
	bar = read32(at);
	size = ~(bar & ~0xfu) + 1;
	if (bar & BAR_IO || !size)
		bail_out("a PCI device whose BAR is no memory");
	window_used = (window_used + size - 1) & ~(uint64_t)(size - 1);
	if (window_used + size > tree_pci.window_size)
		bail_out("the PCI window is too small");
	write32(at, (uint32_t)(tree_pci.window_bus + window_used));
	if (bar & BAR_64BIT)
		write32(at + 4, 0);
	memory = tree_pci.window + window_used;
	window_used += size;
	return memory;
}

bool pci_find(struct pci_device *device, uint16_t vendor, uint16_t product, unsigned n)
{
	for (unsigned slot = 0; slot < SLOTS; slot++) {
		uintptr_t config = tree_pci.ecam + ((uintptr_t)slot << 15);

		if (read32(config + ID) != (vendor | (uint32_t)product << 16) || n--)
			continue;
		device->requester = slot << 3;
		device->device_id = device_id(device->requester);
		device->config = config;
		device->msi = find_capability(config, CAPABILITY_MSI);
		device->msix = find_capability(config, CAPABILITY_MSIX);
		if (!device->msi && !device->msix)
			bail_out("a PCI device without messages");
		device->memory = pci_place_bar(device, 0);
		write32(config + COMMAND, COMMAND_MEMORY | COMMAND_BUS_MASTER);
		return true;
	}
	return false;
}

void pci_enable_msi(const struct pci_device *device, uint32_t event)
{
	uintptr_t msi = device->config + device->msi;
	uint64_t to = its.base + GITS_TRANSLATER;
	uint32_t control = read32(msi) & ~MSI_MULTIPLE;

	write32(msi + 4, (uint32_t)to);
	if (control & MSI_64BIT)
		write32(msi + 8, (uint32_t)(to >> 32));
	write32(msi + (control & MSI_64BIT ? 12 : 8), event);
	write32(msi, control | MSI_ENABLE);
}

void pci_disable_msi(const struct pci_device *device)
{
	uintptr_t msi = device->config + device->msi;

	write32(msi, read32(msi) & ~MSI_ENABLE);
}
