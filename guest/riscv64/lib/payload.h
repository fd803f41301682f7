/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Code in S or U mode below this firmware, and the memory it may touch. payload_run() goes down
 * with mret and returns with the next trap that machine mode takes; all registers are in the struct
 * then, and the next payload_run() goes on where the payload stopped.
 */
#ifndef GUEST_PAYLOAD_H
#define GUEST_PAYLOAD_H

#include "hart.h"

struct payload {
	uint64_t x[32]; /* x[0] is not used */
	uint64_t pc;
	uint64_t status; /* mstatus after the trap */
	uint64_t cause;
	uint64_t tval;
	uint64_t mode;
};

/* What payload_vector notes of the traps that the payload itself takes. */
struct delegated {
	uint64_t saved[2];
	uint64_t count;
	uint64_t cause;
	uint64_t pc;
	uint64_t tval;
};

extern const char payload_vector[]; /* for stvec, with a struct delegated in sscratch */

/* To run function(argument) on this hart's payload stack. */
void payload_init(struct payload *payload, unsigned mode, uint64_t (*function)(uint64_t),
		  uint64_t argument);
/* Returns mcause. Traps in machine mode's interrupts as well, if mie lets them. */
uint64_t payload_run(struct payload *payload);
/* Did the function return? Its result is x[10] then. */
bool payload_returned(const struct payload *payload);
/* All in one: true if the function returned without any other trap to machine mode. */
bool payload_call(unsigned mode, uint64_t (*function)(uint64_t), uint64_t argument,
		  uint64_t *result);
/* One trap to machine mode before it returns, with this cause? */
bool payload_traps(unsigned mode, uint64_t (*function)(uint64_t), uint64_t argument,
		   uint64_t cause);

/* The payload traps here: p->pc to the next instruction. */
void payload_skip(struct payload *payload);

/* An entry's pmpcfg byte and pmpaddr. */
void pmp_set(unsigned entry, unsigned config, uint64_t address);
unsigned pmp_config(unsigned entry);
/* pmpaddr of a naturally aligned range of a power of two of bytes, at least 8. */
uint64_t pmp_napot(uint64_t base, uint64_t size);
/* Entry 0 lets S and U mode do anything anywhere. */
void pmp_open(void);
/* All entries off that are not locked. */
void pmp_reset(void);

#endif
