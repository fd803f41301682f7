/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The truth about what is in another vCPU's list register (lib/vgic: irq_sync(), account(),
 * settle_truth(), write_cenable(), irq_deactivate(), clear_state()): W_SYNC asks the holder to fold,
 * a reader waits until whoever settles has cleared it, RWP counts what was asked. Interrupt n is
 * vCPU n's: it comes up pending in its list register, or, -DEVICTED, active outside of them, so that
 * the guest's end of interrupt is only counted by hardware. Each vCPU makes accesses of any kind while its guest handles its own
 * interrupt; a third CPU pulses both. Changes of the word are single steps.
 *
 * -DDEACTIVATES: they write ICC_DIR_EL1 with the other's interrupt instead, for an acknowledge that the
 * other's guest leaves to them; pulses are taken by refill. -DTWICE: they also do so without need, or
 * the other's guest ends it as well (mistakes), and it is acknowledged anew meanwhile. Left out there:
 * a list register that is pending and active, whose W_DEACTIVATE does not say of which acknowledge.
 *
 * Shown: nobody waits for ever, also not two for each other; a value that is read was true at some
 * moment of the access; RWP never counts below 0, ends at 0, and reads 0 only when an interrupt
 * that was disabled is not pending in any list register; a deactivation is not lost, and is never of
 * an acknowledge that comes after it.
 *
 * check: good -DNO_WRITES -DPULSED=0: two vCPUs that read each other's interrupt
 * check: good -DNO_READS: two vCPUs that disable either interrupt and poll RWP
 * check: good -DNO_WRITES -DEVICTED: reads where the end of interrupt is only counted
 * check: BREAK_WAITER_DEAF -DNO_WRITES: a waiter does not serve requests (a third CPU pushes late)
 * check: BREAK_READ_NO_WAIT: a reader does not wait
 * check: BREAK_DRAIN_BEFORE_FOLD: exit drains before it folds
 * check: BREAK_COUNT_LATE: RWP is counted after W_SYNC is published
 * check: BREAK_OWN_NOT_COUNTED: no RWP for an interrupt in the writer's own list register
 * check: BREAK_NO_ACCOUNT: a drain takes W_SYNC and counts nothing down
 * check: BREAK_COUNTED_TWICE: who finds W_SYNC set leaves RWP counted
 * check: BREAK_OUTSIDE_EARLY -DEVICTED: exit says OUTSIDE before it has replayed the ends
 * check: good -DDEACTIVATES -DPULSED=0: two vCPUs that deactivate each other's interrupt
 * check: good -DDEACTIVATES -DALONE: one of them does
 * check: good -DTWICE -DALONE: one's deactivations, which may come twice, or of what is not active
 * check: BREAK_DIR_NO_SYNC -DDEACTIVATES: a deactivation goes by the word alone
 * check: BREAK_DIR_LOOKS_ONCE -DTWICE: what it found active is deactivated whatever it is by now
 * check: BREAK_FOLD_DEAF -DDEACTIVATES: fold does not heed W_DEACTIVATE
 * check: BREAK_REQUEST_STAYS -DDEACTIVATES -DACCESSES=2: fold leaves W_DEACTIVATE
 * check: BREAK_REQUEST_NO_LR -DDEACTIVATES: W_DEACTIVATE of what is in no list register
 * check: BREAK_REFILL_OVER_REQUEST -DTWICE: refill of a list register that is asked something
 * large: good -DDEACTIVATES -DEVICTED: deactivations, the end of interrupt is only counted
 * large: good -DDEACTIVATES -DACCESSES=2: two deactivations by each
 * large: good -DTWICE: by both, which may come twice
 * large: good: reads and writes
 * large: good -DPULSED=2: reads and writes, both interrupts are pulsed
 * large: good -DPULSED=2 -DEVICTED: the same, the end of interrupt is only counted
 */
