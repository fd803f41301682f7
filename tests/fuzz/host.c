/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The embedder: the protocol of vgic.h, kept to the letter, with hardware from tests/model/cpuif.c
 * below it, and devices behind mapped interrupts. What it does when is the input's.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES  3      /* tries to enter before the vCPU waits for another one */
#define ROUNDS   12     /* of "everybody serves what he is asked for" */
#define SLICES   20000u /* of LPIs and commands: what is done in them has an end */
#define MAX_HOOK 100000u

void require(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "fuzz: %s\n", what);
	abort();
}

void host_begin(struct machine *m, int actor)
{
	m->actor = actor;
	m->in_library = true;
	m->hooks = 0;
}

void host_end(struct machine *m)
{
	m->actor = -1;
	m->in_library = false;
}

/* --- Hooks ------------------------------------------------------------------------------------ */

static void check_hook(struct machine *m, unsigned vcpu)
{
	require(m->in_library, "a hook is called outside the library");
	require(vcpu < m->config.vcpus, "a hook is called for a vCPU that does not exist");
	require(++m->hooks < MAX_HOOK, "hooks without end");
}

static struct wire *wire_of(struct machine *m, unsigned vcpu, unsigned hwirq)
{
	for (unsigned n = 0; n < WIRES; n++) {
		struct wire *wire = &m->wires[n];

		if (wire->mapped && wire->hwirq == hwirq && (hwirq >= 32 || wire->vcpu == vcpu))
			return wire;
	}
	return NULL;
}

static struct wire *hooked(struct machine *m, unsigned vcpu, struct hwirq irq)
{
	struct wire *wire;

	check_hook(m, vcpu);
	require(irq.intid >= 32 || m->actor == (int)vcpu,
		"a private interrupt's hook is called away from its CPU");
	wire = wire_of(m, vcpu, irq.intid);
	require(wire, "a hook is called for a physical interrupt that is not mapped");
	return wire;
}

static void hook_kick(void *host, unsigned vcpu)
{
	struct machine *m = host;

	check_hook(m, vcpu);
	if (m->actor == (int)vcpu && m->vcpu[vcpu].where != BLOCKED)
		return;
	m->vcpu[vcpu].kicked = true;
}

static void hook_set_active(void *host, unsigned vcpu, struct hwirq irq, bool active)
{
	hooked(host, vcpu, irq)->active = active;
	SAY("      physical %u active %d\n", irq.intid, active);
}

static void hook_clear_pending(void *host, unsigned vcpu, struct hwirq irq)
{
	hooked(host, vcpu, irq)->latch = false;
}

static bool hook_line(void *host, unsigned vcpu, struct hwirq irq)
{
	return hooked(host, vcpu, irq)->line;
}

static void hook_route(void *host, struct hwirq irq, unsigned vcpu)
{
	require(irq.intid >= 32, "a private interrupt is routed");
	hooked(host, vcpu, irq);
}

static void hook_ended(void *host, unsigned vcpu, virq_t virq)
{
	check_hook(host, vcpu);
	require(virq >= 16, "the end of an SGI is told");
}

static bool hook_guest_read(void *host, uint64_t at, void *to, size_t bytes)
{
	return ram_read(host, at, to, bytes);
}

static bool hook_guest_write(void *host, uint64_t at, const void *from, size_t bytes)
{
	return ram_write(host, at, from, bytes);
}

static void hook_lpi_invalidated(void *host, unsigned vcpu, virq_t lpi)
{
	check_hook(host, vcpu);
	its_invalidated(host, vcpu, lpi);
}

/* A guest's deactivation with HW = 1. */
static void deactivated(void *host, unsigned vcpu, unsigned intid)
{
	struct wire *wire = wire_of(host, vcpu, intid);

	require(wire, "a guest deactivates a physical interrupt that is not mapped");
	wire->active = false;
	SAY("      physical %u deactivated\n", intid);
}

/* --- Entry and exit --------------------------------------------------------------------------- */

struct gic_cpuif *host_image(struct machine *m, unsigned v)
{
	return is_soft(m) ? NULL : &m->vcpu[v].image;
}

