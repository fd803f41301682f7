/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Power State Coordination Interface (DEN0022, chapter 5): results, CPUs off and on in a race, also
 * with interrupts pending for them and active in them, and standby. Calls that the specification makes optional are not compared.
 */
#include "gic.h"
#include "psci.h"
#include "tap.h"
#include "timer.h"

#define CYCLES          10
#define RACES           20
#define SPI             SPI_FREE
#define ABSENT_AFFINITY 0xff00fffffful
#define CPU_ON_32       0x84000003ul
#define UNKNOWN_32      0x8400001dul
#define UNKNOWN_64      0xc400001dul
#define DAIF_ALL        0x3c0
#define SCTLR_MMU       1u
#define SCTLR_CACHE     4u

static void identity(void)
{
	static const struct {
		const char *name;
		uint64_t function;
	} required[] = {
		{ "CPU_SUSPEND", PSCI_CPU_SUSPEND }, { "CPU_OFF", PSCI_CPU_OFF },
		{ "CPU_ON", PSCI_CPU_ON },           { "AFFINITY_INFO", PSCI_AFFINITY_INFO },
		{ "SYSTEM_OFF", PSCI_SYSTEM_OFF },   { "SYSTEM_RESET", PSCI_SYSTEM_RESET },
		{ "PSCI_FEATURES", PSCI_FEATURES },
	};

	ok(psci(PSCI_VERSION, 0, 0, 0) >= 0x10000, "PSCI_VERSION: 1.0 or newer");
	for (unsigned i = 0; i < sizeof(required) / sizeof(required[0]); i++)
		ok(psci(PSCI_FEATURES, required[i].function, 0, 0) >= 0, "PSCI_FEATURES: %s",
		   required[i].name);
	is((unsigned)psci(PSCI_FEATURES, UNKNOWN_32, 0, 0), (unsigned)PSCI_NOT_SUPPORTED,
	   "PSCI_FEATURES: an unknown function: NOT_SUPPORTED");
	is((unsigned)psci(UNKNOWN_32, 0, 0, 0), (unsigned)PSCI_NOT_SUPPORTED,
	   "an unknown function: NOT_SUPPORTED");
	is(call(UNKNOWN_64, 0, 0, 0).x[0], (uint64_t)PSCI_NOT_SUPPORTED,
	   "an unknown 64-bit function: NOT_SUPPORTED in 64 bits");
}

static void bad_arguments(void)
{
	is((unsigned)psci_cpu_on(0), (unsigned)PSCI_ALREADY_ON, "CPU_ON of the caller: ALREADY_ON");
	is((unsigned)psci_cpu_on(1), (unsigned)PSCI_ALREADY_ON, "CPU_ON of another: ALREADY_ON");
	is((unsigned)psci(CPU_ON_32, cpus[1].affinity, 0x40080000, 0), (unsigned)PSCI_ALREADY_ON,
	   "CPU_ON by the 32-bit call: ALREADY_ON");
	is((unsigned)psci(PSCI_CPU_ON, ABSENT_AFFINITY, 0x40080000, 0),
	   (unsigned)PSCI_INVALID_PARAMETERS,
	   "CPU_ON of a CPU that is not there: INVALID_PARAMETERS");
	is((unsigned)psci(PSCI_AFFINITY_INFO, ABSENT_AFFINITY, 0, 0),
	   (unsigned)PSCI_INVALID_PARAMETERS,
	   "AFFINITY_INFO of a CPU that is not there: INVALID_PARAMETERS");
	is((unsigned)psci(PSCI_AFFINITY_INFO, cpus[0].affinity, 0, 0), AFFINITY_ON,
	   "AFFINITY_INFO of the caller: ON");
	is((unsigned)psci(PSCI_AFFINITY_INFO, cpus[1].affinity, 0, 0), AFFINITY_ON,
	   "AFFINITY_INFO of another: ON");
}

static void handed_over(void)
{
	unsigned masked = 0, off = 0;

	for (unsigned cpu = 1; cpu < cpu_count; cpu++) {
		masked += (cpus[cpu].entry_daif & DAIF_ALL) == DAIF_ALL;
		off += !(cpus[cpu].entry_sctlr & (SCTLR_MMU | SCTLR_CACHE));
	}
	is(masked, cpu_count - 1, "CPU_ON: PSTATE.DAIF masked at the entry point");
	is(off, cpu_count - 1, "CPU_ON: MMU and data cache off at the entry point");
}

