/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Physical memory protection (privileged specification 3.7): what pmpcfg and pmpaddr keep, ranges
 * of each kind for a payload in S and U mode, order, and at the end locked entries, which bind
 * machine mode too. Uses entries 0 to 5 only: a machine, or a monitor, may have no more.
 */
#include "payload.h"
#include "tap.h"

#define SIZE      4096u
#define USED      6u
#define RWX       (PMP_R | PMP_W | PMP_X)
#define UNTOUCHED UINT64_C(0x5555aaaa3333cccc)

static _Alignas(4 * SIZE) uint32_t area[4][SIZE / 4];

/* --- Registers -------------------------------------------------------------------------------- */

/*
 * Not looked at are bits 63 to 54 of pmpaddr, bits 5 and 6 of pmpcfg, and W without R, all of which
 * must not be kept: QEMU 10.0 keeps them (defects of QEMU).
 */
static void registers(void)
{
	unsigned kept = 0, modes = 0;

	pmp_reset();
	for (unsigned i = 0; i < USED; i++) {
		csr_write_at(CSR_PMPADDR0 + i, 0x20001fff);
		kept += csr_read_at(CSR_PMPADDR0 + i) == 0x20001fff;
		csr_write_at(CSR_PMPADDR0 + i, 0);
		for (unsigned mode = 0; mode < 4; mode++) {
			csr_write(pmpcfg0, (uint64_t)(mode << 3 | PMP_R | PMP_X) << 8 * i);
			/* Without 4-byte grain, NA4 is not there. */
			modes += pmp_config(i) == (mode << 3 | PMP_R | PMP_X) ||
				 (mode << 3 == PMP_NA4 && (pmp_config(i) & 0x18) != PMP_NA4);
		}
		csr_write(pmpcfg0, 0);
	}
	is(kept, USED, "pmpaddr keeps an address");
	is(modes, 4 * USED, "pmpcfg: OFF, TOR, NA4 and NAPOT are kept");
	csr_write(pmpcfg0, UINT64_C(0x0b0d0f01));
	is(csr_read(pmpcfg0), UINT64_C(0x0b0d0f01), "pmpcfg0: four entries at once");
	csr_clear(pmpcfg0, 0xff00);
	is(csr_read(pmpcfg0), UINT64_C(0x0b0d0001), "pmpcfg0: one entry cleared by csrrc");
	csr_write(pmpcfg0, 0);
}

/* RV64 has the even pmpcfg registers only; after the last pmpaddr is nothing. */
static void absent(void)
{
	uint64_t value;

	ok(!csr_try_read(CSR_PMPCFG0 + 1, &value), "pmpcfg1 is illegal");
	ok(!csr_try_read(CSR_PMPCFG0 + 3, &value), "pmpcfg3 is illegal");
	ok(!csr_try_write(CSR_PMPCFG0 + 15, 0), "pmpcfg15 is illegal");
	ok(!csr_try_read(CSR_PMPADDR0 + 64, &value), "pmpaddr64 is illegal");
}

/* --- Accesses of a payload -------------------------------------------------------------------- */

static uint64_t load(uint64_t at)
{
	uint64_t value = UNTOUCHED;

	__asm__ volatile("lw %0, (%1)" : "+r"(value) : "r"(at) : "memory");
	return value;
}

static uint64_t store(uint64_t at)
{
	__asm__ volatile("sw zero, (%0)" ::"r"(at) : "memory");
	return 0;
}

static uint64_t load_wide(uint64_t at)
{
	uint64_t value;

	__asm__ volatile("ld %0, (%1)" : "=r"(value) : "r"(at) : "memory");
	return value;
}

static uint64_t jump(uint64_t at)
{
	__asm__ volatile("jalr ra, %0" ::"r"(at) : "ra", "memory");
	return 0;
}

#define INSTRUCTION_RET 0x00008067u