/* The active priorities, or, if the embedder does not read them, nonsense. */
static void read_aprs(struct vcpu *vcpu, bool aprs)
{
	for (unsigned n = 0; n < 4; n++) {
		vcpu->image.ap0r[n] = aprs ? vcpu->hw.apr[0][n] : 0x5a5a5a5a;
		vcpu->image.ap1r[n] = aprs ? vcpu->hw.apr[1][n] : 0xa5a5a5a5;
	}
	vcpu->aprs = aprs;
}

static void read_image(struct machine *m, struct vcpu *vcpu, bool aprs)
{
	for (unsigned n = 0; n < m->config.lrs; n++) {
		uint64_t lr = vcpu->hw.lr[n];

		if (vcpu->image.live >> n & 1)
			vcpu->image.lr[n] = is_v2(m) ? lr_to_gich(lr) : lr;
	}
	vcpu->image.hcr = vcpu->hw.hcr;
	vcpu->image.vmcr = vcpu->hw.vmcr;
	read_aprs(vcpu, aprs || vcpu->image.read_apr);
}

void host_exit(struct machine *m, unsigned v, bool aprs)
{
	struct vcpu *vcpu = &m->vcpu[v];

	if (vcpu->where == UNLOADED)
		return;
	SAY("    %u: exit\n", v);
	if (vcpu->where == GUEST && !is_soft(m))
		read_image(m, vcpu, aprs);
	host_begin(m, (int)v);
	vgic_exit(vcpu->cpu, host_image(m, v));
	host_end(m);
	vcpu->where = OUTSIDE;
	vcpu->kicked = false;
}

static void check_entry(struct machine *m, unsigned v)
{
	const struct vcpu *vcpu = &m->vcpu[v];
	uint32_t hcr = vcpu->hw.hcr;

	for (unsigned n = 0; n < m->config.lrs; n++) {
		uint64_t lr = vcpu->image.lr[n];
		bool live = vcpu->image.live >> n & 1;

		require(!live || vcpu->hw.lr[n] == (is_v2(m) ? lr_from_gich((uint32_t)lr) : lr),
			"a list register is live, not as hardware has it, not changed");
		require(live || lr_state(vcpu->hw.lr[n]) == LR_INVALID,
			"a list register holds something and is not live");
	}
	require(!((hcr ^ vcpu->image.hcr) & ~HCR_EOICOUNT), "ICH_HCR is not what was asked for");
	require(!(hcr & HCR_EOICOUNT), "entered with an EOIcount");
	require(hcr & HCR_EN, "entered without En");
	require(!is_v2(m) || !(hcr & 0x07ffff00), "reserved bits of GICH_HCR");
	require(!cpuif_misr(&vcpu->hw), "entered with a maintenance interrupt standing");
}

static void write_back(struct machine *m, unsigned v)
{
	struct vcpu *vcpu = &m->vcpu[v];

	vcpu->where = GUEST;
	if (is_soft(m))
		return;
	require(!((vcpu->image.changed | vcpu->image.live) >> m->config.lrs),
		"list registers that do not exist");
	for (unsigned n = 0; n < m->config.lrs; n++) {
		uint64_t lr = vcpu->image.lr[n];

		if (!(vcpu->image.changed >> n & 1))
			continue;
		vcpu->hw.lr[n] = is_v2(m) ? lr_from_gich((uint32_t)lr) : lr;
		SAY("      LR%u = %#llx\n", n, (unsigned long long)vcpu->hw.lr[n]);
	}
	if (vcpu->image.hcr_changed)
		vcpu->hw.hcr = vcpu->image.hcr;
	check_lrs(m, v);
}

/* Somebody else is still in his guest, and was told to come out, or will by his own access. */
static bool somebody_was_told(const struct machine *m, unsigned but)
{
	for (unsigned v = 0; v < m->config.vcpus; v++)
		if (v != but && m->vcpu[v].where == GUEST &&
		    (m->vcpu[v].kicked || m->vcpu[v].waiting))
			return true;
	return false;
}

void host_enter(struct machine *m, unsigned v)
{
	struct vcpu *vcpu = &m->vcpu[v];

	if (vcpu->where == BLOCKED)
		host_exit(m, v, true);
	if (vcpu->where != OUTSIDE || vcpu->waiting)
		return;
	for (unsigned n = 0; n < ENTRIES; n++) {
		SAY("    %u: enter\n", v);
		host_begin(m, (int)v);
		vgic_enter(vcpu->cpu, host_image(m, v));
		host_end(m);
		vcpu->kicked = false;
		write_back(m, v);
		if (!is_soft(m))
			check_entry(m, v);
		if (!vgic_attention(vcpu->cpu)) {
			check_entered(m, v);
			return;
		}
		host_exit(m, v, false);
	}
	require(somebody_was_told(m, v), "attention stays after enter, and nobody else was kicked");
}

