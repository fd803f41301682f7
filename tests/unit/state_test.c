/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Save and restore: a guest that is moved to another vGIC, with other list registers or none, goes on
 * where it was; a state that nothing can have saved is refused, and changes nothing. The format is
 * lib/vgic/state.md; what a guest sees, IHI 0069 and IHI 0048.
 */
#include <string.h>

#include "fixture.h"

#define HEADER   32
#define VCPU     56
#define IRQ      20
#define MAX_SIZE 20000

struct state {
	uint8_t at[MAX_SIZE];
	size_t size;
};

/* --- Moving a machine --------------------------------------------------------------------------- */

static void put_all(struct machine *m)
{
	for (unsigned i = 0; i < m->config.vcpus; i++) {
		struct vcpu *v = &m->vcpus[i];

		if (!v->cpu)
			continue;
		vgic_exit(v->cpu, m->config.lrs ? &v->image : NULL);
		vgic_put(v->cpu, m->config.lrs ? &v->image : NULL);
		v->cpu = NULL;
	}
}

static void save(struct machine *m, struct state *state)
{
	long size;

	memset(state->at, 0xa5, sizeof(state->at));
	size = vgic_save(m->vgic, state->at, sizeof(state->at));
	assert_int_equal(size, vgic_save_size(m->vgic));
	state->size = (size_t)size;
	for (size_t i = state->size; i < sizeof(state->at); i++)
		assert_int_equal(state->at[i], 0xa5);
}

static void assert_same(const struct state *a, const struct state *b)
{
	assert_int_equal(a->size, b->size);
	assert_memory_equal(a->at, b->at, a->size);
}

static void load_one(struct machine *m, unsigned vcpu)
{
	struct vcpu *v = &m->vcpus[vcpu];

	v->cpu = vgic_load(m->vgic, vcpu);
	assert_non_null(v->cpu);
	if (!m->config.lrs) {
		vgic_cpuif_restore(v->cpu, NULL);
		vgic_enter(v->cpu, NULL);
		return;
	}
	memset(&v->image, 0xff, sizeof(v->image)); /* what another vCPU left */
	vgic_cpuif_restore(v->cpu, &v->image);
	assert_int_equal(v->image.live | v->image.hcr, 0);
	/* The fixture's guest has its active priorities in ap1r. */
	v->image.ap1r[0] |= v->image.ap0r[0];
	v->image.ap0r[0] = 0;
	for (unsigned n = 0; n < 32; n++)
		v->running[n] = v->image.ap1r[0] >> n & 1;
	vgic_enter(v->cpu, &v->image);
	assert_true(v->image.hcr_changed);
	assert_int_equal(v->image.changed, (1u << m->config.lrs) - 1);
}

static void load_all(struct machine *m)
{
	for (unsigned i = 0; i < m->config.vcpus; i++)
		load_one(m, i);
	if (m->config.lrs)
		settle(m);
}

/* Into a vGIC with this many list registers, which `map` maps interrupts of; the old one is gone. */
static struct machine *moved_mapped(struct machine *m, unsigned lrs, void (*map)(struct machine *))
{
	struct vgic_config config = m->config;
	struct machine *to;
	struct state before, after;

	put_all(m);
	save(m, &before);
	config.lrs = (uint8_t)lrs;
	to = machine_bare(config);
	memcpy(to->phys_line, m->phys_line, sizeof(m->phys_line));
	machine_free(m);
	if (map)
		map(to);
	assert_int_equal(vgic_restore(to->vgic, before.at, before.size, NULL), 0);
	save(to, &after);
	assert_same(&before, &after);
	load_all(to);
	return to;
}

static struct machine *moved(struct machine *m, unsigned lrs)
{
	return moved_mapped(m, lrs, NULL);
}

/* --- A guest with a software CPU interface, all of group 1 -------------------------------------- */

#define GICC_AIAR  0x20
#define GICC_AEOIR 0x24

static virq_t soft_ack(struct vcpu *v)
{
	uint64_t virq;

	if (v->version == VGIC_V2)
		assert_int_equal(vgic_cpuif_read(v->cpu, GICC_AIAR, 4, &virq), VGIC_DONE);
	else
		assert_int_equal(vgic_sysreg_read(v->cpu, VGIC_ICC_IAR1_EL1, &virq), VGIC_DONE);
	return (virq_t)virq;
}

static void soft_end(struct vcpu *v, virq_t virq)
{
	if (v->version == VGIC_V2)
		assert_int_equal(vgic_cpuif_write(v->cpu, GICC_AEOIR, 4, virq), VGIC_DONE);
	else
		assert_int_equal(vgic_sysreg_write(v->cpu, VGIC_ICC_EOIR1_EL1, virq), VGIC_DONE);
}

static void soft_dir(struct vcpu *v, virq_t virq)
{
	if (v->version == VGIC_V2)
		assert_int_equal(vgic_cpuif_write(v->cpu, GICC_DIR, 4, virq), VGIC_DONE);
	else
		assert_int_equal(vgic_sysreg_write(v->cpu, VGIC_ICC_DIR_EL1, virq), VGIC_DONE);
}

/* Either kind. */
static virq_t any_ack(struct machine *m, struct vcpu *v)
{
	return m->config.lrs ? ack(v) : soft_ack(v);
}

static void any_eoi(struct machine *m, struct vcpu *v, virq_t virq)
{
	if (!m->config.lrs) {
		soft_end(v, virq);
		return;
	}
	eoi(m, v, virq);
	settle(m);
}

static bool is_active(struct machine *m, virq_t virq)
{
	struct vgic_irq_info info;

	assert_int_equal(vgic_irq_info(m->vgic, 0, virq, &info), 0);
	return info.active;
}

static void set_eoimode(struct machine *m)
{
	for (unsigned i = 0; i < m->config.vcpus; i++) {
		m->vcpus[i].image.vmcr |= VMCR_VEOIM;
		vgic_maintenance(m->vcpus[i].cpu);
	}
	settle(m);
}

static struct machine *edges(enum vgic_version version, unsigned vcpus, unsigned lrs)
{
	struct machine *m = machine_of(version, vcpus, 32, lrs);

	for (virq_t virq = 32; virq < 64; virq++) {
		set_edge(m, 0, virq, true);
		set_priority(m, 0, virq, 8 * (virq - 32) & 0xff);
	}
	return m;
}

/* --- What moves with a guest -------------------------------------------------------------------- */

#define LRS 5 /* 0 to 4 */

