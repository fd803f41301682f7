/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The guests at their CPU interface: cpuif.c where there are list registers, accesses to the library
 * where there are none. They need not behave: ends without an acknowledge, in the wrong order, of
 * what was never active. Arm IHI 0069 12.2, 12.4; IHI 0048 4.4, 5.5.
 */
#include "fuzz.h"

#include <stdio.h>

/* IHI 0048 4.4, GICC_* */
#define GICC_CTLR   0x00u
#define GICC_PMR    0x04u
#define GICC_BPR    0x08u
#define GICC_IAR    0x0cu
#define GICC_EOIR   0x10u
#define GICC_RPR    0x14u
#define GICC_HPPIR  0x18u
#define GICC_ABPR   0x1cu
#define GICC_AIAR   0x20u
#define GICC_AEOIR  0x24u
#define GICC_AHPPIR 0x28u
#define GICC_APR    0xd0u
#define GICC_IIDR   0xfcu
#define GICC_DIR    0x1000u

static bool in_guest(const struct machine *m, unsigned v)
{
	return m->vcpu[v].where == GUEST && !m->vcpu[v].waiting;
}

/* An access to a CPU interface in software. */
static void cpuif_access(struct machine *m, unsigned v, uint32_t sysreg, uint32_t gicc, bool write,
			 uint64_t value)
{
	host_access(m, v,
		    (struct trap){ .region = is_v2(m) ? GICC : SYSREG,
				   .write = write,
				   .bytes = is_v2(m) ? 4 : 8,
				   .offset = is_v2(m) ? gicc : sysreg,
				   .value = value });
}

void guest_acknowledge(struct machine *m, unsigned v, unsigned group)
{
	struct vcpu *vcpu = &m->vcpu[v];
	unsigned intid;

	if (!in_guest(m, v))
		return;
	if (is_soft(m)) {
		cpuif_access(m, v, group ? VGIC_ICC_IAR1_EL1 : VGIC_ICC_IAR0_EL1,
			     group ? GICC_AIAR : GICC_IAR, false, 0);
		return;
	}
	intid = is_v2(m) ? cpuif_iar_of_v2(&vcpu->hw, group, NULL)
			 : cpuif_iar(&vcpu->hw, group, NULL);
	SAY("    %u: acknowledges %u, group %u\n", v, intid, group);
	if (!is_special(intid & 0x1fff) && vcpu->n_acks < ACKS)
		vcpu->acks[vcpu->n_acks++] = intid;
}

void guest_end(struct machine *m, unsigned v, unsigned group, unsigned intid)
{
	if (!in_guest(m, v))
		return;
	SAY("    %u: ends %u, group %u\n", v, intid, group);
	if (is_soft(m))
		cpuif_access(m, v, group ? VGIC_ICC_EOIR1_EL1 : VGIC_ICC_EOIR0_EL1,
			     group ? GICC_AEOIR : GICC_EOIR, true, intid);
	else
		cpuif_eoir(&m->vcpu[v].hw, group, intid);
}

/* GICv2: DIR is in the page that the library serves; GICv3: it traps while ICH_HCR has TDIR. */
void guest_deactivate(struct machine *m, unsigned v, unsigned intid)
{
	if (!in_guest(m, v))
		return;
	SAY("    %u: deactivates %u\n", v, intid);
	if (is_v2(m) || is_soft(m) || (m->vcpu[v].hw.hcr & HCR_TDIR))
		cpuif_access(m, v, VGIC_ICC_DIR_EL1, GICC_DIR, true, intid);
	else
		cpuif_dir(&m->vcpu[v].hw, intid);
}

/* A guest that behaves: acknowledge, end, until there is nothing. */
void guest_handle(struct machine *m, unsigned v, unsigned at_most)
{
	struct vcpu *vcpu = &m->vcpu[v];

	for (; at_most && in_guest(m, v); at_most--) {
		unsigned before = vcpu->n_acks, group, intid;

		for (group = 0; group < 2 && vcpu->n_acks == before; group++)
			guest_acknowledge(m, v, group);
		if (vcpu->n_acks == before || !in_guest(m, v))
			return;
		intid = vcpu->acks[--vcpu->n_acks];
		host_maintenance(m, v);
		guest_end(m, v, group - 1, intid);
		if (vcpu->hw.vmcr >> 9 & 1)
			guest_deactivate(m, v, intid);
		host_maintenance(m, v);
	}
}

static void write_v2_control(struct cpuif *hw, unsigned value)
{
	cpuif_set_igrpen(hw, 0, value & 1);
	cpuif_set_igrpen(hw, 1, value >> 1 & 1);
	cpuif_set_ctlr_of_v2(hw, value >> 2 & 1, value >> 3 & 1);
	cpuif_set_ctlr(hw, value >> 4 & 1, value >> 9 & 1);
}

