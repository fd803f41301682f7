/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The host, as an embedder is one (monitor/arm64/direct.c, port.c): hooks of vgic, vits and gicv4, its
 * handlers of physical LPIs, and what goes on elsewhere meanwhile.
 */
#include "direct.h"

#include <string.h>

bool quiesced;
int handling[G4_CPUS];
unsigned pair_of_route[ROUTES];
struct device devices[PAIRS];

static bool handled[G4_CPUS]; /* it is in the library */

/* --- What goes on elsewhere, in the middle of the library's functions. --------------------------- */

static void elsewhere(void);

unsigned its_of(unsigned p)
{
	return p % machine.itss;
}

static void signal_event(unsigned p)
{
	devices[p].has = false;
	g4_event(&g, its_of(p), 1 + p / EVENTS, p % EVENTS);
}

void device_event(void)
{
	unsigned p = below(PAIRS);

	if (devices[p].masked)
		return;
	sent(p, true);
	devices[p].due = true;
	devices[p].has = true;
	if (!devices[p].held)
		signal_event(p);
}

/* On a CPU whose guest it stops, if it runs one. */
static void message(unsigned cpu, unsigned p)
{
	struct vcpu *here = NULL;

	for (unsigned n = 0; n < VCPUS && !depth; n++)
		if (vcpus[n].state == RUNNING && vcpus[n].cpu == cpu)
			here = &vcpus[n];
	tell("physical LPI of", p, here != NULL);
	if (here)
		here->inside = false;
	vits_message(vits, here ? here->handle : NULL, p / EVENTS, p % EVENTS);
}

static void handle(unsigned cpu)
{
	unsigned n = (unsigned)handling[cpu] - G4_LPI;

	handled[cpu] = true;
	if (n < VCPUS)
		gicv4_doorbell(v4, n);
	else
		message(cpu, n - 16);
	handled[cpu] = false;
	handling[cpu] = -1;
}

void physical_step(void)
{
	unsigned cpu = below(G4_CPUS);

	if (handling[cpu] < 0)
		handling[cpu] = g4_take(&g, cpu);
	else if (!handled[cpu])
		handle(cpu);
}

static void elsewhere(void)
{
	if (depth || below(3))
		return;
	depth++;
	switch (below(4)) {
	case 0:
		if (events && !quiesced && below(4) == 0)
			device_event();
		break;
	case 1:
		if (!quiesced)
			physical_step();
		break;
	case 2:
		guest_takes(below(VCPUS));
		break;
	default:
		g4_step(&g, below(g.itss));
	}
	depth--;
}

void time_passes(unsigned *turns)
{
	for (unsigned its = 0; its < g.itss; its++)
		g4_step(&g, its);
	elsewhere();
	if (++*turns > PATIENCE)
		fail("it waits for ever", 0, 0);
}

void settle(void)
{
	unsigned turns = 0;

	while (!gicv4_settled(v4))
		time_passes(&turns);
}

/* --- Hooks of gicv4. ----------------------------------------------------------------------------- */

static uint64_t hook_command(void *host, unsigned its, const uint64_t command[4])
{
	uint64_t token;

	(void)host;
	elsewhere();
	tell("command", (unsigned)command[0] & 0xff, (unsigned)command[1]);
	token = g4_put(&g, its, command);
	elsewhere();
	return token;
}

static bool hook_done(void *host, unsigned its, uint64_t token)
{
	(void)host;
	return g.its[its].executed >= token;
}

static uint64_t hook_redist_read(void *host, unsigned cpu, uint32_t offset)
{
	(void)host;
	elsewhere();
	return g4_read(&g, cpu, offset);
}

