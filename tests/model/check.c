/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What must hold in the lockstep's machine: after every operation, and at rest. See machine.h.
 */
#include "machine_internal.h"

#include <string.h>

#define ROUNDS       8 /* of "everybody serves what he was asked", until nobody may wait any more */
#define DRAIN_ROUNDS 4096

static bool hides(const struct machine *m, unsigned v)
{
	const struct machine_vcpu *vcpu = &m->vcpu[v];
	unsigned n;

	if (!(m->config.tolerate & TOLERATE_OVERFLOW) || !(vcpu->hw.hcr & HCR_NPIE))
		return false;
	for (n = 0; n < m->config.lrs; n++)
		if ((vcpu->image.live >> n & 1) && lr_state(vcpu->image.lr[n]) == LR_BOTH)
			return true;
	return false;
}

/* Nothing outstanding: what list registers show now is what they have to show. */
bool machine_settled(const struct machine *m, unsigned v)
{
	return m->vcpu[v].where == GUEST && !m->vcpu[v].waiting && !m->model.pe[v].unsettled &&
	       !cpuif_misr(&m->vcpu[v].hw) && !hides(m, v);
}

bool machine_anyone_unsettled(const struct machine *m)
{
	unsigned v;

	for (v = 0; v < m->config.model.vcpus; v++)
		if (m->model.pe[v].loaded &&
		    (m->model.pe[v].unsettled || vgic_attention(m->vcpu[v].cpu)))
			return true;
	return false;
}

/* Somebody who was told, or whose own access makes it come out. */
bool machine_kicked_guest(const struct machine *m, unsigned but)
{
	unsigned v;

	for (v = 0; v < m->config.model.vcpus; v++)
		if (v != but && m->vcpu[v].where == GUEST &&
		    (m->vcpu[v].kicked || m->vcpu[v].waiting))
			return true;
	return false;
}

/* --- List registers --------------------------------------------------------------------------- */

static void check_twins(struct machine *m, unsigned v, unsigned n)
{
	uint64_t lr = m->vcpu[v].hw.lr[n];
	unsigned i, u;

	for (u = 0; u < m->config.model.vcpus; u++) {
		if (m->vcpu[u].where != GUEST || (u != v && lr_vintid(lr) < 32))
			continue;
		for (i = 0; i < m->config.lrs; i++) {
			uint64_t other = m->vcpu[u].hw.lr[i];

			if ((u == v && i == n) || lr_state(other) == LR_INVALID)
				continue;
			if (lr_vintid(other) == lr_vintid(lr))
				machine_fail(m, "%u is in LR%u of vCPU %u and in LR%u of vCPU %u",
					     lr_vintid(lr), n, v, i, u);
		}
	}
}

static void check_lr_model(struct machine *m, unsigned v, unsigned n)
{
	uint64_t lr = m->vcpu[v].hw.lr[n];
	const struct model_irq *irq = model_irq(&m->model, v, lr_vintid(lr));
	bool active = lr_state(lr) != LR_PENDING;

	if (irq->flux || m->model.ctlr_flux || irq->active_unsure)
		return;
	if (active && !irq->active)
		machine_fail(m, "vCPU %u: LR%u has %u active, and it is not", v, n, irq->intid);
	if ((m->config.tolerate & TOLERATE_PENDING_HALF) &&
	    (!irq->enabled || !m->model.grp[irq->group]))
		return;
	if (!active && model_candidate(&m->model, v, irq) == NO)
		machine_fail(m, "vCPU %u: LR%u has %u pending, and it is not deliverable here", v,
			     n, irq->intid);
}

static void check_lrs(struct machine *m, unsigned v)
{
	const struct cpuif *hw = &m->vcpu[v].hw;
	unsigned n;

	for (n = 0; n < m->config.lrs; n++) {
		const char *fault = lr_fault(hw, hw->lr[n]);
		const struct model_irq *irq;

		if (lr_state(hw->lr[n]) == LR_INVALID)
			continue;
		if (fault)
			machine_fail(m, "vCPU %u: LR%u = %#llx: %s", v, n,
				     (unsigned long long)hw->lr[n], fault);
		irq = model_irq(&m->model, v, lr_vintid(hw->lr[n]));
		if (!irq)
			machine_fail(m, "vCPU %u: LR%u has %u, which does not exist", v, n,
				     lr_vintid(hw->lr[n]));
		if (!(m->config.tolerate & TOLERATE_INACTIVE) && lr_hw(hw->lr[n]) && irq->mapped &&
		    !irq->wire.active)
			machine_fail(m, "vCPU %u: LR%u has %u with HW, physically inactive", v, n,
				     irq->intid);
		check_twins(m, v, n);
		if (machine_settled(m, v))
			check_lr_model(m, v, n);
	}
}

