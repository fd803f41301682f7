/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The command line; see shell.h. Every answer is a line of its own, and says what to do about it.
 */
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include "console.h"
#include "control.h"
#include "mux.h"
#include "shell.h"

#define WORDS 3 /* of the longest command */

/* What an argument names. OPTIONAL: it may be left out. */
enum argument { ARGUMENT_NONE, ARGUMENT_VM, ARGUMENT_VCPU, ARGUMENT_CPU };

#define OPTIONAL 8u

struct command {
	const char *name, *arguments, *help;
	unsigned argument[WORDS - 1]; /* enum argument, with OPTIONAL */
	/* Arguments as numbers, -1 for one that was left out. */
	void (*run)(const int *value);
};

/* What comes after this command: back to a guest, or a question. */
static bool leaving;
static const char *next_prompt;

static const char quit_prompt[] = "Power the machine off, with all VMs? Type yes: ";

static void help(const int *value);

static void vms(const int *value)
{
	(void)value;
	control_print_vms();
}

static void vcpus(const int *value)
{
	control_print_vcpus((unsigned)value[0]);
}

static void irqs(const int *value)
{
	control_print_irqs((unsigned)value[0], value[1]);
}

static void stats(const int *value)
{
	(void)value;
	control_print_stats();
}

static void trace_of(const int *value)
{
	control_print_trace(value[0]);
}

static void change(int vm, const char *verb, const char *done,
		   int (*function)(unsigned vm, const char **why))
{
	const char *why = "no reason given";
	const char *name = control_vm_name((unsigned)vm);

	if (function((unsigned)vm, &why))
		print("cannot %s %s: %s\n", verb, name, why);
	else
		print("%s: %s\n", name, done);
}

static void pause_vm(const int *value)
{
	change(value[0], "pause", "paused", control_pause);
}

static void resume_vm(const int *value)
{
	change(value[0], "resume", "resumed", control_resume);
}

static void reset_vm(const int *value)
{
	change(value[0], "reset", "reset", control_reset);
}

static void destroy_vm(const int *value)
{
	change(value[0], "destroy", "destroyed", control_destroy);
}

static void save_vm(const int *value)
{
	change(value[0], "save", "saved", control_save);
}

static void restore_vm(const int *value)
{
	change(value[0], "restore", "restored", control_restore);
}

static void direct_vm(const int *value)
{
	change(value[0], "have hardware deliver messages to", "messages are delivered by hardware",
	       control_direct);
}

static void software_vm(const int *value)
{
	change(value[0], "have software deliver messages to", "messages are delivered by software",
	       control_software);
}

static void nmi(const int *value)
{
	const char *why = "no reason given";
	const char *name = control_vm_name((unsigned)value[0]);

	if (control_nmi((unsigned)value[0], value[1], &why) != 0)
		print("cannot signal %s: %s\n", name, why);
	else
		print("%s: event 0 is signalled\n", name);
}

static void guest(const int *value)
{
	if (value[0] >= 0 && !mux_focus((unsigned)value[0])) {
		print("%s has no console here: it was given 'passed' or 'none'\n",
		      control_vm_name((unsigned)value[0]));
		return;
	}
	if (mux_focused() < 0) {
		print("there is no guest with a console here; 'vms' lists what there is\n");
		return;
	}
	leaving = true;
}

static void quit(const int *value)
{
	(void)value;
	next_prompt = quit_prompt;
}

static const struct command table[] = {
	{ "help", "", "this list", { 0 }, help },
	{ "vms", "", "the VMs: number, name, state", { 0 }, vms },
	{ "vcpus", "VM", "its vCPUs and what they do", { ARGUMENT_VM }, vcpus },
	{ "irqs", "VM [VCPU]", "its interrupts", { ARGUMENT_VM, ARGUMENT_VCPU | OPTIONAL }, irqs },
	{ "stats", "", "exits and interrupts of each vCPU", { 0 }, stats },
	{ "pause", "VM", "stop running it", { ARGUMENT_VM }, pause_vm },
	{ "resume", "VM", "run it again", { ARGUMENT_VM }, resume_vm },
	{ "reset", "VM", "start it anew", { ARGUMENT_VM }, reset_vm },
	{ "destroy", "VM", "end it for good", { ARGUMENT_VM }, destroy_vm },
	{ "save", "VM", "keep its state in memory", { ARGUMENT_VM }, save_vm },
	{ "restore", "VM", "put it back to the state that was saved", { ARGUMENT_VM }, restore_vm },
	{ "direct",
	  "VM",
	  "have hardware deliver its messages (GICv4)",
	  { ARGUMENT_VM },
	  direct_vm },
	{ "software", "VM", "have software deliver them", { ARGUMENT_VM }, software_vm },
	{ "nmi",
	  "VM [VCPU]",
	  "signal SDEI event 0 to it, whatever it has masked",
	  { ARGUMENT_VM, ARGUMENT_VCPU | OPTIONAL },
	  nmi },
	{ "guest", "[VM]", "back to a guest's console", { ARGUMENT_VM | OPTIONAL }, guest },
	{ "trace", "[CPU]", "what happened last on a CPU", { ARGUMENT_CPU | OPTIONAL }, trace_of },
	{ "quit", "", "power the machine off", { 0 }, quit },
};

