/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Access to the hart's own registers, and fences.
 */
#ifndef MONITOR_RISCV64_CSR_H
#define MONITOR_RISCV64_CSR_H

#include <stdint.h>

/* A name or a number that the assembler knows. */
#define csr_read(name)                                                        \
	({                                                                    \
		uint64_t value_;                                              \
		__asm__ volatile("csrr %0, " #name : "=r"(value_)::"memory"); \
		value_;                                                       \
	})
#define csr_write(name, value) \
	__asm__ volatile("csrw " #name ", %0" ::"rK"((uint64_t)(value)) : "memory")
#define csr_set(name, value) \
	__asm__ volatile("csrs " #name ", %0" ::"rK"((uint64_t)(value)) : "memory")
#define csr_clear(name, value) \
	__asm__ volatile("csrc " #name ", %0" ::"rK"((uint64_t)(value)) : "memory")
#define csr_swap(name, value)                              \
	({                                                 \
		uint64_t value_;                           \
		__asm__ volatile("csrrw %0, " #name ", %1" \
				 : "=r"(value_)            \
				 : "rK"((uint64_t)(value)) \
				 : "memory");              \
		value_;                                    \
	})

#define csr_take(name, bits)                               \
	({                                                 \
		uint64_t value_;                           \
		__asm__ volatile("csrrc %0, " #name ", %1" \
				 : "=r"(value_)            \
				 : "rK"((uint64_t)(bits))  \
				 : "memory");              \
		value_ &(bits);                            \
	})

static inline void wfi(void)
{
	__asm__ volatile("wfi" ::: "memory");
}

/* Translations and PMP: what was written to them holds for what comes. */
static inline void sfence_vma(void)
{
	__asm__ volatile("sfence.vma" ::: "memory");
}

/* Memory before, a device's register after; and the other way round. */
static inline void fence_before_device(void)
{
	__asm__ volatile("fence w, o" ::: "memory");
}

static inline void fence_after_device(void)
{
	__asm__ volatile("fence io, rw" ::: "memory");
}

#endif
