/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What a hart has, found out by trying: the firmware's view of it agrees with the payload's, which runs on
 * the hart itself.
 */
#include "csr.h"
#include "hart.h"
#include "native.h"

#define MSECCFG_SEED (UINT64_C(3) << 8)
/*
 * FIOM, CBIE, CBCFE, CBZE, ADUE, PBMTE, STCE: the others are of extensions that are hidden, or have state
 * in mstatus that is not kept over a switch of worlds.
 */
#define MENVCFG_KNOWN (UINT64_C(0xf1) | UINT64_C(7) << 61)

/*
 * Smstateen: S-mode and VS-mode have senvcfg (ENVCFG), and U-mode what depends on it for floating point, jump
 * tables and custom state; AIA, if it has an IMSIC; but nobody sstateen0 and hstateen0 (SE0), since the
 * firmware is in U-mode.
 */
#define STATEEN0_SE0    (UINT64_C(1) << 63)
#define STATEEN0_ENVCFG (UINT64_C(1) << 62)
#define STATEEN0_AIA    (UINT64_C(7) << 58) /* AIA, IMSIC, CSRIND */
#define STATEEN0_USER   7

static bool is_there(unsigned number)
{
	uint64_t value;

	return csr_try_read(number, &value);
}

/* The bits that can be written; 0 if there is no such register. It is 0 afterwards. */
static uint64_t writable(unsigned number)
{
	uint64_t bits = 0;

	if (!csr_try_write(number, ~UINT64_C(0)) || !csr_try_read(number, &bits))
		return 0;
	csr_try_write(number, 0);
	return bits;
}

static void probe_satp(struct vhart_config *config)
{
	uint64_t bits;

	for (unsigned mode = 0; mode < 16; mode++) {
		csr_try_write(CSR_SATP, (uint64_t)mode << 60);
		csr_try_read(CSR_SATP, &bits);
		if (bits >> 60 == mode)
			config->satp_modes |= (uint16_t)(1u << mode);
	}
	for (unsigned mode = 1; mode < 16; mode++) {
		if (!(config->satp_modes >> mode & 1))
			continue;
		csr_try_write(CSR_SATP, (uint64_t)mode << 60 | ~UINT64_C(0) >> 4);
		csr_try_read(CSR_SATP, &bits);
		config->satp_bits |= bits & ~UINT64_C(0) >> 4;
	}
	csr_try_write(CSR_SATP, 0);
	sfence_vma();
}

static void probe_pmp(struct hart *hart, const struct board *board, struct vhart_config *config)
{
	unsigned ours = pmp_ours(board);
	uint64_t bits;

	csr_try_write(CSR_PMPCFG0, 0);
	csr_try_write(CSR_PMPCFG0 + 2, 0);
	while (hart->pmp_entries < 16 && writable(CSR_PMPADDR0 + hart->pmp_entries))
		hart->pmp_entries++;
	if (hart->pmp_entries <= ours)
		return;
	hart->pmp_window = (uint8_t)(ours - 1);
	config->pmps = (uint8_t)(hart->pmp_entries - ours);
	/* Off, an entry reads as zeroes below its grain. */
	bits = writable(CSR_PMPADDR0);
	config->pmp_grain = bits ? (uint8_t)__builtin_ctzl(bits) : 0;
}

static void probe_supervisor(struct vhart_config *config)
{
	uint64_t delegated;

	csr_write(medeleg, ~UINT64_C(0));
	config->medeleg = csr_read(medeleg) & ~VHART_BIT(VHART_ECALL_M);
	csr_write(medeleg, 0);
	csr_write(mideleg, ~UINT64_C(0));
	delegated = csr_read(mideleg);
	csr_write(mideleg, 0);
	config->mideleg_forced = csr_read(mideleg);
	config->sscofpmf = is_there(CSR_SCOUNTOVF) && (delegated & VHART_BIT(VHART_LCOFI));
	config->sstc = (config->menvcfg & VHART_MENVCFG_STCE) && is_there(CSR_STIMECMP);
	probe_satp(config);
}

void native_probe(struct hart *hart, const struct board *board, struct vhart_config *config)
{
	uint64_t supervisor = STATEEN0_ENVCFG | STATEEN0_USER | (board->imsic ? STATEEN0_AIA : 0);

	*config = (struct vhart_config){
		.misa = csr_read(misa),
		.mvendorid = csr_read(mvendorid),
		.marchid = csr_read(marchid),
		.mimpid = csr_read(mimpid),
		.mhartid = hart->id,
		.native = true,
		.priv_1_10 = !is_there(CSR_MENVCFG),
		.time = true, /* where the hart has none, it is the CLINT's: host_csr() */
		.menvcfg = writable(CSR_MENVCFG) & MENVCFG_KNOWN,
		.mcounteren = writable(CSR_MCOUNTEREN),
	};
	if (csr_try_write(CSR_MSTATEEN0, STATEEN0_SE0 | supervisor)) {
		csr_try_write(CSR_HSTATEEN0, supervisor);
		csr_try_write(CSR_SSTATEEN0, STATEEN0_USER);
		csr_try_write(CSR_MSTATEEN0, supervisor);
	}
	/* Bit by bit: Smepmp's, in the same register, are locked by being set. */
	if (csr_try_write(CSR_MSECCFG, MSECCFG_SEED)) {
		csr_try_read(CSR_MSECCFG, &config->mseccfg);
		config->mseccfg &= MSECCFG_SEED;
		csr_try_write(CSR_MSECCFG, 0);
	}
	if (config->misa & VHART_MISA('S'))
		probe_supervisor(config);
	probe_pmp(hart, board, config);
}
