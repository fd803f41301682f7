/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The Software Delegated Exception Interface (Arm DEN0054), dispatcher side: a guest registers handlers
 * for events, and is taken to them whatever it has masked: a non-maskable interrupt for machines that
 * have none.
 *
 * One struct sdei is the dispatcher of one virtual machine. It owns the events' state and the contexts
 * that were interrupted; it knows no interrupt controller (the hooks of struct sdei_port reach one;
 * vgic_divert() and its like in vgic.h are made for them) and touches no register: the embedder hands in
 * the guest's in struct sdei_frame. An embedder's own events (a watchdog, a host error) are in the
 * configuration, and happen by sdei_raise().
 *
 *	the guest calls (HVC or SMC, immediate 0, sdei_is_call(x0)), its PC behind the call:
 *		sdei_call(sdei, vcpu, &frame);
 *	always before the guest of this vCPU is entered:
 *		if (sdei_pending(sdei, vcpu))
 *			sdei_enter(sdei, vcpu, &frame);
 *	the wake predicate of WFI:
 *		vgic_pending(vgic, vcpu) || sdei_pending(sdei, vcpu)
 *
 * Nothing is injected from the side: whoever makes an event pending sets a bit and kicks, and the vCPU
 * itself finds the event on its way into the guest. The result of a call is in x0 before that, so it is
 * in the context that the event saves.
 *
 * Contexts. "Any CPU" functions may be called anywhere, concurrently. "Owner" functions: on the physical
 * CPU that runs this vCPU, with its guest stopped, one at a time, preemption off.
 */
#ifndef CARILLON_SDEI_H
#define CARILLON_SDEI_H

#include <carillon/carillon.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SDEI_MAX_VCPUS   512
#define SDEI_MAX_EVENTS  64 /* private ones, event 0 and slots included; and as many shared ones */
#define SDEI_EVENT_0     0  /* signalled by software: private, normal */
#define SDEI_VENDOR      0x40000000
#define SDEI_BOUND_FIRST 0x40000000 /* numbers of bound events: private slots from here on, */
#define SDEI_BOUND_SHARED \
	(SDEI_BOUND_FIRST + SDEI_MAX_EVENTS) /* shared ones from here; no event of yours has one */

/* --- The calls. DEN0054 5.1 -------------------------------------------------------------------- */

#define SDEI_CALL_FIRST 0xc4000020u
#define SDEI_CALL_LAST  0xc400003fu /* the end of the range; what is not below is NOT_SUPPORTED */

/*
 * Events, INTIDs, queries and the n of EVENT_CONTEXT are 32 bits: the upper halves of their registers are
 * ignored; all else is 64 bits. What each call answers, in this order of precedence: an unknown function is NOT_SUPPORTED; then what is
 * wrong with the arguments alone, INVALID_PARAMETERS; then what depends on state. A state is one of
 *
 *	---  unregistered                    G    registered
 *	GE   registered, enabled             GER  its handler runs
 *	GR   runs, disabled meanwhile        R    runs, unregistered meanwhile
 *
 * of the caller's instance of a private event, of the one instance of a shared one.
 *
 *	call                 ---      G        GE       GER      GR       R
 *	EVENT_REGISTER       G        DENIED   DENIED   DENIED   DENIED   DENIED
 *	EVENT_ENABLE         DENIED   GE       GE       GER      GER      DENIED
 *	EVENT_DISABLE        DENIED   G        G        GR       GR       DENIED
 *	EVENT_UNREGISTER     DENIED   ---      ---      R, PEND  R, PEND  R, PEND
 *	EVENT_ROUTING_SET    DENIED   G        DENIED   DENIED   DENIED   DENIED
 *	EVENT_STATUS         0        1        3        7        5        4
 *	INTERRUPT_RELEASE    ---      DENIED   DENIED   DENIED   DENIED   DENIED
 *	(dispatch)                             GER
 *	EVENT_COMPLETE                                  GE       G        ---
 *
 * (PEND: the answer is PENDING.) To become G clears what was pending of the event, but not of event 0
 * and not a level that is still asserted; to become --- clears what was pending of any.
 */
