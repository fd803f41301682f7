/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The model of GICv4: ITS commands (IHI 0069 5.13), residency (12.12: GICR_VPROPBASER, GICR_VPENDBASER),
 * delivery of LPIs, vLPIs, vSGIs and doorbells.
 */
#include "gicv4.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BIT(n)        (UINT64_C(1) << (n))
#define BITS(v, h, l) (((v) >> (l)) & (((UINT64_C(1) << ((h) - (l))) << 1) - 1))
#define SPURIOUS      1023u
#define VALID         BIT(63)
#define IDAI          BIT(62)
#define PENDINGLAST   BIT(61)
#define DIRTY         BIT(60)

void g4_fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	printf("# the architecture forbids: ");
	vprintf(format, arguments);
	printf("\n");
	va_end(arguments);
	fflush(stdout);
	abort();
}

static uint8_t *ram(struct g4 *g, uint64_t address)
{
	if (address < g->ram_base || address >= g->ram_base + g->ram_size)
		g4_fail("address %#llx is not memory that was handed over",
			(unsigned long long)address);
	return g->ram + (address - g->ram_base);
}

static unsigned cpu_of(uint64_t rdbase)
{
	for (unsigned n = 0; n < G4_CPUS; n++)
		if (G4_RDBASE(n) == (rdbase & UINT64_C(0xfffffffff0000)))
			return n;
	g4_fail("RDbase %#llx is no redistributor", (unsigned long long)rdbase);
}

/* --- Physical LPIs. --- */

static unsigned lpi_index(uint32_t intid)
{
	if (intid < G4_LPI || intid >= G4_LPI + G4_LPIS)
		g4_fail("LPI %u does not exist", intid);
	return intid - G4_LPI;
}

static bool lpi_enabled(struct g4 *g, struct g4_redist *redist, unsigned n)
{
	if (!redist->config[n].known)
		redist->config[n] = (struct g4_cached){ true, g->host_property[n] };
	return redist->config[n].byte & 1;
}

/* When it is read again is for the implementation to say: at once, or when it is needed. */
static void lpi_invalidate(struct g4 *g, struct g4_redist *redist, unsigned n)
{
	redist->config[n].known = false;
	if (g->random(2))
		lpi_enabled(g, redist, n);
}

static void lpi_set(struct g4 *g, unsigned cpu, uint32_t intid)
{
	unsigned n = lpi_index(intid);

	g->redist[cpu].pending[n] = true;
	lpi_enabled(g, &g->redist[cpu], n);
}

int g4_wants(struct g4 *g, unsigned cpu)
{
	struct g4_redist *redist = &g->redist[cpu];

	for (unsigned n = 0; n < G4_LPIS; n++)
		if (redist->pending[n] && lpi_enabled(g, redist, n))
			return (int)(G4_LPI + n);
	return -1;
}

int g4_take(struct g4 *g, unsigned cpu)
{
	int intid = g4_wants(g, cpu);

	if (intid >= 0)
		g->redist[cpu].pending[lpi_index((uint32_t)intid)] = false;
	return intid;
}

bool g4_lpi_pending(const struct g4 *g, uint32_t intid)
{
	for (unsigned cpu = 0; cpu < G4_CPUS; cpu++)
		if (g->redist[cpu].pending[lpi_index(intid)])
			return true;
	return false;
}

bool g4_lpi_current(const struct g4 *g, uint32_t intid, uint8_t bits)
{
	unsigned n = lpi_index(intid);

	for (unsigned cpu = 0; cpu < G4_CPUS; cpu++) {
		const struct g4_cached *cached = &g->redist[cpu].config[n];

		if (cached->known && (cached->byte ^ g->host_property[n]) & bits)
			return false;
	}
	return true;
}

/* --- Virtual LPIs. --- */

static int resident_cpu(const struct g4 *g, unsigned vpeid)
{
	for (unsigned cpu = 0; cpu < G4_CPUS; cpu++)
		if (g->redist[cpu].resident == (int)vpeid)
			return (int)cpu;
	return -1;
}

static unsigned mappings(const struct g4 *g, unsigned vpeid)
{
	unsigned count = 0;

	for (unsigned its = 0; its < g->itss; its++)
		count += g->its[its].vpe[vpeid].valid;
	return count;
}

