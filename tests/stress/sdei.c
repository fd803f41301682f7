/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The SDEI dispatcher under threads, for ThreadSanitizer: four vCPUs, which sleep until they are kicked,
 * call at random and run handlers; one thread that raises shared and private events, one that is the
 * devices of bound interrupts, edges and levels. In rounds. In two of three all events stay registered, and
 * what a vCPU masks or disables it unmasks or enables again: when all have come to rest each event must
 * have been delivered after it was last raised, though nobody looked who had not been kicked. In the third,
 * vCPUs register, unregister, bind, release, and go off and on as well; then what counts is that nothing is
 * stuck in the next one.
 *
 * Always: a shared handler runs on one vCPU at a time, and what it wrote the next one sees; who signals has
 * its stores seen by the handler; what was interrupted comes back.
 *
 *	sdei-tsan [SECONDS [SEED]]
 */
#define _POSIX_C_SOURCE 200809L
#include <carillon/sdei.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define VCPUS 4
#define STEPS 60 /* of a round */
#define PPI   20u
#define LEVEL 40u
#define EDGE  41u

/* Events, as the arrays here count them; their numbers and kinds. */
enum {
	SIGNALLED,
	PRIVATE,
	PRIVATE_CRITICAL,
	ANY,
	ANY_CRITICAL,
	ONE,
	BOUND_PPI,
	BOUND_LEVEL,
	BOUND_EDGE,
	EVENTS
};

static const struct sdei_event event_of[] = {
	{ 1, false, false }, { 2, false, true }, { 3, true, false },
	{ 4, true, true },   { 5, true, false },
};
static const int32_t number_of[EVENTS] = {
	0, 1, 2, 3, 4, 5, SDEI_BOUND_FIRST, SDEI_BOUND_SHARED, SDEI_BOUND_SHARED + 1
};

static bool is_shared(unsigned event)
{
	return event >= ANY && event != BOUND_PPI;
}

static struct vcpu {
	pthread_t thread;
	unsigned index;
	uint64_t random;
	atomic_bool kicked;
	bool due; /* port->later; its own */
	unsigned depth;
	uint64_t x[18], pc, pstate;
	unsigned sent; /* letters to the next vCPU */
	unsigned long entered, nested, calls, refused;
} vcpus[VCPUS];

static struct sdei *sdei;
static pthread_barrier_t barrier;
static atomic_bool stop;
static atomic_uint idle;
static bool rough; /* the third round */

/* Of an event: how often it was raised, and how often at the last delivery. A private one's, by vCPU. */
static atomic_uint raised[EVENTS][VCPUS], seen[EVENTS][VCPUS];
static atomic_int running[EVENTS]; /* a shared one: vCPUs in its handler */
static unsigned runs[EVENTS];      /* a shared one's, plain: each handler's run adds to it */
static atomic_uint total[EVENTS];

/* From a vCPU to the next one: plain, the signal carries it over. */
static unsigned letter[VCPUS];
static atomic_uint answered[VCPUS];

static atomic_ulong kicks, two_at_once, spoiled, wrong_letters;
static unsigned long rounds, lost, unkicked, unwritten, stuck;

static uint64_t next_random(uint64_t *random)
{
	uint64_t z = (*random += 0x9e3779b97f4a7c15u);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	return z ^ z >> 27;
}

/* --- The interrupt controller and the port ------------------------------------------------------- */

/* PPIs, and the two SPIs behind them. */
static struct irq {
	atomic_bool line, latch, diverted;
} irqs[VCPUS + 2];

static struct irq *irq_at(unsigned vcpu, virq_t virq)
{
	return &irqs[virq == PPI ? vcpu : virq == LEVEL ? VCPUS : VCPUS + 1];
}

static void kick(void *host, unsigned vcpu)
{
	(void)host;
	atomic_fetch_add_explicit(&kicks, 1, memory_order_relaxed);
	atomic_store(&vcpus[vcpu].kicked, true);
}

static int vcpu_of_mpidr(void *host, uint64_t mpidr)
{
	(void)host;
	return mpidr < VCPUS ? (int)mpidr : -1;
}