/*
 * What hardware may decide either way: which of two groups with one priority comes first, if that
 * makes a difference; a running priority below today's binary point (4.8.6).
 */
static bool preemption_is_clear(const struct cpuif *hw)
{
	unsigned mask[2] = { 0xffu << ((hw->vmcr >> 21 & 7) + 1), 0xffu << (hw->vmcr >> 18 & 7) };
	unsigned running = cpuif_rpr(hw);

	if (hw->vmcr & 1 << 4)
		mask[1] = mask[0];
	if (running != CPUIF_IDLE && (running & ~(mask[0] & mask[1])))
		return false;
	return (hw->vmcr & 3) != 3 || mask[0] == mask[1];
}

/* Of a vCPU that is outside. */
bool host_pending(struct machine *m, unsigned v)
{
	bool pending;

	host_begin(m, (int)v);
	pending = vgic_pending(m->vgic, v);
	host_end(m);
	return pending;
}

/* Out and in again. Who would have been woken gets an interrupt, and nobody else. */
void host_bounce(struct machine *m, unsigned v)
{
	struct vcpu *vcpu = &m->vcpu[v];
	bool pending, known = vcpu->where == GUEST;

	if (vcpu->waiting)
		return;
	host_exit(m, v, true);
	if (vcpu->where != OUTSIDE)
		return;
	pending = host_pending(m, v);
	host_enter(m, v);
	if (vcpu->where != GUEST || !known || (is_v2(m) && vcpu->odd))
		return;
	SAY("    %u: pending %d\n", v, pending);
	if (is_soft(m)) {
		host_begin(m, (int)v);
		require(!vgic_signals(vcpu->cpu) == !pending,
			"vgic_pending() is not what is signalled");
		host_end(m);
	} else if (preemption_is_clear(&vcpu->hw)) {
		require(cpuif_signals(&vcpu->hw) == pending,
			"vgic_pending() is not what hardware signals");
	}
}

/* The short way. True: it was enough. */
static bool refill(struct machine *m, unsigned v)
{
	struct vcpu *vcpu = &m->vcpu[v];
	uint32_t empty = 0;
	bool enough;

	for (unsigned n = 0; n < m->config.lrs; n++)
		if (lr_state(vcpu->hw.lr[n]) == LR_INVALID && !lr_ended(vcpu->hw.lr[n]))
			empty |= 1u << n;
	host_begin(m, (int)v);
	enough = vgic_refill(vcpu->cpu, &vcpu->image, empty);
	host_end(m);
	SAY("    %u: refill: %d\n", v, enough);
	if (!enough)
		return false;
	require(!(vcpu->image.changed & ~empty), "refill overwrites a list register");
	write_back(m, v);
	return !vgic_attention(vcpu->cpu);
}

/* On the way back into the guest: the header's loop. */
void host_back(struct machine *m, unsigned v)
{
	struct vcpu *vcpu = &m->vcpu[v];

	if (vcpu->where != GUEST || vcpu->waiting)
		return;
	vcpu->kicked = false;
	if (!vgic_attention(vcpu->cpu) || (m->refill && !is_soft(m) && refill(m, v)))
		return;
	host_exit(m, v, false);
	host_enter(m, v);
}

/* The host interrupt, or wake-up, of a kick. */
void host_serve(struct machine *m, unsigned v)
{
	struct vcpu *vcpu = &m->vcpu[v];

	if (!vcpu->kicked)
		return;
	vcpu->kicked = false;
	if (vcpu->where == UNLOADED)
		host_load(m, v);
	else if (vcpu->where == GUEST && !vcpu->waiting)
		host_back(m, v);
	else
		host_exit(m, v, false);
}

void host_maintenance(struct machine *m, unsigned v)
{
	struct vcpu *vcpu = &m->vcpu[v];

	if (vcpu->where != GUEST || vcpu->waiting || is_soft(m) || !cpuif_misr(&vcpu->hw))
		return;
	SAY("    %u: maintenance %#x\n", v, cpuif_misr(&vcpu->hw));
	vgic_maintenance(vcpu->cpu);
	host_back(m, v);
}

