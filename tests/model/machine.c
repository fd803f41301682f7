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

	for (n = 0; n < model_private_count(&m->model); n++)
		if (hwirq < 32 && m->model.priv[vcpu][n].mapped &&
		    m->model.priv[vcpu][n].wire.intid == hwirq)
			return &m->model.priv[vcpu][n];
	for (n = 0; n < model_shared_count(&m->model); n++)
		if (m->model.shared[n].mapped && m->model.shared[n].wire.intid == hwirq)
			return &m->model.shared[n];
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
	if (hw.intid < 32 && (m->actor != (int)vcpu || m->vcpu[vcpu].pcpu == MODEL_NOBODY))
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
	else if (!irq->active)
		irq->told = true;
	return irq->wire.line;
}

static void hook_route(void *host, struct hwirq hw, unsigned vcpu)
{
	if (hw.intid < 32)
		machine_fail(host, "hwirq_route for a private interrupt");
	hooked_irq(host, vcpu, hw, "hwirq_route")->wire.route = (int)vcpu;
}

static void hook_ended(void *host, unsigned vcpu, virq_t virq)
{
	struct machine *m = host;
	struct model_irq *irq;

	hook_check(m, vcpu, "ended");
	irq = model_irq(&m->model, vcpu, virq);
	if (!irq || virq < 16)
		machine_fail(m, "ended: %u of vCPU %u", virq, vcpu);
	if (!irq->notify_since)
		machine_fail(m, "the end of %u is told, and nobody asked", virq);
	irq->ends++;
}

/* A guest's deactivation with HW = 1. */
void machine_guest_deactivates(void *host, unsigned vcpu, unsigned pintid)
{
	struct machine *m = host;
	struct model_irq *irq = wired_irq(m, vcpu, pintid);

	if (!irq)
		machine_fail(m, "vCPU %u deactivates physical %u, which is not mapped", vcpu,
			     pintid);
	irq->wire.active = false;
}

const struct vgic_port machine_port = {
	.kick = hook_kick,
	.hwirq_set_active = hook_set_active,
	.hwirq_clear_pending = hook_clear_pending,
	.hwirq_line = hook_line,
	.hwirq_route = hook_route,
	.ended = hook_ended,
};

/* --- Entry and exit --------------------------------------------------------------------------- */

uint32_t lr_mask(const struct machine *m)
{
	return (1u << m->config.lrs) - 1;
}

uint64_t machine_image_lr(const struct machine *m, unsigned v, unsigned n)
{
	uint64_t lr = m->vcpu[v].image.lr[n];

	return m->config.model.version == 2 ? lr_from_gich((uint32_t)lr) : lr;
}

static struct gic_cpuif *image_of(struct machine *m, unsigned v)
{
	return m->config.lrs ? &m->vcpu[v].image : NULL;
}

/* The active priorities as hardware has them, or, if the embedder does not read them, nonsense. */
static void read_aprs(struct machine *m, unsigned v, bool aprs)
{
	struct gic_cpuif *image = &m->vcpu[v].image;
	const struct cpuif *hw = m->vcpu[v].hw;
	unsigned n;

	for (n = 0; n < 4; n++) {
		image->ap0r[n] = aprs ? hw->apr[0][n] : 0x5a5a5a5a;
		image->ap1r[n] = aprs ? hw->apr[1][n] : 0xa5a5a5a5;
	}
	m->vcpu[v].aprs_known = aprs;
}

static void write_cpuif(struct machine *m, unsigned v)
{
	struct machine_vcpu *vcpu = &m->vcpu[v];

	cpuif_set_vmcr(vcpu->hw, vcpu->image.vmcr);
	memcpy(vcpu->hw->apr[0], vcpu->image.ap0r, sizeof(vcpu->image.ap0r));
	memcpy(vcpu->hw->apr[1], vcpu->image.ap1r, sizeof(vcpu->image.ap1r));
}

