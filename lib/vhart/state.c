/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * A hart's saved state (state.md). There is one form, so whatever a write to the register would not have
 * left there is refused.
 */
#include "../core/bytes.h"
#include "internal.h"

#define MAGIC  0x52485643 /* "CVHR" */
#define FORMAT 1

/* The registers that are saved as they are, in this order. */
static const struct {
	uint16_t offset;
} fields[] = {
	{ offsetof(struct vhart, pc) },       { offsetof(struct vhart, mstatus) },
	{ offsetof(struct vhart, mtvec) },    { offsetof(struct vhart, mepc) },
	{ offsetof(struct vhart, mcause) },   { offsetof(struct vhart, mtval) },
	{ offsetof(struct vhart, mtval2) },   { offsetof(struct vhart, mtinst) },
	{ offsetof(struct vhart, mscratch) }, { offsetof(struct vhart, medeleg) },
	{ offsetof(struct vhart, mideleg) },  { offsetof(struct vhart, mie) },
	{ offsetof(struct vhart, mip) },      { offsetof(struct vhart, mcounteren) },
	{ offsetof(struct vhart, menvcfg) },  { offsetof(struct vhart, mseccfg) },
	{ offsetof(struct vhart, satp) },
};
#define FIELDS (sizeof(fields) / sizeof(fields[0]))
#define USED   (20 + FIELDS * 8 + VHART_MAX_PMPS * 9)

_Static_assert(USED <= VHART_STATE_SIZE, "the state fits");

static uint64_t *field_of(struct vhart *hart, unsigned field)
{
	return (uint64_t *)(void *)((char *)hart + fields[field].offset);
}

void vhart_save(const struct vhart *hart, void *state)
{
	struct vhart copy = *hart;
	uint8_t *at = state;

	put(&at, 4, MAGIC);
	put(&at, 4, FORMAT);
	put(&at, 8, hart->config.misa);
	put(&at, 1, hart->config.pmps);
	put(&at, 1, hart->config.pmp_grain);
	put(&at, 1, hart->mode);
	put(&at, 1, hart->v);
	for (unsigned i = 0; i < FIELDS; i++)
		put(&at, 8, *field_of(&copy, i));
	for (unsigned i = 0; i < VHART_MAX_PMPS; i++)
		put(&at, 1, hart->pmpcfg[i]);
	for (unsigned i = 0; i < VHART_MAX_PMPS; i++)
		put(&at, 8, hart->pmpaddr[i]);
	for (unsigned i = USED; i < VHART_STATE_SIZE; i++)
		put(&at, 1, 0);
}

static const char *pmp_fault(const struct vhart *hart)
{
	for (unsigned i = 0; i < VHART_MAX_PMPS; i++) {
		uint8_t cfg = hart->pmpcfg[i];

		if (i >= hart->config.pmps && (cfg || hart->pmpaddr[i]))
			return "a PMP entry is set that there is none of";
		if (cfg & ~(PMP_LOCKED | PMP_A | PMP_XWR) || (cfg & PMP_XWR) == VHART_STORE ||
		    (cfg & PMP_XWR) == (VHART_STORE | VHART_FETCH) ||
		    (hart->config.pmp_grain && (cfg & PMP_A) == PMP_NA4))
			return "a pmpcfg is reserved";
		if (hart->pmpaddr[i] & ~PMPADDR_BITS)
			return "a pmpaddr has reserved bits";
	}
	return NULL;
}

/* Why a write would not have left the state like this, or NULL. */
static const char *fault(const struct vhart *hart)
{
	const struct vhart_config *config = &hart->config;
	struct vhart fresh;

	vhart_init(&fresh, config);
	if (hart->mode == 2 || hart->mode > VHART_M || (hart->mode == VHART_S && !has(hart, 'S')))
		return "the mode does not exist";
	if (hart->v && (!has(hart, 'H') || hart->mode == VHART_M))
		return "the virtualization mode does not exist there";
	if (legal_mepc(hart, hart->pc) != hart->pc)
		return "pc is not aligned";
	if (legal_mstatus(&fresh, fresh.mstatus, hart->mstatus) != hart->mstatus)
		return "mstatus has bits that cannot be set";
	if (legal_mtvec(0, hart->mtvec) != hart->mtvec)
		return "mtvec has a reserved mode";
	if (legal_mepc(hart, hart->mepc) != hart->mepc)
		return "mepc is not aligned";
	if (!has(hart, 'H') && (hart->mtval2 || hart->mtinst))
		return "mtval2 or mtinst is set without H";
	if (hart->medeleg & ~config->medeleg ||
	    (has(hart, 'S') ? legal_mideleg(hart, hart->mideleg) : 0) != hart->mideleg)
		return "something is delegated that cannot be";
	if (hart->mie & ~hart->interrupts)
		return "mie has bits that cannot be set";
	if (legal_menvcfg(hart, 0, hart->menvcfg) != hart->menvcfg ||
	    hart->mseccfg & ~config->mseccfg || hart->mcounteren & ~config->mcounteren)
		return "menvcfg, mseccfg or mcounteren has bits that cannot be set";
	if (hart->mip & ~(config->native ? 0 : writable_mip(&fresh)))
		return "mip has bits that cannot be set";
	if (has(hart, 'S') ? legal_satp(hart, ~hart->satp, hart->satp) != hart->satp : hart->satp)
		return "satp has a mode or bits that cannot be set";
	return pmp_fault(hart);
}

static int refuse(const char **why, const char *reason)
{
	if (why)
		*why = reason;
	return -VIRQ_ERR_STATE;
}

static const char *wrong_head(const struct vhart_config *config, const uint8_t **at)
{
	if (take(at, 4) != MAGIC)
		return "magic: this is not a saved hart";
	if (take(at, 4) != FORMAT)
		return "format: saved by another version of the library";
	if (take(at, 8) != config->misa)
		return "misa: configure the hart that was saved";
	if (take(at, 1) != config->pmps)
		return "pmps: configure as many as were saved";
	if (take(at, 1) != config->pmp_grain)
		return "pmp_grain: configure the one that was saved";
	return NULL;
}

int vhart_restore(struct vhart *hart, const void *state, size_t size, const char **why)
{
	struct vhart found = *hart;
	const uint8_t *at = state;
	const char *reason = size == VHART_STATE_SIZE ? wrong_head(&hart->config, &at)
						      : "length: not that of a saved hart";
	uint64_t v;

	if (reason)
		return refuse(why, reason);
	found.mode = (uint8_t)take(&at, 1);
	v = take(&at, 1);
	found.v = v;
	for (unsigned i = 0; i < FIELDS; i++)
		*field_of(&found, i) = take(&at, 8);
	for (unsigned i = 0; i < VHART_MAX_PMPS; i++)
		found.pmpcfg[i] = (uint8_t)take(&at, 1);
	for (unsigned i = 0; i < VHART_MAX_PMPS; i++)
		found.pmpaddr[i] = take(&at, 8);
	for (unsigned i = USED; i < VHART_STATE_SIZE; i++)
		v |= take(&at, 1) << 1;
	reason = v > 1 ? "a reserved bit is set" : fault(&found);
	if (reason)
		return refuse(why, reason);
	*hart = found;
	hart->changed = UINT16_MAX;
	hart->ip_set = hart->ip_clear = 0;
	return 0;
}
