/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The virtual GIC: GICv3 (Arm IHI 0069; one Security state, affinity routing always on) and GICv2
 * (Arm IHI 0048; no Security Extensions, both groups).
 *
 * One struct vgic is the interrupt controller of one virtual machine. It decides and owns all
 * virtual state, and touches no hardware: the embedder traps the guest, moves values between
 * struct gic_cpuif and the ICH_*_EL2 (GICv2: GICH_*) registers, and serves the hooks of struct
 * vgic_port. Hosts without such hardware configure no list registers: see "software CPU interface".
 *
 * The life of a vCPU on a physical CPU:
 *
 *	cpu = vgic_load(vgic, vcpu);
 *	loop {
 *		while (vgic_attention(cpu)) {
 *			read the list registers in image->live, ICH_HCR, ICH_VMCR into image;
 *			vgic_exit(cpu, image);
 *			vgic_enter(cpu, image);
 *			write the list registers in image->changed; ICH_HCR if image->hcr_changed;
 *		}
 *		run the guest until it traps or a physical interrupt comes;
 *		serve the trap: vgic_dist_read() and so on, vgic_set_line(), ...
 *	}
 *	vgic_exit(cpu, image); vgic_put(cpu, image);
 *
 * An exit for which vgic_attention() stays false reads and writes no GIC register at all.
 *
 * Contexts. "Any CPU" functions may be called anywhere, concurrently, interrupts masked or not
 * provided that the caller cannot be suspended for long in the middle. "Owner" functions take a
 * struct vgic_cpu, are called on the physical CPU that called vgic_load(), one at a time, and
 * with preemption off.
 */
#ifndef CARILLON_VGIC_H
#define CARILLON_VGIC_H

#include <carillon/carillon.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VGIC_MAX_VCPUS    512
#define VGIC_V2_MAX_VCPUS 8
#define VGIC_MAX_SPIS     988  /* INTIDs 32 to 1019 */
#define VGIC_MAX_ESPIS    1024 /* INTIDs 4096 to 5119 */
#define VGIC_MAX_EPPIS    64   /* INTIDs 1056 to 1119 */
#define VGIC_MAX_LRS      16
#define VGIC_LPI_BASE     8192u /* the first LPI's INTID */
#define VGIC_MAX_LPI_BITS 20

#define VGIC_DIST_SIZE     0x10000u /* bytes of the distributor's frame, GICv3 */
#define VGIC_V2_DIST_SIZE  0x1000u  /* the same, GICv2 */
#define VGIC_V2_CPUIF_SIZE 0x2000u  /* GICC, as the guest sees it: two pages, DIR in the second */
#define VGIC_REDIST_STRIDE 0x20000u /* bytes of one redistributor: RD_base and SGI_base frames */

enum vgic_version { VGIC_V2 = 2, VGIC_V3 = 3 };

struct vgic;     /* a VM's interrupt controller */
struct vgic_cpu; /* a vCPU's interface while it is loaded; comes only from vgic_load() */

struct vgic_config {
	uint8_t version;       /* enum vgic_version */
	uint16_t vcpus;        /* 1 to VGIC_MAX_VCPUS, GICv2: to VGIC_V2_MAX_VCPUS */
	uint16_t spis;         /* 0 to VGIC_MAX_SPIS; ITLinesNumber rounds up, the rest is RAZ/WI */
	uint16_t espis;        /* GICv3: extended SPIs, 0 to VGIC_MAX_ESPIS, rounded the same way */
	uint8_t eppis;         /* GICv3: extended PPIs of each vCPU: 0, 32 or 64 */
	uint8_t priority_bits; /* 5 to 8: ICH_VTR_EL2.PRIbits + 1; GICv2: 5 */
	uint8_t preemption_bits; /* 5 to 7, at most priority_bits: ICH_VTR_EL2.PREbits + 1; GICv2: 5 */
	/*
	 * 1 to VGIC_MAX_LRS: ICH_VTR_EL2.ListRegs + 1, GICH_VTR.ListRegs + 1; fewer than there are may
	 * be used. 0: there are none, the CPU interface is software.
	 */
	uint8_t lrs;
	/*
	 * GICv3: how many redistributors a contiguous region has, for GICR_TYPER.Last; 0: all of them.
	 */
	uint16_t region_redists;
	/*
	 * Affinities: vCPU n has Aff0 = n modulo 2^cluster_bits; the quotient fills Aff1, Aff2. 4
	 * (16 in a cluster) is what QEMU's virt board does. 0 to 4: an SGI's target list has 16 bits.
	 * GICv2: not used; vCPU n is CPU interface n.
	 */
	uint8_t cluster_bits;
	/*
	 * GICv3: 2^lpi_bits LPIs, from INTID VGIC_LPI_BASE on; 2 to VGIC_MAX_LPI_BITS. They take 32 bytes
	 * each, and a bit for each vCPU. 0: there are none.
	 */
	uint8_t lpi_bits;
};

