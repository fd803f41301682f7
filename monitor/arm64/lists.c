/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Between struct gic_cpuif and the virtual CPU interface's registers, which lists.h of this GIC
 * reaches. Only what is live is read and only what changed is written: each of these accesses is
 * slow on real hardware, too.
 */
#include <lists.h>
#include "hot.h"
#include "vm.h"

static inline void leave(struct cpu *cpu)
{
	struct gic_cpuif *image = &cpu->image;

	if (image->live)
		read_lists(cpu, image->live);
	image->hcr = read_hcr(cpu);
	image->vmcr = read_vmcr(cpu);
	if (__builtin_expect(image->read_apr, 0))
		lists_read_active(cpu);
	vgic_exit(cpu->vgic, image);
}

static inline void enter(struct cpu *cpu)
{
	struct gic_cpuif *image = &cpu->image;

	vgic_enter(cpu->vgic, image);
	if (image->changed)
		write_lists(cpu, image->changed);
	if (image->hcr_changed)
		write_hcr(cpu, image->hcr);
}

void vgic_settle(struct cpu *cpu)
{
	struct gic_cpuif *image = &cpu->image;

	if (vgic_refill(cpu->vgic, image, read_empty(cpu))) {
		write_lists(cpu, image->changed);
		return;
	}
	leave(cpu);
	enter(cpu);
}

/* Settled twice and still not done: what is missing is another CPU's to do, and it has been kicked. */
void vgic_pause(struct cpu *cpu)
{
	if (!vgic_attention(cpu->vgic))
		return;
	cpu->waits++;
	yield(WAIT_YIELDS);
}

void lists_leave(struct cpu *cpu)
{
	leave(cpu);
}

void lists_enter(struct cpu *cpu)
{
	enter(cpu);
}

void lists_read_active(struct cpu *cpu)
{
	read_active(cpu);
}

void lists_reset(struct cpu *cpu)
{
	vgic_cpuif_reset(cpu->vgic, &cpu->image);
	write_active(cpu);
	write_vmcr(cpu, cpu->image.vmcr);
	enter(cpu);
	write_hcr(cpu, cpu->image.hcr);
}
