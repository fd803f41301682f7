/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The physical CLINT, and the virtual one on it; see clint.h and carillon/vclint.h.
 */
#include "clint.h"
#include "csr.h"
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
	hart->programmed = mtimecmp[hart->index] = VCLINT_NEVER;
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

void clint_program(struct hart *hart)
{
	uint64_t next = vclint_next(vclint, hart->index, clint_time());

	if (next == hart->programmed)
		return;
	hart->programmed = next;
	mtimecmp[hart->index] = next;
}

/*
 * The software interrupt is cleared before the reasons are read: what is posted afterwards raises it
 * again.
 */
void clint_interrupts(struct hart *hart, uint64_t mip)
{
	bool timer = mip & VHART_BIT(VHART_MTI);

	if (mip & VHART_BIT(VHART_MSI)) {
		msip[hart->index] = 0;
		fence_after_device();
		timer |= !!(vclint_reasons(vclint, hart->index) & VCLINT_REASON_TIMER);
	}
	if (!timer)
		return;
	vclint_expired(vclint, hart->index, clint_time());
	clint_program(hart);
}

bool clint_load(uint64_t address, unsigned bytes, uint64_t *value)
{
	return vclint_read(vclint, address - base, bytes, clint_time(), value) == VCLINT_DONE;
}

bool clint_store(struct hart *hart, uint64_t address, unsigned bytes, uint64_t value)
{
	if (vclint_write(vclint, hart->index, address - base, bytes, clint_time(), value) !=
	    VCLINT_DONE)
		return false;
	/* A message is no business of the timer's. */
	if (address - (uint64_t)msip >= 4 * MAX_HARTS)
		clint_program(hart);
	return true;
}