/* --- What the guest would see ----------------------------------------------------------------- */

/* Tolerated: the pending half of an interrupt that was disabled while it was active. */
bool machine_stale_half(struct machine *m, unsigned v)
{
	int n = cpuif_hppi(&m->vcpu[v].hw);
	const struct model_irq *irq;

	if (n < 0 || !(m->config.tolerate & TOLERATE_PENDING_HALF))
		return false;
	irq = model_irq(&m->model, v, lr_vintid(m->vcpu[v].hw.lr[n]));
	return model_candidate(&m->model, v, irq) == NO;
}

static void check_presented(struct machine *m, unsigned v)
{
	const struct cpuif *hw = &m->vcpu[v].hw;
	enum maybe signals = model_signals(&m->model, v);
	int n = cpuif_hppi(hw);
	uint64_t lr = n < 0 ? 0 : hw->lr[n];
	const char *why = model_check_hppi(&m->model, v, n < 0 ? CPUIF_SPURIOUS : lr_vintid(lr),
					   lr_priority(lr), lr_group(lr));

	if (machine_stale_half(m, v))
		return;
	if (why)
		machine_fail(m, "vCPU %u: HPPI is %u (LR%d, priority %#x, group %u): %s", v,
			     n < 0 ? CPUIF_SPURIOUS : lr_vintid(lr), n, lr_priority(lr),
			     lr_group(lr), why);
	if (signals != MAYBE && cpuif_signals(hw) != (signals == YES))
		machine_fail(m, "vCPU %u: the virtual interrupt is %d", v, cpuif_signals(hw));
}

static void check_wake(struct machine *m, unsigned v)
{
	const struct machine_vcpu *vcpu = &m->vcpu[v];

	if ((vcpu->where == BLOCKED || vcpu->where == UNLOADED) && !vcpu->kicked &&
	    model_signals(&m->model, v) == YES)
		machine_fail(m, "vCPU %u sleeps, something is deliverable, nobody kicked it", v);
}

void machine_check(struct machine *m)
{
	unsigned v;

	for (v = 0; v < m->config.model.vcpus; v++)
		if ((m->vcpu[v].where == GUEST && cpuif_misr(&m->vcpu[v].hw)) ||
		    (m->vcpu[v].where == OUTSIDE && vgic_attention(m->vcpu[v].cpu)))
			m->model.pe[v].unsettled = true;
	for (v = 0; v < m->config.model.vcpus; v++) {
		const struct machine_vcpu *vcpu = &m->vcpu[v];

		machine_sample(m, v);
		if (vcpu->where == GUEST)
			check_lrs(m, v);
		if (vcpu->where == GUEST && cpuif_rpr(&vcpu->hw) != model_running(&m->model, v))
			machine_fail(m, "vCPU %u: running priority %#x, model %#x", v,
				     cpuif_rpr(&vcpu->hw), model_running(&m->model, v));
		if (machine_settled(m, v))
			check_presented(m, v);
		check_wake(m, v);
	}
}

/* --- Rest --------------------------------------------------------------------------------------- */

static void take_all(struct machine *m)
{
	unsigned v, n;

	for (n = 32; n < 32 + m->config.model.spis; n++)
		machine_take(m, 0, n);
	for (v = 0; v < m->config.model.vcpus; v++)
		for (n = 16; n < 32; n++)
			machine_take(m, v, n);
}

static void serve_all(struct machine *m)
{
	unsigned v;

	for (v = 0; v < m->config.model.vcpus; v++) {
		machine_deliver(m, v);
		machine_maintenance(m, v);
		if (m->vcpu[v].where == BLOCKED)
			continue;
		if (m->vcpu[v].where == OUTSIDE && !m->vcpu[v].waiting)
			machine_enter(m, v);
	}
}

static bool retry_all(struct machine *m)
{
	bool waiting = false;
	unsigned v;

	for (v = 0; v < m->config.model.vcpus; v++) {
		machine_retry(m, v);
		waiting |= m->vcpu[v].waiting;
	}
	return waiting;
}

