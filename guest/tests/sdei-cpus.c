/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * SDEI between CPUs (DEN0054 4.2 to 4.4): event 0 signalled to any of them, whatever it has masked, asleep or
 * not; what is pending and when it goes; PE masks; resets; a shared event's routing; critical events
 * over normal ones; CPUs that go off, also in a handler, and come back. For the critical ones the hypervisor's
 * watchdog is needed, and sdei.watchdog=1 in the command line.
 */
#include "gic.h"
#include "psci.h"
#include "sdei.h"
#include "tap.h"
#include "timer.h"
#include "tree.h"
#include "uart.h"

#define ROUNDS    40
#define NAP_MS    200
#define TIMER_PPI 27

unsigned cpus_needed = 1;

static struct sdei_handler handler;

static uint64_t own_affinity(void)
{
	return this_cpu()->affinity;
}

static int64_t signal_cpu(unsigned cpu)
{
	return sdei_call(SDEI_SIGNAL, 0, cpus[cpu].affinity);
}

static int64_t status(int64_t event)
{
	return sdei_call(SDEI_STATUS, (uint64_t)event);
}

static unsigned count_on(unsigned cpu)
{
	return atomic_load_explicit(&handler.count[cpu], memory_order_acquire);
}

static bool comes(unsigned cpu, unsigned times)
{
	return wait_ms_at_least(&handler.count[cpu], times, 2000);
}

/* One result: so many on this CPU, and none elsewhere. Clears the counts. */
static void exactly(unsigned cpu, unsigned times, const char *what)
{
	comes(cpu, times);
	wait_ms(SETTLE_MS);
	is(count_on(cpu), times, "%s", what);
	if (sdei_count(&handler) != times)
		ok(false, "%s: on no other CPU", what);
	sdei_count_clear(&handler);
}

static void no_hook(void)
{
	handler.hook = NULL;
	sdei_count_clear(&handler);
}

/* --- What is pending ------------------------------------------------------------------------------ */

static void pending_of_event_0(void)
{
	unsigned me = this_cpu()->index;

	no_hook();
	sdei_call(SDEI_PE_UNMASK);
	answers(signal_cpu(me), 0, "EVENT_SIGNAL to self, not registered");
	sdei_register(0, &handler, 0, 0);
	exactly(me, 0, "not registered, then registered: not delivered yet");
	sdei_call(SDEI_ENABLE, 0);
	exactly(me, 1, "and enabled: delivered once");
	answers(signal_cpu(me), 0, "EVENT_SIGNAL to self");
	is(count_on(me), 1, "delivered before the call's next instruction");
	sdei_count_clear(&handler);
	sdei_call(SDEI_PE_MASK);
	answers(signal_cpu(me), 0, "EVENT_SIGNAL to self, masked");
	answers(signal_cpu(me), 0, "EVENT_SIGNAL to self, masked, again");
	exactly(me, 0, "masked: not delivered");
	sdei_call(SDEI_PE_UNMASK);
	is(count_on(me), 1, "unmasked: delivered before the call's next instruction");
	exactly(me, 1, "unmasked: delivered once");
	sdei_call(SDEI_DISABLE, 0);
	signal_cpu(me);
	exactly(me, 0, "disabled: not delivered");
	sdei_call(SDEI_ENABLE, 0);
	exactly(me, 1, "enabled: delivered once");
	sdei_call(SDEI_DISABLE, 0);
	signal_cpu(me);
	sdei_forget(0);
	sdei_listen(0, &handler, 0, 0);
	exactly(me, 0, "unregistered: what was pending is gone");
	sdei_forget(0);
}

/* What the handler does the first time, to itself. */
enum act { NOTHING, DISABLE, MASK, UNREGISTER, PRIVATE_RESET, SHARED_RESET };
static enum act act;
static int64_t act_result, act_status;
static bool signal_inside;

