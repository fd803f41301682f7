/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The machine's vCPUs: hooks, entry and exit, what their guests do at the CPU interface. See machine.h. */
#define _POSIX_C_SOURCE 200809L
#include "machine_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLACE(v)     (1u << (1 + (v)))
#define MANY_RETRIES 20000u

void machine_fail(struct machine *m, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	m->fail(text);
	abort();
}

int machine_library_begin(struct machine *m, int actor)
{
	int before = m->actor;

	m->actor = actor;
	m->in_library = true;
	return before;
}

void machine_library_end(struct machine *m, int before)
{
	m->actor = before;
	m->in_library = false;
}

static struct gic_cpuif *image_of(struct machine *m, unsigned v)
{
	return m->config.lrs ? &m->vcpu[v].image : NULL;
}

/* --- Entry and exit --------------------------------------------------------------------------- */

static void read_image(struct machine *m, unsigned v, bool aprs)
{
	struct vcpu *vcpu = &m->vcpu[v];
	unsigned n;

	for (n = 0; n < m->config.lrs; n++)
		if (vcpu->image.live >> n & 1)
			vcpu->image.lr[n] = vcpu->hw.lr[n];
	vcpu->image.hcr = vcpu->hw.hcr;
	vcpu->image.vmcr = vcpu->hw.vmcr;
	for (n = 0; n < 4 && (aprs || vcpu->image.read_apr); n++) {
		vcpu->image.ap0r[n] = vcpu->hw.apr[0][n];
		vcpu->image.ap1r[n] = vcpu->hw.apr[1][n];
	}
}

void machine_exit(struct machine *m, unsigned v)
{
	struct vcpu *vcpu = &m->vcpu[v];
	int before;

	if (m->config.lrs)
		read_image(m, v, true);
	before = machine_library_begin(m, (int)v);
	vgic_exit(vcpu->cpu, image_of(m, v));
	machine_library_end(m, before);
	vcpu->where = OUTSIDE;
	vcpu->kicked = false;
	m->model.pe[v].outside = true;
	model_settled(&m->model, v);
}

static void check_entry(struct machine *m, unsigned v)
{
	struct vcpu *vcpu = &m->vcpu[v];
	unsigned n;

	for (n = 0; n < m->config.lrs; n++) {
		const char *fault = lr_fault(&vcpu->hw, vcpu->hw.lr[n]);

		if (vcpu->image.live >> n & 1 && vcpu->hw.lr[n] != vcpu->image.lr[n])
			machine_fail(m, "vCPU %u: LR%u is live and was not written", v, n);
		if (fault)
			machine_fail(m, "vCPU %u: LR%u is %#llx: %s", v, n,
				     (unsigned long long)vcpu->hw.lr[n], fault);
	}
	if (m->config.lrs && cpuif_misr(&vcpu->hw))
		machine_fail(m, "vCPU %u: entered with ICH_MISR = %#x", v, cpuif_misr(&vcpu->hw));
}

static void write_back(struct machine *m, unsigned v)
{
	struct vcpu *vcpu = &m->vcpu[v];
	unsigned n;

	for (n = 0; n < m->config.lrs; n++)
		if (vcpu->image.changed >> n & 1)
			vcpu->hw.lr[n] = vcpu->image.lr[n];
	if (vcpu->image.hcr_changed)
		vcpu->hw.hcr = vcpu->image.hcr;
	vcpu->where = GUEST;
	m->model.pe[v].entered = m->model.now;
	m->model.pe[v].outside = false;
}

/* While attention stays true the guest may not run: somebody else has to come out first. */
void machine_enter(struct machine *m, unsigned v)
{
	struct vcpu *vcpu = &m->vcpu[v];
	unsigned n, u;

	for (n = 0; n < 3; n++) {
		int before = machine_library_begin(m, (int)v);

		vgic_enter(vcpu->cpu, image_of(m, v));
		machine_library_end(m, before);
		write_back(m, v);
		check_entry(m, v);
		if (!vgic_attention(vcpu->cpu))
			return;
		machine_exit(m, v);
	}
	for (u = 0; u < m->config.vcpus; u++)
		if (u != v && m->vcpu[u].kicked)
			return;
	machine_fail(m, "vCPU %u: attention stays after enter, and nobody else was kicked", v);
}

