/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What each register does, by the row of the table that decode.c shows accesses to reach: any of its
 * offsets and widths, any value, any interrupts that decode.c lets it have, any words. All changes of
 * words are checked where they are made: word_cas() in proof.h.
 *
 * with: vgic lr access v2 source dir
 * options: --unwind 3
 * options: --unwindset write_group.0:33,read_group.0:33,enabled_bits.0:9,enabled_bits.1:5
 * options: --unwindset write_senable.0:5,write_cenable.0:5,write_spend.0:5,write_sactive.0:5
 * options: --unwindset own_live.0:5,clear_state.0:5,clear_state.1:5,settle_truth.0:5
 * options: --unwindset write_priority.0:5,write_config.0:17,write_targets.0:5
 * options: --unwindset read_pending.0:5,read_active.0:5,read_priority.0:5,read_config.0:17
 * options: --unwindset read_v2_enable.0:5,read_targets.0:5
 * options: --unwindset read_sgi_pending.0:5,write_sgi_control.0:5,send_sgis.0:3,set_groups.0:3
 * proof: any_write -DKIND=IGROUPR: IGROUPR written
 * proof: any_write -DKIND=ISENABLER -DFEW: ISENABLER written
 * proof: any_write -DKIND=ICENABLER -DFEW: ICENABLER written
 * proof: any_write -DKIND=ISPENDR -DFEW: ISPENDR written
 * proof: any_write -DKIND=ICPENDR -DFEW: ICPENDR written
 * proof: any_write -DKIND=ISACTIVER -DFEW: ISACTIVER written
 * proof: any_write -DKIND=ICACTIVER -DFEW: ICACTIVER written
 * quick: any_write -DKIND=IPRIORITYR: IPRIORITYR written
 * proof: any_write -DKIND=ICFGR: ICFGR written
 * proof: any_read -DKIND=IGROUPR: IGROUPR read
 * proof: any_read -DKIND=ISENABLER: ISENABLER read
 * proof: any_read -DKIND=ISPENDR -DMOST=4: ISPENDR read
 * proof: any_read -DKIND=ISACTIVER -DMOST=4: ISACTIVER read
 * proof: any_read -DKIND=IPRIORITYR: IPRIORITYR read
 * proof: any_read -DKIND=ICFGR: ICFGR read
 * proof: any_read -DKIND=V2_ISENABLER -DVERSION=2 -DMOST=4: ISENABLER of a GICv2 read
 * proof: any_control -DKIND=GICD_CONTROL -DVERSION=3: GICD_CTLR to GICD_CLRSPI_NSR, read and written
 * proof: any_control -DKIND=GICR_CONTROL -DVERSION=3: GICR_CTLR to GICR_WAKER
 * proof: any_targets --max-field-sensitivity-array-size 100 -DVERSION=2 -DSPIS=2: ITARGETSR of two interrupts, read and written
 * quick: any_irouter -DKIND=IROUTER -DVERSION=3 -DSPIS=40 -DESPIS=40: the SPI of an IROUTER, any offset
 * quick: any_route --max-field-sensitivity-array-size 100 -DVERSION=3 -DSPIS=1 -DAT=0x6100: IROUTER, read and written
 * proof: any_route --max-field-sensitivity-array-size 100 -DVERSION=3 -DSPIS=1 -DAT=0x6104: its upper half
 * proof: any_route --max-field-sensitivity-array-size 100 -DVERSION=3 -DSPIS=1 -DESPIS=1 -DAT=0x8000: IROUTER<n>E
 * proof: any_control -DKIND=IDENTIFICATION -DVERSION=3: PIDR, CIDR
 * proof: any_control -DKIND=V2_CONTROL -DVERSION=2: GICD_CTLR, GICD_TYPER, GICD_IIDR of a GICv2
 * proof: any_control -DKIND=SGI_CONTROL -DVERSION=2 -DONLY_VCPU_1: GICD_SGIR, CPENDSGIR, SPENDSGIR
 * proof: any_control -DKIND=V2_IDENTIFICATION -DVERSION=2: PIDR, CIDR of a GICv2
 * broken: any_write access.c s/0xff00u.>>.access->vgic->config.priority_bits/0xff00u>>value/ -DKIND=IPRIORITYR: a shift by a guest's value
 * broken: any_write access.c s/if.(old.&.W_IN_LR)/if(old)/ -DKIND=ICPENDR -DFEW: a request to no list register
 * broken: any_control v2.c s/&.present;.to/;to/ -DKIND=SGI_CONTROL -DVERSION=2 -DONLY_VCPU_1: SGI targets without their mask
 */
