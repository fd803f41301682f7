/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The virtual CPU interface's registers of a GICv2: GICH_* (IHI 0048 5.3). Every CPU sees its own at
 * the same address.
 */
#ifndef MONITOR_ARM64_LISTS_H
#define MONITOR_ARM64_LISTS_H

#include "../hot.h"

#define GICH_HCR   0x000
#define GICH_VTR   0x004
#define GICH_VMCR  0x008
#define GICH_ELRSR 0x030
#define GICH_APR   0x0f0
#define GICH_LR    0x100

#define LISTS_LOW(op)  op(0) op(1) op(2) op(3)
#define LISTS_HIGH(op) op(4) op(5) op(6) op(7) op(8) op(9) op(10) op(11) op(12) op(13) op(14) op(15)

#define READ_ONE(n)           \
	if (mask & 1u << (n)) \
		image->lr[n] = mmio_read32(gich + GICH_LR + 4 * (n));
#define WRITE_ONE(n)          \
	if (mask & 1u << (n)) \
		mmio_write32(gich + GICH_LR + 4 * (n), (uint32_t)image->lr[n]);

static inline void read_lists(struct vcpu *vcpu, uint32_t mask)
{
	struct gic_cpuif *image = &vcpu->image;
	const uint8_t *gich = vcpu->gich;

	LISTS_LOW(READ_ONE)
	if (__builtin_expect(mask >> 4, 0)) {
		LISTS_HIGH(READ_ONE)
	}
}

static inline void write_lists(const struct vcpu *vcpu, uint32_t mask)
{
	const struct gic_cpuif *image = &vcpu->image;
	uint8_t *gich = vcpu->gich;

	LISTS_LOW(WRITE_ONE)
	if (__builtin_expect(mask >> 4, 0)) {
		LISTS_HIGH(WRITE_ONE)
	}
}

static inline void clear_lists(uint8_t *gich, uint32_t mask)
{
	for (; mask; mask &= mask - 1)
		mmio_write32(gich + GICH_LR + 4 * __builtin_ctz(mask), 0);
}

/* Before the first vCPU comes: the architecture says nothing of what is in them. */
static inline void clear_all_lists(uint8_t *gich)
{
	unsigned count = (mmio_read32(gich + GICH_VTR) & 0x3f) + 1;

	clear_lists(gich, (uint32_t)((1ul << (count < VGIC_MAX_LRS ? count : VGIC_MAX_LRS)) - 1));
}

static inline uint32_t read_empty(const struct vcpu *vcpu)
{
	return mmio_read32(vcpu->gich + GICH_ELRSR);
}

static inline uint32_t read_hcr(const struct vcpu *vcpu)
{
	return mmio_read32(vcpu->gich + GICH_HCR);
}

static inline void write_hcr(const struct vcpu *vcpu, uint32_t value)
{
	mmio_write32(vcpu->gich + GICH_HCR, value);
}

static inline uint32_t read_vmcr(const struct vcpu *vcpu)
{
	return mmio_read32(vcpu->gich + GICH_VMCR);
}

static inline void write_vmcr(const struct vcpu *vcpu, uint32_t value)
{
	mmio_write32(vcpu->gich + GICH_VMCR, value);
}

static inline void read_active(struct vcpu *vcpu)
{
	vcpu->image.ap0r[0] = mmio_read32(vcpu->gich + GICH_APR);
}

static inline void write_active(const struct vcpu *vcpu)
{
	mmio_write32(vcpu->gich + GICH_APR, vcpu->image.ap0r[0]);
}

#endif
