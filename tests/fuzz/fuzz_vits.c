/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * libFuzzer's target for LPIs and ITSs (Arm IHI 0069, chapter 5): bytes are a machine with one or two ITSs,
 * and what a hostile guest does to registers, tables, commands and its memory while devices send messages,
 * hardware delivers some of them, vCPUs come and go and the VM is saved and restored. What fuzz_vgic.c's
 * inputs do can happen in between. check.c and its.c say what must hold.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SIZE 4096

#define VALID (1ull << 63)

/* Where a guest that behaves has things. Of each ITS, 64K apart: */
#define QUEUE       0x0000u
#define DEVICES     0x4000u
#define COLLECTIONS 0x5000u
#define LEVEL2      0x6000u
#define ITTS        0x8000u
/* Of all, and of each vCPU, 64K apart: */
#define PROPERTIES 0x20000u
#define PENDING    0x30000u

#define GICR_CTLR      0x00u
#define GICR_PROPBASER 0x70u
#define GICR_PENDBASER 0x78u
#define GICR_INVLPIR   0xa0u
#define GICR_INVALLR   0xb0u
#define GICR_SYNCR     0xc0u

#define COMMANDS_MAX 40u /* more than one slice has */
#define SLICES_MAX   100000u

static uint64_t area(unsigned its, uint32_t offset)
{
	return RAM_ADDRESS + its * 0x10000u + offset;
}

/* --- Choices ------------------------------------------------------------------------------------- */

static uint64_t take_number(struct input *in)
{
	unsigned byte = program_take(in);

	if (byte < 128)
		return byte;
	if (byte < 192)
		return 1ull << (byte & 63);
	if (byte < 240)
		return ~(~0ull << (byte - 192));
	return program_take_many(in, 8);
}

/* Few devices and events, so that they meet; now and then any. */
static uint32_t take_id(struct input *in, unsigned few)
{
	unsigned byte = program_take(in);

	return byte < 240 ? byte % few : (uint32_t)take_number(in);
}

/* Mostly one that start() maps. */
static void take_pair(struct input *in, uint32_t *device, uint32_t *event)
{
	unsigned byte = program_take(in);

	*device = byte & 3;
	*event = byte & 7;
	if (byte >= 224) {
		*device = take_id(in, 4);
		*event = take_id(in, 8);
	} else if (byte >= 160) {
		*event = byte >> 2 & 7;
	}
}

static virq_t take_lpi(const struct machine *m, struct input *in)
{
	unsigned byte = program_take(in);

	if (byte < 192)
		return VGIC_LPI_BASE + byte % vgic_lpis(m->vgic);
	if (byte < 224)
		return VGIC_LPI_BASE + vgic_lpis(m->vgic) - 16 + byte % 32;
	return (virq_t)take_number(in);
}

static uint64_t take_address(struct input *in)
{
	unsigned byte = program_take(in);

	if (byte < 224)
		return RAM_ADDRESS + byte % RAM_PAGES * RAM_PAGE +
		       (byte & 128 ? program_take(in) * 8u : 0);
	return byte < 240 ? RAM_ADDRESS + program_take_many(in, 3) : take_number(in);
}

/* As a command has it: bits 51:16. */
static uint64_t take_target(const struct machine *m, struct input *in)
{
	unsigned byte = program_take(in);
	uint64_t target = byte < 224 ? byte % m->config.vcpus : byte & 7;

	if (byte >= 240)
		return take_number(in) & 0xfffffffff0000;
	if (m->its_config.pta)
		return m->its_config.redists + target * VGIC_REDIST_STRIDE;
	return target << 16;
}

/* --- Accesses ------------------------------------------------------------------------------------ */

static bool is_cwriter(const struct trap *a)
{
	return a->region == ITS && a->write && (a->offset & ~7u) == GITS_CWRITER;
}

/*
 * Two that wait with writes of one GITS_CWRITER can hold up each other for good, each sending it back to
 * where the other has been: guests have a lock around that.
 */
