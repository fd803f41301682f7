/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The trap policy (DDI 0487 D19.2): three tables. Which EL2 control has which value, which fields of
 * the identification registers a guest sees, and what becomes of a system register access that traps.
 * What is in no table reads as zero (an identification register) or is undefined (anything else).
 */
#include "cold.h"
#include "gic.h"
#include "hot.h"
#include "policy.h"
#include "vm.h"
#include "../common/console.h"

/* --- EL2 controls. ------------------------------------------------------------------------------ */

/*
 * Not set, so passed: TWI (context.c sets it while vCPUs share CPUs), TWE, TVM, TTLB, TPC, TPU (its own
 * translation and caches), FB (schedule.c flushes when a vCPU moves; with FB, QEMU 7.2 hangs), TSW (set/way maintenance: SWIO turns an invalidation that could destroy
 * our data into one that cleans), TID2 (cache geometry), FP.
 */
#define HCR_GUEST                                                                             \
	(HCR_VM | HCR_SWIO | HCR_FMO | HCR_IMO | HCR_AMO | HCR_RW | /* the machine's shape */ \
	 HCR_TSC |                                                  /* SMC: PSCI is ours */   \
	 HCR_TID3 |          /* identification: filtered below */                             \
	 HCR_TIDCP |         /* IMPLEMENTATION DEFINED registers: unknown effects */          \
	 HCR_TACR |          /* ACTLR_EL1: the same */                                        \
	 HCR_TLOR |          /* LORegions describe physical memory */                         \
	 HCR_TERR |          /* RAS error records are the machine's */                        \
	 HCR_TID5 |          /* GMID_EL1: no MTE */                                           \
	 HCR_API | HCR_APK | /* pointer authentication: state of its own, no cost to pass */  \
	 HCR_ENSCXT)         /* SCXTNUM: the same */

/* SVE and SME (their registers are not switched), trace, activity monitors: trap. */
#define CPTR_GUEST ((0x33fful & ~(1ul << 10)) | 1ul << 20 | 1ul << 30)

/* PMU (counts us in bench mode), profiling, trace filter: trap. Self-hosted debug, too: context.c. */
#define MDCR_TPMCR (1ul << 5)
#define MDCR_TPM   (1ul << 6)
#define MDCR_TDA   (1ul << 9)
#define MDCR_TDOSA (1ul << 10)
#define MDCR_TDRA  (1ul << 11)
#define MDCR_TPMS  (1ul << 14)
#define MDCR_TTRF  (1ul << 19)

#define HCRX_TALLINT (1ul << 6)
#define HCRX_MSCEN   (1ul << 11) /* MOPS: memcpy instructions, nothing to virtualize */

static unsigned field(uint64_t value, unsigned shift)
{
	return value >> shift & 15;
}

/* 0: what is positive does not trap; what is negative, all newer than this policy, does. */
static void fine_grained_off(void)
{
	uint64_t mmfr0 = read_sysreg(id_aa64mmfr0_el1);

	if (!field(mmfr0, 56))
		return;
	write_sysreg(S3_4_C1_C1_4, 0); /* HFGRTR_EL2 */
	write_sysreg(S3_4_C1_C1_5, 0); /* HFGWTR_EL2 */
	write_sysreg(S3_4_C1_C1_6, 0); /* HFGITR_EL2 */
	write_sysreg(S3_4_C3_C1_4, 0); /* HDFGRTR_EL2 */
	write_sysreg(S3_4_C3_C1_5, 0); /* HDFGWTR_EL2 */
	if (field(read_sysreg(id_aa64pfr0_el1), 44))
		write_sysreg(S3_4_C3_C1_6, 0); /* HAFGRTR_EL2 */
	if (field(mmfr0, 56) < 2)
		return;
	write_sysreg(S3_4_C3_C1_0, 0); /* HDFGRTR2_EL2 */
	write_sysreg(S3_4_C3_C1_1, 0); /* HDFGWTR2_EL2 */
	write_sysreg(S3_4_C3_C1_2, 0); /* HFGRTR2_EL2 */
	write_sysreg(S3_4_C3_C1_3, 0); /* HFGWTR2_EL2 */
	write_sysreg(S3_4_C3_C1_7, 0); /* HFGITR2_EL2 */
}

