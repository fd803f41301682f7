/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The lockstep's machine: hooks, the embedder's protocol, operations. See machine.h. */
#define _POSIX_C_SOURCE 200809L
#include "machine_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES 3 /* tries to enter before the vCPU waits for another */

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

/* --- Calls into the library say on whose CPU they run ------------------------------------------ */

static int library_begin(struct machine *m, int actor)
{
	int before = m->actor;

	m->actor = actor;
	m->in_library = true;
	return before;
}

static void library_end(struct machine *m, int before)
{
	m->actor = before;
	m->in_library = false;
}

/* --- Hooks ------------------------------------------------------------------------------------ */

static void hook_check(struct machine *m, unsigned vcpu, const char *name)
{
	if (!m->in_library)
		machine_fail(m, "%s called outside the library", name);
	if (vcpu >= m->config.model.vcpus)
		machine_fail(m, "%s for vCPU %u, which does not exist", name, vcpu);
}

static void hook_kick(void *host, unsigned vcpu)
{
	struct machine *m = host;

	hook_check(m, vcpu, "kick");
	m->kicks++;
	if (m->quiet && m->actor == (int)vcpu)
		machine_fail(m, "vCPU %u is kicked from beside its stopped guest", vcpu);
	if (m->actor == (int)vcpu && m->vcpu[vcpu].where != BLOCKED)
		return;
	m->vcpu[vcpu].kicked = true;
	m->model.pe[vcpu].unsettled = true;
}

static struct model_irq *wired_irq(struct machine *m, unsigned vcpu, unsigned hwirq)
{
	unsigned n;

	for (n = 0; n < 32; n++)
		if (hwirq < 32 && m->model.priv[vcpu][n].mapped &&
		    m->model.priv[vcpu][n].wire.intid == hwirq)
			return &m->model.priv[vcpu][n];
	for (n = 0; n < m->config.model.spis; n++)
		if (m->model.spi[n].mapped && m->model.spi[n].wire.intid == hwirq)
			return &m->model.spi[n];
	return NULL;
}

static struct model_irq *hooked_irq(struct machine *m, unsigned vcpu, struct hwirq hw,
				    const char *name)
{
	struct model_irq *irq;

	hook_check(m, vcpu, name);
	irq = wired_irq(m, vcpu, hw.intid);
	if (!irq)
		machine_fail(m, "%s for physical interrupt %u, which is not mapped", name,
			     hw.intid);
	if (hw.intid < 32 && m->actor != (int)vcpu)
		machine_fail(m, "%s for a private interrupt of vCPU %u away from its CPU", name,
			     vcpu);
	return irq;
}

static void hook_set_active(void *host, unsigned vcpu, struct hwirq hw, bool active)
{
	hooked_irq(host, vcpu, hw, "hwirq_set_active")->wire.active = active;
}

static void hook_clear_pending(void *host, unsigned vcpu, struct hwirq hw)
{
	hooked_irq(host, vcpu, hw, "hwirq_clear_pending")->wire.latch = false;
}

static bool hook_line(void *host, unsigned vcpu, struct hwirq hw)
{
	struct model_irq *irq = hooked_irq(host, vcpu, hw, "hwirq_line");

	if (!irq->wire.line)
		irq->told = false;
	return irq->wire.line;
}

static void hook_route(void *host, struct hwirq hw, unsigned vcpu)
{
	if (hw.intid < 32)
		machine_fail(host, "hwirq_route for a private interrupt");
	hooked_irq(host, vcpu, hw, "hwirq_route");
}

/* A guest's deactivation with HW = 1. */
static void guest_deactivates(void *host, unsigned vcpu, unsigned pintid)
{
	struct machine *m = host;
	struct model_irq *irq = wired_irq(m, vcpu, pintid);

	if (!irq)
		machine_fail(m, "vCPU %u deactivates physical %u, which is not mapped", vcpu,
			     pintid);
	irq->wire.active = false;
}

/* --- Entry and exit --------------------------------------------------------------------------- */

uint32_t lr_mask(const struct machine *m)
{
	return (1u << m->config.lrs) - 1;
}

/*
 * Leave the guest. Without `aprs` the embedder does not read the active priorities, so the image
 * is given nonsense for them.
 */
void machine_exit(struct machine *m, unsigned v, bool aprs)
{
	struct machine_vcpu *vcpu = &m->vcpu[v];
	struct gic_cpuif *image = &vcpu->image;
	int before;
	unsigned n;

	if (vcpu->where == GUEST) {
		for (n = 0; n < m->config.lrs; n++)
			if (image->live >> n & 1)
				image->lr[n] = vcpu->hw.lr[n];
		image->hcr = vcpu->hw.hcr;
		image->vmcr = vcpu->hw.vmcr;
		aprs |= image->read_apr;
		for (n = 0; n < 4; n++) {
			image->ap0r[n] = aprs ? vcpu->hw.apr[0][n] : 0x5a5a5a5a;
			image->ap1r[n] = aprs ? vcpu->hw.apr[1][n] : 0xa5a5a5a5;
		}
		vcpu->aprs_known = aprs;
	}
	before = library_begin(m, (int)v);
	vgic_exit(vcpu->cpu, image);
	library_end(m, before);
	vcpu->where = OUTSIDE;
	model_served(&m->model, v);
}

