/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What a driver reads back from distributor, redistributors and CPU interface (IHI 0069, 12.9 to
 * 12.11; IHI 0048, 4.3 and 4.4) where the architecture fixes it. Values that an implementation may
 * choose are checked, not printed.
 */
#include "gic.h"
#include "tap.h"

#define SPI      SPI_FREE
#define SPI_WORD (SPI / 32 * 4)

static uint32_t gicd(uintptr_t offset)
{
	return read32(GICD_BASE + offset);
}

static uintptr_t sgi_base(unsigned cpu)
{
	return gic_is_v2() ? GICD_BASE : cpus[cpu].gicr + GICR_SGI_BASE;
}

static void distributor_identity(void)
{
	uint32_t typer = gicd(GICD_TYPER);

	ok(gic_lines() >= SPI_FREE_END, "GICD_TYPER.ITLinesNumber covers the board's SPIs");
	if (gic_is_v2())
		is((typer >> 5 & 7) + 1, cpu_count, "GICD_TYPER.CPUNumber: all CPU interfaces");
	else
		ok((typer >> 19 & 0x1f) >= 9, "GICD_TYPER.IDbits is at least 9");
	ok(!(typer & 1u << 10), "GICD_TYPER.SecurityExtn is 0 with one security state");
	write32(GICD_BASE + GICD_TYPER, ~typer);
	ok(gicd(GICD_TYPER) == typer, "GICD_TYPER is read-only");
	uint32_t iidr = gicd(GICD_IIDR);

	write32(GICD_BASE + GICD_IIDR, ~iidr);
	ok(gicd(GICD_IIDR) == iidr, "GICD_IIDR is read-only");
	uintptr_t pidr2 = gic_is_v2() ? GICD_V2_PIDR2 : GIC_PIDR2;

	is(gicd(pidr2) >> 4 & 0xf, gic_version, "GICD_PIDR2: architecture revision %u",
	   gic_version);
	write32(GICD_BASE + pidr2, 0);
	is(gicd(pidr2) >> 4 & 0xf, gic_version, "GICD_PIDR2 is read-only");
}

static void distributor_control(void)
{
	uint32_t control = gicd(GICD_CTLR);

	if (gic_only(3, "GICD_CTLR.ARE and DS")) {
		ok(control & GICD_CTLR_ARE, "GICD_CTLR.ARE reads 1");
		ok(control & GICD_CTLR_DS, "GICD_CTLR.DS reads 1 with one security state");
	}
	is(control & 3, 3, "GICD_CTLR: both groups enabled");
	gic_enable_groups(true, false);
	is(gicd(GICD_CTLR) & 3, GICD_CTLR_GROUP0, "GICD_CTLR: group 1 alone disabled");
	gic_enable_groups(false, true);
	is(gicd(GICD_CTLR) & 3, GICD_CTLR_GROUP1, "GICD_CTLR: group 0 alone disabled");
	if (gic_only(3, "GICD_CTLR.DS stays 1 when 0 is written"))
		ok(gicd(GICD_CTLR) & GICD_CTLR_DS, "GICD_CTLR.DS stays 1 when 0 is written");
	write32(GICD_BASE + GICD_CTLR, control);
	gic_wait_rwp(0, SPI);
	is(gicd(GICD_CTLR) & 3, 3, "GICD_CTLR: both enabled again");
	ok(!(gicd(GICD_CTLR) & GICD_CTLR_RWP), "GICD_CTLR.RWP ends");
	if (!gic_only(2, "GICD_CTLR: reserved bits"))
		return;
	write32(GICD_BASE + GICD_CTLR, ~0u);
	is(gicd(GICD_CTLR), 3, "GICD_CTLR: reserved bits read 0");
}

/* A set and a clear register over one state: both read it, zeroes written change nothing. */
struct pair {
	const char *name;
	uintptr_t base, set, clear;
	uint32_t mask;
	bool excused; /* it does nothing here, which is known */
};

