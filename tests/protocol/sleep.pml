/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Kick and mode (lib/vgic: irqs_post(), vcpu_resettle(), vgic_enter(), vgic_exit(), vgic_block(),
 * vgic_put(), vgic_pending()): one vCPU, its owner going through its life, and others that raise
 * interrupts for it and enable a group. A raiser pushes, full barrier, reads the mode; the owner
 * writes the mode, full barrier, looks at the inbox.
 *
 * Memory is weaker than sequential: the owner's stores to the mode and of its lock's release go
 * through a store buffer that empties in order, whenever it likes, at the latest at a full barrier;
 * a raiser without a full barrier may have read the mode before its push. Links are inbox.pml's
 * matter: the inbox is a set.
 *
 * Shown: when the owner rests, in the guest, asleep or off its CPU, and no kick is outstanding, it
 * has seen everything that was raised; off its CPU its inbox is empty, so that no interrupt of
 * another vCPU is stuck in it.
 *
 * check: good: two raisers, of whom only the one that found the inbox empty kicks
 * check: good -DGROUPER -DRAISERS=1: one raiser and a group enable
 * check: BREAK_NO_BARRIER_RAISER: no barrier between push and mode
 * check: BREAK_NO_BARRIER_RESETTLE -DGROUPER -DRAISERS=1: vcpu_resettle, too, needs one
 * check: BREAK_NO_BARRIER_ENTER: no barrier between RUNNING and the look
 * check: BREAK_NO_BARRIER_BLOCK: no barrier between BLOCKED and the look
 * check: BREAK_NO_BARRIER_PUT: no barrier between PUT and the last drain
 * check: BREAK_BLOCK_BLINDLY: block does not look again
 * check: BREAK_BLOCK_NO_RESETTLE -DGROUPER -DRAISERS=1: block looks at the inbox only
 * check: BREAK_PUT_NO_DRAIN: put does not drain
 * check: BREAK_PUT_NOT_SERVED: a raiser that finds it PUT does not serve its inbox
 * check: BREAK_BLOCKED_NOT_KICKED: a raiser kicks only who runs
 * check: BREAK_ATTENTION_ONCE: the embedder does not ask vgic_attention() again after enter
 * large: good -DRAISERS=3: three raisers
 * large: good -DGROUPER: two raisers and a group enable
 * large: good -DRAISES=2 -DBOUNCES=2: each raises twice, two forwards come back
 */
#ifndef RAISERS
#define RAISERS 2
#endif
#ifndef RAISES
#define RAISES 1
#endif
#ifndef BOUNCES
#define BOUNCES 1
#endif
#ifdef GROUPER
#define OTHERS (RAISERS + 1)
#else
#define OTHERS RAISERS
#endif

mtype = { PUT, OUTSIDE, RUNNING, BLOCKED };		/* enum mode */
mtype = { BUSY, IN_GUEST, ASLEEP, IDLE, PREEMPTED };	/* where the owner rests */

mtype mode = PUT;
mtype = { UNLOCK };
chan buffer = [4] of { mtype };	/* the owner's stores that nobody sees yet */
byte inbox;			/* a set of interrupts: bit n is raiser n's */
byte queued;			/* their W_QUEUED */
byte held;			/* drained, waiting to be put into list registers */
bool resettle, open, latent = true; /* `latent` is pending in the group that gets enabled */
bool lock, kick;
mtype rest = BUSY;
byte bounces, done;

/* The store buffer of the owner's CPU. */
active proctype drain_buffer()
{
end:	do
	:: d_step { buffer?[UNLOCK] -> buffer?UNLOCK; lock = false }
	:: d_step { nempty(buffer) && !buffer?[UNLOCK] -> buffer?mode }
	od
}

#define set_mode(m) buffer!m
#define barrier() empty(buffer)
#define drop() buffer!UNLOCK

inline take()
{
	d_step { !lock -> lock = true }
}

/*
 * vcpu_drain(): what is taken is held, but now and then an interrupt turns out to be another
 * vCPU's; and until it is posted, it may have been routed back here.
 */
inline drain()
{
	d_step { taken = inbox; inbox = 0; queued = queued & ~taken; held = held | taken }
	if
	:: (taken & 1) && bounces < BOUNCES ->
		d_step { bounces++; held = held & ~1; queued = queued | 1; forwards = 1 }
	:: true
	fi;
	taken = 0
}

/* push() of a set: remembers whether the inbox was empty, and who pushed is who has to kick. */
inline push(set)
{
	d_step { first = (inbox == 0); inbox = inbox | set }
}

/* irqs_post() by somebody else, or by nobody in particular (self is NULL) */
inline post_other(set)
{
	do
	:: set != 0 ->
#ifdef BREAK_NO_BARRIER_RAISER
		seen = mode;
		push(set);
		if
		:: seen = mode
		:: true
		fi;
#else
		push(set);
		seen = mode;
#endif
		set = 0;
		if
		:: first && seen == PUT ->
#ifndef BREAK_PUT_NOT_SERVED
			take(); /* serve_unloaded() */
			if
			:: mode == PUT -> drain(); d_step { set = forwards; forwards = 0 }
			:: else
			fi;
			lock = false;
#endif
			kick = true
#ifndef BREAK_BLOCKED_NOT_KICKED
		:: first && seen == BLOCKED -> kick = true
#endif
		:: first && seen == RUNNING -> kick = true
		:: else
		fi
	:: else -> break
	od;
	seen = 0;
	first = false
}

