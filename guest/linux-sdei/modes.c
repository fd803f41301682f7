// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the module is asked to try (parameter `mode`), and what it says of it in the kernel's log: lines
 * "ok - ..." and "not ok - ..." where it can judge.
 */
#define pr_fmt(format) "carillon-sdei: " format

#include <linux/arm_sdei.h>
#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/kprobes.h>
#include <linux/kthread.h>
#include <linux/panic.h>
#include <linux/ptrace.h>
#include <linux/workqueue.h>
#include <asm/arch_timer.h>
#include "carillon_sdei.h"

#define SETTLE_US   100000 /* for another CPU to have come where it spins */
#define SHOWN       3      /* events of each CPU that are shown, but for bind */
#define PATIENCE_MS 5000   /* for an event to come: emulated CPUs may not run for long */

/* Of the PE when it enters the handler: DEN0054, 5.2. */
#define ENTRY_DAIF  (PSR_D_BIT | PSR_A_BIT | PSR_I_BIT | PSR_F_BIT)
#define ENTRY_EL    (1 << 2)
#define ENTRY_SPSEL 1

struct spinner {
	unsigned int cpu, seconds;
	u64 end, sp;
	unsigned long wrong;
	struct completion done;
};

static void say(bool good, const char *format, ...)
{
	struct va_format text;
	va_list arguments;

	va_start(arguments, format);
	text.fmt = format;
	text.va = &arguments;
	pr_info("%s - %pV\n", good ? "ok" : "not ok", &text);
	va_end(arguments);
}

/*
 * Sleeps here are high-resolution timers: jiffies stand still for a while if the CPU that counts them is
 * the one that spins.
 */

/* --- What has come ------------------------------------------------------------------------------- */

static void print_arrival(struct handler *handler, u64 count)
{
	if ((handler->pstate & PSR_MODE_MASK) == PSR_MODE_EL0t)
		pr_info("%s: CPU %u, event %#x, number %llu, in a program at %#llx\n", mode,
			handler->cpu, handler->event, count, handler->pc);
	else if (!strcmp(mode, "watchdog"))
		pr_info("watchdog: CPU %u hung at %pS\n", handler->cpu, (void *)handler->pc);
	else
		pr_info("%s: CPU %u, event %#x, number %llu, at %pS\n", mode, handler->cpu,
			handler->event, count, (void *)handler->pc);
}

static void report(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
	{
		struct handler *handler = per_cpu_ptr(handlers, cpu);
		u64 count = smp_load_acquire(&handler->count);

		if (count == handler->reported)
			continue;
		handler->reported = count;
		if (count <= SHOWN || !strcmp(mode, "bind"))
			print_arrival(handler, count);
	}
}

static void report_again(struct work_struct *work);
static DECLARE_DELAYED_WORK(reporter, report_again);

static void report_again(struct work_struct *work)
{
	report();
	queue_delayed_work(system_unbound_wq, &reporter, msecs_to_jiffies(200));
}

static bool wait_for(struct handler *handler, u64 count)
{
	unsigned int waited;

	for (waited = 0; waited < PATIENCE_MS; waited++) {
		if (smp_load_acquire(&handler->count) >= count)
			return true;
		usleep_range(1000, 2000);
	}
	return false;
}

static bool entered_right(const struct handler *handler)
{
	if (handler->daif == ENTRY_DAIF && handler->current_el == ENTRY_EL &&
	    handler->spsel == ENTRY_SPSEL)
		return true;
	pr_info("at entry: DAIF %#llx, CurrentEL %#llx, SPSel %llu\n", handler->daif,
		handler->current_el, handler->spsel);
	return false;
}

/* --- Signals to each CPU ------------------------------------------------------------------------- */