static uint32_t empty_lrs(const struct machine *m, unsigned v)
{
	const uint64_t *lr = m->vcpu[v].hw.lr;
	uint32_t empty = 0;
	unsigned n;

	for (n = 0; n < m->config.lrs; n++)
		if (lr_state(lr[n]) == LR_INVALID && (lr_hw(lr[n]) || !(lr[n] >> 41 & 1)))
			empty |= 1u << n;
	return empty;
}

static bool refill(struct machine *m, unsigned v)
{
	int before = machine_library_begin(m, (int)v);
	bool enough = vgic_refill(m->vcpu[v].cpu, &m->vcpu[v].image, empty_lrs(m, v));

	machine_library_end(m, before);
	if (enough)
		write_back(m, v);
	return enough;
}

void machine_back(struct machine *m, unsigned v)
{
	struct vcpu *vcpu = &m->vcpu[v];

	if (vcpu->where != GUEST || vcpu->waiting || !vgic_attention(vcpu->cpu))
		return;
	if (m->config.refill && m->config.lrs && refill(m, v) && !vgic_attention(vcpu->cpu))
		return;
	machine_exit(m, v);
	machine_enter(m, v);
}

/* --- Scheduling ------------------------------------------------------------------------------- */

static void write_cpuif(struct machine *m, unsigned v)
{
	struct vcpu *vcpu = &m->vcpu[v];

	cpuif_set_vmcr(&vcpu->hw, vcpu->image.vmcr);
	memcpy(vcpu->hw.apr[0], vcpu->image.ap0r, sizeof(vcpu->image.ap0r));
	memcpy(vcpu->hw.apr[1], vcpu->image.ap1r, sizeof(vcpu->image.ap1r));
}

void machine_load(struct machine *m, unsigned v)
{
	struct vcpu *vcpu = &m->vcpu[v];
	int before;

	if (vcpu->where != UNLOADED)
		return;
	before = machine_library_begin(m, (int)v);
	vcpu->cpu = vgic_load(m->vgic, v);
	if (!vcpu->cpu)
		machine_fail(m, "vgic_load(%u) failed", v);
	vcpu->where = OUTSIDE;
	vcpu->kicked = false;
	m->model.pe[v].loaded = m->model.pe[v].outside = true;
	if (vcpu->restore) {
		vgic_cpuif_restore(vcpu->cpu, image_of(m, v));
		if (m->config.lrs)
			write_cpuif(m, v);
	}
	vcpu->restore = false;
	machine_library_end(m, before);
}

static bool is_pending(struct machine *m, unsigned v)
{
	int before = machine_library_begin(m, m->vcpu[v].where == UNLOADED ? NOBODY : (int)v);
	bool is = vgic_pending(m->vgic, v);

	machine_library_end(m, before);
	if (m->wild)
		return is;
	if (is && !model_may_signal(&m->model, v, false))
		machine_fail(m, "vCPU %u: vgic_pending() is true, and there is nothing", v);
	if (!is && model_must_signal(&m->model, v))
		machine_fail(m, "vCPU %u: vgic_pending() is false", v);
	return is;
}

void machine_out(struct machine *m, unsigned v)
{
	struct vcpu *vcpu = &m->vcpu[v];
	int before;

	if (vcpu->where == UNLOADED)
		return;
	machine_exit(m, v);
	before = machine_library_begin(m, (int)v);
	vgic_put(vcpu->cpu, image_of(m, v));
	machine_library_end(m, before);
	vcpu->cpu = NULL;
	vcpu->where = UNLOADED;
	m->model.pe[v].loaded = m->model.pe[v].outside = false;
	vcpu->kicked = is_pending(m, v);
}

static void block(struct machine *m, unsigned v)
{
	int before;
	bool asleep;

	machine_exit(m, v);
	if (is_pending(m, v))
		return;
	before = machine_library_begin(m, (int)v);
	asleep = vgic_block(m->vcpu[v].cpu);
	machine_library_end(m, before);
	if (!asleep)
		machine_fail(m, "vCPU %u: vgic_block() refuses and nothing came in", v);
	m->vcpu[v].where = BLOCKED;
	m->model.pe[v].outside = false;
}

