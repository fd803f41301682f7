/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* A small firmware; see small-sbi.h. */
#include "small-sbi.h"
#include "tap.h"

#define EVENT_IPI   1u
#define EVENT_FENCE 2u

#define INSTRUCTION_RDTIME 0xc0102073u
#define INSTRUCTION_LOAD   0x03u
#define INSTRUCTION_STORE  0x23u

static atomic_uint events[MAX_HARTS];
static atomic_ulong askers[MAX_HARTS];  /* harts whose fence a hart is to make */
static atomic_ulong waiting[MAX_HARTS]; /* harts that have not made a hart's fence */
static atomic_ulong started;

uint64_t (*sbi_on_test)(uint64_t function, uint64_t argument);

struct sbi_result sbi_call(uint64_t extension, uint64_t function, uint64_t arg0, uint64_t arg1,
			   uint64_t arg2, uint64_t arg3, uint64_t arg4)
{
	register uint64_t a0 __asm__("a0") = arg0;
	register uint64_t a1 __asm__("a1") = arg1;
	register uint64_t a2 __asm__("a2") = arg2;
	register uint64_t a3 __asm__("a3") = arg3;
	register uint64_t a4 __asm__("a4") = arg4;
	register uint64_t a6 __asm__("a6") = function;
	register uint64_t a7 __asm__("a7") = extension;

	__asm__ volatile("ecall"
			 : "+r"(a0), "+r"(a1)
			 : "r"(a2), "r"(a3), "r"(a4), "r"(a6), "r"(a7)
			 : "memory");
	return (struct sbi_result){ (long)a0, a1 };
}

/* --- Messages ----------------------------------------------------------------------------------- */

static void post(unsigned hart, unsigned event)
{
	atomic_fetch_or(&events[hart], event);
	clint_send(hart);
}

static void fences_of_others(unsigned me)
{
	uint64_t from = atomic_exchange(&askers[me], 0);

	__asm__ volatile("fence.i\n\tsfence.vma" ::: "memory");
	for (unsigned i = 0; i < hart_count; i++)
		if (from >> i & 1)
			atomic_fetch_and(&waiting[i], ~BIT(me));
}

static void take_message(unsigned me)
{
	unsigned what;

	clint_clear(me);
	what = atomic_exchange(&events[me], 0);
	if (what & EVENT_IPI)
		csr_set(mip, BIT(SSI));
	if (what & EVENT_FENCE)
		fences_of_others(me);
}

/* Harts by number; 0 and no call if one of them is not started. */
static bool targets_of(uint64_t mask, uint64_t base, uint64_t *targets)
{
	*targets = atomic_load(&started);
	if (base == SBI_ALL)
		return true;
	if (mask && (base >= 64 || mask << base >> base != mask || mask << base & ~*targets))
		return false;
	*targets = mask ? mask << base : 0;
	return true;
}

static long send_ipi(uint64_t mask, uint64_t base)
{
	uint64_t targets;

	if (!targets_of(mask, base, &targets))
		return SBI_INVALID;
	for (unsigned i = 0; i < hart_count; i++)
		if (targets >> i & 1)
			post(i, EVENT_IPI);
	return 0;
}

static long fence(unsigned me, uint64_t mask, uint64_t base)
{
	uint64_t targets;

	if (!targets_of(mask, base, &targets))
		return SBI_INVALID;
	atomic_store(&waiting[me], targets);
	for (unsigned i = 0; i < hart_count; i++) {
		if (targets >> i & 1) {
			atomic_fetch_or(&askers[i], BIT(me));
			post(i, EVENT_FENCE);
		}
	}
	while (atomic_load(&waiting[me]))
		if (atomic_load(&events[me]))
			take_message(me);
	return 0;
}

/* --- Calls ---------------------------------------------------------------------------------------- */

static void set_timer(unsigned me, uint64_t deadline)
{
	timer_set(me, deadline);
	csr_clear(mip, BIT(STI));
	csr_set(mie, BIT(MTI));
}

static long call(struct payload *payload)
{
	unsigned me = this_hart()->id;
	uint64_t *x = payload->x, base = x[11];

	x[11] = 0;
	if (x[17] == SBI_TEST && sbi_on_test)
		x[11] = sbi_on_test(x[16], x[10]);
	else if (x[17] == SBI_TIME && x[16] == 0)
		set_timer(me, x[10]);
	else if (x[17] == SBI_IPI && x[16] == 0)
		return send_ipi(x[10], base);
	else if (x[17] == SBI_RFENCE && x[16] < 3)
		return fence(me, x[10], base);
	else
		return SBI_UNKNOWN;
	return 0;
}

/* --- What traps -------------------------------------------------------------------------------------- */

/* With the payload's eyes, mstatus.MPP being what it was. */
static uint64_t load_byte(uint64_t address)
{
	uint64_t value;

	__asm__ volatile("csrs mstatus, %2\n\tlbu %0, (%1)\n\tcsrc mstatus, %2"
			 : "=&r"(value)
			 : "r"(address), "r"(MSTATUS_MPRV | MSTATUS_MXR)
			 : "memory");
	return value;
}