static void hook_redist_write(void *host, unsigned cpu, uint32_t offset, uint64_t value)
{
	(void)host;
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

static void hook_doorbell(void *host, unsigned vcpu, bool on)
{
	(void)host;
	elsewhere();
	g.host_property[vcpu] = on;
}

static void hook_wake(void *host, unsigned vcpu)
{
	(void)host;
	woken++;
	vcpus[vcpu].woken = true;
}

static void hook_raise(void *host, uint16_t route, unsigned vcpu, virq_t lpi)
{
	(void)host;
	tell("raise", vcpu, lpi - G4_LPI);
	if (pair_of_lpi(lpi - G4_LPI) != pair_of_route[route])
		fail("another pair's LPI is raised", route, lpi);
	vgic_lpi_raise(vgic, NULL, vcpu, lpi);
}

/* What came before has been raised: a physical LPI that is pending is taken on the spot. */
static void take_physical(unsigned p)
{
	unsigned n = devices[p].lpi - G4_LPI;

	for (unsigned cpu = 0; cpu < G4_CPUS; cpu++) {
		if (!g.redist[cpu].pending[n])
			continue;
		g.redist[cpu].pending[n] = false;
		vits_message(vits, NULL, p / EVENTS, p % EVENTS);
	}
}

static bool hook_quiet(void *host, uint16_t route, bool on)
{
	unsigned p = pair_of_route[route];

	(void)host;
	elsewhere();
	if (on && (!trial->holds || below(8) == 0)) {
		sent(p, false);
		devices[p].changes = gicv4_is_direct(v4, route);
		return false;
	}
	if (devices[p].held == on)
		fail("held twice, or released twice", p, on);
	tell(on ? "hold" : "release", p, devices[p].has);
	devices[p].held = on;
	if (on)
		take_physical(p);
	else if (devices[p].has)
		signal_event(p);
	elsewhere();
	return true;
}

const struct gicv4_hooks gicv4_hooks = {
	.command = hook_command,
	.done = hook_done,
	.redist_read = hook_redist_read,
	.redist_write = hook_redist_write,
	.rdbase = hook_rdbase,
	.doorbell = hook_doorbell,
	.wake = hook_wake,
	.raise = hook_raise,
	.quiet = hook_quiet,
};

/* --- Hooks of vgic and vits: as an embedder's. --------------------------------------------------- */

static void hook_kick(void *host, unsigned vcpu)
{
	(void)host;
	vcpus[vcpu].kicked = vcpus[vcpu].woken = true;
}

static uint8_t *ram_at(uint64_t at, size_t bytes)
{
	return at < RAM || at - RAM > RAM_SIZE - bytes ? NULL : ram + (at - RAM);
}

static bool hook_guest_read(void *host, uint64_t at, void *to, size_t bytes)
{
	const uint8_t *from = ram_at(at, bytes);

	(void)host;
	elsewhere();
	if (from)
		memcpy(to, from, bytes);
	elsewhere();
	return from;
}

static bool hook_guest_write(void *host, uint64_t at, const void *from, size_t bytes)
{
	uint8_t *to = ram_at(at, bytes);

	(void)host;
	if (to)
		memcpy(to, from, bytes);
	return to;
}

static void hook_lpi_invalidated(void *host, unsigned vcpu, virq_t lpi)
{
	(void)host;
	vits_lpi_invalidated(vits, vcpu, lpi);
	settle();
}

const struct vgic_port vgic_hooks = {
	.kick = hook_kick,
	.guest_read = hook_guest_read,
	.guest_write = hook_guest_write,
	.lpi_invalidated = hook_lpi_invalidated,
};

static bool hook_map(void *host, uint16_t route, unsigned vcpu, virq_t lpi)
{
	uint8_t byte = 0;

	(void)host;
	if (below(2)) /* 0 will do */
		vgic_lpi_property(vgic, vcpu, lpi, &byte);
	tell("map", pair_of_route[route], lpi - G4_LPI);
	return gicv4_map(v4, route, vcpu, lpi, byte);
}

static bool hook_unmap(void *host, uint16_t route)
{
	enum gicv4_result result;
	unsigned turns = 0;

	(void)host;
	while ((result = gicv4_unmap(v4, route)) == GICV4_AGAIN)
		time_passes(&turns);
	tell("unmap", pair_of_route[route], result);
	return result == GICV4_PENDING;
}

static void hook_discard(void *host, uint16_t route)
{
	(void)host;
	tell("discard", pair_of_route[route], 0);
	gicv4_discard(v4, route);
}

static void hook_move(void *host, uint16_t route, unsigned vcpu)
{
	(void)host;
	tell("move", pair_of_route[route], vcpu);
	gicv4_move(v4, route, vcpu);
}

static void hook_set(void *host, uint16_t route)
{
	(void)host;
	gicv4_set(v4, route);
}

static void hook_clear(void *host, uint16_t route)
{
	(void)host;
	gicv4_clear(v4, route);
}

static void hook_configure(void *host, uint16_t route, virq_t lpi, uint8_t byte)
{
	(void)host;
	gicv4_configure(v4, route, lpi, byte);
}

static bool hook_settled(void *host)
{
	(void)host;
	return gicv4_settled(v4);
}

const struct vits_port vits_hooks = {
	.vlpi_map = hook_map,
	.vlpi_unmap = hook_unmap,
	.vlpi_discard = hook_discard,
	.vlpi_move = hook_move,
	.vlpi_set = hook_set,
	.vlpi_clear = hook_clear,
	.vlpi_configure = hook_configure,
	.vlpis_settled = hook_settled,
};
