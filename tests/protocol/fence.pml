/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Fences on other harts, and what else comes by the same interrupt (monitor/riscv64: fence_request(), ask(),
 * fence_wait(), fence_serve(), take_reasons(), look_again(), fast_starts(), stops(), hart_sleep()). Two harts' payloads
 * change a page table and ask all harts that run the payload to flush their TLBs; the third one's is started and
 * stopped meanwhile. Firmware sends hart 0 a message of its own at any time. A hart is in its payload, in the
 * monitor, or stopped, which is asleep in the firmware and taking interrupts.
 *
 * Shown: when a call returns, nobody who is in the payload has in its TLB what was there before the change; no
 * request is overwritten or lost, everybody gets on, also with two that ask each other; when everybody rests, no
 * hart is in its payload, or asleep, with a message for its firmware.
 *
 * check: good -DLIVES=0: two that ask each other, and messages
 * check: good -DONE -DLIVES=1: one that asks, and one that starts
 * check: good -DONE -DROUNDS=2 -DSILENT: one that asks twice, and one that starts and stops
 * check: BREAK_NO_WAIT -DLIVES=0: who asks does not wait
 * check: BREAK_ACK_FIRST -DLIVES=0: it is done before it is done
 * check: BREAK_DEAF -DLIVES=0: who waits does not serve
 * check: BREAK_OVERWRITE: a hart has room for one that asks it
 * check: BREAK_POST_FIRST -DLIVES=0: the reason is posted before the request is there
 * check: BREAK_TAKE_FIRST -DLIVES=0: reasons are taken before the physical interrupt is cleared
 * check: BREAK_WAITING_LATE -DLIVES=0: who is waited for is noted after asking
 * check: BREAK_FLUSH_FIRST -DONE: a hart that starts flushes before it counts as running
 * check: BREAK_RUNNING_FIRST -DONE: who runs is read before the table is changed
 * check: BREAK_NO_LOOK -DLIVES=0: a message that came while waiting is not looked at again
 * check: BREAK_KICK_ALONE -DLIVES=0: it is, by an interrupt without a reason
 * check: BREAK_DEAF_ASLEEP -DONE: a stopped hart does not see to the payload's requests
 * check: BREAK_REUSE -DLIVES=0: what is asked for is described anew while somebody may still read it
 * large: good: all of it
 * large: good -DROUNDS=2 -DLIVES=0: each asks twice
 */
#ifndef ROUNDS
#define ROUNDS 1
#endif
#ifndef LIVES
#define LIVES 2			/* of the third hart */
#endif
#define HARTS	3
#define BIT(h)	(1 << (h))
#define FENCE	1
#define MESSAGE 2

byte table = 1;			/* its version */
byte tlb[HARTS];		/* the version that is in it, or 0 */
bool in_payload[HARTS];
#ifdef ONE
byte running = 1;		/* masks of harts */
#else
byte running = 3;
#endif
byte askers[HARTS], waiting[HARTS];
byte described[HARTS];		/* by its sender: what is older has to go; 0: something else */
byte done;			/* what is older has gone, say the calls that returned */
byte reasons[HARTS];
bool msip[HARTS];		/* physical */
bool message;			/* hart 0's firmware's */

inline post(to, why)
{
	d_step { had = reasons[to]; reasons[to] = had | why };
	if
	:: had == 0 -> msip[to] = true
	:: else
	fi
}

inline ask(to)
{
#ifdef BREAK_POST_FIRST
	post(to, FENCE);
	askers[to] = askers[to] | BIT(me);
#else
#ifdef BREAK_OVERWRITE
	askers[to] = BIT(me);
#else
	askers[to] = askers[to] | BIT(me);
#endif
	post(to, FENCE);
#endif
}

/* Of what is described, the hart flushes what is older. */
inline flush(s)
{
	d_step {
		if
		:: tlb[me] && tlb[me] < described[s] -> tlb[me] = 0
		:: else
		fi
	}
}

inline serve()
{
	d_step { from = askers[me]; askers[me] = 0 };
	s = 0;
	do
	:: s < HARTS && (from & BIT(s)) ->
#ifdef BREAK_ACK_FIRST
		waiting[s] = waiting[s] & ~BIT(me);
		flush(s);
#else
		flush(s);
		waiting[s] = waiting[s] & ~BIT(me);
#endif
		s++
	:: s < HARTS && !(from & BIT(s)) -> s++
	:: s == HARTS -> break
	od;
	s = 0; from = 0
}

