/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * In the place of monitor/arm64/arch.h when the hypervisor's console is built for the host: there is
 * no guest whose registers would have to be put aside. Included before anything else.
 */
#ifndef MONITOR_ARM64_ARCH_H
#define MONITOR_ARM64_ARCH_H

struct guest_fp {
	char nothing;
};

static inline void guest_fp_save(struct guest_fp *fp)
{
	fp->nothing = 0;
}

static inline void guest_fp_restore(const struct guest_fp *fp)
{
	(void)fp;
}

#endif
