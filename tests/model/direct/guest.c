/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The guest: its commands, as an ITS driver puts them (IHI 0069 5.3), and its vCPUs on the CPUs, each in its
 * life as carillon/vgic.h and carillon/gicv4.h have it.
 */
#include "direct.h"

#include <string.h>

struct vcpu vcpus[VCPUS];
uint8_t ram[RAM_SIZE];

static unsigned configured; /* the LPI whose byte was written last */

uint8_t *property(unsigned lpi)
{
	return &ram[PROP_AT - RAM + lpi];
}

/* --- Commands: how they are put. --------------------------------------------------------------- */

static uint64_t target(unsigned vcpu)
{
	return pta ? REDISTS + vcpu * (uint64_t)VGIC_REDIST_STRIDE : (uint64_t)vcpu << 16;
}

static void put(uint64_t number, uint64_t w1, uint64_t w2, uint64_t w3)
{
	const struct command *c = &guest.command;
	uint64_t device = number == 0x08 ? c->device : c->pair / EVENTS;
	const uint64_t words[4] = { number | device << 32, w1, w2, w3 };

	memcpy(&ram[QUEUE_AT - RAM + guest.cwriter], words, sizeof(words));
	guest.cwriter = (guest.cwriter + sizeof(words)) % QUEUE_SIZE;
}

static void put_command(void)
{
	const struct command *c = &guest.command;
	uint64_t event = c->pair % EVENTS;

	switch (c->kind) {
	case MAPD:
		if (c->to)
			memset(&ram[ITT_AT(c->device) - RAM], 0, 8 * EVENTS);
		put(0x08, 1, (c->to ? VALID : 0) | ITT_AT(c->device), 0);
		break;
	case MAPC:
		put(0x09, 0, c->vcpu == NOWHERE ? c->icid : VALID | target(c->vcpu) | c->icid, 0);
		break;
	case MAPTI:
		put(0x0a, (uint64_t)(G4_LPI + c->lpi) << 32 | event, c->icid, 0);
		break;
	case MOVI:
		put(0x01, event, c->icid, 0);
		break;
	case DISCARD:
		put(0x0f, event, 0, 0);
		break;
	case INT:
		put(0x03, event, 0, 0);
		break;
	case CLEAR:
		put(0x04, event, 0, 0);
		break;
	case INV:
		put(0x0c, event, 0, 0);
		break;
	case INVALL:
		put(0x0d, 0, c->icid, 0);
		break;
	case MOVALL:
		put(0x0e, 0, target(c->vcpu), target(c->to));
		break;
	case SYNC:
		put(0x05, 0, target(c->vcpu), 0);
		break;
	default:
		break;
	}
}

/* May the guest do it now? IHI 0069 5.3 leaves the rest unpredictable, or says that it is an error. */
static bool is_right(const struct command *c)
{
	const struct view *now = &guest.now;
	const struct pair *pair = &now->pair[c->pair];

	if (!now->enabled && c->kind < CTLR)
		return false;
	switch (c->kind) {
	case MAPD:
		return now->device[c->device] != c->to;
	case MAPTI:
		return now->device[c->pair / EVENTS] && !pair->mapped;
	case MOVI:
		return pair->mapped && now->collection[pair->icid] != NOWHERE &&
		       now->collection[c->icid] != NOWHERE;
	case DISCARD:
		return pair->mapped;
	case INT:
	case CLEAR:
	case INV:
	case INVLPIR:
		return pair->mapped && now->collection[pair->icid] != NOWHERE;
	case INVALL:
		return now->collection[c->icid] != NOWHERE;
	case CTLR:
		return now->enabled != c->to;
	default:
		return true;
	}
}