static void start_access(struct machine *m, unsigned v, struct trap access)
{
	for (unsigned u = 0; u < m->config.vcpus && is_cwriter(&access); u++)
		if (m->vcpu[u].waiting && is_cwriter(&m->vcpu[u].access) &&
		    m->vcpu[u].access.its == access.its)
			return;
	host_access(m, v, access);
}

static void write_its(struct machine *m, unsigned v, unsigned its, uint32_t offset, unsigned bytes,
		      uint64_t value)
{
	start_access(m, v,
		     (struct trap){ .region = ITS,
				    .its = its,
				    .write = true,
				    .bytes = bytes,
				    .offset = offset,
				    .value = value });
}

static void write_redist(struct machine *m, unsigned v, unsigned of, uint32_t offset,
			 unsigned bytes, uint64_t value)
{
	host_access(m, v,
		    (struct trap){ .region = REDIST,
				   .write = true,
				   .bytes = bytes,
				   .offset = of * VGIC_REDIST_STRIDE + offset,
				   .value = value });
}

/* A register with a value that makes sense, mostly. */
static void access_its(struct machine *m, unsigned v, unsigned its, struct input *in)
{
	unsigned how = program_take(in);
	struct trap a = { .region = ITS, .its = its, .write = !(how & 64), .bytes = 8 };

	switch (how & 7) {
	case 0:
		a.bytes = 4;
		a.value = !(how & 8);
		break;
	case 1:
		a.offset = GITS_CBASER;
		a.value = VALID | take_address(in) | (how >> 4 & 3);
		break;
	case 2:
		a.offset = GITS_CWRITER;
		a.value = (uint64_t)program_take(in) << 5;
		break;
	case 3:
	case 4:
		a.offset = GITS_BASER + 8 * (how & 1);
		a.value = VALID | (uint64_t)(how >> 4 & 1) << 62 | take_address(in) |
			  (how & 128 ? take_number(in) & 0x3ff : 0);
		break;
	default: /* anything, anywhere */
		a.bytes = 1u << (how >> 3 & 3);
		a.offset = (uint32_t)program_take_many(in, how & 32 ? 2 : 1);
		if (how & 128)
			a.offset = a.offset * 8u % VITS_SIZE;
		a.value = take_number(in);
	}
	start_access(m, v, a);
}

/* The registers for LPIs, of any redistributor. */
static void access_redist(struct machine *m, unsigned v, struct input *in)
{
	static const uint32_t offsets[8] = { GICR_CTLR,    GICR_PROPBASER, GICR_PENDBASER,
					     GICR_INVLPIR, GICR_INVALLR,   GICR_SYNCR,
					     GICR_CTLR,    GICR_CTLR };
	unsigned how = program_take(in), which = how & 7, of = how >> 3 & 3;
	struct trap a = { .region = REDIST,
			  .write = !(how & 32),
			  .bytes = which && which < 6 ? 8 : 4,
			  .offset = of * VGIC_REDIST_STRIDE + offsets[which] };

	switch (which) {
	case 0:
	case 6:
	case 7:
		a.value = how >> 7;
		break;
	case 1:
		a.value = take_address(in) | (how & 64 ? program_take(in) & 31 : 13);
		break;
	case 2:
		a.value = take_address(in) | (how & 64 ? 1ull << 62 : 0);
		break;
	case 3:
		a.value = take_lpi(m, in);
		break;
	default:
		a.value = how & 64 ? take_number(in) : 0;
	}
	if (how & 128 && which && which < 6)
		a.bytes = 4;
	host_access(m, v, a);
}

/* --- Commands ------------------------------------------------------------------------------------ */

static const uint8_t numbers[16] = { 0x0a, 0x0a, 0x08, 0x09, 0x01, 0x03, 0x04, 0x05,
				     0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x0f, 0x03, 0x09 };

