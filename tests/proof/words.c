/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Pure functions, each against a naive definition: of the interrupt word (word.h), of sets of levels
 * and priorities (internal.h), of affinities and sizes (vgic.c).
 *
 * with: vgic lr signal
 * quick: word_facts: word_pending, _wanted, _needs_look, _looker, _valid: any word
 * proof: word_fields: fields and flags of the word do not overlap; a field reads back: any word
 * proof: level_sets --unwind 129: levels_add, _remove, _has, _best_from, _up_to: any set and level
 * proof: priorities: group_priority, preemption_level, active_level: any priority, ICH_VMCR_EL2, configuration
 * quick: affinities: vgic_vcpu_of_mpidr and vgic_mpidr: any configuration, MPIDR, vCPU
 * proof: refusals: vgic_check: any configuration
 * proof: sizes --unwind 5 -DBITS=5: vgic_size: 1, 2, 8, 512 vCPUs, any SPIs and PPIs: parts do not overlap, a link reaches all
 * proof: sizes --unwind 5 -DBITS=8: the same with 8 bits of priority
 * proof: primitives --unwind 2: irq_at and link_to, word_load and word_cas, irq_hwirq: any value
 * broken: level_sets internal.h s/(63.-.level/(62-level/ --unwind 129: a shift that is one short
 * broken: priorities internal.h s/VMCR_VBPR0(vmcr).+.1/VMCR_VBPR0(vmcr)/: the binary point of group 0 as that of group 1
 * broken: affinities vgic.c s/vcpu.<.vgic->config.vcpus/vcpu<=vgic->config.vcpus/: a vCPU too many
 * broken: word_facts word.h s/(W_LEVEL.|.W_LINE);$/W_LINE;/: a line that counts although edge-triggered
 */
#include "proof.h"
#include "vgic.c"

#ifndef BITS
#define BITS 5
#endif

static bool bit(uint64_t value, unsigned n)
{
	return value >> n & 1;
}

/* The bits are those that word.h documents; what follows from them is said in word.md. */
void word_facts(void)
{
	uint64_t w = nondet_u64();
	bool enabled = bit(w, 63), latch = bit(w, 62), line = bit(w, 61), level = bit(w, 60);
	bool active = bit(w, 59), held = bit(w, 56), in_lr = bit(w, 55), lr_pending = bit(w, 54);
	bool retract = bit(w, 53), deactivate = bit(w, 52);
	bool requests = bit(w, 51) || bit(w, 50) || bit(w, 49);
	bool sources = (w >> 41 & 0xff) != 0, routed = (w & 0x3ff) != 0x3ff;
	unsigned looker = held ? w >> 10 & 0x3ff : routed ? w & 0x3ff : 0;
	bool pending = latch || (level && line);

	assert(word_pending(w) == pending, "word_pending");
	assert(word_wanted(w) == (enabled && pending), "word_wanted");
	assert(word_needs_look(w) == (held || requests || active || (routed && enabled && pending)),
	       "word_needs_look");
	assert(word_looker(w) == looker, "word_looker");
	assert(word_valid(w) ==
		       ((!in_lr || held) && (!(lr_pending || retract || deactivate) || in_lr) &&
			(!sources || latch)),
	       "word_valid: LR_IS_HELD, PENDING_IN_LR, SOURCE_LATCHED");
}

void word_fields(void)
{
	static const uint64_t parts[] = {
		W_ENABLED, W_LATCH,      W_LINE,    W_LEVEL,    W_ACTIVE,
		W_GROUP1,  W_QUEUED,     W_HELD,    W_IN_LR,    W_LR_PENDING,
		W_RETRACT, W_DEACTIVATE, W_SYNC,    W_PHYSICAL, W_PHYSICAL_CLEAR,
		W_DROPPED, W_ACK_GROUP1, W_SOURCES, W_CPUID,    W_PRIORITY,
		W_ACK,     W_HOLDER,     W_TARGET
	};
	enum { PARTS = sizeof(parts) / sizeof(parts[0]) };
	unsigned i = nondet_unsigned(), j = nondet_unsigned();
	uint64_t w = nondet_u64();

	assume(i < PARTS && j < PARTS && i != j);
	assert(!(parts[i] & parts[j]), "parts do not overlap");
	assert((uint64_t)word_priority(w) << W_PRIORITY_SHIFT == (w & W_PRIORITY), "priority");
	assert((uint64_t)word_ack(w) << W_ACK_SHIFT == (w & W_ACK), "acknowledged priority");
	assert((uint64_t)word_sources(w) << W_SOURCE_SHIFT == (w & W_SOURCES), "sources");
	assert((uint64_t)word_cpuid(w) << W_CPUID_SHIFT == (w & W_CPUID), "source");
	assert((uint64_t)word_holder(w) << W_HOLDER_SHIFT == (w & W_HOLDER), "holder");
	assert((uint64_t)word_target(w) << W_TARGET_SHIFT == (w & W_TARGET), "target");
	assert(word_runs(w) == (!(w & W_DROPPED) && (w & W_ACK) != W_ACK), "word_runs");
}

static bool in_set(const struct levels *set, unsigned level)
{
	return bit(set->bits[level >> 6], level & 63);
}

void level_sets(void)
{
	struct levels set = { { nondet_u64(), nondet_u64() } }, more = set, less = set;
	unsigned level = nondet_unsigned(), other = nondet_unsigned();
	unsigned from = LEVELS, up_to = LEVELS;

	assume(level < LEVELS && other < LEVELS);
	levels_add(&more, level);
	levels_remove(&less, level);
	assert(levels_has(&set, level) == in_set(&set, level), "levels_has");
	assert(in_set(&more, other) == (in_set(&set, other) || other == level), "levels_add");
	assert(in_set(&less, other) == (in_set(&set, other) && other != level), "levels_remove");
	for (unsigned i = 0; i < LEVELS; i++) {
		if (i >= level && from == LEVELS && in_set(&set, i))
			from = i;
		if (i <= level && in_set(&set, i))
			up_to = i;
	}
	assert(levels_best_from(&set, level) == from, "levels_best_from");
	assert(levels_up_to(&set, level) == up_to, "levels_up_to");
	assert(levels_best_from(&set, LEVELS) == LEVELS, "nothing is after the last");
	assert(levels_best(&set) == levels_best_from(&set, 0), "levels_best");
}

/*
 * IHI 0069 4.8.3, ICC_BPR0_EL1: with binary point n, group priority is bits 7 to n + 1; ICC_BPR1_EL1:
 * bits 7 to n; it is ICC_BPR0_EL1 that counts for both with CBPR.
 */
void priorities(void)
{
	uint32_t vmcr = nondet_u32();
	unsigned group = nondet_unsigned(), priority = nondet_u8(), n, lowest;
	unsigned levels, level;
	uint64_t w = nondet_u64();

	assume(group < 2);
	gic.config = any_config();
	vcpus[0].vgic = &gic;
	vcpus[0].vmcr = vmcr;
	if (group == 0 || bit(vmcr, 4)) {
		n = vmcr >> 21 & 7;
		lowest = n + 1;
	} else {
		n = vmcr >> 18 & 7;
		lowest = n;
	}
	assert(group_priority(vmcr, group, priority) ==
		       (lowest > 7 ? 0 : priority - priority % (1u << lowest)),
	       "group_priority");
	assert(preemption_level(&vcpus[0], group, priority) < LEVELS, "preemption_level: a level");
	assert(preemption_level(&vcpus[0], group, priority) <=
		       preemption_level(&vcpus[0], group, 0xff),
	       "preemption_level: 0xff is the worst");
	levels = 1u << gic.config.priority_bits;
	assert(level_of(&gic, priority) < levels, "level_of");
	level = active_level(&gic, w);
	assert(level <= levels && level <= 255, "active_level: a bucket of the queue");
	if (word_runs(w) && levels < 256)
		assert(level < levels, "what runs is before what does not");
}

void affinities(void)
{
	uint64_t mpidr = nondet_u64(), affinity;
	unsigned vcpu = nondet_unsigned();
	int found;

	gic.config = any_config();
	found = vgic_vcpu_of_mpidr(&gic, mpidr);
	affinity = mpidr & 0xff00ffffffull;
	assert(found == -VIRQ_ERR_RANGE || (found >= 0 && found < gic.config.vcpus),
	       "a vCPU, or none");
	if (found >= 0)
		assert(vgic_mpidr(&gic, (unsigned)found) == affinity,
		       "its affinity is the one asked for");
	assume(vcpu < gic.config.vcpus);
	assert(vgic_vcpu_of_mpidr(&gic, vgic_mpidr(&gic, vcpu)) == (int)vcpu, "inverse");
	if (found >= 0 && (unsigned)found != vcpu)
		assert(vgic_mpidr(&gic, vcpu) != affinity, "affinities are unique");
	assert((vgic_mpidr(&gic, vcpu) & 0xff) < 16, "Aff0 is in reach of an SGI's target list");
}

static void sizes_of(struct vgic_config config)
{
	size_t size = vgic_size(&config), vcpus_end, irqs_end, heads_end;

	if (vgic_check(&config, NULL)) {
		assert(size == 0, "no size for what is refused");
		return;
	}
	assert(config.vcpus >= 1 && config.vcpus <= (config.version == VGIC_V2 ? 8 : 512), "vcpus");
	assert(config.spis <= 988 && config.espis <= 1024, "interrupts");
	vcpus_end =
		round_up(sizeof(struct vgic)) + config.vcpus * round_up(sizeof(struct vgic_vcpu));
	irqs_end = irqs_at(&config) +
		   sizeof(struct vgic_irq) * ((32 + (size_t)config.eppis) * config.vcpus +
					      config.spis + config.espis);
	heads_end = heads_at(&config) +
		    3 * sizeof(link_t) * (((size_t)1 << config.priority_bits) + 1) * config.vcpus;
	assert(irqs_at(&config) >= vcpus_end && irqs_at(&config) % ALIGN == 0, "interrupts");
	assert(heads_at(&config) >= irqs_end && heads_at(&config) % sizeof(link_t) == 0, "heads");
	assert(size >= heads_end && size % ALIGN == 0, "all is inside");
	assert(size <= UINT32_MAX && size != 0, "a link reaches all of it");
	assert(irqs_at(&config) != 0, "no interrupt has link 0");
}

/* The factors of products as constants: a multiplication of variables is hard to decide. */
void sizes(void)
{
	static const uint16_t vcpus_of[] = { 1, 2, 8, 512 };
	struct vgic_config config = nondet_config();

	for (unsigned i = 0; i < 4; i++)
		for (unsigned eppis = 0; eppis <= 64; eppis += 32) {
			config.vcpus = vcpus_of[i];
			config.eppis = (uint8_t)eppis;
			config.priority_bits = BITS;
			sizes_of(config);
		}
}

void refusals(void)
{
	struct vgic_config config = nondet_config();
	const char *why = NULL;
	int result = vgic_check(&config, &why);

	assert((result == 0) == (why == NULL) && (result == 0 || result == -VIRQ_ERR_CONFIG),
	       "a reason with each refusal");
	if (result == 0) {
		assert(config.eppis == 0 || config.eppis == 32 || config.eppis == 64, "eppis");
		assert(config.priority_bits >= 5 && config.priority_bits <= 8, "priority_bits");
		assert(config.preemption_bits >= 5 && config.preemption_bits <= 7,
		       "preemption_bits");
		assert(config.lrs <= VGIC_MAX_LRS && config.cluster_bits <= 4, "lrs, cluster_bits");
	}
}

/* What proof.h has its own form of. */
void primitives(void)
{
	static struct {
		struct vgic vgic;
		struct vgic_irq irqs[4];
	} block;
	struct vgic_irq *irq = &block.irqs[3];
	uint64_t before = nondet_u64(), expected = nondet_u64(), desired = nondet_u64(),
		 e = expected;
	bool swapped;

	assert(library_link_to(&block.vgic, irq) != 0, "a link is not 0");
	assert(library_irq_at(&block.vgic, library_link_to(&block.vgic, irq)) == irq, "inverse");
	irq->word = before;
	irq->hwirq = nondet_u16();
	assert(library_word_load(irq) == before, "word_load");
	assert(library_irq_hwirq(irq) == irq->hwirq, "irq_hwirq");
	swapped = library_word_cas(irq, &e, desired);
	assert(!swapped || before == expected, "word_cas: only what was expected");
	assert(irq->word == (swapped ? desired : before), "word_cas: all or nothing");
	assert(swapped ? e == expected : e == before, "word_cas: what is there is told");
}
