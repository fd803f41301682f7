/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * A naive SDEI dispatcher (Arm DEN0054; include/carillon/sdei.h says what that leaves open): plain
 * structures, every question answered by looking at everything, no locks, no order in memory. It has its
 * own copy of the interrupt controller's side of bound interrupts, so that what the library asks of its
 * host can be compared afterwards.
 */
#ifndef TESTS_MODEL_SDEI_MODEL_H
#define TESTS_MODEL_SDEI_MODEL_H

#include <carillon/sdei.h>

#define MODEL_VCPUS  8
#define MODEL_EVENTS 32
#define MODEL_SAVED  18 /* x0 to x17 */

/* --- The embedder's facts, the same for the library and the model. ------------------------------ */

#define MODEL_PPIS 5
#define MODEL_SPIS 9
#define MODEL_IRQS (MODEL_VCPUS * MODEL_PPIS + MODEL_SPIS)

bool model_is_ppi(uint64_t intid);
/* The guest's interrupt as an index; negative: it has none such. */
int model_irq_index(unsigned vcpu, uint64_t intid);
/* The INTID of PPI or SPI number n. */
virq_t model_ppi(unsigned n);
virq_t model_spi(unsigned n);
uint64_t model_mpidr(unsigned vcpu);
int model_vcpu_of_mpidr(unsigned vcpus, uint64_t mpidr);
bool model_entry_valid(uint64_t address);

/* An interrupt at its controller. */
struct model_irq {
	bool level, line, latch; /* the latch is an edge's */
	bool active;             /* at the guest's CPU interface */
	bool diverted, taken;
	bool enabled;
};

bool model_irq_pending(const struct model_irq *irq);

/* --- The dispatcher. ----------------------------------------------------------------------------- */

struct model_config {
	unsigned vcpus, private_slots, shared_slots, minor, features;
	uint32_t vendor;
	bool strict;
	bool checks; /* model_entry_valid() is asked */
	unsigned events;
	struct sdei_event event[MODEL_EVENTS];
};

struct model_handler {
	bool registered, enabled, running, raised;
	bool relative, rm_pe;
	unsigned target;
	uint64_t entry, argument;
	/* Its interrupt was pending when the handler ended, and waits for model_again()... */
	bool held;
	unsigned waits; /* ...of one of these, a bit for each: of all where it has been so */
};

struct model_event {
	int32_t number;
	bool shared, critical;
	bool slot, bound;
	virq_t intid;
	struct model_handler handler[MODEL_VCPUS]; /* of a shared one, the first */
};

struct model_context {
	bool live;
	unsigned event;
	uint64_t x[MODEL_SAVED], pc, pstate;
};

struct model_vcpu {
	bool masked;
	struct model_context context[2]; /* interrupted by a normal event, by a critical one */
	uint64_t calls, refused, entered[2];
};

struct model {
	struct model_config config;
	unsigned n_events;
	struct model_event events[MODEL_EVENTS];
	struct model_vcpu vcpu[MODEL_VCPUS];
	struct model_irq irq[MODEL_IRQS];
	bool later;         /* what ends now is held, if it is pending: the library's choice, */
	bool could_be_held; /* but it has to be, if it would be delivered at once */
};

struct model_frame {
	uint64_t x[MODEL_SAVED];
	uint64_t pc, pstate, sctlr_el1, vbar_el1, gcscr_el1, elr_el1, spsr_el1;
	bool resumed;
};

/* What a call came to, beside the frame. */
struct model_outcome {
	bool again;
	bool completed; /* a handler of `event`, with `status` unless it was resumed elsewhere */
	bool resumed;
	int32_t event;
	uint64_t status;
};

void model_init(struct model *m, const struct model_config *config);
/* `retry`: the next interrupt that is to be diverted answers SDEI_RETRY. */
struct model_outcome model_call(struct model *m, unsigned vcpu, struct model_frame *frame,
				bool retry);
/* Is the event, if any, that model_enter() would deliver; negative: none. */
int model_deliverable(const struct model *m, unsigned vcpu);
/* Could this vCPU be taken to this event's handler as things stand, whatever else is pending? */
bool model_could_take(const struct model *m, unsigned vcpu, unsigned event);
/* Is it pending, and routed there? */
bool model_pends_for(const struct model *m, unsigned vcpu, unsigned event);
bool model_enter(struct model *m, unsigned vcpu, struct model_frame *frame);
uint64_t model_entry_pstate(unsigned features, uint64_t interrupted,
			    const struct model_frame *frame);
/* False: there is no such event or vCPU. */
bool model_raise(struct model *m, unsigned vcpu, int64_t event);
/* The interrupt of this vCPU, if it is a PPI, became pending. */
void model_interrupt(struct model *m, unsigned vcpu, virq_t intid);
void model_again(struct model *m, unsigned vcpu);
void model_cpu_on(struct model *m, unsigned vcpu);
void model_cpu_off(struct model *m, unsigned vcpu);
void model_cpu_suspended(struct model *m, unsigned vcpu);
void model_reset(struct model *m);

#endif
