/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The lockstep of library and reference model: random operations, and when something fails, the
 * shortest list of operations that still fails, with the command that plays it again. TAP.
 *
 *	lockstep [--seconds N] [--steps N] [--seed N] [--config LIST] [--with LIST]
 *		[--tolerate BITS] [--seed-base N] [--trace | --explain]
 *
 * --trace prints the whole run and how the vCPUs stand, --explain the same of the shrunk one.
 *
 * Without --seed: seeds from 1 on over a set of configurations, then over random ones, until the
 * seconds are used up: the same runs each time, so that they judge the change and not the day. With
 * MODEL_STEPS in the environment (operations altogether; make test-all) the random ones are new each
 * time. With --seed: that one run. With --config or --with alone: seeds from --seed-base on, with that
 * configuration, or with random ones in which LIST is fixed.
 */
#define _DEFAULT_SOURCE
#include "machine.h"
#include "generate.h"
#include "twin.h"

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
	unsigned long long runs, operations, acks, agains, kicks, late, loads, resets, restores;
	char text[512];
	struct op ops[MAX_OPS];
} * shared;

static struct machine machine, twin; /* twin: if there is to be one */
static bool trace, explain;
static unsigned tolerate;
static const char *with;

/* With --trace: how every vCPU stands after an operation. */
static void trace_state(void)
{
	static const char *const where[] = { "unloaded", "outside", "guest", "blocked" };
	unsigned v, n;

	for (v = 0; trace && v < machine.config.model.vcpus; v++) {
		const struct machine_vcpu *vcpu = &machine.vcpu[v];

		printf("#     vCPU %u %s%s%s%s HCR %#x VMCR %#x MISR %#x RPR %#x:", v,
		       where[vcpu->where], vcpu->kicked ? " kicked" : "",
		       vcpu->waiting ? " waiting" : "",
		       machine.model.pe[v].unsettled ? " unsettled" : "", vcpu->hw->hcr,
		       vcpu->hw->vmcr, cpuif_misr(vcpu->hw), cpuif_rpr(vcpu->hw));
		for (n = 0; n < machine.config.lrs; n++)
			if (vcpu->hw->lr[n])
				printf(" LR%u %#llx", n, (unsigned long long)vcpu->hw->lr[n]);
		printf("\n");
	}
	fflush(stdout);
}

static void failed(const char *text)
{
	trace_state();
	if (trace)
		printf("# FAILED: %s\n", text);
	snprintf(shared->text, sizeof(shared->text), "%s", text);
	fflush(stdout);
	_exit(1);
}

static void trace_op(const struct op *op)
{
	if (!trace)
		return;
	printf("# ");
	machine_print_op(op);
	fflush(stdout);
}

static void account(void)
{
	shared->runs++;
	shared->operations += shared->count;
	shared->acks += machine.acks;
	shared->agains += machine.agains;
	shared->kicks += machine.kicks;
	shared->late += machine.late;
	shared->loads += machine.loads;
	shared->resets += machine.powered;
	shared->restores += machine.restored;
}

static void begin(const struct machine_config *config)
{
	struct machine_config software = *config;

	machine_init(&machine, config, failed);
	if (!config->twin)
		return;
	software.lrs = 0;
	machine_init(&twin, &software, failed);
	twin_begin(&machine);
	twin_begin(&twin);
}

/* False: no more operations. */
static bool step(const struct op *op)
{
	bool more = true;

	trace_op(op);
	if (machine.config.twin)
		more = twin_do(&machine, &twin, op);
	else
		machine_do(&machine, op);
	trace_state();
	return more;
}

static void end(void)
{
	machine_finish(&machine);
	machine_free(&machine);
	if (!machine.config.twin)
		return;
	machine_finish(&twin);
	machine_free(&twin);
}

/* One machine's life with operations as they are generated; they are left in `shared`. */
static void run_random(const struct machine_config *config, uint64_t seed, unsigned steps)
{
	struct generator g;
	bool more = true;

	shared->config = *config;
	shared->seed = seed;
	shared->count = 0;
	begin(config);
	generate_begin(&g, &machine, seed);
	while (more && shared->count < steps && shared->count < MAX_OPS) {
		struct op *op = &shared->ops[shared->count];

		*op = generate(&g);
		shared->count++;
		more = step(op);
	}
	end();
	account();
}