/* A command whose fields are all there, whatever it is. */
static void take_command(const struct machine *m, unsigned its, struct input *in, uint64_t word[4])
{
	unsigned how = program_take(in), more = program_take(in);
	uint32_t device, event;
	uint64_t icid = more & (m->its_config.collection_bits == 1 ? 1 : 3);

	if (how < 16) {
		for (unsigned n = 0; n < 4; n++)
			word[n] = take_number(in);
		return;
	}
	take_pair(in, &device, &event);
	word[0] = (uint64_t)device << 32 | numbers[how & 15];
	word[1] = event;
	word[2] = icid;
	word[3] = 0;
	switch (numbers[how & 15]) {
	case 0x08: /* MAPD */
		word[1] = more & 7;
		word[2] = (more & 8 ? 0 : VALID) |
			  (more & 16 ? take_address(in) : area(its, ITTS + 0x800 * (device & 3)));
		break;
	case 0x09: /* MAPC */
		word[2] |= (more & 8 ? 0 : VALID) | take_target(m, in);
		break;
	case 0x0a: /* MAPTI */
		word[1] |= (uint64_t)take_lpi(m, in) << 32;
		break;
	case 0x05: /* SYNC */
		word[2] = take_target(m, in);
		break;
	case 0x0e: /* MOVALL */
		word[2] = take_target(m, in);
		word[3] = take_target(m, in);
		break;
	default:
		break;
	}
	if (more & 128)
		word[2] = icid << 32 | (word[2] & ~0xffffull) | take_number(in);
}

/* Into the ring, from where GITS_CWRITER is. Returns what that becomes. */
static uint64_t put_command(struct machine *m, unsigned its, uint64_t at, const uint64_t word[4])
{
	uint64_t cbaser = its_register(&m->its[its], GITS_CBASER, 8);
	uint64_t size = ((cbaser & 0xff) + 1) * 0x1000;

	SAY("      ring %#llx: %#llx %#llx %#llx %#llx\n", (unsigned long long)at,
	    (unsigned long long)word[0], (unsigned long long)word[1], (unsigned long long)word[2],
	    (unsigned long long)word[3]);
	ram_write(m, (cbaser & 0xffffffffff000) + at, word, 32);
	return (at + 32) % size;
}

static void commands(struct machine *m, unsigned v, unsigned its, struct input *in)
{
	unsigned how = program_take(in), count = 1 + (how & 3);
	uint64_t at = its_register(&m->its[its], GITS_CWRITER, 8), word[4];

	while (count--) {
		unsigned times = how & 64 ? COMMANDS_MAX : 1;

		take_command(m, its, in, word);
		while (times--)
			at = put_command(m, its, at, word);
	}
	if (!(how & 32))
		write_its(m, v, its, GITS_CWRITER, 8, at);
	if (how & 16)
		host_settle(m);
}

/* --- Devices, and the guest's memory ------------------------------------------------------------- */

static bool may_raise(const struct machine *m, unsigned v)
{
	return !m->vcpu[v].waiting && (m->vcpu[v].where == GUEST || m->vcpu[v].where == OUTSIDE);
}

static void message(struct machine *m, unsigned v, unsigned its, struct input *in)
{
	unsigned how = program_take(in), times = how & 2 ? 1 + (how >> 4) : 1;
	bool here = (how & 1) && may_raise(m, v);
	uint32_t device, event;

	take_pair(in, &device, &event);
	for (; times; times--, event++) {
		struct vits_stats before, after;
		int result;

		vits_stats(m->its[its].vits, &before);
		host_begin(m, here ? (int)v : -1);
		result =
			vits_message(m->its[its].vits, here ? m->vcpu[v].cpu : NULL, device, event);
		host_end(m);
		vits_stats(m->its[its].vits, &after);
		SAY("    message %u, %u%s: %d\n", device, event, here ? ", here" : "", result);
		require(!result || result == -VIRQ_ERR_RANGE, "vits_message()");
		require(m->ram.until_message ||
				after.messages + after.ignored > before.messages + before.ignored,
			"a message is not counted");
	}
	if (here)
		host_back(m, v);
}

