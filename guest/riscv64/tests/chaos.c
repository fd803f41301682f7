/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Random things, from a few fixed seeds, on all harts at once: CSR instructions with junk, loads and stores
 * anywhere, PMP, random instructions in M, S and U (and VS, VU) with random state around them, messages, timers in
 * the past. What each of them does is other tests' business. Here all must come to the end, with what
 * harts keep for themselves intact. Only then is a hart sacrificed to random locked PMP entries.
 *
 * A random piece of code runs in memory of its own, with registers that point nowhere near this image, until
 * it traps or a timer ends it; the vector needs no register and puts back what C needs.
 */
#include "payload.h"
#include "tap.h"
#include "tree.h"

#define SEEDS      4
#define ROUND_US   1000000u
#define WORKPLACE  UINT64_C(0x82000000) /* 2 MiB for each hart: data, then code */
#define PLACE_SIZE UINT64_C(0x200000)
#define CODE_AT    UINT64_C(0x100000) /* no direct jump leaves the place */
#define CODE_WORDS 16u
#define CANARIES   64u

/* In .data, so that they can be changed in the file. */
volatile uint64_t chaos_seeds[SEEDS] __attribute__((section(".data"))) = { 1, 20, 300, 4000 };
volatile uint64_t chaos_round_us __attribute__((section(".data"))) = ROUND_US;

/* What C keeps over chaos_run(): ra, sp, tp, gp, s0 to s11. */
extern uint64_t chaos_kept[MAX_HARTS][16];
uint64_t chaos_kept[MAX_HARTS][16];

/* With mepc, mstatus and mie set: loads the registers, sets x30's bits in mstatus (MPRV), mret; returns mcause when that is over. */
uint64_t chaos_run(const uint64_t registers[32]);

__asm__(".macro chaos_kept_registers what\n\t"
	"\\what ra, 0(t1)\n\t\\what sp, 8(t1)\n\t\\what tp, 16(t1)\n\t\\what gp, 24(t1)\n\t"
	"\\what s0, 32(t1)\n\t\\what s1, 40(t1)\n\t\\what s2, 48(t1)\n\t\\what s3, 56(t1)\n\t"
	"\\what s4, 64(t1)\n\t\\what s5, 72(t1)\n\t\\what s6, 80(t1)\n\t\\what s7, 88(t1)\n\t"
	"\\what s8, 96(t1)\n\t\\what s9, 104(t1)\n\t\\what s10, 112(t1)\n\t\\what s11, 120(t1)\n\t"
	".endm\n\t"
	".macro chaos_kept_at\n\t"
	"csrr t0, mhartid\n\tslli t0, t0, 7\n\tla t1, chaos_kept\n\tadd t1, t1, t0\n\t"
	".endm\n\t"
	".text\n\t.balign 4\n"
	"chaos_run:\n\t"
	"chaos_kept_at\n\tchaos_kept_registers sd\n\t"
	"la t0, chaos_vector\n\tcsrw mtvec, t0\n\t"
	"mv x31, a0\n\t"
	".irp r, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n\t"
	"ld x\\r, 8*\\r(x31)\n\t"
	".endr\n\t"
	"csrs mstatus, x30\n\tmret\n\t"
	".balign 4\n"
	"chaos_vector:\n\t"
	"li t0, 1 << 17\n\tcsrc mstatus, t0\n\t"
	"chaos_kept_at\n\tchaos_kept_registers ld\n\t"
	"la t0, trap_entry\n\tcsrw mtvec, t0\n\tcsrw mscratch, tp\n\t"
	"csrr a0, mcause\n\tret\n\t"
	/* A hart that is given up: whatever traps is skipped, by a step that needs no memory. */
	".balign 4\n"
	"chaos_skip:\n\t"
	"csrr t0, mepc\n\taddi t0, t0, 4\n\tcsrw mepc, t0\n\tmret\n");

extern const char trap_entry[], chaos_skip[];