static void run_list(const struct op *ops, unsigned count)
{
	unsigned n;

	begin(&shared->config);
	for (n = 0; n < count && step(&ops[n]); n++)
		;
	end();
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
	printf("# play it again: build/tests/model/lockstep --seed %llu --steps %u --config %s\n",
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
			any.tolerate |= tolerate;
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
	{ "one_vcpu_one_list_register", "vcpus=1,spis=16,lrs=1,eoimode1=1" },
	{ "one_vcpu_mapped", "vcpus=1,spis=16,mapped=6,soft=2,lines=1,eoimode1=1" },
	{ "two_vcpus", "vcpus=2,spis=8" },
	{ "two_vcpus_mapped_strict_eoi",
	  "vcpus=2,spis=8,lrs=2,mapped=4,strict=1,refill=1,notify=1" },
	{ "four_vcpus_clusters_of_one",
	  "vcpus=4,spis=40,lrs=3,pri=6,pre=6,cluster=0,mapped=8,eoimode1=1" },
	{ "three_vcpus_300_spis",
	  "vcpus=3,spis=300,lrs=16,pri=7,pre=7,cluster=1,mapped=16,refill=1" },
	{ "four_vcpus_one_list_register",
	  "vcpus=4,spis=33,lrs=1,pri=8,pre=6,mapped=4,last=1,eoimode1=1" },
	{ "extended_ranges",
	  "vcpus=3,spis=8,espis=40,eppis=64,region=2,mapped=4,soft=1,eoimode1=1,notify=1" },
	{ "software_cpu_interface",
	  "vcpus=3,spis=16,lrs=0,pri=8,pre=7,mapped=6,soft=2,eoimode1=1,notify=1" },
	{ "twins", "vcpus=2,spis=16,lrs=2,eoimode1=1,twin=1" },
	{ "gicv2_one_vcpu", "version=2,vcpus=1,spis=16,lrs=2,mapped=2,eoimode1=1" },
	{ "gicv2_four_vcpus", "version=2,vcpus=4,spis=16,mapped=6,soft=1,eoimode1=1,refill=1" },
	{ "gicv2_eight_vcpus", "version=2,vcpus=8,spis=33,notify=1,strict=1" },
	{ "gicv2_software_cpu_interface", "version=2,vcpus=3,spis=16,lrs=0,mapped=4,eoimode1=1" },
	{ "three_vcpus_on_one_cpu", "vcpus=3,cpus=1,lrs=2,mapped=4,eoimode1=1" },
	{ "whole_four_vcpus_on_two_cpus",
	  "vcpus=4,cpus=2,mapped=6,soft=1,eoimode1=1,notify=1,whole=1" },
	{ "whole_one_list_register", "vcpus=2,lrs=1,pri=7,pre=7,eoimode1=1,whole=1" },
	{ "whole_gicv2", "version=2,vcpus=3,cpus=2,lrs=2,mapped=4,eoimode1=1,whole=1" },
	{ "gicv2_twins", "version=2,vcpus=3,spis=16,lrs=2,eoimode1=1,twin=1" },
};

#define FIXED (sizeof(fixed) / sizeof(fixed[0]))

static void print_account(void)
{
	printf("# %llu runs: %llu acknowledges (%llu with a kick under way), %llu AGAINs, %llu kicks,"
	       " %llu loads, %llu resets, %llu restores\n",
	       shared->runs, shared->acks, shared->late, shared->agains, shared->kicks,
	       shared->loads, shared->resets, shared->restores);
}

static void run_all(double seconds, unsigned steps, unsigned long long operations, uint64_t seed)
{
	double each = seconds / (FIXED + 3);
	unsigned n;
	int bad = 0;

	printf("1..%zu\n", FIXED + 1);
	for (n = 0; n < FIXED; n++) {
		struct machine_config config;
		bool ok;

		shared->operations = 0;
		generate_parse_config(fixed[n].config, &config);
		config.tolerate |= tolerate;
		ok = batch(&config, 1, steps, each, operations / (FIXED + 3));
		printf("%sok %u - %s\n", ok ? "" : "not ", n + 1, fixed[n].name);
		bad += !ok;
	}
	printf("# random configurations from seed %llu on\n", (unsigned long long)seed);
	shared->operations = 0;
	if (!batch(NULL, seed, steps, 3 * each, operations / (FIXED + 3) * 3)) {
		printf("not ");
		bad++;
	}
	printf("ok %zu - random_configurations\n", FIXED + 1);
	print_account();
	exit(bad != 0);
}

/* Random configurations, or one of them, for as long as asked. */
static int run_random_ones(const char *text, uint64_t seed, unsigned steps, double seconds)
{
	struct machine_config config;
	bool ok = true;

	if (text && !generate_parse_config(text, &config)) {
		fprintf(stderr, "lockstep: cannot read --config %s\n", text);
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

	if (text && !generate_parse_config(text, &config)) {
		fprintf(stderr, "lockstep: cannot read --config %s\n", text);
		return 2;
	}
	printf("1..1\n");
	if (trace)
		run_random(&config, seed, steps);
	else if (!batch(&config, seed, steps, 0, 1))
		printf("not ");
	printf("ok 1 - seed_%llu\n", (unsigned long long)seed);
	return 0;
}

static int help(void)
{
	printf("lockstep [--seconds N] [--steps N] [--seed N] [--config LIST] [--with LIST]\n"
	       "         [--tolerate BITS] [--seed-base N] [--trace | --explain]\n"
	       "tests/model/README.md has the options in LIST.\n");
	return 0;
}

int main(int argc, char **argv)
{
	const char *config = NULL, *env = getenv("MODEL_STEPS");
	unsigned long long operations = env && *env ? strtoull(env, NULL, 0) : ~0ull;
	double seconds = env && *env ? 1e9 : 12;
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
		} else if (!strcmp(argv[n], "--tolerate")) {
			tolerate = (unsigned)strtoul(value, NULL, 0);
		} else if (!strcmp(argv[n], "--seconds")) {
			seconds = strtod(value, NULL);
		} else if (!strcmp(argv[n], "--with")) {
			with = value;
		} else if (!strcmp(argv[n], "--config")) {
			config = value;
		} else {
			fprintf(stderr, "lockstep: what is %s?\n", argv[n]);
			return 2;
		}
		n++;
	}
	if (one)
		return run_one(seed, steps, config);
	if (with || config)
		return run_random_ones(config, seed, steps, seconds);
	run_all(seconds, steps, operations, seed);
}
