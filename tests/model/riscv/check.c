/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What must hold after every operation: all registers of the machine level, as they are read, what is
 * pending and taken, the hart's own registers (native), and that nobody misses a deadline or a kick.
 */
#include "machine.h"

#include <string.h>

static const unsigned registers[] = {
	0x300, 0x301, 0x304, 0x305, 0x306, 0x340, 0x341, 0x342, 0x343, 0x344, 0xf11, 0xf12, 0xf13,
	0xf14, 0x302, 0x303, 0x30a, 0x34a, 0x34b, 0x104, 0x144, 0x180, 0x604, 0x204, 0xf15, 0x747,
};

/* What the hart's mip reads as, outside M's bits. */
static uint64_t hardware_mip(const struct machine_hart *h, bool sstc)
{
	const struct hardware *hw = &h->hw;
	bool sti = sstc && hw->menvcfg >> 63 ? h->model.line.stimecmp : hw->sti;

	return (uint64_t)hw->ssi << 1 | (uint64_t)hw->vssi << 2 | (uint64_t)sti << 5 |
	       (uint64_t)h->model.line.vsti << 6 | (uint64_t)(hw->sei || h->model.line.sei) << 9 |
	       (uint64_t)h->model.line.vsei << 10 | (uint64_t)h->model.line.sgei << 12 |
	       (uint64_t)hw->lcofi << 13;
}

/* What the physical hart has, and the virtual one has not: QEMU's 63:16, or an extension that is hidden. */
static uint64_t hidden(const struct model_hart *h)
{
	uint64_t bits = 0;
	unsigned n;

	for (n = 1; n < 64; n++)
		if (!model_interrupt_exists(h, n) && (n >= 13 || n % 2 == 0))
			bits |= VHART_BIT(n);
	return bits;
}

/* What the embedder hands in as pending. */
uint64_t machine_ip(const struct machine *m, unsigned hart)
{
	const struct machine_hart *h = &m->hart[hart];
	uint64_t ip = vclint_lines(m->lib, hart, m->clint.now);

	if (h->model.line.mei)
		ip |= VHART_BIT(VHART_MEI);
	if (m->config.native)
		return ip | hardware_mip(h, m->config.sstc) | hidden(&h->model);
	if (h->model.line.sei)
		ip |= VHART_BIT(VHART_SEI);
	if (model_stce(&h->model) && h->model.line.stimecmp)
		ip |= VHART_BIT(VHART_STI);
	if (h->model.line.vsti)
		ip |= VHART_BIT(VHART_VSTI);
	if (h->model.line.vsei)
		ip |= VHART_BIT(VHART_VSEI);
	if (h->model.line.sgei)
		ip |= VHART_BIT(VHART_SGEI);
	return ip;
}

static void same(struct machine *m, unsigned hart, const char *what, uint64_t library,
		 uint64_t model)
{
	if (library != model)
		machine_fail(m, "hart %u: %s is %#llx, the model has %#llx", hart, what,
			     (unsigned long long)library, (unsigned long long)model);
}

/* A copy of the hart that is in M-mode, to read with; the payload's part brought up to date. */
static struct vhart reader(const struct machine *m, unsigned hart)
{
	const struct machine_hart *h = &m->hart[hart];
	struct vhart copy = h->lib;

	copy.mode = VHART_M;
	copy.v = false;
	copy.hideleg = h->model.hideleg;
	if (m->config.native)
		vhart_take_mstatus(&copy, h->hw.s_fields);
	return copy;
}

static void check_register(struct machine *m, unsigned hart, struct vhart *copy, uint64_t ip,
			   unsigned number)
{
	uint64_t value = 0x5a5a5a5a5a5a5a5a;
	char name[24];

	if (model_csr_is(&m->hart[hart].model, number, false) != MODEL_HERE)
		return;
	if (vhart_csr(copy, number, VHART_READ, &value, ip) != VHART_DONE)
		machine_fail(m, "hart %u: CSR %#x is not to be read", hart, number);
	if (value == model_csr_read(&m->hart[hart].model, number))
		return;
	snprintf(name, sizeof(name), "CSR %#x", number);
	same(m, hart, name, value, model_csr_read(&m->hart[hart].model, number));
}

