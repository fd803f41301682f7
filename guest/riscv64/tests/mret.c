/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * mret and sret executed in machine mode (privileged specification 3.1.6.1, 3.1.6.3 and 3.3.2):
 * where they go, and what becomes of MPP, MPIE, MIE, MPRV, SPP, SPIE and SIE. A hart before 1.12
 * keeps MPRV when mret leaves machine mode; those have no menvcfg.
 */
#include "payload.h"
#include "tap.h"

static bool before_1_12;

/* mret to the next instruction, in machine mode; mstatus after it. */
static uint64_t mret_here(uint64_t status)
{
	uint64_t after;

	__asm__ volatile("csrw mstatus, %1\n\t"
			 "la %0, 1f\n\t"
			 "csrw mepc, %0\n\t"
			 "mret\n"
			 "1: csrr %0, mstatus"
			 : "=&r"(after)
			 : "r"(status)
			 : "memory");
	interrupts_off();
	return after;
}

static void to_machine(bool mpie)
{
	uint64_t base = csr_read(mstatus) &
			~(MSTATUS_MIE | MSTATUS_MPIE | MSTATUS_MPP | MSTATUS_MPRV);
	uint64_t after = mret_here(base | MSTATUS_MPP | MSTATUS_MPRV | (mpie ? MSTATUS_MPIE : 0));

	csr_clear(mstatus, MSTATUS_MPRV);
	is(!!(after & MSTATUS_MIE), mpie, "M to M, MPIE %u: MIE", mpie);
	is(!!(after & MSTATUS_MPIE), 1, "M to M, MPIE %u: MPIE becomes 1", mpie);
	is(after & MSTATUS_MPP, 0, "M to M, MPIE %u: MPP becomes U", mpie);
	is(!!(after & MSTATUS_MPRV), 1, "M to M, MPIE %u: MPRV stays", mpie);
}

static uint64_t sum(uint64_t argument)
{
	return argument + 1;
}

static void to_payload(unsigned mode, bool mpie)
{
	const char *what = mode == MODE_S ? "S" : "U";
	struct payload payload;

	payload_init(&payload, mode, sum, 1);
	csr_clear(mstatus, MSTATUS_MPIE);
	csr_set(mstatus, (mpie ? MSTATUS_MPIE : 0) | MSTATUS_MPRV);
	payload_run(&payload);
	csr_clear(mstatus, MSTATUS_MPRV);
	ok(payload_returned(&payload) && payload.x[10] == 2, "M to %s, MPIE %u: runs there", what,
	   mpie);
	is(payload.status >> MSTATUS_MPP_SHIFT & 3, mode, "M to %s, MPIE %u: MPP after the call",
	   what, mpie);
	/* MIE became MPIE by mret, and MPIE became MIE by the trap. */
	is(!!(payload.status & MSTATUS_MPIE), mpie, "M to %s, MPIE %u: MIE while it runs", what,
	   mpie);
	is(payload.status & MSTATUS_MIE, 0, "M to %s, MPIE %u: MIE is 0 after the trap", what,
	   mpie);
	ok(!(payload.status & MSTATUS_MPRV) || before_1_12, "M to %s, MPIE %u: MPRV is cleared",
	   what, mpie);
}

static void illegal_mode(void)
{
	uint64_t base = csr_read(mstatus) & ~MSTATUS_MPP;

	csr_write(mstatus, base | UINT64_C(2) << MSTATUS_MPP_SHIFT);
	unsigned holds = csr_read(mstatus) >> MSTATUS_MPP_SHIFT & 3;

	ok(holds == MODE_U || holds == MODE_S || holds == MODE_M,
	   "MPP = 2 becomes a mode that exists");
	csr_set(mstatus, MSTATUS_MPP);
	csr_clear(mstatus, UINT64_C(1) << MSTATUS_MPP_SHIFT);
	holds = csr_read(mstatus) >> MSTATUS_MPP_SHIFT & 3;
	ok(holds != 2, "MPP = 2 by csrrc neither");
}

struct landing {
	uint64_t cause;
	uint64_t status;
};

/* sret in machine mode goes to SPP; where it lands there is a call. */
static struct landing sret_away(void)
{
	struct landing landing;
	uint64_t vector;

	__asm__ volatile("csrr %0, mtvec\n\t"
			 "la %1, 2f\n\t"
			 "csrw mtvec, %1\n\t"
			 "la %1, 1f\n\t"
			 "csrw sepc, %1\n\t"
			 "sret\n\t"
			 ".balign 4\n"
			 "1: ecall\n\t"
			 ".balign 4\n"
			 "2: csrw mtvec, %0\n\t"
			 "csrr %1, mcause\n\t"
			 "csrr %2, mstatus"
			 : "=&r"(vector), "=&r"(landing.cause), "=&r"(landing.status)::"memory");
	return landing;
}

static void sret_in_machine(unsigned mode, bool spie)
{
	const char *what = mode == MODE_S ? "S" : "U";
	uint64_t saved = csr_read(mstatus);
	struct landing landing;

	csr_write(mstatus, (saved & ~(MSTATUS_SPP | MSTATUS_SPIE | MSTATUS_SIE)) | MSTATUS_MPRV |
				   MSTATUS_MPP | (mode == MODE_S ? MSTATUS_SPP : 0) |
				   (spie ? MSTATUS_SPIE : 0));
	landing = sret_away();
	csr_write(mstatus, saved);
	is(landing.cause, mode == MODE_S ? CAUSE_ECALL_S : CAUSE_ECALL_U,
	   "sret in M, SPIE %u: to %s", spie, what);
	is(landing.status & MSTATUS_SPP, 0, "sret in M to %s, SPIE %u: SPP becomes U", what, spie);
	is(!!(landing.status & MSTATUS_SIE), spie, "sret in M to %s, SPIE %u: SIE", what, spie);
	is(!!(landing.status & MSTATUS_SPIE), 1, "sret in M to %s, SPIE %u: SPIE becomes 1", what,
	   spie);
	ok(!(landing.status & MSTATUS_MPRV) || before_1_12,
	   "sret in M to %s, SPIE %u: MPRV is cleared", what, spie);
}

void guest_main(void)
{
	uint64_t value;

	before_1_12 = !csr_try_read(CSR_MENVCFG, &value);
	pmp_open();
	to_machine(false);
	to_machine(true);
	to_payload(MODE_S, false);
	to_payload(MODE_S, true);
	to_payload(MODE_U, false);
	to_payload(MODE_U, true);
	illegal_mode();
	for (unsigned spie = 0; spie < 2; spie++) {
		sret_in_machine(MODE_S, spie);
		sret_in_machine(MODE_U, spie);
	}
}
