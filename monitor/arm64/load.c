/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Loading a guest: arm64 Image (Linux Documentation/arch/arm64/booting), ELF, flat binary or firmware.
 * Where things go is the same at boot and at each reset of the VM. The one guest that has all of the
 * memory may have its modules lie where they or each other have to go: they are first moved to the end
 * of the memory, then each to its place, in rising order.
 */
#include <elf.h>
#include <libfdt.h>
#include <string.h>
#include "mmu.h"
#include "vm.h"
#include "../common/console.h"
#include "../common/panic.h"

#define KB4 0x1000ul
#define MB2 0x200000ul

/* Where things go; `end` is what the kernel needs, its bss included. */
struct layout {
	uint64_t entry, start, end;
};

static uint64_t align_up(uint64_t value, uint64_t to)
{
	return (value + to - 1) & ~(to - 1);
}

/* --- Staging. ---------------------------------------------------------------------------------- */

static void stage_one(const struct vm *vm, struct blob *blob, uint64_t *top)
{
	uint64_t to = (*top - blob->size) & ~(KB4 - 1);

	if (blob->size > *top - vm->ram_at)
		panic("the modules do not fit in memory");
	memmove((void *)to, (void *)blob->start, blob->size);
	blob->start = to;
	*top = to;
}

/*
 * Highest first, each as high as it goes: then it moves up, and never onto one that is still to be
 * moved. Modules above `top` are out of the guest's way already.
 */
static uint64_t stage(const struct vm *vm, struct blob *const *blobs, unsigned count, uint64_t top)
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
		stage_one(vm, blobs[highest], &top);
		staged[highest] = true;
	}
	return top;
}

/* --- Placing. ---------------------------------------------------------------------------------- */

/* The guest's memory from `start` on, `size` bytes, and nothing staged that is still needed. */
static void *place(const struct vm *vm, uint64_t start, uint64_t size, uint64_t staged_at)
{
	uint64_t end = vm->ram + vm->ram_size;

	if (vm->ram == vm->ram_at && staged_at < end)
		end = staged_at;
	if (start < vm->ram || start > end || size > end - start)
		panic("%s: 0x%lx bytes at 0x%lx do not fit in its memory (0x%lx to 0x%lx)",
		      vm->description->name, size, start, vm->ram, end);
	return (void *)(start - vm->ram + vm->ram_at);
}

static void put(const struct vm *vm, uint64_t to, uint64_t room, const struct blob *from)
{
	void *at = place(vm, to, room, from->start);

	memmove(at, (void *)from->start, from->size);
	memset((uint8_t *)at + from->size, 0, room - from->size);
	cache_clean(at, (uint8_t *)at + room);
}

static struct layout load_image(const struct vm *vm, const struct blob *kernel)
{
	const struct image_header *header = (void *)kernel->start;
	uint64_t offset = header->image_size ? header->text_offset : VM_FLAT_OFFSET;
	uint64_t room = header->image_size > kernel->size ? header->image_size : kernel->size;
	uint64_t at;

	if (offset < KB4)
		offset += MB2; /* as QEMU does: the start of RAM may hold a device tree */
	at = vm->ram + offset;
	put(vm, at, room, kernel);
	return (struct layout){ at, at, at + room };
}

static struct layout load_flat(const struct vm *vm, const struct blob *kernel, uint64_t at)
{
	put(vm, at, kernel->size, kernel);
	return (struct layout){ at, at, at + kernel->size };
}

static struct layout load_elf(const struct vm *vm, const struct blob *kernel)
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
		at = place(vm, part->p_paddr, part->p_memsz, kernel->start);
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
 * on QEMU's virt board, the device tree is where RAM starts.
 */
static struct layout load_firmware(const struct vm *vm, const struct blob *kernel)
{
	uint64_t room = align_up(kernel->size, MB2);
	uint8_t *at = (uint8_t *)vm->window_at;

	/* Downwards or onto itself: memmove copes, and nothing else is staged in between. */
	memmove(at, (void *)kernel->start, kernel->size);
	memset(at + kernel->size, 0, room - kernel->size);
	cache_clean(at, at + room);
	return (struct layout){ 0, vm->ram, vm->ram + VM_DTB_ROOM };
}

static struct layout load_kernel(const struct vm *vm, const struct blob *kernel)
{
	const struct image_header *header = (void *)kernel->start;
	uint64_t load = vm->description->load;

	if (vm->description->firmware)
		return load_firmware(vm, kernel);
	if (kernel->size >= sizeof(*header) && header->magic == IMAGE_MAGIC)
		return load_image(vm, kernel);
	if (kernel->size >= sizeof(Elf64_Ehdr) && memcmp((void *)kernel->start, ELFMAG, 4) == 0)
		return load_elf(vm, kernel);
	return load_flat(vm, kernel, load ? load : vm->ram + VM_FLAT_OFFSET);
}