/*
 * What the library asks of its host. Hooks are bounded, never call back into the library, and may
 * be called with a vCPU's lock held.
 */
struct vgic_port {
	/*
	 * Any CPU: make this vCPU pass through vgic_exit() and vgic_enter() soon. Running on another
	 * physical CPU: send it an interrupt; blocked or descheduled: make it runnable; running here
	 * (the caller is its own trap): nothing, the caller checks vgic_attention() on its way back.
	 */
	void (*kick)(void *host, unsigned vcpu);
	/*
	 * Set or clear the active state of a mapped physical interrupt. A shared one: any CPU; a
	 * private one (below 32): called only on the physical CPU where `vcpu` is loaded.
	 */
	void (*hwirq_set_active)(void *host, unsigned vcpu, struct hwirq irq, bool active);
	/* Clear the pending state of a mapped physical interrupt. Contexts as hwirq_set_active. */
	void (*hwirq_clear_pending)(void *host, unsigned vcpu, struct hwirq irq);
	/* The level of a mapped physical interrupt's line, now. Contexts as hwirq_set_active. */
	bool (*hwirq_line)(void *host, unsigned vcpu, struct hwirq irq);
	/*
	 * Optional, any CPU: the guest routed a mapped shared interrupt to `vcpu`; the physical
	 * interrupt may follow.
	 */
	void (*hwirq_route)(void *host, struct hwirq irq, unsigned vcpu);
	/*
	 * Optional: the guest deactivated an interrupt for which vgic_notify_end() asked. Whose model the
	 * device is lowers or keeps the line then, not from inside this hook. On the CPU of any vCPU that
	 * passes vgic_exit(), vgic_enter(), or does the access that deactivates it.
	 */
	void (*ended)(void *host, unsigned vcpu, virq_t virq);
	/*
	 * With LPIs, any CPU: copy between the guest's memory and the library's, at most 64 bytes, at
	 * guest-physical address `at`, which is any number. False, and nothing was copied: part of it is no
	 * memory of this guest's that may be read or written like RAM. 8 bytes that are aligned are copied
	 * in one access, since a guest and the library may have to do with them at once.
	 */
	bool (*guest_read)(void *host, uint64_t at, void *to, size_t bytes);
	bool (*guest_write)(void *host, uint64_t at, const void *from, size_t bytes);
	/*
	 * Optional: the guest invalidated the configuration of an LPI, or of all (`lpi` is 0), by vCPU
	 * `vcpu`'s GICR_INVLPIR or GICR_INVALLR, or turned LPIs on or off there: for embedders that have
	 * LPIs in hardware (GICv4). vits_lpi_invalidated() may be called from it.
	 */
	void (*lpi_invalidated)(void *host, unsigned vcpu, virq_t lpi);
	/*
	 * With vgic_divert(), any CPU, any context: a source made this diverted interrupt (`vcpu`'s, if it
	 * is private) pending.
	 */
	void (*diverted)(void *host, unsigned vcpu, virq_t virq);
};

/* The bytes that vgic_init() wants for this configuration, or 0 if vgic_check() refuses it. */
size_t vgic_size(const struct vgic_config *config);

/* 0, or -VIRQ_ERR_CONFIG; then *why, if why is not NULL, is a sentence that names the field. */
int vgic_check(const struct vgic_config *config, const char **why);

/*
 * Build a vGIC in `memory` (64-byte aligned, `size` bytes, owned by the vGIC until the embedder
 * stops using it; nothing else is allocated, there is no destroy). All interrupts are disabled,
 * inactive, group 0, priority 0, SPIs routed to affinity 0.0.0.0; vCPUs are not loaded. `port` is
 * copied; `host` is passed back to its hooks.
 * 0; -VIRQ_ERR_CONFIG; -VIRQ_ERR_MEMORY. One CPU, before anything else.
 */
int vgic_init(struct vgic **vgic, void *memory, size_t size, const struct vgic_config *config,
	      const struct vgic_port *port, void *host);

/* Aff3.Aff2.Aff1.Aff0 of a vCPU as MPIDR_EL1 has them (bits 39:32 and 23:0). Any CPU. */
uint64_t vgic_mpidr(const struct vgic *vgic, unsigned vcpu);

/* The vCPU that has this MPIDR's affinity (other bits ignored), or -VIRQ_ERR_RANGE. Any CPU. */
int vgic_vcpu_of_mpidr(const struct vgic *vgic, uint64_t mpidr);

