/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What the guest's traps are about (DDI 0487 D17.2.37): the interrupt controller's registers, calls,
 * and everything that ends in an exception for the guest.
 */
#include <interface.h>
#include "hot.h"
#include "vm.h"
#include "../common/trace.h"

typedef enum vgic_result read_function(struct vgic_cpu *cpu, uint32_t offset, unsigned bytes,
				       uint64_t *value);
typedef enum vgic_result write_function(struct vgic_cpu *cpu, uint32_t offset, unsigned bytes,
					uint64_t value);

#define ISR_PENDING 0xc0ul /* ISR_EL1: an IRQ or FIQ waits */

/*
 * VGIC_AGAIN: outside, so that others get what they wait for from us, until `attempt` says that it
 * is done. Two CPUs that wait for each other serve each other in vgic_exit().
 */
#define WAIT_UNTIL_DONE(vcpu, attempt)          \
	do {                                    \
		lists_exit(vcpu);               \
		while ((attempt) == VGIC_AGAIN) \
			wait_slice(vcpu);       \
		lists_enter(vcpu);              \
	} while (0)

static void wait_slice(struct vcpu *vcpu)
{
	vcpu->waits++;
	yield(WAIT_YIELDS);
	vgic_exit(vcpu->vgic, &vcpu->image);
}

static inline uint64_t guest_physical(void)
{
	return (read_sysreg(hpfar_el2) >> 4 << 12) | (read_sysreg(far_el2) & 0xfff);
}

/* A translation fault of a load or store that the syndrome describes, not of a table walk. */
static inline bool emulable(uint64_t esr)
{
	return (esr & (ESR_ISV | ESR_FNV | ESR_EA | ESR_CM | ESR_S1PTW | 0x3c)) == (ESR_ISV | 0x04);
}

static inline unsigned access_size(uint64_t esr)
{
	return 1u << (esr >> 22 & 3);
}

/* SSE, SF: a load's value as the guest's register gets it. */
static inline uint64_t extend(uint64_t esr, uint64_t value)
{
	unsigned shift;

	if (!(esr & 1ul << 21))
		return value;
	shift = 64 - 8 * access_size(esr);
	value = (uint64_t)((int64_t)(value << shift) >> shift);
	return esr & 1ul << 15 ? value : (uint32_t)value;
}

static __attribute__((noinline)) uint64_t read_wait(struct vcpu *vcpu, read_function *read,
						    uint32_t offset, unsigned bytes)
{
	uint64_t value;

	WAIT_UNTIL_DONE(vcpu, read(vcpu->vgic, offset, bytes, &value));
	return value;
}

/*
 * In a redistributor's first frame: GICR_CTLR.EnableLPIs and its like take as long as the guest has LPIs
 * pending. When a physical interrupt waits, the guest is left where it is, takes it, and goes on.
 */
static inline bool may_be_left(write_function *write, uint32_t offset)
{
	return GIC_LPIS && write == gic_frame_write && !(offset & 0x10000) &&
	       read_sysreg(isr_el1) & ISR_PENDING;
}

/* False: it has to be made again. */
static __attribute__((noinline)) bool write_wait(struct vcpu *vcpu, write_function *write,
						 uint32_t offset, unsigned bytes, uint64_t value)
{
	bool done;

	lists_exit(vcpu);
	while (!(done = write(vcpu->vgic, offset, bytes, value) == VGIC_DONE) &&
	       !may_be_left(write, offset))
		wait_slice(vcpu);
	lists_enter(vcpu);
	return done;
}

static struct outcome abort_outcome(struct vcpu *vcpu, uint64_t esr, uint64_t ipa)
{
	COLD(cold_inject_abort, vcpu, esr, ipa);
	return (struct outcome){ 0, 0 };
}

/* PCI, or nobody's. An access that has to be made again leaves the guest where it is. */
static struct outcome pci_read(struct vcpu *vcpu, uint64_t esr, uint64_t ipa)
{
	struct outcome outcome = { 0, PCI_NOT };

	if (vcpu->vm->pci)
		outcome = COLD(cold_pci_read, vcpu, ipa, access_size(esr));
	if (outcome.done == PCI_NOT)
		return abort_outcome(vcpu, esr, ipa);
	return (struct outcome){ extend(esr, outcome.value), outcome.done == PCI_DONE };
}