static void deliver(struct machine *m, unsigned v)
{
	struct vcpu *vcpu = &m->vcpu[v];

	if (!vcpu->kicked)
		return;
	vcpu->kicked = false;
	if (vcpu->where == OUTSIDE && !vcpu->waiting)
		is_pending(m, v);
	if (vcpu->where == UNLOADED)
		machine_load(m, v);
	else if (vcpu->where == BLOCKED)
		machine_exit(m, v);
	if (vcpu->where == GUEST && !vcpu->waiting) {
		m->model.pe[v].unsettled = false;
		machine_back(m, v);
	} else if (vcpu->where != UNLOADED) {
		machine_exit(m, v);
		if (!vcpu->waiting)
			machine_enter(m, v);
	}
}

static void schedule(struct machine *m, const struct op *op)
{
	unsigned v = op->vcpu;
	struct vcpu *vcpu = &m->vcpu[v];

	if (op->kind == OP_KICK) {
		deliver(m, v);
		return;
	}
	if (op->kind == OP_LOAD) {
		machine_load(m, v);
		if (op->n && vcpu->where == OUTSIDE && !vcpu->waiting)
			machine_enter(m, v);
		return;
	}
	if (vcpu->where == UNLOADED)
		return;
	if (op->kind == OP_PUT) {
		machine_out(m, v);
		return;
	}
	if (op->kind == OP_RETRY) {
		machine_retry(m, v);
		return;
	}
	if (vcpu->waiting)
		return;
	if (op->kind == OP_BLOCK) {
		block(m, v);
		return;
	}
	if (op->kind == OP_MAINTENANCE) {
		if (vcpu->where != GUEST || !m->config.lrs || !cpuif_misr(&vcpu->hw))
			return;
		vgic_maintenance(vcpu->cpu);
		machine_back(m, v);
		return;
	}
	if (op->kind != OP_ENTER || vcpu->where == BLOCKED)
		machine_exit(m, v);
	if (op->kind != OP_EXIT && vcpu->where == OUTSIDE)
		machine_enter(m, v);
	else if (vcpu->where == OUTSIDE)
		is_pending(m, v);
}

/* --- The guest at its CPU interface ------------------------------------------------------------ */

static void acknowledged(struct machine *m, unsigned v, unsigned intid, unsigned priority)
{
	int irq = model_index(&m->model, intid);
	struct pe_model *pe = &m->model.pe[v];
	const char *why;

	if (irq < 0)
		machine_fail(m, "vCPU %u acknowledges %u, which does not exist", v, intid);
	m->acks++;
	m->lpis += intid >= FIRST_LPI;
	if (m->wild) {
		if (irq >= LPIS)
			m->model.irq[irq].active = true;
		pe->stack[pe->depth].irq = (unsigned)irq;
		pe->stack[pe->depth++].priority = priority;
		return;
	}
	why = model_acknowledge(&m->model, v, (unsigned)irq, priority);
	if (why)
		machine_fail(m, "vCPU %u acknowledges %u with priority %#x: %s", v, intid, priority,
			     why);
}

static uint64_t sysreg(struct machine *m, unsigned v, uint32_t reg)
{
	uint64_t value = 0;
	int before = machine_library_begin(m, (int)v);

	if (vgic_sysreg_read(m->vcpu[v].cpu, reg, &value) != VGIC_DONE)
		machine_fail(m, "vCPU %u: a read of system register %#x is not done", v, reg);
	machine_library_end(m, before);
	return value;
}

static void set_sysreg(struct machine *m, unsigned v, uint32_t reg, uint64_t value)
{
	int before = machine_library_begin(m, (int)v);

	if (vgic_sysreg_write(m->vcpu[v].cpu, reg, value) != VGIC_DONE)
		machine_fail(m, "vCPU %u: a write of system register %#x is not done", v, reg);
	machine_library_end(m, before);
}

/* With which priority was it, of those that it may have? The running priority tells. */
static unsigned priority_of(struct machine *m, unsigned v, unsigned intid)
{
	unsigned running = (unsigned)sysreg(m, v, VGIC_ICC_RPR_EL1), priority;
	unsigned mask = 0xffu << (8 - m->config.preemption_bits) & 0xff;
	int irq = model_index(&m->model, intid);

	for (priority = 0; irq >= 0 && priority < 256; priority += 4)
		if ((priority & mask) == running && priority < m->model.pe[v].pmr &&
		    model_maybe(&m->model, v, (unsigned)irq, priority, m->model.pe[v].unsettled))
			return priority;
	return running;
}

