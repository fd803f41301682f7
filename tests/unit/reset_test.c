/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * The VM's interrupt controller as a whole: reset, a mapping taken away, what the physical interrupts
 * are at put and load, and vgic_irq_info(). IHI 0069 12.9 and 12.11, IHI 0048 4.1.6 (reset values).
 */
#include <string.h>

#include "fixture.h"

#define NOBODY 0xffff

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

static void load(struct machine *m, unsigned vcpu)
{
	struct vcpu *v = &m->vcpus[vcpu];

	v->cpu = vgic_load(m->vgic, vcpu);
	assert_non_null(v->cpu);
}

static struct vgic_irq_info info_of(struct machine *m, unsigned vcpu, virq_t virq)
{
	struct vgic_irq_info info;

	memset(&info, 0xa5, sizeof(info));
	assert_int_equal(vgic_irq_info(m->vgic, vcpu, virq, &info), 0);
	return info;
}

/*
 * 40 is active by vCPU 1, 41 pending, and so are a PPI and an SGI; a level is high; 42 was cleared by
 * hand, and not ended.
 */
static struct machine *busy(struct vgic_config config)
{
	struct machine *m = machine_with(config);

	for (virq_t virq = 40; virq < 42; virq++) {
		set_edge(m, 0, virq, true);
		set_route(m, 0, virq, 1);
		set_priority(m, 0, virq, 0x20);
	}
	vgic_pulse(m->vgic, 0, 40);
	settle(m);
	assert_int_equal(ack(&m->vcpus[1]), 40);
	set_route(m, 0, 42, 1);
	set_edge(m, 0, 42, true);
	set_priority(m, 0, 42, 0x10);
	vgic_pulse(m->vgic, 0, 42);
	settle(m);
	assert_int_equal(ack(&m->vcpus[1]), 42);
	bit_write(m, 0, 42, GICD_ICACTIVER);
	settle(m);
	vgic_pulse(m->vgic, 0, 41);
	vgic_pulse(m->vgic, 1, 20);
	vgic_set_line(m->vgic, 0, 50, true);
	bit_write(m, 0, 51, GICD_ISACTIVER);
	send_sgi(m, 0, 1, 6);
	settle(m);
	return m;
}

/* --- Reset -------------------------------------------------------------------------------------- */

static void reset_is_as_at_first(void **state)
{
	for (unsigned lrs = 1; lrs < 5; lrs++) {
		struct vgic_config config = config_of(VERSION(state), 2, 40, lrs);
		struct machine *m = busy(config), *fresh = machine_bare(config);
		size_t size = vgic_save_size(m->vgic);
		char *was = malloc(size), *is = malloc(size);

		assert_int_equal(vgic_save(fresh->vgic, was, size), size);
		assert_int_equal(vgic_reset(m->vgic), -VIRQ_ERR_BUSY);
		put_all(m);
		assert_int_equal(vgic_save(m->vgic, is, size), size);
		assert_memory_not_equal(was, is, size);
		assert_int_equal(vgic_reset(m->vgic), 0);
		assert_int_equal(vgic_save(m->vgic, is, size), size);
		assert_memory_equal(was, is, size);
		assert_false(vgic_pending(m->vgic, 0));
		assert_false(vgic_pending(m->vgic, 1));
		free(is);
		free(was);
		machine_free(fresh);
		machine_free(m);
	}
}

/* A software CPU interface that came to its state by a restore. */
static void reset_of_a_software_interface(void **state)
{
	struct vgic_config config = config_of(VERSION(state), 2, 40, 4);
	struct machine *m = busy(config), *soft, *fresh;
	size_t size = vgic_save_size(m->vgic);
	char *was = malloc(size), *is = malloc(size);

	config.lrs = 0;
	soft = machine_bare(config);
	fresh = machine_bare(config);
	put_all(m);
	assert_int_equal(vgic_save(fresh->vgic, was, size), size);
	assert_int_equal(vgic_save(m->vgic, is, size), size);
	assert_int_equal(vgic_restore(soft->vgic, is, size, NULL), 0);
	assert_true(vgic_pending(soft->vgic, 0));
	assert_int_equal(vgic_reset(soft->vgic), 0);
	assert_int_equal(vgic_save(soft->vgic, is, size), size);
	assert_memory_equal(was, is, size);
	load(soft, 0);
	vgic_enter(soft->vcpus[0].cpu, NULL);
	assert_int_equal(vgic_signals(soft->vcpus[0].cpu), 0);
	free(is);
	free(was);
	machine_free(fresh);
	machine_free(soft);
	machine_free(m);
}

