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

/*
 * The same while the payload runs, for one of them, counted. true: the firmware has an interrupt, and the trap is to
 * be taken like any other.
 */
bool clint_payload_message(struct hart *hart);
bool clint_payload_time(struct hart *hart);

/* Whether the firmware has an interrupt of the CLINT's that it would take from its payload. */
bool clint_due(const struct hart *hart);

/*
 * The hart takes another software interrupt, as if it had not seen the firmware's. With that reason, not without one:
 * a reason of the payload's may come on top, and it would be the only one to be seen to.
 */
void clint_look_again(struct hart *hart);

/* The payload's timer interrupt is pending from then on, and until then not; VCLINT_NEVER. */
void clint_payload_timer(struct hart *hart, uint64_t deadline);

/* An access of the firmware's, or of its payload's; false: an access fault. */
bool clint_load(uint64_t address, unsigned bytes, uint64_t *value);
bool clint_store(struct hart *hart, uint64_t address, unsigned bytes, uint64_t value);

#endif
