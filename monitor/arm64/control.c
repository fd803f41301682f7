/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What the hypervisor's command line can do (../common/control.h), and the emulated UARTs behind the
 * console.
 */
#include <stdio.h>
#include "arch.h"
#include "cold.h"
#include "direct.h"
#include "gic.h"
#include "hot.h"
#include "sched.h"
#include "vm.h"
#include "../common/console.h"
#include "../common/control.h"
#include "../common/mux.h"
#include "../common/panic.h"
#include "../common/shell.h"
#include "../common/trace.h"

static bool active; /* the console is ours, not a guest's */
static unsigned uart_intid;

/* --- Emulated UARTs. -------------------------------------------------------------------------------- */

static void line(void *host, bool level)
{
	struct vm *vm = host;

	vgic_set_line(vm->vgic, 0, uart_intid, level);
}

static bool transmit(void *host, uint8_t byte)
{
	return mux_transmit(((struct vm *)host)->index, byte);
}

static void drained(void *host)
{
	mux_drained(((struct vm *)host)->index);
}

static const struct pl011_host uart_host = { line, transmit, drained };

struct outcome cold_device_read(struct vcpu *vcpu, uint64_t offset, uint64_t bytes)
{
	return (struct outcome){ pl011_read(&vcpu->vm->pl011, (uint32_t)offset, (unsigned)bytes),
				 0 };
}

void cold_device_write(struct vcpu *vcpu, uint64_t where, uint64_t value)
{
	pl011_write(&vcpu->vm->pl011, (uint32_t)where, (unsigned)(where >> 32), (uint32_t)value);
}

/* As firmware leaves it, unless firmware is what runs there. */
void console_power_on(struct vm *vm)
{
	if (vm->description->console != CONSOLE_EMULATED)
		return;
	pl011_reset(&vm->pl011);
	if (!vm->description->firmware)
		pl011_enable(&vm->pl011);
}

void console_hold(struct vm *vm)
{
	if (vm->description->console == CONSOLE_EMULATED)
		pl011_hold(&vm->pl011);
}

void console_let_go(struct vm *vm)
{
	if (vm->description->console == CONSOLE_EMULATED)
		pl011_let_go(&vm->pl011);
}

/* Before guests run, with the interrupt controller on. */
void console_share(const struct board *board)
{
	unsigned i;

	for (i = 0; i < vm_count; i++) {
		if (vms[i]->description->console == CONSOLE_PASSED)
			return;
	}
	mux_init();
	active = true;
	uart_intid = board->uart_intid;
	for (i = 0; i < vm_count; i++) {
		if (vms[i]->description->console != CONSOLE_EMULATED)
			continue;
		pl011_init(&vms[i]->pl011, &uart_host, vms[i]);
		mux_add(i, vms[i]->description->name, &vms[i]->pl011);
		console_power_on(vms[i]);
	}
	routes[uart_intid].kind = ROUTE_CONSOLE;
	gic->spi_setup(uart_intid, false, cpus[0]);
}

void cold_console(struct cpu *cpu)
{
	(void)cpu;
	mux_interrupt();
}

void console_tick(void)
{
	if (active)
		mux_tick();
}

void shell_wanted(void)
{
	cpu_work(this_cpu(), WORK_SHELL);
}

/* --- The command line. ------------------------------------------------------------------------------- */

void control_shell(void)
{
	struct guest_fp fp;

	if (!vm_control_try()) {
		__atomic_fetch_or(&this_cpu()->work, WORK_SHELL, __ATOMIC_SEQ_CST);
		return;
	}
	guest_fp_save(
		&fp); /* some vCPU's may still be in the registers, and the C library uses them */
	shell_run();
	guest_fp_restore(&fp);
	vm_control_end();
}

unsigned control_vms(void)
{
	return vm_count;
}

const char *control_vm_name(unsigned vm)
{
	return vms[vm]->description->name;
}

unsigned control_vm_vcpus(unsigned vm)
{
	return vms[vm]->vcpus;
}

unsigned control_cpus(void)
{
	return cpu_count;
}

static int refuse(const char **why, const char *reason)
{
	*why = reason;
	return -1;
}

