/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * libFuzzer's first target: bytes are a machine (version, vCPUs, interrupts, list registers) and what a
 * hostile guest, its devices and a scheduler do to it. Nothing is compared with a model (that is what
 * tests/model is for); check.c says what must hold. The guest leaves its list registers in any state
 * that a virtual CPU interface can bring about, whatever it has written to its registers.
 *
 * With FUZZ_STATES=directory, what each input comes to is saved there as an input for fuzz_state.c.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>

#define MAX_SIZE  4096
#define MAX_STATE 2200
#define TAIL      48

/* The machine, its state, and the last of the operations. */
static void write_state(struct machine *m, const uint8_t *data, size_t head, size_t size)
{
	static unsigned count;
	size_t tail = size - head < TAIL ? size - head : TAIL;
	char name[256];
	FILE *out;

	whole_save(m);
	if (m->state_size > MAX_STATE)
		return;
	snprintf(name, sizeof(name), "%s/%u", getenv("FUZZ_STATES"), count++);
	out = fopen(name, "wb");
	require(out, "FUZZ_STATES is no directory");
	fwrite(data, 1, head, out);
	fputc((int)(m->state_size & 0xff), out);
	fputc((int)(m->state_size >> 8), out);
	fwrite(m->state, 1, m->state_size, out);
	fwrite(data + size - tail, 1, tail, out);
	fclose(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, data + size };
	static struct machine m;

	if (size > MAX_SIZE)
		return 0;
	trace = getenv("FUZZ_TRACE") != NULL;
	if (program_build(&m, &in)) {
		size_t head = (size_t)(in.at - data);

		program_run(&m, &in);
		host_rest(&m);
		if (getenv("FUZZ_STATES"))
			write_state(&m, data, head, size);
		else if (m.finish)
			guest_finish(&m);
	}
	host_free(&m);
	return 0;
}