/* --- Chance ----------------------------------------------------------------------------------------- */

struct chance {
	uint64_t state;
};

static uint64_t draw(struct chance *chance)
{
	chance->state ^= chance->state >> 12;
	chance->state ^= chance->state << 25;
	chance->state ^= chance->state >> 27;
	return chance->state * UINT64_C(2685821657736338717);
}

static unsigned below(struct chance *chance, unsigned limit)
{
	return (unsigned)((draw(chance) >> 32) * limit >> 32);
}

static uint64_t place_of(unsigned hart)
{
	return WORKPLACE + hart * PLACE_SIZE;
}

/* Where nothing of this image is, nor the UART or what ends the run. */
static uint64_t junk(struct chance *chance)
{
	uint64_t any = draw(chance);

	switch (below(chance, 10)) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX;
	case 2:
		return UNMAPPED + (any & 0xfff);
	case 3:
		return tree.monitor_size ? tree.monitor_base + any % tree.monitor_size : UNMAPPED;
	case 4:
		return any & 1 ? BIT(32 + (any >> 1 & 31)) : BIT(any >> 1 & 15);
	case 5:
		return any | BIT(62);
	case 6:
		return any & 0xff;
	case 7:
		return place_of(this_hart()->id) + CODE_AT + (any & 0x3f);
	default:
		return place_of(this_hart()->id) + 0x8000 + (any & 0x7fff8);
	}
}

/* --- One instruction of machine mode's own --------------------------------------------------------------- */

/* As in hostile.c: mtvec, mstatus, mie and mscratch are put back before anything else runs. */
static void guarded(uint32_t instruction, uint64_t operand)
{
	struct hart *me = this_hart();
	me->code[0] = instruction;
	me->code[1] = 0x00030067; /* jr t1 */

	register uint64_t a0 __asm__("a0") = 0;
	register uint64_t a1 __asm__("a1") = operand;
	register uint64_t code __asm__("t0") = (uintptr_t)me->code;

	__asm__ volatile("fence.i\n\t"
			 "csrrw t3, mie, zero\n\t"
			 "csrr t4, mstatus\n\t"
			 "la t1, 2f\n\t"
			 "csrrw t5, mtvec, t1\n\t"
			 "la t1, 1f\n\t"
			 "jr t0\n\t"
			 ".balign 4\n"
			 "1:\n\t"
			 ".balign 4\n"
			 "2: csrw mstatus, t4\n\t"
			 "csrw mtvec, t5\n\t"
			 "csrw mie, t3\n\t"
			 "csrw mscratch, tp"
			 : "+r"(a0), "+r"(a1)
			 : "r"(code)
			 : "t1", "t2", "t3", "t4", "t5", "memory");
}

/* Those that would stop the bare machine, as in hostile.c, and PMP's, which have a part of their own. */
static bool left_out(unsigned number)
{
	return number == CSR_MSECCFG || number == 0x757 || (number >= 0x7a0 && number <= 0x7af) ||
	       (number >= 0x740 && number <= 0x744) ||
	       (number >= CSR_PMPCFG0 && number < CSR_PMPADDR0 + 64);
}

static void csr_junk(struct chance *chance)
{
	static const uint16_t likely[] = { CSR_MSTATUS,  CSR_MIE,        CSR_MIP,     CSR_MIDELEG,
					   CSR_MEDELEG,  CSR_SATP,       CSR_MTVEC,   CSR_MEPC,
					   CSR_MSCRATCH, CSR_SSTATUS,    CSR_SIE,     CSR_SIP,
					   CSR_STVEC,    CSR_MCOUNTEREN, CSR_MENVCFG, CSR_SENVCFG,
					   CSR_HSTATUS,  CSR_HVIP,       CSR_HIDELEG, CSR_HEDELEG,
					   CSR_VSATP,    CSR_HGATP,      CSR_STIMECMP };
	unsigned number = below(chance, 2) ? likely[below(chance, sizeof(likely) / 2)]
					   : below(chance, 4096);
	unsigned operation = 1 + below(chance, 7);

	if (left_out(number) || operation == 4)
		return;
	guarded(csr_instruction(operation, number, REG_A0,
				operation < 4 ? REG_A1 : below(chance, 32)),
		junk(chance));
}

