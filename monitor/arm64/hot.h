/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The code between a guest's exit and its entry ("hot": the list in monitor.mk, and the library) and
 * its way out to all other code. There is one whole copy of it for each kind of physical GIC, so that
 * nothing on these paths asks which it is: <interface.h> and <lists.h> are gicv2's or gicv3's.
 *
 * Hot code keeps x8 to x15 and stays away from x16 to x18, because the guest's values are in them. It
 * therefore calls nothing that is compiled the usual way, except through cold_call(), and what it
 * calls there is named cold_something. The build links the hot objects on their own and refuses any
 * other import.
 */
#ifndef MONITOR_ARM64_HOT_H
#define MONITOR_ARM64_HOT_H

#include "cpu.h"
#include "sysreg.h"

/* A value read for the guest; if `done` is 0, an exception was injected instead. */
struct outcome {
	uint64_t value;
	uint64_t done;
};

struct outcome cold_call(const void *function, uint64_t a, uint64_t b, uint64_t c);

/* support.S: a register that may not answer. `how`: log2 of the bytes, and 4 for a write. */
struct outcome mmio_try(uint64_t at, unsigned how, uint64_t value);

/* Special INTIDs, 1020 to 1023: nothing is pending. LPIs lie above them. */
static inline bool gic_spurious(uint64_t intid)
{
	return intid >> 2 == 1020 >> 2;
}

#define COLD(function, a, b, c) \
	cold_call((const void *)(uintptr_t)(function), (uint64_t)(a), (uint64_t)(b), (uint64_t)(c))

/* vectors.S and its handlers. */
void vgic_settle(struct vcpu *vcpu);
void vgic_pause(struct vcpu *vcpu);
void irq_handle(struct vcpu *vcpu, uint64_t iar);
void hvc_handle(struct vcpu *vcpu, uint64_t esr);
void smc_handle(struct vcpu *vcpu, uint64_t esr);
void wfx_handle(struct vcpu *vcpu, uint64_t esr);
void fp_handle(struct vcpu *vcpu, uint64_t esr);
void instruction_abort(struct vcpu *vcpu, uint64_t esr);
void other_exception(struct vcpu *vcpu, uint64_t esr);
void serror_handle(struct vcpu *vcpu, uint64_t esr);
struct outcome mmio_read(struct vcpu *vcpu, uint64_t esr);
bool mmio_write(struct vcpu *vcpu, uint64_t esr, uint64_t value);
struct outcome sysreg_read(struct vcpu *vcpu, uint64_t esr);
bool sysreg_write(struct vcpu *vcpu, uint64_t esr, uint64_t value);
__attribute__((noreturn)) void guest_start(struct vcpu *vcpu);

/* lists.c: the list registers. */
void lists_exit(struct vcpu *vcpu);        /* hardware to image, vgic_exit() */
void lists_leave(struct vcpu *vcpu);       /* the same, for when mostly nothing is in them */
void lists_enter(struct vcpu *vcpu);       /* vgic_enter_quiet(), image to hardware */
void lists_read_active(struct vcpu *vcpu); /* active priorities to the image */
void lists_put(struct vcpu *vcpu);         /* left: vgic_put(), hardware is quiet */
void lists_load(struct vcpu *vcpu);        /* vgic_load() */
void lists_reset(struct vcpu *vcpu);       /* vgic_cpuif_reset(), image to hardware */

/* port.c: take what is pending, with no guest running. */
void physical_interrupts(struct cpu *cpu);

/* vcpu.c */
__attribute__((noreturn)) void vcpu_start(struct vcpu *vcpu); /* on its stack, for the first time */
__attribute__((noreturn)) void vcpu_off(struct vcpu *vcpu);
void vcpu_wait(struct vcpu *vcpu);
void vcpu_reschedule(struct vcpu *vcpu);                    /* left */
void vcpu_give_up(struct vcpu *vcpu, enum vcpu_state next); /* left */

/* calls.c: a hypercall or a trapped SMC, ELR already behind it. */
void smccc_call(struct vcpu *vcpu);

/* An emulated device: the PL011. */
#define DEVICE_SIZE 0x1000

/* How many times to yield before looking again at what another CPU has to do first. */
#define WAIT_YIELDS 8

/* Cold. */
void cold_sdei_later(struct vcpu *vcpu);
void cold_inject_undefined(struct vcpu *vcpu, uint64_t esr);
void cold_inject_abort(struct vcpu *vcpu, uint64_t esr, uint64_t ipa);
struct outcome cold_sysreg_read(struct vcpu *vcpu, uint64_t esr);
bool cold_sysreg_write(struct vcpu *vcpu, uint64_t esr, uint64_t value);
struct outcome cold_device_read(struct vcpu *vcpu, uint64_t offset, uint64_t bytes);
void cold_device_write(struct vcpu *vcpu, uint64_t offset, uint64_t value);
/* What `done` says of an access to PCI: it is to nothing of it; it is done; the guest tries it again. */
enum { PCI_NOT, PCI_DONE, PCI_AGAIN };
struct outcome cold_pci_read(struct vcpu *vcpu, uint64_t ipa, uint64_t bytes);
struct outcome cold_pci_write(struct vcpu *vcpu, uint64_t where, uint64_t value);
void cold_serror(struct vcpu *vcpu, uint64_t esr);
void cold_skip_aarch32(uint64_t esr);
void cold_unwanted_interrupt(struct cpu *cpu, uint64_t intid);
void cold_lpi(struct cpu *cpu, uint64_t intid);
void cold_lpi_follow(uint64_t intid);
void cold_direct_load(struct vcpu *vcpu);
void cold_direct_put(struct vcpu *vcpu, uint64_t blocks);
void cold_direct_invalidated(struct vm *vm, uint64_t vcpu, uint64_t lpi);
struct outcome cold_vlpi_map(struct vm *vm, uint64_t route, uint64_t vcpu_lpi);
struct outcome cold_vlpi_unmap(struct vm *vm, uint64_t route);
void cold_vlpi_discard(struct vm *vm, uint64_t route);
void cold_vlpi_move(struct vm *vm, uint64_t route, uint64_t vcpu);
void cold_vlpi_set(struct vm *vm, uint64_t route);
void cold_vlpi_clear(struct vm *vm, uint64_t route);
void cold_vlpi_configure(struct vm *vm, uint64_t route, uint64_t lpi);
struct outcome cold_vlpis_settled(struct vm *vm);
void cold_smmu(void);
void cold_trace(struct vcpu *vcpu, uint64_t kind, uint64_t a);
void cold_system_off(struct vcpu *vcpu);
void cold_system_reset(struct vcpu *vcpu);
void cold_reset_registers(struct vcpu *vcpu);
void cold_fp_load(struct vcpu *vcpu);
void cold_timer(struct cpu *cpu);
void cold_console(struct cpu *cpu);
void cold_launch(struct vcpu *vcpu);
void cold_wake(struct vcpu *vcpu);
struct outcome cold_bench_exits(struct cpu *cpu);
struct outcome cold_bench_spi(struct vcpu *vcpu, uint64_t intid, uint64_t cpu);
void cold_leave(struct vcpu *vcpu, uint64_t next_state);
struct outcome cold_wait(struct vcpu *vcpu);
struct outcome cold_reschedule(struct vcpu *vcpu);

#endif
