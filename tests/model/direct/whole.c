/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The machine and the VM as a whole: how they are built, routes that change, reset, save and restore.
 */
#include "direct.h"

#include <stdlib.h>
#include <string.h>

static struct saved {
	bool valid;
	struct guest guest;
	struct vits_state its;
	void *vgic;
	long size;
	uint8_t ram[RAM_SIZE];
} saved;

struct g4 g;
struct gicv4_machine machine;
struct gicv4 *v4;
struct vgic *vgic;
struct vits *vits;
bool pta;

static void *memories[3]; /* of v4, vgic, vits */
static unsigned spare, renaming;

bool is_renaming(void)
{
	return renaming != NONE;
}

/* --- Routes, reset, save and restore. ----------------------------------------------------------- */

static void name_route(unsigned p, unsigned route)
{
	struct gicv4_event event = { .its = (uint8_t)its_of(p),
				     .collection = (uint16_t)(p % G4_CPUS),
				     .cpu = (uint16_t)(p % G4_CPUS),
				     .device = 1 + p / EVENTS,
				     .event = p % EVENTS,
				     .intid = devices[p].lpi };

	tell("route", p, route);
	pair_of_route[route] = p;
	devices[p].route = route;
	if (gicv4_route(v4, (uint16_t)route, &event) ||
	    vits_forward(vits, p / EVENTS, p % EVENTS, (uint16_t)route))
		fail("a pair gets no route", p, route);
	devices[p].named = true;
}

/* Another route for a pair, as when a function's message is set up anew: its device is silent. */
static void rename_route(void)
{
	unsigned p = renaming, old = devices[p].route;

	devices[p].masked = true;
	if (in_flight(p) || devices[p].held)
		return;
	if (vits_unforward(vits, NULL, (uint16_t)old))
		fail("vits_unforward", p, old);
	if (gicv4_route(v4, (uint16_t)old, NULL)) /* discarded on its way: gicv4_step() ends that */
		return;
	name_route(p, spare);
	spare = old;
	settle();
	devices[p].masked = false;
	renaming = NONE;
	renames++;
}

/* Software only, for a while. Of a pair that is not mapped hardware would go on dropping messages. */
static void toggle_route(void)
{
	unsigned p = below(PAIRS), vcpu;

	if (p == renaming)
		return;
	tell("toggle", p, devices[p].named);
	if (!devices[p].named) {
		if (vits_forward(vits, p / EVENTS, p % EVENTS, (uint16_t)devices[p].route))
			fail("vits_forward", p, 0);
		devices[p].named = true;
	} else if (!guest.command.busy && delivers(&guest.now, p, &vcpu) >= 0) {
		if (vits_unforward(vits, NULL, (uint16_t)devices[p].route))
			fail("vits_unforward", p, 0);
		devices[p].named = false;
	}
}

void host_step(void)
{
	if (renaming != NONE)
		rename_route();
	else if (below(60) == 0)
		renaming = below(PAIRS);
	else if (below(60) == 0)
		gicv4_enable(v4, below(3) != 0);
	else if (below(20) == 0)
		toggle_route();
	if (renaming != NONE && !devices[renaming].named)
		renaming = NONE;
}

/* No vCPU is loaded, devices and handlers are silent. */
static void silence(void)
{
	unsigned turns = 0;

	quiesced = true;
	for (unsigned n = 0; n < VCPUS; n++) {
		while (vcpus[n].state == LOADING || vcpus[n].state == PUTTING) {
			vcpu_step(n);
			time_passes(&turns);
		}
		if (vcpus[n].state == RUNNING)
			stop_running(&vcpus[n], false);
		while (vcpus[n].state == PUTTING) {
			vcpu_step(n);
			time_passes(&turns);
		}
		vcpus[n].state = READY;
	}
}

static void all_to_software(void)
{
	unsigned turns = 0;

	gicv4_enable(v4, false);
	while (!gicv4_step(v4))
		time_passes(&turns);
}

