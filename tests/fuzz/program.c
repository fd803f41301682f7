/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What the bytes of an input mean: a machine (version, vCPUs, interrupts, list registers), and
 * operations: of a guest, its devices, a scheduler, and whoever has the VM as a whole.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool trace;

unsigned program_take(struct input *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

uint64_t program_take_many(struct input *in, unsigned bytes)
{
	uint64_t value = 0;

	for (; bytes; bytes--)
		value = value << 8 | program_take(in);
	return value;
}

/* --- Choices: small ones are dense, so that things meet -------------------------------------------- */

/* An interrupt; most of them exist. */
static virq_t take_intid(const struct machine *m, struct input *in)
{
	unsigned byte = program_take(in);

	if (byte < 96)
		return byte;
	if (byte < 128)
		return 1056 + byte - 96;
	if (byte < 160)
		return 4096 + byte - 128;
	if (byte < 192)
		return 30u + m->config.spis + (byte & 3);
	if (byte < 224)
		return 32 + byte % 4;
	if (byte < 240)
		return byte & 1 ? 27 : 22;
	if (byte < 248)
		return 4094u + m->config.espis + (byte & 3);
	return (virq_t)program_take_many(in, 2);
}

static uint64_t take_value(struct input *in)
{
	unsigned byte = program_take(in);

	if (byte < 64)
		return 1ull << byte;
	if (byte < 128)
		return ~(~0ull << (byte - 64));
	if (byte < 192)
		return (byte & 63) * 0x0404040404040404ull; /* priorities */
	if (byte < 224)
		return program_take(in);
	return program_take_many(in, 8);
}

/* --- Accesses -------------------------------------------------------------------------------------- */

/* Registers with something for each interrupt: offset, that of extended SPIs, bits. */
static const struct {
	uint16_t base, ebase;
	uint8_t bits;
} per_irq[] = {
	{ 0x080, 0x1000, 1 }, { 0x100, 0x1200, 1 }, { 0x180, 0x1400, 1 },   { 0x200, 0x1600, 1 },
	{ 0x280, 0x1800, 1 }, { 0x300, 0x1a00, 1 }, { 0x380, 0x1c00, 1 },   { 0x400, 0x2000, 8 },
	{ 0xc00, 0x3000, 2 }, { 0x800, 0x2000, 8 }, { 0x6000, 0x8000, 64 }, { 0xd00, 0x3400, 1 },
};

/* The register that has an interrupt, to read it, or to change it alone or with its neighbours. */
static void irq_access(struct machine *m, unsigned v, struct input *in)
{
	unsigned how = program_take(in), which = how % 12, bits = per_irq[which].bits, bytes = 4,
		 index;
	virq_t virq = take_intid(m, in);
	struct trap a = { .region = DIST, .write = how < 192 };

	if (which == 10)
		bytes = how & 1 ? 8 : 4;
	else if (bits == 8)
		bytes = how & 1 ? 4 : 1;
	index = virq;
	a.offset = per_irq[which].base;
	if (virq >= 4096) {
		index = virq - 4096;
		a.offset = per_irq[which].ebase;
	}
	if (!is_v2(m) && (virq < 32 || (virq >= 1056 && virq < 1120))) {
		index = virq < 32 ? virq : virq - 1056 + 32;
		a.region = REDIST;
		a.offset += 0x10000 + VGIC_REDIST_STRIDE * (how & 16 ? program_take(in) % 9 : v);
	}
	a.offset += index * bits / 8 / bytes * bytes;
	a.bytes = bytes;
	if (a.write && (how & 32) && bits < 8)
		a.value = (1ull << bits) - 1 << index * bits % 32; /* all bits of this one */
	else if (a.write)
		a.value = take_value(in);
	host_access(m, v, a);
}

static void sgi(struct machine *m, unsigned v, struct input *in)
{
	unsigned how = program_take(in), n = how & 15;
	struct trap a = { .region = DIST, .write = true, .bytes = 4 };

	if (is_v2(m)) {
		a.offset = 0xf00; /* SGIR */
		a.value = (uint64_t)program_take(in) << 16 | n | (how >> 4 & 3) << 24;
		if (how >> 6 == 3) { /* CPENDSGIR, SPENDSGIR, and what is beside them */
			a.offset += program_take(in) & 0x3c;
			a.value = program_take(in) * 0x01010101ull;
			a.write = !(how & 16);
		}
	} else {
		static const uint32_t regs[4] = { VGIC_ICC_SGI1R_EL1, VGIC_ICC_SGI0R_EL1,
						  VGIC_ICC_ASGI1R_EL1, VGIC_ICC_SGI1R_EL1 };

		a.region = SYSREG;
		a.bytes = 8;
		a.offset = regs[how >> 6];
		a.value = (uint64_t)n << 24 | (how & 32 ? 1ull << 40 : 0) | program_take(in);
		if (how & 16)
			a.value |= program_take_many(in, 1) << 16 | (program_take_many(in, 1) & 15)
									    << 44;
	}
	host_access(m, v, a);
}

/* Control registers that are not each interrupt's. */
static void control_access(struct machine *m, unsigned v, struct input *in)
{
	unsigned how = program_take(in);
	struct trap a = { .region = DIST, .write = how & 1, .bytes = 4 };

	switch (how >> 1 & 7) {
	case 0: /* CTLR: mostly on */
		a.value = how & 128 ? program_take(in) : 3;
		break;
	case 1: /* WAKER */
		a.region = REDIST;
		a.offset = v * VGIC_REDIST_STRIDE + 0x14;
		a.value = how & 128 ? 2 : 0;
		break;
	case 2:
	case 3: /* SETSPI_NSR, CLRSPI_NSR */
		a.offset = how & 32 ? 0x40 : 0x48;
		a.bytes = how & 64 ? 2 : 4;
		a.value = take_intid(m, in);
		break;
	case 4: /* GICR_CTLR, TYPER and so on */
		a.region = REDIST;
		a.offset = v * VGIC_REDIST_STRIDE + 4 * (how >> 4 & 7);
		a.bytes = how & 128 ? 8 : 4;
		break;
	case 5: /* GICD_CTLR, TYPER and so on */
		a.offset = 4 * (how >> 4 & 7);
		break;
	default: /* identification */
		a.region = how & 32 ? REDIST : DIST;
		a.offset = (is_v2(m) ? 0xfd0 : 0xffd0) + 4 * (program_take(in) & 15);
	}
	host_access(m, v, a);
}

/* Anything, anywhere. */
static void any_access(struct machine *m, unsigned v, struct input *in)
{
	unsigned how = program_take(in);
	struct trap a = {
		.region = (enum region)(how % REGIONS),
		.write = how >> 2 & 1,
		.bytes = 1u << (how >> 3 & 3),
	};

	a.offset = (uint32_t)program_take_many(in, how >> 5 & 1 ? 4 : 2);
	a.value = take_value(in);
	if (a.region == SYSREG) /* those of the GIC, and what is beside them */
		a.offset = how & 32 ? a.offset
				    : VGIC_SYSREG(3, 0, how & 128 ? 12u : 4u, a.offset >> 3 & 15u,
						  a.offset & 7u);
	host_access(m, v, a);
}

/* --- The VM as a whole --------------------------------------------------------------------------- */

/* A state that is damaged in a few places, and may be refused. */
static void restore_damaged(struct machine *m, struct input *in)
{
	unsigned count = program_take(in) & 7;

	whole_save(m);
	for (unsigned n = 0; n <= count; n++) {
		size_t at = program_take_many(in, 2) % m->state_size;

		m->state[at] = (uint8_t)program_take(in);
	}
	whole_restore(m, m->state, m->state_size);
	whole_save(m);
}

static void whole(struct machine *m, struct input *in)
{
	unsigned what = program_take(in), n;

	switch (what & 7) {
	case 0:
		whole_reset(m);
		break;
	case 1:
		whole_save(m);
		break;
	case 2:
	case 3:
	case 4:
		if (!(what & 8) || !m->state)
			whole_save(m);
		if (what & 16)
			whole_renew(m, (what >> 5) * 5 % 17, what & 4);
		require(whole_restore(m, m->state, m->state_size), "what was saved is refused");
		break;
	case 5:
		restore_damaged(m, in);
		break;
	case 6:
		whole_remap(m, &m->wires[(what >> 3) % WIRES]);
		break;
	default:
		whole_out(m);
	}
	for (n = 0; n < m->config.vcpus && (what & 128); n++) {
		host_load(m, n);
		host_enter(m, n);
	}
}

/* --- Operations ------------------------------------------------------------------------------- */

static void schedule(struct machine *m, unsigned v, struct input *in)
{
	unsigned byte = program_take(in);

	switch (byte % 16) {
	case 0:
		host_load_on(m, v, byte >> 4);
		break;
	case 1:
		host_put(m, v);
		if (byte & 16)
			host_load_on(m, v, byte >> 5);
		break;
	case 2:
		host_block(m, v, byte & 16 ? take_intid(m, in) : 0);
		break;
	case 3:
		host_exit(m, v, byte & 16);
		break;
	case 4:
		host_enter(m, v);
		break;
	case 5:
		host_reset(m, v);
		break;
	case 6:
		if (byte & 128)
			whole(m, in);
		else if (byte & 16)
			whole_look(m, v, take_intid(m, in));
		else
			host_look(m, v);
		break;
	case 7:
		host_retry(m, v);
		break;
	case 8:
		host_abandon(m, v);
		break;
	case 9:
		host_notify(m, v, take_intid(m, in), byte & 16);
		break;
	case 10:
		host_rest(m);
		break;
	case 11:
		host_bounce(m, v);
		break;
	case 12:
		if (m->vcpu[v].where == GUEST && !m->vcpu[v].waiting) {
			vgic_maintenance(m->vcpu[v].cpu);
			host_back(m, v);
		}
		break;
	case 13:
		m->refill = !m->refill;
		break;
	case 14:
		guest_control(m, v, 5, byte >> 4);
		break;
	default:
		for (unsigned u = 0; u < m->config.vcpus; u++)
			host_enter(m, u);
	}
}

static struct wire *wire_with(struct machine *m, unsigned v, virq_t virq)
{
	for (unsigned n = 0; n < WIRES; n++) {
		struct wire *wire = &m->wires[n];

		if (wire->mapped && wire->virq == virq && (wire->hwirq >= 32 || wire->vcpu == v))
			return wire;
	}
	return NULL;
}

/* Mapped interrupts come from their devices. */
static void raise(struct machine *m, unsigned v, struct input *in)
{
	unsigned what = program_take(in), other = what & 16 ? program_take(in) % 9 : v;
	virq_t virq = take_intid(m, in);
	struct wire *wire = wire_with(m, other, virq);

	if (!wire) {
		host_raise(m, v, other, virq, what & 1, what & 2, what & 4);
		return;
	}
	if (what & 3)
		host_device(m, wire, what & 2);
	if (!(what & 8))
		host_take(m, wire);
}

/* Several at once: more than there are list registers. */
static void storm(struct machine *m, unsigned v, struct input *in)
{
	unsigned what = program_take(in), mask = (unsigned)program_take_many(in, 2);
	virq_t first = what & 1 ? 32 : 16;

	for (unsigned n = 0; mask; n++, mask >>= 1)
		if ((mask & 1) && !wire_with(m, v, first + n))
			host_raise(m, v, v, first + n, what & 2, true, what & 4);
	if (what & 8)
		host_serve(m, v);
	if (what & 16)
		guest_handle(m, v, what >> 5);
}

static unsigned take_acked(struct machine *m, unsigned v, struct input *in, unsigned how)
{
	struct vcpu *vcpu = &m->vcpu[v];

	if ((how & 3) == 3 || !vcpu->n_acks)
		return how & 4 ? take_intid(m, in) : lr_vintid(vcpu->hw.lr[how >> 4]);
	if ((how & 3) == 2)
		return vcpu->acks[how >> 4 & (ACKS - 1)];
	return vcpu->acks[--vcpu->n_acks];
}

static void guest(struct machine *m, unsigned v, struct input *in)
{
	unsigned how = program_take(in), intid;

	switch (how & 7) {
	case 0:
	case 1:
		guest_acknowledge(m, v, how & 1);
		break;
	case 2:
	case 3:
		intid = take_acked(m, v, in, how >> 2);
		guest_end(m, v, how & 1, intid);
		if (how & 128)
			guest_deactivate(m, v, intid);
		break;
	case 4:
		guest_deactivate(m, v, take_acked(m, v, in, how >> 2));
		break;
	case 5:
		guest_handle(m, v, how >> 3);
		break;
	case 6:
		guest_control(m, v, how >> 3, program_take(in) | (how & 64 ? 0x200 : 0));
		break;
	default:
		guest_read(m, v, how >> 3);
	}
	if (how & 64)
		host_maintenance(m, v);
}

static void scramble(struct machine *m, unsigned v, struct input *in)
{
	unsigned what = program_take(in);

	if (what & 1) {
		uint32_t moves = (uint32_t)program_take_many(in, what & 2 ? 4 : 1);

		for (unsigned n = 0; n < m->config.lrs; n++)
			guest_move_lr(m, v, n, moves >> 2 * n);
	}
	if (what & 4)
		guest_write_apr(m, v, what >> 5, (uint32_t)take_value(in));
	if (what & 8)
		guest_count_ends(m, v, what >> 4);
	if (what & 16)
		host_maintenance(m, v);
}

void program_operation(struct machine *m, struct input *in)
{
	unsigned byte = program_take(in), v = (byte & 15) % m->config.vcpus;

	switch (byte >> 4) {
	case 0:
	case 1:
		schedule(m, v, in);
		break;
	case 2:
		host_serve(m, v);
		break;
	case 3:
		host_maintenance(m, v);
		break;
	case 4:
	case 5:
		raise(m, v, in);
		break;
	case 6:
	case 7:
		guest(m, v, in);
		break;
	case 8:
		scramble(m, v, in);
		break;
	case 9:
	case 10:
	case 11:
		irq_access(m, v, in);
		break;
	case 12:
		sgi(m, v, in);
		break;
	case 13:
		control_access(m, v, in);
		break;
	case 14:
		any_access(m, v, in);
		break;
	default:
		storm(m, v, in);
	}
	check_step(m);
}

/* --- Set-up ----------------------------------------------------------------------------------- */

static void some_config(struct vgic_config *c, unsigned first, struct input *in)
{
	static const uint16_t spis[8] = { 8, 0, 1, 32, 33, 64, 100, 988 };
	static const uint16_t espis[8] = { 0, 0, 0, 1, 32, 40, 64, 1024 };
	unsigned byte = program_take(in);

	c->version = first & 1 ? VGIC_V3 : VGIC_V2;
	c->vcpus = (uint16_t)(1 + (first >> 1 & 7));
	c->lrs = (uint8_t)((first >> 4 & 7) * 5 % 7); /* 0 to 6, 0 twice */
	c->spis = spis[byte & 7];
	c->priority_bits = c->preemption_bits = 5;
	if (byte & 8)
		c->lrs = (uint8_t)(c->lrs + 10);
	if (c->version == VGIC_V2)
		return;
	c->espis = espis[byte >> 4 & 7];
	byte = program_take(in);
	c->preemption_bits = (uint8_t)(5 + (byte & 3) % 3);
	c->priority_bits = (uint8_t)(c->preemption_bits + (byte >> 2 & 1));
	c->eppis = (uint8_t)(32 * ((byte >> 3 & 3) % 3));
	c->cluster_bits = (uint8_t)((byte >> 5 & 7) % 5);
	c->region_redists = byte >> 6;
}

/* One field is anything at all; most are refused then. */
static void spoil_config(struct vgic_config *c, struct input *in)
{
	unsigned field = program_take(in) % 10, value = (unsigned)program_take_many(in, 2);

	switch (field) {
	case 0:
		c->version = (uint8_t)value;
		break;
	case 1:
		c->vcpus = (uint16_t)value;
		break;
	case 2:
		c->spis = (uint16_t)value;
		break;
	case 3:
		c->espis = (uint16_t)value;
		break;
	case 4:
		c->eppis = (uint8_t)value;
		break;
	case 5:
		c->priority_bits = (uint8_t)value;
		break;
	case 6:
		c->preemption_bits = (uint8_t)value;
		break;
	case 7:
		c->lrs = (uint8_t)value;
		break;
	case 8:
		c->region_redists = (uint16_t)value;
		break;
	default:
		c->cluster_bits = (uint8_t)value;
	}
}

static void write_word(struct machine *m, unsigned v, enum region region, uint32_t offset,
		       uint64_t value)
{
	host_access(m, v,
		    (struct trap){ .region = region,
				   .write = true,
				   .bytes = 4,
				   .offset = offset,
				   .value = value });
}

/* A word of IPRIORITYR: from `spread` priorities, never the lowest. */
static uint64_t priorities(unsigned n, unsigned spread)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < 4; i++)
		value = value << 8 | ((n * 4 + i) * 5 % (1u + spread) * 0x30 + 8);
	return value;
}