/* --- Sources. Any CPU, any context, lock-free. ------------------------------------------------ */

/*
 * The level of an interrupt's input. For a level-sensitive one it is pending while the line is
 * high; for an edge-triggered one the rising edge makes it pending. For a mapped level interrupt
 * the host calls it with `true` from the physical handler, after the priority drop and with the
 * physical interrupt left active; the library lowers the line by itself.
 * `vcpu` is used for PPIs (16 to 31, extended ones) and ignored for SPIs. 0; -VIRQ_ERR_RANGE;
 * -VIRQ_ERR_KIND for an SGI.
 */
int vgic_set_line(struct vgic *vgic, unsigned vcpu, virq_t virq, bool level);

/* An edge: makes the interrupt pending, whatever its configuration. Otherwise as vgic_set_line. */
int vgic_pulse(struct vgic *vgic, unsigned vcpu, virq_t virq);

/*
 * The same on the CPU where `cpu` is loaded, while its guest is stopped, in an interrupt handler for
 * instance: that vCPU is not kicked, since its owner looks at vgic_attention() before it runs the
 * guest. `vcpu` is still the one that a PPI belongs to.
 */
int vgic_set_line_here(struct vgic_cpu *cpu, unsigned vcpu, virq_t virq, bool level);
int vgic_pulse_here(struct vgic_cpu *cpu, unsigned vcpu, virq_t virq);

/*
 * Tie a PPI or SPI to a physical interrupt that the host leaves active for the guest to
 * deactivate (ICH_LR HW bit). Before the interrupt is first used, or with its vCPU not loaded (PPI).
 * `how`: flags below.
 * 0; -VIRQ_ERR_RANGE; -VIRQ_ERR_KIND for an SGI; -VIRQ_ERR_BUSY if it is mapped.
 */
#define VGIC_HWIRQ_LEVEL 1u /* level-sensitive: its line is then sampled through the port */
#define VGIC_HWIRQ_SOFT  2u /* the list register cannot deactivate it: the port does, at its end */
int vgic_map_hwirq(struct vgic *vgic, unsigned vcpu, virq_t virq, struct hwirq hwirq, unsigned how);

/*
 * From its next delivery on, call (`on`) port->ended when the guest deactivates this PPI or SPI, at
 * the cost of an exit for each; or (not `on`) call it no more, not even for an end that the library
 * has not seen yet. 0; -VIRQ_ERR_RANGE; -VIRQ_ERR_KIND for an SGI.
 */
int vgic_notify_end(struct vgic *vgic, unsigned vcpu, virq_t virq, bool on);

/* --- Diverted interrupts. ----------------------------------------------------------------------- */

/*
 * A PPI or SPI that somebody else delivers, an SDEI dispatcher for instance (carillon/sdei.h, whose port
 * has hooks for all this). Sources and physical interrupts speak to the vGIC as before; it keeps the latch
 * and the line, and calls port->diverted when they make it pending. The guest's accesses to what belongs
 * to it in the distributor and the redistributors are RAZ/WI; its configuration stays as it was, but it is
 * disabled from now on.
 *
 * `vcpu`: whose PPI it is; of an SPI any one. Functions that find it not diverted do nothing.
 */

/* Is there such a PPI or SPI? Any CPU. */
bool vgic_divertible(const struct vgic *vgic, unsigned vcpu, virq_t virq);

/*
 * 0, also if it was diverted already; -VIRQ_ERR_RANGE: vgic_divertible() says no; -VIRQ_ERR_BUSY: it is
 * pending or active; VGIC_AGAIN (enum vgic_result): as for an access. Owner, of any vCPU; a private one's
 * must be this or not loaded.
 */
int vgic_divert(struct vgic_cpu *cpu, unsigned vcpu, virq_t virq);

/* After vgic_restore(), whatever its state: what was diverted when that was saved. No vCPU is loaded. */
int vgic_divert_again(struct vgic *vgic, unsigned vcpu, virq_t virq);

/* It is the guest's again, disabled; what is pending of it stays so. Any CPU. */
void vgic_undivert(struct vgic *vgic, unsigned vcpu, virq_t virq);

/*
 * Is it pending? The line of a mapped level-sensitive one is sampled. These four: one caller at a time for
 * an interrupt, a private one's on the CPU where its vCPU is loaded.
 */
bool vgic_diverted_pending(struct vgic *vgic, unsigned vcpu, virq_t virq);

/* It is being handled: an edge is taken. */
void vgic_diverted_take(struct vgic *vgic, unsigned vcpu, virq_t virq);

/*
 * It has been handled; a mapped physical interrupt becomes inactive, unless its line is still high. True:
 * it is pending again.
 */
bool vgic_diverted_end(struct vgic *vgic, unsigned vcpu, virq_t virq);