/* Upwards from the middle of the memory or from 128 MB, as far as Linux likes it. */
static uint64_t after(const struct vm *vm, const struct layout *layout)
{
	uint64_t half = vm->ram_size / 2 < 128 * (MB2 / 2) ? vm->ram_size / 2 : 128 * (MB2 / 2);
	uint64_t at = vm->ram + half;

	return align_up(layout->end > at ? layout->end : at, MB2);
}

/* Kernel and ramdisk to their places. Returns that of the device tree; `ramdisk` is moved. */
static uint64_t put_payloads(struct vm *vm, const struct blob *kernel, struct blob *ramdisk)
{
	struct layout layout = load_kernel(vm, kernel);
	uint64_t next = after(vm, &layout);

	vm->entry = layout.entry;
	if (ramdisk->size) {
		put(vm, next, ramdisk->size, ramdisk);
		ramdisk->start = next;
		next = align_up(next + ramdisk->size, MB2);
	}
	vm->entry_argument = vm->description->firmware ? vm->ram : next;
	return vm->entry_argument;
}

static void put_dtb(struct vm *vm, uint64_t at)
{
	void *to = place(vm, at, VM_DTB_ROOM, ~0ul);

	memcpy(to, (void *)vm->dtb.start, vm->dtb.size);
	cache_clean(to, (uint8_t *)to + vm->dtb.size);
}

/*
 * The user's, which may be anything, and badly aligned in a description: checked where it is aligned,
 * in the second half of its room, and opened in the first.
 */
static void open_dtb(struct vm *vm, void *dtb, const struct blob *user)
{
	void *copy = (uint8_t *)dtb + VM_DTB_ROOM / 2;
	int result = -FDT_ERR_NOSPACE;

	if (user->size <= VM_DTB_ROOM / 2) {
		memmove(copy, (void *)user->start, user->size);
		result = vms_check_tree(copy, user->size);
	}
	if (result == 0)
		result = fdt_open_into(copy, dtb, VM_DTB_ROOM / 2);
	if (result != 0)
		panic("%s: its device tree: %s", vm->description->name, fdt_strerror(result));
}

/* In the guest's memory, where there is room; what it has come to is kept, for resets. */
static void make_dtb(struct vm *vm, uint64_t at, uint64_t staged, const struct board *board,
		     const struct blob *ramdisk, const struct blob *user)
{
	void *dtb = place(vm, at, VM_DTB_ROOM, user->size ? staged : ~0ul), *kept;

	if (user->size)
		open_dtb(vm, dtb, user);
	guest_dt_make(dtb, VM_DTB_ROOM, board, vm, ramdisk, user->size != 0);
	vm->dtb.size = fdt_totalsize(dtb);
	kept = pages_alloc(vm->dtb.size);
	memcpy(kept, dtb, vm->dtb.size);
	vm->dtb.start = (uint64_t)kept;
	cache_clean(dtb, (uint8_t *)dtb + VM_DTB_ROOM);
}

static void make_window(struct vm *vm, const struct board *board)
{
	uint64_t room = align_up(vm->description->kernel.size, MB2);

	if (room > vm->ram_size / 2 || room > vm->ram)
		panic("%s: the firmware is too large", vm->description->name);
	vm->ram_size = ((vm->ram + vm->ram_size - room) & ~(MB2 - 1)) - vm->ram;
	vm->window_at = vm->ram_at + vm->ram_size;
	stage2_map(vm->stage2, 0, vm->window_at, room, MAP_CODE);
	/* The second bank of flash, which there is only one of. */
	if (vm->ram == vm->ram_at && board->flash_size && board->flash >= room)
		stage2_map(vm->stage2, board->flash, board->flash, board->flash_size, MAP_FLASH);
}

/*
 * `payloads_in_place`: they lie outside all guests' memory and stay there. Else in this one's, below
 * `top`, which is the end of all memory that there is for guests: then they are there once.
 */
void vm_load(struct vm *vm, const struct board *board, bool payloads_in_place, uint64_t top)
{
	struct blob kernel = vm->description->kernel, ramdisk = vm->description->ramdisk;
	struct blob user = vm->description->dtb;
	struct blob *const blobs[] = { &kernel, &ramdisk, &user };
	uint64_t staged = ~0ul, next;

	if (vm->description->firmware)
		make_window(vm, board);
	vm->reloadable = payloads_in_place;
	if (!payloads_in_place)
		staged = stage(vm, blobs, 3, top);
	next = put_payloads(vm, &kernel, &ramdisk);
	make_dtb(vm, next, staged, board, &ramdisk, &user);
	if (!payloads_in_place)
		cache_clean((void *)staged, (void *)top);
}

void vm_reload(struct vm *vm)
{
	struct blob ramdisk = vm->description->ramdisk;

	put_dtb(vm, put_payloads(vm, &vm->description->kernel, &ramdisk));
}