static bool busy(const struct machine *m)
{
	unsigned v;

	for (v = 0; v < m->config.model.vcpus; v++)
		if (m->vcpu[v].kicked || m->vcpu[v].where == OUTSIDE ||
		    (m->vcpu[v].where == GUEST && cpuif_misr(&m->vcpu[v].hw)))
			return true;
	return false;
}

static void settle(struct machine *m)
{
	bool waiting = true;
	unsigned round;

	for (round = 0; round < ROUNDS && (waiting || busy(m)); round++) {
		take_all(m);
		serve_all(m);
		waiting = retry_all(m);
	}
	if (waiting)
		machine_fail(m, "AGAIN does not end although everybody serves his kicks");
	if (busy(m))
		machine_fail(m, "kicks or maintenance interrupts do not end");
	take_all(m);
	serve_all(m);
	m->model.now++;
	machine_check(m);
}

/* A read at rest, with everybody else serving until it is done. */
static uint64_t read_settled(struct machine *m, enum model_region region, unsigned offset,
			     unsigned bytes)
{
	unsigned v, round;
	uint64_t value = 0;

	for (v = 0; v + 1 < m->config.model.vcpus && m->vcpu[v].where == UNLOADED; v++)
		;
	machine_load(m, v);
	if (m->vcpu[v].where == BLOCKED)
		machine_exit(m, v, true);
	for (round = 0; round < ROUNDS; round++) {
		enum vgic_result result;

		m->actor = (int)v;
		m->in_library = true;
		result = region == MODEL_DIST
				 ? vgic_dist_read(m->vcpu[v].cpu, offset, bytes, &value)
				 : vgic_redist_read(m->vcpu[v].cpu, offset, bytes, &value);
		m->actor = MODEL_NOBODY;
		m->in_library = false;
		if (result == VGIC_DONE) {
			machine_back(m, v);
			return value;
		}
		machine_exit(m, v, false);
		serve_all(m);
		machine_exit(m, v, false);
	}
	machine_fail(m, "a read of %#x at rest stays AGAIN", offset);
}

static void compare_word(struct machine *m, enum model_region region, unsigned offset,
			 unsigned bytes)
{
	uint64_t value = read_settled(m, region, offset, bytes);
	struct model_bits bits = model_read(&m->model, region, offset, bytes);

	if ((value ^ bits.value) & ~bits.unsure)
		machine_fail(m, "at rest, %s %#x is %#llx, model %#llx (unsure %#llx)",
			     region == MODEL_DIST ? "GICD" : "GICR", offset,
			     (unsigned long long)value, (unsigned long long)bits.value,
			     (unsigned long long)bits.unsure);
}

/* What was left open is now known: the model takes the library's answer. */
static void adopt(struct machine *m, struct model_irq *irq, unsigned v)
{
	enum model_region region = irq->intid < 32 ? MODEL_REDIST : MODEL_DIST;
	unsigned base = irq->intid < 32 ? v * VGIC_REDIST_STRIDE + 0x10000 : irq->intid / 32 * 4;
	bool pending, active;

	if (!irq->mapped && !irq->pending_unsure && !irq->active_unsure)
		return;
	pending = read_settled(m, region, base + 0x200, 4) >> irq->intid % 32 & 1;
	active = read_settled(m, region, base + 0x300, 4) >> irq->intid % 32 & 1;
	if (irq->active_unsure) {
		irq->active = active;
		irq->active_on = MODEL_NOBODY;
		irq->active_unsure = false;
	}
	if (irq->pending_unsure && model_pending(irq) == MAYBE &&
	    !(irq->mapped && irq->wire.level)) {
		irq->latch = pending;
		irq->pending_unsure = false;
	}
	/* A read that finds a line fallen has it settled by whoever looks next. */
	if (irq->mapped && irq->wire.active && !pending && !active)
		serve_all(m);
	if (irq->mapped && !irq->misconfigured && irq->wire.active && !pending && !active)
		machine_fail(m,
			     "physical %u is active, its interrupt %u neither pending nor active",
			     irq->wire.intid, irq->intid);
	if (irq->mapped && !irq->misconfigured && irq->wire.level && irq->wire.line &&
	    !irq->active && !pending && !irq->wire.absent && irq->wire.active)
		machine_fail(m, "the line of %u is high, and it is not pending", irq->intid);
}