void check_pmp(struct machine *m, unsigned hart)
{
	struct hardware *hw = &m->hart[hart].hw;
	struct vhart copy = reader(m, hart);
	unsigned n;

	for (n = 0; n < 16; n += 2) {
		check_register(m, hart, &copy, 0, 0x3a0 + n);
		if (m->config.native)
			same(m, hart, "the hardware's pmpcfg", hw->pmpcfg[n],
			     model_csr_read(&m->hart[hart].model, 0x3a0 + n));
	}
	for (n = 0; n < VHART_MAX_PMPS; n++) {
		check_register(m, hart, &copy, 0, 0x3b0 + n);
		if (m->config.native)
			same(m, hart, "the hardware's pmpaddr", hw->pmpaddr[n],
			     model_csr_read(&m->hart[hart].model, 0x3b0 + n));
	}
}

/* --- The hart's own registers ------------------------------------------------------------------ */

static void check_firmware(struct machine *m, unsigned hart)
{
	const struct model_hart *model = &m->hart[hart].model;
	const struct vhart_native *n = &m->hart[hart].hw.native;
	uint64_t mie = VHART_BIT(VHART_MSI) | VHART_BIT(VHART_MTI);
	uint64_t forced = m->hart_config.mideleg_forced;

	if (model->mstatus.mie)
		mie |= model_mie(model) & ~model_mideleg(model);
	/* Whether the physical MEI is the monitor's business while the firmware runs is its own. */
	same(m, hart, "mie with the firmware", n->mie & ~VHART_BIT(VHART_MEI),
	     mie & ~VHART_BIT(VHART_MEI));
	same(m, hart, "what of mideleg is not hardwired, with the firmware", n->mideleg & ~forced,
	     0);
	same(m, hart, "medeleg with the firmware", n->medeleg, 0);
	same(m, hart, "satp with the firmware", n->satp, 0);
	same(m, hart, "mstatus.MPP with the firmware", VHART_MSTATUS_MPP_OF(n->mstatus), VHART_U);
	same(m, hart, "mstatus.TW with the firmware", n->mstatus & VHART_MSTATUS_TW,
	     VHART_MSTATUS_TW);
	same(m, hart, "mstatus.MPV with the firmware", n->mstatus & VHART_MSTATUS_MPV, 0);
}

static void check_payload(struct machine *m, unsigned hart)
{
	const struct model_hart *model = &m->hart[hart].model;
	const struct vhart_native *n = &m->hart[hart].hw.native;
	uint64_t mask = VHART_MSTATUS_MPP | VHART_MSTATUS_TVM | VHART_MSTATUS_TW |
			VHART_MSTATUS_TSR | VHART_MSTATUS_MPV;
	uint64_t mstatus = (uint64_t)model->mode << 11 | (uint64_t)model->mstatus.tvm << 20 |
			   (uint64_t)model->mstatus.tw << 21 | (uint64_t)model->mstatus.tsr << 22 |
			   (uint64_t)model->v << 39;

	same(m, hart, "mie with the payload", n->mie,
	     (model_mie(model) | VHART_BIT(VHART_MSI) | VHART_BIT(VHART_MTI)) &
		     ~VHART_BIT(VHART_MEI));
	same(m, hart, "mideleg with the payload", n->mideleg, model_mideleg(model));
	same(m, hart, "medeleg with the payload", n->medeleg, model->medeleg & ~m->keep);
	same(m, hart, "satp with the payload", n->satp, model->satp);
	same(m, hart, "mstatus with the payload", n->mstatus & mask, mstatus);
}

