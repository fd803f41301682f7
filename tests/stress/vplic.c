/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The virtual PLIC under threads, for ThreadSanitizer: a thread for each context, which sleeps until it is
 * kicked, and claims, serves and completes while its interrupt is pending; in between it moves its
 * threshold, its enables, and sources' priorities. A thread for each device raises its line with a request
 * that is plain memory, and waits until it is served; and one moves the lines of two more all the time. No
 * request may get lost or be served twice, and no source be in two hands. Half of the devices have one
 * context alone, so that a kick that is missing is missed; the first context keeps all enabled.
 *
 *	vplic-tsan [SECONDS [SEED]]
 */
#define _POSIX_C_SOURCE 200809L
#include <carillon/vplic.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CONTEXTS 3
#define DEVICES  4
#define NOISES   2
#define SOURCES  40
#define ALONE    (1u << 1 | 1u << 7) /* sources that only the first context has */
#define PATIENCE 30.0                /* seconds, on a busy machine with sanitizers */

static struct context {
	pthread_t thread;
	unsigned index;
	uint64_t random;
	atomic_bool kicked;
	unsigned long served, looks;
} contexts[CONTEXTS];

static struct device {
	pthread_t thread;
	unsigned source;
	unsigned request; /* plain: the line carries it over */
	unsigned seen;    /* plain: by whose hands the source is in */
	atomic_uint served;
	atomic_bool in_hand;
} devices[DEVICES + NOISES];

static struct vplic *plic;
static atomic_bool stop, stop_contexts;
static atomic_ulong lost, twice, stale;

static uint64_t random_of(struct context *c)
{
	uint64_t z = (c->random += 0x9e3779b97f4a7c15u);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	return z ^ z >> 27;
}

static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void kick(void *host, unsigned context)
{
	(void)host;
	atomic_store(&contexts[context].kicked, true);
}

static const struct vplic_port port = { .kick = kick };

static void put(struct context *c, uint64_t offset, uint32_t value)
{
	vplic_write(plic, c->index, offset, 4, value);
}

static struct device *device_of(unsigned source)
{
	for (unsigned i = 0; i < DEVICES + NOISES; i++) {
		if (devices[i].source == source)
			return &devices[i];
	}
	return NULL;
}

static void serve(struct context *c)
{
	uint64_t claim_at = 0x200004 + 0x1000 * (uint64_t)c->index;
	struct device *device;
	uint32_t source;

	vplic_read(plic, claim_at, 4, &source);
	device = source ? device_of(source) : NULL;
	if (!device)
		return;
	if (atomic_exchange(&device->in_hand, true))
		atomic_fetch_add(&twice, 1);
	if (device < devices + DEVICES) {
		if (device->request != device->seen + 1)
			atomic_fetch_add(&stale, 1);
		device->seen = device->request;
		vplic_set_line(plic, source, false);
	} else {
		sched_yield();
	}
	atomic_store(&device->in_hand, false);
	/* Told before it is completed: the next request may come while the gateway is shut. */
	atomic_fetch_add(&device->served, 1);
	put(c, claim_at, source);
	c->served++;
}

/* What the first context always has is enough for each source. */
static void fiddle(struct context *c)
{
	uint64_t r = random_of(c);
	unsigned source = devices[r >> 8 & (DEVICES - 1)].source;

	switch (r & 7) {
	case 0:
		put(c, 0x200000 + 0x1000 * (uint64_t)c->index, 7);
		put(c, 0x200000 + 0x1000 * (uint64_t)c->index, 0);
		break;
	case 1:
		put(c, 4 * source, 0);
		put(c, 4 * source, 1 + (r >> 16 & 3));
		break;
	case 2:
		if (c->index) {
			put(c, 0x2000 + 0x80 * (uint64_t)c->index, (uint32_t)(r >> 32) & ~ALONE);
			put(c, 0x2004 + 0x80 * (uint64_t)c->index, (uint32_t)(r >> 16));
		}
		break;
	default:
		break;
	}
}