static void probe_cpu(unsigned int cpu)
{
	struct handler *handler = per_cpu_ptr(handlers, cpu);
	u64 before = READ_ONCE(handler->count), before_on = handler->interrupts_on;
	unsigned int sent;
	long result = 0;

	for (sent = 0; sent < signals && !result; sent++) {
		result = signal_cpu(cpu);
		if (!result && !wait_for(handler, before + sent + 1))
			break;
	}
	say(!result && handler->count == before + signals,
	    "event 0 reaches CPU %u: signalled %u times, came %llu times, %llu with interrupts on (EVENT_SIGNAL: %ld)",
	    cpu, sent, handler->count - before, handler->interrupts_on - before_on, result);
	handler->reported = handler->count;
}

int probe_all_cpus(void)
{
	unsigned int cpu;

	cpus_read_lock();
	for_each_online_cpu(cpu) probe_cpu(cpu);
	cpus_read_unlock();
	return 0;
}

/* --- A CPU that spins with interrupts off -------------------------------------------------------- */

static int spin(void *argument)
{
	struct spinner *spinner = argument;

	preempt_disable();
	spinner->end = arch_timer_read_counter() + (u64)arch_timer_get_cntfrq() * spinner->seconds;
	spinner->wrong = carillon_spin_with_interrupts_off(spinner->end, &spinner->sp);
	preempt_enable();
	complete(&spinner->done);
	return 0;
}

static bool start_spinner(struct spinner *spinner, unsigned int spin_seconds)
{
	struct task_struct *task;
	unsigned int cpu;

	spinner->cpu = nr_cpu_ids;
	for_each_online_cpu(cpu) if (cpu != smp_processor_id()) spinner->cpu = cpu;
	if (spinner->cpu == nr_cpu_ids) {
		say(true, "there is no second CPU to spin # SKIP one CPU");
		return false;
	}
	spinner->seconds = spin_seconds;
	init_completion(&spinner->done);
	task = kthread_create_on_cpu(spin, spinner, spinner->cpu, "carillon-spin/%u");
	if (IS_ERR(task)) {
		say(false, "no thread: %ld", PTR_ERR(task));
		return false;
	}
	wake_up_process(task);
	while (!READ_ONCE(spinner->sp))
		usleep_range(1000, 2000);
	usleep_range(SETTLE_US, SETTLE_US + 1000);
	return true;
}

static void judge_context(const struct spinner *spinner, const struct handler *handler)
{
	unsigned int n, wrong = 0;

	for (n = 2; n < CONTEXT_REGISTERS; n++)
		wrong += handler->context[n] != PATTERN + n;
	say(!wrong && handler->context[0] == spinner->end,
	    "EVENT_CONTEXT: x0 and x2 to x17 are what they were (%u wrong, x0 %#llx of %#llx)",
	    wrong, handler->context[0], spinner->end);
	if (!strcmp(mode, "kernel"))
		return; /* it is not asked */
	say(handler->context_beyond == SDEI_INVALID_PARAMETERS,
	    "EVENT_CONTEXT of x18 is refused: %ld", handler->context_beyond);
}

static void judge_spin(const struct spinner *spinner, const struct handler *handler, u64 arrived)
{
	say(arrived && !handler->elsewhere, "each of %llu interrupted %ps (%llu did not)", arrived,
	    carillon_spin_with_interrupts_off, handler->elsewhere);
	if (!arrived)
		return;
	say(!handler->wrong_live, "x4 to x28 live at entry (%llu times not)", handler->wrong_live);
	judge_context(spinner, handler);
	say((handler->pstate & (PSR_MODE_MASK | PSR_I_BIT)) == (PSR_MODE_EL1h | PSR_I_BIT),
	    "the interrupted PSTATE is EL1h with interrupts masked: %#llx", handler->pstate);
	say(spinner->wrong == 0,
	    "registers, ELR_EL1, SPSR_EL1 and SP are as before the events (%#lx)", spinner->wrong);
}

static u64 signal_while(const struct spinner *spinner, struct handler *handler)
{
	u64 sent = 0, before = handler->count, stop = spinner->end - arch_timer_get_cntfrq() / 4;
	long result = 0;

	while (arch_timer_read_counter() < stop && !result) {
		result = signal_cpu(spinner->cpu);
		if (result || !wait_for(handler, before + sent + 1))
			break;
		report();
		sent++;
		usleep_range(50000, 51000);
	}
	say(!result && sent && handler->count == before + sent,
	    "event 0 reaches CPU %u, which spins with interrupts off, %llu times of %llu (EVENT_SIGNAL: %ld)",
	    spinner->cpu, handler->count - before, sent, result);
	return sent;
}