enum sdei_function {
	SDEI_VERSION = 0x00, /* bits 62:48 major, 47:32 minor, 31:0 config.vendor */
	/*
	 * (event, entry, argument, flags, mpidr). flags: SDEI_FLAG_. INVALID_PARAMETERS: no such event, entry
	 * not aligned or refused by port->entry_valid, reserved flags, RM_PE of a shared event to nobody.
	 * DENIED: also an event whose slot is not bound, and a private bound interrupt that is pending or
	 * active on this vCPU and was not diverted yet. A private event is always its own vCPU's:
	 * SDEI_FLAG_RM_PE and mpidr are ignored.
	 */
	SDEI_EVENT_REGISTER = 0x01,
	SDEI_EVENT_ENABLE = 0x02,  /* (event) */
	SDEI_EVENT_DISABLE = 0x03, /* (event) */
	/* (n): the interrupted x[n], n to 17, of the newest context. DENIED outside a handler. */
	SDEI_EVENT_CONTEXT = 0x04,
	/* (status): back to what was interrupted. DENIED outside a handler. */
	SDEI_EVENT_COMPLETE = 0x05,
	/*
	 * (address): x0 to x17 as they were, but at this address in EL1h, all masked, as if an exception had
	 * just been taken from what was interrupted. INVALID_PARAMETERS: as a handler's entry; DENIED.
	 */
	SDEI_EVENT_COMPLETE_AND_RESUME = 0x06,
	SDEI_EVENT_UNREGISTER = 0x07,  /* (event) */
	SDEI_EVENT_STATUS = 0x08,      /* (event): SDEI_STATUS_ */
	SDEI_EVENT_GET_INFO = 0x09,    /* (event, enum sdei_info) */
	SDEI_EVENT_ROUTING_SET = 0x0a, /* (event, flags, mpidr): shared events only */
	SDEI_PE_MASK = 0x0b,           /* 1: this masked it; 0: it was */
	SDEI_PE_UNMASK = 0x0c,
	/*
	 * (intid): the event. A PPI takes a private slot, and is diverted on the caller at once, on another
	 * vCPU when that registers the event; an SPI takes a shared slot. Bound already: the same event again.
	 * INVALID_PARAMETERS: an SGI, or none of the guest's PPIs and SPIs; DENIED: pending or active;
	 * OUT_OF_RESOURCE: all slots are taken.
	 */
	SDEI_INTERRUPT_BIND = 0x0d,
	/*
	 * (event): the interrupt is the controller's again, configured as before, disabled.
	 * INVALID_PARAMETERS: not a bound one; DENIED: registered or running anywhere.
	 */
	SDEI_INTERRUPT_RELEASE = 0x0e,
	/* (event 0, mpidr). config.strict_signal: see there. */
	SDEI_EVENT_SIGNAL = 0x0f,
	SDEI_FEATURES = 0x10, /* (enum sdei_feature) */
	/* The caller's private events: unregistered; DENIED: one runs, and is unregistered when it ends. */
	SDEI_PRIVATE_RESET = 0x11,
	/*
	 * Shared events: unregistered; slots, private ones too: released. What can be done is done.
	 * DENIED: a shared event runs, and is unregistered when it ends, or a slot's event is registered or
	 * runs.
	 */
	SDEI_SHARED_RESET = 0x12,
};

enum sdei_error {
	SDEI_SUCCESS = 0,
	SDEI_NOT_SUPPORTED = -1,
	SDEI_INVALID_PARAMETERS = -2,
	SDEI_DENIED = -3,
	SDEI_PENDING = -5,
	SDEI_OUT_OF_RESOURCE = -10,
};

#define SDEI_FLAG_RM_PE 1u /* to the PE of the argument mpidr; clear: to any that is unmasked */
#define SDEI_FLAG_RELATIVE \
	2u /* 1.1: the entry counts from VBAR_EL1 of the PE that is interrupted */

#define SDEI_STATUS_REGISTERED 1u
#define SDEI_STATUS_ENABLED    2u
#define SDEI_STATUS_RUNNING    4u

/* EVENT_GET_INFO's queries and what they answer. */
enum sdei_info {
	SDEI_INFO_TYPE = 0,         /* 0 private, 1 shared */
	SDEI_INFO_SIGNALED = 1,     /* 0: EVENT_SIGNAL may name it; 1: not */
	SDEI_INFO_PRIORITY = 2,     /* 0 normal, 1 critical */
	SDEI_INFO_ROUTING_MODE = 3, /* SDEI_FLAG_RM_PE; private: INVALID_PARAMETERS; ---: DENIED */
	SDEI_INFO_ROUTING_AFFINITY = 4, /* MPIDR; the same, and with RM_ANY: INVALID_PARAMETERS */
};

enum sdei_feature {
	SDEI_FEATURE_BIND_SLOTS = 0, /* [15:0] private, [31:16] shared */
	SDEI_FEATURE_RELATIVE = 1,   /* 1.1: 1; in 1.0: INVALID_PARAMETERS */
};

