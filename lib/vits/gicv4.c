/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Direct injection, a VM as a whole: configuration, tables, mapping and unmapping its vPEs, and waiting for
 * hardware without waiting. IHI 0069 5.4 to 5.6, 5.13.
 */
#include "gicv4_internal.h"

#define ALIGN 64u

static size_t round_up(size_t n, size_t align)
{
	return (n + align - 1) & ~(align - 1);
}

/* The INTIDs' bits: 8192 to 8191 + 2^lpi_bits have to fit, and fewer than 14 there cannot be. */
static unsigned intid_bits(const struct gicv4_config *config)
{
	return config->lpi_bits < 13 ? 14 : config->lpi_bits + 1u;
}

static const char *check_machine(const struct gicv4_machine *machine)
{
	if (machine->minor > 1)
		return "minor is neither 0 nor 1";
	if (machine->itss < 1 || machine->itss > GICV4_MAX_ITSS)
		return "itss is not 1 to 16";
	for (unsigned n = 0; !machine->vmovp && n < machine->itss; n++)
		if (machine->its_numbers[n] > 15)
			return "its_numbers: an ITS_Number is above 15";
	if (machine->vpeids > 0x10000)
		return "vpeids is above 65536";
	return NULL;
}

static const char *check_doorbells(const struct gicv4_machine *machine,
				   const struct gicv4_config *config)
{
	if (!config->doorbells)
		return "doorbells is NULL";
	for (unsigned n = 0; n < config->vcpus; n++)
		if (config->doorbells[n].intid < VGIC_LPI_BASE ||
		    config->doorbells[n].its >= machine->itss)
			return "doorbells: one is no LPI, or of no ITS";
	return NULL;
}

int gicv4_check(const struct gicv4_machine *machine, const struct gicv4_config *config,
		const char **why)
{
	const char *reason = check_machine(machine);

	if (reason)
		;
	else if (config->vcpus < 1 || config->vcpus > VGIC_MAX_VCPUS)
		reason = "vcpus is not 1 to 512";
	else if (config->routes < 1)
		reason = "routes is not 1 to 65535";
	else if (config->lpi_bits < 1 || config->lpi_bits > VGIC_MAX_LPI_BITS)
		reason = "lpi_bits is not 1 to 20";
	else if (intid_bits(config) > machine->intid_bits)
		reason = "lpi_bits: the machine's vLPIs have fewer (intid_bits)";
	else if ((uint32_t)config->first_vpeid + config->vcpus >= machine->vpeids)
		reason = "first_vpeid: there are not as many vPEIDs as vCPUs, and one more";
	else if (config->attributes & ~ATTRIBUTES)
		reason = "attributes has other bits than 58:56, 11:7";
	else
		reason = check_doorbells(machine, config);
	if (why)
		*why = reason;
	return reason ? -VIRQ_ERR_CONFIG : 0;
}

static size_t properties_size(const struct gicv4_config *config)
{
	return round_up(((size_t)1 << intid_bits(config)) - VGIC_LPI_BASE, TABLE_ALIGN);
}

static size_t pending_size(const struct gicv4_config *config)
{
	return round_up(((size_t)1 << intid_bits(config)) / 8, TABLE_ALIGN);
}

static size_t routes_at(const struct gicv4_config *config)
{
	return round_up(sizeof(struct gicv4), ALIGN) +
	       round_up(sizeof(struct vpe) * config->vcpus, ALIGN);
}

static size_t tokens_at(const struct gicv4_config *config)
{
	return routes_at(config) + round_up(sizeof(struct route) * config->routes, ALIGN);
}

size_t gicv4_size(const struct gicv4_machine *machine, const struct gicv4_config *config)
{
	if (gicv4_check(machine, config, NULL))
		return 0;
	return tokens_at(config) + sizeof(uint64_t) * machine->itss * (config->vcpus + (size_t)1);
}

size_t gicv4_tables_size(const struct gicv4_machine *machine, const struct gicv4_config *config)
{
	if (gicv4_check(machine, config, NULL))
		return 0;
	return properties_size(config) + pending_size(config) * (config->vcpus + (size_t)1);
}