/* An edge is forgotten. True: it is pending all the same, since its line is high. */
bool vgic_diverted_clear(struct vgic *vgic, unsigned vcpu, virq_t virq);

/* A mapped SPI's physical interrupt may follow its events to this vCPU. Any CPU. */
void vgic_diverted_route(struct vgic *vgic, unsigned vcpu, virq_t virq);

/* --- LPIs: config.lpi_bits. -------------------------------------------------------------------- */

/*
 * What an ITS (carillon/vits.h is one) tells the redistributors: IHI 0069 5.1, 5.2. An LPI has a
 * pending state at one redistributor, the one that it was last sent to, and is configured by a byte of
 * the guest's table at that redistributor's GICR_PROPBASER, which is read when it is first raised and
 * after each invalidation. A redistributor with EnableLPIs = 0 ignores all this.
 *
 * Any CPU, any context, lock-free. `self`: the vCPU that is loaded here, whose guest is stopped, as in
 * vgic_set_line_here(); NULL: from elsewhere. -VIRQ_ERR_RANGE: there is no such vCPU or LPI.
 */

/* It becomes pending at `vcpu`; if it is pending at another one, it moves. 0; -VIRQ_ERR_RANGE. */
int vgic_lpi_raise(struct vgic *vgic, struct vgic_cpu *self, unsigned vcpu, virq_t lpi);

/* It is not pending any more. A list register that has it is emptied: vgic_lpis_settled(). */
int vgic_lpi_clear(struct vgic *vgic, struct vgic_cpu *self, virq_t lpi);

/* If it is pending, it is from now on at `vcpu`. vgic_lpis_settled() as above. */
int vgic_lpi_move(struct vgic *vgic, struct vgic_cpu *self, virq_t lpi, unsigned vcpu);

/* Its configuration is read anew before it is delivered again. vgic_lpis_settled() as above. */
int vgic_lpi_invalidate(struct vgic *vgic, struct vgic_cpu *self, virq_t lpi);

/*
 * The same for all that `vcpu` has: configurations, or what is pending (`to`: which goes there). At most
 * `*budget` LPIs are looked at, and taken off it; true: that was all. `*cursor`: 0 at first; where it
 * stopped. What is raised meanwhile may or may not be found.
 */
bool vgic_lpis_invalidate(struct vgic *vgic, struct vgic_cpu *self, unsigned vcpu, uint32_t *cursor,
			  unsigned *budget);
bool vgic_lpis_move(struct vgic *vgic, struct vgic_cpu *self, unsigned vcpu, unsigned to,
		    uint32_t *cursor, unsigned *budget);

/*
 * Has everything that was cleared, moved or invalidated so far left the list registers of all vCPUs? If
 * not, those that have it were kicked. `self` has passed vgic_exit(). Any CPU.
 */
bool vgic_lpis_settled(const struct vgic *vgic);

/* Is this LPI pending, and where? For tests and for people; not of one instant. */
bool vgic_lpi_is_pending(const struct vgic *vgic, virq_t lpi, unsigned *vcpu);

/*
 * The byte that configures this LPI at the redistributor of `vcpu`, as the guest's table has it now; 0 if
 * there is none. False: no such vCPU or LPI.
 */
bool vgic_lpi_property(const struct vgic *vgic, unsigned vcpu, virq_t lpi, uint8_t *property);

/* The hooks of this vGIC's port, for what works with it on the same guest's memory. */
bool vgic_guest_read(const struct vgic *vgic, uint64_t at, void *to, size_t bytes);
bool vgic_guest_write(const struct vgic *vgic, uint64_t at, const void *from, size_t bytes);

/* The number of vCPUs, and of LPIs. */
unsigned vgic_vcpus(const struct vgic *vgic);
uint32_t vgic_lpis(const struct vgic *vgic);

/* --- The vCPU's own physical CPU. ------------------------------------------------------------- */

/*
 * The virtual CPU interface: an image of ICH_*_EL2, or of GICH_* (GICH_LR<n> in the low half of
 * lr[n], GICH_APR in ap0r[0]). The embedder keeps one per vCPU, zeroed at first, and hands it to exit
 * and enter.
 */
struct gic_cpuif {
	uint64_t lr[VGIC_MAX_LRS]; /* ICH_LR<n>_EL2 */
	uint32_t hcr;              /* ICH_HCR_EL2; exit reads EOIcount from it, enter writes it */
	uint32_t vmcr;             /* ICH_VMCR_EL2, read before exit */
	uint32_t ap0r
		[4]; /* ICH_AP0R<n>_EL2, ICH_AP1R<n>_EL2: read before exit if `read_apr`, or if the */
	uint32_t ap1r[4]; /* answer of vgic_pending() or vgic_put()'s state is wanted */
	uint32_t live;    /* set by the library: list registers in use, to be read before exit */
	uint32_t changed; /* set by enter, refill: list registers to write before the guest runs */
	bool hcr_changed; /* the same for ICH_HCR_EL2 */
	bool read_apr; /* set by enter: what the guest ends has to be seen in the active priorities */
};

