/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Starting, stopping and suspending harts (chapter 9). */
#include "pages.h"
#include "sbi.h"
#include "suites.h"
#include "supervisor.h"
#include "tap.h"
#include "words.h"

#define RETENTIVE     0ul
#define NON_RETENTIVE 0x80000000ul

extern struct visitor {
	volatile uint64_t state; /* 1: it is there; 2: it could not stop */
	uint64_t id, opaque, satp, sstatus, error;
} visitor; /* entry.S */

long suspend(unsigned long type, bool *resumed);

static const unsigned long absent[] = { 8,         31,        32,   63,         64,
					127,       128,       4096, 0x7fffffff, 0xffffffff,
					1ul << 32, 1ul << 63, NEVER };
#define ABSENT (sizeof(absent) / sizeof(absent[0]))

static struct sbi_result status(unsigned long id)
{
	return call(EXT_HSM, HSM_STATUS, id);
}

static bool wait_status(unsigned id, unsigned long wanted)
{
	uint64_t limit = now() + us(LIMIT_US);

	while (plain_call(EXT_HSM, HSM_STATUS, id).value != wanted)
		if (now() > limit)
			return false;
	return true;
}

/* --- Started and stopped ------------------------------------------------------------------------------------ */

static void visit(unsigned id, unsigned long opaque)
{
	uint64_t limit = now() + us(LIMIT_US);
	struct sbi_result r;

	visitor.state = 0;
	r = call(EXT_HSM, HSM_START, id, (uintptr_t)visitor_entry, opaque);
	while (!visitor.state && now() < limit)
		;
	atomic_thread_fence(memory_order_acquire);
	ok(!r.error && visitor.state == 1 && visitor.id == id && visitor.opaque == opaque &&
		   !visitor.satp && !(visitor.sstatus & MSTATUS_SIE),
	   "hart_start(%u, 0x%lx): error %ld, value 0x%lx, comes with both and satp, SIE clear", id,
	   opaque, r.error, r.value);
	ok(wait_status(id, HART_STOPPED) && visitor.state == 1, "hart_stop of hart %u", id);
}

static void wrong_starts(unsigned stopped)
{
	answers("hart_start(itself)", ALREADY_AVAILABLE, EXT_HSM, HSM_START, 0,
		(uintptr_t)hart_entry, 0);
	answers("hart_start(itself, in the CLINT)", ANY, EXT_HSM, HSM_START, 0, CLINT_BASE, 0);
	answers("hart_start(the first absent)", INVALID_PARAM, EXT_HSM, HSM_START, hart_count,
		(uintptr_t)hart_entry, 0);
	for (unsigned i = 0; i < ABSENT; i++) {
		/* If only 32 bits are looked at, that is this hart. */
		struct sbi_result r = call(EXT_HSM, HSM_START, absent[i], (uintptr_t)hart_entry,
					   (uintptr_t)&harts[0]);

		ok(r.error == INVALID_PARAM || r.error == ALREADY_AVAILABLE,
		   "hart_start(0x%lx): error %ld, value 0x%lx", absent[i], r.error, r.value);
	}
	if (!stopped)
		return;
	answers("hart_start(in the CLINT)", INVALID_ADDRESS, EXT_HSM, HSM_START, stopped,
		CLINT_BASE, 0);
	if (firmware_base)
		answers("hart_start(in the firmware)", INVALID_ADDRESS, EXT_HSM, HSM_START, stopped,
			firmware_base, 0);
	is(status(stopped).value, HART_STOPPED, "then it still is stopped");
}

static void first_status(void)
{
	answers("hart_get_status(itself)", SUCCESS, EXT_HSM, HSM_STATUS, 0);
	for (unsigned i = 1; i < hart_count; i++) {
		struct sbi_result r;

		wait_status(i, HART_STOPPED);
		r = status(i);
		ok(!r.error && r.value == HART_STOPPED,
		   "hart_get_status(%u): error %ld, value 0x%lx", i, r.error, r.value);
	}
	answers("hart_get_status(the first absent)", INVALID_PARAM, EXT_HSM, HSM_STATUS,
		hart_count);
	for (unsigned i = 0; i < ABSENT; i++) {
		struct sbi_result r = status(absent[i]);

		ok(r.error == INVALID_PARAM || (r.error == SUCCESS && !(uint32_t)absent[i]),
		   "hart_get_status(0x%lx): error %ld, value 0x%lx", absent[i], r.error, r.value);
	}
}

