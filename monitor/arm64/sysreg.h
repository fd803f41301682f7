/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * System registers: accessors, the ISS encoding that a trapped access reports (DDI 0487 D17.2.37),
 * and the fields that the hypervisor sets. Registers newer than the assembler go by encoding.
 */
#ifndef MONITOR_ARM64_SYSREG_H
#define MONITOR_ARM64_SYSREG_H

#define ESR_EC_SHIFT 26
#define EC_UNKNOWN   0x00
#define EC_WFX       0x01
#define EC_FP        0x07
#define EC_HVC64     0x16
#define EC_SMC64     0x17
#define EC_SYS64     0x18
#define EC_IABT_LOW  0x20
#define EC_IABT_CUR  0x21
#define EC_DABT_LOW  0x24
#define EC_DABT_CUR  0x25
#define EC_BRK64     0x3c

#define ESR_IL    (1ul << 25)
#define ESR_ISV   (1ul << 24)
#define ESR_FNV   (1ul << 10)
#define ESR_EA    (1ul << 9)
#define ESR_CM    (1ul << 8)
#define ESR_S1PTW (1ul << 7)
#define ESR_WNR   (1ul << 6)
#define ESR_FSC   0x3ful
#define ESR_TI_T  (1ul << 1) /* of a WFx: the kind with a timeout */

#define HCR_VM     (1ul << 0)
#define HCR_SWIO   (1ul << 1)
#define HCR_PTW    (1ul << 2)
#define HCR_FMO    (1ul << 3)
#define HCR_IMO    (1ul << 4)
#define HCR_AMO    (1ul << 5)
#define HCR_VSE    (1ul << 8)
#define HCR_TWI    (1ul << 13)
#define HCR_TID1   (1ul << 16)
#define HCR_TID3   (1ul << 18)
#define HCR_TSC    (1ul << 19)
#define HCR_TIDCP  (1ul << 20)
#define HCR_TACR   (1ul << 21)
#define HCR_RW     (1ul << 31)
#define HCR_TLOR   (1ul << 35)
#define HCR_TERR   (1ul << 36)
#define HCR_APK    (1ul << 40)
#define HCR_API    (1ul << 41)
#define HCR_ENSCXT (1ul << 53)
#define HCR_TID5   (1ul << 58)

#define CPTR_TFP (1ul << 10)

#define SPSR_AARCH32   (1ul << 4)
#define SPSR_T32       (1ul << 5)
#define SPSR_MODE_MASK 0x1ful
#define SPSR_EL1H      0x5ul
#define SPSR_DAIF      0x3c0ul

#ifndef __ASSEMBLER__

#include <stdint.h>

#define read_sysreg(name)                                          \
	({                                                         \
		uint64_t value_;                                   \
		__asm__ volatile("mrs %0, " #name : "=r"(value_)); \
		value_;                                            \
	})

#define write_sysreg(name, value) \
	__asm__ volatile("msr " #name ", %x0" : : "rZ"((uint64_t)(value)) : "memory")

/* Op0, Op1, CRn, CRm, Op2 as the ISS of EC 0x18 has them, without Rt and direction. */
#define SYS(op0, op1, crn, crm, op2)                                             \
	((uint32_t)(op0) << 20 | (uint32_t)(op2) << 17 | (uint32_t)(op1) << 14 | \
	 (uint32_t)(crn) << 10 | (uint32_t)(crm) << 1)
#define SYS_ISS_MASK 0x3ffc1eu

static inline void isb(void)
{
	__asm__ volatile("isb" : : : "memory");
}

static inline void dsb_ish(void)
{
	__asm__ volatile("dsb ish" : : : "memory");
}

static inline void dsb_sy(void)
{
	__asm__ volatile("dsb sy" : : : "memory");
}

static inline void wfi(void)
{
	/* Stores before a wait must not sit in a buffer while the CPU sleeps. */
	__asm__ volatile("dsb sy\n\twfi" : : : "memory");
}

/* A short wait, in which whoever shares this CPU gets on. */
static inline void yield(unsigned times)
{
	while (times--)
		__asm__ volatile("yield");
}

static inline uint32_t mmio_read32(const volatile void *at)
{
	uint32_t value;

	__asm__ volatile("ldr %w0, %1" : "=r"(value) : "Qo"(*(const volatile uint32_t *)at));
	return value;
}

static inline uint64_t mmio_read64(const volatile void *at)
{
	uint64_t value;

	__asm__ volatile("ldr %0, %1" : "=r"(value) : "Qo"(*(const volatile uint64_t *)at));
	return value;
}

static inline uint8_t mmio_read8(const volatile void *at)
{
	uint32_t value;

	__asm__ volatile("ldrb %w0, %1" : "=r"(value) : "Qo"(*(const volatile uint8_t *)at));
	return (uint8_t)value;
}

static inline void mmio_write8(volatile void *at, uint8_t value)
{
	__asm__ volatile("strb %w1, %0" : "=Qo"(*(volatile uint8_t *)at) : "rZ"(value) : "memory");
}

static inline void mmio_write16(volatile void *at, uint16_t value)
{
	__asm__ volatile("strh %w1, %0" : "=Qo"(*(volatile uint16_t *)at) : "rZ"(value) : "memory");
}

static inline void mmio_write32(volatile void *at, uint32_t value)
{
	__asm__ volatile("str %w1, %0" : "=Qo"(*(volatile uint32_t *)at) : "rZ"(value) : "memory");
}

static inline void mmio_write64(volatile void *at, uint64_t value)
{
	__asm__ volatile("str %x1, %0" : "=Qo"(*(volatile uint64_t *)at) : "rZ"(value) : "memory");
}

#endif
#endif
