/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Who runs next, and when (monitor/arm64: ready(), set_slice(), pick(), give_way() in sched_shared.c;
 * next_vcpu(), cold_reschedule(), wait_here() in schedule.c; cold_timer(); settle_fully(), reschedule(),
 * lists_enter(); drain() in life.c): one CPU with its queue and two vCPUs that may run only there, and other
 * CPUs that queue them. Who queues one pushes, full barrier, reads `idle` and `slice_end`, and has the CPU look if
 * it has to; the CPU writes those, full barrier, looks at the queue. `resched` is cleared before
 * a look. Guests spin for ever, but for a few waits. -DSLEEPER: the second vCPU's timer expires on the
 * CPU itself. -DDRAIN: another CPU masks a device's interrupt and waits until this one has none in hand.
 * -DALONE: the first vCPU, if it waits, is not woken.
 *
 * Memory is weaker than sequential: the CPU's stores go through a store buffer that empties in
 * order, whenever it likes, at the latest at a full barrier; who queues without one may have read
 * before it pushed. The timer is the CPU's own: it fires sometime after `slice_end` is set (too early, it
 * finds nothing). How long a
 * vCPU has run is left open, but if its slice has ended, its budget has, or its being favoured. (No variant:
 * pick() arms the slice for the one that leaves, but its ready() would have the CPU look; a barrier
 * between `resched` and the look, but set_slice() and wait_here() look again behind one of theirs.)
 *
 * Shown: when nothing is on its way any more, no vCPU is in the queue, while guests spin for ever; none is
 * queued twice; a CPU that waits for an interrupt is told of one that is queued, not left to its timer;
 * after a drain no interrupt is in hand.
 *
 * check: good: one vCPU runs, waits, comes back; the other one comes
 * check: good -DSLEEPER -DWAKES=0: it comes by a timer of this CPU
 * check: good -DDRAIN -DWAKES=0: a device's interrupt is masked
 * check: BREAK_NO_BARRIER_READY -DWAITS=0: no barrier between the queue and `slice_end`
 * check: BREAK_NO_BARRIER_SLICE: no barrier between `slice_end` and the queue
 * check: BREAK_SLICE_BLINDLY -DWAITS=0: who takes the end off the slice does not look again
 * check: BREAK_ENTRY_EATS -DALONE: an entry does not look at `resched`
 * check: BREAK_SETTLE_ONCE: who comes back does not look at `resched` again
 * check: BREAK_AS_MAINTENANCE: a request to reschedule is taken for maintenance, that refill clears
 * check: BREAK_NO_BARRIER_IDLE -DALONE: no barrier between `idle` and the queue
 * check: BREAK_IDLE_BLINDLY: an idle CPU does not look again
 * check: BREAK_IDLE_NOT_KICKED -DALONE: who queues one looks at `slice_end` only
 * check: BREAK_ENDLESS_NOT_KICKED: who queues one looks at `idle` only
 * check: BREAK_CLEAR_LATE: `resched` is cleared after the look
 * check: BREAK_KICK_FIRST: the kick comes before `resched`
 * check: BREAK_OWN_QUIET -DSLEEPER -DWAKES=0: a request of this CPU's own does not show as attention
 * check: BREAK_CLEAR_RELAXED -DDRAIN -DWAKES=0: `resched` is cleared before an interrupt's effect is seen
 * large: good -DWAITS=2 -DWAKES=2: more happens
 * large: good -DSLEEPER -DDRAIN: all of it
 * large: BREAK_NOT_ARMED: who does not give way gets no slice
 * large: BREAK_TIMER_QUIET: the end of a slice is no request to reschedule
 * large: BREAK_KICK_DEAF -DDRAIN -DWAKES=0: a kick does not look at `resched`
 * large: BREAK_MASK_LATE -DDRAIN -DWAKES=0: the interrupt is masked after the request
 */
#ifndef WAITS
#define WAITS 1		/* of all guests */
#endif
#ifndef WAKES
#define WAKES 1		/* of each vCPU by another CPU */
#endif
#define NOBODY 2
#define BIT(v) (1 << (v))

mtype = { CLEAR, IDLE, BUSY, ENDLESS, ENDS, DONE };	/* stores that nobody sees yet */
chan buffer = [5] of { mtype };
mtype = { OUT, READY, BLOCKED, TURNS };			/* why a vCPU leaves */

/* struct cpu, as others see it */
bool resched, idle, ends;
byte queue;

bool kick, masked, in_hand;
byte telling;		/* who has queued one, and not decided yet whom to tell */
bool favoured[2];
bool blocked[2];	/* and may be woken */
bool in_wait[2];	/* left in vcpu_wait(), not in settle_fully() */