static void read_image(struct machine *m, unsigned v, bool aprs)
{
	struct machine_vcpu *vcpu = &m->vcpu[v];
	struct gic_cpuif *image = &vcpu->image;
	unsigned n;

	for (n = 0; n < m->config.lrs; n++) {
		uint64_t lr = vcpu->hw->lr[n];

		if (image->live >> n & 1)
			image->lr[n] = m->config.model.version == 2 ? lr_to_gich(lr) : lr;
	}
	image->hcr = vcpu->hw->hcr;
	image->vmcr = vcpu->hw->vmcr;
	read_aprs(m, v, aprs || image->read_apr);
}

/* Leave the guest. Without `aprs` the embedder reads the active priorities only if it has to. */
void machine_exit(struct machine *m, unsigned v, bool aprs)
{
	struct machine_vcpu *vcpu = &m->vcpu[v];
	int before;

	if (vcpu->where == GUEST && m->config.lrs)
		read_image(m, v, aprs);
	before = machine_library_begin(m, (int)v);
	(m->config.quiet ? vgic_exit_quiet : vgic_exit)(vcpu->cpu, image_of(m, v));
	machine_library_end(m, before);
	vcpu->where = OUTSIDE;
	model_served(&m->model, v);
	m->model.pe[v].folded = m->model.now;
}

static void check_entry(struct machine *m, unsigned v)
{
	struct machine_vcpu *vcpu = &m->vcpu[v];
	unsigned n;

	if ((vcpu->image.changed | vcpu->image.live) & ~lr_mask(m))
		machine_fail(m, "vCPU %u: enter uses list registers that do not exist", v);
	for (n = 0; n < m->config.lrs; n++) {
		bool live = vcpu->image.live >> n & 1;

		if (live && vcpu->hw->lr[n] != machine_image_lr(m, v, n))
			machine_fail(m,
				     "vCPU %u: LR%u is live, not as hardware has it, not changed",
				     v, n);
		if (!live && lr_state(vcpu->hw->lr[n]) != LR_INVALID)
			machine_fail(m, "vCPU %u: LR%u holds something and is not live", v, n);
	}
	if (m->config.lrs == 0)
		return;
	if ((vcpu->hw->hcr ^ vcpu->image.hcr) & ~HCR_EOICOUNT)
		machine_fail(m, "vCPU %u: ICH_HCR %#x is not %#x, and not hcr_changed", v,
			     vcpu->hw->hcr, vcpu->image.hcr);
	if (vcpu->hw->hcr & HCR_EOICOUNT)
		machine_fail(m, "vCPU %u: entered with EOIcount %u", v, vcpu->hw->hcr >> 27);
	if (!(vcpu->hw->hcr & HCR_EN))
		machine_fail(m, "vCPU %u: entered with ICH_HCR.En = 0", v);
	if (m->config.model.version == 2 && (vcpu->hw->hcr & 0x07ffff00))
		machine_fail(m, "vCPU %u: GICH_HCR = %#x: reserved bits", v, vcpu->hw->hcr);
	if (cpuif_misr(vcpu->hw))
		machine_fail(m, "vCPU %u: entered with ICH_MISR = %#x: an exit storm", v,
			     cpuif_misr(vcpu->hw));
}

/* What enter or refill changed goes to hardware. */
static void write_back(struct machine *m, unsigned v)
{
	struct machine_vcpu *vcpu = &m->vcpu[v];
	unsigned n;

	for (n = 0; n < m->config.lrs; n++)
		if (vcpu->image.changed >> n & 1)
			vcpu->hw->lr[n] = machine_image_lr(m, v, n);
	if (vcpu->image.hcr_changed)
		vcpu->hw->hcr = vcpu->image.hcr;
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
		int before = machine_library_begin(m, (int)v);

		(m->config.quiet ? vgic_enter_quiet : vgic_enter)(vcpu->cpu, image_of(m, v));
		machine_library_end(m, before);
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
	const uint64_t *lr = m->vcpu[v].hw->lr;
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
	int before = machine_library_begin(m, (int)v);
	uint32_t empty = empty_lrs(m, v);
	bool enough = vgic_refill(vcpu->cpu, &vcpu->image, empty);

	machine_library_end(m, before);
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
	if (m->config.refill && m->config.lrs && refill(m, v) && !vgic_attention(vcpu->cpu))
		return;
	machine_exit(m, v, false);
	machine_enter(m, v);
}

