/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * GIC driver of the guests (IHI 0069, chapters 4 and 12; IHI 0048, chapter 4). In a GICv3 private
 * interrupts are reached through their CPU's redistributor, which any CPU may access. In a GICv2
 * they are in the distributor's banked registers, which only their CPU can access.
 */
#include "gic.h"
#include "tap.h"

#define QEMU_IIDR 0x0000043bu

/* The GICv2's doorbells: SPIs at the end of those that are free, one for each CPU. */
#define SPI_DOORBELL (SPI_FREE_END - MAX_CPUS)

unsigned gic_version;
struct gic_quirks gic_quirks;

bool gic_only(unsigned version, const char *what)
{
	if (gic_version != version)
		skip(what, version == 2 ? "GICv2 only" : "GICv3 only");
	return gic_version == version;
}

static bool is_qemu(void)
{
	return read32(GICD_BASE + GICD_IIDR) == QEMU_IIDR;
}

bool gic_excused(bool deviates, const char *how)
{
	if (!deviates || !is_qemu())
		return false;
	print("# QEMU's GIC is known to be wrong here: %s\n", how);
	return true;
}

/* Affinities as this board has them with a GICv2; the "registers" guest compares. */
static void find_interfaces(void)
{
	cpu_count = (read32(GICD_BASE + GICD_TYPER) >> 5 & 7) + 1;
	for (unsigned i = 0; i < cpu_count; i++) {
		cpus[i].index = i;
		cpus[i].affinity = i;
	}
}

/* ID_AA64PFR0_EL1.GIC: is there a system-register CPU interface? */
void gic_find_cpus(void)
{
	gic_version = read_sysreg(id_aa64pfr0_el1) >> 24 & 0xf ? 3 : 2;
	if (gic_is_v2()) {
		find_interfaces();
		return;
	}

	uintptr_t gicr = GICR_BASE;
	uint64_t typer;

	do {
		struct cpu *cpu = &cpus[cpu_count];

		typer = read64(gicr + GICR_TYPER);
		cpu->index = cpu_count;
		cpu->gicr = gicr;
		cpu->affinity = ((typer >> 56) << 32) | ((typer >> 32) & 0xffffff);
		gicr += typer & GICR_TYPER_VLPIS ? 2 * GICR_STRIDE : GICR_STRIDE;
		cpu_count++;
	} while (!(typer & GICR_TYPER_LAST) && cpu_count < MAX_CPUS);
}

unsigned gic_lines(void)
{
	return ((read32(GICD_BASE + GICD_TYPER) & 0x1f) + 1) * 32;
}

/*
 * An access to the registers of one interrupt, for the sake of the GICv2: to another CPU's private
 * interrupt it is that CPU's work.
 */
struct access {
	void (*act)(struct access *access);
	unsigned cpu, intid;
	uintptr_t reg;
	uint32_t value;
};

static void act(void *access)
{
	((struct access *)access)->act(access);
}

static uint32_t perform(struct access access)
{
	if (!gic_is_v2() || access.intid >= 32 || access.cpu == this_cpu()->index)
		access.act(&access);
	else if (!cpu_run(access.cpu, act, &access))
		bail_out("no way to a private interrupt of a CPU that is busy");
	return access.value;
}

static uintptr_t frame(unsigned cpu, unsigned intid)
{
	return intid < 32 && !gic_is_v2() ? cpus[cpu].gicr + GICR_SGI_BASE : GICD_BASE;
}

/* Registers with one bit per interrupt. */
static uintptr_t bit_register(const struct access *access)
{
	return frame(access->cpu, access->intid) + access->reg + access->intid / 32 * 4;
}

static void do_write_bit(struct access *access)
{
	write32(bit_register(access), 1u << access->intid % 32);
}

static void do_read_bit(struct access *access)
{
	access->value = read32(bit_register(access)) >> access->intid % 32 & 1;
}

static void do_change_bit(struct access *access)
{
	uint32_t bit = 1u << access->intid % 32;
	uint32_t old = read32(bit_register(access));

	write32(bit_register(access), access->value ? old | bit : old & ~bit);
}

static void write_bit(unsigned cpu, unsigned intid, uintptr_t reg)
{
	perform((struct access){ do_write_bit, cpu, intid, reg, 0 });
}

static bool read_bit(unsigned cpu, unsigned intid, uintptr_t reg)
{
	return perform((struct access){ do_read_bit, cpu, intid, reg, 0 });
}

/* Registers with one byte per interrupt. */
static uintptr_t byte_register(const struct access *access)
{
	return frame(access->cpu, access->intid) + access->reg + access->intid;
}