static uint64_t mpidr_of(void *host, unsigned vcpu)
{
	(void)host;
	return vcpu;
}

static bool irq_valid(void *host, unsigned vcpu, virq_t virq)
{
	(void)host;
	(void)vcpu;
	return virq == PPI || virq == LEVEL || virq == EDGE;
}

static bool irq_pending(void *host, unsigned vcpu, virq_t virq)
{
	struct irq *irq = irq_at(vcpu, virq);

	(void)host;
	return virq == LEVEL ? atomic_load(&irq->line) : atomic_load(&irq->latch);
}

static int irq_divert(void *host, unsigned vcpu, virq_t virq, bool again)
{
	if (!again && irq_pending(host, vcpu, virq))
		return SDEI_DENIED;
	atomic_store(&irq_at(vcpu, virq)->diverted, true);
	return 0;
}

static void irq_return(void *host, unsigned vcpu, virq_t virq)
{
	(void)host;
	atomic_store(&irq_at(vcpu, virq)->diverted, false);
	atomic_store(&irq_at(vcpu, virq)->latch, false);
}

static void irq_take(void *host, unsigned vcpu, virq_t virq)
{
	(void)host;
	atomic_store(&irq_at(vcpu, virq)->latch, false);
}

static bool irq_end(void *host, unsigned vcpu, virq_t virq)
{
	return irq_pending(host, vcpu, virq);
}

static bool irq_clear(void *host, unsigned vcpu, virq_t virq)
{
	irq_take(host, vcpu, virq);
	return irq_pending(host, vcpu, virq);
}

static void later(void *host, unsigned vcpu)
{
	(void)host;
	vcpus[vcpu].due = true;
}

/* Of the last two events, whose slots may be released and bound again the other way around. */
static atomic_bool has_level[EVENTS];

static void bound(void *host, unsigned vcpu, virq_t virq, int32_t event, bool bound)
{
	(void)host;
	(void)vcpu;
	if (event >= SDEI_BOUND_SHARED)
		atomic_store(&has_level[BOUND_LEVEL + event - SDEI_BOUND_SHARED],
			     bound && virq == LEVEL);
}

static const struct sdei_port port = {
	.kick = kick,
	.vcpu_of_mpidr = vcpu_of_mpidr,
	.mpidr = mpidr_of,
	.irq_valid = irq_valid,
	.irq_divert = irq_divert,
	.irq_return = irq_return,
	.irq_pending = irq_pending,
	.irq_take = irq_take,
	.irq_end = irq_end,
	.irq_clear = irq_clear,
	.later = later,
	.bound = bound,
};

/* --- A vCPU --------------------------------------------------------------------------------------- */

static struct sdei_frame frame_of(struct vcpu *v)
{
	return (struct sdei_frame){ .x = v->x, .pc = v->pc, .pstate = v->pstate };
}

/* A call that is no completion: the answer. */
static int64_t call(struct vcpu *v, unsigned function, uint64_t x1, uint64_t x2, uint64_t x3)
{
	uint64_t x[18];
	struct sdei_frame frame = frame_of(v);

	memcpy(x, v->x, sizeof(x));
	frame.x = x;
	x[0] = SDEI_CALL_FIRST + function;
	x[1] = x1;
	x[2] = x2;
	x[3] = x3;
	x[4] = function == SDEI_EVENT_REGISTER ? x3 & 1 : x[4];
	x[5] = function == SDEI_EVENT_REGISTER ? x3 >> 1 : x[5];
	while (sdei_call(sdei, v->index, &frame) == SDEI_AGAIN)
		;
	v->calls++;
	v->refused += (int64_t)x[0] < 0;
	return (int64_t)x[0];
}

static void visit(unsigned event, bool enters)
{
	if (enters && atomic_fetch_add(&running[event], 1))
		atomic_fetch_add(&two_at_once, 1);
	if (enters)
		runs[event]++;
	else
		atomic_fetch_sub(&running[event], 1);
}

