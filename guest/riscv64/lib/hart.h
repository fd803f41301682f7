/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * A hart in machine mode as a firmware sees it: handlers for traps, traps that a test expects, work
 * for other harts, waiting with a time limit. mscratch and tp hold the hart's struct hart; a test
 * that changes one of them puts it back before the next trap.
 */
#ifndef GUEST_HART_H
#define GUEST_HART_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "csr.h"
#include "device.h"

#define MAX_HARTS  8
#define STACK_SIZE 0x4000    /* must agree with STACK_SHIFT in entry.S */
#define LIMIT_US   20000000u /* how long a wait for something that must come may take */
#define SETTLE_US  2000u     /* how long we look at what must not come */

/* What entry.S keeps of an interrupted machine mode; what a handler changes here is restored. */
struct frame {
	uint64_t x[32]; /* x[0] is not used */
	uint64_t pc;
	uint64_t status;
	uint64_t cause;
	uint64_t tval;
	uint64_t slot; /* of the vector table through which it came, NO_SLOT with a direct mtvec */
};

#define NO_SLOT UINT64_MAX

/* The last trap that a test expected. */
struct trap {
	unsigned count;
	uint64_t cause;
	uint64_t pc;
	uint64_t tval;
	uint64_t status; /* mstatus as the trap left it */
};

struct payload;

struct hart {
	uint64_t saved_sp; /* the first five belong to entry.S, which knows their offsets */
	uint64_t saved_t0;
	uint64_t slot;
	uint64_t run_sp;
	struct payload *payload;
	unsigned id;
	bool traps_expected;
	struct trap trap;
	atomic_uint interrupts[16]; /* taken in machine mode, by cause; raised after the handler */
	atomic_uint online;
	atomic_uint busy;     /* see hart.c */
	void (*work)(void *); /* valid while busy */
	void *work_argument;
	uint32_t code[4]; /* for execute() */
};

extern struct hart harts[MAX_HARTS];
extern unsigned hart_count; /* by the device tree, at most MAX_HARTS */

static inline struct hart *this_hart(void)
{
	struct hart *me;

	__asm__ volatile("mv %0, tp" : "=r"(me));
	return me;
}

static inline void interrupts_on(void)
{
	csr_set(mstatus, MSTATUS_MIE);
}

static inline void interrupts_off(void)
{
	csr_clear(mstatus, MSTATUS_MIE);
}

static inline void wfi(void)
{
	__asm__ volatile("wfi" ::: "memory");
}

/* --- Traps in machine mode -------------------------------------------------------------------- */

/*
 * By cause. An interrupt without a handler, and an exception that is neither expected nor has a
 * handler, ends the run. An exception's handler moves frame->pc on by itself: see
 * skip_instruction().
 */
typedef void trap_handler(struct hart *me, struct frame *frame);
extern trap_handler *on_interrupt[16];
extern trap_handler *on_exception[16];

/* Handlers that end the condition: msip cleared, mtimecmp never. */
void quiet_software(struct hart *me, struct frame *frame);
void quiet_timer(struct hart *me, struct frame *frame);

/* To the instruction after; where nothing can be fetched, to the caller of what jumped there. */
void skip_instruction(struct frame *frame);

/*
 * mtvec with a table of 16 entries (mode 1), or the same handler for all (mode 0, as at the start).
 */
void trap_vectored(bool vectored);

/* From now on each exception of this hart's machine mode is noted in me->trap and skipped. */
void traps_expect(void);
/* Ends that; how many there were. */
unsigned traps_end(void);
/* Ends it; was there exactly one, with this cause? */
bool trapped(unsigned cause);

/* Runs one instruction, that may use a0 and a1; returns a0. */
uint64_t execute(uint32_t instruction, uint64_t a0, uint64_t a1);

/* A CSR by its number, with traps expected: false if it trapped as illegal. */
bool csr_try_read(unsigned number, uint64_t *value);
bool csr_try_write(unsigned number, uint64_t value);
/* Those of a register that must be there; else the run ends. */
uint64_t csr_read_at(unsigned number);
void csr_write_at(unsigned number, uint64_t value);

/* csrrw 1, csrrs 2, csrrc 3, +4 with an immediate in rs1. */
static inline uint32_t csr_instruction(unsigned operation, unsigned number, unsigned rd,
				       unsigned rs1)
{
	return number << 20 | rs1 << 15 | operation << 12 | rd << 7 | 0x73;
}

#define REG_A0 10u
#define REG_A1 11u

/* misa says so. */
bool hart_has(char extension);

/* --- Other harts, and waiting ----------------------------------------------------------------- */

/*
 * Hands `work` to an idle hart and returns at once; it starts with all interrupts off. A software
 * interrupt that is sent to it before it has started is lost: the doorbell is one, too.
 */
void hart_start(unsigned hart, void (*work)(void *), void *argument);
/* Waits until it is done; false if the limit passed. */
bool hart_finish(unsigned hart);
bool hart_run(unsigned hart, void (*work)(void *), void *argument);
/* On all at once, the caller included; none begins before all have started. */
bool hart_run_all(void (*work)(void *), void *argument);

/* Spins; true once *value >= wanted. */
bool wait_at_least(atomic_uint *value, unsigned wanted);
/* A bit of mip. */
static inline bool is_pending(unsigned interrupt)
{
	return csr_read(mip) & BIT(interrupt);
}

/* Waits until it is 1, or 0. */
bool wait_pending(unsigned interrupt);
bool wait_not_pending(unsigned interrupt);
/* Lets time pass. */
void wait_us(unsigned us);

/* Turns this hart's interrupts off, at their sources too, and forgets counts and handlers. */
void interrupts_reset(void);

#endif
