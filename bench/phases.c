/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * A QEMU plugin that counts the monitor's instructions on each hart while hart 0's guest is in a phase, for
 * bench/riscv64-fast: from the first instruction of a loop until the one behind its end. What is between `skip`'s
 * addresses, where a hart of the monitor's waits for another one, does not count.
 * Arguments: out=FILE monitor=FROM-TO skip=FROM-TO, then NAME=FROM-TO for each phase.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "qemu_plugin.h"

int qemu_plugin_version = 2;

#define HARTS_MAX  8
#define PHASES_MAX 16

struct range {
	const char *name;
	uint64_t from, to;
};

struct phase {
	struct range loop;
	unsigned long count[HARTS_MAX]; /* each written by its hart's thread alone */
};

static struct phase phases[PHASES_MAX];
static unsigned phase_count;
static struct range monitor, skip;
static const char *output;
static struct phase
	*volatile now; /* hart 0 writes it; a few instructions early or late do not matter */

static void begins(unsigned vcpu, void *data)
{
	if (vcpu == 0)
		now = data;
}

static void ends(unsigned vcpu, void *data)
{
	(void)data;
	if (vcpu == 0)
		now = NULL;
}

static void in_monitor(unsigned vcpu, void *data)
{
	struct phase *phase = now;

	(void)data;
	if (phase && vcpu < HARTS_MAX)
		phase->count[vcpu]++;
}

static bool is_in(const struct range *range, uint64_t address)
{
	return address >= range->from && address < range->to;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb);

	(void)id;
	for (size_t i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uint64_t address = qemu_plugin_insn_vaddr(insn);

		for (unsigned p = 0; p < phase_count; p++) {
			if (address == phases[p].loop.from)
				qemu_plugin_register_vcpu_insn_exec_cb(insn, begins, 0, &phases[p]);
			if (address == phases[p].loop.to)
				qemu_plugin_register_vcpu_insn_exec_cb(insn, ends, 0, NULL);
		}
		if (is_in(&monitor, address) && !is_in(&skip, address))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, in_monitor, 0, NULL);
	}
}

static void ended(qemu_plugin_id_t id, void *data)
{
	FILE *file = fopen(output, "w");

	(void)id, (void)data;
	if (!file) {
		perror(output);
		return;
	}
	for (unsigned p = 0; p < phase_count; p++) {
		fprintf(file, "%s", phases[p].loop.name);
		for (unsigned i = 0; i < HARTS_MAX; i++)
			fprintf(file, " %lu", phases[p].count[i]);
		fprintf(file, "\n");
	}
	fclose(file);
}

/* NAME=FROM-TO, taken apart in place. */
static bool read_range(char *text, struct range *range)
{
	char *equals = strchr(text, '='), *end;

	if (!equals)
		return false;
	*equals = '\0';
	range->name = text;
	range->from = strtoull(equals + 1, &end, 0);
	if (*end != '-')
		return false;
	range->to = strtoull(end + 1, &end, 0);
	return *end == '\0' && range->to > range->from;
}

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc, char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++) {
		struct range range;

		if (strncmp(argv[i], "out=", 4) == 0) {
			output = strdup(argv[i] + 4);
			continue;
		}
		if (!read_range(strdup(argv[i]), &range))
			return -1;
		if (!strcmp(range.name, "monitor"))
			monitor = range;
		else if (!strcmp(range.name, "skip"))
			skip = range;
		else if (phase_count < PHASES_MAX)
			phases[phase_count++].loop = range;
		else
			return -1;
	}
	if (!output || !monitor.to || !phase_count)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, ended, NULL);
	return 0;
}
