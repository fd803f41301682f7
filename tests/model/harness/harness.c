/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * A lockstep of library and reference model: random operations, and when something fails, the
 * shortest list of operations that still fails, with the command that plays it again. TAP.
 *
 *	PROGRAM [--seconds N] [--steps N] [--seed N] [--config LIST] [--with LIST] [--seed-base N]
 *		[--operations N] [--trace | --explain]
 *
 * --trace prints the whole run and how the machine stands, --explain the same of the shrunk one.
 *
 * Without --seed: seeds from 1 on over a set of configurations, then over random ones, until the
 * seconds are used up: the same runs each time, so that they judge the change and not the day. With
 * MODEL_STEPS in the environment (operations altogether; make test-all) the random ones are new each
 * time. With --seed: that one run. With --config or --with alone: seeds from --seed-base on, with that
 * configuration, or with random ones in which LIST is fixed. --operations: until so many are done, not for
 * a time.
 */
#define _DEFAULT_SOURCE
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_OPS        20000u
#define RUN_SECONDS    30u
#define SHRINK_SECONDS 60
#define SHRINK_TRIES   3000u

/* Shared with the processes that run the machines, so that it survives their crash. */
static struct shared {
	struct machine_config config;
	uint64_t seed;
	unsigned count;
	unsigned long long runs, operations, counts[LOCKSTEP_COUNTS];
	char text[512];
	struct op ops[MAX_OPS];
} * shared;

static bool trace, explain;
static const char *with;

static void show(void)
{
	if (!trace)
		return;
	lockstep_show();
	fflush(stdout);
}

static void failed(const char *text)
{
	show();
	if (trace)
		printf("# FAILED: %s\n", text);
	snprintf(shared->text, sizeof(shared->text), "%s", text);
	fflush(stdout);
	_exit(1);
}

/* False: no more operations. */
static bool step(const struct op *op)
{
	bool more;

	if (trace) {
		printf("# ");
		machine_print_op(op);
		fflush(stdout);
	}
	more = lockstep_step(op);
	show();
	return more;
}

/* One machine's life with operations as they are generated; they are left in `shared`. */
static void run_random(const struct machine_config *config, uint64_t seed, unsigned steps)
{
	struct generator g;
	bool more = true;

	shared->config = *config;
	shared->seed = seed;
	shared->count = 0;
	generate_begin(&g, lockstep_begin(config, failed), seed);
	while (more && shared->count < steps && shared->count < MAX_OPS) {
		struct op *op = &shared->ops[shared->count];

		*op = generate(&g);
		shared->count++;
		more = step(op);
	}
	lockstep_end();
	lockstep_account(shared->counts);
	shared->runs++;
	shared->operations += shared->count;
}

static void run_list(const struct op *ops, unsigned count)
{
	unsigned n;

	lockstep_begin(&shared->config, failed);
	for (n = 0; n < count && step(&ops[n]); n++)
		;
	lockstep_end();
}