/* irqs_post() by the vCPU's own CPU (vcpu == self): no kick */
inline post_self()
{
	d_step { inbox = inbox | forwards; forwards = 0 }
}

proctype raiser(byte one)
{
	byte n, list, forwards, taken;
	mtype seen;
	bool first;

	do
	:: n < RAISES ->
		d_step { /* irq_change() */
			n++;
			list = one & ~queued;
			queued = queued | one
		}
		post_other(list)
	:: else -> break
	od;
	done++
}

/* write_gicd_control(): vcpu_resettle() */
proctype grouper()
{
	mtype seen;

	open = true;
#ifdef BREAK_NO_BARRIER_RESETTLE
	seen = mode;
	resettle = true;
	if
	:: seen = mode
	:: true
	fi;
#else
	resettle = true;
	seen = mode;
#endif
	if
	:: seen != OUTSIDE -> kick = true
	:: else
	fi;
	seen = 0;
	done++
}

inline vgic_load()
{
	take();
	set_mode(OUTSIDE);
	drop()
}

/* Enter and exit take no lock: while it is loaded only its own CPU settles (vgic_load()). */
inline vgic_enter()
{
	set_mode(RUNNING);
#ifndef BREAK_NO_BARRIER_ENTER
	barrier();
#endif
	resettle = false;
	if
	:: inbox != 0 -> drain()
	:: else
	fi;
	d_step { held = 0; latent = latent && !open } /* fill_all() */
	post_self()
}

inline vgic_exit()
{
	set_mode(OUTSIDE);
	if
	:: inbox != 0 -> drain()
	:: else
	fi;
	resettle = false;
	post_self()
}

/* Sets `sleeps`. */
inline vgic_block()
{
	set_mode(BLOCKED);
#ifndef BREAK_NO_BARRIER_BLOCK
	barrier();
#endif
	sleeps = true;
#ifndef BREAK_BLOCK_BLINDLY
	sleeps = sleeps && inbox == 0;
#ifndef BREAK_BLOCK_NO_RESETTLE
	sleeps = sleeps && !resettle;
#endif
#endif
	if
	:: !sleeps -> set_mode(OUTSIDE)
	:: else
	fi
}

inline vgic_put()
{
	take();
	set_mode(PUT);
#ifndef BREAK_NO_BARRIER_PUT
	barrier();
#endif
#ifndef BREAK_PUT_NO_DRAIN
	drain();
#endif
	d_step { list = forwards; forwards = 0 }
	drop();
	post_other(list)
}

/* Sets `pending`. */
inline vgic_pending()
{
	take();
	drain();
	pending = held != 0 || (latent && open);
	d_step { list = forwards; forwards = 0 }
	drop();
	post_other(list)
}

/* A trap or a kick: back to the guest, through exit and enter if there is a reason to. */
inline return_to_guest()
{
#ifdef BREAK_ATTENTION_ONCE
	if
	:: inbox != 0 || resettle -> vgic_exit(); vgic_enter()
	:: else
	fi
#else
	do
	:: inbox != 0 || resettle -> vgic_exit(); vgic_enter()
	:: else -> break
	od
#endif
}

active proctype owner()
{
	byte list, forwards, taken;
	mtype seen;
	bool first, sleeps, pending;

off:	/* not on a CPU: the host looks whether it is worth loading, or has no time for it */
	if
	:: vgic_pending();
		if
		:: !pending -> rest = IDLE;
end_idle:		d_step { kick -> kick = false; rest = BUSY }
		:: else
		fi
	:: rest = PREEMPTED; rest = BUSY
	fi;
	pending = false;
	vgic_load();
	vgic_enter();
guest:	return_to_guest();
	rest = IN_GUEST;
end_guest: if
	:: d_step { kick -> kick = false; rest = BUSY }
		goto guest
	:: rest = BUSY -> /* preempted */
		vgic_exit();
		vgic_put();
		goto off
	:: rest = BUSY -> /* WFI */
		vgic_exit();
wfi:		vgic_pending();
		if
		:: pending
		:: else ->
			vgic_block();
			if
			:: sleeps ->
				rest = ASLEEP;
end_asleep:			d_step { kick -> kick = false; rest = BUSY }
			:: else
			fi;
			vgic_exit();
			sleeps = false;
			goto wfi
		fi;
		pending = false;
		vgic_enter();
		goto guest
	fi
}

#define SEEN (inbox == 0 && held == 0 && !(latent && open))

active proctype observer()
{
end:	do
	:: d_step {
		done == OTHERS && rest != BUSY ->
		assert(kick || rest != IN_GUEST || (SEEN && !resettle));
		assert(kick || rest != ASLEEP || SEEN);
		assert(kick || rest != IDLE || SEEN);
		assert(inbox == 0 || (rest != IDLE && rest != PREEMPTED))
	}
	od
}

init
{
	byte n;

	atomic {
#ifdef GROUPER
		run grouper();
#endif
		for (n : 0 .. RAISERS - 1) {
			run raiser(1 << n)
		}
	}
}