/* Bytes, or an entry of eight, or one that looks like a table's. */
static void poke(struct machine *m, struct input *in)
{
	unsigned how = program_take(in);
	uint64_t at = take_address(in), value = take_number(in);

	switch (how & 3) {
	case 0:
		for (unsigned n = 0; n < 1 + (how >> 4); n++, at++)
			ram_write(m, at, &value, 1);
		return;
	case 1: /* an ITT */
		value = (uint64_t)take_lpi(m, in) << 16 | (value & 0xf);
		break;
	case 2: /* a device, or a collection, or a page of devices */
		value = VALID | (how & 4   ? (take_address(in) >> 8) << 5 | (value & 31)
				 : how & 8 ? value & 0x7000f
					   : take_address(in));
		break;
	default:
		break;
	}
	for (unsigned n = 0; n < 1 + (how >> 4); n++, at += 8)
		ram_write(m, at & ~7ull, &value, 8);
}

static void memory(struct machine *m, struct input *in)
{
	unsigned how = program_take(in);

	if (how < 160) {
		poke(m, in);
	} else if (how < 192) {
		uint8_t property = (uint8_t)program_take(in);

		ram_write(m, RAM_ADDRESS + PROPERTIES + take_lpi(m, in) - VGIC_LPI_BASE, &property,
			  1);
	} else if (how < 232) {
		m->ram.until_message = how & 15;
		take_pair(in, &m->ram.device, &m->ram.event);
	} else if (how < 240) {
		m->ram.holes ^= 1ull << program_take(in) % (RAM_PAGES / 2);
	} else if (how < 248) {
		m->ram.read_only ^= 1ull << program_take(in) % (RAM_PAGES / 2);
	} else {
		m->ram.holes = m->ram.read_only = 0;
	}
}

/* --- Routes -------------------------------------------------------------------------------------- */

/* What vits_forward() promises. */
static void check_forwarded(struct its *its, uint32_t device, uint32_t event, unsigned route)
{
	const struct forwarded *forwarded = &its->routes[route];
	unsigned vcpu;
	virq_t lpi;
	int result = vits_translate(its->vits, device, event, &lpi, &vcpu);
	bool enabled = its_register(its, GITS_CTLR, 4) & 1;

	if (result || !enabled) {
		require(!forwarded->mapped, "forwarded, and the guest has not mapped it");
		return;
	}
	require(forwarded->mapped || its->refused, "mapped, named, and not forwarded");
	require(!forwarded->mapped || (forwarded->vcpu == vcpu && forwarded->lpi == lpi),
		"forwarded as what it is not mapped to");
}

static void route(struct machine *m, unsigned v, unsigned n, struct input *in)
{
	unsigned how = program_take(in), r = how >> 2 & 15;
	uint32_t device, event;
	struct its *its = &m->its[n];
	bool here = (how & 64) && may_raise(m, v), named = r < ROUTES && its->routes[r].named;
	int result;

	take_pair(in, &device, &event);
	its->refused = false;
	if ((how & 3) == 3) {
		its->refuse = how >> 6;
		its->busy = how >> 2 & 15;
		return;
	}
	m->ram.until_message = 0;
	host_begin(m, here ? (int)v : -1);
	if ((how & 3) == 2) {
		result = vits_unforward(its->vits, here ? m->vcpu[v].cpu : NULL, (uint16_t)r);
		require(result == (r < m->its_config.routes ? 0 : -VIRQ_ERR_RANGE),
			"vits_unforward()");
		require(result || !its->routes[r].mapped, "forwarded after vits_unforward()");
		if (!result)
			its->routes[r].named = false;
	} else {
		if (r < ROUTES)
			its->routes[r].named = true;
		result = vits_forward(its->vits, device, event, (uint16_t)r);
		require(!result || result == -VIRQ_ERR_RANGE, "vits_forward()");
		if (result && r < ROUTES)
			its->routes[r].named = named;
		if (!result)
			check_forwarded(its, device, event, r);
	}
	host_end(m);
	SAY("    route %u: %u, %u: %d\n", r, device, event, result);
	if (here)
		host_back(m, v);
}

/* --- What an ITS tells redistributors, without one ----------------------------------------------- */

