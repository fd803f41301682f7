/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Where a vCPU is (monitor/arm64: schedule.c but for its queues, which are slice.pml's; timers.c; kick() in
 * port.c; vm_stop(), vm_resume() in life.c; psci_cpu_on()): a VM with two vCPUs, two CPUs that run whichever
 * is queued, a source of interrupts, and -DSTOPPER: who stops the VM and resumes it. -DPOWER: the second vCPU
 * is off at first, and both go off and are switched on; else it is blocked at first.
 * A vCPU leaves in two steps: it picks the next one on its own stack, goes over to that one's, or to
 * the CPU's, and says there where it is now; or it queues itself in one step with that, and the lock of the
 * queue is held until its stack is left. BLOCKING, full barrier, look, then BLOCKED, unless somebody said
 * WOKEN; the source raises, full barrier, reads the state. Whoever changes BLOCKED to READY queues it,
 * and nobody else. Its sleeper's entry is made before it is BLOCKING and taken out by who claimed it, or by
 * the CPU whose timer it is.
 *
 * Memory is weaker than sequential at the two barriers: without one, what the other side wrote may have
 * been read before. How an interrupt gets to a vCPU that runs is sleep.pml's matter.
 * (vm_stop()'s second look and vcpu_launch()'s look at `stop` have no variants of their own: either would do
 * without the other one.)
 *
 * Shown: a stack is one CPU's at a time; a vCPU is queued once at most, and not while its VM is stopped;
 * timers are read from memory while no CPU has them; when vm_stop() is done, none is on a CPU, queued or on
 * its way; when all is quiet, nobody is blocked who has an interrupt, queued, or stopped after a resume.
 *
 * check: good: waits, wakes, sleepers
 * check: good -DSTOPPER -DACTS=1: stop and resume while an interrupt is raised
 * check: good -DSTOPPER -DPOWER -DRAISES=0: stop and resume, on and off
 * check: BREAK_NO_BARRIER_BLOCK: no barrier between BLOCKED and the look
 * check: BREAK_NO_BARRIER_RAISER: no barrier between what is raised and the state
 * check: BREAK_WOKEN_IGNORED: BLOCKING becomes BLOCKED whoever has come
 * check: BREAK_BLOCKED_EARLY -DSTOPPER: it is BLOCKED before its interrupts have been looked at
 * check: BREAK_CLAIM_IN_TWO: BLOCKED is looked at and changed in two steps
 * check: BREAK_SLEEPER_LATE: its entry is made when others may wake it already
 * check: BREAK_TELL_FIRST: its timers are told before it is claimed
 * check: BREAK_LEFT_EARLY: it is queued while its stack is in use
 * check: BREAK_HELD_EARLY: the same, and the queue's lock is not held until that is over
 * check: BREAK_OFF_EARLY -DPOWER -DRAISES=0 -DACTS=3: it says OFF while its stack is in use
 * check: BREAK_STOP_NO_CLAIM -DSTOPPER: it is made STOPPED, whoever may have claimed it
 * check: BREAK_STOP_NO_LOOK -DSTOPPER -DRAISES=0: one that is READY is made STOPPED, be it queued or not
 * check: BREAK_STOP_NO_POWER -DSTOPPER -DPOWER -DRAISES=0: one that is being switched on counts as off
 * check: BREAK_STOP_ONCE -DSTOPPER -DPOWER -DRAISES=0: neither a second look nor one by who starts it
 * check: BREAK_BLOCK_STOPS -DSTOPPER -DRAISES=0: block itself stops one when it finds a stop going on
 * large: good -DACTS=3: more happens
 * large: good -DRAISES=2: two interrupts
 * large: good -DSTOPPER -DSTOPS=2 -DACTS=1: two stops
 * large: good -DSTOPPER: all of it, no sleepers
 * large: good -DSTOPPER -DPOWER: on and off, and an interrupt
 * large: BREAK_BLOCK_BLINDLY: block does not look again
 * large: BREAK_BLOCKING_DEAF: who raises one takes BLOCKING for RUNNING
 * large: BREAK_SLEEPER_STAYS: who wakes it leaves its entry
 * large: BREAK_TELL_LATE: its timers are told after it was queued
 * large: BREAK_STOP_BLOCKED -DSTOPPER: one that is blocked counts as stopped
 * large: BREAK_RESUME_LATE -DSTOPPER -DRAISES=0: resume queues them before it takes `stop` back
 */
