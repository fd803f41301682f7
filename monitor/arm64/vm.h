/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The virtual machine: its vCPUs, interrupt controller, memory.
 */
#ifndef MONITOR_ARM64_VM_H
#define MONITOR_ARM64_VM_H

#include "cpu.h"
#include "../common/board.h"

/* What a physical interrupt is to us: one load per interrupt, by INTID. */
enum route_kind { ROUTE_NONE, ROUTE_KICK, ROUTE_MAINTENANCE, ROUTE_LEVEL, ROUTE_EDGE };

struct route {
	uint16_t virq;
	uint8_t kind;
};

struct vm {
	struct vgic *vgic;
	uint64_t gicd; /* guest-physical */
	/* The other frames: redistributors; of a GICv2 the CPU interface. */
	uint64_t frames, frames_size;
	uint64_t bench; /* the bench device's page, or ~0 */
	uint64_t ram, ram_size;
	unsigned vcpus, lrs;
	struct route route[1024];
	struct vcpu vcpu[MAX_CPUS];
};

extern struct vm vm;

/* Boot, in this order. */
void vm_create(const struct board *board, const struct options *options);
void vm_load(const struct board *board, const struct options *options, uint64_t ram_end);
void vm_connect(const struct board *board);

/* In `buffer` of `size` bytes: what the guest sees. */
void guest_dt_make(void *buffer, size_t size, const struct board *board, const struct vm *guest,
		   const struct blob *ramdisk, bool from_user);

/* Each CPU, once it is initialised: runs its vCPU for good. Called as gic->run(). */
__attribute__((noreturn)) void vcpu_run(struct cpu *cpu);
void vcpu_setup(struct cpu *cpu);

#endif