static void init_vpes(struct gicv4 *vm, const struct gicv4_config *config)
{
	for (unsigned n = 0; n < vm->vcpus; n++) {
		vm->vpes[n].cpu = config->cpu;
		vm->vpes[n].bell = config->doorbells[n];
		vm->vpes[n].group0 = true;
		vm->vpes[n].group1 = true;
	}
}

int gicv4_init(struct gicv4 **out, void *memory, size_t size, struct gicv4_machine *machine,
	       const struct gicv4_config *config, const struct gicv4_hooks *hooks, void *host)
{
	size_t need = gicv4_size(machine, config);
	struct gicv4 *vm = memory;

	if (!need)
		return -VIRQ_ERR_CONFIG;
	if (!memory || (uintptr_t)memory % ALIGN || size < need || !config->tables ||
	    config->address % TABLE_ALIGN || config->address >> 52)
		return -VIRQ_ERR_MEMORY;
	__builtin_memset(memory, 0, need);
	vm->machine = machine;
	vm->hooks = *hooks;
	vm->host = host;
	vm->vpes = (struct vpe *)(void *)((char *)memory + round_up(sizeof(*vm), ALIGN));
	vm->routes = (struct route *)(void *)((char *)memory + routes_at(config));
	vm->tokens = (uint64_t *)(void *)((char *)memory + tokens_at(config));
	vm->properties = config->tables;
	vm->properties_size = properties_size(config);
	vm->pendings = vm->properties + vm->properties_size;
	vm->pending_size = pending_size(config);
	vm->address = config->address;
	vm->attributes = config->attributes;
	vm->vcpus = config->vcpus;
	vm->route_count = config->routes;
	vm->first_vpeid = config->first_vpeid;
	vm->cpu = config->cpu;
	vm->intid_bits = (uint8_t)intid_bits(config);
	vm->enabled = true;
	vm->parked = NO_ROUTE;
	vm->held_first = vm->held_last = NO_ROUTE;
	vm->look_first = NO_VPE;
	init_vpes(vm, config);
	*out = vm;
	return 0;
}

void v4_note_token(struct gicv4 *vm, unsigned its, uint64_t token)
{
	vm->tokens[its] = token;
}

void v4_vsync(struct gicv4 *vm, unsigned its, unsigned vcpu)
{
	v4_note_token(vm, its, its_vpe(vm, ITS_VSYNC, its, vcpu));
}

static void list(struct gicv4 *vm, unsigned vcpu)
{
	struct vpe *vpe = &vm->vpes[vcpu];

	if (vpe->look)
		return;
	vpe->look = true;
	vpe->next_look = vm->look_first;
	vm->look_first = (uint16_t)vcpu;
}

void v4_look_later(struct gicv4 *vm, unsigned vcpu)
{
	vm->vpes[vcpu].wakes = true;
	list(vm, vcpu);
}

bool v4_invalidated(struct gicv4 *vm, struct vpe *vpe)
{
	if (vpe->inv_busy &&
	    !(vm->hooks.redist_read(vm->host, vpe->cpu, GICV4_GICR_SYNCR) & SYNCR_BUSY)) {
		vpe->inv_busy = false;
		/* release: our reads are done; partner: the acquire below */
		__atomic_store_n(&vm->machine->invalidating, 0u, __ATOMIC_RELEASE);
	}
	return !vpe->inv_busy;
}

