/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The physical CLINT, and the virtual one on it.
 */
#ifndef MONITOR_RISCV64_CLINT_H
#define MONITOR_RISCV64_CLINT_H

#include "board.h"

extern struct vclint *vclint;

void clint_init(const struct board *board);
void clint_init_hart(struct hart *hart);

/* mtime, and milliseconds by it. */
uint64_t clint_time(void);
uint64_t clint_milliseconds(void);

/* The hart's timer follows the deadlines. On that hart. */
void clint_program(struct hart *hart);

/* Whatever machine-level interrupts are pending here: taken, and passed on. */
void clint_interrupts(struct hart *hart, uint64_t mip);

/* An access of the firmware's, or of its payload's; false: an access fault. */
bool clint_load(uint64_t address, unsigned bytes, uint64_t *value);
bool clint_store(struct hart *hart, uint64_t address, unsigned bytes, uint64_t value);

#endif