/* --- Scheduling ------------------------------------------------------------------------------- */

/* A descheduled vCPU's private level devices are watched by the host itself. */
static void watch(struct machine *m, const struct wire *wire)
{
	host_begin(m, -1);
	vgic_set_line(m->vgic, wire->vcpu, wire->virq, wire->line);
	host_end(m);
}

static bool is_watched(const struct machine *m, const struct wire *wire)
{
	return wire->hwirq < 32 && (wire->how & VGIC_HWIRQ_LEVEL) &&
	       m->vcpu[wire->vcpu].where == UNLOADED;
}

/* The host looks at the private level devices of a vCPU that is not loaded. */
void host_watch(struct machine *m, unsigned v)
{
	for (unsigned n = 0; n < WIRES; n++)
		if (m->wires[n].mapped && m->wires[n].vcpu == v && is_watched(m, &m->wires[n]))
			watch(m, &m->wires[n]);
}

/* The image, or (after a restore or a reset) what the library kept, to hardware. */
static void load_cpuif(struct machine *m, unsigned v)
{
	struct vcpu *vcpu = &m->vcpu[v];
	unsigned words = is_v2(m) ? 1 : 1u << (m->config.preemption_bits - 5);
	bool restore = vcpu->restore;

	vcpu->restore = false;
	if (restore) {
		host_begin(m, (int)v);
		vgic_cpuif_restore(vcpu->cpu, host_image(m, v));
		host_end(m);
	}
	if (is_soft(m))
		return;
	cpuif_set_vmcr(&vcpu->hw, vcpu->image.vmcr);
	require(!restore || vcpu->hw.vmcr == vcpu->image.vmcr,
		"controls that hardware does not have like this");
	for (unsigned n = 0; n < 4; n++) {
		require(n < words || !(vcpu->image.ap0r[n] | vcpu->image.ap1r[n]),
			"active priorities that do not exist");
		vcpu->hw.apr[0][n] = vcpu->image.ap0r[n];
		vcpu->hw.apr[1][n] = vcpu->image.ap1r[n];
	}
}

void host_load_on(struct machine *m, unsigned v, unsigned n)
{
	struct vcpu *vcpu = &m->vcpu[v];
	const struct left *left = &m->left[n % VCPUS];
	struct vgic_cpu *cpu;

	host_begin(m, (int)v);
	cpu = vgic_load(m->vgic, v);
	host_end(m);
	require(!cpu == (vcpu->where != UNLOADED), "load of what is loaded, or the reverse");
	require(!vgic_load(m->vgic, m->config.vcpus), "load of a vCPU that does not exist");
	if (!cpu)
		return;
	SAY("    %u: load on %u\n", v, n % VCPUS);
	vcpu->cpu = cpu;
	vcpu->where = OUTSIDE;
	vcpu->kicked = false;
	memcpy(vcpu->hw.lr, left->lr, sizeof(left->lr));
	vcpu->hw.hcr = left->hcr;
	vcpu->pcpu = n % VCPUS;
	load_cpuif(m, v);
}

void host_load(struct machine *m, unsigned v)
{
	host_load_on(m, v, m->next_cpu++);
}

void host_put(struct machine *m, unsigned v)
{
	struct vcpu *vcpu = &m->vcpu[v];

	if (vcpu->where != OUTSIDE)
		host_exit(m, v, true);
	if (vcpu->where != OUTSIDE)
		return;
	SAY("    %u: put\n", v);
	vcpu->image.vmcr = vcpu->hw.vmcr;
	read_aprs(vcpu, true);
	host_begin(m, (int)v);
	vgic_put(vcpu->cpu, host_image(m, v));
	host_end(m);
	vcpu->where = UNLOADED;
	vcpu->cpu = NULL;
	vcpu->kicked = false;
	memcpy(m->left[vcpu->pcpu].lr, vcpu->hw.lr, sizeof(vcpu->hw.lr));
	m->left[vcpu->pcpu].hcr = vcpu->hw.hcr;
	for (unsigned n = 0; n < WIRES; n++)
		if (m->wires[n].mapped && m->wires[n].hwirq < 32 && m->wires[n].vcpu == v)
			require(!m->wires[n].active, "put leaves a private interrupt active");
	host_watch(m, v);
	/* What came in before this kicked a vCPU that was outside. */
	host_begin(m, -1);
	vcpu->kicked |= vgic_pending(m->vgic, v);
	host_end(m);
}