static void off_and_on(void)
{
	for (unsigned cpu = 1; cpu < cpu_count; cpu++) {
		unsigned off = 0, on = 0, works = 0;

		for (unsigned i = 1; i <= CYCLES; i++) {
			off += cpu_turn_off(cpu);
			on += cpu_turn_on(cpu);
			sgi_send(cpu, 1);
			works += wait_at_least(&cpus[cpu].seen[1], i);
		}
		is(off, CYCLES, "CPU %u: CPU_OFF, AFFINITY_INFO says OFF", cpu);
		is(on, CYCLES, "CPU %u: CPU_ON, runs again", cpu);
		is(works, CYCLES, "CPU %u: takes an SGI after it", cpu);
	}
	counts_clear();
}

static void all_off_and_on(void)
{
	unsigned off = 0, on = 0;

	for (unsigned i = 0; i < CYCLES; i++) {
		for (unsigned cpu = 1; cpu < cpu_count; cpu++)
			off += cpu_turn_off(cpu);
		for (unsigned cpu = 1; cpu < cpu_count; cpu++)
			on += psci_cpu_on(cpu) == PSCI_SUCCESS;
		for (unsigned cpu = 1; cpu < cpu_count; cpu++)
			on += wait_at_least(&cpus[cpu].online, 1);
	}
	is(off, CYCLES * (cpu_count - 1), "all others off");
	is(on, 2 * CYCLES * (cpu_count - 1), "all others on at once");
}

/*
 * All CPUs but the last call CPU_ON for the last one at the same moment. The specification lets
 * one of them succeed; QEMU's own PSCI (7.2 and 10.0) marks the CPU only once it runs and lets
 * several, so only "at least one" can be the same on both machines.
 */
static atomic_uint ready, won, lost, other;

static void race(void *unused)
{
	(void)unused;
	atomic_fetch_add(&ready, 1);
	sev();
	wait_at_least(&ready, cpu_count - 1);
	switch (psci_cpu_on(cpu_count - 1)) {
	case PSCI_SUCCESS:
		atomic_fetch_add(&won, 1);
		break;
	case PSCI_ALREADY_ON:
	case PSCI_ON_PENDING:
		atomic_fetch_add(&lost, 1);
		break;
	default:
		atomic_fetch_add(&other, 1);
	}
}

static void races(void)
{
	unsigned last = cpu_count - 1, on = 0, off = 0, successful = 0;

	for (unsigned i = 0; i < RACES; i++) {
		unsigned before = atomic_load(&won);

		off += cpu_turn_off(last);
		atomic_store(&ready, 0);
		for (unsigned cpu = 1; cpu < last; cpu++)
			cpu_start(cpu, race, NULL);
		race(NULL);
		for (unsigned cpu = 1; cpu < last; cpu++)
			cpu_finish(cpu);
		successful += atomic_load(&won) > before;
		on += wait_at_least(&cpus[last].online, 1);
	}
	is(off + on, 2 * RACES, "CPU_ON in a race: the CPU went off and came on each time");
	is(successful, RACES, "CPU_ON in a race: a caller succeeds");
	is(atomic_load(&won) + atomic_load(&lost), RACES * last,
	   "CPU_ON in a race: the rest: ALREADY_ON or ON_PENDING");
	is(atomic_load(&other), 0, "CPU_ON in a race: no other result");
}

/*
 * What happens to a pending SGI of a CPU that is off is the redistributor's power domain's affair;
 * that the CPU comes back and works is not. An SPI routed to it pends in the distributor.
 */
static void interrupts_to_a_cpu_that_is_off(void)
{
	spi_setup(SPI, 1, PRIORITY_DEFAULT, true);
	ok(cpu_turn_off(1), "a CPU goes off");
	sgi_send(1, 2);
	sgi_send_others(3);
	gic_set_pending(0, SPI);
	wait_ms(SETTLE_MS);
	is(count_total(1), 0, "while off it takes nothing");
	ok(gic_is_pending(0, SPI), "an SPI for it pends");
	ok(cpu_turn_on(1), "it comes back");
	ok(wait_at_least(&cpus[1].seen[SPI], 1), "the SPI is delivered then");
	sgi_send(1, 4);
	ok(wait_at_least(&cpus[1].seen[4], 1), "and an SGI sent then");
	is(count_of(1, SPI), 1, "the SPI once");
	spi_release(SPI);
	counts_clear();
}

/* What is active in a CPU when it goes off: shared ones stay so, in the distributor. */
static void take(void *intid)
{
	unsigned me = this_cpu()->index;

	irq_mask();
	gic_set_pending(me, *(unsigned *)intid);
	wait_irq_asserted();
	if (gic_acknowledge() != *(unsigned *)intid)
		*(unsigned *)intid = INTID_SPURIOUS;
}

#define QEMU_RESET "its CPU interface is not reset with its CPU"

