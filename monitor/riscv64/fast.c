/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Fast paths; see fast.h (RISC-V SBI, "Binary Encoding", "Timer Extension", "IPI Extension", "RFENCE
 * Extension"). Only what can be done wholly, and with success, is done here. Whatever else it is, a hart
 * that does not run the payload, a function that is not known, has to be answered by the firmware, which
 * gets the call as if nobody had looked at it.
 */
#include <libfdt.h>
#include <string.h>
#include "clint.h"
#include "csr.h"
#include "fast.h"
#include "memory.h"
#include "../common/panic.h"

#define SBI_LEGACY_SET_TIMER 0
#define SBI_TIME             0x54494d45
#define SBI_IPI              0x735049
#define SBI_RFENCE           0x52464e43
#define SBI_HSM              0x48534d

#define SBI_HART_STOP   1
#define SBI_FENCE_I     0
#define SBI_SFENCE      1
#define SBI_SFENCE_ASID 2
#define SBI_EVERYBODY   UINT64_MAX /* hart_mask_base */
#define SBI_WHOLE       UINT64_MAX /* size */
#define PAGE            UINT64_C(4096)
#define PAGES_AT_MOST   16 /* more are one flush of all */

#define MCOUNTEREN_TM UINT64_C(2)
#define RDTIME        0xc0102073u /* csrrs rd, time, x0; rd is bits 11:7 */

uint64_t fast_running, fast_listening;
struct hart *fast_harts[64];

static unsigned enabled = FAST_TIME | FAST_IPI | FAST_RFENCE | FAST_MISALIGNED;
static bool hide_time;
static uint64_t everybody; /* by ID */

/* --- Options ----------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	unsigned which;
} names[] = {
	{ "time", FAST_TIME },
	{ "ipi", FAST_IPI },
	{ "rfence", FAST_RFENCE },
	{ "misaligned", FAST_MISALIGNED },
	{ "all", FAST_TIME | FAST_IPI | FAST_RFENCE | FAST_MISALIGNED },
	{ "none", 0 },
};

static unsigned one_of(const char *word, size_t length)
{
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strlen(names[i].name) == length && !strncmp(names[i].name, word, length))
			return names[i].which;
	}
	panic("carillon.fast=%.*s: it is a list of time, ipi, rfence and misaligned, or all, or none",
	      (int)length, word);
}

static void set_fast(const char *list, size_t length)
{
	enabled = 0;
	for (;;) {
		const char *comma = memchr(list, ',', length);
		size_t word = comma ? (size_t)(comma - list) : length;

		enabled |= one_of(list, word);
		if (!comma)
			return;
		list += word + 1;
		length -= word + 1;
	}
}

static void set_time(const char *value, size_t length)
{
	hide_time = length == 4 && !strncmp(value, "trap", length);
	if (!hide_time)
		panic("carillon.time=%.*s: it may be trap, and the harts have no time CSR then",
		      (int)length, value);
}

static const struct {
	const char *name;
	void (*set)(const char *value, size_t length);
} options[] = {
	{ "carillon.fast=", set_fast },
	{ "carillon.time=", set_time },
};

static void read_word(const char *word, size_t length)
{
	for (unsigned i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		size_t name = strlen(options[i].name);

		if (length >= name && !strncmp(word, options[i].name, name))
			options[i].set(word + name, length - name);
	}
}

static void read_words(const char *words, size_t room)
{
	const char *end = words + strnlen(words, room);

	while (words < end) {
		const char *space = memchr(words, ' ', (size_t)(end - words));
		size_t length = (size_t)((space ? space : end) - words);

		read_word(words, length);
		words += length + 1;
	}
}

void fast_init(const struct board *board, const void *dtb, const char *words, size_t room)
{
	int length;
	const char *bootargs =
		fdt_getprop(dtb, fdt_path_offset(dtb, "/chosen"), "bootargs", &length);

	read_words(words, room);
	if (bootargs)
		read_words(bootargs, (size_t)length);
	/* Who is in another domain is not to be reached, and only the firmware knows who is. */
	if (fdt_path_offset(dtb, "/chosen/opensbi-domains") >= 0)
		enabled &= ~(unsigned)(FAST_IPI | FAST_RFENCE);
	for (unsigned i = 0; i < board->harts; i++) {
		if (board->hart_id[i] >= 64) {
			enabled &= ~(unsigned)(FAST_IPI | FAST_RFENCE);
			return;
		}
		everybody |= UINT64_C(1) << board->hart_id[i];
	}
}

