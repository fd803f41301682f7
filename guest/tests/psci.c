/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Power State Coordination Interface (DEN0022, chapter 5): results, CPUs off and on in a race, and
 * standby. Calls that the specification makes optional are not compared.
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
	standby();
	standby_of_another();
}
