/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The end of a run: the exit table, the line that the launcher reads, power-off or reset by the machine's
 * test device (SiFive's, as QEMU has it).
 */
#include "csr.h"
#include "end.h"
#include "../common/panic.h"

#define FINISH_FAIL  0x3333
#define FINISH_PASS  0x5555
#define FINISH_RESET 0x7777

static volatile uint32_t *device;

void end_init(const struct board *board)
{
	device = (volatile uint32_t *)board->finisher.start;
}

__attribute__((noreturn)) static void machine(uint32_t value)
{
	fence_before_device();
	if (device)
		*device = value;
	for (;;)
		wfi();
}

/* --- The exit table ------------------------------------------------------------------------------------ */

static unsigned long sum(const struct hart *hart, unsigned first, unsigned count)
{
	unsigned long total = 0;

	for (unsigned i = first; i < first + count; i++)
		total += hart->counts[i];
	return total;
}

static void print_hart(const struct hart *hart)
{
	const unsigned long *exceptions = hart->counts + COUNT_EXCEPTION;
	const unsigned long *interrupts = hart->counts + COUNT_INTERRUPT;
	unsigned long illegal = exceptions[VHART_ILLEGAL_INSTRUCTION];
	unsigned long access = exceptions[VHART_LOAD_FAULT] + exceptions[VHART_STORE_FAULT];
	unsigned long calls = exceptions[VHART_ECALL_S] + exceptions[VHART_ECALL_VS];
	unsigned long others = sum(hart, COUNT_EXCEPTION, 32) + sum(hart, COUNT_INTERRUPT, 16) -
			       illegal - access - calls - interrupts[VHART_MSI] -
			       interrupts[VHART_MTI];

	print("hart %3lu %10lu %8lu %8lu %8lu %8lu %8lu | %8lu %8lu %8lu %8lu %8lu\n", hart->id,
	      illegal, access, calls, interrupts[VHART_MTI], interrupts[VHART_MSI], others,
	      hart->counts[COUNT_FIRMWARE], hart->counts[COUNT_INJECTED + VHART_MTI],
	      hart->counts[COUNT_INJECTED + VHART_MSI],
	      sum(hart, COUNT_INJECTED, 16) - hart->counts[COUNT_INJECTED + VHART_MTI] -
		      hart->counts[COUNT_INJECTED + VHART_MSI],
	      hart->counts[COUNT_SWITCH]);
}

static void print_table(void)
{
	print("traps       illegal   access    calls    timer software    other | firmware      MTI"
	      "      MSI   others switches\n");
	for (unsigned i = 0; i < hart_count; i++) {
		if (harts[i])
			print_hart(harts[i]);
	}
}

/* One hart ends the run; another one that comes to it meanwhile waits for the power to go. */
static void only_once(void)
{
	static unsigned ending;

	while (__atomic_exchange_n(&ending, 1, __ATOMIC_ACQUIRE))
		wfi();
}

void finish(uint64_t offset, unsigned bytes, uint64_t value)
{
	uint32_t what = value & 0xffff, code = value >> 16 & 0xffff;

	if (offset || bytes < 2 ||
	    (what != FINISH_PASS && what != FINISH_FAIL && what != FINISH_RESET))
		return;
	only_once();
	print_table();
	if (what == FINISH_RESET)
		print("carillon: machine reset by guest\n");
	else if (what == FINISH_PASS)
		print("carillon: run ended: ok\n");
	else
		print("carillon: run ended: FAILED: the guest says so, with code %u\n", code);
	machine((uint32_t)value);
}

void run_failed(const char *why)
{
	print("carillon: run ended: FAILED: %s\n", why);
	machine(1u << 16 | FINISH_FAIL);
}
