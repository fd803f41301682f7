/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The console multiplexer; see mux.h.
 *
 * Order of locks: a model's, then the multiplexer's. So the models are called with nothing held, by
 * attend() and deliver().
 *
 * The physical FIFO is never waited for on a guest's behalf. What goes out as a whole is staged; who
 * finds no room is refused, and asked again when the transmit interrupt says that the FIFO fell to its
 * level. That is an edge: the handler clears it before it looks at the FIFO, and leaves only when the
 * FIFO is full or nobody waits.
 */
#include "console.h"
#include "control.h"
#include "mux.h"
#include "uart.h"

#define ESCAPE    0x1d /* Ctrl-] */
#define BACKSPACE 0x08
#define DELETE    0x7f
#define CTRL_C    0x03
#define CTRL_U    0x15
#define ESC       0x1b

#define PREFIX    (2 + MUX_NAME + 3) /* a line's end, "[name] " */
#define STAGE     (PREFIX + 2 * MUX_LINE + 2)
#define LINES     4       /* that one call puts out */
#define INIT_WAIT 1000000 /* looks at a busy UART */

/* Where in an escape sequence (ECMA-48) a stream of bytes is. */
enum sequence { SEQUENCE_NONE, SEQUENCE_ESC, SEQUENCE_CSI };

struct guest {
	struct pl011 *uart; /* NULL: takes no part */
	char name[MUX_NAME];
	unsigned name_length;
	/* Gathered output, a ring: `ready` of `held` bytes are lines, or pieces of MUX_LINE bytes. */
	uint8_t gathered[MUX_GATHERED];
	unsigned first, held, ready;
	uint64_t since; /* the time from which the first ready one waits */
	enum sequence sequence;
	bool was_cut; /* the last line shown, and its end was not there yet */
	/* Input that its FIFO had no room for. */
	uint8_t input[MUX_INPUT];
	unsigned input_first, input_count;
	bool delivering, again;
	bool lost; /* some input, after what is in the ring */
};

/* SHELL_BUSY: a line is complete, and mux_prompt() or mux_close() is to come. */
enum shell_state { SHELL_CLOSED, SHELL_OPEN, SHELL_BUSY };

enum owner { OWNER_HYPERVISOR, OWNER_GUEST };

static struct {
	unsigned locked;
	bool active; /* the UART is ours */
	uint32_t imsc;
	struct guest guest[MUX_GUESTS];
	int focus;
	uint32_t
		refused; /* a bit for each guest that has a byte to send, since it was last asked */
	uint32_t ready;  /* a bit for each guest with lines to show */
	unsigned last;   /* whose line was staged last */
	unsigned turn;   /* bytes that the focused guest may still write before a waiting line */
	unsigned asking; /* CPUs that are asking the focused guest for what it was refused */
	/* The terminal's cursor, as far as it matters. */
	bool midline, indented;
	enum owner owner; /* of the line that the cursor is in */
	uint8_t stage[STAGE];
	unsigned stage_at, stage_end;
	/* Input. */
	bool escape; /* Ctrl-] came */
	bool full;   /* the focused guest's ring is, from `full_since` on */
	uint64_t full_since;
	bool dropping; /* it has been for too long */
	/* The command line. */
	enum shell_state shell;
	bool shell_wanted, redraw, after_return;
	enum sequence sequence;
	const char *prompt;
	char command[MUX_COMMAND];
	unsigned length;
} mux = { .focus = -1, .last = MUX_GUESTS - 1, .prompt = MUX_PROMPT };

static void lock(void)
{
	spin_lock(&mux.locked);
}

static void unlock(void)
{
	spin_unlock(&mux.locked);
}

void console_break_lock(void)
{
	unlock();
}

/* --- The physical transmitter. The lock is held from here on. ----------------------------------- */

static bool has_room(void)
{
	return !(uart_read(UARTFR) & UARTFR_TXFF);
}

static void put(uint8_t byte)
{
	uart_write(UARTDR, byte);
	if (byte == '\n') {
		mux.midline = false;
	} else if (byte == '\r') {
		mux.indented = false;
	} else {
		mux.midline = true;
		mux.indented = true;
	}
}

