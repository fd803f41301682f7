/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * External interrupts by the UART's transmitter and the PLIC: MEI in machine mode, and the two bits
 * behind mip.SEIP, one that software writes and one that is the PLIC's line (privileged
 * specification 3.1.9).
 */
#include "payload.h"
#include "tap.h"

#define CONTEXT_M 0
#define CONTEXT_S 1
#define ROUNDS    10

static unsigned order[8], count, claimed;

static void plic_setup(unsigned context)
{
	write32(plic_priority_at(UART_IRQ), 1);
	write32(plic_threshold_at(context), 0);
	write32(plic_enable_at(context), 1u << UART_IRQ);
}

static void plic_release(unsigned context)
{
	write8(UART_BASE + UART_IER, 0);
	write32(plic_enable_at(context), 0);
	for (uint32_t source = read32(plic_claim_at(context)); source;
	     source = read32(plic_claim_at(context)))
		write32(plic_claim_at(context), source);
}

/* The transmitter is empty between two lines: the line is high while its interrupt is enabled. */
static void line_up(void)
{
	write8(UART_BASE + UART_IER, UART_IER_THRE);
}

static void line_down(unsigned context)
{
	uint32_t source;

	write8(UART_BASE + UART_IER, 0);
	source = read32(plic_claim_at(context));
	if (source)
		write32(plic_claim_at(context), source);
}

static void external(struct hart *me, struct frame *frame)
{
	uint32_t source = read32(plic_claim_at(CONTEXT_M));

	(void)me;
	order[count++ & 7] = frame->cause & 0xf;
	claimed += source == UART_IRQ;
	write8(UART_BASE + UART_IER, 0);
	write32(plic_claim_at(CONTEXT_M), source);
}

static void software(struct hart *me, struct frame *frame)
{
	order[count++ & 7] = frame->cause & 0xf;
	quiet_software(me, frame);
}

static void timer(struct hart *me, struct frame *frame)
{
	order[count++ & 7] = frame->cause & 0xf;
	quiet_timer(me, frame);
}

static void wait_thre(void)
{
	while (!(read8(UART_BASE + UART_LSR) & UART_LSR_THRE))
		;
}

static void start(void)
{
	interrupts_reset();
	count = claimed = 0;
	on_interrupt[MEI] = external;
	on_interrupt[MSI] = software;
	on_interrupt[MTI] = timer;
	wait_thre();
}

static void machine(void)
{
	bool up, kept, down;

	start();
	plic_setup(CONTEXT_M);
	line_up();
	up = wait_pending(MEI);
	csr_clear(mip, BIT(MEI));
	kept = is_pending(MEI);
	csr_write(mie, BIT(MEI));
	interrupts_on();
	wait_at_least(&this_hart()->interrupts[MEI], 1);
	interrupts_off();
	down = wait_not_pending(MEI);
	plic_release(CONTEXT_M);
	ok(up, "MEI: pending with the UART's line");
	ok(kept, "MEI: csrc mip.MEIP has no effect");
	is(count, 1, "MEI: taken once");
	is(claimed, 1, "MEI: the PLIC says who it was");
	ok(down, "MEI: MEIP is 0 after the claim");
}

/* QEMU 10.0 takes the lowest number first on harts without AIA (a defect of QEMU). */
static void priority(void)
{
	bool specified, of_qemu;

	start();
	plic_setup(CONTEXT_M);
	csr_write(mie, M_INTERRUPTS);
	timer_set(0, 0);
	clint_send(0);
	line_up();
	wait_pending(MEI);
	wait_pending(MSI);
	interrupts_on();
	wait_at_least(&this_hart()->interrupts[MEI], 1);
	interrupts_off();
	plic_release(CONTEXT_M);
	specified = order[0] == MEI && order[1] == MSI && order[2] == MTI;
	of_qemu = order[0] == MSI && order[1] == MTI && order[2] == MEI;
	is(count, 3, "MEI, MSI and MTI pending: each taken once");
	ok(specified || of_qemu, "MEI, MSI, MTI: in order");
}

static void asleep(void)
{
	struct hart *me = this_hart();

	start();
	plic_setup(CONTEXT_M);
	csr_write(mie, BIT(MEI));
	line_up();
	while (!is_pending(MEI))
		wfi();
	interrupts_on();
	wait_at_least(&me->interrupts[MEI], 1);
	interrupts_off();
	plic_release(CONTEXT_M);
	is(count, 1, "MEI: ends wfi, taken after it");
}

/* While the firmware runs with interrupts on. */
static void at_any_time(void)
{
	struct hart *me = this_hart();
	unsigned taken = 0;

	start();
	plic_setup(CONTEXT_M);
	csr_write(mie, BIT(MEI));
	interrupts_on();
	for (unsigned i = 1; i <= ROUNDS; i++) {
		line_up();
		taken += wait_at_least(&me->interrupts[MEI], i);
	}
	interrupts_off();
	plic_release(CONTEXT_M);
	is(taken, ROUNDS, "MEI: each taken while interrupts are on");
	is(claimed, ROUNDS, "MEI: none taken for nothing");
}

