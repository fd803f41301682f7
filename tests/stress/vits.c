/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The virtual ITS under threads, for ThreadSanitizer. One thread is the guest's driver: it maps, moves,
 * discards and unmaps the events of two devices, and each mapping has an LPI that was not the last one's.
 * Others send messages of any event; one executes the driver's commands, too, and forwards pairs; and two
 * are vCPUs, which take what is in their list registers.
 *
 * When a command that took a mapping away is done, its LPI is pending nowhere, and no vCPU takes it any
 * more; when one that moved an event is done, no other vCPU takes it. While the driver rests, each mapped
 * event's message arrives at its LPI.
 *
 *	vits-tsan [SECONDS [SEED]]
 */
#define _POSIX_C_SOURCE 200809L
#include <carillon/vits.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define VCPUS   3 /* the last one is the driver's */
#define DRIVER  2
#define SENDERS 2
#define DEVICES 2
#define EVENTS  16
#define PAIRS   (DEVICES * EVENTS)
#define LPIS    (2 * PAIRS)

#define VALID (1ull << 63)
#define RAM   0x40000000ull
#define QUEUE RAM
#define DTES  (RAM + 0x1000)
#define CTES  (RAM + 0x2000)
#define ITTS  (RAM + 0x3000)
#define PROPS (RAM + 0x10000)
#define PENDS (RAM + 0x20000)
#define WORDS 0x8000u

static _Atomic uint64_t ram[WORDS];
static struct vgic *vgic;
static struct vits *vits;
static struct vgic_cpu *cpus[VCPUS];
static struct gic_cpuif images[VCPUS];
static atomic_bool stop;

/* Of each LPI: may it be taken; and by whom. Written by the driver when a command is done. */
static atomic_bool gone[LPIS];
static atomic_uint home[LPIS];
#define ANYWHERE 99u

static atomic_ulong sent, taken, late, elsewhere;
static unsigned long commands, moves, left_pending, lost;

static uint64_t next_random(uint64_t *random)
{
	uint64_t z = (*random += 0x9e3779b97f4a7c15u);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	return z ^ z >> 27;
}

/* --- The guest's memory: words, each read and written whole. ------------------------------------- */

static bool in_ram(uint64_t at, size_t bytes)
{
	return at >= RAM && at + bytes <= RAM + 8ull * WORDS;
}

/* A sender that has read a table may be late with what it found. */
static _Thread_local unsigned dawdles;

static bool guest_read(void *host, uint64_t at, void *to, size_t bytes)
{
	uint8_t *out = to;

	(void)host;
	if (!in_ram(at, bytes))
		return false;
	for (size_t i = 0; i < bytes;) {
		uint64_t word = atomic_load(&ram[(at + i - RAM) / 8]);
		size_t from = (at + i) % 8, n = 8 - from < bytes - i ? 8 - from : bytes - i;

		memcpy(out + i, (uint8_t *)&word + from, n);
		i += n;
	}
	if (dawdles && !(++dawdles & 7))
		for (unsigned i = 0; i < 10; i++)
			sched_yield();
	return true;
}

static bool guest_write(void *host, uint64_t at, const void *from, size_t bytes)
{
	uint64_t word;

	(void)host;
	if (!in_ram(at, bytes) || at % 8 || bytes != 8)
		return false;
	memcpy(&word, from, 8);
	atomic_store(&ram[(at - RAM) / 8], word);
	return true;
}

static void kick(void *host, unsigned vcpu)
{
	(void)host;
	(void)vcpu; /* they look all the time */
}

static const struct vgic_port vgic_port = { .kick = kick,
					    .guest_read = guest_read,
					    .guest_write = guest_write };

/* Hardware that has nothing pending, ever. */
static atomic_uint mapped_routes;

static bool vlpi_map(void *host, uint16_t route, unsigned vcpu, virq_t lpi)
{
	(void)host;
	(void)route;
	(void)vcpu;
	(void)lpi;
	atomic_fetch_add(&mapped_routes, 1);
	return true;
}

