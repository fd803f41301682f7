/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * A machine that resets itself again and again (PSCI SYSTEM_RESET, DEN0022 5.12) while messages of a device
 * are on their way: QEMU's edu, which interrupts after a computation, and the handler starts the next one;
 * and after a copy by DMA, which takes 100 ms. Each life counts itself in memory that a reset keeps, finds
 * that nothing comes of the one before, and that each interrupt arrives. lives=N: how many (50).
 * Odd ones end while CPU 1 takes messages, even ones with a message pending at CPU 0, which has them masked.
 */
#include "expect.h"
#include "gic.h"
#include "pci.h"
#include "psci.h"
#include "tap.h"
#include "tree.h"

#define EDU_FACTORIAL   0x08
#define EDU_STATUS_REG  0x20 /* bit 0: it computes; bit 7: and then interrupts */
#define EDU_DMA_SOURCE  0x80
#define EDU_DMA_TARGET  0x88
#define EDU_DMA_COUNT   0x90
#define EDU_DMA_COMMAND 0x98 /* bit 0: start, and not done yet; bit 2: then interrupt */
#define EDU_BUFFER      0x40000
#define DMA_MS          100

#define LPI       (LPI_FIRST + 256)
#define EVENT     1
#define ROUNDS    10
#define LEAST     100          /* messages in a life */
#define RECORD    0x41800000ul /* behind the image and the device tree */
#define MAGIC     0x4c49564553ul
#define LATE_MS   1000 /* the hypervisor does not reset a VM sooner */
#define EARLY_MS  200
#define AROUND_MS 4  /* so long before and after the reset DMA is done */
#define ARGUMENT  20 /* of the computation: short */

static struct record {
	uint64_t magic, life;
} *const record = (struct record *)RECORD;

static struct pci_device edu;
static atomic_uint going; /* the handler starts the next computation */

static void acknowledge(struct cpu *me, unsigned intid)
{
	(void)me;
	if (intid != LPI + EVENT)
		return;
	edu_acknowledge(&edu);
	if (atomic_load(&going))
		write32(edu.memory + EDU_FACTORIAL, ARGUMENT);
}

/* It has no reset of its own, and may still be at what the life before told it to do. */
static bool idle(void)
{
	uint64_t deadline = counter_after_ms(LIMIT_MS);

	while ((read32(edu.memory + EDU_STATUS_REG) | read32(edu.memory + EDU_DMA_COMMAND)) & 1) {
		if (counter_passed(deadline))
			return false;
	}
	return true;
}

static void set_up(unsigned target)
{
	its_init();
	if (!pci_find_bridge() || !pci_find(&edu, EDU_VENDOR, EDU_PRODUCT, 0))
		bail_out("no edu on PCI bus 0 whose messages go to an ITS");
	write32(edu.memory + EDU_STATUS_REG, 0);
	if (!idle())
		bail_out("edu does not come to an end");
	edu_acknowledge(&edu);
	on_interrupt = acknowledge;
	if (!map_events(edu.device_id, 2, LPI, target))
		bail_out("edu cannot be mapped");
	pci_enable_msi(&edu, EVENT);
}

static unsigned one_by_one(unsigned target)
{
	unsigned good = 0;

	for (unsigned round = 1; round <= ROUNDS; round++) {
		edu_raise(&edu);
		good += wait_at_least(lpi_count(target, LPI + EVENT), round);
	}
	return good;
}

static void copy(void)
{
	write64(edu.memory + EDU_DMA_SOURCE, RECORD);
	write64(edu.memory + EDU_DMA_TARGET, EDU_BUFFER);
	write64(edu.memory + EDU_DMA_COUNT, 2048);
	write64(edu.memory + EDU_DMA_COMMAND, 1 | 4);
}

static void wait_until(uint64_t deadline)
{
	while (!counter_passed(deadline))
		wfe();
}

/* Messages come as fast as they can, for `ms` since `start`, and until there were some. */
static unsigned load(unsigned target, uint64_t start, unsigned ms, unsigned copy_ms)
{
	uint64_t per_ms = counter_after_ms(1000) - counter_after_ms(0);

	per_ms /= 1000;
	atomic_store(&going, 1);
	write32(edu.memory + EDU_STATUS_REG, 0x80);
	write32(edu.memory + EDU_FACTORIAL, ARGUMENT);
	wait_until(start + copy_ms * per_ms);
	copy();
	wait_until(start + ms * per_ms);
	wait_at_least(lpi_count(target, LPI + EVENT), LEAST);
	return atomic_load(lpi_count(target, LPI + EVENT));
}

/* Now it is in a list register, or hardware has it, and nobody takes it. */
static bool one_pending(void)
{
	irq_mask();
	edu_raise(&edu);
	return wait_irq_asserted();
}

static void reset(void)
{
	psci(PSCI_SYSTEM_RESET, 0, 0, 0);
	bail_out("SYSTEM_RESET came back");
}

void guest_main(void)
{
	uint64_t start = counter();
	unsigned life = record->magic == MAGIC ? (unsigned)record->life + 1 : 1;
	unsigned target = life & 1, stale, arrived, taken;
	unsigned around = life / 4 % (2 * AROUND_MS + 1);
	unsigned end = life / 2 & 1 ? LATE_MS : EARLY_MS;
	bool pending;

	record->magic = MAGIC;
	record->life = life;
	set_up(target);
	wait_ms(SETTLE_MS);
	stale = everything();
	arrived = one_by_one(target);
	taken = load(target, start, end, end - DMA_MS - AROUND_MS + around);
	pending = target != 0 || one_pending();
	print("@life %u: %s: %u of before, %u of %u one by one, %u in all%s\n", life,
	      !stale && arrived == ROUNDS && taken >= LEAST && pending ? "well" : "NOT WELL", stale,
	      arrived, ROUNDS, taken, target ? ", more come" : ", one pends");
	if (life < option_number("lives", 50))
		reset();
	atomic_store(&going, 0);
}
