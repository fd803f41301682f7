/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The lockstep of ITSs and LPIs with their model: random operations; when something fails, the shortest
 * list of operations that still fails, with the command that plays it again. TAP.
 *
 *	its-lockstep [--seconds N] [--operations N] [--steps N] [--seed N] [--seed-base N]
 *		[--config LIST] [--with LIST] [--trace | --explain]
 *
 * --list FILE: the shrunk operations go there, --play FILE plays such a list. --trace prints the whole run and how things stand, --explain the same of the shrunk one.
 *
 * Without --seed: seeds from --seed-base (1) on, over a set of configurations and then over random ones, until
 * seconds or operations are used up. With --seed: that one run. --config: that configuration (README.md);
 * --with: random ones of which LIST is fixed. MODEL_STEPS in the environment: as --operations, with new seeds.
 */
#define _DEFAULT_SOURCE
#include "generate.h"

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
#define SHRINK_TRIES   6000u

/* Shared with the processes that run the machines, so that it survives their crash. */
static struct shared {
	struct config config;
	uint64_t seed;
	unsigned count;
	unsigned long long runs, operations, acks, lpis, commands, errors, messages, agains, saves,
		resets, vlpis;
	char text[512];
	struct op ops[MAX_OPS];
} * shared;

static struct machine machine;
static bool trace, explain;
static const char *with, *list;

/* With --trace: how everything stands after an operation. */
static void trace_state(void)
{
	static const char *const where[] = { "unloaded", "outside", "guest", "blocked" };
	const struct model *m = &machine.model;
	unsigned v, n, at;

	for (v = 0; v < machine.config.vcpus; v++) {
		const struct vcpu *vcpu = &machine.vcpu[v];

		printf("#     vCPU %u %s%s%s%s%s:", v, where[vcpu->where],
		       vcpu->kicked ? " kicked" : "", vcpu->waiting ? " waiting" : "",
		       m->pe[v].unsettled ? " unsettled" : "",
		       m->pe[v].enabled ? "" : " EnableLPIs=0");
		for (n = 0; n < machine.config.lrs; n++)
			if (vcpu->hw.lr[n])
				printf(" LR%u %#llx", n, (unsigned long long)vcpu->hw.lr[n]);
		printf("\n");
	}
	for (n = 0; n < LPIS; n++)
		if (m->irq[n].may != 1) {
			bool is = vgic_lpi_is_pending(machine.vgic, model_intid(n), &at);

			printf("#     %u may be at %#x, and is at %#x\n", model_intid(n),
			       m->irq[n].may, is ? 2u << at : 1u);
		}
	fflush(stdout);
}

static void failed(const char *text)
{
	if (trace)
		trace_state();
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
	if (trace)
		trace_state();
}

static void end(void)
{
	machine_finish(&machine);
	machine_free(&machine);
}

static void account(void)
{
	shared->runs++;
	shared->operations += shared->count;
	shared->acks += machine.acks;
	shared->lpis += machine.lpis;
	shared->commands += machine.commands;
	shared->errors += machine.errors;
	shared->messages += machine.messages;
	shared->agains += machine.agains;
	shared->saves += machine.saves;
	shared->resets += machine.resets;
	shared->vlpis += machine.vlpis;
}

static void run_random(const struct config *config, uint64_t seed, unsigned steps)
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
	end();
	account();
}

static void run_list(const struct op *ops, unsigned count)
{
	unsigned n;

	machine_init(&machine, &shared->config, failed);
	for (n = 0; n < count; n++)
		step(&ops[n]);
	end();
}

/* Operations as --list prints them: kind, vCPU, n, a, b, the four words. */
static unsigned read_list(const char *name)
{
	FILE *file = fopen(name, "r");
	unsigned count = 0, kind, vcpu, n;
	struct op *op = shared->ops;

	while (file && count < MAX_OPS &&
	       fscanf(file, "%x %x %x %x %x %lx %lx %lx %lx", &kind, &vcpu, &n, &op->a, &op->b,
		      &op->w[0], &op->w[1], &op->w[2], &op->w[3]) == 9) {
		op->kind = (uint8_t)kind;
		op->vcpu = (uint8_t)vcpu;
		op->n = (uint8_t)n;
		op++;
		count++;
	}
	if (file)
		fclose(file);
	return count;
}