static bool vlpi_unmap(void *host, uint16_t route)
{
	(void)host;
	(void)route;
	atomic_fetch_sub(&mapped_routes, 1);
	return false;
}

static void vlpi_move(void *host, uint16_t route, unsigned vcpu)
{
	(void)host;
	(void)route;
	(void)vcpu;
}

static void vlpi_nothing(void *host, uint16_t route)
{
	(void)host;
	(void)route;
}

static void vlpi_configure(void *host, uint16_t route, virq_t lpi, uint8_t property)
{
	(void)host;
	(void)route;
	(void)lpi;
	(void)property;
}

static bool vlpis_settled(void *host)
{
	(void)host;
	return true;
}

static const struct vits_port vits_port = {
	.vlpi_map = vlpi_map,
	.vlpi_unmap = vlpi_unmap,
	.vlpi_move = vlpi_move,
	.vlpi_set = vlpi_nothing,
	.vlpi_clear = vlpi_nothing,
	.vlpi_configure = vlpi_configure,
	.vlpis_settled = vlpis_settled,
};

/* --- vCPUs, senders, a helper. ------------------------------------------------------------------- */

static void take(unsigned vcpu, uint32_t lpi)
{
	unsigned at = atomic_load(&home[lpi - VGIC_LPI_BASE]);

	if (atomic_load(&gone[lpi - VGIC_LPI_BASE]))
		atomic_fetch_add(&late, 1);
	if (at != ANYWHERE && at != vcpu)
		atomic_fetch_add(&elsewhere, 1);
	atomic_fetch_add_explicit(&taken, 1, memory_order_relaxed);
}

/* In and out of the guest, which takes what its list registers have. */
static void pass(unsigned vcpu)
{
	struct gic_cpuif *image = &images[vcpu];

	vgic_exit(cpus[vcpu], image);
	vgic_enter(cpus[vcpu], image);
	for (unsigned n = 0; n < 4; n++) {
		if ((image->live & 1u << n) && image->lr[n] >> 62) {
			take(vcpu, (uint32_t)image->lr[n]);
			image->lr[n] &= ~(3ull << 62);
		}
	}
}

static void *vcpu_main(void *argument)
{
	unsigned vcpu = *(unsigned *)argument;

	while (!atomic_load(&stop)) {
		pass(vcpu);
		sched_yield();
	}
	return NULL;
}

static void *sender_main(void *argument)
{
	uint64_t random = *(uint64_t *)argument;

	dawdles = 1;
	while (!atomic_load(&stop)) {
		uint64_t r = next_random(&random);

		vits_message(vits, NULL, r % DEVICES, r >> 8 & (EVENTS - 1));
		atomic_fetch_add_explicit(&sent, 1, memory_order_relaxed);
		if (!(r >> 20 & 15))
			sched_yield();
	}
	return NULL;
}

/* It is enabled already: this executes what is in the queue. */
static void *helper_main(void *argument)
{
	uint64_t random = *(uint64_t *)argument, value;

	while (!atomic_load(&stop)) {
		uint64_t r = next_random(&random);
		uint16_t route = r >> 8 & 3;

		if (r & 1)
			vits_write(vits, NULL, 0, 4, 1);
		else if (r & 2)
			vits_forward(vits, route % DEVICES, route, route);
		else
			vits_unforward(vits, NULL, route);
		vits_read(vits, NULL, 0x90, 8, &value);
		sched_yield();
	}
	return NULL;
}

/* --- The driver. --------------------------------------------------------------------------------- */

static uint64_t tail;

static void execute(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	uint64_t words[4] = { a, b, c, d };

	for (unsigned i = 0; i < 4; i++)
		atomic_store(&ram[(QUEUE - RAM + tail) / 8 + i], words[i]);
	tail = (tail + 32) % 0x1000;
	while (vits_write(vits, cpus[DRIVER], 0x88, 8, tail) == VGIC_AGAIN) {
		vgic_exit(cpus[DRIVER], &images[DRIVER]);
		sched_yield();
	}
	commands++;
}

static struct pair {
	bool mapped;
	unsigned lpi, vcpu;
} pairs[PAIRS];
static bool devices[DEVICES];

