/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The machine's device tree: read, and edited for the firmware; see board.h.
 */
#include <libfdt.h>
#include <stdio.h>
#include <string.h>
#include "board.h"
#include "../common/panic.h"

#define DTB_ROOM  0x10000 /* that the tree may grow to: by us, and by the firmware after us */
#define DTB_GROWS 4096    /* by us */

/* --- Reading ---------------------------------------------------------------------------------------- */

static bool reg_of(const void *dtb, int node, unsigned index, struct range *range)
{
	int length, parent = fdt_parent_offset(dtb, node);
	const fdt32_t *cell = fdt_getprop(dtb, node, "reg", &length);
	int addresses = fdt_address_cells(dtb, parent), sizes = fdt_size_cells(dtb, parent);
	int each = addresses + sizes;

	if (!cell || addresses < 1 || addresses > 2 || sizes < 1 || sizes > 2 ||
	    length < (int)(index + 1) * each * 4)
		return false;
	cell += index * (unsigned)each;
	*range = (struct range){ 0 };
	for (; addresses; addresses--)
		range->start = range->start << 32 | fdt32_to_cpu(*cell++);
	for (; sizes; sizes--)
		range->size = range->size << 32 | fdt32_to_cpu(*cell++);
	return true;
}

static uint64_t number(const void *dtb, int node, const char *name)
{
	int length;
	const fdt32_t *cell = fdt_getprop(dtb, node, name, &length);

	if (!cell || length < 4)
		return 0;
	return length < 8 ? fdt32_to_cpu(cell[0])
			  : (uint64_t)fdt32_to_cpu(cell[0]) << 32 | fdt32_to_cpu(cell[1]);
}

static int compatible(const void *dtb, const char *const *names)
{
	int node = -FDT_ERR_NOTFOUND;

	for (; *names && node < 0; names++)
		node = fdt_node_offset_by_compatible(dtb, -1, *names);
	return node;
}

static bool is_one_of(const void *dtb, int node, const char *const *names)
{
	for (; *names; names++) {
		if (!fdt_node_check_compatible(dtb, node, *names))
			return true;
	}
	return false;
}

/* The one that /chosen names, without what follows a colon; or any. */
static int stdout_of(const void *dtb)
{
	int length, chosen = fdt_path_offset(dtb, "/chosen");
	const char *path = fdt_getprop(dtb, chosen, "stdout-path", &length);

	if (!path || length < 1)
		return -FDT_ERR_NOTFOUND;
	return fdt_path_offset_namelen(dtb, path, (int)strcspn(path, ":"));
}

uint64_t board_uart(const void *dtb, bool *sifive)
{
	static const char *const names[] = { "ns16550a", "ns16550", "sifive,uart0", NULL };
	struct range range;
	int node = stdout_of(dtb);

	if (node < 0 || !is_one_of(dtb, node, names))
		node = compatible(dtb, names);
	*sifive = node >= 0 && is_one_of(dtb, node, names + 2);
	return node >= 0 && reg_of(dtb, node, 0, &range) ? range.start : 0;
}

/* The memory bank that has this address: its node, and which of that node's it is. */
static int bank_node(const void *dtb, uint64_t address, struct range *bank, unsigned *index)
{
	int node = -1;

	for (;;) {
		node = fdt_node_offset_by_prop_value(dtb, node, "device_type", "memory", 7);
		if (node < 0)
			return node;
		for (*index = 0; reg_of(dtb, node, *index, bank); ++*index) {
			if (range_has(bank, address))
				return node;
		}
	}
}

static bool bank_of(const void *dtb, uint64_t address, struct range *bank)
{
	unsigned index;

	return bank_node(dtb, address, bank, &index) >= 0;
}

static struct range initrd_of(const void *dtb)
{
	int chosen = fdt_path_offset(dtb, "/chosen");
	uint64_t start = number(dtb, chosen, "linux,initrd-start");

	return (struct range){ start, number(dtb, chosen, "linux,initrd-end") - start };
}

