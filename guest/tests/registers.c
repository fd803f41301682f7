/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What a driver reads back from distributor and redistributor (IHI 0069, 12.9 to 12.11) where the
 * architecture fixes it. Values that an implementation may choose are checked, not printed.
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
	return cpus[cpu].gicr + GICR_SGI_BASE;
}

static void distributor_identity(void)
{
	uint32_t typer = gicd(GICD_TYPER);

	ok(gic_lines() >= SPI_FREE_END, "GICD_TYPER.ITLinesNumber covers the board's SPIs");
	ok((typer >> 19 & 0x1f) >= 9, "GICD_TYPER.IDbits is at least 9");
	ok(!(typer & 1u << 10), "GICD_TYPER.SecurityExtn is 0 with one security state");
	write32(GICD_BASE + GICD_TYPER, ~typer);
	ok(gicd(GICD_TYPER) == typer, "GICD_TYPER is read-only");
	uint32_t iidr = gicd(GICD_IIDR);

	write32(GICD_BASE + GICD_IIDR, ~iidr);
	ok(gicd(GICD_IIDR) == iidr, "GICD_IIDR is read-only");
	is(gicd(GIC_PIDR2) >> 4 & 0xf, 3, "GICD_PIDR2: architecture revision 3");
	write32(GICD_BASE + GIC_PIDR2, 0);
	is(gicd(GIC_PIDR2) >> 4 & 0xf, 3, "GICD_PIDR2 is read-only");
}

static void distributor_control(void)
{
	uint32_t control = gicd(GICD_CTLR);

	ok(control & GICD_CTLR_ARE, "GICD_CTLR.ARE reads 1");
	ok(control & GICD_CTLR_DS, "GICD_CTLR.DS reads 1 with one security state");
	is(control & 3, 3, "GICD_CTLR: both groups enabled");
	write32(GICD_BASE + GICD_CTLR, GICD_CTLR_ARE | GICD_CTLR_GROUP0);
	gic_wait_rwp(0, SPI);
	is(gicd(GICD_CTLR) & 3, GICD_CTLR_GROUP0, "GICD_CTLR: group 1 alone disabled");
	write32(GICD_BASE + GICD_CTLR, GICD_CTLR_ARE | GICD_CTLR_GROUP1);
	gic_wait_rwp(0, SPI);
	is(gicd(GICD_CTLR) & 3, GICD_CTLR_GROUP1, "GICD_CTLR: group 0 alone disabled");
	ok(gicd(GICD_CTLR) & GICD_CTLR_DS, "GICD_CTLR.DS stays 1 when 0 is written");
	write32(GICD_BASE + GICD_CTLR, control);
	gic_wait_rwp(0, SPI);
	is(gicd(GICD_CTLR) & 3, 3, "GICD_CTLR: both enabled again");
	ok(!(gicd(GICD_CTLR) & GICD_CTLR_RWP), "GICD_CTLR.RWP ends");
}

/* A set and a clear register over one state: both read it, zeroes written change nothing. */
static void set_and_clear(const char *name, uintptr_t base, uintptr_t set, uintptr_t clear,
			  uint32_t mask, unsigned cpu, unsigned intid)
{
	write32(base + clear, mask);
	gic_wait_rwp(cpu, intid);
	is(read32(base + set) & mask, 0, "%s: all cleared", name);
	write32(base + set, 0x00a50011 & mask);
	is(read32(base + set) & mask, 0x00a50011 & mask, "%s: what was set reads 1", name);
	is(read32(base + clear) & mask, 0x00a50011 & mask, "%s: the clear register reads the same",
	   name);
	write32(base + set, 0);
	write32(base + clear, 0);
	is(read32(base + set) & mask, 0x00a50011 & mask, "%s: writing 0 changes nothing", name);
	write32(base + clear, 0x00050001 & mask);
	gic_wait_rwp(cpu, intid);
	is(read32(base + set) & mask, 0x00a00010 & mask, "%s: what was cleared reads 0", name);
	write32(base + clear, mask);
	gic_wait_rwp(cpu, intid);
	is(read32(base + set) & mask, 0, "%s: all cleared again", name);
}

