/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Does a CPU keep its registers, whoever else uses the same physical CPU? Each CPU fills every register
 * that a hypervisor has to switch with a pattern of its VM, its own and the register's, lets the
 * hypervisor in (WFI, WFE, calls, distributor reads, more than a time slice of work) and looks at all
 * of them, over and over. A pattern that turns up in the wrong place tells where it comes from. The MMU
 * is off meanwhile, so that its registers can hold patterns, too, and interrupts are masked.
 * leak.seed=N: the VM's number, 0 to 15 (0). leak.ms=N: how long (1000).
 */
#include "gic.h"
#include "leak.h"
#include "psci.h"
#include "tap.h"
#include "timer.h"
#include "tree.h"

#define SEEDS       16
#define BUSY_MS     20
#define NAP_US      500
#define URGENT      0x20 /* priority of the timers, before any PRIORITY mask that is a pattern */
#define NOTES       4
#define KINDS       3
#define CACHE_LINE  64
#define CPACR_ALL   0x03330000ull /* FP, SVE, SME */
#define SCTLR_PLAIN 0x30d00808ull /* RES1 bits and SA; MMU and caches are off */

unsigned cpus_needed = 1;

/* --- Patterns --------------------------------------------------------------------------------- */

struct owner {
	unsigned seed, cpu;
	bool inverted; /* every other generation */
};

static uint64_t pattern(struct owner owner, unsigned place)
{
	uint64_t value = (owner.seed * MAX_CPUS + owner.cpu + 1) * 0x9e3779b97f4a7c15ull + place;

	value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9ull;
	value = (value ^ value >> 27) * 0x94d049bb133111ebull;
	value ^= value >> 31;
	return owner.inverted ? ~value : value;
}

/* Places: the rows of the table of system registers come first. */
#define PLACE_X    256
#define PLACE_NZCV 300
#define PLACE_Q    320

/* --- System registers ------------------------------------------------------------------------- */

enum need {
	ALWAYS,
	IF_STORED,   /* some CPUs read it as zero */
	IF_READABLE, /* whatever the identification registers say */
	IF_V3,
	IF_V2,
	IF_POINTER_KEYS,
	IF_GENERIC_KEY,
	IF_SCXTNUM,
	IF_PAN,
	IF_UAO,
	IF_DIT,
	IF_SSBS,
	IF_BREAKPOINT, /* so many of them */
	IF_WATCHPOINT,
};

enum use { ANY_TIME, VIRTUAL_TIMER, PHYSICAL_TIMER };

/* What is legal: the bits that take a pattern, the bits that are fixed, or a function of its own. */
struct row {
	const char *name;
	uint64_t (*read)(void);
	void (*write)(uint64_t value);
	uint64_t mask, fixed;
	enum need need;
	unsigned number;
	enum use use;
};

#define ACCESSORS(label, name)                \
	static uint64_t read_##label(void)    \
	{                                     \
		return read_sysreg(name);     \
	}                                     \
	static void write_##label(uint64_t v) \
	{                                     \
		write_sysreg(name, v);        \
	}
#define PLAIN(name) ACCESSORS(name, name)

