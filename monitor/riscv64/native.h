/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The hart's own registers: what it has (probed), and what they are set to for the firmware, for its
 * payload, and for an access of the one with the other's eyes.
 */
#ifndef MONITOR_RISCV64_NATIVE_H
#define MONITOR_RISCV64_NATIVE_H

#include "board.h"

/* --- Probing ------------------------------------------------------------------------------------------ */

/* An access that may be illegal; false: it is. `number` is one of those in csrs.c. */
bool csr_try_read(unsigned number, uint64_t *value);
bool csr_try_write(unsigned number, uint64_t value);

/* What this hart has, as its firmware is to have it. Leaves the registers as at power-on. */
void native_probe(struct hart *hart, struct vhart_config *config);

/* --- Physical memory protection ------------------------------------------------------------------------ */

/*
 * The hart's entries: the monitor; the CLINT; the test device; the window; the firmware's own; the rest
 * of memory, for the firmware. The firmware has what PMP_OURS leaves.
 */
enum { PMP_MONITOR, PMP_CLINT, PMP_FINISHER, PMP_WINDOW, PMP_FIRMWARE, PMP_OURS };

/* OpenSBI needs 8 on QEMU's virt machine, and silently leaves the last region out if it has fewer. */
#define PMP_FIRMWARE_NEEDS 8

void pmp_init(struct hart *hart, const struct board *board, struct range monitor);

/* The firmware has changed its entries. They hold from the next pmp_set() on. */
void pmp_changed(struct hart *hart);

/* The entries as they are for this world; `window`: the firmware's loads and stores are caught. */
void pmp_set(struct hart *hart, enum world world, bool window);

/* --- Worlds -------------------------------------------------------------------------------------------- */

/* From the payload's trap to the firmware: what the payload has changed is taken over. */
void world_leave_payload(struct hart *hart);

/* The hart's registers become those that hart->v wants: before each entry, if anything has changed. */
void world_set(struct hart *hart);

/* The payload's senvcfg is written while the firmware runs, by which it is not governed. */
void world_senvcfg(struct hart *hart, uint64_t value);

/* hstatus, but for HU the hart's own. */
uint64_t world_hstatus(const struct hart *hart);
void world_set_hstatus(struct hart *hart, uint64_t value);

/*
 * Around an access that the firmware makes with the payload's eyes: its translation and its PMP. `window`:
 * whether the firmware's own are caught again then.
 */
void world_borrow(struct hart *hart);
void world_return(struct hart *hart, bool window);

#endif
