/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * PCI functions that VMs have: a host bridge with ECAM (PCI Express Base 7.2.2), of which the first bus is
 * looked at. monitor/common/pci_function.h is what a VM sees of one.
 */
#ifndef MONITOR_ARM64_PCI_H
#define MONITOR_ARM64_PCI_H

#include "vm.h"

#define PCI_BUS_SIZE 0x100000u /* of configuration space: 256 functions */

struct vm_pci; /* what a VM has of it */

/* Boot, in this order: what there is, to board->pci; then each VM gets what its description says. */
void pci_scan(struct board *board);
void pci_connect(struct vm *vm, const struct board *board);
void pci_contain(const struct vm *vm, const struct board *board); /* its stage 2 is complete */

/* Boot: how many messages the functions of a VM have together. */
uint16_t pci_messages(const struct vm_description *description);

/* Of a VM that has functions: its window for BARs, on the bus and as CPUs address it. */
void pci_window(const struct vm *vm, uint64_t *bus, uint64_t *start, uint64_t *size);

/*
 * Keep the message of this route (direct_route()) in its function, or let it go. False: it cannot be kept.
 * *intid: its LPI. Any CPU, with any of the VM's locks held.
 */
bool pci_hold(const struct vm *vm, uint16_t route, bool on, unsigned *intid);

/* For people: messages of its functions to where its ITS is not. */
uint64_t pci_refused(const struct vm *vm);

/* The VM has ended: no DMA, no messages, functions reset. No vCPU of it is loaded. */
void pci_power_off(struct vm *vm);

#endif