/* Some are seldom: what follows is less worth while than what they end. */
static bool is_seldom(const struct command *c)
{
	switch (c->kind) {
	case MAPD:
	case CTLR:
		return !c->to && below(12);
	case MAPC:
		return guest.now.collection[c->icid] != NOWHERE &&
		       below(c->vcpu == NOWHERE ? 12 : 3);
	case INVALL:
	case MOVALL:
	case SYNC:
	case INVALLR:
		return below(3);
	default:
		return false;
	}
}

/* Whatever may tell the pair's redistributor that the LPI's byte is new. */
static void invalidate(struct command *c, unsigned p)
{
	static const enum kind kinds[] = { INV, INVALL, INVLPIR, INVALLR };
	const struct pair *pair = &guest.now.pair[p];

	if (!pair->mapped || guest.now.collection[pair->icid] == NOWHERE)
		return;
	c->kind = kinds[below(4)];
	c->pair = p;
	c->icid = pair->icid;
	c->vcpu = guest.now.collection[pair->icid];
}

static bool issue(unsigned vcpu)
{
	struct command c = { .kind = (enum kind)below(KINDS),
			     .by = vcpu,
			     .device = below(DEVICES),
			     .pair = below(PAIRS),
			     .icid = below(COLLECTIONS),
			     .vcpu = below(VCPUS),
			     .to = below(2) };

	if (c.kind == MAPC && below(4) == 0)
		c.vcpu = NOWHERE;
	if (c.kind == MOVALL)
		c.to = below(VCPUS);
	if (below(6) == 0)
		invalidate(&c, pair_of_lpi(configured));
	c.lpi = c.kind == MAPTI ? c.pair + PAIRS * below(2) : guest.now.pair[c.pair].lpi;
	if (!is_right(&c) || is_seldom(&c))
		return false;
	guest.command = c;
	put_command();
	begin();
	return true;
}

/* The guest's driver enables an LPI, or disables it: in its table; INV and its like follow, or not. */
static void configure(unsigned lpi)
{
	tell("configure", lpi, 0);
	*property(lpi) = (uint8_t)(0xa0 | (below(3) != 0));
	guest.lpi[lpi].sure = 0;
	configured = lpi;
}

/* --- vCPUs. -------------------------------------------------------------------------------------- */

bool guest_takes(unsigned n)
{
	struct vcpu *vcpu = &vcpus[n];
	int intid;

	if (!vcpu->inside)
		return false;
	intid = g4_take_virtual(&g, vcpu->cpu);
	if (intid >= 0) {
		tell("directly", n, (unsigned)intid);
		direct++;
		came(n, (unsigned)intid);
		return true;
	}
	intid = (int)cpuif_iar(&vcpu->hw, 1, NULL);
	if (intid == (int)CPUIF_SPURIOUS)
		return false;
	came(n, (unsigned)intid);
	cpuif_eoir(&vcpu->hw, 1, (unsigned)intid);
	return true;
}

static void leave(struct vcpu *vcpu)
{
	struct gic_cpuif *image = &vcpu->image;

	vcpu->inside = false;
	for (unsigned n = 0; n < LRS; n++)
		if (image->live >> n & 1)
			image->lr[n] = vcpu->hw.lr[n];
	image->hcr = vcpu->hw.hcr;
	image->vmcr = vcpu->hw.vmcr;
	memcpy(image->ap0r, vcpu->hw.apr[0], sizeof(image->ap0r));
	memcpy(image->ap1r, vcpu->hw.apr[1], sizeof(image->ap1r));
	vgic_exit(vcpu->handle, image);
}

/* Out of its guest, and in again, unless there is still something to look at. */
static void pass(struct vcpu *vcpu)
{
	if (cpuif_misr(&vcpu->hw))
		vgic_maintenance(vcpu->handle);
	vcpu->kicked = false;
	leave(vcpu);
	vgic_enter(vcpu->handle, &vcpu->image);
	for (unsigned n = 0; n < LRS; n++)
		if (vcpu->image.changed >> n & 1)
			vcpu->hw.lr[n] = vcpu->image.lr[n];
	if (vcpu->image.hcr_changed)
		vcpu->hw.hcr = vcpu->image.hcr;
	vcpu->inside = !vgic_attention(vcpu->handle);
}