/*
 * The vCPU got this physical CPU. Private mapped interrupts get their physical active state. NULL
 * if `vcpu` is out of range or already loaded.
 */
struct vgic_cpu *vgic_load(struct vgic *vgic, unsigned vcpu);

/*
 * The vCPU gives up its physical CPU; vgic_exit() has been called since the guest last ran. What
 * the image holds in vmcr and ap*r is kept for vgic_pending(). Says in image->changed which list
 * registers could still signal something: see vgic_lists_quiet(). The handle is dead after this.
 */
void vgic_put(struct vgic_cpu *cpu, struct gic_cpuif *image);

/*
 * Optional, after vgic_load(): after each vgic_put() on this physical CPU the embedder wrote 0 to the
 * list registers in image->changed, and to ICH_HCR_EL2. The next vgic_enter() need not write what is
 * not in use. Owner.
 */
void vgic_lists_quiet(struct vgic_cpu *cpu);

/*
 * Settle what the guest is about to see: fills image->lr, hcr; says in `changed` and
 * `hcr_changed` what hardware does not have yet. vgic_exit() has been called since the guest last
 * ran. Afterwards the list registers are live, and the guest must be run, or vgic_exit() called.
 * What it found to be another vCPU's may have come back by the time it returns: look at
 * vgic_attention() again. That may stay true until another vCPU, which has been kicked, has come out
 * of its guest: exit and enter again until it is false, waiting a little in between.
 */
void vgic_enter(struct vgic_cpu *cpu, struct gic_cpuif *image);

/*
 * Take back what the guest did: image->lr[n] for every n in image->live, hcr and vmcr are as
 * hardware has them. Afterwards memory has the truth of every interrupt of this vCPU until the
 * next enter. May be called again without an enter in between: then it serves what other CPUs
 * asked for meanwhile (a waiter's loop), and reads nothing from the image.
 */
void vgic_exit(struct vgic_cpu *cpu, struct gic_cpuif *image);

/*
 * The same as vgic_exit() and vgic_enter(). They cost less when nothing is in list registers before or
 * after them, and more otherwise: for where a vCPU gives up its physical CPU, waits, or comes back.
 */
void vgic_exit_quiet(struct vgic_cpu *cpu, struct gic_cpuif *image);
void vgic_enter_quiet(struct vgic_cpu *cpu, struct gic_cpuif *image);

/*
 * The short way, instead of exit and enter, when vgic_attention() is true: reads no list register,
 * takes nothing out of those that are live. `empty` is ICH_ELRSR_EL2. True: what came in was new and fitted;
 * write the list registers in image->changed and run the guest. False: write nothing, and call
 * vgic_exit() and vgic_enter() as usual, now. The vCPU has been through vgic_enter() before.
 */
bool vgic_refill(struct vgic_cpu *cpu, struct gic_cpuif *image, uint32_t empty);

/*
 * Does this vCPU have to pass through exit and enter before it runs the guest again? Two loads.
 * True after a maintenance interrupt only if there is something to do.
 */
static inline bool vgic_attention(const struct vgic_cpu *cpu);

/*
 * Would the virtual IRQ or FIQ be asserted if this vCPU ran now? Exact: enables, groups, priority
 * mask, running priority, binary point; whatever PSTATE masks. The vCPU is outside (exit called) or
 * not loaded; any CPU if it is not loaded, else its own.
 */
bool vgic_pending(struct vgic *vgic, unsigned vcpu);

/*
 * The CPU interface comes out of reset (PSCI CPU_ON, VM reset): priority mask, group enables,
 * active priorities cleared. Write image->vmcr, ap0r and ap1r to hardware; the next vgic_enter() has
 * all list registers and ICH_HCR_EL2 written. The redistributor's state stays. Owner, after
 * vgic_load() or vgic_exit().
 */
void vgic_cpuif_reset(struct vgic_cpu *cpu, struct gic_cpuif *image);

/*
 * Two CPUs must not look at one vCPU's sleep differently. The sleeper calls this after vgic_exit()
 * and sleeps only if the answer is true; from then on every raise kicks it. False: something came
 * in meanwhile; call vgic_exit() and look at vgic_pending() again. vgic_exit(), too, ends the state.
 */
bool vgic_block(struct vgic_cpu *cpu);

