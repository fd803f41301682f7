/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Under a monitor, its memory (in the device tree: /reserved-memory/carillon...) is out of reach:
 * for the firmware itself, with MPRV, for its payload, whatever PMP says; each try is an access
 * fault of its kind. On the bare machine there is no such memory, and all is skipped.
 */
#include "payload.h"
#include "tap.h"
#include "tree.h"

#define PAGE      4096u
#define UNTOUCHED UINT64_C(0x5555aaaa3333cccc)

/* The first and last words, and some between. */
static uintptr_t places[8];
#define PLACES (sizeof(places) / sizeof(places[0]))

static void find_places(void)
{
	uintptr_t base = tree.monitor_base, size = tree.monitor_size;

	for (unsigned i = 0; i < PLACES - 1; i++)
		places[i] = base + (size / (PLACES - 1) * i & ~(uintptr_t)7);
	places[PLACES - 1] = base + size - 8;
}

#define LD       0x0005b503u
#define SD       0x00a5b023u
#define LB       0x00058503u
#define SB       0x00a58023u
#define AMOADD_D 0x00a5b52fu

static bool faults(uint32_t instruction, unsigned cause)
{
	bool right = true;

	for (unsigned i = 0; i < PLACES; i++) {
		traps_expect();
		uint64_t a0 = execute(instruction, UNTOUCHED, places[i]);

		right &= trapped(cause) && this_hart()->trap.tval == places[i] && a0 == UNTOUCHED;
	}
	return right;
}

static bool no_load(void)
{
	return faults(LD, CAUSE_LOAD_ACCESS) && faults(LB, CAUSE_LOAD_ACCESS);
}

static bool no_store(void)
{
	return faults(SD, CAUSE_STORE_ACCESS) && faults(SB, CAUSE_STORE_ACCESS);
}

static bool no_atomic(void)
{
	return faults(AMOADD_D, CAUSE_STORE_ACCESS);
}

static bool no_fetch(void)
{
	bool right = true;

	for (unsigned i = 0; i < PLACES; i++) {
		traps_expect();
		((void (*)(void))places[i])();
		right &= trapped(CAUSE_FETCH_ACCESS) && this_hart()->trap.pc == places[i];
	}
	return right;
}

/* --- MPRV ------------------------------------------------------------------------------------- */

static uint64_t with_mprv(bool store, uintptr_t at)
{
	uint64_t value = UNTOUCHED;

	if (store)
		__asm__ volatile("csrs mstatus, %2\n\tsd %0, (%1)\n\tcsrc mstatus, %2" ::"r"(value),
				 "r"(at), "r"(MSTATUS_MPRV)
				 : "memory");
	else
		__asm__ volatile("csrs mstatus, %2\n\tld %0, (%1)\n\tcsrc mstatus, %2"
				 : "+r"(value)
				 : "r"(at), "r"(MSTATUS_MPRV)
				 : "memory");
	return value;
}

static bool mprv_faults(unsigned mode, uintptr_t at)
{
	bool right = true;

	for (unsigned store = 0; store < 2; store++) {
		traps_expect();
		csr_clear(mstatus, MSTATUS_MPP);
		csr_set(mstatus, (uint64_t)mode << MSTATUS_MPP_SHIFT);
		right &= with_mprv(store, at) == UNTOUCHED;
		right &= trapped(store ? CAUSE_STORE_ACCESS : CAUSE_LOAD_ACCESS) &&
			 this_hart()->trap.tval == at;
	}
	return right;
}

static bool no_mprv(void)
{
	bool right = true;

	for (unsigned i = 0; i < PLACES; i++)
		right &= mprv_faults(MODE_U, places[i]) && mprv_faults(MODE_S, places[i]) &&
			 mprv_faults(MODE_M, places[i]);
	return right;
}

static _Alignas(4096) uint64_t root[512], middle[512], leaves[512];
#define BASE UINT64_C(0x140000000)

static void map(void)
{
	root[BASE >> 30] = (uintptr_t)middle >> 12 << 10 | 1;
	middle[0] = (uintptr_t)leaves >> 12 << 10 | 1;
	for (unsigned i = 0; i < PLACES; i++)
		leaves[i] = places[i] >> 12 << 10 | 0xcf;
}

