/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * libFuzzer's target: bytes are a machine (vCPUs, SPIs, list registers) and what a hostile guest, its
 * devices and a scheduler do to it. Nothing is compared with a model; what may not happen is a crash,
 * a hook in the wrong place, list registers that Arm IHI 0069 12.5.9 forbids, one interrupt in two
 * of them, AGAIN without end. The guest leaves its list registers in any state that a virtual CPU
 * interface can bring about, whatever ICC_EOIR and ICC_DIR it has written.
 */
#include <carillon/vgic.h>

#include "cpuif.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VCPUS    4
#define PATIENCE 6 /* rounds in which everybody serves his kicks */

enum where { UNLOADED, OUTSIDE, GUEST, BLOCKED };

struct machine {
	struct vgic *vgic;
	void *memory;
	struct vgic_config config;
	struct vcpu {
		enum where where;
		bool kicked;
		struct vgic_cpu *cpu;
		struct gic_cpuif image;
		struct cpuif hw;
	} vcpu[VCPUS];
	int actor; /* the vCPU whose owner function runs, or -1 */
	bool in_library;
	unsigned hooks; /* calls in this operation */
};

struct input {
	const uint8_t *at, *end;
};

/* FUZZ_TRACE=1: what an input does, step by step. */
static bool trace;

static void require(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "fuzz: %s\n", what);
	abort();
}

static uint64_t take(struct input *in, unsigned bytes)
{
	uint64_t value = 0;

	for (; bytes && in->at < in->end; bytes--)
		value = value << 8 | *in->at++;
	return value;
}

/* --- Hooks ------------------------------------------------------------------------------------ */

static void check_hook(struct machine *m, unsigned vcpu, unsigned hwirq)
{
	require(m->in_library, "a hook is called outside the library");
	require(vcpu < m->config.vcpus, "a hook is called for a vCPU that does not exist");
	require(hwirq >= 32 || hwirq == 0 || m->actor == (int)vcpu,
		"a private interrupt's hook is called away from its CPU");
	require(++m->hooks < 100000, "hooks without end");
}

static void hook_kick(void *host, unsigned vcpu)
{
	struct machine *m = host;

	check_hook(m, vcpu, 0);
	m->vcpu[vcpu].kicked = true;
}

static void hook_set_active(void *host, unsigned vcpu, struct hwirq irq, bool active)
{
	(void)active;
	check_hook(host, vcpu, irq.intid);
}

static void hook_clear_pending(void *host, unsigned vcpu, struct hwirq irq)
{
	check_hook(host, vcpu, irq.intid);
}

static bool hook_line(void *host, unsigned vcpu, struct hwirq irq)
{
	check_hook(host, vcpu, irq.intid);
	return (((struct machine *)host)->hooks & 3) == 0;
}

static void hook_route(void *host, struct hwirq irq, unsigned vcpu)
{
	require(irq.intid >= 32, "a private interrupt is routed");
	check_hook(host, vcpu, irq.intid);
}

static void begin(struct machine *m, int actor)
{
	m->actor = actor;
	m->in_library = true;
	m->hooks = 0;
}

static void end(struct machine *m)
{
	m->actor = -1;
	m->in_library = false;
}

/* --- Entry and exit --------------------------------------------------------------------------- */

static void do_exit(struct machine *m, unsigned v)
{
	struct vcpu *vcpu = &m->vcpu[v];
	unsigned n;

	if (vcpu->where == UNLOADED)
		return;
	for (n = 0; vcpu->where == GUEST && n < m->config.lrs; n++)
		if (vcpu->image.live >> n & 1)
			vcpu->image.lr[n] = vcpu->hw.lr[n];
	if (vcpu->where == GUEST) {
		vcpu->image.hcr = vcpu->hw.hcr;
		vcpu->image.vmcr = vcpu->hw.vmcr;
		memcpy(vcpu->image.ap0r, vcpu->hw.apr[0], sizeof(vcpu->image.ap0r));
		memcpy(vcpu->image.ap1r, vcpu->hw.apr[1], sizeof(vcpu->image.ap1r));
	}
	begin(m, (int)v);
	vgic_exit(vcpu->cpu, &vcpu->image);
	end(m);
	vcpu->where = OUTSIDE;
	vcpu->kicked = false;
}

