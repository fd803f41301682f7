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
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("survivors", tests, NULL, NULL);
}