static void pending_ones_come_best_first_however_many(void **state)
{
	for (unsigned from = 1; from < LRS; from++)
		for (unsigned to = 0; to < LRS; to++) {
			struct machine *m = edges(VERSION(state), 2, from);
			struct vcpu *v;

			for (virq_t virq = 45; virq > 35; virq--)
				vgic_pulse(m->vgic, 0, virq);
			settle(m);
			m = moved(m, to);
			v = &m->vcpus[0];
			for (virq_t virq = 36; virq <= 45; virq++) {
				assert_int_equal(any_ack(m, v), virq);
				any_eoi(m, v, virq);
			}
			assert_int_equal(any_ack(m, v), SPURIOUS);
			machine_free(m);
		}
}

/* Four nested ones, more than fit into the list registers; they end where they were acknowledged. */
static void actives_end_in_their_order(void **state)
{
	for (unsigned from = 1; from < LRS; from++)
		for (unsigned to = 0; to < LRS; to++) {
			struct machine *m = edges(VERSION(state), 1, from);
			struct vcpu *v = &m->vcpus[0];

			for (virq_t virq = 45; virq > 41; virq--) {
				vgic_pulse(m->vgic, 0, virq);
				settle(m);
				assert_int_equal(ack(v), virq);
			}
			vgic_pulse(m->vgic, 0, 60); /* waits for all of them */
			settle(m);
			m = moved(m, to);
			v = &m->vcpus[0];
			for (virq_t virq = 42; virq < 46; virq++) {
				assert_true(is_active(m, virq));
				any_eoi(m, v, virq);
				if (m->config.lrs)
					put_all(m), load_all(m); /* folded */
				assert_false(is_active(m, virq));
			}
			assert_int_equal(any_ack(m, v), 60);
			machine_free(m);
		}
}

/* EOImode 1: a priority that was dropped is not waited for, and DIR is. */
static void dropped_ones_wait_for_their_deactivation(void **state)
{
	for (unsigned from = 1; from < LRS; from++)
		for (unsigned to = 0; to < LRS; to++) {
			struct machine *m = edges(VERSION(state), 1, from);
			struct vcpu *v = &m->vcpus[0];

			set_eoimode(m);
			for (virq_t virq = 45; virq > 42; virq--) {
				vgic_pulse(m->vgic, 0, virq);
				settle(m);
				assert_int_equal(ack(v), virq);
				if (virq == 44)
					drop(v);
			}
			m = moved(m, to);
			v = &m->vcpus[0];
			/* 43 runs, 45 does, 44 is only active. */
			if (to) {
				drop(v);
				dir(m, 0, 43);
				settle(m);
				dir(m, 0, 44);
				settle(m);
			} else {
				soft_end(v, 43);
				soft_dir(v, 43);
				soft_dir(v, 44);
			}
			vgic_pulse(m->vgic, 0, 46); /* worse than what runs */
			put_all(m);
			assert_false(is_active(m, 43));
			assert_false(is_active(m, 44));
			assert_true(is_active(m, 45));
			assert_false(vgic_pending(m->vgic, 0));
			vgic_pulse(m->vgic, 0, 40);
			assert_true(vgic_pending(m->vgic, 0));
			machine_free(m);
		}
}

/* The end of what was deactivated by hand is not taken for that of what it had preempted. */
static void ghosts_take_their_ends(void **state)
{
	for (unsigned from = 0; from < LRS; from++)
		for (unsigned to = 0; to < LRS; to++) {
			struct machine *m = moved(edges(VERSION(state), 1, 1), from);

			for (virq_t virq = 45; virq > 42; virq--) {
				vgic_pulse(m->vgic, 0, virq);
				if (from)
					settle(m);
				assert_int_equal(any_ack(m, &m->vcpus[0]), virq);
			}
			bit_write(m, 0, 43, GICD_ICACTIVER);
			m = moved(m, to);
			any_eoi(m, &m->vcpus[0], 43);
			put_all(m), load_all(m);
			assert_true(is_active(m, 44));
			any_eoi(m, &m->vcpus[0], 44);
			put_all(m), load_all(m);
			assert_false(is_active(m, 44));
			assert_true(is_active(m, 45));
			machine_free(m);
		}
}

/* The same with EOImode 1: a deactivation that is due leaves nothing to wait for. */
static void software_interface_tells_who_was_dropped(void **state)
{
	for (unsigned to = 0; to < LRS; to++) {
		struct machine *m = edges(VERSION(state), 1, 1), *fresh;
		struct state idle, after;

		set_eoimode(m);
		m = moved(m, 0);
		put_all(m);
		save(m, &idle);
		load_all(m);
		vgic_pulse(m->vgic, 0, 45);
		assert_int_equal(soft_ack(&m->vcpus[0]), 45);
		soft_end(&m->vcpus[0], 45);
		m = moved(m, to);
		assert_true(is_active(m, 45));
		if (to)
			dir(m, 0, 45);
		else
			soft_dir(&m->vcpus[0], 45);
		fresh = moved(m, to);
		put_all(fresh);
		save(fresh, &after);
		assert_same(&idle, &after); /* nothing is left of it */
		machine_free(fresh);
	}
}

/* EOImode 0: the end of what was cleared by hand is waited for until it comes, made active again or not. */
static void software_interface_forgets_a_ghost_that_ended(void **state)
{
	for (unsigned again = 0; again < 2; again++) {
		struct machine *m = moved(edges(VERSION(state), 1, 1), 0);
		struct state idle, ghost, after;

		put_all(m);
		save(m, &idle);
		load_all(m);
		vgic_pulse(m->vgic, 0, 45);
		assert_int_equal(soft_ack(&m->vcpus[0]), 45);
		bit_write(m, 0, 45, GICD_ICACTIVER);
		put_all(m);
		save(m, &ghost);
		assert_memory_not_equal(idle.at, ghost.at, idle.size);
		load_all(m);
		if (again)
			bit_write(m, 0, 45, GICD_ISACTIVER);
		soft_end(&m->vcpus[0], 45);
		bit_write(m, 0, 45, GICD_ICACTIVER);
		put_all(m);
		save(m, &after);
		assert_same(&idle, &after);
		machine_free(m);
	}
}

