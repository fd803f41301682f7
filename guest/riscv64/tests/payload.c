/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * A payload in S and U mode: calls and back with all registers kept, delegation (privileged
 * specification 3.1.8), what machine mode can take from it (TVM, TW, TSR, 3.1.6.5; mcounteren,
 * 3.1.11), interrupts of machine mode while it runs, and interrupts delegated to it.
 */
#include "payload.h"
#include "tap.h"

#define ROUNDS 1000

static const unsigned modes[] = { MODE_S, MODE_U };
static struct delegated taken;

static const char *mode_name(unsigned mode)
{
	return mode == MODE_S ? "S" : "U";
}

static uint64_t call_cause(unsigned mode)
{
	return mode == MODE_S ? CAUSE_ECALL_S : CAUSE_ECALL_U;
}

/* --- Calls ------------------------------------------------------------------------------------ */

void call_loop(void);
__asm__(".text\n.balign 4\ncall_loop: ecall\nj call_loop\n");

static void registers(unsigned mode)
{
	const char *what = mode_name(mode);
	struct payload payload;
	unsigned lost = 0, odd = 0;

	payload_init(&payload, mode, (uint64_t(*)(uint64_t))call_loop, 0);
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned i = 1; i < 32; i++)
			payload.x[i] = UINT64_C(0x9e3779b97f4a7c15) * (i + round);
		odd += payload_run(&payload) != call_cause(mode);
		odd += payload.pc != (uintptr_t)call_loop || payload.tval ||
		       (payload.status >> MSTATUS_MPP_SHIFT & 3) != mode;
		payload.pc += 4;
		for (unsigned i = 1; i < 32; i++)
			lost += payload.x[i] != UINT64_C(0x9e3779b97f4a7c15) * (i + round);
		odd += round % 2 && payload_run(&payload) != call_cause(mode);
		payload.pc = (uintptr_t)call_loop;
	}
	is(odd, 0, "%s: 1000 calls: cause, mepc, mtval, MPP", what);
	is(lost, 0, "%s: 1000 calls: all registers arrive, both ways", what);
}

/*
 * What a trap does not change in mstatus, it leaves, with whatever the payload did to its own
 * fields.
 */
#define KEPT                                                                                \
	(MSTATUS_TVM | MSTATUS_TW | MSTATUS_TSR | MSTATUS_SUM | MSTATUS_MXR | MSTATUS_SPP | \
	 MSTATUS_SPIE)

static void status_kept(unsigned mode, uint64_t fields)
{
	const char *what = mode_name(mode);
	struct payload payload;
	uint64_t saved = csr_read(mstatus);

	csr_clear(mstatus, KEPT);
	csr_set(mstatus, fields);
	payload_init(&payload, mode, (uint64_t(*)(uint64_t))call_loop, 0);
	payload_run(&payload);
	csr_write(mstatus, saved);
	is(payload.status & KEPT, fields, "%s: a call leaves mstatus' fields, 0x%lx", what, fields);
}

static uint64_t change_status(uint64_t fields)
{
	csr_clear(sstatus, MSTATUS_SUM | MSTATUS_MXR | MSTATUS_SPP | MSTATUS_SPIE);
	csr_set(sstatus, fields);
	return 0;
}

static void status_changed(void)
{
	struct payload payload;

	csr_set(mstatus, MSTATUS_TW | MSTATUS_SUM | MSTATUS_SPP);
	payload_init(&payload, MODE_S, change_status, MSTATUS_MXR | MSTATUS_SPIE);
	payload_run(&payload);
	is(payload.status & KEPT, MSTATUS_TW | MSTATUS_MXR | MSTATUS_SPIE,
	   "S: what it changes in sstatus, M finds in mstatus");
	is(csr_read(mstatus) & KEPT, MSTATUS_TW | MSTATUS_MXR | MSTATUS_SPIE,
	   "S: and finds it again later");
	csr_clear(mstatus, KEPT);
}

/* --- Delegation ------------------------------------------------------------------------------- */

