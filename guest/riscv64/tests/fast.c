/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What a payload in S-mode has of the SBI's TIME, IPI and RFENCE extensions, of the time CSR and of
 * misaligned accesses, from a small firmware (lib/small-sbi.h) or from a monitor that does it in its
 * stead; and that firmware's own timer, messages and pending bits beside it.
 *
 * No hart of QEMU's traps for misaligned loads and stores, but for lr and amo. So the payload executes one of
 * these through a translation that is in the TLB, while the tables say that there is a plain load or
 * store at that place, for who looks there for what trapped. Where nothing traps it is that load or store.
 */
#include "small-sbi.h"
#include "tap.h"

#define ROUNDS 200
#define TURNS  29

/* In machine mode, on the payload's hart. */
enum { TEST_OWN_TIMER, TEST_EXIT_TIMER, TEST_SET_STI, TEST_SET_SSI, TEST_CLEAR_SSI, TEST_MESSAGE };

static uint64_t in_machine_mode(uint64_t function, uint64_t argument)
{
	unsigned me = this_hart()->id;
	uint64_t begun = mtime();

	switch (function) {
	case TEST_OWN_TIMER:
		timer_set(me, begun + argument);
		if (is_pending(MTI) && mtime() < begun + argument)
			return 0;
		wait_pending(MTI);
		begun = mtime() - begun;
		timer_set(me, TIMER_NEVER);
		return begun >= argument && !is_pending(MTI);
	case TEST_EXIT_TIMER: /* as OpenSBI does when a hart stops */
		timer_set(me, TIMER_NEVER);
		csr_clear(mip, BIT(STI));
		csr_clear(mie, BIT(MTI));
		return 1;
	case TEST_SET_STI:
		csr_set(mip, BIT(STI));
		return is_pending(STI);
	case TEST_SET_SSI:
		csr_set(mip, BIT(SSI));
		return is_pending(SSI);
	case TEST_CLEAR_SSI:
		csr_clear(mip, BIT(SSI));
		return !is_pending(SSI);
	default:
		clint_send(me);
		wait_pending(MSI);
		begun = is_pending(MSI);
		clint_clear(me);
		return begun && !is_pending(MSI);
	}
}

static uint64_t test(uint64_t function, uint64_t argument)
{
	return sbi_call(SBI_TEST, function, argument, 0, 0, 0, 0).value;
}

/* --- In S-mode -------------------------------------------------------------------------------------- */

static long set_timer(uint64_t deadline)
{
	struct sbi_result result = sbi_call(SBI_TIME, 0, deadline, 5, 6, 7, 8);

	return result.value ? 1 : result.error;
}

static long send_ipi(uint64_t mask, uint64_t base)
{
	struct sbi_result result = sbi_call(SBI_IPI, 0, mask, base, 6, 7, 8);

	return result.value ? 1 : result.error;
}

static long fence(uint64_t function, uint64_t mask, uint64_t base, uint64_t start, uint64_t size,
		  uint64_t asid)
{
	struct sbi_result result;

	register uint64_t a4 __asm__("a4") = asid;

	(void)a4;
	result = sbi_call(SBI_RFENCE, function, mask, base, start, size, asid);
	return result.value ? 1 : result.error;
}

static bool pending(unsigned interrupt)
{
	return csr_read(sip) & BIT(interrupt);
}

static uint64_t now(void)
{
	return csr_read(time);
}

static void wait_ticks(uint64_t ticks)
{
	uint64_t end = now() + ticks;

	while (now() < end)
		;
}

static bool comes(unsigned interrupt)
{
	uint64_t end = now() + TIMEBASE * 10;

	while (!pending(interrupt) && now() < end)
		;
	return pending(interrupt);
}

#define SHORT (TIMEBASE / 1000)

/* --- Timer ------------------------------------------------------------------------------------------ */

static uint64_t timer(uint64_t unused)
{
	uint64_t deadline;

	ok(set_timer(TIMER_NEVER) == 0, "set_timer: no error, no value");
	ok(!pending(STI), "set_timer: never: nothing is pending");
	deadline = now() + SHORT;
	set_timer(deadline);
	ok(comes(STI) && now() >= deadline, "set_timer: comes, and not before its time");
	set_timer(now() + 1000 * TIMEBASE);
	ok(!pending(STI), "set_timer: one that is to come takes back one that came");
	set_timer(now() - 1);
	ok(pending(STI), "set_timer: one of the past is pending at once");
	set_timer(0);
	ok(pending(STI), "set_timer: so is 0");
	set_timer(TIMER_NEVER);
	ok(!pending(STI), "set_timer: never takes it back");
	set_timer(now() + SHORT);
	set_timer(now() + 1000 * TIMEBASE);
	wait_ticks(3 * SHORT);
	ok(!pending(STI), "set_timer: one that is moved does not come");
	set_timer(now() + SHORT);
	ok(comes(STI), "set_timer: one that is moved back comes");
	set_timer(TIMER_NEVER);
	return unused;
}

