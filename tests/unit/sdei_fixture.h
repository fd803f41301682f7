/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What the unit tests of the SDEI dispatcher share: a machine of a few vCPUs with a frame of registers
 * each, a port that counts, and an interrupt controller of one line and one latch for each interrupt.
 * The controller checks what it is asked: nothing about an interrupt that is not diverted, no end of one
 * that was not taken.
 */
#ifndef CARILLON_TESTS_UNIT_SDEI_FIXTURE_H
#define CARILLON_TESTS_UNIT_SDEI_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <carillon/sdei.h>

#define VCPUS 4

/* DEN0054 5.1: what is written in x0, apart from the header that is under test. */
#define OK   0ll
#define NS   (-1ll)
#define INV  (-2ll)
#define DEN  (-3ll)
#define PEND (-5ll)
#define OOR  (-10ll)

/* The events of every machine, and the interrupts that are bound in them. */
#define PRIVATE_NORMAL   0x100
#define PRIVATE_CRITICAL 0x101
#define SHARED_NORMAL    0x200
#define SHARED_CRITICAL  0x40ffffff
#define SHARED_OTHER     0x201

#define PPI       25u
#define OTHER_PPI 1119u
#define SPI       40u
#define OTHER_SPI 4096u

#define ENTRY    0xffff000000081000ull
#define ARGUMENT 0xdead0000beef0001ull
#define NO_EVENT (-1)

struct irq {
	bool level; /* level-sensitive; else edge-triggered */
	bool latch, line, diverted, active;
	unsigned taken, ended, cleared, returned, diversions;
	int routed_to;
};

struct vcpu {
	uint64_t x[31];
	struct sdei_frame frame;
};

struct machine {
	struct sdei *sdei;
	struct sdei_config config;
	struct sdei_port port;
	void *memory;
	struct vcpu vcpus[VCPUS];
	unsigned kicks[VCPUS];
	struct irq ppi[VCPUS][2], spi[4];
	unsigned valid_asked;
	unsigned retries; /* so often irq_divert answers SDEI_RETRY */
	uint64_t refused_entry;
	unsigned completions;
	int32_t completed_event;
	uint64_t completed_status;
	unsigned completed_vcpu;
	int32_t bound_event;
	virq_t bound_virq;
	unsigned bound_vcpu, bound_calls, unbound_calls;
	unsigned later[VCPUS];
};

static const struct sdei_event standard_events[] = {
	{ .number = PRIVATE_NORMAL },
	{ .number = SHARED_NORMAL, .shared = true },
	{ .number = PRIVATE_CRITICAL, .critical = true },
	{ .number = SHARED_CRITICAL, .shared = true, .critical = true },
	{ .number = SHARED_OTHER, .shared = true },
};

/* Affinities that need more than 32 bits, and none that is the vCPU's number. */
static const uint64_t mpidrs[VCPUS] = { 0x0000000100ull, 0x0000000101ull, 0x0100000002ull,
					0xff00010203ull };

/* NULL: this guest has no such interrupt. */
static inline struct irq *irq_at(struct machine *m, unsigned vcpu, virq_t virq)
{
	switch (virq) {
	case PPI:
		return &m->ppi[vcpu][0];
	case OTHER_PPI:
		return &m->ppi[vcpu][1];
	case SPI:
		return &m->spi[0];
	case SPI + 1:
		return &m->spi[1];
	case OTHER_SPI:
		return &m->spi[2];
	}
	return NULL;
}

static inline bool irq_is_pending(const struct irq *irq)
{
	return irq->latch || (irq->level && irq->line);
}

static inline struct irq *diverted_at(void *host, unsigned vcpu, virq_t virq)
{
	struct irq *irq = irq_at(host, vcpu, virq);

	assert_non_null(irq);
	assert_true(irq->diverted);
	return irq;
}

static inline void fake_kick(void *host, unsigned vcpu)
{
	assert_in_range(vcpu, 0, VCPUS - 1);
	((struct machine *)host)->kicks[vcpu]++;
}

