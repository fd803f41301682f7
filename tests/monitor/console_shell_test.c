/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The command line from the keyboard to control.h, which is the test's. docs/console.md says what each
 * command does and answers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "console_uart.h"
#include "console.h"
#include "control.h"
#include "shell.h"
#include "mux.c"

static struct pl011 uart[2];
static bool wanted;
static const char *refusal; /* what control answers, NULL: it does it */
static char called[256];    /* what it was asked to do */
static unsigned vms;

/* --- control.h --- */

static void note(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(called + strlen(called), sizeof(called) - strlen(called), format, arguments);
	va_end(arguments);
}

void shell_wanted(void)
{
	wanted = true;
}

unsigned control_vms(void)
{
	return vms;
}

const char *control_vm_name(unsigned vm)
{
	static const char *const names[] = { "alpha", "beta", "quiet", "0" };

	assert_true(vm < vms);
	return names[vm];
}

unsigned control_vm_vcpus(unsigned vm)
{
	assert_true(vm < vms);
	return vm == 2 ? 0 : 4;
}

unsigned control_cpus(void)
{
	return 2;
}

static int change_vm(const char *verb, unsigned vm, const char **why)
{
	note("%s %u", verb, vm);
	if (!refusal)
		return 0;
	*why = refusal;
	return -1;
}

int control_pause(unsigned vm, const char **why)
{
	return change_vm("pause", vm, why);
}

int control_resume(unsigned vm, const char **why)
{
	return change_vm("resume", vm, why);
}

int control_reset(unsigned vm, const char **why)
{
	return change_vm("reset", vm, why);
}

int control_destroy(unsigned vm, const char **why)
{
	return change_vm("destroy", vm, why);
}

int control_save(unsigned vm, const char **why)
{
	return change_vm("save", vm, why);
}

int control_restore(unsigned vm, const char **why)
{
	return change_vm("restore", vm, why);
}

int control_direct(unsigned vm, const char **why)
{
	return change_vm("direct", vm, why);
}

int control_software(unsigned vm, const char **why)
{
	return change_vm("software", vm, why);
}

int control_nmi(unsigned vm, int vcpu, const char **why)
{
	note("vcpu %d ", vcpu);
	return change_vm("nmi", vm, why);
}

void control_print_vms(void)
{
	note("vms");
}

void control_print_vcpus(unsigned vm)
{
	note("vcpus %u", vm);
}

void control_print_irqs(unsigned vm, int vcpu)
{
	note("irqs %u %d", vm, vcpu);
}

void control_print_stats(void)
{
	note("stats");
}

void control_print_trace(int cpu)
{
	note("trace %d", cpu);
}

void control_quit(void)
{
	note("quit");
}

/* --- The machine. --- */

static void model_line(void *host, bool level)
{
	(void)host;
	(void)level;
}

static bool model_transmit(void *host, uint8_t byte)
{
	return mux_transmit((unsigned)(uintptr_t)host, byte);
}

static void model_drained(void *host)
{
	mux_drained((unsigned)(uintptr_t)host);
}

static const struct pl011_host calls = { model_line, model_transmit, model_drained };

/* VMs 0 and 1 have a console, 2 and 3 have none. */
static void start(unsigned guests)
{
	static __typeof__(mux) fresh;
	static bool saved;

	if (!saved)
		fresh = mux;
	saved = true;
	mux = fresh;
	line_reset();
	wanted = false;
	refusal = NULL;
	called[0] = '\0';
	vms = 4;
	mux_init();
	for (uintptr_t i = 0; i < guests; i++) {
		pl011_init(&uart[i], &calls, (void *)i);
		pl011_enable(&uart[i]);
		mux_add((unsigned)i, control_vm_name((unsigned)i), &uart[i]);
	}
}

static void type_text(const char *text)
{
	for (; *text; text++) {
		line_receives((uint8_t)*text);
		while (line_interrupt() || wanted) {
			mux_interrupt();
			if (wanted) {
				wanted = false;
				shell_run();
			}
		}
	}
}

static void says(const char *text)
{
	line.out[line.out_count] = '\0';
	assert_string_equal(line.out, text);
	line.out_count = 0;
}

/* `words`, typed, call `call` and are answered with `answer`; then comes the prompt. */
static void command_does(const char *words, const char *call, const char *answer)
{
	char expected[1024];

	called[0] = '\0';
	type_text(words);
	type_text("\r");
	snprintf(expected, sizeof(expected), "%s\r\n%scarillon> ", words, answer);
	says(expected);
	assert_string_equal(called, call);
}

static void open(unsigned guests)
{
	start(guests);
	type_text("\x1d\r");
	says("carillon> ");
}

