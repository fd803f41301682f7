/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Which of several pending interrupts is taken first (privileged specification 3.1.9): MEI, MSI,
 * MTI, SEI, SSI, STI. MEI is in the guest "external".
 *
 * QEMU 10.0 takes the lowest number first on harts without AIA (a defect of QEMU), so where S
 * interrupts or MEI take part, that order passes, too. A monitor's own order is looked at by its
 * unit tests.
 */
#include "hart.h"
#include "tap.h"

static unsigned order[16], count;

static void note(struct frame *frame)
{
	if (count < 16)
		order[count++] = frame->cause & 0xf;
}

static void software(struct hart *me, struct frame *frame)
{
	note(frame);
	quiet_software(me, frame);
}

static void timer(struct hart *me, struct frame *frame)
{
	note(frame);
	quiet_timer(me, frame);
}

static void supervisor(struct hart *me, struct frame *frame)
{
	(void)me;
	note(frame);
	csr_clear(mip, BIT(frame->cause & 0xf));
}

static void start(void)
{
	interrupts_reset();
	count = 0;
	on_interrupt[MSI] = software;
	on_interrupt[MTI] = timer;
	on_interrupt[SSI] = supervisor;
	on_interrupt[STI] = supervisor;
	on_interrupt[SEI] = supervisor;
}

static void machine(bool timer_first)
{
	const char *what = timer_first ? "timer raised first" : "software raised first";

	start();
	csr_write(mie, BIT(MSI) | BIT(MTI));
	if (timer_first)
		timer_set(0, 0);
	clint_send(0);
	timer_set(0, 0);
	wait_pending(MSI);
	wait_pending(MTI);
	interrupts_on();
	__asm__ volatile("nop\n\tnop" ::: "memory");
	interrupts_off();
	is(count, 2, "%s: two taken", what);
	is(order[0], MSI, "%s: MSI before MTI", what);
	is(order[1], MTI, "%s: then MTI", what);
	is(csr_read(mip) & (M_INTERRUPTS | S_INTERRUPTS), 0, "%s: then mip is 0", what);
}

/* The lesser one alone is enabled: it does not wait for the greater. */
static void enabled_alone(void)
{
	start();
	csr_write(mie, BIT(MTI));
	clint_send(0);
	timer_set(0, 0);
	wait_pending(MSI);
	interrupts_on();
	__asm__ volatile("nop" ::: "memory");
	interrupts_off();
	is(count, 1, "MSI not enabled: one taken");
	is(order[0], MTI, "MSI not enabled: it is MTI");
	ok(is_pending(MSI), "MSI not enabled: still pending");
	csr_write(mie, BIT(MSI));
	interrupts_on();
	__asm__ volatile("nop" ::: "memory");
	interrupts_off();
	is(order[1], MSI, "then enabled: taken");
}

static bool taken_in(const unsigned *wanted, unsigned n)
{
	bool right = count == n;

	for (unsigned i = 0; i < n; i++)
		right &= order[i] == wanted[i];
	return right;
}

static bool all_in_order(void)
{
	static const unsigned wanted[] = { MSI, MTI, SEI, SSI, STI };
	static const unsigned of_qemu[] = { SSI, MSI, STI, MTI, SEI };

	start();
	csr_write(mideleg, 0);
	csr_write(mie, M_INTERRUPTS | S_INTERRUPTS);
	csr_set(mip, S_INTERRUPTS);
	timer_set(0, 0);
	clint_send(0);
	wait_pending(MSI);
	interrupts_on();
	__asm__ volatile("nop\n\tnop\n\tnop\n\tnop\n\tnop" ::: "memory");
	interrupts_off();
	return taken_in(wanted, 5) || taken_in(of_qemu, 5);
}

static bool nothing_left(void)
{
	return !(csr_read(mip) & (M_INTERRUPTS | S_INTERRUPTS));
}

/* Delegated ones are not for machine mode at all. */
static bool delegated_stay(void)
{
	bool right;

	start();
	csr_write(mideleg, BIT(SEI));
	csr_write(mie, S_INTERRUPTS);
	csr_set(mip, S_INTERRUPTS);
	interrupts_on();
	__asm__ volatile("nop\n\tnop\n\tnop" ::: "memory");
	interrupts_off();
	right = count == 2 && order[0] == SSI && order[1] == STI &&
		(csr_read(mip) & S_INTERRUPTS) == BIT(SEI);
	csr_write(mideleg, 0);
	csr_clear(mip, S_INTERRUPTS);
	return right;
}

static const struct check supervisors[] = {
	{ "not delegated: MSI, MTI, SEI, SSI, STI", all_in_order },
	{ "not delegated: then mip is 0", nothing_left },
	{ "SEI delegated: SSI and STI are taken, SEI stays pending", delegated_stay },
};

void guest_main(void)
{
	machine(false);
	machine(true);
	enabled_alone();
	csr_write(mideleg, 0);
	CHECKS(supervisors,
	       csr_read(mideleg) & S_INTERRUPTS ? "hart: S interrupts are always delegated" : NULL);
}