static void acknowledge(struct machine *m, unsigned v)
{
	struct vcpu *vcpu = &m->vcpu[v];
	bool must = machine_settled(m, v) && model_must_signal(&m->model, v);
	unsigned intid;
	int n;

	if (m->model.pe[v].depth >= 60)
		return;
	if (m->config.lrs) {
		intid = cpuif_iar(&vcpu->hw, 1, &n);
		if (n >= 0)
			acknowledged(m, v, intid, lr_priority(vcpu->hw.lr[n]));
		return;
	}
	intid = (unsigned)sysreg(m, v, VGIC_ICC_IAR1_EL1);
	if (intid != CPUIF_SPURIOUS)
		acknowledged(m, v, intid, priority_of(m, v, intid));
	else if (must && !m->wild)
		machine_fail(m, "vCPU %u: nothing to acknowledge, and there is", v);
}

static void end(struct machine *m, unsigned v)
{
	struct pe_model *pe = &m->model.pe[v];
	unsigned intid;

	if (!pe->depth || pe->drops == 16)
		return;
	intid = model_intid(pe->stack[pe->depth - 1].irq);
	model_end(&m->model, v);
	if (m->config.lrs)
		cpuif_eoir(&m->vcpu[v].hw, 1, intid);
	else
		set_sysreg(m, v, VGIC_ICC_EOIR1_EL1, intid);
}

static void guest(struct machine *m, const struct op *op)
{
	unsigned v = op->vcpu;
	struct vcpu *vcpu = &m->vcpu[v];

	if (vcpu->where != GUEST || vcpu->waiting)
		return;
	switch (op->kind) {
	case OP_IAR:
		acknowledge(m, v);
		break;
	case OP_EOI:
		end(m, v);
		break;
	case OP_DIR:
		if (!m->model.pe[v].drops)
			return;
		if (m->config.lrs && !(vcpu->hw.hcr & HCR_TDIR)) {
			unsigned irq = (unsigned)m->model.pe[v].dropped[--m->model.pe[v].drops];

			cpuif_dir(&vcpu->hw, model_intid(irq));
			m->model.irq[irq].active = false;
			break;
		}
		machine_access(m, v, op);
		return;
	case OP_PMR:
		m->model.pe[v].pmr = op->a & model_priority_mask(&m->model);
		if (m->config.lrs)
			cpuif_set_pmr(&vcpu->hw, op->a);
		else
			set_sysreg(m, v, VGIC_ICC_PMR_EL1, op->a);
		break;
	case OP_GROUP:
		m->model.pe[v].group1 = op->a;
		if (m->config.lrs)
			cpuif_set_igrpen(&vcpu->hw, 1, op->a);
		else
			set_sysreg(m, v, VGIC_ICC_IGRPEN1_EL1, op->a);
		break;
	}
	if (!m->config.lrs)
		machine_back(m, v);
}

/* The CPU interface as a guest sets it up first. */
void machine_setup_cpuif(struct machine *m, unsigned v)
{
	struct vcpu *vcpu = &m->vcpu[v];

	m->model.pe[v].pmr = 0xff & model_priority_mask(&m->model);
	m->model.pe[v].group1 = true;
	if (m->config.lrs) {
		cpuif_set_pmr(&vcpu->hw, 0xff);
		cpuif_set_igrpen(&vcpu->hw, 1, true);
		cpuif_set_ctlr(&vcpu->hw, false, m->config.eoimode1);
		read_image(m, v, true);
		return;
	}
	set_sysreg(m, v, VGIC_ICC_PMR_EL1, 0xff);
	set_sysreg(m, v, VGIC_ICC_IGRPEN1_EL1, 1);
	set_sysreg(m, v, VGIC_ICC_CTLR_EL1, m->config.eoimode1 ? 2 : 0);
}

/* --- What must hold --------------------------------------------------------------------------- */

/* In its guest, with nothing outstanding. */
bool machine_settled(const struct machine *m, unsigned v)
{
	const struct vcpu *vcpu = &m->vcpu[v];

	return vcpu->where == GUEST && !vcpu->waiting && !m->model.pe[v].unsettled &&
	       !(m->config.lrs && cpuif_misr(&vcpu->hw));
}

