/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * vCPUs on CPUs: moving a vPE to another redistributor, making it resident and not, its doorbell (IHI
 * 0069 5.4 to 5.6; GICR_VPROPBASER, GICR_VPENDBASER in 12.12). Block, doorbell and put:
 * tests/protocol/doorbell.pml.
 *
 * No lock keeps a doorbell from an owner's put. What hardware and doorbells say is only ever added to
 * `pending`, and only the owner clears it, before it makes the vPE resident, which shows the guest all that
 * the flag could have meant. A doorbell that comes late costs a wake-up for nothing, and loses none.
 */
#include "gicv4_internal.h"

static void set_state(struct vpe *vpe, enum residence state)
{
	/* release: what the owner did before; partner: the acquire in is_resident() */
	__atomic_store_n(&vpe->state, (uint32_t)state, __ATOMIC_RELEASE);
}

static bool is_resident(const struct vpe *vpe)
{
	/* acquire: partner is the release in set_state() */
	uint32_t state = __atomic_load_n(&vpe->state, __ATOMIC_ACQUIRE);

	return state == VPE_ENTERING || state == VPE_RESIDENT || state == VPE_RINGING;
}

static void add_pending(struct vpe *vpe)
{
	/*
	 * Sequentially consistent: before the embedder reads whether the vCPU sleeps; partner: its
	 * barrier between saying so and gicv4_pending().
	 */
	__atomic_store_n(&vpe->pending, 1u, __ATOMIC_SEQ_CST);
}

