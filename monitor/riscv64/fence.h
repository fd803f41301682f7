/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Fences of the payload's on other harts, by the SBI's rules (RISC-V SBI, "RFENCE Extension"): one that
 * asks for them goes on when all that it asked have executed theirs.
 */
#ifndef MONITOR_RISCV64_FENCE_H
#define MONITOR_RISCV64_FENCE_H

#include <stdbool.h>
#include <stdint.h>

struct hart;

enum fence_kind { FENCE_PAGES_OF_ASID, FENCE_PAGES, FENCE_ASID, FENCE_ALL, FENCE_CODE };

/* What a hart asks others for; theirs to read until `waiting` is 0. */
struct fence {
	uint64_t waiting;          /* atomic; harts, by ID, that have not done it yet */
	uint64_t start, end, asid; /* what lies in between is at least a page */
	enum fence_kind kind;
};

/* hart->fence is done by `targets`, by ID; true: interrupts were taken meanwhile, maybe the firmware's. */
bool fence_request(struct hart *hart, uint64_t targets);

/* What others ask of this hart. false. */
bool fence_serve(struct hart *hart);

#endif
