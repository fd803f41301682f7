/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What the parts of the bench guest share: bench.c, one VM that has its CPUs to itself, lpi.c, its LPIs,
 * sdei.c, its SDEI events, and shared.c, vCPUs that share physical CPUs.
 */
#ifndef GUEST_BENCH_H
#define GUEST_BENCH_H

#include "cpu.h"

#define ROUNDS      1000
#define SGI         1
#define CALL_NULL   0xc6000000ul
#define CALL_COUNT  0xc6000001ul
#define CALL_PULSE  0xc6000002ul
#define CALL_YIELD  0xc6000003ul
#define CALL_SPI    0xc6000004ul
#define CALL_SWITCH 0xc6000005ul

/* Of the physical CPU on which it is taken; kicks are those that it sent. */
struct sample {
	uint64_t exits;
	uint64_t instructions;
	uint64_t kicks;
	unsigned cpu;
};

struct sample take(void);
/* The cost of counting is taken off. */
void add_difference(struct sample *sum, struct sample before, struct sample after);
void report(const char *name, struct sample sum, uint64_t n);
/* `prepare` is not counted. */
struct sample measure(void (*prepare)(void), void (*operation)(void), unsigned rounds);
void row(const char *name, void (*prepare)(void), void (*operation)(void));
void nothing(void);
void null_call(void);

/* Operations of several CPUs: each has its part, and the sums are added. */
extern struct sample part[MAX_CPUS];
void parts_clear(void);
struct sample parts_sum(void);
/* How many receivers are ready, or the round for which one is. */
extern atomic_uint asleep;
/* Work of who takes ROUNDS times `*intid`. */
void receive_running(void *intid);
void receive_sleeping(void *intid);
/* The receiver said that it will sleep; it is asleep once this CPU has let it run. */
void let_it_fall_asleep(unsigned round);

/*
 * From CPU 0 to CPU 1, which waits in `receive` for ROUNDS of the interrupt that is sent each time; the
 * costs of both.
 */
void send_rounds(const char *name, unsigned *intid, void (*send)(void), void (*receive)(void *),
		 bool sleeping);

/*
 * What CPU 0 does that concerns CPU 1. Both count around it, and nothing else: CPU 1 makes ready, says so,
 * and waits until it is done. No exit is needed for what they tell each other.
 */
struct duet {
	const char *name;
	void (*prepare)(void);    /* CPU 0 */
	void (*make_ready)(void); /* CPU 1 */
	void (*operation)(void);  /* CPU 0 */
	void (*tidy)(void);       /* CPU 1 */
	bool masked;              /* CPU 1 takes no interrupts */
	bool split;               /* EOImode 1 on both */
};

void play(struct duet duet);

/*
 * lpi.c: LPIs and the ITS; none without an ITS. The others where CPUs are shared, and with an edu: to a vCPU
 * of the same CPU that could run, and to one of another CPU that sleeps.
 */
void bench_lpis(void);
void bench_lpis_not_loaded(void);
void bench_lpis_waiting(void);

/* sdei.c: events. */
void bench_sdei(void);

/*
 * shared.c: `send` makes `intid` pend for vCPU 1, ROUNDS times; the costs of both. Not loaded: it could run,
 * and this vCPU has its CPU; what the switches there and back cost, which take place anyway, is not in
 * it. The other: on another CPU, in WFE or, if `sleeping`, in WFI.
 */
struct sample to_not_loaded(unsigned intid, void (*send)(void));
/* One that sleeps on this CPU, until it sleeps again: two switches are in it. */
struct sample to_sleeper(unsigned intid, void (*send)(void));
struct sample to_the_other(unsigned intid, void (*send)(void), bool sleeping);
/* A mapped SPI that arrives where its vCPU runs; false if no call can make one pend. */
bool spi_to_self(const char *name);
/* The same: runs what the bootargs' bench= asks for; false if nothing is asked for. */
bool bench_shared(void);

#endif
