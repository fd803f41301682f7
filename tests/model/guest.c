/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What the lockstep's guests do at their CPU interface: between the guest and its list registers
 * (cpuif.c), or, where there are none, accesses that the library serves. The model sees both.
 * Arm IHI 0069 12.2, 12.4; IHI 0048 4.4, 5.5. See machine.h.
 */
#include "machine_internal.h"

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
#define GICC_DIR    0x1000u

static bool is_software(const struct machine *m)
{
	return m->config.lrs == 0;
}

static bool is_v2(const struct machine *m)
{
	return m->config.model.version == 2;
}

/* --- A CPU interface in software: which register an operation is about --------------------------- */

static uint32_t sysreg_of(const struct op *op)
{
	static const uint32_t read[] = {
		[CPUIF_PMR] = VGIC_ICC_PMR_EL1,         [CPUIF_BPR0] = VGIC_ICC_BPR0_EL1,
		[CPUIF_BPR1] = VGIC_ICC_BPR1_EL1,       [CPUIF_CTLR] = VGIC_ICC_CTLR_EL1,
		[CPUIF_IGRPEN0] = VGIC_ICC_IGRPEN0_EL1, [CPUIF_IGRPEN1] = VGIC_ICC_IGRPEN1_EL1,
		[CPUIF_RPR] = VGIC_ICC_RPR_EL1,         [CPUIF_HPPIR0] = VGIC_ICC_HPPIR0_EL1,
		[CPUIF_HPPIR1] = VGIC_ICC_HPPIR1_EL1,   [CPUIF_SRE] = VGIC_ICC_SRE_EL1,
		[CPUIF_APR0] = VGIC_ICC_AP0R0_EL1,      [CPUIF_APR1] = VGIC_ICC_AP1R0_EL1,
	};

	switch (op->kind) {
	case OP_IAR:
		return op->a ? VGIC_ICC_IAR1_EL1 : VGIC_ICC_IAR0_EL1;
	case OP_EOI:
		return op->a ? VGIC_ICC_EOIR1_EL1 : VGIC_ICC_EOIR0_EL1;
	case OP_DIR:
		return VGIC_ICC_DIR_EL1;
	case OP_PMR:
		return VGIC_ICC_PMR_EL1;
	case OP_BPR:
		return op->a ? VGIC_ICC_BPR1_EL1 : VGIC_ICC_BPR0_EL1;
	case OP_IGRPEN:
		return op->a ? VGIC_ICC_IGRPEN1_EL1 : VGIC_ICC_IGRPEN0_EL1;
	case OP_CPUIF:
		return read[op->a];
	default:
		return VGIC_ICC_CTLR_EL1;
	}
}

static uint32_t gicc_of(const struct op *op)
{
	static const uint32_t read[] = {
		[CPUIF_PMR] = GICC_PMR,   [CPUIF_BPR0] = GICC_BPR,     [CPUIF_BPR1] = GICC_ABPR,
		[CPUIF_CTLR] = GICC_CTLR, [CPUIF_IGRPEN0] = GICC_CTLR, [CPUIF_IGRPEN1] = GICC_CTLR,
		[CPUIF_RPR] = GICC_RPR,   [CPUIF_HPPIR0] = GICC_HPPIR, [CPUIF_HPPIR1] = GICC_AHPPIR,
		[CPUIF_SRE] = GICC_CTLR,  [CPUIF_APR0] = GICC_APR,     [CPUIF_APR1] = GICC_APR,
	};

	switch (op->kind) {
	case OP_IAR:
		return op->a ? GICC_AIAR : GICC_IAR;
	case OP_EOI:
		return op->a ? GICC_AEOIR : GICC_EOIR;
	case OP_DIR:
		return GICC_DIR;
	case OP_PMR:
		return GICC_PMR;
	case OP_BPR:
		return op->a ? GICC_ABPR : GICC_BPR;
	case OP_CPUIF:
		return read[op->a];
	default:
		return GICC_CTLR;
	}
}

