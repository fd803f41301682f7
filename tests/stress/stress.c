/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The library under threads, for ThreadSanitizer: one thread per vCPU (enter, a guest that handles
 * interrupts, sends SGIs and reconfigures, exit, sleep), and threads that are devices. Every
 * interrupt is counted at its source and in its handler: a source that waits for its interrupt to be
 * handled before it fires again must see exactly one each time; one that does not wait may see fewer,
 * never more. Nothing may take 20 seconds.
 */
#define _POSIX_C_SOURCE 200809L
#include <carillon/vgic.h>

#include "cpuif.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define VCPUS    4
#define SPIS     24
#define LRS      4
#define PATIENCE 20 /* seconds without any progress */

/*
 * SPIs 32 to 39: edges, waited for; 40 to 43: edges, not waited for; 44 to 47: levels, waited for;
 * 48 to 51: mapped edges; 52 to 55: mapped levels, both waited for. SGI 1: pings, waited for;
 * SGI 2: not waited for.
 */
#define EDGES        32
#define BURSTS       40
#define LEVELS       44
#define HW_EDGES     48
#define HW_LEVELS    52
#define USED_END     56
#define SGI_PING     1
#define SGI_BURST    2
#define HWIRQ(intid) ((intid) + 100u)

struct vcpu {
	unsigned n;
	struct vgic_cpu *cpu;
	struct gic_cpuif image;
	struct cpuif hw;
	bool inside;
	uint64_t random;
	unsigned refills, sleeps, puts, agains;
	atomic_bool kicked;
	atomic_uint sleeping;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_t thread;
};

struct source {
	atomic_uint fired, handled;
	atomic_bool line;
	/* The physical interrupt of a mapped one. */
	pthread_mutex_t lock;
	bool active, latch;
};

static struct vgic *vgic;
static struct vcpu vcpus[VCPUS];
static struct source sources[USED_END];
static struct source pings[VCPUS][VCPUS], sgi_bursts[VCPUS];
static atomic_bool devices_stop, vcpus_stop, failed;
static atomic_ulong progress;
static double run_seconds = 2;
static unsigned lrs; /* 1 to 4, by the seed */

static void fail(const char *what, unsigned number)
{
	if (!atomic_exchange(&failed, true))
		printf("# FAILED: %s (%u)\n", what, number);
}

static unsigned below(uint64_t *random, unsigned n)
{
	*random = *random * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(*random >> 33) % n;
}

/* --- Hooks ------------------------------------------------------------------------------------ */

/*
 * As weak as a kick may be: it orders nothing between the two CPUs, so that ThreadSanitizer sees what
 * the library orders. Only a sleeper is told through its lock (either this sees `sleeping`, or the
 * sleeper's own read-modify-write comes after this one and sees `kicked`).
 */
static void hook_kick(void *host, unsigned n)
{
	struct vcpu *vcpu = &vcpus[n];

	(void)host;
	atomic_store_explicit(&vcpu->kicked, true, memory_order_relaxed);
	if (!atomic_fetch_add(&vcpu->sleeping, 0))
		return;
	pthread_mutex_lock(&vcpu->lock);
	pthread_cond_signal(&vcpu->wake);
	pthread_mutex_unlock(&vcpu->lock);
}

static struct source *wired(unsigned hwirq)
{
	return &sources[hwirq - HWIRQ(0)];
}

static void set_wire(unsigned hwirq, bool active)
{
	struct source *source = wired(hwirq);

	pthread_mutex_lock(&source->lock);
	source->active = active;
	pthread_mutex_unlock(&source->lock);
}

static void hook_set_active(void *host, unsigned n, struct hwirq irq, bool active)
{
	(void)host, (void)n;
	set_wire(irq.intid, active);
}

static void hook_clear_pending(void *host, unsigned n, struct hwirq irq)
{
	(void)host, (void)n, (void)irq;
	fail("nobody writes ICPENDR here", irq.intid);
}

