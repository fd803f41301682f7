/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * A firmware that does what none should: junk to every CSR by every instruction, jumps and mtvec
 * into nowhere, junk to PMP and the CLINT, timers in the past in a loop, software interrupts in
 * storms, a hart that traps for ever. All that is asked is that each thing ends in a value or in an
 * exception of its kind, that the other harts go on, and that all works after it.
 */
#include "payload.h"
#include "tap.h"
#include "tree.h"

#define STORM 300

/* --- CSRs ------------------------------------------------------------------------------------- */

/*
 * Runs one CSR instruction with a1 as operand, with a vector of its own that needs no memory, and
 * puts mtvec, mstatus, mie and mscratch back before anything else runs: the instruction may have
 * changed them. Returns 0, or mcause + 1 if it trapped.
 */
static uint64_t guarded(uint32_t instruction, uint64_t operand)
{
	struct hart *me = this_hart();
	register uint64_t a0 __asm__("a0") = 0;
	register uint64_t a1 __asm__("a1") = operand;
	register uint64_t code __asm__("t0") = (uintptr_t)me->code;

	me->code[0] = instruction;
	me->code[1] = 0x00030067; /* jr t1 */
	__asm__ volatile("fence.i\n\t"
			 "csrrw t3, mie, zero\n\t"
			 "csrr t4, mstatus\n\t"
			 "la t1, 2f\n\t"
			 "csrrw t5, mtvec, t1\n\t"
			 "la t1, 1f\n\t"
			 "jr t0\n\t"
			 ".balign 4\n"
			 "1: li t2, 0\n\t"
			 "j 3f\n\t"
			 ".balign 4\n"
			 "2: csrr t2, mcause\n\t"
			 "addi t2, t2, 1\n\t"
			 "3: csrw mstatus, t4\n\t"
			 "csrw mtvec, t5\n\t"
			 "csrw mie, t3\n\t"
			 "csrw mscratch, tp\n\t"
			 "mv %0, t2"
			 : "+r"(a0), "+r"(a1)
			 : "r"(code)
			 : "t1", "t2", "t3", "t4", "t5", "memory");
	return a0;
}

/*
 * Left out, since on the bare machine they would stop it: mseccfg (its bits stay until reset and
 * shut machine mode out), triggers, and PMP, whose locks have a part of their own.
 */
static bool left_out(unsigned number)
{
	return number == CSR_MSECCFG || number == 0x757 || (number >= 0x7a0 && number <= 0x7af) ||
	       (number >= CSR_PMPCFG0 && number < CSR_PMPADDR0 + 64);
}

static bool proper(uint64_t outcome)
{
	return !outcome || outcome == CAUSE_ILLEGAL + 1;
}

static unsigned junk_to(unsigned number)
{
	static const uint64_t junk[] = { UINT64_MAX, 0, UINT64_C(0xaaaaaaaaaaaaaaaa),
					 UINT64_C(0x8000000000000001), UNMAPPED };
	uint64_t kept;
	bool there = csr_try_read(number, &kept);
	unsigned wrong = 0;

	for (unsigned operation = 1; operation < 8; operation++) {
		if (operation == 4)
			continue;
		for (unsigned i = 0; i < sizeof(junk) / sizeof(junk[0]); i++)
			wrong += !proper(guarded(csr_instruction(operation, number, REG_A0,
								 operation < 4 ? REG_A1 : i * 7),
						 junk[i]));
	}
	if (there)
		wrong += !proper(guarded(csr_instruction(1, number, 0, REG_A1), kept));
	return wrong;
}

static void junk_to_all(void)
{
	unsigned wrong = 0;

	for (unsigned number = 0; number < 4096; number++)
		if (!left_out(number))
			wrong += junk_to(number);
	interrupts_reset();
	csr_write(mideleg, 0);
	csr_write(medeleg, 0);
	csr_write(satp, 0);
	is(wrong, 0, "junk to every CSR by every instruction: values or illegal instructions");
}

