/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What interrupt operations cost. Under the hypervisor: exits and instructions executed at EL2, by
 * its COUNT call; on the bare machine: this guest's own instructions, by PMU event 8 (Arm ARM
 * D12.11, INST_RETIRED). The cost of counting is measured and taken off. Waits are WFE or WFI only:
 * how long a spin takes is up to the emulator.
 */
#include "bench.h"
#include "gic.h"
#include "psci.h"
#include "tap.h"
#include "timer.h"
#include "uart.h"

#define DEVICE_ID          0x0b000000ul /* exists under the hypervisor only */
#define UART_PERIPHERAL_ID 0xfe0
#define INST_RETIRED       8
#define SPI                SPI_FREE
#define SPI_CHANGED        45 /* a bit of GICD_ISENABLER1 that belongs to no device */
#define WORD1              4

static bool hypervised;
static struct sample overhead;

/* x3: kicks sent, and in the low byte the physical CPU. */
struct sample take(void)
{
	if (hypervised) {
		struct call_result result = call(CALL_COUNT, 0, 0, 0);

		return (struct sample){ result.x[2], result.x[1], result.x[3] >> 8,
					result.x[3] & 0xff };
	}
	isb();
	return (struct sample){ 0, read_sysreg(pmevcntr0_el0), 0, 0 };
}

void add_difference(struct sample *sum, struct sample before, struct sample after)
{
	uint64_t instructions = after.instructions - before.instructions;

	/* Before PMUv3p5 an event counter has 32 bits. */
	if (!hypervised)
		instructions = (uint32_t)instructions;
	sum->instructions += instructions - overhead.instructions;
	sum->exits += after.exits - before.exits - overhead.exits;
	sum->kicks += after.kicks - before.kicks;
}

static void start_counter(void *unused)
{
	(void)unused;
	write_sysreg(pmevtyper0_el0, INST_RETIRED);
	write_sysreg(pmcntenset_el0, 1);
	write_sysreg(pmcr_el0, read_sysreg(pmcr_el0) | 1);
	isb();
}

/* Without the hypervisor's calls the PMU must be there. */
static void find_counter(void)
{
	struct cpu *me = this_cpu();

	hypervised = (int64_t)call(CALL_COUNT, 0, 0, 0).x[0] == 0;
	if (hypervised)
		return;
	me->fault_expected = true;
	read_sysreg(pmcr_el0);
	if (atomic_load(&me->faults))
		bail_out("neither bench calls (carillon.bench) nor a PMU");
	me->fault_expected = false;
	if (!(read_sysreg(pmceid0_el0) >> INST_RETIRED & 1))
		bail_out("the PMU does not count instructions (QEMU: with -icount only)");
	cpu_run_all(start_counter, NULL);
}

static void put_hundredths(uint64_t sum, uint64_t n)
{
	uint64_t hundredths = (sum * 100 + n / 2) / n;

	print("%lu.%lu%lu", hundredths / 100, hundredths / 10 % 10, hundredths % 10);
}

void report(const char *name, struct sample sum, uint64_t n)
{
	print("bench: %s,", name);
	put_hundredths(sum.exits, n);
	print(",");
	put_hundredths(sum.instructions, n);
	print("\n");
}

void nothing(void)
{
}

struct sample measure(void (*prepare)(void), void (*operation)(void), unsigned rounds)
{
	struct sample sum = { 0, 0, 0, 0 };

	for (unsigned i = 0; i < rounds; i++) {
		prepare();
		struct sample before = take();

		operation();
		add_difference(&sum, before, take());
	}
	return sum;
}

void row(const char *name, void (*prepare)(void), void (*operation)(void))
{
	counts_clear();
	report(name, measure(prepare, operation, ROUNDS), ROUNDS);
}

static void calibrate(void)
{
	struct sample sum = measure(nothing, nothing, ROUNDS);

	if (sum.instructions % ROUNDS || sum.exits % ROUNDS)
		print("# counting is not repeatable: %lu instructions, %lu exits in %u rounds\n",
		      sum.instructions, sum.exits, ROUNDS);
	overhead = (struct sample){ sum.exits / ROUNDS, sum.instructions / ROUNDS, 0, 0 };
}

void null_call(void)
{
	call(CALL_NULL, 0, 0, 0);
}

static void empty_exit(void)
{
	__asm__ volatile("hvc #1" ::: "memory");
}

static void read_distributor(void)
{
	read32(GICD_BASE + GICD_TYPER);
}