static unsigned vlpi_index(uint32_t intid)
{
	if (intid < G4_LPI || intid >= G4_LPI + G4_VLPIS)
		g4_fail("vLPI %u was not asked for", intid);
	return intid - G4_LPI;
}

/* Until it was resident nobody knows where its configuration is: then nothing counts as enabled. */
static bool vlpi_enabled(struct g4 *g, unsigned vpeid, unsigned n)
{
	struct g4_vpe *vpe = &g->vpe[vpeid];

	if (!vpe->properties)
		return false;
	if (!vpe->config[n].known)
		vpe->config[n] = (struct g4_cached){ true, *ram(g, vpe->properties + n) };
	return vpe->config[n].byte & 1;
}

static void vlpi_invalidate(struct g4 *g, unsigned vpeid, unsigned n)
{
	g->vpe[vpeid].config[n].known = false;
	if (g->random(2))
		vlpi_enabled(g, vpeid, n);
}

static void vlpi_invalidate_all(struct g4 *g, unsigned vpeid)
{
	for (unsigned n = 0; n < G4_VLPIS; n++)
		vlpi_invalidate(g, vpeid, n);
}

bool g4_vlpi_uses(struct g4 *g, unsigned vpeid, uint32_t intid, uint8_t property)
{
	const struct g4_vpe *vpe = &g->vpe[vpeid];
	const struct g4_cached *cached = &vpe->config[vlpi_index(intid)];

	if (!vpe->properties)
		return true;
	/* Bit 1 is RES1. */
	return (((cached->known ? cached->byte : *ram(g, vpe->properties + intid - G4_LPI)) ^
		 property) &
		0xfd) == 0;
}

void g4_age(struct g4 *g, unsigned vpeid)
{
	struct g4_vpe *vpe = &g->vpe[vpeid];

	for (unsigned n = 0; vpe->properties && n < G4_VLPIS; n++)
		vpe->config[n] = (struct g4_cached){ true, *ram(g, vpe->properties + n) ^ 1 };
}

bool g4_vpe_wants(struct g4 *g, unsigned vpeid)
{
	bool wants = false;

	for (unsigned n = 0; n < G4_VLPIS; n++)
		if (g->vpe[vpeid].pending[n] && vlpi_enabled(g, vpeid, n))
			wants = true;
	for (unsigned n = 0; n < 16; n++)
		if (g->vpe[vpeid].sgi_pending[n] && g->vpe[vpeid].sgi_enabled[n])
			wants = true;
	return wants;
}

/* GICv4.1: the vPE's own doorbell, once for each time that it was armed. */
static void default_doorbell(struct g4 *g, const struct g4_vpt *vpt, unsigned vpeid)
{
	struct g4_vpe *vpe = &g->vpe[vpeid];

	if (!g->minor || !vpe->armed || !g4_vpe_wants(g, vpeid))
		return;
	vpe->armed = false;
	if (vpt->doorbell != SPURIOUS)
		lpi_set(g, vpt->cpu, vpt->doorbell);
}

static void vlpi_set(struct g4 *g, unsigned its, unsigned vpeid, uint32_t intid, uint32_t doorbell)
{
	struct g4_vpt *vpt = &g->its[its].vpe[vpeid];
	bool *pending = &g->vpe[vpeid].pending[vlpi_index(intid)], was = *pending;
	int at = resident_cpu(g, vpeid);

	if (at >= 0 && (unsigned)at != vpt->cpu)
		g4_fail("vPE %u is resident on CPU %d, and ITS %u has it on %u", vpeid, at, its,
			vpt->cpu);
	*pending = true;
	vlpi_enabled(g, vpeid, vlpi_index(intid));
	if (at >= 0)
		return;
	if (!was && doorbell != SPURIOUS && !g->minor)
		lpi_set(g, vpt->cpu, doorbell);
	default_doorbell(g, vpt, vpeid);
}

int g4_take_virtual(struct g4 *g, unsigned cpu)
{
	struct g4_redist *redist = &g->redist[cpu];
	struct g4_vpe *vpe;

	if (redist->resident < 0)
		return -1;
	vpe = &g->vpe[redist->resident];
	for (unsigned n = 0; n < 16; n++)
		if (vpe->sgi_pending[n] && vpe->sgi_enabled[n]) {
			vpe->sgi_pending[n] = false;
			return (int)n;
		}
	for (unsigned n = 0; n < G4_VLPIS; n++)
		if (vpe->pending[n] && vlpi_enabled(g, (unsigned)redist->resident, n)) {
			vpe->pending[n] = false;
			return (int)(G4_LPI + n);
		}
	return -1;
}

