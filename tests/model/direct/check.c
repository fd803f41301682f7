/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Direct injection from end to end: a guest's ITS commands by way of lib/vits, its hooks and
 * carillon/gicv4.h to the model of a GICv4 (../gicv4.h), and back as vLPIs, physical LPIs that the host
 * takes, and doorbells; at random, with vCPUs that come and go, and a host that changes its mind.
 *
 * DIRECT_STEPS: how many steps; DIRECT_SEED: with what; DIRECT_TRACE=1: each of them.
 */
#include "direct.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct trial *trial;
bool events;
unsigned alarmed;
unsigned depth;
uint64_t taken, direct, woken, resets, restores, renames, done[KINDS];

static uint64_t seed;
static bool tracing, lazy; /* lazy: gicv4_step() is not called for a while */

const char *const command_names[KINDS] = { "MAPD", "MAPC",  "MAPTI",   "MOVI",   "DISCARD",
					   "INT",  "CLEAR", "INV",     "INVALL", "MOVALL",
					   "SYNC", "CTLR",  "INVLPIR", "INVALLR" };

uint32_t below(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return n ? (uint32_t)(seed >> 20) % n : 0;
}

_Noreturn void fail(const char *what, unsigned n, unsigned k)
{
	printf("# %s: %u, %u; the last command, %s, is %s\n", what, n, k,
	       command_names[guest.command.kind], guest.command.busy ? "under way" : "done");
	fflush(stdout);
	abort();
}

void tell(const char *what, unsigned n, unsigned k)
{
	if (tracing)
		printf("# %*s%s %u %u\n", (int)depth * 4, "", what, n, k);
}

static void step(void)
{
	switch (below(12)) {
	case 0:
		if (events)
			device_event();
		break;
	case 1:
	case 2:
		g4_step(&g, below(g.itss));
		if (events && below(4) == 0)
			device_event();
		g4_step(&g, below(g.itss));
		break;
	case 3:
		physical_step();
		break;
	case 4:
		if (below(20) == 0)
			lazy = below(2);
		if (!(events && lazy) && gicv4_step(v4))
			for (unsigned p = 0; p < PAIRS; p++)
				devices[p].changes = false;
		break;
	case 5:
		gicv4_settled(v4);
		break;
	case 6:
		if (events || is_renaming())
			host_step();
		break;
	default:
		vcpu_step(below(VCPUS));
	}
}

static void run(unsigned steps, bool with_events)
{
	events = with_events;
	alarmed = below(2) ? EVERYWHERE : 1u << below(VCPUS);
	while (steps--)
		step();
}

static bool at_rest(void)
{
	bool rests = gicv4_settled(v4) && gicv4_step(v4) && !guest.command.busy;

	for (unsigned n = 0; n < VCPUS; n++)
		rests &= vcpus[n].state == BLOCKED && !vcpus[n].woken;
	for (unsigned its = 0; its < g.itss; its++)
		rests &= g.its[its].put == g.its[its].executed;
	for (unsigned cpu = 0; cpu < G4_CPUS; cpu++)
		rests &= handling[cpu] < 0 && g4_wants(&g, cpu) < 0;
	return rests;
}

static bool is_pending(unsigned lpi)
{
	unsigned vcpu;
	bool is = vgic_lpi_is_pending(vgic, G4_LPI + lpi, &vcpu);

	for (unsigned n = 0; n < VCPUS; n++)
		is |= g.vpe[FIRST_VPEID + n].pending[lpi];
	return is;
}

static void check_rest(void)
{
	for (unsigned n = 0; n < VCPUS; n++)
		if (g4_vpe_wants(&g, FIRST_VPEID + n) || vgic_pending(vgic, n))
			fail("a vCPU sleeps with an LPI pending", n, 0);
	for (unsigned p = 0; p < PAIRS; p++)
		if (devices[p].held)
			fail("a device is held for good", p, 0);
	for (unsigned n = 0; n < LPIS; n++) {
		struct lpi *l = &guest.lpi[n];
		bool pending = is_pending(n);

		if (l->must && !pending)
			fail("an LPI is lost", n, 0);
		if (pending && !l->may)
			fail("an LPI is pending that was not sent", n, 0);
		if (pending && l->on && (l->sure & l->places) == l->places)
			fail("an LPI is enabled and pending, and not taken", n, 0);
		if (!pending)
			l->may = l->places = 0;
	}
}