/* The registers of 32 interrupts, all enabled. */
static void enliven_some(struct machine *m, unsigned v, enum region region, uint32_t base,
			 unsigned n, unsigned how)
{
	write_word(m, v, region, base + 0x080 + 4 * n, how & 4 ? 0xcccccccc : how & 8 ? ~0u : 0);
	write_word(m, v, region, base + 0x100 + 4 * n, ~0u);
	for (unsigned i = 0; i < 8; i++)
		write_word(m, v, region, base + 0x400 + 32 * n + 4 * i, priorities(i, how & 3));
	write_word(m, v, region, base + 0xc00 + 8 * n, how & 16 ? 0 : 0xaaaa6666);
	write_word(m, v, region, base + 0xc04 + 8 * n, how & 16 ? 0 : 0xaaaa6666);
}

/* A machine whose guests have set up everything, so that what is raised gets somewhere. */
static void enliven(struct machine *m, unsigned how)
{
	for (unsigned v = 0; v < m->config.vcpus; v++)
		enliven_some(m, v, is_v2(m) ? DIST : REDIST,
			     is_v2(m) ? 0 : v * VGIC_REDIST_STRIDE + 0x10000, 0, how);
	for (unsigned n = 1; n < 3; n++)
		enliven_some(m, 0, DIST, 0, n, how);
	write_word(m, 0, DIST, 0x1000, how & 8 ? ~0u : 0xcccc);
	write_word(m, 0, DIST, 0x1200, ~0u);
	for (unsigned n = 0; n < 16; n++) {
		unsigned target = how & 32 ? n % m->config.vcpus : 0;

		if (is_v2(m))
			write_word(m, 0, DIST, 0x820 + 4 * n, 0x01010101u << target);
		else
			write_word(m, 0, DIST, 0x6100 + 8 * n, target);
	}
}