int control_pause(unsigned vm, const char **why)
{
	if (vms[vm]->state == VM_DEAD)
		return refuse(why, "it is off; reset it to start it");
	if (vms[vm]->state == VM_STOPPED)
		return refuse(why, "it is paused already; resume it");
	vm_stop(vms[vm]);
	return 0;
}

int control_resume(unsigned vm, const char **why)
{
	if (vms[vm]->state == VM_DEAD)
		return refuse(why, "it is off; reset it to start it");
	if (vms[vm]->state == VM_RUNNING)
		return refuse(why, "it is running; pause it first");
	if (!vm_resume(vms[vm]))
		return refuse(why, "its guest has asked for power-off or reset, which comes now");
	return 0;
}

int control_reset(unsigned vm, const char **why)
{
	if (!vms[vm]->reloadable)
		return refuse(why, "its kernel is not kept; give it in a VM description (VMS=)");
	vm_reset(vms[vm]);
	return 0;
}

int control_destroy(unsigned vm, const char **why)
{
	if (vms[vm]->state == VM_DEAD)
		return refuse(why, "it is off already");
	vm_destroy(vms[vm]);
	return 0;
}

int control_nmi(unsigned vm, int vcpu, const char **why)
{
	unsigned first = vcpu < 0 ? 0 : (unsigned)vcpu;
	unsigned end = vcpu < 0 ? vms[vm]->vcpus : first + 1;

	if (!vms[vm]->sdei)
		return refuse(why, "it has no SDEI; give it 'sdei' in the VM description");
	if (vms[vm]->state == VM_DEAD)
		return refuse(why, "it is off; reset it to start it");
	for (; first < end; first++)
		sdei_raise(vms[vm]->sdei, first, SDEI_EVENT_0);
	return 0;
}

void control_quit(void)
{
	run_ended();
}

/* --- What it shows. ---------------------------------------------------------------------------------- */

static const char *const vm_states[] = {
	[VM_RUNNING] = "running", [VM_STOPPED] = "paused", [VM_DEAD] = "off"
};

static const char *const vcpu_states[] = {
	[VCPU_OFF] = "off",         [VCPU_READY] = "ready",     [VCPU_RUNNING] = "running",
	[VCPU_BLOCKED] = "waiting", [VCPU_STOPPED] = "stopped", [VCPU_BLOCKING] = "waiting",
	[VCPU_WOKEN] = "ready",
};

static const char *const consoles[] = {
	[CONSOLE_EMULATED] = "emulated", [CONSOLE_PASSED] = "passed", [CONSOLE_NONE] = "none"
};

void control_print_vms(void)
{
	unsigned i;

	print("  # name             state    vCPUs   memory weight console\n");
	for (i = 0; i < vm_count; i++) {
		const struct vm *vm = vms[i];

		print("%3u %-16s %-8s %5u %6lu M %6u %s\n", i, vm->description->name,
		      vm_states[vm->state], vm->vcpus, (unsigned long)(vm->ram_size >> 20),
		      vm->description->weight, consoles[vm->description->console]);
	}
}

void control_print_vcpus(unsigned vm)
{
	unsigned i;

	print("vCPU state   CPU      exits   switches preemptions      wakes migrations\n");
	for (i = 0; i < vms[vm]->vcpus; i++) {
		const struct vcpu *vcpu = vms[vm]->vcpu[i];

		print("%4u %-7s %3u %10lu %10lu %11lu %10lu %10lu\n", i,
		      vcpu_states[__atomic_load_n(&vcpu->state, __ATOMIC_RELAXED)],
		      __atomic_load_n(&vcpu->cpu, __ATOMIC_RELAXED)->index,
		      vcpu_exits(vcpu, 0, EXIT_KINDS - 1), vcpu->switches, vcpu->preemptions,
		      vcpu->wakes, vcpu->migrations);
	}
}

static bool is_interesting(const struct vgic_irq_info *info)
{
	return info->enabled || info->pending || info->active || info->hwirq;
}

static const char *vcpu_name(uint16_t vcpu, char *buffer, size_t size)
{
	if (vcpu == 0xffff)
		return "-";
	snprintf(buffer, size, "%u", vcpu);
	return buffer;
}

