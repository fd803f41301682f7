/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The virtual CLINT under threads, for ThreadSanitizer: a thread for each hart, all of which set each
 * other's msip and mtimecmp (whole, or half of it), post reasons with a letter that the reason announces,
 * arm deadlines, and let time pass. A hart looks only when it is kicked or its timer is due. In rounds:
 * when all stand still, whoever has not been kicked must know its msip, have its timer set no later than
 * its first deadline, and have no reason left; who has been looks then, and every letter must have come.
 * In each fourth round a hart writes one register of another's, once, and otherwise only looks; and in each
 * fourth round two harts write one half each of a third one's mtimecmp, and both must be there.
 *
 *	vclint-tsan [SECONDS [SEED]]
 */
#define _POSIX_C_SOURCE 200809L
#include <carillon/vclint.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define HARTS    4
#define STEPS    60   /* of a round */
#define LOOKS    2000 /* of a round in which they look */
#define MSIP     0u
#define MTIMECMP 0x4000u
#define MSI      8u

static struct hart {
	pthread_t thread;
	unsigned index;
	uint64_t random;
	atomic_bool msi;     /* the physical software interrupt */
	uint64_t programmed; /* the physical timer; its hart's */
	uint64_t msip;       /* as it was seen last; its hart's */
	uint32_t low, high;  /* what it wrote last in a round of halves */
	unsigned sent[HARTS], got[HARTS];
	unsigned long looks, expired, letters;
} harts[HARTS];

static struct vclint *clint;
static pthread_barrier_t barrier;
static atomic_ullong now;
static atomic_bool stop;
static unsigned letter[HARTS][HARTS]; /* from, to: plain, the reason carries it over */
static atomic_uint answered[HARTS][HARTS];
static atomic_ulong kicks;
static unsigned long rounds, missed_reasons, missed_deadlines, missed_letters, torn;

static uint64_t random_of(struct hart *h)
{
	uint64_t z = (h->random += 0x9e3779b97f4a7c15u);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	return z ^ z >> 27;
}

static void kick(void *host, unsigned hart)
{
	(void)host;
	atomic_fetch_add_explicit(&kicks, 1, memory_order_relaxed);
	atomic_store(&harts[hart].msi, true);
}

static const struct vclint_port port = { kick, NULL };

static void program(struct hart *h)
{
	uint64_t at = atomic_load(&now);

	h->programmed = vclint_next(clint, h->index, at);
	h->msip = vclint_lines(clint, h->index, at) & MSI;
}

static void read_letters(struct hart *h, uint32_t reasons)
{
	unsigned from;

	for (from = 0; from < HARTS; from++) {
		if (!(reasons & VCLINT_REASON_HOST << from))
			continue;
		h->got[from] = letter[from][h->index];
		atomic_store_explicit(&answered[from][h->index], h->got[from],
				      memory_order_release);
		h->letters++;
	}
}

/* The physical software interrupt: cleared first. */
static void look(struct hart *h)
{
	if (!atomic_exchange(&h->msi, false))
		return;
	read_letters(h, vclint_reasons(clint, h->index));
	program(h);
	h->looks++;
}

static void write_letter(struct hart *h, unsigned to)
{
	unsigned *sent = &h->sent[to];

	if (atomic_load_explicit(&answered[h->index][to], memory_order_acquire) != *sent)
		return; /* still under way */
	letter[h->index][to] = ++*sent;
	vclint_post(clint, to, VCLINT_REASON_HOST << h->index);
}

static void write_register(struct hart *h, uint64_t offset, unsigned bytes, uint64_t value,
			   unsigned of)
{
	vclint_write(clint, h->index, offset, bytes, atomic_load(&now), value);
	if (of == h->index)
		program(h);
}

static void step(struct hart *h)
{
	uint64_t r = random_of(h), at = atomic_load(&now);
	unsigned other = r >> 8 & 3;

	look(h);
	if (at >= h->programmed) {
		vclint_expired(clint, h->index, at);
		program(h);
		h->expired++;
	}
	switch (r & 7) {
	case 0:
		write_register(h, MSIP + 4 * other, 4, r >> 16 & 1, other);
		break;
	case 1:
		write_register(h, MTIMECMP + 8 * other, 8, at + (r >> 16 & 63), other);
		break;
	case 2:
		write_register(h, MTIMECMP + 8 * other, 4, at + (r >> 16 & 63), other);
		break;
	case 3:
		write_register(h, MTIMECMP + 8 * other + 4, 4, r >> 16 & 1 ? 0 : ~0u, other);
		break;
	case 4:
		vclint_arm(clint, h->index, r >> 16 & 1 ? VCLINT_PAYLOAD : VCLINT_HOST,
			   at + (r >> 17 & 63));
		program(h);
		break;
	case 5:
		atomic_fetch_add(&now, r >> 16 & 31);
		break;
	default:
		write_letter(h, other);
	}
}