#include "proof.h"
#include "frames.c"

#ifndef KIND
#define KIND IGROUPR
#endif
#ifndef MOST
#define MOST 32
#endif

/* The access that decode.c allows: so many existing interrupts, of a vCPU or shared. */
static void any_bits(struct access *access)
{
	unsigned first = nondet_unsigned(), n = nondet_unsigned(), total;

	access->bytes = any_width();
	assume(regs[KIND].widths & access->bytes);
	access->n = n;
	assume(n <= access->bytes << regs[KIND].shift && n <= MOST);
	access->offset = nondet_u32();
	assume(access->offset < VGIC_REDIST_STRIDE);
	access->owner = NULL;
	if (nondet_bool()) {
		access->owner = gic.v2 || gic.config.vcpus == 1 || nondet_bool() ? access->self
										 : &vcpus[1];
		total = PRIVATES;
		access->irqs = access->owner->private;
	} else {
		total = gic.config.spis + gic.config.espis;
		access->irqs = gic.shared;
	}
	assume(first <= total && n <= total - first);
	access->irqs += first;
}

/*
 * A value, or one with at most 3 bits set where bits are taken one by one: that a loop over 32 of them
 * ends is beyond the solver, and each turn is like the next.
 */
static uint64_t any_value(void)
{
#ifdef FEW
	return 1u << (nondet_u8() & 31) | 1u << (nondet_u8() & 31) | 1u << (nondet_u8() & 31);
#else
	return nondet_u64();
#endif
}

static void write_by(struct vgic_vcpu *self)
{
	struct access access = { .vgic = &gic, .self = self };
	enum vgic_result result;

	any_bits(&access);
	result = regs[KIND].write(&access, any_value());
	assert(result == VGIC_DONE || result == VGIC_AGAIN, "a result");
	check_posted();
}

void any_write(void)
{
	any_vgic();
	write_by(&vcpus[0]);
}

static void read_by(struct vgic_vcpu *self)
{
	struct access access = { .vgic = &gic, .self = self };
	enum vgic_result result;
	uint64_t value = 0;

	any_bits(&access);
	result = regs[KIND].read(&access, &value);
	assert(result == VGIC_DONE || result == VGIC_AGAIN, "a result");
	if (access.bytes < 8 && result == VGIC_DONE)
		assert(value >> 8 * access.bytes == 0, "no more than was asked for");
	check_posted();
}

void any_read(void)
{
	any_vgic();
	read_by(&vcpus[0]);
}

/* Registers that are not made of interrupts. */
static void control_by(struct vgic_vcpu *self)
{
	struct access access = { .vgic = &gic, .self = self, .offset = nondet_u32() };
	enum vgic_result result;
	uint64_t value = 0;

	access.bytes = any_width();
	assume((regs[KIND].widths & access.bytes) && (access.offset & (access.bytes - 1)) == 0);
	if (KIND == GICR_CONTROL) {
		assume(access.offset < VGIC_REDIST_STRIDE);
		access.owner = &vcpus[0];
	} else {
		assume(access.offset < (gic.v2 ? VGIC_V2_DIST_SIZE : VGIC_DIST_SIZE));
	}
	if (gic.v2)
		assume(v2_map[PAGE(access.offset)] == KIND);
	else if (KIND == GICR_CONTROL)
		assume(redist_map[PAGE(access.offset)] == KIND);
	else
		assume(dist_map[PAGE(access.offset)] == KIND);
	if (nondet_bool()) {
		result = regs[KIND].read(&access, &value);
		if (access.bytes < 8 && result == VGIC_DONE)
			assert(value >> 8 * access.bytes == 0, "no more than was asked for");
	} else {
		result = regs[KIND].write(&access, nondet_u64());
	}
	assert(result == VGIC_DONE || result == VGIC_AGAIN, "a result");
	check_posted();
}

