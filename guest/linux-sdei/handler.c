// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the event's handler does: looks around and writes down, without locks, and moves a bound timer on.
 * It may have interrupted anything, a user's program too, with whatever in SP_EL0: nothing here may use
 * `current`, take an exception or print.
 */
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/stddef.h>
#include <asm/barrier.h>
#include <asm/ptrace.h>
#include <asm/sysreg.h>
#include <uapi/linux/arm_sdei.h>
#include "carillon_sdei.h"

static_assert(offsetof(struct handler, stack_top) == HANDLER_STACK_TOP);
static_assert(offsetof(struct handler, sp) == HANDLER_SP);
static_assert(offsetof(struct handler, live) == HANDLER_LIVE);
static_assert(offsetof(struct handler, smc) == HANDLER_SMC);

static void look(struct handler *handler)
{
	unsigned int n;

	for (n = 0; n < CONTEXT_REGISTERS; n++)
		handler->context[n] =
			carillon_call(SDEI_1_0_FN_SDEI_EVENT_CONTEXT, n, handler->smc);
	handler->context_beyond = carillon_call(SDEI_1_0_FN_SDEI_EVENT_CONTEXT, n, handler->smc);
	for (n = 4; n <= 28; n++) {
		if (handler->live[n - 4] == PATTERN + n)
			continue;
		handler->wrong_live++;
		break;
	}
	if (handler->pc < handler->expect_from || handler->pc >= handler->expect_to)
		handler->elsewhere++;
}

static void move_timer_on(u64 period)
{
	isb();
	write_sysreg(read_sysreg(cntpct_el0) + period, cntp_cval_el0);
	isb();
}

/* Returns where to resume, 0 for what was interrupted. */
u64 carillon_record(u64 event, struct handler *handler, u64 pc, u64 pstate)
{
	handler->event = event;
	handler->pc = pc;
	handler->pstate = pstate;
	handler->interrupts_on += !(pstate & PSR_I_BIT);
	handler->daif = read_sysreg(daif);
	handler->current_el = read_sysreg(CurrentEL);
	handler->spsel = read_sysreg(SPSel);
	if (handler->look_closely)
		look(handler);
	if (handler->period)
		move_timer_on(handler->period);
	smp_store_release(&handler->count, handler->count + 1);
	return READ_ONCE(handler->resume);
}