static void sources_of_an_sgi_come_one_by_one(void **state)
{
	(void)state;
	for (unsigned from = 1; from < LRS; from++)
		for (unsigned to = 0; to < LRS; to++) {
			struct machine *m = machine_of(VGIC_V2, 4, 32, from);

			for (unsigned source = 1; source < 4; source++)
				send_sgi(m, source, 0, 5);
			settle(m);
			assert_int_equal(ack(&m->vcpus[0]), 1 << 10 | 5);
			m = moved(m, to);
			any_eoi(m, &m->vcpus[0], 1 << 10 | 5);
			for (virq_t source = 2; source < 4; source++) {
				assert_int_equal(any_ack(m, &m->vcpus[0]), source << 10 | 5);
				any_eoi(m, &m->vcpus[0], source << 10 | 5);
			}
			assert_int_equal(any_ack(m, &m->vcpus[0]), SPURIOUS);
			machine_free(m);
		}
}

/* Acknowledged by vCPU 1, then routed to vCPU 0: 1 ends it, and 0 gets the next one. */
static void active_ones_stay_where_they_are(void **state)
{
	for (unsigned to = 0; to < LRS; to++) {
		struct machine *m = edges(VERSION(state), 2, 2);
		struct vgic_irq_info info;

		set_route(m, 0, 40, 1);
		vgic_pulse(m->vgic, 0, 40);
		settle(m);
		assert_int_equal(ack(&m->vcpus[1]), 40);
		set_route(m, 0, 40, 0);
		vgic_pulse(m->vgic, 0, 40);
		settle(m);
		m = moved(m, to);
		assert_int_equal(vgic_irq_info(m->vgic, 0, 40, &info), 0);
		assert_int_equal(info.target, 0);
		assert_int_equal(info.holder, 1);
		assert_int_equal(any_ack(m, &m->vcpus[0]), SPURIOUS);
		any_eoi(m, &m->vcpus[1], 40);
		assert_int_equal(any_ack(m, &m->vcpus[0]), 40);
		machine_free(m);
	}
}

static void a_level_stays_high_until_it_is_told_low(void **state)
{
	for (unsigned to = 0; to < LRS; to++) {
		struct machine *m = machine_of(VERSION(state), 2, 32, 2);

		vgic_set_line(m->vgic, 0, 40, true);
		vgic_set_line(m->vgic, 1, 20, true);
		settle(m);
		m = moved(m, to);
		for (unsigned vcpu = 0; vcpu < 2; vcpu++) {
			virq_t virq = vcpu ? 20 : 40;

			for (unsigned n = 0; n < 3; n++) {
				assert_int_equal(any_ack(m, &m->vcpus[vcpu]), virq);
				if (n == 2)
					vgic_set_line(m->vgic, vcpu, virq, false);
				any_eoi(m, &m->vcpus[vcpu], virq);
			}
			assert_int_equal(any_ack(m, &m->vcpus[vcpu]), SPURIOUS);
		}
		machine_free(m);
	}
}

static void map_some(struct machine *m)
{
	assert_int_equal(vgic_map_hwirq(m->vgic, 0, 27, (struct hwirq){ 27 }, VGIC_HWIRQ_LEVEL), 0);
	assert_int_equal(vgic_map_hwirq(m->vgic, 0, 28, (struct hwirq){ 28 }, VGIC_HWIRQ_LEVEL), 0);
	assert_int_equal(vgic_map_hwirq(m->vgic, 0, 40, (struct hwirq){ 140 }, VGIC_HWIRQ_LEVEL),
			 0);
	assert_int_equal(vgic_map_hwirq(m->vgic, 0, 41, (struct hwirq){ 141 }, 0), 0);
	assert_int_equal(vgic_map_hwirq(m->vgic, 0, 42, (struct hwirq){ 142 }, 0), 0);
}

/* What is pending or active for the guest is active on the new host: at once, or at load. */
static void mapped_ones_are_kept_from_firing(void **state)
{
	for (unsigned to = 1; to < LRS; to++) {
		struct machine *m = machine_of(VERSION(state), 2, 32, 4), *bare;
		struct state before;

		set_edge(m, 0, 41, true);
		map_some(m);
		m->phys_line[27] = m->phys_line[140] = true;
		m->phys_active[27] = m->phys_active[140] = m->phys_active[141] = true;
		set_priority(m, 0, 40, 0x40);
		vgic_set_line(m->vgic, 0, 27, true);
		vgic_set_line(m->vgic, 0, 40, true);
		vgic_pulse(m->vgic, 0, 41);
		settle(m);
		assert_int_equal(ack(&m->vcpus[0]), 40);
		put_all(m);
		save(m, &before);
		bare = machine_bare(config_of(VERSION(state), 2, 32, to));
		map_some(bare);
		bare->phys_active[142] = true; /* of what it had */
		assert_int_equal(vgic_restore(bare->vgic, before.at, before.size, NULL), 0);
		assert_true(bare->phys_active[140]);
		assert_true(bare->phys_active[141]);
		assert_false(bare->phys_active[142]);
		assert_false(bare->phys_active[27]);
		assert_int_equal(bare->routed_to, 0);
		machine_free(bare);

		m->phys_active[27] = false;
		load_all(m);
		m = moved_mapped(m, to, map_some);
		assert_true(m->phys_active[27]);
		assert_false(m->phys_active[28]);
		m->phys_line[140] = false;
		any_eoi(m, &m->vcpus[0], 40);
		put_all(m), load_all(m);
		assert_false(m->phys_active[140]);
		m->phys_line[27] = false;
		for (unsigned n = 0; n < 2; n++) {
			virq_t virq = ack(&m->vcpus[0]);

			assert_true(virq == 27 || virq == 41);
			any_eoi(m, &m->vcpus[0], virq);
		}
		assert_int_equal(ack(&m->vcpus[0]), SPURIOUS);
		assert_false(m->phys_active[27]);
		assert_false(m->phys_active[141]);
		machine_free(m);
	}
}

