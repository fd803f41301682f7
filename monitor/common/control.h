/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What the command line needs of the hypervisor. VMs go by an index below control_vms(), which is
 * also that of mux_add(). All are called by shell_run(), on its CPU, but for shell_wanted().
 */
#ifndef MONITOR_COMMON_CONTROL_H
#define MONITOR_COMMON_CONTROL_H

/*
 * A command line is complete: have shell_run() called soon. Called by mux_interrupt(),
 * mux_tick() and mux_drained() with nothing held.
 */
void shell_wanted(void);

unsigned control_vms(void);
const char *control_vm_name(unsigned vm); /* stays; not NULL */
unsigned control_vm_vcpus(unsigned vm);
unsigned control_cpus(void); /* physical ones */

/*
 * 0, or a negative number; then *why is a sentence without capital and full stop that says what is in
 * the way, and the remedy.
 */
int control_pause(unsigned vm, const char **why);
int control_resume(unsigned vm, const char **why);
int control_reset(unsigned vm, const char **why);
int control_destroy(unsigned vm, const char **why);
int control_save(unsigned vm, const char **why);
int control_restore(unsigned vm, const char **why);
int control_direct(unsigned vm, const char **why);
int control_software(unsigned vm, const char **why);
int control_nmi(unsigned vm, int vcpu, const char **why); /* vcpu: -1 for all */

/* These print whole lines. `vcpu`, `cpu`: -1 for all. */
void control_print_vms(void);
void control_print_vcpus(unsigned vm);
void control_print_irqs(unsigned vm, int vcpu);
void control_print_stats(void);
void control_print_trace(int cpu);

/* End the run; powers the machine off. Does not return where there is a machine. */
void control_quit(void);

#endif