/* The register's new value, for those that hold more than the operation is about. */
static uint64_t control_value(const struct machine *m, const struct op *op)
{
	struct model_pe pe = m->model.pe[op->vcpu];

	if (op->kind == OP_IGRPEN && !is_v2(m))
		return op->b;
	machine_change_control(&pe, op, m->config.eoimode1);
	if (!is_v2(m))
		return pe.cbpr | pe.eoimode << 1;
	return pe.grpen[0] | pe.grpen[1] << 1 | pe.ackctl << 2 | pe.fiqen << 3 | pe.cbpr << 4 |
	       pe.eoimode << 9;
}

static uint64_t written_value(const struct machine *m, const struct op *op)
{
	switch (op->kind) {
	case OP_EOI:
	case OP_DIR:
		return op->c;
	case OP_PMR:
		return op->a;
	case OP_BPR:
		return op->b;
	default:
		return control_value(m, op);
	}
}

/* The access that an operation is, on the CPU where the guest runs. */
enum vgic_result guest_present(struct machine *m, unsigned v, const struct op *op, uint64_t *value)
{
	struct vgic_cpu *cpu = m->vcpu[v].cpu;
	bool read = op->kind == OP_IAR || op->kind == OP_CPUIF;

	if (is_v2(m) && read)
		return vgic_cpuif_read(cpu, gicc_of(op), 4, value);
	if (is_v2(m))
		return vgic_cpuif_write(cpu, gicc_of(op), 4, written_value(m, op));
	if (read)
		return vgic_sysreg_read(cpu, sysreg_of(op), value);
	return vgic_sysreg_write(cpu, sysreg_of(op), written_value(m, op));
}

static uint64_t read_now(struct machine *m, unsigned v, unsigned which)
{
	struct op op = { .kind = OP_CPUIF, .vcpu = (uint8_t)v, .a = which };
	uint64_t value = 0;
	int before = machine_library_begin(m, (int)v);

	if (guest_present(m, v, &op, &value) != VGIC_DONE)
		machine_fail(m, "vCPU %u: a read of its CPU interface (%u) is not done", v, which);
	machine_library_end(m, before);
	return value;
}

/* --- Acknowledge --------------------------------------------------------------------------------- */

static void acknowledged(struct machine *m, unsigned v, const struct model_taken *taken)
{
	const char *why = model_acknowledge(&m->model, v, taken);

	m->acks++;
	m->late += !taken->settled;
	if (why)
		machine_fail(m, "vCPU %u acknowledges %u of CPU %u (priority %#x, group %u): %s", v,
			     taken->intid, taken->source, taken->priority, taken->group, why);
}

static void acknowledges_lr(struct machine *m, unsigned v, unsigned which)
{
	struct machine_vcpu *vcpu = &m->vcpu[v];
	bool settled = machine_settled(m, v) && !machine_holds_back(m, v);
	struct model_taken taken;
	unsigned intid;
	uint64_t lr;
	int n;

	if (machine_stale_half(m, v))
		return;
	intid = is_v2(m) ? cpuif_iar_of_v2(vcpu->hw, which, &n) : cpuif_iar(vcpu->hw, which, &n);
	if (n < 0)
		return;
	lr = vcpu->hw->lr[n];
	taken = (struct model_taken){
		.intid = is_v2(m) ? intid & 0x3ff : intid,
		.source = is_v2(m) ? intid >> 10 : 0,
		.priority = lr_priority(lr),
		.group = lr_group(lr),
		.aliased = is_v2(m) && which,
		.settled = settled,
	};
	acknowledged(m, v, &taken);
	machine_check_hw(m, v, lr);
}

/* The one that was acknowledged has to have the priority that the running priority is now. */
static unsigned priority_of(struct machine *m, unsigned v, const struct model_taken *taken)
{
	unsigned running = (unsigned)read_now(m, v, CPUIF_RPR), n;
	unsigned mask = model_group_mask(&m->model, v, taken->group);
	const struct model_irq *irq = model_irq(&m->model, v, taken->intid);
	const unsigned known[] = { irq->priority,
				   model_seen_irq(&m->model, v, taken->intid)->priority };

	for (n = 0; n < 2; n++)
		if ((known[n] & mask) == running)
			return known[n];
	if (!irq->flux)
		machine_fail(m, "vCPU %u: running priority %#x after the acknowledge of %u", v,
			     running, taken->intid);
	return running;
}

