/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What a handler finds and what it leaves (DEN0054 4.3; DDI 0487 AArch64.TakeException): registers, EVENT_CONTEXT,
 * PSTATE field by field as far as this CPU has them, from EL1 with either stack pointer and from EL0 in
 * either state; EVENT_COMPLETE and EVENT_COMPLETE_AND_RESUME.
 */
#include "gic.h"
#include "sdei.h"
#include "tap.h"
#include "timer.h"

#define DAIF_ALL    0x3c0ul
#define MODE_EL0    0ul
#define MODE_EL0_32 0x10ul
#define MODE_EL1T   4ul
#define MODE_EL1H   5ul
#define NZCV_MASK   0xf0000000ul
#define MODE_MASK   0x1ful
#define SPAN        (1ul << 23)
#define DSSBS       (1ul << 44)
#define ALIAS_CODE  0x80000000ul
#define ALIAS_DATA  0xc0000000ul
#define RAM         0x40000000ul
#define GIB         0x40000000ul

/* 1 GiB of RAM for EL0: read and executed; read and written, nobody executes. */
#define EL0_CODE (0x0020000000000000ul | RAM | 0x7c5)
#define EL0_DATA (0x0060000000000000ul | RAM | 0x745)

unsigned cpus_needed = 1;

/* Offsets in sdei_probe.S. */
static struct probe {
	uint64_t in[31], out[31];
	uint64_t flag, done;
	uint64_t nzcv, elr, spsr, sp_el0, spsel, sp;
	uint64_t nzcv_after, elr_after, spsr_after, sp_el0_after, spsel_after, daif_after;
} probe;

_Static_assert(offsetof(struct probe, flag) == 496, "sdei_probe.S");
_Static_assert(offsetof(struct probe, daif_after) == 600, "sdei_probe.S");

struct resumed {
	uint64_t elr, spsr, daif, spsel, nzcv, sp, x18, x0, x1, x2;
};
extern struct resumed resumed;
struct resumed resumed;

extern uint64_t level1_table[512];

void probe_hvc(struct probe *p);
void probe_smc(struct probe *p);
void probe_spin(struct probe *p);
extern char probe_hvc_to[], probe_smc_to[], probe_spin_from[], probe_spin_to[];
void go_to_el0(uint64_t alias, uint64_t code, uint64_t pstate, struct probe *p);
void back_from_el0(void);
void resume_and_return(void);
extern char code_at_el0[], code_at_el0_32[];

/* --- What a handler found ----------------------------------------------------------------------- */

static struct {
	struct sdei_state state;
	int64_t context[SDEI_LAST_CONTEXT + 1];
	uint64_t field[8]; /* of PSTATE, as fields[] has them */
} taken;

static void (*resume_at)(void);

/*
 * PSTATE's fields that have a register: PAN and UAO, SSBS, DIT, TCO, ALLINT, where ID registers say so.
 * `bit` is the field's in SPSR and in its own register.
 */
static struct field {
	const char *name;
	unsigned bit;
	bool there;
} fields[] = {
	{ "PAN", 22, false }, { "UAO", 23, false }, { "SSBS", 12, false },
	{ "DIT", 24, false }, { "TCO", 25, false }, { "ALLINT", 13, false },
};
enum { PAN, UAO, SSBS, DIT, TCO, ALLINT, FIELDS };

static uint64_t read_field(unsigned i)
{
	switch (i) {
	case PAN:
		return read_sysreg(s3_0_c4_c2_3);
	case UAO:
		return read_sysreg(s3_0_c4_c2_4);
	case SSBS:
		return read_sysreg(s3_3_c4_c2_6);
	case DIT:
		return read_sysreg(s3_3_c4_c2_5);
	case TCO:
		return read_sysreg(s3_3_c4_c2_7);
	default:
		return read_sysreg(s3_0_c4_c3_0);
	}
}