static uint64_t act_inside(struct sdei_state *state, struct sdei_handler *mine)
{
	static const unsigned calls[] = { SDEI_VERSION,    SDEI_DISABLE,       SDEI_PE_MASK,
					  SDEI_UNREGISTER, SDEI_PRIVATE_RESET, SDEI_SHARED_RESET };
	(void)state;
	if (atomic_load(&mine->count[this_cpu()->index]))
		return 0;
	if (signal_inside)
		signal_cpu(this_cpu()->index);
	act_result = sdei_call(calls[act], 0);
	act_status = status(0);
	return 0;
}

static void in_handler(const char *what, enum act which, int64_t result, int64_t inside,
		       int64_t after, unsigned later)
{
	unsigned me = this_cpu()->index;

	no_hook();
	handler.hook = act_inside;
	act = which;
	signal_inside = true;
	sdei_listen(0, &handler, 0, 0);
	signal_cpu(me);
	is((uint64_t)act_result, (uint64_t)result, "%s in the handler, signalled again: its answer",
	   what);
	is((uint64_t)act_status, (uint64_t)inside, "%s in the handler: the state in it", what);
	is((uint64_t)status(0), (uint64_t)after, "%s in the handler: the state after it", what);
	is(count_on(me), which == NOTHING || which == SHARED_RESET ? 2 : 1,
	   "%s in the handler: deliveries", what);
	if (status(0) == SDEI_STATE_NONE)
		sdei_register(0, &handler, 0, 0);
	sdei_call(SDEI_ENABLE, 0);
	sdei_call(SDEI_PE_UNMASK);
	is(count_on(me), later, "%s in the handler: deliveries when it is all back", what);
	sdei_forget(0);
	signal_inside = false;
}

static void in_handlers(void)
{
	in_handler("nothing", NOTHING, sdei_call(SDEI_VERSION), 7, 3, 2);
	in_handler("EVENT_DISABLE", DISABLE, 0, 5, 1, 2);
	in_handler("PE_MASK", MASK, 1, 7, 3, 2);
	in_handler("EVENT_UNREGISTER", UNREGISTER, SDEI_PENDING, 4, 0, 1);
	in_handler("PRIVATE_RESET", PRIVATE_RESET, SDEI_DENIED, 4, 0, 1);
	in_handler("SHARED_RESET", SHARED_RESET, 0, 7, 3, 2);
	no_hook();
}

/* --- Signals to others --------------------------------------------------------------------------- */

static void listen_to_0(void *all_well)
{
	if (sdei_listen(0, &handler, 0, 0))
		atomic_fetch_add((atomic_uint *)all_well, 1);
}

static void forget_0(void *unused)
{
	(void)unused;
	sdei_forget(0);
}

static void to_each(void)
{
	static atomic_uint well;
	bool right = true;

	no_hook();
	cpu_run_all(listen_to_0, &well);
	is(atomic_load(&well), cpu_count, "event 0: registered by each CPU");
	for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
		right &= signal_cpu(cpu) == SDEI_SUCCESS && comes(cpu, 1) &&
			 sdei_count(&handler) == cpu + 1;
	}
	ok(right, "event 0: signalled to each CPU in turn, delivered there alone");
	cpu_run_all(forget_0, NULL);
}

/* How a receiver waits, with interrupts masked; none of them unmasks. */
static atomic_uint ready;
static atomic_uint awake_in_time;
static uint64_t nap_until;
extern char nap_at[];

static __attribute__((noinline)) void nap(void)
{
	__asm__ volatile("dsb sy\n"
			 "	.globl nap_at\n"
			 "nap_at: wfi" ::
				 : "memory");
}

/* Asleep when it came, and not for the timer's sake, which ends the sleep if the event does not. */
static uint64_t woken(struct sdei_state *state, struct sdei_handler *mine)
{
	uint64_t pc = state->x[2], wfi = (uintptr_t)nap_at;

	(void)mine;
	if ((pc == wfi || pc == wfi + 4) && !counter_passed(nap_until))
		atomic_fetch_add(&awake_in_time, 1);
	return 0;
}