void test_hsm_first(void)
{
	first_status();
	wrong_starts(hart_count - 1);
	for (unsigned i = 1; i < hart_count; i++) {
		visit(i, 0x0123456789abcdef);
		visit(i, NEVER);
	}
	for (unsigned i = 1; i < hart_count; i++) {
		struct hart *hart = &harts[i];
		struct sbi_result r;

		hart_bring_up(i);
		ok(hart->started_with[0] == i && hart->started_with[1] == (uintptr_t)hart &&
			   !hart->started_with[2] && !(hart->started_with[3] & MSTATUS_SIE),
		   "hart %u is up", i);
		r = status(i);
		ok(!r.error && r.value == HART_STARTED,
		   "hart_get_status(%u): error %ld, value 0x%lx", i, r.error, r.value);
		r = call(EXT_HSM, HSM_START, i, (uintptr_t)hart_entry, 0);
		ok(r.error == ALREADY_AVAILABLE, "hart_start(%u) again: error %ld, value 0x%lx", i,
		   r.error, r.value);
	}
	registers_kept("HSM, at first,");
}

static void stop_itself(void *argument)
{
	(void)argument;
	atomic_store(&this_hart()->busy, 0);
	plain_call(EXT_HSM, HSM_STOP, 0);
	bail_out("hart_stop has returned");
}

/* What is sent to a stopped hart, and whether it finds it when it starts. */
static void to_a_stopped_hart(unsigned id)
{
	struct sbi_result i, f, s;

	hart_start(id, stop_itself, NULL);
	ok(wait_status(id, HART_STOPPED), "hart %u stops", id);
	i = call(EXT_IPI, 0, 1, id);
	f = call(EXT_RFENCE, RFENCE_FENCE_I, 1, id);
	s = call(EXT_RFENCE, RFENCE_SFENCE_VMA, 1, id, PAGES_AT, PAGE_SIZE);
	ok(true,
	   "to a stopped hart: send_ipi %ld, 0x%lx, remote_fence_i %ld, 0x%lx, sfence %ld, 0x%lx",
	   i.error, i.value, f.error, f.value, s.error, s.value);
	i = call(EXT_IPI, 0, 3, id - 1);
	f = call(EXT_RFENCE, RFENCE_FENCE_I, 3, id - 1);
	s = call(EXT_RFENCE, RFENCE_SFENCE_VMA, 0, NEVER, 0, NEVER);
	ok(true,
	   "to one with another: send_ipi %ld, 0x%lx, remote_fence_i %ld, 0x%lx, sfence %ld, 0x%lx",
	   i.error, i.value, f.error, f.value, s.error, s.value);
	is(status(id).value, HART_STOPPED, "it stays stopped");
	if (id == 1)
		csr_clear(sip, BIT(SSI));
	hart_bring_up(id);
	ok(wait_status(id, HART_STARTED), "and starts again");
}

/* --- Suspended ------------------------------------------------------------------------------------------------- */

static void work_nothing(void *argument)
{
	(void)argument;
}

struct nap {
	unsigned long type;
	unsigned interrupt; /* what wakes it */
	long error;
	bool resumed;
	bool pending;
};

/* With interrupts off: what wakes it stays pending. */
static void nap(void *argument)
{
	struct hart *me = this_hart();
	struct nap *nap = argument;

	atomic_fetch_add(&me->beat, 1);
	do {
		csr_write(sie, BIT(nap->interrupt)); /* which resume_entry finds in any state */
		nap->error = suspend(nap->type, &nap->resumed);
		nap->pending = is_pending(nap->interrupt);
	} while (!nap->error && !nap->pending);
	csr_write(sie, 0);
}

static bool resumed_well(const struct hart *hart)
{
	return hart->resumed[0] == hart->id && !hart->resumed[1] &&
	       !(hart->resumed[2] & MSTATUS_SIE);
}

static const char *type_name(unsigned long type)
{
	return type == RETENTIVE ? "retentive" : "non-retentive";
}

/* By the timer, or by what is pending already. */
static void suspend_itself(unsigned long type, unsigned interrupt, uint64_t deadline)
{
	struct nap mine = { .type = type, .interrupt = interrupt };

	csr_clear(sip, BIT(SSI));
	if (interrupt == SSI)
		call(EXT_IPI, 0, 1, 0);
	else
		call(EXT_TIME, 0, deadline);
	nap(&mine);
	ok(!mine.error && mine.pending && mine.resumed == (type == NON_RETENTIVE) &&
		   (type == RETENTIVE || resumed_well(&harts[0])) &&
		   (interrupt == SSI || now() >= deadline),
	   "%s suspend until the %s interrupt: error %ld", type_name(type),
	   interrupt == SSI ? "software" : "timer", mine.error);
	call(EXT_TIME, 0, TIMER_NEVER);
	csr_clear(sip, BIT(SSI));
}

