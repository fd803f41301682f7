/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Loads and stores of machine mode with mstatus.MPRV (privileged specification 3.1.6.3): through
 * the payload's Sv39 tables (4.4) and the payload's PMP (3.7), with SUM and MXR, as the mode in
 * MPP. A firmware reads its payload's memory so, and must get there neither more nor less than the
 * payload itself.
 */
#include "payload.h"
#include "tap.h"

#define BASE      UINT64_C(0x140000000) /* virtual; one page after another */
#define PAGE      4096u
#define SV39      (UINT64_C(8) << 60)
#define UNTOUCHED UINT64_C(0x5555aaaa3333cccc)

#define PTE_V 0x01u
#define PTE_R 0x02u
#define PTE_W 0x04u
#define PTE_X 0x08u
#define PTE_U 0x10u
#define PTE_A 0x40u
#define PTE_D 0x80u

/* Pages of the virtual range, all of the same memory but the last ones. */
enum { S_RW, S_R, S_X, U_RW, U_R, U_X, INVALID, DENIED, RESERVED, NEXT_A, NEXT_B, PAGES };

static _Alignas(4096) uint64_t root[512], middle[512], leaves[512];
static _Alignas(4096) uint8_t memory[PAGE], denied[PAGE], other[PAGE];

static uint64_t pte(const void *to, unsigned bits)
{
	return (uintptr_t)to >> 12 << 10 | bits;
}

static uint64_t page(unsigned n)
{
	return BASE + n * PAGE;
}

static void map(void)
{
	const unsigned ad = PTE_V | PTE_A | PTE_D;

	root[BASE >> 30] = pte(middle, PTE_V);
	middle[0] = pte(leaves, PTE_V);
	root[2] = UINT64_C(0x80000000) >> 12 << 10 | ad | PTE_R | PTE_W |
		  PTE_X; /* where all this is */
	leaves[S_RW] = pte(memory, ad | PTE_R | PTE_W);
	leaves[S_R] = pte(memory, ad | PTE_R);
	leaves[S_X] = pte(memory, ad | PTE_X);
	leaves[U_RW] = pte(memory, ad | PTE_U | PTE_R | PTE_W);
	leaves[U_R] = pte(memory, ad | PTE_U | PTE_R);
	leaves[U_X] = pte(memory, ad | PTE_U | PTE_X);
	leaves[INVALID] = 0;
	leaves[DENIED] = pte(denied, ad | PTE_R | PTE_W);
	leaves[RESERVED] = pte(memory, ad | PTE_W); /* W without R */
	leaves[NEXT_A] = pte(memory, ad | PTE_R | PTE_W);
	leaves[NEXT_B] = pte(other, ad | PTE_R | PTE_W);
}

static void translate(bool on)
{
	csr_write(satp, on ? SV39 | (uintptr_t)root >> 12 : 0);
	__asm__ volatile("sfence.vma" ::: "memory");
}

/* --- One access ------------------------------------------------------------------------------- */

/*
 * Runs csrs mstatus, a2; the instruction; csrc mstatus, a2: nothing else may touch memory
 * meanwhile. A trap skips the instruction; the handler's mret then leaves MPP = U, which changes
 * nothing here.
 */
static _Alignas(8) uint32_t sequence[4] = { 0x30062073, 0, 0x30063073, 0x00008067 };

struct access {
	uint64_t a0;    /* after it */
	uint64_t cause; /* 0: none */
	uint64_t tval;
};

static uint64_t run_sequence(uint64_t value, uint64_t address)
{
	register uint64_t a0 __asm__("a0") = value;
	register uint64_t a1 __asm__("a1") = address;
	register uint64_t a2 __asm__("a2") = MSTATUS_MPRV;

	__asm__ volatile("fence.i\n\tjalr ra, %3"
			 : "+r"(a0), "+r"(a1)
			 : "r"(a2), "r"(sequence)
			 : "ra", "memory");
	return a0;
}

static struct access run(uint32_t instruction, unsigned mode, uint64_t status, uint64_t address,
			 uint64_t value)
{
	struct hart *me = this_hart();
	uint64_t saved = csr_read(mstatus);
	unsigned count;

	sequence[1] = instruction;
	traps_expect();
	csr_write(mstatus, (saved & ~(MSTATUS_MPP | MSTATUS_SUM | MSTATUS_MXR)) | status |
				   (uint64_t)mode << MSTATUS_MPP_SHIFT);
	value = run_sequence(value, address);
	csr_write(mstatus, saved);
	count = traps_end();
	if (count > 1 || (count && me->trap.pc != (uintptr_t)&sequence[1]))
		return (struct access){ value, UINT64_MAX, 0 };
	return (struct access){ value, count ? me->trap.cause : 0, me->trap.tval };
}