static void read_letter(struct vcpu *v)
{
	unsigned from = (v->index + VCPUS - 1) % VCPUS, was = atomic_load(&answered[from]);

	if (letter[from] < was)
		atomic_fetch_add(&wrong_letters, 1);
	atomic_store(&answered[from], letter[from]);
}

/* The device is silenced before its count is read: what it does next is another interrupt. */
static void silence(struct vcpu *v, unsigned event)
{
	if (atomic_load(&has_level[event]))
		atomic_store(&irq_at(v->index, LEVEL)->line, false);
}

static void work(struct vcpu *v);
static void look(struct vcpu *v);

static unsigned event_with(int32_t number)
{
	for (unsigned n = 0; n < EVENTS; n++)
		if (number_of[n] == number)
			return n;
	abort();
}

static void complete(struct vcpu *v, struct sdei_frame *frame, const struct vcpu *before)
{
	v->x[0] = SDEI_CALL_FIRST + SDEI_EVENT_COMPLETE;
	if (sdei_call(sdei, v->index, frame) != SDEI_DONE ||
	    memcmp(v->x, before->x, sizeof(v->x)) != 0 || frame->pc != before->pc ||
	    frame->pstate != before->pstate)
		atomic_fetch_add(&spoiled, 1);
}

/* A handler's life. */
static void handle(struct vcpu *v, struct sdei_frame *frame, const struct vcpu *before)
{
	unsigned event = event_with((int32_t)v->x[0]), place = is_shared(event) ? 0 : v->index;

	v->entered++;
	v->nested += v->depth++ > 0;
	v->pc = frame->pc;
	v->pstate = frame->pstate;
	atomic_fetch_add_explicit(&total[event], 1, memory_order_relaxed);
	if (is_shared(event))
		visit(event, true);
	silence(v, event);
	atomic_store(&seen[event][place], atomic_load(&raised[event][place]));
	if (event == SIGNALLED)
		read_letter(v);
	if (next_random(&v->random) % 2)
		work(v);
	if (is_shared(event))
		visit(event, false);
	complete(v, frame, before);
	v->depth--;
	v->pc = frame->pc;
	v->pstate = frame->pstate;
}

/* As an embedder does before it enters the guest; a handler that is entered runs to its end. */
static void look(struct vcpu *v)
{
	atomic_store(&v->kicked, false);
	if (v->due) {
		v->due = false;
		sdei_again(sdei, v->index);
	}
	while (sdei_pending(sdei, v->index)) {
		struct sdei_frame frame;
		struct vcpu before;

		for (unsigned n = 0; n < 18; n++)
			v->x[n] = v->calls * 100 + n;
		frame = frame_of(v);
		memcpy(before.x, v->x, sizeof(v->x));
		before.pc = v->pc;
		before.pstate = v->pstate;
		if (!sdei_enter(sdei, v->index, &frame))
			break;
		handle(v, &frame, &before);
	}
}

static void dawdle(struct vcpu *v)
{
	if (next_random(&v->random) % 3 == 0)
		sched_yield();
}

static void mask(struct vcpu *v)
{
	call(v, SDEI_PE_MASK, 0, 0, 0);
	dawdle(v);
	call(v, SDEI_PE_UNMASK, 0, 0, 0);
	look(v);
}

/* For a while; and perhaps it goes to another vCPU afterwards. */
static void disable(struct vcpu *v, unsigned event)
{
	call(v, SDEI_EVENT_DISABLE, (uint64_t)number_of[event], 0, 0);
	dawdle(v);
	if (is_shared(event) && next_random(&v->random) % 2)
		call(v, SDEI_EVENT_ROUTING_SET, (uint64_t)number_of[event], event == ONE,
		     next_random(&v->random) % VCPUS);
	call(v, SDEI_EVENT_ENABLE, (uint64_t)number_of[event], 0, 0);
	look(v);
}

static void signal_next(struct vcpu *v)
{
	unsigned to = (v->index + 1) % VCPUS;

	if (atomic_load(&answered[v->index]) != v->sent)
		return; /* still under way */
	letter[v->index] = ++v->sent;
	atomic_fetch_add(&raised[SIGNALLED][to], 1);
	call(v, SDEI_EVENT_SIGNAL, 0, to, 0);
	look(v);
}

