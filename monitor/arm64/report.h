/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * A panic's report.
 */
#ifndef MONITOR_ARM64_REPORT_H
#define MONITOR_ARM64_REPORT_H

#include <stdint.h>

/* The call chain by frame records from `frame`, or by the stack's contents; what this CPU did last. */
void report_state(uint64_t frame, uint64_t sp);

#endif
