/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * A hart in S-mode above an SBI: its traps, U-mode below it, work for other harts, waiting with a time
 * limit. sscratch and tp hold the hart's struct hart.
 */
#ifndef SBI_SUPERVISOR_H
#define SBI_SUPERVISOR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "csr.h"
#include "device.h"

#define MAX_HARTS  8
#define STACK_SIZE 0x4000
#define LIMIT_US   20000000u /* how long a wait for something that must come may take */
#define SETTLE_US  1000u     /* how long we look at what must not come */

#define ALL_INTERRUPTS (BIT(SSI) | BIT(STI))

/* The last trap of U-mode, or the last of S-mode that a test expected. */
struct trap {
	unsigned count;
	uint64_t cause;
	uint64_t pc;
	uint64_t tval;
	uint64_t status;
};

struct hart {
	uint64_t x[32]; /* of what was interrupted; these, up to call[], are entry.S's, too */
	uint64_t pc;
	uint64_t status;
	uint64_t cause;
	uint64_t tval;
	uint64_t trap_sp;
	uint64_t run_sp;
	uint64_t stack;
	uint64_t satp;
	uint64_t resumed[4];      /* a0, satp and sstatus at resume_entry */
	uint64_t call[32];        /* registers before and after call_with_all() */
	uint64_t started_with[4]; /* a0, a1, satp, sstatus at hart_entry */
	unsigned id;
	bool traps_expected;
	struct trap trap;
	unsigned registers_lost;    /* by calls, see sbi.c */
	atomic_uint interrupts[16]; /* taken, by cause; raised after the handler */
	atomic_uint online;
	atomic_uint beat; /* raised by work that waits */
	atomic_uint busy;
	void (*work)(void *); /* valid while busy */
	void *work_argument;
	uint32_t code[4];
};

extern struct hart harts[MAX_HARTS];
extern unsigned hart_count;

static inline struct hart *this_hart(void)
{
	struct hart *me;

	__asm__ volatile("mv %0, tp" : "=r"(me));
	return me;
}

static inline void interrupts_on(void)
{
	csr_set(sstatus, MSTATUS_SIE);
}

static inline void interrupts_off(void)
{
	csr_clear(sstatus, MSTATUS_SIE);
}

static inline void wfi(void)
{
	__asm__ volatile("wfi" ::: "memory");
}

/* --- Traps ------------------------------------------------------------------------------------- */

/*
 * By cause; without one, an interrupt's enable bit is cleared. They are called with interrupts off and
 * may make plain calls only (sbi.h).
 */
typedef void trap_handler(struct hart *me);
extern trap_handler *on_interrupt[16];

void clear_software(struct hart *me); /* SSIP */
void timer_never(struct hart *me);

/* From now on each exception of this hart's S-mode is noted in me->trap and skipped. */
void traps_expect(void);
/* Ends that; how many there were. */
unsigned traps_end(void);

/* Runs in U-mode until it traps with an exception; that is in me->trap. */
void user_run(uint64_t pc, uint64_t sp, uint64_t a0, uint64_t a1);
extern const char user_code[], user_spin[], user_ecall[];

/* --- Time ---------------------------------------------------------------------------------------- */

static inline uint64_t now(void)
{
	return csr_read(time);
}

static inline uint64_t us(uint64_t number)
{
	return TIMEBASE / 1000000 * number;
}

void wait_us(unsigned number);
/* Spins; true once *value >= wanted. The limit runs anew when the value changes. */
bool wait_at_least(atomic_uint *value, unsigned wanted);

static inline bool is_pending(unsigned interrupt)
{
	return csr_read(sip) & BIT(interrupt);
}

bool wait_pending(unsigned interrupt);

/* --- Other harts ---------------------------------------------------------------------------------- */

/* By HSM; ends the run if they do not come. Their SSIP and sie are clear when they are idle. */
void hart_bring_up(unsigned id);
extern const char hart_entry[], resume_entry[], visitor_entry[];
/* Hands work to an idle hart and returns at once. It starts with interrupts off. */
void hart_start(unsigned id, void (*work)(void *), void *argument);
/* Waits until it is done; ends the run if that takes too long. */
void hart_finish(unsigned id);
void hart_run(unsigned id, void (*work)(void *), void *argument);
/* On all at once, the caller included. */
void hart_run_all(void (*work)(void *), void *argument);

/* Enters S-mode's own translation. */
void hart_translate(struct hart *me);

#endif