static inline int fake_vcpu_of_mpidr(void *host, uint64_t mpidr)
{
	(void)host;
	for (int i = 0; i < VCPUS; i++)
		if (mpidrs[i] == mpidr)
			return i;
	return -1;
}

static inline uint64_t fake_mpidr(void *host, unsigned vcpu)
{
	(void)host;
	return mpidrs[vcpu];
}

static inline bool fake_entry_valid(void *host, unsigned vcpu, uint64_t address)
{
	(void)vcpu;
	assert_int_equal(address & 3, 0);
	assert_true(address != 0);
	return address != ((struct machine *)host)->refused_entry;
}

static inline void fake_completed(void *host, unsigned vcpu, int32_t event, uint64_t status)
{
	struct machine *m = host;

	m->completions++;
	m->completed_vcpu = vcpu;
	m->completed_event = event;
	m->completed_status = status;
}

static inline bool fake_irq_valid(void *host, unsigned vcpu, virq_t virq)
{
	assert_true(virq >= 16); /* an SGI is none, whatever the host says */
	((struct machine *)host)->valid_asked++;
	return irq_at(host, vcpu, virq);
}

static inline int fake_irq_divert(void *host, unsigned vcpu, virq_t virq, bool again)
{
	struct machine *m = host;
	struct irq *irq = irq_at(m, vcpu, virq);

	assert_non_null(irq);
	assert_false(irq->diverted);
	if (!again && m->retries) {
		m->retries--;
		return SDEI_RETRY;
	}
	if (!again && (irq_is_pending(irq) || irq->active))
		return SDEI_DENIED;
	irq->diverted = true;
	irq->diversions++;
	return 0;
}

static inline void fake_irq_return(void *host, unsigned vcpu, virq_t virq)
{
	struct irq *irq = diverted_at(host, vcpu, virq);

	irq->diverted = false;
	irq->active = false;
	irq->returned++;
}

static inline bool fake_irq_pending(void *host, unsigned vcpu, virq_t virq)
{
	return irq_is_pending(diverted_at(host, vcpu, virq));
}

static inline void fake_irq_take(void *host, unsigned vcpu, virq_t virq)
{
	struct irq *irq = diverted_at(host, vcpu, virq);

	assert_false(irq->active);
	irq->active = true;
	irq->latch = false;
	irq->taken++;
}

static inline bool fake_irq_end(void *host, unsigned vcpu, virq_t virq)
{
	struct irq *irq = diverted_at(host, vcpu, virq);

	assert_true(irq->active);
	irq->active = false;
	irq->ended++;
	return irq_is_pending(irq);
}

static inline bool fake_irq_clear(void *host, unsigned vcpu, virq_t virq)
{
	struct irq *irq = diverted_at(host, vcpu, virq);

	irq->latch = false;
	irq->cleared++;
	return irq_is_pending(irq);
}

static inline void fake_irq_route(void *host, unsigned vcpu, virq_t virq)
{
	diverted_at(host, vcpu, virq)->routed_to = (int)vcpu;
}

static inline void fake_bound(void *host, unsigned vcpu, virq_t virq, int32_t event, bool bound)
{
	struct machine *m = host;

	m->bound_vcpu = vcpu;
	m->bound_virq = virq;
	m->bound_event = event;
	if (bound)
		m->bound_calls++;
	else
		m->unbound_calls++;
}

static inline void fake_later(void *host, unsigned vcpu)
{
	((struct machine *)host)->later[vcpu]++;
}

static inline struct sdei_config standard_config(void)
{
	return (struct sdei_config){
		.vcpus = VCPUS,
		.private_slots = 1,
		.shared_slots = 2,
		.events = sizeof(standard_events) / sizeof(standard_events[0]),
		.event = standard_events,
		.minor = 1,
		.vendor = 0x80000001,
		.features = SDEI_HAS_PAN | SDEI_HAS_AARCH32,
	};
}

