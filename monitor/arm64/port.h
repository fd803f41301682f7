/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The library's port, and physical interrupts.
 */
#ifndef MONITOR_ARM64_PORT_H
#define MONITOR_ARM64_PORT_H

#include <carillon/vgic.h>

extern const struct vgic_port port;
extern const struct vits_port its_port;
extern const struct sdei_port sdei_port;

#endif