static void check_lr(struct machine *m, unsigned v, unsigned n)
{
	uint64_t lr = m->vcpu[v].hw.lr[n];
	unsigned u, i;

	if (lr_state(lr) == LR_INVALID)
		return;
	require(!lr_fault(&m->vcpu[v].hw, lr), "a list register that the architecture forbids");
	require(lr_vintid(lr) < 32u + m->config.spis, "a list register with an unknown vINTID");
	require(m->vcpu[v].image.live >> n & 1, "a list register holds something and is not live");
	for (u = 0; u < m->config.vcpus; u++) {
		if (m->vcpu[u].where != GUEST || (u != v && lr_vintid(lr) < 32))
			continue;
		for (i = 0; i < m->config.lrs; i++)
			require((u == v && i == n) || lr_state(m->vcpu[u].hw.lr[i]) == LR_INVALID ||
					lr_vintid(m->vcpu[u].hw.lr[i]) != lr_vintid(lr),
				"one interrupt in two list registers");
	}
}

static void written_back(struct machine *m, unsigned v)
{
	struct vcpu *vcpu = &m->vcpu[v];
	unsigned n;

	require(!((vcpu->image.changed | vcpu->image.live) >> m->config.lrs),
		"list registers that do not exist");
	for (n = 0; n < m->config.lrs; n++)
		if (vcpu->image.changed >> n & 1)
			vcpu->hw.lr[n] = vcpu->image.lr[n];
	if (vcpu->image.hcr_changed)
		vcpu->hw.hcr = vcpu->image.hcr;
	vcpu->where = GUEST;
	for (n = 0; n < m->config.lrs; n++)
		check_lr(m, v, n);
}

static void do_enter(struct machine *m, unsigned v)
{
	struct vcpu *vcpu = &m->vcpu[v];

	if (vcpu->where == BLOCKED)
		do_exit(m, v);
	if (vcpu->where != OUTSIDE)
		return;
	begin(m, (int)v);
	vgic_enter(vcpu->cpu, &vcpu->image);
	end(m);
	vcpu->kicked = false;
	written_back(m, v);
	require(!cpuif_misr(&vcpu->hw), "entered with a maintenance interrupt standing");
	require(!vgic_attention(vcpu->cpu), "attention right after enter");
}

static void do_refill(struct machine *m, unsigned v)
{
	struct vcpu *vcpu = &m->vcpu[v];
	uint32_t empty = 0;
	unsigned n;
	bool enough;

	if (vcpu->where != GUEST || !vgic_attention(vcpu->cpu))
		return;
	for (n = 0; n < m->config.lrs; n++)
		if (lr_state(vcpu->hw.lr[n]) == LR_INVALID &&
		    (lr_hw(vcpu->hw.lr[n]) || !(vcpu->hw.lr[n] >> 41 & 1)))
			empty |= 1u << n;
	begin(m, (int)v);
	enough = vgic_refill(vcpu->cpu, &vcpu->image, empty);
	end(m);
	if (enough) {
		require(!(vcpu->image.changed & ~empty), "refill overwrites a list register");
		written_back(m, v);
		return;
	}
	do_exit(m, v);
	do_enter(m, v);
}

/* Serve the kick; a vCPU that is not loaded gets a CPU. */
static void serve(struct machine *m, unsigned v)
{
	struct vcpu *vcpu = &m->vcpu[v];

	if (!vcpu->kicked)
		return;
	vcpu->kicked = false;
	if (vcpu->where == GUEST && vgic_attention(vcpu->cpu)) {
		do_exit(m, v);
		do_enter(m, v);
	} else if (vcpu->where == BLOCKED) {
		do_exit(m, v);
	}
}

/* --- Operations ------------------------------------------------------------------------------- */

