/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * A hart: what the monitor knows of it, and the frame that a trap saves to. tp points at it while the
 * monitor runs; when somebody else does, mtvec points into it. Its stack lies below it.
 */
#ifndef MONITOR_RISCV64_HART_H
#define MONITOR_RISCV64_HART_H

/* For vectors.S: offsets in struct hart. */
#define HART_X       16
#define HART_RECOVER 272
#define HART_SCRATCH 280
#define HART_TRAPPED 304
#define HART_OURS    312
#define HART_VECTOR  320
#define VECTOR_SIZE  192

#define MAX_HARTS  64
#define STACK_SIZE 16384 /* of which struct hart has the upper end */
#define HART_SIZE  4096

#ifndef __ASSEMBLER__

#include <carillon/vclint.h>
#include <carillon/vhart.h>
#include "../common/console.h"
#include "fence.h"

/* What is counted for the exit table. */
enum count {
	COUNT_EXCEPTION,                        /* by cause */
	COUNT_INTERRUPT = COUNT_EXCEPTION + 32, /* by number */
	COUNT_FIRMWARE = COUNT_INTERRUPT + 16,  /* entries of the firmware from the payload */
	COUNT_INJECTED,                         /* interrupts into the firmware, by number */
	COUNT_SWITCH = COUNT_INJECTED + 16,     /* of worlds, either way */
	COUNTS
};

/* Who the hart's registers are set for. */
enum world { WORLD_NONE, WORLD_FIRMWARE, WORLD_PAYLOAD };

struct hart {
	uint64_t thread[2]; /* what libraries keep for each thread: errno */
	uint64_t x[32];
	uint64_t recover;                     /* where a fault of ours goes on; 0: it is a bug */
	uint64_t scratch[3];                  /* vectors.S's */
	void (*trapped)(void), (*ours)(void); /* where the vector goes on */
	_Alignas(64) uint32_t vector[VECTOR_SIZE / 4]; /* its own copy of trap_vector */
	struct fence fence;                            /* the payload's: fence.h */
	uint64_t askers;          /* atomic; harts, by ID, whose fences are to be made here */
	_Alignas(64) bool reload; /* this trap has changed a register that is_kept() */
	/* Fast paths: fast.h. */
	uint8_t fast; /* which are on */
	uint64_t bit; /* of its ID; 0: that is 64 or more */
	bool runs;    /* the payload: it is in fast_running */
	bool listens; /* it is in fast_listening */
	bool came;    /* a timer or an IPI of the payload's, while the firmware runs */
	unsigned index;
	volatile uint32_t *msip; /* its own, of the physical CLINT */
	volatile uint64_t *mtimecmp, *mtime;
	struct vhart v;
	uint64_t id; /* mhartid */
	uint8_t world;
	bool window;           /* the firmware's loads and stores are caught: its MPRV is set */
	bool pmp_locked;       /* some of the firmware's entries hold for itself */
	bool pmp_stale;        /* the hart's PMP addresses are not those of `v` */
	uint64_t pmpcfg[3][2]; /* the hart's pmpcfg0 and 2, by world */
	unsigned pmp_entries;  /* that the hart has */
	uint8_t pmp_window;    /* the window's entry; behind it come the firmware's */
	bool pmp_last_used; /* the firmware's last entry, which shares the rest of memory's, is on */
	uint64_t programmed; /* what mtimecmp has */
	uint64_t senvcfg;    /* the payload's, while the firmware runs in U-mode */
	uint64_t hstatus_hu; /* the same: hstatus.HU */
	unsigned long counts[COUNTS];
	struct log_limit log;
};

_Static_assert(sizeof(struct hart) <= HART_SIZE, "it has room at the end of the stack");
_Static_assert(offsetof(struct hart, x) == HART_X, "as vectors.S has it");
_Static_assert(offsetof(struct hart, recover) == HART_RECOVER, "as vectors.S has it");
_Static_assert(offsetof(struct hart, scratch) == HART_SCRATCH, "as vectors.S has it");
_Static_assert(offsetof(struct hart, trapped) == HART_TRAPPED, "as vectors.S has it");
_Static_assert(offsetof(struct hart, ours) == HART_OURS, "as vectors.S has it");
_Static_assert(offsetof(struct hart, vector) == HART_VECTOR, "as vectors.S has it");

/* Without, it has no registers of S-mode's, nor those that delegate to it. */
static inline bool has_supervisor(const struct hart *hart)
{
	return hart->v.config.misa & VHART_MISA('S');
}

extern struct hart *harts[MAX_HARTS]; /* by index; those that are there */
extern unsigned hart_count;

/* x3, x8, x9, x18 to x27: our own code keeps them, so that mostly they need not be loaded. */
static inline bool is_kept(unsigned x)
{
	return 0x0ffc0308u >> x & 1;
}

/* vectors.S: where hart->trapped goes on. */
void trapped(void);
void trapped_in_payload(void);

static inline struct hart *this_hart(void)
{
	struct hart *hart;

	__asm__("mv %0, tp" : "=r"(hart));
	return hart;
}

#endif

#endif
