/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Calls by the conduit that the device tree names: PSCI (DEN0022), SMCCC (DEN0028). Without a tree it
 * is HVC, which is right for a board without EL2.
 */
#include "psci.h"
#include "tree.h"

void secondary_entry(void);

struct call_result call(uint64_t function, uint64_t a1, uint64_t a2, uint64_t a3)
{
	register uint64_t x0 __asm__("x0") = function;
	register uint64_t x1 __asm__("x1") = a1;
	register uint64_t x2 __asm__("x2") = a2;
	register uint64_t x3 __asm__("x3") = a3;

	/* SMCCC 1.0 lets a call change x4 to x17. */
#define CLOBBERS                                                                             \
	"x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", \
		"x17", "memory"
	if (tree_says_smc)
		__asm__ volatile("smc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::CLOBBERS);
	else
		__asm__ volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::CLOBBERS);
	return (struct call_result){ { x0, x1, x2, x3 } };
}

int psci(uint64_t function, uint64_t x1, uint64_t x2, uint64_t x3)
{
	return (int)(uint32_t)call(function, x1, x2, x3).x[0];
}

int psci_cpu_on(unsigned cpu)
{
	return psci(PSCI_CPU_ON, cpus[cpu].affinity, (uintptr_t)secondary_entry, cpu);
}

_Noreturn void system_off(void)
{
	call(PSCI_SYSTEM_OFF, 0, 0, 0);
	for (;;)
		wfi();
}