static bool hook_line(void *host, unsigned n, struct hwirq irq)
{
	(void)host, (void)n;
	return atomic_load(&wired(irq.intid)->line);
}

static void guest_deactivates(void *host, unsigned n, unsigned pintid)
{
	(void)host, (void)n;
	set_wire(pintid, false);
}

/* --- A vCPU's way out and in ------------------------------------------------------------------- */

static void leave(struct vcpu *vcpu)
{
	unsigned n;

	for (n = 0; vcpu->inside && n < lrs; n++)
		if (vcpu->image.live >> n & 1)
			vcpu->image.lr[n] = vcpu->hw.lr[n];
	if (vcpu->inside) {
		vcpu->image.hcr = vcpu->hw.hcr;
		vcpu->image.vmcr = vcpu->hw.vmcr;
		memcpy(vcpu->image.ap0r, vcpu->hw.apr[0], sizeof(vcpu->image.ap0r));
		memcpy(vcpu->image.ap1r, vcpu->hw.apr[1], sizeof(vcpu->image.ap1r));
	}
	vgic_exit(vcpu->cpu, &vcpu->image);
	vcpu->inside = false;
}

static void write_back(struct vcpu *vcpu)
{
	unsigned n;

	for (n = 0; n < lrs; n++)
		if (vcpu->image.changed >> n & 1)
			vcpu->hw.lr[n] = vcpu->image.lr[n];
	if (vcpu->image.hcr_changed)
		vcpu->hw.hcr = vcpu->image.hcr;
	vcpu->inside = true;
}

static bool refill(struct vcpu *vcpu)
{
	uint32_t empty = 0;
	unsigned n;

	for (n = 0; n < lrs; n++)
		if (lr_state(vcpu->hw.lr[n]) == LR_INVALID &&
		    (lr_hw(vcpu->hw.lr[n]) || !(vcpu->hw.lr[n] >> 41 & 1)))
			empty |= 1u << n;
	if (below(&vcpu->random, 2) || !vgic_refill(vcpu->cpu, &vcpu->image, empty))
		return false;
	vcpu->refills++;
	write_back(vcpu);
	return true;
}

static bool is_kicked(struct vcpu *vcpu)
{
	return atomic_load_explicit(&vcpu->kicked, memory_order_relaxed);
}

/* The last thing before the guest: a kick after this stops it at once. */
static void go_in(struct vcpu *vcpu)
{
	atomic_store_explicit(&vcpu->kicked, false, memory_order_relaxed);
	while (!vcpu->inside || vgic_attention(vcpu->cpu)) {
		if (vcpu->inside && refill(vcpu))
			continue;
		if (vcpu->inside)
			leave(vcpu);
		vgic_enter(vcpu->cpu, &vcpu->image);
		write_back(vcpu);
	}
}

enum kind { DIST_READ, DIST_WRITE, REDIST_READ, REDIST_WRITE, SGI };

static uint64_t trap(struct vcpu *vcpu, enum kind kind, uint32_t offset, unsigned bytes,
		     uint64_t value)
{
	enum vgic_result result;

	do {
		switch (kind) {
		case DIST_READ:
			result = vgic_dist_read(vcpu->cpu, offset, bytes, &value);
			break;
		case DIST_WRITE:
			result = vgic_dist_write(vcpu->cpu, offset, bytes, value);
			break;
		case REDIST_READ:
			result = vgic_redist_read(vcpu->cpu, offset, bytes, &value);
			break;
		case REDIST_WRITE:
			result = vgic_redist_write(vcpu->cpu, offset, bytes, value);
			break;
		default:
			result = vgic_sysreg_write(vcpu->cpu, VGIC_ICC_SGI1R_EL1, value);
		}
		if (result == VGIC_AGAIN) {
			vcpu->agains++;
			leave(vcpu);
			sched_yield();
		}
	} while (result == VGIC_AGAIN && !atomic_load(&failed));
	go_in(vcpu);
	return value;
}