/* The CPU node whose interrupt controller has this phandle. */
static uint64_t hart_of(const void *dtb, uint32_t phandle)
{
	int intc = fdt_node_offset_by_phandle(dtb, phandle);
	int cpu = intc < 0 ? intc : fdt_parent_offset(dtb, intc), length;
	const fdt32_t *reg = cpu < 0 ? NULL : fdt_getprop(dtb, cpu, "reg", &length);

	if (!reg || length < 4)
		panic("the device tree's CLINT names an interrupt controller that is no hart's");
	return length < 8 ? fdt32_to_cpu(reg[0])
			  : (uint64_t)fdt32_to_cpu(reg[0]) << 32 | fdt32_to_cpu(reg[1]);
}

/* The harts that a device's `interrupt` goes to, in its order. */
static unsigned harts_of(const void *dtb, int node, uint32_t interrupt, uint64_t id[MAX_HARTS])
{
	int length;
	const fdt32_t *cell = fdt_getprop(dtb, node, "interrupts-extended", &length);
	unsigned count = 0;

	for (int i = 0; cell && i + 1 < length / 4; i += 2) {
		if (fdt32_to_cpu(cell[i + 1]) != interrupt)
			continue;
		if (count == MAX_HARTS)
			panic("there are more than %u harts", MAX_HARTS);
		id[count++] = hart_of(dtb, fdt32_to_cpu(cell[i]));
	}
	return count;
}

/* What one PMP entry can have: a power of two, aligned to itself, that has both ends. */
static struct range covering(uint64_t start, uint64_t end)
{
	uint64_t size = 0x1000;

	while ((start & ~(size - 1)) + size < end)
		size *= 2;
	return (struct range){ start & ~(size - 1), size };
}

static bool read_clint(struct board *board, const void *dtb)
{
	static const char *const names[] = { "riscv,clint0", "sifive,clint0", NULL };
	struct range range;
	int node = compatible(dtb, names);

	if (node < 0 || !reg_of(dtb, node, 0, &range))
		return false;
	for (unsigned i = 0; names[i]; i++) {
		if (fdt_node_offset_by_compatible(dtb, node, names[i]) >= 0)
			panic("the machine has several CLINTs, as one with more than one socket has; one is supported");
	}
	board->harts = harts_of(dtb, node, 3, board->hart_id);
	board->msip = range.start;
	board->mtimecmp = range.start + 0x4000;
	board->mtime = range.start + 0xbff8;
	board->clint = covering(range.start, range.start + range.size);
	return true;
}

static bool read_aclint(struct board *board, const void *dtb)
{
	static const char *const mswi[] = { "riscv,aclint-mswi", NULL };
	static const char *const mtimer[] = { "riscv,aclint-mtimer", NULL };
	int software = compatible(dtb, mswi), timer = compatible(dtb, mtimer);
	struct range msip, mtime, mtimecmp;
	uint64_t id[MAX_HARTS], start, end;

	if (software < 0 || timer < 0 || !reg_of(dtb, software, 0, &msip) ||
	    !reg_of(dtb, timer, 0, &mtime) || !reg_of(dtb, timer, 1, &mtimecmp))
		return false;
	if (fdt_node_offset_by_compatible(dtb, software, mswi[0]) >= 0 ||
	    fdt_node_offset_by_compatible(dtb, timer, mtimer[0]) >= 0)
		panic("the machine has several ACLINTs; one is supported");
	board->harts = harts_of(dtb, software, 3, board->hart_id);
	if (harts_of(dtb, timer, 7, id) != board->harts ||
	    memcmp(id, board->hart_id, board->harts * sizeof(id[0])) != 0)
		panic("the ACLINT's MSWI and MTIMER are of different harts");
	board->msip = msip.start;
	board->mtimecmp = mtimecmp.start;
	board->mtime = mtime.start;
	start = msip.start < mtimecmp.start ? msip.start : mtimecmp.start;
	start = mtime.start < start ? mtime.start : start;
	end = msip.start + 4 * board->harts;
	if (mtimecmp.start + 8 * board->harts > end)
		end = mtimecmp.start + 8 * board->harts;
	if (mtime.start + 8 > end)
		end = mtime.start + 8;
	board->clint = covering(start, end);
	return true;
}

/* Those interrupt files whose interrupt at the harts is this one. */
static int next_imsic(const void *dtb, int node, uint32_t interrupt)
{
	int length;

	for (;;) {
		const fdt32_t *cell;

		node = fdt_node_offset_by_compatible(dtb, node, "riscv,imsics");
		if (node < 0)
			return node;
		cell = fdt_getprop(dtb, node, "interrupts-extended", &length);
		if (cell && length >= 8 && fdt32_to_cpu(cell[1]) == interrupt)
			return node;
	}
}

