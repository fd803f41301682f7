/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What monitor/common needs of the architecture.
 */
#ifndef MONITOR_ARM64_ARCH_H
#define MONITOR_ARM64_ARCH_H

#include "sysreg.h"

/*
 * The libraries that print use FP registers and errno; both are the guest's once it runs. SVE and
 * SME are kept from guests, so 128 bits are all of a vector register.
 */
struct guest_fp {
	__attribute__((aligned(16))) uint64_t fpcr;
	uint64_t fpsr, tpidr_el0, unused;
	uint8_t q[32][16];
};

void guest_fp_save(struct guest_fp *fp); /* also points TPIDR_EL0 at a block of our own */
void guest_fp_restore(const struct guest_fp *fp);

/* Power the machine off or restart it; PSCI by SMC. */
__attribute__((noreturn)) void machine_off(void);
__attribute__((noreturn)) void machine_reset(void);

static inline uint64_t clock_ticks(void)
{
	return read_sysreg(cntpct_el0);
}

#endif