static void registers_read_as_they_were_written(void **state)
{
	bool v3 = VERSION(state) == VGIC_V3;
	struct machine *m = machine_of(VERSION(state), 3, 40, 2);

	set_priority(m, 0, 45, 0x38);
	set_priority(m, 2, 7, 0x48);
	set_edge(m, 1, 30, true);
	bit_write(m, 1, 29, GICD_ICENABLER);
	reg_write(m, 0, 64, GICD_IGROUPR, 1, 0x5a);
	set_route(m, 0, 50, 2);
	if (v3) {
		dist_write(m, 0, GICD_IROUTER + 8 * 51, 8, 0x1200345678);
		dist_write(m, 2, GICD_IROUTER + 8 * 52, 8, 1u << 31);
	} else {
		dist_write(m, 0, GICD_ITARGETSR + 51, 1, 6);
	}
	dist_write(m, 0, GICD_CTLR, 4, 2);
	m = moved(moved(m, 0), 2);
	assert_int_equal(reg_read(m, 0, 45, GICD_IPRIORITYR, 8), 0x38);
	assert_int_equal(reg_read(m, 2, 7, GICD_IPRIORITYR, 8), 0x48);
	assert_int_equal(reg_read(m, 1, 7, GICD_IPRIORITYR, 8), 0xa0);
	assert_int_equal(reg_read(m, 1, 30, GICD_ICFGR, 2), 2u << 28);
	assert_false(bit_read(m, 1, 29, GICD_ISENABLER));
	assert_true(bit_read(m, 0, 29, GICD_ISENABLER));
	assert_int_equal(reg_read(m, 0, 64, GICD_IGROUPR, 1), 0x5a);
	assert_int_equal(dist_read(m, 0, GICD_CTLR, 4) & 3, 2);
	set_edge(m, 0, 50, true);
	vgic_pulse(m->vgic, 0, 50);
	settle(m);
	assert_int_equal(ack(&m->vcpus[2]), 50);
	if (v3) {
		assert_int_equal(dist_read(m, 0, GICD_IROUTER + 8 * 51, 8), 0x1200345678);
		assert_int_equal(dist_read(m, 0, GICD_IROUTER + 8 * 52, 8), 1u << 31);
		vgic_pulse(m->vgic, 0, 52); /* to any, which was the one that asked */
		settle(m);
		assert_int_equal(ack(&m->vcpus[2]), 52);
	} else {
		assert_int_equal(dist_read(m, 0, GICD_ITARGETSR + 51, 1), 6);
	}
	machine_free(m);
}

/* Everything that ICH_VMCR_EL2, GICH_VMCR has; the software interface shows it in its registers. */
static void cpu_interface_registers_are_kept(void **state)
{
	bool v2 = VERSION(state) == VGIC_V2;
	uint32_t enables = v2 ? 0x21f
			      : 0x213; /* EOIM, CBPR; of a GICv2 FIQEn, AckCtl; both groups */
	uint32_t vmcr = 0x58u << 24 | 5u << 21 | 6u << 18 | enables;
	struct machine *m = machine_of(VERSION(state), 1, 32, 2);
	uint64_t value[3];

	m->vcpus[0].image.vmcr = vmcr;
	vgic_maintenance(m->vcpus[0].cpu);
	settle(m);
	m = moved(m, 0);
	if (v2) {
		vgic_cpuif_read(m->vcpus[0].cpu, 0x0, 4, &value[0]);
		vgic_cpuif_read(m->vcpus[0].cpu, 0x4, 4, &value[1]);
		vgic_cpuif_read(m->vcpus[0].cpu, 0x8, 4, &value[2]);
	} else {
		vgic_sysreg_read(m->vcpus[0].cpu, VGIC_ICC_CTLR_EL1, &value[0]);
		vgic_sysreg_read(m->vcpus[0].cpu, VGIC_ICC_PMR_EL1, &value[1]);
		vgic_sysreg_read(m->vcpus[0].cpu, VGIC_ICC_BPR0_EL1, &value[2]);
	}
	assert_int_equal(v2 ? value[0] : value[0] & 3, v2 ? enables : 3);
	assert_int_equal(value[1], 0x58);
	assert_int_equal(value[2], 5);
	m = moved(m, 3);
	assert_int_equal(m->vcpus[0].image.vmcr, vmcr);
	machine_free(m);
}

static void a_sleeping_redistributor_sleeps_on(void **state)
{
	struct machine *m = edges(VGIC_V3, 2, 2);

	(void)state;
	redist_write(m, 1, GICR_WAKER, 2);
	set_route(m, 0, 40, 1);
	vgic_pulse(m->vgic, 0, 40);
	settle(m);
	m = moved(m, 3);
	assert_int_equal(redist_read(m, 0, GICR_WAKER, 4), 0);
	assert_int_equal(redist_read(m, 1, GICR_WAKER, 4), 6);
	assert_int_equal(ack(&m->vcpus[1]), SPURIOUS);
	redist_write(m, 1, GICR_WAKER, 0);
	settle(m);
	assert_int_equal(ack(&m->vcpus[1]), 40);
	machine_free(m);
}

/* GICv3, all there is: eight bits, seven of them for preemption, extended interrupts, clusters. */
static struct vgic_config large(unsigned lrs)
{
	return (struct vgic_config){ .version = VGIC_V3,
				     .vcpus = 3,
				     .spis = 33,
				     .espis = 40,
				     .eppis = 64,
				     .priority_bits = 8,
				     .preemption_bits = 7,
				     .lrs = (uint8_t)lrs,
				     .cluster_bits = 1,
				     .region_redists = 2 };
}

static void extended_interrupts_and_all_priorities_move(void **state)
{
	static const virq_t virqs[] = { 40, 64, 1056, 1119, 4096, 4135 };

	(void)state;
	for (unsigned to = 1; to < LRS; to++) {
		struct machine *m = machine_with(large(3));

		for (unsigned i = 0; i < 6; i++) {
			set_edge(m, 0, virqs[i], true);
			set_priority(m, 0, virqs[i], 0x91 + i);
			vgic_pulse(m->vgic, 0, virqs[i]);
		}
		settle(m);
		m = moved(m, to);
		for (unsigned i = 0; i < 6; i++) {
			assert_int_equal(ack(&m->vcpus[0]), virqs[i]);
			assert_int_equal(reg_read(m, 0, virqs[i], GICD_IPRIORITYR, 8), 0x91 + i);
			/* The fixture's active priorities are those of 5 bits. */
			lr_set_state(&m->vcpus[0], (unsigned)lr_of(&m->vcpus[0], virqs[i]), 0);
			m->vcpus[0].image.ap1r[0] = 0;
			vgic_maintenance(m->vcpus[0].cpu);
			settle(m);
		}
		assert_int_equal(ack(&m->vcpus[0]), SPURIOUS);
		machine_free(m);
	}
}

