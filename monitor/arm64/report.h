/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * A panic's report.
 */
#ifndef MONITOR_ARM64_REPORT_H
#define MONITOR_ARM64_REPORT_H

#include <stdint.h>

/* The call chain that starts at this frame record, and what this CPU did last. */
void report_state(uint64_t frame);

#endif