static void do_write_byte(struct access *access)
{
	write8(byte_register(access), (uint8_t)access->value);
}

static void do_read_byte(struct access *access)
{
	access->value = read8(byte_register(access));
}

/* An RWP that does not end is one failed test, not one at every wait. */
void gic_wait_rwp(unsigned cpu, unsigned intid)
{
	static atomic_uint stuck;

	if (gic_is_v2()) {
		read32(GICD_BASE + GICD_CTLR);
		return;
	}

	uintptr_t control = intid < 32 ? cpus[cpu].gicr + GICR_CTLR : GICD_BASE + GICD_CTLR;
	uint32_t rwp = intid < 32 ? GICR_CTLR_RWP : GICD_CTLR_RWP;
	uint64_t deadline = counter_after_ms(LIMIT_MS);

	while (read32(control) & rwp && !atomic_load(&stuck)) {
		if (counter_passed(deadline) && !atomic_exchange(&stuck, 1))
			ok(false, "%s.RWP ends", intid < 32 ? "GICR_CTLR" : "GICD_CTLR");
		wfe(); /* lets an emulator that runs one CPU at a time go on to the next */
	}
}

void gic_enable(unsigned cpu, unsigned intid)
{
	write_bit(cpu, intid, GIC_ISENABLER);
}

void gic_disable(unsigned cpu, unsigned intid)
{
	write_bit(cpu, intid, GIC_ICENABLER);
	if (gic_is_v2())
		gic_is_enabled(cpu, intid);
	else
		gic_wait_rwp(cpu, intid);
}

bool gic_is_enabled(unsigned cpu, unsigned intid)
{
	return read_bit(cpu, intid, GIC_ISENABLER);
}

static bool has_sources(unsigned intid)
{
	return gic_is_v2() && intid < 16;
}

void gic_set_pending(unsigned cpu, unsigned intid)
{
	if (has_sources(intid))
		perform((struct access){ do_write_byte, cpu, intid, GICD_SPENDSGIR, 1u << cpu });
	else
		write_bit(cpu, intid, GIC_ISPENDR);
}

void gic_clear_pending(unsigned cpu, unsigned intid)
{
	if (has_sources(intid))
		perform((struct access){ do_write_byte, cpu, intid, GICD_CPENDSGIR, 0xff });
	else
		write_bit(cpu, intid, GIC_ICPENDR);
}

bool gic_is_pending(unsigned cpu, unsigned intid)
{
	return read_bit(cpu, intid, GIC_ISPENDR);
}

void gic_set_active(unsigned cpu, unsigned intid)
{
	write_bit(cpu, intid, GIC_ISACTIVER);
}

void gic_clear_active(unsigned cpu, unsigned intid)
{
	write_bit(cpu, intid, GIC_ICACTIVER);
}

bool gic_is_active(unsigned cpu, unsigned intid)
{
	return read_bit(cpu, intid, GIC_ISACTIVER);
}

void gic_set_priority(unsigned cpu, unsigned intid, uint8_t priority)
{
	perform((struct access){ do_write_byte, cpu, intid, GIC_IPRIORITYR, priority });
}

uint8_t gic_priority(unsigned cpu, unsigned intid)
{
	return (uint8_t)perform((struct access){ do_read_byte, cpu, intid, GIC_IPRIORITYR, 0 });
}

static void do_set_edge(struct access *access)
{
	uintptr_t reg = frame(access->cpu, access->intid) + GIC_ICFGR + access->intid / 16 * 4;
	uint32_t bit = 2u << access->intid % 16 * 2;
	uint32_t old = read32(reg);

	write32(reg, access->value ? old | bit : old & ~bit);
}

void gic_set_edge(unsigned cpu, unsigned intid, bool edge)
{
	perform((struct access){ do_set_edge, cpu, intid, 0, edge });
}

void gic_set_group(unsigned cpu, unsigned intid, unsigned group)
{
	perform((struct access){ do_change_bit, cpu, intid, GIC_IGROUPR, group });
}

void gic_route(unsigned intid, unsigned cpu)
{
	if (gic_is_v2())
		gic_set_targets(intid, (uint8_t)(1u << cpu));
	else
		write64(GICD_BASE + GICD_IROUTER + intid * 8, cpus[cpu].affinity);
}

void gic_route_nowhere(unsigned intid)
{
	if (gic_is_v2())
		gic_set_targets(intid, 0);
	else
		write64(GICD_BASE + GICD_IROUTER + intid * 8, 0xff00fffffful);
}