/* What is over leaves nothing behind in a state. */
static void idle_guests_look_alike_whatever_they_did(void **state)
{
	struct machine *m = edges(VERSION(state), 2, 2);
	struct state idle, after;
	virq_t virq;

	put_all(m);
	save(m, &idle);
	load_all(m);
	for (virq = 40; virq < 44; virq++)
		vgic_pulse(m->vgic, 0, virq);
	send_sgi(m, 1, 0, 5);
	bit_write(m, 0, 60, GICD_ISACTIVER);
	bit_write(m, 0, 60, GICD_ICACTIVER);
	settle(m);
	while ((virq = ack(&m->vcpus[0])) != SPURIOUS) {
		eoi(m, &m->vcpus[0], virq);
		settle(m);
	}
	put_all(m);
	save(m, &after);
	assert_same(&idle, &after);
	machine_free(m);
}

/* Of two vGICs, the second one, used, becomes the first one. */
static void what_it_had_is_gone(void **state)
{
	struct machine *from = edges(VERSION(state), 2, 2), *to = edges(VERSION(state), 2, 1);
	struct state before, after;

	for (virq_t virq = 40; virq < 50; virq++)
		vgic_pulse(to->vgic, 0, virq);
	bit_write(to, 0, 51, GICD_ISACTIVER);
	bit_write(to, 1, 20, GICD_ISACTIVER);
	settle(to);
	assert_int_equal(ack(&to->vcpus[0]), 40);
	vgic_pulse(from->vgic, 0, 45);
	put_all(from);
	put_all(to);
	save(from, &before);
	assert_int_equal(vgic_restore(to->vgic, before.at, before.size, NULL), 0);
	save(to, &after);
	assert_same(&before, &after);
	load_all(to);
	assert_int_equal(ack(&to->vcpus[0]), 45);
	eoi(to, &to->vcpus[0], 45);
	settle(to);
	assert_int_equal(ack(&to->vcpus[0]), SPURIOUS);
	/* Its queues are whole. */
	for (virq_t virq = 40; virq < 50; virq++)
		vgic_pulse(to->vgic, 0, virq);
	settle(to);
	for (virq_t virq = 40; virq < 50; virq++) {
		assert_int_equal(ack(&to->vcpus[0]), virq);
		eoi(to, &to->vcpus[0], virq);
		settle(to);
	}
	machine_free(from);
	machine_free(to);
}

/* ICC_DIR_EL1 traps as it should when the vCPUs share: 1 deactivates what 0 has. */
static void deactivation_from_elsewhere_still_traps(void **state)
{
	for (unsigned to = 1; to < LRS; to++) {
		struct machine *m = edges(VERSION(state), 2, 2);

		set_eoimode(m);
		vgic_pulse(m->vgic, 0, 40);
		settle(m);
		assert_int_equal(ack(&m->vcpus[0]), 40);
		drop(&m->vcpus[0]);
		m = moved(m, to);
		for (unsigned n = 0; n < 8; n++) { /* alone, it would run free */
			send_sgi(m, 1, 1, 5);
			settle(m);
			assert_int_equal(ack(&m->vcpus[1]) & 0x3ff, 5);
			drop(&m->vcpus[1]);
			dir(m, 1, VERSION(state) == VGIC_V2 ? 1 << 10 | 5 : 5);
			settle(m);
		}
		dir(m, 1, 40);
		settle(m);
		assert_false(bit_read(m, 1, 40, GICD_ISACTIVER));
		machine_free(m);
	}
}

/* A vCPU that deactivates for itself, a few times. */
static void deactivate_often(struct machine *m, unsigned vcpu)
{
	for (unsigned n = 0; n < 8; n++) {
		send_sgi(m, vcpu, vcpu, 3);
		settle(m);
		assert_int_equal(ack(&m->vcpus[vcpu]), 3);
		drop(&m->vcpus[vcpu]);
		dir(m, vcpu, 3);
		settle(m);
	}
}

/* 0 has something active, and is not loaded; 1 does not come to run free. */
static void what_is_shared_is_so_before_its_vcpu_is_loaded(void **state)
{
	for (unsigned active = 0; active < 2; active++) {
		struct machine *m = edges(VGIC_V3, 2, 2), *to = edges(VGIC_V3, 2, 2);
		struct state s;

		(void)state;
		set_eoimode(m);
		vgic_pulse(m->vgic, 0, 40);
		settle(m);
		assert_int_equal(ack(&m->vcpus[0]), 40);
		drop(&m->vcpus[0]);
		if (!active)
			dir(m, 0, 40);
		settle(m);
		put_all(m);
		save(m, &s);
		bit_write(to, 0, 50, GICD_ISACTIVER); /* the opposite, which is gone then */
		set_eoimode(to);
		put_all(to);
		assert_int_equal(vgic_restore(to->vgic, s.at, s.size, NULL), 0);
		load_one(to, 1);
		settle(to);
		deactivate_often(to, 1);
		assert_int_equal(!(to->vcpus[1].image.hcr & HCR_TDIR), !active);
		machine_free(m);
		machine_free(to);
	}
}

/* --- The format --------------------------------------------------------------------------------- */

static uint64_t field(const struct state *state, size_t at, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes; i++)
		value |= (uint64_t)state->at[at + i] << 8 * i;
	return value;
}

static void set_field(struct state *state, size_t at, unsigned bytes, uint64_t value)
{
	for (unsigned i = 0; i < bytes; i++, value >>= 8)
		state->at[at + i] = (uint8_t)value;
}

/* Of machines without extended interrupts: the record of vCPU `vcpu`, of an interrupt. */
static size_t vcpu_at(unsigned vcpu)
{
	return HEADER + VCPU * (size_t)vcpu;
}

static size_t irq_at(const struct machine *m, unsigned vcpu, virq_t virq)
{
	unsigned index = virq < 32 ? 32 * vcpu + virq : 32 * (m->config.vcpus - 1u) + virq;

	return vcpu_at(m->config.vcpus) + IRQ * (size_t)index;
}

#define FLAG_ENABLED    0x01
#define FLAG_LATCH      0x02
#define FLAG_LINE       0x04
#define FLAG_LEVEL      0x08
#define FLAG_ACTIVE     0x10
#define FLAG_GROUP1     0x20
#define FLAG_ACK_GROUP1 0x40
#define FLAG_DROPPED    0x80

/* 40 active by vCPU 1 as 0x40 and pending anew, 41's line high, 42 by hand; SGI 5 from 0 to 1. */
static struct machine *sample(enum vgic_version version, unsigned lrs)
{
	struct machine *m = machine_of(version, 2, 32, lrs);

