/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The saved state of a CLINT (state.md).
 */
#include "../core/bytes.h"
#include "internal.h"

#define MAGIC  0x4c435643 /* "CVCL" */
#define FORMAT 1
#define HEAD   12
#define RECORD 24

size_t vclint_save_size(const struct vclint *clint)
{
	return HEAD + (size_t)RECORD * clint->config.harts;
}

long vclint_save(const struct vclint *clint, void *state, size_t size)
{
	uint8_t *at = state;

	if (size < vclint_save_size(clint))
		return -VIRQ_ERR_MEMORY;
	put(&at, 4, MAGIC);
	put(&at, 4, FORMAT);
	put(&at, 4, clint->config.harts);
	for (unsigned i = 0; i < clint->config.harts; i++) {
		const struct vclint_hart *hart = &clint->hart[i];

		put(&at, 8, time_load(&hart->deadline[VCLINT_FIRMWARE]));
		put(&at, 8, time_load(&hart->deadline[VCLINT_PAYLOAD]));
		put(&at, 8, __atomic_load_n(&hart->msip, __ATOMIC_SEQ_CST));
	}
	return (long)vclint_save_size(clint);
}

static const char *fault(const struct vclint *clint, const uint8_t *at, size_t size)
{
	if (size != vclint_save_size(clint))
		return "length: not that of this configuration";
	if (take(&at, 4) != MAGIC)
		return "magic: this is not a saved CLINT";
	if (take(&at, 4) != FORMAT)
		return "format: saved by another version of the library";
	if (take(&at, 4) != clint->config.harts)
		return "harts: configure as many as were saved";
	for (unsigned i = 0; i < clint->config.harts; i++) {
		at += 16;
		if (take(&at, 8) > 1)
			return "msip: a reserved bit is set";
	}
	return NULL;
}

int vclint_restore(struct vclint *clint, const void *state, size_t size, const char **why)
{
	const char *reason = fault(clint, state, size);
	const uint8_t *at = (const uint8_t *)state + HEAD;

	if (reason) {
		if (why)
			*why = reason;
		return -VIRQ_ERR_STATE;
	}
	for (unsigned i = 0; i < clint->config.harts; i++) {
		struct vclint_hart *hart = &clint->hart[i];

		time_store(&hart->deadline[VCLINT_FIRMWARE], take(&at, 8));
		time_store(&hart->deadline[VCLINT_PAYLOAD], take(&at, 8));
		__atomic_store_n(&hart->msip, (uint32_t)take(&at, 8), __ATOMIC_SEQ_CST);
	}
	return 0;
}
