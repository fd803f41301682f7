/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Translation tables, built at boot. Afterwards only pages of PCI devices come and go, in tables that are
 * there; the early tables are changed by early_map_memory(), on one CPU.
 */
#include "boot.h"
#include "mmu.h"
#include "sysreg.h"
#include "../common/panic.h"

#define PAGE  0x1000ul
#define BLOCK 0x200000ul
#define GIGA  0x40000000ul

#define DESC_BLOCK   0x1ul /* level 1 and 2 */
#define DESC_TABLE   0x3ul
#define DESC_PAGE    0x3ul /* level 3 */
#define DESC_ADDRESS 0x0000fffffffff000ul
#define DESC_AF      (1ul << 10)
#define DESC_INNER   (3ul << 8)

#define S1_NORMAL (1ul << 2)
#define S1_AP1    (1ul << 6) /* RES1 at EL2; at EL1 it would open the page to EL0 */
#define S1_RO     (1ul << 7)
#define S1_XN     (3ul << 53)

#define S2_NORMAL (0xful << 2)
#define S2_DEVICE (0x1ul << 2) /* nGnRE */
#define S2_FLASH  (0x5ul << 2) /* not cacheable; a device where the guest says so */
#define S2_RW     (3ul << 6)
#define S2_XN     (2ul << 53)

uint64_t early_table[EARLY_TABLES][512] __attribute__((aligned(4096)));
static unsigned early_used;

uint64_t *final_table; /* head.S gives it to the other CPUs */
static uint64_t pages_next, pages_end;

void pages_init(uint64_t start, uint64_t end)
{
	pages_next = (start + PAGE - 1) & ~(PAGE - 1);
	pages_end = end;
}

uint64_t boot_memory_end(void)
{
	return pages_end;
}

void *pages_alloc(size_t bytes)
{
	uint64_t at = pages_next;
	uint64_t *word;

	bytes = (bytes + PAGE - 1) & ~(PAGE - 1);
	if (bytes > pages_end - pages_next)
		panic("out of boot memory");
	pages_next += bytes;
	for (word = (uint64_t *)at; word < (uint64_t *)(at + bytes); word++)
		*word = 0;
	return (void *)at;
}

void *pages_alloc_aligned(size_t bytes, size_t align)
{
	uint64_t at = (uint64_t)pages_alloc(bytes + align - 0x1000);

	return (void *)((at + align - 1) & ~(align - 1));
}

/* --- Early: all of the address space is a device, but for what we run from. ------------------- */

static unsigned current_el(void)
{
	return (read_sysreg(currentel) >> 2) & 3;
}

static uint64_t early_attributes(void)
{
	return DESC_AF | DESC_INNER | DESC_BLOCK | (current_el() == 2 ? S1_AP1 : 0);
}

/* Break before make; with the MMU still off it is only slow. */
static void early_replace(uint64_t *entry, uint64_t value)
{
	*entry = 0;
	dsb_sy();
	if (current_el() == 2)
		__asm__ volatile("tlbi alle2" : : : "memory");
	else
		__asm__ volatile("tlbi vmalle1" : : : "memory");
	dsb_sy();
	isb();
	*entry = value;
	dsb_sy();
}

static uint64_t *early_split(uint64_t *entry, uint64_t at)
{
	uint64_t *table;
	unsigned i;

	if ((*entry & 3) == DESC_TABLE)
		return (uint64_t *)(*entry & DESC_ADDRESS);
	if (early_used == EARLY_TABLES)
		return NULL;
	table = early_table[early_used++];
	for (i = 0; i < 512; i++)
		table[i] = (at & ~(GIGA - 1)) | i * BLOCK | early_attributes() | S1_XN;
	early_replace(entry, (uint64_t)table | DESC_TABLE);
	return table;
}

void early_map_memory(uint64_t start, uint64_t end)
{
	uint64_t at;

	for (at = start & ~(BLOCK - 1); at < end; at += BLOCK) {
		uint64_t *table = early_split(&early_table[0][at / GIGA % 512], at);
		uint64_t *entry;

		if (!table)
			continue; /* stays a device: slow, and it faults on the first unaligned access */
		entry = &table[at / BLOCK % 512];
		if (!(*entry & S1_NORMAL))
			early_replace(entry, at | early_attributes() | S1_NORMAL);
	}
}