/* By words: an access that an entry matches in part fails in machine mode, too. */
static void fill(void)
{
	for (unsigned page = 0; page < 4; page++)
		for (unsigned i = 0; i < SIZE / 4; i++)
			area[page][i] = INSTRUCTION_RET;
	__asm__ volatile("fence.i" ::: "memory");
}

static bool allowed(unsigned mode, uint64_t (*access)(uint64_t), uint64_t at)
{
	return payload_call(mode, access, at, NULL);
}

static bool refused(unsigned mode, uint64_t (*access)(uint64_t), uint64_t at, uint64_t cause)
{
	struct payload payload;

	payload_init(&payload, mode, access, at);
	return payload_run(&payload) == cause && payload.tval == at &&
	       (cause != CAUSE_FETCH_ACCESS || payload.pc == at);
}

/* Is what the payload may do at an address just what the R, W, X bits say? */
static bool just(unsigned rights, const void *where)
{
	uintptr_t at = (uintptr_t)where;
	bool right = true;

	for (unsigned mode = MODE_U; mode <= MODE_S; mode++) {
		fill();
		right &= rights & PMP_X ? allowed(mode, jump, at)
					: refused(mode, jump, at, CAUSE_FETCH_ACCESS);
		right &= rights & PMP_R ? allowed(mode, load, at)
					: refused(mode, load, at, CAUSE_LOAD_ACCESS);
		right &= rights & PMP_W ? allowed(mode, store, at)
					: refused(mode, store, at, CAUSE_STORE_ACCESS);
		right &= (*(const uint32_t *)at == 0) == !!(rights & PMP_W);
	}
	fill();
	return right;
}

static const char *const rights_names[] = { "---", "r--", NULL, "rw-", "--x", "r-x", NULL, "rwx" };

/* The last entry lets everything else through. */
static void background(void)
{
	pmp_reset();
	pmp_set(USED - 1, PMP_NAPOT | RWX, UINT64_MAX >> 10);
}

static void napot(void)
{
	for (unsigned rights = 0; rights < 8; rights++) {
		if (!rights_names[rights])
			continue;
		background();
		pmp_set(0, PMP_NAPOT | rights, pmp_napot((uintptr_t)area[1], SIZE));
		ok(just(rights, area[1]), "NAPOT, %s: the first word", rights_names[rights]);
		ok(just(rights, (uint8_t *)area[1] + SIZE - 4), "NAPOT, %s: the last word",
		   rights_names[rights]);
		ok(just(RWX, (uint8_t *)area[1] - 4), "NAPOT, %s: the word before",
		   rights_names[rights]);
		ok(just(RWX, area[2]), "NAPOT, %s: the word after", rights_names[rights]);
	}
}

static void tor(void)
{
	background();
	csr_write(pmpaddr0, (uintptr_t)area[1] >> 2);
	pmp_set(1, PMP_TOR | PMP_R, (uintptr_t)area[3] >> 2);
	ok(just(RWX, (uint8_t *)area[1] - 4), "TOR: the word before");
	ok(just(PMP_R, area[1]), "TOR: the first word");
	ok(just(PMP_R, area[2]), "TOR: in the middle");
	ok(just(PMP_R, (uint8_t *)area[3] - 4), "TOR: the last word");
	ok(just(RWX, area[3]), "TOR: the word after");
	pmp_set(1, PMP_TOR | PMP_R, (uintptr_t)area[1] >> 2);
	ok(just(RWX, area[1]), "TOR: an empty range matches nothing");
	pmp_set(1, PMP_TOR, (uintptr_t)area[0] >> 2);
	ok(just(RWX, area[0]), "TOR: a range whose end is before its start matches nothing");
	/* Entry 0 begins at address 0: what runs here is above it. */
	background();
	pmp_set(0, PMP_TOR, UINT64_C(0x80000000) >> 2);
	ok(refused(MODE_S, load, CLINT_BASE + CLINT_MTIME, CAUSE_LOAD_ACCESS),
	   "TOR in entry 0: from address 0 on");
	ok(just(RWX, area[1]), "TOR in entry 0: not above");
}