/* --- Widths ----------------------------------------------------------------------------------- */

struct width {
	const char *name;
	uint32_t instruction; /* a0, offset(a1) */
	unsigned bytes;       /* 0: a store */
	bool sign;
	int offset;
	bool store;
};

static const struct width widths[] = {
	{ "lb", 0x00058503, 1, true, 0, false },
	{ "lbu", 0x0005c503, 1, false, 0, false },
	{ "lh", 0x00059503, 2, true, 0, false },
	{ "lhu", 0x0005d503, 2, false, 0, false },
	{ "lw", 0x0005a503, 4, true, 0, false },
	{ "lwu", 0x0005e503, 4, false, 0, false },
	{ "ld", 0x0005b503, 8, false, 0, false },
	{ "c.lw", 0x00014188, 4, true, 0, false },
	{ "c.ld", 0x00016188, 8, false, 0, false },
	{ "c.lw at 4", 0x000141c8, 4, true, 4, false },
	{ "c.ld at 8", 0x00016588, 8, false, 8, false },
	{ "ld at -8", 0xff85b503, 8, false, -8, false },
	{ "lb at 2040", 0x7f858503, 1, true, 2040, false },
	{ "lw at -2048", 0x8005a503, 4, true, -2048, false },
	{ "sb", 0x00a58023, 1, false, 0, true },
	{ "sh", 0x00a59023, 2, false, 0, true },
	{ "sw", 0x00a5a023, 4, false, 0, true },
	{ "sd", 0x00a5b023, 8, false, 0, true },
	{ "c.sw", 0x0001c188, 4, false, 0, true },
	{ "c.sd", 0x0001e188, 8, false, 0, true },
	{ "c.sw at 4", 0x0001c1c8, 4, false, 4, true },
	{ "c.sd at 8", 0x0001e588, 8, false, 8, true },
	{ "sd at -8", 0xfea5bc23, 8, false, -8, true },
};

#define WIDTHS  (sizeof(widths) / sizeof(widths[0]))
#define AT      0x800u
#define PATTERN UINT64_C(0x91a2b3c4d5e6f788)

static void fill(uint8_t *bytes, uint64_t value)
{
	for (unsigned i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(value >> 8 * i);
}

static uint64_t gather(const uint8_t *bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < 8; i++)
		value |= (uint64_t)bytes[i] << 8 * i;
	return value;
}

static uint64_t wanted_load(const struct width *width)
{
	unsigned shift = 64 - 8 * width->bytes;
	uint64_t up = PATTERN << shift;

	return width->sign ? (uint64_t)((int64_t)up >> shift) : up >> shift;
}

static void clear_memory(void)
{
	for (unsigned i = 0; i < PAGE; i++)
		memory[i] = 0;
}

static void each_width(const char *how, uint64_t address, unsigned mode, uint64_t status)
{
	for (unsigned i = 0; i < WIDTHS; i++) {
		const struct width *width = &widths[i];
		uint8_t *bytes = &memory[(int)AT + width->offset];
		uint64_t mask = width->bytes == 8 ? UINT64_MAX : BIT(8 * width->bytes) - 1;
		struct access got;

		clear_memory();
		if (!width->store)
			fill(bytes, PATTERN);
		got = run(width->instruction, mode, status, address + AT,
			  width->store ? PATTERN : UNTOUCHED);
		is(got.cause, 0, "%s: %s: no trap", how, width->name);
		if (width->store)
			is(gather(bytes), PATTERN & mask, "%s: %s: what is in memory", how,
			   width->name);
		else
			is(got.a0, wanted_load(width), "%s: %s: the register", how, width->name);
	}
}

/* --- Permissions ------------------------------------------------------------------------------ */

#define LD 0x0005b503u
#define SD 0x00a5b023u

struct rule {
	const char *name;
	unsigned page;
	unsigned mode;
	uint64_t status;
	uint64_t load; /* cause, 0: none */
	uint64_t store;
};

