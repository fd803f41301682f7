# SPDX-License-Identifier: Apache-2.0 OR MIT
# The programs in docs/embedding.md are built as they stand there, and print what stands there: the first in
# blocks marked "c" and "output", that for an ITS in those marked "c its" and "output its", for SDEI "sdei", for
# RISC-V "hart".

DOCS_DIR := $(BUILD)/tests/docs
DOCS_PROGRAMS := embedding embedding-its embedding-sdei embedding-hart
DOCS_MARK_embedding      :=
DOCS_MARK_embedding-its  := [ ]its
DOCS_MARK_embedding-sdei := [ ]sdei
DOCS_MARK_embedding-hart := [ ]hart
CHECK_TESTS += $(DOCS_PROGRAMS:%=$(DOCS_DIR)/%.t)
CHECK_DEPS  += $(DOCS_PROGRAMS:%=$(DOCS_DIR)/%.t)

$(DOCS_PROGRAMS:%=$(DOCS_DIR)/%.c): $(DOCS_DIR)/%.c: docs/embedding.md tests/docs/docs.mk
	@mkdir -p $(@D)
	$(Q)sed -n '/^```c$(DOCS_MARK_$*)$$/,/^```$$/{/^```/d;p}' $< >$@
$(DOCS_PROGRAMS:%=$(DOCS_DIR)/%.expected): $(DOCS_DIR)/%.expected: docs/embedding.md tests/docs/docs.mk
	@mkdir -p $(@D)
	$(Q)sed -n '/^```output$(DOCS_MARK_$*)$$/,/^```$$/{/^```/d;p}' $< >$@
$(DOCS_PROGRAMS:%=$(DOCS_DIR)/%): $(DOCS_DIR)/%: $(DOCS_DIR)/%.c $(LIB_HOST)
	$(Q)$(HOSTCC) -std=c11 -Wall -Wextra -Werror $(LIB_CPPFLAGS) $^ -o $@
$(DOCS_PROGRAMS:%=$(DOCS_DIR)/%.t): $(DOCS_DIR)/%.t: tests/docs/embedding.sh $(DOCS_DIR)/% $(DOCS_DIR)/%.expected
	$(Q)cp $< $@ && chmod +x $@