/* --- Commands. --- */

static void each_command_calls_what_it_is_for(void **state)
{
	(void)state;
	open(2);
	command_does("vms", "vms", "");
	command_does("stats", "stats", "");
	command_does("vcpus beta", "vcpus 1", "");
	command_does("irqs alpha", "irqs 0 -1", "");
	command_does("irqs beta 3", "irqs 1 3", "");
	command_does("trace", "trace -1", "");
	command_does("trace 1", "trace 1", "");
	command_does("pause alpha", "pause 0", "alpha: paused\r\n");
	command_does("resume alpha", "resume 0", "alpha: resumed\r\n");
	command_does("reset beta", "reset 1", "beta: reset\r\n");
	command_does("destroy quiet", "destroy 2", "quiet: destroyed\r\n");
	command_does("save beta", "save 1", "beta: saved\r\n");
	command_does("restore beta", "restore 1", "beta: restored\r\n");
	command_does("direct beta", "direct 1", "beta: messages are delivered by hardware\r\n");
	command_does("nmi beta", "vcpu -1 nmi 1", "beta: event 0 is signalled\r\n");
	command_does("nmi beta 2", "vcpu 2 nmi 1", "beta: event 0 is signalled\r\n");
	command_does("software beta", "software 1", "beta: messages are delivered by software\r\n");
}

static void vms_go_by_name_or_number(void **state)
{
	(void)state;
	open(2);
	command_does("pause 1", "pause 1", "beta: paused\r\n");
	command_does("pause 01", "pause 1", "beta: paused\r\n");
	command_does("pause 0", "pause 3", "0: paused\r\n"); /* a name goes first */
}

static void blanks_do_not_matter(void **state)
{
	(void)state;
	open(2);
	command_does("   pause    beta  ", "pause 1", "beta: paused\r\n");
	type_text("  \r"); /* these alone are an empty line */
	says("  \r\ncarillon: console of alpha\r\n");
}

static void what_control_refuses_is_told(void **state)
{
	static const char *const verbs[] = { "pause",   "resume", "reset",
					     "destroy", "save",   "restore" };

	(void)state;
	open(2);
	refusal = "it is not running; 'vms' tells its state";
	for (unsigned i = 0; i < 6; i++) {
		char words[32], call[32], answer[128];

		snprintf(words, sizeof(words), "%s beta", verbs[i]);
		snprintf(call, sizeof(call), "%s 1", verbs[i]);
		snprintf(answer, sizeof(answer),
			 "cannot %s beta: it is not running; 'vms' tells its state\r\n", verbs[i]);
		command_does(words, call, answer);
	}
}

static void mistakes_get_one_line_with_the_remedy(void **state)
{
	static const char *const mistake[][2] = {
		{ "fly", "there is no command 'fly'; 'help' lists them" },
		{ "vmsx", "there is no command 'vmsx'; 'help' lists them" },
		{ "VMS", "there is no command 'VMS'; 'help' lists them" },
		{ "pause", "pause: an argument is missing; usage: pause VM" },
		{ "irqs", "irqs: an argument is missing; usage: irqs VM [VCPU]" },
		{ "vms alpha", "vms: too many arguments; usage: vms" },
		{ "pause alpha beta", "pause: too many arguments; usage: pause VM" },
		{ "irqs alpha 1 2", "irqs: too many arguments; usage: irqs VM [VCPU]" },
		{ "irqs alpha 1 2 3 4", "irqs: too many arguments; usage: irqs VM [VCPU]" },
		{ "trace 1 2", "trace: too many arguments; usage: trace [CPU]" },
		{ "quit now", "quit: too many arguments; usage: quit" },
		{ "pause gamma", "there is no VM 'gamma'; 'vms' lists what there is" },
		{ "pause 4", "there is no VM '4'; 'vms' lists what there is" },
		{ "pause 1x", "there is no VM '1x'; 'vms' lists what there is" },
		{ "pause -1", "there is no VM '-1'; 'vms' lists what there is" },
		{ "pause 4294967297", "there is no VM '4294967297'; 'vms' lists what there is" },
		{ "guest gamma", "there is no VM 'gamma'; 'vms' lists what there is" },
		{ "irqs alpha 4", "there is no vCPU '4'; they go from 0 to 3" },
		{ "irqs alpha x", "there is no vCPU 'x'; they go from 0 to 3" },
		{ "irqs quiet 0", "there is no vCPU '0', nor any other" },
		{ "trace 2", "there is no CPU '2'; they go from 0 to 1" },
		{ "trace all", "there is no CPU 'all'; they go from 0 to 1" },
		{ "guest quiet", "quiet has no console here: it was given 'passed' or 'none'" },
	};

	(void)state;
	open(2);
	for (unsigned i = 0; i < sizeof(mistake) / sizeof(mistake[0]); i++) {
		char answer[160];

		snprintf(answer, sizeof(answer), "%s\r\n", mistake[i][1]);
		command_does(mistake[i][0], "", answer);
	}
}

