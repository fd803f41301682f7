# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# Tests of what a user meets first: finding the mirror, and what the launcher says about mistakes.
# And `make memory`.

CHECK_TESTS += tests/tools/sources tests/tools/launcher tests/tools/counts

# memory: what a virtual GIC takes.
$(BUILD)/tests/tools/memory: tests/tools/memory.c $(LIB_HOST) include/carillon/vgic.h tests/tools/tools.mk
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -std=c11 -O1 -g -Wall -Wextra -Werror $(LIB_CPPFLAGS) $< $(LIB_HOST) -o $@

memory: $(BUILD)/tests/tools/memory
	$(Q)$<

.PHONY: memory
