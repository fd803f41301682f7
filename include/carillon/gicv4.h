/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Direct injection, the host's side (Arm IHI 0069, GICv4.0 and GICv4.1: chapters 5 and 6, 12.11): has a
 * physical ITS deliver a passed-through device's events to a VM's vCPUs as vLPIs, without an exit.
 *
 * One struct gicv4 is one VM's: a vPE for each vCPU (a vPEID, a virtual pending table, a doorbell LPI),
 * one virtual property table, and the routes, which are the physical events that hardware may deliver.
 * It makes ITS commands and register values, and hands them to the embedder's hooks; it touches no
 * hardware, waits for nothing, allocates nothing. Where hardware needs time, the function says so (false,
 * or GICV4_AGAIN) and is called again; nothing is locked in between.
 *
 * The life of a vCPU on a physical CPU, beside vgic_load() and vgic_put():
 *
 *	gicv4_load(vm, vcpu, cpu);
 *	while (!gicv4_ready(vm, vcpu)) wait a little;		before each first entry
 *	run the guest;
 *	while (!gicv4_put(vm, vcpu, blocks, late)) wait a little;	`late`: waited long enough
 *	if it blocks: sleep only if neither vgic_pending() nor gicv4_pending(vm, vcpu)
 *
 * The guest's ITS commands come by way of struct vits_port (carillon/vits.h): gicv4_map() and the
 * others of that part are its hooks, route by route. vlpi_unmap has no way to say GICV4_AGAIN: the
 * embedder's calls gicv4_unmap() until it answers otherwise, which takes the ITS a handful of commands.
 *
 * What is exact and what is not. A mapped event's pending state follows it through moves and clears
 * exactly. When a route changes between software and hardware (map, unmap, gicv4_enable()) it is
 * without mapping between DISCARD and MAPTI or VMAPTI, and the ITS drops what comes then; DISCARD also
 * drops what was pending. So the library needs the host's help to be exact: the hook `quiet`, by which
 * the device keeps its events to itself for that time (MSI-X: the vector's mask bit). With it, the
 * pending vLPI is moved (VMOVI) to a vPE that no CPU ever runs, that vPE is unmapped, and its pending
 * table read (GICv4.1 says that the table is complete then; GICv4.0 does not say so plainly). Without
 * it, the interrupt is made pending once on each change: one too many at worst, never one too few.
 *
 * Is it worth it? A vLPI that finds its vPE on a CPU costs no exit instead of one. One that does not find
 * it, and the vCPU blocked, costs a doorbell: a physical interrupt like before, and three ITS commands
 * at each block and each wake on GICv4.0. And the scheduler does not learn that a preempted vCPU has got
 * something to do. So it pays while vCPUs have a CPU each, and costs when they wait for one another:
 * gicv4_policy().
 *
 * Contexts. Owner functions are called on the CPU on which the vCPU is, or is to be, loaded, with
 * preemption off. Route functions: any CPU, not from an interrupt that may have come in the middle of one.
 * Locks of the embedder's in `command` are taken under the library's, and from an interrupt by
 * gicv4_doorbell().
 */
#ifndef CARILLON_GICV4_H
#define CARILLON_GICV4_H

#include <carillon/vgic.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GICV4_MAX_ITSS 16u

/* Registers that the hooks see, by their offset from the redistributor's RD_base. 64 bits if not said. */
#define GICV4_GICR_VPROPBASER 0x20070u
#define GICV4_GICR_VPENDBASER 0x20078u
#define GICV4_GICR_INVLPIR    0x000a0u /* GICv4.1, for vLPIs (V = 1), as INVALLR and SYNCR */
#define GICV4_GICR_INVALLR    0x000b0u
#define GICV4_GICR_SYNCR      0x000c0u /* 32 bits */
#define GICV4_GICR_VSGIR      0x20080u /* GICv4.1; 32 bits */
#define GICV4_GICR_VSGIPENDR  0x20088u /* GICv4.1; 32 bits */

struct gicv4; /* a VM's direct injection */

/*
 * What all VMs of a machine share; filled in by the embedder, the last part zero, and not changed while a
 * VM uses it. The ITSs are those that deliver vLPIs (GITS_TYPER.Virtual), numbered from 0.
 */
struct gicv4_machine {
	uint8_t minor; /* 0: GICv4.0; 1: GICv4.1 (GICR_TYPER.RVPEID, and each GITS_TYPER.VMAPP) */
	uint8_t itss;  /* 1 to GICV4_MAX_ITSS */
	/* Each GITS_TYPER.VMOVP is 1: a vPE's move is told to one ITS, which tells the others. */
	bool vmovp;
	uint8_t its_numbers[GICV4_MAX_ITSS]; /* GITS_CTLR.ITS_Number; 0 to 15, used if !vmovp */
	/*
	 * GICv4.1, and each redistributor has GICR_INVLPIR, INVALLR and SYNCR (GICR_CTLR.IR, or
	 * GICR_TYPER.DirectLPI): vLPIs are configured by way of them, and not of an ITS.
	 */
	bool invlpir;
	/* vPEIDs that there are: 2^16 at most; what GITS_TYPER2 and the size of the vPE table allow. */
	uint32_t vpeids;
	uint8_t intid_bits; /* 14 to 24: of a vLPI's INTID, GICD_TYPER.IDbits + 1 */

	uint32_t lock; /* the order of VMOVP commands that go to several ITSs */
	uint16_t sequence;
	uint32_t asking;       /* atomic: whose request is in GICR_VSGIR */
	uint32_t invalidating; /* atomic: whose is in GICR_INVLPIR or INVALLR */
};

/* A physical event: of a device that is mapped on its ITS (MAPD), and the LPI that it is in software. */
struct gicv4_event {
	uint8_t its;
	uint16_t collection; /* the LPI's, mapped on this ITS */
	uint16_t cpu;        /* where the collection's LPIs go: for `rdbase` */
	uint32_t device, event;
	uint32_t intid; /* the LPI's */
};

struct gicv4_config {
	uint16_t vcpus;   /* 1 to VGIC_MAX_VCPUS */
	uint16_t routes;  /* 1 to 65535; those of vits_config.routes */
	uint8_t lpi_bits; /* as the vGIC's */
	uint16_t
		first_vpeid; /* vCPU n is vPE first_vpeid + n; + vcpus: the one that is never run */
	uint16_t cpu;        /* a CPU that exists, for `rdbase`: where vPEs are mapped at first */
	/* Cacheability and shareability of the tables, as in GICR_VPENDBASER: bits 58:56, 11:7. */
	uint64_t attributes;
	/*
	 * vCPU n's doorbell, `vcpus` of them; copied. GICv4.0: the event of any device (a proxy), mapped by
	 * MAPTI to the doorbell's LPI, which is disabled, and the collection of config.cpu. On its ITS
	 * collection n is mapped to CPU n (MAPC): doorbells come where their vPE is, and the event is
	 * moved with it. GICv4.1: only `intid` is used; it is enabled, on every CPU, as
	 * long as the host does not want otherwise (gicv4_doorbell_changed()).
	 */
	const struct gicv4_event *doorbells;
	/*
	 * The tables that hardware reads: gicv4_tables_size() bytes at `tables`, 64 KiB aligned at their
	 * physical address `address`. Nothing else is there.
	 */
	void *tables;
	uint64_t address;
};

/*
 * The embedder's hooks. They are bounded, and do not call back into this part of the library. All may
 * be called on any CPU and concurrently, unless said otherwise, and with the VM's lock held.
 */
struct gicv4_hooks {
	/*
	 * Put a 32-byte command on this ITS's queue, behind all that were put before; what was stored
	 * before the call is visible to the ITS when it executes it. The queue's room is the
	 * embedder's: no call here puts more than 64 commands on a queue. Returns a token for `done`,
	 * of any kind but 0.
	 */
	uint64_t (*command)(void *host, unsigned its, const uint64_t command[4]);
	/* Have this command and those before it been executed (GITS_CREADR has passed it)? */
	bool (*done)(void *host, unsigned its, uint64_t token);
	/*
	 * A CPU's redistributor's register; only of the calling CPU, but GICv4.1's INVLPIR, INVALLR, SYNCR,
	 * VSGIR and VSGIPENDR.
	 * What was stored before a write is visible to all before the write takes effect.
	 */
	uint64_t (*redist_read)(void *host, unsigned cpu, uint32_t offset);
	void (*redist_write)(void *host, unsigned cpu, uint32_t offset, uint64_t value);
	/*
	 * A CPU's redistributor as this ITS has it in commands: GITS_TYPER.PTA = 1: its address, of which
	 * bits 51:16 are used; 0: GICR_TYPER.Processor_Number << 16.
	 */
	uint64_t (*rdbase)(void *host, unsigned its, unsigned cpu);
	/*
	 * GICv4.0: the enable bit of the vCPU's doorbell LPI, in the host's own property table. The
	 * library has the ITS read it anew (INV).
	 */
	void (*doorbell)(void *host, unsigned vcpu, bool on);
	/*
	 * gicv4_pending() has become true: if the vCPU is blocked, it has to run. As vgic_port.kick, but
	 * that a vCPU that runs need not be interrupted.
	 */
	void (*wake)(void *host, unsigned vcpu);
	/*
	 * The LPI is pending in software from now on: vgic_lpi_raise(). A route's that was moved to
	 * software by gicv4_enable(), or that vlpi_set found there.
	 */
	void (*raise)(void *host, uint16_t route, unsigned vcpu, virq_t lpi);
	/*
	 * Optional. On: hold this route's event back in its device. True: it is, and the physical LPI is
	 * not pending either (what came before has been raised); from now on what the device has to say
	 * waits in it for `quiet(off)`, which follows a true. False: not possible, or not now. It may ask
	 * gicv4_is_direct(): a route that is not is a physical LPI now.
	 */
	bool (*quiet)(void *host, uint16_t route, bool on);
	/*
	 * Optional: hardware does not see the caches. Clean and invalidate this part of the tables.
	 */
	void (*clean)(void *host, void *at, size_t bytes);
	/* GICv4.1, for vSGIs: write GITS_SGIR of this ITS. May be NULL if gicv4_vsgi_*() is not used. */
	void (*sgir)(void *host, unsigned its, uint64_t value);
};

enum gicv4_result {
	GICV4_CLEAR,   /* done; was not pending */
	GICV4_PENDING, /* done; was pending, and is not any more */
	GICV4_AGAIN,   /* hardware is at it: call again with the same arguments */
};

/* --- The VM as a whole. One CPU at a time, no vCPU loaded. ---------------------------------------- */

/*
 * 0, or -VIRQ_ERR_CONFIG; then *why, if why is not NULL, is a sentence that names the field. The tables'
 * address is checked by gicv4_init() only, so that their size can be asked for.
 */
int gicv4_check(const struct gicv4_machine *machine, const struct gicv4_config *config,
		const char **why);

/* The bytes that gicv4_init() wants, and of the tables; 0 if gicv4_check() refuses the configuration. */
size_t gicv4_size(const struct gicv4_machine *machine, const struct gicv4_config *config);
size_t gicv4_tables_size(const struct gicv4_machine *machine, const struct gicv4_config *config);

/*
 * Build it in `memory` (64-byte aligned, its own from then on). No vPE is mapped, no route known; it is
 * enabled. `hooks` is copied, `machine` is not. 0; -VIRQ_ERR_CONFIG; -VIRQ_ERR_MEMORY: also of the tables.
 */
int gicv4_init(struct gicv4 **vm, void *memory, size_t size, struct gicv4_machine *machine,
	       const struct gicv4_config *config, const struct gicv4_hooks *hooks, void *host);

/*
 * Empty the tables and map the vPEs (VMAPP). Before anything is loaded or mapped, gicv4_settled() has to
 * be true. 0; -VIRQ_ERR_BUSY: it is started already, or not settled.
 */
int gicv4_start(struct gicv4 *vm);

/*
 * Unmap the vPEs. Once gicv4_settled() is true hardware uses nothing of this VM: the memory can be taken
 * back, or gicv4_start() called. 0, also if it is not started; -VIRQ_ERR_BUSY: a vCPU is loaded, or a route
 * is in hardware: unmap them, or gicv4_enable(false), first.
 * The VM's reset: vits_reset(), stop, settled, start, settled.
 */
int gicv4_stop(struct gicv4 *vm);

/*
 * Has hardware done everything that was asked for? Also finishes what waits for it: a route that is on
 * its way to software, a device that is held. False: call again. Any CPU; for vits_port.vlpis_settled.
 */
bool gicv4_settled(struct gicv4 *vm);

/* --- A vCPU on a CPU. Owner. ------------------------------------------------------------------------ */

/*
 * vCPU `vcpu` is about to run on `cpu`, where no other one's vPE is resident: what it needs is started.
 * 0; -VIRQ_ERR_RANGE; -VIRQ_ERR_BUSY: it is loaded, or not started.
 */
int gicv4_load(struct gicv4 *vm, unsigned vcpu, unsigned cpu);

/*
 * True: the vPE is resident, and its pending vLPIs have been found (GICR_VPENDBASER.Dirty = 0): run the
 * guest. False: not yet. Running the guest anyway loses nothing; its vLPIs come later.
 */
bool gicv4_ready(struct gicv4 *vm, unsigned vcpu);

/*
 * The vCPU leaves its CPU. `blocks`: it means to sleep until it has an interrupt, and its doorbell
 * rings from now on. False: hardware is not done; call again with the same `blocks`, and run the guest
 * no more. `late`: the caller waited as long as it wanted to; the answer is true, and the vCPU counts
 * as pending, since hardware did not tell.
 */
bool gicv4_put(struct gicv4 *vm, unsigned vcpu, bool blocks, bool late);

/*
 * May the vCPU, which is not loaded, have a vLPI that would wake it? Hardware does not look at the
 * guest's priority mask and group enables, so one that they hold back keeps the vCPU from sleeping.
 * False only after gicv4_put() with `blocks`, and then the doorbell will call `wake` as soon as there
 * is one. To be looked at after the vCPU's sleep is announced to those who wake it, as with
 * vgic_pending(). Any CPU.
 */
bool gicv4_pending(const struct gicv4 *vm, unsigned vcpu);

/* The vCPU's doorbell LPI came. Any CPU, its interrupt handler. */
void gicv4_doorbell(struct gicv4 *vm, unsigned vcpu);

/*
 * The host has changed its property byte of the vCPU's doorbell LPI (its priority; GICv4.1: its enable
 * bit, too): it is in effect when gicv4_settled() is true (GICv4.1: INVDB). 0; -VIRQ_ERR_RANGE. Any CPU.
 */
int gicv4_doorbell_changed(struct gicv4 *vm, unsigned vcpu);

/* --- Routes. ----------------------------------------------------------------------------------------- */

/*
 * Route `route` is this physical event, which is mapped to its LPI (MAPTI), and has not been sent so far.
 * While direct injection is enabled, and the guest has not mapped it, the ITS drops it. NULL: no more. 0;
 * -VIRQ_ERR_RANGE; -VIRQ_ERR_BUSY: it is mapped to a vLPI, or was, and hardware is at it: again later.
 */
int gicv4_route(struct gicv4 *vm, uint16_t route, const struct gicv4_event *event);

/*
 * vits_port.vlpi_map, with the property byte that the guest has for the LPI (0 will do for the virtual
 * ITS, which configures it right after). False: there is no such route, or it is mapped, or the LPI or
 * vCPU is outside what there is, or its event is on its way back to software. While direct injection is
 * disabled, a route is kept, and its physical LPI goes on coming to software.
 */
bool gicv4_map(struct gicv4 *vm, uint16_t route, unsigned vcpu, virq_t lpi, uint8_t property);

/*
 * vits_port.vlpi_unmap: the route's event is a physical LPI again when this answers other than
 * GICV4_AGAIN. GICV4_PENDING: what was pending in hardware has to be raised by software, or dropped if
 * the guest discarded it. Without `quiet` it is the answer for each route that hardware had.
 */
enum gicv4_result gicv4_unmap(struct gicv4 *vm, uint16_t route);

/*
 * vits_port.vlpi_discard: the guest's mapping is gone, and with it what is pending. From here to
 * gicv4_map() hardware drops the event, and nothing has to be known about it: a guest that discards and
 * maps again gets each message that comes while it is mapped, and no other.
 */
void gicv4_discard(struct gicv4 *vm, uint16_t route);

void gicv4_move(struct gicv4 *vm, uint16_t route, unsigned vcpu);
void gicv4_set(struct gicv4 *vm, uint16_t route);
/* What is pending in software is not this function's: the virtual ITS clears it, too. */
void gicv4_clear(struct gicv4 *vm, uint16_t route);
void gicv4_configure(struct gicv4 *vm, uint16_t route, virq_t lpi, uint8_t property);
/* All vLPIs of this vCPU: their property bytes are read anew (VINVALL). */
void gicv4_invalidate_all(struct gicv4 *vm, unsigned vcpu);

/* Does hardware deliver this route now? Any CPU; a snapshot. */
bool gicv4_is_direct(const struct gicv4 *vm, uint16_t route);

/* --- On and off, at run time; saving. ---------------------------------------------------------- */

/*
 * Have the routes delivered by hardware, or by software: gicv4_step() moves them, a few at a time, and
 * is true when all are where they should be, and no device is held for it. vCPUs may be loaded or not. What
 * is pending is raised.
 *
 * To save a VM: its vCPUs are put, its devices silent; disable, step until true; then all of its LPIs'
 * state is in the vGIC, and vgic_save() has it; exactly so if `quiet` was true for each route. (The
 * pending tables are read for it, route by route; hardware's own format of the first KiB is never
 * looked at.)
 */
void gicv4_enable(struct gicv4 *vm, bool on);
bool gicv4_step(struct gicv4 *vm);

/*
 * Should direct injection be on, with that many vCPUs (of all VMs with routes) that want to run on that
 * many CPUs? On if there is a CPU for each, off if there are more than a quarter too few; in between it
 * stays what it is, so that it does not swing.
 */
bool gicv4_policy(bool on, unsigned vcpus, unsigned cpus);

/* --- GICv4.1. ----------------------------------------------------------------------------------- */

/*
 * No hardware has seen what follows, nor anything above with minor = 1: it runs against
 * tests/model/gicv4.c.
 *
 * The vPE table: one in memory for all redistributors that share it (GICR_TYPER.CommonLPIAff), and for
 * those ITSs that do (GITS_TYPER.SVPET, GITS_MPIDR). Do these two, given by GICR_TYPER, share one?
 */
bool gicv4_redists_share(uint64_t gicr_typer, uint64_t other);
bool gicv4_its_shares(uint64_t gits_typer, uint32_t gits_mpidr, uint64_t gicr_typer);
/*
 * GICR_VPROPBASER for a vPE table that an ITS was given by this GITS_BASER (Type = 2), as read back
 * from it: inherited, with the attributes of `attributes`; or 0 if its memory is beyond what the
 * register can name.
 */
uint64_t gicv4_vpe_table(uint64_t gits_baser, uint64_t attributes);

/* Group enables of the vCPU's virtual distributor, from the next load on. They are on at first. */
void gicv4_groups(struct gicv4 *vm, unsigned vcpu, bool group0, bool group1);

/*
 * A vCPU's SGI `sgi` (0 to 15) delivered by hardware, while the guest has GICD_CTLR.nASSGIreq = 1: its
 * configuration, which is in effect when gicv4_settled() is true. -VIRQ_ERR_KIND: not GICv4.1;
 * -VIRQ_ERR_RANGE.
 */
int gicv4_vsgi_configure(struct gicv4 *vm, unsigned vcpu, unsigned sgi, bool enabled,
			 uint8_t priority, unsigned group);
/* Make it pending (GITS_SGIR); make it not pending, the configuration as last given. */
int gicv4_vsgi_set(struct gicv4 *vm, unsigned vcpu, unsigned sgi);
int gicv4_vsgi_clear(struct gicv4 *vm, unsigned vcpu, unsigned sgi);
/*
 * The pending state of all 16, for a read of GICR_ISPENDR0 (GICR_VSGIR, VSGIPENDR). False: not yet,
 * call again. One request is under way on a machine at a time, and only the answer ends it. Any CPU,
 * one for each vCPU; the vPE does not change its CPU from the first call to the answer.
 */
bool gicv4_vsgi_pending(struct gicv4 *vm, unsigned vcpu, uint16_t *pending);

/* --- Statistics. -------------------------------------------------------------------------------- */

struct gicv4_stats {
	uint64_t loads;
	uint64_t moves;     /* of those: with a VMOVP */
	uint64_t blocks;    /* puts with the doorbell on */
	uint64_t doorbells; /* that rang */
	uint64_t late;      /* puts without an answer of hardware */
	uint64_t maps, unmaps;
	uint64_t again;  /* routes that were made pending without knowing better */
	uint32_t direct; /* routes that hardware has now */
};

/* A snapshot, not of one instant. Any CPU. */
void gicv4_stats(const struct gicv4 *vm, struct gicv4_stats *stats);

#ifdef __cplusplus
}
#endif

#endif