void board_read(struct board *board, const void *dtb, uint64_t loaded)
{
	static const char *const finisher[] = { "sifive,test0", "sifive,test1", NULL };
	int node = compatible(dtb, finisher);

	*board = (struct board){ 0 };
	if (!bank_of(dtb, loaded, &board->memory))
		panic("the device tree has no memory where the monitor was loaded");
	if (!read_clint(board, dtb) && !read_aclint(board, dtb))
		panic("the device tree has no CLINT, nor ACLINT's MSWI and MTIMER");
	if (!board->harts)
		panic("the CLINT is no hart's");
	board->frequency = number(dtb, fdt_path_offset(dtb, "/cpus"), "timebase-frequency");
	if (board->frequency < 1000)
		panic("the device tree does not say how fast time goes: /cpus has no timebase-frequency");
	board->initrd = initrd_of(dtb);
	board->imsic = next_imsic(dtb, -1, VHART_SEI) >= 0;
	if (node >= 0 && reg_of(dtb, node, 0, &board->finisher) &&
	    covering(board->finisher.start, board->finisher.start + board->finisher.size).size !=
		    board->finisher.size)
		panic("the test device's registers are no multiple of 4 KiB that one PMP entry can have");
}

/* --- Placing the monitor ----------------------------------------------------------------------------- */

/* The first place for `size` bytes below `end` that is not the initrd's; 0: there is none. */
static uint64_t below(uint64_t end, uint64_t size, struct range initrd, uint64_t loaded)
{
	struct range range = { end & ~(uint64_t)(MONITOR_SIZE - 1), size };

	/* Above what was loaded with us, whatever that is. */
	while (range.start >= loaded + 8 * MONITOR_SIZE) {
		range.start -= MONITOR_SIZE;
		if (ranges_apart(range, initrd))
			return range.start;
	}
	return 0;
}

struct placement board_place(void *dtb, uint64_t loaded)
{
	struct range tree = { (uint64_t)dtb, fdt_totalsize(dtb) + DTB_ROOM };
	struct range monitor = { .size = MONITOR_SIZE }, initrd = initrd_of(dtb), bank;
	struct placement none = { 0, NULL };

	if (!bank_of(dtb, loaded, &bank) || tree.size > MONITOR_SIZE)
		return none;
	monitor.start = below(bank.start + bank.size, MONITOR_SIZE, initrd, loaded);
	if (!monitor.start)
		return none;
	if (!ranges_apart(monitor, tree)) {
		tree.start = below(monitor.start, MONITOR_SIZE, initrd, loaded);
		if (!tree.start)
			return none;
		memmove((void *)tree.start, dtb, fdt_totalsize(dtb));
	}
	return (struct placement){ monitor.start, (void *)tree.start };
}

/* --- The firmware's view ------------------------------------------------------------------------------ */

/*
 * Machine-level extensions whose registers are not virtualized: the firmware finds that they trap as
 * illegal, and does not find them here. Those of S-mode that need them go with them; but S-mode's part of
 * AIA, the last one, only where S-mode has no IMSIC, which works without the machine level's.
 */
static const char *const hidden[] = {
	"smaia",     "smcsrind", "sscsrind", "smcdeleg", "ssccfg",    "smstateen",
	"ssstateen", "smepmp",   "sdtrig",   "smctr",    "smcntrpmf", "ssctr",
	"smrnmi",    "smdbltrp", "ssdbltrp", "smmpm",    "smnpm",     "ssnpm",
	"sspm",      "supm",     "zicfilp",  "zicfiss",  "ssaia",
};

static bool imsic; /* board_edit() has found one for S-mode */

static bool is_hidden(const char *name, size_t length)
{
	for (unsigned i = 0; i < sizeof(hidden) / sizeof(hidden[0]) - imsic; i++) {
		if (strlen(hidden[i]) == length && !strncmp(hidden[i], name, length))
			return true;
	}
	return false;
}

