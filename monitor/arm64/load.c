/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Loading the guest: arm64 Image (Linux Documentation/arch/arm64/booting), ELF, flat binary or
 * firmware. Modules may lie where they or each other have to go: all are first moved to the end of
 * the memory, then each to its place, in rising order.
 */
#include <elf.h>
#include <libfdt.h>
#include <string.h>
#include "mmu.h"
#include "vm.h"
#include "../common/console.h"
#include "../common/panic.h"

#define KB4      0x1000ul
#define MB2      0x200000ul
#define DTB_SIZE 0x100000ul
#define FLAT     0x80000ul

struct image_header {
	uint32_t code[2];
	uint64_t text_offset, image_size, flags, reserved[3];
	uint32_t magic, reserved2;
};

#define IMAGE_MAGIC 0x644d5241u

/* Where things go; `end` is what the kernel needs, its bss included. */
struct layout {
	uint64_t entry, start, end;
};

static uint64_t align_up(uint64_t value, uint64_t to)
{
	return (value + to - 1) & ~(to - 1);
}

/* --- Staging. ---------------------------------------------------------------------------------- */

static void stage_one(struct blob *blob, uint64_t *top)
{
	uint64_t to = (*top - blob->size) & ~(KB4 - 1);

	if (blob->size > *top - vm.ram)
		panic("the modules do not fit in memory");
	memmove((void *)to, (void *)blob->start, blob->size);
	blob->start = to;
	*top = to;
}

/*
 * Highest first, each as high as it goes: then it moves up, and never onto one that is still to be
 * moved. Modules above `top` are out of the guest's way already.
 */
static uint64_t stage(struct blob *const *blobs, unsigned count, uint64_t top)
{
	bool staged[4] = { false };
	unsigned round, i;

	for (round = 0; round < count; round++) {
		int highest = -1;

		for (i = 0; i < count; i++) {
			if (staged[i] || !blobs[i]->size || blobs[i]->start >= top)
				continue;
			if (highest < 0 || blobs[i]->start > blobs[highest]->start)
				highest = i;
		}
		if (highest < 0)
			break;
		stage_one(blobs[highest], &top);
		staged[highest] = true;
	}
	return top;
}

/* --- Placing. ---------------------------------------------------------------------------------- */

/* The guest's memory from `start` on, `size` bytes, and nothing staged that is still needed. */
static void *place(uint64_t start, uint64_t size, uint64_t staged_at)
{
	uint64_t end = vm.ram + vm.ram_size;

	if (staged_at < end)
		end = staged_at;
	if (start < vm.ram || start > end || size > end - start)
		panic("0x%lx bytes at 0x%lx do not fit in the guest's memory (0x%lx to 0x%lx)",
		      size, start, vm.ram, end);
	return (void *)start;
}

static void put(uint64_t to, uint64_t room, const struct blob *from)
{
	void *at = place(to, room, from->start);

	memmove(at, (void *)from->start, from->size);
	memset((uint8_t *)at + from->size, 0, room - from->size);
	cache_clean(at, (uint8_t *)at + room);
}

static struct layout load_image(const struct blob *kernel)
{
	const struct image_header *header = (void *)kernel->start;
	uint64_t offset = header->image_size ? header->text_offset : FLAT;
	uint64_t room = header->image_size > kernel->size ? header->image_size : kernel->size;
	uint64_t at;

	if (offset < KB4)
		offset += MB2; /* as QEMU does: the start of RAM may hold a device tree */
	at = vm.ram + offset;
	put(at, room, kernel);
	return (struct layout){ at, at, at + room };
}

static struct layout load_flat(const struct blob *kernel, uint64_t at)
{
	put(at, kernel->size, kernel);
	return (struct layout){ at, at, at + kernel->size };
}

static struct layout load_elf(const struct blob *kernel)
{
	const uint8_t *file = (void *)kernel->start;
	const Elf64_Ehdr *header = (void *)file;
	struct layout layout = { header->e_entry, ~0ul, 0 };
	unsigned i;

	if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_machine != EM_AARCH64 ||
	    header->e_phentsize != sizeof(Elf64_Phdr) || header->e_phoff > kernel->size ||
	    header->e_phnum * sizeof(Elf64_Phdr) > kernel->size - header->e_phoff)
		panic("the guest's ELF file is not one for arm64");
	for (i = 0; i < header->e_phnum; i++) {
		const Elf64_Phdr *part = (const Elf64_Phdr *)(file + header->e_phoff) + i;
		uint8_t *at;

		if (part->p_type != PT_LOAD || !part->p_memsz)
			continue;
		if (part->p_filesz > part->p_memsz || part->p_offset > kernel->size ||
		    part->p_filesz > kernel->size - part->p_offset)
			panic("the guest's ELF file is cut short");
		at = place(part->p_paddr, part->p_memsz, kernel->start);
		memcpy(at, file + part->p_offset, part->p_filesz);
		memset(at + part->p_filesz, 0, part->p_memsz - part->p_filesz);
		cache_clean(at, at + part->p_memsz);
		if (part->p_paddr < layout.start)
			layout.start = part->p_paddr;
		if (part->p_paddr + part->p_memsz > layout.end)
			layout.end = part->p_paddr + part->p_memsz;
	}
	if (!layout.end)
		panic("the guest's ELF file has nothing to load");
	return layout;
}

