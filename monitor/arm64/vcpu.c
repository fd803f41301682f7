/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * A vCPU's life on its physical CPU: on, waiting, off (DEN0022 5.4 to 5.6).
 */
#include "hot.h"
#include "vm.h"
#include "../common/trace.h"

#define SCTLR_EL1_RESET 0x30d00800ul /* RES1 bits of an implementation without later extensions */

/* What DDI 0487 and DEN0022 6.4 say of a CPU that comes up at EL1: MMU, caches, timers, traps off. */
void vcpu_reset_registers(struct cpu *cpu, uint64_t entry, uint64_t context)
{
	write_sysreg(sctlr_el1, SCTLR_EL1_RESET);
	write_sysreg(cpacr_el1, 0);
	write_sysreg(tcr_el1, 0);
	write_sysreg(ttbr0_el1, 0);
	write_sysreg(ttbr1_el1, 0);
	write_sysreg(mair_el1, 0);
	write_sysreg(vbar_el1, 0);
	write_sysreg(contextidr_el1, 0);
	write_sysreg(cntkctl_el1, 0);
	write_sysreg(mdscr_el1, 0);
	write_sysreg(cntv_ctl_el0, 0);
	write_sysreg(cntp_ctl_el0, 0);
	write_sysreg(tpidr_el0, 0);
	write_sysreg(tpidrro_el0, 0);
	write_sysreg(tpidr_el1, 0);
	write_sysreg(sp_el0, 0);
	write_sysreg(sp_el1, 0);
	write_sysreg(elr_el1, 0);
	write_sysreg(spsr_el1, 0);
	write_sysreg(elr_el2, entry);
	write_sysreg(spsr_el2, SPSR_EL1H | SPSR_DAIF);
	cpu->x[0] = context;
	/* Another CPU may have written what is about to run here. */
	__asm__ volatile("ic iallu\n\tdsb nsh\n\tisb" : : : "memory");
}

static __attribute__((noreturn)) void start(struct cpu *cpu)
{
	struct vcpu *vcpu = cpu->vcpu;

	vcpu_reset_registers(cpu, vcpu->entry, vcpu->context);
	COLD(cold_trace, cpu, TRACE_START, vcpu->entry);
	cpu->vgic = vgic_load(vm.vgic, vcpu->index);
	lists_reset(cpu);
	__atomic_store_n(&vcpu->power, POWER_ON, __ATOMIC_RELEASE);
	guest_start(cpu);
}

/* PENDING is stored by CPU_ON before its kick: partner of the release there. */
void vcpu_run(struct cpu *cpu)
{
	while (__atomic_load_n(&cpu->vcpu->power, __ATOMIC_ACQUIRE) != POWER_PENDING) {
		wfi();
		physical_interrupts(cpu);
	}
	start(cpu);
}

void vcpu_off(struct cpu *cpu)
{
	write_sysreg(cntv_ctl_el0, 0);
	write_sysreg(cntp_ctl_el0, 0);
	isb();
	lists_leave(cpu);
	lists_read_active(cpu);
	vgic_put(cpu->vgic, &cpu->image);
	cpu->vgic = NULL;
	__atomic_store_n(&cpu->vcpu->power, POWER_OFF, __ATOMIC_RELEASE);
	vcpu_run(cpu);
}

/*
 * Until a virtual interrupt is asserted. Interrupts are masked here, so one that comes between
 * vgic_block() and the WFI stays pending and ends the WFI at once.
 */
void vcpu_wait(struct cpu *cpu)
{
	lists_leave(cpu);
	lists_read_active(cpu);
	while (!vgic_pending(vm.vgic, cpu->vcpu->index)) {
		if (vgic_block(cpu->vgic)) {
			wfi();
			physical_interrupts(cpu);
		}
		vgic_exit(cpu->vgic, &cpu->image);
	}
}
