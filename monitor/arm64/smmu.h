/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * An SMMUv3 with stage 2 (IHI 0070) in front of the PCI functions: each reaches the memory of its VM, as that
 * VM addresses it, and the ITS's doorbell; those that no VM has reach nothing.
 */
#ifndef MONITOR_ARM64_SMMU_H
#define MONITOR_ARM64_SMMU_H

#include <stdbool.h>
#include <stdint.h>

#define SMMU_FRAMES 0x20000u

/* Where a function writes its messages to: at the end of what a VM can address, which no CPU has mapped. */
#define SMMU_DOORBELL 0x7fffffe000ul

struct board;
struct vm;

/* Boot. Says in board->pci.contained whether there is one that works, and turns it on: nothing passes. */
void smmu_init(struct board *board);

/* On the boot CPU, which is ready for interrupts: faults are told. */
void smmu_listen(void);

/* Boot, when the VM's stage 2 has all but what PCI functions bring: this function is the VM's. */
void smmu_give(const struct vm *vm, uint32_t rid, uint64_t doorbell);

/* What has been taken out of the VM's stage 2 is forgotten. Under the VM's own lock; any CPU. */
void smmu_forget(const struct vm *vm);

/* On CPU 0, ten times in a second where there is a tick. */
void smmu_tick(void);

extern uint64_t smmu_faults;

#endif
