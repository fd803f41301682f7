/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The virtual CPU interface's registers of a GICv3: ICH_*_EL2 (IHI 0069 12.4).
 */
#ifndef MONITOR_ARM64_LISTS_H
#define MONITOR_ARM64_LISTS_H

#include "../hot.h"

#define ICH_HCR_EL2   S3_4_C12_C11_0
#define ICH_VTR_EL2   S3_4_C12_C11_1
#define ICH_ELRSR_EL2 S3_4_C12_C11_5
#define ICH_VMCR_EL2  S3_4_C12_C11_7

#define LISTS_LOW(op) \
	op(0, S3_4_C12_C12_0) op(1, S3_4_C12_C12_1) op(2, S3_4_C12_C12_2) op(3, S3_4_C12_C12_3)
#define LISTS_HIGH(op)                                                                          \
	op(4, S3_4_C12_C12_4) op(5, S3_4_C12_C12_5) op(6, S3_4_C12_C12_6) op(7, S3_4_C12_C12_7) \
		op(8, S3_4_C12_C13_0) op(9, S3_4_C12_C13_1) op(10, S3_4_C12_C13_2)              \
			op(11, S3_4_C12_C13_3) op(12, S3_4_C12_C13_4) op(13, S3_4_C12_C13_5)    \
				op(14, S3_4_C12_C13_6) op(15, S3_4_C12_C13_7)

#define READ_ONE(n, reg)      \
	if (mask & 1u << (n)) \
		image->lr[n] = read_sysreg(reg);
#define WRITE_ONE(n, reg)     \
	if (mask & 1u << (n)) \
		write_sysreg(reg, image->lr[n]);

static inline void read_lists(struct vcpu *vcpu, uint32_t mask)
{
	struct gic_cpuif *image = &vcpu->image;

	LISTS_LOW(READ_ONE)
	if (__builtin_expect(mask >> 4, 0)) {
		LISTS_HIGH(READ_ONE)
	}
}

static inline void write_lists(const struct vcpu *vcpu, uint32_t mask)
{
	const struct gic_cpuif *image = &vcpu->image;

	LISTS_LOW(WRITE_ONE)
	if (__builtin_expect(mask >> 4, 0)) {
		LISTS_HIGH(WRITE_ONE)
	}
}

#define CLEAR_ONE(n, reg)     \
	if (mask & 1u << (n)) \
		write_sysreg(reg, 0);

static inline void clear_lists(uint8_t *gich, uint32_t mask)
{
	(void)gich;
	LISTS_LOW(CLEAR_ONE)
	LISTS_HIGH(CLEAR_ONE)
}

/* Before the first vCPU comes: the architecture says nothing of what is in them. */
static inline void clear_all_lists(uint8_t *gich)
{
	clear_lists(gich, (2u << (read_sysreg(ICH_VTR_EL2) & 0x1f)) - 1);
}

static inline uint32_t read_empty(const struct vcpu *vcpu)
{
	(void)vcpu;
	return (uint32_t)read_sysreg(ICH_ELRSR_EL2);
}

static inline uint32_t read_hcr(const struct vcpu *vcpu)
{
	(void)vcpu;
	return (uint32_t)read_sysreg(ICH_HCR_EL2);
}

static inline void write_hcr(const struct vcpu *vcpu, uint32_t value)
{
	(void)vcpu;
	write_sysreg(ICH_HCR_EL2, value);
}

static inline uint32_t read_vmcr(const struct vcpu *vcpu)
{
	(void)vcpu;
	return (uint32_t)read_sysreg(ICH_VMCR_EL2);
}

static inline void write_vmcr(const struct vcpu *vcpu, uint32_t value)
{
	(void)vcpu;
	write_sysreg(ICH_VMCR_EL2, value);
}

/* How many of the active priority registers exist depends on the bits of preemption. */
static inline void read_active(struct vcpu *vcpu)
{
	struct gic_cpuif *image = &vcpu->image;

	image->ap0r[0] = read_sysreg(S3_4_C12_C8_0);
	image->ap1r[0] = read_sysreg(S3_4_C12_C9_0);
	if (vcpu->preemption < 6)
		return;
	image->ap0r[1] = read_sysreg(S3_4_C12_C8_1);
	image->ap1r[1] = read_sysreg(S3_4_C12_C9_1);
	if (vcpu->preemption < 7)
		return;
	image->ap0r[2] = read_sysreg(S3_4_C12_C8_2);
	image->ap1r[2] = read_sysreg(S3_4_C12_C9_2);
	image->ap0r[3] = read_sysreg(S3_4_C12_C8_3);
	image->ap1r[3] = read_sysreg(S3_4_C12_C9_3);
}

static inline void write_active(const struct vcpu *vcpu)
{
	const struct gic_cpuif *image = &vcpu->image;

	write_sysreg(S3_4_C12_C8_0, image->ap0r[0]);
	write_sysreg(S3_4_C12_C9_0, image->ap1r[0]);
	if (vcpu->preemption < 6)
		return;
	write_sysreg(S3_4_C12_C8_1, image->ap0r[1]);
	write_sysreg(S3_4_C12_C9_1, image->ap1r[1]);
	if (vcpu->preemption < 7)
		return;
	write_sysreg(S3_4_C12_C8_2, image->ap0r[2]);
	write_sysreg(S3_4_C12_C9_2, image->ap1r[2]);
	write_sysreg(S3_4_C12_C8_3, image->ap0r[3]);
	write_sysreg(S3_4_C12_C9_3, image->ap1r[3]);
}

#endif