/* --- Traps. Owner. ---------------------------------------------------------------------------- */

enum vgic_result {
	VGIC_DONE,
	/*
	 * The access needs what list registers hold. Call vgic_exit() (with the registers read if the
	 * guest ran since), then present the same access again; while the answer stays AGAIN another
	 * vCPU has been kicked and has not come out yet: wait a little (or run other things), call
	 * vgic_exit() again, repeat. No lock is held meanwhile. Reads and writes are both safe to repeat.
	 */
	VGIC_AGAIN,
	VGIC_UNDEFINED, /* vgic_sysreg_read(), vgic_sysreg_write() only */
};

/*
 * A guest's access to the distributor frame at `offset` (below VGIC_DIST_SIZE or
 * VGIC_V2_DIST_SIZE), `bytes` 1, 2, 4 or 8. Widths, alignments and offsets that the architecture does
 * not define are RAZ/WI. Reads give the value zero-extended. IHI 0069 12.9, IHI 0048 4.3. GICv2: the
 * registers of INTIDs 0 to 31 are those of `cpu`.
 */
enum vgic_result vgic_dist_read(struct vgic_cpu *cpu, uint32_t offset, unsigned bytes,
				uint64_t *value);
enum vgic_result vgic_dist_write(struct vgic_cpu *cpu, uint32_t offset, unsigned bytes,
				 uint64_t value);

/*
 * The same for the redistributors: vCPU n's frames are at n * VGIC_REDIST_STRIDE of a contiguous
 * region (with several regions: as if they were one). Beyond the last vCPU, and in a GICv2: RAZ/WI.
 * IHI 0069 12.10, 12.11.
 */
enum vgic_result vgic_redist_read(struct vgic_cpu *cpu, uint32_t offset, unsigned bytes,
				  uint64_t *value);
enum vgic_result vgic_redist_write(struct vgic_cpu *cpu, uint32_t offset, unsigned bytes,
				   uint64_t value);

/*
 * GICv2: an access to the CPU interface as the guest sees it (GICC_*, IHI 0048 4.4), `offset` below
 * VGIC_V2_CPUIF_SIZE. With list registers the first page is the hardware's GICV, mapped to the guest,
 * and only the second one comes here: GICC_DIR, at 0x1000. With a software CPU interface: all of it.
 */
enum vgic_result vgic_cpuif_read(struct vgic_cpu *cpu, uint32_t offset, unsigned bytes,
				 uint64_t *value);
enum vgic_result vgic_cpuif_write(struct vgic_cpu *cpu, uint32_t offset, unsigned bytes,
				  uint64_t value);

/*
 * GICv3 system registers. With list registers the first four are all that trap (HCR_EL2.IMO and FMO;
 * ICH_HCR_EL2.TDIR). With a software CPU interface: all of them. Values as in ESR_ELx.ISS, which is
 * to say Op0, Op2, Op1, CRn, CRm where a trapped MSR has them, Rt and the direction 0.
 */
#define VGIC_SYSREG(op0, op1, crn, crm, op2) \
	((op0) << 20 | (op2) << 17 | (op1) << 14 | (crn) << 10 | (crm) << 1)

enum vgic_sysreg {
	VGIC_ICC_SGI1R_EL1 =
		VGIC_SYSREG(3, 0, 12, 11, 5), /* one Security state: SGIs of any group */
	VGIC_ICC_SGI0R_EL1 =
		VGIC_SYSREG(3, 0, 12, 11, 7), /* those that the target has in group 0 */
	VGIC_ICC_ASGI1R_EL1 = VGIC_SYSREG(3, 0, 12, 11, 6), /* no other group 1: as SGI0R */
	VGIC_ICC_DIR_EL1 = VGIC_SYSREG(3, 0, 12, 11, 1),    /* trapped while image->hcr has TDIR */
	VGIC_ICC_PMR_EL1 = VGIC_SYSREG(3, 0, 4, 6, 0),
	VGIC_ICC_IAR0_EL1 = VGIC_SYSREG(3, 0, 12, 8, 0),
	VGIC_ICC_EOIR0_EL1 = VGIC_SYSREG(3, 0, 12, 8, 1),
	VGIC_ICC_HPPIR0_EL1 = VGIC_SYSREG(3, 0, 12, 8, 2),
	VGIC_ICC_BPR0_EL1 = VGIC_SYSREG(3, 0, 12, 8, 3),
	VGIC_ICC_AP0R0_EL1 = VGIC_SYSREG(3, 0, 12, 8, 4), /* to AP0R3: Op2 5 to 7 */
	VGIC_ICC_AP1R0_EL1 = VGIC_SYSREG(3, 0, 12, 9, 0), /* to AP1R3: Op2 1 to 3 */
	VGIC_ICC_RPR_EL1 = VGIC_SYSREG(3, 0, 12, 11, 3),
	VGIC_ICC_IAR1_EL1 = VGIC_SYSREG(3, 0, 12, 12, 0),
	VGIC_ICC_EOIR1_EL1 = VGIC_SYSREG(3, 0, 12, 12, 1),
	VGIC_ICC_HPPIR1_EL1 = VGIC_SYSREG(3, 0, 12, 12, 2),
	VGIC_ICC_BPR1_EL1 = VGIC_SYSREG(3, 0, 12, 12, 3),
	VGIC_ICC_CTLR_EL1 = VGIC_SYSREG(3, 0, 12, 12, 4),
	VGIC_ICC_SRE_EL1 = VGIC_SYSREG(3, 0, 12, 12, 5),
	VGIC_ICC_IGRPEN0_EL1 = VGIC_SYSREG(3, 0, 12, 12, 6),
	VGIC_ICC_IGRPEN1_EL1 = VGIC_SYSREG(3, 0, 12, 12, 7),
};

