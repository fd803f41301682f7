/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * A client of the Software Delegated Exception Interface (Arm DEN0054 chapter 5): its calls by either
 * conduit, and handlers, which run on a stack of their own for each CPU and priority, whatever the
 * interrupted code has in its stack pointers.
 */
#ifndef GUEST_SDEI_H
#define GUEST_SDEI_H

#include "cpu.h"

#define SDEI_BASE                0xc4000020ul
#define SDEI_VERSION             0x00u
#define SDEI_REGISTER            0x01u
#define SDEI_ENABLE              0x02u
#define SDEI_DISABLE             0x03u
#define SDEI_CONTEXT             0x04u
#define SDEI_COMPLETE            0x05u
#define SDEI_COMPLETE_AND_RESUME 0x06u
#define SDEI_UNREGISTER          0x07u
#define SDEI_STATUS              0x08u
#define SDEI_GET_INFO            0x09u
#define SDEI_ROUTING_SET         0x0au
#define SDEI_PE_MASK             0x0bu
#define SDEI_PE_UNMASK           0x0cu
#define SDEI_BIND                0x0du
#define SDEI_RELEASE             0x0eu
#define SDEI_SIGNAL              0x0fu
#define SDEI_FEATURES            0x10u
#define SDEI_PRIVATE_RESET       0x11u
#define SDEI_SHARED_RESET        0x12u
#define SDEI_FIRST_UNKNOWN       0x13u
#define SDEI_LAST_UNKNOWN        0x1fu

#define SDEI_SUCCESS            0
#define SDEI_NOT_SUPPORTED      (-1)
#define SDEI_INVALID_PARAMETERS (-2)
#define SDEI_DENIED             (-3)
#define SDEI_PENDING            (-5)
#define SDEI_OUT_OF_RESOURCE    (-10)

#define SDEI_RM_ANY   0u
#define SDEI_RM_PE    1u
#define SDEI_RELATIVE 2u

#define SDEI_INFO_TYPE     0u
#define SDEI_INFO_SIGNALED 1u
#define SDEI_INFO_PRIORITY 2u
#define SDEI_INFO_MODE     3u
#define SDEI_INFO_AFFINITY 4u

/* What EVENT_STATUS says of the states of a handler. */
#define SDEI_STATE_NONE 0 /* --- */
#define SDEI_STATE_G    1
#define SDEI_STATE_GE   3
#define SDEI_STATE_GER  7
#define SDEI_STATE_GR   5
#define SDEI_STATE_R    4

/* The hypervisor's own (docs/vm-description.md): critical, private. */
#define SDEI_EVENT_WATCHDOG 0x40001000
#define SDEI_LAST_CONTEXT   17

/* All 64 bits of the result; by the conduit of the device tree. */
int64_t sdei(unsigned function, uint64_t x1, uint64_t x2, uint64_t x3, uint64_t x4, uint64_t x5);
int64_t sdei_hvc(uint64_t x0, uint64_t x1, uint64_t x2, uint64_t x3, uint64_t x4, uint64_t x5);
int64_t sdei_smc(uint64_t x0, uint64_t x1, uint64_t x2, uint64_t x3, uint64_t x4, uint64_t x5);

#define SDEI_ARGUMENTS(a, b, c, d, e, f, ...) a, b, c, d, e, f
/* sdei_call(function, up to five arguments) */
#define sdei_call(...) sdei(SDEI_ARGUMENTS(__VA_ARGS__, 0, 0, 0, 0, 0))

/* What a handler finds. The offsets are those of sdei_entry.S. */
struct sdei_state {
	uint64_t x[31]; /* x0 to x30 */
	uint64_t sp;    /* SP_EL1 as interrupted */
	uint64_t sp_el0, elr, spsr;
	uint64_t nzcv, daif, spsel, current_el;
	uint64_t stack; /* the handler's, from its top */
};

/* An event's registration: its address is the argument. */
struct sdei_handler {
	/*
	 * In the handler, before it is counted; COMPLETE follows if it returns 0, else
	 * COMPLETE_AND_RESUME with what it returns. NULL: it is only counted.
	 */
	uint64_t (*hook)(struct sdei_state *state, struct sdei_handler *handler);
	atomic_uint count[MAX_CPUS];
	int64_t event; /* as the hook may want it */
};

/* If set, it is called in the place of any hook, and no argument is used as an address. */
extern uint64_t (*sdei_any_hook)(struct sdei_state *state);

/* Their addresses are the entry points. */
void sdei_entry_normal(void);
void sdei_entry_critical(void);

/* Before any event can happen: the handlers' stacks. Ends the run if there is no SDEI. */
void sdei_init(void);
/* REGISTER: `mpidr` is the caller's if `flags` is 0. */
int64_t sdei_register(int64_t event, struct sdei_handler *handler, unsigned flags, uint64_t mpidr);
/* All of the three; true if they all succeed. */
bool sdei_listen(int64_t event, struct sdei_handler *handler, unsigned flags, uint64_t mpidr);
/* DISABLE and UNREGISTER. */
void sdei_forget(int64_t event);
unsigned sdei_count(const struct sdei_handler *handler);
void sdei_count_clear(struct sdei_handler *handler);

/* One result: the 64 bits of what a call answered. */
bool answers(int64_t found, int64_t wanted, const char *what);

#endif