static struct delegated taken;

/* payload_vector clears the bit in sie. */
static uint64_t timer_interrupts(uint64_t unused)
{
	unsigned right = 0;

	csr_write(stvec, (uintptr_t)payload_vector);
	csr_write(sscratch, (uintptr_t)&taken);
	for (unsigned i = 0; i < ROUNDS; i++) {
		taken = (struct delegated){ 0 };
		csr_write(sie, BIT(STI));
		set_timer(now() + SHORT / 10);
		csr_set(sstatus, MSTATUS_SIE);
		while (!((volatile struct delegated *)&taken)->count)
			;
		csr_clear(sstatus, MSTATUS_SIE);
		right += taken.count == 1 && taken.cause == (CAUSE_IS_INTERRUPT | STI);
		set_timer(TIMER_NEVER);
		right -= pending(STI);
	}
	is(right, ROUNDS, "set_timer: 200 interrupts, one each");
	set_timer(now() + SHORT);
	csr_write(sie, BIT(STI));
	wfi();
	ok(pending(STI), "set_timer: wfi in S-mode ends by it");
	csr_write(sie, 0);
	set_timer(TIMER_NEVER);
	return unused;
}

/* Sstc, if the firmware had switched it on, would be the hart's business. */
static uint64_t firmwares_bits(uint64_t unused)
{
	ok(test(TEST_OWN_TIMER, SHORT), "the firmware's own timer: comes, and not before its time");
	ok(!pending(STI), "and is not the payload's");
	ok(test(TEST_MESSAGE, 0), "the firmware's own message comes");
	ok(!pending(SSI), "and is not the payload's");
	ok(test(TEST_SET_STI, 0), "the firmware sets STIP");
	ok(pending(STI), "and the payload has it");
	set_timer(TIMER_NEVER);
	ok(!pending(STI), "until it sets its timer");
	ok(test(TEST_SET_SSI, 0), "the firmware sets SSIP");
	ok(pending(SSI), "and the payload has it");
	csr_clear(sip, BIT(SSI));
	ok(!pending(SSI), "until it clears it");
	send_ipi(1, 0);
	ok(comes(SSI) && test(TEST_CLEAR_SSI, 0) && !pending(SSI),
	   "and what is sent to it, the firmware clears");
	set_timer(now() + SHORT);
	test(TEST_EXIT_TIMER, 0);
	wait_ticks(3 * SHORT);
	ok(!pending(STI), "a timer that the firmware switches off does not come");
	set_timer(now());
	ok(pending(STI), "the next one does");
	test(TEST_EXIT_TIMER, 0);
	ok(!pending(STI), "what is pending goes with it");
	return unused;
}

/* --- Harts -------------------------------------------------------------------------------------------- */

static atomic_uint there, leave;

/* The others, whose payload counts what arrives; the last one ends by HSM's hart_stop. */
static atomic_uint arrived[MAX_HARTS];

static uint64_t counts(uint64_t me)
{
	atomic_fetch_add(&there, 1);
	while (!atomic_load(&leave)) {
		if (pending(SSI)) {
			csr_clear(sip, BIT(SSI));
			atomic_fetch_add(&arrived[me], 1);
		}
	}
	if (me == hart_count - 1)
		sbi_call(SBI_HSM, 1, 0, 0, 0, 0, 0);
	return 0;
}

static void run_counts(void *unused)
{
	(void)unused;
	sbi_run(counts, this_hart()->id);
}

static bool arrives(unsigned hart, unsigned many)
{
	uint64_t end = now() + TIMEBASE * 10;

	while (atomic_load(&arrived[hart]) < many && now() < end)
		;
	return atomic_load(&arrived[hart]) == many;
}

static uint64_t all_others(void)
{
	return (BIT(hart_count) - 1) & ~UINT64_C(1);
}

