/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * From the first C instruction to guest_main, traps, work for other harts, and waiting. Idle harts sleep
 * in wfi until an IPI, which is taken note of before the work begins: none is left over for a test.
 */
#include "supervisor.h"
#include "pages.h"
#include "sbi.h"
#include "tap.h"
#include "tree.h"
#include "words.h"

enum { IDLE, BUSY };

_Noreturn void first_main(const void *device_tree);
_Noreturn void secondary_main(uint64_t id, uint64_t opaque);
bool trap_taken(struct hart *me);
extern const char trap_entry[];

_Static_assert(offsetof(struct hart, pc) == 256 && offsetof(struct hart, status) == 264 &&
		       offsetof(struct hart, cause) == 272 && offsetof(struct hart, tval) == 280 &&
		       offsetof(struct hart, trap_sp) == 288 &&
		       offsetof(struct hart, run_sp) == 296 &&
		       offsetof(struct hart, stack) == 304 && offsetof(struct hart, satp) == 312 &&
		       offsetof(struct hart, resumed) == 320 && offsetof(struct hart, call) == 352,
	       "entry.S knows these offsets");

struct hart harts[MAX_HARTS];
unsigned hart_count;
trap_handler *on_interrupt[16];
static _Alignas(16) char stacks[MAX_HARTS][2][STACK_SIZE];

/* --- Traps ------------------------------------------------------------------------------------- */

void clear_software(struct hart *me)
{
	(void)me;
	csr_clear(sip, BIT(SSI));
}

void timer_never(struct hart *me)
{
	(void)me;
	plain_call(EXT_TIME, 0, TIMER_NEVER, 0);
}

static _Noreturn void unexpected(struct hart *me)
{
	print("# hart %u: scause 0x%lx sepc 0x%lx stval 0x%lx sstatus 0x%lx ra 0x%lx\n", me->id,
	      me->cause, me->pc, me->tval, me->status, me->x[1]);
	bail_out("unexpected trap");
}

static void interrupt(struct hart *me)
{
	unsigned cause = me->cause & 0xf;

	if (on_interrupt[cause])
		on_interrupt[cause](me);
	else
		csr_clear(sie, BIT(cause));
	atomic_fetch_add_explicit(&me->interrupts[cause], 1, memory_order_release);
}

/* True: this ends user_run(). */
bool trap_taken(struct hart *me)
{
	bool user = !(me->status & MSTATUS_SPP);

	if (me->cause & CAUSE_IS_INTERRUPT) {
		interrupt(me);
		return false;
	}
	if (!user && !me->traps_expected)
		unexpected(me);
	me->trap = (struct trap){ me->trap.count + 1, me->cause, me->pc, me->tval, me->status };
	if (!user)
		me->pc += (*(const uint16_t *)me->pc & 3) == 3 ? 4 : 2;
	return user;
}

void traps_expect(void)
{
	struct hart *me = this_hart();

	me->trap = (struct trap){ 0 };
	me->traps_expected = true;
}

unsigned traps_end(void)
{
	struct hart *me = this_hart();

	me->traps_expected = false;
	return me->trap.count;
}

/* --- Waiting ------------------------------------------------------------------------------------ */

static bool passed(uint64_t deadline)
{
	for (unsigned i = 0; i < 100; i++)
		__asm__ volatile("nop" ::: "memory");
	return now() >= deadline;
}

void wait_us(unsigned number)
{
	uint64_t end = now() + us(number);

	while (!passed(end))
		;
}

bool wait_at_least(atomic_uint *value, unsigned wanted)
{
	uint64_t limit = now() + us(LIMIT_US);
	unsigned found, last = 0;

	while ((found = atomic_load_explicit(value, memory_order_acquire)) < wanted) {
		if (found != last)
			limit = now() + us(LIMIT_US);
		else if (passed(limit))
			return false;
		last = found;
	}
	return true;
}

bool wait_pending(unsigned interrupt_number)
{
	uint64_t limit = now() + us(LIMIT_US);

	while (!is_pending(interrupt_number))
		if (passed(limit))
			return false;
	return true;
}