#ifndef ACTS
#define ACTS 2		/* of all guests */
#endif
#ifndef RAISES
#define RAISES 1
#endif
#ifndef STOPS
#define STOPS 1
#endif
#ifdef STOPPER
#define SLEEPERS false	/* the raiser is enough */
#else
#define SLEEPERS true
#endif
#define NOBODY 2
#define NOWHERE 0	/* CPUs are 1 and 2 */

mtype = { OFF, READY, RUNNING, BLOCKING, WOKEN, BLOCKED, STOPPED };
mtype = { POWER_OFF, POWER_CLAIMED, POWER_ON };

/* struct vcpu, struct vm */
mtype state[2], power[2] = POWER_ON;
bool queued[2], pending[2];
bool locked;		/* the queue, by one that leaves it only on the next stack */
byte listed[2];		/* whose sleeper it is */
bool stop;

byte stack[2];		/* which CPU is on it */
bool timers[2];		/* they are in a CPU's registers */
bool stopped;		/* vm_stop() is done, vm_resume() has not begun */
byte acts;

inline ready(v)
{
	d_step { !locked -> assert(!queued[v] && !stopped); queued[v] = true }
}

/* vcpu_claim(): sets `claimed`. */
inline claim(v)
{
#ifdef BREAK_CLAIM_IN_TWO
	claimed = (state[v] == BLOCKED);
	if
	:: claimed -> state[v] = READY
	:: else
	fi;
#else
	d_step {
		claimed = (state[v] == BLOCKED);
		if
		:: claimed -> state[v] = READY
		:: else
		fi
	}
#endif
	if
#ifndef BREAK_SLEEPER_STAYS
	:: claimed -> listed[v] = NOWHERE
#endif
	:: else
	fi
}

inline wake(v)
{
#ifndef BREAK_BLOCKING_DEAF
	d_step {
		if
		:: state[v] == BLOCKING -> state[v] = WOKEN
		:: else
		fi
	}
#endif
	claim(v);
	if
	:: claimed -> claimed = false; ready(v)
	:: else
	fi
}

inline stop_vcpu(v)
{
#ifdef BREAK_STOP_NO_CLAIM
	state[v] = STOPPED
#else
	claim(v);
	if
	:: claimed -> claimed = false; state[v] = STOPPED
	:: else
	fi
#endif
}

/* A device, on some other CPU: the library's push, then kick(). */
proctype raiser()
{
	byte n, v;
	mtype seen;
	bool claimed;

end:	do
	:: n < RAISES ->
		n++;
		if
		:: v = 0
		:: v = 1
		fi;
#ifdef BREAK_NO_BARRIER_RAISER
		seen = state[v];
		pending[v] = true;
		if
		:: seen = state[v]
		:: true
		fi;
#else
		pending[v] = true;
		seen = state[v];
#endif
		if
		:: seen == BLOCKED || seen == BLOCKING -> wake(v)
		:: else
		fi;
		seen = 0
	:: else -> break
	od
}

/* tell_timers(), of one whose timers are in memory */
inline tell(v)
{
	d_step { assert(!timers[v]); pending[v] = true }
}

/* pop_due(), expire() */
inline timer_interrupt()
{
	d_step {
		if
		:: listed[0] == self -> listed[0] = NOWHERE; due = 0
		:: else -> listed[1] = NOWHERE; due = 1
		fi
	}
#ifdef BREAK_TELL_FIRST
	tell(due);
#endif
	claim(due);
	if
	:: claimed ->
		claimed = false;
#ifdef BREAK_TELL_LATE
		ready(due);
		tell(due)
#else
#ifndef BREAK_TELL_FIRST
		tell(due);
#endif
		ready(due)
#endif
	:: else
	fi;
	due = NOBODY
}
#define TIMER_DUE (listed[0] == self || listed[1] == self)

inline sleeper_add(v)
{
	if
	:: d_step { SLEEPERS -> assert(listed[v] == NOWHERE); listed[v] = self }
	:: true /* its timers are off */
	fi
}

#ifdef BREAK_BLOCKED_EARLY
#define FIRST BLOCKED
#else
#define FIRST BLOCKING
#endif

