/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Direct injection, on a machine with a GICv4: messages of a VM's PCI functions reach its vCPUs by
 * hardware. carillon/gicv4.h has what is done; here is where it finds the machine.
 */
#ifndef MONITOR_ARM64_DIRECT_H
#define MONITOR_ARM64_DIRECT_H

#include "vm.h"

/* Boot, after its_init(): can it be done at all? Says so. */
void direct_init(const struct board *board);
bool direct_possible(void);

/* Boot, behind vits_init(). So many messages at most. */
void direct_create(struct vm *vm, unsigned messages);

/*
 * The guest has made message `route`, whose LPI is `intid`, its (device, event). If another route is the
 * same, that one is hardware's, and this one comes by software (struct lpi: second). Any CPU, cold.
 */
void direct_route(struct vm *vm, uint16_t route, unsigned intid, uint32_t device, uint32_t event);

/*
 * The VM starts, with this CPU's LPIs on; it ends: before its devices do (true: it was on), and after
 * vits_reset(). Of any VM.
 */
void direct_start(struct vm *vm);
bool direct_end(struct vm *vm);
void direct_reset(struct vm *vm);

/* For people: on or off from now on, comes back when it is. */
void direct_switch(struct vm *vm, bool on);
void direct_print(const struct vm *vm);

#endif
