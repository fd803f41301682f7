/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The hart's registers for whom it runs next; see native.h and vhart_native(). What belongs to S-mode
 * stays in them at all times, but for satp, mie, and the delegation, which would have an effect on the
 * firmware.
 */
#include "clint.h"
#include "csr.h"
#include "fast.h"
#include "native.h"

/* A device's access may be the firmware's business or ours, before it is the payload's. */
#define KEEP (VHART_BIT(VHART_LOAD_FAULT) | VHART_BIT(VHART_STORE_FAULT))

/* The firmware may use cache-block instructions, as far as menvcfg goes. Nothing else of U-mode's. */
#define FIRMWARE_SENVCFG 0xf0

/* U-mode's hlv and hsv: the firmware's are to trap. */
#define HSTATUS_HU (UINT64_C(1) << 9)

/* mstatus: S-mode's fields are as they are. */
static void set_mstatus(uint64_t value)
{
	csr_write(mstatus, (csr_read(mstatus) & VHART_MSTATUS_S_FIELDS) | value);
}

void world_leave_payload(struct hart *hart)
{
	uint64_t status = csr_read(mstatus);

	hart->v.mode = (uint8_t)VHART_MSTATUS_MPP_OF(status);
	hart->v.v = status & VHART_MSTATUS_MPV;
	hart->v.mstatus ^= (hart->v.mstatus ^ status) & VHART_MSTATUS_UXL;
	vhart_take_mie(&hart->v, csr_read(mie));
	if (has_supervisor(hart))
		hart->v.satp = csr_read(satp);
}

/* What a hart without S-mode has not got. */
static inline void set_supervisor(struct hart *hart, enum world world,
				  const struct vhart_native *native)
{
	csr_write(medeleg, native->medeleg);
	csr_write(mideleg, native->mideleg);
	csr_write(satp, native->satp);
	if (!hart->v.config.priv_1_10) {
		if (world == WORLD_FIRMWARE)
			hart->senvcfg = csr_swap(senvcfg, FIRMWARE_SENVCFG);
		else
			csr_write(senvcfg, hart->senvcfg);
	}
	if (world == WORLD_FIRMWARE && hart->v.config.misa & VHART_MISA('H'))
		hart->hstatus_hu = csr_take(CSR_HSTATUS, HSTATUS_HU);
	else if (hart->hstatus_hu)
		csr_set(CSR_HSTATUS, hart->hstatus_hu);
}

static void set_world(struct hart *hart, enum world world)
{
	struct vhart_native native;
	bool window = vhart_mprv(&hart->v); /* before 1.12, a trap of the payload may find it set */

	hart->world = (uint8_t)world;
	hart->counts[COUNT_SWITCH]++;
	if (world == WORLD_PAYLOAD) {
		hart->trapped = trapped_in_payload;
		hart->came = false;
		fast_enters_payload(hart); /* before pmp_set() */
	} else {
		hart->trapped = trapped;
	}
	vhart_native(&hart->v, KEEP, &native);
	csr_write(mie, native.mie | external_enabled(&hart->v));
	if (has_supervisor(hart))
		set_supervisor(hart, world, &native);
	pmp_set(hart, world, window);
	set_mstatus(native.mstatus);
}

/* What the firmware's instruction has changed that the hart has to know at once. */
__attribute__((noinline)) static void apply(struct hart *hart, unsigned changed)
{
	/* Before mip: STCE decides whether STIP takes what is written. */
	if (changed & VHART_CHANGED_MENVCFG)
		csr_try_write(CSR_MENVCFG, hart->v.menvcfg);
	if (changed & VHART_CHANGED_IP) {
		csr_set(mip, hart->v.ip_set);
		csr_clear(mip, hart->v.ip_clear);
		/* Who takes back the payload's timer interrupt, takes back its timer. */
		if (hart->v.ip_clear & VHART_BIT(VHART_STI))
			clint_payload_timer(hart, VCLINT_NEVER);
	}
	if (changed & VHART_CHANGED_MSTATUS)
		csr_write(mstatus, (csr_read(mstatus) & ~VHART_MSTATUS_S_FIELDS) |
					   (hart->v.mstatus & VHART_MSTATUS_S_FIELDS));
	if (changed & VHART_CHANGED_MCOUNTEREN)
		csr_write(mcounteren, hart->v.mcounteren);
	if (changed & VHART_CHANGED_MSECCFG)
		csr_try_write(CSR_MSECCFG, hart->v.mseccfg);
	if (changed & VHART_CHANGED_PMP)
		pmp_changed(hart);
}

/* The firmware goes on being the firmware. */
static void stay(struct hart *hart, unsigned changed)
{
	bool window = vhart_mprv(&hart->v);

	if (changed & VHART_CHANGED_MIE)
		csr_write(mie, firmware_mie(&hart->v));
	if (window != hart->window || hart->pmp_stale)
		pmp_set(hart, WORLD_FIRMWARE, window);
}

__attribute__((flatten)) void world_set(struct hart *hart)
{
	enum world world = hart->v.mode == VHART_M ? WORLD_FIRMWARE : WORLD_PAYLOAD;
	unsigned changed = hart->v.changed;

	hart->v.changed = 0;
	if (changed & (VHART_CHANGED_MENVCFG | VHART_CHANGED_IP | VHART_CHANGED_MSTATUS |
		       VHART_CHANGED_MCOUNTEREN | VHART_CHANGED_MSECCFG | VHART_CHANGED_PMP))
		apply(hart, changed);
	if (world != hart->world)
		set_world(hart, world);
	else if (changed && world == WORLD_FIRMWARE)
		stay(hart, changed);
	csr_write(mepc, hart->v.pc);
}

void world_senvcfg(struct hart *hart, uint64_t value)
{
	csr_write(senvcfg, value);
	hart->senvcfg = csr_swap(senvcfg, FIRMWARE_SENVCFG);
}

uint64_t world_hstatus(const struct hart *hart)
{
	return csr_read(CSR_HSTATUS) | hart->hstatus_hu;
}

void world_set_hstatus(struct hart *hart, uint64_t value)
{
	csr_write(CSR_HSTATUS, value & ~HSTATUS_HU);
	hart->hstatus_hu = value & HSTATUS_HU;
}

void world_borrow(struct hart *hart)
{
	if (has_supervisor(hart))
		csr_write(satp, hart->v.satp);
	pmp_set(hart, WORLD_PAYLOAD, false);
}

void world_return(struct hart *hart, bool window)
{
	if (has_supervisor(hart))
		csr_write(satp, 0);
	pmp_set(hart, WORLD_FIRMWARE, window);
}
