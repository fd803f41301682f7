/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * A QEMU plugin that counts the instructions of a riscv64 boot, for bench/riscv-boot: those in each
 * range of addresses that it is given, and all others, until the first one of user space, and until
 * the machine goes off. One hart only. Arguments: out=FILE, then NAME=FROM-TO for each range, and
 * ram=FROM-TO, outside of which there is only user space, the kernel's half and the boot ROM.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "qemu_plugin.h"

int qemu_plugin_version = 2;

struct range {
	const char *name;
	uint64_t from, to;
	uint64_t count, count_to_user;
};

#define RANGES_MAX 8

static struct range ranges[RANGES_MAX] = { { .name = "other" } };
static unsigned range_count = 1;
static struct range ram = { .name = "ram" };
static const char *output;
static bool in_user;

static void executed(unsigned vcpu, void *data)
{
	struct range *range = data;

	(void)vcpu;
	range->count++;
}

static void first_of_user(unsigned vcpu, void *data)
{
	(void)vcpu;
	(void)data;
	if (in_user)
		return;
	in_user = true;
	for (unsigned i = 0; i < range_count; i++)
		ranges[i].count_to_user = ranges[i].count;
}

static bool is_in(const struct range *range, uint64_t address)
{
	return address >= range->from && address < range->to;
}

static bool is_user(uint64_t address)
{
	return !(address >> 63) && address >= 0x2000 && !is_in(&ram, address);
}

static struct range *range_of(uint64_t address)
{
	for (unsigned i = 1; i < range_count; i++) {
		if (is_in(&ranges[i], address))
			return &ranges[i];
	}
	return &ranges[0];
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb);

	(void)id;
	for (size_t i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uint64_t address = qemu_plugin_insn_vaddr(insn);

		if (is_user(address))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, first_of_user, 0, NULL);
		qemu_plugin_register_vcpu_insn_exec_cb(insn, executed, 0, range_of(address));
	}
}

static void ended(qemu_plugin_id_t id, void *data)
{
	FILE *file = fopen(output, "w");

	(void)id;
	(void)data;
	if (!file) {
		perror(output);
		return;
	}
	for (unsigned i = 0; i < range_count; i++)
		fprintf(file, "%s %llu %llu\n", ranges[i].name,
			(unsigned long long)ranges[i].count_to_user,
			(unsigned long long)ranges[i].count);
	fclose(file);
}

/* NAME=FROM-TO, which is taken apart in place. */
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
		if (strncmp(argv[i], "out=", 4) == 0) {
			output = strdup(argv[i] + 4);
		} else if (strncmp(argv[i], "ram=", 4) == 0) {
			if (!read_range(strdup(argv[i]), &ram))
				return -1;
		} else if (range_count == RANGES_MAX ||
			   !read_range(strdup(argv[i]), &ranges[range_count++])) {
			return -1;
		}
	}
	if (!output || !ram.to)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, ended, NULL);
	return 0;
}
