/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * SDEI under load. All CPUs signal each other event 0 and take their virtual timers as events, for a
 * bounded number of rounds: none is lost, none comes that was not raised. With sdei=hostile in its command
 * line: random calls with random arguments on all CPUs at once, also in handlers (sdei.seed=, sdei.rounds=);
 * the hypervisor and other VMs must not mind.
 */
#include "gic.h"
#include "psci.h"
#include "sdei.h"
#include "tap.h"
#include "timer.h"
#include "tree.h"
#include "uart.h"

#define ROUNDS 150

unsigned cpus_needed = 1;

static struct sdei_handler signals, ticks;
static atomic_uint raised[MAX_CPUS];
static uint64_t seed[MAX_CPUS];

/* xorshift64*, one for each CPU. */
static uint64_t random_number(void)
{
	uint64_t *x = &seed[this_cpu()->index];

	*x ^= *x >> 12;
	*x ^= *x << 25;
	*x ^= *x >> 27;
	return *x * 0x2545f4914f6cdd1dul;
}

static unsigned below(unsigned n)
{
	return (unsigned)((random_number() >> 32) % n);
}

/* --- Signals and timers --------------------------------------------------------------------------- */

static uint64_t next_tick(struct sdei_state *state, struct sdei_handler *mine)
{
	(void)state;
	if (atomic_load(&mine->count[this_cpu()->index]) + 1 < ROUNDS)
		timer_set_compare(&timer_virtual, counter_after_us(100 + below(200)));
	else
		timer_control(&timer_virtual, 0);
	return 0;
}

static int64_t timer_event;
static atomic_uint ready, well;

/* Asleep between ticks; the physical timer, masked, ends the sleep into which the last one was too early to come. */
static bool sleep_through_ticks(unsigned me)
{
	uint64_t deadline = counter_after_ms(FINISH_LIMIT_MS / 2);

	irq_mask();
	gic_enable(me, timer_physical.intid);
	while (atomic_load(&ticks.count[me]) < ROUNDS && !counter_passed(deadline)) {
		timer_set(&timer_physical,
			  timer_counter(&timer_physical) + read_sysreg(cntfrq_el0) / 50,
			  TIMER_ENABLE);
		wfi();
		timer_control(&timer_physical, 0);
	}
	gic_disable(me, timer_physical.intid);
	irq_unmask();
	return atomic_load(&ticks.count[me]) == ROUNDS;
}

static void load(void *unused)
{
	unsigned me = this_cpu()->index;
	bool right;

	(void)unused;
	seed[me] = 0x9e3779b97f4a7c15ul * (me + 1);
	right = sdei_listen(0, &signals, 0, 0) && sdei_listen(timer_event, &ticks, 0, 0);
	atomic_fetch_add(&ready, 1);
	wait_at_least(&ready, cpu_count);
	timer_set(&timer_virtual, counter_after_us(100), TIMER_ENABLE);
	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned to = below(cpu_count);

		atomic_fetch_add(&raised[to], 1);
		right &= sdei_call(SDEI_SIGNAL, 0, cpus[to].affinity) == SDEI_SUCCESS;
		if (below(8) == 0) {
			sdei_call(SDEI_PE_MASK);
			sdei_call(SDEI_PE_UNMASK);
		}
	}
	right &= sleep_through_ticks(me);
	atomic_fetch_add(&well, right);
}

static void leave(void *unused)
{
	(void)unused;
	sdei_forget(0);
	sdei_forget(timer_event);
	sdei_call(SDEI_PE_MASK);
}

static void stress(void)
{
	unsigned some = 0, not_too_many = 0, exact = 0, again = 0;

	timer_event = sdei_call(SDEI_BIND, timer_virtual.intid);
	ticks.hook = next_tick;
	cpu_run_all(load, NULL);
	is(atomic_load(&well), cpu_count, "all CPUs: each call succeeds, and all ticks come");
	wait_ms(SETTLE_MS);
	for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
		unsigned count = atomic_load(&signals.count[cpu]);

		some += count > 0;
		not_too_many += count <= atomic_load(&raised[cpu]);
		exact += atomic_load(&ticks.count[cpu]) == ROUNDS;
		sdei_call(SDEI_SIGNAL, 0, cpus[cpu].affinity);
		again += wait_at_least(&signals.count[cpu], count + 1) &&
			 atomic_load(&signals.count[cpu]) == count + 1;
	}
	is(some, cpu_count, "each CPU took signals");
	is(not_too_many, cpu_count, "no CPU took more than it was sent");
	is(exact, cpu_count, "each CPU took as many ticks as it armed");
	is(again, cpu_count, "nothing was left behind: one more signal is one more event");
	cpu_run_all(leave, NULL);
	answers(sdei_call(SDEI_RELEASE, (uint64_t)timer_event), 0, "INTERRUPT_RELEASE");
}

/* --- Hostile --------------------------------------------------------------------------------------- */

static unsigned rounds;
static atomic_uint taken, out_of_range;

/* Often what means something, sometimes anything. */
static uint64_t any_event(void)
{
	switch (below(8)) {
	case 0:
		return random_number();
	case 1:
		return below(4);
	case 2:
		return 0x40000000u + below(256);
	case 3:
	case 4:
		return 0x40000000u + below(4) + 64 * below(2);
	default:
		return 0;
	}
}

static uint64_t any_affinity(void)
{
	return below(8) ? cpus[below(cpu_count)].affinity : random_number() >> below(64);
}

/* Not a doorbell: the way to other CPUs is not to be lost. */
static uint64_t any_intid(void)
{
	uint64_t intid = below(4) ? 16 + below(64) : random_number() >> below(64);

	return gic_is_doorbell((unsigned)intid) ? 0 : intid;
}