static bool has_na4;

static bool na4(void)
{
	bool right;

	background();
	pmp_set(0, PMP_NA4 | PMP_R, ((uintptr_t)area[1] + 8) >> 2);
	right = just(PMP_R, (uint8_t *)area[1] + 8) && just(RWX, (uint8_t *)area[1] + 4) &&
		just(RWX, (uint8_t *)area[1] + 12);
	return right;
}

/* An access that only part of an entry matches fails, whatever the entry says. */
static bool straddle(void)
{
	background();
	pmp_set(0, PMP_NA4 | RWX, ((uintptr_t)area[1] + 8) >> 2);
	return refused(MODE_S, load_wide, (uintptr_t)area[1] + 8, CAUSE_LOAD_ACCESS) &&
	       allowed(MODE_S, load, (uintptr_t)area[1] + 8) &&
	       allowed(MODE_S, load, (uintptr_t)area[1] + 12);
}

static bool smallest_napot(void)
{
	background();
	pmp_set(0, PMP_NAPOT | PMP_R, pmp_napot((uintptr_t)area[1] + 8, 8));
	return just(PMP_R, (uint8_t *)area[1] + 8) && just(PMP_R, (uint8_t *)area[1] + 12) &&
	       just(RWX, (uint8_t *)area[1] + 4) && just(RWX, (uint8_t *)area[1] + 16);
}

static const struct check fine[] = {
	{ "NA4: one word", na4 },
	{ "NA4: an access of which it matches half is refused", straddle },
	{ "NAPOT of 8 bytes", smallest_napot },
};

static void order(void)
{
	background();
	pmp_set(0, PMP_NAPOT | PMP_R, pmp_napot((uintptr_t)area[1], SIZE));
	pmp_set(1, PMP_NAPOT | RWX, pmp_napot((uintptr_t)area[0], 4 * SIZE));
	ok(just(PMP_R, area[1]), "order: the lower entry counts");
	pmp_set(0, PMP_NAPOT | RWX, pmp_napot((uintptr_t)area[1], SIZE));
	pmp_set(1, PMP_NAPOT, pmp_napot((uintptr_t)area[0], 4 * SIZE));
	ok(just(RWX, area[1]), "order: it opens what the next closes");
	ok(refused(MODE_S, load, (uintptr_t)area[2], CAUSE_LOAD_ACCESS),
	   "order: beside it, the next counts");
	pmp_set(0, 0, pmp_napot((uintptr_t)area[1], SIZE));
	ok(refused(MODE_S, load, (uintptr_t)area[1], CAUSE_LOAD_ACCESS),
	   "order: an entry that is off does not count");
}

/*
 * One entry is on, elsewhere: with none at all QEMU 10.0 takes the fault in mret itself, as if it
 * were machine mode's (a defect of QEMU).
 */
static void nothing_matches(void)
{
	struct payload payload;

	pmp_reset();
	pmp_set(0, PMP_NAPOT | RWX, pmp_napot((uintptr_t)area[1], SIZE));
	payload_init(&payload, MODE_S, load, (uintptr_t)area[1]);
	is(payload_run(&payload), CAUSE_FETCH_ACCESS, "no entry for it: S may not even run");
	is(payload.pc, (uintptr_t)load, "no entry for it: mepc is where it should run");
	is(payload.tval, (uintptr_t)load, "no entry for it: mtval, too");
	payload_init(&payload, MODE_U, load, (uintptr_t)area[1]);
	is(payload_run(&payload), CAUSE_FETCH_ACCESS, "no entry for it: nor U");
	fill();
	payload_init(&payload, MODE_U, load, (uintptr_t)area[1]);
	payload.pc = (uintptr_t)area[1];
	is(payload_run(&payload), CAUSE_FETCH_ACCESS,
	   "no entry for it: nor go back from where it may");
}

/* --- Machine mode ----------------------------------------------------------------------------- */

