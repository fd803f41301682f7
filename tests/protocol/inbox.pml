/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The inbox (lib/vgic/settle.c, vgic_refill() in lr.c): an interrupt that needs a look is pushed by
 * whoever set W_QUEUED, taken with the whole list by the vCPU that drains, forwarded if it turns
 * out to be another's. What refill cannot place it leaves to the next drain (stash). -DSELF: vCPU 0
 * raises interrupt 0 itself, on its own list (own_push()). -DWAITING: one list register; what waits
 * for it goes in when the guest used up what was pending (refill_waiting()).
 * Sequentially consistent: push() releases and vcpu_drain() acquires, so that links are never seen
 * older than the push. A change of the word is one step, as the compare-and-swap loop makes it one.
 *
 * Shown: an interrupt is on one list at most, and once; lists are never corrupted; once everybody
 * rests, an edge that the guest has not acknowledged waits where its target will find it, or
 * where an active state keeps it, or in the word if it is routed nowhere.
 *
 * check: good: two raisers, two vCPUs, an interrupt that is retargeted
 * check: good -DUNLOADED: one vCPU is not loaded: pushers serve its inbox under its lock
 * check: BREAK_LINK_LATE: push links after it has published
 * check: BREAK_LINK_READ_LATE -DROUTES=2: drain reads the link after settling
 * check: BREAK_NO_EXCHANGE: drain reads the head, then clears it
 * check: BREAK_QUEUED_TWICE: a raiser pushes what is queued already
 * check: BREAK_FOLD_FORWARDS: fold forwards what somebody is pushing right now
 * check: BREAK_NO_FORWARD: drain drops what is another vCPU's
 * check: BREAK_NOBODYS_DROPPED -DROUTES=2: push drops what is routed nowhere
 * check: BREAK_NO_LOCK -DUNLOADED -DROUTES=2: an unloaded vCPU is served without its lock
 * check: good -DSELF: one raiser, and a vCPU that raises the one that is retargeted
 * check: good -DWAITING: two raisers, two vCPUs with one list register each
 * check: BREAK_OWN_SHARED -DSELF: a raiser on another CPU uses `own`
 * check: BREAK_OWN_NO_STASH -DSELF: refill drops what it does not place of `own`
 * check: BREAK_RETIRE_LATE -DALONE -DPULSES=2: retire changes the place after the word gave the interrupt up
 * check: BREAK_FILL_BLINDLY -DWAITING: refill of what waited overwrites a word that changed
 * large: good -DSELF -DPULSES=2 -DROUTES=2: two of each
 * large: good -DWAITING -DROUTES=2: two changes of the target
 * large: good -DPULSES=2: each raises twice
 * large: good -DROUTES=2: two changes of the target
 * large: good -DPULSES=2 -DROUTES=2 -DUNLOADED: both, one vCPU is not loaded
 */
#ifndef PULSES
#define PULSES 1	/* by each raiser */
#endif
#ifndef ROUTES
#define ROUTES 1	/* changes of interrupt 0's target */
#endif
#define IRQS 2
#define VCPUS 2
#define NONE VCPUS	/* TARGET_NONE */
#define NIL IRQS
#ifdef ALONE /* interrupt 1 is not raised */
#define WRITERS 2
#else
#define WRITERS 3
#endif

/* struct vgic_irq: the word's bits, the link, the place (that one under the holder's lock). */
bool latch[IRQS], is_active[IRQS], queued[IRQS], held[IRQS];
byte holder[IRQS], target[IRQS];
byte next[IRQS] = NIL;
mtype = { NOWHERE, QUEUE, LIST };
mtype place[IRQS] = NOWHERE;

/* The list register that has it (place is LIST): its state bits, and whether it asks for an EOI. */
bool lr_pending[IRQS], lr_active[IRQS], lr_eoi[IRQS];

/* struct vgic_vcpu */
byte inbox[VCPUS] = NIL;
byte own[VCPUS] = NIL, stash[VCPUS] = NIL, forward[VCPUS] = NIL;
bool lock[VCPUS]; /* of one that is not loaded */
bool busy[VCPUS];

/* For the properties: an edge came and was not acknowledged since; it is on somebody's list. */
bool due[IRQS];
bool linked[IRQS];
byte done;

#define NEEDS_LOOK(i) (held[i] || (target[i] != NONE && (latch[i] || is_active[i])))

inline take(owner)
{
#ifdef BREAK_NO_LOCK
	skip
#else
	d_step { !lock[owner] -> lock[owner] = true }
#endif
}

/* What every process that posts or settles has of its own. */
#define LOCALS                                                                                     \
	byte list = NIL, entry = NIL, i, v, head, tail;                                            \
	bool mine, forwards, pushing

