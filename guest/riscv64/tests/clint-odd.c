/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Accesses to the CLINT that no document promises: odd offsets, bytes and halfwords, registers of
 * harts that are not there, holes, atomics. A machine may give a value or refuse by an exception of
 * that kind; it must not do anything else, and the timer and the software interrupt work after it.
 */
#include "hart.h"
#include "tap.h"

struct access {
	const char *name;
	uint32_t instruction; /* a0 and (a1) */
	enum { LOAD, STORE, ATOMIC } kind;
};

static const struct access accesses[] = {
	{ "lb", 0x00058503, LOAD },          { "lbu", 0x0005c503, LOAD },
	{ "lh", 0x00059503, LOAD },          { "lhu", 0x0005d503, LOAD },
	{ "lw", 0x0005a503, LOAD },          { "lwu", 0x0005e503, LOAD },
	{ "ld", 0x0005b503, LOAD },          { "c.lw", 0x00014188, LOAD },
	{ "c.ld", 0x00016188, LOAD },        { "sb", 0x00a58023, STORE },
	{ "sh", 0x00a59023, STORE },         { "sw", 0x00a5a023, STORE },
	{ "sd", 0x00a5b023, STORE },         { "c.sw", 0x0001c188, STORE },
	{ "c.sd", 0x0001e188, STORE },       { "lr.w", 0x1005a52f, ATOMIC },
	{ "amoswap.w", 0x08a5a52f, ATOMIC }, { "amoor.w", 0x40a5a52f, ATOMIC },
	{ "amoadd.d", 0x00a5b52f, ATOMIC },
};

/* msip, mtimecmp, mtime, the ends, and what lies between. */
static const uint32_t offsets[] = { 0x0,    0x1,    0x2,    0x3,    0x4,    0x7c,   0x1ffe, 0x3ffc,
				    0x3ffe, 0x3fff, 0x4000, 0x4001, 0x4002, 0x4004, 0x4006, 0x4007,
				    0x40f8, 0x7ff8, 0x8000, 0xbff4, 0xbff8, 0xbff9, 0xbffa, 0xbffc,
				    0xc000, 0xdff8, 0xfff8, 0xfffc, 0xfffe, 0xffff };

/* Of an atomic, QEMU refuses its load as well as its store. */
static bool refused_properly(const struct access *access)
{
	struct hart *me = this_hart();
	unsigned count = traps_end();
	bool load = me->trap.cause == CAUSE_LOAD_ACCESS || me->trap.cause == CAUSE_LOAD_MISALIGNED;
	bool store = me->trap.cause == CAUSE_STORE_ACCESS ||
		     me->trap.cause == CAUSE_STORE_MISALIGNED;

	if (!count)
		return true;
	return count == 1 && ((load && access->kind != STORE) || (store && access->kind != LOAD));
}

/* mtime is not written: the time that tests wait by would jump. */
static bool is_mtime(uint32_t offset)
{
	return offset + 8 > CLINT_MTIME && offset < CLINT_MTIME + 8;
}

static void try(const struct access *access, uint64_t value, const char *what)
{
	unsigned wrong = 0;

	for (unsigned i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		if (access->kind != LOAD && is_mtime(offsets[i]))
			continue;
		traps_expect();
		execute(access->instruction, value, CLINT_BASE + offsets[i]);
		wrong += !refused_properly(access);
	}
	is(wrong, 0, "%s%s: values or refusals only", access->name, what);
	/* Whatever was written to other harts' registers is undone. */
	for (unsigned i = 0; i < hart_count; i++) {
		write32(clint_msip_at(i), 0);
		timer_set(i, TIMER_NEVER);
	}
}

static void works_after_it(void)
{
	struct hart *me = this_hart();

	interrupts_reset();
	on_interrupt[MTI] = quiet_timer;
	on_interrupt[MSI] = quiet_software;
	csr_write(mie, BIT(MTI) | BIT(MSI));
	interrupts_on();
	timer_set(0, us_from_now(100));
	ok(wait_at_least(&me->interrupts[MTI], 1), "after it: the timer works");
	clint_send(0);
	ok(wait_at_least(&me->interrupts[MSI], 1), "after it: the software interrupt works");
	interrupts_off();
}

void guest_main(void)
{
	for (unsigned i = 0; i < sizeof(accesses) / sizeof(accesses[0]); i++) {
		try(&accesses[i], 0, accesses[i].kind != LOAD ? " of 0" : "");
		if (accesses[i].kind != LOAD)
			try(&accesses[i], UINT64_MAX, " of all ones");
	}
	works_after_it();
}