static void write_field(unsigned i, uint64_t value)
{
	switch (i) {
	case PAN:
		write_sysreg(s3_0_c4_c2_3, value);
		break;
	case UAO:
		write_sysreg(s3_0_c4_c2_4, value);
		break;
	case SSBS:
		write_sysreg(s3_3_c4_c2_6, value);
		break;
	case DIT:
		write_sysreg(s3_3_c4_c2_5, value);
		break;
	case TCO:
		write_sysreg(s3_3_c4_c2_7, value);
		break;
	default:
		write_sysreg(s3_0_c4_c3_0, value);
	}
	isb();
}

static unsigned id_field(uint64_t id, unsigned shift)
{
	return id >> shift & 0xf;
}

static void find_fields(void)
{
	uint64_t pfr0 = read_sysreg(id_aa64pfr0_el1), pfr1 = read_sysreg(id_aa64pfr1_el1);

	fields[PAN].there = id_field(read_sysreg(id_aa64mmfr1_el1), 20);
	fields[UAO].there = id_field(read_sysreg(s3_0_c0_c7_2), 4);
	fields[SSBS].there = id_field(pfr1, 4) >= 2;
	fields[DIT].there = id_field(pfr0, 48);
	fields[TCO].there = id_field(pfr1, 8);
	fields[ALLINT].there = id_field(pfr1, 36);
}

static void note(const struct sdei_state *state)
{
	taken.state = *state;
	for (unsigned n = 0; n <= SDEI_LAST_CONTEXT; n++)
		taken.context[n] = sdei_call(SDEI_CONTEXT, n);
	for (unsigned i = 0; i < FIELDS; i++)
		taken.field[i] = fields[i].there ? read_field(i) : 0;
}

/* Where the interrupted code is to be, if a timer decides when. */
static uint64_t loop_from, loop_to;
static unsigned ends;

/* The timer was faster than the way into the loop: it comes again. */
static bool too_early(const struct sdei_state *state)
{
	static unsigned again;

	if (!loop_to || probe.flag || (state->x[2] >= loop_from && state->x[2] < loop_to) ||
	    again > 10000)
		return false;
	again++;
	timer_set(&timer_virtual, counter_after_us(500 + again), TIMER_ENABLE);
	return true;
}

static uint64_t note_and_end(struct sdei_state *state, struct sdei_handler *handler)
{
	(void)handler;
	timer_control(&timer_virtual, 0);
	if (too_early(state))
		return 0;
	note(state);
	ends++;
	probe.flag = 1;
	return (uintptr_t)resume_at;
}

static struct sdei_handler handler = { .hook = note_and_end };

/* --- EL1 ---------------------------------------------------------------------------------------- */

static void fill(unsigned seed)
{
	for (unsigned i = 0; i < 31; i++) {
		probe.in[i] = (0x0123456789abcdeful + seed) * (2 * i + 3) ^ (uint64_t)i << 56;
		probe.out[i] = 0;
	}
	probe.in[29] = (uintptr_t)&probe;
	probe.flag = probe.done = 0;
	probe.nzcv = seed & 1 ? 0x90000000 : 0x60000000;
	probe.elr = 0x1234567890abcdec;
	probe.spsr = 0x80000005;
	probe.sp_el0 = 0xfedcba9876543210;
	for (unsigned i = 0; i < sizeof(taken.state.x) / 8; i++)
		taken.state.x[i] = 0;
}

static unsigned different(const uint64_t *found, const uint64_t *wanted, unsigned from, unsigned to)
{
	unsigned count = 0;

	for (unsigned i = from; i <= to; i++) {
		if (found[i] == wanted[i])
			continue;
		print("# x%u: found 0x%lx, wanted 0x%lx\n", i, found[i], wanted[i]);
		count++;
	}
	return count;
}