static void translate(bool on)
{
	csr_write(satp, on ? UINT64_C(8) << 60 | (uintptr_t)root >> 12 : 0);
	__asm__ volatile("sfence.vma" ::: "memory");
}

static bool no_mprv_translated(void)
{
	bool right = true;

	map();
	translate(true);
	for (unsigned i = 0; i < PLACES; i++)
		right &= mprv_faults(MODE_S, BASE + i * PAGE + places[i] % PAGE);
	translate(false);
	return right;
}

/* Page tables in the monitor's memory: the walk must fail, and not read them. */
static bool no_tables(void)
{
	bool right;

	csr_write(satp, UINT64_C(8) << 60 | places[0] >> 12);
	__asm__ volatile("sfence.vma" ::: "memory");
	right = mprv_faults(MODE_S, BASE);
	translate(false);
	return right;
}

/* --- PMP -------------------------------------------------------------------------------------- */

/* Entries that open it, of each kind, change nothing. */
static bool no_pmp(void)
{
	bool right = true;

	for (unsigned i = 0; i < PLACES; i++) {
		pmp_set(1, PMP_NAPOT | PMP_R | PMP_W | PMP_X,
			pmp_napot(places[i] & ~(uintptr_t)4095, PAGE));
		traps_expect();
		execute(LD, UNTOUCHED, places[i]);
		right &= trapped(CAUSE_LOAD_ACCESS);
		right &= mprv_faults(MODE_S, places[i]);
	}
	csr_write(pmpaddr1, tree.monitor_base >> 2);
	pmp_set(2, PMP_TOR | PMP_R | PMP_W | PMP_X, (tree.monitor_base + tree.monitor_size) >> 2);
	right &= no_load() && no_store();
	pmp_reset();
	pmp_open();
	return right;
}

/* --- Payload ---------------------------------------------------------------------------------- */

static uint64_t load(uint64_t at)
{
	uint64_t value = UNTOUCHED;

	__asm__ volatile("ld %0, (%1)" : "+r"(value) : "r"(at) : "memory");
	return value;
}

static uint64_t store(uint64_t at)
{
	__asm__ volatile("sd zero, (%0)" ::"r"(at) : "memory");
	return 0;
}

static uint64_t jump(uint64_t at)
{
	__asm__ volatile("jalr ra, %0" ::"r"(at) : "ra", "memory");
	return 0;
}

static bool refused(unsigned mode, uint64_t (*access)(uint64_t), uint64_t at, uint64_t cause)
{
	struct payload payload;

	payload_init(&payload, mode, access, at);
	return payload_run(&payload) == cause && payload.tval == at;
}

static bool no_payload(void)
{
	bool right = true;

	for (unsigned i = 0; i < PLACES; i++)
		for (unsigned mode = MODE_U; mode <= MODE_S; mode++)
			right &= refused(mode, load, places[i], CAUSE_LOAD_ACCESS) &&
				 refused(mode, store, places[i], CAUSE_STORE_ACCESS) &&
				 refused(mode, jump, places[i], CAUSE_FETCH_ACCESS);
	return right;
}

/* mtvec there is only kept; what it points at is looked at by the next trap, which is not here. */
static bool mtvec_harmless(void)
{
	uint64_t saved = csr_swap(mtvec, places[0] & ~UINT64_C(3));
	uint64_t found = csr_swap(mtvec, saved);

	return found == (places[0] & ~UINT64_C(3));
}

/* Beside it, memory is the firmware's. */
static bool neighbours(void)
{
	static uint64_t own = 1;

	return load((uintptr_t)&own) == 1 && no_load();
}

static const struct check inside[] = {
	{ "the firmware cannot load from it", no_load },
	{ "the firmware cannot store to it", no_store },
	{ "the firmware cannot add to it", no_atomic },
	{ "the firmware cannot jump into it", no_fetch },
	{ "nor with MPRV, as U, S and M", no_mprv },
	{ "nor with MPRV through page tables that map it", no_mprv_translated },
	{ "nor with MPRV through page tables that lie in it", no_tables },
	{ "nor with PMP entries that open it", no_pmp },
	{ "its payload cannot load, store or jump there", no_payload },
	{ "mtvec pointing there harms nobody", mtvec_harmless },
	{ "all else is as before", neighbours },
};

void guest_main(void)
{
	pmp_open();
	find_places();
	CHECKS(inside, tree.monitor_size ? NULL : "machine: no monitor");
}