static const struct rule rules[] = {
	{ "S page RW, as S", S_RW, MODE_S, 0, 0, 0 },
	{ "S page RW, as U", S_RW, MODE_U, 0, CAUSE_LOAD_PAGE, CAUSE_STORE_PAGE },
	{ "S page RW, as U, SUM", S_RW, MODE_U, MSTATUS_SUM, CAUSE_LOAD_PAGE, CAUSE_STORE_PAGE },
	{ "S page R, as S", S_R, MODE_S, 0, 0, CAUSE_STORE_PAGE },
	{ "S page X, as S", S_X, MODE_S, 0, CAUSE_LOAD_PAGE, CAUSE_STORE_PAGE },
	{ "S page X, as S, MXR", S_X, MODE_S, MSTATUS_MXR, 0, CAUSE_STORE_PAGE },
	{ "S page X, as U, MXR", S_X, MODE_U, MSTATUS_MXR, CAUSE_LOAD_PAGE, CAUSE_STORE_PAGE },
	{ "U page RW, as U", U_RW, MODE_U, 0, 0, 0 },
	{ "U page RW, as S", U_RW, MODE_S, 0, CAUSE_LOAD_PAGE, CAUSE_STORE_PAGE },
	{ "U page RW, as S, SUM", U_RW, MODE_S, MSTATUS_SUM, 0, 0 },
	{ "U page R, as U", U_R, MODE_U, 0, 0, CAUSE_STORE_PAGE },
	{ "U page X, as U", U_X, MODE_U, 0, CAUSE_LOAD_PAGE, CAUSE_STORE_PAGE },
	{ "U page X, as U, MXR", U_X, MODE_U, MSTATUS_MXR, 0, CAUSE_STORE_PAGE },
	{ "U page X, as S, MXR", U_X, MODE_S, MSTATUS_MXR, CAUSE_LOAD_PAGE, CAUSE_STORE_PAGE },
	{ "U page X, as S, SUM and MXR", U_X, MODE_S, MSTATUS_SUM | MSTATUS_MXR, 0,
	  CAUSE_STORE_PAGE },
	{ "no page, as S", INVALID, MODE_S, 0, CAUSE_LOAD_PAGE, CAUSE_STORE_PAGE },
	{ "a reserved page, as S", RESERVED, MODE_S, 0, CAUSE_LOAD_PAGE, CAUSE_STORE_PAGE },
	{ "a page of denied memory, as S", DENIED, MODE_S, 0, CAUSE_LOAD_ACCESS,
	  CAUSE_STORE_ACCESS },
};

static void one_way(const struct rule *rule, bool store)
{
	const char *what = store ? "store" : "load";
	uint64_t cause = store ? rule->store : rule->load;
	uint64_t at = page(rule->page) + AT;
	struct access got;

	clear_memory();
	fill(&memory[AT], PATTERN);
	fill(&denied[AT], PATTERN);
	got = run(store ? SD : LD, rule->mode, rule->status, at, UNTOUCHED);
	is(got.cause, cause, "%s: %s: cause", rule->name, what);
	ok(!cause || got.tval == at, "%s: %s: mtval is the address", rule->name, what);
	if (store)
		is(gather(rule->page == DENIED ? &denied[AT] : &memory[AT]),
		   cause ? PATTERN : UNTOUCHED, "%s: store: memory", rule->name);
	else
		is(got.a0, cause ? UNTOUCHED : PATTERN, "%s: load: the register", rule->name);
}

static void permissions(void)
{
	for (unsigned i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		one_way(&rules[i], false);
		one_way(&rules[i], true);
	}
}

/* The payload itself, in S mode, gets there just as far as machine mode in its name. */
static uint64_t own_load(uint64_t at)
{
	uint64_t value = UNTOUCHED;

	__asm__ volatile("ld %0, (%1)" : "+r"(value) : "r"(at) : "memory");
	return value;
}

static uint64_t own_store(uint64_t at)
{
	__asm__ volatile("sd zero, (%0)" ::"r"(at) : "memory");
	return 0;
}

static void payload_itself(const struct rule *rule, bool store)
{
	uint64_t saved = csr_read(mstatus), cause = store ? rule->store : rule->load;
	uint64_t at = page(rule->page) + AT;
	struct payload payload;

	payload_init(&payload, MODE_S, store ? own_store : own_load, at);
	csr_write(mstatus, (saved & ~(MSTATUS_SUM | MSTATUS_MXR)) | rule->status);
	payload_run(&payload);
	csr_write(mstatus, saved);
	is(payload.cause, cause ? cause : CAUSE_ECALL_S, "%s, the payload itself: %s", rule->name,
	   store ? "store" : "load");
	ok(!cause || payload.tval == at, "%s, the payload itself: %s: mtval", rule->name,
	   store ? "store" : "load");
}

static void payload_alike(void)
{
	for (unsigned i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i].mode == MODE_S) {
			payload_itself(&rules[i], false);
			payload_itself(&rules[i], true);
		}
}