/* --- Registers. --- */

/* GICv4.1: the configuration of vLPIs of a vPE that is on this redistributor. */
static void begin_invalidating(struct g4 *g, unsigned cpu, uint64_t value, bool all)
{
	struct g4_redist *redist = &g->redist[cpu];
	unsigned vpeid = (unsigned)BITS(value, 47, 32);

	if (!g->minor || !g->invlpir)
		g4_fail("INVLPIR or INVALLR, which there are not");
	if (!(value & VALID) || BITS(value, 62, 48) || (all && BITS(value, 31, 0)))
		g4_fail("INVLPIR, INVALLR: %#llx is for no vLPI", (unsigned long long)value);
	if (redist->invalidating)
		g4_fail("INVLPIR or INVALLR written while the one before may be under way");
	if (vpeid >= G4_VPES || !mappings(g, vpeid))
		g4_fail("INVLPIR, INVALLR: vPE %u is not mapped", vpeid);
	for (unsigned its = 0; its < g->itss; its++)
		if (g->its[its].vpe[vpeid].valid && g->its[its].vpe[vpeid].cpu != cpu)
			g4_fail("INVLPIR, INVALLR of CPU %u, ITS %u has vPE %u on %u", cpu, its,
				vpeid, g->its[its].vpe[vpeid].cpu);
	if (!all)
		vlpi_index((uint32_t)value);
	redist->invalidating = true;
	redist->inv_busy = g->random(g->slow + 1);
	redist->inv_vpeid = vpeid;
	redist->inv_intid = (uint32_t)value;
}

static uint64_t invalidating_busy(struct g4 *g, unsigned cpu)
{
	struct g4_redist *redist = &g->redist[cpu];

	if (!g->minor || !g->invlpir)
		g4_fail("SYNCR, which there is not");
	if (redist->inv_busy) {
		redist->inv_busy--;
		return 1;
	}
	if (redist->invalidating && redist->inv_intid)
		vlpi_invalidate(g, redist->inv_vpeid, vlpi_index(redist->inv_intid));
	else if (redist->invalidating)
		vlpi_invalidate_all(g, redist->inv_vpeid);
	redist->invalidating = false;
	return 0;
}

/* What becomes of an invalidation whose vPE goes is not said. */
static void check_none_invalidates(const struct g4 *g, unsigned vpeid)
{
	for (unsigned cpu = 0; cpu < G4_CPUS; cpu++)
		if (g->redist[cpu].invalidating && g->redist[cpu].inv_vpeid == vpeid)
			g4_fail("vPE %u is moved or unmapped, and CPU %u may be invalidating its "
				"configuration",
				vpeid, cpu);
}

static void pending_to_memory(struct g4 *g, unsigned vpeid, uint64_t table)
{
	for (unsigned n = 0; n < G4_VLPIS; n++) {
		uint8_t *at = ram(g, table + (G4_LPI + n) / 8);

		*at = (uint8_t)((*at & ~(1u << n % 8)) | (unsigned)g->vpe[vpeid].pending[n]
								 << n % 8);
	}
}

static int find_vpe(const struct g4 *g, uint64_t value)
{
	for (unsigned its = 0; its < g->itss; its++)
		for (unsigned n = 0; n < G4_VPES; n++)
			if (g->its[its].vpe[n].valid &&
			    (g->minor ? n == BITS(value, 15, 0)
				      : g->its[its].vpe[n].pending ==
						(value & UINT64_C(0xfffffffff0000))))
				return (int)n;
	g4_fail("VPENDBASER %#llx is of no vPE that is mapped", (unsigned long long)value);
}