static void each_irq(struct machine *m, void (*see)(struct machine *, struct model_irq *, unsigned))
{
	unsigned v, n;

	for (v = 0; v < m->config.model.vcpus; v++)
		for (n = 0; n < 32; n++)
			see(m, &m->model.priv[v][n], v);
	for (n = 0; n < m->config.model.spis; n++)
		see(m, &m->model.spi[n], 0);
}

static const struct {
	unsigned base, bits;
} compared[] = { { 0x080, 1 }, { 0x100, 1 }, { 0x180, 1 }, { 0x200, 1 }, { 0x280, 1 },
		 { 0x300, 1 }, { 0x380, 1 }, { 0x400, 8 }, { 0xc00, 2 } };

static void compare_routes(struct machine *m)
{
	unsigned n;

	for (n = 32; n < 32 + m->config.model.spis; n++)
		compare_word(m, MODEL_DIST, 0x6000 + 8 * n, 8);
}

void machine_compare(struct machine *m)
{
	unsigned b, v, offset, end = 32 + (m->config.model.spis + 31) / 32 * 32;

	for (b = 0; b < sizeof(compared) / sizeof(compared[0]); b++) {
		unsigned base = compared[b].base, bytes = compared[b].bits * end / 8;

		for (offset = base; offset < base + bytes; offset += 4)
			compare_word(m, MODEL_DIST, offset, 4);
		for (v = 0; v < m->config.model.vcpus; v++)
			for (offset = base; offset < base + 4 * compared[b].bits; offset += 4)
				compare_word(m, MODEL_REDIST,
					     v * VGIC_REDIST_STRIDE + 0x10000 + offset, 4);
	}
	compare_routes(m);
	compare_word(m, MODEL_DIST, 0, 4);
	compare_word(m, MODEL_DIST, 4, 4);
	compare_word(m, MODEL_DIST, 0xffe8, 4);
	for (v = 0; v < m->config.model.vcpus; v++)
		compare_word(m, MODEL_REDIST, v * VGIC_REDIST_STRIDE + 8, 8);
}

void machine_quiesce(struct machine *m)
{
	settle(m);
	if (read_settled(m, MODEL_DIST, 0, 4) >> 31 & 1)
		machine_fail(m, "GICD_CTLR.RWP is 1 at rest");
	each_irq(m, adopt);
	machine_compare(m);
	settle(m);
}

/* --- The end: a well-behaved guest handles all that is left ------------------------------------- */

static void write_now(struct machine *m, enum model_region region, unsigned offset, unsigned bytes,
		      uint64_t value)
{
	struct op op = {
		.kind = OP_WRITE, .a = region, .b = offset, .n = (uint8_t)bytes, .c = value
	};

	machine_do(m, &op);
	settle(m);
}

static void guest_now(struct machine *m, unsigned v, enum op_kind kind, uint32_t a, uint32_t b)
{
	struct op op = { .kind = (uint8_t)kind, .vcpu = (uint8_t)v, .a = a, .b = b };

	machine_do(m, &op);
}

/* ICC_DIR_EL1 of what was dropped, as far as its vCPU still has EOImode 1. */
static void deactivate_ended(struct machine *m)
{
	unsigned v;

	for (v = 0; v < m->config.model.vcpus; v++) {
		while (m->vcpu[v].ended_count && m->model.pe[v].eoimode &&
		       m->vcpu[v].where == GUEST) {
			guest_now(m, v, OP_DIR, 0, DIR_OWN);
			settle(m);
		}
		m->vcpu[v].ended_count = 0;
	}
}

/* Deactivate what nobody will end: set active by hand, or left over by a CPU interface's reset. */
static void clear_orphan(struct machine *m, struct model_irq *irq, unsigned v)
{
	bool private = irq->intid < 32;

	if (!irq->active || (irq->active_on != MODEL_NOBODY && !irq->dropped))
		return;
	write_now(m, private ? MODEL_REDIST : MODEL_DIST,
		  private ? v * VGIC_REDIST_STRIDE + 0x10380 : 0x380 + irq->intid / 32 * 4, 4,
		  1u << irq->intid % 32);
}

static void open_route(struct machine *m, struct model_irq *irq, unsigned v)
{
	unsigned u;

	(void)v;
	if (irq->intid < 32 || (irq->route >> 31 & 1))
		return;
	for (u = 0; u < m->config.model.vcpus; u++)
		if ((irq->route & 0xff00ffffffull) == model_affinity(&m->model, u))
			return;
	write_now(m, MODEL_DIST, 0x6000 + 8 * irq->intid, 8, 0);
}