static void *context_main(void *argument)
{
	struct context *c = argument;

	while (!atomic_load(&stop_contexts)) {
		fiddle(c);
		while (vplic_pending(plic, c->index))
			serve(c);
		c->looks++;
		while (!atomic_exchange(&c->kicked, false) && !atomic_load(&stop_contexts)) {
			sched_yield();
		}
	}
	return NULL;
}

static void *device_main(void *argument)
{
	struct device *device = argument;
	unsigned requests = 0;

	while (!atomic_load(&stop)) {
		double until = seconds_now() + PATIENCE;

		device->request = ++requests;
		vplic_set_line(plic, device->source, true);
		while (atomic_load(&device->served) != requests) {
			sched_yield();
			if (seconds_now() > until) {
				atomic_fetch_add(&lost, 1);
				return NULL;
			}
		}
	}
	return NULL;
}

static void *noise_main(void *argument)
{
	unsigned n = 0;

	(void)argument;
	while (!atomic_load(&stop)) {
		struct device *device = &devices[DEVICES + n % NOISES];

		vplic_set_line(plic, device->source, ++n % 3);
	}
	for (unsigned i = DEVICES; i < DEVICES + NOISES; i++)
		vplic_set_line(plic, devices[i].source, false);
	return NULL;
}

static void run(double seconds, uint64_t seed)
{
	double until = seconds_now() + seconds;
	struct timespec nap = { .tv_nsec = 10000000 };
	pthread_t noise;

	for (unsigned i = 0; i < CONTEXTS; i++) {
		contexts[i].index = i;
		contexts[i].random = seed * CONTEXTS + i;
		put(&contexts[i], 0x2000 + 0x80 * (uint64_t)i, i ? ~ALONE : UINT32_MAX);
		put(&contexts[i], 0x2004 + 0x80 * (uint64_t)i, UINT32_MAX);
	}
	for (unsigned i = 0; i < DEVICES + NOISES; i++) {
		devices[i].source = 1 + i * 6;
		/* who only makes noise comes last */
		put(&contexts[0], 4 * devices[i].source, i < DEVICES ? 1 + i : 1);
	}
	for (unsigned i = 0; i < CONTEXTS; i++)
		pthread_create(&contexts[i].thread, NULL, context_main, &contexts[i]);
	for (unsigned i = 0; i < DEVICES; i++)
		pthread_create(&devices[i].thread, NULL, device_main, &devices[i]);
	pthread_create(&noise, NULL, noise_main, NULL);
	while (seconds_now() < until && !atomic_load(&lost))
		nanosleep(&nap, NULL);
	atomic_store(&stop, true);
	for (unsigned i = 0; i < DEVICES; i++)
		pthread_join(devices[i].thread, NULL);
	pthread_join(noise, NULL);
	atomic_store(&stop_contexts, true);
	for (unsigned i = 0; i < CONTEXTS; i++)
		pthread_join(contexts[i].thread, NULL);
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
	struct vplic_config config = {
		.sources = SOURCES, .contexts = CONTEXTS, .priority_bits = 3, .number = { 0, 1, 2 }
	};
	size_t size = vplic_size(&config);
	void *memory = aligned_alloc(64, (size + 63) / 64 * 64);
	int bad;

	printf("1..3\n# seed %llu\n", (unsigned long long)seed);
	fflush(stdout);
	if (vplic_init(&plic, memory, size, &config, &port, NULL))
		return 2;
	run(seconds, seed);
	bad = result(1, "no_request_is_lost", atomic_load(&lost));
	bad |= result(2, "no_source_is_in_two_hands", atomic_load(&twice));
	bad |= result(3, "who_claims_sees_the_request_once", atomic_load(&stale));
	for (unsigned i = 0; i < CONTEXTS; i++)
		printf("# context %u: %lu served, %lu looks\n", i, contexts[i].served,
		       contexts[i].looks);
	free(memory);
	return bad;
}