/*
 * A trapped access. VGIC_UNDEFINED: there is no such register, or not for this direction: the guest
 * gets an Undefined Instruction exception.
 */
enum vgic_result vgic_sysreg_read(struct vgic_cpu *cpu, uint32_t reg, uint64_t *value);
enum vgic_result vgic_sysreg_write(struct vgic_cpu *cpu, uint32_t reg, uint64_t value);

/* --- Software CPU interface: config.lrs = 0. ---------------------------------------------------- */

/*
 * The same verbs; `image` may be NULL everywhere, and vgic_refill() is not for these. After
 * vgic_enter(), and after every access, vgic_signals() tells which of the guest's interrupt inputs
 * are asserted. Owner.
 */
#define VGIC_SIGNAL_IRQ 1u
#define VGIC_SIGNAL_FIQ 2u
unsigned vgic_signals(struct vgic_cpu *cpu);

/* --- The VM as a whole: reset, taking devices away, looking in, save and restore. ---------------- */

/*
 * All functions of this part but vgic_irq_info(): no vCPU is loaded (else -VIRQ_ERR_BUSY), and nobody
 * raises or accesses meanwhile: the host has quiesced the sources, which is to say masked the mapped
 * physical interrupts and waited for handlers that run. One caller at a time.
 */

/*
 * Power-on: every interrupt and CPU interface as vgic_init() leaves it, lines low: those that are high
 * are told again. Mappings to physical interrupts and what vgic_notify_end() asked for stay, statistics
 * go on counting, port->ended is not called. Physical interrupts that are mapped to shared ones are made
 * inactive, and routed, through the port; private ones are inactive since their vCPU's put. Each vCPU
 * comes to its CPU interface by vgic_cpuif_restore() or vgic_cpuif_reset(). 0; -VIRQ_ERR_BUSY.
 */
int vgic_reset(struct vgic *vgic);

/*
 * The opposite of vgic_map_hwirq(): the physical interrupt is the host's again, and inactive; the
 * virtual one keeps its configuration, its active state, and of its pending state what does not come
 * from the line. 0; -VIRQ_ERR_BUSY; -VIRQ_ERR_RANGE; -VIRQ_ERR_KIND: it is not mapped.
 */
int vgic_unmap_hwirq(struct vgic *vgic, unsigned vcpu, virq_t virq);

/* One interrupt, for people. */
struct vgic_irq_info {
	uint64_t route;  /* SPIs: GICD_IROUTER; GICv2: GICD_ITARGETSR's byte */
	uint16_t target; /* the vCPU that it goes to; 0xffff: none */
	uint16_t holder; /* where it is queued, in a list register or active; 0xffff: nowhere */
	uint16_t hwirq;  /* physical INTID; 0: not mapped */
	uint8_t priority, group;
	bool enabled, pending, active;
	bool level;    /* level-sensitive */
	bool line;     /* the level of its input as last told; mapped and live: low */
	bool diverted; /* vgic_divert() */
	bool live;     /* in a list register: `pending` and `active` are as of when it went in */
};

/*
 * A snapshot, not of one instant with others. `vcpu` as in vgic_set_line(); SGIs, too. Any CPU, any
 * time. 0; -VIRQ_ERR_RANGE: there is no such interrupt.
 */
int vgic_irq_info(const struct vgic *vgic, unsigned vcpu, virq_t virq, struct vgic_irq_info *info);