#ifndef ACCESSES
#define ACCESSES 1	/* by each vCPU */
#endif
#ifndef PULSED
#define PULSED 1	/* 0: none, 1: interrupt 0, 2: both */
#endif
#define BIT(i) (1 << (i))

/* The words of interrupts 0 and 1, and their list registers. */
bool enable[2] = true, latch[2], active_bit[2], queued[2], sync[2], held[2] = true, in_lr[2];
bool lr_pending[2], lr_active[2];
bool deactivate[2];	/* W_DEACTIVATE */

/* The vCPUs. The inbox is a set; inbox.pml has the list. */
bool running[2] = true, kick[2];
byte inbox[2];
bool ended[2];	/* EOIcount is not 0 */
short rwp;

/* What interrupt `asked` of each reader has been since its access began. */
#define NOTHING 2
byte asked[2] = NOTHING;
bool was_active[2], was_inactive[2];

/* How often each was acknowledged; which time was meant by W_DEACTIVATE; by who wrote ICC_DIR_EL1. */
byte acked[2] = 1, meant[2], owed[2];
#ifdef ALONE
#define ACCESSES_BY(me) (me == 1)
#else
#define ACCESSES_BY(me) true
#endif
#ifdef TWICE
#define DEACTIVATES
#define WHOLE(i) !active_bit[i]
#define MAY_END(i) true
#define MAY_DEACTIVATE(i) true
#else
#define WHOLE(i) true
#define MAY_END(i) owed[1 - (i)] != acked[i]
#define MAY_DEACTIVATE(i) TRUTH(i)
#endif
#ifdef DEACTIVATES
#define NO_READS
#define NO_WRITES
#define ACKNOWLEDGED(i) acked[i]++
#else
#define ACKNOWLEDGED(i) skip
#endif

#ifdef EVICTED
#define TRUTH(i) (active_bit[i] && !ended[i])
#define LIVE(i) (held[i] && active_bit[i] && running[i])
#else
#define TRUTH(i) (in_lr[i] -> lr_active[i] : active_bit[i])
#define LIVE(i) in_lr[i]
#endif

inline note(reader)
{
	if
	:: asked[reader] != NOTHING && TRUTH(asked[reader]) -> was_active[reader] = true
	:: asked[reader] != NOTHING && !TRUTH(asked[reader]) -> was_inactive[reader] = true
	:: else
	fi
}

/* push() on the inbox of the interrupt's vCPU, and the kick; `me` is 2 for no vCPU. */
inline push(me, i)
{
	d_step { first = (inbox[i] == 0); inbox[i] = inbox[i] | BIT(i) }
	if
	:: first && me != i && running[i] -> kick[i] = true
	:: else
	fi;
	first = false
}

/* irq_sync(): true in `waits` if there is something to wait for. */
inline irq_sync(me, i)
{
	waits = LIVE(i);
	if
	:: waits ->
#ifndef BREAK_COUNT_LATE
		rwp++;
#endif
		d_step { /* compare-and-swap */
			waits = LIVE(i);
			counted = waits && sync[i];
			pushes = waits && !queued[i];
			sync[i] = sync[i] || waits;
			queued[i] = queued[i] || waits
		}
#ifdef BREAK_COUNT_LATE
		rwp++;
#endif
#ifdef BREAK_COUNTED_TWICE
		counted = false;
#endif
		if
		:: counted || !waits -> rwp--
		:: else
		fi;
		if
		:: pushes -> push(me, i)
		:: else
		fi;
		d_step { counted = false; pushes = false }
	:: else
	fi
}

/* vcpu_drain(): settles, then account()s. */
inline drain(me)
{
	if
	:: inbox[me] != 0 ->
		inbox[me] = 0;
		d_step {
			queued[me] = false;
			counted = sync[me];
			sync[me] = false;
			held[me] = active_bit[me] || (enable[me] && latch[me])
		}
#ifndef BREAK_NO_ACCOUNT
		if
		:: counted -> d_step { rwp--; assert(rwp >= 0) }
		:: else
		fi;
#endif
		counted = false
	:: else
	fi
}

