/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What monitor/common needs of the architecture: nothing here uses floating point, and what libraries keep
 * for each thread is in struct hart.
 */
#ifndef MONITOR_RISCV64_ARCH_H
#define MONITOR_RISCV64_ARCH_H

struct guest_fp {
	char none;
};

static inline void guest_fp_save(struct guest_fp *fp)
{
	(void)fp;
}

static inline void guest_fp_restore(const struct guest_fp *fp)
{
	(void)fp;
}

#endif