static void set_all(struct machine *m, unsigned v, unsigned value)
{
	struct cpuif *hw = &m->vcpu[v].hw;

	if (is_soft(m) && is_v2(m)) {
		cpuif_access(m, v, 0, GICC_PMR, true, 0xff);
		cpuif_access(m, v, 0, GICC_CTLR, true, 3 | (value & 1) << 9);
	} else if (is_soft(m)) {
		cpuif_access(m, v, VGIC_ICC_PMR_EL1, 0, true, 0xff);
		cpuif_access(m, v, VGIC_ICC_IGRPEN0_EL1, 0, true, 1);
		cpuif_access(m, v, VGIC_ICC_IGRPEN1_EL1, 0, true, 1);
		cpuif_access(m, v, VGIC_ICC_CTLR_EL1, 0, true, (value & 1) << 1);
	} else {
		cpuif_set_vmcr(hw, 0xff000003u | (value & 1) << 9 | (value >> 1 & 7) << 18);
	}
}

/* The control registers, by number; 5: one with which everything comes through. */
void guest_control(struct machine *m, unsigned v, unsigned which, unsigned value)
{
	static const uint32_t sysreg[] = { VGIC_ICC_PMR_EL1,     VGIC_ICC_BPR0_EL1,
					   VGIC_ICC_BPR1_EL1,    VGIC_ICC_IGRPEN0_EL1,
					   VGIC_ICC_IGRPEN1_EL1, 0,
					   VGIC_ICC_CTLR_EL1 };
	static const uint32_t gicc[] = { GICC_PMR,  GICC_BPR, GICC_ABPR, GICC_CTLR,
					 GICC_CTLR, 0,        GICC_CTLR };
	struct cpuif *hw = &m->vcpu[v].hw;

	which %= 7;
	if (!in_guest(m, v))
		return;
	SAY("    %u: control %u = %#x\n", v, which, value);
	if (which == 5) {
		set_all(m, v, value);
	} else if (is_soft(m)) {
		cpuif_access(m, v, sysreg[which], gicc[which], true, value);
	} else if (which == 0) {
		cpuif_set_pmr(hw, value);
	} else if (which < 3) {
		cpuif_set_bpr(hw, which - 1, value);
	} else if (which < 5) {
		cpuif_set_igrpen(hw, which - 3, value & 1);
	} else if (is_v2(m)) {
		write_v2_control(hw, value);
	} else {
		cpuif_set_ctlr(hw, value & 1, value >> 1 & 1);
	}
}

/* Registers that have no effect when they are read; with list registers hardware has them. */
void guest_read(struct machine *m, unsigned v, unsigned which)
{
	static const uint32_t sysreg[] = { VGIC_ICC_PMR_EL1,     VGIC_ICC_BPR0_EL1,
					   VGIC_ICC_BPR1_EL1,    VGIC_ICC_CTLR_EL1,
					   VGIC_ICC_RPR_EL1,     VGIC_ICC_HPPIR0_EL1,
					   VGIC_ICC_HPPIR1_EL1,  VGIC_ICC_IGRPEN0_EL1,
					   VGIC_ICC_IGRPEN1_EL1, VGIC_ICC_SRE_EL1,
					   VGIC_ICC_AP0R0_EL1,   VGIC_ICC_AP1R0_EL1 };
	static const uint32_t gicc[] = { GICC_PMR,  GICC_BPR,   GICC_ABPR,   GICC_CTLR,
					 GICC_RPR,  GICC_HPPIR, GICC_AHPPIR, GICC_CTLR,
					 GICC_CTLR, GICC_IIDR,  GICC_APR,    GICC_DIR };

	if (in_guest(m, v))
		cpuif_access(m, v, sysreg[which % 12], gicc[which % 12], false, 0);
}

/* --- Whatever a virtual CPU interface can bring about, in one step -------------------------------- */

/* The guest acknowledged what is in a list register, ended it, both, twice. */
void guest_move_lr(struct machine *m, unsigned v, unsigned n, unsigned how)
{
	static const uint8_t to[4][4] = {
		[LR_INVALID] = { LR_INVALID, LR_INVALID, LR_INVALID, LR_INVALID },
		[LR_PENDING] = { LR_PENDING, LR_ACTIVE, LR_INVALID, LR_ACTIVE },
		[LR_ACTIVE] = { LR_ACTIVE, LR_INVALID, LR_INVALID, LR_ACTIVE },
		[LR_BOTH] = { LR_BOTH, LR_PENDING, LR_ACTIVE, LR_INVALID },
	};
	struct cpuif *hw = &m->vcpu[v].hw;
	uint64_t *lr = &hw->lr[n];
	unsigned state = to[lr_state(*lr)][how & 3];

	if (lr_vintid(*lr) >= VGIC_LPI_BASE && state != LR_PENDING)
		state = LR_INVALID; /* LPIs are never active */
	if (!in_guest(m, v) || is_soft(m) || state == lr_state(*lr))
		return;
	m->vcpu[v].odd = true;
	*lr = (*lr & ~(3ull << 62)) | (uint64_t)state << 62;
	SAY("    %u: LR%u becomes %#llx\n", v, n, (unsigned long long)*lr);
	if (lr_hw(*lr) && state == LR_INVALID)
		hw->deactivate(hw->host, v, lr_pintid(*lr));
}