static void reads(const struct pair *pair, uintptr_t reg, uint32_t bits, const char *what)
{
	uint32_t found = read32(pair->base + reg) & pair->mask;

	is(pair->excused ? bits & pair->mask : found, bits & pair->mask, "%s: %s", pair->name,
	   what);
}

static void set_and_clear(struct pair pair, unsigned cpu, unsigned intid)
{
	uintptr_t set = pair.base + pair.set, clear = pair.base + pair.clear;

	write32(clear, pair.mask);
	gic_wait_rwp(cpu, intid);
	reads(&pair, pair.set, 0, "all cleared");
	write32(set, 0x00a50011 & pair.mask);
	reads(&pair, pair.set, 0x00a50011, "what was set reads 1");
	reads(&pair, pair.clear, 0x00a50011, "the clear register reads the same");
	write32(set, 0);
	write32(clear, 0);
	reads(&pair, pair.set, 0x00a50011, "writing 0 changes nothing");
	write32(clear, 0x00050001 & pair.mask);
	gic_wait_rwp(cpu, intid);
	reads(&pair, pair.set, 0x00a00010, "what was cleared reads 0");
	write32(clear, pair.mask);
	gic_wait_rwp(cpu, intid);
	reads(&pair, pair.set, 0, "all cleared again");
}

static void bit_registers(void)
{
	/* Masked: enabled and pending at once must not be taken here. */
	irq_mask();
	set_and_clear((struct pair){ "GICD_IS/ICENABLER", GICD_BASE, GIC_ISENABLER + SPI_WORD,
				     GIC_ICENABLER + SPI_WORD, ~0u, false },
		      0, SPI);
	set_and_clear((struct pair){ "GICD_IS/ICPENDR", GICD_BASE, GIC_ISPENDR + SPI_WORD,
				     GIC_ICPENDR + SPI_WORD, ~0u, false },
		      0, SPI);
	set_and_clear((struct pair){ "GICD_IS/ICACTIVER", GICD_BASE, GIC_ISACTIVER + SPI_WORD,
				     GIC_ICACTIVER + SPI_WORD, ~0u, false },
		      0, SPI);
	for (unsigned cpu = 0; cpu < 2 && !gic_is_v2(); cpu++) {
		uintptr_t base = sgi_base(cpu);

		print("# %s redistributor\n", cpu ? "another CPU's" : "own");
		set_and_clear((struct pair){ "GICR_IS/ICENABLER0, SGIs", base, GIC_ISENABLER,
					     GIC_ICENABLER, 0xffff, false },
			      cpu, 0);
		set_and_clear((struct pair){ "GICR_IS/ICPENDR0, SGIs", base, GIC_ISPENDR,
					     GIC_ICPENDR, 0xffff, false },
			      cpu, 0);
		set_and_clear((struct pair){ "GICR_IS/ICACTIVER0, SGIs", base, GIC_ISACTIVER,
					     GIC_ICACTIVER, 0xffff, false },
			      cpu, 0);
		write32(base + GIC_ISENABLER, 0xffff);
	}
	irq_unmask();
	is(count_total(0) + count_total(1), 0, "none of this was delivered");
	counts_clear();
}

/* PPIs 16, 18, 21 and 23, and the active states of SGIs too. */
static void own_bits(void *whose)
{
	unsigned me = this_cpu()->index;

	irq_mask();
	print("# %s banked registers\n", (const char *)whose);
	write32(GICD_BASE + GIC_ICENABLER, 0xffff0000);
	set_and_clear((struct pair){ "GICD_IS/ICENABLER0, PPIs", GICD_BASE, GIC_ISENABLER,
				     GIC_ICENABLER, 0xffff0000, false },
		      me, 16);
	set_and_clear((struct pair){ "GICD_IS/ICPENDR0, PPIs", GICD_BASE, GIC_ISPENDR, GIC_ICPENDR,
				     0xffff0000, gic_quirks.no_ppi_by_hand },
		      me, 16);
	set_and_clear((struct pair){ "GICD_IS/ICACTIVER0", GICD_BASE, GIC_ISACTIVER, GIC_ICACTIVER,
				     ~0u, false },
		      me, 0);
	write32(GICD_BASE + GIC_ISENABLER, 0xffff);
}