/* The physical interrupt is taken: `why` is what was posted. */
inline take()
{
#ifdef BREAK_TAKE_FIRST
	d_step { why = reasons[me]; reasons[me] = 0 };
	msip[me] = false;
#else
	msip[me] = false;
	d_step { why = reasons[me]; reasons[me] = 0 };
#endif
	if
	:: why & FENCE -> serve()
	:: else
	fi
}

inline enter()
{
	d_step {
		assert(tlb[me] == 0 || tlb[me] >= done);
		in_payload[me] = true
	}
}

/* In the payload: the interrupt, and the firmware's message if there is one. */
inline interrupt()
{
	in_payload[me] = false;
	take();
	if
	:: me == 0 && why != FENCE && message -> message = false
	:: else
	fi;
	why = 0;
	enter()
}

inline access()
{
	d_step {
		if
		:: tlb[me] == 0 -> tlb[me] = table
		:: else
		fi
	}
}

inline fence_call()
{
#ifdef BREAK_RUNNING_FIRST
	targets = running & ~BIT(me);
	d_step { table++; mine = table };
	in_payload[me] = false;
#else
	d_step { table++; mine = table };
	in_payload[me] = false;
	targets = running & ~BIT(me);
#endif
	described[me] = mine;
#ifndef BREAK_WAITING_LATE
	waiting[me] = targets;
#endif
	s = 0;
	do
	:: s < HARTS && (targets & BIT(s)) -> ask(s); s++
	:: s < HARTS && !(targets & BIT(s)) -> s++
	:: s == HARTS -> break
	od;
	s = 0;
#ifdef BREAK_WAITING_LATE
	waiting[me] = targets;
#endif
	flush(me);
	looked = false;
#ifndef BREAK_NO_WAIT
#ifdef BREAK_REUSE
	described[me] = 0;
#endif
	do
	:: waiting[me] == 0 -> break
#ifndef BREAK_DEAF
	:: waiting[me] && msip[me] -> take(); why = 0; looked = true
#endif
	od;
#endif
#ifndef BREAK_NO_LOOK
	if
#ifdef BREAK_KICK_ALONE
	:: looked && me == 0 && message -> msip[me] = true
#else
	:: looked && me == 0 && message -> post(0, MESSAGE)
#endif
	:: else
	fi;
#endif
	skip;
	d_step {
		s = 0;
		do
		:: s < HARTS ->
			assert(!in_payload[s] || tlb[s] == 0 || tlb[s] >= mine);
			s++
		:: else -> break
		od;
		done = (mine > done -> mine : done);
		s = 0; looked = false; targets = 0; mine = 0;
		described[me] = 0
	};
	enter()
}

proctype sender(byte me)
{
	byte round, had, s, from, why, targets, mine;
	bool looked;

	in_payload[me] = true;
end:	do
	:: msip[me] -> interrupt()
	:: !msip[me] && tlb[me] == 0 -> access()
	:: !msip[me] && round < ROUNDS -> round++; fence_call()
	od
}

/* Started, stopped, and so on. */
proctype starter(byte me)
{
	byte had, s, from, why, life;

end:	do
	:: !in_payload[me] && msip[me] ->
#ifdef BREAK_DEAF_ASLEEP
		msip[me] = false;
		reasons[me] = 0
#else
		take();
		why = 0
#endif
	:: !in_payload[me] && life < LIVES ->
		life++;
#ifdef BREAK_FLUSH_FIRST
		tlb[me] = 0;
		/* What goes on in front of the payload may well be translated. */
		access();
		running = running | BIT(me);
#else
		running = running | BIT(me);
		tlb[me] = 0;
#endif
		enter()
	:: in_payload[me] && msip[me] -> interrupt()
	:: in_payload[me] && tlb[me] == 0 && !msip[me] -> access()
	:: in_payload[me] && life < LIVES && !msip[me] ->
		in_payload[me] = false;
		running = running & ~BIT(me)
	od
}

active proctype firmware()
{
	byte had;

#ifndef SILENT
	message = true;
	post(0, MESSAGE)
#else
	had = 0
#endif
}

init
{
	atomic {
		run sender(0);
#ifndef ONE
		run sender(1);
#endif
		run starter(2)
	};
	timeout;
	assert(!message && waiting[0] == 0 && waiting[1] == 0)
}
