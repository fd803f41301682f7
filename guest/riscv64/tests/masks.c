/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * sie and sip as views of mie and mip through mideleg (privileged specification 3.1.9, 4.1.3), SSIP
 * from both sides, and the timer through wfi.
 */
#include "payload.h"
#include "tap.h"

/* A hart may have some always delegated. */
static uint64_t delegate(uint64_t wanted)
{
	csr_write(mideleg, wanted);
	return csr_read(mideleg) & S_INTERRUPTS;
}

static void enables(void)
{
	static const uint64_t wanted[] = {
		0, BIT(SSI), BIT(STI), BIT(SEI), BIT(SSI) | BIT(STI), S_INTERRUPTS
	};
	unsigned read = 0, set = 0, cleared = 0, kept = 0, shown = 0;
	const unsigned n = sizeof(wanted) / sizeof(wanted[0]);

	for (unsigned i = 0; i < n; i++) {
		uint64_t delegated = delegate(wanted[i]);

		shown += (delegated & wanted[i]) == wanted[i];
		csr_write(mie, M_INTERRUPTS | S_INTERRUPTS);
		read += (csr_read(sie) & (M_INTERRUPTS | S_INTERRUPTS)) == delegated;
		csr_write(sie, 0);
		cleared += (csr_read(mie) & (M_INTERRUPTS | S_INTERRUPTS)) ==
			   (M_INTERRUPTS | (S_INTERRUPTS & ~delegated));
		csr_write(mie, 0);
		csr_write(sie, UINT64_MAX);
		set += (csr_read(mie) & (M_INTERRUPTS | S_INTERRUPTS)) == delegated;
		csr_write(mie, BIT(MTI));
		csr_set(sie, M_INTERRUPTS);
		csr_clear(sie, M_INTERRUPTS);
		kept += (csr_read(mie) & M_INTERRUPTS) == BIT(MTI);
	}
	csr_write(mie, 0);
	is(shown, n, "mideleg: what is delegated is");
	is(read, n, "sie shows the delegated enables only");
	is(set, n, "sie = ~0 sets the delegated enables only");
	is(cleared, n, "sie = 0 clears the delegated enables only");
	is(kept, n, "sie does not touch machine mode's");
}

static void pending(void)
{
	uint64_t all = S_INTERRUPTS;

	delegate(all);
	csr_set(mip, all);
	is(csr_read(sip) & (M_INTERRUPTS | all), all, "sip shows what is delegated");
	csr_clear(sip, all);
	is(csr_read(mip) & all, BIT(STI) | BIT(SEI), "sip: only SSIP can be cleared");
	csr_clear(mip, all);
	csr_set(sip, all);
	is(csr_read(mip) & all, BIT(SSI), "sip: only SSIP can be set");
	csr_write(sip, 0);
	is(csr_read(mip) & all, 0, "sip = 0 clears it");
	timer_set(0, 0);
	clint_send(0);
	wait_pending(MSI);
	is(csr_read(sip) & M_INTERRUPTS, 0, "sip shows nothing of machine mode's");
	csr_write(sip, 0);
	is(csr_read(mip) & M_INTERRUPTS, BIT(MSI) | BIT(MTI),
	   "sip = 0 clears nothing of machine mode's");
	timer_set(0, TIMER_NEVER);
	clint_clear(0);
	uint64_t delegated = delegate(BIT(STI));

	csr_set(mip, all);
	is(csr_read(sip) & all, delegated & all, "sip hides what is not delegated");
	csr_write(sip, 0);
	ok(is_pending(SSI) || delegated & BIT(SSI), "sip = 0 leaves SSIP that is not delegated");
	csr_clear(mip, all);
}

static uint64_t raise_own(uint64_t unused)
{
	(void)unused;
	csr_set(sip, BIT(SSI));
	return csr_read(sip);
}

static uint64_t clear_own(uint64_t unused)
{
	(void)unused;
	csr_clear(sip, BIT(SSI));
	return csr_read(sip);
}

static void both_sides(void)
{
	uint64_t result = 0;

	delegate(BIT(SSI));
	ok(payload_call(MODE_S, raise_own, 0, &result), "S sets SSIP: no trap");
	ok(result & BIT(SSI), "S sets SSIP: S sees it");
	ok(is_pending(SSI), "S sets SSIP: M sees it");
	ok(payload_call(MODE_S, clear_own, 0, &result), "S clears SSIP: no trap");
	ok(!is_pending(SSI), "S clears SSIP: M sees it");
	csr_set(mip, BIT(SSI));
	payload_call(MODE_S, clear_own, 0, &result);
	ok(!(result & BIT(SSI)), "M sets, S clears SSIP: S sees it");
	ok(!is_pending(SSI), "M sets, S clears SSIP: M sees it");
	payload_call(MODE_S, raise_own, 0, &result);
	csr_clear(mip, BIT(SSI));
	ok(!(csr_read(sip) & BIT(SSI)), "S sets, M clears SSIP: it is gone");
}

static uint64_t own_enables(uint64_t bits)
{
	csr_write(sie, bits);
	return csr_read(sie);
}

