/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Sources, trapped system registers, deactivation by number: any vCPU, INTID and value.
 *
 * with: vgic lr access sysreg v2 dir soft signal
 * quick: any_line_or_pulse --unwind 3: vgic_set_line, vgic_pulse, also _here: any vCPU and INTID
 * proof: any_line_or_pulse --unwind 3 -DESPIS=33 -DEPPIS=32: the same with extended interrupts
 * proof: any_mapping --unwind 3 -DSPIS=4: vgic_map_hwirq, vgic_notify_end: any vCPU and INTIDs
 * proof: any_sysreg_write --unwind 3 --unwindset send_to_list.0:17 -DREG=VGIC_ICC_SGI1R_EL1 -DONLY_VCPU_1: vgic_sysreg_write: ICC_SGI1R_EL1, any value
 * proof: any_sysreg_write --unwind 3 --unwindset send_to_list.0:17 -DREG=VGIC_ICC_SGI0R_EL1 -DONLY_VCPU_1: ICC_SGI0R_EL1, any value
 * proof: any_sysreg_write --unwind 3 --unwindset send_to_list.0:17 -DREG=VGIC_ICC_ASGI1R_EL1 -DONLY_VCPU_1: ICC_ASGI1R_EL1, any value
 * proof: any_sysreg_write --unwind 3 --unwindset send_to_list.0:17 -DREG=VGIC_ICC_DIR_EL1: ICC_DIR_EL1, any value
 * proof: any_other_sysreg_write --unwind 3: any register that is none of these is undefined
 * proof: any_deactivation --unwind 3: irq_deactivate, vgic_cpuif_write: any INTID, offset, width
 * proof: any_deactivation --unwind 3 -DESPIS=33 -DEPPIS=32: the same with extended interrupts
 * broken: any_line_or_pulse source.c s/virq.-.SGIS.<.PRIVATE/virq-SGIS<=PRIVATE/ --unwind 3: a PPI too many
 * broken: any_line_or_pulse internal.h s/now.|=.W_QUEUED/now|=0/ --unwind 3: a change that nobody is told of
 * broken: any_sysreg_write sysreg.c s/(value.>>.24).&.0xf/(value>>24)\&0xff/ --unwind 3 --unwindset send_to_list.0:17 -DONLY_VCPU_1: an SGI's number without its mask
 */
#include "proof.h"
#include "source.c"

#ifndef REG
#define REG VGIC_ICC_SGI1R_EL1
#endif

void any_line_or_pulse(void)
{
	unsigned vcpu = nondet_unsigned();
	virq_t virq = nondet_u32();
	bool shared, own, exists;
	int result;

	any_vgic();
	if (nondet_bool())
		result = vgic_set_line(&gic, vcpu, virq, nondet_bool());
	else if (nondet_bool())
		result = vgic_pulse(&gic, vcpu, virq);
	else if (nondet_bool())
		result = vgic_set_line_here(handle_of(&vcpus[0]), vcpu, virq, nondet_bool());
	else
		result = vgic_pulse_here(handle_of(&vcpus[0]), vcpu, virq);
	check_posted();
	shared = (virq >= 32 && virq < 32u + gic.config.spis) ||
		 (virq >= 4096 && virq < 4096u + gic.config.espis);
	own = (virq >= 16 && virq < 32) || (virq >= 1056 && virq < 1056u + gic.config.eppis);
	exists = shared || (own && vcpu < gic.config.vcpus);
	assert((result == 0) == exists, "it takes what exists, and nothing else");
	assert(changes == exists, "one change of one word");
	if (virq < 16)
		assert(result == -VIRQ_ERR_KIND, "no SGI");
}

void any_mapping(void)
{
	unsigned vcpu = nondet_unsigned();
	virq_t virq = nondet_u32();
	int result;

	any_vgic();
	if (nondet_bool())
		result = vgic_map_hwirq(&gic, vcpu, virq, (struct hwirq){ nondet_u16() },
					nondet_unsigned());
	else
		result = vgic_notify_end(&gic, vcpu, virq, nondet_bool());
	assert(result <= 0 && result >= -VIRQ_ERR_KIND, "a result that the header has");
	assert(changes == 0, "no word changes");
}

static void sysreg_write(struct vgic_vcpu *self)
{
	enum vgic_result result = vgic_sysreg_write(handle_of(self), REG, nondet_u64());

	assert(result == VGIC_UNDEFINED ? gic.v2 : result == VGIC_DONE || result == VGIC_AGAIN,
	       "a GICv2 has none");
	check_posted();
}

void any_sysreg_write(void)
{
	any_vgic();
	FOR_ANY_VCPU(sysreg_write);
}

void any_other_sysreg_write(void)
{
	uint32_t reg = nondet_u32();

	any_vgic();
	assume(reg != VGIC_ICC_SGI1R_EL1 && reg != VGIC_ICC_SGI0R_EL1 &&
	       reg != VGIC_ICC_ASGI1R_EL1 && reg != VGIC_ICC_DIR_EL1);
	assert(vgic_sysreg_write(handle_of(&vcpus[0]), reg, nondet_u64()) == VGIC_UNDEFINED,
	       "undefined");
	assert(changes == 0, "no word changes");
}

static void deactivation(struct vgic_vcpu *self)
{
	enum vgic_result result;

	if (nondet_bool())
		result = irq_deactivate(self, nondet_u32(), nondet_unsigned());
	else
		result = vgic_cpuif_write(handle_of(self), nondet_u32(), nondet_unsigned(),
					  nondet_u64());
	assert(result == VGIC_DONE || result == VGIC_AGAIN, "a result");
	assert(changes <= 1, "at most one change of one word");
	check_posted();
}

void any_deactivation(void)
{
	any_vgic();
	FOR_ANY_VCPU(deactivation);
}
