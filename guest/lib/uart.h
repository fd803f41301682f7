/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The PL011 (DDI 0183): output, and the registers of its transmit interrupt. */
#ifndef GUEST_UART_H
#define GUEST_UART_H

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

#endif