static void delegate(uint64_t exceptions)
{
	csr_write(medeleg, exceptions);
	csr_write(stvec, (uintptr_t)payload_vector);
	csr_write(sscratch, (uintptr_t)&taken);
	taken = (struct delegated){ 0 };
}

static uint64_t call_then(uint64_t argument)
{
	__asm__ volatile("ecall" ::: "memory");
	return argument + 1;
}

static uint64_t bad_instruction(uint64_t argument)
{
	__asm__ volatile(".4byte 0xffffffff" ::: "memory");
	return argument + 1;
}

static uint64_t read_from(uint64_t address)
{
	uint64_t value = 1;

	__asm__ volatile("ld %0, (%1)" : "+r"(value) : "r"(address) : "memory");
	return value;
}

static uint64_t write_to(uint64_t address)
{
	__asm__ volatile("sd zero, (%0)" ::"r"(address) : "memory");
	return 1;
}

static void delegation(unsigned mode)
{
	const char *what = mode_name(mode);
	uint64_t result = 0;

	delegate(0);
	ok(payload_traps(mode, call_then, 5, call_cause(mode)),
	   "%s: a call, not delegated, reaches M", what);
	ok(payload_traps(mode, bad_instruction, 5, CAUSE_ILLEGAL),
	   "%s: an illegal instruction, not delegated, reaches M", what);
	ok(payload_traps(mode, read_from, UNMAPPED, CAUSE_LOAD_ACCESS),
	   "%s: a load access fault, not delegated, reaches M", what);
	ok(payload_traps(mode, write_to, UNMAPPED, CAUSE_STORE_ACCESS),
	   "%s: a store access fault, not delegated, reaches M", what);
	is(taken.count, 0, "%s: none of them was taken in S", what);
	delegate(BIT(CAUSE_ILLEGAL));
	ok(payload_call(mode, bad_instruction, 5, &result) && result == 6,
	   "%s: an illegal instruction, delegated, stays", what);
	is(taken.count, 1, "%s: and is taken in S", what);
	is(taken.cause, CAUSE_ILLEGAL, "%s: with its cause", what);
	delegate(BIT(CAUSE_LOAD_ACCESS));
	ok(payload_call(mode, read_from, UNMAPPED, &result) && result == 1,
	   "%s: a load access fault, delegated, stays", what);
	is(taken.tval, UNMAPPED, "%s: stval is the address", what);
	ok(payload_traps(mode, write_to, UNMAPPED, CAUSE_STORE_ACCESS),
	   "%s: a store access fault with only loads' delegated reaches M", what);
	delegate(0);
}

/* U calls S by a delegated call, S answers by sret: machine mode sees only the end. */
static uint64_t call_often(uint64_t argument)
{
	for (unsigned i = 0; i < 10; i++)
		__asm__ volatile("ecall" ::: "memory");
	/*
	 * The eleventh, from where the function returns to, is skipped too: an illegal one ends it.
	 */
	__asm__ volatile(".4byte 0xffffffff" ::: "memory");
	return argument;
}

static void delegated_calls(void)
{
	struct payload payload;

	delegate(BIT(CAUSE_ECALL_U));
	payload_init(&payload, MODE_U, call_often, 0);
	is(payload_run(&payload), CAUSE_ILLEGAL, "U: delegated calls do not reach M");
	is(payload.status >> MSTATUS_MPP_SHIFT & 3, MODE_U, "U: sret went back to U");
	is(taken.count, 10, "U: ten calls were taken in S");
	is(taken.cause, CAUSE_ECALL_U, "U: scause is a call from U");
	delegate(0);
}

/* --- What machine mode takes away ------------------------------------------------------------- */

static uint64_t do_sfence(uint64_t a)
{
	__asm__ volatile("sfence.vma" ::: "memory");
	return a;
}

static uint64_t do_read_satp(uint64_t a)
{
	csr_read(satp);
	return a;
}

static uint64_t do_write_satp(uint64_t a)
{
	csr_write(satp, 0);
	return a;
}

