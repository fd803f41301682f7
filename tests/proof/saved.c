/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Saved states: any bytes as a header, as the record of a vCPU, as that of an interrupt. Taken is just
 * what the tables of lib/vgic/state.md allow, written down here once more, byte by byte; and what was
 * taken is saved as it was.
 *
 * with: vgic soft
 * options: --unwind 3 --unwindset put.0:9,take.0:9,header_of.0:14,check_header.0:14,save_header.0:14
 * options: --unwindset any_header.0:33,take_and_save_vcpu.0:57,any_irq.0:21,same.0:57,number.0:9
 * options: --unwindset check_vcpu.0:5,state_of_vcpu.0:5,save_vcpu.0:5,save_vcpu.1:5,vmcr_of.0:3
 * options: --unwindset take_vcpu.0:5,take_vcpu.1:5,restore_vcpu.0:5,naive_levels.0:5
 * options: --unwindset vcpu_clear.0:5,vcpu_clear.1:258,vcpu_clear.2:4
 * options: --unwindset state_of_irq.0:9,take_irq.0:9,save_irq.0:9
 * quick: any_header: the header and the group enables, any bytes
 * quick: any_length --unwindset check.0:1,check.1:1: a state that is too short: nothing behind its end is read
 * proof: any_vcpu: the record of a vCPU, any bytes
 * proof: any_irq -DSPIS=3 -DVERSION=3 -DESPIS=1: the record of an interrupt of a GICv3, any bytes
 * proof: any_irq -DSPIS=3 -DVERSION=2: the same of a GICv2
 * broken: any_header state.c s/groups.&.~3ull/groups\&~7ull/: an enable too many
 * broken: any_length state.c s/size.<.HEADER_SIZE/size<HEADER_SIZE-5/ --unwindset check.0:1,check.1:1: a header that is not all there
 * broken: any_vcpu state.c s/point.group..<.bpr_minimum/point[group]+1<bpr_minimum/: a binary point that there is not
 * broken: any_irq state.c s/:.state->holder.>=.vgic->config.vcpus/:state->holder>vgic->config.vcpus/ -DSPIS=3 -DVERSION=3: a holder that there is not
 * broken: any_irq state.c s/return.state->sources.?/return.0?/ -DSPIS=3 -DVERSION=3: sources of what has none
 */
#define WORDS_IN_MEMORY
#include "proof.h"
#include "state.c"

void *malloc(size_t size);

uint64_t word_load(const struct vgic_irq *irq)
{
	return irq->word;
}

bool word_cas(struct vgic_irq *irq, uint64_t *expected, uint64_t desired)
{
	return library_word_cas(irq, expected, desired);
}

unsigned irq_hwirq(const struct vgic_irq *irq)
{
	return irq->hwirq;
}

void irq_post(struct vgic *vgic, struct vgic_vcpu *self, struct vgic_irq *irq, uint64_t w)
{
	library_irq_post(vgic, self, irq, w);
}

/* What it does to any sound word: settling.c. */
void irq_settle(struct vgic_vcpu *vcpu, struct vgic_irq *irq, enum settle_why why,
		const struct folded *folded)
{
	assert(vcpu->vgic == &gic && vcpu->index < gic.config.vcpus, "a vCPU that exists");
	assert(vcpu->index == word_looker(irq->word), "the one that has to look");
	assert(why == FROM_OWNER && !folded, "from memory");
	assert(word_sound(irq->word), "word_valid, IN_RANGE, REQUESTS_QUEUED");
	assert(!(irq->word & (W_QUEUED | W_IN_LR)), "at rest");
	assert(!(irq->word & W_SOURCES) || may_have_sources(irq), "SOURCES_OF_SGIS");
}

/* --- Bytes -------------------------------------------------------------------------------------- */

static uint64_t number(const uint8_t *at, unsigned bytes)
{
	uint64_t value = 0;

	while (bytes--)
		value = value << 8 | at[bytes];
	return value;
}

static bool same(const uint8_t *a, const uint8_t *b, unsigned bytes)
{
	bool all = true;

	for (unsigned i = 0; i < bytes; i++)
		all &= a[i] == b[i];
	return all;
}

/* --- The header --------------------------------------------------------------------------------- */

