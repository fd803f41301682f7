/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * GICD_IROUTER (set_route() in lib/vgic/frames.c): the register is `route`, the interrupt's word
 * has the target that follows from it. Writers change the one, then bring the other in line until
 * the route has not changed meanwhile. The word's compare-and-swap is acquire and release, so that
 * who overwrites a newer target also sees the newer route; -DBREAK_RELAXED looks at the route early.
 *
 * Shown: when the writers are done, the target is that of the route, and the route is the
 * last value written.
 *
 * check: good: three writers
 * check: BREAK_ONCE: a writer does not look again whether the route has changed
 * check: BREAK_RELAXED: the second look at the route passes the change of the word
 * check: BREAK_TARGET_FIRST: a writer changes the target, then the route
 */
#define WRITERS 3

byte route, target, last, done;

proctype writer(byte value)
{
	byte seen, again;

#ifdef BREAK_TARGET_FIRST
	target = value;
	d_step { route = value; last = value }
#else
	d_step { route = value; last = value }
	do
	::
		seen = route;
#ifdef BREAK_RELAXED
		again = route;
		target = seen;
#else
		target = seen; /* irq_change() */
		again = route;
#endif
		if
#ifndef BREAK_ONCE
		:: again != seen
#endif
		:: else -> break
		fi
	od;
#endif
	done++
}

init
{
	atomic {
		run writer(1);
		run writer(2);
		run writer(3)
	}
	done == WRITERS;
	assert(target == route && route == last)
}
