/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Interrupts bound to SDEI events (DEN0054 4.1, INTERRUPT_BIND and INTERRUPT_RELEASE): both timers of
 * EL1, the UART's SPI, SPIs without a device: what may be bound, what is left of them in the GIC's
 * registers, delivery of levels, and what they are after the release.
 */
#include "gic.h"
#include "sdei.h"
#include "tap.h"
#include "timer.h"
#include "uart.h"

#define SPI       SPI_FREE
#define PRIORITY  0x60
#define PROGRESS  500
#define TOO_MANY  100000
#define ONCE_MORE 5
#define ROUNDS    50

unsigned cpus_needed = 1;

static struct sdei_handler handler;
static unsigned leave_asserted; /* so many times the handler ends with its line asserted */
static unsigned me;

/* --- A level-sensitive source each ---------------------------------------------------------------- */

struct source {
	const char *name;
	const struct timer *timer; /* or the UART */
	unsigned intid;
};

static const struct source sources[] = {
	{ "virtual timer", &timer_virtual, 27 },
	{ "physical timer", &timer_physical, 30 },
	{ "UART", NULL, UART_INTID },
};

static const struct source free_spi = { "a free SPI", NULL, SPI };
static const struct source free_ppi = { "a free PPI", NULL, PPI_FREE };
static const struct source *source;

static void assert_line(void)
{
	if (source->timer)
		timer_set(source->timer, 0, TIMER_ENABLE);
	else
		write32(UART_BASE + UART_IMSC, UART_TX_INTERRUPT);
}

static void release_line(void)
{
	if (source->timer)
		timer_control(source->timer, 0);
	else
		write32(UART_BASE + UART_IMSC, 0);
}

static uint64_t end_with_line(struct sdei_state *state, struct sdei_handler *mine)
{
	(void)state;
	(void)mine;
	if (leave_asserted)
		leave_asserted--;
	else
		release_line();
	return 0;
}

static void quiet_interrupt(struct cpu *cpu, unsigned intid)
{
	(void)cpu;
	if (intid == source->intid)
		release_line();
}

static bool comes(unsigned times)
{
	return wait_ms_at_least(&handler.count[me], times, 2000);
}

static void exactly(unsigned times, const char *what)
{
	comes(times);
	wait_ms(SETTLE_MS);
	is(sdei_count(&handler), times, "%s: %s", source->name, what);
	sdei_count_clear(&handler);
}

static int64_t bind(unsigned intid)
{
	return sdei_call(SDEI_BIND, intid);
}

static int64_t status(int64_t event)
{
	return sdei_call(SDEI_STATUS, (uint64_t)event);
}

/* --- Binding ---------------------------------------------------------------------------------------- */

static void result(const char *what, int64_t found, int64_t wanted)
{
	is((uint64_t)found, (uint64_t)wanted, "%s: %s", source->name, what);
}

static void denied_while_in_flight(void)
{
	irq_mask();
	gic_enable(me, source->intid);
	assert_line();
	gic_wait_pending(me, source->intid, true);
	result("pending: INTERRUPT_BIND: DENIED", bind(source->intid), SDEI_DENIED);
	ok(wait_irq_asserted(), "%s: it is signalled all the same", source->name);
	is(gic_acknowledge(), source->intid, "%s: and acknowledged", source->name);
	release_line();
	gic_wait_pending(me, source->intid, false);
	result("active: INTERRUPT_BIND: DENIED", bind(source->intid), SDEI_DENIED);
	gic_end(source->intid);
	gic_disable(me, source->intid);
	irq_unmask();
}

/* All that the GIC's registers say of it and take for it: nothing. */
static void registers_are_dead(void)
{
	unsigned intid = source->intid, read = 0;

	gic_enable(me, intid);
	gic_set_pending(me, intid);
	gic_set_active(me, intid);
	gic_set_priority(me, intid, 0xe0);
	gic_set_edge(me, intid, true);
	read |= gic_is_enabled(me, intid);
	read |= (unsigned)gic_is_pending(me, intid) << 1;
	read |= (unsigned)gic_is_active(me, intid) << 2;
	read |= (unsigned)gic_priority(me, intid) << 8;
	if (intid >= 32 && gic_is_v2())
		read |= (unsigned)gic_targets(intid) << 16;
	is(read, 0, "%s: bound: ISENABLER, ISPENDR, ISACTIVER, IPRIORITYR, targets: RAZ/WI",
	   source->name);
	wait_ms(SETTLE_MS);
	is(sdei_count(&handler), 0, "%s: bound: nothing comes of ISPENDR", source->name);
	gic_clear_pending(me, intid);
	gic_clear_active(me, intid);
	gic_disable(me, intid);
}