/* An address that is not canonical; a store and a load of the same page one after the other. */
static void odd_addresses(void)
{
	const uint64_t far = UINT64_C(0x4000000000) + BASE;
	struct access got = run(LD, MODE_S, 0, far, UNTOUCHED);

	is(got.cause, CAUSE_LOAD_PAGE, "not canonical: load: cause");
	is(got.tval, far, "not canonical: load: mtval");
	got = run(SD, MODE_S, 0, far, UNTOUCHED);
	is(got.cause, CAUSE_STORE_PAGE, "not canonical: store: cause");
	is(got.tval, far, "not canonical: store: mtval");
	fill(&memory[PAGE - 8], PATTERN);
	fill(other, ~PATTERN);
	got = run(LD, MODE_S, 0, page(NEXT_A) + PAGE - 4, UNTOUCHED);
	ok(got.cause ? got.cause == CAUSE_LOAD_MISALIGNED && got.tval == page(NEXT_A) + PAGE - 4
		     : got.a0 == (PATTERN >> 32 | ~PATTERN << 32),
	   "over the end of a page: the value, or misaligned");
	got = run(LD, MODE_S, 0, page(U_X) + PAGE - 4, UNTOUCHED);
	ok(got.cause == CAUSE_LOAD_PAGE || got.cause == CAUSE_LOAD_MISALIGNED,
	   "over the end of a page without permission: a fault");
	is(got.a0, UNTOUCHED, "over the end of a page without permission: the register");
}

/* --- Registers -------------------------------------------------------------------------------- */

static void registers(void)
{
	uint64_t at = page(S_RW) + AT;

	fill(&memory[AT], PATTERN);
	is(run(0x0005b003, MODE_S, 0, at, UNTOUCHED).a0, UNTOUCHED, "ld to x0 changes nothing");
	is(run(0x0005b003, MODE_S, 0, page(INVALID), UNTOUCHED).cause, CAUSE_LOAD_PAGE,
	   "ld to x0 faults, too");
	is(run(0x0005b583, MODE_S, 0, at, UNTOUCHED).cause, 0, "ld with rd = rs1");
	fill(&memory[AT], UINT64_MAX);
	is(run(0x0005b023, MODE_S, 0, at, UNTOUCHED).cause, 0, "sd of x0: no trap");
	is(gather(&memory[AT]), 0, "sd of x0 stores 0");
}

/* --- Atomics ---------------------------------------------------------------------------------- */

static void atomics(void)
{
	uint64_t at = page(S_RW) + AT;
	struct access got;

	fill(&memory[AT], PATTERN);
	got = run(0x00a5b52f, MODE_S, 0, at, 8); /* amoadd.d a0, a0, (a1) */
	is(got.cause, 0, "amoadd.d: no trap");
	is(got.a0, PATTERN, "amoadd.d: the register");
	is(gather(&memory[AT]), PATTERN + 8, "amoadd.d: memory");
	got = run(0x08a5a52f, MODE_S, 0, at, 1); /* amoswap.w */
	is(got.a0, (uint64_t)(int64_t)(int32_t)(PATTERN + 8),
	   "amoswap.w: the register has the sign");
	got = run(0x00a5b52f, MODE_S, 0, page(S_R) + AT, UNTOUCHED);
	is(got.cause, CAUSE_STORE_PAGE, "amoadd.d of a page R: a store's fault");
	is(got.a0, UNTOUCHED, "amoadd.d of a page R: the register");
}

/* --- Without translation ---------------------------------------------------------------------- */

static void physical(unsigned mode)
{
	const char *what = mode == MODE_S ? "S" : mode == MODE_U ? "U" : "M";
	uint64_t cause;
	struct access got;

	fill(&memory[AT], PATTERN);
	got = run(LD, mode, 0, (uintptr_t)&memory[AT], UNTOUCHED);
	is(got.cause, 0, "bare, as %s: no trap", what);
	is(got.a0, PATTERN, "bare, as %s: the value", what);
	fill(&denied[AT], PATTERN);
	cause = mode == MODE_M ? 0 : CAUSE_LOAD_ACCESS;
	got = run(LD, mode, 0, (uintptr_t)&denied[AT], UNTOUCHED);
	is(got.cause, cause, "bare, as %s: what PMP denies the payload: load", what);
	is(got.a0, mode == MODE_M ? PATTERN : UNTOUCHED,
	   "bare, as %s: what PMP denies: the register", what);
	ok(!cause || got.tval == (uintptr_t)&denied[AT], "bare, as %s: what PMP denies: mtval",
	   what);
	cause = mode == MODE_M ? 0 : CAUSE_STORE_ACCESS;
	got = run(SD, mode, 0, (uintptr_t)&denied[AT], UNTOUCHED);
	is(got.cause, cause, "bare, as %s: what PMP denies the payload: store", what);
	is(gather(&denied[AT]), mode == MODE_M ? UNTOUCHED : PATTERN,
	   "bare, as %s: what PMP denies: memory", what);
}

