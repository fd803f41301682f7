/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The end of a run.
 */
#ifndef MONITOR_RISCV64_END_H
#define MONITOR_RISCV64_END_H

#include "board.h"

void end_init(const struct board *board);

/*
 * A store to the test device: it ends the run, in a good way or a bad one, or resets the machine. Returns
 * if it was none of these.
 */
void finish(uint64_t offset, unsigned bytes, uint64_t value);

#endif