static void without_guests_there_is_none_to_go_to(void **state)
{
	(void)state;
	open(0);
	command_does("guest", "",
		     "there is no guest with a console here; 'vms' lists what there is\r\n");
	vms = 0;
	command_does("pause 0", "", "there is no VM '0'; 'vms' lists what there is\r\n");
}

static void help_lists_every_command(void **state)
{
	static const char *const names[] = { "help",    "vms",    "vcpus",    "irqs",    "stats",
					     "pause",   "resume", "reset",    "destroy", "save",
					     "restore", "direct", "software", "nmi",     "guest",
					     "trace",   "quit" };
	char *at = line.out;

	(void)state;
	open(2);
	type_text("help\r");
	line.out[line.out_count] = '\0';
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char head[16];

		snprintf(head, sizeof(head), "\r\n  %-8s", names[i]);
		at = strstr(at, head);
		assert_non_null(at);
	}
	assert_non_null(strstr(at, "An empty line goes back to the guest."));
}

static void an_empty_line_goes_back(void **state)
{
	(void)state;
	open(2);
	type_text("\r");
	says("\r\ncarillon: console of alpha\r\n");
	type_text("x");
	assert_int_equal(pl011_read(&uart[0], UARTDR, 4), 'x');
}

static void guest_goes_back_to_a_console(void **state)
{
	(void)state;
	open(2);
	type_text("guest\r");
	says("guest\r\ncarillon: console of alpha\r\n");
	type_text("\x1d\rguest beta\r");
	says("carillon> guest beta\r\ncarillon: console of beta\r\n");
	type_text("x");
	assert_int_equal(pl011_read(&uart[1], UARTDR, 4), 'x');
}

static void quit_asks(void **state)
{
	(void)state;
	open(2);
	type_text("quit\r");
	says("quit\r\nPower the machine off, with all VMs? Type yes: ");
	assert_string_equal(called, "");
	type_text("yes\r");
	assert_string_equal(called, "quit");
}

static void anything_but_yes_stays(void **state)
{
	static const char *const answers[] = { "", "no", "y", "yes please", "yess", "vms" };

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		char expected[64];

		open(2);
		type_text("quit\r");
		line.out_count = 0;
		type_text(answers[i]);
		type_text("\r");
		snprintf(expected, sizeof(expected), "%s\r\nnot powered off\r\ncarillon> ",
			 answers[i]);
		says(expected);
		assert_string_equal(called, "");
		command_does("vms", "vms", "");
	}
}

static void the_question_can_be_left(void **state)
{
	(void)state;
	open(2);
	type_text("quit\r\x03yes\r");
	assert_string_equal(called, "");
	assert_non_null(strstr(line.out, "there is no command 'yes'; 'help' lists them"));
	type_text("quit\r\x1d"
		  "1\x1d\ryes\r");
	assert_string_equal(called, "");
}

static void nothing_typed_nothing_done(void **state)
{
	(void)state;
	start(2);
	shell_run();
	says("");
	type_text("\x1d\rvm");
	line.out_count = 0;
	shell_run();
	says("");
	assert_string_equal(called, "");
}

static void several_lines_at_once(void **state)
{
	(void)state;
	open(2);
	for (const char *at = "vms\rstats\r\r"; *at; at++)
		line_receives((uint8_t)*at);
	type_text("x");
	assert_string_equal(called, "vmsstats");
	assert_int_equal(pl011_read(&uart[0], UARTDR, 4), 'x');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_command_calls_what_it_is_for),
		cmocka_unit_test(vms_go_by_name_or_number),
		cmocka_unit_test(blanks_do_not_matter),
		cmocka_unit_test(what_control_refuses_is_told),
		cmocka_unit_test(mistakes_get_one_line_with_the_remedy),
		cmocka_unit_test(without_guests_there_is_none_to_go_to),
		cmocka_unit_test(help_lists_every_command),
		cmocka_unit_test(an_empty_line_goes_back),
		cmocka_unit_test(guest_goes_back_to_a_console),
		cmocka_unit_test(quit_asks),
		cmocka_unit_test(anything_but_yes_stays),
		cmocka_unit_test(the_question_can_be_left),
		cmocka_unit_test(nothing_typed_nothing_done),
		cmocka_unit_test(several_lines_at_once),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
