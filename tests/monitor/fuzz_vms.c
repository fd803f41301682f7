/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Any bytes as a description of VMs: nothing behind them is read, what is accepted keeps the rules, and
 * what is refused is refused with a message.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include "machine.h"

#define ROOM      (1ul << 16)
#define HOST_PAGE 4096ul

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libfdt is not built with a sanitizer: the end of the bytes is the end of what is mapped. */
static uint8_t *room(void)
{
	static uint8_t *at;

	if (!at) {
		at = mmap(NULL, ROOM + HOST_PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (at == MAP_FAILED || mprotect(at + ROOM, HOST_PAGE, PROT_NONE) != 0) {
			perror("fuzz_vms: no memory");
			exit(1);
		}
	}
	return at;
}

static void stop(const char *what)
{
	fprintf(stderr, "fuzz_vms: %s\n", what);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct vms vms;
	char why[VMS_WHY];
	uint8_t *blob;
	const char *wrong;
	size_t i;

	size &= ~7ul; /* both ends are aligned then */
	if (size > ROOM)
		return 0;
	blob = room() + ROOM - size;
	memcpy(blob, data, size);
	if (vms_read(&vms, blob, size, &machine, MEMORY_FREE, why, sizeof(why)) == 0) {
		wrong = vms_wrong(&vms, &machine, MEMORY_FREE, blob, size);
		if (wrong)
			stop(wrong);
		return 0;
	}
	if (why[0] != '/' || !strstr(why, ": "))
		stop("a message that names no node");
	for (i = 0; why[i]; i++) {
		if (why[i] < ' ' || why[i] > '~')
			stop("a message with more than text");
	}
	return 0;
}