void save(void)
{
	tell("save", 0, 0);
	silence();
	all_to_software();
	saved.size = vgic_save(vgic, saved.vgic, vgic_save_size(vgic));
	if (saved.size < 0 || vits_save(vits, &saved.its))
		fail("it cannot be saved", 0, 0);
	saved.guest = guest;
	for (unsigned n = 0; n < LPIS; n++) /* what is on its way is not saved */
		saved.guest.lpi[n].must &= !in_flight(pair_of_lpi(n));
	memcpy(saved.ram, ram, RAM_SIZE);
	saved.valid = true;
	gicv4_enable(v4, true);
	quiesced = false;
}

static void stop_and_start(void)
{
	all_to_software();
	settle();
	if (gicv4_stop(v4))
		fail("gicv4_stop", 0, 0);
	settle();
	for (unsigned its = 0; its < g.itss; its++)
		for (unsigned n = 0; n < G4_VPES; n++)
			if (g.its[its].vpe[n].valid)
				fail("a vPE is mapped after stop", its, n);
	if (gicv4_start(v4))
		fail("gicv4_start", 0, 0);
	settle();
	gicv4_enable(v4, true);
}

void restore(void)
{
	const char *why;

	if (!saved.valid)
		return;
	tell("restore", 0, 0);
	silence();
	if (below(2)) {
		vits_reset(vits);
		stop_and_start();
	}
	guest = saved.guest;
	memcpy(ram, saved.ram, RAM_SIZE);
	for (unsigned p = 0; p < PAIRS; p++) {
		for (unsigned n = in_flight(p); n; n--)
			sent(p, false);
		devices[p].due = false;
	}
	if (vgic_restore(vgic, saved.vgic, (size_t)saved.size, &why) ||
	    vits_restore(vits, &saved.its, &why))
		fail(why, 0, 0);
	settle(); /* until then hardware may drop what devices say */
	for (unsigned n = 0; n < VCPUS; n++)
		vcpus[n].restore = true;
	restores++;
	quiesced = false;
}

void reset(void)
{
	tell("reset", 0, 0);
	silence();
	for (unsigned p = 0; p < PAIRS; p++)
		devices[p].has = false;
	vits_reset(vits);
	stop_and_start();
	if (vgic_reset(vgic))
		fail("vgic_reset", 0, 0);
	boot();
	resets++;
	quiesced = false;
}

/* --- The machine. -------------------------------------------------------------------------------- */

static void put_now(unsigned its, uint64_t w0, uint64_t w1, uint64_t w2)
{
	const uint64_t command[4] = { w0, w1, w2, 0 };

	g4_put(&g, its, command);
	if (!g4_step(&g, its))
		fail("a command is not executed", its, (unsigned)w0);
}

/* As the host sets its GIC up: a collection for each CPU, devices, and the LPIs of their events. */
static void map_hardware(void)
{
	for (unsigned its = 0; its < g.itss; its++) {
		for (unsigned n = 0; n < G4_CPUS; n++)
			put_now(its, 0x09, 0, VALID | G4_RDBASE(n) | n);
		for (uint64_t device = 0; device <= DEVICES; device++)
			put_now(its, 0x08 | device << 32, 2, VALID);
	}
	for (uint64_t n = 0; n < VCPUS && !g.minor; n++)
		put_now(0, 0x0a, (G4_LPI + n) << 32 | n, 0);
	for (unsigned p = 0; p < PAIRS; p++)
		put_now(its_of(p), 0x0a | (uint64_t)(1 + p / EVENTS) << 32,
			(uint64_t)devices[p].lpi << 32 | p % EVENTS, p % G4_CPUS);
	for (unsigned n = 0; n < G4_LPIS; n++)
		g.host_property[n] = g.minor || n >= 16;
	for (unsigned cpu = 0; cpu < G4_CPUS; cpu++) {
		g.redist[cpu].resident = handling[cpu] = -1;
		if (g.minor)
			g4_write(&g, cpu, 0x20070, gicv4_vpe_table(VALID | 0x7fff0000 | 2 << 8, 0));
	}
}

