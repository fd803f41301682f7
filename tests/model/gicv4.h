/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * A model of the physical side of GICv4.0 and GICv4.1 (Arm IHI 0069: chapters 5, 6, 12.12, 12.19),
 * naive: ITSs with queues of commands that execute when told, redistributors with physical and virtual
 * LPIs, resident vPEs, doorbells. Tables are looked through as wholes. Written from the architecture's
 * text, not from lib/. What the architecture forbids, or leaves unpredictable, stops the run
 * (g4_fail()).
 *
 * It is as unhelpful as an implementation may be: pending tables in memory are read when a vPE is
 * mapped and written when it is unmapped, and only then; configuration is cached until it is
 * invalidated, and may be cached anew at once; what GICR_INVLPIR and INVALLR ask for happens when
 * GICR_SYNCR is read as 0, and what INVDB asks for when its VSYNC is executed.
 */
#ifndef TESTS_MODEL_GICV4_H
#define TESTS_MODEL_GICV4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define G4_CPUS    3
#define G4_ITSS    2
#define G4_DEVICES 8
#define G4_EVENTS  8
#define G4_VPES    16
#define G4_COLLS   8
#define G4_LPIS    64 /* physical LPIs from 8192 on */
#define G4_VLPIS   16 /* virtual ones that are looked at, from 8192 on */
#define G4_QUEUE   4096
#define G4_LPI     8192u

struct g4_itte {
	bool valid, is_virtual;
	uint32_t intid, doorbell;
	uint16_t icid, vpeid;
};

struct g4_vpt { /* an ITS's entry of the vPE table */
	bool valid;
	unsigned cpu;
	uint64_t pending, config; /* addresses; config: GICv4.1 */
	unsigned bits;
	uint32_t doorbell; /* GICv4.1 */
};

struct g4_its {
	bool device[G4_DEVICES];
	struct g4_itte itt[G4_DEVICES][G4_EVENTS];
	bool collection[G4_COLLS];
	unsigned collection_cpu[G4_COLLS];
	struct g4_vpt vpe[G4_VPES];
	bool invdb[G4_VPES]; /* executed, and no VSYNC since */
	uint64_t queue[G4_QUEUE][4];
	uint64_t put, executed;
};

struct g4_cached { /* a property byte */
	bool known;
	uint8_t byte;
};

struct g4_vpe { /* what redistributors know of a vPE, wherever it is mapped */
	bool pending[G4_VLPIS];
	struct g4_cached config[G4_VLPIS];
	uint64_t
		properties; /* where its configuration is: known once it was resident (4.0), or mapped (4.1) */
	bool invalid_area; /* the IMPLEMENTATION DEFINED area of its table is not valid */
	bool armed;        /* GICv4.1: the default doorbell is to ring */
	bool sgi_pending[16], sgi_enabled[16];
	uint8_t sgi_priority[16], sgi_group[16];
};

struct g4_redist {
	bool pending[G4_LPIS];
	struct g4_cached config[G4_LPIS];
	uint64_t vpropbaser, vpendbaser;
	int resident;   /* vPEID, or -1 */
	unsigned dirty; /* reads for which Dirty is 1 */
	uint32_t vsgir;
	unsigned vsgi_busy;
	bool invalidating; /* INVLPIR or INVALLR was written, and SYNCR has not been read as 0 since */
	unsigned inv_busy; /* reads for which SYNCR.Busy is 1 */
	unsigned inv_vpeid;
	uint32_t inv_intid; /* 0: all */
};

struct g4 {
	unsigned minor;
	bool vmovp, tolerant; /* tolerant: Valid may be cleared while Dirty is 1 */
	bool invlpir;         /* GICR_INVLPIR, INVALLR, SYNCR are there */
	struct g4_its its[G4_ITSS];
	unsigned itss;
	uint8_t its_number[G4_ITSS];
	struct g4_redist redist[G4_CPUS];
	struct g4_vpe vpe[G4_VPES];
	uint8_t host_property[G4_LPIS]; /* the host's property table */
	uint8_t *ram;                   /* the memory in which virtual tables are */
	uint64_t ram_base, ram_size;
	unsigned slow; /* Dirty, and Busy, is 1 for up to so many reads */
	uint32_t (*random)(uint32_t below);
};

_Noreturn void g4_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* CPU n's address, as commands have it. */
#define G4_RDBASE(n) ((UINT64_C(0x80a) + 4 * (n)) << 16)

uint64_t g4_put(struct g4 *g, unsigned its,
		const uint64_t command[4]); /* the number of commands put */
bool g4_step(struct g4 *g, unsigned its);   /* executes a command, if there is one and it can be */
void g4_event(struct g4 *g, unsigned its, unsigned device, unsigned event);
uint64_t g4_read(struct g4 *g, unsigned cpu, uint32_t offset);
void g4_write(struct g4 *g, unsigned cpu, uint32_t offset, uint64_t value);
void g4_sgir(struct g4 *g, unsigned its, uint64_t value);
int g4_wants(struct g4 *g, unsigned cpu); /* a physical LPI that is pending and enabled; or -1 */
int g4_take(struct g4 *g, unsigned cpu);  /* the same, acknowledged */
int g4_take_virtual(struct g4 *g, unsigned cpu); /* the resident vPE's: a vLPI, an SGI; or -1 */
bool g4_vpe_wants(struct g4 *g, unsigned vpeid); /* something is pending and enabled */
bool g4_lpi_pending(const struct g4 *g, uint32_t intid); /* a physical one, on any CPU */
/* Does every redistributor use the byte that is in the host's table now, in these bits? */
bool g4_lpi_current(const struct g4 *g, uint32_t intid, uint8_t bits);
/* Is this what hardware uses for a vPE's vLPI, or would when it looks? */
bool g4_vlpi_uses(struct g4 *g, unsigned vpeid, uint32_t intid, uint8_t property);
/* The vPE's cached configuration is from when each of its vLPIs was the opposite of what it is. */
void g4_age(struct g4 *g, unsigned vpeid);

#endif
