/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Output on the PL011 and results in the Test Anything Protocol. What a passing test prints holds
 * nothing that varies.
 */
#ifndef GUEST_TAP_H
#define GUEST_TAP_H

#include <stdbool.h>

#define UART_BASE         0x09000000ul
#define UART_DR           0x00
#define UART_FR           0x18
#define UART_CR           0x30
#define UART_IMSC         0x38
#define UART_RIS          0x3c
#define UART_MIS          0x40
#define UART_ICR          0x44
#define UART_INTID        33
#define UART_TX_INTERRUPT (1u << 5)

void uart_init(void);
void uart_put(char c);
/* %s %c %u %d %x with l; nothing else. One lock keeps lines of several CPUs apart. */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* One result; returns `passed`. */
bool ok(bool passed, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* One result; on failure says what was found and what was wanted. */
bool is(unsigned long found, unsigned long wanted, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* One result that says what this machine has no use for, and why. */
void skip(const char *what, const char *why);
/* The plan line; none without a result. */
void tap_end(void);
_Noreturn void bail_out(const char *reason);

/* Each image has one. */
void guest_main(void);

#endif