/* --- Configuration. ---------------------------------------------------------------------------- */

/* An event of the embedder's. */
struct sdei_event {
	/*
	 * 1 to 0xffffff, and SDEI_VENDOR if it is a vendor's; not the number of a bound event, those of
	 * 2 * SDEI_MAX_EVENTS numbers from SDEI_BOUND_FIRST on.
	 */
	int32_t number;
	bool shared, critical;
};

struct sdei_config {
	uint16_t vcpus; /* 1 to SDEI_MAX_VCPUS */
	/* Interrupts that may be bound at a time: PPIs (each counts once, for all vCPUs), SPIs. */
	uint8_t private_slots, shared_slots;
	uint8_t events; /* those at `event`; with event 0 and the slots at most SDEI_MAX_EVENTS of a type */
	const struct sdei_event *event; /* copied */
	uint8_t minor;   /* the version reported: 1.0 or 1.1, which has relative entries */
	uint32_t vendor; /* VERSION bits 31:0 */
	/* What the guest's PSTATE has, and an exception's entry has to do with: SDEI_HAS_. */
	uint32_t features;
	/*
	 * EVENT_SIGNAL to a vCPU that is masked, or has not registered and enabled event 0: false: it is
	 * pending there; true: INVALID_PARAMETERS.
	 */
	bool strict_signal;
};

#define SDEI_HAS_PAN     (1u << 0) /* FEAT_PAN */
#define SDEI_HAS_SSBS    (1u << 1) /* FEAT_SSBS */
#define SDEI_HAS_DIT     (1u << 2) /* FEAT_DIT */
#define SDEI_HAS_MTE     (1u << 3) /* FEAT_MTE: TCO */
#define SDEI_HAS_NMI     (1u << 4) /* FEAT_NMI: ALLINT */
#define SDEI_HAS_EBEP    (1u << 5) /* FEAT_EBEP: PM */
#define SDEI_HAS_GCS     (1u << 6) /* FEAT_GCS: EXLOCK */
#define SDEI_HAS_UAO     (1u << 7) /* FEAT_UAO */
#define SDEI_HAS_BTI     (1u << 8) /* FEAT_BTI: BTYPE */
#define SDEI_HAS_AARCH32 (1u << 9) /* EL0 can use AArch32 */

#define SDEI_HAS_ALL ((1u << 10) - 1)

/*
 * What the dispatcher asks of its host. Hooks are bounded and never call back into the dispatcher. Those
 * that may be called under its lock say so; the lock is one that sdei_call() of all vCPUs shares.
 */
struct sdei_port {
	/*
	 * Any CPU: make this vCPU look at sdei_pending() soon, as vgic_port's kick does. Also called for the
	 * vCPU whose CPU this is.
	 */
	void (*kick)(void *host, unsigned vcpu);
	/* Any CPU: the vCPU with this MPIDR, all bits of which are the guest's; negative: there is none. */
	int (*vcpu_of_mpidr)(void *host, uint64_t mpidr);
	/* Any CPU: its affinity, as MPIDR_EL1 has it in bits 39:32 and 23:0. */
	uint64_t (*mpidr)(void *host, unsigned vcpu);
	/*
	 * Optional, owner: may the guest of `vcpu` be entered at this virtual address, which is a multiple
	 * of 4 and not 0? For instance: is it mapped, to memory of the guest's? NULL: always. Not asked of
	 * relative entries.
	 */
	bool (*entry_valid)(void *host, unsigned vcpu, uint64_t address);
	/* Optional, owner: this vCPU's handler of `event` ended; status is EVENT_COMPLETE's argument. */
	void (*completed)(void *host, unsigned vcpu, int32_t event, uint64_t status);

	/*
	 * Bound interrupts; may all be NULL if there are no slots. `vcpu`: whose PPI it is; of an SPI: who
	 * asks. "Diverted" is what the interrupt controller calls it: it delivers the interrupt no more, but
	 * keeps its latch and its line, and calls sdei_interrupt() when it becomes pending.
	 */