static u64 watch_while(const struct spinner *spinner, struct handler *handler)
{
	u64 before = handler->count, stop = spinner->end - arch_timer_get_cntfrq() / 4;

	while (arch_timer_read_counter() < stop) {
		report();
		usleep_range(20000, 21000);
	}
	report();
	say(handler->count > before,
	    "event %#x reaches CPU %u, which spins with interrupts off, %llu times", handler->event,
	    spinner->cpu, handler->count - before);
	return handler->count - before;
}

static void look_closely(struct handler *handler, bool on)
{
	handler->elsewhere = handler->wrong_live = 0;
	handler->expect_from = (u64)carillon_spin_with_interrupts_off;
	handler->expect_to = (u64)carillon_spin_end;
	smp_store_release(&handler->look_closely, on);
}

static int spin_mode(unsigned int spin_seconds, bool by_signal)
{
	struct spinner *spinner = kzalloc(sizeof(*spinner), GFP_KERNEL);
	struct handler *handler;
	u64 arrived;

	if (!spinner)
		return -ENOMEM;
	migrate_disable();
	if (start_spinner(spinner, spin_seconds)) {
		handler = per_cpu_ptr(handlers, spinner->cpu);
		look_closely(handler, true);
		arrived = by_signal ? signal_while(spinner, handler)
				    : watch_while(spinner, handler);
		handler->look_closely = false;
		wait_for_completion(&spinner->done);
		judge_spin(spinner, handler, arrived);
		say(arrived && entered_right(handler), "entered at EL1h with everything masked");
	}
	migrate_enable();
	kfree(spinner);
	return 0;
}

/* COMPLETE_AND_RESUME's target. */
void carillon_hung(u64 pc)
{
	panic("carillon-sdei: CPU %d hung at %pS", raw_smp_processor_id(), (void *)pc);
}

static void expect(const char *what, long result, long wanted)
{
	say(result == wanted, "%s: %ld (%ld)", what, result, wanted);
}

static void arm_panic(void)
{
	unsigned int cpu;

	if (!panic_then)
		return;
	for_each_possible_cpu(cpu)
		WRITE_ONCE(per_cpu_ptr(handlers, cpu)->resume, (u64)carillon_resume_hung);
}

static void expect_silence(void)
{
	unsigned int cpu;
	u64 came = 0;

	usleep_range(seconds * 1000000, seconds * 1000000 + 1000);
	for_each_possible_cpu(cpu) came += per_cpu_ptr(handlers, cpu)->count;
	say(!came, "no event of a CPU that gets on, in %u s (%llu)", seconds, came);
}

/* The platform's event is critical; event 0 in its place is signalled by us. */
static int watchdog_mode(void)
{
	if (event)
		expect("the event is critical",
		       sdei_call(SDEI_1_0_FN_SDEI_EVENT_GET_INFO, event,
				 SDEI_EVENT_INFO_EV_PRIORITY, 0, 0, 0),
		       SDEI_EVENT_PRIORITY_CRITICAL);
	if (seconds)
		expect_silence();
	arm_panic();
	return hang ? spin_mode(hang, !event) : 0;
}

/* --- A timer's interrupt ------------------------------------------------------------------------- */

static int bind_mode(void)
{
	u64 least = seconds * 1000 / period_ms / 2;
	unsigned int cpu;

	if (!seconds)
		return 0;
	usleep_range(seconds * 1000000, seconds * 1000000 + 1000);
	report();
	cpus_read_lock();
	for_each_online_cpu(cpu)
	{
		struct handler *handler = per_cpu_ptr(handlers, cpu);

		say(handler->count >= least && handler->count && entered_right(handler),
		    "CPU %u: %llu events of a timer of %u ms in %u s", cpu, handler->count,
		    period_ms, seconds);
	}
	cpus_read_unlock();
	return 0;
}