static void is_zero(void *result)
{
	*(bool *)result = gicd(GIC_IGROUPR) == ~0u && !gicd(GIC_ISACTIVER) &&
			  read8(GICD_BASE + GIC_IPRIORITYR + PPI_FREE) == PRIORITY_DEFAULT;
}

static void banked_bits(void)
{
	bool untouched = false;

	if (!gic_only(2, "banked registers"))
		return;
	own_bits("own");
	cpu_run(1, own_bits, "another CPU's");
	irq_mask();
	write32(GICD_BASE + GIC_IGROUPR, 0x0f0f0f0f);
	is(gicd(GIC_IGROUPR), 0x0f0f0f0f, "GICD_IGROUPR0 reads back");
	write8(GICD_BASE + GIC_IPRIORITYR + PPI_FREE, 0x30);
	write32(GICD_BASE + GIC_ISACTIVER, 1u << PPI_FREE);
	cpu_run(1, is_zero, &untouched);
	irq_mask();
	ok(untouched, "banked: another CPU has its own groups, priorities and active states");
	write32(GICD_BASE + GIC_IGROUPR, ~0u);
	write8(GICD_BASE + GIC_IPRIORITYR + PPI_FREE, PRIORITY_DEFAULT);
	write32(GICD_BASE + GIC_ICACTIVER, ~0u);
	irq_unmask();
	is(count_total(0) + count_total(1), 0, "banked: nothing delivered");
	counts_clear();
}

static void own_targets(void *found)
{
	*(uint32_t *)found = gicd(GICD_ITARGETSR);
}

static void targets(void)
{
	unsigned same = 0, other = 0;
	uint32_t all = (1u << cpu_count) - 1, found;

	if (!gic_only(2, "GICD_ITARGETSR"))
		return;
	for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
		found = 0;
		cpu_run(cpu, own_targets, &found);
		same += found == (1u << cpu) * 0x01010101u;
	}
	is(same, cpu_count, "GICD_ITARGETSR0: each CPU reads its own number");
	same = 0;
	for (unsigned i = 0; i < 32; i += 4)
		same += gicd(GICD_ITARGETSR + i) == 0x01010101;
	is(same, 8, "GICD_ITARGETSR0 to 7 read the same");
	write32(GICD_BASE + GICD_ITARGETSR, 0x02020202);
	write8(GICD_BASE + GICD_ITARGETSR + PPI_FREE, 2);
	is(gicd(GICD_ITARGETSR), 0x01010101, "GICD_ITARGETSR0 is read-only");
	is(gic_targets(PPI_FREE), 1, "GICD_ITARGETSR5 is read-only, as bytes too");
	write32(GICD_BASE + GICD_ITARGETSR + SPI, 0x03010201);
	is(gicd(GICD_ITARGETSR + SPI), 0x03010201, "GICD_ITARGETSR: word written, word read");
	is(gic_targets(SPI + 1), 2, "GICD_ITARGETSR: word written, byte read");
	gic_set_targets(SPI + 2, 2);
	is(gicd(GICD_ITARGETSR + SPI), 0x03020201,
	   "GICD_ITARGETSR: a byte written changes that byte");
	gic_set_targets(SPI + 3, 0);
	is(gicd(GICD_ITARGETSR + SPI), 0x00020201, "GICD_ITARGETSR: no target reads back");
	write32(GICD_BASE + GICD_ITARGETSR + SPI, ~0u);
	found = gicd(GICD_ITARGETSR + SPI);
	ok(found == all * 0x01010101u ||
		   gic_excused(found == ~0u, "targets that are not there read back"),
	   "GICD_ITARGETSR: targets that are not there read 0");
	for (unsigned i = 0; i < 4; i++) {
		gic_set_targets(SPI + i, 1);
		other += gic_targets(SPI + i) == 1;
	}
	is(other, 4, "GICD_ITARGETSR: bytes written one by one");
}

