/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * A naive model of redistributors with LPIs and of ITSs, from Arm IHI 0069: chapter 5, 12.10, 12.18 and
 * 12.19. Tables are what the commands say, nothing is cached, everything is a loop over everything. The
 * guest's memory is looked at for what the architecture has there: properties, pending tables, the first
 * level of a device table. Where the architecture leaves more than one outcome, the model keeps all of
 * them: an LPI's pending state is the set of places where it may be pending (bit 0: nowhere), its
 * configuration the set of bytes that a cache may have. ../README.md has the list.
 */
#ifndef TESTS_MODEL_ITS_MODEL_H
#define TESTS_MODEL_ITS_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PES       8
#define LPIS      1024
#define SPIS      4
#define IRQS      (LPIS + SPIS) /* LPIs first */
#define ITSES     2
#define FIRST_LPI 8192u
#define FIRST_SPI 32u
#define DEVICES   12 /* at most mapped at a time */
#define EVENTS    40 /* of each */
#define COLLS     16
#define ROUTES    8
#define NOBODY    (-1)
#define IDLE      0xffu

#define RAM_BASE 0x80000000ull
#define RAM_SIZE 0x200000u
#define RAM_PAGE 4096u

struct ram {
	uint8_t bytes[RAM_SIZE];
	bool hole[RAM_SIZE / RAM_PAGE]; /* neither readable nor writable */
};

bool ram_read(const struct ram *ram, uint64_t at, void *to, size_t bytes);
bool ram_write(struct ram *ram, uint64_t at, const void *from, size_t bytes);

struct machine_config {
	unsigned vcpus, itses, lrs, lpi_bits, device_bits, event_bits, collection_bits, cache_bits;
	unsigned priority_bits, preemption_bits;
	unsigned page;   /* GITS_BASER0.Page_Size: 0 to 2 */
	bool indirect;   /* GITS_BASER0.Indirect */
	bool pta;        /* GITS_TYPER.PTA */
	unsigned routes; /* of ITS 0: may be forwarded */
	unsigned spis;   /* beside LPIs */
	bool eoimode1, refill, holes, whole;
	bool wild;         /* guests write to their tables */
	bool discard;      /* the port has vlpi_discard */
	bool prompt;       /* everybody who is kicked comes at once */
	unsigned tolerate; /* TOLERATE_... */
};

/* Defects of the library that a run may look away from, to see what is behind them. */
#define TOLERATE_DISABLED \
	1u /* an LPI that stays pending at a redistributor whose EnableLPIs is 0 */
#define TOLERATE_RANGE     2u  /* an LPI beyond GICR_PROPBASER.IDbits that becomes pending */
#define TOLERATE_TABLES    4u  /* routes forwarded whose tables are gone */
#define TOLERATE_MOVES     8u  /* MOVI and MOVALL to where EnableLPIs is 0 */
#define TOLERATE_CONFIGURE 16u /* a route that comes to where EnableLPIs is 1, not configured */

#define REDISTS 0x08080000ull /* where they are, for PTA */

/* A set of property bytes. */
struct values {
	uint64_t bit[4];
};

struct irq_model {
	uint16_t may;                 /* bit 0: not pending; bit 1 + v: pending at v */
	unsigned long raised;         /* when, last */
	unsigned long touched[ITSES]; /* when a command of this ITS last concerned it */
	/* SPIs. LPIs have their configuration in pe_model. */
	bool active;
	unsigned priority, target;
};

/* A message while the place's EnableLPIs changes, a raise elsewhere: it may be presented still. */
enum stale { FRESH, STALE_COMMAND, STALE_RAISE };

/* Who invalidated, and has not synchronized yet: an ITS, or GICR_INVLPIR, INVALLR. */
#define BY_ITS(n) (1u << (n))
#define BY_GICR   (1u << ITSES)

struct pe_model {
	bool enabled, turning; /* EnableLPIs; a write to it is under way */
	bool ptz;              /* as written */
	uint64_t propbaser, pendbaser;
	unsigned pmr;
	bool group1;
	struct {
		unsigned irq, priority; /* group priority */
	} stack[64];
	unsigned depth;
	int dropped[16]; /* EOImode 1: SPIs to be deactivated */
	unsigned drops;
	bool loaded, outside;      /* outside: it looks by itself before it goes into its guest */
	bool unsettled;            /* kicked, and not looked yet */
	unsigned long entered;     /* its list registers are as of then */
	bool hands[IRQS];          /* it had this one, and has not settled since */
	uint8_t stale[IRQS];       /* enum stale */
	struct values may[LPIS];   /* what its cache may have */
	struct values since[LPIS]; /* ... after the invalidations that are under way */
	uint8_t invalidated[LPIS]; /* by whom: BY_... */
};

struct event_model {
	uint32_t event, lpi;
	uint16_t icid;
	/* Gone, or still there, or mapped to the other one: the text does not say which. */
	bool doubtful, lost; /* lost: there are more than two */
	uint32_t other_lpi;
	uint16_t other_icid;
};

struct device_model {
	bool valid;
	uint32_t id;
	unsigned bits;
	uint64_t itt;
	struct event_model events[EVENTS];
	unsigned count;
};

