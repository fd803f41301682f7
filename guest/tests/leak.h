/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What leak.c and leak_cpu.S share: the registers that only assembly can fill and look at. */
#ifndef GUEST_LEAK_H
#define GUEST_LEAK_H

#define IMAGE_NZCV 248
#define IMAGE_Q    256
#define IMAGE_SIZE 768

/* What a CPU does while all its registers are filled. */
#define DO_NOTHING   0 /* and fills nothing: shows what is there */
#define DO_WFI       1
#define DO_WFE       2
#define DO_HVC       3
#define DO_SMC       4
#define DO_SUSPEND_H 5
#define DO_SUSPEND_S 6
#define DO_READ      7
#define DO_BUSY_LOW  8 /* with x0 and x1 */
#define DO_BUSY_HIGH 9 /* with x29 and x30 */

#ifndef __ASSEMBLER__
#include <stdint.h>

struct image {
	uint64_t x[31];
	uint64_t nzcv;
	uint64_t q[64];
};

/* Fills the registers from `in`, does `what`, for `ticks` if it is busy, and leaves them in `out`. */
void leak_hold(const struct image *in, struct image *out, uint64_t what, uint64_t ticks);

/* Eight vector tables; whatever is taken there is fatal. */
#define LEAK_VECTORS      8
#define LEAK_VECTORS_SIZE 2048
extern char leak_vectors[];
#endif

#endif