/* With affinity routing the distributor has no registers for private interrupts. */
static void banked_words(void)
{
	static const struct {
		const char *name;
		uintptr_t offset;
	} words[] = {
		{ "GICD_ISENABLER0", GIC_ISENABLER },
		{ "GICD_ICENABLER0", GIC_ICENABLER },
		{ "GICD_ISPENDR0", GIC_ISPENDR },
		{ "GICD_ISACTIVER0", GIC_ISACTIVER },
		{ "GICD_IPRIORITYR0", GIC_IPRIORITYR },
		{ "GICD_ICFGR0", GIC_ICFGR },
		{ "GICD_ITARGETSR0", GICD_ITARGETSR },
		{ "GICD_ITARGETSR8", GICD_ITARGETSR + 32 },
		{ "GICD_ITARGETSR of an SPI", GICD_ITARGETSR + SPI },
	};

	if (!gic_only(3, "the distributor's words for private interrupts"))
		return;
	irq_mask();
	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		write32(GICD_BASE + words[i].offset, 0x00ff00ff);
		is(gicd(words[i].offset), 0, "%s: RAZ/WI with affinity routing", words[i].name);
	}
	write32(GICD_BASE + GICD_SGIR, 0x01000000 | 3);
	wait_ms(SETTLE_MS);
	ok(!irq_asserted(), "GICD_SGIR: ignored with affinity routing");
	irq_unmask();
	is(count_all(3), 0, "GICD_SGIR: no SGI anywhere");
	is(read32(sgi_base(0) + GIC_ISENABLER) & 0xffff, 0xffff,
	   "GICR_ISENABLER0: untouched by it");
	counts_clear();
}

/* Of a priority at least the upper four bits exist; a bit exists for all interrupts or for none. */
static void priorities(const char *name, unsigned intid, uintptr_t base)
{
	uintptr_t word = base + GIC_IPRIORITYR + (intid & ~3u);
	uint8_t implemented;

	write8(word, 0xff);
	implemented = read8(word);
	is(implemented & 0xf0, 0xf0, "%s: upper four bits implemented", name);
	ok((implemented | (uint8_t)(implemented - 1)) == 0xff || implemented == 0xff,
	   "%s: unimplemented bits are the lowest, read 0", name);
	write32(word, 0x40302010);
	is(read32(word), 0x40302010, "%s: word written, word read", name);
	is(read8(word) | read8(word + 1) << 8 | read8(word + 2) << 16 |
		   (uint32_t)read8(word + 3) << 24,
	   0x40302010, "%s: word written, bytes read", name);
	write8(word + 2, 0xc0);
	is(read32(word), 0x40c02010, "%s: a byte written changes that byte", name);
	write32(word, 0xffffffff);
	is(read32(word), implemented * 0x01010101u, "%s: all bytes have the same bits", name);
	write32(word, PRIORITY_DEFAULT * 0x01010101u);
}

static void configuration(void)
{
	uintptr_t spis = GICD_BASE + GIC_ICFGR + SPI / 4;
	uintptr_t sgis = sgi_base(0) + GIC_ICFGR;
	const char *name = gic_is_v2() ? "GICD_ICFGR0" : "GICR_ICFGR0";

	is(read32(sgis) & 0xaaaaaaaa, 0xaaaaaaaa, "%s: SGIs are edge", name);
	write32(sgis, 0);
	is(read32(sgis) & 0xaaaaaaaa, 0xaaaaaaaa, "%s: is read-only", name);
	write32(spis, 0xaaaaaaaa);
	is(read32(spis) & 0xaaaaaaaa, 0xaaaaaaaa, "GICD_ICFGR: edge reads back");
	write32(spis, 0x88888888);
	is(read32(spis) & 0xaaaaaaaa, 0x88888888, "GICD_ICFGR: each its own");
	write32(spis, 0);
	is(read32(spis) & 0xaaaaaaaa, 0, "GICD_ICFGR: level reads back");
}

