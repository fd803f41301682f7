/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Rules of the architecture (IHI 0069) and of vgic.h that no other fast test holds: each of these
 * fails with a change of the library that everything else let through (tests/model/mutate).
 */
#include <string.h>

#include "fixture.h"

/* Is this refused, and is `what` the reason? */
static void refused(struct vgic_config config, const char *what)
{
	const char *why = NULL;

	assert_int_equal(vgic_check(&config, &why), -VIRQ_ERR_CONFIG);
	assert_non_null(why);
	assert_non_null(strstr(why, what));
}

static void priority_bits_are_5_to_8(void **state)
{
	struct vgic_config config = config_of(VGIC_V3, 1, 32, 4);

	(void)state;
	for (unsigned bits = 5; bits <= 8; bits++) {
		config.priority_bits = (uint8_t)bits;
		assert_int_equal(vgic_check(&config, NULL), 0);
	}
	config.priority_bits = 4;
	refused(config, "priority_bits is not 5 to 8");
	config.priority_bits = 9;
	refused(config, "priority_bits is not 5 to 8");
}

/* vgic.h: "What the image holds in vmcr and ap*r is kept for vgic_pending()." */
static void put_keeps_what_the_interface_had_then(void **state)
{
	struct machine *m = machine_new(1, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	leave(v);
	vgic_put(v->cpu, &v->image);
	v->image.vmcr = 0; /* the embedder's again, for another vCPU perhaps */
	v->image.ap1r[0] = 1;
	vgic_pulse(m->vgic, 0, 40);
	assert_true(vgic_pending(m->vgic, 0));
	machine_free(m);
}

/* docs/design.md: no exit that the hardware does not force. */
static void ended_interrupt_is_nobodys(void **state)
{
	struct machine *m = machine_new(2, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	vgic_pulse(m->vgic, 0, 40);
	enter(v);
	assert_int_equal(ack(v), 40);
	eoi(m, v, 40);
	leave(v);
	vgic_enter(v->cpu, &v->image);
	m->kicks[0] = 0;
	dist_write(m, 1, GICD_IROUTER + 8 * 40, 8, 1);
	vgic_pulse(m->vgic, 0, 40);
	assert_int_equal(m->kicks[0], 0);
	assert_false(vgic_attention(v->cpu));
	enter(&m->vcpus[1]);
	assert_int_equal(ack(&m->vcpus[1]), 40);
	machine_free(m);
}

static void refill_writes_only_what_changed(void **state)
{
	struct machine *m = machine_new(1, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	leave(v);
	vgic_cpuif_reset(v->cpu, &v->image);
	v->image.vmcr = VMCR_OPEN;
	leave(v);
	vgic_enter(v->cpu, &v->image);
	assert_true(v->image.hcr_changed);
	vgic_pulse(m->vgic, 0, 40);
	assert_true(vgic_refill(v->cpu, &v->image, empty_lrs(v)));
	assert_false(v->image.hcr_changed);
	assert_int_equal(v->image.changed, 1);
	machine_free(m);
}

static uint64_t sysreg_read(struct vcpu *v, uint32_t reg)
{
	uint64_t value;

	assert_int_equal(vgic_sysreg_read(v->cpu, reg, &value), VGIC_DONE);
	return value;
}

static void sysreg_write(struct vcpu *v, uint32_t reg, uint64_t value)
{
	assert_int_equal(vgic_sysreg_write(v->cpu, reg, value), VGIC_DONE);
}

/* One vCPU with a software CPU interface that is open. */
static struct machine *machine_without_lrs(void)
{
	struct machine *m = machine_new(1, 32, 0);
	struct vcpu *v = &m->vcpus[0];

	sysreg_write(v, VGIC_ICC_PMR_EL1, 0xf0);
	sysreg_write(v, VGIC_ICC_IGRPEN1_EL1, 1);
	leave(v);
	vgic_enter(v->cpu, &v->image);
	return m;
}

/* IHI 0069 4.8: an end of interrupt drops the running priority, if there is one. */
static void end_with_nothing_running_has_no_effect(void **state)
{
	struct machine *m = machine_without_lrs();
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	vgic_pulse(m->vgic, 0, 40);
	sysreg_write(v, VGIC_ICC_EOIR1_EL1, 40);
	assert_int_equal(sysreg_read(v, VGIC_ICC_RPR_EL1), 0xff);
	assert_int_equal(sysreg_read(v, VGIC_ICC_IAR1_EL1), 40);
	assert_int_equal(sysreg_read(v, VGIC_ICC_RPR_EL1), 0xa0);
	sysreg_write(v, VGIC_ICC_EOIR1_EL1, 40);
	assert_int_equal(sysreg_read(v, VGIC_ICC_RPR_EL1), 0xff);
	machine_free(m);
}

/* IHI 0069 4.1: SGIs are edge-triggered; what else there is comes up as level-sensitive. */
static void only_sgis_reset_as_edge_triggered(void **state)
{
	struct machine *m = machine_bare(config_of(VGIC_V3, 1, 32, 4));
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	v->cpu = vgic_load(m->vgic, 0);
	assert_int_equal(redist_read(m, 0, GICR_SGI + GICD_ICFGR, 4), 0xaaaaaaaa);
	assert_int_equal(redist_read(m, 0, GICR_SGI + GICD_ICFGR + 4, 4), 0);
	assert_int_equal(dist_read(m, 0, GICD_ICFGR + 8, 4), 0);
	assert_int_equal(dist_read(m, 0, GICD_ICFGR + 12, 4), 0);
	machine_free(m);
}

/* The same on both kinds of interface: ICV_EOIR1_EL1 finds no active priority to drop. */
static void end_that_drops_no_priority_deactivates_nothing(void **state)
{
	struct machine *m = machine_without_lrs();

	(void)state;
	bit_write(m, 0, 40, GICD_ISACTIVER);
	sysreg_write(&m->vcpus[0], VGIC_ICC_EOIR1_EL1, 40);
	assert_true(bit_read(m, 0, 40, GICD_ISACTIVER));
	machine_free(m);
}

/*
 * The guest ended it, the line rose again, and the host took that; then it fell before the guest was
 * stopped: nothing is left to deliver, and the next rise has to be seen.
 */
static void level_that_rose_after_its_end_and_fell_can_fire_again(void **state)
{
	struct machine *m = machine_new(1, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	vgic_map_hwirq(m->vgic, 0, 40, (struct hwirq){ 40 }, VGIC_HWIRQ_LEVEL);
	m->phys_active[40] = m->phys_line[40] = true;
	vgic_set_line(m->vgic, 0, 40, true);
	enter(v);
	assert_int_equal(ack(v), 40);
	eoi(m, v, 40);
	assert_false(m->phys_active[40]);
	m->phys_active[40] = true;
	vgic_set_line(m->vgic, 0, 40, true);
	m->phys_line[40] = false;
	leave(v);
	assert_false(m->phys_active[40]);
	vgic_enter(v->cpu, &v->image);
	assert_int_equal(ack(v), SPURIOUS);
	machine_free(m);
}

/* docs/design.md: no exit that the hardware does not force. */
static void same_group_enables_again_stop_nobody(void **state)
{
	struct machine *m = machine_new(2, 32, 4);

	(void)state;
	dist_write(m, 0, GICD_CTLR, 4, 3);
	assert_int_equal(m->kicks[1], 0);
	assert_false(vgic_attention(m->vcpus[1].cpu));
	machine_free(m);
}

/* IHI 0048 3.2: of an SGI's sources each is an interrupt of its own; SGI 0 is one, too. */
static void sources_of_any_sgi_are_not_overtaken(void **state)
{
	(void)state;
	for (unsigned sgi = 0; sgi < 16; sgi++) {
		struct machine *m = machine_of(VGIC_V2, 3, 32, 4);
		struct vcpu *v = &m->vcpus[0];

		set_priority(m, 0, 40, 0xb0);
		for (unsigned from = 1; from < 3; from++)
			dist_write(m, from, GICD_SGIR, 4, 1u << 16 | sgi);
		vgic_pulse(m->vgic, 0, 40);
		settle(m);
		for (unsigned from = 1; from < 3; from++) {
			assert_int_equal(ack(v), sgi | from << 10);
			eoi(m, v, sgi | from << 10);
			if (from == 1) /* in the guest's next instruction */
				assert_int_equal(ack(v), SPURIOUS);
			settle(m);
		}
		assert_int_equal(ack(v), 40);
		machine_free(m);
	}
}

/* The best of three active ones is cleared by hand; its end is counted, and is not that of the others. */
static void end_of_a_cleared_active_of_priority_0_ends_no_other(void **state)
{
	static const unsigned priorities[] = { 0xa0, 0x80, 0 };
	struct machine *m = machine_new(1, 64, 1);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		set_priority(m, 0, 40 + i, priorities[i]);
		vgic_pulse(m->vgic, 0, 40 + i);
		pass(v);
		assert_int_equal(ack(v), 40 + i);
	}
	bit_write(m, 0, 42, GICD_ICACTIVER);
	eoi(m, v, 42);
	pass(v);
	assert_int_equal(dist_read(m, 0, GICD_ISACTIVER + 4, 4), 3u << 8);
	eoi(m, v, 41);
	pass(v);
	assert_int_equal(dist_read(m, 0, GICD_ISACTIVER + 4, 4), 1u << 8);
	machine_free(m);
}

/* A read that waits is forgotten when its vCPU is put away: the next one asks anew. */
static void read_after_a_put_asks_again(void **state)
{
	struct machine *m = machine_new(2, 32, 4);
	struct vcpu *reader = &m->vcpus[0], *v = &m->vcpus[1];
	uint64_t value;

	(void)state;
	set_route(m, 0, 40, 1);
	vgic_pulse(m->vgic, 0, 40);
	enter(v);
	assert_int_equal(vgic_dist_read(reader->cpu, GICD_ISACTIVER + 4, 4, &value), VGIC_AGAIN);
	leave(reader);
	vgic_put(reader->cpu, &reader->image);
	enter(v);
	assert_int_equal(ack(v), 40);
	reader->cpu = vgic_load(m->vgic, 0);
	assert_true(bit_read(m, 0, 40, GICD_ISACTIVER));
	machine_free(m);
}

/*
 * The list register's HW bit deactivated it; what fires after that is the host's to tell, and its
 * active state is left alone until then.
 */
static void physical_one_that_fired_again_stays_active(void **state)
{
	struct machine *m = machine_new(1, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	set_edge(m, 0, 40, true);
	vgic_map_hwirq(m->vgic, 0, 40, (struct hwirq){ 40 }, 0);
	m->phys_active[40] = true;
	vgic_pulse(m->vgic, 0, 40);
	enter(v);
	assert_int_equal(ack(v), 40);
	eoi(m, v, 40);
	assert_false(m->phys_active[40]);
	m->phys_active[40] = true; /* another CPU takes it, and is about to say so */
	set_priority(m, 0, 40, 0x80);
	assert_true(m->phys_active[40]);
	vgic_pulse(m->vgic, 0, 40);
	enter(v);
	assert_int_equal(ack(v), 40);
	eoi(m, v, 40);
	assert_false(m->phys_active[40]);
	machine_free(m);
}

/* A list register had an interrupt whose end was asked for; those after it are not asked about. */
static void list_register_forgets_what_it_watched(void **state)
{
	struct machine *m = machine_new(1, 32, 2);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	vgic_map_hwirq(m->vgic, 0, 40, (struct hwirq){ 40 }, 0);
	set_edge(m, 0, 40, true);
	set_priority(m, 0, 38, 0x80);
	vgic_set_line(m->vgic, 0, 39, true);
	enter(v);
	assert_true(lr_at(v, 0).eoi);
	assert_int_equal(ack(v), 39);
	vgic_set_line(m->vgic, 0, 39, false);
	eoi(m, v, 39);
	pass(v);
	leave(v);
	m->phys_active[40] = true;
	vgic_pulse(m->vgic, 0, 40);
	vgic_pulse(m->vgic, 0, 38);
	vgic_enter(v->cpu, &v->image);
	assert_int_equal(lr_of(v, 38), 0);
	assert_int_equal(lr_of(v, 40), 1);
	for (virq_t virq = 38; virq <= 40; virq += 2) {
		assert_int_equal(ack(v), virq);
		eoi(m, v, virq);
	}
	m->phys_active[40] = true; /* again, and the host is about to say so */
	leave(v);
	assert_true(m->phys_active[40]);
	machine_free(m);
}

/* IHI 0048 4.3.17: the last pending source is cleared, and the SGI is not pending any more. */
static void cpendsgir_takes_the_wake_up_back(void **state)
{
	struct machine *m = machine_of(VGIC_V2, 2, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	dist_write(m, 1, GICD_SGIR, 4, 1u << 16 | 5);
	enter(v);
	leave(v);
	assert_true(vgic_pending(m->vgic, 0));
	assert_int_equal(vgic_dist_write(v->cpu, GICD_CPENDSGIR + 5, 1, 1u << 1), VGIC_DONE);
	assert_false(vgic_pending(m->vgic, 0));
	machine_free(m);
}

/* lib/vgic/dir.c: a few deactivations in a row, and it traps no more; each counts once it is done. */
static void deactivation_that_need_not_wait_counts(void **state)
{
	struct machine *m = machine_new(2, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		m->vcpus[i].image.vmcr |= VMCR_VEOIM;
		leave(&m->vcpus[i]);
		vgic_enter(m->vcpus[i].cpu, &m->vcpus[i].image);
	}
	for (unsigned i = 0; i < 4; i++) {
		assert_true(v->image.hcr & HCR_TDIR);
		vgic_pulse(m->vgic, 0, 20);
		enter(v);
		assert_int_equal(ack(v), 20);
		drop(v);
		leave(v);
		assert_int_equal(vgic_sysreg_write(v->cpu, VGIC_ICC_DIR_EL1, 20), VGIC_DONE);
		settle(m);
	}
	assert_false(v->image.hcr & HCR_TDIR);
	machine_free(m);
}

static void route_of_a_mapped_interrupt_is_told_by_a_gicv2(void **state)
{
	struct machine *m = machine_of(VGIC_V2, 2, 32, 4);

	(void)state;
	vgic_map_hwirq(m->vgic, 0, 40, (struct hwirq){ 40 }, 0);
	set_route(m, 0, 40, 1);
	assert_int_equal(m->routed_to, 1);
	set_route(m, 0, 40, 0);
	assert_int_equal(m->routed_to, 0);
	machine_free(m);
}

/* Routed to another vCPU and pending again while it was active: that one is told by the end itself. */
static void end_without_list_registers_tells_the_next_target(void **state)
{
	struct machine *m = machine_new(2, 32, 0);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		sysreg_write(&m->vcpus[i], VGIC_ICC_PMR_EL1, 0xf0);
		sysreg_write(&m->vcpus[i], VGIC_ICC_IGRPEN1_EL1, 1);
		leave(&m->vcpus[i]);
		vgic_enter(m->vcpus[i].cpu, &m->vcpus[i].image);
	}
	vgic_pulse(m->vgic, 0, 40);
	assert_int_equal(sysreg_read(v, VGIC_ICC_IAR1_EL1), 40);
	vgic_pulse(m->vgic, 0, 40);
	set_route(m, 0, 40, 1);
	assert_int_equal(vgic_signals(m->vcpus[1].cpu), 0);
	m->kicks[1] = 0;
	sysreg_write(v, VGIC_ICC_EOIR1_EL1, 40);
	assert_int_equal(m->kicks[1], 1);
	assert_int_equal(sysreg_read(&m->vcpus[1], VGIC_ICC_IAR1_EL1), 40);
	machine_free(m);
}

/* IHI 0069 12.1.3, IHI 0048 4.1.4: words; bytes for priorities, and a GICv2's targets, alone. */
static void registers_of_bits_take_words_only(void **state)
{
	static const uint32_t regs[] = { GICD_IGROUPR,   GICD_ISENABLER, GICD_ICENABLER,
					 GICD_ISPENDR,   GICD_ICPENDR,   GICD_ISACTIVER,
					 GICD_ICACTIVER, GICD_ICFGR + 4 };
	static const unsigned widths[] = { 1, 2, 8 };
	struct machine *m = machine_of(VERSION(state), 1, 32, 4);
	struct vgic_cpu *cpu = m->vcpus[0].cpu;
	struct vgic_stats before, after;
	uint64_t value;
	unsigned tried = 0;

	bit_write(m, 0, 32, GICD_ISPENDR);
	bit_write(m, 0, 33, GICD_ISACTIVER);
	leave(&m->vcpus[0]);
	vgic_stats(m->vgic, 0, &before);
	for (unsigned i = 0; i < 8; i++) {
		uint32_t spis = regs[i] + 4;
		uint64_t was, is;

		assert_int_equal(vgic_dist_read(cpu, spis, 4, &was), VGIC_DONE);
		for (unsigned w = 0; w < 3; w++, tried += 2) {
			assert_int_equal(vgic_dist_write(cpu, spis, widths[w], ~was), VGIC_DONE);
			assert_int_equal(vgic_dist_read(cpu, spis, widths[w], &value), VGIC_DONE);
			assert_int_equal(value, 0);
		}
		assert_int_equal(vgic_dist_read(cpu, spis, 4, &is), VGIC_DONE);
		assert_int_equal(is, was);
	}
	vgic_stats(m->vgic, 0, &after);
	assert_int_equal(after.guest_errors - before.guest_errors, tried);
	machine_free(m);
}

/* vgic.h: the short way; docs/design.md: NPIE alone, and ended registers take the next ones. */
static void refill_goes_on_when_the_pending_ones_are_used_up(void **state)
{
	struct machine *m = machine_new(1, 32, 1);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	for (virq_t virq = 40; virq < 42; virq++) {
		set_edge(m, 0, virq, true);
		vgic_pulse(m->vgic, 0, virq);
	}
	leave(v);
	vgic_enter(v->cpu, &v->image);
	assert_true(v->image.hcr & HCR_NPIE);
	assert_int_equal(ack(v), 40);
	eoi(m, v, 40);
	assert_true(maintenance(v));
	vgic_maintenance(v->cpu);
	assert_true(vgic_refill(v->cpu, &v->image, empty_lrs(v)));
	assert_int_equal(v->image.changed, 1);
	assert_true(v->image.hcr_changed);
	assert_false(v->image.hcr & HCR_NPIE);
	assert_false(vgic_attention(v->cpu));
	assert_int_equal(ack(v), 41);
	machine_free(m);
}

/* IHI 0048 4.4.4, 4.4.7: 1022 while the best one is of group 1, and AckCtl is 0; however new it is. */
static void gicc_iar_and_hppir_know_what_has_just_come_in(void **state)
{
	(void)state;
	for (uint32_t offset = 0x0c; offset <= 0x18; offset += 0xc) {
		struct machine *m = machine_of(VGIC_V2, 1, 32, 0);
		struct vgic_cpu *cpu = m->vcpus[0].cpu;
		uint64_t value;

		assert_int_equal(vgic_cpuif_write(cpu, 0x4, 4, 0xf0), VGIC_DONE); /* GICC_PMR */
		assert_int_equal(vgic_cpuif_write(cpu, 0x0, 4, 3), VGIC_DONE);    /* GICC_CTLR */
		vgic_signals(cpu);
		vgic_pulse(m->vgic, 0, 40);
		assert_int_equal(vgic_cpuif_read(cpu, offset, 4, &value), VGIC_DONE);
		assert_int_equal(value, 1022);
		machine_free(m);
	}
}

/* Messages may have 16 bits, GICD_CTLR not: RAZ/WI (docs/choices.md). */
static void half_a_control_register_is_razwi(void **state)
{
	struct machine *m = machine_new(1, 32, 4);

	(void)state;
	dist_write(m, 0, GICD_CTLR, 2, 0);
	assert_int_equal(dist_read(m, 0, GICD_CTLR, 2), 0);
	assert_int_equal(dist_read(m, 0, GICD_CTLR, 4) & 3, 3);
	machine_free(m);
}

/* Its priority was dropped while it was active in its list register: no end of interrupt is to come. */
static void dropped_and_cleared_leaves_no_end_to_wait_for(void **state)
{
	struct machine *m = machine_new(1, 32, 4);
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	v->image.vmcr |= VMCR_VEOIM;
	leave(v);
	vgic_enter(v->cpu, &v->image);
	vgic_pulse(m->vgic, 0, 40);
	enter(v);
	assert_int_equal(ack(v), 40);
	leave(v);
	vgic_enter(v->cpu, &v->image);
	drop(v);
	bit_write(m, 0, 40, GICD_ICACTIVER);
	assert_int_equal(v->image.hcr & HCR_LRENPIE, 0);
	assert_false(bit_read(m, 0, 40, GICD_ISACTIVER));
	machine_free(m);
}

/* vgic.h: after vgic_enter() there is nothing that it has to be called for. */
static void enter_without_list_registers_takes_what_came_in(void **state)
{
	struct machine *m = machine_without_lrs();
	struct vcpu *v = &m->vcpus[0];

	(void)state;
	leave(v);
	vgic_pulse(m->vgic, 0, 40);
	assert_true(vgic_attention(v->cpu));
	vgic_enter(v->cpu, &v->image);
	assert_false(vgic_attention(v->cpu));
	assert_int_equal(vgic_signals(v->cpu), VGIC_SIGNAL_IRQ);
	machine_free(m);
}

/* Where a second word of active priorities begins: level 64 of 128. */
static void end_of_a_cleared_active_of_priority_0x80_is_seen(void **state)
{
	struct vgic_config config = config_of(VGIC_V3, 1, 32, 4);
	struct machine *m;
	struct vcpu *v;

	(void)state;
	config.priority_bits = config.preemption_bits = 7;
	m = machine_with(config);
	v = &m->vcpus[0];
	set_priority(m, 0, 40, 0x80);
	vgic_pulse(m->vgic, 0, 40);
	enter(v);
	assert_int_equal(ack(v), 40);
	bit_write(m, 0, 40, GICD_ICACTIVER);
	assert_true(v->image.hcr & HCR_LRENPIE);
	eoi(m, v, 40);
	pass(v);
	assert_false(v->image.hcr & HCR_LRENPIE);
	machine_free(m);
}

/* A guest's mistake, on a software CPU interface: it drops a priority, and that is all. */
static void end_of_what_another_vcpu_runs_deactivates_nothing(void **state)
{
	struct machine *m = machine_new(2, 32, 0);

	(void)state;
	set_route(m, 0, 41, 1);
	for (unsigned i = 0; i < 2; i++) {
		struct vcpu *v = &m->vcpus[i];

		sysreg_write(v, VGIC_ICC_PMR_EL1, 0xf0);
		sysreg_write(v, VGIC_ICC_IGRPEN1_EL1, 1);
		vgic_pulse(m->vgic, 0, 40 + i);
		assert_int_equal(sysreg_read(v, VGIC_ICC_IAR1_EL1), 40 + i);
	}
	sysreg_write(&m->vcpus[1], VGIC_ICC_EOIR1_EL1, 40);
	assert_int_equal(sysreg_read(&m->vcpus[1], VGIC_ICC_RPR_EL1), 0xff);
	assert_int_equal(dist_read(m, 0, GICD_ISACTIVER + 4, 4), 3u << 8);
	machine_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(priority_bits_are_5_to_8),
		cmocka_unit_test(put_keeps_what_the_interface_had_then),
		cmocka_unit_test(ended_interrupt_is_nobodys),
		cmocka_unit_test(refill_writes_only_what_changed),
		cmocka_unit_test(end_with_nothing_running_has_no_effect),
		cmocka_unit_test(only_sgis_reset_as_edge_triggered),
		cmocka_unit_test(end_that_drops_no_priority_deactivates_nothing),
		cmocka_unit_test(level_that_rose_after_its_end_and_fell_can_fire_again),
		cmocka_unit_test(same_group_enables_again_stop_nobody),
		cmocka_unit_test(sources_of_any_sgi_are_not_overtaken),
		cmocka_unit_test(end_of_a_cleared_active_of_priority_0_ends_no_other),
		cmocka_unit_test(read_after_a_put_asks_again),
		cmocka_unit_test(physical_one_that_fired_again_stays_active),
		cmocka_unit_test(list_register_forgets_what_it_watched),
		cmocka_unit_test(cpendsgir_takes_the_wake_up_back),
		cmocka_unit_test(deactivation_that_need_not_wait_counts),
		cmocka_unit_test(route_of_a_mapped_interrupt_is_told_by_a_gicv2),
		cmocka_unit_test(end_without_list_registers_tells_the_next_target),
		BOTH(registers_of_bits_take_words_only),
		cmocka_unit_test(refill_goes_on_when_the_pending_ones_are_used_up),
		cmocka_unit_test(gicc_iar_and_hppir_know_what_has_just_come_in),
		cmocka_unit_test(half_a_control_register_is_razwi),
		cmocka_unit_test(dropped_and_cleared_leaves_no_end_to_wait_for),
		cmocka_unit_test(enter_without_list_registers_takes_what_came_in),
		cmocka_unit_test(end_of_a_cleared_active_of_priority_0x80_is_seen),
		cmocka_unit_test(end_of_what_another_vcpu_runs_deactivates_nothing),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("survivors", tests, NULL, NULL);
}