void gic_enable_groups(bool group0, bool group1)
{
	write32(GICD_BASE + GICD_CTLR, (gic_is_v2() ? 0 : GICD_CTLR_ARE) |
					       (group0 ? GICD_CTLR_GROUP0 : 0) |
					       (group1 ? GICD_CTLR_GROUP1 : 0));
	gic_wait_rwp(0, 32);
}

void spi_setup(unsigned intid, unsigned cpu, uint8_t priority, bool edge)
{
	gic_disable(0, intid);
	gic_clear_pending(0, intid);
	gic_clear_active(0, intid);
	gic_set_edge(0, intid, edge);
	gic_set_priority(0, intid, priority);
	gic_route(intid, cpu);
	gic_enable(0, intid);
}

void spi_release(unsigned intid)
{
	spi_setup(intid, 0, PRIORITY_DEFAULT, false);
	gic_disable(0, intid);
}

static void do_wait_bit(struct access *access)
{
	uint64_t deadline = counter_after_ms(LIMIT_MS);
	uint32_t wanted = access->value;

	do_read_bit(access);
	while (access->value != wanted && !counter_passed(deadline)) {
		wfe();
		do_read_bit(access);
	}
}

/* CPU 1 is off, so an SPI that pends for it is not taken. */
void gic_find_quirks(void)
{
	if (!gic_is_v2() || !is_qemu())
		return;
	irq_mask();
	gic_set_pending(0, PPI_FREE);
	gic_quirks.no_ppi_by_hand =
		gic_excused(!gic_is_pending(0, PPI_FREE), "GICD_ISPENDR does nothing for a PPI");
	gic_clear_pending(0, PPI_FREE);
	spi_setup(SPI_FREE, 1, PRIORITY_DEFAULT, true);
	gic_set_pending(0, SPI_FREE);
	gic_route(SPI_FREE, 0);
	gic_quirks.pending_stays =
		gic_excused(!irq_asserted(), "what pends does not move to a new target");
	spi_release(SPI_FREE);
	irq_unmask();
}

static bool wait_bit(unsigned cpu, unsigned intid, uintptr_t reg, bool wanted)
{
	return perform((struct access){ do_wait_bit, cpu, intid, reg, wanted }) == wanted;
}

bool gic_wait_pending(unsigned cpu, unsigned intid, bool pending)
{
	return wait_bit(cpu, intid, GIC_ISPENDR, pending);
}

bool gic_wait_active(unsigned cpu, unsigned intid, bool active)
{
	return wait_bit(cpu, intid, GIC_ISACTIVER, active);
}

static void reset_bits(uintptr_t base, unsigned from, unsigned to)
{
	for (unsigned i = from / 32 * 4; i < to / 32 * 4; i += 4) {
		write32(base + GIC_ICENABLER + i, ~0u);
		write32(base + GIC_ICPENDR + i, ~0u);
		write32(base + GIC_ICACTIVER + i, ~0u);
		write32(base + GIC_IGROUPR + i, ~0u);
	}
	for (unsigned i = from; i < to; i += 4)
		write32(base + GIC_IPRIORITYR + i, PRIORITY_DEFAULT * 0x01010101u);
}

static void init_doorbells(void)
{
	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		spi_setup(SPI_DOORBELL + cpu, cpu, PRIORITY_DOORBELL, true);
}

void gic_init_distributor(void)
{
	unsigned lines = gic_lines();

	write32(GICD_BASE + GICD_CTLR, 0);
	gic_wait_rwp(0, 32);
	gic_enable_groups(false, false);
	if (lines > 1020)
		lines = 1020 / 32 * 32;
	reset_bits(GICD_BASE, 32, lines);
	gic_wait_rwp(0, 32);
	for (unsigned i = 32; i < lines; i += 16)
		write32(GICD_BASE + GIC_ICFGR + i / 4, 0);
	for (unsigned i = 32; i < lines; i++)
		gic_route(i, 0);
	if (gic_is_v2())
		init_doorbells();
	gic_enable_groups(true, true);
}

static void init_cpu_v2(struct cpu *me)
{
	reset_bits(GICD_BASE, 0, 32);
	write32(GICD_BASE + GIC_ICFGR + 4, 0);
	for (unsigned intid = 0; intid < 16; intid++)
		gic_clear_pending(me->index, intid);
	write32(GICD_BASE + GIC_ISENABLER, 0xffff);
	me->entry_running = gic_running_priority();
	for (unsigned i = 0; i < 4; i++) {
		write32(GICC_BASE + GICC_APR + i * 4, 0);
		write32(GICC_BASE + GICC_NSAPR + i * 4, 0);
	}
	write32(GICC_BASE + GICC_PMR, PRIORITY_OPEN);
	write32(GICC_BASE + GICC_BPR, 0);
	write32(GICC_BASE + GICC_ABPR, 0);
	write32(GICC_BASE + GICC_CTLR,
		GICC_CTLR_GROUP0 | GICC_CTLR_GROUP1 | GICC_CTLR_ACKCTL | GICC_CTLR_FIQEN);
	dsb();
}