static void read_enables(void)
{
	read32(GICD_BASE + GIC_ISENABLER + WORD1);
}

static void write_enables(void)
{
	write32(GICD_BASE + GIC_ISENABLER + WORD1, ~0u);
}

static void disable_one(void)
{
	gic_disable(0, SPI_CHANGED);
}

static void enables(void)
{
	write_enables();
	row("isenabler_read", nothing, read_enables);
	row("isenabler_write", disable_one, write_enables);
	write32(GICD_BASE + GIC_ICENABLER + WORD1, ~0u);
	gic_wait_rwp(0, 32);
}

static void read_device(void)
{
	read32(hypervised ? DEVICE_ID : UART_BASE + UART_PERIPHERAL_ID);
}

static void make_pending(void)
{
	gic_set_pending(0, SPI);
	wait_irq_asserted();
}

static void acknowledge_and_end(void)
{
	gic_end(gic_acknowledge());
}

static void ack_eoi(void)
{
	spi_setup(SPI, 0, PRIORITY_DEFAULT, true);
	irq_mask();
	row("ack_eoi", make_pending, acknowledge_and_end);
	irq_unmask();
	spi_release(SPI);
}

static void sgi_self(void)
{
	unsigned next = count_of(0, SGI) + 1;

	sgi_send(0, SGI);
	wait_at_least(&cpus[0].seen[SGI], next);
}

struct sample part[MAX_CPUS];
atomic_uint asleep;

void parts_clear(void)
{
	for (unsigned i = 0; i < MAX_CPUS; i++)
		part[i] = (struct sample){ 0, 0, 0, 0 };
}

struct sample parts_sum(void)
{
	struct sample sum = { 0, 0, 0, 0 };

	for (unsigned i = 0; i < MAX_CPUS; i++) {
		sum.exits += part[i].exits;
		sum.instructions += part[i].instructions;
		sum.kicks += part[i].kicks;
	}
	return sum;
}

static void report_parts(const char *name)
{
	report(name, parts_sum(), ROUNDS);
}

/* Here each CPU counts over the whole series. */
void receive_running(void *intid)
{
	struct cpu *me = this_cpu();
	struct sample before = take();

	atomic_fetch_add(&asleep, 1);
	sev();
	wait_at_least(&me->seen[seen_index(*(const unsigned *)intid)], ROUNDS);
	add_difference(&part[me->index], before, take());
}

void receive_sleeping(void *intid)
{
	struct cpu *me = this_cpu();
	struct sample before = take();

	(void)intid;
	for (unsigned round = 1; round <= ROUNDS; round++) {
		irq_mask();
		atomic_store(&asleep, round);
		sev();
		while (!irq_asserted())
			wfi();
		irq_unmask();
	}
	add_difference(&part[me->index], before, take());
}

void let_it_fall_asleep(unsigned round)
{
	wait_at_least(&asleep, round);
	for (unsigned i = 0; i < 8; i++)
		wfe();
}

static unsigned sgi = SGI;

void send_rounds(const char *name, unsigned *intid, void (*send)(void), void (*receive)(void *),
		 bool sleeping)
{
	atomic_uint *seen = &cpus[1].seen[seen_index(*intid)];

	counts_clear();
	parts_clear();
	atomic_store(&asleep, 0);
	cpu_start(1, receive, intid);
	wait_at_least(&asleep, 1);
	struct sample before = take();

	for (unsigned round = 1; round <= ROUNDS; round++) {
		if (sleeping)
			let_it_fall_asleep(round);
		send();
		wait_at_least(seen, round);
	}
	add_difference(&part[0], before, take());
	cpu_finish(1);
	report_parts(name);
}

static void send_sgi(void)
{
	sgi_send(1, SGI);
}

static void broadcast(void)
{
	if (cpu_count != 8) {
		print("# sgi_broadcast_7 needs 8 CPUs, there are %u\n", cpu_count);
		return;
	}
	counts_clear();
	parts_clear();
	atomic_store(&asleep, 0);
	for (unsigned i = 1; i < cpu_count; i++)
		cpu_start(i, receive_running, &sgi);
	wait_at_least(&asleep, cpu_count - 1);
	struct sample before = take();

	for (unsigned round = 1; round <= ROUNDS; round++) {
		sgi_send_others(SGI);
		for (unsigned i = 1; i < cpu_count; i++)
			wait_at_least(&cpus[i].seen[SGI], round);
	}
	add_difference(&part[0], before, take());
	for (unsigned i = 1; i < cpu_count; i++)
		cpu_finish(i);
	report_parts("sgi_broadcast_7");
}

