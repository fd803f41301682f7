// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parameters, loading and unloading. `echo 1 >/sys/module/carillon_sdei/parameters/probe` signals event 0 to
 * each CPU again, where a handler of it is registered (mode=signal, mode=kernel).
 */
#define pr_fmt(format) "carillon-sdei: " format

#include <linux/module.h>
#include "carillon_sdei.h"

char *mode = "status";
module_param(mode, charp, 0444);
MODULE_PARM_DESC(mode,
		 "status, signal, spin, bind, watchdog or kernel (through Linux's own client)");
unsigned int seconds;
module_param(seconds, uint, 0444);
MODULE_PARM_DESC(
	seconds,
	"how long to spin; until bind judges what came, or watchdog that nothing did (0: never)");
unsigned int period_ms = 10000;
module_param(period_ms, uint, 0444);
MODULE_PARM_DESC(period_ms, "of the bound timer");
unsigned int irq;
module_param(irq, uint, 0444);
MODULE_PARM_DESC(
	irq,
	"bind: the interrupt; 30 is the EL1 physical timer's. spin: bind it instead of signalling");
unsigned int event;
module_param(event, uint, 0444);
MODULE_PARM_DESC(event, "watchdog: the event's number");
unsigned int signals = 3;
module_param(signals, uint, 0444);
MODULE_PARM_DESC(signals, "how often each CPU is signalled");
unsigned int hang;
module_param(hang, uint, 0444);
MODULE_PARM_DESC(hang,
		 "watchdog, kernel: seconds for which a CPU is made to hang with interrupts off");
bool panic_then;
module_param_named(panic, panic_then, bool, 0444);
MODULE_PARM_DESC(panic, "watchdog: the handler resumes in a panic");

static bool running;

static int probe_set(const char *value, const struct kernel_param *parameter)
{
	if (!running)
		return -EBUSY;
	if (strcmp(mode, "signal") && strcmp(mode, "kernel"))
		return -EINVAL;
	return probe_all_cpus();
}

static const struct kernel_param_ops probe_operations = { .set = probe_set };
module_param_cb(probe, &probe_operations, NULL, 0200);
MODULE_PARM_DESC(probe, "written to: signal event 0 to each CPU");

static int __init carillon_init(void)
{
	int error = find_conduit();

	if (error)
		return error;
	error = make_handlers();
	if (error)
		return error;
	error = start_mode();
	if (error) {
		free_handlers();
		return error;
	}
	running = true;
	pr_info("%s: loaded\n", mode);
	return 0;
}

static void __exit carillon_exit(void)
{
	stop_mode();
	free_handlers();
}

module_init(carillon_init);
module_exit(carillon_exit);
MODULE_DESCRIPTION("Carillon's client of SDEI");
MODULE_LICENSE("GPL");
