/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Kick and mode (lib/vgic: irqs_post(), vcpu_resettle(), vgic_enter(), vgic_exit(), vgic_block(),
 * vgic_put(), vgic_pending(), serve_unloaded(), vcpu_unlock()): one vCPU, its owner going through its
 * life, and others that raise interrupts for it and enable a group. A raiser pushes, full barrier,
 * reads the mode; the owner writes the mode, full barrier, looks at the inbox. Raisers serve the
 * inbox of a vCPU that is not loaded if they get its lock; whoever has it looks once more after it
 * dropped it. -DON_TOP: the first raiser comes in interrupt context, on top of the owner or of the
 * second one, who do not go on before it is done. -DSELF: the owner raises one for its own vCPU
 * (the `own` list). -DSOFT: a software CPU interface, which says BLOCKED where others say RUNNING.
 *
 * Memory is weaker than sequential: the owner's stores to the mode and of its lock's release go
 * through a store buffer that empties in order, whenever it likes, at the latest at a full barrier;
 * a raiser without a full barrier may have read the mode or the lock before its push, or the inbox
 * before it dropped the lock. Links are inbox.pml's matter: the inbox is a set. (That vgic_put() takes
 * no lock: what it does before PUT is behind a release, and who gets the lock acquires the mode.)
 *
 * Shown: when the owner rests, in the guest, asleep or off its CPU, and no kick is outstanding, it
 * has seen everything that was raised; off its CPU its inbox is empty, so that no interrupt of
 * another vCPU is stuck in it.
 *
 * check: good -DBOUNCES=0: two raisers, of whom only the one that found the inbox empty kicks
 * check: good -DRAISERS=1: one raiser, whose interrupt is another vCPU's and comes back
 * check: good -DGROUPER -DRAISERS=1 -DBOUNCES=0: one raiser and a group enable
 * check: BREAK_NO_BARRIER_RAISER: no barrier between push and mode
 * check: BREAK_NO_BARRIER_RESETTLE -DGROUPER -DRAISERS=1: vcpu_resettle, too, needs one
 * check: BREAK_NO_BARRIER_ENTER: no barrier between RUNNING and the look
 * check: BREAK_NO_BARRIER_BLOCK: no barrier between BLOCKED and the look
 * check: BREAK_BLOCK_BLINDLY: block does not look again
 * check: BREAK_BLOCK_NO_RESETTLE -DGROUPER -DRAISERS=1: block looks at the inbox only
 * check: BREAK_PUT_NO_OWN -DSELF -DRAISERS=1: put does not drain `own`
 * check: BREAK_NO_BARRIER_PUT: no barrier between PUT and the look
 * check: BREAK_PUT_NO_LOOK: put does not look at the inbox
 * check: BREAK_PUT_NOT_SERVED: a raiser that finds it PUT does not serve its inbox
 * check: BREAK_BLOCKED_NOT_KICKED: a raiser kicks only who runs
 * check: good -DON_TOP -DRAISERS=1: one raiser, which interrupts the owner
 * check: good -DSELF -DRAISERS=1: one raiser, and one interrupt that the vCPU raises for itself
 * check: BREAK_TAKES_LOCK -DON_TOP -DRAISERS=1: a raiser waits for the lock
 * check: BREAK_NO_SECOND_LOOK: who had the lock does not look once more
 * check: BREAK_NO_BARRIER_UNLOCK -DRAISERS=1: no barrier between the owner's drop of the lock and its look
 * check: BREAK_NO_BARRIER_SERVE: no barrier between a raiser's drop of the lock and its look
 * check: BREAK_NO_BARRIER_TRY: no barrier between push and lock_try
 * check: BREAK_RESETTLE_NO_LOOK -DGROUPER -DRAISERS=1: vcpu_resettle drops the lock without a look
 * check: BREAK_BLOCK_NO_OWN -DSELF -DRAISERS=1: block does not look at `own`
 * check: BREAK_ATTENTION_NO_OWN -DSELF -DRAISERS=1: the embedder's attention does not show `own`
 * check: BREAK_DRAIN_NO_OWN -DSELF -DRAISERS=1: a drain leaves `own` alone
 * check: BREAK_NO_BARRIER_ENTER -DSOFT: soft_enter, too, needs one
 * check: BREAK_ATTENTION_ONCE: the embedder does not ask vgic_attention() again after enter
 * large: good: two raisers, and one comes back
 * large: good -DON_TOP: one raiser interrupts the owner or the other raiser
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
byte own;			/* the owner's set of those it raised itself */
byte held;			/* drained, waiting to be put into list registers */
bool resettle, open, latent = true; /* `latent` is pending in the group that gets enabled */
bool lock, kick;
mtype rest = BUSY;
byte bounces, done;
#define SELF_BIT (1 << RAISERS)

