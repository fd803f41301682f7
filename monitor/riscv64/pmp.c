/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The hart's PMP. In the firmware its own entries hold only if they are locked, as in M-mode, and those
 * that are not allow everything, but still come before a locked one behind them; behind them all is the
 * rest of memory. In the payload they hold, and behind them is nothing, so the rest of memory's entry is
 * the firmware's last one there. The monitor's come first in both. The window's entry, all of memory for
 * fetches alone, is there only while the firmware's MPRV is set; otherwise it is address 0, where the
 * firmware's first range begins if it wants one.
 */
#include "csr.h"
#include "hart.h"
#include "native.h"

#define LOCKED   0x80
#define NAPOT    0x18 /* also: the bits of A */
#define ANYTHING (VHART_LOAD | VHART_STORE | VHART_FETCH)
#define ALL      ((UINT64_C(1) << 54) - 1)
#define WINDOW   ((uint64_t)(NAPOT | VHART_FETCH))

static uint64_t napot(struct range range)
{
	return range.start >> 2 | ((range.size >> 3) - 1);
}

static void set_cfg(uint64_t cfg[2], unsigned entry, uint8_t value)
{
	unsigned shift = 8 * (entry % 8);

	cfg[entry / 8] = (cfg[entry / 8] & ~(UINT64_C(0xff) << shift)) | (uint64_t)value << shift;
}

void pmp_changed(struct hart *hart)
{
	uint64_t *firmware = hart->pmpcfg[WORLD_FIRMWARE], *payload = hart->pmpcfg[WORLD_PAYLOAD];
	unsigned i, first = hart->pmp_window + 1u, last = hart->v.config.pmps - 1u;

	hart->pmp_locked = false;
	for (i = 0; i <= last; i++) {
		uint8_t cfg = hart->v.pmpcfg[i], bare = cfg & (uint8_t)~LOCKED;

		hart->pmp_locked |= cfg & LOCKED;
		set_cfg(payload, first + i, bare);
		if (i == last)
			break;
		set_cfg(firmware, first + i,
			cfg & LOCKED || !(cfg & NAPOT) ? bare : bare | ANYTHING);
		csr_try_write(CSR_PMPADDR0 + first + i, hart->v.pmpaddr[i]);
	}
	hart->pmp_last_used = hart->v.pmpcfg[last] & NAPOT;
	hart->pmp_stale = true;
}

/* The last entry's address is the firmware's own in the payload, and all of memory otherwise. */
__attribute__((noinline, cold)) static void set_last(const struct hart *hart, enum world world)
{
	unsigned last = hart->v.config.pmps - 1u;

	csr_try_write(CSR_PMPADDR0 + hart->pmp_window + 1u + last,
		      world == WORLD_PAYLOAD && hart->pmp_last_used ? hart->v.pmpaddr[last] : ALL);
}

void pmp_set(struct hart *hart, enum world world, bool window)
{
	uint64_t *cfg = hart->pmpcfg[world];

	if (hart->window != window) {
		hart->window = window;
		if (hart->pmp_window == PMP_DEVICES)
			csr_write(pmpaddr2, window ? ALL : 0);
		else
			csr_write(pmpaddr3, window ? ALL : 0);
	}
	if (hart->pmp_last_used | hart->pmp_stale)
		set_last(hart, world);
	csr_write(pmpcfg0, cfg[0] | (window ? WINDOW << (8 * hart->pmp_window) : 0));
	csr_write(pmpcfg2, cfg[1]);
	if (has_supervisor(hart))
		sfence_vma();
	hart->pmp_stale = false;
}

void pmp_init(struct hart *hart, const struct board *board, struct range monitor)
{
	unsigned last = hart->pmp_entries - 1u;

	for (unsigned world = WORLD_FIRMWARE; world <= WORLD_PAYLOAD; world++) {
		set_cfg(hart->pmpcfg[world], PMP_MONITOR, NAPOT);
		set_cfg(hart->pmpcfg[world], PMP_CLINT, NAPOT);
		if (board->finisher.size)
			set_cfg(hart->pmpcfg[world], PMP_DEVICES, NAPOT);
	}
	set_cfg(hart->pmpcfg[WORLD_FIRMWARE], last, NAPOT | ANYTHING);
	csr_try_write(CSR_PMPADDR0 + PMP_MONITOR, napot(monitor));
	csr_try_write(CSR_PMPADDR0 + PMP_CLINT, napot(board->clint));
	if (board->finisher.size)
		csr_try_write(CSR_PMPADDR0 + PMP_DEVICES, napot(board->finisher));
	csr_try_write(CSR_PMPADDR0 + hart->pmp_window, 0);
	pmp_changed(hart);
}