static void check_lr(struct machine *m, unsigned v, uint64_t lr)
{
	int irq = model_index(&m->model, lr_vintid(lr));
	const struct irq_model *i;

	if (irq < 0)
		machine_fail(m, "vCPU %u: %u is in a list register, and does not exist", v,
			     lr_vintid(lr));
	i = &m->model.irq[irq];
	if (lr_state(lr) != LR_PENDING && !i->active)
		machine_fail(m, "vCPU %u: %u is active in a list register", v, lr_vintid(lr));
	if (lr_state(lr) == LR_BOTH && !(i->may & PLACE(v)))
		machine_fail(m, "vCPU %u: %u is pending and active in a list register", v,
			     lr_vintid(lr));
	if (lr_state(lr) == LR_PENDING &&
	    !model_maybe(&m->model, v, (unsigned)irq, lr_priority(lr), false))
		machine_fail(m,
			     "vCPU %u: a list register presents %u with priority %#x: pending at"
			     " places %#x",
			     v, lr_vintid(lr), lr_priority(lr), i->may);
}

static void check_list_registers(struct machine *m, unsigned v)
{
	const struct cpuif *hw = &m->vcpu[v].hw;
	unsigned n, k, worst, best = 256;
	int next = cpuif_hppi(hw);

	for (n = 0; n < m->config.lrs; n++) {
		if (lr_state(hw->lr[n]) == LR_INVALID)
			continue;
		check_lr(m, v, hw->lr[n]);
		for (k = 0; k < n; k++)
			if (lr_state(hw->lr[k]) != LR_INVALID &&
			    lr_vintid(hw->lr[k]) == lr_vintid(hw->lr[n]))
				machine_fail(m, "vCPU %u: %u is in two list registers", v,
					     lr_vintid(hw->lr[n]));
	}
	if (next >= 0)
		best = lr_priority(hw->lr[next]);
	for (n = 0; n < IRQS && m->model.pe[v].group1; n++)
		if (m->model.irq[n].may != 1 && model_surely(&m->model, v, n, &worst) &&
		    worst < best)
			machine_fail(
				m, "vCPU %u: %u is pending with priority %#x, and its best is %#x",
				v, model_intid(n), worst, best);
}

static void check_vcpu(struct machine *m, unsigned v)
{
	struct vcpu *vcpu = &m->vcpu[v];
	bool signals;

	if ((vcpu->where == BLOCKED || vcpu->where == UNLOADED) && !vcpu->kicked &&
	    model_must_signal(&m->model, v))
		machine_fail(m, "vCPU %u %s, has something pending, and was not kicked", v,
			     vcpu->where == BLOCKED ? "sleeps" : "is not loaded");
	if (!machine_settled(m, v))
		return;
	if (m->config.lrs) {
		check_list_registers(m, v);
		signals = cpuif_signals(&vcpu->hw);
	} else {
		int before = machine_library_begin(m, (int)v);

		signals = vgic_signals(vcpu->cpu) & VGIC_SIGNAL_IRQ;
		machine_library_end(m, before);
	}
	if (!signals && model_must_signal(&m->model, v))
		machine_fail(m, "vCPU %u: no interrupt is signalled", v);
	if (signals && !model_may_signal(&m->model, v, false))
		machine_fail(m, "vCPU %u: an interrupt is signalled, and there is none", v);
}

static void compare_pending(struct machine *m)
{
	unsigned n, at = 0;

	for (n = 0; n < IRQS; n++) {
		unsigned may = m->model.irq[n].may, is = 1;
		struct vgic_irq_info info;

		if (!model_is_irq(&m->model, n))
			continue;
		if (n < LPIS) {
			if (vgic_lpi_is_pending(m->vgic, model_intid(n), &at))
				is = PLACE(at);
		} else {
			vgic_irq_info(m->vgic, 0, model_intid(n), &info);
			if (info.pending)
				is = PLACE(m->model.irq[n].target);
			if (info.active != m->model.irq[n].active)
				machine_fail(m, "%u: active is %d", model_intid(n), info.active);
		}
		if (!(may & is))
			machine_fail(m, "%u is pending at places %#x, and should be at %#x",
				     model_intid(n), is, may);
		m->model.irq[n].may = (uint16_t)is;
	}
}