void any_control(void)
{
	any_vgic();
	FOR_ANY_VCPU(control_by);
}

/* --- Routes: of an interrupt at a known place, which is cheaper by far ------------------------ */

static void targets_of(struct vgic_vcpu *self, struct vgic_vcpu *owner, struct vgic_irq *irq)
{
	struct access access = { .vgic = &gic, .self = self, .owner = owner, .irqs = irq };
	uint64_t value = 0;

	access.bytes = access.n = 2; /* as of a word with two SPIs */
	irq[0].route = nondet_u64();
	irq[1].route = nondet_u64();
	if (nondet_bool())
		regs[ITARGETSR].write(&access, nondet_u64());
	else
		regs[ITARGETSR].read(&access, &value);
	assert(value <= 0xffff, "a byte for each");
	check_posted();
}

void any_targets(void)
{
	any_vgic();
	assume(gic.config.spis == 2);
	if (nondet_bool())
		targets_of(&vcpus[0], &vcpus[0], vcpus[0].private);
	else if (nondet_bool())
		targets_of(&vcpus[0], NULL, gic.shared);
	else if (gic.config.vcpus > 1)
		targets_of(&vcpus[1], NULL, gic.shared);
}

void any_irouter(void)
{
	struct access access = { .vgic = &gic, .self = &vcpus[0], .offset = nondet_u32() };
	uint32_t n;

	any_vgic();
	assume(access.offset >= 0x6000 && access.offset < 0xa000);
	n = (access.offset - 0x6000) / 8;
	if (irouter_irq(&access)) {
		assert(n >= 1024 || (n >= 32 && n < 32u + gic.config.spis), "an SPI");
		assert(n < 1024u + gic.config.espis, "an extended SPI");
		assert(access.irqs == gic.shared + (n < 1024 ? n - 32 : gic.config.spis + n - 1024),
		       "that one");
	} else {
		assert(n < 32 || n >= 32u + gic.config.spis, "there is no such SPI");
		assert(n < 1024 || n >= 1024u + gic.config.espis, "there is no such extended SPI");
	}
}

#ifndef AT
#define AT 0x6100
#endif

static void route_by(struct vgic_vcpu *self)
{
	struct access access = { .vgic = &gic, .self = self, .offset = AT };
	uint64_t value = 0;
	struct vgic_irq *irq = &gic.shared[AT < 0x8000 ? 0 : 1];

	irq->route = (uint64_t)nondet_u16() << ROUTE_INTID_SHIFT | (nondet_u64() & IROUTER_BITS);
	access.bytes = AT % 8 == 0 && nondet_bool() ? 8 : 4;
	if (nondet_bool()) {
		regs[IROUTER].write(&access, nondet_u64());
		check_posted();
	}
	access.bytes = 8;
	access.offset = AT & ~7u;
	regs[IROUTER].read(&access, &value);
	assert(!(value & ~(0xff80ffffffull)), "the bits that IROUTER has");
}

void any_route(void)
{
	any_vgic();
	assume(gic.config.spis == 1 && gic.config.espis == (AT >= 0x8000));
	gic.config.spis = 1; /* as constants */
	gic.config.espis = AT >= 0x8000;
	FOR_ANY_VCPU(route_by);
}