/* `virq`, if not 0, comes in at the last moment. */
void host_block(struct machine *m, unsigned v, virq_t virq)
{
	struct vcpu *vcpu = &m->vcpu[v];
	bool asleep;

	if (vcpu->waiting || vcpu->where == BLOCKED || vcpu->where == UNLOADED)
		return;
	if (vcpu->where == OUTSIDE && !vcpu->aprs && !is_soft(m))
		return;
	host_exit(m, v, true);
	host_begin(m, (int)v);
	if (vgic_pending(m->vgic, v)) {
		host_end(m);
		return;
	}
	host_end(m);
	if (virq)
		host_raise(m, v, v, virq, true, true, false);
	host_begin(m, (int)v);
	asleep = vgic_block(vcpu->cpu);
	host_end(m);
	SAY("    %u: block: %d\n", v, asleep);
	require(asleep || virq, "vgic_block() refuses and nothing came in");
	if (asleep)
		vcpu->where = BLOCKED;
}

void host_reset(struct machine *m, unsigned v)
{
	struct vcpu *vcpu = &m->vcpu[v];

	if (vcpu->where != OUTSIDE)
		host_exit(m, v, false);
	if (vcpu->where != OUTSIDE)
		return;
	SAY("    %u: reset of the CPU interface\n", v);
	host_begin(m, (int)v);
	vgic_cpuif_reset(vcpu->cpu, host_image(m, v));
	host_end(m);
	vcpu->waiting = false;
	vcpu->agains = 0;
	vcpu->n_acks = 0;
	vcpu->aprs = true;
	if (is_soft(m))
		return;
	cpuif_set_vmcr(&vcpu->hw, vcpu->image.vmcr);
	vcpu->hw.hcr = vcpu->image.hcr;
	memcpy(vcpu->hw.apr[0], vcpu->image.ap0r, sizeof(vcpu->image.ap0r));
	memcpy(vcpu->hw.apr[1], vcpu->image.ap1r, sizeof(vcpu->image.ap1r));
}

void host_look(struct machine *m, unsigned v)
{
	const struct vcpu *vcpu = &m->vcpu[v];
	struct vgic_stats stats;

	require(!vgic_stats(m->vgic, v, &stats), "statistics");
	require(vgic_stats(m->vgic, m->config.vcpus, &stats) == -VIRQ_ERR_RANGE,
		"statistics of none");
	require(vgic_vcpu_of_mpidr(m->vgic, vgic_mpidr(m->vgic, v)) == (int)v, "MPIDR and back");
	if (vcpu->where == GUEST && is_soft(m)) {
		host_begin(m, (int)v);
		require(vgic_signals(vcpu->cpu) < 3, "vgic_signals()");
		host_end(m);
	}
	if (vcpu->where == GUEST || vcpu->where == BLOCKED)
		return;
	host_begin(m, vcpu->where == UNLOADED ? -1 : (int)v);
	vgic_pending(m->vgic, v);
	require(!vgic_pending(m->vgic, m->config.vcpus), "something is pending for no vCPU");
	host_end(m);
}

/* --- Sources ---------------------------------------------------------------------------------- */

void host_raise(struct machine *m, unsigned v, unsigned other, virq_t virq, bool pulse, bool level,
		bool here)
{
	struct vgic_cpu *cpu = m->vcpu[v].cpu;

	here = here && !m->vcpu[v].waiting &&
	       (m->vcpu[v].where == GUEST || m->vcpu[v].where == OUTSIDE);
	SAY("    %s %u of %u, level %d%s\n", pulse ? "pulse" : "line", virq, other, level,
	    here ? ", here" : "");
	host_begin(m, here ? (int)v : -1);
	if (here)
		pulse ? vgic_pulse_here(cpu, other, virq)
		      : vgic_set_line_here(cpu, other, virq, level);
	else
		pulse ? vgic_pulse(m->vgic, other, virq)
		      : vgic_set_line(m->vgic, other, virq, level);
	host_end(m);
	if (here)
		host_back(m, v);
}

