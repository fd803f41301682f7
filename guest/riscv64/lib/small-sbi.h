/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The least firmware that has the SBI's TIME, IPI and RFENCE extensions (RISC-V SBI 2.0), and of HSM hart_stop;
 * it also reads a time CSR that is not there, and makes misaligned accesses, in its payload's stead. Its
 * payload is a function in S-mode on each hart. A monitor may do any of this itself; what the payload sees is
 * the same.
 */
#ifndef GUEST_SMALL_SBI_H
#define GUEST_SMALL_SBI_H

#include "payload.h"

#define SBI_TIME   0x54494d45u
#define SBI_IPI    0x735049u
#define SBI_RFENCE 0x52464e43u
#define SBI_HSM    0x48534du
#define SBI_TEST   0x08000000u /* ours: sbi_on_test() */

#define SBI_INVALID (-3)
#define SBI_UNKNOWN (-2)

#define SBI_ALL UINT64_MAX /* hart_mask_base: all harts; size: all addresses */

struct sbi_result {
	long error;
	uint64_t value;
};

/* From S-mode. */
struct sbi_result sbi_call(uint64_t extension, uint64_t function, uint64_t a0, uint64_t a1,
			   uint64_t a2, uint64_t a3, uint64_t a4);

/*
 * On each hart that takes part: the function in S-mode with STI and SSI delegated, until it returns. A hart
 * counts as started from here until then.
 */
uint64_t sbi_run(uint64_t (*function)(uint64_t), uint64_t argument);

/* In machine mode, for each call of SBI_TEST; its result is the call's value. */
extern uint64_t (*sbi_on_test)(uint64_t function, uint64_t argument);

#endif