active proctype drain_buffer()
{
	mtype store;

end:	do
	:: d_step { buffer?store ->
		if
		:: store == CLEAR -> resched = false
		:: store == IDLE -> idle = true
		:: store == BUSY -> idle = false
		:: store == ENDLESS -> ends = false
		:: store == ENDS -> ends = true
		:: store == DONE -> in_hand = false
		fi;
		store = 0 }
	od
}

#define barrier() empty(buffer)
#define RESCHED (resched && !buffer??[CLEAR])	/* as the CPU itself sees it */

inline enqueue(v)
{
	assert(!(queue & BIT(v)));
	queue = queue | BIT(v)
}

/* --- Other CPUs. --- */

inline cpu_reschedule()
{
#ifdef BREAK_KICK_FIRST
	kick = true;
	resched = true
#else
	resched = true;
	kick = true
#endif
}

/* cold_wake(), ready() */
proctype waker(byte v)
{
	bool was_idle, had_end;
	byte n;

end:	do
	:: d_step { n < WAKES && blocked[v] -> blocked[v] = false; n++ }
		if
		:: favoured[v] = true
		:: favoured[v] = false
		fi;
#ifdef BREAK_NO_BARRIER_READY
		d_step { was_idle = idle; had_end = ends }
		d_step { telling++; enqueue(v) }
#else
		d_step { telling++; enqueue(v) }
		was_idle = idle;
		had_end = ends;
#endif
#ifdef BREAK_IDLE_NOT_KICKED
		was_idle = false;
#endif
#ifdef BREAK_ENDLESS_NOT_KICKED
		had_end = true;
#endif
		if
		:: was_idle || favoured[v] || !had_end -> cpu_reschedule()
		:: else
		fi;
		d_step { telling--; was_idle = false; had_end = false }
	:: n == WAKES -> break
	od
}

#ifdef DRAIN
/* vm_quiet(), drain() */
active proctype drainer()
{
#ifdef BREAK_MASK_LATE
	cpu_reschedule();
	masked = true;
#else
	masked = true;
	cpu_reschedule();
#endif
	!resched;
	assert(!in_hand)
}
#endif

/* --- The CPU. --- */

#define MAINTENANCE 1	/* vgic_cpu.resettle */
#define ENTER 4

#ifdef BREAK_AS_MAINTENANCE
#define ASKS MAINTENANCE
#else
#define ASKS ENTER
#endif

inline reschedule_here()
{
	barrier();
	resched = true;
#ifndef BREAK_OWN_QUIET
	resettle = resettle | (loaded -> ASKS : 0)
#endif
}

/* ready() on this CPU */
inline ready_here(v)
{
	d_step { enqueue(v) }
	if
	:: vcpu != NOBODY && (favoured[v] || !armed) -> reschedule_here()
	:: else
	fi
}

#ifdef BREAK_CLEAR_RELAXED
#define clear_resched() resched = false
#else
#define clear_resched() buffer!CLEAR
#endif

#ifdef BREAK_CLEAR_LATE
#define before_look() skip
#define after_look() clear_resched()
#else
inline before_look()
{
	clear_resched();
	barrier()
}
#define after_look() skip
#endif

inline no_slice()
{
	if
	:: armed -> buffer!ENDLESS; armed = false
	:: else
	fi
}

inline set_slice(others)
{
	found = others;
	if
	:: !found ->
		no_slice();
#ifndef BREAK_NO_BARRIER_SLICE
		barrier();
#endif
#ifndef BREAK_SLICE_BLINDLY
		found = queue != 0
#endif
	:: else
	fi;
	if
	:: found -> buffer!ENDS; armed = true; found = false
	:: else
	fi
}

/* next_vcpu(): sets `vcpu`, whose budget is new. */
inline pick()
{
	before_look();
	d_step { /* take_turns(): the one that leaves is queued at once */
		if
		:: why == READY && !favoured[leaving] && queue != 0 ->
			assert(queue == BIT(1 - leaving));
			vcpu = 1 - leaving;
			queue = BIT(leaving);
			why = TURNS
		:: else
		fi
	}
	d_step {
		if
		:: why == TURNS
		:: why != TURNS && queue & BIT(0) && (!(queue & BIT(1)) || favoured[0]) -> vcpu = 0; queue = queue & ~BIT(0)
		:: else ->
			if
			:: queue & BIT(1) -> vcpu = 1; queue = queue & ~BIT(1)
			:: else -> vcpu = NOBODY
			fi
		fi
	}
	if
	:: why == TURNS -> set_slice(true)
	:: vcpu == NOBODY -> no_slice()
	:: else -> set_slice(queue != 0 || why == READY)
	fi;
	after_look()
}

inline vcpu_left()
{
	if
	:: why == READY -> ready_here(leaving)
	:: why == BLOCKED -> blocked[leaving] = true
	:: why == BLOCKED -> favoured[leaving] = true; ready_here(leaving) /* there is something by now */
	:: else
	fi;
	d_step { why = OUT; leaving = NOBODY }
}

