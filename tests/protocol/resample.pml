/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * A level-sensitive interrupt that is mapped to a physical one (lib/vgic: fold() and vgic_refill()
 * in lr.c, physical_lower(), physical_match() and physical_after() in settle.c). The host leaves the
 * physical interrupt active and says line = 1; the guest's deactivation, or the library's release,
 * clears the active state; while it is active it cannot fire again. The line rises and falls when
 * it likes, another CPU takes the physical interrupt, a vCPU that may not be the holder retargets,
 * disables and enables it. The list register always has the HW bit. Changes of the word, of the
 * line and of the physical state are single steps; what was read is old by the next one.
 *
 * Shown: when everybody rests, the physical interrupt is inactive, or the virtual one is pending
 * or active, so that the guest will be told and release it: no assertion is lost.
 *
 * check: good -DROUTES=1: assertions while it is retargeted
 * check: good -DTOGGLES=1: assertions while it is disabled and enabled
 * check: BREAK_CLEAR_FIRST: the active state is cleared before line = 0 is published
 * check: BREAK_NO_RELEASE: line = 0 is published and the active state left
 * check: BREAK_MATCH -DROUTES=1: a release that finds it due again sets the active state
 * check: BREAK_NO_SAMPLE: what the list register took is given back as low without a look
 * check: BREAK_LATE_LOOK: fold writes the line as sampled over what came since
 * check: BREAK_ENABLE_NO_RELEASE -DTOGGLES=1: enabling sees that the line fell, and leaves it at that
 * large: good -DROUTES=1 -DTOGGLES=1: all of it together
 * large: good -DROUTES=2 -DASSERTIONS=3: more of it
 */
#ifndef ROUTES
#define ROUTES 0
#endif
#ifndef TOGGLES
#define TOGGLES 0
#endif
#ifndef ASSERTIONS
#define ASSERTIONS 2
#endif

bool line, physical_active;	/* the device's output; the physical interrupt's state */

/* The word. */
bool w_line, is_active, queued, held, enable = true, w_physical;
byte holder, target;
/* The list register of the holder that has it. */
bool in_lr, lr_pending, lr_active, w_lr_pending;

bool inbox[2], busy[2];
byte working;	/* a handler or a writer is on its way */

#define WANTED (enable && w_line)
#define NEEDS_LOOK (held || w_physical || WANTED || is_active)
#define OURS (held && holder == self)
#define DUE (w_line || is_active || w_lr_pending)

inline post()
{
	d_step { inbox[(held -> holder : target)] = true }
}

/* irq_settle(); `fold` is FROM_LR, `high` what it found the line to be if the register took it. */
inline settle(fold, high)
{
	d_step {
		pushing = fold && queued;
		asked = !fold && w_physical;
		if
		:: fold ->
			is_active = lr_active;
#ifdef BREAK_LATE_LOOK
			w_line = high;
#else
			w_line = w_line || high;
#endif
			in_lr = false; lr_pending = false; lr_active = false; w_lr_pending = false
		:: else -> queued = false; w_physical = false
		fi;
		if
		:: (held -> holder == self : target == self) ->
			held = is_active || (target == self && WANTED);
			holder = (held -> self : 0)
		:: else
		fi;
		forwards = NEEDS_LOOK && !OURS && !pushing;
		queued = queued || forwards
	}
}

/* physical_lower(): true in `lowered` if the line was low. */
inline lower()
{
	lowered = !line;
	if
	:: lowered ->
#ifdef BREAK_CLEAR_FIRST
		physical_active = false;
#endif
		w_line = false
	:: else
	fi
}

/* The guest is done with it, or never saw it: clear the physical active state unless it is due. */
inline release()
{
#if !defined(BREAK_NO_RELEASE) && !defined(BREAK_CLEAR_FIRST)
#ifdef BREAK_MATCH
	do
	::	due = DUE;
		physical_active = due;
		if
		:: due == DUE -> break
		:: else
		fi
	od;
#else
	due = DUE;
	if
	:: !due -> physical_active = false
	:: else
	fi;
#endif
	due = false
#else
	skip
#endif
}