static void acknowledges_software(struct machine *m, unsigned v, const struct op *op,
				  uint64_t value)
{
	const struct model_irq *irq;
	struct model_taken taken = {
		.intid = is_v2(m) ? value & 0x3ff : (unsigned)value,
		.source = is_v2(m) ? value >> 10 & 7 : 0,
		.aliased = is_v2(m) && op->a,
		.settled = machine_settled(m, v),
		.now = true,
	};

	if (value >> (is_v2(m) ? 13 : 24))
		machine_fail(m, "vCPU %u: an acknowledge reads %#llx", v,
			     (unsigned long long)value);
	if (taken.intid == CPUIF_SPURIOUS || (is_v2(m) && taken.intid == CPUIF_GROUP1)) {
		guest_check_nothing(m, v, op->a, taken.intid, taken.settled);
		return;
	}
	irq = model_irq(&m->model, v, taken.intid);
	if (!irq)
		machine_fail(m, "vCPU %u acknowledges %u, which does not exist", v, taken.intid);
	taken.group = is_v2(m) && !op->a ? irq->group : op->a;
	if (is_v2(m) && !op->a && !m->model.pe[v].ackctl && !irq->flux)
		taken.group = 0;
	taken.priority = priority_of(m, v, &taken);
	acknowledged(m, v, &taken);
}

/* Nothing to acknowledge in this register: is that so? */
void guest_check_nothing(struct machine *m, unsigned v, unsigned which, unsigned intid,
			 bool settled)
{
	unsigned may = model_signals(&m->model, v);
	unsigned other = which ? MODEL_GROUP0 : MODEL_GROUP1;

	if (!settled || (may & MODEL_QUIET))
		return;
	if (is_v2(m) && !which && m->model.pe[v].ackctl)
		other = 0;
	if (!(may & other))
		machine_fail(m, "vCPU %u: nothing to acknowledge in register %u, and there is", v,
			     which);
	if (is_v2(m) && !which && may == MODEL_GROUP1 && intid != CPUIF_GROUP1)
		machine_fail(m, "vCPU %u: GICC_IAR reads %u, and there is one of group 1", v,
			     intid);
}

/* --- End, deactivate ------------------------------------------------------------------------------ */

static void ended(struct machine *m, unsigned v, const struct model_active *which)
{
	struct machine_vcpu *vcpu = &m->vcpu[v];
	const struct model_irq *irq = model_irq(&m->model, v, which->intid);

	model_end_of_interrupt(&m->model, v);
	if (irq->dropped && irq->acked == which->acked && vcpu->ended_count < 64)
		vcpu->ended[vcpu->ended_count++] = which->intid;
}

static void ends(struct machine *m, unsigned v)
{
	struct machine_vcpu *vcpu = &m->vcpu[v];
	struct op op = { .kind = OP_EOI, .vcpu = (uint8_t)v };
	struct model_active which;
	uint32_t count;

	if (!model_can_end(&m->model, v, &which))
		return;
	op.a = is_v2(m) ? which.aliased : which.group;
	op.c = which.intid | which.source << 10;
	if (is_software(m)) {
		machine_access(m, v, &op);
		return;
	}
	ended(m, v, &which);
	count = vcpu->hw->hcr & HCR_EOICOUNT;
	cpuif_eoir(vcpu->hw, which.group, (unsigned)op.c);
	if ((m->config.tolerate & TOLERATE_EOICOUNT) && count != (vcpu->hw->hcr & HCR_EOICOUNT))
		model_irq(&m->model, v, which.intid)->ending = (int)v;
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
		irq = model_irq(&m->model, op->vcpu, *intid);
		if (whose != op->vcpu && model_is_private(irq))
			return false;
		vcpu->ended[n] = vcpu->ended[--vcpu->ended_count];
	}
	irq = model_irq(&m->model, op->vcpu, *intid);
	/* Active by hand, an SGI of a GICv2 has no CPUID that could be written with it. */
	if (irq && is_v2(m) && irq->intid < 16 && irq->active && !irq->dropped)
		return false;
	return irq && model_can_deactivate(irq);
}