/* --- What the dispatcher says of itself ---------------------------------------------------------- */

static int status_mode(void)
{
	long version = sdei_call(SDEI_1_0_FN_SDEI_VERSION, 0, 0, 0, 0, 0);
	long slots = sdei_call(SDEI_FN_FEATURES, 0, 0, 0, 0, 0);

	say(version > 0 && SDEI_VERSION_MAJOR(version) == 1, "version %ld.%ld, vendor %#lx",
	    SDEI_VERSION_MAJOR(version), SDEI_VERSION_MINOR(version), SDEI_VERSION_VENDOR(version));
	say(slots >= 0, "slots for bound interrupts: %ld private, %ld shared", slots & 0xffff,
	    slots >> 16 & 0xffff);
	pr_info("relative entry points: %ld\n", sdei_call(SDEI_FN_FEATURES, 1, 0, 0, 0, 0));
	expect("event 0 is private",
	       sdei_call(SDEI_1_0_FN_SDEI_EVENT_GET_INFO, 0, SDEI_EVENT_INFO_EV_TYPE, 0, 0, 0),
	       SDEI_EVENT_TYPE_PRIVATE);
	expect("event 0 can be signalled",
	       sdei_call(SDEI_1_0_FN_SDEI_EVENT_GET_INFO, 0, SDEI_EVENT_INFO_EV_SIGNALED, 0, 0, 0),
	       0);
	expect("event 0 is of normal priority",
	       sdei_call(SDEI_1_0_FN_SDEI_EVENT_GET_INFO, 0, SDEI_EVENT_INFO_EV_PRIORITY, 0, 0, 0),
	       SDEI_EVENT_PRIORITY_NORMAL);
	expect("event 0 has no routing mode",
	       sdei_call(SDEI_1_0_FN_SDEI_EVENT_GET_INFO, 0, SDEI_EVENT_INFO_EV_ROUTING_MODE, 0, 0,
			 0),
	       SDEI_INVALID_PARAMETERS);
	expect("event 0 is unregistered", sdei_call(SDEI_1_0_FN_SDEI_EVENT_STATUS, 0, 0, 0, 0, 0),
	       0);
	expect("EVENT_ENABLE of an unregistered event",
	       sdei_call(SDEI_1_0_FN_SDEI_EVENT_ENABLE, 0, 0, 0, 0, 0), SDEI_DENIED);
	expect("EVENT_STATUS of no event",
	       sdei_call(SDEI_1_0_FN_SDEI_EVENT_STATUS, 0x80000000, 0, 0, 0, 0),
	       SDEI_INVALID_PARAMETERS);
	expect("EVENT_CONTEXT outside a handler",
	       sdei_call(SDEI_1_0_FN_SDEI_EVENT_CONTEXT, 0, 0, 0, 0, 0), SDEI_DENIED);
	expect("EVENT_COMPLETE outside a handler",
	       sdei_call(SDEI_1_0_FN_SDEI_EVENT_COMPLETE, 0, 0, 0, 0, 0), SDEI_DENIED);
	expect("a call that does not exist", sdei_call(SDEI_1_0_FN(0x1f), 0, 0, 0, 0, 0),
	       SDEI_NOT_SUPPORTED);
	return 0;
}

/* --- Linux's own client -------------------------------------------------------------------------- */

/* Not exported to modules. */
static typeof(sdei_event_register) *kernel_register;
static typeof(sdei_event_enable) *kernel_enable, *kernel_disable, *kernel_unregister;

static void *find_function(const char *name)
{
	struct kprobe probe = { .symbol_name = name };
	void *address = NULL;

	if (!register_kprobe(&probe)) {
		address = (void *)probe.addr;
		unregister_kprobe(&probe);
	}
	say(address, "the kernel has %s", name);
	return address;
}