#define DEVICE(n) ((uint64_t)((n) / EVENTS) << 32)
#define EVENT(n)  ((uint64_t)((n) % EVENTS))

static void is_gone(unsigned lpi)
{
	unsigned vcpu;

	atomic_store(&gone[lpi], true);
	left_pending += vgic_lpi_is_pending(vgic, VGIC_LPI_BASE + lpi, &vcpu);
}

static void map(unsigned n, unsigned vcpu)
{
	struct pair *pair = &pairs[n];

	pair->lpi = n + (pair->lpi < PAIRS ? PAIRS : 0);
	pair->vcpu = vcpu;
	pair->mapped = true;
	atomic_store(&home[pair->lpi], vcpu);
	atomic_store(&gone[pair->lpi], false);
	execute(DEVICE(n) | 0x0a, (uint64_t)(VGIC_LPI_BASE + pair->lpi) << 32 | EVENT(n), vcpu, 0);
}

static void move(unsigned n, unsigned vcpu)
{
	atomic_store(&home[pairs[n].lpi], ANYWHERE);
	execute(DEVICE(n) | 0x01, EVENT(n), vcpu, 0);
	atomic_store(&home[pairs[n].lpi], vcpu);
	pairs[n].vcpu = vcpu;
	moves++;
}

static void discard(unsigned n)
{
	pairs[n].mapped = false;
	execute(DEVICE(n) | 0x0f, EVENT(n), 0, 0);
	is_gone(pairs[n].lpi);
}

/* What is pending stays so: it is cleared by hand, after which nothing comes any more. */
static void unmap_device(unsigned device)
{
	execute((uint64_t)device << 32 | 0x08, 0, 0, 0);
	devices[device] = false;
	for (unsigned n = device * EVENTS; n < (device + 1) * EVENTS; n++) {
		if (!pairs[n].mapped)
			continue;
		pairs[n].mapped = false;
		vgic_lpi_clear(vgic, cpus[DRIVER], VGIC_LPI_BASE + pairs[n].lpi);
		while (!vgic_lpis_settled(vgic)) {
			vgic_exit(cpus[DRIVER], &images[DRIVER]);
			sched_yield();
		}
		is_gone(pairs[n].lpi);
	}
}

/* Software clears an ITT before it maps a device. */
static void map_device(unsigned device)
{
	uint64_t itt = ITTS + 0x100ull * device;

	for (unsigned i = 0; i < EVENTS; i++)
		atomic_store(&ram[(itt - RAM) / 8 + i], 0);
	execute((uint64_t)device << 32 | 0x08, 3, VALID | itt, 0);
	devices[device] = true;
}

/* Nobody else changes mappings: a message of a mapped event arrives. */
static void probe(unsigned n)
{
	unsigned long before = atomic_load(&taken);

	if (vits_message(vits, cpus[DRIVER], n / EVENTS, n % EVENTS))
		lost++;
	for (unsigned i = 0; i < 1000000 && atomic_load(&taken) == before; i++)
		sched_yield();
	lost += atomic_load(&taken) == before;
}

static void step(uint64_t r)
{
	unsigned n = r % PAIRS, vcpu = r >> 16 & 1;

	if (!devices[n / EVENTS])
		map_device(n / EVENTS);
	else if (!pairs[n].mapped)
		map(n, vcpu);
	else if ((r >> 20) % 64 == 0)
		unmap_device(n / EVENTS);
	else if ((r >> 20) % 4 == 0)
		discard(n);
	else if ((r >> 20) % 4 == 1)
		probe(n);
	else
		move(n, vcpu);
	images[DRIVER].live = 0;
}

/* --- All of it. ---------------------------------------------------------------------------------- */

static void write_redist(unsigned vcpu, uint32_t offset, unsigned bytes, uint64_t value)
{
	while (vgic_redist_write(cpus[vcpu], vcpu * VGIC_REDIST_STRIDE + offset, bytes, value) ==
	       VGIC_AGAIN)
		;
}