static void check_entry(struct machine *m, unsigned v)
{
	struct machine_vcpu *vcpu = &m->vcpu[v];
	unsigned n;

	if ((vcpu->image.changed | vcpu->image.live) & ~lr_mask(m))
		machine_fail(m, "vCPU %u: enter uses list registers that do not exist", v);
	for (n = 0; n < m->config.lrs; n++) {
		bool live = vcpu->image.live >> n & 1;

		if (live && vcpu->hw.lr[n] != vcpu->image.lr[n])
			machine_fail(m,
				     "vCPU %u: LR%u is live, not as hardware has it, not changed",
				     v, n);
		if (!live && lr_state(vcpu->hw.lr[n]) != LR_INVALID)
			machine_fail(m, "vCPU %u: LR%u holds something and is not live", v, n);
	}
	if ((vcpu->hw.hcr ^ vcpu->image.hcr) & ~HCR_EOICOUNT)
		machine_fail(m, "vCPU %u: ICH_HCR %#x is not %#x, and not hcr_changed", v,
			     vcpu->hw.hcr, vcpu->image.hcr);
	if (vcpu->hw.hcr & HCR_EOICOUNT)
		machine_fail(m, "vCPU %u: entered with EOIcount %u", v, vcpu->hw.hcr >> 27);
	if (!(vcpu->hw.hcr & HCR_EN))
		machine_fail(m, "vCPU %u: entered with ICH_HCR.En = 0", v);
	if (cpuif_misr(&vcpu->hw))
		machine_fail(m, "vCPU %u: entered with ICH_MISR = %#x: an exit storm", v,
			     cpuif_misr(&vcpu->hw));
}

/* What enter or refill changed goes to hardware. */
static void write_back(struct machine *m, unsigned v)
{
	struct machine_vcpu *vcpu = &m->vcpu[v];
	unsigned n;

	for (n = 0; n < m->config.lrs; n++)
		if (vcpu->image.changed >> n & 1)
			vcpu->hw.lr[n] = vcpu->image.lr[n];
	if (vcpu->image.hcr_changed)
		vcpu->hw.hcr = vcpu->image.hcr;
	vcpu->where = GUEST;
	model_entered(&m->model, v);
}

/*
 * Back into the guest. While attention stays true the guest may not run; then somebody else has been
 * kicked and has to come out first, and this vCPU is left outside for now. How often it took enter.
 */
unsigned machine_enter(struct machine *m, unsigned v)
{
	struct machine_vcpu *vcpu = &m->vcpu[v];
	unsigned n;

	for (n = 1; n <= ENTRIES; n++) {
		int before = library_begin(m, (int)v);

		vgic_enter(vcpu->cpu, &vcpu->image);
		library_end(m, before);
		write_back(m, v);
		check_entry(m, v);
		if (!vgic_attention(vcpu->cpu))
			return n;
		machine_exit(m, v, false);
	}
	if (!machine_kicked_guest(m, v))
		machine_fail(m, "vCPU %u: attention stays after enter, and nobody else was kicked",
			     v);
	return n;
}

/* ICH_ELRSR_EL2, 12.5.3 */
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

/* The short way: true if it was enough. */
static bool refill(struct machine *m, unsigned v)
{
	struct machine_vcpu *vcpu = &m->vcpu[v];
	int before = library_begin(m, (int)v);
	uint32_t empty = empty_lrs(m, v);
	bool enough = vgic_refill(vcpu->cpu, &vcpu->image, empty);

	library_end(m, before);
	if (!enough)
		return false;
	if (vcpu->image.changed & ~empty)
		machine_fail(m, "vCPU %u: refill writes list registers in use", v);
	write_back(m, v);
	return true;
}

/* On the way back into the guest, as the header's loop has it. */
void machine_back(struct machine *m, unsigned v)
{
	struct machine_vcpu *vcpu = &m->vcpu[v];

	if (vcpu->where != GUEST || vcpu->waiting || !vgic_attention(vcpu->cpu))
		return;
	if (m->config.refill && refill(m, v) && !vgic_attention(vcpu->cpu))
		return;
	machine_exit(m, v, false);
	machine_enter(m, v);
}