/* Not the last instruction of a page: QEMU 10.0, alone, then goes on two instructions late. */
static __attribute__((aligned(16))) uint64_t do_wfi(uint64_t a)
{
	wfi();
	return a;
}

/* To the next instruction, in the same mode. */
static uint64_t do_sret(uint64_t a)
{
	uint64_t t;

	csr_set(sstatus, MSTATUS_SPP);
	__asm__ volatile("la %0, 1f\n\tcsrw sepc, %0\n\tsret\n1:" : "=&r"(t)::"memory");
	return a;
}

static uint64_t do_cycle(uint64_t a)
{
	__asm__ volatile("csrr zero, cycle" ::: "memory");
	return a;
}

static uint64_t do_time(uint64_t a)
{
	__asm__ volatile("csrr zero, time" ::: "memory");
	return a;
}

static uint64_t do_instret(uint64_t a)
{
	__asm__ volatile("csrr zero, instret" ::: "memory");
	return a;
}

static void taken_away(const char *what, uint64_t bit, uint64_t (*function)(uint64_t))
{
	csr_clear(mstatus, bit);
	ok(payload_call(MODE_S, function, 0, NULL), "S: %s works", what);
	csr_set(mstatus, bit);
	ok(payload_traps(MODE_S, function, 0, CAUSE_ILLEGAL), "S: %s is illegal if M says so",
	   what);
	csr_clear(mstatus, bit);
}

/* A wfi in S, without TW, ends for what is pending and enabled. */
static void taken_from_payload(void)
{
	taken_away("sfence.vma (TVM)", MSTATUS_TVM, do_sfence);
	taken_away("reading satp (TVM)", MSTATUS_TVM, do_read_satp);
	taken_away("writing satp (TVM)", MSTATUS_TVM, do_write_satp);
	taken_away("sret (TSR)", MSTATUS_TSR, do_sret);
	csr_write(mideleg, BIT(SSI));
	csr_write(sie, BIT(SSI));
	csr_set(mip, BIT(SSI));
	csr_clear(mstatus, MSTATUS_SIE);
	ok(payload_call(MODE_S, do_wfi, 0, NULL), "S: wfi with an interrupt pending goes on");
	csr_clear(mip, BIT(SSI));
	csr_write(sie, 0);
	csr_write(mideleg, 0);
	csr_set(mstatus, MSTATUS_TW);
	ok(payload_traps(MODE_S, do_wfi, 0, CAUSE_ILLEGAL), "S: wfi (TW) is illegal if M says so");
	csr_clear(mstatus, MSTATUS_TW);
}

static void counters_of(unsigned mode, const char *name, unsigned bit,
			uint64_t (*function)(uint64_t))
{
	const char *what = mode_name(mode);

	csr_write(mcounteren, ~BIT(bit) & 7);
	csr_write(scounteren, 7);
	ok(payload_traps(mode, function, 0, CAUSE_ILLEGAL), "%s: %s is illegal without mcounteren",
	   what, name);
	csr_write(mcounteren, 7);
	ok(payload_call(mode, function, 0, NULL), "%s: %s works with mcounteren", what, name);
	csr_write(scounteren, 0);
	if (mode == MODE_S)
		ok(payload_call(mode, function, 0, NULL), "%s: %s works without scounteren", what,
		   name);
	else
		ok(payload_traps(mode, function, 0, CAUSE_ILLEGAL),
		   "%s: %s is illegal without scounteren", what, name);
	csr_write(mcounteren, 0);
}

/* --- Interrupts ------------------------------------------------------------------------------- */

static atomic_uint stop;

static uint64_t spin(uint64_t unused)
{
	while (!atomic_load(&stop))
		;
	return unused + 1;
}