/*
 * With LPIs, vgic_save() also writes the pending state into the guest's pending tables (GICR_PENDBASER
 * of each redistributor with EnableLPIs = 1), which have to be part of what is saved of its memory; and
 * vgic_restore() reads them. IHI 0069 5.2.2.
 *
 * Save writes all state that the guest can see or will feel: the distributor, redistributors, CPU
 * interfaces (ICH_VMCR, active priorities), pending, line, active with what it was acknowledged with,
 * SGI sources. Not in it: mappings, vgic_notify_end(), statistics, the host's timers and devices. The
 * format is little-endian, versioned, the same for every host (lib/vgic/state.md has it), and so
 * independent of list registers: what was in them has been folded by vgic_exit(), and the CPU interface
 * is what vgic_put() was handed, so the image has to have the active priorities then.
 * It takes vgic_save_size() bytes, of any alignment. Returns the bytes written; -VIRQ_ERR_MEMORY: `size`
 * is too small; -VIRQ_ERR_BUSY.
 */
size_t vgic_save_size(const struct vgic *vgic);
long vgic_save(struct vgic *vgic, void *buffer, size_t size);

/*
 * Restore into a vGIC of the same configuration (what may differ: lrs), in any state: what it had is
 * gone. `size` is what vgic_save() returned; the buffer does not change meanwhile. Every field is checked
 * before anything is changed; a state that is not of the form that vgic_save() writes is refused:
 * -VIRQ_ERR_STATE, *why (if why is not NULL; NULL if it is taken) names the field, and the vGIC is as
 * before. One that makes no sense to the guest may be taken, and harms nobody else.
 * Mappings stay. Physical interrupts that are mapped to shared ones are made active, or not, and routed,
 * through the port, as the state wants them; private ones at load.
 * The order for embedders: map physical interrupts (or have them mapped), restore, then load and
 * vgic_cpuif_restore() each vCPU, then let sources speak: lines that are high are told again with
 * vgic_set_line(), and those that fell meanwhile, too. 0; -VIRQ_ERR_STATE; -VIRQ_ERR_BUSY.
 */
int vgic_restore(struct vgic *vgic, const void *buffer, size_t size, const char **why);

/*
 * As vgic_cpuif_reset(), but the CPU interface becomes what it was at the last vgic_put(), or what
 * vgic_restore() read: fills image->vmcr, ap0r and ap1r, to be written to hardware; the next vgic_enter()
 * has all list registers and ICH_HCR_EL2 written. Owner, after vgic_load(). An embedder that keeps one
 * image for each vCPU needs it only after vgic_restore() and vgic_reset().
 */
void vgic_cpuif_restore(struct vgic_cpu *cpu, struct gic_cpuif *image);

/* --- Statistics: counted by the library per vCPU, never reset. --------------------------------- */

struct vgic_stats {
	uint64_t sgis, ppis, spis, lpis; /* put into a list register as pending */
	uint64_t overflows;    /* entries that left something pending outside the list registers */
	uint64_t kicks;        /* calls of the kick hook for this vCPU */
	uint64_t guest_errors; /* accesses outside what the architecture defines */
};

/* A snapshot, not of one instant. Any CPU. 0; -VIRQ_ERR_RANGE: there is no such vCPU. */
int vgic_stats(const struct vgic *vgic, unsigned vcpu, struct vgic_stats *stats);

/* What is inside and inlined: the owner's view of the attention flags. Not for embedders. */
struct vgic_cpu {
	uint32_t inbox;    /* atomic: interrupts this vCPU has to look at */
	uint32_t resettle; /* atomic: a group enable changed, or maintenance is due */
	uint32_t own;      /* the owner's: interrupts that it raised for itself */
	/*
	 * atomic: the embedder's own. vgic_attention() does not look at it; an embedder that looks at all of
	 * this structure in one access finds its own reasons, too.
	 */
	uint32_t host;
};

static inline bool vgic_attention(const struct vgic_cpu *cpu)
{
	return cpu->own || __atomic_load_n(&cpu->inbox, __ATOMIC_RELAXED) ||
	       __atomic_load_n(&cpu->resettle, __ATOMIC_RELAXED);
}

/* A maintenance interrupt came (ICH_MISR_EL2 non-zero): the next vgic_attention() is true. Owner. */
static inline void vgic_maintenance(struct vgic_cpu *cpu)
{
	__atomic_fetch_or(&cpu->resettle, 1u, __ATOMIC_RELAXED); /* RESETTLE_MAINTENANCE */
}

/*
 * The embedder wants the vCPU out of its guest for a reason of its own, to give its physical CPU to
 * another one for instance: the next vgic_attention() is true, and vgic_refill() false. Owner.
 */
static inline void vgic_resettle(struct vgic_cpu *cpu)
{
	__atomic_fetch_or(&cpu->resettle, 4u, __ATOMIC_RELAXED); /* RESETTLE_ENTER */
}

#ifdef __cplusplus
}
#endif

#endif
