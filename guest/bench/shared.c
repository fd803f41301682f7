/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What it costs that vCPUs share physical CPUs. The bootargs say which set of VMs this one is in (the
 * descriptions are bench/vms-*.dts), for the hypervisor counts on each physical CPU:
 * bench=one: two vCPUs of this VM on one CPU. bench=other: one vCPU, beside the one of bench=partner.
 * bench=pair: two vCPUs, each on a CPU that a sleeping vCPU of bench=sleeper shares. bench=sdei: see sdei.c.
 */
#include "bench.h"
#include "gic.h"
#include "psci.h"
#include "tap.h"
#include "timer.h"
#include "tree.h"

#define SPI          34 /* the RTC's, which nothing rings */
#define LOAD_MS      500
#define IDLE_MS      1000
#define LONELY       10000 /* yields to nobody, until the other VM must be gone */
#define SPREAD_MS    10
#define SPREAD_TRIES 20
#define SLEEPER_MS   4000

unsigned cpus_needed = 1;

static unsigned spi = SPI;
static atomic_uint stop, yields;

/* True if another vCPU ran meanwhile. */
static bool yield(void)
{
	return call(CALL_YIELD, 0, 0, 0).x[0] == 0;
}

static void need_yield(void)
{
	if ((int64_t)call(CALL_YIELD, 0, 0, 0).x[0] < 0)
		bail_out("the hypervisor has no call to yield");
}

static void yield_until_told(void *unused)
{
	(void)unused;
	while (!atomic_load(&stop)) {
		yield();
		atomic_fetch_add(&yields, 1);
	}
}

/* The second vCPU lets the first one run, and is only there to be switched to and from. */
static void start_yielding(void)
{
	atomic_store(&stop, 0);
	cpu_start(1, yield_until_told, NULL);
	for (unsigned before = atomic_load(&yields); atomic_load(&yields) < before + 10;)
		yield();
}

static void stop_yielding(void)
{
	atomic_store(&stop, 1);
	while (atomic_load(&cpus[1].busy))
		yield();
}

/* --- Two vCPUs of a VM on one CPU --------------------------------------------------------------- */

/* Of one switch, the call that asks for it included. */
static struct sample one_switch;
static unsigned switches_counted;

static void switch_same_vm(void)
{
	struct sample sum = { 0, 0, 0, 0 };
	unsigned alone = 0, theirs;

	start_yielding();
	theirs = atomic_load(&yields);
	struct sample before = take();

	for (unsigned i = 0; i < ROUNDS; i++)
		alone += !yield();
	add_difference(&sum, before, take());
	theirs = atomic_load(&yields) - theirs;
	stop_yielding();
	if (alone || theirs < ROUNDS - 1) {
		print("# switch_same_vm: %u of %u yields found nobody, %u came from the other\n",
		      alone, ROUNDS, theirs);
		return;
	}
	one_switch = sum;
	switches_counted = ROUNDS + theirs;
	report("switch_same_vm", sum, switches_counted);
}

static void gic_switch(void)
{
	call(CALL_SWITCH, 0, 0, 0);
}

static void switch_gic(void)
{
	struct sample whole, empty;

	if (call(CALL_SWITCH, 0, 0, 0).x[0] != 0) {
		print("# switch_gic needs the call 0x%lx\n", CALL_SWITCH);
		return;
	}
	whole = measure(nothing, gic_switch, ROUNDS);
	empty = measure(nothing, null_call, ROUNDS);
	whole.instructions -= empty.instructions;
	whole.exits -= empty.exits;
	report("switch_gic", whole, ROUNDS);
}

/* --- Interrupts by the bench call ------------------------------------------------------------- */

static uint64_t make_spi_pend(unsigned physical, bool only_try)
{
	return call(CALL_SPI, SPI, physical, only_try).x[0];
}

static bool can_spi(unsigned physical)
{
	if (make_spi_pend(physical, true) == 0)
		return true;
	print("# no SPI %u by call 0x%lx: is the RTC passed to this VM?\n", SPI, CALL_SPI);
	return false;
}

/* What the call itself costs, for so many rounds. */
static struct sample dry_runs(unsigned physical)
{
	struct sample sum = { 0, 0, 0, 0 };
	struct sample before = take();

	for (unsigned i = 0; i < ROUNDS; i++)
		make_spi_pend(physical, true);
	add_difference(&sum, before, take());
	return sum;
}

static void take_off(struct sample *from, struct sample what, uint64_t times, uint64_t of)
{
	from->instructions -= what.instructions * times / of;
	from->exits -= what.exits * times / of;
}

/*
 * To a vCPU that could run but is not loaded. The switches there and back, which take place anyway,
 * are taken off.
 */