/* The end of an irq_change(): if W_QUEUED was not set, it is now, and the link is ours. */
inline queue_if_needed(irq)
{
	if
	:: NEEDS_LOOK(irq) && !queued[irq] ->
		queued[irq] = true;
		assert(!linked[irq]);
		linked[irq] = true;
		next[irq] = NIL;
		list = irq
#ifdef BREAK_QUEUED_TWICE
	:: NEEDS_LOOK(irq) && queued[irq] ->
		assert(!linked[irq]);
		list = irq
#endif
	:: else
	fi
}

/*
 * irq_settle(), inside a d_step: what it reads and writes besides the word is the owner's. The
 * word: fold_word(), next_word(), decide(). `fold`: from a list register, FROM_LR.
 */
inline settle(owner, irq, fold)
{
	pushing = fold && queued[irq];
	if
	:: fold ->
		is_active[irq] = lr_active[irq];
		latch[irq] = latch[irq] || lr_pending[irq];
		lr_pending[irq] = false;
		lr_active[irq] = false
	:: else -> queued[irq] = false
	fi;
	mine = (held[irq] -> holder[irq] == owner : target[irq] == owner);
	if
	:: mine -> place[irq] = NOWHERE
	:: else
	fi;
	forwards = false;
	if
	:: mine && (is_active[irq] || (target[irq] == owner && latch[irq])) ->
		held[irq] = true;
		holder[irq] = owner;
		place[irq] = QUEUE
	:: else ->
		if
		:: mine -> held[irq] = false; holder[irq] = 0
		:: else
		fi;
#ifndef BREAK_NO_FORWARD
		forwards = NEEDS_LOOK(irq);
		queued[irq] = queued[irq] || forwards
#endif
	fi;
#ifndef BREAK_FOLD_FORWARDS
	forwards = forwards && !pushing; /* the link is the pusher's, who will come */
#endif
	if
	:: forwards ->
		assert(!linked[irq]);
		linked[irq] = true;
		next[irq] = forward[owner];
		forward[owner] = irq
	:: else
	fi;
	mine = false; forwards = false; pushing = false
}

inline exchange(owner)
{
#ifdef BREAK_NO_EXCHANGE
	entry = inbox[owner];
	inbox[owner] = NIL
#else
	d_step { entry = inbox[owner]; inbox[owner] = NIL }
#endif
}

/* vcpu_drain(), by the owner, or under its lock if it is not loaded */
inline drain(owner)
{
	d_step {
		entry = stash[owner];
		stash[owner] = NIL;
		if
		:: entry == NIL -> entry = own[owner]; own[owner] = NIL
		:: else
		fi
	}
	if
	:: entry == NIL -> exchange(owner)
	:: else
	fi;
	do
	:: d_step { entry == NIL && own[owner] != NIL -> entry = own[owner]; own[owner] = NIL }
	:: entry != NIL ->
#ifdef BREAK_LINK_READ_LATE
		d_step { i = entry; linked[i] = false; settle(owner, i, false) }
		d_step { entry = next[i]; i = 0 }
#else
		d_step { i = entry; linked[i] = false; entry = next[i] }
		d_step { assert(queued[i] && !linked[i]); settle(owner, i, false); i = 0 }
#endif
	:: entry == NIL && own[owner] == NIL && inbox[owner] != NIL -> exchange(owner)
	:: entry == NIL && own[owner] == NIL && inbox[owner] == NIL -> break
	od
}

/* vcpu_take_forwards(), the last thing under the lock, and lock_drop() */
inline take_forwards(owner)
{
#ifdef BREAK_NO_LOCK
	list = forward[owner];
	forward[owner] = NIL
#else
	d_step { list = forward[owner]; forward[owner] = NIL; lock[owner] = false }
#endif
}

/* irqs_post(): each entry of our list is pushed on the inbox of who has to look. */
inline post()
{
	do
	:: list != NIL ->
		d_step { /* the word is loaded: who has to look? */
			i = list;
			list = next[i];
			linked[i] = false;
			v = (held[i] -> holder[i] : target[i]);
#ifndef BREAK_NOBODYS_DROPPED
			v = (v == NONE -> 0 : v);
#endif
			head = (v == NONE -> NIL : inbox[v])
		}
		if
#ifdef BREAK_OWN_SHARED
		:: v == 0 ->
			next[i] = own[0];
			d_step { own[0] = i; assert(!linked[i]); linked[i] = true }
		:: v == 1 ->
#else
		:: v != NONE ->
#endif
			push();
			serve_if_unloaded()
		:: else
		fi;
		d_step { i = 0; v = 0; head = 0 }
	:: else -> break
	od
}