/* head.S, with the MMU off: what we run from, the device tree, our home if we are there. */
void early_tables(uint64_t start, uint64_t end, uint64_t dtb, uint64_t home, uint64_t size)
{
	unsigned i;

	for (i = 0; i < 512; i++)
		early_table[0][i] = i * GIGA | early_attributes() | S1_XN;
	early_used = 1;
	early_map_memory(start, end);
	early_map_memory(dtb, dtb + BLOCK); /* the boot protocol's bound on its size */
	early_map_memory(home, home + size);
}

/* --- Final tables. ----------------------------------------------------------------------------- */

static uint64_t *next_table(uint64_t *entry)
{
	if (!(*entry & 1))
		*entry = (uint64_t)pages_alloc(PAGE) | DESC_TABLE;
	if ((*entry & 3) != DESC_TABLE)
		panic("mapping over a block");
	return (uint64_t *)(*entry & DESC_ADDRESS);
}

static bool fits(uint64_t in, uint64_t out, uint64_t left, uint64_t size)
{
	return !((in | out) & (size - 1)) && left >= size;
}

/* `attributes` are those of a block; the largest entries that fit, up to `largest`, are used. */
static void map(uint64_t *table, uint64_t in, uint64_t out, uint64_t size, uint64_t attributes,
		uint64_t largest)
{
	uint64_t left = (size + (in & (PAGE - 1)) + PAGE - 1) & ~(PAGE - 1);

	in &= ~(PAGE - 1);
	out &= ~(PAGE - 1);
	if ((in + left) >> IPA_BITS)
		panic("address 0x%lx is beyond %d bits", in, IPA_BITS);
	while (left) {
		uint64_t *level1 = &table[in / GIGA];
		uint64_t step = PAGE;

		if (largest >= GIGA && fits(in, out, left, GIGA) && !(*level1 & 1)) {
			*level1 = out | attributes | DESC_BLOCK;
			step = GIGA;
		} else {
			uint64_t *level2 = &next_table(level1)[in / BLOCK % 512];

			if (largest >= BLOCK && fits(in, out, left, BLOCK) && !(*level2 & 1)) {
				*level2 = out | attributes | DESC_BLOCK;
				step = BLOCK;
			} else {
				next_table(level2)[in / PAGE % 512] = out | attributes | DESC_PAGE;
			}
		}
		in += step;
		out += step;
		left -= step;
	}
}

static const uint64_t el2_attributes[] = {
	[MAP_DEVICE] = DESC_AF | S1_AP1 | S1_XN,
	[MAP_DATA] = DESC_AF | DESC_INNER | S1_AP1 | S1_NORMAL | S1_XN,
	[MAP_RODATA] = DESC_AF | DESC_INNER | S1_AP1 | S1_NORMAL | S1_XN | S1_RO,
	[MAP_CODE] = DESC_AF | DESC_INNER | S1_AP1 | S1_NORMAL | S1_RO,
};

void el2_map(uint64_t start, uint64_t size, enum map_kind kind)
{
	if (!final_table)
		final_table = pages_alloc(PAGE);
	map(final_table, start, start, size, el2_attributes[kind], GIGA);
}

/* In pages, of which some can be taken out. */
void el2_map_pages(uint64_t start, uint64_t size, enum map_kind kind)
{
	map(final_table, start, start, size, el2_attributes[kind], PAGE);
}

/* A guard page below a stack, which nobody has used yet. Where pages are mapped. */
void el2_unmap_page(uint64_t at)
{
	uint64_t *level2 = next_table(&final_table[at / GIGA]);

	next_table(&level2[at / BLOCK % 512])[at / PAGE % 512] = 0;
	dsb_sy();
	__asm__ volatile("tlbi alle2\n\tdsb sy\n\tisb" : : : "memory");
}

/* The tables, and the variable that names them, are read by CPUs whose MMU is still off. */
void el2_tables_finish(void)
{
	dsb_sy();
	cache_clean(&final_table, &final_table + 1);
}

static const uint64_t stage2_attributes[] = {
	[MAP_DEVICE] = DESC_AF | S2_RW | S2_DEVICE | S2_XN,
	[MAP_DATA] = DESC_AF | DESC_INNER | S2_RW | S2_NORMAL | S2_XN,
	[MAP_CODE] = DESC_AF | DESC_INNER | S2_RW | S2_NORMAL,
	[MAP_FLASH] = DESC_AF | DESC_INNER | S2_RW | S2_FLASH | S2_XN,
};

uint64_t *stage2_make(void)
{
	return pages_alloc(PAGE);
}