inline block(v)
{
#ifndef BREAK_SLEEPER_LATE
	sleeper_add(v);
#endif
#ifdef BREAK_NO_BARRIER_BLOCK
	early = pending[v];
	state[v] = FIRST;
	if
	:: early = pending[v]
	:: true
	fi;
#else
	state[v] = FIRST;
	early = pending[v];
#endif
#ifdef BREAK_BLOCK_BLINDLY
	early = false;
#endif
	assert(!stopped); /* vgic_pending() is over */
#ifdef BREAK_SLEEPER_LATE
	d_step {
		claimed = (state[v] == BLOCKING && !early);
		state[v] = (claimed -> BLOCKED : state[v])
	}
	sleeper_add(v);
#elif defined(BREAK_BLOCKED_EARLY)
	claimed = true;
	if
	:: early -> wake(v)
	:: else
	fi;
	early = false;
#elif defined(BREAK_WOKEN_IGNORED)
	d_step { claimed = true; state[v] = (early -> state[v] : BLOCKED) }
#else
	d_step {
		claimed = (state[v] == BLOCKING && !early);
		state[v] = (claimed -> BLOCKED : state[v])
	}
#endif
	if
	:: early || !claimed ->
		early = false;
		listed[v] = NOWHERE;
		state[v] = READY;
		ready(v)
#ifdef BREAK_BLOCK_STOPS
	:: !early && claimed && stop -> stop_vcpu(v)
#endif
	:: else
	fi;
	claimed = false
}

inline vcpu_left()
{
	if
	:: leaving == NOBODY
	:: leaving != NOBODY && why == BLOCKED -> block(leaving)
	:: leaving != NOBODY && why == READY && !held -> state[leaving] = READY; ready(leaving)
	:: leaving != NOBODY && why == READY && held ->
		state[leaving] = READY;
#ifndef BREAK_HELD_EARLY
		locked = false;
#endif
		held = false
	:: leaving != NOBODY && why == OFF -> state[leaving] = OFF; power[leaving] = POWER_OFF
	:: leaving != NOBODY && why == STOPPED -> state[leaving] = STOPPED
	fi;
	d_step { leaving = NOBODY; why = 0 }
}

#define ANYBODY (queued[0] || queued[1])

inline take()
{
	if
	:: d_step { queued[0] && !locked -> queued[0] = false; vcpu = 0 }
	:: d_step { queued[1] && !locked -> queued[1] = false; vcpu = 1 }
	:: d_step { !ANYBODY -> vcpu = NOBODY }
	fi;
	if
	:: vcpu != NOBODY -> state[vcpu] = RUNNING
	:: else
	fi
}

inline context_switch()
{
	d_step {
		if
		:: leaving != NOBODY -> stack[leaving] = NOWHERE
		:: else
		fi;
		if
		:: vcpu != NOBODY -> assert(stack[vcpu] == NOWHERE && !stopped); stack[vcpu] = self
		:: else
		fi
	}
}

/* cold_leave(), up to the next stack */
inline leave(reason)
{
	d_step { leaving = vcpu; why = reason; timers[vcpu] = false }
#ifdef BREAK_LEFT_EARLY
	if
	:: why == READY -> state[leaving] = READY; ready(leaving); why = 0
	:: else
	fi;
#endif
#ifdef BREAK_OFF_EARLY
	if
	:: why == OFF -> state[leaving] = OFF; power[leaving] = POWER_OFF; why = 0
	:: else
	fi;
#endif
	if
	:: d_step { /* take_turns(), if its CPU is the best place for it */
		why == READY && queued[1 - leaving] && !locked ->
		assert(!queued[leaving] && !stopped);
		locked = true;
		held = true;
		queued[leaving] = true;
		vcpu = 1 - leaving;
		queued[vcpu] = false }
#ifdef BREAK_HELD_EARLY
		locked = false;
#endif
		state[vcpu] = RUNNING
	:: true -> take()
	fi;
	context_switch();
	if
	:: why == 0 -> leaving = NOBODY
	:: else
	fi
}

#ifdef BREAK_STOP_ONCE
#define LAUNCH_STOPPED false
#define LOOKS 1
#else
#define LAUNCH_STOPPED stop
#define LOOKS 2
#endif

/* psci_cpu_on(), vcpu_launch() */
inline cpu_on(v)
{
	d_step { claimed = (power[v] == POWER_OFF); power[v] = (claimed -> POWER_CLAIMED : power[v]) }
	if
	:: claimed ->
		claimed = false;
		d_step { assert(stack[v] == NOWHERE && !stopped); pending[v] = false }
		state[v] = READY;
		if
		:: LAUNCH_STOPPED -> assert(state[v] == READY); state[v] = STOPPED
		:: else -> ready(v)
		fi
	:: else
	fi
}