void vpe_wake(struct gicv4 *vm, unsigned vcpu)
{
	struct vpe *vpe = &vm->vpes[vcpu];

	/* Sequentially consistent: partner is make_absent(), where LEAVING comes before Valid = 0. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (is_resident(vpe))
		return;
	add_pending(vpe);
	vm->hooks.wake(vm->host, vcpu);
}

static uint64_t read_pendbaser(struct gicv4 *vm, const struct vpe *vpe)
{
	return vm->hooks.redist_read(vm->host, vpe->cpu, GICV4_GICR_VPENDBASER);
}

static void write_pendbaser(struct gicv4 *vm, const struct vpe *vpe, uint64_t value)
{
	vm->hooks.redist_write(vm->host, vpe->cpu, GICV4_GICR_VPENDBASER, value);
}

/* GICv4.0. A doorbell comes where its vPE is mapped, and so the proxy event is moved with it: move(). */
static uint64_t bell_switch(struct gicv4 *vm, unsigned vcpu, bool on)
{
	struct vpe *vpe = &vm->vpes[vcpu];

	vm->hooks.doorbell(vm->host, vcpu, on);
	its_event(vm, ITS_INV, &vpe->bell);
	return its_sync(vm, vpe->bell.its, load_relaxed(&vpe->cpu));
}

static void move(struct gicv4 *vm, unsigned vcpu)
{
	struct gicv4_machine *machine = vm->machine;
	struct vpe *vpe = &vm->vpes[vcpu];
	struct lock *order = (struct lock *)(void *)&machine->lock;
	unsigned itss = machine->vmovp ? 1 : machine->itss;
	uint16_t sequence = 0, cpu = vpe->to;

	if (!machine->vmovp) {
		/* ITSs wait for one another by the sequence number: all see moves in one order. */
		lock_take(order);
		sequence = machine->sequence++;
	}
	for (unsigned its = 0; its < itss; its++)
		its_vmovp(vm, its, vcpu, cpu, sequence);
	if (!machine->vmovp)
		lock_drop(order);
	for (unsigned its = 0; its < itss; its++)
		vpe_tokens(vm, vcpu)[its] = its_vpe(vm, ITS_VSYNC, its, vcpu);
	if (!is_minor_1(vm)) {
		its_movi(vm, &vpe->bell, cpu);
		vpe->bell_token = its_sync(vm, vpe->bell.its, vpe->cpu);
	}
	store_relaxed(&vpe->cpu, cpu);
	count(&vm->stats.moves);
}

/* False: the redistributor that has it is still at what it was told about this vPE. */
static bool set_out(struct gicv4 *vm, unsigned vcpu)
{
	struct vpe *vpe = &vm->vpes[vcpu];
	bool may;

	if (vpe->cpu == vpe->to)
		return true;
	if (!uses_invlpir(vm)) {
		move(vm, vcpu);
		return true;
	}
	lock_take(&vm->lock);
	may = v4_invalidated(vm, vpe);
	if (may)
		move(vm, vcpu);
	lock_drop(&vm->lock);
	return may;
}

bool vpe_moved(struct gicv4 *vm, unsigned vcpu)
{
	unsigned itss = vm->machine->vmovp ? 1 : vm->machine->itss;
	const uint64_t *tokens = vpe_tokens(vm, vcpu);

	for (unsigned its = 0; its < itss; its++)
		if (tokens[its] && !vm->hooks.done(vm->host, its, tokens[its]))
			return false;
	return true;
}

int gicv4_load(struct gicv4 *vm, unsigned vcpu, unsigned cpu)
{
	struct vpe *vpe;

	if (vcpu >= vm->vcpus || cpu > UINT16_MAX)
		return -VIRQ_ERR_RANGE;
	vpe = &vm->vpes[vcpu];
	if (load_relaxed(&vm->life) != LIFE_STARTED || load_relaxed(&vpe->state) != VPE_OUT)
		return -VIRQ_ERR_BUSY;
	count(&vm->stats.loads);
	if (vpe->rings) {
		vpe->rings = false;
		bell_switch(vm, vcpu, false);
	}
	vpe->to = (uint16_t)cpu;
	set_out(vm, vcpu);
	/* also without a move: an earlier one may not have been waited for */
	set_state(vpe, VPE_MOVING);
	return 0;
}

static void make_resident(struct gicv4 *vm, unsigned vcpu)
{
	struct vpe *vpe = &vm->vpes[vcpu];
	uint64_t value = VPENDBASER_VALID;

	/* Before Valid = 1: from then on the guest sees what it stood for. A later one is a new one. */
	__atomic_store_n(&vpe->pending, 0u, __ATOMIC_SEQ_CST);
	set_state(vpe, VPE_ENTERING);
	if (is_minor_1(vm)) {
		value |= (uint16_t)(vm->first_vpeid + vcpu) |
			 (vpe->group0 ? VPENDBASER_VGRP0EN : 0) |
			 (vpe->group1 ? VPENDBASER_VGRP1EN : 0);
	} else {
		vm->hooks.redist_write(vm->host, vpe->cpu, GICV4_GICR_VPROPBASER,
				       vm->address | vm->attributes | (vm->intid_bits - 1u));
		/* PendingLast = 1: have it look, whatever it thinks that it knows. */
		value |= (vm->address + vm->properties_size + vm->pending_size * vcpu) |
			 vm->attributes | VPENDBASER_PENDING_LAST | vpe->kept;
	}
	write_pendbaser(vm, vpe, value);
}

bool gicv4_ready(struct gicv4 *vm, unsigned vcpu)
{
	struct vpe *vpe;

	if (vcpu >= vm->vcpus)
		return true;
	vpe = &vm->vpes[vcpu];
	switch (load_relaxed(&vpe->state)) {
	case VPE_MOVING:
		/* Dirty: of the vPE before, which did not wait for it. */
		if (!set_out(vm, vcpu) || !vpe_moved(vm, vcpu) ||
		    read_pendbaser(vm, vpe) & VPENDBASER_DIRTY)
			return false;
		make_resident(vm, vcpu);
		/* fallthrough */
	case VPE_ENTERING:
		if (read_pendbaser(vm, vpe) & VPENDBASER_DIRTY)
			return false;
		set_state(vpe, VPE_RESIDENT);
		return true;
	default:
		return true;
	}
}

static void make_absent(struct gicv4 *vm, struct vpe *vpe, bool blocks)
{
	uint64_t value = read_pendbaser(vm, vpe) & ~VPENDBASER_VALID;

	if (is_minor_1(vm)) {
		value &= ~(VPENDBASER_PENDING_LAST | VPENDBASER_DB);
		value |= blocks ? VPENDBASER_DB : VPENDBASER_PENDING_LAST;
	}
	set_state(vpe, VPE_LEAVING);
	/* Sequentially consistent: partner is vpe_wake(). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	write_pendbaser(vm, vpe, value);
}

static void put_done(struct gicv4 *vm, struct vpe *vpe, uint64_t value, bool blocks)
{
	bool dirty = value & VPENDBASER_DIRTY;

	if (!is_minor_1(vm)) /* of what it never finished writing it cannot use anything */
		vpe->kept = dirty ? VPENDBASER_IDAI : value & VPENDBASER_IDAI;
	if (dirty || vpe->late || !blocks || value & VPENDBASER_PENDING_LAST)
		add_pending(vpe);
	if (dirty || vpe->late)
		count(&vm->stats.late);
	set_state(vpe, VPE_OUT);
}

/* Its doorbell is on, if it is to be: a CLEAR that came later would take a ring that counts. */
static bool bell_ready(struct gicv4 *vm, const struct vpe *vpe)
{
	return !vpe->rings || vm->hooks.done(vm->host, vpe->bell.its, vpe->bell_token);
}

/* May Valid be cleared? Not while Dirty is 1; `late`: all the same, and then nothing is known. */
static bool may_leave(struct gicv4 *vm, struct vpe *vpe, bool late)
{
	if (bell_ready(vm, vpe) && !(read_pendbaser(vm, vpe) & VPENDBASER_DIRTY))
		return true;
	vpe->late = late;
	return late;
}

/* GICv4.0. While it is resident nothing rings, and a ring from before would be for nothing: it is cleared. */
static void bell_on(struct gicv4 *vm, unsigned vcpu)
{
	struct vpe *vpe = &vm->vpes[vcpu];

	vpe->rings = true;
	its_event(vm, ITS_CLEAR, &vpe->bell);
	vpe->bell_token = bell_switch(vm, vcpu, true);
	set_state(vpe, VPE_RINGING);
}

bool gicv4_put(struct gicv4 *vm, unsigned vcpu, bool blocks, bool late)
{
	struct vpe *vpe;
	uint64_t value;

	if (vcpu >= vm->vcpus)
		return true;
	vpe = &vm->vpes[vcpu];
	switch (load_relaxed(&vpe->state)) {
	case VPE_OUT:
		return true;
	case VPE_MOVING: /* it has not been looked at */
		add_pending(vpe);
		set_state(vpe, VPE_OUT);
		return true;
	case VPE_ENTERING:
	case VPE_RESIDENT:
		if (blocks)
			count(&vm->stats.blocks);
		vpe->late = false;
		if (blocks && !is_minor_1(vm))
			bell_on(vm, vcpu);
		/* fallthrough */
	case VPE_RINGING:
		if (!may_leave(vm, vpe, late))
			return false;
		make_absent(vm, vpe, blocks);
		/* fallthrough */
	default:
		value = read_pendbaser(vm, vpe);
		if (value & VPENDBASER_DIRTY && !late)
			return false;
		put_done(vm, vpe, value, blocks);
		return true;
	}
}

bool gicv4_pending(const struct gicv4 *vm, unsigned vcpu)
{
	/* Sequentially consistent: partner is add_pending(). */
	return vcpu < vm->vcpus && __atomic_load_n(&vm->vpes[vcpu].pending, __ATOMIC_SEQ_CST);
}

void gicv4_doorbell(struct gicv4 *vm, unsigned vcpu)
{
	if (vcpu >= vm->vcpus)
		return;
	count(&vm->stats.doorbells);
	/*
	 * Off first: were it switched off behind the flag, the owner could have cleared the flag, blocked
	 * with the doorbell on again, and nothing would ring any more.
	 */
	if (!is_minor_1(vm))
		bell_switch(vm, vcpu, false);
	add_pending(&vm->vpes[vcpu]);
	vm->hooks.wake(vm->host, vcpu);
}