static void rest(void)
{
	unsigned patience = PATIENCE;

	do {
		run(QUIET, false);
		if (!--patience)
			fail("it does not come to rest", 0, 0);
	} while (!at_rest());
	check_rest();
}

static void report(uint64_t before, uint64_t before_direct, const uint64_t *before_done)
{
	printf("# %llu taken, %llu of them directly; commands",
	       (unsigned long long)(taken - before), (unsigned long long)(direct - before_direct));
	for (unsigned n = 0; n < KINDS; n++)
		printf(" %llu", (unsigned long long)(done[n] - before_done[n]));
	printf("; so far %llu wake-ups, %llu resets, %llu restores, %llu other routes\n",
	       (unsigned long long)woken, (unsigned long long)resets, (unsigned long long)restores,
	       (unsigned long long)renames);
	for (unsigned n = 0; n < KINDS; n++)
		if (done[n] == before_done[n])
			fail("a command was not tried", n, 0);
	if (direct == before_direct || taken - before == direct - before_direct)
		fail("only one way was tried", 0, 0);
}

static void change_life(void)
{
	switch (below(12)) {
	case 0:
		reset();
		break;
	case 1:
	case 2:
		restore();
		break;
	case 3:
	case 4:
	case 5:
		save();
		break;
	default:
		break;
	}
}

static void try(uint64_t steps)
{
	uint64_t before = taken, before_direct = direct, before_done[KINDS];

	memcpy(before_done, done, sizeof(done));
	make_machine();
	for (uint64_t n = 0; n < steps; n += BUSY) {
		run(BUSY, true);
		change_life();
		if (below(2))
			rest();
	}
	report(before, before_direct, before_done);
	free_machine();
}

int main(void)
{
	static const struct trial trials[] = {
		{ .name = "GICv4.0, exact",
		  .itss = 1,
		  .vmovp = true,
		  .holds = true,
		  .discards = true },
		{ .name = "GICv4.0, devices cannot be held",
		  .itss = 1,
		  .vmovp = true,
		  .discards = true,
		  .slow = 3 },
		{ .name = "GICv4.0, two ITSs, without vlpi_discard",
		  .itss = 2,
		  .vmovp = true,
		  .holds = true,
		  .slow = 3 },
		{ .name = "GICv4.0, two ITSs that want VMOVP each, not waited for",
		  .itss = 2,
		  .holds = true,
		  .lates = true,
		  .discards = true,
		  .slow = 20 },
		{ .name = "GICv4.1, exact",
		  .minor = 1,
		  .itss = 1,
		  .vmovp = true,
		  .holds = true,
		  .discards = true,
		  .slow = 2 },
		{ .name = "GICv4.1, redistributors invalidate",
		  .minor = 1,
		  .itss = 2,
		  .vmovp = true,
		  .holds = true,
		  .discards = true,
		  .invlpir = true,
		  .slow = 6 },
		{ .name = "GICv4.1, two ITSs that want VMOVP each, redistributors invalidate, not waited for",
		  .minor = 1,
		  .itss = 2,
		  .lates = true,
		  .discards = true,
		  .invlpir = true,
		  .slow = 20 },
	};
	const unsigned count = sizeof(trials) / sizeof(trials[0]);
	const char *steps = getenv("DIRECT_STEPS"), *seeded = getenv("DIRECT_SEED");
	uint64_t each = steps ? strtoull(steps, NULL, 0) / count : 2500000;

	tracing = getenv("DIRECT_TRACE");
	seed = seeded ? strtoull(seeded, NULL, 0) : UINT64_C(0x9e3779b97f4a7c15);
	if (!seed)
		return 1;
	printf("TAP version 13\n1..%u\n", count);
	for (unsigned n = 0; n < count; n++) {
		printf("# %s: seed %#llx\n", trials[n].name, (unsigned long long)seed);
		trial = &trials[n];
		try(each);
		printf("ok %u - %s: each LPI comes as its guest has it mapped\n", n + 1,
		       trials[n].name);
	}
	return 0;
}