static atomic_uint duet_steps, duet_done;

/* CPU 1: one before the first round, two in each. */
static void step(void)
{
	atomic_fetch_add(&duet_steps, 1);
	sev();
}

static void play_second(void *argument)
{
	const struct duet *duet = argument;

	gic_split_end(duet->split);
	if (duet->masked)
		irq_mask();
	step();
	for (unsigned round = 1; round <= ROUNDS; round++) {
		duet->make_ready();
		struct sample before = take();

		step();
		wait_at_least(&duet_done, round);
		add_difference(&part[1], before, take());
		duet->tidy();
		step();
	}
	gic_split_end(false);
}

void play(struct duet duet)
{
	counts_clear();
	parts_clear();
	atomic_store(&duet_steps, 0);
	atomic_store(&duet_done, 0);
	gic_split_end(duet.split);
	cpu_start(1, play_second, &duet);
	wait_at_least(&duet_steps, 1);
	for (unsigned round = 1; round <= ROUNDS; round++) {
		duet.prepare();
		wait_at_least(&duet_steps, 2 * round);
		struct sample before = take();

		duet.operation();
		add_difference(&part[0], before, take());
		atomic_store(&duet_done, round);
		sev();
		wait_at_least(&duet_steps, 2 * round + 1);
	}
	cpu_finish(1);
	gic_split_end(false);
	report_parts(duet.name);
}

/* What CPU 0 does to an SPI that CPU 1 has. */
static void play_with_spi(struct duet duet)
{
	spi_setup(SPI, 1, PRIORITY_DEFAULT, true);
	play(duet);
	spi_release(SPI);
}

static void pend(void)
{
	gic_set_pending(0, SPI);
}

static void wait_until_dropped(void)
{
	struct cpu *me = this_cpu();

	wait_at_least(&me->seen[SPI], atomic_load(&duet_done) + 1);
}

static void deactivate(void)
{
	gic_deactivate(SPI);
}

/* QEMU's own GICv2 has an active state for each CPU, and CPU 0 cannot reach that of CPU 1. */
static void deactivate_again(void)
{
	if (!hypervised && gic_is_v2())
		gic_deactivate(SPI);
}

static void pend_enabled(void)
{
	gic_set_pending(0, SPI);
	gic_enable(0, SPI);
}

static void wait_until_asserted(void)
{
	wait_irq_asserted();
}

/* Whoever waits for RWP waits in WFE; in a GICv2 a read shows that it is done. */
static void disable_and_wait(void)
{
	write32(GICD_BASE + GIC_ICENABLER + SPI / 32 * 4, 1u << SPI % 32);
	if (gic_is_v2())
		gic_is_enabled(0, SPI);
	else
		while (read32(GICD_BASE + GICD_CTLR) & GICD_CTLR_RWP)
			wfe();
}

static void wait_and_acknowledge(void)
{
	wait_irq_asserted();
	gic_acknowledge();
}

static void read_active(void)
{
	gic_is_active(0, SPI);
}

static void end_it(void)
{
	gic_end(SPI);
}

static void duets(void)
{
	play_with_spi((struct duet){ "dir_shared", pend, wait_until_dropped, deactivate,
				     deactivate_again, false, true });
	play_with_spi((struct duet){ "icenabler_running", pend_enabled, wait_until_asserted,
				     disable_and_wait, nothing, true, false });
	play_with_spi((struct duet){ "isactiver_read_running", pend, wait_and_acknowledge,
				     read_active, end_it, true, false });
}

/*
 * More nested than there are list registers: the first one, of the lowest priority, is outside when
 * the others have been ended.
 */
#define NESTED 5

static void nest(void)
{
	for (unsigned i = 0; i < NESTED; i++) {
		gic_set_pending(0, SPI + i);
		wait_irq_asserted();
		gic_acknowledge();
	}
	for (unsigned i = NESTED - 1; i > 0; i--)
		gic_end(SPI + i);
}

static void eoi_evicted(void)
{
	for (unsigned i = 0; i < NESTED; i++)
		spi_setup(SPI + i, 0, (uint8_t)(PRIORITY_DEFAULT - 0x10 * i), true);
	irq_mask();
	row("eoi_evicted", nest, end_it);
	irq_unmask();
	for (unsigned i = 0; i < NESTED; i++)
		spi_release(SPI + i);
}

static void quiet_timer(struct cpu *me, unsigned intid)
{
	(void)me;
	(void)intid;
	timer_control(&timer_virtual, 0);
}