static void receive_in_wfi(void *unused)
{
	struct cpu *me = this_cpu();

	(void)unused;
	irq_mask();
	gic_enable(me->index, TIMER_PPI);
	sdei_listen(0, &handler, 0, 0);
	for (unsigned round = 1; round <= ROUNDS; round++) {
		nap_until = counter_after_ms(NAP_MS);
		timer_set(&timer_virtual, nap_until, TIMER_ENABLE);
		atomic_store(&ready, round);
		sev();
		while (count_on(me->index) < round && !irq_asserted())
			nap();
		if (!comes(me->index, round))
			break;
	}
	timer_control(&timer_virtual, 0);
	gic_disable(me->index, TIMER_PPI);
	sdei_forget(0);
}

static void receive_in_loop(void *unused)
{
	struct cpu *me = this_cpu();

	(void)unused;
	irq_mask();
	sdei_listen(0, &handler, 0, 0);
	for (unsigned round = 1; round <= ROUNDS; round++) {
		uint64_t deadline = counter_after_ms(LIMIT_MS);

		atomic_store(&ready, round);
		while (count_on(me->index) < round && !counter_passed(deadline))
			;
	}
	sdei_forget(0);
}

/* Also: what was stored before the call is seen in the handler. */
static uint64_t stored;
static atomic_uint stale;

static uint64_t look_at_store(struct sdei_state *state, struct sdei_handler *mine)
{
	(void)state;
	if (*(volatile uint64_t *)&stored != atomic_load(&mine->count[1]) + 1)
		atomic_fetch_add(&stale, 1);
	return 0;
}

static void to_another(const char *what, void (*receive)(void *))
{
	unsigned answered = 0;

	sdei_count_clear(&handler);
	atomic_store(&ready, 0);
	cpu_start(1, receive, NULL);
	for (unsigned round = 1; round <= ROUNDS; round++) {
		if (!wait_at_least(&ready, round))
			break;
		uint64_t start = counter_after_us(round % 5 * 300);

		while (!counter_passed(start))
			wfe();
		*(volatile uint64_t *)&stored = round;
		answered += signal_cpu(1) == SDEI_SUCCESS;
		comes(1, round);
	}
	ok(cpu_finish(1), "%s: it came to its end", what);
	is(answered, ROUNDS, "%s: EVENT_SIGNAL: SUCCESS each time", what);
	is(count_on(1), ROUNDS, "%s: delivered each time", what);
	is(sdei_count(&handler), ROUNDS, "%s: and nowhere else", what);
}

static void to_masked_ones(void)
{
	handler.hook = look_at_store;
	to_another("to a CPU in a loop with interrupts masked", receive_in_loop);
	is(atomic_load(&stale), 0, "what was stored before the call is seen in the handler");
	handler.hook = woken;
	to_another("to a CPU in WFI with interrupts masked", receive_in_wfi);
	ok(atomic_load(&awake_in_time) >= ROUNDS / 4, "WFI: it is the event that wakes");
	if (atomic_load(&awake_in_time) < ROUNDS / 4)
		print("# in %u rounds\n", atomic_load(&awake_in_time));
	no_hook();
}

/* --- PE masks ------------------------------------------------------------------------------------- */

static void mask_pe(void *answer)
{
	*(int64_t *)answer = sdei_call(SDEI_PE_MASK);
}

static void unmask_pe(void *answer)
{
	*(int64_t *)answer = sdei_call(SDEI_PE_UNMASK);
}

static void to_masked_pe(void)
{
	static atomic_uint well;
	int64_t answer = -1;

	no_hook();
	cpu_run(1, listen_to_0, &well);
	cpu_run(1, mask_pe, &answer);
	answers(answer, 1, "PE_MASK of another CPU");
	answers(signal_cpu(1), 0, "EVENT_SIGNAL to it");
	answers(signal_cpu(1), 0, "EVENT_SIGNAL to it again");
	exactly(1, 0, "a masked CPU: not delivered");
	cpu_run(1, unmask_pe, &answer);
	exactly(1, 1, "unmasked: delivered once");
	cpu_run(1, forget_0, NULL);
}

/* --- A shared event ------------------------------------------------------------------------------ */