/* Interrupts of machine mode are on in S and U whatever MIE says (3.1.6.1). */
static void interrupted(unsigned mode, bool timer)
{
	const char *what = mode_name(mode);
	const char *name = timer ? "timer" : "software";
	struct payload payload;

	atomic_store(&stop, 0);
	payload_init(&payload, mode, spin, 1);
	csr_write(mie, BIT(timer ? MTI : MSI));
	if (timer)
		timer_set(0, us_from_now(500));
	else
		clint_send(0);
	csr_clear(mstatus, MSTATUS_MPIE);
	is(payload_run(&payload), CAUSE_IS_INTERRUPT | (timer ? MTI : MSI),
	   "%s: a %s interrupt of M comes through with MIE = 0", what, name);
	is(payload.tval, 0, "%s: %s interrupt: mtval is 0", what, name);
	quiet_timer(this_hart(), NULL);
	quiet_software(this_hart(), NULL);
	csr_write(mie, 0);
	is(csr_read(mip) & M_INTERRUPTS, 0,
	   "%s: %s interrupt: mip is 0 when it is cleared at its source", what, name);
	atomic_store(&stop, 1);
	payload_run(&payload);
	ok(payload_returned(&payload) && payload.x[10] == 2,
	   "%s: %s interrupt: it goes on after it", what, name);
}

static uint64_t take_in_s(uint64_t bits)
{
	csr_write(sie, bits);
	csr_set(sstatus, MSTATUS_SIE);
	__asm__ volatile("nop\n\tnop\n\tnop" ::: "memory");
	csr_clear(sstatus, MSTATUS_SIE);
	return csr_read(sip);
}

static void delegated_interrupt(unsigned interrupt)
{
	uint64_t result = 0;

	delegate(0);
	csr_write(mideleg, BIT(interrupt));
	csr_set(mip, BIT(interrupt));
	ok(payload_call(MODE_S, take_in_s, BIT(interrupt), &result),
	   "S interrupt %u, delegated: M does not see it", interrupt);
	is(taken.count, 1, "S interrupt %u, delegated: taken once", interrupt);
	is(taken.cause, CAUSE_IS_INTERRUPT | interrupt, "S interrupt %u, delegated: scause",
	   interrupt);
	ok(result & BIT(interrupt), "S interrupt %u: still pending in sip", interrupt);
	csr_clear(mip, BIT(interrupt));
	is(is_pending(interrupt), 0, "S interrupt %u: M clears it", interrupt);
	csr_write(sie, 0);
	csr_write(mideleg, 0);
}

/* The width of U-mode, where S may choose it: written, then read before and after a call. */
static uint64_t choose_width(uint64_t width)
{
	uint64_t before, after;

	csr_clear(sstatus, UINT64_C(3) << 32);
	csr_set(sstatus, width << 32);
	before = csr_read(sstatus) >> 32 & 3;
	__asm__ volatile("ecall" ::: "memory");
	after = csr_read(sstatus) >> 32 & 3;
	csr_clear(sstatus, UINT64_C(3) << 32);
	csr_set(sstatus, UINT64_C(2) << 32);
	return before == after;
}

static void width_kept(void)
{
	struct payload payload;

	for (uint64_t width = 1; width < 3; width++) {
		payload_init(&payload, MODE_S, choose_width, width);
		payload_run(&payload);
		payload_skip(&payload);
		payload_run(&payload);
		ok(payload_returned(&payload) && payload.x[10],
		   "sstatus.UXL, %lu written: the same before and after a call", width);
	}
}

void guest_main(void)
{
	pmp_open();
	for (unsigned i = 0; i < 2; i++) {
		registers(modes[i]);
		status_kept(modes[i], 0);
		status_kept(modes[i], KEPT);
		status_kept(modes[i], MSTATUS_TSR | MSTATUS_MXR | MSTATUS_SPIE);
		delegation(modes[i]);
		counters_of(modes[i], "cycle", 0, do_cycle);
		counters_of(modes[i], "time", 1, do_time);
		counters_of(modes[i], "instret", 2, do_instret);
		interrupted(modes[i], true);
		interrupted(modes[i], false);
	}
	status_changed();
	width_kept();
	delegated_calls();
	taken_from_payload();
	delegated_interrupt(SSI);
	delegated_interrupt(STI);
	delegated_interrupt(SEI);
}