static void get_out(struct vcpu *vcpu)
{
	leave(vcpu);
	vgic_put(vcpu->handle, &vcpu->image);
	vcpu->handle = NULL;
}

static void get_in(unsigned n)
{
	struct vcpu *vcpu = &vcpus[n];

	vcpu->handle = vgic_load(vgic, n);
	if (!vcpu->handle)
		fail("vgic_load", n, 0);
	if (!vcpu->restore)
		return;
	vgic_cpuif_restore(vcpu->handle, &vcpu->image);
	cpuif_set_vmcr(&vcpu->hw, vcpu->image.vmcr);
	memcpy(vcpu->hw.apr[0], vcpu->image.ap0r, sizeof(vcpu->image.ap0r));
	memcpy(vcpu->hw.apr[1], vcpu->image.ap1r, sizeof(vcpu->image.ap1r));
	vcpu->restore = false;
}

static bool cpu_is_free(unsigned cpu)
{
	for (unsigned n = 0; n < VCPUS; n++)
		if (vcpus[n].cpu == cpu && vcpus[n].state != READY && vcpus[n].state < LOOKING)
			return false;
	return true;
}

static void try_load(unsigned n)
{
	struct vcpu *vcpu = &vcpus[n];
	unsigned cpu = below(G4_CPUS);

	if (!cpu_is_free(cpu))
		return;
	if (gicv4_load(v4, n, cpu))
		fail("gicv4_load", n, cpu);
	get_in(n);
	vcpu->cpu = cpu;
	vcpu->state = LOADING;
}

void stop_running(struct vcpu *vcpu, bool blocks)
{
	get_out(vcpu);
	vcpu->state = PUTTING;
	vcpu->blocks = blocks;
	vcpu->woken = false; /* what it was for is seen by the look that follows */
}

/* The access of the guest's that is under way, made again until it is done. */
static void go_on(unsigned n)
{
	struct command *c = &guest.command;
	struct vgic_cpu *cpu = vcpus[n].handle;
	uint32_t frame = c->vcpu * VGIC_REDIST_STRIDE;
	enum vgic_result result = VGIC_DONE;
	uint64_t value = 0, wanted = 0;

	vcpus[n].inside = false; /* and a pass is due */
	if (c->kind == CTLR) {
		result = vits_write(vits, cpu, GITS_CTLR, 4, c->to);
	} else if (c->kind == INVLPIR || c->kind == INVALLR) {
		if (!c->written)
			result = vgic_redist_write(
				cpu, frame + (c->kind == INVLPIR ? GICR_INVLPIR : GICR_INVALLR), 8,
				c->kind == INVLPIR ? G4_LPI + c->lpi : 0);
		c->written = result == VGIC_DONE;
		vgic_redist_read(cpu, frame + GICR_SYNCR, 4, &value);
	} else {
		result = vits_write(vits, cpu, GITS_CWRITER, 8, guest.cwriter);
		vits_read(vits, cpu, GITS_CREADR, 8, &value);
		wanted = guest.cwriter;
	}
	if (result == VGIC_DONE && value == wanted)
		end();
}

static void guest_runs(unsigned n)
{
	struct vcpu *vcpu = &vcpus[n];

	if (!vcpu->inside || vcpu->kicked || vgic_attention(vcpu->handle) || cpuif_misr(&vcpu->hw))
		pass(vcpu);
	else if (below(12) == 0)
		stop_running(vcpu, false);
	else if (guest_takes(n))
		return;
	else if (guest.command.busy && guest.command.by == n)
		go_on(n);
	else if (events && !guest.command.busy && below(3) && issue(n))
		return;
	else if (events && !guest.command.busy && below(4) == 0)
		configure(below(LPIS));
	else if (!events || below(6) == 0)
		stop_running(vcpu, true);
}

