/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * ITS commands as direct injection puts them: IHI 0069 5.13, four doublewords each.
 */
#include "gicv4_internal.h"

#define ADDRESS UINT64_C(0x000fffffffff0000) /* bits 51:16, in place */

static uint64_t put(struct gicv4 *vm, unsigned its, uint64_t w0, uint64_t w1, uint64_t w2,
		    uint64_t w3)
{
	const uint64_t command[4] = { w0, w1, w2, w3 };

	return vm->hooks.command(vm->host, its, command);
}

static uint64_t device(const struct gicv4_event *event)
{
	return (uint64_t)event->device << 32;
}

static uint64_t rdbase(struct gicv4 *vm, unsigned its, unsigned cpu)
{
	return vm->hooks.rdbase(vm->host, its, cpu) & ADDRESS;
}

static uint64_t vpeid(const struct gicv4 *vm, unsigned vcpu)
{
	return (uint64_t)(uint16_t)(vm->first_vpeid + vcpu) << 32;
}

/* A doorbell for each event is GICv4.0's way; GICv4.1's is the vPE's own, in VMAPP and VMOVP. */
static uint64_t event_doorbell(const struct gicv4 *vm, unsigned vcpu)
{
	uint32_t intid = NO_DOORBELL;

	if (!is_minor_1(vm) && vcpu != parking(vm))
		intid = vm->vpes[vcpu].bell.intid;
	return (uint64_t)intid << 32;
}

static uint64_t default_doorbell(const struct gicv4 *vm, unsigned vcpu)
{
	return vcpu == parking(vm) ? NO_DOORBELL : vm->vpes[vcpu].bell.intid;
}

uint64_t its_event(struct gicv4 *vm, enum command command, const struct gicv4_event *event)
{
	return put(vm, event->its, command | device(event), event->event, 0, 0);
}

uint64_t its_sync(struct gicv4 *vm, unsigned its, unsigned cpu)
{
	return put(vm, its, ITS_SYNC, 0, rdbase(vm, its, cpu), 0);
}

uint64_t its_mapti(struct gicv4 *vm, const struct gicv4_event *event)
{
	return put(vm, event->its, ITS_MAPTI | device(event),
		   (uint64_t)event->intid << 32 | event->event, event->collection, 0);
}

uint64_t its_movi(struct gicv4 *vm, const struct gicv4_event *event, unsigned collection)
{
	return put(vm, event->its, ITS_MOVI | device(event), event->event, collection, 0);
}

uint64_t its_vmapti(struct gicv4 *vm, const struct gicv4_event *event, unsigned vcpu, virq_t lpi)
{
	return put(vm, event->its, ITS_VMAPTI | device(event), vpeid(vm, vcpu) | event->event,
		   event_doorbell(vm, vcpu) | lpi, 0);
}

uint64_t its_vmovi(struct gicv4 *vm, const struct gicv4_event *event, unsigned vcpu)
{
	return put(vm, event->its, ITS_VMOVI | device(event), vpeid(vm, vcpu) | event->event,
		   event_doorbell(vm, vcpu) | 1u, 0);
}

uint64_t its_vpe(struct gicv4 *vm, enum command command, unsigned its, unsigned vcpu)
{
	return put(vm, its, command, vpeid(vm, vcpu), 0, 0);
}

uint64_t its_vmapp(struct gicv4 *vm, unsigned its, unsigned vcpu, bool valid, bool alone)
{
	unsigned cpu = vcpu == parking(vm) ? vm->cpu : load_relaxed(&vm->vpes[vcpu].cpu);
	uint64_t w0 = ITS_VMAPP, w1 = vpeid(vm, vcpu), w2 = 0, w3 = 0;

	if (is_minor_1(vm) && alone)
		w0 |= UINT64_C(1) << 8; /* Alloc */
	if (valid) {
		w2 = UINT64_C(1) << 63 | rdbase(vm, its, cpu);
		w3 = ((vm->address + vm->properties_size + vm->pending_size * vcpu) & ADDRESS) |
		     (vm->intid_bits - 1u);
	}
	if (valid && is_minor_1(vm)) {
		w0 |= (alone ? UINT64_C(1) << 9 : 0) | (vm->address & ADDRESS); /* PTZ */
		w1 |= default_doorbell(vm, vcpu);
	}
	return put(vm, its, w0, w1, w2, w3);
}

uint64_t its_vmovp(struct gicv4 *vm, unsigned its, unsigned vcpu, unsigned cpu, uint16_t sequence)
{
	const struct gicv4_machine *machine = vm->machine;
	uint64_t w0 = ITS_VMOVP, w1 = vpeid(vm, vcpu), w2 = rdbase(vm, its, cpu), w3 = 0;

	if (!machine->vmovp) {
		w0 |= (uint64_t)sequence << 32;
		for (unsigned n = 0; n < machine->itss; n++)
			w1 |= UINT64_C(1) << machine->its_numbers[n];
	}
	if (is_minor_1(vm)) {
		w2 |= UINT64_C(1) << 63; /* DB: the default doorbell is given anew */
		w3 = default_doorbell(vm, vcpu);
	}
	return put(vm, its, w0, w1, w2, w3);
}

uint64_t its_vsgi(struct gicv4 *vm, unsigned vcpu, unsigned sgi, bool clear)
{
	const struct vsgi *config = &vm->vpes[vcpu].sgis[sgi];

	return put(vm, 0,
		   ITS_VSGI | (uint64_t)sgi << 32 | (uint64_t)(config->priority >> 4) << 20 |
			   (uint64_t)config->group << 10 | (uint64_t)clear << 9 |
			   (uint64_t)config->enabled << 8,
		   vpeid(vm, vcpu), 0, 0);
}
