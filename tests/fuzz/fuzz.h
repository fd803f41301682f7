/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What the parts of the fuzz targets share: a machine of a library, its embedder (host.c; whole.c for
 * what is done to a VM as a whole), guests (guest.c), the bytes that say what happens (program.c), and
 * what must hold (check.c).
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <carillon/vits.h>

#include "cpuif.h"

#define VCPUS         8
#define PRIVATE_WIRES 4
#define SHARED_WIRES  8
#define WIRES         (VCPUS * PRIVATE_WIRES + SHARED_WIRES)
#define ACKS          16

enum where { UNLOADED, OUTSIDE, GUEST, BLOCKED };

enum region { DIST, REDIST, SYSREG, GICC, REGIONS, ITS = REGIONS };

struct trap {
	enum region region;
	bool write;
	unsigned bytes;
	uint32_t offset; /* SYSREG: the register */
	unsigned its;    /* ITS: which of them */
	uint64_t value;
};

/* A mapped physical interrupt, and its device. */
struct wire {
	bool mapped, line, latch, active;
	unsigned vcpu; /* of a private one */
	virq_t virq;
	unsigned hwirq, how;
};

struct vcpu {
	enum where where;
	bool kicked;     /* a host interrupt, or a wake-up, is on its way */
	bool waiting;    /* `access` answered AGAIN */
	bool aprs;       /* the last exit was given the active priorities */
	bool restore;    /* its next load asks for what the CPU interface was */
	bool odd;        /* its active priorities need not be those of what is active */
	unsigned pcpu;   /* where it is loaded */
	unsigned agains; /* how often its access was presented in vain */
	struct vgic_cpu *cpu;
	struct gic_cpuif image;
	struct cpuif hw;
	struct trap access;
	unsigned acks[ACKS],
		n_acks; /* what the guest acknowledged and has not ended, newest last */
};

/* What the last vCPU left in a physical CPU's registers. */
struct left {
	uint64_t lr[VGIC_MAX_LRS];
	uint32_t hcr;
};

#define ITSES       2
#define ROUTES      8
#define RAM_PAGE    0x1000u
#define RAM_PAGES   112u
#define RAM_SIZE    (RAM_PAGES * RAM_PAGE)
#define RAM_ADDRESS 0x40000000ull

/* What hardware has of a route. */
struct forwarded {
	bool named, mapped, pending;
	unsigned vcpu;
	virq_t lpi;
};

/* An ITS, what its embedder knows of it, and the state that was saved last. */
struct its {
	struct vits *vits;
	void *memory;
	struct machine *machine;
	struct forwarded routes[ROUTES];
	bool discards;         /* its port has vlpi_discard */
	unsigned refuse, busy; /* calls of vlpi_map, of vlpis_settled, that are answered by false */
	bool refused;          /* one was, in this operation */
	struct vits_stats stats;
	struct vits_state state;
	bool saved;
};

/* The guest's memory. A bit for each two pages: there is none; it cannot be written. */
struct ram {
	uint8_t *bytes;
	uint64_t holes, read_only;
	unsigned until_message; /* after so many reads, a message comes from another CPU */
	uint32_t device, event; /* that one, to ITS 0 */
};

struct input {
	const uint8_t *at, *end;
};

struct machine {
	struct vgic *vgic;
	void *memory;
	struct vgic_config config;
	struct vcpu vcpu[VCPUS];
	struct wire wires[WIRES];
	bool lines;  /* the host tells mapped edges by vgic_set_line() */
	bool refill; /* the host uses vgic_refill() */
	bool finish; /* at the end, let guests handle all that is left */
	int actor;   /* the vCPU whose owner function runs, or -1 */
	bool in_library;
	unsigned hooks; /* calls in this operation */
	unsigned irqs;  /* how many there are */
	unsigned mapped, soft;
	struct left left[VCPUS];
	unsigned next_cpu;
	uint8_t *state; /* the one that was saved last */
	size_t state_size;
	struct seen *seen;
	struct ram ram;
	struct vits_config its_config;
	unsigned n_its;
	struct its its[ITSES];
};

/* FUZZ_TRACE=1: what an input does, step by step. */
extern bool trace;
#define SAY(...) (trace ? (void)fprintf(stderr, __VA_ARGS__) : (void)0)

/* End here, with a story, unless `ok`. */
void require(bool ok, const char *what);

/* INTIDs that are no interrupts; in a GICv2's IAR without the source. */
static inline bool is_special(unsigned intid)
{
	return intid >= 1020 && intid < 1024;
}

