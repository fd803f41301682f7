/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * A stopped VM's interrupt state, saved to memory and restored in place: the interrupt controller's
 * (carillon/vgic.h has its format) behind the timers' of each vCPU, which are little-endian numbers of
 * 64 bits: CNTV_CTL, CNTV_CVAL, CNTP_CTL, CNTP_CVAL; and behind it the SDEI dispatcher's
 * (carillon/sdei.h), if there is one.
 */
#include <string.h>
#include "direct.h"
#include "vm.h"

#define TIMER_BYTES 32

static void put64(uint8_t *at, uint64_t value)
{
	unsigned i;

	for (i = 0; i < 8; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

static uint64_t get64(const uint8_t *at)
{
	uint64_t value = 0;
	unsigned i;

	for (i = 0; i < 8; i++)
		value |= (uint64_t)at[i] << 8 * i;
	return value;
}

static void save_timers(const struct context *context, uint8_t *at)
{
	put64(at, context->cntv_ctl);
	put64(at + 8, context->cntv_cval);
	put64(at + 16, context->cntp_ctl);
	put64(at + 24, context->cntp_cval);
}

static void restore_timers(struct context *context, const uint8_t *at)
{
	context->cntv_ctl = get64(at);
	context->cntv_cval = get64(at + 8);
	context->cntp_ctl = get64(at + 16);
	context->cntp_cval = get64(at + 24);
}

size_t vm_save_size(const struct vm *vm)
{
	return TIMER_BYTES * vm->vcpus + vgic_save_size(vm->vgic) +
	       (vm->sdei ? sdei_save_size(vm->sdei) : 0);
}

int vm_save(struct vm *vm, const char **why)
{
	uint8_t *at = (uint8_t *)vm->saved.start;
	size_t timers = TIMER_BYTES * vm->vcpus;
	unsigned i;
	long length;
	bool direct;

	*why = "it runs, or is off; pause it first";
	if (vm->state != VM_STOPPED)
		return -1;
	for (i = 0; i < vm->vcpus; i++)
		save_timers(&vm->vcpu[i]->context, at + TIMER_BYTES * i);
	direct = direct_end(vm);
	vm_quiet(vm);
	console_hold(vm);
	*why = "its interrupt controller is in use";
	length = vgic_save(vm->vgic, at + timers, vm->saved.size - timers);
	if (length >= 0 && vm->vits && vits_save(vm->vits, &vm->its_saved) != 0) {
		*why = "its ITS has no table for the collections that it has mapped";
		length = -1;
	}
	if (length >= 0 && vm->sdei)
		length += sdei_save(vm->sdei, at + timers + length,
				    vm->saved.size - timers - (size_t)length);
	console_let_go(vm);
	vm_speak(vm);
	if (direct)
		direct_switch(vm, true);
	vm->used = length < 0 ? 0 : timers + (size_t)length;
	return length < 0 ? -1 : 0;
}

int vm_restore(struct vm *vm, const char **why)
{
	const uint8_t *at = (const uint8_t *)vm->saved.start;
	size_t timers = TIMER_BYTES * vm->vcpus;
	size_t events = vm->sdei ? sdei_save_size(vm->sdei) : 0;
	unsigned i;
	int result;
	bool direct;

	*why = "it runs, or is off; pause it first";
	if (vm->state != VM_STOPPED)
		return -1;
	*why = "nothing was saved; save it first";
	if (!vm->used)
		return -1;
	direct = direct_end(vm);
	vm_quiet(vm);
	console_hold(vm);
	result = vgic_restore(vm->vgic, at + timers, vm->used - timers - events, why);
	if (result == 0 && vm->sdei)
		result = sdei_restore(vm->sdei, at + vm->used - events, events, why);
	if (result == 0 && vm->vits)
		result = vits_restore(vm->vits, &vm->its_saved, why);
	console_let_go(vm);
	vm_speak(vm);
	if (direct)
		direct_switch(vm, true);
	if (result != 0)
		return -1;
	for (i = 0; i < vm->vcpus; i++) {
		restore_timers(&vm->vcpu[i]->context, at + TIMER_BYTES * i);
		vm->vcpu[i]->restored = true;
	}
	return 0;
}