static void check_entering(struct g4 *g, unsigned cpu, int vpeid, uint64_t value)
{
	struct g4_redist *redist = &g->redist[cpu];

	if (redist->dirty)
		g4_fail("Valid = 1 written while Dirty is 1");
	if (resident_cpu(g, (unsigned)vpeid) >= 0)
		g4_fail("vPE %d is resident on CPU %d, too", vpeid,
			resident_cpu(g, (unsigned)vpeid));
	for (unsigned its = 0; its < g->itss; its++)
		if (g->its[its].vpe[vpeid].valid && g->its[its].vpe[vpeid].cpu != cpu)
			g4_fail("vPE %d made resident on CPU %u, ITS %u has it on %u", vpeid, cpu,
				its, g->its[its].vpe[vpeid].cpu);
	if (g->minor && !(redist->vpropbaser & VALID))
		g4_fail("CPU %u has no vPE table", cpu);
	if (!g->minor && g->vpe[vpeid].invalid_area && !(value & IDAI))
		g4_fail("vPE %d: IDAI was 1, and is not said", vpeid);
}

static void make_resident(struct g4 *g, unsigned cpu, uint64_t value)
{
	struct g4_redist *redist = &g->redist[cpu];
	int vpeid = find_vpe(g, value);

	check_entering(g, cpu, vpeid, value);
	redist->resident = vpeid;
	redist->dirty = g->random(g->slow + 1);
	g->vpe[vpeid].armed = false;
	if (!g->minor) {
		g->vpe[vpeid].properties = redist->vpropbaser & UINT64_C(0xffffffffff000);
		for (unsigned its = 0; its < g->itss; its++)
			if (g->its[its].vpe[vpeid].valid &&
			    g->its[its].vpe[vpeid].bits != BITS(redist->vpropbaser, 4, 0) + 1)
				g4_fail("IDbits and VPT_size differ");
	}
	redist->vpendbaser = value & ~DIRTY;
}

static void make_absent(struct g4 *g, unsigned cpu, uint64_t value)
{
	struct g4_redist *redist = &g->redist[cpu];
	unsigned vpeid = (unsigned)redist->resident;
	bool wants = g4_vpe_wants(g, vpeid);

	if (redist->dirty && !g->tolerant)
		g4_fail("Valid cleared while Dirty is 1");
	redist->resident = -1;
	redist->dirty = g->random(g->slow + 1);
	redist->vpendbaser = value & ~(VALID | DIRTY);
	if (g->minor) {
		if (!(value & PENDINGLAST)) {
			g->vpe[vpeid].armed = (value & BIT(62)) && !wants;
			redist->vpendbaser |= wants ? PENDINGLAST : 0;
		}
		return;
	}
	g->vpe[vpeid].invalid_area = g->random(4) == 0;
	redist->vpendbaser &= ~(PENDINGLAST | IDAI);
	redist->vpendbaser |= (wants ? PENDINGLAST : 0) | (g->vpe[vpeid].invalid_area ? IDAI : 0);
}

void g4_write(struct g4 *g, unsigned cpu, uint32_t offset, uint64_t value)
{
	struct g4_redist *redist = &g->redist[cpu];

	switch (offset) {
	case 0xa0:
	case 0xb0:
		begin_invalidating(g, cpu, value, offset == 0xb0);
		break;
	case 0x20070:
		if (redist->resident >= 0)
			g4_fail("VPROPBASER written while a vPE is resident");
		redist->vpropbaser = value;
		break;
	case 0x20078:
		if (redist->resident >= 0 && value & VALID)
			g4_fail("VPENDBASER written with Valid = 1 while it is 1");
		if (value & VALID)
			make_resident(g, cpu, value);
		else if (redist->resident >= 0)
			make_absent(g, cpu, value);
		else
			redist->vpendbaser = value;
		break;
	case 0x20080:
		if (!g->minor || redist->vsgi_busy)
			g4_fail("VSGIR written without GICv4.1, or while busy");
		redist->vsgir = (uint32_t)value & 0xffff;
		redist->vsgi_busy = 1 + g->random(3);
		break;
	default:
		g4_fail("redistributor register %#x", offset);
	}
}

static uint64_t sgis_pending(struct g4 *g, unsigned cpu)
{
	struct g4_redist *redist = &g->redist[cpu];
	uint64_t value = 0;

	if (redist->vsgi_busy && --redist->vsgi_busy)
		return BIT(31);
	if (redist->vsgir >= G4_VPES || !g->its[0].vpe[redist->vsgir].valid ||
	    g->its[0].vpe[redist->vsgir].cpu != cpu)
		g4_fail("VSGIR: vPE %u is not on CPU %u", redist->vsgir, cpu);
	for (unsigned n = 0; n < 16; n++)
		value |= (uint64_t)g->vpe[redist->vsgir].sgi_pending[n] << n;
	return value;
}

