/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * SDEI for guests (carillon/sdei.h): a VM that asks for it has a dispatcher, and with it a watchdog.
 */
#ifndef MONITOR_ARM64_SDEI_H
#define MONITOR_ARM64_SDEI_H

#include <carillon/sdei.h>
#include <stdbool.h>

struct vm;
struct vcpu;

/* The watchdog's event: private, critical. docs/vm-description.md names it. */
#define SDEI_WATCHDOG (SDEI_VENDOR | 0x1000)

/* vgic_cpu.host: what sdei_settle() is to look at. */
#define SDEI_LOOK      1u /* an event may be pending */
#define SDEI_ASKED     2u /* the guest has made a call */
#define SDEI_AGAIN_DUE 4u /* sdei_again() */

/* sdei.c: hot */
void sdei_settle(struct vcpu *vcpu);
void sdei_diverted(void *host, unsigned vcpu, virq_t virq);

/* watchdog.c */
void sdei_create(struct vm *vm);
void watchdog_tick(void); /* on CPU 0, ten times in a second */

#endif