/* cold_leave(), up to the next stack. */
inline leave(reason)
{
	d_step { why = reason; leaving = vcpu; loaded = false; resettle = 0; in_wait[vcpu] = (reason == BLOCKED) }
	pick()
}

/* cold_timer() */
inline timer()
{
	assert(!waits_here || queue == 0 || kick || telling);
	buffer!ENDLESS;
	armed = false;
	if
	:: expired = true
	:: favoured[vcpu] -> favoured[vcpu] = false
	fi;
#ifndef BREAK_TIMER_QUIET
	reschedule_here()
#endif
}

/* physical_interrupts(), one of them. */
inline interrupt()
{
	if
	:: kick -> kick = false;
#ifndef BREAK_KICK_DEAF
		if
		:: RESCHED && loaded -> resettle = resettle | ASKS
		:: else
		fi
#endif
	:: armed -> timer()
#ifdef SLEEPER
	:: d_step { !slept && blocked[1] -> blocked[1] = false; slept = true; favoured[1] = false }
		ready_here(1)
	:: d_step { !slept && blocked[1] -> blocked[1] = false; slept = true; favoured[1] = true }
		ready_here(1)
#endif
#ifdef DRAIN
	:: d_step { !told && !masked && !in_hand -> told = true; in_hand = true }
		buffer!DONE
#endif
	fi
}

proctype cpu()
{
	byte vcpu = 0, leaving = NOBODY, resettle, waits;
	mtype why = OUT;
	bool loaded = true, armed, expired, found, slept, told;
	bool waits_here;

	blocked[1] = true;
	if /* another CPU may just have taken one out of this queue */
	:: armed = true; ends = true
	:: armed = true; ends = true; resched = true; kick = true
	:: true
	fi;
	goto guest;

home:
	vcpu_left();
	pick();
	if
	:: vcpu != NOBODY -> goto arrive
	:: else
	fi;
	buffer!IDLE;
#ifndef BREAK_NO_BARRIER_IDLE
	barrier();
#endif
#ifndef BREAK_IDLE_BLINDLY
	if
	:: RESCHED || queue != 0 -> buffer!BUSY; goto home
	:: else
	fi;
#endif
	waits_here = true;
end_idle:
	interrupt();
	waits_here = false;
	buffer!BUSY;
	goto home;

arrive:
	expired = false;
	vcpu_left();
	d_step { loaded = true; resettle = ENTER }
	if
	:: in_wait[vcpu] -> goto enter
	:: else
#ifdef BREAK_SETTLE_ONCE
		-> resettle = 0;
		goto guest
#endif
	fi;

settled: /* settle_fully(), left */
	resettle = ENTER;
	if
	:: !RESCHED ->
		resettle = 0; /* vgic_enter() */
		goto guest
	:: else
	fi;
	before_look();
	if
	:: expired = true /* it had no end, and ran for long */
	:: favoured[vcpu] -> favoured[vcpu] = false /* for not so long */
	:: true
	fi;
	if
	:: queue != 0 && (expired || (!favoured[vcpu] && favoured[1 - vcpu])) ->
		after_look();
		if
		:: expired -> favoured[vcpu] = false
		:: else
		fi;
		leave(READY);
		if
		:: vcpu == NOBODY -> goto home
		:: else -> goto arrive
		fi
	:: else
#ifndef BREAK_NOT_ARMED
		-> set_slice(queue != 0)
#endif
	fi;
	after_look();
	goto settled;

enter: /* lists_enter() */
	resettle = 0;
#ifndef BREAK_ENTRY_EATS
	if
	:: RESCHED -> resettle = resettle | ASKS
	:: else
	fi;
#endif

guest:
	if
	:: resettle == MAINTENANCE -> resettle = 0; goto guest /* vgic_refill() */
	:: resettle != 0 -> goto settled
	:: else
	fi;
end_guest:
	if
	:: interrupt(); goto guest
	:: d_step { waits < WAITS -> waits = WAITS } /* it spins from now on */
		goto guest
	:: d_step { waits < WAITS -> waits++ }
	fi;

wait: /* vcpu_wait(), nothing pending */
	resettle = ENTER;
	buffer!IDLE;
#ifndef BREAK_NO_BARRIER_IDLE
	barrier();
#endif
	if
#ifndef BREAK_IDLE_BLINDLY
	:: RESCHED || queue != 0 ->
		buffer!BUSY;
		leave(BLOCKED);
		if
		:: vcpu == NOBODY -> goto home
		:: else -> goto arrive
		fi
#endif
	:: else
	fi;
	waits_here = true;
end_wait:
	interrupt();
	waits_here = false;
	buffer!BUSY;
	if
	:: goto wait
	:: goto enter /* it was one for the vCPU */
	fi
}

active proctype judge()
{
end:	timeout -> assert(queue == 0)
}

init
{
	atomic {
		run cpu();
#ifndef ALONE
		run waker(0);
#endif
		run waker(1)
	}
}