static atomic_uint stop;

static uint64_t raise_and_spin(uint64_t a)
{
	line_up();
	while (!atomic_load(&stop))
		;
	return a + 1;
}

static uint64_t raise(uint64_t a)
{
	line_up();
	for (unsigned i = 0; i < 1000; i++)
		__asm__ volatile("nop");
	return a;
}

/* Interrupts of machine mode are on in S and U whatever MIE says (3.1.6.1). */
static void while_payload_runs(unsigned mode)
{
	struct payload payload;
	unsigned taken = 0;

	start();
	plic_setup(CONTEXT_M);
	csr_write(mie, BIT(MEI));
	csr_clear(mstatus, MSTATUS_MPIE);
	atomic_store(&stop, 0);
	payload_init(&payload, mode, raise_and_spin, 1);
	taken += payload_run(&payload) == (CAUSE_IS_INTERRUPT | MEI);
	/* Not served, it comes again at once. */
	taken += payload_run(&payload) == (CAUSE_IS_INTERRUPT | MEI);
	line_down(CONTEXT_M);
	atomic_store(&stop, 1);
	payload_run(&payload);
	is(taken, 2, "mode %u: MEI comes through with MIE = 0, until it is served", mode);
	ok(payload_returned(&payload) && payload.x[10] == 2, "mode %u: it goes on then", mode);
	csr_write(mie, 0);
	ok(payload_call(mode, raise, 0, NULL) && is_pending(MEI),
	   "mode %u: MEI not enabled: it does not come, and pends afterwards", mode);
	plic_release(CONTEXT_M);
	ok(wait_not_pending(MEI), "mode %u: until it is served", mode);
}

static bool seip(void)
{
	return is_pending(SEI);
}

/* What the line does to SEIP is seen at once or soon. */
static void two_bits(void)
{
	bool high, kept, low, both, software_stays, not_latched, written, rd;

	start();
	plic_setup(CONTEXT_S);
	line_up();
	high = wait_pending(SEI);
	csr_clear(mip, BIT(SEI));
	kept = seip();
	line_down(CONTEXT_S);
	low = wait_not_pending(SEI);

	csr_set(mip, BIT(SEI));
	line_up();
	both = wait_pending(SEI);
	line_down(CONTEXT_S);
	wait_us(100);
	software_stays = seip();
	csr_clear(mip, BIT(SEI));
	software_stays &= !seip();

	/* A read-modify-write of other bits must not make the line's state stick. */
	line_up();
	wait_pending(SEI);
	rd = is_pending(SEI);
	csr_set(mip, BIT(SSI));
	csr_clear(mip, BIT(SSI));
	line_down(CONTEXT_S);
	not_latched = wait_not_pending(SEI);

	/* csrrw writes the software bit whatever the line is. */
	line_up();
	wait_pending(SEI);
	csr_write(mip, BIT(SEI));
	line_down(CONTEXT_S);
	wait_us(100);
	written = seip();
	csr_write(mip, 0);
	written &= !seip();
	plic_release(CONTEXT_S);

	ok(high, "SEIP: 1 with the line");
	ok(kept, "SEIP: csrc does not lower the line");
	ok(low, "SEIP: 0 when the line falls");
	ok(both, "SEIP: 1 with both");
	ok(software_stays, "SEIP: the software bit stays when the line falls, until csrc");
	ok(rd, "SEIP: a read shows the line");
	ok(not_latched, "SEIP: csrs and csrc of other bits do not make the line's state stick");
	ok(written, "SEIP: csrw with the line high writes the software bit");
}

static uint64_t nothing(uint64_t unused)
{
	return unused;
}

/* Lines that are high while the payload runs must not stay in mip when they fall. */
static void across_payload(unsigned context, unsigned interrupt)
{
	bool high, after;

	start();
	plic_setup(context);
	line_up();
	high = wait_pending(interrupt);
	payload_call(MODE_S, nothing, 0, NULL);
	after = is_pending(interrupt);
	line_down(context);
	bool low = wait_not_pending(interrupt);

	payload_call(MODE_S, nothing, 0, NULL);
	low &= !is_pending(interrupt);
	plic_release(context);
	ok(high && after, "interrupt %u: high before and after the payload ran", interrupt);
	ok(low, "interrupt %u: low when the line falls, and low when the payload ran again",
	   interrupt);
}

void guest_main(void)
{
	pmp_open();
	machine();
	priority();
	asleep();
	at_any_time();
	while_payload_runs(MODE_S);
	while_payload_runs(MODE_U);
	two_bits();
	across_payload(CONTEXT_M, MEI);
	across_payload(CONTEXT_S, SEI);
}