#ifdef SOFT
#define ENTERED BLOCKED
#else
#define ENTERED RUNNING
#endif

/* Whom the raiser in interrupt context is on top of: it has that one's CPU. */
byte below, owners_pid, seconds_pid;
#ifdef ON_TOP
#define ON_CPU provided (below == 0 || below != _pid)
#else
#define ON_CPU
#endif

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
#ifdef BREAK_DRAIN_NO_OWN
	d_step { taken = inbox; inbox = 0; queued = queued & ~taken; held = held | taken }
#else
	d_step { taken = inbox | own; inbox = 0; own = 0; queued = queued & ~taken; held = held | taken }
#endif
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
	d_step { first = (inbox == 0); inbox = inbox | set; set = 0 }
}

/* Drop the lock, full barrier. `unseen`: without it, the inbox was seen empty before. */
inline unlock(owns)
{
#ifdef BREAK_NO_BARRIER_SERVE
	unseen = !owns && inbox == 0;
#endif
	atomic { /* until it has to wait */
		if
		:: owns ->
			drop();
#ifdef BREAK_NO_BARRIER_UNLOCK
			unseen = inbox == 0
#else
			barrier()
#endif
		:: else -> lock = false
		fi
	}
#ifdef BREAK_NO_SECOND_LOOK
	unseen = true
#endif
}

/* serve_unloaded(); what it forwards joins `set`. */
inline serve_unloaded(owns, set)
{
	do
	:: mode == PUT && inbox != 0 && !unseen ->
#ifdef BREAK_TAKES_LOCK
		take();
		got = true;
#else
		d_step { got = !lock; lock = true }
#endif
		if
		:: !got -> break
		:: else
		fi;
		if
		:: mode == PUT -> drain(); d_step { set = set | forwards; forwards = 0 }
		:: else
		fi;
		unlock(owns)
	:: else -> break
	od;
	atomic { unseen = false; got = false }
}