static void not_loaded(const char *name, unsigned intid)
{
	struct sample sum = { 0, 0, 0, 0 }, dry = { 0, 0, 0, 0 };
	unsigned mine = 0, theirs, physical = take().cpu;

	if (!switches_counted || (intid >= 32 && !can_spi(physical)))
		return;
	if (intid >= 32)
		dry = dry_runs(physical);
	counts_clear();
	start_yielding();
	theirs = atomic_load(&yields);
	struct sample before = take();

	for (unsigned round = 1; round <= ROUNDS; round++) {
		if (intid >= 32)
			make_spi_pend(physical, false);
		else
			sgi_send(1, intid);
		for (; count_of(1, intid) < round; mine++)
			yield();
	}
	add_difference(&sum, before, take());
	theirs = atomic_load(&yields) - theirs;
	stop_yielding();
	take_off(&sum, one_switch, mine + theirs, switches_counted);
	take_off(&sum, dry, 1, 1);
	report(name, sum, ROUNDS);
}

static void not_loaded_spi(void)
{
	spi_setup(SPI, 1, PRIORITY_DEFAULT, false);
	not_loaded("spi_not_loaded", SPI);
	spi_release(SPI);
}

/* Asleep until there is an interrupt, over and over. */
static void sleep_until_told(void *unused)
{
	(void)unused;
	while (!atomic_load(&stop)) {
		irq_mask();
		if (!atomic_load(&stop))
			wfi();
		irq_unmask();
	}
}

/* An SGI to a vCPU of this CPU that sleeps, until it sleeps again: two switches are in it. */
static void wake(void)
{
	struct sample sum = { 0, 0, 0, 0 };

	counts_clear();
	atomic_store(&stop, 0);
	cpu_start(1, sleep_until_told, NULL);
	for (unsigned i = 0; i < 10; i++)
		yield();
	struct sample before = take();

	for (unsigned round = 1; round <= ROUNDS; round++) {
		sgi_send(1, SGI);
		while (count_of(1, SGI) < round)
			yield();
	}
	add_difference(&sum, before, take());
	atomic_store(&stop, 1);
	sgi_send(1, SGI);
	while (atomic_load(&cpus[1].busy))
		yield();
	report("wake", sum, ROUNDS);
}

/* --- The scheduler --------------------------------------------------------------------------- */

static void work_until(uint64_t deadline)
{
	volatile unsigned n;

	while (!counter_passed(deadline)) {
		for (n = 0; n < 1000; n++)
			;
	}
}

static uint64_t load_end;

static void work(void *unused)
{
	(void)unused;
	work_until(load_end);
}

static void scheduler_loaded(void)
{
	struct sample sum = { 0, 0, 0, 0 };
	struct sample before;

	load_end = counter_after_ms(LOAD_MS);
	cpu_start(1, work, NULL);
	before = take();
	work_until(load_end);
	add_difference(&sum, before, take());
	while (atomic_load(&cpus[1].busy))
		yield();
	sum.instructions *= 1000 / LOAD_MS;
	sum.exits *= 1000 / LOAD_MS;
	report("scheduler_loaded_second", sum, 1);
}

static void sleep_ms(unsigned ms)
{
	uint64_t deadline = counter_after_ms(ms);
	unsigned me = this_cpu()->index;

	gic_enable(me, timer_virtual.intid);
	while (!counter_passed(deadline)) {
		irq_mask();
		timer_set(&timer_virtual, deadline, TIMER_ENABLE);
		wfi();
		timer_control(&timer_virtual, 0);
		irq_unmask();
	}
	gic_disable(me, timer_virtual.intid);
}

static void scheduler_idle(void)
{
	struct sample sum = { 0, 0, 0, 0 };
	struct sample before = take();

	sleep_ms(IDLE_MS);
	add_difference(&sum, before, take());
	report("scheduler_idle_second", sum, 1);
}

static void one(void)
{
	if (cpu_count != 2)
		bail_out("bench=one needs two vCPUs");
	need_yield();
	switch_same_vm();
	switch_gic();
	not_loaded("ipi_not_loaded", SGI);
	not_loaded_spi();
	wake();
	scheduler_loaded();
	scheduler_idle();
}

/* --- Two VMs on one CPU ------------------------------------------------------------------------- */

static void other(void)
{
	struct sample sum = { 0, 0, 0, 0 };
	unsigned alone = 0;

	need_yield();
	while (!yield())
		;
	for (unsigned i = 0; i < 10; i++)
		yield();
	struct sample before = take();

	for (unsigned i = 0; i < ROUNDS; i++)
		alone += !yield();
	add_difference(&sum, before, take());
	if (alone)
		print("# switch_other_vm: %u of %u yields found nobody\n", alone, ROUNDS);
	else
		report("switch_other_vm", sum, 2 * ROUNDS);
}