/* Outside, after an exit that read everything: the wake predicate is exact. */
static bool check_pending(struct machine *m, unsigned v)
{
	enum maybe want = model_signals(&m->model, v);
	int before;
	bool is;

	before = library_begin(m, m->vcpu[v].where == UNLOADED ? MODEL_NOBODY : (int)v);
	is = vgic_pending(m->vgic, v);
	library_end(m, before);
	if (want != MAYBE && is != (want == YES))
		machine_fail(m, "vCPU %u: vgic_pending() is %d", v, is);
	return is;
}

/* --- Accesses --------------------------------------------------------------------------------- */

static enum vgic_result present(struct machine *m, unsigned v, const struct op *op, uint64_t *value)
{
	struct vgic_cpu *cpu = m->vcpu[v].cpu;
	int before = library_begin(m, (int)v);
	enum vgic_result result;

	if (op->kind == OP_READ)
		result = op->a == MODEL_DIST ? vgic_dist_read(cpu, op->b, op->n, value)
					     : vgic_redist_read(cpu, op->b, op->n, value);
	else if (op->kind == OP_WRITE)
		result = op->a == MODEL_DIST ? vgic_dist_write(cpu, op->b, op->n, op->c)
					     : vgic_redist_write(cpu, op->b, op->n, op->c);
	else
		result = vgic_sysreg_write(cpu, (enum vgic_sysreg)op->a, op->c);
	library_end(m, before);
	if ((m->config.tolerate & TOLERATE_WIDTH) && op->n < 8)
		*value &= (1ull << 8 * op->n) - 1;
	return result;
}

/* While a read waits, it may return what any bit was since. */
void machine_sample(struct machine *m, unsigned v)
{
	struct machine_vcpu *vcpu = &m->vcpu[v];
	struct model_bits bits;

	if (!vcpu->waiting || vcpu->access.kind != OP_READ)
		return;
	bits = model_read(&m->model, (enum model_region)vcpu->access.a, vcpu->access.b,
			  vcpu->access.n);
	vcpu->seen1 |= bits.value | bits.unsure;
	vcpu->seen0 |= ~bits.value | bits.unsure;
}

static void read_done(struct machine *m, unsigned v, uint64_t value)
{
	struct machine_vcpu *vcpu = &m->vcpu[v];
	const struct op *op = &vcpu->access;
	uint64_t wrong = (value & ~vcpu->seen1) | (~value & ~vcpu->seen0);
	bool rwp;

	if (wrong)
		machine_fail(m, "vCPU %u: %s %#x, %u bytes, reads %#llx; bits %#llx are wrong", v,
			     op->a == MODEL_DIST ? "GICD" : "GICR", op->b, op->n,
			     (unsigned long long)value, (unsigned long long)wrong);
	if (op->a == MODEL_DIST && op->b == 0 && op->n == 4) {
		rwp = value >> 31 & 1;
		if (!rwp)
			model_rwp_clear(&m->model, -1);
		else if (!machine_anyone_unsettled(m))
			machine_fail(m, "GICD_CTLR.RWP is stuck");
	}
	if (op->a == MODEL_REDIST && op->b % VGIC_REDIST_STRIDE == 0 && op->n == 4 &&
	    !(value >> 3 & 1))
		model_rwp_clear(&m->model, (int)(op->b / VGIC_REDIST_STRIDE));
}

static bool in_live_lr(void *to, unsigned intid)
{
	const struct cpuif *hw = to;
	unsigned n;

	for (n = 0; n < hw->lrs; n++)
		if (lr_state(hw->lr[n]) != LR_INVALID && lr_vintid(hw->lr[n]) == intid)
			return true;
	return false;
}

/* A write may be done before those who have the interrupt in hand have heard of it. */
static void post(struct machine *m, unsigned v, const struct op *op)
{
	unsigned u;

	for (u = 0; u < m->config.model.vcpus; u++)
		if (u != v && m->vcpu[u].where == GUEST && m->model.pe[u].unsettled)
			model_post(&m->model, (enum model_region)op->a, op->b, op->n, op->c, u,
				   in_live_lr, &m->vcpu[u].hw);
}

static void access_done(struct machine *m, unsigned v, uint64_t value)
{
	struct machine_vcpu *vcpu = &m->vcpu[v];
	struct op op = vcpu->access;

	machine_sample(m, v);
	vcpu->waiting = false;
	switch (op.kind) {
	case OP_READ:
		read_done(m, v, value);
		break;
	case OP_WRITE:
		model_write(&m->model, (enum model_region)op.a, op.b, op.n, op.c);
		post(m, v, &op);
		model_end(&m->model, (enum model_region)op.a, op.b, op.n, op.c);
		break;
	case OP_SGI:
		model_sgi(&m->model, v, op.a != VGIC_ICC_SGI1R_EL1, op.c);
		break;
	default:
		model_deactivate_end(&m->model, v, (unsigned)op.c);
	}
	machine_back(m, v);
}

/* A waiter waits for somebody who has been told. */
static void check_again(struct machine *m, unsigned v, bool outside)
{
	m->agains++;
	if (outside && !machine_kicked_guest(m, v))
		machine_fail(m, "vCPU %u: AGAIN after exit, and nobody else was kicked", v);
}