static bool naive_header(const uint8_t *r)
{
	const struct vgic_config *c = &gic.config;
	unsigned privates = 32 + c->eppis;
	uint64_t length = 32 + 56 * c->vcpus + 20 * (privates * c->vcpus + c->spis + c->espis);

	return r[0] == 'V' && r[1] == 'G' && r[2] == 'C' && r[3] == 'S' && number(r + 4, 4) == 1 &&
	       r[8] == c->version && r[9] == c->priority_bits && r[10] == c->preemption_bits &&
	       r[11] == c->cluster_bits && number(r + 12, 2) == c->vcpus &&
	       number(r + 14, 2) == c->spis && number(r + 16, 2) == c->espis &&
	       number(r + 18, 2) == c->eppis && number(r + 20, 2) == c->region_redists &&
	       number(r + 22, 2) == 0 && number(r + 24, 4) == length;
}

void any_header(void)
{
	uint8_t record[32], out[28];
	const uint8_t *at = record;
	uint8_t *end = out;
	const char *why;

	for (unsigned i = 0; i < sizeof(record); i++)
		record[i] = nondet_u8();
	any_vgic();
	why = check_header(&gic, &at);
	assert(!why == naive_header(record), "taken if it is this configuration's");
	if (why)
		return;
	assert(at == record + 28, "all of it was read");
	save_header(&gic, &end);
	assert(end == out + 28 && same(out, record, 28), "saved as it was");
	assert(!check_groups(take(&at, 4)) == !(number(record + 28, 4) >> 2), "two enables");
	assert(at == record + 32, "that was all");
}

/* Less than a vCPU and its SGIs and PPIs take. */
void any_length(void)
{
	size_t size = nondet_unsigned();
	uint8_t *bytes;

	any_vgic();
	assume(size < 100);
	bytes = malloc(size);
	assume(bytes);
	assert(check(&gic, bytes, size), "too short");
}

/* --- vCPUs -------------------------------------------------------------------------------------- */

static link_t heads[3][257];

/* Four registers of active priorities, of which there are as many as there are levels. */
static bool naive_levels(const uint8_t *r, unsigned levels)
{
	bool good = true;

	for (unsigned n = 0; n < 4; n++)
		good &= n < (levels + 31) / 32 || number(r + 4 * n, 4) == 0;
	return good;
}

static bool naive_vmcr(uint32_t vmcr)
{
	unsigned lowest = 7u - gic.config.preemption_bits;
	uint32_t fields = 1u << 0 | 1u << 1 | 1u << 4 | 1u << 9 | 7u << 18 | 7u << 21 | 0xffu << 24;

	if (gic.v2)
		fields |= 1u << 2 | 1u << 3;
	return !(vmcr & ~fields) && (vmcr >> 21 & 7) >= lowest && (vmcr >> 18 & 7) >= lowest + 1 &&
	       !(vmcr >> 24 & 0xff >> gic.config.priority_bits);
}

static bool naive_vcpu(const uint8_t *r)
{
	unsigned levels = 1u << gic.config.preemption_bits;

	return !(number(r, 4) & ~(gic.v2 ? 0ull : 2ull)) &&
	       naive_vmcr((uint32_t)number(r + 4, 4)) && naive_levels(r + 8, levels) &&
	       naive_levels(r + 24, gic.v2 ? 0 : levels) && naive_levels(r + 40, levels);
}

static void take_and_save_vcpu(struct vgic_vcpu *vcpu)
{
	uint8_t record[56], out[56];
	const uint8_t *at = record;
	uint8_t *end = out;
	struct vcpu_state state;
	const char *why;

	for (unsigned i = 0; i < sizeof(record); i++)
		record[i] = nondet_u8();
	vcpu->pending[0].heads = heads[0];
	vcpu->pending[1].heads = heads[1];
	vcpu->active.heads = heads[2];
	state = take_vcpu(&at);
	assert(at == record + 56, "all of it was read");
	why = check_vcpu(vcpu, &state);
	assert(!why == naive_vcpu(record), "taken if state.md allows it");
	if (why)
		return;
	restore_vcpu(vcpu, &state);
	save_vcpu(vcpu, &end);
	assert(end == out + 56 && same(out, record, 56), "saved as it was");
}

void any_vcpu(void)
{
	any_vgic();
	FOR_ANY_VCPU(take_and_save_vcpu);
}