static void groups(void)
{
	uintptr_t spis = GICD_BASE + GIC_IGROUPR + SPI_WORD;

	write32(spis, 0x5a5aa5a5);
	is(read32(spis), 0x5a5aa5a5, "GICD_IGROUPR reads back");
	write32(spis, ~0u);
	is(read32(spis), ~0u, "GICD_IGROUPR reads back all ones");
	if (!gic_only(3, "GICR_IGROUPR0"))
		return;
	write32(sgi_base(0) + GIC_IGROUPR, 0xffff0ff0);
	is(read32(sgi_base(0) + GIC_IGROUPR) & 0xffff, 0x0ff0, "GICR_IGROUPR0 reads back");
	write32(sgi_base(0) + GIC_IGROUPR, ~0u);
}

static void routes(void)
{
	unsigned same = 0;

	if (!gic_only(3, "GICD_IROUTER"))
		return;
	for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
		gic_route(SPI, cpu);
		same += read64(GICD_BASE + GICD_IROUTER + SPI * 8) == cpus[cpu].affinity;
	}
	is(same, cpu_count, "GICD_IROUTER reads back each CPU's affinity");
	write32(GICD_BASE + GICD_IROUTER + SPI * 8, (uint32_t)cpus[1].affinity);
	write32(GICD_BASE + GICD_IROUTER + SPI * 8 + 4, (uint32_t)(cpus[1].affinity >> 32));
	ok(read64(GICD_BASE + GICD_IROUTER + SPI * 8) == cpus[1].affinity,
	   "GICD_IROUTER: written in halves");
	is(read32(GICD_BASE + GICD_IROUTER + SPI * 8), cpus[1].affinity & 0xffffffff,
	   "GICD_IROUTER: lower half read");
	is(read32(GICD_BASE + GICD_IROUTER + SPI * 8 + 4), cpus[1].affinity >> 32,
	   "GICD_IROUTER: upper half read");
	gic_route(SPI, 0);
}

static void redistributors(void)
{
	unsigned affinities = 0, last = 0, awake = 0, revision = 0, numbered = 0;

	if (!gic_only(3, "redistributors"))
		return;
	for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
		uint64_t typer = read64(cpus[cpu].gicr + GICR_TYPER);
		uint32_t waker = read32(cpus[cpu].gicr + GICR_WAKER);
		uint32_t halves[2] = { read32(cpus[cpu].gicr + GICR_TYPER),
				       read32(cpus[cpu].gicr + GICR_TYPER + 4) };

		affinities += halves[1] == typer >> 32 && halves[0] == (uint32_t)typer;
		last += !!(typer & GICR_TYPER_LAST) == (cpu == cpu_count - 1);
		numbered += (typer >> 8 & 0xffff) == cpu;
		awake += !(waker & (GICR_WAKER_PROCESSOR_SLEEP | GICR_WAKER_CHILDREN_ASLEEP));
		revision += (read32(cpus[cpu].gicr + GIC_PIDR2) >> 4 & 0xf) == 3;
	}
	is(affinities, cpu_count, "GICR_TYPER: 64-bit and 32-bit reads agree");
	is(last, cpu_count, "GICR_TYPER.Last is set in the last frame only");
	is(numbered, cpu_count, "GICR_TYPER: processor numbers count up");
	is(awake, cpu_count, "GICR_WAKER: all awake");
	is(revision, cpu_count, "GICR_PIDR2: architecture revision 3");
}

static atomic_uint right_affinity;

static void compare_affinity(void *unused)
{
	(void)unused;
	if ((read_sysreg(mpidr_el1) & 0xff00fffffful) == this_cpu()->affinity)
		atomic_fetch_add(&right_affinity, 1);
}

static void affinities(void)
{
	cpu_run_all(compare_affinity, NULL);
	is(atomic_load(&right_affinity), cpu_count, "MPIDR_EL1 of each CPU is that of its %s",
	   gic_is_v2() ? "CPU interface" : "GICR_TYPER");
}