/* False: there is more. */
static bool put_stage(void)
{
	while (mux.stage_at < mux.stage_end) {
		if (!has_room())
			return false;
		put(mux.stage[mux.stage_at++]);
	}
	mux.stage_at = 0;
	mux.stage_end = 0;
	return true;
}

static void stage_byte(uint8_t byte)
{
	if (byte == '\n')
		mux.stage[mux.stage_end++] = '\r';
	mux.stage[mux.stage_end++] = byte;
}

static void stage_fresh(void)
{
	if (mux.midline)
		stage_byte('\n');
	else if (mux.indented)
		stage_byte('\r');
}

/* Only for what the hypervisor has to say itself. */
static void put_wait(uint8_t byte)
{
	while (!has_room())
		uart_relax();
	put(byte);
}

static void say(const char *text, size_t length)
{
	size_t i;

	while (!put_stage())
		;
	for (i = 0; i < length; i++) {
		if (text[i] == '\n')
			put_wait('\r');
		put_wait((uint8_t)text[i]);
	}
	mux.owner = OWNER_HYPERVISOR;
}

static size_t length_of(const char *text)
{
	size_t length = 0;

	while (text[length])
		length++;
	return length;
}

static void say_text(const char *text)
{
	say(text, length_of(text));
}

/* A line that is not ours ends here. */
static void say_fresh(void)
{
	while (!put_stage())
		;
	if (mux.midline)
		say("\n", 1);
	else if (mux.indented)
		put_wait('\r');
}

/* --- Guests' output. ---------------------------------------------------------------------------- */

static struct guest *focused(void)
{
	return mux.focus < 0 ? NULL : &mux.guest[mux.focus];
}

/* Whether its output goes out as it comes. */
static bool is_direct(const struct guest *guest)
{
	return guest == focused() && mux.shell == SHELL_CLOSED;
}

static uint32_t bit_of(const struct guest *guest)
{
	return 1u << (guest - mux.guest);
}

static bool focus_waits(void)
{
	return mux.shell == SHELL_CLOSED && mux.focus >= 0 &&
	       (mux.refused & bit_of(focused()) || mux.asking);
}

/* Control characters and escape sequences would move the cursor away from the line. */
static bool is_text(enum sequence *sequence, uint8_t byte)
{
	switch (*sequence) {
	case SEQUENCE_ESC:
		*sequence = byte == '[' ? SEQUENCE_CSI : SEQUENCE_NONE;
		return false;
	case SEQUENCE_CSI:
		if (byte >= 0x40)
			*sequence = SEQUENCE_NONE;
		return false;
	default:
		if (byte == ESC)
			*sequence = SEQUENCE_ESC;
		return byte >= ' ' && byte != DELETE;
	}
}

/* One whose line may wait no longer; else, if `any`, one that has a line, the last one's successor. */
static struct guest *next_line(bool any)
{
	uint64_t now;
	unsigned i;

	if (!mux.ready)
		return NULL;
	now = uart_time();
	for (i = 0; i < MUX_GUESTS; i++) {
		struct guest *guest = &mux.guest[(mux.last + 1 + i) % MUX_GUESTS];

		if (!guest->ready || is_direct(guest))
			continue;
		if (any || guest->held == MUX_GATHERED || now - guest->since >= MUX_PATIENCE)
			return guest;
	}
	return NULL;
}

/* What a command prints stays together, unless it takes long. */
static struct guest *line_to_stage(void)
{
	if (focus_waits() && mux.turn)
		return NULL;
	if (mux.midline)
		return next_line(mux.owner == OWNER_GUEST && !mux.turn);
	return next_line(mux.shell != SHELL_BUSY);
}

static uint8_t held_at(const struct guest *guest, unsigned i)
{
	return guest->gathered[(guest->first + i) % MUX_GATHERED];
}

static void remove_held(struct guest *guest, unsigned bytes)
{
	guest->first = (guest->first + bytes) % MUX_GATHERED;
	guest->held -= bytes;
	guest->ready -= bytes < guest->ready ? bytes : guest->ready;
	guest->since = uart_time();
	if (!guest->ready)
		mux.ready &= ~bit_of(guest);
}