uint64_t g4_read(struct g4 *g, unsigned cpu, uint32_t offset)
{
	struct g4_redist *redist = &g->redist[cpu];

	switch (offset) {
	case 0xc0:
		return invalidating_busy(g, cpu);
	case 0x20070:
		return redist->vpropbaser;
	case 0x20078:
		if (redist->dirty) {
			redist->dirty--;
			/* PendingLast and IDAI mean nothing yet. */
			return (redist->vpendbaser | DIRTY) &
			       ~(PENDINGLAST | (g->minor ? 0 : IDAI));
		}
		return redist->vpendbaser;
	case 0x20088:
		return sgis_pending(g, cpu);
	default:
		g4_fail("redistributor register %#x", offset);
	}
}

void g4_sgir(struct g4 *g, unsigned its, uint64_t value)
{
	unsigned vpeid = (unsigned)BITS(value, 47, 32), sgi = (unsigned)BITS(value, 3, 0);

	if (!g->minor || vpeid >= G4_VPES || !g->its[its].vpe[vpeid].valid)
		g4_fail("SGIR: vPE %u is not mapped", vpeid);
	g->vpe[vpeid].sgi_pending[sgi] = true;
	if (resident_cpu(g, vpeid) < 0)
		default_doorbell(g, &g->its[its].vpe[vpeid], vpeid);
}

/* --- Commands. --- */

static struct g4_itte *itte_at(struct g4 *g, unsigned its, const uint64_t c[4])
{
	uint64_t device = c[0] >> 32, event = c[1] & 0xffffffff;

	if (device >= G4_DEVICES || event >= G4_EVENTS || !g->its[its].device[device])
		g4_fail("command %#llx: device %llu, event %llu", (unsigned long long)(c[0] & 0xff),
			(unsigned long long)device, (unsigned long long)event);
	return &g->its[its].itt[device][event];
}

static unsigned vpeid_at(struct g4 *g, unsigned its, const uint64_t c[4], bool mapped)
{
	unsigned vpeid = (unsigned)BITS(c[1], 47, 32);

	if (vpeid >= G4_VPES || (mapped && !g->its[its].vpe[vpeid].valid))
		g4_fail("command %#llx: vPE %u is not mapped on ITS %u",
			(unsigned long long)(c[0] & 0xff), vpeid, its);
	return vpeid;
}

/* An event's entry, mapped, and if it is virtual with its vPE mapped. */
static struct g4_itte *mapped_at(struct g4 *g, unsigned its, const uint64_t c[4])
{
	struct g4_itte *itte = itte_at(g, its, c);

	if (!itte->valid)
		g4_fail("command %#llx of an event that is not mapped",
			(unsigned long long)(c[0] & 0xff));
	if (itte->is_virtual && !g->its[its].vpe[itte->vpeid].valid)
		g4_fail("command %#llx of an event whose vPE is not mapped",
			(unsigned long long)(c[0] & 0xff));
	return itte;
}

static struct g4_redist *redist_of(struct g4 *g, unsigned its, const struct g4_itte *itte)
{
	return &g->redist[g->its[its].collection_cpu[itte->icid]];
}

static void raise(struct g4 *g, unsigned its, const struct g4_itte *itte)
{
	if (itte->is_virtual)
		vlpi_set(g, its, itte->vpeid, itte->intid, itte->doorbell);
	else
		lpi_set(g, g->its[its].collection_cpu[itte->icid], itte->intid);
}

static bool *pending_of(struct g4 *g, unsigned its, const struct g4_itte *itte)
{
	return itte->is_virtual ? &g->vpe[itte->vpeid].pending[vlpi_index(itte->intid)]
				: &redist_of(g, its, itte)->pending[lpi_index(itte->intid)];
}

static void do_mapd(struct g4 *g, unsigned its, const uint64_t c[4])
{
	uint64_t device = c[0] >> 32;

	if (device >= G4_DEVICES)
		g4_fail("MAPD: device %llu", (unsigned long long)device);
	g->its[its].device[device] = c[2] >> 63;
	memset(g->its[its].itt[device], 0, sizeof(g->its[its].itt[device]));
}