uint64_t policy_hcr(void)
{
	return HCR_GUEST;
}

void policy_setup(void)
{
	uint64_t pfr0 = read_sysreg(id_aa64pfr0_el1);
	uint64_t mmfr3 = read_sysreg(S3_0_C0_C7_3); /* ID_AA64MMFR3_EL1 */
	unsigned counters = read_sysreg(pmcr_el0) >> 11 & 31;
	unsigned pmu = field(read_sysreg(id_aa64dfr0_el1), 8);
	uint64_t mdcr = MDCR_TPMS | MDCR_TTRF | MDCR_TDA | MDCR_TDOSA | MDCR_TDRA;

	if (pmu && pmu != 15)
		mdcr |= MDCR_TPM | MDCR_TPMCR | counters; /* HPMN: all of them in the first range */
	write_sysreg(hcr_el2, HCR_GUEST);
	write_sysreg(cptr_el2, CPTR_GUEST);
	write_sysreg(hstr_el2, 0);
	write_sysreg(mdcr_el2, mdcr);
	if (field(read_sysreg(id_aa64mmfr1_el1), 40))
		write_sysreg(S3_4_C1_C2_2, HCRX_TALLINT | HCRX_MSCEN); /* HCRX_EL2 */
	fine_grained_off();
	if (field(mmfr3, 4))
		write_sysreg(S3_4_C1_C0_3, 0); /* SCTLR2_EL2 */
	if (field(mmfr3, 0))
		write_sysreg(S3_4_C2_C0_3, 0); /* TCR2_EL2 */
	if (field(pfr0, 28))
		write_sysreg(S3_4_C5_C2_3, 0); /* VSESR_EL2: what a passed on SError says */
	if (field(pfr0, 40))
		write_sysreg(S3_4_C10_C5_0, 3ul << 48); /* MPAM2_EL2: trap the guest's */
	isb();
}

/* --- Identification registers: the fields that a guest sees; the rest is 0. --------------------- */

#define F(lsb) (0xful << (lsb))
#define ALL    (~0ul)

static const struct {
	uint64_t seen;
	const char *reason;
} identification[7][8] = {
	[0] = { /* AArch32: for EL0 */
		[0] = { ALL & ~F(28), "ID_PFR0: no RAS" },
		[1] = { ALL & ~F(12), "ID_PFR1: no EL2" },
		[2] = { F(0), "ID_DFR0: no PMU, no trace" },
		[4] = { ALL, "ID_MMFR0" },
		[5] = { ALL, "ID_MMFR1" },
		[6] = { ALL, "ID_MMFR2" },
		[7] = { ALL, "ID_MMFR3" },
	},
	[1] = {
		[0] = { ALL, "ID_ISAR0" }, [1] = { ALL, "ID_ISAR1" }, [2] = { ALL, "ID_ISAR2" },
		[3] = { ALL, "ID_ISAR3" }, [4] = { ALL, "ID_ISAR4" }, [5] = { ALL, "ID_ISAR5" },
		[6] = { ALL, "ID_MMFR4" }, [7] = { ALL, "ID_ISAR6" },
	},
	[2] = {
		[0] = { ALL, "MVFR0" }, [1] = { ALL, "MVFR1" }, [2] = { ALL, "MVFR2" },
		[4] = { ALL & ~F(8), "ID_PFR2: no RAS_frac" },
		[6] = { ALL, "ID_MMFR5" },
	},
	[3] = {
		[0] = { F(0) | F(4) | F(12) | F(16) | F(20) | F(24) | F(48) | F(56) | F(60),
			"ID_AA64PFR0: no EL2, RAS, SVE, MPAM, AMU" },
		[1] = { F(0) | F(4) | F(32), "ID_AA64PFR1: BTI, SSBS, CSV2_frac; no MTE, SME, NMI" },
	},
	[4] = {
		[0] = { F(0) | F(12) | F(20) | F(28) | F(36),
			"ID_AA64DFR0: debug; no PMU, profiling, trace" },
	},
	[5] = {
		[0] = { ALL & ~F(24), "ID_AA64ISAR0: no TME" },
		[1] = { ALL & ~F(60), "ID_AA64ISAR1: no LS64, whose traps are not handled" },
		[2] = { ALL & ~(F(32) | F(36)), "ID_AA64ISAR2: no 128-bit registers" },
	},
	[6] = {
		[0] = { ALL & ~F(56), "ID_AA64MMFR0: no fine-grained traps, which are EL2's" },
		[1] = { ALL & ~(F(8) | F(16) | F(32) | F(40)),
			"ID_AA64MMFR1: no VHE, LOR, TWED, HCX" },
		[2] = { ALL & ~(F(24) | F(40) | F(56)), "ID_AA64MMFR2: no NV, FWB, EVT" },
	},
};

