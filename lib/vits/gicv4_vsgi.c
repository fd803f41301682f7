/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What only a GICv4.1 has: the vPE table that ITSs and redistributors share, and SGIs that hardware
 * delivers (IHI 0069 5.7; GITS_SGIR, GICR_VSGIR, GICR_VSGIPENDR, GICR_VPROPBASER). No hardware has seen
 * this part: it runs against tests/model/gicv4.c alone.
 */
#include "gicv4_internal.h"

#define VSGIPENDR_BUSY   (UINT32_C(1) << 31)
#define BASER_INDIRECT   (UINT64_C(1) << 62)
#define BASER_ENTRY_MASK UINT64_C(0x1f)
#define PROP_VALID       (UINT64_C(1) << 63)
#define PROP_INDIRECT    (UINT64_C(1) << 55)
#define PAGE_64K         2u

/* Aff3 to Aff1 of as many levels as `field` says are common: 0: none; 1: Aff3; 2: Aff2, too; 3: Aff1, too. */
static bool same_affinity(unsigned field, uint32_t one, uint32_t other)
{
	uint32_t mask = field ? ~UINT32_C(0) << (32 - 8 * field) : 0;

	return ((one ^ other) & mask) == 0;
}

bool gicv4_redists_share(uint64_t gicr_typer, uint64_t other)
{
	return same_affinity(gicr_typer >> 24 & 3, (uint32_t)(gicr_typer >> 32),
			     (uint32_t)(other >> 32));
}

bool gicv4_its_shares(uint64_t gits_typer, uint32_t gits_mpidr, uint64_t gicr_typer)
{
	unsigned field = gits_typer >> 41 & 3;

	return field && same_affinity(field, gits_mpidr, (uint32_t)(gicr_typer >> 32));
}

uint64_t gicv4_vpe_table(uint64_t gits_baser, uint64_t attributes)
{
	uint64_t page = gits_baser >> 8 & 3, pages = gits_baser & 0xff;
	uint64_t address = gits_baser & UINT64_C(0x0000fffffffff000);

	if (page >= PAGE_64K) /* bits 51:48 are in 15:12 */
		address = (address & ~UINT64_C(0xffff)) | (gits_baser >> 12 & 0xf) << 48;
	if (pages > 0x7f) /* the register has a bit less */
		return 0;
	return PROP_VALID | (gits_baser & BASER_INDIRECT ? PROP_INDIRECT : 0) | page << 53 |
	       address | pages | (attributes & ATTRIBUTES);
}

void gicv4_groups(struct gicv4 *vm, unsigned vcpu, bool group0, bool group1)
{
	if (vcpu >= vm->vcpus)
		return;
	vm->vpes[vcpu].group0 = group0;
	vm->vpes[vcpu].group1 = group1;
}

static int check_vsgi(const struct gicv4 *vm, unsigned vcpu, unsigned sgi)
{
	if (!is_minor_1(vm))
		return -VIRQ_ERR_KIND;
	return vcpu < vm->vcpus && sgi < 16 ? 0 : -VIRQ_ERR_RANGE;
}

static void put_vsgi(struct gicv4 *vm, unsigned vcpu, unsigned sgi, bool clear)
{
	its_vsgi(vm, vcpu, sgi, clear);
	v4_vsync(vm, 0, vcpu);
}

int gicv4_vsgi_configure(struct gicv4 *vm, unsigned vcpu, unsigned sgi, bool enabled,
			 uint8_t priority, unsigned group)
{
	int result = check_vsgi(vm, vcpu, sgi);

	if (result)
		return result;
	lock_take(&vm->lock);
	vm->vpes[vcpu].sgis[sgi] = (struct vsgi){ enabled, priority, group & 1 };
	put_vsgi(vm, vcpu, sgi, false);
	if (enabled)
		v4_look_later(vm, vcpu);
	lock_drop(&vm->lock);
	return 0;
}

int gicv4_vsgi_clear(struct gicv4 *vm, unsigned vcpu, unsigned sgi)
{
	int result = check_vsgi(vm, vcpu, sgi);

	if (result)
		return result;
	lock_take(&vm->lock);
	put_vsgi(vm, vcpu, sgi, true);
	lock_drop(&vm->lock);
	return 0;
}

int gicv4_vsgi_set(struct gicv4 *vm, unsigned vcpu, unsigned sgi)
{
	int result = check_vsgi(vm, vcpu, sgi);

	if (!result)
		vm->hooks.sgir(vm->host, 0,
			       (uint64_t)(uint16_t)(vm->first_vpeid + vcpu) << 32 | sgi);
	return result;
}

bool gicv4_vsgi_pending(struct gicv4 *vm, unsigned vcpu, uint16_t *pending)
{
	uint32_t nobody = 0, me = (uint32_t)(vm->first_vpeid + vcpu) + 1;
	uint32_t *asking = &vm->machine->asking;
	unsigned cpu;
	uint64_t answer;

	*pending = 0;
	if (check_vsgi(vm, vcpu, 0))
		return true;
	if (!vpe_moved(vm, vcpu))
		return false;
	cpu = load_relaxed(&vm->vpes[vcpu].cpu);
	/* acquire: partner is the release below, of who had it before */
	if (__atomic_compare_exchange_n(asking, &nobody, me, false, __ATOMIC_ACQUIRE,
					__ATOMIC_RELAXED))
		vm->hooks.redist_write(vm->host, cpu, GICV4_GICR_VSGIR, me - 1);
	else if (nobody != me)
		return false;
	answer = vm->hooks.redist_read(vm->host, cpu, GICV4_GICR_VSGIPENDR);
	if (answer & VSGIPENDR_BUSY)
		return false;
	*pending = (uint16_t)answer;
	/* release: our reads are done; partner is the acquire above */
	__atomic_store_n(asking, 0u, __ATOMIC_RELEASE);
	return true;
}
