/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Where a guest must not reach: addresses without memory or device give a synchronous external
 * abort (Arm ARM D8.2, D17.2.37: ESR_EL1 of a data abort), registers of absent features are
 * undefined. Interrupts go on as before. Nothing is tried that a hypervisor may answer in another
 * way than this board does, like SMC or the PMU.
 */
#include "gic.h"
#include "tap.h"

#define HOLE           0x0b100000ul /* after the virtio-mmio slots, before the platform bus */
#define ROUNDS         50
#define CLASS(esr)     ((esr) >> 26 & 0x3f)
#define CLASS_ABORT    0x25 /* data abort without a change of exception level */
#define CLASS_UNKNOWN  0x00
#define STATUS(esr)    ((esr)&0x3f)
#define EXTERNAL       0x10
#define WRITE_NOT_READ (1u << 6)
#define SCTLR_SPAN     (1ul << 23) /* clear: a handler starts with PAN set */
#define SCTLR_DSSBS    (1ul << 44) /* set: and with SSBS */
#define NZCV           (0xfull << 28)

static void expect(struct cpu *me)
{
	atomic_store(&me->faults, 0);
	me->fault_esr = 0;
	me->fault_expected = true;
}

static bool happened(struct cpu *me)
{
	bool faulted = atomic_load(&me->faults) == 1;

	me->fault_expected = false;
	return faulted;
}

static void is_external_abort(const char *what, bool write)
{
	struct cpu *me = this_cpu();

	ok(happened(me), "%s: an exception", what);
	is(CLASS(me->fault_esr), CLASS_ABORT, "%s: a data abort", what);
	is(STATUS(me->fault_esr), EXTERNAL, "%s: external, synchronous", what);
	is(!!(me->fault_esr & WRITE_NOT_READ), write, "%s: WnR", what);
	is(read_sysreg(far_el1), HOLE, "%s: FAR_EL1 has the address", what);
}

static void holes(void)
{
	struct cpu *me = this_cpu();

	expect(me);
	read8(HOLE);
	is_external_abort("byte read from a hole", false);
	expect(me);
	read32(HOLE);
	is_external_abort("word read from a hole", false);
	expect(me);
	read64(HOLE);
	is_external_abort("doubleword read from a hole", false);
	expect(me);
	write8(HOLE, 1);
	is_external_abort("byte written to a hole", true);
	expect(me);
	write32(HOLE, 1);
	is_external_abort("word written to a hole", true);
	expect(me);
	write64(HOLE, 1);
	is_external_abort("doubleword written to a hole", true);
}

/* Forms that give a hypervisor no syndrome to decode; on a hole they fault like any other. */
static void undecodable(void)
{
	struct cpu *me = this_cpu();
	uint64_t a = 0, b = 0, at = HOLE;

	expect(me);
	__asm__ volatile("ldp %0, %1, [%2]" : "+r"(a), "+r"(b) : "r"(at) : "memory");
	is_external_abort("pair read from a hole", false);
	expect(me);
	__asm__ volatile("stp %0, %1, [%2]" ::"r"(a), "r"(b), "r"(at) : "memory");
	is_external_abort("pair written to a hole", true);
	expect(me);
	__asm__ volatile("ldr %w0, [%1], #4" : "+r"(a), "+r"(at)::"memory");
	is_external_abort("read with write-back from a hole", false);
	is(at, HOLE, "read with write-back from a hole: the base register keeps its value");
}

/* Undefined at EL1 on any CPU model that this board runs with. */
static void undefined(void)
{
	struct cpu *me = this_cpu();

	expect(me);
	__asm__ volatile(".inst 0x00000000" ::: "memory");
	ok(happened(me), "an undefined instruction: an exception");
	is(CLASS(me->fault_esr), CLASS_UNKNOWN, "an undefined instruction: unknown reason");
	expect(me);
	__asm__ volatile("mrs xzr, s3_0_c15_c7_7" ::: "memory");
	ok(happened(me), "a system register that is not there: an exception");
	is(CLASS(me->fault_esr), CLASS_UNKNOWN,
	   "a system register that is not there: unknown reason");
	expect(me);
	__asm__ volatile("mrs xzr, sctlr_el2" ::: "memory");
	ok(happened(me), "a register of EL2: an exception");
	is(CLASS(me->fault_esr), CLASS_UNKNOWN, "a register of EL2: unknown reason");
}