/* Sleep needs the CPU interface's groups disabled; ours stays as it is for all other tests. */
static void waker(void)
{
	uintptr_t gicr = cpus[0].gicr;

	if (!gic_only(3, "GICR_WAKER"))
		return;
	irq_mask();
	write_sysreg(icc_igrpen0_el1, 0);
	write_sysreg(icc_igrpen1_el1, 0);
	isb();
	write32(gicr + GICR_WAKER, GICR_WAKER_PROCESSOR_SLEEP);
	uint64_t limit = counter_after_ms(LIMIT_MS);

	while (!(read32(gicr + GICR_WAKER) & GICR_WAKER_CHILDREN_ASLEEP) && !counter_passed(limit))
		;
	is(read32(gicr + GICR_WAKER) & 6, 6, "GICR_WAKER: asleep when asked to");
	write32(gicr + GICR_WAKER, 0);
	while (read32(gicr + GICR_WAKER) & GICR_WAKER_CHILDREN_ASLEEP && !counter_passed(limit))
		;
	is(read32(gicr + GICR_WAKER) & 6, 0, "GICR_WAKER: awake when asked to");
	write_sysreg(icc_igrpen0_el1, 1);
	write_sysreg(icc_igrpen1_el1, 1);
	isb();
	irq_unmask();
	sgi_send(0, 1);
	ok(wait_at_least(&cpus[0].seen[1], 1), "GICR_WAKER: interrupts work after that");
	counts_clear();
}

static void reserved(void)
{
	/* Not 0x20 to 0x3c nor 0xc000 on, which are implementation defined. */
	static const uintptr_t distributor[] = { 0x0044, 0x0060, 0x007c, 0x0f30, 0x5000, 0x6000 };
	unsigned zero = 0, words = gic_is_v2() ? 4 : 6;

	for (unsigned i = 0; i < words; i++) {
		write32(GICD_BASE + distributor[i], 0xffffffff);
		zero += gicd(distributor[i]) == 0;
	}
	is(zero, words, "reserved distributor words: RAZ/WI");
	is(gicd(GICD_CTLR) & 3, 3, "and nothing else changed");
}

/* All within one frame of 4 KiB: nothing past the last interrupt may be anything but 0. */
static void past_the_last(void)
{
	static const struct {
		uintptr_t offset;
		unsigned bits; /* for each interrupt */
	} registers[] = {
		{ GIC_IGROUPR, 1 },    { GIC_ISENABLER, 1 }, { GIC_ICENABLER, 1 },
		{ GIC_ISPENDR, 1 },    { GIC_ICPENDR, 1 },   { GIC_ISACTIVER, 1 },
		{ GIC_ICACTIVER, 1 },  { GIC_ICFGR, 2 },     { GIC_IPRIORITYR, 8 },
		{ GICD_ITARGETSR, 8 },
	};
	unsigned wrong = 0, next = 0, lines = gic_lines();

	if (lines > 992) {
		skip("words past the last interrupt", "GICD_TYPER: there are none");
		return;
	}
	for (unsigned i = 0; i < sizeof(registers) / sizeof(registers[0]); i++) {
		for (unsigned intid = lines; intid < 1020; intid += 32) {
			uintptr_t at = registers[i].offset + intid * registers[i].bits / 8;

			write32(GICD_BASE + at, ~0u);
			if (gicd(at) == 0)
				continue;
			if (intid == lines)
				next++;
			else
				wrong++;
		}
	}
	ok(!next || gic_excused(!gic_is_v2(), "it has 32 interrupts more than GICD_TYPER says"),
	   "the word past the last interrupt: RAZ/WI");
	is(wrong, 0, "words further on: RAZ/WI");
}

static uint32_t gicc(uintptr_t offset)
{
	return read32(GICC_BASE + offset);
}