static void do_mapc(struct g4 *g, unsigned its, const uint64_t c[4])
{
	unsigned icid = c[2] & 0xffff;

	if (icid >= G4_COLLS)
		g4_fail("MAPC: collection %u", icid);
	g->its[its].collection[icid] = c[2] >> 63;
	if (c[2] >> 63)
		g->its[its].collection_cpu[icid] = cpu_of(c[2]);
}

static void map_event(struct g4_itte *itte, struct g4_itte to)
{
	if (itte->valid)
		g4_fail("an event is mapped that is mapped already");
	*itte = to;
	itte->valid = true;
}

static void do_mapti(struct g4 *g, unsigned its, const uint64_t c[4])
{
	unsigned icid = c[2] & 0xffff;

	if (icid >= G4_COLLS || !g->its[its].collection[icid])
		g4_fail("MAPTI: collection %u is not mapped", icid);
	lpi_index((uint32_t)(c[1] >> 32));
	map_event(itte_at(g, its, c),
		  (struct g4_itte){ .intid = (uint32_t)(c[1] >> 32), .icid = (uint16_t)icid });
}

static void do_vmapti(struct g4 *g, unsigned its, const uint64_t c[4])
{
	uint64_t place[4] = { c[0], c[1] & 0xffffffff, 0, 0 };

	vlpi_index((uint32_t)c[2]);
	map_event(itte_at(g, its, place),
		  (struct g4_itte){ .is_virtual = true,
				    .intid = (uint32_t)c[2],
				    .doorbell = (uint32_t)(c[2] >> 32),
				    .vpeid = (uint16_t)vpeid_at(g, its, c, true) });
}

static void do_movi(struct g4 *g, unsigned its, const uint64_t c[4])
{
	struct g4_itte *itte = mapped_at(g, its, c);
	unsigned icid = c[2] & 0xffff, n;
	bool pending;

	if (itte->is_virtual || icid >= G4_COLLS || !g->its[its].collection[icid])
		g4_fail("MOVI of a vLPI, or to a collection that is not mapped");
	n = lpi_index(itte->intid);
	pending = *pending_of(g, its, itte);
	*pending_of(g, its, itte) = false;
	redist_of(g, its, itte)->config[n].known = false;
	itte->icid = (uint16_t)icid;
	redist_of(g, its, itte)->config[n].known = false;
	if (pending)
		raise(g, its, itte);
}

static void do_vmovi(struct g4 *g, unsigned its, const uint64_t c[4])
{
	struct g4_itte *itte = mapped_at(g, its, c);
	unsigned to = vpeid_at(g, its, c, true);
	bool pending;

	if (!itte->is_virtual)
		g4_fail("VMOVI of a physical LPI");
	pending = *pending_of(g, its, itte);
	*pending_of(g, its, itte) = false;
	itte->vpeid = (uint16_t)to;
	if (c[2] & 1)
		itte->doorbell = (uint32_t)(c[2] >> 32);
	if (!pending)
		return;
	/* Whether what is moved rings is not said. */
	if (g->random(2))
		raise(g, its, itte);
	else
		*pending_of(g, its, itte) = true;
}

static void do_inv(struct g4 *g, unsigned its, const uint64_t c[4])
{
	struct g4_itte *itte = mapped_at(g, its, c);

	if (itte->is_virtual)
		vlpi_invalidate(g, itte->vpeid, vlpi_index(itte->intid));
	else
		lpi_invalidate(g, redist_of(g, its, itte), lpi_index(itte->intid));
}

static void do_discard(struct g4 *g, unsigned its, const uint64_t c[4])
{
	struct g4_itte *itte = mapped_at(g, its, c);

	*pending_of(g, its, itte) = false;
	itte->valid = false;
}