static bool pci_write(struct vcpu *vcpu, uint64_t esr, uint64_t ipa, uint64_t value)
{
	uint64_t done = PCI_NOT;

	if (vcpu->vm->pci)
		done = COLD(cold_pci_write, vcpu, ipa | (esr >> 22 & 3) << 48, value).done;
	if (done == PCI_NOT)
		return abort_outcome(vcpu, esr, ipa).done;
	return done == PCI_DONE;
}

static __attribute__((noinline)) uint64_t its_read(struct vcpu *vcpu, uint64_t offset,
						   unsigned bytes)
{
	uint64_t value;

	vits_read(vcpu->vm->vits, vcpu->vgic, offset, bytes, &value);
	return value;
}

/*
 * A queue of commands may be long, and is executed in slices: while there is more, the guest does not get
 * on, but it takes its interrupts in between, and everybody else has theirs.
 */
static __attribute__((noinline)) bool its_write(struct vcpu *vcpu, uint64_t offset, unsigned bytes,
						uint64_t value)
{
	struct vits *vits = vcpu->vm->vits;
	bool done;

	if (vits_write(vits, vcpu->vgic, offset, bytes, value) == VGIC_DONE)
		return true;
	lists_exit(vcpu);
	done = vits_write(vits, vcpu->vgic, offset, bytes, value) == VGIC_DONE;
	lists_enter(vcpu);
	return done;
}

static __attribute__((noinline)) struct outcome device_read(struct vcpu *vcpu, uint64_t esr,
							    uint64_t ipa)
{
	uint64_t offset = ipa - vcpu->vm->uart;

	if (GIC_LPIS && ipa - vcpu->vm->its < VITS_SIZE)
		return (struct outcome){
			extend(esr, its_read(vcpu, ipa - vcpu->vm->its, access_size(esr))), 1
		};
	if (offset >= DEVICE_SIZE)
		return pci_read(vcpu, esr, ipa);
	return (struct outcome){
		extend(esr, COLD(cold_device_read, vcpu, offset, access_size(esr)).value), 1
	};
}

static __attribute__((noinline)) bool device_write(struct vcpu *vcpu, uint64_t esr, uint64_t ipa,
						   uint64_t value)
{
	uint64_t offset = ipa - vcpu->vm->uart;

	if (GIC_LPIS && ipa - vcpu->vm->its < VITS_SIZE)
		return its_write(vcpu, ipa - vcpu->vm->its, access_size(esr), value);
	if (offset >= DEVICE_SIZE)
		return pci_write(vcpu, esr, ipa, value);
	COLD(cold_device_write, vcpu, offset | (uint64_t)access_size(esr) << 32, value);
	return true;
}

struct outcome mmio_read(struct vcpu *vcpu, uint64_t esr)
{
	uint64_t ipa = guest_physical();
	uint64_t offset = ipa - vcpu->vm->gicd;
	read_function *read = vgic_dist_read;
	uint64_t value;

	if (!emulable(esr))
		return abort_outcome(vcpu, esr, ipa);
	if (offset >= GIC_DIST_SIZE) {
		offset = ipa - vcpu->vm->frames;
		read = gic_frame_read;
		if (offset >= vcpu->vm->frames_size) {
			if (ipa == vcpu->vm->bench)
				return (struct outcome){ extend(esr, 0x49524143), 1 }; /* "CARI" */
			return device_read(vcpu, esr, ipa);
		}
	}
	if (read(vcpu->vgic, offset, access_size(esr), &value) == VGIC_AGAIN)
		value = read_wait(vcpu, read, offset, access_size(esr));
	return (struct outcome){ extend(esr, value), 1 };
}

