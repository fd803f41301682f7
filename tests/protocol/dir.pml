/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Who may run without ICH_HCR_EL2.TDIR (lib/vgic/dir.c; refill_is_odd() in lr.c, write_sactive() in
 * access.c): a vCPU runs free if no other one shares, which is to have a shared interrupt in a list
 * register, or active. Each side writes its own, full barrier, reads the other's; who shares calls
 * in those that run free and waits for them. At first nobody says what it shares, until one is seen
 * with EOImode 1. The vCPUs come and go; shared interrupts come by enter or by refill, are
 * acknowledged and end. vCPU 0 may run free and vCPU 1 shares; -DBOTH: each does both. Whether one
 * deactivated enough to run free is left open (`lonely`).
 *
 * Memory is weaker than sequential where a full barrier is the point: without it, what the other side
 * wrote may have been read before.
 *
 * Shown: no vCPU is in its guest without TDIR while another one has a shared interrupt active, or
 * one is active by hand; nobody waits for ever; RWP does not fall below 0.
 *
 * check: good: two vCPUs
 * check: good -DBY_HAND: one vCPU makes a shared interrupt active by hand
 * check: BREAK_NO_BARRIER_SHARER: no barrier between what is shared and who runs free
 * check: BREAK_NO_BARRIER_FREE: no barrier between who runs free and what is shared
 * check: BREAK_NO_BARRIER_HAND -DBY_HAND: no barrier between `by_hand` and who runs free
 * check: BREAK_NO_SECOND_LOOK: who runs free looks at what is shared only before it says so
 * check: BREAK_NOT_CALLED_IN: who shares waits, but calls nobody in
 * check: BREAK_NOT_KICKED: those who run free are called in without a kick
 * check: BREAK_NO_WAIT: who shares does not wait for those who run free
 * check: BREAK_HAND_NO_WAIT -DBY_HAND: an interrupt is made active by hand at once
 * check: BREAK_NEVER_LEFT: an exit does not say that the vCPU came out
 * check: BREAK_PUT_NOT_COUNTED: what a vCPU keeps active when it is put does not count
 * check: BREAK_REFILL_SHARES: a refill brings in shared interrupts that are not counted
 * check: BREAK_NOTICED_ALONE: who is seen with EOImode 1 does not ask the others what they share
 * check: BREAK_NO_RWP: who runs free does not wait until all have said what they share
 * check: BREAK_SAID_LATE: RWP stops counting a vCPU that has not said yet what it has active
 * check: BREAK_NOTICED_UNCOUNTED -DNOTICER -DTRAPS=0: RWP does not count from before `dir_used`
 * large: good -DNOTICER: a third one notices EOImode 1 at the same time
 * large: good -DARRIVALS=2 -DTRAPS=2 -DBY_HAND: more happens
 * large: good -DBOTH: both may run free, both share
 */
#ifndef TRAPS
#define TRAPS 1		/* of each vCPU, for whatever reason */
#endif
#ifndef ARRIVALS
#define ARRIVALS 1	/* of a shared interrupt, for each */
#endif

/* vgic_cpu.resettle */
#define RESETTLE 1
#define COUNTED 2
#define ENTER 4

mtype = { PUT, OUTSIDE, RUNNING };		/* enum mode */
mtype = { NOTHING, COMING, PENDING, ACTIVE };	/* the vCPU's shared interrupt */

/* struct vgic */
byte sharers, free_runners;
bool dir_used, by_hand;
short rwp;

/* struct vgic_vcpu */
mtype mode[2] = OUTSIDE, work[2] = NOTHING;
bool sharing[2], runs_free[2], odd[2];
byte resettle[2];

bool in_guest[2], tdir[2], kick[2];
bool hand_active; /* by hand, on nobody in particular */

#define FREE(v) (in_guest[v] && !tdir[v])
#define ACTIVE_BESIDES(v) (work[1 - v] == ACTIVE || hand_active)
#ifdef BOTH
#define EOIMODE(v) true
#define SHARES(v) true
#else
#define EOIMODE(v) (v == 0)
#define SHARES(v) (v == 1)
#endif
#define NOBODY 255
#define ATTENTION (resettle[self] != 0 || work[self] == COMING)