static void *memory(size_t size)
{
	void *at = aligned_alloc(64, (size + 63) / 64 * 64);

	if (!at)
		abort();
	memset(at, 0xa5, size);
	return at;
}

static void make_direct(void)
{
	struct gicv4_event doorbells[VCPUS];
	struct gicv4_config config = { .vcpus = VCPUS,
				       .routes = ROUTES,
				       .lpi_bits = 4,
				       .first_vpeid = FIRST_VPEID,
				       .doorbells = doorbells,
				       .tables = g.ram,
				       .address = TABLES_AT };
	size_t size;

	for (unsigned n = 0; n < VCPUS; n++)
		doorbells[n] = (struct gicv4_event){ .event = n, .intid = G4_LPI + n };
	if (gicv4_tables_size(&machine, &config) != TABLES)
		fail("the tables' size", 0, 0);
	size = gicv4_size(&machine, &config);
	memories[0] = memory(size);
	if (gicv4_init(&v4, memories[0], size, &machine, &config, &gicv4_hooks, NULL) ||
	    gicv4_start(v4))
		fail("gicv4_init", 0, 0);
}

static void make_vgic(void)
{
	const struct vgic_config config = { .version = VGIC_V3,
					    .vcpus = VCPUS,
					    .priority_bits = 5,
					    .preemption_bits = 5,
					    .lrs = LRS,
					    .cluster_bits = 4,
					    .lpi_bits = 4 };
	size_t size = vgic_size(&config);

	memories[1] = memory(size);
	if (vgic_init(&vgic, memories[1], size, &config, &vgic_hooks, NULL))
		fail("vgic_init", 0, 0);
}

static void make_vits(void)
{
	const struct vits_config config = { .device_bits = 4,
					    .event_bits = 4,
					    .collection_bits = 4,
					    .cache_bits = 4,
					    .pta = pta,
					    .redists = REDISTS,
					    .routes = ROUTES };
	struct vits_port port = vits_hooks;
	size_t size = vits_size(&config);

	memories[2] = memory(size);
	if (!trial->discards)
		port.vlpi_discard = NULL;
	if (vits_init(&vits, memories[2], size, &config, vgic, &port, NULL))
		fail("vits_init", 0, 0);
}

static void make_hardware(void)
{
	g = (struct g4){ .minor = trial->minor,
			 .vmovp = trial->vmovp,
			 .tolerant = trial->lates,
			 .itss = trial->itss,
			 .invlpir = trial->invlpir,
			 .its_number = { 3, 7 },
			 .ram = memory(TABLES),
			 .ram_base = TABLES_AT,
			 .ram_size = TABLES,
			 .slow = trial->slow,
			 .random = below };
	machine = (struct gicv4_machine){ .minor = (uint8_t)trial->minor,
					  .itss = (uint8_t)trial->itss,
					  .vmovp = trial->vmovp,
					  .invlpir = trial->invlpir,
					  .its_numbers = { 3, 7 },
					  .vpeids = G4_VPES,
					  .intid_bits = 16 };
	memset(vcpus, 0, sizeof(vcpus));
	memset(devices, 0, sizeof(devices));
	for (unsigned p = 0; p < PAIRS; p++)
		devices[p].lpi = G4_LPI + 16 + p;
	map_hardware();
}

void make_machine(void)
{
	quiesced = true;
	pta = below(2);
	make_hardware();
	make_direct();
	settle();
	make_vgic();
	make_vits();
	saved.valid = false;
	saved.vgic = memory(vgic_save_size(vgic));
	renaming = NONE;
	spare = PAIRS;
	for (unsigned p = 0; p < PAIRS; p++)
		name_route(p, p);
	boot();
	quiesced = false;
}

void free_machine(void)
{
	for (unsigned n = 0; n < 3; n++)
		free(memories[n]);
	free(saved.vgic);
	free(g.ram);
}