/* fold_all(): what the list register says is in the word; W_SYNC is left to the drain. */
inline fold(me)
{
	d_step {
		if
		:: in_lr[me] ->
#ifndef BREAK_FOLD_DEAF
			assert(!deactivate[me] || !lr_active[me] || acked[me] <= meant[me]);
			lr_active[me] = lr_active[me] && !deactivate[me];
#endif
#ifndef BREAK_REQUEST_STAYS
			deactivate[me] = false;
#endif
			active_bit[me] = lr_active[me];
			latch[me] = latch[me] || lr_pending[me];
			in_lr[me] = false; lr_active[me] = false; lr_pending[me] = false;
			held[me] = active_bit[me] || (enable[me] && latch[me])
		:: ended[me] ->
			ended[me] = false;
			active_bit[me] = false;
			held[me] = enable[me] && latch[me]
		:: else
		fi
	}
}

inline vgic_exit(me)
{
#ifdef BREAK_DRAIN_BEFORE_FOLD
	drain(me);
	running[me] = false;
	fold(me)
#else
#ifdef BREAK_OUTSIDE_EARLY
	running[me] = false;
	fold(me);
#else
	fold(me);
	running[me] = false;
#endif
	drain(me)
#endif
}

inline vgic_enter(me)
{
	running[me] = true;
	drain(me);
#ifndef EVICTED
	d_step { /* fill() */
		if
		:: held[me] ->
			in_lr[me] = true;
			lr_active[me] = active_bit[me];
			lr_pending[me] = enable[me] && latch[me] && WHOLE(me);
			latch[me] = latch[me] && !lr_pending[me]
		:: else
		fi
	}
#endif
}

#ifdef BREAK_REFILL_OVER_REQUEST
#define ASKED(me) sync[me]
#else
#define ASKED(me) (sync[me] || deactivate[me])
#endif

/* vgic_attention(), after every trap; and vgic_refill() */
inline return_to_guest(me)
{
	do
#ifdef DEACTIVATES
	:: d_step { running[me] && inbox[me] != 0 && queued[me] && latch[me] && enable[me] && !ASKED(me) &&
		    (in_lr[me] -> !lr_pending[me] && !lr_active[me] : !held[me] && !active_bit[me]) ->
			inbox[me] = 0; queued[me] = false; latch[me] = false; active_bit[me] = false;
			held[me] = true; in_lr[me] = true; lr_pending[me] = true }
#endif
	:: inbox[me] != 0 || !running[me] -> vgic_exit(me); vgic_enter(me)
	:: else -> break
	od
}

#define GUEST_STEP(me) /* it acknowledges, or ends, its interrupt */                               \
	d_step { lr_pending[me] && !lr_active[me] ->                                               \
		lr_pending[me] = false; lr_active[me] = true; ACKNOWLEDGED(me); note(0); note(1) }

#define GUEST_END(me)                                                                              \
	d_step { TRUTH(me) && MAY_END(me) && (lr_active[me] || !in_lr[me]) ->                                     \
		ended[me] = !in_lr[me]; lr_active[me] = false; note(0); note(1) }

/* settle_truth(), until it does not say AGAIN */
inline wait_for_answer()
{
	if
	:: waits ->
		vgic_exit(self);
		do
		:: !sync[other] -> break
#ifndef BREAK_WAITER_DEAF
		:: sync[other] && inbox[self] != 0 -> vgic_exit(self)
#endif
		od;
		waits = false
	:: else
	fi
}