static void sweep(struct machine *m, struct vgic_cpu *self, unsigned how, unsigned vcpu,
		  unsigned to)
{
	uint32_t cursor = 0;
	unsigned rounds = 0, budget;
	bool done;

	do {
		budget = 1 + (how >> 3);
		done = how & 1 ? vgic_lpis_move(m->vgic, self, vcpu, to, &cursor, &budget)
			       : vgic_lpis_invalidate(m->vgic, self, vcpu, &cursor, &budget);
		require(++rounds < SLICES_MAX, "a sweep of LPIs without end");
	} while (!done);
	if ((how & 1) && vcpu != to && vcpu < m->config.vcpus && to < m->config.vcpus)
		check_moved(m, vcpu);
}

static void lpis(struct machine *m, unsigned v, struct input *in)
{
	unsigned how = program_take(in), vcpu = program_take(in) % 5, at = 0;
	struct vgic_cpu *self = (how & 128) && may_raise(m, v) ? m->vcpu[v].cpu : NULL;
	virq_t lpi = take_lpi(m, in);
	bool exists = lpi - VGIC_LPI_BASE < vgic_lpis(m->vgic), there = vcpu < m->config.vcpus;
	uint8_t property;
	int result = exists ? 0 : -VIRQ_ERR_RANGE;

	m->ram.until_message = 0;
	host_begin(m, self ? (int)v : -1);
	SAY("    LPI %u, %u, how %#x\n", lpi, vcpu, how);
	switch (how & 7) {
	case 0:
		result = vgic_lpi_raise(m->vgic, self, vcpu, lpi);
		require(result == (exists && there ? 0 : -VIRQ_ERR_RANGE), "vgic_lpi_raise()");
		break;
	case 1:
		require(vgic_lpi_clear(m->vgic, self, lpi) == result, "vgic_lpi_clear()");
		require(!vgic_lpi_is_pending(m->vgic, lpi, &at), "cleared, and pending");
		break;
	case 2:
		result = exists && there ? 0 : -VIRQ_ERR_RANGE;
		require(vgic_lpi_move(m->vgic, self, lpi, vcpu) == result, "vgic_lpi_move()");
		require(result || !vgic_lpi_is_pending(m->vgic, lpi, &at) || at == vcpu,
			"moved, and pending elsewhere");
		break;
	case 3:
		require(vgic_lpi_invalidate(m->vgic, self, lpi) == result, "vgic_lpi_invalidate()");
		break;
	case 4:
		require(vgic_lpi_property(m->vgic, vcpu, lpi, &property) == (exists && there),
			"vgic_lpi_property()");
		break;
	default:
		sweep(m, self, how, vcpu, (how >> 5 & 3));
	}
	host_end(m);
	if (self)
		host_back(m, v);
}

/* --- The VM as a whole --------------------------------------------------------------------------- */

static void take_state(const struct machine *m, unsigned its, struct input *in,
		       struct vits_state *state)
{
	unsigned how = program_take(in);

	*state = (struct vits_state){
		.ctlr = how & 1,
		.iidr = how & 2 ? (uint32_t)take_number(in) : its_register(&m->its[its], 4, 4),
		.cbaser = VALID | take_address(in) | (how >> 6),
		.creadr = (uint64_t)program_take(in) << 5,
		.cwriter = (uint64_t)program_take(in) << 5,
		.baser[0] = 1ull << 56 | 7ull << 48 | VALID | take_address(in),
		.baser[1] = 4ull << 56 | 7ull << 48 | VALID | take_address(in),
	};
	if (how & 4)
		state->baser[0] ^= take_number(in);
	if (how & 8)
		state->baser[1] ^= take_number(in);
	if (how & 16)
		state->cbaser ^= take_number(in);
	if (how & 32)
		state->baser[2 + how % 6] = take_number(in);
}