	set_edge(m, 0, 40, true);
	set_priority(m, 0, 40, 0x40);
	set_route(m, 0, 40, 1);
	vgic_pulse(m->vgic, 0, 40);
	settle(m);
	assert_int_equal(ack(&m->vcpus[1]), 40);
	vgic_pulse(m->vgic, 0, 40);
	set_priority(m, 0, 40, 0x48);
	vgic_set_line(m->vgic, 0, 41, true);
	bit_write(m, 0, 42, GICD_ISACTIVER);
	send_sgi(m, 0, 1, 5);
	settle(m);
	put_all(m);
	return m;
}

static void the_format_is_as_written(void **state)
{
	bool v2 = VERSION(state) == VGIC_V2;
	struct machine *m = sample(VERSION(state), 4);
	struct state s;
	size_t at;

	save(m, &s);
	assert_int_equal(s.size, HEADER + 2 * VCPU + (2 * 32 + 32) * IRQ);
	assert_memory_equal(s.at, "VGCS", 4);
	assert_int_equal(field(&s, 4, 4), 1);
	assert_int_equal(field(&s, 8, 1), VERSION(state));
	assert_int_equal(field(&s, 9, 1), 5);
	assert_int_equal(field(&s, 10, 1), 5);
	assert_int_equal(field(&s, 11, 1), 4);
	assert_int_equal(field(&s, 12, 2), 2);
	assert_int_equal(field(&s, 14, 2), 32);
	assert_int_equal(field(&s, 16, 8), 0);
	assert_int_equal(field(&s, 24, 4), s.size);
	assert_int_equal(field(&s, 28, 4), 3);

	at = vcpu_at(1);
	assert_int_equal(field(&s, at, 4), 0);
	/* Binary points at their minimum: 2, and 3 for group 1. */
	assert_int_equal(field(&s, at + 4, 4), VMCR_OPEN | 2u << 21 | 3u << 18);
	assert_int_equal(field(&s, at + 8, 4), v2 ? 1u << 8 : 0);
	assert_int_equal(field(&s, at + 24, 4), v2 ? 0 : 1u << 8);
	assert_int_equal(field(&s, at + 40, 8) | field(&s, at + 48, 8), 0);

	at = irq_at(m, 0, 40);
	assert_int_equal(field(&s, at, 2),
			 FLAG_ENABLED | FLAG_LATCH | FLAG_ACTIVE | FLAG_GROUP1 | FLAG_ACK_GROUP1);
	assert_int_equal(field(&s, at + 2, 1), 0x48);
	assert_int_equal(field(&s, at + 3, 1), 0x40);
	assert_int_equal(field(&s, at + 4, 2), 0);
	assert_int_equal(field(&s, at + 6, 2), 1);
	assert_int_equal(field(&s, at + 8, 2), 1);
	assert_int_equal(field(&s, at + 10, 2), 0);
	assert_int_equal(field(&s, at + 12, 8), v2 ? 2 : 1);

	at = irq_at(m, 0, 41);
	assert_int_equal(field(&s, at, 2), FLAG_ENABLED | FLAG_LINE | FLAG_LEVEL | FLAG_GROUP1);
	assert_int_equal(field(&s, at + 3, 1), 0);
	assert_int_equal(field(&s, at + 6, 2), 0xffff);

	at = irq_at(m, 0, 42);
	assert_int_equal(field(&s, at, 2), FLAG_ENABLED | FLAG_LEVEL | FLAG_ACTIVE | FLAG_GROUP1);
	assert_int_equal(field(&s, at + 3, 1), 0xff);
	assert_int_equal(field(&s, at + 6, 2), 0);

	at = irq_at(m, 1, 5);
	assert_int_equal(field(&s, at, 2), FLAG_ENABLED | FLAG_LATCH | FLAG_GROUP1);
	assert_int_equal(field(&s, at + 4, 1), v2 ? 1 : 0);
	assert_int_equal(field(&s, at + 8, 2), 1);
	machine_free(m);
}

/* --- What is refused ---------------------------------------------------------------------------- */

static struct machine *refuser; /* with a state of its own, which stays */
static struct state refusers;

/* Refused, for a reason that begins with `name`; nothing changes. */
static void refuses(const struct state *state, const char *name)
{
	struct state after;
	const char *why = NULL;

	assert_int_equal(vgic_restore(refuser->vgic, state->at, state->size, &why),
			 -VIRQ_ERR_STATE);
	assert_non_null(why);
	assert_memory_equal(why, name, strlen(name));
	assert_int_equal(vgic_restore(refuser->vgic, state->at, state->size, NULL),
			 -VIRQ_ERR_STATE);
	save(refuser, &after);
	assert_same(&refusers, &after);
}

static void refuses_field(const struct state *good, size_t at, unsigned bytes, uint64_t value,
			  const char *name)
{
	struct state bad = *good;

	assert_int_not_equal(field(good, at, bytes), value);
	set_field(&bad, at, bytes, value);
	refuses(&bad, name);
}

static void begin_refusals(enum vgic_version version)
{
	refuser = edges(version, 2, 2);
	vgic_pulse(refuser->vgic, 0, 50);
	bit_write(refuser, 0, 51, GICD_ISACTIVER);
	settle(refuser);
	assert_int_equal(ack(&refuser->vcpus[0]), 50);
	put_all(refuser);
	save(refuser, &refusers);
}

static void refused_are_other_configurations(void **state)
{
	bool v2 = VERSION(state) == VGIC_V2;
	struct machine *m = sample(VERSION(state), 4);
	struct state good, longer;

	begin_refusals(VERSION(state));
	save(m, &good);
	refuses_field(&good, 0, 1, 'v', "magic");
	refuses_field(&good, 4, 4, 2, "format");
	refuses_field(&good, 8, 1, v2 ? 3 : 2, "version");
	refuses_field(&good, 9, 1, 6, "priority_bits");
	refuses_field(&good, 10, 1, 6, "preemption_bits");
	refuses_field(&good, 11, 1, 3, "cluster_bits");
	refuses_field(&good, 12, 2, 1, "vcpus");
	refuses_field(&good, 14, 2, 33, "spis");
	refuses_field(&good, 16, 2, 1, "espis");
	refuses_field(&good, 18, 2, 32, "eppis");
	refuses_field(&good, 20, 2, 2, "region_redists");
	refuses_field(&good, 22, 1, 1, "lpi_bits");
	refuses_field(&good, 23, 1, 1, "header");
	refuses_field(&good, 24, 4, good.size - 1, "length");
	refuses_field(&good, 28, 4, 4, "groups");
	longer = good;
	longer.size++;
	refuses(&longer, "length");
	machine_free(refuser);
	machine_free(m);
}

