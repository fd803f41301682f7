/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Code off the exit paths.
 */
#ifndef MONITOR_ARM64_COLD_H
#define MONITOR_ARM64_COLD_H

#include "cpu.h"
#include "../common/panic.h"

/* end.c: the table at the end of a run. */
void exit_table_print(void);
void its_stats_print(const struct vm *vm);
void sdei_stats_print(const struct vm *vm);
unsigned long vcpu_exits(const struct vcpu *vcpu, unsigned first, unsigned last); /* of kinds */

/* end.c */
__attribute__((noreturn)) void run_ended(void);          /* well */
__attribute__((noreturn)) void run_ended_by_reset(void); /* the machine's */

#endif