void vcpu_step(unsigned n)
{
	struct vcpu *vcpu = &vcpus[n];

	switch (vcpu->state) {
	case READY:
		try_load(n);
		break;
	case LOADING:
		if (gicv4_ready(v4, n))
			vcpu->state = RUNNING;
		else if (trial->lates && events && below(64) == 0)
			stop_running(vcpu, below(2));
		break;
	case RUNNING:
		guest_runs(n);
		break;
	case PUTTING:
		if (gicv4_put(v4, n, vcpu->blocks, trial->lates && below(6) == 0))
			vcpu->state = vcpu->blocks ? LOOKING : READY;
		break;
	case LOOKING:
		vcpu->state = vgic_pending(vgic, n) || gicv4_pending(v4, n) ? READY : BLOCKED;
		break;
	case BLOCKED:
		if (events && alarmed >> n & 1 && below(30) == 0)
			vcpu->state = READY;
		else if (
			vcpu->woken) /* the least forgiving: it sleeps on if it finds no reason not to */
			vcpu->state = LOOKING;
		vcpu->woken = false;
		break;
	}
	/* Who has an access under way does not sleep. */
	if (vcpu->state == LOOKING && guest.command.busy && guest.command.by == n)
		vcpu->state = READY;
}

/* --- Power-on. ----------------------------------------------------------------------------------- */

static void write_its(uint32_t offset, unsigned bytes, uint64_t value)
{
	unsigned turns = 0;

	while (vits_write(vits, vcpus[0].handle, offset, bytes, value) == VGIC_AGAIN)
		time_passes(&turns);
}

static void write_redist(unsigned n, uint32_t offset, unsigned bytes, uint64_t value)
{
	unsigned turns = 0;

	while (vgic_redist_write(vcpus[n].handle, n * VGIC_REDIST_STRIDE + offset, bytes, value) ==
	       VGIC_AGAIN) {
		leave(&vcpus[n]);
		time_passes(&turns);
	}
}

static void boot_vcpu(unsigned n)
{
	struct vcpu *vcpu = &vcpus[n];

	memset(vcpu, 0, sizeof(*vcpu));
	cpuif_init(&vcpu->hw, 3, LRS, 5, 5);
	get_in(n);
	vgic_cpuif_reset(vcpu->handle, &vcpu->image);
	cpuif_set_vmcr(&vcpu->hw, vcpu->image.vmcr);
	cpuif_set_pmr(&vcpu->hw, 0xff);
	cpuif_set_igrpen(&vcpu->hw, 1, true);
	if (n == 0 && vgic_dist_write(vcpu->handle, 0, 4, 2) != VGIC_DONE)
		fail("GICD_CTLR", 0, 0);
	write_redist(n, GICR_WAKER, 4, 0);
	write_redist(n, 0x70, 8, PROP_AT | 13);
	write_redist(n, 0x78, 8, PEND_AT(n) | UINT64_C(1) << 62);
	write_redist(n, 0, 4, 1);
}

/* As a guest's drivers set it up. */
void boot(void)
{
	memset(ram, 0, sizeof(ram));
	memset(&guest, 0, sizeof(guest));
	for (unsigned n = 0; n < LPIS; n++) {
		configure(n);
		guest.lpi[n].on = *property(n) & 1;
		guest.lpi[n].sure = EVERYWHERE;
	}
	for (unsigned n = 0; n < COLLECTIONS; n++)
		guest.now.collection[n] = NOWHERE;
	guest.next = guest.now;
	for (unsigned n = 0; n < VCPUS; n++)
		boot_vcpu(n);
	write_its(GITS_BASER, 8, VALID | DEVICE_AT);
	write_its(GITS_BASER + 8, 8, VALID | COLLECTS_AT);
	write_its(GITS_CBASER, 8, VALID | QUEUE_AT);
	for (unsigned n = 0; n < VCPUS; n++)
		get_out(&vcpus[n]);
}
