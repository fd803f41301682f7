/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The start: one hart makes what all share, then each makes its own, and all enter the firmware together.
 */
#include <elf.h>
#include <libfdt.h>
#include <string.h>
#include "clint.h"
#include "csr.h"
#include "emulate.h"
#include "end.h"
#include "fast.h"
#include "native.h"
#include "../common/panic.h"

#define FIRMWARE_AT 0x200000 /* in the image */
#define WORDS_SIZE  256      /* in front of it: options, up to a 0 */
#define PATIENCE_MS 20000u   /* an emulator's harts may be slow to come */

struct hart *harts[MAX_HARTS];
unsigned hart_count;

static struct board board;
static uint64_t firmware_entry;
static unsigned there; /* harts that wait for the release */
static bool released;

struct placement place(void *dtb, uint64_t loaded);
void hart_main(uint64_t id, void *dtb, uint64_t information, uint64_t loaded, struct hart *hart,
	       unsigned order);
__attribute__((noreturn)) void enter_guest(void);

/* head.S, before the image is where it stays. */
struct placement place(void *dtb, uint64_t loaded)
{
	struct placement at = { 0, NULL };

	if (!fdt_check_header(dtb))
		at = board_place(dtb, loaded);
	if (at.monitor)
		return at;
	for (;;)
		wfi(); /* nothing is known to say it on */
}

/* --- The firmware -------------------------------------------------------------------------------------- */

static struct range ours(void)
{
	return (struct range){ (uint64_t)text_start, MONITOR_SIZE };
}

/* All of it is memory, and nothing in it is anybody's: ours, the copy's, the device tree's. */
static bool is_free(struct range range, struct range copy, struct range tree)
{
	return range_has(&board.memory, range.start) &&
	       range.size <= board.memory.start + board.memory.size - range.start &&
	       ranges_apart(range, ours()) && ranges_apart(range, copy) &&
	       ranges_apart(range, tree);
}

static void load_segment(struct range copy, const Elf64_Phdr *segment, struct range tree)
{
	struct range range = { segment->p_paddr, segment->p_memsz };
	uint8_t *to = (uint8_t *)range.start;

	if (segment->p_filesz > range.size || !is_free(range, copy, tree))
		panic("the firmware's ELF has a segment for 0x%lx, size 0x%lx, where it has no memory; link it into the lower part of RAM",
		      range.start, range.size);
	memmove(to, (const uint8_t *)copy.start + segment->p_offset, segment->p_filesz);
	memset(to + segment->p_filesz, 0, range.size - segment->p_filesz);
}

/* Where the file ends, as far as it is loaded; at most `room`, and a panic if it says more. */
static uint64_t elf_end(const Elf64_Phdr *segments, unsigned count, uint64_t room)
{
	uint64_t end = sizeof(Elf64_Ehdr);

	for (unsigned i = 0; i < count; i++) {
		const Elf64_Phdr *segment = &segments[i];

		if (segment->p_type != PT_LOAD)
			continue;
		if (segment->p_offset > room || segment->p_filesz > room - segment->p_offset)
			panic("the firmware's ELF says that it has more bytes than there is memory");
		if (segment->p_offset + segment->p_filesz > end)
			end = segment->p_offset + segment->p_filesz;
	}
	return end;
}

/*
 * An ELF goes where it says; anything else stays where it is. The ELF's file may be overwritten by its
 * segments, so it is put aside first, in front of the monitor and the device tree.
 */
static uint64_t load_firmware(const uint8_t *image, const void *dtb)
{
	struct range tree = { (uint64_t)dtb, fdt_totalsize(dtb) }, copy;
	uint64_t end = (uint64_t)text_start, room, entry;
	Elf64_Phdr segments[16];
	Elf64_Ehdr head;

	if (tree.start > (uint64_t)image && tree.start < end)
		end = tree.start;
	room = end - (uint64_t)image;
	memcpy(&head, image, sizeof(head));
	if (memcmp(head.e_ident, ELFMAG, SELFMAG) != 0)
		return (uint64_t)image;
	if (head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_machine != EM_RISCV ||
	    head.e_phentsize != sizeof(Elf64_Phdr) || head.e_phnum > 16 ||
	    head.e_phoff > room - sizeof(segments))
		panic("the firmware's ELF is not of RISC-V with 64 bits, has more than 16 segments, or not all of its file");
	entry = head.e_entry;
	memcpy(segments, image + head.e_phoff, head.e_phnum * sizeof(segments[0]));
	copy.size = (elf_end(segments, head.e_phnum, room) + 4095) & ~UINT64_C(4095);
	copy.start = (end - copy.size) & ~UINT64_C(4095);
	if (copy.size > room / 2 || !ranges_apart(copy, board.initrd))
		panic("the firmware's ELF, %lu bytes, does not fit in front of the monitor for a while; give the machine more memory",
		      copy.size);
	memcpy((uint8_t *)copy.start, image, copy.size);
	for (unsigned i = 0; i < head.e_phnum; i++) {
		if (segments[i].p_type == PT_LOAD)
			load_segment(copy, &segments[i], tree);
	}
	return entry;
}

