/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * A vCPU's registers: saved when it leaves a CPU, loaded when it gets one. What another vCPU did not
 * touch in between is not loaded again; FP registers are saved only if the guest used them, and
 * loaded when it does (build with -DFP_EAGER: always); debug registers only while they are in use.
 */
#include "arch.h"
#include "cold.h"
#include "cpu.h"
#include "hot.h"
#include "policy.h"
#include "sched.h"
#include "vm.h"

/* In pairs, which one load or store takes. */
#define FOR_EL1(op)                                                                      \
	op(0, sctlr_el1, cpacr_el1) op(2, ttbr0_el1, ttbr1_el1) op(4, tcr_el1, mair_el1) \
		op(6, amair_el1, vbar_el1) op(8, contextidr_el1, esr_el1)                \
			op(10, far_el1, afsr0_el1) op(12, afsr1_el1, par_el1)            \
				op(14, sp_el0, sp_el1) op(16, elr_el1, spsr_el1)         \
					op(18, tpidr_el0, tpidrro_el0)                   \
						op(20, tpidr_el1, cntkctl_el1)           \
							op(22, csselr_el1, elr_el2)
/* These are put away at once, but when they are loaded depends. */
#define FOR_TIMERS(op) op(24, cntv_cval_el0, cntv_ctl_el0) op(26, cntp_cval_el0, cntp_ctl_el0)
#define FOR_SAVED(op)  FOR_EL1(op) FOR_TIMERS(op) op(28, hcr_el2, spsr_el2)

#define SCTLR_EL1 0 /* in this order */
#define ELR_EL2   23

_Static_assert(offsetof(struct context, el1) == 0, "registers in pairs");
_Static_assert(offsetof(struct context, cntv_cval) == 8 * 24, "registers in pairs");
_Static_assert(offsetof(struct context, cntp_cval) == 8 * 26, "registers in pairs");
_Static_assert(offsetof(struct context, hcr_el2) == 8 * 28, "registers in pairs");

#define SCTLR_EL1_RESET 0x30d00800ul /* RES1 bits of an implementation without later extensions */

#define KEYS(op)                                                                                \
	op(0, S3_0_C2_C1_0) op(1, S3_0_C2_C1_1) op(2, S3_0_C2_C1_2) op(3, S3_0_C2_C1_3)         \
		op(4, S3_0_C2_C2_0) op(5, S3_0_C2_C2_1) op(6, S3_0_C2_C2_2) op(7, S3_0_C2_C2_3) \
			op(8, S3_0_C2_C3_0) op(9, S3_0_C2_C3_1)

/* What not every CPU has; most of these old ones lack all of it. */
#define OPTIONAL_KEYS    1u
#define OPTIONAL_SCXTNUM 2u /* SCXTNUM_EL0, SCXTNUM_EL1 */
#define OPTIONAL_TPIDR2  4u
#define OPTIONAL_VDISR   8u /* VDISR_EL2: what a guest has at DISR_EL1, without a trap */

static unsigned optional;
static unsigned breakpoints, watchpoints;

void context_setup(void)
{
	uint64_t dfr0 = read_sysreg(id_aa64dfr0_el1);
	uint64_t isar1 = read_sysreg(id_aa64isar1_el1);

	/* The second is ISAR2: APA3, GPA3. */
	if (isar1 & 0xff000ff0 || (read_sysreg(S3_0_C0_C6_2) & 0xff00))
		optional |= OPTIONAL_KEYS;
	if ((read_sysreg(id_aa64pfr0_el1) >> 56 & 15) >= 2 ||
	    (read_sysreg(id_aa64pfr1_el1) >> 32 & 15) >= 2)
		optional |= OPTIONAL_SCXTNUM;
	/* SME, which we hide; without fine-grained traps EL2 cannot trap this register of it. */
	if ((read_sysreg(id_aa64pfr1_el1) >> 24 & 15) &&
	    !(read_sysreg(id_aa64mmfr0_el1) >> 56 & 15))
		optional |= OPTIONAL_TPIDR2;
	if (read_sysreg(id_aa64pfr0_el1) >> 28 & 15) /* RAS */
		optional |= OPTIONAL_VDISR;
	breakpoints = (dfr0 >> 12 & 15) + 1;
	watchpoints = (dfr0 >> 20 & 15) + 1;
}

/* --- Floating point. ---------------------------------------------------------------------------- */

#ifdef FP_EAGER
#define FP_LAZY false
#else
#define FP_LAZY true
#endif

static void fp_trap(bool on)
{
	uint64_t cptr = read_sysreg(cptr_el2);

	write_sysreg(cptr_el2, on ? cptr | CPTR_TFP : cptr & ~CPTR_TFP);
	if (!on)
		isb(); /* our own use of them follows */
}

