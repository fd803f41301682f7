/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Virtual machines: their vCPUs, interrupt controller, memory, devices; their life.
 */
#ifndef MONITOR_ARM64_VM_H
#define MONITOR_ARM64_VM_H

#include <carillon/vits.h>
#include "cpu.h"
#include "sdei.h"
#include "../common/board.h"
#include "../common/console.h"
#include "../common/pl011.h"
#include "../common/vms.h"

/* Where a device would be that the VM has not got: as far from any guest address as it is large. */
#define NO_DEVICE (~0xffful)

#define VM_LPI_BITS 13 /* with an ITS, a VM has so many LPIs, as a power of two */

#define TIMER_HYPERVISOR 26
#define TIMER_VIRTUAL    27
#define TIMER_PHYSICAL   30

/* What a physical interrupt is to us: one load per interrupt, by INTID. */
enum route_kind {
	ROUTE_NONE,
	ROUTE_KICK,
	ROUTE_MAINTENANCE,
	ROUTE_TIMER,   /* the hypervisor's own */
	ROUTE_CONSOLE, /* its UART's */
	ROUTE_SMMU,
	ROUTE_PRIVATE, /* level-sensitive, of the vCPU that runs here */
	ROUTE_LEVEL,   /* a device's, of `vm` */
	ROUTE_EDGE,
};

struct route {
	struct vm *vm;
	uint32_t count;
	uint16_t virq;
	uint8_t kind;
};

extern struct route routes[1024];

/* Set by a vCPU that asks for it, and served by vm_serve(). */
enum vm_request { VM_NOTHING, VM_OFF, VM_RESET };

/* For people. STOPPED: paused. */
enum vm_state { VM_RUNNING, VM_STOPPED, VM_DEAD };

struct vm {
	struct vgic *vgic;
	struct vits *vits;    /* NULL: it has none */
	struct gicv4 *direct; /* NULL: it has no direct injection */
	bool direct_on;
	unsigned doorbells; /* the LPI of the first vCPU's */
	struct vm_pci *pci; /* NULL: it has no functions */
	uint64_t its;       /* guest-physical address of its frames, or NO_DEVICE */
	uint64_t gicd;      /* guest-physical */
	/* The other frames: redistributors; of a GICv2 the CPU interface. */
	uint64_t frames, frames_size;
	uint64_t bench;            /* the bench device's page, or NO_DEVICE */
	uint64_t uart;             /* the emulated PL011's, or NO_DEVICE */
	bool stop;                 /* atomic: no vCPU of it may run */
	uint8_t last_on[MAX_CPUS]; /* 1 + the vCPU that ran last on that CPU */
	uint64_t vttbr, *stage2;
	uint64_t ram, ram_size; /* guest-physical */
	uint64_t ram_at;        /* physical */
	uint64_t window_at;     /* of a firmware: physical address of what is at guest address 0 */
	unsigned index, vcpus, lrs, preemption;
	enum vm_request request; /* atomic */
	uint64_t started_at;     /* ticks */
	enum vm_state state;
	bool reloadable; /* its payloads are kept */
	uint64_t entry, entry_argument;
	struct blob dtb; /* as the guest gets it */
	const struct vm_description *description;
	struct vcpu *vcpu[VM_VCPUS];
	struct pl011 pl011;
	struct log_limit log;
	struct blob saved; /* room for what vm_save() writes; `used` bytes of it are in use */
	size_t used;
	struct vits_state its_saved;
	struct sdei *sdei; /* NULL: it has none */
};

/* The vCPU that has this affinity, as calls name it: no other bit is set; negative: there is none. */
static inline int vm_vcpu_of_mpidr(const struct vm *vm, uint64_t mpidr)
{
	return mpidr & ~0xff00fffffful ? -1 : vgic_vcpu_of_mpidr(vm->vgic, mpidr);
}

extern struct vm *vms[VMS_MAX];
extern unsigned vm_count;

/* Boot, in this order. `at`: where its memory is, physically. */
struct vm *vm_create(const struct vm_description *description, const struct board *board,
		     const struct options *options, uint64_t at);
void vm_load(struct vm *vm, const struct board *board, bool payloads_in_place, uint64_t top);
void vm_connect(struct vm *vm, const struct board *board);
void vm_devices(const struct board *board); /* kept: where to find them from now on */

/* In `buffer` of `size` bytes: what the guest sees. */
void guest_dt_make(void *buffer, size_t size, const struct board *board, const struct vm *vm,
		   const struct blob *ramdisk, bool from_user);

/* Put what a reset VM starts with into its memory again. */
void vm_reload(struct vm *vm);

/* Has it this device? By its node's name. */
bool vm_has_device(const struct vm *vm, const struct board *board, const char *name);

/*
 * The rest is called on a CPU's own stack, by whoever has vm_control_try()'s lock, but for
 * vm_request(), which a vCPU calls, and vm_follow(), which schedule.c does.
 */
/* Its physical interrupts, for as long as its state is not to change: masked, and no CPU has one in hand. */
void vm_quiet(const struct vm *vm);
void vm_speak(const struct vm *vm);
size_t vm_save_size(const struct vm *vm);
int vm_save(struct vm *vm, const char **why); /* save.c; of a VM that is stopped */
int vm_restore(struct vm *vm, const char **why);
bool vm_control_try(void);
void vm_control_end(void);
void vm_start(struct vm *vm);
void vm_stop(struct vm *vm);   /* comes back when no vCPU of it is on a CPU, or in a queue */
bool vm_resume(struct vm *vm); /* the opposite; false: what its guest asked for comes first */
void vm_reset(struct vm *vm);  /* stopped or dead: to power-on, and start */
void vm_destroy(struct vm *vm);
void vm_request(struct vcpu *vcpu, enum vm_request request);
void vm_serve(void);
void vm_tick(void);
void vm_follow(struct vcpu *vcpu); /* it is on another CPU now: so are its interrupts */

/* control.c */
void console_share(const struct board *board);
void console_power_on(struct vm *vm);
void console_hold(struct vm *vm); /* its emulated UART raises nothing until it is let go */
void console_let_go(struct vm *vm);
void console_tick(void);

#endif