/* On all CPUs at once, with SGIs between them: each fault is its own CPU's. */
static atomic_uint faults_taken;

static void fault_and_send(void *unused)
{
	struct cpu *me = this_cpu();
	unsigned next = (me->index + 1) % cpu_count;

	(void)unused;
	for (unsigned round = 1; round <= ROUNDS; round++) {
		expect(me);
		read32(HOLE + me->index * 8);
		if (happened(me) && read_sysreg(far_el1) == HOLE + me->index * 8)
			atomic_fetch_add(&faults_taken, 1);
		sgi_send(next, 1);
		wait_at_least(&cpus[next].seen[1], round);
	}
}

static void all_at_once(void)
{
	counts_clear();
	ok(cpu_run_all(fault_and_send, NULL), "faults on all CPUs at once: all finish");
	is(atomic_load(&faults_taken), ROUNDS * cpu_count, "each read from a hole faults");
	is(count_all(1), ROUNDS * cpu_count, "no SGI lost between them");
	counts_clear();
}

/*
 * Vectors that tell what PSTATE a handler runs with: the SPSR_EL1 of an exception that it causes itself. x9: how
 * far behind ELR_EL1 to go on; x10: 0 outside of a handler; x11: the answer.
 */
__asm__(".balign 2048\n"
	"pstate_vectors:\n\t"
	".skip 0x200\n\t"
	"cbnz x10, 1f\n\t"
	"mov x10, #1\n\t"
	"mrs x12, elr_el1\n\t"
	"mrs x13, spsr_el1\n\t"
	"svc #0\n\t"
	"add x12, x12, x9\n\t"
	"msr elr_el1, x12\n\t"
	"msr spsr_el1, x13\n\t"
	"eret\n"
	"1:\tmrs x11, spsr_el1\n\t"
	"eret\n\t"
	".balign 2048");
extern char pstate_vectors[];

#define HANDLER_PSTATE(instruction, skip)                                           \
	({                                                                          \
		register uint64_t pstate __asm__("x11") = 0;                        \
		__asm__ volatile("mov x9, %[length]\n\tmov x10, #0\n\t" instruction \
				 : "+r"(pstate)                                     \
				 : [length] "i"(skip), [at] "r"(HOLE)               \
				 : "x9", "x10", "x12", "x13", "memory");            \
		pstate;                                                             \
	})

/* A handler of an abort finds the PSTATE that one of an exception finds which no hypervisor has a hand in, as far as
 * this board lets bits be told apart: PAN, SSBS. */
static void handlers_pstate(void)
{
	uint64_t vectors = read_sysreg(vbar_el1), sctlr = read_sysreg(sctlr_el1), called, aborted;

	irq_mask();
	write_sysreg(sctlr_el1, (sctlr & ~SCTLR_SPAN) | SCTLR_DSSBS);
	write_sysreg(vbar_el1, (uint64_t)pstate_vectors);
	isb();
	called = HANDLER_PSTATE("svc #0", 0);
	aborted = HANDLER_PSTATE("ldr wzr, [%[at]]", 4);
	write_sysreg(vbar_el1, vectors);
	write_sysreg(sctlr_el1, sctlr);
	isb();
	irq_unmask();
	is(called & 0x3cf, 0x3c5, "a handler runs at EL1h, with everything masked");
	/* The flags stay, but QEMU clears them. */
	is(aborted & ~NZCV, called & ~NZCV,
	   "an abort's handler finds the PSTATE that a call's does");
}

void guest_main(void)
{
	holes();
	handlers_pstate();
	undecodable();
	undefined();
	all_at_once();
}