static bool machine_may(unsigned rights, const void *where)
{
	uintptr_t at = (uintptr_t)where;
	struct hart *me = this_hart();
	bool right = true;
	unsigned count;

	traps_expect();
	((void (*)(void))at)();
	count = traps_end();
	right &= rights & PMP_X ? !count
				: count == 1 && me->trap.cause == CAUSE_FETCH_ACCESS &&
					  me->trap.tval == at;
	traps_expect();
	load(at);
	count = traps_end();
	right &= rights & PMP_R
			 ? !count
			 : count == 1 && me->trap.cause == CAUSE_LOAD_ACCESS && me->trap.tval == at;
	traps_expect();
	store(at);
	count = traps_end();
	right &= rights & PMP_W ? !count
				: count == 1 && me->trap.cause == CAUSE_STORE_ACCESS &&
					  me->trap.tval == at;
	return right;
}

static void not_locked(void)
{
	pmp_reset();
	pmp_set(0, PMP_NAPOT, pmp_napot((uintptr_t)area[1], SIZE));
	fill();
	ok(machine_may(RWX, area[1]), "not locked: machine mode may do anything");
}

/* Without writing there. */
static bool payload_reads_only(void)
{
	uintptr_t at = (uintptr_t)area[1];
	bool right = true;

	for (unsigned mode = MODE_U; mode <= MODE_S; mode++)
		right &= allowed(mode, load, at) && refused(mode, store, at, CAUSE_STORE_ACCESS) &&
			 refused(mode, jump, at, CAUSE_FETCH_ACCESS);
	return right;
}

/* From here on nothing can be undone. */
static void locked(void)
{
	fill();
	pmp_reset();
	pmp_set(4, PMP_NAPOT | PMP_LOCK | PMP_R, pmp_napot((uintptr_t)area[1], SIZE));
	ok(machine_may(PMP_R, area[1]), "locked, r--: machine mode too");
	ok(machine_may(RWX, area[0]), "locked: beside it, machine mode may");
	csr_write(pmpcfg0, 0);
	is(pmp_config(4), PMP_NAPOT | PMP_LOCK | PMP_R,
	   "locked: the configuration cannot be written");
	csr_write(pmpaddr4, 0);
	is(csr_read(pmpaddr4), pmp_napot((uintptr_t)area[1], SIZE), "locked: nor can the address");
	ok(machine_may(PMP_R, area[1]), "locked: it still counts");
	pmp_set(0, PMP_NAPOT | RWX, pmp_napot((uintptr_t)area[1], SIZE));
	fill();
	ok(machine_may(RWX, area[1]), "locked: a lower entry counts first");
	pmp_reset();
	ok(machine_may(PMP_R, area[1]), "locked: and without that it counts again");
	pmp_set(5, PMP_NAPOT | RWX, UINT64_MAX >> 10);
	ok(payload_reads_only(), "locked: it binds S and U mode as well");
	csr_write(pmpaddr2, (uintptr_t)area[2] >> 2);
	pmp_set(3, PMP_TOR | PMP_LOCK | PMP_X, (uintptr_t)area[3] >> 2);
	csr_write(pmpaddr2, 0);
	is(csr_read(pmpaddr2), (uintptr_t)area[2] >> 2,
	   "locked TOR: the address before it neither");
	ok(machine_may(PMP_X, area[2]), "locked TOR, --x: machine mode too");
	pmp_set(1, PMP_LOCK, 0x1234);
	csr_write(pmpaddr1, 0);
	is(csr_read(pmpaddr1), 0x1234, "locked and off: the address cannot be written");
}

void guest_main(void)
{
	registers();
	absent();
	fill();
	napot();
	tor();
	order();
	nothing_matches();
	pmp_reset();
	pmp_set(0, PMP_NA4 | PMP_R, 0);
	has_na4 = (pmp_config(0) & 0x18) == PMP_NA4;
	CHECKS(fine, has_na4 ? NULL : "hart: the grain is more than 4 bytes");
	not_locked();
	locked();
}