static void bit_registers(void)
{
	/* Masked: enabled and pending at once must not be taken here. */
	irq_mask();
	set_and_clear("GICD_IS/ICENABLER", GICD_BASE, GIC_ISENABLER + SPI_WORD,
		      GIC_ICENABLER + SPI_WORD, ~0u, 0, SPI);
	set_and_clear("GICD_IS/ICPENDR", GICD_BASE, GIC_ISPENDR + SPI_WORD, GIC_ICPENDR + SPI_WORD,
		      ~0u, 0, SPI);
	set_and_clear("GICD_IS/ICACTIVER", GICD_BASE, GIC_ISACTIVER + SPI_WORD,
		      GIC_ICACTIVER + SPI_WORD, ~0u, 0, SPI);
	for (unsigned cpu = 0; cpu < 2; cpu++) {
		uintptr_t base = sgi_base(cpu);
		const char *whose = cpu ? "another CPU's" : "own";

		print("# %s redistributor\n", whose);
		set_and_clear("GICR_IS/ICENABLER0, SGIs", base, GIC_ISENABLER, GIC_ICENABLER,
			      0xffff, cpu, 0);
		set_and_clear("GICR_IS/ICPENDR0, SGIs", base, GIC_ISPENDR, GIC_ICPENDR, 0xffff, cpu,
			      0);
		set_and_clear("GICR_IS/ICACTIVER0, SGIs", base, GIC_ISACTIVER, GIC_ICACTIVER,
			      0xffff, cpu, 0);
		write32(base + GIC_ISENABLER, 0xffff);
	}
	irq_unmask();
	is(count_total(0) + count_total(1), 0, "none of this was delivered");
	counts_clear();
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

	is(read32(sgi_base(0) + GIC_ICFGR) & 0xaaaaaaaa, 0xaaaaaaaa, "GICR_ICFGR0: SGIs are edge");
	write32(sgi_base(0) + GIC_ICFGR, 0);
	is(read32(sgi_base(0) + GIC_ICFGR) & 0xaaaaaaaa, 0xaaaaaaaa, "GICR_ICFGR0: is read-only");
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
	write32(sgi_base(0) + GIC_IGROUPR, 0xffff0ff0);
	is(read32(sgi_base(0) + GIC_IGROUPR) & 0xffff, 0x0ff0, "GICR_IGROUPR0 reads back");
	write32(sgi_base(0) + GIC_IGROUPR, ~0u);
}

static void routes(void)
{
	unsigned same = 0;

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
	is(atomic_load(&right_affinity), cpu_count, "GICR_TYPER and MPIDR_EL1 agree on each CPU");
}

/* Sleep needs the CPU interface's groups disabled; ours stays as it is for all other tests. */
static void waker(void)
{
	uintptr_t gicr = cpus[0].gicr;

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
	unsigned zero = 0;

	for (unsigned i = 0; i < sizeof(distributor) / sizeof(distributor[0]); i++) {
		write32(GICD_BASE + distributor[i], 0xffffffff);
		zero += gicd(distributor[i]) == 0;
	}
	is(zero, sizeof(distributor) / sizeof(distributor[0]),
	   "reserved distributor words: RAZ/WI");
	is(gicd(GICD_CTLR) & 3, 3, "and nothing else changed");
}

static void cpu_interface(void)
{
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
	banked_words();
	priorities("GICD_IPRIORITYR", SPI, GICD_BASE);
	priorities("GICR_IPRIORITYR, SGIs", 4, sgi_base(0));
	priorities("GICR_IPRIORITYR, PPIs", PPI_FREE, sgi_base(0));
	priorities("GICR_IPRIORITYR, another CPU's", PPI_FREE, sgi_base(1));
	configuration();
	groups();
	routes();
	redistributors();
	affinities();
	waker();
	reserved();
	cpu_interface();
}