static void quiet_uart(void)
{
	write32(UART_BASE + UART_IMSC, 0);
}

static void raise_uart(void)
{
	write32(UART_BASE + UART_IMSC, UART_TX_INTERRUPT);
}

static uint64_t end_quiet(struct sdei_state *state, struct sdei_handler *mine)
{
	(void)state;
	(void)mine;
	quiet_uart();
	return 0;
}

/* Just these CPUs are unmasked. */
static void unmask_only(unsigned mask)
{
	int64_t answer;

	for (unsigned cpu = 0; cpu < cpu_count; cpu++)
		cpu_run(cpu, mask >> cpu & 1 ? unmask_pe : mask_pe, &answer);
}

static int64_t route(int64_t event, unsigned mode, unsigned cpu)
{
	return sdei_call(SDEI_ROUTING_SET, (uint64_t)event, mode, cpus[cpu].affinity);
}

static void routed_to_each(int64_t event)
{
	for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
		sdei_call(SDEI_DISABLE, (uint64_t)event);
		answers(route(event, SDEI_RM_PE, cpu), 0, "EVENT_ROUTING_SET");
		is((uint64_t)sdei_call(SDEI_GET_INFO, (uint64_t)event, SDEI_INFO_AFFINITY),
		   cpus[cpu].affinity, "routed to CPU %u: EVENT_GET_INFO says so", cpu);
		sdei_call(SDEI_ENABLE, (uint64_t)event);
		raise_uart();
		exactly(cpu, 1, "routed to one CPU: delivered there");
	}
}

static void routed_to_masked(int64_t event, unsigned last)
{
	sdei_call(SDEI_DISABLE, (uint64_t)event);
	route(event, SDEI_RM_PE, last);
	sdei_call(SDEI_ENABLE, (uint64_t)event);
	unmask_only(~(1u << last));
	raise_uart();
	exactly(last, 0, "routed to one CPU that is masked: delivered nowhere");
	unmask_only(~0u);
	exactly(last, 1, "routed to one CPU: delivered when it unmasks");
}

static void routed_to_any(int64_t event)
{
	sdei_call(SDEI_DISABLE, (uint64_t)event);
	answers(route(event, SDEI_RM_ANY, 0), 0, "EVENT_ROUTING_SET to any");
	is((uint64_t)sdei_call(SDEI_GET_INFO, (uint64_t)event, SDEI_INFO_MODE), 0,
	   "routed to any: EVENT_GET_INFO says so");
	sdei_call(SDEI_ENABLE, (uint64_t)event);
	for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
		unmask_only(1u << cpu);
		raise_uart();
		exactly(cpu, 1, "routed to any: delivered to the one that is unmasked");
		unmask_only(0);
		raise_uart();
		exactly(cpu, 0, "routed to any, all masked: not delivered");
		unmask_only(1u << cpu);
		exactly(cpu, 1, "routed to any: delivered to the first that unmasks");
	}
	unmask_only(~0u);
	raise_uart();
	for (unsigned waited = 0; !sdei_count(&handler) && waited < 1000; waited++)
		wait_ms(1);
	wait_ms(SETTLE_MS);
	is(sdei_count(&handler), 1, "routed to any, all unmasked: delivered once");
}

/* A handler that is held, and let go from outside. */
static atomic_uint inside, let_out;

static uint64_t stay(struct sdei_state *state, struct sdei_handler *mine)
{
	(void)state;
	(void)mine;
	quiet_uart();
	atomic_store(&inside, 1);
	sev();
	wait_at_least(&let_out, 1);
	return 0;
}

static void hold_on_1(int64_t event)
{
	atomic_store(&inside, 0);
	atomic_store(&let_out, 0);
	handler.hook = stay;
	sdei_count_clear(&handler);
	sdei_call(SDEI_DISABLE, (uint64_t)event);
	route(event, SDEI_RM_PE, 1);
	sdei_call(SDEI_ENABLE, (uint64_t)event);
	raise_uart();
	wait_at_least(&inside, 1);
}

