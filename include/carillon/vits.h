/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The virtual ITS (Arm IHI 0069, chapter 5, 12.18 and 12.19): turns messages, a (DeviceID, EventID) each,
 * into LPIs of a virtual GICv3 (carillon/vgic.h, config.lpi_bits).
 *
 * One struct vits is one ITS; a VM may have several with one vGIC. Device tables and ITTs are in the
 * guest's memory, in the format that KVM documents as its ITS ABI revision 0, and are checked each time
 * they are read: what a guest writes there by itself harms its own interrupts at most. Collections are
 * kept here, and written to the guest's table by vits_save().
 *
 * Commands are executed by the vCPU that writes GITS_CWRITER, in slices: the access answers VGIC_AGAIN
 * until the queue is empty, and GITS_CREADR shows how far it has come. Nothing here waits. A message is
 * translated by any CPU, without locks, through a cache of bounded size, at worst by walking the tables.
 *
 * Direct injection (GICv4): the embedder names those pairs of which a physical event can be had, once and
 * for all, with vits_forward(); the library has them forwarded by hardware whenever the guest has
 * mapped them, and follows what the guest does to them. carillon/gicv4.h has the hooks for it.
 */
#ifndef CARILLON_VITS_H
#define CARILLON_VITS_H

#include <carillon/vgic.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VITS_SIZE       0x20000u /* bytes of its frames: control, and translation */
#define VITS_TRANSLATER 0x10040u /* where devices write the EventID to: GITS_TRANSLATER */

#define VITS_ENTRY_SIZE \
	8u /* bytes of an entry of each table: GITS_TYPER.ITT_entry_size, GITS_BASER */

struct vits;

struct vits_config {
	uint8_t device_bits;     /* 1 to 32: GITS_TYPER.Devbits + 1 */
	uint8_t event_bits;      /* 1 to 32: GITS_TYPER.ID_bits + 1 */
	uint8_t collection_bits; /* 1 to 16: GITS_TYPER.CIDbits + 1; 2 bytes are kept of each */
	uint8_t cache_bits;      /* 4 to 20: 2^cache_bits translations are cached, 32 bytes each */
	/*
	 * GITS_TYPER.PTA. False: RDbase in commands is the number of a vCPU (GICR_TYPER.Processor_Number).
	 * True: bits 51:16 of the guest-physical address of its redistributor; vCPU n's is at
	 * `redists` + n * VGIC_REDIST_STRIDE.
	 */
	bool pta;
	uint64_t redists;
	uint16_t routes; /* pairs that vits_forward() may name: routes 0 to routes - 1; 0: none */
};

/*
 * Direct injection: what hardware has to do for a route. Called with this ITS's commands held off, on any
 * CPU, and never for a route that is not forwarded. Hooks are bounded. NULL in all if config.routes is 0.
 */
struct vits_port {
	/* From now on the route's physical event is vLPI `lpi` of `vcpu`. False: not now; software does it. */
	bool (*vlpi_map)(void *host, uint16_t route, unsigned vcpu, virq_t lpi);
	/*
	 * Back to software. True: the vLPI was pending in hardware, and is not any more. It is called
	 * for a DISCARD, for a device that is unmapped, and by vits_unforward().
	 */
	bool (*vlpi_unmap)(void *host, uint16_t route);
	/*
	 * Optional: the guest has unmapped the event, or mapped it to another LPI. What is pending in hardware
	 * goes with it, and what the device sends is dropped, until vlpi_map. Then vlpi_unmap is not called
	 * for that. NULL: it is.
	 */
	void (*vlpi_discard)(void *host, uint16_t route);
	void (*vlpi_move)(void *host, uint16_t route, unsigned vcpu); /* with its pending state */
	void (*vlpi_set)(void *host, uint16_t route);                 /* INT */
	void (*vlpi_clear)(void *host, uint16_t route);               /* CLEAR */
	/* The guest may have changed its configuration: `property` is the byte that it has now. */
	void (*vlpi_configure)(void *host, uint16_t route, virq_t lpi, uint8_t property);
	/* Has hardware done all that? False: ask again. */
	bool (*vlpis_settled)(void *host);
};

/* 0, or -VIRQ_ERR_CONFIG; then *why, if why is not NULL, is a sentence that names the field. */
int vits_check(const struct vits_config *config, const char **why);

/* The bytes that vits_init() wants, or 0 if vits_check() refuses it. */
size_t vits_size(const struct vits_config *config);

/*
 * Build an ITS in `memory` (64-byte aligned, owned by the ITS from then on) for the VM of `vgic`. It is
 * disabled, nothing is mapped. `port` (which may be NULL without routes) is copied; `host` is for its
 * hooks. 0; -VIRQ_ERR_CONFIG, also of a vGIC without LPIs or guest_read; -VIRQ_ERR_MEMORY.
 */