/* The end of a line that was cut belongs to it. */
static bool skip_end(struct guest *guest)
{
	if (!guest->held || held_at(guest, 0) != '\n')
		return false;
	remove_held(guest, 1);
	return true;
}

static void stage_line(struct guest *guest)
{
	unsigned i;

	stage_fresh();
	stage_byte('[');
	for (i = 0; i < guest->name_length; i++)
		stage_byte((uint8_t)guest->name[i]);
	stage_byte(']');
	stage_byte(' ');
	for (i = 0; i < guest->ready && i < MUX_LINE && held_at(guest, i) != '\n'; i++)
		stage_byte(held_at(guest, i));
	stage_byte('\n');
	remove_held(guest, i);
	guest->was_cut = !skip_end(guest) && !guest->held;
	mux.last = (unsigned)(guest - mux.guest);
	mux.turn = MUX_TURN;
	mux.redraw = mux.shell == SHELL_OPEN;
}

/* What was gathered before it got the focus, as much as fits; then the line is its own. */
static void stage_held(struct guest *guest)
{
	unsigned i;

	if (mux.owner != OWNER_GUEST)
		stage_fresh();
	for (i = 0; i < guest->held && i < MUX_LINE; i++)
		stage_byte(held_at(guest, i));
	remove_held(guest, i);
	guest->was_cut = false;
	mux.owner = OWNER_GUEST;
}

static void stage_prompt(void)
{
	unsigned i;

	for (i = 0; mux.prompt[i] && i < MUX_LINE; i++)
		stage_byte((uint8_t)mux.prompt[i]);
	for (i = 0; i < mux.length; i++)
		stage_byte((uint8_t)mux.command[i]);
	mux.redraw = false;
	mux.owner = OWNER_HYPERVISOR;
}

static bool stage_focused(void)
{
	struct guest *guest = focused();

	if (!guest || !is_direct(guest) || !guest->held)
		return false;
	stage_held(guest);
	return true;
}

static bool stage_other(void)
{
	struct guest *guest = line_to_stage();

	if (!guest)
		return false;
	stage_line(guest);
	return true;
}

/*
 * Of the others' lines it puts out LINES, so that nobody has to show all that they gathered. False: the
 * FIFO is full.
 */
static bool pump(void)
{
	unsigned lines = 0;

	do {
		if (!put_stage())
			return false;
	} while (stage_focused() || (lines++ < LINES && stage_other()));
	return true;
}

/* Which interrupts the physical UART has to raise. */
static void arm(void)
{
	uint32_t imsc = 0;

	if (!mux.active)
		return;
	if (mux.shell != SHELL_BUSY && (!mux.full || mux.dropping))
		imsc |= UART_INT_RX | UART_INT_RT;
	if (mux.stage_end || mux.refused)
		imsc |= UART_INT_TX;
	if (imsc != mux.imsc)
		uart_write(UARTIMSC, imsc);
	mux.imsc = imsc;
}

/* The stage is empty. */
static bool transmit_direct(uint8_t byte)
{
	if (mux.midline && mux.owner == OWNER_HYPERVISOR) {
		stage_byte('\n');
		if (!put_stage())
			return false;
	}
	if (!has_room())
		return false;
	mux.owner = OWNER_GUEST;
	put(byte);
	if (mux.turn)
		mux.turn--;
	if (byte == '\n')
		mux.turn = 0;
	return true;
}

/* Where pump() did not get to this guest: on its own time it goes before the others. */
static void make_room(struct guest *guest)
{
	if (guest->held == MUX_GATHERED && !mux.stage_end && line_to_stage()) {
		stage_line(guest);
		put_stage();
	}
}

/* All that is held is ready to be shown. */
static void ready(struct guest *guest)
{
	if (!guest->ready)
		guest->since = uart_time();
	if (!mux.ready)
		mux.turn = MUX_TURN;
	mux.ready |= bit_of(guest);
	guest->ready = guest->held;
}

