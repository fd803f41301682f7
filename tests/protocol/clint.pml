/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * One hart's timer and software interrupt, shared by its firmware and by other harts (lib/vclint;
 * monitor/riscv64: clint_interrupts(), clint_program(), wait(), check()). Others write its msip and its
 * mtimecmp, then post a reason, and raise its physical software interrupt if there was no reason yet.
 * The hart sleeps until its firmware has something pending; it takes its physical interrupts, and
 * programs its physical timer for the deadline if that is still to come.
 *
 * Shown: when everybody rests and no time passes any more, a hart that sleeps has nothing pending, so no
 * message and no deadline is lost.
 *
 * check: good: two writers, time passing
 * check: BREAK_TAKE_FIRST -DROUNDS=2 -DTIMES=3: the reasons are taken before the physical interrupt is cleared
 * check: BREAK_POST_FIRST: the reason is posted before the value is there
 * check: BREAK_CLEAR_UNTOLD: a deadline that moves is not told
 * check: BREAK_LOOK_FIRST: what is pending is looked at before the timer is programmed
 * check: BREAK_KEEP: the timer is programmed only where it fires, not where a deadline was moved
 * large: good -DROUNDS=2 -DTIMES=3: more of it
 */
#ifndef ROUNDS
#define ROUNDS 1
#endif
#ifndef TIMES
#define TIMES 2
#endif
#define NEVER 100

byte now;
bool msip;		 /* the firmware's */
byte deadline = NEVER;	 /* its mtimecmp */
byte reasons;		 /* 0: none */
bool physical_msip;
byte physical_timer = NEVER;
byte at_work;		 /* writers that have not ended */
bool asleep;

#define PENDING	 (msip || now >= deadline)
#define WAKES	 (physical_msip || now >= physical_timer)

inline post()
{
	d_step { had = reasons; reasons = 1 }
	if
	:: had == 0 -> physical_msip = true
	:: else
	fi
}

proctype writer()
{
	byte had, round, value;

	for (round : 1 .. ROUNDS) {
		if
		:: true ->
#ifdef BREAK_POST_FIRST
			post();
			msip = true
#else
			msip = true;
			post()
#endif
		:: true ->
			if
			:: value = NEVER
			:: value = now + 1
			:: value = 0
			fi;
			deadline = value;
#ifndef BREAK_CLEAR_UNTOLD
			post()
#endif
		fi
	}
	at_work--
}

inline program()
{
	d_step { time = now }
	d_step {
		physical_timer = (deadline > time -> deadline : NEVER)
	}
}

/* The firmware's handler: what was pending is so no longer. */
inline handle()
{
	msip = false;
	if
	:: now >= deadline -> deadline = NEVER
	:: else
	fi;
	program()
}

active proctype hart()
{
	byte time;
	bool timer, found;

	at_work = 2;
	run writer();
	run writer();
	do
	:: true ->
#ifdef BREAK_LOOK_FIRST
		found = PENDING;
		program();
#else
		found = PENDING;
#endif
		if
		:: found -> handle()
		:: else ->
			asleep = true;
end:			WAKES;
			asleep = false;
			timer = now >= physical_timer;
#ifdef BREAK_TAKE_FIRST
			reasons = 0;
			physical_msip = false;
#else
			physical_msip = false;
			reasons = 0;
#endif
#ifdef BREAK_KEEP
			if
			:: timer -> program()
			:: else
			fi
#else
			program()
#endif
		fi
	od
}

active proctype clock()
{
	do
	:: now < TIMES -> now++
	:: else -> break
	od;
	/* Nothing else can happen: who sleeps, sleeps for good. */
	timeout -> assert(at_work == 0 && asleep && !PENDING)
}
