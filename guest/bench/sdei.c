/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What SDEI costs: an event signalled to oneself, its end, one signalled to another CPU, and a timer's that is
 * bound (bench=sdei). Counting ends, or begins, as a handler's first or last call: a row for entering a
 * handler has the call that signals in it, and none that completes.
 */
#include "bench.h"
#include "gic.h"
#include "psci.h"
#include "sdei.h"
#include "tap.h"
#include "timer.h"

static struct sdei_handler handler;
static struct sample start[MAX_CPUS], entered[MAX_CPUS], sum;
static atomic_uint rounds_done;

static uint64_t count_entry(struct sdei_state *state, struct sdei_handler *mine)
{
	(void)state;
	(void)mine;
	add_difference(&sum, start[0], take());
	timer_control(&timer_virtual, 0);
	return 0;
}

static uint64_t count_end(struct sdei_state *state, struct sdei_handler *mine)
{
	(void)state;
	(void)mine;
	start[0] = take();
	return 0;
}

static void signal_cpu(unsigned cpu)
{
	sdei_call(SDEI_SIGNAL, 0, cpus[cpu].affinity);
}

static void clear(void)
{
	sum = (struct sample){ 0, 0, 0, 0 };
	sdei_count_clear(&handler);
}

static void to_self(void)
{
	clear();
	handler.hook = count_entry;
	sdei_listen(0, &handler, 0, 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		start[0] = take();
		signal_cpu(0);
	}
	report("sdei_dispatch", sum, ROUNDS);
	clear();
	handler.hook = count_end;
	for (unsigned i = 0; i < ROUNDS; i++) {
		signal_cpu(0);
		add_difference(&sum, start[0], take());
	}
	report("sdei_complete", sum, ROUNDS);
	sdei_forget(0);
}

/* The receiver's part: from before its wait to the handler's entry. */
static uint64_t count_receiver(struct sdei_state *state, struct sdei_handler *mine)
{
	unsigned me = this_cpu()->index;

	(void)state;
	(void)mine;
	entered[me] = take();
	return 0;
}

static void receive(void *sleeping)
{
	unsigned me = this_cpu()->index;

	irq_mask();
	sdei_listen(0, &handler, 0, 0);
	for (unsigned round = 1; round <= ROUNDS; round++) {
		start[me] = take();
		atomic_store(&asleep, round);
		sev();
		if (*(bool *)sleeping)
			wfi();
		wait_at_least(&handler.count[me], round);
		add_difference(&part[me], start[me], entered[me]);
		atomic_store(&rounds_done, round);
		sev();
	}
	sdei_forget(0);
	irq_unmask();
}

static void to_another(const char *name, bool sleeping)
{
	clear();
	parts_clear();
	handler.hook = count_receiver;
	atomic_store(&asleep, 0);
	atomic_store(&rounds_done, 0);
	cpu_start(1, receive, &sleeping);
	for (unsigned round = 1; round <= ROUNDS; round++) {
		if (sleeping)
			let_it_fall_asleep(round);
		else
			wait_at_least(&asleep, round);
		struct sample before = take();

		signal_cpu(1);
		add_difference(&part[0], before, take());
		wait_at_least(&rounds_done, round);
	}
	cpu_finish(1);
	report(name, parts_sum(), ROUNDS);
}

/* As `timer`, armed for now: what is counted is the expiry. */
static void bound_timer(void)
{
	int64_t event = sdei_call(SDEI_BIND, timer_virtual.intid);

	clear();
	handler.hook = count_entry;
	sdei_listen(event, &handler, 0, 0);
	for (unsigned round = 1; round <= ROUNDS; round++) {
		start[0] = take();
		timer_set(&timer_virtual, counter(), TIMER_ENABLE);
		wait_at_least(&handler.count[0], round);
	}
	report("sdei_bound_ppi", sum, ROUNDS);
	sdei_forget(event);
	sdei_call(SDEI_RELEASE, (uint64_t)event);
}

void bench_sdei(void)
{
	if (cpu_count != 2)
		bail_out("bench=sdei needs two vCPUs");
	sdei_init();
	to_self();
	to_another("sdei_signal", false);
	to_another("sdei_signal_asleep", true);
	bound_timer();
}