/* ICC_DIR_EL1 traps if ICH_HCR_EL2.TDIR says so, GICC_DIR always; or it is between guest and LRs. */
static void deactivates(struct machine *m, unsigned v, const struct op *op)
{
	struct machine_vcpu *vcpu = &m->vcpu[v];
	struct op access = { .kind = OP_DIR, .vcpu = (uint8_t)v };
	unsigned intid;

	if (!m->model.pe[v].eoimode || !choose_dir(m, op, &intid))
		return;
	access.b = DIR_INTID;
	access.a = intid;
	access.c = intid;
	if (is_v2(m) && intid < 16)
		access.c |= model_irq(&m->model, v, intid)->source << 10;
	if (is_software(m) || is_v2(m) || (vcpu->hw->hcr & HCR_TDIR)) {
		machine_access(m, v, &access);
		return;
	}
	model_deactivate(&m->model, v, intid);
	cpuif_dir(vcpu->hw, intid);
}

/* --- Controls ------------------------------------------------------------------------------------- */

/* What an operation on the control bits makes of them. */
void machine_change_control(struct model_pe *pe, const struct op *op, bool eoimode1)
{
	switch (op->kind) {
	case OP_IGRPEN:
		pe->grpen[op->a] = op->b;
		break;
	case OP_CBPR:
		pe->cbpr = op->a;
		break;
	case OP_ACKCTL:
		pe->ackctl = op->a & 1;
		pe->fiqen = op->a >> 1 & 1;
		break;
	default:
		pe->eoimode = op->a && eoimode1;
	}
}

static void change_model(struct machine *m, unsigned v, const struct op *op)
{
	struct model_pe *pe = &m->model.pe[v];
	unsigned minimum = 7 - m->config.model.preemption_bits + op->a;

	switch (op->kind) {
	case OP_PMR:
		pe->pmr = op->a & (0xffu << (8 - m->config.model.priority_bits)) & 0xff;
		break;
	case OP_BPR:
		if (op->a == 0 || is_v2(m) || !pe->cbpr)
			pe->bpr[op->a] = (op->b & 7) < minimum ? minimum : op->b & 7;
		break;
	default:
		machine_change_control(pe, op, m->config.eoimode1);
	}
}

static void change_hardware(struct machine *m, unsigned v, const struct op *op)
{
	const struct model_pe *pe = &m->model.pe[v];
	struct cpuif *hw = m->vcpu[v].hw;

	switch (op->kind) {
	case OP_PMR:
		cpuif_set_pmr(hw, op->a);
		break;
	case OP_BPR:
		cpuif_set_bpr(hw, op->a, op->b);
		break;
	case OP_IGRPEN:
		cpuif_set_igrpen(hw, op->a, op->b);
		break;
	case OP_ACKCTL:
		cpuif_set_ctlr_of_v2(hw, pe->ackctl, pe->fiqen);
		break;
	default:
		cpuif_set_ctlr(hw, pe->cbpr, pe->eoimode);
	}
}

static void controls(struct machine *m, unsigned v, const struct op *op)
{
	const struct model_pe *pe = &m->model.pe[v];
	bool always = op->kind == OP_PMR || op->kind == OP_IGRPEN || op->kind == OP_EOIMODE;

	if ((pe->depth && !always) || (op->kind == OP_ACKCTL && !is_v2(m)))
		return;
	if (is_software(m)) {
		machine_access(m, v, op);
		return;
	}
	/* Switched twice between exits, EOImode leaves no trace that tells whose end EOIcount counts. */
	if (op->kind == OP_EOIMODE && pe->eoimode != pe->seen_eoimode)
		return;
	change_model(m, v, op);
	change_hardware(m, v, op);
}

/* --- Reads of a CPU interface in software ---------------------------------------------------------- */

static struct model_bits apr_value(const struct machine *m, unsigned v, unsigned group)
{
	const struct model_pe *pe = &m->model.pe[v];
	struct model_bits bits = { 0, 0 };
	unsigned n;

