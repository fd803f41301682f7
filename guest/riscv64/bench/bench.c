/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What machine mode's operations cost, in instructions: "bench: NAME ROUNDS INSTRUCTIONS" with the
 * sum over all rounds, of minstret before and after. Made for QEMU with -icount shift=0,sleep=off:
 * minstret then is the count of all instructions of all harts, in whatever mode (QEMU has one
 * counter for the machine), so that a monitor's are counted too, and every hart that takes no part
 * sleeps. No timer is armed meanwhile: time that passes with all harts asleep would be counted as
 * if it were instructions. bench/riscv64 takes the difference of two runs.
 */
#include "payload.h"
#include "tap.h"

#define ROUNDS 1000

typedef void loop(uint64_t rounds, uint64_t a1, uint64_t a2, uint64_t a3);

loop loop_csr, loop_store_64, loop_store_32, loop_mret, loop_no_mret, loop_wfi, loop_msip_self,
	loop_msip_other, loop_firmware_call;
extern const char vector_msip_self[], vector_msip_other[], vector_firmware_call[];

static uint64_t overhead; /* of two readings one after the other */

static void report(const char *name, uint64_t rounds, uint64_t instructions)
{
	print("bench: %s %lu %lu\n", name, rounds, instructions - overhead);
}

static uint64_t measure(loop *operation, uint64_t a1, uint64_t a2, uint64_t a3)
{
	uint64_t before = csr_read(minstret);

	operation(ROUNDS, a1, a2, a3);
	return csr_read(minstret) - before;
}

static void row(const char *name, loop *operation, uint64_t a1, uint64_t a2)
{
	report(name, ROUNDS, measure(operation, a1, a2, 0));
}

static void nothing(uint64_t rounds, uint64_t a1, uint64_t a2, uint64_t a3)
{
	(void)rounds;
	(void)a1;
	(void)a2;
	(void)a3;
}

/* --- Alone ------------------------------------------------------------------------------------ */

static void registers(void)
{
	row("csr", loop_csr, (uintptr_t)this_hart(), 0);
	row("mret", loop_mret, 0, 0);
	interrupts_off(); /* MIE is what MPIE was */
	row("mret_prepared", loop_no_mret, 0, 0);
	row("mtimecmp", loop_store_64, clint_mtimecmp_at(0), TIMER_NEVER / 2);
	timer_set(0, TIMER_NEVER);
	row("msip_clear", loop_store_32, clint_msip_at(0), 0);
	csr_write(mie, BIT(MSI));
	clint_send(0);
	wait_pending(MSI);
	row("wfi", loop_wfi, 0, 0);
	clint_clear(0);
	csr_write(mie, 0);
}

/* The vector is the loop's own meanwhile; nothing else may trap. */
static uint64_t measure_interrupts(const char *vector, loop *operation, uint64_t a1, uint64_t a2,
				   uint64_t a3)
{
	uint64_t saved = csr_swap(mtvec, (uintptr_t)vector), instructions;

	csr_write(mie, BIT(MSI));
	interrupts_on();
	instructions = measure(operation, a1, a2, a3);
	interrupts_off();
	csr_write(mie, 0);
	csr_write(mtvec, saved);
	return instructions;
}

static void to_itself(void)
{
	report("msip_self", ROUNDS,
	       measure_interrupts(vector_msip_self, loop_msip_self, clint_msip_at(0), 0, 0));
}

/* --- Two harts -------------------------------------------------------------------------------- */

static void begin(void *unused)
{
	(void)unused;
	measure_interrupts(vector_msip_other, loop_msip_other, clint_msip_at(1), clint_msip_at(0),
			   1);
}

/*
 * Asleep, so that the other hart gets on: with -icount, harts take turns when one sleeps or every
 * 0.1 s.
 */
static void sleep_us(unsigned us)
{
	timer_set(0, us_from_now(us));
	csr_write(mie, BIT(MTI));
	while (!is_pending(MTI))
		wfi();
	csr_write(mie, 0);
	timer_set(0, TIMER_NEVER);
}

/* Hart 1 begins, at the latest when this one sleeps. Each round is a message and one back. */
static void to_another(void)
{
	if (hart_count < 2)
		return;
	hart_start(1, begin, NULL);
	report("msip_round", 2 * ROUNDS,
	       measure_interrupts(vector_msip_other, loop_msip_other, clint_msip_at(0),
				  clint_msip_at(1), 0));
	sleep_us(1000);
	if (!hart_finish(1))
		bail_out("hart 1 did not finish");
}

/* --- The payload ------------------------------------------------------------------------------ */

/*
 * The firmware's handler only ever returns: from here on all happens in the payload, the end of the
 * run too.
 */
static uint64_t call_firmware(uint64_t unused)
{
	uint64_t before, middle, after;

	before = csr_read(instret);
	middle = csr_read(instret);
	loop_firmware_call(ROUNDS, 0, 0, 0);
	after = csr_read(instret);
	overhead = middle - before;
	report("firmware_call", ROUNDS, after - middle);
	ok(true, "bench ran to its end");
	finish();
	return unused;
}

static _Noreturn void from_payload(void)
{
	struct payload payload;

	pmp_open();
	csr_write(mcounteren, 7);
	csr_write(medeleg, 0);
	csr_write(mtvec, (uintptr_t)vector_firmware_call);
	payload_init(&payload, MODE_S, call_firmware, 0);
	payload_run(&payload);
	bail_out("the payload came back");
}

void guest_main(void)
{
	overhead = measure(nothing, 0, 0, 0);
	registers();
	to_itself();
	to_another();
	from_payload();
}
