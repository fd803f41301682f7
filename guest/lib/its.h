/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Driver of the first ITS in the device tree and of the LPIs of all redistributors (IHI 0069, chapters
 * 5 and 12.19: tables, command queue, commands). All numbers come from GITS_TYPER, GITS_BASER<n>,
 * GICD_TYPER and GICR_TYPER. Linked into the programs that name it in guest.mk.
 */
#ifndef GUEST_ITS_H
#define GUEST_ITS_H

#include "cpu.h"

#define GITS_CTLR       0x0000
#define GITS_IIDR       0x0004
#define GITS_TYPER      0x0008
#define GITS_CBASER     0x0080
#define GITS_CWRITER    0x0088
#define GITS_CREADR     0x0090
#define GITS_BASER      0x0100
#define GITS_PIDR2      0xffe8
#define GITS_TRANSLATER 0x10040
#define GITS_BASERS     8

#define GITS_CTLR_ENABLED      (1u << 0)
#define GITS_CTLR_QUIESCENT    (1u << 31)
#define GITS_TYPER_PHYSICAL    (1ull << 0)
#define GITS_TYPER_PTA         (1ull << 19)
#define GITS_TYPER_CIL         (1ull << 36)
#define GITS_CREADR_STALLED    (1ull << 0)
#define GITS_CWRITER_RETRY     (1ull << 0)
#define GITS_CURSOR            0xfffe0ull /* the offset in GITS_CWRITER and GITS_CREADR */
#define GITS_BASER_VALID       (1ull << 63)
#define GITS_BASER_INDIRECT    (1ull << 62)
#define GITS_BASER_TYPE(r)     ((r) >> 56 & 7)
#define GITS_BASER_ENTRY(r)    (((r) >> 48 & 0x1f) + 1) /* bytes */
#define GITS_BASER_DEVICES     1
#define GITS_BASER_COLLECTIONS 4

/* Write-back, allocating, inner shareable. */
#define GITS_MEMORY (7ull << 59 | 1ull << 10)
#define GICR_MEMORY (7ull << 7 | 1ull << 10)

#define GICR_PENDBASER_PTZ (1ull << 62)

#define LPI_ENABLED 1u
#define LPI_RES1    2u
#define LPI_ID_BITS \
	14 /* of an INTID, in our tables: 8192 LPIs, the fewest that there can be a table for */
#define LPIS 8192u

struct its_command {
	uint64_t word[4];
};

/* Of one of the tables that GITS_BASER<n> name. */
struct its_table {
	bool found;
	uintptr_t baser;
	unsigned entry_size;
	unsigned page_size;
	unsigned entries; /* IDs that it has room for */
	bool can_indirect;
	bool indirect;
	uint64_t *memory; /* of the first level, if there are two */
};

extern struct its {
	uintptr_t base;
	uint64_t typer;
	unsigned device_bits, event_bits, collection_bits, itt_entry_size;
	struct its_table devices, collections;
	unsigned collection_count; /* ICIDs from 0 that can be mapped */
	struct its_command *ring;
	unsigned ring_length;
	unsigned next; /* where the next command goes */
} its;

extern uint8_t *lpi_properties;
extern uint8_t *lpi_pending[MAX_CPUS];

/* Of zeroed memory that is never given back; `align` is a power of two. Bails out if there is no more. */
void *its_memory(size_t size, size_t align);

/* --- Start and stop --------------------------------------------------------------------------- */

/* Finds the ITS, reads what it has; bails out if this machine has none, or no LPIs. */
void its_find(void);
/* Property table and empty pending tables for all redistributors, all LPIs disabled. */
void lpi_tables(void);
/* EnableLPIs of one CPU, which reads its pending table only if `pending_table_zero` is false. */
void lpi_enable(unsigned cpu, bool pending_table_zero);
/* False if EnableLPIs cannot be cleared (GICR_CTLR.CES). Complete when it returns. */
bool lpi_disable(unsigned cpu);
/*
 * New and empty tables, a new ring, and the ITS enabled. The device table has room for at least
 * `devices`, as far as GITS_TYPER.Devbits allows; the ring has `ring_pages` of 4 KiB. False if the table
 * is to have two levels and cannot.
 */
bool its_start(unsigned devices, bool two_levels, unsigned ring_pages);
/* Disabled and quiescent. */
void its_stop(void);
/* All of the above as most tests want it, then ICID n mapped to CPU n. */
void its_init(void);
/* In a table of two levels: zeroed second levels for these devices, where there are none yet. */
void its_second_level(unsigned first_device, unsigned devices);

/* --- Commands --------------------------------------------------------------------------------- */