	for (n = 0; n < pe->depth; n++) {
		unsigned level = pe->stack[n].priority >> (8 - m->config.model.preemption_bits);

		if (level < 32 && (is_v2(m) || pe->stack[n].group == group))
			bits.value |= 1u << level;
	}
	return bits;
}

static unsigned bpr1_value(const struct machine *m, const struct model_pe *pe)
{
	if (is_v2(m) || !pe->cbpr)
		return pe->bpr[1];
	return pe->bpr[0] < 7 ? pe->bpr[0] + 1 : 7;
}

/* 12.2.5, ICC_CTLR_EL1: PRIbits is told; IDbits, SEIS, A3V, RSS are any. */
static struct model_bits ctlr_value(const struct machine *m, const struct model_pe *pe)
{
	if (is_v2(m))
		return (struct model_bits){ pe->grpen[0] | pe->grpen[1] << 1 | pe->ackctl << 2 |
						    pe->fiqen << 3 | pe->cbpr << 4 |
						    pe->eoimode << 9,
					    0 };
	return (struct model_bits){
		pe->cbpr | pe->eoimode << 1 | (m->config.model.priority_bits - 1) << 8 |
			(m->config.model.espis || m->config.model.eppis ? 1u << 19 : 0),
		7u << 11 | 1u << 14 | 1u << 15 | 1u << 18
	};
}

static struct model_bits cpuif_value(const struct machine *m, unsigned v, unsigned which)
{
	const struct model_pe *pe = &m->model.pe[v];

	switch (which) {
	case CPUIF_PMR:
		return (struct model_bits){ pe->pmr, 0 };
	case CPUIF_BPR0:
		return (struct model_bits){ pe->bpr[0], 0 };
	case CPUIF_BPR1:
		return (struct model_bits){ bpr1_value(m, pe), 0 };
	case CPUIF_RPR:
		return (struct model_bits){ model_running(&m->model, v), 0 };
	case CPUIF_APR0:
	case CPUIF_APR1:
		return apr_value(m, v, which == CPUIF_APR1);
	}
	if (is_v2(m) || which == CPUIF_CTLR)
		return ctlr_value(m, pe);
	if (which == CPUIF_SRE)
		return (struct model_bits){ 1, 6 };
	return (struct model_bits){ pe->grpen[which == CPUIF_IGRPEN1], 0 };
}

/* The highest priority pending one, masked or not; it has to be of the group of the register. */
static void check_hppir(struct machine *m, unsigned v, unsigned which, unsigned value)
{
	struct model_taken taken = { .intid = is_v2(m) ? value & 0x3ff : value };
	const struct model_irq *irq = model_irq(&m->model, v, taken.intid);
	bool aliased = which == CPUIF_HPPIR1;
	const char *why;

	if (!machine_settled(m, v))
		return;
	if (taken.intid == CPUIF_SPURIOUS || taken.intid == CPUIF_GROUP1) {
		unsigned group = taken.intid == CPUIF_GROUP1 || !aliased;

		if (model_best_is(&m->model, v, group ? 0 : 1) ||
		    (is_v2(m) && taken.intid == CPUIF_SPURIOUS && !aliased &&
		     model_best_is(&m->model, v, 1)))
			machine_fail(m, "vCPU %u: HPPIR%u reads %#x, and there is one", v, aliased,
				     value);
		return;
	}
	if (!irq)
		machine_fail(m, "vCPU %u: HPPIR%u reads %#x", v, aliased, value);
	taken.source = is_v2(m) ? value >> 10 : 0;
	taken.priority = irq->priority;
	taken.group = irq->group;
	why = model_check_hppi(&m->model, v, &taken);
	if (!why && irq->group != aliased && !irq->flux &&
	    !(is_v2(m) && !aliased && m->model.pe[v].ackctl))
		why = "it is of the other group";
	if (why)
		machine_fail(m, "vCPU %u: HPPIR%u reads %#x: %s", v, aliased, value, why);
}