/* `later`: port->later, or NULL. */
static inline struct machine *machine_with(const struct sdei_config *config,
					   void (*later)(void *host, unsigned vcpu))
{
	struct machine *m = calloc(1, sizeof(*m));
	size_t size = sdei_size(config);

	assert_non_null(m);
	m->config = *config;
	m->port = (struct sdei_port){
		.kick = fake_kick,
		.vcpu_of_mpidr = fake_vcpu_of_mpidr,
		.mpidr = fake_mpidr,
		.entry_valid = fake_entry_valid,
		.completed = fake_completed,
		.irq_valid = fake_irq_valid,
		.irq_divert = fake_irq_divert,
		.irq_return = fake_irq_return,
		.irq_pending = fake_irq_pending,
		.irq_take = fake_irq_take,
		.irq_end = fake_irq_end,
		.irq_clear = fake_irq_clear,
		.irq_route = fake_irq_route,
		.bound = fake_bound,
		.later = later,
	};
	assert_int_not_equal(size, 0);
	m->memory = aligned_alloc(64, (size + 63) & ~(size_t)63);
	assert_non_null(m->memory);
	/* What is left of somebody else: sdei_init() has to write all of its own. */
	memset(m->memory, 0xa5, size);
	assert_int_equal(sdei_init(&m->sdei, m->memory, size, config, &m->port, m), 0);
	for (unsigned i = 0; i < VCPUS; i++) {
		struct vcpu *v = &m->vcpus[i];

		v->frame.x = v->x;
		v->frame.pstate = 4; /* EL1t: nothing that an entry leaves as it is */
		v->frame.pc = 0x8000 + 0x1000 * i;
		v->frame.vbar_el1 = 0xffff000000080000ull;
	}
	return m;
}

static inline struct machine *machine_of(const struct sdei_config *config)
{
	return machine_with(config, NULL);
}

static inline struct machine *machine(void)
{
	struct sdei_config config = standard_config();

	return machine_of(&config);
}

static inline void machine_free(struct machine *m)
{
	free(m->memory);
	free(m);
}

static inline struct sdei_frame *frame_of(struct machine *m, unsigned vcpu)
{
	return &m->vcpus[vcpu].frame;
}

/* The registers of a guest that has not called: a number of its own in each. */
static inline void fill(struct machine *m, unsigned vcpu, uint64_t seed)
{
	for (unsigned i = 0; i < 31; i++)
		m->vcpus[vcpu].x[i] = seed + 0x0101010100000000ull + i;
}

static inline void load_call(struct machine *m, unsigned vcpu, unsigned function,
			     const uint64_t argument[5])
{
	uint64_t *x = m->vcpus[vcpu].x;

	x[0] = 0xc4000020u + function;
	for (unsigned i = 0; i < 5; i++)
		x[1 + i] = argument[i];
}

/* As the guest makes it, and sees it: only x0 changes, unless it does not return. */
static inline int64_t call_of(struct machine *m, unsigned vcpu, unsigned function,
			      const uint64_t argument[5])
{
	struct vcpu *v = &m->vcpus[vcpu];

	load_call(m, vcpu, function, argument);
	assert_int_equal(sdei_call(m->sdei, vcpu, &v->frame), SDEI_DONE);
	return (int64_t)v->x[0];
}