static void ask(struct vcpu *v, unsigned event)
{
	int64_t status = call(v, SDEI_EVENT_STATUS, (uint64_t)number_of[event], 0, 0);

	if (status != 0 && status != 1 && status != 3 && status != 4 && status != 5 && status != 7)
		atomic_fetch_add(&spoiled, 1);
	if ((v->depth > 0) != (call(v, SDEI_EVENT_CONTEXT, 17, 0, 0) != SDEI_DENIED))
		atomic_fetch_add(&spoiled, 1);
	look(v);
}

static void work(struct vcpu *v)
{
	uint64_t r = next_random(&v->random);
	unsigned event = (unsigned)(r >> 8) % EVENTS;

	switch (r % 6) {
	case 0:
		mask(v);
		break;
	case 1:
	case 2:
		disable(v, event);
		break;
	case 3:
		signal_next(v);
		break;
	case 4:
		ask(v, event);
		break;
	default:
		dawdle(v);
	}
}

static void register_event(struct vcpu *v, unsigned event)
{
	call(v, SDEI_EVENT_REGISTER, (uint64_t)number_of[event], 0x1000 * (event + 1),
	     event == ONE ? 1 | (v->index << 1) : 0);
	call(v, SDEI_EVENT_ENABLE, (uint64_t)number_of[event], 0, 0);
}

/* Outside handlers: what takes events and interrupts away, and whole vCPUs. */
static void work_roughly(struct vcpu *v)
{
	static const virq_t bindable[] = { PPI, LEVEL, EDGE };
	uint64_t r = next_random(&v->random);
	unsigned event = (unsigned)(r >> 8) % EVENTS;

	switch (r % 10) {
	case 0:
	case 1:
		call(v, SDEI_EVENT_UNREGISTER, (uint64_t)number_of[event], 0, 0);
		break;
	case 2:
	case 3:
	case 4:
		register_event(v, event);
		break;
	case 5:
		call(v, SDEI_INTERRUPT_RELEASE, (uint64_t)number_of[BOUND_PPI + r / 10 % 3], 0, 0);
		break;
	case 6:
		call(v, SDEI_INTERRUPT_BIND, bindable[r / 10 % 3], 0, 0);
		break;
	case 7:
		sdei_cpu_off(sdei, v->index);
		v->due = false;
		dawdle(v);
		sdei_cpu_on(sdei, v->index);
		call(v, SDEI_PE_UNMASK, 0, 0, 0);
		break;
	case 8:
		sdei_cpu_suspended(sdei, v->index);
		v->due = false;
		call(v, SDEI_PE_UNMASK, 0, 0, 0);
		break;
	default:
		call(v, r / 10 % 2 ? SDEI_PRIVATE_RESET : SDEI_SHARED_RESET, 0, 0, 0);
	}
	look(v);
}

/* Asleep until it is kicked, or for long enough. */
static void sleep_a_little(struct vcpu *v)
{
	if (sdei_pending(sdei, v->index))
		look(v);
	for (unsigned n = 0; n < 20 && !atomic_load(&v->kicked); n++)
		sched_yield();
}

static void run_round(struct vcpu *v)
{
	for (unsigned n = 0; n < STEPS; n++) {
		if (atomic_load(&v->kicked) || v->due)
			look(v);
		if (rough && next_random(&v->random) % 4 == 0)
			work_roughly(v);
		else if (next_random(&v->random) % 3)
			work(v);
		else
			sleep_a_little(v);
	}
}

/* Only who is kicked looks. The last ones may leave something to each other: main does the rest. */
static void come_to_rest(struct vcpu *v)
{
	for (;;) {
		while (atomic_load(&v->kicked) || v->due)
			look(v);
		atomic_fetch_add(&idle, 1);
		while (!atomic_load(&v->kicked)) {
			if (atomic_load(&idle) == VCPUS)
				return;
			sched_yield();
		}
		atomic_fetch_sub(&idle, 1);
	}
}

