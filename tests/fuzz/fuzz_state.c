/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * libFuzzer's second target: bytes are a machine, a saved state of it (the length in two bytes, low one
 * first), and what happens afterwards. The state is anything; vgic_restore() refuses it and leaves the
 * machine as it was, or accepts it, and then all that check.c says must hold: at once, while the guest
 * goes on, and in the end. What was accepted is saved as the same bytes. `make fuzz-states` makes the
 * first inputs out of what fuzz_vgic.c's come to.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#define MAX_SIZE 8192

/* lib/vgic/state.md */
#define HEADER    32
#define VCPU_SIZE 56
#define IRQ_SIZE  20
#define FIELDS    12

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

static unsigned next(uint64_t *random)
{
	*random = *random * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(*random >> 32);
}

static size_t find_state(const uint8_t *data, size_t size)
{
	for (size_t n = 0; n + HEADER + VCPU_SIZE + IRQ_SIZE < size; n++)
		if (!memcmp(data + n, "VGCS", 4))
			return n;
	return size;
}

/* What a record's field becomes: close to what is allowed, or just beyond. */
static void change_field(uint8_t *record, const uint8_t (*fields)[2], unsigned vcpus, unsigned how)
{
	const unsigned values[] = {
		0, 1, 0x80, 0xf8, 0xff, 0xffff, vcpus, vcpus - 1, 1u << (how >> 8) % 8, how >> 8
	};
	const uint8_t *field = fields[how % FIELDS];
	unsigned value = values[(how >> 4) % 10];

	for (unsigned n = field[0]; n < field[0] + field[1]; n++, value >>= 8)
		record[n] = (uint8_t)(how >> 24 & 1 ? record[n] ^ value : value);
}

/* One or more fields of a vCPU, or of an interrupt. */
static void change_record(uint8_t *state, size_t size, uint64_t *random)
{
	static const uint8_t of_vcpu[FIELDS][2] = { { 0, 1 },  { 4, 1 },  { 5, 1 },  { 6, 1 },
						    { 7, 1 },  { 8, 4 },  { 24, 4 }, { 28, 4 },
						    { 40, 4 }, { 52, 4 }, { 5, 2 },  { 4, 1 } };
	static const uint8_t of_irq[FIELDS][2] = { { 0, 1 },  { 2, 1 },  { 3, 1 },  { 4, 1 },
						   { 5, 1 },  { 6, 2 },  { 8, 2 },  { 12, 1 },
						   { 13, 1 }, { 15, 1 }, { 16, 1 }, { 10, 2 } };
	size_t vcpus = state[12], irqs = HEADER + vcpus * VCPU_SIZE;
	bool is_vcpu = next(random) % 4 == 0;
	uint8_t *record = state + HEADER;

	if (!vcpus || size < irqs + IRQ_SIZE)
		return;
	if (is_vcpu)
		record += next(random) % vcpus * VCPU_SIZE;
	else
		record = state + irqs + next(random) % ((size - irqs) / IRQ_SIZE) * IRQ_SIZE;
	do
		change_field(record, is_vcpu ? of_vcpu : of_irq, (unsigned)vcpus, next(random));
	while (next(random) % 2);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	size_t at = find_state(data, size);
	uint64_t random = seed;

	if (at == size || next(&random) % 4 == 0)
		return LLVMFuzzerMutate(data, size, max_size);
	do
		change_record(data + at, size - at, &random);
	while (next(&random) % 4 == 0);
	return size;
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
		size_t length = program_take(&in), left;

		length |= program_take(&in) << 8;
		left = (size_t)(in.end - in.at);
		length = length < left ? length : left;
		if (whole_restore(&m, in.at, length)) {
			in.at += length;
			for (unsigned v = 0; v < m.config.vcpus; v++) {
				host_load(&m, v);
				host_enter(&m, v);
				guest_handle(&m, v, 4);
			}
			program_run(&m, &in);
			host_rest(&m);
			if (m.finish)
				guest_finish(&m);
			whole_save(&m);
			require(whole_restore(&m, m.state, m.state_size),
				"what was saved is refused");
		}
	}
	host_free(&m);
	return 0;
}
