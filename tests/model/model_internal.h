/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What model.c (states, PEs) and registers.c share. */
#ifndef TESTS_MODEL_MODEL_INTERNAL_H
#define TESTS_MODEL_MODEL_INTERNAL_H

#include "model.h"

#define MODEL_ROUTE_IRM (1ull << 31)

/* An SGI of a GICv2, from one CPU: its pending state is one bit for each source. */
void model_sgi_from(struct model *m, struct model_irq *irq, unsigned source);
void model_make_inactive(struct model *m, struct model_irq *irq);
void model_end_flux(struct model_irq *irq);
bool model_end_unseen(struct model *m, struct model_irq *irq);
/* It has become inactive; with active_unsure: perhaps, and perhaps it was before. */
void model_note_end(struct model_irq *irq);

#endif