/* What is the same wherever it came from: `in` are the registers as interrupted. */
static void found_on_entry(const char *what, int64_t event, const uint64_t *in, unsigned last)
{
	const struct sdei_state *state = &taken.state;

	is(state->x[0], (uint64_t)event, "%s: x0 is the event", what);
	is(state->x[1], (uintptr_t)&handler, "%s: x1 is the argument", what);
	is(different(state->x, in, 4, last), 0, "%s: x4 to x%u are as interrupted", what, last);
	is(different((const uint64_t *)taken.context, in, 0, last < 17 ? last : 17), 0,
	   "%s: EVENT_CONTEXT gives x0 to x%u", what, last < 17 ? last : 17);
	is(state->daif, DAIF_ALL, "%s: handler: DAIF is masked", what);
	is(state->spsel, 1, "%s: handler: SP_EL1 is selected", what);
	is(state->current_el, 4, "%s: handler: EL1", what);
	is(state->nzcv, state->x[3] & NZCV_MASK, "%s: handler: NZCV is kept", what);
}

static void system_registers(const char *what)
{
	const struct sdei_state *state = &taken.state;

	is(state->elr, probe.elr, "%s: handler: ELR_EL1 is untouched", what);
	is(state->spsr, probe.spsr, "%s: handler: SPSR_EL1 is untouched", what);
	is(state->sp_el0, probe.sp_el0, "%s: handler: SP_EL0 is untouched", what);
	is(probe.elr_after, probe.elr, "%s: afterwards ELR_EL1 is what it was", what);
	is(probe.spsr_after, probe.spsr, "%s: afterwards SPSR_EL1 is what it was", what);
}

static void after_it(const char *what, uint64_t daif)
{
	is(different(probe.out, probe.in, 0, 30), 0, "%s: afterwards x0 to x30 are what they were",
	   what);
	is(probe.nzcv_after, probe.nzcv, "%s: afterwards NZCV is what it was", what);
	is(probe.sp_el0_after, probe.sp_el0, "%s: afterwards SP_EL0 is what it was", what);
	is(probe.spsel_after, probe.spsel, "%s: afterwards SPSel is what it was", what);
	is(probe.daif_after, daif, "%s: afterwards DAIF is what it was", what);
}

static uint64_t mode_and_masks(void)
{
	return (probe.spsel ? MODE_EL1H : MODE_EL1T) | read_sysreg(daif) | probe.nzcv;
}

#define SEEN_BITS (NZCV_MASK | DAIF_ALL | MODE_MASK | 1ul << 21 | 1ul << 20)

/* Interrupted behind the call that signals the event. */
static void by_call(const char *what, void (*run)(struct probe *), const char *to, bool el1h,
		    bool masked)
{
	uint64_t daif;

	ends = 0;
	fill(el1h + 2 * masked);
	probe.in[0] = SDEI_BASE + SDEI_SIGNAL;
	probe.in[1] = 0;
	probe.in[2] = this_cpu()->affinity;
	probe.spsel = el1h;
	if (masked)
		irq_mask();
	daif = read_sysreg(daif);
	run(&probe);
	irq_unmask();
	is(ends, 1, "%s: the handler ran once, at once", what);
	probe.in[0] = 0; /* SUCCESS, written before the event */
	is(taken.state.x[2], (uintptr_t)to, "%s: x2 is behind the call", what);
	is(taken.state.x[3] & SEEN_BITS, (el1h ? MODE_EL1H : MODE_EL1T) | daif | probe.nzcv,
	   "%s: x3 is the PSTATE: mode, DAIF, NZCV, SS, IL", what);
	found_on_entry(what, 0, probe.in, 30);
	system_registers(what);
	after_it(what, daif);
}

static void calls_are_interrupted(void)
{
	ok(sdei_listen(0, &handler, 0, 0), "event 0: registered, enabled, unmasked");
	by_call("EL1h, HVC", probe_hvc, probe_hvc_to, true, false);
	by_call("EL1h masked, HVC", probe_hvc, probe_hvc_to, true, true);
	by_call("EL1t, HVC", probe_hvc, probe_hvc_to, false, false);
	by_call("EL1h, SMC", probe_smc, probe_smc_to, true, false);
	by_call("EL1t masked, SMC", probe_smc, probe_smc_to, false, true);
	sdei_forget(0);
}

