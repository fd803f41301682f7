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
void native_probe(struct hart *hart, const struct board *board, struct vhart_config *config);

/* --- Physical memory protection ------------------------------------------------------------------------ */

/*
 * The hart's entries: the monitor; the CLINT; the test device, if there is one; the window; and the
 * firmware's own. The last one of these is the rest of memory while the firmware runs, which its own
 * entries bind only if they are locked; that one's lock holds for the payload alone.
 */
enum { PMP_MONITOR, PMP_CLINT, PMP_DEVICES };

static inline unsigned pmp_ours(const struct board *board)
{
	return PMP_DEVICES + !!board->finisher.size + 1;
}

/*
 * What OpenSBI needs: 5 on sifive_u; with the devices of QEMU's virt machine 8. It silently leaves the last
 * region out if it has fewer.
 */
static inline unsigned pmp_needed(const struct board *board)
{
	return board->finisher.size ? 8 : 5;
}

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

/*
 * MEIE, beside what vhart_native() and vhart_firmware_mie() say: the machine's external interrupts are the
 * firmware's, whose PLIC is the physical one. So MEIP is the line, and is on only where the firmware takes
 * it at once.
 */
static inline uint64_t external_enabled(const struct vhart *v)
{
	if (v->mode == VHART_M && !(v->mstatus & VHART_MSTATUS_MIE))
		return 0;
	return v->mie & VHART_BIT(VHART_MEI);
}

/* mie while the firmware runs. */
static inline uint64_t firmware_mie(const struct vhart *v)
{
	return vhart_firmware_mie(v) | external_enabled(v);
}

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
