/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The lockstep of lib/vhart and lib/vclint with the reference model: random operations, and when
 * something fails, the shortest list of operations that still fails, with the command that plays it
 * again. TAP.
 *
 *	riscv-lockstep [--seconds N] [--steps N] [--seed N] [--config LIST] [--with LIST]
 *		[--seed-base N] [--trace]
 *
 * As tests/model/lockstep.c: without --seed, seeds from 1 on over a set of configurations, then over
 * random ones, until the seconds are used up; with MODEL_STEPS in the environment (operations
 * altogether) the random ones are new each time; with --seed that one run; with --config or --with
 * seeds from --seed-base on. The options in LIST are tests/model/README.md's.
 */
#define _DEFAULT_SOURCE
#include "generate.h"

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
	unsigned long long runs, operations, taken, traps, kicks, expired, restored, illegal;
	char text[512];
	struct op ops[MAX_OPS];
} * shared;

static struct machine machine;
static bool trace;
static const char *with;

static void failed(const char *text)
{
	if (trace)
		printf("# FAILED: %s\n", text);
	snprintf(shared->text, sizeof(shared->text), "%s", text);
	fflush(stdout);
	_exit(1);
}

static void step(const struct op *op)
{
	if (trace) {
		printf("# ");
		machine_print_op(op);
		fflush(stdout);
	}
	machine_do(&machine, op);
}

static void account(void)
{
	shared->runs++;
	shared->operations += shared->count;
	shared->taken += machine.taken;
	shared->traps += machine.traps;
	shared->kicks += machine.kicks;
	shared->expired += machine.expired;
	shared->restored += machine.restored;
	shared->illegal += machine.illegal;
}

static void run_random(const struct machine_config *config, uint64_t seed, unsigned steps)
{
	struct generator g;

	shared->config = *config;
	shared->seed = seed;
	shared->count = 0;
	machine_init(&machine, config, failed);
	generate_begin(&g, &machine, seed);
	while (shared->count < steps && shared->count < MAX_OPS) {
		struct op *op = &shared->ops[shared->count];

		*op = generate(&g);
		shared->count++;
		step(op);
	}
	machine_free(&machine);
	account();
}

