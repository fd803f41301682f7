/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Calls to the firmware below: PSCI (DEN0022) and SMCCC (DEN0028) through the conduit of the
 * device tree.
 */
#ifndef GUEST_PSCI_H
#define GUEST_PSCI_H

#include "cpu.h"

#define PSCI_VERSION           0x84000000ul
#define PSCI_CPU_SUSPEND       0xc4000001ul
#define PSCI_CPU_OFF           0x84000002ul
#define PSCI_CPU_ON            0xc4000003ul
#define PSCI_AFFINITY_INFO     0xc4000004ul
#define PSCI_MIGRATE_INFO_TYPE 0x84000006ul
#define PSCI_SYSTEM_OFF        0x84000008ul
#define PSCI_SYSTEM_RESET      0x84000009ul
#define PSCI_FEATURES          0x8400000aul
#define PSCI_SYSTEM_RESET2     0x84000012ul

#define PSCI_SUCCESS            0
#define PSCI_NOT_SUPPORTED      (-1)
#define PSCI_INVALID_PARAMETERS (-2)
#define PSCI_DENIED             (-3)
#define PSCI_ALREADY_ON         (-4)
#define PSCI_ON_PENDING         (-5)

#define AFFINITY_ON         0
#define AFFINITY_OFF        1
#define AFFINITY_ON_PENDING 2

struct call_result {
	uint64_t x[4];
};

struct call_result call(uint64_t function, uint64_t x1, uint64_t x2, uint64_t x3);
/* PSCI results are 32-bit and signed. */
int psci(uint64_t function, uint64_t x1, uint64_t x2, uint64_t x3);
int psci_cpu_on(unsigned cpu);
_Noreturn void system_off(void);

#endif