	/* Any CPU: is it a PPI or SPI of this guest's, and one that may be bound? */
	bool (*irq_valid)(void *host, unsigned vcpu, virq_t virq);
	/*
	 * Owner, under the lock: divert it. 0; SDEI_DENIED: it is pending or active; SDEI_RETRY: see
	 * SDEI_AGAIN. With `again` no vCPU is loaded, and it is diverted whatever its state: 0.
	 */
	int (*irq_divert)(void *host, unsigned vcpu, virq_t virq, bool again);
	/* Any CPU, under the lock: the opposite. It is left disabled. */
	void (*irq_return)(void *host, unsigned vcpu, virq_t virq);
	/* Owner: is it pending: the latch, or, if level-sensitive, the line? */
	bool (*irq_pending)(void *host, unsigned vcpu, virq_t virq);
	/* Owner: it is being handled: its latch is cleared. */
	void (*irq_take)(void *host, unsigned vcpu, virq_t virq);
	/* Owner: it has been handled. Is it pending again? A level is looked at anew. */
	bool (*irq_end)(void *host, unsigned vcpu, virq_t virq);
	/* Owner, under the lock: its latch is cleared; is it pending all the same? */
	bool (*irq_clear)(void *host, unsigned vcpu, virq_t virq);
	/* Optional, any CPU, under the lock: an SPI goes to this vCPU from now on. */
	void (*irq_route)(void *host, unsigned vcpu, virq_t virq);
	/*
	 * Optional, owner: an interrupt was pending again when its handler completed, a level that nobody
	 * lowers for instance. Call sdei_again() for this vCPU on its CPU after its guest has run for a
	 * little while, so that it gets somewhere between two events. NULL: it is delivered at once.
	 */
	void (*later)(void *host, unsigned vcpu);
	/*
	 * Optional, under the lock: for embedders that have sources of interrupts which bypass the interrupt
	 * controller. `virq` of `vcpu` is bound to `event`, or (not `bound`) no longer. Such a source calls
	 * sdei_interrupt(), and the hooks above know of it.
	 */
	void (*bound)(void *host, unsigned vcpu, virq_t virq, int32_t event, bool bound);
};

#define SDEI_RETRY 1 /* of irq_divert */

struct sdei; /* a VM's dispatcher */

/* The bytes that sdei_init() wants for this configuration, or 0 if sdei_check() refuses it. */
size_t sdei_size(const struct sdei_config *config);

/* 0, or -VIRQ_ERR_CONFIG; then *why, if why is not NULL, is a sentence that names the field. */
int sdei_check(const struct sdei_config *config, const char **why);

/*
 * Build a dispatcher in `memory` (64-byte aligned, `size` bytes; nothing else is allocated, there is no
 * destroy). No event is registered, no interrupt bound, all vCPUs are masked. `port` is copied; `host` is
 * passed back to its hooks. 0; -VIRQ_ERR_CONFIG (also: slots without the hooks that they want);
 * -VIRQ_ERR_MEMORY.
 */
int sdei_init(struct sdei **sdei, void *memory, size_t size, const struct sdei_config *config,
	      const struct sdei_port *port, void *host);

/* --- Events happen. Any CPU, any context, lock-free. -------------------------------------------- */

/*
 * This event of config's, or event 0, becomes pending; it is delivered once, however often it was raised
 * before that. (A bound one is looked at, as by sdei_interrupt().) `vcpu`: whose private event it is; of a
 * shared one it is ignored. A shared one with RM_ANY goes to some vCPU that is unmasked and can take it, or
 * to the first that becomes so. 0; -VIRQ_ERR_RANGE: there is no such event or vCPU.
 */
int sdei_raise(struct sdei *sdei, unsigned vcpu, int32_t event);

/*
 * A diverted interrupt, `vcpu`'s if it is a PPI, became pending: irq_pending says so when its event's turn
 * comes, or nothing happens. What is not bound is ignored.
 */
void sdei_interrupt(struct sdei *sdei, unsigned vcpu, virq_t virq);

/* --- The vCPU's own physical CPU. ---------------------------------------------------------------- */

/*
 * Would sdei_enter() take this vCPU to a handler? Any CPU. It may, rarely, be true when by then another
 * vCPU has taken the event; it is never false while there is something. A handful of loads.
 */
bool sdei_pending(const struct sdei *sdei, unsigned vcpu);

/* The guest's registers. */
struct sdei_frame {
	uint64_t *x;                  /* x0 to x17; read and written */
	uint64_t pc, pstate;          /* ELR_EL2, SPSR_EL2: read and written */
	uint64_t sctlr_el1, vbar_el1; /* read */
	uint64_t gcscr_el1;           /* read with SDEI_HAS_GCS */
	/* Written, and `resumed` set, by EVENT_COMPLETE_AND_RESUME; else left alone. */
	uint64_t elr_el1, spsr_el1;
	bool resumed;
};