static void map_vpe(struct g4 *g, unsigned its, unsigned vpeid, const uint64_t c[4])
{
	struct g4_vpt *vpt = &g->its[its].vpe[vpeid];
	bool first = mappings(g, vpeid) == 0;

	if (vpt->valid)
		g4_fail("VMAPP: vPE %u is mapped already", vpeid);
	*vpt = (struct g4_vpt){ .valid = true,
				.cpu = cpu_of(c[2] & ~VALID),
				.pending = c[3] & UINT64_C(0xfffffffff0000),
				.bits = (unsigned)BITS(c[3], 4, 0) + 1 };
	if (g->minor) {
		if (first != (bool)BITS(c[0], 8, 8))
			g4_fail("VMAPP: Alloc is for the first ITS that maps a vPE");
		vpt->config = c[0] & UINT64_C(0xfffffffff0000);
		vpt->doorbell = (uint32_t)c[1];
	}
	if (!first)
		return;
	memset(&g->vpe[vpeid], 0, sizeof(g->vpe[vpeid]));
	g->vpe[vpeid].properties = vpt->config;
	for (unsigned n = 0; n < G4_VLPIS; n++)
		g->vpe[vpeid].pending[n] = *ram(g, vpt->pending + (G4_LPI + n) / 8) >> n % 8 & 1;
	for (uint64_t n = 0; g->minor && BITS(c[0], 9, 9) && n < (1u << vpt->bits) / 8; n++)
		if (*ram(g, vpt->pending + n))
			g4_fail("VMAPP: PTZ, and the pending table of vPE %u is not zero", vpeid);
}

static void unmap_vpe(struct g4 *g, unsigned its, unsigned vpeid, const uint64_t c[4])
{
	struct g4_vpt *vpt = &g->its[its].vpe[vpeid];

	if (!vpt->valid || resident_cpu(g, vpeid) >= 0)
		g4_fail("VMAPP V = 0: vPE %u is not mapped, or resident", vpeid);
	check_none_invalidates(g, vpeid);
	if (g->minor && (mappings(g, vpeid) == 1) != (bool)BITS(c[0], 8, 8))
		g4_fail("VMAPP V = 0: Alloc is for the last ITS that maps a vPE");
	if (mappings(g, vpeid) == 1) {
		pending_to_memory(g, vpeid, vpt->pending);
		memset(&g->vpe[vpeid], 0, sizeof(g->vpe[vpeid]));
	}
	vpt->valid = false;
	g->its[its].invdb[vpeid] = false;
}

static void do_vmapp(struct g4 *g, unsigned its, const uint64_t c[4])
{
	unsigned vpeid = vpeid_at(g, its, c, false);

	if (c[2] & VALID)
		map_vpe(g, its, vpeid, c);
	else
		unmap_vpe(g, its, vpeid, c);
}

static void move_vpe(struct g4 *g, unsigned its, const uint64_t c[4])
{
	unsigned vpeid = vpeid_at(g, its, c, true);

	if (resident_cpu(g, vpeid) >= 0)
		g4_fail("VMOVP: vPE %u is resident", vpeid);
	check_none_invalidates(g, vpeid);
	g->its[its].vpe[vpeid].cpu = cpu_of(c[2] & ~VALID);
	if (g->minor && c[2] & VALID)
		g->its[its].vpe[vpeid].doorbell = (uint32_t)c[3];
}

/* The ITSs of the list wait for one another: all have this command at the head of their queues. */
static bool do_vmovp(struct g4 *g, unsigned its, const uint64_t c[4])
{
	if (g->vmovp) {
		for (unsigned n = 0; n < g->itss; n++)
			if (n == its || g->its[n].vpe[vpeid_at(g, its, c, true)].valid)
				move_vpe(g, n, c);
		return true;
	}
	for (unsigned n = 0; n < g->itss; n++) {
		const struct g4_its *other = &g->its[n];
		const uint64_t *head = other->queue[other->executed % G4_QUEUE];

		if (!(c[1] >> g->its_number[n] & 1)) {
			if (other->vpe[vpeid_at(g, its, c, true)].valid)
				g4_fail("VMOVP: ITSList leaves out one that has the vPE");
			continue;
		}
		if (other->executed == other->put || head[0] != c[0] || head[1] != c[1])
			return false;
	}
	for (unsigned n = 0; n < g->itss; n++)
		if (c[1] >> g->its_number[n] & 1) {
			move_vpe(g, n, c);
			if (n != its)
				g->its[n].executed++;
		}
	return true;
}

static void do_vinvall(struct g4 *g, unsigned its, const uint64_t c[4])
{
	vlpi_invalidate_all(g, vpeid_at(g, its, c, true));
}

/*
 * All redistributors are told: a doorbell's configuration is one LPI's, wherever the vPE was before or
 * comes to be, and neither VMOVP nor VMAPP has it read anew.
 */