static void let_it_end(void)
{
	atomic_store(&let_out, 1);
	sev();
	comes(1, 1);
	wait_ms(SETTLE_MS);
	handler.hook = end_quiet;
	sdei_count_clear(&handler);
}

static void runs_elsewhere(int64_t event)
{
	hold_on_1(event);
	is((uint64_t)status(event), 7, "runs on another CPU: status");
	answers(sdei_call(SDEI_RELEASE, (uint64_t)event), SDEI_DENIED,
		"runs elsewhere: INTERRUPT_RELEASE");
	answers(route(event, SDEI_RM_PE, 0), SDEI_DENIED, "runs elsewhere: EVENT_ROUTING_SET");
	answers(sdei_call(SDEI_CONTEXT, 0), SDEI_DENIED, "runs elsewhere: EVENT_CONTEXT here");
	answers(sdei_call(SDEI_PRIVATE_RESET), 0, "runs elsewhere: PRIVATE_RESET here");
	raise_uart();
	wait_ms(SETTLE_MS);
	is(sdei_count(&handler), 0, "runs elsewhere, asserted again: not delivered a second time");
	quiet_uart();
	answers(sdei_call(SDEI_UNREGISTER, (uint64_t)event), SDEI_PENDING,
		"runs elsewhere: EVENT_UNREGISTER");
	is((uint64_t)status(event), 4, "runs elsewhere, unregistered: status");
	let_it_end();
	is((uint64_t)status(event), 0, "ended elsewhere: unregistered");
	sdei_listen(event, &handler, SDEI_RM_PE, own_affinity());
	hold_on_1(event);
	answers(sdei_call(SDEI_SHARED_RESET), SDEI_DENIED, "runs elsewhere: SHARED_RESET");
	is((uint64_t)status(event), 4, "runs elsewhere, reset: status");
	let_it_end();
	is((uint64_t)status(event), 0, "ended elsewhere, reset: unregistered");
}

static void shared(void)
{
	int64_t event = sdei_call(SDEI_BIND, UART_INTID);
	unsigned last = cpu_count - 1;

	ok(event > 0, "the UART's interrupt is bound");
	no_hook();
	handler.hook = end_quiet;
	sdei_listen(event, &handler, SDEI_RM_PE, own_affinity());
	unmask_only(~0u);
	routed_to_each(event);
	routed_to_masked(event, last);
	routed_to_any(event);
	runs_elsewhere(event);
	answers(sdei_call(SDEI_RELEASE, (uint64_t)event), 0, "the UART's interrupt is released");
	no_hook();
}

/* --- Resets -------------------------------------------------------------------------------------- */

static void listen_to(void *event)
{
	sdei_listen(*(int64_t *)event, &handler, 0, 0);
}

static void private_reset(void *answer)
{
	*(int64_t *)answer = sdei_call(SDEI_PRIVATE_RESET);
}

static void status_of(void *event)
{
	*(int64_t *)event = status(*(int64_t *)event);
}

static void resets(void)
{
	int64_t timer = sdei_call(SDEI_BIND, TIMER_PPI), spi = sdei_call(SDEI_BIND, UART_INTID);
	int64_t there = timer, answer;

	sdei_listen(0, &handler, 0, 0);
	sdei_register(spi, &handler, 0, 0);
	cpu_run(1, listen_to, &timer);
	answers(sdei_call(SDEI_PRIVATE_RESET), 0, "PRIVATE_RESET");
	is((uint64_t)status(0), 0, "PRIVATE_RESET: event 0 is unregistered here");
	is((uint64_t)status(spi), 1, "PRIVATE_RESET: the shared event is not");
	cpu_run(1, status_of, &there);
	is((uint64_t)there, 3, "PRIVATE_RESET: nor is another CPU's");
	answers(sdei_call(SDEI_SHARED_RESET), SDEI_DENIED,
		"SHARED_RESET, a bound event registered elsewhere");
	is((uint64_t)status(spi), 0, "SHARED_RESET: the shared event is unregistered all the same");
	answers(sdei_call(SDEI_RELEASE, (uint64_t)timer), SDEI_DENIED,
		"INTERRUPT_RELEASE of what is registered elsewhere");
	cpu_run(1, private_reset, &answer);
	answers(answer, 0, "PRIVATE_RESET elsewhere");
	answers(sdei_call(SDEI_SHARED_RESET), 0, "SHARED_RESET then");
	answers(sdei_call(SDEI_RELEASE, (uint64_t)timer), SDEI_INVALID_PARAMETERS,
		"SHARED_RESET: nothing is bound any more");
}