/* Hart 0 listens; hart 1 has the lower half of its mtimecmp, hart 2 the upper one. */
static void step_halves(struct hart *h)
{
	uint32_t value = (uint32_t)random_of(h);

	look(h);
	if (h->index == 1)
		write_register(h, MTIMECMP, 4, h->low = value, 0);
	if (h->index == 2)
		write_register(h, MTIMECMP + 4, 4, h->high = value, 0);
	if (h->index == 3)
		write_letter(h, 0);
}

/* Once in the round, at any time; otherwise it waits to be kicked, so that nothing else makes it look. */
static void step_sparse(struct hart *h, unsigned n, unsigned when)
{
	uint64_t r = random_of(h);
	unsigned other = (h->index + 1 + r % (HARTS - 1)) % HARTS;

	if (n == 0) {
		vclint_arm(clint, h->index, VCLINT_PAYLOAD, VCLINT_NEVER);
		vclint_arm(clint, h->index, VCLINT_HOST, VCLINT_NEVER);
		write_register(h, MTIMECMP + 8 * h->index, 8, VCLINT_NEVER, h->index);
	}
	look(h);
	if (n != when)
		return;
	if (r >> 8 & 1)
		write_register(h, MSIP + 4 * other, 4, r >> 9 & 1, other);
	else
		write_register(h, MTIMECMP + 8 * other, 8, atomic_load(&now) + (r >> 9 & 63),
			       other);
}

static void run_round(struct hart *h, unsigned round)
{
	unsigned steps = round % 4 == 2 ? LOOKS : STEPS, when = random_of(h) % steps, n;

	for (n = 0; n < steps; n++) {
		if (round % 4 == 0)
			step_halves(h);
		else if (round % 4 == 2)
			step_sparse(h, n, when);
		else
			step(h);
	}
}

/* --- While all stand still ---------------------------------------------------------------------- */

static void check_hart(struct hart *h)
{
	uint64_t at = atomic_load(&now);
	unsigned from;

	if (!atomic_load(&h->msi)) {
		missed_reasons += vclint_reasons(clint, h->index) != 0;
		missed_reasons += (vclint_lines(clint, h->index, at) & MSI) != h->msip;
		missed_deadlines += h->programmed > vclint_next(clint, h->index, at);
	}
	look(h);
	for (from = 0; from < HARTS; from++)
		missed_letters += h->got[from] != harts[from].sent[h->index];
}

static void check_halves(void)
{
	uint64_t value = 0;

	vclint_read(clint, MTIMECMP, 8, 0, &value);
	torn += value != ((uint64_t)harts[2].high << 32 | harts[1].low);
}

static void *hart_main(void *argument)
{
	struct hart *h = argument;
	unsigned n, round;

	for (round = 1; !atomic_load(&stop); round++) {
		run_round(h, round);
		pthread_barrier_wait(&barrier);
		if (h->index == 0) {
			for (n = 0; n < HARTS; n++)
				check_hart(&harts[n]);
			if (round % 4 == 0)
				check_halves();
			rounds++;
		}
		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier); /* main has looked at the clock */
	}
	return NULL;
}

static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void run(double seconds, uint64_t seed)
{
	double until = seconds_now() + seconds;
	unsigned h;

	pthread_barrier_init(&barrier, NULL, HARTS + 1);
	for (h = 0; h < HARTS; h++) {
		harts[h].index = h;
		harts[h].random = seed * HARTS + h;
		harts[h].programmed = VCLINT_NEVER;
		pthread_create(&harts[h].thread, NULL, hart_main, &harts[h]);
	}
	while (!atomic_load(&stop)) {
		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier);
		atomic_store(&stop, seconds_now() > until);
		pthread_barrier_wait(&barrier);
	}
	for (h = 0; h < HARTS; h++)
		pthread_join(harts[h].thread, NULL);
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
	struct vclint_config config;
	size_t size;
	void *memory;
	int bad;
	unsigned h;

	printf("1..4\n# seed %llu\n", (unsigned long long)seed);
	fflush(stdout);
	vclint_sifive(&config, HARTS);
	size = vclint_size(&config);
	memory = aligned_alloc(64, (size + 63) / 64 * 64);
	if (vclint_init(&clint, memory, size, &config, &port, NULL))
		return 2;
	run(seconds, seed);
	bad = result(1, "who_was_not_kicked_has_missed_nothing", missed_reasons);
	bad |= result(2, "each_timer_is_set_in_time", missed_deadlines);
	bad |= result(3, "each_letter_arrives", missed_letters);
	bad |= result(4, "halves_of_mtimecmp_do_not_undo_each_other", torn);
	printf("# %lu rounds, %lu kicks\n", rounds, atomic_load(&kicks));
	for (h = 0; h < HARTS; h++)
		printf("# hart %u: %lu looks, %lu timer interrupts, %lu letters\n", h,
		       harts[h].looks, harts[h].expired, harts[h].letters);
	free(memory);
	return bad;
}
