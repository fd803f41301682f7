/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The virtual PLIC (RISC-V Platform-Level Interrupt Controller Specification 1.0.0): sources with a gateway
 * and a priority each, and up to 64 contexts with enables, a threshold and claim/complete. A context is what
 * one hart's external interrupt at one level comes from: a machine-level one drives MEIP.
 *
 * For an emulator, which has all contexts here; and for a monitor that keeps the physical PLIC's
 * machine-level contexts to itself, has the firmware's here, and leaves the supervisor-level ones to the
 * payload: what is theirs is answered with VPLIC_OTHER. A monitor that has no use for machine-level
 * contexts itself needs none of this: it lets the firmware have the physical ones (monitor/riscv64 does).
 *
 * MEIP is never stored: it is vplic_pending() when it is looked at.
 *
 *	a device's line, or a physical MEI:  vplic_set_line(plic, source, level);
 *	the firmware's load and store:       vplic_read(), vplic_write()
 *	before each entry:                   ip = vplic_pending(plic, context) ? 1 << 11 : 0;   (vhart.h)
 *
 * A physical source behind a virtual one: on the physical MEI claim it, and set the line to 1. The hook
 * `completed` sets the line to 0 and completes the physical interrupt; if the device still wants something
 * the physical PLIC raises MEI again, and so on.
 *
 * Contexts go by index, 0 to config->contexts - 1; sources by their number, 1 to config->sources.
 * "Any CPU": concurrently, from any context.
 */
#ifndef CARILLON_VPLIC_H
#define CARILLON_VPLIC_H

#include <carillon/carillon.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VPLIC_MAX_SOURCES  1023
#define VPLIC_MAX_CONTEXTS 64
#define VPLIC_MAX_NUMBER   15871     /* of a context, as the registers' addresses have it */
#define VPLIC_SIZE         0x4000000 /* bytes of registers */
#define VPLIC_NOBODY       UINT32_MAX

struct vplic;

struct vplic_config {
	uint16_t sources;      /* 1 to VPLIC_MAX_SOURCES */
	uint8_t contexts;      /* 1 to VPLIC_MAX_CONTEXTS */
	uint8_t priority_bits; /* 1 to 31: priorities and thresholds are 0 to 2^bits - 1 */
	/* The number of each context in the registers' layout, ascending, up to VPLIC_MAX_NUMBER. */
	uint16_t number[VPLIC_MAX_CONTEXTS];
};

struct vplic_port {
	/* Any CPU: who runs this context's hart is to ask vplic_pending() again. */
	void (*kick)(void *host, unsigned context);
	/*
	 * Optional, any CPU: a source's interrupt was completed, and its gateway is about to open: a line
	 * that is 1 after this is an interrupt anew. May call vplic_set_line().
	 */
	void (*completed)(void *host, unsigned source);
};

/* The bytes that vplic_init() wants for this configuration, or 0 if vplic_check() refuses it. */
size_t vplic_size(const struct vplic_config *config);

/* 0, or -VIRQ_ERR_CONFIG; then *why, if why is not NULL, is a sentence that names the field. */
int vplic_check(const struct vplic_config *config, const char **why);

/*
 * In `memory` (64-byte aligned, `size` bytes). Lines, priorities, enables and thresholds are 0.
 * 0; -VIRQ_ERR_CONFIG; -VIRQ_ERR_MEMORY.
 */
int vplic_init(struct vplic **plic, void *memory, size_t size, const struct vplic_config *config,
	       const struct vplic_port *port, void *host);

/* All again as after vplic_init(), but for the lines, which are the devices'. No hart runs. */
void vplic_reset(struct vplic *plic);

/* --- Accesses. Any CPU. -------------------------------------------------------------------------- */

enum vplic_answer {
	VPLIC_DONE,
	VPLIC_FAULT, /* load or store access fault: not 4 bytes, not aligned, or behind the registers */
	/*
	 * A register of a context that is not configured: the embedder makes the access where that is, or
	 * it reads as zero and ignores what is written. *value is 0.
	 */
	VPLIC_OTHER,
};

/*
 * 4 bytes at `offset`. `self` is the context whose hart makes the access, which looks at vplic_pending() by
 * itself afterwards, or VPLIC_NOBODY; other contexts are kicked if it raises their interrupt. Registers of
 * sources that do not exist, and reserved ones, read as zero and ignore writes. A read of claim/complete
 * claims.
 */
enum vplic_answer vplic_read(struct vplic *plic, uint64_t offset, unsigned bytes, uint32_t *value);
enum vplic_answer vplic_write(struct vplic *plic, uint32_t self, uint64_t offset, unsigned bytes,
			      uint32_t value);

/* --- Interrupts. Any CPU. -------------------------------------------------------------------------- */

/*
 * The source's line. 1 is an interrupt as soon as the gateway is open: at once, or when the one before is
 * completed. 0 takes nothing back that has been an interrupt already; so 1 and then 0 is an edge. 0;
 * -VIRQ_ERR_RANGE. All contexts that have it enabled are kicked if it is an interrupt.
 */
int vplic_set_line(struct vplic *plic, unsigned source, bool level);

/* Whether the context's external interrupt is pending now: MEIP. False for one that does not exist. */
bool vplic_pending(const struct vplic *plic, unsigned context);

/* --- Save and restore. No hart runs, no line changes. ---------------------------------------------- */

/* The bytes of a saved state; lib/vplic/state.md is the format. */
size_t vplic_save_size(const struct vplic *plic);

/* The bytes written, or -VIRQ_ERR_MEMORY. */
long vplic_save(const struct vplic *plic, void *state, size_t size);

/*
 * 0; or -VIRQ_ERR_STATE, with *why (if not NULL) a sentence, and nothing changed. Lines are part of the
 * state; nobody is kicked.
 */
int vplic_restore(struct vplic *plic, const void *state, size_t size, const char **why);

#ifdef __cplusplus
}
#endif

#endif