void host_device(struct machine *m, struct wire *wire, bool level)
{
	SAY("    device of %u: %d\n", wire->virq, level);
	if (!(wire->how & VGIC_HWIRQ_LEVEL)) {
		wire->latch |= level;
		if (!level && m->lines)
			host_raise(m, 0, wire->vcpu, wire->virq, false, false, false);
		return;
	}
	wire->line = level;
	if (is_watched(m, wire))
		watch(m, wire);
}

/* The host takes the physical interrupt: priority drop, and it stays active for the guest. */
void host_take(struct machine *m, struct wire *wire)
{
	bool level = wire->how & VGIC_HWIRQ_LEVEL, is_private = wire->hwirq < 32;

	if (wire->active || !(level ? wire->line : wire->latch) ||
	    (is_private && m->vcpu[wire->vcpu].where == UNLOADED))
		return;
	SAY("    takes physical %u\n", wire->hwirq);
	wire->active = true;
	wire->latch = false;
	host_raise(m, wire->vcpu, wire->vcpu, wire->virq, !level && !m->lines, true, is_private);
}

/* The guest's driver has its device withdraw the interrupt, and what a message may have raised. */
void host_silence(struct machine *m, unsigned v, virq_t virq)
{
	for (unsigned n = 0; n < WIRES; n++) {
		struct wire *wire = &m->wires[n];

		if (wire->mapped && wire->virq == virq && (wire->hwirq >= 32 || wire->vcpu == v)) {
			wire->latch = false;
			host_device(m, wire, false);
		}
	}
	if (virq >= 16)
		host_raise(m, v, v, virq, false, false, false);
}

void host_notify(struct machine *m, unsigned v, virq_t virq, bool on)
{
	int result;

	SAY("    notify of %u: %d\n", virq, on);
	host_begin(m, -1);
	result = vgic_notify_end(m->vgic, v, virq, on);
	host_end(m);
	require(virq >= 16 ? result != -VIRQ_ERR_KIND : result == -VIRQ_ERR_KIND,
		"vgic_notify_end() of an SGI, or of none");
}

/* --- Accesses --------------------------------------------------------------------------------- */

static enum vgic_result present(struct machine *m, unsigned v)
{
	const struct trap *a = &m->vcpu[v].access;
	struct vgic_cpu *cpu = m->vcpu[v].cpu;
	enum vgic_result result;
	uint64_t read = 0;

	host_begin(m, (int)v);
	switch (a->region) {
	case DIST:
		result = a->write ? vgic_dist_write(cpu, a->offset, a->bytes, a->value)
				  : vgic_dist_read(cpu, a->offset, a->bytes, &read);
		break;
	case REDIST:
		result = a->write ? vgic_redist_write(cpu, a->offset, a->bytes, a->value)
				  : vgic_redist_read(cpu, a->offset, a->bytes, &read);
		break;
	case GICC:
		result = a->write ? vgic_cpuif_write(cpu, a->offset, a->bytes, a->value)
				  : vgic_cpuif_read(cpu, a->offset, a->bytes, &read);
		break;
	case ITS:
		result = a->write ? vits_write(m->its[a->its].vits, cpu, a->offset, a->bytes,
					       a->value)
				  : vits_read(m->its[a->its].vits, cpu, a->offset, a->bytes, &read);
		break;
	default:
		result = a->write ? vgic_sysreg_write(cpu, a->offset, a->value)
				  : vgic_sysreg_read(cpu, a->offset, &read);
	}
	host_end(m);
	SAY("    %u: %s region %d at %#x, %u bytes, %#llx: %d\n", v, a->write ? "write" : "read",
	    a->region, a->offset, a->bytes, (unsigned long long)(a->write ? a->value : read),
	    result);
	require(result != VGIC_UNDEFINED || a->region == SYSREG, "a frame is undefined");
	require(result == VGIC_AGAIN || a->region == SYSREG || a->bytes == 8 ||
			read >> 8 * a->bytes == 0,
		"a read gives more than its width");
	if (result == VGIC_DONE && a->region == ITS && a->write && a->offset == GITS_CWRITER &&
	    a->bytes == 8)
		its_check_done(&m->its[a->its]);
	if (result == VGIC_DONE && (a->region == SYSREG || a->region == GICC) && !a->write &&
	    m->vcpu[v].n_acks < ACKS && read < VGIC_LPI_BASE + vgic_lpis(m->vgic) &&
	    !is_special(is_v2(m) ? read & 0x3ff : (unsigned)read))
		m->vcpu[v].acks[m->vcpu[v].n_acks++] = (unsigned)read;
	return result;
}