inline push()
{
	do
	::
#ifndef BREAK_LINK_LATE
		next[i] = head;
#endif
		if /* compare-and-swap of the head */
		:: d_step { inbox[v] == head -> inbox[v] = i; assert(!linked[i]); linked[i] = true }
			break
		:: d_step { inbox[v] != head -> head = inbox[v] }
		fi
	od;
#ifdef BREAK_LINK_LATE
	next[i] = head;
#endif
}

/* serve_unloaded() by whom found the inbox empty; what it forwards goes in front of our list. */
inline serve_if_unloaded()
{
#ifdef UNLOADED
	if
	:: v == 1 && head == NIL ->
		take(v);
		tail = list;
		drain(1);
		take_forwards(1);
		d_step {
			i = list;
			do
			:: i != NIL && next[i] != NIL -> i = next[i]
			:: else -> break
			od;
			if
			:: i == NIL -> list = tail
			:: else -> next[i] = tail
			fi;
			tail = 0
		}
	:: else
	fi
#else
	skip
#endif
}

/* vgic_pulse() */
proctype raiser(byte irq)
{
	LOCALS;
	byte n;

	do
	:: n < PULSES ->
		d_step { n++; latch[irq] = true; due[irq] = true; queue_if_needed(irq) }
		post()
	:: else -> break
	od;
	done++
}

/* set_route(): to either vCPU, or nowhere */
proctype router(byte irq)
{
	LOCALS;
	byte n, to;

	do
	:: n < ROUTES ->
		select(to : 0 .. NONE);
		d_step { n++; target[irq] = to; to = 0; queue_if_needed(irq) }
		post()
	:: else -> break
	od;
	done++
}

#define OURS(irq, where) (place[irq] == where && held[irq] && holder[irq] == self)

#define ENDED(irq) (OURS(irq, LIST) && !lr_pending[irq] && !lr_active[irq] && !lr_eoi[irq])

inline fold(irq)
{
	d_step {
		if
		:: OURS(irq, LIST) -> settle(self, irq, true)
		:: else
		fi
	}
}

#ifdef WAITING
#define ROOM (!OURS(0, LIST) && !OURS(1, LIST))
#else
#define ROOM true
#endif

inline fill(irq)
{
	d_step {
		if
		:: OURS(irq, QUEUE) && ROOM ->
			place[irq] = LIST;
			lr_pending[irq] = latch[irq] && target[irq] == self;
			lr_active[irq] = is_active[irq];
			lr_eoi[irq] = is_active[irq] && latch[irq] && !lr_pending[irq];
			latch[irq] = latch[irq] && !lr_pending[irq]
		:: else
		fi
	}
}

/* What the guest does with a list register. The end of one that asks for it makes it exit. */
inline acknowledge(irq)
{
	d_step {
		!busy[self] && OURS(irq, LIST) && lr_pending[irq] && !lr_active[irq] ->
		lr_pending[irq] = false;
		lr_active[irq] = true;
		due[irq] = false
	}
}

inline end_of_interrupt(irq)
{
	d_step {
		!busy[self] && OURS(irq, LIST) && lr_active[irq] ->
		lr_active[irq] = false;
		busy[self] = lr_eoi[irq];
		lr_eoi[irq] = false
	}
}

/* vgic_refill(): what is new and plainly this vCPU's goes straight into a list register. */
inline refill()
{
	if
	:: d_step { own[self] != NIL -> entry = own[self]; own[self] = NIL }
	:: else -> exchange(self)
	fi;
	do
	:: entry != NIL ->
		d_step {
			i = entry;
			entry = next[i]; /* before fill_new() gives the link away */
			assert(queued[i]);
			if
			:: latch[i] && target[i] == self && (held[i] -> ENDED(i) : !is_active[i] && ROOM) ->
				queued[i] = false; latch[i] = false; is_active[i] = false;
				held[i] = true; holder[i] = self;
				place[i] = LIST; lr_pending[i] = true;
				linked[i] = false
#ifdef BREAK_OWN_NO_STASH
			:: else -> entry = NIL
#else
			:: else -> stash[self] = i; entry = NIL
#endif
			fi;
			i = 0
		}
	:: else -> break
	od
}

/* retire() */
inline retire(irq)
{
	d_step {
		!busy[self] && ENDED(irq) && !queued[irq] && !latch[irq] ->
		held[irq] = false; holder[irq] = 0; is_active[irq] = false;
#ifndef BREAK_RETIRE_LATE
		place[irq] = NOWHERE
#endif
	}
#ifdef BREAK_RETIRE_LATE
	place[irq] = NOWHERE
#endif
}