/* --- PMP -------------------------------------------------------------------------------------- */

static void junk_to_pmp(void)
{
	uint64_t junk = 1;

	for (unsigned round = 0; round < 200; round++) {
		junk = junk * UINT64_C(6364136223846793005) + 1442695040888963407u;
		csr_write(pmpaddr0, junk);
		csr_write(pmpaddr1, ~junk);
		csr_write(pmpaddr2, junk >> 32);
		csr_write(pmpaddr3, junk << 7);
		csr_write(pmpcfg0, junk & UINT64_C(0x7f7f7f7f7f7f7f7f));
		__asm__ volatile("sfence.vma" ::: "memory");
	}
	pmp_reset();
	ok(true, "junk to PMP without locks: machine mode goes on");
}

/* --- Jumps ------------------------------------------------------------------------------------ */

/* No device, no memory and no bus of this machine is there. */
static const uint64_t nowhere[] = { 0,
				    UNMAPPED,
				    UNMAPPED + 2,
				    UNMAPPED + 4094,
				    UINT64_C(0x4000000000),
				    UINT64_C(0x100000000000000),
				    UINT64_C(0x8000000000000000),
				    UINT64_C(0xfffffffffffffffe) };

static void jumps(void)
{
	unsigned wrong = 0;

	for (unsigned i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++) {
		traps_expect();
		__asm__ volatile("jalr ra, %0" ::"r"(nowhere[i]) : "ra", "memory");
		wrong += !trapped(CAUSE_FETCH_ACCESS);
	}
	is(wrong, 0, "jumps to nowhere: access faults");
}

static void loads(void)
{
	unsigned wrong = 0;

	for (unsigned i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++) {
		uint64_t at = nowhere[i] & ~UINT64_C(7);

		traps_expect();
		execute(0x0005b503, 0, at);
		wrong += !trapped(CAUSE_LOAD_ACCESS);
		traps_expect();
		execute(0x00a5b023, 0, at);
		wrong += !trapped(CAUSE_STORE_ACCESS);
	}
	is(wrong, 0, "loads from and stores to nowhere: access faults");
}

/* --- Timers and software interrupts ----------------------------------------------------------- */

static void leave(struct hart *me, struct frame *frame)
{
	(void)me;
	(void)frame;
	csr_clear(mie, BIT(MTI));
}

/* The handler arms the next in the past, or clears nothing, over and over. */
static void again(struct hart *me, struct frame *frame)
{
	(void)frame;
	if (atomic_load(&me->interrupts[MTI]) < STORM)
		timer_set(me->id, mtime() - atomic_load(&me->interrupts[MTI]));
	else
		timer_set(me->id, TIMER_NEVER);
}

static void past_timers(void *unused)
{
	struct hart *me = this_hart();

	(void)unused;
	csr_write(mie, BIT(MTI));
	timer_set(me->id, 0);
	interrupts_on();
	wait_at_least(&me->interrupts[MTI], STORM + 1);
	interrupts_off();
	csr_write(mie, 0);
}

static void timers(void)
{
	struct hart *me = this_hart();

	interrupts_reset();
	on_interrupt[MTI] = again;
	ok(hart_run_all(past_timers, NULL), "timers in the past, over and over, on all harts");
	is(atomic_load(&me->interrupts[MTI]), STORM + 1, "each was taken");
	interrupts_reset();
	on_interrupt[MTI] = leave;
	csr_write(mie, BIT(MTI));
	timer_set(0, 0);
	interrupts_on();
	wait_at_least(&me->interrupts[MTI], 1);
	interrupts_off();
	ok(is_pending(MTI), "a timer that nobody clears stays pending");
	timer_set(0, TIMER_NEVER);
}

static atomic_uint over;

