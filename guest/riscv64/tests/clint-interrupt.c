/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The machine timer (privileged specification 3.2.1): MTIP is mtime >= mtimecmp and nothing else;
 * it is delivered once per deadline, whichever way mtimecmp is written. And the own software
 * interrupt.
 */
#include "hart.h"
#include "tap.h"

#define ROUNDS 10
#define HOUR   (3600ull * TIMEBASE)

static void start(void)
{
	interrupts_reset();
	on_interrupt[MTI] = quiet_timer;
	on_interrupt[MSI] = quiet_software;
}

/* Never before its time: looked at in the handler. */
static uint64_t deadline;
static unsigned early, again;

static void check_time(struct hart *me, struct frame *frame)
{
	early += mtime() < deadline;
	quiet_timer(me, frame);
	again += is_pending(MTI);
}

static void ten_times(const char *how, void (*set)(unsigned, uint64_t))
{
	struct hart *me = this_hart();
	unsigned taken = 0;

	start();
	early = again = 0;
	on_interrupt[MTI] = check_time;
	csr_write(mie, BIT(MTI));
	interrupts_on();
	for (unsigned round = 1; round <= ROUNDS; round++) {
		deadline = us_from_now(300);
		set(me->id, deadline);
		taken += wait_at_least(&me->interrupts[MTI], round);
	}
	wait_us(SETTLE_US);
	interrupts_off();
	is(taken, ROUNDS, "%s: ten deadlines, each taken", how);
	is(atomic_load(&me->interrupts[MTI]), ROUNDS, "%s: and none twice", how);
	is(early, 0, "%s: none before its time", how);
	is(again, 0, "%s: mtimecmp = never clears MTIP in the handler", how);
}

static void read_back(void)
{
	uintptr_t at = clint_mtimecmp_at(0);

	start();
	write64(at, UINT64_C(0x123456789abcdef0));
	is(read64(at), UINT64_C(0x123456789abcdef0), "mtimecmp: read back whole");
	is(read32(at), 0x9abcdef0, "mtimecmp: the low half");
	is(read32(at + 4), 0x12345678, "mtimecmp: the high half");
	write32(at, 0x11111111);
	is(read64(at), UINT64_C(0x1234567811111111), "mtimecmp: the low half written alone");
	write32(at + 4, 0x22222222);
	is(read64(at), UINT64_C(0x2222222211111111), "mtimecmp: the high half written alone");
	uint64_t first = mtime();
	uint32_t low = read32(CLINT_BASE + CLINT_MTIME),
		 high = read32(CLINT_BASE + CLINT_MTIME + 4);
	uint64_t halves = (uint64_t)high << 32 | low;

	ok(halves >= first && halves <= mtime(), "mtime: halves read as the whole");
	wait_us(10);
	ok(mtime() > halves, "mtime: goes on");
}

/* MTIP follows the comparison at once, both ways; nothing else changes it. */
static void level(void)
{
	start();
	ok(!is_pending(MTI), "never: MTIP is 0");
	timer_set(0, 0);
	ok(is_pending(MTI), "deadline 0: MTIP is 1 at once");
	csr_clear(mip, BIT(MTI));
	ok(is_pending(MTI), "csrc mip.MTIP has no effect");
	csr_write(mip, 0);
	ok(is_pending(MTI), "mip = 0 has no effect");
	timer_set(0, us_from_now(0) + HOUR);
	ok(!is_pending(MTI), "deadline in an hour: MTIP is 0 at once");
	csr_set(mip, BIT(MTI));
	ok(!is_pending(MTI), "csrs mip.MTIP has no effect");
	timer_set(0, mtime() - 1);
	ok(is_pending(MTI), "deadline just past: MTIP is 1 at once");
	timer_set(0, TIMER_NEVER);
	ok(!is_pending(MTI), "never again: MTIP is 0 at once");
	timer_set_halves(0, 0);
	ok(is_pending(MTI), "deadline 0 in halves: MTIP is 1 at once");
	timer_set_halves(0, TIMER_NEVER);
	ok(!is_pending(MTI), "never in halves: MTIP is 0 at once");
	write32(clint_mtimecmp_at(0) + 4, 0);
	write32(clint_mtimecmp_at(0), 0);
	ok(is_pending(MTI), "both halves 0, the high one first: MTIP is 1");
	write32(clint_mtimecmp_at(0) + 4, UINT32_MAX);
	ok(!is_pending(MTI), "the high half alone all ones: MTIP is 0");
	write32(clint_mtimecmp_at(0) + 4, 0);
	ok(is_pending(MTI), "the high half alone 0: MTIP is 1");
	timer_set(0, TIMER_NEVER);
}