/*
 * Take the guest to the handler of what is pending for it, if anything is that its state allows:
 * critical events before normal ones, then private before shared ones, then event 0, those of config in
 * its order, bound ones by slot. A normal event waits while any handler runs on this vCPU, a critical one
 * while a critical one does; all wait while it is masked.
 * True: x0 to x17, PC and PSTATE are saved, and the frame has the handler's: x0 event, x1 argument, x2
 * interrupted PC, x3 interrupted PSTATE, PC the entry, PSTATE as an exception to EL1 finds it.
 * False: nothing was to be done. DEN0054 4.3, DDI 0487 AArch64.TakeException(). Owner.
 */
bool sdei_enter(struct sdei *sdei, unsigned vcpu, struct sdei_frame *frame);

/* What port->later asked for. Owner. */
void sdei_again(struct sdei *sdei, unsigned vcpu);

/*
 * Is x0 one of SDEI's function identifiers? An embedder that offers SMCCC 1.3 clears bit 16 first, the
 * hint that there is no live SVE state (DEN0028 2.6).
 */
static inline bool sdei_is_call(uint64_t x0)
{
	return (uint32_t)x0 - SDEI_CALL_FIRST <= SDEI_CALL_LAST - SDEI_CALL_FIRST;
}

enum sdei_result {
	SDEI_DONE, /* x0 has the answer; or it was a completion, and the frame has what goes on */
	/*
	 * irq_divert answered SDEI_RETRY: the interrupt controller has to hear of some list register first.
	 * Do what its own "again" asks for (vgic.h: VGIC_AGAIN), and call again; the frame is as it was.
	 */
	SDEI_AGAIN,
};

/* x0 is a call. Look at sdei_pending() afterwards. Owner. */
enum sdei_result sdei_call(struct sdei *sdei, unsigned vcpu, struct sdei_frame *frame);

/*
 * Power. On: masked, its private events unregistered. Off (PSCI CPU_OFF, also inside a handler): its
 * handlers are over as if they had completed, without a way back, and the rest is as for on; what is
 * pending and may go to any vCPU goes to another one. Suspended, with power lost: its handlers are over,
 * it is masked; registrations stay. Owner; for `on` also whoever turns it on, before it runs.
 */
void sdei_cpu_on(struct sdei *sdei, unsigned vcpu);
void sdei_cpu_off(struct sdei *sdei, unsigned vcpu);
void sdei_cpu_suspended(struct sdei *sdei, unsigned vcpu);

/* --- The VM as a whole. No vCPU runs, nobody raises. --------------------------------------------- */

/* Power-on: as sdei_init() leaves it; bound interrupts are returned. Statistics go on. */
void sdei_reset(struct sdei *sdei);

/*
 * All that the guest can see or will feel: registrations, bindings, what is pending, masks, contexts. Not
 * in it: the interrupt controller's state, which is restored before this, and statistics. Little-endian,
 * versioned, the same for every host: lib/sdei/state.md. Returns the bytes written; -VIRQ_ERR_MEMORY.
 */
size_t sdei_save_size(const struct sdei *sdei);
long sdei_save(const struct sdei *sdei, void *buffer, size_t size);

/*
 * Into a dispatcher of the same configuration (strict_signal and vendor may differ), in any state. Every
 * field is checked first: 0; -VIRQ_ERR_STATE, *why names the field, and all is as before. Bound interrupts
 * are diverted through the port, with `again`.
 */
int sdei_restore(struct sdei *sdei, const void *buffer, size_t size, const char **why);

/* --- Looking in. Any CPU. ------------------------------------------------------------------------ */

struct sdei_stats {
	uint64_t calls;            /* of this vCPU's */
	uint64_t refused;          /* that answered a negative number */
	uint64_t normal, critical; /* handlers entered */
};

/* Not of one instant. 0; -VIRQ_ERR_RANGE: there is no such vCPU. */
int sdei_stats(const struct sdei *sdei, unsigned vcpu, struct sdei_stats *stats);

/* --- ACPI. --------------------------------------------------------------------------------------- */

#define SDEI_ACPI_SIZE 36

/*
 * The table that tells a guest with ACPI that there is SDEI: a header alone (ACPI for SDEI, DEN0054
 * appendix C). oem_id: 6 bytes, oem_table_id: 8, padded with blanks or zeros.
 */
void sdei_acpi_table(uint8_t table[SDEI_ACPI_SIZE], const char oem_id[6],
		     const char oem_table_id[8], uint32_t oem_revision);

#ifdef __cplusplus
}
#endif

#endif