/* irqs_post() by somebody else, or by nobody in particular (self is NULL) */
inline post_other(owns, set)
{
	do
	:: set != 0 ->
#ifdef BREAK_NO_BARRIER_TRY
		got = lock;
#endif
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
		if
		:: first && seen == PUT ->
#ifdef BREAK_NO_BARRIER_TRY
			if
			:: got
			:: serve_unloaded(owns, set)
			fi;
			got = false;
#elif !defined(BREAK_PUT_NOT_SERVED)
			serve_unloaded(owns, set);
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

/* vcpu_unlock() */
inline vcpu_unlock(owns, set)
{
	unlock(owns);
	serve_unloaded(owns, set);
	post_other(owns, set)
}

/* irqs_post() by the vCPU's own CPU (vcpu == self): no kick */
inline post_self()
{
	d_step { inbox = inbox | forwards; forwards = 0 }
}

#define LOCALS                                                                                     \
	byte list, forwards, taken;                                                                \
	mtype seen;                                                                                \
	bool first, got, unseen

proctype raiser(byte one) ON_CPU
{
	LOCALS;
	byte n;

	do
	:: n < RAISES ->
#ifdef ON_TOP
		if
		:: one == 1 -> below = owners_pid
		:: one == 1 -> below = seconds_pid
		:: else
		fi;
#endif
		d_step { /* irq_change() */
			n++;
			list = one & ~queued;
			queued = queued | one
		}
		post_other(false, list);
#ifdef ON_TOP
		if
		:: one == 1 -> below = 0
		:: else
		fi
#endif
	:: else -> break
	od;
	done++
}

/* write_gicd_control(): vcpu_resettle() */
proctype grouper()
{
	LOCALS;

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
	:: seen == PUT ->
		take(); /* for vcpu_uncount(): dir.pml */
#ifdef BREAK_RESETTLE_NO_LOOK
		lock = false;
#else
		vcpu_unlock(false, list);
#endif
		kick = true
	:: seen == RUNNING || seen == BLOCKED -> kick = true
	:: else
	fi;
	seen = 0;
	done++
}

inline vgic_load()
{
	take();
	set_mode(OUTSIDE);
	drop() /* no look: enter has one */
}

/* Enter and exit take no lock: while it is loaded only its own CPU settles (vgic_load()). */
inline vgic_enter()
{
	set_mode(ENTERED);
#ifndef BREAK_NO_BARRIER_ENTER
	barrier();
#endif
	resettle = false;
	if
	:: (inbox | own) != 0 -> drain()
	:: else
	fi;
	d_step { held = 0; latent = latent && !open } /* fill_all() */
	post_self()
}

inline vgic_exit()
{
	set_mode(OUTSIDE);
	if
	:: (inbox | own) != 0 -> drain()
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
#ifndef BREAK_BLOCK_NO_OWN
	sleeps = sleeps && own == 0;
#endif
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
#ifndef BREAK_PUT_NO_OWN
	if
	:: own != 0 -> drain(); post_self()
	:: else
	fi;
#endif
#ifdef BREAK_NO_BARRIER_PUT
	unseen = inbox == 0;
#endif
	set_mode(PUT);
#ifndef BREAK_NO_BARRIER_PUT
	barrier();
#endif
#ifdef BREAK_PUT_NO_LOOK
	unseen = true;
#endif
	serve_unloaded(true, list);
	post_other(true, list)
}

/* Sets `pending`. */
inline vgic_pending()
{
	take();
	drain();
	pending = held != 0 || (latent && open);
	d_step { list = forwards; forwards = 0 }
	vcpu_unlock(true, list)
}

#ifdef BREAK_ATTENTION_NO_OWN
#define ATTENTION (inbox != 0 || resettle)
#else
#define ATTENTION ((inbox | own) != 0 || resettle)
#endif

/* vgic_pulse_here(), in an interrupt handler of the owner's CPU, once: own_push() */
inline raise_for_self()
{
#ifdef SELF
	if
	:: d_step { !raised -> raised = true; own = SELF_BIT; queued = queued | SELF_BIT }
	:: true
	fi
#else
	skip
#endif
}
/* A trap or a kick: back to the guest, through exit and enter if there is a reason to. */
inline return_to_guest()
{
#ifdef BREAK_ATTENTION_ONCE
	if
	:: ATTENTION -> vgic_exit(); vgic_enter()
	:: else
	fi
#else
	do
	:: ATTENTION -> vgic_exit(); vgic_enter()
	:: else -> break
	od
#endif
}

proctype owner() ON_CPU
{
	LOCALS;
	bool sleeps, pending, raised;

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
#ifdef SELF
	:: rest = BUSY -> /* a physical interrupt */
		raise_for_self();
		goto guest
#endif
	:: rest = BUSY -> /* preempted */
		vgic_exit();
		raise_for_self();
		vgic_put();
		goto off
	:: rest = BUSY -> /* WFI */
		vgic_exit();
wfi:		vgic_pending();
		if
		:: pending
		:: else ->
			raise_for_self();
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

#define SEEN (inbox == 0 && own == 0 && held == 0 && !(latent && open))

active proctype observer()
{
end:	do
	:: d_step {
		done == OTHERS && rest != BUSY ->
		assert(kick || rest != IN_GUEST || (SEEN && !resettle));
		assert(kick || rest != ASLEEP || SEEN);
		assert(kick || rest != IDLE || SEEN);
		assert((inbox | own) == 0 || (rest != IDLE && rest != PREEMPTED))
	}
	od
}

init
{
	byte n;

	atomic {
		owners_pid = run owner();
#ifdef GROUPER
		run grouper();
#endif
		for (n : 0 .. RAISERS - 1) {
			done = run raiser(1 << n);
			seconds_pid = (n == 1 -> done : seconds_pid);
			done = 0
		}
	}
}
