/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A client of SDEI (Arm DEN0054) beside Linux's own: what its parts share. It makes the calls itself, with
 * an entry point of its own, so that it sees of the dispatcher what Linux's client does not look at.
 * The first words of struct handler are also known to entry.S, by offset.
 */
#ifndef CARILLON_SDEI_H
#define CARILLON_SDEI_H

#define HANDLER_STACK_TOP 0
#define HANDLER_SP        8
#define HANDLER_LIVE      16 /* x4 to x30 */
#define HANDLER_SMC       232

#define SDEI_FN_EVENT_SIGNAL 0xc400002f
#define SDEI_FN_FEATURES     0xc4000030
#define SDEI_FN_COMPLETE     0xc4000025
#define SDEI_FN_RESUME       0xc4000026

/* What the spinning function has in x2 to x28: this, and the register's number in the lowest bits. */
#define PATTERN_TOP    0x0ca1
#define PATTERN_HIGH   0x110c
#define PATTERN_MIDDLE 0xa111
#define PATTERN        0x0ca1110ca1110000

/* What carillon_spin_with_interrupts_off() says went wrong. */
#define SPIN_REGISTER 1 /* a register is not what it was */
#define SPIN_ELR      2 /* ELR_EL1 or SPSR_EL1 is not what it was */
#define SPIN_SP       4 /* SP is not what it was */

#ifndef __ASSEMBLY__

#include <linux/types.h>

#define CONTEXT_REGISTERS 18

/*
 * One for each CPU; the dispatcher hands its address back as the event's argument. Written by the handler
 * alone while the event is enabled, but for expect_*, period, resume; `count` is written last.
 */
struct handler {
	u64 stack_top;
	u64 sp;       /* of what was interrupted */
	u64 live[27]; /* x4 to x30, as they were at entry */
	u64 smc;

	u64 count;
	u64 pc, pstate;
	u32 event;
	u32 cpu;
	u64 mpidr;

	/* Of the PE at the last entry. */
	u64 daif, current_el, spsel;

	/* What EVENT_CONTEXT said, asked for if look_closely. */
	bool look_closely;
	u64 context[CONTEXT_REGISTERS];
	long context_beyond; /* the answer for a register that it does not have */

	u64 period;                 /* ticks from one event of a bound timer to the next */
	u64 resume;                 /* where COMPLETE_AND_RESUME goes; 0: COMPLETE */
	u64 expect_from, expect_to; /* where the interrupted PC should be, if look_closely */
	u64 interrupts_on;          /* how often that was with interrupts on */
	u64 elsewhere;              /* how often it was not */
	u64 wrong_live;             /* how often x4 to x28 were not the spinning function's */
	u64 reported;               /* the count that was last printed */
	bool armed;                 /* registered on this CPU */
};

/* entry.S */
void carillon_sdei_entry(void);
void carillon_resume_hung(void);
unsigned long carillon_spin_with_interrupts_off(u64 end, u64 *sp);
void carillon_spin_end(void);
long carillon_call(u64 function, u64 argument, u64 smc);

/* handler.c */
u64 carillon_record(u64 event, struct handler *handler, u64 pc, u64 pstate);

/* events.c: calls, and an event on all CPUs. */
extern bool use_smc;
extern struct handler __percpu *handlers;
long sdei_call(u32 function, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5);
int find_conduit(void);
int make_handlers(void);
void free_handlers(void);
int register_everywhere(u32 event, u32 irq, u64 period);
void unregister_everywhere(void);
long signal_cpu(unsigned int cpu);

/* modes.c */
extern char *mode;
extern unsigned int seconds, period_ms, irq, event, signals, hang;
extern bool panic_then;
int start_mode(void);
int probe_all_cpus(void);
void stop_mode(void);
void carillon_hung(u64 pc);

#endif
#endif
