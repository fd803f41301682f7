/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Block, doorbell and put (lib/vits/gicv4_vpe.c: make_resident(), bell_on(), bell_ready(), make_absent(),
 * put_done(), gicv4_pending(), gicv4_doorbell(), vpe_wake()): one vPE of a GICv4.0, its owner, who loads
 * it, runs the guest, is preempted or blocks; a device; the doorbell's handler on another CPU, which may be
 * slow; something else that wakes the vCPU; and with -DENABLES a guest on another vCPU that enables what
 * is pending already, which does not ring. Changes of hardware's state are single steps.
 *
 * The sleeper is the least forgiving: woken, it looks at gicv4_pending() and at its other reasons, and
 * sleeps on if there is nothing. No lock: `pending` is only added to, but by the owner before Valid = 1.
 *
 * Shown: when everybody rests, a vCPU that sleeps has no vLPI that is pending and enabled.
 *
 * check: good: two events, one other wake-up
 * check: good -DENABLES -DEVENTS=1: one event while the vLPI is disabled, which is enabled meanwhile
 * check: good -DHANDLERS=2 -DEVENTS=2 -DOTHERS=0: the doorbell's handler on two CPUs at once
 * check: BREAK_STORE: put writes what hardware said over what a doorbell said
 * check: BREAK_NO_LAST: put does not look at PendingLast
 * check: BREAK_FLAG_FIRST: the handler switches the doorbell off behind the flag
 * check: BREAK_NOT_WAITED: put does not wait for the doorbell's CLEAR to be executed
 * check: BREAK_NO_BELL: put does not switch the doorbell on
 * check: BREAK_LOOK_FIRST: the sleeper looks before it says that it sleeps
 * check: BREAK_NO_FLAG: the handler wakes and leaves no reason
 * check: BREAK_LOOK_EARLY -DENABLES -DEVENTS=1: who enables looks for the vCPU before hardware has done it
 * check: BREAK_STATE_LATE -DENABLES -DEVENTS=1: put says that the vPE is not resident behind Valid = 0
 * large: good -DENABLES -DEVENTS=3 -DOTHERS=2: more of it
 * large: good -DHANDLERS=2 -DEVENTS=3 -DOTHERS=1 -DENABLES: all of it
 */
#ifndef EVENTS
#define EVENTS 2
#endif
#ifndef OTHERS
#define OTHERS 1
#endif
#ifndef HANDLERS
#define HANDLERS 1
#endif
#ifndef ENABLES
#define DISABLED false
#else
#define DISABLED true
#endif

/* Hardware: the vPE, and the doorbell LPI with its property. */
bool resident, vpending, is_enabled = !DISABLED;
bool bell_on, bell_pending;

/* The library's: `said` is whether vpe->state says that the vPE is resident. */
bool pending, said, rings;

/* The embedder's: it sleeps, and has been woken; another reason to run. */
bool asleep, woken, other;
bool clear_late;	/* a CLEAR in the queue */

inline wake()
{
	d_step {
		if
		:: asleep -> woken = true
		:: else
		fi
	}
}

inline load()
{
	if
	:: rings -> rings = false; bell_on = false
	:: else
	fi;
	other = false;
	pending = false;
	said = true;
	resident = true
}

inline leave()
{
#ifndef BREAK_STATE_LATE
	said = false;
#endif
	d_step { last = vpending && is_enabled; resident = false };
#ifdef BREAK_STATE_LATE
	said = false;
#endif
}

inline put_blocking()
{
#ifndef BREAK_NO_BELL
	rings = true;
#ifdef BREAK_NOT_WAITED
	clear_late = true;
#else
	bell_pending = false;
#endif
	bell_on = true;
#endif
	leave();
#ifdef BREAK_STORE
	pending = last;
#else
#ifndef BREAK_NO_LAST
	if
	:: last -> pending = true
	:: else
	fi;
#endif
#endif
	last = false
}

inline sleep()
{
#ifdef BREAK_LOOK_FIRST
	if
	:: pending || other -> goto awake
	:: else
	fi;
	woken = false;
	asleep = true;
#else
	woken = false;
	asleep = true;
	if
	:: pending || other -> asleep = false; goto awake
	:: else
	fi;
#endif
end:	do
	:: woken ->
		woken = false;
		if
		:: pending || other -> asleep = false; break
		:: else
		fi
	od;
awake:	skip
}

active proctype owner()
{
	bool last;

	do
	::	load();
		do
		:: d_step { vpending && is_enabled -> vpending = false } /* the guest takes it */
		:: !(vpending && is_enabled) -> put_blocking(); sleep(); break
		:: vpending || other -> leave(); pending = true; last = false; break /* preempted */
		od
	od
}

active proctype device()
{
	byte n;

	do
	:: n < EVENTS ->
		d_step {
			n++;
			if
			:: !resident && !vpending -> bell_pending = true
			:: else
			fi;
			vpending = true
		}
	:: else -> break
	od
}

active proctype its()
{
end:	do
	:: d_step { clear_late -> clear_late = false; bell_pending = false }
	od
}

active [HANDLERS] proctype handler()
{
end:	do
	:: d_step { bell_pending && bell_on -> bell_pending = false };
#ifdef BREAK_FLAG_FIRST
		pending = true;
		bell_on = false;
#else
		bell_on = false;
#ifndef BREAK_NO_FLAG
		pending = true;
#endif
#endif
		wake()
	od
}

active proctype others()
{
	byte n;

	do
	:: n < OTHERS -> n++; other = true; wake()
	:: else -> break
	od
}

#ifdef ENABLES
active proctype enabler()
{
	bool was;

#ifdef BREAK_LOOK_EARLY
	was = said;
	is_enabled = true;
#else
	is_enabled = true;	/* INV, and the VSYNC behind it, are executed */
	was = said;
#endif
	if
	:: !was -> pending = true; wake()
	:: else
	fi
}
#endif

active proctype observer()
{
	timeout;
	assert(!(asleep && vpending && is_enabled))
}