static void storm_at(void *unused)
{
	struct hart *me = this_hart();

	(void)unused;
	csr_write(mie, BIT(MSI));
	interrupts_on();
	for (unsigned i = 0; i < STORM; i++)
		for (unsigned hart = 0; hart < MAX_HARTS; hart++) {
			/* Registers of harts that are not there, too. */
			me->traps_expected = true;
			write32(clint_msip_at(hart), i);
		}
	me->traps_expected = false;
	atomic_fetch_add(&over, 1);
	wait_at_least(&over, hart_count);
	interrupts_off();
	csr_write(mie, 0);
}

static void software(void)
{
	interrupts_reset();
	atomic_store(&over, 0);
	on_interrupt[MSI] = quiet_software;
	ok(hart_run_all(storm_at, NULL),
	   "software interrupts set and cleared by all harts at once");
}

/* --- A hart that is lost ---------------------------------------------------------------------- */

static atomic_uint lost;

static void lose(void *vector)
{
	atomic_store(&lost, 1);
	csr_write(mtvec, (uintptr_t)vector);
	__asm__ volatile("ecall" ::: "memory");
}

static bool others_go_on(void)
{
	struct hart *me = this_hart();
	bool right;

	wait_at_least(&lost, 1);
	interrupts_reset();
	on_interrupt[MTI] = quiet_timer;
	on_interrupt[MSI] = quiet_software;
	csr_write(mie, BIT(MTI) | BIT(MSI));
	interrupts_on();
	timer_set(0, us_from_now(500));
	right = wait_at_least(&me->interrupts[MTI], 1);
	clint_send(0);
	right &= wait_at_least(&me->interrupts[MSI], 1);
	/* It does not answer, but may be rung. */
	for (unsigned i = 0; i < 10; i++)
		clint_send(hart_count - 1);
	interrupts_off();
	return right;
}

/*
 * Each exception of that hart raises the next one, for ever; under a monitor, through the monitor's
 * memory.
 */
static bool lost_hart(void)
{
	hart_start(hart_count - 1, lose,
		   (void *)(tree.monitor_size ? tree.monitor_base : UNMAPPED));
	return others_go_on();
}

/* --- An instruction that changes ----------------------------------------------------------------------- */

#define MIB2 UINT64_C(0x200000)

/* The last halfword of memory, or 0: behind it is nothing. */
static uint64_t last_halfword(void)
{
	for (uint64_t end = 0x80000000 + 256 * MIB2; end > 0x80000000; end -= MIB2) {
		traps_expect();
		execute(0x0005d503, 0, end - 2); /* lhu */
		if (!traps_end())
			return end - 2;
	}
	return 0;
}

static atomic_uint enough;

static void change_it(void *at)
{
	for (volatile uint16_t *half = at; !atomic_load(&enough);) {
		*half = 0x0000;
		*half = 0x0073;
	}
}

/*
 * Another hart makes it an illegal instruction of 16 bits and half of one of 32, whose rest is nowhere, in turns.
 * A monitor that looks at what trapped may find either.
 */
static bool changing(void)
{
	uint64_t at = last_halfword();
	struct hart *me = this_hart();
	bool right = at;

	atomic_store(&enough, 0);
	hart_start(1, change_it, (void *)at);
	for (unsigned i = 0; i < 8000 && right; i++) {
		traps_expect();
		/* An illegal instruction is skipped into nowhere, and that to ra. */
		((void (*)(void))at)();
		right = traps_end() && me->trap.cause == CAUSE_FETCH_ACCESS;
	}
	atomic_store(&enough, 1);
	return hart_finish(1) && right;
}

static const struct check multi[] = {
	{ "an instruction in the last halfword of memory that another hart changes", changing },

	{ "a hart whose mtvec leads nowhere traps for ever, the others go on", lost_hart },
};

void guest_main(void)
{
	junk_to_all();
	junk_to_pmp();
	jumps();
	loads();
	timers();
	software();
	CHECKS(multi, hart_count > 1 ? NULL : "machine: one hart");
	ok(true, "done");
}
