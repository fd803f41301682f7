// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls of SDEI (DEN0054, 5.1) over the device tree's conduit, and an event that is registered with our
 * handler: on each CPU that is online or comes online, if it is private, else once.
 */
#define pr_fmt(format) "carillon-sdei: " format

#include <linux/arm-smccc.h>
#include <linux/cpuhotplug.h>
#include <linux/gfp.h>
#include <linux/of.h>
#include <linux/percpu.h>
#include <linux/smp.h>
#include <asm/cputype.h>
#include <asm/sysreg.h>
#include <uapi/linux/arm_sdei.h>
#include "carillon_sdei.h"

#define STACK_ORDER 2
#define TIMER_ON    1

bool use_smc;
struct handler __percpu *handlers;

static u32 registered_event;
static u64 timer_period;
static bool bound, shared;
static int hotplug_state;

long sdei_call(u32 function, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
	struct arm_smccc_res result;

	if (use_smc)
		arm_smccc_1_1_smc((u64)function, a1, a2, a3, a4, a5, &result);
	else
		arm_smccc_1_1_hvc((u64)function, a1, a2, a3, a4, a5, &result);
	return result.a0;
}

int find_conduit(void)
{
	struct device_node *node = of_find_compatible_node(NULL, NULL, "arm,sdei-1.0");
	const char *method;
	int error;

	if (!node) {
		pr_err("the device tree has no SDEI\n");
		return -ENODEV;
	}
	error = of_property_read_string(node, "method", &method);
	of_node_put(node);
	if (error)
		return error;
	use_smc = !strcmp(method, "smc");
	pr_info("conduit %s\n", method);
	return 0;
}

static void free_stacks(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
	{
		struct handler *handler = per_cpu_ptr(handlers, cpu);

		if (handler->stack_top)
			free_pages(handler->stack_top - (PAGE_SIZE << STACK_ORDER), STACK_ORDER);
	}
}

static void remember_mpidr(void *unused)
{
	this_cpu_ptr(handlers)->mpidr = read_cpuid_mpidr() & MPIDR_HWID_BITMASK;
}

int make_handlers(void)
{
	unsigned int cpu;

	handlers = alloc_percpu(struct handler);
	if (!handlers)
		return -ENOMEM;
	for_each_possible_cpu(cpu)
	{
		struct handler *handler = per_cpu_ptr(handlers, cpu);
		unsigned long stack = __get_free_pages(GFP_KERNEL, STACK_ORDER);

		if (!stack) {
			free_handlers();
			return -ENOMEM;
		}
		handler->stack_top = stack + (PAGE_SIZE << STACK_ORDER);
		handler->cpu = cpu;
		handler->smc = use_smc;
	}
	on_each_cpu(remember_mpidr, NULL, 1);
	return 0;
}

void free_handlers(void)
{
	free_stacks();
	free_percpu(handlers);
}

long signal_cpu(unsigned int cpu)
{
	return sdei_call(SDEI_FN_EVENT_SIGNAL, 0, per_cpu_ptr(handlers, cpu)->mpidr, 0, 0, 0);
}

/* In thread context on that CPU. */
static int cpu_comes(unsigned int cpu)
{
	struct handler *handler = per_cpu_ptr(handlers, cpu);
	long result;

	remember_mpidr(NULL);
	result = sdei_call(SDEI_1_0_FN_SDEI_EVENT_REGISTER, registered_event,
			   (u64)carillon_sdei_entry, (u64)handler, SDEI_EVENT_REGISTER_RM_ANY, 0);
	if (result) {
		pr_err("not ok - CPU %u: EVENT_REGISTER of event %#x: %ld\n", cpu, registered_event,
		       result);
		return -EIO;
	}
	result = sdei_call(SDEI_1_0_FN_SDEI_EVENT_ENABLE, registered_event, 0, 0, 0, 0);
	if (result) {
		pr_err("not ok - CPU %u: EVENT_ENABLE of event %#x: %ld\n", cpu, registered_event,
		       result);
		sdei_call(SDEI_1_0_FN_SDEI_EVENT_UNREGISTER, registered_event, 0, 0, 0, 0);
		return -EIO;
	}
	handler->armed = true;
	handler->period = timer_period;
	if (timer_period) {
		write_sysreg(read_sysreg(cntpct_el0) + timer_period, cntp_cval_el0);
		write_sysreg(TIMER_ON, cntp_ctl_el0);
		isb();
	}
	return 0;
}

static int cpu_goes(unsigned int cpu)
{
	struct handler *handler = per_cpu_ptr(handlers, cpu);
	long result;

	if (!handler->armed)
		return 0;
	handler->armed = false;
	if (timer_period) {
		write_sysreg(0, cntp_ctl_el0);
		isb();
	}
	result = sdei_call(SDEI_1_0_FN_SDEI_EVENT_DISABLE, registered_event, 0, 0, 0, 0);
	if (result)
		pr_err("not ok - CPU %u: EVENT_DISABLE: %ld\n", cpu, result);
	do {
		result = sdei_call(SDEI_1_0_FN_SDEI_EVENT_UNREGISTER, registered_event, 0, 0, 0, 0);
	} while (result == SDEI_PENDING); /* a shared event's handler runs on another CPU */
	if (result)
		pr_err("not ok - CPU %u: EVENT_UNREGISTER: %ld\n", cpu, result);
	return 0;
}

static void release(void)
{
	long result;

	if (!bound)
		return;
	bound = false;
	result = sdei_call(SDEI_1_0_FN_SDEI_INTERRUPT_RELEASE, registered_event, 0, 0, 0, 0);
	pr_info("%s - INTERRUPT_RELEASE of event %#x: %ld\n", result ? "not ok" : "ok",
		registered_event, result);
}

/* What `event` is, or, if irq is not 0, the event that it is bound to, whose timer fires every `period`. */
int register_everywhere(u32 event_number, u32 interrupt, u64 period)
{
	long result;

	registered_event = event_number;
	timer_period = period;
	if (interrupt) {
		result = sdei_call(SDEI_1_0_FN_SDEI_INTERRUPT_BIND, interrupt, 0, 0, 0, 0);
		if (result < 0) {
			pr_err("not ok - INTERRUPT_BIND of %u: %ld\n", interrupt, result);
			return -EIO;
		}
		registered_event = result;
		bound = true;
		pr_info("ok - INTERRUPT_BIND of %u: event %#x\n", interrupt, registered_event);
	}
	result = sdei_call(SDEI_1_0_FN_SDEI_EVENT_GET_INFO, registered_event,
			   SDEI_EVENT_INFO_EV_TYPE, 0, 0, 0);
	if (result < 0) {
		pr_err("not ok - EVENT_GET_INFO of event %#x: %ld\n", registered_event, result);
		release();
		return -EIO;
	}
	shared = result == SDEI_EVENT_TYPE_SHARED;
	if (shared)
		hotplug_state = cpu_comes(0);
	else
		hotplug_state = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "carillon_sdei", cpu_comes,
						  cpu_goes);
	if (hotplug_state < 0)
		release();
	return hotplug_state < 0 ? hotplug_state : 0;
}

void unregister_everywhere(void)
{
	if (shared)
		cpu_goes(0);
	else
		cpuhp_remove_state(hotplug_state);
	release();
}