struct its_model {
	bool enabled, turning;
	uint64_t cbaser, cwriter, creadr, baser[2];
	struct device_model devices[DEVICES];
	struct {
		bool valid;
		uint32_t icid;
		unsigned pe;
	} colls[COLLS];
	/* The command at CREADR has been begun. */
	bool begun;
	unsigned long begun_at;
};

struct model {
	struct machine_config config;
	unsigned long now;
	struct pe_model pe[PES];
	struct irq_model irq[IRQS];
	struct its_model its[ITSES];
};

/* How often a command may have counted as an error. */
struct verdict {
	unsigned least, most;
};

/* Their codes, 5.3. */
enum {
	MOVI = 0x01,
	INT = 0x03,
	CLEAR = 0x04,
	SYNC = 0x05,
	MAPD = 0x08,
	MAPC = 0x09,
	MAPTI = 0x0a,
	MAPI = 0x0b,
	INV = 0x0c,
	INVALL = 0x0d,
	MOVALL = 0x0e,
	DISCARD = 0x0f,
};

struct command {
	uint64_t w[4];
};

/* Commands: fields as in 5.3. */
unsigned command_op(const struct command *c);
uint32_t command_device(const struct command *c);
uint32_t command_event(const struct command *c);

void model_init(struct model *m, const struct machine_config *config);

unsigned model_lpi_count(const struct model *m);
bool model_is_irq(const struct model *m, unsigned irq); /* as an index */
unsigned model_intid(unsigned irq);
int model_index(const struct model *m, unsigned intid); /* or -1 */

/* What a mask of places becomes when something happened for sure. */
void model_set_may(struct model *m, unsigned irq, unsigned may, enum stale stale);
void model_raise(struct model *m, unsigned irq, unsigned pe);
bool model_lpi_in_range(const struct model *m, unsigned pe, unsigned lpi);

/* Memory has changed there: caches may have the new bytes, too. */
void model_memory_changed(struct model *m, const struct ram *ram, uint64_t at, size_t bytes);
void model_invalidate(struct model *m, const struct ram *ram, unsigned pe, unsigned lpi,
		      unsigned by);
void model_invalidate_everywhere(struct model *m, const struct ram *ram, unsigned lpi, unsigned by);
void model_synchronize(struct model *m, unsigned pe, unsigned by);

/* EnableLPIs, once the write is done. */
void model_begin_to_enable(struct model *m, const struct ram *ram, unsigned pe);
void model_enable_lpis(struct model *m, const struct ram *ram, unsigned pe);
void model_disable_lpis(struct model *m, unsigned pe);
/* A bit of the pending table as it is in memory: -1: cannot be read. */
int model_pending_bit(const struct model *m, const struct ram *ram, unsigned pe, unsigned lpi);

/* Is the interrupt deliverable at `pe`? At worst with *worst, if surely. */
bool model_surely(const struct model *m, unsigned pe, unsigned irq, unsigned *worst);
bool model_maybe(const struct model *m, unsigned pe, unsigned irq, unsigned priority,
		 bool stale_too);
unsigned model_running(const struct model *m, unsigned pe);
bool model_can_preempt(const struct model *m, unsigned pe, unsigned priority);
/* Is there one that has to be signalled; is there one that may be? */
bool model_must_signal(const struct model *m, unsigned pe);
bool model_may_signal(const struct model *m, unsigned pe, bool stale_too);
unsigned model_priority_mask(const struct model *m);
bool model_values_have(const struct model *m, const struct values *values, unsigned priority);

/* NULL, or why that is wrong. */
const char *model_acknowledge(struct model *m, unsigned pe, unsigned irq, unsigned priority);
void model_end(struct model *m, unsigned pe); /* of the one on top */
void model_settled(struct model *m, unsigned pe);

/* ITS. */
struct device_model *its_device(struct its_model *its, uint32_t id);
struct event_model *its_event(struct device_model *device, uint32_t event);
int its_collection(const struct its_model *its, uint32_t icid); /* the PE, or NOBODY */
int its_rdbase(const struct model *m, uint64_t field);
bool its_translate(struct model *m, unsigned n, uint32_t device, uint32_t event, unsigned *lpi,
		   unsigned *pe);
/* Is a command or write under way that makes the answer for this pair doubtful? */
bool its_in_doubt(struct model *m, unsigned n, const struct command *running, uint32_t device,
		  uint32_t event);
bool its_device_in_table(const struct model *m, const struct ram *ram, unsigned n, uint32_t id);
void its_begin(struct model *m, const struct ram *ram, unsigned n, const struct command *c);
/* Something was raised; the command that has begun may find it. */
void its_raised_meanwhile(struct model *m, const struct ram *ram, unsigned n,
			  const struct command *c);
struct verdict its_execute(struct model *m, const struct ram *ram, unsigned n,
			   const struct command *c);
/* The pair's mapping is this, the library says; is that one that it may be? NULL, or why not. */
const char *its_adopt(struct model *m, unsigned n, uint32_t device, uint32_t event, bool mapped,
		      unsigned lpi, unsigned pe);
uint64_t its_table_size(uint64_t baser);

#endif
