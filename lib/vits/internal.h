/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The private structures of the virtual ITS, who may touch which field, and what its files call of
 * each other. Arm IHI 0069, chapter 5.
 */
#ifndef CARILLON_VITS_INTERNAL_H
#define CARILLON_VITS_INTERNAL_H

#include <carillon/vits.h>

#include "../core/atomic.h"
#include "../core/lock.h"

#define NO_VCPU  0xffffu /* a collection that is not mapped */
#define NO_ROUTE 0xffffu

/* What is in the guest's memory. */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define LITTLE_ENDIAN_64(value) __builtin_bswap64(value)
#else
#define LITTLE_ENDIAN_64(value) (value)
#endif

/* A device's event as one number; tables and caches are keyed by it. */
static inline uint64_t pair_of(uint32_t device, uint32_t event)
{
	return (uint64_t)device << 32 | event;
}

/* What an event is mapped to. */
struct mapping {
	virq_t lpi;
	uint16_t icid;
};

/* The same as one number, which is never 0: an LPI is not. */
static inline uint64_t translation(const struct mapping *mapping)
{
	return (uint64_t)mapping->icid << 32 | mapping->lpi;
}

/*
 * A cached translation. `seq` is odd while it is written; whoever makes it odd, by compare-and-swap, may
 * write the rest. All atomic.
 */
struct cached {
	uint32_t seq;
	uint32_t unused;
	uint64_t pair;
	uint64_t generation; /* vits.generation when the tables were read; 0: nothing is here */
	uint64_t to;         /* translation() */
};

_Static_assert(sizeof(struct cached) == 32, "vits.h says how much a translation takes");

#define WAYS 4u /* where in the cache a pair may be */

/* Where a message will put what it is about to read from the tables. */
struct place {
	struct cached *entry; /* NULL: nowhere */
	uint32_t seq;
	uint64_t generation;
};

/* A pair that vits_forward() named. With the lock. */
struct route {
	uint64_t pair;
	virq_t lpi;    /* mapped: as the guest's tables had it when a command last changed it */
	uint16_t icid; /* the same */
	uint16_t vcpu; /* forwarded: whose vLPI it is */
	uint16_t next; /* in its chain; NO_ROUTE: the last one */
	bool named, mapped, forwarded;
};

struct call;
struct command;

/* How far a command has come. */
enum phase {
	PHASE_NONE,   /* there is none */
	PHASE_BEGIN,  /* it was read */
	PHASE_FORGET, /* tables have changed, the cache has not */
	PHASE_GRACE,  /* messages that were translated before are under way */
	PHASE_ACT,    /* none is any more */
	PHASE_SETTLE, /* all is done that is done here; others may have it in their list registers */
};

/* The command that is executed. With the lock. */
struct work {
	enum phase phase;
	const struct command *command;
	uint64_t word[4]; /* as it stands in the queue */
	bool forget;      /* the cache may have an old translation of its pair */
	uint8_t drained;  /* grace_over() */
	uint16_t vcpu;    /* found by begin(): whom it concerns */
	uint16_t to;
	virq_t lpi;
	uint32_t cursor; /* how far it came with the LPIs of a vCPU */
	uint32_t swept;  /* and with routes */
	bool lpis_done;
};

struct vits {
	/* What every message touches. */
	/* Atomic: messages under way (low 16 bits), and how many there have been (from bit 16 on). */
	uint64_t inside[2];
	uint32_t slot;       /* atomic: which of `inside` messages count themselves in */
	uint32_t set_shift;  /* of a hash, gives the set */
	uint64_t generation; /* atomic: of the cache; what has another one is not there */
	uint64_t multiplier; /* hash_of(): loaded, since it takes four instructions to make */
	struct cached *cache;
	uint16_t *collections; /* atomic: the vCPU of each, NO_VCPU */
	struct vgic *vgic;
	uint64_t misses, ignored; /* atomic */

	/* Registers. Written with the lock, but for `cwriter`; read without: atomic. */
	uint64_t cbaser, cwriter, creadr, baser[2];
	bool enabled;
	bool busy; /* work.phase is not PHASE_NONE, or `switched` */

	struct lock lock;
	bool switched; /* GITS_CTLR.Enabled has changed; messages and hardware have to follow */
	struct work work;
	struct route *routes;
	uint16_t *heads; /* of chains, by hash of the pair; as many as routes */

	struct vits_config config;
	struct vits_port port;
	void *host;
	uint64_t commands, command_errors, forwarded; /* atomic; with the lock */
} __attribute__((aligned(64)));

/* An access that executes commands. */
struct call {
	struct vits *vits;
	struct vgic_cpu *self; /* NULL: no vCPU's */
	unsigned budget;       /* LPIs and routes that may be looked at */
};

