/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The conduit is the one thing that a guest needs from the device tree (Devicetree specification,
 * chapter 5): the "method" property of the PSCI node, the only property of that name on this
 * board.
 */
#include "psci.h"
#include "tap.h"

#define FDT_MAGIC      0xd00dfeedu
#define FDT_BEGIN_NODE 1u
#define FDT_END_NODE   2u
#define FDT_PROPERTY   3u
#define FDT_NOP        4u

static bool conduit_is_smc;

void secondary_entry(void);

static uint32_t big_endian(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static bool same(const uint8_t *a, const char *b)
{
	while (*b && *a == (uint8_t)*b) {
		a++;
		b++;
	}
	return *a == (uint8_t)*b;
}

static const uint8_t *after_name(const uint8_t *at)
{
	while (*at)
		at++;
	return (const uint8_t *)(((uintptr_t)at + 4) & ~(uintptr_t)3);
}

/* Without a device tree the conduit stays HVC, which is right for a board without EL2. */
void psci_init(const void *device_tree)
{
	const uint8_t *tree = device_tree;

	if (!tree || (uintptr_t)tree & 7 || big_endian(tree) != FDT_MAGIC)
		return;
	const uint8_t *at = tree + big_endian(tree + 8);
	const uint8_t *strings = tree + big_endian(tree + 12);

	for (;;) {
		uint32_t token = big_endian(at);

		at += 4;
		if (token == FDT_BEGIN_NODE) {
			at = after_name(at);
		} else if (token == FDT_PROPERTY) {
			uint32_t length = big_endian(at);

			if (same(strings + big_endian(at + 4), "method"))
				conduit_is_smc = same(at + 8, "smc");
			at += 8 + ((length + 3) & ~3u);
		} else if (token != FDT_NOP && token != FDT_END_NODE) {
			return;
		}
	}
}

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
	if (conduit_is_smc)
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