static bool done(const struct source *source)
{
	return atomic_load_explicit(&source->handled, memory_order_relaxed) >=
	       atomic_load_explicit(&source->fired, memory_order_relaxed);
}

/* --- The guest -------------------------------------------------------------------------------- */

static void handled(struct source *source, bool exactly, unsigned intid)
{
	unsigned count = atomic_fetch_add_explicit(&source->handled, 1, memory_order_relaxed) + 1;

	if (exactly && count > atomic_load_explicit(&source->fired, memory_order_relaxed))
		fail("handled more often than it fired", intid);
	atomic_fetch_add_explicit(&progress, 1, memory_order_relaxed);
}

static void handle_sgi(struct vcpu *vcpu, unsigned intid)
{
	unsigned from;

	if (intid == SGI_BURST) {
		handled(&sgi_bursts[vcpu->n], true, intid);
		return;
	}
	/* A ping says in memory from whom it is; several may have come as one. */
	for (from = 0; from < VCPUS; from++)
		if (!done(&pings[from][vcpu->n]))
			handled(&pings[from][vcpu->n], true, intid);
}

static void handle_spi(struct vcpu *vcpu, unsigned intid)
{
	bool level = (intid >= LEVELS && intid < HW_EDGES) || intid >= HW_LEVELS;

	if (intid >= USED_END) {
		fail("an interrupt that nobody raised", intid);
		return;
	}
	if (!level)
		return;
	/* The driver quiets the device: a trap, for one that is emulated. */
	if (!atomic_exchange(&sources[intid].line, false))
		fail("a level interrupt whose line is low", intid);
	if (intid < HW_EDGES) {
		vgic_set_line_here(vcpu->cpu, 0, intid, false);
		go_in(vcpu);
	}
}

/*
 * Odd while an SPI is disabled and RWP has said so: then nobody may acknowledge it. Relaxed: it must
 * not order the vCPUs' accesses for ThreadSanitizer.
 */
static atomic_uint withheld[USED_END];

static unsigned withheld_now(unsigned intid)
{
	return atomic_load_explicit(&withheld[intid], memory_order_relaxed);
}

static bool handle_one(struct vcpu *vcpu)
{
	unsigned next = cpuif_hppir(&vcpu->hw, 1), before = 0, intid;

	if (next >= 32 && next < USED_END)
		before = withheld_now(next);
	intid = cpuif_iar(&vcpu->hw, 1, NULL);
	if (intid == CPUIF_SPURIOUS)
		return false;
	if (before % 2 && intid == next && withheld_now(intid) == before)
		fail("acknowledged although it is disabled and RWP was 0", intid);
	if (intid >= 32)
		handle_spi(vcpu, intid);
	cpuif_eoir(&vcpu->hw, 1, intid);
	if (intid < 16)
		handle_sgi(vcpu, intid);
	else if (intid < USED_END)
		handled(&sources[intid], true, intid);
	return true;
}

static void send_sgi(struct vcpu *vcpu)
{
	unsigned to = below(&vcpu->random, VCPUS), intid = SGI_BURST;
	struct source *ping = &pings[vcpu->n][to];

	if (below(&vcpu->random, 2) && done(ping)) {
		intid = SGI_PING;
		atomic_fetch_add_explicit(&ping->fired, 1, memory_order_relaxed);
	} else {
		atomic_fetch_add_explicit(&sgi_bursts[to].fired, 1, memory_order_relaxed);
	}
	trap(vcpu, SGI, 0, 8, (uint64_t)intid << 24 | 1u << to);
}