static void attempt(struct machine *m, unsigned v)
{
	bool outside = m->vcpu[v].where == OUTSIDE;
	uint64_t value = 0;

	if (present(m, v, &m->vcpu[v].access, &value) == VGIC_AGAIN)
		check_again(m, v, outside);
	else
		access_done(m, v, value);
}

void machine_access(struct machine *m, unsigned v, const struct op *op)
{
	struct machine_vcpu *vcpu = &m->vcpu[v];

	if ((vcpu->where != GUEST && vcpu->where != OUTSIDE) || vcpu->waiting)
		return;
	vcpu->access = *op;
	vcpu->waiting = true;
	vcpu->seen0 = vcpu->seen1 = 0;
	if (op->kind == OP_WRITE)
		model_begin(&m->model, (enum model_region)op->a, op->b, op->n, op->c);
	if (op->kind == OP_DIR)
		model_deactivate_begin(&m->model, v, (unsigned)op->c);
	machine_sample(m, v);
	attempt(m, v);
}

void machine_retry(struct machine *m, unsigned v)
{
	if (!m->vcpu[v].waiting)
		return;
	machine_exit(m, v, false);
	attempt(m, v);
}

/* --- Scheduling ------------------------------------------------------------------------------- */

static void set_absent(struct machine *m, unsigned v, bool absent)
{
	unsigned n;

	for (n = 16; n < 32; n++)
		if (m->model.priv[v][n].mapped)
			m->model.priv[v][n].wire.absent = absent;
}

static void check_loaded_wires(struct machine *m, unsigned v)
{
	unsigned n;

	for (n = 16; n < 32; n++) {
		const struct model_irq *irq = &m->model.priv[v][n];

		if (!irq->mapped || irq->misconfigured || irq->flux || irq->active_unsure)
			continue;
		if (irq->active != irq->wire.active && model_pending(irq) == NO)
			machine_fail(m, "vCPU %u loaded: physical active of %u is %d", v, n,
				     irq->wire.active);
	}
}

void machine_load(struct machine *m, unsigned v)
{
	struct machine_vcpu *vcpu = &m->vcpu[v];
	int before;

	if (vcpu->where != UNLOADED)
		return;
	set_absent(m, v, false);
	before = library_begin(m, (int)v);
	vcpu->cpu = vgic_load(m->vgic, v);
	if (!vcpu->cpu)
		machine_fail(m, "vgic_load(%u) failed", v);
	if (vgic_load(m->vgic, v))
		machine_fail(m, "vgic_load(%u) succeeds twice", v);
	library_end(m, before);
	vcpu->where = OUTSIDE;
	vcpu->kicked = false;
	vcpu->aprs_known = true;
	m->model.pe[v].loaded = true;
	check_loaded_wires(m, v);
}

/* The host watches a descheduled vCPU's private level devices itself. */
static void host_watches(struct machine *m, unsigned v)
{
	unsigned n;
	int before;

	for (n = 16; n < 32; n++) {
		struct model_irq *irq = &m->model.priv[v][n];

		if (!irq->mapped)
			continue;
		if (irq->wire.active)
			machine_fail(m, "vCPU %u put: physical %u is left active", v,
				     irq->wire.intid);
		if (!irq->wire.level ||
		    (irq->active && (m->config.tolerate & TOLERATE_UNLOADED_LINE)))
			continue;
		before = library_begin(m, MODEL_NOBODY);
		vgic_set_line(m->vgic, v, n, irq->wire.line);
		library_end(m, before);
		model_set_line(&m->model, irq, irq->wire.line);
	}
}

void machine_put(struct machine *m, unsigned v)
{
	struct machine_vcpu *vcpu = &m->vcpu[v];
	int before;
	unsigned n;

	if (vcpu->where != OUTSIDE || vcpu->waiting)
		return;
	vcpu->image.vmcr = vcpu->hw.vmcr;
	for (n = 0; n < 4; n++) {
		vcpu->image.ap0r[n] = vcpu->hw.apr[0][n];
		vcpu->image.ap1r[n] = vcpu->hw.apr[1][n];
	}
	before = library_begin(m, (int)v);
	vgic_put(vcpu->cpu, &vcpu->image);
	library_end(m, before);
	vcpu->cpu = NULL;
	vcpu->where = UNLOADED;
	vcpu->kicked = false;
	m->model.pe[v].loaded = false;
	set_absent(m, v, true);
	host_watches(m, v);
	vcpu->kicked |= check_pending(m, v);
}