static inline bool is_v2(const struct machine *m)
{
	return m->config.version == VGIC_V2;
}

static inline bool is_soft(const struct machine *m)
{
	return m->config.lrs == 0;
}

/* host.c */
void host_begin(struct machine *m, int actor);
void host_end(struct machine *m);
struct gic_cpuif *host_image(struct machine *m, unsigned v);
bool host_init(struct machine *m, unsigned mapped, unsigned soft);
void host_build(struct machine *m);
void host_free(struct machine *m);
void host_load(struct machine *m, unsigned v);
void host_load_on(struct machine *m, unsigned v, unsigned cpu);
void host_watch(struct machine *m, unsigned v);
void host_put(struct machine *m, unsigned v);
void host_block(struct machine *m, unsigned v, virq_t virq);
void host_exit(struct machine *m, unsigned v, bool aprs);
void host_enter(struct machine *m, unsigned v);
bool host_pending(struct machine *m, unsigned v);
void host_bounce(struct machine *m, unsigned v);
void host_back(struct machine *m, unsigned v);
void host_serve(struct machine *m, unsigned v);
void host_maintenance(struct machine *m, unsigned v);
void host_reset(struct machine *m, unsigned v);
void host_look(struct machine *m, unsigned v);
void host_raise(struct machine *m, unsigned v, unsigned other, virq_t virq, bool pulse, bool level,
		bool here);
void host_device(struct machine *m, struct wire *wire, bool level);
void host_take(struct machine *m, struct wire *wire);
void host_silence(struct machine *m, unsigned v, virq_t virq);
void host_notify(struct machine *m, unsigned v, virq_t virq, bool on);
void host_access(struct machine *m, unsigned v, struct trap access);
void host_retry(struct machine *m, unsigned v);
void host_abandon(struct machine *m, unsigned v);
void host_settle(struct machine *m);
void host_rest(struct machine *m);

/* whole.c */
void whole_out(struct machine *m);
void whole_reset(struct machine *m);
void whole_save(struct machine *m);
bool whole_restore(struct machine *m, const uint8_t *state, size_t size);
void whole_renew(struct machine *m, unsigned lrs, bool unmap);
void whole_remap(struct machine *m, struct wire *wire);
void whole_look(struct machine *m, unsigned v, virq_t virq);

/* its.c */
#define GITS_CTLR    0x00u
#define GITS_CBASER  0x80u
#define GITS_CWRITER 0x88u
#define GITS_CREADR  0x90u
#define GITS_BASER   0x100u
bool ram_read(struct machine *m, uint64_t at, void *to, size_t bytes);
bool ram_write(struct machine *m, uint64_t at, const void *from, size_t bytes);
void its_build(struct machine *m);
void its_free(struct machine *m);
void its_invalidated(struct machine *m, unsigned vcpu, virq_t lpi);
void its_reset(struct machine *m);
void its_save(struct machine *m);
void its_restore(struct machine *m);
bool its_restore_state(struct machine *m, struct its *its, const struct vits_state *state);
void its_check(struct machine *m);
uint64_t its_register(const struct its *its, uint32_t offset, unsigned bytes);
void its_check_done(const struct its *its);

/* program.c */
unsigned program_take(struct input *in);
uint64_t program_take_many(struct input *in, unsigned bytes);
bool program_build(struct machine *m, struct input *in);
void program_operation(struct machine *m, struct input *in);
void program_run(struct machine *m, struct input *in);

/* guest.c */
void guest_acknowledge(struct machine *m, unsigned v, unsigned group);
void guest_end(struct machine *m, unsigned v, unsigned group, unsigned intid);
void guest_deactivate(struct machine *m, unsigned v, unsigned intid);
void guest_handle(struct machine *m, unsigned v, unsigned at_most);
void guest_control(struct machine *m, unsigned v, unsigned which, unsigned value);
void guest_read(struct machine *m, unsigned v, unsigned which);
void guest_move_lr(struct machine *m, unsigned v, unsigned n, unsigned how);
void guest_write_apr(struct machine *m, unsigned v, unsigned n, uint32_t value);
void guest_count_ends(struct machine *m, unsigned v, unsigned ends);
void guest_finish(struct machine *m);

/* check.c */
void check_init(struct machine *m);
void check_lrs(struct machine *m, unsigned v);
void check_entered(struct machine *m, unsigned v);
void check_step(struct machine *m);
void check_finished(struct machine *m);
void check_rest(struct machine *m);
void check_moved(const struct machine *m, unsigned v);

#endif