/* Disable, wait for RWP, enable again: between the two, this interrupt may not be acknowledged. */
static void disable_for_a_while(struct vcpu *vcpu, unsigned intid)
{
	uint32_t bit = 1u << intid % 32;
	unsigned tries = 0;

	trap(vcpu, DIST_WRITE, 0x180 + intid / 32 * 4, 4, bit);
	while (trap(vcpu, DIST_READ, 0, 4, 0) >> 31 & 1 && !atomic_load(&failed)) {
		if (++tries % 64 == 0)
			sched_yield();
	}
	atomic_fetch_add_explicit(&withheld[intid], 1, memory_order_relaxed);
	if (below(&vcpu->random, 4) == 0)
		sched_yield();
	atomic_fetch_add_explicit(&withheld[intid], 1, memory_order_relaxed);
	trap(vcpu, DIST_WRITE, 0x100 + intid / 32 * 4, 4, bit);
}

static void configure(struct vcpu *vcpu)
{
	unsigned intid = 32 + below(&vcpu->random, USED_END - 32);

	switch (below(&vcpu->random, 5)) {
	case 0:
		trap(vcpu, DIST_WRITE, 0x400 + intid, 1, below(&vcpu->random, 30) * 8);
		break;
	case 1:
		trap(vcpu, DIST_WRITE, 0x6000 + 8 * intid, 8, below(&vcpu->random, VCPUS));
		break;
	case 2:
		disable_for_a_while(vcpu, intid - intid % VCPUS + vcpu->n); /* each has its own */
		break;
	case 3:
		trap(vcpu, DIST_READ, 0x300 + intid / 32 * 4, 4, 0);
		break;
	default:
		trap(vcpu, REDIST_READ, below(&vcpu->random, VCPUS) * VGIC_REDIST_STRIDE + 0x10200,
		     4, 0);
	}
}

/* --- The vCPU's thread ------------------------------------------------------------------------ */

static void wait_for_kick(struct vcpu *vcpu)
{
	pthread_mutex_lock(&vcpu->lock);
	atomic_fetch_add(&vcpu->sleeping, 1);
	while (!is_kicked(vcpu) && !atomic_load(&vcpus_stop))
		pthread_cond_wait(&vcpu->wake, &vcpu->lock);
	atomic_fetch_sub(&vcpu->sleeping, 1);
	pthread_mutex_unlock(&vcpu->lock);
}

static void load(struct vcpu *vcpu)
{
	vcpu->cpu = vgic_load(vgic, vcpu->n);
	if (!vcpu->cpu)
		fail("vgic_load", vcpu->n);
}

/* WFI: blocked on its CPU, or without one. */
static void wait_for_interrupt(struct vcpu *vcpu)
{
	bool put = below(&vcpu->random, 3) == 0;

	leave(vcpu);
	atomic_store_explicit(&vcpu->kicked, false, memory_order_relaxed);
	leave(vcpu);
	if (vgic_pending(vgic, vcpu->n))
		return;
	if (put) {
		vgic_put(vcpu->cpu, &vcpu->image);
		vcpu->puts++;
		if (!vgic_pending(vgic, vcpu->n))
			wait_for_kick(vcpu);
		load(vcpu);
	} else if (vgic_block(vcpu->cpu)) {
		vcpu->sleeps++;
		wait_for_kick(vcpu);
		leave(vcpu);
	}
}

static void run_guest(struct vcpu *vcpu)
{
	unsigned steps = 1 + below(&vcpu->random, 40);
	bool quiet = atomic_load(&devices_stop), idle = false;

	go_in(vcpu);
	while (steps-- && !is_kicked(vcpu) && !idle) {
		unsigned what = below(&vcpu->random, 40);

		if (handle_one(vcpu)) {
			/* more of them first */
		} else if (what == 0 && !quiet) {
			configure(vcpu);
		} else if (what < 3 && !quiet) {
			send_sgi(vcpu);
		} else if (what > 30 || quiet) {
			idle = true;
		}
		if (cpuif_misr(&vcpu->hw)) {
			vgic_maintenance(vcpu->cpu);
			return;
		}
	}
	if (idle)
		wait_for_interrupt(vcpu);
}