inline fold()
{
	lowered = false;
	high = false;
	if
	:: OURS && in_lr && lr_pending -> /* it took the line along */
#ifndef BREAK_NO_SAMPLE
		high = line;
		lowered = !high;
#endif
#ifdef BREAK_CLEAR_FIRST
		if
		:: lowered -> physical_active = false
		:: else
		fi;
#endif
		settle(true, high)
	:: OURS && in_lr && !lr_pending ->
		if
		:: !lr_active && w_line -> lower()
		:: else
		fi;
		settle(true, false)
	:: else -> forwards = false
	fi;
	if
	:: lowered -> release()
	:: else
	fi;
	lowered = false; high = false;
	if
	:: forwards -> forwards = false; post() /* later in the code, and the link is ours until then */
	:: else
	fi
}

inline drain()
{
	if
	:: inbox[self] ->
		inbox[self] = false;
		if
		:: w_physical && w_line && !is_active -> lower(); lowered = false
		:: else
		fi;
		settle(false, false);
		if /* physical_after() */
#ifndef BREAK_ENABLE_NO_RELEASE
		:: asked -> release()
#endif
		:: else
		fi;
		asked = false;
		if
		:: forwards -> forwards = false; post()
		:: else
		fi
	:: else
	fi
}

inline fill()
{
	d_step {
		if
		:: OURS && !in_lr ->
			in_lr = true;
			lr_active = is_active;
			lr_pending = !is_active && WANTED && target == self;
			w_lr_pending = lr_pending;
			w_line = w_line && !lr_pending
		:: else
		fi
	}
}

#define ENDED (OURS && in_lr && !lr_pending && !lr_active)

proctype vcpu(byte self)
{
	bool lowered, high, forwards, pushing, asked, due;

end:	do
	:: d_step { !busy[self] && OURS && in_lr && lr_pending ->
			lr_pending = false; lr_active = true }
	/* The HW bit: the guest's deactivation is the physical one's. */
	:: d_step { !busy[self] && OURS && in_lr && lr_active ->
			lr_active = false; physical_active = false }
	:: d_step { !busy[self] && inbox[self] && !w_physical && WANTED && target == self &&
		    (held -> ENDED : !is_active) -> /* vgic_refill(), fill_new() */
			inbox[self] = false; queued = false; is_active = false;
			held = true; holder = self; in_lr = true; lr_pending = true;
			w_lr_pending = true; w_line = false }
	:: d_step { !busy[self] && ENDED && !queued && !w_line -> /* retire() */
			held = false; holder = 0; in_lr = false; is_active = false;
			w_lr_pending = false }
	:: d_step { !busy[self] && (inbox[self] || (OURS && in_lr)) -> busy[self] = true }
		fold();
		drain();
		fill();
		busy[self] = false
	od
}

/* A physical CPU takes the interrupt, acknowledges it, and calls vgic_set_line(true). */
proctype handler()
{
	bool pushes;

end:	do
	:: d_step { line && !physical_active -> physical_active = true; working++ }
		d_step { /* line_rises() */
			pushes = !w_line && !queued;
			w_line = true;
			pushes = pushes && NEEDS_LOOK;
			queued = queued || pushes
		}
		if
		:: pushes -> post()
		:: else
		fi;
		d_step { pushes = false; working-- }
	od
}

proctype device()
{
	byte n;

end:	do
	:: d_step { !line && n < ASSERTIONS -> line = true; n++ }
	:: line -> line = false
	od
}

/* Another vCPU writes IROUTER, ICENABLER and ISENABLER. */
proctype writer()
{
	byte routes, toggles;
	bool pushes;

end:	do
	:: d_step { routes < ROUTES -> working++; routes++; target = 1 - target;
			pushes = !queued && NEEDS_LOOK; queued = queued || pushes }
		if
		:: pushes -> post()
		:: else
		fi;
		d_step { pushes = false; working-- }
	:: d_step { toggles < TOGGLES -> working++; toggles++; enable = false;
			pushes = !queued && NEEDS_LOOK; queued = queued || pushes }
		if
		:: pushes -> post()
		:: else
		fi;
		d_step { enable = true;
			w_physical = w_physical || w_line;
			pushes = !queued && NEEDS_LOOK; queued = queued || pushes }
		if
		:: pushes -> post()
		:: else
		fi;
		d_step { pushes = false; working-- }
	od
}

active proctype observer()
{
end:	do
	:: d_step {
		!working && !busy[0] && !busy[1] && !inbox[0] && !inbox[1] ->
		assert(!queued);
		assert(!physical_active || w_line || is_active || (in_lr && (lr_pending || lr_active)));
		assert(!WANTED || held)
	}
	od
}

init
{
	atomic {
		run vcpu(0);
#if ROUTES > 0
		run vcpu(1);
#endif
		run handler();
		run handler();
		run device();
		run writer()
	}
}
