/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What machine.c (operations) and check.c (what must hold) share. */
#ifndef TESTS_MODEL_MACHINE_INTERNAL_H
#define TESTS_MODEL_MACHINE_INTERNAL_H

#include "machine.h"

void machine_fail(struct machine *m, const char *format, ...)
	__attribute__((noreturn, format(printf, 2, 3)));

extern const struct vgic_port machine_port;
void machine_guest_deactivates(void *host, unsigned vcpu, unsigned pintid); /* HW = 1 */

int machine_library_begin(struct machine *m, int actor);
void machine_library_end(struct machine *m, int before);

/* An access to the register of `bytes` that has an interrupt; base: the offset of INTID 0. */
struct op machine_register(const struct machine *m, enum op_kind kind, const struct model_irq *irq,
			   unsigned base, unsigned bytes);
struct model_at machine_at(const struct op *op);
/* A list register of the image, in the layout of cpuif.h. */
uint64_t machine_image_lr(const struct machine *m, unsigned v, unsigned n);
/* What was taken from a list register: HW is set only for what is mapped, and can be. */
void machine_check_hw(struct machine *m, unsigned v, uint64_t lr);

uint32_t lr_mask(const struct machine *m);
void machine_exit(struct machine *m, unsigned v, bool aprs);
unsigned machine_enter(struct machine *m, unsigned v);
void machine_back(struct machine *m, unsigned v);
void machine_access(struct machine *m, unsigned v, const struct op *op);
void machine_retry(struct machine *m, unsigned v);
void machine_sample(struct machine *m, unsigned v);
void machine_load(struct machine *m, unsigned v);
void machine_load_on(struct machine *m, unsigned v, unsigned wanted);
void machine_out(struct machine *m, unsigned v); /* wherever it is: not loaded afterwards */
unsigned machine_cpus(const struct machine *m);
void machine_watch(struct machine *m, unsigned v); /* its private devices, while it is not loaded */
bool machine_pending(struct machine *m, unsigned v);
enum vgic_result machine_present(struct machine *m, unsigned v, const struct op *op,
				 uint64_t *value);
bool machine_cpu_is_free(const struct machine *m);
void machine_deliver(struct machine *m, unsigned v);
void machine_maintenance(struct machine *m, unsigned v);
void machine_source(struct machine *m, int actor, unsigned v, unsigned intid, bool pulse,
		    bool level);
void machine_device(struct machine *m, unsigned v, unsigned intid, bool level);
void machine_take(struct machine *m, unsigned v, unsigned intid);

/* guest.c */
void guest_do(struct machine *m, const struct op *op);
enum vgic_result guest_present(struct machine *m, unsigned v, const struct op *op, uint64_t *value);
void guest_done(struct machine *m, unsigned v, const struct op *op, uint64_t value);
void guest_check_nothing(struct machine *m, unsigned v, unsigned which, unsigned intid,
			 bool settled);
void machine_check_cpuif(struct machine *m, unsigned v); /* against the model, at load */
void machine_change_control(struct model_pe *pe, const struct op *op, bool eoimode1);

/* whole.c */
void whole_do(struct machine *m, const struct op *op);

/* check.c */
void machine_check_info(struct machine *m, unsigned v, unsigned intid);
/* At rest or just made: is physically active what is active for the guest? */
void machine_check_wire(struct machine *m, struct model_irq *irq, unsigned v);
void each_irq(struct machine *m, void (*see)(struct machine *, struct model_irq *, unsigned));
bool machine_settled(const struct machine *m, unsigned v);
bool machine_anyone_unsettled(const struct machine *m);
bool machine_kicked_guest(const struct machine *m, unsigned but);
bool machine_holds_back(const struct machine *m, unsigned v);
bool machine_stale_half(struct machine *m, unsigned v);
void machine_check(struct machine *m);   /* after every operation */
void machine_settle(struct machine *m);  /* everybody serves what he is asked for */
void machine_quiesce(struct machine *m); /* bring to rest, then compare */
void machine_compare(struct machine *m); /* every register of every interrupt, at rest */

#endif
