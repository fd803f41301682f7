/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * A CPU asleep in WFI wakes for whatever makes an interrupt deliverable to it (Arm ARM D1.16.2),
 * not only for a new interrupt: another CPU enables it, raises its priority, reroutes it, ends
 * its active state, enables its group. Each is tried many times with varying distance to the
 * sleep.
 */
#include "gic.h"
#include "tap.h"
#include "timer.h"
#include "uart.h"

#define ROUNDS  25
#define SPI     SPI_FREE
#define SGI     6
#define SLEEPER 1

struct cause {
	const char *name;
	unsigned intid;
	unsigned version;      /* of the GIC; 0: any */
	void (*prepare)(void); /* while the sleeper is awake with interrupts masked */
	void (*trigger)(void); /* while it sleeps or is about to */
};

static void nothing(void)
{
}

static void send_sgi(void)
{
	sgi_send(SLEEPER, SGI);
}

static void broadcast_sgi(void)
{
	sgi_send_others(SGI);
}

static void pend_ppi(void)
{
	gic_set_pending(SLEEPER, PPI_FREE);
}

static void pend_spi(void)
{
	gic_set_pending(0, SPI);
}

static void pend_disabled(void)
{
	gic_disable(0, SPI);
	gic_set_pending(0, SPI);
}

static void enable_spi(void)
{
	gic_enable(0, SPI);
}

static void pend_disabled_ppi(void)
{
	gic_disable(SLEEPER, PPI_FREE);
	gic_set_pending(SLEEPER, PPI_FREE);
}

static void enable_ppi(void)
{
	gic_enable(SLEEPER, PPI_FREE);
}

static void pend_elsewhere(void)
{
	gic_route(SPI, 0);
	irq_mask();
	gic_set_pending(0, SPI);
}

/* A route takes effect in finite time: unmask when this CPU is no longer signalled. */
static void reroute(void)
{
	uint64_t limit = counter_after_ms(LIMIT_MS);

	gic_route(SPI, SLEEPER);
	if (gic_quirks.pending_stays) {
		gic_clear_pending(0, SPI);
		gic_set_pending(0, SPI);
	}
	while (irq_asserted() && !counter_passed(limit))
		wfe();
	irq_unmask();
}

static void pend_active(void)
{
	gic_set_active(0, SPI);
	gic_set_pending(0, SPI);
}

static void release_active(void)
{
	gic_clear_active(0, SPI);
}

static void pend_without_group(void)
{
	gic_enable_groups(true, false);
	gic_set_pending(0, SPI);
}

static void enable_group(void)
{
	gic_enable_groups(true, true);
}

/* The sleeper's PMR is at 0xf0 throughout. */
static void pend_below_mask(void)
{
	gic_set_priority(0, SPI, 0xf0);
	gic_set_pending(0, SPI);
}

static void raise_priority(void)
{
	gic_set_priority(0, SPI, 0x40);
}

static void raise_uart(void)
{
	write32(UART_BASE + UART_IMSC, UART_TX_INTERRUPT);
}

static const struct cause causes[] = {
	{ "an SGI by list", SGI, 0, nothing, send_sgi },
	{ "an SGI by broadcast", SGI, 0, nothing, broadcast_sgi },
	{ "a PPI set pending", PPI_FREE, 3, nothing, pend_ppi },
	{ "a pending PPI enabled", PPI_FREE, 3, pend_disabled_ppi, enable_ppi },
	{ "an SPI set pending", SPI, 0, nothing, pend_spi },
	{ "a pending SPI enabled", SPI, 0, pend_disabled, enable_spi },
	{ "a pending SPI rerouted", SPI, 0, pend_elsewhere, reroute },
	{ "a pending SPI no longer active", SPI, 0, pend_active, release_active },
	{ "a pending SPI's group enabled", SPI, 0, pend_without_group, enable_group },
	{ "a pending SPI's priority raised", SPI, 0, pend_below_mask, raise_priority },
	{ "a device's interrupt", UART_INTID, 0, nothing, raise_uart },
};

static void handler(struct cpu *me, unsigned intid)
{
	(void)me;
	if (intid == UART_INTID)
		write32(UART_BASE + UART_IMSC, 0);
}

static atomic_uint prepared, sleeping;
static const struct cause *current_cause;

/* Each round: masked until CPU 0 has prepared, then asleep until the interrupt was taken. */
static void sleeper(void *woken)
{
	struct cpu *me = this_cpu();

	gic_set_mask(0xf0);
	gic_enable(me->index, PPI_FREE);
	for (unsigned round = 1; round <= ROUNDS; round++) {
		gic_wait_active(me->index, current_cause->intid, false);
		irq_mask();
		atomic_store(&sleeping, 2 * round - 1);
		sev();
		if (!wait_at_least(&prepared, round))
			break;
		atomic_store(&sleeping, 2 * round);
		sev();
		if (!sleep_at_least(&me->seen[current_cause->intid], round))
			break;
		++*(unsigned *)woken;
	}
	irq_unmask();
	gic_disable(me->index, PPI_FREE);
	gic_set_mask(PRIORITY_OPEN);
}

static void try(const struct cause *cause)
{
	unsigned woken = 0;

	if (cause->version && !gic_only(cause->version, cause->name))
		return;
	current_cause = cause;
	atomic_store(&prepared, 0);
	atomic_store(&sleeping, 0);
	spi_setup(SPI, SLEEPER, PRIORITY_DEFAULT, true);
	cpu_start(SLEEPER, sleeper, &woken);
	for (unsigned round = 1; round <= ROUNDS; round++) {
		if (!wait_at_least(&sleeping, 2 * round - 1))
			break;
		cause->prepare();
		atomic_store(&prepared, round);
		sev();
		wait_at_least(&sleeping, 2 * round);
		uint64_t start = counter_after_us(round % 5 * 100);

		while (!counter_passed(start))
			wfe();
		cause->trigger();
	}
	cpu_finish(SLEEPER);
	is(woken, ROUNDS, "WFI: woken by %s", cause->name);
	is(count_of(SLEEPER, cause->intid), ROUNDS, "WFI: %s: each taken once", cause->name);
	spi_release(SPI);
	counts_clear();
}

/* The others would only take host time from the two that this is about. */
static void turn_off_the_rest(void)
{
	unsigned off = 0;

	for (unsigned cpu = SLEEPER + 1; cpu < cpu_count; cpu++)
		off += cpu_turn_off(cpu);
	is(off, cpu_count - SLEEPER - 1, "the CPUs that take no part are off");
}

void guest_main(void)
{
	turn_off_the_rest();
	on_interrupt = handler;
	write32(UART_BASE + UART_IMSC, 0);
	spi_setup(UART_INTID, SLEEPER, PRIORITY_DEFAULT, false);
	for (unsigned i = 0; i < sizeof(causes) / sizeof(causes[0]); i++)
		try(&causes[i]);
	spi_release(UART_INTID);
}