/* Interrupted in a loop, by a timer; `resume`: it goes on as an exception would, and comes back by ERET. */
static void in_a_loop(const char *what, int64_t event, bool el1h, bool masked, bool resume)
{
	uint64_t daif, wanted;

	ends = 0;
	loop_from = (uintptr_t)probe_spin_from;
	loop_to = (uintptr_t)probe_spin_to;
	fill(el1h + 4 + 2 * masked);
	probe.in[30] = 0;
	probe.spsel = el1h;
	resume_at = resume ? resume_and_return : NULL;
	if (masked)
		irq_mask();
	daif = read_sysreg(daif);
	wanted = mode_and_masks();
	timer_set(&timer_virtual, counter_after_us(500), TIMER_ENABLE);
	probe_spin(&probe);
	irq_unmask();
	is(ends, 1, "%s: the handler ran once", what);
	ok(taken.state.x[2] >= (uintptr_t)probe_spin_from &&
		   taken.state.x[2] < (uintptr_t)probe_spin_to,
	   "%s: x2 is in the loop", what);
	is(taken.state.x[3] & SEEN_BITS, wanted, "%s: x3 is the PSTATE: mode, DAIF, NZCV, SS, IL",
	   what);
	found_on_entry(what, event, probe.in, 30);
	probe.in[30] = 1;
	if (resume) {
		is(resumed.elr, taken.state.x[2], "%s: resumed: ELR_EL1 is the interrupted PC",
		   what);
		is(resumed.spsr, taken.state.x[3],
		   "%s: resumed: SPSR_EL1 is the interrupted PSTATE", what);
		is(resumed.daif, DAIF_ALL, "%s: resumed: DAIF is masked", what);
		is(resumed.spsel, 1, "%s: resumed: SP_EL1 is selected", what);
		is(resumed.sp, taken.state.sp, "%s: resumed: SP_EL1 is as interrupted", what);
		is(resumed.x0 == probe.in[0] && resumed.x1 == probe.in[1] &&
			   resumed.x2 == probe.in[2] && resumed.x18 == probe.in[18],
		   true, "%s: resumed: x0, x1, x2, x18 are as interrupted", what);
	} else {
		system_registers(what);
	}
	after_it(what, daif);
	resume_at = NULL;
	loop_to = 0;
}

static void loops_are_interrupted(int64_t event)
{
	in_a_loop("EL1h, timer", event, true, false, false);
	in_a_loop("EL1h masked, timer", event, true, true, false);
	in_a_loop("EL1t, timer", event, false, false, false);
	in_a_loop("EL1t masked, timer", event, false, true, false);
	in_a_loop("EL1h, resume", event, true, false, true);
	in_a_loop("EL1h masked, resume", event, true, true, true);
	in_a_loop("EL1t, resume", event, false, false, true);
}

/* --- PSTATE's fields ------------------------------------------------------------------------------ */

static void write_sctlr(uint64_t value)
{
	write_sysreg(sctlr_el1, value);
	isb();
}

/* What an exception to EL1 makes of a field. */
static bool after_exception(unsigned i, bool before, bool control)
{
	switch (i) {
	case PAN:
		return control ? before : true; /* SPAN */
	case SSBS:
		return control; /* DSSBS */
	case DIT:
		return before;
	case TCO:
	case ALLINT: /* SCTLR_EL1.SPINTMASK is 0 */
		return true;
	default:
		return false;
	}
}

static uint64_t control_of(unsigned i)
{
	return i == PAN ? SPAN : i == SSBS ? DSSBS : 0;
}

