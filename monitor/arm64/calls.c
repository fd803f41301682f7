/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The guest's calls: PSCI 1.1 (DEN0022) and SMCCC 1.2 (DEN0028), over HVC or SMC, and with
 * carillon.bench the calls that measure us.
 */
#include <interface.h>
#include "hot.h"
#include "psci.h"
#include "vm.h"
#include "../common/trace.h"

#define BENCH_FIRST 0xc6000000u /* and behind it: */
#define BENCH_NULL  0u
#define BENCH_COUNT 1u
#define BENCH_PULSE 2u
#define BENCH_YIELD 3u
#define BENCH_SPI   4u
#define BENCH_VGIC  5u

#define SUSPEND_POWERDOWN (1u << 16) /* power_state, original format */
#define SUSPEND_RESERVED  0xfcfe0000u

typedef int64_t call_function(struct vcpu *vcpu, uint64_t x1, uint64_t x2, uint64_t x3);

static int64_t psci_version(struct vcpu *vcpu, uint64_t x1, uint64_t x2, uint64_t x3)
{
	(void)vcpu, (void)x1, (void)x2, (void)x3;
	return 0x10001;
}

static int64_t psci_cpu_on(struct vcpu *caller, uint64_t target, uint64_t entry, uint64_t context)
{
	int index = vm_vcpu_of_mpidr(caller->vm, target);
	enum power was = POWER_OFF;
	struct vcpu *vcpu;

	if (index < 0)
		return PSCI_INVALID_PARAMETERS;
	if (entry & 3)
		return PSCI_INVALID_ADDRESS;
	vcpu = caller->vm->vcpu[index];
	/* One caller gets to fill in the entry; the acquire is partner of vcpu_left()'s release. */
	if (!__atomic_compare_exchange_n(&vcpu->power, &was, POWER_CLAIMED, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED))
		return was == POWER_ON ? PSCI_ALREADY_ON : PSCI_ON_PENDING;
	vcpu->entry = entry;
	vcpu->entry_argument = context;
	if (vcpu->vm->sdei)
		sdei_cpu_on(vcpu->vm->sdei, vcpu->index);
	__atomic_store_n(&vcpu->power, POWER_PENDING, __ATOMIC_RELEASE);
	COLD(cold_launch, vcpu, 0, 0);
	return PSCI_SUCCESS;
}

static int64_t psci_cpu_off(struct vcpu *vcpu, uint64_t x1, uint64_t x2, uint64_t x3)
{
	(void)x1, (void)x2, (void)x3;
	if (vcpu->vm->sdei)
		sdei_cpu_off(vcpu->vm->sdei, vcpu->index);
	vcpu_off(vcpu);
}

/* Both kinds end with the next virtual interrupt; powerdown comes back through the entry point. */
static int64_t psci_cpu_suspend(struct vcpu *vcpu, uint64_t state, uint64_t entry, uint64_t context)
{
	if (state & SUSPEND_RESERVED)
		return PSCI_INVALID_PARAMETERS;
	if (state & SUSPEND_POWERDOWN && entry & 3)
		return PSCI_INVALID_ADDRESS;
	vcpu_wait(vcpu);
	if (!(state & SUSPEND_POWERDOWN)) {
		lists_enter(vcpu);
		return PSCI_SUCCESS;
	}
	if (vcpu->vm->sdei)
		sdei_cpu_suspended(vcpu->vm->sdei, vcpu->index);
	vcpu->entry = entry;
	vcpu->x[0] = context;
	COLD(cold_reset_registers, vcpu, 0, 0);
	lists_reset(vcpu);
	guest_start(vcpu);
}

static int64_t psci_affinity_info(struct vcpu *vcpu, uint64_t target, uint64_t level, uint64_t x3)
{
	int index = vm_vcpu_of_mpidr(vcpu->vm, target);
	static const uint8_t answer[] = {
		[POWER_OFF] = 1,
		[POWER_CLAIMED] = 2,
		[POWER_PENDING] = 2,
		[POWER_ON] = 0,
	};

	(void)vcpu, (void)x3;
	if (index < 0 || level != 0)
		return PSCI_INVALID_PARAMETERS;
	return answer[__atomic_load_n(&vcpu->vm->vcpu[index]->power, __ATOMIC_ACQUIRE)];
}