static bool child_passed(pid_t child)
{
	int status;

	waitpid(child, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* The same complaint, whatever its numbers are. */
static bool same_complaint(const char *a, const char *b)
{
	while (*a || *b) {
		a += strspn(a, "0123456789abcdefx-");
		b += strspn(b, "0123456789abcdefx-");
		if (*a != *b)
			return false;
		if (*a)
			a++, b++;
	}
	return true;
}

/* Does the list not fail in the way of `complaint`? */
static bool list_passes(const struct op *ops, unsigned count, const char *complaint)
{
	pid_t child;

	shared->text[0] = 0;
	fflush(stdout);
	child = fork();
	if (child == 0) {
		if (!freopen("/dev/null", "w", stderr))
			_exit(2);
		alarm(RUN_SECONDS);
		run_list(ops, count);
		_exit(0);
	}
	return child_passed(child) || !same_complaint(shared->text, complaint);
}

/* Delta debugging: leave out ever smaller pieces for as long as it still fails. */
static unsigned shrink(struct op *ops, unsigned count, const char *complaint)
{
	static struct op candidate[MAX_OPS];
	unsigned piece = count / 2 ? count / 2 : 1, tries = 0, at;
	time_t until = time(NULL) + SHRINK_SECONDS;

	while (piece && tries < SHRINK_TRIES && time(NULL) < until) {
		bool removed = false;

		for (at = 0; at < count && tries < SHRINK_TRIES && time(NULL) < until; tries++) {
			unsigned cut = at + piece < count ? piece : count - at;

			memcpy(candidate, ops, at * sizeof(*ops));
			memcpy(candidate + at, ops + at + cut, (count - at - cut) * sizeof(*ops));
			if (list_passes(candidate, count - cut, complaint)) {
				at += cut;
				continue;
			}
			count -= cut;
			memcpy(ops, candidate, count * sizeof(*ops));
			removed = true;
		}
		if (!removed || piece > count)
			piece /= 2;
	}
	return count;
}

static void report(unsigned steps)
{
	static struct op ops[MAX_OPS];
	unsigned count = shared->count, n;
	char config[400], complaint[sizeof(shared->text)];

	generate_print_config(config, sizeof(config), &shared->config);
	printf("# FAILED: %s\n", shared->text[0] ? shared->text : "crashed");
	printf("# play it again: %s --seed %llu --steps %u --config %s\n", lockstep.program,
	       (unsigned long long)shared->seed, steps, config);
	if (getenv("MODEL_QUICK")) /* whether it fails is all that is asked */
		exit(1);
	memcpy(ops, shared->ops, count * sizeof(*ops));
	memcpy(complaint, shared->text, sizeof(complaint));
	if (list_passes(ops, count, complaint)) {
		printf("# the recorded list of %u operations does not fail again\n", count);
		return;
	}
	count = shrink(ops, count, complaint);
	trace = explain;
	list_passes(ops, count, complaint);
	trace = false;
	printf("# shrunk to %u operations: %s\n", count, shared->text[0] ? shared->text : "crash");
	for (n = 0; n < count; n++) {
		printf("#   ");
		machine_print_op(&ops[n]);
	}
}

/* Runs in a process of their own, until `seconds` or, of all operations, `until` are used up. */
static bool batch(const struct machine_config *config, uint64_t seed, unsigned steps,
		  double seconds, unsigned long long until)
{
	struct timespec start, now;
	pid_t child;

	shared->text[0] = 0;
	fflush(stdout);
	child = fork();
	if (child == 0) {
		clock_gettime(CLOCK_MONOTONIC, &start);
		do {
			struct machine_config any = config ? *config : generate_config(seed);

			if (with && !generate_change_config(with, &any))
				_exit(2);
			alarm(RUN_SECONDS);
			run_random(&any, seed++, steps);
			clock_gettime(CLOCK_MONOTONIC, &now);
		} while (shared->operations < until &&
			 (double)(now.tv_sec - start.tv_sec) +
					 (double)(now.tv_nsec - start.tv_nsec) / 1e9 <
				 seconds);
		_exit(0);
	}
	if (child_passed(child))
		return true;
	report(steps);
	return false;
}

static void print_account(void)
{
	printf("# %llu runs, %llu operations:", shared->runs, shared->operations);
	for (unsigned n = 0; n < LOCKSTEP_COUNTS && lockstep.counted[n]; n++)
		printf("%s %llu %s", n ? "," : "", shared->counts[n], lockstep.counted[n]);
	printf("\n");
}

static int run_all(double seconds, unsigned steps, unsigned long long operations, uint64_t seed)
{
	unsigned n, shares = lockstep.fixed_count + lockstep.random;
	struct machine_config config;
	int bad = 0;
	bool ok;

	printf("1..%u\n", lockstep.fixed_count + 1);
	for (n = 0; n < lockstep.fixed_count; n++) {
		generate_parse_config(lockstep.fixed[n].config, &config);
		ok = batch(&config, 1, steps, seconds / shares,
			   shared->operations + operations / shares);
		printf("%sok %u - %s\n", ok ? "" : "not ", n + 1, lockstep.fixed[n].name);
		bad += !ok;
	}
	printf("# random configurations from seed %llu on\n", (unsigned long long)seed);
	ok = batch(NULL, seed, steps, seconds / shares * lockstep.random,
		   shared->operations + operations / shares * lockstep.random);
	printf("%sok %u - random_configurations\n", ok ? "" : "not ", lockstep.fixed_count + 1);
	print_account();
	return bad || !ok;
}

static int cannot_read(const char *text)
{
	fprintf(stderr, "%s: cannot read --config %s\n", lockstep.program, text);
	return 2;
}

/* Random configurations, or one of them, for as long as asked. */
static int run_random_ones(const char *text, uint64_t seed, unsigned steps, double seconds,
			   unsigned long long operations)
{
	struct machine_config config;
	bool ok;

	if (text && !generate_parse_config(text, &config))
		return cannot_read(text);
	printf("1..1\n");
	ok = batch(text ? &config : NULL, seed, steps, seconds, operations);
	printf("%sok 1 - seeds_from_%llu\n", ok ? "" : "not ", (unsigned long long)seed);
	print_account();
	return ok ? 0 : 1;
}

static int run_one(uint64_t seed, unsigned steps, const char *text)
{
	struct machine_config config = generate_config(seed);
	bool ok = true;

	if (text && !generate_parse_config(text, &config))
		return cannot_read(text);
	printf("1..1\n");
	if (trace)
		run_random(&config, seed, steps);
	else
		ok = batch(&config, seed, steps, 0, 1);
	printf("%sok 1 - seed_%llu\n", ok ? "" : "not ", (unsigned long long)seed);
	return ok ? 0 : 1;
}

static int help(void)
{
	printf("%s [--seconds N] [--steps N] [--seed N] [--config LIST] [--with LIST]\n"
	       "        [--seed-base N] [--operations N] [--trace | --explain]\n"
	       "tests/model/README.md has the options in LIST.\n",
	       lockstep.program);
	return 0;
}

int main(int argc, char **argv)
{
	const char *config = NULL, *env = getenv("MODEL_STEPS");
	unsigned long long operations = env && *env ? strtoull(env, NULL, 0) : ~0ull;
	double seconds = env && *env ? 1e9 : lockstep.seconds;
	uint64_t seed = env && *env ? (uint64_t)time(NULL) * 1000003u % 1000000000u : 1;
	unsigned steps = 600;
	bool one = false;
	int n;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		return 2;
	for (n = 1; n < argc; n++) {
		const char *value = n + 1 < argc ? argv[n + 1] : "0";

		if (!strcmp(argv[n], "--help"))
			return help();
		if (!strcmp(argv[n], "--trace")) {
			trace = true;
			continue;
		}
		if (!strcmp(argv[n], "--explain")) {
			explain = true;
			continue;
		}
		if (!strcmp(argv[n], "--seed")) {
			seed = strtoull(value, NULL, 0);
			one = true;
		} else if (!strcmp(argv[n], "--steps")) {
			steps = (unsigned)strtoul(value, NULL, 0);
		} else if (!strcmp(argv[n], "--seed-base")) {
			seed = strtoull(value, NULL, 0);
		} else if (!strcmp(argv[n], "--operations")) {
			operations = strtoull(value, NULL, 0);
			seconds = 1e9;
		} else if (!strcmp(argv[n], "--seconds")) {
			seconds = strtod(value, NULL);
		} else if (!strcmp(argv[n], "--with")) {
			with = value;
		} else if (!strcmp(argv[n], "--config")) {
			config = value;
		} else {
			fprintf(stderr, "%s: what is %s?\n", lockstep.program, argv[n]);
			return 2;
		}
		n++;
	}
	if (one)
		return run_one(seed, steps, config);
	if (with || config)
		return run_random_ones(config, seed, steps, seconds, operations);
	return run_all(seconds, steps, operations, seed);
}
