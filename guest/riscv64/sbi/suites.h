/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What sbi.elf tests. Each leaves all harts idle, timers never, nothing pending. */
#ifndef SBI_SUITES_H
#define SBI_SUITES_H

void test_hsm_first(void); /* brings the other harts up, and is the first */
void test_base(void);
void test_time(void);
void test_ipi(void);
void test_rfence(void);
void test_hsm(void);
void test_srst(void);
void test_legacy(void);
void test_traps(void); /* S-mode's interrupts and exceptions */
void test_storm(unsigned long seed, unsigned rounds);

#endif