/* What is entered has to be code of ours; the rest is to be refused. */
static uint64_t any_entry(void)
{
	static const uint64_t wrong[] = { 0, 1, 2, 3 };

	if (below(8) == 0)
		return wrong[below(4)];
	return (uintptr_t)sdei_entry_normal + (below(8) ? 0 : 2);
}

static uint64_t any_small(void)
{
	return below(4) ? below(20) : random_number();
}

static void toggle_source(void)
{
	if (below(2))
		timer_set(&timer_virtual, counter_after_us(below(100)),
			  below(3) ? TIMER_ENABLE : 0);
	else
		write32(UART_BASE + UART_IMSC, below(2) ? UART_TX_INTERRUPT : 0);
}

static void random_call(void)
{
	static struct sdei_handler anything;
	int64_t result;

	/* Else there is seldom an event that can come. */
	if (below(8) == 0) {
		sdei_listen((int64_t)any_event(), &anything, below(2), any_affinity());
		return;
	}
	switch (below(24)) {
	case 0:
	case 1:
		result = sdei_call(SDEI_REGISTER, any_event(), any_entry(), random_number(),
				   below(4) ? below(2) : random_number() & ~2ul, any_affinity());
		break;
	case 2:
	case 3:
		result = sdei_call(SDEI_ENABLE, any_event());
		break;
	case 4:
		result = sdei_call(SDEI_DISABLE, any_event());
		break;
	case 5:
		sdei_call(SDEI_CONTEXT, any_small());
		return; /* a context is any number */
	case 6:
		result = sdei_call(SDEI_UNREGISTER, any_event());
		break;
	case 7:
		result = sdei_call(SDEI_GET_INFO, any_event(), any_small());
		break;
	case 8:
		result = sdei_call(SDEI_ROUTING_SET, any_event(), any_small(), any_affinity());
		break;
	case 9:
		result = sdei_call(SDEI_PE_MASK);
		break;
	case 10:
	case 11:
		result = sdei_call(SDEI_PE_UNMASK);
		break;
	case 12:
	case 13:
		result = sdei_call(SDEI_BIND, any_intid());
		break;
	case 14:
		result = sdei_call(SDEI_RELEASE, any_event());
		break;
	case 15:
	case 16:
	case 17:
		result = sdei_call(SDEI_SIGNAL, below(16) ? 0 : any_event(), any_affinity());
		break;
	case 18:
		result = sdei_call(SDEI_FEATURES, any_small());
		break;
	case 19:
		result = sdei_call(below(64) ? SDEI_STATUS : SDEI_PRIVATE_RESET, any_event());
		break;
	case 20:
		result = sdei_call(below(64) ? SDEI_STATUS : SDEI_SHARED_RESET, any_event());
		break;
	case 21:
		result = sdei_call(SDEI_COMPLETE_AND_RESUME, any_entry() | 1);
		break;
	case 22:
		result =
			sdei_call(SDEI_FIRST_UNKNOWN + below(13), random_number(), random_number());
		break;
	default:
		toggle_source();
		return;
	}
	if (result < SDEI_OUT_OF_RESOURCE)
		atomic_fetch_add(&out_of_range, 1);
}

static uint64_t hostile_handler(struct sdei_state *state)
{
	(void)state;
	atomic_fetch_add(&taken, 1);
	timer_control(&timer_virtual, 0);
	write32(UART_BASE + UART_IMSC, 0);
	for (unsigned i = below(4); i; i--)
		random_call();
	sev();
	return 0;
}

static void hostile_work(void *unused)
{
	unsigned me = this_cpu()->index;

	(void)unused;
	seed[me] = (option_number("sdei.seed", 1) + 1) * 0x9e3779b97f4a7c15ul * (me + 1);
	for (unsigned i = 0; i < rounds; i++)
		random_call();
	timer_control(&timer_virtual, 0);
}

static void all_quiet(void *refused)
{
	timer_control(&timer_virtual, 0);
	write32(UART_BASE + UART_IMSC, 0);
	sdei_call(SDEI_PE_MASK);
	if (sdei_call(SDEI_PRIVATE_RESET) != SDEI_SUCCESS)
		atomic_fetch_add((atomic_uint *)refused, 1);
}

static void ignore(struct cpu *me, unsigned intid)
{
	(void)me;
	(void)intid;
	timer_control(&timer_virtual, 0);
	write32(UART_BASE + UART_IMSC, 0);
}

static void hostile(void)
{
	static atomic_uint refused;

	rounds = (unsigned)option_number("sdei.rounds", 20000);
	on_interrupt = ignore;
	sdei_any_hook = hostile_handler;
	ok(cpu_run_all(hostile_work, NULL), "hostile: all CPUs came to the end of their calls");
	cpu_run_all(all_quiet, &refused);
	is(atomic_load(&refused), 0, "hostile: PRIVATE_RESET on each CPU");
	answers(sdei_call(SDEI_SHARED_RESET), 0, "hostile: SHARED_RESET");
	ok(atomic_load(&taken) > 0, "hostile: there were events");
	is(atomic_load(&out_of_range), 0, "hostile: no answer that is none");
	sdei_any_hook = NULL;
	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		atomic_store(&raised[cpu], 0);
	print("# sdei-hostile: seed %lu, %u rounds on each of %u CPUs, %u events\n",
	      option_number("sdei.seed", 1), rounds, cpu_count, atomic_load(&taken));
}

void guest_main(void)
{
	sdei_init();
	write32(UART_BASE + UART_IMSC, 0);
	if (option_is("sdei", "hostile"))
		hostile();
	stress();
}