static enum vgic_result present(struct machine *m, unsigned v, unsigned kind, uint32_t offset,
				unsigned bytes, uint64_t value)
{
	struct vgic_cpu *cpu = m->vcpu[v].cpu;
	enum vgic_result result;
	uint64_t read = 0;

	begin(m, (int)v);
	switch (kind) {
	case 0:
		result = vgic_dist_write(cpu, offset % VGIC_DIST_SIZE, bytes, value);
		break;
	case 1:
		result = vgic_dist_read(cpu, offset % VGIC_DIST_SIZE, bytes, &read);
		break;
	case 2:
		result = vgic_redist_write(cpu, offset, bytes, value);
		break;
	case 3:
		result = vgic_redist_read(cpu, offset, bytes, &read);
		break;
	default:
		result = vgic_sysreg_write(cpu, (enum vgic_sysreg)(kind - 4), value);
	}
	end(m);
	require(result != VGIC_DONE || bytes == 8 || read >> 8 * bytes == 0,
		"a read gives more than its width");
	return result;
}

static void access(struct machine *m, unsigned v, struct input *in)
{
	unsigned kind = (unsigned)take(in, 1) % 8, u, round;
	unsigned bytes = 1u << take(in, 1) % 4;
	uint32_t offset = (uint32_t)take(in, 3);
	uint64_t value = take(in, kind & 1 && kind < 4 ? 0 : 8);

	if (m->vcpu[v].where != GUEST && m->vcpu[v].where != OUTSIDE)
		return;
	if (trace)
		fprintf(stderr, "  kind %u, %u bytes at %#x, %#llx\n", kind, bytes, offset,
			(unsigned long long)value);
	offset %= (m->config.vcpus + 1u) * VGIC_REDIST_STRIDE;
	for (round = 0; present(m, v, kind, offset, bytes, value) == VGIC_AGAIN; round++) {
		require(round < PATIENCE, "AGAIN without end");
		do_exit(m, v);
		for (u = 0; u < m->config.vcpus; u++)
			if (u != v)
				serve(m, u);
	}
	if (m->vcpu[v].where == GUEST && vgic_attention(m->vcpu[v].cpu)) {
		do_exit(m, v);
		do_enter(m, v);
	}
}

/* What the guest did to one list register: acknowledged it, ended it, both, twice. */
static uint64_t guest_moves(uint64_t lr, unsigned how)
{
	static const uint8_t to[4][4] = {
		[LR_INVALID] = { LR_INVALID, LR_INVALID, LR_INVALID, LR_INVALID },
		[LR_PENDING] = { LR_PENDING, LR_ACTIVE, LR_INVALID, LR_ACTIVE },
		[LR_ACTIVE] = { LR_ACTIVE, LR_INVALID, LR_INVALID, LR_ACTIVE },
		[LR_BOTH] = { LR_BOTH, LR_PENDING, LR_ACTIVE, LR_INVALID },
	};

	return (lr & ~(3ull << 62)) | (uint64_t)to[lr_state(lr)][how & 3] << 62;
}

static void guest(struct machine *m, unsigned v, struct input *in)
{
	struct vcpu *vcpu = &m->vcpu[v];
	unsigned n, what = (unsigned)take(in, 1);

	if (vcpu->where != GUEST)
		return;
	if (what & 1)
		for (n = 0; n < m->config.lrs; n++)
			vcpu->hw.lr[n] = guest_moves(vcpu->hw.lr[n], (unsigned)take(in, 1));
	if (what & 2)
		cpuif_set_vmcr(&vcpu->hw, (uint32_t)take(in, 4));
	if (what & 4)
		for (n = 0; n < 4; n++)
			vcpu->hw.apr[n & 1][n / 2] = (uint32_t)take(in, 4);
	if (what & 8)
		vcpu->hw.hcr = (vcpu->hw.hcr & ~HCR_EOICOUNT) | (uint32_t)take(in, 1) << 27;
	if (what & 16)
		cpuif_iar(&vcpu->hw, what >> 5 & 1, NULL);
	if (cpuif_misr(&vcpu->hw)) {
		vgic_maintenance(vcpu->cpu);
		do_exit(m, v);
		do_enter(m, v);
	}
}

