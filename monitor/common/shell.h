/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The hypervisor's command line. docs/console.md is its manual; control.h is what it can do.
 */
#ifndef MONITOR_COMMON_SHELL_H
#define MONITOR_COMMON_SHELL_H

/*
 * Carry out the line that was typed, if there is one. On one CPU, that has no guest's state loaded,
 * after shell_wanted().
 */
void shell_run(void);

#endif