/* Over changes between firmware and payload, each side's enables stay what they are. */
static void over_the_switch(void)
{
	uint64_t result = 0;

	delegate(BIT(SSI) | BIT(SEI));
	csr_write(mie, BIT(MTI));
	payload_call(MODE_S, own_enables, BIT(SSI), &result);
	is(result & S_INTERRUPTS, BIT(SSI), "S enables SSI: S sees it");
	is(csr_read(mie), BIT(MTI) | BIT(SSI), "S enables SSI: M sees it beside its own");
	csr_clear(mie, BIT(MTI));
	payload_call(MODE_S, own_enables, BIT(SEI), &result);
	is(csr_read(mie), BIT(SEI), "S enables SEI instead, M none: M sees it");
	csr_write(mie, 0);
	delegate(0);
}

/* --- With Sstc: STIP is stimecmp's while menvcfg.STCE is 1 (Sstc specification, chapter 2) ---- */

#define STCE BIT(63)

static bool stip_is_stimecmp(void)
{
	bool high, kept, low, unset, given_back;

	csr_clear(mip, S_INTERRUPTS);
	csr_write_at(CSR_STIMECMP, UINT64_MAX);
	csr_set(0x30a, STCE);
	low = !is_pending(STI);
	csr_set(mip, BIT(STI));
	unset = !is_pending(STI);
	csr_write_at(CSR_STIMECMP, 0);
	high = wait_pending(STI);
	csr_clear(mip, BIT(STI));
	kept = is_pending(STI);
	csr_write_at(CSR_STIMECMP, UINT64_MAX);
	low &= wait_not_pending(STI);
	csr_clear(0x30a, STCE);
	csr_set(mip, BIT(STI));
	given_back = is_pending(STI);
	csr_clear(mip, BIT(STI));
	return high && kept && low && unset && given_back && !is_pending(STI);
}

static bool own_enable(unsigned interrupt)
{
	return csr_read(sie) & BIT(interrupt);
}

static uint64_t own_timer(uint64_t unused)
{
	(void)unused;
	csr_write(sie, BIT(STI));
	csr_set(sstatus, MSTATUS_SIE);
	__asm__ volatile("csrr t0, time\n\taddi t0, t0, 1000\n\tcsrw 0x14d, t0" ::: "t0", "memory");
	while (own_enable(STI))
		;
	csr_clear(sstatus, MSTATUS_SIE);
	return 1;
}

/* payload_vector clears the enable of what it takes. */
static bool timer_of_payload(void)
{
	struct delegated taken = { 0 };
	uint64_t result = 0;
	bool returned;

	csr_write(mcounteren, 7);
	csr_set(0x30a, STCE);
	csr_write(mideleg, BIT(STI));
	csr_write(stvec, (uintptr_t)payload_vector);
	csr_write(sscratch, (uintptr_t)&taken);
	returned = payload_call(MODE_S, own_timer, 0, &result);
	csr_write_at(CSR_STIMECMP, UINT64_MAX);
	csr_clear(0x30a, STCE);
	csr_write(mcounteren, 0);
	csr_write(mideleg, 0);
	return returned && result == 1 && taken.count == 1 &&
	       taken.cause == (CAUSE_IS_INTERRUPT | STI);
}

static uint64_t read_stimecmp(uint64_t unused)
{
	(void)unused;
	return csr_read(0x14d);
}

static bool not_without_stce(void)
{
	bool without, with;

	csr_write(mcounteren, 7);
	without = payload_traps(MODE_S, read_stimecmp, 0, CAUSE_ILLEGAL);
	csr_set(0x30a, STCE);
	with = payload_call(MODE_S, read_stimecmp, 0, NULL);
	csr_write(mcounteren, 5);
	with &= payload_traps(MODE_S, read_stimecmp, 0, CAUSE_ILLEGAL);
	csr_clear(0x30a, STCE);
	csr_write(mcounteren, 0);
	return without && with;
}

static const struct check sstc[] = {
	{ "Sstc: STIP is stimecmp's with STCE, the software's without", stip_is_stimecmp },
	{ "Sstc: the payload's own timer stays with it", timer_of_payload },
	{ "Sstc: stimecmp needs STCE and mcounteren.TM in S", not_without_stce },
};

/* --- In all ----------------------------------------------------------------------------------- */

/* Asleep with interrupts off, so that none is taken between the look and the sleep. */
static void timer_through_wfi(void)
{
	struct hart *me = this_hart();

	interrupts_reset();
	on_interrupt[MTI] = quiet_timer;
	csr_write(mie, BIT(MTI));
	for (unsigned round = 1; round <= 10; round++) {
		timer_set(0, us_from_now(300));
		while (atomic_load(&me->interrupts[MTI]) < round) {
			wfi();
			interrupts_on();
			interrupts_off();
		}
	}
	is(atomic_load(&me->interrupts[MTI]), 10, "ten timer interrupts through wfi");
	interrupts_reset();
}

void guest_main(void)
{
	uint64_t value;

	pmp_open();
	enables();
	pending();
	both_sides();
	over_the_switch();
	timer_through_wfi();
	CHECKS(sstc, csr_try_read(CSR_STIMECMP, &value) ? NULL : "hart: no Sstc");
}