bool program_build(struct machine *m, struct input *in)
{
	unsigned first = program_take(in), byte, mapped, how = 0;

	memset(m, 0, sizeof(*m));
	m->actor = -1;
	some_config(&m->config, first, in);
	if (first & 128)
		spoil_config(&m->config, in);
	byte = program_take(in);
	mapped = byte & 15;
	m->lines = byte & 16;
	m->refill = byte & 32;
	if (!host_init(m, mapped, byte & 64 ? program_take(in) : 0))
		return false;
	if (byte & 128) {
		how = program_take(in);
		m->finish = how & 128;
		enliven(m, how);
	}
	for (unsigned v = 0; v < m->config.vcpus; v++) {
		struct cpuif *hw = &m->vcpu[v].hw;

		hw->manners = (struct cpuif_manners){ byte & 1, byte & 2, byte & 4 };
		if (!is_v2(m))
			write_word(m, v, REDIST, v * VGIC_REDIST_STRIDE + 0x14, 0);
		if (v == 0 && byte & 128)
			write_word(m, v, DIST, 0, 3);
		host_enter(m, v);
		if (byte & 128)
			guest_control(m, v, 5, how >> 6 & 1);
	}
	SAY("GICv%u, %u vCPUs, %u + %u SPIs, %u extended PPIs, %u list registers, %u.%u bits, "
	    "mapped %u\n",
	    m->config.version, m->config.vcpus, m->config.spis, m->config.espis, m->config.eppis,
	    m->config.lrs, m->config.preemption_bits, m->config.priority_bits, mapped);
	return true;
}

void program_run(struct machine *m, struct input *in)
{
	while (in->at < in->end)
		program_operation(m, in);
}