PLAIN(sctlr_el1)
PLAIN(ttbr0_el1)
PLAIN(ttbr1_el1)
PLAIN(tcr_el1)
PLAIN(mair_el1)
PLAIN(amair_el1)
PLAIN(vbar_el1)
PLAIN(contextidr_el1)
PLAIN(afsr0_el1)
PLAIN(afsr1_el1)
PLAIN(far_el1)
PLAIN(esr_el1)
PLAIN(elr_el1)
PLAIN(spsr_el1)
PLAIN(par_el1)
PLAIN(csselr_el1)
PLAIN(cpacr_el1)
PLAIN(sp_el0)
PLAIN(tpidr_el0)
PLAIN(tpidr_el1)
PLAIN(tpidrro_el0)
PLAIN(fpcr)
PLAIN(fpsr)
PLAIN(cntkctl_el1)
PLAIN(cntv_cval_el0)
PLAIN(cntp_cval_el0)
PLAIN(mdscr_el1)
PLAIN(mdccint_el1)
ACCESSORS(apia_lo, S3_0_C2_C1_0)
ACCESSORS(apia_hi, S3_0_C2_C1_1)
ACCESSORS(apib_lo, S3_0_C2_C1_2)
ACCESSORS(apib_hi, S3_0_C2_C1_3)
ACCESSORS(apda_lo, S3_0_C2_C2_0)
ACCESSORS(apda_hi, S3_0_C2_C2_1)
ACCESSORS(apdb_lo, S3_0_C2_C2_2)
ACCESSORS(apdb_hi, S3_0_C2_C2_3)
ACCESSORS(apga_lo, S3_0_C2_C3_0)
ACCESSORS(apga_hi, S3_0_C2_C3_1)
ACCESSORS(scxtnum_el0, S3_3_C13_C0_7)
ACCESSORS(scxtnum_el1, S3_0_C13_C0_7)
ACCESSORS(tpidr2_el0, S3_3_C13_C0_5)
ACCESSORS(pan, S3_0_C4_C2_3)
ACCESSORS(uao, S3_0_C4_C2_4)
ACCESSORS(dit, S3_3_C4_C2_5)
ACCESSORS(ssbs, S3_3_C4_C2_6)
ACCESSORS(icc_pmr, icc_pmr_el1)
ACCESSORS(icc_bpr0, icc_bpr0_el1)
ACCESSORS(icc_bpr1, icc_bpr1_el1)
ACCESSORS(icc_igrpen0, icc_igrpen0_el1)
ACCESSORS(icc_ap0r0, icc_ap0r0_el1)
ACCESSORS(icc_ap1r0, icc_ap1r0_el1)

static uint64_t read_cntv_ctl(void)
{
	return read_sysreg(cntv_ctl_el0) & (TIMER_ENABLE | TIMER_IMASK);
}

static void write_cntv_ctl(uint64_t value)
{
	write_sysreg(cntv_ctl_el0, value);
}

static uint64_t read_cntp_ctl(void)
{
	return read_sysreg(cntp_ctl_el0) & (TIMER_ENABLE | TIMER_IMASK);
}

static void write_cntp_ctl(uint64_t value)
{
	write_sysreg(cntp_ctl_el0, value);
}

/* The OS lock is written in one register and read in another. */
static uint64_t read_os_lock(void)
{
	return read_sysreg(oslsr_el1) >> 1 & 1;
}

static void write_os_lock(uint64_t value)
{
	write_sysreg(oslar_el1, value);
}

#define GICC_ROW(label, offset)                             \
	static uint64_t read_##label(void)                  \
	{                                                   \
		return read32(GICC_BASE + (offset));        \
	}                                                   \
	static void write_##label(uint64_t v)               \
	{                                                   \
		write32(GICC_BASE + (offset), (uint32_t)v); \
	}

GICC_ROW(gicc_pmr, GICC_PMR)
GICC_ROW(gicc_bpr, GICC_BPR)
GICC_ROW(gicc_abpr, GICC_ABPR)