/* Loads, stores, atomic operations of every width on (a1). */
static const uint32_t accesses[] = { 0x00058503, 0x00059503, 0x0005a503, 0x0005b503, 0x0005c503,
				     0x0005d503, 0x0005e503, 0x00a58023, 0x00a59023, 0x00a5a023,
				     0x00a5b023, 0x00a5a52f, 0x00a5b52f, 0x1005b52f, 0x18a5b52f,
				     0x0005a507, 0x0005b507, 0x00a5b027, 0x4188,     0x6188,
				     0xc188,     0xe188,     0x6c05c573, 0x6ea5c073, 0x0005a00f };
#define ACCESSES (sizeof(accesses) / sizeof(accesses[0]))

/* Not mtime itself: the machine may let it be written, and then nobody knows how late it is. */
static uint64_t some_address(struct chance *chance)
{
	if (below(chance, 2))
		return CLINT_BASE +
		       below(chance, below(chance, 2) ? CLINT_MTIMECMP + 128 : CLINT_MTIME - 16);
	return junk(chance);
}

static void access_junk(struct chance *chance)
{
	traps_expect();
	execute(accesses[below(chance, ACCESSES)], draw(chance), some_address(chance));
	traps_end();
}

/* csrs mstatus, a2; the access; csrc mstatus, a2; ret. In the hart's own memory. */
static void run_with_mprv(const uint32_t *code, uint64_t value, uint64_t address)
{
	register uint64_t a0 __asm__("a0") = value;
	register uint64_t a1 __asm__("a1") = address;
	register uint64_t a2 __asm__("a2") = MSTATUS_MPRV;

	__asm__ volatile("fence.i\n\tjalr ra, %3"
			 : "+r"(a0), "+r"(a1), "+r"(a2)
			 : "r"(code)
			 : "ra", "memory");
}

static void mprv_junk(struct chance *chance)
{
	uint32_t *code = (uint32_t *)(place_of(this_hart()->id) + CODE_AT + 0x1000);
	uint64_t value = draw(chance), address = some_address(chance);

	code[0] = 0x30062073;
	code[1] = accesses[below(chance, ACCESSES)];
	if ((code[1] & 3) != 3)
		code[1] |= 0x00010000; /* c.nop */
	code[2] = 0x30063073;
	code[3] = 0x00008067;
	csr_clear(mstatus, MSTATUS_MPP);
	csr_set(mstatus, (uint64_t)below(chance, 4) << MSTATUS_MPP_SHIFT);
	traps_expect();
	run_with_mprv(code, value, address);
	traps_end();
}

/* --- A piece of code --------------------------------------------------------------------------------- */

static uint32_t some_instruction(struct chance *chance)
{
	/* Major opcodes; SYSTEM without those that write CSRs or return. */
	static const uint8_t opcodes[] = { 0x03, 0x07, 0x0f, 0x13, 0x17, 0x1b, 0x23, 0x27, 0x2f,
					   0x33, 0x37, 0x3b, 0x53, 0x57, 0x63, 0x67, 0x6f, 0x73 };
	uint32_t word = (uint32_t)(draw(chance) >> 32);

	switch (below(chance, 4)) {
	case 0:
		word |= 3;
		break;
	case 1:
		word = (word & ~0x7fu) | opcodes[below(chance, sizeof(opcodes))];
		break;
	case 2:
		return accesses[below(chance, ACCESSES)] | (word & 1 ? 0 : (word >> 15 & 31) << 15);
	default:
		if ((word & 3) == 3)
			word &= ~1u;
		return word;
	}
	/* csrrw and its like on machine mode's state, mret, sret, wfi with nothing to end it: not here. */
	if ((word & 0x7f) == 0x73 && (word >> 12 & 3) && word >> 28 != 0xc)
		word &= ~0x3000u;
	if (word == 0x30200073 || word == 0x10200073)
		word = 0x00000073;
	return word;
}