void stage2_map(uint64_t *table, uint64_t ipa, uint64_t pa, uint64_t size, enum map_kind kind)
{
	map(table, ipa, pa, size, stage2_attributes[kind], GIGA);
}

void stage2_window_make(struct stage2_window *window, uint64_t *table, uint64_t ipa, uint64_t size)
{
	uint64_t slots = (size + BLOCK - 1) / BLOCK, at;

	if (ipa & (BLOCK - 1) || (ipa + size) >> IPA_BITS)
		panic("a window of 0x%lx bytes at 0x%lx cannot be made", size, ipa);
	window->table = table;
	window->start = ipa;
	window->pages = pages_alloc(slots * PAGE);
	window->used = pages_alloc(slots * sizeof(*window->used));
	for (at = ipa; at < ipa + size; at += BLOCK)
		if (next_table(&table[at / GIGA])[at / BLOCK % 512])
			panic("something is mapped at 0x%lx already", at);
}

static uint64_t *slot_of(const struct stage2_window *window, uint64_t at)
{
	return &next_table(&window->table[at / GIGA])[at / BLOCK % 512];
}

static uint64_t *pages_of(const struct stage2_window *window, uint64_t at)
{
	return window->pages + (at - window->start) / BLOCK * 512;
}

static void store_entry(uint64_t *entry, uint64_t value)
{
	/* release: a table is there before what names it; partner: the walks of other CPUs */
	__atomic_store_n(entry, value, __ATOMIC_RELEASE);
}

/* An entry that is not valid may become either; never one the other (D8.14.1, break-before-make). */
void stage2_window_map(struct stage2_window *window, uint64_t ipa, uint64_t pa, uint64_t size)
{
	uint64_t attributes = stage2_attributes[MAP_DEVICE], at, step;

	for (at = 0; at < size; at += step) {
		uint64_t in = ipa + at, out = (pa + at) | attributes, *slot = slot_of(window, in);

		step = !*slot && fits(in, pa + at, size - at, BLOCK) ? BLOCK : PAGE;
		if (step == BLOCK) {
			store_entry(slot, out | DESC_BLOCK);
			continue;
		}
		store_entry(&pages_of(window, in)[in / PAGE % 512], out | DESC_PAGE);
		window->used[(in - window->start) / BLOCK]++;
		if (!*slot)
			store_entry(slot, (uint64_t)pages_of(window, in) | DESC_TABLE);
	}
}

/* Where the last page goes, its table goes, too. */
static void unmap_page(struct stage2_window *window, uint64_t at)
{
	uint64_t *page = &pages_of(window, at)[at / PAGE % 512];
	uint16_t *used = &window->used[(at - window->start) / BLOCK];

	if (!*page)
		return;
	store_entry(page, 0);
	if (!--*used)
		store_entry(slot_of(window, at), 0);
}

void stage2_window_unmap(struct stage2_window *window, uint64_t ipa, uint64_t size)
{
	uint64_t at, step;

	for (at = ipa; at < ipa + size; at += step) {
		uint64_t *slot = slot_of(window, at);

		step = *slot && (*slot & 3) != DESC_BLOCK ? PAGE : BLOCK - at % BLOCK;
		if (step == PAGE)
			unmap_page(window, at);
		else
			store_entry(slot, 0);
	}
	dsb_sy();
}

/* VMID 0 is nobody's. */
uint64_t stage2_base(const uint64_t *table, unsigned vmid)
{
	return (uint64_t)vmid << 48 | (uint64_t)table;
}

void stage2_forget(uint64_t base)
{
	write_sysreg(vttbr_el2, base);
	isb();
	__asm__ volatile("tlbi vmalls12e1is\n\tdsb ish" : : : "memory");
	__asm__ volatile("ic ialluis\n\tdsb ish\n\tisb" : : : "memory");
}

/* What all VMs have in common. The first entry is after an ISB. */
void stage2_enable(void)
{
	uint64_t range = read_sysreg(id_aa64mmfr0_el1) & 7;

	if (range > 5)
		range = 5;
	/* RES1, size of the output, inner shareable write-back walks, start at level 1, input size. */
	write_sysreg(vtcr_el2, 1ul << 31 | range << 16 | 3ul << 12 | 1ul << 10 | 1ul << 8 |
				       1ul << 6 | (64 - IPA_BITS));
	isb();
	__asm__ volatile("tlbi alle1\n\tdsb nsh\n\tisb" : : : "memory");
}