static uint64_t alone(uint64_t unused)
{
	ok(send_ipi(1, 0) == 0 && comes(SSI), "send_ipi: to itself");
	csr_clear(sip, BIT(SSI));
	ok(!pending(SSI), "send_ipi: it clears it by itself");
	ok(send_ipi(0, 0) == 0 && !pending(SSI), "send_ipi: to nobody");
	ok(send_ipi(0, 1000) == 0, "send_ipi: to nobody from where there is nobody");
	ok(send_ipi(BIT(hart_count), 0) == SBI_INVALID, "send_ipi: to a hart that is not there");
	ok(send_ipi(1 | BIT(hart_count), 0) == SBI_INVALID && !pending(SSI),
	   "send_ipi: to such a one beside itself: nobody gets it");
	ok(send_ipi(1, 64) == SBI_INVALID, "send_ipi: from a base that is not there");
	ok(send_ipi(1, UINT64_MAX - 1) == SBI_INVALID, "send_ipi: nor from the highest one");
	ok(send_ipi(3, 63) == SBI_INVALID, "send_ipi: nor beyond 64");
	ok(send_ipi(0, SBI_ALL) == 0 && comes(SSI), "send_ipi: to all, whatever the mask is");
	csr_clear(sip, BIT(SSI));
	ok(sbi_call(SBI_IPI, 1, 1, 0, 0, 0, 0).error == SBI_UNKNOWN && !pending(SSI),
	   "send_ipi: no other function");
	ok(sbi_call(SBI_TIME, 1, 0, 0, 0, 0, 0).error == SBI_UNKNOWN && !pending(STI),
	   "set_timer: no other function");
	ok(sbi_call(SBI_RFENCE, 7, 1, 0, 0, 0, 0).error == SBI_UNKNOWN,
	   "fences: no other function");
	for (unsigned function = 0; function < 3; function++) {
		ok(fence(function, 1, 0, 0, 0, 0) == 0, "fence %u: itself", function);
		ok(fence(function, 0, SBI_ALL, 0x80000000, SBI_ALL, 1) == 0, "fence %u: all",
		   function);
		ok(fence(function, 0, 0, 0, 0, 0) == 0, "fence %u: nobody", function);
		ok(fence(function, BIT(hart_count), 0, 0, 0, 0) == SBI_INVALID,
		   "fence %u: a hart that is not there", function);
	}
	return unused;
}

static uint64_t with_others(uint64_t unused)
{
	uint64_t end = now() + TIMEBASE * 20;
	unsigned each = 0, wrong = 0;

	while (atomic_load(&there) < hart_count - 1 && now() < end)
		;
	for (unsigned i = 1; i < hart_count; i++) {
		wrong += send_ipi(1, i) != 0 || !arrives(i, 1);
		wrong += send_ipi(BIT(i), 0) != 0 || !arrives(i, 2);
	}
	is(wrong, 0, "send_ipi: to each of the others, by mask and by base");
	for (unsigned round = 0; round < ROUNDS; round++) {
		wrong += send_ipi(all_others(), 0) != 0;
		for (unsigned i = 1; i < hart_count; i++)
			each += arrives(i, 3 + round);
	}
	is(wrong, 0, "send_ipi: to all others at once, 200 times");
	is(each, ROUNDS * (hart_count - 1), "send_ipi: and each arrives");
	ok(send_ipi(0, SBI_ALL) == 0 && comes(SSI), "send_ipi: to all");
	for (unsigned i = 1; i < hart_count; i++)
		wrong += !arrives(i, 3 + ROUNDS);
	is(wrong, 0, "send_ipi: and all have it");
	csr_clear(sip, BIT(SSI));
	atomic_store(&leave, 1);
	return unused;
}

static uint64_t after_they_left(uint64_t unused)
{
	csr_clear(sip, BIT(SSI));
	ok(send_ipi(all_others(), 0) == SBI_INVALID, "send_ipi: to harts that have stopped");
	ok(send_ipi(all_others() | 1, 0) == SBI_INVALID && !pending(SSI),
	   "send_ipi: to those beside itself: nobody gets it");
	ok(fence(1, all_others(), 0, 0, 0, 0) == SBI_INVALID, "fence: on harts that have stopped");
	ok(fence(1, 0, SBI_ALL, 0, 0, 0) == 0, "fence: on all that there are");
	return unused;
}