bool v4_invalidate(struct gicv4 *vm, unsigned vcpu, uint32_t offset, uint32_t what)
{
	uint32_t nobody = 0, me = (uint32_t)(vm->first_vpeid + vcpu) + 1;
	struct vpe *vpe = &vm->vpes[vcpu];

	/* acquire: who had it before is done; partner: the release above */
	if (!uses_invlpir(vm) || !vpe_moved(vm, vcpu) || !v4_invalidated(vm, vpe) ||
	    !__atomic_compare_exchange_n(&vm->machine->invalidating, &nobody, me, false,
					 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return false;
	vm->hooks.redist_write(vm->host, vpe->cpu, offset,
			       INV_VIRTUAL | (uint64_t)(me - 1) << 32 | what);
	vpe->inv_busy = true;
	list(vm, vcpu);
	return true;
}

void v4_clean(struct gicv4 *vm, void *at, size_t bytes)
{
	if (vm->hooks.clean)
		vm->hooks.clean(vm->host, at, bytes);
}

static bool tokens_done(const struct gicv4 *vm)
{
	for (unsigned its = 0; its < vm->machine->itss; its++)
		if (vm->tokens[its] && !vm->hooks.done(vm->host, its, vm->tokens[its]))
			return false;
	return true;
}

/* --- Starting and stopping: ITS by ITS, since the first and last one that has a vPE are particular. --- */

static void start_vpe(struct gicv4 *vm, unsigned its, unsigned vcpu)
{
	if (its == 0) {
		__builtin_memset(pending_table(vm, vcpu), 0, vm->pending_size);
		v4_clean(vm, pending_table(vm, vcpu), vm->pending_size);
	}
	its_vmapp(vm, its, vcpu, true, its == 0);
	if (its == 0 && is_minor_1(vm)) /* as the host has its doorbell now */
		its_vpe(vm, ITS_INVDB, its, vcpu);
	v4_vsync(vm, its, vcpu);
}

static void stop_vpe(struct gicv4 *vm, unsigned its, unsigned vcpu)
{
	uint64_t token = its_vmapp(vm, its, vcpu, false, its == 0);

	/* GICv4.1's waits by itself, and a VSYNC would name what is not mapped. */
	if (!is_minor_1(vm))
		token = its_vpe(vm, ITS_VSYNC, its, vcpu);
	v4_note_token(vm, its, token);
}

/* Has the first ITS been told to map it? */
static bool is_mapped(const struct gicv4 *vm, unsigned vcpu)
{
	if (vm->life == LIFE_STARTING)
		return vm->its_at > 0 || vm->vpe_at > vcpu;
	return vm->life == LIFE_STARTED;
}

int gicv4_doorbell_changed(struct gicv4 *vm, unsigned vcpu)
{
	const struct gicv4_event *bell;

	if (vcpu >= vm->vcpus)
		return -VIRQ_ERR_RANGE;
	bell = &vm->vpes[vcpu].bell;
	lock_take(&vm->lock);
	if (!is_minor_1(vm)) {
		its_event(vm, ITS_INV, bell);
		v4_note_token(vm, bell->its,
			      its_sync(vm, bell->its, load_relaxed(&vm->vpes[vcpu].cpu)));
	} else if (is_mapped(vm, vcpu)) {
		its_vpe(vm, ITS_INVDB, 0, vcpu);
		v4_vsync(vm, 0, vcpu);
	}
	lock_drop(&vm->lock);
	return 0;
}

/* True: no more to do. Called with what was put before done. */
static bool live_on(struct gicv4 *vm)
{
	bool starting = vm->life == LIFE_STARTING;

	if (!starting && vm->life != LIFE_STOPPING)
		return true;
	for (unsigned n = 0; n < SLICE && vm->vpe_at < vm->vcpus; n++, vm->vpe_at++) {
		if (starting)
			start_vpe(vm, vm->its_at, vm->vpe_at);
		else if (v4_invalidated(vm, &vm->vpes[vm->vpe_at]))
			stop_vpe(vm, vm->machine->itss - 1u - vm->its_at, vm->vpe_at);
		else
			return false;
	}
	if (vm->vpe_at == vm->vcpus) {
		vm->vpe_at = 0;
		vm->its_at++;
	}
	return false;
}

/* The last command of the last ITS has been executed. */
static bool lived(struct gicv4 *vm)
{
	if (vm->life == LIFE_STARTED || vm->life == LIFE_STOPPED)
		return true;
	if (vm->its_at < vm->machine->itss)
		return live_on(vm);
	vm->its_at = 0;
	store_relaxed(&vm->life,
		      (uint8_t)(vm->life == LIFE_STARTING ? LIFE_STARTED : LIFE_STOPPED));
	return true;
}

int gicv4_start(struct gicv4 *vm)
{
	int result = -VIRQ_ERR_BUSY;

	lock_take(&vm->lock);
	if (vm->life == LIFE_STOPPED && tokens_done(vm)) {
		for (size_t n = 0; n < vm->properties_size; n++)
			vm->properties[n] = PROPERTY_RES;
		v4_clean(vm, vm->properties, vm->properties_size);
		__builtin_memset(pending_table(vm, parking(vm)), 0, vm->pending_size);
		v4_clean(vm, pending_table(vm, parking(vm)), vm->pending_size);
		vm->life = LIFE_STARTING;
		live_on(vm);
		result = 0;
	}
	lock_drop(&vm->lock);
	return result;
}

static bool may_stop(const struct gicv4 *vm)
{
	if (vm->life != LIFE_STARTED || vm->stats.direct || vm->parked != NO_ROUTE)
		return false;
	for (unsigned n = 0; n < vm->vcpus; n++)
		if (load_relaxed(&vm->vpes[n].state) != VPE_OUT)
			return false;
	return true;
}

int gicv4_stop(struct gicv4 *vm)
{
	int result = 0;

	lock_take(&vm->lock);
	if (vm->life == LIFE_STOPPED) {
		;
	} else if (may_stop(vm)) {
		vm->life = LIFE_STOPPING;
		live_on(vm);
	} else {
		result = -VIRQ_ERR_BUSY;
	}
	lock_drop(&vm->lock);
	return result;
}

/* ITSs have done all: vPEs that may have got something pending without a ring. */
static void look(struct gicv4 *vm)
{
	for (unsigned n = 0; n < SLICE && vm->look_first != NO_VPE; n++) {
		uint16_t vcpu = vm->look_first;
		struct vpe *vpe = &vm->vpes[vcpu];
		bool wakes = vpe->wakes;

		if (!v4_invalidated(vm, vpe))
			return;
		vm->look_first = vpe->next_look;
		vpe->look = vpe->wakes = false;
		if (wakes)
			vpe_wake(vm, vcpu);
	}
}

static bool settle(struct gicv4 *vm)
{
	if (vm->parked != NO_ROUTE)
		v4_advance(vm, vm->parked);
	v4_release(vm);
	if (!tokens_done(vm) || !lived(vm))
		return false;
	look(vm);
	return vm->parked == NO_ROUTE && vm->held_first == NO_ROUTE && vm->look_first == NO_VPE;
}

bool gicv4_settled(struct gicv4 *vm)
{
	bool settled;

	lock_take(&vm->lock);
	settled = settle(vm);
	lock_drop(&vm->lock);
	return settled;
}

void gicv4_stats(const struct gicv4 *vm, struct gicv4_stats *stats)
{
	const struct gicv4_stats *from = &vm->stats;

	stats->loads = __atomic_load_n(&from->loads, __ATOMIC_RELAXED);
	stats->moves = __atomic_load_n(&from->moves, __ATOMIC_RELAXED);
	stats->blocks = __atomic_load_n(&from->blocks, __ATOMIC_RELAXED);
	stats->doorbells = __atomic_load_n(&from->doorbells, __ATOMIC_RELAXED);
	stats->late = __atomic_load_n(&from->late, __ATOMIC_RELAXED);
	stats->maps = __atomic_load_n(&from->maps, __ATOMIC_RELAXED);
	stats->unmaps = __atomic_load_n(&from->unmaps, __ATOMIC_RELAXED);
	stats->again = __atomic_load_n(&from->again, __ATOMIC_RELAXED);
	stats->direct = __atomic_load_n(&from->direct, __ATOMIC_RELAXED);
}

bool gicv4_policy(bool on, unsigned vcpus, unsigned cpus)
{
	if (!on)
		return vcpus <= cpus;
	return vcpus <= cpus + (cpus + 3) / 4;
}
