/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What monitor/common needs of the architecture.
 */
#ifndef MONITOR_ARM64_ARCH_H
#define MONITOR_ARM64_ARCH_H

#include "context.h"
#include "sysreg.h"

/*
 * The libraries that print use FP registers and errno, which may be a guest's: around them, what is
 * there is put aside, and TPIDR_EL0 points at a block of our own.
 */
void guest_fp_save(struct guest_fp *fp);
void guest_fp_restore(const struct guest_fp *fp);

/* Power the machine off or restart it; PSCI by SMC. */
__attribute__((noreturn)) void machine_off(void);
__attribute__((noreturn)) void machine_reset(void);

static inline uint64_t clock_ticks(void)
{
	return read_sysreg(cntpct_el0);
}

#endif