#define NUMBERED(n)                        \
	ACCESSORS(bvr##n, dbgbvr##n##_el1) \
	ACCESSORS(bcr##n, dbgbcr##n##_el1) \
	ACCESSORS(wvr##n, dbgwvr##n##_el1) \
	ACCESSORS(wcr##n, dbgwcr##n##_el1)
#define NUMBERS(what)                                                                            \
	what(0) what(1) what(2) what(3) what(4) what(5) what(6) what(7) what(8) what(9) what(10) \
		what(11) what(12) what(13) what(14) what(15)
NUMBERS(NUMBERED)

#define ROW(label, mask, fixed, need)                                               \
	{                                                                           \
#label, read_##label, write_##label, mask, fixed, need, 0, ANY_TIME \
	}
#define TIMER_ROW(label, mask, fixed, use)                                       \
	{                                                                        \
#label, read_##label, write_##label, mask, fixed, ALWAYS, 0, use \
	}
#define DEBUG_ROW(label, mask, need, n) \
	{ #label, read_##label, write_##label, mask, 0, need, n, ANY_TIME },
/* Disabled: PMC, SSC, LBN and the like are free, E is 0. */
#define DEBUG_ROWS(n)                                              \
	DEBUG_ROW(bvr##n, 0x00007ffffffffffcull, IF_BREAKPOINT, n) \
	DEBUG_ROW(bcr##n, 0x00000006ull, IF_BREAKPOINT, n)         \
	DEBUG_ROW(wvr##n, 0x00007ffffffffff8ull, IF_WATCHPOINT, n) \
	DEBUG_ROW(wcr##n, 0x00001ffeull, IF_WATCHPOINT, n)

/* The MMU is off from the first row on; rows are put back in the opposite order. */
static const struct row rows[] = {
	ROW(sctlr_el1, 0x050d4210ull, SCTLR_PLAIN, ALWAYS), /* what concerns EL0, WXN */
	ROW(ttbr0_el1, 0xffff00fffffff000ull, 0, ALWAYS),
	ROW(ttbr1_el1, 0xffff00fffffff000ull, 0, ALWAYS),
	ROW(tcr_el1, 0x703fff3fbfull, 0, ALWAYS),
	ROW(mair_el1, ~0ull, 0, ALWAYS),
	ROW(amair_el1, ~0ull, 0, IF_STORED),
	ROW(vbar_el1, 0, 0, ALWAYS),
	ROW(contextidr_el1, 0xffffffff, 0, ALWAYS),
	ROW(afsr0_el1, 0xffffffff, 0, IF_STORED),
	ROW(afsr1_el1, 0xffffffff, 0, IF_STORED),
	ROW(far_el1, ~0ull, 0, ALWAYS),
	ROW(esr_el1, 0xffffffff, 0, ALWAYS),
	ROW(elr_el1, ~0ull, 0, ALWAYS),
	ROW(spsr_el1, 0xf00003cf, 0, ALWAYS),
	ROW(par_el1, 0xff0000fffffff180ull, 0, ALWAYS),
	ROW(csselr_el1, 0x3, 0, ALWAYS),
	ROW(cpacr_el1, 0, 3u << 20, ALWAYS),
	ROW(sp_el0, ~0ull, 0, ALWAYS),
	ROW(tpidr_el0, ~0ull, 0, ALWAYS),
	ROW(tpidr_el1, ~0ull, 0, ALWAYS),
	ROW(tpidrro_el0, ~0ull, 0, ALWAYS),
	ROW(fpcr, 0x07c00000, 0, ALWAYS),
	ROW(fpsr, 0x0800009f, 0, ALWAYS),
	ROW(cntkctl_el1, 0x33b, 0x44, ALWAYS), /* the event stream is on */
	TIMER_ROW(cntv_cval_el0, ~0ull, 0, VIRTUAL_TIMER),
	TIMER_ROW(cntv_ctl, TIMER_ENABLE, TIMER_IMASK, VIRTUAL_TIMER),
	TIMER_ROW(cntp_cval_el0, ~0ull, 0, PHYSICAL_TIMER),
	TIMER_ROW(cntp_ctl, TIMER_ENABLE, TIMER_IMASK, PHYSICAL_TIMER),
	ROW(mdscr_el1, 0xb000, 0, ALWAYS), /* TDCC, KDE, MDE */
	ROW(mdccint_el1, 3u << 29, 0, IF_STORED),
	ROW(os_lock, 1, 0, ALWAYS),
	ROW(apia_lo, ~0ull, 0, IF_POINTER_KEYS),
	ROW(apia_hi, ~0ull, 0, IF_POINTER_KEYS),
	ROW(apib_lo, ~0ull, 0, IF_POINTER_KEYS),
	ROW(apib_hi, ~0ull, 0, IF_POINTER_KEYS),
	ROW(apda_lo, ~0ull, 0, IF_POINTER_KEYS),
	ROW(apda_hi, ~0ull, 0, IF_POINTER_KEYS),
	ROW(apdb_lo, ~0ull, 0, IF_POINTER_KEYS),
	ROW(apdb_hi, ~0ull, 0, IF_POINTER_KEYS),
	ROW(apga_lo, ~0ull, 0, IF_GENERIC_KEY),
	ROW(apga_hi, ~0ull, 0, IF_GENERIC_KEY),
	ROW(scxtnum_el0, ~0ull, 0, IF_SCXTNUM),
	ROW(scxtnum_el1, ~0ull, 0, IF_SCXTNUM),
	ROW(tpidr2_el0, ~0ull, 0, IF_READABLE), /* SME's; EL2 can trap it only with FEAT_FGT */
	ROW(pan, 1u << 22, 0, IF_PAN),
	ROW(uao, 1u << 23, 0, IF_UAO),
	ROW(dit, 1u << 24, 0, IF_DIT),
	ROW(ssbs, 1u << 12, 0, IF_SSBS),
	ROW(icc_pmr, 0x78, 0x80, IF_V3),
	ROW(icc_bpr0, 3, 4, IF_V3),
	ROW(icc_bpr1, 3, 4, IF_V3),
	ROW(icc_igrpen0, 1, 0, IF_V3),
	ROW(icc_ap0r0, 0, 0, IF_V3),
	ROW(icc_ap1r0, 0, 0, IF_V3),
	ROW(gicc_pmr, 0x70, 0x80, IF_V2),
	ROW(gicc_bpr, 3, 4, IF_V2),
	ROW(gicc_abpr, 3, 4, IF_V2),
	NUMBERS(DEBUG_ROWS)
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))
_Static_assert(ROWS <= PLACE_X, "the places of the rows end before those of x0 to x30");

static unsigned id_field(uint64_t value, unsigned shift)
{
	return value >> shift & 15;
}

#define read_isar1() read_sysreg(id_aa64isar1_el1)
#define read_isar2() read_sysreg(S3_0_C0_C6_2)

static bool has_pointer_keys(void)
{
	return id_field(read_isar1(), 4) || id_field(read_isar1(), 8) || id_field(read_isar2(), 12);
}

static bool has_generic_key(void)
{
	return id_field(read_isar1(), 24) || id_field(read_isar1(), 28) ||
	       id_field(read_isar2(), 8);
}

static bool has_scxtnum(void)
{
	return id_field(read_sysreg(id_aa64pfr0_el1), 56) >= 2 ||
	       id_field(read_sysreg(id_aa64pfr1_el1), 32) >= 2;
}

static bool is_readable(const struct row *row)
{
	struct cpu *me = this_cpu();
	unsigned faults = atomic_load(&me->faults);

	me->fault_expected = true;
	row->read();
	me->fault_expected = false;
	return atomic_load(&me->faults) == faults;
}

static bool is_there(const struct row *row)
{
	uint64_t debug = read_sysreg(id_aa64dfr0_el1);

	switch (row->need) {
	case ALWAYS:
	case IF_STORED:
		return true;
	case IF_READABLE:
		return is_readable(row);
	case IF_V3:
		return !gic_is_v2();
	case IF_V2:
		return gic_is_v2();
	case IF_POINTER_KEYS:
		return has_pointer_keys();
	case IF_GENERIC_KEY:
		return has_generic_key();
	case IF_SCXTNUM:
		return has_scxtnum();
	case IF_PAN:
		return id_field(read_sysreg(id_aa64mmfr1_el1), 20);
	case IF_UAO:
		return id_field(read_sysreg(S3_0_C0_C7_2), 4);
	case IF_DIT:
		return id_field(read_sysreg(id_aa64pfr0_el1), 48);
	case IF_SSBS:
		return id_field(read_sysreg(id_aa64pfr1_el1), 4) >= 2;
	case IF_BREAKPOINT:
		return row->number <= id_field(debug, 12);
	case IF_WATCHPOINT:
		return row->number <= id_field(debug, 20);
	}
	return false;
}

static uint64_t legal(const struct row *row, uint64_t value)
{
	if (row->write == write_vbar_el1)
		return (uintptr_t)leak_vectors + value % LEAK_VECTORS * LEAK_VECTORS_SIZE;
	return (value & row->mask) | row->fixed;
}

/* --- Each CPU's part -------------------------------------------------------------------------- */

enum kind { GENERAL, VECTOR, SYSTEM };

struct note {
	const char *name; /* NULL: x or Q register `number` */
	unsigned number, place;
	enum kind kind;
	uint64_t found, wanted, mask;
	unsigned what;
	unsigned round;
};

/* Used by its CPU alone while the MMU and its caches are off, so in cache lines of its own. */
struct part {
	_Alignas(CACHE_LINE) struct image in, out;
	struct owner owner;
	uint64_t before[ROWS];
	bool checked[ROWS];
	unsigned rounds, checked_rows, strangers;
	unsigned wrong[KINDS];
	struct note notes[NOTES];
	unsigned noted;
	unsigned what, naps;
	uint64_t end, busy;
	bool smc;
};

static struct part parts[MAX_CPUS];
static unsigned seed, run_ms;

static void note(struct part *part, struct note found)
{
	found.what = part->what;
	found.round = part->rounds;
	if (part->noted < NOTES)
		part->notes[part->noted++] = found;
	part->wrong[found.kind]++;
}

static void fill_image(struct part *part)
{
	for (unsigned i = 0; i < 31; i++)
		part->in.x[i] = pattern(part->owner, PLACE_X + i);
	part->in.nzcv = pattern(part->owner, PLACE_NZCV) & 0xf0000000;
	for (unsigned i = 0; i < 64; i++)
		part->in.q[i] = pattern(part->owner, PLACE_Q + i);
}

/* Registers that the doing itself has changed, as a mask; bit 31: the flags. */
static uint32_t changed_by(unsigned what)
{
	switch (what) {
	case DO_HVC:
	case DO_SMC:
	case DO_READ:
		return 1;
	case DO_SUSPEND_H:
	case DO_SUSPEND_S:
		return 3;
	case DO_BUSY_LOW:
		return 1u << 31 | 3;
	case DO_BUSY_HIGH:
		return 1u << 31 | 3u << 29;
	default:
		return 0;
	}
}

static void check_image(struct part *part)
{
	uint32_t changed = changed_by(part->what);

	for (unsigned i = 0; i < 31; i++) {
		if (part->out.x[i] != part->in.x[i] && !(changed >> i & 1))
			note(part, (struct note){ NULL, i, PLACE_X + i, GENERAL, part->out.x[i],
						  part->in.x[i], ~0ull, 0, 0 });
	}
	if (part->out.nzcv != part->in.nzcv && !(changed >> 31))
		note(part, (struct note){ "nzcv", 0, PLACE_NZCV, GENERAL, part->out.nzcv,
					  part->in.nzcv, 0xf0000000, 0, 0 });
	for (unsigned i = 0; i < 64; i++) {
		if (part->out.q[i] != part->in.q[i])
			note(part, (struct note){ NULL, i / 2, PLACE_Q + i, VECTOR, part->out.q[i],
						  part->in.q[i], ~0ull, 0, 0 });
	}
}

static bool in_use(const struct row *row, const struct timer *timer)
{
	if (!timer || row->use == ANY_TIME)
		return false;
	return timer->physical == (row->use == PHYSICAL_TIMER);
}

static void fill_rows(struct part *part)
{
	for (unsigned i = 0; i < ROWS; i++) {
		if (part->checked[i])
			rows[i].write(legal(&rows[i], pattern(part->owner, i)));
	}
	isb();
}

static void check_rows(struct part *part, const struct timer *timer)
{
	isb();
	for (unsigned i = 0; i < ROWS; i++) {
		if (!part->checked[i] || in_use(&rows[i], timer))
			continue;
		uint64_t found = rows[i].read(), wanted = legal(&rows[i], pattern(part->owner, i));

		if (found != wanted)
			note(part, (struct note){ rows[i].name, 0, i, SYSTEM, found, wanted,
						  rows[i].mask, 0, 0 });
	}
}

/* What ends a sleep; the timers take turns. */
static const struct timer *timer_for(struct part *part)
{
	switch (part->what) {
	case DO_WFI:
	case DO_SUSPEND_H:
	case DO_SUSPEND_S:
		return part->naps++ & 1 ? &timer_physical : &timer_virtual;
	default:
		return NULL;
	}
}

/* The timer's interrupt, which pends. */
static void take_interrupt(void)
{
	unsigned intid = gic_acknowledge();

	if (intid < INTID_GROUP1)
		gic_end(intid);
}

static void one_round(struct part *part, unsigned what)
{
	part->what = what;
	part->owner.inverted = ++part->rounds & 1;
	const struct timer *timer = timer_for(part);

	fill_image(part);
	fill_rows(part);
	if (timer)
		timer_set(timer, timer_counter(timer) + read_sysreg(cntfrq_el0) * NAP_US / 1000000,
			  TIMER_ENABLE);
	leak_hold(&part->in, &part->out, what, part->busy);
	check_rows(part, timer);
	check_image(part);
	if (timer)
		timer_control(timer, 0);
	take_interrupt();
}

static void all_doings(struct part *part)
{
	static const unsigned by_hvc[] = { DO_WFI, DO_HVC,  DO_BUSY_LOW,  DO_READ, DO_SUSPEND_H,
					   DO_WFE, DO_READ, DO_BUSY_HIGH, DO_WFI,  DO_HVC };
	static const unsigned by_smc[] = { DO_WFI, DO_SMC,  DO_BUSY_LOW,  DO_READ, DO_SUSPEND_S,
					   DO_WFE, DO_READ, DO_BUSY_HIGH, DO_WFI,  DO_SMC };
	const unsigned *doings = part->smc ? by_smc : by_hvc;

	while (!counter_passed(part->end)) {
		for (unsigned i = 0; i < 10; i++)
			one_round(part, doings[i]);
	}
}

/* --- Before and after ------------------------------------------------------------------------- */

static bool is_stored(const struct row *row)
{
	uint64_t before = row->read();
	bool stored = false;

	for (unsigned i = 0; i < 3; i++) {
		row->write(row->mask);
		isb();
		stored |= (row->read() & row->mask) == row->mask;
	}
	row->write(before);
	isb();
	return stored;
}

static void choose_rows(struct part *part)
{
	for (unsigned i = 0; i < ROWS; i++) {
		part->checked[i] = is_there(&rows[i]) &&
				   (rows[i].need != IF_STORED || is_stored(&rows[i]));
		if (!part->checked[i])
			continue;
		part->checked_rows++;
		part->before[i] = rows[i].read();
	}
}

static unsigned bits_in(uint64_t mask)
{
	unsigned n = 0;

	for (; mask; mask &= mask - 1)
		n++;
	return n;
}

/* Whose is a value, masked, in this place? A few bits are somebody's by chance. */
static bool owner_of(uint64_t value, uint64_t mask, unsigned place, struct owner *owner)
{
	if (bits_in(mask) < 20)
		return false;
	for (unsigned i = 0; i < SEEDS * MAX_CPUS * 2; i++) {
		*owner = (struct owner){ i / 2 / MAX_CPUS, i / 2 % MAX_CPUS, i & 1 };
		if ((pattern(*owner, place) & mask) == (value & mask))
			return true;
	}
	return false;
}

static bool is_strange(uint64_t value, uint64_t mask, unsigned place)
{
	struct owner owner;

	return owner_of(value, mask, place, &owner) && owner.seed != seed;
}

/* What another VM may have left behind for this one, which has written nothing yet. */
static void look_for_strangers(struct part *part)
{
	leak_hold(&part->in, &part->out, DO_NOTHING, 0);
	for (unsigned i = 0; i < 64; i++)
		part->strangers += is_strange(part->out.q[i], ~0ull, PLACE_Q + i);
	for (unsigned i = 0; i < ROWS; i++) {
		if (is_there(&rows[i]))
			part->strangers += is_strange(rows[i].read(), rows[i].mask, i);
	}
}

/* What this CPU uses of memory with and without caches. */
static void clean_caches(const struct cpu *me, const struct part *part)
{
	extern char stacks[MAX_CPUS][STACK_SIZE];
	uintptr_t at;

	dsb();
	for (at = (uintptr_t)part; at < (uintptr_t)(part + 1); at += CACHE_LINE)
		__asm__ volatile("dc civac, %0" ::"r"(at) : "memory");
	for (at = (uintptr_t)stacks[me->index]; at < (uintptr_t)stacks[me->index + 1];
	     at += CACHE_LINE)
		__asm__ volatile("dc civac, %0" ::"r"(at) : "memory");
	dsb();
}

/* The first row, which is put back last, has the MMU. */
static void put_back(struct part *part)
{
	for (unsigned i = ROWS - 1; i > 0; i--) {
		if (part->checked[i])
			rows[i].write(part->before[i]);
	}
	__asm__ volatile("isb\n\ttlbi vmalle1\n\tdsb nsh\n\tisb" ::: "memory");
	rows[0].write(part->before[0]);
	isb();
}

static void prepare_timer(const struct cpu *me, const struct timer *timer)
{
	timer_control(timer, 0);
	gic_set_priority(me->index, timer->intid, URGENT);
	gic_enable(me->index, timer->intid);
}

static void run(void *unused)
{
	struct cpu *me = this_cpu();
	struct part *part = &parts[me->index];

	(void)unused;
	irq_mask();
	write_sysreg(cpacr_el1, 3ul << 20);
	isb();
	look_for_strangers(part);
	prepare_timer(me, &timer_virtual);
	prepare_timer(me, &timer_physical);
	part->owner = (struct owner){ seed, me->index, false };
	part->smc = tree_says_smc;
	part->busy = read_sysreg(cntfrq_el0) * BUSY_MS / 1000;
	choose_rows(part);
	part->end = counter_after_ms(run_ms);
	clean_caches(me, part);
	all_doings(part);
	clean_caches(me, part);
	put_back(part);
	gic_disable(me->index, timer_virtual.intid);
	gic_disable(me->index, timer_physical.intid);
	irq_unmask();
}

/* --- What is not there ------------------------------------------------------------------------ */

/* Each gives the class and the syndrome of its exception, or 0 if there is none. */
static uint64_t digest;

static void fold(uint64_t value)
{
	digest = (digest ^ value) * 0x100000001b3ull;
}

#define PROBE(...)                                                 \
	do {                                                       \
		this_cpu()->fault_esr = 0;                         \
		this_cpu()->fault_expected = true;                 \
		__asm__ volatile(#__VA_ARGS__ ::: "x0", "memory"); \
		this_cpu()->fault_expected = false;                \
		fold(this_cpu()->fault_esr);                       \
	} while (0)

#define CLASS(esr) ((esr) >> 26)

static void absent(const char *what, bool there)
{
	uint64_t esr = this_cpu()->fault_esr;

	if (!ok(there || (esr && CLASS(esr) == 0), "%s: there, or undefined", what))
		print("# ESR_EL1 is 0x%lx\n", esr);
}

/* All VMs of a set must print the same sum. */
static void features(void)
{
	uint64_t pfr0 = read_sysreg(id_aa64pfr0_el1), pfr1 = read_sysreg(id_aa64pfr1_el1);

	digest = 0xcbf29ce484222325ull;
	fold(read_sysreg(midr_el1));
	fold(pfr0);
	fold(pfr1);
	fold(read_sysreg(id_aa64dfr0_el1));
	fold(read_sysreg(id_aa64isar0_el1));
	fold(read_isar1());
	fold(read_isar2());
	fold(read_sysreg(id_aa64mmfr0_el1));
	fold(read_sysreg(id_aa64mmfr1_el1));
	fold(read_sysreg(S3_0_C0_C7_2));
	fold(read_sysreg(S3_0_C0_C4_4));    /* ID_AA64ZFR0_EL1 */
	fold(read_sysreg(S3_0_C0_C4_5));    /* ID_AA64SMFR0_EL1 */
	write_sysreg(cpacr_el1, CPACR_ALL); /* or EL1 itself would trap it */
	isb();
	PROBE(.inst 0x04bf5020); /* rdvl x0, #1 */
	absent("an SVE instruction", id_field(pfr0, 32));
	PROBE(mrs x0, S3_0_C1_C2_0); /* ZCR_EL1 */
	absent("ZCR_EL1", id_field(pfr0, 32));
	PROBE(mrs x0, S3_3_C4_C2_2); /* SVCR */
	absent("SVCR, of SME", id_field(pfr1, 24));
	PROBE(mrs x0, S3_3_C13_C0_5); /* TPIDR2_EL0 */
	PROBE(mrs x0, S3_0_C4_C3_0);  /* ALLINT */
	absent("ALLINT, of NMI", id_field(pfr1, 36));
	PROBE(mrs x0, S3_0_C5_C6_0); /* TFSR_EL1 */
	absent("TFSR_EL1, of MTE", id_field(pfr1, 8) >= 2);
	PROBE(mrs x0, S3_0_C5_C4_0);  /* ERXFR_EL1 */
	PROBE(mrs x0, S3_3_C9_C12_0); /* PMCR_EL0 */
	PROBE(mrs x0, S3_3_C13_C2_0); /* AMCR_EL0 */
	PROBE(mrs x0, S3_0_C10_C4_3); /* LORC_EL1 */
	PROBE(mrs x0, S3_0_C1_C0_1);  /* ACTLR_EL1 */
	write_sysreg(cpacr_el1, 0);
	isb();
	print("# leak: what is there and what is not: %lx\n", digest);
}

/* --- Results ---------------------------------------------------------------------------------- */

static void explain(const struct note *note)
{
	struct owner owner;

	if (note->name)
		print("# %s", note->name);
	else
		print("# %c%u", note->kind == GENERAL ? 'x' : 'q', note->number);
	print(" after doing %u in round %u: found 0x%lx, wanted 0x%lx", note->what, note->round,
	      note->found, note->wanted);
	if (owner_of(note->found, note->mask, note->place, &owner))
		print(", which is that of seed %u, CPU %u", owner.seed, owner.cpu);
	print("\n");
}

static void report(unsigned cpu)
{
	const struct part *part = &parts[cpu];

	is(part->strangers, 0, "CPU %u: finds nothing of another VM when it comes", cpu);
	is(part->wrong[GENERAL], 0, "CPU %u: x0 to x30 and the flags stay", cpu);
	is(part->wrong[VECTOR], 0, "CPU %u: Q0 to Q31 stay", cpu);
	is(part->wrong[SYSTEM], 0, "CPU %u: the system registers stay", cpu);
	ok(part->rounds >= 10, "CPU %u: has done everything", cpu);
	print("# leak: seed %u, CPU %u: %u rounds, %u system registers\n", seed, cpu, part->rounds,
	      part->checked_rows);
	for (unsigned i = 0; i < part->noted; i++)
		explain(&part->notes[i]);
}

void guest_main(void)
{
	seed = (unsigned)option_number("leak.seed", 0);
	run_ms = (unsigned)option_number("leak.ms", 1000);
	if (seed >= SEEDS)
		bail_out("leak.seed: 0 to 15 is allowed");
	features();
	for (unsigned cpu = 1; cpu < cpu_count; cpu++)
		cpu_start(cpu, run, NULL);
	run(NULL);
	for (unsigned cpu = 1; cpu < cpu_count; cpu++) {
		while (atomic_load(&cpus[cpu].busy))
			wfe();
	}
	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		report(cpu);
}