#define CASE(crm, op2)              \
	case ((crm)-1) * 8 + (op2): \
		return read_sysreg(S3_0_C0_C##crm##_##op2);
#define CASES(crm)   \
	CASE(crm, 0) \
	CASE(crm, 1) CASE(crm, 2) CASE(crm, 3) CASE(crm, 4) CASE(crm, 5) CASE(crm, 6) CASE(crm, 7)

static uint64_t physical_identification(unsigned index)
{
	switch (index) {
		CASES(1) CASES(2) CASES(3) CASES(4) CASES(5) CASES(6) CASES(7)
	}
	return 0;
}

/* Op0 3, Op1 0, CRn 0, CRm 1 to 7: what HCR_EL2.TID3 traps. */
static bool is_identification(uint32_t reg)
{
	unsigned crm = reg >> 1 & 15;

	return (reg & ~(15u << 1 | 7u << 17)) == SYS(3, 0, 0, 0, 0) && crm >= 1 && crm <= 7;
}

/* GIC system registers: the guest of a GICv2 has none, whatever the CPU could do. */
static uint64_t gic_fields(unsigned crm, unsigned op2)
{
	if (gic != &gicv2)
		return 0;
	if (crm == 4 && op2 == 0)
		return F(24);                    /* ID_AA64PFR0 */
	return crm == 1 && op2 == 1 ? F(28) : 0; /* ID_PFR1 */
}

static uint64_t read_identification(uint32_t reg)
{
	unsigned crm = reg >> 1 & 15, op2 = reg >> 17 & 7;
	uint64_t seen = identification[crm - 1][op2].seen & ~gic_fields(crm, op2);

	return seen ? physical_identification((crm - 1) * 8 + op2) & seen : 0;
}

/* --- All others. -------------------------------------------------------------------------------- */

enum answer {
	ANSWER_UNDEFINED, /* as where the feature is absent */
	ANSWER_ZERO,      /* reads as zero, writes are ignored */
};

#define CRN_MASK SYS(3, 7, 15, 0, 0)
#define CRM_MASK SYS(3, 7, 15, 15, 0)
#define REG_MASK SYS(3, 7, 15, 15, 7)

static const struct rule {
	uint32_t mask, reg;
	enum answer answer;
	bool silent; /* probing for it is usual */
	const char *reason;
} rules[] = {
	{ REG_MASK, SYS(3, 0, 1, 0, 1), ANSWER_ZERO, true,
	  "ACTLR_EL1: nothing in it is a guest's" },
	{ CRN_MASK, SYS(3, 3, 9, 0, 0), ANSWER_UNDEFINED, true, "PMU: none, ID_AA64DFR0 says so" },
	{ CRN_MASK, SYS(3, 0, 9, 0, 0), ANSWER_UNDEFINED, true, "PMU, profiling: none" },
	{ SYS(3, 7, 15, 8, 0), SYS(3, 3, 14, 8, 0), ANSWER_UNDEFINED, true, "PMU counters: none" },
	{ CRM_MASK, SYS(3, 0, 10, 4, 0), ANSWER_UNDEFINED, true, "LORegions: none" },
	{ CRM_MASK, SYS(3, 0, 5, 3, 0), ANSWER_UNDEFINED, true, "RAS: none" },
	{ CRM_MASK, SYS(3, 0, 5, 4, 0), ANSWER_UNDEFINED, true, "RAS: none" },
	{ CRM_MASK, SYS(3, 0, 5, 5, 0), ANSWER_UNDEFINED, true, "RAS: none" },
	{ REG_MASK, SYS(3, 1, 0, 0, 4), ANSWER_UNDEFINED, true, "GMID_EL1: no MTE" },
	{ CRM_MASK, SYS(3, 0, 5, 6, 0), ANSWER_UNDEFINED, true, "MTE: none" },
	{ CRN_MASK, SYS(3, 3, 13, 0, 0), ANSWER_UNDEFINED, true, "AMU: none" },
	{ SYS(3, 0, 0, 0, 0), SYS(2, 0, 0, 0, 0), ANSWER_UNDEFINED, true, "trace: none" },
	{ SYS(3, 0, 15, 0, 0), SYS(3, 0, 11, 0, 0), ANSWER_UNDEFINED, false,
	  "IMPLEMENTATION DEFINED: effects unknown" },
	{ SYS(3, 0, 15, 0, 0), SYS(3, 0, 15, 0, 0), ANSWER_UNDEFINED, false,
	  "IMPLEMENTATION DEFINED: effects unknown" },
};

/* SRE, DFB, DIB, for good: IHI 0069 12.2.24 allows it. Of a GICv2's guest it is in no table. */
static bool is_sre(uint32_t reg)
{
	return reg == SYS(3, 0, 12, 12, 5) && gic == &gicv3;
}

static const struct rule *find_rule(uint32_t reg)
{
	unsigned i;

	for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if ((reg & rules[i].mask) == rules[i].reg)
			return &rules[i];
	}
	return NULL;
}