void fast_init_hart(struct hart *hart, struct vhart_config *config)
{
	if (hide_time) {
		config->time = false;
		config->mcounteren &= ~MCOUNTEREN_TM;
	}
	hart->fast = (uint8_t)enabled;
	if ((enabled & FAST_TIME) && !config->time)
		hart->fast |= FAST_TIME_CSR;
	if (hart->id >= 64)
		return;
	hart->bit = UINT64_C(1) << hart->id;
	fast_harts[hart->bit * FAST_SEQUENCE >> 58] = hart;
}

/* --- Harts ------------------------------------------------------------------------------------------- */

/*
 * A hart runs the payload from the firmware's mret on until it asks the firmware to stop it. In between it is on
 * its way up or down, and only the firmware knows what it may be asked for. It listens if it is delegated
 * software interrupts; or they would be the firmware's.
 */
__attribute__((noinline)) void fast_starts(struct hart *hart, bool listens)
{
	hart->listens = listens;
	/* relaxed: the payload knows by other means, which order it, that a hart has started */
	if (listens)
		__atomic_fetch_or(&fast_listening, hart->bit, __ATOMIC_RELAXED);
	else
		__atomic_fetch_and(&fast_listening, ~hart->bit, __ATOMIC_RELAXED);
	if (hart->runs)
		return;
	hart->runs = true;
	/*
	 * Fences from now on include this hart, so those of before are made now, this one here and sfence.vma where
	 * PMP entries are set. Sequentially consistent, with the barrier: partner is the one in fence_call().
	 */
	__atomic_fetch_or(&fast_running, hart->bit, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	__asm__ volatile("fence.i" ::: "memory");
}

/* relaxed: who still finds it there is answered, since it takes interrupts in the firmware, too */
static void stops(struct hart *hart)
{
	hart->runs = hart->listens = false;
	__atomic_fetch_and(&fast_running, ~hart->bit, __ATOMIC_RELAXED);
	__atomic_fetch_and(&fast_listening, ~hart->bit, __ATOMIC_RELAXED);
}

/* The harts that a call names, by ID; false: some are not among `those`, or there are none of that ID. */
static inline bool targets_of(uint64_t those, uint64_t mask, uint64_t base, uint64_t *targets)
{
	if (base >= 64)
		return false;
	*targets = mask << base;
	return !(*targets & ~those) && *targets >> base == mask;
}

/* --- Calls --------------------------------------------------------------------------------------------- */

/* The call is done, and well. What they return is what fast_call() does. */
static inline bool done(struct hart *hart)
{
	hart->counts[COUNT_EXCEPTION + VHART_ECALL_S]++;
	csr_write(mepc, csr_read(mepc) + 4);
	hart->x[10] = 0; /* SBI_SUCCESS */
	hart->x[11] = 0;
	return false;
}

__attribute__((noinline, flatten)) static bool set_timer(struct hart *hart, uint64_t deadline)
{
	if (!(hart->fast & FAST_TIME) || !(hart->v.mideleg & VHART_BIT(VHART_STI)))
		return true;
	if (hart->v.menvcfg & VHART_MENVCFG_STCE)
		csr_write(CSR_STIMECMP, deadline);
	else
		clint_payload_timer(hart, deadline);
	return done(hart);
}

__attribute__((noinline)) static bool send_ipi(struct hart *hart, uint64_t mask, uint64_t base)
{
	/* relaxed: see fast_starts() */
	uint64_t there = __atomic_load_n(&fast_listening, __ATOMIC_RELAXED), targets = everybody;

	if (!(hart->fast & FAST_IPI))
		return true;
	if (base != SBI_EVERYBODY && !targets_of(there, mask, base, &targets))
		return true;
	if (base == SBI_EVERYBODY && there != everybody)
		return true;
	for (; targets; targets &= targets - 1) {
		struct hart *target = fast_hart(targets & -targets);

		if (target == hart)
			csr_set(mip, VHART_BIT(VHART_SSI));
		else
			vclint_post(vclint, target->index, REASON_IPI);
	}
	return done(hart);
}

/* What is to be flushed; more than asked for is always right. false: nothing. */
static inline bool describe(struct fence *fence, bool of_asid, uint64_t start, uint64_t size,
			    uint64_t asid)
{
	uint64_t first = start & -PAGE, end = (start + size + PAGE - 1) & -PAGE;

	fence->asid = asid;
	fence->kind = of_asid ? FENCE_ASID : FENCE_ALL;
	if (start + size < start || size == SBI_WHOLE)
		return true;
	if (!size) {
		fence->kind = FENCE_ALL; /* also of an ASID: OpenSBI takes it for that */
		return !start;
	}
	if (end - first > PAGES_AT_MOST * PAGE)
		return true;
	fence->kind = of_asid ? FENCE_PAGES_OF_ASID : FENCE_PAGES;
	fence->start = first;
	fence->end = end;
	return true;
}

/* Interrupts were taken while the payload was at the firmware's gate: if one is the firmware's, it comes again. */
static inline void look_again(struct hart *hart)
{
	if (clint_due(hart))
		clint_look_again(hart);
}

__attribute__((noinline)) static bool fence_call(struct hart *hart, uint64_t function,
						 uint64_t mask, uint64_t base, uint64_t start,
						 uint64_t size, uint64_t asid)
{
	uint64_t there, targets;

	if (!(hart->fast & FAST_RFENCE) || function > SBI_SFENCE_ASID)
		return true;
	/* Tables that were written, then who runs. Partner: fast_starts(). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	there = targets = __atomic_load_n(&fast_running, __ATOMIC_SEQ_CST);
	/* Who is not there yet makes it when it comes. */
	if (base != SBI_EVERYBODY && !targets_of(there, mask, base, &targets))
		return true;
	if (function == SBI_FENCE_I)
		hart->fence.kind = FENCE_CODE;
	else if (!describe(&hart->fence, function == SBI_SFENCE_ASID, start, size, asid))
		return done(hart);
	if (fence_request(hart, targets))
		look_again(hart);
	return done(hart);
}

static bool other_call(struct hart *hart, uint64_t function, uint64_t extension)
{
	if (extension == SBI_HSM && function == SBI_HART_STOP)
		stops(hart);
	/* It is one timer: from now on all of it is the firmware's. */
	if (extension == SBI_LEGACY_SET_TIMER)
		hart->fast &= (uint8_t)~FAST_TIME;
	return true;
}

/* Handlers are functions of their own, so that the shortest call does not pay for the registers of the longest. */
bool fast_call(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5,
	       uint64_t function, uint64_t extension)
{
	struct hart *hart = this_hart();

	(void)a5;
	if (extension == SBI_TIME && !function)
		return set_timer(hart, a0);
	if (extension == SBI_IPI && !function)
		return send_ipi(hart, a0, a1);
	if (extension == SBI_RFENCE)
		return fence_call(hart, function, a0, a1, a2, a3, a4);
	return other_call(hart, function, extension);
}

/* --- Instructions that trap ------------------------------------------------------------------------------ */

static bool fetch_as(uint64_t pc, uint64_t status, uint32_t *raw)
{
	struct result low = guest_load_u2(pc, status, 0), high;

	*raw = (uint32_t)low.value;
	if (low.fault || (low.value & 3) != 3)
		return !low.fault;
	high = guest_load_u2(pc + 2, status, 0);
	*raw |= (uint32_t)high.value << 16;
	return !high.fault;
}

bool fast_fetch(uint64_t pc, uint32_t *raw)
{
	uint64_t status = csr_read(mstatus) | VHART_MSTATUS_MPRV;
	uint64_t epc = csr_read(mepc), cause = csr_read(mcause), tval = csr_read(mtval);

	if (fetch_as(pc, status, raw))
		return true;
	/* What may be executed need not be readable. Not tried first: an emulator flushes its TLB for it. */
	bool found = fetch_as(pc, status | VHART_MSTATUS_MXR, raw);

	csr_write(mepc, epc);
	csr_write(mcause, cause);
	csr_write(mtval, tval);
	return found;
}

static bool is_rdtime(uint32_t raw)
{
	return (raw & ~(31u << 7)) == RDTIME;
}

/* All registers are where they are loaded from. */
static bool read_time(struct hart *hart)
{
	unsigned rd;
	uint32_t raw;

	if (!(hart->fast & FAST_TIME_CSR) || (csr_read(mstatus) & VHART_MSTATUS_MPV) ||
	    !fast_fetch(hart->v.pc, &raw) || !is_rdtime(raw))
		return false;
	rd = raw >> 7 & 31;
	if (rd)
		hart->x[rd] = clint_time();
	hart->reload |= is_kept(rd);
	hart->v.pc += 4;
	return true;
}

/*
 * An instruction of four bytes, sign-extended, read with this mstatus; if that faults, something whose lower half is
 * 0, and mepc, mcause and mtval are other ones. In line: it is most of what a read of the time takes.
 */
static inline int64_t fetch_four(uint64_t pc, uint64_t status)
{
	int64_t low, high;
	uint64_t old, recover;

	__asm__ volatile(
		"lla %[recover], 8f\n\t"
		"sd %[recover], %[at](tp)\n\t"
		"li %[low], 0\n\t"
		"csrrw %[old], mstatus, %[status]\n\t"
		"lh %[high], 2(%[pc])\n\t"
		"lhu %[low], 0(%[pc])\n\t"
		"sd zero, %[at](tp)\n"
		"8:\tcsrw mstatus, %[old]"
		: [low] "=&r"(low), [high] "=&r"(high), [old] "=&r"(old), [recover] "=&r"(recover)
		: [pc] "r"(pc), [status] "r"(status), [at] "i"(HART_RECOVER)
		: "memory");
	return (int64_t)((uint64_t)high << 16) | low;
}

/* What cannot be read like data, or is for a register that a call keeps, is left to read_time(). */
static inline bool read_time_at_once(struct hart *hart)
{
	uint64_t status = csr_read(mstatus), pc = csr_read(mepc), tval = csr_read(mtval), beyond,
		 rd;

	if ((int64_t)(status << 24) < 0) /* MPV */
		return false;
	/* Only rd is left of it. */
	beyond = (uint64_t)(fetch_four(pc, status | VHART_MSTATUS_MPRV) - (int32_t)RDTIME);
	rd = beyond >> 7;
	if (beyond & ~(UINT64_C(31) << 7) || is_kept((unsigned)rd)) {
		csr_write(mepc, pc);
		csr_write(mcause, VHART_ILLEGAL_INSTRUCTION);
		csr_write(mtval, tval);
		return false;
	}
	if (__builtin_expect(rd != 0, 1))
		hart->x[rd] = *hart->mtime;
	csr_write(mepc, pc + 4);
	return true;
}

_Static_assert(VHART_MSTATUS_MPV << 24 == UINT64_C(1) << 63, "the sign");

bool fast_exception(struct hart *hart, uint64_t cause)
{
	if (cause != VHART_ILLEGAL_INSTRUCTION || !(hart->fast & FAST_TIME_CSR) ||
	    !read_time_at_once(hart))
		return true;
	hart->counts[COUNT_EXCEPTION + VHART_ILLEGAL_INSTRUCTION]++;
	return false;
}

__attribute__((flatten)) bool fast_interrupt(struct hart *hart, uint64_t cause)
{
	if (cause == (VHART_CAUSE_INTERRUPT | VHART_MSI))
		return clint_payload_message(hart);
	if (cause == (VHART_CAUSE_INTERRUPT | VHART_MTI))
		return clint_payload_time(hart);
	return true;
}

__attribute__((noinline)) bool fast_instruction(struct hart *hart, uint64_t cause)
{
	switch (cause) {
	case VHART_ILLEGAL_INSTRUCTION:
		return read_time(hart);
	case VHART_LOAD_MISALIGNED:
	case VHART_STORE_MISALIGNED:
		return (hart->fast & FAST_MISALIGNED) && misaligned_access(hart);
	default:
		return false;
	}
}
