/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The console multiplexer: the physical PL011 shared by guests with an emulated one and by the
 * hypervisor. docs/console.md is its manual.
 *
 * One guest has the focus: it gets the input, and its output goes out byte by byte. The others'
 * output is gathered to lines, which go out as "[name] line" when the cursor is at the start of a
 * line, or, after TURN bytes or PATIENCE milliseconds of waiting, on a line that is begun for them.
 *
 * All functions: any CPU, at once, with interrupts masked. Those that say so use FP registers.
 * Nothing here waits for the physical UART, except for the hypervisor's own messages.
 */
#ifndef MONITOR_COMMON_MUX_H
#define MONITOR_COMMON_MUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "pl011.h"

#define MUX_GUESTS   16
#define MUX_NAME     32   /* bytes of a name, with its end; a longer one is cut */
#define MUX_GATHERED 2048 /* bytes that are gathered of a guest; then some have to go out */
#define MUX_LINE     256  /* a longer line of a guest without the focus becomes several */
#define MUX_INPUT    256  /* bytes that wait for each guest */
#define MUX_TURN     256  /* bytes that the focused guest may write before a waiting line */
#define MUX_PATIENCE 300  /* milliseconds that a line waits, given mux_tick() */
#define MUX_STALL    2000 /* milliseconds that a guest may leave its input unread before it is lost */
#define MUX_COMMAND  128 /* bytes of a command line, with its end */

#define MUX_PROMPT "carillon> " /* the command line's, when a key opens it */

/*
 * Take the physical UART over: FIFOs on, receive interrupts on; speed, word and flow control stay as
 * the firmware set them. Before that, print() only polls bytes out. One CPU, once; only if no
 * guest has the UART passed through.
 */
void mux_init(void);

/*
 * Guest `index` (below MUX_GUESTS, not yet added) takes part; the first one added gets the focus. Its
 * model's `transmit` has to call mux_transmit(), its `drained` mux_drained(). The index is the one
 * that control.h knows the VM by.
 */
void mux_add(unsigned index, const char *name, struct pl011 *uart);

bool mux_transmit(unsigned index, uint8_t byte);
void mux_drained(unsigned index);

/* The physical UART's interrupt. May also be called when there is none. */
void mux_interrupt(void);

/*
 * Now and then, on any CPU; every 100 ms is good. Without it a line may wait for as long as the
 * focused guest leaves the cursor inside of one, and a guest that does not read its input can keep
 * Ctrl-] from being seen.
 */
void mux_tick(void);

/* --- For the shell. ----------------------------------------------------------------------------- */

/* The focused guest, or -1 if there is none. */
int mux_focused(void);

/* Give a guest the focus. False: it takes no part. */
bool mux_focus(unsigned index);

/*
 * The command line that waits to be carried out, or NULL; *asked is the prompt that it answers. It
 * stays as it is until mux_prompt() or mux_close(); no input is read meanwhile.
 */
const char *mux_command(const char **asked);

/* Ask for the next line with this prompt, which is kept, not copied. */
void mux_prompt(const char *prompt);

/* Back to the focused guest. */
void mux_close(void);

#endif