static void attempt(struct machine *m, unsigned v, bool served)
{
	struct vcpu *vcpu = &m->vcpu[v];

	if (present(m, v) == VGIC_AGAIN) {
		require(!served || somebody_was_told(m, v) ||
				(m->config.lpi_bits && ++vcpu->agains < SLICES),
			"AGAIN after exit, and nobody else was kicked");
		return;
	}
	vcpu->waiting = false;
	vcpu->agains = 0;
	if (vcpu->where == GUEST && is_soft(m)) {
		host_begin(m, (int)v);
		vgic_signals(vcpu->cpu);
		host_end(m);
	}
	host_back(m, v);
}

void host_access(struct machine *m, unsigned v, struct trap access)
{
	struct vcpu *vcpu = &m->vcpu[v];

	if (vcpu->waiting || (vcpu->where != GUEST && vcpu->where != OUTSIDE))
		return;
	vcpu->access = access;
	vcpu->waiting = true;
	attempt(m, v, false);
}

void host_retry(struct machine *m, unsigned v)
{
	struct vcpu *vcpu = &m->vcpu[v];

	if (!vcpu->waiting || vcpu->where == UNLOADED)
		return;
	host_exit(m, v, false);
	attempt(m, v, true);
}

/* The guest takes an interrupt first, and perhaps does the access again later. */
void host_abandon(struct machine *m, unsigned v)
{
	struct vcpu *vcpu = &m->vcpu[v];

	if (!vcpu->waiting || vcpu->where == UNLOADED)
		return;
	SAY("    %u: abandons its access\n", v);
	host_exit(m, v, false);
	vcpu->waiting = false;
	vcpu->agains = 0;
	host_enter(m, v);
}

/* --- Rest ------------------------------------------------------------------------------------- */

static bool is_busy(const struct machine *m)
{
	for (unsigned v = 0; v < m->config.vcpus; v++) {
		const struct vcpu *vcpu = &m->vcpu[v];

		if (vcpu->kicked || (vcpu->waiting && vcpu->where != UNLOADED) ||
		    (vcpu->cpu && vcpu->where != BLOCKED && vgic_attention(vcpu->cpu)) ||
		    (vcpu->where == GUEST && !is_soft(m) && cpuif_misr(&vcpu->hw)))
			return true;
	}
	return false;
}

/* Everybody serves what he is asked for, until nobody is asked for anything: that comes to an end. */
void host_settle(struct machine *m)
{
	unsigned rounds = m->config.lpi_bits ? SLICES : ROUNDS, round, v;

	for (round = 0; round < rounds && is_busy(m); round++)
		for (v = 0; v < m->config.vcpus; v++) {
			host_serve(m, v);
			host_maintenance(m, v);
			host_retry(m, v);
			if (m->vcpu[v].where == OUTSIDE)
				host_enter(m, v);
		}
	require(!is_busy(m), "no rest although everybody is served");
}

/* That, and everybody out once. */
void host_rest(struct machine *m)
{
	unsigned v;

	SAY("  rest\n");
	host_settle(m);
	/* What one finds to be another's goes there, and perhaps on from there. */
	for (v = 0; v < 4u * m->config.vcpus; v++)
		host_exit(m, v % m->config.vcpus, true);
	check_rest(m);
	for (v = 0; v < m->config.vcpus; v++)
		host_enter(m, v);
}

/* --- Set-up ----------------------------------------------------------------------------------- */

static void map(struct machine *m, struct wire *wire, unsigned vcpu, virq_t virq, unsigned hwirq,
		unsigned how)
{
	const struct hwirq irq = { (uint16_t)hwirq };

	*wire = (struct wire){ .line = wire->line,
			       .latch = wire->latch,
			       .vcpu = vcpu,
			       .virq = virq,
			       .hwirq = hwirq,
			       .how = how };
	if (vgic_map_hwirq(m->vgic, vcpu, virq, irq, how)) {
		wire->hwirq = 0; /* there is no such interrupt */
		return;
	}
	wire->mapped = true;
	require(vgic_map_hwirq(m->vgic, vcpu, virq, irq, how) == -VIRQ_ERR_BUSY, "mapped twice");
}