#define LOCALS                                                                                     \
	bool early, called, others, counted, eoimode;                                             \
	mtype seen

#define CALL(u) d_step {                                                                           \
	if                                                                                         \
	:: runs_free[u] && !(resettle[u] & RESETTLE) -> resettle[u] = resettle[u] | RESETTLE; KICK(u) \
	:: else                                                                                    \
	fi }
#ifdef BREAK_NOT_KICKED
#define KICK(u) skip
#else
#define KICK(u) kick[u] = true
#endif

/* call_in(), without its barrier */
inline call_in()
{
	called = free_runners != 0;
#ifndef BREAK_NOT_CALLED_IN
	if
	:: called ->
		CALL(0);
		CALL(1)
	:: else
	fi
#endif
}

inline set_sharing(value)
{
	d_step {
		if
		:: (value) && !sharing[self] -> sharing[self] = true; sharers++
		:: !(value) && sharing[self] -> sharing[self] = false; sharers--
		:: else
		fi
	}
}

inline others_share()
{
	d_step { others = by_hand || sharers != sharing[self] }
}

inline dir_left()
{
	if
	:: runs_free[self] -> runs_free[self] = false; free_runners--
	:: else
	fi
}

/* Sets tdir. */
inline dir_settle()
{
#ifdef BREAK_NO_BARRIER_SHARER
	early = free_runners != 0;
#endif
	set_sharing(work[self] != NOTHING);
	if
	:: sharing[self] ->
#ifdef BREAK_NO_BARRIER_SHARER
		if
		:: !early
		:: call_in()
		fi;
#else
		call_in();
#endif
#ifndef BREAK_NO_WAIT
		if
		:: called -> resettle[self] = resettle[self] | ENTER
		:: else
		fi
#endif
	:: else
	fi;
	d_step { called = false; early = false }
	others_share();
	if /* the other branch: it deactivated too little so far, or has EOImode 0 */
#ifdef BREAK_NO_RWP
	:: !others && eoimode ->
#else
	:: !others && eoimode && rwp == 0 ->
#endif
#ifdef BREAK_NO_BARRIER_FREE
		others_share();
		early = others;
#endif
		runs_free[self] = true;
		free_runners++;
		others_share();
#ifdef BREAK_NO_BARRIER_FREE
		if
		:: others = early
		:: true
		fi;
#endif
#ifdef BREAK_NO_SECOND_LOOK
		others = false;
#endif
		if
		:: others -> dir_left()
		:: else -> tdir[self] = false
		fi
	:: true
	fi;
	d_step { others = false; early = false }
}

/* vcpu_resettle() of vCPU v by `me`; what is under the vCPU's lock is one step. */
inline vcpu_resettle(me, v)
{
	rwp++;
	d_step {
		counted = (resettle[v] & COUNTED) != 0;
		resettle[v] = resettle[v] | RESETTLE | COUNTED
	}
	if
	:: counted -> rwp--
	:: else
	fi;
	counted = false;
	if
	:: me != v ->
		seen = mode[v];
		if
		:: seen == PUT -> d_step {
			if
			:: mode[v] == PUT && (resettle[v] & COUNTED) ->
				resettle[v] = resettle[v] & ~COUNTED; rwp--
			:: else
			fi }
		:: else
		fi;
		if
		:: seen != OUTSIDE -> kick[v] = true
		:: else
		fi;
		seen = 0
	:: else
	fi
}

inline dir_noticed(me)
{
	if
	:: !dir_used ->
#ifndef BREAK_NOTICED_UNCOUNTED
		rwp++;
#endif
		d_step { others = dir_used; dir_used = true }
#ifndef BREAK_NOTICED_ALONE
		if
		:: !others ->
			vcpu_resettle(me, 0);
			vcpu_resettle(me, 1)
		:: else
		fi;
#endif
#ifndef BREAK_NOTICED_UNCOUNTED
		rwp--;
#endif
		others = false
	:: else
	fi
}

inline vcpu_resettled(next)
{
	d_step {
		counted = (resettle[self] & COUNTED) != 0;
		resettle[self] = next
	}
	if
	:: counted ->
#ifndef BREAK_SAID_LATE
		set_sharing(work[self] == ACTIVE); /* nothing is in a list register now */
#endif
		d_step { rwp--; assert(rwp >= 0); counted = false }
	:: else
	fi
}

