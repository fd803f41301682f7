/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Messages against the commands that take their mappings away (lib/vits: vits_message(), cache_find(),
 * walk(), cache_place(), cache_insert(), cache_forget(), cache_flush(), grace_start(), grace_over()). Two
 * pairs share one entry of the cache. The guest maps the first pair to LPI 1, takes that away, maps it to
 * LPI 2, takes that away; the second pair stays at LPI 3. Messages of both are translated meanwhile. A
 * mapping is taken away by DISCARD (the event's entry, and the set in the cache), or, -DMAPD, with the
 * device (the device's entry, and the cache's generation); MAPTI is a change of the event's entry alone.
 *
 * Memory is weaker than sequential: without its full barrier a message has read cache and tables before its
 * count is seen, and a command the counters before its changes are seen. A cache entry's fields are written
 * in either order.
 *
 * Shown: once a command that took a mapping away is done, nobody raises its LPI; nobody raises another
 * pair's LPI; when all rest, the cache does not have what the tables do not have.
 *
 * check: good -DSECOND=0: DISCARD, two senders of the first pair
 * check: good -DFIRST=1: one of each
 * check: good -DMAPD -DSECOND=0: the device is taken away
 * check: good -DMAPD -DFIRST=1: the same
 * check: BREAK_NO_BARRIER_MESSAGE: no barrier between the count and the look-up
 * check: BREAK_NO_BARRIER_COMMAND: no barrier between the changes and the look at the counters
 * check: BREAK_OUT_FIRST: a message counts itself out before it raises
 * check: BREAK_NO_GRACE: messages under way are not waited for
 * check: BREAK_ONE_COUNTER: only the counter that messages were sent to is waited for
 * check: BREAK_KEEP: the cache is not told
 * check: BREAK_KEEP -DMAPD: nor of the device
 * check: BREAK_FORGET_FIRST: the cache is told before the tables change
 * check: BREAK_FORGET_FIRST -DMAPD: the same of the device
 * check: BREAK_FORGET_LAST: the cache is told after messages were waited for
 * check: BREAK_FORGET_LAST -DMAPD: the same of the device
 * check: BREAK_FORGET_OWN: only an entry that has the pair has its sequence number moved on
 * check: BREAK_PLACE_LATE: a message remembers the sequence number after it has read the tables
 * check: BREAK_GENERATION_LATE -DMAPD: and the generation
 * check: BREAK_TAKE_ANY: an entry is written whatever its sequence number
 * check: BREAK_NO_SECOND_LOOK: a hit does not look at the sequence number again
 * check: BREAK_ODD: a hit does not mind that the entry is being written
 * large: good -DMAPD: two senders of the first pair, one of the second
 * large: good -DFIRST=1 -DMESSAGES=2: one of each, two messages each
 * large: good -DMAPD -DFIRST=1 -DMESSAGES=2: the same
 */
#ifndef MESSAGES
#define MESSAGES 1
#endif
#ifndef FIRST
#define FIRST 2
#endif
#ifndef SECOND
#define SECOND 1
#endif

byte event = 1;		/* the first pair's: its LPI, 0: none */
bool device = true;	/* is it mapped */
byte slot;
byte inside[2];
byte generation = 1;

byte c_seq, c_pair, c_to, c_generation; /* the entry */

bool gone[4];		/* LPIs of which nothing may be raised any more */
byte at_work;

#define ODD(x) ((x) & 1)

/* cache_find(): to is 0 if it is a miss. */
inline find()
{
	to = 0;
	seq = c_seq;
	tmp = c_generation;
	to = c_to;
	if
	:: c_pair != pair || tmp != generation -> to = 0
	:: else
	fi;
#ifndef BREAK_NO_SECOND_LOOK
	if
	:: c_seq != seq -> to = 0
	:: else
	fi;
#endif
#ifndef BREAK_ODD
	if
	:: ODD(seq) -> to = 0
	:: else
	fi
#endif
}

inline place()
{
	place_generation = generation;
	place_seq = c_seq
}

inline read_tables()
{
	if
	:: pair == 2 -> to = 3
	:: else ->
		if
		:: !device -> to = 0
		:: else -> to = event
		fi
	fi
}

inline insert()
{
#ifdef BREAK_TAKE_ANY
	place_seq = c_seq;
	c_seq = place_seq | 1;
	taken = true;
#else
	d_step {
		taken = !ODD(place_seq) && c_seq == place_seq;
		c_seq = c_seq + taken
	}
#endif
	if
	:: taken ->
		if
		:: true -> c_pair = pair; c_to = to
		:: true -> c_to = to; c_pair = pair
		fi;
		c_generation = place_generation;
		c_seq = (place_seq | 1) + 1
	:: else
	fi
}

inline translate()
{
	find();
	if
	:: to == 0 ->
#ifdef BREAK_PLACE_LATE
		place_generation = generation;
		read_tables();
		place_seq = c_seq;
#else
		place();
		read_tables();
#endif
#ifdef BREAK_GENERATION_LATE
		place_generation = generation;
#endif
		if
		:: to -> insert()
		:: else
		fi
	:: else
	fi
}

inline raise()
{
	if
	:: to ->
		assert(!gone[to]);
		assert((to == 3) == (pair == 2))
	:: else
	fi
}

proctype message(byte pair)
{
	byte mine, to, seq, tmp, place_seq, place_generation, sent;
	bool taken;

	do
	:: sent == MESSAGES -> break
	:: else ->
		sent++;
		mine = slot;
#ifdef BREAK_NO_BARRIER_MESSAGE
		translate();
		inside[mine]++;
#else
		inside[mine]++;
		translate();
#endif
#ifdef BREAK_OUT_FIRST
		inside[mine]--;
		raise()
#else
		raise();
		inside[mine]--
#endif
	od;
	at_work--
}

inline change(new)
{
#ifdef MAPD
	if
	:: new == 0 -> device = false
	:: else -> event = new; device = true
	fi
#else
	event = new
#endif
}

inline forget()
{
#ifndef BREAK_KEEP
#ifdef MAPD
	generation++;
#else
#ifdef BREAK_FORGET_OWN
	if
	:: c_pair == 1 ->
#endif
	atomic { !ODD(c_seq) -> mine = c_seq; c_seq++ }
	if
	:: c_pair == 1 -> c_generation = 0
	:: else
	fi;
	c_seq = mine + 2;
#ifdef BREAK_FORGET_OWN
	:: else
	fi;
#endif
#endif
#endif
	skip
}

inline look(i)
{
	if
	:: inside[i] == 0 -> drained = drained | (1 << i)
	:: else
	fi
}

/* grace_over(), until it is. */
inline grace()
{
	drained = 0;
#ifdef BREAK_NO_BARRIER_COMMAND
	drained = early;
#endif
#ifdef BREAK_ONE_COUNTER
	mine = slot;
	slot = 1 - mine;
	inside[mine] == 0;
#else
#ifndef BREAK_NO_GRACE
	do
	:: drained == 3 -> break
	:: else ->
		/* It has changed something, or there is nothing to look for yet. */
		(drained & 1) == 0 && inside[0] == 0 || (drained & 2) == 0 && inside[1] == 0;
		look(0);
		look(1);
		if
		:: drained == 1 -> slot = 0
		:: drained == 2 -> slot = 1
		:: else
		fi
	od
#endif
#endif
}

inline take_away(lpi)
{
#ifdef BREAK_NO_BARRIER_COMMAND
	early = 0;
	d_step {
		early = (inside[0] == 0 -> 1 : 0) | (inside[1] == 0 -> 2 : 0)
	}
#endif
#ifdef BREAK_FORGET_FIRST
	forget();
	change(0);
#else
	change(0);
#ifndef BREAK_FORGET_LAST
	forget();
#endif
#endif
	grace();
#ifdef BREAK_FORGET_LAST
	forget();
#endif
	gone[lpi] = true	/* vgic_lpi_clear() */
}

active proctype commands()
{
	byte drained, mine, early;

	atomic {
		at_work = FIRST + SECOND;
		run message(1);
#if FIRST > 1
		run message(1);
#endif
#if SECOND > 0
		run message(2)
#endif
	}
	take_away(1);
	change(2);		/* MAPTI */
#ifndef MAPD
	forget();
#endif
	grace();
	take_away(2);
	at_work == 0;
	assert(!(c_pair == 1 && c_to && !ODD(c_seq) && c_generation == generation))
}