bool mmio_write(struct vcpu *vcpu, uint64_t esr, uint64_t value)
{
	uint64_t ipa = guest_physical();
	uint64_t offset = ipa - vcpu->vm->gicd;
	write_function *write = vgic_dist_write;
	unsigned bytes = access_size(esr);

	if (bytes < 8)
		value &= (1ul << 8 * bytes) - 1;
	if (!emulable(esr))
		return abort_outcome(vcpu, esr, ipa).done;
	if (offset >= GIC_DIST_SIZE) {
		offset = ipa - vcpu->vm->frames;
		write = gic_frame_write;
		if (offset >= vcpu->vm->frames_size)
			return device_write(vcpu, esr, ipa, value);
	}
	return write(vcpu->vgic, offset, bytes, value) == VGIC_DONE ||
	       write_wait(vcpu, write, offset, bytes, value);
}

static __attribute__((noinline)) void sysreg_wait(struct vcpu *vcpu, enum vgic_sysreg reg,
						  uint64_t value)
{
	WAIT_UNTIL_DONE(vcpu, vgic_sysreg_write(vcpu->vgic, reg, value));
}

static inline bool gic_sysreg(struct vcpu *vcpu, enum vgic_sysreg reg, uint64_t value)
{
	if (vgic_sysreg_write(vcpu->vgic, reg, value) == VGIC_AGAIN)
		sysreg_wait(vcpu, reg, value);
	return true;
}

bool sysreg_write(struct vcpu *vcpu, uint64_t esr, uint64_t value)
{
	uint32_t reg = esr & SYS_ISS_MASK;

	if (GIC_SYSREGS && __builtin_expect(reg == VGIC_ICC_SGI1R_EL1, 1))
		return gic_sysreg(vcpu, VGIC_ICC_SGI1R_EL1, value);
	if (GIC_SYSREGS && reg == VGIC_ICC_DIR_EL1)
		return gic_sysreg(vcpu, VGIC_ICC_DIR_EL1, value);
	if (GIC_SYSREGS && reg == VGIC_ICC_SGI0R_EL1)
		return gic_sysreg(vcpu, VGIC_ICC_SGI0R_EL1, value);
	if (GIC_SYSREGS && reg == VGIC_ICC_ASGI1R_EL1)
		return gic_sysreg(vcpu, VGIC_ICC_ASGI1R_EL1, value);
	return COLD(cold_sysreg_write, vcpu, esr, value).value & 1;
}

struct outcome sysreg_read(struct vcpu *vcpu, uint64_t esr)
{
	return COLD(cold_sysreg_read, vcpu, esr, 0);
}

void hvc_handle(struct vcpu *vcpu, uint64_t esr)
{
	/* Non-zero immediates are nobody's; with carillon.bench they measure the way in and out. */
	if (esr & 0xffff) {
		if (vcpu->vm->bench == NO_DEVICE)
			vcpu->x[0] = -1ul;
		return;
	}
	smccc_call(vcpu);
}

void smc_handle(struct vcpu *vcpu, uint64_t esr)
{
	/* The preferred return address of a trapped SMC is the SMC itself. */
	write_sysreg(elr_el2, read_sysreg(elr_el2) + 4);
	if (esr & 0xffff)
		vcpu->x[0] = -1ul;
	else
		smccc_call(vcpu);
}

/*
 * The guest's WFI, while other vCPUs may want the CPU. One with a timeout may end at any time, and
 * does so at once.
 */
void wfx_handle(struct vcpu *vcpu, uint64_t esr)
{
	if (__builtin_expect(read_sysreg(spsr_el2) & SPSR_AARCH32, 0))
		COLD(cold_skip_aarch32, esr, 0, 0);
	else
		write_sysreg(elr_el2, read_sysreg(elr_el2) + 4);
	if (__builtin_expect(esr & ESR_TI_T, 0))
		return;
	vcpu_wait(vcpu);
	lists_enter(vcpu);
}

void fp_handle(struct vcpu *vcpu, uint64_t esr)
{
	(void)esr;
	COLD(cold_fp_load, vcpu, 0, 0);
}

void instruction_abort(struct vcpu *vcpu, uint64_t esr)
{
	COLD(cold_inject_abort, vcpu, esr, guest_physical());
}

void other_exception(struct vcpu *vcpu, uint64_t esr)
{
	COLD(cold_inject_undefined, vcpu, esr, 0);
}

void serror_handle(struct vcpu *vcpu, uint64_t esr)
{
	COLD(cold_serror, vcpu, esr, 0);
}
