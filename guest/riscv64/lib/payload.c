/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Payloads' registers and stacks; PMP entries (privileged specification 3.7). */
#include "payload.h"

static _Alignas(16) char payload_stacks[MAX_HARTS][STACK_SIZE];
extern const char payload_end[], payload_return[];

_Static_assert(offsetof(struct payload, pc) == 256 && offsetof(struct payload, status) == 264 &&
		       offsetof(struct payload, cause) == 272 &&
		       offsetof(struct payload, tval) == 280 &&
		       offsetof(struct payload, mode) == 288,
	       "entry.S knows these offsets");

void payload_init(struct payload *payload, unsigned mode, uint64_t (*function)(uint64_t),
		  uint64_t argument)
{
	for (unsigned i = 0; i < 32; i++)
		payload->x[i] = 0;
	payload->mode = mode;
	payload->pc = (uintptr_t)function;
	payload->x[1] = (uintptr_t)payload_end;
	payload->x[2] = (uintptr_t)payload_stacks[this_hart()->id] + STACK_SIZE;
	payload->x[10] = argument;
}

bool payload_returned(const struct payload *payload)
{
	return payload->pc == (uintptr_t)payload_return &&
	       payload->cause == (payload->mode == MODE_S ? CAUSE_ECALL_S : CAUSE_ECALL_U);
}

bool payload_call(unsigned mode, uint64_t (*function)(uint64_t), uint64_t argument,
		  uint64_t *result)
{
	struct payload payload;

	payload_init(&payload, mode, function, argument);
	payload_run(&payload);
	if (result)
		*result = payload.x[10];
	return payload_returned(&payload);
}

bool payload_traps(unsigned mode, uint64_t (*function)(uint64_t), uint64_t argument, uint64_t cause)
{
	struct payload payload;

	payload_init(&payload, mode, function, argument);
	if (payload_run(&payload) != cause || payload_returned(&payload))
		return false;
	payload_skip(&payload);
	payload_run(&payload);
	return payload_returned(&payload);
}

void payload_skip(struct payload *payload)
{
	if (payload->cause == CAUSE_FETCH_ACCESS || payload->cause == CAUSE_FETCH_PAGE)
		payload->pc = payload->x[1];
	else
		payload->pc += (*(const uint16_t *)payload->pc & 3) == 3 ? 4 : 2;
}

/* --- PMP -------------------------------------------------------------------------------------- */

/* In RV64 each even pmpcfg register has eight entries. */
void pmp_set(unsigned entry, unsigned config, uint64_t address)
{
	unsigned number = CSR_PMPCFG0 + entry / 8 * 2, shift = entry % 8 * 8;
	uint64_t others = csr_read_at(number) & ~(UINT64_C(0xff) << shift);

	csr_write_at(number, others);
	csr_write_at(CSR_PMPADDR0 + entry, address);
	csr_write_at(number, others | (uint64_t)config << shift);
	__asm__ volatile("sfence.vma" ::: "memory");
}

unsigned pmp_config(unsigned entry)
{
	return csr_read_at(CSR_PMPCFG0 + entry / 8 * 2) >> (entry % 8 * 8) & 0xff;
}

uint64_t pmp_napot(uint64_t base, uint64_t size)
{
	return base >> 2 | (size / 8 - 1);
}

void pmp_open(void)
{
	pmp_set(0, PMP_NAPOT | PMP_R | PMP_W | PMP_X, UINT64_MAX >> 10);
}

void pmp_reset(void)
{
	csr_write(pmpcfg0, 0);
	csr_write(pmpcfg2, 0);
	__asm__ volatile("sfence.vma" ::: "memory");
}