static void cpu_interface_v2(void)
{
	uint32_t control;

	if (!gic_only(2, "the memory-mapped CPU interface"))
		return;
	control = gicc(GICC_CTLR);
	ok((control & 0x20f) == 0xf, "GICC_CTLR reads back");
	write32(GICC_BASE + GICC_CTLR, control | GICC_CTLR_CBPR | GICC_CTLR_EOIMODE);
	is(gicc(GICC_CTLR) & 0x21f, 0x21f, "GICC_CTLR: CBPR and EOImode read back");
	write32(GICC_BASE + GICC_CTLR, control);
	is(gicc(GICC_IIDR) >> 16 & 0xf, 2, "GICC_IIDR: architecture version 2");
	is(gicc(GICC_IAR), INTID_SPURIOUS, "GICC_IAR reads 1023 when nothing pends");
	is(gicc(GICC_HPPIR), INTID_SPURIOUS, "GICC_HPPIR reads 1023 when nothing pends");
	is(gicc(GICC_RPR), PRIORITY_IDLE, "GICC_RPR reads 0xff when idle");
	write32(GICC_BASE + GICC_EOIR, INTID_SPURIOUS);
	is(gicc(GICC_RPR), PRIORITY_IDLE, "ending 1023 changes nothing");
	write32(GICC_BASE + GICC_PMR, 0x50);
	is(gicc(GICC_PMR), 0x50, "GICC_PMR reads back");
	write32(GICC_BASE + GICC_PMR, PRIORITY_OPEN);
	is(gicc(GICC_PMR) & 0xf0, 0xf0, "GICC_PMR open again");
	ok(gicc(GICC_BPR) <= 3, "GICC_BPR: at least 16 groups of priorities");
	ok(gicc(GICC_ABPR) >= 1 && gicc(GICC_ABPR) <= 4, "GICC_ABPR: the same, and at least 1");
	write32(GICC_BASE + GICC_BPR, 6);
	write32(GICC_BASE + GICC_ABPR, 5);
	is(gicc(GICC_BPR), 6, "GICC_BPR reads back");
	is(gicc(GICC_ABPR), 5, "GICC_ABPR reads back");
	write32(GICC_BASE + GICC_BPR, 0);
	write32(GICC_BASE + GICC_ABPR, 0);
	is(gicc(0x0040) | gicc(0x00cc) | gicc(0x00f8), 0, "reserved words read 0");
}

static void cpu_interface(void)
{
	if (!gic_only(3, "the CPU interface's system registers"))
		return;
	ok(read_sysreg(icc_sre_el1) & 1, "ICC_SRE_EL1.SRE reads 1");
	is(read_sysreg(icc_igrpen1_el1) & 1, 1, "ICC_IGRPEN1_EL1 reads back");
	ok((read_sysreg(icc_ctlr_el1) >> 8 & 7) >= 3, "ICC_CTLR_EL1.PRIbits: at least 16 levels");
	is(read_sysreg(icc_iar1_el1), INTID_SPURIOUS, "ICC_IAR1_EL1 reads 1023 when nothing pends");
	is(read_sysreg(icc_iar0_el1), INTID_SPURIOUS, "ICC_IAR0_EL1 reads 1023 when nothing pends");
	is(read_sysreg(icc_rpr_el1), 0xff, "ICC_RPR_EL1 reads 0xff when idle");
	write_sysreg(icc_eoir1_el1, INTID_SPURIOUS);
	isb();
	is(read_sysreg(icc_rpr_el1), 0xff, "ending 1023 changes nothing");
	write_sysreg(icc_pmr_el1, 0x50);
	is(read_sysreg(icc_pmr_el1), 0x50, "ICC_PMR_EL1 reads back");
	write_sysreg(icc_pmr_el1, PRIORITY_OPEN);
	ok((read_sysreg(icc_pmr_el1) & 0xf0) == 0xf0, "ICC_PMR_EL1 open again");
}

void guest_main(void)
{
	if (gic_lines() < SPI_FREE_END)
		bail_out("needs 256 interrupt lines");
	distributor_identity();
	distributor_control();
	bit_registers();
	banked_bits();
	banked_words();
	targets();
	priorities("GICD_IPRIORITYR", SPI, GICD_BASE);
	priorities("IPRIORITYR, SGIs", 4, sgi_base(0));
	priorities("IPRIORITYR, PPIs", PPI_FREE, sgi_base(0));
	if (gic_only(3, "another CPU's GICR_IPRIORITYR"))
		priorities("GICR_IPRIORITYR, another CPU's", PPI_FREE, sgi_base(1));
	configuration();
	groups();
	routes();
	redistributors();
	affinities();
	waker();
	reserved();
	past_the_last();
	cpu_interface();
	cpu_interface_v2();
}