static void map_all(struct machine *m, unsigned mapped, unsigned soft)
{
	struct wire *wire = m->wires;

	for (unsigned v = 0; v < VCPUS; v++, wire += PRIVATE_WIRES) {
		if (!mapped || v >= m->config.vcpus)
			continue;
		map(m, &wire[0], v, 27, 27, VGIC_HWIRQ_LEVEL);
		map(m, &wire[1], v, 22, 20, 0);
		map(m, &wire[2], v, 1058, 30, VGIC_HWIRQ_LEVEL);
		map(m, &wire[3], v, 26, 26, VGIC_HWIRQ_LEVEL | (soft ? VGIC_HWIRQ_SOFT : 0));
	}
	for (unsigned n = 0; n < mapped && n < SHARED_WIRES; n++)
		map(m, &wire[n], 0, n < 6 ? 32 + n : 4096 + n - 6, n < 6 ? 100 + n : 4200 + n,
		    (n & 1 ? VGIC_HWIRQ_LEVEL : 0) | (soft >> n & 1 ? VGIC_HWIRQ_SOFT : 0));
	require(vgic_map_hwirq(m->vgic, 0, 3, (struct hwirq){ 40 }, 0) == -VIRQ_ERR_KIND,
		"an SGI is mapped");
	require(vgic_map_hwirq(m->vgic, 0, 31, (struct hwirq){ 15 }, 0) == -VIRQ_ERR_RANGE,
		"a physical SGI is mapped");
}

static const struct vgic_port port = {
	.kick = hook_kick,
	.hwirq_set_active = hook_set_active,
	.hwirq_clear_pending = hook_clear_pending,
	.hwirq_line = hook_line,
	.hwirq_route = hook_route,
	.ended = hook_ended,
	.guest_read = hook_guest_read,
	.guest_write = hook_guest_write,
	.lpi_invalidated = hook_lpi_invalidated,
};

/* In fresh memory, with its mappings; the physical CPUs start anew. */
void host_build(struct machine *m)
{
	size_t size = (vgic_size(&m->config) + 63) / 64 * 64;

	m->memory = aligned_alloc(64, size);
	memset(m->memory, 0x5a, size);
	require(vgic_init(&m->vgic, m->memory, vgic_size(&m->config) - 1, &m->config, &port, m) ==
			-VIRQ_ERR_MEMORY,
		"too little memory is enough");
	host_begin(m, -1);
	require(!vgic_init(&m->vgic, m->memory, size, &m->config, &port, m), "init fails");
	map_all(m, m->mapped, m->soft);
	host_end(m);
	its_build(m);
	check_init(m);
	memset(m->left, 0, sizeof(m->left));
	for (unsigned v = 0; v < m->config.vcpus; v++) {
		struct vcpu *vcpu = &m->vcpu[v];
		const struct cpuif_manners manners = vcpu->hw.manners;

		cpuif_init(&vcpu->hw, m->config.version, m->config.lrs, m->config.priority_bits,
			   m->config.preemption_bits);
		vcpu->hw.manners = manners;
		vcpu->hw.deactivate = deactivated;
		vcpu->hw.host = m;
		vcpu->hw.vcpu = v;
		vcpu->image = (struct gic_cpuif){ 0 };
	}
}

/* False: the library refuses the configuration. */
bool host_init(struct machine *m, unsigned mapped, unsigned soft)
{
	size_t size = vgic_size(&m->config);
	const char *why = NULL;

	require(!size == !!vgic_check(&m->config, &why) && !size == !!why,
		"vgic_check() and vgic_size() do not agree");
	if (!size || m->config.vcpus > VCPUS) {
		require(size || vgic_init(&m->vgic, m, 0, &m->config, &port, m) == -VIRQ_ERR_CONFIG,
			"what vgic_check() refuses is built");
		return false;
	}
	m->mapped = mapped;
	m->soft = soft;
	host_build(m);
	for (unsigned v = 0; v < m->config.vcpus; v++)
		host_load(m, v);
	return true;
}

void host_free(struct machine *m)
{
	free(m->memory);
	free(m->seen);
	free(m->state);
	its_free(m);
}