static void was_read(struct machine *m, unsigned v, unsigned which, uint64_t value)
{
	struct model_bits bits;

	if (which == CPUIF_HPPIR0 || which == CPUIF_HPPIR1) {
		check_hppir(m, v, which, (unsigned)value);
		return;
	}
	bits = cpuif_value(m, v, which);
	if ((value ^ bits.value) & ~bits.unsure)
		machine_fail(m, "vCPU %u: its CPU interface's register %u reads %#llx, model %#llx",
			     v, which, (unsigned long long)value, (unsigned long long)bits.value);
}

/* ICH_VMCR_EL2 and the active priorities, as the model's PE has them. */
static void check_hardware(struct machine *m, unsigned v)
{
	const struct model_pe *pe = &m->model.pe[v];
	const struct cpuif *hw = m->vcpu[v].hw;
	uint32_t apr[2][4] = { { 0 } }, mask = is_v2(m) ? 0xffffffff : ~(3u << 2), vmcr;
	unsigned n;

	vmcr = pe->pmr << 24 | pe->bpr[0] << 21 | pe->bpr[1] << 18 | (uint32_t)pe->eoimode << 9 |
	       (uint32_t)pe->cbpr << 4 | (uint32_t)pe->fiqen << 3 | (uint32_t)pe->ackctl << 2 |
	       (uint32_t)pe->grpen[1] << 1 | pe->grpen[0];
	if ((hw->vmcr ^ vmcr) & mask)
		machine_fail(m, "vCPU %u loaded: VMCR %#x, model %#x", v, hw->vmcr, vmcr);
	for (n = 0; n < pe->depth; n++) {
		unsigned level = pe->stack[n].priority >> (8 - m->config.model.preemption_bits);

		apr[is_v2(m) ? 0 : pe->stack[n].group][level / 32] |= 1u << level % 32;
	}
	for (n = 0; n < 8; n++)
		if (hw->apr[n / 4][n % 4] != apr[n / 4][n % 4])
			machine_fail(m, "vCPU %u loaded: AP%uR%u is %#x, model %#x", v, n / 4,
				     n % 4, hw->apr[n / 4][n % 4], apr[n / 4][n % 4]);
}

void machine_check_cpuif(struct machine *m, unsigned v)
{
	unsigned which;

	if (m->config.lrs) {
		check_hardware(m, v);
		return;
	}
	for (which = 0; which < CPUIF_REGISTERS; which++)
		if (which != CPUIF_HPPIR0 && which != CPUIF_HPPIR1)
			was_read(m, v, which, read_now(m, v, which));
}

/* --- What a CPU interface does not have ------------------------------------------------------------ */

/* ICC_AP<n>R1_EL1 to R3: with 6 and 7 preemption bits only. */
static bool has_apr(const struct machine *m, unsigned n)
{
	return n == 0 || (n == 1 && m->config.model.preemption_bits >= 6) ||
	       m->config.model.preemption_bits == 7;
}

/* Does this system register exist, for this direction? 12.2; those that are written elsewhere: yes. */
static bool has_sysreg(const struct machine *m, uint32_t reg, bool write)
{
	static const uint32_t both[] = { VGIC_ICC_PMR_EL1,    VGIC_ICC_BPR0_EL1,
					 VGIC_ICC_BPR1_EL1,   VGIC_ICC_CTLR_EL1,
					 VGIC_ICC_SRE_EL1,    VGIC_ICC_IGRPEN0_EL1,
					 VGIC_ICC_IGRPEN1_EL1 };
	static const uint32_t reads[] = { VGIC_ICC_IAR0_EL1, VGIC_ICC_IAR1_EL1, VGIC_ICC_HPPIR0_EL1,
					  VGIC_ICC_HPPIR1_EL1, VGIC_ICC_RPR_EL1 };
	static const uint32_t writes[] = { VGIC_ICC_EOIR0_EL1, VGIC_ICC_EOIR1_EL1,
					   VGIC_ICC_DIR_EL1,   VGIC_ICC_SGI0R_EL1,
					   VGIC_ICC_SGI1R_EL1, VGIC_ICC_ASGI1R_EL1 };
	unsigned n;

	for (n = 0; n < sizeof(both) / sizeof(both[0]); n++)
		if (both[n] == reg)
			return true;
	for (n = 0; n < sizeof(reads) / sizeof(reads[0]); n++)
		if (reads[n] == reg)
			return !write;
	for (n = 0; n < sizeof(writes) / sizeof(writes[0]); n++)
		if (writes[n] == reg)
			return write;
	for (n = 0; n < 4; n++)
		if (reg == VGIC_SYSREG(3u, 0u, 12u, 8u, 4 + n) ||
		    reg == VGIC_SYSREG(3u, 0u, 12u, 9u, n))
			return has_apr(m, n);
	return false;
}