static bool gather(struct guest *guest, uint8_t byte)
{
	bool after_cut;

	if (byte == '\n')
		guest->sequence = SEQUENCE_NONE;
	else if (!is_text(&guest->sequence, byte) && byte != '\t')
		return true;
	make_room(guest);
	if (guest->held == MUX_GATHERED)
		return false;
	after_cut = guest->was_cut;
	guest->was_cut = false;
	if (after_cut && byte == '\n')
		return true;
	guest->gathered[(guest->first + guest->held++) % MUX_GATHERED] = byte;
	if (byte == '\n' || guest->held - guest->ready == MUX_LINE)
		ready(guest);
	return true;
}

bool mux_transmit(unsigned index, uint8_t byte)
{
	struct guest *guest = &mux.guest[index % MUX_GUESTS];
	bool taken, room;

	lock();
	mux.refused |= bit_of(guest); /* it waits, as far as the others' turn goes */
	room = pump();
	if (is_direct(guest))
		taken = room && transmit_direct(byte);
	else
		taken = gather(guest, byte);
	if (taken)
		mux.refused &= ~bit_of(guest);
	/* Within its turn the focused guest may have its next byte ready: no look at the others. */
	if (!is_direct(guest) || !mux.turn)
		pump();
	arm();
	unlock();
	return taken;
}

/* --- The command line. -------------------------------------------------------------------------- */

static void prompt(void)
{
	say_fresh();
	say_text(mux.prompt);
	mux.length = 0;
	mux.redraw = false;
}

static void open_shell(uint8_t key)
{
	mux.shell = SHELL_OPEN;
	mux.prompt = MUX_PROMPT;
	mux.sequence = SEQUENCE_NONE;
	mux.after_return = key == '\r';
	prompt();
}

static void close_shell(void)
{
	struct guest *guest = focused();

	mux.shell = SHELL_CLOSED;
	mux.redraw = false;
	say_fresh();
	if (guest) {
		say_text("carillon: console of ");
		say(guest->name, guest->name_length);
		say_text("\n");
	}
}

static void focus_on(unsigned index)
{
	mux.focus = (int)index;
	mux.full = false; /* its time begins now */
}

static bool takes_part(unsigned index)
{
	return index < MUX_GUESTS && mux.guest[index].uart;
}

static void focus_key(unsigned index)
{
	char digit = (char)('0' + index);

	if (takes_part(index)) {
		focus_on(index);
		close_shell();
		return;
	}
	say_fresh();
	say_text("carillon: no guest ");
	say(&digit, 1);
	say_text(" has a console here; Ctrl-] n goes to the next one that has\n");
	mux.redraw = mux.shell == SHELL_OPEN;
}

static void focus_next(void)
{
	unsigned i, first = mux.focus < 0 ? 0 : (unsigned)mux.focus + 1;

	for (i = 0; i < MUX_GUESTS; i++) {
		unsigned index = (first + i) % MUX_GUESTS;

		if (takes_part(index)) {
			focus_on(index);
			close_shell();
			return;
		}
	}
}

/* What was printed meanwhile is followed by the line as it was. */
static void show_line(void)
{
	if (!mux.redraw)
		return;
	say_fresh();
	stage_prompt();
	while (!put_stage())
		;
}

static void erase(void)
{
	if (!mux.length)
		return;
	mux.length--;
	say_text("\b \b");
}

static void complete(void)
{
	mux.command[mux.length] = '\0';
	mux.shell = SHELL_BUSY;
	mux.shell_wanted = true;
	say_text("\n");
}

static void type(uint8_t byte)
{
	if (!is_text(&mux.sequence, byte) || byte >= DELETE)
		return;
	if (mux.length == MUX_COMMAND - 1) {
		say_text("\a");
		return;
	}
	mux.command[mux.length++] = (char)byte;
	say((const char *)&byte, 1);
}

static void edit(uint8_t byte)
{
	bool after_return = mux.after_return;

	mux.after_return = byte == '\r';
	if (byte == '\n' && after_return)
		return;
	show_line();
	switch (byte) {
	case '\r':
	case '\n':
		complete();
		break;
	case BACKSPACE:
	case DELETE:
		erase();
		break;
	case CTRL_U:
		while (mux.length)
			erase();
		break;
	case CTRL_C:
		say_text("^C\n");
		mux.prompt = MUX_PROMPT;
		prompt();
		break;
	default:
		type(byte);
		break;
	}
}