static void *vcpu_main(void *arg)
{
	struct vcpu *vcpu = arg;

	load(vcpu);
	while (!atomic_load(&vcpus_stop) && !atomic_load(&failed))
		run_guest(vcpu);
	leave(vcpu);
	vgic_put(vcpu->cpu, &vcpu->image);
	return NULL;
}

/* --- Devices ---------------------------------------------------------------------------------- */

/* The device fires; the host's handler for a mapped one takes it when it is not active. */
static void fire(unsigned intid)
{
	struct source *source = &sources[intid];

	atomic_fetch_add_explicit(&source->fired, 1, memory_order_relaxed);
	if (intid < LEVELS) {
		vgic_pulse(vgic, 0, intid);
	} else if (intid < HW_EDGES) {
		atomic_store(&source->line, true);
		vgic_set_line(vgic, 0, intid, true);
	} else if (intid < HW_LEVELS) {
		pthread_mutex_lock(&source->lock);
		source->latch = true;
		pthread_mutex_unlock(&source->lock);
	} else {
		atomic_store(&source->line, true);
	}
}

static void host_takes(unsigned intid)
{
	struct source *source = &sources[intid];
	bool level = intid >= HW_LEVELS, takes;

	pthread_mutex_lock(&source->lock);
	takes = !source->active && (level ? atomic_load(&source->line) : source->latch);
	if (takes)
		source->active = true, source->latch = false;
	pthread_mutex_unlock(&source->lock);
	if (takes && level)
		vgic_set_line(vgic, 0, intid, true);
	else if (takes)
		vgic_pulse(vgic, 0, intid);
}

/* One thread is the devices of every `stride`th SPI from `first` on. */
struct devices {
	unsigned first, stride;
	pthread_t thread;
};

static void *devices_main(void *arg)
{
	const struct devices *devices = arg;
	bool waiting = true;
	unsigned n;

	while ((waiting || !atomic_load(&devices_stop)) && !atomic_load(&failed)) {
		waiting = false;
		for (n = devices->first; n < USED_END; n += devices->stride) {
			bool burst = n >= BURSTS && n < LEVELS;

			if (!atomic_load(&devices_stop) && (burst || done(&sources[n])))
				fire(n);
			if (n >= HW_EDGES)
				host_takes(n);
			waiting |= !burst && !done(&sources[n]);
		}
		sched_yield();
	}
	return NULL;
}

/* --- Start, end, judgement --------------------------------------------------------------------- */

static void build(void)
{
	const struct vgic_config config = { .version = VGIC_V3,
					    .vcpus = VCPUS,
					    .spis = SPIS,
					    .priority_bits = 5,
					    .preemption_bits = 5,
					    .lrs = (uint8_t)lrs,
					    .cluster_bits = 4 };
	const struct vgic_port port = { .kick = hook_kick,
					.hwirq_set_active = hook_set_active,
					.hwirq_clear_pending = hook_clear_pending,
					.hwirq_line = hook_line };
	size_t size = (vgic_size(&config) + 63) / 64 * 64;
	unsigned n;

	if (vgic_init(&vgic, aligned_alloc(64, size), size, &config, &port, NULL))
		abort();
	for (n = HW_EDGES; n < USED_END; n++)
		if (vgic_map_hwirq(vgic, 0, n, (struct hwirq){ (uint16_t)HWIRQ(n) },
				   n >= HW_LEVELS))
			abort();
	for (n = 0; n < USED_END; n++)
		pthread_mutex_init(&sources[n].lock, NULL);
}