static void *vcpu_main(void *argument)
{
	struct vcpu *v = argument;

	for (;;) {
		pthread_barrier_wait(&barrier); /* a round begins */
		if (atomic_load(&stop))
			return NULL;
		run_round(v);
		pthread_barrier_wait(&barrier); /* nothing is raised any more */
		come_to_rest(v);
		pthread_barrier_wait(&barrier);
	}
}

/* --- What happens from outside --------------------------------------------------------------------- */

static void raise_one(uint64_t *random)
{
	uint64_t r = next_random(random);
	unsigned event = PRIVATE + (unsigned)(r >> 8) % 5, v = (unsigned)(r >> 16) % VCPUS;

	atomic_fetch_add(&raised[event][is_shared(event) ? 0 : v], 1);
	sdei_raise(sdei, v, number_of[event]);
}

static void device(uint64_t *random)
{
	static const virq_t virqs[] = { PPI, LEVEL, EDGE };
	uint64_t r = next_random(random);
	unsigned n = (unsigned)(r >> 8) % 3, v = (unsigned)(r >> 16) % VCPUS;
	struct irq *irq = irq_at(v, virqs[n]);

	if (virqs[n] == LEVEL && atomic_load(&irq->line))
		return;
	atomic_fetch_add(&raised[BOUND_PPI + n][n ? 0 : v], 1);
	atomic_store(virqs[n] == LEVEL ? &irq->line : &irq->latch, true);
	if (atomic_load(&irq->diverted))
		sdei_interrupt(sdei, v, virqs[n]);
}

static void *outside_main(void *argument)
{
	void (*what)(uint64_t *) = *(void (**)(uint64_t *))argument;
	uint64_t random = vcpus[0].random + 77;

	for (;;) {
		pthread_barrier_wait(&barrier);
		if (atomic_load(&stop))
			return NULL;
		for (unsigned n = 0; n < STEPS; n++) {
			what(&random);
			if (next_random(&random) % 2)
				sched_yield();
		}
		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier);
	}
}

/* --- While all stand still -------------------------------------------------------------------------- */

static void rest(void)
{
	bool more = true;

	while (more) {
		more = false;
		for (unsigned v = 0; v < VCPUS; v++)
			if (atomic_load(&vcpus[v].kicked) || vcpus[v].due) {
				look(&vcpus[v]);
				more = true;
			}
	}
}

static void check_round(void)
{
	for (unsigned v = 0; v < VCPUS; v++)
		unkicked += sdei_pending(sdei, v);
	for (unsigned e = 0; e < EVENTS; e++) {
		for (unsigned v = 0; !rough && v < (is_shared(e) ? 1 : VCPUS); v++)
			lost += atomic_load(&seen[e][v]) != atomic_load(&raised[e][v]);
		stuck += atomic_load(&running[e]) != 0;
		unwritten += is_shared(e) && runs[e] != atomic_load(&total[e]);
	}
	rounds++;
}

/* All off and on; all bound, registered, enabled, unmasked; nothing is on its way. */
static void set_up(void)
{
	for (unsigned v = 0; v < VCPUS; v++)
		sdei_cpu_off(sdei, v);
	for (unsigned n = 0; n < VCPUS + 2; n++) {
		atomic_store(&irqs[n].line, false);
		atomic_store(&irqs[n].latch, false);
	}
	call(&vcpus[0], SDEI_SHARED_RESET, 0, 0, 0);
	call(&vcpus[0], SDEI_INTERRUPT_BIND, PPI, 0, 0);
	call(&vcpus[0], SDEI_INTERRUPT_BIND, LEVEL, 0, 0);
	call(&vcpus[0], SDEI_INTERRUPT_BIND, EDGE, 0, 0);
	for (unsigned v = 0; v < VCPUS; v++) {
		sdei_cpu_on(sdei, v);
		vcpus[v].due = false;
		for (unsigned e = 0; e < EVENTS; e++)
			if (!is_shared(e) || v == 0)
				register_event(&vcpus[v], e);
	}
	for (unsigned v = 0; v < VCPUS; v++) {
		for (unsigned e = 0; e < EVENTS; e++)
			stuck += call(&vcpus[v], SDEI_EVENT_STATUS, (uint64_t)number_of[e], 0, 0) !=
				 3;
		call(&vcpus[v], SDEI_PE_UNMASK, 0, 0, 0);
		look(&vcpus[v]);
		for (unsigned e = 0; e < EVENTS; e++)
			atomic_store(&seen[e][v], atomic_load(&raised[e][v]));
		atomic_store(&answered[v], vcpus[v].sent);
	}
	rest();
}