static bool messages_between_harts(void)
{
	for (unsigned i = 1; i < hart_count; i++)
		hart_start(i, run_counts, NULL);
	sbi_run(with_others, 0);
	for (unsigned i = 1; i < hart_count; i++)
		hart_finish(i);
	sbi_run(after_they_left, 0);
	return true;
}

/* --- Fences that are seen ---------------------------------------------------------------------------- */

#define VIRTUAL  UINT64_C(0x140000000)
#define PAGES    64
#define SV39     (UINT64_C(8) << 60)
#define PTE_V    1u
#define PTE_RWAD 0xc6u
#define PTE_XA   0x48u
#define PTE_RWXA 0xceu

static _Alignas(4096) uint64_t tables[3][512];
static _Alignas(4096) uint64_t pages[2][512];
static atomic_uint turn, seen, looked_at;
static atomic_ulong mistakes;

static uint64_t pte(const void *to, unsigned bits)
{
	return (uintptr_t)to >> 12 << 10 | bits;
}

static void make_tables(void)
{
	tables[0][0] = (uint64_t)PTE_V | PTE_RWXA;
	tables[0][2] = UINT64_C(2) << 28 | PTE_V | PTE_RWXA;
	tables[0][VIRTUAL >> 30] = pte(tables[1], PTE_V);
	tables[1][0] = pte(tables[2], PTE_V);
	pages[0][0] = 100;
	pages[1][0] = 101;
}

static void map(unsigned page, unsigned which)
{
	((volatile uint64_t *)tables[2])[page] = pte(pages[which], PTE_V | PTE_RWAD);
}

static void with_tables(uint64_t asid)
{
	csr_write(satp, SV39 | asid << 44 | (uintptr_t)tables[0] >> 12);
	__asm__ volatile("sfence.vma" ::: "memory");
}

static void look(unsigned value)
{
	for (unsigned i = 0; i < atomic_load(&looked_at); i++)
		if (*(volatile uint64_t *)(VIRTUAL + 4096 * i) != value)
			atomic_fetch_add(&mistakes, 1);
}

/* Looks at each page in each turn, so that its TLB is full of them. */
static uint64_t looks(uint64_t unused)
{
	unsigned last = 0, next;

	with_tables(1);
	atomic_fetch_add(&there, 1);
	while ((next = atomic_load(&turn)) < TURNS) {
		if (next == last)
			continue;
		look(100 + next % 2);
		last = next;
		atomic_fetch_add(&seen, 1);
	}
	return unused;
}

static void run_looks(void *unused)
{
	(void)unused;
	sbi_run(looks, 0);
}

static long flush(unsigned how)
{
	long error = 0;

	atomic_store(&looked_at, PAGES);
	switch (how % 7) {
	case 0:
		return fence(1, all_others() | 1, 0, 0, 0, 0);
	case 1:
		return fence(1, 0, SBI_ALL, 0, SBI_ALL, 0);
	case 2:
		return fence(1, all_others() | 1, 0, VIRTUAL, PAGES * 4096, 0);
	case 3:
		for (unsigned i = 0; i < PAGES; i += 16)
			error |= fence(1, all_others() | 1, 0, VIRTUAL + 4096 * i + 8,
				       16 * 4096 - 16, 0);
		return error;
	case 4:
		return fence(2, all_others() | 1, 0, 0, SBI_ALL, 1);
	case 5: /* one page, at which alone they look then */
		atomic_store(&looked_at, 1);
		error = fence(2, all_others() >> 1, 1, VIRTUAL + 4095, 1, 1);
		return error | fence(2, 1, 0, VIRTUAL, 1, 1);
	default:
		return fence(2, 0, SBI_ALL, VIRTUAL - 4096, (PAGES + 2) * 4096, 1);
	}
}

static uint64_t changes(uint64_t unused)
{
	uint64_t end = now() + 10 * TIMEBASE;
	long errors = 0;

	with_tables(1);
	while (atomic_load(&there) < hart_count - 1 && now() < end)
		;
	for (unsigned i = 1; i < TURNS; i++) {
		for (unsigned page = 0; page < PAGES; page++)
			map(page, i % 2);
		errors |= flush(i);
		look(100 + i % 2);
		atomic_store(&seen, 0);
		atomic_store(&turn, i);
		while (atomic_load(&seen) < hart_count - 1)
			;
	}
	atomic_store(&turn, TURNS);
	ok(!errors, "fences in all their forms have no errors");
	is(atomic_load(&mistakes), 0,
	   "and whoever was fenced has the translation as it was changed");
	return unused;
}