static void machine_block(struct machine *m, unsigned v)
{
	struct machine_vcpu *vcpu = &m->vcpu[v];
	bool asleep;
	int before;

	if (vcpu->where != OUTSIDE || vcpu->waiting || !vcpu->aprs_known)
		return;
	machine_exit(m, v, true);
	if (check_pending(m, v))
		return;
	before = library_begin(m, (int)v);
	asleep = vgic_block(vcpu->cpu);
	library_end(m, before);
	if (!asleep)
		machine_fail(m, "vCPU %u: vgic_block() refuses and nothing came in", v);
	vcpu->where = BLOCKED;
	vcpu->kicked = false;
}

/* The host interrupt, or wake-up, that a kick asked for. */
void machine_deliver(struct machine *m, unsigned v)
{
	struct machine_vcpu *vcpu = &m->vcpu[v];

	if (!vcpu->kicked)
		return;
	vcpu->kicked = false;
	if (vcpu->where == UNLOADED) {
		machine_load(m, v);
	} else if (vcpu->where == BLOCKED) {
		machine_exit(m, v, true);
		check_pending(m, v);
	} else if (vcpu->where == GUEST && !vcpu->waiting) {
		m->model.pe[v].unsettled = false;
		machine_back(m, v);
	} else {
		machine_exit(m, v, false);
	}
}

void machine_maintenance(struct machine *m, unsigned v)
{
	struct machine_vcpu *vcpu = &m->vcpu[v];

	if (vcpu->where != GUEST || vcpu->waiting || !cpuif_misr(&vcpu->hw))
		return;
	vgic_maintenance(vcpu->cpu);
	if (!vgic_attention(vcpu->cpu))
		machine_fail(m, "vCPU %u: no attention after a maintenance interrupt", v);
	machine_back(m, v);
}

/* --- Sources ---------------------------------------------------------------------------------- */

/* Beside a stopped guest the library spares that vCPU's kick. */
static int raise_here(struct machine *m, unsigned here, unsigned v, unsigned intid, bool pulse,
		      bool level)
{
	struct vgic_cpu *cpu = m->vcpu[here].cpu;
	int result;

	m->quiet = true;
	result = pulse ? vgic_pulse_here(cpu, v, intid) : vgic_set_line_here(cpu, v, intid, level);
	m->quiet = false;
	return result;
}

void machine_source(struct machine *m, int actor, unsigned v, unsigned intid, bool pulse,
		    bool level)
{
	int before = library_begin(m, actor), result;
	struct model_irq *irq = model_irq(&m->model, v, intid);

	if (actor >= 0 && (m->vcpu[actor].where == GUEST || m->vcpu[actor].where == OUTSIDE))
		result = raise_here(m, (unsigned)actor, v, intid, pulse, level);
	else if (pulse)
		result = vgic_pulse(m->vgic, v, intid);
	else
		result = vgic_set_line(m->vgic, v, intid, level);
	library_end(m, before);
	if (intid < 16 || !irq) {
		if (result != (intid < 16 ? -VIRQ_ERR_KIND : -VIRQ_ERR_RANGE))
			machine_fail(m, "raising %u answers %d", intid, result);
		return;
	}
	if (result)
		machine_fail(m, "raising %u answers %d", intid, result);
	if (pulse)
		model_pulse(&m->model, irq);
	else
		model_set_line(&m->model, irq, level);
}

static void do_source(struct machine *m, const struct op *op)
{
	struct model_irq *irq = model_irq(&m->model, op->vcpu, op->a);
	bool own = op->n && m->vcpu[op->vcpu].where == GUEST && !m->vcpu[op->vcpu].waiting;

	if (irq && irq->mapped)
		return;
	machine_source(m, own ? op->vcpu : MODEL_NOBODY, op->vcpu, op->a, op->kind == OP_PULSE,
		       op->b);
	if (own)
		machine_back(m, op->vcpu);
}

/* The device behind a mapped interrupt moves its line, or fires. */
void machine_device(struct machine *m, unsigned v, unsigned intid, bool level)
{
	struct model_irq *irq = model_irq(&m->model, v, intid);

	if (!irq || !irq->mapped)
		return;
	if (!irq->wire.level) {
		irq->wire.latch |= level;
		return;
	}
	irq->wire.line = level;
	if (irq->wire.absent && !(irq->active && (m->config.tolerate & TOLERATE_UNLOADED_LINE)))
		machine_source(m, MODEL_NOBODY, v, intid, false, level);
}

/* The host takes the physical interrupt: priority drop, and it stays active for the guest. */
void machine_take(struct machine *m, unsigned v, unsigned intid)
{
	struct model_irq *irq = model_irq(&m->model, v, intid);

	if (!irq || !irq->mapped || irq->wire.absent || irq->wire.active ||
	    !(irq->wire.level ? irq->wire.line : irq->wire.latch))
		return;
	irq->wire.active = true;
	irq->wire.latch = false;
	machine_source(m, intid < 32 ? (int)v : MODEL_NOBODY, v, intid, !irq->wire.level, true);
	if (intid < 32)
		machine_back(m, v);
}

