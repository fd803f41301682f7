/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Fast paths: what the monitor does for the payload without entering the firmware. The SBI's TIME, IPI and
 * RFENCE calls, reads of a time CSR that the hart has not got, misaligned loads and stores.
 */
#ifndef MONITOR_RISCV64_FAST_H
#define MONITOR_RISCV64_FAST_H

#include "board.h"
#include "fence.h"
#include "memory.h"

/* hart->fast */
enum {
	FAST_TIME = 1,
	FAST_IPI = 2,
	FAST_RFENCE = 4,
	FAST_MISALIGNED = 8,
	FAST_TIME_CSR = 128, /* the hart has none */
};

/* Why a hart is kicked, beside the library's reasons. */
#define REASON_IPI   VCLINT_REASON_HOST
#define REASON_FENCE (VCLINT_REASON_HOST << 1)

/*
 * Options: words like carillon.fast=time,ipi, in the image in front of the firmware, and on the payload's command
 * line, which counts if both are there. What cannot be read is a panic.
 */
void fast_init(const struct board *board, const void *dtb, const char *words, size_t room);

/* After probing, before the virtual hart is made of it. */
void fast_init_hart(struct hart *hart, struct vhart_config *config);

/* The harts that run the payload, and those of them that may be sent an IPI: by ID, atomic. */
extern uint64_t fast_running, fast_listening;

/* Harts by the bit of their ID, where that is below 64, in an order that needs no count of zeros. */
#define FAST_SEQUENCE UINT64_C(0x03f79d71b4cb0a89)
extern struct hart *fast_harts[64];

static inline struct hart *fast_hart(uint64_t bit)
{
	return fast_harts[bit * FAST_SEQUENCE >> 58];
}

/* The firmware enters its payload. */
void fast_starts(struct hart *hart, bool listens);

static inline void fast_enters_payload(struct hart *hart)
{
	bool listens = hart->v.mideleg & VHART_BIT(VHART_SSI);

	if (!hart->runs || listens != hart->listens)
		fast_starts(hart, listens);
}

/*
 * vectors.S, before the registers that a call keeps are saved: a call from S-mode, with its registers; an interrupt,
 * an exception of the payload. false: done.
 */
bool fast_call(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5,
	       uint64_t function, uint64_t extension);
bool fast_interrupt(struct hart *hart, uint64_t cause);
bool fast_exception(struct hart *hart, uint64_t cause);

/* An exception, with all registers saved. true: done, or the payload has taken one. */
bool fast_instruction(struct hart *hart, uint64_t cause);

/* misaligned.c: the same for such loads and stores. */
bool misaligned_access(struct hart *hart);

/*
 * The payload's instruction at this pc, through its own translation. false: there is none; mepc, mcause, mtval are
 * as they were in either case.
 */
bool fast_fetch(uint64_t pc, uint32_t *raw);

/* vectors.S, like those of memory.h: `count` bytes, the lowest first. */
struct result guest_load_bytes(uint64_t address, uint64_t mstatus, uint64_t count);
struct result guest_store_bytes(uint64_t address, uint64_t mstatus, uint64_t count, uint64_t value);

/* traps.c: S-mode takes an exception; mtval and mtinst are the hart's. */
void to_supervisor(struct hart *hart, uint64_t cause);

#endif