static void refused_is_what_is_cut_off(void **state)
{
	struct machine *m = sample(VERSION(state), 4);
	struct state good;

	begin_refusals(VERSION(state));
	save(m, &good);
	for (size_t size = 0; size < good.size; size++) {
		uint8_t *bytes = malloc(size); /* of its own, so that a read beyond it is seen */
		const char *why;

		memcpy(bytes, good.at, size);
		assert_int_equal(vgic_restore(refuser->vgic, bytes, size, &why), -VIRQ_ERR_STATE);
		assert_memory_equal(why, "length", 6);
		free(bytes);
	}
	machine_free(refuser);
	machine_free(m);
}

static void refused_are_cpu_interfaces_that_cannot_be(void **state)
{
	bool v2 = VERSION(state) == VGIC_V2;
	struct machine *m = sample(VERSION(state), 4);
	struct state good;
	size_t at = vcpu_at(1);
	uint32_t vmcr = VMCR_OPEN | 2u << 21 | 3u << 18;

	begin_refusals(VERSION(state));
	save(m, &good);
	refuses_field(&good, at, 4, v2 ? 2 : 1, "waker");
	refuses_field(&good, at, 4, 4, "waker");
	refuses_field(&good, at + 4, 4, vmcr | 1u << 5, "vmcr");
	refuses_field(&good, at + 4, 4, vmcr | 1u << 24, "vmcr"); /* priority mask, bit 0 */
	refuses_field(&good, at + 4, 4, VMCR_OPEN | 1u << 21 | 3u << 18, "vmcr");
	refuses_field(&good, at + 4, 4, VMCR_OPEN | 2u << 21 | 2u << 18, "vmcr");
	if (!v2)
		refuses_field(&good, at + 4, 4, vmcr | 1u << 2, "vmcr"); /* AckCtl */
	refuses_field(&good, at + 12, 4, 1, "ap0r"); /* AP0R1: 5 bits have one register */
	refuses_field(&good, at + 28, 4, 1, "ap1r");
	if (v2)
		refuses_field(&good, at + 24, 4, 1, "ap1r"); /* there is one GICH_APR */
	refuses_field(&good, at + 40, 8, 1ull << 32, "ghosts");
	refuses_field(&good, at + 48, 8, 1, "ghosts");
	machine_free(refuser);
	machine_free(m);
}

static void refused_are_interrupts_that_cannot_be(void **state)
{
	bool v2 = VERSION(state) == VGIC_V2;
	struct machine *m = sample(VERSION(state), 4);
	struct state good;
	size_t sgi = irq_at(m, 1, 5), ppi = irq_at(m, 1, 20), active = irq_at(m, 0, 40),
	       idle = irq_at(m, 0, 50), by_hand = irq_at(m, 0, 42);
	unsigned was = FLAG_ENABLED | FLAG_GROUP1;

	begin_refusals(VERSION(state));
	save(m, &good);
	refuses_field(&good, idle, 2, was | 0x100, "interrupt");
	refuses_field(&good, idle + 10, 2, 1, "interrupt");
	refuses_field(&good, idle + 2, 1, 0xa4, "priority");
	refuses_field(&good, sgi, 2, was | FLAG_LATCH | FLAG_LEVEL, "level");
	refuses_field(&good, sgi, 2, was | FLAG_LATCH | FLAG_LINE, "line");
	refuses_field(&good, sgi + 4, 1, v2 ? 4 : 1, "sources");
	refuses_field(&good, idle + 4, 1, 1, "sources");
	if (v2) {
		refuses_field(&good, sgi, 2, was, "sources");
		refuses_field(&good, sgi + 4, 1, 0, "sources");
	}
	/* Not active. */
	refuses_field(&good, idle, 2, was | FLAG_ACK_GROUP1, "acknowledged group");
	refuses_field(&good, idle, 2, was | FLAG_DROPPED, "acknowledged group");
	refuses_field(&good, idle + 3, 1, 0x40, "acknowledged priority");
	refuses_field(&good, idle + 5, 1, 1, "source");
	refuses_field(&good, idle + 6, 2, 0, "holder");
	refuses_field(&good, active, 2, was, "acknowledged priority");
	/* Active. */
	refuses_field(&good, by_hand, 2, was | FLAG_ACTIVE | FLAG_DROPPED, "acknowledged group");
	refuses_field(&good, by_hand, 2, was | FLAG_ACTIVE | FLAG_ACK_GROUP1, "acknowledged group");
	refuses_field(&good, active + 3, 1, 0x44, "acknowledged priority");
	refuses_field(&good, active + 5, 1, 1, "source");
	if (v2) { /* of which there are two */
		struct state sgi_active = good;

		set_field(&sgi_active, sgi, 2, was | FLAG_LATCH | FLAG_ACTIVE);
		set_field(&sgi_active, sgi + 6, 2, 1);
		refuses_field(&sgi_active, sgi + 5, 1, 2, "source");
	}
	refuses_field(&good, active + 6, 2, 2, "holder");
	refuses_field(&good, active + 6, 2, 0xffff, "holder");
	refuses_field(&good, ppi, 2, was | FLAG_LEVEL | FLAG_ACTIVE, "holder");
	/* Routes. */
	refuses_field(&good, idle + 12, 8, v2 ? 4 : 1u << 24, "route");
	refuses_field(&good, idle + 12, 8, 1ull << 40, "route");
	refuses_field(&good, ppi + 12, 8, 1, "route");
	refuses_field(&good, idle + 12, 8, v2 ? 2 : 1, "target");
	refuses_field(&good, idle + 8, 2, 1, "target");
	refuses_field(&good, idle + 8, 2, 0xffff, "target");
	refuses_field(&good, idle + 8, 2, 0x3ff, "target");
	refuses_field(&good, ppi + 8, 2, 0, "target");
	if (!v2) { /* any, which has to be one */
		struct state any = good;

		set_field(&any, idle + 12, 8, 1u << 31);
		refuses_field(&any, idle + 8, 2, 2, "target");
		refuses_field(&any, idle + 8, 2, 0xffff, "target");
	}
	machine_free(refuser);
	machine_free(m);
}