static void run_list(const struct op *ops, unsigned count)
{
	unsigned n;

	machine_init(&machine, &shared->config, failed);
	for (n = 0; n < count; n++)
		step(&ops[n]);
	machine_free(&machine);
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
	printf("# play it again: build/tests/model/riscv-lockstep --seed %llu --steps %u --config %s\n",
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
	list_passes(ops, count, complaint);
	printf("# shrunk to %u operations: %s\n", count, shared->text[0] ? shared->text : "crash");
	for (n = 0; n < count; n++) {
		printf("#   ");
		machine_print_op(&ops[n]);
	}
}

/* Runs in a process of their own, until `seconds` or `operations` are used up. */
static bool batch(const struct machine_config *config, uint64_t seed, unsigned steps,
		  double seconds, unsigned long long operations)
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
		} while (shared->operations < operations &&
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

static const struct {
	const char *name, *config;
} fixed[] = {
	{ "emulator_one_hart", "harts=1" },
	{ "emulator_with_everything", "harts=2,h=1,v=1,sstc=1,lcofi=1,grain=2,zkr=1" },
	{ "emulator_without_s", "harts=2,s=0,f=0,c=0,pmps=8" },
	{ "emulator_1_10", "harts=2,old=1,time=0,pmps=8" },
	{ "native_rv64", "harts=2,native=1,h=1,v=1,sstc=1,lcofi=1,forced=0,layout=1,zkr=1" },
	{ "native_u54", "harts=4,native=1,old=1,pmps=8,settime=1" },
	{ "native_hardwired_delegation", "harts=1,native=1,forced=1,lcofi=1,grain=10" },
	{ "native_e51", "harts=2,native=1,s=0,f=0,old=1,pmps=8" },
	{ "aclint_of_two_sockets", "harts=5,layout=2,settime=1" },
	{ "aclint_without_mtime", "harts=3,layout=3,pmps=0" },
};

#define FIXED (sizeof(fixed) / sizeof(fixed[0]))

static void print_account(void)
{
	printf("# %llu runs, %llu operations: %llu interrupts, %llu traps (%llu illegal), %llu kicks,"
	       " %llu timer interrupts, %llu restores\n",
	       shared->runs, shared->operations, shared->taken, shared->traps, shared->illegal,
	       shared->kicks, shared->expired, shared->restored);
}

static int run_all(double seconds, unsigned steps, unsigned long long operations, uint64_t seed)
{
	double each = seconds / (FIXED + 5);
	unsigned n;
	int bad = 0;

	printf("1..%zu\n", FIXED + 1);
	for (n = 0; n < FIXED; n++) {
		struct machine_config config;
		unsigned long long until = shared->operations + operations / (FIXED + 5);
		bool ok;

		generate_parse_config(fixed[n].config, &config);
		ok = batch(&config, 1, steps, each, operations == ~0ull ? operations : until);
		printf("%sok %u - %s\n", ok ? "" : "not ", n + 1, fixed[n].name);
		bad += !ok;
	}
	printf("# random configurations from seed %llu on\n", (unsigned long long)seed);
	if (!batch(NULL, seed, steps, 5 * each, operations)) {
		printf("not ");
		bad++;
	}
	printf("ok %zu - random_configurations\n", FIXED + 1);
	print_account();
	return bad != 0;
}

/* Random configurations, or one of them, for as long as asked. */
static int run_random_ones(const char *text, uint64_t seed, unsigned steps, double seconds)
{
	struct machine_config config;
	bool ok;

	if (text && !generate_parse_config(text, &config)) {
		fprintf(stderr, "riscv-lockstep: cannot read --config %s\n", text);
		return 2;
	}
	printf("1..1\n");
	ok = batch(text ? &config : NULL, seed, steps, seconds, ~0ull);
	printf("%sok 1 - seeds_from_%llu\n", ok ? "" : "not ", (unsigned long long)seed);
	print_account();
	return ok ? 0 : 1;
}

static int run_one(uint64_t seed, unsigned steps, const char *text)
{
	struct machine_config config = generate_config(seed);
	bool ok = true;

	if (text && !generate_parse_config(text, &config)) {
		fprintf(stderr, "riscv-lockstep: cannot read --config %s\n", text);
		return 2;
	}
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
	printf("riscv-lockstep [--seconds N] [--steps N] [--seed N] [--config LIST] [--with LIST]\n"
	       "               [--seed-base N] [--trace]\n"
	       "tests/model/README.md has the options in LIST.\n");
	return 0;
}

int main(int argc, char **argv)
{
	const char *config = NULL, *env = getenv("MODEL_STEPS");
	unsigned long long operations = env && *env ? strtoull(env, NULL, 0) : ~0ull;
	double seconds = env && *env ? 1e9 : 5;
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
		if (!strcmp(argv[n], "--seed")) {
			seed = strtoull(value, NULL, 0);
			one = true;
		} else if (!strcmp(argv[n], "--steps")) {
			steps = (unsigned)strtoul(value, NULL, 0);
		} else if (!strcmp(argv[n], "--seed-base")) {
			seed = strtoull(value, NULL, 0);
		} else if (!strcmp(argv[n], "--seconds")) {
			seconds = strtod(value, NULL);
		} else if (!strcmp(argv[n], "--with")) {
			with = value;
		} else if (!strcmp(argv[n], "--config")) {
			config = value;
		} else {
			fprintf(stderr, "riscv-lockstep: what is %s?\n", argv[n]);
			return 2;
		}
		n++;
	}
	if (one)
		return run_one(seed, steps, config);
	if (with || config)
		return run_random_ones(config, seed, steps, seconds);
	return run_all(seconds, steps, operations, seed);
}
