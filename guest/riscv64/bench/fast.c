/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What a payload asks of a small firmware (lib/small-sbi.h), which a monitor may do in its stead, in loops
 * that bench/riscv64-fast counts by their addresses: "bench: NAME ROUNDS". Four harts. Misaligned accesses
 * trap as in tests/fast.c.
 */
#include "small-sbi.h"
#include "tap.h"

#define ALONE  1000
#define SHARED 200

typedef void loop(uint64_t rounds, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5);

loop loop_set_timer, loop_time_read, loop_ipi_1, loop_ipi_3, loop_rfence_1, loop_rfence_3,
	loop_load, loop_store;

#define VIRTUAL  UINT64_C(0x140000000)
#define SV39     (UINT64_C(8) << 60)
#define PTE_V    1u
#define PTE_XA   0x48u
#define PTE_RWXA 0xceu
#define LR       0x1005a52fu /* lr.w a0, (a1) */
#define AMO      0x00c5a52fu /* amoadd.w a0, a2, (a1) */
#define RET      0x00008067u
#define LD       0x0005b503u /* ld a0, 0(a1) */
#define SD       0x00a5b023u /* sd a0, 0(a1) */

static _Alignas(4096) uint64_t tables[3][512];
static _Alignas(4096) uint32_t codes[4][1024];
static _Alignas(64) uint8_t data[64];
static atomic_ulong arrived;
static atomic_uint there, leave;

static uint64_t pte(const void *to, unsigned bits)
{
	return (uintptr_t)to >> 12 << 10 | bits;
}

static void with_tables(void)
{
	static const uint32_t code[4] = { LR, LD, AMO, SD };

	for (unsigned i = 0; i < 4; i++) {
		codes[i][0] = code[i];
		codes[i][1] = RET;
	}
	tables[0][2] = UINT64_C(2) << 28 | PTE_V | PTE_RWXA;
	tables[0][VIRTUAL >> 30] = pte(tables[1], PTE_V);
	tables[1][0] = pte(tables[2], PTE_V);
	__asm__ volatile("fence.i" ::: "memory");
	csr_write(satp, SV39 | (uintptr_t)tables[0] >> 12);
	__asm__ volatile("sfence.vma" ::: "memory");
}

static void misaligned(loop *operation, const uint32_t *first, const uint32_t *second)
{
	operation(ALONE, (uintptr_t)tables[2], pte(first, PTE_V | PTE_XA),
		  pte(second, PTE_V | PTE_XA), VIRTUAL, (uintptr_t)data + 13);
}

static uint64_t alone(uint64_t unused)
{
	loop_set_timer(ALONE, TIMER_NEVER / 2, 0, 0, 0, 0);
	sbi_call(SBI_TIME, 0, TIMER_NEVER, 0, 0, 0, 0);
	loop_time_read(ALONE, 0, 0, 0, 0, 0);
	with_tables();
	misaligned(loop_load, codes[0], codes[1]);
	misaligned(loop_store, codes[2], codes[3]);
	return unused;
}

static uint64_t receive(uint64_t unused)
{
	atomic_fetch_add(&there, 1);
	while (!atomic_load(&leave)) {
		if (csr_read(sip) & BIT(SSI)) {
			csr_clear(sip, BIT(SSI));
			atomic_fetch_add(&arrived, 1);
		}
	}
	return unused;
}

static void run_receive(void *unused)
{
	(void)unused;
	sbi_run(receive, 0);
}

static void ipis(loop *operation, uint64_t mask, uint64_t many)
{
	atomic_store(&arrived, 0);
	operation(SHARED, mask, (uintptr_t)&arrived, many, 0, 0);
}

static uint64_t send(uint64_t unused)
{
	while (atomic_load(&there) < 3)
		;
	ipis(loop_ipi_1, 2, 1);
	ipis(loop_ipi_3, 14, 3);
	loop_rfence_1(SHARED, 2, VIRTUAL, 4096, 0, 0);
	loop_rfence_3(SHARED, 14, VIRTUAL, 4096, 0, 0);
	atomic_store(&leave, 1);
	return unused;
}

void guest_main(void)
{
	static const char *const names[] = { "set_timer", "time_read", "load",     "store",
					     "ipi_1",     "ipi_3",     "rfence_1", "rfence_3" };

	if (hart_count != 4)
		bail_out("four harts are needed");
	sbi_run(alone, 0);
	for (unsigned i = 1; i < hart_count; i++)
		hart_start(i, run_receive, NULL);
	sbi_run(send, 0);
	for (unsigned i = 1; i < hart_count; i++)
		hart_finish(i);
	for (unsigned i = 0; i < 8; i++)
		print("bench: %s %u\n", names[i], i < 4 ? ALONE : SHARED);
	ok(true, "bench ran to its end");
}