/* A command: IHI 0069 5.3. */
struct command {
	uint8_t number;
	const char *name;
	/* Check it, change the tables. False: a command error, nothing was changed. */
	bool (*begin)(struct vits *vits);
	/* No message is under way any more that was translated before begin(). False: go on later. */
	bool (*act)(struct call *call);
	bool maps; /* begin() changes what messages are translated to */
};

#define GENERATIONS_FROM 1u /* 0 is in entries that hold nothing */

/* 2^64 divided by the golden ratio: neighbours are spread evenly, multiples of a power of 2, too. */
#define MULTIPLIER 0x9e3779b97f4a7c15u

static inline uint64_t hash_of(const struct vits *vits, uint64_t pair)
{
	return (pair ^ pair >> 29) * vits->multiplier;
}

static inline struct cached *set_of(const struct vits *vits, uint64_t pair)
{
	return &vits->cache[(hash_of(vits, pair) >> vits->set_shift) * WAYS];
}

static inline void count(uint64_t *statistic)
{
	store_relaxed(statistic, load_relaxed(statistic) + 1);
}

/* --- tables.c: what is in the guest's memory. ---------------------------------------------------- */

#define BASER_VALID    (1ull << 63)
#define BASER_INDIRECT (1ull << 62)

/* A valid entry of the device table. */
struct device {
	uint64_t itt;
	unsigned bits; /* of its EventIDs */
};

bool entry_read(const struct vits *vits, uint64_t at, uint64_t *entry);
bool entry_write(struct vits *vits, uint64_t at, uint64_t entry);
uint64_t baser_size(uint64_t baser);
uint64_t baser_address(uint64_t baser);
void collections_clear(struct vits *vits);
bool is_lpi(const struct vits *vits, uint32_t intid);
bool collection_in_range(const struct vits *vits, uint32_t icid);
bool device_find(const struct vits *vits, uint32_t id, struct device *device);
/* `bits` 0: it is unmapped. False: the table has no such device, or cannot be written. */
bool device_set(struct vits *vits, uint32_t id, uint64_t itt, unsigned bits);
bool event_find(const struct vits *vits, uint32_t id, uint32_t event, struct mapping *mapping);
/* `mapping` NULL: none. False: no such device or event, or its table cannot be written. */
bool event_set(struct vits *vits, uint32_t id, uint32_t event, const struct mapping *mapping);

/* --- cache.c ------------------------------------------------------------------------------------- */

void cache_init(struct vits *vits);
void cache_flush(struct vits *vits);
struct place cache_place(struct vits *vits, uint64_t pair);
void cache_insert(const struct place *place, uint64_t pair, const struct mapping *mapping);
/* False: a message is just writing there; again. */
bool cache_forget(struct vits *vits, uint64_t pair);

/* --- message.c ----------------------------------------------------------------------------------- */

/* What a message of this pair becomes: translation(), which has been checked; 0: nothing. */
uint64_t translate(struct vits *vits, uint64_t pair);
void grace_start(struct vits *vits);
bool grace_over(struct vits *vits);
uint64_t messages_so_far(const struct vits *vits);

/* --- registers.c: the fields that each register has. --------------------------------------------- */

#define VITS_IIDR 0x0400043bu /* as GIC_IIDR; revision 0 is that of the tables */

uint64_t baser_fixed(unsigned n);
uint64_t baser_read(const struct vits *vits, unsigned n);
uint64_t baser_written(unsigned n, uint64_t value);
uint64_t cbaser_written(uint64_t value);
uint64_t offset_written(uint64_t value);

/* --- commands.c ---------------------------------------------------------------------------------- */

const struct command *command_find(unsigned number);

/* --- queue.c ------------------------------------------------------------------------------------- */

enum vgic_result vits_execute(struct vits *vits, struct vgic_cpu *self);
uint64_t queue_size(uint64_t cbaser);
bool work_left(const struct vits *vits);
/* Finish what was begun, while no vCPU is loaded and nobody raises. With the lock. */
void vits_finish(struct vits *vits);

/* --- routes.c. With the lock. -------------------------------------------------------------------- */

void routes_init(struct vits *vits);
/* The pair's mapping has changed. What hardware does not have any more is raised by software. */
void pair_follow(struct call *call, uint64_t pair);
uint16_t route_index(const struct vits *vits, const struct route *route);
struct route *route_forwarded(struct vits *vits, uint64_t pair);
void route_configure(struct vits *vits, const struct route *route);
bool routes_follow(struct call *call);
bool routes_of_device(struct call *call, uint32_t device);
bool routes_of_collection(struct call *call, uint32_t icid);
bool routes_configure(struct call *call, uint32_t icid);
void routes_release(struct vits *vits);
bool routes_settled(const struct vits *vits);

static inline unsigned collection_vcpu(const struct vits *vits, uint32_t icid)
{
	return load_relaxed(&vits->collections[icid]);
}

#endif