static void init_cpu_v3(struct cpu *me)
{
	write32(me->gicr + GICR_WAKER, read32(me->gicr + GICR_WAKER) & ~GICR_WAKER_PROCESSOR_SLEEP);
	while (read32(me->gicr + GICR_WAKER) & GICR_WAKER_CHILDREN_ASLEEP)
		;
	reset_bits(me->gicr + GICR_SGI_BASE, 0, 32);
	write32(me->gicr + GICR_SGI_BASE + GIC_ICFGR + 4, 0);
	gic_wait_rwp(me->index, 0);
	gic_set_priority(me->index, PPI_DOORBELL, PRIORITY_DOORBELL);
	write32(me->gicr + GICR_SGI_BASE + GIC_ISENABLER, 0xffff | 1u << PPI_DOORBELL);
	write_sysreg(icc_sre_el1, read_sysreg(icc_sre_el1) | 1);
	isb();
	me->entry_running = gic_running_priority();
	write_sysreg(icc_ctlr_el1, 0);
	write_sysreg(icc_bpr1_el1, 0);
	write_sysreg(icc_pmr_el1, PRIORITY_OPEN);
	write_sysreg(icc_igrpen0_el1, 1);
	write_sysreg(icc_igrpen1_el1, 1);
	isb();
}

void gic_init_cpu(struct cpu *me)
{
	me->split_end = false;
	if (gic_is_v2())
		init_cpu_v2(me);
	else
		init_cpu_v3(me);
}

void gic_ring(unsigned cpu)
{
	if (gic_is_v2())
		gic_set_pending(cpu, SPI_DOORBELL + cpu);
	else
		gic_set_pending(cpu, PPI_DOORBELL);
}

bool gic_is_doorbell(unsigned intid)
{
	if (gic_is_v2())
		return intid >= SPI_DOORBELL && intid < SPI_DOORBELL + MAX_CPUS;
	return intid == PPI_DOORBELL;
}

#define SGI_AFFINITY(affinity)                                               \
	(((affinity) >> 32 & 0xff) << 48 | ((affinity) >> 16 & 0xff) << 32 | \
	 ((affinity) >> 8 & 0xff) << 16 | ((affinity) >> 4 & 0xf) << 44)

uint64_t sgi_value(uint64_t affinity, unsigned intid)
{
	return SGI_AFFINITY(affinity) | (uint64_t)intid << 24 | 1ull << (affinity & 0xf);
}

void sgi_send(unsigned cpu, unsigned intid)
{
	if (gic_is_v2())
		sgi_write_v2(SGIR_LIST, 1u << cpu, intid);
	else
		sgi_write(sgi_value(cpus[cpu].affinity, intid));
}

static void send_mask_v3(unsigned mask, unsigned intid)
{
	while (mask) {
		uint64_t cluster = SGI_AFFINITY(cpus[__builtin_ctz(mask)].affinity);
		uint64_t value = cluster | (uint64_t)intid << 24;

		for (unsigned i = 0; i < cpu_count; i++) {
			if (mask >> i & 1 && SGI_AFFINITY(cpus[i].affinity) == cluster) {
				value |= 1ull << (cpus[i].affinity & 0xf);
				mask &= ~(1u << i);
			}
		}
		sgi_write(value);
	}
}

void sgi_send_mask(unsigned mask, unsigned intid)
{
	if (gic_is_v2())
		sgi_write_v2(SGIR_LIST, mask, intid);
	else
		send_mask_v3(mask, intid);
}

void sgi_send_others(unsigned intid)
{
	if (gic_is_v2())
		sgi_write_v2(SGIR_OTHERS, 0, intid);
	else
		sgi_write(SGI_TO_ALL_OTHERS | (uint64_t)intid << 24);
}

/* --- The CPU interface ---------------------------------------------------------------------- */

/* A register of a GICv2's CPU interface, written before anything that follows. */
static void gicc_write(uintptr_t offset, uint32_t value)
{
	dsb();
	write32(GICC_BASE + offset, value);
	dsb();
}

static void gicc_change(uint32_t bits, bool set)
{
	uint32_t old = read32(GICC_BASE + GICC_CTLR);

	gicc_write(GICC_CTLR, set ? old | bits : old & ~bits);
}