/* Outside, after an exit that read everything: the wake predicate is exact. */
bool machine_pending(struct machine *m, unsigned v)
{
	unsigned may = model_signals(&m->model, v);
	int before;
	bool is;

	before = machine_library_begin(m, m->vcpu[v].where == UNLOADED ? MODEL_NOBODY : (int)v);
	is = vgic_pending(m->vgic, v);
	machine_library_end(m, before);
	/* What it settled may have let a physical interrupt go that fires again. */
	may |= model_signals(&m->model, v);
	if (is ? may == MODEL_QUIET : !(may & MODEL_QUIET))
		machine_fail(m, "vCPU %u: vgic_pending() is %d", v, is);
	return is;
}

/* --- Accesses --------------------------------------------------------------------------------- */

enum vgic_result machine_present(struct machine *m, unsigned v, const struct op *op,
				 uint64_t *value)
{
	struct vgic_cpu *cpu = m->vcpu[v].cpu;
	int before = machine_library_begin(m, (int)v);
	enum vgic_result result;

	if (op->kind == OP_READ)
		result = op->a == MODEL_DIST ? vgic_dist_read(cpu, op->b, op->n, value)
					     : vgic_redist_read(cpu, op->b, op->n, value);
	else if (op->kind == OP_WRITE)
		result = op->a == MODEL_DIST ? vgic_dist_write(cpu, op->b, op->n, op->c)
					     : vgic_redist_write(cpu, op->b, op->n, op->c);
	else if (op->kind == OP_SGI)
		result = vgic_sysreg_write(cpu, op->a, op->c);
	else
		result = guest_present(m, v, op, value);
	if (result == VGIC_UNDEFINED)
		machine_fail(m, "vCPU %u: an access is undefined", v);
	machine_library_end(m, before);
	if ((m->config.tolerate & TOLERATE_WIDTH) && op->n < 8)
		*value &= (1ull << 8 * op->n) - 1;
	return result;
}

struct model_at machine_at(const struct op *op)
{
	return (struct model_at){ (enum model_region)op->a, op->vcpu, op->b, op->n };
}

/* While a read waits, it may return what any bit was since. */
void machine_sample(struct machine *m, unsigned v)
{
	struct machine_vcpu *vcpu = &m->vcpu[v];
	struct model_bits bits;

	if (!vcpu->waiting || vcpu->access.kind != OP_READ)
		return;
	bits = model_read(&m->model, machine_at(&vcpu->access));
	vcpu->seen1 |= bits.value | bits.unsure;
	vcpu->seen0 |= ~bits.value | bits.unsure;
}

static void read_done(struct machine *m, unsigned v, uint64_t value)
{
	struct machine_vcpu *vcpu = &m->vcpu[v];
	const struct op *op = &vcpu->access;
	uint64_t wrong = (value & ~vcpu->seen1) | (~value & ~vcpu->seen0);

	if (wrong)
		machine_fail(m, "vCPU %u: %s %#x, %u bytes, reads %#llx; bits %#llx are wrong", v,
			     op->a == MODEL_DIST ? "GICD" : "GICR", op->b, op->n,
			     (unsigned long long)value, (unsigned long long)wrong);
	model_was_read(&m->model, machine_at(op), value, vcpu->since);
	if (m->config.model.version == 3 && op->a == MODEL_DIST && op->b == 0 && op->n == 4 &&
	    (value >> 31 & 1) && !machine_anyone_unsettled(m))
		machine_fail(m, "GICD_CTLR.RWP is stuck");
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
			model_post(&m->model, machine_at(op), op->c, u, in_live_lr, m->vcpu[u].hw);
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
		model_write(&m->model, machine_at(&op), op.c);
		post(m, v, &op);
		model_end(&m->model, machine_at(&op), op.c);
		break;
	case OP_SGI:
		model_sgi(&m->model, v, op.a != VGIC_ICC_SGI1R_EL1, op.c);
		break;
	default:
		guest_done(m, v, &op, value);
	}
	machine_back(m, v);
}