static void open_priority(struct machine *m, struct model_irq *irq, unsigned v)
{
	bool private = irq->intid < 32;

	if (irq->priority < 0xf8)
		return;
	write_now(m, private ? MODEL_REDIST : MODEL_DIST,
		  (private ? v * VGIC_REDIST_STRIDE + 0x10400 : 0x400) + irq->intid, 1, 0xf0);
}

static void open_everything(struct machine *m)
{
	unsigned v, n;

	each_irq(m, open_route);
	each_irq(m, open_priority);
	write_now(m, MODEL_DIST, 0, 4, 3);
	for (n = 32; n < 32 + m->config.model.spis; n += 32)
		write_now(m, MODEL_DIST, 0x100 + n / 8, 4, 0xffffffff);
	for (v = 0; v < m->config.model.vcpus; v++) {
		write_now(m, MODEL_REDIST, v * VGIC_REDIST_STRIDE + 0x10100, 4, 0xffffffff);
		write_now(m, MODEL_REDIST, v * VGIC_REDIST_STRIDE + 0x14, 4, 0);
		guest_now(m, v, OP_PMR, 0xff, 0);
		guest_now(m, v, OP_IGRPEN, 0, 1);
		guest_now(m, v, OP_IGRPEN, 1, 1);
	}
}

/* Handles one interrupt as a driver does: quiet the device, end the interrupt. */
static void handle_last(struct machine *m, unsigned v)
{
	const struct model_pe *pe = &m->model.pe[v];
	struct model_irq *irq = model_irq(&m->model, v, pe->stack[pe->depth - 1].intid);

	if (irq->mapped && irq->wire.level)
		machine_device(m, v, irq->intid, false);
	else if (!irq->mapped && irq->intid >= 16)
		machine_source(m, MODEL_NOBODY, v, irq->intid, false, false);
	guest_now(m, v, OP_EOI, 0, 0);
	while (m->vcpu[v].ended_count && m->model.pe[v].eoimode && m->vcpu[v].where == GUEST) {
		guest_now(m, v, OP_DIR, m->vcpu[v].ended_count - 1, DIR_OWN);
		settle(m);
	}
}

static bool handle_some(struct machine *m, unsigned v)
{
	unsigned depth = m->model.pe[v].depth;

	guest_now(m, v, OP_IAR, 0, 0);
	if (m->model.pe[v].depth == depth)
		guest_now(m, v, OP_IAR, 1, 0);
	if (m->model.pe[v].depth == depth && depth == 0)
		return false;
	if (m->model.pe[v].depth == depth)
		handle_last(m, v);
	return true;
}

static void drain(struct machine *m)
{
	bool more = true;
	unsigned round, v;

	for (round = 0; more && round < DRAIN_ROUNDS; round++) {
		more = false;
		for (v = 0; v < m->config.model.vcpus; v++)
			more |= handle_some(m, v);
		settle(m);
	}
	if (more)
		machine_fail(m, "interrupts do not end");
}

static void check_idle(struct machine *m, struct model_irq *irq, unsigned v)
{
	if (irq->misconfigured)
		return;
	if (irq->active)
		machine_fail(m, "at the end, %u of vCPU %u is still active", irq->intid, v);
	if (irq->mapped && (irq->wire.active || irq->wire.line || irq->wire.latch))
		machine_fail(m, "at the end, physical %u: active %d, line %d, latch %d",
			     irq->wire.intid, irq->wire.active, irq->wire.line, irq->wire.latch);
	if (model_pending(irq) == YES)
		machine_fail(m, "at the end, %u of vCPU %u is still pending", irq->intid, v);
}

void machine_finish(struct machine *m)
{
	unsigned v;

	settle(m);
	for (v = 0; v < m->config.model.vcpus; v++) {
		machine_load(m, v);
		if (m->vcpu[v].where == BLOCKED)
			machine_exit(m, v, true);
		if (m->vcpu[v].where == OUTSIDE && !m->vcpu[v].waiting)
			machine_enter(m, v);
	}
	machine_quiesce(m);
	deactivate_ended(m);
	each_irq(m, clear_orphan);
	open_everything(m);
	drain(m);
	machine_quiesce(m);
	each_irq(m, check_idle);
}
