/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Calls of the RISC-V Supervisor Binary Interface (specification 2.0): numbers, and three ways to call. */
#ifndef SBI_SBI_H
#define SBI_SBI_H

#include <stdbool.h>
#include <stdint.h>

#define EXT_BASE   0x10
#define EXT_TIME   0x54494d45
#define EXT_IPI    0x735049
#define EXT_RFENCE 0x52464e43
#define EXT_HSM    0x48534d
#define EXT_SRST   0x53525354

#define BASE_PROBE 3

#define RFENCE_FENCE_I          0
#define RFENCE_SFENCE_VMA       1
#define RFENCE_SFENCE_VMA_ASID  2
#define RFENCE_HFENCE_GVMA_VMID 3
#define RFENCE_HFENCE_GVMA      4
#define RFENCE_HFENCE_VVMA_ASID 5
#define RFENCE_HFENCE_VVMA      6

#define HSM_START   0
#define HSM_STOP    1
#define HSM_STATUS  2
#define HSM_SUSPEND 3

#define LEGACY_SET_TIMER   0
#define LEGACY_PUTCHAR     1
#define LEGACY_GETCHAR     2
#define LEGACY_CLEAR_IPI   3
#define LEGACY_SEND_IPI    4
#define LEGACY_FENCE_I     5
#define LEGACY_SFENCE      6
#define LEGACY_SFENCE_ASID 7
#define LEGACY_SHUTDOWN    8

/* Status of a hart. */
#define HART_STARTED   0u
#define HART_STOPPED   1u
#define HART_SUSPENDED 4u

#define SUCCESS           0l
#define FAILED            (-1l)
#define NOT_SUPPORTED     (-2l)
#define INVALID_PARAM     (-3l)
#define INVALID_ADDRESS   (-5l)
#define ALREADY_AVAILABLE (-6l)
#define ANY               1l /* the specification leaves a choice: whatever the bare machine says */

#define NEVER (~0ul)

struct sbi_result {
	long error;
	unsigned long value;
};

/* With nothing looked at; for handlers, and between tests. */
#define plain_call(ext, fid, ...) sbi_plain(ext, fid, (const unsigned long[6]){ __VA_ARGS__ })
struct sbi_result sbi_plain(unsigned long ext, unsigned long fid, const unsigned long arguments[6]);

/*
 * With all registers but the arguments random: those that come back changed, but for a0 and a1, are
 * counted in registers_lost and named; so are the CSRs of S-mode, if interrupts were off.
 */
#define call(ext, fid, ...) sbi_checked(ext, fid, (const unsigned long[6]){ __VA_ARGS__ })
struct sbi_result sbi_checked(unsigned long ext, unsigned long fid,
			      const unsigned long arguments[6]);

/* That, and a result which says what came back; passed if the error is the wanted one. */
#define answers(name, wanted, ext, fid, ...) \
	sbi_answers(name, wanted, ext, fid, (const unsigned long[6]){ __VA_ARGS__ })
struct sbi_result sbi_answers(const char *name, long wanted, unsigned long ext, unsigned long fid,
			      const unsigned long arguments[6]);

/* A result: none of this hart's calls has changed a register. Starts the count again. */
void registers_kept(const char *of_what);

/* xorshift64*, one sequence for each hart. */
uint64_t random_number(void);
void random_seed(uint64_t seed);

#endif