static void whole(struct machine *m, unsigned n, struct input *in)
{
	unsigned how = program_take(in);
	struct its *its = &m->its[n];
	struct vits_state state, before;

	whole_out(m);
	switch (how & 3) {
	case 0:
		whole_save(m);
		break;
	case 1:
		if (m->state)
			require(whole_restore(m, m->state, m->state_size),
				"what was saved is refused");
		break;
	default:
		take_state(m, n, in, &state);
		host_begin(m, -1);
		if (vits_save(its->vits, &before)) {
			host_end(m);
			break;
		}
		host_end(m);
		if (!its_restore_state(m, its, &state)) {
			host_begin(m, -1);
			require(!vits_save(its->vits, &state) &&
					!memcmp(&state, &before, sizeof(state)),
				"a state is refused, and something has changed");
			host_end(m);
		}
		its_save(m);
	}
	for (unsigned v = 0; v < m->config.vcpus && !(how & 128); v++) {
		host_load(m, v);
		host_enter(m, v);
	}
}

/* --- Operations ---------------------------------------------------------------------------------- */

static void operation(struct machine *m, struct input *in)
{
	unsigned byte, v, its;

	if (*in->at >= 208) {
		in->at++;
		program_operation(m, in);
		return;
	}
	byte = program_take(in);
	v = (byte & 3) % m->config.vcpus;
	its = (byte >> 2 & 3) % m->n_its;
	switch (byte >> 4) {
	case 0:
	case 1:
	case 2:
		commands(m, v, its, in);
		break;
	case 3:
	case 4:
		message(m, v, its, in);
		break;
	case 5:
		access_its(m, v, its, in);
		break;
	case 6:
		access_redist(m, v, in);
		break;
	case 7:
		memory(m, in);
		break;
	case 8:
		route(m, v, its, in);
		break;
	case 9:
		lpis(m, v, in);
		break;
	case 10:
		guest_handle(m, v, 1 + (byte >> 2 & 3));
		break;
	case 11:
		host_settle(m);
		break;
	default:
		if ((byte & 12) == 12)
			whole(m, program_take(in) % m->n_its, in);
		else
			host_retry(m, v);
	}
	check_step(m);
}

/* --- Set-up -------------------------------------------------------------------------------------- */

/* As a driver does it. */
static void start_redist(struct machine *m, unsigned v)
{
	write_redist(m, v, v, 0x14, 4, 0); /* GICR_WAKER */
	write_redist(m, v, v, GICR_PROPBASER, 8, (RAM_ADDRESS + PROPERTIES) | 14);
	write_redist(m, v, v, GICR_PENDBASER, 8, RAM_ADDRESS + PENDING + v * 0x10000);
	write_redist(m, v, v, GICR_CTLR, 4, 1);
	host_settle(m);
}

static void start_its(struct machine *m, unsigned its, bool indirect)
{
	uint64_t tail = 0, level2 = VALID | area(its, LEVEL2);
	unsigned icids = m->its_config.collection_bits == 1 ? 1 : 3, n;

	ram_write(m, area(its, DEVICES), &level2, indirect ? 8 : 1);
	write_its(m, 0, its, GITS_CBASER, 8, VALID | area(its, QUEUE));
	write_its(m, 0, its, GITS_BASER, 8, VALID | (uint64_t)indirect << 62 | area(its, DEVICES));
	write_its(m, 0, its, GITS_BASER + 8, 8, VALID | area(its, COLLECTIONS));
	write_its(m, 0, its, GITS_CTLR, 4, 1);
	for (n = 0; n < 4; n++) {
		uint64_t vcpu = n % m->config.vcpus;
		uint64_t target = m->its_config.pta
					  ? m->its_config.redists + vcpu * VGIC_REDIST_STRIDE
					  : (uint64_t)vcpu << 16;

		tail = put_command(m, its, tail, (uint64_t[4]){ 9, 0, VALID | target | n, 0 });
		tail = put_command(m, its, tail,
				   (uint64_t[4]){ (uint64_t)n << 32 | 8, 2,
						  VALID | area(its, ITTS + 0x800 * n), 0 });
	}
	for (n = 0; n < 8; n++)
		tail = put_command(m, its, tail,
				   (uint64_t[4]){ (uint64_t)(n & 3) << 32 | 0xa,
						  (uint64_t)(VGIC_LPI_BASE + 8 * its + n) << 32 | n,
						  n & icids, 0 });
	write_its(m, 0, its, GITS_CWRITER, 8, tail);
	host_settle(m);
}