/* A CPU as RDbase, bits 51:16. */
uint64_t its_target(unsigned cpu);

static inline struct its_command its_mapd(uint32_t device, const void *itt, unsigned bits)
{
	return (struct its_command){ { 0x08 | (uint64_t)device << 32, bits - 1,
				       (uintptr_t)itt | 1ull << 63 } };
}
static inline struct its_command its_unmapd(uint32_t device)
{
	return (struct its_command){ { 0x08 | (uint64_t)device << 32 } };
}
static inline struct its_command its_mapc(unsigned icid, unsigned cpu)
{
	return (struct its_command){ { 0x09, 0, icid | its_target(cpu) | 1ull << 63 } };
}
static inline struct its_command its_unmapc(unsigned icid)
{
	return (struct its_command){ { 0x09, 0, icid } };
}
static inline struct its_command its_mapti(uint32_t device, uint32_t event, uint32_t lpi,
					   unsigned icid)
{
	return (struct its_command){ { 0x0a | (uint64_t)device << 32, event | (uint64_t)lpi << 32,
				       icid } };
}
static inline struct its_command its_mapi(uint32_t device, uint32_t event, unsigned icid)
{
	return (struct its_command){ { 0x0b | (uint64_t)device << 32, event, icid } };
}
static inline struct its_command its_movi(uint32_t device, uint32_t event, unsigned icid)
{
	return (struct its_command){ { 0x01 | (uint64_t)device << 32, event, icid } };
}
static inline struct its_command its_discard(uint32_t device, uint32_t event)
{
	return (struct its_command){ { 0x0f | (uint64_t)device << 32, event } };
}
static inline struct its_command its_clear(uint32_t device, uint32_t event)
{
	return (struct its_command){ { 0x04 | (uint64_t)device << 32, event } };
}
static inline struct its_command its_int(uint32_t device, uint32_t event)
{
	return (struct its_command){ { 0x03 | (uint64_t)device << 32, event } };
}
static inline struct its_command its_inv(uint32_t device, uint32_t event)
{
	return (struct its_command){ { 0x0c | (uint64_t)device << 32, event } };
}
static inline struct its_command its_invall(unsigned icid)
{
	return (struct its_command){ { 0x0d, 0, icid } };
}
static inline struct its_command its_movall(unsigned from, unsigned to)
{
	return (struct its_command){ { 0x0e, 0, its_target(from), its_target(to) } };
}
static inline struct its_command its_sync(unsigned cpu)
{
	return (struct its_command){ { 0x05, 0, its_target(cpu) } };
}

/*
 * Puts commands into the ring and shows them to the ITS by one write, which may be called on any CPU at
 * any time; the result is for its_wait(). At most as many as the ring has places, less one.
 */
uint64_t its_post(const struct its_command *commands, unsigned n);
/*
 * For counting: the same without a look at GITS_CREADR, where nothing else is posted, and all that was
 * posted before has been read.
 */
void its_post_blind(const struct its_command *commands, unsigned n);
/* Until the ITS has read them; false if it stalls or does not within the limit. */
bool its_wait(uint64_t posted);
/* Both, and behind them SYNC for each CPU: what the commands do is done. At most 64. */
bool its_run(const struct its_command *commands, unsigned n);
/* One command likewise. */
bool its_do(struct its_command command);

/*
 * A command that is wrong. The ITS may ignore it, or stall (IHI 0069, 5.1.2: command errors): then it is
 * made to go on behind it. False if it does not.
 */
bool its_try(struct its_command command);
/* The same for what was posted, of which any command may be wrong. */
bool its_force(uint64_t posted);

/* --- Devices and events ----------------------------------------------------------------------- */

/* MAPD with a new ITT for 2 to the power `bits` events. */
bool its_map_device(uint32_t device, unsigned bits);
/* The property table's byte. The ITS, or redistributor, has to be told by INV, INVALL. */
void lpi_set(unsigned lpi, uint8_t priority, bool enabled);
/* MAPTI of an LPI that was set before, and INV. */
bool its_map_event(uint32_t device, uint32_t event, unsigned lpi, unsigned icid);
static inline bool its_raise(uint32_t device, uint32_t event)
{
	return its_do(its_int(device, event));
}
static inline atomic_uint *lpi_count(unsigned cpu, unsigned lpi)
{
	return &cpus[cpu].seen[seen_index(lpi)];
}
static inline bool lpi_pends_in_table(unsigned cpu, unsigned lpi)
{
	return read8((uintptr_t)lpi_pending[cpu] + lpi / 8) >> lpi % 8 & 1;
}

#endif