static bool field_is_right(unsigned i, bool before, bool control, bool resume)
{
	uint64_t bit = 1ul << fields[i].bit, sctlr = read_sysreg(sctlr_el1), after;
	bool inside = after_exception(i, before, control), right;

	fill(i);
	probe.in[0] = SDEI_BASE + SDEI_SIGNAL;
	probe.in[1] = 0;
	probe.in[2] = this_cpu()->affinity;
	probe.spsel = 1;
	resume_at = resume ? resume_and_return : NULL;
	if (control_of(i))
		write_sctlr(control ? sctlr | control_of(i) : sctlr & ~control_of(i));
	write_field(i, before ? bit : 0);
	probe_hvc(&probe);
	after = read_field(i);
	write_sctlr(sctlr);
	write_field(i, 0);
	resume_at = NULL;
	right = !(taken.state.x[3] & bit) == !before && !(taken.field[i] & bit) == !inside &&
		!(after & bit) == !before;
	if (!right)
		print("# before %u, control %u: x3 0x%lx, in the handler 0x%lx, afterwards 0x%lx\n",
		      before, control, taken.state.x[3], taken.field[i], after);
	return right;
}

static void pstate_fields(void)
{
	ok(sdei_listen(0, &handler, 0, 0), "event 0: registered, enabled, unmasked");
	for (unsigned i = 0; i < FIELDS; i++) {
		bool right = true;

		if (!fields[i].there) {
			skip(fields[i].name, "PSTATE: this CPU has no such field");
			continue;
		}
		for (unsigned bits = 0; bits < 8; bits++)
			if (control_of(i) || !(bits & 2))
				right &= field_is_right(i, bits & 1, bits & 2, bits & 4);
		ok(right, "PSTATE.%s: in x3, in the handler, and afterwards", fields[i].name);
	}
	sdei_forget(0);
}

/* --- EL0 ---------------------------------------------------------------------------------------- */

static unsigned tries;

static uint64_t at_el0(struct sdei_state *state, struct sdei_handler *mine)
{
	(void)mine;
	timer_control(&timer_virtual, 0);
	if (too_early(state))
		return 0;
	if (!probe.flag)
		note(state);
	else if (probe.done || ++tries > 5000)
		return (uintptr_t)back_from_el0;
	probe.flag = 8;
	timer_set(&timer_virtual, counter_after_us(500), TIMER_ENABLE);
	return 0;
}

static uint64_t alias(const void *address, uint64_t at)
{
	return (uintptr_t)address - RAM + at;
}

static void map_for_el0(void)
{
	level1_table[ALIAS_CODE / GIB] = EL0_CODE;
	level1_table[ALIAS_DATA / GIB] = EL0_DATA;
	dsb();
	isb();
}

