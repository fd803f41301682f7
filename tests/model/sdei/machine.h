/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * An embedder of lib/sdei whose every operation goes to the library and to the model: vCPUs with
 * registers, a small interrupt controller behind the port's hooks, kicks that are noted.
 */
#ifndef TESTS_MODEL_SDEI_MACHINE_H
#define TESTS_MODEL_SDEI_MACHINE_H

#include "model.h"

/* Each an unsigned: generate.c reads and prints them by name. */
struct machine_config {
	unsigned vcpus, private_slots, shared_slots, events;
	unsigned shared, critical; /* a bit for each event */
	unsigned minor, features, strict, vendor;
	unsigned checks; /* the port has entry_valid */
	unsigned others; /* the port has completed, irq_route, bound */
	unsigned later;  /* it has later */
};

enum op_kind {
	OP_CALL,     /* x[0] to x[5]; how: irq_divert answers RETRY */
	OP_LOOK,     /* to the guest, by way of its handler if something is pending */
	OP_GUEST,    /* the guest works: other registers, from x[0] */
	OP_RAISE,    /* x[0]: event; vcpu may be any */
	OP_LINE,     /* x[0]: interrupt, x[1]: level */
	OP_PULSE,    /* x[0]: interrupt */
	OP_TRIGGER,  /* x[0]: interrupt: level-sensitive or not, if it is not diverted */
	OP_ACTIVE,   /* x[0]: interrupt: taken by the guest, or ended, if it is not diverted */
	OP_SPURIOUS, /* x[0]: interrupt: sdei_interrupt() though it is not pending */
	OP_AGAIN,    /* what port->later asked for, if it did */
	OP_OFF,
	OP_ON,
	OP_SUSPEND,
	OP_RESET,
	OP_SAVE,    /* and keep it */
	OP_RESTORE, /* x[0] bit 0: what was kept, not what is; bit 1: into fresh memory */
	OP_JUNK,    /* a saved state with bytes changed, from x[0] */
	OP_REFUSE,  /* restore, with interrupt number x[0] refused by the controller */
};

struct op {
	enum op_kind kind;
	unsigned vcpu, how;
	uint64_t x[6];
};

/* A state of everything, as it was saved. */
struct kept {
	bool valid;
	struct model model;
	struct model_frame guest[MODEL_VCPUS];
	struct model_irq irq[MODEL_IRQS];
	int route[MODEL_IRQS];
	bool on[MODEL_VCPUS];
	uint8_t *image;
	size_t size;
};

struct machine {
	struct machine_config config;
	struct model model;
	struct model_frame guest[MODEL_VCPUS];
	struct sdei *sdei;
	void *memory;

	/* The host's side of the hooks. */
	struct model_irq irq[MODEL_IRQS];
	int32_t bound[MODEL_IRQS]; /* as the hook said; -1: not */
	int route[MODEL_IRQS];     /* -1: not said */
	bool retry, restoring, wild;
	int refuse; /* after so many, irq_valid() says no; negative: never */
	bool later_due[MODEL_VCPUS];
	bool later_now; /* asked for in this operation */
	unsigned completions;
	int32_t completed_event;
	uint64_t completed_status;

	bool on[MODEL_VCPUS], in_guest[MODEL_VCPUS];
	bool kicked[MODEL_VCPUS], kicked_now[MODEL_VCPUS];
	bool shared_was[MODEL_VCPUS]; /* a shared event pended for it since it found nothing */
	int acting;                   /* the vCPU in an owner function; negative: none */
	bool spurious; /* sdei_interrupt() was called for nothing in this operation */
	struct kept kept;
	uint64_t random; /* of OP_JUNK */
	unsigned long long entered, nested, completed, kicks, restored, refused, accepted;
	void (*failed)(const char *text);
};

void machine_init(struct machine *m, const struct machine_config *config,
		  void (*failed)(const char *text));
void machine_free(struct machine *m);
void machine_do(struct machine *m, const struct op *op);
void machine_print_op(const struct op *op);
void machine_show(const struct machine *m);
void machine_fail(struct machine *m, const char *format, ...)
	__attribute__((format(printf, 2, 3), noreturn));

/* host.c */
extern const struct sdei_port host_port;
void host_configure(const struct machine *m, struct sdei_config *config, struct sdei_event *events);
void host_build(struct machine *m);
void host_kicks_begin(struct machine *m, int acting);

/* whole.c: the VM as a whole. */
void whole_reset(struct machine *m);
void whole_keep(struct machine *m);
void whole_restore(struct machine *m, bool kept, bool fresh);
void whole_junk(struct machine *m, uint64_t random);
void whole_refuse(struct machine *m, unsigned which);

/* state.c: does this contradict lib/sdei/state.md? As long as `good`, which is a state of this machine. */
bool state_is_wrong(const struct model *m, const uint8_t *bytes, const uint8_t *good);

/* check.c: what must hold after every operation. */
void check_all(struct machine *m);
void check_frame(struct machine *m, unsigned vcpu, const struct sdei_frame *frame);
bool check_pstate(unsigned features, uint64_t pstate);

#endif