/* --- Power --------------------------------------------------------------------------------------- */

static uint64_t go_off_inside(struct sdei_state *state, struct sdei_handler *mine)
{
	(void)state;
	atomic_fetch_add(&mine->count[this_cpu()->index], 1);
	if (this_cpu()->index)
		cpu_go_off();
	quiet_uart();
	return 0;
}

static struct found {
	int64_t mask, zero, timer, context;
	int64_t event;
} fresh;

static void look_when_fresh(void *at)
{
	struct found *found = at;

	found->mask = sdei_call(SDEI_PE_MASK);
	found->zero = status(0);
	found->timer = status(found->event);
	found->context = sdei_call(SDEI_CONTEXT, 0);
}

static void comes_back_fresh(const char *what)
{
	ok(cpu_turn_on(1), "%s: comes back", what);
	cpu_run(1, look_when_fresh, &fresh);
	is((uint64_t)fresh.mask, 0, "%s: then masked", what);
	is((uint64_t)fresh.zero, 0, "%s: then event 0 is not registered", what);
	is((uint64_t)fresh.timer, 0, "%s: then a private bound event is not registered", what);
	is((uint64_t)fresh.context, (uint64_t)SDEI_DENIED, "%s: then it is in no handler", what);
}

static void works_again(const char *what)
{
	static atomic_uint well;

	no_hook();
	cpu_run(1, listen_to_0, &well);
	signal_cpu(1);
	exactly(1, 1, what);
	cpu_run(1, forget_0, NULL);
}

static void off_in_handler(void)
{
	static atomic_uint well;

	no_hook();
	fresh.event = sdei_call(SDEI_BIND, TIMER_PPI);
	handler.hook = go_off_inside;
	cpu_run(1, listen_to, &fresh.event);
	cpu_run(1, listen_to_0, &well);
	answers(signal_cpu(1), 0, "CPU_OFF in a handler: EVENT_SIGNAL");
	ok(cpu_wait_off(1), "CPU_OFF in a handler: it is off");
	answers(signal_cpu(1) == 0 ? 0 : SDEI_INVALID_PARAMETERS, 0,
		"EVENT_SIGNAL to a CPU that is off");
	comes_back_fresh("CPU_OFF in a handler");
	answers(sdei_call(SDEI_RELEASE, (uint64_t)fresh.event), 0,
		"CPU_OFF in a handler: INTERRUPT_RELEASE");
	works_again("CPU_OFF in a handler: event 0 works again");
	cpu_run(1, listen_to_0, &well);
	ok(cpu_turn_off(1), "CPU_OFF outside a handler, registered");
	comes_back_fresh("CPU_OFF outside a handler");
	works_again("CPU_OFF outside a handler: event 0 works again");
}

/* Its handler never ends, and its line stays asserted: another CPU has it then. */
static void off_in_shared_handler(void)
{
	int64_t event = sdei_call(SDEI_BIND, UART_INTID);

	no_hook();
	handler.hook = go_off_inside;
	sdei_register(event, &handler, SDEI_RM_ANY, 0);
	unmask_only(2);
	sdei_call(SDEI_ENABLE, (uint64_t)event);
	raise_uart();
	ok(cpu_wait_off(1), "CPU_OFF in a shared event's handler: it is off");
	is((uint64_t)status(event), 3,
	   "CPU_OFF in a shared event's handler: it does not run any more");
	is(count_on(1), 1, "CPU_OFF in a shared event's handler: it had run there");
	is(count_on(0), 0, "and does not run on a CPU that is masked");
	sdei_call(SDEI_PE_UNMASK);
	ok(comes(0, 1), "still asserted: it comes to another CPU that unmasks");
	wait_ms(SETTLE_MS);
	is(count_on(0), 2,
	   "and is over with its handler there"); /* counted by the hook and after it */
	sdei_forget(event);
	answers(sdei_call(SDEI_RELEASE, (uint64_t)event), 0, "INTERRUPT_RELEASE after it");
	ok(cpu_turn_on(1), "CPU_OFF in a shared event's handler: comes back");
	works_again("CPU_OFF in a shared event's handler: event 0 works again");
}