/* "rv64imafdc_zicsr_smaia": names between underscores. Only ever gets shorter. */
static void edit_isa(void *dtb, int cpu)
{
	int length;
	char *isa = fdt_getprop_w(dtb, cpu, "riscv,isa", &length), *from, *to;

	if (!isa)
		return;
	from = to = isa;
	while (*from) {
		size_t n = strcspn(from, "_");

		if (!is_hidden(from, n)) {
			if (to != isa)
				*to++ = '_';
			memmove(to, from, n);
			to += n;
		}
		from += n + (from[n] == '_');
	}
	while (to < isa + length)
		*to++ = 0;
	fdt_setprop(dtb, cpu, "riscv,isa", isa, (int)strlen(isa) + 1);
}

/* A list of strings. */
static void edit_extensions(void *dtb, int cpu)
{
	int length, kept = 0;
	char *list = fdt_getprop_w(dtb, cpu, "riscv,isa-extensions", &length);

	for (int at = 0; list && at < length;) {
		int n = (int)strnlen(list + at, (size_t)(length - at)) + 1;

		if (n > length - at) /* it does not end */
			break;
		if (!is_hidden(list + at, (size_t)n - 1)) {
			memmove(list + kept, list + at, (size_t)n);
			kept += n;
		}
		at += n;
	}
	if (list)
		fdt_setprop(dtb, cpu, "riscv,isa-extensions", list, kept);
}

static void must(int result)
{
	if (result < 0)
		panic("the device tree cannot be edited: %s", fdt_strerror(result));
}

/* The machine level's, which is in miselect and its like, that trap. */
static void hide_imsics(void *dtb)
{
	int node = -1;

	for (;;) {
		node = next_imsic(dtb, node, VHART_MEI);
		if (node < 0)
			return;
		must(fdt_setprop_string(dtb, node, "status", "disabled"));
	}
}

/* A bank that ends with the monitor ends in front of it. */
static void shrink_memory(void *dtb, uint64_t monitor)
{
	unsigned index;
	struct range bank;
	int node = bank_node(dtb, monitor, &bank, &index), parent = fdt_parent_offset(dtb, node);
	int addresses = fdt_address_cells(dtb, parent), sizes = fdt_size_cells(dtb, parent), length;
	fdt32_t *cell = fdt_getprop_w(dtb, node, "reg", &length);

	must(node);
	if (bank.start + bank.size - monitor >= 2 * MONITOR_SIZE)
		return;
	bank.size = monitor - bank.start;
	cell += (int)index * (addresses + sizes) + addresses;
	if (sizes == 2)
		*cell++ = cpu_to_fdt32((uint32_t)(bank.size >> 32));
	*cell = cpu_to_fdt32((uint32_t)bank.size);
}

static void reserve(void *dtb, uint64_t monitor)
{
	int parent = fdt_path_offset(dtb, "/reserved-memory"), node;
	char name[32];

	if (parent < 0) {
		parent = fdt_add_subnode(dtb, 0, "reserved-memory");
		must(parent);
		must(fdt_setprop_u32(dtb, parent, "#address-cells", 2));
		must(fdt_setprop_u32(dtb, parent, "#size-cells", 2));
		must(fdt_setprop(dtb, parent, "ranges", NULL, 0));
	}
	snprintf(name, sizeof(name), "carillon@%lx", monitor);
	node = fdt_add_subnode(dtb, parent, name);
	must(node);
	must(fdt_appendprop_addrrange(dtb, parent, node, "reg", monitor, MONITOR_SIZE));
	must(fdt_setprop(dtb, node, "no-map", NULL, 0));
}

void board_edit(void *dtb, uint64_t monitor)
{
	struct range bank;
	int cpus, cpu;

	if (!bank_of(dtb, (uint64_t)dtb + fdt_totalsize(dtb) + DTB_GROWS - 1, &bank))
		panic("the device tree cannot grow by %u bytes where it is: memory ends there",
		      DTB_GROWS);
	must(fdt_open_into(dtb, dtb, (int)fdt_totalsize(dtb) + DTB_GROWS));
	imsic = next_imsic(dtb, -1, VHART_SEI) >= 0;
	hide_imsics(dtb);
	cpus = fdt_path_offset(dtb, "/cpus");
	fdt_for_each_subnode(cpu, dtb, cpus)
	{
		edit_isa(dtb, cpu);
		edit_extensions(dtb, cpu);
	}
	shrink_memory(dtb, monitor);
	reserve(dtb, monitor);
	must(fdt_pack(dtb));
}