static void raise(struct machine *m, unsigned v, struct input *in)
{
	unsigned what = (unsigned)take(in, 1), intid = (unsigned)take(in, 2);
	bool here = what & 4 && (m->vcpu[v].where == GUEST || m->vcpu[v].where == OUTSIDE);

	intid = what & 8 ? intid : intid % (40u + m->config.spis);
	begin(m, here ? (int)v : -1);
	if (here)
		what & 1 ? vgic_pulse_here(m->vcpu[v].cpu, v, intid)
			 : vgic_set_line_here(m->vcpu[v].cpu, v, intid, what >> 1 & 1);
	else
		what & 1 ? vgic_pulse(m->vgic, v + (what >> 7) * VCPUS, intid)
			 : vgic_set_line(m->vgic, v + (what >> 7) * VCPUS, intid, what >> 1 & 1);
	end(m);
	if (here)
		do_refill(m, v);
}

static void do_load(struct machine *m, unsigned v)
{
	struct vcpu *vcpu = &m->vcpu[v];
	struct vgic_cpu *cpu;

	begin(m, (int)v);
	cpu = vgic_load(m->vgic, v);
	end(m);
	require(!cpu == (vcpu->where != UNLOADED), "load of what is loaded, or the reverse");
	if (!cpu)
		return;
	vcpu->cpu = cpu;
	vcpu->where = OUTSIDE;
}

static void do_put(struct machine *m, unsigned v)
{
	struct vcpu *vcpu = &m->vcpu[v];

	do_exit(m, v);
	if (vcpu->where != OUTSIDE)
		return;
	begin(m, (int)v);
	vgic_put(vcpu->cpu, &vcpu->image);
	end(m);
	vcpu->where = UNLOADED;
	vcpu->cpu = NULL;
}

static void do_block(struct machine *m, unsigned v)
{
	struct vcpu *vcpu = &m->vcpu[v];

	do_exit(m, v);
	if (vcpu->where != OUTSIDE)
		return;
	begin(m, (int)v);
	if (!vgic_pending(m->vgic, v) && vgic_block(vcpu->cpu))
		vcpu->where = BLOCKED;
	end(m);
}

static void reset(struct machine *m, unsigned v)
{
	struct vcpu *vcpu = &m->vcpu[v];

	do_exit(m, v);
	if (vcpu->where != OUTSIDE)
		return;
	begin(m, (int)v);
	vgic_cpuif_reset(vcpu->cpu, &vcpu->image);
	end(m);
	cpuif_set_vmcr(&vcpu->hw, vcpu->image.vmcr);
	memset(vcpu->hw.apr, 0, sizeof(vcpu->hw.apr));
	vcpu->hw.hcr = vcpu->image.hcr;
	do_enter(m, v);
}

static void look(struct machine *m, unsigned v)
{
	struct vgic_stats stats;

	vgic_stats(m->vgic, v, &stats);
	require(vgic_vcpu_of_mpidr(m->vgic, vgic_mpidr(m->vgic, v)) == (int)v, "MPIDR and back");
	if (m->vcpu[v].where == GUEST || m->vcpu[v].where == BLOCKED)
		return;
	begin(m, m->vcpu[v].where == UNLOADED ? -1 : (int)v);
	vgic_pending(m->vgic, v);
	end(m);
}

static void trace_machine(const struct machine *m, unsigned operation, unsigned v)
{
	static const char *const names[16] = { "load",   "put",    "block",       "serve kick",
					       "refill", "exit",   "reset, look", "enter",
					       "raise",  "raise",  "guest",       "guest",
					       "access", "access", "access",      "access" };
	static const char *const where[] = { "unloaded", "outside", "guest", "blocked" };
	unsigned u, n;

	for (u = 0; u < m->config.vcpus; u++) {
		const struct vcpu *vcpu = &m->vcpu[u];

		fprintf(stderr, "    %u: %s%s%s HCR %#x VMCR %#x:", u, where[vcpu->where],
			vcpu->kicked ? " kicked" : "",
			vcpu->cpu && vgic_attention(vcpu->cpu) ? " attention" : "", vcpu->hw.hcr,
			vcpu->hw.vmcr);
		for (n = 0; n < m->config.lrs; n++)
			if (vcpu->hw.lr[n])
				fprintf(stderr, " LR%u %#llx", n,
					(unsigned long long)vcpu->hw.lr[n]);
		fprintf(stderr, "\n");
	}
	fprintf(stderr, "vCPU %u: %s\n", v, names[operation]);
}