static void write_code(struct chance *chance, uint64_t at)
{
	uint16_t *to = (uint16_t *)at;

	for (unsigned i = 0; i < 2 * CODE_WORDS; i++) {
		uint32_t word = some_instruction(chance);

		to[i] = (uint16_t)word;
		if ((word & 3) == 3)
			to[++i] = (uint16_t)(word >> 16);
	}
	for (unsigned i = 0; i < 8; i++)
		to[2 * CODE_WORDS + 1 + i] = 0;
	__asm__ volatile("fence.i" ::: "memory");
}

/*
 * S, U and MPRV never reach this image or the devices that show its output or end the run; but for that
 * PMP is random, with all the rest of memory open behind it, or not.
 */
static void some_pmp(struct chance *chance)
{
	uint64_t config = 0;

	csr_write(pmpcfg0, 0);
	csr_write(pmpaddr0, pmp_napot(0x80000000, 0x200000));
	csr_write(pmpaddr1, pmp_napot(0, 0x200000));
	csr_write(pmpaddr2, pmp_napot(0x10000000, 0x10000000));
	csr_write(pmpaddr3, below(chance, 2) ? junk(chance) >> 2 : draw(chance));
	csr_write(pmpaddr4, junk(chance) >> 2);
	csr_write(pmpaddr5, pmp_napot(place_of(this_hart()->id), PLACE_SIZE));
	csr_write(pmpaddr6, junk(chance) >> below(chance, 64));
	csr_write(pmpaddr7, UINT64_MAX >> 10);
	for (unsigned i = 3; i < 8; i++)
		config |= (draw(chance) & 0x1f) << 8 * i;
	config |= (uint64_t)PMP_NAPOT << 40;
	if (below(chance, 4))
		config |= (uint64_t)(PMP_NAPOT | PMP_R | PMP_W | PMP_X) << 56 |
			  (uint64_t)(PMP_R | PMP_W | PMP_X) << 40;
	/* As all that matters here is in front, nothing behind can open it. */
	csr_write(pmpcfg0, config | 0x181818);
	__asm__ volatile("sfence.vma" ::: "memory");
}

#define SV39 (UINT64_C(8) << 60)

/* Its own gigabyte mapped where it is, sometimes for U; the rest random. */
static uint64_t some_satp(struct chance *chance)
{
	uint64_t *root = (uint64_t *)(place_of(this_hart()->id) + 0x1000);

	if (below(chance, 3) == 0)
		return 0;
	if (below(chance, 8) == 0)
		return junk(chance);
	for (unsigned i = 0; i < 32; i++)
		root[below(chance, 512)] = (junk(chance) >> 12 << 10) | (draw(chance) & 0x3ff) |
					   (draw(chance) & 1);
	root[2] = UINT64_C(0x80000000) >> 12 << 10 | 0xcf | (uint64_t)below(chance, 2) << 4;
	return SV39 | (uintptr_t)root >> 12;
}

static uint64_t some_status(struct chance *chance, unsigned mode)
{
	uint64_t allowed = MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP | MSTATUS_FS | BIT(9) |
			   BIT(10) | MSTATUS_SUM | MSTATUS_MXR | MSTATUS_TVM | MSTATUS_TW |
			   MSTATUS_TSR | BIT(39);

	/* About a quarter of them. */
	allowed &= draw(chance);
	allowed &= draw(chance);
	return allowed | BIT(7) | (uint64_t)mode << MSTATUS_MPP_SHIFT | UINT64_C(2) << 32 |
	       UINT64_C(2) << 34;
}