/* Until the other VM, once it has come, is gone. */
static void partner(void)
{
	unsigned lonely = 0;

	need_yield();
	while (!yield())
		;
	while (lonely < LONELY)
		lonely = yield() ? 0 : lonely + 1;
}

/* --- Two CPUs, shared with who sleeps ------------------------------------------------------------ */

static unsigned physical_of[2];

static void say_where(void *unused)
{
	(void)unused;
	work_until(counter_after_ms(SPREAD_MS));
	physical_of[this_cpu()->index] = take().cpu;
}

/* The scheduler may have to see first that both have something to do, and that the others sleep. */
static bool on_different_cpus(void)
{
	for (unsigned i = 0; i < SPREAD_TRIES; i++) {
		cpu_run_all(say_where, NULL);
		if (physical_of[0] != physical_of[1])
			return true;
	}
	return false;
}

static void report_kicks(const char *name, struct sample sum)
{
	report(name, (struct sample){ sum.kicks, 0, 0, 0 }, ROUNDS);
}

/* One receiver on the other CPU; `intid` is an SGI, or SPI, which `physical` takes. */
static struct sample to_the_other(unsigned *intid, unsigned physical, bool sleeping)
{
	struct sample dry = { 0, 0, 0, 0 }, sum;

	if (*intid >= 32)
		dry = dry_runs(physical);
	counts_clear();
	parts_clear();
	atomic_store(&asleep, 0);
	cpu_start(1, sleeping ? receive_sleeping : receive_running, intid);
	wait_at_least(&asleep, 1);
	struct sample before = take();

	for (unsigned round = 1; round <= ROUNDS; round++) {
		if (sleeping)
			let_it_fall_asleep(round);
		if (*intid >= 32)
			make_spi_pend(physical, false);
		else
			sgi_send(1, *intid);
		wait_at_least(&cpus[1].seen[*intid], round);
	}
	add_difference(&part[0], before, take());
	cpu_finish(1);
	sum = parts_sum();
	take_off(&sum, dry, 1, 1);
	return sum;
}

bool spi_to_self(const char *name)
{
	struct sample sum = { 0, 0, 0, 0 }, dry, before;
	unsigned physical = take().cpu;

	if (!can_spi(physical))
		return false;
	dry = dry_runs(physical);
	counts_clear();
	spi_setup(SPI, 0, PRIORITY_DEFAULT, false);
	before = take();
	for (unsigned round = 1; round <= ROUNDS; round++) {
		make_spi_pend(physical, false);
		wait_at_least(&cpus[0].seen[SPI], round);
	}
	add_difference(&sum, before, take());
	spi_release(SPI);
	take_off(&sum, dry, 1, 1);
	report(name, sum, ROUNDS);
	return true;
}

static void spis(void)
{
	if (!spi_to_self("spi_running"))
		return;
	spi_setup(SPI, 1, PRIORITY_DEFAULT, false);
	report("spi_running_elsewhere", to_the_other(&spi, physical_of[0], false), ROUNDS);
	report("spi_waiting", to_the_other(&spi, physical_of[1], true), ROUNDS);
	spi_release(SPI);
}

static void pair(void)
{
	static unsigned sgi = SGI;
	struct sample running, sleeping;

	if (cpu_count != 2)
		bail_out("bench=pair needs two vCPUs");
	if (!on_different_cpus())
		bail_out("bench=pair needs its vCPUs on different CPUs");
	print("# vCPU 0 is on CPU %u, vCPU 1 on CPU %u\n", physical_of[0], physical_of[1]);
	running = to_the_other(&sgi, 0, false);
	sleeping = to_the_other(&sgi, 0, true);
	report("ipi_shared_running", running, ROUNDS);
	report("ipi_shared_sleeping", sleeping, ROUNDS);
	report_kicks("kicks_per_ipi_running", running);
	report_kicks("kicks_per_ipi_sleeping", sleeping);
	spis();
	cpu_run_all(say_where, NULL);
	if (physical_of[0] == physical_of[1])
		bail_out("a vCPU moved: the counts are of no use");
}

/* On all its vCPUs; the others' sleep is their work loop's. */
static void sleeper(void)
{
	sleep_ms(SLEEPER_MS);
}

static const struct {
	const char *name;
	void (*run)(void);
} sets[] = {
	{ "one", one },   { "other", other },     { "partner", partner },
	{ "pair", pair }, { "sleeper", sleeper }, { "sdei", bench_sdei },
};

bool bench_shared(void)
{
	if (!option_given("bench"))
		return false;
	for (unsigned i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		if (!option_is("bench", sets[i].name))
			continue;
		sets[i].run();
		ok(true, "bench=%s ran to its end", sets[i].name);
		return true;
	}
	bail_out("bench=: one, other, partner, pair, sleeper or sdei is allowed");
}