static void operation(struct machine *m, struct input *in)
{
	unsigned byte = (unsigned)take(in, 1), v = byte % m->config.vcpus;

	if (trace)
		trace_machine(m, byte >> 4, v);
	switch (byte >> 4) {
	case 0:
		do_load(m, v);
		break;
	case 1:
		do_put(m, v);
		break;
	case 2:
		do_block(m, v);
		break;
	case 3:
		serve(m, v);
		break;
	case 4:
		do_refill(m, v);
		break;
	case 5:
		do_exit(m, v);
		break;
	case 6:
		(byte & 15) < 4 ? reset(m, v) : look(m, v);
		break;
	case 7:
		do_enter(m, v);
		break;
	case 8:
	case 9:
		raise(m, v, in);
		break;
	case 10:
	case 11:
		guest(m, v, in);
		break;
	default:
		access(m, v, in);
	}
}

/* --- Set-up ----------------------------------------------------------------------------------- */

static void map_some(struct machine *m, unsigned mapped)
{
	unsigned n, v;

	for (n = 0; n < mapped && n < m->config.spis; n++)
		vgic_map_hwirq(m->vgic, 0, 32 + n, (struct hwirq){ (uint16_t)(100 + n) }, n & 1);
	for (v = 0; mapped && v < m->config.vcpus; v++)
		vgic_map_hwirq(m->vgic, v, 27, (struct hwirq){ 27 }, true);
}

static bool build(struct machine *m, struct input *in)
{
	const struct vgic_port port = {
		.kick = hook_kick,
		.hwirq_set_active = hook_set_active,
		.hwirq_clear_pending = hook_clear_pending,
		.hwirq_line = hook_line,
		.hwirq_route = hook_route,
	};
	unsigned v, mapped;
	size_t size;

	memset(m, 0, sizeof(*m));
	m->config.version = VGIC_V3;
	m->config.vcpus = (uint16_t)(1 + take(in, 1) % VCPUS);
	m->config.spis = (uint16_t)(take(in, 1) % 100);
	m->config.lrs = (uint8_t)(1 + take(in, 1) % 16);
	m->config.preemption_bits = (uint8_t)(5 + take(in, 1) % 3);
	m->config.priority_bits = (uint8_t)(m->config.preemption_bits + take(in, 1) % 2);
	m->config.cluster_bits = (uint8_t)(take(in, 1) % 5);
	mapped = (unsigned)take(in, 1) % 8;
	size = vgic_size(&m->config);
	require(size && !vgic_check(&m->config, NULL), "a valid configuration is refused");
	size = (size + 63) / 64 * 64;
	m->memory = aligned_alloc(64, size);
	memset(m->memory, 0x5a, size);
	begin(m, -1);
	require(!vgic_init(&m->vgic, m->memory, size, &m->config, &port, m), "init fails");
	map_some(m, mapped);
	end(m);
	for (v = 0; v < m->config.vcpus; v++) {
		cpuif_init(&m->vcpu[v].hw, 3, m->config.lrs, m->config.priority_bits,
			   m->config.preemption_bits);
		do_load(m, v);
		present(m, v, 2, v * VGIC_REDIST_STRIDE + 0x14, 4, 0);
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, data + size };
	static struct machine m;

	if (size < 8 || size > 4096)
		return 0;
	trace = getenv("FUZZ_TRACE") != NULL;
	build(&m, &in);
	while (in.at < in.end)
		operation(&m, &in);
	free(m.memory);
	return 0;
}