/* The architecture's values, read by the guest that starts then. */
static void reset_values_are_those_of_the_registers(void **state)
{
	bool v2 = VERSION(state) == VGIC_V2;
	struct machine *m = busy(config_of(VERSION(state), 2, 40, 4));

	put_all(m);
	assert_int_equal(vgic_reset(m->vgic), 0);
	for (unsigned i = 0; i < 2; i++) {
		struct vcpu *v = &m->vcpus[i];

		load(m, i);
		vgic_cpuif_restore(v->cpu, &v->image);
		assert_int_equal(v->image.vmcr & (3 | 0xffu << 24), 0);
		for (unsigned n = 0; n < 4; n++)
			assert_int_equal(v->image.ap0r[n] | v->image.ap1r[n], 0);
		vgic_enter(v->cpu, &v->image);
		assert_true(v->image.hcr_changed);
		assert_int_equal(v->image.changed, 15);
		assert_int_equal(v->image.live, 0);
		if (!v2)
			assert_int_equal(redist_read(m, i, GICR_WAKER, 4), 6);
	}
	assert_int_equal(dist_read(m, 0, GICD_CTLR, 4) & 3, 0);
	for (virq_t virq = 0; virq < 72; virq++) {
		assert_false(bit_read(m, 1, virq, GICD_ISENABLER));
		assert_false(bit_read(m, 1, virq, GICD_ISPENDR));
		assert_false(bit_read(m, 1, virq, GICD_ISACTIVER));
		assert_false(bit_read(m, 1, virq, GICD_IGROUPR));
		assert_int_equal(reg_read(m, 1, virq, GICD_IPRIORITYR, 8), 0);
	}
	if (v2)
		assert_int_equal(dist_read(m, 0, GICD_ITARGETSR + 40, 1), 0);
	else
		assert_int_equal(dist_read(m, 0, GICD_IROUTER + 8 * 40, 8), 0);
	assert_int_equal(reg_read(m, 0, 40, GICD_ICFGR, 2), 0);
	machine_free(m);
}

/* What the embedder tied stays tied, what it was active for does not. */
static void mappings_outlive_the_reset(void **state)
{
	struct machine *m = machine_of(VERSION(state), 2, 32, 4);
	struct vgic_stats before, after;
	struct vcpu *v = &m->vcpus[0];

	vgic_map_hwirq(m->vgic, 0, 27, (struct hwirq){ 27 }, VGIC_HWIRQ_LEVEL);
	vgic_map_hwirq(m->vgic, 0, 40, (struct hwirq){ 140 }, VGIC_HWIRQ_LEVEL);
	vgic_map_hwirq(m->vgic, 0, 41, (struct hwirq){ 141 }, 0);
	vgic_notify_end(m->vgic, 0, 42, true);
	set_edge(m, 0, 41, true);
	m->phys_active[27] = m->phys_active[140] = m->phys_active[141] = true;
	m->phys_line[27] = m->phys_line[140] = true;
	vgic_set_line(m->vgic, 0, 27, true);
	vgic_set_line(m->vgic, 0, 40, true);
	vgic_pulse(m->vgic, 0, 41);
	settle(m);
	assert_int_not_equal(ack(v), SPURIOUS);
	put_all(m);
	assert_true(m->phys_active[140]);
	assert_int_equal(vgic_stats(m->vgic, 0, &before), 0);
	m->routed_to = NOBODY;
	assert_int_equal(vgic_reset(m->vgic), 0);
	assert_false(m->phys_active[27]);
	assert_false(m->phys_active[140]);
	assert_false(m->phys_active[141]);
	assert_int_equal(m->routed_to, VERSION(state) == VGIC_V3 ? 0 : NOBODY);
	assert_int_equal(vgic_stats(m->vgic, 0, &after), 0);
	assert_int_equal(after.ppis + after.spis, before.ppis + before.spis);
	assert_true(after.ppis + after.spis >= 3);
	assert_int_equal(info_of(m, 0, 27).hwirq, 27);

	/* The guest starts once more. */
	load(m, 0);
	assert_false(m->phys_active[27]);
	vgic_cpuif_restore(v->cpu, &v->image);
	v->image.vmcr = VMCR_OPEN;
	vgic_enter(v->cpu, &v->image);
	if (VERSION(state) == VGIC_V3)
		redist_write(m, 0, GICR_WAKER, 0);
	for (virq_t virq = 0; virq < 64; virq++)
		init_irq(m, 0, virq);
	dist_write(m, 0, GICD_CTLR, 4, 3);
	vgic_pulse(m->vgic, 0, 42);
	vgic_set_line(m->vgic, 0, 40, true);
	m->phys_active[140] = true;
	settle(m);
	assert_true(lr_at(v, (unsigned)lr_of(v, 40)).hw);
	assert_int_equal(lr_at(v, (unsigned)lr_of(v, 40)).pintid, 140);
	m->phys_line[140] = false;
	for (unsigned n = 0; n < 2; n++) {
		virq_t virq = ack(v);

		assert_true(virq == 40 || virq == 42);
		eoi(m, v, virq);
		settle(m);
	}
	assert_false(m->phys_active[140]);
	assert_int_equal(m->ended[42], 1);
	machine_free(m);
}