static void make(void)
{
	static const struct vgic_config config = { .version = VGIC_V3,
						   .vcpus = VCPUS,
						   .priority_bits = 5,
						   .preemption_bits = 5,
						   .lrs = 4,
						   .lpi_bits = 8 };
	static const struct vits_config its = { 4, 5, 4, 5, false, 0, 4 };
	size_t size = vgic_size(&config), its_size = vits_size(&its);

	if (vgic_init(&vgic, aligned_alloc(64, size), size, &config, &vgic_port, NULL) ||
	    vits_init(&vits, aligned_alloc(64, (its_size + 63) & ~63ull), its_size, &its, vgic,
		      &vits_port, NULL))
		exit(2);
	for (unsigned i = 0; i < 256 / 8; i++)
		atomic_store(&ram[(PROPS - RAM) / 8 + i], 0xa1a1a1a1a1a1a1a1);
	for (unsigned i = 0; i < VCPUS; i++) {
		images[i].vmcr = 0xf8000002;
		cpus[i] = vgic_load(vgic, i);
		write_redist(i, 0x14, 4, 0);
		write_redist(i, 0x70, 8, PROPS | 15);
		write_redist(i, 0x78, 8, (PENDS + i * 0x10000) | 1ull << 62);
		write_redist(i, 0, 4, 1);
	}
	while (vgic_dist_write(cpus[DRIVER], 0, 4, 3) == VGIC_AGAIN)
		;
	vits_write(vits, cpus[DRIVER], 0x80, 8, VALID | QUEUE);
	vits_write(vits, cpus[DRIVER], 0x100, 8, VALID | DTES);
	vits_write(vits, cpus[DRIVER], 0x108, 8, VALID | CTES);
	vits_write(vits, cpus[DRIVER], 0, 4, 1);
	for (unsigned i = 0; i < VCPUS; i++)
		execute(0x09, 0, VALID | (uint64_t)i << 16 | i, 0);
}

static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void run(double seconds, uint64_t seed)
{
	static unsigned vcpu[2] = { 0, 1 };
	double until = seconds_now() + seconds;
	uint64_t random = seed, seeds[SENDERS + 1];
	pthread_t threads[2 + SENDERS + 1];

	for (unsigned i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, vcpu_main, &vcpu[i]);
	for (unsigned i = 0; i <= SENDERS; i++) {
		seeds[i] = seed + 1 + i;
		pthread_create(&threads[2 + i], NULL, i < SENDERS ? sender_main : helper_main,
			       &seeds[i]);
	}
	while (seconds_now() < until) {
		for (unsigned i = 0; i < 50; i++)
			step(next_random(&random));
	}
	atomic_store(&stop, true);
	for (unsigned i = 0; i < 2 + SENDERS + 1; i++)
		pthread_join(threads[i], NULL);
}

static int result(unsigned number, const char *name, unsigned long missed)
{
	if (missed)
		printf("# %lu times\n", missed);
	printf("%sok %u - %s\n", missed ? "not " : "", number, name);
	return missed != 0;
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? strtod(argv[1], NULL) : 2;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t)time(NULL);
	struct vits_stats stats;
	int failed = 0;

	printf("1..5\n# seed %llu\n", (unsigned long long)seed);
	make();
	run(seconds, seed);
	vits_stats(vits, &stats);
	printf("# %lu commands, %lu of them moves; %lu messages, %llu translated, %llu from the tables; "
	       "%lu taken\n",
	       commands, moves, atomic_load(&sent), (unsigned long long)stats.messages,
	       (unsigned long long)stats.misses, atomic_load(&taken));
	failed |= result(1, "nothing is taken after its mapping was taken away", late);
	failed |= result(2, "nor is it pending", left_pending);
	failed |= result(3, "nothing is taken where it was moved away from", elsewhere);
	failed |= result(4, "messages of mapped events arrive", lost);
	failed |= result(5, "no command was refused, and routes are what the statistics say",
			 stats.command_errors || stats.forwarded != mapped_routes || !commands ||
				 !stats.messages || !atomic_load(&taken));
	return failed;
}