static bool fences_between_harts(void)
{
	atomic_store(&there, 0);
	atomic_store(&turn, 0);
	for (unsigned i = 0; i < PAGES; i++)
		map(i, 0);
	for (unsigned i = 1; i < hart_count; i++)
		hart_start(i, run_looks, NULL);
	sbi_run(changes, 0);
	for (unsigned i = 1; i < hart_count; i++)
		hart_finish(i);
	return true;
}

/* --- All at each other -------------------------------------------------------------------------------- */

static atomic_uint storms, storming;

static uint64_t storm(uint64_t me)
{
	long errors = 0;

	atomic_fetch_add(&there, 1);
	while (atomic_load(&there) < hart_count)
		;
	for (unsigned i = 0; i < ROUNDS; i++) {
		errors |= fence(i % 3, BIT(hart_count) - 1, 0, 0x80000000, 4096 * (i % 32), 0);
		if (i % 8 == me)
			errors |= send_ipi(BIT(hart_count) - 1, 0);
		if (i % 16 == me)
			errors |= set_timer(now() + i);
		if (i % 32 == me) /* whatever its answer: others send messages, too */
			test(TEST_MESSAGE, 0);
	}
	atomic_fetch_add(&storms, 1);
	/* Here until all are done, so that nobody names one that has stopped. */
	while (atomic_load(&storms) < hart_count)
		;
	atomic_fetch_or(&storming, errors != 0);
	return 0;
}

static void run_storm(void *unused)
{
	(void)unused;
	sbi_run(storm, this_hart()->id);
}

static bool storm_of_all(void)
{
	atomic_store(&there, 0);
	return hart_run_all(run_storm, NULL) && !atomic_load(&storming);
}

/* --- The time CSR ---------------------------------------------------------------------------------------- */

#define READ_TIME(x)                                                                          \
	({                                                                                    \
		uint64_t value_;                                                              \
		__asm__ volatile("rdtime " #x "\n\tmv %0, " #x : "=r"(value_)::#x, "memory"); \
		value_;                                                                       \
	})

static uint64_t times(uint64_t unused)
{
	uint64_t last = now(), next, first = last;
	unsigned backwards = 0;

	for (unsigned i = 0; i < 10 * ROUNDS; i++) {
		next = now();
		backwards += next < last;
		last = next;
	}
	is(backwards, 0, "time: 2000 reads, never backwards");
	ok(READ_TIME(t0) >= first && READ_TIME(s2) >= first && READ_TIME(a7) >= first &&
		   READ_TIME(s11) >= first && READ_TIME(ra) >= first,
	   "time: into any register");
	__asm__ volatile("rdtime zero");
	return unused;
}

/* --- Misaligned loads and stores ---------------------------------------------------------------------- */

#define CODE  VIRTUAL
#define DATA  (VIRTUAL + 4096)
#define LR    0x1005a52fu /* lr.w a0, (a1) */
#define AMO   0x00c5a52fu /* amoadd.w a0, a2, (a1) */
#define RET   0x00008067u
#define LOAD  0x0005a503u /* lw a0, 0(a1); funct3 and rd vary */
#define STORE 0x00c5a023u /* sw a2, 0(a1) */

static _Alignas(4096) uint32_t codes[2][1024];
static _Alignas(4096) uint8_t data[2][4096];

void fault_vector(void);
uint64_t call_code(uint64_t code, uint64_t address, uint64_t value, uint64_t a0);
uint64_t fault_cause, fault_tval;

/* What faults, returns. */
__asm__(".text\n.balign 4\n.global fault_vector\nfault_vector:\n\t"
	"csrr t0, scause\n\tla t1, fault_cause\n\tsd t0, (t1)\n\t"
	"csrr t0, stval\n\tla t1, fault_tval\n\tsd t0, (t1)\n\t"
	"csrw sepc, ra\n\tsret\n"
	".global call_code\ncall_code: mv t0, a0\n\tmv a0, a3\n\tjr t0\n");

static void map_code(unsigned which)
{
	((volatile uint64_t *)tables[2])[0] = pte(codes[which], PTE_V | PTE_XA);
}

/* In a0: what was there before, `old`, or what was loaded. */
static uint64_t misaligned(uint32_t instruction, uint64_t address, uint64_t value, uint64_t old)
{
	bool store = (instruction & 0x7f) == (STORE & 0x7f);

	fault_cause = fault_tval = 0;
	codes[0][0] = store ? AMO : LR;
	codes[1][0] = instruction;
	codes[0][1] = codes[1][1] = RET;
	__asm__ volatile("fence.i" ::: "memory");
	map_code(0);
	__asm__ volatile("sfence.vma" ::: "memory");
	call_code(CODE, (uintptr_t)codes + 64, 0, 0);
	map_code(1);
	return call_code(CODE, address, value, old);
}

static uint64_t bytes_at(uint64_t address, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes; i++)
		value |= (uint64_t) * (volatile uint8_t *)(address + i) << 8 * i;
	return value;
}