/* A waiter waits for somebody who has been told. */
static void check_again(struct machine *m, unsigned v, bool served)
{
	m->agains++;
	if (served && !machine_kicked_guest(m, v))
		machine_fail(m, "vCPU %u: AGAIN after exit, and nobody else was kicked", v);
}

/* `served`: vgic_exit() has been called for this very access. */
static void attempt(struct machine *m, unsigned v, bool served)
{
	uint64_t value = 0;

	if (machine_present(m, v, &m->vcpu[v].access, &value) == VGIC_AGAIN)
		check_again(m, v, served);
	else
		access_done(m, v, value);
}

void machine_access(struct machine *m, unsigned v, const struct op *op)
{
	struct machine_vcpu *vcpu = &m->vcpu[v];

	if ((vcpu->where != GUEST && vcpu->where != OUTSIDE) || vcpu->waiting)
		return;
	vcpu->access = *op;
	vcpu->access.vcpu = (uint8_t)v;
	vcpu->since = m->model.now;
	vcpu->waiting = true;
	vcpu->seen0 = vcpu->seen1 = 0;
	if (op->kind == OP_WRITE)
		model_begin(&m->model, machine_at(&vcpu->access), op->c);
	if (op->kind == OP_DIR)
		model_deactivate_begin(&m->model, v, op->a);
	machine_sample(m, v);
	attempt(m, v, false);
}

void machine_retry(struct machine *m, unsigned v)
{
	if (!m->vcpu[v].waiting || m->vcpu[v].where == UNLOADED)
		return;
	machine_exit(m, v, false);
	attempt(m, v, true);
}

/* --- Scheduling ------------------------------------------------------------------------------- */

unsigned machine_cpus(const struct machine *m)
{
	return m->config.cpus ? m->config.cpus : m->config.model.vcpus;
}

/* The first free one from `wanted` on; if there is none, whoever is there has to go. */
static unsigned free_cpu(struct machine *m, unsigned wanted)
{
	unsigned cpus = machine_cpus(m), n;

	for (n = 0; n < cpus; n++)
		if (m->cpu[(wanted + n) % cpus].vcpu == MODEL_NOBODY)
			return (wanted + n) % cpus;
	machine_out(m, (unsigned)m->cpu[wanted % cpus].vcpu);
	return wanted % cpus;
}

bool machine_cpu_is_free(const struct machine *m)
{
	unsigned c;

	for (c = 0; c < machine_cpus(m); c++)
		if (m->cpu[c].vcpu == MODEL_NOBODY)
			return true;
	return false;
}

/*
 * The physical CPU is the vCPU's. Of its private devices, line and latch come and go with it, as
 * a context switch of the device has it; what is active is the physical CPU's redistributor's.
 */
static void occupy(struct machine *m, unsigned v, unsigned c)
{
	unsigned n;

	m->cpu[c].vcpu = (int)v;
	m->cpu[c].hw.vcpu = v;
	m->vcpu[v].pcpu = (int)c;
	m->vcpu[v].hw = &m->cpu[c].hw;
	for (n = 16; n < model_private_count(&m->model); n++) {
		struct model_wire *wire = &m->model.priv[v][n].wire;

		if (!m->model.priv[v][n].mapped)
			continue;
		wire->absent = false;
		wire->active = m->cpu[c].active >> wire->intid & 1;
	}
}

static void vacate(struct machine *m, unsigned v)
{
	unsigned c = (unsigned)m->vcpu[v].pcpu, n;

	m->cpu[c].vcpu = MODEL_NOBODY;
	m->cpu[c].active = 0;
	m->vcpu[v].pcpu = MODEL_NOBODY;
	m->vcpu[v].hw = &m->nowhere;
	for (n = 16; n < model_private_count(&m->model); n++) {
		struct model_wire *wire = &m->model.priv[v][n].wire;

		if (!m->model.priv[v][n].mapped)
			continue;
		wire->absent = true;
		m->cpu[c].active |= (uint32_t)wire->active << wire->intid;
		wire->active = false;
	}
	if (m->cpu[c].active)
		machine_fail(m,
			     "vCPU %u put: of its private interrupts, physical %#x are left active",
			     v, m->cpu[c].active);
}

