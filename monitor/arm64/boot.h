/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Symbols of head.S, vectors.S and the linker script.
 */
#ifndef MONITOR_ARM64_BOOT_H
#define MONITOR_ARM64_BOOT_H

#include <stdint.h>
#include "../common/panic.h" /* text_start, text_end */

struct cpu;

extern char rodata_end[], data_end[], image_end[];
extern char home_start[], secondary_start[];
extern uint64_t *final_table;

__attribute__((noreturn)) void leave_for_home(const void *dtb, uint64_t home, uint64_t size,
					      uint64_t entry);
__attribute__((noreturn)) void switch_stack(struct cpu *cpu, void (*run)(struct cpu *cpu));
void early_tables(uint64_t start, uint64_t end, uint64_t dtb, uint64_t home, uint64_t size);
void boot_main(const void *dtb, uint64_t home, uint64_t size, unsigned el);
void cpu_secondary(struct cpu *cpu);

#endif