proctype vcpu(byte self)
{
	byte n, other, i;
	bool first, waits, counted, pushes, value, deactivates;

	other = 1 - self;
end:	do
	:: kick[self] -> kick[self] = false; return_to_guest(self)
	:: GUEST_STEP(self)
	:: GUEST_END(self)
#ifdef DEACTIVATES
	:: d_step { n < ACCESSES && ACCESSES_BY(self) && MAY_DEACTIVATE(other) -> /* ICC_DIR_EL1 with the other's interrupt */
			n++; owed[self] = (TRUTH(other) -> acked[other] : 0) }
#ifndef BREAK_DIR_NO_SYNC
		irq_sync(self, other);
		wait_for_answer();
#endif
		deactivates = active_bit[other];
		if
		:: deactivates ->
			d_step { /* compare-and-swap, as long as it is active */
				deactivates = false;
				if
#ifdef BREAK_DIR_LOOKS_ONCE
				:: true ->
#else
				:: active_bit[other] ->
#endif
#ifdef BREAK_REQUEST_NO_LR
					deactivate[other] = true;
#else
					deactivate[other] = in_lr[other];
#endif
					meant[other] = acked[other];
					active_bit[other] = false;
					pushes = held[other] && !queued[other];
					queued[other] = queued[other] || pushes
				:: else
				fi
			}
			if
			:: pushes -> pushes = false; push(self, other)
			:: else
			fi
		:: else
		fi;
		return_to_guest(self)
#endif
#ifndef NO_READS
	:: n < ACCESSES -> /* a read of ISACTIVER with the other's interrupt */
		n++;
		d_step { asked[self] = other; note(self) }
		irq_sync(self, other); /* settle_truth(), the first time */
#ifndef BREAK_READ_NO_WAIT
		wait_for_answer();
#endif
		waits = false;
		d_step {
			value = active_bit[other];
			assert(value -> was_active[self] : was_inactive[self]);
			asked[self] = NOTHING;
			was_active[self] = false; was_inactive[self] = false;
			value = false
		}
		return_to_guest(self)
#endif
#ifndef NO_WRITES
	:: n < ACCESSES -> /* ICENABLER, of any of the two; then the guest polls RWP */
		n++;
		if
		:: i = self
		:: i = other
		fi;
		d_step { /* irq_change() */
			enable[i] = false;
			pushes = held[i] && !queued[i];
			queued[i] = queued[i] || pushes
		}
		if
		:: pushes -> pushes = false; push(self, i)
		:: else
		fi;
#ifdef BREAK_OWN_NOT_COUNTED
		if
		:: i != self -> irq_sync(self, i)
		:: else
		fi;
#else
		irq_sync(self, i);
#endif
		waits = false;
		return_to_guest(self);
		do
		:: kick[self] -> kick[self] = false; return_to_guest(self)
		:: GUEST_STEP(self)
		:: GUEST_END(self)
		:: d_step { rwp == 0 -> assert(!(in_lr[i] && lr_pending[i])); i = 0 }
			break
		od
#endif
	od
}

/* vgic_pulse() on another CPU */
proctype pulser()
{
	byte i;
	bool first, pushes;

	for (i : 0 .. PULSED - 1) {
		d_step {
			latch[i] = true;
			pushes = !queued[i] && (held[i] || enable[i]);
			queued[i] = queued[i] || pushes
		}
		if
		:: pushes && i == 0 -> push(2, 0)
		:: pushes && i == 1 -> push(2, 1)
		:: else
		fi
	}
}


init
{
	atomic {
#ifdef EVICTED
		active_bit[0] = true; active_bit[1] = true;
#else
		in_lr[0] = true; in_lr[1] = true;
		lr_pending[0] = true; lr_pending[1] = true;
#endif
		run vcpu(0);
		run vcpu(1);
#if PULSED > 0
		run pulser()
#endif
	}
end:	do
	:: timeout -> assert(rwp == 0 && !sync[0] && !sync[1]);
		assert(owed[0] == 0 || owed[0] != acked[1] || !TRUTH(1));
		assert(owed[1] == 0 || owed[1] != acked[0] || !TRUTH(0));
		break
	od
}