#define CALL(m, vcpu, function, ...) \
	call_of(m, vcpu, SDEI_##function, (const uint64_t[5]){ __VA_ARGS__ })

/* The way into the guest. The event whose handler is entered, or NO_EVENT. */
static inline int32_t run(struct machine *m, unsigned vcpu)
{
	bool pending = sdei_pending(m->sdei, vcpu);
	bool entered = sdei_enter(m->sdei, vcpu, frame_of(m, vcpu));

	if (entered)
		assert_true(pending);
	else
		assert_false(sdei_pending(m->sdei, vcpu));
	return entered ? (int32_t)m->vcpus[vcpu].x[0] : NO_EVENT;
}

static inline void complete(struct machine *m, unsigned vcpu)
{
	unsigned before = m->completions;

	load_call(m, vcpu, SDEI_EVENT_COMPLETE, (const uint64_t[5]){ 0 });
	assert_int_equal(sdei_call(m->sdei, vcpu, frame_of(m, vcpu)), SDEI_DONE);
	assert_int_equal(m->completions, before + 1);
}

static inline int64_t status_of(struct machine *m, unsigned vcpu, int32_t event)
{
	return CALL(m, vcpu, EVENT_STATUS, (uint32_t)event);
}

static inline void unmask(struct machine *m, unsigned vcpu)
{
	assert_int_equal(CALL(m, vcpu, PE_UNMASK), OK);
}

static inline void register_to(struct machine *m, unsigned vcpu, int32_t event, uint64_t flags,
			       uint64_t mpidr)
{
	assert_int_equal(
		CALL(m, vcpu, EVENT_REGISTER, (uint32_t)event, ENTRY, ARGUMENT, flags, mpidr), OK);
}

/* Registered and enabled; shared: to any. */
static inline void enable(struct machine *m, unsigned vcpu, int32_t event)
{
	register_to(m, vcpu, event, 0, 0);
	assert_int_equal(CALL(m, vcpu, EVENT_ENABLE, (uint32_t)event), OK);
}

/* Shared, to one PE. */
static inline void enable_to(struct machine *m, unsigned vcpu, int32_t event, unsigned target)
{
	register_to(m, vcpu, event, SDEI_FLAG_RM_PE, mpidrs[target]);
	assert_int_equal(CALL(m, vcpu, EVENT_ENABLE, (uint32_t)event), OK);
}

static inline void raise_event(struct machine *m, unsigned vcpu, int32_t event)
{
	assert_int_equal(sdei_raise(m->sdei, vcpu, event), 0);
}

static inline int32_t bind(struct machine *m, unsigned vcpu, virq_t virq)
{
	int64_t event = CALL(m, vcpu, INTERRUPT_BIND, virq);

	assert_true(event > 0);
	return (int32_t)event;
}

/* The same of a level-sensitive one. */
static inline int32_t bind_level(struct machine *m, unsigned vcpu, virq_t virq)
{
	irq_at(m, vcpu, virq)->level = true;
	return bind(m, vcpu, virq);
}

/* The device's line changes: an edge latches when it rises. */
static inline void set_line(struct machine *m, unsigned vcpu, virq_t virq, bool line)
{
	struct irq *irq = irq_at(m, vcpu, virq);
	bool before = irq_is_pending(irq);

	if (!irq->level && line && !irq->line)
		irq->latch = true;
	irq->line = line;
	if (irq->diverted && !before && irq_is_pending(irq))
		sdei_interrupt(m->sdei, vcpu, virq);
}

static inline void pulse(struct machine *m, unsigned vcpu, virq_t virq)
{
	set_line(m, vcpu, virq, true);
	set_line(m, vcpu, virq, false);
}

static inline void forget_kicks(struct machine *m)
{
	memset(m->kicks, 0, sizeof(m->kicks));
}

/* Since they were forgotten: bit n: vCPU n was kicked. */
static inline unsigned kicked(const struct machine *m)
{
	unsigned mask = 0;

	for (unsigned i = 0; i < VCPUS; i++)
		mask |= (unsigned)(m->kicks[i] != 0) << i;
	return mask;
}

#define SEED 0x7700000000000000ull
#define X(i) (SEED + 0x0101010100000000ull + (i))

/* vCPU 0 is unmasked; this event is its own, enabled and pending. */
static inline struct machine *ready(int32_t event)
{
	struct machine *m = machine();

	unmask(m, 0);
	enable(m, 0, event);
	raise_event(m, 0, event);
	fill(m, 0, SEED);
	return m;
}

static inline struct machine *in_handler(int32_t event)
{
	struct machine *m = ready(event);

	assert_int_equal(run(m, 0), event);
	return m;
}

#endif