static void piece_of_code(struct chance *chance)
{
	static const uint8_t modes[] = { MODE_M, MODE_M, MODE_S, MODE_S, MODE_U };
	unsigned mode = modes[below(chance, sizeof(modes))];
	struct hart *me = this_hart();
	uint64_t code = place_of(me->id) + CODE_AT, registers[32], saved = csr_read(mstatus);

	write_code(chance, code);
	some_pmp(chance);
	for (unsigned i = 1; i < 32; i++)
		registers[i] = junk(chance);
	registers[30] = below(chance, 2) ? MSTATUS_MPRV : 0;
	csr_write(satp, some_satp(chance));
	csr_write(medeleg, below(chance, 2) ? draw(chance) : 0);
	csr_write(mideleg, below(chance, 2) ? draw(chance) : 0);
	csr_write_at(CSR_STVEC, below(chance, 2) ? junk(chance) & ~UINT64_C(2) : code + 4);
	csr_write_at(CSR_SEPC, code);
	csr_write(mepc, code);
	timer_set(me->id, below(chance, 8) ? us_from_now(20 + below(chance, 400)) : 0);
	csr_write(mstatus, some_status(chance, mode) & ~MSTATUS_MIE);
	csr_write(mie, BIT(MTI) | BIT(MSI) | (draw(chance) & 0x3fff & ~BIT(MEI)));
	chaos_run(registers);
	csr_write(mie, 0);
	csr_write(mstatus, saved);
	csr_write(satp, 0);
	__asm__ volatile("sfence.vma" ::: "memory");
}

/* --- All of it ---------------------------------------------------------------------------------------- */

static atomic_uint ended, damaged, taking_part;

static void quiet(struct chance *chance)
{
	unsigned me = this_hart()->id;

	clint_send(below(chance, hart_count));
	if (below(chance, 4) == 0)
		write64(clint_mtimecmp_at(below(chance, hart_count)), draw(chance) >> 32);
	if (below(chance, 2))
		clint_clear(me);
}

static void one_thing(struct chance *chance)
{
	switch (below(chance, 8)) {
	case 0:
	case 1:
		csr_junk(chance);
		break;
	case 2:
		access_junk(chance);
		break;
	case 3:
		some_pmp(chance);
		mprv_junk(chance);
		break;
	case 4:
		quiet(chance);
		break;
	default:
		piece_of_code(chance);
	}
}

/*
 * A timer that ends a piece of code may have been moved away by another hart: who is done wakes the others by
 * messages.
 */
static void rescue(void)
{
	uint64_t limit = us_from_now(LIMIT_US);

	while (atomic_load(&ended) < atomic_load(&taking_part) && mtime() < limit) {
		for (unsigned i = 0; i < hart_count; i++)
			clint_send(i);
		wait_us(500);
	}
	clint_clear(this_hart()->id);
}

/* The values that a hart keeps for itself, and one that says how often it was looked at. */
static void chaos(void *argument)
{
	uint64_t seed = *(volatile uint64_t *)argument, end, canaries[CANARIES];
	struct hart *me = this_hart();
	struct chance chance = { (seed + 1) * 0x9e3779b97f4a7c15u + me->id };

	for (unsigned i = 0; i < CANARIES; i++)
		canaries[i] = seed * (i + 1) + me->id;
	end = us_from_now((unsigned)chaos_round_us);
	while (mtime() < end) {
		one_thing(&chance);
		for (unsigned i = 0; i < CANARIES; i++)
			if (canaries[i] != seed * (i + 1) + me->id || this_hart() != me)
				atomic_fetch_add(&damaged, 1);
	}
	timer_set(me->id, TIMER_NEVER);
	csr_write(medeleg, 0);
	csr_write(mideleg, 0);
	csr_write(satp, 0);
	csr_clear(mstatus, MSTATUS_MPRV);
	csr_clear(mip, S_INTERRUPTS);
	pmp_reset();
	atomic_fetch_add(&ended, 1);
	rescue();
}

