/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Translation (privileged specification 4.4, Sv39): everything below 4 GiB where it is, and one table of
 * pages that tests change, at PAGES_AT.
 */
#ifndef SBI_PAGES_H
#define SBI_PAGES_H

#include <stdint.h>

#define PAGE_SIZE  4096ul
#define PAGES_AT   0x100000000ul
#define PAGE_R     0x02u
#define PAGE_W     0x04u
#define PAGE_X     0x08u
#define PAGE_U     0x10u
#define PAGE_COUNT 64

/* Ranges of PAGES_AT, by the number of the first page. */
#define PAGES_OF_FENCES 0  /* one for each hart */
#define PAGES_OF_ACCESS 16 /* three, of which some are missing */
#define PAGE_OF_USER    24 /* user_code */
#define PAGE_OF_CODE    25 /* a hart's own */
#define PAGE_OF_STORM   32 /* one for each hart */
#define PAGE_MISSING    63

void pages_init(void);
uint64_t pages_satp(unsigned asid);
uintptr_t page_at(unsigned page);
/* No fence. 0: nothing is there. */
void page_map(unsigned page, const void *memory, unsigned permissions);
void page_unmap(unsigned page);
void pages_fence(void); /* this hart's */

#endif