static uint64_t stop_timer(struct sdei_state *state, struct sdei_handler *mine)
{
	(void)state;
	(void)mine;
	timer_control(&timer_virtual, 0);
	return 0;
}

/* The physical timer, an ordinary interrupt that is masked, ends it if nothing else does. */
static void standby(void)
{
	unsigned me = this_cpu()->index;
	int64_t event = sdei_call(SDEI_BIND, TIMER_PPI);
	int result;

	no_hook();
	handler.hook = stop_timer;
	sdei_listen(event, &handler, 0, 0);
	irq_mask();
	gic_enable(me, timer_physical.intid);
	timer_set(&timer_physical, timer_counter(&timer_physical) + read_sysreg(cntfrq_el0),
		  TIMER_ENABLE);
	timer_set(&timer_virtual, counter_after_ms(5), TIMER_ENABLE);
	result = psci(PSCI_CPU_SUSPEND, 0, 0, 0);
	comes(me, 1);
	is((unsigned)result, PSCI_SUCCESS, "CPU_SUSPEND to standby, ended by an event: SUCCESS");
	is(count_on(me), 1, "CPU_SUSPEND: the event is delivered");
	timer_control(&timer_physical, 0);
	gic_wait_pending(me, timer_physical.intid, false);
	gic_disable(me, timer_physical.intid);
	irq_unmask();
	answers(sdei_call(SDEI_PE_MASK), 1, "CPU_SUSPEND to standby: unmasked after it: PE_MASK");
	is((uint64_t)status(event), 3, "CPU_SUSPEND to standby: still registered and enabled");
	sdei_forget(event);
	answers(sdei_call(SDEI_RELEASE, (uint64_t)event), 0, "CPU_SUSPEND: INTERRUPT_RELEASE");
	no_hook();
}

/* --- Critical events: the watchdog ------------------------------------------------------------------ */

#define WATCHDOG_MS 20000 /* after which we do not wait for it any more */

static struct sdei_handler critical;
static struct {
	unsigned inside;   /* how often it came while event 0's handler ran */
	unsigned wrong;    /* registers of its context */
	int64_t zero, own; /* the states of both events in it */
	int64_t mask, unmask;
	uint64_t pstate;
	unsigned zeros;     /* how often event 0 came while it ran */
	bool context_stays; /* event 0's, from before it to after it */
} nested;
static bool zero_runs;
static unsigned stay_ms;

/* Neither an interrupt is taken nor one waited for: that is what the watchdog looks for. */
static bool hang_until(atomic_uint *count, unsigned wanted, unsigned ms)
{
	uint64_t deadline = counter_after_ms(ms);

	while (atomic_load(count) < wanted && !counter_passed(deadline))
		;
	return atomic_load(count) >= wanted;
}

static uint64_t when_critical(struct sdei_state *state, struct sdei_handler *mine)
{
	unsigned me = this_cpu()->index, zeros = count_on(me), stay = stay_ms;

	(void)mine;
	stay_ms = 0;
	nested.inside += zero_runs;
	nested.pstate = state->x[3];
	nested.zero = status(0);
	nested.own = status(SDEI_EVENT_WATCHDOG);
	for (unsigned n = 4; n <= SDEI_LAST_CONTEXT; n++)
		nested.wrong += sdei_call(SDEI_CONTEXT, n) != (int64_t)state->x[n];
	signal_cpu(me);
	nested.mask = sdei_call(SDEI_PE_MASK);
	nested.unmask = sdei_call(SDEI_PE_UNMASK);
	hang_until(&critical.count[me], 100, stay);
	nested.zeros += count_on(me) - zeros;
	return 0;
}