static void a_load(const char *name, unsigned width, unsigned bytes, bool is_signed,
		   uint64_t address)
{
	uint64_t value = bytes_at(address, bytes);
	unsigned shift = 64 - 8 * bytes;

	if (is_signed)
		value = (uint64_t)((int64_t)(value << shift) >> shift);
	is(misaligned((LOAD & ~0x7000u) | width << 12, address, 0, 5), value,
	   "misaligned %s at %lu", name, address % 4096);
}

static void a_store(const char *name, unsigned width, uint64_t address)
{
	uint64_t value = 0x1122334455667788, before, after;
	unsigned bytes = 1u << width, rest = (64 - 8 * bytes) & 63;

	before = bytes_at(address - 1, 1) | bytes_at(address + bytes, 1) << 8;
	misaligned((STORE & ~0x7000u) | width << 12, address, value, 5);
	after = bytes_at(address - 1, 1) | bytes_at(address + bytes, 1) << 8;
	ok(bytes_at(address, bytes) == (value & UINT64_MAX >> rest) && before == after,
	   "misaligned %s at %lu", name, address % 4096);
}

static uint64_t misaligned_accesses(uint64_t unused)
{
	static const struct {
		const char *name;
		unsigned width, bytes;
		bool is_signed;
	} loads[] = {
		{ "lh", 1, 2, true },   { "lw", 2, 4, true },   { "ld", 3, 8, true },
		{ "lhu", 5, 2, false }, { "lwu", 6, 4, false },
	};

	for (unsigned i = 0; i < sizeof(data); i++)
		((uint8_t *)data)[i] = (uint8_t)(i * 7 + (i % 3 ? 0x80 : 0));
	csr_write(stvec, (uintptr_t)fault_vector);
	tables[2][1] = pte(data[0], PTE_V | PTE_RWAD);
	tables[2][2] = pte(data[1], PTE_V | PTE_RWAD);
	tables[2][3] = 0;
	with_tables(0);
	for (unsigned i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
		a_load(loads[i].name, loads[i].width, loads[i].bytes, loads[i].is_signed,
		       DATA + 31);
		a_load(loads[i].name, loads[i].width, loads[i].bytes, loads[i].is_signed,
		       DATA + 4096 - 1);
	}
	is(misaligned(LOAD & ~(31u << 7), DATA + 31, 0, 77), 77,
	   "misaligned lw to x0 changes nothing");
	a_store("sh", 1, DATA + 31);
	a_store("sw", 2, DATA + 31);
	a_store("sd", 3, DATA + 31);
	a_store("sd", 3, DATA + 4096 - 3);
	is(misaligned(LOAD | 1 << 12, DATA + 2 * 4096 - 3, 0, 77), 77,
	   "misaligned ld into nowhere changes nothing");
	is(fault_cause, CAUSE_LOAD_PAGE, "misaligned ld into nowhere is a load page fault");
	is(fault_tval, DATA + 2 * 4096, "at the byte that is not there");
	misaligned(STORE | 1 << 12, DATA + 2 * 4096 - 3, 0, 77);
	is(fault_cause, CAUSE_STORE_PAGE, "misaligned sd into nowhere is a store page fault");
	is(fault_tval, DATA + 2 * 4096, "at the byte that is not there");
	return unused;
}

static const struct check multi[] = {
	{ "messages between harts", messages_between_harts },
	{ "fences between harts", fences_between_harts },
	{ "all harts at each other, and all get on", storm_of_all },
};

void guest_main(void)
{
	sbi_on_test = in_machine_mode;
	make_tables();
	sbi_run(timer, 0);
	sbi_run(timer_interrupts, 0);
	sbi_run(firmwares_bits, 0);
	sbi_run(alone, 0);
	sbi_run(times, 0);
	sbi_run(misaligned_accesses, 0);
	CHECKS(multi, hart_count > 1 ? NULL : "machine: one hart");
}
