/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The physical CLINT, and the virtual one on it; see clint.h and carillon/vclint.h.
 */
#include "clint.h"
#include "csr.h"
#include "fast.h"
#include "../common/panic.h"

struct vclint *vclint;

static _Alignas(64) uint8_t memory[64 * (MAX_HARTS + 8)];
static volatile uint64_t *mtime, *mtimecmp;
static volatile uint32_t *msip;
static uint64_t base, frequency;

/*
 * Everything written before is to be seen by who takes it. Also for a hart that is not there yet: it finds
 * what is for it when it comes (clint_init_hart()).
 */
static void kick(void *host, unsigned index)
{
	(void)host;
	fence_before_device();
	msip[index] = 1;
}

static void set_time(void *host, uint64_t value)
{
	(void)host;
	*mtime = value;
}

static const struct vclint_port port = { .kick = kick, .set_time = set_time };

void clint_init(const struct board *board)
{
	struct vclint_config config = {
		.harts = (uint16_t)board->harts,
		.regions = 3,
		.region = {
			{ .kind = VCLINT_MSIP, .harts = (uint16_t)board->harts,
			  .offset = (uint32_t)(board->msip - board->clint.start) },
			{ .kind = VCLINT_MTIMECMP, .harts = (uint16_t)board->harts,
			  .offset = (uint32_t)(board->mtimecmp - board->clint.start) },
			{ .kind = VCLINT_MTIME,
			  .offset = (uint32_t)(board->mtime - board->clint.start) },
		},
	};
	int error = vclint_init(&vclint, memory, sizeof(memory), &config, &port, NULL);

	if (error)
		panic("the virtual CLINT cannot be made: %d", error);
	mtime = (volatile uint64_t *)board->mtime;
	mtimecmp = (volatile uint64_t *)board->mtimecmp;
	msip = (volatile uint32_t *)board->msip;
	base = board->clint.start;
	frequency = board->frequency;
}

void clint_init_hart(struct hart *hart)
{
	hart->msip = &msip[hart->index];
	hart->mtimecmp = &mtimecmp[hart->index];
	hart->mtime = mtime;
	hart->programmed = *hart->mtimecmp = VCLINT_NEVER;
	clint_interrupts(hart, VHART_BIT(VHART_MSI));
}

uint64_t clint_time(void)
{
	return *mtime;
}

uint64_t clint_milliseconds(void)
{
	return mtime ? *mtime / (frequency / 1000) : 0;
}

static inline void program(struct hart *hart, uint64_t now)
{
	uint64_t next = vclint_next(vclint, hart->index, now);

	if (next == hart->programmed)
		return;
	hart->programmed = next;
	*hart->mtimecmp = next;
}

void clint_program(struct hart *hart)
{
	program(hart, clint_time());
}

void clint_payload_timer(struct hart *hart, uint64_t deadline)
{
	uint64_t now = clint_time();
	bool over = now >= deadline;

	vclint_arm(vclint, hart->index, VCLINT_PAYLOAD, over ? VCLINT_NEVER : deadline);
	program(hart, now);
	csr_clear(mip, VHART_BIT(VHART_STI));
	if (over)
		csr_set(mip, VHART_BIT(VHART_STI));
}

/* In M-mode it would be pending for as long as the firmware runs, and end its wfi. */
static inline void give_payload(struct hart *hart, unsigned interrupt)
{
	csr_set(mip, VHART_BIT(interrupt));
	hart->came = hart->world != WORLD_PAYLOAD;
}

/*
 * The software interrupt is cleared before the reasons are read: what is posted afterwards raises it
 * again.
 */
static inline uint32_t take_reasons(struct hart *hart)
{
	*hart->msip = 0;
	fence_after_device();
	return vclint_reasons(vclint, hart->index);
}

static void take_timer(struct hart *hart)
{
	uint64_t now = clint_time();

	if (vclint_expired(vclint, hart->index, now) & 1u << VCLINT_PAYLOAD)
		give_payload(hart, VHART_STI);
	program(hart, now);
}

/* Not in line, since the firmware's own interrupts come the same way. */
__attribute__((noinline)) static void payload_reasons(struct hart *hart, uint32_t reasons)
{
	if (reasons & REASON_IPI)
		give_payload(hart, VHART_SSI);
	if (reasons & REASON_FENCE)
		fence_serve(hart);
}

void clint_interrupts(struct hart *hart, uint64_t mip)
{
	bool timer = mip & VHART_BIT(VHART_MTI);

	if (mip & VHART_BIT(VHART_MSI)) {
		uint32_t reasons = take_reasons(hart);

		timer |= !!(reasons & VCLINT_REASON_TIMER);
		if (reasons & (REASON_IPI | REASON_FENCE))
			payload_reasons(hart, reasons);
	}
	if (timer)
		take_timer(hart);
}

__attribute__((noinline)) static bool other_message(struct hart *hart, uint32_t reasons)
{
	payload_reasons(hart, reasons);
	if (reasons & VCLINT_REASON_TIMER)
		take_timer(hart);
	if (clint_due(hart))
		return true;
	hart->counts[COUNT_INTERRUPT + VHART_MSI]++;
	return false;
}

/* If it has but one reason of the payload's, there is nothing else to see to. */
bool clint_payload_message(struct hart *hart)
{
	uint32_t reasons = take_reasons(hart);

	if (reasons == REASON_IPI) {
		csr_set(mip, VHART_BIT(VHART_SSI));
		hart->counts[COUNT_INTERRUPT + VHART_MSI]++;
		return false;
	}
	if (reasons == REASON_FENCE) {
		hart->counts[COUNT_INTERRUPT + VHART_MSI]++;
		return fence_serve(hart);
	}
	return other_message(hart, reasons);
}

bool clint_payload_time(struct hart *hart)
{
	take_timer(hart);
	if (clint_due(hart))
		return true;
	hart->counts[COUNT_INTERRUPT + VHART_MTI]++;
	return false;
}

bool clint_due(const struct hart *hart)
{
	uint64_t enabled = hart->v.mie & (VHART_BIT(VHART_MSI) | VHART_BIT(VHART_MTI));

	return enabled && (vclint_lines(vclint, hart->index, clint_time()) & enabled);
}

void clint_look_again(struct hart *hart)
{
	vclint_post(vclint, hart->index, VCLINT_REASON_MSIP);
}

bool clint_load(uint64_t address, unsigned bytes, uint64_t *value)
{
	return vclint_read(vclint, address - base, bytes, clint_time(), value) == VCLINT_DONE;
}

__attribute__((flatten)) bool clint_store(struct hart *hart, uint64_t address, unsigned bytes,
					  uint64_t value)
{
	if (vclint_write(vclint, hart->index, address - base, bytes, clint_time(), value) !=
	    VCLINT_DONE)
		return false;
	/* A message is no business of the timer's. */
	if (address - (uint64_t)msip >= 4 * MAX_HARTS)
		clint_program(hart);
	return true;
}
