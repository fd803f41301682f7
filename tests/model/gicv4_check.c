/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Direct injection (carillon/gicv4.h) against the model of the hardware: two VMs on three CPUs, at
 * random. Devices signal, vCPUs are loaded, put, blocked and moved, routes mapped, moved, unmapped and
 * toggled, while ITSs execute when they like and other CPUs act in the middle of the library's
 * functions.
 *
 * Checked: nothing that the architecture forbids (the model's), no event is lost, none comes twice,
 * every vCPU that sleeps is woken, unless the host has its doorbell off, and whenever gicv4_settled()
 * says so, hardware uses the configuration that it was given last. GICV4_STEPS: how many steps;
 * GICV4_SEED: with what.
 */
#include "gicv4.h"

#include <carillon/gicv4.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VMS      2
#define VCPUS    2
#define ROUTES   3
#define VPEIDS   (VCPUS + 1) /* of each VM */
#define BASE     UINT64_C(0x40000000)
#define TABLES   (0x10000u * (VPEIDS + 1))
#define QUIET    400  /* steps without events between checks */
#define BUSY     600  /* steps with */
#define PATIENCE 3000 /* what must have come to rest by then */

/*
 * What is signalled may come once, and once more for each time that it is signalled while it is on its way;
 * `must`: it has to come, or what was signalled before it has not come since.
 */
struct expected {
	bool must;
	unsigned may;
};

enum running { READY, LOADING, RUNNING, PUTTING, LOOKING, BLOCKED };

struct guest_route {
	bool mapped;    /* the guest has mapped it */
	bool forwarded; /* gicv4_map() said true */
	bool leaving, discards, clearing;
	bool mapping;         /* the command that maps it may not be done */
	bool drops, dropping; /* it is discarded, not unmapped */
	bool held, has;       /* the device: must not signal; would like to */
	unsigned vcpu, lpi;
	struct expected expected;
};

struct guest_vcpu {
	enum running state;
	bool blocks, woken, asking;
	bool moving; /* it was loaded, and has not been ready since: its vPE may be on its way */
	unsigned cpu;
	struct expected sgi[16];
	bool sgi_enabled[16], sgi_clearing;
	bool silent; /* GICv4.1: its doorbell is off, and that is in effect */
};

static struct vm {
	struct gicv4 *v4;
	void *memory;
	struct guest_route routes[ROUTES];
	struct guest_vcpu vcpus[VCPUS];
	uint8_t property[G4_VLPIS];
	bool soft[G4_VLPIS]; /* pending in software */
	unsigned soft_vcpu[G4_VLPIS];
	bool settling; /* the guest waits for its last command */
	bool started, stepping;
	int plain; /* no ITS has to hear of this route's configuration, and it is not in effect; or -1 */
} vms[VMS];

static struct g4 g;
static struct gicv4_machine machine;
static int handling[G4_CPUS]; /* the LPI whose handler runs; -1 */
static bool can_hold, events, lates;
static bool in_doorbell; /* a handler, which holds nothing: vCPUs go on meanwhile */
static unsigned depth;
static uint64_t seed, delivered, woken, direct, mapped, refused;
static uint64_t by_invlpir, by_invallr, by_invdb, plain, silent;

static void expect(struct expected *expected, bool must)
{
	expected->must |= must;
	expected->may++;
}

static bool came(struct expected *expected)
{
	expected->must = false;
	return expected->may && expected->may--;
}

static uint32_t below(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return n ? (uint32_t)(seed >> 20) % n : 0;
}

_Noreturn static void fail(const char *what, unsigned vm, unsigned n)
{
	printf("# %s: VM %u, %u; seed %#llx\n", what, vm, n, (unsigned long long)seed);
	fflush(stdout);
	abort();
}

static void elsewhere(void);

/* --- Hooks. --- */

/* INV of the route's event, or VINVALL of its vPE, where the redistributor was to be asked. */
static void check_needed(const struct vm *vm, const uint64_t command[4])
{
	unsigned number = (unsigned)(vm - vms), code = command[0] & 0xff;

	if (vm->plain < 0)
		return;
	if ((code == 0x0c && command[0] >> 32 == 1 + number &&
	     (uint32_t)command[1] == (unsigned)vm->plain) ||
	    (code == 0x2d && command[1] >> 32 == number * VPEIDS + vm->routes[vm->plain].vcpu))
		fail("an ITS is told what its vPE's redistributor can be told", number,
		     (unsigned)vm->plain);
}

static uint64_t hook_command(void *host, unsigned its, const uint64_t command[4])
{
	uint64_t token;

	check_needed(host, command);
	by_invdb += (command[0] & 0xff) == 0x2e;
	elsewhere();
	token = g4_put(&g, its, command);
	elsewhere();
	return token;
}

static bool hook_done(void *host, unsigned its, uint64_t token)
{
	(void)host;
	if (!token)
		fail("done() of nothing", 0, its);
	return g.its[its].executed >= token;
}

static uint64_t hook_read(void *host, unsigned cpu, uint32_t offset)
{
	uint64_t value;

	(void)host;
	elsewhere();
	value = g4_read(&g, cpu, offset);
	elsewhere();
	return value;
}

static void hook_write(void *host, unsigned cpu, uint32_t offset, uint64_t value)
{
	(void)host;
	by_invlpir += offset == GICV4_GICR_INVLPIR;
	by_invallr += offset == GICV4_GICR_INVALLR;
	elsewhere();
	g4_write(&g, cpu, offset, value);
	elsewhere();
}

static uint64_t hook_rdbase(void *host, unsigned its, unsigned cpu)
{
	(void)host;
	(void)its;
	return G4_RDBASE(cpu);
}

static unsigned doorbell_of(unsigned vm, unsigned vcpu)
{
	return vm * VCPUS + vcpu;
}

static void hook_doorbell(void *host, unsigned vcpu, bool on)
{
	unsigned vm = (unsigned)((struct vm *)host - vms);
	uint8_t *property;

	if (g.minor)
		fail("the hook `doorbell` with GICv4.1", vm, vcpu);
	elsewhere();
	property = &g.host_property[doorbell_of(vm, vcpu)];
	*property = (uint8_t)((*property & ~1u) | on);
	elsewhere();
}

static void wake(struct vm *vm, unsigned vcpu)
{
	vm->vcpus[vcpu].woken = true;
}

static void hook_wake(void *host, unsigned vcpu)
{
	woken++;
	wake(host, vcpu);
}

static void raise_soft(struct vm *vm, unsigned n)
{
	struct guest_route *route = &vm->routes[n];

	vm->soft[route->lpi] = true;
	vm->soft_vcpu[route->lpi] = route->vcpu;
	wake(vm, route->vcpu);
}

static void hook_raise(void *host, uint16_t route, unsigned vcpu, virq_t lpi)
{
	struct vm *vm = host;

	if (vm->routes[route].vcpu != vcpu || vm->routes[route].lpi != lpi - G4_LPI)
		fail("raised for another vCPU or LPI", (unsigned)(vm - vms), route);
	raise_soft(vm, route);
}

static unsigned route_lpi(unsigned vm, unsigned route)
{
	return 16 + vm * 8 + route;
}

static unsigned route_its(unsigned route)
{
	return route % machine.itss;
}

static void signal_event(unsigned vm, unsigned n)
{
	vms[vm].routes[n].has = false;
	g4_event(&g, route_its(n), 1 + vm, n);
}

static bool hook_quiet(void *host, uint16_t n, bool on)
{
	unsigned vm = (unsigned)((struct vm *)host - vms);
	struct guest_route *route = &vms[vm].routes[n];

	if (on && (!can_hold || below(8) == 0 || g4_lpi_pending(&g, G4_LPI + route_lpi(vm, n)))) {
		expect(&route->expected, false);
		return false;
	}
	if (route->held == on)
		fail("held twice, or released twice", vm, n);
	route->held = on;
	if (!on && route->has)
		signal_event(vm, n);
	return true;
}

static void hook_sgir(void *host, unsigned its, uint64_t value)
{
	(void)host;
	elsewhere();
	g4_sgir(&g, its, value);
}

static const struct gicv4_hooks hooks = {
	.command = hook_command,
	.done = hook_done,
	.redist_read = hook_read,
	.redist_write = hook_write,
	.rdbase = hook_rdbase,
	.doorbell = hook_doorbell,
	.wake = hook_wake,
	.raise = hook_raise,
	.quiet = hook_quiet,
	.sgir = hook_sgir,
};

/* --- What is in effect. --- */

/* The host's byte; its enable bit is the library's own with GICv4.0. */
static void check_doorbell(unsigned vm, unsigned n)
{
	if (!g4_lpi_current(&g, G4_LPI + doorbell_of(vm, n), g.minor ? 0xff : 0xfe))
		fail("a doorbell's configuration is not in effect", vm, n);
	vms[vm].vcpus[n].silent = g.minor && !(g.host_property[doorbell_of(vm, n)] & 1);
}

static void check_route(unsigned vm, unsigned n)
{
	const struct guest_route *route = &vms[vm].routes[n];
	const struct g4_itte *itte = &g.its[route_its(n)].itt[1 + vm][n];

	if (!route->forwarded || route->leaving || !gicv4_is_direct(vms[vm].v4, (uint16_t)n))
		return;
	if (!itte->valid || !itte->is_virtual || itte->vpeid != vm * VPEIDS + route->vcpu ||
	    itte->intid != G4_LPI + route->lpi)
		fail("a route is not where it was sent to", vm, n);
	if (!g4_vlpi_uses(&g, itte->vpeid, itte->intid, vms[vm].property[route->lpi]))
		fail("a vLPI's configuration is not in effect", vm, n);
}

static bool is_settled(unsigned vm)
{
	if (!gicv4_settled(vms[vm].v4))
		return false;
	for (unsigned n = 0; vms[vm].started && n < VCPUS; n++)
		check_doorbell(vm, n);
	for (unsigned n = 0; n < ROUTES; n++)
		check_route(vm, n);
	vms[vm].plain = -1;
	return true;
}

/* --- Devices and physical CPUs. --- */

static void device_event(void)
{
	unsigned vm = below(VMS), n = below(ROUTES);
	struct guest_route *route = &vms[vm].routes[n];

	expect(&route->expected,
	       route->mapped && !route->discards && !route->clearing && !route->mapping);
	route->has = true;
	if (!route->held)
		signal_event(vm, n);
}

static void handle(unsigned n)
{
	unsigned vm, route;

	if (n < VMS * VCPUS) {
		in_doorbell = depth == 0;
		gicv4_doorbell(vms[n / VCPUS].v4, n % VCPUS);
		in_doorbell = false;
		return;
	}
	vm = (n - 16) / 8;
	route = (n - 16) % 8;
	if (vms[vm].routes[route].mapped)
		raise_soft(&vms[vm], route);
}

static void check_rings(unsigned n)
{
	if (n < VMS * VCPUS && vms[n / VCPUS].vcpus[n % VCPUS].silent)
		fail("a doorbell rings that the host has off", n / VCPUS, n % VCPUS);
}

static void physical_step(void)
{
	unsigned cpu = below(G4_CPUS);

	if (handling[cpu] < 0) {
		handling[cpu] = g4_take(&g, cpu);
		if (handling[cpu] >= 0)
			check_rings((unsigned)handling[cpu] - G4_LPI);
	} else {
		unsigned n = (unsigned)handling[cpu] - G4_LPI;

		handling[cpu] = -1;
		handle(n);
	}
}

/* --- vCPUs. --- */

static void delivered_lpi(unsigned vm, unsigned lpi)
{
	for (unsigned n = 0; n < ROUTES; n++) {
		struct guest_route *route = &vms[vm].routes[n];

		if (!route->mapped || route->lpi != lpi)
			continue;
		if (!came(&route->expected))
			fail("an LPI came that nobody signalled", vm, n);
		delivered++;
		return;
	}
	fail("an LPI came that is not mapped", vm, lpi);
}

static void delivered_sgi(unsigned vm, unsigned vcpu, unsigned sgi)
{
	if (!came(&vms[vm].vcpus[vcpu].sgi[sgi]))
		fail("an SGI came that nobody sent", vm, sgi);
	delivered++;
}

static int soft_of(const struct vm *vm, unsigned vcpu)
{
	for (unsigned n = 0; n < G4_VLPIS; n++)
		if (vm->soft[n] && vm->soft_vcpu[n] == vcpu && vm->property[n] & 1)
			return (int)n;
	return -1;
}

static bool cpu_is_free(unsigned cpu)
{
	for (unsigned vm = 0; vm < VMS; vm++)
		for (unsigned n = 0; n < VCPUS; n++) {
			enum running state = vms[vm].vcpus[n].state;

			if (vms[vm].vcpus[n].cpu == cpu &&
			    (state == LOADING || state == RUNNING || state == PUTTING))
				return false;
		}
	return true;
}

static void try_load(unsigned vm, unsigned n)
{
	struct guest_vcpu *vcpu = &vms[vm].vcpus[n];
	unsigned cpu = below(G4_CPUS);

	if (!cpu_is_free(cpu) || vcpu->asking)
		return;
	vcpu->moving = true;
	if (vms[vm].plain >= 0 && vms[vm].routes[vms[vm].plain].vcpu == n)
		vms[vm].plain = -1;
	if (gicv4_load(vms[vm].v4, n, cpu))
		fail("load", vm, n);
	vcpu->cpu = cpu;
	vcpu->woken = false;
	vcpu->state = LOADING;
}

/* What the guest does; false: nothing. */
static bool guest_runs(unsigned vm, unsigned n)
{
	struct guest_vcpu *vcpu = &vms[vm].vcpus[n];
	int lpi = g4_take_virtual(&g, vcpu->cpu);

	if (lpi >= 0 && lpi < 16) {
		delivered_sgi(vm, n, (unsigned)lpi);
		return true;
	}
	if (lpi >= 0) {
		direct++;
		delivered_lpi(vm, (unsigned)lpi - G4_LPI);
		return true;
	}
	lpi = soft_of(&vms[vm], n);
	if (lpi >= 0) {
		vms[vm].soft[lpi] = false;
		delivered_lpi(vm, (unsigned)lpi);
	}
	return lpi >= 0;
}

static void look(unsigned vm, unsigned n)
{
	struct guest_vcpu *vcpu = &vms[vm].vcpus[n];

	if (gicv4_pending(vms[vm].v4, n) || soft_of(&vms[vm], n) >= 0)
		vcpu->state = READY;
	else
		vcpu->state = BLOCKED;
}

static void vcpu_step(unsigned vm, unsigned n)
{
	struct guest_vcpu *vcpu = &vms[vm].vcpus[n];
	struct gicv4 *v4 = vms[vm].v4;

	switch (vcpu->state) {
	case READY:
		try_load(vm, n);
		break;
	case LOADING:
		if (gicv4_ready(v4, n))
			vcpu->state = RUNNING, vcpu->moving = false;
		else if (events && below(64) == 0 && lates)
			vcpu->state = PUTTING, vcpu->blocks = below(2);
		break;
	case RUNNING:
		if (!guest_runs(vm, n)) {
			vcpu->state = PUTTING;
			vcpu->blocks = true;
			vcpu->woken = false; /* as it would be by the look that an entry has */
		} else if (below(4) == 0) {
			vcpu->state = PUTTING;
			vcpu->blocks = false;
		}
		break;
	case PUTTING:
		if (gicv4_put(v4, n, vcpu->blocks, lates && below(6) == 0))
			vcpu->state = vcpu->blocks ? LOOKING : READY;
		break;
	case LOOKING:
		look(vm, n);
		break;
	case BLOCKED:
		if (vcpu->woken) /* the least forgiving: it sleeps on if it finds no reason not to */
			vcpu->state = LOOKING;
		vcpu->woken = false;
		break;
	}
}

static void others_go_on(void)
{
	for (unsigned n = below(60); n; n--) {
		if (below(3))
			vcpu_step(below(VMS), below(VCPUS));
		else
			g4_step(&g, below(g.itss));
	}
}

/* What goes on while a function of the library's is under way. */
static void elsewhere(void)
{
	if (depth || below(3))
		return;
	depth++;
	if (in_doorbell)
		others_go_on();
	switch (below(3)) {
	case 0:
		g4_step(&g, below(g.itss));
		break;
	case 1:
		if (events && below(4) == 0)
			device_event();
		break;
	default:
		physical_step();
	}
	depth--;
}

/* --- The guest's commands, and the host's. --- */

static void forward(unsigned vm, unsigned n)
{
	struct guest_route *route = &vms[vm].routes[n];

	route->forwarded = gicv4_map(vms[vm].v4, (uint16_t)n, route->vcpu, G4_LPI + route->lpi,
				     vms[vm].property[route->lpi]);
	/* Discarded while it was on its way to software, which then has it: rarely. */
	if (route->forwarded)
		mapped++;
	else if (++refused > 16 && refused > mapped / 8)
		fail("map", vm, n);
}

static void map(unsigned vm, unsigned n)
{
	struct guest_route *route = &vms[vm].routes[n];

	route->mapped = true;
	route->vcpu = below(VCPUS);
	route->lpi = n * 4 + below(4);
	vms[vm].property[route->lpi] = (uint8_t)(0xa0 | (below(4) != 0));
	route->mapping = true;
	forward(vm, n);
}

static void unmap_step(unsigned vm, unsigned n)
{
	struct guest_route *route = &vms[vm].routes[n];
	enum gicv4_result result = GICV4_CLEAR;

	if (route->forwarded && route->discards && route->drops) {
		gicv4_discard(vms[vm].v4, (uint16_t)n);
		route->forwarded = false;
		route->dropping = true;
	} else if (route->forwarded) {
		result = gicv4_unmap(vms[vm].v4, (uint16_t)n);
	}
	if (result == GICV4_AGAIN || (route->dropping && !is_settled(vm)))
		return;
	route->dropping = false;
	route->leaving = route->forwarded = false;
	if (!route->discards) {
		if (result == GICV4_PENDING)
			raise_soft(&vms[vm], n);
		return;
	}
	route->discards = route->mapped = false;
	vms[vm].soft[route->lpi] = false;
	route->expected.must = false;
}

static void clear(unsigned vm, unsigned n)
{
	struct guest_route *route = &vms[vm].routes[n];

	route->clearing = true;
	route->expected.must = false;
	vms[vm].soft[route->lpi] = false;
	if (route->forwarded)
		gicv4_clear(vms[vm].v4, (uint16_t)n);
}

static void set(unsigned vm, unsigned n)
{
	struct guest_route *route = &vms[vm].routes[n];

	expect(&route->expected, true);
	if (route->forwarded)
		gicv4_set(vms[vm].v4, (uint16_t)n);
	else
		raise_soft(&vms[vm], n);
}

static void move(unsigned vm, unsigned n)
{
	struct guest_route *route = &vms[vm].routes[n];

	route->vcpu = below(VCPUS);
	if (route->forwarded)
		gicv4_move(vms[vm].v4, (uint16_t)n, route->vcpu);
	vms[vm].soft_vcpu[route->lpi] = route->vcpu;
	if (vms[vm].soft[route->lpi])
		wake(&vms[vm], route->vcpu);
}

/*
 * Everything is done, and known to be: the vPE is where it was last. And no redistributor is at it: a
 * request that would have to wait for another's may go to the ITS.
 */
static bool nothing_moves(unsigned vm, unsigned n)
{
	for (unsigned cpu = 0; cpu < G4_CPUS; cpu++)
		if (g.redist[cpu].invalidating)
			return false;
	for (unsigned its = 0; its < g.itss; its++)
		if (g.its[its].put != g.its[its].executed)
			return false;
	return !vms[vm].stepping && !vms[vm].vcpus[vms[vm].routes[n].vcpu].moving &&
	       gicv4_is_direct(vms[vm].v4, (uint16_t)n);
}

static void configure(unsigned vm, unsigned n)
{
	struct guest_route *route = &vms[vm].routes[n];

	vms[vm].property[route->lpi] ^= below(4) ? 1 : 0x08;
	if (route->forwarded)
		gicv4_configure(vms[vm].v4, (uint16_t)n, G4_LPI + route->lpi,
				vms[vm].property[route->lpi]);
	if (vms[vm].soft[route->lpi])
		wake(&vms[vm], route->vcpu);
}

/* A vCPU's whole configuration; hardware may have cached it when it was another. */
static void invalidate_all(unsigned vm)
{
	unsigned n = below(VCPUS);

	g4_age(&g, vm * VPEIDS + n);
	gicv4_invalidate_all(vms[vm].v4, n);
}

/* One that nothing before it has to be waited for. */
static void one_more_command(unsigned vm)
{
	unsigned n = below(ROUTES);

	vms[vm].plain = -1;
	if (below(4) == 0)
		invalidate_all(vm);
	else if (vms[vm].routes[n].mapped && !vms[vm].routes[n].leaving)
		configure(vm, n);
}

static void host_flips(unsigned vm, unsigned n, uint8_t bits)
{
	vms[vm].vcpus[n].silent = false;
	g.host_property[doorbell_of(vm, n)] ^= bits;
	if (gicv4_doorbell_changed(vms[vm].v4, n))
		fail("doorbell_changed", vm, n);
	vms[vm].settling = true;
}

static void host_changes(unsigned vm)
{
	host_flips(vm, below(VCPUS), g.minor && below(3) ? 1 : 0x10);
}

static void route_command(unsigned vm)
{
	unsigned n = below(ROUTES);
	struct guest_route *route = &vms[vm].routes[n];

	vms[vm].settling = true;
	if (!route->mapped) {
		map(vm, n);
		return;
	}
	switch (below(10)) {
	case 0:
		route->leaving = route->discards = true;
		route->drops = below(2);
		break;
	case 1:
	case 2:
		if (route->forwarded)
			route->leaving = true;
		else
			forward(vm, n);
		break;
	case 3:
		clear(vm, n);
		break;
	case 4:
	case 5:
		set(vm, n);
		break;
	case 6:
	case 7:
		move(vm, n);
		break;
	case 8:
		invalidate_all(vm);
		break;
	default:
		if (g.invlpir && route->forwarded && nothing_moves(vm, n))
			vms[vm].plain = (int)n, plain++;
		configure(vm, n);
	}
}

static void sgi_pending(unsigned vm, unsigned n)
{
	struct guest_vcpu *vcpu = &vms[vm].vcpus[n];
	uint16_t pending;

	if (vcpu->state == LOADING)
		return;
	vcpu->asking = !gicv4_vsgi_pending(vms[vm].v4, n, &pending);
	for (unsigned sgi = 0; !vcpu->asking && sgi < 16; sgi++)
		if (!vcpu->sgi_clearing && !vms[vm].settling && !vcpu->sgi_enabled[sgi] &&
		    vcpu->sgi[sgi].must && !(pending >> sgi & 1))
			fail("VSGIPENDR", vm, sgi);
}

static void sgi_command(unsigned vm)
{
	unsigned n = below(VCPUS), sgi = below(16);
	struct guest_vcpu *vcpu = &vms[vm].vcpus[n];

	vms[vm].settling = true;
	switch (below(4)) {
	case 0:
		vcpu->sgi_enabled[sgi] = !vcpu->sgi_enabled[sgi];
		gicv4_vsgi_configure(vms[vm].v4, n, sgi, vcpu->sgi_enabled[sgi], 0x50, 1);
		break;
	case 1:
		vcpu->sgi[sgi].must = false;
		vcpu->sgi_clearing = true;
		gicv4_vsgi_clear(vms[vm].v4, n, sgi);
		break;
	default:
		expect(&vcpu->sgi[sgi], true);
		gicv4_vsgi_set(vms[vm].v4, n, sgi);
	}
}

static void settled(unsigned vm)
{
	for (unsigned n = 0; n < ROUTES; n++) {
		if (vms[vm].routes[n].leaving) {
			unmap_step(vm, n);
			return;
		}
	}
	if (!is_settled(vm))
		return;
	vms[vm].settling = false;
	for (unsigned n = 0; n < ROUTES; n++)
		vms[vm].routes[n].clearing = vms[vm].routes[n].mapping = false;
	for (unsigned n = 0; n < VCPUS; n++)
		vms[vm].vcpus[n].sgi_clearing = false;
}

static void vm_step(unsigned vm)
{
	if (events && below(16) == 0) {
		host_changes(vm);
	} else if (vms[vm].settling && events && below(8) == 0) {
		one_more_command(vm);
	} else if (vms[vm].settling) {
		settled(vm);
	} else if (events && g.minor && below(3) == 0) {
		sgi_command(vm);
	} else if (events) {
		route_command(vm);
	}
}

static void enable(unsigned vm)
{
	vms[vm].stepping = true;
	vms[vm].plain = -1;
	gicv4_enable(vms[vm].v4, below(3) != 0);
}

static void step(void)
{
	unsigned vm = below(VMS);

	switch (below(12)) {
	case 0:
		vm_step(vm);
		break;
	case 1:
		if (events)
			device_event();
		break;
	case 2:
	case 3:
		g4_step(&g, below(g.itss));
		g4_step(&g, below(g.itss));
		break;
	case 4:
		physical_step();
		break;
	case 5:
		if (gicv4_step(vms[vm].v4))
			vms[vm].stepping = false;
		break;
	case 6:
		if (g.minor)
			sgi_pending(vm, below(VCPUS));
		else if (events && below(100) == 0)
			enable(vm);
		break;
	case 7:
		if (events && g.minor && below(100) == 0)
			enable(vm);
		break;
	default:
		vcpu_step(vm, below(VCPUS));
	}
}

static void run(unsigned steps, bool with_events)
{
	events = with_events;
	while (steps--)
		step();
}

/* --- What has to be so when nothing moves any more. --- */

static bool hardware_rests(void)
{
	for (unsigned its = 0; its < g.itss; its++)
		if (g.its[its].put != g.its[its].executed)
			return false;
	for (unsigned cpu = 0; cpu < G4_CPUS; cpu++)
		if (handling[cpu] >= 0 || g4_wants(&g, cpu) >= 0)
			return false;
	return true;
}

static bool vm_rests(const struct vm *vm)
{
	for (unsigned n = 0; n < VCPUS; n++)
		if (vm->vcpus[n].state != BLOCKED || vm->vcpus[n].woken || vm->vcpus[n].asking)
			return false;
	return !vm->settling;
}

static bool at_rest(void)
{
	bool rests = true;

	for (unsigned vm = 0; vm < VMS; vm++)
		if (!is_settled(vm) || !gicv4_step(vms[vm].v4))
			rests = false;
	for (unsigned vm = 0; vm < VMS; vm++)
		rests &= vm_rests(&vms[vm]);
	return rests && hardware_rests();
}

static void check_vcpu_rests(unsigned vm, unsigned n)
{
	const struct guest_vcpu *vcpu = &vms[vm].vcpus[n];

	if (vcpu->silent) { /* nothing has to wake it */
		silent += g4_vpe_wants(&g, vm * VPEIDS + n);
		return;
	}
	if (g4_vpe_wants(&g, vm * VPEIDS + n))
		fail("a vCPU sleeps with a vLPI pending", vm, n);
	for (unsigned sgi = 0; sgi < 16; sgi++)
		if (vcpu->sgi[sgi].must && vcpu->sgi_enabled[sgi])
			fail("an SGI is lost", vm, sgi);
}

static void check_route_rests(unsigned vm, unsigned n)
{
	struct guest_route *route = &vms[vm].routes[n];

	if (route->held)
		fail("a device is held for good", vm, n);
	if (!route->mapped || !(vms[vm].property[route->lpi] & 1) ||
	    vms[vm].vcpus[route->vcpu].silent)
		return;
	if (route->expected.must)
		fail("an event is lost", vm, n);
	route->expected.may = 0;
}

static void check_rest(void)
{
	for (unsigned vm = 0; vm < VMS; vm++) {
		for (unsigned n = 0; n < VCPUS; n++)
			check_vcpu_rests(vm, n);
		for (unsigned n = 0; n < ROUTES; n++)
			check_route_rests(vm, n);
	}
}

static void come_to_rest(void)
{
	unsigned patience = PATIENCE;

	do {
		run(QUIET, false);
		for (unsigned n = 0; n < 200; n++) /* what has to go on, goes on */
			for (unsigned its = 0; its < g.itss; its++)
				g4_step(&g, its);
		if (!--patience)
			fail("it does not come to rest", 0, 0);
	} while (!at_rest());
}

/* The doorbells that are off: on again. Were there any? */
static bool doorbells_on(void)
{
	bool any = false;

	for (unsigned n = 0; g.minor && n < VMS * VCPUS; n++) {
		if (g.host_property[n] & 1)
			continue;
		any = true;
		host_flips(n / VCPUS, n % VCPUS, 1);
	}
	return any;
}

static void settle_now(unsigned vm)
{
	for (unsigned n = 0; !is_settled(vm); n++) {
		for (unsigned its = 0; its < g.itss; its++)
			g4_step(&g, its);
		if (n > PATIENCE)
			fail("it does not settle", vm, 0);
	}
}

/* One VM asks, and nobody looks after it: another's requests are done nevertheless. */
static void check_not_held_up(void)
{
	unsigned idle = below(VMS);

	invalidate_all(idle);
	invalidate_all(!idle);
	settle_now(!idle);
	vms[idle].settling = true;
}

/* All sleep: what comes now has to wake those whose doorbell is on, and only those. */
static void disturb(void)
{
	for (unsigned vm = 0; vm < VMS; vm++) {
		for (unsigned n = 0; g.minor && n < VCPUS; n++)
			host_flips(vm, n, 1);
		settle_now(vm);
	}
	for (unsigned n = 0; n < 2 * VMS; n++)
		device_event();
	come_to_rest();
	check_rest();
}

/* A vCPU that is to run while its configuration is read: gicv4_ready() is all that it needs. */
static void check_ready_alone(void)
{
	unsigned vm = below(VMS), n = below(VCPUS), tries = 0;
	struct guest_vcpu *vcpu = &vms[vm].vcpus[n];

	gicv4_invalidate_all(vms[vm].v4, n);
	vms[vm].settling = true;
	try_load(vm, n);
	while (vcpu->state == LOADING && !gicv4_ready(vms[vm].v4, n)) {
		for (unsigned its = 0; its < g.itss; its++)
			g4_step(&g, its);
		if (++tries > PATIENCE)
			fail("it does not get ready", vm, n);
	}
	if (vcpu->state == LOADING)
		vcpu->state = RUNNING, vcpu->moving = false;
}

static void rest(void)
{
	come_to_rest();
	check_rest();
	if (below(4) == 0)
		disturb();
	if (doorbells_on()) {
		come_to_rest();
		check_rest();
	}
	check_not_held_up();
}

/* --- The machine. --- */

static void put_now(unsigned its, uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3)
{
	const uint64_t command[4] = { w0, w1, w2, w3 };

	g4_put(&g, its, command);
	if (!g4_step(&g, its))
		fail("a command is not executed", 0, its);
}

static void map_machine(void)
{
	for (unsigned its = 0; its < g.itss; its++) {
		for (unsigned n = 0; n < G4_CPUS; n++)
			put_now(its, 0x09, 0, UINT64_C(1) << 63 | G4_RDBASE(n) | n, 0);
		for (uint64_t device = 0; device <= VMS; device++)
			put_now(its, 0x08 | device << 32, 2, UINT64_C(1) << 63, 0);
	}
	for (uint64_t n = 0; n < (uint64_t)VMS * VCPUS && !g.minor; n++)
		put_now(0, 0x0a, (G4_LPI + n) << 32 | n, 0, 0);
	for (uint64_t vm = 0; vm < VMS; vm++)
		for (unsigned n = 0; n < ROUTES; n++)
			put_now(route_its(n), 0x0a | (1 + vm) << 32,
				(uint64_t)(G4_LPI + route_lpi((unsigned)vm, n)) << 32 | n, n, 0);
	for (unsigned n = 0; n < G4_LPIS; n++)
		g.host_property[n] = g.minor || n >= 16;
	for (unsigned cpu = 0; cpu < G4_CPUS; cpu++) {
		g.redist[cpu].resident = handling[cpu] = -1;
		if (g.minor)
			g4_write(&g, cpu, 0x20070,
				 gicv4_vpe_table(UINT64_C(1) << 63 | 0x7fff0000 | 2 << 8, 0));
	}
}

static void make_vm(unsigned vm)
{
	struct gicv4_event doorbells[VCPUS];
	struct gicv4_config config = { .vcpus = VCPUS,
				       .routes = ROUTES,
				       .lpi_bits = 4,
				       .first_vpeid = (uint16_t)(vm * VPEIDS),
				       .doorbells = doorbells,
				       .tables = g.ram + (size_t)TABLES * vm,
				       .address = BASE + (uint64_t)TABLES * vm };
	size_t size;

	memset(&vms[vm], 0, sizeof(vms[vm]));
	vms[vm].plain = -1;
	for (unsigned n = 0; n < VCPUS; n++)
		doorbells[n] = (struct gicv4_event){ .event = doorbell_of(vm, n),
						     .intid = G4_LPI + doorbell_of(vm, n) };
	if (gicv4_tables_size(&machine, &config) != TABLES)
		fail("the tables' size", vm, 0);
	size = gicv4_size(&machine, &config);
	vms[vm].memory = aligned_alloc(64, (size + 63) / 64 * 64);
	memset(vms[vm].memory, 0xa5, size);
	if (gicv4_init(&vms[vm].v4, vms[vm].memory, size, &machine, &config, &hooks, &vms[vm]))
		fail("init", vm, 0);
	for (unsigned n = 0; n < ROUTES; n++) {
		struct gicv4_event event = { .its = (uint8_t)route_its(n),
					     .collection = (uint16_t)n,
					     .cpu = (uint16_t)n,
					     .device = 1 + vm,
					     .event = n,
					     .intid = G4_LPI + route_lpi(vm, n) };

		if (gicv4_route(vms[vm].v4, (uint16_t)n, &event))
			fail("route", vm, n);
	}
}

/* While vPEs are being mapped or unmapped, as at any time. */
static void host_changes_while_it_settles(unsigned vm)
{
	for (unsigned n = below(40); n && !gicv4_settled(vms[vm].v4); n--) {
		if (below(3) == 0)
			host_changes(vm);
		else
			g4_step(&g, below(g.itss));
	}
	settle_now(vm);
}

static void start(unsigned vm)
{
	if (gicv4_start(vms[vm].v4))
		fail("start", vm, 0);
	vms[vm].started = true;
	host_changes_while_it_settles(vm);
	vms[vm].settling = false;
}

/* What was asked for is under way, or not even that. */
static void stop(unsigned vm)
{
	if (below(2))
		invalidate_all(vm);
	if (below(2))
		host_changes(vm);
	vms[vm].started = false;
	if (gicv4_stop(vms[vm].v4))
		fail("stop", vm, 0);
	host_changes_while_it_settles(vm);
	for (unsigned n = 0; n < VPEIDS; n++)
		for (unsigned its = 0; its < g.itss; its++)
			if (g.its[its].vpe[vm * VPEIDS + n].valid)
				fail("a vPE is mapped after stop", vm, n);
	memset(vms[vm].vcpus, 0, sizeof(vms[vm].vcpus)); /* SGIs are not configured any more */
}

/* Everything is unmapped, and mapped anew: as a reset of the VM does. */
static void restart(unsigned vm)
{
	for (unsigned n = 0; n < ROUTES; n++) {
		vms[vm].routes[n].leaving = vms[vm].routes[n].mapped;
		vms[vm].routes[n].discards = vms[vm].routes[n].mapped;
		while (vms[vm].routes[n].leaving) {
			unmap_step(vm, n);
			g4_step(&g, route_its(n));
		}
	}
	settle_now(vm);
	stop(vm);
	if (below(2))
		host_changes(vm);
	settle_now(vm);
	vms[vm].settling = false;
	start(vm);
}

struct trial {
	const char *name;
	unsigned minor, itss;
	bool vmovp, holds, lates, invlpir;
	unsigned slow;
};

static void make_machine(const struct trial *trial)
{
	uint8_t *ram = g.ram;

	memset(&g, 0, sizeof(g));
	g = (struct g4){ .minor = trial->minor,
			 .vmovp = trial->vmovp,
			 .tolerant = trial->lates,
			 .invlpir = trial->invlpir,
			 .itss = trial->itss,
			 .its_number = { 3, 7 },
			 .ram = ram,
			 .ram_base = BASE,
			 .ram_size = (uint64_t)TABLES * VMS,
			 .slow = trial->slow,
			 .random = below };
	memset(ram, 0x5a, (size_t)TABLES * VMS);
	machine = (struct gicv4_machine){ .minor = (uint8_t)trial->minor,
					  .itss = (uint8_t)trial->itss,
					  .vmovp = trial->vmovp,
					  .invlpir = trial->invlpir,
					  .its_numbers = { 3, 7 },
					  .vpeids = G4_VPES,
					  .intid_bits = 16 };
	can_hold = trial->holds;
	lates = trial->lates;
	map_machine();
	for (unsigned vm = 0; vm < VMS; vm++) {
		make_vm(vm);
		start(vm);
	}
}

static void try(const struct trial *trial, uint64_t steps)
{
	uint64_t before = delivered, before_direct = direct, before_woken = woken;
	uint64_t before_silent = silent;
	bool rare;

	by_invlpir = by_invallr = by_invdb = plain = 0;
	make_machine(trial);
	for (uint64_t n = 0; n < steps; n += BUSY) {
		run(BUSY, true);
		rest();
		if (below(8) == 0)
			restart(below(VMS));
		check_ready_alone();
	}
	printf("# %llu delivered, %llu of them directly, %llu wake-ups, %llu configured by "
	       "redistributors, %llu INVDB, %llu sleep through\n",
	       (unsigned long long)(delivered - before),
	       (unsigned long long)(direct - before_direct),
	       (unsigned long long)(woken - before_woken),
	       (unsigned long long)(by_invlpir + by_invallr), (unsigned long long)by_invdb,
	       (unsigned long long)(silent - before_silent));
	/* Short runs need not come to everything. */
	rare = steps < 60000 || ((!trial->invlpir || (by_invlpir && by_invallr && plain)) &&
				 (!trial->minor || (by_invdb && silent)));
	if (direct == before_direct || woken == before_woken || !rare)
		fail("nothing was tried", 0, 0);
	for (unsigned vm = 0; vm < VMS; vm++)
		free(vms[vm].memory);
}

int main(void)
{
	static const struct trial trials[] = {
		{ "GICv4.0, exact", 0, 1, true, true, false, false, 0 },
		{ "GICv4.0, devices cannot be held", 0, 1, true, false, false, false, 2 },
		{ "GICv4.0, two ITSs", 0, 2, true, true, false, false, 3 },
		{ "GICv4.0, two ITSs that want VMOVP each", 0, 2, false, true, false, false, 3 },
		{ "GICv4.0, slow, and not waited for", 0, 1, true, true, true, false, 20 },
		{ "GICv4.1, exact", 1, 1, true, true, false, false, 2 },
		{ "GICv4.1, two ITSs that want VMOVP each", 1, 2, false, false, false, false, 3 },
		{ "GICv4.1, slow, and not waited for", 1, 2, true, true, true, false, 20 },
		{ "GICv4.1 with INVLPIR", 1, 1, true, true, false, true, 2 },
		{ "GICv4.1 with INVLPIR, two ITSs that want VMOVP each", 1, 2, false, false, false,
		  true, 3 },
		{ "GICv4.1 with INVLPIR, slow, and not waited for", 1, 2, true, true, true, true,
		  20 },
	};
	const unsigned count = sizeof(trials) / sizeof(trials[0]);
	const char *steps = getenv("GICV4_STEPS"), *seeded = getenv("GICV4_SEED");
	uint64_t each = steps ? strtoull(steps, NULL, 0) / count : 50000;

	g.ram = aligned_alloc(64, (size_t)TABLES * VMS);
	seed = seeded ? strtoull(seeded, NULL, 0) : UINT64_C(0x9e3779b97f4a7c15);
	if (!g.ram || !seed)
		return 1;
	printf("TAP version 13\n1..%u\n", count);
	for (unsigned n = 0; n < count; n++) {
		printf("# %s: seed %#llx\n", trials[n].name, (unsigned long long)seed);
		try(&trials[n], each);
		printf("ok %u - %s: no event is lost or doubled, every sleeper is woken\n", n + 1,
		       trials[n].name);
	}
	free(g.ram);
	return 0;
}