static const char *kind_of(virq_t virq)
{
	if (virq < 32)
		return virq < 16 ? "SGI" : "PPI";
	return virq < VGIC_LPI_BASE ? "SPI" : "LPI";
}

static void print_irq(const struct vm *vm, unsigned vcpu, virq_t virq)
{
	struct vgic_irq_info info;
	char target[8], physical[32] = "-";

	if (vgic_irq_info(vm->vgic, vcpu, virq, &info) != 0 || !is_interesting(&info))
		return;
	if (info.hwirq && virq >= 32)
		snprintf(physical, sizeof(physical), "%u (%lu taken)", info.hwirq,
			 (unsigned long)routes[info.hwirq].count);
	else if (info.hwirq)
		snprintf(physical, sizeof(physical), "%u", info.hwirq);
	print("%5u %-4s %-5s %4s %8u  %c%c%c%c%c   %u  %s\n", virq, kind_of(virq),
	      info.level ? "level" : "edge", vcpu_name(info.target, target, sizeof(target)),
	      info.priority, info.enabled ? 'E' : '-', info.pending ? 'P' : '-',
	      info.active ? 'A' : '-', info.line ? 'H' : '-', info.live ? 'L' : '-', info.group,
	      physical);
}

void control_print_irqs(unsigned index, int vcpu)
{
	const struct vm *vm = vms[index];
	struct vgic_stats stats;
	unsigned i;
	virq_t virq;

	print("INTID kind trig  vCPU priority  state  group  physical   (E enabled, P pending, "
	      "A active, H line high, L in a list register)\n");
	for (i = 0; i < vm->vcpus; i++) {
		if (vcpu >= 0 && (unsigned)vcpu != i)
			continue;
		vgic_stats(vm->vgic, i, &stats);
		print("vCPU %u: delivered %lu SGIs, %lu PPIs, %lu SPIs, %lu LPIs\n", i,
		      (unsigned long)stats.sgis, (unsigned long)stats.ppis,
		      (unsigned long)stats.spis, (unsigned long)stats.lpis);
		for (virq = 0; virq < 32; virq++)
			print_irq(vm, i, virq);
	}
	if (vcpu < 0)
		print("shared:\n");
	for (virq = 32; vcpu < 0 && virq < 1020; virq++)
		print_irq(vm, 0, virq);
	for (virq = VGIC_LPI_BASE;
	     vcpu < 0 && vm->vits && virq < VGIC_LPI_BASE + vgic_lpis(vm->vgic); virq++)
		print_irq(vm, 0, virq);
	if (vcpu < 0) {
		its_stats_print(vm);
		sdei_stats_print(vm);
	}
}

void control_print_stats(void)
{
	unsigned i;

	exit_table_print();
	print("CPU   switches EL2 timer  waiting\n");
	for (i = 0; i < cpu_count; i++)
		print("%3u %10lu %9lu %8u\n", i, cpus[i]->switches, cpus[i]->timer_interrupts,
		      cpus[i]->queue_length);
}

#define LAST_EVENTS 16

void control_print_trace(int cpu)
{
	unsigned i;

	for (i = 0; i < cpu_count; i++) {
		if (cpu >= 0 && (unsigned)cpu != i)
			continue;
		print("CPU %u:\n", i);
		trace_print(cpus[i]->trace, LAST_EVENTS);
	}
}

/* --- Save and restore. --------------------------------------------------------------------------------- */

int control_save(unsigned vm, const char **why)
{
	return vm_save(vms[vm], why);
}

int control_restore(unsigned vm, const char **why)
{
	return vm_restore(vms[vm], why);
}

/* --- Direct injection. --------------------------------------------------------------------------------- */

static int switch_direct(struct vm *vm, bool on, const char **why)
{
	*why = "it is off";
	if (vm->state == VM_DEAD)
		return -1;
	*why = "it has no PCI functions, or the machine no GICv4";
	if (!vm->direct)
		return -1;
	direct_switch(vm, on);
	return 0;
}

int control_direct(unsigned vm, const char **why)
{
	return switch_direct(vms[vm], true, why);
}

int control_software(unsigned vm, const char **why)
{
	return switch_direct(vms[vm], false, why);
}
