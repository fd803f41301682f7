/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Access by number to those of the hart's registers that the firmware has as they are, and to what is
 * probed. A number is part of an instruction, so each has instructions of its own.
 */
#include "csr.h"
#include "hart.h"
#include "native.h"

/* clang-format off */
#define EACH_8(X, n) \
	X((n) + 0) X((n) + 1) X((n) + 2) X((n) + 3) X((n) + 4) X((n) + 5) X((n) + 6) X((n) + 7)
#define EACH_16(X, n) EACH_8(X, n) EACH_8(X, (n) + 8)
/* Of 32 counters or events, those from 3 on. */
#define FROM_3(X, n) \
	X((n) + 3) X((n) + 4) X((n) + 5) X((n) + 6) X((n) + 7) EACH_8(X, (n) + 8) EACH_16(X, (n) + 16)

/* S-mode's: stvec, scounteren, senvcfg, sscratch, sepc, scause, stval, stimecmp, satp. */
#define SUPERVISOR(X) \
	X(0x105) X(0x106) X(CSR_SENVCFG) X(0x140) X(0x141) X(0x142) X(0x143) X(CSR_STIMECMP) X(CSR_SATP)

/* HS-mode's and VS-mode's: all but hie, vsie, hgeip. */
#define HYPERVISOR(X) \
	X(0x200) X(0x205) X(0x240) X(0x241) X(0x242) X(0x243) X(0x244) X(0x24d) X(0x280) \
	X(0x600) X(0x602) X(0x603) X(0x605) X(0x606) X(0x607) X(0x60a) X(0x643) X(0x644) X(0x645) \
	X(0x64a) X(0x680)

/* Counters and what they count. */
#define COUNTERS(X) X(0x320) FROM_3(X, 0x320) X(0xb00) X(0xb02) FROM_3(X, 0xb00)

#define PROBED(X) \
	X(CSR_MENVCFG) X(CSR_MCOUNTEREN) X(CSR_MSTATEEN0) X(CSR_HSTATEEN0) X(CSR_SSTATEEN0) \
	X(CSR_MSECCFG) X(CSR_PMPCFG0) X(CSR_PMPCFG0 + 2) EACH_16(X, CSR_PMPADDR0)

/* hgeip, scountovf, and the counters as U-mode reads them. */
#define READ_ONLY(X) X(0xe12) X(CSR_SCOUNTOVF) X(0xc00) X(CSR_TIME) X(0xc02) FROM_3(X, 0xc00)
/* clang-format on */

/* NOLINTBEGIN(bugprone-macro-parentheses): operands of an asm statement */
/* A fault goes on behind the instruction, with `ok` false. */
#define GUARDED(instruction, output, input)                 \
	__asm__ volatile("lla %[ok], 8f\n"                  \
			 "sd %[ok], %[recover](tp)\n"       \
			 "li %[ok], 0\n" instruction "\n"   \
			 "li %[ok], 1\n"                    \
			 "sd zero, %[recover](tp)\n"        \
			 ".balign 4\n"                      \
			 "8:\n"                             \
			 : [ok] "=&r"(ok)output             \
			 : [recover] "i"(HART_RECOVER)input \
			 : "memory")
/* NOLINTEND(bugprone-macro-parentheses) */
#define COMMA ,

bool csr_try_read(unsigned number, uint64_t *value)
{
	uint64_t found = 0;
	long ok;

	switch (number) {
#define READ(n)                                                                                \
	case (n):                                                                              \
		GUARDED("csrr %[found], %[csr]", COMMA[found] "+r"(found), COMMA[csr] "i"(n)); \
		break;
		SUPERVISOR(READ)
		HYPERVISOR(READ)
		COUNTERS(READ)
		PROBED(READ)
		READ_ONLY(READ)
	case CSR_SEED: /* a read without a write is illegal */
		GUARDED("csrrw %[found], 0x015, zero", COMMA[found] "+r"(found), );
		break;
	default:
		return false;
	}
	*value = found;
	return ok;
}

bool csr_try_write(unsigned number, uint64_t value)
{
	long ok;

	switch (number) {
#define WRITE(n)                                                                              \
	case (n):                                                                             \
		GUARDED("csrw %[csr], %[value]", , COMMA[csr] "i"(n)COMMA[value] "r"(value)); \
		break;
		SUPERVISOR(WRITE)
		HYPERVISOR(WRITE)
		COUNTERS(WRITE)
		PROBED(WRITE)
	case CSR_SEED: /* what is written has no effect */
		return true;
	default:
		return false;
	}
	return ok;
}