/* The tables themselves in memory that PMP denies the payload. */
static void denied_tables(void)
{
	struct access got;

	pmp_set(0, PMP_NAPOT, pmp_napot((uintptr_t)leaves, PAGE));
	got = run(LD, MODE_S, 0, page(S_RW) + AT, UNTOUCHED);
	is(got.cause, CAUSE_LOAD_ACCESS, "tables in denied memory: load: an access fault");
	is(got.tval, page(S_RW) + AT, "tables in denied memory: load: mtval");
	got = run(SD, MODE_S, 0, page(S_RW) + AT, UNTOUCHED);
	is(got.cause, CAUSE_STORE_ACCESS, "tables in denied memory: store: an access fault");
	pmp_set(0, PMP_NAPOT, pmp_napot((uintptr_t)denied, PAGE));
}

/* MPP = M: as if MPRV were 0, with translation on. */
static void as_machine(void)
{
	struct access got;

	fill(&memory[AT], PATTERN);
	got = run(LD, MODE_M, 0, (uintptr_t)&memory[AT], UNTOUCHED);
	is(got.a0, PATTERN, "translation on, as M: physical");
	got = run(LD, MODE_M, 0, UNMAPPED, UNTOUCHED);
	is(got.cause, CAUSE_LOAD_ACCESS, "translation on, as M: nothing there");
}

/* A device through the payload's view. */
static void device(void)
{
	struct access got = run(0x0005c503, MODE_S, 0, UART_BASE + UART_LSR, UNTOUCHED); /* lbu */

	is(got.cause, 0, "a device register, as S: no trap");
	ok(got.a0 & UART_LSR_THRE, "a device register, as S: its value");
}

/*
 * Before 1.12, mret leaves MPRV set, and with it the handler of the payload's next trap begins: its first load is
 * the payload's. From 1.12 on MPRV is clear there, and nothing is at that address. Returns what was loaded.
 */
static uint64_t handlers_first_load(uint64_t address)
{
	register uint64_t a0 __asm__("a0") = UNTOUCHED;
	register uint64_t a1 __asm__("a1") = address;

	__asm__ volatile("csrr t1, mtvec\n\tcsrr t2, mstatus\n\t"
			 "la t0, 2f\n\tcsrw mtvec, t0\n\tla t0, 1f\n\tcsrw mepc, t0\n\t"
			 "li t0, 3 << 11\n\tcsrc mstatus, t0\n\t"
			 "li t0, 1 << 11 | 1 << 17\n\tcsrs mstatus, t0\n\tmret\n\t"
			 ".balign 4\n"
			 "1:\tecall\n\t"
			 ".balign 4\n"
			 "2:\tla t0, 3f\n\tcsrw mtvec, t0\n\tld a0, (a1)\n\t"
			 ".balign 4\n"
			 "3:\tli t0, 1 << 17\n\tcsrc mstatus, t0\n\t"
			 "csrw mtvec, t1\n\tcsrw mstatus, t2"
			 : "+r"(a0)
			 : "r"(a1)
			 : "t0", "t1", "t2", "memory");
	return a0;
}

static void over_a_trap(void)
{
	uint64_t menvcfg, wanted = UNTOUCHED;

	*(uint64_t *)memory = UINT64_C(0x1122334455667788);
	if (!csr_try_read(CSR_MENVCFG, &menvcfg))
		wanted = *(uint64_t *)memory;
	is(handlers_first_load(page(S_RW)), wanted,
	   "MPRV set over mret and a trap: the handler's first load");
}

void guest_main(void)
{
	pmp_set(0, PMP_NAPOT, pmp_napot((uintptr_t)denied, PAGE));
	pmp_set(1, PMP_NAPOT | PMP_R | PMP_W | PMP_X, UINT64_MAX >> 10);
	physical(MODE_S);
	physical(MODE_U);
	physical(MODE_M);
	device();
	map();
	translate(true);
	each_width("as S", page(S_RW), MODE_S, 0);
	each_width("as U", page(U_RW), MODE_U, 0);
	each_width("as S, SUM", page(U_RW), MODE_S, MSTATUS_SUM);
	permissions();
	payload_alike();
	odd_addresses();
	registers();
	atomics();
	as_machine();
	denied_tables();
	over_a_trap();
	translate(false);
	pmp_reset();
}
