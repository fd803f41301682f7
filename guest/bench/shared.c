/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What it costs that vCPUs share physical CPUs. The bootargs say which set of VMs this one is in (the
 * descriptions are bench/vms-*.dts), for the hypervisor counts on each physical CPU:
 * bench=one: two vCPUs of this VM on one CPU. bench=other: one vCPU, beside the one of bench=partner.
 * bench=pair: two vCPUs, each on a CPU that a sleeping vCPU of bench=sleeper shares. bench=lpi-one,
 * bench=lpi-pair: the same as one and pair, for LPIs, with a device: see lpi.c. bench=sdei: see sdei.c.
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

/* Once for each set, before anything is not loaded. */
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

static unsigned spi_at; /* the physical CPU that takes it */

static uint64_t make_spi_pend(unsigned physical, bool only_try)
{
	return call(CALL_SPI, SPI, physical, only_try).x[0];
}

static void send_spi(void)
{
	make_spi_pend(spi_at, false);
}

static void send_sgi(void)
{
	sgi_send(1, SGI);
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

struct sample to_not_loaded(unsigned intid, void (*send)(void))
{
	struct sample sum = { 0, 0, 0, 0 };
	unsigned mine = 0, theirs;

	if (!switches_counted)
		bail_out("what a switch costs is not known");
	counts_clear();
	start_yielding();
	theirs = atomic_load(&yields);
	struct sample before = take();

	for (unsigned round = 1; round <= ROUNDS; round++) {
		send();
		for (; count_of(1, intid) < round; mine++)
			yield();
	}
	add_difference(&sum, before, take());
	theirs = atomic_load(&yields) - theirs;
	stop_yielding();
	take_off(&sum, one_switch, mine + theirs, switches_counted);
	return sum;
}

static void not_loaded_spi(void)
{
	struct sample sum, dry;

	spi_at = take().cpu;
	if (!can_spi(spi_at))
		return;
	spi_setup(SPI, 1, PRIORITY_DEFAULT, false);
	dry = dry_runs(spi_at);
	sum = to_not_loaded(SPI, send_spi);
	take_off(&sum, dry, 1, 1);
	report("spi_not_loaded", sum, ROUNDS);
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

struct sample to_sleeper(unsigned intid, void (*send)(void))
{
	struct sample sum = { 0, 0, 0, 0 };

	counts_clear();
	atomic_store(&stop, 0);
	cpu_start(1, sleep_until_told, NULL);
	for (unsigned i = 0; i < 10; i++)
		yield();
	struct sample before = take();

	for (unsigned round = 1; round <= ROUNDS; round++) {
		send();
		while (count_of(1, intid) < round)
			yield();
	}
	add_difference(&sum, before, take());
	atomic_store(&stop, 1);
	sgi_send(1, SGI);
	while (atomic_load(&cpus[1].busy))
		yield();
	return sum;
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

static void one_cpu(void)
{
	if (cpu_count != 2)
		bail_out("bench=one and lpi-one need two vCPUs");
	need_yield();
	switch_same_vm();
}

static void lpi_one(void)
{
	one_cpu();
	bench_lpis_not_loaded();
}

static void one(void)
{
	one_cpu();
	switch_gic();
	report("ipi_not_loaded", to_not_loaded(SGI, send_sgi), ROUNDS);
	not_loaded_spi();
	report("wake", to_sleeper(SGI, send_sgi), ROUNDS);
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

struct sample to_the_other(unsigned intid, void (*send)(void), bool sleeping)
{
	counts_clear();
	parts_clear();
	atomic_store(&asleep, 0);
	cpu_start(1, sleeping ? receive_sleeping : receive_running, &intid);
	wait_at_least(&asleep, 1);
	struct sample before = take();

	for (unsigned round = 1; round <= ROUNDS; round++) {
		if (sleeping)
			let_it_fall_asleep(round);
		send();
		wait_at_least(&cpus[1].seen[seen_index(intid)], round);
	}
	add_difference(&part[0], before, take());
	cpu_finish(1);
	return parts_sum();
}

static void spi_to_the_other(const char *name, unsigned physical, bool sleeping)
{
	struct sample dry = dry_runs(physical), sum;

	spi_at = physical;
	sum = to_the_other(SPI, send_spi, sleeping);
	take_off(&sum, dry, 1, 1);
	report(name, sum, ROUNDS);
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
	spi_to_the_other("spi_running_elsewhere", physical_of[0], false);
	spi_to_the_other("spi_waiting", physical_of[1], true);
	spi_release(SPI);
}

static void ipis(void)
{
	struct sample running = to_the_other(SGI, send_sgi, false);
	struct sample sleeping = to_the_other(SGI, send_sgi, true);

	report("ipi_shared_running", running, ROUNDS);
	report("ipi_shared_sleeping", sleeping, ROUNDS);
	report_kicks("kicks_per_ipi_running", running);
	report_kicks("kicks_per_ipi_sleeping", sleeping);
}

static void find_places(void)
{
	if (cpu_count != 2)
		bail_out("bench=pair and lpi-pair need two vCPUs");
	if (!on_different_cpus())
		bail_out("bench=pair and lpi-pair need their vCPUs on different CPUs");
	print("# vCPU 0 is on CPU %u, vCPU 1 on CPU %u\n", physical_of[0], physical_of[1]);
}

static void check_places(void)
{
	cpu_run_all(say_where, NULL);
	if (physical_of[0] == physical_of[1])
		bail_out("a vCPU moved: the counts are of no use");
}

static void pair(void)
{
	find_places();
	ipis();
	spis();
	check_places();
}

static void lpi_pair(void)
{
	find_places();
	bench_lpis_waiting();
	check_places();
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
	{ "one", one },           { "other", other },     { "partner", partner },
	{ "pair", pair },         { "sleeper", sleeper }, { "lpi-one", lpi_one },
	{ "lpi-pair", lpi_pair }, { "sdei", bench_sdei },
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
	bail_out(
		"bench=: one, other, partner, pair, sleeper, lpi-one, lpi-pair or sdei is allowed");
}
