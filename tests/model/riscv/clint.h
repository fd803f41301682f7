/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * A naive virtual CLINT: the registers of the RISC-V ACLINT specification's MSWI and MTIMER devices (and
 * SiFive's CLINT, which is one of each), and what vclint.h says of deadlines and reasons.
 */
#ifndef TESTS_MODEL_RISCV_CLINT_H
#define TESTS_MODEL_RISCV_CLINT_H

#include <carillon/vclint.h>

#define MODEL_HARTS 8

struct model_clint {
	const struct vclint_config *config;
	uint64_t now; /* mtime */
	bool settable;
	struct {
		bool msip;
		uint64_t deadline[VCLINT_DEADLINES];
		/* Reasons that it has to be told, those that it may be told, since it looked. */
		uint32_t must, may;
	} hart[MODEL_HARTS];
};

void model_clint_init(struct model_clint *c, const struct vclint_config *config);
bool model_clint_read(const struct model_clint *c, uint64_t offset, unsigned bytes,
		      uint64_t *value);
bool model_clint_write(struct model_clint *c, unsigned self, uint64_t offset, unsigned bytes,
		       uint64_t value);
bool model_msip(const struct model_clint *c, unsigned hart);
bool model_mtip(const struct model_clint *c, unsigned hart);
uint64_t model_next(const struct model_clint *c, unsigned hart);
unsigned model_expired(struct model_clint *c, unsigned hart);

#endif