inline vgic_enter()
{
	mode[self] = RUNNING;
	vcpu_resettled(0);
	if
	:: work[self] == COMING -> work[self] = PENDING
	:: else
	fi;
	tdir[self] = true;
	if
	:: dir_used -> dir_settle()
	:: else
	fi;
	odd[self] = dir_used && !sharing[self]
}

inline vgic_exit()
{
	if
	:: mode[self] == RUNNING ->
#ifndef BREAK_NEVER_LEFT
		dir_left();
#endif
		if
		:: EOIMODE(self) -> eoimode = true; dir_noticed(self)
		:: !eoimode
		fi
	:: else
	fi;
	d_step { mode[self] = OUTSIDE; kick[self] = false } /* the kick has been heard */
	vcpu_resettled(ENTER)
}

/* Exit and enter until the attention is gone. Who waits has asked: it waits until it is heard. */
inline return_to_guest()
{
	do
	:: ATTENTION ->
		vgic_exit();
		vgic_enter();
		if
		:: resettle[self] == ENTER -> free_runners == runs_free[self] || resettle[self] != ENTER
		:: else
		fi
	:: else -> break
	od;
	atomic {
		in_guest[self] = true;
		assert(!FREE(self) || !ACTIVE_BESIDES(self))
	}
}

/* vgic_put(), and vgic_load() some time later */
inline put_and_load()
{
	vgic_exit();
#ifdef BREAK_PUT_NOT_COUNTED
	set_sharing(false);
#else
	set_sharing(work[self] == ACTIVE);
#endif
	d_step {
		mode[self] = PUT;
		if
		:: resettle[self] & COUNTED -> resettle[self] = resettle[self] & ~COUNTED; rwp--
		:: else
		fi
	}
	mode[self] = OUTSIDE;
	resettle[self] = resettle[self] | ENTER;
	vgic_enter()
}

/* write_sactive(): nobody runs free after it. */
inline make_active()
{
#ifdef BREAK_NO_BARRIER_HAND
	early = free_runners != 0;
#endif
	do
	::	by_hand = true;
#ifdef BREAK_NO_BARRIER_HAND
		if
		:: !early
		:: call_in()
		fi;
#else
		call_in();
#endif
#ifdef BREAK_HAND_NO_WAIT
		called = false;
#endif
		if
		:: !called -> break
		:: else
		fi;
		called = false;
		vgic_exit();
		if
		:: free_runners == 0
		:: resettle[self] & RESETTLE
		fi
	od;
	atomic {
		early = false;
		hand_active = true;
		assert(!FREE(0) && !FREE(1))
	}
}

proctype vcpu(byte self)
{
	LOCALS;
	byte traps, arrivals;

	vgic_enter();
	return_to_guest();
end:	do
	:: d_step { kick[self] -> kick[self] = false; in_guest[self] = false }
		return_to_guest()
	:: d_step { SHARES(self) && arrivals < ARRIVALS && work[self] == NOTHING ->
			arrivals++; work[self] = COMING; in_guest[self] = false }
		if
#ifdef BREAK_REFILL_SHARES
		:: resettle[self] == 0 -> /* vgic_refill() */
#else
		:: resettle[self] == 0 && !odd[self] -> /* vgic_refill() */
#endif
			work[self] = PENDING
		:: true
		fi;
		return_to_guest()
	:: d_step { work[self] == PENDING -> work[self] = ACTIVE; assert(!FREE(1 - self)) }
	:: d_step { work[self] == ACTIVE -> work[self] = NOTHING }
	:: d_step { traps < TRAPS -> traps++; in_guest[self] = false } /* a trap */
		if
		:: true -> vgic_exit(); vgic_enter()
		:: true -> put_and_load()
#ifdef BY_HAND
		:: self == 1 -> make_active()
#endif
		fi;
		return_to_guest()
	od
}

#ifdef NOTICER
/* A vCPU that is outside all the time. */
active proctype noticer()
{
	LOCALS;

	dir_noticed(NOBODY)
}
#endif

init
{
	atomic {
		run vcpu(0);
		run vcpu(1)
	}
}