/* --- Harts ----------------------------------------------------------------------------------------- */

void hart_translate(struct hart *me)
{
	csr_write(satp, me->satp);
	__asm__ volatile("sfence.vma" ::: "memory");
}

static void hart_init(struct hart *me)
{
	__asm__ volatile("mv tp, %0" ::"r"(me));
	csr_write(sscratch, (uintptr_t)me);
	csr_write(stvec, (uintptr_t)trap_entry);
	csr_write(sie, 0);
	hart_translate(me);
}

static void hart_prepare(unsigned id)
{
	struct hart *hart = &harts[id];

	hart->id = id;
	hart->stack = (uintptr_t)stacks[id][0] + STACK_SIZE;
	hart->trap_sp = (uintptr_t)stacks[id][1] + STACK_SIZE;
	hart->satp = pages_satp(0);
}

_Noreturn void first_main(const void *device_tree)
{
	tree_read(device_tree);
	words_read(device_tree);
	hart_count = tree.harts;
	if (!hart_count || hart_count > MAX_HARTS)
		bail_out("the device tree has no harts, or too many");
	pages_init();
	for (unsigned i = 0; i < hart_count; i++)
		hart_prepare(i);
	hart_init(&harts[0]);
	guest_main();
	finish();
}

/* The doorbell has rung, and cannot ring later, when work is looked for. */
static void wait_for_doorbell(void)
{
	csr_write(sie, BIT(SSI));
	while (!is_pending(SSI))
		wfi();
	csr_clear(sip, BIT(SSI));
	csr_write(sie, 0);
}

_Noreturn void secondary_main(uint64_t id, uint64_t opaque)
{
	struct hart *me = (struct hart *)opaque;

	me->started_with[0] = id;
	me->started_with[1] = opaque;
	me->started_with[2] = csr_read(satp);
	me->started_with[3] = csr_read(sstatus);
	hart_init(me);
	atomic_store(&me->online, 1);
	for (;;) {
		wait_for_doorbell();
		if (atomic_load_explicit(&me->busy, memory_order_acquire) != BUSY)
			continue;
		me->work(me->work_argument);
		interrupts_off();
		csr_write(sie, 0);
		csr_clear(sip, BIT(SSI));
		plain_call(EXT_TIME, 0, TIMER_NEVER, 0);
		atomic_store_explicit(&me->busy, IDLE, memory_order_release);
	}
}

void hart_bring_up(unsigned id)
{
	struct hart *hart = &harts[id];

	atomic_store(&hart->online, 0);
	plain_call(EXT_HSM, HSM_START, id, (uintptr_t)hart_entry, (uintptr_t)hart);
	if (!wait_at_least(&hart->online, 1))
		bail_out("a hart does not start");
}

void hart_start(unsigned id, void (*work)(void *), void *argument)
{
	struct hart *to = &harts[id];

	to->work = work;
	to->work_argument = argument;
	atomic_store_explicit(&to->busy, BUSY, memory_order_release);
	plain_call(EXT_IPI, 0, 1, id);
}

void hart_finish(unsigned id)
{
	uint64_t limit = now() + us(2 * LIMIT_US);

	while (atomic_load_explicit(&harts[id].busy, memory_order_acquire) != IDLE)
		if (passed(limit)) {
			print("# hart %u\n", id);
			bail_out("a hart does not finish its work");
		}
}

void hart_run(unsigned id, void (*work)(void *), void *argument)
{
	hart_start(id, work, argument);
	hart_finish(id);
}

struct together {
	void (*work)(void *);
	void *argument;
	atomic_uint arrived;
};

static void run_together(void *argument)
{
	struct together *together = argument;

	atomic_fetch_add(&together->arrived, 1);
	if (wait_at_least(&together->arrived, hart_count))
		together->work(together->argument);
}

void hart_run_all(void (*work)(void *), void *argument)
{
	struct together together = { work, argument, 0 };

	for (unsigned i = 1; i < hart_count; i++)
		hart_start(i, run_together, &together);
	run_together(&together);
	for (unsigned i = 1; i < hart_count; i++)
		hart_finish(i);
}