int vits_init(struct vits **vits, void *memory, size_t size, const struct vits_config *config,
	      struct vgic *vgic, const struct vits_port *port, void *host);

/*
 * A device's message: its write of `event` to GITS_TRANSLATER. Any CPU, any context, lock-free. `self` as
 * in vgic_lpi_raise(). 0; -VIRQ_ERR_RANGE: not mapped, or the ITS is disabled: the message is ignored, as
 * the architecture has it, and counted.
 */
int vits_message(struct vits *vits, struct vgic_cpu *self, uint32_t device, uint32_t event);

/*
 * A guest's access to the ITS's frames at `offset` (below VITS_SIZE), `bytes` 1, 2, 4 or 8. What is no
 * register, or not of this width: RAZ/WI. `cpu`: the vCPU that does it, loaded here. VGIC_AGAIN as in
 * carillon/vgic.h; GITS_CWRITER's and GITS_CTLR's write answer it while there are commands left that
 * this slice had no room for, or that wait for other vCPUs. An embedder may as well run the guest at the
 * same instruction again: it finds what is left. Owner.
 */
enum vgic_result vits_read(struct vits *vits, struct vgic_cpu *cpu, uint32_t offset, unsigned bytes,
			   uint64_t *value);
enum vgic_result vits_write(struct vits *vits, struct vgic_cpu *cpu, uint32_t offset,
			    unsigned bytes, uint64_t value);

/*
 * The pair's messages can be delivered by hardware, by way of `route`, which names no other pair. If the
 * guest has it mapped, it is forwarded by the time this returns; if it maps it later, then. The same pair
 * named again for the same route: nothing happens. 0; -VIRQ_ERR_RANGE; -VIRQ_ERR_BUSY: the ITS is at work
 * on another CPU, try again.
 */
int vits_forward(struct vits *vits, uint32_t device, uint32_t event, uint16_t route);

/*
 * The opposite; what was pending in hardware is raised by software. 0, also if the route named none;
 * -VIRQ_ERR_RANGE; -VIRQ_ERR_BUSY as above.
 */
int vits_unforward(struct vits *vits, struct vgic_cpu *self, uint16_t route);

/*
 * For vgic_port.lpi_invalidated, which it is to be called from if there are routes: a forwarded LPI of that
 * vCPU (0: all of them) is configured anew. Waits for a slice of commands that another CPU is at. Any CPU.
 */
void vits_lpi_invalidated(struct vits *vits, unsigned vcpu, virq_t lpi);

/*
 * What is mapped to this pair: the LPI and its vCPU. 0; -VIRQ_ERR_RANGE: nothing; -VIRQ_ERR_BUSY. Any CPU.
 */
int vits_translate(struct vits *vits, uint32_t device, uint32_t event, virq_t *lpi, unsigned *vcpu);

/* --- The VM as a whole: as in carillon/vgic.h, no vCPU is loaded and nobody raises. -------------- */

/* As vits_init() leaves it, statistics and what vits_forward() named apart. Forwarded routes are unmapped. */
void vits_reset(struct vits *vits);

/* The registers, as a guest reads them. */
struct vits_state {
	uint32_t ctlr, iidr;
	uint64_t cbaser, creadr, cwriter, baser[8];
};

/*
 * Save: the registers to *state, and the collections to the guest's table, which has to be part of what is
 * saved of its memory, as device tables and ITTs are. The format is KVM's ITS ABI revision 0
 * (Documentation/virt/kvm/devices/arm-vgic-its.rst): a state may come from KVM, and go to it.
 * 0; -VIRQ_ERR_STATE: there is no table for the collections that are mapped, or it cannot be written.
 */
int vits_save(struct vits *vits, struct vits_state *state);

/*
 * Restore, after vgic_restore() and with the guest's memory in place. Everything is checked before
 * anything is changed: -VIRQ_ERR_STATE, *why (if why is not NULL) names the register or table, and the ITS
 * is as before. 0. Devices of forwarded routes are silent until vits_port.vlpis_settled says true.
 */
int vits_restore(struct vits *vits, const struct vits_state *state, const char **why);

struct vits_stats {
	uint64_t commands;       /* executed */
	uint64_t command_errors; /* of those: refused */
	uint64_t messages;       /* translated */
	uint64_t misses;         /* of those: by walking the tables */
	uint64_t ignored;        /* messages without a mapping */
	uint64_t forwarded;      /* routes that hardware has now */
};

/* A snapshot, not of one instant. Any CPU. */
void vits_stats(const struct vits *vits, struct vits_stats *stats);

#ifdef __cplusplus
}
#endif

#endif