/*
 * A firmware's window: memory of its own behind guest address 0, cut off the end of the guest's. As
 * on QEMU's virt board, the device tree is where RAM starts, and the second bank of flash is there.
 */
static struct layout load_firmware(const struct blob *kernel, const struct board *board)
{
	uint64_t room = align_up(kernel->size, MB2);
	uint64_t at;

	if (room > vm.ram_size / 2 || room > vm.ram)
		panic("the firmware is too large");
	vm.ram_size = ((vm.ram + vm.ram_size - room) & ~(MB2 - 1)) - vm.ram;
	at = vm.ram + vm.ram_size;
	/* Downwards or onto itself: memmove copes, and nothing else is staged in between. */
	memmove((void *)at, (void *)kernel->start, kernel->size);
	memset((uint8_t *)at + kernel->size, 0, room - kernel->size);
	cache_clean((void *)at, (void *)(at + room));
	stage2_map(0, at, room, MAP_CODE);
	if (board->flash_size && board->flash >= room)
		stage2_map(board->flash, board->flash, board->flash_size, MAP_FLASH);
	return (struct layout){ 0, vm.ram, vm.ram + DTB_SIZE };
}

static struct layout load_kernel(const struct blob *kernel, const struct board *board,
				 const struct options *options)
{
	const struct image_header *header = (void *)kernel->start;

	if (options->firmware)
		return load_firmware(kernel, board);
	if (kernel->size >= sizeof(*header) && header->magic == IMAGE_MAGIC)
		return load_image(kernel);
	if (kernel->size >= sizeof(Elf64_Ehdr) && memcmp((void *)kernel->start, ELFMAG, 4) == 0)
		return load_elf(kernel);
	return load_flat(kernel, options->load ? options->load : vm.ram + FLAT);
}

/* Upwards from the middle of the memory or from 128 MB, as far as Linux likes it. */
static uint64_t after(const struct layout *layout)
{
	uint64_t half = vm.ram_size / 2 < 128 * (MB2 / 2) ? vm.ram_size / 2 : 128 * (MB2 / 2);
	uint64_t at = vm.ram + half;

	return align_up(layout->end > at ? layout->end : at, MB2);
}

static void put_dtb(uint64_t at, uint64_t staged, const struct board *board,
		    const struct options *options, const struct blob *ramdisk,
		    const struct blob *user)
{
	void *dtb = place(at, DTB_SIZE, staged);

	if (options->dtb && fdt_open_into((void *)user->start, dtb, DTB_SIZE) != 0)
		panic("the device tree at 0x%lx is none", options->dtb);
	guest_dt_make(dtb, DTB_SIZE, board, &vm, ramdisk, options->dtb != 0);
	cache_clean(dtb, (uint8_t *)dtb + DTB_SIZE);
}

void vm_load(const struct board *board, const struct options *options, uint64_t ram_end)
{
	struct blob kernel = board->kernel, ramdisk = board->ramdisk, user = { options->dtb, 0 };
	struct blob *const blobs[] = { &kernel, &ramdisk, &user };
	struct layout layout;
	uint64_t next, staged;

	vm.ram = board->memory;
	vm.ram_size = (ram_end & ~(MB2 - 1)) - vm.ram;
	if (options->mem && options->mem < vm.ram_size)
		vm.ram_size = options->mem & ~(KB4 - 1);
	if (!kernel.size)
		panic("there is no guest: neither a multiboot,kernel module nor an initrd");
	if (options->dtb && fdt_check_header((void *)options->dtb) == 0)
		user.size = fdt_totalsize((void *)options->dtb);
	staged = stage(blobs, 3, ram_end);
	layout = load_kernel(&kernel, board, options);
	next = after(&layout);
	if (ramdisk.size) {
		put(next, ramdisk.size, &ramdisk);
		ramdisk.start = next;
		next = align_up(next + ramdisk.size, MB2);
	}
	if (options->firmware)
		next = vm.ram;
	put_dtb(next, user.size ? user.start : ~0ul, board, options, &ramdisk, &user);
	cache_clean((void *)staged, (void *)ram_end);
	vm.vcpu[0].entry = layout.entry;
	vm.vcpu[0].context = next;
}