static void suspend_other(unsigned id, unsigned long type)
{
	struct nap its = { .type = type, .interrupt = SSI };
	unsigned beat = atomic_load(&harts[id].beat);
	struct sbi_result i, f, s, again = { 0 };

	hart_start(id, nap, &its);
	wait_at_least(&harts[id].beat, beat + 1);
	ok(wait_status(id, HART_SUSPENDED), "hart %u is suspended, %s", id, type_name(type));
	/* OpenSBI 1.6 refuses it, but the other kind of suspend would then end at that address. */
	if (type == RETENTIVE)
		again = call(EXT_HSM, HSM_START, id, (uintptr_t)hart_entry, 0);
	f = call(EXT_RFENCE, RFENCE_FENCE_I, 1, id);
	s = call(EXT_RFENCE, RFENCE_SFENCE_VMA, 0, NEVER, 0, NEVER);
	i = call(EXT_IPI, 0, 1, id);
	hart_finish(id);
	ok(!its.error && its.pending && its.resumed == (type == NON_RETENTIVE) &&
		   (type == RETENTIVE || resumed_well(&harts[id])),
	   "an IPI ends it: %ld, 0x%lx; before: remote_fence_i %ld, 0x%lx, sfence %ld, 0x%lx, hart_start %ld, 0x%lx",
	   i.error, i.value, f.error, f.value, s.error, s.value, again.error, again.value);
	is(status(id).value, HART_STARTED, "it goes on");
}

/* With a software interrupt pending, so that what should have been refused comes back at least. */
static void reserved_types(void)
{
	static const unsigned long types[] = { 1,          0x0fffffff, 0x10000000, 0x7fffffff,
					       0x80000001, 0x8fffffff, 0x90000000, 0xffffffff,
					       1ul << 32,  1ul << 63,  NEVER };

	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct hart *me = this_hart();
		bool resumed;
		long error;

		call(EXT_IPI, 0, 1, 0);
		csr_write(sie, BIT(SSI));
		me->resumed[0] = 1;
		error = suspend(types[i], &resumed);
		ok(error < 0 || !(types[i] & NEVER >> 32), "hart_suspend(0x%lx): error %ld, %s",
		   types[i], error, resumed ? "resumed" : "returned");
		csr_write(sie, 0);
		csr_clear(sip, BIT(SSI));
	}
	call(EXT_IPI, 0, 1, 0);
	csr_write(sie, BIT(SSI));
	answers("hart_suspend(non-retentive, in the CLINT)", INVALID_ADDRESS, EXT_HSM, HSM_SUSPEND,
		NON_RETENTIVE, CLINT_BASE, 0);
	if (firmware_base)
		answers("hart_suspend(non-retentive, in the firmware)", INVALID_ADDRESS, EXT_HSM,
			HSM_SUSPEND, NON_RETENTIVE, firmware_base, 0);
	answers("hart_suspend(retentive, any address)", SUCCESS, EXT_HSM, HSM_SUSPEND, RETENTIVE,
		CLINT_BASE, NEVER);
	csr_write(sie, 0);
	csr_clear(sip, BIT(SSI));
}

static void with_others(void)
{
	for (unsigned i = 1; i < hart_count; i++) {
		suspend_other(i, RETENTIVE);
		suspend_other(i, NON_RETENTIVE);
		to_a_stopped_hart(i);
		hart_run(i, work_nothing, NULL);
	}
}

void test_hsm(void)
{
	for (unsigned i = 0; i < 3; i++) {
		suspend_itself(RETENTIVE, STI, now() + us(300));
		suspend_itself(NON_RETENTIVE, STI, now() + us(300));
	}
	suspend_itself(RETENTIVE, STI, 0);
	suspend_itself(NON_RETENTIVE, STI, 0);
	suspend_itself(RETENTIVE, SSI, 0);
	suspend_itself(NON_RETENTIVE, SSI, 0);
	reserved_types();
	if (hart_count == 1)
		skip("other harts suspended and stopped", "machine: one hart");
	else
		with_others();
	registers_kept("HSM");
}