static void start(struct machine *m, unsigned how)
{
	for (unsigned v = 0; v < m->config.vcpus; v++)
		guest_control(m, v, 5, 0);
	host_access(m, 0, (struct trap){ .region = DIST, .write = true, .bytes = 4, .value = 3 });
	for (unsigned n = 0; n < 1u << m->config.lpi_bits; n++)
		m->ram.bytes[PROPERTIES + n] = (uint8_t)(1 | (n * 0x28 & 0x7c));
	for (unsigned v = 0; v < m->config.vcpus; v++)
		start_redist(m, v);
	for (unsigned n = 0; n < m->n_its; n++)
		start_its(m, n, how & 1);
}

static void build(struct machine *m, struct input *in)
{
	static const uint8_t lpi_bits[16] = { 4, 5, 6, 2, 3, 7, 8, 4, 5, 6, 4, 9, 10, 4, 5, 14 };
	unsigned a = program_take(in), b = program_take(in), c = program_take(in),
		 how = program_take(in);

	memset(m, 0, sizeof(*m));
	m->actor = -1;
	m->config = (struct vgic_config){
		.version = VGIC_V3,
		.vcpus = (uint16_t)(1 + (a & 3)),
		.spis = 32,
		.priority_bits = 5,
		.preemption_bits = 5,
		.lrs = a & 4 ? 4 : 0,
		.lpi_bits = lpi_bits[a >> 4],
	};
	m->its_config = (struct vits_config){
		.device_bits = (uint8_t)(b & 1 ? 1 + (b >> 1 & 31) : 2),
		.event_bits = (uint8_t)(c & 1 ? 1 + (c >> 1 & 31) : 3),
		.collection_bits = (uint8_t)(b & 64 ? 16 : 1 + (c >> 6)),
		.cache_bits = (uint8_t)(b & 128 ? 6 : 4),
		.pta = how & 2,
		.redists = how & 2 ? 0x80a0000 : 0,
		.routes = (uint16_t)(how & 4 ? ROUTES : how >> 6),
	};
	m->n_its = 1 + (a >> 3 & 1);
	for (unsigned n = 0; n < m->n_its; n++)
		m->its[n].discards = (how >> 3) + n & 1;
	m->refill = how & 16;
	m->ram.bytes = calloc(1, RAM_SIZE);
	require(host_init(m, how & 32 ? 8 : 0, 0), "the machine is refused");
	for (unsigned v = 0; v < m->config.vcpus; v++)
		host_enter(m, v);
	SAY("%u vCPUs, %u ITSs, %u LPIs, %u list registers; device_bits %u, event_bits %u, "
	    "collection_bits %u, pta %d, routes %u\n",
	    m->config.vcpus, m->n_its, 1u << m->config.lpi_bits, m->config.lrs,
	    m->its_config.device_bits, m->its_config.event_bits, m->its_config.collection_bits,
	    m->its_config.pta, m->its_config.routes);
	how = program_take(in);
	if (how & 128)
		m->ram.holes = program_take_many(in, 7);
	if (how & 64)
		m->ram.read_only = program_take_many(in, 7);
	if (!(how & 2))
		start(m, how);
	m->finish = (how & 4) && m->config.lpi_bits <= 10;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, data + size };
	static struct machine m;

	if (size > MAX_SIZE)
		return 0;
	trace = getenv("FUZZ_TRACE") != NULL;
	build(&m, &in);
	while (in.at < in.end)
		operation(&m, &in);
	m.ram.until_message = 0;
	host_rest(&m);
	if (m.finish)
		guest_finish(&m);
	whole_save(&m);
	require(whole_restore(&m, m.state, m.state_size), "what was saved is refused");
	host_free(&m);
	return 0;
}
