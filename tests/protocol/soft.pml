/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The software CPU interface (lib/vgic/soft.c: soft_acknowledge(), activate(), soft_end();
 * irq_settle() FROM_OWNER in settle.c): a guest's acknowledge takes the pending interrupt that is in
 * its vCPU's queue with one change of the word, if that still says so; else it settles it and looks
 * again. One interrupt, two vCPUs; it is pulsed, retargeted, disabled and enabled meanwhile. A change
 * of the word is one step, and its push comes later. With one interrupt, an inbox is a flag.
 *
 * Shown: what is acknowledged is pending, enabled, not active and for here at that moment; an
 * acknowledge looks again only as often as something was changed; the interrupt is pushed by one at a
 * time; at rest, it is where its word says, and not lost.
 *
 * check: good: a pulse, a change of the target, disabled and enabled
 * check: BREAK_NO_CHECK: it acknowledges what is in the queue, whatever the word says
 * check: BREAK_TWO_STEPS: it looks at the word and changes it later
 * check: BREAK_NO_SETTLE: it looks again without settling
 * check: BREAK_SETTLE_TAKES_QUEUED: settling takes the W_QUEUED of who is about to push
 * check: BREAK_SETTLE_FORWARDS: settling forwards what somebody is about to push
 * check: BREAK_END_BLINDLY: an end of interrupt deactivates what another vCPU has
 * large: good -DPULSES=3 -DROUTES=3 -DTOGGLES=2: more of it
 */
#ifndef PULSES
#define PULSES 2
#endif
#ifndef ROUTES
#define ROUTES 2
#endif
#ifndef TOGGLES
#define TOGGLES 1
#endif

mtype = { NOWHERE, PENDING, ACTIVE };	/* irq->place */

/* The word, and the place. */
bool latch, enable = true, is_active, queued, held;
byte holder, target;
mtype place = NOWHERE;

bool inbox[2], busy[2], acknowledged[2];
byte working, changes;	/* writers on their way; how many changes there were */
bool pushing;		/* somebody is about to push: the link is his */

#define WANTED (enable && latch)
#define NEEDS_LOOK (held || is_active || WANTED)
#define LOOKER (held -> holder : target)

/* The end of an irq_change() */
inline queue_if_needed()
{
	pushes = !queued && NEEDS_LOOK;
	queued = queued || pushes;
	assert(!pushes || !pushing);
	pushing = pushing || pushes;
	changes++
}

/* push(); the other vCPU's is served by its kick */
inline post()
{
	if
	:: pushes ->
		d_step {
			assert(!inbox[0] && !inbox[1]);
			inbox[(LOOKER)] = true;
			pushing = false;
			pushes = false
		}
	:: else
	fi
}

/* irq_settle(): `owner` is FROM_OWNER or FROM_EOI. */
inline settle(owner, ended)
{
	d_step {
		theirs = owner && queued;
		is_active = is_active && !(ended);
		queued = queued && owner;
#ifdef BREAK_SETTLE_TAKES_QUEUED
		queued = false;
		theirs = false;
#endif
		if
		:: LOOKER == self ->
			place = NOWHERE;
			if
			:: is_active -> place = ACTIVE
			:: !is_active && target == self && WANTED -> place = PENDING
			:: else
			fi;
			held = place != NOWHERE;
			holder = (held -> self : 0)
		:: else
		fi;
#ifdef BREAK_SETTLE_FORWARDS
		theirs = false;
#endif
		pushes = NEEDS_LOOK && !(held && holder == self) && !theirs;
		assert(!pushes || !pushing);
		pushing = pushing || pushes;
		queued = queued || pushes;
		theirs = false
	}
}

/* vcpu_drain(), and what it forwards */
inline look()
{
	if
	:: inbox[self] -> inbox[self] = false; settle(false, false); post()
	:: else
	fi
}

#define MINE (held && holder == self)
#define TAKEABLE (WANTED && !is_active && target == self)

/* Reading an acknowledge register */
inline soft_acknowledge()
{
	seen = changes;
	do
	::	look();
		if
		:: !(MINE && place == PENDING) -> break
		:: else
		fi;
#ifdef BREAK_TWO_STEPS
		takes = TAKEABLE;
#endif
		d_step { /* activate() */
#if defined(BREAK_NO_CHECK)
			takes = true;
#elif !defined(BREAK_TWO_STEPS)
			takes = TAKEABLE;
#endif
			if
			:: takes ->
				assert(TAKEABLE);
				is_active = true; latch = false; place = ACTIVE;
				acknowledged[self] = true
			:: else
			fi
		}
		if
		:: takes -> break
		:: else
		fi;
		assert(rounds <= changes - seen + 1);
		rounds++;
#ifndef BREAK_NO_SETTLE
		settle(true, false);
		post()
#endif
	od;
	rounds = 0; seen = 0; takes = false
}

/* Writing an end of interrupt register */
inline soft_end()
{
	look();
#ifdef BREAK_END_BLINDLY
	if
	:: is_active -> acknowledged[self] = false; settle(true, true); post()
#else
	if
	:: is_active && MINE -> acknowledged[self] = false; settle(true, true); post()
#endif
	:: else
	fi
}

proctype vcpu(byte self)
{
	bool pushes, theirs, takes;
	byte rounds, seen;

end:	do
	:: d_step { inbox[self] -> busy[self] = true } /* kicked: vgic_exit(), vgic_enter() */
		look();
		busy[self] = false
	:: d_step { MINE && place == PENDING -> busy[self] = true } /* its IRQ is asserted */
		soft_acknowledge();
		busy[self] = false
	:: d_step { acknowledged[0] || acknowledged[1] -> busy[self] = true } /* rightly or not */
		soft_end();
		busy[self] = false
	od
}

proctype raiser()
{
	bool pushes;
	byte n;

	do
	:: n < PULSES -> d_step { n++; latch = true; queue_if_needed() } post()
	:: else -> break
	od;
	working--
}

proctype writer()
{
	bool pushes;
	byte routes, toggles;

	do
	:: routes < ROUTES -> d_step { routes++; target = 1 - target; queue_if_needed() } post()
	:: toggles < TOGGLES -> d_step { toggles++; enable = false; queue_if_needed() } post();
		d_step { enable = true; queue_if_needed() } post()
	:: routes == ROUTES && toggles == TOGGLES -> break
	od;
	working--
}

active proctype observer()
{
end:	do
	:: d_step {
		working == 0 && !busy[0] && !busy[1] && !inbox[0] && !inbox[1] ->
		assert(!queued && !pushing);
		assert(!is_active || (held && place == ACTIVE && acknowledged[holder]));
		assert(!acknowledged[0] || (is_active && holder == 0));
		assert(!acknowledged[1] || (is_active && holder == 1));
		assert(!WANTED || is_active || (held && holder == target && place == PENDING))
	}
	od
}

init
{
	atomic {
		working = 2;
		run vcpu(0);
		run vcpu(1);
		run raiser();
		run writer()
	}
}