/* Armed for now: what is counted is the expiry, not the time until it. */
static void arm_and_wait(void)
{
	unsigned next = count_of(0, timer_virtual.intid) + 1;

	timer_set(&timer_virtual, counter(), TIMER_ENABLE);
	wait_at_least(&cpus[0].seen[timer_virtual.intid], next);
}

static void timer(void)
{
	on_interrupt = quiet_timer;
	gic_enable(0, timer_virtual.intid);
	row("timer", nothing, arm_and_wait);
	gic_disable(0, timer_virtual.intid);
	on_interrupt = NULL;
}

/* What the UART sent last left its transmit interrupt raised: its mask alone moves the line. */
static void quiet_uart(struct cpu *me, unsigned intid)
{
	(void)me;
	(void)intid;
	write32(UART_BASE + UART_IMSC, 0);
}

static void raise_uart(void)
{
	unsigned next = count_of(0, UART_INTID) + 1;

	write32(UART_BASE + UART_IMSC, UART_TX_INTERRUPT);
	wait_at_least(&cpus[0].seen[UART_INTID], next);
}

/* Without the call that makes an SPI pend it is the UART's, if that is the machine's own. */
static void spi_mapped(void)
{
	if (hypervised && spi_to_self("spi_mapped"))
		return;
	on_interrupt = quiet_uart;
	spi_setup(UART_INTID, 0, PRIORITY_DEFAULT, false);
	row("spi_mapped", nothing, raise_uart);
	spi_release(UART_INTID);
	on_interrupt = NULL;
}

/*
 * The last SPIs there are. With one priority the last to arrive may be any of them. The doorbells of
 * a GICv2, which nobody counts, have a priority before all others and come first.
 */
static unsigned inject_first, inject_number, inject_counted;

static void inject(void)
{
	unsigned wanted = count_total(0) + inject_counted;

	if (hypervised) {
		call(CALL_PULSE, inject_first, inject_number, 0);
	} else {
		for (unsigned i = 0; i < inject_number; i++)
			gic_set_pending(0, inject_first + i);
	}
	wait_at_least(&cpus[0].logged, wanted);
}

/* 16 levels, the neighbours far from each other. */
static uint8_t mixed_priority(unsigned i)
{
	return (uint8_t)(0x20 + i * 5 % 16 * 8);
}

static void injection_setup(unsigned intid, uint8_t priority)
{
	inject_counted++;
	if (gic_is_doorbell(intid)) {
		priority = PRIORITY_DOORBELL;
		inject_counted--;
	}
	spi_setup(intid, 0, priority, true);
}

static void injections(const char *name, unsigned number, bool mixed)
{
	unsigned end = gic_lines() < 1020 ? gic_lines() : 1020;

	if (end - 32 < number) {
		print("# %s needs %u SPIs, there are %u\n", name, number, end - 32);
		return;
	}
	counts_clear();
	inject_first = end - number;
	inject_number = number;
	inject_counted = 0;
	for (unsigned i = 0; i < number; i++)
		injection_setup(inject_first + i, mixed ? mixed_priority(i) : PRIORITY_DEFAULT);
	report(name, measure(nothing, inject, ROUNDS), (uint64_t)ROUNDS * number);
	for (unsigned i = 0; i < number; i++)
		spi_release(inject_first + i);
}

void guest_main(void)
{
	find_counter();
	print("# counting %s, %u rounds\n",
	      hypervised ? "the hypervisor's instructions" : "the guest's own instructions",
	      ROUNDS);
	calibrate();
	if (bench_shared())
		return;
	if (cpu_count < 2)
		bail_out("needs at least two CPUs");
	row("hypercall", nothing, null_call);
	row("dist_read", nothing, read_distributor);
	enables();
	row("device_read", nothing, read_device);
	ack_eoi();
	row("sgi_self", nothing, sgi_self);
	send_rounds("ipi_running", &sgi, send_sgi, receive_running, false);
	send_rounds("ipi_sleeping", &sgi, send_sgi, receive_sleeping, true);
	broadcast();
	timer();
	spi_mapped();
	duets();
	eoi_evicted();
	/* The last ones to need no other CPU: they take its doorbell. */
	injections("inject_1", 1, false);
	injections("inject_16", 16, false);
	injections("inject_256", 256, false);
	injections("inject_256_overflow", 256, true);
	if (hypervised)
		row("exit_entry", nothing, empty_exit);
	bench_lpis();
	ok(true, "bench ran to its end");
}