static uint64_t wait_for_critical(struct sdei_state *state, struct sdei_handler *mine)
{
	unsigned me = this_cpu()->index;
	int64_t before = sdei_call(SDEI_CONTEXT, 1);

	(void)state;
	if (atomic_load(&mine->count[me]))
		return 0;
	zero_runs = true;
	hang_until(&critical.count[me], 1, WATCHDOG_MS);
	zero_runs = false;
	nested.context_stays = sdei_call(SDEI_CONTEXT, 1) == before;
	return 0;
}

static bool listen_to_watchdog(void)
{
	critical.hook = when_critical;
	return sdei_call(SDEI_REGISTER, SDEI_EVENT_WATCHDOG, (uintptr_t)sdei_entry_critical,
			 (uintptr_t)&critical, 0, 0) == SDEI_SUCCESS &&
	       sdei_call(SDEI_ENABLE, SDEI_EVENT_WATCHDOG) == SDEI_SUCCESS;
}

static void nesting(void)
{
	unsigned me = this_cpu()->index;

	is((uint64_t)sdei_call(SDEI_GET_INFO, SDEI_EVENT_WATCHDOG, SDEI_INFO_PRIORITY), 1,
	   "the watchdog's event is critical");
	is((uint64_t)sdei_call(SDEI_GET_INFO, SDEI_EVENT_WATCHDOG, SDEI_INFO_TYPE), 0,
	   "the watchdog's event is private");
	answers(sdei_call(SDEI_RELEASE, SDEI_EVENT_WATCHDOG), SDEI_INVALID_PARAMETERS,
		"INTERRUPT_RELEASE of what is not bound");
	no_hook();
	handler.hook = wait_for_critical;
	ok(listen_to_watchdog() && sdei_listen(0, &handler, 0, 0), "both events are listened to");
	irq_mask();
	signal_cpu(me);
	irq_unmask();
	is(nested.inside, 1, "the critical event came once, and over the normal one's handler");
	is((uint64_t)nested.zero, 7, "nested: event 0 runs");
	is((uint64_t)nested.own, 7, "nested: the critical one runs");
	is(nested.pstate & 0x3cf, 0x3c5, "nested: from EL1h with DAIF masked");
	is(nested.wrong, 0, "nested: EVENT_CONTEXT has the normal handler's registers");
	is((uint64_t)nested.mask, 1, "nested: PE_MASK");
	is((uint64_t)nested.unmask, 0, "nested: PE_UNMASK");
	is(nested.zeros, 0, "nested: event 0, signalled in it, waits");
	ok(nested.context_stays, "nested: then EVENT_CONTEXT has the first context again");
	is(count_on(me), 2, "event 0 comes again when both are over");
	sdei_call(SDEI_DISABLE, 0);
	/* Critical over critical: it hangs, too, and is found again. */
	stay_ms = 3000;
	ok(hang_until(&critical.count[me], 2, WATCHDOG_MS), "the critical event comes alone");
	ok(hang_until(&critical.count[me], 3, WATCHDOG_MS), "and again, not over itself");
	is(nested.inside, 1, "neither of them over a normal one's handler");
	is((uint64_t)nested.zero, 1, "alone: event 0 is registered only");
	sdei_forget(SDEI_EVENT_WATCHDOG);
	sdei_forget(0);
	no_hook();
}

void guest_main(void)
{
	sdei_init();
	quiet_uart();
	pending_of_event_0();
	in_handlers();
	standby();
	if (option_given("sdei.watchdog"))
		nesting();
	if (cpu_count > 1) {
		to_each();
		to_masked_ones();
		to_masked_pe();
		shared();
		resets();
		off_in_handler();
		off_in_shared_handler();
	}
	is(count_total(0), 0, "no ordinary interrupt came of all this");
}
