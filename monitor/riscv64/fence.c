/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Fences on other harts; see fence.h. Each hart has one description of what it asks for, and a word of who
 * asks it. Who waits takes its own interrupts meanwhile and holds nothing, so those that ask each other
 * get on. Modelled in tests/protocol/fence.pml.
 */
#include "clint.h"
#include "csr.h"
#include "fast.h"

#define PAGE 4096u

static inline void fence_page(uint64_t address)
{
	__asm__ volatile("sfence.vma %0" ::"r"(address) : "memory");
}

static inline void fence_page_of(uint64_t address, uint64_t asid)
{
	__asm__ volatile("sfence.vma %0, %1" ::"r"(address), "r"(asid) : "memory");
}

/* In the order of how often Linux asks for them. */
static inline void execute(const struct fence *fence)
{
	uint64_t at = fence->start;

	if (fence->kind == FENCE_PAGES_OF_ASID) {
		do
			fence_page_of(at, fence->asid);
		while ((at += PAGE) != fence->end);
	} else if (fence->kind == FENCE_PAGES) {
		do
			fence_page(at);
		while ((at += PAGE) != fence->end);
	} else if (fence->kind == FENCE_ASID) {
		__asm__ volatile("sfence.vma zero, %0" ::"r"(fence->asid) : "memory");
	} else if (fence->kind == FENCE_ALL) {
		sfence_vma();
	} else {
		__asm__ volatile("fence.i" ::: "memory");
	}
}

static inline void serve(struct hart *hart, uint64_t asker)
{
	struct fence *fence = &fast_hart(asker)->fence;

	execute(fence);
	/* release: partner is the acquire in fence_wait(); the description is the asker's again */
	__atomic_fetch_and(&fence->waiting, ~hart->bit, __ATOMIC_RELEASE);
}

__attribute__((noinline)) static void serve_all(struct hart *hart, uint64_t askers)
{
	for (; askers; askers &= askers - 1)
		serve(hart, askers & -askers);
}

__attribute__((noinline)) bool fence_serve(struct hart *hart)
{
	/* acquire: partner is the release in ask() */
	uint64_t askers = __atomic_exchange_n(&hart->askers, 0, __ATOMIC_ACQUIRE);

	if (askers & (askers - 1))
		serve_all(hart, askers);
	else if (askers)
		serve(hart, askers);
	return false;
}

/* A function, so that what it costs to wait can be told from the rest. */
__attribute__((noinline)) static bool fence_wait(struct hart *hart)
{
	bool taken = false;

	/* acquire: partner is the release in fence_serve() */
	while (__atomic_load_n(&hart->fence.waiting, __ATOMIC_ACQUIRE)) {
		uint64_t mip = csr_read(mip) & VHART_BIT(VHART_MSI);

		if (mip) {
			clint_interrupts(hart, mip);
			taken = true;
		}
	}
	return taken;
}

static inline void ask(struct hart *hart, struct hart *target)
{
	/*
	 * release: partner is the acquire in fence_serve(), which so sees the description, `waiting`, and what
	 * the payload stored before. It comes before the reason, whose taker must find it.
	 */
	__atomic_fetch_or(&target->askers, hart->bit, __ATOMIC_RELEASE);
	vclint_post(vclint, target->index, REASON_FENCE);
}

bool fence_request(struct hart *hart, uint64_t targets)
{
	uint64_t others = targets & ~hart->bit, left;

	/* relaxed: nobody has the description before ask() */
	__atomic_store_n(&hart->fence.waiting, others, __ATOMIC_RELAXED);
	for (left = others; left; left &= left - 1)
		ask(hart, fast_hart(left & -left));
	if (targets & hart->bit)
		execute(&hart->fence);
	return others && fence_wait(hart);
}