/* A vCPU that deactivates for itself. */
static void deactivate_one(struct machine *m)
{
	send_sgi(m, 0, 0, 3);
	settle(m);
	assert_int_equal(ack(&m->vcpus[0]), 3);
	drop(&m->vcpus[0]);
	dir(m, 0, 3);
	settle(m);
}

/* ICC_DIR_EL1 is as untrusted as at first, by whoever shared before. */
static void reset_forgets_who_shared(void **state)
{
	struct machine *m = machine_new(2, 32, 4);

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		m->vcpus[i].image.vmcr |= VMCR_VEOIM;
		vgic_maintenance(m->vcpus[i].cpu);
	}
	settle(m);
	for (unsigned n = 0; n < 8; n++)
		deactivate_one(m);
	assert_false(m->vcpus[0].image.hcr & HCR_TDIR);
	set_edge(m, 0, 40, true);
	vgic_pulse(m->vgic, 0, 40);
	bit_write(m, 0, 41, GICD_ISACTIVER);
	settle(m);
	assert_int_equal(ack(&m->vcpus[0]), 40);
	put_all(m);
	assert_int_equal(vgic_reset(m->vgic), 0);
	for (unsigned i = 0; i < 2; i++) {
		struct vcpu *v = &m->vcpus[i];

		load(m, i);
		vgic_cpuif_restore(v->cpu, &v->image);
		v->image.vmcr = VMCR_OPEN | VMCR_VEOIM;
		memset(v->running, 0, sizeof(v->running));
		vgic_enter(v->cpu, &v->image);
		assert_true(v->image.hcr & HCR_TDIR);
		redist_write(m, i, GICR_WAKER, 0);
		for (virq_t virq = 0; virq < 32; virq++)
			init_irq(m, i, virq);
		vgic_maintenance(v->cpu);
		settle(m);
	}
	dist_write(m, 0, GICD_CTLR, 4, 3);
	/* Nobody shares any more: a vCPU that deactivates for itself comes to run free. */
	deactivate_one(m);
	assert_true(m->vcpus[0].image.hcr & HCR_TDIR);
	for (unsigned n = 0; n < 8; n++)
		deactivate_one(m);
	assert_false(m->vcpus[0].image.hcr & HCR_TDIR);
	machine_free(m);
}

/* --- A mapping taken away ------------------------------------------------------------------------ */

