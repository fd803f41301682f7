/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* A machine with list registers and one without, side by side. */
#ifndef TESTS_MODEL_TWIN_H
#define TESTS_MODEL_TWIN_H

#include "machine.h"

void twin_begin(struct machine *m);
/* The operation for both, then compare; false: from here on they may differ. */
bool twin_do(struct machine *m, struct machine *software, const struct op *op);

#endif