/* True: the access is done, as RAZ/WI. */
static bool answer(struct vcpu *vcpu, uint64_t esr)
{
	uint32_t reg = esr & SYS_ISS_MASK;
	const struct rule *rule = find_rule(reg);

	if (rule && rule->answer == ANSWER_ZERO)
		return true;
	if (!rule || !rule->silent)
		print_limited_by(
			&vcpu->vm->log,
			"carillon: %s vCPU %u: %s S%u_%u_C%u_C%u_%u at PC 0x%lx: undefined (%s)\n",
			vcpu->vm->description->name, vcpu->index, esr & 1 ? "reads" : "writes",
			reg >> 20, reg >> 14 & 7, reg >> 10 & 15, reg >> 1 & 15, reg >> 17 & 7,
			read_sysreg(elr_el2), rule ? rule->reason : "not in the policy");
	cold_inject_undefined(vcpu, esr);
	return false;
}

struct outcome cold_sysreg_read(struct vcpu *vcpu, uint64_t esr)
{
	uint32_t reg = esr & SYS_ISS_MASK;
	uint64_t value;

	if (is_identification(reg))
		return (struct outcome){ read_identification(reg), 1 };
	if (is_sre(reg))
		return (struct outcome){ 7, 1 };
	if (debug_access(vcpu, reg, true, &value))
		return (struct outcome){ value, 1 };
	return (struct outcome){ 0, answer(vcpu, esr) };
}

bool cold_sysreg_write(struct vcpu *vcpu, uint64_t esr, uint64_t value)
{
	uint32_t reg = esr & SYS_ISS_MASK;

	return is_sre(reg) || debug_access(vcpu, reg, false, &value) || answer(vcpu, esr);
}