/* --- Interrupts --------------------------------------------------------------------------------- */

/* An interrupt of the table, as state.md orders it. */
struct which {
	bool private, sgi;
	unsigned vcpu; /* whose, if private */
};

static struct vgic_irq *any_of_the_table(struct which *which)
{
	unsigned i = nondet_unsigned(), privates = VCPUS * PRIVATES, virq;

	assume(i < privates + gic.config.spis + gic.config.espis);
	*which = (struct which){ .private = i < privates };
	if (i < privates) {
		which->vcpu = i / PRIVATES;
		which->sgi = i % PRIVATES < 16;
		assume(which->vcpu < gic.config.vcpus);
		virq = i % PRIVATES;
	} else {
		virq = i - privates < gic.config.spis ? 32 + i - privates
						      : 4096 + i - privates - gic.config.spis;
	}
	irqs[i].route = (uint64_t)virq << ROUTE_INTID_SHIFT |
			(nondet_u64() & (ROUTE_SOFT | ROUTE_NOTIFY));
	return &irqs[i];
}

/* The vCPU with this affinity, 0xffff for none. */
static unsigned naive_affinity(uint64_t affinity)
{
	unsigned per_cluster = 1u << gic.config.cluster_bits;

	for (unsigned v = 0; v < VCPUS; v++)
		if (v < gic.config.vcpus &&
		    affinity == v % per_cluster + ((uint64_t)(v / per_cluster) << 8))
			return v;
	return 0xffff;
}

static bool naive_route(const struct which *which, uint64_t route, unsigned target)
{
	unsigned vcpus_there = gic.config.vcpus;

	if (which->private)
		return route == 0 && target == which->vcpu;
	if (gic.v2 && vcpus_there == 1)
		return route == 0 && target == 0;
	if (gic.v2)
		return route >> vcpus_there == 0 && target == (route & 1   ? 0
							       : route & 2 ? 1
									   : 0xffff);
	if (route >> 40 || (route & 0x7f000000))
		return false;
	if (route >> 31 & 1)
		return target < vcpus_there;
	return target == naive_affinity(route);
}

static bool naive_acknowledge(const struct which *which, const uint8_t *r)
{
	unsigned missing = 0xff >> gic.config.priority_bits, holder = (unsigned)number(r + 6, 2);

	if (!(r[0] & 1u << 4))
		return !(r[0] & 3u << 6) && r[3] == 0 && r[5] == 0 && holder == 0xffff;
	if (r[3] == 0xff ? r[0] & 3u << 6 : r[3] & missing)
		return false;
	if (gic.v2 && which->sgi ? r[5] >= gic.config.vcpus : r[5] != 0)
		return false;
	return which->private ? holder == which->vcpu : holder < gic.config.vcpus;
}

static bool naive_irq(const struct which *which, const uint8_t *r)
{
	bool latch = r[0] & 1u << 1, sources = gic.v2 && which->sgi;

	if (r[1] || r[10] || r[11] || (r[2] & 0xff >> gic.config.priority_bits))
		return false;
	if (which->sgi && (r[0] & 3u << 2))
		return false;
	if (sources ? r[4] >> gic.config.vcpus || latch != (r[4] != 0) : r[4] != 0)
		return false;
	return naive_acknowledge(which, r) &&
	       naive_route(which, number(r + 12, 8), (unsigned)number(r + 8, 2));
}

void any_irq(void)
{
	uint8_t record[20], out[20];
	const uint8_t *at = record;
	uint8_t *end = out;
	struct vgic_irq *irq;
	struct irq_state state;
	struct which which;
	uint64_t flags;
	const char *why;

	any_vgic();
	irq = any_of_the_table(&which);
	flags = irq->route >> ROUTE_INTID_SHIFT;
	for (unsigned i = 0; i < sizeof(record); i++)
		record[i] = nondet_u8();
	state = take_irq(&at);
	assert(at == record + 20, "all of it was read");
	why = check_irq(&gic, irq, &state);
	assert(!why == naive_irq(&which, record), "taken if state.md allows it");
	if (why)
		return;
	restore_irq(&gic, irq, &state);
	assert(irq->route >> ROUTE_INTID_SHIFT == flags, "its number and its mapping stay");
	save_irq(&gic, irq, &end);
	assert(end == out + 20 && same(out, record, 20), "saved as it was");
}