static void store_byte(uint64_t address, uint64_t value)
{
	__asm__ volatile("csrs mstatus, %2\n\tsb %0, (%1)\n\tcsrc mstatus, %2" ::"r"(value),
			 "r"(address), "r"(MSTATUS_MPRV)
			 : "memory");
}

static uint64_t load(uint64_t address, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes && !this_hart()->trap.count; i++)
		value |= load_byte(address + i) << 8 * i;
	return value;
}

static uint32_t code_of(const struct payload *payload)
{
	this_hart()->trap.count = 0;
	return (uint32_t)load(payload->pc, 4);
}

/* A byte of its access faulted: S-mode's exception. */
static void redirect(struct payload *payload)
{
	const struct trap *trap = &this_hart()->trap;

	csr_write(sepc, payload->pc);
	csr_write(scause, trap->cause);
	csr_write(stval, trap->tval);
	csr_set(sstatus, MSTATUS_SPP);
	csr_clear(sstatus, MSTATUS_SPIE);
	if (csr_read(sstatus) & MSTATUS_SIE)
		csr_set(sstatus, MSTATUS_SPIE);
	csr_clear(sstatus, MSTATUS_SIE);
	payload->pc = csr_read(stvec);
}

/* An instruction of four bytes, aligned or not. */
static void misaligned(struct payload *payload)
{
	uint32_t code = code_of(payload);
	unsigned bytes = 1u << (code >> 12 & 3), shift = (64 - 8 * bytes) & 63;
	unsigned rd = code >> 7 & 31;
	uint64_t value = 0;

	traps_expect();
	if ((code & 0x7f) == INSTRUCTION_STORE) {
		for (unsigned i = 0; i < bytes && !this_hart()->trap.count; i++)
			store_byte(payload->tval + i, payload->x[code >> 20 & 31] >> 8 * i);
	} else if ((code & 0x7f) == INSTRUCTION_LOAD) {
		value = load(payload->tval, bytes) << shift;
	} else {
		bail_out("a misaligned access that is neither a load nor a store");
	}
	if (traps_end()) {
		redirect(payload);
		return;
	}
	if ((code & 0x7f) == INSTRUCTION_LOAD && rd)
		payload->x[rd] = code >> 14 & 1 ? value >> shift
						: (uint64_t)((int64_t)value >> shift);
	payload->pc += 4;
}

static void illegal(struct payload *payload)
{
	uint32_t code = code_of(payload);
	unsigned rd = code >> 7 & 31;

	if ((code & ~(31u << 7)) != INSTRUCTION_RDTIME)
		bail_out("the payload's instruction is illegal");
	if (rd)
		payload->x[rd] = mtime();
	payload->pc += 4;
}

static void trap(struct payload *payload)
{
	switch (payload->cause) {
	case CAUSE_IS_INTERRUPT | MSI:
		take_message(this_hart()->id);
		break;
	case CAUSE_IS_INTERRUPT | MTI:
		csr_clear(mie, BIT(MTI));
		csr_set(mip, BIT(STI));
		break;
	case CAUSE_ECALL_S:
		payload->x[10] = (uint64_t)call(payload);
		payload->pc += 4;
		break;
	case CAUSE_ILLEGAL:
		illegal(payload);
		break;
	case CAUSE_LOAD_MISALIGNED:
	case CAUSE_STORE_MISALIGNED:
		misaligned(payload);
		break;
	default:
		print("# hart %u: cause 0x%lx pc 0x%lx tval 0x%lx\n", this_hart()->id,
		      payload->cause, payload->pc, payload->tval);
		bail_out("the payload traps");
	}
}

/* --- The payload's life ------------------------------------------------------------------------------- */

uint64_t sbi_run(uint64_t (*function)(uint64_t), uint64_t argument)
{
	unsigned me = this_hart()->id;
	struct payload payload;

	pmp_open();
	csr_write(mideleg, BIT(SSI) | BIT(STI));
	csr_write(medeleg, BIT(CAUSE_LOAD_PAGE) | BIT(CAUSE_STORE_PAGE));
	csr_write(mcounteren, 7);
	csr_write(mie, BIT(MSI));
	atomic_fetch_or(&started, BIT(me));
	payload_init(&payload, MODE_S, function, argument);
	for (;;) {
		payload_run(&payload);
		if (payload_returned(&payload))
			break;
		if (payload.cause == CAUSE_ECALL_S && payload.x[17] == SBI_HSM &&
		    payload.x[16] == 1)
			break;
		trap(&payload);
	}
	atomic_fetch_and(&started, ~BIT(me));
	take_message(me);
	csr_write(mie, 0);
	timer_set(me, TIMER_NEVER);
	csr_clear(mip, S_INTERRUPTS);
	csr_write(sie, 0);
	csr_write(satp, 0);
	__asm__ volatile("sfence.vma" ::: "memory");
	csr_write(mideleg, 0);
	csr_write(medeleg, 0);
	return payload.x[10];
}