static void unmapped_is_the_hosts_again(void **state)
{
	struct machine *m = machine_of(VERSION(state), 2, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	assert_int_equal(vgic_unmap_hwirq(m->vgic, 0, 40), -VIRQ_ERR_BUSY);
	vgic_map_hwirq(m->vgic, 0, 40, (struct hwirq){ 140 }, VGIC_HWIRQ_LEVEL);
	vgic_map_hwirq(m->vgic, 0, 41, (struct hwirq){ 141 }, VGIC_HWIRQ_LEVEL | VGIC_HWIRQ_SOFT);
	m->phys_active[140] = m->phys_active[141] = m->phys_line[140] = m->phys_line[141] = true;
	vgic_set_line(m->vgic, 0, 40, true);
	settle(m);
	assert_int_equal(ack(v), 40);
	set_edge(m, 0, 41, true);
	vgic_set_line(m->vgic, 0, 41, true);
	bit_write(m, 0, 41, GICD_ISPENDR);
	settle(m);
	put_all(m);
	assert_int_equal(vgic_unmap_hwirq(m->vgic, 0, 42), -VIRQ_ERR_KIND);
	assert_int_equal(vgic_unmap_hwirq(m->vgic, 0, 5), -VIRQ_ERR_KIND);
	assert_int_equal(vgic_unmap_hwirq(m->vgic, 0, 64), -VIRQ_ERR_RANGE);
	assert_int_equal(vgic_unmap_hwirq(m->vgic, 2, 27), -VIRQ_ERR_RANGE);
	assert_int_equal(vgic_unmap_hwirq(m->vgic, 0, 40), 0);
	assert_int_equal(vgic_unmap_hwirq(m->vgic, 0, 40), -VIRQ_ERR_KIND);
	assert_int_equal(vgic_unmap_hwirq(m->vgic, 0, 41), 0);
	assert_false(m->phys_active[140]);
	assert_false(m->phys_active[141]);
	/* Its configuration stays, its active state, and what was pending by hand. */
	assert_true(info_of(m, 0, 40).active);
	assert_true(info_of(m, 0, 40).enabled);
	assert_int_equal(info_of(m, 0, 40).hwirq, 0);
	assert_int_equal(info_of(m, 0, 40).priority, 0xa0);
	assert_false(info_of(m, 0, 41).line);
	assert_true(info_of(m, 0, 41).pending);
	load(m, 0);
	vgic_cpuif_restore(v->cpu, &v->image);
	vgic_enter(v->cpu, &v->image);
	assert_false(lr_at(v, (unsigned)lr_of(v, 40)).hw);
	m->phys_active[140] = m->phys_active[141] = true; /* the host's */
	v->image.ap1r[0] |= v->image.ap0r[0];
	eoi(m, v, 40);
	settle(m);
	assert_false(lr_at(v, (unsigned)lr_of(v, 41)).hw);
	assert_false(lr_at(v, (unsigned)lr_of(v, 41)).eoi); /* there is nobody to tell */
	assert_int_equal(ack(v), 41);
	eoi(m, v, 41);
	settle(m);
	assert_int_equal(ack(v), SPURIOUS);
	assert_true(m->phys_active[140]);
	assert_true(m->phys_active[141]);
	put_all(m);
	assert_int_equal(vgic_map_hwirq(m->vgic, 0, 40, (struct hwirq){ 150 }, 0), 0);
	machine_free(m);
}

static void unmapped_line_withdraws_what_was_pending(void **state)
{
	struct machine *m = machine_of(VERSION(state), 2, 32, 4);

	vgic_map_hwirq(m->vgic, 1, 27, (struct hwirq){ 27 }, VGIC_HWIRQ_LEVEL);
	m->phys_active[27] = m->phys_line[27] = true;
	vgic_set_line(m->vgic, 1, 27, true);
	settle(m);
	put_all(m);
	assert_true(vgic_pending(m->vgic, 1));
	assert_int_equal(vgic_unmap_hwirq(m->vgic, 0, 27), -VIRQ_ERR_KIND); /* the other one's */
	assert_int_equal(vgic_unmap_hwirq(m->vgic, 1, 27), 0);
	assert_false(vgic_pending(m->vgic, 1));
	m->phys_active[27] = true; /* another VM's, or the host's */
	load(m, 1);
	bit_write(m, 1, 27, GICD_ISACTIVER);
	put_all(m);
	load(m, 1);
	assert_false(m->phys_active[0]);
	put_all(m);
	assert_true(m->phys_active[27]);
	machine_free(m);
}

/* --- Put and load: what private physical interrupts are ------------------------------------------ */

static unsigned calls;

static void count_set_active(void *host, unsigned vcpu, struct hwirq irq, bool active)
{
	calls++;
	fake_set_active(host, vcpu, irq, active);
}

/* The last ones of each word in which they are noted; EPPIs have physical ones of their own. */
static void put_and_load_touch_only_what_is_due(void **state)
{
	static const struct vgic_port port = {
		.kick = fake_kick,
		.hwirq_set_active = count_set_active,
		.hwirq_clear_pending = fake_clear_pending,
		.hwirq_line = fake_line,
		.hwirq_route = fake_route,
		.ended = fake_ended,
	};
	static const virq_t virqs[] = { 16, 31, 1056, 1087, 1088, 1119 };
	struct vgic_config config = config_of(VGIC_V3, 2, 32, 4);
	struct machine *m;

	(void)state;
	config.eppis = 64;
	m = machine_bare(config);
	assert_int_equal(vgic_init(&m->vgic, m->memory, vgic_size(&config), &config, &port, m), 0);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(vgic_map_hwirq(m->vgic, 1, virqs[i], (struct hwirq){ 20 + i },
						VGIC_HWIRQ_LEVEL),
				 0);
	calls = 0;
	load(m, 1);
	put_all(m);
	assert_int_equal(calls, 0);
	for (unsigned i = 0; i < 6; i++) {
		load(m, 1);
		m->phys_active[20 + i] = m->phys_line[20 + i] = true;
		vgic_set_line(m->vgic, 1, virqs[i], true); /* disabled: pending, and not taken */
		calls = 0;
		put_all(m);
		assert_int_equal(calls, i + 1);
		assert_false(m->phys_active[20 + i]);
		load(m, 0);
		assert_int_equal(calls, i + 1);
		load(m, 1);
		assert_int_equal(calls, 2 * i + 2);
		for (unsigned n = 0; n < 6; n++)
			assert_int_equal(m->phys_active[20 + n], n <= i);
		put_all(m);
	}
	machine_free(m);
}

/*
 * The host tells the line of an edge, the guest has it as a level, and changes its mind: no more of it is
 * due, and it is active. Put does not leave that to the next vCPU.
 */
static void put_leaves_nothing_active_when_guest_and_host_disagree(void **state)
{
	struct machine *m = machine_of(VERSION(state), 1, 32, 4);

	vgic_map_hwirq(m->vgic, 0, 27, (struct hwirq){ 27 }, 0);
	bit_write(m, 0, 27, GICD_ICENABLER);
	m->phys_active[27] = true;
	vgic_set_line(m->vgic, 0, 27, true);
	settle(m);
	set_edge(m, 0, 27, true);
	put_all(m);
	assert_false(m->phys_active[27]);
	machine_free(m);
}

/* Another vCPU clears its pending state between this one's exit and put. */
static void put_serves_what_came_in_late(void **state)
{
	struct machine *m = machine_of(VGIC_V3, 2, 32, 4);
	struct vcpu *v = &m->vcpus[1];

	(void)state;
	vgic_map_hwirq(m->vgic, 1, 27, (struct hwirq){ 27 }, 0);
	set_edge(m, 1, 27, true);
	bit_write(m, 1, 27, GICD_ICENABLER);
	m->phys_active[27] = true;
	vgic_pulse(m->vgic, 1, 27);
	settle(m);
	leave(v);
	assert_int_equal(vgic_redist_write(m->vcpus[0].cpu,
					   VGIC_REDIST_STRIDE + GICR_SGI + GICD_ICPENDR, 4,
					   1u << 27),
			 VGIC_DONE);
	assert_true(m->phys_active[27]);
	vgic_put(v->cpu, &v->image);
	assert_false(m->phys_active[27]);
	load(m, 1);
	assert_false(m->phys_active[27]);
	machine_free(m);
}

/* --- Looking in --------------------------------------------------------------------------------- */

static void info_follows_an_interrupt(void **state)
{
	bool v2 = VERSION(state) == VGIC_V2;
	struct machine *m = machine_of(VERSION(state), 2, 32, 4);
	struct vcpu *v = &m->vcpus[1];
	struct vgic_irq_info info;

	set_edge(m, 0, 40, true);
	set_priority(m, 0, 40, 0x58);
	set_route(m, 0, 40, 1);
	info = info_of(m, 0, 40);
	assert_int_equal(info.route, v2 ? 2 : 1);
	assert_int_equal(info.target, 1);
	assert_int_equal(info.holder, NOBODY);
	assert_int_equal(info.hwirq, 0);
	assert_int_equal(info.priority, 0x58);
	assert_int_equal(info.group, 1);
	assert_true(info.enabled);
	assert_false(info.pending || info.active || info.level || info.line || info.live);

	leave(v);
	vgic_pulse(m->vgic, 0, 40);
	info = info_of(m, 0, 40);
	assert_true(info.pending);
	assert_false(info.live);
	settle(m);
	info = info_of(m, 0, 40);
	assert_true(info.pending && info.live);
	assert_int_equal(info.holder, 1);
	bit_write(m, 0, 40, GICD_ICPENDR); /* vCPU 1 has not looked */
	info = info_of(m, 0, 40);
	assert_true(info.live);
	assert_false(info.pending);
	settle(m);
	vgic_pulse(m->vgic, 0, 40);
	settle(m);
	assert_int_equal(ack(v), 40);
	leave(v);
	info = info_of(m, 0, 40);
	assert_true(info.active);
	assert_false(info.pending || info.live);
	assert_int_equal(info.holder, 1);

	vgic_map_hwirq(m->vgic, 0, 41, (struct hwirq){ 141 }, VGIC_HWIRQ_LEVEL);
	bit_write(m, 0, 41, GICD_ICENABLER);
	reg_write(m, 0, 41, GICD_IGROUPR, 1, 0);
	vgic_set_line(m->vgic, 0, 41, true);
	info = info_of(m, 7, 41); /* any vCPU will do */
	assert_int_equal(info.hwirq, 141);
	assert_int_equal(info.group, 0);
	assert_true(info.level && info.line && info.pending);
	assert_false(info.enabled);
	if (v2)
		dist_write(m, 0, GICD_ITARGETSR + 42, 1, 0);
	else
		dist_write(m, 0, GICD_IROUTER + 8 * 42, 8, 0x12345);
	assert_int_equal(info_of(m, 0, 42).target, NOBODY);
	assert_int_equal(info_of(m, 0, 42).route, v2 ? 0 : 0x12345);
	machine_free(m);
}

static void info_of_private_ones_is_each_vcpus(void **state)
{
	struct vgic_config config = config_of(VGIC_V3, 2, 32, 4);
	struct machine *m;
	struct vgic_irq_info info;

	(void)state;
	config.eppis = 32;
	config.espis = 32;
	m = machine_with(config);
	set_priority(m, 1, 5, 0x10);
	set_priority(m, 1, 1087, 0x18);
	set_priority(m, 0, 4127, 0x28);
	assert_int_equal(info_of(m, 1, 5).priority, 0x10);
	assert_int_equal(info_of(m, 0, 5).priority, 0xa0);
	assert_int_equal(info_of(m, 1, 5).target, 1);
	assert_int_equal(info_of(m, 1, 1087).priority, 0x18);
	assert_int_equal(info_of(m, 99, 4127).priority, 0x28);
	assert_int_equal(vgic_irq_info(m->vgic, 2, 5, &info), -VIRQ_ERR_RANGE);
	assert_int_equal(vgic_irq_info(m->vgic, 2, 1056, &info), -VIRQ_ERR_RANGE);
	assert_int_equal(vgic_irq_info(m->vgic, 0, 64, &info), -VIRQ_ERR_RANGE);
	assert_int_equal(vgic_irq_info(m->vgic, 0, 1020, &info), -VIRQ_ERR_RANGE);
	assert_int_equal(vgic_irq_info(m->vgic, 0, 1088, &info), -VIRQ_ERR_RANGE);
	assert_int_equal(vgic_irq_info(m->vgic, 0, 4128, &info), -VIRQ_ERR_RANGE);
	assert_int_equal(vgic_irq_info(m->vgic, 0, ~0u, &info), -VIRQ_ERR_RANGE);
	machine_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(reset_is_as_at_first),
		BOTH(reset_of_a_software_interface),
		BOTH(reset_values_are_those_of_the_registers),
		BOTH(mappings_outlive_the_reset),
		cmocka_unit_test(reset_forgets_who_shared),
		BOTH(unmapped_is_the_hosts_again),
		BOTH(unmapped_line_withdraws_what_was_pending),
		cmocka_unit_test(put_and_load_touch_only_what_is_due),
		BOTH(put_leaves_nothing_active_when_guest_and_host_disagree),
		cmocka_unit_test(put_serves_what_came_in_late),
		BOTH(info_follows_an_interrupt),
		cmocka_unit_test(info_of_private_ones_is_each_vcpus),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("reset", tests, NULL, NULL);
}
