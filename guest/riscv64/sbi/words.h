/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What the device tree says beyond guest/riscv64/lib/tree.h: the command line, the firmware's memory. */
#ifndef SBI_WORDS_H
#define SBI_WORDS_H

#include <stdbool.h>
#include <stdint.h>

extern uint64_t firmware_base; /* 0: the tree does not say */

void words_read(const void *device_tree);
/* Is it on the command line? With "name=": its number, decimal. */
bool word_given(const char *name);
uint64_t word_number(const char *name, uint64_t otherwise);

#endif