#define COMMANDS (sizeof(table) / sizeof(table[0]))

static void help(const int *value)
{
	unsigned i;

	(void)value;
	for (i = 0; i < COMMANDS; i++)
		print("  %-8s%-10s %s\n", table[i].name, table[i].arguments, table[i].help);
	print("A VM is named by its name or its number. An empty line goes back to the guest.\n");
}

/* Decimal, below `limit`; or -1. */
static int number(const char *text, unsigned limit)
{
	unsigned value = 0;

	if (!*text)
		return -1;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		value = value * 10 + (unsigned)(*text - '0');
		if (value >= limit)
			return -1;
	}
	return (int)value;
}

/* A name goes before a number, should a VM be called like one. */
static int vm_of(const char *word)
{
	unsigned i;
	int vm;

	for (i = 0; i < control_vms(); i++) {
		if (strcmp(control_vm_name(i), word) == 0)
			return (int)i;
	}
	vm = number(word, control_vms());
	if (vm < 0)
		print("there is no VM '%s'; 'vms' lists what there is\n", word);
	return vm;
}

static int below(const char *word, unsigned limit, const char *what)
{
	int value = number(word, limit);

	if (value >= 0)
		return value;
	if (limit)
		print("there is no %s '%s'; they go from 0 to %u\n", what, word, limit - 1);
	else
		print("there is no %s '%s', nor any other\n", what, word);
	return -1;
}

/* `vm` is what came before it. */
static int value_of(enum argument argument, const char *word, int vm)
{
	switch (argument) {
	case ARGUMENT_VM:
		return vm_of(word);
	case ARGUMENT_VCPU:
		return below(word, control_vm_vcpus((unsigned)vm), "vCPU");
	default:
		return below(word, control_cpus(), "CPU");
	}
}

static void usage(const char *problem, const struct command *command)
{
	print("%s: %s; usage: %s%s%s\n", command->name, problem, command->name,
	      *command->arguments ? " " : "", command->arguments);
}

/* `word`: what was typed behind the name, NULL where nothing was. */
static void run(const struct command *command, char *const *word)
{
	int value[WORDS - 1] = { -1, -1 };
	unsigned i;

	for (i = 0; i < WORDS - 1; i++) {
		unsigned argument = command->argument[i];

		if (!word[i] && argument && !(argument & OPTIONAL)) {
			usage("an argument is missing", command);
			return;
		}
		if (word[i] && !argument) {
			usage("too many arguments", command);
			return;
		}
		if (!word[i])
			break;
		value[i] = value_of((enum argument)(argument & ~OPTIONAL), word[i], value[0]);
		if (value[i] < 0)
			return;
	}
	if (i == WORDS - 1 && word[i]) {
		usage("too many arguments", command);
		return;
	}
	command->run(value);
}

/* Cuts `line` into words; one more than any command has tells that there are too many. */
static void split(char *line, char **word)
{
	unsigned count = 0;

	while (count < WORDS + 1) {
		line += strspn(line, " \t");
		if (!*line)
			break;
		word[count++] = line;
		line += strcspn(line, " \t");
		if (*line)
			*line++ = '\0';
	}
}

static void carry_out(char **word)
{
	unsigned i;

	for (i = 0; i < COMMANDS; i++) {
		if (strcmp(table[i].name, word[0]) == 0) {
			run(&table[i], word + 1);
			return;
		}
	}
	print("there is no command '%s'; 'help' lists them\n", word[0]);
}

static void answer(char **word)
{
	if (word[0] && !word[1] && strcmp(word[0], "yes") == 0)
		control_quit();
	else
		print("not powered off\n");
}

void shell_run(void)
{
	char line[MUX_COMMAND], *word[WORDS + 1] = { NULL };
	const char *asked, *typed = mux_command(&asked);

	if (!typed)
		return;
	memcpy(line, typed, sizeof(line));
	split(line, word);
	leaving = false;
	next_prompt = MUX_PROMPT;
	if (asked == quit_prompt)
		answer(word);
	else if (word[0])
		carry_out(word);
	else
		leaving = true;
	if (leaving)
		mux_close();
	else
		mux_prompt(next_prompt);
}