/* What a guest's start-up writes, with nobody else there yet. */
static void set_up(void)
{
	struct gic_cpuif image = { 0 };
	struct vgic_cpu *cpu = vgic_load(vgic, 0);
	unsigned n;

	vgic_dist_write(cpu, 0, 4, 2);
	vgic_dist_write(cpu, 0x84, 4, ~0u);
	for (n = 32; n < USED_END; n++) {
		bool level = (n >= LEVELS && n < HW_EDGES) || n >= HW_LEVELS;
		uint64_t value;

		vgic_dist_read(cpu, 0xc00 + n / 16 * 4, 4, &value);
		value &= ~(2ull << n % 16 * 2);
		vgic_dist_write(cpu, 0xc00 + n / 16 * 4, 4,
				value | (level ? 0 : 2ull << n % 16 * 2));
		vgic_dist_write(cpu, 0x400 + n, 1, 0xa0);
		vgic_dist_write(cpu, 0x6000 + 8 * n, 8, n % VCPUS);
	}
	vgic_dist_write(cpu, 0x104, 4, ~0u);
	for (n = 0; n < VCPUS; n++) {
		vgic_redist_write(cpu, n * VGIC_REDIST_STRIDE + 0x14, 4, 0);
		vgic_redist_write(cpu, n * VGIC_REDIST_STRIDE + 0x10080, 4, ~0u);
		vgic_redist_write(cpu, n * VGIC_REDIST_STRIDE + 0x10100, 4, ~0u);
	}
	vgic_exit(cpu, &image);
	vgic_put(cpu, &image);
}

static void start_vcpus(uint64_t seed)
{
	unsigned n;

	for (n = 0; n < VCPUS; n++) {
		struct vcpu *vcpu = &vcpus[n];

		vcpu->n = n;
		vcpu->random = seed + n;
		cpuif_init(&vcpu->hw, 3, lrs, 5, 5);
		cpuif_set_pmr(&vcpu->hw, 0xff);
		cpuif_set_igrpen(&vcpu->hw, 1, true);
		vcpu->hw.deactivate = guest_deactivates;
		vcpu->image.vmcr = vcpu->hw.vmcr;
		pthread_mutex_init(&vcpu->lock, NULL);
		pthread_cond_init(&vcpu->wake, NULL);
		if (pthread_create(&vcpu->thread, NULL, vcpu_main, vcpu))
			abort();
	}
}

static bool pings_done(void)
{
	unsigned from, to;

	for (from = 0; from < VCPUS; from++)
		for (to = 0; to < VCPUS; to++)
			if (!done(&pings[from][to]))
				return false;
	return true;
}