/* Everybody comes out, accesses that wait are finished; then compare, and go on. */
void machine_quiesce(struct machine *m)
{
	enum where was[PES];
	unsigned v, tries;
	bool again = true;

	for (v = 0; v < m->config.vcpus; v++) {
		was[v] = m->vcpu[v].where;
		if (was[v] == UNLOADED && m->vcpu[v].waiting)
			machine_load(m, v);
	}
	for (tries = 0; again; tries++) {
		if (tries == MANY_RETRIES)
			machine_fail(m, "AGAIN for ever");
		again = false;
		for (v = 0; v < m->config.vcpus; v++)
			if (m->vcpu[v].where != UNLOADED &&
			    (m->vcpu[v].where != BLOCKED || m->vcpu[v].kicked))
				machine_exit(m, v);
		for (v = 0; v < m->config.vcpus; v++) {
			if (m->vcpu[v].waiting)
				machine_retry(m, v);
			again |= m->vcpu[v].waiting;
		}
	}
	/* What one finds to be another's is passed on. */
	for (tries = 0, again = true; again && tries < PES; tries++) {
		again = false;
		for (v = 0; v < m->config.vcpus; v++) {
			if (m->vcpu[v].where == UNLOADED ||
			    (m->vcpu[v].where == BLOCKED && !m->vcpu[v].kicked))
				continue;
			again |= m->vcpu[v].where != OUTSIDE || vgic_attention(m->vcpu[v].cpu);
			machine_exit(m, v);
		}
	}
	if (!m->wild) {
		compare_pending(m);
		access_compare(m);
		for (v = 0; v < m->config.vcpus; v++)
			if (m->vcpu[v].where != BLOCKED)
				is_pending(m, v);
	}
	for (v = 0; v < m->config.vcpus; v++)
		if (was[v] == GUEST && m->vcpu[v].where == OUTSIDE)
			machine_enter(m, v);
}

/* --- Operations ------------------------------------------------------------------------------- */

void machine_do(struct machine *m, const struct op *op)
{
	unsigned v, n;

	m->model.now++;
	if (op->vcpu >= m->config.vcpus)
		return;
	switch (op->kind) {
	case OP_IAR:
	case OP_EOI:
	case OP_DIR:
	case OP_PMR:
	case OP_GROUP:
		guest(m, op);
		break;
	case OP_KICK:
	case OP_MAINTENANCE:
	case OP_BOUNCE:
	case OP_EXIT:
	case OP_ENTER:
	case OP_BLOCK:
	case OP_PUT:
	case OP_LOAD:
	case OP_RETRY:
		schedule(m, op);
		break;
	case OP_QUIESCE:
		machine_quiesce(m);
		break;
	case OP_SAVE:
	case OP_RESTORE:
	case OP_RESET:
		whole_do(m, op);
		break;
	default:
		access_do(m, op);
	}
	for (n = 0; m->config.prompt && n < 4; n++)
		for (v = 0; v < m->config.vcpus; v++)
			deliver(m, v);
	for (v = 0; v < m->config.vcpus && !m->wild; v++)
		check_vcpu(m, v);
}

/* A well-behaved guest handles all that is left. */
static void drain(struct machine *m, unsigned v)
{
	struct op op = { .kind = OP_PMR, .vcpu = (uint8_t)v, .a = 0xff };
	unsigned n, u;

	machine_load(m, v);
	if (m->vcpu[v].where == BLOCKED)
		machine_exit(m, v);
	if (m->vcpu[v].where == OUTSIDE)
		machine_enter(m, v);
	for (n = 0; n < 2 * IRQS; n++) {
		if (m->vcpu[v].where == OUTSIDE) { /* it waits for another one */
			for (u = 0; u < m->config.vcpus; u++)
				if (u != v)
					deliver(m, u);
			machine_enter(m, v);
		}
		op.kind = OP_PMR;
		guest(m, &op);
		op.kind = OP_GROUP;
		guest(m, &op);
		while (m->model.pe[v].depth && m->vcpu[v].where == GUEST) {
			op.kind = OP_EOI;
			machine_do(m, &op);
			op.kind = OP_DIR;
			machine_do(m, &op);
			if (m->vcpu[v].waiting)
				machine_quiesce(m);
			if (m->vcpu[v].where == OUTSIDE)
				machine_enter(m, v);
		}
		op.kind = OP_KICK;
		machine_do(m, &op);
		op.kind = OP_MAINTENANCE;
		machine_do(m, &op);
		op.kind = OP_IAR;
		machine_do(m, &op);
		if (!m->model.pe[v].depth && m->vcpu[v].where == GUEST)
			break;
	}
	if (!m->wild && model_must_signal(&m->model, v))
		machine_fail(m, "vCPU %u: something is left at the end", v);
}

void machine_finish(struct machine *m)
{
	unsigned v;

	machine_quiesce(m);
	for (v = 0; v < m->config.vcpus; v++)
		drain(m, v);
	machine_quiesce(m);
}
