/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * A naive RISC-V hart: the machine-level part of the RISC-V Privileged Architecture 1.12 (and 1.10),
 * Sstc and Sscofpmf, RV64. Every field is a variable of its own, every rule is spelled out. It shares
 * nothing with lib/ but the configuration, the names of numbers, and the answers.
 *
 * Where the text leaves a choice, the model looks at what the library chose, says so if that is no
 * legal choice, and goes on with it.
 */
#ifndef TESTS_MODEL_RISCV_HART_H
#define TESTS_MODEL_RISCV_HART_H

#include <carillon/vhart.h>

struct model_pmp {
	bool locked, r, w, x;
	unsigned a; /* 0 OFF, 1 TOR, 2 NA4, 3 NAPOT */
	uint64_t addr;
};

struct model_hart {
	const struct vhart_config *config;

	uint64_t pc;
	unsigned mode;
	bool v;

	struct {
		bool sie, mie, spie, mpie, mprv, sum, mxr, tvm, tw, tsr, gva, mpv;
		unsigned spp, mpp, fs, vs;
	} mstatus;

	struct {
		uint64_t base;
		unsigned mode;
	} mtvec;

	uint64_t mepc, mcause, mtval, mtval2, mtinst, mscratch;
	uint64_t medeleg, mcounteren, menvcfg, mseccfg, satp;
	uint64_t hideleg, hstatus, sepc; /* for vsie and sret only */
	bool delegated[64], enabled[64];

	/* What is pending: bits that software writes, and lines. */
	struct {
		bool ssi, sti, sei, vssi, lcofi;
	} software;
	struct {
		bool msi, mti, mei, sei, stimecmp, sgei, vsei, vsti;
	} line;

	struct model_pmp pmp[VHART_MAX_PMPS];
};

/* What a hart answers to an access to a CSR in M-mode. */
enum model_csr {
	MODEL_ILLEGAL,
	MODEL_HERE,        /* the machine level's */
	MODEL_SSTATUS,     /* a part of mstatus: the library's, or natively the hart's own */
	MODEL_ELSEWHERE,   /* not in the model */
	MODEL_MAY_BE_ZERO, /* the library's, or not there */
	MODEL_EITHER,      /* not there in 1.10, and one of what the library leaves to others */
};

void model_hart_init(struct model_hart *h, const struct vhart_config *config);

bool model_has(const struct model_hart *h, char letter);
bool model_interrupt_exists(const struct model_hart *h, unsigned number);
bool model_pending(const struct model_hart *h, unsigned number);
uint64_t model_mip(const struct model_hart *h);
uint64_t model_mie(const struct model_hart *h);
uint64_t model_mideleg(const struct model_hart *h);
uint64_t model_mstatus(const struct model_hart *h);
int model_interrupt(const struct model_hart *h);
bool model_wakes(const struct model_hart *h);
bool model_mprv(const struct model_hart *h);
uint64_t model_legal_pc(const struct model_hart *h, uint64_t pc);

void model_trap(struct model_hart *h, const struct vhart_trap *trap);
void model_mret(struct model_hart *h);
void model_sret(struct model_hart *h);

enum model_csr model_csr_is(const struct model_hart *h, unsigned number, bool write);
uint64_t model_csr_read(const struct model_hart *h, unsigned number);
/*
 * The operation, with the operand of the instruction. `chosen` is what the library reads there now:
 * looked at where the text leaves it open. NULL, or why that is no legal choice.
 */
const char *model_csr_write(struct model_hart *h, unsigned number, enum vhart_op op,
			    uint64_t operand, uint64_t chosen);

/* What a payload does to its own registers, in S-mode. */
void model_set_s_fields(struct model_hart *h, uint64_t mstatus);
void model_set_sie(struct model_hart *h, uint64_t value);
void model_set_sip(struct model_hart *h, uint64_t value);
bool model_stce(const struct model_hart *h);

bool model_pmp_allows(const struct model_hart *h, unsigned mode, uint64_t address, unsigned bytes,
		      enum vhart_access access);

#endif
