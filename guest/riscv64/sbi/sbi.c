/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* SBI calls (specification 2.0, chapter 3: all registers but a0 and a1 are kept). */
#include "sbi.h"
#include "supervisor.h"
#include "tap.h"

#define REG_A0 10
#define REG_A1 11
#define REG_A6 16
#define REG_A7 17

#define CSRS 8
static const char *const csr_names[CSRS] = { "sepc",  "scause", "stval",   "sscratch",
					     "stvec", "satp",   "sstatus", "sie" };

void call_with_all(void); /* entry.S */

static uint64_t random_state[MAX_HARTS];

void random_seed(uint64_t seed)
{
	for (unsigned i = 0; i < MAX_HARTS; i++)
		random_state[i] = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15) +
				  i * UINT64_C(0xbf58476d1ce4e5b9);
}

uint64_t random_number(void)
{
	uint64_t *state = &random_state[this_hart()->id];

	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(0x2545f4914f6cdd1d);
}

struct sbi_result sbi_plain(unsigned long ext, unsigned long fid, const unsigned long arguments[6])
{
	register unsigned long a0 __asm__("a0") = arguments[0];
	register unsigned long a1 __asm__("a1") = arguments[1];
	register unsigned long a2 __asm__("a2") = arguments[2];
	register unsigned long a3 __asm__("a3") = arguments[3];
	register unsigned long a4 __asm__("a4") = arguments[4];
	register unsigned long a5 __asm__("a5") = arguments[5];
	register unsigned long a6 __asm__("a6") = fid;
	register unsigned long a7 __asm__("a7") = ext;

	__asm__ volatile("ecall"
			 : "+r"(a0), "+r"(a1)
			 : "r"(a2), "r"(a3), "r"(a4), "r"(a5), "r"(a6), "r"(a7)
			 : "memory");
	return (struct sbi_result){ (long)a0, a1 };
}

static void read_csrs(uint64_t csrs[CSRS])
{
	csrs[0] = csr_read(sepc);
	csrs[1] = csr_read(scause);
	csrs[2] = csr_read(stval);
	csrs[3] = csr_read(sscratch);
	csrs[4] = csr_read(stvec);
	csrs[5] = csr_read(satp);
	csrs[6] = csr_read(sstatus);
	csrs[7] = csr_read(sie);
}

static void lost(const char *what, unsigned number, unsigned long ext, unsigned long fid)
{
	this_hart()->registers_lost++;
	print("# call 0x%lx, 0x%lx changes %s%u\n", ext, fid, what, number);
}

static void compare_csrs(const uint64_t before[CSRS], unsigned long ext, unsigned long fid)
{
	uint64_t after[CSRS];

	read_csrs(after);
	for (unsigned i = 0; i < CSRS; i++)
		if (before[i] != after[i])
			lost(csr_names[i], 0, ext, fid);
}

struct sbi_result sbi_checked(unsigned long ext, unsigned long fid,
			      const unsigned long arguments[6])
{
	struct hart *me = this_hart();
	bool on = csr_read(sstatus) & MSTATUS_SIE;
	unsigned traps = me->trap.count;
	uint64_t before[32], csrs[CSRS];

	for (unsigned i = 1; i < 32; i++)
		before[i] = random_number();
	for (unsigned i = 0; i < 6; i++)
		before[REG_A0 + i] = arguments[i];
	before[REG_A6] = fid;
	before[REG_A7] = ext;
	for (unsigned i = 1; i < 32; i++)
		me->call[i] = before[i];
	if (!on) {
		/* What a trap of its own would leave there would not go unseen. */
		csr_write(sepc, random_number() & ~UINT64_C(3) & 0xffffffff);
		csr_write(scause, random_number() & 0xf);
		csr_write(stval, random_number() & 0xffffffff);
		read_csrs(csrs);
	}
	call_with_all();
	if (!on && me->trap.count == traps)
		compare_csrs(csrs, ext, fid);
	if (on)
		interrupts_on();
	for (unsigned i = 1; i < 32; i++)
		if (i != REG_A0 && i != REG_A1 && me->call[i] != before[i])
			lost("x", i, ext, fid);
	return (struct sbi_result){ (long)me->call[REG_A0], me->call[REG_A1] };
}

struct sbi_result sbi_answers(const char *name, long wanted, unsigned long ext, unsigned long fid,
			      const unsigned long arguments[6])
{
	struct sbi_result result = sbi_checked(ext, fid, arguments);

	ok(wanted == ANY || result.error == wanted, "%s: error %ld, value 0x%lx", name,
	   result.error, result.value);
	return result;
}

void registers_kept(const char *of_what)
{
	struct hart *me = this_hart();

	ok(!me->registers_lost, "calls of %s keep all registers but a0 and a1", of_what);
	me->registers_lost = 0;
}
