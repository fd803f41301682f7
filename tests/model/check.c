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

	if (!(m->config.tolerate & TOLERATE_OVERFLOW) || !(vcpu->hw->hcr & HCR_NPIE))
		return false;
	for (n = 0; n < m->config.lrs; n++)
		if ((vcpu->image.live >> n & 1) && lr_state(vcpu->image.lr[n]) == LR_BOTH)
			return true;
	return false;
}

/*
 * GICv2: something is held back behind an SGI whose end was to be seen (EOImode 0), and the guest has
 * switched to EOImode 1 since: no exit comes before GICC_DIR.
 */
static bool mode_is_news(const struct machine *m, unsigned v)
{
	const struct model_pe *pe = &m->model.pe[v];
	unsigned n;

	for (n = 0; n < 16 && m->config.model.version == 2 && pe->eoimode && !pe->seen_eoimode; n++)
		if (m->model.priv[v][n].dropped && m->model.priv[v][n].active)
			return true;
	return false;
}

/* Nothing outstanding: what list registers show now is what they have to show. */
bool machine_settled(const struct machine *m, unsigned v)
{
	return m->vcpu[v].where == GUEST && !m->vcpu[v].waiting && !m->model.pe[v].unsettled &&
	       !cpuif_misr(m->vcpu[v].hw) && !hides(m, v) && !mode_is_news(m, v);
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
		if (v != but &&
		    ((m->vcpu[v].where == GUEST && (m->vcpu[v].kicked || m->vcpu[v].waiting)) ||
		     (m->vcpu[v].where == OUTSIDE && vgic_attention(m->vcpu[v].cpu) &&
		      (m->config.tolerate & TOLERATE_OUTSIDE))))
			return true;
	return false;
}

/* --- List registers --------------------------------------------------------------------------- */