/* --- Input. ------------------------------------------------------------------------------------- */

static void to_guest(uint8_t byte)
{
	struct guest *guest = focused();

	if (!guest)
		return;
	if (guest->input_count == MUX_INPUT) {
		guest->lost = true;
		return;
	}
	guest->input[(guest->input_first + guest->input_count) % MUX_INPUT] = byte;
	guest->input_count++;
}

static void after_escape(uint8_t byte)
{
	mux.escape = false;
	if (byte == ESCAPE)
		to_guest(byte);
	else if (byte >= '0' && byte <= '9')
		focus_key(byte - '0');
	else if (byte == 'n')
		focus_next();
	else
		open_shell(byte);
}

static void input(uint8_t byte)
{
	if (mux.escape)
		after_escape(byte);
	else if (byte == ESCAPE)
		mux.escape = true;
	else if (mux.shell == SHELL_OPEN)
		edit(byte);
	else
		to_guest(byte);
}

/* Sets full and dropping: whether the focused guest could take another byte, or has been too slow. */
static void look_at_ring(void)
{
	struct guest *guest = focused();
	bool full = guest && guest->input_count == MUX_INPUT;

	if (full && !mux.full)
		mux.full_since = uart_time();
	mux.full = full;
	mux.dropping = full && uart_time() - mux.full_since >= MUX_STALL;
}

static bool may_read(void)
{
	if (mux.shell != SHELL_CLOSED)
		return mux.shell == SHELL_OPEN;
	look_at_ring();
	return !mux.full || mux.dropping || mux.escape;
}

/*
 * What has an error is no byte; what was overrun was lost before this one came. False: there was
 * nothing, or nothing may be read.
 */
static bool read_input(void)
{
	bool any = false;

	while (mux.active && may_read() && !(uart_read(UARTFR) & UARTFR_RXFE)) {
		uint32_t entry = uart_read(UARTDR);

		any = true;
		if (entry & UARTDR_OE && mux.focus >= 0)
			focused()->lost = true;
		if (!(entry & (UARTDR_FE | UARTDR_PE | UARTDR_BE)))
			input((uint8_t)entry);
	}
	return any;
}

/* --- With the lock not held. -------------------------------------------------------------------- */

/* Tell who carries out commands. */
static void call_shell(void)
{
	bool wanted;

	lock();
	wanted = mux.shell_wanted;
	mux.shell_wanted = false;
	unlock();
	if (wanted)
		shell_wanted();
}

/* Lock held; dropped while the model is called. False: it has no room. */
static bool deliver_one(struct guest *guest)
{
	uint8_t byte = guest->input[guest->input_first];
	bool taken;

	unlock();
	taken = pl011_receive(guest->uart, byte);
	lock();
	if (!taken)
		return false;
	guest->input_first = (guest->input_first + 1) % MUX_INPUT;
	guest->input_count--;
	return true;
}

/*
 * One CPU at a time delivers, or bytes would change places. Another one that comes because there is
 * room leaves `again`; it does so under the lock, and the first one looks under the lock.
 */
static void deliver_all(struct guest *guest)
{
	for (;;) {
		guest->again = false;
		while (guest->input_count && deliver_one(guest))
			;
		if (guest->input_count) {
			if (guest->again)
				continue;
			return;
		}
		if (!guest->lost)
			return;
		guest->lost = false;
		unlock();
		pl011_overrun(guest->uart);
		lock();
	}
}

/* Lock held; dropped meanwhile. */
static void deliver(struct guest *guest)
{
	if (guest->delivering) {
		guest->again = true;
		return;
	}
	guest->delivering = true;
	deliver_all(guest);
	guest->delivering = false;
}

/* Whose bytes they are changes with the focus, and delivering makes room to read more. */
static void deliver_input(void)
{
	unsigned i;

	lock();
	do {
		for (i = 0; i < MUX_GUESTS; i++) {
			if (mux.guest[i].input_count || mux.guest[i].lost)
				deliver(&mux.guest[i]);
		}
	} while (read_input());
	arm();
	unlock();
	call_shell();
}