static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void run(double seconds)
{
	static void (*outside[])(uint64_t *) = { raise_one, device };
	double until = seconds_now() + seconds;
	pthread_t threads[2];

	pthread_barrier_init(&barrier, NULL, VCPUS + 3);
	for (unsigned n = 0; n < 2; n++)
		pthread_create(&threads[n], NULL, outside_main, &outside[n]);
	for (unsigned v = 0; v < VCPUS; v++)
		pthread_create(&vcpus[v].thread, NULL, vcpu_main, &vcpus[v]);
	while (!atomic_load(&stop)) {
		set_up();
		rough = rounds % 3 == 2;
		atomic_store(&idle, 0);
		atomic_store(&stop, seconds_now() > until);
		pthread_barrier_wait(&barrier);
		if (atomic_load(&stop))
			break;
		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier);
		rest();
		check_round();
	}
	for (unsigned v = 0; v < VCPUS; v++)
		pthread_join(vcpus[v].thread, NULL);
	for (unsigned n = 0; n < 2; n++)
		pthread_join(threads[n], NULL);
}

static int result(unsigned number, const char *name, unsigned long missed)
{
	if (missed)
		printf("# %lu times\n", missed);
	printf("%sok %u - %s\n", missed ? "not " : "", number, name);
	return missed != 0;
}

static bool build(void)
{
	const struct sdei_config config = {
		.vcpus = VCPUS,
		.private_slots = 1,
		.shared_slots = 2,
		.events = sizeof(event_of) / sizeof(event_of[0]),
		.event = event_of,
	};
	size_t size = sdei_size(&config);

	return !sdei_init(&sdei, aligned_alloc(64, (size + 63) / 64 * 64), size, &config, &port,
			  NULL);
}

static unsigned long never_came(void)
{
	unsigned long count = 0;

	for (unsigned e = 0; e < EVENTS; e++)
		count += atomic_load(&total[e]) == 0;
	return count;
}

static void print_account(void)
{
	printf("# %lu rounds, %lu kicks; events", rounds, atomic_load(&kicks));
	for (unsigned e = 0; e < EVENTS; e++)
		printf(" %u", atomic_load(&total[e]));
	printf("\n");
	for (unsigned v = 0; v < VCPUS; v++)
		printf("# vCPU %u: %lu handlers, %lu of them nested, %lu calls, %lu refused\n", v,
		       vcpus[v].entered, vcpus[v].nested, vcpus[v].calls, vcpus[v].refused);
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? strtod(argv[1], NULL) : 2;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t)time(NULL);
	int bad;

	printf("1..7\n# seed %llu\n", (unsigned long long)seed);
	fflush(stdout);
	if (!build())
		return 2;
	for (unsigned v = 0; v < VCPUS; v++) {
		vcpus[v].index = v;
		vcpus[v].random = seed * VCPUS + v;
		vcpus[v].pstate = 5;
	}
	run(seconds);
	bad = result(1, "each_raise_is_delivered_after_it", lost);
	bad |= result(2, "who_was_not_kicked_has_nothing_to_take", unkicked);
	bad |= result(3, "a_shared_handler_runs_on_one_vcpu_at_a_time", two_at_once + unwritten);
	bad |= result(4, "nothing_is_stuck", stuck);
	bad |= result(5, "a_signal_carries_stores_over", wrong_letters);
	bad |= result(6, "what_was_interrupted_comes_back", spoiled);
	bad |= result(7, "each_event_came", never_came());
	print_account();
	return bad;
}
