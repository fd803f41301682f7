/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The hypervisor's command line: words that start with "carillon.". Other words are not ours.
 */
#include <stdlib.h>
#include <string.h>
#include "board.h"
#include "console.h"
#include "vms.h"

static uint64_t size_of(const char *text)
{
	char *end;
	uint64_t value = strtoul(text, &end, 0);

	switch (*end) {
	case 'g':
	case 'G':
		return value << 30;
	case 'm':
	case 'M':
		return value << 20;
	case 'k':
	case 'K':
		return value << 10;
	default:
		return value;
	}
}

static void set_cpus(struct options *options, const char *value)
{
	options->cpus = strtoul(value, NULL, 0);
}

static void set_mem(struct options *options, const char *value)
{
	options->mem = size_of(value);
}

static void set_load(struct options *options, const char *value)
{
	options->load = size_of(value);
}

static void set_dtb(struct options *options, const char *value)
{
	options->dtb = size_of(value);
}

static void set_firmware(struct options *options, const char *value)
{
	(void)value;
	options->firmware = true;
}

static void set_bench(struct options *options, const char *value)
{
	(void)value;
	options->bench = true;
}

static void set_sdei(struct options *options, const char *value)
{
	(void)value;
	options->sdei = VM_SDEI_1_1;
}

static void set_sdei_version(struct options *options, const char *value)
{
	int length = (int)strcspn(value, " ");
	bool old = length == 3 && strncmp(value, "1.0", 3) == 0;

	if (!old && (length != 3 || strncmp(value, "1.1", 3) != 0))
		print("carillon: carillon.sdei=%.*s: 1.0 or 1.1 is allowed; it is 1.1\n", length,
		      value);
	options->sdei = old ? VM_SDEI_1_0 : VM_SDEI_1_1;
}

static void set_watchdog(struct options *options, const char *value)
{
	unsigned long seconds = strtoul(value, NULL, 0);

	options->watchdog = seconds > VM_WATCHDOG_MAX ? VM_WATCHDOG_MAX : (unsigned)seconds;
	if (options->watchdog && !options->sdei)
		options->sdei = VM_SDEI_1_1;
}

static const struct {
	const char *name; /* with the "=" where there is a value */
	void (*set)(struct options *options, const char *value);
} table[] = {
	{ "cpus=", set_cpus }, { "mem=", set_mem },           { "load=", set_load },
	{ "dtb=", set_dtb },   { "firmware", set_firmware },  { "bench", set_bench },
	{ "sdei", set_sdei },  { "sdei=", set_sdei_version }, { "watchdog=", set_watchdog },
};

static void parse_word(struct options *options, const char *word, size_t length)
{
	unsigned i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		size_t name = strlen(table[i].name);
		bool has_value = table[i].name[name - 1] == '=';

		if (strncmp(word, table[i].name, name) == 0 && (has_value || length == name)) {
			table[i].set(options, word + name);
			return;
		}
	}
	print("carillon: unknown option carillon.%.*s\n", (int)length, word);
}

void options_parse(struct options *options, const char *words)
{
	static const char prefix[] = "carillon.";

	while (*words) {
		size_t length = strcspn(words, " ");

		if (strncmp(words, prefix, sizeof(prefix) - 1) == 0)
			parse_word(options, words + sizeof(prefix) - 1,
				   length - (sizeof(prefix) - 1));
		words += length;
		words += strspn(words, " ");
	}
}