static void not_delivered(void)
{
	struct hart *me = this_hart();

	start();
	timer_set(0, 0);
	interrupts_on();
	wait_us(SETTLE_US);
	interrupts_off();
	is(atomic_load(&me->interrupts[MTI]), 0, "MTIE = 0: not taken");
	csr_write(mie, BIT(MTI));
	wait_us(SETTLE_US);
	is(atomic_load(&me->interrupts[MTI]), 0, "MIE = 0: not taken");
	interrupts_on();
	__asm__ volatile("nop" ::: "memory");
	is(atomic_load(&me->interrupts[MTI]), 1, "MIE = 1: taken before the next instruction");
	interrupts_off();
	csr_write(mie, 0);
	timer_set(0, 0);
	interrupts_on();
	csr_write(mie, BIT(MTI));
	__asm__ volatile("nop" ::: "memory");
	is(atomic_load(&me->interrupts[MTI]), 2,
	   "MTIE = 1 with MIE on: taken before the next instruction");
	interrupts_off();
	/* A deadline that is pushed back before it is looked at is not taken. */
	timer_set(0, us_from_now(200));
	timer_set(0, mtime() + HOUR);
	interrupts_on();
	wait_us(SETTLE_US);
	interrupts_off();
	is(atomic_load(&me->interrupts[MTI]), 2, "pushed back: not taken at the old time");
	timer_set(0, us_from_now(200));
	interrupts_on();
	ok(wait_at_least(&me->interrupts[MTI], 3), "pulled in: taken at the new time");
	interrupts_off();
	/*
	 * Past, while another deadline is armed: at once, and the old one does not come after it.
	 */
	timer_set(0, us_from_now(1000));
	timer_set(0, 0);
	interrupts_on();
	__asm__ volatile("nop" ::: "memory");
	is(atomic_load(&me->interrupts[MTI]), 4, "armed, then a past one: taken at once");
	wait_us(SETTLE_US);
	is(atomic_load(&me->interrupts[MTI]), 4, "armed, then a past one: the old one is gone");
	interrupts_off();
}

static struct frame seen;

static void note(struct hart *me, struct frame *frame)
{
	seen = *frame;
	quiet_timer(me, frame);
}

static void frame_of(void)
{
	uintptr_t at;

	start();
	on_interrupt[MTI] = note;
	csr_write(mie, BIT(MTI));
	timer_set(0, 0);
	wait_pending(MTI);
	__asm__ volatile("la %0, 1f\n\tcsrsi mstatus, 8\n1:\tnop" : "=&r"(at)::"memory");
	interrupts_off();
	is(seen.cause, CAUSE_IS_INTERRUPT | MTI, "frame: mcause");
	is(seen.pc, at, "frame: mepc is the instruction after the one that let it in");
	is(seen.tval, 0, "frame: mtval");
	is(seen.status & (MSTATUS_MIE | MSTATUS_MPIE | MSTATUS_MPP), MSTATUS_MPIE | MSTATUS_MPP,
	   "frame: mstatus.MIE, MPIE, MPP");
}

/* Each way of letting a pending one in takes it before the next instruction. */
#define LET_IN(name, instructions)                                        \
	static uintptr_t name(uint64_t bits)                              \
	{                                                                 \
		uintptr_t at;                                             \
                                                                          \
		__asm__ volatile("la %0, 1f\n\t" instructions "\n1:\tnop" \
				 : "=&r"(at)                              \
				 : "r"(bits)                              \
				 : "t0", "memory");                       \
		return at;                                                \
	}

LET_IN(by_csrrs, "csrrs t0, mstatus, %1")
LET_IN(by_csrrw, "csrr t0, mstatus\n\tor t0, t0, %1\n\tcsrw mstatus, t0")
LET_IN(by_sstatus_then_csrs, "csrc sstatus, %1\n\tcsrs mstatus, %1")
LET_IN(by_mret, "csrw mepc, %0\n\tslli t0, %1, 4\n\tcsrs mstatus, t0\n\tli t0, 3 << 11\n\t"
		"csrs mstatus, t0\n\tmret")

static void let_in(const char *how, uintptr_t (*by)(uint64_t))
{
	uintptr_t at;

	start();
	on_interrupt[MTI] = note;
	csr_write(mie, BIT(MTI));
	timer_set(0, 0);
	wait_pending(MTI);
	seen = (struct frame){ 0 };
	at = by(MSTATUS_MIE);
	interrupts_off();
	is(seen.pc, at, "let in by %s: taken before the next instruction", how);
}

static void software(void)
{
	struct hart *me = this_hart();

	start();
	clint_send(0);
	ok(wait_pending(MSI), "msip = 1: MSIP");
	is(read32(clint_msip_at(0)), 1, "msip reads 1");
	csr_clear(mip, BIT(MSI));
	ok(is_pending(MSI), "csrc mip.MSIP has no effect");
	write32(clint_msip_at(0), 0);
	ok(wait_not_pending(MSI), "msip = 0: no MSIP");
	csr_set(mip, BIT(MSI));
	ok(!is_pending(MSI), "csrs mip.MSIP has no effect");
	write32(clint_msip_at(0), 0xfffffffe);
	is(read32(clint_msip_at(0)), 0, "msip: only bit 0 is kept");
	ok(!is_pending(MSI), "msip: other bits raise nothing");
	write32(clint_msip_at(0), 0xffffffff);
	is(read32(clint_msip_at(0)), 1, "msip: all ones read as 1");
	write32(clint_msip_at(0), 0);
	csr_write(mie, BIT(MSI));
	interrupts_on();
	for (unsigned round = 1; round <= ROUNDS; round++) {
		clint_send(0);
		wait_at_least(&me->interrupts[MSI], round);
	}
	interrupts_off();
	is(atomic_load(&me->interrupts[MSI]), ROUNDS, "ten to itself, each taken once");
}

void guest_main(void)
{
	read_back();
	level();
	not_delivered();
	frame_of();
	let_in("csrrs mstatus", by_csrrs);
	let_in("csrw mstatus", by_csrrw);
	let_in("csrs mstatus after csrc sstatus", by_sstatus_then_csrs);
	let_in("mret", by_mret);
	ten_times("mtimecmp whole", timer_set);
	ten_times("mtimecmp in halves", timer_set_halves);
	software();
}