static void write_list(const char *name, const struct op *ops, unsigned count)
{
	FILE *file = fopen(name, "w");
	unsigned n;

	for (n = 0; file && n < count; n++)
		fprintf(file, "%x %x %x %x %x %lx %lx %lx %lx\n", ops[n].kind, ops[n].vcpu,
			ops[n].n, ops[n].a, ops[n].b, ops[n].w[0], ops[n].w[1], ops[n].w[2],
			ops[n].w[3]);
	if (file)
		fclose(file);
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
	printf("# play it again: build/tests/model/its-lockstep --seed %llu --steps %u --config %s\n",
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
	if (list)
		write_list(list, ops, count);
	printf("# shrunk to %u operations: %s\n", count, shared->text[0] ? shared->text : "crash");
	for (n = 0; n < count; n++) {
		printf("#   ");
		machine_print_op(&ops[n]);
	}
}

/* Runs in a process of their own, until `seconds` or `operations` are used up. */
static bool batch(const struct config *config, uint64_t seed, unsigned steps, double seconds,
		  unsigned long long operations)
{
	struct timespec start, now;
	pid_t child;

	shared->text[0] = 0;
	fflush(stdout);
	child = fork();
	if (child == 0) {
		clock_gettime(CLOCK_MONOTONIC, &start);
		do {
			struct config any = config ? *config : generate_config(seed);

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
	{ "one_vcpu", "vcpus=1" },
	{ "two_vcpus_everybody_comes_at_once", "vcpus=2,prompt=1" },
	{ "two_vcpus_one_list_register", "vcpus=2,lrs=1,spis=3" },
	{ "four_vcpus_two_itses", "vcpus=4,itses=2,device_bits=20,indirect=1,refill=1" },
	{ "eight_vcpus_pta", "vcpus=8,pta=1,page=2,indirect=1,priority_bits=7,preemption_bits=6" },
	{ "software_cpu_interface", "vcpus=3,lrs=0,spis=2,whole=1,priority_bits=8" },
	{ "eoimode_1", "vcpus=2,lrs=2,spis=4,eoimode1=1,page=1" },
	{ "whole", "vcpus=2,itses=2,whole=1,lpi_bits=5,holes=1" },
	{ "forwarding", "vcpus=3,routes=6,prompt=1" },
	{ "forwarding_late", "vcpus=2,routes=4" },
	{ "wild", "vcpus=2,itses=2,wild=1,indirect=1,device_bits=32,event_bits=32" },
	{ "1024_lpis", "vcpus=2,lpi_bits=10,event_bits=16,collection_bits=16" },
};

#define FIXED (sizeof(fixed) / sizeof(fixed[0]))

static void print_account(void)
{
	printf("# %llu runs, %llu operations: %llu commands (%llu errors), %llu messages,"
	       " %llu acknowledges (%llu LPIs), %llu vLPIs, %llu AGAINs, %llu saves, %llu resets\n",
	       shared->runs, shared->operations, shared->commands, shared->errors, shared->messages,
	       shared->acks, shared->lpis, shared->vlpis, shared->agains, shared->saves,
	       shared->resets);
}

static int run_all(double seconds, unsigned steps, unsigned long long operations, uint64_t seed)
{
	double each = seconds / (FIXED + 3);
	unsigned long long done = 0, share = operations / (FIXED + 3);
	unsigned n;
	int bad = 0;

	printf("1..%zu\n", FIXED + 1);
	for (n = 0; n < FIXED; n++) {
		struct config config;
		bool ok;

		generate_parse_config(fixed[n].config, &config);
		ok = batch(&config, seed, steps, each, done += share);
		printf("%sok %u - %s\n", ok ? "" : "not ", n + 1, fixed[n].name);
		bad += !ok;
	}
	printf("# random configurations from seed %llu on\n", (unsigned long long)seed);
	if (!batch(NULL, seed, steps, 3 * each, operations)) {
		printf("not ");
		bad++;
	}
	printf("ok %zu - random_configurations\n", FIXED + 1);
	print_account();
	return bad != 0;
}

static int run_some(const char *text, uint64_t seed, unsigned steps, double seconds,
		    unsigned long long operations)
{
	struct config config;
	bool ok = true;

	if (text && !generate_parse_config(text, &config)) {
		fprintf(stderr, "its-lockstep: cannot read --config %s\n", text);
		return 2;
	}
	printf("1..1\n");
	if (trace)
		run_random(text ? &config : &(struct config){ 0 }, seed, steps);
	else
		ok = batch(text ? &config : NULL, seed, steps, seconds, operations);
	printf("%sok 1 - seeds_from_%llu\n", ok ? "" : "not ", (unsigned long long)seed);
	print_account();
	return ok ? 0 : 1;
}

static int help(void)
{
	printf("its-lockstep [--seconds N] [--operations N] [--steps N] [--seed N] [--seed-base N]\n"
	       "             [--config LIST] [--with LIST] [--trace | --explain]\n"
	       "tests/model/its/README.md has the options in LIST.\n");
	return 0;
}

int main(int argc, char **argv)
{
	const char *config = NULL, *play = NULL, *env = getenv("MODEL_STEPS");
	unsigned long long operations = env && *env ? strtoull(env, NULL, 0) : ~0ull;
	double seconds = env && *env ? 1e9 : 8;
	uint64_t seed = env && *env ? (uint64_t)time(NULL) * 1000003u % 1000000000u : 1;
	unsigned steps = 500;
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
		if (!strcmp(argv[n], "--list")) {
			list = value;
		} else if (!strcmp(argv[n], "--play")) {
			play = value;
		} else if (!strcmp(argv[n], "--seed")) {
			seed = strtoull(value, NULL, 0);
			one = true;
		} else if (!strcmp(argv[n], "--steps")) {
			steps = (unsigned)strtoul(value, NULL, 0);
		} else if (!strcmp(argv[n], "--operations")) {
			operations = strtoull(value, NULL, 0);
			seconds = 1e9;
		} else if (!strcmp(argv[n], "--seed-base")) {
			seed = strtoull(value, NULL, 0);
		} else if (!strcmp(argv[n], "--seconds")) {
			seconds = strtod(value, NULL);
		} else if (!strcmp(argv[n], "--with")) {
			with = value;
		} else if (!strcmp(argv[n], "--config")) {
			config = value;
		} else {
			fprintf(stderr, "its-lockstep: what is %s?\n", argv[n]);
			return 2;
		}
		n++;
	}
	if (play) {
		generate_parse_config(config ? config : "", &shared->config);
		trace = true;
		run_list(shared->ops, read_list(play));
		return 0;
	}
	if (one)
		return run_some(config, seed, steps, 0, 1);
	if (with || config)
		return run_some(config, seed, steps, seconds, operations);
	return run_all(seconds, steps, operations, seed);
}