/* --- The harts ------------------------------------------------------------------------------------------- */

static unsigned index_of(uint64_t id)
{
	unsigned i;

	for (i = 0; i < board.harts; i++) {
		if (board.hart_id[i] == id)
			return i;
	}
	panic("hart %lu runs, but the device tree's CLINT does not have it", id);
}

extern const char trap_vector[], trap_vector_end[];

static void own_vector(struct hart *hart)
{
	size_t size = (size_t)(trap_vector_end - trap_vector);

	if (size > sizeof(hart->vector))
		panic("the vector has %zu bytes, and its place in struct hart only %zu", size,
		      sizeof(hart->vector));
	memcpy(hart->vector, trap_vector, size);
	__asm__ volatile("fence.i" ::: "memory");
	csr_write(mtvec, (uint64_t)hart->vector);
}

static void start_hart(struct hart *hart)
{
	struct vhart_config config;
	const char *why;

	own_vector(hart);
	hart->index = index_of(hart->id);
	clint_init_hart(hart);
	native_probe(hart, &board, &config);
	fast_init_hart(hart, &config);
	if (config.pmps < pmp_needed(&board))
		panic("hart %lu has %u PMP entries; the monitor needs %u of them and OpenSBI %u, with fewer of which it silently gives its payload no memory: a hart with %u is needed",
		      hart->id, hart->pmp_entries, pmp_ours(&board), pmp_needed(&board),
		      pmp_ours(&board) + pmp_needed(&board));
	if (vhart_check(&config, &why))
		panic("hart %lu cannot be virtualized: %s", hart->id, why);
	vhart_init(&hart->v, &config);
	pmp_init(hart, &board, ours());
	harts[hart->index] = hart; /* for the exit table */
}

/* One that comes later would find the firmware where it starts, and be in its hands, in M-mode. */
static void wait_for_all(void)
{
	uint64_t end = clint_milliseconds() + PATIENCE_MS;

	while (__atomic_load_n(&there, __ATOMIC_ACQUIRE) < board.harts - 1) {
		if (clint_milliseconds() > end)
			panic("%u of %u harts have come here within %u s; start all, or take the others out of the CLINT's interrupts-extended",
			      there + 1, board.harts, PATIENCE_MS / 1000);
	}
}

static void make_shared(void *dtb, uint64_t loaded)
{
	console_init(board_uart(dtb, &uart_is_sifive));
	board_read(&board, dtb, loaded);
	end_init(&board);
	clint_init(&board);
	emulate_init(&board, ours());
	fast_init(&board, dtb, (const char *)(loaded + FIRMWARE_AT - WORDS_SIZE), WORDS_SIZE);
	hart_count = board.harts;
}

/* What is put into memory may lie where the others waited: they have come here by now. */
static void make_guest(void *dtb, uint64_t loaded)
{
	board_edit(dtb, (uint64_t)text_start);
	firmware_entry = load_firmware((const uint8_t *)(loaded + FIRMWARE_AT), dtb);
	print("carillon: %u harts, monitor at 0x%lx, firmware at 0x%lx\n", board.harts,
	      (uint64_t)text_start, firmware_entry);
}

static void wait_for_release(void)
{
	__atomic_fetch_add(&there, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&released, __ATOMIC_ACQUIRE))
		;
}

void hart_main(uint64_t id, void *dtb, uint64_t information, uint64_t loaded, struct hart *hart,
	       unsigned order)
{
	hart->id = id;
	if (order == 0) {
		make_shared(dtb, loaded);
		wait_for_all();
		make_guest(dtb, loaded);
		__atomic_store_n(&released, true, __ATOMIC_RELEASE);
	} else {
		wait_for_release();
	}
	start_hart(hart); /* its fence.i is for the firmware, too */
	hart->x[10] = id;
	hart->x[11] = (uint64_t)dtb;
	hart->x[12] = information;
	hart->v.pc = firmware_entry;
	world_set(hart);
	enter_guest();
}

/* vectors.S: a trap of ours that nobody expected. */
__attribute__((noreturn)) void monitor_fault(uint64_t sp, uint64_t s0, uint64_t ra);

void monitor_fault(uint64_t sp, uint64_t s0, uint64_t ra)
{
	uint64_t at = csr_read(mepc);

	console_break_lock();
	print("carillon: hart %lu: trap in the monitor: mcause 0x%lx, mtval 0x%lx, sp 0x%lx, s0 0x%lx, at and from:\n",
	      this_hart()->id, csr_read(mcause), csr_read(mtval), sp, s0);
	print_place(at);
	print_place(ra);
	run_failed("trap in the monitor");
}

void report_state(uint64_t frame, uint64_t sp)
{
	(void)frame;
	(void)sp;
	print("hart %lu, guest's pc 0x%lx, mode %u\n", this_hart()->id, this_hart()->v.pc,
	      this_hart()->v.mode);
}