inline retire_for_room(irq)
{
	d_step {
		if
		:: ENDED(irq) && !queued[irq] && !latch[irq] ->
			held[irq] = false; holder[irq] = 0; is_active[irq] = false; place[irq] = NOWHERE
		:: else
		fi
	}
}

inline fill_waiting(irq)
{
#ifdef BREAK_FILL_BLINDLY
	if
	:: OURS(irq, QUEUE) && ROOM ->
		v = target[irq];
		head = queued[irq];
		fill(irq);
		d_step { target[irq] = v; queued[irq] = head; v = 0; head = 0 }
	:: else
	fi
#else
	fill(irq)
#endif
}

#define IN_LR_PENDING(irq) (OURS(irq, LIST) && lr_pending[irq])
#define NONE_PENDING (!IN_LR_PENDING(0) && !IN_LR_PENDING(1))
#define WAITS(irq) (OURS(irq, QUEUE) && latch[irq])

/* refill_waiting(): the guest used up what was pending. It stays busy if that did not help. */
inline refill_waiting()
{
	if
	:: inbox[self] == NIL && own[self] == NIL ->
		retire_for_room(0);
		retire_for_room(1);
		fill_waiting(0);
		fill_waiting(1);
		busy[self] = NONE_PENDING
	:: else
	fi
}


proctype vcpu(byte self)
{
	LOCALS;
#ifdef SELF
	byte n;
#endif

end:	do
#ifdef SELF /* vgic_pulse_here() */
	:: d_step { self == 0 && n < PULSES && !busy[0] ->
			busy[0] = true; n++; latch[0] = true; due[0] = true; queue_if_needed(0);
			v = (held[0] -> holder[0] : target[0]);
			if
			:: list != NIL && v == 0 ->
				next[list] = own[0]; own[0] = list; list = NIL
			:: else
			fi;
			v = 0 }
		post();
		if
		:: own[0] != NIL -> refill(); busy[0] = stash[0] != NIL || inbox[0] != NIL
		:: true
		fi;
		done = (n == PULSES -> done + 1 : done)
#endif
#ifdef WAITING
	:: d_step { !busy[self] && NONE_PENDING && (WAITS(0) || WAITS(1)) -> busy[self] = true }
		refill_waiting()
	:: acknowledge(1)
	:: end_of_interrupt(1)
#endif
	:: d_step { inbox[self] != NIL && !busy[self] -> busy[self] = true }
#ifndef UNLOADED /* there, the guest only takes what comes: the other vCPU is looked at */
	:: d_step { inbox[self] != NIL && !busy[self] -> busy[self] = true }
		refill();
		busy[self] = stash[self] != NIL
	:: retire(0) /* refill does it when it has no room */
	/* The guest: interrupt 1 is there to share lists with; it stays pending. */
	:: acknowledge(0)
	:: end_of_interrupt(0)
	:: d_step { !busy[self] && OURS(0, LIST) -> busy[self] = true } /* exits for any reason */
#endif
	:: busy[self] ->
		/* vgic_exit() and vgic_enter() in one: what the former drains, the latter would */
		fold(0);
		fold(1);
		drain(self);
		fill(1);
		fill(0);
		take_forwards(self);
		post();
		busy[self] = false
	od
}

#define AT_REST(irq)                                                                               \
	(!queued[irq] && !linked[irq] && (!held[irq] || place[irq] != NOWHERE) &&                  \
	 (!due[irq] || lr_pending[irq] || (latch[irq] && !held[irq] && target[irq] == NONE) ||     \
	  (latch[irq] && held[irq] && (holder[irq] == target[irq] || is_active[irq]))))

/* Whenever nobody is on the way, everything is where it belongs. */
active proctype observer()
{
end:	do
	:: d_step {
		done == WRITERS && !busy[0] && !busy[1] && inbox[0] == NIL && inbox[1] == NIL ->
		assert(AT_REST(0));
		assert(AT_REST(1))
	}
	od
}

init
{
	atomic {
		target[1] = 1;
		run vcpu(0);
#ifdef WAITING
		target[0] = 1;
#endif
#ifdef UNLOADED
		/* Not loaded, and interrupt 0 waits in its queue. */
		target[0] = 1; latch[0] = true; due[0] = true;
		held[0] = true; holder[0] = 1; place[0] = QUEUE;
#else
		run vcpu(1);
#endif
#ifndef SELF
		run raiser(0);
#endif
#ifndef ALONE
		run raiser(1);
#endif
		run router(0)
	}
}