proctype cpu(byte self; byte vcpu)
{
	byte leaving = NOBODY, due = NOBODY;
	mtype why;
	bool claimed, early, held;

	if
	:: vcpu != NOBODY -> goto guest
	:: else
	fi;
home:
	vcpu_left();
end_home:
	if
	:: ANYBODY -> take();
		context_switch();
		if
		:: vcpu != NOBODY -> goto arrive
		:: else -> goto home
		fi
	:: TIMER_DUE -> timer_interrupt(); goto home
	fi;

left:
	if
	:: vcpu == NOBODY -> goto home
	:: else
	fi;
arrive:
	vcpu_left();
	timers[vcpu] = true;
	if
	:: power[vcpu] == POWER_CLAIMED -> power[vcpu] = POWER_ON
	:: else
	fi;
guest:
end_guest:
	if
	:: stop -> leave(STOPPED); goto left
	:: pending[vcpu] -> pending[vcpu] = false; goto guest
	:: TIMER_DUE -> timer_interrupt(); goto guest
	:: d_step { acts < ACTS -> acts = ACTS } /* they spin from now on */
		goto guest
	:: d_step { acts < ACTS -> acts++ }
		if
		:: leave(READY); goto left
		:: leave(BLOCKED); goto left
#ifdef POWER
		:: leave(OFF); goto left
		:: cpu_on(1 - vcpu); goto guest
#endif
		fi
	fi
}

/* Sets `all` to false if it is not. */
inline is_stopped(v)
{
	seen = state[v];
	if
	:: seen == STOPPED
	:: seen == OFF ->
#ifndef BREAK_STOP_NO_POWER
		all = all && power[v] == POWER_OFF
#endif
	:: seen == BLOCKED ->
#ifndef BREAK_STOP_BLOCKED
		stop_vcpu(v);
		all = false
#endif
	:: seen == READY ->
		d_step { !locked -> taken = queued[v]; queued[v] = false }
#ifdef BREAK_STOP_NO_LOOK
		taken = true;
#endif
		if
		:: taken -> state[v] = STOPPED
		:: else
		fi;
		taken = false;
		all = false
	:: seen == RUNNING || seen == BLOCKING || seen == WOKEN -> all = false
	fi;
	seen = 0
}

#ifdef STOPPER
#define IS_STOPPED(v)                                                                              \
	(!queued[v] && stack[v] == NOWHERE &&                                                      \
	 (state[v] == STOPPED || (state[v] == OFF && power[v] == POWER_OFF)))

inline resume(v)
{
	if
	:: state[v] == STOPPED -> state[v] = READY; ready(v)
	:: else
	fi
}

proctype stopper()
{
	mtype seen;
	bool all, claimed, taken;
	byte clean, n;

	do
	:: n == STOPS -> break
	:: else ->
		n++;
		stop = true;
		do
		:: clean == LOOKS -> break
		:: else ->
			all = true;
			is_stopped(1); /* who is off before who may start it */
			is_stopped(0);
			clean = (all -> clean + 1 : 0)
		od;
		skip;
		d_step { clean = 0; all = false; stopped = true; assert(IS_STOPPED(0) && IS_STOPPED(1)) }
		d_step { assert(IS_STOPPED(0) && IS_STOPPED(1)); stopped = false }
#ifndef BREAK_RESUME_LATE
		stop = false;
#endif
		resume(0);
		resume(1);
		stop = false
	od
}
#endif

#define AT_REST(v) (!queued[v] && !(state[v] == BLOCKED && pending[v]) && (state[v] != STOPPED || stop))

active proctype judge()
{
end:	timeout -> assert(AT_REST(0) && AT_REST(1) && !stop)
}

init
{
	atomic {
		d_step { state[0] = RUNNING; stack[0] = 1; timers[0] = true }
#ifdef POWER
		d_step { state[1] = OFF; power[1] = POWER_OFF }
#else
		state[1] = BLOCKED;
		listed[1] = (SLEEPERS -> 2 : NOWHERE);
#endif
#ifdef STOPPER
		run stopper();
#endif
		run raiser();
		run cpu(1, 0);
		run cpu(2, NOBODY)
	}
}
