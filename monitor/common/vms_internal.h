/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What the parts of the reader of descriptions share: vms.c reads, vms_check.c checks what only shows
 * when all of a VM, or all VMs, are known.
 */
#ifndef MONITOR_COMMON_VMS_INTERNAL_H
#define MONITOR_COMMON_VMS_INTERNAL_H

#include "vms.h"

#define MB         0x100000ul
#define PAGE       0x1000ul
#define SIZE_LIMIT (1ul << 48) /* no machine has more, and sums of a few of them fit in 64 bits */
#define NAME_SHOWN 48          /* characters of a name that is wrong */

/* Where the reader is, for its messages. */
struct reader {
	struct vms *vms;
	const struct board *board;
	const char *node; /* "": the root */
	const char *property;
	uint64_t placed; /* bytes of VMs that are identity-mapped */
	char *why;
	size_t why_size;
};

/* Why the description is refused: "/node: " and the sentence. Returns -1. */
__attribute__((format(printf, 2, 3))) int refuse(struct reader *reader, const char *format, ...);

bool description_has_device(const struct vm_description *vm, unsigned device);

/* One VM, with all of its properties. `console_said`: it has the property. */
int settle_console(struct reader *reader, struct vm_description *vm, bool console_said);
int check_payloads(struct reader *reader, const struct vm_description *vm);

/* All VMs: each of these names in its message the VM that is one too many. */
int check_memory(struct reader *reader, uint64_t left);
int check_devices(struct reader *reader);
int check_pci(struct reader *reader);
int check_consoles(struct reader *reader);
int check_vcpus(struct reader *reader);

static inline uint64_t align_up(uint64_t value, uint64_t to)
{
	return (value + to - 1) & ~(to - 1);
}

#endif