static int64_t psci_migrate_info_type(struct vcpu *vcpu, uint64_t x1, uint64_t x2, uint64_t x3)
{
	(void)vcpu, (void)x1, (void)x2, (void)x3;
	return 2; /* no Trusted OS that would have to move */
}

static int64_t psci_system_off(struct vcpu *vcpu, uint64_t x1, uint64_t x2, uint64_t x3)
{
	(void)vcpu, (void)x1, (void)x2, (void)x3;
	COLD(cold_system_off, vcpu, 0, 0);
	return PSCI_SUCCESS; /* which it does not see */
}

static int64_t psci_system_reset(struct vcpu *vcpu, uint64_t x1, uint64_t x2, uint64_t x3)
{
	(void)vcpu, (void)x1, (void)x2, (void)x3;
	COLD(cold_system_reset, vcpu, 0, 0);
	return PSCI_SUCCESS;
}

static int64_t psci_system_reset2(struct vcpu *vcpu, uint64_t type, uint64_t cookie, uint64_t x3)
{
	/* 0: the architectural warm reset; others are a vendor's, and we have none. */
	if ((uint32_t)type != 0)
		return (uint32_t)type >> 31 ? PSCI_NOT_SUPPORTED : PSCI_INVALID_PARAMETERS;
	return psci_system_reset(vcpu, type, cookie, x3);
}

static int64_t smccc_version(struct vcpu *vcpu, uint64_t x1, uint64_t x2, uint64_t x3)
{
	(void)vcpu, (void)x1, (void)x2, (void)x3;
	return 0x10002;
}

/*
 * The workarounds for speculation are not offered: the guest sees the physical CPU's own CSV2, CSV3
 * and SSBS, and the machine's firmware is not passed on to it.
 */
static int64_t smccc_arch_features(struct vcpu *vcpu, uint64_t function, uint64_t x2, uint64_t x3)
{
	(void)vcpu, (void)x2, (void)x3;
	switch ((uint32_t)function) {
	case SMCCC_VERSION:
	case SMCCC_ARCH_FEATURES:
		return 0;
	default:
		return PSCI_NOT_SUPPORTED;
	}
}

static int64_t psci_features(struct vcpu *vcpu, uint64_t function, uint64_t x2, uint64_t x3);

static const struct call {
	uint32_t function;
	bool also_64; /* the same number in the SMC64 range, with 64-bit arguments */
	call_function *call;
} calls[] = {
	{ PSCI_VERSION, false, psci_version },
	{ PSCI_CPU_SUSPEND, true, psci_cpu_suspend },
	{ PSCI_CPU_OFF, false, psci_cpu_off },
	{ PSCI_CPU_ON_32, true, psci_cpu_on },
	{ PSCI_AFFINITY_INFO, true, psci_affinity_info },
	{ PSCI_MIGRATE_INFO_TYPE, false, psci_migrate_info_type },
	{ PSCI_SYSTEM_OFF, false, psci_system_off },
	{ PSCI_SYSTEM_RESET, false, psci_system_reset },
	{ PSCI_FEATURES, false, psci_features },
	{ PSCI_SYSTEM_RESET2, true, psci_system_reset2 },
	{ SMCCC_VERSION, false, smccc_version },
	{ SMCCC_ARCH_FEATURES, false, smccc_arch_features },
};

static const struct call *find_call(uint32_t function)
{
	unsigned i;

	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (function == calls[i].function ||
		    (calls[i].also_64 && function == SMC64(calls[i].function)))
			return &calls[i];
	}
	return NULL;
}

static int64_t psci_features(struct vcpu *vcpu, uint64_t function, uint64_t x2, uint64_t x3)
{
	(void)vcpu, (void)x2, (void)x3;
	/* CPU_SUSPEND: original format of power_state, platform-coordinated only. */
	return find_call((uint32_t)function) && (uint32_t)function != SMCCC_ARCH_FEATURES
		       ? PSCI_SUCCESS
		       : PSCI_NOT_SUPPORTED;
}

/* --- Bench. ------------------------------------------------------------------------------------- */

