/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* SDEI's calls (DEN0054 chapter 5) and what follows the entry of a handler. */
#include "sdei.h"
#include "tap.h"
#include "tree.h"

#define HANDLER_STACK 4096

/* sdei_entry.S finds a CPU's by its lower 16 address bits. */
union both_states {
	struct sdei_state state[1];
	char half[512];
};

_Static_assert(sizeof(struct sdei_state) <= sizeof(union both_states), "sdei_entry.S says 512");

uint64_t (*sdei_any_hook)(struct sdei_state *state);

extern union both_states sdei_states[MAX_CPUS][2];
_Alignas(0x10000) union both_states sdei_states[MAX_CPUS][2];
static _Alignas(16) char handler_stacks[MAX_CPUS][2][HANDLER_STACK];

uint64_t sdei_handle(struct sdei_state *state);
_Noreturn void sdei_not_completed(int64_t why);

#define CALL(instruction)                                                                          \
	register uint64_t r0 __asm__("x0") = x0;                                                   \
	register uint64_t r1 __asm__("x1") = x1;                                                   \
	register uint64_t r2 __asm__("x2") = x2;                                                   \
	register uint64_t r3 __asm__("x3") = x3;                                                   \
	register uint64_t r4 __asm__("x4") = x4;                                                   \
	register uint64_t r5 __asm__("x5") = x5;                                                   \
	__asm__ volatile(#instruction                                                              \
			 : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3), "+r"(r4), "+r"(r5)::"x6", "x7", \
			   "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17",     \
			   "memory");                                                              \
	return (int64_t)r0

int64_t sdei_hvc(uint64_t x0, uint64_t x1, uint64_t x2, uint64_t x3, uint64_t x4, uint64_t x5)
{
	CALL(hvc #0);
}

int64_t sdei_smc(uint64_t x0, uint64_t x1, uint64_t x2, uint64_t x3, uint64_t x4, uint64_t x5)
{
	CALL(smc #0);
}

int64_t sdei(unsigned function, uint64_t x1, uint64_t x2, uint64_t x3, uint64_t x4, uint64_t x5)
{
	return (tree_says_smc ? sdei_smc : sdei_hvc)(SDEI_BASE + function, x1, x2, x3, x4, x5);
}

void sdei_init(void)
{
	for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++)
		for (unsigned half = 0; half < 2; half++)
			sdei_states[cpu][half].state->stack =
				(uintptr_t)handler_stacks[cpu][half] + HANDLER_STACK;
	dsb();
	if (sdei_call(SDEI_VERSION) < 0)
		bail_out("no SDEI: VERSION answers an error");
}

int64_t sdei_register(int64_t event, struct sdei_handler *handler, unsigned flags, uint64_t mpidr)
{
	handler->event = event;
	return sdei_call(SDEI_REGISTER, (uint64_t)event, (uintptr_t)sdei_entry_normal,
			 (uintptr_t)handler, flags, mpidr);
}

bool sdei_listen(int64_t event, struct sdei_handler *handler, unsigned flags, uint64_t mpidr)
{
	return sdei_register(event, handler, flags, mpidr) == SDEI_SUCCESS &&
	       sdei_call(SDEI_ENABLE, (uint64_t)event) == SDEI_SUCCESS &&
	       sdei_call(SDEI_PE_UNMASK) == SDEI_SUCCESS;
}

void sdei_forget(int64_t event)
{
	sdei_call(SDEI_DISABLE, (uint64_t)event);
	sdei_call(SDEI_UNREGISTER, (uint64_t)event);
}

unsigned sdei_count(const struct sdei_handler *handler)
{
	unsigned sum = 0;

	for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++)
		sum += atomic_load_explicit(&handler->count[cpu], memory_order_acquire);
	return sum;
}

void sdei_count_clear(struct sdei_handler *handler)
{
	for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++)
		atomic_store(&handler->count[cpu], 0);
}

/* The count last, as the hook's work is then done; an event for a sleeper in WFE. */
uint64_t sdei_handle(struct sdei_state *state)
{
	struct sdei_handler *handler = (struct sdei_handler *)state->x[1];
	uint64_t resume = 0;

	if (sdei_any_hook)
		return sdei_any_hook(state);
	if (handler->hook)
		resume = handler->hook(state, handler);
	atomic_fetch_add_explicit(&handler->count[this_cpu()->index], 1, memory_order_release);
	sev();
	return resume;
}

_Noreturn void sdei_not_completed(int64_t why)
{
	print("# the completion of a handler answers %ld\n", (long)why);
	bail_out("a handler's end came back");
}

bool answers(int64_t found, int64_t wanted, const char *what)
{
	static const struct {
		int64_t value;
		const char *name;
	} names[] = {
		{ SDEI_SUCCESS, "SUCCESS" },
		{ SDEI_NOT_SUPPORTED, "NOT_SUPPORTED" },
		{ SDEI_INVALID_PARAMETERS, "INVALID_PARAMETERS" },
		{ SDEI_DENIED, "DENIED" },
		{ SDEI_PENDING, "PENDING" },
		{ SDEI_OUT_OF_RESOURCE, "OUT_OF_RESOURCE" },
	};
	const char *name = "?";

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].value == wanted)
			name = names[i].name;
	if (wanted > 0)
		ok(found == wanted, "%s: %ld", what, (long)wanted);
	else
		ok(found == wanted, "%s: %s", what, name);
	if (found != wanted)
		print("# found %ld (0x%lx), wanted %ld\n", (long)found, (unsigned long)found,
		      (long)wanted);
	return found == wanted;
}
