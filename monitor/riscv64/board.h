/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What the machine is made of, from its device tree, and what becomes of that for the firmware.
 */
#ifndef MONITOR_RISCV64_BOARD_H
#define MONITOR_RISCV64_BOARD_H

#include <stdbool.h>
#include <stdint.h>
#include "hart.h"

#define MONITOR_SIZE 0x200000 /* and alignment: one PMP entry */

struct range {
	uint64_t start, size;
};

static inline bool range_has(const struct range *range, uint64_t address)
{
	return address - range->start < range->size;
}

/* They share no byte. Neither wraps around. */
static inline bool ranges_apart(struct range a, struct range b)
{
	return a.start + a.size <= b.start || b.start + b.size <= a.start;
}

struct board {
	struct range memory; /* the bank that the monitor was loaded to */
	unsigned harts;      /* by index, as the CLINT has them */
	uint64_t hart_id[MAX_HARTS];
	struct range initrd;
	uint64_t frequency; /* of mtime, per second */
	/* The CLINT, or ACLINT's MSWI and MTIMER: addresses of the first register of each kind. */
	uint64_t msip, mtimecmp, mtime;
	struct range clint;    /* all of them, one PMP entry */
	struct range finisher; /* the test device that ends a run; size 0: there is none */
	bool imsic;            /* there is one for S-mode, so that its part of AIA is not hidden */
};

/*
 * Where the monitor is to be: at the end of memory, so that firmware which goes there by itself (U-Boot
 * does) finds a smaller memory and not us in the middle of it. A device tree that is there is moved in front
 * of it. Runs before the monitor has been moved, so neither prints nor keeps anything. monitor = 0: there is
 * no place.
 */
struct placement {
	uint64_t monitor;
	void *dtb;
};

struct placement board_place(void *dtb, uint64_t loaded);

/* What is missing or cannot be handled is a panic. `loaded`: where the monitor was. */
void board_read(struct board *board, const void *dtb, uint64_t loaded);

/* The UART alone, so that anything can be said at all, and whether it is SiFive's; 0: there is none. */
uint64_t board_uart(const void *dtb, bool *sifive);

/* uart.c: its registers are those of SiFive's UART, not an ns16550's. Before console_init(). */
extern bool uart_is_sifive;

/*
 * The device tree as the firmware is to see it, in place: the monitor's memory is reserved, and no memory
 * any more if it is the end of it; what the virtual harts do not have is gone from the lists of extensions.
 */
void board_edit(void *dtb, uint64_t monitor);

#endif