/* --- Levels ------------------------------------------------------------------------------------- */

static void levels(int64_t event)
{
	assert_line();
	exactly(1, "asserted: delivered once");
	leave_asserted = ONCE_MORE;
	assert_line();
	exactly(ONCE_MORE + 1, "still asserted at EVENT_COMPLETE: delivered again");
	sdei_call(SDEI_DISABLE, (uint64_t)event);
	assert_line();
	exactly(0, "disabled: not delivered");
	sdei_call(SDEI_ENABLE, (uint64_t)event);
	exactly(1, "enabled while asserted: delivered");
	sdei_call(SDEI_DISABLE, (uint64_t)event);
	assert_line();
	wait_ms(1);
	release_line();
	wait_ms(1);
	sdei_call(SDEI_ENABLE, (uint64_t)event);
	exactly(0, "gone before it was enabled: not delivered");
	sdei_call(SDEI_PE_MASK);
	assert_line();
	exactly(0, "PE masked: not delivered");
	sdei_call(SDEI_PE_UNMASK);
	exactly(1, "PE unmasked while asserted: delivered");
	irq_mask();
	assert_line();
	comes(1);
	ok(read_sysreg(daif) & 0x80, "%s: interrupts are masked meanwhile", source->name);
	irq_unmask();
	exactly(1, "delivered while interrupts are masked");
}

/* Registered again while asserted: an asserted level stays. */
static void register_keeps_level(int64_t event)
{
	sdei_forget(event);
	assert_line();
	wait_ms(1);
	sdei_register(event, &handler, SDEI_RM_PE, this_cpu()->affinity);
	exactly(0, "asserted before EVENT_REGISTER: not delivered before EVENT_ENABLE");
	sdei_call(SDEI_ENABLE, (uint64_t)event);
	exactly(1, "asserted before EVENT_REGISTER: delivered by EVENT_ENABLE");
}

/* One that is never quietened, until the interrupted code has got so far or it is hopeless. */
static atomic_uint progress;

static uint64_t never_quiet(struct sdei_state *state, struct sdei_handler *mine)
{
	(void)state;
	if (atomic_load(&progress) >= PROGRESS || atomic_load(&mine->count[me]) > TOO_MANY)
		release_line();
	return 0;
}

static void without_end(void)
{
	unsigned events;

	handler.hook = never_quiet;
	atomic_store(&progress, 0);
	assert_line();
	while (atomic_load(&progress) < PROGRESS)
		atomic_fetch_add(&progress, 1);
	wait_ms(SETTLE_MS);
	release_line();
	events = sdei_count(&handler);
	ok(events > 1 && events < TOO_MANY,
	   "%s: never quiet: the interrupted code goes on between events", source->name);
	if (events < 2 || events >= TOO_MANY)
		print("# %u events\n", events);
	handler.hook = end_with_line;
	sdei_count_clear(&handler);
}

/* A timer's own business: armed for later, many times, also from its handler. */
static uint64_t arm_again(struct sdei_state *state, struct sdei_handler *mine)
{
	(void)state;
	if (atomic_load(&mine->count[me]) + 1 < ROUNDS)
		timer_set_compare(source->timer,
				  timer_counter(source->timer) + read_sysreg(cntfrq_el0) / 5000);
	else
		release_line();
	return 0;
}

static void periodic(void)
{
	handler.hook = arm_again;
	timer_set(source->timer, timer_counter(source->timer) + 1000, TIMER_ENABLE);
	comes(ROUNDS);
	exactly(ROUNDS, "armed in its handler each time: as many as armed");
	handler.hook = end_with_line;
	timer_set(source->timer, timer_counter(source->timer) + read_sysreg(cntfrq_el0) * 3600,
		  TIMER_ENABLE);
	exactly(0, "in an hour: not now");
	timer_control(source->timer, TIMER_ENABLE | TIMER_IMASK);
	timer_set_compare(source->timer, 0);
	exactly(0, "masked at the timer: not delivered");
	timer_control(source->timer, TIMER_ENABLE);
	exactly(1, "unmasked at the timer: delivered");
}