/* While no guest's FP registers may be used, the trap is on. */
static void fp_save(struct vcpu *vcpu)
{
	if (!vcpu->context.fp_live)
		return;
	fp_registers_save(&vcpu->context.fp);
	vcpu->context.fp_live = false;
	fp_trap(true);
}

__attribute__((noinline)) void cold_fp_load(struct vcpu *vcpu)
{
	struct cpu *cpu = vcpu->cpu;

	fp_trap(false);
	if (cpu->fp_owner != vcpu || vcpu->context.fp_on != cpu)
		fp_registers_load(&vcpu->context.fp);
	cpu->fp_owner = vcpu;
	vcpu->context.fp_on = cpu;
	vcpu->context.fp_live = true;
}

/* --- Debug. --------------------------------------------------------------------------------------- */

#define PAIRS(op)                                                                               \
	op(0) op(1) op(2) op(3) op(4) op(5) op(6) op(7) op(8) op(9) op(10) op(11) op(12) op(13) \
		op(14) op(15)

#define LOAD_BREAKPOINT(n)                                              \
	if ((n) < breakpoints) {                                        \
		write_sysreg(dbgbvr##n##_el1, debug->breakpoint[n][0]); \
		write_sysreg(dbgbcr##n##_el1, debug->breakpoint[n][1]); \
	}
#define LOAD_WATCHPOINT(n)                                              \
	if ((n) < watchpoints) {                                        \
		write_sysreg(dbgwvr##n##_el1, debug->watchpoint[n][0]); \
		write_sysreg(dbgwcr##n##_el1, debug->watchpoint[n][1]); \
	}

/* MDE, KDE, TDCC, SS; what an external debugger sees is not passed. */
#define MDSCR_WRITABLE 0x0000b001ul
#define MDSCR_ON       0x0000a001ul /* without TDCC, which Linux sets for good and which costs nothing */

static bool any_on(const struct debug *debug)
{
	uint64_t on = debug->mdscr & MDSCR_ON;
	unsigned i;

	for (i = 0; i < DEBUG_PAIRS; i++)
		on |= (debug->breakpoint[i][1] | debug->watchpoint[i][1]) & 1;
	return on;
}

static void debug_write(const struct debug *debug)
{
	PAIRS(LOAD_BREAKPOINT)
	PAIRS(LOAD_WATCHPOINT)
	write_sysreg(mdscr_el1, debug->mdscr);
	write_sysreg(oslar_el1, debug->os_lock);
	isb();
}

/* `debug_owner`: whose the CPU's registers are; NULL: nothing in them is on. */
static bool debug_matters(const struct vcpu *vcpu, const struct cpu *cpu)
{
	return vcpu->context.debug.used || cpu->debug_owner;
}

static __attribute__((noinline)) void debug_load(struct vcpu *vcpu)
{
	static const struct debug off;
	struct debug *debug = &vcpu->context.debug;
	struct cpu *cpu = vcpu->cpu;

	if (!debug_matters(vcpu, cpu))
		return;
	debug_write(debug->used ? debug : &off);
	cpu->debug_owner = debug->used ? vcpu : NULL;
}

static uint64_t *debug_pair(struct debug *debug, unsigned n, unsigned op2)
{
	if (op2 < 6)
		return n < breakpoints ? &debug->breakpoint[n][op2 - 4] : NULL;
	return n < watchpoints ? &debug->watchpoint[n][op2 - 6] : NULL;
}

static uint64_t *debug_register(struct debug *debug, uint32_t reg)
{
	unsigned crm = reg >> 1 & 15, op2 = reg >> 17 & 7;

	if ((reg & ~(15u << 1 | 7u << 17)) != SYS(2, 0, 0, 0, 0))
		return NULL;
	if (op2 >= 4)
		return debug_pair(debug, crm, op2);
	if (reg == SYS(2, 0, 0, 2, 2))
		return &debug->mdscr;
	return reg == SYS(2, 0, 0, 2, 0) ? &debug->mdccint : NULL;
}

#define OSLAR SYS(2, 0, 1, 0, 4)
#define OSLSR SYS(2, 0, 1, 1, 4)

bool debug_access(struct vcpu *vcpu, uint32_t reg, bool read, uint64_t *value)
{
	struct debug *debug = &vcpu->context.debug;
	uint64_t *place = debug_register(debug, reg);

	if ((reg & SYS(3, 7, 0, 0, 0)) != SYS(2, 0, 0, 0, 0) &&
	    reg >> 14 != SYS(2, 3, 0, 0, 0) >> 14)
		return false;
	if (read) {
		*value = place ? *place : 0;
		if (reg == OSLSR)
			*value = 0x8 | debug->os_lock << 1; /* OSLM: there is an OS lock */
		return true;
	}
	if (place)
		*place = place == &debug->mdscr ? *value & MDSCR_WRITABLE : *value;
	if (reg == OSLAR)
		debug->os_lock = *value & 1;
	debug->used = any_on(debug);
	debug_load(vcpu);
	return true;
}

/* --- All of it. ----------------------------------------------------------------------------------- */

#define SAVE(n, first, second)                                                               \
	__asm__ volatile("mrs %0, " #first "\n\tmrs %1, " #second "\n\tstp %0, %1, [%2, %3]" \
			 : "=&r"(x), "=&r"(y)                                                \
			 : "r"(context->el1), "i"(8 * (n))                                   \
			 : "memory");
#define LOAD(n, first, second)                                                               \
	__asm__ volatile("ldp %0, %1, [%2, %3]\n\tmsr " #first ", %0\n\tmsr " #second ", %1" \
			 : "=&r"(x), "=&r"(y)                                                \
			 : "r"(context->el1), "i"(8 * (n))                                   \
			 : "memory");
#define SAVE_KEY(n, name) context->keys[n] = read_sysreg(name);
#define LOAD_KEY(n, name) write_sysreg(name, context->keys[n]);

/* What DDI 0487 and DEN0022 6.4 say of a CPU that comes up at EL1: MMU, caches, timers, traps off. */
void context_reset(struct vcpu *vcpu)
{
	struct context *context = &vcpu->context;

	*context = (struct context){ .hcr_el2 = policy_hcr() };
	context->el1[SCTLR_EL1] = SCTLR_EL1_RESET;
	context->el1[ELR_EL2] = vcpu->entry;
	context->spsr_el2 = SPSR_EL1H | SPSR_DAIF;
}

static __attribute__((noinline)) void optional_save(struct context *context)
{
	if (optional & OPTIONAL_KEYS) {
		KEYS(SAVE_KEY)
	}
	if (optional & OPTIONAL_SCXTNUM) {
		context->scxtnum[0] = read_sysreg(S3_3_C13_C0_7);
		context->scxtnum[1] = read_sysreg(S3_0_C13_C0_7);
	}
	if (optional & OPTIONAL_TPIDR2)
		context->tpidr2 = read_sysreg(S3_3_C13_C0_5);
	if (optional & OPTIONAL_VDISR)
		context->vdisr = read_sysreg(S3_4_C12_C1_1);
}

static __attribute__((noinline)) void optional_load(const struct context *context)
{
	if (optional & OPTIONAL_KEYS) {
		KEYS(LOAD_KEY)
	}
	if (optional & OPTIONAL_SCXTNUM) {
		write_sysreg(S3_3_C13_C0_7, context->scxtnum[0]);
		write_sysreg(S3_0_C13_C0_7, context->scxtnum[1]);
	}
	if (optional & OPTIONAL_TPIDR2)
		write_sysreg(S3_3_C13_C0_5, context->tpidr2);
	if (optional & OPTIONAL_VDISR)
		write_sysreg(S3_4_C12_C1_1, context->vdisr);
}

void context_save(struct vcpu *vcpu)
{
	struct context *context = &vcpu->context;
	uint64_t x, y;

	FOR_SAVED(SAVE)
	write_sysreg(cntv_ctl_el0, 0);
	write_sysreg(cntp_ctl_el0, 0);
	if (optional)
		optional_save(context);
	fp_save(vcpu);
}

static void registers_load(const struct context *context)
{
	uint64_t x, y;

	FOR_EL1(LOAD)
	if (optional)
		optional_load(context);
}

void context_trap_wfi(bool trap)
{
	uint64_t hcr = read_sysreg(hcr_el2);

	write_sysreg(hcr_el2, trap ? hcr | HCR_TWI : hcr & ~HCR_TWI);
}

bool context_is_here(const struct vcpu *vcpu, const struct cpu *cpu)
{
	return cpu->el1_owner == vcpu && vcpu->context.on == cpu;
}

void context_load(struct vcpu *vcpu, struct cpu *cpu, bool is_here)
{
	struct context *context = &vcpu->context;
	uint64_t hcr = context->hcr_el2 & ~HCR_TWI, x, y;

	if (!is_here) {
		if (!cpu->el1_owner)
			fp_trap(true); /* the first one here */
		registers_load(context);
		cpu->el1_owner = vcpu;
		context->on = cpu;
	}
	write_sysreg(spsr_el2, context->spsr_el2);
	write_sysreg(hcr_el2, __atomic_load_n(&wfi_traps, __ATOMIC_RELAXED) ? hcr | HCR_TWI : hcr);
	FOR_TIMERS(LOAD)
	if (debug_matters(vcpu, cpu))
		debug_load(vcpu);
	if (!FP_LAZY || (cpu->fp_owner == vcpu && context->fp_on == cpu))
		cold_fp_load(vcpu);
}

/* PSCI CPU_SUSPEND, powerdown: it comes back as at its start. */
void cold_reset_registers(struct vcpu *vcpu)
{
	context_reset(vcpu);
	fp_trap(true);
	context_load(vcpu, vcpu->cpu, false);
}
