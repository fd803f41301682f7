/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Translation tables: the hypervisor's own (EL2 stage 1) and the guest's stage 2 (DDI 0487 D8).
 * Both have 4 KB pages and 39-bit input addresses, so both start with one table of 1 GB entries.
 */
#ifndef MONITOR_ARM64_MMU_H
#define MONITOR_ARM64_MMU_H

#define EARLY_TABLES 6 /* the first one, and one for each GB with something cacheable in it */
#define IPA_BITS     39

#ifndef __ASSEMBLER__

#include <stddef.h>
#include <stdint.h>

/* Boot memory: cleared pages of the hypervisor's home, never given back. */
void *pages_alloc(size_t bytes);
void *pages_alloc_aligned(size_t bytes, size_t align); /* a power of two */
void pages_init(uint64_t start, uint64_t end);
uint64_t boot_memory_end(void);

enum map_kind { MAP_DEVICE, MAP_DATA, MAP_RODATA, MAP_CODE, MAP_FLASH };

/* The tables that are on from the first instruction with the MMU on until mmu_switch(). */
void early_map_memory(uint64_t start, uint64_t end);

/* Build the final table; then go over to it. Addresses are rounded outwards to pages. */
void el2_map(uint64_t start, uint64_t size, enum map_kind kind);
void el2_map_pages(uint64_t start, uint64_t size, enum map_kind kind);
void el2_unmap_page(uint64_t at);
void el2_tables_finish(void);
void mmu_switch(void *table);

/* A VM's table: guest-physical `ipa` means `pa`: memory, or a device that the guest owns. */
uint64_t *stage2_make(void);
void stage2_map(uint64_t *table, uint64_t ipa, uint64_t pa, uint64_t size, enum map_kind kind);
/*
 * A piece of it that changes while the VM runs, devices' pages: all that it can take is made at boot, and
 * nothing is mapped yet. What is mapped is 2 MB at once where addresses allow it, so that it takes a few
 * hundred stores at most. It is unmapped as it was mapped, from end to end; after that, and before
 * anything else is mapped there, the caller has TLBs forget it (stage2_forget()).
 */
struct stage2_window {
	uint64_t *table, *pages; /* level 3: a table for each 2 MB */
	uint16_t *used;          /* of each of them: how many pages are mapped */
	uint64_t start;
};

void stage2_window_make(struct stage2_window *window, uint64_t *table, uint64_t ipa, uint64_t size);
void stage2_window_map(struct stage2_window *window, uint64_t ipa, uint64_t pa, uint64_t size);
void stage2_window_unmap(struct stage2_window *window, uint64_t ipa, uint64_t size);
uint64_t stage2_base(const uint64_t *table, unsigned vmid); /* VTTBR_EL2 */
void stage2_enable(void);                                   /* on this CPU */
/* On all CPUs: what TLBs have of it. VTTBR_EL2 becomes it on this one. */
void stage2_forget(uint64_t base);

void cache_clean(const void *start, const void *end);
void cache_invalidate(const void *start, const void *end);

#endif
#endif