static bool comes_back(unsigned cpu)
{
	cpus[cpu].entry_running = 0;
	return cpu_turn_on(cpu) &&
	       (cpus[cpu].entry_running == PRIORITY_IDLE ||
		gic_excused(cpus[cpu].entry_running == PRIORITY_DEFAULT && gic_is_v2(),
			    QEMU_RESET));
}

static void active_when_it_goes(void)
{
	unsigned intid = SPI, early;

	spi_setup(SPI, 1, PRIORITY_DEFAULT, true);
	cpu_run(1, take, &intid);
	is(intid, SPI, "active and off: acknowledged");
	ok(cpu_turn_off(1), "active and off: it goes off");
	ok(gic_is_active(0, SPI), "active and off: the SPI stays active");
	ok(comes_back(1), "active and off: it comes back, with no priority running");
	ok(gic_is_active(0, SPI), "active and off: the SPI is still active");
	gic_set_pending(0, SPI);
	wait_ms(SETTLE_MS);
	is(count_all(SPI), 0, "active and off: the next one waits");
	gic_clear_active(0, SPI);
	ok(wait_at_least(&cpus[1].seen[SPI], 1), "active and off: until ICACTIVER");
	gic_wait_active(0, SPI, false);

	cpu_run(1, take, &intid);
	ok(cpu_turn_off(1), "active and off, rerouted: it goes off");
	gic_route(SPI, 0);
	gic_set_pending(0, SPI);
	wait_ms(SETTLE_MS);
	early = count_of(0, SPI);
	ok(early == 0 || gic_excused(early == 1, "it takes the active state for each CPU's own"),
	   "active and off, rerouted: the next one waits");
	gic_clear_active(0, SPI);
	ok(wait_at_least(&cpus[0].seen[SPI], 1), "active and off, rerouted: until ICACTIVER");
	ok(comes_back(1), "active and off, rerouted: it comes back, with no priority running");
	gic_route(SPI, 1);
	gic_set_pending(0, SPI);
	ok(wait_at_least(&cpus[1].seen[SPI], 2), "active and off, rerouted back: delivered");
	is(count_all(SPI), 3, "active and off: each once");
	spi_release(SPI);
	counts_clear();
}

/* Its own interrupts are its affair: it starts as from reset, and they work. */
static void take_private(void *result)
{
	unsigned sgi = 6;

	take(&sgi);
	gic_set_priority(this_cpu()->index, timer_virtual.intid, 0x40);
	gic_enable(this_cpu()->index, timer_virtual.intid);
	timer_set(&timer_virtual, 0, TIMER_ENABLE);
	wait_irq_asserted();
	*(bool *)result = sgi == 6 && gic_acknowledge() == timer_virtual.intid;
}

static void quiet(struct cpu *me, unsigned intid)
{
	(void)me;
	if (intid == timer_virtual.intid)
		timer_control(&timer_virtual, 0);
}

static void one_tick(void *unused)
{
	struct cpu *me = this_cpu();

	(void)unused;
	/* The timer first: QEMU leaves its line as it was when the CPU went off. */
	timer_set(&timer_virtual, 0, TIMER_ENABLE);
	gic_enable(me->index, timer_virtual.intid);
	wait_at_least(&me->seen[timer_virtual.intid], 1);
	gic_disable(me->index, timer_virtual.intid);
}

static void private_when_it_goes(void)
{
	bool taken = false;

	on_interrupt = quiet;
	cpu_run(1, take_private, &taken);
	ok(taken, "an SGI and the timer active, and off: acknowledged");
	ok(cpu_turn_off(1), "an SGI and the timer active, and off: it goes off");
	cpus[1].entry_running = 0;
	ok(cpu_turn_on(1), "an SGI and the timer active, and off: it comes back");
	sgi_send(1, 6);
	ok(wait_at_least(&cpus[1].seen[6], 1), "an SGI and the timer active, and off: SGIs work");
	cpu_run(1, one_tick, NULL);
	is(count_of(1, timer_virtual.intid), 1,
	   "an SGI and the timer active, and off: the timer works");
	on_interrupt = NULL;
	counts_clear();
}

static void go_off_with_pending(void *unused)
{
	(void)unused;
	irq_mask();
	gic_set_pending(0, SPI);
	sgi_send(1, 7);
	wait_irq_asserted();
	cpu_go_off();
}