/* --- The release ---------------------------------------------------------------------------------- */

static void after_release(void)
{
	unsigned intid = source->intid;

	ok(!gic_is_enabled(me, intid), "%s: released: left disabled", source->name);
	is(gic_priority(me, intid), PRIORITY, "%s: released: its priority is as before",
	   source->name);
	ok(!gic_is_pending(me, intid) && !gic_is_active(me, intid),
	   "%s: released: neither pending nor active", source->name);
	on_interrupt = quiet_interrupt;
	counts_clear();
	gic_enable(me, intid);
	assert_line();
	ok(wait_at_least(&cpus[me].seen[intid], 1), "%s: released: an ordinary interrupt again",
	   source->name);
	gic_wait_active(me, intid, false);
	is(count_of(me, intid), 1, "%s: released: once", source->name);
	is(sdei_count(&handler), 0, "%s: released: no event", source->name);
	gic_disable(me, intid);
	assert_line();
	ok(gic_wait_pending(me, intid, true), "%s: released: its line is seen", source->name);
	release_line();
	ok(gic_wait_pending(me, intid, false), "%s: released: and seen to fall", source->name);
	on_interrupt = NULL;
	counts_clear();
}

static void try(const struct source *one)
{
	int64_t event, again;

	source = one;
	handler.hook = end_with_line;
	sdei_count_clear(&handler);
	release_line();
	if (one->intid >= 32)
		gic_route(one->intid, me);
	gic_set_priority(me, one->intid, PRIORITY);
	denied_while_in_flight();
	event = bind(one->intid);
	again = bind(one->intid);
	ok(event > 0, "%s: INTERRUPT_BIND", one->name);
	result("INTERRUPT_BIND again: the same event", again, event);
	result("bound: not registered", status(event), 0);
	assert_line();
	exactly(0, "bound, not registered: not delivered");
	release_line();
	ok(sdei_listen(event, &handler, SDEI_RM_PE, this_cpu()->affinity),
	   "%s: registered and enabled", one->name);
	registers_are_dead();
	levels(event);
	register_keeps_level(event);
	without_end();
	if (one->timer)
		periodic();
	result("INTERRUPT_RELEASE of what is registered: DENIED",
	       sdei_call(SDEI_RELEASE, (uint64_t)event), SDEI_DENIED);
	sdei_forget(event);
	result("INTERRUPT_RELEASE", sdei_call(SDEI_RELEASE, (uint64_t)event), 0);
	after_release();
	is(count_total(me), 0, "%s: no ordinary interrupt while it was bound", one->name);
}

/* Released with the line asserted: it pends then, disabled. */
static void released_while_asserted(void)
{
	int64_t event;

	source = &sources[0];
	event = bind(source->intid);
	assert_line();
	wait_ms(1);
	result("INTERRUPT_RELEASE while asserted", sdei_call(SDEI_RELEASE, (uint64_t)event), 0);
	ok(gic_wait_pending(me, source->intid, true), "%s: released while asserted: pending",
	   source->name);
	ok(!gic_is_enabled(me, source->intid), "%s: released while asserted: disabled",
	   source->name);
	result("and cannot be bound", bind(source->intid), SDEI_DENIED);
	release_line();
	gic_wait_pending(me, source->intid, false);
	is(count_total(me), 0, "%s: released while asserted: not delivered", source->name);
	/* Nobody asks the controller before the next one: that looks at the line itself. */
	event = bind(source->intid);
	assert_line();
	wait_ms(1);
	result("again", sdei_call(SDEI_RELEASE, (uint64_t)event), 0);
	release_line();
	result("its line has fallen: it can be bound", bind(source->intid), event);
	result("and released", sdei_call(SDEI_RELEASE, (uint64_t)event), 0);
}

/* --- SPIs and PPIs without a device ------------------------------------------------------------------- */