/* Whatever bit is another one: refused, and nothing changed; or taken, and given back. */
static void every_bit(enum vgic_version version, unsigned lrs)
{
	struct machine *m = sample(version, 4);
	struct vgic_config config = m->config;
	struct machine *to;
	struct state good, bad, was, after;
	unsigned taken = 0, refused = 0;

	save(m, &good);
	config.lrs = (uint8_t)lrs;
	to = machine_bare(config);
	assert_int_equal(vgic_restore(to->vgic, good.at, good.size, NULL), 0);
	was = bad = good;
	for (size_t bit = 0; bit < 8 * good.size; bit++) {
		int result;

		bad.at[bit / 8] ^= 1u << bit % 8;
		result = vgic_restore(to->vgic, bad.at, bad.size, NULL);
		save(to, &after);
		if (result == 0)
			taken++, was = bad;
		else
			refused++;
		assert_same(&was, &after);
		bad.at[bit / 8] ^= 1u << bit % 8;
	}
	/* Of 20 bytes an interrupt, at least enabled, group, latch and 5 bits of priority are free. */
	assert_true(taken > 7 * 96);
	assert_true(refused > taken);
	/* It is in order. */
	assert_int_equal(vgic_restore(to->vgic, good.at, good.size, NULL), 0);
	load_all(to);
	assert_int_equal(any_ack(to, &to->vcpus[0]), 41);
	machine_free(to);
	machine_free(m);
}

static void every_bit_matters(void **state)
{
	for (unsigned lrs = 0; lrs < LRS; lrs += 2)
		every_bit(VERSION(state), lrs);
}

static uint32_t random_bits(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/* Everything that a record may have, at random, so that much of it is taken. */
static void nonsense(struct state *s, const struct machine *m, uint32_t *seed)
{
	for (unsigned i = 0; i < m->config.vcpus; i++) {
		size_t at = vcpu_at(i);

		set_field(s, at + 4, 1, random_bits(seed) & 0x13);
		set_field(s, at + 5, 1, random_bits(seed) & 2);
		set_field(s, at + 8, 4, random_bits(seed));
		set_field(s, at + 40, 4, random_bits(seed) & random_bits(seed));
	}
	for (virq_t virq = 32; virq < 64; virq++) {
		size_t at = irq_at(m, 0, virq);
		uint32_t flags = random_bits(seed) & 0xff;

		if (!(flags & FLAG_ACTIVE))
			flags &= ~(FLAG_ACK_GROUP1 | FLAG_DROPPED);
		set_field(s, at, 2, flags);
		set_field(s, at + 2, 1, random_bits(seed) & 0xf8);
		set_field(s, at + 3, 1, flags & FLAG_ACTIVE ? random_bits(seed) & 0xf8 : 0);
		set_field(s, at + 6, 2, flags & FLAG_ACTIVE ? random_bits(seed) & 1 : 0xffff);
	}
}

/* The guest of a state that makes no sense runs, and can put all of it in order. */
static void a_guest_of_nonsense_harms_only_itself(void **state)
{
	uint32_t seed = 20261121;

	for (unsigned n = 0; n < 200; n++) {
		struct machine *m = sample(VERSION(state), 4);
		struct machine *to = machine_bare(config_of(VERSION(state), 2, 32, n % LRS));
		struct state s, after;

		save(m, &s);
		nonsense(&s, m, &seed);
		assert_int_equal(vgic_restore(to->vgic, s.at, s.size, NULL), 0);
		save(to, &after);
		assert_same(&s, &after);
		load_all(to);
		for (unsigned i = 0; i < 40; i++) {
			struct vcpu *v = &to->vcpus[i % 2];
			virq_t virq = any_ack(to, v);

			if (virq < SPURIOUS)
				any_eoi(to, v, virq);
			else
				any_eoi(to, v, 32 + i % 32);
		}
		for (unsigned i = 0; i < 2; i++)
			for (virq_t virq = 0; virq < 64; virq += 32) {
				reg_write(to, i, virq, GICD_ICENABLER, 1, ~0u);
				reg_write(to, i, virq, GICD_ICACTIVER, 1, ~0u);
				assert_int_equal(reg_read(to, i, virq, GICD_ISACTIVER, 1), 0);
			}
		put_all(to);
		assert_false(vgic_pending(to->vgic, 0));
		assert_int_equal(vgic_restore(to->vgic, s.at, s.size, NULL), 0);
		machine_free(to);
		machine_free(m);
	}
}

static void not_while_a_vcpu_is_loaded(void **state)
{
	struct machine *m = sample(VERSION(state), 4);
	struct state s;
	const char *why;

	save(m, &s);
	for (unsigned i = 0; i < 2; i++) {
		m->vcpus[i].cpu = vgic_load(m->vgic, i);
		assert_int_equal(vgic_save(m->vgic, s.at, sizeof(s.at)), -VIRQ_ERR_BUSY);
		assert_int_equal(vgic_restore(m->vgic, s.at, s.size, &why), -VIRQ_ERR_BUSY);
		put_all(m);
	}
	assert_int_equal(vgic_save(m->vgic, s.at, s.size - 1), -VIRQ_ERR_MEMORY);
	assert_int_equal(vgic_save(m->vgic, s.at, s.size), s.size);
	machine_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(pending_ones_come_best_first_however_many),
		BOTH(actives_end_in_their_order),
		BOTH(dropped_ones_wait_for_their_deactivation),
		BOTH(ghosts_take_their_ends),
		BOTH(software_interface_tells_who_was_dropped),
		BOTH(software_interface_forgets_a_ghost_that_ended),
		cmocka_unit_test(sources_of_an_sgi_come_one_by_one),
		BOTH(active_ones_stay_where_they_are),
		BOTH(a_level_stays_high_until_it_is_told_low),
		BOTH(mapped_ones_are_kept_from_firing),
		BOTH(registers_read_as_they_were_written),
		BOTH(cpu_interface_registers_are_kept),
		cmocka_unit_test(a_sleeping_redistributor_sleeps_on),
		cmocka_unit_test(extended_interrupts_and_all_priorities_move),
		BOTH(idle_guests_look_alike_whatever_they_did),
		BOTH(what_it_had_is_gone),
		BOTH(deactivation_from_elsewhere_still_traps),
		cmocka_unit_test(what_is_shared_is_so_before_its_vcpu_is_loaded),
		BOTH(the_format_is_as_written),
		BOTH(refused_are_other_configurations),
		BOTH(refused_is_what_is_cut_off),
		BOTH(refused_are_cpu_interfaces_that_cannot_be),
		BOTH(refused_are_interrupts_that_cannot_be),
		BOTH(every_bit_matters),
		BOTH(a_guest_of_nonsense_harms_only_itself),
		BOTH(not_while_a_vcpu_is_loaded),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