static void round_of(unsigned i)
{
	atomic_store(&ended, 0);
	atomic_store(&taking_part, hart_count);
	ok(hart_run_all(chaos, (void *)(uintptr_t)&chaos_seeds[i]), "seed %u: all harts came back",
	   i);
	is(atomic_load(&ended), hart_count, "seed %u: each to its end", i);
	is(atomic_load(&damaged), 0, "seed %u: with all that it kept", i);
	interrupts_reset();
}

/* Messages and timers still come. */
static void works(void *unused)
{
	struct hart *me = this_hart();

	(void)unused;
	csr_write(mie, BIT(MSI) | BIT(MTI));
	interrupts_on();
	clint_send(me->id);
	timer_set(me->id, us_from_now(100));
	wait_at_least(&me->interrupts[MSI], 1);
	wait_at_least(&me->interrupts[MTI], 1);
	interrupts_off();
	csr_write(mie, 0);
}

static void after(void)
{
	unsigned right = 0;

	for (unsigned i = 0; i < hart_count; i++)
		for (unsigned n = 0; n < 16; n++)
			atomic_store(&harts[i].interrupts[n], 0);
	on_interrupt[MSI] = quiet_software;
	on_interrupt[MTI] = quiet_timer;
	ok(hart_run_all(works, NULL), "afterwards: interrupts on all harts");
	for (unsigned i = 0; i < hart_count; i++)
		right += atomic_load(&harts[i].interrupts[MSI]) &&
			 atomic_load(&harts[i].interrupts[MTI]);
	is(right, hart_count, "afterwards: each has its timer and its message");
}

/* Without memory, since that may be locked away: whatever traps is skipped. */
static void lock_itself(void *seed)
{
	register uint64_t state __asm__("s0") = *(volatile uint64_t *)seed + 1;

	__asm__ volatile("csrw mie, zero\n\t"
			 "la t0, chaos_skip\n\tcsrw mtvec, t0\n\t"
			 "li s2, 6364136223846793005\n\t"
			 ".option push\n\t.option norvc\n"
			 "1: mul %0, %0, s2\n\taddi %0, %0, 1013\n\t"
			 "csrw pmpaddr0, %0\n\tsrli s3, %0, 8\n\tcsrw pmpaddr1, s3\n\t"
			 "srli s3, %0, 20\n\tcsrw pmpaddr2, s3\n\tsrli s3, %0, 36\n\t"
			 "csrw pmpaddr3, s3\n\tcsrw pmpcfg0, %0\n\tsfence.vma\n\t"
			 "ld s4, 0(sp)\n\tsd s4, 0(%1)\n\tcsrw pmpcfg2, s3\n\t"
			 "j 1b\n\t.option pop"
			 : "+r"(state)
			 : "r"(tree.monitor_size ? tree.monitor_base : UNMAPPED)
			 : "s2", "s3", "s4", "t0", "memory");
}

static bool others_go_on(void)
{
	struct hart *me = this_hart();

	hart_start(hart_count - 1, lock_itself, (void *)(uintptr_t)&chaos_seeds[0]);
	atomic_store(&ended, 0);
	atomic_store(&taking_part, 1);
	chaos((void *)(uintptr_t)&chaos_seeds[0]);
	interrupts_reset();
	on_interrupt[MSI] = quiet_software;
	on_interrupt[MTI] = quiet_timer;
	works(NULL);
	return atomic_load(&me->interrupts[MSI]) && atomic_load(&me->interrupts[MTI]);
}

static const struct check multi[] = {
	{ "one hart sets PMP entries with locks, the others go on", others_go_on },
};

void guest_main(void)
{
	for (unsigned i = 0; i < SEEDS; i++)
		round_of(i);
	after();
	CHECKS(multi, hart_count > 1 ? NULL : "machine: one hart");
	ok(true, "done");
}
