/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * PSCI 1.1 (DEN0022) and SMCCC 1.2 (DEN0028): function numbers and results, and calls to the
 * machine's firmware.
 */
#ifndef MONITOR_ARM64_PSCI_H
#define MONITOR_ARM64_PSCI_H

#include <stdint.h>

#define SMC64(function)         (0x40000000u | (function))
#define PSCI_VERSION            0x84000000u
#define PSCI_CPU_SUSPEND        0x84000001u
#define PSCI_CPU_OFF            0x84000002u
#define PSCI_CPU_ON             0xc4000003u
#define PSCI_CPU_ON_32          0x84000003u
#define PSCI_AFFINITY_INFO      0x84000004u
#define PSCI_MIGRATE_INFO_TYPE  0x84000006u
#define PSCI_SYSTEM_OFF         0x84000008u
#define PSCI_SYSTEM_RESET       0x84000009u
#define PSCI_FEATURES           0x8400000au
#define PSCI_SYSTEM_RESET2      0x84000012u
#define SMCCC_VERSION           0x80000000u
#define SMCCC_ARCH_FEATURES     0x80000001u
#define SMCCC_ARCH_WORKAROUND_1 0x80008000u
#define SMCCC_ARCH_WORKAROUND_2 0x80007fffu
#define SMCCC_ARCH_WORKAROUND_3 0x80003fffu

#define PSCI_SUCCESS            0
#define PSCI_NOT_SUPPORTED      (-1)
#define PSCI_INVALID_PARAMETERS (-2)
#define PSCI_ALREADY_ON         (-4)
#define PSCI_ON_PENDING         (-5)
#define PSCI_INVALID_ADDRESS    (-9)

int64_t smc_call(uint64_t function, uint64_t x1, uint64_t x2, uint64_t x3);
int64_t hvc_call(uint64_t function, uint64_t x1, uint64_t x2, uint64_t x3);

#endif
