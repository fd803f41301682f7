/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What the command line is told in a hypervisor that has no control.c of its own for its architecture:
 * that there are no VMs to control.
 */
#include <stddef.h>
#include "control.h"
#include "console.h"

#pragma weak shell_wanted
#pragma weak control_vms
#pragma weak control_vm_name
#pragma weak control_vm_vcpus
#pragma weak control_cpus
#pragma weak control_pause
#pragma weak control_resume
#pragma weak control_reset
#pragma weak control_destroy
#pragma weak control_save
#pragma weak control_restore
#pragma weak control_print_vms
#pragma weak control_print_vcpus
#pragma weak control_print_irqs
#pragma weak control_print_stats
#pragma weak control_print_trace
#pragma weak control_quit

static int refuse(const char **why)
{
	*why = "this hypervisor is built without control of its VMs";
	return -1;
}

static void complain(void)
{
	const char *why;

	refuse(&why);
	print("%s\n", why);
}

void shell_wanted(void)
{
}

unsigned control_vms(void)
{
	return 0;
}

const char *control_vm_name(unsigned vm)
{
	(void)vm;
	return "";
}

unsigned control_vm_vcpus(unsigned vm)
{
	(void)vm;
	return 0;
}

unsigned control_cpus(void)
{
	return 0;
}

int control_pause(unsigned vm, const char **why)
{
	(void)vm;
	return refuse(why);
}

int control_resume(unsigned vm, const char **why)
{
	(void)vm;
	return refuse(why);
}

int control_reset(unsigned vm, const char **why)
{
	(void)vm;
	return refuse(why);
}

int control_destroy(unsigned vm, const char **why)
{
	(void)vm;
	return refuse(why);
}

int control_save(unsigned vm, const char **why)
{
	(void)vm;
	return refuse(why);
}

int control_restore(unsigned vm, const char **why)
{
	(void)vm;
	return refuse(why);
}

void control_print_vms(void)
{
	complain();
}

void control_print_vcpus(unsigned vm)
{
	(void)vm;
	complain();
}

void control_print_irqs(unsigned vm, int vcpu)
{
	(void)vm;
	(void)vcpu;
	complain();
}

void control_print_stats(void)
{
	complain();
}

void control_print_trace(int cpu)
{
	(void)cpu;
	complain();
}

void control_quit(void)
{
	complain();
}