static void check_native(struct machine *m, unsigned hart)
{
	const struct machine_hart *h = &m->hart[hart];
	const struct vhart_native *n = &h->hw.native;
	struct vhart_native now;

	same(m, hart, "mode that the hardware was told", h->was_mode, h->model.mode);
	if (h->model.mode == VHART_M)
		check_firmware(m, hart);
	else
		check_payload(m, hart);
	same(m, hart, "physical MPRV", n->mstatus & VHART_MSTATUS_MPRV, 0);
	same(m, hart, "physical MIE", n->mstatus & VHART_MSTATUS_MIE, 0);
	same(m, hart, "physical UXL", n->mstatus & VHART_MSTATUS_UXL, UINT64_C(2) << 32);
	vhart_native(&h->lib, m->keep, &now);
	same(m, hart, "mie that the hardware was told", n->mie, now.mie);
	same(m, hart, "S fields of the hardware's mstatus", h->hw.s_fields,
	     model_mstatus(&h->model) & VHART_MSTATUS_S_FIELDS);
	same(m, hart, "the hardware's mip", hardware_mip(h, m->config.sstc),
	     model_mip(&h->model) & ~VHART_M_BITS);
	same(m, hart, "the hardware's menvcfg", h->hw.menvcfg, h->model.menvcfg);
	same(m, hart, "the hardware's mcounteren", h->hw.mcounteren, h->model.mcounteren);
	same(m, hart, "the hardware's mseccfg", h->hw.mseccfg, h->model.mseccfg);
	same(m, hart, "the payload's satp, as the hardware was told", h->hw.satp, h->model.satp);
	same(m, hart, "virtual MPRV, as the hardware was told", h->hw.mprv, model_mprv(&h->model));
}

/* ----------------------------------------------------------------------------------------------- */

void check_hart(struct machine *m, unsigned hart)
{
	struct machine_hart *h = &m->hart[hart];
	struct vhart copy = reader(m, hart);
	uint64_t ip;
	unsigned n;

	h->model.line.msi = model_msip(&m->clint, hart);
	h->model.line.mti = model_mtip(&m->clint, hart);
	ip = machine_ip(m, hart);
	same(m, hart, "what vclint_lines() says",
	     ip & (VHART_BIT(VHART_MSI) | VHART_BIT(VHART_MTI)),
	     model_mip(&h->model) & (VHART_BIT(VHART_MSI) | VHART_BIT(VHART_MTI)));
	same(m, hart, "pc", h->lib.pc, h->model.pc);
	same(m, hart, "mode", h->lib.mode, h->model.mode);
	same(m, hart, "v", h->lib.v, h->model.v);
	same(m, hart, "vhart_mprv", vhart_mprv(&h->lib), model_mprv(&h->model));
	same(m, hart, "vhart_mip", vhart_mip(&h->lib, ip), model_mip(&h->model));
	same(m, hart, "the interrupt to be taken", (uint64_t)(int64_t)vhart_interrupt(&h->lib, ip),
	     (uint64_t)(int64_t)model_interrupt(&h->model));
	same(m, hart, "vhart_wakes", vhart_wakes(&h->lib, ip), model_wakes(&h->model));
	for (n = 0; n < sizeof(registers) / sizeof(registers[0]); n++)
		check_register(m, hart, &copy, ip, registers[n]);
	if (m->config.native)
		check_native(m, hart);
}

/* Whoever has not been kicked has programmed what comes first. */
void check_timers(struct machine *m)
{
	unsigned h;

	for (h = 0; h < m->config.harts; h++) {
		if (m->clint.hart[h].must && !m->hart[h].msi)
			machine_fail(m, "hart %u has not been kicked, for reasons %#x", h,
				     m->clint.hart[h].must);
		if (!m->hart[h].msi && m->hart[h].programmed > model_next(&m->clint, h))
			machine_fail(
				m, "hart %u: its timer is at %#llx, and something is due at %#llx",
				h, (unsigned long long)m->hart[h].programmed,
				(unsigned long long)model_next(&m->clint, h));
	}
}
