/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * A QEMU plugin that counts the monitor's instructions for a message from one hart to another that sleeps,
 * for bench/riscv64: those of the trap that the sender's store is, and those of the other hart from when it
 * wakes until its firmware's handler begins. What the sender does after its store does not count. Harts take
 * turns (-icount), so all that is executed is one sequence.
 * Arguments: out=FILE monitor=FROM-TO sent=ADDRESS (the store) awake=ADDRESS (where a hart that slept goes
 * on) taken=ADDRESS (the handler).
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "qemu_plugin.h"

int qemu_plugin_version = 2;

static uint64_t from, to, sent, awake, taken;
static const char *output;

static enum { IDLE, SENDING, SENT, TAKING } state;
static unsigned long span, spans, total;

static void on_sent(unsigned vcpu, void *data)
{
	(void)vcpu, (void)data;
	state = SENDING;
	span = 0;
}

static void on_awake(unsigned vcpu, void *data)
{
	(void)vcpu, (void)data;
	if (state == SENT)
		state = TAKING;
}

static void on_taken(unsigned vcpu, void *data)
{
	(void)vcpu, (void)data;
	if (state == TAKING) {
		total += span;
		spans++;
	}
	state = IDLE;
}

static void in_monitor(unsigned vcpu, void *data)
{
	(void)vcpu, (void)data;
	if (state == SENDING || state == TAKING)
		span++;
}

static void in_guest(unsigned vcpu, void *data)
{
	(void)vcpu, (void)data;
	if (state == SENDING && span)
		state = SENT;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb);

	(void)id;
	for (size_t i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uint64_t address = qemu_plugin_insn_vaddr(insn);
		bool monitor = address >= from && address < to;

		if (address == awake)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, on_awake, 0, NULL);
		if (address == taken)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, on_taken, 0, NULL);
		qemu_plugin_register_vcpu_insn_exec_cb(insn, monitor ? in_monitor : in_guest, 0,
						       NULL);
		if (address == sent)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, on_sent, 0, NULL);
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
	fprintf(file, "msip_other %lu %lu\n", spans, total);
	fclose(file);
}

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc, char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++) {
		char *value = strchr(argv[i], '='), *end;

		if (!value)
			return -1;
		*value++ = '\0';
		if (!strcmp(argv[i], "out")) {
			output = value;
			continue;
		}
		uint64_t number = strtoull(value, &end, 0);

		if (!strcmp(argv[i], "monitor") && *end == '-') {
			from = number;
			to = strtoull(end + 1, NULL, 0);
		} else if (!strcmp(argv[i], "sent")) {
			sent = number;
		} else if (!strcmp(argv[i], "awake")) {
			awake = number;
		} else if (!strcmp(argv[i], "taken")) {
			taken = number;
		} else {
			return -1;
		}
	}
	if (!output || !to || !sent || !awake || !taken)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, ended, NULL);
	return 0;
}