static void from_el0(const char *what, int64_t event, bool aarch32)
{
	uint64_t code = alias(aarch32 ? code_at_el0_32 : code_at_el0, ALIAS_CODE);
	uint64_t pstate;

	fill(9);
	loop_from = code;
	loop_to = code + (aarch32 ? 20 : 8);
	tries = 0;
	probe.in[29] = alias(&probe, ALIAS_DATA);
	probe.in[30] = 0;
	pstate = probe.nzcv | (aarch32 ? DAIF_ALL - 0x200 + MODE_EL0_32 : DAIF_ALL + MODE_EL0);
	if (aarch32) {
		for (unsigned i = 0; i < 15; i++)
			probe.in[i] = (uint32_t)probe.in[i];
		probe.in[11] = 0;
		probe.in[12] = probe.in[29];
	}
	irq_mask();
	timer_set(&timer_virtual, counter_after_us(500), TIMER_ENABLE);
	go_to_el0(alias(&probe, ALIAS_DATA), code, pstate, &probe);
	irq_unmask();
	ok(probe.done, "%s: interrupted twice or more, it went on and came to its end", what);
	ok(taken.state.x[2] >= code && taken.state.x[2] < loop_to, "%s: x2 is in the loop", what);
	is(taken.state.x[3] & (SEEN_BITS & (aarch32 ? ~0x200ul : ~0ul)), pstate,
	   "%s: x3 is the PSTATE: mode, DAIF, NZCV, SS, IL", what);
	found_on_entry(what, event, probe.in, aarch32 ? 14 : 30);
	is(taken.state.elr, code, "%s: handler: ELR_EL1 is untouched", what);
	is(taken.state.spsr, pstate, "%s: handler: SPSR_EL1 is untouched", what);
	is(taken.state.sp, probe.sp, "%s: handler: SP_EL1 is untouched", what);
	if (!aarch32) {
		is(taken.state.sp_el0, probe.sp_el0, "%s: handler: SP_EL0 is untouched", what);
		probe.in[30] = 8;
		is(different(probe.out, probe.in, 0, 30), 0,
		   "%s: afterwards x0 to x30 are what they were", what);
	} else {
		is(different(probe.out, probe.in, 0, 4) + different(probe.out, probe.in, 10, 10) +
			   different(probe.out, probe.in, 13, 14),
		   0, "%s: afterwards r0 to r4, r10, r13, r14 are what they were", what);
	}
	is(probe.nzcv_after & NZCV_MASK, probe.nzcv, "%s: afterwards NZCV is what it was", what);
	is(resumed.elr - code < 24 * 4, true, "%s: resumed at EL1: ELR_EL1 is where it was", what);
	is(resumed.spsr & SEEN_BITS & (aarch32 ? ~0x200ul : ~0ul) & ~NZCV_MASK, pstate & ~NZCV_MASK,
	   "%s: resumed at EL1: SPSR_EL1 is its PSTATE", what);
	loop_to = 0;
	is(resumed.daif, DAIF_ALL, "%s: resumed at EL1: DAIF is masked", what);
	is(resumed.spsel, 1, "%s: resumed at EL1: SP_EL1 is selected", what);
}

static void timers(void)
{
	int64_t event = sdei_call(SDEI_BIND, timer_virtual.intid);

	ok(event > 0, "the virtual timer is bound");
	ok(sdei_listen(event, &handler, 0, 0), "the virtual timer's event: registered, enabled");
	loops_are_interrupted(event);
	map_for_el0();
	handler.hook = at_el0;
	from_el0("EL0", event, false);
	if (id_field(read_sysreg(id_aa64pfr0_el1), 0) >= 2)
		from_el0("EL0 in AArch32", event, true);
	else
		skip("EL0 in AArch32", "PSTATE: this CPU has no AArch32");
	sdei_forget(event);
	answers(sdei_call(SDEI_RELEASE, (uint64_t)event), 0, "the virtual timer is released");
}

/* 1.1: the entry counts from VBAR_EL1. */
static void relative_entry(void)
{
	uint64_t entry = (uintptr_t)sdei_entry_normal - read_sysreg(vbar_el1);

	if (sdei_call(SDEI_FEATURES, 1) != 1)
		return;
	sdei_call(SDEI_REGISTER, 0, entry, (uintptr_t)&handler, SDEI_RELATIVE, 0);
	sdei_call(SDEI_ENABLE, 0);
	by_call("relative entry", probe_hvc, probe_hvc_to, true, false);
	sdei_forget(0);
}

/* A call that takes the PE to no handler: what it leaves. */
static void plain_call(void)
{
	fill(1);
	probe.in[0] = SDEI_BASE + SDEI_STATUS;
	probe.in[1] = 0;
	probe.spsel = 1;
	probe_hvc(&probe);
	is(probe.out[0], 0, "a call's answer is in x0");
	is(different(probe.out, probe.in, 1, 30), 0, "a call leaves x1 to x30 alone");
}

void guest_main(void)
{
	sdei_init();
	find_fields();
	timer_control(&timer_virtual, 0);
	plain_call();
	calls_are_interrupted();
	relative_entry();
	timers();
	handler.hook = note_and_end;
	pstate_fields();
	is(count_total(0), 0, "no ordinary interrupt came of all this");
}