/* The focused guest first, then by index. NULL: all of them were. */
static struct guest *to_be_asked(uint32_t asked)
{
	uint32_t left = mux.refused & ~asked;

	if (mux.focus >= 0 && left & bit_of(focused()))
		return focused();
	return left ? &mux.guest[__builtin_ctz(left)] : NULL;
}

/* Lock held; dropped meanwhile. */
static void ask(struct guest *guest)
{
	bool is_focus = guest == focused();

	mux.refused &= ~bit_of(guest);
	mux.asking += is_focus;
	unlock();
	pl011_room(guest->uart);
	lock();
	mux.asking -= is_focus;
}

/* Lock held. Ask everybody who was refused, until nobody is or the FIFO is full. */
static void ask_all(void)
{
	uint32_t asked = 0;

	while (mux.refused) {
		struct guest *guest = to_be_asked(asked);

		if (guest) {
			asked |= bit_of(guest);
			ask(guest);
			continue;
		}
		asked = 0;
		uart_write(UARTICR, UART_INT_TX);
		if (!pump() || !has_room())
			return;
	}
}

static void attend(void)
{
	lock();
	if (mux.active) {
		uart_write(UARTICR, UART_INT_ALL);
		read_input();
		if (pump())
			ask_all();
		if (pump() && mux.redraw && !mux.midline)
			stage_prompt();
		put_stage();
		arm();
	}
	unlock();
	deliver_input();
}

void mux_interrupt(void)
{
	attend();
}

void mux_tick(void)
{
	attend();
}

void mux_drained(unsigned index)
{
	(void)index;
	deliver_input();
}

void console_write(const char *text, size_t length)
{
	if (!uart_exists())
		return;
	lock();
	if (mux.owner == OWNER_GUEST || (mux.shell == SHELL_OPEN && !mux.redraw))
		say_fresh();
	say(text, length);
	mux.redraw = mux.shell == SHELL_OPEN;
	arm();
	unlock();
}

int mux_focused(void)
{
	int focus;

	lock();
	focus = mux.focus;
	unlock();
	return focus;
}

bool mux_focus(unsigned index)
{
	bool fine;

	lock();
	fine = takes_part(index);
	if (fine)
		focus_on(index);
	unlock();
	return fine;
}

const char *mux_command(const char **asked)
{
	bool busy;

	lock();
	*asked = mux.prompt;
	busy = mux.shell == SHELL_BUSY;
	unlock();
	return busy ? mux.command : NULL;
}

void mux_prompt(const char *text)
{
	lock();
	mux.shell = SHELL_OPEN;
	mux.prompt = text;
	prompt();
	unlock();
	attend();
}

void mux_close(void)
{
	lock();
	close_shell();
	unlock();
	attend();
}

void mux_add(unsigned index, const char *name, struct pl011 *uart)
{
	struct guest *guest = &mux.guest[index];
	unsigned i;

	if (index >= MUX_GUESTS)
		return;
	lock();
	guest->uart = uart;
	for (i = 0; name[i] && i < MUX_NAME - 1; i++)
		guest->name[i] = name[i];
	guest->name_length = i;
	if (mux.focus < 0)
		mux.focus = (int)index;
	unlock();
}

/* DDI 0183 3.3.8: the line control register is written while the UART is off and quiet. */
void mux_init(void)
{
	uint32_t control, format;
	unsigned looks = 0;

	lock();
	while (uart_read(UARTFR) & UARTFR_BUSY && looks++ < INIT_WAIT)
		;
	control = uart_read(UARTCR);
	format = uart_read(UARTLCR_H);
	uart_write(UARTCR, 0);
	uart_write(UARTLCR_H, (format ? format : UARTLCR_H_WLEN) | UARTLCR_H_FEN);
	uart_write(UARTIFLS, 2); /* receive: an eighth; transmit: half */
	uart_write(UARTDMACR, 0);
	uart_write(UARTIMSC, 0);
	uart_write(UARTICR, UART_INT_ALL);
	uart_write(UARTCR, control | UARTCR_UARTEN | UARTCR_TXE | UARTCR_RXE);
	mux.imsc = 0;
	mux.active = true;
	arm();
	unlock();
}