static void strays_v3(struct machine *m, unsigned v, const struct op *op)
{
	enum vgic_result result;
	uint64_t value;
	int before;

	if (has_sysreg(m, op->a, op->b))
		return;
	before = machine_library_begin(m, (int)v);
	result = op->b ? vgic_sysreg_write(m->vcpu[v].cpu, op->a, op->c)
		       : vgic_sysreg_read(m->vcpu[v].cpu, op->a, &value);
	machine_library_end(m, before);
	if (result != VGIC_UNDEFINED)
		machine_fail(m, "vCPU %u: %s of system register %#x is not undefined", v,
			     op->b ? "a write" : "a read", op->a);
}

/* GICC: a word that reads and writes as something, or of which nothing is told. */
static bool is_gicc(const struct op *op)
{
	if (op->a >= 0x40 && op->a < 0x100)
		return true;
	if (op->n != 4 || op->a % 4)
		return false;
	if (op->a == GICC_RPR || op->a == GICC_HPPIR || op->a == GICC_AHPPIR || op->a == GICC_IAR ||
	    op->a == GICC_AIAR)
		return !op->b;
	return op->a <= GICC_AHPPIR || op->a == GICC_DIR;
}

static void strays_v2(struct machine *m, unsigned v, const struct op *op)
{
	enum vgic_result result;
	uint64_t value = 0;
	int before;

	if (is_gicc(op) || op->a >= VGIC_V2_CPUIF_SIZE || (m->config.lrs && op->a < GICC_DIR))
		return;
	before = machine_library_begin(m, (int)v);
	result = op->b ? vgic_cpuif_write(m->vcpu[v].cpu, op->a, op->n, op->c)
		       : vgic_cpuif_read(m->vcpu[v].cpu, op->a, op->n, &value);
	machine_library_end(m, before);
	if (result != VGIC_DONE || value)
		machine_fail(m, "vCPU %u: GICC+%#x, %u bytes: result %d, value %#llx", v, op->a,
			     op->n, result, (unsigned long long)value);
}

/* Undefined, or RAZ/WI; nothing else changes, which the comparisons after it tell. */
static void strays(struct machine *m, unsigned v, const struct op *op)
{
	if (is_v2(m))
		strays_v2(m, v, op);
	else if (is_software(m))
		strays_v3(m, v, op);
	machine_back(m, v);
}

/* The access of an operation is done. */
void guest_done(struct machine *m, unsigned v, const struct op *op, uint64_t value)
{
	struct model_active which;

	switch (op->kind) {
	case OP_IAR:
		acknowledges_software(m, v, op, value);
		break;
	case OP_EOI:
		if (model_can_end(&m->model, v, &which))
			ended(m, v, &which);
		break;
	case OP_DIR:
		model_deactivate_end(&m->model, v, op->a);
		break;
	case OP_CPUIF:
		was_read(m, v, op->a, value);
		break;
	default:
		change_model(m, v, op);
	}
}

void guest_do(struct machine *m, const struct op *op)
{
	unsigned v = op->vcpu;

	if (m->vcpu[v].where != GUEST || m->vcpu[v].waiting)
		return;
	switch (op->kind) {
	case OP_IAR:
		if (is_software(m))
			machine_access(m, v, op);
		else
			acknowledges_lr(m, v, op->a);
		break;
	case OP_EOI:
		ends(m, v);
		break;
	case OP_DIR:
		deactivates(m, v, op);
		break;
	case OP_STRAY:
		strays(m, v, op);
		break;
	case OP_CPUIF:
		if (is_software(m))
			machine_access(m, v, op);
		break;
	default:
		controls(m, v, op);
	}
}
