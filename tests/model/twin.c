/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Twins: the same operations for a machine with list registers and for one whose CPU interface is
 * software. Both come to rest after each operation, and their guests must be signalled, and
 * acknowledge, the same. Where the architecture leaves a choice (equal priorities, several targets),
 * the run ends, since the two may go different ways from there.
 */
#include "machine_internal.h"
#include "twin.h"

/* What happens at rest only; the rest of the operations is about who is where, and when. */
static bool meaningful(const struct op *op)
{
	switch (op->kind) {
	case OP_LINE:
	case OP_PULSE:
	case OP_READ:
	case OP_WRITE:
	case OP_SGI:
	case OP_IAR:
	case OP_EOI:
	case OP_PMR:
	case OP_BPR:
	case OP_IGRPEN:
	case OP_CBPR:
	case OP_EOIMODE:
	case OP_ACKCTL:
	case OP_DIR:
	case OP_RESET:
		return true;
	}
	return false;
}

/* Everybody comes out and goes in again, so that nothing is older than this. */
static void come_to_rest(struct machine *m)
{
	unsigned v;

	machine_settle(m);
	m->model.now++;
	for (v = 0; v < m->config.model.vcpus; v++) {
		machine_exit(m, v, false);
		machine_enter(m, v);
	}
	machine_settle(m);
}

static bool undecided(struct machine *m, unsigned v)
{
	unsigned may = model_signals(&m->model, v);

	return (may & (may - 1)) || model_choices(&m->model, v) > 1;
}

static unsigned signals_of(struct machine *m, unsigned v)
{
	int before, n;
	unsigned is;

	if (m->config.lrs) {
		n = cpuif_hppi(m->vcpu[v].hw);
		if (n < 0 || !cpuif_signals(m->vcpu[v].hw))
			return 0;
		if (lr_group(m->vcpu[v].hw->lr[n]) ||
		    (m->config.model.version == 2 && !m->model.pe[v].fiqen))
			return VGIC_SIGNAL_IRQ;
		return VGIC_SIGNAL_FIQ;
	}
	before = machine_library_begin(m, (int)v);
	is = vgic_signals(m->vcpu[v].cpu);
	machine_library_end(m, before);
	return is;
}

static const struct model_active *last_of(const struct machine *m, unsigned v)
{
	static const struct model_active none;
	const struct model_pe *pe = &m->model.pe[v];

	return pe->depth ? &pe->stack[pe->depth - 1] : &none;
}

static bool same_last(const struct machine *a, const struct machine *b, unsigned v)
{
	const struct model_active *x = last_of(a, v), *y = last_of(b, v);

	return a->model.pe[v].depth == b->model.pe[v].depth && x->intid == y->intid &&
	       x->source == y->source && x->priority == y->priority && x->group == y->group;
}

void twin_begin(struct machine *m)
{
	unsigned v;

	for (v = 0; v < m->config.model.vcpus; v++)
		machine_enter(m, v);
}

bool twin_do(struct machine *m, struct machine *software, const struct op *op)
{
	unsigned v;
	bool choice;

	if (!meaningful(op) || op->vcpu >= m->config.model.vcpus)
		return true;
	if (op->kind == OP_RESET) {
		machine_exit(m, op->vcpu, false);
		machine_exit(software, op->vcpu, false);
	}
	choice = undecided(m, op->vcpu) || undecided(software, op->vcpu);
	machine_do(m, op);
	come_to_rest(m);
	machine_do(software, op);
	come_to_rest(software);
	if (!same_last(m, software, op->vcpu)) {
		if (choice)
			return false;
		machine_fail(
			m,
			"vCPU %u acknowledged %u from list registers, %u in software (%u, %u deep)",
			op->vcpu, last_of(m, op->vcpu)->intid, last_of(software, op->vcpu)->intid,
			m->model.pe[op->vcpu].depth, software->model.pe[op->vcpu].depth);
	}
	for (v = 0; v < m->config.model.vcpus; v++)
		if (signals_of(m, v) != signals_of(software, v) && !undecided(m, v) &&
		    !undecided(software, v))
			machine_fail(m, "vCPU %u: signals %u from list registers, %u in software",
				     v, signals_of(m, v), signals_of(software, v));
	return true;
}