static int came_by_kernel(u32 number, struct pt_regs *regs, void *argument)
{
	struct handler *handler = this_cpu_ptr(handlers);
	unsigned int n;

	handler->event = number;
	handler->pc = regs->pc;
	handler->pstate = regs->pstate;
	handler->interrupts_on += !(regs->pstate & PSR_I_BIT);
	if (handler->look_closely) {
		for (n = 0; n < CONTEXT_REGISTERS; n++)
			handler->context[n] = regs->regs[n];
		for (n = 4; n <= 28; n++)
			handler->wrong_live += regs->regs[n] != PATTERN + n;
		handler->elsewhere += regs->pc < handler->expect_from ||
				      regs->pc >= handler->expect_to;
	}
	handler->daif = read_sysreg(daif);
	handler->current_el = read_sysreg(CurrentEL);
	handler->spsel = read_sysreg(SPSel);
	smp_store_release(&handler->count, handler->count + 1);
	return 0;
}

static void stop_kernel_mode(void)
{
	expect("sdei_event_disable", kernel_disable(0), 0);
	expect("sdei_event_unregister", kernel_unregister(0), 0);
}

static int kernel_mode(void)
{
	int error;

	kernel_register = find_function("sdei_event_register");
	kernel_enable = find_function("sdei_event_enable");
	kernel_disable = find_function("sdei_event_disable");
	kernel_unregister = find_function("sdei_event_unregister");
	if (!kernel_register || !kernel_enable || !kernel_disable || !kernel_unregister)
		return -ENOENT;
	error = kernel_register(0, came_by_kernel, NULL);
	expect("sdei_event_register", error, 0);
	if (error)
		return error;
	error = kernel_enable(0);
	expect("sdei_event_enable", error, 0);
	probe_all_cpus();
	error = hang ? spin_mode(hang, true) : 0;
	if (error)
		stop_kernel_mode();
	return error;
}

/* --- Which one ----------------------------------------------------------------------------------- */

static int register_for_mode(u32 number)
{
	u64 period = (u64)arch_timer_get_cntfrq() * period_ms / 1000;

	/* The entry point is not mapped while a program runs; the kernel's own trampoline is. */
	if (arm64_kernel_unmapped_at_el0()) {
		pr_err("the kernel is not mapped while programs run: boot with kpti=off, or try mode=kernel\n");
		return -EOPNOTSUPP;
	}
	if (irq && (!period_ms || !period)) {
		pr_err("period_ms must not be 0\n");
		return -EINVAL;
	}
	return register_everywhere(number, irq, irq ? period : 0);
}

static int run_registered_mode(void)
{
	if (!strcmp(mode, "signal"))
		return probe_all_cpus();
	if (!strcmp(mode, "spin"))
		return spin_mode(seconds ?: 1, !irq);
	queue_delayed_work(system_unbound_wq, &reporter, 0);
	if (!strcmp(mode, "bind"))
		return bind_mode();
	return watchdog_mode();
}

static int start_registered_mode(void)
{
	int error;

	if (!strcmp(mode, "bind") && !irq) {
		pr_err("mode=bind wants the interrupt: irq=30 is the physical timer's\n");
		return -EINVAL;
	}
	error = register_for_mode(strcmp(mode, "watchdog") ? 0 : event);
	if (error)
		return error;
	error = run_registered_mode();
	if (error)
		stop_mode();
	return error;
}

int start_mode(void)
{
	if (!strcmp(mode, "status"))
		return status_mode();
	if (!strcmp(mode, "kernel"))
		return kernel_mode();
	if (!strcmp(mode, "signal") || !strcmp(mode, "spin") || !strcmp(mode, "bind") ||
	    !strcmp(mode, "watchdog"))
		return start_registered_mode();
	pr_err("mode=%s: status, signal, spin, bind, watchdog or kernel is allowed\n", mode);
	return -EINVAL;
}

void stop_mode(void)
{
	cancel_delayed_work_sync(&reporter);
	if (!strcmp(mode, "kernel"))
		stop_kernel_mode();
	else if (strcmp(mode, "status"))
		unregister_everywhere();
	pr_info("gone\n");
}
