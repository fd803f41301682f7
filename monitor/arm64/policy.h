/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What of the CPU a guest sees and may touch; see policy.c.
 */
#ifndef MONITOR_ARM64_POLICY_H
#define MONITOR_ARM64_POLICY_H

#include <stdint.h>

/* This CPU's EL2 trap controls, every one that exists. */
void policy_setup(void);

/* HCR_EL2 that a vCPU starts with. */
uint64_t policy_hcr(void);

#endif