/* --- The guest's own operations --------------------------------------------------------------- */

static void guest_acknowledges(struct machine *m, unsigned v, unsigned group)
{
	struct machine_vcpu *vcpu = &m->vcpu[v];
	bool settled = machine_settled(m, v);
	const struct model_irq *irq;
	const char *why;
	uint64_t lr;
	unsigned intid;
	int n;

	if (machine_stale_half(m, v))
		return;
	intid = cpuif_iar(&vcpu->hw, group, &n);
	if (intid == CPUIF_SPURIOUS)
		return;
	lr = vcpu->hw.lr[n];
	m->acks++;
	m->late += !settled;
	why = model_acknowledge(&m->model, v, intid, lr_priority(lr), group, settled);
	if (why)
		machine_fail(m, "vCPU %u, IAR%u = %u (LR%d, priority %#x): %s", v, group, intid, n,
			     lr_priority(lr), why);
	irq = model_irq(&m->model, v, intid);
	if (lr_hw(lr) && (!irq->mapped || irq->wire.intid != lr_pintid(lr)))
		machine_fail(m, "vCPU %u: LR%d of %u names the wrong physical interrupt", v, n,
			     intid);
}

static void guest_ends(struct machine *m, unsigned v)
{
	struct machine_vcpu *vcpu = &m->vcpu[v];
	struct model_active which;
	struct model_irq *irq;
	uint32_t count;

	if (!model_can_end(&m->model, v, &which))
		return;
	irq = model_irq(&m->model, v, which.intid);
	model_end_of_interrupt(&m->model, v);
	if (irq->dropped && irq->acked == which.acked && vcpu->ended_count < 64)
		vcpu->ended[vcpu->ended_count++] = which.intid;
	count = vcpu->hw.hcr & HCR_EOICOUNT;
	cpuif_eoir(&vcpu->hw, which.group, which.intid);
	if ((m->config.tolerate & TOLERATE_EOICOUNT) && count != (vcpu->hw.hcr & HCR_EOICOUNT))
		irq->ending = (int)v;
}

/* Takes the one that `op` means out of its list; false: there is none, or DIR of it is undefined. */
static bool choose_dir(struct machine *m, const struct op *op, unsigned *intid)
{
	unsigned whose = op->b == DIR_OTHERS ? (unsigned)op->c : op->vcpu, n;
	struct machine_vcpu *vcpu;
	const struct model_irq *irq;

	if (op->b == DIR_INTID) {
		*intid = op->a;
	} else {
		if (whose >= m->config.model.vcpus || !m->vcpu[whose].ended_count)
			return false;
		vcpu = &m->vcpu[whose];
		n = op->a % vcpu->ended_count;
		*intid = vcpu->ended[n];
		if (whose != op->vcpu && *intid < 32)
			return false;
		vcpu->ended[n] = vcpu->ended[--vcpu->ended_count];
	}
	irq = model_irq(&m->model, op->vcpu, *intid);
	return irq && model_can_deactivate(irq);
}

/* ICC_DIR_EL1: traps if ICH_HCR_EL2.TDIR says so, else it is between the guest and its LRs. */
static void guest_dirs(struct machine *m, unsigned v, const struct op *op)
{
	struct machine_vcpu *vcpu = &m->vcpu[v];
	struct op trapped = { .kind = OP_DIR, .vcpu = (uint8_t)v, .a = VGIC_ICC_DIR_EL1 };
	unsigned intid;

	if (!m->model.pe[v].eoimode || !choose_dir(m, op, &intid))
		return;
	trapped.c = intid;
	if (vcpu->hw.hcr & HCR_TDIR) {
		machine_access(m, v, &trapped);
		return;
	}
	model_deactivate(&m->model, v, intid);
	cpuif_dir(&vcpu->hw, intid);
}

static void guest_controls(struct machine *m, unsigned v, const struct op *op)
{
	struct model_pe *pe = &m->model.pe[v];
	struct cpuif *hw = &m->vcpu[v].hw;
	unsigned minimum = 7 - m->config.model.preemption_bits + op->a;

	if (pe->depth && op->kind != OP_EOIMODE)
		return;
	switch (op->kind) {
	case OP_BPR:
		if (op->a == 0 || !pe->cbpr)
			pe->bpr[op->a] = (op->b & 7) < minimum ? minimum : op->b & 7;
		cpuif_set_bpr(hw, op->a, op->b);
		return;
	case OP_CBPR:
		pe->cbpr = op->a;
		break;
	default:
		pe->eoimode = op->a && m->config.eoimode1;
	}
	cpuif_set_ctlr(hw, pe->cbpr, pe->eoimode);
}