static void by_hand(const struct source *one)
{
	const char *name = one->name;
	unsigned intid = one->intid;
	int64_t event;

	source = one;
	if (intid < 32 && gic_quirks.no_ppi_by_hand)
		return;
	gic_set_priority(me, intid, PRIORITY);
	gic_set_edge(me, intid, true);
	if (intid >= 32)
		gic_route(intid, me);
	gic_set_pending(me, intid);
	result("pending by hand: INTERRUPT_BIND: DENIED", bind(intid), SDEI_DENIED);
	gic_clear_pending(me, intid);
	gic_set_active(me, intid);
	result("active by hand: INTERRUPT_BIND: DENIED", bind(intid), SDEI_DENIED);
	gic_clear_active(me, intid);
	gic_enable(me, intid);
	event = bind(intid);
	ok(event > 0, "%s: INTERRUPT_BIND, enabled at the GIC", name);
	handler.hook = NULL;
	sdei_listen(event, &handler, SDEI_RM_PE, this_cpu()->affinity);
	registers_are_dead();
	sdei_forget(event);
	result("INTERRUPT_RELEASE", sdei_call(SDEI_RELEASE, (uint64_t)event), 0);
	ok(!gic_is_enabled(me, intid), "%s: released: left disabled", name);
	is(gic_priority(me, intid), PRIORITY, "%s: released: its priority is as before", name);
	gic_enable(me, intid);
	gic_set_pending(me, intid);
	ok(wait_at_least(&cpus[me].seen[intid], 1), "%s: released: delivered by hand", name);
	wait_ms(SETTLE_MS);
	is(count_of(me, intid), 1, "%s: released: once, an edge still", name);
	gic_disable(me, intid);
	counts_clear();
}

/* Bound on one CPU, a PPI's event is each CPU's own; it is diverted where it is registered. */
static void use_timer(void *event)
{
	struct sdei_handler *mine = &handler;
	unsigned cpu = this_cpu()->index;

	if (!sdei_listen(*(int64_t *)event, mine, 0, 0))
		return;
	for (unsigned round = 1; round <= ROUNDS; round++) {
		timer_set(&timer_virtual, counter() + 1000, TIMER_ENABLE);
		if (!wait_at_least(&mine->count[cpu], round))
			break;
	}
	sdei_forget(*(int64_t *)event);
	sdei_call(SDEI_PE_MASK);
}

static uint64_t stop_own_timer(struct sdei_state *state, struct sdei_handler *mine)
{
	(void)state;
	(void)mine;
	timer_control(&timer_virtual, 0);
	return 0;
}

static void on_all_cpus(void)
{
	int64_t event = bind(timer_virtual.intid);
	unsigned right = 0;

	handler.hook = stop_own_timer;
	sdei_count_clear(&handler);
	cpu_run_all(use_timer, &event);
	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		right += atomic_load(&handler.count[cpu]) == ROUNDS;
	is(right, cpu_count,
	   "virtual timers of all CPUs at once: as many events as expiries on each");
	is((uint64_t)sdei_call(SDEI_RELEASE, (uint64_t)event), 0,
	   "virtual timers: released by the first CPU");
	sdei_call(SDEI_PE_UNMASK);
}

/* Each CPU has its ordinary interrupt again. */
static void take_ordinary(void *taken)
{
	struct cpu *cpu = this_cpu();

	gic_enable(cpu->index, timer_virtual.intid);
	timer_set(&timer_virtual, 0, TIMER_ENABLE);
	if (wait_at_least(&cpu->seen[timer_virtual.intid], 1))
		atomic_fetch_add((atomic_uint *)taken, 1);
	gic_disable(cpu->index, timer_virtual.intid);
}

static void ordinary_on_all(void)
{
	static atomic_uint taken;

	source = &sources[0];
	on_interrupt = quiet_interrupt;
	cpu_run_all(take_ordinary, &taken);
	is(atomic_load(&taken), cpu_count, "virtual timers: ordinary interrupts again on all CPUs");
	on_interrupt = NULL;
	counts_clear();
}

void guest_main(void)
{
	sdei_init();
	me = this_cpu()->index;
	write32(UART_BASE + UART_IMSC, 0);
	timer_control(&timer_virtual, 0);
	timer_control(&timer_physical, 0);
	for (unsigned i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
		try(&sources[i]);
	released_while_asserted();
	by_hand(&free_spi);
	by_hand(&free_ppi);
	on_all_cpus();
	ordinary_on_all();
}
