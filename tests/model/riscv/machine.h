/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * An embedder of vhart.h and vclint.h, with its hardware: harts, one CLINT, one time. Each operation
 * goes to the library and to the model. Operations are plain data; one that cannot happen now does
 * nothing, so that any part of a list is a list, too.
 *
 * An emulator keeps everything in struct vhart. A native embedder (a monitor) has what belongs to
 * S-mode, and the delegation and enables that the hart runs with, in registers of its hart: those
 * change only where the library said so, and must be right all the same.
 */
#ifndef TESTS_MODEL_RISCV_MACHINE_H
#define TESTS_MODEL_RISCV_MACHINE_H

#include "clint.h"
#include "hart.h"

#include <stdio.h>

struct machine_config {
	unsigned harts, h, s, f, v, c, sstc, lcofi, old, native, pmps, grain, layout, time, forced,
		settime, zkr;
};

enum op_kind {
	OP_CSR,     /* hart; a number, b operand; flags form, rd, rs1 */
	OP_MRET,    /* hart */
	OP_SRET,    /* hart; a sepc, b hstatus */
	OP_WFI,     /* hart */
	OP_FENCE,   /* hart; a which */
	OP_TRAP,    /* hart; a cause, b tval, c pc */
	OP_ENTRY,   /* hart */
	OP_PAYLOAD, /* hart; a which register, b value */
	OP_LINE,    /* hart; a which, b level */
	OP_HIDELEG, /* hart; a value */
	OP_PMP,     /* hart; a address, b bytes, c mode and access */
	OP_READ,    /* hart; a offset, b bytes */
	OP_WRITE,   /* hart; a offset, b bytes, c value */
	OP_TIME,    /* a value */
	OP_TIMER,   /* hart: the physical timer interrupt is taken */
	OP_KICK,    /* hart: the physical software interrupt is taken */
	OP_ARM,     /* hart; a whose, b deadline */
	OP_POST,    /* hart; a reasons */
	OP_RESET,   /* hart: its CLINT registers */
	OP_RESTORE, /* hart: saved and restored into another */
	OP_RESTORE_CLINT,
	OP_KINDS
};

struct op {
	enum op_kind kind;
	unsigned hart, form, rd, rs1;
	uint64_t a, b, c;
};

/* A native hart's own registers. */
struct hardware {
	uint64_t s_fields; /* of mstatus */
	struct vhart_native native;
	uint64_t menvcfg, mcounteren, mseccfg, satp;
	bool mprv;
	bool ssi, sti, sei, vssi, lcofi; /* what software wrote to mip */
	uint64_t pmpcfg[16], pmpaddr[VHART_MAX_PMPS];
};

struct machine_hart {
	struct vhart lib;
	struct model_hart model;
	struct hardware hw;
	uint64_t programmed; /* the physical timer */
	bool msi;            /* the physical software interrupt is pending */
	bool looked;         /* since it was kicked */
	bool fresh;          /* after a reset: what was posted before may be forgotten */
	unsigned was_mode;   /* the one that the hardware was told */
	bool was_v;
};

struct machine {
	struct machine_config config;
	struct vhart_config hart_config;
	struct vclint_config clint_config;
	struct machine_hart hart[MODEL_HARTS];
	struct model_clint clint;
	struct vclint *lib;
	void *memory;
	uint64_t keep;
	uint64_t set_time; /* what the library asked for */
	bool time_was_set;
	unsigned self; /* the hart that is making a CLINT access, or MODEL_HARTS */
	void (*failed)(const char *text);
	unsigned long long taken, traps, kicks, expired, restored, illegal;
};

void machine_init(struct machine *m, const struct machine_config *config,
		  void (*failed)(const char *text));
void machine_free(struct machine *m);
void machine_do(struct machine *m, const struct op *op);
void machine_print_op(const struct op *op);
void machine_fail(struct machine *m, const char *format, ...)
	__attribute__((format(printf, 2, 3), noreturn));

/* check.c: what must hold after every operation. */
uint64_t machine_ip(const struct machine *m, unsigned hart);
void check_hart(struct machine *m, unsigned hart);
void check_pmp(struct machine *m, unsigned hart);
void check_timers(struct machine *m);

#endif