static void do_guest(struct machine *m, const struct op *op)
{
	struct model_pe *pe = &m->model.pe[op->vcpu];
	struct machine_vcpu *vcpu = &m->vcpu[op->vcpu];

	if (vcpu->where != GUEST || vcpu->waiting)
		return;
	switch (op->kind) {
	case OP_IAR:
		guest_acknowledges(m, op->vcpu, op->a);
		break;
	case OP_EOI:
		guest_ends(m, op->vcpu);
		break;
	case OP_DIR:
		guest_dirs(m, op->vcpu, op);
		break;
	case OP_PMR:
		pe->pmr = op->a & (0xffu << (8 - m->config.model.priority_bits)) & 0xff;
		cpuif_set_pmr(&vcpu->hw, op->a);
		break;
	case OP_IGRPEN:
		pe->grpen[op->a] = op->b;
		cpuif_set_igrpen(&vcpu->hw, op->a, op->b);
		break;
	default:
		guest_controls(m, op->vcpu, op);
	}
}

static void do_reset(struct machine *m, unsigned v)
{
	struct machine_vcpu *vcpu = &m->vcpu[v];
	int before;

	if (vcpu->where != OUTSIDE || vcpu->waiting)
		return;
	before = library_begin(m, (int)v);
	vgic_cpuif_reset(vcpu->cpu, &vcpu->image);
	library_end(m, before);
	cpuif_set_vmcr(&vcpu->hw, vcpu->image.vmcr);
	if (!(m->config.tolerate & TOLERATE_RESET))
		vcpu->hw.hcr = vcpu->image.hcr;
	memcpy(vcpu->hw.apr[0], vcpu->image.ap0r, sizeof(vcpu->image.ap0r));
	memcpy(vcpu->hw.apr[1], vcpu->image.ap1r, sizeof(vcpu->image.ap1r));
	model_cpuif_reset(&m->model, v);
	if (machine_enter(m, v) == 1 && !(m->config.tolerate & TOLERATE_RESET) &&
	    vcpu->image.changed != lr_mask(m))
		machine_fail(m, "vCPU %u: not all list registers are rewritten after reset", v);
}

/* --- Operations ------------------------------------------------------------------------------- */

static void do_schedule(struct machine *m, const struct op *op)
{
	unsigned v = op->vcpu;
	struct machine_vcpu *vcpu = &m->vcpu[v];

	switch (op->kind) {
	case OP_KICK:
		machine_deliver(m, v);
		return;
	case OP_LOAD:
		machine_load(m, v);
		return;
	case OP_PUT:
		machine_put(m, v);
		return;
	case OP_BLOCK:
		machine_block(m, v);
		return;
	case OP_RETRY:
		machine_retry(m, v);
		return;
	case OP_PEND:
		if (vcpu->where == UNLOADED)
			check_pending(m, v);
		return;
	case OP_RESET:
		do_reset(m, v);
		return;
	}
	if (vcpu->waiting || vcpu->where == UNLOADED)
		return;
	if (op->kind != OP_ENTER && vcpu->where != OUTSIDE)
		machine_exit(m, v, op->n);
	else if (op->kind == OP_ENTER && vcpu->where == BLOCKED)
		machine_exit(m, v, true);
	if (op->kind != OP_EXIT && vcpu->where == OUTSIDE)
		machine_enter(m, v);
	else if (vcpu->where == OUTSIDE && vcpu->aprs_known)
		check_pending(m, v);
}

void machine_do(struct machine *m, const struct op *op)
{
	m->model.now++;
	if (op->vcpu >= m->config.model.vcpus)
		return;
	switch (op->kind) {
	case OP_LINE:
	case OP_PULSE:
		do_source(m, op);
		break;
	case OP_DEVICE:
		machine_device(m, op->vcpu, op->a, op->b);
		break;
	case OP_TAKE:
		machine_take(m, op->vcpu, op->a);
		break;
	case OP_READ:
	case OP_WRITE:
	case OP_SGI:
		machine_access(m, op->vcpu, op);
		break;
	case OP_IAR:
	case OP_EOI:
	case OP_PMR:
	case OP_BPR:
	case OP_IGRPEN:
	case OP_CBPR:
	case OP_EOIMODE:
	case OP_DIR:
		do_guest(m, op);
		break;
	case OP_MAINTENANCE:
		machine_maintenance(m, op->vcpu);
		break;
	case OP_QUIESCE:
		machine_quiesce(m);
		break;
	default:
		do_schedule(m, op);
	}
	machine_check(m);
}

/* --- Set-up ----------------------------------------------------------------------------------- */

