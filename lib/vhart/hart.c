/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * A hart's life, its interrupts, traps and returns (RISC-V Privileged Architecture, "Machine-Level ISA"
 * and "Hypervisor Extension").
 */
#include "internal.h"

static int refuse(const char **why, const char *reason)
{
	if (why)
		*why = reason;
	return -VIRQ_ERR_CONFIG;
}

int vhart_check(const struct vhart_config *config, const char **why)
{
	uint64_t s_level = VHART_S_BITS | VHART_H_BITS | VHART_BIT(VHART_LCOFI);

	if ((config->misa & (UINT64_C(3) << 62)) != VHART_MISA_RV64)
		return refuse(why, "misa: MXL has to be 2, RV64");
	if (!(config->misa & VHART_MISA('I')) || !(config->misa & VHART_MISA('U')))
		return refuse(why, "misa: I and U have to be there");
	if ((config->misa & VHART_MISA('H')) && !(config->misa & VHART_MISA('S')))
		return refuse(why, "misa: H needs S");
	if (config->medeleg & VHART_BIT(VHART_ECALL_M))
		return refuse(why, "medeleg: a call from M-mode cannot be delegated");
	if (config->mideleg_forced & ~s_level)
		return refuse(why, "mideleg_forced: only interrupts below M-mode can be delegated");
	if ((config->misa & VHART_MISA('H')) && (~config->mideleg_forced & VHART_H_BITS))
		return refuse(why, "mideleg_forced: with H, VS-level interrupts are delegated");
	if (!(config->misa & VHART_MISA('H')) && (config->mideleg_forced & VHART_H_BITS))
		return refuse(why, "mideleg_forced: without H there are no VS-level interrupts");
	if (!config->sscofpmf && (config->mideleg_forced & VHART_BIT(VHART_LCOFI)))
		return refuse(why, "mideleg_forced: without sscofpmf there is no LCOFI");
	if (!(config->misa & VHART_MISA('S')) &&
	    (config->medeleg || config->mideleg_forced || config->sstc || config->sscofpmf))
		return refuse(why, "medeleg, mideleg_forced, sstc, sscofpmf: need S");
	if ((config->misa & VHART_MISA('S')) && !(config->satp_modes & 1))
		return refuse(why, "satp_modes: bit 0 (Bare) has to be set");
	if (config->satp_bits >> 60)
		return refuse(why, "satp_bits: MODE does not belong to it");
	if (config->priv_1_10 && (config->menvcfg || config->mseccfg || config->sstc))
		return refuse(why, "priv_1_10: there is no menvcfg, mseccfg, nor sstc");
	if (config->mseccfg & ~(UINT64_C(3) << 8))
		return refuse(why, "mseccfg: only USEED and SSEED are virtualized");
	if (config->pmps > VHART_MAX_PMPS)
		return refuse(why, "pmps: at most 64");
	if (config->pmp_grain > 24)
		return refuse(why, "pmp_grain: at most 24");
	return 0;
}

static uint64_t interrupts_of(const struct vhart *hart)
{
	uint64_t bits = VHART_M_BITS;

	if (has(hart, 'S'))
		bits |= VHART_S_BITS;
	if (has(hart, 'H'))
		bits |= VHART_H_BITS;
	if (hart->config.sscofpmf)
		bits |= VHART_BIT(VHART_LCOFI);
	return bits;
}

int vhart_init(struct vhart *hart, const struct vhart_config *config)
{
	if (vhart_check(config, NULL))
		return -VIRQ_ERR_CONFIG;
	*hart = (struct vhart){ .config = *config, .mode = VHART_M };
	hart->mstatus = UINT64_C(2) << 32;
	if (has(hart, 'S'))
		hart->mstatus |= UINT64_C(2) << 34;
	hart->interrupts = interrupts_of(hart);
	hart->mideleg = config->mideleg_forced;
	hart->changed = UINT16_MAX;
	return 0;
}

/* --- Interrupts --------------------------------------------------------------------------------- */

uint64_t vhart_mip(const struct vhart *hart, uint64_t ip)
{
	uint64_t soft = hart->mip;

	if (hart->menvcfg & VHART_MENVCFG_STCE)
		soft &= ~VHART_BIT(VHART_STI); /* stimecmp drives it */
	return (ip | soft) & hart->interrupts; /* what the extensions define */
}

int vhart_interrupt(const struct vhart *hart, uint64_t ip)
{
	/* From the highest. */
	static const uint8_t order[] = {
		VHART_MEI,  VHART_MSI,  VHART_MTI,  VHART_SEI,  VHART_SSI,   VHART_STI,
		VHART_SGEI, VHART_VSEI, VHART_VSSI, VHART_VSTI, VHART_LCOFI,
	};
	uint64_t due = vhart_mip(hart, ip) & hart->mie & ~hart->mideleg;

	if (!due || (hart->mode == VHART_M && !(hart->mstatus & VHART_MSTATUS_MIE)))
		return -1;
	for (unsigned i = 0; i < sizeof(order); i++) {
		if (due & VHART_BIT(order[i]))
			return order[i];
	}
	return -1;
}