void guest_write_apr(struct machine *m, unsigned v, unsigned n, uint32_t value)
{
	static const uint32_t sysreg[] = { VGIC_ICC_AP0R0_EL1, VGIC_ICC_AP1R0_EL1 };
	struct cpuif *hw = &m->vcpu[v].hw;
	unsigned words = is_v2(m) ? 1 : 1u << (m->config.preemption_bits - 5);

	if (!in_guest(m, v))
		return;
	m->vcpu[v].odd = true;
	SAY("    %u: APR %u = %#x\n", v, n, value);
	if (is_soft(m))
		cpuif_access(m, v, sysreg[n & 1] + VGIC_SYSREG(0u, 0u, 0u, 0u, n / 2 % 4), GICC_APR,
			     true, value);
	else
		hw->apr[is_v2(m) ? 0 : n & 1][n / 2 % words] = value;
}

void guest_count_ends(struct machine *m, unsigned v, unsigned ends)
{
	struct cpuif *hw = &m->vcpu[v].hw;

	if (in_guest(m, v) && !is_soft(m)) {
		m->vcpu[v].odd = true;
		SAY("    %u: EOIcount + %u\n", v, ends & 31);
		hw->hcr = (hw->hcr & ~HCR_EOICOUNT) | (hw->hcr + (ends << 27) & HCR_EOICOUNT);
	}
}

/* --- The end: guests that behave handle all that is left ------------------------------------------- */

#define MANY 8192 /* more than can be pending at once, sources of SGIs counted */

static void write_word(struct machine *m, unsigned v, enum region region, uint32_t offset,
		       uint64_t value)
{
	host_access(m, v,
		    (struct trap){ .region = region,
				   .write = true,
				   .bytes = 4,
				   .offset = offset,
				   .value = value });
	if (m->vcpu[v].waiting)
		host_rest(m);
}

/* Nothing is active any more, and nothing masks. */
static void open_up(struct machine *m, unsigned v)
{
	uint32_t base = is_v2(m) ? 0 : v * VGIC_REDIST_STRIDE + 0x10000;

	for (unsigned n = 0; n < 3; n++)
		if (n == 0 || (!is_v2(m) && n <= m->config.eppis / 32u))
			write_word(m, v, is_v2(m) ? DIST : REDIST, base + 0x380 + 4 * n, ~0u);
	for (unsigned n = 0; n < 8; n++)
		guest_write_apr(m, v, n, 0);
	guest_control(m, v, 5, 0);
}

/* What it acknowledges is silenced, and ended. How many it were. */
static unsigned handle_all(struct machine *m, unsigned v)
{
	struct vcpu *vcpu = &m->vcpu[v];
	unsigned n, group, intid;

	for (n = 0; n < MANY && in_guest(m, v); n++) {
		vcpu->n_acks = 0;
		for (group = 0; group < 2 && !vcpu->n_acks; group++)
			guest_acknowledge(m, v, group);
		if (!vcpu->n_acks)
			break;
		intid = vcpu->acks[0];
		host_silence(m, v, is_v2(m) ? intid & 0x3ff : intid);
		host_maintenance(m, v);
		guest_end(m, v, group - 1, intid);
		host_maintenance(m, v);
	}
	require(n < MANY, "interrupts without end");
	return n;
}

void guest_finish(struct machine *m)
{
	unsigned v, n, handled;

	SAY("  finish\n");
	for (v = 0; v < m->config.vcpus; v++) {
		host_load(m, v);
		host_abandon(m, v);
		m->vcpu[v].odd = true;
	}
	host_rest(m);
	for (n = 1; n < 32; n++) {
		write_word(m, 0, DIST, 0x380 + 4 * n, ~0u);
		if (!is_v2(m) && n * 32 - 32 < m->config.espis)
			write_word(m, 0, DIST, 0x1c00 + 4 * (n - 1), ~0u);
	}
	for (v = 0; v < m->config.vcpus; v++)
		open_up(m, v);
	host_rest(m);
	do
		for (v = handled = 0; v < m->config.vcpus; v++) {
			handled += handle_all(m, v);
			host_settle(m);
		}
	while (handled);
	/* They idle, and nobody is told anything: then there is nothing. */
	for (v = 0; v < m->config.vcpus; v++) {
		host_exit(m, v, true);
		require(!host_pending(m, v), "its guest idles, and something is pending");
	}
	host_rest(m);
	check_finished(m);
}
