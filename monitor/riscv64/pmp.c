/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The hart's PMP. In the firmware its own entries hold only if they are locked, as in M-mode, and those
 * that are not allow everything, but still come before a locked one behind them; behind them all is the
 * rest of memory. In the payload they hold, and behind them is nothing. The monitor's come first in
 * both. The window's entry, all of memory for fetches alone, is there only while the firmware's MPRV is
 * set; otherwise it is address 0, where the firmware's first range begins if it wants one.
 */
#include "csr.h"
#include "hart.h"
#include "native.h"

#define LOCKED   0x80
#define NAPOT    0x18 /* also: the bits of A */
#define ANYTHING (VHART_LOAD | VHART_STORE | VHART_FETCH)
#define ALL      ((UINT64_C(1) << 54) - 1)
#define WINDOW   ((uint64_t)(NAPOT | VHART_FETCH) << (8 * PMP_WINDOW))

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
	unsigned i;

	hart->pmp_locked = false;
	for (i = 0; i < hart->v.config.pmps; i++) {
		uint8_t cfg = hart->v.pmpcfg[i], bare = cfg & (uint8_t)~LOCKED;

		hart->pmp_locked |= cfg & LOCKED;
		set_cfg(firmware, PMP_FIRMWARE + i,
			cfg & LOCKED || !(cfg & NAPOT) ? bare : bare | ANYTHING);
		set_cfg(payload, PMP_FIRMWARE + i, bare);
		csr_try_write(CSR_PMPADDR0 + PMP_FIRMWARE + i, hart->v.pmpaddr[i]);
	}
	hart->pmp_stale = true;
}

_Static_assert(PMP_WINDOW == 3, "pmpaddr3");

void pmp_set(struct hart *hart, enum world world, bool window)
{
	uint64_t *cfg = hart->pmpcfg[world];

	if (hart->window != window) {
		hart->window = window;
		csr_write(pmpaddr3, window ? ALL : 0);
	}
	csr_write(pmpcfg0, cfg[0] | (window ? WINDOW : 0));
	csr_write(pmpcfg2, cfg[1]);
	sfence_vma();
	hart->pmp_stale = false;
}

void pmp_init(struct hart *hart, const struct board *board, struct range monitor)
{
	unsigned last = hart->pmp_entries - 1;

	for (unsigned world = WORLD_FIRMWARE; world <= WORLD_PAYLOAD; world++) {
		set_cfg(hart->pmpcfg[world], PMP_MONITOR, NAPOT);
		set_cfg(hart->pmpcfg[world], PMP_CLINT, NAPOT);
		if (board->finisher.size)
			set_cfg(hart->pmpcfg[world], PMP_FINISHER, NAPOT);
	}
	set_cfg(hart->pmpcfg[WORLD_FIRMWARE], last, NAPOT | ANYTHING);
	csr_try_write(CSR_PMPADDR0 + PMP_MONITOR, napot(monitor));
	csr_try_write(CSR_PMPADDR0 + PMP_CLINT, napot(board->clint));
	if (board->finisher.size)
		csr_try_write(CSR_PMPADDR0 + PMP_FINISHER, napot(board->finisher));
	csr_try_write(CSR_PMPADDR0 + PMP_WINDOW, 0);
	csr_try_write(CSR_PMPADDR0 + last, ALL);
	pmp_changed(hart);
}