bool vhart_wakes(const struct vhart *hart, uint64_t ip)
{
	return vhart_mip(hart, ip) & hart->mie;
}

/* --- Traps and returns --------------------------------------------------------------------------- */

static inline void enter(struct vhart *hart, const struct vhart_trap *trap)
{
	uint64_t status = hart->mstatus;
	bool vectored = (hart->mtvec & 1) && (trap->cause & VHART_CAUSE_INTERRUPT);

	status &= ~(VHART_MSTATUS_MIE | VHART_MSTATUS_MPIE | VHART_MSTATUS_MPP | VHART_MSTATUS_MPV |
		    VHART_MSTATUS_GVA);
	status |= (uint64_t)hart->mode << 11;
	if (hart->mstatus & VHART_MSTATUS_MIE)
		status |= VHART_MSTATUS_MPIE;
	if (has(hart, 'H')) {
		if (hart->v)
			status |= VHART_MSTATUS_MPV;
		if (trap->gva)
			status |= VHART_MSTATUS_GVA;
		hart->mtval2 = trap->tval2;
		hart->mtinst = trap->tinst;
	}
	hart->mstatus = status;
	hart->mcause = trap->cause;
	hart->mepc = legal_mepc(hart, hart->pc);
	hart->mtval = trap->tval;
	hart->mode = VHART_M;
	hart->v = false;
	hart->pc = (hart->mtvec & ~UINT64_C(3)) + (vectored ? 4 * (trap->cause & 63) : 0);
	hart->changed |= VHART_CHANGED_MPRV | VHART_CHANGED_MIE;
}

void vhart_trap(struct vhart *hart, const struct vhart_trap *trap)
{
	enter(hart, trap);
}

void vhart_take(struct vhart *hart, int interrupt)
{
	const struct vhart_trap trap = { .cause = VHART_CAUSE_INTERRUPT | (uint64_t)interrupt };

	enter(hart, &trap);
}

void vhart_mret(struct vhart *hart)
{
	uint64_t status = hart->mstatus;

	hart->mode = (uint8_t)VHART_MSTATUS_MPP_OF(status);
	hart->v = hart->mode != VHART_M && (status & VHART_MSTATUS_MPV);
	status &= ~(VHART_MSTATUS_MIE | VHART_MSTATUS_MPP | VHART_MSTATUS_MPV);
	if (status & VHART_MSTATUS_MPIE)
		status |= VHART_MSTATUS_MIE;
	status |= VHART_MSTATUS_MPIE;
	if (hart->mode != VHART_M && !hart->config.priv_1_10)
		status &= ~VHART_MSTATUS_MPRV;
	hart->mstatus = status;
	hart->pc = hart->mepc;
	hart->changed |= VHART_CHANGED_MPRV | VHART_CHANGED_MIE;
}

#define HSTATUS_SPV (UINT64_C(1) << 7)

void vhart_sret(struct vhart *hart, uint64_t sepc, uint64_t *hstatus)
{
	uint64_t status = hart->mstatus;

	hart->mode = status & VHART_MSTATUS_SPP ? VHART_S : VHART_U;
	if (hstatus) {
		hart->v = *hstatus & HSTATUS_SPV;
		*hstatus &= ~HSTATUS_SPV;
	}
	status &= ~(VHART_MSTATUS_SIE | VHART_MSTATUS_SPP);
	if (status & VHART_MSTATUS_SPIE)
		status |= VHART_MSTATUS_SIE;
	status |= VHART_MSTATUS_SPIE;
	if (!hart->config.priv_1_10)
		status &= ~VHART_MSTATUS_MPRV;
	hart->mstatus = status;
	hart->pc = legal_mepc(hart, sepc);
	hart->changed |= VHART_CHANGED_MSTATUS | VHART_CHANGED_MPRV | VHART_CHANGED_MIE;
}

/* --- The hart's own registers -------------------------------------------------------------------- */

void vhart_native(const struct vhart *hart, uint64_t keep, struct vhart_native *native)
{
	uint64_t always = VHART_BIT(VHART_MSI) | VHART_BIT(VHART_MTI);

	if (hart->mode == VHART_M) {
		/* The payload's U-mode may have 32 bits; the firmware's has not. Without S, SXL is read-only. */
		*native = (struct vhart_native){ .mstatus = UINT64_C(0xa) << 32 | VHART_MSTATUS_TW,
						 .mie = vhart_firmware_mie(hart) };
		return;
	}
	native->mstatus =
		(hart->mstatus & (VHART_MSTATUS_UXL | VHART_MSTATUS_SXL)) |
		(uint64_t)hart->mode << 11 | (hart->v ? VHART_MSTATUS_MPV : 0) |
		(hart->mstatus & (VHART_MSTATUS_TVM | VHART_MSTATUS_TW | VHART_MSTATUS_TSR));
	native->mie = (hart->mie | always) & ~VHART_BIT(VHART_MEI);
	native->mideleg = hart->mideleg;
	native->medeleg = hart->medeleg & ~keep;
	native->satp = hart->satp;
}