static void invalidate_doorbell(struct g4 *g, unsigned its, unsigned vpeid)
{
	uint32_t doorbell = g->its[its].vpe[vpeid].doorbell;

	g->its[its].invdb[vpeid] = false;
	for (unsigned cpu = 0; doorbell != SPURIOUS && cpu < G4_CPUS; cpu++)
		lpi_invalidate(g, &g->redist[cpu], lpi_index(doorbell));
}

static void do_invdb(struct g4 *g, unsigned its, const uint64_t c[4])
{
	unsigned vpeid = vpeid_at(g, its, c, true);

	if (!g->minor)
		g4_fail("INVDB on a GICv4.0");
	if (c[0] != 0x2e || c[1] & ~UINT64_C(0xffff00000000) || c[2] || c[3])
		g4_fail("INVDB with bits that are RES0");
	g->its[its].invdb[vpeid] = true;
	if (g->random(2))
		invalidate_doorbell(g, its, vpeid);
}

static void do_vsync(struct g4 *g, unsigned its, const uint64_t c[4])
{
	unsigned vpeid = vpeid_at(g, its, c, g->minor != 0);

	if (g->its[its].invdb[vpeid])
		invalidate_doorbell(g, its, vpeid);
}

static void do_vsgi(struct g4 *g, unsigned its, const uint64_t c[4])
{
	unsigned sgi = (unsigned)BITS(c[0], 35, 32);
	struct g4_vpe *vpe = &g->vpe[vpeid_at(g, its, c, true)];

	if (!g->minor)
		g4_fail("VSGI on a GICv4.0");
	if (BITS(c[0], 9, 9)) {
		vpe->sgi_pending[sgi] = false;
		return;
	}
	vpe->sgi_enabled[sgi] = BITS(c[0], 8, 8);
	vpe->sgi_group[sgi] = (uint8_t)BITS(c[0], 10, 10);
	vpe->sgi_priority[sgi] = (uint8_t)(BITS(c[0], 23, 20) << 4);
}

static bool execute(struct g4 *g, unsigned its, const uint64_t c[4])
{
	switch (c[0] & 0xff) {
	case 0x01:
		do_movi(g, its, c);
		break;
	case 0x03:
		raise(g, its, mapped_at(g, its, c));
		break;
	case 0x04:
		*pending_of(g, its, mapped_at(g, its, c)) = false;
		break;
	case 0x05:
		cpu_of(c[2]);
		break;
	case 0x08:
		do_mapd(g, its, c);
		break;
	case 0x09:
		do_mapc(g, its, c);
		break;
	case 0x0a:
		do_mapti(g, its, c);
		break;
	case 0x0c:
		do_inv(g, its, c);
		break;
	case 0x0f:
		do_discard(g, its, c);
		break;
	case 0x21:
		do_vmovi(g, its, c);
		break;
	case 0x22:
		return do_vmovp(g, its, c);
	case 0x23:
		do_vsgi(g, its, c);
		break;
	case 0x25:
		do_vsync(g, its, c);
		break;
	case 0x29:
		do_vmapp(g, its, c);
		break;
	case 0x2a:
		do_vmapti(g, its, c);
		break;
	case 0x2d:
		do_vinvall(g, its, c);
		break;
	case 0x2e:
		do_invdb(g, its, c);
		break;
	default:
		g4_fail("command %#llx", (unsigned long long)(c[0] & 0xff));
	}
	return true;
}

uint64_t g4_put(struct g4 *g, unsigned its, const uint64_t command[4])
{
	struct g4_its *i = &g->its[its];

	if (its >= g->itss || i->put - i->executed == G4_QUEUE)
		g4_fail("ITS %u: no such queue, or it is full", its);
	memcpy(i->queue[i->put % G4_QUEUE], command, sizeof(i->queue[0]));
	return ++i->put;
}

bool g4_step(struct g4 *g, unsigned its)
{
	struct g4_its *i = &g->its[its];

	if (i->executed == i->put || !execute(g, its, i->queue[i->executed % G4_QUEUE]))
		return false;
	i->executed++;
	return true;
}

void g4_event(struct g4 *g, unsigned its, unsigned device, unsigned event)
{
	const struct g4_itte *itte = &g->its[its].itt[device][event];

	/* Without a mapping it is dropped. */
	if (itte->valid && (!itte->is_virtual || g->its[its].vpe[itte->vpeid].valid))
		raise(g, its, itte);
}