/* What the image holds, or what the library kept (every now and then it is asked), to hardware. */
static void load_cpuif(struct machine *m, unsigned v)
{
	struct machine_vcpu *vcpu = &m->vcpu[v];
	int before;

	if (m->loads++ % 4 == 0 || vcpu->restore) {
		before = machine_library_begin(m, (int)v);
		vgic_cpuif_restore(vcpu->cpu, image_of(m, v));
		machine_library_end(m, before);
	}
	if (m->config.lrs)
		write_cpuif(m, v);
	machine_check_cpuif(m, v);
	vcpu->restore = false;
}

void machine_load_on(struct machine *m, unsigned v, unsigned wanted)
{
	struct machine_vcpu *vcpu = &m->vcpu[v];
	unsigned n;
	int before;

	if (vcpu->where != UNLOADED)
		return;
	occupy(m, v, free_cpu(m, wanted));
	before = machine_library_begin(m, (int)v);
	vcpu->cpu = vgic_load(m->vgic, v);
	if (!vcpu->cpu)
		machine_fail(m, "vgic_load(%u) failed", v);
	if (vgic_load(m->vgic, v))
		machine_fail(m, "vgic_load(%u) succeeds twice", v);
	machine_library_end(m, before);
	vcpu->where = OUTSIDE;
	vcpu->kicked = false;
	vcpu->aprs_known = true;
	m->model.pe[v].loaded = true;
	for (n = 16; n < model_private_count(&m->model); n++)
		machine_check_wire(m, &m->model.priv[v][n], v);
	load_cpuif(m, v);
}

/* Each time on another CPU than the time before. */
void machine_load(struct machine *m, unsigned v)
{
	if (m->vcpu[v].where == UNLOADED)
		machine_load_on(m, v, m->next_cpu++);
}

/* The host watches a descheduled vCPU's private level devices itself. */
void machine_watch(struct machine *m, unsigned v)
{
	unsigned n;
	int before;

	for (n = 16; n < model_private_count(&m->model); n++) {
		struct model_irq *irq = &m->model.priv[v][n];

		if (!irq->mapped || !irq->wire.level ||
		    (irq->active && (m->config.tolerate & TOLERATE_UNLOADED_LINE)))
			continue;
		before = machine_library_begin(m, MODEL_NOBODY);
		vgic_set_line(m->vgic, v, irq->intid, irq->wire.line);
		machine_library_end(m, before);
		model_set_line(&m->model, irq, irq->wire.line);
	}
}

static void machine_put(struct machine *m, unsigned v)
{
	struct machine_vcpu *vcpu = &m->vcpu[v];
	int before;

	vcpu->image.vmcr = vcpu->hw->vmcr;
	read_aprs(m, v, true);
	before = machine_library_begin(m, (int)v);
	vgic_put(vcpu->cpu, image_of(m, v));
	machine_library_end(m, before);
	vcpu->cpu = NULL;
	vcpu->where = UNLOADED;
	vcpu->kicked = false;
	m->model.pe[v].loaded = false;
	vacate(m, v);
	machine_watch(m, v);
	vcpu->kicked |= machine_pending(m, v);
}

void machine_out(struct machine *m, unsigned v)
{
	if (m->vcpu[v].where == UNLOADED)
		return;
	if (m->vcpu[v].where != OUTSIDE)
		machine_exit(m, v, true);
	machine_put(m, v);
}

