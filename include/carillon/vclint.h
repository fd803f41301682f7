/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The virtual CLINT (SiFive's core-local interruptor; the RISC-V ACLINT's MSWI and MTIMER devices): per
 * hart msip and mtimecmp, and mtime, for firmware whose M-mode is virtual, on the one physical CLINT
 * that the embedder has.
 *
 * A hart's physical timer and physical software interrupt are the embedder's, and shared: deadlines of
 * the firmware, of the payload and of the host are multiplexed on the timer; the firmware's MSIs and
 * what the host has to say to another hart on the software interrupt. The firmware sees only its own.
 *
 * MTIP is never stored: it is mtime >= mtimecmp when it is looked at (vclint_lines()). Only a hart's own
 * CPU programs its physical timer; who moves another hart's deadline stores it and posts a reason.
 *
 *	physical timer interrupt:     expired = vclint_expired(clint, hart, now);
 *	                              program vclint_next(clint, hart, now);
 *	physical software interrupt:  clear it; fence; reasons = vclint_reasons(clint, hart);
 *	                              program vclint_next(clint, hart, now);
 *	before each entry:            ip = vclint_lines(clint, hart, now) | ...;   (vhart.h)
 *
 * `now` is the value of mtime, in its ticks. Harts go by index, 0 to config->harts - 1.
 *
 * Contexts. "Any CPU": concurrently, from any context. "Owner": on the CPU of that hart, one at a time.
 */
#ifndef CARILLON_VCLINT_H
#define CARILLON_VCLINT_H

#include <carillon/carillon.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VCLINT_MAX_HARTS   4095
#define VCLINT_MAX_REGIONS 16
#define VCLINT_NEVER       UINT64_MAX /* a deadline that does not come */

struct vclint;

/* A run of registers, one for each of `harts` harts from `first` on (mtime: one in all). */
enum vclint_kind {
	VCLINT_MSIP,     /* 4 bytes each; bit 0 */
	VCLINT_MTIMECMP, /* 8 bytes each */
	VCLINT_MTIME,    /* 8 bytes */
};

struct vclint_region {
	uint8_t kind; /* enum vclint_kind */
	uint16_t first, harts;
	uint32_t
		offset; /* from the base that accesses count from; a multiple of the register's size */
};

struct vclint_config {
	uint16_t harts;  /* 1 to VCLINT_MAX_HARTS */
	uint8_t regions; /* 1 to VCLINT_MAX_REGIONS */
	struct vclint_region region[VCLINT_MAX_REGIONS];
};

/* The layout of SiFive's CLINT: msip at 0, mtimecmp at 0x4000, mtime at 0xbff8. Fills `config`. */
void vclint_sifive(struct vclint_config *config, unsigned harts);

struct vclint_port {
	/*
	 * Any CPU: raise the physical software interrupt of this hart. What was written to memory before
	 * must be seen by who takes it (RISC-V: fence w, o before the write).
	 */
	void (*kick)(void *host, unsigned hart);
	/* Optional: the firmware writes mtime. NULL: it is not writable, and keeps its value. */
	void (*set_time)(void *host, uint64_t value);
};

/* The bytes that vclint_init() wants for this configuration, or 0 if vclint_check() refuses it. */
size_t vclint_size(const struct vclint_config *config);

/* 0, or -VIRQ_ERR_CONFIG; then *why, if why is not NULL, is a sentence that names the field. */
int vclint_check(const struct vclint_config *config, const char **why);

/*
 * In `memory` (64-byte aligned, `size` bytes). All msip are 0, all deadlines VCLINT_NEVER: the
 * architecture leaves mtimecmp open at reset. 0; -VIRQ_ERR_CONFIG; -VIRQ_ERR_MEMORY.
 */
int vclint_init(struct vclint **clint, void *memory, size_t size,
		const struct vclint_config *config, const struct vclint_port *port, void *host);

/* One hart again as after vclint_init(). Owner, or while the hart does not run. */
void vclint_reset_hart(struct vclint *clint, unsigned hart);

/* --- The firmware's accesses. Owner of `self`, the hart that makes them. ------------------------ */

enum vclint_answer {
	VCLINT_DONE,
	VCLINT_FAULT, /* load or store access fault: no register there, or not of that width */
};

/*
 * 4 bytes at msip, 4 or 8 at mtimecmp and mtime, aligned. After a write vclint_lines() of `self` may be
 * other, and vclint_next() of `self` is to be programmed; other harts were kicked if it concerns them.
 */
enum vclint_answer vclint_read(const struct vclint *clint, uint64_t offset, unsigned bytes,
			       uint64_t now, uint64_t *value);
enum vclint_answer vclint_write(struct vclint *clint, unsigned self, uint64_t offset,
				unsigned bytes, uint64_t now, uint64_t value);

/* --- Interrupts ---------------------------------------------------------------------------------- */

/* The firmware's MSIP (bit 3) and MTIP (bit 7), as mip has them. Any CPU. */
uint64_t vclint_lines(const struct vclint *clint, unsigned hart, uint64_t now);

/* Whose deadlines there are on a hart's timer. */
enum vclint_deadline {
	VCLINT_FIRMWARE, /* mtimecmp; a level: expires by itself, and is moved by vclint_write() only */
	VCLINT_PAYLOAD,
	VCLINT_HOST,
	VCLINT_DEADLINES
};

/* Set one of the latter two; VCLINT_NEVER takes it back. Owner; then program vclint_next(). */
void vclint_arm(struct vclint *clint, unsigned hart, enum vclint_deadline whose, uint64_t deadline);

/* Bit n: deadline n (enum vclint_deadline) is over. The latter two are taken back by that. Owner. */
unsigned vclint_expired(struct vclint *clint, unsigned hart, uint64_t now);

/*
 * What the physical timer is to be set to: the first deadline, or VCLINT_NEVER. One of the firmware's
 * that passed needs no interrupt, since it is looked at before each entry. Owner.
 */
uint64_t vclint_next(const struct vclint *clint, unsigned hart, uint64_t now);

/*
 * Reasons for which a hart is kicked: bits. The first two are the library's: the hart's msip or its
 * deadline was moved by another one. All others are the host's own.
 */
#define VCLINT_REASON_MSIP  1u
#define VCLINT_REASON_TIMER 2u
#define VCLINT_REASON_HOST  4u /* the first of the host's */

/* Add reasons, and kick the hart unless it was kicked already and has not looked. Any CPU. */
void vclint_post(struct vclint *clint, unsigned hart, uint32_t reasons);

/* Take what was posted; after the physical software interrupt was cleared. Owner. */
uint32_t vclint_reasons(struct vclint *clint, unsigned hart);

/* --- Save and restore. No hart runs. -------------------------------------------------------------- */

/* The bytes of a saved state; lib/vclint/state.md is the format. */
size_t vclint_save_size(const struct vclint *clint);

/* The bytes written, or -VIRQ_ERR_MEMORY. mtime is the embedder's to keep. */
long vclint_save(const struct vclint *clint, void *state, size_t size);

/* 0; or -VIRQ_ERR_STATE, with *why (if not NULL) a sentence, and nothing changed. */
int vclint_restore(struct vclint *clint, const void *state, size_t size, const char **why);

#ifdef __cplusplus
}
#endif

#endif
