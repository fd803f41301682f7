/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What every component of libcarillon shares: the version of the interface, the error codes, and
 * the types that keep virtual and physical interrupt numbers apart.
 */
#ifndef CARILLON_CARILLON_H
#define CARILLON_CARILLON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The interface's version. MAJOR changes when a caller has to change; see CHANGELOG.md. */
#define CARILLON_VERSION_MAJOR 0
#define CARILLON_VERSION_MINOR 1

/*
 * Results of functions that return int: 0, or one of these, negated by the function itself (a
 * caller compares with -VIRQ_ERR_RANGE and so on).
 */
enum virq_error {
	VIRQ_ERR_RANGE = 1,  /* a number is outside what the configuration has: vCPU, INTID, LR */
	VIRQ_ERR_CONFIG = 2, /* the configuration asks for something that cannot be built */
	VIRQ_ERR_MEMORY = 3, /* the memory handed in is too small or not aligned to 64 bytes */
	VIRQ_ERR_BUSY = 4,   /* the thing is in use: mapped, loaded */
	VIRQ_ERR_KIND = 5,   /* that operation does not exist for that kind of interrupt */
	VIRQ_ERR_STATE = 6,  /* a saved state is not one, or not of this configuration */
};

/* A virtual INTID: what the guest calls its interrupt. */
typedef uint32_t virq_t;

/* A physical INTID. A type of its own, so that the two numberings cannot be mixed up. */
struct hwirq {
	uint16_t intid; /* 16 to 8191; 0 stands for "none" */
};

#ifdef __cplusplus
}
#endif

#endif
