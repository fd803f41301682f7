/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What a panic can tell of this machine: registers, call chain, the trace ring's tail.
 */
#include "boot.h"
#include "cold.h"
#include "cpu.h"
#include "mmu.h"
#include "sysreg.h"
#include "../common/console.h"
#include "../common/panic.h"
#include "../common/trace.h"

#define LAST_EVENTS 16

struct panic_registers {
	uint64_t x[31], sp;
};

extern struct panic_registers panic_frame;
void panic_exception(const struct panic_registers *registers);

/* The return addresses that the frame pointers from `frame` lead to, inside [low, high). */
static void backtrace(uint64_t frame, uint64_t low, uint64_t high)
{
	unsigned depth;

	for (depth = 0; depth < 32; depth++) {
		const uint64_t *record = (const uint64_t *)frame;

		if (frame & 15 || frame < low || frame > high - 16)
			return;
		print_place(record[1] - 4); /* the call, not what follows it */
		if (record[0] <= frame)
			return;
		frame = record[0];
	}
}

/* Behind a BL or BLR of ours. */
static bool is_return(uint64_t at)
{
	uint32_t call;

	if (at & 3 || at < (uint64_t)text_start + 4 || at >= (uint64_t)text_end)
		return false;
	call = ((const uint32_t *)at)[-1];
	return call >> 26 == 0x25 || (call & 0xfffffc1f) == 0xd63f0000;
}

/* Hot code has no frame pointers: what looks like a return address in the stack at [low, high). */
static void stack_scan(uint64_t low, uint64_t high)
{
	for (; low + 8 <= high; low += 8) {
		uint64_t word = *(const uint64_t *)low;

		if (is_return(word))
			print_place(word - 4);
	}
}

void report_state(uint64_t frame, uint64_t sp)
{
	struct cpu *cpu = this_cpu();
	uint64_t top;

	print("call chain (offsets in the image):\n");
	if (frame)
		backtrace(frame, (uint64_t)text_start, boot_memory_end());
	if (!cpu_count || !cpu)
		return;
	top = cpu->vcpu ? (uint64_t)cpu->vcpu : (uint64_t)cpu;
	if (!frame && sp < top && top - sp < BLOCK_SIZE - GUARD_SIZE)
		stack_scan(sp & ~7ul, top);
	print("CPU %u, trace:\n", cpu->index);
	trace_print(cpu->trace, LAST_EVENTS);
}

/* vectors.S: an exception that nobody expects at EL2. */
void panic_exception(const struct panic_registers *registers)
{
	uint64_t esr = read_sysreg(esr_el2), elr = read_sysreg(elr_el2), offset = 0;
	const char *name = symbol_of(elr, &offset);
	unsigned i;

	console_break_lock();
	print("carillon: exception at EL2: ESR 0x%lx (class 0x%lx), PC 0x%lx %s+0x%lx, FAR 0x%lx\n",
	      esr, esr >> ESR_EC_SHIFT, elr - (uint64_t)text_start, name ? name : "?", offset,
	      read_sysreg(far_el2));
	for (i = 0; i < 31; i++)
		print("x%-2u %016lx%s", i, registers->x[i], i % 4 == 3 ? "\n" : "  ");
	print("sp  %016lx\n", registers->sp);
	print("SPSR %lx HCR %lx HPFAR %lx VTTBR %lx\n", read_sysreg(spsr_el2), read_sysreg(hcr_el2),
	      read_sysreg(hpfar_el2), read_sysreg(vttbr_el2));
	name = symbol_of(registers->x[30], &offset);
	print("LR %s+0x%lx\n", name ? name : "?", name ? offset : 0);
	report_state(0, registers->sp);
	run_failed("exception at EL2");
}