/* The counter is 32 bits wide: what came since the last look is added to the total. */
static uint64_t instructions(struct cpu *cpu)
{
	uint32_t now = (uint32_t)read_sysreg(S3_3_C14_C8_0); /* PMEVCNTR0_EL0 */

	cpu->instructions += now - cpu->counter;
	cpu->counter = now;
	return cpu->instructions;
}

static void bench_count(struct vcpu *vcpu)
{
	vcpu->x[1] = instructions(vcpu->cpu);
	vcpu->x[2] = COLD(cold_bench_exits, vcpu->cpu, 0, 0).value;
	vcpu->x[3] = vcpu->cpu->kicks << 8 | vcpu->cpu->index;
	vcpu->x[0] = 0;
}

static void bench_pulse(struct vcpu *vcpu)
{
	uint64_t first = vcpu->x[1], count = vcpu->x[2], i;

	vcpu->x[0] = (uint64_t)PSCI_INVALID_PARAMETERS;
	if (first < 32 || first > 1019 || count > 1020 - first)
		return;
	for (i = 0; i < count; i++)
		vgic_pulse_here(vcpu->vgic, vcpu->index, (virq_t)(first + i));
	vcpu->x[0] = 0;
}

/* A switch to whoever waits, and back in turn. */
static void bench_yield(struct vcpu *vcpu)
{
	vcpu->x[0] = !vcpu->cpu->queue_length;
	if (vcpu->x[0])
		return;
	vcpu->budget = 0; /* behind all of them */
	lists_leave(vcpu);
	vcpu_give_up(vcpu, VCPU_READY);
	lists_enter(vcpu);
}

/* The part of it that is about the interrupt controller. */
static void bench_vgic(struct vcpu *vcpu)
{
	vcpu->x[0] = 0;
	lists_leave(vcpu);
	lists_put(vcpu);
	lists_load(vcpu);
	lists_enter(vcpu);
}

static void bench_spi(struct vcpu *vcpu)
{
	struct outcome at = COLD(cold_bench_spi, vcpu, vcpu->x[1], vcpu->x[2]);

	vcpu->x[0] = at.done ? 0 : (uint64_t)PSCI_INVALID_PARAMETERS;
	if (at.done && !vcpu->x[3])
		mmio_write32((void *)at.value, 1u << vcpu->x[1] % 32);
}

static __attribute__((noinline)) void bench_slow(struct vcpu *vcpu, uint32_t function)
{
	unsigned which = function - BENCH_FIRST;

	if (which == BENCH_COUNT)
		bench_count(vcpu);
	else if (which == BENCH_PULSE)
		bench_pulse(vcpu);
	else if (which == BENCH_YIELD)
		bench_yield(vcpu);
	else if (which == BENCH_VGIC)
		bench_vgic(vcpu);
	else if (which == BENCH_SPI)
		bench_spi(vcpu);
	else
		vcpu->x[0] = (uint64_t)PSCI_NOT_SUPPORTED;
}

static __attribute__((noinline)) void call_by_table(struct vcpu *vcpu, uint32_t function)
{
	const struct call *call = find_call(function);
	uint64_t mask = function & SMC64(0) ? ~0ul : 0xffffffff;

	COLD(cold_trace, vcpu, TRACE_CALL, function);
	if (!call)
		vcpu->x[0] = (uint64_t)PSCI_NOT_SUPPORTED;
	else
		vcpu->x[0] = (uint64_t)call->call(vcpu, vcpu->x[1] & mask, vcpu->x[2] & mask,
						  vcpu->x[3] & mask);
}

void smccc_call(struct vcpu *vcpu)
{
	uint32_t function = (uint32_t)vcpu->x[0];

	if (vcpu->vm->sdei && sdei_is_call(function)) {
		vcpu->vgic->host |= SDEI_ASKED;
		return;
	}
	if (function >> 24 != BENCH_FIRST >> 24 || vcpu->vm->bench == NO_DEVICE)
		call_by_table(vcpu, function);
	else if (function == BENCH_FIRST + BENCH_NULL)
		vcpu->x[0] = 0;
	else
		bench_slow(vcpu, function);
}
