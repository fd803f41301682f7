/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * From the first C instruction to guest_main, work for other harts, and waiting. Idle harts sleep
 * in wfi with nothing but their software interrupt enabled, and take none.
 */
#include "hart.h"
#include "tap.h"
#include "tree.h"

/* Only when it is RUNNING has the doorbell been rung: it must not ring in the midst of the work. */
enum { IDLE, RUNG, RUNNING };

_Noreturn void first_main(unsigned id, const void *device_tree);
_Noreturn void secondary_main(unsigned id);

struct hart harts[MAX_HARTS];
unsigned hart_count;
_Alignas(16) char stacks[MAX_HARTS][STACK_SIZE];
/* Not in .bss, which is cleared while the other harts look at it. */
atomic_uint released __attribute__((section(".data")));

static void hart_init(unsigned id)
{
	struct hart *me = &harts[id];

	me->id = id;
	__asm__ volatile("mv tp, %0\n\tcsrw mscratch, %0" ::"r"(me) : "memory");
	timer_set(id, TIMER_NEVER);
	clint_clear(id);
	atomic_store(&me->online, 1);
}

_Noreturn void first_main(unsigned id, const void *device_tree)
{
	hart_init(id);
	tree_read(device_tree);
	hart_count = tree.harts;
	if (!hart_count || hart_count > MAX_HARTS)
		bail_out("the device tree has no harts, or too many");
	atomic_store(&released, 1);
	for (unsigned i = 1; i < hart_count; i++)
		if (!wait_at_least(&harts[i].online, 1))
			bail_out("a hart did not start");
	guest_main();
	finish();
}

_Noreturn void secondary_main(unsigned id)
{
	struct hart *me = &harts[id];

	hart_init(id);
	for (;;) {
		csr_write(mie, BIT(MSI));
		while (atomic_load_explicit(&me->busy, memory_order_acquire) == IDLE) {
			wfi();
			clint_clear(id);
		}
		csr_write(mie, 0);
		while (atomic_load_explicit(&me->busy, memory_order_acquire) != RUNNING)
			;
		clint_clear(id);
		me->work(me->work_argument);
		interrupts_off();
		atomic_store_explicit(&me->busy, IDLE, memory_order_release);
	}
}

/*
 * Looks at the time now and then only: a device access is slow, and all harts' go one after the
 * other.
 */
static bool passed(uint64_t deadline)
{
	for (unsigned i = 0; i < 100; i++)
		__asm__ volatile("nop" ::: "memory");
	return mtime() >= deadline;
}

void hart_start(unsigned hart, void (*work)(void *), void *argument)
{
	struct hart *to = &harts[hart];

	to->work = work;
	to->work_argument = argument;
	atomic_store_explicit(&to->busy, RUNG, memory_order_release);
	clint_send(hart);
	__asm__ volatile("fence o, w" ::: "memory");
	atomic_store_explicit(&to->busy, RUNNING, memory_order_release);
}

bool hart_finish(unsigned hart)
{
	uint64_t limit = us_from_now(LIMIT_US);

	while (atomic_load_explicit(&harts[hart].busy, memory_order_acquire) != IDLE)
		if (passed(limit))
			return false;
	return true;
}

bool hart_run(unsigned hart, void (*work)(void *), void *argument)
{
	hart_start(hart, work, argument);
	return hart_finish(hart);
}

struct together {
	void (*work)(void *);
	void *argument;
	atomic_uint arrived;
};

/* None begins before all are there: what rings a hart that still is on its way would be lost. */
static void run_together(void *argument)
{
	struct together *together = argument;

	atomic_fetch_add(&together->arrived, 1);
	if (wait_at_least(&together->arrived, hart_count))
		together->work(together->argument);
}

bool hart_run_all(void (*work)(void *), void *argument)
{
	struct together together = { work, argument, 0 };
	bool all = true;

	for (unsigned i = 1; i < hart_count; i++)
		hart_start(i, run_together, &together);
	run_together(&together);
	for (unsigned i = 1; i < hart_count; i++)
		all &= hart_finish(i);
	return all;
}

/* The limit runs anew whenever the value changes: a slow machine is not a lost interrupt. */
bool wait_at_least(atomic_uint *value, unsigned wanted)
{
	uint64_t limit = us_from_now(LIMIT_US);
	unsigned found, last = 0;

	while ((found = atomic_load_explicit(value, memory_order_acquire)) < wanted) {
		if (found != last)
			limit = us_from_now(LIMIT_US);
		else if (passed(limit))
			return false;
		last = found;
	}
	return true;
}

static bool wait_mip(unsigned interrupt, bool set)
{
	uint64_t limit = us_from_now(LIMIT_US);

	while (is_pending(interrupt) != set)
		if (passed(limit))
			return false;
	return true;
}

bool wait_pending(unsigned interrupt)
{
	return wait_mip(interrupt, true);
}

bool wait_not_pending(unsigned interrupt)
{
	return wait_mip(interrupt, false);
}

void wait_us(unsigned us)
{
	uint64_t end = us_from_now(us);

	while (!passed(end))
		;
}

void interrupts_reset(void)
{
	struct hart *me = this_hart();

	interrupts_off();
	csr_write(mie, 0);
	timer_set(me->id, TIMER_NEVER);
	clint_clear(me->id);
	csr_clear(mip, S_INTERRUPTS);
	for (unsigned i = 0; i < 16; i++) {
		atomic_store(&me->interrupts[i], 0);
		on_interrupt[i] = NULL;
		on_exception[i] = NULL;
	}
}