static void machine_block(struct machine *m, unsigned v)
{
	struct machine_vcpu *vcpu = &m->vcpu[v];
	bool asleep;
	int before;

	if (vcpu->where != OUTSIDE || vcpu->waiting || !vcpu->aprs_known)
		return;
	machine_exit(m, v, true);
	if (machine_pending(m, v))
		return;
	before = machine_library_begin(m, (int)v);
	asleep = vgic_block(vcpu->cpu);
	machine_library_end(m, before);
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
		machine_pending(m, v);
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

	if (vcpu->where != GUEST || vcpu->waiting || !cpuif_misr(vcpu->hw))
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
	int before = machine_library_begin(m, actor), result;
	struct model_irq *irq = model_irq(&m->model, v, intid);

	if (actor >= 0 && (m->vcpu[actor].where == GUEST || m->vcpu[actor].where == OUTSIDE))
		result = raise_here(m, (unsigned)actor, v, intid, pulse, level);
	else if (pulse)
		result = vgic_pulse(m->vgic, v, intid);
	else
		result = vgic_set_line(m->vgic, v, intid, level);
	machine_library_end(m, before);
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

static void do_notify(struct machine *m, const struct op *op)
{
	struct model_irq *irq = model_irq(&m->model, op->vcpu, op->a);
	int before, result, wanted = irq ? 0 : -VIRQ_ERR_RANGE;

	if (irq && op->a < 16)
		wanted = -VIRQ_ERR_KIND;
	before = machine_library_begin(m, MODEL_NOBODY);
	result = vgic_notify_end(m->vgic, op->vcpu, op->a, op->b);
	machine_library_end(m, before);
	if (result != wanted)
		machine_fail(m, "vgic_notify_end(%u) answers %d", op->a, result);
	if (!result)
		model_notify(&m->model, irq, op->b);
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
		if (!level && irq->line)
			machine_source(m, MODEL_NOBODY, v, intid, false, false);
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
	machine_source(m, model_is_private(irq) ? (int)v : MODEL_NOBODY, v, intid,
		       !irq->wire.level && (irq->line || !m->config.lines), true);
	if (model_is_private(irq))
		machine_back(m, v);
}

void machine_check_hw(struct machine *m, unsigned v, uint64_t lr)
{
	const struct model_irq *irq = model_irq(&m->model, v, lr_vintid(lr));

	if (lr_hw(lr) && (!irq->mapped || irq->wire.soft || irq->wire.intid != lr_pintid(lr)))
		machine_fail(m, "vCPU %u: the list register of %u has HW, physical %u", v,
			     irq->intid, lr_pintid(lr));
}

static void do_reset(struct machine *m, unsigned v)
{
	struct machine_vcpu *vcpu = &m->vcpu[v];
	int before;

	if (vcpu->where != OUTSIDE || vcpu->waiting)
		return;
	before = machine_library_begin(m, (int)v);
	vgic_cpuif_reset(vcpu->cpu, image_of(m, v));
	machine_library_end(m, before);
	if (m->config.lrs)
		write_cpuif(m, v);
	if (m->config.lrs && !(m->config.tolerate & TOLERATE_RESET))
		vcpu->hw->hcr = vcpu->image.hcr;
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
		machine_load_on(m, v, op->a);
		return;
	case OP_PUT:
		if (op->n || vcpu->where == OUTSIDE)
			machine_out(m, v);
		return;
	case OP_MOVE:
		machine_out(m, v);
		machine_load_on(m, v, op->a);
		if (op->n && !vcpu->waiting)
			machine_enter(m, v);
		return;
	case OP_BLOCK:
		machine_block(m, v);
		return;
	case OP_RETRY:
		machine_retry(m, v);
		return;
	case OP_PEND:
		if (vcpu->where == UNLOADED)
			machine_pending(m, v);
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
		machine_pending(m, v);
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
	case OP_NOTIFY:
		do_notify(m, op);
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
	case OP_ACKCTL:
	case OP_CPUIF:
	case OP_STRAY:
		guest_do(m, op);
		break;
	case OP_MAINTENANCE:
		machine_maintenance(m, op->vcpu);
		break;
	case OP_QUIESCE:
		machine_quiesce(m);
		break;
	case OP_POWER:
	case OP_SAVE:
	case OP_RESTORE:
	case OP_MAP:
		whole_do(m, op);
		break;
	case OP_INFO:
		machine_check_info(m, op->vcpu, op->a);
		break;
	default:
		do_schedule(m, op);
	}
	machine_check(m);
}