static bool sources_done(void)
{
	unsigned n;

	for (n = 32; n < USED_END; n++)
		if (!(n >= BURSTS && n < LEVELS) && !done(&sources[n]))
			return false;
	return pings_done();
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void nap(void)
{
	const struct timespec t = { 0, 20 * 1000 * 1000 };

	nanosleep(&t, NULL);
}

/* Waits for `until`, or for everything to be handled; gives up when nothing moves any more. */
static void watch(double until, bool to_the_end)
{
	unsigned long last = atomic_load(&progress);
	double since = now();

	while (!atomic_load(&failed) && (to_the_end ? !sources_done() : now() < until)) {
		nap();
		if (atomic_load(&progress) != last) {
			last = atomic_load(&progress);
			since = now();
		} else if (now() - since > PATIENCE) {
			fail("nothing moves: an interrupt or a wake-up is lost", 0);
		}
	}
}

static void say_open(void)
{
	unsigned n;

	for (n = 32; n < USED_END; n++)
		if (!done(&sources[n]) && !(n >= BURSTS && n < LEVELS))
			printf("# SPI %u fired %u, handled %u, line %d, physically active %d\n", n,
			       atomic_load(&sources[n].fired), atomic_load(&sources[n].handled),
			       atomic_load(&sources[n].line), sources[n].active);
	for (n = 0; n < VCPUS * VCPUS; n++)
		if (!done(&pings[n / VCPUS][n % VCPUS]))
			printf("# ping of vCPU %u to %u is open\n", n / VCPUS, n % VCPUS);
}

static void stop_vcpus(void)
{
	unsigned n;

	atomic_store(&vcpus_stop, true);
	for (n = 0; n < VCPUS; n++)
		hook_kick(NULL, n);
	for (n = 0; n < VCPUS; n++)
		pthread_join(vcpus[n].thread, NULL);
}

/* At rest nothing may be left pending or active in the distributor. */
static bool left_over(void)
{
	struct vgic_cpu *cpu = vgic_load(vgic, 0);
	uint64_t pending = 0, active = 0, private = 0;
	unsigned n;

	vgic_dist_read(cpu, 0x204, 4, &pending);
	vgic_dist_read(cpu, 0x304, 4, &active);
	for (n = 0; n < VCPUS; n++) {
		uint64_t value = 0;

		vgic_redist_read(cpu, n * VGIC_REDIST_STRIDE + 0x10200, 4, &value);
		private |= value;
		vgic_redist_read(cpu, n * VGIC_REDIST_STRIDE + 0x10300, 4, &value);
		private |= value;
	}
	if (pending || active || private)
		printf("# left over: pending %#llx, active %#llx, private %#llx\n",
		       (unsigned long long)pending, (unsigned long long)active,
		       (unsigned long long)private);
	return pending || active || private;
}

static bool bursts_arrived(void)
{
	unsigned n;

	for (n = BURSTS; n < LEVELS; n++)
		if (!atomic_load(&sources[n].handled))
			return false;
	for (n = 0; n < VCPUS; n++)
		if (!atomic_load(&sgi_bursts[n].handled))
			return false;
	return true;
}

static void say_totals(void)
{
	unsigned n, handled_spis = 0, bursts = 0;

	for (n = 32; n < USED_END; n++) {
		handled_spis += atomic_load(&sources[n].handled);
		bursts += n >= BURSTS && n < LEVELS ? atomic_load(&sources[n].fired) : 0;
	}
	printf("# %u SPIs handled, %u pulses in bursts\n", handled_spis, bursts);
	for (n = 0; n < VCPUS; n++)
		printf("# vCPU %u: %u burst SGIs handled, %u refills, %u sleeps, %u puts, %u AGAINs\n",
		       n, atomic_load(&sgi_bursts[n].handled), vcpus[n].refills, vcpus[n].sleeps,
		       vcpus[n].puts, vcpus[n].agains);
}

int main(int argc, char **argv)
{
	struct devices devices[2] = { { .first = 32, .stride = 2 }, { .first = 33, .stride = 2 } };
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t)time(NULL);
	bool ok, clean;

	if (argc > 1)
		run_seconds = strtod(argv[1], NULL);
	printf("1..3\n# seed %llu\n", (unsigned long long)seed); /* stress-tsan SECONDS SEED */
	fflush(stdout);
	lrs = 1 + seed % 4;
	build();
	set_up();
	start_vcpus(seed);
	pthread_create(&devices[0].thread, NULL, devices_main, &devices[0]);
	pthread_create(&devices[1].thread, NULL, devices_main, &devices[1]);
	watch(now() + run_seconds, false);
	atomic_store(&devices_stop, true);
	watch(0, true);
	ok = !atomic_load(&failed);
	if (!ok) {
		say_open();
		printf("not ok 1 - every_interrupt_is_handled_once\n");
		fflush(stdout);
		_exit(1);
	}
	pthread_join(devices[0].thread, NULL);
	pthread_join(devices[1].thread, NULL);
	nap();
	nap();
	stop_vcpus();
	clean = !left_over();
	printf("ok 1 - every_interrupt_is_handled_once\n");
	printf("%sok 2 - bursts_arrive\n", bursts_arrived() ? "" : "not ");
	printf("%sok 3 - nothing_is_left_over\n", clean ? "" : "not ");
	say_totals();
	return !clean || !bursts_arrived();
}