/* The source of an SGI, in bits 12:10, is wanted again at its end. */
static unsigned acknowledge_v2(void)
{
	uint32_t value = read32(GICC_BASE + GICC_IAR);
	unsigned intid = value & 0x3ff;

	dsb();
	if (intid < 16)
		this_cpu()->sources[intid] = (uint8_t)(value >> 10 & 7);
	return intid;
}

static uint32_t with_source(unsigned intid)
{
	return intid < 16 ? intid | (uint32_t)this_cpu()->sources[intid] << 10 : intid;
}

unsigned gic_source(unsigned intid)
{
	return this_cpu()->sources[intid];
}

unsigned gic_acknowledge(void)
{
	if (gic_is_v2())
		return acknowledge_v2();

	unsigned intid = (unsigned)read_sysreg(icc_iar1_el1);

	dsb();
	isb();
	return intid;
}

unsigned gic_acknowledge0(void)
{
	if (gic_is_v2())
		return acknowledge_v2();

	unsigned intid = (unsigned)read_sysreg(icc_iar0_el1);

	dsb();
	isb();
	return intid;
}

void gic_end(unsigned intid)
{
	if (gic_is_v2()) {
		gicc_write(GICC_EOIR, with_source(intid));
		return;
	}
	dsb();
	write_sysreg(icc_eoir1_el1, intid);
	isb();
}

void gic_end0(unsigned intid)
{
	if (gic_is_v2()) {
		gicc_write(GICC_EOIR, with_source(intid));
		return;
	}
	dsb();
	write_sysreg(icc_eoir0_el1, intid);
	isb();
}

#define ICC_CTLR_CBPR    (1u << 0)
#define ICC_CTLR_EOIMODE (1u << 1)

static void icc_change(uint64_t bits, bool set)
{
	uint64_t old = read_sysreg(icc_ctlr_el1);

	write_sysreg(icc_ctlr_el1, set ? old | bits : old & ~bits);
	isb();
}

void gic_split_end(bool split)
{
	this_cpu()->split_end = split;
	if (gic_is_v2())
		gicc_change(GICC_CTLR_EOIMODE, split);
	else
		icc_change(ICC_CTLR_EOIMODE, split);
}

void gic_deactivate(unsigned intid)
{
	if (gic_is_v2()) {
		gicc_write(GICC_DIR, with_source(intid));
		return;
	}
	dsb();
	write_sysreg(icc_dir_el1, intid);
	isb();
}

void gic_set_mask(unsigned priority)
{
	if (gic_is_v2()) {
		gicc_write(GICC_PMR, priority);
		return;
	}
	write_sysreg(icc_pmr_el1, priority);
	isb();
}

unsigned gic_mask(void)
{
	return gic_is_v2() ? read32(GICC_BASE + GICC_PMR) : (unsigned)read_sysreg(icc_pmr_el1);
}

unsigned gic_running_priority(void)
{
	return gic_is_v2() ? read32(GICC_BASE + GICC_RPR) : (unsigned)read_sysreg(icc_rpr_el1);
}

unsigned gic_highest_pending(void)
{
	return gic_is_v2() ? read32(GICC_BASE + GICC_HPPIR) & 0x3ff
			   : (unsigned)read_sysreg(icc_hppir1_el1);
}

void gic_set_binary_point(unsigned point)
{
	if (gic_is_v2()) {
		gicc_write(GICC_ABPR, point);
		return;
	}
	write_sysreg(icc_bpr1_el1, point);
	isb();
}

unsigned gic_binary_point(void)
{
	return gic_is_v2() ? read32(GICC_BASE + GICC_ABPR) : (unsigned)read_sysreg(icc_bpr1_el1);
}

void gic_set_binary_point0(unsigned point)
{
	if (gic_is_v2()) {
		gicc_write(GICC_BPR, point);
		return;
	}
	write_sysreg(icc_bpr0_el1, point);
	isb();
}

void gic_common_binary_point(bool common)
{
	if (gic_is_v2())
		gicc_change(GICC_CTLR_CBPR, common);
	else
		icc_change(ICC_CTLR_CBPR, common);
}

void gic_enable_group(unsigned group, bool on)
{
	if (gic_is_v2())
		gicc_change(group ? GICC_CTLR_GROUP1 : GICC_CTLR_GROUP0, on);
	else if (group)
		write_sysreg(icc_igrpen1_el1, on);
	else
		write_sysreg(icc_igrpen0_el1, on);
	isb();
}

bool gic_group_enabled(unsigned group)
{
	if (gic_is_v2())
		return read32(GICC_BASE + GICC_CTLR) >> group & 1;
	return (group ? read_sysreg(icc_igrpen1_el1) : read_sysreg(icc_igrpen0_el1)) & 1;
}