static void check_twins(struct machine *m, unsigned v, unsigned n)
{
	uint64_t lr = m->vcpu[v].hw->lr[n];
	unsigned i, u;

	for (u = 0; u < m->config.model.vcpus; u++) {
		if (m->vcpu[u].where != GUEST ||
		    (u != v && model_is_private(model_irq(&m->model, v, lr_vintid(lr)))))
			continue;
		for (i = 0; i < m->config.lrs; i++) {
			uint64_t other = m->vcpu[u].hw->lr[i];

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
	uint64_t lr = m->vcpu[v].hw->lr[n];
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
	if (lr_state(lr) == LR_PENDING && !model_may_be_from(&m->model, irq, lr_cpuid(lr)))
		machine_fail(m, "vCPU %u: LR%u has %u from CPU %u, which did not send it", v, n,
			     irq->intid, lr_cpuid(lr));
}

static void check_lrs(struct machine *m, unsigned v)
{
	const struct cpuif *hw = m->vcpu[v].hw;
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
		machine_check_hw(m, v, hw->lr[n]);
		if (!(m->config.tolerate & TOLERATE_INACTIVE) && lr_hw(hw->lr[n]) &&
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
	int n = cpuif_hppi(m->vcpu[v].hw);
	const struct model_irq *irq;

	if (n < 0 || !(m->config.tolerate & TOLERATE_PENDING_HALF))
		return false;
	irq = model_irq(&m->model, v, lr_vintid(m->vcpu[v].hw->lr[n]));
	return model_candidate(&m->model, v, irq) == NO;
}

/* Software tells by which input: group 0 is FIQ, in a GICv2 only with FIQEn; the rest is IRQ. */
static void check_signals(struct machine *m, unsigned v, unsigned may)
{
	const struct model_pe *pe = &m->model.pe[v];
	unsigned is, group0 = VGIC_SIGNAL_FIQ, wanted = 0;
	int before = machine_library_begin(m, (int)v);

	is = vgic_signals(m->vcpu[v].cpu);
	machine_library_end(m, before);
	if (m->config.model.version == 2 && !pe->fiqen)
		group0 = VGIC_SIGNAL_IRQ;
	wanted |= may & MODEL_QUIET && is == 0;
	wanted |= may & MODEL_GROUP0 && is == group0;
	wanted |= may & MODEL_GROUP1 && is == VGIC_SIGNAL_IRQ;
	if (!wanted)
		machine_fail(m, "vCPU %u: vgic_signals() is %u, model %#x", v, is, may);
}

bool machine_holds_back(const struct machine *m, unsigned v)
{
	unsigned n;

	for (n = 0; n < 16 && (m->config.tolerate & TOLERATE_HELD_BACK); n++)
		if (m->model.priv[v][n].sources || m->model.priv[v][n].sources_unsure)
			return true;
	return false;
}

static void check_presented(struct machine *m, unsigned v)
{
	const struct cpuif *hw = m->vcpu[v].hw;
	unsigned may = model_signals(&m->model, v);
	int n = cpuif_hppi(hw);
	uint64_t lr = n < 0 ? CPUIF_SPURIOUS : hw->lr[n];
	const struct model_taken taken = {
		.intid = lr_vintid(lr),
		.source = lr_cpuid(lr),
		.priority = lr_priority(lr),
		.group = lr_group(lr),
	};
	const char *why;

	if (m->config.lrs == 0) {
		check_signals(m, v, may);
		return;
	}
	if (machine_stale_half(m, v) || machine_holds_back(m, v))
		return;
	why = model_check_hppi(&m->model, v, &taken);
	if (why)
		machine_fail(m, "vCPU %u: HPPI is %u (LR%d, priority %#x, group %u): %s", v,
			     taken.intid, n, taken.priority, taken.group, why);
	if (cpuif_signals(hw) ? may == MODEL_QUIET : !(may & MODEL_QUIET))
		machine_fail(m, "vCPU %u: the virtual interrupt is %d", v, cpuif_signals(hw));
}

static void check_wake(struct machine *m, unsigned v)
{
	const struct machine_vcpu *vcpu = &m->vcpu[v];

	if ((vcpu->where == BLOCKED || vcpu->where == UNLOADED) && !vcpu->kicked &&
	    !(model_signals(&m->model, v) & MODEL_QUIET))
		machine_fail(m, "vCPU %u sleeps, something is deliverable, nobody kicked it", v);
}

void machine_check(struct machine *m)
{
	unsigned v;

	for (v = 0; v < m->config.model.vcpus; v++)
		if ((m->vcpu[v].where == GUEST && cpuif_misr(m->vcpu[v].hw)) ||
		    (m->vcpu[v].where == OUTSIDE && vgic_attention(m->vcpu[v].cpu)))
			m->model.pe[v].unsettled = true;
	for (v = 0; v < m->config.model.vcpus; v++) {
		const struct machine_vcpu *vcpu = &m->vcpu[v];

		machine_sample(m, v);
		if (vcpu->where == GUEST)
			check_lrs(m, v);
		if (vcpu->where == GUEST && m->config.lrs &&
		    cpuif_rpr(vcpu->hw) != model_running(&m->model, v))
			machine_fail(m, "vCPU %u: running priority %#x, model %#x", v,
				     cpuif_rpr(vcpu->hw), model_running(&m->model, v));
		if (machine_settled(m, v))
			check_presented(m, v);
		check_wake(m, v);
	}
}

/* --- Rest --------------------------------------------------------------------------------------- */

static void take_one(struct machine *m, struct model_irq *irq, unsigned v)
{
	machine_take(m, v, irq->intid);
}

void each_irq(struct machine *m, void (*see)(struct machine *, struct model_irq *, unsigned))
{
	unsigned v, n;

	for (n = 0; n < model_shared_count(&m->model); n++)
		see(m, &m->model.shared[n], 0);
	for (v = 0; v < m->config.model.vcpus; v++)
		for (n = 0; n < model_private_count(&m->model); n++)
			see(m, &m->model.priv[v][n], v);
}

static void take_all(struct machine *m)
{
	if (m->config.mapped)
		each_irq(m, take_one);
}

/* Those that are not loaded get their turn if there is a free CPU, or `turns`. */
static void serve_all(struct machine *m, bool turns)
{
	unsigned v;

	for (v = 0; v < m->config.model.vcpus; v++) {
		if (m->vcpu[v].where != UNLOADED || turns || machine_cpu_is_free(m))
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
		if (m->vcpu[v].waiting)
			machine_load(m, v);
		machine_retry(m, v);
		waiting |= m->vcpu[v].waiting;
	}
	return waiting;
}

static bool busy(const struct machine *m)
{
	unsigned v;

	for (v = 0; v < m->config.model.vcpus; v++)
		if ((m->vcpu[v].kicked &&
		     (m->vcpu[v].where != UNLOADED || machine_cpu_is_free(m))) ||
		    m->vcpu[v].where == OUTSIDE ||
		    (m->vcpu[v].where == GUEST && cpuif_misr(m->vcpu[v].hw)))
			return true;
	return false;
}

/* Has this vCPU nothing to handle although it would take anything? */
static bool idles(struct machine *m, unsigned v)
{
	const struct model_pe *pe = &m->model.pe[v];

	if (!machine_settled(m, v) || pe->asleep ||
	    !pe->asleep_known != (m->config.model.version == 2))
		return false;
	if (!pe->grpen[0] || !pe->grpen[1] ||
	    pe->pmr != (0xff00u >> m->config.model.priority_bits & 0xff) || pe->depth)
		return false;
	return m->config.lrs ? cpuif_hppi(m->vcpu[v].hw) < 0 : !vgic_signals(m->vcpu[v].cpu);
}

/* What may go to any of several PEs goes to one of them: not all of them idle. */
static void check_given(struct machine *m, struct model_irq *irq, unsigned unused)
{
	unsigned v, could = 0, idle = 0;

	(void)unused;
	if (model_is_private(irq))
		return;
	for (v = 0; v < m->config.model.vcpus; v++) {
		if (model_candidate(&m->model, v, irq) == NO)
			continue;
		could++;
		idle += idles(m, v);
	}
	if (could > 1 && idle == could && !irq->flux && !irq->active_unsure &&
	    !irq->misconfigured && model_pending(irq) == YES && irq->priority < 0xf8)
		machine_fail(m, "%u is pending for %u vCPUs, and none of them has it", irq->intid,
			     could);
}

/* `turns`: vCPUs that share physical CPUs take them once. */
static void settle(struct machine *m, bool turns)
{
	bool waiting = true;
	unsigned round;

	for (round = 0; round < ROUNDS && (waiting || busy(m)); round++) {
		take_all(m);
		serve_all(m, turns && round == 0);
		waiting = retry_all(m);
	}
	if (waiting)
		machine_fail(m, "AGAIN does not end although everybody serves his kicks");
	if (busy(m))
		machine_fail(m, "kicks or maintenance interrupts do not end");
	take_all(m);
	serve_all(m, false);
	m->model.now++;
	machine_check(m);
	each_irq(m, check_given);
}

void machine_settle(struct machine *m)
{
	settle(m, true);
}

/* Any vCPU that is loaded; one is made to be. */
static unsigned any_loaded(struct machine *m)
{
	unsigned v;

	for (v = 0; v + 1 < m->config.model.vcpus && m->vcpu[v].where == UNLOADED; v++)
		;
	return v;
}

/* A read at rest, by `op`'s vCPU, with everybody else serving until it is done. */
static uint64_t read_settled(struct machine *m, const struct op *op)
{
	unsigned v = op->vcpu, round;
	uint64_t value = 0;

	machine_load(m, v);
	if (m->vcpu[v].where == BLOCKED)
		machine_exit(m, v, true);
	for (round = 0; round < ROUNDS; round++) {
		enum vgic_result result;
		int before = machine_library_begin(m, (int)v);

		result = op->a == MODEL_DIST
				 ? vgic_dist_read(m->vcpu[v].cpu, op->b, op->n, &value)
				 : vgic_redist_read(m->vcpu[v].cpu, op->b, op->n, &value);
		machine_library_end(m, before);
		if (result == VGIC_DONE) {
			machine_back(m, v);
			return value;
		}
		machine_exit(m, v, false);
		serve_all(m, false);
		machine_exit(m, v, false);
	}
	machine_fail(m, "a read of %#x at rest stays AGAIN", op->b);
}

/* The register that has an interrupt, seen from a vCPU that can. */
static struct op reader_of(struct machine *m, const struct model_irq *irq, unsigned base,
			   unsigned bytes)
{
	struct op op = machine_register(m, OP_READ, irq, base, bytes);

	if (m->config.model.version == 3 || !model_is_private(irq))
		op.vcpu = (uint8_t)any_loaded(m);
	return op;
}

static void compare_word(struct machine *m, const struct op *op)
{
	uint64_t value = read_settled(m, op);
	struct model_bits bits = model_read(&m->model, machine_at(op));

	if ((value ^ bits.value) & ~bits.unsure)
		machine_fail(m, "at rest, %s %#x is %#llx, model %#llx (unsure %#llx)",
			     op->a == MODEL_DIST ? "GICD" : "GICR", op->b,
			     (unsigned long long)value, (unsigned long long)bits.value,
			     (unsigned long long)bits.unsure);
}

static bool read_bit(struct machine *m, const struct model_irq *irq, unsigned base)
{
	struct op op = reader_of(m, irq, base, 4);

	return read_settled(m, &op) >> irq->intid % 32 & 1;
}

/* Of which CPUs an SGI of a GICv2 is pending. */
static void adopt_sources(struct machine *m, struct model_irq *irq)
{
	struct op op = reader_of(m, irq, 0xf20, 4);

	op.b = 0xf20 + irq->intid / 4 * 4;
	irq->sources = read_settled(m, &op) >> irq->intid % 4 * 8 & 0xff;
	irq->sources_unsure = 0;
	irq->pending_unsure = false;
}

/* What was left open is now known: the model takes the library's answer. */
static void adopt(struct machine *m, struct model_irq *irq, unsigned v)
{
	bool pending, active;

	(void)v;
	if (irq->sources_unsure ||
	    (irq->pending_unsure && m->config.model.version == 2 && irq->intid < 16))
		adopt_sources(m, irq);
	if (!irq->mapped && !irq->pending_unsure && !irq->active_unsure)
		return;
	pending = read_bit(m, irq, 0x200);
	active = read_bit(m, irq, 0x300);
	if (irq->active_unsure) {
		irq->ends_most += !active && irq->end_told != NO;
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
		serve_all(m, false);
	if (irq->mapped && !irq->misconfigured && irq->wire.active && !pending && !active)
		machine_fail(m,
			     "physical %u is active, its interrupt %u neither pending nor active",
			     irq->wire.intid, irq->intid);
	if (irq->mapped && !irq->misconfigured && irq->wire.level && irq->wire.line &&
	    !irq->active && !pending && !irq->wire.absent && irq->wire.active)
		machine_fail(m, "the line of %u is high, and it is not pending", irq->intid);
}

void machine_check_wire(struct machine *m, struct model_irq *irq, unsigned v)
{
	if (!irq->mapped || irq->misconfigured || irq->flux || irq->active_unsure ||
	    irq->wire.absent)
		return;
	if (irq->active != irq->wire.active && model_pending(irq) == NO)
		machine_fail(m, "%u of vCPU %u is active: %d, its physical interrupt: %d",
			     irq->intid, v, irq->active, irq->wire.active);
}

/* --- vgic_irq_info() ---------------------------------------------------------------------------- */

#define NONE 0xffffu

/* Whose list register it went into at its last entry. */
static unsigned in_list_register(const struct machine *m, unsigned v, const struct model_irq *irq)
{
	unsigned u, n;

	for (u = 0; u < m->config.model.vcpus; u++) {
		if (m->vcpu[u].where != GUEST || (u != v && model_is_private(irq)))
			continue;
		for (n = 0; n < m->config.lrs; n++)
			if ((m->vcpu[u].image.live >> n & 1) &&
			    lr_vintid(machine_image_lr(m, u, n)) == irq->intid)
				return u;
	}
	return NONE;
}

static bool info_route_fits(const struct machine *m, unsigned v, const struct model_irq *irq,
			    const struct vgic_irq_info *info)
{
	const uint64_t affinity = 0xffffff, irm = 1ull << 31;
	unsigned u;

	if (model_is_private(irq))
		return info->target == v;
	if (info->target != NONE && info->target >= m->config.model.vcpus)
		return false;
	if (m->config.model.version == 2)
		return m->config.model.vcpus == 1 ||
		       (info->route == irq->targets &&
			(irq->targets ? info->target != NONE && irq->targets >> info->target & 1
				      : info->target == NONE));
	if ((info->route ^ irq->route) & irm)
		return false;
	if (irq->route & irm)
		return info->target != NONE;
	if ((info->route ^ irq->route) & affinity)
		return false;
	for (u = 0; u < m->config.model.vcpus; u++)
		if ((irq->route & 0xff00ffffffull) == model_affinity(&m->model, u))
			return info->target == u;
	return info->target == NONE || (irq->route & 0xff00000000ull);
}

static const char *info_fault(const struct machine *m, unsigned v, const struct model_irq *irq,
			      const struct vgic_irq_info *info)
{
	enum maybe pending = model_pending(irq);
	unsigned holder = in_list_register(m, v, irq);

	if (info->enabled != irq->enabled || info->priority != irq->priority ||
	    info->group != irq->group || info->level == irq->edge)
		return "its configuration";
	if (info->hwirq != (irq->mapped ? irq->wire.intid : 0))
		return "the physical interrupt";
	if (!info_route_fits(m, v, irq, info))
		return "route or target";
	if (info->live != (holder != NONE) || (info->live && info->holder != holder))
		return "what is live";
	if (info->holder != NONE &&
	    (model_is_private(irq) ? info->holder != v : info->holder >= m->config.model.vcpus))
		return "the holder";
	if (info->live)
		return NULL;
	/* The line of a mapped one is sampled when the guest reads it, not here. */
	if (pending != MAYBE && !(irq->mapped && irq->wire.level && irq->wire.line) &&
	    info->pending != (pending == YES))
		return "pending";
	if (!irq->mapped && irq->intid >= 16 && info->line != irq->line)
		return "the line";
	/* Outside list registers, its end may only have been counted. */
	if (irq->active_unsure || irq->ending != MODEL_NOBODY ||
	    (m->config.lrs && info->holder != NONE && m->vcpu[info->holder].where == GUEST))
		return NULL;
	if (info->active != irq->active)
		return "active";
	return irq->active && irq->active_on != MODEL_NOBODY && (int)info->holder != irq->active_on
		       ? "where it is active"
		       : NULL;
}

void machine_check_info(struct machine *m, unsigned v, unsigned intid)
{
	const struct model_irq *irq = model_irq(&m->model, v, intid);
	struct vgic_irq_info info;
	const char *why;
	int result;

	memset(&info, 0x5a, sizeof(info));
	result = vgic_irq_info(m->vgic, v, intid, &info);
	if (result != (irq ? 0 : -VIRQ_ERR_RANGE))
		machine_fail(m, "vgic_irq_info(%u) answers %d", intid, result);
	if (!irq || irq->flux)
		return;
	why = info_fault(m, v, irq, &info);
	if (why)
		machine_fail(m,
			     "vgic_irq_info(%u) of vCPU %u: %s. Route %#llx, target %u, holder %u,"
			     " priority %#x, group %u,%s%s%s%s%s%s",
			     intid, v, why, (unsigned long long)info.route, info.target,
			     info.holder, info.priority, info.group, info.enabled ? " enabled" : "",
			     info.pending ? " pending" : "", info.active ? " active" : "",
			     info.level ? " level" : "", info.line ? " line" : "",
			     info.live ? " live" : "");
}

static void compare_irq(struct machine *m, struct model_irq *irq, unsigned v)
{
	static const uint16_t bases[] = { 0x080, 0x100, 0x180, 0x200, 0x280,
					  0x300, 0x380, 0x400, 0xc00, 0x800 };
	struct op op;
	unsigned b;

	machine_check_info(m, v, irq->intid);
	for (b = 0; b < sizeof(bases) / sizeof(bases[0]); b++) {
		unsigned per = bases[b] == 0xc00 ? 16 : bases[b] >= 0x400 ? 4 : 32;

		if (irq->intid % per || (bases[b] == 0x800 && m->config.model.version == 3))
			continue;
		op = reader_of(m, irq, bases[b], 4);
		compare_word(m, &op);
	}
	if (m->config.model.version == 3 && !model_is_private(irq)) {
		op = reader_of(m, irq, 0, 4);
		op.n = 8;
		op.b = irq->intid < MODEL_ESPI ? 0x6000 + 8 * irq->intid
					       : 0x8000 + 8 * (irq->intid - MODEL_ESPI);
		compare_word(m, &op);
	}
	if (m->config.model.version == 2 && irq->intid < 16 && irq->intid % 4 == 0) {
		op = reader_of(m, irq, 0, 4);
		op.b = 0xf10 + irq->intid;
		compare_word(m, &op);
		op.b = 0xf20 + irq->intid;
		compare_word(m, &op);
	}
}

void machine_compare(struct machine *m)
{
	static const uint16_t once[] = { 0, 4, 0xfe8, 0xffe8 };
	struct op op = { .kind = OP_READ, .a = MODEL_DIST, .n = 4 };
	unsigned n;

	each_irq(m, compare_irq);
	op.vcpu = (uint8_t)any_loaded(m);
	for (n = 0; n < 4; n++) {
		op.b = once[n];
		if (op.b < (m->config.model.version == 2 ? VGIC_V2_DIST_SIZE : VGIC_DIST_SIZE))
			compare_word(m, &op);
	}
	op.a = MODEL_REDIST;
	op.n = 8;
	for (n = 0; n < m->config.model.vcpus; n++) {
		op.b = n * VGIC_REDIST_STRIDE + 8;
		compare_word(m, &op);
	}
}

/* Each end told once. */
static void check_ends(struct machine *m, struct model_irq *irq, unsigned v)
{
	if (irq->ends < irq->ends_least || irq->ends > irq->ends_most)
		machine_fail(m, "%u of vCPU %u: %u ends told, not %u to %u", irq->intid, v,
			     irq->ends, irq->ends_least, irq->ends_most);
	irq->ends = irq->ends_least = irq->ends_most = 0;
}

void machine_quiesce(struct machine *m)
{
	struct op ctlr = { .kind = OP_READ, .a = MODEL_DIST, .n = 4 };

	machine_settle(m);
	ctlr.vcpu = (uint8_t)any_loaded(m);
	if (read_settled(m, &ctlr) >> 31 & 1)
		machine_fail(m, "GICD_CTLR.RWP is 1 at rest");
	each_irq(m, adopt);
	each_irq(m, check_ends);
	machine_compare(m);
	machine_settle(m);
}

/* --- The end: a well-behaved guest handles all that is left ------------------------------------- */

/* Into its guest, if it is not: it gets a physical CPU, and what comes in there. */
static void turn(struct machine *m, unsigned v)
{
	struct machine_vcpu *vcpu = &m->vcpu[v];
	unsigned n, round;

	for (round = 0; round < ROUNDS; round++) {
		machine_load(m, v);
		if (vcpu->where == BLOCKED)
			machine_exit(m, v, true);
		if (vcpu->where == OUTSIDE && !vcpu->waiting)
			machine_enter(m, v);
		for (n = 16; n < model_private_count(&m->model); n++)
			machine_take(m, v, m->model.priv[v][n].intid);
		if (vcpu->where == GUEST && !vcpu->waiting)
			return;
		/* Others may have to come out first; nobody takes its CPU away meanwhile. */
		serve_all(m, false);
		machine_retry(m, v);
	}
	machine_fail(m, "vCPU %u does not get into its guest although everybody is served", v);
}

static void write_now(struct machine *m, struct op op, uint64_t value)
{
	op.kind = OP_WRITE;
	op.c = value;
	turn(m, op.vcpu);
	machine_do(m, &op);
	settle(m, false);
}

static void guest_now(struct machine *m, unsigned v, enum op_kind kind, uint32_t a, uint32_t b)
{
	struct op op = { .kind = (uint8_t)kind, .vcpu = (uint8_t)v, .a = a, .b = b };

	turn(m, v);
	machine_do(m, &op);
}

static void deactivate_own(struct machine *m, unsigned v, bool last_first)
{
	unsigned left = DRAIN_ROUNDS;

	while (m->vcpu[v].ended_count && m->model.pe[v].eoimode && left--) {
		guest_now(m, v, OP_DIR, last_first ? m->vcpu[v].ended_count - 1 : 0, DIR_OWN);
		settle(m, false);
	}
}

/* ICC_DIR_EL1 of what was dropped, as far as its vCPU still has EOImode 1. */
static void deactivate_ended(struct machine *m)
{
	unsigned v;

	for (v = 0; v < m->config.model.vcpus; v++) {
		deactivate_own(m, v, false);
		m->vcpu[v].ended_count = 0;
	}
}

/* Deactivate what nobody will end: set active by hand, or left over by a CPU interface's reset. */
static void clear_orphan(struct machine *m, struct model_irq *irq, unsigned v)
{
	(void)v;
	if (!irq->active || (irq->active_on != MODEL_NOBODY && !irq->dropped))
		return;
	write_now(m, machine_register(m, OP_WRITE, irq, 0x380, 4), 1u << irq->intid % 32);
}

static void open_route(struct machine *m, struct model_irq *irq, unsigned v)
{
	struct op op = { .kind = OP_WRITE, .a = MODEL_DIST, .n = 8 };
	unsigned u;

	(void)v;
	if (model_is_private(irq))
		return;
	if (m->config.model.version == 2) {
		if (!irq->targets)
			write_now(m, machine_register(m, OP_WRITE, irq, 0x800, 1), 1);
		return;
	}
	if (irq->route >> 31 & 1)
		return;
	for (u = 0; u < m->config.model.vcpus; u++)
		if ((irq->route & 0xff00ffffffull) == model_affinity(&m->model, u))
			return;
	op.b = irq->intid < MODEL_ESPI ? 0x6000 + 8 * irq->intid
				       : 0x8000 + 8 * (irq->intid - MODEL_ESPI);
	write_now(m, op, 0);
}

static void open_priority(struct machine *m, struct model_irq *irq, unsigned v)
{
	(void)v;
	if (irq->priority >= 0xf8)
		write_now(m, machine_register(m, OP_WRITE, irq, 0x400, 1), 0xf0);
}

static void open_enable(struct machine *m, struct model_irq *irq, unsigned v)
{
	(void)v;
	if (irq->intid % 32 == 0)
		write_now(m, machine_register(m, OP_WRITE, irq, 0x100, 4), 0xffffffff);
}

static void open_everything(struct machine *m)
{
	struct op op = { .kind = OP_WRITE, .a = MODEL_DIST, .n = 4 };
	unsigned v;

	each_irq(m, open_route);
	each_irq(m, open_priority);
	write_now(m, op, 3);
	each_irq(m, open_enable);
	for (v = 0; v < m->config.model.vcpus; v++) {
		op.a = MODEL_REDIST;
		op.b = v * VGIC_REDIST_STRIDE + 0x14;
		write_now(m, op, 0);
		guest_now(m, v, OP_PMR, 0xff, 0);
		guest_now(m, v, OP_IGRPEN, 0, 1);
		guest_now(m, v, OP_IGRPEN, 1, 1);
		settle(m, false);
	}
}

/* Handles one interrupt as a driver does: quiet the device, end the interrupt. */
static void handle_last(struct machine *m, unsigned v)
{
	const struct model_pe *pe = &m->model.pe[v];
	struct model_irq *irq = model_irq(&m->model, v, pe->stack[pe->depth - 1].intid);

	if (irq->mapped && (irq->wire.level || irq->line))
		machine_device(m, v, irq->intid, false);
	else if (!irq->mapped && irq->intid >= 16)
		machine_source(m, MODEL_NOBODY, v, irq->intid, false, false);
	guest_now(m, v, OP_EOI, 0, 0);
	deactivate_own(m, v, true);
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
		machine_settle(m);
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

	machine_settle(m);
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