static void pending_when_it_goes(void)
{
	spi_setup(SPI, 1, PRIORITY_DEFAULT, true);
	cpu_start(1, go_off_with_pending, NULL);
	ok(cpu_wait_off(1), "signalled and off: it goes off");
	ok(gic_is_pending(0, SPI), "signalled and off: the SPI pends");
	wait_ms(SETTLE_MS);
	is(count_all(SPI), 0, "signalled and off: nobody takes it");
	ok(cpu_turn_on(1), "signalled and off: it comes back");
	ok(wait_at_least(&cpus[1].seen[SPI], 1), "signalled and off: delivered then");
	gic_wait_active(0, SPI, false);
	cpu_start(1, go_off_with_pending, NULL);
	ok(cpu_wait_off(1), "signalled and off, rerouted: it goes off");
	gic_route(SPI, 0);
	if (gic_quirks.pending_stays) {
		gic_clear_pending(0, SPI);
		gic_set_pending(0, SPI);
	}
	ok(wait_at_least(&cpus[0].seen[SPI], 1), "signalled and off, rerouted: delivered there");
	ok(cpu_turn_on(1), "signalled and off, rerouted: it comes back");
	wait_ms(SETTLE_MS);
	is(count_all(SPI), 2, "signalled and off: each once");
	spi_release(SPI);
	counts_clear();
}

/* Sent while it is on its way: an SPI is taken before or after, and never lost. */
static void off_now(void *unused)
{
	(void)unused;
	cpu_go_off();
}

static void sent_while_it_goes(void)
{
	unsigned off = 0, on = 0, right = 0;

	spi_setup(SPI, 1, PRIORITY_DEFAULT, true);
	for (unsigned round = 1; round <= RACES; round++) {
		uint64_t start = counter_after_us(round % 8 * 20);

		cpu_start(1, off_now, NULL);
		while (!counter_passed(start))
			;
		gic_set_pending(0, SPI);
		sgi_send(1, 9);
		off += cpu_wait_off(1);
		sgi_send(1, 9);
		on += cpu_turn_on(1);
		right += wait_at_least(&cpus[1].seen[SPI], round) && count_all(SPI) == round;
	}
	is(off, RACES, "sent while it goes: it goes off each time");
	is(on, RACES, "sent while it goes: it comes back each time");
	is(right, RACES, "sent while it goes: each SPI is taken once");
	spi_release(SPI);
	counts_clear();
}

static void standby(void)
{
	uint64_t expiry;
	unsigned result;

	gic_enable(0, timer_virtual.intid);
	irq_mask();
	expiry = counter_after_ms(5);
	timer_set(&timer_virtual, expiry, TIMER_ENABLE);
	result = (unsigned)psci(PSCI_CPU_SUSPEND, 0, 0, 0);
	/* Standby may end early, as WFI may. */
	wait_irq_asserted();
	is(result, PSCI_SUCCESS, "CPU_SUSPEND to standby: SUCCESS after the timer");
	ok(counter_passed(expiry), "CPU_SUSPEND: the timer has expired");
	result = (unsigned)psci(PSCI_CPU_SUSPEND, 0, 0, 0);
	is(result, PSCI_SUCCESS, "CPU_SUSPEND with an interrupt pending: returns at once");
	timer_control(&timer_virtual, 0);
	gic_wait_pending(0, timer_virtual.intid, false);
	irq_unmask();
	gic_disable(0, timer_virtual.intid);
	is(count_total(0), 0, "CPU_SUSPEND: nothing was delivered while masked");
	counts_clear();
}

static void suspend_until_sgi(void *result)
{
	struct cpu *me = this_cpu();

	gic_enable(me->index, timer_virtual.intid);
	irq_mask();
	timer_set(&timer_virtual, counter_after_ms(LIMIT_MS / 2), TIMER_ENABLE);
	atomic_fetch_add(&ready, 1);
	while (!irq_asserted())
		*(int *)result |= psci(PSCI_CPU_SUSPEND, 0, 0, 0);
	timer_control(&timer_virtual, 0);
	gic_disable(me->index, timer_virtual.intid);
	irq_unmask();
}

static void standby_of_another(void)
{
	int result = 0;

	atomic_store(&ready, 0);
	cpu_start(1, suspend_until_sgi, &result);
	wait_at_least(&ready, 1);
	wait_ms(SETTLE_MS);
	sgi_send(1, 5);
	ok(cpu_finish(1), "CPU_SUSPEND of another CPU: ended by an SGI");
	is(result, 0, "CPU_SUSPEND of another CPU: SUCCESS");
	ok(wait_at_least(&cpus[1].seen[5], 1), "CPU_SUSPEND of another CPU: the SGI is delivered");
	is(count_total(1), 1, "CPU_SUSPEND of another CPU: and nothing else");
	counts_clear();
}

void guest_main(void)
{
	identity();
	bad_arguments();
	handed_over();
	off_and_on();
	all_off_and_on();
	handed_over();
	races();
	interrupts_to_a_cpu_that_is_off();
	active_when_it_goes();
	private_when_it_goes();
	pending_when_it_goes();
	sent_while_it_goes();
	standby();
	standby_of_another();
}