static void map_one(struct machine *m, unsigned v, unsigned intid, unsigned hwirq, bool level)
{
	struct model_irq *irq = model_irq(&m->model, v, intid);
	struct hwirq hw = { (uint16_t)hwirq };
	struct op config = {
		.kind = OP_WRITE, .a = MODEL_DIST, .b = 0xc00 + intid / 16 * 4, .n = 4
	};
	unsigned n;

	if (vgic_map_hwirq(m->vgic, v, intid, hw, level))
		machine_fail(m, "vgic_map_hwirq(%u) fails", intid);
	if (vgic_map_hwirq(m->vgic, v, intid, hw, level) != -VIRQ_ERR_BUSY)
		machine_fail(m, "vgic_map_hwirq(%u) maps twice", intid);
	irq->mapped = true;
	irq->wire.level = level;
	irq->wire.intid = hwirq;
	irq->edge = !level;
	if (intid < 32) {
		config.a = MODEL_REDIST;
		config.b = v * VGIC_REDIST_STRIDE + 0x10c04;
	}
	for (n = 0; n < 16; n++) {
		const struct model_irq *other = model_irq(&m->model, v, intid / 16 * 16 + n);

		config.c |= other && other->edge ? 2ull << 2 * n : 0;
	}
	machine_access(m, intid < 32 ? v : 0, &config);
}

/* The trigger at reset is IMPLEMENTATION DEFINED (12.9.9): taken as it is found. */
static void adopt_triggers(struct machine *m)
{
	unsigned v, n;

	for (n = 16; n < 32 + m->config.model.spis; n++) {
		for (v = 0; v < (n < 32 ? m->config.model.vcpus : 1); v++) {
			struct op op = { .kind = OP_READ, .a = MODEL_DIST, .n = 4 };
			uint64_t value;

			op.a = n < 32 ? MODEL_REDIST : MODEL_DIST;
			op.b = (n < 32 ? v * VGIC_REDIST_STRIDE + 0x10c00 : 0xc00) + n / 16 * 4;
			if (present(m, 0, &op, &value) != VGIC_DONE)
				machine_fail(m, "a read of ICFGR at reset is not done");
			model_irq(&m->model, v, n)->edge = value >> (n % 16 * 2 + 1) & 1;
		}
	}
}

/* GICR_WAKER, 12.11.42: a PE sleeps until its software says otherwise. */
static void wake_all(struct machine *m)
{
	struct op op = { .kind = OP_WRITE, .a = MODEL_REDIST, .n = 4 };
	unsigned v;

	for (v = 0; v < m->config.model.vcpus; v++) {
		op.b = v * VGIC_REDIST_STRIDE + 0x14;
		machine_access(m, v, &op);
	}
}

static void map_all(struct machine *m)
{
	unsigned n, v;

	for (n = 0; n < m->config.mapped && n < m->config.model.spis; n++)
		map_one(m, 0, 32 + n, 132 + n, n % 2);
	for (v = 0; v < m->config.model.vcpus && m->config.mapped; v++) {
		map_one(m, v, MACHINE_PPI_LEVEL, 27, true);
		map_one(m, v, MACHINE_PPI_EDGE, 20, false);
	}
}

static void build(struct machine *m)
{
	const struct machine_config *c = &m->config;
	const struct vgic_config config = {
		.version = VGIC_V3,
		.vcpus = (uint16_t)c->model.vcpus,
		.spis = (uint16_t)c->model.spis,
		.priority_bits = (uint8_t)c->model.priority_bits,
		.preemption_bits = (uint8_t)c->model.preemption_bits,
		.lrs = (uint8_t)c->lrs,
		.cluster_bits = (uint8_t)c->model.cluster_bits,
	};
	const struct vgic_port port = {
		.kick = hook_kick,
		.hwirq_set_active = hook_set_active,
		.hwirq_clear_pending = hook_clear_pending,
		.hwirq_line = hook_line,
		.hwirq_route = hook_route,
	};
	size_t size = vgic_size(&config), whole = (size + 63) / 64 * 64;

	if (vgic_check(&config, NULL) || !size)
		machine_fail(m, "the library refuses the configuration");
	m->memory = aligned_alloc(64, whole);
	memset(m->memory, 0xa5, whole);
	if (vgic_init(&m->vgic, m->memory, whole, &config, &port, m))
		machine_fail(m, "vgic_init() fails");
}

void machine_init(struct machine *m, const struct machine_config *config,
		  void (*fail)(const char *text))
{
	unsigned v;

	memset(m, 0, sizeof(*m));
	m->config = *config;
	m->fail = fail;
	m->actor = MODEL_NOBODY;
	model_init(&m->model, &config->model);
	build(m);
	for (v = 0; v < config->model.vcpus; v++) {
		cpuif_init(&m->vcpu[v].hw, config->lrs, config->model.priority_bits,
			   config->model.preemption_bits);
		m->vcpu[v].hw.manners = config->manners;
		m->vcpu[v].hw.deactivate = guest_deactivates;
		m->vcpu[v].hw.host = m;
		m->vcpu[v].hw.vcpu = v;
		machine_load(m, v);
	}
	adopt_triggers(m);
	map_all(m);
	wake_all(m);
	machine_compare(m);
}

void machine_free(struct machine *m)
{
	free(m->memory);
}
